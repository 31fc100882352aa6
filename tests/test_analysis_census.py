import math
import shutil

import netCDF4
import numpy as np
import pytest
from click.testing import CliRunner

from sdf1_field.analysis import Census, density_fold_change, fold_changes, take_census
from sdf1_field.cli import main
from sdf1_field.errors import InputError
from sdf1_field.grid import make_grid
from sdf1_field.scene import Region, place_scene, region_map
from sdf1_field.spec import load_model


def dish(counts, areas, touching=None):
    counts = np.array(counts, dtype=float)
    return Census(
        time=14_400.0,
        areas=np.array(areas, dtype=float),
        counts=counts,
        touching=counts if touching is None else np.array(touching, dtype=float),
        touching_areas=np.array(areas, dtype=float),
    )


def test_fold_change_is_the_ratio_of_densities():
    change = density_fold_change(np.array([100.0, 30.0, 20.0]), np.array([8.0, 1.2, 0.4]))
    assert change == pytest.approx([2.0, 4.0], rel=1e-12)


def test_fold_change_is_unknown_without_a_region_or_without_cells_on_free_surface():
    no_network = density_fold_change(np.array([10.0, 3.0, 0.0]), np.array([10.0, 1.0, 0.0]))
    no_reference = density_fold_change(np.array([0.0, 3.0, 2.0]), np.array([10.0, 1.0, 1.0]))
    assert no_network[0] == pytest.approx(3.0)
    assert np.isnan(no_network[1])
    assert np.isnan(no_reference).all()


def test_several_dishes_are_pooled_as_ratio_of_sums_and_reported_as_mean_and_deviation():
    both = fold_changes([dish([10, 4, 2], [10, 1, 1]), dish([30, 9, 3], [10, 3, 1])])
    assert both.pooled == pytest.approx([(13 / 4) / (40 / 20), (5 / 2) / (40 / 20)], rel=1e-12)
    assert both.each == pytest.approx(np.array([[4.0, 2.0], [1.0, 1.0]]), rel=1e-12)
    assert both.mean == pytest.approx([2.5, 1.5], rel=1e-12)
    assert both.deviation == pytest.approx([3.0 / math.sqrt(2), 1.0 / math.sqrt(2)], rel=1e-12)


def many_dishes(count=12):
    rng = np.random.default_rng(7)
    return [dish(rng.poisson([180.0, 60.0, 40.0]), [1.5e6, 3e5, 1.6e5]) for _ in range(count)]


def test_bootstrap_interval_contains_the_pooled_value_and_is_the_same_each_time():
    first, second = fold_changes(many_dishes()), fold_changes(many_dishes())
    assert np.array_equal(first.interval, second.interval)
    assert (first.interval[:, 0] < first.pooled).all()
    assert (first.pooled < first.interval[:, 1]).all()


def test_bootstrap_interval_is_as_wide_as_counting_noise():
    change = fold_changes(many_dishes(40))
    counts = np.array([c.counts for c in many_dishes(40)]).sum(axis=0)
    expected = 2 * 1.96 * change.pooled * np.sqrt(1 / counts[1:] + 1 / counts[0])
    assert np.diff(change.interval, axis=1)[:, 0] == pytest.approx(expected, rel=0.3)


def test_one_dish_has_no_interval_and_no_deviation():
    alone = fold_changes([dish([10, 4, 2], [10, 1, 1])])
    assert alone.pooled == pytest.approx([4.0, 2.0])
    assert np.isnan(alone.interval).all()
    assert np.isnan(alone.deviation).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_cell_that_is_nowhere_is_not_counted_as_one_on_free_surface(value):
    grid = make_grid(100.0, 100.0, 100.0, spacing=10.0, floor_layer=5.0, layer_growth=1.2)
    regions = np.zeros((grid.ny, grid.nx), dtype=np.uint8)
    x, y = np.full(5, 50.0), np.array([50.0, value, 20.0, value, 30.0])
    with pytest.raises(
        InputError, match=r"^4 h: 2 of 5 cells have no place\. Solve the model again"
    ):
        take_census(regions, grid, x, y, regions[grid.index(x, y)], radius=6.0, time=14_400.0)


@pytest.fixture(scope="module")
def lost_run(tiny_run, tmp_path_factory):
    """Run file in which two cells are nowhere from 30 min on, as older versions wrote them."""
    path = tmp_path_factory.mktemp("lost") / "lost.nc"
    shutil.copyfile(tiny_run, path)
    with netCDF4.Dataset(path, "a") as file:
        file["cell_x"][4:6, 2:] = np.nan
    return path


@pytest.mark.parametrize(
    "call",
    [
        ["analyse"],
        ["analyse", "--at", "0 h"],
        ["analyse", "--show", "course"],
        ["analyse", "--show", "distance"],
        ["analyse", "--show", "dwell"],
        ["analyse", "--show", "approach"],
        ["analyse", "--show", "motion"],
        ["plot"],
    ],
)
def test_a_run_with_cells_that_are_nowhere_is_refused_whatever_is_asked(lost_run, tmp_path, call):
    command, *options = call
    if command == "plot":
        options += ["-o", str(tmp_path / "run.png")]
    result = CliRunner().invoke(main, [command, str(lost_run), *options])
    assert result.exit_code == 2, result.output
    assert "lost.nc: cell_x: holds nan, which no run does." in result.output
    assert len(result.output.splitlines()) == 1


def striped():
    """Floor of 100 um with an MSC stripe over 40-60 um and a network over 80-100 um."""
    grid = make_grid(100.0, 50.0, 10.0, spacing=1.0, floor_layer=10.0, layer_growth=1.0)
    regions = np.zeros((grid.ny, grid.nx), dtype=np.uint8)
    regions[:, 40:60] = Region.MSC
    regions[:, 80:] = Region.MIGRASOME_NETWORK
    return grid, regions


def test_a_cell_counts_for_the_region_under_its_centre():
    grid, regions = striped()
    x, y = np.array([10.0, 39.9, 40.1, 79.9, 80.1, 100.0]), np.full(6, 25.0)
    census = take_census(regions, grid, x, y, regions[grid.index(x, y)], radius=0.0, time=0.0)
    assert census.counts.tolist() == [3, 1, 2]
    assert census.areas == pytest.approx([3000.0, 1000.0, 1000.0], rel=1e-12)


def test_a_cell_touches_what_its_edge_reaches_msc_before_network():
    grid, regions = striped()
    x, y = np.array([20.5, 33.5, 35.5, 64.5, 70.5, 75.5]), np.full(6, 25.0)
    census = take_census(regions, grid, x, y, regions[grid.index(x, y)], radius=6.0, time=0.0)
    assert census.counts.tolist() == [6, 0, 0]
    assert census.touching.tolist() == [3, 2, 1]
    x, y = np.array([70.5]), np.array([25.0])
    wide = take_census(regions, grid, x, y, regions[grid.index(x, y)], radius=12.0, time=0.0)
    assert wide.touching.tolist() == [0, 1, 0]


def test_touching_counts_are_at_least_the_centred_ones():
    grid, regions = striped()
    rng = np.random.default_rng(3)
    x, y = 100.0 * rng.random(2000), 50.0 * rng.random(2000)
    census = take_census(regions, grid, x, y, regions[grid.index(x, y)], radius=3.0, time=0.0)
    assert (census.touching[1:] > census.counts[1:]).all()
    assert census.touching.sum() == census.counts.sum() == 2000
    expected = 2000 * np.array([0.51, 0.26, 0.23])
    assert census.touching == pytest.approx(expected, abs=3 * math.sqrt(2000 * 0.25))


def test_touching_areas_are_where_a_centre_must_be():
    grid, regions = striped()
    census = take_census(
        regions, grid, np.empty(0), np.empty(0), np.empty(0, np.int8), radius=3.0, time=0.0
    )
    # Stripes of 20 um reach 3 um over each edge that is not a wall.
    assert census.touching_areas == pytest.approx([2550.0, 1300.0, 1150.0], rel=1e-12)
    assert census.areas == pytest.approx([3000.0, 1000.0, 1000.0], rel=1e-12)


def test_what_uniform_scatter_touches_hardly_depends_on_the_grid():
    spec = load_model("coculture-kg1a").spec
    grids = [
        make_grid(1400, 1400, 100, spacing=spacing, floor_layer=100, layer_growth=1.0)
        for spacing in (5.0, 2.0)
    ]
    scene = place_scene(spec, 1, secretion_factor=1.0)
    uniform = []
    for grid in grids:
        regions = region_map(scene, grid, outline_margin=spec.scene.network_outline_margin)
        census = take_census(
            regions, grid, np.empty(0), np.empty(0), np.empty(0, np.int8), radius=6.0, time=0.0
        )
        uniform.append(density_fold_change(census.touching_areas, census.areas))
    assert (uniform[1] > 1.2).all()
    assert uniform[0] == pytest.approx(uniform[1], rel=0.03)
