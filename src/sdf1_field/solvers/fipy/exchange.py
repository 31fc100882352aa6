"""The floor's Robin condition: concentration at z = 0, fluxes there, and their slopes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import RunError
from sdf1_field.solvers.fipy.volumes import Volumes
from sdf1_field.transport import Uptake

Array = NDArray[np.float64]

_NEWTON_LIMIT = 100
_NEWTON_TOLERANCE = 1e-10
"""Relative correction after which the error, which goes with its square, is round-off."""


@dataclass(frozen=True, eq=False)
class Exchange:
    """Fluxes from the lowest layer to the floor; arrays of shape (ny, nx).

    Parameters
    ----------
    face : ndarray
        Concentration at z = 0 [nM].
    attached : ndarray
        Bound to the coat [nM um].
    onto_coat, into_cells : ndarray
        ``j`` and ``u`` [nM um/s].
    coat_by_layer, cells_by_layer : ndarray
        Their slopes in the layer's concentration [um/s].
    coat_by_attached, cells_by_attached : ndarray
        Their slopes in the amount bound [1/s].
    """

    face: Array
    attached: Array
    onto_coat: Array
    into_cells: Array
    coat_by_layer: Array
    cells_by_layer: Array
    coat_by_attached: Array
    cells_by_attached: Array


def floor_exchange(
    volumes: Volumes,
    uptake: Uptake | None,
    layer: Array,
    source: Array,
    before: Array,
    duration: float,
) -> Exchange:
    """Exchange at the end of an implicit step with a given lowest layer.

    Newton's method at each place for the concentration ``f`` at z = 0,

        f + r (j + u) = c + r s,

    where the coat, from ``b`` before, has taken its own backward Euler step to
    ``b' = b + t (j - k_b b')``. The left side is increasing and concave, so that iterates that
    start below the root stay below; it continues along its tangent where ``f`` is negative.

    Parameters
    ----------
    layer, source, before : ndarray, shape (ny, nx)
        ``c`` [nM], ``s`` [nM um/s] and ``b`` [nM um].
    duration : float
        ``t`` [s].

    Raises
    ------
    RunError
        If the iteration does not converge.
    """
    resistance, inside = volumes.floor_resistance, volumes.grid.inside
    nothing = np.zeros_like(layer)
    catching, leaving, kept, sites = 0.0, 0.0, 1.0, nothing
    if volumes.coat is not None:
        catching, leaving = volumes.coat.association_rate, volumes.coat.dissociation_rate
        kept, sites = 1.0 / duration + volumes.coat.loss_rate, volumes.sites
    room, release = catching * (sites * kept - before / duration), leaving * before / duration
    within = None if uptake is None else Uptake(uptake.capacity * inside, uptake.half_saturation)

    def rates(at_face: Array) -> tuple[Array, Array, Array, Array]:
        """Fluxes onto the coat and into cells, and their slopes."""
        positive = np.maximum(at_face, 0.0)
        holding = kept + leaving + catching * positive
        coat = (room * positive - release) / holding
        coat_slope = (room - catching * coat) / holding
        coat = coat + coat_slope * (at_face - positive)
        cells, cells_slope = (nothing, nothing) if within is None else within.flux(at_face)
        return coat, cells, coat_slope, cells_slope

    supply = layer + resistance * source
    at_face = nothing
    for _ in range(_NEWTON_LIMIT):
        onto, into, onto_slope, into_slope = rates(at_face)
        move = (supply - at_face - resistance * (onto + into)) / (
            1.0 + resistance * (onto_slope + into_slope)
        )
        at_face = at_face + move
        if (np.abs(move) <= _NEWTON_TOLERANCE * (np.abs(at_face) + np.abs(layer))).all():
            break
    else:
        raise RunError(
            "no concentration at the floor fits that of the lowest layer. Check the secretion "
            "rates, coat and uptake."
        )
    onto, into, _, into_slope = rates(at_face)
    attached = (before + duration * onto) / (duration * kept) if volumes.coat else nothing
    # f follows layer and coat: (1 + r k_on (B - b) + r u') df = dc + r (k_on f + k_off) db.
    swapped = catching * np.maximum(at_face, 0.0) + leaving
    free = catching * (sites * (kept + leaving) - before / duration) / (kept + swapped)
    follows = 1.0 / (1.0 + resistance * (free + into_slope))
    by_attached = resistance * swapped * follows
    return Exchange(
        face=at_face,
        attached=attached,
        onto_coat=onto,
        into_cells=into,
        coat_by_layer=free * follows,
        cells_by_layer=into_slope * follows,
        coat_by_attached=free * by_attached - swapped,
        cells_by_attached=into_slope * by_attached,
    )
