"""Exceptions for users, and files that are whole or not there.

The command line prints each exception as one line and sets the exit status.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


class Sdf1FieldError(Exception):
    """Base of the errors that sdf1-field reports without a traceback."""

    exit_status = 1


class InputError(Sdf1FieldError):
    """The call, the model file or the data file is wrong: where, what, remedy."""

    exit_status = 2


class RunError(Sdf1FieldError):
    """A run failed although its input was valid."""


class Sdf1FieldWarning(UserWarning):
    """A warning that does not stop the run: where, what, remedy."""


def reason_of(error: OSError) -> str:
    """Why the system refused, as it stands within a message."""
    return (error.strerror or str(error)).lower()


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say in one line why a user's file could not be opened or read."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. Check the path.") from None
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}. Check the path.") from None


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise InputError if a file would be replaced without ``force``."""
    if path.exists() and not force:
        raise InputError(f"{path}: exists already. Choose another name, or replace it with force.")


def refuse_inputs(path: Path | None, *inputs: Path | None) -> None:
    """Raise InputError if an output is a file that is read."""
    if path is None or not path.exists():
        return
    if any(one is not None and one.exists() and path.samefile(one) for one in inputs):
        raise InputError(f"{path}: is read as well. Choose another name for the output.")


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Partial file or folder, which takes the name when it is complete and is removed if not."""
    partial = path.with_name(path.name + ".partial")
    _remove(partial)
    if os.path.lexists(partial):
        # In /tmp another user's link could have this program write to any file of its own user.
        raise PermissionError(errno.EPERM, f"{partial} belongs to another user", str(partial))
    try:
        yield partial
        if partial.is_dir() and path.is_dir():
            shutil.rmtree(path)
        partial.replace(path)
    finally:
        _remove(partial)


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


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        path.unlink()
