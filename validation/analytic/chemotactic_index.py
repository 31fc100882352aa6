"""Mean cosine between heading and gradient of a cell that turns up a linear gradient.

    d phi = -(S / P) sin(phi - phi_S) dt + sqrt(2 / P) dW

has the von Mises law exp(S cos(phi - phi_S)) / (2 pi I_0(S)) as its stationary one, hence

    <cos(phi - phi_S)> = I_1(S) / I_0(S).

S, the signal-to-noise ratio, is computed here by hand. Along the gradient, from the concentration
c at the cell's centre, its slope g, and the centroids d = 4 r / (3 pi) of the two half-discs before
and behind it,

    theta   = c / (c + K_d)                            occupancy
    R       = R_T / (1 + (k_e / k_rec) theta)          receptors on the surface, in steady state
    n       = 1 + T k_off / (2 (1 - theta))            independent samples
    sigma^2 = R theta (1 - theta) / n + sigma_0^2      noise of the difference
    S       = (R / 2) (theta(c + g d) - theta(c - g d)) / sigma

The centroids stand for the two halves of a disc. From the mean occupancy over both half-discs,
integrated numerically, they differ by the square of the change across the cell, g r / (c + K_d).

The program splits a step h into turning, chance, turning. The stationary law of that splitting is
known too: on Fourier modes m of phi it is the fixed point of T D T, T the exact turning over h / 2,
D = exp(-m**2 h / P). It differs from von Mises by the second order in h.

References
----------
Mardia & Jupp (2000) Directional Statistics, 3.5.4 (von Mises law).
Berg & Purcell (1977) Biophys. J. 20:193, 10.1016/S0006-3495(77)85544-6 (noise of binding).

python validation/analytic/chemotactic_index.py        # writes chemotactic_index.md and .png
"""

import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import ive

from sdf1_field.cells import CellParameters, advance, cell_parameters, signal_to_noise
from sdf1_field.exposure.sampling import PADDING, Stimulus, no_subgrid_field
from sdf1_field.grid import Grid, make_grid
from sdf1_field.spec import load_model
from sdf1_field.variation import DishFactors

sys.path.append(str(Path(__file__).parent))

from walkers import crawling, nothing_to_touch

Array = NDArray[np.float64]

MODEL = {
    "mechanisms.soluble_sensing": "true",
    "receptor.cxcr4.dissociation_constant": "4.5 nM",
    "receptor.cxcr4.dissociation_rate": "0.01 1/s",
    "cell_type.kg1a.diameter": "12 um",
    "cell_type.kg1a.internalisation_rate": "0.08 1/min",
    "cell_type.kg1a.recycling_rate": "0.04 1/min",
    "cell_type.kg1a.integration_time": "60 s",
    "cell_type.kg1a.downstream_noise": "10",
    "cell_type.kg1a.persistence_time": "5 min",
    "cell_type.kg1a.speed": "1e-6 um/min",
}
K_D, K_OFF, RADIUS, INTERNALISATION, LOOKING, OWN_NOISE, PERSISTENCE = (
    4.5, 0.01, 6.0, 2.0, 60.0, 10.0, 300.0,
)  # fmt: skip
"""The same by hand, in nM, um, s. The cells are too slow to leave their place."""
CENTRE = 3.0
"""Concentration at the cell's centre [nM]."""
DIRECTION = 0.5
"""Of the gradient, an angle to the grid [rad]."""
ALONG = (math.cos(DIRECTION), math.sin(DIRECTION))
WIDTH = 30.0
"""Of the floor [um]."""
STEPPED = 2_000_000
"""Cells that show the error of the time step."""
BATCH = 500_000
"""Cells that are in memory at once."""


class Index(NamedTuple):
    """Signal-to-noise ratio by hand, and the index measured with its standard error."""

    signal: float
    value: float
    standard_error: float


def index_law(signal: float) -> float:
    """``I_1(S) / I_0(S)``."""
    return float(ive(1, signal) / ive(0, signal))


def index_in_steps(signal: float, time_step: float) -> float:
    """Mean cosine in the stationary law of a step of the splitting [s]."""
    highest, places = 64, 2048
    m, phi = np.arange(-highest, highest + 1), 2.0 * math.pi * np.arange(places) / places
    decay = math.exp(-0.5 * signal * time_step / PERSISTENCE)
    turned = 2.0 * np.arctan2(decay * np.sin(0.5 * phi), np.cos(0.5 * phi))
    # Row m: Fourier modes of the function exp(i m phi) after turning.
    turning = np.exp(-1j * np.outer(m, phi)) @ np.exp(1j * np.outer(turned, m)) / places
    step = turning @ np.diag(np.exp(-(m**2) * time_step / PERSISTENCE)) @ turning
    values, vectors = np.linalg.eig(step.T)
    law = vectors[:, np.abs(values - 1.0).argmin()]
    return float((0.5 * (law[highest + 1] + law[highest - 1]) / law[highest]).real)


def signal_by_hand(receptors: float, slope: float) -> float:
    """Signal-to-noise ratio by the equations above of a slope [nM/um] at `CENTRE`."""
    arm = 4.0 * RADIUS / (3.0 * math.pi)
    return _signal(receptors, _occupancy(CENTRE + slope * arm) - _occupancy(CENTRE - slope * arm))


def signal_over_half_discs(receptors: float, slope: float) -> float:
    """The same with the mean occupancy over both half-discs in place of the two centroids."""

    def part(x: float) -> float:
        ahead, behind = (_occupancy(CENTRE + sign * slope * RADIUS * x) for sign in (1, -1))
        return 4.0 / math.pi * math.sqrt(1.0 - x * x) * (ahead - behind)

    difference, _ = quad(part, 0.0, 1.0, epsabs=0.0, epsrel=1e-11)
    return _signal(receptors, difference)


def slope_for(receptors: float, signal: float) -> float:
    """Slope [nM/um] of a signal-to-noise ratio, were it proportional to the slope."""
    return signal * 1e-6 / signal_by_hand(receptors, 1e-6)


def signal_of_program(receptors: float, slope: float) -> tuple[float, float]:
    """Signal-to-noise ratio in x and in y that the program computes for a slope [nM/um]."""
    grid = _floor()
    middle = 0.5 * WIDTH
    x, y, _, _ = signal_to_noise(
        _linear(grid, slope), _sensing(receptors), middle, middle, grid.dx, grid.dy
    )
    return x, y


def measure(
    receptors: float,
    slope: float,
    time_step: float,
    cells: int,
    *,
    duration: float,
    from_law: bool = False,
    seed: int = 1,
) -> Index:
    """Mean cosine between heading and gradient.

    Parameters
    ----------
    receptors : float
        R_T.
    slope : float
        Of the concentration, in the direction `DIRECTION` [nM/um].
    time_step : float
        [s].
    cells : int
    duration : float
        Until the index is read [s]; it relaxes with P or faster.
    from_law : bool
        Whether headings begin in the von Mises law instead of all over the circle, so that
        only what a step changes has to relax.
    seed : int
        Of the first batch of cells.
    """
    grid, behaving = _floor(), _sensing(receptors)
    seen = _linear(grid, slope)
    # The cells stay at their place, and so do their receptors in their steady state.
    surface = receptors / (1.0 + INTERNALISATION * _occupancy(CENTRE))
    signal, towards = abs(signal_by_hand(receptors, slope)), DIRECTION
    if slope < 0.0:
        towards += math.pi
    cosines = []
    for batch, first in enumerate(range(0, cells, BATCH), seed):
        count = min(BATCH, cells - first)
        rng = np.random.default_rng(batch)
        angle = rng.vonmises(towards, signal if from_law else 0.0, count)
        at = np.full(count, 0.5 * WIDTH)
        after = advance(
            crawling(at, at.copy(), angle, surface=surface),
            grid,
            seen,
            nothing_to_touch(grid),
            behaving,
            duration=duration,
            time_step=time_step,
            seed=batch,
        )
        cosines.append(after.heading_x * math.cos(towards) + after.heading_y * math.sin(towards))
    cosine = np.concatenate(cosines)
    return Index(signal, float(cosine.mean()), float(cosine.std(ddof=1) / math.sqrt(cells)))


def _occupancy(concentration: float) -> float:
    return concentration / (concentration + K_D)


def _signal(receptors: float, difference: float) -> float:
    """Signal-to-noise ratio of a difference in occupancy around a cell at `CENTRE`."""
    occupancy = _occupancy(CENTRE)
    surface = receptors / (1.0 + INTERNALISATION * occupancy)
    looks = 1.0 + 0.5 * LOOKING * K_OFF / (1.0 - occupancy)
    noise = math.sqrt(surface * occupancy * (1.0 - occupancy) / looks + OWN_NOISE**2)
    return 0.5 * surface * difference / noise


def _sensing(receptors: float) -> CellParameters:
    settings = [f"{path}={value}" for path, value in MODEL.items()]
    settings.append(f"cell_type.kg1a.receptors={receptors}")
    spec = load_model("null-kg1a", settings=settings).spec
    return cell_parameters(spec, DishFactors(), competition=0.0)


def _floor() -> Grid:
    return make_grid(WIDTH, WIDTH, 100.0, spacing=5.0, floor_layer=50.0, layer_growth=1.0)


def _linear(grid: Grid, slope: float) -> Stimulus:
    # The coefficients of a straight map are the map itself, here without reflection at the walls.
    x, y = (
        size * (np.arange(-PADDING, count + PADDING) + 0.5) - 0.5 * WIDTH
        for size, count in ((grid.dx, grid.nx), (grid.dy, grid.ny))
    )
    values = CENTRE + slope * (ALONG[0] * x[None, :] + ALONG[1] * y[:, None])
    return Stimulus(values, values, True, no_subgrid_field())


def main() -> None:
    """Write the table and the figure beside this file."""
    from report import COLOURS, LAW, draw_errors, figure, order_column, save, table, write_table

    runs = []
    cases = (
        (2e3, 0.05), (2e4, 0.1), (2e3, 0.2), (2e3, 0.5), (2e4, 0.5), (2e4, 1.0), (1e5, 2.0),
        (2e4, 2.0), (2e4, 5.0), (1e5, 10.0), (2e4, 10.0),
    )  # fmt: skip
    for number, (receptors, signal) in enumerate(cases):
        slope = slope_for(receptors, signal)
        run = measure(
            receptors,
            slope,
            60.0 / (1.0 + signal),
            400_000 if signal < 1.0 else 200_000,
            duration=8.0 * PERSISTENCE / (1.0 + 0.5 * signal),
            seed=100 + number,
        )
        runs.append((receptors, slope, run))
    rows = [
        [
            f"{receptors:.0f}",
            f"{1000 * slope:.3g}",
            f"{run.signal:.4f}",
            f"{run.value:.4f}",
            f"{index_law(run.signal):.4f}",
            f"{run.standard_error:.4f}",
            f"{(run.value - index_law(run.signal)) / run.standard_error:+.1f}",
        ]
        for receptors, slope, run in runs
    ]

    steps, strength = [240.0, 120.0, 60.0, 30.0], 3.0
    slope = slope_for(2e4, strength)
    stepped = [measure(2e4, slope, step, STEPPED, duration=720.0, from_law=True) for step in steps]
    law = index_law(stepped[0].signal)
    expected = [index_in_steps(stepped[0].signal, step) - law for step in steps]
    errors, noise = [run.value - law for run in stepped], [run.standard_error for run in stepped]
    finer = [15.0, 7.5, 3.75]
    finer_errors = [index_in_steps(stepped[0].signal, step) - law for step in finer]

    slopes = [0.4, 0.2, 0.1, 0.05]
    across = [slope * RADIUS / (CENTRE + K_D) for slope in slopes]
    centroid = [signal_by_hand(2e4, s) / signal_over_half_discs(2e4, s) - 1.0 for s in slopes]
    program = [
        signal_of_program(2e4, s)[0] / signal_by_hand(2e4, s * ALONG[0]) - 1.0 for s in slopes
    ]

    notes = f"""
Cells in a linear gradient around {CENTRE:g} nM (K_d {K_D:g} nM), at {DIRECTION:g} rad to the grid.
Headings begin all over the circle. S is computed by hand from the gradient; the law is
I1(S)/I0(S). *Noise* is one standard error over 400,000 cells (200,000 from S = 1 on), in steps of
60 s / (1 + S).
"""
    usual = ", ".join(
        f"{index_in_steps(s, 30.0) - index_law(s):+.4f} at S = {s:g}" for s in (0.1, 1.0, 3.0, 10.0)
    )
    by_step = table(
        ["step [s]", "error", "noise", "expected", "order", "expected order"],
        [
            [f"{step:g}", f"{error:+.5f}", f"{chance:.5f}", f"{own:+.5f}", order, own_order]
            for step, error, chance, own, order, own_order in zip(
                steps,
                errors,
                noise,
                expected,
                order_column(steps, errors, noise),
                order_column(steps, expected),
                strict=True,
            )
        ]
        + [
            [f"{step:g}", "", "", f"{own:+.6f}", "", order]
            for step, own, order in zip(
                finer,
                finer_errors,
                order_column([steps[-1], *finer], [expected[-1], *finer_errors])[1:],
                strict=True,
            )
        ],
    )
    by_slope = table(
        ["g r / (c + K_d)", "centroids", "order", "program"],
        [
            [f"{size:.3f}", f"{error:+.2e}", order, f"{same:+.0e}"]
            for size, error, order, same in zip(
                across, centroid, order_column(across, centroid), program, strict=True
            )
        ],
    )
    more = f"""
Error against the time step at S = {stepped[0].signal:.3f}, {STEPPED:,} cells whose headings begin
in the law. *Expected* is the error of the scheme's own stationary law.

{by_step}

In the model's step of 30 s the scheme's own law is off by {usual}.

Error of the signal from the centroids 4 r / (3 pi), relative to that from the mean occupancy over
both half-discs, against the change across the cell; and the program's relative to the one by hand.

{by_slope}
"""
    here = Path(__file__)
    header = ["receptors", "slope [pM/um]", "S", "index", "law", "noise", "difference / noise"]
    write_table(here.with_suffix(".md"), "Chemotactic index", notes, header, rows, more)

    drawn, (index, orders) = figure("Chemotactic index in a linear gradient")
    fine = np.geomspace(0.04, 13.0, 200)
    index.plot(fine, [index_law(s) for s in fine], color=LAW, label="I₁(S) / I₀(S)")
    index.plot(fine, np.where(fine < 1.4, 0.5 * fine, np.nan), ":", color=LAW, lw=1, label="S / 2")
    for series, receptors in enumerate((2e3, 2e4, 1e5)):
        chosen = [run for r, _, run in runs if r == receptors]
        index.errorbar(
            [run.signal for run in chosen],
            [run.value for run in chosen],
            yerr=[run.standard_error for run in chosen],
            fmt="os^"[series],
            color=COLOURS[series],
            label=f"{receptors:,.0f} receptors",
            capsize=2,
            ms=5,
        )
    index.set(
        xscale="log", yscale="log", xlabel="S: signal over noise, by hand",
        ylabel="mean cosine to the gradient", title="Index",
    )  # fmt: skip
    index.legend(frameon=False, fontsize=9)
    sizes = [*steps, *finer]
    orders.plot(sizes, [*expected, *finer_errors], color=LAW, label="the scheme's own law")
    draw_errors(orders, steps, errors, order=2, label="simulated", noise=noise)
    orders.set(
        xlabel="time step [s]", ylabel="error of the index", title=f"S = {stepped[0].signal:.1f}"
    )
    orders.legend(frameon=False, fontsize=9)
    save(drawn, here.with_suffix(".png"))


if __name__ == "__main__":
    main()
