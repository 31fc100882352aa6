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


class UptakeTargets(NamedTuple):
    """Migrasomes that can be swallowed, sorted by bucket, row by row.

    Parameters
    ----------
    x, y : ndarray, shape (targets,)
        Centres [um].
    reach : ndarray, shape (targets,)
        Distance at which a cell touches it [um].
    number : ndarray of int64, shape (targets,)
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


NO_TARGETS = UptakeTargets(
    np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(2, np.int64), 1, 1
)


def uptake_targets(
    scene: Scene, catchable: NDArray[np.int64], grid: Grid, cell_radius: float
) -> UptakeTargets:
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
    return UptakeTargets(x[order], y[order], reach[order], catchable[order], first, rows, columns)


@kernel()
def count_touching(
    xs: Array,
    ys: Array,
    targets: UptakeTargets,
    touching: Counts,
    step: int,
    width: float,
    length: float,
) -> None:
    """Add cells to the count of each migrasome that they touch in a step."""
    per_x, per_y = targets.columns / width, targets.rows / length
    for n in range(xs.size):
        column = clamped_index(xs[n] * per_x, targets.columns)
        row = clamped_index(ys[n] * per_y, targets.rows)
        left, right = max(column - 1, 0), min(column + 1, targets.columns - 1)
        for r in range(max(row - 1, 0), min(row + 2, targets.rows)):
            # Buckets beside each other hold migrasomes that follow each other.
            for k in range(
                targets.first[r * targets.columns + left],
                targets.first[r * targets.columns + right + 1],
            ):
                off_x, off_y = targets.x[k] - xs[n], targets.y[k] - ys[n]
                if off_x * off_x + off_y * off_y < targets.reach[k] * targets.reach[k]:
                    touching[k, step] += 1


@kernel()
def swallow(
    internalised: NDArray[np.bool_],
    touching: Counts,
    numbers: NDArray[np.int64],
    hazard: float,
    seed: int,
    first: int,
) -> None:
    """Mark what is swallowed; ``hazard`` is the rate of uptake by one cell times the step."""
    for k in range(numbers.size):
        for n in range(touching.shape[1]):
            if internalised[k]:
                break
            if touching[k, n] > 0:
                _, chance = draw(seed, _UPTAKE, numbers[k], first + n)
                internalised[k] = chance < -math.expm1(-hazard * touching[k, n])
