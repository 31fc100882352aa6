"""Dwell times of cells over regions: episodes of consecutive frames, some right-censored."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.dishes import require_cells_and_stroma
from sdf1_field.analysis.runs import cell_places, observation_times, run_name
from sdf1_field.analysis.values import ends_or_none, or_none
from sdf1_field.errors import InputError
from sdf1_field.scene import REGION_LABELS, Region
from sdf1_field.statistics import percentile_interval, resample_counts

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Episodes:
    """Stays of cells over one region; arrays of shape (episode,).

    Parameters
    ----------
    cell : ndarray of int
        Number of the cell.
    duration : ndarray
        From the first frame over the region to the first frame off it, or to the last frame [s].
    ended : ndarray of bool
        Whether the cell was seen to leave.
    unseen_begin : int
        Stays left out because they had begun before the recording.
    """

    cell: NDArray[np.intp]
    duration: Array
    ended: NDArray[np.bool_]
    unseen_begin: int


def episodes(
    regions: NDArray[np.integer], times: Array, region: int, *, from_start: bool
) -> Episodes:
    """Episodes of cells over a region.

    A cell arrives at its first frame over the region and leaves at the first frame off it. Visits
    between two frames are not seen, so durations are too long by about half a frame, and by more
    where stays are as short as frames: `constant_rate_dwell` corrects for that. An episode that
    lasts to the end of the recording is right-censored there. An episode in the first frame has an
    unknown begin and is left out, unless cells were added then.

    Parameters
    ----------
    regions : ndarray of int, shape (cell, frame)
        Values of `Region`.
    times : ndarray, shape (frame,)
        [s].
    region : int
    from_start : bool
        Whether the first frame is when the cells were added.
    """
    over = np.pad((regions == region).astype(np.int8), ((0, 0), (1, 1)))
    change = np.diff(over, axis=1)
    cell, begin = np.nonzero(change == 1)
    _, end = np.nonzero(change == -1)
    ended = end < len(times)
    duration = times[np.minimum(end, len(times) - 1)] - times[begin]
    kept = np.ones(len(cell), dtype=np.bool_) if from_start else begin > 0
    return Episodes(cell[kept], duration[kept], ended[kept], int((~kept).sum()))


@dataclass(frozen=True)
class DwellTime:
    """Kaplan and Meier's estimate of how long an episode lasts; NaN where unknown.

    Parameters
    ----------
    mean : float
        Area under the survival curve up to the longest duration seen [s].
    interval : tuple of float
        95 % bootstrap interval of the mean over cells [s]; NaN where no cell was seen to leave.
    median : float
        When half have left [s]; NaN if half never do.
    restricted : bool
        Whether some outlast the longest duration seen, so that the mean is a lower bound.
    """

    mean: float
    interval: tuple[float, float]
    median: float
    restricted: bool


def constant_rate_dwell(stays: Episodes, interval: float) -> float:
    """Mean stay of cells that leave at a constant rate, corrected for the time between frames [s].

    A stay seen in one frame lasts to the next with the probability ``exp(-dt / tau)``, estimated by
    one less the departures over the frames at risk, so ``tau = -dt / ln(1 - departures / frames)``.
    Cells that leave and return between two frames bias it. NaN if no stay was seen, or if none
    lasts to a second frame; infinite if no cell leaves.

    Parameters
    ----------
    stays : Episodes
    interval : float
        Between frames [s].
    """
    at_risk = float(stays.duration.sum()) / interval
    if not at_risk > 0.0:
        return math.nan
    staying = 1.0 - float(stays.ended.sum()) / at_risk
    if staying <= 0.0:
        return math.nan
    return math.inf if staying == 1.0 else -interval / math.log(staying)


def dwell_time(stays: Episodes) -> DwellTime:
    """Mean and median duration of episodes, right-censored by the end of the recording.

    References
    ----------
    Kaplan & Meier (1958) J. Am. Stat. Assoc. 53:457, 10.1080/01621459.1958.10501452.
    """
    if not len(stays.duration):
        return DwellTime(math.nan, (math.nan, math.nan), math.nan, False)
    durations, at = np.unique(stays.duration, return_inverse=True)
    names, number = np.unique(stays.cell, return_inverse=True)
    shape = (len(names), len(durations))
    left, cut = np.zeros(shape), np.zeros(shape)
    np.add.at(left, (number[stays.ended], at[stays.ended]), 1.0)
    np.add.at(cut, (number[~stays.ended], at[~stays.ended]), 1.0)
    survival = _survival(left.sum(axis=0)[None], cut.sum(axis=0)[None])
    (mean,) = _area(survival, durations)
    ends = (math.nan, math.nan)
    if len(names) > 1 and stays.ended.any():
        picked = resample_counts(len(names))
        low, high = percentile_interval(_area(_survival(picked @ left, picked @ cut), durations))
        ends = (float(low), float(high))
    half = np.flatnonzero(survival[0] <= 0.5)
    return DwellTime(
        mean=float(mean),
        interval=ends,
        median=float(durations[half[0]]) if len(half) else math.nan,
        restricted=bool(survival[0, -1] > 0.0),
    )


def _survival(left: Array, cut: Array) -> Array:
    """Share still there after each duration, shape (set, duration)."""
    there = np.cumsum((left + cut)[:, ::-1], axis=1)[:, ::-1]
    stayed = 1.0 - np.where(there > 0, left / np.maximum(there, 1.0), 0.0)
    return np.asarray(np.cumprod(stayed, axis=1), dtype=float)


def _area(survival: Array, durations: Array) -> Array:
    """Area under survival curves that are 1 before the first duration."""
    before = np.hstack([np.ones((len(survival), 1)), survival[:, :-1]])
    return np.asarray(before @ np.diff(durations, prepend=0.0), dtype=float)


def dwell_table(runs: Sequence[xr.Dataset]) -> list[dict[str, Any]]:
    """How long cells stay over each region.

    Returns
    -------
    list of dict
        One row for each region: ``region``, ``share_of_time`` (of all cells' frames),
        ``episodes``, ``cut`` (of these, going on at the recording's end), ``unseen_begin`` (left
        out, since they began before the recording), ``constant_rate_dwell`` (mean stay if cells
        leave at a constant rate, corrected for the time between frames [s]; None if not resolved
        or if no cell leaves), ``mean_dwell`` and ``median_dwell`` [s] by Kaplan and Meier,
        uncorrected, ``interval`` of the mean (95 % bootstrap over cells), ``restricted``
        (whether the mean is a lower bound: some outlast the longest stay seen).
    """
    require_cells_and_stroma(runs)
    for run in runs:
        if len(observation_times(run)) < 2:
            raise InputError(
                f"{run_name(run)}: shows its cells only once, so no stay. Set output.tracks_every "
                "below the tracked time."
            )
        cell_places(run)  # refuses cells that are nowhere, whose region is no region
    rows = []
    for region in Region:
        found, over, seen, first = [], 0, 0, 0
        for run in runs:
            regions, times = run["cell_region"].values, observation_times(run)
            own = episodes(regions, times, region, from_start=bool(times[0] == 0.0))
            found.append(Episodes(own.cell + first, own.duration, own.ended, own.unseen_begin))
            first += len(regions)
            over, seen = over + int((regions == region).sum()), seen + regions.size
        stays = Episodes(
            np.concatenate([f.cell for f in found]),
            np.concatenate([f.duration for f in found]),
            np.concatenate([f.ended for f in found]),
            sum(f.unseen_begin for f in found),
        )
        dwell = dwell_time(stays)
        interval = float(times[1] - times[0])
        rows.append(
            {
                "region": REGION_LABELS[region],
                "share_of_time": over / seen,
                "episodes": len(stays.duration),
                "cut": int((~stays.ended).sum()),
                "unseen_begin": stays.unseen_begin,
                "constant_rate_dwell": or_none(constant_rate_dwell(stays, interval)),
                "mean_dwell": or_none(dwell.mean),
                "interval": ends_or_none(dwell.interval),
                "median_dwell": or_none(dwell.median),
                "restricted": dwell.restricted,
            }
        )
    return rows
