"""`sdf1-field calibrate` as its user has it: what is printed and kept, and what goes wrong."""

import json
import sys

import pytest
from click.testing import CliRunner

from calibration_builders import FREE, SIZES, counted, use_the_law

pytest.importorskip("sklearn")

import sdf1_field
from sdf1_field.calibration import asking, design, saving
from sdf1_field.cli import main

POINTS = 1 + SIZES.even + SIZES.wave
"""At most: a wave may draw a point twice."""
CLAIMS = ["D12", "D13", "D15", "D16"]
VALUE = """
[[deniz2023.claim]]
id = "{id}"
says = "cells gather"
null = false
statements = [
    {{ text = "MSC, 4 h", condition = "control", quantity = "fold change", of = "MSC", \
       time = "4 h", value = {value}, interval = {interval}, digitised_by = "a reader" }},
]
"""


def call(*arguments):
    return CliRunner().invoke(main, [str(a) for a in ("calibrate", *arguments)])


def refused(*arguments):
    """The one line of a call that is wrong."""
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line.removeprefix("sdf1-field: ")


@pytest.fixture
def law(monkeypatch, tmp_path):
    """The law in place of replays, in a folder of its own; the keys of points that were asked."""
    monkeypatch.chdir(tmp_path)
    use_the_law(monkeypatch)
    asked = []

    def noted(replays, values):
        asked.append(tuple(values.values()))
        return counted(replays, values)

    noted.__module__ = counted.__module__
    monkeypatch.setattr(design, "counted", noted)
    return asked


def of_law(*further):
    return ("deniz2023", "--free", ",".join(FREE), "--workers", 1, "--quiet", *further)


# What is printed and kept


def test_a_calibration_prints_its_tables_and_keeps_its_files(law, tmp_path):
    result = call(*of_law("--quick"))
    assert (result.exit_code, result.stderr) == (0, "")
    folder = tmp_path / "deniz2023-kg1a-quick"
    assert result.stdout.splitlines()[-1] == f"{folder.name}: {', '.join(saving.FILES)}"
    assert all((folder / name).stat().st_size > 0 for name in saving.FILES)
    for one in CLAIMS:
        assert f"\n{one}    informs    " in result.stdout
    assert "\nD14    predicted  " in result.stdout
    assert "\nD12, D13, D15, D16  " in result.stdout
    assert all(f"\n{key} " in result.stdout for key in FREE)
    assert "informed by the p that D14 prints" in result.stdout
    assert SIZES.even < len(law) <= POINTS
    count = len(law)
    again = call(*of_law("--quick", "--json"))
    assert len(law) == count
    assert json.loads(again.stdout) == json.loads((folder / "calibration.json").read_text())


@pytest.mark.slow
def test_ctrl_c_keeps_points_and_the_same_command_goes_on(law, tmp_path, monkeypatch):
    whole = call(*of_law("-o", tmp_path / "whole"))
    asked = len(law)

    def stopping(replays, values):
        if len(law) == asked + 7:
            raise KeyboardInterrupt
        law.append(None)
        return counted(replays, values)

    stopping.__module__ = counted.__module__
    with monkeypatch.context() as patch:
        patch.setattr(design, "counted", stopping)
        result = call(*of_law("-o", tmp_path / "out"))
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == (
        f"sdf1-field: interrupted. {tmp_path / 'out'} keeps 7 finished points; the same command "
        "goes on.\n"
    )
    again = call(*of_law("-o", tmp_path / "out"))
    assert again.exit_code == 0
    assert len(law) == 2 * asked
    assert again.stdout.splitlines()[:-1] == whole.stdout.splitlines()[:-1]
    for name in ("calibration.json", "table.md", "model.toml", "methods.txt"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.usefixtures("law")
@pytest.mark.slow
def test_claims_of_a_users_file_inform_unless_others_are_named(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(VALUE.format(id="MINE", value=9.0, interval=[7.0, 11.0]), encoding="utf-8")
    result = call(*of_law("--quick", "--json", "--targets", mine))
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["informing"] == [*CLAIMS, "MINE"]
    rates = {one["key"]: one for one in found["parameters"]}[FREE[1]]
    other = json.loads(call(*of_law("--quick", "--json", "--claim", "D13")).stdout)
    assert other["informing"] == ["D13"]
    assert [one["id"] for one in other["claims"] if not one["informs"]] == [
        "D12", "D15", "D16", "D14",
    ]  # fmt: skip
    # Nine times as many cells need a high rate of arrest.
    assert rates["width"] < {one["key"]: one for one in other["parameters"]}[FREE[1]]["width"]
    _, question = asking.asked("deniz2023", targets=mine, claims=["D13"])
    assert question.claims == ("D13",)


@pytest.mark.usefixtures("law")
@pytest.mark.slow
def test_a_prior_and_a_law_of_ones_own_are_taken(tmp_path):
    prior = tmp_path / "prior.toml"
    prior.write_text('[cell_type.kg1a]\ntriggered_arrest_rate = ["0.01 1/s", "0.1 1/s"]\n')
    result = call(
        *of_law("--quick", "--json", "--prior", prior, "--law", "mechanisms.adaptation=false")
    )
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["law"] == ["mechanisms.adaptation=false"]
    # The shipped rate lies outside of it.
    assert [one["interval"] for one in found["parameters"]][1] == [0.01, 0.1]


@pytest.mark.usefixtures("law")
@pytest.mark.slow
def test_python_gets_what_the_command_writes(tmp_path):
    seen = []
    found = sdf1_field.calibrate(
        "deniz2023", free=FREE, quick=True, folder=tmp_path / "out", workers=1,
        progress=lambda *now: seen.append(now),
    )  # fmt: skip
    assert found.question.claims == tuple(CLAIMS)
    assert {name for name, _, _ in seen} == {"points replayed", "points judged"}
    assert seen[-1][1] == seen[-1][2] == sum(SIZES.rounds)
    assert all((tmp_path / "out" / name).exists() for name in saving.FILES)


# Wrong calls


@pytest.fixture
def nothing_replayed(monkeypatch, tmp_path):
    """Fail if a point is asked."""

    def never(*_):
        raise AssertionError("a point was replayed")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(design, "run_tasks", never)


@pytest.mark.usefixtures("nothing_replayed")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--claim", "D11"], "D11: statement 1: it is of"),
        (["--claim", "D99"], "unknown claim 'D99'"),
        (["--stage", "kg1"], "--stage: unknown calibration 'kg1'. Did you mean 'kg1a'?"),
        (["--free", "cell_type.kg1a.sped"], "cell_type.kg1a.sped: no such parameter."),
        (["--free", ","], "--free: names no parameter."),
        (["--free", "ligand.sdf1.diffusivity"], "--free: ligand.sdf1.diffusivity: stroma and"),
        (["--free", "mechanisms.arrest"], "mechanisms.arrest: it has no interval."),
        (["--law", "mechanisms.adaptatio=false"], "--law: mechanisms.adaptatio: unknown key."),
        (["--law", "cell_type.kg1a.speed=1 um/min"], "cell_type.kg1a.speed is free."),
        (["--prior", "missing.toml"], "missing.toml: no such file. Check --prior."),
        (["--targets", "missing.toml"], "missing.toml: no such file. Check --targets."),
        (["--workers", "2", "--scheduler", "there"], "--workers and --scheduler:"),
    ],
)
def test_what_is_wrong_is_one_line_before_anything_is_replayed(arguments, said):
    assert said in refused("deniz2023", *arguments)


@pytest.mark.usefixtures("nothing_replayed")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('cell_type.kg1a.speed = ["2 um/min", "1 um/min"]', "does not rise."),
        ('cell_type.kg1a.speed = ["1 um/min", "2 um/h"]', "has two units."),
        ('cell_type.kg1a.speed = "1 um/min"', "is not an interval."),
        ('cell_type.kg1a.diameter = ["10 um", "12 um"]', "it is not free."),
        ('cell_type.kg1a.sped = ["1 um/min", "2 um/min"]', "no such parameter."),
        ("cell_type.kg1a.speed =", "Correct the TOML there."),
    ],
)
def test_a_wrong_prior_is_one_line(text, said, tmp_path):
    path = tmp_path / "prior.toml"
    path.write_text(text, encoding="utf-8")
    assert said in refused("deniz2023", "--prior", path)


@pytest.mark.usefixtures("nothing_replayed")
def test_a_paper_without_a_calibration_is_refused():
    assert refused("jiao2024").startswith("jiao2024: no calibration is known.")


@pytest.mark.usefixtures("nothing_replayed")
def test_targets_that_contradict_each_other_are_refused_before_the_first_replay(tmp_path):
    mine = tmp_path / "mine.toml"
    both = [("ONE", 3.0, [2.0, 4.0]), ("TWO", 6.0, [5.0, 7.0])]
    mine.write_text(
        "".join(VALUE.format(id=i, value=v, interval=ends) for i, v, ends in both),
        encoding="utf-8",
    )
    line = refused("deniz2023", "--targets", mine)
    assert line == (
        "deniz2023: ONE (MSC, 4 h) and TWO (MSC, 4 h) contradict each other: the same effect "
        "2 to 4 and 5 to 7. Leave one out, or correct --targets."
    )


@pytest.mark.usefixtures("law")
@pytest.mark.parametrize("value", [1e4, 1.05])
@pytest.mark.slow
def test_a_target_that_no_point_reaches_is_named(tmp_path, value):
    mine = tmp_path / "mine.toml"
    interval = [0.999 * value, 1.001 * value]
    mine.write_text(VALUE.format(id="MINE", value=value, interval=interval), encoding="utf-8")
    line = refused(*of_law("--quick", "--targets", mine))
    assert line.startswith("calibrate: no virtual paper at any point reports all")
    assert "MINE" in line
    assert line.endswith("widen intervals with --prior.")


@pytest.mark.usefixtures("nothing_replayed")
def test_a_folder_with_other_files_is_refused_and_stays_as_it_is(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "model.toml").write_text("mine", encoding="utf-8")
    line = refused("deniz2023", "--quick", "-o", tmp_path / "own")
    assert "holds something else than a calibration. Choose a new folder or" in line
    assert (tmp_path / "own" / "model.toml").read_text(encoding="utf-8") == "mine"


@pytest.mark.usefixtures("nothing_replayed")
def test_the_id_of_a_claim_can_name_a_file(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(VALUE.format(id="../ONE", value=3.0, interval=[2.0, 4.0]), encoding="utf-8")
    assert "a name for files, without slashes" in refused("deniz2023", "--targets", mine)


@pytest.mark.usefixtures("nothing_replayed")
def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert refused("deniz2023") == (
        "calibrate: scikit-learn is not installed. Install sdf1-field[inference]."
    )


def test_a_stroma_that_depends_on_a_free_parameter_is_refused(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    use_the_law(monkeypatch)

    def refusing(*_):
        raise sdf1_field.InputError("ligand.sdf1.diffusivity: the stroma's. Leave it.")

    refusing.__module__ = counted.__module__
    monkeypatch.setattr(design, "counted", refusing)
    assert refused(*of_law()) == "ligand.sdf1.diffusivity: the stroma's. Leave it."
