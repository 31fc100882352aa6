"""Neighbour search on the floor: places in rectangular buckets no narrower than a reach.

Two places no farther apart than the reach are in the same bucket or in adjacent ones. A complete
set of places is sorted by bucket, row by row, so that those in the adjacent buckets of a row follow
each other in memory. A set that grows by one place at a time is kept in a linked list per bucket.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.grid import clamped, clamped_index

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

MOST_BUCKETS = 2**20
"""Along an axis."""
NONE = -1
"""End of a bucket's list."""


class Buckets(NamedTuple):
    """Equal buckets that tile a rectangle of the floor; a place outside is in the nearest one.

    Parameters
    ----------
    left, low : float
        Corner of the rectangle [um].
    per_x, per_y : float
        Buckets per length [1/um].
    rows, columns : int
    """

    left: float
    low: float
    per_x: float
    per_y: float
    rows: int
    columns: int


@kernel()
def make_buckets(
    left: float, low: float, width: float, length: float, narrowest: float, most: int
) -> Buckets:
    """As many buckets as fit into a rectangle.

    Parameters
    ----------
    left, low, width, length : float
        Corner and extent of the rectangle [um].
    narrowest : float
        Smallest width of a bucket along an axis that has more than one [um].
    most : int
        Along an axis.
    """
    columns, rows = clamped(width / narrowest, 1, most), clamped(length / narrowest, 1, most)
    return Buckets(left, low, columns / width, rows / length, rows, columns)


@kernel()
def bucket_of(buckets: Buckets, x: float, y: float) -> tuple[int, int]:
    """Row and column of the bucket that a place [um] is in."""
    row = clamped_index((y - buckets.low) * buckets.per_y, buckets.rows)
    return row, clamped_index((x - buckets.left) * buckets.per_x, buckets.columns)


@kernel()
def sort(
    buckets: Buckets, xs: Array, ys: Array, begins: Indices, order: Indices, inside: Indices
) -> None:
    """Counting sort of places by bucket, stable.

    Parameters
    ----------
    buckets : Buckets
    xs, ys : ndarray, shape (place,)
        [um].
    begins : ndarray, shape (rows * columns + 1,)
        Overwritten: position in ``order`` at which each bucket begins, and its length.
    order : ndarray, shape (place,)
        Overwritten: numbers of the places, bucket by bucket.
    inside : ndarray, shape (place,)
        Overwritten: bucket of each place.
    """
    for i in range(xs.size):
        row, column = bucket_of(buckets, xs[i], ys[i])
        inside[i] = row * buckets.columns + column
    begins[:] = 0
    for i in range(xs.size):
        begins[inside[i] + 1] += 1
    total = 0
    for b in range(1, begins.size):
        total += begins[b]
        begins[b] = total - begins[b]
    # begins[b + 1] is the begin of bucket b until that has been filled, and its end then.
    for i in range(xs.size):
        order[begins[inside[i] + 1]] = i
        begins[inside[i] + 1] += 1


@kernel()
def sorted_places(buckets: Buckets, xs: Array, ys: Array) -> tuple[Indices, Indices]:
    """``order`` and ``begins`` of `sort`."""
    begins = np.empty(buckets.rows * buckets.columns + 1, np.int64)
    order, inside = np.empty(xs.size, np.int64), np.empty(xs.size, np.int64)
    sort(buckets, xs, ys, begins, order, inside)
    return order, begins


@kernel(inline=True)
def adjacent(index: int, count: int) -> range:
    """Rows, or columns, from the one before to the one after, of which there are ``count``."""
    return range(max(index - 1, 0), min(index + 2, count))


@kernel()
def adjacent_run(begins: Indices, columns: int, row: int, column: int) -> tuple[int, int]:
    """Positions, first and after the last, of sorted places in a bucket and those beside it.

    All neighbours of a place are in the runs of the rows adjacent to its own::

        row, column = bucket_of(buckets, x, y)
        for r in adjacent(row, buckets.rows):
            begin, end = adjacent_run(begins, buckets.columns, r, column)
            for k in range(begin, end):
                ...  # place number order[k]
    """
    left, right = max(column - 1, 0), min(column + 2, columns)
    return begins[row * columns + left], begins[row * columns + right]


class BucketLists(NamedTuple):
    """Numbered places that are added one at a time, a linked list for each bucket.

    Parameters
    ----------
    buckets : Buckets
    latest : ndarray, shape (rows, columns)
        Number of the latest place in each bucket, or `NONE`.
    earlier : ndarray, shape (place,)
        Number of the one added before it to the same bucket, or `NONE`.
    """

    buckets: Buckets
    latest: Indices
    earlier: Indices


@kernel()
def empty_lists(buckets: Buckets, count: int) -> BucketLists:
    """Lists without a place, for numbers below ``count``."""
    latest = np.full((buckets.rows, buckets.columns), NONE, np.int64)
    return BucketLists(buckets, latest, np.full(count, NONE, np.int64))


@kernel()
def add_place(lists: BucketLists, n: int, x: float, y: float) -> None:
    """Add the place of a number [um]."""
    row, column = bucket_of(lists.buckets, x, y)
    lists.earlier[n] = lists.latest[row, column]
    lists.latest[row, column] = n
