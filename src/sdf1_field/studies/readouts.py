"""Readouts of replayed cells, as vectors, with the covariance that counting gives them.

Cells of a replay do not meet, so that groups of them are samples of the same dish: the covariance
is a jackknife over groups.
"""

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError
from sdf1_field.scene import FloorRegions, Region, nearest_fibre
from sdf1_field.simulation import RecordedExposure, model_grid, replay_cells
from sdf1_field.spec import ModelSpec
from sdf1_field.studies.candidates import APPROACH, DISTANCE, DWELL, FOLD_CHANGE, Readout
from sdf1_field.units import duration_text

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Regions = NDArray[np.uint8]

GROUPS = 10
"""Of the cells of a replay, for the jackknife."""
NEAR_EDGES = (0.0, 10.0, 25.0, 50.0, math.inf)
"""Bins of the distance from the nearest fibre [um]; densities are over that of the last."""
APPROACHED_FROM = 100.0
"""Farthest distance from a fibre at which a step counts as an approach [um]."""
_OF = {"MSC": Region.MSC, "network": Region.MIGRASOME_NETWORK}


@dataclass(frozen=True, eq=False)
class Frames:
    """Cells of a replayed dish in pictures, and its stroma when cells are counted.

    Parameters
    ----------
    times : ndarray, shape (frame,)
        [s].
    x, y : ndarray, shape (frame, cell)
        [um].
    regions : ndarray of uint8, shape (frame, cell)
        Under the cells' centres.
    towards : ndarray, shape (frame, 2, cell)
        Unit vector to the nearest fibre; NaN without any.
    distance : ndarray, shape (frame, cell)
        From the nearest fibre [um].
    areas : mapping of float to ndarray, shape (3,)
        Of the regions at times [um**2].
    near_areas : mapping of float to ndarray, shape (bin,)
        Off MSC, by distance from the nearest fibre at times [um**2].
    """

    times: Array
    x: Array
    y: Array
    regions: Regions
    towards: Array
    distance: Array
    areas: Mapping[float, Array]
    near_areas: Mapping[float, Array]

    def at(self, time: float) -> int:
        """Number of the picture at a time."""
        return int(np.flatnonzero(self.times == time)[0])


def components(readout: Readout) -> tuple[str, ...]:
    """Names of a readout's numbers, in their order."""
    times = [duration_text(time) for time in readout.times]
    if readout.what == FOLD_CHANGE:
        return tuple(f"{of}, {time}" for of in readout.of for time in times)
    if readout.what == DISTANCE:
        ends = itertools.pairwise(NEAR_EDGES[:-1])
        return tuple(f"{low:g} to {high:g} um from a fibre" for low, high in ends)
    return readout.of or ("towards fibres",)


def strands(readout: Readout) -> tuple[int, ...]:
    """Which of a readout's numbers vary together between experiments: those of one number."""
    if readout.what == FOLD_CHANGE:
        return tuple(n for n in range(len(readout.of)) for _ in readout.times)
    return tuple(range(len(components(readout))))


def is_logarithm(readout: Readout) -> bool:
    """Whether a readout's numbers are logarithms, so that two are compared as a ratio."""
    return readout.what != APPROACH


def read(
    recorded: RecordedExposure,
    spec: ModelSpec,
    readouts: Sequence[Readout],
    *,
    seed: int,
    view: float,
) -> tuple[Array, Array]:
    """Readouts of a model's cells under a recorded exposure, one after the other.

    Parameters
    ----------
    recorded : RecordedExposure
    spec : ModelSpec
        Perhaps with more cells than a view has.
    readouts : sequence of Readout
    seed : int
        Of the cells.
    view : float
        Cells of a view.

    Returns
    -------
    values : ndarray, shape (number,)
        Of all cells.
    covariance : ndarray, shape (number, number)
        By counting, of a view.

    Raises
    ------
    InputError
        If one is no number, since the dish has no such region.
    """
    frames = watched(recorded, spec, readouts, seed=seed)
    cells = frames.x.shape[1]
    group = np.arange(cells) % GROUPS
    sets = np.vstack([np.ones(cells), *(group != n for n in range(GROUPS))])
    found = np.hstack([_MEASURES[readout.what](frames, readout, sets) for readout in readouts])
    if not np.isfinite(found).all():
        names = [f"{r.what}, {name}" for r in readouts for name in components(r)]
        first = names[int(np.flatnonzero(~np.isfinite(found).all(axis=0))[0])]
        raise InputError(
            f"{spec.title}: {first}: cannot be read in the dish of seed {recorded.seed}, which "
            "has no such area or cell. Leave the readout out."
        )
    off = found[1:] - found[1:].mean(axis=0)
    return found[0], (GROUPS - 1) / GROUPS * off.T @ off * (cells / view)


def watched(
    recorded: RecordedExposure, spec: ModelSpec, readouts: Sequence[Readout], *, seed: int
) -> Frames:
    """Cells in as few pictures as readouts need, one each `numerics.coupling_step` if followed."""
    counted = {time for r in readouts for time in r.times if r.what in (FOLD_CHANGE, DISTANCE)}
    followed = max((r.times[-1] for r in readouts if r.what in (DWELL, APPROACH)), default=0.0)
    measured = {r.times[-1] for r in readouts if r.what == DISTANCE}
    approached = max((r.times[-1] for r in readouts if r.what == APPROACH), default=-1.0)
    step = spec.numerics.coupling_step
    pictures = {n * step for n in range(round(followed / step) + 1)} if followed else set()
    times = sorted(counted | pictures)
    places, regions, ways = [], [], []
    areas: dict[float, Array] = {}
    near: dict[float, Array] = {}
    for moment in replay_cells(recorded, spec, seed=seed, times=times):
        x, y = moment.cells.x, moment.cells.y
        places.append((x, y))
        regions.append(moment.cell_regions)
        if moment.time <= approached or moment.time in measured:
            ways.append(nearest_fibre(moment.scene, x, y))
        else:
            ways.append((np.full((2, len(x)), np.nan), np.full(len(x), np.inf)))
        if moment.time in counted:
            areas[moment.time] = moment.areas
        if moment.time in measured:
            near[moment.time] = _near_areas(recorded, moment.time)
    return Frames(
        np.array(times),
        np.array([x for x, _ in places]),
        np.array([y for _, y in places]),
        np.array(regions),
        np.array([towards for towards, _ in ways]),
        np.array([distance for _, distance in ways]),
        areas,
        near,
    )


@functools.lru_cache(maxsize=2)
def _near_areas(recorded: RecordedExposure, time: float) -> Array:
    """Areas off MSC in the bins of `NEAR_EDGES` [um**2], by the centres of the floor's cells.

    Cells that take up migrasomes leave fibres and bodies as they are, so that all replays of a
    recorded dish have the same.
    """
    scene, grid = recorded.scenes[recorded.times.index(time)], model_grid(recorded.spec)
    x, y = np.meshgrid((np.arange(grid.nx) + 0.5) * grid.dx, (np.arange(grid.ny) + 0.5) * grid.dy)
    regions = FloorRegions(scene, grid, recorded.spec.scene.network_outline_margin).regions.ravel()
    off = (regions != Region.MSC) & (regions < len(Region))
    _, distance = nearest_fibre(scene, x.ravel()[off], y.ravel()[off])
    areas: Array = np.histogram(distance, NEAR_EDGES)[0] * grid.dx * grid.dy
    return areas


# Measures: values of each set of cells, shape (set, number); sets has shape (set, cell).


def _fold_changes(frames: Frames, readout: Readout, sets: Array) -> Array:
    """Logarithm of density over that of free surface; half a cell more keeps it finite."""
    columns = []
    for of in readout.of:
        for time in readout.times:
            here, areas = frames.regions[frames.at(time)], frames.areas[time]
            density = [
                (sets @ (here == region) + 0.5) / areas[region] if areas[region] > 0.0 else math.nan
                for region in (_OF[of], Region.FREE_SURFACE)
            ]
            columns.append(np.log(density[0]) - np.log(density[1]) + np.zeros(len(sets)))
    return np.stack(columns, axis=1)


def _distances(frames: Frames, readout: Readout, sets: Array) -> Array:
    """Logarithm of the density off MSC near fibres over that far from them."""
    time = readout.times[-1]
    at, areas = frames.at(time), frames.near_areas[time]
    off = frames.regions[at] != Region.MSC
    place = np.searchsorted(NEAR_EDGES, frames.distance[at], side="right") - 1
    counts = [sets @ (off & (place == n)) + 0.5 for n in range(len(areas))]
    if not (areas > 0.0).all():
        return np.full((len(sets), len(areas) - 1), np.nan)
    density = np.log(np.stack(counts, axis=1) / areas)
    result: Array = density[:, :-1] - density[:, -1:]
    return result


def _dwell_times(frames: Frames, readout: Readout, sets: Array) -> Array:
    """Logarithm of the mean stay [s] at a constant rate of leaving, between pictures of 15 min.

    As `sdf1_field.analysis.residence.constant_rate_dwell`, but with half a departure more.
    """
    until = frames.at(readout.times[-1])
    interval = frames.times[1] - frames.times[0]
    columns = []
    for of in readout.of:
        over = frames.regions[: until + 1] == _OF[of]
        left = sets @ (over[:-1] & ~over[1:]).sum(axis=0) + 0.5
        at_risk = sets @ over[:-1].sum(axis=0) + 1.0
        columns.append(np.log(-interval / np.log1p(-left / at_risk)))
    return np.stack(columns, axis=1)


def _approaches(frames: Frames, readout: Readout, sets: Array) -> Array:
    """Way towards the nearest fibre over the whole way, of steps from free surface near one.

    It is 0 for a walk at random and 1 for one straight to the fibre.
    """
    until = frames.at(readout.times[-1])
    x, y = frames.x[: until + 1], frames.y[: until + 1]
    step = np.stack([np.diff(x, axis=0), np.diff(y, axis=0)], axis=1)
    free = frames.regions[:until] == Region.FREE_SURFACE
    free &= frames.distance[:until] < APPROACHED_FROM
    along = np.where(free, np.nan_to_num((step * frames.towards[:until]).sum(axis=1)), 0.0)
    whole = np.where(free, np.hypot(step[:, 0], step[:, 1]), 0.0)
    length = sets @ whole.sum(axis=0)
    known = length > 0.0
    bias = np.where(known, sets @ along.sum(axis=0) / np.where(known, length, 1.0), np.nan)
    return bias[:, None]


_MEASURES: Mapping[str, Callable[[Frames, Readout, Array], Array]] = {
    FOLD_CHANGE: _fold_changes,
    DISTANCE: _distances,
    DWELL: _dwell_times,
    APPROACH: _approaches,
}
