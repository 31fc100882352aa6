"""Pictures of runs, drawn from run files alone."""

import math
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, ScalarFormatter
from numpy.typing import NDArray

from sdf1_field.analysis import (
    ENRICHED,
    SAME_TIME,
    default_times,
    fold_changes,
    observation_index,
    observation_times,
    run_census,
    run_encounter_limit,
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


def plot_run(run: xr.Dataset, *, time: float | None = None, ligand: str | None = None) -> Figure:
    """Floor ligand with bodies, network and cells, and the fold changes beside it.

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
    shown = ligand or next(iter(spec.solved_ligands), None)
    frame = _frame(run, time)
    at = float(run["time"].values[frame])
    with_cells = "cell_time" in run
    figure = Figure(figsize=(10.9, 7.6) if with_cells else (8.6, 7.6), layout="constrained")
    grid = figure.add_gridspec(1, 2 if with_cells else 1, width_ratios=[3.7, 1][: 1 + with_cells])
    floor = figure.add_subplot(grid[0])
    _draw_floor(figure, floor, run, spec, frame, shown)
    _draw_stroma(floor, run, frame, shown)
    if with_cells and at >= 0:
        _draw_cells(floor, run, spec, at)
    _draw_scale_bar(floor, spec)
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
        _draw_fold_changes(figure.add_subplot(grid[1]), run)
    return figure


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
) -> None:
    width, length = spec.dish.width, spec.dish.length
    axes.set(xticks=[], yticks=[], aspect="equal", xlim=(0, width), ylim=(0, length))
    if ligand is None:
        axes.set_facecolor("#8a8a8a")
        return
    values = run[ligand].values[frame].astype(float)
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


def _draw_stroma(axes: Any, run: xr.Dataset, frame: int, ligand: str | None) -> None:
    def at(name: str) -> Array:
        values: Array = run[name].values[frame]
        return values

    regions = run["region"].values[frame]
    network = (regions == Region.MIGRASOME_NETWORK).astype(float)
    if network.any():
        axes.contour(
            run["x"].values,
            run["y"].values,
            network,
            levels=[0.5],
            colors=_NETWORK,
            linewidths=0.8,
            linestyles="dotted",
        )
    there = np.isfinite(at("body_x"))
    bodies = _ellipses(
        axes,
        at("body_x")[there],
        at("body_y")[there],
        2 * at("body_semi_major")[there],
        2 * at("body_semi_minor")[there],
        np.degrees(at("body_angle")[there]),
    )
    bodies.set(facecolor=f"{_BODY}55", edgecolor=_BODY, linewidth=1.0)
    courses = np.stack([at("fibre_x"), at("fibre_y")], axis=-1)
    axes.add_collection(
        LineCollection([c[np.isfinite(c[:, 0])] for c in courses], colors=_NETWORK, linewidths=0.7)
    )
    x, y, diameter = at("migrasome_x"), at("migrasome_y"), 2 * at("migrasome_radius")
    carrying = np.zeros(len(x), dtype=bool)
    if ligand is not None:
        carrying = at(f"migrasome_{ligand}_secretion_rate") > 0
    # Migrasomes are drawn larger than they are, or nobody would see them.
    for chosen, colour, larger in ((~carrying, _NETWORK, 2.5), (carrying, _CARRYING, 4.0)):
        kept = chosen & np.isfinite(x)
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


def _draw_cells(axes: Any, run: xr.Dataset, spec: ModelSpec, time: float) -> None:
    n = observation_index(run, time)
    times = observation_times(run)
    recent = (times >= times[n] - TRACK_LENGTH) & (times <= times[n])
    x, y = run["cell_x"].values, run["cell_y"].values
    tracks = np.stack([x[:, recent], y[:, recent]], axis=-1)
    axes.add_collection(LineCollection(list(tracks), colors="black", linewidths=0.8, zorder=5))
    held = run["cell_state"].values[:, n] == 1
    for chosen, colour in ((~held, _CRAWLING), (held, _HELD)):
        size = np.full(int(chosen.sum()), spec.haematopoietic.diameter)
        discs = _ellipses(axes, x[chosen, n], y[chosen, n], size, size, np.zeros_like(size))
        discs.set(facecolor=colour, edgecolor="black", linewidth=0.5, zorder=6)


def _draw_scale_bar(axes: Any, spec: ModelSpec) -> None:
    width, length = spec.dish.width, spec.dish.length
    bar = _round_length(width / 6.0)
    left, low = width * 0.97 - bar, length * 0.035
    for colour, thickness in (("white", 6.0), ("black", 3.0)):
        axes.plot([left, left + bar], [low, low], color=colour, lw=thickness, zorder=8)
    axes.text(
        left + 0.5 * bar,
        low + 0.014 * length,
        f"{bar:g} µm",
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
    changes = [fold_changes([run_census(run, t)]).pooled for t in times]
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
