"""Fold changes of the co-culture on other grids and with other steps, in the same dishes.

python validation/mechanisms/steps.py        # about 3 minutes on 2 cores; writes steps.md

A seed has one stroma on every grid; cells take other paths as soon as a field differs by round-off.
So differences are paired by stroma, and their scatter is that of the cells.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from cocultures import log_folds_of
from recording import carried_out, markdown
from sdf1_field.simulation import simulate
from sdf1_field.spec import load_model

Array = NDArray[np.float64]

FIRST_SEED, DISHES = 5001, 14
SETTINGS = ("output.ligands=[]", "run.duration=4 h", "output.fields_every=4 h")
SHIPPED = "as shipped"
ROWS: dict[str, tuple[str, ...]] = {
    SHIPPED: (),
    "grid of 10 um": ("grid.spacing=10 um",),
    "grid of 2.5 um": ("grid.spacing=2.5 um",),
    "maps of contacts of 1.25 um": ("numerics.contact_spacing=1.25 um",),
    "cells' time step of 15 s": ("cells.time_step=15 s",),
    "coupling step of 7.5 min": ("numerics.coupling_step=7.5 min",),
}


def log_folds(task: tuple[str, int]) -> Array:
    """Logarithms of the fold changes at 4 h of a row and seed: MSC and network."""
    row, seed = task
    spec = load_model("coculture-kg1a", settings=(*SETTINGS, *ROWS[row])).spec
    *_, last = simulate(spec, seed=seed)
    return log_folds_of(last)


def mean_text(values: Array, form: str) -> str:
    """Mean over dishes and its standard error."""
    return f"{values.mean():{form}} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def main() -> None:
    """Simulate every row in every dish, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dishes", type=int, default=DISHES)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    tasks = [(row, FIRST_SEED + n) for row in ROWS for n in range(asked.dishes)]
    found = dict(zip(tasks, carried_out(log_folds, tasks, asked.workers, "dishes"), strict=True))
    by_row = {
        row: np.array([logs for task, logs in found.items() if task[0] == row]) for row in ROWS
    }
    lines = []
    for name, logs in by_row.items():
        differences = logs - by_row[SHIPPED]
        own = [mean_text(logs[:, k], ".3f") for k in range(2)]
        against = [mean_text(differences[:, k], "+.3f") for k in range(2)]
        lines.append([name, *own, *(["-"] * 2 if name == SHIPPED else against)])
    header = ["changed", "log fold change, MSC", "network", "difference, MSC", "network"]
    Path(__file__).with_name("steps.md").write_text(
        "# Grid and steps\n\n`python validation/mechanisms/steps.py`: `coculture-kg1a` at 4 h, "
        f"{asked.dishes} dishes, the same seeds in every row. Means over dishes and their "
        "standard errors; differences are paired.\n\n"
        f"{markdown(header, lines)}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
