"""What people type is understood, or answered with a hint."""

import warnings

import pytest

from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.spec import (
    asked_model,
    entries_of,
    ligand_named,
    load_model,
    model_from_entries,
    parameters,
)
from sdf1_field.spec.names import RENAMED, SYNONYMS, plain


def _refusal(model, *settings):
    with pytest.raises(InputError) as caught:
        load_model(str(model), settings=settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["plerixafor", "Plerixafor", "AMD3100", "AMD-3100", "Mozobil"])
def test_a_drugs_other_names_are_its_key(name):
    spec = load_model("coculture-kg1a", settings=[f"treatments.{name}.dose=10 uM"]).spec
    assert spec.dose("amd3100") == pytest.approx(1e4)
    assert set(spec.treatments) == {"amd3100", "medium_change"}


def test_ligands_cells_and_substrates_may_be_written_as_people_do():
    spec = load_model(
        "coculture-kg1a",
        settings=[
            "ligand.CXCL12.diffusivity=170 um**2/s",
            'output.ligands=["SDF-1", "MCP-1"]',
            "cells.type=CD34+",
            "cell_type.CD34.speed=2 um/min",
            "scene.substrate=fibronectin-1",
            "stromal_type.MSC.cargo.CXCL12.production=1 molecule/s",
        ],
    ).spec
    assert spec.ligand["sdf1"].diffusivity == pytest.approx(170.0)
    assert spec.solved_ligands == ("sdf1", "ccl2")
    assert spec.haematopoietic.speed == pytest.approx(2.0 / 60.0)
    assert spec.scene.substrate == "fibronectin_1"
    assert spec.stroma.cargo["sdf1"].production == 1.0


def test_a_models_name_may_be_written_as_people_do():
    assert load_model("coculture-KG-1a").name == "coculture-kg1a"


def test_a_treatment_that_says_its_agent_keeps_its_own_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'extends = "coculture-kg1a"\n[treatments.plerixafor]\nagent = "plerixafor"\ndose = "1 uM"\n'
        '[treatments.amd3100]\ndose = "2 uM"\nstart = "2 h"\n',
        encoding="utf-8",
    )
    spec = load_model(str(path)).spec
    assert spec.dose("plerixafor") == pytest.approx(1e3)
    assert spec.agent_of("plerixafor") == "amd3100"
    assert spec.dose("amd3100") == pytest.approx(2e3)


@pytest.mark.parametrize(
    "text", ["sdf1", "SDF1", "SDF-1", "sdf-1", "Sdf 1", "sdf-1α", "CXCL12", "cxcl-12"]
)
def test_a_ligand_is_known_by_key_label_and_synonym(text):
    assert ligand_named(text, {"ccl2": "CCL2", "sdf1": "SDF-1"}) == "sdf1"


def test_a_ligand_of_a_file_that_has_a_synonym_for_its_name_is_itself():
    assert ligand_named("CXCL12", {"cxcl12": "CXCL12", "sdf1": "SDF-1"}) == "cxcl12"


def test_an_unknown_ligand_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"'CCL3'. It has: sdf1 \(SDF-1\), mcsf \(M-CSF\)\."):
        ligand_named("CCL3", {"sdf1": "SDF-1", "mcsf": "M-CSF"})
    with pytest.raises(InputError, match="the run has no field"):
        ligand_named("SDF-1", {})


def test_every_synonym_is_plain_and_stands_for_a_key_of_its_section():
    keys = {tuple(path.split(".")[:2]) for path in parameters()}
    for section, names in SYNONYMS.items():
        for name, key in names.items():
            assert plain(name) == name
            assert (section, key) in keys
            assert (section, name) not in keys


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("haptotaxis=false", "'mechanisms.haptotaxis'"),
        ("under_bodies=0.5", "'ligand.sdf1.coat.under_bodies'"),
        ("coat.pattern=stripes", "'ligand.sdf1.coat.pattern'"),
        ("dose=10 uM", "'treatments.amd3100.dose'"),
    ],
)
def test_the_end_of_a_path_is_answered_with_the_path(key, meant):
    refusal = _refusal("coculture-kg1a", key)
    assert refusal.startswith(f"--set: {key.partition('=')[0].partition('.')[0]}")
    assert f"unknown key. Did you mean {meant}" in refusal


# Files


def _file(tmp_path, content, encoding="utf-8"):
    path = tmp_path / "mine.toml"
    path.write_bytes(content.encode(encoding))
    return path


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    path = _file(tmp_path, 'extends = "null-kg1a"\ntitle = "mine"\n', "utf-8-sig")
    assert load_model(str(path)).spec.title == "mine"


def test_smart_quotes_are_named_with_their_line(tmp_path):
    path = _file(tmp_path, 'extends = "null-kg1a"\ntitle = “mine”\n')
    assert _refusal(path) == f"{path}: line 2: “ is not a quotation mark of TOML. Write \" or '."


@pytest.mark.parametrize("line", ["dose = 10 uM", "dose = 10 uM # as usual", "dose=10 uM"])
def test_a_dose_without_quotation_marks_is_answered_with_them(tmp_path, line):
    path = _file(tmp_path, f'extends = "coculture-kg1a"\n[treatments.amd3100]\n{line}\n')
    assert _refusal(path) == (
        f'{path}: line 3: dose: a value with a unit is text. Write it like dose = "10 uM".'
    )


def test_a_dose_without_quotation_marks_in_an_inline_table_too(tmp_path):
    path = _file(tmp_path, 'extends = "coculture-kg1a"\ntreatments.amd3100 = { dose = 1 uM }\n')
    assert 'Write it like dose = "1 uM".' in _refusal(path)


def test_brackets_without_end_and_a_status_that_is_none_are_one_line(tmp_path):
    assert "nested too deep" in _refusal(_file(tmp_path, "a = " + "[" * 2000))
    assert "unknown status '1'" in _refusal("null-kg1a", "dish.width={value='1 mm', status=1}")


# What collides


@pytest.mark.parametrize(
    ("setting", "other"),
    [
        ("numerics.growth_step=2 h", "a retraction, 1 h"),
        ("biogenesis.retraction_time=1 min", "numerics.growth_step"),
        ("scene.migrasome_diameter=0.1 um", "biogenesis.early_diameter"),
        ("biogenesis.early_diameter=3 um", "scene.migrasome_diameter"),
        ("grid.spacing=2 mm", "dish.width"),
        ("dish.width=3 um", "grid.spacing"),
        ("dish.height=0.5 mm", "dish.mixed_above"),
        ("run.duration=30 years", "cells.time_step"),
        ("output.fields_every=1e-3 s", ""),
        ("cell_type.kg1a.diameter=2 mm", "dish.width"),
    ],
)
def test_of_values_that_collide_the_one_that_was_set_is_blamed(tmp_path, setting, other):
    path = _file(tmp_path, 'extends = "coculture-kg1a"\ndish.mixed_above = "1 mm"\n')
    refusal = _refusal(path, setting)
    assert refusal.startswith(f"--set: {setting.partition('=')[0]}: ")
    assert other in refusal


def test_a_shorter_run_names_all_that_it_leaves_out_and_what_to_paste():
    refusal = _refusal("tracking-kg1a", "run.duration=1 h")
    assert refusal == (
        "--set: run.duration: 1 h leaves out output.fields_from 8 h, output.tracks_from 8 h, "
        "treatments.medium_change.start 8 h. Make it longer, or add --set "
        "output.fields_from='30 min' --set output.tracks_from='30 min' --set "
        "treatments.medium_change.start='30 min'."
    )
    assert _pasted("tracking-kg1a", "run.duration=1 h").run.duration == 3600.0


def _pasted(model, *settings):
    """A model with the settings that a refusal says to add."""
    _, *pasted = _refusal(model, *settings).partition(", or add ")[2].rstrip(".").split("--set ")
    added = [text.strip().replace("'", "") for text in pasted]
    return load_model(model, settings=[*settings, *added]).spec


def test_times_to_paste_into_a_shorter_run_keep_exposures_and_medium_changes_apart():
    spec = _pasted("tracking-kg1a-sdf1", "run.duration=1 h")
    starts = {name: treatment.start for name, treatment in spec.treatments.items()}
    assert starts == {"sdf1_before": 0.0, "medium_change": 1800.0, "sdf1": 1800.0}
    assert spec.output.tracks_from == 1800.0


def test_times_to_paste_keep_their_order_and_follow_those_within_the_run(tmp_path):
    changes = "".join(
        f"treatments.{name} = {{ agent = 'medium_change', start = '{start}' }}\n"
        for name, start in (("early", "-20 h"), ("a", "2 h"), ("b", "7 h"), ("c", "12 h"))
    )
    block = "treatments.amd3100 = { dose = '10 uM', start = '1 h', stop = '9 h' }\n"
    path = _file(tmp_path, f"extends = 'coculture-kg1a'\n{changes}{block}")
    spec = _pasted(str(path), "run.duration=4 h")
    starts = [spec.treatments[name].start for name in "abc"]
    assert starts == [7200.0, 9000.0, 10800.0]
    assert spec.treatments["amd3100"].stop == 4 * 3600.0
    spec = _pasted(str(path), "run.culture=5 h")
    assert spec.treatments["early"].start == -5 * 3600.0


def test_problems_that_have_nothing_to_do_with_each_other_are_said_at_once():
    refusal = _refusal("coculture-kg1a", "treatments.amd3100.start=1 h", "dish.mixed_above=3 mm")
    assert "treatments.amd3100.dose: no dose is given" in refusal
    assert " Also --set: " in refusal
    assert "dish.mixed_above: 3000 um leaves nothing to mix" in refusal


# Hard bounds


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        (
            "cell_type.kg1a.persistence_time=1e-40 s",
            "too small for a time. Write at least '1e-06 s'",
        ),
        ("cell_type.kg1a.persistence_time=4e-100 min", "too small for a time"),
        ("receptor.cxcr4.coat_share=1e160 1/um", "too large for a line density"),
        ("run.duration=1000 years", "too large for a time. Write at most '1e+09 s'"),
        ("cell_type.kg1a.speed=1e9 m/s", "too large for a speed"),
        ("ligand.sdf1.diffusivity=1e-200 um**2/s", "too small for a diffusivity"),
        ("ligand.sdf1.coat.sites=1e300 sites/um**2", "too large for a surface density"),
        ("ligand.sdf1.loss_rate=1e300 1/s", "too large for a rate"),
        ("receptor.cxcr4.dissociation_constant=1e-300 nM", "too small for a concentration"),
    ],
)
def test_what_no_physics_allows_is_refused_by_its_key(setting, text):
    refusal = _refusal("coculture-kg1a", setting)
    assert refusal.startswith(f"--set: {setting.partition('=')[0]}: ")
    assert text in refusal


@pytest.mark.parametrize(
    "setting",
    [
        "cell_type.kg1a.receptors=1e300",
        "cell_type.kg1a.downstream_noise=1e-300",
        "variation.dish.speed=100.0",
        "stromal_type.msc.body_aspect_ratio=1e9",
    ],
)
def test_numbers_that_would_overflow_are_out_of_range(setting):
    assert "is out of range" in _refusal("coculture-kg1a", setting)


def test_a_view_narrower_than_a_body_that_grows_in_it_is_refused():
    thin = ("dish.width=100 mm", "dish.length=14 um")
    assert _refusal("coculture-kg1a", *thin) == (
        "--set: dish.length: 14 um is less than one MSC body, 107.047 um. Raise dish.length."
    )
    placed = ("scene.mode=placed", "mechanisms.cargo_kinetics=false")
    assert load_model("coculture-kg1a", settings=[*thin, *placed]).spec.dish.length == 14.0


def test_entries_keep_the_source_of_an_inherited_interval():
    model = load_model("coculture-kg1a", settings=["grid.spacing=10 um"])
    entry = model.entries["grid.spacing"]
    assert entry.interval == ("2.5 um", "10 um")
    assert entry.interval_source == parameters()["grid.spacing"].source
    assert model_from_entries(model.name, entries_of(model)) == model


# Keys by their former names


def test_a_model_file_with_a_former_key_is_read_and_names_the_present_one(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('extends = "coculture-kg1a"\n[cell_type.kg1a]\nown_noise = 5.0\n')
    with pytest.warns(Sdf1FieldWarning) as caught:
        model = load_model(str(path))
    (text,) = [str(one.message) for one in caught]
    assert text == (
        f"{path}: cell_type.kg1a.own_noise: is called 'downstream_noise' now. Rename it."
    )
    assert model.spec.cell_type["kg1a"].downstream_noise == 5.0
    assert "cell_type.kg1a.own_noise" not in model.entries


def test_a_model_file_with_both_names_of_a_key_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'extends = "coculture-kg1a"\n[cell_type.kg1a]\nown_noise = 5.0\ndownstream_noise = 6.0\n'
    )
    with pytest.raises(InputError) as refused:
        load_model(str(path))
    assert str(refused.value) == (
        f"{path}: cell_type.kg1a: both own_noise (the old name) and downstream_noise are set. "
        "Remove own_noise."
    )


def test_a_run_file_with_a_former_key_is_read_silently():
    model = load_model("coculture-kg1a")
    former = {
        path.replace("downstream_noise", "own_noise"): entry
        for path, entry in entries_of(model).items()
    }
    assert "cell_type.cd34.own_noise" in former
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model_from_entries("coculture-kg1a", former) == model


def test_former_names_are_no_keys_and_present_names_are():
    # Some switches have no default: models set them.
    known = {*parameters(), *load_model("coculture-kg1a").entries}
    for former, name in RENAMED.items():
        assert former.replace("*", "kg1a") not in known
        assert name.replace("*", "kg1a") in known


@pytest.mark.parametrize(
    "setting",
    [
        *(
            f"cell_type.kg1a.{name}_catch_rate=1e-3 1/s"
            for name in ("cd166", "vla4", "cxcr4", "fibre")
        ),
        *(f"adhesion.{what}_{of}=1.0" for what in ("vcam1", "integrin_ligand") for of in
          ("msc", "network")),
    ],
)  # fmt: skip
def test_a_key_of_the_law_that_was_given_up_is_refused_with_what_took_its_place(setting):
    with pytest.raises(InputError) as refused:
        asked_model("coculture-kg1a", settings=[setting])
    key = setting.partition("=")[0]
    assert str(refused.value) == (
        f"--set: {key}: no longer a key, since rates of catching do not add. Set "
        "triggered_arrest_rate, release_rate and the bonds of the cell type instead."
    )


def test_the_switch_of_adhesion_by_cxcr4_is_read_as_that_of_arrest_with_a_warning():
    with pytest.warns(Sdf1FieldWarning, match=r"cxcr4_adhesion: is called 'arrest' now"):
        model = asked_model("coculture-kg1a", settings=["mechanisms.cxcr4_adhesion=false"])
    assert model.spec.mechanisms.arrest is False


def test_a_run_file_of_the_law_that_was_given_up_is_read_with_the_present_defaults():
    model = load_model("coculture-kg1a")
    tables = entries_of(model)
    rate = tables["cell_type.kg1a.release_rate"]
    added = ("adaptation_time", "half_trigger", "cd166_bonds", "vla4_bonds", "fibre_bonds")
    former = {p: t for p, t in tables.items() if p.rpartition(".")[2] not in added}
    former["mechanisms.cxcr4_adhesion"] = former.pop("mechanisms.arrest")
    former |= {f"cell_type.kg1a.{name}_catch_rate": rate for name in ("cd166", "cxcr4")}
    assert model_from_entries("coculture-kg1a", former).spec == model.spec
    own = {p.replace(".kg1a.", ".own."): t for p, t in former.items()}
    own["cells.type"] = {**own["cells.type"], "value": "own"}
    read = model_from_entries("own", own).spec
    assert read.haematopoietic == model.spec.haematopoietic
