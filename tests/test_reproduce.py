"""Experiments that claims need, reports on them, and the papers' own claims."""

import importlib.util
import json
import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tests.test_claims import HOUR, claim, paper, scattered, statement

from sdf1_field.claims import STATISTICS, TESTS, Pool, Status, Virtual, find_all
from sdf1_field.claims.loading import with_predictions
from sdf1_field.claims.targets import LeaveOneOut
from sdf1_field.cli.tables import print_table
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
    tables,
)
from sdf1_field.reproduce.experiments import disjoint_experiments, pools_of
from sdf1_field.shipped import shipped_folder
from sdf1_field.spec import load_model

# Reports

LEFT_OUT = LeaveOneOut(explained=0.57, direction=0.93, reported=0.54, prior=0.099, size=9260.0)


def report(left_out=LEFT_OUT, law_chosen_by=False, **changes):
    asked = claim(
        statement(),
        statement(text="at 12 h", time=12 * HOUR, reference_time=12 * HOUR),
        left_out=left_out,
        law_chosen_by=law_chosen_by,
    )
    own = replace(paper(asked), joint=("X1",))
    found, joint, weights = find_all(Virtual(own, scattered(0.6), (1,)))
    return replace(Report(own, 24, found, joint, weights, {}, ()), **changes)


def test_the_list_says_what_the_table_says():
    plain = as_json(report())
    (entry,) = plain["claims"]
    assert list(entry)[:10] == [
        "id", "paper", "effect", "interval", "chance", "from_others", "law_chosen_by", "null",
        "status", "verdict",
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


@pytest.mark.parametrize(
    ("left_out", "law_chosen_by", "cell"),
    [
        (LEFT_OUT, False, "0.54 (prior 0.10)"),
        (LEFT_OUT, True, "0.54, law knew it"),
        (replace(LEFT_OUT, size=199.0), True, "undecided"),
        (replace(LEFT_OUT, size=200.0, reported=0.004), False, "< 0.01 (prior 0.10)"),
        (None, True, "-"),
    ],
)
def test_a_chance_from_the_others_says_what_it_is_worth(left_out, law_chosen_by, cell):
    own = report(left_out, law_chosen_by)
    (found,) = own.found
    for header, row in (
        (tables.SUMMARY, tables.summary_row(found)),
        (tables.SHORT_SUMMARY, tables.short_summary_row(found)),
    ):
        assert dict(zip(header, row, strict=True))["from the others"] == cell
    page = as_markdown(own)
    assert f" | {cell} | " in page
    line = tables.others_line(found.claim)
    assert line in page
    assert (line == "") == (left_out is None)
    assert ("had seen this claim" in line) == (law_chosen_by and left_out is not None)
    assert ("which decides nothing" in line) == (cell == "undecided")
    (entry,) = as_json(own)["claims"]
    assert entry["law_chosen_by"] == law_chosen_by
    assert (entry["from_others"] is None) == (left_out is None)


def test_plain_values_of_a_chance_from_the_others_are_those_recorded():
    (entry,) = as_json(report())["claims"]
    assert entry["from_others"] == {
        "reported": 0.54, "direction": 0.93, "prior": 0.099, "explained": 0.57,
        "effective_size": 9260.0,
    }  # fmt: skip


def test_verdicts_fit_into_a_terminal_of_100_columns(capsys):
    """With the widest text that each column has in a pool large enough for intervals."""
    (found,) = report(law_chosen_by=True).found
    widest = dict(zip(tables.SHORT_SUMMARY, tables.short_summary_row(found), strict=True)) | {
        "claim": "D25",
        "status": str(Status.BY_CONSTRUCTION),
        "effect": "21,900",
        "explained (95 %)": "> 0.99 (0.74 to > 0.99)",
        "null": "< 0.01",
        "verdict": "not reproduced",
    }
    print_table([tuple(widest.values())], tables.SHORT_SUMMARY)
    header, row = capsys.readouterr().out.splitlines()
    assert len(row) <= 100
    assert header.index("from the others") == row.index("0.54, law knew it")


# The papers themselves

CALIBRATED = {
    "deniz2023": {
        "D1", "D2", "D3", "D5", "D6", "D7", "D11", "D12", "D13", "D15", "D16",
    },
    "jiao2024": {"J7", "J9"},
}  # fmt: skip
"""What may inform parameters."""
PREDICTED = {
    "deniz2023": {"D8", "D9", "D14", "D17", "D18", "D19", "D20", "D21", "D24", "D25"},
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


def test_the_law_was_chosen_by_d15():
    seen = {c.id for name in IDS for c in load_paper(name).claims if c.law_chosen_by}
    assert seen == {"D15"}


def test_claims_of_the_first_calibration_are_recorded_as_predicted_by_the_others():
    known = load_paper("deniz2023")
    (kg1a, *_) = known.calibrations
    recorded = {c.id: c.left_out for c in known.claims if c.left_out is not None}
    assert recorded.keys() >= {*kg1a.claims, *kg1a.predicts}
    # What informs nothing is predicted by the posterior of all.
    assert recorded["D14"].explained == recorded["D14"].reported


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


# Recorded predictions

RECORDED = """
[deniz2023.D12]
explained = 0.87
direction = 0.94
reported = 0.84
prior = 0.4
size = 9410.0
"""


def test_what_is_recorded_of_a_claim_is_read(tmp_path):
    path = tmp_path / "predictions.toml"
    path.write_text(RECORDED, encoding="utf-8")
    (own,) = with_predictions(load_paper("deniz2023").only(("D12",)), path, IDS).claims
    assert own.left_out == LeaveOneOut(0.87, 0.94, 0.84, 0.4, 9410.0)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("deniz2023", "deniz2032", "unknown paper 'deniz2032'. Did you mean 'deniz2023'?"),
        ("D12", "D99", "deniz2023: unknown claim 'D99'. "),
        ("prior", "pior", "deniz2023: D12: pior: unknown key. Take it out."),
        ("size = 9410.0\n", "", "deniz2023: D12: size: missing. Add it."),
        ("0.84", "1.2", "deniz2023: D12: reported: must be a number from 0 to 1, not 1.2. "),
        ("0.84", "nan", "deniz2023: D12: reported: must be a number from 0 to 1, not nan. "),
        ("0.84", "true", "deniz2023: D12: reported: must be a number from 0 to 1, not True. "),
        ("9410.0", "-1.0", "deniz2023: D12: size: must be 0 or more, not -1.0. "),
        ("= 0.4", "= ", "Correct the TOML there."),
    ],
)
def test_wrong_records_are_refused_in_one_line(tmp_path, before, after, expected):
    assert before in RECORDED
    path = tmp_path / "predictions.toml"
    path.write_text(RECORDED.replace(before, after), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        with_predictions(load_paper("deniz2023"), path, IDS)
    assert expected in str(refused.value)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


def test_records_that_are_not_there_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: no such file.*Reinstall"):
        with_predictions(load_paper("deniz2023"), tmp_path / "none.toml", IDS)


@pytest.fixture
def write_predictions():
    """The function by which the inference is recorded."""
    path = Path(__file__).parents[1] / "validation" / "recording.py"
    spec = importlib.util.spec_from_file_location("recording_of_predictions", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.write_predictions


def test_a_stage_records_its_claims_and_keeps_those_of_others(write_predictions, tmp_path):
    path = tmp_path / "predictions.toml"
    one = {"explained": 0.5, "direction": 0.25, "reported": 1 / 3, "prior": 2e-5, "size": 12_345.6}
    write_predictions("deniz2023", {"D17": one, "D9": one}, path)
    write_predictions("jiao2024", {"J7": one}, path)
    write_predictions("deniz2023", {"D12": one, "D9": {**one, "explained": 1.0 + 1e-12}}, path)
    recorded = tomllib.loads(path.read_text(encoding="utf-8"))
    rounded = {**one, "reported": 0.333, "size": 12_300.0}
    assert list(recorded) == ["deniz2023", "jiao2024"]
    assert list(recorded["deniz2023"]) == ["D9", "D12", "D17"]
    assert recorded["deniz2023"]["D17"] == recorded["jiao2024"]["J7"] == rounded
    assert recorded["deniz2023"]["D9"] == {**rounded, "explained": 1.0}
    known = {c.id: c.left_out for c in with_predictions(load_paper("deniz2023"), path, IDS).claims}
    assert known["D12"] == LeaveOneOut(**rounded)


def test_records_do_not_change_what_stored_points_are_found_by():
    """A calibration's points have the claims' text in their key, and its result is recorded."""
    known = replace(claim(), left_out=LEFT_OUT, law_chosen_by=True)
    assert repr(known) == repr(claim())
    assert known != claim()
    assert repr(replace(known, detects="D13")) != repr(claim())


def test_the_shipped_records_are_as_the_program_writes_them(write_predictions, tmp_path):
    shipped = (shipped_folder("validation") / "predictions.toml").read_bytes()
    path = tmp_path / "predictions.toml"
    for paper_name, claims in tomllib.loads(shipped.decode()).items():
        write_predictions(paper_name, claims, path)
    assert path.read_bytes() == shipped


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
    # With a value it is another claim than the one that was predicted.
    assert shipped.left_out is not None
    assert own.left_out is None
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
