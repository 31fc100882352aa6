"""Power over the draws of a posterior, by replayed cells.

For each draw the cells of both models are replayed in the same few recorded dishes. Their pooled
fold changes, the counts that a view holds, and the scatter of dishes beyond counting give the
moments of replicates, and these the power by the formula. The scatter is the mean over the draws,
since a few dishes tell little of it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sdf1_field
from sdf1_field.calibration.replayed import (
    Condition,
    Counted,
    Replays,
    counted,
    dish_variance,
    tables_of,
)
from sdf1_field.ensemble.sources import source_digest
from sdf1_field.ensemble.storing import model_digest
from sdf1_field.ensemble.tasks import run_tasks
from sdf1_field.errors import InputError
from sdf1_field.observations.cells import FOLD_CHANGE, NAMES
from sdf1_field.scene import Region
from sdf1_field.simulation.replayable import may_differ
from sdf1_field.studies.compared import OWN_FACTORS_OFF, Compared
from sdf1_field.studies.power import MOST, Planned, power_of
from sdf1_field.studies.replicates import Moments
from sdf1_field.studies.t_power import PAIRED

Array = NDArray[np.float64]

DRAWS = 16
SEEDS, DENSER = (9001, 9002, 9003, 9004), 2
"""Recorded dishes, and cells in a replay over those of a dish; dishes of the calibrations."""
STORE = "draws.jsonl"
_SIDES = ("first", "against")
_REGIONS = {name: region for region, name in NAMES.items()}
_SHARES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Spread:
    """A number over draws.

    Parameters
    ----------
    median, low, high : float
        With 5 and 95 %.
    """

    median: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class DrawnPower:
    """Replicates of both models at each draw, on one region.

    Parameters
    ----------
    of : str
        Region.
    log_folds : ndarray, shape (side, draw)
        Logarithms of the fold changes of all dishes together.
    counting : ndarray, shape (side, draw)
        Relative variance of one view's fold change by counting.
    bias : ndarray, shape (side, draw)
        Relative bias of one view's fold change: a quotient of counts is too large on average.
    scatter : ndarray, shape (side,)
        Relative variance from dish to dish beyond counting; the mean over draws.
    planned : Planned
    """

    of: str
    log_folds: Array
    counting: Array
    bias: Array
    scatter: Array
    planned: Planned

    def powers(self, number: int, views: int) -> Array:
        """Power at each draw, shape (draw,)."""
        groups = []
        for log, counting, bias, scatter in zip(
            self.log_folds, self.counting, self.bias, self.scatter, strict=True
        ):
            fold = np.exp(log)
            deviation = fold * np.sqrt((counting + scatter) / views)
            groups.append(Moments(fold * (1.0 + bias / views), deviation))
        return power_of((groups[0], groups[1]), number, self.planned)

    def power(self, number: int, views: int) -> Spread:
        """Median and 5 to 95 % of the power over draws."""
        low, middle, high = np.quantile(self.powers(number, views), _SHARES)
        return Spread(float(middle), float(low), float(high))

    def ratio(self) -> Spread:
        """The first model's fold change over the other's."""
        low, middle, high = np.quantile(np.exp(self.log_folds[0] - self.log_folds[1]), _SHARES)
        return Spread(float(middle), float(low), float(high))

    def least(self, views: int, power: float) -> int | None:
        """Least number of replicates whose median power over draws is as large."""
        if self.power(MOST, views).median < power:
            return None
        below, above = 1, MOST
        while above - below > 1:
            middle = (below + above) // 2
            reached = self.power(middle, views).median >= power
            below, above = (below, middle) if reached else (middle, above)
        return above


def require_replayable(
    compared: Compared, settings: Mapping[str, str | float], planned: Planned
) -> None:
    """Refuse a comparison that replays cannot give.

    Raises
    ------
    InputError
        If the quantity is not the fold change, replicates are pairs, or a draw changes stroma or
        fields.
    """
    if planned.test == PAIRED:
        raise InputError(
            "--posterior and --test paired: a few replayed dishes do not tell how far pairs vary "
            "together. Leave one out."
        )
    if compared.quantity.name != FOLD_CHANGE:
        raise InputError(
            "--posterior: cells are replayed for fold changes only. Leave --quantity out."
        )
    for key in settings:
        if not may_differ(key):
            raise InputError(
                f"--posterior: {key}: stroma and fields are recorded once, so it cannot be drawn. "
                "Give a posterior of cells."
            )


def replays_of(compared: Compared, law: Sequence[str]) -> Replays:
    """Replays of both models."""
    assert compared.time is not None
    return Replays(
        tuple(
            Condition(
                name,
                side.model,
                (*OWN_FACTORS_OFF, *side.settings, *law, "mechanisms.crowding=false"),
                (compared.time,),
                donors=False,
            )
            for name, side in zip(_SIDES, (compared.first, compared.against), strict=True)
        ),
        SEEDS,
        DENSER,
    )


def drawn_power(
    compared: Compared,
    draws: Sequence[Mapping[str, str | float]],
    law: Sequence[str],
    planned: Planned,
    folder: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[DrawnPower, ...]:
    """Replicates at all draws, for each region; finished draws are kept.

    Parameters
    ----------
    compared : Compared
    draws : sequence of mapping of str to str or float
        Values by key.
    law : sequence of str
        ``KEY=VALUE`` settings that hold in all draws.
    planned : Planned
    folder : pathlib.Path
    scheduler, workers, progress
        See `sdf1_field.ensemble.tasks.run_tasks`.
    """
    replays = replays_of(compared, law)
    models = [model_digest(c.model, c.settings) for c in replays.conditions]
    sources = source_digest(Path(sdf1_field.__file__).parent, (counted.__module__,))
    base = hashlib.sha256(f"{models}{sources}{replays!r}".encode()).hexdigest()
    keys = [
        hashlib.sha256(f"{base}{json.dumps(dict(one), sort_keys=True)}".encode()).hexdigest()[:20]
        for one in draws
    ]
    tasks = {key: (replays, dict(one)) for key, one in zip(keys, draws, strict=True)}
    stored = run_tasks(
        counted, tasks, folder / STORE, scheduler=scheduler, workers=workers, progress=progress
    )
    tables = [tables_of(replays, stored[key]) for key in keys]
    return tuple(of_region(read.of, compared, tables, planned) for read in compared.reads)


def of_region(
    of: str,
    compared: Compared,
    tables: Sequence[Mapping[tuple[str, float], Counted]],
    planned: Planned,
) -> DrawnPower:
    """Replicates on one region, from the counts of replayed cells at each draw."""
    assert compared.time is not None
    own, free = int(_REGIONS[of]), int(Region.FREE_SURFACE)
    numbers = np.empty((4, len(_SIDES), len(tables)))
    for n, side in enumerate(_SIDES):
        for k, table in enumerate(tables):
            dishes = table[side, compared.time]
            # Half a cell more keeps the logarithm finite, as in the calibrations.
            cells = dishes.cells.sum(axis=0) + 0.5
            areas = dishes.areas.sum(axis=0)
            in_view = cells / (len(dishes.cells) * DENSER)
            numbers[:, n, k] = (
                np.log(cells[own] / areas[own]) - np.log(cells[free] / areas[free]),
                1.0 / in_view[own] + 1.0 / in_view[free],
                1.0 / in_view[free],
                dish_variance(dishes, _REGIONS[of]),
            )
    scatter = np.maximum(numbers[3].mean(axis=1), 0.0)
    return DrawnPower(of, numbers[0], numbers[1], numbers[2], scatter, planned)
