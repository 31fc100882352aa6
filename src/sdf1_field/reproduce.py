"""Does the model say what a paper reports? Claims as data, experiments of the paper's size."""

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis import (
    ENRICHED,
    FoldChange,
    density_fold_change,
    fold_changes,
    mann_whitney_u_test,
    p_text,
    paired_t_test,
    path_lengths,
    ratio_of_medians,
    unpaired_t_test,
)
from sdf1_field.ensemble import Counted, Dish, count_dishes
from sdf1_field.errors import InputError
from sdf1_field.scene import REGION_LABELS, Region
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
        When cells are counted [s]; empty if they are tracked.
    donors : bool
        Whether the dishes are of donors 1, 2, 3 and on, the same in all such conditions.
    """

    label: str
    model: str
    times: tuple[float, ...]
    donors: bool = False

    @property
    def tracked(self) -> bool:
        """Whether cells are tracked instead of counted."""
        return not self.times


@dataclass(frozen=True)
class Comparison:
    """What a claim says about one condition, against another where it names one.

    Parameters
    ----------
    condition : str
    expected : str
        A key of `EXPECTATIONS`.
    reference : str or None
        Condition to compare with.
    beyond : str or None
        Condition on the other side, where the claim is about an order of three.
    test : str
        A key of `TESTS`, or "none" where the paper names none.
    """

    condition: str
    expected: str
    reference: str | None = None
    beyond: str | None = None
    test: str = "none"


@dataclass(frozen=True)
class Claim:
    """One thing a paper reports, and how to look for it."""

    id: str
    statement: str
    fitted: bool
    source: str
    comparisons: tuple[Comparison, ...]
    put_in: tuple[str, ...] = ()
    """Assumed parameters of which (part of) what the claim says is a direct consequence."""


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
    """One comparison of a claim, on one region or on paths, and what the model gave.

    Parameters
    ----------
    claim : Claim
    expected : str
        What the claim says of it.
    region : Region or None
        None where the claim is about the cells' paths.
    time : float
        [s]; for paths, how long cells are tracked.
    label, reference_label : str
        Of the conditions compared; the reference is the same dishes earlier where the claim is
        about growth.
    mean, deviation : float
        Of the dishes' fold changes, or of the cells' path lengths [um].
    encounter : float
        Fold change if regions were perfectly sticky and attracted nothing; NaN for paths.
    reference_mean, reference_deviation : float
        NaN without a reference.
    test : str
    p : float
        Of the test; NaN where there is none.
    agrees : bool
    note : str
        What else is worth knowing, or what the claim says beyond one comparison.
    """

    claim: Claim
    expected: str
    region: Region | None
    time: float
    label: str
    mean: float
    deviation: float
    encounter: float
    reference_label: str
    reference_mean: float
    reference_deviation: float
    test: str
    p: float
    agrees: bool
    note: str = ""

    @property
    def subject(self) -> str:
        """What the numbers are of."""
        return "path length, um" if self.region is None else REGION_LABELS[self.region]

    def as_json(self) -> dict[str, Any]:
        """Plain values; numbers that do not exist are None."""

        def number(value: float) -> float | None:
            return value if math.isfinite(value) else None

        return {
            "id": self.claim.id,
            "statement": self.claim.statement,
            "fitted": self.claim.fitted,
            "put_in": list(self.claim.put_in),
            "expected": self.expected,
            "quantity": "path length [um]" if self.region is None else "density fold change",
            "region": None if self.region is None else self.region.name.lower(),
            "time": self.time,
            "condition": self.label,
            "mean": number(self.mean),
            "deviation": number(self.deviation),
            "encounter_limit": number(self.encounter),
            "reference": self.reference_label or None,
            "reference_mean": number(self.reference_mean),
            "reference_deviation": number(self.reference_deviation),
            "test": self.test,
            "p": number(self.p),
            "agrees": self.agrees,
            "note": self.note,
        }


def load_paper(name: str) -> Paper:
    """Conditions and claims of a paper.

    Raises
    ------
    InputError
        If the paper is unknown, or its claims name what does not exist.
    """
    path = shipped_folder("validation") / "targets.toml"
    papers = tomllib.loads(path.read_text(encoding="utf-8"))
    if name not in papers:
        raise InputError(f"unknown paper '{name}'. Known: {', '.join(sorted(papers))}.")
    table = papers[name]
    conditions = {
        key: Condition(
            label=c["label"],
            model=c["model"],
            times=tuple(parse(t, "time") for t in c.get("times", ())),
            donors=c.get("donors", False),
        )
        for key, c in table["condition"].items()
    }
    claims = tuple(
        Claim(
            id=claim["id"],
            statement=claim["statement"],
            fitted=claim["fitted"],
            source=claim["source"],
            comparisons=tuple(Comparison(**comparison) for comparison in claim["compare"]),
            put_in=tuple(claim.get("put_in", ())),
        )
        for claim in table["claim"]
    )
    for claim in claims:
        for comparison in claim.comparisons:
            if comparison.expected not in EXPECTATIONS or comparison.test not in (*TESTS, "none"):
                raise InputError(
                    f"{path}: {claim.id}: unknown expectation '{comparison.expected}' or test "
                    f"'{comparison.test}'. Known: {', '.join(EXPECTATIONS)}; "
                    f"{', '.join(TESTS)}, none."
                )
            for key in (comparison.condition, comparison.reference, comparison.beyond):
                if key is not None and key not in conditions:
                    raise InputError(
                        f"{path}: {claim.id}: unknown condition '{key}'. Known: "
                        f"{', '.join(conditions)}."
                    )
    return Paper(
        name=name,
        citation=table["citation"],
        dishes=table["dishes"],
        conditions=conditions,
        claims=claims,
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
            Dish(
                c.model,
                (f"variation.donor_number={d + 1}",) if c.donors else (),
                seed + n * _SEEDS_PER_CONDITION + d,
                c.times,
            )
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
    """Compare a claim with counted or tracked dishes, comparison by comparison."""
    findings = []
    for comparison in claim.comparisons:
        condition = paper.conditions[comparison.condition]
        if condition.tracked:
            findings.append(_on_paths(paper, claim, comparison, results))
        elif EXPECTATIONS[comparison.expected] is None:
            findings += _growth(paper, claim, comparison, results)
        else:
            findings += _on_regions(paper, claim, comparison, results)
    return findings


@dataclass(frozen=True)
class _Outcome:
    """Numbers an expectation is judged by, on one region or on paths.

    ``ratio`` is the mean over the reference's, ``beyond`` the same of the condition on the other
    side; NaN where there is none.
    """

    region: Region | None
    mean: float
    ratio: float
    beyond: float
    p: float

    @property
    def significant(self) -> bool:
        return self.p < SIGNIFICANCE

    @property
    def unchanged(self) -> bool:
        """Not significant; false where there is no p, which says nothing."""
        return self.p >= SIGNIFICANCE


def _only_network_reduced(outcome: _Outcome) -> bool:
    if outcome.region is Region.MIGRASOME_NETWORK:
        return outcome.ratio < 1 and outcome.significant
    return outcome.unchanged


def _less_than_beyond(outcome: _Outcome) -> bool:
    """A reduction that is reported on MSC alone, not significant, and less than the other's."""
    below_one = outcome.ratio < 1 or outcome.region is Region.MIGRASOME_NETWORK
    return outcome.unchanged and below_one and outcome.ratio > outcome.beyond


EXPECTATIONS: dict[str, Callable[[_Outcome], bool] | None] = {
    "above one and growing": None,
    "above one, below the reference": lambda o: o.mean > 1 and o.ratio < 1,
    "reduced": lambda o: o.ratio < 1,
    "significantly reduced": lambda o: o.ratio < 1 and o.significant,
    "significantly reduced, more on the network": lambda o: o.ratio < 1 and o.significant,
    "significantly reduced on the network, unchanged on MSC": _only_network_reduced,
    "significantly increased": lambda o: o.ratio > 1 and o.significant,
    "unchanged": lambda o: o.unchanged,
    "not significant, and reduced less than beyond": _less_than_beyond,
    "between": lambda o: min(1.0, o.beyond) < o.ratio < max(1.0, o.beyond),
}
"""What a claim may say of a comparison. `unchanged` and `not significant` mean p at or above the
papers' level; growth compares the times of one condition and has a rule of its own."""

TESTS: dict[str, Callable[[Sequence[float], Sequence[float]], float]] = {
    "unpaired t": unpaired_t_test,
    "paired t": paired_t_test,
    "Mann-Whitney U": mann_whitney_u_test,
}


def _p(test: str, control: Array, treated: Array) -> float:
    return math.nan if test == "none" else TESTS[test](list(control), list(treated))


def _at(paper: Paper, key: str, counted: list[Counted], time: float) -> tuple[FoldChange, Array]:
    """Fold changes of a condition's dishes at a time, and their encounter limit."""
    n = paper.conditions[key].times.index(time)
    censuses = [c.censuses[n] for c in counted]
    areas = np.array([c.areas for c in censuses])
    limit = density_fold_change(np.array([c.encounter[n] for c in counted]), areas)
    return fold_changes(censuses), limit.mean(axis=0)


def _growth(
    paper: Paper, claim: Claim, comparison: Comparison, results: Mapping[str, list[Counted]]
) -> list[Finding]:
    key = comparison.condition
    times = paper.conditions[key].times
    findings = []
    for n, time in enumerate(times):
        change, limit = _at(paper, key, results[key], time)
        earlier = None
        if n > 0:
            earlier, _ = _at(paper, key, results[key], times[n - 1])
        for k, region in enumerate(ENRICHED):
            findings.append(
                Finding(
                    claim=claim,
                    expected=comparison.expected,
                    region=region,
                    time=time,
                    label=paper.conditions[key].label,
                    mean=float(change.mean[k]),
                    deviation=float(change.deviation[k]),
                    encounter=float(limit[k]),
                    reference_label="earlier" if earlier else "",
                    reference_mean=float(earlier.mean[k]) if earlier else np.nan,
                    reference_deviation=float(earlier.deviation[k]) if earlier else np.nan,
                    test=comparison.test,
                    p=np.nan,
                    agrees=bool(
                        change.mean[k] > 1 and (earlier is None or change.mean[k] > earlier.mean[k])
                    ),
                )
            )
    return findings


def _on_regions(
    paper: Paper, claim: Claim, comparison: Comparison, results: Mapping[str, list[Counted]]
) -> list[Finding]:
    """Fold changes of two conditions at the last time of the first, region by region."""
    assert comparison.reference is not None
    expectation = EXPECTATIONS[comparison.expected]
    assert expectation is not None
    condition = paper.conditions[comparison.condition]
    time = condition.times[-1]
    treated, limit = _at(paper, comparison.condition, results[comparison.condition], time)
    control, _ = _at(paper, comparison.reference, results[comparison.reference], time)
    ratio = treated.mean / control.mean
    beyond: Array = np.full(2, np.nan)
    other: FoldChange | None = None
    if comparison.beyond is not None:
        other, _ = _at(paper, comparison.beyond, results[comparison.beyond], time)
        beyond = other.mean / control.mean
    findings = []
    for k, region in enumerate(ENRICHED):
        p = _p(comparison.test, control.each[:, k], treated.each[:, k])
        outcome = _Outcome(region, float(treated.mean[k]), float(ratio[k]), float(beyond[k]), p)
        note = "direction only" if comparison.expected == "reduced" else ""
        if comparison.beyond is not None and other is not None:
            there = p_text(_p(comparison.test, control.each[:, k], other.each[:, k]))
            note = (
                f"{ratio[k]:.2f}-fold, with {paper.conditions[comparison.beyond].label} "
                f"{beyond[k]:.2f}-fold (p {there})"
            )
        findings.append(
            Finding(
                claim=claim,
                expected=comparison.expected,
                region=region,
                time=time,
                label=condition.label,
                mean=outcome.mean,
                deviation=float(treated.deviation[k]),
                encounter=float(limit[k]),
                reference_label=paper.conditions[comparison.reference].label,
                reference_mean=float(control.mean[k]),
                reference_deviation=float(control.deviation[k]),
                test=comparison.test,
                p=p,
                agrees=bool(expectation(outcome)),
                note=note,
            )
        )
    if comparison.expected.endswith("more on the network"):
        order = "more" if ratio[1] < ratio[0] else "not more"
        findings[1] = replace(
            findings[1],
            note=f"{order} on the network ({ratio[1]:.2f}-fold) than on MSC ({ratio[0]:.2f}-fold)",
        )
    return findings


def _on_paths(
    paper: Paper, claim: Claim, comparison: Comparison, results: Mapping[str, list[Counted]]
) -> Finding:
    """Path lengths of all cells of two conditions; the unit of the test is the cell."""
    assert comparison.reference is not None
    expectation = EXPECTATIONS[comparison.expected]
    assert expectation is not None
    paths = {key: _paths(results[key]) for key in (comparison.condition, comparison.reference)}
    treated, control = (
        np.concatenate(paths[key]) for key in (comparison.condition, comparison.reference)
    )
    p = _p(comparison.test, control, treated)
    ratio, ends = ratio_of_medians(control, treated)
    notes = [f"median {ratio:.2f}-fold ({ends[0]:.2f}-{ends[1]:.2f})"]
    beyond = math.nan
    if comparison.beyond is not None:
        other = np.concatenate(_paths(results[comparison.beyond]))
        beyond = float(np.median(other) / np.median(control))
        notes.append(
            f"with {paper.conditions[comparison.beyond].label} {beyond:.2f}-fold, p against it "
            f"{p_text(_p(comparison.test, other, treated))}"
        )
    # Cells of a dish share its speed: what cells tell apart may be dishes.
    medians = [
        [float(np.median(dish)) for dish in paths[key]]
        for key in (comparison.reference, comparison.condition)
    ]
    alike = [_p(comparison.test, *pair) for pair in combinations(paths[comparison.reference], 2)]
    notes.append(f"over dishes p {p_text(unpaired_t_test(*medians))}")
    if alike:
        label = paper.conditions[comparison.reference].label
        notes.append(f"smallest p of {label} dishes among themselves {p_text(min(alike))}")
    outcome = _Outcome(None, float(treated.mean()), ratio, beyond, p)
    (duration,) = {c.tracks.duration for c in results[comparison.condition] if c.tracks is not None}
    return Finding(
        claim=claim,
        expected=comparison.expected,
        region=None,
        time=duration,
        label=paper.conditions[comparison.condition].label,
        mean=outcome.mean,
        deviation=float(treated.std(ddof=1)),
        encounter=math.nan,
        reference_label=paper.conditions[comparison.reference].label,
        reference_mean=float(control.mean()),
        reference_deviation=float(control.std(ddof=1)),
        test=comparison.test,
        p=p,
        agrees=bool(expectation(outcome)),
        note="; ".join(notes),
    )


def _paths(counted: list[Counted]) -> list[Array]:
    """Path lengths of each tracked dish's cells [um]."""
    return [path_lengths(c.tracks) for c in counted if c.tracks is not None]
