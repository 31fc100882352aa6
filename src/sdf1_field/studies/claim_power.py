"""Chance that a paper's experiment reports a claim, had it been of another size.

Virtual papers with n replicates of so many views are drawn from pools of dishes, as for verdicts
(`sdf1_field.claims.virtual`), and averaged over the variation between experiments and over both
unpaired t tests. Of a result that is not significant, the chance that it is found significant
stands beside the chance that it is reported as the paper did.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sdf1_field.claims import Claim, Interval, Paper, Pool, Statement, Virtual
from sdf1_field.claims.virtual import chance_of, own_views, prior_weights
from sdf1_field.ensemble import Failure
from sdf1_field.ensemble.expecting import Expected
from sdf1_field.judging.tables import chance_text
from sdf1_field.reproduce import load_paper, plan
from sdf1_field.reproduce.experiments import pools_of
from sdf1_field.studies.compared import made
from sdf1_field.studies.power import SPARE

CLAIMS = ("claim", "statement", "asks", "views", "n", "chance (95 %)")
LEAST = ("claim", "statement", "asks", "views", "at least")
NOTES = (
    "The chance that an experiment of n replicates, each the sum of so many simulated views, "
    "reports the claim with all of its statements, or one of them; averaged over the variation "
    "between experiments and over Student's and Welch's test, with its 95 % interval over dishes. "
    "A dash: the pools are too small to draw such experiments; give more --dishes."
)
_WHOLE, _FOUND = "all of it", "p < 0.05"
_LEVEL = 0.05


@dataclass(frozen=True)
class ClaimSize:
    """Chance that experiments of one size report a claim, or one of its statements.

    Parameters
    ----------
    claim, statement, asks : str
        Id, the statement's subject, and what must be found.
    views, number : int
    chance : Interval or None
        None if the pools are too small.
    """

    claim: str
    statement: str
    asks: str
    views: int
    number: int
    chance: Interval | None


@dataclass(frozen=True)
class ClaimLeast:
    """Least number of replicates with a chance.

    Parameters
    ----------
    claim, statement, asks : str
    views : int
    number : int or None
        None if it is above ``tried``.
    tried : int
        Largest number that the pools allow; below 2 nothing was tried.
    """

    claim: str
    statement: str
    asks: str
    views: int
    number: int | None
    tried: int


@dataclass(frozen=True, eq=False)
class ClaimsFound:
    """Chances of claims by the size of the experiment.

    Parameters
    ----------
    paper : Paper
    dishes : int
    seed : int
    power : float
        Of which the least number of replicates is sought.
    sizes : tuple of ClaimSize
    least : tuple of ClaimLeast
    failures : tuple of Failure
    """

    paper: Paper
    dishes: int
    seed: int
    power: float
    sizes: tuple[ClaimSize, ...]
    least: tuple[ClaimLeast, ...]
    failures: tuple[Failure, ...] = ()


def asked_claims(name: str, ids: Sequence[str]) -> Paper:
    """A paper with some claims, its dishes read only when these claims ask for it.

    Raises
    ------
    InputError
        If the paper or a claim is unknown.
    """
    paper = load_paper(name)
    known = {claim.id: claim for claim in paper.only(tuple(ids)).claims}
    # Without the null model, and without claims that others only refer to.
    claims = tuple(
        replace(known[one], against_null=False, detects="") for one in dict.fromkeys(ids)
    )
    times: dict[str, set[float]] = {}
    for statement in (s for claim in claims for s in claim.statements):
        for key, time in (
            (statement.condition, statement.time),
            (statement.reference, statement.reference_time),
        ):
            if key is not None and time is not None:
                times.setdefault(key, set()).add(time)
    conditions = {
        key: replace(c, times=tuple(sorted(times[key]))) if c.times and key in times else c
        for key, c in paper.conditions.items()
    }
    return replace(paper, claims=claims, conditions=conditions, joint=())


def dishes_of(paper: Paper, dishes: int, views: Sequence[int]) -> int:
    """Number of dishes that `found_claims` needs."""
    return len(plan(paper, dishes=dishes, views=views))


def found_claims(
    paper: Paper,
    folder: Path,
    *,
    numbers: Sequence[int],
    views: Sequence[int],
    power: float,
    dishes: int,
    seed: int = 1,
    scheduler: str | None = None,
    workers: int | None = None,
    expected: Callable[[Expected], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> ClaimsFound:
    """Make the dishes that a folder does not hold, and find the chances.

    Parameters
    ----------
    paper : Paper
        Of `asked_claims`.
    folder : pathlib.Path
    numbers, views : sequence of int
    power : float
    dishes : int
        Of each condition.
    seed, scheduler, workers, expected, progress
        See `sdf1_field.studies.power_report.answered`.
    """
    planned = plan(paper, dishes=dishes, views=views, seed=seed)
    readings, failures = made(
        [p.dish for p in planned], folder, scheduler=scheduler, workers=workers,
        expected=expected, progress=progress,
    )  # fmt: skip
    pools = pools_of(paper, planned, readings, views)
    return of_pools(
        paper, pools, numbers=numbers, views=views, power=power, seed=seed, failures=failures
    )


def of_pools(
    paper: Paper,
    pools: Mapping[str, Pool],
    *,
    numbers: Sequence[int],
    views: Sequence[int],
    power: float,
    seed: int = 1,
    failures: tuple[Failure, ...] = (),
) -> ClaimsFound:
    """Chances of all claims by the size of the experiment; see `found_claims`."""
    asks = [one for claim in paper.claims for one in _asks(claim)]
    sizes, least = [], []
    for label, claim in asks:
        for view in views:
            largest = _largest(paper, claim, pools, view)
            sizes += [
                ClaimSize(*label, view, n, _chance(paper, claim, pools, n, view)) for n in numbers
            ]
            if any(s.p_from is not None for s in claim.statements):
                # Not significant is reported the less, the larger the experiment.
                continue
            reached: Iterator[int] = (
                n
                for n in range(2, largest + 1)
                if (found := _chance(paper, claim, pools, n, view)) and found.value >= power
            )
            least.append(ClaimLeast(*label, view, next(reached, None), largest))
    number = max((len(pool.dishes) for pool in pools.values()), default=0)
    return ClaimsFound(paper, number, seed, power, tuple(sizes), tuple(least), failures)


def _asks(claim: Claim) -> Iterator[tuple[tuple[str, str, str], Claim]]:
    """A claim as a whole, each of its statements, and each that was not significant as found."""
    if len(claim.statements) > 1:
        yield (claim.id, _WHOLE, "as reported"), claim
    for n, statement in enumerate(claim.statements):

        def alone(part: Statement, name: str, claim: Claim = claim) -> Claim:
            return replace(claim, id=f"{claim.id} {name}", statements=(part,))

        yield (
            (claim.id, statement.text, statement.expected() or "as reported"),
            alone(statement, f"statement {n}"),
        )
        if statement.test is not None and statement.p_from is not None:
            found = replace(statement, p_from=None, p_below=_LEVEL)
            yield (
                (claim.id, statement.text, f"{_FOUND}, which the paper did not find"),
                alone(found, f"found {n}"),
            )


def _largest(paper: Paper, claim: Claim, pools: Mapping[str, Pool], views: int) -> int:
    """Replicates of the largest experiment that is drawn from the pools."""
    largest = []
    for key in claim.conditions:
        pool = pools[key]
        each = own_views(paper.conditions[key], views) if pool.of_donor == 1 else 1
        largest.append(pool.units // (SPARE * each))
    return min(largest)


def _chance(
    paper: Paper, claim: Claim, pools: Mapping[str, Pool], number: int, views: int
) -> Interval | None:
    if number > _largest(paper, claim, pools, views):
        return None
    conditions = {key: replace(c, replicates=number) for key, c in paper.conditions.items()}
    virtual = Virtual(replace(paper, conditions=conditions, claims=(claim,)), pools, (views,))
    judged = virtual.judged(claim, views)
    if judged is None:
        return None
    return chance_of(prior_weights((views,)), [(judged.drawn, judged.all_hold)]).averaged


# Tables


def size_rows(found: ClaimsFound) -> list[tuple[str, ...]]:
    """Rows under `CLAIMS`."""
    return [
        (one.claim, one.statement, one.asks, f"{one.views}", f"{one.number}",
         chance_text(one.chance))
        for one in found.sizes
    ]  # fmt: skip


def least_rows(found: ClaimsFound) -> list[tuple[str, ...]]:
    """Rows under `LEAST`."""
    return [
        (one.claim, one.statement, one.asks, f"{one.views}",
         _least_text(one))
        for one in found.least
    ]  # fmt: skip


def _least_text(one: ClaimLeast) -> str:
    if one.number is not None:
        return f"n = {one.number}"
    return f"n > {one.tried}" if one.tried > 1 else "-"


def as_json(found: ClaimsFound) -> dict[str, Any]:
    """Plain values, fit for JSON."""
    return {
        "paper": found.paper.name,
        "claims": [claim.id for claim in found.paper.claims],
        "dishes": found.dishes,
        "seed": found.seed,
        "target": found.power,
        "chances": [
            {
                "claim": one.claim, "statement": one.statement, "asks": one.asks,
                "views": one.views, "n": one.number,
                "chance": None if one.chance is None else _plain(one.chance),
            }
            for one in found.sizes
        ],
        "least": [
            {
                "claim": one.claim, "statement": one.statement, "asks": one.asks,
                "views": one.views, "n": one.number, "tried": one.tried,
            }
            for one in found.least
        ],
    }  # fmt: skip


def _plain(chance: Interval) -> dict[str, Any]:
    known = chance.low == chance.low and chance.high == chance.high
    return {"value": chance.value, "interval": [chance.low, chance.high] if known else None}
