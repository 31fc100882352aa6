"""Where crawling cells go: mirrored at the walls and, with crowding on, not into each other.

Cells and migrasomes are found by place in buckets, row by row: who is in a bucket, and in those
beside it, follows each other in memory.
"""

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.parameters import CellParameters
from sdf1_field.cells.workspace import HEADING_X, HEADING_Y, OCCUPANCY
from sdf1_field.compiled import kernel
from sdf1_field.grid import clamped_index
from sdf1_field.walls import reflected

Array = NDArray[np.float64]


@kernel()
def sort(
    place: Array,
    number: NDArray[np.int64],
    begins: NDArray[np.int64],
    order: NDArray[np.int64],
    inside: NDArray[np.int64],
    rows: int,
    columns: int,
    width: float,
    length: float,
    by_number: bool,
) -> None:
    """Order by bucket, row by row, and where each bucket begins in it; a counting sort."""
    count = number.size
    per_x, per_y = columns / width, rows / length
    for i in range(count):
        column = clamped_index(place[0, i] * per_x, columns)
        inside[i] = clamped_index(place[1, i] * per_y, rows) * columns + column
    begins[:] = 0
    for i in range(count):
        begins[inside[i] + 1] += 1
    total = 0
    for b in range(1, begins.size):
        total += begins[b]
        begins[b] = total - begins[b]
    # begins[b + 1] is where bucket b begins until it has been filled, and where it ends then.
    for i in range(count):
        order[begins[inside[i] + 1]] = i
        begins[inside[i] + 1] += 1
    if by_number:
        for k in range(1, count):
            one, at = order[k], k
            while at > begins[inside[one]] and number[order[at - 1]] > number[one]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = one


@kernel(inline=True)
def move(
    begin: int,
    size: int,
    place: Array,
    stuck: NDArray[np.bool_],
    work: Array,
    behaving: CellParameters,
    begins: NDArray[np.int64],
    rows: int,
    columns: int,
    width: float,
    length: float,
    step: float,
) -> None:
    """Move cells that crawl, one after another."""
    half_way = 0.5 * behaving.speed * step
    for n in range(size):
        i = begin + n
        hx, hy = work[HEADING_X, n], work[HEADING_Y, n]
        if not stuck[i]:
            x, y = place[0, i], place[1, i]
            way = half_way * (1.0 + behaving.chemokinesis_gain * work[OCCUPANCY, n])
            new_x, sign = reflected(x + way * (place[2, i] + hx), width)
            hx *= sign
            new_y, sign = reflected(y + way * (place[3, i] + hy), length)
            hy *= sign
            if behaving.crowding:
                new_x, new_y = _unblocked(
                    i, new_x, new_y, place, begins, rows, columns, 2.0 * behaving.radius,
                    width, length,
                )  # fmt: skip
            place[0, i], place[1, i] = new_x, new_y
        place[2, i], place[3, i] = hx, hy


@kernel()
def _unblocked(
    i: int,
    new_x: float,
    new_y: float,
    place: Array,
    begins: NDArray[np.int64],
    rows: int,
    columns: int,
    diameter: float,
    width: float,
    length: float,
) -> tuple[float, float]:
    """Where a cell ends that wants to go somewhere: it slides along others, or stays.

    A cell blocks only those that come nearer, so that cells which touch can part.
    """
    x, y = place[0, i], place[1, i]
    for attempt in range(2):
        blocker = _blocker(i, new_x, new_y, place, begins, rows, columns, diameter, width, length)
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
    begins: NDArray[np.int64],
    rows: int,
    columns: int,
    diameter: float,
    width: float,
    length: float,
) -> int:
    """First cell within a diameter of the new place that the move would bring nearer, or -1."""
    row = clamped_index(new_y * (rows / length), rows)
    column = clamped_index(new_x * (columns / width), columns)
    left, right = max(column - 1, 0), min(column + 1, columns - 1)
    for r in range(max(row - 1, 0), min(row + 2, rows)):
        # Buckets beside each other hold cells that follow each other.
        for j in range(begins[r * columns + left], begins[r * columns + right + 1]):
            square = (new_x - place[0, j]) ** 2 + (new_y - place[1, j]) ** 2
            if square < diameter * diameter and j != i:
                before = (place[0, i] - place[0, j]) ** 2 + (place[1, i] - place[1, j]) ** 2
                if square < before:
                    return j
    return -1
