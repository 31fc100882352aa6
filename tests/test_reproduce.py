"""Experiments that claims need, reports on them, and the papers' own claims."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tests.test_claims import HOUR, claim, paper, scattered, statement

from sdf1_field.claims import STATISTICS, TESTS, Pool, Status, Virtual, find_all
from sdf1_field.digits import interval_text
from sdf1_field.errors import InputError
from sdf1_field.observations import OBSERVATIONS
from sdf1_field.reproduce import (
    Report,
    as_json,
    as_markdown,
    chosen_views,
    load_paper,
    plan,
)
from sdf1_field.reproduce.experiments import disjoint_experiments, pools_of
from sdf1_field.shipped import shipped_folder
from sdf1_field.spec import load_model

# Reports


def report(**changes):
    asked = claim(statement(), statement(text="at 12 h", time=12 * HOUR, reference_time=12 * HOUR))
    own = replace(paper(asked), joint=("X1",))
    found, joint, weights = find_all(Virtual(own, scattered(0.6), (1,)))
    return replace(Report(own, 24, found, joint, weights, {}, ()), **changes)


def test_the_list_says_what_the_table_says():
    plain = as_json(report())
    (entry,) = plain["claims"]
    assert list(entry)[:8] == [
        "id", "paper", "effect", "interval", "chance", "null", "status", "verdict",
    ]  # fmt: skip
    assert entry["interval"][0] < entry["effect"] < entry["interval"][1]
    assert entry["effect"] == pytest.approx(0.6, abs=0.05)
    low, high = entry["chance"]["interval"]
    assert low < entry["chance"]["value"] < high
    assert len(entry["statements"]) == 2
    assert sum(point["weight"] for point in plain["grid"]) == pytest.approx(1.0)
    assert plain["joint"]["claims"] == ["X1"]
    assert plain["joint"]["value"] == pytest.approx(entry["chance"]["value"])
    page = as_markdown(report())
    shown = interval_text(entry["effect"], entry["interval"])
    assert f"| X1 | predicted | {shown} |" in page
    assert f"{entry['chance']['value']:.2f} ({low:.2f} to " in page
    assert "not informed by any printed p" in page
    assert "directions only:" not in page
    assert "decides directions only: its" in as_markdown(report(directions_only=True))
    json.dumps(plain, allow_nan=False)


# The papers themselves

CALIBRATED = {
    "deniz2023": {
        "D1", "D2", "D3", "D5", "D6", "D7", "D11", "D12", "D13", "D15", "D16", "D17",
    },
    "jiao2024": {"J7", "J9"},
}  # fmt: skip
"""What may inform parameters."""
PREDICTED = {
    "deniz2023": {"D8", "D9", "D14", "D18", "D19", "D20", "D21", "D24", "D25"},
    "jiao2024": {"J1", "J6", "J10"},
}
"""What must not; the rest holds by construction."""
IDS = {
    "deniz2023": [f"D{n}" for n in range(1, 26)],
    "jiao2024": [f"J{n}" for n in range(1, 11)],
}


@pytest.mark.parametrize("name", IDS)
def test_every_claim_of_a_paper_is_there_with_its_status(name):
    known = load_paper(name)
    assert [c.id for c in known.claims] == IDS[name]
    assert {c.id for c in known.claims if c.status is Status.CALIBRATED} == CALIBRATED[name]
    assert {c.id for c in known.claims if c.status is Status.PREDICTED} == PREDICTED[name]
    for one in known.claims:
        assert one.says
        assert one.source
        assert one.status is not Status.BY_CONSTRUCTION or one.by_construction
        for s in one.statements:
            assert s.directed or s.p_below or s.p_from


def test_only_the_printed_p_informs_what_the_paper_leaves_open():
    known = load_paper("deniz2023")
    printed = [(c, s) for c in known.claims for s in c.statements if s.p_printed is not None]
    ((own, statement_of_it),) = printed
    assert (own.id, own.detects, statement_of_it.of) == ("D14", "D13", "MSC")
    assert statement_of_it.p_printed == 0.07
    assert set(known.joint) <= CALIBRATED["deniz2023"]
    # Fig. 5G has one control.
    by_id = {c.id: c for c in known.claims}
    assert all("control" in by_id[one].conditions for one in ("D13", "D14", "D15"))


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("views", [(1,), (1, 2, 4)])
def test_dishes_are_independent_and_pairs_are_of_the_same_donors(name, views):
    known = load_paper(name)
    planned = plan(known, dishes=24, views=views)
    assert len({p.dish.seed for p in planned}) == len(planned)
    donors = {}
    for p in planned:
        donor = [s for s in p.dish.settings if "donor_number" in s]
        assert bool(donor) == known.conditions[p.condition].donors
        if donor:
            donors.setdefault(p.number // views[-1], set()).add(donor[0])
    assert all(len(each) == 1 for each in donors.values())
    assert len(donors) == (24 // views[-1] if name == "deniz2023" else 0)
    numbers = {number for each in donors.values() for number in each}
    assert len(numbers) == len(donors)
    others = {s for p in plan(known, dishes=24, views=views, seed=2) for s in p.dish.settings}
    assert not numbers & others


def test_few_dishes_are_the_first_of_many():
    known = load_paper("deniz2023").only(("D13",))
    few, many = (plan(known, dishes=n, views=(1,)) for n in (12, 48))
    assert set(few) <= set(many)
    alone = plan(known, dishes=12, views=(1,), seed=2)
    assert not {p.dish.seed for p in few} & {p.dish.seed for p in alone}


def test_a_null_models_pool_holds_twice_what_an_experiment_draws():
    known = load_paper("deniz2023").only(("D7",))
    sizes = Counter(p.condition for p in plan(known, dishes=12, views=(1,)))
    assert sizes["fibronectin_5"] == 54
    assert sizes["glass"] == 12
    large = Counter(p.condition for p in plan(known, dishes=48, views=(1,)))
    assert large["fibronectin_5"] == 54
    assert large["glass"] == 48


def test_numbers_of_views_are_those_that_the_pools_allow():
    known = load_paper("deniz2023")
    assert chosen_views(known, 48) == (1, 2, 4)
    assert chosen_views(known, 12) == (1, 2)
    assert chosen_views(known, 4) == (1,)
    assert chosen_views(known, 12, [4, 1]) == (1, 4)
    assert chosen_views(load_paper("jiao2024"), 48) == (1,)
    with pytest.raises(
        InputError, match="control: a pool of 11 is too small for experiments of 12"
    ):
        chosen_views(known.only(("D12",)), 11, [4])
    with pytest.raises(InputError, match="--views"):
        chosen_views(known, 48, [0])


def test_a_donor_without_one_of_its_dishes_is_left_out_of_all_conditions():
    known = load_paper("deniz2023").only(("D19",))
    planned = plan(known, dishes=12, views=(1, 2))
    lost = next(p for p in planned if p.condition == "cd34_igg" and p.number == 4)
    pools = pools_of(known, planned, {p.dish: () for p in planned if p != lost}, (1, 2))
    assert {key: pools[key].units for key in ("cd34_igg", "cd34_anti_cd166")} == {
        "cd34_igg": 5, "cd34_anti_cd166": 5,
    }  # fmt: skip
    assert len({pools[key].unit for key in ("cd34_igg", "cd34_anti_cd166")}) == 1


def test_experiments_of_figures_share_no_dish_and_mix_no_donors():
    own = Pool("donors", tuple((n,) for n in range(14)), of_donor=2)
    shown = disjoint_experiments(own, 3)
    numbers = [n for experiment in shown for (n,) in experiment]
    assert len(set(numbers)) == len(numbers) == 12
    assert all(len({n // 2 for (n,) in experiment}) == 3 for experiment in shown)


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
    planned = plan(own, dishes=6, views=(1,))
    assert [p.condition for p in planned] == ["mine"] * 6


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
        (OTHER_CLAIM, "null = false", 'null = false\nstatus = "fitted"', "status: must be one of"),
        (OTHER_CLAIM, "null = false", 'null = false\ndetects = "D99"', "unknown claim 'D99'"),
        (
            OTHER_CLAIM,
            "[deniz2023.condition",
            "[deniz2023.views]\ncells = [2, 1]\n[deniz2023.condition",
            "views: cells: must be a list of whole numbers that rise",
        ),
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


def test_what_is_said_of_targets_is_in_the_programs_words():
    used = {
        (s.statistic, s.test) for name in IDS for c in load_paper(name).claims for s in c.statements
    }
    assert {statistic for statistic, _ in used} <= set(STATISTICS)
    assert {test for _, test in used} - {None} <= set(TESTS)
    assert Path(shipped_folder("validation") / "targets.toml").is_file()
