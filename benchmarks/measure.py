"""What a case reports: times, memory, errors."""

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PASS_TIME = 0.5
"""A case that is over sooner is repeated in its process for about that long [s]."""
_MOST_PASSES = 2000


@dataclass
class Result:
    """Outcome of one case in one process.

    Parameters
    ----------
    seconds : float
        The timed part; the median of the passes where it was repeated.
    set_up : dict
        What came before it, by name [s].
    errors : dict
        By what they are of; relative.
    facts : dict
        Whatever else is worth knowing.
    imported, peak : int
        Resident memory after imports and compilation, and the most there was [bytes].
    """

    seconds: float
    set_up: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    imported: int = 0
    peak: int = 0

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def peak_memory(process: int | str = "self") -> int:
    """Most memory a process has held so far [bytes]; 0 if it is over.

    From ``/proc`` where there is one: `resource` counts what the parent held before it started
    the process, too.
    """
    status = Path(f"/proc/{process}/status")
    try:
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    if process != "self":
        return 0
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def imported_memory() -> int:
    """Memory that imports and compilation left behind [bytes]; `peak_memory` begins anew."""
    if _FORGET.exists():
        _FORGET.write_text("5", encoding="ascii")
    return peak_memory()


_FORGET = Path("/proc/self/clear_refs")


def timed(action: Callable[[], T]) -> tuple[float, T]:
    """Wall time of a call [s], and its value."""
    begin = time.perf_counter()
    value = action()
    return time.perf_counter() - begin, value


def passes(action: Callable[[], float], *, for_seconds: float = PASS_TIME) -> float:
    """Median of an action's own time [s], taken as often as the time allows, at least once."""
    begin, seconds = time.perf_counter(), [action()]
    while time.perf_counter() - begin < for_seconds and len(seconds) < _MOST_PASSES:
        seconds.append(action())
    return statistics.median(seconds)
