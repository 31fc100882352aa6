"""What the machine is and can do: bandwidth of its memory, 2D transforms, versions."""

import importlib.metadata
import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from benchmarks.measure import Result, passes, peak_memory, timed

Array = NDArray[np.float64]

DISTRIBUTIONS = (
    "sdf1-field", "numpy", "scipy", "numba", "llvmlite", "FiPy", "py-pde", "devito",
    "sympy", "netCDF4", "xarray", "matplotlib",
)  # fmt: skip
_SMALLEST_ARRAY = 2**28
"""Of the bandwidth's three arrays [bytes]; twice the last cache where that is more."""
_SHARE_OF_MEMORY = 0.12
_TRIADS = 5


def transform_pair(values: Array) -> float:
    """Wall time of one forward and one inverse cosine transform [s]."""

    def pair() -> Array:
        modes = scipy.fft.dctn(values, type=2, norm="ortho")
        back: Array = scipy.fft.idctn(modes, type=2, norm="ortho")
        return back

    return timed(pair)[0]


def transforms(sides: tuple[int, ...]) -> dict[str, float]:
    """Median times of a pair for square floors [s]."""
    rng = np.random.default_rng(1)
    times = {}
    for side in sides:
        values = rng.random((side, side))
        times[f"{side}"] = passes(lambda values=values: transform_pair(values))
    return times


def last_cache() -> int:
    """Size of the largest cache that the system knows of [bytes], or 0."""
    sizes = [0]
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text(encoding="ascii").strip()
        unit = {"K": 2**10, "M": 2**20, "G": 2**30}.get(text[-1], 1)
        sizes.append(int(text.rstrip("KMG")) * unit)
    return max(sizes)


def bandwidth(array_bytes: int) -> float:
    """Best of some triads ``a = b + s c`` on one thread [bytes/s].

    24 bytes are counted for each element, as STREAM does; what a cache reads before it writes
    comes on top.

    References
    ----------
    McCalpin (1995) IEEE TCCA Newsletter, https://www.cs.virginia.edu/stream/.
    """
    import numba

    @numba.njit
    def triad(a: Array, b: Array, c: Array, s: float) -> None:
        for i in range(a.size):
            a[i] = b[i] + s * c[i]

    count = array_bytes // 8
    a, b, c = np.zeros(count), np.full(count, 1.0), np.full(count, 2.0)
    triad(a[:8], b[:8], c[:8], 3.0)
    best = min(timed(lambda: triad(a, b, c, 3.0))[0] for _ in range(_TRIADS))
    return 24.0 * count / best


def measure(*, quick: bool) -> Result:
    """Bandwidth and transforms, in one process."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    size = max(_SMALLEST_ARRAY, 2 * last_cache())
    size = 2**20 if quick else min(size, int(_SHARE_OF_MEMORY * memory))
    begin = time.perf_counter()
    speed = bandwidth(size)
    return Result(
        seconds=time.perf_counter() - begin,
        facts={
            "bandwidth [bytes/s]": speed,
            "array [bytes]": size,
            "transform pairs [s]": transforms((20, 50) if quick else (100, 1000)),
        },
        peak=peak_memory(),
    )


def description() -> dict[str, Any]:
    """Processor, cores, memory, system, and the versions of everything."""
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    versions = {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory [bytes]": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "last cache [bytes]": last_cache(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }
