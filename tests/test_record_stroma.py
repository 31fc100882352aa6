import dataclasses
from collections.abc import Mapping
from typing import get_origin, get_type_hints

import netCDF4
import numpy as np
import pytest

from conftest import CARGO_SETTINGS, digest_of, tiny_model
from sdf1_field.errors import Sdf1FieldWarning
from sdf1_field.exposure import Exposure
from sdf1_field.migrasomes import cargo_of as cargo_in
from sdf1_field.record import (
    checkpoint_path,
    expected_size,
    load_state,
    open_run,
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
    Scene,
)
from sdf1_field.scene.variables import CARGO
from sdf1_field.simulation import SceneFields, State, prepare, simulate, snapshot_of
from sdf1_field.spec import load_model

HOUR = 3600.0


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
    return tiny_model(tiny, *GROWING, *settings, name="null-kg1a")


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
    prepared = prepare(spec, seed)
    for time in FRAMES:
        if resume_from is None or time >= resume_from.time:
            fields = {
                name: prepared.solvers[name].start(
                    equation, time=time, tolerances=prepared.tolerances
                )
                for name, equation in prepared.equations.items()
            }
            scene = growing_scene(time)
            state = State(time, seed, scene, fields, None, Exposure(np.zeros((0, 4))))
            yield snapshot_of(state, SceneFields(prepared, scene))


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
        assert (sizes["body"], sizes["fibre"], sizes["migrasome"]) == (3, 4, 9)
        assert sizes["fibre_vertex"] == VERTICES
        assert file["migrasome_x"].chunking() == [len(FRAMES), 9]
        assert file["fibre_x"].chunking() == [len(FRAMES), 4, VERTICES]


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
        with pytest.warns(Sdf1FieldWarning, match=r"interrupted at .* frames"):
            shown = open_run(partial_path(path), interrupted=True)
        with shown as run:
            assert run.sizes["migrasome"] == (2 if at < 0.0 else 5)
            assert np.isfinite(run["migrasome_end"].values).any() == (at >= 0.0)
            assert run.sizes["time"] == (1 if at < 0.0 else 2)
        solve(growing_model(tiny), path, resume=True, force=True)
        assert digest_of(path) == digest_of(growing_run)
        path.unlink()


def test_a_scene_in_which_nothing_ever_forms_has_no_such_variables(tiny, tmp_path, monkeypatch):
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
            bared = Scene(scene.bodies, bare(scene.fibres), bare(scene.migrasomes))
            yield dataclasses.replace(state, here=SceneFields(state.here.prepared, bared))

    monkeypatch.setattr(writing, "simulate", states)
    path = tmp_path / "bare.nc"
    solve(growing_model(tiny), path)
    with netCDF4.Dataset(path) as file:
        assert len(file.dimensions["body"]) == 3
        assert [v for v in file.variables if v.startswith(("fibre", "migrasome"))] == []
    with open_run(path) as run:
        assert (run.sizes["fibre"], run.sizes["migrasome"]) == (0, 0)
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
    save_state(path, State(0.0, 7, scene, {}, None, Exposure(np.ones((2, 4)) / 3.0)))
    loaded = load_state(path, "cosine")
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


def cargo_model(tiny, *settings):
    return tiny_model(tiny, *CARGO_SETTINGS, *settings, name="secretion-l929")


def cargo_of(run, ligand):
    return {entry: run[f"{ligand}_cargo_{entry}"].values for entry in CARGO}


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
        for snapshot in simulate(cargo_model(tiny).spec, seed=1):
            if snapshot.time not in times:
                continue
            n, there = times.index(snapshot.time), snapshot.scene.migrasomes.present
            frames += 1
            for ligand, own in cargo_in(snapshot.scene).items():
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
    kept = load_state(checkpoint_path(path), "cosine")
    assert kept.time == at
    assert sum(own.held.sum() for own in cargo_in(kept.scene).values()) > 0.0
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

    (none, some, every), unread = [size(n) for n in ("0.0", "0.1", "1.0")], size("0.1", "1.0")
    assert (some == unread).all()
    assert (none < some).all()
    assert (every - none)[1] == pytest.approx(10.0 * (some - none)[1], rel=1e-6)
