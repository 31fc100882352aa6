"""Run files as experiments: dishes that belong together, when cells were seen, and over what."""

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.census import Census, Survey, count_cells, density_fold_change, survey
from sdf1_field.analysis.tracks import Tracks, tracks_of
from sdf1_field.errors import InputError
from sdf1_field.record import model_of
from sdf1_field.scene import Region, RegionMap, region_areas
from sdf1_field.simulation import encounter_limit, model_grid
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

ENCOUNTER_REPEATS = 8
_ENOUGH_CELLS = 2000
"""At most how often the encounter limit is repeated, and cells of all together that are enough."""
SAME_TIME = 0.5
"""Times closer than this are the same observation [s]."""
_OF_THE_DISH = {"run.seed", "variation.donor_number", "title", "description"}
_SCENE = (
    "region",
    *(f"body_{key}" for key in ("x", "y", "semi_major", "semi_minor", "angle")),
    *(f"migrasome_{key}" for key in ("x", "y", "radius")),
)


def run_name(run: xr.Dataset) -> str:
    """File a run was opened from, for messages."""
    return str(run.encoding.get("source", "this run"))


def observation_times(run: xr.Dataset) -> Array:
    """Times at which the cells of a run were saved [s].

    Raises
    ------
    InputError
        If the run has no cells.
    """
    if "cell_time" not in run:
        raise InputError(
            f"{run_name(run)}: has no cells to analyse. Solve a transient model with cells."
        )
    times: Array = run["cell_time"].values[0]
    return times


def cell_places(run: xr.Dataset) -> tuple[Array, Array]:
    """Centres of a run's cells at all times in x and y [um], shape (cell, time) each.

    Raises
    ------
    InputError
        If the run has no cells, or if a cell is nowhere at some time.
    """
    times, x, y = observation_times(run), run["cell_x"].values, run["cell_y"].values
    lost = ~(np.isfinite(x) & np.isfinite(y))
    if lost.any():
        first = int(np.argmax(lost.any(axis=0)))
        raise InputError(
            f"{run_name(run)}: {np.count_nonzero(lost[:, first])} of {len(x)} cells have no place "
            f"at {duration_text(float(times[first]))}. Solve the model again; a run with such "
            "cells is not sound."
        )
    return x, y


def observation_index(run: xr.Dataset, time: float) -> int:
    """Index of the observation of cells at a time.

    Raises
    ------
    InputError
        If the run has no cells, or none at that time.
    """
    times = observation_times(run)
    nearest = int(np.argmin(np.abs(times - time)))
    if abs(times[nearest] - time) > SAME_TIME:
        raise InputError(
            f"{run_name(run)}: no cells were saved at {duration_text(time)}; they were from "
            f"{duration_text(times[0])} to {duration_text(times[-1])} every "
            f"{duration_text(float(times[1] - times[0]) if len(times) > 1 else 0.0)}. "
            "Choose one of these times."
        )
    return nearest


def default_times(run: xr.Dataset) -> list[float]:
    """The papers' 4 and 12 h where the run has them, else its last time [s]."""
    times = observation_times(run)
    wanted = [t for t in (4 * 3600.0, 12 * 3600.0) if np.any(np.abs(times - t) < SAME_TIME)]
    return wanted or [float(times[-1])]


def require_one_experiment(runs: Sequence[xr.Dataset]) -> None:
    """Raise InputError unless the runs are different dishes of one model."""
    values = [_values(run) for run in runs]
    seeds: dict[int, str] = {}
    for run, own in zip(runs, values, strict=True):
        different = _difference(own, values[0])
        if different:
            raise InputError(
                f"{run_name(run)}: differs from {run_name(runs[0])} in {different}. Analyse "
                "different experiments one by one."
            )
        seed = int(run.attrs["seed"])
        if seed in seeds:
            raise InputError(
                f"{run_name(run)}: is the same dish as {seeds[seed]} (seed {seed}). Give it once."
            )
        seeds[seed] = run_name(run)


def require_another_dish(runs: Sequence[xr.Dataset], control: Sequence[xr.Dataset]) -> None:
    """Raise InputError if a run is its own control."""
    if _difference(_values(runs[0]), _values(control[0])):
        return
    seeds = {int(run.attrs["seed"]): run_name(run) for run in runs}
    for run in control:
        seed = int(run.attrs["seed"])
        if seed in seeds:
            raise InputError(
                f"--against: {run_name(run)} is the same dish as {seeds[seed]} (seed {seed}). "
                "Give another experiment, or other seeds."
            )


def _values(run: xr.Dataset) -> dict[str, object]:
    entries = model_of(run).entries
    return {path: e.value for path, e in entries.items() if path not in _OF_THE_DISH}


def _difference(own: dict[str, object], other: dict[str, object]) -> str:
    """First value in which two models differ; empty if in none."""
    different = (p for p in own.keys() | other.keys() if own.get(p) != other.get(p))
    return min(different, default="")


def run_regions(run: xr.Dataset, time: float) -> RegionMap:
    """Region map of a run, the last saved at or before a time [s]."""
    regions: RegionMap = run["region"][_frame(run, time)].values.astype(np.uint8)
    return regions


def _frame(run: xr.Dataset, time: float) -> int:
    """Index of the last field at or before a time [s]."""
    return max(int(np.searchsorted(run["time"].values, time + SAME_TIME)) - 1, 0)


def has_stroma(run: xr.Dataset) -> bool:
    """Whether there is any MSC or network in a run."""
    stroma = (Region.MSC, Region.MIGRASOME_NETWORK)
    # The stroma is placed before the first frame, so that one is nearly always enough.
    return any(bool(np.isin(frame.values, stroma).any()) for frame in run["region"])


def scene_frames(run: xr.Dataset, times: Sequence[float] | Array) -> list[int]:
    """For each time [s] the first frame that shows the same bodies, migrasomes and regions.

    Of a stroma that stays as it is, that is one frame for all times.
    """
    count = run.sizes["time"]
    changed = np.zeros(count, dtype=np.bool_)
    for name in _SCENE:
        before = run[name][0].values
        for n in range(1, count):
            values = run[name][n].values
            changed[n] |= not np.array_equal(values, before, equal_nan=values.dtype.kind == "f")
            before = values
    first = np.maximum.accumulate(np.where(changed, np.arange(count), 0))
    return [int(first[_frame(run, float(time))]) for time in times]


def run_censuses(run: xr.Dataset, times: Sequence[float]) -> list[Census]:
    """Censuses of a run's cells at some times [s].

    Raises
    ------
    InputError
        If the run has no cells at one of these times.
    """
    spec = model_of(run).spec
    chosen = [observation_index(run, time) for time in times]
    x, y = cell_places(run)
    surveys: dict[int, Survey] = {}
    censuses = []
    for n, frame, time in zip(chosen, scene_frames(run, times), times, strict=True):
        if frame not in surveys:
            surveys[frame] = survey(
                run["region"][frame].values.astype(np.uint8),
                model_grid(spec),
                radius=0.5 * spec.haematopoietic.diameter,
            )
        censuses.append(count_cells(surveys[frame], x[:, n], y[:, n], time=time))
    return censuses


def run_census(run: xr.Dataset, time: float) -> Census:
    """Census of a run's cells at a time [s].

    Raises
    ------
    InputError
        If the run has no cells at that time.
    """
    (census,) = run_censuses(run, [time])
    return census


def run_encounter_limit(run: xr.Dataset, times: Sequence[float]) -> Array:
    """Fold changes if the run's regions were perfectly sticky and attracted nothing.

    Parameters
    ----------
    run : xarray.Dataset
    times : sequence of float
        Rising [s].

    Returns
    -------
    ndarray, shape (len(times), 2)
    """
    spec = model_of(run).spec
    regions = run_regions(run, times[-1])
    repeats = min(ENCOUNTER_REPEATS, math.ceil(_ENOUGH_CELLS / spec.cell_count))
    counts = encounter_limit(
        spec, regions, list(times), seed=int(run.attrs["seed"]), repeats=repeats
    )
    grid = model_grid(spec)
    return density_fold_change(counts, region_areas(regions, grid.dx * grid.dy))


def run_tracks(run: xr.Dataset) -> Tracks:
    """Tracks of a run's cells over its evenly spaced frames.

    Raises
    ------
    InputError
        If the run has no cells, or only one frame of them.
    """
    times, dish = observation_times(run), model_of(run).spec.dish
    x, y = cell_places(run)
    return tracks_of(times, x, y, (dish.width, dish.length), name=run_name(run))
