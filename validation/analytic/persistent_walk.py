"""Cells that sense nothing: the persistent random walk, free and between reflecting walls.

    d phi = sqrt(2 / P) dW,    dx = v cos(phi) dt,    dy = v sin(phi) dt

    <(x(t) - x(0))**2 + (y(t) - y(0))**2> = 2 v**2 P (t - P (1 - exp(-t / P)))
    <v(0) . v(t)>                         = v**2 exp(-t / P)

The program turns the heading exactly and moves along the mean of old and new heading: a trapezoidal
sum. In steps h the law becomes, exactly,

    2 v**2 P_h (t - P_h (1 - exp(-t / P))),
    P_h = (h / 2) coth(h / (2 P)) = P (1 + h**2 / (12 P**2) + ...)

an error of second order, which the runs must show, and no other. Walls reflect place and heading,
so that every cosine mode n of a box of width W fades as it would without walls,

    <cos(n pi x(t) / W)> = cos(n pi x(0) / W) u_0(t),

where u_0 is the mean over phi of the u that obeys u_t = i k v cos(phi) u + u_phiphi / P with
k = n pi / W and u = 1 at t = 0. A wall that kept, lost or slowed cells would change that.

References
----------
Fuerth (1920) Z. Physik 2:244, 10.1007/BF01328731.
Othmer, Dunbar & Alt (1988) J. Math. Biol. 26:263, 10.1007/BF00277392.

python validation/analytic/persistent_walk.py        # writes persistent_walk.md and .png
"""

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from sdf1_field.cells import CellParameters, Cells, advance, cell_parameters
from sdf1_field.exposure.sampling import no_stimulus
from sdf1_field.grid import Grid, make_grid
from sdf1_field.spec import load_model
from sdf1_field.variation import DishFactors

sys.path.append(str(Path(__file__).parent))

from walkers import crawling, nothing_to_touch

Array = NDArray[np.float64]

SETTINGS = ("cell_type.kg1a.speed=1.5 um/min", "cell_type.kg1a.persistence_time=5 min")
SPEED, PERSISTENCE = 1.5 / 60.0, 300.0
"""The same by hand [um/s] and [s]: the program's reading of its model is under test."""
INSTANT = 1.0
"""Time over which a displacement is taken for a velocity [s]."""
BOX = 100.0
"""Width between the walls [um]."""
PLACE = 20.0
"""Where cells between walls start [um]."""
ROOM = 1e6
"""Width of a floor whose walls are out of reach [um]."""
VELOCITIES, BOXED = 1_000_000, 200_000
"""Cells whose velocities are followed, and cells between walls."""
BATCH = 500_000
"""Cells that are in memory at once."""


class Mean(NamedTuple):
    """Mean over cells and its standard error."""

    value: float
    standard_error: float


def displacement_law(time: float, time_step: float = 0.0) -> float:
    """Mean squared displacement [um**2], of the walk itself or of the walk in steps [s]."""
    p = PERSISTENCE
    if time_step > 0.0:
        p = 0.5 * time_step / math.tanh(0.5 * time_step / PERSISTENCE)
    return 2.0 * SPEED**2 * p * (time + p * math.expm1(-time / PERSISTENCE))


def velocity_law(lag: float) -> float:
    """Velocity autocorrelation [um**2/s**2]."""
    return SPEED**2 * math.exp(-lag / PERSISTENCE)


def mode_law(time: float, mode: int) -> float:
    """Mean of ``cos(n pi x / W)`` of cells that started at `PLACE`."""
    highest = 30
    m = np.arange(-highest, highest + 1)
    exchange = 0.5j * (mode * math.pi / BOX) * SPEED * (np.eye(m.size, k=1) + np.eye(m.size, k=-1))
    faded = expm(time * (exchange - np.diag(m**2) / PERSISTENCE))[highest, highest].real
    return float(math.cos(mode * math.pi * PLACE / BOX) * faded)


def measure(time: float, time_step: float, cells: int) -> Mean:
    """Mean squared displacement [um**2] of free cells.

    Parameters
    ----------
    time, time_step : float
        [s].
    cells : int
    """
    grid = _floor(ROOM)
    squares = [
        (after.x - before.x) ** 2 + (after.y - before.y) ** 2
        for seed, before in _batches(cells, 0.5 * ROOM)
        for after in [_moved(before, grid, time, time_step, seed)]
    ]
    return _mean(squares)


def measure_velocity(lag: float, time_step: float, cells: int) -> Mean:
    """Velocity autocorrelation [um**2/s**2] of free cells; arguments as of `measure`."""
    grid = _floor(ROOM)
    products = []
    for seed, start in _batches(cells, 0.5 * ROOM):
        first = _moved(start, grid, INSTANT, INSTANT, seed)
        later = _moved(first, grid, lag - INSTANT, time_step, seed)
        last = _moved(later, grid, INSTANT, INSTANT, seed)
        products.append(
            ((first.x - start.x) * (last.x - later.x) + (first.y - start.y) * (last.y - later.y))
            / INSTANT**2
        )
    return _mean(products)


def measure_walls(
    times: list[float], modes: list[int], cells: int
) -> dict[tuple[float, int], Mean]:
    """Mean of ``cos(n pi x / W)`` between walls, by time [s] and n, at the model's own step.

    Parameters
    ----------
    times : list of float
        Rising [s].
    modes : list of int
    cells : int

    Raises
    ------
    ValueError
        If a cell left the box.
    """
    grid, at, step = _floor(BOX), 0.0, load_model("null-kg1a").spec.cells.time_step
    means = {}
    ((seed, moving),) = _batches(cells, PLACE)
    for time in times:
        moving = _moved(moving, grid, time - at, step, seed)
        at = time
        if not ((moving.x >= 0.0) & (moving.x <= BOX)).all():
            raise ValueError("a cell left the box")
        for mode in modes:
            means[time, mode] = _mean([np.cos(mode * math.pi * moving.x / BOX)])
    return means


def _walker() -> CellParameters:
    spec = load_model("null-kg1a", settings=SETTINGS).spec
    return cell_parameters(spec, DishFactors(), competition=0.0)


def _floor(width: float) -> Grid:
    return make_grid(width, width, 100.0, spacing=0.1 * width, floor_layer=50.0, layer_growth=1.0)


def _batches(cells: int, place: float) -> Iterator[tuple[int, Cells]]:
    """Seeds and cells at one place, headings spread evenly over the circle."""
    for seed, first in enumerate(range(0, cells, BATCH), 1):
        count = min(BATCH, cells - first)
        angle = 2.0 * math.pi * (np.arange(count) + 0.5) / count
        at = np.full(count, place)
        yield seed, crawling(at, at.copy(), angle)


def _moved(cells: Cells, grid: Grid, duration: float, time_step: float, seed: int) -> Cells:
    return advance(
        cells,
        grid,
        no_stimulus(grid),
        nothing_to_touch(grid),
        _walker(),
        duration=duration,
        time_step=time_step,
        seed=seed,
    )


def _mean(batches: list[Array]) -> Mean:
    values = np.concatenate(batches)
    return Mean(float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size)))


def main() -> None:
    """Write the table and the figure beside this file."""
    import report

    rows: list[list[object]] = []
    drawn, (walk, orders, walls) = report.figure("Persistent random walk", panels=3)
    for series, (time, cells) in enumerate([(240.0, 4_000_000), (2400.0, 1_000_000)]):
        steps = [240.0, 120.0, 60.0, 30.0][: 4 - series]
        law = displacement_law(time)
        runs = [measure(time, step, cells) for step in steps]
        errors = [run.value / law - 1.0 for run in runs]
        noise = [run.standard_error / law for run in runs]
        slopes = report.order_column(steps, errors, noise)
        for step, error, chance, slope in zip(steps, errors, noise, slopes, strict=True):
            expected = displacement_law(time, step) / law - 1.0
            rows.append(
                [
                    f"{time:.0f}",
                    f"{step:.0f}",
                    f"{cells:,}",
                    f"{error:+.3%}",
                    f"{chance:.3%}",
                    f"{expected:+.3%}",
                    slope,
                ]
            )
        label = f"t = {time / PERSISTENCE:g} P"
        report.draw_errors(orders, steps, errors, order=2, label=label, noise=noise, series=series)
    lags = [60.0, 150.0, 300.0, 600.0, 900.0, 1200.0]
    velocities = [measure_velocity(lag, 60.0, VELOCITIES) for lag in lags]
    times, modes = [600.0 * n for n in (1, 2, 4, 6, 9, 12)], [1, 2, 3]
    boxed = measure_walls(times, modes, BOXED)
    notes = """
Mean squared displacement of free cells, speed 1.5 um/min, P = 5 min, against
2 v^2 P (t - P (1 - exp(-t / P))). *Noise* is one standard error of the mean over the cells;
*expected* is the error of the scheme's own exact law for its step; *order* is that of the error
between the step above and this one, a dash where three times the noise hides one of them.
"""
    by_lag = report.table(
        ["lag [s]", "simulated", "exp(-t/P)", "difference / noise"],
        [
            [
                f"{lag:.0f}",
                f"{run.value / SPEED**2:.5f}",
                f"{velocity_law(lag) / SPEED**2:.5f}",
                f"{(run.value - velocity_law(lag)) / run.standard_error:+.1f}",
            ]
            for lag, run in zip(lags, velocities, strict=True)
        ],
    )
    by_mode = report.table(
        ["t [s]", "n", "simulated", "law", "difference / noise"],
        [
            [
                f"{time:.0f}",
                mode,
                f"{run.value:.4f}",
                f"{mode_law(time, mode):.4f}",
                f"{(run.value - mode_law(time, mode)) / run.standard_error:+.1f}",
            ]
            for (time, mode), run in boxed.items()
        ],
    )
    more = f"""
Velocity autocorrelation over v^2 in steps of 60 s ({VELOCITIES:,} cells). The heading is turned
exactly: there is no error but chance.

{by_lag}

Between reflecting walls {BOX:.0f} um apart, {BOXED:,} cells that start at {PLACE:.0f} um, in the
model's steps of 30 s; all are inside at the end. Mean of cos(n pi x / W):

{by_mode}
"""
    here = Path(__file__)
    header = ["t [s]", "step [s]", "cells", "error", "noise", "expected", "order"]
    report.write_table(here.with_suffix(".md"), "Persistent random walk", notes, header, rows, more)

    fine = np.linspace(0.0, 1300.0, 200)
    walk.plot(fine, [velocity_law(t) / SPEED**2 for t in fine], color=report.LAW, label="law")
    walk.errorbar(
        lags,
        [run.value / SPEED**2 for run in velocities],
        yerr=[run.standard_error / SPEED**2 for run in velocities],
        fmt="o",
        color=report.COLOURS[0],
        label="simulated",
        capsize=2,
        ms=5,
    )
    walk.set(xlabel="lag [s]", ylabel="velocity autocorrelation / v²", title="Free: velocity")
    walk.legend(frameon=False)
    orders.set(
        xlabel="time step [s]",
        ylabel="|relative error|",
        title="Free: mean squared displacement",
    )
    orders.legend(frameon=False)
    for series, mode in enumerate(modes):
        later = np.linspace(0.0, times[-1], 120)
        walls.plot(later / 3600.0, [mode_law(t, mode) for t in later], color=report.LAW, lw=1)
        walls.errorbar(
            np.array(times) / 3600.0,
            [boxed[t, mode].value for t in times],
            yerr=[boxed[t, mode].standard_error for t in times],
            fmt=report.MARKERS[series],
            color=report.COLOURS[series],
            label=f"n = {mode}",
            capsize=2,
            ms=5,
        )
    walls.set(xlabel="time [h]", ylabel="mean of cos(n π x / W)", title="Between walls")
    walls.legend(frameon=False)
    report.save(drawn, here.with_suffix(".png"))


if __name__ == "__main__":
    main()
