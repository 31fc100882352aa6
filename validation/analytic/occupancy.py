"""Occupied CXCR4 under a competitive antagonist, from the text of a dose to a cell that reads it.

    theta = c / (c + K_d (1 + A / K_i))                        Gaddum

c of ligand, A of antagonist. Half of the receptors are occupied at c = K_d (1 + A / K_i). The dose
ratio, by how much more ligand it takes with the antagonist than without, therefore obeys

    log(dose ratio - 1) = log A - log K_i                      Schild

a line of slope 1 whose intercept is the antagonist's pK_i. A mass dose m of molar mass M is
c = m / M: 100 ng/mL of SDF-1 of 7.96 kDa are 12.56 nM, each nM being 0.602214 molecules/um**3.

Every number goes the program's whole way: text of the dose, nM, what is in the medium at a time,
the behaviour of the cell type, and a cell. What the cell reads is taken from how far it goes: with
chemokinesis a straight way is v t (1 + g theta).

References
----------
Gaddum (1937) J. Physiol. 89:7P.
Arunlakshana & Schild (1959) Br. J. Pharmacol. 14:48, 10.1111/j.1476-5381.1959.tb00928.x.

python validation/analytic/occupancy.py        # writes occupancy.md and occupancy.png
"""

import math
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq

from sdf1_field.cells import CellParameters, advance, cell_parameters
from sdf1_field.exposure.sampling import Stimulus, coefficients, no_subgrid_field
from sdf1_field.grid import make_grid
from sdf1_field.simulation import simulate
from sdf1_field.spec import ModelSpec, load_model
from sdf1_field.treatments import schedule
from sdf1_field.variation import DishFactors

sys.path.append(str(Path(__file__).parent))

from walkers import crawling, nothing_to_touch

SETTINGS = (
    "mechanisms.chemokinesis=true",
    "mechanisms.crowding=false",
    "receptor.cxcr4.dissociation_constant=4.5 nM",
    "agent.amd3100.inhibition_constant=651 nM",
    "agent.amd3100.molar_mass=502.8 g/mol",
    "ligand.sdf1.molar_mass=7.96 kDa",
    "cell_type.kg1a.speed=1.5 um/min",
    "cell_type.kg1a.persistence_time=1e30 s",
    "cell_type.kg1a.chemokinesis_gain=0.5",
)
K_D, K_I, MOLAR_MASS = 4.5, 651.0, 7960.0
SPEED, GAIN = 0.025, 0.5
"""The same by hand, in nM, g/mol, um/s."""
PER_UM3 = 0.602214076
"""Molecules/um**3 in 1 nM."""
QUIET = (
    "dish.width=300 um", "dish.length=300 um", "dish.height=100 um", "grid.spacing=20 um",
    "scene.msc_density=0 1/mm**2", "cells.density=330 1/mm**2",
    "ligand.sdf1.coat.sites=0 sites/um**2", "ligand.sdf1.loss_rate=0 1/s",
    "run.culture=1 h", "run.duration=20 min", "output.tracks_every=2 min",
    "variation.dish.speed=0",
)  # fmt: skip
"""A dish in which nothing but a dose decides on the concentration."""
WAY = 1200.0
"""Time that a cell walks straight ahead [s]."""


class Schild(NamedTuple):
    """Line through the logarithms of dose ratio - 1 and dose, and its largest miss."""

    slope: float
    intercept: float
    miss: float


class Read(NamedTuple):
    """What a dish shows after a dose.

    Parameters
    ----------
    occupancy : float
        As its cells read it [1].
    molecules_per_volume : float
        Added to the medium [molecules/um**3].
    """

    occupancy: float
    molecules_per_volume: float


def gaddum(ligand: Any, antagonist: float) -> Any:
    """Occupancy [1] by hand at concentrations [nM]."""
    return ligand / (ligand + K_D * (1.0 + antagonist / K_I))


def occupancy_read(ligand: float, antagonist: str) -> float:
    """Occupancy [1] that a cell shows in uniform ligand [nM] and a dose of antagonist."""
    _, behaving = _treated(antagonist)
    grid = make_grid(400.0, 400.0, 100.0, spacing=50.0, floor_layer=50.0, layer_growth=1.0)
    seen = coefficients(np.full((grid.ny, grid.nx), ligand))
    start = crawling(np.full(1, 100.0), np.full(1, 200.0), np.zeros(1))
    end = advance(
        start,
        grid,
        Stimulus(seen, seen, True, no_subgrid_field()),
        nothing_to_touch(grid),
        behaving,
        duration=WAY,
        time_step=60.0,
        seed=1,
    )
    return float(((end.x[0] - start.x[0]) / (SPEED * WAY) - 1.0) / GAIN)


def half_occupied(antagonist: str) -> float:
    """Ligand [nM] at which a cell shows an occupancy of a half under a dose of antagonist."""
    exponent = brentq(
        lambda e: occupancy_read(10.0**e, antagonist) - 0.5, -3.0, 9.0, xtol=1e-13, rtol=1e-13
    )
    return float(10.0**exponent)


def measure(doses: Sequence[tuple[str, float]]) -> Schild:
    """Schild's line from the concentrations of half occupancy.

    Parameters
    ----------
    doses : sequence of (str, float)
        Doses of antagonist as written in a model file, and the same by hand [mol/L].
    """
    alone = half_occupied("0 nM")
    log_dose = np.log10([molar for _, molar in doses])
    shift = np.log10([half_occupied(text) / alone - 1.0 for text, _ in doses])
    slope, intercept = np.polyfit(log_dose, shift, 1)
    miss = np.abs(shift - (log_dose - math.log10(K_I * 1e-9))).max()
    return Schild(float(slope), float(intercept), float(miss))


def measure_dish(ligand: str, antagonist: str) -> Read:
    """What cells read in a whole simulated dish, given doses as written in a model file."""
    doses = [f"treatments.sdf1.dose={ligand}", f"treatments.amd3100.dose={antagonist}"]
    settings = [*SETTINGS, *QUIET, *doses]
    spec = load_model("coculture-kg1a-sdf1-amd3100", settings=settings).spec
    places, added = [], 0.0
    for snapshot in simulate(spec, seed=1):
        if snapshot.cells is not None:
            places.append((snapshot.cells.x, snapshot.cells.y))
        if snapshot.fields is not None:
            added = snapshot.fields["sdf1"].ledger.added
    x, y = np.array(places).swapaxes(0, 1)
    # Cells that meet a wall end short of their way; most never do.
    way = np.median(np.hypot(np.diff(x, axis=0), np.diff(y, axis=0)))
    volume = spec.dish.width * spec.dish.length * spec.dish.height
    return Read(
        float((way / (SPEED * spec.output.tracks_every) - 1.0) / GAIN), float(added / volume)
    )


@cache
def _treated(antagonist: str) -> tuple[ModelSpec, CellParameters]:
    """Model with a dose of antagonist from time 0 on, and its cells' behaviour then."""
    dose = f"treatments.amd3100.dose={antagonist}"
    spec = load_model("coculture-kg1a-amd3100-10um", settings=[*SETTINGS, dose]).spec
    competition = schedule(spec).competition(0.0)
    return spec, cell_parameters(spec, DishFactors(), competition=competition)


def main() -> None:
    """Write the table and the figure beside this file."""
    import report

    doses = [("0.1 uM", 1e-7), ("1 uM", 1e-6), ("5.028 ug/mL", 1e-5), ("100 uM", 1e-4)]
    rows: list[list[object]] = []
    for text, molar in [("0 nM", 0.0), *doses]:
        half, law = half_occupied(text), K_D * (1.0 + molar * 1e9 / K_I)
        ratio = f"{half / half_occupied('0 nM') - 1.0:.6g}" if molar else ""
        rows.append([text, f"{half:.9g}", f"{law:.9g}", f"{half / law - 1.0:+.0e}", ratio])
    line = measure(doses)

    dishes = []
    for ligand, molar in (("100 ng/mL", 100.0 * 1e3 / MOLAR_MASS), ("4.5 nM", 4.5)):
        for text, antagonist in (("0 nM", 0.0), ("1 uM", 1e3), ("10 uM", 1e4)):
            run, law = measure_dish(ligand, text), gaddum(molar, antagonist)
            dishes.append(
                [
                    ligand,
                    f"{run.molecules_per_volume / PER_UM3:.6f}",
                    f"{molar:.6f}",
                    text,
                    f"{run.occupancy:.6f}",
                    f"{law:.6f}",
                    f"{run.occupancy / law - 1.0:+.0e}",
                ]
            )
    header = ["SDF-1", "in medium [nM]", "law [nM]", "AMD3100", "occupancy", "law", "error"]

    notes = f"""
SDF-1 at which a cell shows an occupancy of a half, against the dose of AMD3100 as written in the
model file (5.028 ug/mL are 10 uM). K_d = {K_D:g} nM, K_i = {K_I:g} nM.
"""
    more = f"""
Schild's line through these: slope {line.slope:.12f}, law 1; intercept {line.intercept:.9f}, law
{-math.log10(K_I * 1e-9):.9f} (pK_i); largest miss {line.miss:.0e}.

Whole simulated dishes with no source, coat or loss, given doses at time 0: what the mass audit
says was added, over the volume and {PER_UM3:.6f} molecules/um^3; and the occupancy that the cells'
speed shows.

{report.table(header, dishes)}

Nothing here is discretised: errors are round-off, and have no order.
"""
    here = Path(__file__)
    header = ["AMD3100", "half occupied [nM]", "law [nM]", "error", "dose ratio - 1"]
    report.write_table(
        here.with_suffix(".md"), "Occupancy and Schild's shift", notes, header, rows, more
    )

    drawn, (occupied, schild) = report.figure("Ligand, antagonist and CXCR4")
    fine, coarse = np.geomspace(0.1, 1e5, 200), np.geomspace(0.1, 1e5, 13)
    for series, (text, molar) in enumerate([("0 nM", 0.0), *doses[1:]]):
        occupied.plot(fine, gaddum(fine, molar * 1e9), color=report.LAW, lw=1)
        occupied.plot(
            coarse,
            [occupancy_read(c, text) for c in coarse],
            report.MARKERS[series],
            color=report.COLOURS[series],
            label=text.replace("u", "µ"),
            ms=5,
        )
    occupied.set(
        xscale="log", xlabel="SDF-1 [nM]", ylabel="occupancy read by a cell",
        title="Gaddum (lines) and cells",
    )  # fmt: skip
    occupied.legend(title="AMD3100", frameon=False)
    molar = np.array([m for _, m in doses])
    span = np.geomspace(5e-8, 2e-4, 50)
    schild.plot(span, span / (K_I * 1e-9), color=report.LAW, label="slope 1, intercept pK_i")
    schild.plot(
        molar,
        [half_occupied(text) / half_occupied("0 nM") - 1.0 for text, _ in doses],
        "o",
        color=report.COLOURS[0],
        label="simulated",
    )
    schild.set(
        xscale="log", yscale="log", xlabel="AMD3100 [mol/L]", ylabel="dose ratio − 1",
        title="Schild's line",
    )  # fmt: skip
    schild.annotate(
        f"slope {line.slope:.6f}\npK_i {line.intercept:.6f}", (0.55, 0.15), xycoords="axes fraction"
    )
    schild.legend(frameon=False)
    report.save(drawn, here.with_suffix(".png"))


if __name__ == "__main__":
    main()
