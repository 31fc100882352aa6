"""The report on a paper as a page in Markdown and as plain values, with what is recorded of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sdf1_field.claims import Claim, ClaimFound
from sdf1_field.claims.targets import LEAST_SIZE, LeaveOneOut
from sdf1_field.digits import share_text
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
    range_text,
    role,
    statement_rows,
    weights_line,
)

if TYPE_CHECKING:
    from sdf1_field.reproduce import Report

SUMMARY = (
    "claim", "status", "effect (95 %)", "explained (95 %)", "range", "from the others",
    "null model", "verdict", "effect of",
)  # fmt: skip
SHORT_SUMMARY = (
    "claim", "status", "effect", "explained (95 %)", "from the others", "null", "verdict",
)  # fmt: skip
"""Of a terminal of 100 columns; intervals that are left out are printed with each claim."""


def others_text(claim: Claim) -> str:
    """Chance from a calibration on the other claims, and what it is worth.

    That is the prior's chance, that the law was chosen by people who had seen the claim, or that
    too few points are behind it.
    """
    own = claim.left_out
    if own is None:
        return "-"
    if not own.decides:
        return "undecided"
    if claim.law_chosen_by:
        return f"{share_text(own.reported)}, law knew it"
    return f"{share_text(own.reported)} (prior {share_text(own.prior)})"


def others_line(claim: Claim) -> str:
    """All that is recorded of a calibration on the other claims; empty if nothing is."""
    own = claim.left_out
    if own is None:
        return ""
    text = (
        f"From the other claims, as recorded: reported {share_text(own.reported)}, its effects "
        f"alone {share_text(own.direction)}; prior {share_text(own.prior)}; from all claims "
        f"{share_text(own.explained)}."
    )
    if not own.decides:
        text += f" Effective sample size {own.size:.0f}, which decides nothing."
    if claim.law_chosen_by:
        text += " The law was chosen by people who had seen this claim: no prediction."
    return text


def summary_row(found: ClaimFound) -> tuple[str, ...]:
    """Row of `SUMMARY`."""
    return (
        found.claim.id,
        str(found.claim.status),
        effect_text(found.deciding),
        averaged_text(found.chance),
        range_text(found.chance),
        others_text(found.claim),
        null_text(found),
        found.verdict,
        found.deciding.statement.text,
    )


def short_summary_row(found: ClaimFound) -> tuple[str, ...]:
    """Row of `SHORT_SUMMARY`."""
    return (
        found.claim.id,
        str(found.claim.status),
        _without_interval(effect_text(found.deciding)),
        averaged_text(found.chance),
        others_text(found.claim),
        _without_interval(null_text(found)),
        found.verdict,
    )


def _without_interval(text: str) -> str:
    return text.partition(" (")[0]


def _left_out_json(left_out: LeaveOneOut | None) -> dict[str, float] | None:
    if left_out is None:
        return None
    return {
        "reported": left_out.reported,
        "direction": left_out.direction,
        "prior": left_out.prior,
        "explained": left_out.explained,
        "effective_size": left_out.size,
    }


def _claim_json(found: ClaimFound) -> dict[str, Any]:
    """A claim with what is recorded of it, after its own chance."""
    own = claim_json(found)
    return {
        **{key: own[key] for key in ("id", "paper", "effect", "interval", "chance")},
        "from_others": _left_out_json(found.claim.left_out),
        "law_chosen_by": found.claim.law_chosen_by,
        **own,
    }


def as_json(report: "Report") -> dict[str, Any]:
    """The report as plain values."""
    weights = report.weights
    return {
        "paper": report.paper.name,
        "dishes": report.dishes,
        "directions_only": report.directions_only,
        "seed": report.seed,
        "claims": [_claim_json(found) for found in report.found],
        "joint": joint_json(report.joint),
        "informed_by": weights.informed_by or None,
        "grid": grid_json(weights),
        "conditions": list(_conditions_json(report)),
    }


def _conditions_json(report: "Report") -> Iterator[dict[str, Any]]:
    """Conditions, and which dishes of ``runs.csv`` are theirs."""
    by_condition: dict[str, list[int]] = {}
    for one in report.planned:
        by_condition.setdefault(one.condition, []).append(one.dish.seed)
    for name, seeds in by_condition.items():
        condition = report.paper.conditions[name]
        yield {
            "condition": name,
            "label": condition.label,
            "observation": condition.observation,
            "model": condition.model,
            "seeds": seeds,
        }


def notes(report: "Report") -> str:
    """How the report's numbers came about, and what its words mean."""
    text = NOTES.format(dishes=report.dishes, size=LEAST_SIZE)
    return f"{text}\n\n{DIRECTIONS_ONLY}" if report.directions_only else text


def _sections(report: "Report") -> Iterator[str]:
    yield f"# {report.paper.name}, claim by claim\n\n{report.paper.citation}"
    yield notes(report)
    yield "\n\n".join(filter(None, (weights_line(report.weights), joint_line(report.joint))))
    yield markdown_table(SUMMARY, [summary_row(found) for found in report.found])
    for found in report.found:
        claim = found.claim
        yield f"## {claim.id}: {claim.says}\n\n{role(claim)}. Verdict: {found.verdict}."
        yield markdown_table(STATEMENTS, statement_rows(found))
        yield chance_line(found)
        if line := others_line(claim):
            yield line
        yield from digitised_lines(found)


NOTES = """Each condition has a pool of {dishes} independent dishes, the null model's of more if
needed.

Effect: that of whole pools, with its 95 % interval (jackknife over dishes), of the statement that
agrees least.

There are three chances that one virtual paper reports the claim, with effects and tests of all
statements. Explained: by the shipped values. Its dishes are drawn from the pools, and it is
averaged over what the paper leaves open (views of an experiment, variation between experiments,
Student's or Welch's t test), with its 95 % interval (jackknife over dishes, logit scale). Range:
over that grid. From the others: by all values within the parameters' intervals, as a calibration on
the other claims weighs them (recorded, not computed here); prior: before any claim; undecided: an
effective sample size below {size:g}. Retrodicted: the law was chosen seeing the claim, so that the
others do not predict it. Null model: by a model without the mechanisms that the claim is about.

Verdicts are about the first of these chances. Reproduced: all intervals lie on the reported side,
and the lower limit of the chance is at least 0.2 and three times the null model's upper limit (0.5
without a null model). Direction only: the intervals alone. Not reproduced: an interval lies wholly
on the other side, or the upper limit of the chance is below 0.1 or three times the null model's
chance (0.5 without a null model). Undecided: none of these. Vacuous: nothing is significant, but
the same experiments do not find what the paper found. Calibrated: parameters are chosen so that the
claim holds. By construction: a rule or an assumed number of the model makes it so. Predicted: the
claim informs nothing."""

DIRECTIONS_ONLY = "A quick look decides directions only: its pools are too small for chances."


def as_markdown(report: "Report") -> str:
    """The whole report as a page."""
    return "\n\n".join(_sections(report)) + "\n"
