"""Points of the parameter space at which cells are replayed, and what comes of it."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

import sdf1_field
from sdf1_field.calibration.papers import Read
from sdf1_field.calibration.replayed import (
    Counted,
    Replays,
    counted,
    dish_variance,
    log_fold_change,
    tables_of,
)
from sdf1_field.calibration.space import Space
from sdf1_field.ensemble.sources import source_digest
from sdf1_field.ensemble.storing import model_digest
from sdf1_field.ensemble.tasks import run_tasks
from sdf1_field.observations.cells import NAMES

Array = NDArray[np.float64]

_REGIONS = {name: region for region, name in NAMES.items()}


@dataclass(frozen=True, eq=False)
class Simulated:
    """Logarithms of fold changes at points.

    Parameters
    ----------
    points : ndarray, shape (point, parameter)
        In the unit cube.
    logs : ndarray, shape (point, read)
        Of all dishes of a point together.
    noise : ndarray, shape (point, read)
        Their variances by counting.
    scatter : ndarray, shape (read,)
        Standard deviation from dish to dish, less that of counting; the mean over all points.
    floor : dict of str to ndarray, shape (3,)
        Shares of the regions' areas, by condition, in the order of `sdf1_field.scene.Region`.
    """

    points: Array
    logs: Array
    noise: Array
    scatter: Array
    floor: dict[str, Array]


def sobol_points(space: Space, number: int, *, seed: int = 1) -> Array:
    """Scrambled Sobol points of the unit cube, shape (number, parameter)."""
    points: Array = qmc.Sobol(len(space), seed=seed).random(number)
    return points


def simulate(
    space: Space,
    replays: Replays,
    points: Array,
    reads: Sequence[Read],
    store: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Simulated:
    """Replay cells at points, those apart that a file holds already.

    Parameters
    ----------
    space : Space
    replays : Replays
    points : ndarray, shape (point, parameter)
    reads : sequence of Read
    store : pathlib.Path
        Of `sdf1_field.ensemble.tasks.run_tasks`, as are the other arguments.
    """
    settings = [space.settings(point) for point in points]
    tables = replayed_tables(
        replays, settings, store, scheduler=scheduler, workers=workers, progress=progress
    )
    return gathered(points, tables, reads)


def replayed_tables(
    replays: Replays,
    settings: Sequence[Mapping[str, str | float]],
    store: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[dict[tuple[str, float], Counted]]:
    """Cells and areas by condition and time [s], those apart that a file holds already.

    Parameters
    ----------
    replays : Replays
    settings : sequence of mapping of str to str or float
        Values of each point.
    store : pathlib.Path
        Of `sdf1_field.ensemble.tasks.run_tasks`, as are the other arguments.
    """
    models = [model_digest(c.model, c.settings) for c in replays.conditions]
    sources = source_digest(Path(sdf1_field.__file__).parent, (counted.__module__,))
    base = hashlib.sha256(f"{models}{sources}{replays!r}".encode()).hexdigest()
    keys = [
        hashlib.sha256(f"{base}{json.dumps(one, sort_keys=True)}".encode()).hexdigest()[:20]
        for one in settings
    ]
    tasks = {key: (replays, one) for key, one in zip(keys, settings, strict=True)}
    stored = run_tasks(
        counted, tasks, store, scheduler=scheduler, workers=workers, progress=progress
    )
    return [tables_of(replays, stored[key]) for key in keys]


def gathered(
    points: Array, tables: Sequence[dict[tuple[str, float], Counted]], reads: Sequence[Read]
) -> Simulated:
    """Fold changes of points by their tables.

    Parameters
    ----------
    points : ndarray, shape (point, parameter)
    tables : sequence of dict
        Of `sdf1_field.calibration.replayed.tables_of`, for each point.
    reads : sequence of Read
    """
    logs, noise = (np.empty((len(points), len(reads))) for _ in range(2))
    variance = np.empty((len(points), len(reads)))
    for n, table in enumerate(tables):
        for k, read in enumerate(reads):
            dishes, region = table[read.condition, read.time], _REGIONS[read.region]
            logs[n, k], noise[n, k] = log_fold_change(dishes, region)
            variance[n, k] = dish_variance(dishes, region)
    floor: dict[str, Array] = {}
    for (condition, _), dishes in tables[0].items():
        areas = dishes.areas.sum(axis=0)
        floor.setdefault(condition, areas / areas.sum())
    scatter = np.sqrt(np.maximum(variance.mean(axis=0), 0.0))
    return Simulated(points, logs, noise, scatter, floor)


def joined(parts: Sequence[Simulated]) -> Simulated:
    """All points together; scatter is averaged over them."""
    numbers = [len(part.points) for part in parts]
    variance = np.average([part.scatter**2 for part in parts], axis=0, weights=numbers)
    return Simulated(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.logs for part in parts]),
        np.concatenate([part.noise for part in parts]),
        np.sqrt(variance),
        parts[0].floor,
    )
