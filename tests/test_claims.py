"""The judge: effects and tests of made-up experiments, and verdicts on made-up claims."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from sdf1_field.claims import (
    REPRODUCED,
    STATISTICS,
    Claim,
    Paper,
    Reading,
    Sample,
    Statement,
    StatementFound,
    find,
    p_value,
    say,
)
from sdf1_field.claims.effects import mean_interval
from sdf1_field.claims.readings import scaled
from sdf1_field.claims.targets import Condition
from sdf1_field.claims.verdict import NOT_REPRODUCED, UNDECIDED, says_all, verdict
from sdf1_field.reproduce import dish_read
from sdf1_field.statistics import chi_squared_yates_test, mann_whitney_u_test, unpaired_t_test

HOUR = 3600.0
NAN = float("nan")
INF = float("inf")


def test_the_judge_needs_no_simulator():
    rooms = "'numba', 'sdf1_field.cells', 'sdf1_field.observations', 'sdf1_field.simulation'"
    code = f"import sdf1_field.claims, sys; print([m for m in ({rooms}) if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"


# Papers made up: fold changes on MSC, read at 4 and 12 h


def condition(name, null="null"):
    return Condition(name, "coculture-kg1a", "cells", (4 * HOUR, 12 * HOUR), (), 3, False, null)


def statement(**changes):
    base = Statement(
        text="MSC", condition="treated", quantity="fold change", of="MSC",
        sample=Sample.DISH, time=4 * HOUR, statistic="ratio of means", reference="control",
        reference_time=4 * HOUR, against=None, above=-INF, below=1.0, test="unpaired t",
        over_dishes=False, p_below=0.05, p_from=None,
    )  # fmt: skip
    return replace(base, **changes)


def claim(*statements, null=True):
    return Claim("X1", "so it is", "Fig. 1", "", False, null, (), statements or (statement(),))


def paper(*claims):
    conditions = {name: condition(name) for name in ("control", "treated", "null")}
    return Paper("made-up", "nobody", conditions, claims or (claim(),))


def dish(*changes, seed=1):
    """A dish with fold changes on MSC at 4 and at 12 h."""
    return dish_read(
        [
            Reading("fold change", time, np.array([change]), "MSC")
            for time, change in zip((4 * HOUR, 12 * HOUR), changes, strict=False)
        ],
        seed,
    )


def experiment(control, treated):
    return {
        name: [dish(v, 2 * v, seed=10 * n + k) for k, v in enumerate(values)]
        for n, (name, values) in enumerate({"control": control, "treated": treated}.items())
    }


CLEAR = experiment((4.0, 4.1, 3.9), (2.0, 2.1, 1.9))
SAME = experiment((4.0, 4.1, 3.9), (4.05, 3.95, 4.0))


def test_an_experiment_is_judged_by_its_own_effect_and_test():
    said = say(statement(), CLEAR, 0.0)
    assert said.effect == pytest.approx(0.5)
    assert said.p == unpaired_t_test([4.0, 4.1, 3.9], [2.0, 2.1, 1.9])
    assert said.agrees
    assert not say(statement(), SAME, 0.0).agrees


@pytest.mark.parametrize(
    ("changes", "agrees"),
    [
        ({"below": 0.4}, False),
        ({"below": 0.4, "p_below": None}, False),
        ({"below": INF, "p_below": None, "p_from": 0.05}, False),
        ({"above": 0.4, "below": 0.6}, True),
        ({"above": 0.5 + 1e-12}, False),
        ({"p_below": 1e-9}, False),
    ],
)
def test_direction_and_significance_are_both_asked_for(changes, agrees):
    assert say(statement(**changes), CLEAR, 0.0).agrees == agrees


def test_all_of_a_claim_is_each_of_its_statements():
    for wanted in ({}, {"below": 0.4}, {"p_below": 1e-9}, {"p_below": None, "p_from": 0.05}):
        asked = claim(statement(), statement(**wanted))
        each = [say(s, CLEAR, 0.0).agrees for s in asked.statements]
        assert says_all(asked, CLEAR, 0.0) == all(each)


def test_states_of_one_dish_are_compared_with_each_other():
    grown = statement(
        condition="control", time=12 * HOUR, reference_time=4 * HOUR, above=1.0, below=INF,
        test=None, p_below=None,
    )  # fmt: skip
    for variation in (0.0, 0.3):
        assert say(grown, CLEAR, variation).effect == pytest.approx(2.0, rel=0.2)
    one_dish = {"control": CLEAR["control"][:1]}
    assert say(grown, one_dish, 0.3).effect == pytest.approx(2.0, rel=1e-12)


def test_variation_multiplies_a_dishs_readings_by_log_normal_factors():
    dishes = [dish(1.0, 1.0, seed=n) for n in range(4000)]
    spread = math.sqrt(math.log1p(0.3**2))
    values = np.array(
        [d.at("fold change", "MSC", 4 * HOUR, Sample.DISH, spread)[0] for d in dishes]
    )
    assert np.median(values) == pytest.approx(1.0, abs=0.02)
    assert values.std() / values.mean() == pytest.approx(0.3, abs=0.02)
    assert dishes[0].at("fold change", "MSC", 4 * HOUR, Sample.DISH, 0.0)[0] == 1.0


def test_a_share_varies_by_its_odds():
    assert scaled(np.array([10.0, 40.0]), Sample.SHARE, 1.0).tolist() == [10.0, 40.0]
    assert scaled(np.array([10.0, 40.0]), Sample.SHARE, 3.0).tolist() == [20.0, 40.0]
    assert scaled(np.array([0.0, 40.0]), Sample.SHARE, 3.0).tolist() == [0.0, 40.0]
    assert scaled(np.array([0.0, 0.0]), Sample.SHARE, 3.0).tolist() == [0.0, 0.0]
    assert scaled(np.array([1.0, 2.0]), Sample.CELLS, 3.0).tolist() == [3.0, 6.0]


# Statistics and tests


def arrays(*values):
    return [np.array(v, dtype=float) for v in values]


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
    sample, reference = arrays([1.0, 2.0, NAN], [6.0]), arrays([0.5, 1.0], [3.0])
    assert STATISTICS[name].effect(sample, reference) == expected


def test_shares_pool_their_counts():
    sample, reference = arrays([1, 10], [5, 10]), arrays([1, 10], [2, 10])
    assert STATISTICS["share"].effect(sample, sample) == 0.3
    assert STATISTICS["ratio of shares"].effect(sample, reference) == pytest.approx(2.0)
    assert STATISTICS["difference of shares"].effect(sample, reference) == pytest.approx(0.15)
    assert STATISTICS["total"].effect(sample, sample) == 6.0
    p = p_value("chi-squared (Yates)", sample, reference, Sample.SHARE)
    assert p == chi_squared_yates_test([3, 6], [20, 20])


def test_the_unit_of_a_test_is_the_cell_or_the_dish():
    sample, reference = arrays([5, 6, 7], [6, 7, 9]), arrays([1, 2, 3], [2, 3, 4])
    cells = p_value("Mann-Whitney U", sample, reference, Sample.CELLS)
    assert cells == mann_whitney_u_test([1, 2, 3, 2, 3, 4], [5, 6, 7, 6, 7, 9])
    dishes = p_value("unpaired t", sample, reference, Sample.CELLS, over_dishes=True)
    assert dishes == unpaired_t_test([2.0, 3.0], [6.0, 22.0 / 3.0])
    assert p_value("paired t", sample, sample[:1], Sample.DISH) != p_value(
        "paired t", sample, reference, Sample.DISH
    )


def test_a_rank_correlation_takes_two_quantities_of_the_same_cells():
    far, large = arrays([1, 2, 3], [4]), arrays([10, 20, 30], [40])
    assert STATISTICS["rank correlation"].effect(far, large) == pytest.approx(1.0)
    assert p_value("Spearman", far, large, Sample.CELLS) < 1e-9
    assert math.isnan(STATISTICS["rank correlation"].effect(far, arrays([1, 1, 1], [1])))


def test_what_cannot_be_computed_is_not_said():
    nothing = {"control": [dish(NAN)] * 3, "treated": [dish(NAN)] * 3}
    for wanted in ({}, {"p_below": None, "p_from": 0.05}, {"p_below": None, "below": 2.0}):
        assert not say(statement(**wanted), nothing, 0.0).agrees


def test_the_mean_of_ratios_is_geometric():
    mean, low, high = mean_interval([0.5, 2.0, NAN], ratio=True)
    assert mean == pytest.approx(1.0)
    assert low * high == pytest.approx(1.0)
    assert mean_interval([1.0, 3.0], ratio=False)[0] == 2.0
    assert math.isnan(mean_interval([1.0], ratio=False)[1])
    assert mean_interval([0.0, 2.0], ratio=True)[0] == 1.0


# Verdicts


def found(low, high, **changes):
    return StatementFound(statement(**changes), 0.5 * (low + high), low, high, 0, NAN)


@pytest.mark.parametrize(
    ("low", "high", "said", "null", "expected"),
    [
        (0.7, 0.9, 12, 0.02, REPRODUCED),
        (0.7, 0.9, 2, 0.02, REPRODUCED),
        (0.7, 0.9, 2, 0.05, UNDECIDED),
        (0.7, 0.9, 1, 0.0, REPRODUCED),
        (0.7, 0.9, 0, 0.0, NOT_REPRODUCED),
        (0.7, 0.9, 0, 0.3, NOT_REPRODUCED),
        (0.9, 1.1, 20, 0.02, UNDECIDED),
        (1.1, 1.3, 20, 0.02, NOT_REPRODUCED),
        (0.7, 0.9, 9, NAN, UNDECIDED),
        (0.7, 0.9, 2, NAN, NOT_REPRODUCED),
        (0.7, 0.9, 11, NAN, REPRODUCED),
        (0.7, 0.9, 20, 0.3, REPRODUCED),
        (0.7, 0.9, 20, 0.4, UNDECIDED),
        (0.7, 0.9, 20, INF, UNDECIDED),
    ],
)
def test_a_verdict_asks_for_the_interval_and_three_times_the_nulls_share(
    low, high, said, null, expected
):
    assert verdict([found(low, high)], said, 20, null) == expected


def test_what_stands_most_in_the_way_decides():
    judged = find(claim(), scattered(20, 0.5, 1), [], 0.0)
    clear, unclear, elsewhere = (
        StatementFound(statement(text=text), 0.0, low, high, said, NAN)
        for text, low, high, said in (
            ("clear", 0.7, 0.9, 3), ("unclear", 0.9, 1.1, 12), ("elsewhere", 1.1, 1.2, 15),
        )
    )  # fmt: skip
    for several, expected in (
        ((clear, unclear, elsewhere), "elsewhere"),
        ((clear, unclear), "unclear"),
        ((replace(clear, said=9), clear), "clear"),
    ):
        assert replace(judged, statements=several).deciding.statement.text == expected
    assert replace(judged, statements=(replace(clear, said=9), clear)).deciding.said == 3


def test_few_experiments_of_which_none_says_it_leave_it_open():
    assert verdict([found(0.7, 0.9)], 0, 3, 0.0) == UNDECIDED
    assert verdict([found(0.7, 0.9)], 0, 0, 0.0) == UNDECIDED


def test_every_statement_of_a_claim_must_hold():
    assert verdict([found(0.7, 0.9), found(1.1, 1.2)], 20, 20, 0.0) == NOT_REPRODUCED
    assert verdict([found(0.7, 0.9), found(0.9, 1.2)], 20, 20, 0.0) == UNDECIDED
    assert verdict([found(0.7, 0.9), found(NAN, NAN)], 20, 20, 0.0) == UNDECIDED
    undirected = found(0.9, 1.2, below=INF)
    assert verdict([found(0.7, 0.9), undirected], 20, 20, 0.0) == REPRODUCED


def scattered(count, ratio, seed):
    rng = np.random.default_rng(seed)
    return [
        experiment(rng.normal(4.0, 0.4, 3), ratio * rng.normal(4.0, 0.4, 3)) for _ in range(count)
    ]
