"""Whether this machine has the memory that a run takes, and how a large run uses it."""

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

import psutil

from sdf1_field.errors import InputError
from sdf1_field.record.size import expected_size
from sdf1_field.spec import Model
from sdf1_field.units import bytes_text

_GROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of glibc's ``mallopt``: free memory beyond which it is returned to the system [bytes],
and the number of blocks that come from the system directly."""
_MOST_BYTES = 2**31 - 1
_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
"""Files with a control group's limit and usage, and the part of the usage that is given back."""


def require_memory(model: Model) -> None:
    """Raise InputError if solving a model takes more memory than is free."""
    _, memory = expected_size(model.spec)
    available = available_memory()
    if memory > available:
        raise InputError(
            f"{model.name}: needs about {bytes_text(memory)} of memory, and this machine has "
            f"{bytes_text(available)} free. Raise grid.spacing, or make the dish smaller."
        )


def keep_freed_memory() -> None:
    """Keep memory that large arrays give back, for the next ones, until this process ends.

    By default the C library returns every array above 32 MB to the system, and the next one costs
    as much in fresh pages as in arithmetic. Does nothing where the C library is not glibc.
    """
    # Windows has no library without a name, macOS no such function.
    with contextlib.suppress(TypeError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, _MOST_BYTES)
        mallopt(_MMAP_MAX, 0)


def available_memory(own: Path = _OWN, groups: Path = _GROUPS) -> float:
    """Memory [bytes] free on the machine and within the limits of this process's control groups.

    Containers and batch systems limit memory by control groups, of version 1 or 2; a limit of a
    parent group holds as well.

    Parameters
    ----------
    own : Path
        File that lists the process's groups.
    groups : Path
        Folder of all groups.
    """
    free = float(psutil.virtual_memory().available)
    return max(min([free, *_free_in_groups(own, groups)]), 0.0)


def _free_in_groups(own: Path, groups: Path) -> Iterator[float]:
    """Memory [bytes] left under each limit of the process's groups and their parents."""
    try:
        lines = own.read_text(encoding="ascii").splitlines()
    except OSError:
        # Not Linux.
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root, names = (groups / "memory", _V1) if controllers else (groups, _V2)
        group = root / place.lstrip("/")
        # Within a container the group's own folder may not be visible, only the root.
        for folder in (group, *group.parents):
            yield from _free_in_group(folder, names)
            if folder == root:
                break


def _free_in_group(folder: Path, names: tuple[str, str, str]) -> Iterator[float]:
    """Memory [bytes] left under a group's limit, if it has one."""
    limit, usage, reclaimable = names
    try:
        most = (folder / limit).read_text(encoding="ascii").strip()
        if most == "max":
            return
        used = int((folder / usage).read_text(encoding="ascii"))
        statistics = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
        caches = (line.split() for line in statistics)
        cached = sum(int(value) for name, value in caches if name == reclaimable)
        yield float(int(most) - (used - cached))
    except (OSError, ValueError):
        # No such group or a file of another form: no limit is known.
        return
