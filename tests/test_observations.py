"""Readings of networks, time lapses and co-cultures, against the simulations themselves."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sdf1_field import migrasomes
from sdf1_field.analysis import count_network, run_encounter_limit
from sdf1_field.cells import adhesion_map, touching_cells
from sdf1_field.claims import Sample
from sdf1_field.errors import InputError
from sdf1_field.observations import OBSERVATIONS, Dish, observe
from sdf1_field.observations.cells import watched_model
from sdf1_field.observations.network import NETWORK as NETWORK_QUANTITIES
from sdf1_field.record import open_run, solve
from sdf1_field.scene import NO_BODY, Fate, nearest_fibre
from sdf1_field.simulation import model_grid, regions_of, simulate
from sdf1_field.spec import load_model
from sdf1_field.treatments import schedule

HOUR = 3600.0
NETWORK = Dish(
    "network",
    "biogenesis-poly-l-lysine",
    ("dish.width=700 um", "dish.length=700 um", "biogenesis.detachment_rate=0 1/h"),
    7,
    (12 * HOUR, 24 * HOUR),
)
GROWN = (
    "dish.width=600 um",
    "dish.length=600 um",
    "grid.spacing=10 um",
    "scene.msc_density=80 1/mm**2",
    "run.culture=20 h",
    "cell_type.kg1a.migrasome_uptake_rate=20 1/h",
)
CROWD = (*GROWN, "cells.density=1500 1/mm**2")
COCULTURE = Dish("cells", "coculture-kg1a", CROWD, 3, (0.5 * HOUR, 2 * HOUR))
TIME_LAPSE = Dish(
    "time_lapse",
    "capture-single-migrasome",
    ("cells.density=130 1/mm**2", "grid.spacing=10 um", "adhesion.cd166_migrasome=0.5"),
    1001,
    (1 * HOUR, 6 * HOUR),
)


def read(dish):
    """Values by quantity, by what it is of, and by time."""
    return {(one.quantity, one.of, one.time): one.values for one in observe(dish)}


@pytest.fixture(scope="module")
def network():
    return read(NETWORK)


@pytest.fixture(scope="module")
def coculture():
    return read(COCULTURE)


@pytest.fixture(scope="module")
def states():
    """The same co-culture in the frames that its cells are seen in."""
    spec = watched_model(COCULTURE)
    return spec, [s for s in simulate(spec, seed=COCULTURE.seed) if s.cells is not None]


@pytest.fixture(scope="module")
def time_lapse():
    return read(TIME_LAPSE)


def assert_all_is_read(dish, values):
    """Each quantity of the observation at each time, with as many values as it says."""
    quantities = OBSERVATIONS[dish.observation].quantities.values()
    assert set(values) == {
        (quantity.name, of, time)
        for quantity in quantities
        for of in quantity.of or ("",)
        for time in dish.times
    }
    for quantity in quantities:
        for (name, _, _), each in values.items():
            if name == quantity.name and quantity.sample is Sample.DISH:
                assert each.shape == (1,)
            elif name == quantity.name and quantity.sample is Sample.SHARE:
                assert each.shape == (2,)
                assert 0.0 <= each[0] <= each[1]


def test_everything_that_is_promised_is_read(network, coculture, time_lapse):
    for dish, values in ((NETWORK, network), (COCULTURE, coculture), (TIME_LAPSE, time_lapse)):
        assert_all_is_read(dish, values)


def test_a_fixed_network_is_the_grown_scene_as_analysis_counts_it(network):
    spec = load_model(NETWORK.model, settings=NETWORK.settings).spec
    grid, time = model_grid(spec), NETWORK.times[-1]
    scene = migrasomes.seed_scene(
        spec, NETWORK.seed, schedule(spec).perturbation(0.0), secretion_factor=1.0
    )
    scene = migrasomes.advance(scene, time)
    count = count_network(scene, regions_of(spec, scene, grid), grid, time=time)
    assert count.detached > 0
    assert count.attached > 0
    fields = network["detached migrasomes per mm2", "", time]
    assert fields.sum() * count.area / len(fields) == pytest.approx(count.detached)
    assert network["attached migrasomes per mm2", "", time] * count.area == pytest.approx(
        count.attached
    )
    assert network["migrasomes per cell", "", time].sum() == count.attached
    assert tuple(network["MSC with fibres", "", time]) == (count.with_fibres, count.msc)


def test_both_ways_to_a_network_and_its_migrasomes_add_up(network):
    for time in NETWORK.times:
        ways = [network[f"networks by {way}", "", time] for way in ("retraction", "migration")]
        assert ways[0][1] == ways[1][1] == network["MSC with fibres", "", time][0]
        assert ways[0][0] + ways[1][0] <= ways[0][1]
        for way in ("migration", "retraction"):
            freed = network["migrasomes freed", way, time][0]
            assert freed <= network["migrasomes formed", way, time][0]
    early, late = NETWORK.times
    assert (
        network["migrasomes formed", "migration", late]
        > (network["migrasomes formed", "migration", early])
    )


def test_cd166_gathers_with_age(network):
    time = NETWORK.times[-1]
    early, mature, every = (
        network["CD166 on migrasomes", of, time] for of in ("early", "mature", "all")
    )
    assert len(early) + len(mature) < len(every)
    assert np.isin(early, every).all()
    assert early.max() < mature.min()
    above = network["migrasomes with more CD166 than the body", "", time]
    assert tuple(above) == (np.count_nonzero(every > 1.0), len(every))


def test_networks_are_not_observed_in_a_model_that_has_cultured_them_before():
    with pytest.raises(InputError, match=r"run\.culture 0"):
        observe(Dish("network", "coculture-kg1a", (), 1, (HOUR,)))


def test_cells_touch_migrasomes_as_every_pair_by_itself_says(states):
    spec, frames = states
    radius = 0.5 * spec.haematopoietic.diameter
    touched = 0
    for state in frames:
        m, cells = state.scene.migrasomes, state.cells
        alone = [
            any(
                m.present[k] and math.hypot(m.x[k] - x, m.y[k] - y) < m.radius[k] + radius
                for k in range(len(m.x))
            )
            for x, y in zip(cells.x, cells.y, strict=True)
        ]
        assert list(touching_cells(cells, state.scene, model_grid(spec), radius)) == alone
        touched += sum(alone)
    assert touched > 0


def test_who_touches_and_moves_on_is_seen_over_all_frames(states, coculture):
    spec, frames = states
    radius, time = 0.5 * spec.haematopoietic.diameter, COCULTURE.times[-1]
    touching = np.array(
        [touching_cells(s.cells, s.scene, model_grid(spec), radius) for s in frames]
    )
    ever = touching.any(axis=0)
    later = [touching[n:, k].all() for k, n in enumerate(touching.argmax(axis=0))]
    on = ever & ~np.array(later)
    assert tuple(coculture["cells that touch a migrasome", "", time]) == (ever.sum(), len(ever))
    assert tuple(coculture["cells that touch and move on", "", time]) == (on.sum(), ever.sum())
    assert on.any()


def test_a_fold_change_is_the_ratio_of_the_densities_of_its_counts_and_areas(coculture):
    for quantity in ("fold change", "fold change by touch"):
        parts = OBSERVATIONS["cells"].quantities[quantity].density_ratio
        for time in COCULTURE.times:

            def density(of, time=time, parts=parts):
                return (coculture[parts.counts, of, time] / coculture[parts.areas, of, time])[0]

            for of in ("MSC", "network"):
                expected = density(of) / density(parts.base)
                assert coculture[quantity, of, time] == pytest.approx([expected], rel=1e-12)
    everywhere = ("MSC", "network", "free surface")
    counted = sum(coculture["cells in region", of, 2 * HOUR][0] for of in everywhere)
    assert counted == coculture["cells", "", 2 * HOUR][0]
    area = sum(coculture["area of region", of, 2 * HOUR][0] for of in everywhere)
    assert area == pytest.approx(600.0**2, rel=1e-9)


def test_a_stay_is_the_mean_time_of_a_cells_contacts(states, coculture):
    spec, frames = states
    grid, radius = model_grid(spec), 0.5 * spec.haematopoietic.diameter
    times = [s.time for s in frames]
    touching = np.array([touching_cells(s.cells, s.scene, grid, radius) for s in frames]).T
    means = []
    for cell in touching:
        begins = [n for n in range(len(cell)) if cell[n] and not (n and cell[n - 1])]
        passed = sum(times[n] - times[n - 1] for n in range(1, len(cell)) if cell[n])
        if begins:
            means.append(passed / len(begins))
    assert coculture["time on migrasomes", "", 2 * HOUR] == pytest.approx(means)
    assert len(means) > 5


def test_what_is_taken_up_is_what_the_run_says_has_been(states, coculture):
    _, frames = states
    m, time = frames[-1].scene.migrasomes, COCULTURE.times[-1]
    internalised = m.fate == Fate.IS_TAKEN_UP
    free = np.count_nonzero(internalised & (m.body == NO_BODY))
    assert coculture["migrasomes taken up", "detached", time] == free
    assert (
        coculture["migrasomes taken up", "attached", time] == np.count_nonzero(internalised) - free
    )
    assert internalised.any()


def test_the_encounter_limit_is_that_of_the_saved_run_at_every_time(coculture, tmp_path):
    settings = [*CROWD, "run.duration=2 h", "output.ligands=[]"]
    solve(load_model(COCULTURE.model, settings=settings), tmp_path / "run.nc", seed=COCULTURE.seed)
    with open_run(tmp_path / "run.nc") as run:
        for time in COCULTURE.times:
            (saved,) = run_encounter_limit(run, [time])
            seen = [coculture["encounter limit", of, time][0] for of in ("MSC", "network")]
            assert seen == saved.tolist()
        assert not np.array_equal(run["region"].values[0], run["region"].values[-1])


def test_the_encounter_limit_does_not_depend_on_how_often_cells_are_saved(coculture):
    time = COCULTURE.times[-1]
    # Seldom, and mostly between coupling stops.
    settings = (*CROWD, "output.tracks_every=40 min", "output.tracks_from=40 min")
    seldom = read(Dish("cells", COCULTURE.model, settings, COCULTURE.seed, (time,)))
    for of in ("MSC", "network"):
        assert seldom["encounter limit", of, time] == coculture["encounter limit", of, time]


@pytest.mark.parametrize("model", ["coculture-kg1a-amd3100-10um", "coculture-kg1a-sdf1"])
def test_drugs_change_migrasomes_only_by_what_cells_have_met_and_eaten(model):
    fasting = ("mechanisms.migrasome_uptake=false", "mechanisms.cargo_kinetics=false")
    control, treated = (
        read(Dish("cells", name, (*GROWN, *fasting), 3, (0.25 * HOUR,)))
        for name in ("coculture-kg1a", model)
    )
    for quantity in NETWORK_QUANTITIES:
        key = quantity.name, "", 0.25 * HOUR
        np.testing.assert_array_equal(treated[key], control[key])
        assert control[key].any()


def test_the_networks_share_of_sdf1_is_that_of_the_runs_own_totals(states, coculture):
    _, frames = states
    begin, end = (migrasomes.cargo_of(s.scene)["sdf1"] for s in (frames[0], frames[-1]))
    assert frames[0].time == 0.0
    network = sum(
        getattr(end, way).sum() - getattr(begin, way).sum() for way in ("fused", "leaked")
    )
    bodies = end.released.sum() - begin.released.sum()
    ratio = coculture["SDF-1 released by the network over that by bodies", "", COCULTURE.times[-1]]
    assert ratio == pytest.approx(network / bodies)
    assert ratio > 0.0


def test_without_cargo_nothing_is_said_of_who_releases_more(tiny):
    dish = Dish("cells", "null-kg1a", tiny, 1, (0.25 * HOUR,))
    values = read(dish)
    assert_all_is_read(dish, values)
    ratio = values["SDF-1 released by the network over that by bodies", "", dish.times[0]]
    assert np.isnan(ratio)


def test_the_nearest_fibre_is_where_a_fine_search_finds_it(states):
    _, frames = states
    scene, cells = frames[-1].scene, frames[-1].cells
    direction, distance = nearest_fibre(scene, cells.x, cells.y)
    steps = np.linspace(0.0, 1.0, 200)
    along = []
    for own in (scene.fibres.x, scene.fibres.y):
        there = np.isfinite(scene.fibres.x[:, 1:])
        begin, end = own[:, :-1][there], own[:, 1:][there]
        along.append((begin[:, None] + (end - begin)[:, None] * steps).ravel())
    for n, (x, y) in enumerate(zip(cells.x, cells.y, strict=True)):
        found = np.hypot(along[0] - x, along[1] - y)
        assert distance[n] == pytest.approx(found.min(), abs=0.1)
        foot = x + direction[0, n] * distance[n], y + direction[1, n] * distance[n]
        assert np.hypot(along[0] - foot[0], along[1] - foot[1]).min() < 0.2
    np.testing.assert_allclose(np.hypot(*direction)[distance > 0.0], 1.0)


def test_a_time_lapse_is_of_the_cells_that_begin_away_from_fibres(time_lapse):
    reached = [time_lapse["cells that come to a fibre", "", time] for time in TIME_LAPSE.times]
    captured = time_lapse["captured on a fibre", "", TIME_LAPSE.times[-1]]
    assert reached[0][1] == reached[1][1] == captured[1] > 0
    assert reached[0][0] <= reached[1][0]
    assert 0 < captured[0] <= reached[1][0]


def test_ways_and_captures_are_those_of_each_cell_followed_by_itself(time_lapse):
    spec = watched_model(TIME_LAPSE)
    grid, radius = model_grid(spec), 0.5 * spec.haematopoietic.diameter
    frames = [s for s in simulate(spec, seed=TIME_LAPSE.seed) if s.cells is not None]
    holds = [adhesion_map(spec, s.scene, grid) for s in frames]
    means, captured = [], 0
    for n in range(spec.cell_count):
        ways, first = [], None
        before = None
        for state, hold in zip(frames, holds, strict=True):
            place = np.array([state.cells.x[n], state.cells.y[n]])
            direction, distance = nearest_fibre(state.scene, place[:1], place[1:])
            on_fibre, held = distance[0] <= radius, state.cells.held[n]
            if before is None and on_fibre:
                break
            if before is not None and before[2] and not held:
                ways.append(float((place - before[0]) @ before[1]))
            if first is None and held and on_fibre:
                first = hold.free("cd166", place[:1], place[1:])[0]
            before = place, direction[:, 0], not held and not on_fibre
        if ways:
            means.append(np.mean(ways))
        captured += first is not None and first < 1.0
    assert captured == time_lapse["captured on a fibre", "", TIME_LAPSE.times[-1]][0]
    np.testing.assert_allclose(
        time_lapse["way towards the nearest fibre", "", TIME_LAPSE.times[-1]], means
    )


def test_where_there_is_no_network_no_cell_is_followed():
    dish = replace(TIME_LAPSE, settings=(*TIME_LAPSE.settings, "run.culture=1 h"))
    values = read(dish)
    assert_all_is_read(dish, values)
    for time in TIME_LAPSE.times:
        assert tuple(values["captured on a fibre", "", time]) == (0, 0)
        assert len(values["way towards the nearest fibre", "", time]) == 0
