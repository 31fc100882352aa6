import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from conftest import SECRETING, make_migrasomes
from sdf1_field import migrasomes
from sdf1_field.grid import make_grid
from sdf1_field.migrasomes import emission_between
from sdf1_field.migrasomes.emission import ExponentialDecay, LinearRamp, ParabolicCorrection
from sdf1_field.scene import (
    Bodies,
    Fibres,
    Scene,
    cells_under_bodies,
    place_scene,
)
from sdf1_field.sources import (
    ChangingPart,
    Secretion,
    constant,
    secretion,
    secretion_of,
    source_width,
)
from sdf1_field.spec import Perturbation, load_model


def _square(extent, spacing):
    return make_grid(extent, extent, 100.0, spacing=spacing, floor_layer=5.0, layer_growth=1.2)


def _scene(bodies=(), migrasomes=()):
    """Bodies (x, y, semi-major, semi-minor, angle, rate) and migrasomes (x, y, rate) with SDF-1."""
    b = np.array(bodies, dtype=float).reshape(-1, 6).T
    m = np.array(migrasomes, dtype=float).reshape(-1, 3).T
    return Scene(
        Bodies(
            *b[:5],
            blocked=np.zeros(b.shape[1]),
            secretion={"sdf1": b[5]},
            migrating=np.zeros(b.shape[1], dtype=np.bool_),
        ),
        Fibres(
            np.empty((0, 0)),
            np.empty((0, 0)),
            np.empty(0, dtype=np.intp),
            np.empty(0, dtype=np.int8),
        ),
        make_migrasomes(
            m[0],
            m[1],
            np.ones(m.shape[1]),
            loaded={"sdf1": m[2] > 0.0},
            secretion={"sdf1": m[2]},
        ),
    )


@pytest.fixture(scope="module")
def placed():
    spec = load_model("coculture-kg1a").spec
    return place_scene(spec, 1, secretion_factor=1.7)


@pytest.mark.parametrize("spacing", [2.5, 5.0, 9.0, 40.0, 140.0])
def test_the_grid_secretes_what_the_sources_do_at_any_spacing(placed, spacing):
    grid = _square(1400.0, spacing)
    rates = np.concatenate([placed.bodies.secretion["sdf1"], placed.migrasomes.secretion["sdf1"]])
    field = secretion(placed, grid, "sdf1")
    assert field.total == pytest.approx(math.fsum(rates), rel=1e-13)
    assert field.flux.sum() * grid.dx * grid.dy == pytest.approx(math.fsum(rates), rel=1e-12)
    assert field.flux.min() >= 0.0


@pytest.mark.parametrize(("x", "y"), [(50.0, 50.0), (52.3, 48.1), (0.0, 0.0), (100.0, 37.0)])
def test_a_body_smaller_than_a_cell_secretes_all_it_does(x, y):
    grid = _square(100.0, 5.0)
    field = secretion(_scene(bodies=[(x, y, 0.3, 0.1, 0.5, 0.44)]), grid, "sdf1")
    assert field.flux.sum() * 25.0 == pytest.approx(0.44, rel=1e-12)
    assert 1 <= np.count_nonzero(field.flux) <= 4


@pytest.mark.parametrize(("x", "y"), [(60.0, 40.0), (2.0, 50.0), (99.0, 1.0)])
def test_a_body_secretes_evenly_over_the_part_of_its_footprint_in_view(x, y):
    grid = _square(100.0, 2.0)
    scene = _scene(bodies=[(x, y, 20.0, 8.0, 0.6, 0.44)])
    flux = secretion(scene, grid, "sdf1").flux
    footprint = np.zeros(flux.shape, dtype=bool)
    footprint.reshape(-1)[cells_under_bodies(scene, grid)[0]] = True
    even = 0.44 / (footprint.sum() * 4.0)
    assert flux[footprint] == pytest.approx(np.full(footprint.sum(), even), rel=1e-12)
    assert flux[~footprint].max() == 0.0


def test_a_migrasome_secretes_as_a_gaussian_around_its_place():
    grid = _square(200.0, 5.0)
    flux = secretion(_scene(migrasomes=[(93.0, 111.0, 0.5)]), grid, "sdf1").flux
    share = flux * 25.0 / 0.5
    across, along = share.sum(axis=0), share.sum(axis=1)
    assert (across * grid.x).sum() == pytest.approx(93.0, rel=1e-8)
    assert (along * grid.y).sum() == pytest.approx(111.0, rel=1e-8)
    width = math.sqrt((across * (grid.x - 93.0) ** 2).sum())
    assert width == pytest.approx(source_width(grid), rel=1e-6)
    assert width == pytest.approx(1.25 * 5.0, rel=1e-6)


def test_sources_add_up_where_they_share_a_cell():
    grid = _square(100.0, 5.0)
    body, migrasome = (50.0, 50.0, 20.0, 10.0, 0.0, 0.44), (51.0, 49.0, 0.5)
    together = secretion(_scene([body], [migrasome]), grid, "sdf1").flux
    apart = (
        secretion(_scene([body]), grid, "sdf1").flux
        + secretion(_scene(migrasomes=[migrasome]), grid, "sdf1").flux
    )
    assert together == pytest.approx(apart, rel=1e-14, abs=1e-300)


def test_blocking_cd166_changes_no_secretion(placed):
    grid = _square(1400.0, 10.0)
    blocked = secretion(placed.block(0.97), grid, "sdf1")
    np.testing.assert_array_equal(blocked.flux, secretion(placed, grid, "sdf1").flux)


def test_a_ligand_the_scene_does_not_secrete_is_zero_everywhere(placed):
    field = secretion(placed, _square(1400.0, 10.0), "m_csf")
    assert field.total == 0.0
    assert field.flux.max() == 0.0


def test_each_ligand_has_its_own_rates(placed):
    doubled = {name: 2 * rate for name, rate in placed.bodies.secretion.items() if name == "ccl2"}
    scene = replace(
        placed,
        bodies=replace(placed.bodies, secretion=placed.bodies.secretion | doubled),
    )
    grid = _square(1400.0, 10.0)
    bodies = float(placed.bodies.secretion["ccl2"].sum())
    gain = secretion(scene, grid, "ccl2").total - secretion(placed, grid, "ccl2").total
    assert gain == pytest.approx(bodies, rel=1e-12)
    assert secretion(scene, grid, "sdf1").total == secretion(placed, grid, "sdf1").total


# Secretion that decays


def fading(rate=3e-3, since=-50.0):
    flux = np.array([[2.0, 0.5]])
    part = ChangingPart(flux, 10.0, ExponentialDecay(rate, since))
    return Secretion(np.array([[1.0, 0.0]]), 4.0, (part,))


@pytest.mark.parametrize("rate", [1e-7, 9e-5, 2e-3, 0.3])
def test_the_line_releases_what_the_decay_does_and_as_early(rate):
    source = fading(rate)
    first, last = source.line(20.0, 140.0)
    share = [math.exp(-rate * (t + 50.0)) for t in np.linspace(20.0, 140.0, 100_001)]
    mean = np.mean(0.5 * (np.array(share[1:]) + share[:-1]))
    assert 0.5 * (first + last) == pytest.approx(
        source.flux + mean * source.changing[0].flux, rel=1e-9
    )
    tau = np.linspace(-1.0, 1.0, 100_001)
    moment = np.trapezoid(share * tau, tau) / 2.0
    slope = source.changing[0].flux * moment * 3.0
    assert 0.5 * (last - first) == pytest.approx(slope, rel=1e-6, abs=1e-9 * mean)


def test_what_is_released_is_the_integral_of_the_rates():
    exact = 4.0 * 120.0 + 10.0 * (math.exp(-3e-3 * 70.0) - math.exp(-3e-3 * 190.0)) / 3e-3
    assert fading().released(20.0, 140.0) == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4])
def test_within_the_longest_step_the_line_is_as_near_as_asked(tolerance):
    source = fading()
    step = source.longest_step(tolerance)
    first, last = source.line(0.0, step)
    apart = [
        np.abs(first + (last - first) * t / step - source.at(t)).max()
        for t in np.linspace(0.0, step, 51)
    ]
    worst = max(apart) / np.abs(source.at(0.0) - source.flux).max()
    assert 0.3 * tolerance < worst < 1.1 * tolerance


def test_constant_secretion_needs_no_steps():
    source = constant(np.ones((2, 2)), 25.0)
    assert source.longest_step(1e-9) == math.inf
    assert source.total == 100.0
    first, last = source.line(0.0, 10.0)
    assert first is last


# Secretion that goes from one rate to another


AREA = 25.0


def going_over(size=0.3):
    """From 4 to 10 molecules/s between 100 and 400 s, and a parabola of a share of the mean."""
    at_first, later = np.array([[0.16, 0.0]]), np.array([[0.1, 0.3]])
    beyond = np.array([[0.0, 7.0 * size]]) / AREA
    ramp = ChangingPart(later - at_first, 6.0, LinearRamp(100.0, 400.0))
    law = ParabolicCorrection(100.0, 400.0, size / (1.0 + size))
    return Secretion(at_first, 4.0, (ramp, ChangingPart(beyond, 7.0 * size, law)))


def over(source, start, stop, power=0):
    """Mean of the flux times a power of -1 <= tau <= 1 over an interval, by Simpson's rule."""
    tau = np.linspace(-1.0, 1.0, 201)
    weights = np.where(np.arange(201) % 2 == 1, 4.0, 2.0)
    weights[[0, -1]] = 1.0
    times = start + 0.5 * (tau + 1.0) * (stop - start)
    return sum(
        w * t**power * source.at(float(time))
        for w, t, time in zip(weights / 600.0, tau, times, strict=True)
    )


def test_secretion_goes_from_one_rate_to_the_other_whatever_its_correction():
    source = going_over()
    assert source.at(100.0) == pytest.approx(np.array([[0.16, 0.0]]), rel=1e-14)
    assert source.at(400.0) == pytest.approx(np.array([[0.1, 0.3]]), rel=1e-14)
    # A parabola is half as high again in the middle as in the mean.
    middle = np.array([[0.13, 0.15 + 1.5 * 2.1 / AREA]])
    assert source.at(250.0) == pytest.approx(middle, rel=1e-14)


@pytest.mark.parametrize(("start", "stop"), [(100.0, 400.0), (100.0, 101.0), (173.0, 388.0)])
def test_the_line_releases_what_the_correction_does_and_as_early(start, stop):
    source = going_over()
    first, last = source.line(start, stop)
    assert 0.5 * (first + last) == pytest.approx(over(source, start, stop), rel=1e-12)
    # The line of least squares has the moment, of which a third is its slope.
    slope = 3.0 * over(source, start, stop, power=1)
    assert 0.5 * (last - first) == pytest.approx(slope, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("start", "stop"), [(100.0, 400.0), (100.0, 101.0), (173.0, 388.0)])
def test_what_is_released_is_the_integral_of_rates_and_correction(start, stop):
    source = going_over()
    exact = over(source, start, stop).sum() * AREA * (stop - start)
    assert source.released(start, stop) == pytest.approx(exact, rel=1e-12)
    parts = source.released(start, 0.4 * start + 0.6 * stop)
    parts += source.released(0.4 * start + 0.6 * stop, stop)
    assert parts == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("tolerance", [3e-2, 1e-3])
def test_within_the_longest_step_the_line_misses_the_correction_by_what_is_asked(tolerance):
    source = going_over()
    step = source.longest_step(tolerance)
    assert step < 300.0
    first, last = source.line(130.0, 130.0 + step)
    apart = [
        np.abs(first + (last - first) * t - source.at(130.0 + t * step)).sum() * AREA
        for t in np.linspace(0.0, 1.0, 51)
    ]
    assert max(apart) == pytest.approx(tolerance * source.released(100.0, 400.0) / 300.0, rel=1e-9)


def test_secretion_that_goes_over_without_a_correction_needs_no_steps():
    source = going_over(size=0.0)
    assert source.longest_step(1e-9) == math.inf
    straight = replace(source, changing=source.changing[:1])
    assert straight.longest_step(1e-9) == math.inf
    for start, stop in ((100.0, 400.0), (130.0, 170.0)):
        assert straight.released(start, stop) == source.released(start, stop)


@pytest.fixture(scope="module")
def grown_scenes():
    """L929 after 6 h and after each of the next four quarters of an hour."""
    spec = load_model("secretion-l929", settings=SECRETING).spec
    grid = _square(200.0, 10.0)
    scene = migrasomes.seed_scene(spec, 1, Perturbation(), secretion_factor=1.0)
    scenes = []
    for n in range(5):
        scene = migrasomes.advance(scene, 21_600.0 + n * 900.0)
        scenes.append(scene)
    return grid, scenes


def between(before, after, grid, emission):
    first, last = (secretion(scene, grid, emission.ligand) for scene in (before, after))
    return secretion_of(emission, grid, first, last)


@pytest.mark.parametrize("bursts", [False, True])
@pytest.mark.parametrize("ligand", ["mcsf", "ccl2"])
def test_secretion_is_what_has_left_bodies_and_migrasomes(grown_scenes, ligand, bursts):
    grid, scenes = grown_scenes
    burst = 0.0
    for n, (before, after) in enumerate(itertools.pairwise(scenes)):
        since, until = 21_600.0 + n * 900.0, 22_500.0 + n * 900.0
        emission = emission_between(before, after, ligand, since, until, bursts=bursts)
        source = between(before, after, grid, emission)
        old, new = (migrasomes.cargo_of(scene)[ligand] for scene in (before, after))
        left = new.released.sum() - old.released.sum() + new.fused.sum() - old.fused.sum()
        leaked = new.leaked.sum() - old.leaked.sum()
        burst += leaked
        left += 0.0 if bursts else leaked
        assert emission.bursts.sum() == pytest.approx(leaked if bursts else 0.0, rel=1e-12)
        assert source.released(since, until) == pytest.approx(left, rel=1e-12)
        area = grid.dx * grid.dy
        first, last = source.line(since, until)
        on_the_grid = 0.5 * (first + last).sum() * area * 900.0
        assert on_the_grid == pytest.approx(left, rel=1e-11)
        assert emission.mean_rate * (until - since) == pytest.approx(left, rel=1e-12)
        assert (emission.bodies.mean > 0.0).all()
        assert (emission.migrasomes.mean >= 0.0).all()
        # The rate before a stop is the rate after it.
        assert source.at(until) == pytest.approx(
            secretion(after, grid, ligand).at(until), rel=1e-9, abs=1e-15
        )
    assert burst > 0.0


def test_the_size_of_a_correction_is_that_of_its_sources_whatever_their_signs(grown_scenes):
    grid, (before, after, *_) = grown_scenes
    emission = emission_between(before, after, "mcsf", 21_600.0, 22_500.0, bursts=False)
    _, beyond = between(before, after, grid, emission).changing
    assert 0.0 < abs(beyond.total) / emission.mean_rate <= beyond.law.size < 1.0
    assert beyond.flux.sum() * grid.dx * grid.dy == pytest.approx(beyond.total, rel=1e-9)


def test_where_no_cargo_is_followed_nothing_is_corrected(placed, grown_scenes):
    grid, (before, after, *_) = grown_scenes
    other = _square(1400.0, 10.0)
    first = secretion(placed, other, "sdf1")
    emission = emission_between(placed, placed, "sdf1", 0.0, 1.0)
    assert secretion_of(emission, other, first, first) is first
    assert emission.mean_rate == pytest.approx(first.total, rel=1e-12)
    emission = emission_between(before, after, "sdf1", 0.0, 1.0)
    assert emission.mean_rate == 0.0
    assert len(between(before, after, grid, emission).changing) == 1
