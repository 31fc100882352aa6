"""What the floor shows to CXCR4 at any place, and its gradient.

A map is a cubic B-spline through the grid's cell centres, mirrored at the walls: twice
continuously differentiable, so that a gradient has no jumps. Where a source is smaller than a cell
of the grid its own profile is added, which depends on the distance alone.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel

Array = NDArray[np.float64]

PADDING = 2
"""Mirrored coefficients on each side, so that no place needs another at a wall."""


class NearField(NamedTuple):
    """Profiles around sources smaller than a cell of the grid; sorted by bucket, row by row.

    Parameters
    ----------
    x, y : ndarray, shape (source,)
        Centres [um].
    first : ndarray of int64, shape (rows * columns + 1,)
        Where each bucket's sources begin; the floor is ``rows`` by ``columns`` equal buckets,
        none narrower than ``reach``.
    rows, columns : int
    reach : float
        Distance from which on nothing is added [um].
    profile : ndarray, shape (source, node, 4)
        At equidistant nodes from 0 to ``reach``: what is visible [nM] and its slope over the
        distance [nM/um], what steers and its slope; between them cubic Hermite polynomials.
    """

    x: Array
    y: Array
    first: NDArray[np.int64]
    rows: int
    columns: int
    reach: float
    profile: Array


class Stimulus(NamedTuple):
    """What the floor shows to CXCR4, as the mean over the area under a cell.

    Parameters
    ----------
    visible : ndarray, shape (ny + 4, nx + 4)
        Spline coefficients of ``c + alpha b``, what receptors bind [nM].
    steering : ndarray, shape (ny + 4, nx + 4)
        Of the part of it whose gradient the cells may follow.
    alike : bool
        Whether all that is visible steers; ``steering`` is then not read.
    near : NearField
    """

    visible: Array
    steering: Array
    alike: bool
    near: NearField


def no_near_field() -> NearField:
    """No source that is smaller than a cell of the grid."""
    empty = np.zeros(0)
    return NearField(empty, empty, np.zeros(2, dtype=np.int64), 1, 1, 0.0, np.zeros((0, 2, 4)))


@kernel()
def sample(
    seen: Stimulus, x: float, y: float, dx: float, dy: float
) -> tuple[float, float, float, float, float]:
    """Visible concentration, its gradient, and the gradient of what steers.

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
    value, slope_x, slope_y = _spline(seen.visible, x, y, dx, dy)
    if seen.alike:
        steering_x, steering_y = slope_x, slope_y
    else:
        _, steering_x, steering_y = _spline(seen.steering, x, y, dx, dy)
    near = seen.near
    if near.x.size == 0:
        return value, slope_x, slope_y, steering_x, steering_y
    rows, columns, reach = near.rows, near.columns, near.reach
    nodes = near.profile.shape[1]
    node = reach / (nodes - 1)
    # The walls are at whole buckets: rows and columns divide the extent evenly.
    height, width = (
        dy * (seen.visible.shape[0] - 2 * PADDING),
        dx * (seen.visible.shape[1] - 2 * PADDING),
    )
    row = min(int(y / height * rows), rows - 1)
    column = min(int(x / width * columns), columns - 1)
    for r in range(max(row - 1, 0), min(row + 2, rows)):
        begin = near.first[r * columns + max(column - 1, 0)]
        end = near.first[r * columns + min(column + 1, columns - 1) + 1]
        for n in range(begin, end):
            away_x, away_y = x - near.x[n], y - near.y[n]
            square = away_x * away_x + away_y * away_y
            if square >= reach * reach:
                continue
            distance = math.sqrt(square)
            place = distance / node
            i = min(int(place), nodes - 2)
            t = place - i
            low, high = near.profile[n, i], near.profile[n, i + 1]
            more, visible_slope = _hermite(low[0], low[1], high[0], high[1], t, node)
            value += more
            if distance == 0.0:
                continue
            toward_x, toward_y = away_x / distance, away_y / distance
            slope_x += visible_slope * toward_x
            slope_y += visible_slope * toward_y
            steering_slope = visible_slope
            if not seen.alike:
                _, steering_slope = _hermite(low[2], low[3], high[2], high[3], t, node)
            steering_x += steering_slope * toward_x
            steering_y += steering_slope * toward_y
    return value, slope_x, slope_y, steering_x, steering_y


@kernel(inline=True)
def _hermite(
    a: float, slope_a: float, b: float, slope_b: float, t: float, width: float
) -> tuple[float, float]:
    """Value and slope of the cubic with given ends, at the share ``t`` of the way."""
    rise = b - a
    c2 = 3.0 * rise - width * (2.0 * slope_a + slope_b)
    c3 = width * (slope_a + slope_b) - 2.0 * rise
    value = a + t * (width * slope_a + t * (c2 + t * c3))
    return value, slope_a + t * (2.0 * c2 + 3.0 * t * c3) / width


@kernel(inline=True)
def _basis(t: float) -> tuple[float, float, float, float, float, float, float, float]:
    """Cubic B-splines around a share ``t`` between two centres, and their slopes."""
    s, square = 1.0 - t, t * t
    w0 = s * s * s / 6.0
    w1 = (4.0 - 6.0 * square + 3.0 * square * t) / 6.0
    w3 = square * t / 6.0
    d0 = -0.5 * s * s
    d1 = 0.5 * t * (3.0 * t - 4.0)
    d3 = 0.5 * square
    return w0, w1, 1.0 - w0 - w1 - w3, w3, d0, d1, -d0 - d1 - d3, d3


@kernel(inline=True)
def _spline(values: Array, x: float, y: float, dx: float, dy: float) -> tuple[float, float, float]:
    """Value and gradient of a map at a place."""
    place_x, place_y = x / dx - 0.5, y / dy - 0.5
    i, j = math.floor(place_x), math.floor(place_y)
    wx0, wx1, wx2, wx3, gx0, gx1, gx2, gx3 = _basis(place_x - i)
    wy0, wy1, wy2, wy3, gy0, gy1, gy2, gy3 = _basis(place_y - j)
    # The window begins one centre below the lower one: minus 1, plus the padding.
    i += PADDING - 1
    j += PADDING - 1
    value = slope_x = slope_y = 0.0
    wys, gys = (wy0, wy1, wy2, wy3), (gy0, gy1, gy2, gy3)
    for k in range(4):
        a, b, c, d = (
            values[j + k, i],
            values[j + k, i + 1],
            values[j + k, i + 2],
            values[j + k, i + 3],
        )
        along = wx0 * a + wx1 * b + wx2 * c + wx3 * d
        value += wys[k] * along
        slope_y += gys[k] * along
        slope_x += wys[k] * (gx0 * a + gx1 * b + gx2 * c + gx3 * d)
    return value, slope_x / dx, slope_y / dy
