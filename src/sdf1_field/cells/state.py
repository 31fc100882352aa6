"""Haematopoietic cells at one time, and how they settle."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.errors import InputError
from sdf1_field.grid import MOST_BUCKETS, clamped, clamped_index
from sdf1_field.random import Stream, generator
from sdf1_field.spec import ModelSpec

Array = NDArray[np.float64]

_TRIES = 10_000


@dataclass(frozen=True, eq=False)
class Cells:
    """Haematopoietic cells at one time; arrays of shape (cell,).

    Parameters
    ----------
    x, y : ndarray
        Centres [um].
    heading_x, heading_y : ndarray
        Unit vectors.
    held : ndarray of bool
        Whether the cell is held by what it touches.
    steps : int
        Time steps taken so far; the counter of the cells' random numbers.
    """

    x: Array
    y: Array
    heading_x: Array
    heading_y: Array
    held: NDArray[np.bool_]
    steps: int


def seed_cells(spec: ModelSpec, seed: int) -> Cells:
    """Cells settled at random, anywhere on the floor; with crowding on they do not overlap.

    Raises
    ------
    InputError
        If they do not fit.
    """
    rng = generator(seed, Stream.PLACEMENT)
    count, dish = spec.cell_count, spec.dish
    diameter = spec.haematopoietic.diameter
    x, y = rng.random(count) * dish.width, rng.random(count) * dish.length
    if spec.mechanisms.crowding and not _settle(x, y, dish.width, dish.length, diameter, rng):
        raise InputError(
            f"cells.density: {count} cells of {diameter:g} um do not fit into the view. "
            "Lower cells.density or switch mechanisms.crowding off."
        )
    angle = rng.random(count) * 2.0 * math.pi
    return Cells(x, y, np.cos(angle), np.sin(angle), np.zeros(count, dtype=np.bool_), 0)


@kernel()
def _settle(
    x: Array, y: Array, width: float, length: float, diameter: float, rng: np.random.Generator
) -> bool:
    """Draw anew, one after another, each cell that overlaps an earlier one; whether all fit."""
    bucket = max(diameter, math.sqrt(width * length / max(x.size, 1)))
    columns = clamped(width / bucket, 1, MOST_BUCKETS)
    rows = clamped(length / bucket, 1, MOST_BUCKETS)
    latest = np.full((rows, columns), -1, np.int64)
    earlier = np.empty(x.size, np.int64)
    for n in range(x.size):
        for _ in range(_TRIES):
            row = clamped_index(y[n] / length * rows, rows)
            column = clamped_index(x[n] / width * columns, columns)
            free = True
            for r in range(max(row - 1, 0), min(row + 2, rows)):
                for c in range(max(column - 1, 0), min(column + 2, columns)):
                    other = latest[r, c]
                    while other >= 0 and free:
                        square = (x[other] - x[n]) ** 2 + (y[other] - y[n]) ** 2
                        free = square >= diameter * diameter
                        other = earlier[other]
            if free:
                break
            x[n], y[n] = rng.random() * width, rng.random() * length
        else:
            return False
        earlier[n] = latest[row, column]
        latest[row, column] = n
    return True
