"""Virtual papers: all conditions drawn once, and every claim judged by the same draws.

What the papers leave open is a grid: how many views were summed, how much experiments varied beyond
their dishes, and which unpaired t test was used.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdf1_field.claims.chances import Agreeing, Drawn, Interval, chance, pooled_interval
from sdf1_field.claims.effects import STATISTICS, TESTS, UNPAIRED_T, Tested
from sdf1_field.claims.pools import Picks, Pool, Samples, draw, drawn
from sdf1_field.claims.readings import Sample
from sdf1_field.claims.targets import Claim, Condition, Paper, Statement
from sdf1_field.random import Stream, generator, name_key

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

DRAWS, CELL_DRAWS = 4096, 1024
"""Virtual papers for each number of views; of those, how many are judged where single cells are
tested, which takes longer."""
SIZES = (0.0, 0.075, 0.15, 0.225, 0.3)
"""Coefficients of variation from experiment to experiment."""
SIZE_PRIOR = 0.15
"""Scale of their half-normal prior."""
WELCH = (False, True)
P_WINDOW = 1.5
"""A virtual p agrees with a printed one if neither is more than this many times the other."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Agreement of one draw of all papers with a claim.

    Parameters
    ----------
    drawn : Drawn
    all_hold : ndarray of bool, shape (size, test, draw)
    each : tuple of ndarray of bool, shape (size, test, draw)
        For each statement.
    p : tuple of float
        Median of each statement's test, without variation between experiments, Student's where it
        is an unpaired t; NaN without a test.
    """

    drawn: Drawn
    all_hold: Flags
    each: tuple[Flags, ...]
    p: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Virtual:
    """Pools of a paper's conditions, and the numbers of views that are drawn from them.

    Parameters
    ----------
    paper : Paper
    pools : mapping of str to Pool
    views : tuple of int
        Of conditions whose replicates may be the sum of several.
    """

    paper: Paper
    pools: Mapping[str, Pool]
    views: tuple[int, ...]
    _drawn: dict[tuple[object, ...], Picks] = field(default_factory=dict, repr=False)
    _judged: dict[tuple[object, ...], Judged] = field(default_factory=dict, repr=False)

    def views_of(self, keys: Iterable[str], views: int) -> tuple[int, ...]:
        """Views of each condition's replicates; fixed where it has no choice."""
        return tuple(own_views(self.paper.conditions[key], views) for key in keys)

    def has(self, claim: Claim) -> bool:
        """Whether virtual papers of all numbers of views can be drawn for a claim."""
        for key in claim.conditions:
            condition, pool = self.paper.conditions[key], self.pools[key]
            views = max(own_views(condition, v) for v in self.views)
            if pool.units < condition.replicates * (views if pool.of_donor == 1 else 1):
                return False
        return True

    def draw(self, keys: Sequence[str], views: int) -> Drawn:
        """The same draws whichever claims and conditions ask for them.

        Raises
        ------
        InputError
            If a pool has fewer dishes than an experiment needs.
        """
        own = zip(keys, self.views_of(keys, views), strict=True)
        return Drawn({key: self.pools[key] for key in keys}, {k: self._picks(k, v) for k, v in own})

    def _picks(self, key: str, views: int) -> Picks:
        """Dishes of a condition in all virtual papers; the same for pools of the same donors."""
        pool, replicates = self.pools[key], self.paper.conditions[key].replicates
        name = (pool.unit, replicates, views)
        if name not in self._drawn:
            rng = generator(views, Stream.POOL, name_key(pool.unit))
            self._drawn[name] = draw(pool, rng, draws=DRAWS, replicates=replicates, views=views)
        return self._drawn[name]

    def draw_null(self, claim: Claim, views: int) -> Drawn | None:
        """Every condition's dishes from its null's pool, none twice; None if it is too small."""
        pools: dict[str, Pool] = {}
        picks: dict[str, Picks] = {}
        for null, keys in sharing(self.paper, claim).items():
            source = self.pools[null]
            pool = Pool(f"null of {null}", source.dishes)
            own = self.views_of(keys, views)
            sizes = [
                self.paper.conditions[key].replicates * v for key, v in zip(keys, own, strict=True)
            ]
            if len(pool.dishes) < sum(sizes):
                return None
            rng = generator(own[0], Stream.POOL, name_key(f"{pool.unit}/{len(keys)}"))
            order = draw(pool, rng, draws=DRAWS, replicates=sum(sizes), views=1)[..., 0]
            for key, v, part in zip(
                keys, own, np.split(order, np.cumsum(sizes)[:-1], axis=1), strict=True
            ):
                pools[key], picks[key] = pool, part.reshape(DRAWS, -1, v)
        return Drawn(pools, picks)

    def judged(self, claim: Claim, views: int, *, null: bool = False) -> Judged | None:
        """Agreement of virtual papers, or of those of the null model, with a claim.

        None if dishes are missing, so that no paper can be drawn.
        """
        key = (claim.id, null, self.views_of(claim.conditions, views))
        if not self.has(claim):
            return None
        if key not in self._judged:
            papers = self.draw_null(claim, views) if null else self.draw(claim.conditions, views)
            if papers is None:
                return None
            self._judged[key] = judge(claim, papers)
        return self._judged[key]


def own_views(condition: Condition, views: int) -> int:
    """Views of a condition's replicates in a paper with a number of views."""
    return views if len(condition.views) > 1 else condition.views[0]


def sharing(paper: Paper, claim: Claim) -> dict[str, list[str]]:
    """Conditions of a claim by their null."""
    found: dict[str, list[str]] = {}
    for key in claim.conditions:
        null = paper.conditions[key].null
        if null is not None:
            found.setdefault(null, []).append(key)
    return found


# Agreement


def judge(claim: Claim, papers: Drawn) -> Judged:
    """Effects and tests of all statements in all virtual papers."""
    draws = CELL_DRAWS if any(s.sample is Sample.CELLS for s in claim.statements) else DRAWS
    each, p = [], []
    for statement in claim.statements:
        holds, median = _statement_holds(statement, papers, draws)
        each.append(holds)
        p.append(median)
    return Judged(papers, np.logical_and.reduce(each), tuple(each), tuple(p))


def _statement_holds(statement: Statement, papers: Drawn, draws: int) -> tuple[Flags, float]:
    holds = np.empty((len(SIZES), len(WELCH), draws), dtype=np.bool_)
    median = math.nan
    for k, (own, other) in enumerate(_varied_sides(statement, papers, draws)):
        holds[k] = effect_lies(statement, STATISTICS[statement.statistic].effect(own, other))
        if statement.test is None:
            continue
        for t, p in enumerate(_p_of_both(statement, own, other)):
            holds[k, t] &= p_agrees(statement, p)
            if (SIZES[k], WELCH[t]) == (0.0, False) and np.isfinite(p).any():
                median = float(np.nanmedian(p))
    return holds, median


def _varied_sides(
    statement: Statement, papers: Drawn, draws: int
) -> Iterator[tuple[Samples, Samples]]:
    """The sample and its reference at each of `SIZES`, with the same random numbers."""
    sides = _sides(statement, papers.pools, papers.picks, draws)
    normals = [
        _normal(key, quantity, statement.of, side.values.shape[:2])
        for (key, quantity), side in zip(_read_in(statement), sides, strict=True)
    ]
    for size in SIZES:
        own, other = (_varied(side, z, size) for side, z in zip(sides, normals, strict=True))
        yield own, other


def _varied(side: Samples, normal: Array, size: float) -> Samples:
    """Replicates that vary with a coefficient of variation, log-normally."""
    if size == 0.0:
        return side
    return side.varied(np.exp(math.sqrt(math.log1p(size**2)) * normal))


def _p_of_both(statement: Statement, own: Samples, other: Samples) -> list[Array]:
    """P at each of `WELCH`; the same twice unless the test is an unpaired t."""
    p = p_values(statement, own, other, welch=False)
    if statement.test != UNPAIRED_T:
        return [p, p]
    return [p, p_values(statement, own, other, welch=True)]


def _read_in(statement: Statement) -> tuple[tuple[str, str], tuple[str, str]]:
    """Condition and quantity of the sample, and of what it is compared with."""
    own = (statement.condition, statement.quantity)
    if statement.against is not None:
        return own, (statement.condition, statement.against)
    return own, (statement.reference or statement.condition, statement.quantity)


def _sides(
    statement: Statement, pools: Mapping[str, Pool], picks: Mapping[str, Picks], draws: int
) -> tuple[Samples, Samples]:
    """The sample, and what it is compared with; itself if there is nothing."""
    s = statement
    (key, quantity), (other_key, other_quantity) = _read_in(s)
    own = drawn(pools[key], picks[key][:draws], quantity, s.of, s.time, s.sample, s.density_ratio)
    if s.against is None and s.reference is None:
        return own, own
    time = s.time if s.against is not None else s.reference_time
    ratio = None if s.against is not None else s.density_ratio
    other = drawn(
        pools[other_key], picks[other_key][:draws], other_quantity, s.of, time, s.sample, ratio
    )
    return own, other


def _normal(key: str, quantity: str, of: str, shape: tuple[int, ...]) -> Array:
    """Standard normal numbers of a quantity's replicates, the same at all times and views."""
    rng = generator(0, Stream.READING, name_key(f"{key}/{quantity}/{of}"))
    return rng.standard_normal(shape)


def effect_lies(statement: Statement, effect: Array) -> Flags:
    """Whether effects lie in the interval that the paper reports."""
    if not statement.directed:
        return np.isfinite(effect)
    return (statement.above < effect) & (effect < statement.below)


def p_values(statement: Statement, own: Samples, other: Samples, *, welch: bool) -> Array:
    """P of a statement's test, shape (draw,); NaN without one."""
    if statement.test is None:
        return np.full(len(own.values), np.nan)
    return TESTS[statement.test](own, other, Tested(statement.over_dishes, welch))


def p_agrees(statement: Statement, p: Array) -> Flags:
    """Whether a test gives the significance that the paper reports."""
    holds = np.ones(len(p), dtype=np.bool_)
    if statement.p_below is not None:
        holds &= p < statement.p_below
    if statement.p_from is not None:
        holds &= p >= statement.p_from
    return holds


def effect_of(statement: Statement, pools: Mapping[str, Pool], replicates: int) -> Interval:
    """Effect of a statement in whole pools, with its interval.

    Densities are of the sums over the pool, medians and means of all cells. A total is that of one
    experiment.
    """
    statistic = STATISTICS[statement.statistic]
    own = {key: pools[key] for key, _ in _read_in(statement)}
    whole = statement.density_ratio is not None

    def effects(picks: Mapping[str, Picks]) -> Array:
        # A density ratio sums the dishes as views of one replicate; else each is a replicate.
        shaped = {key: p if whole else np.moveaxis(p, 1, 2) for key, p in picks.items()}
        sides = _sides(statement, own, shaped, len(next(iter(shaped.values()))))
        found = statistic.effect(*sides)
        if statement.statistic == "total":
            found = found * replicates / sides[0].values.shape[1]
        return found

    scale = "log" if statistic.ratio else "logit" if statement.statistic == "share" else "identity"
    return pooled_interval(effects, own, scale)


def examine(
    statement: Statement, pools: Mapping[str, Pool], *, size: float = 0.0
) -> tuple[float, float, bool]:
    """Effect, p and agreement of a single experiment that consists of whole pools.

    All views of a donor, or of a replicate that has several, are summed.

    Parameters
    ----------
    statement : Statement
    pools : mapping of str to Pool
    size : float
        Coefficient of variation from replicate to replicate.
    """
    picks = {
        key: np.arange(pool.units * pool.of_donor).reshape(1, -1, pool.of_donor)
        for key, pool in pools.items()
    }
    own, other = (
        _varied(side, _normal(key, quantity, statement.of, side.values.shape[:2]), size)
        for side, (key, quantity) in zip(
            _sides(statement, pools, picks, 1), _read_in(statement), strict=True
        )
    )
    effect = STATISTICS[statement.statistic].effect(own, other)
    p = p_values(statement, own, other, welch=False)
    agrees = effect_lies(statement, effect) & p_agrees(statement, p)
    return float(effect[0]), float(p[0]), bool(agrees[0])


# What the papers leave open


@dataclass(frozen=True, eq=False)
class OpenChoices:
    """Weights of what the paper leaves open.

    Parameters
    ----------
    views : tuple of int
    grid : ndarray, shape (view, size, test)
        They sum to 1.
    informed_by : str
        Id of the claim whose printed p informs them; empty if none does.
    """

    views: tuple[int, ...]
    grid: Array
    informed_by: str = ""


def prior_weights(views: tuple[int, ...]) -> OpenChoices:
    """All numbers of views alike, half-normal variation, both t tests alike."""
    sizes = np.exp(-0.5 * (np.array(SIZES) / SIZE_PRIOR) ** 2)
    sizes[0] *= 0.5  # Half an interval of the grid.
    grid = np.ones((len(views), 1, 1)) * sizes[:, None] * np.ones(len(WELCH))
    return OpenChoices(views, grid / grid.sum())


def informed_weights(virtual: Virtual) -> OpenChoices:
    """Prior weights times the likelihood of the p that a claim prints.

    The likelihood of a grid point is the density of p on a logarithmic scale at the printed value:
    the share of virtual papers whose effect is on the reported side and whose p lies within a
    factor `P_WINDOW` of it.
    """
    prior = prior_weights(virtual.views)
    grid = prior.grid
    informed_by = ""
    for claim in virtual.paper.claims:
        for s in claim.statements:
            if s.p_printed is None or not virtual.has(claim):
                continue
            found = np.array([_p_near(s, virtual, v) for v in virtual.views])
            if (grid * found).sum() > 0.0:
                grid, informed_by = grid * found, claim.id
    return OpenChoices(virtual.views, grid / grid.sum(), informed_by)


def _p_near(statement: Statement, virtual: Virtual, views: int) -> Array:
    """Share of papers with the reported effect and a p near the printed one, (size, test)."""
    papers = virtual.draw(tuple(dict.fromkeys(key for key, _ in _read_in(statement))), views)
    found = np.zeros((len(SIZES), len(WELCH)))
    assert statement.p_printed is not None
    low, high = statement.p_printed / P_WINDOW, statement.p_printed * P_WINDOW
    for k, (own, other) in enumerate(_varied_sides(statement, papers, DRAWS)):
        lies = effect_lies(statement, STATISTICS[statement.statistic].effect(own, other))
        for t, p in enumerate(_p_of_both(statement, own, other)):
            found[k, t] = (lies & (p > low) & (p < high)).mean()
    return found


@dataclass(frozen=True)
class Chance:
    """Chance that one virtual paper agrees.

    Parameters
    ----------
    averaged : Interval
        Over everything that the paper leaves open.
    least, most : float
        Over the grid of it.
    by_views : mapping of int to Interval
        For each number of views, averaged over variation and test.
    """

    averaged: Interval
    least: float
    most: float
    by_views: Mapping[int, Interval]


def chance_of(
    weights: OpenChoices, holds: Sequence[tuple[Drawn, Flags]], own: Sequence[int] | None = None
) -> Chance:
    """Chance with its interval, from agreement at each number of views.

    Parameters
    ----------
    weights : OpenChoices
    holds : sequence of (Drawn, ndarray of bool)
        For each number of views, shape (size, test, draw).
    own : sequence of int, optional
        Views that the claim has at each of them; conditions of some claims have no choice.
    """
    prior = prior_weights(weights.views).grid
    # A number of views that the printed p rules out has its own chance by the prior.
    within = [w if w.sum() > 0.0 else p for w, p in zip(weights.grid, prior, strict=True)]
    parts = [
        Agreeing(papers, np.tensordot(w / w.sum(), flags, 2), float(weight.sum()))
        for w, weight, (papers, flags) in zip(within, weights.grid, holds, strict=True)
    ]
    grid = np.array([flags.mean(axis=2) for _, flags in holds])
    return Chance(
        chance(parts),
        float(grid.min()),
        float(grid.max()),
        {
            v: chance([Agreeing(part.drawn, part.agree, 1.0)])
            for v, part in zip(own or weights.views, parts, strict=True)
        },
    )
