"""Migrasomes that cells touch and may swallow, each at a rate by each cell."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.moving import sort
from sdf1_field.compiled import kernel
from sdf1_field.grid import Grid, clamped_index
from sdf1_field.random import Stream, draw
from sdf1_field.scene import Scene

Array = NDArray[np.float64]
Counts = NDArray[np.int32]

_UPTAKE = int(Stream.UPTAKE)


class Prey(NamedTuple):
    """Migrasomes that can be swallowed, sorted by bucket, row by row.

    Parameters
    ----------
    x, y : ndarray, shape (prey,)
        Centres [um].
    reach : ndarray, shape (prey,)
        Distance at which a cell touches it [um].
    number : ndarray of int64, shape (prey,)
        In the scene.
    first : ndarray of int64, shape (rows * columns + 1,)
        Where each bucket begins; none is narrower than the longest reach.
    rows, columns : int
    """

    x: Array
    y: Array
    reach: Array
    number: NDArray[np.int64]
    first: NDArray[np.int64]
    rows: int
    columns: int


NO_PREY = Prey(
    np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(2, np.int64), 1, 1
)


def prey_of(scene: Scene, catchable: NDArray[np.int64], grid: Grid, cell_radius: float) -> Prey:
    """Some of a scene's migrasomes in buckets; about as many buckets as migrasomes at most."""
    m = scene.migrasomes
    x, y, reach = m.x[catchable], m.y[catchable], m.radius[catchable] + cell_radius
    bucket = max(float(reach.max()), math.sqrt(grid.area / len(x)))
    columns, rows = max(1, int(grid.width / bucket)), max(1, int(grid.length / bucket))
    first = np.empty(rows * columns + 1, np.int64)
    number, order, inside = np.arange(len(x)), np.empty(len(x), np.int64), np.empty_like(catchable)
    sort(
        np.array([x, y]), number, first, order, inside, rows, columns, grid.width, grid.length,
        False,
    )  # fmt: skip
    return Prey(x[order], y[order], reach[order], catchable[order], first, rows, columns)


@kernel()
def count_touching(
    xs: Array, ys: Array, prey: Prey, touching: Counts, step: int, width: float, length: float
) -> None:
    """Add cells to the count of each migrasome that they touch in a step."""
    per_x, per_y = prey.columns / width, prey.rows / length
    for n in range(xs.size):
        column = clamped_index(xs[n] * per_x, prey.columns)
        row = clamped_index(ys[n] * per_y, prey.rows)
        left, right = max(column - 1, 0), min(column + 1, prey.columns - 1)
        for r in range(max(row - 1, 0), min(row + 2, prey.rows)):
            # Buckets beside each other hold migrasomes that follow each other.
            for k in range(
                prey.first[r * prey.columns + left], prey.first[r * prey.columns + right + 1]
            ):
                off_x, off_y = prey.x[k] - xs[n], prey.y[k] - ys[n]
                if off_x * off_x + off_y * off_y < prey.reach[k] * prey.reach[k]:
                    touching[k, step] += 1


@kernel()
def swallow(
    eaten: NDArray[np.bool_],
    touching: Counts,
    numbers: NDArray[np.int64],
    hazard: float,
    seed: int,
    first: int,
) -> None:
    """Mark what is swallowed; ``hazard`` is the rate of uptake by one cell times the step."""
    for k in range(numbers.size):
        for n in range(touching.shape[1]):
            if eaten[k]:
                break
            if touching[k, n] > 0:
                _, chance = draw(seed, _UPTAKE, numbers[k], first + n)
                eaten[k] = chance < -math.expm1(-hazard * touching[k, n])
