"""Cases outside the two papers, judged, and checks against published models.

python validation/outside/run.py floor       # draws models/floor.nc, which the models need
python validation/outside/run.py cases       # claims files, judged; table.md
python validation/outside/run.py values      # adhesion in all conditions, and by dose; table.md
python validation/outside/run.py spread      # effects over draws of the posterior; table.md
python validation/outside/run.py chamber     # chemotaxis by fibronectin and concentration; table.md
python validation/outside/run.py beads       # gathering by secretion and density; table.md
python validation/outside/run.py spot        # agarose spot; table.md
python validation/outside/run.py matrix      # coat and gradient; table.md
python validation/outside/run.py structure   # junctions and TSPAN4; table.md
python validation/outside/run.py all         # README.md says how long each takes

A section replaces its own part of table.md and leaves the others.
"""

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from cases import case_names, draw_floor, judge, load_case, planned_dishes
from matrix import matrix
from readings import read_dish
from spot import spot
from structure import structure
from tables import beads, chamber, record, spread, values

from sdf1_field.claims import ClaimFound
from sdf1_field.judging.tables import chance_text, effect_text, null_text

sys.path.append(str(Path(__file__).parents[1]))

from recording import carried_out, carry_out_sections, markdown


def _rows(found: ClaimFound) -> list[list[str]]:
    """Rows of a claim, one for each statement."""
    claim, chance = found.claim, found.chance
    first = [
        f"{claim.id}: {claim.says}",
        claim.source.partition(":")[0],
        "no" if claim.law_chosen_by else "yes",
        chance_text(None if chance is None else chance.averaged),
        null_text(found),
        found.verdict,
    ]
    rows = []
    for one in found.statements:
        says, source, independent, *verdict = first
        text = f"{one.statement.text}: {one.statement.expected()}"
        rows.append([says, source, independent, text, effect_text(one), *verdict])
        first = [""] * len(first)
    return rows


def cases(arguments: Namespace) -> None:
    """Verdicts of every claims file, or of those that are asked for."""
    papers = {name: load_case(name) for name in arguments.case or case_names()}
    tasks = {name: planned_dishes(paper, arguments.dishes) for name, paper in papers.items()}
    every = list(dict.fromkeys(dish for dishes in tasks.values() for dish in dishes))
    found = carried_out(read_dish, every, arguments.workers, "cases")
    readings = dict(zip(every, found, strict=True))
    header = [
        "claim", "source", "independent", "reported", "effect (95 %)", "chance (95 %)",
        "null model", "verdict",
    ]  # fmt: skip
    for name, paper in papers.items():
        rows = [row for one in judge(paper, arguments.dishes, readings) for row in _rows(one)]
        record(
            name,
            f"{paper.citation}; {arguments.dishes} dishes of each condition.\n\n"
            f"{markdown(header, rows)}",
        )


def _alone(name: str, text: Callable[..., str]) -> Callable[[Namespace], None]:
    """Section that takes nothing from the command line."""
    return lambda _: record(name, text(markdown))


def networks(arguments: Namespace) -> None:
    """Junctions, and readings of what TSPAN4 acts on."""
    record("structure", structure(markdown, carried_out, arguments.workers, arguments.dishes))


if __name__ == "__main__":
    carry_out_sections(
        __doc__,
        {
            "floor": lambda _: draw_floor(),
            "cases": cases,
            "values": values,
            "spread": spread,
            "chamber": chamber,
            "beads": beads,
            "spot": _alone("spot", spot),
            "matrix": _alone("matrix", matrix),
            "structure": networks,
        },
        dishes={
            "type": int,
            "default": 48,
            "help": "of each condition or entry (default: %(default)s)",
        },
        workers={"type": int, "default": 2},
        case={"action": "append", "help": "only this claims file"},
    )
