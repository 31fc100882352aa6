"""In what a model differs from the shipped ones, and from what is plausible."""

import numpy as np
import pytest

from sdf1_field.errors import InputError
from sdf1_field.images import FREE, DrawnScene, write_scene
from sdf1_field.shipped import model_names
from sdf1_field.spec import (
    brief_changes,
    changes,
    load_model,
    outside_intervals,
    parameters,
)


@pytest.mark.parametrize("name", model_names())
def test_a_shipped_model_changes_nothing_and_is_plausible(name):
    model = load_model(name)
    assert changes(model) == ()
    assert outside_intervals(model) == ()


def test_settings_and_a_files_own_keys_are_changes_and_its_title_is_not(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'extends = "coculture-kg1a-amd3100-10um"\ntitle = "mine"\n[dish]\nwidth = "1 mm"\n',
        encoding="utf-8",
    )
    model = load_model(str(path), settings=["treatments.plerixafor.dose=3 uM", "run.seed=4"])
    assert [one.text for one in changes(model)] == [
        "dish.width=1 mm (mine.toml)",
        "run.seed=4 (set by the user)",
        "treatments.amd3100.dose=3 uM (set by the user)",
    ]


SWITCHES = sorted(path for path, one in parameters().items() if isinstance(one.value, bool))


@pytest.mark.parametrize("path", [*SWITCHES, "numerics.linear_coat"])
def test_a_switch_is_recorded_as_true_or_false_however_it_is_written(path):
    section, key = path.split(".")
    for written, meant in (("yes", True), ("1", True), ("off", False), ("0", False)):
        for wanted in (
            load_model("coculture-kg1a", settings=[f"{path}={written}"]),
            load_model("coculture-kg1a").set({path: written}),
        ):
            assert getattr(getattr(wanted.spec, section), key) is meant
            assert wanted[path] is meant
            assert wanted.changed.get(path, meant) is meant
            assert all("=true (" in one.text or "=false (" in one.text for one in changes(wanted))


def test_a_brief_list_says_how_many_more_there_are():
    settings = ["dish.height=1 mm", "dish.length=1 mm", "dish.width=1 mm", "run.seed=4"]
    model = load_model("coculture-kg1a", settings=settings)
    assert brief_changes(model, width=40) == "dish.height=1 mm; dish.length=1 mm; and 2 more"
    assert brief_changes(model, width=200).endswith("run.seed=4")
    assert brief_changes(load_model("coculture-kg1a"), width=40) == ""


def test_a_brief_list_names_a_drawn_scene_by_its_file_and_not_what_it_brings(tmp_path):
    pixels = np.full((411, 947), FREE, dtype=np.int32)
    write_scene(tmp_path / "own.nc", DrawnScene(pixels, 0.65), program="test")
    model = load_model("coculture-kg1a", settings=[f"scene.file={tmp_path / 'own.nc'}"])
    assert model["dish.width"] == "615.55 um"
    assert brief_changes(model, width=200) == "scene.file=own.nc"


@pytest.mark.parametrize(
    ("setting", "interval"),
    [
        ("cell_type.kg1a.speed=0.15 um/s", ("0.5 um/min", "3 um/min")),
        ("scene.migrasome_diameter=0.5 mm", ("0.5 um", "3 um")),
        ("grid.spacing=100 um", ("2.5 um", "10 um")),
        ("numerics.tolerance=0.1", (1e-5, 0.01)),
    ],
)
def test_a_value_outside_its_interval_is_one_line_with_the_interval_and_its_source(
    setting, interval
):
    path, _, value = setting.partition("=")
    (outside,) = outside_intervals(load_model("coculture-kg1a", settings=[setting]))
    assert (outside.path, outside.interval) == (path, interval)
    source = " ".join(parameters()[path].source.split())
    low, high = interval
    assert outside.text == (
        f"--set: {path}: {value} is outside its interval, {low} to {high} ({source})."
    )


@pytest.mark.parametrize("value", ["0.5 um/min", "3 um/min", "0.05 um/s"])
def test_the_ends_of_an_interval_are_inside_in_any_unit(value):
    settings = [f"cell_type.kg1a.speed={value}"]
    assert outside_intervals(load_model("coculture-kg1a", settings=settings)) == ()


def test_the_interval_is_that_of_the_value_that_was_there():
    # The whole well is solved on a coarser grid, and says between what.
    settings = ["grid.spacing=150 um"]
    assert outside_intervals(load_model("round-well", settings=settings)) == ()
    (outside,) = outside_intervals(load_model("coculture-kg1a", settings=settings))
    assert outside.path == "grid.spacing"


def test_none_of_a_kind_of_cells_is_no_value_of_their_density():
    settings = ["cells.density=0 1/mm**2"]
    assert outside_intervals(load_model("coculture-kg1a", settings=settings)) == ()


def test_a_value_set_to_what_it_was_is_not_changed(tmp_path):
    model = load_model("coculture-kg1a")
    same = ["run.duration=12 h", "mechanisms.haptotaxis=true"]
    assert load_model("coculture-kg1a", settings=same) == model
    assert model.set({"run.duration": "12 h", "mechanisms": {"haptotaxis": True}}) == model
    path = tmp_path / "mine.toml"
    path.write_text(
        'extends = "coculture-kg1a"\n[run]\nduration = "12 h"\nseed = 3\n', encoding="utf-8"
    )
    assert dict(load_model(path).changed) == {"run.seed": 3}


def test_a_dose_by_mass_is_inside_or_outside_through_the_molar_mass_of_what_is_given():
    # 100 ng/mL of SDF-1 are 12.56 nM.
    for ends, outside in ((["12 nM", "13 nM"], 0), (["13 nM", "1 uM"], 1)):
        dose = f"treatments.sdf1.dose={{value = '100 ng/mL', interval = {ends}}}"
        assert len(outside_intervals(load_model("coculture-kg1a-sdf1", settings=[dose]))) == outside


@pytest.mark.parametrize(
    ("key", "value", "ends", "text"),
    [
        ("cell_type.kg1a.speed", "'2 um/min'", "['1 nM', '5 nM']", "'1 nM' is not a speed."),
        ("variation.dish.speed", "0.1", "['few', 'many']", "needs numbers."),
        ("ligand.sdf1.coat.pattern", "'stripes'", "['a', 'b']", "needs numbers."),
    ],
)
def test_an_interval_of_another_kind_than_its_value_is_refused_in_one_line(key, value, ends, text):
    model = load_model("coculture-kg1a", settings=[f"{key}={{value = {value}, interval = {ends}}}"])
    with pytest.raises(InputError) as caught:
        outside_intervals(model)
    assert str(caught.value).startswith(f"--set: {key}.interval: {text}")
    assert "\n" not in str(caught.value)
