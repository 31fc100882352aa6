"""Ensembles whose cost is known before most of it is simulated."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdf1_field.ensemble.running import Ensemble, run_dishes
from sdf1_field.ensemble.storing import model_digest, run_digest, run_path
from sdf1_field.observations import Dish

_FEW = 3
"""Missing dishes up to which their time is not measured beforehand."""


@dataclass(frozen=True)
class Expected:
    """What an ensemble is going to cost, before most of it is simulated.

    Parameters
    ----------
    dishes, finished : int
    each : float
        Time of one dish on one core [s]; NaN if it is not known.
    seconds : float
        For the dishes that are not finished; NaN if it is not known.
    bytes : float
        On the disk in the end; NaN if it is not known.
    processes : int
        0 for those of a scheduler.
    """

    dishes: int
    finished: int
    each: float
    seconds: float
    bytes: float
    processes: int


def run_expected(
    dishes: Sequence[Dish],
    folder: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    seconds: float = math.nan,
    expected: Callable[[Expected], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Ensemble:
    """Simulate the dishes that a folder does not hold yet, and say beforehand what that costs.

    Parameters
    ----------
    dishes : sequence of Dish
    folder, scheduler, workers, progress
        See `run_dishes`.
    seconds : float
        Of one dish on one core, as measured in an earlier call; otherwise two dishes are simulated
        first, and the second, whose kernels are loaded, is timed. With a scheduler none is, since
        its cores may be others.
    expected : callable, optional
        Called once before most of the dishes are simulated.

    Raises
    ------
    InputError, RunError, KeyboardInterrupt
        As of `run_dishes`; finished dishes are kept.
    """
    from dask.system import CPU_COUNT

    if expected is not None:
        missing, size = _missing(dishes, folder)
        if math.isnan(seconds) and len(missing) > _FEW and scheduler is None:
            seconds = _timed(missing, folder)
            missing, size = _missing(dishes, folder)
        processes = 0 if scheduler else min(len(missing), workers or CPU_COUNT)
        left = seconds * len(missing) / max(processes, 1) if missing else 0.0
        expected(
            Expected(
                len(dishes), len(dishes) - len(missing), seconds, left, size * len(dishes),
                processes,
            )
        )  # fmt: skip
    return run_dishes(dishes, folder, scheduler=scheduler, workers=workers, progress=progress)


def _missing(dishes: Sequence[Dish], folder: Path) -> tuple[list[Dish], float]:
    """Dishes that a folder does not hold, and the mean size of those it does [bytes]."""
    models = {
        key: model_digest(*key) for key in dict.fromkeys((d.model, d.settings) for d in dishes)
    }
    sizes, missing = [], []
    for dish in dishes:
        path = run_path(folder, dish, run_digest(dish, models[dish.model, dish.settings]))
        if path.is_file():
            sizes.append(path.stat().st_size)
        else:
            missing.append(dish)
    return missing, math.fsum(sizes) / len(sizes) if sizes else math.nan


def _timed(missing: Sequence[Dish], folder: Path) -> float:
    """Time of a dish [s], after another one for which kernels are loaded; NaN if one fails."""
    if run_dishes(missing[:1], folder).failures:
        return math.nan
    begun = time.perf_counter()
    return math.nan if run_dishes(missing[-1:], folder).failures else time.perf_counter() - begun
