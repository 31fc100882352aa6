"""Files of a run on its way to disk: their names, checks before it, and the lock on them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from sdf1_field.errors import InputError, reason_of, refuse_existing
from sdf1_field.locks import flock
from sdf1_field.record.names import require_openable

_PARTIAL = ".partial"


def partial_path(path: Path) -> Path:
    """Name of a run file while it grows, and of the copy to look at that an interruption leaves."""
    return path.with_name(path.name + _PARTIAL)


def whole_path(path: Path) -> Path:
    """Inverse of `partial_path`; another name is returned as it is."""
    return path.with_name(path.name.removesuffix(_PARTIAL))


def resumable_path(path: Path) -> Path:
    """Name of the file from which an interrupted run goes on."""
    return path.with_name(path.name + ".resume")


def checkpoint_path(path: Path) -> Path:
    """Name of the state from which an interrupted run goes on."""
    return path.with_name(path.name + ".state.npz")


def leftover(path: Path) -> Path | None:
    """File that a run left which was not completed; None if there is none."""
    return next((p for p in (partial_path(path), resumable_path(path)) if p.exists()), None)


def remove_leftovers(path: Path) -> None:
    """Remove everything that a run left which was not completed."""
    for name in (partial_path, resumable_path, checkpoint_path):
        name(path).unlink(missing_ok=True)


def claim_output(path: Path, *, force: bool, resume: bool) -> None:
    """Check that a run may be written to a path, before anything is computed.

    Raises
    ------
    InputError
        If the file exists and may not be replaced, if an interrupted run would be lost, if there
        is nothing to resume, or if the folder is missing or cannot be written to.
    """
    elsewhere = "Choose another place."
    try:
        folder, there = path.is_dir(), path.parent.is_dir()
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}. {elsewhere}") from None
    if folder:
        raise InputError(f"{path}: is a folder. Give the name of a file, such as run.nc.")
    if path.suffix != ".nc":
        raise InputError(f"{path}: not the name of a run file. Give one that ends in .nc.")
    if not there:
        raise InputError(f"{path}: there is no folder '{path.parent}'. Make it or choose another.")
    require_openable(path)
    probe = path.with_name(path.name + ".probe")
    try:
        probe.touch()
        probe.unlink()
        occupied = path.exists() and not os.access(path, os.W_OK)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written to ({reason_of(error)}). {elsewhere}"
        ) from None
    if occupied:
        raise InputError(f"{path}: cannot be written to. {elsewhere}")
    left, interrupted = leftover(path), checkpoint_path(path).exists()
    if resume:
        if left is None:
            raise InputError(
                f"{path}: there is no interrupted run to resume. Solve it without resume."
            )
        if not interrupted:
            raise InputError(
                f"{left}: left by a run that failed or was killed, or is still being written; "
                "there is no state to go on from. Wait for it, or start over with force."
            )
        return
    refuse_existing(path, force=force)
    if force:
        return
    if left is not None and interrupted:
        raise InputError(
            f"{left}: left by an interrupted run. Go on with resume, or start over with force."
        )
    if left is not None:
        raise InputError(
            f"{left}: is being written by another run, or was left by one that failed or was "
            "killed. Wait for it, choose another name, or start over with force."
        )


@contextlib.contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Hold the lock of a run file; the operating system frees it however the process ends.

    Raises
    ------
    InputError
        If another run holds it.
    """
    name = path.with_name(path.name + ".lock")
    with name.open("w", encoding="utf-8") as lock:
        try:
            flock(lock.fileno())
            # The last holder may have removed the name since it was opened.
            alone = name.exists() and os.path.samestat(name.stat(), os.fstat(lock.fileno()))
        except BlockingIOError:
            alone = False
        except OSError:
            alone = True  # no locks here
        if not alone:
            raise InputError(
                f"{path}: is being written by another run. Wait for it, or choose another name."
            )
        try:
            yield
        finally:
            name.unlink(missing_ok=True)
