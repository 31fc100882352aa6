"""A front of ligand that creeps over a coat, slowed down by what it binds.

A thin layer of medium of height H over the coat, ligand let in along the edge x = 0:

    H dc/dt = H D d2c/dx2 - H k c - j,    -H D dc/dx = Q at x = 0,    0 at x = W
    db/dt = j - k_b b,    j = k_on c (B - b) - k_off b

with Q in molecules/(um s), c here in molecules/um**3.

Little ligand (c << K_S = k_off / k_on): the coat is linear. Each cosine mode of c and b is two
linear equations, whose matrix exponential is the exact solution. Where the coat is faster than
the front it holds b = B c / K_S, and the front diffuses with D / (1 + B / (K_S H)) as if
everything were diluted:

    c = (Q / (H D)) 2 sqrt(D' t) ierfc(x / (2 sqrt(D' t))),    D' = D / (1 + B / (K_S H)).

Much ligand (c >> K_S), bound for good: the front is sharp. Behind it the coat is full and c falls
linearly, and what was let in is found again:

    Q t = B x_f + Q x_f**2 / (2 D)        if Q x_f << D B.

The front has a width ``lambda = sqrt(D H / (k_on B))``. Moving along with it, with u the
concentration over that scale and p = du/d(x / lambda) = -b / B,

    u'' = u (1 + u')    or    p - ln(1 + p) = u**2 / 2,

which gives the distance from 10 % to 90 % of full as 3.447 lambda, and the place where the coat is
half full as 0.161 lambda behind x_f. Both integrals are done numerically here.

References
----------
Crank (1975) The Mathematics of Diffusion, 2nd ed., ch. 14 (diffusion with binding).
Carslaw & Jaeger (1959) Conduction of Heat in Solids, 2nd ed., 2.9 (constant flux).

python validation/analytic/coated_slab.py        # writes coated_slab.md and coated_slab.png
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.constants import Avogadro
from scipy.integrate import quad
from scipy.special import erfc

from sdf1_field.grid import Grid, make_grid
from sdf1_field.solvers import Solver, cosine, fipy
from sdf1_field.sources import constant
from sdf1_field.transport import Coat, Transport

Array = NDArray[np.float64]

PER_UM3 = Avogadro * 1e-24
"""Molecules/um**3 in 1 nM; the program's own number is under test."""
DIFFUSIVITY, HEIGHT = 150.0, 0.02
"""That of the model [um**2/s], and a layer [um] so thin that it is level."""

# The linear coat
WIDTH, TIME = 500.0, 600.0
TRICKLE = 1e-8
"""Let in per length of edge [molecules/(um s)]: a ten-millionth of the coat's K_S."""
LOSS_RATE = 1e-4
LINEAR = Coat(sites=0.5, association_rate=2e-3, dissociation_rate=8e-3, loss_rate=1e-3)
HALF = LINEAR.dissociation_rate / LINEAR.association_rate
"""``K_S`` [nM]."""
_MODES = 40_000
SMALL = 1e-14
"""Absolute tolerance: a ten-millionth of the medium's values [nM]."""

# The saturating coat
FLOOD, SITES, FRONT = 0.075, 5.0, 100.0
"""Let in [molecules/(um s)]; sites [1/um**2]; and how far the front is to come [um].

``Q x_f / (D B)`` is 0.01: diffusion behind the front is at rest up to a third of its square.
"""
CELLS_ACROSS_FRONT = 6
"""Cells for each ``lambda``."""


@dataclass(frozen=True)
class Slab:
    """Cell means along the slab: places [um], medium [nM] and coat [molecules/um**2]."""

    x: Array
    medium: Array
    bound: Array


@dataclass(frozen=True)
class Error:
    """Largest differences in the medium and on the coat, relative to the highest values."""

    medium: float
    bound: float


@dataclass(frozen=True)
class Front:
    """Sharp front: how wide it is and how far from the law, both over ``lambda``.

    Parameters
    ----------
    width : float
        From 10 % to 90 % of full.
    lag : float
        Of the half-full place behind the law's ``x_f``.
    miss : float
        The same lag over ``x_f``.
    """

    width: float
    lag: float
    miss: float


def _grid(width: float, cells: int) -> Grid:
    size = width / cells
    return make_grid(width, size, HEIGHT, spacing=size, floor_layer=HEIGHT, layer_growth=1.0)


def _let_in(
    solver: Solver, grid: Grid, transport: Transport, rate: float, until: float, tolerances: Any
) -> Slab:
    """Slab at a time [s] after ligand began to come in [molecules/(um s)] at x = 0."""
    prepared = solver.prepare(grid, transport, tolerances)
    secretion = np.zeros((1, grid.nx))
    secretion[0, 0] = rate / grid.dx
    state = solver.start(prepared, time=0.0, tolerances=tolerances)
    state = solver.advance(prepared, state, constant(secretion), until, tolerances=tolerances)
    return Slab(grid.x, solver.floor(prepared, state)[0], state.bound[0])


def _error(solved: Slab, exact: Slab) -> Error:
    return Error(
        medium=float(np.abs(solved.medium - exact.medium).max() / exact.medium.max()),
        bound=float(np.abs(solved.bound - exact.bound).max() / exact.bound.max()),
    )


# --- linear coat --------------------------------------------------------------------------


def faster(times: float) -> Coat:
    """The linear coat with faster exchange, the same ``K_S``, and no loss."""
    return Coat(
        sites=LINEAR.sites,
        association_rate=LINEAR.association_rate * times,
        dissociation_rate=LINEAR.dissociation_rate * times,
        loss_rate=0.0,
    )


def retardation() -> float:
    """``1 + B / (K_S H)``."""
    return 1.0 + LINEAR.sites / (HALF * PER_UM3 * HEIGHT)


def _modes(lateral: Array, forcing: Array) -> tuple[Array, Array]:
    """Medium and coat [both nM in the layer] of modes that start empty under constant forcing.

    ``y = phi(M) f`` with ``phi(l) = (exp(l t) - 1) / l`` and the two eigenvalues of

        M = ((-lateral - k - taking, k_off), (taking, -k_off - k_b)),  taking = k_on B / H.
    """
    taking = LINEAR.association_rate * LINEAR.sites / (PER_UM3 * HEIGHT)
    leaving = LINEAR.dissociation_rate + LINEAR.loss_rate
    lost = lateral + LOSS_RATE
    half_trace = -0.5 * (lost + taking + leaving)
    root = np.sqrt((0.5 * (lost + taking - leaving)) ** 2 + taking * LINEAR.dissociation_rate)
    fast = half_trace - root
    # The product of both is the determinant; their sum would lose the slow one's digits.
    slow = (lost * leaving + taking * LINEAR.loss_rate) / fast

    def phi(eigenvalue: Array) -> Array:
        return np.expm1(eigenvalue * TIME) / eigenvalue

    difference = slow - fast
    medium = (
        forcing
        * (phi(slow) * (-lost - taking - fast) - phi(fast) * (-lost - taking - slow))
        / difference
    )
    bound = forcing * taking * (phi(slow) - phi(fast)) / difference
    return medium, bound


def exact_law(cells: int) -> Slab:
    """Cell means of the exact solution of the two linear equations."""
    grid = _grid(WIDTH, cells)
    wave = np.pi * np.arange(_MODES) / WIDTH
    forcing = np.full(_MODES, 2.0 * TRICKLE / (PER_UM3 * HEIGHT * WIDTH))
    forcing[0] *= 0.5
    medium, bound = _modes(DIFFUSIVITY * wave**2, forcing)
    cosines = np.cos(np.outer(grid.x, wave)) * np.sinc(0.5 * wave * grid.dx / np.pi)
    return Slab(grid.x, cosines @ medium, cosines @ bound * PER_UM3 * HEIGHT)


def exact_in_time(cells: int) -> Slab:
    """Exact solution of the finite volumes themselves."""
    grid = _grid(WIDTH, cells)
    wave = 2.0 / grid.dx * np.sin(0.5 * np.pi * np.arange(cells) / cells)
    begin = np.zeros(cells)
    begin[0] = TRICKLE / (PER_UM3 * HEIGHT * grid.dx)
    medium, bound = _modes(DIFFUSIVITY * wave**2, scipy.fft.dct(begin, norm="ortho"))
    return Slab(
        grid.x,
        scipy.fft.idct(medium, norm="ortho"),
        scipy.fft.idct(bound, norm="ortho") * PER_UM3 * HEIGHT,
    )


def retarded_law(x: Array) -> Array:
    """Medium [nM] at local equilibrium in a slab without end, at places [um]."""
    reach = 2.0 * np.sqrt(DIFFUSIVITY / retardation() * TIME)
    y = x / reach
    ierfc = np.exp(-(y**2)) / np.sqrt(np.pi) - y * erfc(y)
    return TRICKLE / (PER_UM3 * HEIGHT * DIFFUSIVITY) * reach * ierfc


def linear(solver: Solver, cells: int, tolerances: Any) -> Slab:
    """Slab over the linear coat at `TIME`."""
    transport = Transport(DIFFUSIVITY, LOSS_RATE, LINEAR)
    return _let_in(solver, _grid(WIDTH, cells), transport, TRICKLE, TIME, tolerances)


def measure(solver: Solver, cells: int, tolerances: Any) -> Error:
    """Error over the linear coat against the exact law, in space and time.

    Parameters
    ----------
    solver : Solver
        `sdf1_field.solvers.cosine` or `.fipy`.
    cells : int
        Along the slab.
    tolerances : Tolerances
        The solver's own.
    """
    return _error(linear(solver, cells, tolerances), exact_law(cells))


def measure_in_time(solver: Solver, cells: int, tolerances: Any) -> Error:
    """As `measure`, against the exact solution of the same finite volumes: in time alone."""
    return _error(linear(solver, cells, tolerances), exact_in_time(cells))


def retarded(solver: Solver, cells: int, times: float, tolerances: Any) -> Slab:
    """Slab over a linear coat without losses, with faster exchange, at `TIME`."""
    transport = Transport(DIFFUSIVITY, 0.0, faster(times))
    return _let_in(solver, _grid(WIDTH, cells), transport, TRICKLE, TIME, tolerances)


def found_again(solver: Solver, cells: int, until: float, tolerances: Any) -> float:
    """Ligand in medium and coat over what was let in until a time [s], without losses: 1."""
    transport = Transport(DIFFUSIVITY, 0.0, faster(1.0))
    slab = _let_in(solver, _grid(WIDTH, cells), transport, TRICKLE, until, tolerances)
    held = slab.medium * PER_UM3 * HEIGHT + slab.bound
    return float(held.sum() * WIDTH / cells / (TRICKLE * until))


def measure_retardation(solver: Solver, cells: int, times: float, tolerances: Any) -> float:
    """Difference of the medium from the retarded law, relative to its highest value.

    Parameters
    ----------
    solver, cells, tolerances
        As of `measure`.
    times : float
        How much faster the coat exchanges than `LINEAR` does.
    """
    slab = retarded(solver, cells, times, tolerances)
    law = retarded_law(slab.x)
    return float(np.abs(slab.medium - law).max() / law.max())


# --- saturating coat ----------------------------------------------------------------------


def time_of_front(place: float) -> float:
    """When the sharp front is at a place [um]: what came in is what is there."""
    return SITES * place / FLOOD + place**2 / (2 * DIFFUSIVITY)


def front_shape(full: float) -> float:
    """Place of a share of the coat's filling in the moving front, over ``lambda``, x_f being 0.

    With ``s = -ln(1 + p)``, ``dx = ds / u`` and ``u = sqrt(2 (exp(-s) - 1 + s))``.
    """

    def slope(s: float) -> float:
        return 1.0 / np.sqrt(2.0 * (np.expm1(-s) + s))

    # Far behind the front c is linear: there x = -u.
    behind = 40.0
    way, _ = quad(slope, -np.log1p(-full), behind, limit=200)
    return float(way - np.sqrt(2.0 * (np.expm1(-behind) + behind)))


def flooded(solver: Solver, width: float, tolerances: Any) -> Slab:
    """Slab over the saturating coat when the sharp front is at `FRONT`.

    Parameters
    ----------
    solver : Solver
    width : float
        ``lambda`` [um], from which follows how fast the coat binds.
    tolerances : Tolerances
    """
    coat = Coat(
        sites=SITES,
        association_rate=DIFFUSIVITY * HEIGHT * PER_UM3 / (width**2 * SITES),
        dissociation_rate=0.0,
        loss_rate=0.0,
    )
    length = FRONT + 6 * width
    grid = _grid(length, round(length / width * CELLS_ACROSS_FRONT))
    transport = Transport(DIFFUSIVITY, 0.0, coat)
    return _let_in(solver, grid, transport, FLOOD, time_of_front(FRONT), tolerances)


def measure_front(solver: Solver, width: float, tolerances: Any) -> Front:
    """Width and place of the front over the saturating coat; arguments as of `flooded`."""
    slab = flooded(solver, width, tolerances)
    full = slab.bound / SITES
    tenth, half, most = np.interp([-0.1, -0.5, -0.9], -full, slab.x)
    return Front(
        width=float((tenth - most) / width),
        lag=float((FRONT - half) / width),
        miss=float((FRONT - half) / FRONT),
    )


def _trickling(relative: float) -> cosine.Tolerances:
    """Tolerances for the linear coat's small values."""
    return cosine.Tolerances(relative=relative, absolute=SMALL, first_step=0.01)


def main() -> None:
    """Write table and figures."""
    # Run as a script: the folder is on the path, the package of validation cases is not.
    from report import COLOURS, LAW, draw_errors, figure, observed_orders, save, table, write_table

    # A slab is one row of cells, and rows are what threads share.
    numba.set_num_threads(1)

    def lines(name: str, sizes: list[float], errors: list[Error]) -> list[list[object]]:
        orders = (
            ["", *observed_orders(sizes, [getattr(e, part) for e in errors])]
            for part in ("medium", "bound")
        )
        return [
            [name, size, error.medium, in_medium, error.bound, on_coat]
            for size, error, in_medium, on_coat in zip(sizes, errors, *orders, strict=True)
        ]

    drawn, (profile, in_space, in_time) = figure("Slab over a linear coat", panels=3)
    counts = (25, 50, 100, 200)
    sizes = [WIDTH / n for n in counts]
    found = [measure(cosine, n, _trickling(1e-5)) for n in counts]
    rows_in_space = lines("cosine", sizes, found)
    draw_errors(in_space, sizes, [e.medium for e in found], order=2, label="cosine, medium")
    coat_errors = [e.bound for e in found]
    in_space.plot(sizes, coat_errors, "s", color=COLOURS[1], ms=5, label="cosine, coat")
    in_space.set_xticks(sizes, [f"{size:g}" for size in sizes])
    in_space.set_xticks([], minor=True)
    in_space.set(xlabel="cell size [µm]", ylabel="largest error / highest value")
    in_space.legend(frameon=False, fontsize=8)

    shares = [1e-2, 1e-3, 1e-4, 1e-5]
    found = [measure_in_time(cosine, 50, _trickling(share)) for share in shares]
    rows_in_time = lines("cosine, tolerance", shares, found)
    label = "cosine, against tolerance"
    draw_errors(in_time, shares, [e.bound for e in found], order=1, label=label)
    steps = [60.0, 30.0, 15.0]
    found = [
        measure_in_time(
            fipy, 25, fipy.Tolerances(time_step=step, absolute=SMALL, linear_solver="lu")
        )
        for step in steps
    ]
    rows_in_time += lines("fipy, step [s]", steps, found)
    label = "fipy, against step [s]"
    draw_errors(in_time, steps, [e.bound for e in found], order=1, label=label, series=1)
    decades = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0]
    in_time.set_xticks(decades, [f"{decade:g}" for decade in decades])
    in_time.set_xticks([], minor=True)
    in_time.set(
        xlabel="tolerance [1] or time step [s]", ylabel="error in time on the coat / highest"
    )
    in_time.legend(frameon=False, fontsize=8)

    speeds = [1.0, 4.0, 16.0, 64.0]
    apart = [measure_retardation(cosine, 200, speed, _trickling(1e-3)) for speed in speeds]
    orders = ["", *(-order for order in observed_orders(speeds, apart))]
    rows_of_speed = [
        [speed * LINEAR.dissociation_rate * TIME, error, order]
        for speed, error, order in zip(speeds, apart, orders, strict=True)
    ]
    for series, speed in enumerate(speeds[::2]):
        slab = retarded(cosine, 50, speed, _trickling(1e-3))
        count = speed * LINEAR.dissociation_rate * TIME
        mark = {"ls": "", "marker": "os"[series], "ms": 4, "color": COLOURS[series]}
        profile.plot(slab.x, slab.medium * 1e6, label=f"cosine, k_off t = {count:.3g}", **mark)
    x = np.linspace(0.0, WIDTH, 300)
    profile.plot(x, retarded_law(x) * 1e6, color=LAW, label="retarded law")
    profile.set(xlabel="distance from the edge [µm]", ylabel="medium [fM]", xlim=(0.0, 300.0))
    profile.legend(frameon=False, fontsize=8)
    save(drawn, Path(__file__).with_suffix(".png"))

    drawn, (profile, sharp) = figure("Slab over a coat that fills up")
    exactly = cosine.Tolerances(relative=1e-3)
    widths = [10.0, 5.0, 2.5, 1.25]
    fronts = [measure_front(cosine, width, exactly) for width in widths]
    misses = [front.miss for front in fronts]
    rows: list[list[object]] = [
        ["cosine", width, front.width, front.lag, front.miss, order]
        for width, front, order in zip(
            widths, fronts, ["", *observed_orders(widths, misses)], strict=True
        )
    ]
    for step in (240.0, 120.0):
        front = measure_front(fipy, widths[0], fipy.Tolerances(time_step=step, linear_solver="lu"))
        rows.append([f"fipy, {step:g} s", widths[0], front.width, front.lag, front.miss, ""])
    expected = [front_shape(0.1) - front_shape(0.9), -front_shape(0.5)]
    rows.append(["law", "", *expected, "", ""])

    share = np.linspace(0.003, 0.997, 200)
    places = np.array([front_shape(one) for one in share])
    for series, width in enumerate((10.0, 2.5)):
        slab = flooded(cosine, width, exactly)
        mark = {"ls": "", "marker": "os"[series], "ms": 3, "color": COLOURS[series]}
        profile.plot(slab.x, slab.bound / SITES, label=f"cosine, λ = {width:g} µm", **mark)
        shape = "shape of the moving front" if series == 0 else None
        profile.plot(FRONT + width * places, share, color=LAW, lw=1, label=shape)
    profile.axvline(FRONT, color="0.6", ls="--", lw=1, label="sharp front, from what came in")
    profile.set(xlabel="distance from the edge [µm]", ylabel="share of the coat's sites taken")
    profile.set_xlim(0.0, None)
    profile.legend(frameon=False, fontsize=8, loc="lower left")
    draw_errors(sharp, widths, misses, order=1, label="cosine")
    sharp.set_xticks(widths, [f"{width:g}" for width in widths])
    sharp.set_xticks([], minor=True)
    sharp.set(xlabel="λ [µm]", ylabel="half-full place behind the sharp front / its place")
    sharp.legend(frameon=False, fontsize=8)
    save(drawn, Path(__file__).with_name("coated_slab_front.png"))

    orders_of_error = ["medium", "order", "coat", "order"]
    write_table(
        Path(__file__).with_suffix(".md"),
        "Slab over a coat",
        f"""Layer of {HEIGHT:g} µm, D = {DIFFUSIVITY:g} µm²/s, ligand let in at one end.
`coated_slab.py` has equations and references.

## Linear coat

B = {LINEAR.sites:g} sites/µm², K_S = {HALF:g} nM, so that 1 + B / (K_S H) =
{retardation():.4g}; {TIME:g} s. Largest errors over the highest value.

Against the exact law of the two linear equations, both in space and time:

"""
        + table(["solver", "cell size [µm]", *orders_of_error], rows_in_space)
        + """

Against the exact solution of the same finite volumes, in time alone. The tolerance bounds what two
orders differ by, which goes with the square of the step: an error in proportion to it is second
order in the step.

"""
        + table(["solver", "tolerance or step", *orders_of_error], rows_in_time)
        + """

Difference of the medium from the retarded law, which holds where the coat exchanges fast:

"""
        + table(["k_off t", "difference", "observed order in 1 / k_off"], rows_of_speed)
        + f"""

## Coat that fills up

B = {SITES:g} sites/µm², bound for good, {FLOOD:g} molecules/(µm s) let in until the sharp front is
at x_f = {FRONT:g} µm, {CELLS_ACROSS_FRONT} cells for each λ = sqrt(D H / (k_on B)). Width is from
10 % to 90 % full, lag how far the half-full place is behind the sharp front; over x_f it should
vanish with λ.
""",
        ["solver", "λ [µm]", "width / λ", "lag / λ", "lag / x_f", "observed order in λ"],
        rows,
    )


if __name__ == "__main__":
    main()
