"""Dishes of L929 and MSC, numbers as text, and the record of all sections in table.md."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis import CargoCount
from sdf1_field.observations import Dish
from sdf1_field.observations.cargo import count_dish

sys.path.append(str(Path(__file__).parents[1]))

from recording import record_section

Array = NDArray[np.float64]

HOUR = 3600.0
LIGANDS = ("mcsf", "ccl2")
LABELS = {"mcsf": "M-CSF", "ccl2": "CCL2", "sdf1": "SDF-1"}
MODEL = "secretion-l929"
CONTROL = "control"
DISHES = 3
"""Dishes of an experiment."""
ALIKE = "variation.dish.secretion=0"
"""Dishes differ by chance alone."""
PAPER = "jiao2024"
SIGNIFICANT, VERY = 0.05, 0.01
IMAGED, BLOTTED = 12, 10
"""Cells are looked at, and the medium is collected [h]."""
BLOT_ERROR = 0.1
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's palette, told apart by colour-blind readers."""

HERE = Path(__file__).parent
SECTIONS = ("staining", "share", "space", "routes_d9", "coculture")
"""Of table.md, in their order."""


def record(name: str, text: str) -> None:
    """Put a section into table.md in the place of its predecessor."""
    title = "# Cargo of migrasomes: verdicts"
    record_section(HERE / "table.md", title, SECTIONS, name, text)


def grow(
    model: str, settings: Sequence[str], seed: int, hours: Sequence[float]
) -> dict[tuple[float, str], CargoCount]:
    """Counts of a dish, by hours after seeding and ligand."""
    times = {hour * HOUR: hour for hour in hours}
    dish = Dish("cargo", model, (*settings, ALIKE), seed, tuple(sorted(times)))
    return {(times[time], ligand): count for (time, ligand), count in count_dish(dish).items()}


def model_name(condition: str) -> str:
    """Shipped model of a condition."""
    return MODEL if condition == CONTROL else f"{MODEL}-{condition}"


def number_text(value: float) -> str:
    """Three digits."""
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"
