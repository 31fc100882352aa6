"""Migrasomes that appear, empty and rupture in a placed scene."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from sdf1_field import migrasomes
from sdf1_field.grid import make_grid
from sdf1_field.scene import Fate, place_scene, raise_on_migrasomes, region_map
from sdf1_field.sources import secretion, secretion_of
from sdf1_field.spec import load_model

SETTINGS = (
    "scene.mode=placed",
    "mechanisms.cargo_kinetics=false",
    "dish.width=500 um",
    "dish.length=500 um",
    "scene.migrasome_appearance=24 h",
    "scene.migrasome_lifetime=400 min",
    "ligand.sdf1.secretion.migrasome_decay=2.5e-4 1/s",
    "ligand.ccl2.secretion.migrasome_decay=1e-4 1/s",
)


@pytest.fixture(scope="module")
def grid():
    return make_grid(500, 500, 100, spacing=10, floor_layer=5, layer_growth=1.2)


@pytest.fixture(scope="module")
def scene():
    spec = load_model("coculture-kg1a", settings=SETTINGS).spec
    return place_scene(spec, 3, secretion_factor=1.0)


def followed(scene):
    """Scene at every time at which it changes, and the emission of SDF-1 in between."""
    scenes, emissions = [(-86_400.0, scene)], []
    for time in [*migrasomes.appearance_and_rupture_times(scene), 1e9]:
        last, before = scenes[-1]
        now = migrasomes.advance(before, time)
        scenes.append((time, now))
        if time > last:
            emissions.append(migrasomes.emission_between(before, now, "sdf1", last, time))
    return scenes, emissions


def test_migrasomes_are_there_from_birth_to_end(scene):
    scenes, _ = followed(scene)
    for time, now in scenes:
        m = now.migrasomes
        assert np.array_equal(m.present, (m.birth <= time) & (time < m.end))
    assert not scenes[0][1].migrasomes.present.all()
    assert not scenes[-1][1].migrasomes.present.any()


def test_a_scene_in_which_nothing_happens_is_the_same_object_but_for_rates_that_decay(scene):
    constant = replace(scene, migrasomes=replace(scene.migrasomes, decay={"sdf1": 0.0}))
    assert migrasomes.advance(constant, -86_399.999) is constant
    now, m = migrasomes.advance(scene, -86_399.0), scene.migrasomes
    for field in fields(m):
        if field.name not in ("secretion", "present"):
            assert getattr(now.migrasomes, field.name) is getattr(m, field.name), field.name
    assert now.bodies is scene.bodies
    assert now.fibres is scene.fibres
    assert np.array_equal(now.migrasomes.present, m.present)


def test_a_rate_is_that_of_now_however_often_it_was_asked_for_before(scene):
    often = scene
    for time in np.linspace(-86_400.0, -40_000.0, 40):
        often = migrasomes.advance(often, float(time))
    now = migrasomes.advance(scene, -40_000.0).migrasomes
    assert now.secretion["sdf1"].tobytes() == often.migrasomes.secretion["sdf1"].tobytes()
    faded = np.exp(-2.5e-4 * (-40_000.0 - now.birth)) * now.secretion_at_birth["sdf1"]
    assert now.secretion["sdf1"] == pytest.approx(np.where(now.present, faded, 0.0), rel=1e-12)
    assert now.secretion["sdf1"].max() > 0.0


def test_lifetimes_are_exponential_about_their_mean(scene):
    life = scene.migrasomes.end - scene.migrasomes.birth
    assert life.mean() == pytest.approx(24_000.0, abs=4 * 24_000.0 / math.sqrt(len(life)))
    assert np.mean(life > 24_000.0) == pytest.approx(math.exp(-1), abs=2 / math.sqrt(len(life)))


def test_a_migrasome_lets_go_in_its_life_and_at_its_end_all_that_it_was_born_with(scene, grid):
    _, emissions = followed(scene)
    let_go = sum(emission.bursts.sum() for emission in emissions)
    assert let_go > 0
    bodies = scene.bodies.secretion["sdf1"].sum()
    slowly = 0.0
    for one in emissions:
        first, last = (secretion(s, grid, "sdf1") for s in (one.before, one.after))
        given = secretion_of(one, grid, first, last).released(one.since, one.until)
        assert given == pytest.approx(one.mean_rate * (one.until - one.since), rel=1e-12)
        slowly += given - bodies * (one.until - one.since)
    m = scene.migrasomes
    born_with = m.secretion_at_birth["sdf1"].sum() / 2.5e-4
    assert slowly + let_go == pytest.approx(born_with, rel=1e-9)
    assert 0.05 < let_go / born_with < 0.5


def test_mean_rates_of_single_migrasomes_sum_to_what_the_floor_is_given(scene, grid):
    now = migrasomes.advance(scene, -40_000.0)
    bodies = scene.bodies.secretion["sdf1"].sum()
    start, stop = -40_000.0, -39_000.0
    emission = migrasomes.emission_between(now, now, "sdf1", start, stop)
    own, first = emission.migrasomes.mean, secretion(now, grid, "sdf1")
    flux = secretion_of(emission, grid, first, first)
    begin, end, _ = emission.migrasomes
    assert end == pytest.approx(begin * math.exp(-0.25), rel=1e-12)
    assert own == pytest.approx((begin - end) / 0.25, rel=1e-12)
    assert own.sum() * 1000.0 == pytest.approx(flux.released(start, stop) - bodies * 1000.0)
    first, last = flux.line(start, stop)
    area = grid.dx * grid.dy
    assert 0.5 * (first + last).sum() * area == pytest.approx(own.sum() + bodies, rel=1e-9)


def test_only_migrasomes_that_are_there_are_seen_touched_and_blocked(scene, grid):
    now = migrasomes.advance(scene, -40_000.0)
    here = now.migrasomes.present
    alone = replace(
        now,
        migrasomes=replace(
            now.migrasomes,
            **{
                field.name: getattr(now.migrasomes, field.name)[here]
                for field in fields(now.migrasomes)
                if field.name not in ("loaded", "secretion", "secretion_at_birth", "decay")
            },
            secretion={},
            secretion_at_birth={},
            loaded={},
            decay={},
        ),
    )
    assert np.array_equal(
        region_map(now, grid, outline_margin=3.0), region_map(alone, grid, outline_margin=3.0)
    )
    touched = np.zeros((2, grid.ny, grid.nx), dtype=np.uint8), np.zeros((2, grid.ny, grid.nx), "f4")
    for contact, ligand, one in zip(*touched, (now, alone), strict=True):
        of_each = 2.0 * np.ones(here.sum())
        raise_on_migrasomes(contact, ligand, one.migrasomes, grid, of_each, reach=6.0)
    for first, second in touched:
        assert first.any()
        assert np.array_equal(first, second)
    assert np.array_equal(now.block(0.9).migrasomes.blocked, np.where(here, 0.9, 0.0))


def test_a_placed_migrasome_ends_as_its_fate_says(scene):
    scenes, _ = followed(scene)
    m = scene.migrasomes
    duration = load_model("coculture-kg1a").spec.run.duration
    assert set(m.fate) == {Fate.RUPTURES, Fate.OUTLIVES_THE_RUN}
    assert np.array_equal(m.fate == Fate.RUPTURES, m.end <= duration)
    assert (scenes[-1][1].migrasomes.maturity == 1.0).all()


def test_a_swallowed_migrasome_takes_its_content_along(scene):
    now = migrasomes.advance(scene, -40_000.0)
    m = now.migrasomes
    (targets, *_) = np.flatnonzero(m.present & (m.end > -39_000.0) & (m.secretion["sdf1"] > 0.0))
    after = migrasomes.advance(now, -39_000.0, (int(targets),))
    a = after.migrasomes
    assert (a.end[targets], a.fate[targets], a.present[targets]) == (
        -39_000.0,
        Fate.IS_TAKEN_UP,
        False,
    )
    assert a.secretion["sdf1"][targets] == 0.0
    gone = migrasomes.emission_between(now, after, "sdf1", -40_000.0, -39_000.0)
    assert gone.bursts[targets] == 0.0
    others = np.arange(len(m.x)) != targets
    assert np.array_equal(a.end[others], m.end[others])
    # Its rupture, which was known beforehand, does not come.
    later = migrasomes.advance(after, 1e9)
    bursts = migrasomes.emission_between(after, later, "sdf1", -39_000.0, 1e9).bursts
    assert bursts[targets] == 0.0
    assert bursts.any()


def test_without_decay_nothing_is_known_to_be_left_at_the_end():
    settings = [s for s in SETTINGS if "decay" not in s]
    spec = load_model("coculture-kg1a", settings=settings).spec
    _, emissions = followed(place_scene(spec, 3, secretion_factor=1.0))
    assert not any(emission.bursts.any() for emission in emissions)
