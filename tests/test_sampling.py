import math

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from sdf1_field.exposure.sampling import (
    Stimulus,
    SubgridField,
    coefficients,
    no_stimulus,
    no_subgrid_field,
    sample,
)
from sdf1_field.grid import make_grid
from sdf1_field.neighbours import Buckets, sorted_places

DX, DY = 5.0, 4.0


def seen(visible, steering=None, subgrid=None):
    visible = coefficients(visible)
    return Stimulus(
        visible,
        visible if steering is None else coefficients(steering),
        steering is None,
        no_subgrid_field() if subgrid is None else subgrid,
    )


def random_map(seed=0, shape=(30, 20)):
    return np.random.default_rng(seed).random(shape)


def some_places(count=40):
    return np.random.default_rng(1).random((count, 2)) * np.array([20 * DX, 30 * DY])


def test_a_map_goes_through_its_values_at_cell_centres():
    values = random_map()
    floor = seen(values)
    for j, i in ((0, 0), (29, 19), (0, 19), (7, 11)):
        value = sample(floor, (i + 0.5) * DX, (j + 0.5) * DY, DX, DY)[0]
        assert value == pytest.approx(values[j, i], abs=1e-13)


def test_a_map_is_the_mirrored_cubic_spline_of_scipy_up_to_the_walls():
    values = random_map()
    floor = seen(values)
    for x, y in [*some_places(), (0.0, 0.0), (100.0, 120.0), (0.0, 60.0), (1e-9, 120.0)]:
        expected = map_coordinates(
            values, [[y / DY - 0.5], [x / DX - 0.5]], order=3, mode="reflect"
        )
        assert sample(floor, x, y, DX, DY)[0] == pytest.approx(expected[0], abs=1e-12)


def test_gradients_are_the_slopes_of_values():
    floor = seen(random_map(), random_map(2))
    steers = seen(random_map(2))
    h = 1e-4
    for x, y in np.clip(some_places(), 1.0, 99.0):
        _, in_x, in_y, steering_x, steering_y = sample(floor, x, y, DX, DY)
        for one, own_x, own_y in ((floor, in_x, in_y), (steers, steering_x, steering_y)):
            ahead, behind = (sample(one, x + s * h, y, DX, DY)[0] for s in (1, -1))
            assert own_x == pytest.approx((ahead - behind) / (2.0 * h), abs=1e-7)
            ahead, behind = (sample(one, x, y + s * h, DX, DY)[0] for s in (1, -1))
            assert own_y == pytest.approx((ahead - behind) / (2.0 * h), abs=1e-7)


def test_walls_are_mirrors_where_no_gradient_crosses_them():
    floor = seen(random_map())
    for along in (3.0, 41.0, 77.7):
        assert abs(sample(floor, 0.0, along, DX, DY)[1]) < 1e-13
        assert abs(sample(floor, 100.0, along, DX, DY)[1]) < 1e-13
        assert abs(sample(floor, along, 0.0, DX, DY)[2]) < 1e-13
        assert abs(sample(floor, along, 120.0, DX, DY)[2]) < 1e-13


@pytest.mark.parametrize("value", [0.1, 1.0 / 3.0, 12.5628141])
def test_a_uniform_map_has_no_gradient_to_the_last_bit(value):
    floor = seen(np.full((30, 20), value))
    for x, y in some_places():
        visible, *slopes = sample(floor, x, y, DX, DY)
        assert visible == pytest.approx(value, rel=1e-15)
        assert slopes == [0.0, 0.0, 0.0, 0.0]


def test_slopes_on_a_high_level_keep_their_digits():
    x = (np.arange(20) + 0.5) * DX
    ripple = np.cos(math.pi * x / 100.0)
    floor = seen(np.tile(12.5 + 1e-6 * ripple, (30, 1)))
    alone = seen(np.tile(ripple, (30, 1)))
    for place, along in some_places(10):
        slope = sample(floor, place, along, DX, DY)[1]
        assert slope == pytest.approx(1e-6 * sample(alone, place, along, DX, DY)[1], abs=1e-15)


def test_maps_converge_with_fourth_order_and_gradients_with_third():
    errors, slope_errors = [], []
    along = np.linspace(5.0, 95.0, 901)
    for count in (32, 64, 128):
        spacing = 100.0 / count
        wave = np.cos(3.0 * math.pi * (np.arange(count) + 0.5) / count)
        floor = seen(np.tile(wave, (count, 1)))
        found = np.array([sample(floor, x, 50.0, spacing, spacing)[:2] for x in along])
        phase = 3.0 * math.pi * along / 100.0
        errors.append(np.abs(found[:, 0] - np.cos(phase)).max())
        slopes = -3.0 * math.pi / 100.0 * np.sin(phase)
        slope_errors.append(np.abs(found[:, 1] - slopes).max())
    assert math.log2(errors[1] / errors[2]) == pytest.approx(4.0, abs=0.1)
    assert math.log2(slope_errors[1] / slope_errors[2]) == pytest.approx(3.0, abs=0.1)
    assert errors[-1] < 1e-7


def gaussians(places, reach, width, rows, columns, *, nodes=161, steering=0.5):
    """Sub-grid correction of sources with Gaussian profiles on a floor of 100 um by 120 um."""
    x, y = np.array(places).T
    buckets = Buckets(0.0, 0.0, columns / 100.0, rows / 120.0, rows, columns)
    order, begins = sorted_places(buckets, x, y)
    r = np.linspace(0.0, reach, nodes)
    value = np.exp(-0.5 * (r / width) ** 2)
    profile = np.stack(
        [value, -r / width**2 * value, steering * value, -steering * r / width**2 * value], axis=-1
    )
    size = len(places)
    return SubgridField(x[order], y[order], buckets, begins, reach, np.tile(profile, (size, 1, 1)))


@pytest.mark.parametrize("alike", [True, False])
def test_sources_within_reach_add_their_profiles_wherever_the_buckets_end(alike):
    places = [(3.0, 5.0), (50.0, 60.0), (52.0, 61.0), (99.0, 119.0), (30.0, 59.9), (70.0, 20.0)]
    subgrid = gaussians(places, 24.0, 4.0, 5, 4)
    values = np.full((30, 20), 2.0)
    floor = seen(values, None if alike else values, subgrid)
    for x, y in some_places(200):
        away = np.array([(x, y)]) - np.array(places)
        square = (away**2).sum(axis=1)
        bells = np.exp(-0.5 * square / 16.0)[square < 24.0**2]
        slopes = -away[square < 24.0**2] / 16.0 * bells[:, None]
        found = sample(floor, x, y, DX, DY)
        assert found[0] == pytest.approx(2.0 + bells.sum(), abs=1e-6)
        assert found[1:3] == pytest.approx(slopes.sum(axis=0), abs=1e-5)
        part = 1.0 if alike else 0.5
        assert found[3:] == pytest.approx(part * slopes.sum(axis=0), abs=1e-5)


def test_at_a_source_itself_its_field_has_no_direction():
    subgrid = gaussians([(50.0, 60.0)], 24.0, 4.0, 5, 4)
    found = sample(seen(np.full((30, 20), 2.0), None, subgrid), 50.0, 60.0, DX, DY)
    assert found == pytest.approx((3.0, 0.0, 0.0, 0.0, 0.0), abs=1e-14)


def test_a_floor_without_ligand_shows_nothing():
    grid = make_grid(100.0, 120.0, 50.0, spacing=5.0, floor_layer=50.0, layer_growth=1.0)
    assert sample(no_stimulus(grid), 33.0, 120.0, grid.dx, grid.dy) == (0.0, 0.0, 0.0, 0.0, 0.0)
