"""Whether simulated experiments agree with a paper's claims, and more often than by chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sdf1_field.claims.effects import STATISTICS, Dishes, mean_interval, p_value
from sdf1_field.claims.readings import DishRead
from sdf1_field.claims.targets import Claim, Statement
from sdf1_field.statistics import wilson_interval

VARIATIONS = (0.0, 0.1, 0.2, 0.3)
"""Coefficients of variation from dish to dish, beyond the model's own variation."""
ABOVE_NULL = 3.0
"""Ratio of agreeing experiments to agreeing null experiments from which a claim is reproduced."""
MAJORITY = 0.5
"""Share of experiments that must agree where there is no null model."""
RARE, ENOUGH = 0.05, 10
"""Smallest share of agreeing experiments that counts, whatever the null model's; number of
experiments from which zero agreements mean *not reproduced*."""

REPRODUCED, NOT_REPRODUCED, UNDECIDED = "reproduced", "not reproduced", "undecided"

Experiment = Mapping[str, Sequence[DishRead]]
"""Dishes of one experiment by condition."""


@dataclass(frozen=True)
class Said:
    """Effect and p of a statement in one experiment.

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


def say(statement: Statement, experiment: Experiment, variation: float) -> Said:
    """Effect and test of a statement in one experiment.

    Parameters
    ----------
    statement : Statement
    experiment : mapping of str to sequence of DishRead
    variation : float
        Coefficient of variation from dish to dish.
    """
    own, other = _samples(statement, experiment, variation)
    effect = STATISTICS[statement.statistic].effect(own, other)
    p = _p(statement, own, other)
    return Said(effect, p, _lies(statement, effect) and _significant(statement, p))


def says_all(claim: Claim, experiment: Experiment, variation: float) -> bool:
    """Whether an experiment agrees with all statements of a claim.

    Tests, which take longest, are made only if all effects agree.
    """
    samples = [_samples(s, experiment, variation) for s in claim.statements]
    return all(
        _lies(s, STATISTICS[s.statistic].effect(own, other))
        for s, (own, other) in zip(claim.statements, samples, strict=True)
        if s.directed
    ) and all(
        _significant(s, _p(s, own, other))
        for s, (own, other) in zip(claim.statements, samples, strict=True)
    )


def _samples(
    statement: Statement, experiment: Experiment, variation: float
) -> tuple[Dishes, Dishes]:
    """Sample and reference of a statement; without a reference the sample twice."""
    of, kind, spread = statement.of, statement.sample, _spread(variation)

    def sample(condition: str, quantity: str, time: float | None) -> Dishes:
        return [dish.at(quantity, of, time, kind, spread) for dish in experiment[condition]]

    own = sample(statement.condition, statement.quantity, statement.time)
    if statement.against is not None:
        return own, sample(statement.condition, statement.against, statement.time)
    if statement.reference is not None:
        return own, sample(statement.reference, statement.quantity, statement.reference_time)
    return own, own


def _p(statement: Statement, own: Dishes, other: Dishes) -> float:
    if statement.test is None:
        return math.nan
    kind = statement.sample
    return p_value(statement.test, own, other, kind, over_dishes=statement.over_dishes)


def _lies(statement: Statement, effect: float) -> bool:
    """Whether an effect lies in the interval that the paper reports."""
    return not statement.directed or statement.above < effect < statement.below


def _significant(statement: Statement, p: float) -> bool:
    """Whether a test gives the significance that the paper reports."""
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
        Number of experiments that agree.
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
        """Whether the interval lies within the one that the paper reports."""
        if not self.statement.directed:
            return True
        return self.statement.above < self.low and self.high < self.statement.below

    @property
    def outside(self) -> bool:
        """Whether the interval lies wholly outside of the one that the paper reports."""
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
        Number of experiments that agree with all statements, and of all experiments.
    null_share : float
        Share of the null model's experiments that agree; NaN where there is no null model,
        infinite where it has too few dishes to tell.
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
        """Share of experiments that agree with all statements."""
        return self.said / self.experiments if self.experiments else math.nan

    @property
    def deciding(self) -> StatementFound:
        """Statement that agrees least: outside, then undecided, then in the fewest experiments."""
        return min(self.statements, key=lambda f: (not f.outside, f.inside, f.said))


def find(
    claim: Claim,
    experiments: Sequence[Experiment],
    null: Sequence[Experiment],
    variation: float,
) -> ClaimFound:
    """Judge a claim by experiments and by those of the null model.

    Parameters
    ----------
    claim : Claim
    experiments, null : sequence of mapping
        Null experiments hold dishes of each condition's null; empty if there are none.
    variation : float
        Coefficient of variation from dish to dish.
    """
    said = [[say(s, e, variation) for s in claim.statements] for e in experiments]
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
    # A claim that chance could reproduce, but whose null has too few dishes, cannot be decided.
    by_chance = math.inf if claim.against_null else math.nan
    if null:
        by_chance = sum(says_all(claim, e, variation) for e in null) / len(null)
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

    Reproduced: every statement's interval lies within the reported one, and the share of
    experiments that agree is at least `ABOVE_NULL` times the null model's, and at least `RARE`;
    without a null model, `MAJORITY`. Not reproduced: an interval lies wholly outside of the
    reported one, or, of `ENOUGH` experiments or more, none agrees, or the share's 95 % interval
    lies below the required share. Undecided: none of these, or a third of the null model's
    experiments agree.
    """
    if experiments == 0 or null_share == math.inf:
        return UNDECIDED
    share = said / experiments
    if any(found.outside for found in statements):
        return NOT_REPRODUCED
    _, most = wilson_interval(said, experiments)
    asked = MAJORITY if math.isnan(null_share) else max(ABOVE_NULL * null_share, RARE)
    if asked > 1.0:
        # No share can be three times that of chance if chance agrees in more than a third.
        return UNDECIDED
    if experiments >= ENOUGH and (most < asked or said == 0):
        return NOT_REPRODUCED
    if share >= asked and all(found.inside for found in statements):
        return REPRODUCED
    return UNDECIDED
