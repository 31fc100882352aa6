"""Folders of `sdf1-field reproduce`, `calibrate` and `sweep` as one offline page."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdf1_field.errors import InputError, read_file
from sdf1_field.studies.sweep_folder import SWEEP
from sdf1_field.view.assembly import assemble_page
from sdf1_field.view.calibrated import calibration_data
from sdf1_field.view.claims import claims_data
from sdf1_field.view.sweep import sweep_data

CALIBRATION = "calibration.json"
_UNFINISHED = {"runs": "reproduce", "points.jsonl": "calibrate"}
"""What these commands keep before their results are written."""
_SCRIPTS = ("base.js", "curves.js", "facts.js", "claims.js", "sweep.js", "start.js")
_DAMAGED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, csv.Error)
_MOST_BYTES = 1 << 26
"""Of a file of results."""


def claims_file(folder: Path) -> Path | None:
    """File of a report on a paper's claims: on all of them, else on a part; None without any."""
    whole = folder / "claims.json"
    if whole.is_file():
        return whole
    return next(iter(sorted(folder.glob("claims-*.json"))), None)


def is_folder_of_results(path: Path) -> bool:
    """Whether a path is a folder that `folder_page` can show."""
    if not path.is_dir():
        return False
    known = (path / CALIBRATION).is_file() or (path / SWEEP).is_file()
    return known or claims_file(path) is not None


def folder_page(path: str | Path, beside: str | Path | None = None) -> str:
    """One HTML page of a folder's claims, calibrated parameters or sweep.

    Parameters
    ----------
    path : str or pathlib.Path
        Folder that `sdf1-field reproduce`, `calibrate` or `sweep` wrote.
    beside : str or pathlib.Path, optional
        Folder that the page is written to, from which its links to dishes begin; the folder itself
        if not given.

    Raises
    ------
    InputError
        If the folder is neither, or a file in it is damaged.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder. Check the path.")
    kinds = {"sweep": folder / SWEEP, "calibrate": folder / CALIBRATION}
    kind = next((name for name, file in kinds.items() if file.is_file()), "calibrate")
    file = kinds[kind]
    if not file.is_file():
        found = claims_file(folder)
        if found is None:
            for kept, command in _UNFINISHED.items():
                if (folder / kept).exists():
                    raise InputError(
                        f"{folder}: `sdf1-field {command}` has not finished here. Use the same "
                        "command again, which goes on."
                    )
            raise InputError(
                f"{folder}: is neither a folder of `sdf1-field reproduce`, which holds "
                "claims.json, nor of `sdf1-field calibrate`, which holds calibration.json, nor of "
                "`sdf1-field sweep`, which holds sweep.json. Give one of these, or run files."
            )
        file, kind = found, "reproduce"
    plain = _read(file, kind)
    if kind == "sweep" and "values" not in plain:
        raise InputError(
            f"{folder}: `sdf1-field sweep` has not finished here. Use the same command again, "
            "which goes on."
        )
    try:
        if kind == "sweep":
            data = sweep_data(folder, plain)
        elif kind == "calibrate":
            data = calibration_data(plain)
        else:
            data = claims_data(folder, plain, folder if beside is None else Path(beside))
    except _DAMAGED as error:
        raise InputError(
            f"{file}: not as `sdf1-field {kind}` writes it ({type(error).__name__}: {error}). "
            "Use the same command again, which writes it anew."
        ) from None
    return assemble_page(data["title"], data, scripts=_SCRIPTS)


def _read(file: Path, kind: str) -> Mapping[str, Any]:
    again = f"Use `sdf1-field {kind}` again, which writes it anew."
    try:
        plain = json.loads(read_file(file, most=_MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: damaged ({error}). {again}") from None
    if not isinstance(plain, dict):
        raise InputError(f"{file}: not a table of claims. {again}")
    return plain
