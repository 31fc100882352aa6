import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from conftest import make_migrasomes
from sdf1_field.errors import InputError
from sdf1_field.grid import make_grid
from sdf1_field.scene import (
    NO_BODY,
    Bodies,
    Fibres,
    Origin,
    Region,
    Scene,
    cells_under_bodies,
    place_scene,
    placing,
    region_areas,
    region_map,
    touched_cd166,
    touched_fibres,
)
from sdf1_field.spec import load_model

SEEDS = range(1, 13)


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


def _inside(x, y, bodies):
    """Number of bodies each place is in, from the ellipses' own equation."""
    count = np.zeros(np.shape(x), dtype=int)
    for n in range(len(bodies.x)):
        turned = ((x - bodies.x[n]) + 1j * (y - bodies.y[n])) * np.exp(-1j * bodies.angle[n])
        u, v = turned.real / bodies.semi_major[n], turned.imag / bodies.semi_minor[n]
        count += u**2 + v**2 <= 1.0
    return count


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
        assert _inside(x, y, scene.bodies).max() == 1


def test_cells_under_bodies_are_those_whose_centre_is_in_the_ellipse(grid, scenes):
    x, y = np.meshgrid(grid.x, grid.y)
    cell, _ = cells_under_bodies(scenes[0], grid)
    covered = np.bincount(cell, minlength=x.size).reshape(x.shape)
    np.testing.assert_array_equal(covered, _inside(x, y, scenes[0].bodies))


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
        assert _inside(scene.migrasomes.x, scene.migrasomes.y, scene.bodies).max() == 0


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


# Random numbers of each entity


PLACED = ["scene.mode=placed", "mechanisms.migrasome_uptake=false"]
SMALL = ["dish.width=1 mm", "dish.length=1 mm", *PLACED]


def _placed(*settings, seed=1):
    spec = load_model("coculture-kg1a", settings=[*SMALL, *settings]).spec
    return place_scene(spec, seed, secretion_factor=1.0)


def _of(part, chosen):
    """Bits of some rows of a scene's part, one text for each."""
    rows = []
    for n in np.flatnonzero(chosen):
        values = [v for v in vars(part).values() if not isinstance(v, dict)]
        values += [v for k in ("secretion", "loaded") for v in getattr(part, k, {}).values()]
        each = (np.atleast_1d(value[n]) for value in values)
        rows.append(b"|".join(v[v == v].tobytes() for v in each))
    return rows


LIVING = ("scene.migrasome_appearance=24 h", "scene.migrasome_lifetime=20 h")


@pytest.mark.parametrize(
    "other",
    [
        "scene.network_fraction=1.0",
        "scene.detached_migrasome_density=100 1/mm**2",
        "scene.migrasome_spacing=5 um",
    ],
)
def test_additions_to_a_scene_leave_the_random_numbers_of_the_rest(other):
    few, many = (_placed("scene.network_fraction=0.4", *LIVING, *s) for s in ((), (other,)))
    np.testing.assert_array_equal(few.bodies.x, many.bodies.x)
    owners = np.unique(few.fibres.body)
    assert 3 < len(owners) < len(few.bodies.x)
    theirs = np.isin(many.fibres.body, owners)
    assert _of(many.fibres, theirs) == _of(few.fibres, few.fibres.body >= 0)
    if "spacing" in other:
        return
    with_theirs = np.isin(many.migrasomes.body, owners)
    assert len(few.migrasomes.x) > 100
    assert _of(many.migrasomes, with_theirs) == _of(few.migrasomes, few.migrasomes.body >= 0)


def test_more_fibres_leave_the_course_of_those_at_a_rear():
    at_rears = ("scene.network_fraction=1.0", "scene.retracting_fraction=0.0")
    few, many = (_placed(*at_rears, f"scene.fibres_per_network={n}") for n in (4.0, 9.0))
    assert len(many.fibres.x) > 1.6 * len(few.fibres.x)
    common = set(_of(few.fibres, few.fibres.body >= 0))
    assert common < set(_of(many.fibres, many.fibres.body >= 0))


def test_a_body_more_moves_no_body_but_those_it_leaves_no_room():
    few, many = (_placed(f"scene.msc_number={n}") for n in (30, 31))
    np.testing.assert_array_equal(few.bodies.semi_major, many.bodies.semi_major[:-1])
    moved = few.bodies.x != many.bodies.x[:-1]
    assert np.count_nonzero(moved) <= 2
    kept = ~moved[few.fibres.body]
    assert kept.sum() > 30
    assert set(_of(few.fibres, kept)) <= set(_of(many.fibres, many.fibres.body >= 0))


def test_dropping_a_migrasome_under_a_body_changes_no_other():
    """A body put over some of them takes these away, and the others have the numbers they had."""
    spec = load_model("coculture-kg1a", settings=[*SMALL, *LIVING]).spec
    scene = place_scene(spec, 1, secretion_factor=1.0)
    b, m = scene.bodies, scene.migrasomes
    fibres, keys = placing._place_fibres(spec, b, 1)
    sites = [placing._sites_on(spec, fibres, keys)]
    over = replace(
        b,
        **{
            name: np.append(getattr(b, name), value)
            for name, value in (
                ("x", m.x[20]), ("y", m.y[20]), ("semi_major", 90.0), ("semi_minor", 30.0),
                ("angle", 0.4),
            )
        },
    )  # fmt: skip
    left = placing._place_migrasomes(spec, over, sites, 1.0)
    gone = _inside(m.x, m.y, over) > 0
    assert 0 < gone.sum() < len(m.x) - 50
    assert gone[20]
    assert _of(left, np.ones(len(left.x), dtype=bool)) == _of(m, ~gone)


# Distributions


@pytest.fixture(scope="module")
def full():
    """Scenes in which every body has a network and hardly a migrasome falls on a body."""
    settings = [
        *PLACED,
        "scene.network_fraction=1.0",
        "scene.detached_migrasome_density=50 1/mm**2",
        "stromal_type.msc.body_area=20 um**2",
        "scene.fibre_wander=0 1/um",
        *LIVING,
    ]
    spec = load_model("coculture-kg1a", settings=settings).spec
    return spec, [place_scene(spec, seed, secretion_factor=1.0) for seed in SEEDS]


def _is_uniform(values, extent):
    """Whether numbers are evenly spread from 0 to an extent (Kolmogorov, at 1e-4)."""
    values = np.sort(np.asarray(values)) / extent
    even = (np.arange(len(values)) + 0.5) / len(values)
    return len(values) > 300 and abs(values - even).max() < 2.23 / math.sqrt(len(values))


def test_bodies_lie_evenly_over_the_view_and_point_every_way(scenes, grid, full):
    for some in (scenes, full[1]):
        x, y, angle = (
            np.concatenate([getattr(s.bodies, k) for s in some]) for k in ("x", "y", "angle")
        )
        assert _is_uniform(x, grid.width)
        assert _is_uniform(y, grid.length)
        assert _is_uniform(angle, math.pi)


def test_networks_have_the_models_fibres(full):
    spec, some = full
    s = spec.scene
    counts = np.concatenate([np.bincount(i.fibres.body, minlength=len(i.bodies.x)) for i in some])
    mean = s.fibres_per_network - 1.0
    assert counts.min() >= 1
    assert counts.mean() - 1.0 == pytest.approx(mean, abs=4 * math.sqrt(mean / len(counts)))
    # Of a Poisson number the variance is the mean, its own variance 2 mean**2 + mean over n.
    error = 4 * math.sqrt((2 * mean**2 + mean) / len(counts))
    assert counts.var() == pytest.approx(mean, abs=error)
    first = np.concatenate([i.fibres.origin[np.unique(i.fibres.body, return_index=True)[1]]
                            for i in some])  # fmt: skip
    share = s.retracting_fraction
    error = 4 * math.sqrt(share * (1 - share) / len(first))
    assert np.mean(first == Origin.RETRACTION) == pytest.approx(share, abs=error)


def test_fibres_have_the_models_length_and_migrasomes_lie_evenly_along_them(full):
    spec, some = full
    s = spec.scene
    lengths, counts, ways = [], [], []
    for scene in some:
        f, m = scene.fibres, scene.migrasomes
        whole = np.nansum(np.hypot(np.diff(f.x), np.diff(f.y)), axis=1)
        end = np.count_nonzero(np.isfinite(f.x), axis=1) - 1
        rows = np.arange(len(end))
        way = np.hypot(f.x[rows, end] - f.x[:, 0], f.y[rows, end] - f.y[:, 0])
        # Straight ones, that meet no wall.
        straight = abs(way - whole) < 1e-6
        lengths += whole[straight].tolist()
        for n in np.flatnonzero(straight)[::7]:
            own = m.body == f.body[n]
            away = np.hypot(m.x[own] - f.x[n, 0], m.y[own] - f.y[n, 0])
            further = np.hypot(m.x[own] - f.x[n, end[n]], m.y[own] - f.y[n, end[n]])
            on = abs(away + further - whole[n]) < 1e-6
            counts.append((np.count_nonzero(on), whole[n] / s.migrasome_spacing))
            ways += (away[on] / whole[n]).tolist()
    error = 4 * math.sqrt(math.expm1(s.fibre_length_variation**2) / len(lengths))
    assert np.mean(lengths) == pytest.approx(s.fibre_length, rel=error)
    found, expected = np.array(counts, dtype=float).T
    assert found.sum() == pytest.approx(expected.sum(), abs=4 * math.sqrt(expected.sum()))
    # (n - mean)**2 / mean of a Poisson number has the variance 2 + 1 / mean about 1.
    scatter = (found - expected) ** 2 / expected
    assert scatter.mean() == pytest.approx(
        1.0, abs=4 * math.sqrt(np.sum(2.0 + 1.0 / expected)) / len(scatter)
    )
    assert _is_uniform(ways, 1.0)


def test_migrasomes_appear_evenly_over_their_time_and_detached_ones_lie_evenly(full, grid):
    spec, some = full
    m = [scene.migrasomes for scene in some]
    for own in (False, True):
        chosen = [(i.body == NO_BODY) == own for i in m]
        birth, end = (
            np.concatenate([getattr(i, k)[c] for i, c in zip(m, chosen, strict=True)])
            for k in ("birth", "end")
        )
        assert _is_uniform(birth + spec.run.culture, 24 * 3600.0)
        life = (end - birth) / (20 * 3600.0)
        assert life.mean() == pytest.approx(1.0, abs=4 / math.sqrt(len(life)))
        assert _is_uniform(np.exp(-life), 1.0)
    x, y = (np.concatenate([getattr(i, k)[i.body == NO_BODY] for i in m]) for k in ("x", "y"))
    assert _is_uniform(x, grid.width)
    assert _is_uniform(y, grid.length)


def test_a_round_well_holds_bodies_whole_and_everything_within_its_wall():
    settings = ["dish.width=3 mm", "dish.length=3 mm", "scene.network_fraction=1.0",
                "scene.detached_migrasome_density=60 1/mm**2"]  # fmt: skip
    spec = load_model("round-well", settings=settings).spec
    scene = place_scene(spec, 1, secretion_factor=1.0)
    b, m = scene.bodies, scene.migrasomes
    expected = spec.scene.msc_density * math.pi * 1500.0**2
    assert len(b.x) == pytest.approx(expected, abs=4 * math.sqrt(expected))
    assert (np.hypot(b.x - 1500.0, b.y - 1500.0) + b.semi_major <= 1500.0).all()
    for part in (scene.fibres, m):
        assert np.nanmax(np.hypot(part.x - 1500.0, part.y - 1500.0)) <= 1500.0 * (1 + 1e-12)
    alone = m.body == NO_BODY
    out = np.hypot(m.x[alone] - 1500.0, m.y[alone] - 1500.0)
    assert _is_uniform(out**2, 1500.0**2)


def test_fibres_or_migrasomes_without_number_are_refused():
    spec = load_model("coculture-kg1a", settings=["scene.migrasome_spacing=1e-4 um"]).spec
    with pytest.raises(InputError, match=r"^scene\.migrasome_spacing: makes .* too many"):
        place_scene(spec, 1, secretion_factor=1.0)


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


def _touch(scene, x, y, *, grid=None, reach=6.0, density=3.0):
    grid = grid or _square(400.0, 2.0)
    cd166 = touched_cd166(scene, grid, reach=reach, migrasome_density=density)
    return cd166[grid.index(x, y)]


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
    assert _touch(half.block(0.9), 250.0, 100.0) == pytest.approx(0.15, rel=1e-12)


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
    cd166 = touched_cd166(scene, grid, reach=6.0, migrasome_density=3.0)
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
    assert _touch(twice, 75.0, 95.0) == pytest.approx(0.05, rel=1e-12)
    assert _touch(twice, 250.0, 100.0) == pytest.approx(0.15, rel=1e-12)


def test_blocking_leaves_the_scene_it_started_from_alone():
    STROMA.block(0.9)
    assert STROMA.bodies.blocked.tolist() == [0.0]
    np.testing.assert_array_equal(STROMA.block(0.0).migrasomes.blocked, [0.0, 0.0])


def test_a_full_block_leaves_nothing_to_touch(grid, scenes):
    blocked = scenes[0].block(1.0)
    assert touched_cd166(blocked, grid, reach=6.0, migrasome_density=3.0).max() == 0.0
