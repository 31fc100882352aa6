"""Displacement of crawling cells: reflecting walls, and excluded volume where crowding is on."""

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.parameters import CellParameters
from sdf1_field.cells.workspace import HEADING_X, HEADING_Y, OCCUPANCY
from sdf1_field.compiled import kernel
from sdf1_field.neighbours import Buckets, adjacent, adjacent_run, bucket_of
from sdf1_field.walls import reflected

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@kernel()
def sort_by_number(number: Indices, begins: Indices, order: Indices, inside: Indices) -> None:
    """Order the cells of each bucket by their numbers.

    Parameters
    ----------
    number : ndarray, shape (cell,)
    begins, order, inside : ndarray
        As left by `sdf1_field.neighbours.sort`; ``order`` is changed.
    """
    for k in range(1, number.size):
        one, at = order[k], k
        while at > begins[inside[one]] and number[order[at - 1]] > number[one]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = one


@kernel()
def move(
    begin: int,
    size: int,
    place: Array,
    stuck: NDArray[np.bool_],
    work: Array,
    parameters: CellParameters,
    buckets: Buckets,
    begins: Indices,
    width: float,
    length: float,
    step: float,
) -> None:
    """Move crawling cells one after another, along the mean of the old and the new heading.

    Parameters
    ----------
    begin, size : int
        First cell of the block, and how many it has.
    place : ndarray, shape (STATES, cell)
        State of all cells, see `workspace`; places and headings of the block are changed.
    stuck : ndarray, shape (cell,)
        Whether each cell is held.
    work : ndarray, shape (ROWS, cells of a block)
        See `workspace`; new headings and occupancy are read.
    parameters : CellParameters
    buckets, begins : Buckets, ndarray
        All cells, sorted by bucket; read with crowding only.
    width, length : float
        Of the view within its walls [um].
    step : float
        [s].
    """
    half_way = 0.5 * parameters.speed * step
    for n in range(size):
        i = begin + n
        hx, hy = work[HEADING_X, n], work[HEADING_Y, n]
        if not stuck[i]:
            x, y = place[0, i], place[1, i]
            way = half_way * (1.0 + parameters.chemokinesis_gain * work[OCCUPANCY, n])
            new_x, sign = reflected(x + way * (place[2, i] + hx), width)
            hx *= sign
            new_y, sign = reflected(y + way * (place[3, i] + hy), length)
            hy *= sign
            if parameters.crowding:
                new_x, new_y = _unblocked(
                    i, new_x, new_y, place, buckets, begins, 2.0 * parameters.radius, width, length,
                )  # fmt: skip
            place[0, i], place[1, i] = new_x, new_y
        place[2, i], place[3, i] = hx, hy


@kernel()
def _unblocked(
    i: int,
    new_x: float,
    new_y: float,
    place: Array,
    buckets: Buckets,
    begins: Indices,
    diameter: float,
    width: float,
    length: float,
) -> tuple[float, float]:
    """Place of cell ``i`` after a move towards a new place, where other cells may be in the way.

    The cell slides along the first blocking cell; where a second one blocks or a wall is beyond,
    it stays. A cell blocks only those that come nearer, so that touching cells can separate.
    Lengths in um, arrays as for `move`.
    """
    x, y = place[0, i], place[1, i]
    for attempt in range(2):
        blocker = _blocker(i, new_x, new_y, place, buckets, begins, diameter)
        if blocker < 0:
            return new_x, new_y
        if attempt == 0:
            away_x, away_y = x - place[0, blocker], y - place[1, blocker]
            square = away_x * away_x + away_y * away_y
            inward = ((new_x - x) * away_x + (new_y - y) * away_y) / square
            new_x -= inward * away_x
            new_y -= inward * away_y
            if new_x < 0.0 or new_x > width or new_y < 0.0 or new_y > length:
                return x, y
    return x, y


@kernel()
def _blocker(
    i: int,
    new_x: float,
    new_y: float,
    place: Array,
    buckets: Buckets,
    begins: Indices,
    diameter: float,
) -> int:
    """First cell within a diameter of the new place that the move would bring nearer, or -1."""
    row, column = bucket_of(buckets, new_x, new_y)
    for r in adjacent(row, buckets.rows):
        begin, end = adjacent_run(begins, buckets.columns, r, column)
        for j in range(begin, end):
            square = (new_x - place[0, j]) ** 2 + (new_y - place[1, j]) ** 2
            if square < diameter * diameter and j != i:
                before = (place[0, i] - place[0, j]) ** 2 + (place[1, i] - place[1, j]) ** 2
                if square < before:
                    return j
    return -1
