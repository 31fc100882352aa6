"""Which claims need which piece of the model: chances with one piece changed at a time.

Each row changes one thing in every co-culture of Deniz et al. (2023), simulates pools of dishes
anew and judges the claims as `sdf1-field reproduce deniz2023` does. Values are the shipped ones;
nothing is fitted to a row.

python validation/mechanisms/run.py                    # hours on 2 cores; writes table.md
python validation/mechanisms/run.py --dishes 12        # directions only
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from sdf1_field.claims import Paper
from sdf1_field.reproduce import Report, load_paper, reproduce
from sdf1_field.reproduce.tables import chance_text, effect_text

CLAIMS = ("D12", "D13", "D14", "D15", "D16", "D17", "D18", "D19", "D20")
FOLLOWED = ("cells", "tracks")
"""Kinds of observation that read haematopoietic cells."""


def off(*switches: str) -> tuple[str, ...]:
    """Settings that switch mechanisms off."""
    return tuple(f"mechanisms.{switch}=false" for switch in switches)


def of_cells(key: str, value: str) -> tuple[str, ...]:
    """Settings of a key of both cell types."""
    return tuple(f"cell_type.{kind}.{key}={value}" for kind in ("kg1a", "cd34"))


ROWS: dict[str, tuple[str, ...]] = {
    "the model": (),
    "no adaptation": off("adaptation"),
    "no noise in the trigger": off("trigger_noise"),
    "no arrest by CXCR4": off("arrest"),
    "no arrest without a trigger (κ0 = 0)": of_cells("basal_arrest_rate", "0 1/s"),
    # Bonds of strength 0, since a switch would take the contact away as well.
    "no bonds to CD166": of_cells("cd166_bonds", "0.0"),
    "no bonds to VCAM-1": of_cells("vla4_bonds", "0.0"),
    "no bonds to fibres": of_cells("fibre_bonds", "0.0"),
    "no steering": off("soluble_sensing", "haptotaxis"),
    "no chemokinesis": off("chemokinesis"),
    "no SDF-1 from migrasomes": ("stromal_type.msc.cargo.sdf1.loaded_fraction=0.0",),
    "no migrasome is taken up": off("migrasome_uptake"),
    **{
        f"exponent of the trigger {exponent}": of_cells("trigger_exponent", exponent)
        for exponent in ("1.0", "3.0", "4.0")
    },
}
"""Settings of each row, on top of those of each condition."""


def changed(paper: Paper, settings: tuple[str, ...]) -> Paper:
    """The paper with settings in its models of cells but for the null model, which has no null."""
    conditions = {
        key: replace(condition, settings=(*condition.settings, *settings))
        if condition.observation in FOLLOWED and condition.null is not None
        else condition
        for key, condition in paper.conditions.items()
    }
    return replace(paper, conditions=conditions)


def row(name: str, report: Report) -> str:
    """Row of the table: chance of each claim, effect of its deciding statement, joint chance."""
    found = {one.claim.id: one for one in report.found}
    cells = []
    for claim in CLAIMS:
        one = found[claim]
        chance = "-" if one.chance is None else chance_text(one.chance.averaged)
        cells.append(f"{chance}; {effect_text(one.deciding)}")
    joint = "-" if report.joint is None else chance_text(report.joint.chance.averaged)
    return f"| {name} | {' | '.join(cells)} | {joint} |"


def main() -> None:
    """Simulate every row and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dishes", type=int, default=48)
    parser.add_argument("--only", nargs="*", default=list(ROWS), help="rows to simulate")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("table.md"))
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "sdf1-field-mechanisms",
        help="where finished dishes are kept; the same command goes on",
    )  # fmt: skip
    asked = parser.parse_args()
    paper = load_paper("deniz2023").only(CLAIMS)
    lines = [
        f"| changed | {' | '.join(CLAIMS)} | joint ({', '.join(paper.joint)}) |",
        "|---" * (len(CLAIMS) + 2) + "|",
    ]
    for name in asked.only:
        report = reproduce(changed(paper, ROWS[name]), asked.folder, dishes=asked.dishes)
        for failure in report.failures:
            raise SystemExit(f"{name}: {failure.dish.model}: {failure.message}")
        lines.append(row(name, report))
        print(lines[-1], flush=True)
        text = "\n".join(
            [
                f"Chance that one virtual paper reports a claim, and the effect of the statement "
                f"that agrees least; pools of {asked.dishes} dishes a condition.",
                "",
                *lines,
            ]
        )
        asked.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
