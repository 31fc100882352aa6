"""Pools of independent dishes, and the virtual experiments that are drawn from them.

A replicate is one value of an experiment's test, such as one of the paper's n = 3; it is the sum of
one or several simulated views.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.claims.readings import DensityRatio, Reading, Sample
from sdf1_field.errors import InputError

Array = NDArray[np.float64]
Picks = NDArray[np.intp]
"""Dishes of virtual experiments, shape (draw, replicate, view)."""
_FEW = 8


@dataclass(frozen=True, eq=False)
class Pool:
    """Readings of the independent dishes of one condition.

    Parameters
    ----------
    unit : str
        Pools with the same unit have the same donors in the same order.
    dishes : tuple of sequence of Reading
    of_donor : int
        Number of successive dishes that belong to one donor; 1 without donors.
    """

    unit: str
    dishes: tuple[Sequence[Reading], ...]
    of_donor: int = 1

    @property
    def units(self) -> int:
        """Number of independent dishes, or donors."""
        return len(self.dishes) // self.of_donor

    def stacked(self, quantity: str, of: str, time: float | None) -> Array:
        """Values of a quantity in every dish, shape (dish, value), padded with NaN.

        Parameters
        ----------
        quantity, of : str
        time : float or None
            [s]; a quantity that is read once has the same values at every time.

        Raises
        ------
        InputError
            If a dish has no such reading.
        """
        rows = [values_of(dish, quantity, of, time) for dish in self.dishes]
        width = max((len(row) for row in rows), default=0)
        stack = np.full((len(rows), max(width, 1)), np.nan)
        for n, row in enumerate(rows):
            stack[n, : len(row)] = row
        return stack


def values_of(dish: Sequence[Reading], quantity: str, of: str, time: float | None) -> Array:
    """Values of a quantity in one dish; InputError if it is not read there."""
    found = [r for r in dish if r.quantity == quantity and r.of == of]
    if len(found) > 1:
        found = [r for r in found if r.time == time]
    if not found:
        raise InputError(
            f"'{quantity}'{f' of {of}' if of else ''} is not read in a dish that a claim names. "
            "Choose another quantity, or another model."
        )
    return found[0].values


@dataclass(frozen=True, eq=False)
class Samples:
    """A quantity in the replicates of one condition, for many virtual experiments.

    Parameters
    ----------
    kind : Sample
    values : ndarray, shape (draw, replicate, value)
        One value for a dish; for a share cells with the property and all cells; else one for each
        cell, padded with NaN.
    views : int
        Summed in each replicate.
    """

    kind: Sample
    values: Array
    views: int

    def by_replicate(self) -> Array:
        """One number for each replicate, shape (draw, replicate); NaN where there is none."""
        if self.kind is Sample.SHARE:
            return ratio(self.values[..., 0], self.values[..., 1])
        return mean(self.values)

    def pooled(self) -> Array:
        """Values of all replicates, shape (draw, value)."""
        return self.values.reshape(len(self.values), -1)

    def counts(self) -> Array:
        """Cells with the property, and all cells, of all replicates, shape (draw, 2)."""
        return summed(np.moveaxis(np.nan_to_num(self.values), 1, -1))

    def varied(self, factor: Array) -> "Samples":
        """Replicates that differ from the simulated ones by factors.

        Numbers are multiplied. Of a share the odds are multiplied, and the count is rounded to the
        nearest whole number.

        Parameters
        ----------
        factor : ndarray, shape (draw, replicate)
            Above 0.
        """
        if self.kind is not Sample.SHARE:
            return replace(self, values=self.values * factor[..., None])
        amount, total = np.moveaxis(self.values, -1, 0)
        odds = factor * amount
        whole = total - amount + odds
        varied = np.rint(total * ratio(odds, whole))
        kept = np.where(whole > 0.0, varied, amount)
        return replace(self, values=np.stack([kept, total], axis=-1))


def ratio(above: Array, below: Array) -> Array:
    """Quotient; NaN where the denominator is not above 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0.0, above / below, np.nan)


def mean(values: Array) -> Array:
    """Mean of the finite values along the last axis; NaN without any."""
    known = np.isfinite(values)
    return ratio(summed(np.where(known, values, 0.0)), summed(known.astype(float)))


def summed(values: Array) -> Array:
    """Sum along the last axis; over the few replicates of an experiment faster than NumPy's."""
    if 0 < values.shape[-1] <= _FEW:
        return functools.reduce(np.add, np.moveaxis(values, -1, 0))
    total: Array = values.sum(axis=-1)
    return total


def drawn(
    pool: Pool,
    picks: Picks,
    quantity: str,
    of: str,
    time: float | None,
    kind: Sample,
    density_ratio: DensityRatio | None = None,
) -> Samples:
    """Replicates of the drawn dishes.

    Views are summed: cells of regions and areas before densities and their ratio are formed, counts
    of a share, cells of a sample. Any other quantity of a dish is averaged over views.

    Parameters
    ----------
    pool : Pool
    picks : ndarray of int, shape (draw, replicate, view)
    quantity, of : str
    time : float or None
        [s].
    kind : Sample
    density_ratio : DensityRatio, optional
        The quantity's.
    """
    draws, replicates, views = picks.shape
    if density_ratio is not None:
        d = density_ratio
        parts = [
            summed(pool.stacked(name, region, time)[picks, 0])
            for region in (of, d.base)
            for name in (d.counts, d.areas)
        ]
        densities = ratio(parts[0], parts[1]), ratio(parts[2], parts[3])
        return Samples(kind, ratio(*densities)[..., None], views)
    values = pool.stacked(quantity, of, time)[picks]
    if kind is Sample.SHARE:
        return Samples(kind, np.nan_to_num(values).sum(axis=2), views)
    if kind is Sample.CELLS:
        return Samples(kind, values.reshape(draws, replicates, -1), views)
    return Samples(kind, mean(values[..., 0])[..., None], views)


def draw(pool: Pool, rng: np.random.Generator, *, draws: int, replicates: int, views: int) -> Picks:
    """Experiments drawn from a pool without replacement.

    A replicate's views are those of one donor where the pool has donors.

    Returns
    -------
    ndarray of int, shape (draws, replicates, views)

    Raises
    ------
    InputError
        If the pool is too small.
    """
    if pool.of_donor == 1:
        require_enough(pool.unit, len(pool.dishes), replicates * views)
        order = _first(rng, draws, len(pool.dishes), replicates * views)
        return order.reshape(draws, replicates, views)
    require_enough(pool.unit, pool.units, replicates)
    donors = _first(rng, draws, pool.units, replicates)
    own = _first(rng, draws * replicates, pool.of_donor, views).reshape(draws, replicates, views)
    return donors[..., None] * pool.of_donor + own


def _first(rng: np.random.Generator, draws: int, size: int, number: int) -> Picks:
    """Distinct numbers below a size in random order, shape (draws, number)."""
    return np.argsort(rng.random((draws, size)), axis=1)[:, :number]


def require_enough(name: str, have: int, need: int) -> None:
    """Refuse a pool from which no experiment can be drawn.

    Raises
    ------
    InputError
        If it has fewer dishes than an experiment needs.
    """
    if have < need:
        raise InputError(
            f"{name}: a pool of {have} is too small for experiments of {need}. "
            "Give more --dishes, or fewer --views."
        )


Pools = Mapping[str, Pool]
"""By condition."""
