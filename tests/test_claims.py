"""The judge: virtual papers drawn from made-up pools, and verdicts on made-up claims."""

import importlib.util
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdf1_field.claims import (
    DIRECTION_ONLY,
    NOT_REPRODUCED,
    REPRODUCED,
    STATISTICS,
    UNDECIDED,
    VACUOUS,
    Chance,
    Claim,
    DensityRatio,
    Interval,
    Paper,
    Pool,
    Reading,
    Sample,
    Statement,
    StatementFound,
    Status,
    Virtual,
    examine,
    find_all,
)
from sdf1_field.claims.chances import Agreeing, Drawn, chance
from sdf1_field.claims.pools import Samples, draw, drawn
from sdf1_field.claims.targets import Condition
from sdf1_field.claims.verdict import verdict
from sdf1_field.claims.virtual import (
    DRAWS,
    SIZES,
    OpenChoices,
    chance_of,
    effect_of,
    informed_weights,
    prior_weights,
)
from sdf1_field.errors import InputError
from sdf1_field.statistics import unpaired_t_test

HOUR = 3600.0
NAN, INF = float("nan"), float("inf")
RATIO = DensityRatio("cells in region", "area of region", "free surface")


def test_the_judge_needs_no_simulator():
    rooms = "'numba', 'sdf1_field.cells', 'sdf1_field.observations', 'sdf1_field.simulation'"
    code = f"import sdf1_field.claims, sys; print([m for m in ({rooms}) if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"


# Papers made up: fold changes on MSC, read at 4 and 12 h


def condition(name, null="null", **changes):
    base = Condition(
        name, "coculture-kg1a", "cells", (4 * HOUR, 12 * HOUR), (), 3, (1,), False, null
    )
    return replace(base, **changes)


def statement(**changes):
    base = Statement(
        text="MSC", condition="treated", quantity="fold change", of="MSC",
        sample=Sample.DISH, time=4 * HOUR, statistic="ratio of means", reference="control",
        reference_time=4 * HOUR, against=None, above=-INF, below=1.0, test="unpaired t",
        over_dishes=False, p_below=0.05, p_from=None,
    )  # fmt: skip
    return replace(base, **changes)


def claim(*statements, null=True, **changes):
    base = Claim(
        "X1", "so it is", "Fig. 1", "", Status.PREDICTED, null, (), statements or (statement(),)
    )
    return replace(base, **changes)


def paper(*claims, **changes):
    conditions = {name: condition(name, **changes) for name in ("control", "treated", "null")}
    return Paper("made-up", "nobody", conditions, claims or (claim(),))


def dish(*changes):
    """A dish with fold changes on MSC at 4 and at 12 h."""
    return tuple(
        Reading("fold change", time, np.array([change]), "MSC")
        for time, change in zip((4 * HOUR, 12 * HOUR), changes, strict=False)
    )


def pool(name, values, **changes):
    return Pool(name, tuple(dish(v, 2 * v) for v in values), **changes)


def scattered(ratio, *, dishes=24, seed=1, spread=0.1):
    """Pools of a control, a treatment that lowers its fold change, and the null model."""
    rng = np.random.default_rng(seed)
    control = rng.normal(4.0, 4.0 * spread, dishes)
    treated = ratio * rng.normal(4.0, 4.0 * spread, dishes)
    null = rng.normal(1.0, spread, dishes)
    return {
        name: pool(name, values)
        for name, values in (("control", control), ("treated", treated), ("null", null))
    }


def found(pools, *claims, views=(1,), **changes):
    return find_all(Virtual(paper(*claims, **changes), pools, views))[0]


CLEAR = {"control": pool("control", (4.0, 4.1, 3.9)), "treated": pool("treated", (2.0, 2.1, 1.9))}


# One experiment


def test_an_experiment_is_judged_by_its_own_effect_and_test():
    effect, p, agrees = examine(statement(), CLEAR)
    assert effect == pytest.approx(0.5)
    assert p == pytest.approx(unpaired_t_test([4.0, 4.1, 3.9], [2.0, 2.1, 1.9]))
    assert agrees


@pytest.mark.parametrize(
    ("changes", "agrees"),
    [
        ({"below": 0.4}, False),
        ({"below": 0.4, "p_below": None}, False),
        ({"below": INF, "p_below": None, "p_from": 0.05}, False),
        ({"above": 0.4, "below": 0.6}, True),
        ({"above": 0.5 + 1e-9}, False),
        ({"p_below": 1e-9}, False),
    ],
)
def test_direction_and_significance_are_both_asked_for(changes, agrees):
    assert examine(statement(**changes), CLEAR)[2] == agrees


def test_states_of_one_dish_are_compared_with_each_other_and_vary_together():
    grown = statement(
        condition="control", reference="control", time=12 * HOUR, reference_time=4 * HOUR,
        above=1.0, below=INF, test=None, p_below=None,
    )  # fmt: skip
    for size in (0.0, 0.3):
        assert examine(grown, CLEAR, size=size)[0] == pytest.approx(2.0, rel=1e-12)


def test_what_cannot_be_computed_does_not_agree():
    nothing = {name: pool(name, [NAN] * 3) for name in ("control", "treated")}
    for wanted in ({}, {"p_below": None, "p_from": 0.05}, {"p_below": None, "below": 2.0}):
        assert not examine(statement(**wanted), nothing)[2]


def test_a_quantity_that_no_dish_has_is_named():
    with pytest.raises(InputError, match="'speed' of MSC is not read"):
        examine(statement(quantity="speed"), CLEAR)


# Statistics


def cells(*dishes):
    width = max(len(one) for one in dishes)
    padded = [[*one, *[NAN] * (width - len(one))] for one in dishes]
    return Samples(Sample.CELLS, np.array([padded]), 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", 3.0),
        ("median", 2.0),
        ("ratio of means", 2.0),
        ("ratio of medians", 2.0),
        ("difference of means", 1.5),
        ("difference of medians", 1.0),
    ],
)
def test_numbers_pool_the_cells_of_all_dishes_and_leave_out_what_is_not_known(name, expected):
    sample, reference = cells([1.0, 2.0, NAN], [6.0]), cells([0.5, 1.0], [3.0])
    assert STATISTICS[name].effect(sample, reference).tolist() == [expected]


def test_shares_pool_their_counts():
    sample, reference = (
        Samples(Sample.SHARE, np.array([one], dtype=float), 1)
        for one in ([[1, 10], [5, 10]], [[1, 10], [2, 10]])
    )
    assert STATISTICS["share"].effect(sample, sample) == pytest.approx(0.3)
    assert STATISTICS["ratio of shares"].effect(sample, reference) == pytest.approx(2.0)
    assert STATISTICS["difference of shares"].effect(sample, reference) == pytest.approx(0.15)
    assert STATISTICS["total"].effect(sample, sample) == 6.0


def test_a_rank_correlation_takes_two_quantities_of_the_same_cells():
    far, large = cells([1, 2, 3], [4]), cells([10, 20, 30], [40])
    assert STATISTICS["rank correlation"].effect(far, large) == pytest.approx(1.0)
    with pytest.raises(InputError, match="same cells"):
        STATISTICS["rank correlation"].effect(far, cells([1, 2], [3]))


# Draws


def counted(counts, areas):
    """A dish with cells and areas of MSC and free surface."""
    return tuple(
        Reading(quantity, 0.0, np.array([value]), region)
        for quantity, values in (("cells in region", counts), ("area of region", areas))
        for region, value in zip(("MSC", "free surface"), values, strict=True)
    )


def test_views_are_summed_before_the_density_ratio_is_formed():
    own = Pool("a", (counted((8.0, 100.0), (1.0, 10.0)), counted((0.0, 50.0), (3.0, 10.0))))
    both = drawn(own, np.array([[[0, 1]], [[1, 0]]]), "fold change", "MSC", 0.0, Sample.DISH, RATIO)
    assert both.values.ravel() == pytest.approx([(8.0 / 4.0) / (150.0 / 20.0)] * 2)
    one = drawn(own, np.array([[[0], [1]]]), "fold change", "MSC", 0.0, Sample.DISH, RATIO)
    assert one.values.ravel() == pytest.approx([0.8, 0.0])


def test_an_experiment_draws_no_dish_twice_and_every_dish_as_often():
    picks = draw(pool("a", range(12)), np.random.default_rng(1), draws=4000, replicates=3, views=2)
    assert picks.shape == (4000, 3, 2)
    assert all(len(set(one)) == 6 for one in picks.reshape(4000, -1))
    assert np.bincount(picks.ravel()) / 4000 == pytest.approx(np.full(12, 0.5), abs=0.04)


def test_views_of_a_replicate_are_of_one_donor():
    own = pool("donors", range(24), of_donor=4)
    picks = draw(own, np.random.default_rng(1), draws=500, replicates=3, views=2)
    donors = picks // 4
    assert (donors[..., 0] == donors[..., 1]).all()
    assert (picks[..., 0] != picks[..., 1]).all()
    assert all(len(set(one)) == 3 for one in donors[..., 0])


def test_a_pool_smaller_than_an_experiment_is_refused():
    with pytest.raises(InputError, match="a pool of 5 is too small for experiments of 6"):
        draw(pool("a", range(5)), np.random.default_rng(1), draws=1, replicates=3, views=2)


def test_claims_on_one_condition_are_judged_by_the_same_draws():
    pools = {**scattered(0.6), "other": pool("other", np.linspace(2, 3, 24))}
    both = replace(paper(), conditions={k: condition(k) for k in ("control", "treated", "other")})
    virtual = Virtual(both, pools, (1,))
    one, two = virtual.draw(("treated", "control"), 1), virtual.draw(("other", "control"), 1)
    assert np.array_equal(one.picks["control"], two.picks["control"])
    assert not np.array_equal(one.picks["treated"], one.picks["control"])


def test_the_null_models_dishes_are_used_once_in_an_experiment():
    virtual = Virtual(paper(), scattered(0.6, dishes=6), (1,))
    papers = virtual.draw_null(claim(), 1)
    both = np.concatenate([papers.picks["control"], papers.picks["treated"]], axis=1)
    assert all(len(set(one)) == 6 for one in both[:200, :, 0])
    assert Virtual(paper(), scattered(0.6, dishes=5), (1,)).draw_null(claim(), 1) is None


# Chances


def test_a_chance_is_the_share_of_all_subsets_that_agree():
    """Two of five dishes are good, and a claim holds if both of two drawn are: 1 of 10 pairs."""
    rng = np.random.default_rng(3)
    own = pool("a", range(40))
    papers = Drawn({"a": own}, {"a": draw(own, rng, draws=DRAWS, replicates=2, views=1)})
    agree = (papers.picks["a"][..., 0] < 16).all(axis=1).astype(float)
    got = chance([Agreeing(papers, agree, 1.0)])
    assert got.value == pytest.approx(16 * 15 / (40 * 39), abs=0.015)
    # The exact jackknife of this U-statistic: without a good dish, and without a bad one.
    exact = [15 * 14 / (39 * 38)] * 16 + [16 * 15 / (39 * 38)] * 24
    logit = np.log(np.array(exact) / (1 - np.array(exact)))
    error = math.sqrt(39 / 40 * ((logit - logit.mean()) ** 2).sum())
    half = 0.5 * (math.log(got.high / (1 - got.high)) - math.log(got.low / (1 - got.low)))
    assert half == pytest.approx(2.02 * error, rel=0.12)


@pytest.mark.parametrize(("agreeing", "end"), [(0.0, 0.265), (1.0, 0.735)])
def test_where_all_draws_are_alike_the_limit_is_that_of_as_many_trials_as_dishes(agreeing, end):
    own = pool("a", range(12))
    picks = draw(own, np.random.default_rng(1), draws=500, replicates=3, views=1)
    got = chance([Agreeing(Drawn({"a": own}, {"a": picks}), np.full(500, agreeing), 1.0)])
    assert got.value == agreeing
    assert (got.high if agreeing == 0.0 else got.low) == pytest.approx(end, abs=0.001)


def test_a_pool_of_few_dishes_has_a_chance_without_interval():
    own = pool("a", range(11))
    picks = draw(own, np.random.default_rng(1), draws=500, replicates=3, views=2)
    got = chance([Agreeing(Drawn({"a": own}, {"a": picks}), np.full(500, 0.5), 1.0)])
    assert (got.value, math.isnan(got.low), math.isnan(got.high)) == (0.5, True, True)


@pytest.fixture(scope="module")
def simulated():
    """The script that measures coverage on simulated pools."""
    path = Path(__file__).parents[1] / "validation" / "pools" / "run.py"
    spec = importlib.util.spec_from_file_location("simulated_pools", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(path.parents[1]))
        spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_the_interval_covers_the_chance(simulated):
    """A few pools; validation/pools/table.md has many."""
    case = simulated.Case(0.55, 12, (1,))
    one = simulated.coverage(case, 24)
    assert 0.2 < one.truth < 0.6
    assert one.covered >= 0.83
    assert np.mean([e.value for e in one.estimates]) == pytest.approx(one.truth, abs=0.08)


def test_a_pool_that_every_experiment_uses_up_has_no_interval():
    own = pool("a", range(6))
    picks = draw(own, np.random.default_rng(1), draws=50, replicates=6, views=1)
    got = chance([Agreeing(Drawn({"a": own}, {"a": picks}), np.full(50, 0.5), 1.0)])
    assert (got.value, math.isnan(got.low)) == (0.5, True)


def test_claims_on_conditions_without_a_choice_of_views_have_one_chance():
    virtual = Virtual(paper(), scattered(0.6, dishes=24), (1, 2, 4))
    ((one,), *_) = find_all(virtual)
    assert list(one.chance.by_views) == [1]
    alone, _, _ = find_all(Virtual(paper(), scattered(0.6, dishes=24), (1,)))
    assert one.chance.averaged.value == pytest.approx(alone[0].chance.averaged.value)


def test_more_variation_between_experiments_makes_significance_rarer():
    virtual = Virtual(paper(), scattered(0.6), (1,))
    shares = virtual.judged(claim(), 1).all_hold.mean(axis=2)
    assert len(shares) == len(SIZES)
    assert (np.diff(shares[:, 0]) < 0.0).all()
    # Welch's test has fewer degrees of freedom.
    assert (shares[:, 1] < shares[:, 0]).all()


def test_more_views_find_more():
    """Counts are summed, so that counting errors shrink."""
    rng = np.random.default_rng(1)
    pools = {
        name: Pool(
            name,
            tuple(
                counted((rng.poisson(30.0 * ratio), rng.poisson(100.0)), (1.0, 10.0))
                for _ in range(48)
            ),
        )
        for name, ratio in (("control", 1.0), ("treated", 0.7), ("null", 1.0))
    }
    asked = claim(statement(time=0.0, reference_time=0.0, density_ratio=RATIO))
    ((one,), *_) = find_all(Virtual(paper(asked, views=(1, 4)), pools, (1, 4)))
    by_views = one.chance.by_views
    assert by_views[1].value + 0.2 < by_views[4].value
    assert one.chance.least <= one.chance.averaged.value <= one.chance.most
    effect = effect_of(asked.statements[0], pools, 3)
    assert effect.low < effect.value < effect.high
    assert effect.value == pytest.approx(0.7, abs=0.08)


# What the paper leaves open


def test_prior_weights_are_half_normal_and_alike_for_views_and_tests():
    grid = prior_weights((1, 2, 4)).grid
    assert grid.sum() == pytest.approx(1.0)
    assert np.ptp(grid.sum(axis=(1, 2))) < 1e-12
    assert np.ptp(grid.sum(axis=(0, 1))) < 1e-12
    sizes = grid.sum(axis=(0, 2))
    assert sizes[2] / sizes[1] == pytest.approx(math.exp(-0.5) / math.exp(-0.125))


def test_a_printed_p_informs_the_weights_and_the_claims_share_them():
    minor = statement(p_below=None, p_from=0.05, p_printed=0.07)
    asked = paper(claim(minor))
    # An effect of 25 % with little scatter: p near 0.07 needs variation between experiments.
    weights = informed_weights(Virtual(asked, scattered(0.75, spread=0.02), (1,)))
    assert weights.informed_by == "X1"
    assert weights.grid[:, 0].sum() < 0.2 * prior_weights((1,)).grid[:, 0].sum()
    # A rise never gives the p of a reduction.
    rise = informed_weights(Virtual(asked, scattered(4.0, spread=0.02), (1,)))
    assert rise.informed_by == ""
    without = informed_weights(Virtual(paper(), scattered(0.75, spread=0.02), (1,)))
    assert without.informed_by == ""
    assert without.grid == pytest.approx(prior_weights((1,)).grid)


def test_views_that_the_printed_p_rules_out_count_nothing_and_have_a_chance_of_their_own():
    virtual = Virtual(paper(), scattered(0.6, dishes=24), (1, 2))
    grid = prior_weights((1, 2)).grid
    grid[1] = 0.0
    judged = virtual.judged(claim(), 1)
    holds = [(judged.drawn, judged.all_hold)] * 2
    got = chance_of(OpenChoices((1, 2), grid / grid.sum(), "X1"), holds)
    assert got.averaged.value == pytest.approx(got.by_views[1].value)
    assert got.by_views[2].value == pytest.approx(got.by_views[1].value)


def test_the_joint_chance_is_of_one_paper_with_one_control():
    first = claim(id="A")
    second = claim(statement(condition="other"), id="B")
    pools = {**scattered(0.62, spread=0.2, dishes=48)}
    pools["other"] = pool("other", 0.62 * np.random.default_rng(9).normal(4.0, 0.8, 48))
    both = replace(
        paper(first, second),
        conditions={k: condition(k) for k in ("control", "treated", "other", "null")},
        joint=("A", "B"),
    )
    (one, two), joint, _ = find_all(Virtual(both, pools, (1,)))
    a, b = one.chance.averaged.value, two.chance.averaged.value
    together = joint.chance.averaged
    assert a * b + 0.02 < together.value < min(a, b)
    assert together.low < together.value < together.high
    assert find_all(Virtual(both.only(("A",)), pools, (1,)))[1] is None


# Verdicts


def of_effect(low, high, **changes):
    effect = Interval(0.5 * (low + high), low, high)
    return StatementFound(statement(**changes), effect, 0.5, NAN)


def of_chance(value, low=NAN, high=NAN):
    return Chance(Interval(value, low, high), 0.0, 1.0, {})


@pytest.mark.parametrize(
    ("low", "high", "own", "null", "expected"),
    [
        (0.7, 0.9, (0.5, 0.3, 0.7), (0.01, 0.0, 0.05), REPRODUCED),
        (0.7, 0.9, (0.5, 0.3, 0.7), (0.01, 0.0, 0.11), DIRECTION_ONLY),
        (0.7, 0.9, (0.3, 0.19, 0.7), (0.01, 0.0, 0.02), DIRECTION_ONLY),
        (0.7, 0.9, (0.01, 0.0, 0.02), (0.01, 0.0, 0.02), DIRECTION_ONLY),
        (0.9, 1.1, (0.5, 0.3, 0.7), (0.01, 0.0, 0.02), UNDECIDED),
        (0.9, 1.1, (0.03, 0.01, 0.09), (0.01, 0.0, 0.02), NOT_REPRODUCED),
        (0.9, 1.1, (0.03, 0.01, 0.11), (0.01, 0.0, 0.02), UNDECIDED),
        (0.9, 1.1, (0.15, 0.11, 0.29), (0.1, 0.05, 0.2), NOT_REPRODUCED),
        (0.9, 1.1, (0.15, 0.11, 0.29), (0.4, 0.3, 0.5), UNDECIDED),
        (1.1, 1.3, (0.5, 0.3, 0.7), (0.01, 0.0, 0.02), NOT_REPRODUCED),
        (NAN, NAN, (0.5, 0.3, 0.7), (0.01, 0.0, 0.02), UNDECIDED),
        (0.7, 0.9, (0.5, NAN, NAN), (0.01, 0.0, 0.02), DIRECTION_ONLY),
        (0.7, 0.9, (0.5, 0.3, 0.7), None, DIRECTION_ONLY),
    ],
)
def test_a_verdict_asks_for_the_effect_and_three_times_the_nulls_chance(
    low, high, own, null, expected
):
    compared = None if null is None else of_chance(*null)
    assert verdict(claim(), [of_effect(low, high)], of_chance(*own), compared) == expected


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ((0.7, 0.5, 0.9), REPRODUCED),
        ((0.7, 0.4, 0.9), UNDECIDED),
        ((0.2, 0.1, 0.4), NOT_REPRODUCED),
    ],
)
def test_without_a_null_model_most_papers_must_agree(own, expected):
    alone = claim(null=False)
    nothing_directed = [of_effect(0.9, 1.1, below=INF)]
    assert verdict(alone, nothing_directed, of_chance(*own), None) == expected


def test_every_statement_of_a_claim_must_hold():
    good, null = of_chance(0.9, 0.8, 0.95), of_chance(0.0, 0.0, 0.01)
    for second, expected in ((1.1, NOT_REPRODUCED), (0.9, UNDECIDED)):
        both = [of_effect(0.7, 0.9), of_effect(second, 1.2)]
        assert verdict(claim(), both, good, null) == expected
    undirected = of_effect(0.9, 1.2, below=INF)
    assert verdict(claim(), [of_effect(0.7, 0.9), undirected], good, null) == REPRODUCED


@pytest.mark.parametrize(
    ("effect", "own", "detected", "expected"),
    [
        ((0.7, 0.9), 0.6, 0.8, REPRODUCED),
        ((0.7, 0.9), 0.6, 0.4, VACUOUS),
        ((0.7, 0.9), 0.4, 0.8, DIRECTION_ONLY),
        ((0.9, 1.1), 0.6, 0.8, UNDECIDED),
        ((1.1, 1.3), 0.6, 0.8, NOT_REPRODUCED),
    ],
)
def test_nothing_significant_counts_only_if_the_same_experiments_find_something(
    effect, own, detected, expected
):
    silent = claim(detects="D13")
    said = verdict(
        silent, [of_effect(*effect)], of_chance(own, own - 0.1, own + 0.1), None,
        of_chance(detected, 0.1, 0.9),
    )  # fmt: skip
    assert said == expected


def test_a_quick_look_decides_directions_only():
    null = of_chance(0.0, 0.0, 0.01)
    for (low, high), expected in (
        ((0.7, 0.9), DIRECTION_ONLY), ((0.9, 1.1), UNDECIDED), ((1.1, 1.2), NOT_REPRODUCED),
    ):  # fmt: skip
        said = verdict(
            claim(), [of_effect(low, high)], of_chance(0.9, 0.8, 0.99), null, directions_only=True
        )
        assert said == expected


def test_a_real_reduction_is_reproduced_and_its_opposite_is_not():
    for ratio, expected in ((0.5, REPRODUCED), (1.3, NOT_REPRODUCED)):
        (one,) = found(scattered(ratio))
        assert one.verdict == expected
        assert one.null.averaged.value == pytest.approx(0.02, abs=0.02)
    assert one.deciding.statement == one.claim.statements[0]


def test_the_null_model_reproduces_nothing():
    said = [found(scattered(1.0, seed=seed))[0].verdict for seed in range(12)]
    assert REPRODUCED not in said


def test_pools_that_lost_dishes_leave_a_claim_undecided():
    pools = {**scattered(0.5), "treated": pool("treated", (1.0, 2.0))}
    (one,) = found(pools)
    assert (one.verdict, one.chance) == (UNDECIDED, None)
    assert math.isnan(one.statements[0].effect.value)


def test_what_stands_most_in_the_way_decides():
    (one,) = found(scattered(0.5))
    clear, unclear, elsewhere = (
        StatementFound(statement(text=text), Interval(low, low, high), share, NAN)
        for text, low, high, share in (
            ("clear", 0.7, 0.9, 0.2), ("unclear", 0.9, 1.1, 0.6), ("elsewhere", 1.1, 1.2, 0.7),
        )
    )  # fmt: skip
    for several, expected in (
        ((clear, unclear, elsewhere), "elsewhere"),
        ((clear, unclear), "unclear"),
        ((replace(clear, chance=0.5, statement=statement(text="likely")), clear), "clear"),
    ):
        assert replace(one, statements=several).deciding.statement.text == expected
