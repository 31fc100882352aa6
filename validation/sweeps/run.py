"""Dose-response of AMD3100 and of recombinant SDF-1 on the default co-culture.

python validation/sweeps/run.py [--folder DIR]    # writes table.md and pictures

Dishes are kept in DIR, so that the same command goes on where it was stopped.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import sdf1_field
from sdf1_field.digits import number_text
from sdf1_field.pharmacology import receptor_occupancy
from sdf1_field.record import model_of
from sdf1_field.scene import REGION_LABELS, Region
from sdf1_field.units import duration_text

sys.path.append(str(Path(__file__).parents[1]))

from recording import markdown

HERE = Path(__file__).parent
MODEL, DISHES = "coculture-kg1a", 10
SWEEPS = {
    "amd3100": ("treatments.amd3100.dose", "0 uM,0.03..30 uM:log:7", ("4 h", "12 h")),
    # A dosed coat takes three times as long to solve.
    "sdf1": ("treatments.sdf1.dose", "0 ng/mL,0.01..300 ng/mL:log:8", ("4 h",)),
}
AT = "4 h"


def sensed() -> list[list[str]]:
    """SDF-1 that cells meet in an untreated dish, and the shift of IC50 over K_i that follows.

    For cells that meet it for the first time: occupied receptors are ``o = R c / (c + K_d (1 +
    A / K_i))``, the trigger of arrest ``o^h / (o^h + N^h)``. Competition alone shifts the dose of
    half occupancy to ``K_i (1 + c / K_d)``; the trigger is half at a higher one where ``o > N``.
    """
    model = sdf1_field.load_model(MODEL).set({"run.duration": AT})
    run = sdf1_field.solve(model, seed=1).dataset
    spec = model_of(run).spec
    cell, receptor = spec.haematopoietic, spec.receptor.cxcr4
    last = run.isel(time=-1)
    concentration = (last["sdf1"] + receptor.coat_share * last["sdf1_bound"]).values
    rows = []
    for region in Region:
        c = float(concentration[last["region"].values == region].mean())
        occupied = cell.receptors * float(
            receptor_occupancy(c, dissociation_constant=receptor.dissociation_constant)
        )
        power = (occupied / cell.half_trigger) ** cell.trigger_exponent
        trigger = power / (1.0 + power)
        half = cell.half_trigger * (0.5 * trigger / (1.0 - 0.5 * trigger)) ** (
            1.0 / cell.trigger_exponent
        )
        competition = 1.0 + c / receptor.dissociation_constant
        shift = c / receptor.dissociation_constant * (cell.receptors / half - 1.0) - 1.0
        rows.append(
            [REGION_LABELS[region]]
            + [
                number_text(value, figures=2)
                for value in (c, competition, occupied / cell.half_trigger, shift)
            ]
        )
    return rows


def main() -> None:
    """Run both sweeps and write what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=HERE / "dishes")
    parser.add_argument("--dishes", type=int, default=DISHES)
    parser.add_argument("--only", choices=tuple(SWEEPS))
    parser.add_argument("--workers", type=int)
    given = parser.parse_args()
    parts = [f"# Sweeps of doses\n\n{given.dishes} dishes of each dose, matched seeds."]
    for name, (key, values, at) in SWEEPS.items():
        if given.only not in (None, name):
            continue
        found = sdf1_field.sweep(
            MODEL, {key: values}, dishes=given.dishes, at=at, folder=given.folder / name,
            workers=given.workers, progress=lambda done, total: print(f"{done} of {total}"),
        )  # fmt: skip
        found.plot(HERE / f"{name}.png", force=True)
        rows, unit = found.values, found.sweep.question.factors[0].unit
        parts.append(f"## {key}")
        parts.append(
            markdown(
                ["dose", "at", "on", "fold change (S.D.)", "ratio (95 %)"],
                [
                    [
                        row[key], duration_text(row.time_s), row.region,
                        f"{row['mean']:.2f} ({row.deviation:.2f})",
                        f"{row.ratio:.2f}"
                        + ("" if np.isnan(row.ratio_low)
                           else f" ({row.ratio_low:.2f} to {row.ratio_high:.2f})"),
                    ]
                    for _, row in rows.iterrows()
                ],
            )
        )  # fmt: skip
        parts.append(
            markdown(
                ["at", "on", "half effect", "95 %", "over the constant", "h", "monotone"],
                [
                    [
                        duration_text(c.time), c.region,
                        r.reason or f"{number_text(r.half, figures=2)} {unit}",
                        "-" if r.half is None
                        else " to ".join(
                            "beyond the doses" if end is None else number_text(end, figures=2)
                            for end in (r.low, r.high)
                        ),
                        "-" if r.half is None or c.constant is None
                        else f"{number_text(c.constant.over(r.half), figures=2)} {c.constant.name}",
                        "-" if r.half is None else number_text(r.steepness, figures=2),
                        "yes" if r.monotone else "no",
                    ]
                    for c in found.curves
                    for r in [c.response]
                ],
            )
        )  # fmt: skip
    parts.append(
        "## SDF-1 that cells meet, and the shift it explains\n\nMean over a region of one "
        f"untreated dish at {AT}: dissolved and bound SDF-1 as the receptor sees it; factor of "
        "competition 1 + c/K_d; occupied receptors over those of half a trigger; IC50 over K_i of "
        "the first trigger, with both."
    )
    parts.append(
        markdown(["on", "c [nM]", "1 + c/K_d", "o/N", "IC50/K_i of the trigger"], sensed())
    )
    (HERE / "table.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
