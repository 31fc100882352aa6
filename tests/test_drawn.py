"""Scenes drawn from images: pixels as bodies and networks, on grids and in whole runs."""

import gc
import json
import math
import shutil
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from conftest import TINY
from sdf1_field.analysis import runs
from sdf1_field.analysis.runs import counted_regions, run_drawn, run_scene
from sdf1_field.analysis.space import BODY, MIGRASOME, nearest_edge
from sdf1_field.analysis.stroma_runs import frame_outlines
from sdf1_field.ensemble.storing import model_digest
from sdf1_field.errors import InputError
from sdf1_field.grid import Grid, make_grid
from sdf1_field.images import (
    FREE,
    NETWORK,
    SCENE_FORMAT,
    DrawnScene,
    read_extent,
    read_scene,
    resampled,
    scene_files,
)
from sdf1_field.images import write_scene as write
from sdf1_field.record import (
    content_digest,
    expected_size,
    load_state,
    open_run,
    save_state,
    solve,
)
from sdf1_field.record.layout import patterns
from sdf1_field.scene import (
    NO_BODY,
    DrawnFloor,
    FloorRegions,
    Region,
    body_under,
    cells_under_bodies,
    fibre_reach,
    nearest_fibre,
    place_drawn,
    place_scene,
    region_map,
    touched_fibres,
)
from sdf1_field.simulation import record_exposure, replay_cells, simulate
from sdf1_field.sources import binding_sites, secretion
from sdf1_field.spec import Model, asked_model, load_model
from simulation_builders import assert_same_bits

OPEN = tuple(
    setting
    for setting in TINY
    if not setting.startswith(("dish.width", "dish.length", "scene.msc", "scene.net"))
)
"""The tiny dish's settings that a drawn scene leaves open."""


def picture(rows=130, columns=170, *, seed=5, bodies=4):
    """Bodies of any shape, apart from each other, and a network of scattered pixels."""
    rng = np.random.default_rng(seed)
    pixels = np.full((rows, columns), FREE, dtype=np.int32)
    pixels[rng.random(pixels.shape) < 0.01] = NETWORK
    row, column = np.mgrid[:rows, :columns]
    for n in range(bodies):
        y, x = rng.uniform(0, rows), (n + 0.5) * columns / bodies
        pixels[np.hypot((row - y) / 22.0, (column - x) / 9.0) < 1.0] = n
    return pixels


def drawn_file(path, pixels, size=2.3, **more):
    write(path, DrawnScene(pixels, size, source="dish.tif", **more), program="test")
    return path


def drawn_model(path, *settings):
    return load_model("coculture-kg1a", settings=[*OPEN, f"scene.file={path}", *settings])


def grid_over(pixels, size, spacing):
    rows, columns = pixels.shape
    return make_grid(
        columns * size, rows * size, 100.0, spacing=spacing, floor_layer=5.0, layer_growth=1.5
    )


# On the grid


@pytest.mark.parametrize("spacing", [0.7, 2.3, 5.0, 31.0])
def test_a_footprint_is_the_area_of_its_pixels_on_any_grid(spacing):
    pixels, size = picture(), 2.3
    floor, grid = DrawnFloor(pixels, size), grid_over(pixels, size, spacing)
    cell, body, share = floor.footprint(grid)
    for n in range(4):
        own = np.zeros(grid.ny * grid.nx)
        own[cell[body == n]] = share[body == n]
        exact = resampled((pixels == n).astype(float), grid.ny, grid.nx) / (pixels == n).mean()
        np.testing.assert_allclose(own, exact.ravel() / exact.size, atol=1e-12)
    np.testing.assert_allclose(np.bincount(body, share), 1.0, rtol=1e-13)
    np.testing.assert_allclose(
        floor.covered(grid), resampled((pixels >= 0).astype(float), grid.ny, grid.nx), atol=1e-12
    )


def test_drawn_bodies_secrete_their_whole_rate_on_any_grid(tmp_path):
    spec = drawn_model(drawn_file(tmp_path / "s.nc", picture())).spec
    scene = place_drawn(spec, 1, secretion_factor=1.0)
    alone = replace(scene, migrasomes=replace(scene.migrasomes, secretion={}))
    for spacing in (2.0, 6.1, 19.0):
        grid = grid_over(scene.drawn.pixels, scene.drawn.pixel_size, spacing)
        made = secretion(alone, grid, "sdf1")
        rate = 4 * spec.ligand["sdf1"].secretion.msc_body
        assert made.flux.sum() * grid.dx * grid.dy == pytest.approx(rate, rel=1e-13)
        assert made.total == pytest.approx(rate, rel=1e-14)


def test_sites_under_drawn_bodies_go_by_area(tmp_path):
    spec = drawn_model(drawn_file(tmp_path / "s.nc", picture())).spec
    scene = place_drawn(spec, 1, secretion_factor=1.0)
    coat = spec.ligand["sdf1"].coat.model_copy(update={"under_bodies": 0.25})
    grid = grid_over(scene.drawn.pixels, 2.3, 7.0)
    covered = (scene.drawn.pixels >= 0).mean()
    mean = binding_sites(coat, scene, grid).mean()
    assert mean == pytest.approx(coat.sites * (1.0 - 0.75 * covered), rel=1e-12)


def test_regions_are_those_of_the_pixels(tmp_path):
    pixels = picture()
    scene = place_drawn(
        drawn_model(drawn_file(tmp_path / "s.nc", pixels)).spec, 1, secretion_factor=1.0
    )
    rows, columns = pixels.shape
    own = Grid(columns * 2.3, rows * 2.3, columns, rows, np.array([0.0, 1.0]))
    expected = np.where(pixels >= 0, Region.MSC, np.where(pixels == NETWORK, 2, 0))
    np.testing.assert_array_equal(region_map(scene, own, outline_margin=6.0), expected)
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0, own.width, 500), rng.uniform(0, own.length, 500)
    coarse = grid_over(pixels, 2.3, 11.0)
    under = FloorRegions(scene, coarse, 6.0).under(x, y)
    np.testing.assert_array_equal(under, expected[(y / 2.3).astype(int), (x / 2.3).astype(int)])
    cell, body = cells_under_bodies(scene, own)
    np.testing.assert_array_equal(pixels.ravel()[cell], body)
    assert (np.diff(body) >= 0).all()


def squares_apart(x, y, chosen, size):
    """Distance of places from the squares of pixels, and to the nearest point of the nearest."""
    row, column = np.nonzero(chosen)
    dx = np.clip(x[:, None], column * size, (column + 1) * size) - x[:, None]
    dy = np.clip(y[:, None], row * size, (row + 1) * size) - y[:, None]
    return np.hypot(dx, dy).min(axis=1)


def test_distances_are_those_to_the_nearest_square_of_a_pixel(tmp_path):
    pixels, size = picture(60, 70), 3.0
    floor = DrawnFloor(pixels, size)
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 70 * size, 300), rng.uniform(0, 60 * size, 300)
    way, inside = floor.way_to_edge(x, y)
    np.testing.assert_array_equal(inside, floor.at(x, y) >= 0)
    expected = np.where(
        inside,
        squares_apart(x, y, pixels < 0, size),
        squares_apart(x, y, pixels >= 0, size),
    )
    np.testing.assert_allclose(np.hypot(*way), expected, atol=1e-9)
    apart = squares_apart(x, y, pixels == NETWORK, size)
    np.testing.assert_allclose(np.hypot(*floor.way_to_network(x, y)), apart, atol=1e-9)
    scene = place_drawn(
        drawn_model(drawn_file(tmp_path / "s.nc", pixels, size)).spec, 1, secretion_factor=1.0
    )
    direction, distance = nearest_fibre(scene, x, y)
    np.testing.assert_allclose(distance, apart, atol=1e-9)
    there = floor.at(x + direction[0] * (distance + 1e-6), y + direction[1] * (distance + 1e-6))
    assert (there[apart > 0.0] == NETWORK).all()


@pytest.mark.parametrize(("reach", "spacing"), [(6.0, 2.5), (2.0, 4.1), (0.53, 1.0)])
def test_cells_touch_a_drawn_network_within_their_radius(tmp_path, reach, spacing):
    pixels, size = picture(40, 50), 1.7
    scene = place_drawn(
        drawn_model(drawn_file(tmp_path / "s.nc", pixels, size)).spec, 1, secretion_factor=1.0
    )
    grid = grid_over(pixels, size, spacing)
    x, y = (part.ravel() for part in np.broadcast_arrays(grid.x[None, :], grid.y[:, None]))
    expected = squares_apart(x, y, pixels == NETWORK, size) <= reach
    assert 0.0 < expected.mean() < 1.0
    touched = touched_fibres(scene, grid, reach=reach)
    np.testing.assert_array_equal(touched.ravel() > 0, expected)


def test_the_ellipse_of_a_body_has_its_moments():
    row, column = np.mgrid[:200, :300]
    angle, major, minor = 0.6, 70.0, 25.0
    dx, dy = column + 0.5 - 140.0, row + 0.5 - 95.0
    along = dx * math.cos(angle) + dy * math.sin(angle)
    across = dy * math.cos(angle) - dx * math.sin(angle)
    pixels = np.where((along / major) ** 2 + (across / minor) ** 2 <= 1.0, 0, FREE)
    m = DrawnFloor(pixels.astype(np.int32), 0.5).moments
    found = [m.x[0], m.y[0], m.semi_major[0], m.semi_minor[0], m.angle[0]]
    assert found == pytest.approx([70.0, 47.5, 35.0, 12.5, 0.6], rel=2e-3)
    assert not m.cut[0]
    assert DrawnFloor(pixels[:, 100:].astype(np.int32), 0.5).moments.cut[0]


# Migrasomes


def test_migrasomes_seen_are_where_they_were_seen_and_of_the_nearest_body(tmp_path):
    pixels = np.full((50, 60), FREE, dtype=np.int32)
    pixels[10:20, 5:15], pixels[30:40, 40:55] = 0, 1
    seen = np.array([[30.0, 30.0], [78.0, 64.0], [20.0, 30.0]]).T
    path = drawn_file(
        tmp_path / "s.nc", pixels, 2.0, x=seen[0], y=seen[1], radius=np.array([1.5, np.nan, 1.0])
    )
    m = place_drawn(drawn_model(path).spec, 1, secretion_factor=1.0).migrasomes
    # The third lies over a body.
    np.testing.assert_array_equal(np.column_stack([m.x, m.y]), seen.T[:2])
    np.testing.assert_array_equal(m.body, [0, 1])
    assert m.radius[0] == 1.5
    assert m.radius[1] > 0.0


def test_bodies_that_cover_the_whole_floor_are_the_nearest_to_every_place():
    pixels = np.zeros((4, 6), dtype=np.int32)
    pixels[:, 3:] = 1
    nearest = DrawnFloor(pixels, 10.0).nearest_body(np.array([1.0, 29.9, 31.0]), np.full(3, 20.0))
    np.testing.assert_array_equal(nearest, [0, 0, 1])


def test_migrasomes_that_were_not_looked_for_are_as_dense_in_the_network_as_the_model_says(
    tmp_path,
):
    pixels = np.full((200, 200), FREE, dtype=np.int32)
    pixels[20:180, 40:120] = NETWORK
    path = drawn_file(tmp_path / "s.nc", pixels, 1.5)
    spec = drawn_model(path, "scene.network_migrasome_density=6000 1/mm**2").spec
    scenes = [place_drawn(spec, seed, secretion_factor=1.0) for seed in range(40)]
    expected = 6000e-6 * 160 * 80 * 1.5**2
    assert np.mean([len(s.migrasomes.x) for s in scenes]) == pytest.approx(
        expected, abs=4 * math.sqrt(expected / 40)
    )
    x, y = (np.concatenate([getattr(s.migrasomes, a) for s in scenes]) for a in "xy")
    assert (scenes[0].drawn.at(x, y) == NETWORK).all()
    assert x.mean() == pytest.approx(120.0, abs=5 * 120 / math.sqrt(12 * len(x)))
    assert (scenes[0].migrasomes.body == NO_BODY).all()


def test_the_density_of_migrasomes_is_that_of_placed_networks():
    spec = load_model("coculture-kg1a", settings=["scene.mode=placed"]).spec
    count = area = 0.0
    for seed in range(12):
        scene = place_scene(spec, seed, secretion_factor=1.0)
        grid = make_grid(
            spec.dish.width, spec.dish.length, 10.0, spacing=2.0, floor_layer=5.0, layer_growth=1.0
        )
        area += FloorRegions(scene, grid, spec.scene.network_outline_margin).areas[2]
        count += len(scene.migrasomes.x)
    assert count / area == pytest.approx(spec.scene.network_migrasome_density, rel=0.05)


# Beside the placed scene that it was drawn from


def traced(spec, scene, size):
    """A placed scene as drawn on fine pixels, with its own migrasomes."""
    columns, rows = round(spec.dish.width / size), round(spec.dish.length / size)
    fine = Grid(spec.dish.width, spec.dish.length, columns, rows, np.array([0.0, 1.0]))
    regions = region_map(scene, fine, outline_margin=spec.scene.network_outline_margin)
    pixels = np.where(regions == Region.MIGRASOME_NETWORK, NETWORK, FREE).astype(np.int32)
    x, y = (part.ravel() for part in np.broadcast_arrays(fine.x[None, :], fine.y[:, None]))
    under = body_under(scene.bodies, x, y).reshape(rows, columns)
    pixels[under != NO_BODY] = under[under != NO_BODY]
    m = scene.migrasomes
    return DrawnScene(pixels, size, x=m.x, y=m.y, radius=m.radius, source="placed")


QUIET = (
    "ligand.sdf1.secretion.carrying_fraction=1.0",
    "variation.dish.secretion=0.0",
    "mechanisms.cargo_kinetics=false",
    'output.ligands=["sdf1"]',
)
"""All that the model would draw anew for a drawing of a placed dish."""


def ends_beside(path, seed):
    """Models and last states of a tiny placed dish and of its drawing on fine pixels."""
    placed = load_model("coculture-kg1a", settings=[*TINY, *QUIET]).spec
    write(
        path, traced(placed, place_scene(placed, seed, secretion_factor=1.0), 0.5), program="test"
    )
    drawn = drawn_model(path, *QUIET).spec
    assert drawn.dish == placed.dish
    return [(spec, list(simulate(spec, seed=seed))[-1]) for spec in (placed, drawn)]


def test_a_drawing_of_a_placed_dish_has_nearly_its_field_and_its_cells(tmp_path):
    """Fields differ by how footprints fall on the grid."""
    apart = 0
    for seed in (1, 2, 3):
        (_, first), (_, second) = ends_beside(tmp_path / f"{seed}.nc", seed)
        floors = [state.ligands["sdf1"].floor for state in (first, second)]
        assert np.abs(floors[1] - floors[0]).max() < 0.01 * np.ptp(floors[0])
        assert floors[1].mean() == pytest.approx(floors[0].mean(), rel=1e-9)
        counts = [np.bincount(state.cell_regions, minlength=3) for state in (first, second)]
        apart += np.abs(counts[1] - counts[0]).sum()
        areas = [state.here.floor.areas for state in (first, second)]
        assert np.abs(areas[1] - areas[0]).max() < 0.01 * areas[0].sum()
    # One of 90 cells in another region, which counts twice.
    assert apart <= 2


def test_cells_touch_a_drawing_where_they_touch_the_placed_dish(tmp_path):
    (_, first), (spec, second) = ends_beside(tmp_path / "traced.nc", 1)
    touched = [state.here.hold.contact > 0 for state in (first, second)]
    assert 0.1 < touched[0].mean() < 0.9
    assert (touched[0] != touched[1]).mean() < 0.002
    hold = second.here.hold
    fine = grid_over(second.scene.drawn.pixels, second.scene.drawn.pixel_size, hold.dx)
    regions = region_map(second.scene, fine, outline_margin=spec.scene.network_outline_margin)
    assert not touched[1][regions == Region.FREE_SURFACE].any()
    rng = np.random.default_rng(4)
    x, y = rng.uniform(0.0, spec.dish.width, (2, 3000))
    on_fibre = [
        nearest_fibre(state.scene, x, y)[1]
        <= fibre_reach(state.scene, radius=6.0, outline_margin=6.0)
        for state in (first, second)
    ]
    # Fibres of the placed dish go on under its bodies.
    beside = second.scene.drawn.at(x, y) < 0
    assert 0.1 < on_fibre[0][beside].mean() < 0.5
    # Outlines are drawn around migrasomes too, which are wider than fibres.
    assert (on_fibre[0] != on_fibre[1])[beside].mean() < 0.02


@pytest.mark.parametrize(("margin", "reach"), [(0.0, 6.0), (2.5, 3.5), (6.0, 0.0), (9.0, 0.0)])
def test_an_outline_outside_of_the_fibres_is_touched_from_so_much_nearer(tmp_path, margin, reach):
    path = drawn_file(tmp_path / "s.nc", picture())
    scene = place_drawn(drawn_model(path).spec, 1, secretion_factor=1.0)
    assert fibre_reach(scene, radius=6.0, outline_margin=margin) == reach
    placed = replace(scene, drawn=None)
    assert fibre_reach(placed, radius=6.0, outline_margin=margin) == 6.0


# Runs


def test_a_drawn_dish_resumes_to_the_same_bits(tmp_path):
    spec = drawn_model(drawn_file(tmp_path / "s.nc", picture())).spec
    whole = list(simulate(spec, seed=1))
    save_state(tmp_path / "state.npz", whole[2].stop)
    loaded = load_state(tmp_path / "state.npz", "cosine")
    np.testing.assert_array_equal(loaded.scene.drawn.pixels, whole[0].scene.drawn.pixels)
    again, *rest = simulate(spec, seed=1, resume_from=loaded)
    assert_same_bits(again, whole[2])
    for resumed, uninterrupted in zip(rest, whole[3:], strict=True):
        assert_same_bits(resumed, uninterrupted)


def test_a_drawn_run_is_the_same_at_any_thread_count_or_resumed_and_holds_its_pixels(tmp_path):
    pixels = picture()
    path = drawn_file(tmp_path / "s.nc", pixels)
    model = drawn_model(path, "run.duration=30 min")
    digests = []
    for threads in (1, 2):
        run = tmp_path / f"run{threads}.nc"
        solve(model, run, seed=3, threads=threads)
        with open_run(run) as opened:
            digests.append(content_digest(opened))
            np.testing.assert_array_equal(opened["pixel_body"].values, pixels)
            assert opened.attrs["patterns"] == patterns(model.spec)
            assert "scene.file" in json.loads(opened.attrs["patterns"])
        estimate, _ = expected_size(model.spec)
        assert run.stat().st_size < estimate
    assert digests[0] == digests[1]

    def interrupt(_):
        raise KeyboardInterrupt

    paused = tmp_path / "paused.nc"
    with pytest.raises(KeyboardInterrupt):
        solve(model, paused, seed=3, progress=interrupt)
    solve(model, paused, seed=3, resume=True)
    with open_run(paused) as opened:
        assert content_digest(opened) == digests[0]
    # It is read without the file that it was drawn from.
    path.unlink()
    with open_run(run) as opened:
        assert opened.sizes["body"] == 4
        floor, where = run_drawn(opened), id(opened)
        # Its trees are built once, and go with the run.
        assert run_drawn(opened) is floor
        assert where in runs._FLOORS
    del opened
    gc.collect()
    assert where not in runs._FLOORS


def test_a_changed_file_is_another_model_and_is_not_gone_on_with(tmp_path):
    path = drawn_file(tmp_path / "s.nc", picture())
    model = drawn_model(path, "run.duration=1 h")
    before, run = patterns(model.spec), tmp_path / "run.nc"

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(model, run, seed=1, progress=interrupt)
    settings = (*OPEN, f"scene.file={path}")
    stored = model_digest("coculture-kg1a", settings)
    drawn_file(path, picture(seed=6))
    assert patterns(model.spec) != before
    assert model_digest("coculture-kg1a", settings) != stored
    with pytest.raises(InputError, match="has changed since the run was begun"):
        solve(model, run, seed=1, resume=True)
    drawn_file(path, picture(rows=100))
    with pytest.raises(InputError, match="the file has changed since the model was loaded"):
        solve(model, run, seed=1, force=True)


def test_cells_are_replayed_in_a_drawn_dish(tmp_path):
    spec = drawn_model(drawn_file(tmp_path / "s.nc", picture()), "run.duration=30 min").spec
    recorded = record_exposure(spec, 1)
    replayed = [state.counts for state in replay_cells(recorded, spec, seed=1)]
    simulated = [
        np.bincount(state.cell_regions, minlength=3)
        for state in simulate(spec, seed=1)
        if state.cells is not None and state.time in recorded.times
    ]
    np.testing.assert_array_equal(replayed[-1], simulated[-1])


# The model


def test_a_dish_has_the_extent_of_its_file(tmp_path):
    path = drawn_file(tmp_path / "s.nc", picture(37, 91), 0.65)
    model = drawn_model(path)
    assert (model.spec.dish.width, model.spec.dish.length) == (91 * 0.65, 37 * 0.65)
    assert model["scene.mode"] == "placed"
    assert Model.from_dict(model.to_dict()) == model
    saved = model.save(tmp_path / "mine.toml")
    assert load_model(saved).spec.dish == model.spec.dish
    other = drawn_file(tmp_path / "t.nc", picture(50, 60), 2.0)
    assert model.set({"scene.file": str(other)}).spec.dish.width == 120.0
    same = load_model(
        "coculture-kg1a", settings=[f"scene.file={path}", f"dish.width={91 * 0.65!r} um"]
    )
    assert same.spec.dish.width == 91 * 0.65


def test_a_file_beside_a_model_file_is_found(tmp_path, monkeypatch):
    drawn_file(tmp_path / "s.nc", picture())
    (tmp_path / "mine.toml").write_text(
        'extends = "coculture-kg1a"\ntitle = "mine"\n[scene]\nfile = "s.nc"\n', encoding="utf-8"
    )
    monkeypatch.chdir("/")
    found = asked_model(str(tmp_path / "mine.toml"))
    assert found.spec.scene.file == str(tmp_path / "s.nc")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["scene.mode=grown"], "a scene from an image does not grow."),
        (["scene.mode=frozen"], "scene.mode: a scene from an image does not grow."),
        (["dish.width=300 um"], "dish.width: '300 um' is not the 391 um of s.nc. Remove it"),
        (["scene.msc_density=50 1/mm**2"], "since bodies and networks are those of scene.file"),
        (["scene.fibre_length=50 um"], "since bodies and networks are those of scene.file"),
        (["dish.shape=round"], "the scene's image is a rectangle"),
        (["treatments.decellularisation.start=1 h"], "are removed before the cells are added"),
    ],
)
def test_what_contradicts_a_drawn_scene_is_refused_in_one_line(tmp_path, settings, says):
    path = drawn_file(tmp_path / "s.nc", picture())
    with pytest.raises(InputError) as caught:
        asked_model("coculture-kg1a", settings=[f"scene.file={path}", *settings])
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_drawn_scene_is_refused(tmp_path):
    def refusal(file):
        with pytest.raises(InputError) as caught:
            load_model("coculture-kg1a", settings=[f"scene.file={file}"])
        return str(caught.value)

    assert "no such file" in refusal(tmp_path / "none.nc")
    assert "whose name ends in .nc" in refusal("dish.tif")
    text = tmp_path / "text.nc"
    text.write_text("no scene", encoding="utf-8")
    assert "is no file of a drawn scene" in refusal(text)
    path = drawn_file(tmp_path / "s.nc", picture())
    import netCDF4

    for number, says in (
        (7, "is of another version (sdf1-field scene 7)"),
        ("run 3", "is no file"),
    ):
        changed = tmp_path / "changed.nc"
        shutil.copyfile(path, changed)
        with netCDF4.Dataset(changed, "a") as file:
            file.format = f"sdf1-field scene {number}" if number == 7 else f"sdf1-field {number}"
        assert says in refusal(changed)
    with netCDF4.Dataset(path, "a") as file:
        file.bodies = np.int64(9)
    with pytest.raises(InputError, match="damaged"):
        read_scene(path)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("pixel_size", -1.0),
        ("pixel_size", np.nan),
        ("pixels", 2),
        ("pixels", -3),
        ("migrasome_x", np.nan),
        ("migrasome_x", -5.0),
        ("migrasome_y", 1e4),
        ("migrasome_radius", -1.0),
        ("migrasome_radius", np.inf),
    ],
)
def test_a_scene_s_file_with_values_of_no_dish_is_refused_in_one_line(tmp_path, change, value):
    import netCDF4

    one = np.array([10.0])
    path = drawn_file(tmp_path / "s.nc", picture(bodies=3), x=one, y=one, radius=np.array([np.nan]))
    assert read_scene(path).pixels.max() == 2
    with netCDF4.Dataset(path, "a") as file:
        if change == "pixel_size":
            file.pixel_size = value
        elif change == "pixels":
            # Body 1 has no pixel any more, or one has no meaning.
            pixels = file["pixels"][:]
            pixels[pixels == 1 if value == 2 else np.s_[:1, :1]] = value
            file["pixels"][:] = pixels
        else:
            file[change][0] = value
    with pytest.raises(InputError, match="damaged") as caught:
        read_scene(path)
    assert "\n" not in str(caught.value)


def declared(path, *, kind="i2", rows=64, chunks=None, migrasomes=3, of="f8", along="migrasome"):
    """Write a small file that declares a scene of any size."""
    import netCDF4

    with netCDF4.Dataset(path, "w") as file:
        file.setncatts({"format": SCENE_FORMAT, "pixel_size": 1.0, "bodies": np.int64(0)})
        file.network_pixels = np.int64(0)
        texts = ("image", "image_sha256", "labels", "migrasomes", "migrasomes_sha256")
        file.setncatts(dict.fromkeys(texts, "x"))
        for name, count in (("y", rows), ("x", 64), ("migrasome", migrasomes)):
            file.createDimension(name, count)
        file.createVariable("pixels", kind, ("y", "x"), fill_value=-1, chunksizes=chunks, zlib=True)
        if rows is None:
            file.createVariable("y", "f8", ("y",))[:] = np.arange(64.0)
        for name in ("x", "y", "radius"):
            made = file.createVariable(f"migrasome_{name}", of, (along,), fill_value=1, zlib=True)
            made[0] = 1
    return path


@pytest.mark.parametrize(
    "declares",
    [
        {"kind": "i8"},
        {"kind": "i1"},
        {"kind": "f4"},
        {"rows": 2**21},
        {"migrasomes": 1_000_001},
        {"migrasomes": 2**26},
        {"of": "i8"},
        {"along": "y"},
        {"rows": None, "chunks": (2**22, 2**6)},
        {"rows": 2**20, "chunks": (1, 1)},
    ],
    ids=str,
)
def test_a_scene_s_file_that_declares_more_than_a_scene_is_refused_undecoded(tmp_path, declares):
    assert read_scene(declared(tmp_path / "s.nc")).pixels.shape == (64, 64)
    path = declared(tmp_path / "t.nc", **declares)
    tracemalloc.start()
    try:
        for read in (read_scene, read_extent):
            with pytest.raises(InputError, match="damaged"):
                read(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def test_a_scene_that_memory_runs_out_for_is_named(tmp_path, monkeypatch):
    def exhausted(_):
        raise MemoryError

    path = drawn_file(tmp_path / "s.nc", picture())
    monkeypatch.setattr(scene_files, "_pixel_size", exhausted)
    for read in (read_scene, read_extent):
        with pytest.raises(InputError, match=r"s\.nc: takes more memory than there is"):
            read(path)


def test_a_scene_with_more_migrasomes_than_are_read_is_not_written(tmp_path):
    many = np.ones(1_000_001)
    with pytest.raises(InputError, match="has 1,000,001 migrasomes, and a scene has 1,000,000"):
        drawn_file(tmp_path / "s.nc", picture(), x=many, y=many, radius=many)
    assert not any(tmp_path.iterdir())


def test_a_scene_s_file_reads_as_it_was_written(tmp_path):
    pixels = picture()
    path = drawn_file(
        tmp_path / "s.nc", pixels, 0.65, x=np.array([1.0]), y=np.array([2.0]),
        radius=np.array([np.nan]), sha256="ab", labels="msc=1",
    )  # fmt: skip
    read, extent = read_scene(path), read_extent(path)
    np.testing.assert_array_equal(read.pixels, pixels)
    assert (read.source, read.sha256, read.labels, read.pixel_size) == (
        "dish.tif", "ab", "msc=1", 0.65,
    )  # fmt: skip
    assert (read.x[0], read.y[0], np.isnan(read.radius[0])) == (1.0, 2.0, True)
    assert (extent.bodies, extent.migrasomes) == (4, 1)
    assert extent.network_pixels == (pixels == NETWORK).sum()
    bare = read_extent(drawn_file(tmp_path / "t.nc", pixels))
    assert bare.migrasomes is None


@pytest.mark.parametrize(
    ("value", "region"),
    [(0, Region.MSC), (NETWORK, Region.MIGRASOME_NETWORK), (FREE, Region.FREE_SURFACE)],
)
def test_dishes_without_bodies_or_network_are_solved(tmp_path, value, region):
    pixels = np.full((90, 100), FREE, dtype=np.int32)
    # 20 um x 26 um, on the grid 20 um x 30 um.
    pixels[20:30, 20:33] = value
    path = drawn_file(tmp_path / "s.nc", pixels, 2.0)
    carried = ("run.duration=15 min", "ligand.sdf1.secretion.carrying_fraction=1.0")
    last = list(simulate(drawn_model(path, *carried).spec, seed=1))[-1]
    expected = np.zeros(3)
    expected[Region.FREE_SURFACE] = 180.0 * 200.0 - 20.0 * 26.0
    expected[region] += 20.0 * 26.0
    assert last.floor.areas == pytest.approx(expected, rel=1e-12)
    assert len(last.scene.bodies.x) == (value == 0)
    assert (last.ligands["sdf1"].floor > 0.0).any() == (value != FREE)
    assert not last.cells.held.all()
    if value == FREE:
        assert not last.here.hold.contact.any()
        assert not last.cells.held.any()


def test_keys_of_placed_scenes_change_no_bit_of_a_drawn_one(tmp_path):
    path = drawn_file(tmp_path / "s.nc", picture())
    first, second = (
        list(simulate(drawn_model(path, "run.duration=15 min", *settings).spec, seed=1))[-1]
        for settings in (
            (),
            (
                "scene.msc_number=7",
                "scene.network_fraction=0.2",
                "scene.migrasome_spacing=9 um",
                "scene.detached_migrasome_density=100 1/mm**2",
                "stromal_type.msc.body_area=900 um**2",
            ),
        )
    )
    assert_same_bits(first, second)
    np.testing.assert_array_equal(first.regions, second.regions)


def test_a_drawn_network_without_its_bodies_is_read_as_it_was_run(tmp_path):
    path, run = drawn_file(tmp_path / "s.nc", picture()), tmp_path / "run.nc"
    settings = ("run.duration=15 min", "treatments.decellularisation.start=0 h")
    solve(drawn_model(path, *settings), run, seed=1)
    with open_run(run) as file:
        floor = run_scene(file, -1).drawn
        regions, _ = counted_regions(file, -1)
        (body, migrasome) = (frame_outlines(file, -1)[kind] for kind in (BODY, MIGRASOME))
        assert (file["pixel_body"].values >= 0).any()
    assert not (floor.pixels >= 0).any()
    assert not (regions == Region.MSC).any()
    assert (regions == Region.MIGRASOME_NETWORK).sum() == (picture() == NETWORK).sum()
    place = np.array([50.0])
    assert np.isinf(nearest_edge(body, place, place).distance).all()
    assert np.isfinite(nearest_edge(migrasome, place, place).distance).all()
