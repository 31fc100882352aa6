"""Density of the cells of groups of dishes by the distance from bodies and from migrasomes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sdf1_field.analysis import default_times, distance_table
from sdf1_field.figures.groups import (
    NEUTRAL,
    Groups,
    draw_band,
    draw_names,
    fitting_columns,
    font_size,
    label_height,
    looks_of,
    make_sheet,
    panel_width,
    said_of_bands,
    title_panel,
)
from sdf1_field.figures.paper import Page
from sdf1_field.record import model_of
from sdf1_field.units import duration_text

_PROPORTION = 0.65
"""Height of a panel over its width."""
_NEEDED = 150.0
"""Width of a panel at least [points]."""
_NUMBER = 2.5
"""Room for a distance on the axis, in sizes of text."""
_DENSITY = "cells per area, relative to the mean over the floor"


def plot_profiles(groups: Groups, times: Sequence[float] | None, page: Page) -> Figure:
    """Density of cells by distance from the nearest body and migrasome at some times [s], by group.

    Lines and bands are those of `analysis.distance_table`; of the last of the papers' times if
    none is given.

    Raises
    ------
    InputError
        As of `analysis.distance_table`.
    """
    control = next(iter(groups.values()))
    times = default_times(control[0])[-1:] if times is None else sorted(times)
    looks, spec = looks_of(groups), model_of(control[0]).spec
    tables = [distance_table(runs, times) for runs in groups.values()]
    kinds = list(dict.fromkeys(row["from_edge_of"] for table in tables for row in table))
    shown = [(kind, time) for kind in kinds for time in times]
    columns = fitting_columns(page, len(shown), _NEEDED)
    sheet = make_sheet(
        page, len(shown), columns=columns, height=_PROPORTION * panel_width(page, columns),
        heading=f"{spec.haematopoietic.label} cells by distance",
        caption=[
            said_of_bands(looks, "cells and areas of all dishes summed"),
            "Distance of a cell's centre from the nearest edge, in bins drawn equally wide; dotted: the mean density.",
        ],
    )  # fmt: skip
    for n, ((kind, time), axes) in enumerate(zip(shown, sheet.panels, strict=True)):
        label = kind.replace("MSC", spec.stroma.label)
        for look, table in zip(looks, tables, strict=True):
            rows = [r for r in table if r["from_edge_of"] == kind and r["time"] == time]
            if rows:
                draw_band(axes, look, np.arange(len(rows)), [row["ratio"] for row in rows],
                          [row["interval"] for row in rows], every=1)  # fmt: skip
                _mark_distances(axes, rows, sheet.width)
        axes.axhline(1.0, **NEUTRAL)
        axes.set_ylim(bottom=0.0)
        title_panel(axes, sheet, f"from the nearest {label}, {duration_text(time)}")
        axes.set_xlabel("distance from the edge [µm]")
        if n % columns == 0:
            label_height(axes, sheet, _DENSITY)
    draw_names(sheet, looks)
    return sheet.figure


def _mark_distances(axes: Any, rows: Sequence[Mapping[str, Any]], width: float) -> None:
    """Ends of bins, which are equally wide on paper, and words for bins without end."""
    names = {
        n: "on it" if row["upper_um"] == 0.0 else f"< {row['upper_um']:g}"
        for n, row in enumerate(rows)
        if row["lower_um"] is None
    }
    names |= {
        n: f"> {row['lower_um']:g}" for n, row in enumerate(rows) if row["upper_um"] is None
    }
    edges = [n for n, row in enumerate(rows) if n not in names and n - 1 not in names]
    apart = math.ceil(_NUMBER * font_size() * len(rows) / width)
    shown = edges[::apart]
    axes.set_xticks(
        [*names, *(n - 0.5 for n in shown)],
        [*names.values(), *(f"{rows[n]['lower_um']:g}" for n in shown)],
    )
    axes.set_xlim(-0.6, len(rows) - 0.4)
