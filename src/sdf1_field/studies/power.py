"""Power of a planned experiment: the chance that it finds the difference between two models.

The experiment compares two groups of n replicates by a two-sided t test. A replicate is the sum of
several simulated views, and may differ from others by more than its dishes do. Power is counted in
experiments that are drawn from pools of simulated dishes, as far as the pools are large enough, and
follows from the moments of single dishes for experiments of any size.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.claims import Interval, Pool, Quantity, Sample
from sdf1_field.claims.chances import LEAST_UNITS, Agreeing, Drawn, chance, pooled_interval
from sdf1_field.claims.pools import Picks, Samples, draw, drawn, ratio
from sdf1_field.claims.significance import paired_t, unpaired_t
from sdf1_field.claims.virtual import SIZES, prior_weights
from sdf1_field.random import Stream, generator, name_key
from sdf1_field.studies.replicates import Moments, Parts, parts_of
from sdf1_field.studies.t_power import PAIRED, WELCH, one_sample_power, two_sample_power

Array = NDArray[np.float64]

DISHES = 48
"""Of each model, by default."""
NUMBERS, VIEWS, LEVEL, POWER = (3, 4, 6, 10), (1, 2, 4), 0.05, 0.8
EXPERIMENTS = 10_000
"""Drawn from the pools for each number of replicates and views."""
SPARE = 2
"""Dishes of a pool, over those that one experiment draws, from which on experiments are drawn."""
MOST = 1000
"""Replicates up to which the least number is sought."""
SIMULATED, FORMULA = "simulated", "formula"
_ENDS = ("value", "low", "high")
_EDGE = 2e-9
"""Distance of a formula's power from 0 and 1, so that its odds are finite."""


class Read(NamedTuple):
    """A number that both groups are compared by.

    Parameters
    ----------
    quantity : Quantity
    of : str
        Region or ligand; empty if the quantity has only one reading.
    time : float or None
        [s].
    """

    quantity: Quantity
    of: str
    time: float | None


@dataclass(frozen=True)
class Planned:
    """How experiments are tested.

    Parameters
    ----------
    test : str
        One of `sdf1_field.studies.t_power.TESTS`.
    alpha : float
        Two-sided level.
    variation : tuple of (float, float)
        Coefficients of variation between experiments beyond their dishes, and their weights, which
        sum to 1.
    """

    test: str = "student"
    alpha: float = LEVEL
    variation: tuple[tuple[float, float], ...] = ((0.0, 1.0),)


@dataclass(frozen=True)
class Power:
    """Power of experiments of one size.

    Parameters
    ----------
    number, views : int
        Replicates in each group, and views in each replicate.
    simulated : Interval or None
        Share of drawn experiments that find the difference; None if the pools are too small.
    formula : Interval
        From the moments of single dishes.
    """

    number: int
    views: int
    simulated: Interval | None
    formula: Interval

    @property
    def by(self) -> str:
        """Which of the two is the answer: `SIMULATED` if there is one."""
        return FORMULA if self.simulated is None else SIMULATED

    @property
    def answer(self) -> Interval:
        """The simulated power if there is one, else the formula's."""
        return self.formula if self.simulated is None else self.simulated


@dataclass(frozen=True)
class Least:
    """Least number of replicates in each group with a given power.

    Parameters
    ----------
    views : int
    number : int or None
        None if more than `MOST`.
    low, high : int or None
        Where the power's upper and lower limit reach it; None if beyond `MOST`, or without limits.
    """

    views: int
    number: int | None
    low: int | None
    high: int | None


def prior_variation() -> tuple[tuple[float, float], ...]:
    """Variation between experiments as `sdf1_field.claims.virtual` weighs it for papers."""
    weights = prior_weights((1,)).grid.sum(axis=(0, 2))
    return tuple((size, float(w)) for size, w in zip(SIZES, weights, strict=True))


@dataclass(frozen=True, eq=False)
class Comparison:
    """Dishes of two models, and what they are compared by.

    Parameters
    ----------
    first, against : Pool
        With the same unit if their dishes are pairs.
    read : Read
    planned : Planned
    """

    first: Pool
    against: Pool
    read: Read
    planned: Planned

    @property
    def pools(self) -> dict[str, Pool]:
        """By the side that they are on."""
        return {"first": self.first, "against": self.against}

    @property
    def _kind(self) -> Sample:
        return self.read.quantity.sample

    def effect(self) -> tuple[Interval, Interval, Interval]:
        """Numbers of both groups' whole pools, and the first's over the other's (jackknife)."""
        parts = self._parts()

        def of_side(side: str) -> Interval:
            return pooled_interval(
                lambda picks: parts[side].centers(picks[side][:, 0]),
                {side: self.pools[side]},
                "identity",
            )

        def quotient(picks: Mapping[str, Picks]) -> Array:
            return ratio(*(parts[side].centers(picks[side][:, 0]) for side in parts))

        return of_side("first"), of_side("against"), pooled_interval(quotient, self.pools, "log")

    def _parts(self) -> dict[str, Parts]:
        return {side: parts_of(pool, *self.read) for side, pool in self.pools.items()}

    def moments(self, views: int) -> tuple[Moments, Moments]:
        """Of replicates of both groups, without variation between experiments; scalars."""
        first, against = (parts.moments(views) for parts in self._parts().values())
        return first, against

    # Two ways

    def power(self, number: int, views: int) -> Power:
        """Power at a number of replicates and views, in both ways."""
        return Power(number, views, self.simulated(number, views), self.formula(number, views))

    def suffices(self, number: int, views: int) -> bool:
        """Whether experiments can be drawn from the pools."""
        least = views * max(SPARE * number, LEAST_UNITS)
        return all(len(pool.dishes) >= least for pool in self.pools.values())

    def simulated(self, number: int, views: int) -> Interval | None:
        """Share of experiments drawn from the pools that find the difference, and its interval."""
        if not self.suffices(number, views):
            return None
        picks: dict[str, Picks] = {}
        of_unit: dict[str, Picks] = {}
        for side, pool in self.pools.items():
            if pool.unit not in of_unit:
                rng = generator(views, Stream.POOL, name_key(f"power/{pool.unit}/{number}"))
                of_unit[pool.unit] = draw(
                    pool, rng, draws=EXPERIMENTS, replicates=number, views=views
                )
            picks[side] = of_unit[pool.unit]
        own, other = (self._drawn(side, picks[side]) for side in self.pools)
        agree = (self._p(own, other) < self.planned.alpha).astype(np.float64)
        return chance([Agreeing(Drawn(self.pools, picks), agree, 1.0)], of_draws=False)

    def _drawn(self, side: str, picks: Picks) -> Samples:
        """Replicates with their variation, shape (experiment, replicate)."""
        quantity, of, time = self.read
        samples = drawn(
            self.pools[side], picks, quantity.name, of, time, self._kind, quantity.density_ratio
        )
        sizes, weights = np.array(self.planned.variation).T
        # Sizes come in proportion to their weights; draws are in no order.
        places = (np.arange(len(picks)) + 0.5) / len(picks)
        size = sizes[np.searchsorted(weights.cumsum(), places * weights.sum())]
        rng = generator(0, Stream.READING, name_key(f"power/{side}/{quantity.name}/{of}"))
        normal = rng.standard_normal(picks.shape[:2])
        return samples.varied(np.exp(np.sqrt(np.log1p(size**2))[:, None] * normal))

    def _p(self, own: Samples, other: Samples) -> Array:
        sides = other.by_replicate(), own.by_replicate()
        if self.planned.test == PAIRED:
            return paired_t(*sides)
        return unpaired_t(*sides, welch=self.planned.test == WELCH)

    def formula(self, number: int, views: int) -> Interval:
        """Power by the moments of single dishes, with a jackknife interval over dishes."""
        parts = self._parts()

        def power(picks: Mapping[str, Picks]) -> Array:
            own = {side: at[:, 0] for side, at in picks.items()}
            return np.clip(
                self._by_moments(parts, own, number, views), 0.5 * _EDGE, 1.0 - 0.5 * _EDGE
            )

        found = pooled_interval(power, self.pools, "logit")
        enough = all(pool.units >= LEAST_UNITS for pool in self.pools.values())
        if enough and not 1.0 - found.value > _EDGE:
            # All dishes agree; their scatter is that of rounding.
            return Interval(found.value, found.value, found.value)
        return found

    def power_at(self, number: int, views: int) -> float:
        """The formula's power alone."""
        parts = self._parts()
        whole = {side: np.arange(len(one.values))[None] for side, one in parts.items()}
        return float(self._by_moments(parts, whole, number, views)[0])

    def _by_moments(
        self, parts: Mapping[str, Parts], own: Mapping[str, Picks], number: int, views: int
    ) -> Array:
        """Power by the moments of some dishes, shape (row,)."""
        each = [parts[side].moments_of(own[side], views) for side in parts]
        together = np.zeros(len(each[0].mean))
        if self.planned.test == PAIRED:
            first, against = (parts[side].influences(own[side]) for side in parts)
            apart = [a - a.mean(axis=1, keepdims=True) for a in (first, against)]
            together = (apart[0] * apart[1]).sum(axis=1) / (first.shape[1] - 1) / views
        return power_of(
            (each[0], each[1]), number, self.planned, together=together,
            share=self._kind is Sample.SHARE,
        )  # fmt: skip

    # How large

    def least(self, views: int, power: float) -> Least:
        """Least number of replicates with a power, and where its interval's ends reach it."""
        known: dict[int, Interval] = {}

        def has(end: str, number: int) -> bool:
            if number not in known:
                known[number] = self.answer(number, views)
            return bool(getattr(known[number], end) >= power)

        found = {end: self._first(views, functools.partial(has, end)) for end in _ENDS}
        return Least(views, found["value"], found["high"], found["low"])

    def _first(self, views: int, reached: Callable[[int], bool]) -> int | None:
        """First number that has the power, which rises with the number."""
        drawn = 1
        while self.suffices(drawn + 1, views):
            drawn += 1
        if drawn > 1 and reached(drawn):
            below, above = 1, drawn
        elif reached(MOST):
            below, above = drawn, MOST
        else:
            return None
        while above - below > 1:
            middle = (below + above) // 2
            below, above = (below, middle) if reached(middle) else (middle, above)
        return above

    def answer(self, number: int, views: int) -> Interval:
        """Power at a number of replicates and views: simulated, or by the formula."""
        found = self.simulated(number, views)
        return self.formula(number, views) if found is None else found


def power_of(
    groups: tuple[Moments, Moments],
    number: int,
    planned: Planned,
    *,
    together: Array | float = 0.0,
    share: bool = False,
) -> Array:
    """Power of experiments by the moments of replicates, averaged over the variation.

    Parameters
    ----------
    groups : tuple of Moments
        Of replicates of both groups, without variation between experiments.
    number : int
        Of replicates in each group.
    planned : Planned
    together : ndarray or float
        Covariance of paired replicates.
    share : bool
        Whether the replicates' number is a share.
    """
    total: Array = np.zeros(np.shape(groups[0].mean))
    for size, weight in planned.variation:
        first, against = (one.varied(size, share=share) for one in groups)
        effect = first.mean - against.mean
        if planned.test == PAIRED:
            factor = 1.0 if share else 1.0 + size**2
            variance = first.deviation**2 + against.deviation**2 - 2.0 * factor * together
            deviation = np.sqrt(np.maximum(variance, 0.0))
            found = one_sample_power(effect, deviation, number, planned.alpha)
        else:
            found = two_sample_power(
                effect, (first.deviation, against.deviation), number, planned.alpha,
                welch=planned.test == WELCH,
            )  # fmt: skip
        total = total + weight * found
    return total
