"""A report as text for a terminal, as a page in Markdown, and as plain values."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sdf1_field.claims import (
    Chance,
    Claim,
    ClaimFound,
    Interval,
    OpenChoices,
    Statement,
    StatementFound,
    Status,
)
from sdf1_field.claims.targets import LEAST_SIZE, LeaveOneOut
from sdf1_field.claims.virtual import SIZES, WELCH
from sdf1_field.digits import interval_text, share_text
from sdf1_field.statistics import p_text
from sdf1_field.units import duration_text

if TYPE_CHECKING:
    from sdf1_field.reproduce import Report

STATEMENTS = ("statement", "reported", "effect (95 %)", "median p", "chance")
SUMMARY = (
    "claim", "status", "effect (95 %)", "explained (95 %)", "range", "from the others",
    "null model", "verdict", "effect of",
)  # fmt: skip
SHORT_SUMMARY = (
    "claim", "status", "effect", "explained (95 %)", "from the others", "null", "verdict",
)  # fmt: skip
"""Of a terminal of 100 columns; intervals that are left out are printed with each claim."""
_T_TESTS = {False: "student", True: "welch"}


def effect_text(found: StatementFound) -> str:
    """Effect of the pools and its interval."""
    return interval_text(found.effect.value, (found.effect.low, found.effect.high))


def chance_text(chance: Interval | None) -> str:
    """A chance and its interval."""
    if chance is None:
        return "-"
    if math.isnan(chance.low):
        return share_text(chance.value)
    return f"{share_text(chance.value)} ({share_text(chance.low)} to {share_text(chance.high)})"


def _averaged(chance: Chance | None) -> str:
    return "-" if chance is None else chance_text(chance.averaged)


def _range(chance: Chance | None) -> str:
    if chance is None:
        return "-"
    return f"{share_text(chance.least)} to {share_text(chance.most)}"


def null_text(found: ClaimFound) -> str:
    """Chance in the null model, with its upper limit."""
    if not found.claim.against_null:
        return "-"
    return "too few dishes" if found.null is None else _averaged(found.null)


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


def role(claim: Claim) -> str:
    """Standing of a claim with the parameters behind it, its place, and the paper's test."""
    by = ", ".join(claim.by_construction)
    status = str(claim.status)
    if by and claim.status is Status.BY_CONSTRUCTION:
        status += f" ({by})"
    elif by:
        status += f"; in part by construction ({by})"
    return "; ".join(part for part in (status, claim.source, claim.test) if part)


def measure_text(statement: Statement) -> str:
    """Statistic, quantity and time of a statement's effect."""
    of = f" {statement.of}" if statement.of else ""
    time = "" if statement.time is None else f", {duration_text(statement.time)}"
    return f"{statement.statistic}: {statement.quantity}{of}{time}"


def statement_rows(found: ClaimFound) -> list[tuple[str, ...]]:
    """Rows of `STATEMENTS`; with several, a last one for all of them."""
    rows: list[tuple[str, ...]] = [
        (
            one.statement.text,
            one.statement.expected() or "-",
            effect_text(one),
            p_text(one.p),
            share_text(one.chance),
        )
        for one in found.statements
    ]
    if len(rows) > 1:
        rows.append(("all of it", "", "", "", _averaged(found.chance)))
    return rows


def summary_row(found: ClaimFound) -> tuple[str, ...]:
    """Row of `SUMMARY`."""
    return (
        found.claim.id,
        str(found.claim.status),
        effect_text(found.deciding),
        _averaged(found.chance),
        _range(found.chance),
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
        _averaged(found.chance),
        others_text(found.claim),
        _without_interval(null_text(found)),
        found.verdict,
    )


def _without_interval(text: str) -> str:
    return text.partition(" (")[0]


def chance_line(found: ClaimFound) -> str:
    """Chance of a claim at each number of views, its range, and the null model's."""
    if found.chance is None:
        return "Chance: none, since dishes are missing."
    text = f"Chance that one virtual paper reports it: {_averaged(found.chance)}"
    if len(found.chance.by_views) > 1:
        by_views = ", ".join(
            f"{views}: {chance_text(own)}" for views, own in found.chance.by_views.items()
        )
        text += f" (views {by_views})"
    text += f"; over what the paper leaves open {_range(found.chance)}"
    return f"{text}; null model {null_text(found)}."


def joint_line(report: "Report") -> str:
    """Chance that one virtual paper reports all of several claims; empty if it is not known."""
    if report.joint is None:
        return ""
    ids, own = report.joint.ids, report.joint.chance
    by_views = ", ".join(f"{views}: {chance_text(one)}" for views, one in own.by_views.items())
    return (
        f"Chance that one virtual paper reports all of {', '.join(ids)}: "
        f"{chance_text(own.averaged)} (views {by_views}; range {_range(own)})."
    )


def weights_line(weights: OpenChoices) -> str:
    """What informs the weights of views, variation and test, and where they lie."""
    grid, views = weights.grid, weights.views
    by_views = grid.sum(axis=(1, 2))
    size = float(grid.sum(axis=(0, 2)) @ np.array(SIZES))
    by = weights.informed_by
    informed = f"informed by the p that {by} prints" if by else "not informed by any printed p"
    shares = ", ".join(f"{v}: {share_text(w)}" for v, w in zip(views, by_views, strict=True))
    return (
        f"What the paper leaves open, {informed}: views {shares}; mean variation between "
        f"experiments {100 * size:.0f} %; Welch's t {share_text(float(grid[..., 1].sum()))}."
    )


def digitised_lines(found: ClaimFound) -> list[str]:
    """A line for each value that a user has read from a figure."""
    lines = []
    for one in found.statements:
        s = one.statement
        if s.value is None:
            continue
        where = "within" if s.above <= one.effect.value <= s.below else "outside of"
        lines.append(
            f"{s.text}: {interval_text(s.value, (s.above, s.below))}, read by {s.digitised_by}; "
            f"the model's {effect_text(one)} is {where} that."
        )
    return lines


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _ends(interval: Interval) -> list[float] | None:
    return [interval.low, interval.high] if math.isfinite(interval.low) else None


def _found_json(found: StatementFound) -> dict[str, Any]:
    s = found.statement
    return {
        "statement": s.text,
        "measure": measure_text(s),
        "condition": s.condition,
        "reference": s.reference,
        "expected": s.expected(),
        "test": s.test,
        "effect": _plain(found.effect.value),
        "interval": _ends(found.effect),
        "p": _plain(found.p),
        "chance": _plain(found.chance),
        "value": s.value,
        "digitised_by": s.digitised_by,
    }


def _chance_json(chance: Chance | None) -> dict[str, Any] | None:
    if chance is None:
        return None
    return {
        "value": chance.averaged.value,
        "interval": _ends(chance.averaged),
        "range": [chance.least, chance.most],
        "by_views": [
            {"views": views, "value": own.value, "interval": _ends(own)}
            for views, own in chance.by_views.items()
        ],
    }


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
    """Effect and interval are those of the deciding statement."""
    return {
        "id": found.claim.id,
        "paper": found.claim.says,
        "effect": _plain(found.deciding.effect.value),
        "interval": _ends(found.deciding.effect),
        "chance": _chance_json(found.chance),
        "from_others": _left_out_json(found.claim.left_out),
        "law_chosen_by": found.claim.law_chosen_by,
        "null": _chance_json(found.null),
        "status": str(found.claim.status),
        "verdict": found.verdict,
        "by_construction": list(found.claim.by_construction),
        "source": found.claim.source,
        "deciding": found.deciding.statement.text,
        "statements": [_found_json(one) for one in found.statements],
    }


def as_json(report: "Report") -> dict[str, Any]:
    """The report as plain values."""
    joint = None
    if report.joint is not None:
        joint = {"claims": list(report.joint.ids), **(_chance_json(report.joint.chance) or {})}
    weights = report.weights
    return {
        "paper": report.paper.name,
        "dishes": report.dishes,
        "directions_only": report.directions_only,
        "seed": report.seed,
        "claims": [_claim_json(found) for found in report.found],
        "joint": joint,
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


def grid_json(weights: OpenChoices) -> list[dict[str, Any]]:
    """Weights of what the paper leaves open."""
    return [
        {
            "views": views,
            "variation": size,
            "t_test": _T_TESTS[welch],
            "weight": float(weights.grid[v, s, t]),
        }
        for v, views in enumerate(weights.views)
        for s, size in enumerate(SIZES)
        for t, welch in enumerate(WELCH)
    ]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows below a header."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def notes(report: "Report") -> str:
    """How the report's numbers came about, and what its words mean."""
    text = NOTES.format(dishes=report.dishes, size=LEAST_SIZE)
    return f"{text}\n\n{DIRECTIONS_ONLY}" if report.directions_only else text


def _sections(report: "Report") -> Iterator[str]:
    yield f"# {report.paper.name}, claim by claim\n\n{report.paper.citation}"
    yield notes(report)
    yield "\n\n".join(filter(None, (weights_line(report.weights), joint_line(report))))
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
