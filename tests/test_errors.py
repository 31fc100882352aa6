"""Messages that are plain lines, and files that are files, whole or not there."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sdf1_field import errors, open_run
from sdf1_field.errors import (
    InputError,
    cut,
    plain,
    read_file,
    replaced_when_whole,
    require_file,
    write_whole,
)
from sdf1_field.locks import host_number
from sdf1_field.record import claim_output
from sdf1_field.record.paths import only_writer


def test_no_other_user_can_put_a_link_where_an_output_grows(tmp_path):
    precious, path = tmp_path / "precious", tmp_path / "table.csv"
    precious.write_text("precious", encoding="utf-8")
    for planted in (f"table.csv{errors.ASIDE}", "table.csv"):
        (tmp_path / planted).symlink_to(precious)
    with replaced_when_whole(path) as partial:
        own = partial.parents[1]
        assert own.parent == tmp_path
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
        partial.write_text("table", encoding="utf-8")
    assert precious.read_text(encoding="utf-8") == "precious"
    assert path.read_text(encoding="utf-8") == "table"
    assert not path.is_symlink()


def test_two_writers_of_one_output_leave_that_of_the_last_whole(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old", encoding="utf-8")
    with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
        one = first.enter_context(replaced_when_whole(path))
        with one.open("w", encoding="utf-8") as stream:
            stream.write("one, ")
            stream.flush()
            other = second.enter_context(replaced_when_whole(path))
            other.write_text("other, half", encoding="utf-8")
            stream.write("whole")
        assert path.read_text(encoding="utf-8") == "old"
        first.close()
        assert path.read_text(encoding="utf-8") == "one, whole"
        other.write_text("other, whole", encoding="utf-8")
        second.close()
    assert path.read_text(encoding="utf-8") == "other, whole"
    assert [left.name for left in tmp_path.iterdir()] == ["table.csv"]


def test_a_writer_that_fails_leaves_the_output_of_another(tmp_path):
    path = tmp_path / "table.csv"
    with replaced_when_whole(path) as one:
        one.write_text("whole", encoding="utf-8")
        with pytest.raises(InputError, match="is a directory"), replaced_when_whole(path) as other:
            other.write_bytes(other.parent.read_bytes())
    assert path.read_text(encoding="utf-8") == "whole"


KILLED = """
import os, pathlib, signal, sys
from sdf1_field.errors import replaced_when_whole
path, moment = pathlib.Path(sys.argv[1]), sys.argv[2]
replace = pathlib.Path.replace
def killed(*paths):
    if moment == "renamed":
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*paths)
pathlib.Path.replace = killed
with replaced_when_whole(path) as partial:
    partial.mkdir()
    (partial / "file").write_text("new")
    if moment == "half":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["half", "renamed"])
def test_a_killed_writer_of_a_folder_loses_nothing_and_the_next_removes_what_it_left(
    tmp_path, moment
):
    path = tmp_path / "tracks.geff"
    path.mkdir()
    (path / "file").write_text("old", encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", KILLED, path, moment], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.exists() == (moment == "half")
    foreign = tmp_path / f"1-00000000-{'0' * 16}{errors.ASIDE}"
    foreign.mkdir()
    with replaced_when_whole(tmp_path / "other.csv") as partial:
        assert (path / "file").read_text(encoding="utf-8") == "old"
        partial.write_text("other", encoding="utf-8")
    foreign.rmdir()
    with replaced_when_whole(path) as partial:
        partial.mkdir()
        (partial / "file").write_text("new", encoding="utf-8")
    assert (path / "file").read_text(encoding="utf-8") == "new"
    assert sorted(left.name for left in tmp_path.iterdir()) == ["other.csv", "tracks.geff"]


def test_a_folder_that_cannot_be_replaced_keeps_its_name(tmp_path, monkeypatch):
    path = tmp_path / "tracks.geff"
    path.mkdir()
    (path / "file").write_text("old", encoding="utf-8")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputError, match="no space left"), replaced_when_whole(path) as partial:
        partial.mkdir()
    assert (path / "file").read_text(encoding="utf-8") == "old"
    assert [left.name for left in tmp_path.iterdir()] == ["tracks.geff"]


def test_what_looks_like_a_dead_programs_folder_and_is_a_link_stays(tmp_path):
    mine = tmp_path / "mine"
    (mine / "old").mkdir(parents=True)
    (mine / "old" / "thesis.txt").touch()
    place = tmp_path / "shared"
    place.mkdir()
    (place / f"{2**22 + 1}-{host_number()}-{'0' * 16}{errors.ASIDE}").symlink_to(mine)
    write_whole(place / "table.csv", "table")
    assert (mine / "old" / "thesis.txt").exists()
    assert len(list(place.iterdir())) == 2


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
