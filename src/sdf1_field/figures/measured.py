"""Segmented pictures: regions with their outlines, and the cells of each dish."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sdf1_field.analysis.census import density_fold_change
from sdf1_field.analysis.mask_census import MeasuredDish
from sdf1_field.digits import number_text
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
from sdf1_field.scene import REGION_LABELS, Region, region_areas

_ACROSS = 3
"""Dishes in a row."""
_SIDE = 5.2
"""Extent of a picture on paper [inch]."""
_PIXELS = 1600
"""Most pixels along a side that are drawn."""
_SMALLEST = 2.5
"""Diameter [points] below which a cell would not be seen."""
_FILL = ListedColormap(["#f4f4f4", "#c8e5f6", "#bfe3d6"])
_OUTLINES = {Region.MSC: BODY, Region.MIGRASOME_NETWORK: NETWORK}
_CELLS = {Region.FREE_SURFACE: "white", Region.MSC: HELD, Region.MIGRASOME_NETWORK: "#F0E442"}


def plot_measured(groups: Mapping[str, Sequence[MeasuredDish]], *, diameter: float) -> Figure:
    """Map of each dish, y pointing down as in the picture.

    Parameters
    ----------
    groups : mapping of str to sequence of MeasuredDish
    diameter : float
        Of the cells [um].
    """
    dishes = [(name, dish) for name, own in groups.items() for dish in own]
    columns = min(len(dishes), _ACROSS)
    rows = math.ceil(len(dishes) / columns)
    figure = Figure(
        figsize=(_SIDE * columns + 0.3, (_SIDE + 0.55) * rows + 0.7), layout="constrained"
    )
    for n, (name, dish) in enumerate(dishes, start=1):
        _draw_dish(figure.add_subplot(rows, columns, n), name, dish, diameter)
    handles: list[Any] = []
    there = {int(value) for _, dish in dishes for value in dish.mask.instances}
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
    draw_legend_below(figure, handles, columns=2 if columns == 1 else 3)
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
    axes.set_title(
        f"{group}{Path(mask.name).name}, {len(cells.x):,} cells\n"
        f"fold change {found or 'undefined'}",
        fontsize=10.5, loc="left",
    )  # fmt: skip
