"""Verdicts by readings as a page in Markdown, as plain values, and as rows."""

import json
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from sdf1_field.claims import Claim, ClaimFound
from sdf1_field.claims.chances import LEAST_UNITS
from sdf1_field.claims.verdict import decides
from sdf1_field.digits import number_text
from sdf1_field.errors import RunError, reason_of, refuse_existing, write_whole
from sdf1_field.judging.tables import (
    STATEMENTS,
    averaged_text,
    chance_line,
    claim_json,
    digitised_lines,
    effect_text,
    grid_json,
    joint_json,
    joint_line,
    markdown_table,
    null_text,
    number_json,
    range_text,
    role,
    statement_rows,
    weights_line,
)
from sdf1_field.judging.verdicts import Experiment, Verdicts
from sdf1_field.statistics import p_text

SUMMARY = (
    "claim", "status", "effect (95 %)", "chance (95 %)", "range", "null model", "agree", "verdict",
    "effect of",
)  # fmt: skip
SHORT_SUMMARY = ("claim", "status", "effect", "chance (95 %)", "null", "agree", "verdict")
"""Of a terminal of 100 columns."""
EXPERIMENTS = (*STATEMENTS, "of all: effect", "p", "agrees")


def _agree(verdicts: Verdicts, found: ClaimFound) -> str:
    return _yes(all(one.agrees for one in verdicts.experiments[found.claim.id]))


def _yes(agrees: bool) -> str:
    return "yes" if agrees else "no"


def summary_row(verdicts: Verdicts, found: ClaimFound) -> tuple[str, ...]:
    """Row of `SUMMARY`."""
    return (
        found.claim.id,
        str(found.claim.status),
        effect_text(found.deciding),
        averaged_text(found.chance),
        range_text(found.chance),
        null_text(found),
        _agree(verdicts, found),
        found.verdict,
        found.deciding.statement.text,
    )


def short_summary_row(verdicts: Verdicts, found: ClaimFound) -> tuple[str, ...]:
    """Row of `SHORT_SUMMARY`."""
    return (
        found.claim.id,
        str(found.claim.status),
        effect_text(found.deciding).partition(" (")[0],
        averaged_text(found.chance),
        null_text(found).partition(" (")[0],
        _agree(verdicts, found),
        found.verdict,
    )


def rows(verdicts: Verdicts, found: ClaimFound) -> list[tuple[str, ...]]:
    """Rows of `EXPERIMENTS`; with several statements, a last one for all of them."""
    own = verdicts.experiments[found.claim.id]
    more = [_experiment(one) for one in own]
    if len(own) > 1:
        more.append(("", "", _agree(verdicts, found)))
    return [(*row, *also) for row, also in zip(statement_rows(found), more, strict=True)]


def _experiment(one: Experiment) -> tuple[str, ...]:
    return number_text(one.effect), p_text(one.p), _yes(one.agrees)


def notes(verdicts: Verdicts) -> str:
    """How the numbers came about, and what the words mean."""
    text = NOTES.format(readings=verdicts.readings, least=LEAST_UNITS)
    without = verdicts.without_null
    if without:
        text += (
            f"\n\nThere are no readings of the null model ({', '.join(without)}), so claims that "
            "are compared with it are *direction only* at most."
        )
    return "\n\n".join((text, *_out_of_reach(verdicts)))


def _out_of_reach(verdicts: Verdicts) -> Iterator[str]:
    """Verdicts by chances that claims cannot have with so few replicates, and how many it takes."""
    numbers = {
        found.claim.id: (_fewest(verdicts, found.claim.conditions), _of_null(verdicts, found.claim))
        for found in verdicts.found
        if not found.claim.detects
    }
    for nth, words in enumerate(
        (
            "a claim that every experiment reports, and none of the null model's, is *direction "
            "only* at most",
            "a claim that no experiment reports, nor any of the null model's, is refused by its "
            "effect only, not by its chance",
        )
    ):
        short = [
            key for key, (own, null) in numbers.items() if null != 0 and not decides(own, null)[nth]
        ]
        if short:
            least = max(_least(nth, against_null=numbers[key][1] is not None) for key in short)
            yield (
                f"Too few replicates for a verdict by chances: {words} ({', '.join(short)}). It "
                f"takes {least} replicates of each condition."
            )


def _fewest(verdicts: Verdicts, conditions: Iterable[str]) -> int:
    return min(verdicts.replicates[key] for key in conditions)


def _of_null(verdicts: Verdicts, claim: Claim) -> int | None:
    """Fewest replicates of a claim's null model; None if it is not compared with one."""
    if not claim.against_null:
        return None
    nulls = (verdicts.paper.conditions[key].null for key in claim.conditions)
    return _fewest(verdicts, (key for key in nulls if key is not None))


def _least(nth: int, *, against_null: bool) -> int:
    """Replicates of each condition from which `decides` is true."""
    return next(n for n in count(LEAST_UNITS) if decides(n, n if against_null else None)[nth])


def as_markdown(verdicts: Verdicts) -> str:
    """All verdicts as a page."""
    return "\n\n".join(_sections(verdicts)) + "\n"


def _sections(verdicts: Verdicts) -> Iterator[str]:
    paper = verdicts.paper
    yield f"# {paper.name}, claim by claim\n\n{paper.citation}".strip()
    yield notes(verdicts)
    joint = joint_line(verdicts.joint)
    yield "\n\n".join(filter(None, (weights_line(verdicts.weights), joint)))
    yield markdown_table(SUMMARY, [summary_row(verdicts, found) for found in verdicts.found])
    for found in verdicts.found:
        claim = found.claim
        yield f"## {claim.id}: {claim.says}\n\n{role(claim)}. Verdict: {found.verdict}."
        yield markdown_table(EXPERIMENTS, rows(verdicts, found))
        yield chance_line(found)
        yield from digitised_lines(found)
    yield "## Replicates\n\n" + markdown_table(
        ("condition", "label", "replicates"),
        [
            (key, paper.conditions[key].label, str(number))
            for key, number in verdicts.replicates.items()
        ],
    )


def as_json(verdicts: Verdicts) -> dict[str, Any]:
    """All verdicts as plain values."""
    return {
        "paper": verdicts.paper.name,
        "readings": verdicts.readings,
        "claims": [_claim_json(verdicts, found) for found in verdicts.found],
        "joint": joint_json(verdicts.joint),
        "informed_by": verdicts.weights.informed_by or None,
        "grid": grid_json(verdicts.weights),
        "conditions": [
            {
                "condition": key,
                "label": verdicts.paper.conditions[key].label,
                "replicates": number,
            }
            for key, number in verdicts.replicates.items()
        ],
    }


def _claim_json(verdicts: Verdicts, found: ClaimFound) -> dict[str, Any]:
    own = claim_json(found)
    experiments = verdicts.experiments[found.claim.id]
    for statement, one in zip(own["statements"], experiments, strict=True):
        statement["experiment"] = {
            "effect": number_json(one.effect),
            "p": number_json(one.p),
            "agrees": one.agrees,
        }
    own["agrees"] = all(one.agrees for one in experiments)
    return own


def write_verdicts(verdicts: Verdicts, folder: Path, *, force: bool = False) -> None:
    """Write ``table.md`` and ``claims.json``.

    Parameters
    ----------
    verdicts : Verdicts
    folder : Path
        Made if it is not there.
    force : bool
        Replace existing files.

    Raises
    ------
    InputError
        If one of the files is there already.
    RunError
        If the folder cannot be written to.
    """
    page, values = (folder / name for name in FILES)
    for path in (page, values):
        refuse_existing(path, force=force)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(page, as_markdown(verdicts))
        write_whole(values, f"{json.dumps(as_json(verdicts), indent=2)}\n")
    except OSError as error:
        raise RunError(
            f"{error.filename or folder}: {reason_of(error)}. Choose another folder."
        ) from None


FILES = ("table.md", "claims.json")

NOTES = """The readings of {readings} are pools of independent replicates, one for each condition.

Effect: of whole pools, with its 95 % interval (jackknife over replicates), of the statement that
agrees least. Chance: that one experiment of the paper's size, drawn from the pools, reports the
claim, with effects and tests of all statements; averaged over what the paper leaves open (views of
an experiment, variation between experiments, Student's or Welch's t test), with its 95 % interval.
Range: over that. Null model: the same of an experiment drawn from the null model's readings. Agree:
whether all readings, taken as one experiment, have the reported effects and significance; p is
Student's where the test is an unpaired t. With fewer than {least} replicates of a condition there
are no intervals, so that verdicts are open, and *agree* is what the readings say.

Reproduced: all intervals lie on the reported side, and the lower limit of the chance is at least
0.2 and three times the null model's upper limit (0.5 without a null model). Direction only: the
intervals alone. Not reproduced: an interval lies wholly at or beyond the bound, or the upper limit
of the chance is below 0.1 or three times the null model's chance (0.5 without a null model).
Undecided: none of these. Vacuous: nothing is significant, but the same experiments do not find what
the paper found. Status: as the claims file has it, of the model that it was written for."""
