"""Mean and standard deviation of a replicate that is the sum of several views, from single dishes.

A replicate's number is a product of powers of sums over its views, such as cells over area for a
density. Its moments follow from the means and covariances of these sums (delta method: the mean to
second order in their scatter, the variance to first), for any number of views.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.claims import Pool, Quantity, Sample

Array = NDArray[np.float64]
Picks = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and standard deviation of replicates, arrays of the same shape.

    Parameters
    ----------
    mean, deviation : ndarray
        In the unit of the replicates' number.
    """

    mean: Array
    deviation: Array

    def varied(self, size: float, *, share: bool) -> "Moments":
        """With variation between experiments, which multiplies numbers log-normally.

        Parameters
        ----------
        size : float
            Coefficient of variation; the median factor is 1.
        share : bool
            Whether the odds are multiplied, to first order, instead of the number.
        """
        if share:
            apart = self.mean * (1.0 - self.mean) * size
            return Moments(self.mean, np.hypot(self.deviation, apart))
        square = 1.0 + size**2
        mean = self.mean * np.sqrt(square)
        variance = (self.deviation**2 + self.mean**2) * square**2 - mean**2
        return Moments(mean, np.sqrt(np.maximum(variance, 0.0)))


@dataclass(frozen=True, eq=False)
class Parts:
    """What a quantity's number is made of, in each dish of a pool.

    Parameters
    ----------
    values : ndarray, shape (dish, part)
        Of which sums over views are taken.
    powers : ndarray, shape (part,)
        1 or -1.
    """

    values: Array
    powers: Array

    def moments(self, views: int) -> Moments:
        """Of replicates of so many views, from all dishes; NaN if a denominator is 0."""
        picks = np.arange(len(self.values))[None]
        found = self.moments_of(picks, views)
        return Moments(found.mean[0], found.deviation[0])

    def moments_of(self, picks: Picks, views: int) -> Moments:
        """Of replicates, from some dishes in each row of picks, shape (row, dish).

        Returns
        -------
        Moments
            Of shape (row,).
        """
        center, influence, bias = self._expanded(picks)
        variance = influence.var(axis=1, ddof=1) / views
        return Moments(center * (1.0 + bias / views), np.abs(center) * np.sqrt(variance))

    def centers(self, picks: Picks) -> Array:
        """Number of all chosen dishes together, shape (row,)."""
        return self._expanded(picks)[0]

    def influences(self, picks: Picks) -> Array:
        """First-order deviations of the number that dishes cause, shape (row, dish)."""
        center, influence, _ = self._expanded(picks)
        return center[:, None] * influence

    def _expanded(self, picks: Picks) -> tuple[Array, Array, Array]:
        """Number of the means, relative deviations that dishes cause, and the relative bias."""
        chosen = self.values[picks]
        means = chosen.mean(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            center = np.prod(means**self.powers, axis=1)
            relative = chosen / means[:, None] - 1.0
        influence = relative @ self.powers
        # E[prod (1 + r)**p] is 1 + var(sum p r) / 2 - sum p var(r) / 2 to second order.
        each = relative.var(axis=1, ddof=1)
        bias = 0.5 * (influence.var(axis=1, ddof=1) - each @ self.powers)
        return center, influence, bias


def parts_of(pool: Pool, quantity: Quantity, of: str, time: float | None) -> Parts:
    """Parts of a quantity's number in a pool.

    Parameters
    ----------
    pool : Pool
    quantity : Quantity
    of : str
    time : float or None
        [s].
    """
    ratio = quantity.density_ratio
    if ratio is not None:
        columns: Sequence[Array] = [
            pool.stacked(name, region, time)[:, 0]
            for region in (of, ratio.base)
            for name in (ratio.counts, ratio.areas)
        ]
        return Parts(np.stack(columns, axis=1), np.array([1.0, -1.0, -1.0, 1.0]))
    values = pool.stacked(quantity.name, of, time)
    if quantity.sample is Sample.SHARE:
        return Parts(np.nan_to_num(values), np.array([1.0, -1.0]))
    if quantity.sample is Sample.CELLS:
        known = np.isfinite(values)
        sums = np.where(known, values, 0.0).sum(axis=1)
        return Parts(np.stack([sums, known.sum(axis=1)], axis=1), np.array([1.0, -1.0]))
    return Parts(values[:, :1], np.ones(1))
