"""What a calibration found, as tables, as a page in Markdown, and as plain values."""

import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field import __version__
from sdf1_field.calibration.doses import half_doses
from sdf1_field.calibration.inference import (
    ALL,
    Inference,
    Prediction,
    Sizes,
    at_doses,
    predictions,
)
from sdf1_field.calibration.space import Free
from sdf1_field.claims import Claim
from sdf1_field.claims.targets import LEAST_SIZE
from sdf1_field.digits import number_text, spread_text
from sdf1_field.reproduce.tables import grid_json, markdown_table, share_text, weights_line
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
_HALF, _RARE, _OVER_NULL, _OVER_PRIOR = 0.5, 0.2, 3.0, 2.0
"""Limits of the verdicts; see decision 17."""
_LOW, _HIGH = 0.05, 0.95
"""Quantiles that are shown."""
_OF_NONE, _SURE = 3.0, 0.01
"""95 % upper limit of a number of which none was seen; error over it that is due to rounding."""
_COLUMNS = 100
"""Of the paragraph on methods."""

CLAIMS = (
    "claim", "role", "seen", "explained", "direction", "reported", "prior", "size", "verdict",
)  # fmt: skip
SPACE = ("claims", f"share of the prior with chance >= {LIKELY:g}")
PARAMETERS = ("parameter", "interval", "median", "5 to 95 %", "width / prior", "best point")
CORRELATIONS = ("parameter", "with", "correlation")


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
    null: float | None = None,
    law_chosen_by: bool = False,
) -> str:
    """Word for a prediction, by the rules of decision 17.

    A chance of less than 0.2 is only called explained if the claim informs the posterior and has at
    least that chance in it.

    Parameters
    ----------
    prediction : Prediction
    informs : bool
        Whether the claim informs the posterior of all claims.
    null : float, optional
        The null model's chance, as `sdf1_field.reproduce` finds it; if not given, that condition is
        left to the reader.
    law_chosen_by : bool
        Whether the model's law was chosen by people who had seen the claim.
    """
    p = prediction
    if p.size < LEAST_SIZE:
        return UNDECIDED
    over_null = null is None or p.reported >= _OVER_NULL * null
    if p.reported >= _HALF and over_null and p.reported >= _OVER_PRIOR * p.prior:
        return RETRODICTED if law_chosen_by else PREDICTED
    if p.prior >= _HALF:
        return EXPECTED
    if p.reported >= _RARE:
        return COMPATIBLE
    return EXPLAINED if informs and p.explained >= _RARE else NOT_EXPLAINED


def judged(found: Inference, *, null: Mapping[str, float] | None = None) -> list[Judged]:
    """All claims with their verdicts.

    Parameters
    ----------
    found : Inference
    null : mapping of str to float, optional
        The null model's chances, by the claims' ids.
    """
    seen = {claim.id: claim.law_chosen_by for claim in found.question.paper.claims}
    rows = []
    for one in predictions(found):
        informs, law = one.claim in found.question.claims, seen[one.claim]
        own = (null or {}).get(one.claim)
        verdict = verdict_of(one, informs=informs, null=own, law_chosen_by=law)
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


# As text


def claim_rows(
    found: Inference, *, null: Mapping[str, float] | None = None
) -> list[tuple[str, ...]]:
    """Rows of `CLAIMS`."""
    return [
        (
            p.claim,
            "informs" if one.informs else "predicted",
            "yes" if one.law_chosen_by else "no",
            *(share_text(chance) for chance in (p.explained, p.direction, p.reported, p.prior)),
            f"{p.size:.0f}",
            one.verdict,
        )
        for one in judged(found, null=null)
        for p in (one.prediction,)
    ]


def held_rows(found: Inference) -> list[tuple[str, ...]]:
    """Rows of `SPACE`."""
    return [(", ".join(one.claims), _held_text(one)) for one in held(found)]


def _held_text(one: Held) -> str:
    """A share with its standard error, or a 95 % limit where no point or all points hold."""
    limit = _OF_NONE / one.points
    if one.share == 0.0:
        return f"< {number_text(limit, figures=1)}"
    if one.error < _SURE * limit:
        return f"> {1.0 - limit:.3f}"
    return spread_text(one.share, one.error)


def parameter_rows(found: Inference) -> list[tuple[str, ...]]:
    """Rows of `PARAMETERS`."""
    return [
        (
            one.free.key,
            f"{one.free.low:g} to {one.free.high:g} {one.free.unit}".rstrip(),
            number_text(one.median),
            _between(one.low, one.high),
            "-" if math.isnan(one.width) else f"{one.width:.2f}",
            number_text(one.best),
        )
        for one in parameters(found)
    ]


def _between(low: float, high: float) -> str:
    return "-" if math.isnan(low) else f"{number_text(low)} to {number_text(high)}"


def correlation_rows(found: Inference) -> list[tuple[str, ...]]:
    """Rows of `CORRELATIONS`; empty if no pair is correlated so much."""
    return [(one.key, one.other, f"{one.value:+.2f}") for one in correlations(found)]


def evidence_line(found: Inference) -> str:
    """Evidence with its standard error, and how much the posterior rests on."""
    value, error = found.weighted.evidence(ALL)
    return (
        f"Evidence, the chance that one virtual paper reports all of "
        f"{', '.join(found.question.claims)}, over the prior: {spread_text(value, error)} "
        f"(log10 {math.log10(value):.2f}). Effective size of the posterior: "
        f"{found.weighted.effective_size(ALL):.0f} of {len(found.weighted.points)} points."
    )


def warning_line(found: Inference) -> str:
    """A remark if the posterior rests on too few points; empty otherwise."""
    size = found.weighted.effective_size(ALL)
    if size >= LEAST_SIZE:
        return ""
    text = (
        f"The effective size of the posterior, {size:.0f}, is below {LEAST_SIZE:g}: its numbers "
        "and the evidence are rough and decide nothing."
    )
    few = f" Below {LEAST_SHOWN:g} there are no quantiles and no correlations."
    return text + few if size < LEAST_SHOWN else text


def dose_line(found: Inference) -> str:
    """How sensitive the trigger is, in words; empty if no published doses are named."""
    own = doses(found)
    if own is None:
        return ""
    (low, high), size = own.published, own.size
    first, posterior = (
        f"{number_text(q[0])} ng/mL ({_between(q[1], q[2])})" for q in (own.prior, own.posterior)
    )
    text = (
        f"Dissolved SDF-1 that triggers half as often as any dose can: {posterior}; prior {first}. "
        f"Assays of these cells use {low:.0f} to {high:.0f} ng/mL: there lies "
        f"{share_text(own.prior_share)} of the prior and {share_text(own.posterior_share)} of the "
        "posterior."
    )
    text += f" Evidence there: {spread_text(own.evidence, own.error)}."
    if size < LEAST_SIZE:
        return f"{text} Effective size there: {size:.0f}, too few to say what is explained."
    there = predictions(found, published=True)
    claims = ", ".join(f"{p.claim} {share_text(p.explained)}" for p in there)
    return f"{text} Explained there: {claims}."


def law_line(found: Inference) -> str:
    """Settings that hold in all models; empty if there are none."""
    law = found.question.law
    return f"In all models: {', '.join(law)}." if law else ""


NOTES = """Explained: chance that one new virtual paper reports the claim, by the posterior of all
claims that inform. Direction and reported: by the posterior of the other claims alone, the chance
that its effects are there (both ratios below 0.8 for significant reductions), and that a new paper
reports it. Prior: the latter over the intervals, before any claim. Size: effective sample size of
the posterior of the other claims. Seen: the law was chosen by people who had seen the claim.

Predicted: reported at least 0.5 and at least twice the prior's; it must also be three times the
null model's chance, which `reproduce` prints. Retrodicted: the same, if seen. Expected
anyway: prior at least 0.5. Compatible: reported 0.2 to 0.5, or more without the rest. Explained,
not predicted: reported below 0.2. Not explained: not explained with 0.2 either. Undecided: size
below 200.

The prior is even over each interval, in the logarithm unless it begins at 0. Width: distance of the
5 and 95 % quantiles in the interval over that of the prior; 1 means that nothing was learnt. Best
point: where most virtual papers report all claims. Single parameters act as products, so read their
intervals together with the correlations. The standard error of the evidence is that of sampling."""


def methods_text(found: Inference, sizes: Sizes) -> str:
    """Paragraph for a paper's section on methods, with the numbers of this calibration."""
    return textwrap.fill(" ".join(_methods(found, sizes)), _COLUMNS, break_on_hyphens=False) + "\n"


def _methods(found: Inference, sizes: Sizes) -> Iterator[str]:
    """Its sentences."""
    question, weighted = found.question, found.weighted
    yield (
        f"Parameters of the co-culture model were inferred with sdf1-field {__version__} from "
        f"results that {question.paper.name} reports ({', '.join(question.claims)}), each as its "
        "reported direction and significance."
    )
    if any(s.value is not None for c in _informing(found) for s in c.statements):
        yield "Values read from figures informed it as well, each by its interval."
    if question.law:
        yield f"All models had the settings {', '.join(question.law)}."
    logarithmic = sum(one.logarithmic for one in question.space.free)
    yield (
        f"The priors of {len(question.space)} parameters were uniform over intervals of plausible "
        f"values, those of {logarithmic} in the logarithm."
    )
    powers = ", ".join(f"{power:g}" for power in sizes.powers)
    yield (
        f"Haematopoietic cells were replayed at {len(found.simulated.points)} parameter points "
        "(Sobol points, and points drawn from the posterior with the likelihood to the power of "
        f"{powers}), each in {len(sizes.seeds)} recorded dishes with {sizes.denser} times the "
        "cells of one view."
    )
    yield (
        "Principal components of the logarithms of fold changes were interpolated by Gaussian "
        "processes (Matérn 5/2 kernel, one length for each parameter, known counting noise)."
    )
    yield (
        f"The likelihood of a point was the share of {len(found.papers.welch)} virtual papers that "
        "report all results; these papers have the paper's numbers of experiments, its tests and "
        "its shared controls, and each draws the interpolation's error once."
    )
    by = found.open_weights.informed_by
    weighting = f"weighted by the p that {by} prints" if by else "with their prior weights"
    yield (
        "They were averaged over the number of views of an experiment, the variation between "
        f"experiments, and Student's and Welch's t test, {weighting}."
    )
    value, error = weighted.evidence(ALL)
    yield (
        f"The posterior was sampled by adaptive importance sampling with {len(weighted.points)} "
        f"points (effective sample size {weighted.effective_size(ALL):.0f}); its evidence is "
        f"{value:.2g} (standard error {error:.1g})."
    )
    if len(question.claims) > 1:
        yield "Each result was also predicted from the posterior of all others."


def _informing(found: Inference) -> list[Claim]:
    question = found.question
    return [claim for claim in question.paper.claims if claim.id in question.claims]


def as_markdown(found: Inference, *, null: Mapping[str, float] | None = None) -> str:
    """Everything as a page."""
    return "\n\n".join(part for part in _sections(found, null) if part) + "\n"


def _sections(found: Inference, null: Mapping[str, float] | None) -> Iterator[str]:
    paper = found.question.paper
    yield f"# {paper.name}, calibrated on {', '.join(found.question.claims)}"
    yield paper.citation
    yield law_line(found)
    yield warning_line(found)
    yield "## Each claim, as the others predict it"
    yield markdown_table(CLAIMS, claim_rows(found, null=null))
    yield evidence_line(found)
    yield "## How much of the prior holds the claims"
    yield markdown_table(SPACE, held_rows(found))
    yield "## Parameters"
    yield markdown_table(PARAMETERS, parameter_rows(found))
    if rows := correlation_rows(found):
        yield markdown_table(CORRELATIONS, rows)
    else:
        yield f"No correlation beyond {CORRELATED:g} is known of any two parameters."
    if line := dose_line(found):
        yield "## Dose response"
        yield line
    yield "## What is open"
    yield weights_line(found.open_weights)
    yield "## Notes"
    yield NOTES


def as_json(found: Inference, *, null: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Everything as plain values."""
    question, weighted = found.question, found.weighted
    value, error = weighted.evidence(ALL)
    return {
        "paper": question.paper.name,
        "informing": list(question.claims),
        "law": list(question.law),
        "points": len(found.simulated.points),
        "sampled": len(weighted.points),
        "effective_size": weighted.effective_size(ALL),
        "evidence": {"value": value, "error": error},
        "claims": [_judged_json(one) for one in judged(found, null=null)],
        "space": [
            {"claims": list(one.claims), "share": one.share, "error": one.error}
            for one in held(found)
        ],
        "parameters": [_found_json(one) for one in parameters(found)],
        "correlations": [
            {"key": one.key, "with": one.other, "value": one.value} for one in correlations(found)
        ],
        "half_dose": _doses_json(found),
        "informed_by": found.open_weights.informed_by or None,
        "grid": grid_json(found.open_weights),
    }


def _doses_json(found: Inference) -> dict[str, Any] | None:
    own = doses(found)
    if own is None:
        return None
    few = math.isnan(own.posterior[0] + own.evidence)
    prior, posterior = (
        {"median": median, "quantiles": ends} for median, *ends in (own.prior, own.posterior)
    )
    return {
        "published": list(own.published),
        "prior": prior,
        "posterior": None if few else posterior,
        "prior_share": own.prior_share,
        "posterior_share": own.posterior_share,
        "evidence": None if few else {"value": own.evidence, "error": own.error},
        "effective_size": own.size,
        "claims": [
            {"id": p.claim, "explained": p.explained} for p in predictions(found, published=True)
        ],
    }


def _judged_json(one: Judged) -> dict[str, Any]:
    p = one.prediction
    return {
        "id": p.claim,
        "informs": one.informs,
        "law_chosen_by": one.law_chosen_by,
        "explained": p.explained,
        "direction": p.direction,
        "reported": p.reported,
        "prior": p.prior,
        "effective_size": p.size,
        "verdict": one.verdict,
    }


def _found_json(one: Found) -> dict[str, Any]:
    few = math.isnan(one.median)
    return {
        "key": one.free.key,
        "unit": one.free.unit,
        "interval": [one.free.low, one.free.high],
        "median": None if few else one.median,
        "quantiles": None if few else [one.low, one.high],
        "width": None if few else one.width,
        "best": one.best,
    }
