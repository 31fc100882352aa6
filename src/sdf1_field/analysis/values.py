"""Values of tables: plain numbers, None where there is none, and ratios over several dishes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """A ratio of counts or areas in several dishes.

    Parameters
    ----------
    amount, of : float
        Numerator and denominator, summed over dishes.
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
    """Measure from each dish's numerator and denominator."""
    amount, of = np.array(counted, dtype=float).T
    each = np.where(of > 0.0, amount / np.where(of > 0.0, of, 1.0), np.nan)
    total = float(of.sum())
    return Measure(
        amount=float(amount.sum()),
        of=total,
        pooled=float(amount.sum()) / total if total > 0.0 else math.nan,
        mean=float(each.mean()),
        deviation=float(each.std(ddof=1)) if len(each) > 1 else math.nan,
    )


@dataclass(frozen=True)
class Comparison:
    """One quantity compared with that of a control.

    Parameters
    ----------
    quantity : str
        Its key in a table's row.
    test, unit : str
        Which test, and the units (cells, migrasomes, fields, dishes) it takes for independent.
    treated, control : float
        Pooled over dishes, or means over units; NaN without any.
    p : float
        Two-sided; NaN where there is nothing to test.
    """

    quantity: str
    test: str
    unit: str
    treated: float
    control: float
    p: float

    @property
    def ratio(self) -> float:
        """Treated over control; NaN unless the control's is positive."""
        return self.treated / self.control if self.control > 0.0 else math.nan

    def row(self, **further: float | None) -> dict[str, Any]:
        """Row of a table."""
        return {
            "quantity": self.quantity,
            "runs": or_none(self.treated),
            "control": or_none(self.control),
            **further,
            "test": self.test,
            "unit": self.unit,
            "p": or_none(self.p),
        }


def compare_samples(
    quantity: str,
    treated: Array,
    control: Array,
    *,
    test: str,
    unit: str,
    p_of: Callable[[Array, Array], float],
) -> Comparison:
    """Comparison of two samples by their means, and by a test of control against treated."""
    return Comparison(
        quantity=quantity,
        test=test,
        unit=unit,
        treated=float(treated.mean()) if len(treated) else math.nan,
        control=float(control.mean()) if len(control) else math.nan,
        p=p_of(control, treated),
    )


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
