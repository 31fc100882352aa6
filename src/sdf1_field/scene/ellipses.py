"""Ellipses on the floor: overlap of two, and point location.

Both are decided exactly, by the ellipses' equations.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.neighbours import adjacent, adjacent_run, bucket_of, make_buckets, sorted_places

Array = NDArray[np.float64]

NONE = -1
"""Number of no ellipse."""


@kernel(inline=True)
def encloses(
    off_x: float, off_y: float, semi_major: float, semi_minor: float, cosine: float, sine: float
) -> bool:
    """Whether an ellipse contains a place, its edge included.

    Parameters
    ----------
    off_x, off_y : float
        The place relative to the ellipse's centre [um].
    semi_major, semi_minor : float
        [um], > 0.
    cosine, sine : float
        Of the angle from x to the major axis [1].
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
    r"""Whether two ellipses have a common point; one may be inside the other.

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
        From x to the major axes [rad].

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
    """Number of the ellipse that contains each place, the last of several, or `NONE`.

    Parameters
    ----------
    xs, ys : ndarray, shape (place,)
        [um].
    x, y, semi_major, semi_minor : ndarray, shape (ellipse,)
        [um].
    angle : ndarray, shape (ellipse,)
        From x to the major axes [rad].

    Returns
    -------
    ndarray, shape (place,)
    """
    found = np.full(xs.size, NONE, np.intp)
    if x.size == 0:
        return found
    left, low = x.min(), y.min()
    width, length = x.max() - left, y.max() - low
    narrowest = max(semi_major.max(), math.sqrt(width * length / x.size))
    buckets = make_buckets(left, low, width, length, narrowest, x.size)
    order, begins = sorted_places(buckets, x, y)
    cosine, sine = np.cos(angle), np.sin(angle)
    for k in range(xs.size):
        row, column = bucket_of(buckets, xs[k], ys[k])
        for r in adjacent(row, buckets.rows):
            begin, end = adjacent_run(begins, buckets.columns, r, column)
            for m in range(begin, end):
                n = order[m]
                if n > found[k] and encloses(
                    xs[k] - x[n], ys[k] - y[n], semi_major[n], semi_minor[n], cosine[n], sine[n]
                ):
                    found[k] = n
    return found
