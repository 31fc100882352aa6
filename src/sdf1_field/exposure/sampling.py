"""Concentration that CXCR4 senses at any place of the floor, and its gradient.

A map is a cubic B-spline through the grid's cell centres, reflected at the walls: twice
continuously differentiable, so that a gradient has no jumps. Where a source is smaller than a cell
of the grid its own profile is added, which depends on the distance alone.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.grid import Grid, clamped_index
from sdf1_field.modes import spline_coefficients
from sdf1_field.neighbours import Buckets, adjacent, adjacent_run, bucket_of

Array = NDArray[np.float64]

PADDING = 2
"""Reflected coefficients on each side, so that no place needs another at a wall."""
MANY = 248
"""Places that are sampled together, so that a compiler can vectorise their loops; not a power of
two, so that the rows do not compete for the same cache lines."""
VISIBLE, VISIBLE_X, VISIBLE_Y, STEERING_X, STEERING_Y = 0, 1, 2, 3, 4
"""Rows of the memory in which `sample_all` leaves its results."""
_LEFT, _LOWER, _SHARE_X, _SHARE_Y, _WINDOW, ROWS = 5, 6, 7, 8, 9, 25
"""Further rows: the corner of the 4 x 4 coefficients around a place, where it is between them,
and the 16 themselves."""
_PAIRS = 1024
"""Pairs of place and source that are listed before they are added."""
_THIRD = 1.0 / 3.0


class SubgridField(NamedTuple):
    """Profiles around sources smaller than a cell of the grid; sorted by bucket, row by row.

    Parameters
    ----------
    x, y : ndarray, shape (source,)
        Centres [um].
    buckets : Buckets
        They tile the floor; none is narrower than ``reach``.
    begins : ndarray of int64, shape (rows * columns + 1,)
        Where each bucket's sources begin.
    reach : float
        Distance beyond which the profiles are 0 [um].
    profile : ndarray, shape (source, node, 2), or (source, node, 4) where they are not alike
        At equidistant nodes from 0 to ``reach``: visible concentration [nM] and its slope over
        the distance [nM/um], the part that steers and its slope; between them cubic Hermite
        polynomials.
    """

    x: Array
    y: Array
    buckets: Buckets
    begins: NDArray[np.int64]
    reach: float
    profile: Array


class Stimulus(NamedTuple):
    """Ligand that CXCR4 senses, as the mean over the area under a cell.

    Parameters
    ----------
    visible : ndarray, shape (ny + 4, nx + 4)
        Spline coefficients of ``c + alpha b``, the concentration that receptors bind [nM].
    steering : ndarray, shape (ny + 4, nx + 4)
        Of the part of it whose gradient the cells may follow.
    alike : bool
        Whether the whole visible concentration steers; ``steering`` is then not read.
    subgrid : SubgridField
    """

    visible: Array
    steering: Array
    alike: bool
    subgrid: SubgridField


def no_subgrid_field() -> SubgridField:
    """Field without any source."""
    empty, buckets = np.zeros(0), Buckets(0.0, 0.0, 0.0, 0.0, 1, 1)
    return SubgridField(
        empty, empty, buckets, np.zeros(2, dtype=np.int64), 0.0, np.zeros((0, 2, 4))
    )


@functools.lru_cache(maxsize=1)
def no_stimulus(grid: Grid) -> Stimulus:
    """A floor without ligand."""
    empty = np.zeros((grid.ny + 2 * PADDING, grid.nx + 2 * PADDING))
    return Stimulus(empty, empty, True, no_subgrid_field())


def coefficients(values: Array) -> Array:
    """Padded spline coefficients of the map through values at cell centres, reflected at the walls.

    Parameters
    ----------
    values : ndarray, shape (ny, nx)

    Returns
    -------
    ndarray, shape (ny + 4, nx + 4)
        A map that is constant along an axis has coefficients that are, to the last bit.
    """
    both = np.ascontiguousarray(spline_coefficients(spline_coefficients(values).T).T)
    return np.pad(both, PADDING, mode="symmetric")


@kernel()
def sample(
    seen: Stimulus, x: float, y: float, dx: float, dy: float
) -> tuple[float, float, float, float, float]:
    """Visible concentration, its gradient, and the gradient of its part that steers.

    Parameters
    ----------
    seen : Stimulus
    x, y : float
        Within the walls [um].
    dx, dy : float
        The grid's spacing [um].

    Returns
    -------
    visible, visible_x, visible_y, steering_x, steering_y : float
        [nM], [nM/um].
    """
    xs, ys, found = np.empty(1), np.empty(1), np.empty((ROWS, MANY))
    xs[0], ys[0] = x, y
    sample_all(seen, xs, ys, dx, dy, found)
    return (
        found[VISIBLE, 0],
        found[VISIBLE_X, 0],
        found[VISIBLE_Y, 0],
        found[STEERING_X, 0],
        found[STEERING_Y, 0],
    )


@kernel(inline=True)
def sample_all(seen: Stimulus, xs: Array, ys: Array, dx: float, dy: float, found: Array) -> None:
    """Sample several places, each as `sample` does.

    Parameters
    ----------
    seen : Stimulus
    xs, ys : ndarray, shape (place,)
        At most `MANY`, within the walls [um].
    dx, dy : float
        [um].
    found : ndarray, shape (ROWS, MANY)
        Working memory, with the results in its first rows. Where the caller's compiler knows its
        shape, all loops but the copying are vectorised.
    """
    windows_y, windows_x = seen.visible.shape[0] - 3, seen.visible.shape[1] - 3
    for n in range(xs.size):
        # The window of 4 x 4 begins one centre below the lower one: minus 1, plus the padding.
        place_x = xs[n] / dx + (PADDING - 1.5)
        place_y = ys[n] / dy + (PADDING - 1.5)
        left, lower = clamped_index(place_x, windows_x), clamped_index(place_y, windows_y)
        found[_LEFT, n], found[_LOWER, n] = left, lower
        found[_SHARE_X, n], found[_SHARE_Y, n] = place_x - left, place_y - lower
    # The steering map first: both are sampled into the same rows.
    for steers in (True, False):
        if steers and seen.alike:
            continue
        _window(seen.steering if steers else seen.visible, found, xs.size)
        _spline(found, xs.size)
        for n in range(xs.size):
            found[VISIBLE_X, n] /= dx
            found[VISIBLE_Y, n] /= dy
        if steers or seen.alike:
            for n in range(xs.size):
                found[STEERING_X, n] = found[VISIBLE_X, n]
                found[STEERING_Y, n] = found[VISIBLE_Y, n]
    if seen.subgrid.x.size > 0:
        for n in range(xs.size):
            found[_LOWER, n], found[_LEFT, n] = bucket_of(seen.subgrid.buckets, xs[n], ys[n])
        _add_subgrid_field(seen.subgrid, xs, ys, seen.alike, found)


@kernel(inline=True)
def _window(values: Array, found: Array, count: int) -> None:
    """Copy the coefficients around each place to its column."""
    # Unsigned, lest every index be checked for counting from the end.
    for n in range(count):
        i, j = np.uint64(found[_LEFT, n]), np.uint64(found[_LOWER, n])
        for row in range(4):
            for column in range(4):
                found[_WINDOW + 4 * row + column, n] = values[
                    j + np.uint64(row), i + np.uint64(column)
                ]


@kernel(inline=True)
def _spline(found: Array, count: int) -> None:
    """Values of a map, and slopes over the grid's spacing, in its first three rows."""
    for n in range(count):
        wx0, wx1, wx2, wx3, gx0, gx1, gx2 = _basis(found[_SHARE_X, n])
        wy0, wy1, wy2, wy3, gy0, gy1, gy2 = _basis(found[_SHARE_Y, n])
        a0, a1, a2, a3 = (
            found[_WINDOW, n], found[_WINDOW + 1, n], found[_WINDOW + 2, n], found[_WINDOW + 3, n],
        )  # fmt: skip
        b0, b1, b2, b3 = (
            found[_WINDOW + 4, n], found[_WINDOW + 5, n],
            found[_WINDOW + 6, n], found[_WINDOW + 7, n],
        )  # fmt: skip
        c0, c1, c2, c3 = (
            found[_WINDOW + 8, n], found[_WINDOW + 9, n],
            found[_WINDOW + 10, n], found[_WINDOW + 11, n],
        )  # fmt: skip
        d0, d1, d2, d3 = (
            found[_WINDOW + 12, n], found[_WINDOW + 13, n],
            found[_WINDOW + 14, n], found[_WINDOW + 15, n],
        )  # fmt: skip
        a = wx0 * a0 + wx1 * a1 + wx2 * a2 + wx3 * a3
        b = wx0 * b0 + wx1 * b1 + wx2 * b2 + wx3 * b3
        c = wx0 * c0 + wx1 * c1 + wx2 * c2 + wx3 * c3
        d = wx0 * d0 + wx1 * d1 + wx2 * d2 + wx3 * d3
        found[VISIBLE, n] = wy0 * a + wy1 * b + wy2 * c + wy3 * d
        # Differences first: on a uniform map the slope is exactly 0.
        found[VISIBLE_Y, n] = gy0 * (b - a) + gy1 * (c - b) + gy2 * (d - c)
        found[VISIBLE_X, n] = (
            wy0 * (gx0 * (a1 - a0) + gx1 * (a2 - a1) + gx2 * (a3 - a2))
            + wy1 * (gx0 * (b1 - b0) + gx1 * (b2 - b1) + gx2 * (b3 - b2))
            + wy2 * (gx0 * (c1 - c0) + gx1 * (c2 - c1) + gx2 * (c3 - c2))
            + wy3 * (gx0 * (d1 - d0) + gx1 * (d2 - d1) + gx2 * (d3 - d2))
        )


@kernel(inline=True)
def _basis(t: float) -> tuple[float, float, float, float, float, float, float]:
    """Cubic B-splines around a share ``t`` between two centres, and quadratic ones."""
    s = 1.0 - t
    g0, g2 = 0.5 * s * s, 0.5 * t * t
    w0, w3 = _THIRD * s * g0, _THIRD * t * g2
    w1 = 2.0 * _THIRD - 2.0 * g2 + 3.0 * w3
    return w0, w1, 1.0 - w0 - w1 - w3, w3, g0, 1.0 - g0 - g2, g2


@kernel(inline=True)
def _add_subgrid_field(
    subgrid: SubgridField, xs: Array, ys: Array, alike: bool, found: Array
) -> None:
    """Add the profiles of the sources around each place.

    Parameters
    ----------
    subgrid : SubgridField
    xs, ys : ndarray, shape (place,)
        [um].
    alike : bool
        As of `Stimulus`.
    found : ndarray, shape (ROWS, MANY)
        Rows `_LOWER` and `_LEFT` hold each place's bucket; the first five rows are added to.
    """
    buckets, begins = subgrid.buckets, subgrid.begins
    source_x, source_y, farthest = subgrid.x, subgrid.y, subgrid.reach * subgrid.reach
    place, source = np.empty(_PAIRS, np.int64), np.empty(_PAIRS, np.int64)
    pairs = 0
    # Pairs are found first and added then: their profiles are fetched many at a time.
    for n in range(xs.size):
        row, column = int(found[_LOWER, n]), int(found[_LEFT, n])
        for r in adjacent(row, buckets.rows):
            begin, end = adjacent_run(begins, buckets.columns, r, column)
            for k in range(begin, end):
                if pairs == _PAIRS:
                    _add_pairs(subgrid, xs, ys, alike, found, place, source, pairs)
                    pairs = 0
                away_x, away_y = xs[n] - source_x[k], ys[n] - source_y[k]
                place[pairs], source[pairs] = n, k
                pairs += away_x * away_x + away_y * away_y < farthest
    _add_pairs(subgrid, xs, ys, alike, found, place, source, pairs)


@kernel()
def _add_pairs(
    subgrid: SubgridField,
    xs: Array,
    ys: Array,
    alike: bool,
    found: Array,
    place: NDArray[np.int64],
    source: NDArray[np.int64],
    pairs: int,
) -> None:
    """Add to each place in a list of pairs the profile of its source.

    Parameters
    ----------
    subgrid, xs, ys, alike, found
        As of `_add_subgrid_field`.
    place, source : ndarray, shape (pair or more,)
        Numbers of place and source.
    pairs : int
        Number of pairs in use.
    """
    last, profile = subgrid.profile.shape[1] - 2, subgrid.profile
    per_node = (last + 1) / subgrid.reach
    for m in range(pairs):
        n, k = place[m], source[m]
        away_x, away_y = xs[n] - subgrid.x[k], ys[n] - subgrid.y[k]
        distance = math.sqrt(away_x * away_x + away_y * away_y)
        i = clamped_index(distance * per_node, last + 1)
        t = distance * per_node - i
        value, slope = _hermite(
            profile[k, i, 0], profile[k, i, 1], profile[k, i + 1, 0], profile[k, i + 1, 1],
            t, per_node,
        )  # fmt: skip
        # There is no direction at the source itself.
        per_distance = 1.0 / distance if distance > 0.0 else 0.0
        toward_x, toward_y = away_x * per_distance, away_y * per_distance
        found[VISIBLE, n] += value
        found[VISIBLE_X, n] += slope * toward_x
        found[VISIBLE_Y, n] += slope * toward_y
        if not alike:
            _, slope = _hermite(
                profile[k, i, 2], profile[k, i, 3], profile[k, i + 1, 2], profile[k, i + 1, 3],
                t, per_node,
            )  # fmt: skip
        found[STEERING_X, n] += slope * toward_x
        found[STEERING_Y, n] += slope * toward_y


@kernel(inline=True)
def _hermite(
    a: float, slope_a: float, b: float, slope_b: float, t: float, per_node: float
) -> tuple[float, float]:
    """Cubic Hermite polynomial between two nodes, and its slope.

    Parameters
    ----------
    a, slope_a, b, slope_b : float
        Value [nM] and slope [nM/um] at both nodes.
    t : float
        Share of the way from the first to the second [1].
    per_node : float
        Inverse of their distance [1/um].
    """
    rise, width = b - a, 1.0 / per_node
    c2 = 3.0 * rise - width * (2.0 * slope_a + slope_b)
    c3 = width * (slope_a + slope_b) - 2.0 * rise
    value = a + t * (width * slope_a + t * (c2 + t * c3))
    return value, slope_a + t * (2.0 * c2 + 3.0 * t * c3) * per_node
