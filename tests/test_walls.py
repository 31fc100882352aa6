import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdf1_field import walls


def triangular_wave(place, extent):
    return extent * np.arccos(np.cos(np.pi * place / extent)) / np.pi


@given(place=st.floats(-1e4, 1e4), extent=st.sampled_from([12.0, 100.0, 3000.0]))
def test_reflection_is_a_triangular_wave_of_the_place_and_the_sign_its_slope(place, extent):
    reflected, sign = walls.reflected(place, extent)
    assert 0.0 <= reflected <= extent
    assert reflected == pytest.approx(triangular_wave(place, extent), abs=1e-6 * extent)
    # At a wall itself either direction is right.
    if abs(place / extent - round(place / extent)) > 1e-9:
        assert sign == (-1.0 if math.floor(place / extent) % 2 else 1.0)
    if 0.0 <= place <= extent:
        assert reflected == place


@given(place=st.floats(-1e4, 1e4), extent=st.sampled_from([12.0, 100.0, 3000.0]))
def test_reflection_of_a_distance_from_a_wall_has_no_round_off_up_to_the_other_wall(place, extent):
    reflected, _ = walls.reflected(abs(place), extent)
    assert reflected == pytest.approx(triangular_wave(place, extent), abs=1e-6 * extent)
    if abs(place) <= extent:
        assert reflected == abs(place)


def test_places_of_any_shape_are_reflected_one_by_one_and_nan_stays_nan():
    places = np.array([[-3.0, 4.0, np.nan], [12.5, 27.0, 10.0]])
    expected = [[3.0, 4.0, np.nan], [7.5, 7.0, 10.0]]
    np.testing.assert_array_equal(walls.reflected_places(places[:, ::-1], 10.0)[:, ::-1], expected)
    assert places[0, 0] == -3.0


def test_a_round_well_reflects_the_distance_beyond_its_wall_inwards():
    x, y = walls.reflected_in_well(
        np.array([50.0, 106.0, np.nan]), np.array([90.0, 50.0, 1.0]), 50.0
    )
    assert (x[0], y[0]) == pytest.approx((50.0, 90.0), abs=1e-12)
    assert (x[1], y[1]) == pytest.approx((94.0, 50.0), abs=1e-12)
    assert np.isnan(x[2])


def test_a_cell_beyond_a_wall_is_the_image_of_one_at_the_same_distance_from_it():
    assert [walls.reflected_index(n, 3) for n in range(-4, 8)] == [
        2,
        2,
        1,
        0,
        0,
        1,
        2,
        2,
        1,
        0,
        0,
        1,
    ]


def test_image_sources_are_those_whose_reflection_is_the_source():
    x, y = np.array([2.0, 19.0]), np.array([5.0, 9.0])
    source, image_x, image_y = walls.image_sources(x, y, 20.0, 10.0, 25.0)
    for places, own, extent in ((image_x, x, 20.0), (image_y, y, 10.0)):
        assert places.min() > -25.0
        assert places.max() < extent + 25.0
        np.testing.assert_allclose(walls.reflected_places(places, extent), own[source], atol=1e-12)
    assert len(set(zip(image_x, image_y, strict=True))) == len(source)
    # x at 40 n +- 2 or 40 n +- 19 in (-25, 45), y at 20 n +- 5 or 20 n +- 9 in (-25, 35).
    assert list(np.bincount(source)) == [4 * 5, 4 * 6]
