"""Stationary density of cells that turn up a gradient between reflecting walls.

Density f(x, phi) of cells that move with speed v along a heading that turns with S(x),

    v cos(phi) df/dx = (1 / P) d/dphi (S sin(phi) f + df/dphi).

Its steady solution between reflecting walls is, for any S(x) and not only a weak one,

    f = exp(U(x)),    U(x) = integral S dx / (v P),

with headings evenly spread: the right-hand side of it is S cos(phi) f / P, and so is the left.
Where S is proportional to dc/dx this is the Boltzmann law rho ~ exp(beta c).

Drift and diffusion taken apart, with the drift v I_1(S) / I_0(S) of the chemotactic index and the
motility v^2 P / 2 of the free walk, give instead

    d ln(rho) / dx = (2 I_1(S) / I_0(S)) / (v P) = (S - S^3 / 8 + ...) / (v P),

the drift-diffusion limit: right for S << 1, and short by S^2 / 8 of it beyond.

Two independent references. For constant S, f = exp(mu x / (v P)) g(phi) leaves the eigenproblem
d/dphi (S sin(phi) g + dg/dphi) = mu cos(phi) g, solved on Fourier modes; the smallest mu that is
not zero is S. For any S(x), the cells of the program.

References
----------
Keller & Segel (1971) J. theor. Biol. 30:225, 10.1016/0022-5193(71)90050-6 (drift and diffusion).
Alt (1980) J. Math. Biol. 9:147, 10.1007/BF00275919 (the kinetic equation behind it).

python validation/analytic/drift_diffusion.py        # writes drift_diffusion.md and .png
"""

import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_simpson, simpson
from scipy.linalg import eigvals
from scipy.optimize import brentq
from scipy.special import ive

from sdf1_field.cells import CellParameters, advance, cell_parameters
from sdf1_field.exposure.sampling import PADDING, Stimulus, coefficients, no_subgrid_field
from sdf1_field.grid import Grid, make_grid
from sdf1_field.spec import load_model
from sdf1_field.variation import DishFactors

sys.path.append(str(Path(__file__).parent))

from walkers import crawling, nothing_to_touch

Array = NDArray[np.float64]

SETTINGS = (
    "mechanisms.soluble_sensing=true",
    "receptor.cxcr4.dissociation_constant=4.5 nM",
    "receptor.cxcr4.dissociation_rate=0.01 1/s",
    "cell_type.kg1a.diameter=12 um",
    "cell_type.kg1a.receptors=100000",
    "cell_type.kg1a.internalisation_rate=0 1/min",
    "cell_type.kg1a.integration_time=60 s",
    "cell_type.kg1a.downstream_noise=10",
    "cell_type.kg1a.persistence_time=5 min",
    "cell_type.kg1a.speed=60 um/min",
)
K_D, K_OFF, RADIUS, RECEPTORS, LOOKING, OWN_NOISE = 4.5, 0.01, 6.0, 1e5, 60.0, 10.0
PERSISTENCE, SPEED = 300.0, 1.0
"""The same by hand, in nM, um, s. The cells are so fast that they are small against v P, and keep
all receptors on their surface, which would lag behind their place."""
VISIBLE = 4.5
"""Concentration around which a ramp rises [nM]."""


BINS = 20
"""Parts of the width in which cells are counted."""


class Floor(NamedTuple):
    """A floor whose ligand varies along x, and what follows from it by hand.

    Parameters
    ----------
    grid : Grid
    seen : Stimulus
    place, potential : ndarray
        Places across the floor [um], and U there, 0 at x = 0.
    """

    grid: Grid
    seen: Stimulus
    place: Array
    potential: Array


class Gathered(NamedTuple):
    """How cells are distributed along x.

    Parameters
    ----------
    exponent, standard_error : float
        The g of exp(g U) that fits them, 1 by the law.
    counts : ndarray of int, shape (`BINS`,)
        Cells in equal parts of the width at the end.
    """

    exponent: float
    standard_error: float
    counts: NDArray[np.int64]


def ramp(signal: float, rise: float) -> Floor:
    """Floor over which a cell has one signal S, and U rises by so much from wall to wall.

    What can be followed is a ramp on top of `VISIBLE` that changes no occupancy, so that S is
    strictly linear in its slope. The map is the ramp itself up to the walls, without reflection.
    """
    width = rise * SPEED * PERSISTENCE / signal
    slope = signal * 1e-6 / float(_signal(VISIBLE, VISIBLE, VISIBLE, 1e-6 * 2 * _arm()))
    grid, place = _grid(width, 200), np.linspace(0.0, width, 8001)
    straight = slope * grid.dx * (np.arange(-PADDING, grid.nx + PADDING) + 0.5)
    steering = np.tile(straight, (grid.ny + 2 * PADDING, 1))
    seen = Stimulus(np.full_like(steering, VISIBLE), steering, False, no_subgrid_field())
    visible, flat = np.full_like(place, VISIBLE), np.zeros_like(place)
    return _floor(grid, seen, place, visible, flat, np.full_like(place, slope))


def bump(lowest: float, highest: float, width: float) -> Floor:
    """Floor on which the ligand rises from wall to wall [nM] as half a cosine; all of it counts."""
    grid, place = _grid(width, 80), np.linspace(0.0, width, 8001)
    middle, swing = 0.5 * (highest + lowest), 0.5 * (highest - lowest)
    wave = math.pi / width
    centres = np.tile(middle - swing * np.cos(wave * grid.x), (grid.ny, 1))
    seen = Stimulus(coefficients(centres), np.zeros((0, 0)), True, no_subgrid_field())
    rising = swing * wave * np.sin(wave * place)
    return _floor(grid, seen, place, middle - swing * np.cos(wave * place), rising, rising)


def kinetic_exponent(signal: float, modes: int = 40) -> float:
    """``mu``, the growth of the kinetic equation's solution over ``v P``, for a constant S."""
    m = np.arange(-modes, modes + 1)
    left = np.diag(-(m.astype(float) ** 2))
    left += 0.5 * signal * (np.diag(m[1:], -1) - np.diag(m[:-1], 1))
    right = 0.5 * (np.eye(m.size, k=1) + np.eye(m.size, k=-1))
    values = eigvals(left, right)
    real = values.real[np.isfinite(values) & (np.abs(values.imag) < 1e-6)]
    return float(real[real > 1e-3 * signal].min())


def limit_exponent(signal: float) -> float:
    """The drift-diffusion limit's growth over ``v P``, ``2 I_1(S) / I_0(S)``."""
    return float(2.0 * ive(1, signal) / ive(0, signal))


def measure(
    floor: Floor, time_step: float, cells: int, *, settling: float, looks: int, seed: int = 1
) -> Gathered:
    """Distribution of cells along x, from all over the floor and any heading.

    The exponent is the one whose law has the cells' mean of U, over several looks.

    Parameters
    ----------
    floor : Floor
    time_step : float
        [s].
    cells : int
    settling : float
        Slowest relaxation [s]; the first look is after eight of them, others after one each.
    looks, seed : int
    """
    grid, behaving = floor.grid, _sensing()
    rng = np.random.default_rng(seed)
    x, y, angle = rng.random((3, cells))
    angle *= 2.0 * math.pi
    moving = crawling(grid.width * x, grid.length * y, angle, surface=RECEPTORS)
    total = np.zeros(cells)
    for look in range(looks):
        steps = math.ceil((settling if look else 8.0 * settling) / time_step)
        moving = advance(
            moving,
            grid,
            floor.seen,
            nothing_to_touch(grid),
            behaving,
            duration=steps * time_step,
            time_step=time_step,
            seed=seed,
        )
        total += np.interp(moving.x, floor.place, floor.potential)
    mean = total / looks
    value = brentq(lambda g: _moments(floor, g)[0] - mean.mean(), -5.0, 10.0)
    error = mean.std(ddof=1) / math.sqrt(cells) / _moments(floor, value)[1]
    counts, _ = np.histogram(moving.x, BINS, (0.0, grid.width))
    return Gathered(float(value), float(error), counts)


def settling_time(width: float) -> float:
    """Slowest relaxation [s] between walls this far apart [um]: of headings, or by diffusion."""
    return max(PERSISTENCE, width**2 / (math.pi**2 * 0.5 * SPEED**2 * PERSISTENCE))


def extrapolated(coarse: Gathered, fine: Gathered) -> tuple[float, float]:
    """Exponent without the error of first order, and its standard error, from h and h / 2."""
    noise = math.hypot(2.0 * fine.standard_error, coarse.standard_error)
    return 2.0 * fine.exponent - coarse.exponent, noise


def _moments(floor: Floor, exponent: float) -> tuple[float, float]:
    """Mean and variance of U under the density exp(g U)."""
    weight = np.exp(exponent * (floor.potential - floor.potential.max()))
    weight /= simpson(weight, x=floor.place)
    mean = simpson(weight * floor.potential, x=floor.place)
    return float(mean), float(simpson(weight * (floor.potential - mean) ** 2, x=floor.place))


def _arm() -> float:
    return 4.0 * RADIUS / (3.0 * math.pi)


def _signal(here: Array, ahead: Array, behind: Array, difference: Array) -> Array:
    """Signal-to-noise ratio by hand; see chemotactic_index.py for its equations."""
    occupancy = here / (here + K_D)
    looks = 1.0 + 0.5 * LOOKING * K_OFF / (1.0 - occupancy)
    noise = np.sqrt(RECEPTORS * occupancy * (1.0 - occupancy) / looks + OWN_NOISE**2)
    signal: Array = 0.5 * RECEPTORS * K_D * difference / ((ahead + K_D) * (behind + K_D)) / noise
    return signal


def _grid(width: float, cells: int) -> Grid:
    return make_grid(width, width, 100.0, spacing=width / cells, floor_layer=50.0, layer_growth=1.0)


def _floor(
    grid: Grid, seen: Stimulus, place: Array, visible: Array, rising: Array, steering: Array
) -> Floor:
    """Floor with the potential of what is visible [nM], its slope and that of what steers."""
    arm = _arm()
    signal = _signal(visible, visible + arm * rising, visible - arm * rising, 2.0 * arm * steering)
    potential = cumulative_simpson(signal, x=place, initial=0.0) / (SPEED * PERSISTENCE)
    return Floor(grid, seen, place, potential)


def _sensing() -> CellParameters:
    spec = load_model("null-kg1a", settings=SETTINGS).spec
    return cell_parameters(spec, DishFactors(), competition=0.0)


def main() -> None:
    """Write the table and the figure beside this file."""
    import report

    rows, found = [], []
    for number, (signal, rise, step, cells, looks) in enumerate(
        (
            (0.25, 1.5, 120.0, 120_000, 6), (0.5, 2.0, 60.0, 120_000, 6),
            (1.0, 2.5, 30.0, 80_000, 6), (2.0, 3.0, 7.5, 40_000, 3), (4.0, 3.0, 3.75, 40_000, 3),
        )
    ):  # fmt: skip
        floor = ramp(signal, rise)
        settling = settling_time(floor.grid.width)
        coarse, fine = (
            measure(floor, h, cells, settling=settling, looks=looks, seed=10 * number + n)
            for n, h in enumerate((step, 0.5 * step))
        )
        value, noise = extrapolated(coarse, fine)
        found.append((signal, value, noise))
        limit = limit_exponent(signal) / signal
        rows.append(
            [
                f"{signal:g}",
                f"{step:g}, {0.5 * step:g}",
                f"{coarse.exponent:.3f}",
                f"{fine.exponent:.3f}",
                f"{value:.3f}",
                f"{noise:.3f}",
                f"{kinetic_exponent(signal) / signal - 1.0:+.0e}",
                f"{limit:.4f}",
                f"{(value - 1.0) / noise:+.1f}",
                f"{(value - limit) / noise:+.1f}",
            ]
        )
    weak = [1.0, 0.5, 0.25, 0.125, 0.0625]
    shortfall = [1.0 - limit_exponent(s) / s for s in weak]

    steps = [240.0, 120.0, 60.0, 30.0]
    floor = bump(1.0, 8.0, 1000.0)
    settling = settling_time(1000.0)
    stepped = [
        measure(floor, step, 100_000, settling=settling, looks=8, seed=100 + n)
        for n, step in enumerate(steps)
    ]
    errors = [run.exponent - 1.0 for run in stepped]
    noise = [run.standard_error for run in stepped]
    end, end_noise = extrapolated(*stepped[-2:])
    (overall,) = report.observed_orders([steps[0], steps[-1]], [errors[0], errors[-1]])

    notes = """
Cells turn up a ramp of constant S between reflecting walls; U rises by 1.5 to 3 from wall to wall.
*g* is the exponent of exp(g U) that fits them in steps h and h / 2. Both have an error of first
order, so *extrapolated* is 2 g(h / 2) - g(h), and *noise* its standard error. The kinetic equation
gives g = 1 at any S; *eigenvalue* is the deviation of the numerical solution of its eigenproblem.
*Limit* is the drift-diffusion limit with the chemotactic index and the free walk's motility,
2 I1(S) / (S I0(S)). The last two columns are the extrapolated g minus 1, and minus the limit, each
over the noise.
"""
    by_signal = report.table(
        ["S", "1 - limit", "S^2 / 8", "order in S"],
        [
            [f"{s:g}", f"{gap:.6f}", f"{s * s / 8:.6f}", order]
            for s, gap, order in zip(
                weak, shortfall, report.order_column(weak, shortfall), strict=True
            )
        ],
    )
    by_step = report.table(
        ["step [s]", "error of g", "noise", "order"],
        [
            [f"{step:g}", f"{error:+.4f}", f"{chance:.4f}", order]
            for step, error, chance, order in zip(
                steps, errors, noise, report.order_column(steps, errors, noise), strict=True
            )
        ],
    )
    more = f"""
What the limit misses falls with S as S^2 / 8:

{by_signal}

A ligand that rises from 1 to 8 nM as half a cosine over 1000 um, all of it seen and followed, so
that S and the noise vary along the way; U rises by {floor.potential[-1]:.3f}. Error of g against
the time step (100,000 cells):

{by_step}

The order over all steps is {overall:.2f}: a step takes the signal of the place where it begins.
Extrapolated from the last two, the error is {end - 1.0:+.4f}, noise {end_noise:.4f}.
"""
    here = Path(__file__)
    header = [
        "S", "h, h / 2 [s]", "g(h)", "g(h / 2)", "extrapolated", "noise", "eigenvalue", "limit",
        "to 1", "to the limit",
    ]  # fmt: skip
    report.write_table(here.with_suffix(".md"), "Cells between walls", notes, header, rows, more)

    drawn, (profile, growth, orders) = report.figure("Cells that turn up a gradient", panels=3)
    width, counts = floor.grid.width, stepped[-1].counts
    share = np.exp(floor.potential)
    share /= simpson(share, x=floor.place) / width
    profile.plot(floor.place, share, color=report.LAW, label="exp(U), exact")
    profile.errorbar(
        (np.arange(BINS) + 0.5) * width / BINS,
        counts / counts.mean(),
        yerr=np.sqrt(counts) / counts.mean(),
        fmt="o",
        color=report.COLOURS[0],
        label=f"simulated, {steps[-1]:g} s",
        capsize=2,
        ms=4,
    )
    profile.set(xlabel="x [µm]", ylabel="density / mean", title="SDF-1 rising from 1 to 8 nM")
    profile.legend(frameon=False)
    fine_signals = np.geomspace(0.1, 5.0, 100)
    growth.axhline(1.0, color=report.LAW, label="kinetic equation")
    growth.plot(
        fine_signals, [limit_exponent(s) / s for s in fine_signals], "--", color=report.COLOURS[1],
        label="drift-diffusion limit",
    )  # fmt: skip
    growth.errorbar(
        [s for s, _, _ in found],
        [value for _, value, _ in found],
        yerr=[chance for _, _, chance in found],
        fmt="o",
        color=report.COLOURS[0],
        label="simulated, step → 0",
        capsize=2,
        ms=5,
    )
    growth.set(
        xscale="log", xlabel="S: signal over noise", ylabel="(v P / S) d ln ρ / dx",
        title="Constant S", ylim=(0.3, 1.15),
    )  # fmt: skip
    growth.legend(frameon=False, loc="lower left")
    report.draw_errors(orders, steps, errors, order=1, label="SDF-1 from 1 to 8 nM", noise=noise)
    orders.set(xlabel="time step [s]", ylabel="|error of the exponent|", title="Time step")
    orders.legend(frameon=False)
    report.save(drawn, here.with_suffix(".png"))


if __name__ == "__main__":
    main()
