"""Segmented pictures: regions with their outlines, and the cells of each dish."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sdf1_field.analysis.census import ENRICHED, density_fold_change
from sdf1_field.analysis.mask_census import MeasuredDish
from sdf1_field.digits import count_text, number_text
from sdf1_field.figures.drawing import (
    BODY,
    HELD,
    NETWORK,
    View,
    draw_discs,
    draw_legend_below,
    draw_scale_bar,
    show_view,
)
from sdf1_field.figures.paper import Page
from sdf1_field.scene import REGION_LABELS, Region, region_areas
from sdf1_field.units import duration_text

_ACROSS = 3
"""Dishes in a row."""
_SIDE = 5.2
"""Extent of a picture on paper [inch]."""
_PIXELS = 1600
"""Most pixels along a side that are drawn."""
_SMALLEST = 2.5
"""Diameter [points] below which a cell would not be seen."""
_ABOVE = 0.15
"""Room above titles, which the layout measures before maps are made square [inch]."""
_TITLE = 62
"""Characters of a line above a picture of that extent."""
_FILL = ListedColormap(["#f4f4f4", "#c8e5f6", "#bfe3d6"]).with_extremes(over="#4d4d4d")
"""By `Region`; over it is outside of a round well."""
_OUTLINES = {Region.MSC: BODY, Region.MIGRASOME_NETWORK: NETWORK}
_CELLS = {Region.FREE_SURFACE: "white", Region.MSC: HELD, Region.MIGRASOME_NETWORK: "#F0E442"}
_PREDICTED = "#333333"
_OBSERVED = ("#E69F00", "#56B4E9", "#CC79A7", "#009E73", "#F0E442", "#D55E00")
_HATCH = "///"
"""Of what is predicted, beside its colour."""


@Page().styled()
def plot_measured(
    groups: Mapping[str, Sequence[MeasuredDish]],
    *,
    diameter: float,
    predicted: MeasuredDish | None = None,
    table: Mapping[str, Any] | None = None,
) -> Figure:
    """Map of each dish, y pointing down as in the picture, and of the predicted one with bars.

    Parameters
    ----------
    groups : mapping of str to sequence of MeasuredDish
    diameter : float
        Of the cells [um].
    predicted : MeasuredDish, optional
        Of a run.
    table : mapping, optional
        Of `measured_table`; needed with a predicted dish.
    """
    dishes = [(name, dish, diameter) for name, own in groups.items() for dish in own]
    bars = 0
    if predicted is not None and table is not None:
        said = table["predicted"]
        name = f"predicted at {duration_text(said['time'])}"
        dishes.append((name, predicted, said["diameter_um"]))
        bars = 1
    columns = min(len(dishes) + bars, _ACROSS)
    rows = math.ceil((len(dishes) + bars) / columns)
    figure = Figure(
        figsize=(_SIDE * columns + 0.3, (_SIDE + 0.75) * rows + 0.7),
        layout=ConstrainedLayoutEngine(h_pad=_ABOVE),
    )
    for n, (name, dish, size) in enumerate(dishes, start=1):
        _draw_dish(figure.add_subplot(rows, columns, n), name, dish, size)
    if bars and table is not None:
        _draw_bars(figure.add_subplot(rows, columns, len(dishes) + 1), table)
    handles: list[Any] = []
    there = {
        int(value)
        for _, dish, _ in dishes
        for value in dish.mask.instances
        if (dish.mask.regions == value).any()
    }
    for region, colour in _OUTLINES.items():
        if region in there:
            handles.append(
                Patch(facecolor=_FILL(int(region)), edgecolor=colour, label=REGION_LABELS[region])
            )
    for region, colour in _CELLS.items():
        if region in there:
            handles.append(
                Line2D(
                    [], [], lw=0, marker="o", mfc=colour, mec="black", ms=6,
                    label=f"cell on {REGION_LABELS[region]}",
                )
            )  # fmt: skip
    draw_legend_below(figure, handles)
    return figure


def _draw_dish(axes: Any, name: str, dish: MeasuredDish, diameter: float) -> None:
    mask, cells = dish.mask, dish.cells
    view = View(0.0, mask.grid.width, mask.grid.length, 0.0)
    rows, columns = mask.regions.shape
    step = math.ceil(max(rows, columns) / _PIXELS)
    shown = mask.regions[step // 2 :: step, step // 2 :: step]
    axes.imshow(
        shown, cmap=_FILL, vmin=0, vmax=2, interpolation="nearest",
        extent=(0.0, view.right, view.low, 0.0),
    )  # fmt: skip
    x = (np.arange(shown.shape[1]) + 0.5) * (mask.grid.width / shown.shape[1])
    y = (np.arange(shown.shape[0]) + 0.5) * (mask.grid.length / shown.shape[0])
    for region, colour in _OUTLINES.items():
        own = (shown == region).astype(float)
        if 0.0 < own.mean() < 1.0 and min(own.shape) > 1:
            axes.contour(x, y, own, levels=[0.5], colors=colour, linewidths=0.9)
    size = max(diameter, _SMALLEST * max(view.width, view.low) / (72.0 * _SIDE))
    under = dish.under
    for region, colour in _CELLS.items():
        own = under == region
        discs = draw_discs(axes, cells.x[own], cells.y[own], np.full(int(own.sum()), size))
        discs.set(facecolor=colour, edgecolor="black", linewidth=0.5, zorder=5)
    show_view(axes, view)
    draw_scale_bar(axes, view)
    counts = np.bincount(under, minlength=3).astype(float)
    change = density_fold_change(counts, region_areas(mask.regions, mask.grid.dx * mask.grid.dy))
    found = ", ".join(
        f"{number_text(float(value))} on {REGION_LABELS[region]}"
        for region, value in zip(_OUTLINES, change, strict=True)
        if np.isfinite(value)
    )
    group = f"{name}: " if name else ""
    title = (
        f"{group}{Path(mask.name).name}, {count_text(len(cells.x), 'cell')}",
        f"fold change {found or 'undefined'}",
    )
    axes.set_title(
        "\n".join(line for text in title for line in textwrap.wrap(text, _TITLE)),
        fontsize=10.5, loc="left",
    )  # fmt: skip


def _draw_bars(axes: Any, table: Mapping[str, Any]) -> None:
    """Fold changes of each group and of the run, with their encounter limits."""
    said = table["predicted"]
    bars = [
        (f"observed{', ' + group['name'] if group['name'] else ''}", group["regions"], colour, "")
        for group, colour in zip(table["groups"], _colours(len(table["groups"])), strict=True)
    ]
    bars.append((f"predicted, {Path(said['run']).name}", said["regions"], _PREDICTED, _HATCH))
    width = 0.8 / len(bars)
    for k, (label, regions, colour, hatch) in enumerate(bars):
        place = np.arange(len(ENRICHED)) + (k - 0.5 * (len(bars) - 1)) * width
        rows = [regions[region] for region in ENRICHED]
        change = np.array([row["fold_change"] for row in rows], dtype=float)
        axes.bar(
            place, np.nan_to_num(change), 0.92 * width, label=label, lw=0.8, hatch=hatch,
            facecolor="white" if hatch else colour, edgecolor=colour if hatch else "black",
        )  # fmt: skip
        for where, row, value in zip(place, rows, change, strict=True):
            if row.get("interval") is not None:
                ends = np.abs(np.array([row["interval"]]).T - value)
                axes.errorbar(where, value, ends, color="black", lw=1.2, capsize=3)
        limit = np.array([row["encounter_limit"] for row in rows], dtype=float)
        axes.scatter(
            place, limit, marker="_", s=260, color=HELD, lw=2.5, zorder=3,
            label="encounter limit: sticky, not attracting" if k == len(bars) - 1 else None,
        )  # fmt: skip
        if any(row.get("encounter_limit_at_least") for row in rows):
            # A lower bound.
            axes.scatter(place, limit, marker="^", s=60, color=HELD, zorder=3)
    axes.axhline(1.0, color="#777777", ls="--", lw=1, label="as on free surface")
    names = [REGION_LABELS[region].replace(" ", "\n") for region in ENRICHED]
    axes.set_xticks(range(len(ENRICHED)), names)
    axes.set_ylabel("cells per area, fold change over free surface")
    axes.set_ylim(bottom=0)
    axes.set_ylim(top=1.35 * axes.get_ylim()[1])
    axes.set_box_aspect(1.0)
    axes.set_title(
        "fold changes of these dishes\nand what sticking alone would give",
        fontsize=10.5,
        loc="left",
    )
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def _colours(count: int) -> list[str]:
    return [_OBSERVED[n % len(_OBSERVED)] for n in range(count)]
