"""Fold changes at a point of the parameter space: cells replayed in a few recorded dishes.

All points share the recorded dishes and the cells' random numbers, so that differences between
points, and between conditions of one point, are free of most of the dishes' scatter.
"""

import contextlib
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.claims import Paper
from sdf1_field.errors import InputError
from sdf1_field.scene import Region
from sdf1_field.simulation import RecordedExposure, record_exposure, replay_cells
from sdf1_field.simulation.replayable import require_same_stroma
from sdf1_field.spec import Model, ModelSpec, load_model
from sdf1_field.treatments import schedule

Array = NDArray[np.float64]

_NO_CROWDING = "mechanisms.crowding=false"
"""Cells are replayed more densely than they were seeded, for less noise."""


class Condition(NamedTuple):
    """Cells of one condition.

    Parameters
    ----------
    key, model : str
        Names.
    settings : tuple of str
        ``KEY=VALUE`` each.
    times : tuple of float
        When they are counted [s].
    donors : bool
        Whether each dish has a donor of its own, the same in all such conditions.
    """

    key: str
    model: str
    settings: tuple[str, ...]
    times: tuple[float, ...]
    donors: bool


@dataclass(frozen=True)
class Replays:
    """How the cells of a point are replayed.

    Parameters
    ----------
    conditions : tuple of Condition
    seeds : tuple of int
        Of the recorded dishes.
    denser : int
        Cells in a replay, over those of a dish.
    """

    conditions: tuple[Condition, ...]
    seeds: tuple[int, ...]
    denser: int


class Counted(NamedTuple):
    """Cells and areas of the regions in replayed dishes.

    Parameters
    ----------
    cells : ndarray, shape (dish, 3)
        In the order of `sdf1_field.scene.Region`.
    areas : ndarray, shape (dish, 3)
        [um**2].
    """

    cells: Array
    areas: Array


def replays_of(
    paper: Paper,
    reads: Iterable[tuple[str, float]],
    *,
    settings: Sequence[str] = (),
    seeds: Sequence[int],
    denser: int,
) -> Replays:
    """Replays that give the fold changes of a paper's conditions.

    Parameters
    ----------
    paper : Paper
    reads : iterable of (str, float)
        Condition, and when it is read [s].
    settings : sequence of str
        ``KEY=VALUE`` each, for all conditions: another law, for example.
    seeds, denser
        See `Replays`.
    """
    times: dict[str, set[float]] = {}
    for key, time in reads:
        times.setdefault(key, set()).add(time)
    conditions = (
        Condition(
            key,
            paper.conditions[key].model,
            (*paper.conditions[key].settings, *settings, _NO_CROWDING),
            tuple(sorted(when)),
            paper.conditions[key].donors,
        )
        for key, when in times.items()
    )
    # The longest first, so that others share its exposure.
    ordered = sorted(conditions, key=lambda c: (-c.times[-1], c.key))
    return Replays(tuple(ordered), tuple(seeds), denser)


def counted(replays: Replays, values: Mapping[str, str | float]) -> list[list[list[list[float]]]]:
    """Cells and areas at a point.

    Parameters
    ----------
    replays : Replays
    values : mapping of str to str or float
        The free parameters'.

    Returns
    -------
    list
        For each condition, each of its times and each dish, six numbers: cells in each region, and
        its area [um**2]. Plain, so that it can be stored as text.

    Raises
    ------
    InputError
        If stroma or fields depend on one of the values.
    """
    found: list[dict[float, list[list[float]]]] = []
    for condition, same in zip(replays.conditions, _same_cells(replays), strict=True):
        if same is not None:
            found.append({time: found[same][time] for time in condition.times})
            continue
        of_times: dict[float, list[list[float]]] = {time: [] for time in condition.times}
        for seed in replays.seeds:
            recorded = _recorded(replays, condition, seed)
            spec = _dense(replays, condition, seed, values)
            for at in replay_cells(recorded, spec, seed=seed, times=condition.times):
                of_times[at.time].append([*at.counts.tolist(), *at.areas.tolist()])
        found.append(of_times)
    return [list(of_times.values()) for of_times in found]


def tables_of(
    replays: Replays, stored: Sequence[Sequence[Sequence[Sequence[float]]]]
) -> dict[tuple[str, float], Counted]:
    """The result of `counted`, by condition and time [s]."""
    found = {}
    for condition, times in zip(replays.conditions, stored, strict=True):
        for time, dishes in zip(condition.times, times, strict=True):
            table = np.array(dishes, dtype=float)
            found[condition.key, time] = Counted(table[:, : len(Region)], table[:, len(Region) :])
    return found


def log_fold_change(counts: Counted, region: Region) -> tuple[float, float]:
    """Logarithm of a region's density over that of free surface, and its counting variance.

    The dishes are pooled. Half a cell more in each region keeps the logarithm finite, and removes
    its bias to first order.
    """
    cells, areas = counts.cells.sum(axis=0) + 0.5, counts.areas.sum(axis=0)
    own, free = int(region), int(Region.FREE_SURFACE)
    log = np.log(cells[own] / areas[own]) - np.log(cells[free] / areas[free])
    return float(log), float(1.0 / cells[own] + 1.0 / cells[free])


def dish_variance(counts: Counted, region: Region) -> float:
    """Variance from dish to dish of the logarithm of a fold change, less that of counting [1]."""
    own, free = int(region), int(Region.FREE_SURFACE)
    cells = counts.cells + 0.5
    density = cells / counts.areas
    log = np.log(density[:, own] / density[:, free])
    return float(log.var(ddof=1) - (1.0 / cells[:, own] + 1.0 / cells[:, free]).mean())


def _dense(
    replays: Replays, condition: Condition, seed: int, values: Mapping[str, str | float]
) -> ModelSpec:
    model = _model(condition)
    density = replays.denser * model.spec.cells.density * 1e6
    donor = {"variation.donor_number": seed} if condition.donors else {}
    return model.set({**values, **donor, "cells.density": f"{density!r} 1/mm**2"}).spec


@functools.lru_cache(maxsize=16)
def _same_cells(replays: Replays) -> tuple[int | None, ...]:
    """For each condition, the number of an earlier one whose cells do the same."""
    found: list[int | None] = []
    acting = [_acting(condition) for condition in replays.conditions]
    for n, condition in enumerate(replays.conditions):
        earlier = (
            k
            for k in range(n)
            if found[k] is None
            and acting[k] == acting[n]
            and set(condition.times) <= set(replays.conditions[k].times)
        )
        found.append(next(earlier, None))
    return tuple(found)


def _acting(condition: Condition) -> tuple[object, ...]:
    """Everything that a condition's cells depend on: a control antibody does nothing."""
    spec = _model(condition).spec
    words = {"title", "description", "treatments"}
    plan = schedule(spec)
    events = [
        (
            *(e.time, e.coated, e.medium_change, e.bodies_removed, e.added, e.blocked),
            [b for b in e.blocked_since if b[1] > 0.0],
        )
        for e in plan.events
    ]
    return (
        {key: value for key, value in spec.model_dump().items() if key not in {*words, "run"}},
        [event for event in events if any(event[1:])],
        plan.lasting,
        condition.donors,
    )


@functools.lru_cache(maxsize=64)
def _model(condition: Condition) -> Model:
    """A condition's model, run until it is last read."""
    last = condition.times[-1]
    return load_model(condition.model, settings=(*condition.settings, f"run.duration={last!r} s"))


@functools.lru_cache(maxsize=256)
def _exposure(condition: Condition, seed: int) -> RecordedExposure:
    return record_exposure(_model(condition).spec, seed)


@functools.lru_cache(maxsize=1024)
def _recorded(replays: Replays, condition: Condition, seed: int) -> RecordedExposure:
    """Exposure of the first condition on the same stroma, under the same field."""
    for other in replays.conditions:
        if other == condition:
            break
        recorded = _exposure(other, seed)
        with contextlib.suppress(InputError):
            require_same_stroma(recorded, _model(condition).spec)
            return recorded
    return _exposure(condition, seed)
