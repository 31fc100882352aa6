"""Uptake by the cells: of migrasomes that they touch, and of ligand from the medium under them."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.state import Cells
from sdf1_field.compiled import kernel
from sdf1_field.grid import Grid
from sdf1_field.neighbours import (
    MOST_BUCKETS,
    Buckets,
    adjacent,
    adjacent_run,
    bucket_of,
    make_buckets,
    sorted_places,
)
from sdf1_field.pharmacology import apparent_dissociation_constant, uptake_kinetics
from sdf1_field.random import Stream
from sdf1_field.random.kernels import draw
from sdf1_field.scene import Scene
from sdf1_field.spec import ModelSpec
from sdf1_field.transport import Uptake

Array = NDArray[np.float64]
Counts = NDArray[np.int32]
Flags = NDArray[np.bool_]

_UPTAKE = int(Stream.UPTAKE)


class UptakeTargets(NamedTuple):
    """Migrasomes that can be taken up, sorted by bucket, row by row.

    Parameters
    ----------
    x, y : ndarray, shape (targets,)
        Centres [um].
    reach : ndarray, shape (targets,)
        Distance below which a cell touches it [um].
    number : ndarray of int64, shape (targets,)
        Number in the scene.
    buckets : Buckets
        None is narrower than the longest reach.
    begins : ndarray of int64, shape (rows * columns + 1,)
        Position of each bucket's first migrasome.
    """

    x: Array
    y: Array
    reach: Array
    number: NDArray[np.int64]
    buckets: Buckets
    begins: NDArray[np.int64]


NO_TARGETS = UptakeTargets(
    np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, np.int64),
    Buckets(0.0, 0.0, 1.0, 1.0, 1, 1), np.zeros(2, np.int64),
)  # fmt: skip


def ligand_uptake(
    spec: ModelSpec, cells: Cells, grid: Grid, *, competition: float
) -> Uptake | None:
    """Michaelis-Menten uptake of the ligand of CXCR4 by cells where they are.

    Each cell's share is spread over the floor as a Gaussian with the mean square distance of the
    disc under the cell.

    Parameters
    ----------
    spec : ModelSpec
    cells : Cells
    grid : Grid
    competition : float
        Sum of ``a / K_i`` of the antagonists in the medium [1].

    Returns
    -------
    Uptake or None
        None if ``mechanisms.uptake`` is off.
    """
    if not spec.mechanisms.uptake:
        return None
    cell = spec.haematopoietic
    rate, half_saturation = uptake_kinetics(
        cell.receptors,
        internalisation_rate=cell.internalisation_rate,
        recycling_rate=cell.recycling_rate,
        dissociation_constant=apparent_dissociation_constant(
            spec.receptor.cxcr4.dissociation_constant, competition=competition
        ),
    )
    width = 0.25 * cell.diameter
    taken = grid.spread(cells.x, cells.y, np.full(len(cells.x), rate), width)
    return Uptake(taken / (grid.dx * grid.dy), half_saturation)


def uptake_targets(scene: Scene, grid: Grid, cell_radius: float) -> UptakeTargets:
    """Targets of uptake: a scene's present migrasomes, which cells of a radius [um] may touch."""
    m = scene.migrasomes
    available = np.flatnonzero(m.present).astype(np.int64)
    if len(available) == 0:
        return NO_TARGETS
    x, y, reach = m.x[available], m.y[available], m.radius[available] + cell_radius
    narrowest = max(float(reach.max()), math.sqrt(grid.area / len(x)))
    buckets = make_buckets(0.0, 0.0, grid.width, grid.length, narrowest, MOST_BUCKETS)
    order, begins = sorted_places(buckets, x, y)
    return UptakeTargets(x[order], y[order], reach[order], available[order], buckets, begins)


@kernel()
def count_touching(
    xs: Array,
    ys: Array,
    targets: UptakeTargets,
    touching: Counts,
    step: int,
) -> None:
    """Count the cells that touch each target.

    Parameters
    ----------
    xs, ys : ndarray, shape (cell,)
        Centres [um].
    targets : UptakeTargets
    touching : ndarray of int32, shape (targets, steps)
        The numbers are added to the column of the step.
    step : int
    """
    for n in range(xs.size):
        row, column = bucket_of(targets.buckets, xs[n], ys[n])
        for r in adjacent(row, targets.buckets.rows):
            begin, end = adjacent_run(targets.begins, targets.buckets.columns, r, column)
            for k in range(begin, end):
                off_x, off_y = targets.x[k] - xs[n], targets.y[k] - ys[n]
                if off_x * off_x + off_y * off_y < targets.reach[k] * targets.reach[k]:
                    touching[k, step] += 1


def touching_cells(cells: Cells, scene: Scene, grid: Grid, cell_radius: float) -> Flags:
    """Whether each cell's disc overlaps that of a present migrasome, shape (cell,)."""
    touching = np.zeros(len(cells.x), dtype=np.bool_)
    _mark_touching(cells.x, cells.y, uptake_targets(scene, grid, cell_radius), touching)
    return touching


@kernel()
def _mark_touching(xs: Array, ys: Array, targets: UptakeTargets, touching: Flags) -> None:
    """Mark the cells that touch a target, shape (cell,)."""
    for n in range(xs.size):
        row, column = bucket_of(targets.buckets, xs[n], ys[n])
        for r in adjacent(row, targets.buckets.rows):
            begin, end = adjacent_run(targets.begins, targets.buckets.columns, r, column)
            for k in range(begin, end):
                off_x, off_y = targets.x[k] - xs[n], targets.y[k] - ys[n]
                if off_x * off_x + off_y * off_y < targets.reach[k] * targets.reach[k]:
                    touching[n] = True


@kernel()
def take_up(
    internalised: Flags,
    touching: Counts,
    numbers: NDArray[np.int64],
    hazard: float,
    seed: int,
    first: int,
) -> None:
    """Mark the migrasomes that are taken up in some steps.

    Parameters
    ----------
    internalised : ndarray of bool, shape (targets,)
        Changed.
    touching : ndarray, shape (targets, steps)
        Cells that touch each migrasome at the end of each step.
    numbers : ndarray, shape (targets,)
        Entities of the random numbers.
    hazard : float
        Rate of uptake by one cell times the step [1].
    seed, first : int
        Of the random numbers: the dish's seed and the first step.
    """
    for k in range(numbers.size):
        for n in range(touching.shape[1]):
            if internalised[k]:
                break
            if touching[k, n] > 0:
                _, chance = draw(seed, _UPTAKE, numbers[k], first + n)
                internalised[k] = chance < -math.expm1(-hazard * touching[k, n])
