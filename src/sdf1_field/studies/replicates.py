"""Mean and standard deviation of a replicate that is the sum of several views, from single dishes.

A replicate's number is a product of powers of sums over its views, such as cells over area for a
density. Its mean and variance are expanded in the inverse number of views: the leading orders
follow from the means and covariances of these sums (delta method), and the next ones are such that
a replicate of a single view has the mean and variance of the dishes' own numbers.
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
        center, influence, numbers = self._expanded(picks)
        leading = influence.var(axis=1, ddof=1)
        with np.errstate(invalid="ignore"):
            mean = numbers.mean(axis=1) - center
            further = numbers.var(axis=1, ddof=1) - leading
        # A dish without a number, such as one without free cells, leaves the leading order.
        mean, further = (np.where(np.isfinite(own), own, 0.0) for own in (mean, further))
        variance = leading / views + further / views**2
        return Moments(center + mean / views, np.sqrt(np.maximum(variance, 0.0)))

    def centers(self, picks: Picks) -> Array:
        """Number of all chosen dishes together, shape (row,)."""
        return self._expanded(picks)[0]

    def influences(self, picks: Picks) -> Array:
        """First-order deviations of the number that dishes cause, shape (row, dish)."""
        return self._expanded(picks)[1]

    def _expanded(self, picks: Picks) -> tuple[Array, Array, Array]:
        """Number of all dishes' sums, deviations from it by each dish, and dishes' own numbers."""
        chosen = self.values[picks]
        means = chosen.mean(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            center = np.prod(means**self.powers, axis=1)
            relative = chosen / means[:, None] - 1.0
            numbers = np.prod(chosen**self.powers, axis=2)
        return center, center[:, None] * (relative @ self.powers), numbers


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
