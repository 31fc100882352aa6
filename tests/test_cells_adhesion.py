import math
from dataclasses import replace

import numpy as np
import pytest

from cell_builders import (
    CATCHING,
    HOUR,
    SENSING,
    WANDERER,
    all_over,
    bonds,
    crowd,
    floor,
    gradient,
    in_frame,
    many_at,
    move,
    nothing,
    on_a_lattice,
    on_ellipse,
    seen_by_cells,
    standard_error,
    stroma,
    touching,
)
from sdf1_field.cells import (
    CellArrays,
    advance_with_uptake,
    advected,
    detach_unsupported,
    sticky,
    walking,
)
from sdf1_field.exposure.sampling import no_stimulus
from sdf1_field.scene import (
    Region,
)

# Adhesion


def test_adhesion_in_one_of_two_regions_enriches_it_by_one_plus_arrest_over_release():
    grid = floor(60.0, 60.0, 30.0)
    left = np.array([[1.0, 0.0], [1.0, 0.0]])
    parameters = CATCHING._replace(
        speed=0.5, persistence_time=10.0, basal_arrest_rate=0.01,
        release_rate=0.005 * math.e, bonds=bonds(cd166=1.0),
    )  # fmt: skip
    rng = np.random.default_rng(5)
    cells = crowd(60.0 * rng.random(4000), 60.0 * rng.random(4000), 6.3 * rng.random(4000))
    hold = touching(grid, left, cd166=left)
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
    before = many_at(200.0, 200.0, 50, held=True)
    after = move(before, grid, WANDERER, HOUR)
    assert np.array_equal(after.x, before.x)
    assert np.array_equal(after.y, before.y)
    assert after.held.all()
    assert (after.heading_x != before.heading_x).all()


@pytest.mark.parametrize(
    ("strengths", "densities", "touched"),
    [
        ({}, {"cd166": 1.0, "vla4": 1.0, "fibre": 1.0}, 0.0),
        ({"cd166": 1.5}, {"cd166": 1.0}, 1.5),
        ({"cd166": 1.5, "vla4": 2.0, "fibre": 3.0}, {"cd166": 3.0}, 4.5),
        ({"vla4": 2.0}, {"cd166": 3.0, "vla4": 0.25}, 0.5),
        ({"fibre": 3.0}, {"fibre": 1.0}, 3.0),
        ({"cd166": 1.5, "fibre": 0.5}, {"cd166": 1.0, "vla4": 1.0, "fibre": 1.0}, 2.0),
        ({"cd166": 0.5, "vla4": 1.0, "fibre": 2.0}, {"cd166": 1.0, "vla4": 1.0, "fibre": 1.0}, 3.5),
    ],
)
def test_bonds_multiply_the_release_rate_falls_by_the_exponential_of_their_sum(
    strengths, densities, touched
):
    grid = floor(400.0, 400.0, 10.0)
    rate = 0.02
    parameters = CATCHING._replace(
        basal_arrest_rate=0.0, release_rate=rate, bonds=bonds(**strengths)
    )
    time = 1.0 / (rate * math.exp(-touched))
    cells = many_at(200.0, 200.0, 20_000, held=True)
    held = move(
        cells, grid, parameters, time, hold=touching(grid, **densities), time_step=time / 4.0
    ).held.astype(float)
    assert abs(held.mean() - math.exp(-1.0)) < 3.5 * standard_error(held)


def test_bonds_do_not_change_the_rate_at_which_cells_are_caught():
    grid = floor(2000.0, 2000.0, 100.0)
    cells = many_at(1000.0, 1000.0, 20_000)
    caught = [
        move(cells, grid, CATCHING._replace(bonds=strengths), 600.0, hold=hold).held
        for strengths, hold in (
            (bonds(), touching(grid)), (bonds(cd166=3.0, vla4=2.0, fibre=2.0), all_over(grid)),
        )
    ]  # fmt: skip
    assert np.array_equal(*caught)
    held = caught[0].astype(float)
    assert abs(held.mean() - -math.expm1(-0.6)) < 3.0 * standard_error(held)


@pytest.mark.parametrize(
    ("basal", "triggered", "rate"),
    [
        (2e-3, 0.0, 2e-3),
        # 5000 receptors are occupied, 100 more than the adapted level: x = 2, and T = 4/5.
        (0.0, 1e-2, 1e-2 * 0.8),
        (2e-3, 1e-2, 2e-3 + 1e-2 * 0.8),
    ],
)
def test_cells_are_caught_at_the_basal_rate_and_the_triggered_one_times_the_trigger(
    basal, triggered, rate
):
    grid = floor(2000.0, 2000.0, 100.0)
    parameters = CATCHING._replace(
        receptors=2e4, half_trigger=50.0, basal_arrest_rate=basal, triggered_arrest_rate=triggered
    )
    moved = move(
        many_at(1000.0, 1000.0, 20_000, adapted=4900.0), grid, parameters, 120.0,
        seen=seen_by_cells(np.full((grid.ny, grid.nx), 1.5)), hold=all_over(grid),
    )  # fmt: skip
    held = moved.held.astype(float)
    assert abs(held.mean() - -math.expm1(-rate * 120.0)) < 3.0 * standard_error(held)


def test_nothing_catches_a_cell_that_touches_nothing_however_strong_its_trigger():
    grid = floor(400.0, 400.0, 10.0)
    parameters = CATCHING._replace(receptors=2e4, half_trigger=1.0, triggered_arrest_rate=1.0)
    seen = seen_by_cells(np.full((grid.ny, grid.nx), 100.0))
    cells = many_at(200.0, 200.0, 100)
    assert not move(cells, grid, parameters, 600.0, hold=nothing(grid), seen=seen).held.any()
    assert move(cells, grid, parameters, 600.0, hold=touching(grid), seen=seen).held.all()


@pytest.mark.parametrize("time_step", [30.0, 3000.0])
@pytest.mark.parametrize(("strength", "share"), [(0.0, 0.6), (math.log(4.0), 6.0 / 7.0)])
def test_the_held_share_at_a_fixed_stimulus_is_arrest_over_arrest_plus_release_in_any_step(
    strength, share, time_step
):
    grid = floor(400.0, 400.0, 10.0)
    # The trigger stays 4/5: the occupancy is uniform and signalling does not adapt.
    parameters = CATCHING._replace(
        receptors=2e4, half_trigger=50.0, basal_arrest_rate=1e-3, triggered_arrest_rate=2.5e-3,
        release_rate=2e-3, bonds=bonds(vla4=strength),
    )  # fmt: skip
    rate = 3e-3 + 2e-3 * math.exp(-strength)
    held = move(
        many_at(200.0, 200.0, 20_000, adapted=4900.0), grid, parameters, 3000.0,
        seen=seen_by_cells(np.full((grid.ny, grid.nx), 1.5)), hold=all_over(grid),
        time_step=time_step,
    ).held.astype(float)  # fmt: skip
    law = share * -math.expm1(-rate * 3000.0)
    assert share == pytest.approx(3e-3 / rate)
    assert abs(held.mean() - law) < 3.0 * standard_error(held)


def test_perfectly_sticky_regions_catch_at_once_and_for_ever():
    grid = floor(400.0, 400.0, 10.0)
    regions = np.zeros((grid.ny, grid.nx), dtype=np.uint8)
    regions[:, 20:] = Region.MIGRASOME_NETWORK
    limit, hold = sticky(WANDERER._replace(release_rate=1.0), regions, grid)
    rng = np.random.default_rng(2)
    before = crowd(400.0 * rng.random(300), 400.0 * rng.random(300), 6.3 * rng.random(300))
    after = move(before, grid, limit, 4 * HOUR, hold=hold)
    assert np.array_equal(after.held, after.x >= 200.0)
    deep = before.x > 201.0
    assert (np.hypot(after.x - before.x, after.y - before.y)[deep] <= 0.75 + 1e-9).all()
    assert 0 < (after.held & (before.x < 200.0)).sum() < (before.x < 200.0).sum()


def test_a_cell_whose_support_is_gone_crawls_again():
    grid = floor(40.0, 20.0, 10.0)
    only_left = np.zeros((grid.ny, grid.nx))
    only_left[:, :2] = 1.0
    cells = crowd(
        [5.0, 19.0, 21.0, 40.0, 35.0], [10.0, 20.0, 3.0, 20.0, 5.0], np.zeros(5),
        held=[True, True, True, True, False],
    )  # fmt: skip
    # Blocked ligand still touches: contact decides, not the density.
    after = detach_unsupported(cells, touching(grid, only_left))
    assert after.held.tolist() == [True, True, False, False, False]
    assert cells.held.tolist() == [True, True, True, True, False]
    assert (after.x is cells.x, after.steps) == (True, cells.steps)
    assert detach_unsupported(cells, touching(grid)) is cells


# Carried by bodies


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
        crowding=crowding, speed=0.1, adheres=True, basal_arrest_rate=1e-3, release_rate=1e-3
    )
    seen = gradient(grid, base=2.0, slope=1e-3)
    alone = move(cells, grid, parameters, 1000.0, seen=seen, hold=all_over(grid))
    after, internalised = take_up(
        cells, grid, parameters, scene, 1000.0, rate=1e-4, seen=seen, hold=all_over(grid)
    )
    for name in CellArrays._fields:
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
