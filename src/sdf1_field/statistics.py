"""Hypothesis tests, the bootstrap and confidence intervals.

Every test but those of directions is SciPy's, and gives the two-sided p unless it says otherwise;
where SciPy would warn or divide by zero (too few values, no variance, an empty margin) p is NaN.
Every interval is a 95 % interval.
"""

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sdf1_field.random import Stream, generator

Array = NDArray[np.float64]
Values = Sequence[float] | Array

RESAMPLES = 2000
"""Of every bootstrap."""
_CONFIDENCE, _ENDS = 0.95, (0.025, 0.975)
_FEWEST_VECTORS = 4
"""Units whose mean vector is tested, at least."""
_MANY = 5000
"""Units beyond which sums over resamples are normal to the precision of the resamples."""

_AT_ONCE = 1 << 22
"""Resampled values held at a time."""


def unpaired_t_test(control: Values, treated: Values) -> float:
    """Two-sided p of Student's unpaired t test (equal variances), as in the papers.

    Parameters
    ----------
    control, treated : array_like, shape (n,) and (m,)
        Independent values in one unit.

    Returns
    -------
    float
        NaN for fewer than two values on a side, or if neither side has any variance.

    Examples
    --------
    >>> round(unpaired_t_test([5.0, 6.0, 7.0], [2.0, 3.0, 4.0]), 4)
    0.0213
    """
    a, b = np.asarray(control, dtype=float), np.asarray(treated, dtype=float)
    if min(len(a), len(b)) < 2 or not max(a.std(), b.std()) > 0.0:
        return math.nan
    sides = [(side.mean(), side.std(ddof=1), len(side)) for side in (a, b)]
    return float(stats.ttest_ind_from_stats(*sides[0], *sides[1]).pvalue)


def paired_t_test(control: Values, treated: Values) -> float:
    """Two-sided p of Student's paired t test.

    Parameters
    ----------
    control, treated : array_like, shape (pair,)
        Values of the same donors, or seeds, in the same order.

    Returns
    -------
    float
        NaN for fewer than two pairs, or if the differences have no variance.

    Examples
    --------
    >>> round(paired_t_test([5.0, 6.0, 7.0], [4.0, 4.0, 4.0]), 4)
    0.0742
    """
    a, b = np.asarray(control, dtype=float), np.asarray(treated, dtype=float)
    if len(a) < 2 or not (b - a).std() > 0.0:
        return math.nan
    with warnings.catch_warnings():
        # SciPy warns of nearly equal differences.
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(stats.ttest_rel(a, b).pvalue)


def mann_whitney_u_test(control: Values, treated: Values) -> float:
    """Two-sided p of the Mann-Whitney U test.

    Exact for few values without ties, else by the normal approximation with corrections for ties
    and continuity (SciPy's choice). Arguments as of `unpaired_t_test`.

    Returns
    -------
    float
        NaN if a side is empty or all values are equal.

    Examples
    --------
    >>> round(mann_whitney_u_test([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), 4)
    0.1
    """
    a, b = np.asarray(control, dtype=float), np.asarray(treated, dtype=float)
    if min(len(a), len(b)) == 0 or np.ptp(np.concatenate([a, b])) == 0.0:
        return math.nan
    return float(stats.mannwhitneyu(a, b, alternative="two-sided").pvalue)


def wilcoxon_signed_rank_test(control: Values, treated: Values) -> float:
    """Two-sided p of Wilcoxon's signed-rank test.

    Parameters
    ----------
    control, treated : array_like, shape (pair,)
        Values of the same units in the same order; pairs without a difference are left out.

    Returns
    -------
    float
        NaN if no pair differs.

    Examples
    --------
    >>> round(wilcoxon_signed_rank_test([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0]), 4)
    0.125
    """
    difference = np.asarray(treated, dtype=float) - np.asarray(control, dtype=float)
    changed = difference[difference != 0.0]
    if len(changed) == 0:
        return math.nan
    return float(stats.wilcoxon(changed, alternative="two-sided").pvalue)


def chi_squared_yates_test(successes: Sequence[int], totals: Sequence[int]) -> float:
    """Two-sided p of the chi-squared test of two shares with Yates' continuity correction.

    A difference smaller than the correction counts as none.

    Parameters
    ----------
    successes, totals : sequence of int, length 2
        Of each group.

    Returns
    -------
    float
        NaN if a group is empty, or if all or none succeed.

    Examples
    --------
    >>> round(chi_squared_yates_test([12, 5], [20, 20]), 4)
    0.055

    References
    ----------
    Yates (1934) J. R. Stat. Soc. Suppl. 1:217.
    """
    table = np.array([successes, np.subtract(totals, successes)], dtype=float)
    if not (table.sum(axis=0).all() and table.sum(axis=1).all()):
        return math.nan
    return float(stats.chi2_contingency(table, correction=True).pvalue)


def rayleigh_test(angles: Values) -> float:
    """P of Rayleigh's test of uniform directions, against one preferred direction.

    ``p = exp(sqrt(1 + 4 n + 4 (n**2 - R**2)) - (1 + 2 n))`` with the length R of the sum of n unit
    vectors.

    Parameters
    ----------
    angles : array_like, shape (n,)
        [rad].

    Returns
    -------
    float
        NaN for fewer than two directions.

    Examples
    --------
    >>> round(rayleigh_test([0.1, -0.2, 0.3, 0.0, 0.2]), 3)
    0.002

    References
    ----------
    Zar (1999) Biostatistical Analysis, 4th ed., eq. 27.4.
    """
    own = np.asarray(angles, dtype=float)
    count = len(own)
    if count < 2:
        return math.nan
    square = float(np.cos(own).sum() ** 2 + np.sin(own).sum() ** 2)
    root = math.sqrt(max(1.0 + 4.0 * count + 4.0 * (count**2 - square), 0.0))
    return min(math.exp(root - (1.0 + 2.0 * count)), 1.0)


def v_test(angles: Values, direction: float) -> float:
    """One-sided p of the V test: Rayleigh's test against a direction that is given beforehand.

    Parameters
    ----------
    angles : array_like, shape (n,)
        [rad].
    direction : float
        [rad].

    Returns
    -------
    float
        Small if the directions gather around the given one, near 1 if around its opposite; NaN for
        fewer than two.

    Examples
    --------
    >>> ahead = [0.1, -0.2, 0.3, 0.0, 0.2]
    >>> v_test(ahead, 0.0) < 0.001, v_test(ahead, math.pi) > 0.99
    (True, True)

    References
    ----------
    Durand & Greenwood (1958) J. Geol. 66:229; Jammalamadaka & SenGupta (2001) Topics in Circular
    Statistics, section 3.3.
    """
    own = np.asarray(angles, dtype=float)
    count = len(own)
    if count < 2:
        return math.nan
    z = float(np.cos(own - direction).sum()) * math.sqrt(2.0 / count)
    first = (3.0 * z - z**3) / (16.0 * count)
    second = (15.0 * z + 305.0 * z**3 - 125.0 * z**5 + 9.0 * z**7) / (4608.0 * count**2)
    p = float(stats.norm.sf(z)) + float(stats.norm.pdf(z)) * (first + second)
    return min(max(p, 0.0), 1.0)


def mean_vector_test(sums: Array, counts: Values) -> float:
    """P that the mean of vectors in the plane is 0 (Hotelling's T-squared test over units).

    Units have several vectors each, which may depend on each other.

    Parameters
    ----------
    sums : ndarray, shape (unit, 2)
        Of each unit's vectors.
    counts : array_like, shape (unit,)
        Number of them.

    Returns
    -------
    float
        NaN for fewer than four units, or if they vary along one line only.

    Examples
    --------
    >>> ends = np.array([[2.0, 0.5], [1.5, -1.0], [3.0, 0.7], [2.5, 0.1], [2.0, -0.6]])
    >>> round(mean_vector_test(ends, np.ones(5)), 4)
    0.0026

    References
    ----------
    Hotelling (1931) Ann. Math. Stat. 2:360, 10.1214/aoms/1177732979.
    """
    weights = np.asarray(counts, dtype=float)
    units, total = len(sums), float(weights.sum())
    if units < _FEWEST_VECTORS:
        return math.nan
    mean = sums.sum(axis=0) / total
    apart = sums - weights[:, None] * mean
    spread = units / (units - 1.0) * (apart.T @ apart) / total**2
    if np.linalg.matrix_rank(spread) < 2:
        return math.nan
    square = float(mean @ np.linalg.solve(spread, mean))
    return float(stats.f.sf(square * (units - 2) / (2.0 * (units - 1)), 2, units - 2))


def p_text(p: float | None) -> str:
    """Text of a p with three decimals, as papers print it.

    Examples
    --------
    >>> p_text(0.0321), p_text(1e-9), p_text(None)
    ('0.032', '<0.001', '-')
    """
    if p is None or math.isnan(p):
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def resamples(*sizes: int) -> tuple[NDArray[np.int64], ...]:
    """Bootstrap resamples of one or several independent groups, as indices.

    Every call draws the same numbers, so that a table is the same each time it is made.

    Parameters
    ----------
    *sizes : int
        Units (dishes, cells) in each group.

    Returns
    -------
    tuple of ndarray of int, shape (RESAMPLES, size)
        For each group the units drawn, with replacement, in each resample.

    References
    ----------
    Efron (1979) Ann. Stat. 7:1.
    """
    rng = generator(0, Stream.BOOTSTRAP)
    return tuple(rng.integers(size, size=(RESAMPLES, size)) for size in sizes)


def resample_counts(size: int) -> NDArray[np.int64]:
    """Bootstrap resamples of one group, as how often each unit is drawn.

    For statistics of sums over units: those of all resamples are one matrix product.

    Parameters
    ----------
    size : int
        Units (cells) in the group.

    Returns
    -------
    ndarray of int, shape (RESAMPLES, size)
        Each row sums to ``size``.
    """
    rng = generator(0, Stream.BOOTSTRAP)
    return rng.multinomial(size, np.full(size, 1.0 / size), size=RESAMPLES)


def resampled_sums(values: Array) -> Array:
    """Sums over units in bootstrap resamples of one group.

    For many units they are drawn from the normal distribution with the resamples' mean and
    covariance, which is then indistinguishable and takes no memory.

    Parameters
    ----------
    values : ndarray, shape (unit, quantity)

    Returns
    -------
    ndarray, shape (RESAMPLES, quantity)
    """
    count = len(values)
    if count <= _MANY:
        return np.asarray(resample_counts(count) @ values)
    total = values.sum(axis=0)
    apart = values - total / count
    sizes, axes = np.linalg.eigh(apart.T @ apart)
    spread = axes * np.sqrt(np.maximum(sizes, 0.0))
    rng = generator(0, Stream.BOOTSTRAP)
    return np.asarray(total + rng.standard_normal((RESAMPLES, len(sizes))) @ spread.T)


def percentile_interval(resampled: Array) -> Array:
    """Bootstrap interval by the percentile method.

    Parameters
    ----------
    resampled : ndarray, shape (resample, ...)
        The statistic in each resample; NaN where it does not exist.

    Returns
    -------
    ndarray, shape (..., 2)
        Lower and upper end; NaN where no resample has the statistic.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.moveaxis(np.nanquantile(resampled, _ENDS, axis=0), 0, -1)


def ratio_of_medians(
    control: Array, treated: Array, *, paired: bool = False
) -> tuple[float, tuple[float, float]]:
    """Median of the treated over that of the control, and its bootstrap interval.

    Parameters
    ----------
    control : ndarray, shape (control cell,)
        Values >= 0, one for each cell, in any unit.
    treated : ndarray, shape (treated cell,)
        In the same unit; of as many cells if they are paired.
    paired : bool
        Draw partners together; they are in the same order.

    Returns
    -------
    ratio : float
        [1]; NaN if one side is empty or the control's median is 0.
    interval : tuple of float
        Its ends [1]; NaN if there are fewer than two cells on either side.
    """
    if min(len(control), len(treated)) == 0 or not np.median(control) > 0.0:
        return math.nan, (math.nan, math.nan)
    ratio = float(np.median(treated) / np.median(control))
    if min(len(control), len(treated)) < 2:
        return ratio, (math.nan, math.nan)
    picks = resamples(len(control)) * 2 if paired else resamples(len(control), len(treated))
    below, above = (
        np.concatenate(
            [
                np.median(values[part], axis=1)
                for part in np.array_split(own, 1 + own.size // _AT_ONCE)
            ]
        )
        for values, own in zip((control, treated), picks, strict=True)
    )
    some = below > 0.0
    low, high = percentile_interval(above[some] / below[some])
    return ratio, (float(low), float(high))


def student_interval(values: Values) -> tuple[float, float, float]:
    """Mean and its interval by Student's t.

    Parameters
    ----------
    values : array_like, shape (n,)

    Returns
    -------
    tuple of float
        Mean, lower and upper end; NaN without values, the ends for one value, too.

    Examples
    --------
    >>> tuple(round(end, 2) for end in student_interval([1.0, 2.0, 4.0]))
    (2.33, -1.46, 6.13)
    """
    own = np.asarray(values, dtype=float)
    mean = float(own.mean()) if len(own) else math.nan
    if len(own) < 2:
        return mean, math.nan, math.nan
    half = float(stats.t.ppf(_ENDS[1], len(own) - 1) * stats.sem(own))
    return mean, mean - half, mean + half


def wilson_interval(successes: int, total: int) -> tuple[float, float]:
    """Interval of a share by Wilson's score method; from 0 to 1 for a share of nothing.

    Examples
    --------
    >>> low, high = wilson_interval(15, 20)
    >>> round(low, 2), round(high, 2)
    (0.53, 0.89)

    References
    ----------
    Wilson (1927) J. Am. Stat. Assoc. 22:209.
    """
    if total == 0:
        return 0.0, 1.0
    ends = stats.binomtest(successes, total).proportion_ci(_CONFIDENCE, "wilson")
    return float(ends.low), float(ends.high)


def poisson_interval(count: int) -> tuple[float, float]:
    """Exact interval of the mean of a Poisson count (Garwood).

    Examples
    --------
    >>> low, high = poisson_interval(10)
    >>> round(low, 2), round(high, 2)
    (4.8, 18.39)

    References
    ----------
    Garwood (1936) Biometrika 28:437.
    """
    low, high = _ENDS
    return (
        float(stats.chi2.ppf(low, 2 * count)) / 2.0 if count else 0.0,
        float(stats.chi2.ppf(high, 2 * (count + 1))) / 2.0,
    )


def poisson_ratio_interval(count: int, of: int) -> tuple[float, float]:
    """Exact interval of the ratio of the means of two Poisson counts.

    Given their sum, the first is binomial, and its share has Clopper and Pearson's interval.

    Returns
    -------
    tuple of float
        From 0 without a first count; to infinity without a second one.

    Examples
    --------
    >>> low, high = poisson_ratio_interval(20, 10)
    >>> round(low, 2), round(high, 2)
    (0.89, 4.78)

    References
    ----------
    Clopper & Pearson (1934) Biometrika 26:404.
    """
    if count + of == 0:
        return 0.0, math.inf
    ends = stats.binomtest(count, count + of).proportion_ci(_CONFIDENCE, "exact")
    low, high = float(ends.low), float(ends.high)
    return low / (1.0 - low) if low < 1.0 else math.inf, (
        high / (1.0 - high) if high < 1.0 else math.inf
    )


def weighted_quantiles(values: Array, weights: Array, shares: Sequence[float]) -> Array:
    """Quantiles of weighted values, linear between the middles of their weights.

    Parameters
    ----------
    values, weights : ndarray, shape (value,)
        The weights sum to 1.
    shares : sequence of float

    Examples
    --------
    >>> weighted_quantiles(np.array([1.0, 3.0, 2.0]), np.array([0.25, 0.25, 0.5]), [0.5]).tolist()
    [2.0]
    """
    order = np.argsort(values)
    own = weights[order]
    return np.asarray(np.interp(shares, np.cumsum(own) - 0.5 * own, values[order]))


def weighted_correlations(points: Array, weights: Array) -> Array:
    """Pearson's correlations of the columns of weighted points; 0 for one that does not vary.

    Parameters
    ----------
    points : ndarray, shape (point, column)
    weights : ndarray, shape (point,)
        They sum to 1.

    Returns
    -------
    ndarray, shape (column, column)
    """
    apart = points - weights @ points
    covariance = (weights[:, None] * apart).T @ apart
    spread = np.sqrt(np.maximum(np.diag(covariance), np.finfo(float).tiny))
    return np.asarray(covariance / np.outer(spread, spread))
