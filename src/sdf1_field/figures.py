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
    default_times,
    fold_changes,
    observation_index,
    observation_times,
    run_census,
    run_encounter_limit,
)
from sdf1_field.errors import InputError
from sdf1_field.record import ligand_label, model_of
from sdf1_field.scene import REGION_LABELS
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

TRACK_LENGTH = 3600.0
"""How far back tracks are drawn [s]."""
_UNIFORM = 1e-2
"""Deviation over mean below which a map shows the deviation."""
# Okabe and Ito's palette, told apart by colour-blind readers; on a viridis-like map of greys.
_BODY, _NETWORK, _HELD, _CRAWLING, _CARRYING = "#0072B2", "#009E73", "#D55E00", "#FFFFFF", "#CC79A7"


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
        raise InputError(f"the run has no field of '{ligand}'. It has: {known}.")
    shown = ligand or next(iter(spec.solved_ligands), None)
    with_cells = "cell_time" in run and run.sizes["trajectory"] > 0
    figure = Figure(figsize=(11.5, 7.2) if with_cells else (8.4, 7.2), layout="constrained")
    axes = figure.subplots(
        1, 2 if with_cells else 1, squeeze=False,
        width_ratios=[3.4, 1] if with_cells else [1],
    )[0]  # fmt: skip
    frame = _frame(run, time)
    at = float(run["time"].values[frame])
    _draw_floor(figure, axes[0], run, frame, shown)
    _draw_stroma(axes[0], run, frame, shown)
    if with_cells and at >= 0:
        _draw_cells(axes[0], run, at)
    _finish_map(axes[0], run, with_cells and at >= 0, shown)
    when = "steady state" if spec.run.mode == "steady" else f"{duration_text(at)} of co-culture"
    if at < 0:
        when = f"{duration_text(-at)} before the cells are added"
    axes[0].set_title(
        f"{spec.title}\n{when}, dish {int(run.attrs['seed'])}", fontsize=11, loc="left"
    )
    if with_cells:
        _draw_fold_changes(axes[1], run)
    return figure


def _frame(run: xr.Dataset, time: float | None) -> int:
    times = run["time"].values
    if time is None:
        return len(times) - 1
    nearest = int(np.argmin(np.abs(times - time)))
    if abs(times[nearest] - time) > 0.5:
        raise InputError(
            f"no field was saved at {duration_text(time)}; the run has "
            f"{duration_text(float(times[0]))} to {duration_text(float(times[-1]))}. "
            "Choose a time it has."
        )
    return nearest


def _draw_floor(figure: Figure, axes: Any, run: xr.Dataset, frame: int, ligand: str | None) -> None:
    spec = model_of(run).spec
    extent = (0.0, spec.dish.width, 0.0, spec.dish.length)
    if ligand is None:
        axes.set_facecolor("#eeeeee")
        axes.set_xlim(extent[0], extent[1])
        axes.set_ylim(extent[2], extent[3])
        return
    values = run[ligand].values[frame].astype(float)
    label = f"{ligand_label(ligand)} in the medium at the floor [nM]"
    mean = float(values.mean())
    if values.std() < _UNIFORM * mean:
        values = values - mean
        label = (
            f"{ligand_label(ligand)} at the floor, difference from its mean of {mean:.3g} nM [nM]"
        )
    low, high = np.quantile(values, [0.0, 0.998])
    if high <= low:
        high = low + max(abs(low), 1e-12)
    image = axes.imshow(
        values, origin="lower", extent=extent, cmap="cividis", norm=Normalize(low, high),
        interpolation="nearest",
    )  # fmt: skip
    formatter = ScalarFormatter(useMathText=True)
    formatter.set_powerlimits((-2, 3))
    bar = figure.colorbar(
        image, ax=axes, location="left", shrink=0.85, pad=0.02, extend="max", format=formatter,
        ticks=MaxNLocator(6),
    )  # fmt: skip
    bar.set_label(label)


def _draw_stroma(axes: Any, run: xr.Dataset, frame: int, ligand: str | None) -> None:
    def at(name: str) -> Array:
        values: Array = run[name].values[frame]
        return values

    there = np.isfinite(at("body_x"))
    bodies = EllipseCollection(
        2 * at("body_semi_major")[there], 2 * at("body_semi_minor")[there],
        np.degrees(at("body_angle")[there]), units="xy", transOffset=axes.transData,
        offsets=np.column_stack([at("body_x")[there], at("body_y")[there]]),
        facecolors=f"{_BODY}66", edgecolors=_BODY, linewidths=1.0,
    )  # fmt: skip
    axes.add_collection(bodies)
    courses = np.stack([at("fibre_x"), at("fibre_y")], axis=-1)
    axes.add_collection(
        LineCollection([c[np.isfinite(c[:, 0])] for c in courses], colors=_NETWORK, linewidths=0.7)
    )
    x, y, radius = at("migrasome_x"), at("migrasome_y"), at("migrasome_radius")
    carrying = np.zeros(len(x), dtype=bool)
    if ligand is not None:
        carrying = at(f"migrasome_{ligand}_secretion_rate") > 0
    for chosen, colour, order in ((~carrying, _NETWORK, 3), (carrying, _CARRYING, 4)):
        chosen = chosen & np.isfinite(x)
        size = 4.0 if colour == _CARRYING else 2.5
        axes.add_collection(
            EllipseCollection(
                size * radius[chosen], size * radius[chosen], np.zeros(int(chosen.sum())),
                units="xy", transOffset=axes.transData, zorder=order,
                offsets=np.column_stack([x[chosen], y[chosen]]), facecolors=colour,
                edgecolors="none",
            )
        )  # fmt: skip


def _draw_cells(axes: Any, run: xr.Dataset, time: float) -> None:
    spec = model_of(run).spec
    n = observation_index(run, time)
    times = observation_times(run)
    recent = (times >= times[n] - TRACK_LENGTH) & (times <= times[n])
    x, y = run["cell_x"].values, run["cell_y"].values
    tracks = np.stack([x[:, recent], y[:, recent]], axis=-1)
    axes.add_collection(LineCollection(list(tracks), colors="#000000", linewidths=0.8, zorder=5))
    held = run["cell_state"].values[:, n] == 1
    for chosen, colour in ((~held, _CRAWLING), (held, _HELD)):
        count = int(chosen.sum())
        axes.add_collection(
            EllipseCollection(
                np.full(count, spec.haematopoietic.diameter),
                np.full(count, spec.haematopoietic.diameter), np.zeros(count), units="xy",
                transOffset=axes.transData, zorder=6,
                offsets=np.column_stack([x[chosen, n], y[chosen, n]]), facecolors=colour,
                edgecolors="black", linewidths=0.5,
            )
        )  # fmt: skip


def _finish_map(axes: Any, run: xr.Dataset, with_cells: bool, ligand: str | None) -> None:
    spec = model_of(run).spec
    width, length = spec.dish.width, spec.dish.length
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    bar = _round_length(width / 6.0)
    left, low = width * 0.97 - bar, length * 0.035
    for colour, thickness in (("white", 6.0), ("black", 3.0)):
        axes.plot(
            [left, left + bar],
            [low, low],
            color=colour,
            lw=thickness,
            solid_capstyle="butt",
            zorder=8,
        )
    axes.text(
        left + 0.5 * bar, low + 0.014 * length, f"{bar:g} µm", ha="center", va="bottom",
        fontsize=9, zorder=8, bbox={"facecolor": "white", "alpha": 0.75, "pad": 1, "lw": 0},
    )  # fmt: skip
    name = spec.cells.type.upper().replace("KG1A", "KG-1a")
    handles: list[Any] = [
        Patch(facecolor=f"{_BODY}66", edgecolor=_BODY, label="MSC body"),
        Line2D([], [], color=_NETWORK, lw=1, marker="o", ms=3, label="fibre with migrasomes"),
    ]
    if ligand is not None:
        handles.append(
            Line2D([], [], color=_CARRYING, lw=0, marker="o", ms=5,
                   label=f"migrasome secreting {ligand_label(ligand)}")
        )  # fmt: skip
    if with_cells:
        handles += [
            Line2D([], [], color="black", lw=0.8, marker="o", mfc=_CRAWLING, ms=6,
                   label=f"{name}, crawling (last hour's track)"),
            Line2D([], [], color="black", lw=0, marker="o", mfc=_HELD, ms=6, label=f"{name}, held"),
        ]  # fmt: skip
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=3, frameon=False,
        fontsize=8.5,
    )  # fmt: skip
    axes.set_xlim(0, width)
    axes.set_ylim(0, length)


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
    for k, (time, change, limit) in enumerate(zip(times, changes, limits, strict=True)):
        place = np.arange(len(ENRICHED)) + (k - 0.5 * (len(times) - 1)) * width
        shade = ["#9ecae1", "#3182bd"] if len(times) > 1 else ["#3182bd"]
        axes.bar(place, change, 0.92 * width, color=shade[k % len(shade)], edgecolor="black", lw=0.6,
                 label=f"after {duration_text(time)}")  # fmt: skip
        axes.scatter(
            place, limit, marker="_", s=260, color=_HELD, lw=2, zorder=3,
            label="encounter limit" if k == 0 else None,
        )  # fmt: skip
    axes.axhline(1.0, color="#cc0000", ls="--", lw=1, label="as on free surface")
    axes.set_xticks(range(len(ENRICHED)), [REGION_LABELS[r].replace(" ", "\n") for r in ENRICHED])
    axes.set_ylabel("density fold change over free surface")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), frameon=False, fontsize=8.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
