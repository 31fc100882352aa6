"""A stroma with cargo kinetics: a ligand's field, its carriers, and its routes of secretion.

Above are the ligand at the floor, and a window of the dish with the carriers in bodies and
migrasomes. Below are the molecules that a cell has released so far by each route, and how many
carriers migrasomes hold, and how large they are, at a distance from their body.
"""

import itertools
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from sdf1_field.analysis.network import BODY_DISTANCE_EDGES
from sdf1_field.analysis.stroma_runs import frame_at, run_network
from sdf1_field.digits import number_text
from sdf1_field.errors import InputError
from sdf1_field.figures.drawing import (
    HELD,
    NETWORK,
    View,
    bar_axes,
    body_count,
    centred_view,
    draw_bodies,
    draw_discs,
    draw_fibres,
    draw_legend_below,
    draw_scale_bar,
    draw_window,
    fibre_courses,
    heading,
    hours_since_seeding,
    richest_view,
    show_view,
    values_at,
)
from sdf1_field.figures.fields import BOTH, BOUND, DISSOLVED, FloorField, chosen_fields
from sdf1_field.figures.floor import Shown
from sdf1_field.figures.hours import HourLocator
from sdf1_field.figures.paper import Page, pen, wrapped
from sdf1_field.scene import NO_BODY
from sdf1_field.spec import ModelSpec
from sdf1_field.treatments import schedule, treatment_times

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

FLOOR, ROUTES = "floor", "routes"
"""Figures into which the picture can be parted: the maps, and the curves below them."""
FIELD_WINDOW = 1200.0
"""Most of a dish that the field is shown of [um]: bodies are 20 um wide."""
CARRIER_WINDOW = 300.0
"""Most of a dish that the carriers are shown of [um]: migrasomes are 2 um wide."""
_BRIGHTEST = 0.95
"""Share of places that the field's colours tell apart; a few beside migrasomes are far brighter."""
_FULLEST = 0.98
"""Share of migrasomes, and of bodies, with contents within the colour scale."""
_PANEL, _BAR, _CURVES, _MARGINS = 5.4, 1.2, 3.0, 1.6
"""Extents on paper of a map, a colour bar and the curves; room for title and legend [inch]."""
_DOT = 2.0
"""Diameter of a migrasome on the field [points]."""
_SMALLEST, _LARGEST = 3.0, 13.0
"""Diameters of migrasomes that hold nothing, and as much as the colours tell apart [points]."""
_RING = 0.6
"""Width of the ring around a detached migrasome [points]."""
_UNFOLLOWED = "#bbbbbb"
_MIGRASOME_SPAN, _BODY_SPAN = (0.1, 0.8), (0.05, 0.65)
"""Parts of inferno and of Blues that can be told from white paper, rings and outlines."""
_OUTLINE = "#2171b5"
_SHOWN = "#bbbbbb"
_BODIES_ROUTE = {"released_by_bodies": ("#0072B2", "-", "through the body's membrane")}
_MIGRASOMES_ROUTES = {
    "released_by_fusion": (HELD, "-", "by fusion in migrasomes"),
    "released_at_once": ("#CC79A7", "--", "at once, by rupture or leak"),
}
"""How each route of a run file is drawn: colour, line and name."""
_HEADROOM = 1.3
"""Height of an axis over its highest curve, for the legend above."""
_TICKS = 5
"""Most marks of a colour bar."""
_PLAIN = "{x:,.6g}"
"""Numbers on an axis, without a factor beside it."""


def plot_cargo(
    run: xr.Dataset, spec: ModelSpec, time: float | None, shown: Shown, part: str | None, page: Page
) -> Figure:
    """Field, carriers and release of a ligand that is followed in the stroma, at a time [s].

    On a page of a journal that is the figure of the floor, unless ``part`` is the other.
    """
    frame = frame_at(run, time)
    ligand = shown.ligand or spec.solved_ligands[0]
    if shown.field == BOTH:
        raise InputError(f"--field: this picture shows one field. Give {DISSOLVED} or {BOUND}.")
    (field,) = chosen_fields(run, spec, ligand, shown.field or DISSOLVED, shown.ranges)
    if part is None and page.printed:
        part = FLOOR
    figure, above, below = _lay_out(page, part)
    within, treated = False, False
    if above:
        _draw_maps(above[0], run, spec, frame, ligand, field, page)
    if below:
        by_bodies, by_migrasomes, vesicles, diameter = np.ravel(
            below[0].subplots(*_curves(page, part))
        )
        _draw_release(by_bodies, by_migrasomes, run, spec, frame, ligand)
        _draw_against_distance(vesicles, diameter, run, frame, ligand)
        within = frame < run.sizes["time"] - 1
        treated = bool(_treatment_changes(run, spec))
    _draw_legend(figure, spec, maps=bool(above), curves=bool(below), treated=treated, within=within)
    hours = hours_since_seeding(run, spec)[frame]
    page.head(
        figure,
        f"{heading(run)}\n{spec.treatment_label}, {body_count(run, frame)} {spec.stroma.label}, "
        f"{hours:.3g} h after seeding, dish of seed {int(run.attrs['seed'])}",
    )
    return figure


def _lay_out(page: Page, part: str | None) -> tuple[Figure, list[Any], list[Any]]:
    """Figure with places for the maps and for the curves; an empty list for those left out."""
    if page.one_column:
        width, maps, curves = _PANEL + _BAR, 2.0 * (_PANEL + _BAR), 4.0 * _CURVES
    else:
        width, maps = 2.0 * _PANEL + 3.0 * _BAR, _PANEL + 0.4
        curves = _CURVES if part is None else 2.0 * _CURVES
    wanted = [maps] * (part != ROUTES) + [curves] * (part != FLOOR)
    figure = Figure(figsize=page.size(width, sum(wanted) + _MARGINS), layout="constrained")
    places = [
        own for (own,) in figure.subfigures(len(wanted), 1, height_ratios=wanted, squeeze=False)
    ]
    return figure, places[: part != ROUTES], places[part != ROUTES :]


def _curves(page: Page, part: str | None) -> tuple[int, int]:
    """Rows and columns of the four panels with curves."""
    if page.one_column:
        return 4, 1
    return (1, 4) if part is None else (2, 2)


def _draw_maps(
    figure: Any,
    run: xr.Dataset,
    spec: ModelSpec,
    frame: int,
    ligand: str,
    field: FloorField,
    page: Page,
) -> None:
    """The field, and a window with the carriers, side by side or in one column."""
    x, y = (values_at(run, frame, f"migrasome_{axis}") for axis in ("x", "y"))
    whole, window = richest_view(spec, x, y, FIELD_WINDOW), centred_view(spec, x, y, CARRIER_WINDOW)
    if page.one_column:
        floor, detail = figure.subplots(2, 1)
        inches, _ = page.size(_PANEL, _PANEL)
    else:
        floor, detail = figure.subplots(1, 2)
        _, inches = page.size(2.0 * _PANEL + 3.0 * _BAR, _PANEL)
    _draw_field(floor, run, spec, frame, field, whole, inches, page)
    if window.width < whole.width or window.length < whole.length:
        draw_window(floor, window, edgecolor="white", lw=pen(1.4), ls="--", zorder=7)
    _draw_carriers(detail, run, spec, frame, ligand, window, page)


def _draw_field(
    axes: Any,
    run: xr.Dataset,
    spec: ModelSpec,
    frame: int,
    field: FloorField,
    view: View,
    inches: float,
    page: Page,
) -> None:
    """Ligand at the floor with outlines, fibres and migrasomes, and a bar of so many inches."""
    values = field.values(run, frame)
    low, high = field.ends or np.nanquantile(values, [0.0, _BRIGHTEST])
    image = axes.imshow(
        values,
        origin="lower",
        extent=(0.0, spec.dish.width, 0.0, spec.dish.length),
        cmap="cividis",
        norm=Normalize(low, high if high > low else low + 1.0),
    )
    show_view(axes, view)
    draw_bodies(axes, run, frame, view).set(facecolor="none", edgecolor="white", linewidth=pen(0.8))
    draw_fibres(axes, fibre_courses(run, frame, view)[0], NETWORK, 0.7)
    x, y, radius = (values_at(run, frame, f"migrasome_{name}") for name in ("x", "y", "radius"))
    there = view.reaches(x, y)
    width = np.maximum(2.0 * radius[there], _DOT / view.scale(_PANEL))
    draw_discs(axes, x[there], y[there], width).set(facecolor=HELD, edgecolor="none", zorder=3)
    draw_scale_bar(axes, view)
    axes.set_title(field.name)
    location = "bottom" if page.one_column else "left"
    bar = axes.figure.colorbar(
        image, cax=bar_axes(axes, location), location=location, extend="max",
        ticks=MaxNLocator(_TICKS), format=StrMethodFormatter(_PLAIN),
    )  # fmt: skip
    median, brightest = (
        number_text(float(np.nanmedian(values))),
        number_text(float(np.nanmax(values))),
    )
    label = field.name.partition(" in ")[0].partition(" bound")[0]
    bar.set_label(
        wrapped(f"{label} [{field.unit}]; median {median}, brightest {brightest}", inches)
    )


def _vesicles(run: xr.Dataset, frame: int, source: str, ligand: str) -> Array:
    """Mean number of vesicles in each body or migrasome of a frame; NaN where none is followed."""
    held: Array = values_at(run, frame, f"{source}_{ligand}_cargo").astype(float)
    return held / float(run[f"{source}_{ligand}_cargo"].attrs["molecules_per_vesicle"])


def _draw_carriers(
    axes: Any,
    run: xr.Dataset,
    spec: ModelSpec,
    frame: int,
    ligand: str,
    view: View,
    page: Page,
) -> None:
    """Bodies and migrasomes by the vesicles in them."""
    show_view(axes, view)
    x, y, owner = (values_at(run, frame, f"migrasome_{name}") for name in ("x", "y", "body"))
    body_x, body_y = (values_at(run, frame, f"body_{name}") for name in ("x", "y"))
    in_bodies, in_migrasomes = (
        _vesicles(run, frame, source, ligand) for source in ("body", "migrasome")
    )
    bodies = draw_bodies(axes, run, frame, view)
    bodies.set(
        array=in_bodies[view.reaches(body_x, body_y)], facecolor=None, edgecolor=_OUTLINE,
        linewidth=pen(0.8), cmap=_colours("Blues", _BODY_SPAN), norm=_norm(in_bodies), zorder=3,
    )  # fmt: skip
    draw_fibres(axes, fibre_courses(run, frame, view)[0], NETWORK, 1.0)
    scale, there = _norm(in_migrasomes), view.reaches(x, y)
    discs: Any = None
    for chosen, ring in (
        (there & (owner != NO_BODY), "none"),
        (there & (owner == NO_BODY), "black"),
    ):
        share = np.clip(np.nan_to_num(scale(in_migrasomes[chosen]).filled(0.0)), 0.0, 1.0)
        width = _SMALLEST + (_LARGEST - _SMALLEST) * np.sqrt(share)
        discs = draw_discs(axes, x[chosen], y[chosen], width / view.scale(_PANEL))
        discs.set(
            array=in_migrasomes[chosen], cmap=_colours("inferno_r", _MIGRASOME_SPAN), norm=scale,
            edgecolor=ring, linewidth=pen(_RING) if ring != "none" else 0.0, zorder=4,
        )  # fmt: skip
    draw_scale_bar(axes, view)
    name = spec.ligand[ligand].label
    smaller = view.width < spec.dish.width or view.length < spec.dish.length
    where = "the whole dish"
    if smaller:
        where = f"window {'around the most migrasomes' if np.isfinite(x).any() else 'of the dish'}"
    followed = "" if np.isfinite(in_bodies).any() else " (no longer followed)"
    axes.set_title(f"vesicles with {name} in migrasomes and bodies{followed}\n{where}")
    location, bars = "bottom" if page.one_column else "right", 0
    for drawn, contents, source in (
        (bodies, in_bodies, "a body"),
        (discs, in_migrasomes, "a migrasome"),
    ):
        if not np.isfinite(contents).any():
            continue
        bar = axes.figure.colorbar(
            drawn, cax=bar_axes(axes, location, place=bars), location=location,
            extend="max", ticks=MaxNLocator(_TICKS), format=StrMethodFormatter(_PLAIN),
        )  # fmt: skip
        most = number_text(float(np.nanmax(contents)))
        bar.set_label(f"vesicles in {source}; most {most}")
        bars += 1


def _colours(name: str, span: tuple[float, float]) -> Colormap:
    """Part of a map of colours; grey where nothing is followed."""
    part = ListedColormap(colormaps[name](np.linspace(*span, 256)), name=name)
    return part.with_extremes(bad=_UNFOLLOWED)


def _norm(contents: Array) -> Normalize:
    """Colour scale from 0 to the content of all but the fullest."""
    known = contents[np.isfinite(contents)]
    high = float(np.quantile(known, _FULLEST)) if len(known) else 0.0
    return Normalize(0.0, high if high > 0.0 else 1.0)


def _treatment_changes(run: xr.Dataset, spec: ModelSpec) -> list[float]:
    """When treatments begin or end while a run is saved [h], since seeding."""
    first, last = run["time"].values[[0, -1]]
    times = (t for t in treatment_times(schedule(spec)) if first < t < last)
    return [(t + spec.run.culture) / 3600.0 for t in times]


def _draw_release(
    by_bodies: Any, by_migrasomes: Any, run: xr.Dataset, spec: ModelSpec, frame: int, ligand: str
) -> None:
    """Molecules that a cell has released so far by each route, over time."""
    hours, name = hours_since_seeding(run, spec), spec.ligand[ligand].label
    cells = body_count(run, frame)
    released = {
        route: run[f"{ligand}_cargo_{route}"].values / max(cells, 1)
        for route in (*_BODIES_ROUTE, *_MIGRASOMES_ROUTES)
    }
    total = sum(float(per_cell[frame]) for per_cell in released.values())
    followed = bool(np.isfinite(total))
    for axes, routes, source in (
        (by_bodies, _BODIES_ROUTE, "bodies"),
        (by_migrasomes, _MIGRASOMES_ROUTES, "migrasomes"),
    ):
        for route, (colour, style, label) in routes.items():
            shown = f": {number_text(float(released[route][frame]))}" if followed else ""
            axes.plot(
                hours, released[route], color=colour, ls=style, lw=pen(1.8), label=f"{label}{shown}"
            )
        if frame < len(hours) - 1:
            axes.axvline(hours[frame], color=_SHOWN, lw=pen(1.5), zorder=0)
        for at in _treatment_changes(run, spec):
            axes.axvline(at, color="black", lw=pen(1.0), ls=":", zorder=0)
        most = max(float(np.nanmax(released[route])) for route in routes)
        axes.set(xlabel="time after seeding [h]", ylabel="molecules per cell")
        axes.xaxis.set_major_locator(HourLocator())
        axes.set_ylim(0.0, _HEADROOM * most if most > 0.0 else 1.0)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(StrMethodFormatter(_PLAIN))
        axes.legend(loc="upper left", edgecolor="none", framealpha=0.9)
        axes.spines[["top", "right"]].set_visible(False)
        title = f"{name} released by {source}"
        if total > 0.0:
            share = sum(float(released[route][frame]) for route in routes) / total
            title += f": {number_text(share, 100.0)} %"
        axes.set_title(title)


def _draw_against_distance(
    vesicles: Any, diameter: Any, run: xr.Dataset, frame: int, ligand: str
) -> None:
    """Vesicles in attached migrasomes, and their diameters, against distance from the body."""
    count = run_network(run, float(run["time"][frame]))
    present = np.isfinite(values_at(run, frame, "migrasome_x"))
    held = _vesicles(run, frame, "migrasome", ligand)[present]
    loaded = run[f"migrasome_{ligand}_loaded"].values[present] == 1
    attached = np.isfinite(count.distance)
    for axes, values, chosen, title, label in (
        (
            vesicles,
            held,
            attached & loaded & np.isfinite(held),
            "filling of migrasomes on fibres",
            "vesicles in a migrasome",
        ),
        (
            diameter,
            count.diameter,
            attached,
            "size of migrasomes on fibres",
            "diameter [µm]",
        ),
    ):
        _draw_binned(axes, count.distance[chosen], values[chosen])
        axes.set(xlabel="distance from the body's edge [µm]", ylabel=label)
        axes.set_title(title)


def _draw_binned(axes: Any, distance: Array, values: Array) -> None:
    """Each value as a point, and means over bins of distance [um]."""
    axes.spines[["top", "right"]].set_visible(False)
    if not len(values):
        axes.text(0.5, 0.5, "none to show", ha="center", va="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    axes.plot(distance, values, "o", color="black", ms=pen(3.0), mew=0.0, alpha=0.25)
    furthest = float(distance.max())
    for lower, upper in itertools.pairwise(BODY_DISTANCE_EDGES):
        own = values[(distance >= lower) & (distance < upper)]
        if len(own):
            axes.plot(
                [lower, min(upper, furthest)], [own.mean()] * 2, color=HELD, lw=pen(2.5),
                solid_capstyle="butt",
            )  # fmt: skip
    axes.set_xlim(left=0.0)
    axes.set_ylim(bottom=0.0)


def _draw_legend(
    figure: Figure, spec: ModelSpec, *, maps: bool, curves: bool, treated: bool, within: bool
) -> None:
    """Legend of the maps, of the curves, or of both."""
    full = _colours("inferno_r", _MIGRASOME_SPAN)
    disc: dict[str, Any] = {"lw": 0, "marker": "o", "ms": pen(7), "mfc": full(0.6)}
    handles: list[Any] = []
    if maps:
        handles += [
            Patch(
                facecolor=_colours("Blues", _BODY_SPAN)(0.4), edgecolor=_OUTLINE,
                label=f"{spec.stroma.label} body, in the field its outline",
            ),
            Line2D([], [], color=NETWORK, lw=pen(1.5), label="retraction fibre"),
            Line2D(
                [], [], lw=0, marker="o", ms=pen(4), color=HELD,
                label="migrasome in the field (enlarged)",
            ),
            Line2D(
                [], [], **disc, mew=0.0,
                label="migrasome in the window, larger the more vesicles (not its size)",
            ),
            Line2D(
                [], [], **disc, mec="black", mew=pen(_RING), label="migrasome that is detached"
            ),
        ]  # fmt: skip
    if curves:
        handles += [
            Line2D(
                [], [], lw=0, marker="o", ms=pen(3), mew=0.0, color="black", alpha=0.4,
                label="one migrasome: mean number of its vesicles, or its diameter",
            ),
            Line2D(
                [], [], color=HELD, lw=pen(2.5), label="mean of those in a bin of distance"
            ),
        ]  # fmt: skip
    if within:
        handles.append(Line2D([], [], color=_SHOWN, lw=pen(1.5), label="time shown"))
    if treated:
        handles.append(
            Line2D([], [], color="black", lw=pen(1.0), ls=":", label="treatment begins or ends")
        )
    draw_legend_below(figure, handles)
