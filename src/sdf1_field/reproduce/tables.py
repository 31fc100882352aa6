"""A report as text: for a terminal, for a page in Markdown, and as plain values."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sdf1_field.digits import interval_text
from sdf1_field.reproduce.targets import Claim, Statement
from sdf1_field.reproduce.verdicts import VARIATIONS, ClaimFound, StatementFound
from sdf1_field.statistics import p_text
from sdf1_field.units import duration_text

if TYPE_CHECKING:
    from sdf1_field.reproduce import Report

STATEMENTS = ("statement", "reported", "effect (95 %)", "median p", "said by")
SUMMARY = (
    "claim", "", "effect (95 %)", "said by", "null model",
    *(f"{100 * v:.0f} %" for v in VARIATIONS), "effect of",
)  # fmt: skip


def effect_text(found: StatementFound) -> str:
    """Mean and interval."""
    return interval_text(found.effect, (found.low, found.high))


def null_text(found: ClaimFound) -> str:
    """Share of the null model's experiments that say it."""
    if math.isnan(found.null_share):
        return "-"
    if math.isinf(found.null_share):
        return "too few dishes"
    return "< 0.01" if 0.0 <= found.null_share < 0.01 else f"{found.null_share:.2f}"


def role(claim: Claim) -> str:
    """Whether it is fitted, predicted or put in, where it stands, and the paper's test."""
    by = f" (put in by: {', '.join(claim.put_in)})" if claim.put_in else ""
    parts = [standing(claim) + by]
    parts += [part for part in (claim.source, claim.test) if part]
    return "; ".join(parts)


def standing(claim: Claim) -> str:
    """Whether a claim is fitted, a consequence of what was put into the model, or predicted."""
    if claim.fitted:
        return "fitted"
    return "put in, or part of it" if claim.put_in else "predicted"


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
    """What a statement's effect is, in words."""
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
    """Row of `SUMMARY`: numbers without variation beyond the model's, verdicts with it."""
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
    """One line for each value that a user has read from a figure."""
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
        "said": found.said,
        "value": s.value,
        "digitised_by": s.digitised_by,
    }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _ends(found: StatementFound) -> list[float] | None:
    return [found.low, found.high] if math.isfinite(found.low) else None


def as_json(report: "Report") -> list[dict[str, Any]]:
    """One entry for each claim; effect and interval are those of its deciding statement."""
    return [
        {
            "id": first.claim.id,
            "paper": first.claim.says,
            "effect": _plain(first.deciding.effect),
            "interval": _ends(first.deciding),
            "share": _plain(first.share),
            "verdict": first.verdict,
            "fitted": first.claim.fitted,
            "put_in": list(first.claim.put_in),
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
    yield NOTES.format(experiments=report.experiments)
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
        yield f"Said by, at each variation from dish to dish: {by_level}."
        yield from digitised_lines(levels[0])


NOTES = """{experiments} simulated experiments, each with dishes of its own.

Effect: mean over the experiments and its 95 % interval (Student's t; ratios are averaged as
logarithms), of the statement that stands most in the way. Said by: experiments in which all
effects lie, and all tests come out, as reported. Null model: the same, where every condition's
dishes are those of a model in which nothing happens that the claim speaks of. The percentages:
how much dishes vary beyond what the model itself gives (coefficient of variation of each dish's
readings; of the odds, where a reading is a share), which no text reports.

Reproduced: all intervals lie where the paper has the effect, and the experiments say all of it at
least three times as often as the null model's, and one in twenty at least (more often than not,
where no null model can say it). Not reproduced: an interval lies wholly elsewhere; or, of ten
experiments or more, none says it, or so few do that this can hardly be chance (95 % Wilson
interval). Undecided: none of these, or the null model says it in a third of its experiments.
Predicted means that nothing was fitted to it; put in, that a rule or an assumed number of the model
makes it so, or part of it."""


def as_markdown(report: "Report") -> str:
    """The whole report as a page."""
    return "\n\n".join(_sections(report)) + "\n"
