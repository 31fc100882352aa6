"""The case by this program: its cosine solver, its cells, its sticky regions.

python benchmarks/gathering/ours.py results-ours.csv          # from the repository root
"""

import argparse
import csv
import math
import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from sdf1_field.cells import CellParameters, advance, cell_parameters, sticky
from sdf1_field.exposure.sampling import (
    Stimulus,
    coefficients,
    no_stimulus,
    no_subgrid_field,
)
from sdf1_field.grid import make_grid
from sdf1_field.scene import Region
from sdf1_field.solvers import cosine
from sdf1_field.spec import load_model
from sdf1_field.transport import Transport
from sdf1_field.variation import DishFactors

HERE = Path(__file__).parent
sys.path.extend([str(HERE), str(HERE.parents[1] / "validation" / "analytic")])

import drift_diffusion as sensing  # noqa: E402
from reference import CASE, HEIGHT, PROBES, SIZE, SOURCES, over  # noqa: E402
from walkers import crawling, nothing_to_touch  # noqa: E402

WIDTH, LENGTH = (float(side) for side in SIZE)
CHUNK = 400.0
"""Longest time for which cells move in one call [s]."""


def floor_grid(spacing):
    """Grid of the dish whose lowest layer is the sensed one."""
    layer = float(CASE["ligand"]["sensed_layer_um"])
    return make_grid(WIDTH, LENGTH, HEIGHT, spacing=spacing, floor_layer=layer, layer_growth=1.0)


def under(grid):
    """Number of the source over which the middle of each cell of the grid lies, shape (y, x)."""
    x, y = (one.ravel() for one in np.meshgrid(grid.x, grid.y))
    return over(np.stack([x, y], axis=1)).reshape(grid.ny, grid.nx)


def concentration(spacing=1.0):
    """Steady concentration in the lowest layer [nM], shape (y, x)."""
    grid, fine = floor_grid(spacing), floor_grid(spacing / 8)
    covered = under(fine).reshape(grid.ny, 8, grid.nx, 8)
    secretion = np.zeros((grid.ny, grid.nx))
    for number, _, _, _, rate in SOURCES:
        part = (covered == number).sum(axis=(1, 3))
        secretion += rate * part / part.sum() / (grid.dx * grid.dy)
    ligand = CASE["ligand"]
    tolerances = cosine.Tolerances(relative=1e-10)
    prepared = cosine.prepare(
        grid, Transport(ligand["diffusivity_um2_per_s"], ligand["loss_rate_per_s"]), tolerances
    )
    state = cosine.steady(prepared, secretion, time=0.0, tolerances=tolerances)
    return cosine.column(prepared, state)[0]


def cells_of(name) -> CellParameters:
    """Parameters of the cells of a part of the case."""
    given = CASE[name]
    settings = (
        *sensing.SETTINGS,
        f"cell_type.kg1a.speed={60.0 * given['speed_um_per_s']:.17g} um/min",
        f"cell_type.kg1a.persistence_time={given['persistence_s']:.17g} s",
        "cells.time_step=0.05 s",
        "run.duration=10 min",
        "output.fields_every=10 min",
    )
    spec = load_model("null-kg1a", settings=settings).spec
    return cell_parameters(spec, DishFactors(), competition=0.0)


def spread(rng, cells):
    """Cells all over the dish."""
    x, y, angle = rng.random((3, cells))
    return crawling(WIDTH * x, LENGTH * y, 2.0 * math.pi * angle, surface=sensing.RECEPTORS)


def moved(cells, grid, seen, hold, parameters, duration, step):
    """Cells after a while [s]."""
    left = round(duration / step)
    while left > 0:
        now = min(left, round(CHUNK / step))
        cells = advance(
            cells, grid, seen, hold, parameters, duration=now * step, time_step=step, seed=1
        )
        left -= now
    return cells


def walk(cells=100_000, step=0.05):
    """Mean squared displacement [um**2] by time [s]."""
    wide = make_grid(1e4, 1e4, 100.0, spacing=1e3, floor_layer=50.0, layer_growth=1.0)
    start = np.full(cells, 5e3)
    angle = 2.0 * math.pi * (np.arange(cells) + 0.5) / cells
    moving, at, found = crawling(start, start.copy(), angle), 0.0, {}
    for time in CASE["walk"]["times_s"]:
        moving = moved(
            moving, wide, no_stimulus(wide), nothing_to_touch(wide), cells_of("walk"),
            time - at, step,
        )  # fmt: skip
        at = time
        found[time] = float(((moving.x - start) ** 2 + (moving.y - start) ** 2).mean())
    return found, cells


def encounter(cells=3000, step=0.05):
    """Share of cells that sticky regions hold, by time [s]."""
    grid = floor_grid(0.5)
    regions = np.where(under(grid) > 0, Region.MSC, Region.FREE_SURFACE).astype(np.uint8)
    parameters, hold = sticky(cells_of("encounter"), regions, grid)
    moving, at, found = spread(np.random.default_rng(2), cells), 0.0, {}
    for time in CASE["encounter"]["times_s"]:
        moving = moved(moving, grid, no_stimulus(grid), hold, parameters, time - at, step)
        at = time
        found[time] = float(moving.held.mean())
    return found, cells


def gathering(field, cells=10_000, step=0.2):
    """Steady share of cells over each source."""
    grid, given = floor_grid(WIDTH / field.shape[1]), CASE["gathering"]
    # What steers changes no occupancy, so that the signal is proportional to its slope.
    arm, here = 4.0 * sensing.RADIUS / (3.0 * math.pi), sensing.VISIBLE
    by_slope = float(sensing._signal(here, here, here, 2e-6 * arm)) / 1e-6
    asked = given["speed_um_per_s"] * given["persistence_s"] * given["sensitivity_per_nM"]
    steering = coefficients(field * asked / by_slope)
    seen = Stimulus(np.full_like(steering, here), steering, False, no_subgrid_field())
    slowest = WIDTH**2 / (math.pi**2 * given["motility_um2_per_s"])
    moving = moved(
        spread(np.random.default_rng(3), cells), grid, seen, nothing_to_touch(grid),
        cells_of("gathering"), 2.0 * slowest, step,
    )  # fmt: skip
    share = np.bincount(over(np.stack([moving.x, moving.y], axis=1)), minlength=len(SOURCES) + 1)
    share = share / cells
    return {0: 1.0 - share[0], **{n: share[n] for n in range(1, len(share))}}, cells


def main():
    """Write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    asked = parser.parse_args()
    field = concentration()
    places = PROBES[:, :0:-1].T / (WIDTH / field.shape[1]) - 0.5
    lines = [
        ("field", int(probe), value, "")
        for probe, value in zip(
            PROBES[:, 0], map_coordinates(field, places, order=1, mode="nearest"), strict=True
        )
    ]
    for name, (found, cells) in {
        "walk": walk(),
        "encounter": encounter(),
        "gathering": gathering(field),
    }.items():
        lines += [(name, key, value, cells) for key, value in found.items()]
    with asked.results.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("quantity", "key", "value", "n"))
        table.writerows((q, k, f"{v:.6g}", n) for q, k, v, n in lines)


if __name__ == "__main__":
    main()
