"""Verdicts on claims as text for a terminal, as tables in Markdown, and as plain values."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sdf1_field.claims import (
    Chance,
    Claim,
    ClaimFound,
    Interval,
    JointFound,
    OpenChoices,
    Statement,
    StatementFound,
    Status,
)
from sdf1_field.claims.virtual import SIZES, WELCH
from sdf1_field.digits import interval_text, share_text
from sdf1_field.statistics import p_text
from sdf1_field.units import duration_text

STATEMENTS = ("statement", "reported", "effect (95 %)", "median p", "chance")
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


def averaged_text(chance: Chance | None) -> str:
    """A chance over everything that the paper leaves open."""
    return "-" if chance is None else chance_text(chance.averaged)


def range_text(chance: Chance | None) -> str:
    """Least and largest chance over what the paper leaves open."""
    if chance is None:
        return "-"
    return f"{share_text(chance.least)} to {share_text(chance.most)}"


def null_text(found: ClaimFound) -> str:
    """Chance in the null model, with its upper limit."""
    if not found.claim.against_null:
        return "-"
    return "too few dishes" if found.null is None else averaged_text(found.null)


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
        rows.append(("all of it", "", "", "", averaged_text(found.chance)))
    return rows


def chance_line(found: ClaimFound) -> str:
    """Chance of a claim at each number of views, its range, and the null model's."""
    if found.chance is None:
        return "Chance: none, since dishes are missing."
    text = f"Chance that one virtual paper reports it: {averaged_text(found.chance)}"
    if len(found.chance.by_views) > 1:
        by_views = ", ".join(
            f"{views}: {chance_text(own)}" for views, own in found.chance.by_views.items()
        )
        text += f" (views {by_views})"
    text += f"; over what the paper leaves open {range_text(found.chance)}"
    return f"{text}; null model {null_text(found)}."


def joint_line(joint: JointFound | None) -> str:
    """Chance that one virtual paper reports all of several claims; empty if it is not known."""
    if joint is None:
        return ""
    ids, own = joint.ids, joint.chance
    by_views = ", ".join(f"{views}: {chance_text(one)}" for views, one in own.by_views.items())
    return (
        f"Chance that one virtual paper reports all of {', '.join(ids)}: "
        f"{chance_text(own.averaged)} (views {by_views}; range {range_text(own)})."
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


def number_json(value: float) -> float | None:
    """A number; None where it does not exist."""
    return value if math.isfinite(value) else None


def ends_json(interval: Interval) -> list[float] | None:
    """Ends of an interval; None without one."""
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
        "effect": number_json(found.effect.value),
        "interval": ends_json(found.effect),
        "p": number_json(found.p),
        "chance": number_json(found.chance),
        "value": s.value,
        "digitised_by": s.digitised_by,
    }


def chance_json(chance: Chance | None) -> dict[str, Any] | None:
    """A chance as plain values."""
    if chance is None:
        return None
    return {
        "value": chance.averaged.value,
        "interval": ends_json(chance.averaged),
        "range": [chance.least, chance.most],
        "by_views": [
            {"views": views, "value": own.value, "interval": ends_json(own)}
            for views, own in chance.by_views.items()
        ],
    }


def claim_json(found: ClaimFound) -> dict[str, Any]:
    """A claim as plain values; effect and interval are those of the deciding statement."""
    return {
        "id": found.claim.id,
        "paper": found.claim.says,
        "effect": number_json(found.deciding.effect.value),
        "interval": ends_json(found.deciding.effect),
        "chance": chance_json(found.chance),
        "null": chance_json(found.null),
        "status": str(found.claim.status),
        "verdict": found.verdict,
        "by_construction": list(found.claim.by_construction),
        "source": found.claim.source,
        "deciding": found.deciding.statement.text,
        "statements": [_found_json(one) for one in found.statements],
    }


def joint_json(joint: JointFound | None) -> dict[str, Any] | None:
    """Joint chance as plain values; None if it is not known."""
    if joint is None:
        return None
    return {"claims": list(joint.ids), **(chance_json(joint.chance) or {})}


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
