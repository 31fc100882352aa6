"""The floor at one time: ligand, bodies, network and cells, and the fold changes beside it."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, ScalarFormatter
from numpy.typing import NDArray

from sdf1_field.analysis import (
    ENRICHED,
    default_times,
    fold_changes,
    has_stroma,
    observation_index,
    observation_times,
    run_censuses,
    run_encounter_limit,
)
from sdf1_field.analysis.stroma_runs import frame_at
from sdf1_field.digits import number_text
from sdf1_field.figures.drawing import (
    BODY,
    CRAWLING,
    HELD,
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
    is_flat,
    region_label,
    show_view,
    values_at,
    whole_view,
)
from sdf1_field.record import field_unit
from sdf1_field.scene import Region
from sdf1_field.spec import ModelSpec
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

TRACK_LENGTH = 3600.0
"""How far back the tracks of many cells are drawn [s]."""
_FEW_CELLS = 5
"""Up to so many cells are drawn with their history instead of a density."""
_BRIGHTEST = 0.998
"""Share of places that the colours tell apart; the brightest few would hide the rest."""
_UNIFORM = 1e-2
"""Deviation over mean below which a map shows the deviation."""
_CARRYING, _NO_FIELD = "#E69FCC", "#8a8a8a"
_BARS = ("#9ecae1", "#3182bd")
_GROUND = {Region.FREE_SURFACE: "#eeeeee", Region.MSC: BODY, Region.MIGRASOME_NETWORK: NETWORK}
_GROUND_WIDTH, _HELD_WIDTH = 0.7, 0.25
"""Widths of the bars of a cell's region and of its held state; a cell's row has 1."""
_WIDEST = 4000.0
"""Extent of a floor [um] above which its things are dots, with a view of its middle beside it."""
_VIEW = 1400.0
"""Extent of that view [um]."""
_PANEL = 6.2
"""Extent of a map on paper [inch]."""
_DOT = 1.6
"""Area of the dot that a cell is on such a floor [points**2]."""
_SMALLEST, _SMALLEST_CARRYING = 2.2, 3.6
"""Diameters [points] below which migrasomes would not be seen."""


def plot_floor(run: xr.Dataset, spec: ModelSpec, time: float | None, ligand: str | None) -> Figure:
    """Ligand, stroma and cells at a time [s]; fold changes or the cells' histories beside it."""
    shown = ligand or next(iter(spec.solved_ligands), None)
    frame = frame_at(run, time)
    at = float(run["time"].values[frame])
    with_cells = "cell_time" in run
    with_beside = with_cells and (_few(run) or has_stroma(run))
    width, length = spec.dish.width, spec.dish.length
    whole = whole_view(run, spec)
    views = [whole]
    if max(width, length) > _WIDEST:
        # A long floor may be narrower than the view.
        across, along = min(_VIEW, width), min(_VIEW, length)
        left, low = 0.5 * (width - across), 0.5 * (length - along)
        ends = (low, low + along) if whole.low < whole.high else (low + along, low)
        views.append(View(left, left + across, *ends))
    columns = [3.7] * len(views) + [1.0] * with_beside
    figure = Figure(
        figsize=(8.6 + 6.4 * (len(views) - 1) + 2.3 * with_beside, 7.6), layout="constrained"
    )
    grid = figure.add_gridspec(1, len(columns), width_ratios=columns)
    floor, *detail = (figure.add_subplot(grid[n]) for n in range(len(views)))
    image = _draw_floor(figure, floor, run, spec, frame, shown)
    if not detail:
        _draw_stroma(floor, run, frame, shown, whole)
        if with_cells and at >= 0:
            _draw_cells(floor, run, spec, at, whole)
    for axes, view in zip(detail, views[1:], strict=True):
        _draw_dots(floor, run, frame, at if with_cells and at >= 0 else None)
        draw_window(floor, view, edgecolor="white", lw=1.5, zorder=7)
        axes.set_facecolor(_NO_FIELD)
        if image is not None:
            axes.imshow(
                image.get_array(), origin="lower", extent=image.get_extent(),
                cmap=image.cmap, norm=image.norm,
            )  # fmt: skip
        show_view(axes, view)
        _draw_stroma(axes, run, frame, shown, view)
        if with_cells and at >= 0:
            _draw_cells(axes, run, spec, at, view)
        draw_scale_bar(axes, view)
        axes.set_title("its middle", fontsize=11, loc="left")
    show_view(floor, whole)
    draw_scale_bar(floor, whole)
    _draw_legend(figure, run, spec, frame, views[-1], shown, with_cells and at >= 0)
    floor.set_title(
        f"{heading(run)}\n{spec.treatment_label}, {_time_text(run, spec, frame)}, "
        f"dish of seed {int(run.attrs['seed'])}",
        fontsize=11,
        loc="left",
    )
    if with_beside:
        beside = figure.add_subplot(grid[len(views)])
        if _few(run):
            _draw_histories(beside, run, spec, at)
        else:
            _draw_fold_changes(beside, run, spec)
    return figure


def _time_text(run: xr.Dataset, spec: ModelSpec, frame: int) -> str:
    """Time of a frame, since the cells were added, or without cells since seeding."""
    at = float(run["time"].values[frame])
    if spec.run.mode == "steady":
        return "steady state"
    if "cell_time" not in run:
        begin = "seeding" if body_count(run, frame) else "the start"
        return f"{duration_text(at + spec.run.culture)} after {begin}"
    if at < 0:
        return f"{duration_text(-at)} before the cells are added"
    return f"{duration_text(at)} after the cells were added"


def _draw_floor(
    figure: Figure, axes: Any, run: xr.Dataset, spec: ModelSpec, frame: int, ligand: str | None
) -> Any:
    """Ligand over the whole floor; returns its image, or None if it is uniform."""
    width, length = spec.dish.width, spec.dish.length
    axes.set(xticks=[], yticks=[], aspect="equal", xlim=(0, width), ylim=(0, length))
    if ligand is None:
        axes.set_facecolor(_NO_FIELD)
        return None
    unit, size = field_unit(run, ligand)
    values = run[ligand][frame].values.astype(float) / size
    name = spec.ligand[ligand].label
    mean = float(np.nanmean(values))
    if is_flat(values):
        axes.set_facecolor(_NO_FIELD)
        axes.set_xlabel(f"{name} in the medium at the floor: {number_text(mean)} {unit} everywhere")
        return None
    label = f"{name} in the medium at the floor"
    if np.nanstd(values) < _UNIFORM * mean:
        values = values - mean
        label = f"{name} at the floor, difference from its mean of {number_text(mean)} {unit}"
    low, high = np.nanquantile(values, [0.0, _BRIGHTEST])
    if np.nanmax(values) > high:
        label += f"; brightest {number_text(float(np.nanmax(values)))}"
    if high <= low:
        high = low + max(abs(low), 1e-12)
    image = axes.imshow(
        values,
        origin="lower",
        extent=(0.0, width, 0.0, length),
        cmap="cividis",
        norm=Normalize(low, high),
    )
    formatter = ScalarFormatter(useMathText=True)
    formatter.set_powerlimits((-2, 3))
    bar = figure.colorbar(
        image,
        ax=axes,
        location="left",
        shrink=0.8,
        pad=0.01,
        extend="max",
        format=formatter,
        ticks=MaxNLocator(6),
    )
    bar.set_label(f"{label} [{unit}]")
    return image


def _draw_dots(axes: Any, run: xr.Dataset, frame: int, time: float | None) -> None:
    """Bodies as ellipses and cells at a time [s] as dots, on a floor too wide for outlines."""
    draw_bodies(axes, run, frame, None).set(linewidth=0.0, rasterized=True)
    if time is None:
        return
    n = observation_index(run, time)
    x, y, held = (run[f"cell_{name}"][:, n].values for name in ("x", "y", "state"))
    for state, colour in ((0, CRAWLING), (1, HELD)):
        chosen = held == state
        axes.scatter(
            x[chosen], y[chosen], s=_DOT, color=colour, linewidths=0.0, zorder=6, rasterized=True
        )


def _draw_stroma(axes: Any, run: xr.Dataset, frame: int, ligand: str | None, view: View) -> None:
    draw_outline(axes, run, frame, view)
    draw_bodies(axes, run, frame, view)
    draw_fibres(axes, fibre_courses(run, frame, view)[0], NETWORK, 0.7)
    x, y, diameter = _migrasomes(run, frame)
    carrying = np.zeros(len(x), dtype=bool)
    if ligand is not None:
        carrying = values_at(run, frame, f"migrasome_{ligand}_secretion_rate") > 0
    for chosen, colour, smallest in (
        (~carrying, NETWORK, _SMALLEST),
        (carrying, _CARRYING, _SMALLEST_CARRYING),
    ):
        kept = chosen & view.reaches(x, y)
        size = np.maximum(diameter[kept], smallest / view.scale(_PANEL))
        draw_discs(axes, x[kept], y[kept], size).set(facecolor=colour, edgecolor="none", zorder=3)


def _migrasomes(run: xr.Dataset, frame: int) -> tuple[Array, Array, Array]:
    """Places and diameters of a frame's migrasomes [um], NaN where there is none."""
    x, y, radius = (values_at(run, frame, f"migrasome_{name}") for name in ("x", "y", "radius"))
    return x, y, 2.0 * radius


def _draw_cells(axes: Any, run: xr.Dataset, spec: ModelSpec, time: float, view: View) -> None:
    n = observation_index(run, time)
    times = observation_times(run)
    few = _few(run)
    recent = times <= times[n]
    if not few:
        recent &= times >= times[n] - TRACK_LENGTH
    x, y, held = (run[f"cell_{name}"].values for name in ("x", "y", "state"))
    seen = view.reaches(x[:, n], y[:, n])
    x, y, held = x[seen], y[seen], held[seen] == 1
    tracks = np.stack([x[:, recent], y[:, recent]], axis=-1)
    lines = LineCollection(list(tracks), colors="black", linewidths=0.8, zorder=5)
    axes.add_collection(lines)
    if few:
        lines.set(linewidth=1.0, path_effects=[withStroke(linewidth=2.4, foreground="white")])
    for state, colour in ((False, CRAWLING), (True, HELD)):
        if few:
            before = (held == state) & recent
            axes.plot(
                x[before], y[before], ls="none", marker="o", ms=3.0, mfc=colour, mec="black",
                mew=0.4, zorder=5.5,
            )  # fmt: skip
        chosen = held[:, n] == state
        size = np.full(int(chosen.sum()), spec.haematopoietic.diameter)
        discs = draw_discs(axes, x[chosen, n], y[chosen, n], size)
        discs.set(facecolor=colour, edgecolor="black", linewidth=0.5, zorder=6)


def _few(run: xr.Dataset) -> bool:
    return run.sizes.get("trajectory", 0) <= _FEW_CELLS


def _draw_legend(
    figure: Figure,
    run: xr.Dataset,
    spec: ModelSpec,
    frame: int,
    view: View,
    ligand: str | None,
    with_cells: bool,
) -> None:
    """Legend of the map; migrasomes are enlarged where most would be too small."""
    migrasomes = bool(np.isfinite(values_at(run, frame, "migrasome_x")).any())
    fibres = bool(np.isfinite(values_at(run, frame, "fibre_x")).any())
    network = bool((values_at(run, frame, "region") == Region.MIGRASOME_NETWORK).any())
    enlarged, carrying_enlarged = (
        " (enlarged)" * (smallest / view.scale(_PANEL) > spec.scene.migrasome_diameter)
        for smallest in (_SMALLEST, _SMALLEST_CARRYING)
    )
    handles: list[Any] = []
    if body_count(run, frame):
        handles.append(
            Patch(facecolor=f"{BODY}55", edgecolor=BODY, label=f"{spec.stroma.label} body")
        )
    if fibres:
        label = f"fibre with migrasomes{enlarged}" if migrasomes else "fibre"
        handles.append(Line2D([], [], color=NETWORK, lw=1, marker="o", ms=3, label=label))
    elif migrasomes:
        label = f"migrasome{enlarged}"
        handles.append(Line2D([], [], color=NETWORK, lw=0, marker="o", ms=3, label=label))
    if network:
        handles.append(
            Line2D([], [], color=NETWORK, lw=1, ls="dotted", label="outline of the network")
        )
    if ligand is not None and migrasomes:
        label = f"migrasome secreting {spec.ligand[ligand].label}{carrying_enlarged}"
        handles.append(Line2D([], [], color=_CARRYING, lw=0, marker="o", ms=5, label=label))
    if with_cells:
        cell = spec.haematopoietic.label
        track = "its track, a dot a frame" if _few(run) else "its last hour's track"
        for colour, what in ((CRAWLING, f"crawling, with {track}"), (HELD, "held")):
            handles.append(
                Line2D(
                    [],
                    [],
                    color="black",
                    lw=0.8 if colour == CRAWLING else 0,
                    marker="o",
                    mfc=colour,
                    ms=6,
                    label=f"{cell} cell, {what}",
                )
            )
    draw_legend_below(figure, handles)


def _draw_histories(axes: Any, run: xr.Dataset, spec: ModelSpec, time: float) -> None:
    """Region under each cell over time, and when it was held, with a time [s] marked."""
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
    if time >= 0:
        axes.axhline(time / 3600.0, color="black", lw=1.2)
    axes.set(
        ylim=(hours[0], max(ends[-1], hours[0])), xlim=(-1.0, len(under)),
        ylabel="time after the cells were added [h]",
        xticks=range(len(under)), xticklabels=[f"cell {n}" for n in range(len(under))],
    )  # fmt: skip
    handles: list[Any] = [
        Patch(color=_GROUND[r], label=f"over {region_label(r, spec)}") for r in _GROUND
    ]
    handles.append(Patch(color=HELD, label="held"))
    if time >= 0:
        handles.append(Line2D([], [], color="black", lw=1.2, label="time shown"))
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=8.5
    )
    axes.spines[["top", "right"]].set_visible(False)


def _draw_fold_changes(axes: Any, run: xr.Dataset, spec: ModelSpec) -> None:
    times = default_times(run)
    limits = run_encounter_limit(run, times)
    changes = [fold_changes([census]).pooled for census in run_censuses(run, times)]
    width = 0.8 / len(times)
    colours = _BARS[-len(times) :]
    for k, (time, change, limit) in enumerate(zip(times, changes, limits, strict=True)):
        place = np.arange(len(ENRICHED)) + (k - 0.5 * (len(times) - 1)) * width
        axes.bar(
            place,
            change,
            0.92 * width,
            color=colours[k],
            edgecolor="black",
            lw=0.6,
            label=f"after {duration_text(time)}",
        )
        axes.scatter(
            place,
            limit,
            marker="_",
            s=260,
            color="black",
            lw=2,
            zorder=3,
            label="encounter limit:\nsticky, not attracting" if k == 0 else None,
        )
    axes.axhline(1.0, color="#777777", ls="--", lw=1, label="as on free surface")
    names = [region_label(region, spec).replace(" ", "\n") for region in ENRICHED]
    axes.set_xticks(range(len(ENRICHED)), names)
    axes.set_ylabel("cells per area, fold change over free surface")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", frameon=False, fontsize=8.5)
    axes.set_ylim(top=1.25 * axes.get_ylim()[1])
    axes.spines[["top", "right"]].set_visible(False)
