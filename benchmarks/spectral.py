"""P1 as a short NumPy and SciPy script, by cosine modes in all three directions.

On equal cells the finite volumes are diagonal in these modes: each has its steady amplitude less a
part that decays. From stop to stop the decaying parts are multiplied by one and the same array, and
the floor is an inverse transform of their sum over the modes in z. Exact but for round-off.
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from benchmarks.measure import Result, imported_memory, passes, peak_memory, timed
from benchmarks.problems import Problem, floor_errors

Array = NDArray[np.float64]


def _begun(problem: Problem) -> tuple[Array, Array]:
    """Decaying parts at the start by mode, the floor's share of each, and their decay."""

    def rates(count: int) -> Array:
        angle = 0.5 * np.pi * np.arange(count) / count
        values: Array = problem.diffusivity * (2.0 / problem.spacing * np.sin(angle)) ** 2
        return values

    lateral = rates(problem.ny)[:, None] + rates(problem.nx) + problem.loss_rate
    every = rates(problem.nz)[:, None, None] + lateral
    share = scipy.fft.dct(np.eye(problem.nz)[0], norm="ortho") ** 2
    source = scipy.fft.dctn(problem.rates() / problem.cell_volume, norm="ortho")
    return share[:, None, None] * source / every, np.exp(-every * problem.every)


def _march(decaying: Array, decay: Array, stops: int) -> list[Array]:
    """Floor at every stop; the decaying parts change in place."""
    steady, floors = decaying.sum(axis=0), []
    for _ in range(stops):
        decaying *= decay
        floors.append(scipy.fft.idctn(steady - decaying.sum(axis=0), norm="ortho"))
    return floors


def transient(problem: Problem, floors: Array) -> Result:
    """Floor at every stop, the preparation of the modes included.

    Parameters
    ----------
    problem : Problem
    floors : ndarray, shape (stop, ny, nx)
        Exact, at every stop.
    """
    imported = imported_memory()
    found: list[Array] = []

    def once() -> float:
        seconds, found[:] = timed(lambda: _march(*_begun(problem), len(problem.stops)))
        return seconds

    seconds = passes(once)
    return Result(
        seconds=seconds,
        errors=floor_errors(np.array(found), floors),
        facts={"modes": problem.nx * problem.ny * problem.nz},
        imported=imported,
        peak=peak_memory(),
    )
