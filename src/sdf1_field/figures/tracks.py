"""Tracks of cells without stroma, and their mean square displacement."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from sdf1_field.analysis import (
    cell_places,
    fit_persistent_walk,
    observation_index,
    observation_times,
    persistent_walk_law,
    run_tracks,
    shown_lags,
    square_displacements,
)
from sdf1_field.digits import count_text, interval_text
from sdf1_field.figures.drawing import (
    HELD,
    NETWORK,
    View,
    draw_ellipses,
    draw_legend_below,
    draw_scale_bar,
    heading,
)
from sdf1_field.figures.paper import Page, pen
from sdf1_field.spec import ModelSpec
from sdf1_field.units import duration_text

_END = "#E69F00"
_SIZE, _COLUMN = (11.8, 7.2), (7.0, 13.0)
"""Extents on a screen, and those whose proportion a figure of one column has [inch]."""
_SLENDER = 25.0
"""Length of the colour bar over its thickness."""
_LIGHTEST = 0.85
"""Share of viridis that can be told from white paper."""


def plot_tracks(run: xr.Dataset, spec: ModelSpec, time: float | None, page: Page) -> Figure:
    """Tracks up to a time [s], coloured by time, and mean square displacement against lag."""
    times = observation_times(run)
    last = len(times) - 1 if time is None else observation_index(run, time)
    figure, floor, beside = _lay_out(page)
    floor.set(
        xticks=[], yticks=[], aspect="equal",
        xlim=(0, spec.dish.width), ylim=(0, spec.dish.length), facecolor="white",
    )  # fmt: skip
    x, y = (places[:, : last + 1] for places in cell_places(run))
    places = np.stack([x, y], axis=-1)
    steps = np.stack([places[:, :-1], places[:, 1:]], axis=2)
    hours = (times - times[0]) / 3600.0
    middle = 0.5 * (hours[:last] + hours[1 : last + 1])
    tracks = LineCollection(
        list(steps.reshape(-1, 2, 2)),
        array=np.tile(middle, len(x)),
        cmap=ListedColormap(colormaps["viridis"](np.linspace(0.0, _LIGHTEST, 256))),
        norm=Normalize(0.0, float(hours[-1])),
        linewidths=pen(1.1),
        capstyle="round",
    )
    floor.add_collection(tracks)
    size = np.full(len(x), spec.haematopoietic.diameter)
    ends = draw_ellipses(floor, x[:, -1], y[:, -1], size, size, np.zeros_like(size))
    ends.set(facecolor=_END, edgecolor="black", linewidth=pen(0.4), zorder=6)
    draw_scale_bar(floor, View(0.0, spec.dish.width, 0.0, spec.dish.length))
    location = "bottom" if page.one_column else "left"
    bar = figure.colorbar(
        tracks, ax=floor, location=location, shrink=0.9, pad=0.02, aspect=_SLENDER
    )
    bar.set_label("time since tracking began [h]")
    _draw_square_displacements(beside, run)
    curves = []
    if page.one_column and (legend := beside.get_legend()) is not None:
        curves, _ = beside.get_legend_handles_labels()
        legend.remove()
    draw_legend_below(
        figure,
        [
            *curves,
            Line2D(
                [], [], lw=0, marker="o", ms=pen(6), mfc=_END, mec="black", mew=pen(0.4),
                label=f"{spec.haematopoietic.label} cell, {duration_text(float(times[last]))} "
                "after the cells were added",
            )
        ],
    )  # fmt: skip
    page.head(
        figure,
        f"{heading(run)}\n{spec.treatment_label}, {count_text(len(x), 'track')} in frames every "
        f"{duration_text(float(times[1] - times[0]))}, dish of seed {int(run.attrs['seed'])}",
    )
    return figure


def _lay_out(page: Page) -> tuple[Figure, Any, Any]:
    """Figure with axes of the map and of the curve beside it, in one column below it."""
    if page.one_column:
        figure = Figure(figsize=page.size(*_COLUMN), layout="constrained")
        grid = figure.add_gridspec(2, 1, height_ratios=[1.7, 1])
    else:
        figure = Figure(figsize=page.size(*_SIZE), layout="constrained")
        grid = figure.add_gridspec(1, 2, width_ratios=[1.7, 1])
    return figure, figure.add_subplot(grid[0]), figure.add_subplot(grid[1])


def _draw_square_displacements(axes: Any, run: xr.Dataset) -> None:
    """Mean square displacement against lag with the persistent random walk that fits it."""
    tracks = run_tracks(run)
    squares, walk = square_displacements(tracks, shown_lags(tracks)), fit_persistent_walk(tracks)
    if not walk.longest_lag:
        axes.set_axis_off()
        axes.text(0.5, 0.5, walk.note, ha="center", transform=axes.transAxes)
        return
    axes.set_xlabel("lag [min]")
    axes.set_ylabel("mean square displacement [µm²]")
    axes.spines[["top", "right"]].set_visible(False)
    minutes = squares.lags / 60.0
    axes.plot(
        minutes,
        squares.mean,
        "o",
        color="black",
        mfc="white",
        ms=pen(7),
        zorder=4,
        label="all cells",
    )
    lags = np.geomspace(0.2 * squares.lags[0], squares.lags[-1], 100)
    if walk.speed is not None and walk.persistence_time is not None:
        law = persistent_walk_law(lags, walk.speed, walk.persistence_time)
        axes.plot(
            lags / 60.0, law, color=HELD, lw=pen(2),
            label=f"persistent random walk:\n"
            f"speed {interval_text(walk.speed, walk.speed_interval, 60.0)} µm/min,\n"
            f"persistence {interval_text(walk.persistence_time, walk.persistence_interval, 1 / 60)}"
            " min",
        )  # fmt: skip
    if walk.motility_coefficient is not None:
        axes.plot(
            lags / 60.0, 4.0 * walk.motility_coefficient * lags, color=NETWORK,
            lw=pen(1.2), ls="--",
            label="no persistence, motility\n"
            f"{interval_text(walk.motility_coefficient, walk.motility_interval, 60.0)} µm²/min",
        )  # fmt: skip
    axes.axvspan(
        squares.lags[0] / 60.0, walk.longest_lag / 60.0, color="#dddddd", lw=0, zorder=0,
        label="lags of the fit",
    )  # fmt: skip
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(NullFormatter())
    axes.legend(loc="upper left", frameon=False)
