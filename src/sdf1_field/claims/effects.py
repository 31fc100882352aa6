"""Effects and tests of one experiment, as a paper's authors would compute them from its dishes.

A sample is a quantity as read in the dishes of one condition, one array for each dish; the unit of
its values is the quantity's `Sample`. NaN, such as a fold change where no cell lies on free
surface, is left out.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sdf1_field.claims.readings import Sample
from sdf1_field.errors import InputError
from sdf1_field.statistics import (
    chi_squared_yates_test,
    mann_whitney_u_test,
    paired_t_test,
    student_interval,
    unpaired_t_test,
)

Array = NDArray[np.float64]
Dishes: TypeAlias = Sequence[Array]
"""Values of a condition's dishes, one array for each."""


@dataclass(frozen=True)
class Statistic:
    """A number that describes one sample, or compares two.

    Parameters
    ----------
    effect : callable
        Of the sample and its reference; the sample is its own reference if there is none.
    samples : tuple of Sample
        Units of the samples that it can be computed from.
    ratio : bool
        Whether equal samples give 1; ratios are averaged as logarithms.
    compares : bool
        Whether a reference is required.
    """

    effect: Callable[[Dishes, Dishes], float]
    samples: tuple[Sample, ...]
    ratio: bool = False
    compares: bool = False


def _pooled(dishes: Dishes) -> Array:
    values = np.concatenate([[], *(np.asarray(dish, dtype=np.float64) for dish in dishes)])
    kept: Array = values[np.isfinite(values)]
    return kept


def _mean(dishes: Dishes) -> float:
    values = _pooled(dishes)
    return float(values.mean()) if len(values) else math.nan


def _median(dishes: Dishes) -> float:
    values = _pooled(dishes)
    return float(np.median(values)) if len(values) else math.nan


def _counts(dishes: Dishes) -> tuple[float, float]:
    known = [dish for dish in dishes if len(dish) and np.isfinite(dish).all()]
    amount, total = np.sum(known, axis=0) if known else (0.0, 0.0)
    return float(amount), float(total)


def _share(dishes: Dishes) -> float:
    amount, total = _counts(dishes)
    return amount / total if total > 0.0 else math.nan


def _total(dishes: Dishes) -> float:
    return float(np.nansum([dish[0] for dish in dishes]))


def _ratio(of: Callable[[Dishes], float]) -> Callable[[Dishes, Dishes], float]:
    def ratio(sample: Dishes, reference: Dishes) -> float:
        above, below = of(sample), of(reference)
        return above / below if below > 0.0 else math.nan

    return ratio


def _difference(of: Callable[[Dishes], float]) -> Callable[[Dishes, Dishes], float]:
    return lambda sample, reference: of(sample) - of(reference)


def _alone(of: Callable[[Dishes], float]) -> Callable[[Dishes, Dishes], float]:
    return lambda sample, _: of(sample)


def _rank_correlation(sample: Dishes, other: Dishes) -> float:
    a, b = _side_by_side(sample, other)
    if len(a) < 3 or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return math.nan
    return float(stats.spearmanr(a, b).statistic)


def _side_by_side(sample: Dishes, other: Dishes) -> tuple[Array, Array]:
    """Values of two quantities of the same cells."""
    a, b = np.concatenate(sample), np.concatenate(other)
    if len(a) != len(b):
        raise InputError(
            f"a rank correlation of {len(a)} values with {len(b)}: they are not of the same cells. "
            "Choose other quantities."
        )
    return a, b


_NUMBERS = (Sample.DISH, Sample.CELLS)
_SHARES = (Sample.SHARE,)

STATISTICS: Mapping[str, Statistic] = {
    "mean": Statistic(_alone(_mean), _NUMBERS),
    "median": Statistic(_alone(_median), _NUMBERS),
    "share": Statistic(_alone(_share), _SHARES),
    "total": Statistic(_alone(_total), (Sample.DISH, Sample.SHARE)),
    "ratio of means": Statistic(_ratio(_mean), _NUMBERS, ratio=True, compares=True),
    "ratio of medians": Statistic(_ratio(_median), _NUMBERS, ratio=True, compares=True),
    "ratio of shares": Statistic(_ratio(_share), _SHARES, ratio=True, compares=True),
    "difference of means": Statistic(_difference(_mean), _NUMBERS, compares=True),
    "difference of medians": Statistic(_difference(_median), _NUMBERS, compares=True),
    "difference of shares": Statistic(_difference(_share), _SHARES, compares=True),
    "rank correlation": Statistic(_rank_correlation, (Sample.CELLS,)),
}
"""By their names in a targets file."""


def _by_dish(dishes: Dishes, sample: Sample) -> list[float]:
    """One value for each dish."""
    if sample is Sample.SHARE:
        return [_share([dish]) for dish in dishes]
    return [_mean([dish]) for dish in dishes]


def _known(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def p_value(
    test: str, sample: Dishes, reference: Dishes, kind: Sample, *, over_dishes: bool = False
) -> float:
    """Two-sided p of one of the papers' tests; NaN where it does not exist.

    Parameters
    ----------
    test : str
        A key of `TESTS`.
    sample, reference : sequence of ndarray
        One array for each dish.
    kind : Sample
        Unit of the arrays' values.
    over_dishes : bool
        Take a dish's mean as one value, instead of each cell's.
    """
    return TESTS[test](sample, reference, kind, over_dishes)


def _values(dishes: Dishes, kind: Sample, over_dishes: bool) -> list[float]:
    if over_dishes or kind is not Sample.CELLS:
        return _by_dish(dishes, kind)
    return list(_pooled(dishes))


def _unpaired(sample: Dishes, reference: Dishes, kind: Sample, over_dishes: bool) -> float:
    both = (_known(_values(dishes, kind, over_dishes)) for dishes in (reference, sample))
    return unpaired_t_test(*both)


def _paired(sample: Dishes, reference: Dishes, kind: Sample, over_dishes: bool) -> float:
    first, second = (_values(dishes, kind, over_dishes) for dishes in (reference, sample))
    if len(first) != len(second):
        return math.nan
    pairs = [p for p in zip(first, second, strict=True) if all(map(math.isfinite, p))]
    return paired_t_test([a for a, _ in pairs], [b for _, b in pairs])


def _ranks(sample: Dishes, reference: Dishes, kind: Sample, over_dishes: bool) -> float:
    both = (_known(_values(dishes, kind, over_dishes)) for dishes in (reference, sample))
    return mann_whitney_u_test(*both)


def _counted(sample: Dishes, reference: Dishes, kind: Sample, over_dishes: bool) -> float:
    del kind, over_dishes
    (a, first), (b, second) = _counts(reference), _counts(sample)
    return chi_squared_yates_test([round(a), round(b)], [round(first), round(second)])


def _correlated(sample: Dishes, other: Dishes, kind: Sample, over_dishes: bool) -> float:
    del kind, over_dishes
    a, b = _side_by_side(sample, other)
    if len(a) < 3 or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return math.nan
    return float(stats.spearmanr(a, b).pvalue)


TESTS: Mapping[str, Callable[[Dishes, Dishes, Sample, bool], float]] = {
    "unpaired t": _unpaired,
    "paired t": _paired,
    "Mann-Whitney U": _ranks,
    "chi-squared (Yates)": _counted,
    "Spearman": _correlated,
}
"""The papers' tests, by their names in a targets file."""

OF_SHARES, OF_CELLS = ("chi-squared (Yates)",), ("Spearman",)
"""Tests for shares only, and for cells' values only."""


def mean_interval(effects: Sequence[float], *, ratio: bool) -> tuple[float, float, float]:
    """Mean of experiments' effects and its 95 % interval by Student's t.

    Parameters
    ----------
    effects : sequence of float
        One for each experiment; those that are not finite are left out.
    ratio : bool
        Average logarithms, if all are above zero.

    Returns
    -------
    tuple of float
        Mean, lower and upper end; the ends are NaN for fewer than two experiments.

    Examples
    --------
    >>> mean, low, high = mean_interval([1.0, 2.0, 4.0], ratio=True)
    >>> round(mean, 3), round(low, 3), round(high, 1)
    (2.0, 0.357, 11.2)
    """
    known = np.array(_known(effects))
    if not (ratio and len(known) and (known > 0.0).all()):
        return student_interval(known)
    mean, low, high = student_interval(np.log(known))
    return math.exp(mean), math.exp(low), math.exp(high)
