"""Messages that are plain lines, and files that are files, whole or not there."""

import os

import pytest

from sdf1_field import errors, open_run
from sdf1_field.errors import (
    InputError,
    cut,
    plain,
    read_file,
    replaced_when_whole,
    require_file,
)
from sdf1_field.record import claim_output
from sdf1_field.record.paths import only_writer


def test_a_link_that_another_user_put_in_the_way_is_not_written_through(tmp_path, monkeypatch):
    precious, link = tmp_path / "precious", tmp_path / f"table.csv{errors.ASIDE}"
    precious.write_text("precious", encoding="utf-8")
    link.symlink_to(precious)
    # In a sticky folder such as /tmp the other user's link cannot be removed.
    monkeypatch.setattr(errors, "_remove", lambda _: None)
    with (
        pytest.raises(InputError, match=f"table.csv{errors.ASIDE} belongs to another user"),
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


def test_a_folder_is_written_whole_where_the_system_opens_no_folders(tmp_path, monkeypatch):
    opened = os.open

    def open_file(path, *rest, **options):
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *rest, **options)

    monkeypatch.setattr(os, "open", open_file)
    with replaced_when_whole(tmp_path / "tracks.geff") as partial:
        (partial / "deeper").mkdir(parents=True)
        (partial / "deeper" / "file").write_text("text", encoding="utf-8")
    assert (tmp_path / "tracks.geff" / "deeper" / "file").read_text(encoding="utf-8") == "text"


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


def refusal(path, **how):
    with pytest.raises(InputError) as refused:
        require_file(path, **how)
    return str(refused.value)


def test_a_message_is_one_plain_line_whatever_is_in_it():
    text = str(InputError("\x1b]0;mine\x07\x9b31m\u202e", "a\nb\udc80"[:4]))
    assert not any(c in text for c in "\x1b\x07\x9b\u202e\udc80\n")
    assert plain("a\tb\nµm² – “x”") == "a\tb\nµm² – “x”"


def test_a_message_keeps_its_beginning_and_its_remedy():
    long = cut(f"m.toml: key: {'x' * 10**6} is wrong. Mend it.")
    assert len(long) < 400
    assert long.startswith("m.toml: key: xxx")
    assert long.endswith("xxx is wrong. Mend it.")
    assert len(cut("many words " * 10**5)) < 4000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_only_a_regular_file_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert refusal(tmp_path / "pipe").endswith(
        "is a device, pipe or socket. Give a file on a disk."
    )
    assert "is a device" in refusal(tmp_path / "zero")
    assert "symbolic links" in refusal(tmp_path / "loop")
    assert "is a folder" in refusal(tmp_path)
    assert "no such file. Check --prior." in refusal(tmp_path / "none", remedy="Check --prior.")
    assert "not a name of a file" in refusal(tmp_path / "a\0b")


def test_a_file_is_read_up_to_its_limit(tmp_path):
    (tmp_path / "five").write_bytes(b"12345")
    assert read_file(tmp_path / "five", most=5) == b"12345"
    assert "has 5 bytes, and such a file has 4 at most" in refusal(tmp_path / "five", most=4)
