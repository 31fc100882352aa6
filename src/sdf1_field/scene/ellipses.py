"""Ellipses on the floor: whether two overlap, and which one a place is in.

Both are decided exactly, by the ellipses' own equations. Places and ellipses are sorted into
square buckets, so that a search costs the same in a large dish as in a small one.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.grid import clamped_index

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

NONE = -1
"""No ellipse, and the end of a bucket's list."""


class Buckets(NamedTuple):
    """Numbered places in square buckets, each bucket a list from its latest place to the first.

    Parameters
    ----------
    left, low, size : float
        Where the first bucket begins, and how wide all are [um].
    latest : ndarray, shape (rows, columns)
        Number of the latest place in each bucket, or `NONE`.
    earlier : ndarray, shape (place,)
        Number of the one before it in the same bucket, or `NONE`.
    """

    left: float
    low: float
    size: float
    latest: Indices
    earlier: Indices


@kernel()
def empty_buckets(
    left: float, low: float, width: float, length: float, narrowest: float, count: int
) -> Buckets:
    """Buckets over a rectangle [um] for some places, none narrower than asked.

    They are about as many as the places at most. A place outside counts to the nearest bucket, so
    that two places no farther apart than ``narrowest`` are in the same bucket or in neighbours.
    """
    size = max(narrowest, math.sqrt(width * length / max(count, 1)))
    size = max(size, max(width, length) / max(count, 1))
    columns, rows = max(1, math.ceil(width / size)), max(1, math.ceil(length / size))
    return Buckets(
        left, low, size, np.full((rows, columns), NONE, np.int64), np.full(count, NONE, np.int64)
    )


@kernel()
def bucket_of(buckets: Buckets, x: float, y: float) -> tuple[int, int]:
    """Row and column of the bucket that a place [um] is in."""
    rows, columns = buckets.latest.shape
    row = clamped_index((y - buckets.low) / buckets.size, rows)
    return row, clamped_index((x - buckets.left) / buckets.size, columns)


@kernel()
def put(buckets: Buckets, n: int, x: float, y: float) -> None:
    """Add the place of a number [um]."""
    row, column = bucket_of(buckets, x, y)
    buckets.earlier[n] = buckets.latest[row, column]
    buckets.latest[row, column] = n


@kernel(inline=True)
def encloses(
    off_x: float, off_y: float, semi_major: float, semi_minor: float, cosine: float, sine: float
) -> bool:
    """Whether an ellipse holds a place, its edge included.

    Parameters
    ----------
    off_x, off_y : float
        The place relative to the ellipse's centre [um].
    semi_major, semi_minor : float
        [um], > 0.
    cosine, sine : float
        Of the angle by which the major axis is turned from x [1].
    """
    along = (off_x * cosine + off_y * sine) / semi_major
    across = (off_y * cosine - off_x * sine) / semi_minor
    return along * along + across * across <= 1.0


@kernel()
def overlap(
    apart_x: float,
    apart_y: float,
    semi_major: float,
    semi_minor: float,
    angle: float,
    other_major: float,
    other_minor: float,
    other_angle: float,
) -> bool:
    r"""Whether two ellipses have a point in common, one inside the other included.

    Ellipses :math:`r^T A^{-1} r = 1` and :math:`r^T B^{-1} r = 1`, their centres :math:`d` apart,
    have none exactly if :math:`s (1 - s)\,d^T [(1 - s) A + s B]^{-1} d > 1` for some
    :math:`0 < s < 1` (the contact function of Perram and Wertheim). In the plane, with
    :math:`t = s / (1 - s)`, that is a cubic in :math:`t > 0` which is positive somewhere, and has
    one maximum at most:

    .. math::

        -|A| + (d^T A^* d - |A| - m)\,t + (d^T B^* d - |B| - m)\,t^2 - |B|\,t^3,

    where :math:`A^*` is the adjugate and :math:`m = \mathrm{tr}(A^* B)`.

    Parameters
    ----------
    apart_x, apart_y : float
        From the first one's centre to the second one's [um].
    semi_major, semi_minor, other_major, other_minor : float
        [um], > 0.
    angle, other_angle : float
        Of the long axes against x [rad].

    References
    ----------
    Perram and Wertheim (1985) J. Comput. Phys. 58:409, 10.1016/0021-9991(85)90171-8.
    """
    a, b = semi_major * semi_major, semi_minor * semi_minor
    c, d = other_major * other_major, other_minor * other_minor
    turn = math.cos(other_angle - angle) ** 2
    mixed = b * (c * turn + d * (1.0 - turn)) + a * (c * (1.0 - turn) + d * turn)
    own = _adjugate_form(apart_x, apart_y, a, b, angle)
    others = _adjugate_form(apart_x, apart_y, c, d, other_angle)
    linear, square, cubic = own - a * b - mixed, others - c * d - mixed, c * d
    inner = square * square + 3.0 * cubic * linear
    if inner < 0.0:
        return True
    root = math.sqrt(inner)
    # The larger root of the derivative, in the form that does not cancel.
    top = (square + root) / (3.0 * cubic) if square > 0.0 else linear / (root - square)
    # Without a maximum at t > 0 the cubic falls from below zero.
    return not top > 0.0 or -a * b + top * (linear + top * (square - top * cubic)) <= 0.0


@kernel(inline=True)
def _adjugate_form(x: float, y: float, major: float, minor: float, angle: float) -> float:
    """``d^T A* d`` of a matrix with eigenvalues ``major``, at an angle, and ``minor``."""
    along = x * math.cos(angle) + y * math.sin(angle)
    across = y * math.cos(angle) - x * math.sin(angle)
    return minor * along * along + major * across * across


@kernel()
def ellipse_at(
    xs: Array, ys: Array, x: Array, y: Array, semi_major: Array, semi_minor: Array, angle: Array
) -> NDArray[np.intp]:
    """Number of the ellipse that holds each place, the last of several, or `NONE`.

    Parameters
    ----------
    xs, ys : ndarray, shape (place,)
        [um].
    x, y, semi_major, semi_minor : ndarray, shape (ellipse,)
        [um].
    angle : ndarray, shape (ellipse,)
        Of the long axes against x [rad].

    Returns
    -------
    ndarray, shape (place,)
    """
    found = np.full(xs.size, NONE, np.intp)
    if x.size == 0:
        return found
    left, low = x.min(), y.min()
    buckets = empty_buckets(
        left, low, x.max() - left, y.max() - low, semi_major.max(), x.size
    )  # fmt: skip
    rows, columns = buckets.latest.shape
    cosine, sine = np.cos(angle), np.sin(angle)
    for n in range(x.size):
        put(buckets, n, x[n], y[n])
    for k in range(xs.size):
        row, column = bucket_of(buckets, xs[k], ys[k])
        for r in range(max(row - 1, 0), min(row + 2, rows)):
            for q in range(max(column - 1, 0), min(column + 2, columns)):
                n = buckets.latest[r, q]
                while n > found[k]:
                    if encloses(
                        xs[k] - x[n], ys[k] - y[n], semi_major[n], semi_minor[n], cosine[n], sine[n]
                    ):
                        found[k] = n
                    n = buckets.earlier[n]
    return found
