"""State of the haematopoietic cells, and its initial value."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.errors import InputError
from sdf1_field.neighbours import (
    MOST_BUCKETS,
    NONE,
    add_place,
    adjacent,
    bucket_of,
    empty_lists,
    make_buckets,
)
from sdf1_field.pharmacology import (
    adaptation_after,
    apparent_dissociation_constant,
    occupied_fraction,
    relaxation_rate,
    surface_after,
)
from sdf1_field.random import Stream
from sdf1_field.random.kernels import draws, uniform
from sdf1_field.spec import ModelSpec
from sdf1_field.treatments import preincubations

Array = NDArray[np.float64]

_TRIES = 10_000
_PLACEMENT = int(Stream.PLACEMENT)
_HEADING, _WHERE = 0, 1
"""Steps, in a cell's counters, of its heading and of its first try to settle; two for each try."""


class CellArrays(NamedTuple):
    """Arrays of `Cells`, shape (cell,), in the form that kernels take and change."""

    x: Array
    y: Array
    heading_x: Array
    heading_y: Array
    surface: Array
    adapted: Array
    noise: Array
    held: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cells:
    """Haematopoietic cells at one time; arrays of shape (cell,).

    Parameters
    ----------
    x, y : ndarray
        Centres [um].
    heading_x, heading_y : ndarray
        Unit vectors.
    surface : ndarray
        CXCR4 on the surface [receptors].
    adapted : ndarray
        Occupied receptors to which signalling has adapted [receptors].
    noise : ndarray
        Of the trigger of arrest, over its standard deviation [1].
    held : ndarray of bool
        Whether the cell is held by a structure it touches.
    steps : int
        Time steps taken so far: the step in the counters of the cells' random numbers.
    """

    x: Array
    y: Array
    heading_x: Array
    heading_y: Array
    surface: Array
    adapted: Array
    noise: Array
    held: NDArray[np.bool_]
    steps: int

    def copied(self) -> CellArrays:
        """Copies of the arrays, for a kernel to change."""
        return CellArrays(
            self.x.copy(),
            self.y.copy(),
            self.heading_x.copy(),
            self.heading_y.copy(),
            self.surface.copy(),
            self.adapted.copy(),
            self.noise.copy(),
            self.held.copy(),
        )


def seed_cells(spec: ModelSpec, seed: int) -> Cells:
    """Cells settled uniformly over the floor; with crowding they do not overlap.

    Their receptors are those of cells kept without ligand, but for treatments with a
    preincubation.

    Raises
    ------
    InputError
        If they do not fit.
    """
    count, dish = spec.cell_count, spec.dish
    diameter = spec.haematopoietic.diameter
    x, y = np.empty(count), np.empty(count)
    apart = diameter if spec.mechanisms.crowding else 0.0
    if not _settle(x, y, dish.width, dish.length, apart, seed):
        raise InputError(
            f"cells.density: {count} cells of {diameter:g} um do not fit into the view. "
            "Lower cells.density or switch mechanisms.crowding off."
        )
    noise, heading = draws(seed, Stream.PLACEMENT, np.arange(count), _HEADING)
    angle = 2.0 * math.pi * heading
    surface, adapted = _on_arrival(spec)
    return Cells(
        x, y, np.cos(angle), np.sin(angle), np.full(count, surface), np.full(count, adapted),
        noise, np.zeros(count, dtype=np.bool_), 0,
    )  # fmt: skip


def _on_arrival(spec: ModelSpec) -> tuple[float, float]:
    """Surface receptors and adapted level [receptors] after the preincubation of the cells."""
    cell, receptor = spec.haematopoietic, spec.receptor.cxcr4
    adaptation_rate = 1.0 / cell.adaptation_time if spec.mechanisms.adaptation else 0.0
    surface, adapted = cell.receptors, 0.0
    for duration, concentration, competition in preincubations(spec, receptor.ligand):
        occupancy = occupied_fraction(
            concentration,
            apparent_dissociation_constant(receptor.dissociation_constant, competition=competition),
        )
        rate = relaxation_rate(cell.recycling_rate, cell.internalisation_rate, occupancy)
        fast, slow = math.exp(-rate * duration), math.exp(-adaptation_rate * duration)
        adapted = adaptation_after(
            adapted, surface, occupancy, cell.receptors, cell.recycling_rate, rate,
            adaptation_rate, duration, fast, slow,
        )  # fmt: skip
        surface = surface_after(surface, cell.receptors, cell.recycling_rate, rate, fast)
    return surface, adapted


@kernel()
def _settle(x: Array, y: Array, width: float, length: float, diameter: float, seed: int) -> bool:
    """Place cells [um] in the order of their numbers without overlap; return whether all fit."""
    bucket = max(diameter, math.sqrt(width * length / max(x.size, 1)))
    buckets = make_buckets(0.0, 0.0, width, length, bucket, MOST_BUCKETS)
    lists = empty_lists(buckets, x.size)
    for n in range(x.size):
        for k in range(_TRIES):
            x[n] = uniform(seed, _PLACEMENT, n, _WHERE + 2 * k) * width
            y[n] = uniform(seed, _PLACEMENT, n, _WHERE + 2 * k + 1) * length
            free = True
            row, column = bucket_of(buckets, x[n], y[n])
            for r in adjacent(row, buckets.rows):
                for c in adjacent(column, buckets.columns):
                    other = lists.latest[r, c]
                    while other != NONE and free:
                        square = (x[other] - x[n]) ** 2 + (y[other] - y[n]) ** 2
                        free = square >= diameter * diameter
                        other = lists.earlier[other]
            if free:
                break
        else:
            return False
        add_place(lists, n, x[n], y[n])
    return True
