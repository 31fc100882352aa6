"""The dishes that a paper's claims need: one pool for each condition."""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sdf1_field.claims import Paper, Pool, Reading
from sdf1_field.claims.chances import LEAST_UNITS
from sdf1_field.claims.pools import require_enough
from sdf1_field.claims.targets import Condition
from sdf1_field.claims.virtual import own_views, sharing
from sdf1_field.errors import InputError
from sdf1_field.observations import Dish

NULL_SPARE = 2.0
"""Dishes of a null model's pool, over the most that one of its experiments draws.

With twice as many, half of the draws lack a given dish; with hardly more than are drawn few do, and
the jackknife over dishes is poor.
"""
_SEEDS = 2**31
_DONORS = 10_000
"""Donors of one seed; each seed has donors of its own."""
_DONOR_UNIT = "donors"


@dataclass(frozen=True)
class Planned:
    """A dish and its place: condition and number in the pool, from 0."""

    condition: str
    number: int
    dish: Dish


def chosen_views(paper: Paper, dishes: int, asked: Sequence[int] = ()) -> tuple[int, ...]:
    """Numbers of views to draw: those asked for, else those of the paper that have an interval.

    Parameters
    ----------
    paper : Paper
    dishes : int
        In each pool.
    asked : sequence of int
        Empty for the paper's.

    Raises
    ------
    InputError
        If no experiment can be drawn from so few dishes.
    """
    of_paper = {v for c in paper.conditions.values() if len(c.views) > 1 for v in c.views} or {1}
    views = sorted(set(asked or (v for v in of_paper if v * LEAST_UNITS <= dishes)))
    views = views or [min(of_paper)]
    if min(views) < 1:
        raise InputError("--views: there must be one or more. The papers' are 1, 2 and 4.")
    for key in _used(paper):
        condition = paper.conditions[key]
        most = max(own_views(condition, v) for v in views)
        require_enough(key, dishes, condition.replicates * most)
    return tuple(views)


def plan(paper: Paper, *, dishes: int, views: Sequence[int], seed: int = 1) -> list[Planned]:
    """Dishes that the paper's claims need, number by number.

    Parameters
    ----------
    paper : Paper
    dishes : int
        In each condition's pool; that of a null model holds more where claims draw more.
    views : sequence of int
        See `chosen_views`.
    seed : int
        Everything is drawn from it; the first dishes of many are those of few.
    """
    sizes = dict.fromkeys(_used(paper), dishes)
    for claim in paper.claims if views else ():
        if not claim.against_null:
            continue
        for null, keys in sharing(paper, claim).items():
            drawn = sum(
                paper.conditions[key].replicates
                * max(own_views(paper.conditions[key], v) for v in views)
                for key in keys
            )
            sizes[null] = max(sizes.get(null, dishes), math.ceil(NULL_SPARE * drawn))
    for key in sizes:
        of_donor = dishes_of_donor(paper.conditions[key], views)
        sizes[key] -= sizes[key] % of_donor
    return [
        Planned(key, number, _dish(paper.conditions[key], key, number, seed, views))
        for number in range(max(sizes.values(), default=0))
        for key, size in sizes.items()
        if number < size
    ]


def _used(paper: Paper) -> tuple[str, ...]:
    """Conditions that claims name, each once."""
    return tuple(dict.fromkeys(key for claim in paper.claims for key in claim.conditions))


def dishes_of_donor(condition: Condition, views: Sequence[int]) -> int:
    """Successive dishes of a pool that belong to one donor; 1 without donors."""
    return max(own_views(condition, v) for v in views) if condition.donors else 1


def _dish(c: Condition, key: str, number: int, seed: int, views: Sequence[int]) -> Dish:
    donor = 1 + ((seed - 1) * _DONORS + number // dishes_of_donor(c, views)) % (_SEEDS - 1)
    return Dish(
        observation=c.observation,
        model=c.model,
        settings=(*c.settings, *((f"variation.donor_number={donor}",) if c.donors else ())),
        seed=seed_of(seed, key, number),
        times=c.times,
    )


def seed_of(base: int, condition: str, number: int) -> int:
    """Seed of a dish, independent of the other conditions and numbers."""
    name = f"{base}/{condition}/{number}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % _SEEDS


def pools_of(
    paper: Paper,
    planned: Iterable[Planned],
    readings: Mapping[Dish, Sequence[Reading]],
    views: Sequence[int],
) -> dict[str, Pool]:
    """Pools of all conditions, without dishes that failed.

    A donor one of whose dishes failed is left out of all conditions, so that pairs stay pairs.
    """
    by_condition: dict[str, list[Planned]] = {}
    for p in planned:
        by_condition.setdefault(p.condition, []).append(p)
    block = {key: dishes_of_donor(paper.conditions[key], views) for key in by_condition}
    lost = {
        p.number // block[p.condition]
        for of in by_condition.values()
        for p in of
        if paper.conditions[p.condition].donors and p.dish not in readings
    }
    pools = {}
    for key, of in by_condition.items():
        donors = paper.conditions[key].donors
        kept = tuple(
            readings[p.dish]
            for p in of
            if p.dish in readings and not (donors and p.number // block[key] in lost)
        )
        pools[key] = Pool(_DONOR_UNIT if donors else key, kept, block[key])
    return pools


def disjoint_experiments(pool: Pool, replicates: int) -> list[list[Sequence[Reading]]]:
    """Experiments of one view that share no dish, as figures show them; donors are not mixed."""
    order = [
        donor * pool.of_donor + view
        for view in range(pool.of_donor)
        for donor in range(pool.units - pool.units % replicates)
    ]
    return [
        [pool.dishes[n] for n in order[k : k + replicates]]
        for k in range(0, len(order) - replicates + 1, replicates)
    ]
