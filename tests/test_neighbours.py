import math

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdf1_field.neighbours import (
    MOST_BUCKETS,
    NONE,
    add_place,
    adjacent,
    adjacent_run,
    bucket_of,
    empty_lists,
    make_buckets,
    sorted_places,
)

NONFINITE = (math.nan, math.inf, -math.inf)


@numba.njit
def _sorted_neighbours(buckets, begins, order, x, y):
    found = []
    row, column = bucket_of(buckets, x, y)
    for r in adjacent(row, buckets.rows):
        begin, end = adjacent_run(begins, buckets.columns, r, column)
        found.extend(order[begin:end])
    return found


@numba.njit
def _listed_neighbours(lists, x, y):
    found = []
    row, column = bucket_of(lists.buckets, x, y)
    for r in adjacent(row, lists.buckets.rows):
        for c in adjacent(column, lists.buckets.columns):
            n = lists.latest[r, c]
            while n != NONE:
                found.append(n)
                n = lists.earlier[n]
    return found


def some_places(count, width, length, seed=0):
    # A tenth of the places is outside the rectangle that the buckets tile.
    share = -0.05 + 1.1 * np.random.default_rng(seed).random((2, count))
    return 3.0 + width * share[0], -7.0 + length * share[1]


@given(
    width=st.sampled_from([0.0, 5.0, 100.0]),
    length=st.sampled_from([0.0, 30.0, 100.0]),
    reach=st.floats(0.5, 200.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_place_within_the_reach_is_among_the_neighbours_once(width, length, reach, seed):
    x, y = some_places(60, width, length, seed)
    buckets = make_buckets(3.0, -7.0, width, length, reach, MOST_BUCKETS)
    order, begins = sorted_places(buckets, x, y)
    lists = empty_lists(buckets, len(x))
    for n in range(len(x)):
        add_place(lists, n, x[n], y[n])
    for n in range(len(x)):
        within = set(np.flatnonzero(np.hypot(x - x[n], y - y[n]) <= reach * (1.0 - 1e-12)))
        found = _sorted_neighbours(buckets, begins, order, x[n], y[n])
        assert within <= set(found)
        assert len(set(found)) == len(found)
        assert sorted(_listed_neighbours(lists, x[n], y[n])) == sorted(found)


def test_a_search_looks_at_the_places_nearby_alone():
    x, y = some_places(10_000, 1000.0, 1000.0)
    buckets = make_buckets(3.0, -7.0, 1000.0, 1000.0, 50.0, MOST_BUCKETS)
    assert (buckets.rows, buckets.columns) == (20, 20)
    order, begins = sorted_places(buckets, x, y)
    found = _sorted_neighbours(buckets, begins, order, 503.0, 493.0)
    assert 150 < len(found) < 300
    assert np.abs(x[found] - 503.0).max() <= 100.0
    assert np.abs(y[found] - 493.0).max() <= 100.0


def test_places_are_sorted_row_by_row_and_keep_their_order_in_a_bucket():
    x, y = np.array([15.0, 5.0, 5.0, 15.0, 6.0]), np.array([5.0, 15.0, 5.0, 5.0, 15.0])
    order, begins = sorted_places(make_buckets(0.0, 0.0, 20.0, 20.0, 10.0, 9), x, y)
    assert list(order) == [2, 0, 3, 1, 4]
    assert list(begins) == [0, 1, 3, 5, 5]


def test_buckets_are_no_narrower_than_asked_and_no_more_than_allowed():
    buckets = make_buckets(0.0, 0.0, 100.0, 59.0, 30.0, 9)
    assert (buckets.columns, buckets.rows) == (3, 1)
    assert 1.0 / buckets.per_x >= 30.0
    assert make_buckets(0.0, 0.0, 100.0, 59.0, 1e-9, 9)[-2:] == (9, 9)
    assert make_buckets(0.0, 0.0, 100.0, 59.0, math.inf, 9)[-2:] == (1, 1)


@pytest.mark.parametrize("place", NONFINITE)
def test_a_place_that_is_no_number_or_infinite_has_a_bucket(place):
    buckets = make_buckets(0.0, 0.0, 100.0, 100.0, 10.0, 9)
    row, column = bucket_of(buckets, place, place)
    assert row == column == (8 if place == math.inf else 0)
