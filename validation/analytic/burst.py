"""Burst: molecules set free at once at one place of the floor of a closed dish, with loss.

    dc/dt = D lap(c) - k c,    N molecules at t = 0 at one place of the floor z = 0

Over an infinite floor all of it goes into half a space,

    c(r, t) = 2 N exp(-r**2 / (4 D t) - k t) / (4 pi D t)**(3/2),

and in a box whose source is in the middle of the floor the no-flux sides add images at all
multiples of W, the closed top at all multiples of 2 H. The law is a product of Gaussians in x, y
and z: its mean over a cell is a product of differences of error functions, exactly. The finite
volumes' own solution is such a product too, of matrix exponentials of the exchange along one
direction each; against it the error in time shows by itself.

References
----------
Carslaw & Jaeger (1959) Conduction of Heat in Solids, 2nd ed., ch. 10 (instantaneous sources).

python validation/analytic/burst.py        # writes burst.md and burst.png
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Avogadro
from scipy.linalg import expm
from scipy.special import erf

from sdf1_field.grid import Grid, make_grid
from sdf1_field.solvers import Solver, cosine, fipy
from sdf1_field.sources import constant
from sdf1_field.transport import Transport

Array = NDArray[np.float64]

PER_UM3 = Avogadro * 1e-24
"""Molecules/um**3 in 1 nM; the program's own number is under test."""
AMOUNT = 1e4
"""Set free [molecules]."""
DIFFUSIVITY, LOSS_RATE = 150.0, 0.05
"""That of the model [um**2/s], and a loss [1/s] that takes a share of the burst."""
WIDTH, HEIGHT = 180.0, 60.0
TIME = 3.0
"""[s]: the ligand has spread by 30 um in each direction, and has reached the top."""
COARSEST = 15
"""Cells across the coarsest grid. Odd multiples of it have a cell around each of its centres."""
_IMAGES = range(-4, 5)


@dataclass(frozen=True)
class Field:
    """Floor along the row through the burst: distance [um], values and exact ones [nM]."""

    distance: Array
    solved: Array
    exact: Array


@dataclass(frozen=True)
class Error:
    """What is wrong with the medium, relative to its highest value.

    Parameters
    ----------
    total : float
        Largest difference from the law, at the floor's places common to all grids.
    in_time : float
        Largest difference from the exact solution of the same finite volumes, anywhere.
    """

    total: float
    in_time: float


def half_space(distance: Array, time: float = TIME) -> Array:
    """The law over an infinite floor [nM], at distances [um] of any shape."""
    spread = 4 * DIFFUSIVITY * time
    gaussian = np.exp(-(distance**2) / spread - LOSS_RATE * time) / (np.pi * spread) ** 1.5
    return 2 * AMOUNT * gaussian / PER_UM3


def _gaussian_means(edges: Array, period: float) -> Array:
    """Means [1/um] between edges, of a normalised Gaussian around 0 and its images."""
    scale = np.sqrt(4 * DIFFUSIVITY * TIME)
    below = sum(0.5 * erf((edges - n * period) / scale) for n in _IMAGES)
    return np.diff(below) / np.diff(edges)


def _exchanged(edges: Array, begin: int) -> Array:
    """Exact solution [1/um] of finite volumes between edges after 1 in the cell ``begin``."""
    cells, size = len(edges) - 1, edges[1] - edges[0]
    exchange = np.diag(np.full(cells - 1, 1.0), 1) + np.diag(np.full(cells - 1, 1.0), -1)
    exchange -= np.diag(exchange.sum(axis=0))
    values: Array = expm(exchange * (DIFFUSIVITY * TIME / size**2))[:, begin] / size
    return values


def _product(z: Array, x: Array) -> Array:
    """Medium [nM], shape (nz, ny, nx), from its factors in z, and in x and y."""
    left = AMOUNT * np.exp(-LOSS_RATE * TIME) / PER_UM3
    return left * z[:, None, None] * x[None, :, None] * x[None, None, :]


def _released(solver: Solver, grid: Grid, until: float, tolerances: Any) -> tuple[Any, Any]:
    """Solver's set-up and state at a time after the burst in the middle cell of the floor."""
    prepared = solver.prepare(grid, Transport(DIFFUSIVITY, LOSS_RATE), tolerances)
    amount = np.zeros((grid.ny, grid.nx))
    nothing = np.zeros_like(amount)
    amount[grid.ny // 2, grid.nx // 2] = AMOUNT
    state = solver.start(prepared, time=0.0, tolerances=tolerances)
    state = solver.release(prepared, state, amount, tolerances=tolerances)
    return prepared, solver.advance(
        prepared, state, constant(nothing), until, tolerances=tolerances
    )


def _box(cells: int) -> Grid:
    size = WIDTH / cells
    return make_grid(WIDTH, WIDTH, HEIGHT, spacing=size, floor_layer=size, layer_growth=1.0)


def solve(solver: Solver, cells: int, tolerances: Any) -> tuple[Array, Array, Array]:
    """Medium, its exact cell means, and the exact solution of its finite volumes [nM].

    Parameters
    ----------
    solver : Solver
        `sdf1_field.solvers.cosine` or `.fipy`.
    cells : int
        Across the box, an odd multiple of `COARSEST`; the cells are cubes.
    tolerances : Tolerances
        The solver's own.

    Returns
    -------
    tuple of ndarray, shape (nz, ny, nx)
    """
    grid = _box(cells)
    edges = np.linspace(0.0, WIDTH, cells + 1)
    prepared, state = _released(solver, grid, TIME, tolerances)
    exact = _product(
        2 * _gaussian_means(grid.z_edges, 2 * HEIGHT), _gaussian_means(edges - WIDTH / 2, WIDTH)
    )
    volumes = _product(_exchanged(grid.z_edges, 0), _exchanged(edges, cells // 2))
    return solver.column(prepared, state), exact, volumes


def measure(solver: Solver, cells: int, tolerances: Any) -> Error:
    """Errors of the medium at `TIME`; arguments as of `solve`."""
    solved, exact, volumes = solve(solver, cells, tolerances)
    every = slice(cells // COARSEST // 2, None, cells // COARSEST)
    floor = np.abs(solved - exact)[0, every, every]
    return Error(
        total=float(floor.max() / exact.max()),
        in_time=float(np.abs(solved - volumes).max() / volumes.max()),
    )


def left(solver: Solver, cells: int, until: float, tolerances: Any) -> float:
    """Molecules left at a time [s] over ``N exp(-k t)``: 1 whatever the cells' size.

    Parameters
    ----------
    solver : Solver
    cells : int
        Across the box, odd; the cells are cubes.
    until : float
        [s].
    tolerances : Tolerances
    """
    grid = _box(cells)
    prepared, state = _released(solver, grid, until, tolerances)
    volumes = grid.dx * grid.dy * grid.thickness[:, None, None]
    molecules = (solver.column(prepared, state) * volumes).sum() * PER_UM3
    return float(molecules / (AMOUNT * np.exp(-LOSS_RATE * until)))


def spread(solver: Solver, cells: int, until: float, tolerances: Any) -> float:
    """Variance in x over ``2 D t``: 1 whatever the cells' size, until the ligand is at a wall.

    Parameters
    ----------
    solver, cells, until, tolerances
        As of `left`.
    """
    grid = _box(cells)
    prepared, state = _released(solver, grid, until, tolerances)
    along_x = solver.column(prepared, state).sum(axis=(0, 1))
    variance = (along_x * (grid.x - WIDTH / 2) ** 2).sum() / along_x.sum()
    return float(variance / (2 * DIFFUSIVITY * until))


def main() -> None:
    """Write table and figure."""
    # Run as a script: the folder is on the path, the package of validation cases is not.
    from report import COLOURS, LAW, draw_errors, figure, observed_orders, save, table, write_table

    exactly = cosine.Tolerances(relative=1e-13)
    drawn, (profile, in_space, in_time) = figure("Burst on the floor", panels=3)

    counts = (15, 45, 75, 105, 135)
    sizes = [WIDTH / n for n in counts]
    found = [measure(cosine, n, exactly) for n in counts]
    total = [e.total for e in found]
    rows: list[list[object]] = [
        [size, error.total, order, error.in_time]
        for size, error, order in zip(
            sizes, found, ["", *observed_orders(sizes, total)], strict=True
        )
    ]
    draw_errors(in_space, sizes, total, order=2, label="cosine")
    in_space.set_xticks(sizes, [f"{size:.2g}" for size in sizes])
    in_space.set_xticks([], minor=True)
    in_space.set(xlabel="cell size [µm]", ylabel="largest error on the floor / peak")
    in_space.legend(frameon=False, fontsize=8)

    steps = [0.4, 0.2, 0.1, 0.05, 0.025]
    late = [
        measure(fipy, 15, fipy.Tolerances(time_step=step, linear_solver="cg")) for step in steps
    ]
    errors = [e.in_time for e in late]
    rows_in_time = [
        [step, error, order]
        for step, error, order in zip(
            steps, errors, ["", *observed_orders(steps, errors)], strict=True
        )
    ]
    draw_errors(in_time, steps, errors, order=1, label="fipy, cells of 12 µm", series=1)
    in_time.set_xticks(steps, [f"{step:g}" for step in steps])
    in_time.set_xticks([], minor=True)
    in_time.set(xlabel="time step [s]", ylabel="largest error against exact volumes / peak")
    in_time.legend(frameon=False, fontsize=8)

    r = np.linspace(0.0, 90.0, 200)
    profile.plot(r, half_space(r), color=LAW, label="law over an infinite floor")
    grid = _box(45)
    solved, exact, _ = solve(cosine, 45, exactly)
    right = slice(22, None)
    distance = grid.x[right] - WIDTH / 2
    profile.plot(
        distance, exact[0, 22, right], "_", color=LAW, ms=10,
        label="exact mean of lowest layer, with walls and top",
    )  # fmt: skip
    profile.plot(
        distance, solved[0, 22, right], "o", color=COLOURS[0], ms=4, label="cosine, cells of 4 µm"
    )
    profile.set(
        xlabel="distance from the burst [µm]",
        ylabel=f"floor concentration after {TIME:g} s [nM]",
        xlim=(0.0, None),
        ylim=(0.0, None),
    )
    profile.legend(frameon=False, fontsize=8)
    save(drawn, Path(__file__).with_suffix(".png"))

    kept = left(cosine, 45, 20.0, exactly)
    variance = spread(cosine, 45, 0.5, exactly)
    write_table(
        Path(__file__).with_suffix(".md"),
        "Burst on the floor",
        f"""{AMOUNT:g} molecules at once in the middle of the floor of a closed box of
{WIDTH:g} x {WIDTH:g} x {HEIGHT:g} µm, D = {DIFFUSIVITY:g} µm²/s, k = {LOSS_RATE:g} 1/s,
after {TIME:g} s. `burst.py` has equation and reference.

The cosine solver holds N exp(-k t) after 20 s to {abs(kept - 1):.0e}, and has spread it by a
variance of 2 D t after 0.5 s, when the walls are still far, to {abs(variance - 1):.0e}, relative.

The fipy solver in cells of 12 µm, against the exact solution of the same finite volumes, over the
peak:

"""
        + table(["time step [s]", "error in time", "observed order"], rows_in_time)
        + """

The cosine solver, against the law with images at the floor's places common to all grids (total) and
against the exact solution of the same finite volumes (in time), over the peak:""",
        ["cell size [µm]", "error, total", "observed order", "error in time"],
        rows,
    )


if __name__ == "__main__":
    main()
