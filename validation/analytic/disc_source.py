"""Steady disc on the floor that secretes evenly, as a body or a large migrasome does, with loss.

    D lap(c) = k c,    q molecules/s leave a disc of radius a of the floor z = 0

Over an infinite floor, with ``L = sqrt(D / k)`` and ``w = sqrt(p**2 + 1 / L**2)``,

    c(r, z) = q / (pi a**2 D) int_0^inf J0(p r) J1(p a) a exp(-w z) / w dp,
    c(0, z) = q L / (pi a**2 D) (exp(-z / L) - exp(-sqrt(z**2 + a**2) / L)),

and under a closed top at z = H the profile is ``cosh(w (H - z)) / sinh(w H)`` in place of
``exp(-w z)``. No-flux sides of a box with the disc in its middle add images at multiples
of W. The reference takes the integral of the mean over the lowest layer, by Gauss quadrature in
p, sums the images and averages over each cell. A cell under the rim secretes by the part of it
that the disc covers.

References
----------
Carslaw & Jaeger (1959) Conduction of Heat in Solids, 2nd ed., 8.2 (flux over a circle).

python validation/analytic/disc_source.py        # writes disc_source.md and disc_source.png
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Avogadro
from scipy.interpolate import CubicSpline
from scipy.special import j0, j1

from sdf1_field.grid import Grid, make_grid
from sdf1_field.solvers import Solver, cosine, fipy
from sdf1_field.transport import Transport

Array = NDArray[np.float64]

PER_UM3 = Avogadro * 1e-24
"""Molecules/um**3 in 1 nM; the program's own number is under test."""
RATE, RADIUS = 100.0, 30.0
"""Of the disc [molecules/s] and [um]: as large as a cell's body."""
DIFFUSIVITY, LENGTH = 150.0, 30.0
"""That of the model [um**2/s], and a screening length that fits into the box [um]."""
LOSS_RATE = DIFFUSIVITY / LENGTH**2
WIDTH, HEIGHT = 180.0, 60.0
COARSEST = 15
"""Cells across the coarsest grid. Odd multiples of it have a cell around each of its centres."""
REACH = 15 * LENGTH
"""Images farther away add less than exp(-13) of the rim's value."""
RIM = 10.0
"""Nearer to the rim than this [um] places are counted by themselves: the slope of c is infinite
at it, and no scheme is of second order there."""
_PANEL = 8
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)


@dataclass(frozen=True)
class Field:
    """Floor in one octant: distance [um], values and exact ones [nM], nearest first."""

    distance: Array
    solved: Array
    exact: Array


@dataclass(frozen=True)
class Error:
    """Largest differences, relative to the value in the middle.

    Parameters
    ----------
    centre : float
        In the middle of the disc.
    away, rim : float
        Farther from the rim than `RIM`, and nearer.
    """

    centre: float
    away: float
    rim: float


def on_axis(z: Array) -> Array:
    """Closed form over an infinite floor [nM], at heights [um] over the disc's middle."""
    fall = np.exp(-z / LENGTH) - np.exp(-np.hypot(z, RADIUS) / LENGTH)
    return RATE * LENGTH / (np.pi * RADIUS**2 * DIFFUSIVITY) * fall / PER_UM3


def _profile(w: Array, layer: float, height: float) -> Array:
    """Mean over the lowest layer [um] of ``cosh(w (H - z)) / sinh(w H)``."""
    below = -np.expm1(-2 * w * height)
    above = -np.expm1(-2 * w * (height - layer)) if np.isfinite(height) else 1.0
    mean: Array = (below - np.exp(-w * layer) * above) / (w * layer * below)
    return mean


def hankel(distance: Array, layer: float, *, height: float = np.inf, finest: float) -> Array:
    """Mean over the lowest layer [nM] at distances from the axis.

    Parameters
    ----------
    distance : ndarray, shape (n,)
        [um].
    layer : float
        Thickness of the lowest layer [um].
    height : float
        Of the closed top [um].
    finest : float
        Largest ``p`` [1/um]; what is left out falls with its third power.
    """
    scale = max(float(distance.max()), 2 * RADIUS, 4 * LENGTH)
    panels = int(finest * scale / (2 * np.pi)) + 1
    nodes, weights = np.polynomial.legendre.leggauss(_PANEL)
    width = finest / panels
    p = ((np.arange(panels)[:, None] + 0.5 * (1 + nodes)) * width).ravel()
    w = np.sqrt(p**2 + 1 / LENGTH**2)
    amplitude = np.tile(0.5 * width * weights, panels) * j1(p * RADIUS) * RADIUS / w
    amplitude *= _profile(w, layer, height) * RATE / (np.pi * RADIUS**2 * DIFFUSIVITY * PER_UM3)
    return np.array([j0(p * r) @ amplitude for r in distance])


def cell_means(grid: Grid, x: Array, y: Array) -> Array:
    """Exact means over cells of the lowest layer around places [um] from the disc's middle."""
    # Knots of a spline over the distance, crowded at the rim where the slope is steepest.
    crowd = np.linspace(-1.0, 1.0, 41)
    near = np.union1d(np.arange(WIDTH), np.round(RADIUS + 6.0 * crowd * np.abs(crowd), 9))
    far = np.arange(WIDTH, REACH + WIDTH, 4.0)
    layer = float(grid.thickness[0])
    values = [
        hankel(near, layer, height=HEIGHT, finest=40.0),
        hankel(far, layer, height=HEIGHT, finest=8.0),
    ]
    radial = CubicSpline(np.concatenate([near, far]), np.concatenate(values))
    sides = int(REACH / WIDTH) + 1
    mean = np.zeros(x.size)
    for a, in_x in zip(_NODES, _WEIGHTS, strict=True):
        for b, in_y in zip(_NODES, _WEIGHTS, strict=True):
            for n in range(-sides, sides + 1):
                for m in range(-sides, sides + 1):
                    if WIDTH * np.hypot(n, m) < REACH:
                        across = x + 0.5 * a * grid.dx - n * WIDTH
                        along = y + 0.5 * b * grid.dy - m * WIDTH
                        mean += in_x * in_y / 4 * radial(np.hypot(across, along))
    return mean


def covered(grid: Grid) -> Array:
    """Area of each floor cell that the disc covers [um**2], shape (ny, nx), exactly."""

    def from_axes(x: Array, y: Array) -> Array:
        """Area of the disc between the axes and a corner, odd in both coordinates."""
        sign, x, y = np.sign(x * y), np.minimum(np.abs(x), RADIUS), np.minimum(np.abs(y), RADIUS)

        def under_arc(x: Array) -> Array:
            return 0.5 * (x * np.sqrt(RADIUS**2 - x**2) + RADIUS**2 * np.arcsin(x / RADIUS))

        cut = np.minimum(np.sqrt(RADIUS**2 - y**2), x)
        return sign * (cut * y + under_arc(x) - under_arc(cut))

    x = np.linspace(-0.5, 0.5, grid.nx + 1) * grid.width
    y = np.linspace(-0.5, 0.5, grid.ny + 1) * grid.length
    corners = from_axes(x[None, :], y[:, None])
    return np.diff(np.diff(corners, axis=0), axis=1)


def _steady(solver: Solver, grid: Grid, tolerances: Any) -> Array:
    """Concentration everywhere [nM] around the disc in the middle of the floor."""
    secretion = RATE / (np.pi * RADIUS**2) * covered(grid) / (grid.dx * grid.dy)
    prepared = solver.prepare(grid, Transport(DIFFUSIVITY, LOSS_RATE), tolerances)
    state = solver.steady(prepared, secretion, time=0.0, tolerances=tolerances)
    values: Array = solver.column(prepared, state)
    return values


def solve(solver: Solver, cells: int, tolerances: Any) -> Field:
    """Floor at places common to all grids, and its exact cell means.

    Parameters
    ----------
    solver : Solver
        `sdf1_field.solvers.cosine` or `.fipy`.
    cells : int
        Across the box, an odd multiple of `COARSEST`; the cells are cubes.
    tolerances : Tolerances
        The solver's own.
    """
    size = WIDTH / cells
    grid = make_grid(WIDTH, WIDTH, HEIGHT, spacing=size, floor_layer=size, layer_growth=1.0)
    every = slice(cells // COARSEST // 2, None, cells // COARSEST)
    floor = _steady(solver, grid, tolerances)[0, every, every]
    x, y = np.meshgrid(grid.x[every] - 0.5 * WIDTH, grid.y[every] - 0.5 * WIDTH)
    # One octant: the others are its mirror images.
    chosen = (y > -0.5 * size) & (x > y - 0.5 * size)
    exact = cell_means(grid, x[chosen], y[chosen])
    distance = np.hypot(x, y)[chosen]
    order = np.argsort(distance, kind="stable")
    return Field(distance[order], floor[chosen][order], exact[order])


def measure(solver: Solver, cells: int, tolerances: Any) -> Error:
    """Errors of the floor's cell means; arguments as of `solve`."""
    field = solve(solver, cells, tolerances)
    error = np.abs(field.solved - field.exact) / field.exact[0]
    away = np.abs(field.distance - RADIUS) > RIM
    return Error(
        centre=float(error[0]), away=float(error[away].max()), rim=float(error[~away].max())
    )


def measure_centre(solver: Solver, cells: int, tolerances: Any) -> float:
    """Value at the disc's middle on the floor, relative to the closed form over an infinite floor.

    In a box so large that walls and top add less than 0.1 %. The value at z = 0 is extrapolated
    from the two lowest layers' means by the parabola through them that leaves the floor with the
    slope that the flux asks for.

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
    lowest, second = _steady(solver, grid, tolerances)[:2, cells // 2, cells // 2]
    slope = -RATE / (np.pi * RADIUS**2 * DIFFUSIVITY * PER_UM3)
    # Means of c0 + slope z + bend z**2 over both layers.
    bend = (second - lowest - slope * size) / (2 * size**2)
    floor = lowest - slope * size / 2 - bend * size**2 / 3
    return float(floor / on_axis(np.zeros(1))[0])


def main() -> None:
    """Write table and figure."""
    # Run as a script: the folder is on the path, the package of validation cases is not.
    from report import COLOURS, LAW, draw_errors, figure, observed_orders, save, table, write_table

    by_name = {
        "cosine": (cosine, cosine.Tolerances(relative=1e-13), (15, 45, 75, 105, 135, 165, 225)),
        "fipy": (fipy, fipy.Tolerances(linear_solver="cg"), (15, 45)),
    }
    drawn, (profile, errors) = figure("Steady disc on the floor, screened by loss")
    rows: list[list[object]] = []
    for name, (solver, tolerances, counts) in by_name.items():
        found = [measure(solver, n, tolerances) for n in counts]
        sizes = [WIDTH / n for n in counts]
        away, rim = [e.away for e in found], [e.rim for e in found]
        rows += [
            [name, size, error.centre, error.away, order, error.rim, order_at_rim]
            for size, error, order, order_at_rim in zip(
                sizes,
                found,
                ["", *observed_orders(sizes, away)],
                ["", *observed_orders(sizes, rim)],
                strict=True,
            )
        ]
        where = (f"{name}, farther from the rim than {RIM:g} µm", f"{name}, nearer")
        if solver is cosine:
            errors.plot(sizes[0], away[0], "o", color=COLOURS[0], ms=5)
            # The coarsest grid has five cells across the disc: no order shows yet.
            draw_errors(errors, sizes[1:], away[1:], order=2, label=where[0])
            errors.plot(sizes, rim, "s", color=COLOURS[1], ms=5, label=where[1])
            errors.set_xticks(sizes, [f"{size:.2g}" for size in sizes])
            errors.set_xticks([], minor=True)
        else:
            errors.plot(sizes, away, "o", color=COLOURS[0], mfc="none", ms=9, label=where[0])
            errors.plot(sizes, rim, "s", color=COLOURS[1], mfc="none", ms=9, label=where[1])
    errors.set(xlabel="cell size [µm]", ylabel="largest error / value in the middle")
    errors.legend(frameon=False, fontsize=8)

    r = np.linspace(0.0, 90.0, 361)
    profile.plot(r, hankel(r, 1e-6, finest=80.0), color=LAW, label="law over an infinite floor")
    profile.plot(
        0.0, on_axis(np.zeros(1))[0], "D", color=LAW, mfc="white", label="closed form, middle"
    )
    field = solve(cosine, 75, cosine.Tolerances(relative=1e-13))
    shown = field.distance <= 0.5 * WIDTH
    profile.plot(
        field.distance[shown], field.exact[shown], "_", color=LAW, ms=12,
        label="exact mean of lowest layer, with walls and top",
    )  # fmt: skip
    profile.plot(
        field.distance[shown], field.solved[shown], "o", color=COLOURS[0], ms=4, label="cosine"
    )
    profile.axvline(RADIUS, color="0.7", lw=1)
    profile.set(xlabel="distance from the disc's middle [µm]", ylabel="floor concentration [nM]")
    profile.set(xlim=(0.0, None), ylim=(0.0, None))
    profile.legend(frameon=False, fontsize=8)
    save(drawn, Path(__file__).with_suffix(".png"))

    middle = [
        [2 * WIDTH / n, measure_centre(cosine, n, cosine.Tolerances(relative=1e-13))]
        for n in (31, 61, 91, 121)
    ]
    write_table(
        Path(__file__).with_suffix(".md"),
        "Disc on the floor",
        f"""{RATE:g} molecules/s from a disc of radius {RADIUS:g} µm in the middle of the floor of a
closed box of {WIDTH:g} x {WIDTH:g} x {HEIGHT:g} µm, D = {DIFFUSIVITY:g} µm²/s, L = {LENGTH:g} µm,
cubic cells. `disc_source.py` has equation and reference.

Value in the disc's middle at z = 0 (extrapolated), in a box twice as wide and thrice as high, over
the closed form q L (1 - exp(-a / L)) / (pi a² D):

"""
        + table(["cell size [µm]", "middle / closed form"], middle)
        + f"""

Errors of floor cell means against the Hankel integral with images, over the value in the middle,
at places common to all grids. Those within {RIM:g} µm of the rim are counted by themselves: the
field's slope is infinite at it, and the error depends on where the rim cuts the cells.""",
        ["solver", "cell size [µm]", "middle", "away from the rim", "order", "at the rim", "order"],
        rows,
    )


if __name__ == "__main__":
    main()
