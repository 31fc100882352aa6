"""Locks on open files, by which one program at a time writes to a place, and who is alive."""

import math
import os
import zlib

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    LOCKS = False
else:
    LOCKS = True


def flock(descriptor: int, *, shared: bool = False) -> None:
    """Lock an open file or folder until it is closed, however the process ends; without waiting.

    Raises
    ------
    BlockingIOError
        If another program holds the lock.
    OSError
        Where there are no locks: on some network disks, and on Windows.
    """
    if not LOCKS:
        raise OSError("this system has no such locks")
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    fcntl.flock(descriptor, kind | fcntl.LOCK_NB)


def host_number() -> str:
    """Eight digits for the host and the numbering of its processes, which containers have."""
    import socket

    try:
        numbering = os.readlink("/proc/self/ns/pid")
    except OSError:
        numbering = ""
    return f"{zlib.crc32(f'{socket.gethostname()} {numbering}'.encode()):08x}"


def started(process: int) -> float | None:
    """Time from this system's start to that of a process [s], which tells it from a later one.

    Both are shifted alike when the clock is set. None if there is no such process, NaN if its time
    is not told.
    """
    # Its library takes longer to load than a command that writes nothing may take.
    import psutil

    try:
        boot, found = psutil.boot_time(), psutil.Process(process)
        return None if found.status() == psutil.STATUS_ZOMBIE else found.create_time() - boot
    except psutil.NoSuchProcess:
        return None
    except (psutil.Error, OverflowError):
        return math.nan
