"""Ratios of means over dishes, and their intervals."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

_CONFIDENCE = 0.95


def ratio_of_means(
    control: Array, treated: Array, *, paired: bool = False, confidence: float = _CONFIDENCE
) -> tuple[float, tuple[float, float]]:
    """Mean of the treated over that of the control, and its interval.

    The interval is Student's of the ratio's logarithm, whose variance is that of
    ``t / mean(t) - c / mean(c)`` over pairs, or the sum of both sides' (the delta method, with
    Welch's degrees of freedom).

    Parameters
    ----------
    control, treated : ndarray, shape (n,) and (m,)
        Values >= 0 in one unit; in the same order if they are paired.
    paired : bool
    confidence : float
        Of the interval.

    Returns
    -------
    ratio : float
        [1]; NaN if a side is empty or the control's mean is 0.
    interval : tuple of float
        Its ends [1]; NaN for fewer than two values on a side, a mean of 0, or values without
        scatter, as where all cells of a region are in one dish.

    Examples
    --------
    >>> control, treated = np.array([4.0, 6.0, 8.0]), np.array([2.0, 3.0, 5.0])
    >>> ratio, (low, high) = ratio_of_means(control, treated, paired=True)
    >>> round(ratio, 3), round(low, 2), round(high, 2)
    (0.556, 0.39, 0.8)
    """
    if min(len(control), len(treated)) == 0 or not control.mean() > 0.0:
        return math.nan, (math.nan, math.nan)
    ratio = float(treated.mean() / control.mean())
    if min(len(control), len(treated)) < 2 or not ratio > 0.0:
        return ratio, (math.nan, math.nan)
    own, other = treated / treated.mean(), control / control.mean()
    if paired:
        variance, freedom = float((own - other).var(ddof=1) / len(own)), len(own) - 1.0
    else:
        sides = [(side.var(ddof=1) / len(side), len(side)) for side in (own, other)]
        variance = float(sum(v for v, _ in sides))
        apart = sum(v**2 / (n - 1) for v, n in sides)
        freedom = variance**2 / apart if apart > 0.0 else math.inf
    if not variance > 0.0:
        return ratio, (math.nan, math.nan)
    half = float(stats.t.isf(0.5 * (1.0 - confidence), freedom)) * math.sqrt(variance)
    return ratio, (ratio * math.exp(-half), ratio * math.exp(half))
