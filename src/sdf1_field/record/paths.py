"""Files of a run on its way to disk: their names, checks before it, and the lock on them."""

import contextlib
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sdf1_field.errors import InputError, is_own_folder, refuse_existing, require_place
from sdf1_field.locks import flock, host_number, started
from sdf1_field.record.names import require_openable

_PARTIAL = ".partial"
LOCK = "lock"
"""File of a run's folder that its writer locks, with the writer's process and host."""
_CHECKPOINT = "state.npz"
_WRITER = "process {process} on {host}\n{number} {since}\n"
"""Content of a lock; the second line is read where files cannot be locked."""
_LONGEST = 400
"""Characters of a lock that are read."""
_MOMENT = 0.1
"""Time after which a lock is tried again [s]: a reader holds it while it looks."""
_SAME = 1.0
"""Difference between two readings of when a process started [s]."""


class _Writer(NamedTuple):
    """Process that writes to a run, and whether it is only taken to be there."""

    name: str
    unsure: bool


def partial_path(path: Path) -> Path:
    """Folder in which a run grows."""
    return path.with_name(path.name + _PARTIAL)


def checkpoint_path(path: Path) -> Path:
    """State from which an interrupted run goes on, in its folder."""
    return partial_path(path) / _CHECKPOINT


def unfinished(path: Path) -> Path | None:
    """Run file that a path stands for which is not complete, given by its name or its folder's.

    Examples
    --------
    >>> unfinished(Path("missing.nc.partial")) is None
    True
    """
    if path.is_dir() and path.suffix == _PARTIAL:
        return path.with_name(path.name.removesuffix(_PARTIAL))
    return path if not path.exists() and partial_path(path).is_dir() else None


def writer_of(path: Path) -> str | None:
    """Process and host that write to a run file now; None if none does."""
    writer = _writer(path)
    return None if writer is None else writer.name


def _writer(path: Path) -> _Writer | None:
    try:
        with (partial_path(path) / LOCK).open(encoding="utf-8", errors="replace") as lock:
            return _holder(lock.fileno(), lock.read(_LONGEST), shared=True)
    except OSError:
        return None


def claim_output(path: Path, *, force: bool, resume: bool) -> None:
    """Check that a run may be written to a path, before anything is computed.

    Raises
    ------
    InputError
        If the file exists and may not be replaced, if another run writes to it, if an interrupted
        run would be lost, if there is nothing to resume, or if the folder is missing or cannot be
        written to.
    """
    require_place(path, "a file, such as run.nc")
    if path.suffix != ".nc":
        raise InputError(f"{path}: not the name of a run file. Give one that ends in .nc.")
    require_openable(path)
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"{path}: cannot be written to. Choose another place.")
    writer = _writer(path)
    if writer is not None:
        raise _is_written(path, writer)
    left = partial_path(path)
    if left.is_file() and not force:
        raise InputError(
            f"{left}: left by an earlier version of sdf1-field, whose runs cannot be resumed. "
            "Start over with force."
        )
    if resume:
        if not left.is_dir():
            raise InputError(
                f"{path}: there is no interrupted run to resume. Solve it without resume."
            )
        return
    refuse_existing(path, force=force)
    if checkpoint_path(path).exists() and not force:
        raise InputError(
            f"{left}: left by an interrupted run. Go on with resume, or start over with force."
        )


@contextlib.contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Make a run's folder and hold its lock, which is free again however the process ends.

    In the end the folder is removed if the run has left nothing in it.

    Raises
    ------
    InputError
        If another run holds it.
    """
    folder = partial_path(path)
    if folder.is_file():
        folder.unlink()
    name = folder / LOCK
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(exist_ok=True)
            _require_own(folder)
            lock = stack.enter_context(name.open("a+", encoding="utf-8", errors="replace"))
            # The last holder may have removed the name since it was opened.
            lock.seek(0)
            text = lock.read(_LONGEST)
            alone = _holder(lock.fileno(), text) is None
            if not alone:
                time.sleep(_MOMENT)
                alone = _holder(lock.fileno(), text) is None
            alone = alone and os.path.samestat(name.stat(), os.fstat(lock.fileno()))
        except FileNotFoundError:
            alone = False
        if not alone:
            raise _is_written(path, _writer(path) or _Writer("another", unsure=False))
        lock.truncate(0)
        lock.write(
            _WRITER.format(
                process=os.getpid(), host=socket.gethostname(), number=host_number(),
                since=started(os.getpid()),
            )
        )  # fmt: skip
        lock.flush()
        try:
            yield
        finally:
            if [one.name for one in folder.iterdir()] == [LOCK]:
                name.unlink()
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _require_own(folder: Path) -> None:
    """Refuse a run's folder that is a link or another user's: all in it is removed in the end.

    In /tmp another user could have put it there.
    """
    if not is_own_folder(folder):
        raise InputError(
            f"{folder}: is a link or belongs to another user. Choose another name for the run."
        )


def _is_written(path: Path, writer: _Writer) -> InputError:
    remedy = "Wait for it, or choose another name"
    if writer.unsure:
        remedy += f"; if it has ended, delete {partial_path(path) / LOCK}"
    return InputError(f"{path}: is being written by another run ({writer.name}). {remedy}.")


def _holder(descriptor: int, text: str, *, shared: bool = False) -> _Writer | None:
    """Writer that holds a lock, by the text in it; None if the file is locked now.

    Where files cannot be locked, a writer of this host is asked for, and one on another host, or in
    another container, is taken to be there.
    """
    name = text.partition("\n")[0].strip()
    try:
        flock(descriptor, shared=shared)
    except BlockingIOError:
        return _Writer(name, unsure=False)
    except OSError:
        found = re.match(r"process (\d+) on (.*)(?:\n(\w+) (\d+\.\d+|nan)\n)?", text)
        if found is None:
            return None
        process, host, number, since = found.groups()
        if (number or host) != (host_number() if number else socket.gethostname()):
            return _Writer(name, unsure=True)
        now = started(int(process))
        # Another process may have got the number.
        if now is None or (since and abs(now - float(since)) > _SAME):
            return None
        return _Writer(name, unsure=False)
    return None
