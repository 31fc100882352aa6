"""Paths of cells that are seen in frames of their own, with gaps: measures of motion and direction.

`tracks` is about cells that are all seen in the same frames.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis.tracks import SquareDisplacements
from sdf1_field.errors import InputError
from sdf1_field.interop import TrackFile
from sdf1_field.statistics import mean_vector_test, percentile_interval, resampled_sums

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

_ROUND_OFF = 1e-9
"""Sine of a turn that is none."""
_FEWEST_PATHS = 10
"""That must have a displacement over a lag, if there are as many, for the lag to count."""

_KEPT = 2
"""Files whose paths are kept: tracks and their control."""


@dataclass(frozen=True, eq=False)
class Paths:
    """Places of cells, sorted by path and within a path by frame.

    Parameters
    ----------
    path : ndarray of int, shape (place,)
        Number of the path, from 0; each has two places at least.
    frame : ndarray of int, shape (place,)
    x, y : ndarray, shape (place,)
        [um].
    interval : float
        Time between frames [s].
    """

    path: Whole
    frame: Whole
    x: Array
    y: Array
    interval: float

    @property
    def count(self) -> int:
        """Number of paths."""
        return int(self.path[-1]) + 1 if len(self.path) else 0

    @property
    def frames(self) -> Whole:
        """Frames from the first to the last place of each path, shape (path,)."""
        first, last = self.ends()
        return np.asarray(self.frame[last] - self.frame[first], dtype=np.int64)

    def net(self) -> tuple[Array, Array]:
        """Displacement from the first to the last place in x and y [um], shape (path,) each."""
        first, last = self.ends()
        return self.x[last] - self.x[first], self.y[last] - self.y[first]

    def ends(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Where each path's first and last place stand."""
        last = np.flatnonzero(np.diff(self.path, append=self.count))
        return np.concatenate([[0], last[:-1] + 1]).astype(np.intp), last


@lru_cache(maxsize=_KEPT)
def paths_of(file: TrackFile) -> Paths:
    """Paths of a track file: its branches of two spots or more.

    Those of the last files are kept, since a table and a picture of them need the same.

    Raises
    ------
    InputError
        If there are none.
    """
    branch = file.branches()
    seen = np.bincount(branch)[branch] > 1
    if not seen.any():
        raise InputError(
            f"{file.name}: no two linked spots are left when tracks are cut at splits and merges. "
            "Give longer tracks."
        )
    order = np.lexsort((file.frame, branch))
    order = order[seen[order]]
    path = np.unique(branch[order], return_inverse=True)[1].astype(np.int64)
    return Paths(path, file.frame[order], file.x[order], file.y[order], file.interval)


def pieces(paths: Paths, there: NDArray[np.bool_]) -> tuple[Paths, int]:
    """Pieces of paths of successive places that are somewhere, two places each at least.

    Parameters
    ----------
    paths : Paths
    there : ndarray of bool, shape (place,)
        Which places are.

    Returns
    -------
    pieces : Paths
    count : int
        Number of the paths that they are of.
    """
    begins = np.diff(paths.path, prepend=-1) != 0
    begins[1:] |= there[1:] & ~there[:-1]
    piece = np.cumsum(begins)
    own = np.flatnonzero(there)
    own = own[(np.bincount(piece[own], minlength=1)[piece[own]]) > 1]
    number = np.unique(piece[own], return_inverse=True)[1].astype(np.int64)
    cut = Paths(number, paths.frame[own], paths.x[own], paths.y[own], paths.interval)
    return cut, len(np.unique(paths.path[own]))


@dataclass(frozen=True, eq=False)
class Steps:
    """Straight lines between successive places of a path.

    Parameters
    ----------
    path : ndarray of int, shape (step,)
        Number of the path.
    begin : ndarray of int, shape (step,)
        Which of the places the step begins at.
    plain : ndarray of bool, shape (step,)
        Whether the step is from one frame to the next; else it is over a gap.
    dx, dy, length : ndarray, shape (step,)
        [um].
    """

    path: Whole
    begin: NDArray[np.intp]
    plain: NDArray[np.bool_]
    dx: Array
    dy: Array
    length: Array


def steps_of(paths: Paths) -> Steps:
    """Steps of paths, those over gaps included, sorted like the places."""
    same = np.flatnonzero(np.diff(paths.path) == 0)
    dx, dy = (np.diff(values)[same] for values in (paths.x, paths.y))
    return Steps(
        paths.path[same], same, np.diff(paths.frame)[same] == 1, dx, dy,
        np.asarray(np.hypot(dx, dy)),
    )  # fmt: skip


def frame_speeds(paths: Paths, steps: Steps) -> Array:
    """Mean speed from frame to frame of each path [um/s], shape (path,); NaN without such a step.

    Steps over gaps are left out: a straight line over several frames is shorter than the path.
    """
    length = sums_by(steps.path, np.where(steps.plain, steps.length, 0.0), paths.count)
    number = sums_by(steps.path, steps.plain.astype(float), paths.count)
    return _ratio(length, number) / paths.interval


def lengths(paths: Paths, steps: Steps) -> Array:
    """Length of each path [um], straight over gaps, shape (path,)."""
    return sums_by(steps.path, steps.length, paths.count)


def turning_angles(steps: Steps) -> tuple[Whole, Array]:
    """Angles between successive steps from frame to frame.

    Returns
    -------
    path : ndarray of int, shape (turn,)
    angle : ndarray, shape (turn,)
        [rad], in (-pi, pi], positive from x towards y; of steps that have a length.
    """
    moved = steps.plain & (steps.length > 0.0)
    at = np.flatnonzero((np.diff(steps.path) == 0) & moved[:-1] & moved[1:])
    ax, ay, bx, by = steps.dx[at], steps.dy[at], steps.dx[at + 1], steps.dy[at + 1]
    cross, dot = ax * by - ay * bx, ax * bx + ay * by
    # Straight on is straight on: what rounding turns is no angle.
    cross[np.abs(cross) <= _ROUND_OFF * np.abs(dot)] = 0.0
    return steps.path[at], np.asarray(np.arctan2(cross, dot))


def straightness(paths: Paths, steps: Steps) -> Array:
    """Net displacement over path length, in [0, 1], shape (path,); NaN for a cell that rests."""
    return _ratio(np.hypot(*paths.net()), lengths(paths, steps))


def forward_migration(paths: Paths, steps: Steps, direction: float) -> tuple[Array, Array]:
    """Forward migration index of each path along and across a direction.

    Net displacement along the direction (across: to its left, if y points up) over path length, in
    [-1, 1].

    Parameters
    ----------
    paths : Paths
    steps : Steps
    direction : float
        Angle from x towards y [rad].

    Returns
    -------
    tuple of ndarray, shape (path,)
        NaN for a cell that rests.

    References
    ----------
    Foxman, Kunkel & Butcher (1999) J. Cell Biol. 147:577, 10.1083/jcb.147.3.577.
    """
    dx, dy = paths.net()
    cosine, sine = np.cos(direction), np.sin(direction)
    whole = lengths(paths, steps)
    return _ratio(cosine * dx + sine * dy, whole), _ratio(cosine * dy - sine * dx, whole)


def mean_drift(paths: Paths, steps: Steps) -> tuple[float, float, float]:
    """Mean of all steps from frame to frame in x and y [um/s], and p of none.

    P is Hotelling's over paths (`mean_vector_test`); NaN where there is nothing to test.
    """
    number = sums_by(steps.path, steps.plain.astype(float), paths.count)
    sums = np.column_stack(
        [
            sums_by(steps.path, np.where(steps.plain, step, 0.0), paths.count)
            for step in (steps.dx, steps.dy)
        ]
    )
    own = number > 0.0
    if not own.any():
        return np.nan, np.nan, np.nan
    x, y = sums.sum(axis=0) / (number.sum() * paths.interval)
    return float(x), float(y), mean_vector_test(sums[own], number[own])


def net_directions(paths: Paths) -> Array:
    """Directions of net displacements [rad], without those of length 0."""
    dx, dy = paths.net()
    moved = (dx != 0.0) | (dy != 0.0)
    return np.asarray(np.arctan2(dy[moved], dx[moved]))


def path_square_displacements(paths: Paths, lags: NDArray[np.intp]) -> SquareDisplacements:
    """Squares of all displacements over some lags, overlapping ones included.

    A displacement needs a spot at both its ends, and none between. Lags that hardly any path has
    are left out.

    Parameters
    ----------
    paths : Paths
    lags : ndarray of int, shape (lag,)
        [frames].
    """
    # Paths are so far apart on one axis of frames that no lag leads from one to another.
    stride = int(paths.frame.max(initial=0)) + int(lags.max(initial=0)) + 1
    place = paths.path * stride + paths.frame
    kept, sums, counts = [], [], []
    for lag in lags:
        end = np.minimum(np.searchsorted(place, place + lag), len(place) - 1)
        begin = np.flatnonzero(place[end] == place + lag)
        end = end[begin]
        square = (paths.x[end] - paths.x[begin]) ** 2 + (paths.y[end] - paths.y[begin]) ** 2
        number = sums_by(paths.path[begin], np.ones(len(begin)), paths.count)
        if len(begin) and np.count_nonzero(number) >= min(paths.count, _FEWEST_PATHS):
            kept.append(float(lag) * paths.interval)
            sums.append(sums_by(paths.path[begin], square, paths.count))
            counts.append(number)
    shape = (paths.count, len(kept))
    return SquareDisplacements(
        np.array(kept), np.array(sums).T.reshape(shape), np.array(counts).T.reshape(shape)
    )


def pooled_mean(sums: Array, counts: Array) -> tuple[float, tuple[float, float]]:
    """Mean of values that paths have several of, and its 95 % bootstrap interval over paths.

    Parameters
    ----------
    sums, counts : ndarray, shape (path,)
        Of each path's values.

    Returns
    -------
    mean : float
        NaN without any value.
    interval : tuple of float
        NaN for fewer than two paths.
    """
    if not counts.sum() > 0.0:
        return np.nan, (np.nan, np.nan)
    mean = float(sums.sum() / counts.sum())
    own = counts > 0.0
    if np.count_nonzero(own) < 2:
        return mean, (np.nan, np.nan)
    resampled = resampled_sums(np.column_stack([sums[own], counts[own]]))
    low, high = percentile_interval(_ratio(resampled[:, 0], resampled[:, 1]))
    return mean, (float(low), float(high))


def mean_over_paths(values: Array) -> tuple[float, tuple[float, float]]:
    """Mean of one value a path, and its 95 % bootstrap interval; paths of NaN do not count."""
    there = np.isfinite(values)
    return pooled_mean(np.where(there, values, 0.0), there.astype(float))


def sums_by(path: Whole, values: Array, count: int) -> Array:
    """Sums of values by path, shape (count,)."""
    return np.asarray(np.bincount(path, values, count), dtype=np.float64)


def _ratio(amount: Array, of: Array) -> Array:
    some = of > 0.0
    return np.asarray(np.where(some, amount / np.where(some, of, 1.0), np.nan))
