"""A folder of `sdf1-field reproduce` as plain values: claims, their experiments, their dishes."""

import csv
import math
import os
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sdf1_field.digits import interval_text
from sdf1_field.ensemble.storing import run_stem
from sdf1_field.errors import Sdf1FieldError
from sdf1_field.figures.verdicts import percent_text
from sdf1_field.judging.tables import share_text
from sdf1_field.reproduce import load_paper
from sdf1_field.reproduce.tables import DIRECTIONS_ONLY
from sdf1_field.spec import load_model
from sdf1_field.spec.unread import unread_keys
from sdf1_field.statistics import p_text
from sdf1_field.units import duration_text
from sdf1_field.view.chances import scale, shaded

RUNS, TABLE = "runs", "runs.csv"
_TIME = re.compile(r", (-?[\d.]+) (h|min|s)$")
_SECONDS = {"h": 3600.0, "min": 60.0, "s": 1.0}
_ABSOLUTE = ("mean", "median", "share")
"""Statistics of one condition whose reported range stands on the axis of the dots."""
_FIGURES = 5
_KINDS = {
    "cells": "cells in co-culture",
    "network": "migrasome networks",
    "cargo": "chemokines in migrasomes",
    "time_lapse": "time lapse of single cells",
    "tracks": "cells alone",
}
"""Observations in words."""

Condition = Mapping[str, Any]
"""As in claims.json: ``label``, ``observation``, ``model`` and ``seeds``."""
Dish = tuple[str, int]
"""Condition and seed."""
Measure = tuple[str, float | None]
"""Quantity and its subject as a statement has them, and time [s]."""


def claims_data(folder: Path, plain: Mapping[str, Any], beside: Path) -> dict[str, Any]:
    """Plain values of the page.

    Parameters
    ----------
    folder : pathlib.Path
    plain : mapping
        Of its claims.json.
    beside : pathlib.Path
        Where links begin.

    Returns
    -------
    dict
        ``kind``, ``title``, ``citation``, ``notes``, ``scale`` (`chances.scale`), ``joint`` and
        ``claims``; a claim has its verdict, its chances (`chances.shaded`), its ``statements``, its
        ``panels`` of dots and its ``dishes``.
    """
    name = str(plain["paper"])
    try:
        citation = load_paper(name).citation
    except Sdf1FieldError:
        citation = ""
    conditions = {str(one["condition"]): one for one in plain.get("conditions", ())}
    readings = _Readings(folder, conditions)
    files = _files_by_dish(folder)
    joint = plain.get("joint")
    return {
        "kind": "claims",
        "title": f"{name}, claim by claim",
        "citation": citation,
        "notes": list(_notes(plain, conditions, readings)),
        "scale": scale(),
        "joint": None
        if joint is None
        else {"claims": list(joint["claims"]), "chance": shaded(joint["value"])},
        "claims": [_claim(claim, conditions, readings, files, beside) for claim in plain["claims"]],
    }


def _notes(
    plain: Mapping[str, Any], conditions: Mapping[str, Condition], readings: "_Readings"
) -> Iterator[str]:
    yield (
        f"Each condition has a pool of {int(plain['dishes'])} independent simulated dishes. "
        "Explained: the chance that one paper of the original's size, drawn from these pools, "
        "reports the claim with all of its effects and tests. From the others: the chance by "
        "parameters that are calibrated on the other claims alone (recorded, not computed here). "
        "Null model: by a model without the mechanisms that the claim is about."
    )
    if plain.get("directions_only"):
        yield DIRECTIONS_ONLY
    if not conditions:
        yield (
            "The folder is of an earlier version and does not say which dish is of which "
            "condition, so that no experiment is drawn. The same `reproduce` command writes it "
            "anew."
        )
    elif not readings.by_dish:
        yield (
            f"The folder has no {TABLE} with the dishes of these conditions, so that no experiment "
            "is drawn."
        )


def _claim(
    claim: Mapping[str, Any],
    conditions: Mapping[str, Condition],
    readings: "_Readings",
    files: Mapping[tuple[str, int], Path],
    beside: Path,
) -> dict[str, Any]:
    chance, null, others = claim["chance"], claim["null"], claim["from_others"]
    statements = list(claim["statements"])
    keys = dict.fromkeys(
        key for one in statements for key in (one["reference"], one["condition"]) if key
    )
    return {
        "id": str(claim["id"]),
        "says": str(claim["paper"]),
        "source": str(claim["source"]),
        "status": str(claim["status"]),
        "verdict": str(claim["verdict"]),
        "by_construction": list(claim["by_construction"]),
        "kinds": _kinds(statements, conditions),
        "law_chosen_by": bool(claim["law_chosen_by"]),
        "deciding": str(claim["deciding"]),
        "explained": _with_interval(chance),
        "null": _with_interval(null),
        "others": None if others is None else shaded(others["reported"]),
        "prior": "" if others is None else share_text(others["prior"]),
        "statements": [_statement(one) for one in statements],
        "panels": list(_panels(statements, conditions, readings)),
        "dishes": [_dishes(key, conditions, readings, files, beside) for key in keys],
    }


def _kinds(
    statements: Sequence[Mapping[str, Any]], conditions: Mapping[str, Condition]
) -> list[str]:
    """What is observed in the dishes of a claim."""
    known = (
        str(conditions[one["condition"]]["observation"])
        for one in statements
        if one["condition"] in conditions
    )
    return list(dict.fromkeys(_KINDS.get(one, one) for one in known))


def _with_interval(chance: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if chance is None:
        return None
    found = shaded(chance["value"])
    ends = chance["interval"]
    if found is not None and ends is not None:
        low, high = (percent_text(end) for end in ends)
        found["interval"] = f"{low} to {high}"
    return found


def _statement(one: Mapping[str, Any]) -> list[str]:
    ends = one["interval"]
    return [
        str(one["statement"]),
        str(one["expected"] or "-"),
        interval_text(one["effect"], ends),
        "-" if one["p"] is None else p_text(one["p"]),
        "-" if one["chance"] is None else share_text(one["chance"]),
    ]


# Experiments


def _panels(
    statements: Sequence[Mapping[str, Any]],
    conditions: Mapping[str, Condition],
    readings: "_Readings",
) -> Iterator[dict[str, Any]]:
    """Dots of each quantity that a claim is about: a column for each condition and time."""
    by_quantity: dict[str, dict[tuple[str, float | None], None]] = defaultdict(dict)
    expected: dict[str, set[str]] = defaultdict(set)
    for one in statements:
        (statistic, rest), time = _measure(str(one["measure"]))
        for key in (one["reference"], one["condition"]):
            if key:
                for own in readings.times(key, rest, time):
                    by_quantity[rest][key, own] = None
        if statistic in _ABSOLUTE and one["expected"]:
            expected[rest].add(str(one["expected"]))
    for rest, columns in by_quantity.items():
        times = {time for _, time in columns}
        shown = []
        for key, time in columns:
            dots = readings.dots(key, rest, time)
            if not dots:
                continue
            label = _label(key, conditions)
            if len(times) > 1 and time is not None and duration_text(time) not in label:
                label += f", {duration_text(time)}"
            planned = len(conditions[key]["seeds"])
            shown.append({"label": label, "dots": dots, "planned": planned})
        if shown:
            ranges = expected[rest]
            (time,) = times if len(times) == 1 else (None,)
            yield {
                "title": rest,
                "unit": readings.unit(rest),
                "time": "" if time is None else duration_text(time),
                "reported": _range(next(iter(ranges))) if len(ranges) == 1 else None,
                "columns": shown,
            }


def _label(key: str, conditions: Mapping[str, Condition]) -> str:
    return str(conditions[key]["label"]) if key in conditions else key


def _measure(text: str) -> tuple[tuple[str, str], float | None]:
    """Statistic, quantity with its subject, and time [s] of a statement's measure."""
    statistic, _, rest = text.partition(": ")
    found = _TIME.search(rest)
    if found is None:
        return (statistic, rest), None
    return (statistic, rest[: found.start()]), float(found[1]) * _SECONDS[found[2]]


def _range(expected: str) -> list[float | None] | None:
    """Ends of a reported range, of which one may be open; None if the text has none."""
    text = expected.partition(", p ")[0]
    number = r"(-?[\d.]+(?:e-?\d+)?)"
    if found := re.fullmatch(rf"{number} to {number}", text):
        return [float(found[1]), float(found[2])]
    if found := re.fullmatch(rf"above {number}", text):
        return [float(found[1]), None]
    if found := re.fullmatch(rf"below {number}", text):
        return [None, float(found[1])]
    return None


class _Readings:
    """Readings of a folder's dishes by condition.

    Parameters
    ----------
    folder : pathlib.Path
    conditions : mapping of str to mapping
        Of its claims.json.
    """

    def __init__(self, folder: Path, conditions: Mapping[str, Condition]) -> None:
        self.by_dish: dict[Dish, dict[Measure, float]] = defaultdict(dict)
        self.units: dict[str, str] = {}
        self.models: dict[str, tuple[str, tuple[str, ...]]] = {}
        file = folder / TABLE
        if not file.is_file():
            return
        known = {
            (one["model"], one["observation"], seed): key
            for key, one in conditions.items()
            for seed in one["seeds"]
        }
        with file.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                seed = int(row["seed"])
                condition = known.get((row["model"], row["observation"], seed))
                if condition is None or not math.isfinite(float(row["mean"] or "nan")):
                    continue
                rest = f"{row['quantity']} {row['of']}".strip()
                time = float(row["time_s"]) if row["time_s"] else None
                value = float(f"{float(row['mean']):.{_FIGURES}g}")
                self.by_dish[condition, seed][rest, time] = value
                self.units[rest] = row["unit"]
                self.models.setdefault(
                    condition, (row["model"], tuple(filter(None, row["settings"].split("; "))))
                )

    def dots(self, condition: str, rest: str, time: float | None) -> list[list[float]]:
        """Seed and value of each dish."""
        return [
            [seed, own[rest, time]]
            for (key, seed), own in self.by_dish.items()
            if key == condition and (rest, time) in own
        ]

    def times(self, condition: str, rest: str, time: float | None) -> list[float | None]:
        """The time of a statement, or that of a condition that is read at another one alone."""
        own = dict.fromkeys(
            at
            for (key, _), values in self.by_dish.items()
            if key == condition
            for what, at in values
            if what == rest
        )
        if time in own or len(own) != 1:
            return [time] if time in own else []
        return list(own)

    def unit(self, rest: str) -> str:
        """Unit of a quantity; empty if it has none."""
        unit = self.units.get(rest, "")
        return "" if unit == "1" else unit

    def seeds(self, condition: str) -> list[int]:
        """Of the condition's dishes."""
        return [seed for key, seed in self.by_dish if key == condition]


# Dishes


def _dishes(
    key: str,
    conditions: Mapping[str, Condition],
    readings: _Readings,
    files: Mapping[tuple[str, int], Path],
    beside: Path,
) -> dict[str, Any]:
    """Label, files and pages of a condition's dishes, and a command that shows one."""
    seeds = readings.seeds(key)
    label = _label(key, conditions)
    model, settings = readings.models.get(key, ("", ()))
    command = ""
    if model and seeds:
        setting = "".join(f" --set {shlex.quote(one)}" for one in _read(model, settings))
        run = shlex.quote(f"{Path(model).stem}-seed{seeds[0]}.nc")
        command = (
            f"sdf1-field solve {shlex.quote(model)}{setting} --seed {seeds[0]} -o {run}\n"
            f"sdf1-field view {run}"
        )
    return {
        "label": label,
        "files": list(_linked(conditions.get(key), files, beside, seeds)),
        "command": command,
    }


def _read(model: str, settings: Sequence[str]) -> list[str]:
    """Settings that a model reads; `sdf1-field solve` refuses the others, which change nothing."""
    try:
        spec = load_model(model, settings=settings).spec
    except Sdf1FieldError:
        return list(settings)
    keys = [one.partition("=")[0] for one in settings]
    idle = {key.path for key in unread_keys(spec, keys)}
    return [one for key, one in zip(keys, settings, strict=True) if key not in idle]


def _linked(
    condition: Condition | None,
    files: Mapping[tuple[str, int], Path],
    beside: Path,
    seeds: Iterable[int],
) -> Iterator[dict[str, Any]]:
    """Links to the files of a condition's dishes, and to their pages where there are any."""
    if condition is None:
        return
    stem = run_stem(str(condition["model"]), str(condition["observation"]))
    for seed in seeds:
        file = files.get((stem, seed))
        if file is not None:
            page = file.with_suffix(".html")
            yield {
                "seed": seed,
                "file": _link(file, beside),
                "page": _link(page, beside) if page.is_file() else "",
            }


def _files_by_dish(folder: Path) -> dict[tuple[str, int], Path]:
    """Newest file of each dish, by `run_stem` and seed; an earlier version's has another name."""
    found: dict[tuple[str, int], Path] = {}
    for path in sorted((folder / RUNS).glob("*.nc"), key=lambda one: one.stat().st_mtime):
        if parts := re.fullmatch(r"(.+)-seed(\d+)-[0-9a-f]+", path.stem):
            found[parts[1], int(parts[2])] = path
    return found


def _link(path: Path, beside: Path) -> str:
    return quote(Path(os.path.relpath(path.resolve(), beside.resolve())).as_posix())
