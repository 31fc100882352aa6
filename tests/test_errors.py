"""Files that are whole or not there, also where other users can write."""

import os

import pytest

from sdf1_field import errors, open_run
from sdf1_field.errors import InputError, replaced_when_whole
from sdf1_field.record import claim_output
from sdf1_field.record.paths import only_writer


def test_a_link_that_another_user_put_in_the_way_is_not_written_through(tmp_path, monkeypatch):
    precious, link = tmp_path / "precious", tmp_path / f"table.csv{errors.ASIDE}"
    precious.write_text("precious", encoding="utf-8")
    link.symlink_to(precious)
    # In a sticky folder such as /tmp the other user's link cannot be removed.
    monkeypatch.setattr(errors, "_remove", lambda _: None)
    with (
        pytest.raises(InputError, match=r"table.csv.* belongs to another user"),
        replaced_when_whole(tmp_path / "table.csv") as partial,
    ):
        partial.write_text("table", encoding="utf-8")
    assert precious.read_text(encoding="utf-8") == "precious"
    monkeypatch.undo()
    with replaced_when_whole(tmp_path / "table.csv") as partial:
        partial.write_text("table", encoding="utf-8")
    assert precious.read_text(encoding="utf-8") == "precious"
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == "table"


@pytest.mark.skipif(os.name != "posix", reason="a backslash is a separator elsewhere")
@pytest.mark.parametrize(
    ("name", "text"), [(b"a\\b.nc", "a backslash"), (b"run-\xff.nc", "a byte that is not UTF-8")]
)
def test_a_name_that_the_netcdf_library_cannot_open_is_refused_as_that(tmp_path, name, text):
    path = tmp_path / os.fsdecode(name)
    with pytest.raises(InputError, match=f"has {text}"):
        claim_output(path, force=False, resume=False)
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(InputError, match=f"has {text}"):
        open_run(path)


def test_the_folder_of_a_run_is_no_link_and_no_other_users(tmp_path, monkeypatch):
    precious, link = tmp_path / "precious", tmp_path / "run.nc.partial"
    precious.mkdir()
    (precious / "thesis.txt").touch()
    link.symlink_to(precious)
    text = r"run\.nc\.partial: is a link or belongs to another user"
    with pytest.raises(InputError, match=text), only_writer(tmp_path / "run.nc"):
        raise AssertionError
    assert [path.name for path in precious.iterdir()] == ["thesis.txt"]
    link.unlink()
    link.mkdir()
    user = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    with pytest.raises(InputError, match=text), only_writer(tmp_path / "run.nc"):
        raise AssertionError
