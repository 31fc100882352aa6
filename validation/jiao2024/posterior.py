"""Weights of draws under J7 and J9, and quantiles and shares under weights.

J7 gives numbers, so the rates of fusion and release are fitted to it in every draw, and the
likelihood of the rest is what remains after integration over the rates,

    L = p(log k) / (d log rise / d log k)    at the rate k that gives the rise,

for each rate: a draw in which a small interval of rates gives J7's rise weighs less, and one in
which no rate within its interval does weighs nothing. p is constant, as rates are unmeasured over
decades. J9 is an inequality: each draw has one virtual paper, which reports it or not, and counts
or does not.
"""

from collections.abc import Sequence

import numpy as np
from experiments import Array, number_text
from scipy import stats

MIDDLE = 0.95
"""Probability inside an interval."""


def slopes(before: Sequence[float], after: Sequence[float], factor: float) -> Array:
    """``d log rise / d log k`` from each ligand's rises before and after a factor on ``k``."""
    return np.log(np.asarray(after) / np.asarray(before)) / np.log(factor)


def weights(slope: Array, counts: Array) -> Array:
    """Weights of draws, which sum to 1.

    Parameters
    ----------
    slope : ndarray, shape (draw, rate)
        ``d log rise / d log k`` > 0 of each rate that is fitted.
    counts : ndarray of bool, shape (draw,)
        Whether the draw reports what is conditioned on.

    Raises
    ------
    ValueError
        If no draw counts.
    """
    if not counts.any():
        raise ValueError("No draw reports what is conditioned on: draw more.")
    raw = np.where(counts, 1.0 / np.prod(slope, axis=1), 0.0)
    return raw / raw.sum()


def effective_number(weight: Array) -> float:
    """Kish's effective number of draws, ``1 / sum(w**2)`` for weights that sum to 1."""
    return float(1.0 / (weight**2).sum())


def quantile(values: Array, weight: Array, share: float) -> float:
    """Value below which a share of the weight lies, interpolated between draws."""
    order = np.argsort(values)
    middle = np.cumsum(weight[order]) - 0.5 * weight[order]
    return float(np.interp(share, middle, values[order]))


def quantile_text(values: Array, weight: Array) -> str:
    """Median, and the interval that holds 95 % of the weight."""
    low, high = (quantile(values, weight, share) for share in (0.5 - MIDDLE / 2, 0.5 + MIDDLE / 2))
    middle = quantile(values, weight, 0.5)
    return f"{number_text(middle)} ({number_text(low)} to {number_text(high)})"


def share_text(holds: Array, weight: Array) -> str:
    """Share of the weight with its 95 % interval by Wilson's method for the effective number."""
    number, share = effective_number(weight), float(weight[holds].sum())
    z = stats.norm.ppf(0.5 + MIDDLE / 2)
    centre = (share + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z / (1 + z**2 / number) * np.sqrt(share * (1 - share) / number + (z / (2 * number)) ** 2)
    return f"{share:.2f} ({max(centre - half, 0.0):.2f} to {min(centre + half, 1.0):.2f})"


def narrowing(values: Array, before: Array, after: Array) -> float:
    """Width of the central half of the logarithm after conditioning over that before it."""
    logs = np.log(values)
    widths = [
        quantile(logs, weight, 0.75) - quantile(logs, weight, 0.25) for weight in (before, after)
    ]
    return widths[1] / widths[0]
