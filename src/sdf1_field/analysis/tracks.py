"""How cells move: path, displacement, mean square displacement, the persistent random walk."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError
from sdf1_field.statistics import percentile_interval, resample_counts, resamples

Array = NDArray[np.float64]

FITTED_SHARE = 0.1
"""Longest lag the walk is fitted to, as a share of the track."""
SHOWN_SHARE = 0.25
"""Longest lag in the table of mean square displacements, as a share of the track."""
_FEWEST_LAGS = 3
_MOST_LAGS = 12
_FEWEST_CELLS = 10
_WALL_REACH = 3.0
"""Standard deviations of a displacement that a start must be away from a mirror wall."""
_PERSISTENCES = 600
_SHORTEST, _LONGEST = 1e-3, 1e2
"""Ends of the persistence times tried, in intervals between frames and in longest fitted lags."""
_ROUND_OFF = 1e-6


@dataclass(frozen=True, eq=False)
class Tracks:
    """Places of cells in evenly spaced frames.

    Parameters
    ----------
    times : ndarray, shape (frame,)
        [s], at least two.
    x, y : ndarray, shape (cell, frame)
        [um].
    walls : tuple of float, optional
        Width and length of a view with mirror walls [um].
    """

    times: Array
    x: Array
    y: Array
    walls: tuple[float, float] | None = None

    @property
    def interval(self) -> float:
        """Time between frames [s]."""
        return float(self.times[1] - self.times[0])

    @property
    def duration(self) -> float:
        """Tracked time [s]."""
        return float(self.times[-1] - self.times[0])


def even_frames(times: Array) -> int:
    """Number of leading frames that are evenly spaced [s]; a last one may come early."""
    steps = np.diff(times)
    uneven = np.flatnonzero(np.abs(steps - steps[0]) > _ROUND_OFF * steps[0])
    return int(uneven[0]) + 1 if len(uneven) else len(times)


def tracks_of(times: Array, x: Array, y: Array, walls: tuple[float, float], *, name: str) -> Tracks:
    """Tracks over the leading frames that are evenly spaced.

    Parameters
    ----------
    times : ndarray, shape (frame,)
        [s].
    x, y : ndarray, shape (cell, frame)
        [um].
    walls : tuple of float
        Width and length of the view [um].
    name : str
        Of the run or model, for the message.

    Raises
    ------
    InputError
        If there are fewer than two frames.
    """
    if len(times) < 2:
        raise InputError(
            f"{name}: shows its cells only once, so no motion. Set output.tracks_every below the "
            "tracked time."
        )
    even = even_frames(times)
    return Tracks(times[:even], x[:, :even], y[:, :even], walls)


def pooled_tracks(tracks: Sequence[Tracks]) -> Tracks:
    """Tracks of several dishes with the same frames and walls as one."""
    return Tracks(
        times=tracks[0].times,
        x=np.concatenate([t.x for t in tracks]),
        y=np.concatenate([t.y for t in tracks]),
        walls=tracks[0].walls,
    )


def path_lengths(tracks: Tracks) -> Array:
    """Sum of the straight steps between frames of each cell [um], shape (cell,)."""
    steps: Array = np.hypot(np.diff(tracks.x), np.diff(tracks.y)).sum(axis=1)
    return steps


def net_displacements(tracks: Tracks) -> Array:
    """Distance between each cell's first and last place [um], shape (cell,)."""
    ends: Array = np.hypot(tracks.x[:, -1] - tracks.x[:, 0], tracks.y[:, -1] - tracks.y[:, 0])
    return ends


def shown_lags(tracks: Tracks) -> NDArray[np.intp]:
    """Lags of the table of mean square displacements [frames]: to a quarter of the track."""
    return _spread(tracks, SHOWN_SHARE)


def fitted_lags(tracks: Tracks) -> NDArray[np.intp]:
    """Lags the walk is fitted to [frames]: to a tenth of the track, three at least."""
    return _spread(tracks, FITTED_SHARE)


def _spread(tracks: Tracks, share: float) -> NDArray[np.intp]:
    steps = len(tracks.times) - 1
    longest = min(max(int(share * steps), _FEWEST_LAGS), steps)
    spread = np.geomspace(1.0, longest, _MOST_LAGS)
    return np.unique(np.round(spread).astype(np.intp))


@dataclass(frozen=True, eq=False)
class SquareDisplacements:
    """Squares of displacements summed over each cell's starts.

    Parameters
    ----------
    lags : ndarray, shape (lag,)
        [s].
    sums : ndarray, shape (cell, lag)
        [um**2].
    counts : ndarray, shape (cell, lag)
    """

    lags: Array
    sums: Array
    counts: Array

    @property
    def mean(self) -> Array:
        """Mean over all cells and starts [um**2], shape (lag,)."""
        result: Array = self.sums.sum(axis=0) / self.counts.sum(axis=0)
        return result


def square_displacements(tracks: Tracks, lags: NDArray[np.intp]) -> SquareDisplacements:
    """Squares of all displacements over some lags, overlapping ones included.

    A mirror wall shortens the displacements of cells that reach it. Only those count that begin
    out of its reach (`clear_of_walls`). Lags for which the view has no such place, or hardly any
    cell there, are left out.

    Parameters
    ----------
    tracks : Tracks
    lags : ndarray of int, shape (lag,)
        [frames].
    """
    kept, sums, counts = [], [], []
    for lag in lags:
        begin_x, begin_y = tracks.x[:, :-lag], tracks.y[:, :-lag]
        square = (tracks.x[:, lag:] - begin_x) ** 2 + (tracks.y[:, lag:] - begin_y) ** 2
        free = np.ones(square.shape, dtype=np.bool_)
        if tracks.walls is not None:
            free = clear_of_walls(begin_x, begin_y, square, tracks.walls)
        # Every resample of the cells must have some.
        if int(free.any(axis=1).sum()) >= min(len(square), _FEWEST_CELLS):
            kept.append(float(lag) * tracks.interval)
            sums.append(np.where(free, square, 0.0).sum(axis=1))
            counts.append(free.sum(axis=1).astype(float))
    shape = (len(tracks.x), len(kept))
    return SquareDisplacements(
        np.array(kept), np.array(sums).T.reshape(shape), np.array(counts).T.reshape(shape)
    )


def clear_of_walls(
    x: Array, y: Array, square: Array, walls: tuple[float, float]
) -> NDArray[np.bool_]:
    """Which displacements begin out of reach of the mirror walls.

    That is three standard deviations of a displacement along one axis. Where a cell is says
    nothing about where it goes, so the choice leaves the mean over those that are kept unbiased.

    Parameters
    ----------
    x, y, square : ndarray, shape (...)
        Where displacements begin [um], and their squared lengths [um**2].
    walls : tuple of float
        Width and length of the view [um].
    """
    reach = _WALL_REACH * math.sqrt(0.5 * float(square.mean())) if square.size else 0.0
    inner_x, inner_y = (
        (x >= reach) & (x <= walls[0] - reach),
        (y >= reach) & (y <= walls[1] - reach),
    )
    return inner_x & inner_y


def persistent_walk_law(lag: Array | float, speed: float, persistence_time: Array | float) -> Array:
    """Mean square displacement of a persistent random walk in two dimensions.

    ``<r**2> = 2 v**2 P (t - P (1 - exp(-t / P)))``: a constant speed, and a heading that forgets
    itself with the time P. Far below P it is ``(v t)**2``, far above ``4 D (t - P)`` with the
    motility coefficient ``D = v**2 P / 2``.

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
    """The persistent random walk that tracks fit; None where they do not say.

    Parameters
    ----------
    speed : float or None
        While a cell goes straight [um/s]; the speed from frames is below it.
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
        What the sampling does not allow to say; empty if nothing.
    """

    speed: float | None
    persistence_time: float | None
    motility_coefficient: float | None
    speed_interval: tuple[float, float] | None
    persistence_interval: tuple[float, float] | None
    motility_interval: tuple[float, float] | None
    longest_lag: float
    note: str


def fit_persistent_walk(tracks: Tracks) -> PersistentWalk:
    """Speed and persistence time, corrected for the time between frames.

    Frames cut a cell's turns: the straight step between them is shorter than the way, and turns
    faster than the frames are not seen. The law of the mean square displacement knows both. It is
    fitted to the mean over cells and starts for lags up to a tenth of the track (`fitted_lags`),
    each weighted by ``n / (M**2 t)``: the relative variance of a mean square displacement M over
    n starts grows with its lag t (Qian, Sheetz & Elson 1991). For each persistence time the best
    speed has a closed form, so the minimum is sought in one dimension. Intervals are over
    resampled cells.

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
    squares = square_displacements(tracks, fitted_lags(tracks))
    if len(squares.lags) < 2 or not squares.mean.min() > 0.0:
        why = (
            "too few frames, or too small a view,"
            if len(squares.lags) < 2
            else "nothing moves enough"
        )
        return PersistentWalk(
            None, None, None, None, None, None, 0.0, f"{why} for a persistent walk"
        )
    persistence = np.geomspace(
        _SHORTEST * tracks.interval, _LONGEST * squares.lags[-1], _PERSISTENCES
    )
    weights = squares.counts.sum(axis=0) / (squares.mean**2 * squares.lags)
    cells = len(squares.sums)
    means = squares.mean[None]
    if cells > 1:
        picked = resample_counts(cells)
        resampled = (picked @ squares.sums) / np.maximum(picked @ squares.counts, 1.0)
        means = np.vstack([means, resampled])
    times, speeds = _best_walks(means, squares.lags, weights, persistence)
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
            tracks, squares.lags[-1], float(times[0]), (low, high), too_short, too_long
        ),
    )


def _unresolved(
    tracks: Tracks,
    longest: float,
    persistence_time: float,
    ends: tuple[float, float],
    too_short: bool,
    too_long: bool,
) -> str:
    """What frames and lags [s] do not allow to say of a walk; empty if nothing."""
    frames = _minutes(tracks.interval)
    if len(tracks.x) < 2:
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
    if persistence_time < tracks.interval:
        return (
            "persistence is shorter than the time between frames: it comes from how much "
            "successive steps still agree"
        )
    return ""


def _best_walks(
    means: Array, lags: Array, weights: Array, persistence: Array
) -> tuple[Array, Array]:
    """Persistence times and speeds of least weighted squares, one for each row of means.

    Parameters
    ----------
    means : ndarray, shape (set, lag)
    lags, weights : ndarray, shape (lag,)
    persistence : ndarray, shape (trial,)
        Persistence times to try [s], evenly spaced in their logarithm.
    """
    laws = persistent_walk_law(lags[None, :], 1.0, persistence[:, None])
    along = means @ (weights * laws).T
    size = (weights * laws**2).sum(axis=1)
    gain = along**2 / size
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
    own = persistent_walk_law(lags[None, :], 1.0, times[:, None])
    square = (weights * means * own).sum(axis=1) / (weights * own**2).sum(axis=1)
    return times, np.sqrt(square)


def _interval(values: Array) -> tuple[float, float] | None:
    if not len(values):
        return None
    low, high = percentile_interval(values)
    return float(low), float(high)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60.0:.2g} min"


def mean_interval(values: Array) -> tuple[float, float] | None:
    """95 % bootstrap interval of a mean over cells; None for one."""
    if len(values) < 2:
        return None
    (picks,) = resamples(len(values))
    return _interval(values[picks].mean(axis=1))
