import math

import numpy as np
import pytest
from scipy import stats

from sdf1_field.analysis import (
    Census,
    analyse_runs,
    default_times,
    density_fold_change,
    fold_changes,
    run_census,
    run_encounter_limit,
    take_census,
    unpaired_t_test,
)
from sdf1_field.errors import InputError
from sdf1_field.grid import make_grid
from sdf1_field.record import open_run
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
    census = take_census(regions, grid, x, y, radius=0.0, time=0.0)
    assert census.counts.tolist() == [3, 1, 2]
    assert census.areas == pytest.approx([3000.0, 1000.0, 1000.0], rel=1e-12)


def test_a_cell_touches_what_its_edge_reaches_msc_before_network():
    grid, regions = striped()
    x, y = np.array([20.5, 33.5, 35.5, 64.5, 70.5, 75.5]), np.full(6, 25.0)
    census = take_census(regions, grid, x, y, radius=6.0, time=0.0)
    assert census.counts.tolist() == [6, 0, 0]
    assert census.touching.tolist() == [3, 2, 1]
    wide = take_census(regions, grid, np.array([70.5]), np.array([25.0]), radius=12.0, time=0.0)
    assert wide.touching.tolist() == [0, 1, 0]


def test_touching_counts_are_at_least_the_centred_ones():
    grid, regions = striped()
    rng = np.random.default_rng(3)
    x, y = 100.0 * rng.random(2000), 50.0 * rng.random(2000)
    census = take_census(regions, grid, x, y, radius=3.0, time=0.0)
    assert (census.touching[1:] > census.counts[1:]).all()
    assert census.touching.sum() == census.counts.sum() == 2000
    expected = 2000 * np.array([0.51, 0.26, 0.23])
    assert census.touching == pytest.approx(expected, abs=3 * math.sqrt(2000 * 0.25))


def test_touching_areas_are_where_a_centre_must_be():
    grid, regions = striped()
    census = take_census(regions, grid, np.empty(0), np.empty(0), radius=3.0, time=0.0)
    # Stripes of 20 um reach 3 um over each edge that is not a wall.
    assert census.touching_areas == pytest.approx([2550.0, 1300.0, 1150.0], rel=1e-12)
    assert census.areas == pytest.approx([3000.0, 1000.0, 1000.0], rel=1e-12)


def test_what_touches_under_uniform_scatter_is_what_the_table_says(tiny_run):
    rng = np.random.default_rng(11)
    many = 100_000
    with open_run(tiny_run) as run:
        run = run.load().isel(trajectory=np.zeros(many, dtype=int))
        shape = run["cell_x"].shape
        scattered = run.assign(
            cell_x=(run["cell_x"].dims, 300.0 * rng.random(shape)),
            cell_y=(run["cell_y"].dims, 300.0 * rng.random(shape)),
        )
        census = run_census(scattered, 7200.0)
        rows = analyse_runs([scattered])
    assert rows[0]["touching_uniform"] is None
    for row, count in zip(rows[1:], census.touching[1:], strict=True):
        # The ratio of two counts of one multinomial.
        error = row["touching_uniform"] * math.sqrt(1 / count + 1 / census.touching[0])
        assert row["touching_uniform"] > 1.1
        assert abs(row["touching_fold_change"] - row["touching_uniform"]) < 3.0 * error


def test_what_uniform_scatter_touches_hardly_depends_on_the_grid():
    spec = load_model("coculture-kg1a").spec
    grids = [
        make_grid(1400, 1400, 100, spacing=spacing, floor_layer=100, layer_growth=1.0)
        for spacing in (5.0, 2.0)
    ]
    scene = place_scene(spec, grids[1], 1, secretion_factor=1.0)
    uniform = []
    for grid in grids:
        regions = region_map(scene, grid, outline_margin=spec.scene.network_outline_margin)
        census = take_census(regions, grid, np.empty(0), np.empty(0), radius=6.0, time=0.0)
        uniform.append(density_fold_change(census.touching_areas, census.areas))
    assert (uniform[1] > 1.2).all()
    assert uniform[0] == pytest.approx(uniform[1], rel=0.03)


def test_unpaired_t_test_is_students():
    control, treated = [5.1, 6.4, 7.9, 4.4], [2.2, 3.1, 4.9]
    pooled = math.sqrt((3 * np.var(control, ddof=1) + 2 * np.var(treated, ddof=1)) / 5)
    t = (np.mean(control) - np.mean(treated)) / (pooled * math.sqrt(1 / 4 + 1 / 3))
    p = unpaired_t_test(control, treated)
    assert p == pytest.approx(stats.ttest_ind(control, treated).pvalue, rel=1e-12)
    assert p == pytest.approx(2 * stats.t.sf(t, 5), rel=1e-12)
    assert p == pytest.approx(unpaired_t_test(treated, control), rel=1e-12)


def test_without_any_scatter_or_with_one_dish_there_is_no_p():
    assert math.isnan(unpaired_t_test([1.0, 1.0], [2.0, 2.0]))
    assert math.isnan(unpaired_t_test([1.0], [2.0, 3.0]))


def test_scatter_in_one_condition_is_enough_for_a_p():
    p = unpaired_t_test([1.0, 1.0], [2.0, 2.1])
    assert p == pytest.approx(2 * stats.t.sf(1.05 / 0.05, 2), rel=1e-9)


def test_table_of_a_run_agrees_with_its_cells_and_regions(tiny_run):
    with open_run(tiny_run) as run:
        rows = analyse_runs([run])
        x, y = run["cell_x"].values[:, -1], run["cell_y"].values[:, -1]
        regions = run["region"].values[-1]
    under = np.bincount(regions[(y // 10).astype(int), (x // 10).astype(int)], minlength=3)
    areas = np.bincount(regions.ravel(), minlength=3) * 1e-4
    assert [row["region"] for row in rows] == ["free surface", "MSC", "migrasome network"]
    assert [row["time"] for row in rows] == [7200.0] * 3
    assert [row["cells"] for row in rows] == under.tolist()
    assert [row["area_mm2"] for row in rows] == pytest.approx(areas, rel=1e-12)
    assert sum(row["area_mm2"] for row in rows) == pytest.approx(0.09, rel=1e-12)
    assert [row["fold_change"] for row in rows] == pytest.approx(
        (under / areas) / (under[0] / areas[0]), rel=1e-12
    )
    assert all("touching_uniform" in row for row in rows)


def test_dishes_of_one_experiment_are_added_up(solved):
    runs = [open_run(solved(seed=seed)) for seed in (1, 2, 3)]
    alone = [analyse_runs([run]) for run in runs]
    together = analyse_runs(runs)
    for run in runs:
        run.close()
    for n, row in enumerate(together):
        assert row["cells"] == sum(rows[n]["cells"] for rows in alone)
    assert together[1]["interval"][0] < together[1]["fold_change"] < together[1]["interval"][1]
    assert alone[0][1]["interval"] is None


def refusal(*paths):
    runs = [open_run(path) for path in paths]
    with pytest.raises(InputError) as caught:
        analyse_runs(runs)
    for run in runs:
        run.close()
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize(
    ("setting", "difference"),
    [
        ("cells.time_step=15 s", "cells.time_step"),
        ("treatments.amd3100.dose=10 uM", "treatments.amd3100.dose"),
    ],
)
def test_dishes_of_different_models_are_refused(solved, setting, difference):
    first, other = solved(seed=1), solved("coculture-kg1a", setting, seed=2)
    assert refusal(first, other) == (
        f"{other}: differs from {first} in {difference}. Analyse different experiments one by one."
    )


def test_the_same_dish_twice_is_refused(solved, tiny_run, tmp_path):
    copy = tmp_path / "copy.nc"
    copy.write_bytes(tiny_run.read_bytes())
    assert refusal(tiny_run, solved(seed=2), copy) == (
        f"{copy}: is the same dish as {tiny_run} (seed 1). Give it once."
    )


def test_a_file_without_cells_is_named(solved, steady_model):
    path = solved(str(steady_model))
    assert refusal(path) == (
        f"{path}: has no cells to analyse. Solve a transient model with cells."
    )


def test_encounter_limit_grows_with_time(tiny_run):
    with open_run(tiny_run) as run:
        limit = run_encounter_limit(run, [900.0, 3600.0, 7200.0])
    assert (limit > 1.0).all()
    assert (np.diff(limit, axis=0) > 0.0).all()


def test_times_are_the_papers_where_the_run_has_them_else_the_last(tiny_run, solved):
    long = solved("null-kg1a", "run.duration=5 h", "output.tracks_every=1 h")
    with open_run(tiny_run) as short_run, open_run(long) as long_run:
        assert default_times(short_run) == [7200.0]
        assert default_times(long_run) == [14_400.0]


def test_a_time_that_was_not_saved_is_refused_with_those_that_were(tiny_run):
    with (
        open_run(tiny_run) as run,
        pytest.raises(
            InputError, match=r"no cells were saved at 20 min; .* 0 s to 2 h every 15 min"
        ),
    ):
        run_census(run, 1200.0)
