"""What is read in the dishes of cases outside the two papers.

Three observations beside the program's own: cells on a floor that is alike everywhere, cells in a
chamber with a linear gradient, and cells among small sources.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells import advance, cell_parameters, seed_cells
from sdf1_field.cells.adhesion import AdhesionMap
from sdf1_field.claims import Reading
from sdf1_field.exposure.sampling import Stimulus, coefficients, no_subgrid_field
from sdf1_field.grid import Grid
from sdf1_field.observations import Dish, read
from sdf1_field.observations.readings import model_of, of_cells, of_dish, of_share
from sdf1_field.simulation import model_grid, rerun_if_coat_fills, simulate, track_times
from sdf1_field.spec import BOND_NAMES, ModelSpec
from sdf1_field.treatments import schedule
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM
from sdf1_field.variation import DishFactors

Array = NDArray[np.float64]

ADHERENT, STATIONARY, MOTILE = "adherent cells", "stationary cells", "motile cells"
PATH, STRAIGHTNESS = "path length", "straightness"
FORWARD = "forward migration index"
NEAR, VISIT, VISITED = "density near sources over the mean", "time of a visit", "sources visited"
REACH = 25.0
"""Distance of a cell's centre from a source's at which it is near it: two cell diameters [um]."""
FRAME = 60.0
"""Between frames of cells in the chamber and among sources [s]."""


def read_floor(dish: Dish) -> tuple[Reading, ...]:
    """Cells on a floor, at the dish's times.

    Adherent cells are held at that time. Stationary cells were nowhere, in the frames since they
    were added, a radius or more from where they began; motile cells are a diameter or more from
    there.
    """
    spec = model_of(dish, "output.ligands=[]", f"run.duration={dish.times[-1]!r} s")
    frames, readings = set(track_times(spec)), list[Reading]()
    xs, ys = list[Array](), list[Array]()
    radius = 0.5 * spec.haematopoietic.diameter
    for snapshot in simulate(spec, seed=dish.seed, nonlinear=dish.saturating):
        if snapshot.cells is None or snapshot.time not in frames:
            continue
        xs.append(snapshot.cells.x)
        ys.append(snapshot.cells.y)
        if snapshot.time not in dish.times:
            continue
        x, y, held, time = np.array(xs), np.array(ys), snapshot.cells.held, snapshot.time
        away = np.hypot(x - x[0], y - y[0])
        path = np.hypot(np.diff(x, axis=0), np.diff(y, axis=0)).sum(axis=0)
        moved = path > 0.0
        readings += [
            of_share(ADHERENT, time, held.sum(), held.size),
            of_share(STATIONARY, time, (away.max(axis=0) < radius).sum(), held.size),
            of_share(MOTILE, time, (away[-1] >= 2.0 * radius).sum(), held.size),
            of_cells(PATH, time, path),
            of_cells(STRAIGHTNESS, time, away[-1][moved] / path[moved]),
        ]
    return tuple(readings)


def sensed_in_chamber(spec: ModelSpec, grid: Grid) -> tuple[Array, Array]:
    """Concentrations that CXCR4 sees along x [nM], shape (nx,): dissolved, and bound to the coat.

    The chamber holds a linear gradient from 0 at x = 0 to twice ``bath_concentration`` at the
    other wall; the coat is in equilibrium with it.
    """
    ligand = spec.ligand[spec.receptor.cxcr4.ligand]
    c = 2.0 * ligand.bath_concentration * grid.x / spec.dish.width
    coat, share = ligand.coat, spec.receptor.cxcr4.coat_share
    affinity = coat.dissociation_rate / coat.association_rate if coat.binds else math.inf
    bound = coat.sites * c / (c + affinity) if coat.binds else np.zeros_like(c)
    return c, share * bound / MOLECULES_PER_UM3_PER_NM


def read_chamber(dish: Dish) -> tuple[Reading, ...]:
    """Cells that crawl in a steady linear gradient until the dish's last time.

    The forward migration index is the way up the gradient over the path; cells that come within
    a persistence length of either wall are left out.
    """
    spec = model_of(dish)
    grid = model_grid(spec)
    dissolved, bound = sensed_in_chamber(spec, grid)
    steering = spec.mechanisms.soluble_sensing * dissolved + spec.mechanisms.haptotaxis * bound
    visible, steering = (
        coefficients(np.tile(profile, (grid.ny, 1))) for profile in (dissolved + bound, steering)
    )
    seen = Stimulus(visible, steering, False, no_subgrid_field())
    parameters = cell_parameters(
        spec, DishFactors(), competition=schedule(spec).competition(0.0)
    )._replace(crowding=False)
    cells = seed_cells(spec, dish.seed)
    xs, ys = [cells.x], [cells.y]
    bare = AdhesionMap(
        np.zeros((grid.ny, grid.nx), dtype=np.uint8),
        np.zeros((grid.ny, grid.nx, len(BOND_NAMES)), dtype=np.float32),
        grid.dx,
        grid.dy,
    )
    for _ in range(round(dish.times[-1] / FRAME)):
        cells = advance(
            cells, grid, seen, bare, parameters,
            duration=FRAME, time_step=spec.cells.time_step, seed=dish.seed,
        )  # fmt: skip
        xs.append(cells.x)
        ys.append(cells.y)
    x, y = np.array(xs), np.array(ys)
    path = np.hypot(np.diff(x, axis=0), np.diff(y, axis=0)).sum(axis=0)
    margin = parameters.speed * parameters.persistence_time
    free = (x.min(axis=0) > margin) & (x.max(axis=0) < spec.dish.width - margin)
    index = (x[-1] - x[0]) / path
    time = dish.times[-1]
    return of_cells(FORWARD, time, index[free]), of_cells(PATH, time, path[free])


def read_sources(dish: Dish) -> tuple[Reading, ...]:
    """Cells among migrasomes that secrete, at the dish's times.

    A visit lasts while a cell's centre is within `REACH` of a source; visits that had begun at
    the first frame, or go on at the last one, count for as long as they were seen.
    """
    spec = model_of(dish, "output.ligands=[]", f"run.duration={dish.times[-1]!r} s")
    frames, readings = set(track_times(spec)), list[Reading]()
    visits, visited, near = list[float](), np.zeros((0, 0)), list[float]()
    since: Array | None = None
    for snapshot in simulate(spec, seed=dish.seed, nonlinear=dish.saturating):
        if snapshot.cells is None or snapshot.time not in frames:
            continue
        x, y, time = snapshot.cells.x, snapshot.cells.y, snapshot.time
        m = snapshot.scene.migrasomes
        by_source = np.hypot(x[:, None] - m.x, y[:, None] - m.y) < REACH
        at = by_source.any(axis=1)
        if since is None:
            since, visited = np.full(x.size, math.nan), np.zeros(by_source.shape, dtype=np.bool_)
        visited |= by_source
        ends = ~at & np.isfinite(since)
        visits += list(time - since[ends])
        since[ends] = math.nan
        since[at & ~np.isfinite(since)] = time
        if time >= 0.5 * dish.times[-1]:
            near.append(at.mean() / _covered(spec, m.x, m.y))
        if time in dish.times:
            going = np.isfinite(since)
            readings += [
                of_dish(NEAR, time, float(np.mean(near)) if near else math.nan),
                of_cells(VISIT, time, np.array([*visits, *(time - since[going])])),
                of_cells(VISITED, time, visited.sum(axis=1).astype(np.float64)),
            ]
    return tuple(readings)


def _covered(spec: ModelSpec, x: Array, y: Array) -> float:
    """Share of the floor that is within `REACH` of a source, on a raster of 5 um."""
    rows, columns = (
        (np.arange(0.5 * 5.0, side, 5.0)) for side in (spec.dish.length, spec.dish.width)
    )
    covered = np.zeros((rows.size, columns.size), dtype=np.bool_)
    for one_x, one_y in zip(x, y, strict=True):
        covered |= (rows[:, None] - one_y) ** 2 + (columns - one_x) ** 2 < REACH**2
    return float(covered.mean())


_READ: Mapping[str, Callable[[Dish], tuple[Reading, ...]]] = {
    "floor": read_floor,
    "chamber": read_chamber,
    "sources": read_sources,
}


def read_dish(dish: Dish) -> tuple[Reading, ...]:
    """Readings of a dish of one of these observations, or of the program's own."""
    if dish.observation not in _READ:
        return read(dish)
    return rerun_if_coat_fills(
        lambda ligands: _READ[dish.observation](replace(dish, saturating=ligands))
    )
