import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdf1_field.grid import make_grid

WIDTH, LENGTH = 70.0, 42.0


def _grid(spacing=7.0):
    return make_grid(WIDTH, LENGTH, 300.0, spacing=spacing, floor_layer=5.0, layer_growth=1.2)


shares = st.floats(min_value=0.0, max_value=1.0)
places = st.lists(
    st.tuples(shares, shares, st.floats(min_value=1e-3, max_value=1e3)), min_size=1, max_size=20
)


@settings(deadline=None)
@given(places)
def test_deposition_conserves_the_amount_everywhere(points):
    grid = _grid()
    u, v, amount = np.array(points).T
    deposited = grid.deposit(u * WIDTH, v * LENGTH, amount)
    assert deposited.sum() == pytest.approx(math.fsum(amount), rel=1e-13)
    assert deposited.min() >= 0.0


@settings(deadline=None)
@given(places)
def test_deposition_keeps_the_centroid_away_from_walls(points):
    grid = _grid()
    u, v, amount = np.array(points).T
    x = grid.dx / 2 + u * (WIDTH - grid.dx)
    y = grid.dy / 2 + v * (LENGTH - grid.dy)
    deposited = grid.deposit(x, y, amount)
    assert (deposited.sum(axis=0) * grid.x).sum() == pytest.approx((amount * x).sum(), rel=1e-12)
    assert (deposited.sum(axis=1) * grid.y).sum() == pytest.approx((amount * y).sum(), rel=1e-12)


@pytest.mark.parametrize(
    ("x", "y", "cell"),
    [(0.0, 0.0, (0, 0)), (WIDTH, LENGTH, (-1, -1)), (WIDTH, 0.0, (0, -1)), (2.0, 40.0, (-1, 0))],
)
def test_an_amount_in_a_corner_stays_in_the_corner_cell(x, y, cell):
    deposited = _grid().deposit(np.array([x]), np.array([y]), np.array([3.0]))
    assert deposited[cell] == pytest.approx(3.0, rel=1e-15)
    assert np.count_nonzero(deposited) == 1


def test_an_amount_between_four_centres_goes_to_them_by_distance():
    grid = _grid()
    x, y = grid.x[3] + 0.25 * grid.dx, grid.y[2] + 0.5 * grid.dy
    deposited = grid.deposit(np.array([x]), np.array([y]), np.array([8.0]))
    assert deposited[2:4, 3:5] == pytest.approx(np.array([[3.0, 1.0], [3.0, 1.0]]), rel=1e-12)
    assert deposited.sum() == pytest.approx(8.0, rel=1e-14)


@settings(deadline=None)
@given(places, st.floats(min_value=0.5, max_value=4.0))
def test_spreading_conserves_the_amount_everywhere(points, cells):
    grid = _grid()
    u, v, amount = np.array(points).T
    spread = grid.spread(u * WIDTH, v * LENGTH, amount, cells * grid.dx)
    assert spread.sum() == pytest.approx(math.fsum(amount), rel=1e-12)
    assert spread.min() >= 0.0


@pytest.mark.parametrize(("p", "q"), [(0, 0), (1, 0), (0, 3), (2, 5), (3, 3)])
def test_modes_of_a_spread_amount_are_those_of_a_gaussian_among_mirrors(p, q):
    grid, width = _grid(), 1.25 * 7.0
    for x, y in ((33.1, 20.6), (1.0, 41.5), (0.0, 0.0), (70.0, 13.0)):
        spread = grid.spread(np.array([x]), np.array([y]), np.array([3.0]), width)
        wave_y, wave_x = math.pi * p / LENGTH, math.pi * q / WIDTH
        mode = np.outer(np.cos(wave_y * grid.y), np.cos(wave_x * grid.x))
        left = math.exp(-0.5 * (wave_x**2 + wave_y**2) * width**2)
        expected = 3.0 * left * math.cos(wave_x * x) * math.cos(wave_y * y)
        assert (spread * mode).sum() == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("spacing", [7.0, 9.0, 200.0])
def test_cells_fill_the_floor_at_the_spacing_nearest_to_the_asked_one(spacing):
    grid = _grid(spacing)
    assert (grid.nx, grid.ny) == (max(1, round(WIDTH / spacing)), max(1, round(LENGTH / spacing)))
    assert grid.nx * grid.dx == pytest.approx(WIDTH, rel=1e-15)
    assert grid.ny * grid.dy == pytest.approx(LENGTH, rel=1e-15)
    assert grid.x.sum() == pytest.approx(grid.nx * WIDTH / 2, rel=1e-14)
    assert grid.area == WIDTH * LENGTH


@settings(deadline=None)
@given(
    st.floats(min_value=50.0, max_value=1e4),
    st.floats(min_value=1.0, max_value=40.0),
    st.floats(min_value=1.0, max_value=2.0),
)
def test_layers_sum_to_the_height_and_thicken_by_the_growth(height, floor_layer, growth):
    grid = make_grid(50.0, 50.0, height, spacing=10.0, floor_layer=floor_layer, layer_growth=growth)
    assert grid.thickness.sum() == pytest.approx(height, rel=1e-12)
    assert grid.z_edges[0] == 0.0
    assert grid.height == pytest.approx(height, rel=1e-15)
    assert grid.thickness[1:] == pytest.approx(growth * grid.thickness[:-1], rel=1e-9)
    if growth > 1.0:
        assert grid.thickness[0] <= floor_layer * (1 + 1e-9)


def test_the_floor_layer_shrinks_by_less_than_one_layer_would_need():
    grid = make_grid(50.0, 50.0, 2000.0, spacing=10.0, floor_layer=5.0, layer_growth=1.2)
    # One layer fewer must not reach the height with the asked floor layer.
    assert 5.0 * (1.2 ** (grid.nz - 1) - 1.0) / 0.2 < 2000.0
    assert 5.0 * (1.2**grid.nz - 1.0) / 0.2 >= 2000.0


def test_places_on_walls_belong_to_the_last_cell():
    grid = _grid()
    rows, cols = grid.index(np.array([0.0, 6.9, 7.1, WIDTH]), np.array([0.0, 6.9, 7.1, LENGTH]))
    assert cols.tolist() == [0, 0, 1, grid.nx - 1]
    assert rows.tolist() == [0, 0, 1, grid.ny - 1]


@pytest.mark.parametrize(("p", "q"), [(0, 0), (0, 1), (1, 0), (3, 7), (5, 9)])
def test_cosine_modes_are_eigenvectors_of_the_mirrored_five_point_laplacian(p, q):
    grid = _grid()
    mode = np.outer(np.cos(np.pi * p * grid.y / LENGTH), np.cos(np.pi * q * grid.x / WIDTH))
    walled = np.pad(mode, 1, mode="edge")
    curvature = (walled[1:-1, 2:] - 2 * mode + walled[1:-1, :-2]) / grid.dx**2 + (
        walled[2:, 1:-1] - 2 * mode + walled[:-2, 1:-1]
    ) / grid.dy**2
    assert -curvature == pytest.approx(grid.laplacian_eigenvalues()[p, q] * mode, abs=1e-14)
