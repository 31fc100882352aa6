"""What a calibration found, as plain values: verdicts, shares, posteriors, correlations."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.calibration.doses import half_doses
from sdf1_field.calibration.inference import ALL, Inference, Prediction, at_doses, predictions
from sdf1_field.calibration.space import Free
from sdf1_field.claims.targets import LEAST_SIZE
from sdf1_field.statistics import weighted_correlations, weighted_quantiles

Array = NDArray[np.float64]

PREDICTED = "predicted"
RETRODICTED = "retrodicted"
EXPECTED = "expected anyway"
COMPATIBLE = "compatible"
EXPLAINED = "explained, not predicted"
NOT_EXPLAINED = "not explained"
UNDECIDED = "undecided"
LEAST_SHOWN = 50.0
"""Effective sample size below which quantiles and correlations are not even shown."""
LIKELY = 0.3
"""Chance from which on a claim counts as held by a point."""
CORRELATED = 0.5
"""Correlation from which on two parameters are listed."""
_HALF, _RARE, _OVER_PRIOR = 0.5, 0.2, 2.0
"""Limits of the verdicts; see decision 17."""
_LOW, _HIGH = 0.05, 0.95
"""Quantiles that are shown."""


@dataclass(frozen=True)
class Judged:
    """A claim, as the others predict it, and what that is called.

    Parameters
    ----------
    prediction : Prediction
    informs : bool
        Whether it informs the posterior of all claims.
    law_chosen_by : bool
        Whether the model's law was chosen by people who had seen it.
    verdict : str
    """

    prediction: Prediction
    informs: bool
    law_chosen_by: bool
    verdict: str


@dataclass(frozen=True)
class Held:
    """Share of the prior in which some claims have a chance of at least `LIKELY`.

    Parameters
    ----------
    claims : tuple of str
    share, error : float
        And its standard error.
    points : float
        Effective number of points of the prior.
    """

    claims: tuple[str, ...]
    share: float
    error: float
    points: float


@dataclass(frozen=True)
class Found:
    """Posterior of one parameter, in its unit.

    Parameters
    ----------
    free : Free
    median, low, high : float
        With the 5 and 95 % quantiles; NaN if the effective size is below `LEAST_SHOWN`.
    width : float
        Distance of these quantiles, in places of the interval, over that of the prior's; NaN as
        they are.
    best : float
        Value at the point where most virtual papers report all claims.
    """

    free: Free
    median: float
    low: float
    high: float
    width: float
    best: float


@dataclass(frozen=True)
class Correlated:
    """Two parameters whose places in their intervals are correlated."""

    key: str
    other: str
    value: float


@dataclass(frozen=True)
class Doses:
    """Dose of dissolved SDF-1 for half of the trigger's maximum, against the published ones.

    Parameters
    ----------
    published : tuple of float
        Ends [ng/mL].
    prior, posterior : tuple of float
        Median, 5 and 95 % quantile [ng/mL]; the posterior's are NaN if its effective size is below
        `LEAST_SHOWN`.
    prior_share, posterior_share : float
        Within the published ones.
    evidence, error : float
        Mean chance that one virtual paper reports all claims, over the prior at published doses,
        and its standard error.
    size : float
        Effective size of the posterior there.
    """

    published: tuple[float, float]
    prior: tuple[float, ...]
    posterior: tuple[float, ...]
    prior_share: float
    posterior_share: float
    evidence: float
    error: float
    size: float


def verdict_of(
    prediction: Prediction,
    *,
    informs: bool,
    law_chosen_by: bool = False,
) -> str:
    """Word for a prediction, by the rules of decision 17, the one about the null model apart.

    A chance of less than 0.2 is only called explained if the claim informs the posterior and has at
    least that chance in it.

    Parameters
    ----------
    prediction : Prediction
    informs : bool
        Whether the claim informs the posterior of all claims.
    law_chosen_by : bool
        Whether the model's law was chosen by people who had seen the claim.
    """
    p = prediction
    if p.size < LEAST_SIZE:
        return UNDECIDED
    if p.reported >= _HALF and p.reported >= _OVER_PRIOR * p.prior:
        return RETRODICTED if law_chosen_by else PREDICTED
    if p.prior >= _HALF and p.reported >= _HALF:
        return EXPECTED
    if p.reported >= _RARE:
        return COMPATIBLE
    return EXPLAINED if informs and p.explained >= _RARE else NOT_EXPLAINED


def judged(found: Inference) -> list[Judged]:
    """All claims with their verdicts."""
    seen = {claim.id: claim.law_chosen_by for claim in found.question.paper.claims}
    few = found.weighted.effective_size(ALL) < LEAST_SIZE
    rows = []
    for one in predictions(found):
        informs, law = one.claim in found.question.claims, seen[one.claim]
        verdict = verdict_of(one, informs=informs, law_chosen_by=law)
        if verdict in (EXPLAINED, NOT_EXPLAINED) and few:
            verdict = UNDECIDED
        rows.append(Judged(one, informs, law, verdict))
    return rows


def held(found: Inference) -> list[Held]:
    """Share of the prior that holds each claim, and all that inform at once."""
    weighted, question = found.weighted, found.question
    prior = weighted.prior / weighted.prior.sum()
    likely = {one: weighted.likelihood[f"says {one}"] >= LIKELY for one in question.judged}
    groups: list[tuple[str, ...]] = [(one,) for one in question.judged]
    if len(question.claims) > 1:
        groups.append(question.claims)
    rows = []
    for claims in groups:
        all_hold = np.logical_and.reduce([likely[one] for one in claims])
        share = float(prior @ all_hold)
        error = math.sqrt(float((prior**2) @ (all_hold - share) ** 2))
        rows.append(Held(claims, share, error, 1.0 / float((prior**2).sum())))
    return rows


def best_point(found: Inference) -> Array:
    """The point at which most virtual papers report all claims: the posterior's mode."""
    best: Array = found.weighted.points[int(np.argmax(found.weighted.likelihood[ALL]))]
    return best


def parameters(found: Inference) -> list[Found]:
    """Posterior of every free parameter."""
    weights, best = found.weighted.weights(ALL), best_point(found)
    few = found.weighted.effective_size(ALL) < LEAST_SHOWN
    rows = []
    for free, places, own in zip(
        found.question.space.free, found.weighted.points.T, best, strict=True
    ):
        at = weighted_quantiles(places, weights, (0.5, _LOW, _HIGH))
        if few:
            at = np.full(len(at), math.nan)
        median, low, high, chosen = free.number(np.array([*at, own])).tolist()
        width = float(at[2] - at[1]) / (_HIGH - _LOW)
        rows.append(Found(free, median, low, high, width, chosen))
    return rows


def correlations(found: Inference) -> list[Correlated]:
    """Pairs of parameters with a correlation beyond `CORRELATED`, the strongest first.

    None if the effective size is below `LEAST_SHOWN`.
    """
    if found.weighted.effective_size(ALL) < LEAST_SHOWN:
        return []
    matrix = weighted_correlations(found.weighted.points, found.weighted.weights(ALL))
    keys = found.question.space.keys
    rows = [
        Correlated(keys[i], keys[k], float(matrix[i, k]))
        for i in range(len(keys))
        for k in range(i + 1, len(keys))
        if abs(matrix[i, k]) > CORRELATED
    ]
    return sorted(rows, key=lambda one: -abs(one.value))


def doses(found: Inference) -> Doses | None:
    """How sensitive the trigger is; None if the calibration names no published doses."""
    question, weighted = found.question, found.weighted
    if question.half_dose is None:
        return None
    spec = question.shipped.spec
    mass = spec.ligand[spec.receptor.cxcr4.ligand].molar_mass
    own = half_doses(question.space, question.shipped, weighted.points)
    low, high = question.half_dose
    inside = (low <= own) & (own <= high)
    prior, weights = weighted.prior / weighted.prior.sum(), weighted.weights(ALL)
    share = float(prior @ inside)
    scale = 1.0 / share if share > 0.0 else math.nan
    logs = np.log(own * mass)
    at = (0.5, _LOW, _HIGH)
    few = weighted.effective_size(ALL) < LEAST_SHOWN
    posterior = np.full(len(at), math.nan) if few else weighted_quantiles(logs, weights, at)
    evidence, error = weighted.evidence(at_doses(ALL))
    return Doses(
        (low * mass, high * mass),
        tuple(np.exp(weighted_quantiles(logs, prior, at)).tolist()),
        tuple(np.exp(posterior).tolist()),
        share,
        float(weights @ inside),
        scale * evidence,
        scale * error,
        weighted.effective_size(at_doses(ALL)),
    )
