import math

import numpy as np
import pytest

from sdf1_field.analysis.chemotaxis import approach
from sdf1_field.analysis.space import Outlines, floor_lattice, in_bins, nearest_edge
from sdf1_field.grid import make_grid

EDGES = np.array([0.0, 10.0, 20.0, math.inf])


def outlines(*shapes):
    return Outlines(*(np.array(column, dtype=float) for column in zip(*shapes, strict=True)))


def boundary(shape, points=20_001):
    x, y, a, b, angle = shape
    turn = np.linspace(0.0, 2 * math.pi, points)
    along, across = a * np.cos(turn), b * np.sin(turn)
    return (
        x + along * math.cos(angle) - across * math.sin(angle),
        y + along * math.sin(angle) + across * math.cos(angle),
    )


def inside(shape, x, y):
    cx, cy, a, b, angle = shape
    along = (x - cx) * math.cos(angle) + (y - cy) * math.sin(angle)
    across = (y - cy) * math.cos(angle) - (x - cx) * math.sin(angle)
    return (along / a) ** 2 + (across / b) ** 2 < 1.0


def test_distance_to_a_disc_is_that_to_its_centre_less_the_radius():
    near = nearest_edge(
        outlines((1.0, 2.0, 5.0, 5.0, 0.0)), np.array([9.0, 4.0]), np.array([8.0, 6])
    )
    assert near.distance == pytest.approx([5.0, 0.0], abs=1e-9)
    assert (near.toward_x[0], near.toward_y[0]) == pytest.approx((-0.8, -0.6), rel=1e-9)


def test_distance_to_an_ellipse_is_the_shortest_way_to_its_edge():
    shape = (20.0, -5.0, 53.0, 18.0, 0.7)
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-80, 120, 300), rng.uniform(-100, 90, 300)
    near = nearest_edge(outlines(shape), x, y)
    edge_x, edge_y = boundary(shape)
    expected = np.hypot(x[:, None] - edge_x, y[:, None] - edge_y).min(axis=1)
    within = inside(shape, x, y)
    assert 10 < within.sum() < 200
    assert np.abs(near.distance) == pytest.approx(expected, abs=2e-4)
    assert ((near.distance < 0) == within).all()


def test_the_direction_leads_to_the_edge_and_away_from_it_inside():
    shape = (0.0, 0.0, 53.0, 18.0, 0.3)
    rng = np.random.default_rng(2)
    x, y = rng.uniform(-80, 80, 200), rng.uniform(-80, 80, 200)
    near = nearest_edge(outlines(shape), x, y)
    assert np.hypot(near.toward_x, near.toward_y) == pytest.approx(np.ones(200), rel=1e-9)
    edge_x, edge_y = x + near.distance * near.toward_x, y + near.distance * near.toward_y
    along = edge_x * math.cos(0.3) + edge_y * math.sin(0.3)
    across = edge_y * math.cos(0.3) - edge_x * math.sin(0.3)
    assert (along / 53.0) ** 2 + (across / 18.0) ** 2 == pytest.approx(np.ones(200), abs=1e-8)


@pytest.mark.parametrize(
    ("place", "distance"),
    [
        ((0.0, 0.0), -1.0),
        ((4.0, 0.0), 2.0),
        ((0.0, 3.0), 2.0),
        ((1.0, 0.0), -math.sqrt(1.0 - 1.0 / 3.0)),
        ((2.0, 0.0), 0.0),
        ((0.0, 1e-12), -1.0),
    ],
)
def test_on_its_axes_an_ellipse_is_as_far_as_geometry_says(place, distance):
    # From (x, 0) with x < (a**2 - b**2) / a the nearest edge is off the axis.
    near = nearest_edge(outlines((0.0, 0.0, 2.0, 1.0, 0.0)), *(np.array([v]) for v in place))
    assert near.distance[0] == pytest.approx(distance, abs=1e-9)


def test_the_nearest_of_many_is_the_smallest_of_their_distances():
    rng = np.random.default_rng(3)
    shapes = [(*rng.uniform(0, 300, 2), *sorted(rng.uniform(2, 60, 2))[::-1], a) for a in range(12)]
    x, y = rng.uniform(0, 300, 400), rng.uniform(0, 300, 400)
    each = np.array([nearest_edge(outlines(shape), x, y).distance for shape in shapes])
    together = nearest_edge(outlines(*shapes), x, y)
    assert together.distance == pytest.approx(each.min(axis=0), rel=1e-12)


def test_without_outlines_everything_is_infinitely_far():
    near = nearest_edge(Outlines(*(np.empty(0) for _ in range(5))), np.ones(2), np.ones(2))
    assert np.isinf(near.distance).all()
    assert in_bins(near.distance, EDGES).tolist() == [0, 0, 0]


@pytest.mark.parametrize("spacing", [5.0, 7.0, 20.0])
def test_the_lattice_measures_areas_whatever_the_grid(spacing):
    grid = make_grid(280.0, 140.0, 10.0, spacing=spacing, floor_layer=10.0, layer_growth=1.0)
    x, y, each = floor_lattice(grid)
    assert len(x) * each == pytest.approx(280.0 * 140.0, rel=1e-12)
    assert each <= 6.25 + 1e-9
    ring = nearest_edge(outlines((141.3, 68.9, 30.0, 30.0, 0.0)), x, y).distance
    areas = each * in_bins(ring, np.array([-math.inf, 0.0, 10.0, 20.0]))
    expected = math.pi * np.diff([0.0, 900.0, 1600.0, 2500.0])
    assert areas == pytest.approx(expected, rel=0.03)


def test_a_distance_belongs_to_the_bin_that_begins_with_it():
    assert in_bins(np.array([-1.0, 0.0, 9.9, 10.0, 1e9]), EDGES).tolist() == [2, 1, 1]


def steps(rng, cells, each, *, drift=0.0):
    """Steps of length 10 whose direction has a mean cosine with the way to the edge."""
    angle = (
        rng.vonmises(0.0, drift, cells * each)
        if drift
        else rng.uniform(-3.14159, 3.14159, cells * each)
    )
    return (
        np.repeat(np.arange(cells), each),
        rng.uniform(0.0, 10.0, cells * each),
        10.0 * np.cos(angle),
        np.full(cells * each, 10.0),
    )


def test_the_index_is_one_towards_and_minus_one_away():
    cell, way = np.array([0, 1, 0, 1]), np.ones(4)
    found = approach(cell, np.array([5.0, 5, 15, 15]), np.array([1.0, 1, -1, -1]), way, EDGES)
    assert found.index[:2].tolist() == [1.0, -1.0]
    assert found.cells.tolist() == [2, 2, 0]
    assert found.steps.tolist() == [2, 2, 0]
    assert np.isnan(found.index[2])
    assert np.isnan(found.interval[2]).all()


def test_the_index_is_the_mean_cosine_of_equal_steps():
    from scipy import special

    found = approach(*steps(np.random.default_rng(4), 200, 30, drift=0.5), EDGES)
    expected = special.i1(0.5) / special.i0(0.5)
    assert found.index[0] == pytest.approx(expected, abs=0.03)
    assert found.interval[0, 0] < expected < found.interval[0, 1]


def test_wandering_cells_have_no_index_within_their_interval():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(30):
        found = approach(*steps(rng, 40, 10), EDGES)
        held += found.interval[0, 0] < 0.0 < found.interval[0, 1]
    assert held >= 25


def test_the_interval_is_over_cells_not_over_steps():
    # Every cell repeats its own step twenty times: forty steps say no more than two cells.
    rng = np.random.default_rng(6)
    own = np.cos(rng.uniform(0.0, 2 * math.pi, 100))
    cell = np.repeat(np.arange(100), 20)
    found = approach(cell, np.full(2000, 5.0), np.repeat(own, 20), np.ones(2000), EDGES)
    error = own.std(ddof=1) / math.sqrt(100)
    assert np.ptp(found.interval[0]) == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert found.index[0] == pytest.approx(own.mean(), rel=1e-12)


def test_long_steps_weigh_more():
    found = approach(
        np.array([0, 1]),
        np.array([5.0, 5.0]),
        np.array([30.0, -10.0]),
        np.array([30.0, 10.0]),
        EDGES,
    )
    assert found.index[0] == pytest.approx(0.5)


def test_cells_that_stand_still_have_no_chemotactic_index():
    found = approach(
        np.array([0, 1, 1]), np.array([5.0, 5.0, 5.0]), np.zeros(3), np.zeros(3), np.array([0.0, 9])
    )
    assert found.cells[0] == 2
    assert found.steps[0] == 3
    assert np.isnan(found.index[0])
    assert np.isnan(found.interval[0]).all()
