"""An ablation as tables, as a page in Markdown, as CSV and JSON, and as a figure."""

import math
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sdf1_field import __version__
from sdf1_field.digits import count_text, share_text
from sdf1_field.figures.ablation import Shaded, ShadedRow, ablation_figure
from sdf1_field.judging.tables import markdown_table, weights_line
from sdf1_field.studies.ablation import CONFLICT_DISHES, OWN_VALUES, POINTS, Ablation, Asked
from sdf1_field.studies.conflicts import Choice
from sdf1_field.studies.folders import (
    csv_text,
    json_text,
    known_values,
    require_begun,
    require_own,
    write_files,
)
from sdf1_field.studies.mechanisms import ALONE, NOT_ALONE, NOT_TRIED, WHOLE, WITHOUT
from sdf1_field.studies.necessity import (
    HALF,
    JOINT,
    LEAST,
    SURE,
    Matrix,
    certainty,
    hinders,
    necessary,
    suffices,
)

FILES = ("table.md", "ablation.csv", "ablation.json", "methods.txt", "figures/ablation.png")
NECESSARY, NOT_NECESSARY = "necessary", "not necessary"
SUFFICES, NOT_ENOUGH = "suffices", "does not suffice"
NO_VERDICT = "no verdict"
"""Where the whole model rarely reports the claim, and for rows that are no question."""
WORDS = ("claim", "whole model", "needs", "suffices", "nothing at all")
_ENDS = (0.05, 0.95)
_COLUMNS = 100
_KEYS = (
    "conflict", "choice", "row", "kind", "off", "claim", "chance", "low", "high",
    "standard_error", "verdict", "certainty",
)  # fmt: skip


def verdict_of(matrix: Matrix, row: int, column: int) -> str:
    """Word for a row and a claim; see `sdf1_field.studies.necessity.necessary` and `suffices`."""
    kind = matrix.rows[row].kind
    if kind not in (WITHOUT, ALONE) or matrix.chances[0, :, column].mean() < LEAST:
        return NO_VERDICT
    if kind == WITHOUT:
        return NECESSARY if necessary(matrix, row, column) else NOT_NECESSARY
    return SUFFICES if suffices(matrix, row, column) else NOT_ENOUGH


def records(found: Ablation) -> list[dict[str, Any]]:
    """A record for each row and claim, of the matrix and of each choice of a conflict."""
    parts: list[tuple[Choice | None, str, Matrix]] = [(None, "", found.matrix)]
    parts += [(one, "as drawn", matrix) for one, matrix in found.conflicting]
    return [
        _record(choice, drawn, matrix, n, k)
        for choice, drawn, matrix in parts
        for n in range(len(matrix.rows))
        for k in range(len(matrix.columns))
    ]


def _record(
    choice: Choice | None, drawn: str, matrix: Matrix, row: int, column: int
) -> dict[str, Any]:
    own = matrix.chances[row, :, column]
    several = len(own) > 1
    low, high = np.quantile(own, _ENDS).tolist() if several else (None, None)
    verdict = verdict_of(matrix, row, column)
    sure = certainty(matrix, row, column) if several and verdict != NO_VERDICT else None
    return {
        "conflict": None if choice is None else choice.name,
        "choice": (drawn or None) if choice is None else choice.label,
        "row": matrix.rows[row].name,
        "kind": matrix.rows[row].kind,
        "off": list(matrix.rows[row].off),
        "claim": matrix.columns[column],
        "chance": float(own.mean()),
        "low": low,
        "high": high,
        "standard_error": float(own.std(ddof=1) / math.sqrt(len(own))) if several else None,
        "verdict": verdict,
        "certainty": sure,
    }


# Tables


def matrix_rows(matrix: Matrix, *, intervals: bool = True) -> list[tuple[str, ...]]:
    """Each row's name, fold changes and chances; a star where the verdict is the row's own."""
    rows = []
    for n, row in enumerate(matrix.rows):
        folds = np.exp(matrix.folds[n].mean(axis=0))
        rows.append(
            (
                row.name,
                f"{folds[0]:.1f} / {folds[1]:.1f}",
                *(_element(matrix, n, k, intervals) for k in range(len(matrix.columns))),
            )
        )
    return rows


def _element(matrix: Matrix, row: int, column: int, intervals: bool) -> str:
    own = matrix.chances[row, :, column]
    text = share_text(float(own.mean()))
    if intervals and len(own) > 1:
        low, high = np.quantile(own, _ENDS)
        text += f" ({share_text(float(low))} to {share_text(float(high))})"
    return text + _mark(matrix, row, column)


def _mark(matrix: Matrix, row: int, column: int) -> str:
    """A star where a mechanism is necessary or suffices; with a question mark if it is not sure."""
    verdict = verdict_of(matrix, row, column)
    if verdict == NO_VERDICT:
        return ""
    sure = certainty(matrix, row, column)
    doubt = "" if sure >= SURE else "?"
    return f" *{doubt}" if verdict in (NECESSARY, SUFFICES) else (f" {doubt}" if doubt else "")


def matrix_header(matrix: Matrix) -> tuple[str, ...]:
    """Header of `matrix_rows`."""
    return ("model", "fold change, MSC / network", *matrix.columns)


def claim_rows(found: Ablation) -> list[tuple[str, ...]]:
    """Rows of `WORDS`: what each claim needs, and what suffices for it."""
    matrix = found.matrix
    rows: list[tuple[str, ...]] = []
    for k, column in enumerate(matrix.columns):
        whole = float(matrix.chances[0, :, k].mean())
        nothing = share_text(float(matrix.chances[-1, :, k].mean()))
        if whole < LEAST:
            text = f"no verdict, the whole model's chance is below {LEAST:g}"
            rows.append((column, share_text(whole), text, "-", nothing))
            continue
        needs = _named(matrix, k, NECESSARY, "without ")
        enough = _named(matrix, k, SUFFICES, "")
        rows.append((column, share_text(whole), needs, enough, nothing))
    return rows


def _named(matrix: Matrix, column: int, verdict: str, prefix: str) -> str:
    names = [
        row.name.removeprefix(prefix).removesuffix(" alone")
        + ("" if certainty(matrix, n, column) >= SURE else "?")
        for n, row in enumerate(matrix.rows)
        if verdict_of(matrix, n, column) == verdict
    ]
    return "; ".join(names) or "none of those tried"


def idle_line(matrix: Matrix) -> str:
    """Mechanisms that no claim needs, in words."""
    idle = [
        row.name.removeprefix("without ")
        for n, row in enumerate(matrix.rows)
        if row.kind == WITHOUT
        and not any(necessary(matrix, n, k) for k in range(len(matrix.columns)))
    ]
    if not idle:
        return "Every mechanism that was taken away is needed by one of the claims."
    return f"No claim here loses half of its chance without: {'; '.join(idle)}."


def hindering_line(matrix: Matrix) -> str:
    """Mechanisms without which a claim is reported twice as often, in words."""
    found = [
        f"{column} without {row.name.removeprefix('without ')} "
        f"({share_text(float(matrix.chances[0, :, k].mean()))} to "
        f"{share_text(float(matrix.chances[n, :, k].mean()))})"
        for n, row in enumerate(matrix.rows)
        if row.kind == WITHOUT
        for k, column in enumerate(matrix.columns)
        if hinders(matrix, n, k)
    ]
    if not found:
        return "No claim is reported twice as often without a mechanism."
    return f"Reported at least twice as often: {'; '.join(found)}."


def conflict_rows(found: Ablation) -> list[tuple[str, ...]]:
    """Rows of the conflicts: choice, model, and chances of the claims."""
    rows = []
    for choice, matrix in found.conflicting:
        words = "as drawn" if choice is None else choice.words
        rows += [(words, name, *rest) for name, _, *rest in matrix_rows(matrix, intervals=False)]
    return rows


def holding_rows(found: Ablation) -> list[tuple[str, ...]]:
    """For each mechanism that a claim needs: at which choices it still does."""
    if not found.conflicting:
        return []
    first = found.conflicting[0][1]
    rows: list[tuple[str, ...]] = []
    for n, row in enumerate(first.rows):
        for k, column in enumerate(first.columns):
            at = found.matrix.rows.index(row)
            where = found.matrix.columns.index(column)
            if row.kind != WITHOUT or not necessary(found.matrix, at, where):
                continue
            lost, silent, held = [], [], 0
            for choice, matrix in found.conflicting:
                verdict = verdict_of(matrix, n, k)
                words = "as drawn" if choice is None else choice.words
                held += verdict == NECESSARY
                if verdict == NOT_NECESSARY:
                    lost.append(words)
                elif verdict == NO_VERDICT:
                    silent.append(words)
            rows.append(
                (
                    column,
                    row.name.removeprefix("without "),
                    f"{held} of {len(found.conflicting)}",
                    "; ".join(lost) or "-",
                    "; ".join(silent) or "-",
                )
            )
    return rows


HOLDING = ("claim", "needs", "holds at", "not at", "no verdict at (claim below 0.2)")

RULES = f"""Chance: that one new virtual paper of the original's size reports the claim, mean over
draws of the parameters, with 5 and 95 % of draws. Necessary (*): the whole model's chance is at
least {LEAST:g}, and without the mechanism it is at most half. Suffices (*): alone the chance is at
least {LEAST:g}, and at least half of the whole model's, which is at least {LEAST:g} too. A question
mark: in fewer than {100 * SURE:.0f} % of resampled draws the verdict is the same; that the recorded
dishes are few is not in it. {JOINT.capitalize()}: one paper reports all of the paper's joint
claims. Fold changes are geometric means over draws, of the first condition at its first time. These
limits were fixed before the first matrix was seen; a further one, that a mechanism is necessary if
the chance falls from above to below {LEAST:g} however little, was taken out after it.

Mechanisms are taken away at draws that were informed with all of them on: the table says what the
fitted model loses. What a model without a mechanism could do with other values of its parameters is
another question, which calibrations of such laws answer (sdf1-field calibrate --law). So it is with
values on which the literature disagrees: each takes the place of the draws' value, and nothing is
fitted anew."""


def _head(found: Ablation) -> str:
    asked = found.asked
    return (
        f"At {values_text(asked)}, in {asked.dishes} recorded dishes; every row "
        "has the same values, dishes and random numbers."
    )


def values_text(asked: Asked) -> str:
    """At which values of the parameters mechanisms are taken away."""
    if asked.source == OWN_VALUES:
        return OWN_VALUES
    return f"{count_text(len(asked.draws), 'draw')} of the parameters ({asked.source})"


def as_markdown(found: Ablation) -> str:
    """Everything as a page."""
    return "\n\n".join(_sections(found)) + "\n"


def _sections(found: Ablation) -> Iterator[str]:
    yield f"# {found.asked.paper.name}, mechanisms taken away"
    yield found.asked.paper.citation
    yield _head(found)
    yield "## What each claim needs, and what suffices"
    yield markdown_table(WORDS, claim_rows(found))
    yield f"{idle_line(found.matrix)} {hindering_line(found.matrix)}"
    yield "## Chances"
    yield markdown_table(matrix_header(found.matrix), matrix_rows(found.matrix))
    if found.conflicting:
        yield "## Over the literature's conflicts"
        yield (
            f"The whole model and the rows that a claim needs, with {found.asked.conflict_draws} "
            f"of the draws in {CONFLICT_DISHES} dishes: chances are rougher than above."
        )
        yield markdown_table(HOLDING, holding_rows(found))
        header = matrix_header(found.conflicting[0][1])
        yield markdown_table(("choice", header[0], *header[2:]), conflict_rows(found))
        yield "Where the choices are from:"
        yield markdown_table(
            ("choice", "source", "read"),
            [(c.words, c.source, c.read) for c, _ in found.conflicting if c is not None],
        )
    yield "## What is open"
    yield weights_line(found.open_weights)
    yield "## Rules"
    yield RULES
    yield "## Not tried"
    yield markdown_table(("switch", "why it has no row"), list(NOT_TRIED.items()))
    yield markdown_table(("alone", "why it has no row"), list(NOT_ALONE.items()))


def as_json(found: Ablation) -> dict[str, Any]:
    """Everything as plain values."""
    asked = found.asked
    return {
        "paper": asked.paper.name,
        "claims": list(asked.claims),
        "rows": [row.name for row in found.matrix.rows],
        "choices": [choice.words for choice in asked.conflicts.choices],
        "law": list(asked.law),
        "draws": len(asked.draws),
        "source": asked.source,
        "dishes": asked.dishes,
        "informed_by": found.open_weights.informed_by or None,
        "chances": records(found),
    }


def as_csv(found: Ablation) -> str:
    """Records as a table with one line each."""
    return csv_text(
        _KEYS,
        [[";".join(v) if k == "off" else v for k, v in one.items()] for one in records(found)],
    )


def methods_text(found: Ablation) -> str:
    """Paragraph for a paper's section on methods, with the numbers of this ablation."""
    return textwrap.fill(" ".join(_methods(found)), _COLUMNS, break_on_hyphens=False) + "\n"


def _methods(found: Ablation) -> Iterator[str]:
    asked = found.asked
    yield (
        f"Mechanisms of the co-culture model were switched off one at a time, and all but one "
        f"group of them, with sdf1-field {__version__}, at {values_text(asked)}."
    )
    yield (
        f"Haematopoietic cells were replayed in {asked.dishes} recorded dishes, with the same "
        "random numbers in every model."
    )
    yield (
        f"Virtual papers with the numbers of experiments, tests and shared controls of "
        f"{asked.paper.name} gave the chance that one paper reports each result "
        f"({', '.join(asked.claims)})."
    )
    yield (
        f"A mechanism was called necessary where the chance fell from at least {LEAST:g} to at "
        f"most {HALF:g} of its value, and a group of mechanisms sufficient where alone the chance "
        f"was at least {LEAST:g} and at least {HALF:g} of that."
    )
    if found.conflicting:
        yield (
            f"This was repeated at {len(found.conflicting) - 1} choices on which the literature "
            f"disagrees, with {asked.conflict_draws} draws and {CONFLICT_DISHES} dishes."
        )


# Files


def figure_of(found: Ablation) -> Figure:
    """Claims × mechanisms, shaded by chance."""
    matrix, rows = found.matrix, []
    for n, row in enumerate(matrix.rows):
        own = matrix.chances[n]
        low, high = (
            np.quantile(own, _ENDS, axis=0) if len(own) > 1 else np.full((2, own.shape[1]), np.nan)
        )
        elements = [
            Shaded(
                float(own[:, k].mean()),
                float(low[k]),
                float(high[k]),
                verdict_of(matrix, n, k) in (NECESSARY, SUFFICES),
            )
            for k in range(own.shape[1])
        ]
        before = matrix.rows[n - 1].kind if n else WHOLE
        rows.append(ShadedRow(row.name, elements, gap=row.kind != before))
    says = [f"{c.id}: {c.says}" for c in found.asked.paper.claims if c.id in matrix.columns]
    if JOINT in matrix.columns:
        joint = [one for one in found.asked.paper.joint if one in matrix.columns]
        says.append(f"{JOINT}: one paper reports {', '.join(joint)}")
    return ablation_figure(matrix.columns, rows, says)


def require_folder(folder: Path, asked: Asked, *, force: bool = False) -> None:
    """Refuse a folder that holds something else, or results that the question's would not hold.

    Results of the same claims, rows and choices, or of fewer, are replaced; so are those of other
    numbers of draws or dishes.

    Raises
    ------
    InputError
    """
    require_begun(folder, "an ablation", POINTS)
    known = known_values(folder / "ablation.json")
    if known is not None and not force:
        require_own(
            folder,
            "an ablation",
            known,
            {"paper": asked.paper.name, "law": list(asked.law), "source": asked.source},
            {
                "claims": asked.claims,
                "rows": [row.name for row in asked.rows],
                "choices": [choice.words for choice in asked.conflicts.choices],
            },
            remedy="Choose another folder by -o, or replace the results with --force; what was "
            "replayed is kept.",
        )


def write_ablation(found: Ablation, folder: Path) -> None:
    """Write `FILES`.

    Raises
    ------
    RunError
        If the folder cannot be written to.
    """
    texts = {
        "table.md": as_markdown(found),
        "ablation.csv": as_csv(found),
        "ablation.json": json_text(as_json(found)),
        "methods.txt": methods_text(found),
    }
    write_files(folder, texts, {FILES[-1]: figure_of(found)}, kept="points")


def default_folder(paper: str, *, shipped: bool) -> Path:
    """Where an ablation is written if no folder is given."""
    return Path(f"{paper}-ablation{'-shipped' if shipped else ''}")
