"""Values of tables: plain numbers, None where there is none, and ratios over several dishes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """Something counted, and over what, in several dishes.

    Parameters
    ----------
    amount, of : float
        What was counted in all dishes, and over what.
    pooled : float
        Their ratio; NaN over nothing.
    mean, deviation : float
        Of the dishes' own ratios, and their standard deviation; NaN if a dish has none, the
        deviation for one dish, too.
    """

    amount: float
    of: float
    pooled: float
    mean: float
    deviation: float


def over_dishes(counted: Sequence[tuple[float, float]]) -> Measure:
    """Measure of what was counted, and over what, in each dish."""
    amount, of = np.array(counted, dtype=float).T
    each = np.where(of > 0.0, amount / np.where(of > 0.0, of, 1.0), np.nan)
    total = float(of.sum())
    return Measure(
        amount=float(amount.sum()),
        of=total,
        pooled=over(float(amount.sum()), total),
        mean=float(each.mean()),
        deviation=float(each.std(ddof=1)) if len(each) > 1 else math.nan,
    )


def over(amount: float, of: float) -> float:
    """Ratio; NaN unless the denominator is positive."""
    return amount / of if of > 0.0 else math.nan


def measure_values(measure: Measure) -> dict[str, float | None]:
    """Values of a table's row from a measure."""
    return {
        "pooled": or_none(measure.pooled),
        "mean": or_none(measure.mean),
        "deviation": or_none(measure.deviation),
    }


def mean_and_deviation(values: Array) -> dict[str, float | None]:
    """Mean and standard deviation of values, None where they do not exist."""
    return {
        "mean": or_none(values.mean()) if len(values) else None,
        "deviation": or_none(values.std(ddof=1)) if len(values) > 1 else None,
    }


def or_none(value: float) -> float | None:
    """Plain number; None if it is not finite."""
    return float(value) if math.isfinite(value) else None


def ends_or_none(interval: Array | tuple[float, float]) -> list[float] | None:
    """Ends of an interval as plain numbers; None unless both are finite."""
    low, high = float(interval[0]), float(interval[1])
    return [low, high] if math.isfinite(low) and math.isfinite(high) else None
