"""Steady point source on the floor of a closed dish, and of one under a bath, with loss.

    D lap(c) = k c,    q molecules/s leave one place of the floor z = 0

Over an infinite floor all of it goes into half a space,

    c(r) = q exp(-r / L) / (2 pi D r),    L = sqrt(D / k),

and in a box whose source is in the middle of the floor the no-flux sides add the same law
around images at all multiples of W, a closed top around images at multiples of 2 H; a bath of
0 nM gives every other one of these a minus sign. The reference sums this lattice of images until
nothing is left, and averages it over each cell of the lowest layer, since the program's values
are cell means.

References
----------
Carslaw & Jaeger (1959) Conduction of Heat in Solids, 2nd ed., ch. 10 (sources), ch. 14 (images).

python validation/analytic/point_source.py        # writes point_source.md and point_source.png
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Avogadro

from sdf1_field.grid import Grid, make_grid
from sdf1_field.solvers import Solver, cosine, fipy
from sdf1_field.transport import Transport

Array = NDArray[np.float64]

PER_UM3 = Avogadro * 1e-24
"""Molecules/um**3 in 1 nM; the program's own number is under test."""
RATE = 3.0
"""Of the source [molecules/s]."""
DIFFUSIVITY, LENGTH = 150.0, 30.0
"""That of the model [um**2/s], and a screening length that fits into the box [um]."""
LOSS_RATE = DIFFUSIVITY / LENGTH**2
WIDTH, HEIGHT = 180.0, 60.0
COARSEST = 15
"""Cells across the coarsest grid. Odd multiples of it have a cell around each of its centres."""
NEAR, FAR = 36.0, 80.0
"""Ring of places compared [um]: three of the coarsest cells from the source, and to the walls."""
REACH = 25 * LENGTH
"""Images farther away add less than exp(-20) of what is there."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)


@dataclass(frozen=True)
class Field:
    """Floor in one octant around the source: places [um] from it, values and exact ones [nM]."""

    x: Array
    y: Array
    solved: Array
    exact: Array


def half_space(distance: Array) -> Array:
    """The screened law over an infinite floor [nM], at distances [um] of any shape."""
    return RATE * np.exp(-distance / LENGTH) / (2 * np.pi * DIFFUSIVITY * distance) / PER_UM3


def in_box(x: Array, y: Array, z: Array, top: str) -> Array:
    """Concentration [nM] in the box at places [um], shape (n,), counted from the source."""
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape))
    sides, heights = int(REACH / WIDTH) + 1, int(REACH / (2 * HEIGHT)) + 1
    for p in range(-heights, heights + 1):
        sign = -1.0 if top == "bath" and p % 2 else 1.0
        for n in range(-sides, sides + 1):
            for m in range(-sides, sides + 1):
                if np.hypot(WIDTH * np.hypot(n, m), 2 * p * HEIGHT) < REACH:
                    across = (x - n * WIDTH) ** 2 + (y - m * WIDTH) ** 2
                    total += sign * half_space(np.sqrt(across + (z - 2 * p * HEIGHT) ** 2))
    return total


def cell_means(grid: Grid, x: Array, y: Array, top: str) -> Array:
    """`in_box` averaged over cells of the lowest layer around places [um] from the source."""
    mean = np.zeros(x.size)
    for a, in_x in zip(_NODES, _WEIGHTS, strict=True):
        for b, in_y in zip(_NODES, _WEIGHTS, strict=True):
            for c, in_z in zip(_NODES, _WEIGHTS, strict=True):
                mean += (in_x * in_y * in_z / 8) * in_box(
                    x + 0.5 * a * grid.dx,
                    y + 0.5 * b * grid.dy,
                    np.full(1, 0.5 * (1 + c) * grid.thickness[0]),
                    top,
                )
    return mean


def _steady(solver: Solver, grid: Grid, top: str, tolerances: Any) -> Array:
    """Concentration everywhere [nM] around a source in the middle of the floor."""
    middle = np.array([0.5 * grid.width])
    secretion = grid.deposit(middle, middle, np.array([RATE])) / (grid.dx * grid.dy)
    bath = 0.0 if top == "bath" else None
    prepared = solver.prepare(grid, Transport(DIFFUSIVITY, LOSS_RATE, bath=bath), tolerances)
    state = solver.steady(prepared, secretion, time=0.0, tolerances=tolerances)
    values: Array = solver.column(prepared, state)
    return values


def solve(
    solver: Solver, cells: int, tolerances: Any, *, top: str = "closed", near: float = NEAR
) -> Field:
    """Floor at places common to all grids, and its exact cell means.

    Parameters
    ----------
    solver : Solver
        `sdf1_field.solvers.cosine` or `.fipy`.
    cells : int
        Across the box, an odd multiple of `COARSEST`; the cells are cubes.
    tolerances : Tolerances
        The solver's own.
    top : str
        ``"closed"`` or ``"bath"``.
    near : float
        Least distance from the source [um].
    """
    size = WIDTH / cells
    grid = make_grid(WIDTH, WIDTH, HEIGHT, spacing=size, floor_layer=size, layer_growth=1.0)
    every = slice(cells // COARSEST // 2, None, cells // COARSEST)
    floor = _steady(solver, grid, top, tolerances)[0, every, every]
    x, y = np.meshgrid(grid.x[every] - 0.5 * WIDTH, grid.y[every] - 0.5 * WIDTH)
    distance = np.hypot(x, y)
    # One octant: the others are its mirror images.
    chosen = (y > -0.5 * size) & (x > y - 0.5 * size) & (distance >= near) & (distance <= FAR)
    x, y = x[chosen], y[chosen]
    return Field(x, y, floor[chosen], cell_means(grid, x, y, top))


def measure(solver: Solver, cells: int, tolerances: Any, *, top: str = "closed") -> float:
    """Largest relative error of the floor's cell means in the ring; arguments as of `solve`."""
    field = solve(solver, cells, tolerances, top=top)
    return float(np.abs(field.solved / field.exact - 1.0).max())


def law(solver: Solver, cells: int, tolerances: Any) -> tuple[float, float]:
    """Strength and screening length of the floor's field, each relative to the law's.

    In a box so wide that the images add less than 0.1 %, ``ln(2 pi D r c / q)`` is fitted by a
    straight line in r, between one and two lengths from the source. The value at z = 0 is
    extrapolated from the means of the two lowest layers by the parabola that is flat there.

    Parameters
    ----------
    solver : Solver
    cells : int
        Across the box, odd; the cells are cubes.
    tolerances : Tolerances
    """
    width = 2 * WIDTH
    size = width / cells
    grid = make_grid(width, width, 0.5 * width, spacing=size, floor_layer=size, layer_growth=1.0)
    lowest, second = _steady(solver, grid, "closed", tolerances)[:2, cells // 2]
    floor = lowest + (lowest - second) / 6.0
    distance = grid.x - 0.5 * width
    chosen = (distance >= LENGTH) & (distance <= 2 * LENGTH)
    r, c = distance[chosen], floor[chosen]
    slope, intercept = np.polyfit(r, np.log(2 * np.pi * DIFFUSIVITY * r * c * PER_UM3 / RATE), 1)
    return float(np.exp(intercept)), float(-1.0 / (slope * LENGTH))


def main() -> None:
    """Write table and figure."""
    # Run as a script: the folder is on the path, the package of validation cases is not.
    from report import COLOURS, LAW, draw_errors, figure, observed_orders, save, table, write_table

    by_name = {
        "cosine": (cosine, cosine.Tolerances(relative=1e-13), (15, 45, 75, 105, 135)),
        "fipy": (fipy, fipy.Tolerances(linear_solver="cg"), (15, 45)),
    }
    drawn, (profile, errors) = figure("Steady point source on the floor, screened by loss")
    rows: list[list[object]] = []
    for name, (solver, tolerances, counts) in by_name.items():
        sizes = [WIDTH / n for n in counts]
        for series, top in enumerate(("closed", "bath")):
            found = [measure(solver, n, tolerances, top=top) for n in counts]
            rows += [
                [name, top, size, error, order]
                for size, error, order in zip(
                    sizes, found, ["", *observed_orders(sizes, found)], strict=True
                )
            ]
            label = f"{name}, {top} top"
            if solver is cosine:
                draw_errors(errors, sizes, found, order=2, label=label, series=series)
                errors.set_xticks(sizes, [f"{size:.2g}" for size in sizes])
                errors.set_xticks([], minor=True)
            else:
                open_mark = {"ls": "", "marker": "os"[series], "mfc": "none", "ms": 9}
                errors.plot(sizes, found, label=label, color=COLOURS[series], **open_mark)
    errors.set(xlabel="cell size [µm]", ylabel="largest relative error in the ring")
    errors.legend(frameon=False, fontsize=8)

    r = np.linspace(8.0, 90.0, 200)
    zero = np.zeros(1)
    profile.semilogy(r, half_space(r), color=LAW, label="law over an infinite floor")
    for series, (top, style) in enumerate((("closed", "--"), ("bath", ":"))):
        exact = in_box(r, zero, zero, top)
        profile.plot(r, exact, style, color=COLOURS[series], label=f"with images, {top} top")
        field = solve(cosine, 75, cosine.Tolerances(relative=1e-13), top=top, near=10.0)
        row = field.y == 0.0
        mark = {"ls": "", "marker": "os"[series], "ms": 4, "color": COLOURS[series]}
        profile.plot(field.x[row], field.solved[row], label=f"cosine, {top} top", **mark)
    profile.set(xlabel="distance from the source [µm]", ylabel="floor concentration [nM]")
    profile.set_xlim(0.0, None)
    profile.legend(frameon=False, fontsize=8)
    save(drawn, Path(__file__).with_suffix(".png"))

    laws = [
        [2 * WIDTH / n, *law(cosine, n, cosine.Tolerances(relative=1e-13))]
        for n in (31, 61, 91, 121)
    ]
    write_table(
        Path(__file__).with_suffix(".md"),
        "Point source on the floor",
        f"""{RATE:g} molecules/s in the middle of the floor of a box of {WIDTH:g} x {WIDTH:g} x
{HEIGHT:g} µm, D = {DIFFUSIVITY:g} µm²/s, L = {LENGTH:g} µm, cubic cells. `point_source.py` has
equation and reference.

Strength (prefactor) and screening length that a straight line through ln(r c) finds between L and
2 L in a box twice as wide and thrice as high, over q / (2 pi D) and sqrt(D / k):

"""
        + table(["cell size [µm]", "strength / law", "length / law"], laws)
        + f"""

Largest relative error of floor cell means against the lattice of images, {NEAR:g} to {FAR:g} µm
from the source, at places common to all grids:""",
        ["solver", "top", "cell size [µm]", "error", "observed order"],
        rows,
    )


if __name__ == "__main__":
    main()
