"""Claims judged by readings from any program or bench; no simulator is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sdf1_field.judging import (
    Verdicts,
    as_json,
    as_markdown,
    judge_readings,
    readings_text,
    write_verdicts,
)


@dataclass(frozen=True, eq=False)
class Judgement:
    """Verdicts on claims by readings, as tables.

    Parameters
    ----------
    verdicts : sdf1_field.judging.Verdicts
    """

    verdicts: Verdicts

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each claim: effect, chances, whether all readings agree, and verdict.

        Effect and interval are those of the statement that agrees least; a chance is that one
        experiment of the paper's size reports the claim; NaN where a number does not exist.
        """
        return pd.DataFrame([self._row(claim) for claim in self.values["claims"]])

    @cached_property
    def statements(self) -> pd.DataFrame:
        """One row for each statement of each claim."""
        return pd.DataFrame(
            [
                {
                    "claim": claim["id"],
                    "statement": one["statement"],
                    "expected": one["expected"],
                    "effect": _number(one["effect"]),
                    **_ends("effect", one["interval"]),
                    "chance": _number(one["chance"]),
                    "p_of_all": _number(one["experiment"]["p"]),
                    "agrees": one["experiment"]["agrees"],
                }
                for claim in self.values["claims"]
                for one in claim["statements"]
            ]
        )

    @cached_property
    def values(self) -> dict[str, Any]:
        """All of it as plain values, as ``sdf1-field judge --json`` prints."""
        return as_json(self.verdicts)

    @property
    def page(self) -> str:
        """All of it as a page in Markdown."""
        return as_markdown(self.verdicts)

    def write(self, folder: str | Path, *, force: bool = False) -> None:
        """Write ``table.md`` and ``claims.json`` into a folder.

        Parameters
        ----------
        folder : str or pathlib.Path
        force : bool
            Replace existing files.

        Raises
        ------
        InputError
            If a file is there already.
        RunError
            If the folder cannot be written to.
        """
        write_verdicts(self.verdicts, Path(folder), force=force)

    def _row(self, claim: dict[str, Any]) -> dict[str, Any]:
        chance, null = claim["chance"] or {}, claim["null"] or {}
        return {
            "claim": claim["id"],
            "says": claim["paper"],
            "status": claim["status"],
            "effect": _number(claim["effect"]),
            **_ends("effect", claim["interval"]),
            "chance": _number(chance.get("value")),
            **_ends("chance", chance.get("interval")),
            "null_chance": _number(null.get("value")),
            "agrees": claim["agrees"],
            "verdict": claim["verdict"],
        }


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _ends(name: str, interval: list[float] | None) -> dict[str, float]:
    low, high = interval or (np.nan, np.nan)
    return {f"{name}_low": low, f"{name}_high": high}


def judge(
    claims: str | Path,
    readings: str | Path | pd.DataFrame,
    *,
    paper: str | None = None,
    only: Sequence[str] = (),
) -> Judgement:
    """Judge a file of claims by readings from any program or bench.

    Parameters
    ----------
    claims : str or pathlib.Path
        Claims file, or the name of a shipped paper, such as ``deniz2023``.
    readings : str, pathlib.Path or pandas.DataFrame
        CSV file or frame with the columns ``condition``, ``replicate``, ``quantity`` and ``value``,
        and where they are needed ``view``, ``of``, ``time``, ``total`` and ``unit``.
    paper : str, optional
        Which of the file's papers, if it has several.
    only : sequence of str
        Ids of claims; all if empty.

    Returns
    -------
    Judgement

    Raises
    ------
    InputError
        If a file is wrong, or readings that a claim needs are missing.
    """
    if isinstance(readings, pd.DataFrame):
        text, shown = readings.to_csv(index=False, lineterminator="\n"), "readings"
    else:
        text, shown = readings_text(Path(readings)), str(readings)
    return Judgement(judge_readings(str(claims), text, shown, paper=paper, ids=only))
