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
from sdf1_field.figures.drawing import (
    HELD,
    NETWORK,
    View,
    body_count,
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
from sdf1_field.record import field_unit
from sdf1_field.scene import NO_BODY
from sdf1_field.spec import ModelSpec
from sdf1_field.treatments import schedule, treatment_times

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

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
_PLAIN = "{x:,.6g}"
"""Numbers on an axis, without a factor beside it."""


def plot_cargo(run: xr.Dataset, spec: ModelSpec, time: float | None, ligand: str) -> Figure:
    """Field, carriers and release of a ligand that is followed in the stroma, at a time [s]."""
    frame = frame_at(run, time)
    x, y = (values_at(run, frame, f"migrasome_{axis}") for axis in ("x", "y"))
    whole, window = richest_view(spec, x, y, FIELD_WINDOW), _richest_window(spec, x, y)
    figure = Figure(
        figsize=(2.0 * _PANEL + 3.0 * _BAR, _PANEL + _CURVES + _MARGINS), layout="constrained"
    )
    (above,), (below,) = figure.subfigures(
        2, 1, height_ratios=[_PANEL + 0.4, _CURVES], squeeze=False
    )
    floor, detail = above.subplots(1, 2, width_ratios=[_PANEL + _BAR, _PANEL + 2.0 * _BAR])
    _draw_field(above, floor, run, spec, frame, ligand, whole)
    if window.width < whole.width or window.length < whole.length:
        draw_window(floor, window, edgecolor="white", lw=1.4, ls="--", zorder=7)
    _draw_carriers(above, detail, run, spec, frame, ligand, window)
    by_bodies, by_migrasomes, vesicles, diameter = below.subplots(1, 4)
    _draw_release(by_bodies, by_migrasomes, run, spec, frame, ligand)
    _draw_against_distance(vesicles, diameter, run, frame, ligand)
    _draw_legend(
        figure,
        spec,
        treated=bool(_treatment_changes(run, spec)),
        within=frame < run.sizes["time"] - 1,
    )
    hours = hours_since_seeding(run, spec)[frame]
    figure.suptitle(
        f"{heading(run)}\n{spec.treatment_label}, {body_count(run, frame)} {spec.stroma.label}, "
        f"{hours:.3g} h after seeding, dish of seed {int(run.attrs['seed'])}",
        fontsize=11,
        x=0.01,
        ha="left",
    )
    return figure


def _richest_window(spec: ModelSpec, x: Array, y: Array) -> View:
    """Window around the most migrasomes; places in [um]."""
    rich, dish = richest_view(spec, x, y, CARRIER_WINDOW), spec.dish
    within = (x >= rich.left) & (x < rich.right) & (y >= rich.low) & (y < rich.high)
    if not within.any():
        return rich
    left = np.clip(np.median(x[within]) - 0.5 * rich.width, 0.0, dish.width - rich.width)
    low = np.clip(np.median(y[within]) - 0.5 * rich.length, 0.0, dish.length - rich.length)
    return View(float(left), float(left) + rich.width, float(low), float(low) + rich.length)


def _draw_field(
    figure: Any, axes: Any, run: xr.Dataset, spec: ModelSpec, frame: int, ligand: str, view: View
) -> None:
    """Ligand in the medium at the floor with outlines, fibres and migrasomes."""
    values = values_at(run, frame, ligand).astype(float)
    unit, size = field_unit(run, ligand)
    values = values / size
    low, high = np.nanquantile(values, [0.0, _BRIGHTEST])
    image = axes.imshow(
        values,
        origin="lower",
        extent=(0.0, spec.dish.width, 0.0, spec.dish.length),
        cmap="cividis",
        norm=Normalize(low, high if high > low else low + 1.0),
    )
    show_view(axes, view)
    draw_bodies(axes, run, frame, view).set(facecolor="none", edgecolor="white", linewidth=0.8)
    draw_fibres(axes, fibre_courses(run, frame, view)[0], NETWORK, 0.7)
    x, y, radius = (values_at(run, frame, f"migrasome_{name}") for name in ("x", "y", "radius"))
    there = view.reaches(x, y)
    width = np.maximum(2.0 * radius[there], _DOT / view.scale(_PANEL))
    draw_discs(axes, x[there], y[there], width).set(facecolor=HELD, edgecolor="none", zorder=3)
    draw_scale_bar(axes, view)
    name = spec.ligand[ligand].label
    axes.set_title(f"{name} in the medium at the floor", fontsize=10.5)
    bar = figure.colorbar(
        image, ax=axes, location="left", shrink=0.85, pad=0.01, extend="max",
        format=StrMethodFormatter(_PLAIN),
    )  # fmt: skip
    median, brightest = (
        number_text(float(np.nanmedian(values))),
        number_text(float(np.nanmax(values))),
    )
    bar.set_label(f"{name} [{unit}]; median {median}, brightest {brightest}")


def _vesicles(run: xr.Dataset, frame: int, source: str, ligand: str) -> Array:
    """Mean number of vesicles in each body or migrasome of a frame; NaN where none is followed."""
    held: Array = values_at(run, frame, f"{source}_{ligand}_cargo").astype(float)
    return held / float(run[f"{source}_{ligand}_cargo"].attrs["molecules_per_vesicle"])


def _draw_carriers(
    figure: Any, axes: Any, run: xr.Dataset, spec: ModelSpec, frame: int, ligand: str, view: View
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
        linewidth=0.8, cmap=_colours("Blues", _BODY_SPAN), norm=_norm(in_bodies), zorder=3,
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
            edgecolor=ring, linewidth=_RING if ring != "none" else 0.0, zorder=4,
        )  # fmt: skip
    draw_scale_bar(axes, view)
    name = spec.ligand[ligand].label
    smaller = view.width < spec.dish.width or view.length < spec.dish.length
    where = "the whole dish"
    if smaller:
        where = f"window {'around the most migrasomes' if np.isfinite(x).any() else 'of the dish'}"
    followed = "" if np.isfinite(in_bodies).any() else " (no longer followed)"
    axes.set_title(
        f"vesicles with {name} in migrasomes and bodies{followed}\n{where}", fontsize=10.5
    )
    for drawn, contents, place in (
        (discs, in_migrasomes, "a migrasome"),
        (bodies, in_bodies, "a body"),
    ):
        if not np.isfinite(contents).any():
            continue
        bar = figure.colorbar(
            drawn, ax=axes, location="right", shrink=0.85, pad=0.015, extend="max",
            ticks=MaxNLocator(6), format=StrMethodFormatter(_PLAIN),
        )  # fmt: skip
        most = number_text(float(np.nanmax(contents)))
        bar.set_label(f"vesicles in {place}; most {most}")


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
                hours, released[route], color=colour, ls=style, lw=1.8, label=f"{label}{shown}"
            )
        if frame < len(hours) - 1:
            axes.axvline(hours[frame], color=_SHOWN, lw=1.5, zorder=0)
        for at in _treatment_changes(run, spec):
            axes.axvline(at, color="black", lw=1.0, ls=":", zorder=0)
        most = max(float(np.nanmax(released[route])) for route in routes)
        axes.set(xlabel="time after seeding [h]", ylabel="molecules per cell")
        axes.set_ylim(0.0, _HEADROOM * most if most > 0.0 else 1.0)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(StrMethodFormatter(_PLAIN))
        axes.legend(fontsize=8.5, loc="upper left", edgecolor="none", framealpha=0.9)
        axes.spines[["top", "right"]].set_visible(False)
        title = f"{name} released by {source}"
        if total > 0.0:
            share = sum(float(released[route][frame]) for route in routes) / total
            title += f": {number_text(share, 100.0)} %"
        axes.set_title(title, fontsize=10.5)


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
        axes.set_title(title, fontsize=10.5)


def _draw_binned(axes: Any, distance: Array, values: Array) -> None:
    """Each value as a point, and means over bins of distance [um]."""
    axes.spines[["top", "right"]].set_visible(False)
    if not len(values):
        axes.text(0.5, 0.5, "none to show", ha="center", va="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    axes.plot(distance, values, "o", color="black", ms=3.0, mew=0.0, alpha=0.25)
    furthest = float(distance.max())
    for lower, upper in itertools.pairwise(BODY_DISTANCE_EDGES):
        own = values[(distance >= lower) & (distance < upper)]
        if len(own):
            axes.plot(
                [lower, min(upper, furthest)], [own.mean()] * 2, color=HELD, lw=2.5,
                solid_capstyle="butt",
            )  # fmt: skip
    axes.set_xlim(left=0.0)
    axes.set_ylim(bottom=0.0)


def _draw_legend(figure: Figure, spec: ModelSpec, *, treated: bool, within: bool) -> None:
    full = _colours("inferno_r", _MIGRASOME_SPAN)
    disc: dict[str, Any] = {"lw": 0, "marker": "o", "ms": 7, "mfc": full(0.6)}
    handles = [
        Patch(
            facecolor=_colours("Blues", _BODY_SPAN)(0.4), edgecolor=_OUTLINE,
            label=f"{spec.stroma.label} body, in the field its outline",
        ),
        Line2D([], [], color=NETWORK, lw=1.5, label="retraction fibre"),
        Line2D(
            [], [], lw=0, marker="o", ms=4, color=HELD, label="migrasome in the field (enlarged)"
        ),
        Line2D(
            [], [], **disc, mew=0.0,
            label="migrasome in the window, the larger the more vesicles it holds (not its size)",
        ),
        Line2D([], [], **disc, mec="black", mew=_RING, label="migrasome that is detached"),
        Line2D(
            [], [], lw=0, marker="o", ms=3, mew=0.0, color="black", alpha=0.4,
            label="one migrasome: mean number of its vesicles, or its diameter",
        ),
        Line2D([], [], color=HELD, lw=2.5, label="mean of those in a bin of distance"),
    ]  # fmt: skip
    if within:
        handles.append(Line2D([], [], color=_SHOWN, lw=1.5, label="time shown"))
    if treated:
        handles.append(
            Line2D([], [], color="black", lw=1.0, ls=":", label="treatment begins or ends")
        )
    draw_legend_below(figure, handles)
