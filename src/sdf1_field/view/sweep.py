"""A folder of `sdf1-field sweep` as plain values: fold changes of values, dots and curves."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sdf1_field.digits import half_text, interval_text, number_text, spread_text
from sdf1_field.statistics import p_text
from sdf1_field.units import duration_text

_FIGURES = 5
_DISHES = "sweep.csv"


def sweep_data(folder: Path, plain: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of the page.

    Parameters
    ----------
    folder : pathlib.Path
        Whose sweep.csv has the dishes.
    plain : mapping
        Of its sweep.json.

    Returns
    -------
    dict
        ``kind``, ``title``, ``notes``, ``header``, ``rows`` (text, with ``time`` and ``region``),
        ``halves`` (text) and ``panels``: means, intervals and dots of one key's values.
    """
    keys = [str(one["key"]) for one in plain["over"]]
    references = ", ".join(str(one["reference"]) for one in plain["over"])
    seeds = "the same seeds for all values" if plain["matched"] else "a seed of its own each"
    curves = list(plain["curves"])
    return {
        "kind": "sweep",
        "title": f"{plain['model']}: {' and '.join(keys)}",
        "notes": [
            f"{int(plain['dishes'])} dishes of each value, {seeds}. Fold changes are densities of "
            "cells over that of free surface: mean ± S.D. of dishes. Ratios are of means, to "
            f"{references}, with their 95 % interval over dishes; p is two-sided "
            f"({'paired' if plain['matched'] else 'unpaired'} t test over dishes).",
            *(
                f"{len(plain['failed'])} dishes failed and are left out."
                for _ in plain["failed"][:1]
            ),
        ],
        "header": [*keys, "at", "on", "dishes", "fold change", f"ratio to {references}", "p"],
        "rows": [_row(row) for row in plain["values"]],
        "halves": [_half(curve) for curve in curves],
        "panels": list(_panels(folder, plain)) if len(keys) == 1 else [],
    }


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    ends = None if row["ratio_low"] is None else (row["ratio_low"], row["ratio_high"])
    time = duration_text(float(row["time_s"]))
    return {
        "time": time,
        "region": str(row["region"]),
        "text": [
            *map(str, row["values"]), time, str(row["region"]), str(row["dishes"]),
            spread_text(row["mean"], row["deviation"]), interval_text(row["ratio"], ends),
            "-" if row["p"] is None else p_text(row["p"]),
        ],
    }  # fmt: skip


def _half(curve: Mapping[str, Any]) -> list[str]:
    """Half dose of a curve, or why it has none."""
    place = [duration_text(float(curve["time_s"])), str(curve["region"])]
    if "value_2" in curve:
        place.insert(0, str(curve["value_2"]))
    where = ", ".join(place)
    if curve["half"] is None:
        return [where, f"none: {curve['reason']}", "-"]
    over = curve.get("over_constant")
    constant = "-" if over is None else f"{number_text(over, figures=2)} {curve['constant']}"
    return [where, half_text(curve), constant]


def _panels(folder: Path, plain: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Means, intervals, dots and curve of each time and region."""
    (over,) = plain["over"]
    dots = _dots(folder, str(over["key"]))
    numbers = dict(zip(over["values"], over["numbers"] or (), strict=False))
    for at in plain["times"]:
        regions = dict.fromkeys(str(row["region"]) for row in plain["values"])
        for region in regions:
            rows = [
                row for row in plain["values"] if (row["time_s"], row["region"]) == (at, region)
            ]
            curve = next(
                (c for c in plain["curves"] if (c["time_s"], c["region"]) == (at, region)), None
            )
            yield {
                "title": f"{region}, {duration_text(float(at))}",
                "axis": str(over["key"]),
                "unit": str(over["unit"]),
                "points": [
                    {
                        "label": str(row["values"][0]),
                        "number": numbers.get(str(row["values"][0])),
                        "mean": row["mean"],
                        "low": row["low"],
                        "high": row["high"],
                        "dots": dots.get((str(row["values"][0]), at, region), []),
                    }
                    for row in rows
                ],
                "line": [] if curve is None else [[float(v) for v in p] for p in curve["line"]],
                "half": None if curve is None else curve["half"],
            }


def _dots(folder: Path, key: str) -> dict[tuple[str, float, str], list[list[float]]]:
    """Seed and fold change of each dish, by value, time and region."""
    found: dict[tuple[str, float, str], list[list[float]]] = defaultdict(list)
    file = folder / _DISHES
    if not file.is_file():
        return found
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            fold = float(row["fold_change"] or "nan")
            if math.isfinite(fold):
                place = row[key], float(row["time_s"]), row["region"]
                found[place].append([int(row["seed"]), float(f"{fold:.{_FIGURES}g}")])
    return found
