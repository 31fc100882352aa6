import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdf1_field.digits import interval_text
from sdf1_field.errors import InputError
from sdf1_field.observations import OBSERVATIONS, Reading, Sample
from sdf1_field.reproduce import Claim, Paper, Report, as_json, as_markdown, load_paper, plan
from sdf1_field.reproduce.statistics import (
    STATISTICS,
    TESTS,
    mean_interval,
    p_value,
    scaled,
)
from sdf1_field.reproduce.targets import Condition, Statement
from sdf1_field.reproduce.verdicts import (
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDED,
    VARIATIONS,
    StatementFound,
    dish_read,
    find,
    null_experiments,
    say,
    says_all,
    verdict,
)
from sdf1_field.shipped import shipped_folder
from sdf1_field.spec import load_model
from sdf1_field.statistics import chi_squared_yates_test, mann_whitney_u_test, unpaired_t_test

HOUR = 3600.0
NAN = float("nan")
INF = float("inf")

# Papers made up: fold changes on MSC, read at 4 and 12 h


def condition(name, null="null"):
    return Condition(name, "coculture-kg1a", "cells", (4 * HOUR, 12 * HOUR), (), 3, False, null)


def statement(**changes):
    base = Statement(
        text="MSC", condition="treated", quantity="fold change", of="MSC", time=4 * HOUR,
        statistic="ratio of means", reference="control", reference_time=4 * HOUR, against=None,
        above=-INF, below=1.0, test="unpaired t", over_dishes=False, p_below=0.05, p_from=None,
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
    said = say(paper(), statement(), CLEAR, 0.0)
    assert said.effect == pytest.approx(0.5)
    assert said.p == unpaired_t_test([4.0, 4.1, 3.9], [2.0, 2.1, 1.9])
    assert said.agrees
    assert not say(paper(), statement(), SAME, 0.0).agrees


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
    assert say(paper(), statement(**changes), CLEAR, 0.0).agrees == agrees


def test_all_of_a_claim_is_each_of_its_statements():
    for wanted in ({}, {"below": 0.4}, {"p_below": 1e-9}, {"p_below": None, "p_from": 0.05}):
        asked = claim(statement(), statement(**wanted))
        each = [say(paper(), s, CLEAR, 0.0).agrees for s in asked.statements]
        assert says_all(paper(), asked, CLEAR, 0.0) == all(each)


def test_states_of_one_dish_are_compared_with_each_other():
    grown = statement(
        condition="control", time=12 * HOUR, reference_time=4 * HOUR, above=1.0, below=INF,
        test=None, p_below=None,
    )  # fmt: skip
    for variation in (0.0, 0.3):
        assert say(paper(), grown, CLEAR, variation).effect == pytest.approx(2.0, rel=0.2)
    one_dish = {"control": CLEAR["control"][:1]}
    assert say(paper(), grown, one_dish, 0.3).effect == pytest.approx(2.0, rel=1e-12)


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
        assert not say(paper(), statement(**wanted), nothing, 0.0).agrees


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
    judged = find(paper(), claim(), scattered(20, 0.5, 1), [], 0.0)
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


def null_dishes(count=30, seed=9):
    rng = np.random.default_rng(seed)
    return {"null": [dish(v, v, seed=n) for n, v in enumerate(rng.normal(1.0, 0.2, count))]}


def test_a_real_reduction_is_reproduced_and_none_is_not():
    asked = claim()
    null = null_experiments(paper(asked), asked, null_dishes())
    for ratio, expected in ((0.5, REPRODUCED), (1.3, NOT_REPRODUCED)):
        judged = find(paper(asked), asked, scattered(20, ratio, 1), null, 0.0)
        assert judged.verdict == expected
    assert judged.null_share == pytest.approx(0.025, abs=0.03)


def test_the_null_model_reproduces_nothing():
    """Its own experiments, judged as the model's are: by chance a few, never three times chance."""
    asked = claim()
    null = null_experiments(paper(asked), asked, null_dishes(300))
    reproduced = 0
    for seed in range(40):
        judged = find(paper(asked), asked, scattered(20, 1.0, seed), null, 0.0)
        reproduced += judged.verdict == REPRODUCED
    # The interval alone lies below 1 in one of 40, and the share must be high as well.
    assert reproduced <= 2


def test_null_experiments_use_each_dish_once_and_none_without_a_null():
    asked = claim()
    drawn = null_experiments(paper(asked), asked, null_dishes(6))
    for one in drawn[:20]:
        dishes = [*one["control"], *one["treated"]]
        assert len({id(d) for d in dishes}) == 6
    assert null_experiments(paper(asked), asked, null_dishes(5)) == []
    assert null_experiments(paper(asked), claim(null=False), null_dishes()) == []


def report():
    asked = claim(statement(), statement(text="at 12 h", time=12 * HOUR, reference_time=12 * HOUR))
    own = paper(asked)
    null = null_experiments(own, asked, null_dishes())
    experiments = scattered(20, 0.6, 2)
    levels = tuple(find(own, asked, experiments, null, v) for v in VARIATIONS)
    return Report(own, 20, (levels,), {}, ())


def test_more_variation_from_dish_to_dish_makes_significance_rarer():
    said = [level.said for level in report().found[0]]
    assert said[0] > said[-1]


def test_the_list_says_what_the_table_says():
    (entry,) = as_json(report())
    assert list(entry)[:7] == ["id", "paper", "effect", "interval", "share", "verdict", "fitted"]
    assert entry["interval"][0] < entry["effect"] < entry["interval"][1]
    assert entry["effect"] == pytest.approx(0.6, abs=0.05)
    assert [one["variation"] for one in entry["variations"]] == list(VARIATIONS)
    assert len(entry["statements"]) == 2
    page = as_markdown(report())
    shown = interval_text(entry["effect"], entry["interval"])
    assert f"| X1 | predicted | {shown} |" in page
    assert f"| all of it |  |  |  | {round(20 * entry['share'])} of 20 |" in page
    json.dumps(entry, allow_nan=False)


# The papers themselves

FITTED = {
    "deniz2023": {"D1", "D2", "D3", "D5", "D6", "D7", "D11", "D12", "D13", "D17"},
    "jiao2024": {"J7"},
}
"""What may inform parameters; the rest is predicted."""
IDS = {
    "deniz2023": [f"D{n}" for n in range(1, 25)],
    "jiao2024": [f"J{n}" for n in range(1, 11)],
}


@pytest.mark.parametrize("name", IDS)
def test_every_claim_of_a_paper_is_there_and_only_those_that_may_be_are_fitted(name):
    known = load_paper(name)
    assert [c.id for c in known.claims] == IDS[name]
    assert {c.id for c in known.claims if c.fitted} == FITTED[name]
    for one in known.claims:
        assert one.says
        assert one.source
        for s in one.statements:
            assert s.directed or s.p_below or s.p_from


@pytest.mark.parametrize("name", IDS)
def test_dishes_are_independent_and_pairs_are_of_the_same_donors(name):
    known = load_paper(name)
    planned = plan(known, experiments=2)
    assert len({p.dish.seed for p in planned}) == len(planned)
    donors = {}
    for p in planned:
        donor = [s for s in p.dish.settings if "donor_number" in s]
        assert bool(donor) == known.conditions[p.condition].donors
        if donor:
            donors.setdefault((p.experiment, p.number), set()).add(donor[0])
    assert all(len(each) == 1 for each in donors.values())
    numbers = [each for group in donors.values() for each in group]
    assert len(set(numbers)) == len(numbers)
    others = {s for p in plan(known, experiments=2, seed=2) for s in p.dish.settings}
    assert not set(numbers) & others


def test_few_experiments_are_the_first_of_many():
    known = load_paper("deniz2023").only(("D13",))
    few, many = (plan(known, experiments=n) for n in (2, 20))
    assert set(few) <= set(many)
    alone = plan(known, experiments=2, seed=2)
    assert not {p.dish.seed for p in few} & {p.dish.seed for p in alone}


@pytest.mark.parametrize("name", IDS)
def test_the_papers_conditions_are_models_that_last_long_enough(name):
    known = load_paper(name)
    for key, c in known.conditions.items():
        spec = load_model(c.model, settings=c.settings).spec
        assert c.label
        assert c.observation in OBSERVATIONS
        if c.observation == "cells":
            assert c.times[-1] <= spec.run.duration
            assert spec.cell_count > 200
            assert c.donors == (spec.cells.type == "cd34")
        if c.observation == "tracks":
            assert spec.run.duration - spec.output.tracks_from == 8 * HOUR
            assert spec.output.tracks_every == 900.0
        used = {
            k for one in known.claims for s in one.statements for k in (s.condition, s.reference)
        }
        assert key in used | {other.null for other in known.conditions.values()}


# Wrong targets, and a user's own

OWN = """
[deniz2023]
[[deniz2023.claim]]
id = "D12"
[[deniz2023.claim.statements]]
text = "Fig. 5F"
condition = "control"
quantity = "fold change"
of = "MSC"
time = "4 h"
value = 4.0
interval = [3.0, 5.0]
digitised_by = "a reader"
"""


def targets(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_user_adds_values_and_nothing_else_changes(tmp_path):
    before = load_paper("deniz2023")
    after = load_paper("deniz2023", targets=targets(tmp_path, OWN))
    own, shipped = (next(c for c in p.claims if c.id == "D12") for p in (after, before))
    assert own.statements[:-1] == shipped.statements
    added = own.statements[-1]
    assert (added.value, added.above, added.below) == (4.0, 3.0, 5.0)
    assert added.digitised_by == "a reader"
    assert len(after.claims) == len(before.claims)


OTHER_CLAIM = """
[deniz2023.condition.mine]
label = "mine"
model = "coculture-kg1a"
observation = "cells"
times = ["4 h"]
[[deniz2023.claim]]
id = "M1"
says = "cells gather"
null = false
[[deniz2023.claim.statements]]
text = "MSC"
condition = "mine"
quantity = "fold change"
of = "MSC"
above = 1.0
"""


def test_a_user_adds_conditions_and_claims(tmp_path):
    own = load_paper("deniz2023", targets=targets(tmp_path, OTHER_CLAIM)).only(("M1",))
    assert {p.condition for p in plan(own, experiments=2)} == {"mine"}
    assert len(plan(own, experiments=2)) == 6


@pytest.mark.parametrize(
    ("text", "before", "after", "expected"),
    [
        (
            OTHER_CLAIM,
            '"coculture-kg1a"',
            '"coculture-kg1b"',
            "mine.*unknown model 'coculture-kg1b'",
        ),
        (OTHER_CLAIM, "above = 1.0", 'statistic = "mode"', "M1.*unknown statistic 'mode'"),
        (
            OTHER_CLAIM,
            "above = 1.0",
            'above = 1.0\nstatistic = "share"',
            "statistic 'share' of fold change",
        ),
        (OTHER_CLAIM, "above = 1.0", 'test = "chi"', "unknown test 'chi'"),
        (OTHER_CLAIM, "above = 1.0", "above = 5.0\nbelow = 1.0", "nothing is above 5 and below 1"),
        (OTHER_CLAIM, "above = 1.0", "above = nan", "nan is no bound"),
        (OTHER_CLAIM, "above = 1.0", "", "it asks for nothing"),
        (OTHER_CLAIM, "above = 1.0", 'test = "unpaired t"\np_below = 0.05', "nothing to compare"),
        (
            OTHER_CLAIM,
            "above = 1.0",
            'test = "unpaired t"\nreference = "control"',
            "a test that must give nothing",
        ),
        (OTHER_CLAIM, 'times = ["4 h"]\n', "", "times: missing"),
        (
            OTHER_CLAIM,
            "[deniz2023.condition.mine]",
            "[deniz2023.quick]\ncells = []\n[deniz2023.condition.mine]",
            "the shipped ones",
        ),
        (
            OTHER_CLAIM,
            "[deniz2023.condition.mine]",
            "[deniz2023.settings]\ncell = []\n[deniz2023.condition.mine]",
            "unknown observation 'cell'",
        ),
        (
            OTHER_CLAIM,
            "above = 1.0",
            'test = "Spearman"\nreference = "control"\np_below = 0.05',
            "test 'Spearman' of fold change",
        ),
        (OTHER_CLAIM, "above = 1.0", "p_below = 0.05", "a p without a test"),
        (
            OTHER_CLAIM,
            "above = 1.0",
            'above = 1.0\nstatistic = "ratio of means"',
            "Add a reference",
        ),
        (OTHER_CLAIM, "above = 1.0", "abve = 1.0", "abve: unknown key"),
        (OTHER_CLAIM, "above = 1.0", 'above = "1"', "above: '1' will not do"),
        (OTHER_CLAIM, "above = 1.0", 'above = 1.0\ntime = "5 h"', "is not read at 5 h"),
        (OTHER_CLAIM, '"fold change"', '"fold chnge"', "unknown quantity 'fold chnge'"),
        (OTHER_CLAIM, 'of = "MSC"', 'of = "msc"', "of 'msc' of fold change"),
        (OTHER_CLAIM, '"cells"\n', '"cell"\n', "unknown observation 'cell'"),
        (OTHER_CLAIM, 'condition = "mine"', 'condition = "min"', "unknown condition 'min'"),
        (OTHER_CLAIM, '["4 h"]', '["4"]', "times: '4'"),
        (OTHER_CLAIM, '["4 h"]', '["4 h", "2 h"]', "they do not rise"),
        (OTHER_CLAIM, "null = false\n", "", "condition 'mine' has no null"),
        (OTHER_CLAIM, "condition.mine]", "condition.control]", "control: exists already"),
        (OTHER_CLAIM, 'id = "M1"', 'id = "D12"', "D12: exists already"),
        (OTHER_CLAIM, "[deniz2023.condition", "[deniz2032.condition", "unknown paper 'deniz2032'"),
        (OTHER_CLAIM, 'model = "coculture-kg1a"', "", "model: missing"),
        (OTHER_CLAIM, 'id = "M1"', "id = ", "Mend the TOML"),
        (OWN, "interval = [3.0, 5.0]\n", "", "needs interval and digitised_by"),
        (OWN, "value = 4.0", "value = 6.0", "lies outside of its interval"),
    ],
)
def test_targets_that_name_what_is_not_there_are_refused_in_one_line(
    tmp_path, text, before, after, expected
):
    assert before in text
    path = targets(tmp_path, text.replace(before, after))
    with pytest.raises(InputError, match=expected) as refused:
        load_paper("deniz2023", targets=path)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(str(path))


def test_targets_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(InputError, match="Check --targets"):
        load_paper("deniz2023", targets=tmp_path / "none.toml")
    with pytest.raises(InputError, match="unknown paper 'deniz2032'"):
        load_paper("deniz2032")
    with pytest.raises(InputError, match="unknown claim 'D99'"):
        load_paper("deniz2023").only(("D99",))
    with pytest.raises(InputError, match="--experiments"):
        plan(load_paper("deniz2023"), experiments=0)


def test_what_is_said_of_targets_is_in_the_programs_words():
    used = {
        (s.statistic, s.test) for name in IDS for c in load_paper(name).claims for s in c.statements
    }
    assert {statistic for statistic, _ in used} <= set(STATISTICS)
    assert {test for _, test in used} - {None} <= set(TESTS)
    assert Path(shipped_folder("validation") / "targets.toml").is_file()
