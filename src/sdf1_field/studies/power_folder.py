"""The folder of a power: which question it holds, and its files."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdf1_field.errors import InputError, RunError, read_file, reason_of, write_whole, written_aside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILES = ("power.json", "power.csv", "power.png")
_MOST_BYTES = 1 << 26


def require_own(folder: Path, question: Mapping[str, Any]) -> None:
    """Refuse a folder that holds the power of something else.

    Parameters
    ----------
    folder : pathlib.Path
    question : mapping
        Values of ``power.json`` that must be the same.

    Raises
    ------
    InputError
        If one differs, or the file is damaged.
    """
    file = folder / FILES[0]
    if not file.is_file():
        return
    try:
        known = json.loads(read_file(file, most=_MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: damaged ({error}). Choose another folder by -o.") from None
    for what, own in question.items():
        its = known.get(what) if isinstance(known, dict) else None
        if its != own:
            raise InputError(
                f"{folder}: holds a power whose {what} is {_said(its)}, not {_said(own)}. Choose "
                "another folder by -o."
            )


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join([str(value.get("model")), *map(str, value.get("settings", []))])
    return "none" if value is None else str(value)


def write_files(
    folder: Path, plain: Mapping[str, Any], rows: Sequence[Sequence[Any]], figure: "Figure"
) -> None:
    """Write `FILES` beside the dishes, each whole or not at all.

    Parameters
    ----------
    folder : pathlib.Path
    plain : mapping
        Plain values.
    rows : sequence of sequence
        Of the table, its header first; None for what does not exist.
    figure : matplotlib.figure.Figure

    Raises
    ------
    RunError
        If the folder cannot be written to.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        ["" if value is None else value for value in row] for row in rows
    )
    try:
        write_whole(folder / FILES[0], f"{json.dumps(plain, indent=2, allow_nan=False)}\n")
        write_whole(folder / FILES[1], text.getvalue())
        with written_aside(folder / FILES[2]) as partial:
            figure.savefig(partial, format="png", dpi=150, metadata={"Software": None})
    except OSError as error:
        raise RunError(
            f"{error.filename or folder}: {reason_of(error)}. The dishes are kept; make room and "
            "use the same command."
        ) from None
