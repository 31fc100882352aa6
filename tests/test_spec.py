import json
import tomllib

import pytest

from sdf1_field.errors import InputError
from sdf1_field.shipped import model_names, shipped_folder
from sdf1_field.spec import (
    STATUSES,
    ModelSpec,
    entries_of,
    load_model,
    model_from_entries,
    parameters,
)
from sdf1_field.units import DIMENSIONS, parse

PARAMETERS = parameters()
NUMBERS = {
    path: entry
    for path, entry in PARAMETERS.items()
    if not isinstance(entry.value, bool | list)
    and (not isinstance(entry.value, str) or entry.value[:1] in tuple("+-.0123456789"))
}


PLACED = ("scene.mode=placed", "mechanisms.cargo_kinetics=false")


def _canonical(text):
    """Dimension and canonical value of a text with a unit."""
    for dimension in DIMENSIONS:
        try:
            return dimension, parse(text, dimension)
        except ValueError:
            continue
    raise AssertionError(f"{text!r} is of no known dimension")


def _refusal(model="coculture-kg1a", *settings):
    with pytest.raises(InputError) as caught:
        load_model(str(model), settings=settings)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 2
    return str(caught.value)


def _write(folder, name, text):
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def model_file(tmp_path):
    """Writer of a model file that extends the untreated co-culture."""

    def write(text, name="mine"):
        return _write(tmp_path, name, f'extends = "coculture-kg1a"\n{text}')

    return write


# The shipped parameters and models


@pytest.mark.parametrize("path", sorted(PARAMETERS))
def test_every_parameter_names_its_source_and_status(path):
    entry = PARAMETERS[path]
    assert entry.source.strip()
    assert entry.status in STATUSES
    assert entry.where == "models/parameters.toml"


@pytest.mark.parametrize("path", sorted(NUMBERS))
def test_every_parameters_interval_contains_its_value(path):
    entry = NUMBERS[path]
    assert entry.interval is not None
    if isinstance(entry.value, str):
        dimension, value = _canonical(entry.value)
        low, high = (parse(end, dimension) for end in entry.interval)
    else:
        value, (low, high) = entry.value, entry.interval
    assert low <= value <= high


def test_words_are_the_only_parameters_without_an_interval():
    words = sorted(set(PARAMETERS) - set(NUMBERS))
    kinds = {"acts_on", "label", "ligand", "linear_solver", "mode", "pattern", "shape", "solver"}
    kinds |= {"top", "bursts", "uptake", "fibre_adhesion", "migrasome_uptake", "cargo_kinetics"}
    kinds |= {"stroma", "substrate", "expresses", "target", "linear_coat"}
    kinds |= {"adaptation", "trigger_noise", "file"}
    assert {path.rpartition(".")[2] for path in words} <= kinds
    assert len(NUMBERS) > 80


@pytest.mark.parametrize(
    "path",
    [
        "dish.top",
        "receptor.cxcr4.ligand",
        "run.mode",
        "run.seed",
        "scene.mode",
        "variation.donor_number",
    ],
)
def test_every_choice_a_model_leaves_open_is_a_parameter(path):
    assert path in PARAMETERS
    assert load_model("p1-point-sources").entries[path].where == "models/parameters.toml"


@pytest.mark.parametrize("name", model_names())
def test_every_shipped_model_loads(name):
    model = load_model(name)
    assert model.name == name
    assert model.spec.title
    kind = name.partition("-")[0]
    seeded = {
        "p1": 0,
        "p2": 0,
        "round": 0,
        "biogenesis": 0,
        "secretion": 0,
        "capture": 11.2,
        "coculture": 195 if "cd34" in name else 130,
    }.get(kind, 130)
    dish = model.spec.dish
    assert model.spec.cell_count == round(seeded * 1e-6 * dish.width * dish.length)


@pytest.mark.parametrize("name", model_names())
def test_shipped_models_override_parameters_only_with_a_source(name):
    # Which mechanisms are on defines the model; it has no source of its own.
    unsourced = [
        path
        for path, entry in load_model(name).entries.items()
        if path in PARAMETERS
        and entry.status not in STATUSES
        and not path.startswith("mechanisms.")
    ]
    assert unsourced == []


def test_values_arrive_in_canonical_units():
    spec = load_model("coculture-kg1a").spec
    assert spec.dish.width == pytest.approx(1400.0)
    assert spec.run.culture == 86400.0
    assert spec.receptor.cxcr4.dissociation_constant == pytest.approx(4.5)
    assert spec.ligand["sdf1"].coat.association_rate == pytest.approx(2.16e-3)
    assert spec.haematopoietic.speed == pytest.approx(2.903 / 60.0)


def test_doses_arrive_in_nanomolar():
    assert load_model("coculture-kg1a-sdf1").spec.dose("sdf1") == pytest.approx(100.0 / 7.96)
    assert load_model("coculture-kg1a-amd3100-10um").spec.dose("amd3100") == pytest.approx(1e4)
    assert load_model("coculture-kg1a-anti-cd166").spec.dose("anti_cd166") == pytest.approx(100 / 3)
    assert load_model("coculture-kg1a").spec.dose("medium_change") == 0.0


def test_the_null_model_senses_and_solves_nothing():
    spec = load_model("null-kg1a").spec
    assert not any(spec.mechanisms.model_dump().values())
    assert spec.solved_ligands == ()
    assert load_model("coculture-kg1a").spec.solved_ligands == ("sdf1", "ccl2")


@pytest.mark.parametrize("mechanism", ["soluble_sensing", "haptotaxis", "arrest", "chemokinesis"])
def test_each_mechanism_that_reads_sdf1_has_it_solved(mechanism):
    spec = load_model("null-kg1a", settings=[f"mechanisms.{mechanism}=true"]).spec
    assert spec.solved_ligands == ("sdf1",)


def test_cd166_adhesion_and_crowding_read_no_ligand():
    settings = ["mechanisms.cd166_adhesion=true", "mechanisms.crowding=true"]
    assert load_model("null-kg1a", settings=settings).spec.solved_ligands == ()


# Extending and overriding


def test_extends_chains_and_the_nearest_file_wins(tmp_path, model_file):
    model_file('title = "one"\n[dish]\nwidth = "0.7 mm"\nlength = "0.6 mm"\n', "one")
    path = _write(tmp_path, "two", 'extends = "one.toml"\ntitle = "two"\n[dish]\nwidth = "2 mm"\n')
    model = load_model(str(path))
    assert (model.name, model.spec.title) == ("two", "two")
    assert model.spec.dish.width == pytest.approx(2000.0)
    assert model.spec.dish.length == pytest.approx(600.0)
    assert model.entries["dish.width"].source == "model two"
    assert model.entries["dish.length"].source == "model one"
    assert model.entries["dish.height"].where == "models/parameters.toml"
    assert model.entries["treatments.medium_change.start"].source == "model coculture-kg1a"


@pytest.mark.parametrize(
    "up", ["../outside.toml", "inner/../../outside.toml", "{tmp}/outside.toml"]
)
def test_extending_a_file_outside_the_folder_is_refused(tmp_path, up):
    _write(tmp_path, "outside", 'extends = "coculture-kg1a"\n')
    inside = tmp_path / "inside"
    inside.mkdir()
    extends = up.format(tmp=tmp_path)
    path = _write(inside, "mine", f'extends = "{extends}"\n')
    assert f"extends: '{extends}' is outside the folder." in _refusal(path)


def test_extending_a_link_to_a_file_outside_the_folder_is_refused(tmp_path):
    outside = _write(tmp_path, "outside", 'extends = "coculture-kg1a"\n')
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.toml").symlink_to(outside)
    path = _write(inside, "mine", 'extends = "link.toml"\n')
    assert "outside the folder" in _refusal(path)


@pytest.mark.parametrize("others", [[], ["b"], ["b", "c"]])
def test_a_circle_of_models_is_refused(tmp_path, others):
    names = ["a", *others]
    for name, following in zip(names, [*names[1:], "a"], strict=True):
        path = _write(tmp_path, name, f'extends = "{following}.toml"\ntitle = "{name}"\n')
    assert "extends: circular" in _refusal(path)


def test_extending_an_unknown_model_suggests_a_known_one(tmp_path):
    path = _write(tmp_path, "mine", 'extends = "coculture-kg1"\n')
    message = _refusal(path)
    assert "unknown model 'coculture-kg1'. Did you mean 'coculture-kg1a'" in message


def test_an_unknown_name_points_to_the_list():
    message = _refusal("coculture-kg2a")
    assert message.startswith("unknown model 'coculture-kg2a'. Did you mean 'coculture-kg1a'")
    assert message.endswith("`sdf1-field list` shows them all.")


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "none.toml"
    assert _refusal(path) == f"{path}: no such file. Check the path."


@pytest.mark.parametrize(
    ("content", "reason"), [(b"[dish\n", "not a TOML file"), (b"\xff\xfe\x00", "not a text file")]
)
def test_a_file_that_is_not_toml_is_named(tmp_path, content, reason):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    assert _refusal(path).startswith(f"{path}: {reason}")


def test_a_setting_is_recorded_as_command_line():
    model = load_model("coculture-kg1a", settings=["ligand.sdf1.diffusivity=120 um**2/s"])
    entry = model.entries["ligand.sdf1.diffusivity"]
    assert model.spec.ligand["sdf1"].diffusivity == pytest.approx(120.0)
    assert (entry.source, entry.where, entry.value) == ("set by the user", "--set", "120 um**2/s")
    assert model.entries["ligand.ccl2.diffusivity"].where == "models/parameters.toml"


def test_of_two_settings_of_one_key_the_later_wins():
    model = load_model("coculture-kg1a", settings=["run.seed=5", "run.seed=6"])
    assert model.spec.run.seed == 6


def test_a_setting_within_a_table_set_before_keeps_the_table():
    model = load_model(
        "coculture-kg1a",
        settings=[
            "treatments={amd3100={dose='1 uM'}, medium_change={start='0 h'}}",
            "treatments.amd3100.dose=3 uM",
        ],
    )
    assert model.spec.dose("amd3100") == pytest.approx(3000.0)
    assert set(model.spec.treatments) == {"amd3100", "medium_change"}


def test_a_setting_of_one_treatment_leaves_the_others():
    model = load_model("coculture-kg1a", settings=["treatments.amd3100.dose=3 uM"])
    assert set(model.spec.treatments) == {"amd3100", "medium_change"}


@pytest.mark.parametrize("text", ["run.seed", "=5", "run..seed=5", "run seed=5"])
def test_a_setting_without_key_and_value_is_refused(text):
    assert _refusal("coculture-kg1a", text).startswith(f"--set {text}: not KEY=VALUE.")


# What is refused, and in which words


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "ligand.sdf1.difusivity=150 um**2/s",
            "--set: ligand.sdf1.difusivity: unknown key. Did you mean 'diffusivity'?",
        ),
        ("dsh.width=1 mm", "--set: dsh: unknown key. Did you mean 'dish'?"),
        (
            "ligand.sdf1.diffusivity=150",
            "--set: ligand.sdf1.diffusivity: 150 has no unit. Write it like '150 um**2/s'.",
        ),
        (
            "ligand.sdf1.diffusivity=5 nM",
            "--set: ligand.sdf1.diffusivity: '5 nM' is not a diffusivity. "
            "Write it like '150 um**2/s'.",
        ),
        (
            "ligand.sdf1.diffusivity=-5 um**2/s",
            "--set: ligand.sdf1.diffusivity: '-5 um**2/s' is out of range. "
            "A diffusivity here is greater than zero.",
        ),
        (
            "cells.time_step=0 s",
            "--set: cells.time_step: '0 s' is out of range. A time here is greater than zero.",
        ),
        (
            "ligand.sdf1.loss_rate=-1 1/s",
            "--set: ligand.sdf1.loss_rate: '-1 1/s' is out of range. A rate here is zero or more.",
        ),
        (
            "treatments.amd3100.dos=1 uM",
            "--set: treatments.amd3100.dos: unknown key. Did you mean 'dose'?",
        ),
        (
            "treatments.amd31.dose=1 uM",
            "--set: treatments.amd31: unknown agent 'amd31'. Did you mean 'amd3100'?",
        ),
        (
            "treatments.recombinant_sdf1.dose=1 nM",
            "--set: treatments.recombinant_sdf1: unknown agent 'recombinant_sdf1'. Did you mean "
            "'sdf1'?",
        ),
        (
            "treatments.amd3100.start=1 h",
            "--set: treatments.amd3100.dose: no dose is given. "
            "Set one, such as '10 uM' or '100 ng/mL'.",
        ),
        (
            "treatments.medium_change.dose=1 nM",
            "--set: treatments.medium_change.dose: a medium change has no dose. Remove it.",
        ),
        (
            "treatments.medium_change.start=20 h",
            "--set: treatments.medium_change.start: 20 h is outside the run, which lasts from "
            "-24 h to 12 h (0 is the end of run.culture). "
            "Choose a time within it.",
        ),
        ("cells.type=kg1", "--set: cells.type: unknown cell type 'kg1'. Did you mean 'kg1a'?"),
        (
            'output.ligands=["sdf2"]',
            "--set: output.ligands: unknown ligand 'sdf2'. Did you mean 'sdf1' or 'mcsf'?",
        ),
        (
            "output.fields_from=-30 h",
            "--set: output.fields_from: -30 h is outside the run, which lasts from -24 h to 12 h "
            "(0 is the end of run.culture). Choose a time within it.",
        ),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line_with_a_remedy(setting, message):
    assert _refusal("coculture-kg1a", setting) == message


@pytest.mark.parametrize(
    "setting",
    [
        "run.seed=-1",
        "run.seed=1.5",
        "run.mode=stationary",
        "grid.layer_growth=0.9",
        "numerics.tolerance=nan",
        "scene.network_fraction=1.2",
        "stromal_type.msc.body_aspect_ratio=0.5",
        "biogenesis.retracted_share=1.0",
        "biogenesis.resting_time=0 h",
        "substrate.fibronectin_5.integrin_share=1.1",
        "substrate.fibronectin_5.strength=0.0",
        "scene.mode=grow",
        "scene.msc_number=-1",
        "cell_type.kg1a.receptors=inf",
        "mechanisms.haptotaxis=3",
        "dish=3",
    ],
)
def test_a_value_out_of_its_bounds_is_refused_at_its_path(setting):
    path = setting.partition("=")[0]
    assert _refusal("coculture-kg1a", setting).startswith(f"--set: {path}: ")


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("run.seed=1.5", "1.5 is not a whole number. Write it without quotes, point or unit."),
        ("run.seed=abc", "is not a whole number. Write it without quotes, point or unit."),
        (
            "cell_type.kg1a.receptors=abc",
            "is not a number. Write it without quotes and without a unit.",
        ),
        ("mechanisms.haptotaxis=3", "3 is not a switch. Write true or false."),
        ("output.ligands=3", '3 is not a list. Write it like ["sdf1"].'),
        ("title=3", "3 is not text. Put it in quotes."),
        ("dish=3", "3 is not a table. Write its keys under a header of that name."),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_what_to_write(setting, text):
    path, _, value = setting.partition("=")
    message = _refusal("coculture-kg1a", setting)
    assert message.startswith(f"--set: {path}: ")
    assert value in message
    assert message.endswith(text)


def test_a_mistake_in_a_file_is_blamed_on_the_file(model_file):
    path = model_file("[ligand.sdf1]\ndifusivity = 5\n")
    assert _refusal(path) == (
        f"{path}: ligand.sdf1.difusivity: unknown key. Did you mean 'diffusivity'?"
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('value = 2.0\nstatus = "guessed"', "status: unknown status 'guessed'."),
        ('value = 2.0\nsauce = "a book"', "sauce: unknown key. Did you mean 'source'"),
    ],
)
def test_a_value_with_a_wrong_pedigree_is_refused(model_file, table, message):
    path = model_file(f"[adhesion.cd166_migrasome]\n{table}\n")
    assert _refusal(path).startswith(f"{path}: adhesion.cd166_migrasome.{message}")


@pytest.mark.parametrize("stop", ["1 h", "2 h"])
def test_a_treatment_that_stops_before_it_starts_is_refused(stop):
    settings = [f"treatments.amd3100.{s}" for s in ("dose=1 uM", "start=2 h", f"stop={stop}")]
    assert _refusal("coculture-kg1a", *settings) == (
        f"--set: treatments.amd3100.stop: {stop} is not after the start, 2 h. Give a later stop."
    )


def test_added_ligand_cannot_be_stopped():
    message = _refusal("coculture-kg1a-sdf1", "treatments.sdf1.stop=1 h")
    assert message.startswith("--set: treatments.sdf1.stop: has no stop")


def test_an_agent_without_what_it_acts_with_is_refused():
    message = _refusal("coculture-kg1a", "agent.mine.acts_on=cd166_block", "agent.mine.label=mine")
    assert "agent.mine: an agent that acts on cd166_block needs 'molar_mass'" in message


def _steady_file(tmp_path, text=""):
    """A model from the parameters alone, in steady state and without treatments."""
    base = tomllib.loads((shipped_folder("models") / "null-kg1a.toml").read_text(encoding="utf-8"))
    switches = "\n".join(f"{key} = false" for key in base["mechanisms"])
    return _write(
        tmp_path,
        "steady",
        f'title = "steady"\n[run]\nmode = "steady"\n[output]\nligands = ["ccl2"]\n'
        f'[cells]\ntype = "kg1a"\n[mechanisms]\n{switches}\n{text}',
    )


def test_a_steady_model_without_any_loss_is_refused(tmp_path):
    path = _steady_file(tmp_path)
    settings = ["ligand.ccl2.loss_rate=0 1/s", "ligand.ccl2.coat.loss_rate=0 1/s"]
    assert _refusal(path, *settings).endswith(
        "ligand.ccl2: no steady state, since every wall is closed and nothing is lost. "
        "Set loss_rate, open the top, or ask for a transient."
    )


@pytest.mark.parametrize(
    "remedy",
    ["ligand.ccl2.loss_rate=1e-5 1/s", "ligand.ccl2.coat.loss_rate=1e-5 1/s", "dish.top=bath"],
)
def test_any_loss_allows_a_steady_state(tmp_path, remedy):
    path = _steady_file(tmp_path)
    settings = ["ligand.ccl2.loss_rate=0 1/s", "ligand.ccl2.coat.loss_rate=0 1/s", remedy]
    assert load_model(str(path), settings=settings).spec.run.mode == "steady"


def test_loss_on_a_coat_without_sites_is_no_loss(tmp_path):
    path = _steady_file(tmp_path)
    settings = ["ligand.ccl2.loss_rate=0 1/s", "ligand.ccl2.coat.sites=0 sites/um**2"]
    assert "no steady state" in _refusal(path, *settings)


def test_a_steady_model_refuses_treatments():
    message = _refusal("coculture-kg1a", "run.mode=steady", *PLACED)
    assert "treatments.medium_change: a steady model has no time for treatments." in message


# Round trip and schema


@pytest.mark.parametrize("name", ["coculture-kg1a-sdf1-amd3100", "coculture-kg1a-igg", "null-kg1a"])
def test_a_model_survives_its_record_as_json(name):
    model = load_model(name, settings=["run.seed=9", "dish.width=0.9 mm"])
    entries = json.loads(json.dumps(entries_of(model)))
    again = model_from_entries(model.name, entries)
    assert again.spec == model.spec
    assert entries_of(again) == entries
    assert again.entries["dish.width"].source == "set by the user"


def test_the_json_schema_describes_units_and_closes_every_table():
    schema = json.loads(json.dumps(ModelSpec.model_json_schema()))
    definitions = schema["$defs"]
    diffusivity = definitions["Ligand"]["properties"]["diffusivity"]
    assert diffusivity["type"] == "string"
    assert diffusivity["description"] == "diffusivity, such as '150 um**2/s'"
    assert all(definition["additionalProperties"] is False for definition in definitions.values())
    assert set(schema["required"]) >= {"title", "run", "dish", "ligand", "cell_type"}


def test_every_example_in_the_json_schema_is_a_valid_quantity():
    def examples(part):
        if isinstance(part, dict):
            if "examples" in part:
                yield part["description"].partition(",")[0], part["examples"][0]
            part = list(part.values())
        if isinstance(part, list):
            for each in part:
                yield from examples(each)

    found = set(examples(ModelSpec.model_json_schema()))
    assert {dimension for dimension, _ in found} == set(DIMENSIONS)
    for dimension, example in found:
        assert parse(example, dimension) > 0.0


# The floor's and the medium's choices


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("dish.mixed_above=3 mm", "dish.mixed_above: 3000 um leaves nothing to mix below"),
        ("dish.mixed_above=-1 um", "dish.mixed_above"),
        ("numerics.tolerance=0.0", "numerics.tolerance: 0.0 is out of range"),
        ("numerics.tolerance=-1e-3", "numerics.tolerance"),
        ("dish.width=3 um", "dish.width: 3 um is less than one cell of the grid, 5 um"),
        ("dish.length=8 um", "dish.length: 8 um is less than one haematopoietic cell, 12 um"),
        ("ligand.sdf1.coat.pattern=stripe", "unknown pattern 'stripe'. Did you mean 'stripes'?"),
        ("ligand.sdf1.coat.pattern=none.png", "none.png: no such file. Check the path."),
        ("ligand.sdf1.coat.under_bodies=1.5", "ligand.sdf1.coat.under_bodies"),
        ("scene.migrasome_lifetime=-1 h", "scene.migrasome_lifetime"),
    ],
)
def test_choices_that_cannot_be_are_refused_in_one_line(setting, text):
    with pytest.raises(InputError) as caught:
        load_model("coculture-kg1a", settings=(setting,))
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bursts_of_a_placed_scene_need_migrasomes_that_rupture():
    message = _refusal("coculture-kg1a", *PLACED, "mechanisms.bursts=true")
    assert "no migrasome ever ruptures. Set scene.migrasome_lifetime" in message


def test_mixed_medium_excludes_a_bath():
    with pytest.raises(InputError, match=r"Set dish\.top to 'closed'"):
        load_model("coculture-kg1a", settings=("dish.mixed_above=300 um", "dish.top=bath"))


@pytest.mark.parametrize(
    "setting",
    [
        "scene.migrasome_appearance=1 h",
        "scene.migrasome_lifetime=1 h",
        "ligand.sdf1.secretion.migrasome_decay=1e-4 1/s",
        "mechanisms.uptake=true",
    ],
)
def test_a_steady_state_has_no_time_for_what_changes(steady_model, setting):
    with pytest.raises(InputError, match="steady state"):
        load_model(str(steady_model), settings=(setting,))


def test_bursts_need_to_know_what_is_left():
    placed = (*PLACED, "mechanisms.bursts=true", "scene.migrasome_lifetime=6 h")
    refusal = _refusal("coculture-kg1a", *placed)
    for ligand in ("sdf1", "ccl2"):
        assert (
            f"mechanisms.bursts: the amount of {ligand} left in a migrasome is not known while its "
            f"secretion stays as it is. Set ligand.{ligand}.secretion.migrasome_decay, such as "
            "'2e-4 1/s'."
        ) in refusal
    for mode in ("grown", "frozen"):
        grown = (f"scene.mode={mode}", "mechanisms.cargo_kinetics=false", "mechanisms.bursts=true")
        assert _refusal("coculture-kg1a", *grown).endswith(
            "mechanisms.bursts: the amount left in a migrasome of a grown scene is not known while "
            "its secretion is constant. Set mechanisms.cargo_kinetics to true."
        )


# A stroma that grows, and what perturbs it


GROWN = "biogenesis-fibronectin-5"


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (
            GROWN,
            ("scene.substrate=fibronectin_6",),
            "scene.substrate: unknown substrate 'fibronectin_6'. Did you mean 'fibronectin_5'",
        ),
        (
            GROWN,
            ("scene.mode=frozen",),
            "scene.mode: nothing grows before the cells are added, when a frozen scene stops.",
        ),
        (
            GROWN,
            ("numerics.growth_step=5 h",),
            "numerics.growth_step: 5 h is longer than a retraction, 1 h. Lower it.",
        ),
        (
            "coculture-kg1a",
            ("scene.mode=frozen", "treatments.glpg0187.dose=1 uM"),
            "treatments.glpg0187.start: a frozen scene does not grow from 0 h on",
        ),
        (
            GROWN,
            ("agent.glpg0187.factor=0.5",),
            "agent.glpg0187: an agent that acts on integrins has no 'factor'. Remove it.",
        ),
        (
            GROWN,
            ("scene.stroma=l929s",),
            "scene.stroma: unknown stromal type 'l929s'. Did you mean 'l929'?",
        ),
        (
            GROWN,
            ("treatments.tspan5_oe={}",),
            "treatments.tspan5_oe: unknown agent 'tspan5_oe'. Did you mean 'tspan4_oe'",
        ),
        (
            GROWN,
            ("scene.stroma=l929", "treatments.anti_cd166.dose=5 ug/mL"),
            "treatments.anti_cd166: anti-CD166 acts on cd166, which L929 cells lack. "
            "They have itgb1, tspan4, myo5a, vamp2, stx4, snap23. Remove it, or choose another "
            "scene.stroma.",
        ),
        (
            GROWN,
            ("stromal_type.msc.expresses=[]", "treatments.itgb1_kd={}"),
            "They have no target. Remove it",
        ),
        (
            "coculture-kg1a",
            (*PLACED, "treatments.tspan4_oe={}"),
            "treatments.tspan4_oe: TSPAN4 over-expression acts on how networks form, and a placed "
            "scene does not grow. Set scene.mode to 'grown', or remove it.",
        ),
        (
            "coculture-kg1a",
            (*PLACED, "treatments.glpg0187.dose=1 uM"),
            "treatments.glpg0187: GLPG0187 acts on how networks form",
        ),
        (
            GROWN,
            ("treatments.itgb1_kd.dose=1 uM",),
            "treatments.itgb1_kd.dose: a genetic change has no dose. Remove it.",
        ),
        (
            GROWN,
            ("treatments.tspan4_oe.start=6 h",),
            "treatments.tspan4_oe.start: a genetic change lasts from the beginning to the end. "
            "Remove it.",
        ),
        (
            GROWN,
            ("treatments.tspan4_oe.stop=6 h",),
            "treatments.tspan4_oe.stop: a genetic change lasts from the beginning to the end.",
        ),
        (
            GROWN,
            ("treatments.glpg0187.start=6 h",),
            "treatments.glpg0187.dose: no dose is given. Set one, such as '10 uM'",
        ),
        (
            GROWN,
            ("treatments.glpg0187.dose=1 uM", "treatments.glpg0187.start=80 h"),
            "treatments.glpg0187.start: 80 h is outside the run, which lasts from",
        ),
        (
            GROWN,
            ("biogenesis.nucleation=-1 1/(um*h)",),
            "biogenesis.nucleation: '-1 1/(um*h)' is out of range. A rate per length here is zero "
            "or more.",
        ),
        (
            GROWN,
            ("biogenesis.nucleation=0.01 1/h",),
            "biogenesis.nucleation: '0.01 1/h' is not a rate per length. Write it like",
        ),
        (
            "coculture-kg1a",
            ("ligand.sdf1.coat.under_bodies=0.5",),
            "ligand.sdf1.coat.under_bodies: bodies of a grown scene move, and ligand bound under "
            "them would be lost. Set it to 1.0, or scene.mode to 'placed'.",
        ),
        (
            "coculture-kg1a",
            ("scene.mode=frozen", "scene.detached_migrasome_density=5 1/mm**2"),
            "scene.detached_migrasome_density: in a grown scene migrasomes detach by themselves. "
            "Set it to '0 1/mm**2', or scene.mode to 'placed'.",
        ),
        (
            GROWN,
            ("run.mode=steady",),
            "scene.mode: a grown scene changes with time, a steady state does not. "
            "Set it to 'placed'.",
        ),
        (
            "round-well",
            ("scene.mode=grown", "run.mode=transient"),
            "scene.mode: MSC migrate in a rectangle only. Set it to 'placed'.",
        ),
        (
            GROWN,
            ("biogenesis.early_diameter=3 um",),
            "--set: biogenesis.early_diameter: is larger than scene.migrasome_diameter, to which "
            "migrasomes grow. Lower it, or raise that.",
        ),
        (
            GROWN,
            ("numerics.growth_step=1e-3 s",),
            "numerics.growth_step: 2.59e+08 steps are too many. Make them longer or the run",
        ),
    ],
)
def test_a_stroma_that_cannot_grow_so_is_refused_in_one_line_with_a_remedy(
    model, settings, message
):
    assert message in _refusal(model, *settings)


def test_an_agent_that_acts_on_nucleation_needs_a_factor_and_a_target():
    settings = ["agent.mine.acts_on=nucleation", "agent.mine.label=mine"]
    assert "agent.mine: an agent that acts on nucleation needs 'factor'" in _refusal(
        GROWN, *settings
    )
    assert "needs 'target'" in _refusal(GROWN, *settings, "agent.mine.factor=2.0")


def test_drugs_on_the_stroma_are_taken_where_it_has_their_target():
    settings = ["scene.stroma=l929", "treatments.itgb1_kd={}", "treatments.glpg0187.dose=1 uM"]
    spec = load_model(GROWN, settings=settings).spec
    assert (spec.dose("itgb1_kd"), spec.dose("glpg0187")) == (0.0, pytest.approx(1000.0))
    assert spec.treatment_label == "ITGB1 knock-down, GLPG0187 1 uM"


# Cargo


SECRETION = "secretion-l929"


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (
            SECRETION,
            ("scene.mode=placed",),
            "mechanisms.bursts: no migrasome ever ruptures. Set scene.migrasome_lifetime, such as",
        ),
        (
            SECRETION,
            ("output.ligands=['mcsf', 'sdf1']",),
            "--set: output.ligands: L929 cells make no SDF-1, but M-CSF, CCL2. Remove sdf1, or "
            "give stromal_type.l929.cargo.sdf1.",
        ),
        (
            "coculture-kg1a",
            ("output.ligands=['mcsf']",),
            "--set: output.ligands: MSC cells make no M-CSF, but SDF-1, CCL2. Remove mcsf, or "
            "give stromal_type.msc.cargo.mcsf.",
        ),
        (
            "coculture-kg1a",
            (*PLACED, "treatments.myo5a_oe={}"),
            "treatments.myo5a_oe: MYO5A over-expression acts on how carriers fill migrasomes and "
            "fuse, and this model computes none. Set scene.mode to 'grown' and "
            "mechanisms.cargo_kinetics to true, or remove it.",
        ),
        (
            "coculture-kg1a",
            ("mechanisms.cargo_kinetics=false", "treatments.vamp2_kd={}"),
            "treatments.vamp2_kd: VAMP2 knock-down acts on how carriers fill migrasomes and fuse, "
            "and this model computes none. Set mechanisms.cargo_kinetics to true, or remove it.",
        ),
        (
            GROWN,
            ("treatments.bapta_am.dose=10 uM",),
            "treatments.bapta_am: BAPTA-AM acts on how carriers fill migrasomes and fuse, and "
            "this model computes none. Set mechanisms.cargo_kinetics to true and output.ligands, "
            "such as ['sdf1'], or remove it.",
        ),
        (
            GROWN,
            ("mechanisms.cargo_kinetics=true", "treatments.bapta_am.dose=10 uM"),
            "treatments.bapta_am: BAPTA-AM acts on how carriers fill migrasomes and fuse, and "
            "this model computes none. Set output.ligands, such as ['sdf1'], or remove it.",
        ),
        (
            "coculture-kg1a",
            ("scene.mode=placed", "treatments.bapta_am.dose=10 uM"),
            "this model computes none. Set scene.mode to 'grown', or remove it.",
        ),
        (
            SECRETION,
            ("treatments.myo5a_ko.dose=1 uM",),
            "--set: treatments.myo5a_ko.dose: a genetic change has no dose. Remove it.",
        ),
        (
            SECRETION,
            ("treatments.snap23_kd.start=2 h",),
            "--set: treatments.snap23_kd.start: a genetic change lasts from the beginning to "
            "the end. Remove it.",
        ),
        (
            SECRETION,
            ("treatments.stx4_kd.stop=2 h",),
            "--set: treatments.stx4_kd.stop: a genetic change lasts from the beginning to the "
            "end. Remove it.",
        ),
        (
            SECRETION,
            ("treatments.bapta_am.start=2 h",),
            "--set: treatments.bapta_am.dose: no dose is given. Set one, such as '10 uM' or "
            "'100 ng/mL'.",
        ),
        (
            "coculture-kg1a",
            ("scene.mode=frozen", "treatments.bapta_am.dose=10 uM"),
            "treatments.bapta_am.start: a frozen scene does not grow from 0 h on, when the cells "
            "are added. Give an earlier start, or set scene.mode to 'grown'.",
        ),
        (
            SECRETION,
            ("stromal_type.l929.expresses=['myo5a']", "treatments.vamp2_kd={}"),
            "treatments.vamp2_kd: VAMP2 knock-down acts on vamp2, which L929 cells lack. They have "
            "myo5a. Remove it, or choose another scene.stroma.",
        ),
        (
            SECRETION,
            ("ligand.ccl2.secretion.migrasome_decay=1e-4 1/s",),
            "--set: ligand.ccl2.secretion.migrasome_decay: in a grown scene "
            "mechanisms.cargo_kinetics determines how migrasomes fill and empty. Set it to "
            "'0 1/s', or scene.mode to 'placed'.",
        ),
        (
            SECRETION,
            ("mechanisms.cargo_kinetics=false",),
            "mechanisms.bursts: the amount left in a migrasome of a grown scene is not known while "
            "its secretion is constant. Set mechanisms.cargo_kinetics to true.",
        ),
        (
            "coculture-kg1a",
            ("treatments.mcsf.dose=10 ng/mL",),
            "--set: treatments.mcsf: recombinant M-CSF is added to a field that this model does "
            "not solve. Add mcsf to output.ligands, or remove it.",
        ),
        (
            SECRETION,
            ("agent.snap23_kd.factor=0.0", "treatments.snap23_kd={}"),
            "without any fusion carriers accumulate without limit. Give a 'factor' above 0",
        ),
        (
            SECRETION,
            ("stromal_type.l929.cargo.ccl2.vesicle_load=0.5",),
            "stromal_type.l929.cargo.ccl2.vesicle_load",
        ),
        (
            SECRETION,
            ("stromal_type.l929.cargo={}", "output.ligands=[]", "treatments.myo5a_ko={}"),
            "Set stromal_type.l929.cargo, or remove it.",
        ),
        (
            "coculture-kg1a",
            (
                "scene.mode=frozen",
                "treatments.bapta_am.dose=10 uM",
                "treatments.bapta_am.start=-2 h",
                "treatments.bapta_am.stop=4 h",
            ),
            "treatments.bapta_am.stop: a frozen scene does not grow from 0 h on, when the cells "
            "are added. Give an earlier stop, or set scene.mode to 'grown'.",
        ),
        (
            SECRETION,
            ("stromal_type.l929.cargo.mcsf.body_release_rate=0 1/h",),
            "--set: stromal_type.l929.cargo.mcsf.body_release_rate: '0 1/h' is out of range. A "
            "rate here is greater than zero.",
        ),
        (SECRETION, ("traffic.polarised_share=0.4",), "traffic.polarised_share: "),
        (
            SECRETION,
            ("agent.bapta_am.factor=0.5",),
            "agent.bapta_am: an agent that acts on calcium has no 'factor'. Remove it.",
        ),
    ],
)
def test_cargo_that_cannot_be_is_refused_in_one_line_with_a_remedy(model, settings, message):
    assert message in _refusal(model, *settings)


@pytest.mark.parametrize(
    "settings",
    [
        ("scene.mode=frozen", "treatments.bapta_am={dose='10 uM', start='-6 h'}"),
        ("treatments.bapta_am.dose=10 uM",),
        ("treatments.vamp2_kd={}", "treatments.myo5a_oe={}"),
        ("mechanisms.bursts=true",),
        ("scene.mode=frozen", "mechanisms.bursts=true"),
    ],
)
def test_what_acts_on_cargo_is_taken_where_cargo_is_followed(settings):
    spec = load_model("coculture-kg1a", settings=settings).spec
    assert spec.followed_ligands == ("sdf1", "ccl2")


def test_a_ligand_is_followed_where_it_is_solved_made_and_to_be_followed():
    assert load_model(SECRETION).spec.followed_ligands == ("mcsf", "ccl2")
    alone = load_model(SECRETION, settings=["output.ligands=['ccl2']"]).spec
    assert alone.followed_ligands == ("ccl2",)
    off = ["mechanisms.cargo_kinetics=false", "mechanisms.bursts=false"]
    assert load_model(SECRETION, settings=off).spec.followed_ligands == ()
    # What is sensed is solved, and only what the stroma makes can be followed.
    sensing = load_model(SECRETION, settings=["mechanisms.soluble_sensing=true"]).spec
    assert sensing.solved_ligands == ("sdf1", "mcsf", "ccl2")
    assert sensing.followed_ligands == ("mcsf", "ccl2")


def test_a_placed_scene_has_no_history_to_follow_whatever_the_switch_says():
    for switch in ("true", "false"):
        settings = ["scene.mode=placed", f"mechanisms.cargo_kinetics={switch}"]
        assert load_model("coculture-kg1a", settings=settings).spec.followed_ligands == ()


def test_the_secretion_models_differ_in_their_treatment_alone():
    names = [name for name in model_names() if name.startswith(f"{SECRETION}-")]
    assert len(names) == 9
    base = load_model(SECRETION).spec
    words = {"title": "", "description": "", "treatments": {}}
    for name in names:
        spec = load_model(name).spec
        assert list(spec.treatments) == [name.removeprefix(f"{SECRETION}-").replace("-", "_")]
        assert spec.title.startswith("L929 fibroblasts, ")
        assert spec.treatment_label in spec.title
        assert spec.model_copy(update=words) == base.model_copy(update=words)
