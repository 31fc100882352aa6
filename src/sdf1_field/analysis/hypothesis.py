"""The papers' tests; each gives the two-sided p, NaN where there is nothing to test."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sdf1_field.analysis.census import RESAMPLES
from sdf1_field.random import Stream, generator

Array = NDArray[np.float64]


def unpaired_t_test(control: Sequence[float], treated: Sequence[float]) -> float:
    """Two-sided p of Student's unpaired t test, as in the papers; NaN if there is no scatter.

    Examples
    --------
    >>> round(unpaired_t_test([5.0, 6.0, 7.0], [2.0, 3.0, 4.0]), 4)
    0.0213
    """
    a, b = np.asarray(control, dtype=float), np.asarray(treated, dtype=float)
    freedom = len(a) + len(b) - 2
    if min(len(a), len(b)) < 2:
        return math.nan
    squares = float(((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum())
    if not squares > 0.0:
        return math.nan
    error = math.sqrt(squares / freedom * (1.0 / len(a) + 1.0 / len(b)))
    return float(2.0 * stats.t.sf(abs(float(a.mean() - b.mean())) / error, freedom))


def paired_t_test(control: Sequence[float], treated: Sequence[float]) -> float:
    """Two-sided p of Student's t test on differences of pairs; NaN if these have no scatter.

    Parameters
    ----------
    control, treated : sequence of float
        Of the same donors, or seeds, in the same order.

    Examples
    --------
    >>> round(paired_t_test([5.0, 6.0, 7.0], [4.0, 4.0, 4.0]), 4)
    0.0742
    """
    difference = np.asarray(treated, dtype=float) - np.asarray(control, dtype=float)
    count = len(difference)
    if count < 2 or not difference.std() > 0.0:
        return math.nan
    error = float(difference.std(ddof=1)) / math.sqrt(count)
    return float(2.0 * stats.t.sf(abs(float(difference.mean())) / error, count - 1))


def mann_whitney_u_test(
    control: Sequence[float] | Array, treated: Sequence[float] | Array
) -> float:
    """Two-sided p of the Mann-Whitney U test; NaN if a group is empty or all values are equal.

    Examples
    --------
    >>> round(mann_whitney_u_test([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), 4)
    0.1
    """
    a, b = np.asarray(control, dtype=float), np.asarray(treated, dtype=float)
    if min(len(a), len(b)) == 0 or np.ptp(np.concatenate([a, b])) == 0.0:
        return math.nan
    return float(stats.mannwhitneyu(a, b, alternative="two-sided").pvalue)


def wilcoxon_signed_rank_test(
    control: Sequence[float] | Array, treated: Sequence[float] | Array
) -> float:
    """Two-sided p of Wilcoxon's signed-rank test on differences of pairs.

    Pairs without a difference are left out; NaN if none is left.

    Parameters
    ----------
    control, treated : sequence of float
        Partners in the same order.

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
    """Two-sided p of the chi-squared test with Yates' correction on two shares.

    With n in all and the table of a, b successes and c, d failures,
    ``n (|a d - b c| - n / 2)**2 / ((a + b) (c + d) (a + c) (b + d))``, where a difference smaller
    than the correction counts as none; NaN if a group is empty, or all or none succeed.

    Parameters
    ----------
    successes, totals : sequence of int, length 2
        Of each group.

    Examples
    --------
    >>> round(chi_squared_yates_test([12, 5], [20, 20]), 4)
    0.055

    References
    ----------
    Yates (1934) J. R. Stat. Soc. Suppl. 1:217.
    """
    (a, b), (first, second) = map(float, successes), map(float, totals)
    c, d, all_of_them = first - a, second - b, first + second
    margins = (a + b) * (c + d) * first * second
    if margins == 0.0:
        return math.nan
    excess = max(abs(a * d - b * c) - 0.5 * all_of_them, 0.0)
    return float(stats.chi2.sf(all_of_them * excess**2 / margins, 1))


def p_text(p: float | None) -> str:
    """A p as a paper prints it.

    Examples
    --------
    >>> p_text(0.0321), p_text(1e-9), p_text(None)
    ('0.032', '<0.001', '-')
    """
    if p is None or math.isnan(p):
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def ratio_of_medians(
    control: Array, treated: Array, *, paired: bool = False
) -> tuple[float, tuple[float, float]]:
    """Median of the treated over that of the control, and its 95 % bootstrap interval.

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
    rng = generator(0, Stream.BOOTSTRAP)
    picks = rng.integers(len(control), size=(RESAMPLES, len(control)))
    of_treated = picks if paired else rng.integers(len(treated), size=(RESAMPLES, len(treated)))
    below, above = np.median(control[picks], axis=1), np.median(treated[of_treated], axis=1)
    some = below > 0.0
    low, high = np.quantile(above[some] / below[some], [0.025, 0.975])
    return ratio, (float(low), float(high))
