"""Power of the t tests: the chance that samples of a given size differ significantly.

Samples are normal; their variances may differ. The difference of means and the samples' variances
are then independent, so that the power is the chance of a large difference, averaged over the
variances that samples may have. For Student's test of equal variances that is the noncentral t
distribution, of which SciPy's is used.
"""

import functools

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Array = NDArray[np.float64]

STUDENT, WELCH, PAIRED = "student", "welch", "paired"
TESTS = (STUDENT, WELCH, PAIRED)

_NODES = 24
"""Of the quadrature over each sample's variance: power is right within 2e-4."""
_LARGE = 20
"""Values from which on a sum of variances is taken for chi-squared, with Satterthwaite's degrees of
freedom, which moves power by less than 0.001."""
_SURE = 10.0
_MOST = 37.0
"""Noncentrality beyond which power is 1 and SciPy's distribution underflows."""


def one_sample_power(effect: Array, deviation: Array, number: int, alpha: float) -> Array:
    """Power of the two-sided one-sample t test, as of the differences of pairs.

    Parameters
    ----------
    effect, deviation : ndarray
        Mean of a normal sample, and its standard deviation, in one unit.
    number : int
        Of values, 2 or more.
    alpha : float
        Level, from 0 to 1.

    Examples
    --------
    >>> round(float(one_sample_power(np.array(0.5), np.array(1.0), 34, 0.05)), 3)
    0.808
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        noncentrality = np.abs(effect) / deviation * np.sqrt(number)
    return _beyond(noncentrality, number - 1.0, stats.t.isf(0.5 * alpha, number - 1.0))


def _beyond(noncentrality: Array, freedom: Array | float, limit: Array | float) -> Array:
    """Chance that a noncentral t is beyond a limit, on either side."""
    # The square of a noncentral t is a noncentral F, which has both of its tails.
    square = np.minimum(noncentrality, _MOST) ** 2
    found: Array = 1.0 - special.ncfdtr(1.0, freedom, square, np.square(limit))
    # SciPy's distribution also fails where many values make a large noncentrality sure.
    sure = (noncentrality > _MOST) | (np.isnan(found) & (noncentrality > _SURE))
    return np.where(sure, 1.0, found)


def two_sample_power(
    effect: Array, deviations: tuple[Array, Array], number: int, alpha: float, *, welch: bool
) -> Array:
    """Power of the two-sided unpaired t test of two normal samples of the same size.

    Parameters
    ----------
    effect : ndarray
        Difference of the means.
    deviations : tuple of ndarray
        Standard deviations of the two, in the same unit.
    number : int
        Of values in each sample, 2 or more.
    alpha : float
    welch : bool
        Welch's test, with Satterthwaite's degrees of freedom, and not Student's.

    Notes
    -----
    Given the samples' variances, the test finds differences beyond ``t sqrt((u + w) / n)``, where
    ``t`` is the limit at ``2 n - 2`` degrees of freedom, or at Satterthwaite's
    ``(n - 1) (u + w)**2 / (u**2 + w**2)``; that is averaged over the variances ``u`` and ``w``,
    which are chi-squared, by Gauss and Legendre's quadrature in their distribution functions.

    Examples
    --------
    >>> one = np.array(1.0)
    >>> round(float(two_sample_power(one, (one, one), 20, 0.05, welch=False)), 4)
    0.869

    References
    ----------
    Satterthwaite (1946) Biometrics Bull. 2:110; Moser, Stevens & Watts (1989) Commun. Stat. Theory
    Methods 18:3963, 10.1080/03610928908830135.
    """
    first, second = (np.asarray(one, dtype=np.float64) for one in deviations)
    most = 2.0 * number - 2.0
    if number >= _LARGE or (not welch and np.array_equal(first, second)):
        u, w = first**2, second**2
        with np.errstate(divide="ignore", invalid="ignore"):
            freedom = (number - 1.0) * (u + w) ** 2 / (u**2 + w**2)
            noncentrality = np.abs(effect) / np.sqrt((u + w) / number)
        limit = stats.t.isf(0.5 * alpha, freedom if welch else most)
        return _beyond(noncentrality, freedom, limit)
    variances, weights = _variances(number - 1)
    u = first[..., None, None] ** 2 * variances[:, None]
    w = second[..., None, None] ** 2 * variances[None, :]
    freedom = np.full_like(u + w, most)
    if welch:
        freedom = (number - 1.0) * (u + w) ** 2 / (u**2 + w**2)
    limit = _limit(freedom, number, alpha) * np.sqrt((u + w) / number)
    error = np.sqrt((first**2 + second**2) / number)[..., None, None]
    size = np.abs(np.asarray(effect, dtype=np.float64))[..., None, None]
    beyond = special.ndtr((size - limit) / error) + special.ndtr((-size - limit) / error)
    found: Array = np.einsum("...ij,i,j->...", beyond, weights, weights)
    return found


@functools.cache
def _variances(freedom: int) -> tuple[Array, Array]:
    """Variances of samples from a normal distribution of variance 1, and their weights."""
    places, weights = np.polynomial.legendre.leggauss(_NODES)
    return stats.chi2.ppf(0.5 * (1.0 + places), freedom) / freedom, 0.5 * weights


def _limit(freedom: Array, number: int, alpha: float) -> Array:
    """Two-sided limits of t, interpolated between ``n - 1`` and ``2 n - 2`` degrees of freedom."""
    # Nearly a line in the inverse degrees of freedom.
    inverse = np.linspace(1.0 / (2.0 * number - 2.0), 1.0 / (number - 1.0), 65)
    limits = stats.t.isf(0.5 * alpha, 1.0 / inverse)
    found: Array = np.interp(1.0 / freedom, inverse, limits)
    return found
