import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from conftest import make_migrasomes
from sdf1_field import cells as cell_layer
from sdf1_field.analysis import density_fold_change, encounters
from sdf1_field.cells import (
    CellParameters,
    Cells,
    Hold,
    advance,
    advance_with_uptake,
    advected,
    cell_parameters,
    hold_of,
    let_go,
    seed_cells,
    signal_to_noise,
    sticky,
    walking,
)
from sdf1_field.cells.turning import decayed, turned
from sdf1_field.errors import InputError
from sdf1_field.exposure.sampling import Stimulus, coefficients, no_stimulus, no_subgrid_field
from sdf1_field.grid import make_grid
from sdf1_field.pharmacology import chemotactic_index, receptor_occupancy
from sdf1_field.scene import (
    NO_BODY,
    Bodies,
    Fibres,
    Origin,
    Region,
    Scene,
    place_scene,
    region_areas,
)
from sdf1_field.simulation import StickyFloor, begin_encounters, model_grid, regions_of, simulate
from sdf1_field.spec import load_model
from sdf1_field.variation import DishFactors, dish_factors

HOUR = 3600.0

WANDERER = CellParameters(
    radius=6.0,
    speed=0.025,
    persistence_time=300.0,
    receptors=0.0,
    internalisation_ratio=0.0,
    integration_time=60.0,
    downstream_noise=10.0,
    dissociation_constant=4.5,
    dissociation_rate=0.01,
    chemokinesis_gain=0.0,
    cd166_catch_rate=0.0,
    vla4_catch_rate=0.0,
    cxcr4_catch_rate=0.0,
    fibre_catch_rate=0.0,
    release_rate=0.0,
    migrasome_uptake_rate=0.0,
    crowding=False,
)
STRAIGHT = WANDERER._replace(persistence_time=math.inf)
SENSING = WANDERER._replace(receptors=20_000.0, internalisation_ratio=2.0, speed=1e-4)


def floor(width, length, spacing):
    return make_grid(width, length, 100.0, spacing=spacing, floor_layer=50.0, layer_growth=1.0)


def nothing(grid):
    return Hold(*(np.zeros((grid.ny, grid.nx)) for _ in Hold._fields))


def all_over(grid):
    return Hold(*(np.ones((grid.ny, grid.nx)) for _ in Hold._fields))


def crowd(x, y, angle):
    x, y, angle = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (x, y, angle))
    held = np.zeros(len(x), dtype=np.bool_)
    return Cells(x, y, np.cos(angle), np.sin(angle), held, 0)


def many_at(x, y, count, seed=0):
    angle = 2.0 * math.pi * np.random.default_rng(seed).random(count)
    return crowd(np.full(count, x), np.full(count, y), angle)


def move(cells, grid, parameters, duration, *, seen=None, hold=None, time_step=30.0, seed=1):
    return advance(
        cells,
        grid,
        no_stimulus(grid) if seen is None else seen,
        nothing(grid) if hold is None else hold,
        parameters,
        duration=duration,
        time_step=time_step,
        seed=seed,
    )


def standard_error(values):
    return values.std(ddof=1) / math.sqrt(len(values))


# Free motion


@pytest.mark.parametrize("persistences", [1, 4, 20])
def test_mean_squared_displacement_is_that_of_a_persistent_random_walk(persistences):
    grid = floor(20_000.0, 20_000.0, 1000.0)
    v, p = WANDERER.speed, WANDERER.persistence_time
    t = persistences * p
    moved = move(many_at(1e4, 1e4, 20_000), grid, WANDERER, t)
    square = (moved.x - 1e4) ** 2 + (moved.y - 1e4) ** 2
    law = 2.0 * v**2 * p * (t - p * -math.expm1(-t / p))
    assert abs(square.mean() - law) < 3.0 * standard_error(square)


@pytest.mark.parametrize("persistences", [0.5, 1, 3])
def test_velocity_forgets_its_direction_with_the_persistence_time(persistences):
    grid = floor(20_000.0, 20_000.0, 1000.0)
    before = many_at(1e4, 1e4, 20_000)
    after = move(before, grid, WANDERER, persistences * WANDERER.persistence_time)
    cosine = before.heading_x * after.heading_x + before.heading_y * after.heading_y
    assert abs(cosine.mean() - math.exp(-persistences)) < 3.0 * standard_error(cosine)


def test_cells_do_not_drift_on_a_floor_without_ligand():
    grid = floor(20_000.0, 20_000.0, 1000.0)
    moved = move(many_at(1e4, 1e4, 20_000), grid, WANDERER, HOUR)
    assert abs(moved.x.mean() - 1e4) < 3.0 * standard_error(moved.x)
    assert abs(moved.y.mean() - 1e4) < 3.0 * standard_error(moved.y)
    assert moved.x.std() > 20.0


def test_cells_have_the_same_bits_whether_advanced_at_once_or_in_pieces():
    spec = load_model("coculture-kg1a").spec
    grid = floor(1400.0, 1400.0, 50.0)
    cells = seed_cells(spec, 3)
    parameters = cell_parameters(spec, DishFactors(), competition=0.0)
    seen, hold = gradient(grid, base=1.0, slope=1e-3), all_over(grid)
    once = move(cells, grid, parameters, 2 * HOUR, seen=seen, hold=hold)
    pieces = cells
    for _ in range(8):
        pieces = move(pieces, grid, parameters, HOUR / 4, seen=seen, hold=hold)
    for name in ("x", "y", "heading_x", "heading_y", "held"):
        assert np.array_equal(getattr(once, name), getattr(pieces, name))
    assert once.steps == pieces.steps == 240
    assert 0 < once.held.sum() < len(once.held)


@pytest.mark.parametrize("receptors", [0.0, 2e4])
def test_without_crowding_a_cells_path_has_the_same_bits_with_any_other_cells(receptors):
    grid = floor(1000.0, 1000.0, 50.0)
    rng = np.random.default_rng(8)
    x, y, angle = rng.random((3, 1000)) * np.array([[1000.0], [1000.0], [6.28]])
    parameters = WANDERER._replace(
        receptors=receptors, speed=0.5, cd166_catch_rate=1e-3, release_rate=1e-3
    )
    values = 3.0 + np.sin(grid.x / 90.0)[None, :] * np.cos(grid.y / 70.0)[:, None]
    seen, hold = seen_by_cells(values), all_over(grid)
    many = move(crowd(x, y, angle), grid, parameters, HOUR, seen=seen, hold=hold)
    for count in (1, 7, 400):
        few = move(
            crowd(x[:count], y[:count], angle[:count]), grid, parameters, HOUR, seen=seen, hold=hold
        )
        for name in ("x", "y", "heading_x", "heading_y", "held"):
            assert np.array_equal(getattr(few, name), getattr(many, name)[:count]), (count, name)
    assert 0 < many.held.sum() < 1000


def test_headings_stay_unit_vectors():
    grid = floor(1000.0, 1000.0, 50.0)
    moved = move(many_at(500.0, 500.0, 500), grid, WANDERER, 100 * HOUR)
    assert np.abs(np.hypot(moved.heading_x, moved.heading_y) - 1.0).max() < 1e-15


@pytest.mark.parametrize("crowding", [False, True])
def test_no_time_and_no_cells_change_nothing(crowding):
    grid = floor(400.0, 400.0, 10.0)
    parameters = WANDERER._replace(crowding=crowding)
    before = many_at(200.0, 200.0, 3)
    still = move(before, grid, parameters, 0.0)
    assert still.steps == 0
    assert np.array_equal(still.x, before.x)
    assert np.array_equal(still.heading_x, before.heading_x)
    empty = move(crowd([], [], []), grid, parameters, HOUR)
    assert (len(empty.x), empty.steps) == (0, 120)


# Sensing


def seen_by_cells(visible, steering=None):
    """A floor with these values at cell centres; all that is visible steers unless told."""
    alike = steering is None
    visible = coefficients(visible)
    return Stimulus(
        visible, visible if alike else coefficients(steering), alike, no_subgrid_field()
    )


def ramp(grid, *, base, slope):
    """Coefficients of a map that rises along x, without reflection: straight up to the walls."""
    x = grid.dx * (np.arange(-2, grid.nx + 2) + 0.5)
    return np.tile(base + slope * (x - grid.width / 2), (grid.ny + 4, 1))


def gradient(grid, *, base, slope):
    values = ramp(grid, base=base, slope=slope)
    return Stimulus(values, values, True, no_subgrid_field())


def signal(grid, seen, parameters, x, y):
    return signal_to_noise(seen, parameters, x, y, grid.dx, grid.dy)


@pytest.mark.parametrize("slope", [0.01, 0.03, 0.12])
def test_mean_cosine_to_a_gradient_is_the_chemotactic_index_of_the_signal(slope):
    grid = floor(60.0, 60.0, 10.0)
    seen = gradient(grid, base=4.5, slope=slope)
    snr, across, _, _ = signal(grid, seen, SENSING, 30.0, 30.0)
    assert across == 0.0
    moved = move(many_at(30.0, 30.0, 5000), grid, SENSING, 1500.0, seen=seen, time_step=1.0)
    cosine = moved.heading_x
    assert abs(cosine.mean() - chemotactic_index(snr)) < 3.0 * standard_error(cosine)
    assert abs(moved.heading_y.mean()) < 3.0 * standard_error(moved.heading_y)
    assert cosine.mean() > 10.0 * standard_error(cosine)


def test_chemotactic_drift_is_speed_times_index():
    grid = floor(4000.0, 4000.0, 100.0)
    parameters = SENSING._replace(speed=0.025)
    visible, steering = np.full((44, 44), 1.0), ramp(grid, base=0.0, slope=2e-3)
    seen = Stimulus(visible, steering, False, no_subgrid_field())
    snr, _, _, _ = signal(grid, seen, parameters, 2000.0, 2000.0)
    settled = move(
        many_at(2000.0, 2000.0, 4000), grid, parameters, 2400.0, seen=seen, time_step=3.0
    )
    moved = move(settled, grid, parameters, 2400.0, seen=seen, time_step=3.0)
    drift = (moved.x - settled.x) / 2400.0 / parameters.speed
    assert 0.1 < chemotactic_index(snr) < 0.9
    assert abs(drift.mean() - chemotactic_index(snr)) < 3.0 * standard_error(drift)


def test_an_overwhelming_antagonist_takes_the_chemotactic_index_to_zero():
    spec = load_model("coculture-kg1a").spec
    grid = floor(60.0, 60.0, 10.0)
    seen = gradient(grid, base=4.5, slope=0.1)
    index = {}
    for competition in (0.0, 1e9):
        sensing = cell_parameters(spec, DishFactors(), competition=competition)
        sensing = sensing._replace(speed=1e-4, crowding=False)
        moved = move(many_at(30.0, 30.0, 10_000), grid, sensing, 2400.0, seen=seen)
        index[competition] = moved.heading_x.mean() / standard_error(moved.heading_x)
    assert abs(index[1e9]) < 3.0
    assert index[0.0] > 10.0


@pytest.mark.parametrize("concentration", [1e-3, 4.5, 1e4])
def test_a_uniform_ligand_gives_no_direction_but_occupies_receptors(concentration):
    grid = floor(400.0, 400.0, 10.0)
    seen = seen_by_cells(np.full((grid.ny, grid.nx), concentration))
    snr_x, snr_y, occupancy, _ = signal(grid, seen, SENSING, 117.0, 233.0)
    assert (snr_x, snr_y) == (0.0, 0.0)
    assert occupancy == pytest.approx(
        receptor_occupancy(concentration, dissociation_constant=4.5), rel=1e-12
    )
    cells = many_at(200.0, 200.0, 500)
    heard, deaf = (
        move(cells, grid, SENSING._replace(receptors=r), HOUR, seen=seen) for r in (2e4, 0.0)
    )
    assert np.array_equal(heard.heading_x, deaf.heading_x)


def test_signal_is_the_difference_of_occupied_receptors_between_two_halves_over_its_noise():
    grid = floor(400.0, 400.0, 10.0)
    seen = gradient(grid, base=4.5, slope=1e-4)
    snr, _, occupancy, surface = signal(grid, seen, SENSING, 200.0, 200.0)
    half = 4.0 * 6.0 / (3.0 * math.pi)
    front, back = (
        float(receptor_occupancy(4.5 + s * 1e-4 * half, dissociation_constant=4.5)) for s in (1, -1)
    )
    looks = 1.0 + 60.0 * 0.01 / (2.0 * (1.0 - 0.5))
    noise = math.sqrt(1e4 * 0.25 / looks + 100.0)
    assert occupancy == pytest.approx(0.5, rel=1e-12)
    assert surface == pytest.approx(1e4, rel=1e-12)
    assert snr == pytest.approx(0.5 * 1e4 * (front - back) / noise, rel=1e-9)


def test_a_gradient_that_may_not_be_followed_still_occupies_receptors():
    grid = floor(400.0, 400.0, 10.0)
    rising = ramp(grid, base=3.0, slope=1e-3)
    all_steers, some_steers, none_steers = (
        signal(
            grid, Stimulus(rising, share * rising, False, no_subgrid_field()), SENSING, 150.0, 60.0
        )
        for share in (1.0, 0.25, 0.0)
    )
    assert some_steers[0] == pytest.approx(0.25 * all_steers[0], rel=1e-12)
    assert none_steers[:2] == (0.0, 0.0)
    occupancy = receptor_occupancy(3.0 - 0.05, dissociation_constant=4.5)
    for one in (all_steers, some_steers, none_steers):
        assert one[2] == pytest.approx(float(occupancy), rel=1e-12)


def test_round_off_below_zero_is_seen_as_nothing():
    grid = floor(400.0, 400.0, 10.0)
    below = seen_by_cells(np.full((grid.ny, grid.nx), -1e-12))
    assert signal(grid, below, SENSING, 117.0, 233.0) == (0.0, 0.0, 0.0, 20_000.0)


def test_a_cell_half_over_zero_concentration_senses_the_ligand_of_its_other_half():
    grid = floor(400.0, 400.0, 10.0)
    half, constant = 4.0 * 6.0 / (3.0 * math.pi), 4.5
    seen = gradient(grid, base=0.01, slope=0.02)
    snr, _, occupancy, surface = signal(grid, seen, SENSING, 200.0, 200.0)
    front = float(receptor_occupancy(0.01 + 0.02 * half, dissociation_constant=constant))
    looks = 1.0 + 0.3 / (1.0 - occupancy)
    noise = math.sqrt(surface * occupancy * (1.0 - occupancy) / looks + 100.0)
    assert snr == pytest.approx(0.5 * surface * front / noise, rel=1e-9)


@pytest.mark.parametrize("angle", [0.3, 1.9, -2.2])
def test_signal_has_the_same_size_in_any_direction_and_points_up_the_gradient(angle):
    grid = floor(400.0, 400.0, 10.0)
    x = grid.dx * (np.arange(-2, grid.nx + 2) + 0.5) - 200.0
    values = 4.5 + 0.05 * (math.cos(angle) * x[None, :] + math.sin(angle) * x[:, None])
    seen = Stimulus(values, values, True, no_subgrid_field())
    snr_x, snr_y, _, _ = signal(grid, seen, SENSING, 200.0, 200.0)
    straight = signal(grid, gradient(grid, base=4.5, slope=0.05), SENSING, 200.0, 200.0)[0]
    assert (snr_x, snr_y) == pytest.approx(
        (straight * math.cos(angle), straight * math.sin(angle)), rel=1e-10
    )


def test_chemokinesis_raises_speed_by_its_gain_times_occupancy():
    grid = floor(400.0, 400.0, 10.0)
    values = np.full((grid.ny, grid.nx), 1.5)
    parameters = STRAIGHT._replace(receptors=2e4, chemokinesis_gain=0.5)
    moved = move(
        crowd(100.0, 200.0, 0.0), grid, parameters, 1200.0, seen=seen_by_cells(values, 0.0 * values)
    )
    assert moved.x[0] - 100.0 == pytest.approx(0.025 * 1200.0 * (1.0 + 0.5 * 1.5 / 6.0), rel=1e-12)


@pytest.mark.parametrize("angle", [-3.0, -1.0, 0.2, 1.5, 3.1])
@pytest.mark.parametrize(("strength", "towards"), [(0.3, 0.0), (4.0, 2.5)])
def test_turning_solves_its_equation_exactly(angle, strength, towards):
    step, persistence = 200.0, 300.0
    off = angle - towards
    found = turned(math.cos(off), math.sin(off), decayed(strength * step / persistence))
    solution = solve_ivp(
        lambda _, phi: -strength / persistence * np.sin(phi - towards),
        (0.0, step), [angle], rtol=1e-12, atol=1e-13,
    )  # fmt: skip
    exact = solution.y[0, -1]
    left = exact - towards
    assert found == pytest.approx((math.cos(left), math.sin(left)), abs=1e-10)
    assert math.cos(left) > math.cos(off)


def test_turning_leaves_a_cell_alone_without_signal_and_at_the_exact_rear():
    assert turned(0.6, 0.8, decayed(0.0)) == (0.6, 0.8)
    assert turned(-1.0, 0.0, decayed(0.2)) == (-1.0, 0.0)


# Adhesion


def test_adhesion_in_one_of_two_regions_enriches_it_by_one_plus_catch_over_release():
    grid = floor(60.0, 60.0, 30.0)
    catching = np.zeros((grid.ny, grid.nx))
    catching[:, 0] = 1.0
    hold = nothing(grid)._replace(cd166=catching)
    parameters = WANDERER._replace(
        speed=0.5, persistence_time=10.0, cd166_catch_rate=0.01, release_rate=0.005
    )
    rng = np.random.default_rng(5)
    cells = crowd(60.0 * rng.random(4000), 60.0 * rng.random(4000), 6.3 * rng.random(4000))
    cells = move(cells, grid, parameters, 6000.0, hold=hold, time_step=2.0)
    inside = np.zeros(4000)
    for _ in range(12):
        cells = move(cells, grid, parameters, 500.0, hold=hold, time_step=2.0)
        inside += (cells.x < 30.0) / 12
    fold_change = 1.0 + 0.01 / 0.005
    share = fold_change / (1.0 + fold_change)
    assert standard_error(inside) < 0.005
    assert abs(inside.mean() - share) < 3.0 * standard_error(inside)


def test_a_held_cell_turns_but_does_not_move():
    grid = floor(400.0, 400.0, 10.0)
    before = replace(many_at(200.0, 200.0, 50), held=np.ones(50, dtype=np.bool_))
    after = move(before, grid, WANDERER, HOUR)
    assert np.array_equal(after.x, before.x)
    assert np.array_equal(after.y, before.y)
    assert after.held.all()
    assert (after.heading_x != before.heading_x).all()


def test_cells_are_released_at_their_rate():
    grid = floor(400.0, 400.0, 10.0)
    cells = replace(many_at(200.0, 200.0, 20_000), held=np.ones(20_000, dtype=np.bool_))
    left = move(cells, grid, WANDERER._replace(release_rate=3e-4), 2400.0).held
    assert abs(left.mean() - math.exp(-3e-4 * 2400.0)) < 3.0 * standard_error(left.astype(float))


@pytest.mark.parametrize(
    ("rates", "rate"),
    [
        ({"cd166_catch_rate": 2e-3}, 2e-3 * 3.0),
        ({"fibre_catch_rate": 5e-3}, 5e-3),
        ({"cd166_catch_rate": 2e-3, "fibre_catch_rate": 5e-3}, 2e-3 * 3.0 + 5e-3),
        ({"cxcr4_catch_rate": 2e-2}, 2e-2 * (1.5 / 6.0) / (1.0 + 2.0 * 1.5 / 6.0) * 0.5),
        (
            {"cd166_catch_rate": 2e-3, "cxcr4_catch_rate": 2e-2},
            2e-3 * 3.0 + 2e-2 * (1.5 / 6.0) / (1.0 + 2.0 * 1.5 / 6.0) * 0.5,
        ),
    ],
)
def test_cells_are_caught_at_the_rates_of_cd166_of_fibres_and_of_occupied_cxcr4(rates, rate):
    grid = floor(2000.0, 2000.0, 100.0)
    values = np.full((grid.ny, grid.nx), 1.5)
    hold = Hold(
        cd166=np.full_like(values, 3.0),
        vcam1=np.zeros_like(values),
        integrin_ligand=np.full_like(values, 0.5),
        fibres=np.ones_like(values),
    )
    parameters = WANDERER._replace(receptors=2e4, internalisation_ratio=2.0, **rates)
    moved = move(
        many_at(1000.0, 1000.0, 20_000), grid, parameters, 120.0, seen=seen_by_cells(values),
        hold=hold,
    )  # fmt: skip
    held = moved.held.astype(float)
    assert abs(held.mean() - -math.expm1(-rate * 120.0)) < 3.0 * standard_error(held)


@pytest.mark.parametrize(
    "rate", [name for name in CellParameters._fields if name.endswith("_catch_rate")]
)
def test_each_catch_rate_alone_holds_cells_and_keeps_them_where_the_stroma_changes(rate):
    grid = floor(400.0, 400.0, 10.0)
    parameters = WANDERER._replace(receptors=2e4, **{rate: 0.1})
    moved = move(
        many_at(200.0, 200.0, 100), grid, parameters, 600.0, hold=all_over(grid),
        seen=seen_by_cells(np.full((grid.ny, grid.nx), 100.0)),
    )  # fmt: skip
    assert moved.held.all()
    assert let_go(moved, grid, all_over(grid), parameters) is moved


def test_perfectly_sticky_regions_catch_at_once_and_for_ever():
    grid = floor(400.0, 400.0, 10.0)
    regions = np.zeros((grid.ny, grid.nx), dtype=np.uint8)
    regions[:, 20:] = Region.MIGRASOME_NETWORK
    limit, hold = sticky(WANDERER._replace(release_rate=1.0), regions)
    rng = np.random.default_rng(2)
    before = crowd(400.0 * rng.random(300), 400.0 * rng.random(300), 6.3 * rng.random(300))
    after = move(before, grid, limit, 4 * HOUR, hold=hold)
    assert np.array_equal(after.held, after.x >= 200.0)
    deep = before.x > 201.0
    assert (np.hypot(after.x - before.x, after.y - before.y)[deep] <= 0.75 + 1e-9).all()
    assert 0 < (after.held & (before.x < 200.0)).sum() < (before.x < 200.0).sum()


@pytest.mark.parametrize("time_step", [30.0, 3000.0])
def test_the_equilibrium_of_catching_and_letting_go_does_not_depend_on_the_step(time_step):
    grid = floor(400.0, 400.0, 10.0)
    parameters = WANDERER._replace(cd166_catch_rate=3e-3, release_rate=1e-3)
    share = 0.75 * -math.expm1(-4e-3 * 3000.0)
    moved = move(
        many_at(200.0, 200.0, 20_000), grid, parameters, 3000.0, hold=all_over(grid),
        time_step=time_step,
    )  # fmt: skip
    held = moved.held.astype(float)
    assert abs(held.mean() - share) < 3.0 * standard_error(held)


def test_adhesion_to_fibres_is_neither_blocked_nor_by_cd166():
    spec = load_model("null-kg1a", settings=["mechanisms.fibre_adhesion=true"]).spec
    grid = floor(400.0, 400.0, 4.0)
    scene = stroma(fibres=[([50.0, 350.0], [202.0, 202.0])])
    regions = regions_of(spec, scene, grid)
    hold = hold_of(spec, scene.block(1.0), regions, grid)
    assert not hold.cd166.any()
    radius = 0.5 * spec.haematopoietic.diameter
    touching = np.flatnonzero(hold.fibres[:, 50])
    assert np.array_equal(touching, np.flatnonzero(np.abs(grid.y - 202.0) <= radius))
    assert not hold.fibres[:, grid.x < 50.0 - radius].any()
    parameters = cell_parameters(spec, DishFactors(avidity=2.0), competition=0.0)
    assert parameters.fibre_catch_rate == 2.0 * spec.haematopoietic.fibre_catch_rate > 0.0


def test_without_fibre_adhesion_fibres_hold_no_cell():
    spec = load_model("null-kg1a", settings=["mechanisms.fibre_adhesion=false"]).spec
    grid = floor(400.0, 400.0, 4.0)
    scene = stroma(fibres=[([50.0, 350.0], [202.0, 202.0])])
    assert not hold_of(spec, scene, regions_of(spec, scene, grid), grid).fibres.any()
    assert cell_parameters(spec, DishFactors(), competition=0.0).fibre_catch_rate == 0.0


@pytest.mark.parametrize(
    ("rate", "what"),
    [
        ("cd166_catch_rate", "cd166"),
        ("vla4_catch_rate", "vcam1"),
        ("cxcr4_catch_rate", "integrin_ligand"),
        ("fibre_catch_rate", "fibres"),
    ],
)
def test_a_held_cell_is_let_go_where_none_of_its_adhesions_has_a_ligand(rate, what):
    grid = floor(40.0, 20.0, 10.0)
    only_left = np.zeros((grid.ny, grid.nx))
    only_left[:, :2] = 0.1
    hold = all_over(grid)._replace(**{what: only_left})
    cells = crowd([5.0, 19.0, 21.0, 40.0, 35.0], [10.0, 20.0, 3.0, 20.0, 5.0], np.zeros(5))
    cells = replace(cells, held=np.array([True, True, True, True, False]))
    after = let_go(cells, grid, hold, WANDERER._replace(**{rate: 1e-3}))
    assert after.held.tolist() == [True, True, False, False, False]
    assert cells.held.tolist() == [True, True, True, True, False]
    assert (after.x is cells.x, after.steps) == (True, cells.steps)


def test_no_cell_is_let_go_while_one_kind_of_adhesion_remains():
    grid = floor(40.0, 20.0, 10.0)
    hold = nothing(grid)._replace(fibres=np.ones((grid.ny, grid.nx)))
    parameters = WANDERER._replace(cd166_catch_rate=1e-3, fibre_catch_rate=1e-3)
    cells = replace(crowd([5.0, 30.0], [5.0, 5.0], [0.0, 0.0]), held=np.array([True, False]))
    assert let_go(cells, grid, hold, parameters) is cells


# Carried by bodies


def on_ellipse(x, y, angle, *, area=math.pi * 40.0 * 20.0):
    """One body or several, twice as long as wide."""
    x, y, angle = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (x, y, angle))
    short = np.full(len(x), math.sqrt(area / (2.0 * math.pi)))
    return Bodies(
        x=x, y=y, semi_major=2.0 * short, semi_minor=short, angle=angle,
        blocked=np.zeros(len(x)), secretion={}, migrating=np.ones(len(x), dtype=np.bool_),
    )  # fmt: skip


def stroma(*, bodies=None, fibres=(), x=(), y=(), radius=1.0, present=True):
    """A scene of bodies, straight fibres, and migrasomes of one radius or several."""
    count = len(x)
    courses = np.array(fibres, dtype=float).reshape(-1, 2, 2)
    return Scene(
        bodies=on_ellipse([], [], []) if bodies is None else bodies,
        fibres=Fibres(
            courses[:, 0], courses[:, 1], np.full(len(courses), NO_BODY),
            np.full(len(courses), Origin.MIGRATION, dtype=np.int8),
        ),
        migrasomes=make_migrasomes(
            np.array(x, dtype=float), np.array(y, dtype=float),
            np.broadcast_to(np.asarray(radius, dtype=float), count).copy(),
            body=np.full(count, NO_BODY), birth=np.zeros(count),
            present=np.broadcast_to(present, count).copy(),
            origin=np.full(count, Origin.UNKNOWN, dtype=np.int8),
        ),
    )  # fmt: skip


def in_frame(cells, bodies, n=0):
    """Places and headings relative to a body's centre and long axis."""
    cosine, sine = math.cos(bodies.angle[n]), math.sin(bodies.angle[n])
    x, y = cells.x - bodies.x[n], cells.y - bodies.y[n]
    hx, hy = cells.heading_x, cells.heading_y
    return np.array(
        [
            x * cosine + y * sine, y * cosine - x * sine,
            hx * cosine + hy * sine, hy * cosine - hx * sine,
        ]
    )  # fmt: skip


def test_a_held_cell_keeps_its_place_in_the_frame_of_the_body_that_carries_it():
    grid = floor(400.0, 400.0, 4.0)
    old, new = on_ellipse(200.0, 150.0, 0.4), on_ellipse(207.0, 139.0, 1.1)
    x, y = [200.0, 215.0, 190.0, 200.0, 330.0], [150.0, 158.0, 141.0, 152.0, 150.0]
    cells = crowd(x, y, np.full(5, 0.7))
    cells = replace(cells, held=np.array([True, True, True, False, True]))
    after = advected(cells, grid, stroma(bodies=old), stroma(bodies=new))
    assert in_frame(after, new)[:, :3] == pytest.approx(in_frame(cells, old)[:, :3], abs=1e-12)
    for name in ("x", "y", "heading_x", "heading_y"):
        assert np.array_equal(getattr(after, name)[3:], getattr(cells, name)[3:])
    assert np.hypot(after.x - cells.x, after.y - cells.y)[:3].min() > 3.0
    assert np.array_equal(after.held, cells.held)
    apart = np.hypot(cells.x[1] - cells.x[2], cells.y[1] - cells.y[2])
    assert np.hypot(after.x[1] - after.x[2], after.y[1] - after.y[2]) == pytest.approx(apart)


def test_an_ellipse_described_the_other_way_round_carries_its_cells_nowhere():
    grid = floor(400.0, 400.0, 4.0)
    cells = replace(crowd([215.0], [158.0], [0.3]), held=np.ones(1, dtype=np.bool_))
    for turn in (math.pi, -math.pi, 3.0 * math.pi):
        bodies = on_ellipse(200.0, 150.0, 0.4), on_ellipse(200.0, 150.0, 0.4 + turn)
        after = advected(cells, grid, *(stroma(bodies=b) for b in bodies))
        assert (after.x[0], after.y[0]) == pytest.approx((215.0, 158.0), abs=1e-12)


@pytest.mark.parametrize(
    ("start", "shift", "place", "heading"),
    [
        ((395.0, 200.0), (8.0, 1.0), (397.0, 201.0), (-0.6, 0.8)),
        ((5.0, 200.0), (-9.0, 0.0), (4.0, 200.0), (-0.6, 0.8)),
        ((200.0, 4.0), (0.0, -6.0), (200.0, 2.0), (0.6, -0.8)),
        ((398.0, 397.0), (3.0, 4.0), (399.0, 399.0), (-0.6, -0.8)),
    ],
)
def test_a_cell_advected_beyond_a_wall_is_reflected_there(start, shift, place, heading):
    grid = floor(400.0, 400.0, 4.0)
    cells = replace(crowd(*start, math.atan2(0.8, 0.6)), held=np.ones(1, dtype=np.bool_))
    old = on_ellipse(*start, 0.0)
    new = on_ellipse(start[0] + shift[0], start[1] + shift[1], 0.0)
    after = advected(cells, grid, stroma(bodies=old), stroma(bodies=new))
    assert (after.x[0], after.y[0]) == pytest.approx(place, abs=1e-12)
    assert (after.heading_x[0], after.heading_y[0]) == pytest.approx(heading, abs=1e-12)


def test_cells_are_the_same_where_no_body_moves_that_carries_any():
    grid = floor(400.0, 400.0, 4.0)
    cells = replace(crowd([100.0], [100.0], [0.3]), held=np.ones(1, dtype=np.bool_))
    rests = stroma(bodies=on_ellipse([100.0, 300.0], [100.0, 300.0], [0.0, 0.0]))
    other_moves = stroma(bodies=on_ellipse([100.0, 310.0], [100.0, 300.0], [0.0, 0.5]))
    grows = stroma(bodies=on_ellipse([100.0, 300.0], [100.0, 300.0], [0.0, 0.0], area=3e3))
    for after in (rests, other_moves, grows):
        assert advected(cells, grid, rests, after) is cells
    assert advected(cells, grid, stroma(), stroma()) is cells


# Uptake of migrasomes


def take_up(
    cells, grid, parameters, scene, duration, *, rate, hold=None, time_step=30.0, seen=None
):
    cells, internalised, _ = advance_with_uptake(
        cells, grid, no_stimulus(grid) if seen is None else seen,
        nothing(grid) if hold is None else hold,
        parameters._replace(migrasome_uptake_rate=rate), scene,
        duration=duration, time_step=time_step, seed=1,
    )  # fmt: skip
    return cells, internalised


def on_a_lattice(side, apart):
    places = apart * (np.arange(side) + 0.5)
    return np.tile(places, side), np.repeat(places, side)


@pytest.mark.parametrize("time_step", [30.0, 450.0])
@pytest.mark.parametrize("neighbours", [1, 2])
def test_migrasomes_beside_resting_cells_survive_exponentially_in_cells_and_time(
    neighbours, time_step
):
    grid = floor(3000.0, 3000.0, 100.0)
    x, y = on_a_lattice(100, 30.0)
    around = np.concatenate([x + 4.0, x - 6.5][:neighbours])
    cells = crowd(around, np.tile(y, neighbours), np.zeros(len(around)))
    cells = replace(cells, held=np.ones(len(around), dtype=np.bool_))
    _, internalised = take_up(
        cells, grid, WANDERER, stroma(x=x, y=y), 900.0, rate=5e-4, time_step=time_step
    )
    share = -math.expm1(-neighbours * 5e-4 * 900.0)
    error = math.sqrt(share * (1.0 - share) / len(x))
    assert abs(len(internalised) / len(x) - share) < 4.0 * error
    assert list(internalised) == sorted(set(internalised))


def test_a_cell_that_does_not_take_up_migrasomes_touches_them_and_moves_on():
    grid = floor(300.0, 300.0, 10.0)
    x, y = on_a_lattice(30, 10.0)
    cells, scene = many_at(150.0, 150.0, 40), stroma(x=x, y=y)
    after, internalised = take_up(cells, grid, WANDERER, scene, HOUR, rate=0.0)
    assert internalised == ()
    assert np.array_equal(after.x, move(cells, grid, WANDERER, HOUR).x)
    assert len(take_up(cells, grid, WANDERER, scene, HOUR, rate=1e-3)[1]) > 5


def test_a_cell_reaches_migrasomes_whose_outline_meets_its_own_and_no_others():
    grid = floor(300.0, 300.0, 10.0)
    gaps = np.array([-1e-6, 1e-6, -1e-6, 1e-6])
    radius = np.array([0.5, 0.5, 1.5, 1.5])
    x = 75.0 * np.arange(4) + 30.0
    cells = crowd(x, np.full(4, 100.0), np.zeros(4))
    cells = replace(cells, held=np.ones(4, dtype=np.bool_))
    scene = stroma(x=x, y=100.0 + 6.0 + radius + gaps, radius=radius)
    assert take_up(cells, grid, WANDERER, scene, 30.0, rate=math.inf)[1] == (0, 2)
    gone = replace(scene, migrasomes=replace(scene.migrasomes, present=x > 100.0))
    assert take_up(cells, grid, WANDERER, gone, 30.0, rate=math.inf)[1] == (2,)


@pytest.mark.parametrize("crowding", [False, True])
def test_at_an_infinite_rate_cells_take_up_every_migrasome_that_any_touches_at_any_step(crowding):
    grid = floor(700.0, 400.0, 10.0)
    rng = np.random.default_rng(3)
    cells = crowd(700.0 * rng.random(60), 400.0 * rng.random(60), 6.3 * rng.random(60))
    scene = stroma(
        x=700.0 * rng.random(900), y=400.0 * rng.random(900), radius=0.3 + 2.0 * rng.random(900)
    )
    parameters = WANDERER._replace(crowding=crowding, speed=0.1)
    _, internalised = take_up(cells, grid, parameters, scene, 600.0, rate=math.inf)
    m, touched = scene.migrasomes, np.zeros(900, dtype=np.bool_)
    for _ in range(20):
        cells = move(cells, grid, parameters, 30.0)
        apart = np.hypot(m.x[:, None] - cells.x, m.y[:, None] - cells.y)
        touched |= (apart < 6.0 + m.radius[:, None]).any(axis=1)
    assert list(internalised) == np.flatnonzero(touched).tolist()
    assert 100 < len(internalised) < 800


@pytest.mark.parametrize("crowding", [False, True])
def test_eating_changes_no_bit_of_the_cells(crowding):
    grid = floor(500.0, 500.0, 10.0)
    rng = np.random.default_rng(4)
    cells = crowd(500.0 * rng.random(700), 500.0 * rng.random(700), 6.3 * rng.random(700))
    cells = replace(cells, steps=17)
    scene = stroma(x=500.0 * rng.random(800), y=500.0 * rng.random(800))
    parameters = SENSING._replace(
        crowding=crowding, speed=0.1, cd166_catch_rate=1e-3, release_rate=1e-3
    )
    seen = gradient(grid, base=2.0, slope=1e-3)
    alone = move(cells, grid, parameters, 1000.0, seen=seen, hold=all_over(grid))
    after, internalised = take_up(
        cells, grid, parameters, scene, 1000.0, rate=1e-4, seen=seen, hold=all_over(grid)
    )
    for name in ("x", "y", "heading_x", "heading_y", "held"):
        assert np.array_equal(getattr(after, name), getattr(alone, name)), name
    assert after.steps == alone.steps == 17 + 34
    assert 0 < alone.held.sum() < 700
    assert 0 < len(internalised) < 800


@pytest.mark.parametrize("crowding", [False, True])
def test_the_same_migrasomes_are_taken_up_at_once_in_pieces_and_counted_few_steps_at_a_time(
    crowding, monkeypatch
):
    grid = floor(300.0, 300.0, 10.0)
    rng = np.random.default_rng(6)
    cells = crowd(300.0 * rng.random(80), 300.0 * rng.random(80), 6.3 * rng.random(80))
    scene = stroma(x=300.0 * rng.random(400), y=300.0 * rng.random(400))
    parameters = WANDERER._replace(crowding=crowding)
    once, internalised = take_up(cells, grid, parameters, scene, HOUR, rate=3e-4)
    pieces, left, gone = cells, scene, []
    for _ in range(6):
        pieces, some = take_up(pieces, grid, parameters, left, HOUR / 6, rate=3e-4)
        gone += some
        present = left.migrasomes.present.copy()
        present[list(some)] = False
        left = replace(left, migrasomes=replace(left.migrasomes, present=present))
    assert tuple(sorted(gone)) == internalised
    assert np.array_equal(pieces.x, once.x)
    monkeypatch.setattr(walking, "_TALLY", 5000)
    few, again = take_up(cells, grid, parameters, scene, HOUR, rate=3e-4)
    assert again == internalised
    assert np.array_equal(few.x, once.x)
    assert 20 < len(internalised) < 200


# Walls and crowding


@pytest.mark.parametrize(
    ("start", "angle", "place", "heading"),
    [
        ((1.0, 50.0), math.pi, (2.0, 50.0), (1.0, 0.0)),
        ((99.0, 50.0), 0.0, (98.0, 50.0), (-1.0, 0.0)),
        ((50.0, 1.0), -math.pi / 2, (50.0, 2.0), (0.0, 1.0)),
        ((50.0, 99.0), math.pi / 2, (50.0, 98.0), (0.0, -1.0)),
    ],
)
def test_a_cell_driven_into_a_wall_is_reflected(start, angle, place, heading):
    grid = floor(100.0, 100.0, 10.0)
    moved = move(crowd(*start, angle), grid, STRAIGHT._replace(speed=0.1), 30.0)
    assert (moved.x[0], moved.y[0]) == pytest.approx(place, abs=1e-12)
    assert (moved.heading_x[0], moved.heading_y[0]) == pytest.approx(heading, abs=1e-12)


def test_cells_between_walls_stay_inside_and_spread_evenly():
    grid = floor(100.0, 100.0, 10.0)
    cells = move(many_at(1.0, 1.0, 2000), grid, WANDERER._replace(speed=0.5), 4 * HOUR)
    assert cells.x.min() >= 0.0
    assert cells.y.min() >= 0.0
    assert cells.x.max() <= 100.0
    assert cells.y.max() <= 100.0
    left = (cells.x < 50.0).astype(float)
    assert abs(left.mean() - 0.5) < 3.0 * standard_error(left)


def test_a_cell_faster_than_the_dish_is_wide_stays_inside():
    grid = floor(100.0, 100.0, 10.0)
    cells = move(many_at(50.0, 50.0, 200), grid, WANDERER._replace(speed=12.0), 600.0)
    assert min(cells.x.min(), cells.y.min()) >= 0.0
    assert max(cells.x.max(), cells.y.max()) <= 100.0


def closest(x, y):
    apart = np.hypot(x[:, None] - x, y[:, None] - y)
    return apart[np.triu_indices(len(x), 1)].min()


@pytest.mark.parametrize("aside", [0.0, 5.0, 11.0])
def test_a_cell_pushed_into_another_does_not_overlap_it(aside):
    grid = floor(200.0, 200.0, 10.0)
    cells = crowd([80.0, 100.0], [100.0 + aside, 100.0], [0.0, 0.0])
    cells = replace(cells, held=np.array([False, True]))
    reached = []
    for _ in range(60):
        cells = move(cells, grid, STRAIGHT._replace(crowding=True), 30.0)
        assert closest(cells.x, cells.y) >= 12.0 - 1e-9
        reached.append(closest(cells.x, cells.y))
    assert min(reached) < 13.0
    assert (cells.x[1], cells.y[1]) == (100.0, 100.0)
    assert (cells.x[0] > 100.0) == (aside > 0.0)


def test_cells_that_overlap_can_part():
    grid = floor(200.0, 200.0, 10.0)
    cells = crowd([98.0, 102.0], [100.0, 100.0], [math.pi, 0.0])
    cells = move(cells, grid, STRAIGHT._replace(crowding=True), 300.0)
    assert cells.x.tolist() == pytest.approx([98.0 - 7.5, 102.0 + 7.5], rel=1e-9)


def test_many_crowded_cells_never_overlap_never_stick_and_stay_inside(tiny):
    crowded = [*tiny, "cells.density=3500 1/mm**2"]
    spec = load_model("coculture-kg1a", settings=crowded).spec
    grid = model_grid(spec)
    cells = seed_cells(spec, 4)
    parameters = cell_parameters(spec, DishFactors(), competition=0.0)._replace(
        cxcr4_catch_rate=0.0
    )
    assert len(cells.x) == 315
    assert closest(cells.x, cells.y) >= 12.0
    rest = np.zeros(315)
    for _ in range(24):
        after = move(cells, grid, parameters, 300.0, hold=nothing(grid))
        rest += (after.x == cells.x) & (after.y == cells.y)
        cells = after
        assert closest(cells.x, cells.y) >= 12.0 - 1e-9
        assert min(cells.x.min(), cells.y.min()) >= 0.0
        assert max(cells.x.max(), cells.y.max()) <= 300.0
    assert rest.max() < 24


def test_crowded_neighbours_move_by_number_and_see_the_others_where_they_have_gone():
    grid = floor(400.0, 400.0, 10.0)
    parameters = STRAIGHT._replace(crowding=True)
    ahead_first, behind_first = (
        move(crowd(x, [50.0, 50.0], [math.pi, math.pi]), grid, parameters, 30.0)
        for x in ([100.0, 112.0], [112.0, 100.0])
    )
    assert ahead_first.x.tolist() == pytest.approx([99.25, 111.25], abs=1e-9)
    assert behind_first.x.tolist() == pytest.approx([112.0, 99.25], abs=1e-9)


def test_settled_cells_keep_their_distance_and_fill_the_floor_evenly():
    settings = ["dish.width=1.5 mm", "dish.length=1 mm", "cells.density=1500 1/mm**2"]
    spec = load_model("coculture-kg1a", settings=settings).spec
    cells = seed_cells(spec, 5)
    assert len(cells.x) == 2250
    assert closest(cells.x, cells.y) >= 12.0
    counts, _, _ = np.histogram2d(cells.x, cells.y, [6, 4], [(0.0, 1500.0), (0.0, 1000.0)])
    # Hard discs vary less than independent points, whose variance would be the mean.
    assert ((counts - 93.75) ** 2).mean() < 93.75
    assert abs(counts - 93.75).max() < 4.0 * math.sqrt(93.75)


@pytest.mark.parametrize("crowding", ["true", "false"])
def test_more_cells_leave_the_others_where_they_settle(tiny, crowding):
    settings = [*tiny, f"mechanisms.crowding={crowding}"]
    few, many = (
        seed_cells(
            load_model("coculture-kg1a", settings=[*settings, f"cells.density={n} 1/mm**2"]).spec, 4
        )
        for n in (2000, 3500)
    )
    assert (len(few.x), len(many.x)) == (180, 315)
    for name in ("x", "y", "heading_x", "heading_y"):
        assert np.array_equal(getattr(few, name), getattr(many, name)[:180])


def test_cells_that_do_not_fit_are_refused_with_a_remedy(tiny):
    spec = load_model("coculture-kg1a", settings=[*tiny, "cells.density=9000 1/mm**2"]).spec
    with pytest.raises(InputError, match=r"cells\.density: 810 cells .* do not fit"):
        seed_cells(spec, 1)


# Mechanisms


ALONE = [
    "mechanisms.soluble_sensing=false",
    "mechanisms.haptotaxis=false",
    "mechanisms.cxcr4_adhesion=false",
    "mechanisms.chemokinesis=false",
]


def places(model, settings, *, seed=1):
    states = list(simulate(load_model(model, settings=settings).spec, seed=seed))
    return np.array([(s.cells.x, s.cells.y, s.cells.held) for s in states])


def test_amd3100_changes_no_trajectory_where_only_cd166_holds_cells(tiny):
    drug = "treatments.amd3100.dose=10 uM"
    alone = places("coculture-kg1a", [*tiny, *ALONE])
    assert np.array_equal(alone, places("coculture-kg1a", [*tiny, *ALONE, drug]))
    assert alone[-1, 2].sum() > 0
    full = places("coculture-kg1a", tiny)
    assert not np.array_equal(full, places("coculture-kg1a", [*tiny, drug]))


def test_switching_a_mechanism_off_changes_the_trajectories(tiny):
    settings = [
        *tiny,
        "cell_type.kg1a.vla4_catch_rate=3e-2 1/s",
        "mechanisms.migrasome_uptake=true",
        "cell_type.kg1a.migrasome_uptake_rate=1e-2 1/s",
    ]
    full = places("coculture-kg1a-sdf1", settings, seed=3)
    on = load_model("coculture-kg1a-sdf1").spec.mechanisms.model_dump()
    assert sum(on.values()) >= 7
    on["cargo_kinetics"] = False  # of scenes that grow: see below
    for mechanism in (name for name, value in on.items() if value):
        off = f"mechanisms.{mechanism}=false"
        without = places("coculture-kg1a-sdf1", [*settings, off], seed=3)
        assert not np.array_equal(full, without), mechanism


def test_cells_notice_whether_cargo_is_followed(tiny):
    grown = [*tiny, "scene.mode=grown"]
    full = places("coculture-kg1a", grown, seed=3)
    without = places("coculture-kg1a", [*grown, "mechanisms.cargo_kinetics=false"], seed=3)
    assert not np.array_equal(full, without)


# Whole views


@dataclass(frozen=True, eq=False)
class View:
    seed: int
    scene: object
    regions: np.ndarray


@pytest.fixture(scope="module")
def views():
    """Stroma and region maps of 200 dishes of the real size."""
    spec = load_model("null-kg1a").spec
    grid = model_grid(spec)
    scenes = [place_scene(spec, seed, secretion_factor=1.0) for seed in range(1, 201)]
    return [
        View(seed, scene, regions_of(spec, scene, grid)) for seed, scene in enumerate(scenes, 1)
    ]


def counted(spec, grid, views, times, *, time_step=None, holds=None):
    """Cells per region without any field, and areas; shapes (dish, time, 3) and (dish, 3)."""
    counts = np.zeros((len(views), len(times), 3))
    hold = nothing(grid)
    for n, view in enumerate(views):
        parameters = cell_parameters(spec, dish_factors(spec, view.seed), competition=0.0)
        cells, at = seed_cells(spec, view.seed), 0.0
        for k, until in enumerate(times):
            cells = move(
                cells, grid, parameters, until - at, hold=hold if holds is None else holds[n],
                time_step=time_step or spec.cells.time_step, seed=view.seed,
            )  # fmt: skip
            at = until
            counts[n, k] = np.bincount(view.regions[grid.index(cells.x, cells.y)], minlength=3)
    return counts, np.array([region_areas(v.regions, grid.dx * grid.dy) for v in views])


def pooled_fold_change(counts, areas):
    """Ratio of sums over dishes, and the same with each dish left out."""
    left_out = density_fold_change(counts.sum(axis=0) - counts, areas.sum(axis=0) - areas)
    return density_fold_change(counts.sum(axis=0), areas.sum(axis=0)), left_out


def jackknife_error(left_out):
    """Standard error over dishes of whatever was computed with each dish left out."""
    n = len(left_out)
    return np.sqrt((n - 1) / n * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))


def test_with_every_mechanism_off_the_fold_change_is_one(views):
    spec = load_model("null-kg1a").spec
    counts, areas = counted(spec, model_grid(spec), views, (4 * HOUR, 12 * HOUR))
    for k in range(2):
        fold_change, left_out = pooled_fold_change(counts[:, k], areas)
        error = jackknife_error(left_out)
        assert (error < 0.02).all()
        assert (np.abs(fold_change - 1.0) < 3.0 * error).all()


@pytest.fixture(scope="module")
def held_by_cd166(views):
    """Adhesion-only model and what catches its cells in the first 60 dishes."""
    spec = load_model("null-kg1a", settings=["mechanisms.cd166_adhesion=true"]).spec
    grid = model_grid(spec)
    chosen = views[:60]
    return spec, chosen, [cell_layer.hold_of(spec, v.scene, v.regions, grid) for v in chosen]


def test_halving_the_cells_time_step_changes_no_fold_change(held_by_cd166):
    spec, chosen, holds = held_by_cd166
    grid = model_grid(spec)
    changes, without_one = [], []
    for time_step in (30.0, 15.0):
        counts, areas = counted(spec, grid, chosen, (4 * HOUR,), time_step=time_step, holds=holds)
        fold_change, left_out = pooled_fold_change(counts[:, 0], areas)
        changes.append(fold_change)
        without_one.append(left_out)
    error = jackknife_error(without_one[0] - without_one[1])
    assert (changes[0] > 1.5).all()
    assert (error < 0.05 * changes[0]).all()
    assert (np.abs(changes[0] - changes[1]) < 2.0 * error).all()


@pytest.mark.parametrize("avidity", [1.0, 30.0])
def test_perfect_stickiness_bounds_the_fold_change_of_adhesion_alone(held_by_cd166, avidity):
    spec, chosen, holds = held_by_cd166
    grid = model_grid(spec)
    settings = [
        "mechanisms.cd166_adhesion=true",
        f"cell_type.kg1a.cd166_catch_rate={3e-3 * avidity} 1/s",
    ]
    spec = load_model("null-kg1a", settings=settings).spec
    counts, areas = counted(spec, grid, chosen[:16], (4 * HOUR,), holds=holds)
    gathered, _ = pooled_fold_change(counts[:, 0], areas)
    limits = np.array(
        [
            encounters(
                begin_encounters(
                    spec, StickyFloor(0.0, v.regions, v.scene.bodies), seed=v.seed, repeats=2
                ),
                4 * HOUR,
            )
            for v in chosen[:16]
        ]
    )
    limit, _ = pooled_fold_change(limits, areas)
    assert (gathered > 1.2).all()
    assert (limit > gathered).all()
