"""What a cell reads of the floor: the signal it turns up, and how many receptors are occupied."""

import math

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.parameters import CellParameters
from sdf1_field.cells.turning import COMPLETE, decayed
from sdf1_field.cells.workspace import DECAY, OCCUPANCY, OCCUPIED, SIGNAL_X, SIGNAL_Y
from sdf1_field.compiled import kernel
from sdf1_field.exposure.sampling import (
    STEERING_X,
    STEERING_Y,
    VISIBLE,
    VISIBLE_X,
    VISIBLE_Y,
    Stimulus,
    sample,
)
from sdf1_field.pharmacology import (
    binding_noise,
    independent_samples,
    occupancy_difference,
    occupied_fraction,
    surface_receptors,
)

Array = NDArray[np.float64]

_HALF_DISC = 4.0 / (3.0 * math.pi)
"""Distance of a half-disc's centroid from the centre, in radii."""


@kernel()
def signal_to_noise(
    seen: Stimulus, behaving: CellParameters, x: float, y: float, dx: float, dy: float
) -> tuple[float, float, float, float]:
    """Signal-to-noise ratio in x and y, occupancy, and surface receptors of a cell at a place."""
    visible, visible_x, visible_y, steering_x, steering_y = sample(seen, x, y, dx, dy)
    strength, ex, ey, occupancy, surface = _signal(
        behaving, visible, visible_x, visible_y, steering_x, steering_y
    )
    return strength * ex, strength * ey, occupancy, surface


@kernel(inline=True)
def _signal(
    behaving: CellParameters,
    visible: float,
    visible_x: float,
    visible_y: float,
    steering_x: float,
    steering_y: float,
) -> tuple[float, float, float, float, float]:
    """Signal-to-noise ratio, its direction, occupancy, and surface receptors.

    The two halves of the cell before and behind its centre, along the gradient that steers, are
    read at their centroids, 4 R / (3 pi) from the centre, where a linear field has its mean over
    the half-disc. Only the steering part of the difference counts, against all that is bound.
    Concentrations below zero, from round-off and discretisation, are clipped here and nowhere else.
    """
    constant, half = behaving.dissociation_constant, _HALF_DISC * behaving.radius
    steep = math.sqrt(steering_x * steering_x + steering_y * steering_y)
    per_steep = 1.0 / steep if steep > 0.0 else 0.0
    ex, ey = (steering_x * per_steep if steep > 0.0 else 1.0), steering_y * per_steep
    here = visible if visible > 0.0 else 0.0
    arm = half * abs(visible_x * ex + visible_y * ey)
    # Where the rear reads 0, what it would read below that is no part of the difference.
    seen_share = 0.5 * (here + arm) / arm if arm > here else 1.0
    difference = occupancy_difference(
        2.0 * half * steep * seen_share, here + arm, here - arm if arm < here else 0.0, constant
    )
    occupancy = occupied_fraction(here, constant)
    surface = surface_receptors(behaving.receptors, occupancy, behaving.internalisation_ratio)
    samples = independent_samples(behaving.integration_time, behaving.dissociation_rate, occupancy)
    noise = binding_noise(surface, occupancy, samples, behaving.downstream_noise)
    return 0.5 * surface / noise * difference, ex, ey, occupancy, surface


@kernel(inline=True)
def sense(behaving: CellParameters, turns: float, work: Array, size: int) -> None:
    """Direction of the signal, how far half a step turns, and occupied receptors."""
    per_receptor = 1.0 / behaving.receptors
    for n in range(size):
        strength, ex, ey, occupancy, surface = _signal(
            behaving, work[VISIBLE, n], work[VISIBLE_X, n], work[VISIBLE_Y, n],
            work[STEERING_X, n], work[STEERING_Y, n],
        )  # fmt: skip
        work[SIGNAL_X, n], work[SIGNAL_Y, n] = ex, ey
        work[DECAY, n] = decayed(min(strength * turns, COMPLETE))
        work[OCCUPANCY, n] = occupancy
        work[OCCUPIED, n] = occupancy * surface * per_receptor
