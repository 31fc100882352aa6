"""Fold changes of groups of dishes: dots, means with S.D., tests and encounter limits."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sdf1_field.analysis import ENRICHED, default_times, fold_change_table, fold_changes
from sdf1_field.analysis.dishes import partners
from sdf1_field.analysis.runs import run_censuses
from sdf1_field.figures.dish_bars import Array, Bar, Panel, bar_figure
from sdf1_field.figures.drawing import region_label
from sdf1_field.figures.groups import (
    Groups,
    Look,
    looks_of,
    naming,
    said_of_dots,
    said_of_single,
    said_of_tests,
)
from sdf1_field.figures.paper import Page
from sdf1_field.record import model_of
from sdf1_field.scene import REGION_LABELS
from sdf1_field.units import duration_text

FOLD = "cells per area, fold change over free surface"
LIMIT_SAID = "Dashed: encounter limit, the fold change if stroma were sticky and did not attract."


def plot_fold_changes(groups: Groups, times: Sequence[float] | None, page: Page) -> Figure:
    """Fold change of each dish on MSC and on the network at some times [s], by group.

    Tests are those of `analysis.fold_change_table` against the first group.

    Raises
    ------
    InputError
        As of `analysis.fold_change_table`.
    """
    control, *others = groups.values()
    times = sorted(default_times(control[0]) if times is None else times)
    looks, names = looks_of(groups), list(groups)
    tables = [fold_change_table(control, times)]
    for name, runs in zip(names[1:], others, strict=True):
        with naming(name):
            tables.append(fold_change_table(runs, times, against=control))
    pairs = partners(others[0], control) if len(others) == 1 else None
    if pairs is not None:
        groups = {names[0]: pairs.control, names[1]: pairs.runs}
    dishes = [_of_dishes(runs, times) for runs in groups.values()]
    spec = model_of(control[0]).spec
    panels = []
    for region in ENRICHED:
        label = region_label(region, spec)
        for n, time in enumerate(times):
            rows = [_row(table, time, REGION_LABELS[region]) for table in tables]
            bars = [
                Bar(own[:, n, ENRICHED.index(region)], _p(row), _number(row["encounter_limit"]))
                for own, row in zip(dishes, rows, strict=True)
            ]
            panels.append(Panel(f"{label}, {duration_text(time)}", FOLD, bars, label, 1.0))
    return bar_figure(
        page, looks, panels, joined=pairs is not None,
        heading=f"{spec.haematopoietic.label} cells gathering on {spec.stroma.label} and on the "
        "migrasome network",
        caption=[
            said_of_dots(looks),
            said_of_tests(_tests(tables, names), looks[0].name),
            "Thin lines join partners." if pairs is not None else "",
            f"{LIMIT_SAID} Dotted: as on free surface.",
            said_of_single(looks, "neither S.D. nor test"),
            *_lacking(looks, panels),
            *limit_notes(tables),
        ],
    )  # fmt: skip


def _of_dishes(runs: Sequence[xr.Dataset], times: Sequence[float]) -> Array:
    """Fold change of each dish, shape (dish, time, 2)."""
    taken = [run_censuses(run, times) for run in runs]
    each = [fold_changes([own[n] for own in taken]).each for n in range(len(times))]
    return np.stack(each, axis=1)


Table = Sequence[Mapping[str, Any]]
"""Rows of `analysis.fold_change_table`."""


def _row(table: Table, time: float, region: str) -> Mapping[str, Any]:
    return next(row for row in table if row["time"] == time and row["region"] == region)


def _p(row: Mapping[str, Any]) -> float:
    return _number(row["against"]["p"]) if "against" in row else math.nan


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _tests(tables: Sequence[Table], names: Sequence[str]) -> dict[str, str]:
    """Test of each group, if there is a p."""
    tests = {}
    for name, table in zip(names, tables, strict=True):
        against = [row["against"] for row in table if "against" in row]
        if any(found["p"] is not None for found in against):
            by = against[0]["paired_by"]
            over = f"pairs of dishes of one {by}" if by else "dishes"
            tests[name] = f"{against[0]['test']} test over {over}"
    return tests


def _lacking(looks: Sequence[Look], panels: Sequence[Panel]) -> list[str]:
    """Dishes without a fold change, as no cell is on free surface or the region is not there."""
    lacking: dict[str, list[str]] = {}
    for panel in panels:
        for look, bar in zip(looks, panel.bars, strict=True):
            missing = len(bar.values) - len(bar.there)
            if missing:
                dishes = f"{missing} of {look.name}"
                lacking.setdefault(dishes, []).append(panel.title)
    return [
        f"Without fold change (no such region, or no cell on free surface) and left out: {dishes} "
        f"({'; '.join(where)})."
        for dishes, where in lacking.items()
    ]


def limit_notes(tables: Sequence[Table]) -> list[str]:
    """How exact the encounter limits are."""
    notes = (row["encounter_limit_note"] for table in tables for row in table)
    return [note[0].upper() + note[1:] for note in dict.fromkeys(filter(None, notes))]
