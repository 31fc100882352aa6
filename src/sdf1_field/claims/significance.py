"""The papers' tests, of many virtual experiments at once.

Every function takes one row for each experiment, with NaN where a row has fewer values, and gives
the two-sided p of each row; NaN where the test does not exist (too few values, no variance). The
values are SciPy's, which tests one experiment at a time.
"""

import functools

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sdf1_field.claims.pools import summed

Array = NDArray[np.float64]

_EXACT = 8
"""Values on a side up to which the Mann-Whitney U test is exact, without ties (as in SciPy)."""
_LAST = np.int64(2**63 - 1)
"""Largest whole number of 64 bits; also all bits but the sign's."""


def _moments(rows: Array) -> tuple[Array, Array, Array]:
    """Number, mean and variance (n - 1) of the finite values of each row."""
    known = np.isfinite(rows)
    number = summed(known.astype(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = summed(np.where(known, rows, 0.0)) / number
        squares = summed(np.where(known, (rows - mean[..., None]) ** 2, 0.0))
        return number, mean, np.where(number > 1, squares / (number - 1.0), np.nan)


def _two_sided(t: Array, freedom: Array) -> Array:
    p: Array = 2.0 * special.stdtr(freedom, -np.abs(t))
    return p


def unpaired_t(control: Array, treated: Array, *, welch: bool) -> Array:
    """P of the unpaired t test: Student's (equal variances), or Welch's.

    Parameters
    ----------
    control, treated : ndarray, shape (draw, n) and (draw, m)
    welch : bool

    Returns
    -------
    ndarray, shape (draw,)
        NaN for fewer than two values on a side, or if neither side has any variance.
    """
    (n, a, u), (m, b, w) = _moments(control), _moments(treated)
    with np.errstate(invalid="ignore", divide="ignore"):
        if welch:
            error = u / n + w / m
            freedom = error**2 / ((u / n) ** 2 / (n - 1.0) + (w / m) ** 2 / (m - 1.0))
        else:
            freedom = n + m - 2.0
            error = ((n - 1.0) * u + (m - 1.0) * w) / freedom * (1.0 / n + 1.0 / m)
        p = _two_sided((b - a) / np.sqrt(error), freedom)
    return np.where(error > 0.0, p, np.nan)


def paired_t(control: Array, treated: Array) -> Array:
    """P of the paired t test; shapes (draw, pair).

    Returns
    -------
    ndarray, shape (draw,)
        NaN for fewer than two pairs, or if the differences have no variance.
    """
    n, mean, variance = _moments(treated - control)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = _two_sided(mean / np.sqrt(variance / n), n - 1.0)
    return np.where(variance > 0.0, p, np.nan)


def average_ranks(rows: Array) -> Array:
    """Ranks of each row's finite values, ties averaged.

    Parameters
    ----------
    rows : ndarray, shape (draw, n)

    Returns
    -------
    ndarray, shape (draw, n)
        From 1; NaN where the value is.
    """
    draws, size = rows.shape
    if size == 0:
        return np.zeros((draws, 0))
    order = np.argsort(rows, axis=1)
    ordered = np.take_along_axis(rows, order, axis=1)
    change = np.ones((draws, size), dtype=np.bool_)
    change[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    begins = np.flatnonzero(change)
    sizes = np.diff(np.append(begins, draws * size))
    mean = np.repeat(begins % size + 0.5 * (sizes + 1.0), sizes).reshape(draws, size)
    ranks = np.empty(rows.shape)
    np.put_along_axis(ranks, order, np.where(np.isfinite(ordered), mean, np.nan), axis=1)
    return ranks


def mann_whitney_u(control: Array, treated: Array) -> Array:
    """P of the Mann-Whitney U test; shapes (draw, n) and (draw, m).

    Exact for few values without ties, else by the normal approximation with corrections for ties
    and continuity.

    Returns
    -------
    ndarray, shape (draw,)
        NaN if a side is empty or all values are equal.
    """
    ranks, ties = _rank_sum(control, treated)
    n = np.isfinite(control).sum(axis=1).astype(float)
    m = np.isfinite(treated).sum(axis=1).astype(float)
    total = n + m
    u = ranks - 0.5 * n * (n + 1.0)
    u = np.maximum(u, n * m - u)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)))
        z = (u - 0.5 * n * m - 0.5) / np.sqrt(variance)
        p = np.minimum(2.0 * special.ndtr(-z), 1.0)
    p = np.where((n > 0) & (m > 0) & (variance > 0.0), p, np.nan)
    few = (np.minimum(n, m) <= _EXACT) & (ties == 0.0) & np.isfinite(p)
    for k in np.flatnonzero(few):
        above = _u_tail(int(n[k]), int(m[k]))
        p[k] = min(2.0 * above[round(u[k])], 1.0)
    return p


def _rank_sum(control: Array, treated: Array) -> tuple[Array, Array]:
    """Sum of the control's ranks among both sides, ties averaged, and the sum of ``t**3 - t``.

    One sort of whole numbers that are ordered as the values are, with the side in the last bit, so
    that values are told apart to one bit less than they have.
    """
    both = np.concatenate([control, treated], axis=1) + 0.0
    draws, size = both.shape
    if size == 0:
        return np.zeros(draws), np.zeros(draws)
    bits = both.view(np.int64)
    keys = np.where(bits < 0, bits ^ _LAST, bits)
    keys = np.where(np.isfinite(both), keys, _LAST) & ~np.int64(1)
    keys[:, control.shape[1] :] |= 1
    keys.sort(axis=1)
    values = keys >> 1
    change = np.ones((draws, size), dtype=np.bool_)
    change[:, 1:] = values[:, 1:] != values[:, :-1]
    begins = np.flatnonzero(change)
    sizes = np.diff(np.append(begins, draws * size)).astype(float)
    own = sizes - np.add.reduceat((keys & 1).ravel(), begins)
    row, place = np.divmod(begins, size)
    known = values.ravel()[begins] != _LAST >> 1
    ranks = np.where(known, own * (place + 0.5 * (sizes + 1.0)), 0.0)
    ties = np.where(known, sizes**3 - sizes, 0.0)
    by_row = [np.bincount(row, each, draws).astype(np.float64) for each in (ranks, ties)]
    return by_row[0], by_row[1]


@functools.cache
def _u_tail(n: int, m: int) -> Array:
    """Probability that U is at least 0, 1, ... ``n m``, if both sides are alike.

    Coefficients of the Gaussian binomial: product of (1 - q**(m + k)) / (1 - q**k), k to n.
    """
    size = n * m + 1
    counts = np.zeros(size)
    counts[0] = 1.0
    for k in range(1, n + 1):
        for j in range(size - 1, m + k - 1, -1):
            counts[j] -= counts[j - m - k]
        for j in range(k, size):
            counts[j] += counts[j - k]
    shares: Array = counts / counts.sum()
    return shares[::-1].cumsum()[::-1]


def chi_squared_yates(control: Array, treated: Array) -> Array:
    """P of the chi-squared test of two shares with Yates' continuity correction.

    Parameters
    ----------
    control, treated : ndarray, shape (draw, 2)
        Cells with the property, and all cells; rounded to whole numbers.

    Returns
    -------
    ndarray, shape (draw,)
        NaN if a group is empty, or if all or none have the property.
    """
    (a, first), (b, second) = np.rint(control).T, np.rint(treated).T
    c, d, total = first - a, second - b, first + second
    with np.errstate(invalid="ignore", divide="ignore"):
        margins = (a + b) * (c + d) * first * second
        apart = np.maximum(np.abs(a * d - b * c) - 0.5 * total, 0.0)
        p = special.chdtrc(1.0, total * apart**2 / margins)
    return np.where(margins > 0.0, p, np.nan)


def spearman(first: Array, second: Array) -> tuple[Array, Array]:
    """Rank correlation of two quantities of the same cells, and its p; shapes (draw, n).

    Returns
    -------
    correlation, p : ndarray, shape (draw,)
        NaN for fewer than three cells, or if one quantity does not vary.
    """
    both = np.isfinite(first) & np.isfinite(second)
    ranks = [average_ranks(np.where(both, rows, np.nan)) for rows in (first, second)]
    n = both.sum(axis=1).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = (np.where(both, r - (0.5 * (n + 1.0))[:, None], 0.0) for r in ranks)
        spread = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
        r = np.where((n > 2) & (spread > 0.0), (x * y).sum(axis=1) / spread, np.nan)
        t = r * np.sqrt((n - 2.0) / ((1.0 - r) * (1.0 + r)))
    return r, np.where(np.isfinite(r), _two_sided(t, n - 2.0), np.nan)
