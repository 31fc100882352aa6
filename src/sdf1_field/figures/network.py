"""A stroma without cells: growing migrasome networks, at several times side by side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from sdf1_field.analysis.stroma_runs import frame_at
from sdf1_field.figures.clock import clock_text, draw_clock
from sdf1_field.figures.dish_map import Moment
from sdf1_field.figures.drawing import (
    BODY,
    NETWORK,
    View,
    body_count,
    draw_bodies,
    draw_discs,
    draw_fibres,
    draw_legend_below,
    draw_outline,
    draw_scale_bar,
    draw_window,
    fibre_courses,
    heading,
    hours_since_seeding,
    parts_of,
    richest_view,
    show_view,
    values_at,
)
from sdf1_field.figures.hours import HourLocator
from sdf1_field.figures.paper import Page, pen, wrapped
from sdf1_field.scene import NO_BODY, Origin, Region
from sdf1_field.spec import ModelSpec

Array = NDArray[np.float64]

MOST_PANELS = 6
"""Times shown side by side."""
WINDOW = 500.0
"""Extent of the shown part of a dish [um]: migrasomes are 2 um wide, the dish is 2 mm."""
_MOST_ACROSS, _MOST_IN_COLUMN = 3, 2
"""Maps side by side on a page, and in one column."""
_NARROW = 1.2
"""Room of the dish's title in one column [inch]."""
_PRINTED_SIDE = 3.6
"""Room beside the panels on a page, relative to theirs on a screen [inch]."""
_BELOW = 0.75
"""Height of the panels below the maps over a column's width."""
_PANEL, _LARGE_PANEL = 3.5, 7.2
"""Extents on paper of one of several panels, and of a single one [inch]."""
_SIDE, _BAR, _MARGINS = 2.7, 1.2, 1.2
"""Room beside the panels, for the colour bar, and for title and legend [inch]."""
_FIBRE_WIDTH, _THINNEST = 0.3, 0.7
"""Width of a fibre [um], and the least that can be seen [points]."""
_SMALLEST = 3.0
"""Diameter below which a migrasome's colour would not be seen [points]."""
_RING = 0.6
"""Width of the ring around a detached migrasome [points]."""
_OVER_FIBRES = "#c9e5f5e8"
"""Of bodies, nearly opaque."""
_LEFT_BEHIND, _RETRACTED = NETWORK, "#0072B2"
_SPAN = (0.1, 0.72)
"""Part of inferno that can be told from white paper and from a black ring."""
_MATURITY = ListedColormap(colormaps["inferno_r"](np.linspace(*_SPAN, 256)), name="maturity")


_TIME_SHOWN = "time shown"
_HEADROOM, _PRINTED_HEADROOM = 1.3, 1.8
"""Height of an axis over its highest curve, for the legend above."""


@dataclass(frozen=True)
class _NetworkHistory:
    """Numbers of a dish's network over time; arrays of shape (time,)."""

    hours: Array
    """Since seeding [h]."""
    attached: Array
    detached: Array
    """Migrasomes [1/mm**2]."""
    carrying: Array
    """Share of the bodies that have migrasomes [1]."""


def plot_network(run: xr.Dataset, spec: ModelSpec, time: float | None, page: Page) -> Figure:
    """The richest window of a dish at several times, or large at one [s].

    Beside it are the whole dish with the window marked, and the network's numbers over time.
    """
    frames = _shown_frames(run, spec) if time is None else [frame_at(run, time)]
    x, y = _bodies_with_migrasomes(run, frames)
    view = richest_view(spec, x, y, WINDOW)
    most = _MOST_IN_COLUMN if page.one_column else _MOST_ACROSS
    down = math.ceil(len(frames) / most)
    across = math.ceil(len(frames) / down)
    inches = _LARGE_PANEL if len(frames) == 1 else _PANEL
    figure, maps, beside, inches = _lay_out(page, inches, across, down)
    panels = list(np.ravel(maps.subplots(down, across, squeeze=False)))
    hours = hours_since_seeding(run, spec)
    colours: Any = None
    for panel, frame in zip(panels, frames, strict=False):
        colours = draw_panel(panel, run, frame, view, view.scale(inches))
        when = "steady state" if spec.run.mode == "steady" else f"{hours[frame]:g} h after seeding"
        panel.set_title(when)
    for panel in panels[len(frames) :]:
        panel.set_axis_off()
    draw_scale_bar(panels[0], view)
    _draw_colours(maps, panels, colours, "bottom" if page.one_column else "left")
    _draw_beside(beside, run, spec, frames, view, page)
    _draw_legend(figure, run, spec, frames, view.scale(inches))
    stroma = f"{body_count(run, frames[-1])} {spec.stroma.label}"
    page.head(
        figure,
        f"{heading(run)}\n{spec.treatment_label}, {stroma}, dish of seed {int(run.attrs['seed'])}",
    )
    return figure


def _lay_out(page: Page, inches: float, across: int, down: int) -> tuple[Figure, Any, Any, float]:
    """Figure with places for maps and for what is beside or below them, and a map's extent [inch].

    Parameters
    ----------
    page : Page
    inches : float
        Extent of a map on a screen.
    across, down : int
        Maps beside and below each other.
    """
    width, height = across * inches, down * inches
    if page.one_column:
        full = (width + _BAR, height + _MARGINS + _BELOW * width + _MARGINS)
        rows, columns, ratios = 2, 1, {"height_ratios": [height + _MARGINS, _BELOW * width]}
    else:
        side = _PRINTED_SIDE if page.printed else _SIDE
        full = (width + _BAR + side, max(height, _LARGE_PANEL) + _MARGINS)
        rows, columns, ratios = 1, 2, {"width_ratios": [width + _BAR, side]}
    figure = Figure(figsize=page.size(*full), layout="constrained")
    maps, beside = parts_of(figure, rows, columns, **ratios)
    return figure, maps, beside, inches * figure.get_figwidth() / full[0]


class NetworkFigure:
    """The richest window of a dish, large, that can show one frame after another.

    Parameters
    ----------
    run : xarray.Dataset
    spec : ModelSpec
    frames : sequence of int
        That will be shown; they fix the window and the legend.
    """

    def __init__(self, run: xr.Dataset, spec: ModelSpec, frames: Sequence[int]) -> None:
        self._run, self._spec = run, spec
        page, own = Page(), list(frames)
        x, y = _bodies_with_migrasomes(run, own)
        self._view = richest_view(spec, x, y, WINDOW)
        self.figure, maps, beside, _ = _lay_out(page, _LARGE_PANEL, 1, 1)
        self._axes = maps.subplots()
        self._drawn: list[Any] = []
        self._clock = draw_clock(self._axes)
        self._hours = hours_since_seeding(run, spec)
        _draw_beside(beside, run, spec, own[-1:], self._view, page)
        self._lines = [line for axes in beside.axes for line in axes.lines if _is_time(line)]
        colours = self._draw(own[-1])
        draw_scale_bar(self._axes, self._view)
        _draw_colours(maps, [self._axes], colours, "left")
        _draw_legend(self.figure, run, spec, own, self._view.scale(_LARGE_PANEL))
        stroma = f"{body_count(run, own[-1])} {spec.stroma.label}"
        page.head(
            self.figure,
            f"{heading(run)}\n{spec.treatment_label}, {stroma}, dish of seed "
            f"{int(run.attrs['seed'])}",
        )

    def show(self, moment: Moment, note: str = "") -> None:
        """Show a frame."""
        for artist in self._drawn:
            artist.remove()
        self._draw(moment.frame)
        hours = float(self._hours[moment.frame])
        for line in self._lines:
            line.set_xdata([hours, hours])
        text = f"{clock_text(3600.0 * hours)} after seeding"
        self._clock.set_text(f"{text}\n{note}" if note else text)

    def _draw(self, frame: int) -> Any:
        before = set(self._axes.get_children())
        colours = draw_panel(
            self._axes, self._run, frame, self._view, self._view.scale(_LARGE_PANEL)
        )
        self._drawn = [each for each in self._axes.get_children() if each not in before]
        return colours


def _is_time(line: Line2D) -> bool:
    """Whether a line of the course marks the time that is shown."""
    return line.get_gid() == _TIME_SHOWN


def _draw_colours(figure: Any, panels: list[Any], colours: Any, location: str) -> None:
    """Bar of the colours of migrasomes."""
    bar = figure.colorbar(
        colours, ax=panels, location=location, shrink=0.6, aspect=30, pad=0.01,
        ticks=[0.0, 0.25, 0.5, 0.75, 1.0],
    )  # fmt: skip
    bar.set_label("migrasome's maturity: CD166 relative to a mature one")


def _shown_frames(run: xr.Dataset, spec: ModelSpec) -> list[int]:
    """Evenly spaced frames up to the last, from the first on that has fibres; one if none moves."""
    last = run.sizes["time"] - 1
    if not spec.grows:
        return [last]
    occupied = (n for n in range(last + 1) if np.isfinite(values_at(run, n, "fibre_x")).any())
    first = next(occupied, last)
    stride = math.ceil((last - first + 1) / MOST_PANELS)
    return list(range(last, first - 1, -stride))[::-1]


def _bodies_with_migrasomes(run: xr.Dataset, frames: list[int]) -> Array:
    """Places of the bodies that have migrasomes in some frames [um], shape (2, place)."""
    places = []
    for frame in frames:
        owner = values_at(run, frame, "migrasome_body")
        bodies = np.unique(owner[owner >= 0]).astype(np.intp)
        places.append(
            np.stack([values_at(run, frame, f"body_{axis}")[bodies] for axis in ("x", "y")])
        )
    return np.concatenate(places, axis=1)


def draw_panel(axes: Any, run: xr.Dataset, frame: int, view: View, scale: float) -> Any:
    """A frame in a window at a scale [points/um]; returns migrasomes for a colour bar."""
    show_view(axes, view)
    axes.set_facecolor("white")
    draw_outline(axes, run, frame, view)
    # Bodies lie over the fibres that they cross.
    draw_bodies(axes, run, frame, view).set(linewidth=pen(0.8), facecolor=_OVER_FIBRES, zorder=3)
    courses, seen = fibre_courses(run, frame, view)
    origin = values_at(run, frame, "fibre_origin")[seen]
    width = max(_FIBRE_WIDTH * scale, _THINNEST)
    for chosen, colour in (
        (origin != Origin.RETRACTION, _LEFT_BEHIND),
        (origin == Origin.RETRACTION, _RETRACTED),
    ):
        draw_fibres(axes, [courses[n] for n in np.flatnonzero(chosen)], colour, width)
    x, y, radius, maturity, owner = (
        values_at(run, frame, f"migrasome_{name}")
        for name in ("x", "y", "radius", "maturity", "body")
    )
    there = view.reaches(x, y)
    discs: Any = None
    for chosen, ring in (
        (there & (owner != NO_BODY), "none"),
        (there & (owner == NO_BODY), "black"),
    ):
        size = np.maximum(2.0 * radius[chosen], pen(_SMALLEST) / scale)
        discs = draw_discs(axes, x[chosen], y[chosen], size)
        discs.set(
            array=maturity[chosen], cmap=_MATURITY, norm=Normalize(0.0, 1.0), edgecolor=ring,
            linewidth=pen(_RING) if ring != "none" else 0.0, zorder=4,
        )  # fmt: skip
    return discs


def _draw_beside(
    figure: Any,
    run: xr.Dataset,
    spec: ModelSpec,
    frames: list[int],
    view: View,
    page: Page,
) -> None:
    """The whole dish around the window, and the network's numbers over time."""
    smaller = view.width < spec.dish.width or view.length < spec.dish.length
    several = spec.grows and run.sizes["time"] > 1
    heights = [1.0] * smaller + [0.7, 0.7] * several
    if not heights:
        return
    count = len(heights)
    if page.one_column and smaller and several:
        rows = [["dish", "numbers"], ["dish", "share"]]
        axes = list(figure.subplot_mosaic(rows, width_ratios=[0.8, 1.0]).values())
    elif page.one_column:
        axes = list(np.ravel(figure.subplots(1, count, squeeze=False)))
    else:
        axes = list(np.ravel(figure.subplots(count, 1, height_ratios=heights, squeeze=False)))
    if smaller:
        _draw_dish(axes.pop(0), run, spec, frames[-1], view, page)
    if several:
        _draw_course(axes, _course(run, spec), frames, spec.stroma.label, page)


def _draw_dish(
    axes: Any, run: xr.Dataset, spec: ModelSpec, frame: int, view: View, page: Page
) -> None:
    dish, hours = spec.dish, hours_since_seeding(run, spec)[frame]
    regions = values_at(run, frame, "region")
    axes.set(xticks=[], yticks=[])
    axes.imshow(
        np.where(np.isin(regions, list(Region)), regions, Region.FREE_SURFACE),
        origin="lower", extent=(0.0, dish.width, 0.0, dish.length), interpolation="nearest",
        cmap=ListedColormap(["white", BODY, NETWORK]), vmin=min(Region), vmax=max(Region),
    )  # fmt: skip
    draw_window(axes, view, edgecolor="black", lw=pen(1.4))
    extents = " × ".join(f"{1e-3 * extent:.3g}" for extent in (dish.width, dish.length))
    when = "" if spec.run.mode == "steady" else f", {hours:g} h"
    title = f"the window in the dish\nof {extents} mm{when}"
    axes.set_title(wrapped(title, _NARROW) if page.one_column else title)


def _course(run: xr.Dataset, spec: ModelSpec) -> _NetworkHistory:
    area = spec.dish.width * spec.dish.length * 1e-6
    count = run.sizes["time"]
    attached, detached, carrying = np.zeros(count), np.zeros(count), np.zeros(count)
    for n in range(count):
        there = np.isfinite(values_at(run, n, "migrasome_x"))
        owner = values_at(run, n, "migrasome_body")[there]
        attached[n] = np.count_nonzero(owner != NO_BODY) / area
        detached[n] = np.count_nonzero(owner == NO_BODY) / area
        carrying[n] = len(np.unique(owner[owner != NO_BODY])) / max(body_count(run, n), 1)
    return _NetworkHistory(hours_since_seeding(run, spec), attached, detached, carrying)


def _draw_course(
    axes: list[Any], course: _NetworkHistory, frames: list[int], stroma: str, page: Page
) -> None:
    numbers, share = axes
    style: dict[str, Any] = {"color": _MATURITY(0.6), "marker": "o", "ms": pen(4.5)}
    style["lw"] = pen(1.2)
    numbers.plot(course.hours, course.attached, **style, mew=0.0, label="on fibres")
    numbers.plot(
        course.hours,
        course.detached,
        **style,
        mec="black",
        mew=pen(_RING),
        ls="--",
        label="detached",
    )
    between = "\n" if page.printed else " "
    numbers.set_ylabel(f"migrasomes{between}per mm²")
    numbers.legend(frameon=False, loc="upper left")
    share.plot(
        course.hours, 100.0 * course.carrying, color="black", marker="s", ms=pen(3.5), lw=pen(1.2)
    )
    share.set_ylabel(f"{stroma} with{between}migrasomes [%]")
    share.set_xlabel("time after seeding [h]")
    for ax in axes:
        for frame in frames:
            ax.axvline(course.hours[frame], color="#bbbbbb", lw=pen(1.0), zorder=0, gid=_TIME_SHOWN)
        ax.set_ylim(bottom=0.0)
        ax.xaxis.set_major_locator(HourLocator())
        ax.spines[["top", "right"]].set_visible(False)
    most = float(max(course.attached.max(), course.detached.max()))
    numbers.set_ylim(top=(_PRINTED_HEADROOM if page.printed else _HEADROOM) * max(most, 1.0))


def _draw_legend(
    figure: Figure, run: xr.Dataset, spec: ModelSpec, frames: list[int], scale: float
) -> None:
    """Legend of the structures in the shown frames."""
    disc: dict[str, Any] = {"lw": 0, "marker": "o", "ms": 6, "mfc": _MATURITY(0.6)}
    least = f"migrasome, drawn at least {pen(_SMALLEST) / scale:.1f} µm wide"
    origin, owner, regions = (
        np.concatenate([np.ravel(values_at(run, frame, name)) for frame in frames])
        for name in ("fibre_origin", "migrasome_body", "region")
    )
    placed = np.concatenate([values_at(run, frame, "fibre_x")[:, :1].ravel() for frame in frames])
    origin = origin[np.isfinite(placed)]
    owner = owner[np.isfinite(owner)]
    handles = [
        handle
        for there, handle in (
            (
                any(body_count(run, frame) for frame in frames),
                Patch(facecolor=_OVER_FIBRES, edgecolor=BODY, label=f"{spec.stroma.label} body"),
            ),
            (
                np.any(origin != Origin.RETRACTION),
                Line2D([], [], color=_LEFT_BEHIND, lw=1.5, label="fibre left behind in migration"),
            ),
            (
                np.any(origin == Origin.RETRACTION),
                Line2D(
                    [], [], color=_RETRACTED, lw=1.5, label="fibre around a cell that retracted"
                ),
            ),
            (
                np.any(regions == Region.MIGRASOME_NETWORK),
                Line2D([], [], color=NETWORK, lw=1, ls="dotted", label="outline of the network"),
            ),
            (np.any(owner != NO_BODY), Line2D([], [], **disc, mew=0.0, label=least)),
            (
                np.any(owner == NO_BODY),
                Line2D(
                    [], [], **disc, mec="black", mew=pen(_RING), label="migrasome that is detached"
                ),
            ),
        )
        if there
    ]
    draw_legend_below(figure, handles)
