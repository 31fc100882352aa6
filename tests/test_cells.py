import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cell_builders import (
    CATCHING,
    HOUR,
    SENSING,
    STRAIGHT,
    WANDERER,
    all_over,
    bonds,
    crowd,
    floor,
    gradient,
    many_at,
    move,
    ramp,
    seen_by_cells,
    signal,
    standard_error,
)
from sdf1_field.cells import (
    CellArrays,
    cell_parameters,
    seed_cells,
)
from sdf1_field.cells.turning import decayed, turned
from sdf1_field.exposure.sampling import Stimulus, no_subgrid_field
from sdf1_field.pharmacology import chemotactic_index, receptor_occupancy
from sdf1_field.spec import load_model
from sdf1_field.variation import DishFactors

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
    parameters = cell_parameters(spec, DishFactors(), competition=0.0)._replace(
        basal_arrest_rate=1e-3, release_rate=1e-3, bonds=bonds()
    )
    seen, hold = gradient(grid, base=1.0, slope=1e-3), all_over(grid)
    once = move(cells, grid, parameters, 2 * HOUR, seen=seen, hold=hold)
    pieces = cells
    for _ in range(8):
        pieces = move(pieces, grid, parameters, HOUR / 4, seen=seen, hold=hold)
    for name in CellArrays._fields:
        assert np.array_equal(getattr(once, name), getattr(pieces, name))
    assert once.steps == pieces.steps == 240
    assert 0 < once.held.sum() < len(once.held)


@pytest.mark.parametrize("receptors", [0.0, 2e4])
def test_without_crowding_a_cells_path_has_the_same_bits_with_any_other_cells(receptors):
    grid = floor(1000.0, 1000.0, 50.0)
    rng = np.random.default_rng(8)
    x, y, angle = rng.random((3, 1000)) * np.array([[1000.0], [1000.0], [6.28]])
    parameters = CATCHING._replace(
        receptors=receptors, internalisation_rate=2e-3, recycling_rate=1e-3, speed=0.5,
        adaptation_rate=1.0 / 300.0, triggered_arrest_rate=1e-3, trigger_noise=1.0,
        release_rate=1e-3, bonds=bonds(cd166=0.5, fibre=0.5),
    )  # fmt: skip
    values = 3.0 + np.sin(grid.x / 90.0)[None, :] * np.cos(grid.y / 70.0)[:, None]
    seen, hold = seen_by_cells(values), all_over(grid)
    many = move(crowd(x, y, angle), grid, parameters, HOUR, seen=seen, hold=hold)
    for count in (1, 7, 400):
        few = move(
            crowd(x[:count], y[:count], angle[:count]), grid, parameters, HOUR, seen=seen, hold=hold
        )
        for name in CellArrays._fields:
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
