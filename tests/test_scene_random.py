import math
from dataclasses import replace

import numpy as np
import pytest

from scene_builders import PLACED, SEEDS, bodies_over
from sdf1_field.errors import InputError
from sdf1_field.scene import (
    NO_BODY,
    Origin,
    place_scene,
    placing,
)
from sdf1_field.spec import load_model

# Random numbers of each entity


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
    left = placing.place_migrasomes(spec, placing._uncovered(over, sites), 1.0)
    gone = bodies_over(m.x, m.y, over) > 0
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


def test_bodies_lie_evenly_over_the_view_and_point_every_way(full):
    spec = load_model("coculture-kg1a").spec
    scenes = [place_scene(spec, seed, secretion_factor=1.0) for seed in SEEDS]
    for some in (scenes, full[1]):
        x, y, angle = (
            np.concatenate([getattr(s.bodies, k) for s in some]) for k in ("x", "y", "angle")
        )
        assert _is_uniform(x, spec.dish.width)
        assert _is_uniform(y, spec.dish.length)
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


def test_migrasomes_appear_evenly_over_their_time_and_detached_ones_lie_evenly(full):
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
    assert _is_uniform(x, spec.dish.width)
    assert _is_uniform(y, spec.dish.length)


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
