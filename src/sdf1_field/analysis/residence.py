"""How long cells stay over a region: episodes of consecutive frames, some cut by the recording."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.statistics import percentile_interval, resample_counts

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Episodes:
    """Stays of cells over one region; arrays of shape (episode,).

    Parameters
    ----------
    cell : ndarray of int
        Whose.
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

    A cell is taken to arrive at its first frame over the region and to leave at the first frame off
    it. Visits between two frames are not seen, so what is seen is too long by about half a frame,
    and more where stays are as short as frames: `constant_rate_dwell` corrects for that. An episode
    that lasts to the end is cut there. One that the first frame shows has an unknown begin and is
    left out, unless cells were added then.

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
        95 % bootstrap interval of the mean over cells [s]; NaN where nobody was seen to leave.
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

    A stay that a frame has seen goes on to the next frame with the chance ``exp(-dt / tau)``. That
    is one less the leavings over the frames at risk, whatever was missed in between, so
    ``tau = -dt / ln(1 - leavings / frames)``; but for cells that leave and are back at the next
    frame. NaN if no stay was seen, or if none lasts to a second frame; infinite if nobody leaves.

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
    """Mean and median duration of episodes, those cut by the recording's end counted as cut.

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
