"""Pictures of runs, drawn from run files alone."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter
from numpy.typing import NDArray

from sdf1_field.analysis import (
    ENRICHED,
    SAME_TIME,
    default_times,
    fit_persistent_walk,
    fold_changes,
    has_stroma,
    observation_index,
    observation_times,
    persistent_walk_law,
    run_censuses,
    run_encounter_limit,
    run_tracks,
    shown_lags,
    square_displacements,
)
from sdf1_field.errors import InputError
from sdf1_field.record import model_of
from sdf1_field.scene import REGION_LABELS, Region
from sdf1_field.spec import ModelSpec
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

TRACK_LENGTH = 3600.0
"""How far back tracks are drawn [s]."""
_BRIGHTEST = 0.998
"""Share of places that the colours tell apart; the brightest few would hide the rest."""
_UNIFORM = 1e-2
"""Deviation over mean below which a map shows the deviation."""
# Okabe and Ito's palette, told apart by colour-blind readers, over cividis.
_BODY, _NETWORK, _HELD, _CRAWLING, _CARRYING = "#56B4E9", "#009E73", "#D55E00", "white", "#E69FCC"
_BARS = ("#9ecae1", "#3182bd")
_END, _NO_FIELD = "#E69F00", "#8a8a8a"
_WIDEST = 4000.0
"""Extent of a floor [um] above which its things are dots, with a view of its middle beside it."""
_VIEW = 1400.0
"""Extent of that view [um]."""
_DOT = 1.6
"""Area of the dot that a cell is on such a floor [points**2]."""
_BEYOND = 200.0
"""How far outside a view the things may be centred that reach into it [um]."""
_LIGHTEST = 0.85
"""Share of viridis that can be told from white paper."""


@dataclass(frozen=True)
class _View:
    """A rectangle of the floor [um]."""

    left: float
    right: float
    low: float
    high: float

    def reaches(self, x: Array, y: Array) -> NDArray[np.bool_]:
        """Whether something centred at a place may be seen; NaN is not there."""
        across = (x >= self.left - _BEYOND) & (x <= self.right + _BEYOND)
        along = (y >= self.low - _BEYOND) & (y <= self.high + _BEYOND)
        seen: NDArray[np.bool_] = across & along
        return seen


def plot_run(run: xr.Dataset, *, time: float | None = None, ligand: str | None = None) -> Figure:
    """Floor ligand with bodies, network and cells, and the fold changes beside it.

    A floor of several millimetres has dots for cells, and a view of its middle beside it. Of cells
    without stroma it is their tracks, and the mean square displacement beside them.

    Parameters
    ----------
    run : xarray.Dataset
        From `sdf1_field.record.open_run`.
    time : float, optional
        What to show [s]; the end if not given.
    ligand : str, optional
        Which field; the first in the run if not given.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the run has no such ligand, or nothing saved at that time.
    """
    spec = model_of(run).spec
    if ligand is not None and ligand not in spec.solved_ligands:
        known = ", ".join(spec.solved_ligands) or "none"
        raise InputError(f"--ligand: the run has no field of '{ligand}'. It has: {known}.")
    if "cell_time" in run and not has_stroma(run) and run.sizes["obs"] > 1:
        if ligand is not None:
            raise InputError(
                "--ligand: nothing secretes in this run, and its picture shows tracks. Leave it "
                "away."
            )
        return _plot_tracks(run, spec, time)
    shown = ligand or next(iter(spec.solved_ligands), None)
    frame = _frame(run, time)
    at = float(run["time"].values[frame])
    with_cells = "cell_time" in run
    width, length = spec.dish.width, spec.dish.length
    whole = _View(0.0, width, 0.0, length)
    views = [whole]
    if max(width, length) > _WIDEST:
        # A long floor may be narrower than the view.
        across, along = min(_VIEW, width), min(_VIEW, length)
        left, low = 0.5 * (width - across), 0.5 * (length - along)
        views.append(_View(left, left + across, low, low + along))
    columns = [3.7] * len(views) + [1.0] * with_cells
    figure = Figure(
        figsize=(8.6 + 6.4 * (len(views) - 1) + 2.3 * with_cells, 7.6), layout="constrained"
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
        floor.add_patch(
            Rectangle(
                (view.left, view.low), view.right - view.left, view.high - view.low,
                fill=False, edgecolor="white", lw=1.5, zorder=7,
            )
        )  # fmt: skip
        axes.set(xticks=[], yticks=[], aspect="equal", facecolor=_NO_FIELD)
        if image is not None:
            axes.imshow(
                image.get_array(), origin="lower", extent=image.get_extent(),
                cmap=image.cmap, norm=image.norm,
            )  # fmt: skip
        axes.set(xlim=(view.left, view.right), ylim=(view.low, view.high))
        _draw_stroma(axes, run, frame, shown, view)
        if with_cells and at >= 0:
            _draw_cells(axes, run, spec, at, view)
        _draw_scale_bar(axes, view)
        axes.set_title("its middle", fontsize=11, loc="left")
    _draw_scale_bar(floor, whole)
    _draw_legend(figure, spec, shown, with_cells and at >= 0)
    when = f"{duration_text(at)} after the cells were added"
    if spec.run.mode == "steady":
        when = "steady state"
    elif at < 0:
        when = f"{duration_text(-at)} before the cells are added"
    floor.set_title(
        f"{spec.title}\n{spec.treatment_label}, {when}, dish of seed {int(run.attrs['seed'])}",
        fontsize=11,
        loc="left",
    )
    if with_cells:
        _draw_fold_changes(figure.add_subplot(grid[len(views)]), run)
    return figure


def _plot_tracks(run: xr.Dataset, spec: ModelSpec, time: float | None) -> Figure:
    """Tracks up to a time [s], coloured by time, and how far cells get in a while."""
    times = observation_times(run)
    last = len(times) - 1 if time is None else observation_index(run, time)
    figure = Figure(figsize=(12.6, 7.0), layout="constrained")
    grid = figure.add_gridspec(1, 2, width_ratios=[1.7, 1])
    floor, beside = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    floor.set(
        xticks=[], yticks=[], aspect="equal",
        xlim=(0, spec.dish.width), ylim=(0, spec.dish.length), facecolor="white",
    )  # fmt: skip
    x, y = run["cell_x"].values[:, : last + 1], run["cell_y"].values[:, : last + 1]
    places = np.stack([x, y], axis=-1)
    steps = np.stack([places[:, :-1], places[:, 1:]], axis=2)
    hours = (times - times[0]) / 3600.0
    middle = 0.5 * (hours[:last] + hours[1 : last + 1])
    tracks = LineCollection(
        list(steps.reshape(-1, 2, 2)),
        array=np.tile(middle, len(x)),
        cmap=ListedColormap(colormaps["viridis"](np.linspace(0.0, _LIGHTEST, 256))),
        norm=Normalize(0.0, float(hours[-1])),
        linewidths=1.1,
        capstyle="round",
    )
    floor.add_collection(tracks)
    size = np.full(len(x), spec.haematopoietic.diameter)
    ends = _ellipses(floor, x[:, -1], y[:, -1], size, size, np.zeros_like(size))
    ends.set(facecolor=_END, edgecolor="black", linewidth=0.4, zorder=6)
    _draw_scale_bar(floor, _View(0.0, spec.dish.width, 0.0, spec.dish.length))
    bar = figure.colorbar(tracks, ax=floor, location="left", shrink=0.8, pad=0.01)
    bar.set_label("time since tracking began [h]")
    floor.legend(
        handles=[
            Line2D(
                [], [], lw=0, marker="o", ms=6, mfc=_END, mec="black", mew=0.4,
                label=f"{spec.haematopoietic.label} cell, {duration_text(float(times[last]))} "
                "after the cells were added",
            )
        ],
        loc="upper center", bbox_to_anchor=(0.5, -0.01), frameon=False, fontsize=9,
    )  # fmt: skip
    floor.set_title(
        f"{spec.title}\n{spec.treatment_label}, {len(x)} tracks in frames every "
        f"{duration_text(float(times[1] - times[0]))}, dish of seed {int(run.attrs['seed'])}",
        fontsize=11,
        loc="left",
    )
    _draw_square_displacements(beside, run)
    return figure


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
        minutes, squares.mean, "o", color="black", mfc="white", ms=7, zorder=4, label="all cells"
    )
    lags = np.geomspace(0.2 * squares.lags[0], squares.lags[-1], 100)
    if walk.speed is not None and walk.persistence_time is not None:
        law = persistent_walk_law(lags, walk.speed, walk.persistence_time)
        axes.plot(
            lags / 60.0, law, color=_HELD, lw=2,
            label=f"persistent random walk:\nspeed {60.0 * walk.speed:.2f} µm/min,\n"
            f"persistence {walk.persistence_time / 60.0:.1f} min",
        )  # fmt: skip
    if walk.motility_coefficient is not None:
        axes.plot(
            lags / 60.0, 4.0 * walk.motility_coefficient * lags, color=_NETWORK, lw=1.2, ls="--",
            label=f"no persistence, motility\n{60.0 * walk.motility_coefficient:.2f} µm²/min",
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
    axes.legend(loc="upper left", frameon=False, fontsize=9)


def _frame(run: xr.Dataset, time: float | None) -> int:
    times = run["time"].values
    if time is None:
        return len(times) - 1
    nearest = int(np.argmin(np.abs(times - time)))
    if abs(times[nearest] - time) > SAME_TIME:
        raise InputError(
            f"--at: no field was saved at {duration_text(time)}; the run has "
            f"{duration_text(float(times[0]))} to {duration_text(float(times[-1]))}. "
            "Choose a time it has."
        )
    return nearest


def _draw_floor(
    figure: Figure, axes: Any, run: xr.Dataset, spec: ModelSpec, frame: int, ligand: str | None
) -> Any:
    """Ligand over the whole floor; returns its image, or None if there is no ligand."""
    width, length = spec.dish.width, spec.dish.length
    axes.set(xticks=[], yticks=[], aspect="equal", xlim=(0, width), ylim=(0, length))
    if ligand is None:
        axes.set_facecolor(_NO_FIELD)
        return None
    values = run[ligand][frame].values.astype(float)
    name = spec.ligand[ligand].label
    label = f"{name} in the medium at the floor [nM]"
    mean = float(np.nanmean(values))
    if np.nanstd(values) < _UNIFORM * mean:
        values = values - mean
        label = f"{name} at the floor, difference from its mean of {mean:.3g} nM [nM]"
    low, high = np.nanquantile(values, [0.0, _BRIGHTEST])
    if np.nanmax(values) > high:
        label = label.replace(" [nM]", f"; brightest {np.nanmax(values):.2g} [nM]")
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
    bar.set_label(label)
    return image


def _at(run: xr.Dataset, frame: int, name: str) -> Array:
    """One frame of a variable, without reading the others."""
    values: Array = run[name][frame].values
    return values


def _draw_dots(axes: Any, run: xr.Dataset, frame: int, time: float | None) -> None:
    """Bodies as they are, and cells at a time [s] as dots, on a floor too wide for more."""
    _draw_bodies(axes, run, frame, None).set(linewidth=0.0, rasterized=True)
    if time is None:
        return
    n = observation_index(run, time)
    x, y, held = (run[f"cell_{name}"][:, n].values for name in ("x", "y", "state"))
    for state, colour in ((0, _CRAWLING), (1, _HELD)):
        chosen = held == state
        axes.scatter(
            x[chosen], y[chosen], s=_DOT, color=colour, linewidths=0.0, zorder=6, rasterized=True
        )


def _draw_bodies(axes: Any, run: xr.Dataset, frame: int, view: _View | None) -> EllipseCollection:
    x, y, major, minor, angle = (
        _at(run, frame, f"body_{name}") for name in ("x", "y", "semi_major", "semi_minor", "angle")
    )
    there = np.isfinite(x) if view is None else view.reaches(x, y)
    bodies = _ellipses(
        axes, x[there], y[there], 2 * major[there], 2 * minor[there], np.degrees(angle[there])
    )
    bodies.set(facecolor=f"{_BODY}55", edgecolor=_BODY, linewidth=1.0)
    return bodies


def _draw_stroma(axes: Any, run: xr.Dataset, frame: int, ligand: str | None, view: _View) -> None:
    def at(name: str) -> Array:
        return _at(run, frame, name)

    across, along = run["x"].values, run["y"].values
    columns = slice(*np.searchsorted(across, (view.left, view.right)))
    rows = slice(*np.searchsorted(along, (view.low, view.high)))
    network = (at("region")[rows, columns] == Region.MIGRASOME_NETWORK).astype(float)
    if network.any():
        axes.contour(
            across[columns],
            along[rows],
            network,
            levels=[0.5],
            colors=_NETWORK,
            linewidths=0.8,
            linestyles="dotted",
        )
    _draw_bodies(axes, run, frame, view)
    courses = np.stack([at("fibre_x"), at("fibre_y")], axis=-1)
    seen = courses[view.reaches(courses[:, 0, 0], courses[:, 0, 1])]
    axes.add_collection(
        LineCollection([c[np.isfinite(c[:, 0])] for c in seen], colors=_NETWORK, linewidths=0.7)
    )
    x, y, diameter = at("migrasome_x"), at("migrasome_y"), 2 * at("migrasome_radius")
    carrying = np.zeros(len(x), dtype=bool)
    if ligand is not None:
        carrying = at(f"migrasome_{ligand}_secretion_rate") > 0
    # Migrasomes are drawn larger than they are, or nobody would see them.
    for chosen, colour, larger in ((~carrying, _NETWORK, 2.5), (carrying, _CARRYING, 4.0)):
        kept = chosen & view.reaches(x, y)
        size = larger * diameter[kept]
        discs = _ellipses(axes, x[kept], y[kept], size, size, np.zeros(int(kept.sum())))
        discs.set(facecolor=colour, edgecolor="none", zorder=3)


def _ellipses(
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


def _draw_cells(axes: Any, run: xr.Dataset, spec: ModelSpec, time: float, view: _View) -> None:
    n = observation_index(run, time)
    times = observation_times(run)
    recent = (times >= times[n] - TRACK_LENGTH) & (times <= times[n])
    x, y, held = (run[f"cell_{name}"].values for name in ("x", "y", "state"))
    seen = view.reaches(x[:, n], y[:, n])
    x, y, held = x[seen], y[seen], held[seen, n] == 1
    tracks = np.stack([x[:, recent], y[:, recent]], axis=-1)
    axes.add_collection(LineCollection(list(tracks), colors="black", linewidths=0.8, zorder=5))
    for chosen, colour in ((~held, _CRAWLING), (held, _HELD)):
        size = np.full(int(chosen.sum()), spec.haematopoietic.diameter)
        discs = _ellipses(axes, x[chosen, n], y[chosen, n], size, size, np.zeros_like(size))
        discs.set(facecolor=colour, edgecolor="black", linewidth=0.5, zorder=6)


def _draw_scale_bar(axes: Any, view: _View) -> None:
    width, length = view.right - view.left, view.high - view.low
    bar = _round_length(width / 6.0)
    left, low = view.left + width * 0.97 - bar, view.low + length * 0.035
    for colour, thickness in (("white", 6.0), ("black", 3.0)):
        axes.plot([left, left + bar], [low, low], color=colour, lw=thickness, zorder=8)
    axes.text(
        left + 0.5 * bar,
        low + 0.014 * length,
        f"{bar:g} µm" if bar < 1000.0 else f"{bar / 1000.0:g} mm",
        ha="center",
        va="bottom",
        fontsize=9,
        zorder=8,
        bbox={"facecolor": "white", "alpha": 0.75, "pad": 1, "lw": 0},
    )


def _draw_legend(figure: Figure, spec: ModelSpec, ligand: str | None, with_cells: bool) -> None:
    handles: list[Any] = [
        Patch(facecolor=f"{_BODY}55", edgecolor=_BODY, label="MSC body"),
        Line2D(
            [], [], color=_NETWORK, lw=1, marker="o", ms=3, label="fibre with migrasomes (enlarged)"
        ),
        Line2D([], [], color=_NETWORK, lw=1, ls="dotted", label="outline of the network"),
    ]
    if ligand is not None:
        label = f"migrasome secreting {spec.ligand[ligand].label} (enlarged)"
        handles.append(Line2D([], [], color=_CARRYING, lw=0, marker="o", ms=5, label=label))
    if with_cells:
        cell = spec.haematopoietic.label
        for colour, what in ((_CRAWLING, "crawling, with its last hour's track"), (_HELD, "held")):
            handles.append(
                Line2D(
                    [],
                    [],
                    color="black",
                    lw=0.8 if colour == _CRAWLING else 0,
                    marker="o",
                    mfc=colour,
                    ms=6,
                    label=f"{cell} cell, {what}",
                )
            )
    figure.legend(handles=handles, loc="outside lower left", ncols=3, frameon=False, fontsize=8.5)


def _round_length(length: float) -> float:
    """Largest of 1, 2, 5 times a power of ten below a length.

    Examples
    --------
    >>> _round_length(233.0)
    200.0
    """
    power = 10.0 ** math.floor(math.log10(length))
    return max(float(power * step) for step in (1, 2, 5) if power * step <= length)


def _draw_fold_changes(axes: Any, run: xr.Dataset) -> None:
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
    axes.set_xticks(range(len(ENRICHED)), [REGION_LABELS[r].replace(" ", "\n") for r in ENRICHED])
    axes.set_ylabel("cells per area, fold change over free surface")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", frameon=False, fontsize=8.5)
    axes.set_ylim(top=1.25 * axes.get_ylim()[1])
    axes.spines[["top", "right"]].set_visible(False)
