"""Overlap of ellipses, and which one a place is in, against what can be said of them otherwise."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sdf1_field.scene.ellipses import NONE, ellipse_at, overlap

FINE = 4000
"""Points of a sampled outline."""

half_axis = st.floats(5.0, 80.0)
turn = st.floats(-4.0, 4.0)
ellipse = st.tuples(half_axis, half_axis, turn).map(lambda e: (max(e[:2]), min(e[:2]), e[2]))
apart = st.floats(-160.0, 160.0)


def outline(x, y, semi_major, semi_minor, angle):
    """Points of an ellipse's edge as complex numbers."""
    around = 2.0 * math.pi * np.arange(FINE) / FINE
    own = semi_major * np.cos(around) + 1j * semi_minor * np.sin(around)
    return x + 1j * y + own * np.exp(1j * angle)


def holds(points, x, y, semi_major, semi_minor, angle):
    """Whether an ellipse holds each point."""
    own = (points - x - 1j * y) * np.exp(-1j * angle)
    return (own.real / semi_major) ** 2 + (own.imag / semi_minor) ** 2 <= 1.0


def met(x, y, one, other):
    """Whether points of either one's sampled edge are in the other, or one centre is."""
    first, second = (0.0, 0.0, *one), (x, y, *other)
    return bool(
        holds(outline(*first), *second).any()
        or holds(outline(*second), *first).any()
        or holds(np.array([0j]), *second).any()
    )


def support(direction, semi_major, semi_minor, angle):
    """Point of an ellipse about 0 that is farthest in a direction, both complex numbers."""
    own = direction * np.exp(-1j * angle)
    far = complex(semi_major**2 * own.real, semi_minor**2 * own.imag)
    reach = math.hypot(semi_major * own.real, semi_minor * own.imag)
    return far * np.exp(1j * angle) / reach


@given(ellipse, ellipse, apart, apart)
def test_ellipses_overlap_exactly_if_their_outlines_or_insides_meet(one, other, x, y):
    found = overlap(x, y, *one, *other)
    if met(x, y, one, other):
        assert found
    # A point in common is half a sample's way at most from a sampled one.
    most = math.pi * 80.0 / FINE / 5.0
    if found:
        larger = [(a * (1.0 + most), b * (1.0 + most), angle) for a, b, angle in (one, other)]
        assert met(x, y, *larger)


@given(ellipse, ellipse, turn, st.floats(-8.0, -3.0))
def test_ellipses_part_where_the_one_that_touches_is_moved_away(one, other, direction, size):
    outward = np.exp(1j * direction)
    touching = support(outward, *one) - support(-outward, *other)
    gap = 10.0**size * outward
    for centre, expected in ((touching - gap, True), (touching + gap, False)):
        assert overlap(centre.real, centre.imag, *one, *other) is expected


@given(ellipse, ellipse, apart, apart, turn)
def test_overlap_is_the_same_from_either_side_and_in_any_frame(one, other, x, y, frame):
    found = overlap(x, y, *one, *other)
    enlarged, shrunk = (
        overlap(x, y, one[0] * by, one[1] * by, one[2], *other) for by in (1.0 + 1e-9, 1.0 - 1e-9)
    )
    assume(enlarged == shrunk)
    assert overlap(-x, -y, *other, *one) == found
    away = (x + 1j * y) * np.exp(1j * frame)
    turned = [(a, b, angle + frame) for a, b, angle in (one, other)]
    assert overlap(away.real, away.imag, *turned[0], *turned[1]) == found
    assert overlap(x, y, *one, *other[:2], other[2] + math.pi) == found


@pytest.mark.parametrize("inner", [(50.0, 20.0, 0.3), (20.0, 5.0, 2.0), (1e-3, 1e-4, 0.0)])
@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (0.0, 3.0), (-5.0, 1.0)])
def test_an_ellipse_within_another_overlaps_it(inner, x, y):
    outer = (90.0, 60.0, 1.1)
    assert overlap(x, y, *inner, *outer)
    assert overlap(x, y, *outer, *inner)
    assert overlap(0.0, 0.0, *inner, *inner)


@pytest.mark.parametrize("angle", [0.0, 0.7, math.pi / 2])
def test_equal_ellipses_touch_tip_to_tip_and_side_by_side(angle):
    one = (60.0, 20.0, angle)
    for way, extent in ((np.exp(1j * angle), 120.0), (1j * np.exp(1j * angle), 40.0)):
        for by, expected in ((1.0 - 1e-12, True), (1.0 + 1e-12, False)):
            away = way * extent * by
            assert overlap(away.real, away.imag, *one, *one) is expected


def test_a_place_is_in_the_last_of_the_ellipses_that_hold_it():
    rng = np.random.default_rng(1)
    x, y = rng.random((2, 300)) * [[900.0], [300.0]]
    semi_minor = 4.0 + 25.0 * rng.random(300) ** 4
    semi_major, angle = semi_minor * (1.0 + 3.0 * rng.random(300)), 7.0 * rng.random(300)
    at_x, at_y = rng.random((2, 20_000)) * [[1100.0], [500.0]] - 100.0
    expected = np.full(20_000, NONE)
    for n in range(300):
        inside = holds(at_x + 1j * at_y, x[n], y[n], semi_major[n], semi_minor[n], angle[n])
        expected[inside] = n
    found = ellipse_at(at_x, at_y, x, y, semi_major, semi_minor, angle)
    assert np.array_equal(found, expected)
    assert np.count_nonzero(expected == NONE) > 2000
    assert len(np.unique(expected)) > 200


@pytest.mark.parametrize("count", [0, 1])
def test_of_few_ellipses_or_places_each_finds_its_own(count):
    x = np.full(count, 40.0)
    one = (x, x, np.full(count, 9.0), np.full(count, 3.0), np.zeros(count))
    places = np.array([48.9, 49.1, -1e9, 1e9])
    found = ellipse_at(places, np.full(4, 40.0), *one)
    assert found.tolist() == [count - 1, NONE, NONE, NONE]
    assert ellipse_at(np.zeros(0), np.zeros(0), *one).size == 0
