import dataclasses
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_origin, get_type_hints

import netCDF4
import numpy as np
import pytest

from sdf1_field.errors import InputError, RunError
from sdf1_field.migrasomes import cargo
from sdf1_field.record import (
    CARGO,
    MASSES,
    checkpoint_path,
    claim_output,
    content_digest,
    expected_size,
    load_state,
    model_of,
    open_run,
    output_times,
    partial_path,
    save_state,
    solve,
    summary,
    writing,
)
from sdf1_field.scene import (
    NO_BODY,
    Bodies,
    Fate,
    Fibres,
    Growth,
    Migrasomes,
    Region,
    Scene,
)
from sdf1_field.simulation import State, prepare, simulate, snapshot_of
from sdf1_field.solvers import cosine
from sdf1_field.spec import load_model

HOUR = 3600.0


def model(tiny, *settings, name="coculture-kg1a"):
    return load_model(name, settings=[*tiny, *settings])


def digest_of(path):
    with open_run(path) as run:
        return content_digest(run)


# The schema


def remarks_on(path, report):
    """What the CF checker has to say of a file, by section."""
    checker = Path(sys.executable).with_name("compliance-checker")
    subprocess.run(
        [checker, "--test=cf:1.11", "--format=json", f"--output={report}", path],
        check=False, capture_output=True,
    )  # fmt: skip
    found = json.loads(report.read_text(encoding="utf-8"))["cf:1.11"]
    assert found["possible_points"] > 300
    assert found["high_priorities"] != []
    return {
        entry["name"]: entry["msgs"]
        for entry in found["high_priorities"] + found["medium_priorities"] + found["low_priorities"]
        if entry["msgs"]
    }


def test_a_run_passes_the_cf_check_but_for_dimensions_that_are_no_map_axes(tiny_run, tmp_path):
    remarks = remarks_on(tiny_run, tmp_path / "report.json")
    assert set(remarks) <= {"§2.4 Dimensions"}, remarks


def test_x_and_y_are_no_map_axes_and_there_is_no_feature_type(tiny_run):
    with open_run(tiny_run) as run:
        assert "axis" not in run["x"].attrs
        assert "axis" not in run["y"].attrs
        assert run["time"].attrs["axis"] == "T"
        assert "featureType" not in run.attrs
        assert run.attrs["Conventions"] == "CF-1.11"
        assert run["trajectory"].attrs["cf_role"] == "trajectory_id"


@pytest.mark.parametrize(
    ("name", "dims", "kind", "units"),
    [
        ("x", ("x",), "f8", "um"),
        ("z_bounds", ("z", "bounds"), "f8", None),
        ("time", ("time",), "f8", "seconds since 2000-01-01"),
        ("sdf1", ("time", "y", "x"), "f4", "nmol L-1"),
        ("sdf1_bound", ("time", "y", "x"), "f4", "um-2"),
        ("sdf1_secretion", ("time", "y", "x"), "f8", "um-2 s-1"),
        ("ccl2", ("time", "y", "x"), "f4", "nmol L-1"),
        ("region", ("time", "y", "x"), "i1", None),
        ("body_x", ("time", "body"), "f8", "um"),
        ("body_migrating", ("time", "body"), "i1", None),
        ("fibre_body", ("time", "fibre"), "i4", None),
        ("fibre_origin", ("time", "fibre"), "i1", None),
        ("migrasome_body", ("time", "migrasome"), "i4", None),
        ("migrasome_maturity", ("time", "migrasome"), "f8", "1"),
        ("migrasome_origin", ("migrasome",), "i1", None),
        ("migrasome_fate", ("migrasome",), "i1", None),
        ("migrasome_radius", ("time", "migrasome"), "f8", "um"),
        ("migrasome_sdf1_secretion_rate", ("time", "migrasome"), "f8", "s-1"),
        ("cell_x", ("trajectory", "obs"), "f8", "um"),
        ("cell_time", ("trajectory", "obs"), "f8", "seconds since 2000-01-01"),
        ("cell_state", ("trajectory", "obs"), "i1", None),
        *[(f"sdf1_mass_{entry}", ("time",), "f8", "1") for entry in MASSES],
    ],
)
def test_variables_have_their_dimensions_type_and_unit(tiny_run, name, dims, kind, units):
    with netCDF4.Dataset(tiny_run) as file:
        variable = file[name]
        assert variable.dimensions == dims
        assert variable.dtype == np.dtype(kind)
        assert getattr(variable, "units", None) == units


def test_fields_are_compressed_and_chunked_by_frame(tiny_run):
    with netCDF4.Dataset(tiny_run) as file:
        filters = file["sdf1"].filters()
        assert (filters["zlib"], filters["complevel"], filters["shuffle"]) == (True, 4, True)
        assert file["sdf1"].chunking() == [1, 30, 30]
        assert file["body_x"].chunking() == [1, file.dimensions["body"].size]


def test_a_large_floor_is_chunked_in_equal_tiles(tmp_path):
    path = tmp_path / "large.nc"
    settings = ["dish.width=7 mm", "dish.length=1 mm", "grid.spacing=5 um", "run.mode=steady"]
    settings += ["treatments={}", "output.ligands=[]", "scene.msc_density=1 1/mm**2"]
    settings += ["scene.mode=placed"]
    solve(load_model("null-kg1a", settings=settings), path)
    with netCDF4.Dataset(path) as file:
        assert file["region"].shape == (1, 200, 1400)
        assert file["region"].chunking() == [1, 200, 467]


def test_regions_are_flags_with_their_meanings(tiny_run):
    with open_run(tiny_run) as run:
        attributes = run["region"].attrs
        assert attributes["flag_meanings"] == "free_surface msc migrasome_network"
        assert attributes["flag_values"].tolist() == [r.value for r in Region] == [0, 1, 2]
        assert run["cell_state"].attrs["flag_meanings"] == "crawling held"


def test_a_dosed_ligand_is_stored_in_doubles_and_others_are_not(solved):
    with netCDF4.Dataset(solved("coculture-kg1a-sdf1")) as file:
        kinds = {n: file[n].dtype for n in ("sdf1", "sdf1_bound", "ccl2", "ccl2_bound")}
    assert kinds == {"sdf1": "f8", "sdf1_bound": "f8", "ccl2": "f4", "ccl2_bound": "f4"}


# The content


@pytest.mark.parametrize("name", ["coculture-kg1a", "coculture-kg1a-sdf1"])
def test_the_audit_read_from_the_file_closes_at_every_time(solved, name):
    with open_run(solved(name)) as run:
        for ligand in ("sdf1", "ccl2"):
            mass = {entry: run[f"{ligand}_mass_{entry}"].values for entry in MASSES}
            came = mass["secreted"] + mass["added"]
            gone = sum(v for k, v in mass.items() if k not in ("secreted", "added"))
            assert came.min() > 1e3
            assert np.abs(came - gone).max() < 1e-10 * came.max()
            assert (np.diff(mass["secreted"]) > 0.0).all()
        for facts in summary(run)["ligands"]:
            assert abs(facts["imbalance"]) < 1e-10


def test_a_file_holds_what_was_simulated(tiny, tiny_run):
    states = list(simulate(model(tiny).spec, seed=1))
    with open_run(tiny_run) as run:
        assert run["time"].values.tolist() == [s.time for s in states]
        assert run["cell_time"].values[0].tolist() == [s.time for s in states]
        for n, state in enumerate(states):
            floor = state.fields["sdf1"].layer
            assert np.array_equal(run["sdf1"].values[n], floor.astype(np.float32))
            assert np.array_equal(run["cell_x"].values[:, n], state.cells.x)
            assert np.array_equal(run["cell_state"].values[:, n], state.cells.held)
            assert np.array_equal(run["body_angle"].values[n], state.scene.bodies.angle)


def test_cells_are_in_the_region_the_map_shows_under_them(tiny_run):
    with open_run(tiny_run) as run:
        rows = (run["cell_y"].values / 10.0).astype(int)
        columns = (run["cell_x"].values / 10.0).astype(int)
        frames = np.arange(run.sizes["obs"])[None, :]
        under = run["region"].values[frames, rows, columns]
        assert np.array_equal(under, run["cell_region"].values)
        assert set(np.unique(under)) == {0, 1, 2}


def test_secretion_in_the_file_adds_up_to_the_sources(tiny_run):
    with open_run(tiny_run) as run:
        for ligand in ("sdf1", "ccl2"):
            sources = sum(
                np.nansum(run[f"{kind}_{ligand}_secretion_rate"].values[0])
                for kind in ("body", "migrasome")
            )
            on_grid = run[f"{ligand}_secretion"].values[0].sum() * 100.0
            assert on_grid == pytest.approx(sources, rel=1e-12)
            assert sources > 0.0


def test_a_file_records_the_whole_model_and_where_its_values_come_from(tiny, tiny_run):
    with open_run(tiny_run) as run:
        recorded = model_of(run)
        entries = json.loads(run.attrs["model"])
        assert run.attrs["seed"] == 1
        assert set(json.loads(run.attrs["versions"])) >= {"numpy", "numba", "netCDF4"}
    assert recorded.spec == model(tiny).spec
    assert entries["dish.width"]["source"] == "set by the user"
    assert entries["cells.time_step"]["where"] == "models/parameters.toml"
    assert entries["ligand.sdf1.loss_rate"]["status"] == "derived"


def test_times_are_seconds_not_dates(tiny_run):
    with open_run(tiny_run) as run:
        assert run["time"].dtype == np.float64
        assert run["time"].values[-1] == 7200.0


def test_a_steady_run_has_one_time_and_no_cells(tiny, steady_model, tmp_path):
    path = tmp_path / "steady.nc"
    solve(model(tiny, name=str(steady_model)), path)
    with open_run(path) as run:
        assert run["time"].values.tolist() == [0.0]
        assert "cell_x" not in run
        facts = summary(run)
        for ligand in ("sdf1", "ccl2"):
            finite = {e for e in MASSES if np.isfinite(run[f"{ligand}_mass_{e}"].values).all()}
            # Sums over time do not exist in a steady state.
            assert finite == {"in_medium", "bound"}
    assert [ligand["imbalance"] for ligand in facts["ligands"]] == [None, None]
    assert [set(ligand["masses"]) for ligand in facts["ligands"]] == [{"in_medium", "bound"}] * 2
    assert facts["ligands"][0]["floor"]["mean"] > 0.0


def test_expected_size_bounds_the_file(tiny, tiny_run):
    largest, memory = expected_size(model(tiny).spec)
    assert tiny_run.stat().st_size < largest
    assert largest < 1e6
    assert 1e8 < memory < 1e9


def test_a_whole_well_takes_at_most_ten_gigabytes_and_a_file_of_four():
    spec = load_model("whole-well-kg1a").spec
    assert (spec.cell_count, len(output_times(spec))) == (25480, 24 + 48 + 1)
    file_size, memory = expected_size(spec)
    # 37 frames of two float32 fields on 2800 x 2800 cells are the least there is.
    assert 37 * 2 * 4 * 2800**2 < file_size < 4e9
    assert 3e9 < memory < 10e9


def test_the_size_of_a_floor_too_large_for_any_machine_is_told_without_making_it():
    spec = load_model("whole-well-kg1a").spec
    fine = spec.model_copy(update={"grid": spec.grid.model_copy(update={"spacing": 0.1})})
    coarse_memory, fine_memory = expected_size(spec)[1], expected_size(fine)[1]
    # But for the program and the near fields of migrasomes, the same on any grid.
    assert 2300 * coarse_memory < fine_memory < 2500 * coarse_memory


# A scene that grows


GROWING = (
    "scene.mode=grown",
    "scene.detached_migrasome_density=0 1/mm**2",
    "scene.msc_number=3",
    "cells.density=0 1/mm**2",
    "run.culture=1 h",
    "run.duration=1 h",
    "output.fields_from=-1 h",
    "output.fields_every=1 h",
    "output.ligands=['ccl2']",
)
FRAMES = (-HOUR, 0.0, HOUR)
BIRTHS = np.array([-3600.0, -3600.0, -1800.0, -900.0, -60.0, 60.0, 70.0, 80.0, 3600.0])
ENDS = np.array([np.inf, -600.0, 1200.0, np.inf, 3000.0, np.inf, np.inf, np.inf, 9e3])
FATES = np.array([0, Fate.RUPTURES, Fate.IS_TAKEN_UP, 0, Fate.DRIFTS_AWAY, 0, 0, 0, Fate.RUPTURES])
THERE = ([0, 1], [0, 2, 3, 4], [0, 3, 5, 6, 7, 8])
FIBRES = (2, 4, 1)
VERTICES = 5


def growing_model(tiny, *settings):
    return model(tiny, *GROWING, *settings, name="null-kg1a")


def growing_scene(time):
    """Three bodies; fibres that come and go; migrasomes as known of at a time."""
    rng = np.random.default_rng(int(time + HOUR))
    fibres = FIBRES[FRAMES.index(time)]
    count = int(np.searchsorted(BIRTHS, time, side="right"))
    birth = BIRTHS[:count]
    known = (ENDS[:count] <= time) | (ENDS[:count] > HOUR)
    end = np.where(known, ENDS[:count], np.inf)
    course = np.cumsum(rng.random((fibres, VERTICES)), axis=1)
    course[0, 3:] = np.nan
    body = np.arange(count) % 3
    if time == HOUR:
        body[3] = NO_BODY
    return Scene(
        Bodies(
            x=np.array([50.0, 150.0, 250.0]) + rng.random(3),
            y=np.array([50.0, 150.0, 250.0]),
            semi_major=np.array([30.0, 20.0, 25.0]),
            semi_minor=np.array([10.0, 10.0, 5.0]),
            angle=rng.random(3),
            blocked=np.zeros(3),
            secretion={"ccl2": np.array([1.0, 2.0, 3.0])},
            migrating=np.array([True, False, time > 0.0]),
        ),
        Fibres(
            x=60.0 + course,
            y=60.0 - course,
            body=np.arange(fibres, dtype=np.intp) % 3,
            origin=(np.arange(fibres) % 2).astype(np.int8),
        ),
        Migrasomes(
            x=10.0 * np.arange(1.0, count + 1),
            y=np.full(count, 100.0),
            radius=rng.random(count),
            body=body,
            blocked=np.zeros(count),
            birth=birth,
            end=end,
            present=time < end,
            maturity=rng.random(count),
            origin=(np.arange(count) % 3 - 1).astype(np.int8),
            fate=np.where(known, FATES[:count], 0).astype(np.int8),
            loaded={"ccl2": np.arange(count) > 0},
            secretion={"ccl2": np.arange(count) * 0.5},
            secretion_at_birth={},
            decay={},
        ),
        growth_after(time, fibres, count),
    )


RECORD = np.dtype([("clock", "f8"), ("grown", "?"), ("number", "i4"), ("place", "f8")], align=True)


def growth_after(time, fibres, count):
    """Hidden state with records, tables and numbers for whatever there is of it."""
    records = np.zeros(count, dtype=RECORD)
    records["clock"] = np.linspace(0.1, time, count) / 3.0
    records["number"] = np.arange(count) - fibres
    kinds = get_type_hints(Growth)
    samples = {
        int: int(time) + 10_000,
        float: time / 3.0,
        np.ndarray: records,
        Mapping: {
            "flags": np.arange(count) % 2 == 0,
            "table": np.full((fibres, VERTICES), np.nan),
            "none": np.zeros((0, VERTICES)),
            "rate": np.float64(time / 7.0),
        },
    }
    return Growth(**{name: samples[get_origin(kind) or kind] for name, kind in kinds.items()})


def growing_states(spec, *, seed, resume_from=None, **_options):
    setting = prepare(spec, seed)
    for time in FRAMES:
        if resume_from is None or time > resume_from.time:
            fields = {
                name: cosine.start(prepared, time=time, tolerances=setting.tolerances)
                for name, prepared in setting.prepared.items()
            }
            yield snapshot_of(
                State(time, seed, growing_scene(time), fields, None, np.zeros((0, 4)))
            )


@pytest.fixture
def _growing(monkeypatch):
    monkeypatch.setattr(writing, "simulate", growing_states)


@pytest.fixture
def growing_run(_growing, tiny, tmp_path):
    path = tmp_path / "growing.nc"
    solve(growing_model(tiny), path)
    return path


def test_a_grown_run_has_as_many_rows_as_there_ever_were(growing_run):
    with netCDF4.Dataset(growing_run) as file:
        sizes = {name: len(d) for name, d in file.dimensions.items()}
        endless = {name for name, d in file.dimensions.items() if d.isunlimited()}
        assert endless == {"fibre", "migrasome"}
        assert (sizes["body"], sizes["fibre"], sizes["migrasome"]) == (3, 4, 9)
        assert sizes["fibre_vertex"] == VERTICES
        assert file["migrasome_x"].chunking() == [1, 1024]
        assert file["fibre_x"].chunking() == [1, 256, VERTICES]


def test_a_grown_run_passes_the_cf_check_too(growing_run, tmp_path):
    remarks = remarks_on(growing_run, tmp_path / "report.json")
    assert set(remarks) <= {"§2.4 Dimensions"}, remarks


def test_migrasomes_of_a_grown_run_are_there_from_birth_to_end_and_nan_otherwise(growing_run):
    with open_run(growing_run) as run:
        for n, (time, there) in enumerate(zip(FRAMES, THERE, strict=True)):
            migrasomes = growing_scene(time).migrasomes
            for name in ("x", "y", "radius", "blocked", "maturity", "body"):
                written = run[f"migrasome_{name}"].values[n]
                assert np.flatnonzero(np.isfinite(written)).tolist() == there, name
                assert np.array_equal(written[there], getattr(migrasomes, name)[there])
            rates = run["migrasome_ccl2_secretion_rate"].values[n]
            assert np.array_equal(rates[there], 0.5 * np.array(there))
            assert np.isnan(np.delete(rates, there)).all()


def test_whole_numbers_of_what_is_not_there_are_minus_nine(growing_run):
    with netCDF4.Dataset(growing_run) as file:
        file.set_auto_mask(False)
        owners = file["migrasome_body"][:]
        assert owners[0].tolist() == [0, 1, *[-9] * 7]
        assert owners[1].tolist() == [0, -9, 2, 0, 1, *[-9] * 4]
        assert owners[2].tolist() == [0, -9, -9, NO_BODY, -9, 2, 0, 1, 2]
        assert file["fibre_body"][:].tolist() == [[0, 1, -9, -9], [0, 1, 2, 0], [0, -9, -9, -9]]
        assert file["fibre_origin"][:].tolist() == [[0, 1, -9, -9], [0, 1, 0, 1], [0, -9, -9, -9]]


def test_fates_and_ends_of_a_grown_run_are_those_it_met(growing_run):
    with open_run(growing_run) as run:
        assert run["migrasome_birth"].values.tolist() == BIRTHS.tolist()
        assert run["migrasome_fate"].values.tolist() == [0, 1, 3, 0, 2, 0, 0, 0, 0]
        ends = run["migrasome_end"].values
        assert np.flatnonzero(np.isfinite(ends)).tolist() == [1, 2, 4]
        assert ends[[1, 2, 4]].tolist() == [-600.0, 1200.0, 3000.0]
        assert run["migrasome_origin"].values.tolist() == [-1, 0, 1] * 3
        assert run["migrasome_fate"].attrs["flag_meanings"].split() == [
            "outlives_the_run", "ruptures", "drifts_away", "is_taken_up"
        ]  # fmt: skip


def test_bodies_and_fibres_of_a_grown_run_move(growing_run):
    with open_run(growing_run) as run:
        assert run["body_migrating"].values.tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 1]]
        for n, time in enumerate(FRAMES):
            scene = growing_scene(time)
            assert np.array_equal(run["body_x"].values[n], scene.bodies.x)
            courses = run["fibre_x"].values[n]
            assert np.array_equal(courses[: FIBRES[n]], scene.fibres.x, equal_nan=True)
            assert np.isnan(courses[FIBRES[n] :]).all()


def test_an_interrupted_grown_run_goes_on_to_the_same_content(growing_run, tiny, tmp_path):
    def stop(time):
        if time == at:
            raise KeyboardInterrupt

    for at in FRAMES[:2]:
        path = tmp_path / "run.nc"
        with pytest.raises(KeyboardInterrupt):
            solve(growing_model(tiny), path, progress=stop)
        with netCDF4.Dataset(partial_path(path)) as file:
            assert len(file.dimensions["migrasome"]) == (2 if at < 0.0 else 5)
            assert file["migrasome_end"][1:2].mask.all() == (at < 0.0)
        solve(growing_model(tiny), path, resume=True, force=True)
        assert digest_of(path) == digest_of(growing_run)
        path.unlink()


def test_a_scene_in_which_nothing_ever_forms_has_one_row_that_is_never_there(
    tiny, tmp_path, monkeypatch
):
    def bare(group):
        """Nothing of a group of things, by the arrays that hold them."""
        values = {f.name: getattr(group, f.name) for f in dataclasses.fields(group)}
        return type(group)(
            **{
                name: {key: item[:0] for key, item in value.items()}
                if isinstance(value, Mapping)
                else value[:0]
                for name, value in values.items()
            }
        )

    def states(*arguments, **options):
        for state in growing_states(*arguments, **options):
            scene = state.scene
            yield dataclasses.replace(
                state,
                scene=Scene(scene.bodies, bare(scene.fibres), bare(scene.migrasomes)),
            )

    monkeypatch.setattr(writing, "simulate", states)
    path = tmp_path / "bare.nc"
    solve(growing_model(tiny), path)
    with open_run(path) as run:
        assert (run.sizes["fibre"], run.sizes["migrasome"]) == (1, 1)
        for name in ("fibre_x", "fibre_body", "migrasome_x", "migrasome_body", "migrasome_birth"):
            assert np.isnan(run[name].values).all(), name
        assert summary(run)["stroma"] == (
            "3 MSC, 0 retraction fibres, 0 attached migrasomes, 0 detached migrasomes at the end"
        )


def test_summary_counts_the_stroma_at_the_end(growing_run):
    with open_run(growing_run) as run:
        assert summary(run)["stroma"] == (
            "3 MSC, 1 retraction fibres, 5 attached migrasomes, 1 detached migrasomes at the end"
        )


def test_summary_has_no_stroma_where_there_is_none(solved):
    with open_run(solved("null-kg1a", "scene.msc_density=0 1/mm**2")) as run:
        assert "stroma" not in summary(run)


@pytest.mark.parametrize("growth", [True, False])
def test_a_saved_state_has_the_same_bits_when_it_is_loaded(tmp_path, growth):
    path, scene = tmp_path / "state.npz", growing_scene(0.0)
    if not growth:
        scene = dataclasses.replace(scene, growth=None)
    save_state(path, State(0.0, 7, scene, {}, None, np.ones((2, 4)) / 3.0))
    loaded = load_state(path, cosine)
    assert (loaded.time, loaded.seed, loaded.cells, loaded.fields) == (0.0, 7, None, {})
    assert leaves(loaded.scene) == leaves(scene)
    assert (loaded.scene.growth is None) != growth


def leaves(value, name=""):
    """Everything in a value by its place: type, shape and bits, but for what pads records."""
    if dataclasses.is_dataclass(value):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        parts = [leaves(item, f"{name}.{key}") for key, item in value.items()]
        return {place: leaf for part in parts for place, leaf in part.items()}
    array = np.asarray(value)
    kind = (type(value), array.dtype, array.dtype.isalignedstruct, array.shape)
    columns = [array[column] for column in array.dtype.names or ()] or [array]
    return {
        name: (
            *kind,
            *(column.tolist() if value is None else column.tobytes() for column in columns),
        )
    }


def test_the_size_of_a_grown_run_is_told_without_growing_it(tiny, monkeypatch):
    monkeypatch.setattr(writing, "simulate", None)
    settings = ("scene.msc_number=0", "run.duration=72 h")
    small, _ = expected_size(growing_model(tiny, *settings).spec)
    dense, _ = expected_size(growing_model(tiny, *settings, "scene.msc_density=6000 1/mm**2").spec)
    rare, _ = expected_size(growing_model(tiny, *settings, "biogenesis.nucleation=0 1/(um*h)").spec)
    assert rare < small
    assert 5.0 * small < dense < 100.0 * small


# Cargo


CARGO_SETTINGS = (
    "scene.mode=grown",
    "scene.msc_density=200 1/mm**2",
    "run.culture=4 h",
    "run.duration=1 h",
    "output.fields_from=-4 h",
    "output.fields_every=1 h",
    "mechanisms.cargo_kinetics=true",
    "mechanisms.migrasome_uptake=true",
    "biogenesis.migrating_share=0.9",
    "biogenesis.resting_time=1 h",
    "biogenesis.tether_spacing=40 um",
    "biogenesis.nucleation=0.1 1/(um*h)",
    "biogenesis.migrasome_lifetime=60 min",
    "biogenesis.detachment_rate=0.3 1/h",
    "biogenesis.drift_rate=0.3 1/h",
    "biogenesis.leak_rate=0.2 1/h",
    "stromal_type.l929.cargo.ccl2.loaded_fraction=0.5",
    "stromal_type.l929.cargo.ccl2.vesicle_load=50.0",
)
"""So many migrasomes, and so short-lived ones, that cargo goes every way there is."""


def cargo_model(tiny, *settings):
    return model(tiny, *CARGO_SETTINGS, *settings, name="secretion-l929")


def cargo_of(run, ligand):
    return {entry: run[f"{ligand}_cargo_{entry}"].values for entry in CARGO}


@pytest.fixture(scope="session")
def cargo_run(solved):
    return solved("secretion-l929", *CARGO_SETTINGS)


def test_a_run_that_holds_cargo_passes_the_cf_check_too(cargo_run, tmp_path):
    remarks = remarks_on(cargo_run, tmp_path / "report.json")
    assert set(remarks) <= {"§2.4 Dimensions"}, remarks


@pytest.mark.parametrize(
    ("name", "dims", "kind", "units", "load"),
    [
        ("body_mcsf_cargo", ("time", "body"), "f8", "1", 100.0),
        ("body_ccl2_rear_cargo", ("time", "body"), "f8", "1", 50.0),
        ("migrasome_ccl2_cargo", ("time", "migrasome"), "f8", "1", 50.0),
        ("migrasome_mcsf_loaded", ("migrasome",), "i1", None, None),
        *[(f"ccl2_cargo_{entry}", ("time",), "f8", "1", None) for entry in CARGO],
    ],
)
def test_cargo_has_its_dimensions_type_and_unit(cargo_run, name, dims, kind, units, load):
    with netCDF4.Dataset(cargo_run) as file:
        variable = file[name]
        assert (variable.dimensions, variable.dtype) == (dims, np.dtype(kind))
        assert getattr(variable, "units", None) == units
        assert getattr(variable, "molecules_per_vesicle", None) == load
        assert variable.long_name
        if "migrasome" in dims:
            assert (
                variable.chunking()
                == file[f"migrasome_{'x' if len(dims) > 1 else 'fate'}"].chunking()
            )


def test_cargo_in_the_file_is_what_was_simulated(tiny, cargo_run):
    frames = 0
    with open_run(cargo_run) as run:
        times = run["time"].values.tolist()
        for state in simulate(cargo_model(tiny).spec, seed=1):
            if state.time not in times:
                continue
            n, there = times.index(state.time), state.scene.migrasomes.present
            frames += 1
            for ligand, own in cargo(state.scene).items():
                in_bodies = own.front + own.rear
                assert np.array_equal(run[f"body_{ligand}_cargo"].values[n], in_bodies)
                assert np.array_equal(run[f"body_{ligand}_rear_cargo"].values[n], own.rear)
                held = run[f"migrasome_{ligand}_cargo"].values[n]
                assert np.flatnonzero(np.isfinite(held)).tolist() == np.flatnonzero(there).tolist()
                assert np.array_equal(held[: len(there)][there], own.held[there])
                loaded = run[f"migrasome_{ligand}_loaded"].values
                assert np.array_equal(loaded[: len(there)], own.loaded)
                totals = {entry: values[n] for entry, values in cargo_of(run, ligand).items()}
                assert totals == {
                    "made": own.made.sum(),
                    "in_bodies": in_bodies.sum(),
                    "in_migrasomes": own.held.sum(),
                    "released_by_bodies": own.released.sum(),
                    "released_by_fusion": own.fused.sum(),
                    "released_at_once": own.leaked.sum(),
                    "carried_off": own.carried_off.sum(),
                }
        assert frames == len(times) == 6
        loaded = run["migrasome_ccl2_loaded"].values
        assert 0.4 < loaded.mean() < 0.6
        assert run["migrasome_mcsf_loaded"].values.all()
        held = run["migrasome_ccl2_cargo"].values
        assert (held[:, loaded == 0][np.isfinite(held[:, loaded == 0])] == 0.0).all()


def test_what_was_made_is_somewhere_in_every_frame(cargo_run):
    with open_run(cargo_run) as run:
        for ligand in ("mcsf", "ccl2"):
            totals = cargo_of(run, ligand)
            made = totals.pop("made")
            assert made[0] > 0.0
            assert np.abs(sum(totals.values()) - made).max() < 1e-10 * made.min()
            assert min(values[-1] for values in totals.values()) > 1e-3 * made[-1]
            for place, total in (("body", "in_bodies"), ("migrasome", "in_migrasomes")):
                inside = np.nansum(run[f"{place}_{ligand}_cargo"].values, axis=1)
                assert inside == pytest.approx(totals[total], rel=1e-12)
            rear = run[f"body_{ligand}_rear_cargo"].values
            assert (rear < run[f"body_{ligand}_cargo"].values).all()


@pytest.mark.parametrize("bursts", ["true", "false"])
def test_the_field_is_given_what_was_released(solved, bursts):
    path = solved("secretion-l929", *CARGO_SETTINGS, f"mechanisms.bursts={bursts}")
    with open_run(path) as run:
        for ligand in ("mcsf", "ccl2"):
            totals, given = cargo_of(run, ligand), run[f"{ligand}_mass_secreted"].values
            released = sum(
                totals[f"released_{way}"] for way in ("by_bodies", "by_fusion", "at_once")
            )
            assert (np.abs(given - released) <= 1e-10 * released).all()
            assert (np.diff(released) > 0.0).all()
            assert totals["released_at_once"][-1] > 0.1 * released[-1]


def test_a_frozen_scene_knows_of_no_cargo_from_the_freezing_on(tiny, tmp_path):
    path = tmp_path / "frozen.nc"
    solve(cargo_model(tiny, "scene.mode=frozen"), path)
    with open_run(path) as run:
        growing = run["time"].values < 0.0
        assert growing.tolist() == [True] * 4 + [False] * 2
        for ligand in ("mcsf", "ccl2"):
            for name in (f"body_{ligand}_cargo", f"body_{ligand}_rear_cargo"):
                assert np.isfinite(run[name].values[growing]).all()
                assert np.isnan(run[name].values[~growing]).all()
            held = run[f"migrasome_{ligand}_cargo"].values
            there = np.isfinite(run["migrasome_x"].values)
            assert there[-1].any()
            assert np.array_equal(np.isfinite(held), there & growing[:, None])
            for values in cargo_of(run, ligand).values():
                assert np.array_equal(np.isfinite(values), growing)
        assert set(run["migrasome_ccl2_loaded"].values.tolist()) == {0, 1}


def test_nothing_is_said_of_cargo_where_none_is_followed(tiny, tiny_run, tmp_path):
    constant = tmp_path / "constant.nc"
    settings = ("mechanisms.cargo_kinetics=false", "mechanisms.bursts=false", "run.culture=1 h")
    solve(cargo_model(tiny, *settings, "output.fields_from=-1 h"), constant)
    for path in (tiny_run, constant):
        with netCDF4.Dataset(path) as file:
            assert "migrasome_ccl2_secretion_rate" in file.variables
            assert [v for v in file.variables if "cargo" in v or v.endswith("_loaded")] == []


@pytest.mark.parametrize("at", [-2.0 * HOUR, 900.0])
def test_an_interrupted_run_with_cargo_goes_on_to_the_same_content(tiny, cargo_run, tmp_path, at):
    def stop(time):
        if time == at:
            raise KeyboardInterrupt

    path, followed = tmp_path / "run.nc", cargo_model(tiny)
    with pytest.raises(KeyboardInterrupt):
        solve(followed, path, progress=stop)
    kept = load_state(checkpoint_path(path), cosine)
    assert kept.time == at
    assert sum(own.held.sum() for own in cargo(kept.scene).values()) > 0.0
    solve(followed, path, resume=True)
    assert digest_of(path) == digest_of(cargo_run)


def test_expected_size_bounds_a_file_with_cargo(tiny, cargo_run):
    full, _ = expected_size(cargo_model(tiny).spec)
    assert cargo_run.stat().st_size < full < 1e7
    without = ("mechanisms.cargo_kinetics=false", "mechanisms.bursts=false")
    share = load_model("secretion-l929").spec.ligand["ccl2"].secretion.carrying_fraction
    even = [f"stromal_type.l929.cargo.{name}.loaded_fraction={share}" for name in ("mcsf", "ccl2")]
    with open_run(cargo_run) as run:
        names = [v for v in run.data_vars if "cargo" in v or v.endswith("_loaded")]
        written = sum(run[v].dtype.itemsize * np.isfinite(run[v].values).sum() for v in names)
    added = expected_size(cargo_model(tiny, *even).spec)[0]
    added -= expected_size(cargo_model(tiny, *without).spec)[0]
    assert written < added < 100.0 * written


def test_the_size_of_a_run_with_cargo_follows_the_share_that_takes_it():
    def size(fraction, carrying="0.5"):
        settings = [f"stromal_type.msc.cargo.sdf1.loaded_fraction={fraction}"]
        settings += [f"ligand.sdf1.secretion.carrying_fraction={carrying}"]
        return np.array(expected_size(load_model("coculture-kg1a", settings=settings).spec))

    (nobody, some, everybody), unread = [size(n) for n in ("0.0", "0.1", "1.0")], size("0.1", "1.0")
    assert (some == unread).all()
    assert (nobody < some).all()
    assert (everybody - nobody)[1] == pytest.approx(10.0 * (some - nobody)[1], rel=1e-6)


# Writing


def test_a_run_grows_under_another_name_and_takes_its_own_when_complete(tiny, tmp_path):
    path = tmp_path / "run.nc"
    seen = []

    def look(time):
        seen.append((time, path.exists(), partial_path(path).exists()))

    solve(model(tiny, "run.duration=30 min"), path, progress=look)
    assert seen == [(900.0 * n, False, True) for n in range(3)]
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_a_run_is_never_overwritten_unasked(tiny, tmp_path):
    path = tmp_path / "run.nc"
    path.write_text("precious", encoding="utf-8")
    short = model(tiny, "run.duration=15 min", name="null-kg1a")
    with pytest.raises(InputError, match=r"run\.nc: exists already\. .*force"):
        solve(short, path)
    assert path.read_text(encoding="utf-8") == "precious"
    solve(short, path, force=True)
    with open_run(path) as run:
        assert run.sizes["trajectory"] == 30


def test_a_failed_run_keeps_what_it_had_and_is_started_over_only_with_force(tiny, tmp_path):
    path = tmp_path / "run.nc"

    def fail(time):
        if time > 0.0:
            raise RunError("t = 1000 s: no more.")

    short = model(tiny, "run.duration=30 min", name="null-kg1a")
    with pytest.raises(
        RunError, match=r"t = 1000 s: no more\. .*run\.nc\.partial, good up to 15 min; .*force\."
    ) as caught:
        solve(short, path, progress=fail)
    assert len(str(caught.value).splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc.partial"]
    for options, text in (({}, "failed or was killed.*force"), ({"resume": True}, "no state")):
        with pytest.raises(InputError, match=text):
            solve(short, path, **options)
    solve(short, path, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


@pytest.mark.parametrize("calls", [1, 2])
def test_a_disk_that_fills_up_ends_the_run_and_leaves_no_partial_file(
    tiny, tmp_path, monkeypatch, calls
):
    path = tmp_path / "run.nc"
    whole = writing._Recorder.append
    left = [calls]

    def append(recorder, state):
        left[0] -= 1
        if left[0] == 0:
            raise OSError(28, "No space left on device")
        whole(recorder, state)

    monkeypatch.setattr(writing._Recorder, "append", append)
    with pytest.raises(RunError, match=r"run\.nc: .*No space left.*choose another") as caught:
        solve(model(tiny), path, seed=1)
    assert len(str(caught.value).splitlines()) == 1
    assert left == [0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError, OSError])
def test_only_what_fails_in_writing_is_laid_to_the_disk(tiny, tmp_path, monkeypatch, error):
    def broken(*_arguments, **_options):
        raise error("the solver's own fault")

    monkeypatch.setattr(cosine, "advance", broken)
    with pytest.raises(error, match=r"^the solver's own fault$"):
        solve(model(tiny), tmp_path / "run.nc", seed=1)
    monkeypatch.undo()
    monkeypatch.setattr(writing._Recorder, "append", broken)
    with pytest.raises(RunError, match=r"writing failed \(the solver's own fault\)\. Make room"):
        solve(model(tiny), tmp_path / "run.nc", seed=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "is a folder"),
        ("missing/run.nc", "there is no folder"),
        ("file/run.nc", "there is no folder"),
    ],
)
def test_a_place_that_cannot_hold_a_run_is_refused(tmp_path, name, text):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=text):
        claim_output(tmp_path / name, force=False, resume=False)


def test_a_name_too_long_for_the_file_system_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot be written to|too long"):
        claim_output(tmp_path / ("n" * 250 + ".nc"), force=False, resume=False)


# Interruption


def interrupted(tiny, path, at):
    def stop(time):
        if time >= at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(model(tiny), path, seed=1, progress=stop)


@pytest.mark.parametrize("at", [0.0, HOUR])
def test_an_interrupted_run_goes_on_to_the_same_content(tiny, tiny_run, tmp_path, at):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, at)
    assert not path.exists()
    assert partial_path(path).exists()
    assert load_state(checkpoint_path(path), cosine).time == at
    with pytest.raises(InputError, match=r"run\.nc\.partial: .*resume, or .*force"):
        solve(model(tiny), path, seed=1)
    reached = []
    solve(model(tiny), path, seed=1, resume=True, progress=reached.append)
    assert reached == [at + 900.0 * n for n in range(1, len(reached) + 1)]
    assert reached[-1] == 7200.0
    assert digest_of(path) == digest_of(tiny_run)
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_an_interruption_between_two_outputs_goes_on_from_the_earlier_one(
    tiny, tiny_run, tmp_path, monkeypatch
):
    from sdf1_field import simulation as loop

    path = tmp_path / "run.nc"
    whole = loop.cell_layer.advance_with_uptake
    calls = []

    def stop(*arguments, **options):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return whole(*arguments, **options)

    monkeypatch.setattr(loop.cell_layer, "advance_with_uptake", stop)
    with pytest.raises(KeyboardInterrupt):
        solve(model(tiny), path, seed=1)
    monkeypatch.undo()
    assert load_state(checkpoint_path(path), cosine).time == 1800.0
    solve(model(tiny), path, seed=1, resume=True)
    assert digest_of(path) == digest_of(tiny_run)


@pytest.mark.parametrize(("settings", "seed"), [(["cells.time_step=15 s"], 1), ([], 2)])
def test_a_run_of_another_model_or_seed_is_not_resumed(tiny, tmp_path, settings, seed):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, 0.0)
    with pytest.raises(InputError, match="another model, settings or seed"):
        solve(model(tiny, *settings), path, seed=seed, resume=True)
    assert partial_path(path).exists()


@pytest.mark.parametrize(
    ("attribute", "value"), [("versions", '{"numpy": "1.0"}'), ("source", "sdf1-field 0.0.1")]
)
def test_a_run_begun_by_other_versions_is_not_resumed(tiny, tmp_path, attribute, value):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, 0.0)
    with netCDF4.Dataset(partial_path(path), "a") as file:
        file.setncattr(attribute, value)
    with pytest.raises(InputError, match=r"run\.nc\.partial: was begun by other versions .*force"):
        solve(model(tiny), path, seed=1, resume=True)
    assert partial_path(path).exists()
    assert checkpoint_path(path).exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99])
def test_a_damaged_partial_file_is_not_resumed(tiny, tmp_path, share):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, 0.0)
    whole = partial_path(path).read_bytes()
    partial_path(path).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"run\.nc\.partial: damaged .*force") as caught:
        solve(model(tiny), path, seed=1, resume=True)
    assert len(str(caught.value).splitlines()) == 1


def test_a_damaged_state_beside_a_partial_file_is_not_resumed(tiny, tmp_path):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, 0.0)
    checkpoint_path(path).write_bytes(checkpoint_path(path).read_bytes()[:1000])
    with pytest.raises(
        InputError, match=r"run\.nc\.state\.npz: damaged, or not a saved state.*force"
    ):
        solve(model(tiny), path, seed=1, resume=True)
    assert partial_path(path).exists()


def test_there_is_nothing_to_resume_without_an_interrupted_run(tmp_path):
    with pytest.raises(InputError, match="no interrupted run to resume"):
        claim_output(tmp_path / "run.nc", force=False, resume=True)


def test_a_damaged_state_is_refused(tmp_path):
    path = tmp_path / "state.npz"
    path.write_bytes(b"PK\x03\x04 not a state")
    with pytest.raises(InputError, match=r"damaged, or not a saved state.*force"):
        load_state(path, cosine)


# Reading


def test_a_missing_run_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.nc: no such file"):
        open_run(tmp_path / "none.nc")


def test_a_text_file_is_not_a_run(tmp_path):
    path = tmp_path / "run.nc"
    path.write_text("time,x,y\n0,1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="not a NetCDF-4 file"):
        open_run(path)


def test_an_empty_file_is_not_a_run(tmp_path):
    path = tmp_path / "run.nc"
    path.touch()
    with pytest.raises(InputError, match="not a NetCDF-4 file"):
        open_run(path)


def test_another_netcdf_file_is_not_a_run(tmp_path):
    path = tmp_path / "other.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 3)
        file.createVariable("x", "f8", ("x",))[:] = [1.0, 2.0, 3.0]
    with pytest.raises(InputError, match="not a run of sdf1-field"):
        open_run(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_run_is_damaged(tiny_run, tmp_path, share):
    path = tmp_path / "run.nc"
    whole = tiny_run.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="damaged or incomplete"):
        open_run(path)


def test_digest_ignores_when_and_how_but_not_what(tiny_run):
    with open_run(tiny_run) as run:
        run.load()
        digest = content_digest(run)
        later = run.assign_attrs(date_created="later", history="again", command_line="other")
        assert content_digest(later) == digest
        assert content_digest(run.assign_attrs(seed=2)) != digest
        changed = run.copy(deep=True)
        changed["cell_x"].values[0, 0] = np.nextafter(changed["cell_x"].values[0, 0], np.inf)
        assert content_digest(changed) != digest


def test_an_unfinished_run_is_not_opened_as_if_it_were_whole(tiny, tmp_path):
    def stop(_time):
        raise KeyboardInterrupt

    path = tmp_path / "cut.nc"
    with pytest.raises(KeyboardInterrupt):
        solve(load_model("coculture-kg1a", settings=tiny), path, progress=stop)
    with pytest.raises(InputError, match=r"unfinished run, .*cut\.nc again with resume\.$"):
        open_run(partial_path(path))
    checkpoint_path(path).unlink()
    with pytest.raises(InputError, match=r"no state to go on from\. Start over with force\.$"):
        open_run(partial_path(path))


def test_two_runs_never_write_one_file(tiny, tmp_path):
    path, second = tmp_path / "run.nc", []

    def meanwhile(time):
        if time == 900.0:
            with pytest.raises(InputError, match=r"run\.nc: is being written by another run\."):
                solve(model(tiny), path, seed=2, force=True)
            second.append(time)

    solve(model(tiny), path, seed=1, progress=meanwhile)
    assert second == [900.0]
    with open_run(path) as run:
        assert int(run.attrs["seed"]) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run.nc"]
