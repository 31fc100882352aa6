"""The folder of a sweep: its question before it starts, its tables when it is finished."""

import contextlib
import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sdf1_field.errors import InputError, RunError, read_file, reason_of, write_whole, written_aside
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
_MOST_BYTES = 1 << 26


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
    known = known_sweep(folder)
    if known is not None:
        for what, own, its in (
            ("model", asked["model"], known.get("model")),
            ("over", *([one["key"] for one in of.get("over", [])] for of in (asked, known))),
            *((key, asked[key], known.get(key)) for key in ("settings", "seed", "matched")),
            ("times", *([duration_text(t) for t in of.get("times", [])] for of in (asked, known))),
        ):
            if own != its:
                raise InputError(
                    f"{folder}: holds a sweep whose {what} is {_said(its)}, not {_said(own)}. "
                    "Choose another folder by -o."
                )
        seconds = known.get("seconds_per_dish")
        return float(seconds) if isinstance(seconds, int | float) else math.nan
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(
                f"{folder}: holds something else than a sweep. Choose a new folder or an empty one "
                "by -o."
            )
        (folder / _RUNS).mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(asked, indent=2) + "\n")
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written to ({reason_of(error)}). Choose another folder by -o."
        ) from None
    return math.nan


def _said(value: Any) -> str:
    """A value of a question in words."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def known_sweep(folder: Path) -> dict[str, Any] | None:
    """Plain values of a folder's sweep, finished or not; None if it holds none.

    Raises
    ------
    InputError
        If its file is damaged.
    """
    file = folder / SWEEP
    if not file.is_file():
        return None
    try:
        known = json.loads(read_file(file, most=_MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: damaged ({error}). Choose another folder by -o.") from None
    if not isinstance(known, dict):
        raise InputError(f"{file}: not a sweep. Choose another folder by -o.")
    return known


def note_time(folder: Path, question: Question, seconds: float) -> None:
    """Keep the time of one dish for a call that goes on [s]."""
    if math.isfinite(seconds):
        with _written(folder):
            asked = {**question_as_json(question), "seconds_per_dish": seconds}
            write_whole(folder / SWEEP, json.dumps(asked, indent=2) + "\n")


def write_sweep(sweep: Sweep, curves: Sequence[Curve], folder: Path) -> dict[str, Any]:
    """Write `FILES`, each whole or not at all; returns the plain values of the first.

    Raises
    ------
    RunError
        If the folder cannot be written to.
    """
    plain = as_json(sweep, curves)
    with _written(folder):
        write_whole(folder / "sweep.csv", _csv(dish_rows(sweep)))
        write_whole(folder / "summary.csv", _csv(value_rows(sweep)))
        with written_aside(folder / "sweep.nc") as partial:
            as_dataset(sweep).to_netcdf(partial)
        # Last: the folder is then finished.
        write_whole(folder / SWEEP, json.dumps(plain, indent=2) + "\n")
    return plain


@contextlib.contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(
            f"{error.filename or folder}: {reason_of(error)}. The dishes are kept; make room and "
            "use the same command."
        ) from None


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
