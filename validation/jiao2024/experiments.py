"""Dishes of L929 and MSC, many at a time, and how their numbers are written."""

import math
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis import CargoCount
from sdf1_field.observations import Dish
from sdf1_field.observations.cargo import count_dish
from sdf1_field.reproduce.statistics import wilson

Array = NDArray[np.float64]

HOUR = 3600.0
LIGANDS = ("mcsf", "ccl2")
LABELS = {"mcsf": "M-CSF", "ccl2": "CCL2", "sdf1": "SDF-1"}
MODEL = "secretion-l929"
CONTROL = "control"
DISHES = 3
"""Dishes of an experiment."""
ALIKE = "variation.dish.secretion=0"
"""What is asked here is not how dishes differ."""


def grow(
    model: str, settings: Sequence[str], seed: int, hours: Sequence[float]
) -> dict[tuple[float, str], CargoCount]:
    """What is counted in a dish, by hours after seeding and ligand."""
    times = {hour * HOUR: hour for hour in hours}
    dish = Dish("cargo", model, (*settings, ALIKE), seed, tuple(sorted(times)))
    return {(times[time], ligand): count for (time, ligand), count in count_dish(dish).items()}


def model_name(condition: str) -> str:
    """Shipped model of a condition."""
    return MODEL if condition == CONTROL else f"{MODEL}-{condition}"


def carried_out(
    function: Callable[[Any], Any], tasks: Sequence[Any], workers: int, name: str
) -> list[Any]:
    """Results of tasks in their order, with progress on stderr."""
    context = multiprocessing.get_context("spawn")
    results = []
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context) as pool:
        for result in pool.map(function, tasks):
            results.append(result)
            if len(results) % max(1, len(tasks) // 20) == 0:
                print(f"{name}: {len(results)} of {len(tasks)}", file=sys.stderr, flush=True)
    return results


def spread_text(values: Sequence[float] | Array) -> str:
    """Mean, and the interval that holds 95 % of the values."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if len(known) == 0:
        return "-"
    low, high = np.quantile(known, [0.025, 0.975])
    return f"{number_text(float(known.mean()))} ({number_text(low)} to {number_text(high)})"


def share_text(successes: int, total: int) -> str:
    """Share with its interval."""
    low, high = wilson(successes, total)
    return f"{successes / total:.2f} ({low:.2f} to {high:.2f})" if total else "-"


def number_text(value: float) -> str:
    """Three digits."""
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
