"""The folder of a sweep: its question before it starts, its tables when it is finished."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdf1_field.errors import InputError, reason_of, write_whole, written_aside
from sdf1_field.studies.folders import (
    csv_text,
    json_text,
    known_values,
    require_begun,
    require_own,
    writing,
)
from sdf1_field.studies.sweep import Question, Sweep
from sdf1_field.studies.sweep_results import (
    Curve,
    as_dataset,
    as_json,
    dish_rows,
    question_as_json,
    value_rows,
)
from sdf1_field.units import duration_text

SWEEP = "sweep.json"
FILES = (SWEEP, "sweep.csv", "summary.csv", "sweep.nc")
_RUNS = "runs"


def begin_folder(folder: Path, question: Question) -> float:
    """Make a folder a sweep's, or find it to be this one's.

    Returns
    -------
    float
        Time of one dish on one core that an earlier call measured [s]; NaN if none did.

    Raises
    ------
    InputError
        If it holds something else, or another sweep: values and dishes alone may be others.
    """
    asked = question_as_json(question)
    file = folder / SWEEP
    known = known_values(file)
    if known is not None:
        try:
            its = _same(known)
        except (AttributeError, KeyError, TypeError):
            raise InputError(f"{file}: not that of a sweep. Choose another folder by -o.") from None
        require_own(folder, "a sweep", its, _same(asked))
        seconds = known.get("seconds_per_dish")
        return float(seconds) if isinstance(seconds, int | float) else math.nan
    try:
        require_begun(folder, "a sweep", SWEEP)
        (folder / _RUNS).mkdir(parents=True, exist_ok=True)
        write_whole(file, json_text(asked))
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written to ({reason_of(error)}). Choose another folder by -o."
        ) from None
    return math.nan


def _same(question: Mapping[str, Any]) -> dict[str, Any]:
    """What all calls of one folder have in common."""
    return {
        "model": question.get("model"),
        "over": [one["key"] for one in question.get("over", [])],
        **{key: question.get(key) for key in ("settings", "seed", "matched")},
        "times": [duration_text(time) for time in question.get("times", [])],
    }


def note_time(folder: Path, question: Question, seconds: float) -> None:
    """Keep the time of one dish for a call that goes on [s]."""
    if math.isfinite(seconds):
        with writing(folder):
            asked = {**question_as_json(question), "seconds_per_dish": seconds}
            write_whole(folder / SWEEP, json_text(asked))


def write_sweep(sweep: Sweep, curves: Sequence[Curve], folder: Path) -> dict[str, Any]:
    """Write `FILES`, each whole or not at all; returns the plain values of the first.

    Raises
    ------
    RunError
        If the folder cannot be written to.
    """
    plain = as_json(sweep, curves)
    with writing(folder):
        write_whole(folder / "sweep.csv", _csv(dish_rows(sweep)))
        write_whole(folder / "summary.csv", _csv(value_rows(sweep)))
        with written_aside(folder / "sweep.nc") as partial:
            as_dataset(sweep).to_netcdf(partial)
        # Last: the folder is then finished.
        write_whole(folder / SWEEP, json_text(plain))
    return plain


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    return csv_text(list(rows[0]) if rows else [], [list(row.values()) for row in rows])
