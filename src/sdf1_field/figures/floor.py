"""The floor at one time: ligand, stroma and cells, and what became of the cells beside it."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from sdf1_field.analysis import (
    ENRICHED,
    default_times,
    fold_changes,
    has_stroma,
    observation_times,
    run_censuses,
    run_encounter_limit,
)
from sdf1_field.analysis.runs import SAME_TIME, encounter_note
from sdf1_field.analysis.stroma_runs import frame_at
from sdf1_field.errors import InputError
from sdf1_field.figures.clock import clock_text, draw_clock
from sdf1_field.figures.dish_map import Cells, DishMap, Moment, few_cells, map_legend
from sdf1_field.figures.drawing import (
    BODY,
    HELD,
    NETWORK,
    View,
    body_count,
    centred_view,
    draw_legend_below,
    draw_scale_bar,
    draw_window,
    heading,
    parts_of,
    region_label,
    values_at,
    whole_view,
)
from sdf1_field.figures.fields import FieldScale, chosen_fields
from sdf1_field.figures.hours import HourLocator
from sdf1_field.figures.paper import Page, pen, wrapped
from sdf1_field.scene import Region
from sdf1_field.spec import ModelSpec
from sdf1_field.units import duration_text, parse

Array = NDArray[np.float64]

AUTO = "auto"
_CURVES = {Region.MSC: ("#0072B2", "o"), Region.MIGRASOME_NETWORK: (NETWORK, "s")}
"""Colour and mark of a region's fold change; the bodies' blue is too light for a line."""
_GROUND = {Region.FREE_SURFACE: "#eeeeee", Region.MSC: BODY, Region.MIGRASOME_NETWORK: NETWORK}
_GROUND_WIDTH, _HELD_WIDTH = 0.7, 0.25
"""Widths of the bars of a cell's region and of its held state; a cell's row has 1."""
_WIDEST = 4000.0
"""Extent of a floor [um] above which its things are dots, with a view of a part beside it."""
_VIEW = 1400.0
"""Extent of that view [um]."""
_INSET, _SMALLEST_INSET = 1 / 6, 20.0
"""Extent of a magnified window over the dish's, and the least that may be asked for [um]."""
_PLACE = re.compile(r"\s*([^,\s][^,]*?)\s*,\s*([^,\s][^,]*?)\s*(?:,\s*([^,\s][^,]*?)\s*)?")
_NUMBER = re.compile(r"-?[\d.]+(?:[eE][+-]?\d+)?")

_MAP, _BAR, _SIDE = 6.2, 1.2, 3.1
"""Extents of a map, its colour bar and the panels beside it, on a screen [inch]."""
_HEAD, _FOOT = 0.5, 0.7
"""Room for heading and legend [inch]."""
_LOWEST = 4.2
"""Least height of the panels [inch]."""
_FLATTEST, _STEEPEST = 0.25, 1.5
"""Ratios of height over width of a map's place; other dishes leave some of it free."""
_COLUMN_HEAD, _COLUMN_BAR, _COLUMN_ROW, _COLUMN_FOOT = 0.3, 0.45, 1.95, 0.85
"""Heights of the heading, of a bar below the map, of each row of panels and of the legend in one
column [inch]."""
_PAGE_ROW = 1.9
"""Height of a row of panels below two maps on a page [inch]."""
_COLUMN_CURVES = 1.55
"""Height of a row with curves alone [inch]."""
_BAR_OVER_PANEL = 0.85
"""Length of a colour bar, and of its label, over the extent of its map's panel."""


@dataclass(frozen=True)
class Shown:
    """What a picture of a dish shows.

    Parameters
    ----------
    ligand : str or None
        Key; the first of the run if None.
    field : str or None
        One of `fields.FIELDS`; see `fields.chosen_fields`.
    ranges : tuple of str
        Ends of colour scales; see `fields.range_of`.
    inset : str or None
        Where a magnified window is: ``auto``, or text for `inset_view`.
    """

    ligand: str | None = None
    field: str | None = None
    ranges: tuple[str, ...] = ()
    inset: str | None = None

    def refuse(self, options: Sequence[str], why: str) -> None:
        """Raise InputError if one of some options is given, which a picture does not have."""
        given = {"--field": self.field, "--range": self.ranges, "--inset": self.inset}
        for option in options:
            if given[option]:
                raise InputError(f"{option}: {why}. Remove the option.")


def inset_view(text: str, spec: ModelSpec, whole: View, usual: float) -> View:
    """Window around a place, such as ``600,400 um``, or with its width ``600,400,150 um``.

    Raises
    ------
    InputError
        If it is no place in the dish, or no width that fits it.
    """
    match = _PLACE.fullmatch(text)
    example = f"Write {AUTO}, or a place like '600,400 um', or with the width '600,400,150 um'."
    if match is None:
        raise InputError(f"--inset: '{text}' is not a place. {example}")
    parts = [part for part in match.groups() if part is not None]
    unit = _NUMBER.sub("", parts[-1], count=1)
    try:
        places = [parse(part + unit * bool(_NUMBER.fullmatch(part)), "length") for part in parts]
    except ValueError:
        raise InputError(f"--inset: '{text}' is not a place. {example}") from None
    x, y, *widths = places
    extent = widths[0] if widths else usual
    dish = spec.dish
    if not (0.0 <= x <= dish.width and 0.0 <= y <= dish.length):
        raise InputError(
            f"--inset: '{text}' is outside of the dish of {dish.width:g} x {dish.length:g} um. "
            f"{example}"
        )
    if not _SMALLEST_INSET <= extent <= min(dish.width, dish.length):
        raise InputError(
            f"--inset: a window of {extent:g} um does not suit a dish of {dish.width:g} x "
            f"{dish.length:g} um. Give {_SMALLEST_INSET:g} um or more, up to the dish's width."
        )
    left = float(np.clip(x - 0.5 * extent, 0.0, dish.width - extent))
    low = float(np.clip(y - 0.5 * extent, 0.0, dish.length - extent))
    return _turned(View(left, left + extent, low, low + extent), whole)


def _busy_places(run: xr.Dataset, moment: Moment) -> tuple[Array, Array]:
    """Places [um] of held cells; of migrasomes if there are none, or else of bodies."""
    if moment.cells is not None and moment.cells.held.any():
        return moment.cells.x[moment.cells.held], moment.cells.y[moment.cells.held]
    x = y = np.zeros(0)
    for source in ("migrasome", "body"):
        x, y = (values_at(run, moment.frame, f"{source}_{axis}") for axis in ("x", "y"))
        if np.isfinite(x).any():
            break
    return x[np.isfinite(x)], y[np.isfinite(x)]


def _turned(view: View, whole: View) -> View:
    """View with y as in the view of the whole floor."""
    if whole.low < whole.high:
        return view
    return View(view.left, view.right, view.high, view.low)


def middle_view(spec: ModelSpec, whole: View) -> View | None:
    """Middle of a wide dish, a long one of which may be narrower; None if it is not wide."""
    width, length = spec.dish.width, spec.dish.length
    if max(width, length) <= _WIDEST:
        return None
    across, along = min(_VIEW, width), min(_VIEW, length)
    left, low = 0.5 * (width - across), 0.5 * (length - along)
    return _turned(View(left, left + across, low, low + along), whole)


class DishFigure:
    """Figure of a run's floor that can show one time after another.

    Maps are on the left: of the first field large, in a wide dish with a view of a part beside
    it. Panels are on the right, or below in one column: a magnified window, the other field, and
    the cells' fold changes or histories.

    Parameters
    ----------
    run : xarray.Dataset
    spec : ModelSpec
    shown : Shown
    page : Page
    moments : sequence of Moment
        The first is shown; the last fixes the legend and the place of a magnified window.
    frames : sequence of int, optional
        For which colour scales are made; that of the first moment if not given.
    clock : bool
        Show the time on the map instead of in the heading.
    """

    figure: Figure
    maps: list[DishMap]

    def __init__(
        self,
        run: xr.Dataset,
        spec: ModelSpec,
        shown: Shown,
        page: Page,
        moments: Sequence[Moment],
        *,
        frames: Sequence[int] | None = None,
        clock: bool = False,
    ) -> None:
        self._run, self._spec, self._page = run, spec, page
        self._whole = whole_view(run, spec)
        self._wide = max(spec.dish.width, spec.dish.length) > _WIDEST
        self._ligand = shown.ligand or next(iter(spec.solved_ligands), None)
        first = moments[0]
        frames = [first.frame] if frames is None else frames
        fields = chosen_fields(run, spec, shown.ligand, shown.field, shown.ranges)
        main = FieldScale(run, fields[0], frames) if fields else None
        other = FieldScale(run, fields[1], frames) if len(fields) > 1 else None
        same = ""
        if other is not None and other.uniform:
            same, other = f"\n{other.uniform}", None
        window = self._window(shown.inset, moments[-1])
        with_cells = "cell_time" in run
        course = with_cells and (few_cells(run) or has_stroma(run))
        inset = window is not None and not self._wide
        self._lay_out(inset + (other is not None) + course)
        floor, panels = self._main[0], iter(self._side)
        self.maps = [self._map(floor, self._whole, main, dots=self._wide)]
        seen = self._whole
        if self._wide:
            seen = window or middle_view(spec, self._whole) or self._whole
            self.maps.append(self._map(self._main[1], seen, main))
            self._main[1].set_title("magnified" if window else "its middle", loc="left")
            draw_window(floor, seen, edgecolor="white", lw=pen(1.5), zorder=7)
        elif window is not None:
            self.maps.append(self._map(next(panels), window, main))
            self.maps[-1].axes.set_title("magnified", loc="left")
            for colour, width in (("black", 3.0), ("white", 1.4)):
                draw_window(floor, window, edgecolor=colour, lw=pen(width), zorder=7)
        if other is not None:
            self.maps.append(
                self._map(next(panels), self._whole, other, outlines=True, dots=self._wide)
            )
        self._time_lines: list[Any] = []
        self._clock: Any = None
        any_cells = any(moment.cells is not None for moment in moments)
        handles = map_legend(run, spec, moments[-1].frame, seen, self._ligand, any_cells)
        if course:
            handles += self._draw_beside(next(panels))
        self.show(first)
        for each in self.maps[: len(self.maps) - (other is not None)]:
            draw_scale_bar(each.axes, each.view, large=each.view is not self._whole)
        self._draw_bars(with_other=other is not None)
        if clock:
            self._clock = draw_clock(floor)
            self.show(first)
        draw_legend_below(self.figure, handles)
        when = "" if clock else f"{time_text(run, spec, first)}, "
        page.head(
            self.figure,
            f"{heading(run)}\n{spec.treatment_label}, {when}dish of seed {int(run.attrs['seed'])}"
            f"{same}",
        )

    def show(self, moment: Moment, note: str = "") -> None:
        """Show a time; a note stands below the clock."""
        for each in self.maps:
            each.show(moment)
        for line in self._time_lines:
            hours = moment.time / 3600.0
            (line.set_ydata if few_cells(self._run) else line.set_xdata)([hours, hours])
            line.set_visible(moment.time >= 0.0)
        if self._clock is not None:
            text = time_text(self._run, self._spec, moment, clock_text)
            self._clock.set_text(f"{text}\n{note}" if note else text)

    def _draw_beside(self, axes: Any) -> list[Any]:
        """Fold changes or histories over time, with the time shown; returns their legend."""
        if few_cells(self._run):
            handles = _draw_histories(axes, self._run, self._spec)
            line = axes.axhline(0.0, color="black", lw=pen(1.2))
        else:
            handles = _draw_course(axes, self._run, self._spec, self._lengths[1])
            line = axes.axvline(0.0, color="black", lw=pen(1.2), zorder=1)
        self._time_lines.append(line)
        return [*handles, Line2D([], [], color="black", lw=pen(1.2), label="time shown")]

    def _map(
        self,
        axes: Any,
        view: View,
        scale: FieldScale | None,
        *,
        dots: bool = False,
        outlines: bool = False,
    ) -> DishMap:
        return DishMap(
            axes, self._run, self._spec, view, scale, ligand=self._ligand, dots=dots,
            outlines=outlines,
        )  # fmt: skip

    def _window(self, inset: str | None, moment: Moment) -> View | None:
        """Magnified window, as asked for or around a busy place."""
        if inset is None:
            return None
        dish = self._spec.dish
        usual = _VIEW if self._wide else _INSET * max(dish.width, dish.length)
        usual = min(usual, dish.width, dish.length)
        if inset != AUTO:
            return inset_view(inset, self._spec, self._whole, usual)
        x, y = _busy_places(self._run, moment)
        return _turned(centred_view(self._spec, x, y, usual), self._whole)

    def _lay_out(self, count: int) -> None:
        """Axes of the maps, and of so many panels."""
        ratio = abs(self._whole.length) / self._whole.width
        tall = min(max(ratio, _FLATTEST), _STEEPEST)
        maps = 2 if self._wide else 1
        if self._page.one_column:
            self._lay_out_column(tall, maps, count)
            return
        if self._wide and self._page.printed and count:
            self._lay_out_rows(tall, maps, count)
            return
        width = maps * _MAP + _BAR + _SIDE * (count > 0)
        height = max(_MAP * tall, _LOWEST * (count > 0))
        self.figure = Figure(
            figsize=self._page.size(width, height + _HEAD + _FOOT), layout="constrained"
        )
        widths = [width - _SIDE, _SIDE] if count else [width]
        places = parts_of(self.figure, 1, len(widths), width_ratios=widths)
        self._main = list(places[0].subplots(1, maps, squeeze=False)[0])
        self._side = [part.subplots() for part in parts_of(places[-1], count, 1)] if count else []
        scale = self.figure.get_figwidth() / width
        self._lengths = scale * height, scale * height / max(count, 1)

    def _lay_out_rows(self, tall: float, maps: int, count: int) -> None:
        """The same on a page too narrow for two maps and panels: these below the maps."""
        width, _ = self._page.size(1.0, 1.0)
        heights = [width * tall / maps, _PAGE_ROW]
        self.figure = Figure(
            figsize=(width, sum(heights) + _COLUMN_HEAD + _COLUMN_FOOT), layout="constrained"
        )
        above, below = parts_of(self.figure, 2, 1, height_ratios=heights)
        self._main = list(above.subplots(1, maps, squeeze=False)[0])
        self._side = [part.subplots() for part in parts_of(below, 1, count)]
        self._lengths = heights[0], _PAGE_ROW

    def _lay_out_column(self, tall: float, maps: int, count: int) -> None:
        """The same in one column: maps below each other, then panels in pairs."""
        width, _ = self._page.size(1.0, 1.0)
        pairs = math.ceil(count / 2)
        heights = [width * tall + _COLUMN_BAR, *([width] * (maps - 1)), *([_COLUMN_ROW] * pairs)]
        if count % 2:
            heights[-1] = _COLUMN_CURVES
        self.figure = Figure(
            figsize=(width, sum(heights) + _COLUMN_HEAD + _COLUMN_FOOT), layout="constrained"
        )
        rows = parts_of(self.figure, len(heights), 1, height_ratios=heights)
        self._main = [row.subplots() for row in rows[:maps]]
        self._side = []
        for n, row in enumerate(rows[maps:]):
            self._side += [part.subplots() for part in parts_of(row, 1, min(2, count - 2 * n))]
        self._lengths = width, _COLUMN_ROW

    def _draw_bars(self, *, with_other: bool) -> None:
        """Colour bars of the large map, and of the other field's."""
        column = self._page.one_column
        shown = [(self.maps[0], 0, "bottom" if column else "left")]
        if with_other:
            shown.append((self.maps[-1], 1, "bottom" if column else "right"))
        for each, length, location in shown:
            if each.scale is not None and each.image is not None:
                inches = _BAR_OVER_PANEL * self._lengths[length]
                each.scale.draw_bar(each.image, inches, location)


def plot_floor(
    run: xr.Dataset, spec: ModelSpec, time: float | None, shown: Shown, page: Page
) -> Figure:
    """Ligand, stroma and cells at a time [s]; fold changes or the cells' histories beside it."""
    moment = moment_at(run, frame_at(run, time))
    return DishFigure(run, spec, shown, page, [moment]).figure


def moment_at(run: xr.Dataset, frame: int) -> Moment:
    """A frame of a run's floor, with the cells that were there."""
    time = float(run["time"].values[frame])
    cells = Cells.at(run, time) if "cell_time" in run and time >= 0.0 else None
    return Moment(frame, time, cells)


def time_text(
    run: xr.Dataset,
    spec: ModelSpec,
    moment: Moment,
    written: Callable[[float], str] = duration_text,
) -> str:
    """Time since the cells were added, or without cells since seeding."""
    if spec.run.mode == "steady":
        return "steady state"
    if "cell_time" not in run:
        begin = "seeding" if body_count(run, moment.frame) else "the start"
        return f"{written(moment.time + spec.run.culture)} after {begin}"
    if moment.time < 0:
        return f"{written(-moment.time)} before the cells are added"
    return f"{written(moment.time)} after the cells were added"


def _draw_histories(axes: Any, run: xr.Dataset, spec: ModelSpec) -> list[Any]:
    """Region under each cell over time, and when it was held; returns their legend."""
    hours = observation_times(run) / 3600.0
    # An observation holds until the next one; the last for as long as the one before.
    ends = np.append(hours[1:], 2.0 * hours[-1] - hours[-2] if len(hours) > 1 else hours[-1] + 1.0)
    under, held = run["cell_region"].values, run["cell_state"].values == 1
    for n in range(len(under)):
        for region, colour in _GROUND.items():
            there = under[n] == region
            axes.bar(
                np.full(int(there.sum()), n), (ends - hours)[there], _GROUND_WIDTH,
                bottom=hours[there], color=colour, lw=0,
            )  # fmt: skip
        axes.bar(
            np.full(int(held[n].sum()), n), (ends - hours)[held[n]], _HELD_WIDTH,
            bottom=hours[held[n]], color=HELD, lw=0,
        )  # fmt: skip
    axes.set(
        ylim=(hours[0], max(ends[-1], hours[0])), xlim=(-1.0, len(under)),
        ylabel="time of co-culture [h]",
        xticks=range(len(under)), xticklabels=[f"cell {n}" for n in range(len(under))],
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_locator(HourLocator())
    handles: list[Any] = [
        Patch(facecolor=_GROUND[r], edgecolor="#999999", label=f"over {region_label(r, spec)}")
        for r in _GROUND
        if (under == r).any()
    ]
    return [*handles, *([Patch(facecolor=HELD, label="held")] if held.any() else [])]


def _draw_course(axes: Any, run: xr.Dataset, spec: ModelSpec, inches: float) -> list[Any]:
    """Fold changes over time in a panel of a height [inch], with limits; returns their legend."""
    times = observation_times(run)
    hours = times / 3600.0
    limits = run_encounter_limit(run, times.tolist())
    changes = np.array([fold_changes([own]).pooled for own in run_censuses(run, times.tolist())])
    named = np.any(np.abs(times[:, None] - default_times(run)) <= SAME_TIME, axis=1).tolist()
    # Where regions jump between frames, the limit means something at frames alone.
    certain = np.full(len(times), not encounter_note(run, float(times[-1]))) | named
    for region, change, limit in zip(ENRICHED, changes.T, limits.T, strict=True):
        if not np.isfinite(change).any():
            continue
        colour, mark = _CURVES[region]
        axes.plot(hours, np.where(certain, limit, np.nan), color=colour, lw=pen(1.2), ls="--")
        axes.plot(
            hours[named], limit[named], ls="none", marker="_", ms=pen(9.0), mew=pen(1.8),
            color=colour, zorder=4,
        )  # fmt: skip
        axes.plot(
            hours, change, color=colour, lw=pen(1.8), marker=mark, markevery=named, ms=pen(6.0),
            mec="white", mew=pen(0.7), label=region_label(region, spec), zorder=3,
        )  # fmt: skip
    axes.axhline(1.0, color="#777777", ls=":", lw=pen(1.0), zorder=0)
    axes.set(
        xlabel="time of co-culture [h]", ylim=(0.0, None),
        ylabel=wrapped("cells per area, fold change over free surface", 0.8 * inches),
    )  # fmt: skip
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(HourLocator())
    axes.spines[["top", "right"]].set_visible(False)
    # Above the panel, where it hides no curve and not the time shown.
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), edgecolor="none", borderpad=0.0,
        borderaxespad=0.2,
    )  # fmt: skip
    return [
        Line2D(
            [], [], color="#444444", lw=pen(1.2), ls="--", marker="_", ms=pen(9.0),
            mew=pen(1.8), label="encounter limit: sticky, not attracting",
        ),
        Line2D([], [], color="#777777", lw=pen(1.0), ls=":", label="as on free surface"),
    ]  # fmt: skip
