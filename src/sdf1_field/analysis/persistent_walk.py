"""The persistent random walk: its mean square displacement (Fürth) and its fit to tracks."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis.tracks import (
    SquareDisplacements,
    Tracks,
    fitted_lags,
    square_displacements,
)
from sdf1_field.statistics import percentile_interval, resampled_sums

Array = NDArray[np.float64]


_PERSISTENCES = 600
_SHORTEST, _LONGEST = 1e-3, 1e2
"""Ends of the persistence times tried, in intervals between frames and in longest fitted lags."""
_ROUND_OFF = 1e-6
_SIGMAS = 4.0
"""Variances of places along one axis in a square displacement: of two ends, along two axes."""
LAGS_OF_ERROR = 4
"""Lags that tell an error of places from speed and persistence, at least."""


def persistent_walk_law(lag: Array | float, speed: float, persistence_time: Array | float) -> Array:
    """Mean square displacement of a persistent random walk in two dimensions.

    ``<r**2> = 2 v**2 P (t - P (1 - exp(-t / P)))`` (Fürth): constant speed v, directional
    autocorrelation ``exp(-t / P)``. Ballistic, ``(v t)**2``, for t << P; diffusive,
    ``4 D (t - P)`` with the motility coefficient ``D = v**2 P / 2``, for t >> P.

    Parameters
    ----------
    lag : array_like, shape (...)
        [s], >= 0.
    speed : float
        [um/s].
    persistence_time : array_like
        [s], > 0; broadcast against the lag.

    Returns
    -------
    ndarray, shape (...)
        [um**2].

    References
    ----------
    Fürth (1920) Z. Physik 2:244, 10.1007/BF01328731; Uhlenbeck & Ornstein (1930) Phys. Rev.
    36:823, 10.1103/PhysRev.36.823.
    """
    ratio = np.asarray(lag, dtype=float) / persistence_time
    result: Array = 2.0 * (speed * persistence_time) ** 2 * _shape(ratio)
    return result


def _shape(ratio: Array) -> Array:
    """``x - 1 + exp(-x)``, without cancellation where x is small."""
    small = ratio < 1e-4
    series = 0.5 * ratio**2 * (1.0 - ratio / 3.0)
    result: Array = np.where(small, series, ratio + np.expm1(-ratio))
    return result


@dataclass(frozen=True)
class PersistentWalk:
    """Parameters of a persistent random walk fitted to tracks; None where not resolved.

    Parameters
    ----------
    speed : float or None
        Between turns [um/s]; path length over time between frames is below it.
    persistence_time : float or None
        [s].
    motility_coefficient : float or None
        ``v**2 P / 2`` [um**2/s].
    speed_interval, persistence_interval, motility_interval : tuple of float or None
        95 % bootstrap intervals over cells; that of the persistence time is from 0 to the upper
        end where it is too short to be resolved.
    longest_lag : float
        The fit goes to this lag [s].
    note : str
        Parameters that the sampling does not resolve, in words; empty if there are none.
    localisation_error : float or None
        Standard deviation of places along each axis [um]; None where none is fitted.
    localisation_interval : tuple of float or None
        95 % bootstrap interval over cells.
    """

    speed: float | None
    persistence_time: float | None
    motility_coefficient: float | None
    speed_interval: tuple[float, float] | None
    persistence_interval: tuple[float, float] | None
    motility_interval: tuple[float, float] | None
    longest_lag: float
    note: str
    localisation_error: float | None = None
    localisation_interval: tuple[float, float] | None = None

    def square_displacement(self, lag: Array) -> Array:
        """Mean square displacement [um**2] at lags [s]; NaN if the walk is not resolved."""
        if self.speed is None or self.persistence_time is None:
            return np.full(np.shape(lag), np.nan)
        law = persistent_walk_law(lag, self.speed, self.persistence_time)
        return law + _SIGMAS * (self.localisation_error or 0.0) ** 2


def fit_persistent_walk(tracks: Tracks) -> PersistentWalk:
    """Speed and persistence time, corrected for the time between frames.

    Straight steps between frames are shorter than the path, and turns faster than the frames are
    not seen; Fürth's law accounts for both. It is fitted by weighted least squares to the mean
    over cells and starts for lags up to a tenth of the track (`fitted_lags`), each weighted by
    ``n / (M**2 t)``: the relative variance of a mean square displacement M over n starts grows
    with its lag t (Qian, Sheetz & Elson 1991). For each persistence time the best speed has a
    closed form, so the minimum is sought in one dimension. Intervals are by a bootstrap over cells.

    If persistence is too short for the frames, resamples of the cells reach 0. Then only the
    motility coefficient is known, and speed and persistence time are None; likewise the latter and
    the motility coefficient if cells hardly turn within the fitted lags.

    Parameters
    ----------
    tracks : Tracks

    References
    ----------
    Qian, Sheetz & Elson (1991) Biophys. J. 60:910, 10.1016/S0006-3495(91)82125-7.
    """
    return fit_square_displacements(
        square_displacements(tracks, fitted_lags(tracks)), tracks.interval
    )


def fit_square_displacements(
    squares: SquareDisplacements, interval: float, *, exact: bool = True
) -> PersistentWalk:
    """The walk of `fit_persistent_walk` from square displacements alone.

    Places of detected cells have an error of their own in each frame, which adds ``4 sigma**2`` to
    every mean square displacement and makes cells look less persistent (Michalet 2010). With it the
    best speed and error of each persistence time still have a closed form, none of them negative.

    Parameters
    ----------
    squares : SquareDisplacements
        At the lags to fit.
    interval : float
        Time between frames [s].
    exact : bool
        Whether places are exact, as simulated ones; else their error is fitted too, if there are
        four lags or more.

    References
    ----------
    Michalet (2010) Phys. Rev. E 82:041914, 10.1103/PhysRevE.82.041914.
    """
    if len(squares.lags) < 2 or not squares.mean.min() > 0.0:
        why = (
            "too few frames, or too small a view,"
            if len(squares.lags) < 2
            else "nothing moves enough"
        )
        return PersistentWalk(
            None, None, None, None, None, None, 0.0, f"{why} for a persistent walk"
        )
    persistence = np.geomspace(_SHORTEST * interval, _LONGEST * squares.lags[-1], _PERSISTENCES)
    weights = squares.counts.sum(axis=0) / (squares.mean**2 * squares.lags)
    cells = len(squares.sums)
    means = squares.mean[None]
    if cells > 1:
        lags = len(squares.lags)
        summed = resampled_sums(np.hstack([squares.sums, squares.counts]))
        resampled = summed[:, :lags] / np.maximum(summed[:, lags:], 1.0)
        means = np.vstack([means, resampled])
    blurred = not exact and len(squares.lags) >= LAGS_OF_ERROR
    times, speeds, offsets = _best_walks(means, squares.lags, weights, persistence, blurred=blurred)
    errors = np.sqrt(offsets / _SIGMAS)
    motilities = 0.5 * speeds**2 * times
    ends = _interval(times[1:])
    low, high = ends or (float(times[0]), float(times[0]))
    too_short = low <= persistence[0] * (1.0 + _ROUND_OFF)
    too_long = high >= persistence[-1] * (1.0 - _ROUND_OFF)
    if ends is not None:
        ends = None if too_long else (0.0 if too_short else low, high)
    return PersistentWalk(
        speed=None if too_short else float(speeds[0]),
        persistence_time=None if too_short or too_long else float(times[0]),
        motility_coefficient=None if too_long else float(motilities[0]),
        speed_interval=None if too_short else _interval(speeds[1:]),
        persistence_interval=ends,
        motility_interval=None if too_long else _interval(motilities[1:]),
        longest_lag=float(squares.lags[-1]),
        note=_unresolved(
            interval, cells, squares.lags[-1], float(times[0]), (low, high), too_short, too_long
        ),
        localisation_error=float(errors[0]) if blurred else None,
        localisation_interval=_interval(errors[1:]) if blurred else None,
    )


def _unresolved(
    interval: float,
    cells: int,
    longest: float,
    persistence_time: float,
    ends: tuple[float, float],
    too_short: bool,
    too_long: bool,
) -> str:
    """Parameters that frames and lags [s] do not resolve, in words; empty if there are none."""
    frames = _minutes(interval)
    if cells < 2:
        return "one cell has no interval, and little weight"
    if too_short and too_long:
        return "the tracks fix neither speed nor persistence"
    if too_short:
        return (
            f"persistence (below {_minutes(ends[1])}) is not resolved by frames every {frames}: "
            "only the motility coefficient is known"
        )
    if too_long:
        return (
            f"cells hardly turn within {_minutes(longest)}: only speed is known, persistence is "
            f"above {_minutes(ends[0])}"
        )
    if persistence_time < interval:
        return (
            "persistence is shorter than the time between frames: it comes from how much "
            "successive steps still agree"
        )
    return ""


def _best_walks(
    means: Array, lags: Array, weights: Array, persistence: Array, *, blurred: bool
) -> tuple[Array, Array, Array]:
    """Persistence times, speeds and offsets of least weighted squares, one for each row of means.

    Parameters
    ----------
    means : ndarray, shape (set, lag)
    lags, weights : ndarray, shape (lag,)
    persistence : ndarray, shape (trial,)
        Persistence times to try [s], evenly spaced in their logarithm.
    blurred : bool
        Whether an offset of all lags is fitted; it is 0 without.
    """
    laws = persistent_walk_law(lags[None, :], 1.0, persistence[:, None])
    along = means @ (weights * laws).T
    square, offset = _linear(means, weights, laws[None], along, blurred)
    # By how much the sum of weighted squares falls below that of no walk.
    gain = square * along + offset * (means @ weights)[:, None]
    best = np.argmax(gain, axis=1)
    inner = np.clip(best, 1, len(persistence) - 2)
    rows = np.arange(len(means))
    before, at, after = gain[rows, inner - 1], gain[rows, inner], gain[rows, inner + 1]
    bend = before - 2.0 * at + after
    # A parabola through the best trial and its neighbours; at the ends the trial itself.
    shift = np.where(
        (best == inner) & (bend < 0.0),
        0.5 * (before - after) / np.where(bend < 0.0, bend, -1.0),
        0.0,
    )
    step = math.log(persistence[1] / persistence[0])
    times = persistence[best] * np.exp(np.clip(shift, -1.0, 1.0) * step)
    own = persistent_walk_law(lags[None, :], 1.0, times[:, None])[:, None]
    along = (weights * means * own[:, 0]).sum(axis=1)[:, None]
    square, offset = _linear(means, weights, own, along, blurred)
    return times, np.sqrt(square[:, 0]), offset[:, 0]


def _linear(
    means: Array, weights: Array, laws: Array, along: Array, blurred: bool
) -> tuple[Array, Array]:
    """Squared speed and offset of least weighted squares, neither negative, shape (set, trial).

    Parameters
    ----------
    means : ndarray, shape (set, lag)
    weights : ndarray, shape (lag,)
    laws : ndarray, shape (set or 1, trial, lag)
        Of unit speed.
    along : ndarray, shape (set, trial)
        Weighted sums of means times laws.
    blurred : bool
        Whether there is an offset.
    """
    size = (weights * laws**2).sum(axis=2)
    alone = along / size
    if not blurred:
        return alone, np.zeros_like(alone)
    mixed, total = (weights * laws).sum(axis=2), weights.sum()
    summed = (means @ weights)[:, None]
    determinant = size * total - mixed**2
    offset = (size * summed - mixed * along) / determinant
    square = (total * along - mixed * summed) / determinant
    none, still = offset < 0.0, square < 0.0
    offset = np.where(none, 0.0, np.where(still, summed / total, offset))
    return np.where(none, alone, np.where(still, 0.0, square)), offset


def _interval(values: Array) -> tuple[float, float] | None:
    if not len(values):
        return None
    low, high = percentile_interval(values)
    return float(low), float(high)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60.0:.2g} min"
