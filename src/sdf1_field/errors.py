"""Exceptions for users, and files that are whole or not there.

The command line prints each exception as one line and sets the exit status. Text of files that come
from others is in these messages, so that each is made `plain` and cut.
"""

import contextlib
import math
import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from sdf1_field.locks import host_number, started

ASIDE = ".writing"
"""End of the name of what holds an output that is not complete."""
OWN_FOLDER = re.compile(rf"(\d+)-([0-9a-f]{{8}})-[0-9a-f]{{16}}{re.escape(ASIDE)}")
"""Name of a folder in which one output of one program grows: process, host, random number."""
_NEW, _OLD = "new", "old"
"""Folders in it of the output, and of a folder whose name it takes."""
PROBE = ".probe"
"""Added to the name of a file that is made only to see whether it can be."""
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and line feed, those that turn the direction, and half characters."""
_LONGEST_WORD, _LONGEST = 300, 3000
"""Characters of a word, such as a path, and of a message."""


def plain(text: str) -> str:
    r"""Text without characters that act on a terminal, which are escaped.

    Examples
    --------
    >>> print(plain("\x1b[31mred\n\u202e"))
    \x1b[31mred
    \u202e
    """
    return _ACTING.sub(lambda found: ascii(found[0])[1:-1], text)


def cut(text: str) -> str:
    """One plain line without the middles of words and of a whole that are too long to be read.

    Examples
    --------
    >>> len(cut("x" * 1_000_000)) < 400
    True
    """
    line = re.sub(r"[\t\n]", " ", plain(text))
    words = re.sub(rf"\S{{{_LONGEST_WORD + 1},}}", lambda word: _ends(word[0], 200), line)
    return words if len(words) <= _LONGEST else _ends(words, _LONGEST - 500)


def _ends(text: str, first: int) -> str:
    return f"{text[:first]}...{text[-first // 4 :]}"


class _Shown(Exception):
    """A message that is cut and plain, whatever is put into it."""

    def __init__(self, *parts: object) -> None:
        super().__init__(*(cut(str(part)) for part in parts))


class Sdf1FieldError(_Shown):
    """Base of the errors that sdf1-field reports without a traceback."""

    exit_status = 1


class InputError(Sdf1FieldError):
    """The call, the model file or the data file is wrong: where, what, remedy."""

    exit_status = 2


class RunError(Sdf1FieldError):
    """A run failed although its input was valid."""


class Sdf1FieldWarning(_Shown, UserWarning):
    """A warning that does not stop the run: where, what, remedy."""


def reason_of(error: OSError) -> str:
    """Why the system refused, as it stands within a message."""
    return (error.strerror or str(error)).lower()


@contextlib.contextmanager
def readable(path: Path, remedy: str = "Check the path.") -> Iterator[None]:
    """Say in one line why a user's file could not be opened or read."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. {remedy}") from None
    except (OSError, UnicodeEncodeError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "not a name of a file"
        raise InputError(f"{path}: {reason}. {remedy}") from None
    except ValueError as error:
        if "null" not in str(error):
            raise
        raise InputError(f"{path}: not a name of a file. {remedy}") from None


def require_file(path: Path, *, most: float = math.inf, remedy: str = "Check the path.") -> int:
    """Size of a user's file [bytes].

    Parameters
    ----------
    path : pathlib.Path
    most : float
        Size that may be read [bytes].
    remedy : str
        End of the message where there is no such file.

    Raises
    ------
    InputError
        If there is none, if it is larger, or if it is a folder, a device, a pipe or a socket, which
        may never end.
    """
    with readable(path, remedy):
        found = Path(path).stat()
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path}: is a folder. Give a file.")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: is a device, pipe or socket. Give a file on a disk.")
    if found.st_size > most:
        raise InputError(
            f"{path}: has {found.st_size:,} bytes, and such a file has {most:,} at most. Check "
            "that it is the right one."
        )
    return found.st_size


def read_file(path: Path, *, most: int, remedy: str = "Check the path.") -> bytes:
    """Bytes of a user's file; raises as `require_file`."""
    require_file(path, most=most, remedy=remedy)
    # Not blocked by a pipe that takes the file's place meanwhile.
    with (
        readable(path, remedy),
        open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as stream,
    ):
        return stream.read(most + 1)[:most]


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise InputError if a file would be replaced without ``force``."""
    if path.exists() and not force:
        raise InputError(f"{path}: exists already. Choose another name, or replace it with force.")


def require_output(
    path: Path, what: str, example: str, suffixes: Sequence[str] = (), *, force: bool
) -> None:
    """Raise InputError, before anything is computed, if an output cannot have a name.

    Parameters
    ----------
    path : pathlib.Path
    what, example : str
        Of what it is the name, such as ``a movie``, and a good one.
    suffixes : sequence of str
        One of which it ends in; any if there are none.
    force : bool
        Replace an existing file.
    """
    require_place(path, f"{what}, such as {example}")
    if suffixes and path.suffix.lower() not in suffixes:
        raise InputError(
            f"{path}: not the name of {what}. Give one that ends in {', '.join(suffixes)}."
        )
    refuse_existing(path, force=force)


def require_place(path: Path, example: str) -> None:
    """Raise InputError, before anything is computed, if a file cannot be made at a path.

    Parameters
    ----------
    path : pathlib.Path
    example : str
        Of what is asked for, such as "a picture, such as run.png".
    """
    probe = path.with_name(path.name + PROBE) if path.name else path
    try:
        folder, there = path.is_dir(), path.parent.is_dir()
        if there and not folder and not os.path.lexists(probe):
            # Another program may try the same name.
            with contextlib.suppress(FileExistsError):
                probe.touch(exist_ok=False)
                probe.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written to ({reason_of(error)}). Choose another place."
        ) from None
    if folder:
        raise InputError(f"{path}: is a folder. Give the name of {example}.")
    if not there:
        raise InputError(f"{path}: there is no folder '{path.parent}'. Make it or choose another.")


def refuse_inputs(path: Path | None, *inputs: Path | None) -> None:
    """Raise InputError if an output is a file that is read."""
    if path is None or not path.exists():
        return
    if any(one is not None and one.exists() and path.samefile(one) for one in inputs):
        raise InputError(f"{path}: is read as well. Choose another name for the output.")


@contextlib.contextmanager
def written_aside(path: Path, aside: Path | None = None) -> Iterator[Path]:
    """Partial file or folder, which takes the name when it is complete and is removed if not.

    It is on the disk before it takes the name, so that a power failure leaves the old or the new. A
    folder that is replaced is renamed before, as no system replaces one in one step: a program that
    is killed between the two leaves the old beside its place, and the next call that writes there
    puts it back.

    Parameters
    ----------
    path : pathlib.Path
    aside : pathlib.Path, optional
        Of the partial file, on the same file system and in a folder to which this program alone
        writes. By default a folder of its own is made beside ``path``, so that programs that write
        to the same path do not meet, and no other user can put a link there.
    """
    if aside is not None:
        with _removed_in_the_end(aside):
            yield aside
            _sync_all(aside)
            aside.replace(path)
            sync_names(path.parent)
        return
    _clear_left(path.parent)
    own = path.parent / f"{os.getpid()}-{host_number()}-{os.urandom(8).hex()}{ASIDE}"
    try:
        try:
            own.mkdir(mode=0o700)
        except OSError as error:
            error.filename = str(path)
            raise
        partial = own / _NEW / path.name
        partial.parent.mkdir()
        yield partial
        _sync_all(partial)
        if partial.is_dir() and path.is_dir():
            (own / _OLD).mkdir()
            path.rename(own / _OLD / path.name)
        partial.replace(path)
        sync_names(path.parent)
    finally:
        _clear(own)


@contextlib.contextmanager
def _removed_in_the_end(aside: Path) -> Iterator[None]:
    remove(aside)
    try:
        yield
    finally:
        remove(aside)


def _clear_left(folder: Path) -> None:
    """Clear what programs that were killed on this host have left of outputs in a folder."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            found = name.endswith(ASIDE) and OWN_FOLDER.fullmatch(name)
            if found and found[2] == host_number() and started(int(found[1])) is None:
                _clear(folder / name)


def _clear(own: Path) -> None:
    """Remove a folder of an output, but for a folder that has lost its name, which is put back."""
    with contextlib.suppress(OSError):
        if not is_own_folder(own):
            return
        for old in (own / _OLD).iterdir() if (own / _OLD).is_dir() else ():
            if not os.path.lexists(own.parent / old.name):
                old.rename(own.parent / old.name)
        remove(own)


def is_own_folder(path: Path) -> bool:
    """Whether a path is a folder of this program's user, and no link."""
    status = path.lstat()
    others = hasattr(os, "getuid") and status.st_uid != os.getuid()
    return stat.S_ISDIR(status.st_mode) and not others


def _sync_all(path: Path) -> None:
    for part in sorted(path.rglob("*")) if path.is_dir() else ():
        sync(part)
    sync(path)


def sync_names(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where it can do that for folders."""
    # Some network disks cannot.
    with contextlib.suppress(OSError):
        sync(folder)


def write_whole(path: Path, text: str) -> None:
    """Write a text file by `written_aside`."""
    with written_aside(path) as partial:
        partial.write_text(text, encoding="utf-8")


def sync(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, are on the disk.

    Windows opens no folder, whose names it keeps in a journal of its own, and flushes only files
    that may be written to.
    """
    try:
        descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    except PermissionError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def replaced_when_whole(path: Path) -> Iterator[Path]:
    """`written_aside` for files that users name.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        with written_aside(path) as partial:
            yield partial
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}. Choose another place.") from None


def remove(path: Path) -> None:
    """Remove a file or folder, as far as it can be."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        path.unlink()
