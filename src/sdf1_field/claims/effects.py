"""Effects and tests of virtual experiments, as a paper's authors would compute them.

The unit of a sample's values is the quantity's `Sample`. NaN, such as a fold change where no cell
lies on free surface, is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.claims import significance
from sdf1_field.claims.pools import Samples, mean, ratio
from sdf1_field.claims.readings import Sample
from sdf1_field.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Statistic:
    """A number that describes one sample, or compares two, for each of many experiments.

    Parameters
    ----------
    effect : callable
        Of the sample and its reference; the sample is its own reference if there is none.
    samples : tuple of Sample
        Units of the samples that it can be computed from.
    ratio : bool
        Whether equal samples give 1; intervals are of its logarithm.
    compares : bool
        Whether a reference is required.
    """

    effect: Callable[[Samples, Samples], Array]
    samples: tuple[Sample, ...]
    ratio: bool = False
    compares: bool = False


def _mean(sample: Samples) -> Array:
    return mean(sample.pooled())


def _median(sample: Samples) -> Array:
    ordered = np.sort(sample.pooled(), axis=1)
    number = np.isfinite(ordered).sum(axis=1)
    middle = np.stack([(number - 1) // 2, number // 2], axis=1)
    found: Array = np.take_along_axis(ordered, np.maximum(middle, 0), axis=1).mean(axis=1)
    return np.where(number > 0, found, np.nan)


def _share(sample: Samples) -> Array:
    amount, total = sample.counts().T
    return ratio(amount, total)


def _total(sample: Samples) -> Array:
    if sample.kind is Sample.SHARE:
        return sample.counts()[:, 0]
    total: Array = sample.views * np.nansum(sample.pooled(), axis=1)
    return total


def _ratio(of: Callable[[Samples], Array]) -> Callable[[Samples, Samples], Array]:
    return lambda sample, reference: ratio(of(sample), of(reference))


def _difference(of: Callable[[Samples], Array]) -> Callable[[Samples, Samples], Array]:
    return lambda sample, reference: of(sample) - of(reference)


def _alone(of: Callable[[Samples], Array]) -> Callable[[Samples, Samples], Array]:
    return lambda sample, _: of(sample)


def _side_by_side(sample: Samples, other: Samples) -> tuple[Array, Array]:
    """Values of two quantities of the same cells."""
    a, b = sample.pooled(), other.pooled()
    if a.shape != b.shape or (np.isfinite(a).sum(axis=1) != np.isfinite(b).sum(axis=1)).any():
        raise InputError(
            "a rank correlation of quantities that are not of the same cells. Choose others."
        )
    return a, b


def _rank_correlation(sample: Samples, other: Samples) -> Array:
    return significance.spearman(*_side_by_side(sample, other))[0]


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


def _tested(sample: Samples, over_dishes: bool) -> Array:
    """Values that a test takes for independent, shape (draw, value)."""
    if over_dishes or sample.kind is not Sample.CELLS:
        return sample.by_replicate()
    return sample.pooled()


@dataclass(frozen=True)
class Tested:
    """Choices of a test.

    Parameters
    ----------
    over_dishes : bool
        Take a replicate's mean as one value, instead of each cell's.
    welch : bool
        Whether an unpaired t test allows for unequal variances.
    """

    over_dishes: bool = False
    welch: bool = False


def _unpaired(sample: Samples, reference: Samples, how: Tested) -> Array:
    control, treated = (_tested(side, how.over_dishes) for side in (reference, sample))
    return significance.unpaired_t(control, treated, welch=how.welch)


def _paired(sample: Samples, reference: Samples, how: Tested) -> Array:
    control, treated = (_tested(side, how.over_dishes) for side in (reference, sample))
    if control.shape != treated.shape:
        return np.full(len(control), np.nan)
    return significance.paired_t(control, treated)


def _ranks(sample: Samples, reference: Samples, how: Tested) -> Array:
    control, treated = (_tested(side, how.over_dishes) for side in (reference, sample))
    return significance.mann_whitney_u(control, treated)


def _counted(sample: Samples, reference: Samples, _: Tested) -> Array:
    return significance.chi_squared_yates(reference.counts(), sample.counts())


def _correlated(sample: Samples, other: Samples, _: Tested) -> Array:
    return significance.spearman(*_side_by_side(sample, other))[1]


UNPAIRED_T = "unpaired t"
"""The test that may be Student's or Welch's."""

TESTS: Mapping[str, Callable[[Samples, Samples, Tested], Array]] = {
    UNPAIRED_T: _unpaired,
    "paired t": _paired,
    "Mann-Whitney U": _ranks,
    "chi-squared (Yates)": _counted,
    "Spearman": _correlated,
}
"""The papers' tests, by their names in a targets file."""

OF_SHARES, OF_CELLS = ("chi-squared (Yates)",), ("Spearman",)
"""Tests for shares only, and for cells' values only."""


def p_value(
    test: str,
    sample: Sequence[Array],
    reference: Sequence[Array],
    kind: Sample,
    *,
    over_dishes: bool = False,
) -> float:
    """Two-sided p of one of the papers' tests in one experiment; NaN where it does not exist.

    Parameters
    ----------
    test : str
        A key of `TESTS`; the unpaired t is Student's.
    sample, reference : sequence of ndarray
        One array for each dish.
    kind : Sample
        Unit of the arrays' values.
    over_dishes : bool
        Take a dish's mean as one value, instead of each cell's.
    """
    own, other = (_one_experiment(dishes, kind) for dishes in (sample, reference))
    return float(TESTS[test](own, other, Tested(over_dishes))[0])


def _one_experiment(dishes: Sequence[Array], kind: Sample) -> Samples:
    width = max((len(dish) for dish in dishes), default=0)
    values = np.full((1, len(dishes), max(width, 2 if kind is Sample.SHARE else 1)), np.nan)
    for n, dish in enumerate(dishes):
        values[0, n, : len(dish)] = dish
    return Samples(kind, values, 1)
