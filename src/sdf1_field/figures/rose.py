"""Tracks of groups of cells from one origin, beside each other on one scale."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from sdf1_field.analysis import motion_table, run_tracks
from sdf1_field.analysis.tracks import pooled_tracks
from sdf1_field.digits import count_text, number_text
from sdf1_field.figures.groups import (
    Groups,
    Look,
    Sheet,
    fitting_columns,
    font_size,
    line_height,
    looks_of,
    make_sheet,
    naming,
    panel_width,
    said_of_numbers,
    wrapped,
)
from sdf1_field.figures.panels import p_said
from sdf1_field.figures.paper import Page
from sdf1_field.record import model_of
from sdf1_field.statistics import mean_vector_test
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

MOST_TRACKS = 30
"""Tracks of a group that are drawn unless a user asks for another number."""
_NEEDED = 70.0
"""Width of a panel at least [points]."""
_BEYOND = 1.06
"""Extent of the axes over the farthest place of a track."""
_TICK = 55.0
"""Room for a number on an axis [points]."""


def plot_rose(groups: Groups, count: int, page: Page) -> Figure:
    """Tracks of some cells of each group, moved to one origin, with the first group's in grey.

    The first group is the control; path lengths are compared with its as in
    `analysis.motion_table`.

    Parameters
    ----------
    groups : mapping of str to sequence of xarray.Dataset
    count : int
        Tracks of each group at most, evenly spaced in the order of dishes and cells.
    page : Page

    Raises
    ------
    InputError
        As of `analysis.motion_table`.
    """
    control, *others = groups.values()
    looks = looks_of(groups)
    tables = [motion_table(control)]
    for name, runs in zip(list(groups)[1:], others, strict=True):
        with naming(name):
            tables.append(motion_table(runs, control))
    tracks = [_origin_tracks(runs) for runs in groups.values()]
    shown = [_subsample(own, count) for own in tracks]
    reach = _BEYOND * max(float(np.abs(own).max()) for own in shown)
    columns = fitting_columns(page, len(looks), _NEEDED)
    spec, table = model_of(control[0]).spec, tables[0]["runs"]
    side = panel_width(page, columns)
    sheet = make_sheet(
        page, len(looks), columns=columns, height=side, below=4.0 * line_height(),
        heading=f"{spec.haematopoietic.label} cells, {duration_text(table['tracked_time'])}",
        caption=[
            f"Tracks of {duration_text(table['tracked_time'])}, seen every "
            f"{duration_text(table['interval'])}, moved to one origin (+) and marked at their ends "
            f"({said_of_numbers(looks)}). Drawn are evenly spaced ones in the order of cells.",
            f"Walls of the view, {spec.dish.width:g} by {spec.dish.length:g} µm, reflect cells.",
            f"Pale: the tracks of {looks[0].name} again." if others else "",
            "Diamond: mean displacement of all cells, with p that it is 0 (Hotelling's T² test "
            "over cells); circle: their root mean square (r.m.s.) displacement.",
            _said_of_paths(looks, tables),
        ],
    )  # fmt: skip
    steps = MaxNLocator(max(int(sheet.height / _TICK), 2)).tick_values(-reach, reach)
    ticks = [step for step in steps if abs(step) < reach]
    for n, (look, axes) in enumerate(zip(looks, sheet.panels, strict=True)):
        if n:
            _draw_tracks(axes, shown[0], "0.82", zorder=2)
        _draw_tracks(axes, shown[n], look.ink, zorder=3, marker=look.marker)
        _draw_mean(axes, tracks[n])
        axes.set(xticks=ticks, yticks=ticks, xlabel="x from the start [µm]")
        if n % columns == 0:
            axes.set_ylabel("y from the start [µm]")
        lines = [look.name, f"{len(shown[n])} of {count_text(len(tracks[n]), 'track')}",
                 *_said_of_ends(tracks[n])]  # fmt: skip
        axes.set_title(
            "\n".join(
                own for line in lines for own in wrapped(line, side, font_size(), whole_words=False)
            )
        )
    _scale_alike(sheet, reach)
    return sheet.figure


def _scale_alike(sheet: Sheet, reach: float) -> None:
    """Limits of all panels, so that a micrometre is as long in each and in both directions."""
    # The layout would leave too little room for text beside maps that are made square.
    sheet.figure.draw_without_rendering()
    sheet.figure.set_layout_engine("none")
    for axes in sheet.panels:
        box = axes.get_window_extent()
        shorter = min(box.width, box.height)
        across, along = (reach * extent / shorter for extent in (box.width, box.height))
        axes.set(xlim=(-across, across), ylim=(-along, along))


def _origin_tracks(runs: Sequence[xr.Dataset]) -> Array:
    """Places of all dishes' cells from where each started [um], shape (cell, frame, 2)."""
    tracks = pooled_tracks([run_tracks(run) for run in runs])
    places = np.stack([tracks.x, tracks.y], axis=-1)
    moved: Array = places - places[:, :1]
    return moved


def _subsample(places: Array, count: int) -> Array:
    """Evenly spaced ones of some tracks, the same whenever they are drawn."""
    chosen = np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(np.intp)
    return places[chosen]


def _draw_tracks(
    axes: Any, places: Array, colour: str, *, zorder: float, marker: str | None = None
) -> None:
    """Tracks from the origin, and their ends."""
    lines = LineCollection(list(places), colors=colour, linewidths=0.6, zorder=zorder)
    axes.add_collection(lines)
    if marker is not None:
        axes.plot(
            *places[:, -1].T, ls="", marker=marker, ms=0.4 * font_size(), color=colour, mec="white",
            mew=0.3, zorder=zorder + 1,
        )  # fmt: skip


def _draw_mean(axes: Any, places: Array) -> None:
    """Origin, mean displacement and root mean square displacement of all cells."""
    ends, small = places[:, -1], 0.5 * font_size()
    mean, square = ends.mean(axis=0), _root_mean_square(ends)
    axes.add_patch(Circle((0.0, 0.0), square, fill=False, ec="black", lw=0.7, ls="--", zorder=5))
    axes.plot(0.0, 0.0, "+", color="black", ms=2.0 * small, mew=0.8, zorder=6)
    axes.plot(
        [0.0, mean[0]], [0.0, mean[1]], "-D", color="black", mfc="white", ms=small, mew=0.8, lw=1.0,
        markevery=[1], zorder=7,
    )  # fmt: skip


def _said_of_ends(places: Array) -> list[str]:
    """Mean displacement with p that it is 0, and root mean square displacement, of all cells."""
    ends = places[:, -1]
    length, square = float(np.hypot(*ends.mean(axis=0))), _root_mean_square(ends)
    p = mean_vector_test(ends, np.ones(len(ends)))
    tested = "" if math.isnan(p) else f", {p_said(p)}"
    return [
        f"mean {number_text(length, figures=2)} µm{tested}", f"r.m.s. {number_text(square)} µm"
    ]  # fmt: skip


def _root_mean_square(ends: Array) -> float:
    return math.sqrt(float((ends**2).sum(axis=1).mean()))


def _said_of_paths(looks: Sequence[Look], tables: Sequence[Mapping[str, Any]]) -> str:
    """Comparison of path lengths with the control's."""
    said = []
    for look, table in zip(looks, tables, strict=True):
        found = table["comparison"]
        if found is not None and found["p"] is not None:
            pairs = f" (pairs of cells of one {found['paired_by']})" if found["paired_by"] else ""
            said.append(
                f"{look.name} {number_text(found['ratio_of_medians'])} times, "
                f"{found['test']} test over cells{pairs}, {p_said(found['p'])}"
            )
    if not said:
        return ""
    several = "; not corrected for several comparisons" if len(said) > 1 else ""
    return f"Median path length over that of {looks[0].name}: {'; '.join(said)}{several}."
