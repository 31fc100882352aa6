"""The chance that an experiment agrees with a statement, given the dishes of a draw."""

import math
from collections.abc import Container, Mapping

import numpy as np
from scipy.stats import nct, norm, t

from sdf1_field.claims import STATISTICS, Sample, Statement, p_value
from sdf1_field.reproduce import load_paper

CLAIMS = ("D11", "D12", "D13", "D17")
"""Claims that the fit uses, and no others; of D20 the part that may be fitted has no aim."""
DISHES = 3
"""In one of the paper's experiments."""
ENOUGH = 0.8
"""Chance from which on more does not count: the power that experiments are planned for."""
LEAST = 1e-6
"""Chance below which draws are equally bad."""

PAPER = load_paper("deniz2023").only(CLAIMS)
KG1A, CD34 = ("control", "amd3100"), ("cd34", "cd34_48h")
"""Conditions of `PAPER` that are simulated."""
TRACKED = "tracking-kg1a"

FOLD, AREA = "fold change", "area covered"
Key = tuple[str, str, str, float]
"""Condition, quantity, region and time [s]."""
Values = Mapping[Key, np.ndarray]
"""One number for each dish."""


def own(statement: Statement) -> Key:
    """Key of the mean that a statement is of."""
    assert statement.time is not None
    return statement.condition, statement.quantity, statement.of, statement.time


def other(statement: Statement) -> Key | None:
    """Key of a statement's reference, if it has one."""
    if statement.reference is None or statement.reference_time is None:
        return None
    return statement.reference, statement.quantity, statement.of, statement.reference_time


Scatter = Mapping[tuple[str, str], tuple[float, int]]
"""Relative variance between dishes and its degrees of freedom, by quantity and region."""


def scatter_of(values: Values, prior: Scatter) -> Scatter:
    """Relative variance of dishes, all conditions together, mixed with a prior."""
    found: dict[tuple[str, str], tuple[float, int]] = dict(prior)
    for (_, quantity, of, _), dishes in values.items():
        variance, freedom = found.get((quantity, of), (0.0, 0))
        own = len(dishes) - 1
        relative = float(np.var(dishes, ddof=1) / np.mean(dishes) ** 2)
        found[quantity, of] = (
            (variance * freedom + relative * own) / (freedom + own),
            freedom + own,
        )
    return found


def chance(statement: Statement, values: Values, scatter: Scatter) -> float:
    """Chance that an experiment of `DISHES` dishes a condition agrees with a statement.

    Means are taken as normal, with the dishes' scatter; t as noncentral.
    """
    compared = other(statement)
    mean = float(values[own(statement)].mean())
    against = 0.0 if compared is None else float(values[compared].mean())
    relative = math.sqrt(scatter[statement.quantity, statement.of][0] / DISHES)
    if not (0.0 < mean < math.inf and math.isfinite(against)):
        return LEAST
    if statement.test is None:
        reached = []
        for limit in (statement.above, statement.below):
            times = 1.0 if compared is None else against
            wide = relative * math.hypot(mean, 0.0 if compared is None else limit * against)
            far = (mean - limit * times) / wide if math.isfinite(limit) else -math.inf * limit
            reached.append(float(norm.cdf(far)))
        return reached[0] - reached[1]
    freedom = DISHES - 1 if statement.test == "paired t" else 2 * (DISHES - 1)
    shift = (mean - against) / (relative * math.hypot(mean, against))
    critical = float(t.isf(0.5 * (statement.p_below or statement.p_from or 1.0), freedom))
    lower = float(nct.cdf(-critical, freedom, shift))
    upper = float(nct.sf(critical, freedom, shift))
    if statement.p_from is not None:
        return 1.0 - lower - upper
    return lower if statement.below < math.inf else upper


def chances(values: Values, scatter: Scatter) -> dict[tuple[str, Statement], float]:
    """Chance of every statement whose dishes are among the values."""
    return {
        (claim.id, statement): chance(statement, values, scatter)
        for claim in PAPER.claims
        for statement in claim.statements
        if own(statement) in values and (other(statement) is None or other(statement) in values)
    }


def score(values: Values, prior: Scatter, conditions: Container[str]) -> float:
    """Logarithm of the product of chances, none of which counts for more than `ENOUGH`.

    Of the statements on some conditions; the other conditions are their references.
    """
    said = chances(values, scatter_of(values, prior))
    return sum(
        math.log(min(max(value, LEAST), ENOUGH))
        for (_, statement), value in said.items()
        if statement.condition in conditions
    )


def effect(statement: Statement, values: Values) -> float:
    """An experiment's effect, by the statement's statistic."""
    found: float = STATISTICS[statement.statistic].effect(*samples(statement, values))
    return found


def samples(statement: Statement, values: Values) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Dishes of a statement's condition and of its reference, the same where there is none."""
    compared = other(statement) or own(statement)
    return list(values[own(statement)][:, None]), list(values[compared][:, None])


def says(statement: Statement, values: Values) -> bool:
    """Whether one experiment's dishes agree with a statement, including the paper's test."""
    if not statement.above < effect(statement, values) < statement.below:
        return False
    if statement.test is None:
        return True
    p = p_value(statement.test, *samples(statement, values), Sample.DISH)
    return p < (statement.p_below or math.inf) and p >= (statement.p_from or 0.0)
