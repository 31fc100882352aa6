"""Cells under a recorded exposure take the steps of a full run, for any cells and their drugs."""

import numpy as np
import pytest

import sdf1_field as sf
from sdf1_field.cells import adhesion_map
from sdf1_field.errors import InputError
from sdf1_field.exposure import weights_of
from sdf1_field.observations import Dish
from sdf1_field.observations.cells import AREA, FOLD_CHANGE, TAKEN_UP, read_counts
from sdf1_field.scene import Fate
from sdf1_field.simulation import model_grid, record_exposure, replay_cells, simulate
from sdf1_field.simulation.replay import scene_left, stimulus_over
from sdf1_field.spec import load_model
from sdf1_field.treatments import schedule

GROWN = (
    "scene.mode=grown",
    "scene.msc_density=150 1/mm**2",
    "biogenesis.nucleation=0.1 1/(um*h)",
    "biogenesis.tether_spacing=40 um",
    "run.culture=6 h",
    "output.fields_every=15 min",
    "output.tracks_every=15 min",
)
HOUR = 3600.0


def spec_of(tiny, model="coculture-kg1a", *settings):
    return load_model(model, settings=(*tiny, *GROWN, *settings)).spec


@pytest.fixture(scope="module")
def recorded(tiny):
    return record_exposure(spec_of(tiny), 3)


def farthest_apart(full, replayed):
    """Largest distance between the same cells of two walks at all times [um]."""
    walked = [snapshot for snapshot in full if snapshot.cells is not None]
    pairs = list(zip(walked, replayed, strict=True))
    assert [a.time for a, _ in pairs] == [b.time for _, b in pairs]
    return max(
        np.hypot(a.cells.x - b.cells.x, a.cells.y - b.cells.y).max(initial=0.0) for a, b in pairs
    )


def test_maps_kept_in_double_precision_give_the_full_run_but_for_round_off(tiny):
    spec = spec_of(tiny)
    exact = record_exposure(spec, 3, dtype=np.float64, least_correction=0.0)
    assert farthest_apart(simulate(spec, seed=3), replay_cells(exact, spec)) < 1e-7


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("coculture-kg1a", ()),
        ("coculture-kg1a-amd3100-10um", ()),
        ("coculture-kg1a-anti-cd166", ()),
        ("coculture-kg1a", ("mechanisms.haptotaxis=false",)),
        ("coculture-kg1a", ("mechanisms.soluble_sensing=false", "cell_type.kg1a.speed=3 um/min")),
        ("coculture-kg1a", ("receptor.cxcr4.coat_share=0.2 1/um", "adhesion.cd166_migrasome=1.5")),
    ],
)
def test_one_recorded_exposure_serves_other_cells_and_their_drugs(tiny, recorded, model, settings):
    spec = spec_of(tiny, model, *settings)
    full = [s for s in simulate(spec, seed=3) if s.cells is not None]
    replayed = list(replay_cells(recorded, spec))
    # Single precision moves cells by a share of a step.
    a, b = full[-1].cells, replayed[-1].cells
    apart = np.hypot(a.x - b.x, a.y - b.y)
    assert np.median(apart) < 1e-2
    assert np.array_equal(full[-1].regions, replayed[-1].regions)
    assert (a.held == b.held).mean() > 0.95


def test_a_dose_that_the_floor_has_seen_is_recorded_with_it(tiny):
    spec = spec_of(tiny, "coculture-kg1a-sdf1")
    assert (
        farthest_apart(simulate(spec, seed=3), replay_cells(record_exposure(spec, 3), spec)) < 0.1
    )


def test_the_same_seed_gives_the_same_walk_and_another_seed_another(tiny, recorded):
    spec = spec_of(tiny)
    first, again, other = (
        next(replay_cells(recorded, spec, seed=seed, times=[HOUR])).cells.x for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_times_that_are_asked_for_do_not_change_the_walk(tiny, recorded):
    spec = spec_of(tiny)
    (last,) = replay_cells(recorded, spec, times=[2 * HOUR])
    every = list(replay_cells(recorded, spec))
    assert np.array_equal(last.cells.x, every[-1].cells.x)


def test_known_contacts_give_the_adhesion_map_of_the_scene(tiny, recorded):
    number = len(recorded.times) // 2
    present = np.flatnonzero(recorded.scenes[number].migrasomes.present)
    for model in ("coculture-kg1a", "coculture-kg1a-anti-cd166"):
        spec = spec_of(tiny, model)
        scene = scene_left(
            recorded.scenes[number],
            dict.fromkeys(present[:3].tolist(), 0.0),
            schedule(spec).events,
            recorded.times[number],
        )
        expected = adhesion_map(spec, scene, model_grid(spec))
        found = adhesion_map(spec, scene, model_grid(spec), recorded.contacts[number])
        assert expected.ligands.any()
        assert np.array_equal(expected.contact, found.contact)
        assert np.array_equal(expected.ligands, found.ligands)


def test_antibodies_block_what_they_block_in_a_run(tiny, recorded):
    spec = spec_of(tiny, "coculture-kg1a-anti-cd166")
    full = [s for s in simulate(spec, seed=3) if s.cells is not None][-1].scene
    met = list(replay_cells(recorded, spec))[-1].scene
    here = full.migrasomes.present
    assert np.array_equal(full.bodies.blocked, met.bodies.blocked)
    assert np.array_equal(full.migrasomes.blocked[here], met.migrasomes.blocked[here])
    assert 0.0 < met.migrasomes.blocked[here].mean() < met.bodies.blocked[0]


def test_migrasomes_taken_up_are_gone_as_in_a_run(tiny, recorded):
    eating = (
        "mechanisms.migrasome_uptake=true",
        "cell_type.kg1a.migrasome_uptake_rate=1e-3 1/s",
    )
    spec = spec_of(tiny, "coculture-kg1a", *eating)
    full = [s for s in simulate(spec, seed=3) if s.cells is not None]
    met = list(replay_cells(recorded, spec))
    first = next(n for n, moment in enumerate(met) if not_there(moment).any())
    assert np.array_equal(not_there(full[first]), not_there(met[first]))
    last = met[-1].scene.migrasomes
    assert not_there(met[-1]).sum() == pytest.approx(not_there(full[-1]).sum(), rel=0.3)
    assert not last.present[not_there(met[-1])].any()
    assert (last.end[not_there(met[-1])] <= met[-1].time).all()


def not_there(moment):
    return moment.scene.migrasomes.fate == Fate.IS_TAKEN_UP


def test_a_replayed_dish_is_read_as_a_simulated_one(tiny, recorded):
    dish = Dish("cells", "coculture-kg1a", (*tiny, *GROWN), 3, (HOUR, 2 * HOUR))
    simulated, replayed = (
        {(r.quantity, r.time, r.of): r.values for r in readings}
        for readings in (read_counts(dish), read_counts(dish, recorded))
    )
    assert simulated.keys() == replayed.keys()
    for quantity in (FOLD_CHANGE, AREA, TAKEN_UP):
        for key in (key for key in simulated if key[0] == quantity):
            assert replayed[key] == pytest.approx(simulated[key], rel=1e-9, nan_ok=True)


def test_counts_and_areas_are_those_of_the_regions(tiny, recorded):
    spec = spec_of(tiny)
    (moment,) = replay_cells(recorded, spec, times=[HOUR])
    assert moment.counts.sum() == spec.cell_count
    assert moment.areas.sum() == pytest.approx(spec.dish.width * spec.dish.length)


@pytest.mark.parametrize(
    ("model", "setting", "named"),
    [
        ("coculture-kg1a", "ligand.sdf1.diffusivity=100 um**2/s", "ligand.sdf1.diffusivity"),
        ("coculture-kg1a", "biogenesis.leak_rate=1 1/h", "biogenesis.leak_rate"),
        ("coculture-kg1a", "cell_type.kg1a.diameter=9 um", "diameter"),
        ("coculture-kg1a", "mechanisms.uptake=true", "mechanisms.uptake"),
        ("coculture-kg1a", "variation.dish.secretion=0.3", "variation"),
        ("coculture-kg1a", "run.duration=3 h", "run.duration"),
        ("coculture-kg1a", "numerics.coupling_step=10 min", "numerics.coupling_step"),
        ("coculture-kg1a-amd3100-10um", "treatments.amd3100.start=20 min", "20 min"),
        ("coculture-kg1a-sdf1", "run.seed=1", "treatments"),
    ],
)
def test_a_model_of_another_stroma_is_refused(tiny, recorded, model, setting, named):
    with pytest.raises(InputError) as error:
        next(replay_cells(recorded, spec_of(tiny, model, setting)))
    assert str(error.value).startswith("replay: ")
    assert named in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_a_time_between_stops_is_refused(tiny, recorded):
    with pytest.raises(InputError, match="7 min is not a stop"):
        next(replay_cells(recorded, spec_of(tiny), times=[420.0]))


def test_fields_that_depend_on_the_cells_are_not_recorded(tiny):
    with pytest.raises(InputError, match=r"mechanisms\.uptake"):
        record_exposure(spec_of(tiny, "coculture-kg1a", "mechanisms.uptake=true"))


def test_cells_that_sense_need_a_recorded_ligand(tiny):
    sensing = ("soluble_sensing", "haptotaxis", "arrest", "chemokinesis")
    null = spec_of(tiny, "coculture-kg1a", *(f"mechanisms.{name}=false" for name in sensing))
    silent = record_exposure(null, 3)
    assert silent.intervals == ()
    assert list(replay_cells(silent, null))[-1].cells.x.size == null.cell_count
    with pytest.raises(InputError, match="sense"):
        next(replay_cells(silent, spec_of(tiny)))


def test_a_dish_without_cells_is_replayed_without_any_and_not_with_cells_that_sense(tiny):
    empty = spec_of(tiny, "coculture-kg1a", "cells.density=0 1/mm**2")
    alone = record_exposure(empty, 3)
    assert alone.intervals == ()
    assert next(replay_cells(alone, empty, times=[HOUR])).cells.x.size == 0
    with pytest.raises(InputError, match=r"cells\.density above 0"):
        next(replay_cells(alone, spec_of(tiny)))


def test_the_size_is_that_of_the_arrays(recorded):
    maps = sum(part.dissolved.nbytes + part.attached.nbytes for part in recorded.intervals)
    assert maps < recorded.nbytes < 5e6


def test_python_users_get_a_table_by_time_and_region(tiny):
    acting = [setting for setting in tiny if not setting.startswith("scene.")]
    model = sf.load_model("coculture-kg1a", settings=(*acting, *GROWN))
    recorded = sf.record_exposure(model, seed=3)
    treated = model.set({"treatments.amd3100": {"dose": "10 uM"}})
    table = sf.replay(recorded, treated, at=["1 h", "2 h"])
    assert list(table["time_s"]) == [HOUR] * 3 + [2 * HOUR] * 3
    assert table.groupby("time_s")["cells"].sum().tolist() == [model.spec.cell_count] * 2
    assert (table.groupby("time_s")["cells_touching"].sum() == model.spec.cell_count).all()


def test_a_dish_without_migrasomes_is_recorded(tiny):
    spec = spec_of(tiny, "coculture-kg1a", "biogenesis.nucleation=0 1/(um*h)")
    bare = record_exposure(spec, 3)
    assert farthest_apart(simulate(spec, seed=3), replay_cells(bare, spec)) < 0.1


def test_a_migrasome_taken_up_secretes_no_more_and_leaves_its_coat(tiny, recorded):
    interval, weights = recorded.intervals[-1], weights_of(spec_of(tiny))
    sources = interval.sources
    chosen = int(np.argmax(sources.before.sum(axis=1)))
    number = int(sources.number[chosen])
    untouched, none = stimulus_over(recorded, interval, weights, (), {})
    assert none == {}
    left, coats = stimulus_over(
        recorded, interval, weights, {number}, {number: sources.before[chosen]}
    )
    assert (coats[number] < sources.before[chosen]).all()
    assert (coats[number] < sources.after[chosen]).all()
    assert (coats[number] > 0.0).all()
    changed = (untouched.subgrid.profile != left.subgrid.profile).any(axis=(1, 2))
    at = (untouched.subgrid.x == sources.x[chosen]) & (untouched.subgrid.y == sources.y[chosen])
    assert changed[at].all()
    gone, _ = stimulus_over(recorded, interval, weights, {number}, {})
    assert not gone.subgrid.profile[at].any()
    assert np.array_equal(untouched.visible, left.visible)


@pytest.mark.slow
def test_replayed_and_simulated_dishes_agree_where_cells_take_up_migrasomes(tiny):
    spec = spec_of(
        tiny, "coculture-kg1a", "cells.density=1000 1/mm**2", "biogenesis.nucleation=0.02 1/(um*h)",
        "mechanisms.migrasome_uptake=true", "cell_type.kg1a.migrasome_uptake_rate=3e-4 1/s",
        "output.tracks_every=2 h", "output.fields_every=2 h", "output.ligands=[]",
    )  # fmt: skip
    counted, again = np.zeros((2, 3))
    for seed in range(4):
        *_, full = simulate(spec, seed=seed)
        *_, replayed = replay_cells(record_exposure(spec, seed), spec)
        assert not_there(replayed).any()
        counted += np.bincount(full.cell_regions, minlength=3)
        again += replayed.counts
    # Single cells change place; four standard deviations of as many that change independently.
    assert (np.abs(again - counted) < 4.0 * np.sqrt(0.25 * counted)).all()
