"""A run explained: every sentence is about this run, and numbers are those recorded."""

import gzip
import json
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from conftest import TINY, TRACKED
from sdf1_field import record
from sdf1_field.cli import main
from sdf1_field.spec import load_model
from sdf1_field.spec.schema import Mechanisms
from sdf1_field.view import sensitivity
from sdf1_field.view.differing import base_of, read_entries
from sdf1_field.view.document import Passage, Table, as_text
from sdf1_field.view.explaining import explain
from sdf1_field.view.mechanisms import MECHANISMS
from sdf1_field.view.sensitivity import hangs_on, recorded
from sdf1_field.view.treatments import treatments

ROOT = Path(__file__).parents[1]


def told(path, key, **opened):
    """Parts of a section, as text each."""
    with record.open_run(path, **opened) as run:
        section = explain(run, Path(path)).section(key)
    return section.parts


def paragraphs(parts):
    return "\n".join(part for part in parts if isinstance(part, str))


def rows(parts):
    return [row for part in parts if isinstance(part, Table) for row in part.rows]


@pytest.fixture(scope="module")
def tracked(solved):
    return solved("tracking-kg1a", *TRACKED)


def test_cells_stroma_and_dish_are_counted_in_the_run(tiny_run):
    text = paragraphs(told(tiny_run, "setting"))
    assert "30 KG-1a cells (a line of human leukaemia cells) were followed for 2 h among" in text
    assert "0.3 × 0.3 mm of a dish's floor (0.09 mm²) under 0.2 mm of medium" in text
    assert "Bodies of MSC are placed at random" in text
    assert "interrupted" not in text


def test_an_interrupted_run_says_until_when_its_outcome_holds(tiny_run):
    with record.open_run(tiny_run) as run:
        part = run.isel(time=slice(0, 2), obs=slice(0, 2))
        text = paragraphs(explain(part).section("setting").parts)
    assert "interrupted at 15 min of 2 h" in text


def test_a_drug_ends_with_its_stop_or_the_next_medium_change():
    change = "treatments.later.agent=medium_change"
    ends = []
    for settings in ((), ("treatments.amd3100.stop=3 h",), (change, "treatments.later.start=2 h")):
        spec = load_model("coculture-kg1a-amd3100-10um", settings=settings).spec
        ends += [text for text in treatments(spec) if text.startswith("AMD3100")]
    assert [text.partition("from time 0 ")[2] for text in ends] == [
        "to the end.", "to 3 h.", "to the medium change at 2 h."
    ]  # fmt: skip


def test_what_a_medium_change_brings_comes_after_it_and_ends_with_the_next_one(solved):
    path = solved(
        "coculture-kg1a-amd3100-10um",
        "treatments.amd3100.preincubation=8 h",
        "treatments.later.agent=medium_change",
        "treatments.later.start=1 h",
    )
    text = next(part.text for part in told(path, "methods") if isinstance(part, Passage))
    drug = "AMD3100 (10 µM) was in the medium from time 0 to the medium change at 1 h. The cells "
    drug += "were kept in it for 8 h before they were added."
    assert drug in text
    assert drug in paragraphs(told(path, "setting"))
    assert text.index("At time 0 the medium was changed") < text.index(drug)


def test_every_mechanism_is_in_words():
    assert MECHANISMS.keys() == Mechanisms.model_fields.keys()


def test_cells_alone_have_nothing_to_steer_by(tracked):
    idle = {row[0]: row[2] for row in rows(told(tracked, "mechanisms")) if len(row) == 3}
    assert idle["haptotaxis"] == "there is no SDF-1: nothing secretes it and none is added"
    assert idle["arrest"] == "cells touch nothing that could hold them"
    assert "without stromal cells" in paragraphs(told(tracked, "setting"))


def test_a_steady_field_has_no_mechanism_of_cells(solved, steady_model):
    parts = told(solved(str(steady_model)), "mechanisms")
    assert [row[0] for row in rows(parts)] == ["cargo_kinetics", "bursts"]
    assert "no mechanism of theirs matters" in paragraphs(parts)


def test_changed_values_stand_beside_the_shipped_ones(tiny_run):
    found = rows(told(tiny_run, "changed"))
    assert len(found) == len(TINY)
    assert ("run.culture", "1 h", "24 h", "set by the user") in found


def test_values_outside_their_interval_are_named(tiny_run):
    found = {row[0]: row[2] for row in rows(told(tiny_run, "outside"))}
    assert found["dish.height"] == "0.5 mm to 5 mm"


def test_keys_without_effect_are_those_of_the_rules(tiny_run):
    with record.open_run(tiny_run) as run:
        model = record.model_of(run)
    parts = told(tiny_run, "unread")
    idle = sum(int(row[1]) for row in rows(parts))
    assert idle + len(read_entries(model)) == len(model.entries) - len({"title", "description"})


def test_an_earlier_versions_run_names_the_values_that_ship_otherwise_now(tmp_path):
    path = tmp_path / "run-1.nc"
    path.write_bytes(gzip.decompress((ROOT / "tests" / "data" / "run-1.nc.gz").read_bytes()))
    newer = rows(told(path, "changed"))
    assert ("cell_type.kg1a.speed", "1.5 um/min", "2.903 um/min") in newer
    assert not any(row[0].startswith("cell_type.cd34.") for row in newer)


# What the outcome depends on


@pytest.mark.slow
def test_the_shipped_record_is_what_the_tables_say():
    sys.path.insert(0, str(ROOT / "validation"))
    import sensitivity as recording

    text = (ROOT / "validation" / "sensitivity.toml").read_text(encoding="utf-8")
    assert recording.shipped_text() == text


def test_the_record_of_a_run_is_that_of_its_treatment():
    untreated, treated, other = (
        recorded(load_model(name, settings=settings).spec)
        for name, settings in (
            ("coculture-kg1a", ()),
            ("coculture-kg1a-amd3100-10um", ()),
            ("coculture-kg1a-amd3100-10um", ("treatments.amd3100.dose=3 uM",)),
        )
    )
    assert [one.over for one in untreated] == [""]
    assert untreated[0].shares["cell_type.kg1a.half_trigger"] == (0.33, 0.22)
    assert [one.over for one in treated] == ["control"]
    assert treated[0].shares["receptor.cxcr4.coat_share"] == (0.61, 0.66)
    assert other == ()


@pytest.mark.parametrize(
    "setting",
    [
        "treatments.amd3100.start=2 h",
        "treatments.amd3100.stop=2 h",
        "treatments.amd3100.preincubation=8 h",
        "treatments.medium_change.start=2 h",
    ],
)
def test_a_treatment_at_other_times_has_no_record(setting):
    model = load_model("coculture-kg1a-amd3100-10um", settings=[setting])
    assert recorded(model.spec) == ()
    assert "with these treatments at these times" in paragraphs(hangs_on(model).parts)


def test_what_happens_after_cells_were_counted_changes_no_record():
    model = load_model("coculture-kg1a-amd3100-10um", settings=["treatments.amd3100.stop=5 h"])
    assert [one.over for one in recorded(model.spec)] == ["control"]


def test_each_denominator_is_named():
    model = load_model("coculture-kg1a-anti-cd166")
    parts = hangs_on(model).parts
    of_control, of_igg = (
        next(part for part in parts if isinstance(part, Table) and text in part.caption)
        for text in ("at 4 h to that of the untreated control", "at 4 h to that with IgG")
    )
    assert of_control.header[3] == "share, MSC"
    effects = {row[0]: row[2] for row in of_igg.rows}
    assert effects["mechanisms.arrest=false"] == "× 3.4 (0.27 to 0.93)"


@pytest.mark.parametrize(
    ("name", "settings", "why"),
    [
        ("capture-single-migrasome", (), "so few cells (1)"),
        ("coculture-kg1a", ("run.duration=2 h",), "co-cultures that end before 4 h"),
    ],
)
def test_few_cells_and_short_runs_have_no_fold_change_at_4_h(name, settings, why):
    text = paragraphs(hangs_on(load_model(name, settings=settings)).parts)
    assert f"has not been recorded for {why}" in text
    assert "depends most on" not in text


@pytest.mark.parametrize("name", ["coculture-cd34", "tracking-kg1a", "null-kg1a", "secretion-l929"])
def test_other_experiments_have_no_record(name):
    assert recorded(load_model(name).spec) == ()


def test_what_depends_on_is_read_by_the_run_and_named_with_its_status():
    parts = hangs_on(load_model("coculture-kg1a")).parts
    found = {row[0]: row for row in rows(parts)}
    assert found["cell_type.kg1a.speed"][1:3] == ("2.903 um/min", "calibrated")
    assert found["ligand.sdf1.coat.under_bodies=0.0"][2] == "× 0.047 (14.8 to 0.7)"
    assert not any("amd3100" in key for key in found)
    assert "the outcome depends most on ligand.sdf1.coat.under_bodies" in paragraphs(parts)


def test_a_change_of_two_values_is_told_with_those_that_the_run_reads(monkeypatch):
    change = {
        "settings": {"agent.amd3100.inhibition_constant": "1 nM", "grid.spacing": "10 um"},
        "treatments": [{"agent": "medium_change", "start": 0.0}],
        "over": "", "shipped": ["2.0", "2.0"], "changed": ["1.0", "4.0"], "dishes": "two dishes",
    }  # fmt: skip
    monkeypatch.setattr(sensitivity, "_records", lambda: {"index": [], "change": [change]})
    text = paragraphs(hangs_on(load_model("coculture-kg1a")).parts)
    assert "depends most on grid.spacing (now 5 um): with agent.amd3100" in text


def test_without_a_record_it_says_so(tracked):
    assert "has not been recorded for cells without stroma" in paragraphs(told(tracked, "depends"))


# Methods, and again


def test_methods_name_program_model_seed_settings_and_papers(tiny_run):
    methods, references = (p.text for p in told(tiny_run, "methods") if isinstance(p, Passage))
    assert "with sdf1-field 0.1.0 [1], the model coculture-kg1a, seed 1, with" in methods
    assert "dish.width=300 um" in methods
    assert "NumPy " in methods
    assert "FiPy" not in methods
    assert references.startswith("[1] The sdf1-field maintainers. sdf1-field, version 0.1.0")
    assert "10.1186/s12964-022-01028-6" in references


def test_methods_say_how_stroma_came_about_and_what_cells_do(tiny_run):
    text = next(part.text for part in told(tiny_run, "methods") if isinstance(part, Passage))
    for sentence in (
        "MSC, a share of 1 of them with a network of retraction fibres and migrasomes, were placed",
        "30 KG-1a cells (330 mm⁻²) were placed at random on the floor and followed for 2 h",
        "Cells sensed SDF-1 by CXCR4 (33,590* receptors a cell, K_d 4.5 nM",
        "they turned up the gradient of dissolved and coat-bound SDF-1",
        "caught at a rate of 1.448 × 10⁻⁵ s⁻¹* plus up to 0.00763 s⁻¹* triggered by a rise",
        "3.611* to CD166 of bodies and mature migrasomes, 3.254* of VLA-4 to VCAM-1 of bodies",
        "Numbers with an asterisk are calibrated, not measured.",
    ):
        assert sentence in text
    assert "was taken up" not in text


def test_methods_of_a_steady_state_name_no_cells(solved, steady_model):
    path = solved(str(steady_model))
    text = next(part.text for part in told(path, "methods") if isinstance(part, Passage))
    assert "simulated in the steady state, in which secretion equals loss" in text
    assert "secreted at given rates: 0.44 molecules/s from a body" in text
    assert "Cells" not in text
    assert "calibrated" not in text


def test_the_command_has_every_setting_and_the_seed(tiny_run):
    commands = [p.text for p in told(tiny_run, "again") if isinstance(p, Passage)][-1]
    words = commands.replace("\\\n", " ")
    assert words.startswith("sdf1-field solve coculture-kg1a --seed 1 -o ")
    for setting in TINY:
        assert f"--set '{setting}'" in words or f"--set {setting}" in words


def test_a_users_own_model_is_saved_from_the_run_and_is_the_same(tmp_path):
    text = 'extends = "coculture-kg1a-sdf1"\ntitle = "mine"\nrun.duration = "1 h"\n'
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    model = load_model(str(tmp_path / "mine.toml"))
    assert base_of(model) == "coculture-kg1a-sdf1"
    saved = load_model(str(model.save(tmp_path / "mine-again.toml")))
    assert saved.spec == model.spec


# As text, and in a notebook


def test_a_notebook_shows_sections_and_escapes_their_text(tiny_run):
    with record.open_run(tiny_run) as run:
        run.attrs["title"] = "<script>alert(1)</script>"
        page = explain(run, tiny_run)._repr_html_()
    assert "<script>" not in page
    assert "<td>run.culture</td><td>1 h</td><td>24 h</td>" in page
    assert page.count("<details>") == page.count("</details>") == 8


def test_text_keeps_to_the_width_but_for_commands(tiny_run):
    with record.open_run(tiny_run) as run:
        document = explain(run, tiny_run)
    commands = {line for s in document.sections for p in s.parts if isinstance(p, Passage)
                for line in p.text.splitlines()}  # fmt: skip
    long = [line for line in as_text(document, 72).splitlines() if len(line) > 72]
    assert all(line.strip() in commands for line in long)


def test_the_command_prints_the_text_and_refuses_what_is_no_run(tiny_run, tmp_path):
    printed = CliRunner().invoke(main, ["explain", str(tiny_run)])
    assert printed.exit_code == 0
    assert printed.output.startswith("KG-1a cells on MSC and their migrasome networks (coculture")
    asked = CliRunner().invoke(main, ["explain", str(tiny_run), "--json"])
    assert json.loads(asked.output)["sections"][0]["key"] == "setting"
    missing = CliRunner().invoke(main, ["explain", str(tmp_path / "none.nc")])
    assert (missing.exit_code, len(missing.stderr.splitlines())) == (2, 1)


def test_settings_of_the_record_are_keys_of_the_model():
    tables = tomllib.loads((ROOT / "validation" / "sensitivity.toml").read_text(encoding="utf-8"))
    entries = load_model("coculture-kg1a").entries
    keys = {key for one in tables["change"] for key in one["settings"]}
    keys |= {key for one in tables["index"] for key in one["share"]}
    assert keys <= entries.keys()
