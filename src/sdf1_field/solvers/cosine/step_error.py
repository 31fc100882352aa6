"""Error estimate of a step, over its tolerance."""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.solvers.cosine.stages import GAMMA
from sdf1_field.solvers.cosine.tolerances import Tolerances

Array = NDArray[np.float64]


def error_over_tolerance(
    before: Array, middle: Array, after: Array, size: Array, ahead: float, tolerances: Tolerances
) -> float:
    """Error over tolerance of the mean or of the deviation from it, whichever is larger.

    The error is the difference from the embedded first-order result ``y + step f(y_1)``; it is
    measured against ``size`` and ``ahead`` times the gain of the step.

    Parameters
    ----------
    before, middle, after : ndarray, shape (ny, nx)
        Values at the beginning, after the first stage, and at the end.
    size : ndarray, shape (ny, nx)
        Values against which the error is relative, in the same unit.
    ahead : float
        Weight of the step's gain [1].
    tolerances : Tolerances
    """
    rows = np.empty((after.shape[0], 6))
    error = float(after[0, 0] - before[0, 0] - (middle[0, 0] - before[0, 0]) / GAMMA)
    origin = float(size[0, 0])
    _moments(before, middle, after, size, error, origin, rows)
    total = rows.sum(axis=0) / after.size
    mean_error, mean, gain = total[0] + error, total[2] + origin, total[4]
    deviation_error, deviation, spread = (
        math.sqrt(max(float(total[n + 1] - total[n] ** 2), 0.0)) for n in (0, 2, 4)
    )
    limit, later = tolerances.first_order, tolerances.relative * ahead
    return float(
        max(
            abs(mean_error) / (limit * abs(mean) + later * abs(gain) + tolerances.absolute),
            deviation_error / (limit * deviation + later * spread + tolerances.absolute),
        )
    )


@kernel(parallel=True)
def _moments(
    before: Array,
    middle: Array,
    after: Array,
    size: Array,
    origin_error: float,
    origin: float,
    rows: Array,
) -> None:
    """Sums by row of error, size and gain and of their squares, error and size less an origin.

    Parameters
    ----------
    before, middle, after, size : ndarray, shape (ny, nx)
        As of `error_over_tolerance`.
    origin_error, origin : float
        Subtracted from error and size, against cancellation.
    rows : ndarray, shape (ny, 6)
        Overwritten.
    """
    ny, nx = after.shape
    for p in numba.prange(ny):
        e1, e2, a1, a2, g1, g2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for q in range(nx):
            gain = after[p, q] - before[p, q]
            e = gain - (middle[p, q] - before[p, q]) / GAMMA - origin_error
            a = size[p, q] - origin
            e1 += e
            e2 += e * e
            a1 += a
            a2 += a * a
            g1 += gain
            g2 += gain * gain
        rows[p, 0], rows[p, 1] = e1, e2
        rows[p, 2], rows[p, 3] = a1, a2
        rows[p, 4], rows[p, 5] = g1, g2
