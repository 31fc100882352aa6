"""Whether simulated experiments say what a paper does, and whether more often than by chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError
from sdf1_field.observations import OBSERVATIONS, Reading, Sample
from sdf1_field.random import Stream, generator
from sdf1_field.reproduce.statistics import (
    STATISTICS,
    Dishes,
    mean_interval,
    p_value,
    scaled,
    wilson,
)
from sdf1_field.reproduce.targets import Claim, Paper, Statement

Array = NDArray[np.float64]

VARIATIONS = (0.0, 0.1, 0.2, 0.3)
"""Coefficients of variation from dish to dish, beyond what the model itself gives."""
ABOVE_NULL = 3.0
"""How many times more often than the null model's the experiments must say it."""
MAJORITY = 0.5
"""Of the experiments, where there is no null model to compare with."""
RARE, ENOUGH = 0.05, 10
"""A share that is too small whatever the null's; experiments whose silence is telling."""
NULL_EXPERIMENTS = 500
"""Drawn from the null model's dishes."""

REPRODUCED, NOT_REPRODUCED, UNDECIDED = "reproduced", "not reproduced", "undecided"


@dataclass(frozen=True, eq=False)
class DishRead:
    """Readings of one dish, and by how much another such dish would differ.

    Parameters
    ----------
    values : mapping
        By quantity and what it is of; of each the arrays by time.
    normal : mapping
        Standard normal number for each quantity and what it is of, the same at all times.
    """

    values: Mapping[tuple[str, str], Mapping[float, Array]]
    normal: Mapping[tuple[str, str], float]

    def at(self, quantity: str, of: str, time: float | None, kind: Sample, spread: float) -> Array:
        """Values of a quantity in a dish that differs; of a dish read once, whatever the time."""
        try:
            times = self.values[quantity, of]
            found = next(iter(times.values())) if len(times) == 1 else times[time]  # type: ignore[index]
        except KeyError:
            raise InputError(
                f"'{quantity}'{f' of {of}' if of else ''} is not read in a dish that a claim "
                "names. Choose another quantity, or another model."
            ) from None
        if spread == 0.0:
            return found
        return scaled(found, kind, math.exp(spread * self.normal[quantity, of]))


def dish_read(readings: Sequence[Reading], seed: int) -> DishRead:
    """Readings of a dish of a seed, ready for statistics."""
    values: dict[tuple[str, str], dict[float, Array]] = {}
    for reading in readings:
        values.setdefault((reading.quantity, reading.of), {})[reading.time] = reading.values
    normal = generator(seed, Stream.READING).standard_normal(len(values))
    return DishRead(values, dict(zip(values, normal.tolist(), strict=True)))


Experiment = Mapping[str, Sequence[DishRead]]
"""Dishes of one experiment by condition."""


@dataclass(frozen=True)
class Said:
    """What one experiment gives for a statement.

    Parameters
    ----------
    effect, p : float
        NaN where there is none.
    agrees : bool
        Whether both are as the paper reports.
    """

    effect: float
    p: float
    agrees: bool


def _spread(variation: float) -> float:
    """Standard deviation of the logarithm."""
    return math.sqrt(math.log1p(variation**2))


def say(paper: Paper, statement: Statement, experiment: Experiment, variation: float) -> Said:
    """Effect and test of a statement in one experiment.

    Parameters
    ----------
    paper : Paper
    statement : Statement
    experiment : mapping of str to sequence of DishRead
    variation : float
        Coefficient of variation from dish to dish.
    """
    own, other, kind = _samples(paper, statement, experiment, variation)
    effect = STATISTICS[statement.statistic].effect(own, other)
    p = _p(statement, own, other, kind)
    return Said(effect, p, _lies(statement, effect) and _significant(statement, p))


def says_all(paper: Paper, claim: Claim, experiment: Experiment, variation: float) -> bool:
    """Whether an experiment says all of a claim; tests are made where all effects lie right."""
    samples = [_samples(paper, s, experiment, variation) for s in claim.statements]
    return all(
        _lies(s, STATISTICS[s.statistic].effect(own, other))
        for s, (own, other, _) in zip(claim.statements, samples, strict=True)
        if s.directed
    ) and all(
        _significant(s, _p(s, own, other, kind))
        for s, (own, other, kind) in zip(claim.statements, samples, strict=True)
    )


def _samples(
    paper: Paper, statement: Statement, experiment: Experiment, variation: float
) -> tuple[Dishes, Dishes, Sample]:
    """The sample, what it is compared with (itself if with nothing), and what they hold."""
    observation = OBSERVATIONS[paper.conditions[statement.condition].observation]
    kind = observation.quantities[statement.quantity].sample
    spread = _spread(variation)

    def sample(condition: str, quantity: str, time: float | None) -> Dishes:
        return [
            dish.at(quantity, statement.of, time, kind, spread) for dish in experiment[condition]
        ]

    own = sample(statement.condition, statement.quantity, statement.time)
    if statement.against is not None:
        return own, sample(statement.condition, statement.against, statement.time), kind
    if statement.reference is not None:
        other = sample(statement.reference, statement.quantity, statement.reference_time)
        return own, other, kind
    return own, own, kind


def _p(statement: Statement, own: Dishes, other: Dishes, kind: Sample) -> float:
    if statement.test is None:
        return math.nan
    return p_value(statement.test, own, other, kind, over_dishes=statement.over_dishes)


def _lies(statement: Statement, effect: float) -> bool:
    """Whether an effect is where the paper has it."""
    return not statement.directed or statement.above < effect < statement.below


def _significant(statement: Statement, p: float) -> bool:
    """Whether a test comes out as the paper has it."""
    return (statement.p_below is None or p < statement.p_below) and (
        statement.p_from is None or p >= statement.p_from
    )


@dataclass(frozen=True)
class StatementFound:
    """A statement over all experiments at one variation.

    Parameters
    ----------
    statement : Statement
    effect, low, high : float
        Mean over experiments and its 95 % interval; NaN where there are too few.
    said : int
        Experiments that say it.
    p : float
        Median; NaN without a test.
    """

    statement: Statement
    effect: float
    low: float
    high: float
    said: int
    p: float

    @property
    def inside(self) -> bool:
        """Whether the interval lies where the paper has the effect."""
        if not self.statement.directed:
            return True
        return self.statement.above < self.low and self.high < self.statement.below

    @property
    def outside(self) -> bool:
        """Whether the interval lies wholly elsewhere."""
        if not self.statement.directed:
            return False
        return self.high <= self.statement.above or self.low >= self.statement.below


@dataclass(frozen=True)
class ClaimFound:
    """A claim over all experiments at one variation.

    Parameters
    ----------
    claim : Claim
    variation : float
        Coefficient of variation from dish to dish.
    statements : tuple of StatementFound
    said, experiments : int
        Experiments that say all of it, and how many there are.
    null_share : float
        The same of experiments in the null model; NaN where there is none, infinite where it has
        too few dishes to tell.
    verdict : str
    """

    claim: Claim
    variation: float
    statements: tuple[StatementFound, ...]
    said: int
    experiments: int
    null_share: float
    verdict: str

    @property
    def share(self) -> float:
        """Of the experiments that say all of it."""
        return self.said / self.experiments if self.experiments else math.nan

    @property
    def deciding(self) -> StatementFound:
        """The statement that stands most in the way: elsewhere, unclear, then made the least."""
        return min(self.statements, key=lambda f: (not f.outside, f.inside, f.said))


def find(
    paper: Paper,
    claim: Claim,
    experiments: Sequence[Experiment],
    null: Sequence[Experiment],
    variation: float,
) -> ClaimFound:
    """Judge a claim by experiments and by those of the null model.

    Parameters
    ----------
    paper : Paper
    claim : Claim
    experiments, null : sequence of mapping
        The null's have the dishes of each condition's null in its place; empty if there is none.
    variation : float
    """
    said = [[say(paper, s, e, variation) for s in claim.statements] for e in experiments]
    statements = []
    for n, statement in enumerate(claim.statements):
        each = [one[n] for one in said]
        effect, low, high = mean_interval(
            [one.effect for one in each], ratio=STATISTICS[statement.statistic].ratio
        )
        p = [one.p for one in each if math.isfinite(one.p)]
        statements.append(
            StatementFound(
                statement,
                effect,
                low,
                high,
                sum(one.agrees for one in each),
                float(np.median(p)) if p else math.nan,
            )
        )
    # A claim that chance could make, but whose null has too few dishes, cannot be decided.
    by_chance = math.inf if claim.against_null else math.nan
    if null:
        by_chance = sum(says_all(paper, claim, e, variation) for e in null) / len(null)
    all_said = sum(all(s.agrees for s in one) for one in said)
    return ClaimFound(
        claim,
        variation,
        tuple(statements),
        all_said,
        len(experiments),
        by_chance,
        verdict(statements, all_said, len(experiments), by_chance),
    )


def verdict(
    statements: Sequence[StatementFound], said: int, experiments: int, null_share: float
) -> str:
    """Reproduced, not reproduced or undecided.

    Reproduced: every statement's interval lies where the paper has the effect, and the share of
    experiments that say all of it is at least `ABOVE_NULL` times the null model's, and `RARE`;
    where there is no null model, `MAJORITY` of them. Not reproduced: an interval lies wholly
    elsewhere, or, of `ENOUGH` experiments or more, the share's 95 % interval is below what is
    asked, or none says it. Undecided: none of these, or chance alone says it in a third of all
    experiments.
    """
    if experiments == 0 or null_share == math.inf:
        return UNDECIDED
    share = said / experiments
    if any(found.outside for found in statements):
        return NOT_REPRODUCED
    _, most = wilson(said, experiments)
    asked = MAJORITY if math.isnan(null_share) else max(ABOVE_NULL * null_share, RARE)
    if asked > 1.0:
        # Chance says it so often that no number of experiments could say it three times as often.
        return UNDECIDED
    if experiments >= ENOUGH and (most < asked or said == 0):
        return NOT_REPRODUCED
    if share >= asked and all(found.inside for found in statements):
        return REPRODUCED
    return UNDECIDED


def null_experiments(
    paper: Paper, claim: Claim, pools: Mapping[str, Sequence[DishRead]]
) -> list[Experiment]:
    """Experiments in which every condition's dishes are drawn from its null's.

    Parameters
    ----------
    paper : Paper
    claim : Claim
    pools : mapping of str to sequence of DishRead
        All dishes of the conditions that are the null of another one.

    Returns
    -------
    list of mapping
        Empty if the claim has no null, or a pool holds too few dishes for its conditions.
    """
    if not claim.against_null:
        return []
    asked = dict.fromkeys(
        key for s in claim.statements for key in (s.condition, s.reference) if key is not None
    )
    sharing: dict[str, list[str]] = {}
    for key in asked:
        null = paper.conditions[key].null
        assert null is not None
        sharing.setdefault(null, []).append(key)
    for null, keys in sharing.items():
        if len(pools[null]) < sum(paper.conditions[key].dishes for key in keys):
            return []
    experiments: list[Experiment] = []
    for n in range(NULL_EXPERIMENTS):
        drawn: dict[str, Sequence[DishRead]] = {}
        for m, (null, keys) in enumerate(sharing.items()):
            order = iter(generator(n, Stream.NULL, m).permutation(len(pools[null])))
            for key in keys:
                drawn[key] = [pools[null][next(order)] for _ in range(paper.conditions[key].dishes)]
        experiments.append(drawn)
    return experiments
