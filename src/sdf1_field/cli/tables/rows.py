"""Flat rows as CSV, for spreadsheets and R."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_INTERVAL = "interval"


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """CSV of rows with the keys of --json, under one line of names.

    A key inside an object is written with a dot, the ends of an interval as ``interval.low`` and
    ``interval.high``, texts in a list with semicolons between them. What does not exist is empty.

    Examples
    --------
    >>> print(csv_text([{"cells": 3, "interval": [0.5, 1.5]}, {"cells": 4, "interval": None}]))
    cells,interval.low,interval.high
    3,0.5,1.5
    4,,
    """
    flat = [dict(_flat(row)) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return stream.getvalue().rstrip("\n")


def _flat(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        name = before + key
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        elif key == _INTERVAL:
            yield from zip((f"{name}.low", f"{name}.high"), value or (None, None), strict=True)
        elif isinstance(value, list):
            yield name, "; ".join(value)
        else:
            yield name, json.dumps(value) if isinstance(value, bool) else value
