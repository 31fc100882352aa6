"""Experiments that claims need, reports on them, and the papers' own claims."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.test_claims import HOUR, claim, dish, paper, scattered, statement

from sdf1_field.claims import REPRODUCED, STATISTICS, TESTS, VARIATIONS, find
from sdf1_field.claims.verdict import NOT_REPRODUCED
from sdf1_field.digits import interval_text
from sdf1_field.errors import InputError
from sdf1_field.observations import OBSERVATIONS
from sdf1_field.reproduce import Report, as_json, as_markdown, load_paper, plan
from sdf1_field.reproduce.experiments import null_experiments
from sdf1_field.shipped import shipped_folder
from sdf1_field.spec import load_model

# The null model's experiments


def null_dishes(count=30, seed=9):
    rng = np.random.default_rng(seed)
    return {"null": [dish(v, v, seed=n) for n, v in enumerate(rng.normal(1.0, 0.2, count))]}


def test_a_real_reduction_is_reproduced_and_none_is_not():
    asked = claim()
    null = null_experiments(paper(asked), asked, null_dishes())
    for ratio, expected in ((0.5, REPRODUCED), (1.3, NOT_REPRODUCED)):
        judged = find(asked, scattered(20, ratio, 1), null, 0.0)
        assert judged.verdict == expected
    assert judged.null_share == pytest.approx(0.025, abs=0.03)


def test_the_null_model_reproduces_nothing():
    """Its own experiments, judged as the model's are: by chance a few, never three times chance."""
    asked = claim()
    null = null_experiments(paper(asked), asked, null_dishes(300))
    reproduced = 0
    for seed in range(40):
        judged = find(asked, scattered(20, 1.0, seed), null, 0.0)
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
    levels = tuple(find(asked, experiments, null, v) for v in VARIATIONS)
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
        (
            OTHER_CLAIM,
            "above = 1.0",
            "above = nan",
            r"above: must be a finite number, not nan\. Write it like above = 1\.5",
        ),
        (
            OTHER_CLAIM,
            'label = "mine"',
            "label = 3",
            r"label: must be a string, not 3\. Write it like",
        ),
        (OTHER_CLAIM, 'times = ["4 h"]', 'times = "4 h"', "times: must be a list of strings"),
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
            "quick: unknown key",
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
        (OTHER_CLAIM, "above = 1.0", 'above = "1"', "above: must be a finite number, not '1'"),
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
        (OTHER_CLAIM, 'says = "cells gather"\n', "", "M1: says: missing. Add it."),
        (OTHER_CLAIM, 'id = "M1"', "id = ", "Correct the TOML"),
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
