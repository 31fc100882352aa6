"""The findings of a calibration as tables, as a page in Markdown, and as JSON."""

import math
import textwrap
from collections.abc import Iterator
from typing import Any

from sdf1_field import __version__
from sdf1_field.calibration.findings import (
    CORRELATED,
    LEAST_SHOWN,
    LIKELY,
    Found,
    Judged,
    correlations,
    doses,
    held,
    judged,
    parameters,
)
from sdf1_field.calibration.inference import ALL, Inference, Sizes, predictions
from sdf1_field.claims import Claim
from sdf1_field.claims.targets import LEAST_SIZE
from sdf1_field.digits import number_text, share_text, spread_text
from sdf1_field.judging.tables import grid_json, markdown_table, weights_line

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


def claim_rows(found: Inference) -> list[tuple[str, ...]]:
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
        for one in judged(found)
        for p in (one.prediction,)
    ]


def held_rows(found: Inference) -> list[tuple[str, ...]]:
    """Rows of `SPACE`."""
    return [(", ".join(o.claims), held_text(o.share, o.error, o.points)) for o in held(found)]


def held_text(share: float, error: float, points: float) -> str:
    """A share of points with its standard error, or a 95 % limit where none or all hold."""
    limit = _OF_NONE / points
    if share == 0.0:
        return f"< {number_text(limit, figures=1)}"
    if error < _SURE * limit:
        return f"> {1.0 - limit:.3f}"
    return spread_text(share, error)


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


def as_markdown(found: Inference) -> str:
    """Everything as a page."""
    return "\n\n".join(part for part in _sections(found) if part) + "\n"


def _sections(found: Inference) -> Iterator[str]:
    paper = found.question.paper
    yield f"# {paper.name}, calibrated on {', '.join(found.question.claims)}"
    yield paper.citation
    yield law_line(found)
    yield warning_line(found)
    yield "## Each claim, as the others predict it"
    yield markdown_table(CLAIMS, claim_rows(found))
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


def as_json(found: Inference) -> dict[str, Any]:
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
        "claims": [_judged_json(one) for one in judged(found)],
        "space": [
            {
                "claims": list(one.claims),
                "share": one.share,
                "error": one.error,
                "points": one.points,
            }
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
