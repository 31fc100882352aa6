"""Gradient sensing: signal-to-noise ratio, its direction, receptor occupancy."""

import math

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.parameters import CellParameters
from sdf1_field.cells.turning import COMPLETE, decayed
from sdf1_field.cells.workspace import DECAY, OCCUPANCY, SIGMA, SIGNAL_X, SIGNAL_Y, SURFACE
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
    seen: Stimulus, parameters: CellParameters, x: float, y: float, dx: float, dy: float
) -> tuple[float, float, float, float]:
    """Signal-to-noise ratio of a cell at a place, with its receptors in steady state.

    Parameters
    ----------
    seen : Stimulus
    parameters : CellParameters
    x, y : float
        Centre of the cell, within the walls [um].
    dx, dy : float
        The grid's spacing [um].

    Returns
    -------
    ratio_x, ratio_y : float
        Signal-to-noise ratio along each axis [1].
    occupancy : float
        Of CXCR4 at the centre [1].
    surface : float
        Receptors on the surface [1].
    """
    visible, visible_x, visible_y, steering_x, steering_y = sample(seen, x, y, dx, dy)
    here = visible if visible > 0.0 else 0.0
    surface = surface_receptors(
        parameters.receptors,
        occupied_fraction(here, parameters.dissociation_constant),
        parameters.internalisation_rate / parameters.recycling_rate,
    )
    strength, ex, ey, occupancy, _ = _signal(
        parameters, surface, visible, visible_x, visible_y, steering_x, steering_y
    )
    return strength * ex, strength * ey, occupancy, surface


@kernel(inline=True)
def _signal(
    parameters: CellParameters,
    surface: float,
    visible: float,
    visible_x: float,
    visible_y: float,
    steering_x: float,
    steering_y: float,
) -> tuple[float, float, float, float, float]:
    """Signal-to-noise ratio [1], its direction, occupancy [1], and the noise [receptors].

    ``surface`` is in receptors, ``visible`` in nM, gradients are in nM/um.

    The signal is the difference in occupied receptors between the front and rear halves of the
    cell along the steering gradient. Each half is evaluated at its centroid, 4 R / (3 pi) from the
    centre, where a linear field has its mean over the half-disc. The signal counts only the
    steering part of the difference, the binding noise all visible ligand. Concentrations below
    zero, from round-off and discretisation, are clipped here and nowhere else.
    """
    constant, half = parameters.dissociation_constant, _HALF_DISC * parameters.radius
    steep = math.sqrt(steering_x * steering_x + steering_y * steering_y)
    per_steep = 1.0 / steep if steep > 0.0 else 0.0
    ex, ey = (steering_x * per_steep if steep > 0.0 else 1.0), steering_y * per_steep
    here = visible if visible > 0.0 else 0.0
    arm = half * abs(visible_x * ex + visible_y * ey)
    # The rear's concentration is clipped at 0; the difference is reduced in proportion.
    seen_share = 0.5 * (here + arm) / arm if arm > here else 1.0
    difference = occupancy_difference(
        2.0 * half * steep * seen_share, here + arm, here - arm if arm < here else 0.0, constant
    )
    occupancy = occupied_fraction(here, constant)
    samples = independent_samples(
        parameters.integration_time, parameters.dissociation_rate, occupancy
    )
    noise = binding_noise(surface, occupancy, samples, parameters.downstream_noise)
    return 0.5 * surface / noise * difference, ex, ey, occupancy, noise


@kernel(inline=True)
def sense(parameters: CellParameters, turns: float, state: Array, work: Array) -> None:
    """Fill in the rows of the signal's direction, decay, occupancy and noise.

    ``turns`` is half a step over the persistence time [1]; ``state``, shape (STATES, cells of a
    block), and ``work``, shape (ROWS, at least as many), see `workspace`.
    """
    for n in range(state.shape[1]):
        strength, ex, ey, occupancy, noise = _signal(
            parameters, state[SURFACE, n], work[VISIBLE, n], work[VISIBLE_X, n],
            work[VISIBLE_Y, n], work[STEERING_X, n], work[STEERING_Y, n],
        )  # fmt: skip
        work[SIGNAL_X, n], work[SIGNAL_Y, n] = ex, ey
        work[DECAY, n] = decayed(min(strength * turns, COMPLETE))
        work[OCCUPANCY, n] = occupancy
        work[SIGMA, n] = noise
