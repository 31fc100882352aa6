"""Two regions that differ in adhesion alone: how many cells gather, how fast, and for how long.

On a floor of free surface and MSC bodies, cells over a body are caught at the rate k_on and held
cells let go at the rate k_off. Crawling cells are spread evenly, whatever the walk, since holding
a cell somewhere pushes none of the others. Over a body every crawling cell stands for k_on / k_off
held ones, so the density there over that on free surface is

    fold change = 1 + k_on / k_off.

Where cells mix much faster than they are caught, the held share of all cells is, with a share f of
the floor under bodies,

    h(t) = f k_on / (f k_on + k_off) (1 - exp(-(f k_on + k_off) t)),

and with f = 1 it is that whatever the walk. At a stimulus that does not change, with o of the
receptors occupied on the surface and signalling adapted to s,

    k_on  = k_0 + k_4 x^2 / (1 + x^2),   x = (o - s) / N
    k_off = l_0 exp(-n_166 a_166 - n_v)  a_166 = 1 on a body, VCAM-1 as well

A step h of the program catches with p = k_on / k (1 - exp(-k h)), k = k_on + k_off, and lets go
with q = k_off / k (1 - exp(-k h)): the law of the two-state chain at one place. Since p / q is
k_on / k_off the equilibrium is that above in steps of any length, and with f = 1 so is h(t). With
f < 1, n steps have the factor 1 - f p - q in place of the exponential, of first order in h.

Signalling that adapts, ds/dt = (o - s) / tau, ends this: after a uniform dose at t = 0 cells that
rest on a body and had adapted to nothing have the signal o exp(-t / tau), and with l_0 = 0 and
h = 1

    held(t) = 1 - exp(-k_4 int_0^t x / (1 + x) dt') = 1 - ((1 + y) / (1 + x_0))^(k_4 tau),

with x_0 = o / N and y = x_0 exp(-t / tau). As t grows it tends to 1 - (1 + x_0)^(-k_4 tau), not
to 1: a dose that is the same everywhere arrests some cells and then no more.

References
----------
Lauffenburger & Linderman (1993) Receptors, ch. 2 (first-order binding of one site).

python validation/analytic/adhesion_equilibrium.py        # writes adhesion_equilibrium.md and .png
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis import density_fold_change
from sdf1_field.cells import (
    AdhesionMap,
    CellParameters,
    Cells,
    adhesion_map,
    advance,
    cell_parameters,
)
from sdf1_field.exposure.sampling import Stimulus, coefficients, no_subgrid_field
from sdf1_field.grid import Grid
from sdf1_field.scene import place_scene
from sdf1_field.simulation import model_grid
from sdf1_field.spec import load_model
from sdf1_field.variation import DishFactors

sys.path.append(str(Path(__file__).parent))

from walkers import crawling

Array = NDArray[np.float64]

RELEASE = 0.0025
"""k_off [1/s]."""
WIDTH = 300.0
"""Of the floor [um]; cells cross it in a fraction of the time for which they are held."""
DISH = {
    "dish.width": f"{WIDTH} um",
    "dish.length": f"{WIDTH} um",
    "grid.spacing": "5 um",
    "scene.msc_density": "60 1/mm**2",
    "scene.network_fraction": "0.0",
    "cell_type.kg1a.speed": "20 um/s",
    "cell_type.kg1a.persistence_time": "10 s",
    "cells.time_step": "10 s",
    "cell_type.kg1a.receptors": "20000",
    "cell_type.kg1a.internalisation_rate": "0 1/min",
    "cell_type.kg1a.recycling_rate": "0.04 1/min",
    "receptor.cxcr4.dissociation_constant": "4.5 nM",
}
LIGAND, OCCUPIED = 4.5, 1e4
"""Uniform SDF-1 [nM], and the receptors that it occupies: half of them, none internalised."""
HALF_TRIGGER, AHEAD = 50.0, 100.0
"""N, and o - s where signalling does not adapt [receptors]: x is 2, and the trigger 0.8."""
TRIGGER = 0.8
BONDS = {"none": {}, "cd166": {"cd166": 1.5}, "cd166, vla4": {"cd166": 0.75, "vla4": 0.75}}
"""Strengths of the bonds that are on, by the names of cases; l_0 makes k_off `RELEASE` in each."""
ADAPTATION, DOSE_TRIGGER = 300.0, 1000.0
"""tau [s], and N [receptors], of resting cells after a dose."""


class Gathered(NamedTuple):
    """Fold change on MSC bodies and its standard error over the cells."""

    fold_change: float
    standard_error: float


class Held(NamedTuple):
    """Share of cells that are held and its standard error."""

    share: float
    standard_error: float


def fold_change_law(ratio: float) -> float:
    """Fold change for k_on / k_off, in continuous time and in any steps."""
    return 1.0 + ratio


def held_law(ratio: float, time: float, *, covered: float, time_step: float = 0.0) -> float:
    """Share held after a time [s] with a share of the floor covered, for fast mixing."""
    equilibrium = covered * ratio / (covered * ratio + 1.0)
    if time_step == 0.0:
        return equilibrium * -math.expm1(-(covered * ratio + 1.0) * RELEASE * time)
    changed = -math.expm1(-(ratio + 1.0) * RELEASE * time_step) / (ratio + 1.0)
    return equilibrium * (1.0 - (1.0 - (covered * ratio + 1.0) * changed) ** (time / time_step))


def dosed_law(rate: float, time: float) -> float:
    """Share of resting cells held at a time [s] after a dose, for k_4 [1/s] and l_0 = 0."""
    before = OCCUPIED / DOSE_TRIGGER
    after = before * math.exp(-time / ADAPTATION)
    return 1.0 - ((1.0 + after) / (1.0 + before)) ** (rate * ADAPTATION)


def measure(
    triggered: bool,
    bonds: str,
    ratio: float,
    time_step: float,
    cells: int,
    *,
    looks: int = 4,
    seed: int = 1,
) -> Gathered:
    """Fold change on MSC bodies in equilibrium, counted where cells touch bodies.

    Parameters
    ----------
    triggered : bool
        Whether a trigger catches cells, or else the basal rate alone.
    bonds : str
        Of `BONDS`.
    ratio : float
        k_on / k_off.
    time_step : float
        [s].
    cells, looks, seed : int
        Looks are two relaxation times apart, the first after ten of them.
    """
    parameters, grid, hold = _floor(triggered, bonds, ratio)
    covered = float((hold.contact > 0).mean())
    relaxation = 1.0 / (RELEASE * (1.0 + covered * ratio))
    moving = _scattered(grid, cells, seed)
    inside = np.zeros(cells)
    for look in range(looks):
        steps = math.ceil((2.0 if look else 10.0) * relaxation / time_step)
        moving = _moved(parameters, grid, hold, moving, steps * time_step, time_step, seed)
        inside += (hold.contact[hold.cells_of(moving.x, moving.y)] > 0) / looks
    share = inside.mean()
    counts, areas = (np.array([1.0 - part, part, 0.0]) for part in (share, covered))
    error = inside.std(ddof=1) / math.sqrt(cells)
    slope = (1.0 - covered) / covered / (1.0 - share) ** 2
    return Gathered(float(density_fold_change(counts, areas)[0]), float(slope * error))


def measure_held(
    ratio: float,
    times: Sequence[float],
    time_step: float,
    cells: int,
    *,
    everywhere: bool,
    seed: int = 1,
) -> tuple[list[Held], float]:
    """Shares of cells held by CD166 after times [s], and the share of the floor that catches.

    Parameters
    ----------
    ratio : float
        k_on / k_off.
    times : sequence of float
        Rising [s].
    time_step : float
        [s].
    cells, seed : int
    everywhere : bool
        Whether the whole floor catches instead of the bodies alone.
    """
    parameters, grid, hold = _floor(True, "cd166", ratio)
    if everywhere:
        hold = hold._replace(contact=np.ones_like(hold.contact), ligands=np.ones_like(hold.ligands))
    covered = float((hold.contact > 0).mean())
    moving = _scattered(grid, cells, seed)
    return _held(parameters, grid, hold, moving, times, time_step, seed), covered


def measure_dosed(
    rate: float, times: Sequence[float], time_step: float, cells: int, *, seed: int = 1
) -> list[Held]:
    """Shares of resting cells held at times [s] after a dose that signalling adapts to.

    Parameters
    ----------
    rate : float
        k_4 [1/s].
    times : sequence of float
        Rising [s].
    time_step : float
        [s].
    cells, seed : int
    """
    parameters, grid, hold = _floor(True, "cd166", 1.0)
    parameters = parameters._replace(
        speed=0.0, adaptation_rate=1.0 / ADAPTATION, half_trigger=DOSE_TRIGGER,
        trigger_exponent=1.0, triggered_arrest_rate=rate, release_rate=0.0,
    )  # fmt: skip
    hold = hold._replace(contact=np.ones_like(hold.contact))
    resting = _scattered(grid, cells, seed, adapted=0.0)
    return _held(parameters, grid, hold, resting, times, time_step, seed)


def _held(
    parameters: CellParameters, grid: Grid, hold: AdhesionMap, cells: Cells,
    times: Sequence[float], time_step: float, seed: int,
) -> list[Held]:  # fmt: skip
    """Shares held at rising times [s], with their standard errors."""
    at, shares = 0.0, []
    for time in times:
        cells = _moved(parameters, grid, hold, cells, time - at, time_step, seed)
        at, share = time, float(cells.held.mean())
        shares.append(Held(share, math.sqrt(share * (1.0 - share) / len(cells.x))))
    return shares


def _floor(triggered: bool, bonds: str, ratio: float) -> tuple[CellParameters, Grid, AdhesionMap]:
    """Cells whose signalling does not adapt, their grid, and what they touch."""
    strengths = BONDS[bonds]
    rate = ratio * RELEASE
    settings = {
        **DISH,
        # Bodies are touched by cells of either bond; its strength may be 0.
        **{f"mechanisms.{name}_adhesion": "true" for name in ("cd166", "vla4")},
        **{f"cell_type.kg1a.{n}_bonds": str(strengths.get(n, 0.0)) for n in ("cd166", "vla4")},
        "mechanisms.arrest": str(triggered).lower(),
        "cell_type.kg1a.half_trigger": f"{HALF_TRIGGER}",
        "cell_type.kg1a.basal_arrest_rate": f"{0.0 if triggered else rate} 1/s",
        "cell_type.kg1a.triggered_arrest_rate": f"{rate / TRIGGER} 1/s",
        "cell_type.kg1a.release_rate": f"{RELEASE * math.exp(sum(strengths.values()))} 1/s",
    }
    spec = load_model("null-kg1a", settings=[f"{k}={v}" for k, v in settings.items()]).spec
    grid = model_grid(spec)
    scene = place_scene(spec, 1, secretion_factor=1.0)
    parameters = cell_parameters(spec, DishFactors(), competition=0.0)
    return parameters, grid, adhesion_map(spec, scene, grid)


def _scattered(grid: Grid, cells: int, seed: int, *, adapted: float = OCCUPIED - AHEAD) -> Cells:
    x, y, angle = np.random.default_rng(seed).random((3, cells))
    start = crawling(grid.width * x, grid.length * y, 2.0 * math.pi * angle, surface=2.0 * OCCUPIED)
    return replace(start, adapted=np.full(cells, adapted))


def _moved(
    parameters: CellParameters,
    grid: Grid,
    hold: AdhesionMap,
    cells: Cells,
    duration: float,
    time_step: float,
    seed: int,
) -> Cells:
    uniform = coefficients(np.full((grid.ny, grid.nx), LIGAND))
    return advance(
        cells,
        grid,
        Stimulus(uniform, uniform, True, no_subgrid_field()),
        hold,
        parameters,
        duration=duration,
        time_step=time_step,
        seed=seed,
    )


CASES = (
    (False, "none", 0.5), (True, "cd166", 1.0), (True, "cd166, vla4", 2.0), (False, "cd166", 5.0),
    (True, "none", 10.0),
)  # fmt: skip
"""Whether a trigger catches, bonds, and k_on / k_off."""


def _name(triggered: bool, bonds: str) -> str:
    """Of a case, for people."""
    words = {"none": "no bond", "cd166": "CD166", "cd166, vla4": "CD166 and VLA-4"}
    return f"{'triggered' if triggered else 'basal'}, {words[bonds]}"


def main() -> None:
    """Write the table and the figure beside this file."""
    import report

    cells, found, rows = 20_000, [], []
    for seed, (triggered, bonds, ratio) in enumerate(CASES, 1):
        step = 8.0 / (1.0 + ratio)
        run = measure(triggered, bonds, ratio, step, cells, seed=seed)
        found.append((triggered, bonds, ratio, run))
        law = fold_change_law(ratio)
        rows.append(
            [
                _name(triggered, bonds),
                f"{ratio:g}",
                f"{step:.2g}",
                f"{run.fold_change:.3f}",
                f"{law:g}",
                f"{run.standard_error:.3f}",
                f"{(run.fold_change - law) / run.standard_error:+.1f}",
            ]
        )

    steps, ratio = [80.0, 40.0, 20.0, 10.0], 4.0
    stepped = [
        measure(True, "cd166", ratio, step, 200_000, seed=10 + n) for n, step in enumerate(steps)
    ]
    errors = [run.fold_change - fold_change_law(ratio) for run in stepped]
    noise = [run.standard_error for run in stepped]

    times, fine_step = [40.0, 80.0, 160.0, 320.0, 640.0, 1280.0], 2.0
    relaxed = {
        everywhere: measure_held(
            ratio, times, fine_step, 50_000, everywhere=everywhere, seed=20 + everywhere
        )
        for everywhere in (True, False)
    }
    covered = relaxed[False][1]

    after, dosing = [150.0, 300.0, 600.0, 1200.0, 3600.0], (2e-3, 30.0)
    dosed = measure_dosed(dosing[0], after, dosing[1], 50_000, seed=30)
    by_dose = [
        [
            f"{time:g}",
            f"{run.share:.4f}",
            f"{dosed_law(dosing[0], time):.4f}",
            f"{run.standard_error:.4f}",
            f"{(run.share - dosed_law(dosing[0], time)) / run.standard_error:+.1f}",
        ]
        for time, run in zip(after, dosed, strict=True)
    ]

    notes = f"""
Fold change on MSC bodies that cover {covered:.1%} of the floor, in equilibrium, {cells:,} cells
seen four times, caught at the basal rate or by a trigger of {TRIGGER:g}; bonds make k_off
{RELEASE:g} 1/s. *Noise* is one standard error, and the last column the distance from the law in
such.
"""
    by_step = report.table(
        ["step [s]", "error", "noise", "difference / noise"],
        [
            [f"{step:g}", f"{error:+.3f}", f"{chance:.3f}", f"{error / chance:+.1f}"]
            for step, error, chance in zip(steps, errors, noise, strict=True)
        ],
    )
    by_time = []
    for n, time in enumerate(times):
        by_time.append([f"{time:g}"])
        for shares, share in relaxed.values():
            by_time[-1] += [
                f"{shares[n].share:.4f}",
                f"{held_law(ratio, time, covered=share):.4f}",
                f"{shares[n].standard_error:.4f}",
                f"{held_law(ratio, time, covered=share, time_step=fine_step):.4f}",
            ]
    more = f"""
Error against the time step for k_on / k_off = {ratio:g} by CD166 (200,000 cells):

{by_step}

Share of cells held against time, none at the start, for k_on / k_off = {ratio:g}, in steps of
{fine_step:g} s (50,000 cells): first where the whole floor catches, then where the bodies alone do.

{report.table(["time [s]", *(2 * ["held", "law", "noise", "expected"])], by_time)}

Share of resting cells held after a uniform dose to which signalling adapts within
{ADAPTATION:g} s, in steps of {dosing[1]:g} s (50,000 cells); without adaptation
{-math.expm1(-dosing[0] * after[-1] * OCCUPIED / (OCCUPIED + DOSE_TRIGGER)):.1%} would be held at
the last time:

{report.table(["time [s]", "held", "law", "noise", "difference / noise"], by_dose)}
"""
    here = Path(__file__)
    header = [
        "adhesion", "k_on / k_off", "step [s]", "fold change", "law", "noise",
        "difference / noise",
    ]  # fmt: skip
    write = report.write_table
    write(here.with_suffix(".md"), "Adhesion equilibrium", notes, header, rows, more)

    drawn, (folds, held, orders) = report.figure("Two regions that differ in adhesion", panels=3)
    ratios = np.geomspace(0.4, 12.0, 100)
    folds.plot(ratios, 1.0 + ratios, color=report.LAW, label="1 + k_on / k_off")
    for series, (triggered, bonds) in enumerate(dict.fromkeys(case[:2] for case in CASES)):
        chosen = [(k, run) for t, b, k, run in found if (t, b) == (triggered, bonds)]
        folds.errorbar(
            [k for k, _ in chosen],
            [run.fold_change for _, run in chosen],
            yerr=[run.standard_error for _, run in chosen],
            fmt=report.MARKERS[series],
            color=report.COLOURS[series],
            label=_name(triggered, bonds),
            capsize=2,
            ms=5,
        )
    folds.set(
        xscale="log", yscale="log", xlabel="k_on / k_off", ylabel="density fold change",
        title="Equilibrium",
    )  # fmt: skip
    folds.legend(frameon=False)
    later = np.linspace(0.0, times[-1], 200)
    for series, (everywhere, name) in enumerate(((True, "whole floor"), (False, "bodies alone"))):
        shares, share = relaxed[everywhere]
        held.plot(later, [held_law(ratio, t, covered=share) for t in later], color=report.LAW, lw=1)
        held.errorbar(
            times,
            [s.share for s in shares],
            yerr=[s.standard_error for s in shares],
            fmt=report.MARKERS[series],
            color=report.COLOURS[series],
            label=f"{name} (f = {share:.2g})",
            capsize=2,
            ms=5,
        )
    held.set(xlabel="time [s]", ylabel="share of cells held", title="Relaxation", ylim=(0.0, 1.0))
    held.legend(frameon=False)
    orders.axhline(0.0, color=report.LAW, label="1 + k_on / k_off")
    orders.errorbar(
        steps, errors, yerr=noise, fmt=report.MARKERS[0], color=report.COLOURS[0],
        label="simulated", capsize=2, ms=5,
    )  # fmt: skip
    orders.set(
        xscale="log", xlabel="time step [s]", ylabel="error of the fold change",
        title=f"k_on / k_off = {ratio:g}",
    )  # fmt: skip
    orders.legend(frameon=False)
    report.save(drawn, here.with_suffix(".png"))


if __name__ == "__main__":
    main()
