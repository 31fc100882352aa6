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


def average_ranks(rows: Array) -> tuple[Array, Array]:
    """Ranks of each row's finite values, ties averaged, and the tie sum of ``t**3 - t``.

    Parameters
    ----------
    rows : ndarray, shape (draw, n)

    Returns
    -------
    ranks : ndarray, shape (draw, n)
        From 1; NaN where the value is.
    ties : ndarray, shape (draw,)
    """
    draws, size = rows.shape
    if size == 0:
        return np.zeros((draws, 0)), np.zeros(draws)
    order = np.argsort(rows, axis=1)
    ordered = np.take_along_axis(rows, order, axis=1)
    place = np.broadcast_to(np.arange(size), rows.shape)
    change = np.ones((draws, size), dtype=np.bool_)
    change[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.maximum.accumulate(np.where(change, place, 0), axis=1)
    ends = np.ones((draws, size), dtype=np.bool_)
    ends[:, :-1] = change[:, 1:]
    last = np.minimum.accumulate(np.where(ends, place, size)[:, ::-1], axis=1)[:, ::-1]
    known = np.isfinite(ordered)
    ranks = np.empty(rows.shape)
    mean = np.where(known, 0.5 * (first + last) + 1.0, np.nan)
    np.put_along_axis(ranks, order, mean, axis=1)
    tied = np.where(known & ends, last - first + 1.0, 0.0)
    return ranks, (tied**3 - tied).sum(axis=1)


def mann_whitney_u(control: Array, treated: Array) -> Array:
    """P of the Mann-Whitney U test; shapes (draw, n) and (draw, m).

    Exact for few values without ties, else by the normal approximation with corrections for ties
    and continuity.

    Returns
    -------
    ndarray, shape (draw,)
        NaN if a side is empty or all values are equal.
    """
    ranks, ties = average_ranks(np.concatenate([control, treated], axis=1))
    own = ranks[:, : control.shape[1]]
    n = np.isfinite(own).sum(axis=1).astype(float)
    m = np.isfinite(treated).sum(axis=1).astype(float)
    total = n + m
    u = np.nansum(own, axis=1) - 0.5 * n * (n + 1.0)
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
    ranks = [average_ranks(np.where(both, rows, np.nan))[0] for rows in (first, second)]
    n = both.sum(axis=1).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = (np.where(both, r - (0.5 * (n + 1.0))[:, None], 0.0) for r in ranks)
        spread = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
        r = np.where((n > 2) & (spread > 0.0), (x * y).sum(axis=1) / spread, np.nan)
        t = r * np.sqrt((n - 2.0) / ((1.0 - r) * (1.0 + r)))
    return r, np.where(np.isfinite(r), _two_sided(t, n - 2.0), np.nan)
