"""Shared by the pictures: colours, views of the floor, scale bars and the stroma's shapes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from contourpy import contour_generator
from matplotlib.collections import Collection, EllipseCollection, LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.transforms import ScaledTranslation, blended_transform_factory
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from numpy.typing import NDArray

from sdf1_field.figures.paper import font_size, pen, wrapped
from sdf1_field.images import NETWORK as NETWORK_PIXEL
from sdf1_field.record import model_of
from sdf1_field.scene import REGION_LABELS, Region
from sdf1_field.spec import ModelSpec, brief_changes

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Okabe and Ito's palette, told apart by colour-blind readers.
BODY, NETWORK, HELD, CRAWLING = "#56B4E9", "#009E73", "#D55E00", "white"
POINTS_PER_INCH = 72.0
_OFFSETS = 10
"""Places in which a window is tried along its own extent."""
_FLAT = 2e-7
"""Range over magnitude within which numbers of single precision are the same."""
_BEYOND = 200.0
"""How far outside a view the things may be centred that reach into it [um]."""
_DRAWN = "pixel_body"
"""Variable of runs whose scene was drawn from an image."""
MOST_PIXELS = 1600
"""Most pixels of an image along a side that are drawn."""
_MOST_COLUMNS, _FEWEST_COLUMNS = 3, 2
"""Columns of a legend; labels are broken into lines in the fewest."""
_LEGEND_HANDLE = 4.0
"""Width of a legend's symbol and of the space around it, in sizes of the text."""
_BAR_THICKNESS = 1.4
"""Of a colour bar, and of the space before it, in sizes of the text."""
_BAR_ROOM = {"left": 5.5, "right": 5.5, "bottom": 4.0}
"""Room of a colour bar with its marks and label, in its thickness."""
_HEADING = 68
"""Characters of the line with the changes from the shipped model."""


def heading(run: xr.Dataset) -> str:
    """Title of a run's model, and below it the changes from the shipped one."""
    model = model_of(run)
    changed = brief_changes(model, width=_HEADING)
    return f"{model.spec.title}\nchanged: {changed}" if changed else model.spec.title


@dataclass(frozen=True)
class View:
    """A rectangle of the floor [um]; y points down, as in images, if ``low`` is above ``high``."""

    left: float
    right: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """Extent in x [um]."""
        return self.right - self.left

    @property
    def length(self) -> float:
        """Extent in y [um]; negative if y points down."""
        return self.high - self.low

    @property
    def extent(self) -> float:
        """The larger extent [um]."""
        return max(self.width, abs(self.length))

    def reaches(self, x: Array, y: Array) -> Flags:
        """Whether a shape centred at a place reaches into the view; False for NaN."""
        across = (x >= self.left - _BEYOND) & (x <= self.right + _BEYOND)
        low, high = sorted((self.low, self.high))
        along = (y >= low - _BEYOND) & (y <= high + _BEYOND)
        seen: Flags = across & along
        return seen

    def scale(self, inches: float) -> float:
        """Points that a micrometre takes where the larger extent takes so many inches."""
        return POINTS_PER_INCH * inches / self.extent


def values_at(run: xr.Dataset, frame: int, name: str) -> NDArray[Any]:
    """One frame of a variable, without reading the others."""
    values: NDArray[Any] = run[name][frame].values
    return values


def body_count(run: xr.Dataset, frame: int) -> int:
    """Number of bodies in a frame; a file without bodies has one empty column."""
    return int(np.count_nonzero(np.isfinite(values_at(run, frame, "body_x"))))


def region_label(region: Region, spec: ModelSpec) -> str:
    """Name of a region, that of bodies after the run's stromal cells."""
    return spec.stroma.label if region == Region.MSC else REGION_LABELS[region]


def is_flat(values: Array) -> bool:
    """Whether a field is the same everywhere in the precision that a run file keeps."""
    return bool(np.nanmax(values) - np.nanmin(values) <= _FLAT * np.nanmax(np.abs(values)))


def hours_since_seeding(run: xr.Dataset, spec: ModelSpec) -> Array:
    """Times of the frames [h] since the stroma was seeded."""
    hours: Array = (run["time"].values + spec.run.culture) / 3600.0
    return hours


def richest_view(spec: ModelSpec, x: Array, y: Array, extent: float) -> View:
    """Window of an extent [um] with the most of some places [um].

    The middle of the dish if there are none; all of a dish that is no larger.
    """
    dish = spec.dish
    across, along = min(extent, dish.width), min(extent, dish.length)
    lefts, lows = _offsets(dish.width, across), _offsets(dish.length, along)
    left, low = 0.5 * (dish.width - across), 0.5 * (dish.length - along)
    order = np.argsort(x)
    x, y, most = x[order], y[order], 0
    for lower in lows:
        row = x[(y >= lower) & (y < lower + along)]
        counts = np.searchsorted(row, lefts + across) - np.searchsorted(row, lefts)
        if counts.max() > most:
            left, low, most = float(lefts[np.argmax(counts)]), float(lower), int(counts.max())
    return View(left, left + across, low, low + along)


def centred_view(spec: ModelSpec, x: Array, y: Array, extent: float) -> View:
    """`richest_view` moved so that its places are around its middle."""
    rich, dish = richest_view(spec, x, y, extent), spec.dish
    within = (x >= rich.left) & (x < rich.right) & (y >= rich.low) & (y < rich.high)
    if not within.any():
        return rich
    left = np.clip(np.median(x[within]) - 0.5 * rich.width, 0.0, dish.width - rich.width)
    low = np.clip(np.median(y[within]) - 0.5 * rich.length, 0.0, dish.length - rich.length)
    return View(float(left), float(left) + rich.width, float(low), float(low) + rich.length)


def _offsets(extent: float, window: float) -> Array:
    """Places of a window's lower edge along a dish [um], from wall to wall."""
    count = math.ceil((extent - window) / (window / _OFFSETS)) + 1
    return np.linspace(0.0, extent - window, count)


def draw_ellipses(
    axes: Any, x: Array, y: Array, widths: Array, heights: Array, angles: Array
) -> EllipseCollection:
    """Ellipses [um, degrees] added to a map."""
    collection = EllipseCollection(
        widths,
        heights,
        angles,
        units="xy",
        offsets=np.column_stack([x, y]),
        offset_transform=axes.transData,
    )
    axes.add_collection(collection)
    return collection


def draw_discs(axes: Any, x: Array, y: Array, diameters: Array) -> EllipseCollection:
    """Discs [um] added to a map."""
    return draw_ellipses(axes, x, y, diameters, diameters, np.zeros_like(diameters))


def draw_bodies(axes: Any, run: xr.Dataset, frame: int, view: View | None) -> Collection:
    """Bodies of a frame that reach into a view; all of them without one."""
    if _DRAWN in run and body_count(run, frame) > 0:
        drawn = draw_region(axes, *_drawn(run, view), Region.MSC)
        drawn.set(facecolor=f"{BODY}55", edgecolor=BODY, linewidth=pen(1.0))
        return drawn
    x, y, major, minor, angle = (
        values_at(run, frame, f"body_{name}")
        for name in ("x", "y", "semi_major", "semi_minor", "angle")
    )
    there = np.isfinite(x) if view is None else view.reaches(x, y)
    bodies = draw_ellipses(
        axes, x[there], y[there], 2 * major[there], 2 * minor[there], np.degrees(angle[there])
    )
    bodies.set(facecolor=f"{BODY}55", edgecolor=BODY, linewidth=pen(1.0))
    return bodies


def draw_outline(axes: Any, run: xr.Dataset, frame: int, view: View) -> None:
    """Outline of the network's region."""
    if _DRAWN in run:
        outline = draw_region(axes, *_drawn(run, view), Region.MIGRASOME_NETWORK)
        outline.set(facecolor="none", edgecolor=NETWORK, linewidth=pen(0.8), linestyle="dotted")
        return
    across, along = run["x"].values, run["y"].values
    columns = slice(*np.searchsorted(across, (view.left, view.right)))
    rows = slice(*np.searchsorted(along, (view.low, view.high)))
    regions = values_at(run, frame, "region")[rows, columns]
    network = (regions == Region.MIGRASOME_NETWORK).astype(float)
    if network.any():
        axes.contour(
            across[columns],
            along[rows],
            network,
            levels=[0.5],
            colors=NETWORK,
            linewidths=pen(0.8),
            linestyles="dotted",
            alpha=0.8,
        )


def draw_region(
    axes: Any, x: Array, y: Array, pixels: NDArray[Any], region: Region
) -> PolyCollection:
    """Outlines of a drawn region added to a map, each a polygon; one within another is filled too.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    x, y : ndarray, shape (column,), (row,)
        Centres of the pixels [um].
    pixels : ndarray of int, shape (row, column)
        As of `sdf1_field.scene.DrawnFloor`.
    region : Region
    """
    own = pixels >= 0 if region == Region.MSC else pixels == NETWORK_PIXEL
    lines: list[Array] = []
    if own.any():
        # A rim beside the picture closes the outlines that its edge cuts.
        across, along = (np.pad(places, 1, mode="edge") for places in (x, y))
        around = contour_generator(x=across, y=along, z=np.pad(own, 1).astype(float))
        lines = [np.asarray(line) for line in around.lines(0.5)]
    outlines = PolyCollection(lines)
    axes.add_collection(outlines)
    return outlines


def _drawn(run: xr.Dataset, view: View | None) -> tuple[Array, Array, NDArray[Any]]:
    """Places of the columns and rows of a run's pixels in a view [um], and these, thinned out."""
    x, y = run["pixel_x"].values, run["pixel_y"].values
    columns, rows = slice(None), slice(None)
    if view is not None:
        columns = slice(*np.searchsorted(x, (view.left, view.right)))
        rows = slice(*np.searchsorted(y, sorted((view.low, view.high))))
    x, y = x[columns], y[rows]
    step = math.ceil(max(len(x), len(y), 1) / MOST_PIXELS)
    pixels = run[_DRAWN].values[rows, columns]
    chosen = slice(step // 2, None, step)
    return x[chosen], y[chosen], pixels[chosen, chosen]


def fibre_courses(run: xr.Dataset, frame: int, view: View) -> tuple[list[Array], Flags]:
    """Courses [um] of a frame's fibres that pass through a view, and which of all fibres they are.

    Returns
    -------
    list of ndarray, each of shape (vertex, 2)
    ndarray of bool, shape (fibre,)
    """
    courses = np.stack([values_at(run, frame, f"fibre_{axis}") for axis in ("x", "y")], axis=-1)
    seen: Flags = np.any(view.reaches(courses[..., 0], courses[..., 1]), axis=1)
    return [course[np.isfinite(course[:, 0])] for course in courses[seen]], seen


def draw_fibres(axes: Any, courses: list[Array], colour: str, width: float) -> LineCollection:
    """Fibres added to a map; their width in points."""
    fibres = LineCollection(courses, colors=colour, linewidths=pen(width), capstyle="round")
    axes.add_collection(fibres)
    return fibres


def whole_view(run: xr.Dataset, spec: ModelSpec) -> View:
    """View of the whole floor; of a scene that was drawn from an image as in the image."""
    low, high = (spec.dish.length, 0.0) if _DRAWN in run else (0.0, spec.dish.length)
    return View(0.0, spec.dish.width, low, high)


def show_view(axes: Any, view: View) -> None:
    """Limit a map to a view, without ticks."""
    axes.set(
        xticks=[], yticks=[], aspect="equal",
        xlim=(view.left, view.right), ylim=(view.low, view.high),
    )  # fmt: skip


def draw_window(axes: Any, view: View, **line: Any) -> None:
    """Outline of a view on a larger map."""
    axes.add_patch(Rectangle((view.left, view.low), view.width, view.length, fill=False, **line))


def parts_of(figure: Any, rows: int, columns: int, **ratios: Any) -> list[Any]:
    """Parts of a figure whose margins do not depend on each other, row by row."""
    return list(np.ravel(figure.subfigures(rows, columns, squeeze=False, **ratios)))


def draw_legend_below(figure: Figure, handles: list[Any]) -> None:
    """Legend below the maps, if it has anything, in as many columns as the labels allow."""
    if not handles:
        return
    size = font_size("legend.fontsize")
    for columns in range(_MOST_COLUMNS, 0, -1):
        inches = figure.get_figwidth() / columns - _LEGEND_HANDLE * size / POINTS_PER_INCH
        labels = [wrapped(handle.get_label(), inches, size) for handle in handles]
        if columns == _FEWEST_COLUMNS or not any("\n" in label for label in labels):
            break
    for handle, label in zip(handles, labels, strict=True):
        handle.set_label(label)
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, frameon=False)


def bar_axes(axes: Any, location: str, *, place: int = 0) -> Any:
    """Axes for a colour bar along a side of a map, as long as it.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Of the map.
    location : str
        ``left``, ``right`` or ``bottom``.
    place : int
        How many other bars are between it and the map.
    """
    thick = _BAR_THICKNESS * font_size() / POINTS_PER_INCH
    away = thick * (1.0 + _BAR_ROOM[location] * place)
    bounds, corner = {
        "left": ((-away - thick, 0.0, thick, 1.0), (0.0, 0.0)),
        "right": ((away, 0.0, thick, 1.0), (1.0, 0.0)),
        "bottom": ((0.0, -away - thick, 1.0, thick), (0.0, 0.0)),
    }[location]
    # Along the map in its extents; away from it in inches, whatever size the layout gives it.
    inches = axes.figure.dpi_scale_trans + ScaledTranslation(*corner, axes.transAxes)
    across, along = (inches, axes.transAxes)[:: -1 if location == "bottom" else 1]
    return axes.inset_axes(
        bounds, transform=blended_transform_factory(across, along), label="<colorbar>"
    )


def draw_scale_bar(axes: Any, view: View, *, large: bool = False) -> None:
    """Bar of a round length with its length, a quarter of the view or less, or a third if large."""
    bar = _round_length(view.width / (3.0 if large else 4.0))
    text = f"{bar:g} µm" if bar < 1000.0 else f"{bar / 1000.0:g} mm"
    drawn = AnchoredSizeBar(
        axes.transData, bar, text, "lower right", pad=0.25, borderpad=0.5, sep=0.25 * font_size(),
        label_top=True, fontproperties=FontProperties(size=font_size()),
    )  # fmt: skip
    drawn.patch.set(facecolor="white", alpha=0.75, linewidth=0.0)
    for line in drawn.size_bar.get_children():
        line.set(linewidth=pen(3.0), capstyle="butt")
    drawn.set_zorder(8)
    axes.add_artist(drawn)


def _round_length(length: float) -> float:
    """Largest of 1, 2, 5 times a power of ten below a length.

    Examples
    --------
    >>> _round_length(233.0)
    200.0
    """
    power = 10.0 ** math.floor(math.log10(length))
    return max(float(power * step) for step in (1, 2, 5) if power * step <= length)
