"""Whether this machine has the memory that a run takes."""

import contextlib
import os
from pathlib import Path

from sdf1_field.errors import InputError
from sdf1_field.record.size import expected_size
from sdf1_field.spec import Model
from sdf1_field.units import bytes_text


def require_memory(model: Model) -> None:
    """Raise InputError if solving a model takes more memory than this machine has free."""
    _, memory = expected_size(model.spec)
    available = _available_memory()
    if memory > available:
        raise InputError(
            f"{model.name}: needs about {bytes_text(memory)} of memory, and this machine has "
            f"{bytes_text(available)} free. Raise grid.spacing, or make the dish smaller."
        )


def _available_memory() -> float:
    """Memory [bytes] that is free, or all there is where the system does not say."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * float(line.split()[1])
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
