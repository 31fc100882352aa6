"""Does the model say what a paper reports? Claims as data, experiments of the paper's size."""

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis import (
    ENRICHED,
    FoldChange,
    density_fold_change,
    fold_changes,
    unpaired_t_test,
)
from sdf1_field.ensemble import Counted, Dish, count_dishes
from sdf1_field.errors import InputError
from sdf1_field.scene import Region
from sdf1_field.shipped import shipped_folder
from sdf1_field.units import parse

Array = NDArray[np.float64]

SIGNIFICANCE = 0.05
"""Level of the papers' tests."""
_SEEDS_PER_CONDITION = 1000


@dataclass(frozen=True)
class Condition:
    """One of a paper's conditions.

    Parameters
    ----------
    label : str
    model : str
    times : tuple of float
        When cells are counted [s].
    """

    label: str
    model: str
    times: tuple[float, ...]


@dataclass(frozen=True)
class Claim:
    """One thing a paper reports, and how to look for it."""

    id: str
    statement: str
    statistic: str
    condition: str
    reference: str | None
    test: str
    fitted: bool
    source: str


@dataclass(frozen=True)
class Paper:
    """A paper's conditions and claims."""

    name: str
    citation: str
    dishes: int
    conditions: Mapping[str, Condition]
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Finding:
    """A claim on one region, and what the model gave.

    Parameters
    ----------
    claim : Claim
    region : Region
    time : float
        [s].
    label, reference_label : str
        Of the conditions compared; the reference is the same dishes earlier where the claim is
        about growth.
    mean, deviation : float
        Of the dishes' fold changes.
    encounter : float
        Fold change if regions were perfectly sticky and attracted nothing.
    reference_mean, reference_deviation : float
        NaN without a reference.
    p : float
        Of the paper's test; NaN where it used none.
    agrees : bool
    note : str
        What else the claim says and whether that holds.
    """

    claim: Claim
    region: Region
    time: float
    label: str
    mean: float
    deviation: float
    encounter: float
    reference_label: str
    reference_mean: float
    reference_deviation: float
    p: float
    agrees: bool
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values; numbers that do not exist are None."""

        def number(value: float) -> float | None:
            return value if math.isfinite(value) else None

        return {
            "id": self.claim.id,
            "statement": self.claim.statement,
            "fitted": self.claim.fitted,
            "region": self.region.name.lower(),
            "time": self.time,
            "condition": self.label,
            "mean": number(self.mean),
            "deviation": number(self.deviation),
            "encounter_limit": number(self.encounter),
            "reference": self.reference_label or None,
            "reference_mean": number(self.reference_mean),
            "reference_deviation": number(self.reference_deviation),
            "test": self.claim.test,
            "p": number(self.p),
            "agrees": self.agrees,
            "note": self.note,
        }


def load_paper(name: str) -> Paper:
    """Conditions and claims of a paper.

    Raises
    ------
    InputError
        If the paper is unknown.
    """
    path = shipped_folder("validation") / "targets.toml"
    papers = tomllib.loads(path.read_text(encoding="utf-8"))
    if name not in papers:
        raise InputError(f"unknown paper '{name}'. Known: {', '.join(sorted(papers))}.")
    table = papers[name]
    for claim in table["claim"]:
        if claim["statistic"] not in _STATISTICS or claim["test"] not in (*_TESTS, "none"):
            raise InputError(
                f"{path}: {claim['id']}: unknown statistic '{claim['statistic']}' or test "
                f"'{claim['test']}'. Known: {', '.join(_STATISTICS)}; {', '.join(_TESTS)}, none."
            )
    return Paper(
        name=name,
        citation=table["citation"],
        dishes=table["dishes"],
        conditions={
            key: Condition(c["label"], c["model"], tuple(parse(t, "time") for t in c["times"]))
            for key, c in table["condition"].items()
        },
        claims=tuple(Claim(**{"reference": None, **claim}) for claim in table["claim"]),
    )


def reproduce(
    paper: Paper,
    *,
    seed: int = 1,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Finding]:
    """Simulate a paper's conditions with independent dishes, as many as it had, and compare.

    Parameters
    ----------
    paper : Paper
    seed : int
        Of the first dish; every dish of every condition has its own.
    workers : int, optional
        Processes; as many as there are cores if not given.
    progress : callable, optional
        Called with the number of dishes finished since the last call.
    """
    dishes = {
        key: [
            Dish(c.model, (), seed + n * _SEEDS_PER_CONDITION + d, c.times)
            for d in range(paper.dishes)
        ]
        for n, (key, c) in enumerate(paper.conditions.items())
    }
    flat = [dish for group in dishes.values() for dish in group]
    counted = iter(count_dishes(flat, workers=workers, progress=progress))
    results = {key: [next(counted) for _ in group] for key, group in dishes.items()}
    return [f for claim in paper.claims for f in judge(paper, claim, results)]


def dish_count(paper: Paper) -> int:
    """Number of dishes that `reproduce` simulates."""
    return paper.dishes * len(paper.conditions)


def judge(paper: Paper, claim: Claim, results: Mapping[str, list[Counted]]) -> list[Finding]:
    """Compare a claim with counted dishes, one finding for each region (and time)."""
    return _STATISTICS[claim.statistic](paper, claim, results)


def _at(paper: Paper, key: str, counted: list[Counted], time: float) -> tuple[FoldChange, Array]:
    """Fold changes of a condition's dishes at a time, and their encounter limit."""
    n = paper.conditions[key].times.index(time)
    censuses = [c.censuses[n] for c in counted]
    areas = np.array([c.areas for c in censuses])
    limit = density_fold_change(np.array([c.encounter[n] for c in counted]), areas)
    return fold_changes(censuses), limit.mean(axis=0)


def _growth(paper: Paper, claim: Claim, results: Mapping[str, list[Counted]]) -> list[Finding]:
    times = paper.conditions[claim.condition].times
    label = paper.conditions[claim.condition].label
    findings = []
    for n, time in enumerate(times):
        change, limit = _at(paper, claim.condition, results[claim.condition], time)
        earlier = None
        if n > 0:
            earlier, _ = _at(paper, claim.condition, results[claim.condition], times[n - 1])
        for k, region in enumerate(ENRICHED):
            findings.append(
                Finding(
                    claim=claim,
                    region=region,
                    time=time,
                    label=label,
                    mean=float(change.mean[k]),
                    deviation=float(change.deviation[k]),
                    encounter=float(limit[k]),
                    reference_label="earlier" if earlier else "",
                    reference_mean=float(earlier.mean[k]) if earlier else np.nan,
                    reference_deviation=float(earlier.deviation[k]) if earlier else np.nan,
                    p=np.nan,
                    agrees=bool(
                        change.mean[k] > 1 and (earlier is None or change.mean[k] > earlier.mean[k])
                    ),
                )
            )
    return findings


def _reduction(paper: Paper, claim: Claim, results: Mapping[str, list[Counted]]) -> list[Finding]:
    assert claim.reference is not None
    condition, reference = paper.conditions[claim.condition], paper.conditions[claim.reference]
    time = condition.times[-1]
    treated, limit = _at(paper, claim.condition, results[claim.condition], time)
    control, _ = _at(paper, claim.reference, results[claim.reference], time)
    ratio = treated.mean / control.mean
    note = ""
    if claim.statistic == "reduced, more on network":
        order = "more" if ratio[1] < ratio[0] else "not more"
        note = f"{order} on the network ({ratio[1]:.2f}-fold) than on MSC ({ratio[0]:.2f}-fold)"
    findings = []
    for k, region in enumerate(ENRICHED):
        p = _TESTS[claim.test](list(control.each[:, k]), list(treated.each[:, k]))
        findings.append(
            Finding(
                claim=claim,
                region=region,
                time=time,
                label=condition.label,
                mean=float(treated.mean[k]),
                deviation=float(treated.deviation[k]),
                encounter=float(limit[k]),
                reference_label=reference.label,
                reference_mean=float(control.mean[k]),
                reference_deviation=float(control.deviation[k]),
                p=p,
                agrees=bool(ratio[k] < 1 and p < SIGNIFICANCE),
                note=note if region is Region.MIGRASOME_NETWORK else "",
            )
        )
    return findings


_STATISTICS = {
    "above one and growing": _growth,
    "reduced": _reduction,
    "reduced, more on network": _reduction,
}
_TESTS = {"unpaired t": unpaired_t_test}
