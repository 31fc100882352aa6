"""How much of large runs a page has: places of the fields, and frames."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.record import model_of

BYTES_PER_PLACE = 0.27
"""Of a field's value in a page: of co-cultures; of coarse fields up to twice as many."""
_COARSEST = 128
"""Places along the longer side of a field that thinning leaves at least."""


def every(count: int, step: int) -> tuple[int, ...]:
    """Every so many of a run's frames, with the last, by which it is judged.

    Examples
    --------
    >>> every(10, 4)
    (1, 5, 9)
    """
    return tuple(range((count - 1) % step, count, step))


def middles(length: int, step: int) -> NDArray[np.intp]:
    """Of each ``step`` successive places the middle one, of the last ones at most the last.

    Examples
    --------
    >>> middles(7, 3).tolist()
    [1, 4, 6]
    """
    found: NDArray[np.intp] = np.minimum(np.arange(0, length, step) + step // 2, length - 1)
    return found


def grid_steps(
    runs: Sequence[xr.Dataset], frames: Sequence[Sequence[int]]
) -> Iterator[tuple[list[int], int]]:
    """Places of each run's grid in x and y that become one, from none to the coarsest floors.

    Parameters
    ----------
    runs : sequence of xarray.Dataset
    frames : sequence of sequence of int
        Of each run, those that are shown.

    Yields
    ------
    list of int
        For each run.
    int
        Values of all fields in the page.
    """
    sides = [max(run.sizes["x"], run.sizes["y"]) for run in runs]
    largest = max(sides)
    for step in range(1, max(largest // _COARSEST, 1) + 1):
        steps = [math.ceil(side / math.ceil(largest / step)) for side in sides]
        values = sum(
            len(own) * _places(run, coarse)
            for run, own, coarse in zip(runs, frames, steps, strict=True)
        )
        yield steps, values


def _places(run: xr.Dataset, step: int) -> int:
    """Values of a run's dissolved and bound ligands in a frame."""
    floor = math.ceil(run.sizes["x"] / step) * math.ceil(run.sizes["y"] / step)
    return 2 * len(model_of(run).spec.solved_ligands) * floor


def thinning_notes(run: xr.Dataset, frames: Sequence[int], step: int) -> list[str]:
    """Sentences about what of a run a page does not have."""
    notes = []
    count, nx, ny = run.sizes["time"], run.sizes["x"], run.sizes["y"]
    if step > 1:
        notes.append(
            f"Thinned out: fields are means over {step} × {step} of the run's {nx} × {ny} places, "
            "and regions those in their middles."
        )
    if len(frames) < count:
        notes.append(f"Thinned out: {len(frames)} of the run's {count} saved floors are shown.")
    return notes
