"""Tracks of cells: frames, path lengths, displacements, mean square displacements."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError

Array = NDArray[np.float64]

FITTED_SHARE = 0.1
"""Longest lag the walk is fitted to, as a share of the track."""
SHOWN_SHARE = 0.25
"""Longest lag in the table of mean square displacements, as a share of the track."""
_FEWEST_LAGS = 3
_MOST_LAGS = 12
_FEWEST_CELLS = 10
_WALL_REACH = 3.0
"""Standard deviations of a displacement that a start must be away from a reflecting wall."""
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
        Width and length of a view with reflecting walls [um].
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


def fitted_lags(tracks: Tracks, fewest: int = _FEWEST_LAGS) -> NDArray[np.intp]:
    """Lags the walk is fitted to [frames]: to a tenth of the track, and some at least."""
    return _spread(tracks, FITTED_SHARE, fewest)


def _spread(tracks: Tracks, share: float, fewest: int = _FEWEST_LAGS) -> NDArray[np.intp]:
    steps = len(tracks.times) - 1
    longest = min(max(int(share * steps), fewest), steps)
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

    A reflecting wall shortens the displacements of cells that reach it, so only displacements that
    begin out of its reach count (`clear_of_walls`). Lags for which the view has no such place, or
    hardly any cell there, are left out.

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
    """Which displacements begin out of reach of the reflecting walls.

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
