"""The door for Python: models changed, solved, opened and read as a notebook does."""

import inspect
import json
import os
import pickle
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib import pyplot as plt

import sdf1_field as sf
from sdf1_field import analysis, record
from sdf1_field.api import solving
from sdf1_field.api.frames import long_frame
from sdf1_field.api.tables import TABLES, make_table, table_functions
from sdf1_field.cli import main
from sdf1_field.units import parse

HOUR = 3600.0
SMALL = {
    "dish.width": "300 um",
    "dish.length": "300 um",
    "dish.height": "200 um",
    "grid.spacing": "10 um",
    "run.culture": "2 h",
    "cells.density": "330 1/mm**2",
    "scene.msc_density": "60 1/mm**2",
}
"""A grown dish so small that it solves within a second."""


def refusal(call, *arguments, **options):
    with pytest.raises(sf.InputError) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def model():
    return sf.load_model("coculture-kg1a").set(SMALL | {"run.duration": "1 h"})


@pytest.fixture(scope="module")
def run(model):
    return sf.solve(model, seed=1)


def test_ten_lines_of_python_solve_read_and_draw(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = sf.load_model("coculture-kg1a").set(SMALL)
    model = model.set({"treatments.amd3100.dose": "10 uM", "run.duration": "4 h"})
    run = sf.solve(model, seed=1)
    assert list(tmp_path.iterdir()) == []

    drawn = run.fields["sdf1"].sel(time=4 * 3600).plot()
    floor = run.dataset["sdf1"][-1].values
    assert np.array_equal(np.asarray(drawn.get_array()).reshape(floor.shape), floor)
    assert plt.gca().get_title() == "time = 1.44e+04 [s]"
    plt.close("all")

    change = run.fold_change(at="4 h")
    rows = analysis.fold_change_table([run.dataset], [4 * HOUR])
    assert list(change["region"]) == ["free surface", "MSC", "migrasome network"]
    assert list(change["fold_change"].dropna()) == [
        row["fold_change"] for row in rows if row["fold_change"] is not None
    ]
    assert change["cells"].sum() == 30

    tracks, network, cargo = run.tracks(), run.network(), run.cargo()
    assert len(tracks) == 30 * 17
    assert network.set_index("quantity")["value"]["msc"] > 0
    assert set(cargo["ligand"]) == {"sdf1", "ccl2"}
    assert isinstance(run.plot("run.png"), mpl.figure.Figure)
    assert (tmp_path / "run.png").stat().st_size > 10_000

    written = sf.solve(model, seed=1, path="run.nc")
    with written, sf.open_run("run.nc") as opened:
        assert isinstance(opened.dataset, xr.Dataset)
        assert opened.model == run.model == model
        pd.testing.assert_frame_equal(opened.fold_change(at="4 h"), change)
        assert record.content_digest(opened.dataset) == record.content_digest(written.dataset)
        assert opened.dataset["cell_x"].equals(run.dataset["cell_x"])


# Names


def test_no_room_is_named_like_a_name_of_the_package():
    rooms = {found.name for found in pkgutil.iter_modules(sf.__path__)}
    assert rooms & set(sf.__all__) == set()
    assert {"simulation", "record", "api"} <= rooms


def test_names_of_the_package_stay_what_they_are_once_their_rooms_are_loaded():
    code = (
        "import sdf1_field as sf, sdf1_field.cli.running, sdf1_field.api.solving\n"
        "print(*[name for name in sf.__all__ if type(getattr(sf, name)).__name__ == 'module'])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""


def test_type_checkers_see_the_names_that_load_on_first_use():
    stub = Path(sf.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    assert set(re.findall(r" as (\w+)$|^(__version__)", stub, flags=re.M)) == {
        ("", name) if name == "__version__" else (name, "") for name in sf.__all__
    }
    for home, name in re.findall(r"^from (\S+) import (\w+) as", stub, flags=re.M):
        assert getattr(sf, name) is getattr(sys.modules[home], name)
    assert Path(sf.__file__).with_name("py.typed").is_file()


# Models


def test_set_gives_a_new_model_and_leaves_the_old_one():
    old = sf.load_model("coculture-kg1a")
    new = old.set({"run.duration": "4 h", "treatments": {"amd3100": {"dose": "10 uM"}}})
    assert (old.spec.run.duration, new.spec.run.duration) == (12 * HOUR, 4 * HOUR)
    assert old.spec.treatments.keys() == {"medium_change"}
    assert new.spec.dose("amd3100") == pytest.approx(10_000.0, rel=1e-12)
    assert dict(new.changed) == {"run.duration": "4 h", "treatments.amd3100.dose": "10 uM"}
    assert dict(old.changed) == {}
    entry = new.entries["run.duration"]
    assert (entry.source, entry.where) == ("set by the user", "--set")


def test_an_empty_section_takes_away_what_was_in_it():
    model = sf.load_model("coculture-kg1a")
    assert model.set({"treatments": {}}).spec.treatments == {}
    anew = model.set({"treatments": {}, "treatments.amd3100.dose": "1 uM"})
    assert anew.spec.treatments.keys() == {"amd3100"}


def test_set_takes_numbers_of_numpy_lists_and_switches():
    model = sf.load_model("coculture-kg1a").set(
        {
            "run.seed": np.int64(7),
            "scene.network_fraction": np.float64(0.5),
            "output.ligands": ("sdf1",),
            "mechanisms.haptotaxis": False,
        }
    )
    assert (model.spec.run.seed, model.spec.scene.network_fraction) == (7, 0.5)
    assert (model.spec.output.ligands, model.spec.mechanisms.haptotaxis) == (("sdf1",), False)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"run.durration": "4 h"}, "set: run.durration: unknown key. Did you mean 'duration'?"),
        ({"run.duration": "4 nM"}, "set: run.duration: '4 nM' is not a time."),
        ({"run.duration": 4}, "set: run.duration: 4 has no unit."),
        ({"run.duration": None}, "set: run.duration: None is not a value."),
        ({"run": {"duration": {4}}}, "set: run.duration: {4} is not a value."),
        ({"run.": "4 h"}, "set: 'run.' is not a key."),
        ({"run duration": "4 h"}, "set: run duration: unknown key."),
        ({"run": {3: "4 h"}}, "set: run.3 is not a key."),
        ("run.duration=4 h", "set: 'run.duration=4 h' is not a mapping."),
        ({"mechanisms.haptotaxis": "no way"}, "set: mechanisms.haptotaxis: 'no way'"),
        ({"ligand.sdf1.coat.pattern": "none.png"}, "set: ligand.sdf1.coat.pattern: none.png: no"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(values, text):
    assert text in refusal(sf.load_model("coculture-kg1a").set, values)


@pytest.mark.parametrize("name", ["coculture-kg1a-amd3100-10um", "secretion-l929", "p2-steady"])
def test_a_model_survives_a_dict_json_and_pickle(name):
    model = sf.load_model(name).set({"dish.height": "1 mm"})
    table = model.to_dict()
    assert table["dish"]["height"] == "1 mm"
    assert table["name"] == name
    assert sf.Model.from_dict(table) == model
    assert sf.Model.from_dict(json.loads(json.dumps(table))) == model
    assert pickle.loads(pickle.dumps(model)) == model  # noqa: S301


def test_a_model_without_an_inherited_table_survives_a_dict():
    model = sf.load_model("coculture-kg1a").set({"treatments": {}})
    model = model.set({"treatments.amd3100.dose": "1 uM"})
    assert sf.Model.from_dict(model.to_dict()).spec.treatments.keys() == {"amd3100"}


def test_a_dict_can_be_changed_and_only_the_change_is_from_python():
    table = sf.load_model("coculture-kg1a").to_dict()
    table["dish"]["height"] = "1 mm"
    assert dict(sf.Model.from_dict(table).changed) == {"dish.height": "1 mm"}


def test_a_model_is_built_from_the_sections_of_a_file(tmp_path):
    text = 'extends = "null-kg1a"\ntitle = "Mine"\n[run]\nduration = "1 h"\n'
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    built = sf.Model.from_dict(
        {"name": "mine", "extends": "null-kg1a", "title": "Mine", "run": {"duration": "1 h"}}
    )
    read = sf.load_model(tmp_path / "mine.toml")
    assert (built.name, built.spec) == (read.name, read.spec)
    assert dict(built.changed) == {"run.duration": "1 h"}


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"extends": "null-kg1"}, "unknown model 'null-kg1'. Did you mean 'null-kg1a'"),
        ({"extends": 3}, "from_dict: extends: 3 is not text."),
        ({"extends": "null-kg1a", "titel": "x"}, "from_dict: titel: unknown key. Did you mean"),
        ({"extends": "null-kg1a", "dish": "small"}, "from_dict: dish: 'small' is not a table."),
        ({"title": "x", "sources": 3}, "from_dict: sources: not as to_dict gives it."),
        (["null-kg1a"], "from_dict: ['null-kg1a'] is not a mapping."),
    ],
)
def test_a_wrong_dict_is_refused_in_one_line(table, text):
    assert text in refusal(sf.Model.from_dict, table)


def test_a_saved_model_is_read_with_the_same_values_and_sources(tmp_path):
    model = sf.load_model("secretion-l929-bapta-am").set(
        {
            "dish.height": "1 mm",
            "title": 'With "quotes", µm and\na new line',
            "substrate.my gel": {
                "label": "a gel",
                "anchors": 1.0,
                "strength": {"value": 1.0, "status": "assumed", "source": "as fibronectin"},
                "integrin_share": 0.5,
            },
        }
    )
    read = sf.load_model(model.save(tmp_path / "mine.toml"))
    assert (read.name, read.spec) == ("mine", model.spec)
    for path, entry in model.entries.items():
        assert (read.entries[path].value, read.entries[path].status) == (entry.value, entry.status)
    assert read.entries["substrate.my gel.strength"].source == "as fibronectin"
    assert sf.Model.from_dict(read.to_dict()) == read


def test_a_saved_model_replaces_no_file_and_takes_nothing_from_the_defaults(tmp_path):
    model = sf.load_model("null-kg1a")
    place = model.save(tmp_path / "mine.toml")
    assert "exists already" in refusal(model.save, place)
    assert model.save(place, force=True) == place
    assert "ends in .toml" in refusal(model.save, tmp_path / "mine.json")
    assert "no such file" in refusal(model.save, tmp_path / "no" / "mine.toml")
    cargo = "stromal_type.msc.cargo"
    without = model.set({cargo: {}})
    assert sf.load_model(without.save(tmp_path / "without.toml")).spec == without.spec
    poorer = without.set({f"{cargo}.sdf1": model[f"{cargo}.sdf1"]})
    assert "this model lacks it" in refusal(poorer.save, tmp_path / "poorer.toml")


@pytest.mark.parametrize("name", sf.model_names())
def test_a_saved_model_is_taken_though_nothing_reads_some_of_what_it_inherits(name, tmp_path):
    model = sf.load_model(name)
    assert sf.load_model(model.save(tmp_path / "mine.toml")).spec == model.spec


def test_a_key_of_ones_own_is_refused_in_a_saved_model_too(tmp_path):
    model = sf.load_model("coculture-kg1a").set({"scene.network_fraction": 0.25})
    text = refusal(sf.load_model, model.save(tmp_path / "mine.toml"))
    assert "scene.network_fraction: acts on nothing" in text


def test_repr_of_a_model_names_what_matters_within_400_characters():
    model = sf.load_model("coculture-kg1a").set({"run.duration": "4 h"})
    text = repr(model)
    for part in ("coculture-kg1a", "KG-1a cells on MSC", "transient", "sdf1 and ccl2", "255 KG-1a"):
        assert part in text
    assert text.endswith("changed: run.duration)")
    long = model.set(
        {"title": "A title " * 40}
        | {
            path: f"{model[path]} "
            for path, entry in model.entries.items()
            if path.startswith("cell_type.kg1a.") and isinstance(entry.value, str)
        }
    )
    assert len(repr(long)) < 400
    assert re.search(r"changed: run.duration, .* and \d+ keys\)$", repr(long))


@pytest.mark.parametrize("name", sf.model_names())
def test_repr_of_every_shipped_model_is_short(name):
    assert len(repr(sf.load_model(name))) < 400


def test_html_of_a_model_has_every_value_once_and_lets_no_markup_through():
    model = sf.load_model("coculture-kg1a").set(
        {"title": "<script>alert('x')</script> & more", "dish.height": "1 mm"}
    )
    html = model._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<tr") == len(model.entries) + html.count("<thead>")
    assert "<td>150 um**2/s</td><td>" in html
    assert html.count("<details open>") == 1


def test_a_value_is_read_by_its_path_and_a_section_as_a_mapping():
    model = sf.load_model("coculture-kg1a")
    speed = model["cell_type.kg1a.speed"]
    assert parse(speed, "speed") == pytest.approx(model.spec.haematopoietic.speed, rel=1e-12)
    assert model["dish"]["width"] == model["dish.width"] == "1.4 mm"
    assert "Did you mean" in refusal(model.__getitem__, "dish.widht")


def test_a_model_is_asked_for_as_solve_does_it(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'extends = "coculture-kg1a"\n[scene]\nnetwork_fraction = 0.25\n', encoding="utf-8"
    )
    text = refusal(sf.solve, path)
    assert text.startswith(f"{path}: scene.network_fraction: acts on nothing in this model")
    assert refusal(sf.load_model, path) == text
    placed = sf.load_model(path, settings=["scene.mode=placed"])
    assert placed.spec.scene.network_fraction == 0.25


# Solving


def test_a_run_in_memory_is_the_run_in_the_file(model, run, tmp_path):
    path = tmp_path / "run.nc"
    for place in (str(path), path):
        with sf.solve(model, path=place, force=True, seed=1) as written:
            assert written.path == path
            with written.dataset.load() as dataset:
                for name in dataset.variables:
                    assert dataset[name].identical(run.dataset[name]), name
    assert run.path is None
    assert run.seed == 1


def test_a_file_and_the_models_own_seed_will_do(model, tmp_path):
    file = model.set({"run.seed": 7, "run.duration": "30 min"}).save(tmp_path / "mine.toml")
    for named in (file, str(file)):
        solved = sf.solve(named)
        assert (solved.seed, solved.model.name) == (7, "mine")


def test_a_run_in_memory_leaves_no_file(model, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    reached = []
    found = sf.solve(model.set({"run.duration": "30 min"}), progress=reached.append)
    assert list(tmp_path.iterdir()) == []
    assert reached[-1] == 1800.0
    assert found.fields["sdf1"].sel(time=1800.0).shape == (30, 30)


def digest_and_attributes(path):
    with record.open_run(path) as dataset:
        return record.content_digest(dataset), dict(dataset.attrs)


def test_a_run_is_the_same_wherever_its_model_file_lies(model, tmp_path):
    digests = set()
    for folder in (tmp_path / "one", tmp_path / "other" / "deeper"):
        folder.mkdir(parents=True)
        file = model.set({"run.duration": "15 min"}).save(folder / "mine.toml")
        sf.solve(file, path=folder / "run.nc").close()
        digest, attributes = digest_and_attributes(folder / "run.nc")
        digests.add(digest)
        assert "run.duration=15 min (mine.toml)" in attributes["changed"]
        assert str(tmp_path) not in attributes["changed"] + attributes["model"]
        with sf.open_run(folder / "run.nc") as run:
            assert "; ".join(run.summary()["changed"]) == attributes["changed"]
    assert len(digests) == 1


def test_a_dish_is_the_same_from_the_command_line_and_from_python(tmp_path):
    values = SMALL | {"run.duration": "15 min"}
    settings = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
    with pytest.raises(SystemExit) as ended:
        main(["solve", "coculture-kg1a", *settings, "-o", str(tmp_path / "a.nc"), "--quiet"])
    assert ended.value.code == 0
    sf.solve(sf.load_model("coculture-kg1a").set(values), path=tmp_path / "b.nc").close()
    built = sf.Model.from_dict({"name": "coculture-kg1a", "extends": "coculture-kg1a"} | values)
    sf.solve(built, path=tmp_path / "c.nc").close()
    assert len({digest_and_attributes(tmp_path / f"{n}.nc")[0] for n in "abc"}) == 1


def test_a_run_too_large_for_memory_is_refused_before_it_is_solved(monkeypatch):
    model = sf.load_model("coculture-kg1a").set({"output.fields_every": "1 min"})
    file_size, _ = record.expected_size(model.spec)
    size = record.expected_content(model.spec)
    assert size > solving.LARGEST_IN_MEMORY
    assert size > file_size  # which is compressed
    monkeypatch.setattr(record, "solve", None)
    text = refusal(sf.solve, model)
    assert "too large to be held in memory (limit 1.0 GB). Give a path" in text


def test_a_run_takes_as_much_memory_as_is_expected_and_more_than_its_file(model):
    # Most of a fine grid is floor, where nothing is left to chance.
    fine = model.set({"grid.spacing": "2.5 um", "scene.msc_density": "30 1/mm**2"})
    held = sf.solve(fine, seed=1).dataset.nbytes
    assert held == pytest.approx(record.expected_content(fine.spec), rel=0.05)
    assert held > 1.2 * record.expected_size(fine.spec)[0]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"seed": -1}, "solve: seed: -1 is not a whole number from 0"),
        ({"seed": 1.5}, "solve: seed: 1.5 is not a whole number"),
        ({"seed": 2**63}, "solve: seed: 9223372036854775808 is not"),
        ({"threads": 0}, "solve: threads: 0 is not a whole number from 1"),
        ({"threads": 1 + (os.cpu_count() or 1)}, "is not a whole number from 1"),
        ({"solver": "magic"}, "set: numerics.solver: 'magic'"),
        ({"resume": True}, "has no file to resume"),
        ({"path": "run.txt"}, "run.txt: not the name of a run file"),
        ({"path": Path("no/where/run.nc")}, "there is no folder 'no/where'"),
    ],
)
def test_wrong_options_of_solve_are_refused_in_one_line(model, options, text):
    assert text in refusal(sf.solve, model, **options)


def test_an_existing_file_is_not_replaced_unasked(model, tmp_path):
    (tmp_path / "run.nc").write_text("mine")
    assert "exists already" in refusal(sf.solve, model, path=tmp_path / "run.nc")
    assert (tmp_path / "run.nc").read_text() == "mine"


def test_what_is_implausible_is_warned_of_or_refused(model, monkeypatch):
    monkeypatch.setattr(record, "solve", lambda *_, **__: None)
    fast = model.set({"cell_type.kg1a.speed": "0.15 um/s"})
    with (
        pytest.warns(sf.Sdf1FieldWarning, match=r"cell_type\.kg1a\.speed: 0\.15 um/s") as warned,
        pytest.raises(sf.InputError, match="no such file"),
    ):
        sf.solve(fast)
    assert {warning.filename for warning in warned} == {__file__}
    assert "or omit strict" in refusal(sf.solve, fast, strict=True)


def test_the_solver_can_be_chosen(model, monkeypatch):
    def stopped(model, *_, **__):
        raise sf.RunError(model.spec.numerics.solver)

    monkeypatch.setattr(record, "solve", stopped)
    with pytest.raises(sf.RunError, match="fipy"):
        sf.solve(model, solver="fipy")


# Runs


def test_fields_are_what_is_on_the_floor_with_time_in_seconds(run):
    fields = run.fields
    assert {"sdf1", "sdf1_bound", "sdf1_secretion", "ccl2", "region"} <= set(fields.data_vars)
    assert all(own.dims == ("time", "y", "x") for own in fields.data_vars.values())
    assert fields["time"].attrs == {"axis": "T", "units": "s", "long_name": "time"}
    assert fields["time"].values[-1] == HOUR
    assert "since" in run.dataset["time"].attrs["units"]


def test_tracks_are_one_row_for_each_cell_and_time(run):
    tracks, data = run.tracks(), run.dataset
    assert list(tracks.columns) == ["trajectory", "time_s", "x_um", "y_um", "state", "region"]
    one = tracks[(tracks["trajectory"] == 3) & (tracks["time_s"] == HOUR)]
    assert one["x_um"].item() == data["cell_x"].values[3, -1]
    assert set(tracks["state"]) == {"crawling", "held"}
    assert (tracks["state"] == "held").sum() == (data["cell_state"] == 1).sum()
    assert (tracks["region"] == "MSC").sum() == (data["cell_region"] == 1).sum()


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("fold_change", "fold-change"), ("course", "course"), ("distance", "distance"),
        ("dwell", "dwell"), ("approach", "approach"), ("floor_profile", "field"),
    ],
)  # fmt: skip
def test_every_table_is_a_frame_with_all_its_numbers(run, method, name):
    frame, rows = getattr(run, method)(), make_table(name, [run.dataset])
    assert len(frame) == len(rows) > 0
    for key in set(rows[0]) - {"interval", "against", "time"}:
        column = key if key in frame else f"{key}_s"
        found = [None if value != value else value for value in frame[column]]
        assert found == [row[key] for row in rows], key
    numbers = frame.drop(columns=frame.select_dtypes("number").columns)
    assert set(numbers) <= {
        "region", "from_edge_of", "to_edge_of", "ligand", "label", "place", "restricted",
        "encounter_limit_note",
    }  # fmt: skip


def test_nested_tables_have_a_row_for_each_quantity(run):
    network = run.network(at="1 h").set_index("quantity")["value"]
    (row,) = make_table("network", [run.dataset], [HOUR])
    assert network["msc"] == row["runs"]["msc"]
    assert network["fates.nucleated"] == row["runs"]["fates"]["nucleated"]
    assert network["area_fractions.msc.pooled"] == row["runs"]["area_fractions"]["msc"]["pooled"]
    cargo = run.cargo().set_index(["ligand", "quantity"])["value"]
    made = make_table("cargo", [run.dataset])[0]["runs"]["balance"]["made"]["molecules"]
    assert cargo["sdf1", "balance.made.molecules"] == made > 0
    motion = run.motion().set_index("quantity")["value"]
    assert motion["tracked_time_s"] == HOUR
    assert motion["cells"] == 30


def test_bins_and_intervals_of_a_nested_table_have_names_of_their_own():
    row = {
        "time": 60.0,
        "runs": {
            "by_age": [
                {"lower_min": 0.0, "upper_min": 30.0, "mean_um": 1.5},
                {"lower_min": 30.0, "upper_min": None, "mean_um": None},
            ],
            "quartiles": [1.0, 3.0],
            "speed_interval": None,
            "label": "left out",
        },
        "control": None,
        "tests": None,
    }
    frame = long_frame([row], ("time",))
    assert list(frame["quantity"]) == [
        "by_age.0-30 min.mean_um", "by_age.above 30 min.mean_um", "quartiles.low",
        "quartiles.high", "speed_interval.low", "speed_interval.high",
    ]  # fmt: skip
    assert frame["value"].tolist() == pytest.approx(
        [1.5, np.nan, 1.0, 3.0, np.nan, np.nan], nan_ok=True
    )
    assert set(frame["time_s"]) == {60.0}


def test_a_control_adds_the_test(model, run):
    other = sf.solve(model.set({"mechanisms.haptotaxis": False}), seed=2)
    change = run.fold_change(at="1 h", control=other)
    on_msc = change.set_index("region").loc["MSC"]
    alone = other.fold_change(at=HOUR).set_index("region").loc["MSC"]
    assert on_msc["control_mean"] == alone["fold_change"]
    assert on_msc["test"] == "unpaired t"
    network = run.network(control=[other]).set_index("quantity")
    (row,) = make_table("network", [run.dataset], against=[other.dataset])
    tested = network[network["test"].notna()]
    assert set(tested.index) == {test["quantity"] for test in row["tests"]}
    assert network.loc["msc", "control"] == other.network().set_index("quantity")["value"]["msc"]
    motion = run.motion(control=other).set_index("quantity").loc["path_um.median"]
    assert motion["test"] == "Mann-Whitney U"
    assert motion["ratio"] == pytest.approx(motion["value"] / motion["control"], rel=1e-12)
    assert 0.0 < motion["p"] <= 1.0


def test_several_runs_are_dishes_of_one_experiment(model, run, tmp_path):
    sf.solve(model, seed=2, path=tmp_path / "two.nc").close()
    with sf.Runs([run, tmp_path / "two.nc"]) as both:
        assert len(both) == 2
        assert [one.seed for one in both] == [1, 2]
        assert repr(both) == "Runs('coculture-kg1a', 2 dishes, seeds 1, 2)"
        pooled = both.fold_change("1 h").set_index("region")
        each = [one.fold_change("1 h").set_index("region") for one in both]
        assert pooled["cells"].equals(each[0]["cells"] + each[1]["cells"])
        assert pooled.loc["MSC", "interval_low"] <= pooled.loc["MSC", "fold_change"]
        assert isinstance(both[:1], sf.Runs)
    assert "there is no run" in refusal(sf.Runs, [])


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda run: run.fold_change(at="5 h"), "no cells were saved at 5 h"),
        (lambda run: run.fold_change(at="5 nM"), "at: '5 nM' is not a time"),
        (lambda run: run.fold_change(at=[float("nan")]), "at: nan is not a time"),
        (lambda run: run.fold_change(paired=True), "paired: there is nothing to compare with"),
        (lambda run: run.table("fold change"), "unknown table 'fold change'. Did you mean 'fold-"),
        (lambda run: run.table("course", at="1 h"), "'course' is of the whole recording"),
        (lambda run: run.table("dwell", control=run), "'dwell' has no test"),
        (lambda run: run.fold_change(control=run), "is the same dish as"),
        (lambda run: run.plot(ligand="ccl5"), "no field of 'ccl5'"),
        (lambda run: run.plot("run.xyz"), "Give one that ends in .png"),
    ],
)  # fmt: skip
def test_what_a_run_cannot_answer_is_refused_in_one_line(run, tmp_path, monkeypatch, ask, text):
    monkeypatch.chdir(tmp_path)
    assert text in refusal(ask, run)


def test_a_message_about_a_run_in_memory_names_its_model(run):
    assert refusal(run.fold_change, at="5 h").startswith("coculture-kg1a (seed 1): no cells")


def test_a_picture_is_not_replaced_unasked(run, tmp_path):
    place = tmp_path / "run.png"
    place.write_text("mine")
    assert "exists already" in refusal(run.plot, place)
    run.plot(place, at="1 h", ligand="ccl2", force=True)
    assert place.read_bytes()[:4] == b"\x89PNG"


def test_a_run_shows_itself_in_a_line_and_in_a_table(run):
    assert repr(run) == "Run('coculture-kg1a', seed 1, 0 s to 1 h, in memory)"
    html = run._repr_html_()
    assert "<th>run.duration</th><td>1 h</td>" in html
    assert html.count("<tr>") == html.count("</tr>") > 10
    assert run.summary()["seed"] == 1


def test_every_table_of_the_command_line_is_one_of_the_python_interface():
    (option,) = [o for o in main.commands["analyse"].params if o.name == "kind"]
    assert tuple(option.type.choices) == tuple(TABLES)
    assert "table" in dict(inspect.getmembers(sf.Run))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_made_by_a_function_of_analysis_that_takes_its_options(name):
    table = TABLES[name]
    options = set(inspect.signature(table_functions()[name]).parameters) - {"runs"}
    flags = {"times": table.at_times, "against": table.compared, "paired": table.by_donor}
    assert options == {option for option, has in flags.items() if has}
