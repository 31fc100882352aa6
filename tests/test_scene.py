import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from conftest import make_migrasomes
from scene_builders import PLACED, SEEDS, bodies_over
from sdf1_field.cells.contacts import raise_at
from sdf1_field.errors import InputError
from sdf1_field.grid import make_grid
from sdf1_field.scene import (
    Bodies,
    Fibres,
    Origin,
    Region,
    Scene,
    cells_under_bodies,
    place_scene,
    raise_on_migrasomes,
    region_areas,
    region_map,
    touched_fibres,
)
from sdf1_field.spec import load_model


def _square(extent, spacing):
    return make_grid(extent, extent, 100.0, spacing=spacing, floor_layer=5.0, layer_growth=1.2)


@pytest.fixture(scope="module")
def spec():
    return load_model("coculture-kg1a").spec


@pytest.fixture(scope="module")
def grid():
    return _square(1400.0, 5.0)


@pytest.fixture(scope="module")
def scenes(spec):
    return [place_scene(spec, seed, secretion_factor=1.0) for seed in SEEDS]


def _arrays(scene):
    """Every array of a scene by name."""
    found = {}
    for part in (scene.bodies, scene.fibres, scene.migrasomes):
        for name, value in vars(part).items():
            each = value if isinstance(value, dict) else {"": value}
            found |= {(type(part).__name__, name, key): array for key, array in each.items()}
    return found


def _drawn(*, bodies=(), migrasomes=(), fibres=()):
    """Scene of ellipses (x, y, semi-axes, angle), discs (x, y, radius) and straight fibres."""
    b = np.array(bodies, dtype=float).reshape(-1, 5).T
    m = np.array(migrasomes, dtype=float).reshape(-1, 3).T
    courses = np.array(fibres, dtype=float).reshape(-1, 2, 2)
    return Scene(
        Bodies(
            *b,
            blocked=np.zeros(b.shape[1]),
            secretion={},
            migrating=np.zeros(b.shape[1], dtype=np.bool_),
        ),
        Fibres(
            courses[..., 0],
            courses[..., 1],
            np.zeros(len(fibres), dtype=np.intp),
            np.full(len(fibres), Origin.MIGRATION, dtype=np.int8),
        ),
        make_migrasomes(*m),
    )


# Placing


def test_the_same_seed_places_the_same_scene(spec, scenes):
    again = _arrays(place_scene(spec, SEEDS[0], secretion_factor=1.0))
    for name, array in _arrays(scenes[0]).items():
        np.testing.assert_array_equal(again[name], array, err_msg=str(name))


def test_another_seed_places_another_scene(scenes):
    assert len({scene.bodies.x[0] for scene in scenes}) == len(scenes)


def test_bodies_do_not_overlap(grid, scenes):
    x, y = np.meshgrid(grid.x, grid.y)
    for scene in scenes[:3]:
        assert len(scene.bodies.x) > 40
        assert bodies_over(x, y, scene.bodies).max() == 1


def test_cells_under_bodies_are_those_whose_centre_is_in_the_ellipse(grid, scenes):
    x, y = np.meshgrid(grid.x, grid.y)
    cell, _ = cells_under_bodies(scenes[0], grid)
    covered = np.bincount(cell, minlength=x.size).reshape(x.shape)
    np.testing.assert_array_equal(covered, bodies_over(x, y, scenes[0].bodies))


def test_everything_is_inside_the_view(grid, scenes):
    for scene in scenes:
        for part in (scene.bodies, scene.fibres, scene.migrasomes):
            assert 0.0 <= np.nanmin(part.x) <= np.nanmax(part.x) <= grid.width
            assert 0.0 <= np.nanmin(part.y) <= np.nanmax(part.y) <= grid.length


def test_migrasomes_sit_on_their_bodys_fibres(scenes):
    scene = scenes[0]
    f, m = scene.fibres, scene.migrasomes
    distance = np.full(len(m.x), np.inf)
    place = m.x + 1j * m.y
    for course, body in zip(f.x + 1j * f.y, f.body, strict=True):
        own = m.body == body
        for start, end in itertools.pairwise(course):
            if np.isnan(end):
                break
            along = np.clip(((place[own] - start) / (end - start)).real, 0.0, 1.0)
            distance[own] = np.minimum(
                distance[own], abs(place[own] - start - along * (end - start))
            )
    assert distance.max() < 1e-9


def test_no_migrasome_lies_under_a_body(scenes):
    for scene in scenes:
        assert bodies_over(scene.migrasomes.x, scene.migrasomes.y, scene.bodies).max() == 0


def test_fibres_leave_from_the_outline_of_their_body(grid, scenes):
    checked = 0
    for scene in scenes:
        b, f = scene.bodies, scene.fibres
        n = f.body
        turned = ((f.x[:, 0] - b.x[n]) + 1j * (f.y[:, 0] - b.y[n])) * np.exp(-1j * b.angle[n])
        on = (turned.real / b.semi_major[n]) ** 2 + (turned.imag / b.semi_minor[n]) ** 2
        near_wall = np.minimum(
            np.minimum(b.x, grid.width - b.x), np.minimum(b.y, grid.length - b.y)
        )
        away = (near_wall > b.semi_major)[n]
        assert on[away] == pytest.approx(np.ones(away.sum()), rel=1e-10)
        checked += away.sum()
    assert checked > 1000


def test_numbers_and_sizes_follow_the_models_distributions(spec, grid, scenes):
    s = spec.scene
    bodies = np.array([len(scene.bodies.x) for scene in scenes])
    area = np.concatenate([math.pi * i.bodies.semi_major * i.bodies.semi_minor for i in scenes])
    radius = np.concatenate([scene.migrasomes.radius for scene in scenes])
    networks = sum(len(np.unique(scene.fibres.body)) for scene in scenes)
    expected = s.msc_density * grid.area
    assert bodies.mean() == pytest.approx(expected, abs=4 * math.sqrt(expected / len(SEEDS)))
    for sizes, mean, spread in (
        (area, spec.stroma.body_area, spec.stroma.body_area_variation),
        (radius, s.migrasome_diameter / 2, s.migrasome_diameter_variation),
    ):
        # A log-normal number's relative variance is exp(spread^2) - 1.
        error = 4 * math.sqrt(math.expm1(spread**2) / len(sizes))
        assert sizes.mean() == pytest.approx(mean, rel=error)
    share, total = s.network_fraction, bodies.sum()
    error = 4 * math.sqrt(share * (1 - share) / total)
    assert networks / total == pytest.approx(share, abs=error)


def test_thirteen_per_cent_of_migrasomes_carry_sdf1(scenes):
    rates = np.concatenate([scene.migrasomes.secretion["sdf1"] for scene in scenes])
    assert len(rates) > 4000
    error = 4 * math.sqrt(0.13 * 0.87 / len(rates))
    assert np.count_nonzero(rates) / len(rates) == pytest.approx(0.13, abs=error)
    assert set(rates) == {0.0, 0.5}


def test_a_ligands_carriers_are_chosen_apart_from_anothers(scenes):
    sdf1, ccl2 = (
        np.concatenate([scene.migrasomes.secretion[name] > 0 for scene in scenes])
        for name in ("sdf1", "ccl2")
    )
    assert abs(np.corrcoef(sdf1, ccl2)[0, 1]) < 4 / math.sqrt(len(sdf1))


@pytest.mark.parametrize(
    ("model", "ligands"),
    [("coculture-kg1a", []), ("coculture-kg1a", ["sdf1"]), ("null-kg1a", ["ccl2", "sdf1"])],
)
def test_who_carries_sdf1_does_not_depend_on_which_other_ligands_are_solved(scenes, model, ligands):
    other = load_model(model, settings=[f"output.ligands={ligands}"]).spec
    found = _arrays(place_scene(other, SEEDS[0], secretion_factor=1.0))
    expected = _arrays(scenes[0])
    assert ("Migrasomes", "secretion", "sdf1") in found
    assert (("Migrasomes", "secretion", "ccl2") in found) == ("ccl2" in ligands)
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=str(name))


def test_the_secretion_factor_scales_every_source_and_moves_nothing(spec, scenes):
    doubled = _arrays(place_scene(spec, SEEDS[0], secretion_factor=2.0))
    for name, array in _arrays(scenes[0]).items():
        scale = 2.0 if name[1].startswith("secretion") else 1.0
        np.testing.assert_array_equal(doubled[name], scale * array, err_msg=str(name))


def test_bodies_that_do_not_fit_are_refused_with_a_remedy():
    settings = ["scene.msc_density=600 1/mm**2", "dish.width=300 um", "dish.length=300 um"]
    crowded = load_model("coculture-kg1a", settings=settings).spec
    with pytest.raises(InputError, match=r"^scene\.msc_density: \d+ bodies .* do not fit into"):
        place_scene(crowded, 1, secretion_factor=1.0)


def test_a_number_of_bodies_that_does_not_fit_is_refused_by_its_own_name():
    settings = [*PLACED, "scene.msc_number=54", "dish.width=300 um", "dish.length=300 um"]
    crowded = load_model("coculture-kg1a", settings=settings).spec
    with pytest.raises(InputError, match=r"^scene\.msc_number: 54 bodies .* do not fit into"):
        place_scene(crowded, 1, secretion_factor=1.0)


def test_a_view_without_msc_is_an_empty_scene(grid):
    empty = load_model("coculture-kg1a", settings=["scene.msc_density=0 1/mm**2"]).spec
    scene = place_scene(empty, 1, secretion_factor=1.0)
    assert [len(part.x) for part in (scene.bodies, scene.fibres, scene.migrasomes)] == [0, 0, 0]
    assert region_map(scene, grid, outline_margin=6.0).max() == Region.FREE_SURFACE


# Regions


def test_msc_and_networks_cover_less_than_a_quarter_of_the_view_on_average(spec, grid, scenes):
    covered = []
    for scene in scenes:
        regions = region_map(scene, grid, outline_margin=spec.scene.network_outline_margin)
        areas = region_areas(regions, grid.dx * grid.dy)
        assert areas.sum() == pytest.approx(grid.area, rel=1e-12)
        assert areas.min() > 0.0
        covered.append(areas[Region.MSC] + areas[Region.MIGRASOME_NETWORK])
    assert 0.10 < np.mean(covered) / grid.area < 0.25


def test_a_larger_outline_margin_only_adds_to_the_network(grid, scenes):
    maps = [region_map(scenes[0], grid, outline_margin=margin) for margin in (0.0, 3.0, 6.0, 15.0)]
    for small, large in itertools.pairwise(maps):
        assert (large[small != Region.FREE_SURFACE] != Region.FREE_SURFACE).all()
        np.testing.assert_array_equal(small == Region.MSC, large == Region.MSC)
    network = [(regions == Region.MIGRASOME_NETWORK).sum() for regions in maps]
    assert network == sorted(set(network))


def test_a_body_covers_the_area_of_its_ellipse():
    grid = _square(200.0, 0.5)
    regions = region_map(_drawn(bodies=[(90, 110, 50, 20, 0.7)]), grid, outline_margin=6.0)
    areas = region_areas(regions, grid.dx * grid.dy)
    assert areas[Region.MSC] == pytest.approx(math.pi * 50 * 20, rel=2e-3)
    assert areas[Region.MIGRASOME_NETWORK] == 0.0


def test_a_network_covers_places_within_the_margin_of_fibres_and_migrasome_edges():
    grid = _square(200.0, 0.5)
    fibre = _drawn(fibres=[[(40, 60), (100, 140)]])
    disc = _drawn(migrasomes=[(90, 110, 3.0)])
    for scene, margin, area in (
        (fibre, 6.0, 2 * 6 * 100 + math.pi * 6**2),
        (disc, 6.0, math.pi * 9**2),
        (disc, 0.0, math.pi * 3**2),
    ):
        regions = region_map(scene, grid, outline_margin=margin)
        areas = region_areas(regions, grid.dx * grid.dy)
        assert areas[Region.MIGRASOME_NETWORK] == pytest.approx(area, rel=0.02)


def test_a_body_lies_over_its_network():
    grid = _square(200.0, 2.0)
    fibres = [[(100, 100), (180, 100)]]
    regions = region_map(
        _drawn(bodies=[(100, 100, 40, 15, 0.0)], fibres=fibres), grid, outline_margin=6.0
    )
    row = regions[grid.index(0.0, 101.0)[0]]
    assert row[grid.index(120.0, 0.0)[1]] == Region.MSC
    assert row[grid.index(160.0, 0.0)[1]] == Region.MIGRASOME_NETWORK
    assert row[grid.index(195.0, 0.0)[1]] == Region.FREE_SURFACE


# CD166


def touched_cd166(scene, grid, *, reach=6.0, density=3.0):
    """Contact with bodies and migrasomes, and the free CD166 touched there."""
    contact = np.zeros((grid.ny, grid.nx), dtype=np.uint8)
    ligand = np.zeros((grid.ny, grid.nx), dtype=np.float32)
    m = scene.migrasomes
    free = density * (m.maturity * (1.0 - m.blocked))[m.present]
    cell, body = (numbers.astype(np.int32) for numbers in cells_under_bodies(scene, grid))
    free_of_body = (1.0 - scene.bodies.blocked).astype(np.float32)
    raise_at(contact.reshape(-1), ligand.reshape(-1), cell, free_of_body, body)
    raise_on_migrasomes(contact, ligand, m, grid, free, reach=reach)
    return contact, ligand


def _touch(scene, x, y, **options):
    grid = _square(400.0, 2.0)
    return touched_cd166(scene, grid, **options)[1][grid.index(x, y)]


STROMA = _drawn(bodies=[(100, 100, 50, 20, 0.3)], migrasomes=[(250, 100, 1.5), (110, 100, 1.0)])


def test_a_cell_touches_nothing_far_from_everything_and_one_on_a_body():
    assert _touch(STROMA, 350.0, 350.0) == 0.0
    assert _touch(STROMA, 75.0, 95.0) == 1.0


def test_a_cell_touches_a_migrasome_whose_edge_is_within_its_radius():
    # Reach 6 um and radius 1.5 um: 7.5 um from the migrasome's centre.
    assert _touch(STROMA, 250.0 + 7.0, 101.0) == 3.0
    assert _touch(STROMA, 250.0 + 9.0, 101.0) == 0.0
    assert _touch(STROMA, 250.0 + 9.0, 101.0, reach=9.0) == 3.0


def test_a_migrasome_shows_the_cd166_that_has_gathered():
    half = replace(STROMA, migrasomes=replace(STROMA.migrasomes, maturity=np.array([0.5, 0.0])))
    assert _touch(half, 250.0, 100.0) == 1.5
    # One that has none yet leaves the body under it as it is.
    assert _touch(half, 110.0, 100.0) == 1.0
    assert _touch(half.block(0.9), 250.0, 100.0) == pytest.approx(0.15, rel=1e-6)


def test_a_cell_touches_a_fibre_within_its_radius():
    grid = _square(200.0, 2.0)
    fibre = _drawn(fibres=[[(50, 101), (150, 101)]])
    touched = touched_fibres(fibre, grid, reach=6.0)
    assert set(np.unique(touched)) == {0.0, 1.0}
    column = touched[:, grid.index(101.0, 0.0)[1]]
    assert np.array_equal(column > 0.0, abs(grid.y - 101.0) <= 6.0)
    assert not touched_fibres(STROMA, grid, reach=6.0).any()


def test_of_body_and_migrasome_the_richer_counts():
    assert _touch(STROMA, 110.0, 100.0) == 3.0
    assert _touch(STROMA, 110.0, 100.0, density=0.4) == 1.0


def test_every_migrasome_and_body_of_a_placed_scene_is_touched(grid, scenes):
    scene = scenes[0]
    contact, cd166 = touched_cd166(scene, grid)
    assert np.array_equal(contact > 0, cd166 > 0.0)
    assert set(np.unique(cd166)) == {0.0, 1.0, 3.0}
    m = scene.migrasomes
    assert (cd166[grid.index(m.x, m.y)] == 3.0).all()
    cell, body = cells_under_bodies(scene, grid)
    assert set(body) == set(range(len(scene.bodies.x)))
    assert (cd166.reshape(-1)[cell] >= 1.0).all()


def test_blocking_twice_leaves_the_product_of_both_free_shares():
    twice = STROMA.block(0.9).block(0.5)
    for part in (twice.bodies, twice.migrasomes):
        assert part.blocked == pytest.approx(np.full(len(part.x), 1 - 0.1 * 0.5), rel=1e-14)
    assert _touch(twice, 75.0, 95.0) == pytest.approx(0.05, rel=1e-6)
    assert _touch(twice, 250.0, 100.0) == pytest.approx(0.15, rel=1e-6)


def test_blocking_leaves_the_scene_it_started_from_alone():
    STROMA.block(0.9)
    assert STROMA.bodies.blocked.tolist() == [0.0]
    np.testing.assert_array_equal(STROMA.block(0.0).migrasomes.blocked, [0.0, 0.0])


def test_a_full_block_leaves_no_ligand_but_every_contact(grid, scenes):
    contact, ligand = touched_cd166(scenes[0].block(1.0), grid)
    assert not ligand.any()
    assert np.array_equal(contact, touched_cd166(scenes[0], grid)[0])
    assert contact.any()
