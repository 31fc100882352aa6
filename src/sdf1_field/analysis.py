"""From places of cells to the papers' numbers: densities, fold changes, tests.

Fold change = (cells per area of a region) / (cells per area of free surface), counted in one dish;
a cell belongs to the region under its centre (Deniz et al. 2023, Methods).
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage, stats

from sdf1_field.errors import InputError
from sdf1_field.grid import Grid
from sdf1_field.random import Stream, generator
from sdf1_field.record import model_of
from sdf1_field.scene import REGION_LABELS, Region, RegionMap, region_areas
from sdf1_field.simulate import encounter_limit, model_grid
from sdf1_field.units import MM2_PER_UM2, duration_text

Array = NDArray[np.float64]

ENRICHED = (Region.MSC, Region.MIGRASOME_NETWORK)
_RESAMPLES = 2000
ENCOUNTER_REPEATS = 8
SAME_TIME = 0.5
"""Times closer than this are the same observation [s]."""
_OF_THE_DISH = {"run.seed", "variation.donor_number", "title", "description"}


@dataclass(frozen=True, eq=False)
class Census:
    """Cells per region of one dish at one time; arrays in the order of `Region`.

    Parameters
    ----------
    time : float
        [s].
    areas : ndarray, shape (3,)
        [um**2].
    counts : ndarray, shape (3,)
        Cells whose centre is over the region.
    touching : ndarray, shape (3,)
        Cells whose edge reaches the region: MSC before network before free surface.
    touching_areas : ndarray, shape (3,)
        Where a centre must be for that [um**2].
    """

    time: float
    areas: Array
    counts: Array
    touching: Array
    touching_areas: Array


def take_census(
    regions: RegionMap, grid: Grid, x: Array, y: Array, *, radius: float, time: float
) -> Census:
    """Count the cells of one dish.

    Parameters
    ----------
    regions : ndarray of uint8, shape (ny, nx)
    grid : Grid
    x, y : ndarray, shape (cell,)
        Centres [um].
    radius : float
        Of the cells [um].
    time : float
        [s].
    """
    touched = np.zeros_like(regions)
    for region in reversed(ENRICHED):
        apart = ndimage.distance_transform_edt(regions != region, sampling=(grid.dy, grid.dx))
        if (regions == region).any():
            # Distances are to the centres of the region's cells, half a cell inside its edge.
            touched[apart - 0.5 * min(grid.dx, grid.dy) <= radius] = region
    place = grid.index(x, y)
    return Census(
        time=time,
        areas=region_areas(regions, grid.dx * grid.dy),
        counts=np.bincount(regions[place], minlength=len(Region)).astype(float),
        touching=np.bincount(touched[place], minlength=len(Region)).astype(float),
        touching_areas=region_areas(touched, grid.dx * grid.dy),
    )


def density_fold_change(counts: Array, areas: Array) -> Array:
    """Density on MSC and on the network relative to free surface.

    Parameters
    ----------
    counts, areas : ndarray, shape (..., 3)
        Cells, and areas in any one unit, in the order of `Region`.

    Returns
    -------
    ndarray, shape (..., 2)
        NaN where a region is missing or no cell is on free surface.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        density = np.asarray(counts, dtype=float) / np.asarray(areas, dtype=float)
        change = density[..., 1:] / density[..., :1]
    result: Array = np.where(np.isfinite(change), change, np.nan)
    return result


@dataclass(frozen=True, eq=False)
class FoldChange:
    """Fold changes on MSC and on the network over several dishes; arrays of shape (2,).

    Parameters
    ----------
    pooled : ndarray
        Ratio of sums over dishes.
    interval : ndarray, shape (2, 2)
        Lower and upper ends of the 95 % bootstrap interval over dishes, per region; NaN for
        fewer than two dishes.
    mean, deviation : ndarray
        Mean and standard deviation of the dishes' own fold changes, as the papers report.
    each : ndarray, shape (dish, 2)
    """

    pooled: Array
    interval: Array
    mean: Array
    deviation: Array
    each: Array


def fold_changes(censuses: Sequence[Census], *, touching: bool = False) -> FoldChange:
    """Fold changes of dishes at one time.

    Parameters
    ----------
    censuses : sequence of Census
        One for each dish.
    touching : bool
        Count cells that touch a region instead of those centred on it.
    """
    counts = np.array([c.touching if touching else c.counts for c in censuses])
    areas = np.array([c.areas for c in censuses])
    each = density_fold_change(counts, areas)
    interval = np.full((2, 2), np.nan)
    if len(censuses) > 1:
        picks = generator(0, Stream.BOOTSTRAP).integers(
            len(censuses), size=(_RESAMPLES, len(censuses))
        )
        resampled = density_fold_change(counts[picks].sum(axis=1), areas[picks].sum(axis=1))
        with warnings.catch_warnings():
            # A region that no dish has gives no interval, and says so by NaN.
            warnings.simplefilter("ignore", RuntimeWarning)
            interval = np.nanquantile(resampled, [0.025, 0.975], axis=0)
    return FoldChange(
        pooled=density_fold_change(counts.sum(axis=0), areas.sum(axis=0)),
        interval=interval.T if len(censuses) > 1 else interval,
        mean=each.mean(axis=0),
        deviation=each.std(axis=0, ddof=1) if len(each) > 1 else np.full(2, np.nan),
        each=each,
    )


def unpaired_t_test(control: Sequence[float], treated: Sequence[float]) -> float:
    """Two-sided p of Student's unpaired t test, as in the papers; NaN if there is no scatter.

    Examples
    --------
    >>> round(unpaired_t_test([5.0, 6.0, 7.0], [2.0, 3.0, 4.0]), 4)
    0.0213
    """
    a, b = np.asarray(control, dtype=float), np.asarray(treated, dtype=float)
    freedom = len(a) + len(b) - 2
    if min(len(a), len(b)) < 2:
        return math.nan
    squares = float(((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum())
    if not squares > 0.0:
        return math.nan
    error = math.sqrt(squares / freedom * (1.0 / len(a) + 1.0 / len(b)))
    return float(2.0 * stats.t.sf(abs(float(a.mean() - b.mean())) / error, freedom))


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
            f"{_name(run)}: no cells were saved at {duration_text(time)}; they were from "
            f"{duration_text(times[0])} to {duration_text(times[-1])} every "
            f"{duration_text(float(times[1] - times[0]) if len(times) > 1 else 0.0)}. "
            "Choose one of these times."
        )
    return nearest


def observation_times(run: xr.Dataset) -> Array:
    """Times at which the cells of a run were saved [s].

    Raises
    ------
    InputError
        If the run has no cells.
    """
    if "cell_time" not in run:
        raise InputError(
            f"{_name(run)}: has no cells to analyse. Solve a transient model with cells."
        )
    times: Array = run["cell_time"].values[0]
    return times


def _name(run: xr.Dataset) -> str:
    """File a run was opened from, for messages."""
    return str(run.encoding.get("source", "this run"))


def _require_one_experiment(runs: Sequence[xr.Dataset]) -> None:
    """Raise InputError unless the runs are different dishes of one model."""
    values = [
        {p: e.value for p, e in model_of(run).entries.items() if p not in _OF_THE_DISH}
        for run in runs
    ]
    seeds: dict[int, str] = {}
    for run, own in zip(runs, values, strict=True):
        different = sorted(
            p for p in own.keys() | values[0].keys() if own.get(p) != values[0].get(p)
        )
        if different:
            raise InputError(
                f"{_name(run)}: differs from {_name(runs[0])} in {different[0]}. Analyse different "
                "experiments one by one."
            )
        seed = int(run.attrs["seed"])
        if seed in seeds:
            raise InputError(
                f"{_name(run)}: is the same dish as {seeds[seed]} (seed {seed}). Give it once."
            )
        seeds[seed] = _name(run)


def default_times(run: xr.Dataset) -> list[float]:
    """The papers' 4 and 12 h where the run has them, else its last time [s]."""
    times = observation_times(run)
    wanted = [t for t in (4 * 3600.0, 12 * 3600.0) if np.any(np.abs(times - t) < SAME_TIME)]
    return wanted or [float(times[-1])]


def run_census(run: xr.Dataset, time: float) -> Census:
    """Census of a run's cells at a time [s].

    Raises
    ------
    InputError
        If the run has no cells at that time.
    """
    spec = model_of(run).spec
    n = observation_index(run, time)
    return take_census(
        run_regions(run, time),
        model_grid(spec),
        run["cell_x"].values[:, n],
        run["cell_y"].values[:, n],
        radius=0.5 * spec.haematopoietic.diameter,
        time=time,
    )


def run_regions(run: xr.Dataset, time: float) -> RegionMap:
    """Region map of a run, the last saved at or before a time [s]."""
    frame = max(int(np.searchsorted(run["time"].values, time + SAME_TIME)) - 1, 0)
    regions: RegionMap = run["region"].values[frame].astype(np.uint8)
    return regions


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
    counts = encounter_limit(
        spec, regions, list(times), seed=int(run.attrs["seed"]), repeats=ENCOUNTER_REPEATS
    )
    grid = model_grid(spec)
    return density_fold_change(counts, region_areas(regions, grid.dx * grid.dy))


def analyse_runs(
    runs: Sequence[xr.Dataset], times: Sequence[float] | None = None
) -> list[dict[str, Any]]:
    """Table of densities and fold changes of one or several dishes.

    Parameters
    ----------
    runs : sequence of xarray.Dataset
        Dishes of one experiment.
    times : sequence of float, optional
        When to count [s]; the papers' 4 and 12 h where the runs have them.

    Returns
    -------
    list of dict
        One row for each time and region: ``time`` [s], ``region``, ``area_mm2``, ``cells``,
        ``density_per_mm2``, ``fold_change`` (ratio of sums), ``interval`` (95 % bootstrap over
        dishes), ``touching_fold_change`` and ``touching_uniform`` (what uniformly scattered cells
        would give if all that touch were counted), ``encounter_limit``; None where a value does
        not exist.

    Raises
    ------
    InputError
        If the runs are not different dishes of one model, or lack a time.
    """
    _require_one_experiment(runs)
    wanted = sorted(default_times(runs[0]) if times is None else times)
    limits = np.mean([run_encounter_limit(run, wanted) for run in runs], axis=0)
    rows = []
    for time, limit in zip(wanted, limits, strict=True):
        censuses = [run_census(run, time) for run in runs]
        centred, touching = fold_changes(censuses), fold_changes(censuses, touching=True)
        uniform = density_fold_change(
            np.sum([c.touching_areas for c in censuses], axis=0),
            np.sum([c.areas for c in censuses], axis=0),
        )
        for region in Region:
            area = sum(float(c.areas[region]) for c in censuses) * MM2_PER_UM2
            count = sum(float(c.counts[region]) for c in censuses)
            row: dict[str, Any] = {
                "time": time,
                "region": REGION_LABELS[region],
                "area_mm2": area,
                "cells": count,
                "density_per_mm2": count / area if area > 0 else None,
                "fold_change": 1.0,
                "interval": None,
                "touching_fold_change": None,
                "touching_uniform": None,
                "encounter_limit": None,
            }
            if region in ENRICHED:
                k = ENRICHED.index(region)
                row["fold_change"] = _known(centred.pooled[k])
                row["touching_fold_change"] = _known(touching.pooled[k])
                row["touching_uniform"] = _known(uniform[k])
                row["encounter_limit"] = _known(limit[k])
                if np.isfinite(centred.interval[k]).all():
                    row["interval"] = [float(v) for v in centred.interval[k]]
            rows.append(row)
    return rows


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
