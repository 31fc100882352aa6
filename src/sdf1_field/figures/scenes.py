"""A drawn scene before it is solved: its regions as in the image, bodies apart, and migrasomes."""

import math
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sdf1_field.figures.drawing import (
    BODY,
    MOST_PIXELS,
    NETWORK,
    View,
    draw_discs,
    draw_legend_below,
    draw_region,
    draw_scale_bar,
    show_view,
)
from sdf1_field.figures.paper import Page
from sdf1_field.images import NETWORK as NETWORK_PIXEL
from sdf1_field.images import DrawnScene
from sdf1_field.scene import REGION_LABELS, Region

_SIDE = 6.6
"""Extent of the picture on paper [inch]."""
_SHADES = ("#7fc4ec", "#a6d7f3", "#c8e5f6", "#5aa9d6")
"""Neighbouring bodies mostly differ in shade, so that bodies grown together are seen."""
_FILL = ListedColormap(["#bfe3d6", "#f4f4f4", *_SHADES])
_SMALLEST = 2.0
"""Diameter [points] below which a migrasome would not be seen."""


@Page().styled()
def plot_drawn(drawn: DrawnScene) -> Figure:
    """Map of a drawn scene, y pointing down as in the image."""
    rows, columns = drawn.pixels.shape
    size = drawn.pixel_size
    view = View(0.0, columns * size, rows * size, 0.0)
    figure = Figure(
        figsize=(_SIDE, _SIDE * min(max(rows / columns, 0.4), 1.6) + 1.2), layout="constrained"
    )
    axes = figure.add_subplot()
    step = math.ceil(max(rows, columns) / MOST_PIXELS)
    chosen = slice(step // 2, None, step)
    pixels = drawn.pixels[chosen, chosen]
    shown = np.where(pixels >= 0, pixels % len(_SHADES) + 2, pixels - NETWORK_PIXEL)
    axes.imshow(
        shown, cmap=_FILL, vmin=0, vmax=len(_SHADES) + 1, interpolation="nearest",
        extent=(0.0, view.right, view.low, 0.0),
    )  # fmt: skip
    x, y = (
        np.asarray((np.arange(count)[chosen] + 0.5) * size, dtype=float)
        for count in (columns, rows)
    )
    handles: list[Any] = []
    for region, colour, fill in (
        (Region.MSC, BODY, _SHADES[1]), (Region.MIGRASOME_NETWORK, NETWORK, "#bfe3d6"),
    ):  # fmt: skip
        outlines = draw_region(axes, x, y, pixels, region)
        outlines.set(facecolor="none", edgecolor=colour, linewidth=0.9)
        if outlines.get_paths():
            handles.append(Patch(facecolor=fill, edgecolor=colour, label=REGION_LABELS[region]))
    count = int(drawn.pixels.max()) + 1
    text = f"{count:,} bod{'y' if count == 1 else 'ies'}"
    if drawn.x is not None and drawn.y is not None and drawn.radius is not None:
        least = _SMALLEST * max(view.width, view.low) / (72.0 * _SIDE)
        diameters = np.maximum(np.nan_to_num(2.0 * drawn.radius), least)
        draw_discs(axes, drawn.x, drawn.y, diameters).set(facecolor="#D55E00", edgecolor="none")
        handles.append(Line2D([], [], lw=0, marker="o", color="#D55E00", ms=4, label="migrasome"))
        text += f", {len(drawn.x):,} migrasomes"
    show_view(axes, view)
    draw_scale_bar(axes, view)
    axes.set_title(f"{drawn.source}: {text}", fontsize=10.5, loc="left")
    draw_legend_below(figure, handles)
    return figure
