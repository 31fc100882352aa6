import json
import math
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.integrate import quad

from conftest import make_migrasomes
from sdf1_field.analysis import count_network, has_msc, measures, network_table
from sdf1_field.analysis.network_summary import (
    compare_networks,
    diameter_by_age,
    diameter_by_distance,
)
from sdf1_field.analysis.runs import run_scene
from sdf1_field.analysis.stroma_runs import run_network
from sdf1_field.errors import InputError
from sdf1_field.grid import make_grid
from sdf1_field.record import open_run
from sdf1_field.record.layout import FORMAT
from sdf1_field.scene import (
    NO_BODY,
    OUTSIDE,
    Bodies,
    Fate,
    Fibres,
    Origin,
    Region,
    Scene,
    region_map,
)
from sdf1_field.scene import variables as declared
from sdf1_field.spec import entries_of, load_model

HOUR = 3600.0
WIDTH, LENGTH = 300.0, 600.0
GRID = make_grid(WIDTH, LENGTH, 100.0, spacing=5.0, floor_layer=10.0, layer_growth=1.2)
VIEW_MM2 = 0.18
MARGIN = 6.0
FROM_MIGRATION, FROM_RETRACTION = int(Origin.MIGRATION), int(Origin.RETRACTION)
LASTS = int(Fate.OUTLIVES_THE_RUN)


def make_scene(bodies, fibres, migrasomes):
    """Scene of (x, y, semi_major, semi_minor), (body, origin) and migrasomes.

    A migrasome is (x, y, diameter, body, birth, end, fate).
    """
    x, y, semi_major, semi_minor = np.array(bodies, dtype=float).reshape(-1, 4).T
    owner, origin = np.array(fibres, dtype=int).reshape(-1, 2).T
    m = np.array(migrasomes, dtype=float).reshape(-1, 7).T
    zeros = np.zeros(len(x))
    fibre_x = np.stack([x[owner] + 60.0, x[owner], np.full(len(owner), np.nan)], axis=1)
    return Scene(
        Bodies(x, y, semi_major, semi_minor, zeros, zeros, {}, zeros > 0),
        Fibres(
            fibre_x,
            np.where(np.isfinite(fibre_x), y[owner][:, None], np.nan),
            owner.astype(np.intp),
            origin.astype(np.int8),
        ),
        make_migrasomes(
            m[0],
            m[1],
            0.5 * m[2],
            body=m[3].astype(np.intp),
            birth=m[4],
            end=m[5],
            present=(m[4] <= 24 * HOUR) & (m[5] > 24 * HOUR),
            fate=m[6].astype(np.int8),
        ),
    )


BODIES = [(60, 60, 20, 10), (150, 60, 20, 10), (60, 300, 20, 10), (150, 500, 30, 30)]
FIBRES = [
    *[(0, FROM_RETRACTION), (0, FROM_RETRACTION), (0, FROM_MIGRATION)],
    *[(1, FROM_RETRACTION), (1, FROM_MIGRATION)],
    (3, FROM_MIGRATION),
]
MIGRASOMES = [
    (85, 60, 1.0, 0, 23.75 * HOUR, math.inf, LASTS),
    (60, 85, 2.0, 0, 23.25 * HOUR, 30 * HOUR, Fate.RUPTURES),
    (105, 60, 2.4, 0, 0.0, math.inf, LASTS),
    (150, 480, 3.0, 3, 20.0 * HOUR, math.inf, LASTS),
    (20, 20, 1.5, NO_BODY, 22.5 * HOUR, math.inf, LASTS),
    (290, 590, 1.6, NO_BODY, 23.0 * HOUR, math.inf, LASTS),
    (290, 20, 2.0, NO_BODY, HOUR, 2 * HOUR, Fate.RUPTURES),
    (290, 20, 2.0, NO_BODY, HOUR, 3 * HOUR, Fate.DRIFTS_AWAY),
    (290, 20, 2.0, NO_BODY, HOUR, 24 * HOUR, Fate.DRIFTS_AWAY),
    (290, 20, 2.0, 2, HOUR, 4 * HOUR, Fate.IS_TAKEN_UP),
    (290, 20, 2.0, 2, 30 * HOUR, 31 * HOUR, Fate.RUPTURES),
]
SCENE = make_scene(BODIES, FIBRES, MIGRASOMES)


def count(scene, time=24 * HOUR, **options):
    regions = region_map(scene, GRID, outline_margin=MARGIN)
    return count_network(scene, regions, GRID, time=time, **options)


COUNT = count(SCENE)


def test_cells_count_by_the_fibres_that_lead_to_them_and_what_sits_on_these():
    assert COUNT.msc == 4
    assert COUNT.fibres.tolist() == [3, 2, 0, 1]
    assert COUNT.migrasomes.tolist() == [3, 0, 0, 1]
    assert (COUNT.with_fibres, COUNT.with_migrasomes, COUNT.with_both) == (3, 2, 2)
    assert COUNT.per_cell.tolist() == [3, 1]


def test_most_fibres_decide_how_a_network_came_to_be_and_a_draw_is_no_retraction():
    assert COUNT.by_retraction == 1
    drawn = make_scene(BODIES, [(1, FROM_RETRACTION), (1, FROM_MIGRATION)], [])
    assert count(drawn).by_retraction == 0
    decided = make_scene(BODIES, [(1, FROM_RETRACTION), (2, FROM_MIGRATION)], [])
    assert count(decided).by_retraction == 1


def test_only_migrasomes_that_are_there_are_counted_attached_or_detached():
    assert (COUNT.attached, COUNT.detached) == (4, 2)
    found = measures([COUNT])
    assert found["attached_per_mm2"].pooled == pytest.approx(4 / VIEW_MM2)
    assert found["detached_per_mm2"].pooled == pytest.approx(2 / VIEW_MM2)
    assert found["diameter_um"].pooled == pytest.approx(np.mean([1.0, 2.0, 2.4, 3.0, 1.5, 1.6]))


def test_fates_are_those_met_by_then():
    assert COUNT.nucleated == 10
    assert COUNT.fates.tolist() == [0, 1, 2, 1]
    early = count(SCENE, time=2.5 * HOUR)
    assert (early.nucleated, early.fates.tolist()) == (5, [0, 1, 0, 0])


def test_distance_is_from_the_edge_of_the_own_body_and_nothing_under_it():
    assert COUNT.distance[:4] == pytest.approx([5.0, 15.0, 25.0, 0.0], abs=1e-9)
    assert np.isnan(COUNT.distance[4:]).all()
    # The second body is nearer to it, but is not its own.
    far = make_scene(BODIES, [(0, 0)], [(125, 60, 2.0, 0, 0.0, math.inf, LASTS)])
    assert count(far).distance == pytest.approx([45.0])


def test_diameters_fall_into_the_bins_of_age_and_distance():
    ages = diameter_by_age([COUNT])
    assert [(b.lower / 60, b.migrasomes) for b in ages] == [
        *[(0.0, 1), (30.0, 1), (60.0, 2), (120.0, 0), (240.0, 2)]
    ]
    assert ages[2].mean == pytest.approx(1.55)
    assert ages[2].deviation == pytest.approx(0.1 / math.sqrt(2))
    assert ages[4].mean == pytest.approx(2.7)
    assert math.isnan(ages[3].mean)
    assert math.isnan(ages[0].deviation)
    distances = diameter_by_distance([COUNT, COUNT])
    assert [b.migrasomes for b in distances] == [4, 2, 2, 0, 0]
    assert distances[0].mean == pytest.approx(2.0)
    assert distances[1].mean == pytest.approx(2.0)


def test_fields_share_the_view_evenly_and_hold_every_detached_migrasome():
    assert COUNT.field_areas == pytest.approx(np.full(9, WIDTH * LENGTH / 9))
    assert COUNT.field_detached.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 1]
    finer = count(SCENE, fields_across=5)
    assert len(finer.field_areas) == 25
    assert finer.field_detached.sum() == 2


def test_fields_of_a_round_well_end_at_its_wall():
    well = make_grid(
        600.0, 600.0, 100.0, spacing=5.0, floor_layer=10.0, layer_growth=1.2, round_well=True
    )
    regions = np.where(well.inside, np.uint8(Region.FREE_SURFACE), np.uint8(OUTSIDE))
    found = count_network(make_scene([(300, 300, 20, 10)], [], []), regions, well, time=0.0)
    assert found.field_areas.sum() == pytest.approx(well.area)
    assert found.areas.sum() == pytest.approx(well.area)
    assert found.field_areas[4] == pytest.approx(200.0**2)
    corner = quad(lambda x: math.sqrt(300.0**2 - x**2) - 100.0, 100.0, math.sqrt(8e4))[0]
    assert found.field_areas[0] == pytest.approx(corner, rel=0.01)
    assert found.field_areas[[0, 2, 6, 8]] == pytest.approx(np.full(4, found.field_areas[0]))


def test_area_fractions_are_those_of_the_region_map_and_add_up():
    found = measures([COUNT])
    parts = [found[f"{key}_fraction"].pooled for key in ("msc", "network", "free_surface")]
    assert sum(parts) == pytest.approx(1.0)
    ellipses = 3 * math.pi * 20 * 10 + math.pi * 30**2
    assert parts[0] == pytest.approx(ellipses / (WIDTH * LENGTH), rel=0.05)
    around_detached = math.pi * (MARGIN + 0.75) ** 2 / (WIDTH * LENGTH)
    assert parts[1] > around_detached


def test_pooled_shares_weigh_cells_and_means_weigh_dishes():
    bare = count(make_scene([(100, 100, 20, 10)] * 12, [(3, 0)], []))
    found = measures([COUNT, bare])["msc_with_fibres"]
    assert (found.amount, found.of) == (4, 16)
    assert found.pooled == pytest.approx(4 / 16)
    assert found.mean == pytest.approx((3 / 4 + 1 / 12) / 2)
    assert found.deviation == pytest.approx(np.std([3 / 4, 1 / 12], ddof=1))


def test_a_dish_without_any_leaves_the_pool_but_no_mean():
    bare = count(make_scene([(100, 100, 20, 10)], [], []))
    found = measures([COUNT, bare])
    assert found["migrasomes_per_cell"].pooled == pytest.approx(2.0)
    assert math.isnan(found["migrasomes_per_cell"].mean)
    alone = measures([bare])
    assert math.isnan(alone["migrasomes_per_cell"].pooled)
    assert math.isnan(alone["diameter_um"].pooled)
    assert alone["msc_with_fibres"].pooled == 0.0
    assert math.isnan(alone["msc_with_fibres"].deviation)


def dish(cells, seed):
    """Scene of cells with some migrasomes each (None: no fibre), and detached ones at random."""
    rng = np.random.default_rng(seed)
    bodies = [(100, 300, 20, 10)] * len(cells)
    fibres = [(n, rng.integers(2)) for n, own in enumerate(cells) if own is not None]
    attached = [
        (130, 300, 2.0, n, 0.0, math.inf, LASTS)
        for n, own in enumerate(cells)
        for _ in range(own or 0)
    ]
    free = [
        (WIDTH * rng.random(), LENGTH * rng.random(), 2.0, NO_BODY, 0.0, math.inf, LASTS)
        for _ in range(rng.poisson(20))
    ]
    return make_scene(bodies, fibres, attached + free)


def test_comparisons_are_the_papers_tests_on_what_was_counted():
    treated = [count(dish([5, 4, 9, 0, None, 6, 7], 1)), count(dish([8, 8, None, 3, 2], 2))]
    control = [count(dish([None, None, 1, 2, 0, 3, 1, None, 0, None], 3))]
    found = {test.quantity: test for test in compare_networks(treated, control)}
    expected = stats.chi2_contingency([[10, 2], [6, 4]], correction=True).pvalue
    assert found["msc_with_fibres"].p == pytest.approx(expected)
    assert found["msc_with_fibres"].treated == pytest.approx(10 / 12)
    expected = stats.chi2_contingency([[9, 3], [4, 6]], correction=True).pvalue
    assert found["msc_with_migrasomes"].p == pytest.approx(expected)
    expected = stats.chi2_contingency([[9, 1], [4, 2]], correction=True).pvalue
    assert found["fibre_bearing_with_migrasomes"].p == pytest.approx(expected)
    some = [5, 4, 9, 6, 7, 8, 8, 3, 2], [1, 2, 3, 1]
    assert found["migrasomes_per_cell"].p == pytest.approx(stats.mannwhitneyu(*some).pvalue)
    assert found["migrasomes_per_cell"].control == pytest.approx(7 / 4)
    every = [*some[0], 0, 0, 0], [*some[1], 0, 0, 0, 0, 0, 0]
    assert found["migrasomes_per_msc"].p == pytest.approx(stats.mannwhitneyu(*every).pvalue)
    assert found["migrasomes_per_msc"].treated == pytest.approx(52 / 12)
    fields = [
        np.concatenate([own.field_detached / (VIEW_MM2 / 9) for own in group])
        for group in (treated, control)
    ]
    assert found["detached_per_mm2"].unit == "fields"
    assert found["detached_per_mm2"].p == pytest.approx(stats.mannwhitneyu(*fields).pvalue)
    assert found["detached_per_mm2"].treated == pytest.approx(fields[0].mean())


def test_bare_cells_have_nothing_to_test():
    bare = [count(make_scene([(100, 100, 20, 10)] * 5, [], []))]
    assert all(math.isnan(test.p) for test in compare_networks(bare, bare))


def column_of(scene, variable):
    """A variable of a scene as a run file has it; fill values where a migrasome is not there."""
    kind = variable.name.split("_")[0]
    group = {"body": scene.bodies, "fibre": scene.fibres, "migrasome": scene.migrasomes}[kind]
    values = getattr(group, variable.key)
    if kind == "migrasome" and variable.written is declared.Written.FRAME:
        nothing = np.nan if variable.absent is None else variable.absent
        return np.where(group.present, values, nothing)
    return np.where(np.isfinite(values), values, np.nan)


@pytest.fixture
def written(tmp_path):
    """Function that writes scenes, a frame each, as a run file holds them, and opens it."""
    opened = []

    def write(scenes, times, *, seed=1, settings=()):
        model = load_model("coculture-kg1a", settings=["cells.density=0 1/mm**2", *settings])
        path = tmp_path / f"run-{len(opened)}.nc"
        sizes = {
            "body": max(len(scenes[-1].bodies.x), 1),
            "fibre": max(len(scene.fibres.body) for scene in scenes) + 1,
            "fibre_vertex": 3,
            "migrasome": len(scenes[-1].migrasomes.x),
        }
        variables = {"time": ("time", np.array(times))}
        for variable in (*declared.BODIES, *declared.FIBRES, *declared.MIGRASOMES):
            each = [column_of(scene, variable) for scene in scenes]
            if variable.written is declared.Written.END:
                variables[variable.name] = variable.dims, each[-1]
                continue
            nothing = np.nan if variable.dtype == "f8" else variable.absent or 0
            shape = [sizes[dim] for dim in variable.dims[1:]]
            values = np.full((len(scenes), *shape), nothing, dtype=variable.dtype)
            for n, own in enumerate(each):
                values[n, : len(own)] = own
            fill = {} if variable.absent is None else {"_FillValue": variable.absent}
            variables[variable.name] = variable.dims, values, {}, fill
        spec = model.spec
        grid = make_grid(
            spec.dish.width, spec.dish.length, 100.0,
            spacing=spec.grid.spacing, floor_layer=10.0, layer_growth=1.2,
        )  # fmt: skip
        variables["region"] = (
            ("time", "y", "x"),
            np.stack([region_map(s, grid, outline_margin=MARGIN) for s in scenes]).astype("i1"),
        )
        attributes = {
            "format": FORMAT, "title": "a stroma", "model_name": model.name, "seed": seed,
            "model": json.dumps(entries_of(model)),
        }  # fmt: skip
        xr.Dataset(variables, attrs=attributes).to_netcdf(path)
        # Of a run file it holds the stroma alone, so that `open_run` would not take it for one.
        opened.append(xr.open_dataset(path, engine="netcdf4", decode_times=False))
        return opened[-1]

    yield write
    for run in opened:
        run.close()


@pytest.mark.slow
def test_the_view_of_a_round_well_ends_at_its_wall(solved):
    stroma = ("run.duration=30 min", "cells.density=0 1/mm**2", "scene.msc_density=20 1/mm**2")
    size = ("dish.width=600 um", "dish.length=600 um")
    with open_run(solved("round-well", *stroma, *size)) as run:
        found = run_network(run, 0.0)
        assert found.area == pytest.approx(math.pi * 0.3**2, rel=0.01)
        assert found.areas.sum() == pytest.approx(found.field_areas.sum())
        assert found.msc == np.isfinite(run["body_x"][0].values).sum() > 0


def aged(scene, time, **changes):
    m = scene.migrasomes
    present = (m.birth <= time) & (m.end > time)
    return replace(scene, migrasomes=replace(m, present=present, **changes))


def test_a_run_gives_back_the_stroma_of_each_frame(written):
    owner = SCENE.migrasomes.body.copy()
    owner[2] = NO_BODY
    later = replace(aged(SCENE, 28 * HOUR, body=owner), fibres=Fibres(
        SCENE.fibres.x[1:], SCENE.fibres.y[1:], SCENE.fibres.body[1:], SCENE.fibres.origin[1:]
    ))  # fmt: skip
    run = written([SCENE, later], [24 * HOUR, 28 * HOUR])
    for frame, scene in enumerate((SCENE, later)):
        again, here = run_scene(run, frame), scene.migrasomes.present
        for part in ("bodies", "fibres"):
            for key, values in vars(getattr(scene, part)).items():
                if key != "secretion":
                    np.testing.assert_array_equal(getattr(getattr(again, part), key), values)
        assert again.fibres.body.dtype == np.intp
        for key in ("x", "y", "radius", "body", "blocked", "maturity"):
            np.testing.assert_array_equal(
                getattr(again.migrasomes, key)[here], getattr(scene.migrasomes, key)[here]
            )
        for key in ("present", "birth", "end", "origin", "fate"):
            np.testing.assert_array_equal(
                getattr(again.migrasomes, key), getattr(scene.migrasomes, key)
            )


def test_a_run_is_counted_as_its_stroma_in_memory_is(written):
    run = written([SCENE, aged(SCENE, 28 * HOUR)], [24 * HOUR, 28 * HOUR])
    found = run_network(run, 24 * HOUR)
    for key in ("fibres", "retracted", "migrasomes", "diameter", "age", "distance", "fates"):
        np.testing.assert_array_equal(getattr(found, key), getattr(COUNT, key))
    assert (found.time, found.nucleated, found.detached) == (24 * HOUR, 10, 2)
    assert run_network(run, 28 * HOUR).age[2] == pytest.approx(28 * HOUR)


def test_the_table_pools_dishes_and_is_of_the_last_time_unless_told_otherwise(written):
    frames, times = [SCENE, aged(SCENE, 28 * HOUR)], [24 * HOUR, 28 * HOUR]
    runs = [written(frames, times, seed=seed) for seed in (1, 2)]
    (row,) = network_table(runs)
    assert row["time"] == 28 * HOUR
    assert (row["control"], row["tests"]) == (None, None)
    first, second = network_table(runs, [28 * HOUR, 24 * HOUR])
    assert second == row
    assert (first["runs"]["dishes"], first["runs"]["msc"]) == (2, 8)
    assert first["runs"]["msc_with_fibres"] == {
        "count": 6, "of": 8, "pooled": 0.75, "mean": 0.75, "deviation": 0.0,
    }  # fmt: skip
    assert first["runs"]["migrasomes_per_cell"]["quartiles"] == [1.0, 3.0]
    assert first["runs"]["fates"] == {
        "nucleated": 20, "ruptured": 2, "drifted_away": 4, "taken_up": 2,
    }  # fmt: skip
    assert [b["upper_min"] for b in first["runs"]["by_age"]] == [30, 60, 120, 240, None]
    json.dumps(network_table(runs[:1], against=runs[1:]), allow_nan=False)


def test_a_control_without_that_time_is_refused(written):
    run = written([SCENE], [24 * HOUR])
    other = written([SCENE], [48 * HOUR], seed=2)
    with pytest.raises(InputError, match="not saved at 24 h; it was from 48 h to 48 h"):
        network_table([run], against=[other])
    with pytest.raises(InputError, match="is the same dish as"):
        network_table([run], against=[run])


def test_a_run_without_msc_or_of_an_earlier_version_is_refused(written):
    empty = written([make_scene([], [], [])], [0.0])
    assert not has_msc(empty)
    with pytest.raises(InputError, match="has no MSC, whose networks"):
        run_network(empty, 0.0)
    run = written([SCENE], [0.0])
    assert has_msc(run)
    with pytest.raises(InputError, match="holds no migrasome_body, since an earlier version"):
        run_scene(run.drop_vars("migrasome_body"), 0)
