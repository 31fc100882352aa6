"""`sdf1-field design` as its user has it: small dishes, few draws, and what goes wrong."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import sdf1_field
from sdf1_field.calibration.draws import Draws
from sdf1_field.calibration.laws import LAWS
from sdf1_field.cli import main
from sdf1_field.errors import InputError
from sdf1_field.studies import design, design_report, outcomes
from sdf1_field.studies.design_report import FILES
from sdf1_field.studies.outcomes import Law, Replaying, replayed

SMALL = '"dish.width=500 um", "dish.length=500 um", "run.culture=12 h", "cells.density=400 1/mm**2"'
OWN = f"""
settings = [{SMALL}]

[condition.small]
model = "coculture-kg1a"

[condition.drugged]
model = "coculture-kg1a-amd3100-10um"

[condition.fluid]
model = "coculture-kg1a"
settings = ["treatments.fresh.agent=medium_change", "treatments.fresh.start=30 min"]

[candidate.drug]
title = "a small dish with AMD3100"
compare = ["drugged", "small"]
readouts = [
    {{ what = "fold change", of = ["MSC"], times = ["1 h"] }},
    {{ what = "dwell time", of = ["MSC"], times = ["1 h"] }},
    {{ what = "approach bias", times = ["1 h"] }},
]

[candidate.plain]
title = "a small dish measured by itself"
compare = ["small"]
readouts = [
    {{ what = "fold change", of = ["MSC"], times = ["30 min", "1 h"] }},
    {{ what = "density against distance", times = ["1 h"] }},
]

[candidate.washed]
title = "a small dish with fresh medium"
compare = ["fluid", "small"]
readouts = [{{ what = "fold change", of = ["MSC"], times = ["1 h"] }}]
"""
ONLY = ("--only", "drug", "--only", "plain")
ALL, NO_ARREST = "all pieces", "no arrest: steering only"
LAW = ("--law", ALL, "--law", NO_ARREST)


def draws_of(number, law=ALL):
    """Draws about the shipped values; one of them twice."""
    rates = np.linspace(0.02, 0.04, number - 1)
    values = [{"cell_type.kg1a.triggered_arrest_rate": f"{rate:.4g} 1/s"} for rate in rates]
    return Draws(
        "deniz2023", ("D12",), LAWS[law], (values[0], *values), 1e-3 if law == ALL else 3e-3, "test"
    )


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(design, "recorded_draws", draws_of)
    sizes = design.Sizes(4, Replaying((3, 4), 2))
    monkeypatch.setattr(design, "FULL", sizes)
    monkeypatch.setattr(design, "QUICK", sizes)
    # These read all sources, and depend on nothing that a test changes.
    monkeypatch.setattr(outcomes, "source_digest", lambda *_: "")
    (tmp_path / "own.toml").write_text(OWN)
    return tmp_path


def call(*arguments):
    own = ("--candidates", "own.toml", "--workers", "1")
    return CliRunner().invoke(main, [str(a) for a in ("design", *own, *arguments)])


def refused(*arguments):
    """The one line of a call that is wrong."""
    result = CliRunner().invoke(main, [str(a) for a in ("design", *arguments)])
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line.removeprefix("sdf1-field: ")


def test_candidates_are_ranked_and_replays_are_kept(folder):
    result = call(*ONLY, *LAW, "-o", "here", "--quiet")
    assert result.exit_code == 0, result.output
    for name in FILES:
        assert (folder / "here" / name).stat().st_size > 0
    text = (folder / "here" / "design.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["candidate"] for row in rows} == {"drug", "plain"}
    assert len(rows) == 5
    assert [int(row["rank"]) for row in rows] == sorted(int(row["rank"]) for row in rows)
    for row in rows:
        assert -1.0 < float(row["law_bits"]) <= 1.0
        assert float(row["law_bits_low"]) <= float(row["law_bits"]) <= float(row["law_bits_high"])
        dishes = {"drug": 6, "plain": 3}[row["candidate"]]
        assert float(row["law_bits_per_dish"]) == pytest.approx(
            float(row["law_bits"]) / dishes, abs=1e-4
        )
    assert "Next: " in result.stdout
    # Nothing is replayed again, and the same comes out.
    before = (folder / "here" / "replays.jsonl").read_bytes()
    again = call(*ONLY, *LAW, "-o", "here", "--quiet", "--json")
    found = json.loads(again.stdout)
    assert (folder / "here" / "replays.jsonl").read_bytes() == before
    assert [one["id"] for one in found["candidates"]] == list(
        dict.fromkeys(row["candidate"] for row in rows)
    )
    first = found["candidates"][0]["readouts"][0]
    assert first["law_bits"]["value"] == pytest.approx(float(rows[0]["law_bits"]), abs=1e-4)
    assert [(one["name"], one["draws"]) for one in found["laws"]] == [(ALL, 3), (NO_ARREST, 3)]
    # Laws weighed by evidence have other probabilities, by the same replays.
    weighed = (*ONLY, *LAW, "-o", "here", "--quiet", "--json", "--weights", "evidence")
    refused = call(*weighed)
    assert refused.exit_code == 2
    assert "here: holds a design in which 'weights' is even, not evidence" in refused.stderr
    other = json.loads(call(*weighed, "--force").stdout)
    assert other["laws"][1]["prior"] == pytest.approx(0.75)
    assert (folder / "here" / "replays.jsonl").read_bytes() == before


def test_arrest_is_told_from_steering_by_more_cells_on_msc(folder):
    question = design.asked(
        "deniz2023",
        only=["plain"],
        own=folder / "own.toml",
        laws=[ALL, NO_ARREST],
        sizes=design.FULL,
    )
    study = design.studied(question, folder / "here", workers=1)
    folds = next(s for s in study.ranking[0].readouts if s.readout.what == "fold change")
    means = [w @ m for w, m in zip(folds.expected.weights, folds.expected.means, strict=True)]
    assert (means[0] > means[1] + 0.5).all()
    assert folds.separation[1, 0] > 0.75
    assert folds.gain.law.value > 0.2
    assert abs(folds.effect) > 1.0


def test_more_experiments_and_views_narrow_the_noise(folder):
    noises = []
    for experiments, views in ((2, 1), (4, 1), (4, 4)):
        question = design.asked(
            "deniz2023", only=["plain"], own=folder / "own.toml", laws=[ALL, NO_ARREST],
            experiments=experiments, views=views, sizes=design.FULL,
        )  # fmt: skip
        study = design.studied(question, folder / "here", workers=1)
        assert study.ranking[0].candidate.dishes == experiments
        folds = next(s for s in study.ranking[0].readouts if s.readout.what == "fold change")
        noises.append(np.trace(folds.expected.noise[0]))
    assert noises[0] == pytest.approx(2.0 * noises[1])
    assert noises[1] > noises[2] > noises[1] / 4.0


def test_a_condition_is_replayed_under_the_exposure_of_one_on_the_same_stroma(folder):
    question = design.asked(
        "deniz2023",
        own=folder / "own.toml",
        laws=[ALL, NO_ARREST],
        sizes=design.FULL,
    )
    small = next(one for one in question.known if one.condition.name == "small")
    drugged = next(one for one in question.known if one.condition.name == "drugged")
    law = Law(ALL, (), ({},), (1.0,))
    found = [
        replayed(known, ["drugged"], [law], Replaying((3,), 2), folder / f"{n}.jsonl", workers=1)
        for n, known in enumerate(([small, drugged], [drugged]))
    ]
    values = [one.seen["drugged", ALL].values for one in found]
    assert np.allclose(values[0], values[1], atol=1e-6)


def test_what_is_wrong_is_said_in_a_line(folder):
    assert "unknown candidate 'drag'. Did you mean 'drug'?" in refused(
        "--candidates", "own.toml", "--only", "drag"
    )
    assert "--law: unknown law 'no steer'. Did you mean 'no steering' or" in refused(
        "--law", "no steer"
    )
    assert "'all pieces' alone cannot be told apart" in refused("--law", ALL)
    assert "-n: 1 shows no scatter" in refused("-n", 1)
    assert "none.toml: no such file" in refused("--candidates", "none.toml")
    assert "--workers and --scheduler" in refused("--workers", 2, "--scheduler", "tcp://x:1")
    assert "unknown paper" in refused("denis2023")
    assert "no draws are recorded that inform it" in refused("jiao2024")
    text = OWN.replace('"approach bias", times = ["1 h"]', '"approach bias", times = ["50 min"]')
    (folder / "wrong.toml").write_text(text)
    assert "approach bias cannot be read of condition 'drugged': 50 min" in refused(
        "--candidates", "wrong.toml"
    )
    assert not (folder / "deniz2023-design").exists()


def test_a_posterior_without_the_law_or_with_too_few_draws_is_refused(monkeypatch):
    def lacking(number, law):
        if law == "no steering":
            raise InputError(f"{law}: no draws are recorded of this law. Known: {ALL}.")
        return draws_of(2, law) if law == "no adaptation" else draws_of(number, law)

    monkeypatch.setattr(design, "recorded_draws", lacking)
    assert "no steering: no draws are recorded of this law" in refused()
    assert "the draws of 'no adaptation' count as 1.0, and at least 2.5 are needed" in refused(
        "--law", ALL, "--law", "no adaptation"
    )


def test_python_ranks_as_the_command_does(folder):
    study = sdf1_field.design(
        candidates="own.toml", only=["plain"], laws=[ALL, NO_ARREST], folder="there", workers=1
    )
    assert study.found.ranking[0].candidate.id == "plain"
    assert set(study.table["candidate"]) == {"plain"}
    assert study.folder == Path("there")
    study.plot("ranking.png")
    assert (folder / "ranking.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "there" / "table.md").read_text().startswith("# Which experiment next")


@pytest.mark.usefixtures("folder")
def test_json_is_what_the_page_says():
    from tests.test_json import SECTIONS, conform

    found = json.loads(
        call("--only", "washed", "--only", "drug", *LAW, "-o", "x", "--quiet", "--json").stdout
    )
    _, rows = SECTIONS["design"]
    optional = {key for key in rows if ".told_apart[]" in key}
    assert set(rows) - optional <= conform(found, rows)


def test_quick_with_all_laws_and_the_examples_of_the_help_are_questions_that_can_be_asked():
    every = design.asked("deniz2023", sizes=design.QUICK)
    assert [law.name for law in every.laws] == list(LAWS)
    two = ["all pieces", "no adaptation"]
    design.asked("deniz2023", only=["preincubated"], laws=two, sizes=design.QUICK)
    design.asked("deniz2023", weights="evidence", sizes=design.FULL)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"weights": "evidnce"},
            "--weights: unknown 'evidnce'. Did you mean 'evidence'",
        ),
        ({"views": 0}, "--views: 0 is none"),
        ({"views": -1}, "--views: -1 is none"),
        ({"experiments": 1}, "-n"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        design.asked("deniz2023", **wrong)


def test_a_folder_with_something_else_is_not_written_to(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    question = design.asked("deniz2023", sizes=design.QUICK)
    with pytest.raises(InputError, match="holds something else"):
        design_report.require_folder(tmp_path, question)
