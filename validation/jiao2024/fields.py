"""CCL2 and M-CSF at the floor around migrating L929."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from experiments import (
    CONTROL,
    HERE,
    IMAGED,
    LABELS,
    model_name,
)
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from sdf1_field.figures.drawing import (
    BODY,
    NETWORK,
    View,
    draw_bodies,
    draw_discs,
    draw_fibres,
    draw_scale_bar,
    fibre_courses,
    values_at,
)
from sdf1_field.record import open_run, solve
from sdf1_field.spec import load_model

sys.path.append(str(Path(__file__).parents[1]))


FIELD_SEED = 3000


SHOWN = (CONTROL, "tspan4-oe", "myo5a-ko", "bapta-am")
NAMES = {
    CONTROL: "wild type", "tspan4-oe": "TSPAN4 over-expression", "myo5a-ko": "MYO5A knock-out",
    "bapta-am": "BAPTA-AM from 2 h on",
}  # fmt: skip
WINDOW = 300.0
"""Width of the part of a dish that is drawn [um]."""
SMALLEST = 3.0
"""Diameter that a migrasome is drawn with at least [um]."""
SHOWN_SHARE = (0.005, 0.997)
"""Share of all places that are darker than the darkest and than the brightest colour."""
DISH = 1000.0
"""Width of the dish [um]."""


def fields(arguments: argparse.Namespace) -> None:
    """CCL2 and M-CSF at the floor around migrating L929."""
    del arguments
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for condition in SHOWN:
            path = Path(folder) / f"{condition}.nc"
            settings = [f"run.duration={IMAGED} h", f"output.fields_from={IMAGED} h"]
            solve(load_model(model_name(condition), settings=settings), path, seed=FIELD_SEED)
            runs[condition] = open_run(path).load()
    view = liveliest(runs[CONTROL])
    drawn = Figure(figsize=(13.2, 7.2), layout="constrained")
    panels = drawn.subplots(2, len(SHOWN))
    for row, ligand in zip(panels, ("ccl2", "mcsf"), strict=True):
        maps = {name: run[ligand][-1].values.astype(float) for name, run in runs.items()}
        means = {name: float(each.mean()) for name, each in maps.items()}
        values = np.concatenate([(each - means[name]).ravel() for name, each in maps.items()])
        colours = Normalize(*(float(v) for v in np.quantile(values, SHOWN_SHARE)))
        for axes, (condition, run) in zip(row, runs.items(), strict=True):
            image = axes.imshow(
                maps[condition] - means[condition], origin="lower", cmap="cividis", norm=colours,
                extent=(0.0, DISH, 0.0, DISH),
            )  # fmt: skip
            draw_fibres(axes, fibre_courses(run, -1, view)[0], NETWORK, 0.9)
            draw_bodies(axes, run, -1, view).set(facecolor="none", edgecolor=BODY)
            x, y, radius = (values_at(run, -1, f"migrasome_{k}") for k in ("x", "y", "radius"))
            there = np.isfinite(x)
            draw_discs(axes, x[there], y[there], np.maximum(2 * radius[there], SMALLEST)).set(
                facecolor="#E69FCC", edgecolor="none", zorder=4
            )
            axes.set(xlim=(view.left, view.right), ylim=(view.low, view.high), xticks=[], yticks=[])
            axes.set_title(f"{NAMES[condition]}\nmean {means[condition]:.3g} nM", fontsize=9)
        draw_scale_bar(row[0], view)
        row[0].set_ylabel(f"{LABELS[ligand]} at the floor", fontsize=10)
        drawn.colorbar(image, ax=list(row), shrink=0.85, extend="both").set_label(
            "difference from the dish's mean [nM]", fontsize=9
        )
    drawn.suptitle(
        f"L929 {IMAGED} h after seeding, dish of seed {FIELD_SEED}: bodies blue, fibres green, "
        f"migrasomes pink (enlarged to {SMALLEST:g} µm)", fontsize=10.5,
    )  # fmt: skip
    drawn.savefig(HERE / "fields.png", dpi=150, metadata={"Software": None})


def liveliest(run: Any) -> View:
    """The part of a dish with most migrasomes."""
    x, y = (run[f"migrasome_{axis}"][-1].values for axis in ("x", "y"))
    best = max(
        (
            (float(np.count_nonzero((abs(x - a) < WINDOW / 2) & (abs(y - b) < WINDOW / 2))), a, b)
            for a in np.arange(WINDOW / 2, DISH, WINDOW / 6)
            for b in np.arange(WINDOW / 2, DISH, WINDOW / 6)
            if max(a, b) + WINDOW / 2 <= DISH
        ),
    )
    _, a, b = best
    return View(a - WINDOW / 2, a + WINDOW / 2, b - WINDOW / 2, b + WINDOW / 2)
