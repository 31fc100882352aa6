import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from cell_builders import (
    HOUR,
    STRAIGHT,
    WANDERER,
    crowd,
    floor,
    many_at,
    move,
    nothing,
    standard_error,
)
from conftest import SENSITIVE
from sdf1_field.analysis import density_fold_change
from sdf1_field.analysis.encounter import encounters
from sdf1_field.cells import (
    adhesion_map,
    cell_parameters,
    seed_cells,
)
from sdf1_field.errors import InputError
from sdf1_field.scene import (
    place_scene,
    region_areas,
)
from sdf1_field.simulation import (
    StickyFloor,
    begin_encounters,
    model_grid,
    regions_of,
    simulate,
)
from sdf1_field.spec import load_model
from sdf1_field.variation import DishFactors, dish_factors

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
    parameters = cell_parameters(spec, DishFactors(), competition=0.0)
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
    "mechanisms.arrest=false",
    "mechanisms.chemokinesis=false",
    "cell_type.kg1a.basal_arrest_rate=1e-3 1/s",
]


def places(model, settings, *, seed=1):
    states = list(simulate(load_model(model, settings=settings).spec, seed=seed))
    return np.array([(s.cells.x, s.cells.y, s.cells.held) for s in states])


def test_amd3100_changes_no_trajectory_of_cells_that_are_caught_without_a_trigger(tiny):
    drug = "treatments.amd3100.dose=10 uM"
    alone = places("coculture-kg1a", [*tiny, *ALONE])
    assert np.array_equal(alone, places("coculture-kg1a", [*tiny, *ALONE, drug]))
    assert alone[-1, 2].sum() > 0
    full = places("coculture-kg1a", tiny)
    assert not np.array_equal(full, places("coculture-kg1a", [*tiny, drug]))


def test_switching_a_mechanism_off_changes_the_trajectories(tiny):
    settings = [
        *tiny,
        *SENSITIVE,
        "mechanisms.migrasome_uptake=true",
        "cell_type.kg1a.migrasome_uptake_rate=1e-2 1/s",
    ]
    full = places("coculture-kg1a-sdf1", settings, seed=3)
    on = load_model("coculture-kg1a-sdf1").spec.mechanisms.model_dump()
    assert sum(on.values()) >= 9
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


def adhering(avidity):
    """Settings of cells that CD166 holds, and that are caught without a trigger."""
    rate = f"cell_type.kg1a.basal_arrest_rate={3e-3 * avidity} 1/s"
    return ["mechanisms.cd166_adhesion=true", rate]


@pytest.fixture(scope="module")
def held_by_cd166(views):
    """Adhesion-only model and what its cells touch in the first 60 dishes."""
    spec = load_model("null-kg1a", settings=adhering(1.0)).spec
    grid = model_grid(spec)
    chosen = views[:60]
    return spec, chosen, [adhesion_map(spec, v.scene, grid) for v in chosen]


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
    spec = load_model("null-kg1a", settings=adhering(avidity)).spec
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
