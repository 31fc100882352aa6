"""Records of the verdicts of `sdf1-field reproduce` on both papers, and of the null model.

python validation/deniz2023/run.py claims     # table.md and figures; in ../jiao2024 as well
python validation/deniz2023/run.py null       # null.md: the null model judged as the model is
python validation/deniz2023/run.py all        # README.md says how long each takes

Dishes are kept in the folder that --folder names, and are not simulated twice.
"""

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from sdf1_field.api.reporting import write_report
from sdf1_field.claims import Paper
from sdf1_field.judging import tables
from sdf1_field.reproduce import DISHES, as_markdown, load_paper, reproduce

sys.path.append(str(Path(__file__).parents[1]))

from recording import carry_out_sections, markdown

HERE = Path(__file__).parent
RECORDED = {"deniz2023": HERE / "table.md", "jiao2024": HERE.parent / "jiao2024" / "claims.md"}
ABOUT_CELLS = ("D12", "D13", "D14", "D15", "D16", "D17", "D18", "D19")
"""Claims of enrichment and of drugs, which the null model must not reproduce."""
NULL_SEED = 100


def finished(more: int) -> None:
    """Say that dishes are finished."""
    print("." * more, end="", file=sys.stderr, flush=True)


def claims(arguments: argparse.Namespace) -> None:
    """Judge both papers, and record tables and figures."""
    for name, path in RECORDED.items():
        folder = arguments.folder / name
        report = reproduce(load_paper(name), folder, dishes=arguments.dishes, progress=finished)
        write_report(report, folder)
        path.write_text(as_markdown(report), encoding="utf-8")
        for picture in (folder / "figures").glob("*.png"):
            shutil.copyfile(picture, path.parent / picture.name)


def without_mechanism(paper: Paper) -> Paper:
    """The paper in which every condition is its null: same claims, nothing that could make them."""
    conditions = {
        key: condition
        if condition.null is None
        else replace(paper.conditions[condition.null], null=condition.null)
        for key, condition in paper.conditions.items()
    }
    return replace(paper, conditions=conditions)


def null(arguments: argparse.Namespace) -> None:
    """Judge the null model by the claims on enrichment and drugs, as the model is judged."""
    report = reproduce(
        without_mechanism(load_paper("deniz2023").only(ABOUT_CELLS)),
        arguments.folder / "null",
        dishes=arguments.dishes,
        seed=NULL_SEED,
        progress=finished,
    )
    rows = [
        [found.claim.id, tables.effect_text(found.deciding), tables.null_text(found),
         *([tables.chance_text(found.chance.averaged)] if found.chance else ["-"]), found.verdict]
        for found in report.found
    ]  # fmt: skip
    header = ["claim", "effect (95 %)", "one pool for all", "a pool for each condition", "verdict"]
    (HERE / "null.md").write_text(
        "# The null model, judged as the model is\n\nEvery condition is `null-kg1a`, with a pool "
        f"of {arguments.dishes} dishes of its own. Chances that a virtual paper of the null model "
        "reports a claim: drawn from one pool, as verdicts use it, and from each condition's own."
        f"\n\n{markdown(header, rows)}\n\n{tables.joint_line(report.joint)}\n",
        encoding="utf-8",
    )


SECTIONS = {"claims": claims, "null": null}


if __name__ == "__main__":
    carry_out_sections(
        __doc__,
        SECTIONS,
        dishes={"type": int, "default": DISHES, "help": "Of each condition."},
        folder={"type": Path, "default": Path("validation-dishes")},
    )
