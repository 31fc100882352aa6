"""Simulated experiments: the dishes that claims need, and how dishes make up experiments."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.claims import Claim, DishRead, Experiment, Paper, Reading
from sdf1_field.errors import InputError
from sdf1_field.observations import Dish
from sdf1_field.random import Stream, generator

NULL_EXPERIMENTS = 500
"""Experiments drawn from the null model's dishes."""
NULL_SPARE = 1.1
"""Dishes of the null model that are simulated, over the most that one of its experiments draws."""
_SEEDS = 2**31
_DONORS = 10_000
"""Donors of one seed; each seed has donors of its own."""


@dataclass(frozen=True)
class Planned:
    """A dish and its place: condition, experiment and number, from 0."""

    condition: str
    experiment: int
    number: int
    dish: Dish


def plan(paper: Paper, *, experiments: int, seed: int = 1) -> list[Planned]:
    """Dishes that the paper's claims need, experiment by experiment.

    Parameters
    ----------
    paper : Paper
    experiments : int
        1 or more.
    seed : int
        Everything is drawn from it; the first experiments of many are those of few.

    Raises
    ------
    InputError
        If there are no experiments.
    """
    if experiments < 1:
        raise InputError("--experiments: there must be one or more. The default is 20.")
    used: dict[str, int] = {}
    for claim in paper.claims:
        for s in claim.statements:
            for key in (s.condition, s.reference):
                if key is None:
                    continue
                used[key] = max(experiments, used.get(key, 0))
                null = paper.conditions[key].null
                if claim.against_null and null is not None:
                    least = -(-NULL_SPARE * _drawn(paper, claim, null) // _dishes(paper, null))
                    used[null] = max(experiments, math.ceil(least), used.get(null, 0))
    return [
        Planned(key, experiment, number, _dish(paper, key, experiment, number, seed))
        for experiment in range(max(used.values(), default=0))
        for key, number_of in used.items()
        if experiment < number_of
        for number in range(_dishes(paper, key))
    ]


def _dishes(paper: Paper, key: str) -> int:
    return paper.conditions[key].dishes


def _sharing(paper: Paper, claim: Claim) -> dict[str, list[str]]:
    """Conditions of a claim by their null."""
    sharing: dict[str, list[str]] = {}
    for key in claim.conditions:
        null = paper.conditions[key].null
        if null is not None:
            sharing.setdefault(null, []).append(key)
    return sharing


def _drawn(paper: Paper, claim: Claim, null: str) -> int:
    """Dishes of a null that one null experiment of a claim draws."""
    return sum(_dishes(paper, key) for key in _sharing(paper, claim)[null])


def _dish(paper: Paper, key: str, experiment: int, number: int, seed: int) -> Dish:
    c = paper.conditions[key]
    donor = 1 + ((seed - 1) * _DONORS + experiment * c.dishes + number) % (_SEEDS - 1)
    return Dish(
        observation=c.observation,
        model=c.model,
        settings=(*c.settings, *((f"variation.donor_number={donor}",) if c.donors else ())),
        seed=_seed(seed, key, experiment, number),
        times=c.times,
    )


def _seed(base: int, condition: str, experiment: int, number: int) -> int:
    """Seed of a dish, independent of the other conditions and experiments."""
    name = f"{base}/{condition}/{experiment}/{number}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % _SEEDS


def dish_read(readings: Sequence[Reading], seed: int) -> DishRead:
    """Readings of the dish with a seed, with the random numbers of its variation."""
    values: dict[tuple[str, str], dict[float, NDArray[np.float64]]] = {}
    for reading in readings:
        values.setdefault((reading.quantity, reading.of), {})[reading.time] = reading.values
    normal = generator(seed, Stream.READING).standard_normal(len(values))
    return DishRead(values, dict(zip(values, normal.tolist(), strict=True)))


def null_experiments(
    paper: Paper, claim: Claim, pools: Mapping[str, Sequence[DishRead]]
) -> list[Experiment]:
    """Experiments in which every condition's dishes are drawn from its null's.

    Parameters
    ----------
    paper : Paper
    claim : Claim
    pools : mapping of str to sequence of DishRead
        All dishes of each condition that is the null of another one.

    Returns
    -------
    list of mapping
        Empty if the claim has no null, or a pool holds too few dishes for its conditions.
    """
    if not claim.against_null:
        return []
    sharing = _sharing(paper, claim)
    if any(len(pools[null]) < _drawn(paper, claim, null) for null in sharing):
        return []
    experiments: list[Experiment] = []
    for n in range(NULL_EXPERIMENTS):
        drawn: dict[str, Sequence[DishRead]] = {}
        for m, (null, keys) in enumerate(sharing.items()):
            order = iter(generator(n, Stream.NULL, m).permutation(len(pools[null])))
            for key in keys:
                drawn[key] = [pools[null][next(order)] for _ in range(_dishes(paper, key))]
        experiments.append(drawn)
    return experiments
