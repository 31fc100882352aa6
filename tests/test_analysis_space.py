import math

import numpy as np
import pytest

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
