"""Two regions that differ in adhesion alone: how many cells gather, and how fast.

On a floor of free surface and MSC bodies, cells over a body are caught at the rate k_on and held
cells let go at the rate k_off. Crawling cells are spread evenly, whatever the walk, since holding
a cell somewhere pushes none of the others. Over a body every crawling cell stands for k_on / k_off
held ones, so the density there over that on free surface is

    fold change = 1 + k_on / k_off.

Where cells mix much faster than they are caught, the held share of all cells is, with a share f of
the floor under bodies,

    h(t) = f k_on / (f k_on + k_off) (1 - exp(-(f k_on + k_off) t)),

and with f = 1 it is that whatever the walk. k_on is one of

    CD166   k_166 a_166              a_166 = 1 on a body
    VLA-4   k_vla a_vcam             a_vcam = 1 on a body
    CXCR4   k_4 a_int theta R / R_T  R / R_T = 1 / (1 + (k_e / k_rec) theta), theta = c / (c + K_d)

A step h of the program catches with p = k_on / k (1 - exp(-k h)), k = k_on + k_off, and lets go
with q = k_off / k (1 - exp(-k h)): the law of the two-state chain at one place. Since p / q is
k_on / k_off the equilibrium is that above in steps of any length, and with f = 1 so is h(t). With
f < 1, n steps have the factor 1 - f p - q in place of the exponential, of first order in h.

References
----------
Lauffenburger & Linderman (1993) Receptors, ch. 2 (first-order binding of one site).

python validation/analytic/adhesion_equilibrium.py        # writes adhesion_equilibrium.md and .png
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis import density_fold_change
from sdf1_field.cells import Cells, Hold, advance, cell_parameters, hold_of
from sdf1_field.exposure.sampling import Stimulus, coefficients, no_subgrid_field
from sdf1_field.grid import Grid
from sdf1_field.scene import Region, place_scene, region_areas
from sdf1_field.simulation import model_grid, regions_of
from sdf1_field.spec import ModelSpec, load_model
from sdf1_field.variation import DishFactors

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
    "cell_type.kg1a.release_rate": f"{RELEASE} 1/s",
    "cell_type.kg1a.receptors": "20000",
    "cell_type.kg1a.internalisation_rate": "0.04 1/min",
    "cell_type.kg1a.recycling_rate": "0.04 1/min",
    "receptor.cxcr4.dissociation_constant": "4.5 nM",
    "adhesion.vcam1_msc": "1.0",
    "adhesion.integrin_ligand_msc": "1.0",
}
LIGAND = 4.5
"""Uniform SDF-1 [nM]: half the receptors are occupied, a third of R_T is then left outside."""
PER_RATE = {"cd166": 1.0, "vla4": 1.0, "cxcr4": 0.5 / 1.5}
"""k_on over the catch rate of the model, by the table above."""


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


def measure(
    mechanism: str, ratio: float, time_step: float, cells: int, *, looks: int = 4, seed: int = 1
) -> Gathered:
    """Fold change on MSC bodies in equilibrium, counted as the program counts it.

    Parameters
    ----------
    mechanism : str
        ``"cd166"``, ``"vla4"`` or ``"cxcr4"``, the only one that is on.
    ratio : float
        k_on / k_off.
    time_step : float
        [s].
    cells, looks, seed : int
        Looks are two relaxation times apart, the first after ten of them.
    """
    spec, grid, hold, regions = _floor(mechanism, ratio)
    areas = region_areas(regions, grid.dx * grid.dy)
    covered = areas[Region.MSC] / areas.sum()
    relaxation = 1.0 / (RELEASE * (1.0 + covered * ratio))
    moving = _scattered(grid, cells, seed)
    inside = np.zeros(cells)
    for look in range(looks):
        steps = math.ceil((2.0 if look else 10.0) * relaxation / time_step)
        moving = _moved(spec, grid, hold, moving, steps * time_step, time_step, seed)
        inside += (regions[grid.index(moving.x, moving.y)] == Region.MSC) / looks
    share = inside.mean()
    counts = np.array([1.0 - share, share, 0.0]) * cells
    error = inside.std(ddof=1) / math.sqrt(cells)
    slope = (1.0 - covered) / covered / (1.0 - share) ** 2
    return Gathered(float(density_fold_change(counts, areas)[0]), float(slope * error))


def measure_held(
    ratio: float,
    times: list[float],
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
    times : list of float
        Rising [s].
    time_step : float
        [s].
    cells, seed : int
    everywhere : bool
        Whether the whole floor catches instead of the bodies alone.
    """
    spec, grid, hold, _ = _floor("cd166", ratio)
    if everywhere:
        hold = hold._replace(cd166=np.ones_like(hold.cd166))
    covered = float((hold.cd166 > 0.0).mean())
    moving, at, shares = _scattered(grid, cells, seed), 0.0, []
    for time in times:
        moving = _moved(spec, grid, hold, moving, time - at, time_step, seed)
        at, share = time, float(moving.held.mean())
        shares.append(Held(share, math.sqrt(share * (1.0 - share) / cells)))
    return shares, covered


def _floor(mechanism: str, ratio: float) -> tuple[ModelSpec, Grid, Hold, NDArray[np.uint8]]:
    """Model with one way to be caught, its grid, what catches, and the region map."""
    rate = ratio * RELEASE / PER_RATE[mechanism]
    settings = {
        **DISH,
        f"mechanisms.{mechanism}_adhesion": "true",
        f"cell_type.kg1a.{mechanism}_catch_rate": f"{rate} 1/s",
    }
    spec = load_model("null-kg1a", settings=[f"{k}={v}" for k, v in settings.items()]).spec
    grid = model_grid(spec)
    scene = place_scene(spec, 1, secretion_factor=1.0)
    regions = regions_of(spec, scene, grid)
    return spec, grid, hold_of(spec, scene, regions, grid), regions


def _scattered(grid: Grid, cells: int, seed: int) -> Cells:
    x, y, angle = np.random.default_rng(seed).random((3, cells))
    angle *= 2.0 * math.pi
    held = np.zeros(cells, dtype=np.bool_)
    return Cells(grid.width * x, grid.length * y, np.cos(angle), np.sin(angle), held, 0)


def _moved(
    spec: ModelSpec,
    grid: Grid,
    hold: Hold,
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
        cell_parameters(spec, DishFactors(), competition=0.0),
        duration=duration,
        time_step=time_step,
        seed=seed,
    )


def main() -> None:
    """Write the table and the figure beside this file."""
    import report

    cells, found, rows = 20_000, [], []
    for seed, (mechanism, ratio) in enumerate(
        (("cd166", 0.5), ("vla4", 1.0), ("cxcr4", 2.0), ("cd166", 5.0), ("vla4", 10.0)), 1
    ):
        step = 8.0 / (1.0 + ratio)
        run = measure(mechanism, ratio, step, cells, seed=seed)
        found.append((mechanism, ratio, run))
        law = fold_change_law(ratio)
        rows.append(
            [
                {"cd166": "CD166", "vla4": "VLA-4", "cxcr4": "CXCR4"}[mechanism],
                f"{ratio:g}",
                f"{step:.2g}",
                f"{run.fold_change:.3f}",
                f"{law:g}",
                f"{run.standard_error:.3f}",
                f"{(run.fold_change - law) / run.standard_error:+.1f}",
            ]
        )

    steps, ratio = [80.0, 40.0, 20.0, 10.0], 4.0
    stepped = [measure("cd166", ratio, step, 200_000, seed=10 + n) for n, step in enumerate(steps)]
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

    notes = f"""
Fold change on MSC bodies that cover {covered:.1%} of the floor, in equilibrium, {cells:,} cells
seen four times, with one way to be caught at a time; k_off = {RELEASE:g} 1/s. *Noise* is one
standard error, and the last column the distance from the law in such.
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
    for series, (mechanism, name) in enumerate(
        (("cd166", "CD166"), ("vla4", "VLA-4"), ("cxcr4", "CXCR4"))
    ):
        chosen = [(k, run) for m, k, run in found if m == mechanism]
        folds.errorbar(
            [k for k, _ in chosen],
            [run.fold_change for _, run in chosen],
            yerr=[run.standard_error for _, run in chosen],
            fmt=report.MARKERS[series],
            color=report.COLOURS[series],
            label=name,
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
