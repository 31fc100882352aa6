"""Locks on open files, by which one program at a time writes to a place."""

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
