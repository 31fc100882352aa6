"""Mechanisms taken away: rows, verdicts, and what a user has of `sdf1-field ablate`."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from tests.test_json import SECTIONS, conform

import sdf1_field
from calibration_builders import AREAS, CELLS, replayed
from sdf1_field import InputError
from sdf1_field.calibration import design
from sdf1_field.calibration.draws import Draws
from sdf1_field.claims import OpenChoices
from sdf1_field.cli import main
from sdf1_field.reproduce import load_paper
from sdf1_field.spec import load_model
from sdf1_field.studies import ablation, ablation_report, necessity
from sdf1_field.studies.ablation import ablate, ask
from sdf1_field.studies.conflicts import conflicts_of
from sdf1_field.studies.mechanisms import (
    ALONE,
    COMBINATIONS,
    MECHANISMS,
    NOTHING,
    SWITCHES,
    WHOLE,
    WITHOUT,
    Row,
    rows_for,
)

KG1A = ("D12", "D13", "D14", "D15", "D16")
DRAW = {"cell_type.kg1a.cd166_bonds": 2.0, "cell_type.kg1a.receptors": 2e4}
MORE = {"cell_type.kg1a.cd166_bonds": 1.0, "cell_type.kg1a.receptors": 1e4}


def draws(*settings, paper="deniz2023", law=()):
    return Draws(paper, ("D12",), law, settings, 1e-4, "a posterior")


@pytest.fixture(scope="module")
def paper():
    return load_paper("deniz2023")


# A law in place of replayed cells: CXCR4 gathers cells by arrest alone, and CD166 holds them


def fold_change(condition, values, region):
    on = {s: values.get(f"mechanisms.{s}", True) for s in SWITCHES}
    by_cxcr4 = 5.0 * on["arrest"] * (values.get("cell_type.kg1a.receptors", 3e4) / 3e4)
    if condition.startswith("amd3100") or condition == "cd34_amd3100":
        by_cxcr4 *= 0.1
    if condition.endswith("sdf1"):
        by_cxcr4 *= 0.2
    hold = 3.0 if on["cd166_adhesion"] and not condition.endswith("anti_cd166") else 1.0
    return (1.0 + by_cxcr4 * hold) * (1.0 if region == 1 else 0.8)


def counted(replays, values):
    found = []
    for condition in replays.conditions:
        times = []
        for n, _ in enumerate(condition.times):
            dishes = []
            for seed in replays.seeds:
                rng = np.random.default_rng([seed, n])
                folds = [1.0, *(fold_change(condition.key, values, r) for r in (1, 2))]
                parts = np.array(AREAS) * folds
                parts[1:] *= 1.3**n * np.exp(0.05 * rng.standard_normal(2))
                dishes.append([*(CELLS * parts / parts.sum()).tolist(), *AREAS])
            times.append(dishes)
        found.append(times)
    return found


counted.__module__ = replayed.__name__


@pytest.fixture
def law(monkeypatch):
    """The law in place of replays; the values of all points that were asked."""
    return planted(monkeypatch)


def planted(monkeypatch):
    asked = []

    def noted(replays, values):
        asked.append((replays, values))
        return counted(replays, values)

    noted.__module__ = replayed.__name__
    monkeypatch.setattr(design, "counted", noted)
    monkeypatch.setattr(design, "source_digest", lambda *_: "")
    monkeypatch.setattr(design, "model_digest", lambda *_: "")
    monkeypatch.setattr(ablation, "_PAPERS", 200)
    return asked


# Rows


def test_every_switch_of_the_models_is_taken_away_or_said_to_have_no_row():
    model = load_model("coculture-kg1a").spec
    taken = {switch for own in MECHANISMS.values() for switch in own.switches}
    told = set(ablation_report.NOT_TRIED)
    assert taken == set(SWITCHES)
    assert taken | told == set(type(model.mechanisms).model_fields)
    assert taken.isdisjoint(told)


def test_rows_have_the_whole_model_first_and_nothing_last():
    rows = rows_for(SWITCHES)
    assert (rows[0].kind, rows[0].off) == (WHOLE, ())
    assert (rows[-1].kind, set(rows[-1].off)) == (NOTHING, set(SWITCHES))
    assert len(rows) == 2 + len(MECHANISMS) + len(COMBINATIONS)
    for row in rows:
        if row.kind == ALONE:
            assert set(row.off) == set(SWITCHES) - set(COMBINATIONS[row.name])
    assert len({row.name for row in rows}) == len(rows)


def test_combinations_with_arrest_have_a_bond_and_adaptation_has_arrest():
    bonds = {"cd166_adhesion", "vla4_adhesion", "fibre_adhesion"}
    for kept in COMBINATIONS.values():
        assert "arrest" not in kept or bonds & set(kept)
        assert "adaptation" not in kept or "arrest" in kept


def test_a_mechanism_that_is_on_in_no_model_has_no_row():
    rows = rows_for(("arrest", "cd166_adhesion"))
    assert [row.name for row in rows if row.kind == WITHOUT and not row.settings] == [
        "without arrest by CXCR4", "without bonds of any kind", "without bonds to CD166",
    ]  # fmt: skip
    with pytest.raises(InputError, match="haptotaxis: is off in all of the paper's models"):
        rows_for(("arrest",), ("haptotaxis",))


def test_named_mechanisms_have_their_row_and_the_combinations_with_them():
    rows = rows_for(SWITCHES, ("cd166_adhesion",))
    assert [row.name for row in rows if row.kind == WITHOUT] == ["without bonds to CD166"]
    assert "steering alone" not in [row.name for row in rows]


# Verdicts


def matrix(whole, without, alone):
    rows = (
        Row("the whole model", WHOLE), Row("without it", WITHOUT), Row("it alone", ALONE),
        Row("nothing", NOTHING),
    )  # fmt: skip
    chances = np.array([whole, without, alone, [0.0] * len(whole)])[:, :, None]
    return necessity.Matrix(rows, ("D1",), chances, np.zeros((4, len(whole), 2)))


@pytest.mark.parametrize(
    ("whole", "without", "needed"),
    [(0.9, 0.46, False), (0.9, 0.45, True), (0.21, 0.19, False), (0.19, 0.0, False)],
)
def test_a_claim_needs_a_mechanism_without_which_it_is_half_as_likely(whole, without, needed):
    assert necessity.necessary(matrix([whole], [without], [0.0]), 1, 0) is needed


@pytest.mark.parametrize(
    ("whole", "without", "hindered"),
    [(0.2, 0.4, True), (0.2, 0.39, False), (0.05, 0.19, False), (0.0, 0.2, True)],
)
def test_a_mechanism_hinders_a_claim_that_is_twice_as_likely_without_it(whole, without, hindered):
    found = matrix([whole], [without], [0.0])
    assert necessity.hinders(found, 1, 0) is hindered
    assert ("D1 without it" in ablation_report.hindering_line(found)) is hindered


@pytest.mark.parametrize(
    ("whole", "alone", "enough"),
    [(0.9, 0.45, True), (0.9, 0.44, False), (0.3, 0.19, False), (0.19, 0.19, False)],
)
def test_a_combination_suffices_that_alone_has_half_of_the_chance(whole, alone, enough):
    assert necessity.suffices(matrix([whole], [0.0], [alone]), 2, 0) is enough


def test_a_verdict_that_hangs_on_one_draw_is_marked_as_unsure():
    clear = matrix([0.9] * 12, [0.1] * 12, [0.0] * 12)
    close = matrix([0.9] * 12, [0.0, 0.9] * 6, [0.0] * 12)
    assert necessity.certainty(clear, 1, 0) == 1.0
    assert 0.4 < necessity.certainty(close, 1, 0) < necessity.SURE
    assert ablation_report.matrix_rows(close)[1][-1].endswith("?")
    assert ablation_report.matrix_rows(clear)[1][-1].endswith("*")


# Questions


def test_all_claims_that_fold_changes_decide_are_asked(paper):
    assert ask(paper).claims == ("D12", "D13", "D14", "D15", "D16", "D17", "D18", "D19")


def test_other_cells_take_the_values_that_the_models_give_them_from_the_first(paper):
    asked = ask(paper, draws=draws({**DRAW, "cell_type.kg1a.speed": "1 um/min"}))
    followers = ablation._followers(asked)
    assert followers == {"cell_type.kg1a.cd166_bonds": ["cell_type.cd34.cd166_bonds"]}
    assert ablation._followed(DRAW, followers)["cell_type.cd34.cd166_bonds"] == 2.0
    own = ask(paper, draws=draws({"cell_type.cd34.cd166_bonds": 1.0}))
    assert ablation._followers(own) == {}


@pytest.mark.parametrize(
    ("settings", "other", "said"),
    [
        (DRAW, "jiao2024", "is of jiao2024, and not of deniz2023"),
        ({"cell_type.kg1a.bonds": 1.0}, "deniz2023", "cell_type.kg1a.bonds: no such parameter"),
        ({"ligand.sdf1.diffusivity": "150 um**2/s"}, "deniz2023", "draws cannot have it"),
    ],
)
def test_draws_that_do_not_fit_the_paper_are_refused(paper, settings, other, said):
    with pytest.raises(InputError, match=said):
        ask(paper, draws=draws(settings, paper=other))


def test_choices_of_conflicts_are_settings_that_the_models_take():
    conflicts = conflicts_of("deniz2023")
    assert len(conflicts.choices) >= 10
    for one in conflicts.choices:
        changed = load_model(
            "coculture-kg1a", settings=[f"{key}={value}" for key, value in one.settings.items()]
        )
        assert changed.spec != load_model("coculture-kg1a").spec
        assert one.read in ("found", "recalled", "derived")
        assert one.source
    anew = {one.name for one in conflicts.choices if one.recorded_anew}
    assert "medium change before the cells" in anew
    assert {"CXCR4 per cell", "inhibition constant of AMD3100"}.isdisjoint(anew)
    assert conflicts_of("jiao2024").choices == ()


# The whole study, by the law


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A finished study, its folder, and the points that it replayed."""
    folder = tmp_path_factory.mktemp("ablation")
    with pytest.MonkeyPatch.context() as patch:
        points = planted(patch)
        asked = ask(
            load_paper("deniz2023"), claims=KG1A,
            mechanisms=("arrest", "cd166_adhesion", "chemokinesis"), draws=draws(DRAW, MORE),
            dishes=3,
        )  # fmt: skip
        return ablate(asked, folder, workers=1), folder, points


@pytest.fixture
def found(study):
    return study[0]


def chances(found, row):
    (own,) = (
        c for r, c in zip(found.matrix.rows, found.matrix.chances, strict=True) if r.name == row
    )
    return dict(zip(found.matrix.columns, own.mean(axis=0), strict=True))


def test_the_planted_mechanisms_are_necessary_and_others_are_not(found):
    rows = {row[0]: row[2] for row in ablation_report.claim_rows(found)}
    assert "arrest by CXCR4" in rows["D13"]
    assert "CD166" in rows["D16"]
    assert "chemokinesis" not in " ".join(rows.values())
    assert "chemokinesis" in ablation_report.idle_line(found.matrix)
    assert chances(found, "without bonds to CD166")["D16"] < 0.1
    assert chances(found, "without chemokinesis") == chances(found, "the whole model")
    enough = {row[0]: row[3] for row in ablation_report.claim_rows(found)}
    assert "adapting CXCR4 arrest and CD166" in enough["D16"]
    assert "bonds alone" not in enough["D13"]


def test_nothing_has_fold_changes_of_one(found):
    assert np.exp(found.matrix.folds[-1]).mean() == pytest.approx(0.9, abs=0.1)


def test_rows_share_dishes_and_points_are_stored_once(law, study):
    found, folder, points = study
    assert len(points) == len(found.matrix.rows) * 2 + 1
    assert {replays.seeds for replays, _ in points} == {(9201, 9202, 9203)}
    again = ablate(found.asked, folder, workers=1)
    assert law == []
    assert np.array_equal(again.matrix.chances, found.matrix.chances)


def test_files_say_the_same(found, tmp_path):
    ablation_report.write_ablation(found, tmp_path / "out")
    folder = tmp_path / "out"
    assert all((folder / name).stat().st_size > 0 for name in ablation_report.FILES)
    records = json.loads((folder / "ablation.json").read_text())["chances"]
    lines = list(csv.DictReader(io.StringIO((folder / "ablation.csv").read_text())))
    assert [one["verdict"] for one in records] == [one["verdict"] for one in lines]
    assert len(records) == len(found.matrix.rows) * (len(KG1A) + 1)
    assert "one at a time" in (folder / "methods.txt").read_text()
    assert "## Over the literature's conflicts" not in (folder / "table.md").read_text()


def test_conflicts_ask_the_whole_model_and_the_rows_that_claims_need_again(law, paper, tmp_path):
    conflicts = conflicts_of("deniz2023")
    some = tuple(one for one in conflicts.choices if one.label in ("500", "none"))
    asked = ask(
        paper, claims=("D12", "D13", "D17"), mechanisms=("arrest", "chemokinesis"),
        draws=draws(DRAW, MORE), dishes=2, conflicts=replace(conflicts, choices=some),
        conflict_draws=1,
    )  # fmt: skip
    found = ablate(asked, tmp_path / "out", workers=1)
    assert [choice and choice.label for choice, _ in found.conflicting] == [None, "500", "none"]
    for _, own in found.conflicting:
        assert [row.name for row in own.rows] == ["the whole model", "without arrest by CXCR4"]
        assert own.columns[:2] == ("D12", "D13")
        assert own.chances.shape[1] == 1
    settings = [replays.conditions[0].settings for replays, _ in law]
    assert any("treatments.medium_change.start=-24 h" in own for own in settings)
    assert any(values.get("cell_type.kg1a.receptors") == 500.0 for _, values in law)
    # Few receptors gather no cells, and no claim is left to be lost.
    _, few = found.conflicting[1]
    assert few.chances[0, 0, 1] < necessity.LEAST
    rows = {row[0]: row for row in ablation_report.holding_rows(found)}
    assert "CXCR4 per cell: 500" in rows["D13"][4]
    page = ablation_report.as_markdown(found)
    assert "## Over the literature's conflicts" in page
    answer = json.loads(json.dumps(ablation_report.as_json(found), allow_nan=False))
    shape, keys = SECTIONS["ablate"]
    assert (shape, conform(answer, keys)) == ("An object", set(keys) - {"informed_by"})


# The command


def call(*arguments):
    return CliRunner().invoke(main, [str(a) for a in ("ablate", *arguments)])


def refused(*arguments):
    """The one line of a call that is wrong."""
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line.removeprefix("sdf1-field: ")


def of_shipped(*further):
    return (
        "deniz2023", "--shipped-values", "--claim", "D13", "--claim", "D14", "--mechanism",
        "arrest", "--dishes", 3, "--workers", 1, *further,
    )  # fmt: skip


def test_the_command_prints_what_it_writes(law, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call(*of_shipped())
    assert result.exit_code == 0
    assert "models at the models' own values, in 3 dishes: about" in result.stderr
    assert result.stdout.splitlines()[-1] == (
        f"deniz2023-ablation-shipped: {', '.join(ablation_report.FILES)}"
    )
    assert "arrest by CXCR4" in result.stdout
    count = len(law)
    again = call(*of_shipped("--json", "--quiet"))
    assert len(law) == count
    assert again.stderr == ""
    folder = tmp_path / "deniz2023-ablation-shipped"
    assert json.loads(again.stdout) == json.loads((folder / "ablation.json").read_text())


@pytest.fixture
def nothing_replayed(monkeypatch, tmp_path):
    """Fail if a point is asked."""

    def never(*_args, **_options):
        raise AssertionError("a point was replayed")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(design, "run_tasks", never)


@pytest.mark.usefixtures("nothing_replayed")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["deniz2024"], "deniz2024"),
        (["jiao2024", "--shipped-values"], "jiao2024: fold changes decide none of its claims"),
        (["deniz2023", "--shipped-values", "--claim", "D99"], "unknown claim 'D99'"),
        (["deniz2023", "--shipped-values", "--claim", "D11"], "D11: statement 1: it is of"),
        (["deniz2023", "--shipped-values", "--mechanism", "arest"], "Did you mean 'arrest'"),
        (["deniz2023", "--shipped-values", "--mechanism", "crowding"], "off in every row"),
        (["deniz2023", "--shipped-values", "--draws", "3"], "--shipped-values and --draws:"),
        (["deniz2023", "--conflict-draws", "3"], "no conflicts are asked. Add --conflicts."),
        (["deniz2023", "--posterior", "missing", "--draws", "3"], "missing: "),
        (
            ["deniz2023", "--shipped-values", "--conflicts", "--claim", "D19"],
            "--conflicts: of deniz2023 they are about D12",
        ),
        (["deniz2023", "--workers", "2", "--scheduler", "there"], "--workers and --scheduler:"),
    ],
)
def test_what_is_wrong_is_one_line_before_anything_is_replayed(arguments, said):
    assert said in refused(*arguments)


@pytest.mark.usefixtures("nothing_replayed")
def test_a_folder_with_other_files_is_refused_and_stays_as_it_is(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "table.md").write_text("mine", encoding="utf-8")
    line = refused(*of_shipped("-o", tmp_path / "own"))
    assert "holds something else than an ablation. Choose a new folder or" in line
    assert (tmp_path / "own" / "table.md").read_text(encoding="utf-8") == "mine"


def test_results_of_a_question_that_asked_more_are_kept_unless_forced(found, paper, tmp_path):
    folder = tmp_path / "own"
    ablation_report.write_ablation(found, folder)
    (folder / ablation.POINTS).touch()
    of = {"mechanisms": ("arrest", "cd166_adhesion", "chemokinesis"), "draws": draws(DRAW, MORE)}
    more = ask(paper, claims=[*found.asked.claims, "D12"], dishes=4, **of)
    fewer = ask(paper, claims=found.asked.claims[:1], **of)
    ablation_report.require_folder(folder, found.asked)
    ablation_report.require_folder(folder, more)
    with pytest.raises(InputError, match=r"holds an ablation in which 'claims' is .*--force"):
        ablation_report.require_folder(folder, fewer)
    ablation_report.require_folder(folder, fewer, force=True)


@pytest.mark.parametrize(
    "wrong", [{"draws": 0}, {"dishes": 1}, {"conflicts": True, "conflict_draws": 0}]
)
def test_numbers_that_are_too_small_are_refused_from_python_too(wrong, tmp_path):
    with pytest.raises(InputError, match="are too few"):
        sdf1_field.ablate("deniz2023", folder=tmp_path / "own", **wrong)


def test_weights_are_informed_by_the_models_own_values(found):
    assert isinstance(found.open_weights, OpenChoices)
    assert found.open_weights.informed_by == "D14"
