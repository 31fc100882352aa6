"""The encounter limit: cells that perfectly sticky regions would gather without attraction.

It is a walk of the model's cells that sense nothing (`sdf1_field.simulation.encounters`) and are
held wherever a region is under their centre.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis.census import density_fold_change
from sdf1_field.scene import Region, region_areas
from sdf1_field.simulation import EncounterWalk, StickyFloor, begin_encounters, change_floor
from sdf1_field.simulation.encounters import cells_at, walk_on
from sdf1_field.spec import ModelSpec

Array = NDArray[np.float64]

_MOST_REPEATS = 8
"""Largest number of repetitions of the walk."""
_ENOUGH_CELLS = 2000
"""Cells of all repetitions together that are enough."""


def encounter_repeats(spec: ModelSpec) -> int:
    """How often the walk of a model's cells is repeated: until there are enough cells."""
    return min(_MOST_REPEATS, math.ceil(_ENOUGH_CELLS / spec.cell_count))


def encounters(walk: EncounterWalk, time: float) -> Array:
    """Number of cells in each `Region` at a time.

    Parameters
    ----------
    walk : EncounterWalk
    time : float
        Not before the walk's last step [s].

    Returns
    -------
    ndarray, shape (3,)
        Cells, the mean of the repetitions [1].
    """
    cells = cells_at(walk, time)
    under = walk.floor.regions[walk.grid.index(cells.x, cells.y)]
    counts: Array = np.bincount(under, minlength=len(Region)) / len(walk.seeds)
    return counts


def encounter_counts(
    spec: ModelSpec,
    floors: Iterable[StickyFloor],
    times: Sequence[float],
    *,
    seed: int,
    repeats: int,
) -> tuple[Array, Array]:
    """Cells in each `Region` if regions were perfectly sticky without attraction, and its area.

    Perfectly sticky means that a cell is held as long as its centre is over MSC or network. All
    else is as in the model: a held cell is advected with the body under it, is an obstacle to
    others where cells crowd, and crawls on once the region under it is gone.

    Parameters
    ----------
    spec : ModelSpec
    floors : iterable of StickyFloor
        In the order of time; each holds until the next one. The first holds from 0 s on.
    times : sequence of float
        Rising, from 0 on [s].
    seed, repeats : int
        As for `begin_encounters`.

    Returns
    -------
    counts : ndarray, shape (len(times), 3)
        Cells, the mean of the repetitions.
    areas : ndarray, shape (len(times), 3)
        [um**2].
    """
    following = iter(floors)
    walk = begin_encounters(spec, next(following), seed=seed, repeats=repeats)
    next_floor = next(following, None)
    counts, areas = [], []
    for time in times:
        while next_floor is not None and next_floor.time <= time:
            walk = change_floor(walk, next_floor)
            next_floor = next(following, None)
        walk = walk_on(walk, time)
        counts.append(encounters(walk, time))
        areas.append(_areas(walk))
    return np.array(counts), np.array(areas)


def encounter_limit(
    spec: ModelSpec,
    floors: Iterable[StickyFloor],
    times: Sequence[float],
    *,
    seed: int,
    repeats: int,
) -> Array:
    """Fold changes of one dish if regions were perfectly sticky without attraction.

    Parameters
    ----------
    spec, floors, times, seed, repeats
        As for `encounter_counts`.

    Returns
    -------
    ndarray, shape (len(times), 2)
        On MSC and on the network, of the repetitions' cells together; NaN where a region is
        missing or no cell is on free surface.
    """
    return density_fold_change(*encounter_counts(spec, floors, times, seed=seed, repeats=repeats))


def encounter_fold_change(walk: EncounterWalk, time: float) -> Array:
    """Density of a walk's cells on MSC and network over that on free surface, shape (2,)."""
    return density_fold_change(encounters(walk, time), _areas(walk))


def _areas(walk: EncounterWalk) -> Array:
    """Area of each `Region` of a walk's floor [um**2], shape (3,)."""
    return region_areas(walk.floor.regions, walk.grid.dx * walk.grid.dy)
