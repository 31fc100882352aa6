"""Fit how fast carriers fuse in L929 to J7, at the transport rate that J7 and J9 leave.

python validation/jiao2024/fit.py           # about 6 minutes on one core; writes fit.md
python validation/jiao2024/fit.py --write   # and the values into models/parameters.toml

The paper blocks fusion with BAPTA-AM for 10 h and reports by what factor M-CSF and CCL2 rise in
migrasomes and in bodies: four numbers, and four rates. The block is simulated in dishes whose
cells walk and whose migrasomes come and go; nothing else is looked at. Rates hang on the
transport rate, so this follows `run.py space --write`.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from sdf1_field import migrasomes
from sdf1_field.scene import NO_BODY
from sdf1_field.simulation import stroma_alone
from sdf1_field.spec import load_model

sys.path.append(str(Path(__file__).parents[1]))

from recording import write_calibrated

CLAIMS = ("J7",)
CONTROL, BLOCKED = "secretion-l929", "secretion-l929-bapta-am"
RISE = {"mcsf": (9.5, 1.29), "ccl2": (10.6, 1.28)}
"""By ligand: in migrasomes and in bodies (Jiao et al. 2024, Fig. 7b, c)."""
LOOKED_AT = 12.0 * 3600.0
"""After seeding: imaged after 10 to 12 h [s]."""
LATER = (12.0, 22.0)
"""The other reading: a block of the same length that begins in cells long spread [h]."""
LIFETIMES = ("4 h", "400 min", "20 h", "93.2 h")
"""The first three are those of the claims' note on J7, the last that of MSC."""
SEEDS = tuple(range(201, 225))
"""Dishes, the same for every trial; the verdicts are on others."""
FEWER = 8
"""Of them, for the table of parameters that J7 does not determine."""
BOUNDS = ((0.3, 12.0), (0.01, 0.1))
"""Of the search for a migrasome's and a body's rate [1/h]; the step of growth allows no more."""


def contents(
    model: str, settings: Sequence[str], until: float, seeds: Sequence[int] = SEEDS
) -> dict[str, tuple[float, float]]:
    """Mean content of a migrasome on a cell's fibres and of a body, by ligand [molecules]."""
    spec = load_model(model, settings=settings).spec
    held: dict[str, list[np.ndarray]] = {name: [] for name in RISE}
    bodies: dict[str, list[np.ndarray]] = {name: [] for name in RISE}
    for seed in seeds:
        ((_, scene),) = stroma_alone(spec, [until], seed=seed)
        for name, own in migrasomes.cargo_of(scene).items():
            m = scene.migrasomes
            held[name].append(own.held[m.present & (m.body != NO_BODY)])
            bodies[name].append(own.front + own.rear)
    return {
        name: (float(np.concatenate(held[name]).mean()), float(np.concatenate(bodies[name]).mean()))
        for name in RISE
    }


def rises(
    settings: Sequence[str], block: tuple[float, float], seeds: Sequence[int] = SEEDS
) -> dict[str, tuple[float, float]]:
    """Factors by which contents rise when fusion is blocked from one time to another [h]."""
    begin, end = block
    free = contents(CONTROL, [*settings, f"run.duration={end} h"], 3600.0 * end, seeds)
    stopped = contents(
        BLOCKED,
        [*settings, f"run.duration={end} h", f"treatments.bapta_am.start={begin} h"],
        3600.0 * end,
        seeds,
    )
    return {
        name: (stopped[name][0] / free[name][0], stopped[name][1] / free[name][1]) for name in RISE
    }


def rate_paths(name: str) -> tuple[str, str]:
    """Where the two rates of a ligand are set."""
    own = f"stromal_type.l929.cargo.{name}"
    return f"{own}.fusion_rate", f"{own}.body_release_rate"


MIGRASOMES, BODIES = 0, 1
"""Which of a ligand's two rises, and of its rates."""


def fit(
    settings: Sequence[str],
    block: tuple[float, float],
    places: Sequence[int],
    seeds: Sequence[int] = SEEDS,
) -> dict[str, object]:
    """Rates with which contents rise as reported; one that would be too fast is left out."""
    values: dict[str, object] = {}

    def missed(path: str, name: str, place: int) -> Callable[[float], float]:
        def difference(rate: float) -> float:
            trial = [*settings, *(f"{p}={v}" for p, v in values.items()), f"{path}={rate} 1/h"]
            return rises(trial, block, seeds)[name][place] - RISE[name][place]

        return difference

    for place in places:
        for name in RISE:
            path = rate_paths(name)[place]
            difference, bounds = missed(path, name, place), BOUNDS[place]
            if difference(bounds[1]) >= 0.0:
                values[path] = f"{brentq(difference, *bounds, rtol=2e-3):.3g} 1/h"
    return values


def main() -> None:
    """Fit, report, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="Change models/parameters.toml.")
    arguments = parser.parse_args()
    block = (2.0, LOOKED_AT / 3600.0)
    values = fit([], block, (BODIES, MIGRASOMES))
    if arguments.write:
        write_calibrated(values)
    settings = [f"{path}={value}" for path, value in values.items()]
    report = [
        "# Fit of the cargo's kinetics\n",
        f"Claim read: {', '.join(CLAIMS)}. {len(SEEDS)} dishes of about 150 L929 a trial; fusion "
        f"blocked from {block[0]:g} h after seeding to {block[1]:g} h, when cells are looked at.\n",
        "| ligand | in | paper | model |\n|---|---|---|---|",
    ]
    for name, got in rises(settings, block).items():
        for place, noun in enumerate(("migrasomes", "bodies")):
            report.append(f"| {name} | {noun} | {RISE[name][place]} | {got[place]:.2f} |")
    report += [
        f"\n{len(values)} numbers fitted.\n",
        "| parameter | value |\n|---|---|",
        *[f"| `{path}` | {value} |" for path, value in values.items()],
        "\n## What J7 does not fix\n",
        "Fusion rates that give the same rise, for other lives of the migrasomes and for a block "
        f"that begins later, with the bodies' rates above; on {FEWER} of the dishes.\n",
        "| lifetime | fusion blocked | M-CSF [1/h] | CCL2 [1/h] |\n|---|---|---|---|",
    ]
    bodies = [f"{rate_paths(n)[1]}={values[rate_paths(n)[1]]}" for n in RISE]
    for when in (block, LATER):
        for lifetime in LIFETIMES:
            known = [*bodies, f"biogenesis.migrasome_lifetime={lifetime}"]
            own = fit(known, when, (MIGRASOMES,), SEEDS[:FEWER])
            too_fast = f"> {BOUNDS[MIGRASOMES][1]:g}"
            shown = [str(own.get(rate_paths(n)[0], too_fast)).split(" 1/")[0] for n in RISE]
            report.append(f"| {lifetime} | {when[0]:g}-{when[1]:g} h | {' | '.join(shown)} |")
    text = "\n".join(report) + "\n"
    print(text)
    if arguments.write:
        Path(__file__).with_name("fit.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
