"""A report as text for a terminal, as a page in Markdown, and as plain values."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sdf1_field.claims import VARIATIONS, Claim, ClaimFound, Statement, StatementFound
from sdf1_field.digits import interval_text
from sdf1_field.statistics import p_text
from sdf1_field.units import duration_text

if TYPE_CHECKING:
    from sdf1_field.reproduce import Report

STATEMENTS = ("statement", "reported", "effect (95 %)", "median p", "agree")
SUMMARY = (
    "claim", "", "effect (95 %)", "agree", "null model",
    *(f"{100 * v:.0f} %" for v in VARIATIONS), "effect of",
)  # fmt: skip


def effect_text(found: StatementFound) -> str:
    """Mean and interval."""
    return interval_text(found.effect, (found.low, found.high))


def null_text(found: ClaimFound) -> str:
    """Share of the null model's experiments that agree."""
    if math.isnan(found.null_share):
        return "-"
    if math.isinf(found.null_share):
        return "too few dishes"
    return "< 0.01" if 0.0 <= found.null_share < 0.01 else f"{found.null_share:.2f}"


def role(claim: Claim) -> str:
    """Standing of a claim with the parameters behind it, its place, and the paper's test."""
    by = ", ".join(claim.by_construction)
    if not by:
        parts = [standing(claim)]
    else:
        parts = [f"fitted; by construction ({by})" if claim.fitted else f"{standing(claim)} ({by})"]
    parts += [part for part in (claim.source, claim.test) if part]
    return "; ".join(parts)


def standing(claim: Claim) -> str:
    """Whether a claim is fitted, a direct consequence of the model's rules, or predicted."""
    if claim.fitted:
        return "fitted"
    return "by construction" if claim.by_construction else "predicted"


def verdict_text(levels: Sequence[ClaimFound]) -> str:
    """Verdicts with the variations at which they hold.

    Examples
    --------
    "reproduced (0 %, 10 %), undecided (20 %, 30 %)"
    """
    at: dict[str, list[str]] = {}
    for found in levels:
        at.setdefault(found.verdict, []).append(f"{100 * found.variation:.0f} %")
    if len(at) == 1:
        return next(iter(at))
    return ", ".join(f"{verdict} ({', '.join(where)})" for verdict, where in at.items())


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
            f"{one.said} of {found.experiments}",
        )
        for one in found.statements
    ]
    if len(rows) > 1:
        rows.append(("all of it", "", "", "", f"{found.said} of {found.experiments}"))
    return rows


def summary_row(levels: Sequence[ClaimFound]) -> tuple[str, ...]:
    """Row of `SUMMARY`: numbers at the model's own variation, verdicts at all of `VARIATIONS`."""
    first = levels[0]
    return (
        first.claim.id,
        standing(first.claim),
        effect_text(first.deciding),
        f"{first.said} of {first.experiments}",
        null_text(first),
        *(found.verdict for found in levels),
        first.deciding.statement.text,
    )


def digitised_lines(found: ClaimFound) -> list[str]:
    """A line for each value that a user has read from a figure."""
    lines = []
    for one in found.statements:
        s = one.statement
        if s.value is None:
            continue
        where = "within" if s.above <= one.effect <= s.below else "outside of"
        lines.append(
            f"{s.text}: {interval_text(s.value, (s.above, s.below))}, read by {s.digitised_by}; "
            f"the model's {effect_text(one)} is {where} that."
        )
    return lines


def _found_json(found: StatementFound) -> dict[str, Any]:
    s = found.statement
    return {
        "statement": s.text,
        "measure": measure_text(s),
        "condition": s.condition,
        "reference": s.reference,
        "expected": s.expected(),
        "test": s.test,
        "effect": _plain(found.effect),
        "interval": _ends(found),
        "p": _plain(found.p),
        "agree": found.said,
        "value": s.value,
        "digitised_by": s.digitised_by,
    }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _ends(found: StatementFound) -> list[float] | None:
    return [found.low, found.high] if math.isfinite(found.low) else None


def as_json(report: "Report") -> list[dict[str, Any]]:
    """An entry for each claim, with effect and interval of its deciding statement."""
    return [
        {
            "id": first.claim.id,
            "paper": first.claim.says,
            "effect": _plain(first.deciding.effect),
            "interval": _ends(first.deciding),
            "share": _plain(first.share),
            "verdict": first.verdict,
            "fitted": first.claim.fitted,
            "by_construction": list(first.claim.by_construction),
            "source": first.claim.source,
            "deciding": first.deciding.statement.text,
            "experiments": first.experiments,
            "null_share": _plain(first.null_share),
            "statements": [_found_json(one) for one in first.statements],
            "variations": [
                {
                    "variation": found.variation,
                    "deciding": found.deciding.statement.text,
                    "effect": _plain(found.deciding.effect),
                    "interval": _ends(found.deciding),
                    "share": _plain(found.share),
                    "null_share": _plain(found.null_share),
                    "verdict": found.verdict,
                }
                for found in levels
            ],
        }
        for levels in report.found
        for first in levels[:1]
    ]


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _sections(report: "Report") -> Iterator[str]:
    yield f"# {report.paper.name}, claim by claim\n\n{report.paper.citation}"
    many = "s" if report.experiments > 1 else ""
    yield NOTES.format(experiments=f"{report.experiments} simulated experiment{many}")
    yield _markdown(SUMMARY, [summary_row(levels) for levels in report.found])
    for levels in report.found:
        claim = levels[0].claim
        yield f"## {claim.id}: {claim.says}\n\n{role(claim)}. Verdict: {verdict_text(levels)}."
        yield _markdown(STATEMENTS, statement_rows(levels[0]))
        by_level = ", ".join(
            f"{100 * found.variation:.0f} %: {found.said} of {found.experiments}"
            f" (null model {null_text(found)})"
            for found in levels
        )
        yield f"Experiments that agree, at each variation from dish to dish: {by_level}."
        yield from digitised_lines(levels[0])


NOTES = """{experiments}, each with dishes of its own.

Effect: mean over the experiments and its 95 % interval (Student's t; ratios are averaged as
logarithms), of the statement that agrees least. Agree: experiments in which all effects and all
tests are as reported. Null model: share of experiments that agree if every condition's dishes are
those of a model without the mechanisms that the claim is about. The percentages: variation of
dishes beyond the model's own (coefficient of variation of each dish's readings; of the odds, where
a reading is a share), which no text reports.

Reproduced: all intervals lie within the reported ones, and the share of experiments that agree is
at least three times the null model's and at least one in twenty (more than half, where there is no
null model). Not reproduced: an interval lies wholly outside of the reported one; or, of ten
experiments or more, none agrees, or the share's 95 % Wilson interval lies below that required.
Undecided: none of these, or a third of the null model's experiments agree. Predicted: nothing was
fitted to the claim. By construction: a rule or an assumed number of the model makes it so, or part
of it."""


def as_markdown(report: "Report") -> str:
    """The whole report as a page."""
    return "\n\n".join(_sections(report)) + "\n"
