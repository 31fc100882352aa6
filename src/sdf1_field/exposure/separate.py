"""Dissolved and bound ligand kept apart, so that receptors can weigh them later.

What a cell senses is linear in both: ``c + alpha b``. Where ``alpha``, or what the cells follow, is
not known yet, their maps and profiles are kept apart and mixed when it is.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.exposure.maps import coefficients_of
from sdf1_field.exposure.sampling import Stimulus, SubgridField
from sdf1_field.exposure.sensing import Sensed, SensingSetup
from sdf1_field.spec import ModelSpec
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]


class Weights(NamedTuple):
    """How receptors weigh bound ligand, and what cells follow.

    Parameters
    ----------
    coat_share : float
        ``alpha``: share of bound ligand that receptors sense [1/um].
    soluble_steers, coat_steers : bool
        Whether cells follow the gradient of dissolved, and of bound ligand.
    """

    coat_share: float
    soluble_steers: bool
    coat_steers: bool

    @property
    def alike(self) -> bool:
        """Whether cells follow the gradient of all ligand that they sense."""
        return self.soluble_steers and self.coat_steers


def weights_of(spec: ModelSpec) -> Weights:
    """Weights of a model's cells."""
    on = spec.mechanisms
    return Weights(spec.receptor.cxcr4.coat_share, on.soluble_sensing, on.haptotaxis)


def separate_maps(setup: SensingSetup, sensed: Sensed) -> tuple[Array, Array]:
    """Spline coefficients of dissolved and of bound ligand [nM], shape (ny + 4, nx + 4) each.

    Bound ligand is as where receptors sense a share of 1/um of it.
    """
    response = setup.response
    patterned = setup.spec.ligand[setup.ligand].coat.uneven
    return (
        coefficients_of(response.factors, sensed.mean.concentration),
        coefficients_of(
            response.plain if patterned else response.factors,
            sensed.mean.bound / MOLECULES_PER_UM3_PER_NM,
        ),
    )


def mixed_maps(
    dissolved: Floats, attached: Floats, weights: Weights, subgrid: SubgridField
) -> Stimulus:
    """Stimulus from the maps of `separate_maps`; as `stimulus_of`, to within round-off.

    Parameters
    ----------
    dissolved, attached : ndarray, shape (ny + 4, nx + 4)
    weights : Weights
    subgrid : SubgridField
        Mixed with the same weights.
    """
    haptic: Array = np.multiply(attached, weights.coat_share, dtype=np.float64)
    visible: Array = haptic + dissolved
    if weights.alike:
        return Stimulus(visible, visible, True, subgrid)
    steering = np.zeros_like(visible)
    if weights.soluble_steers:
        steering = dissolved.astype(np.float64)
    if weights.coat_steers:
        steering = haptic
    return Stimulus(visible, steering, False, subgrid)


def mixed_profiles(dissolved: Floats, attached: Floats, weights: Weights) -> Array:
    """Profiles of a `SubgridField` from those of `source_profiles`.

    Parameters
    ----------
    dissolved, attached : ndarray, shape (source, node, 2)
    weights : Weights

    Returns
    -------
    ndarray, shape (source, node, 2), or (source, node, 4) where they are not alike
    """
    haptic = np.multiply(attached, weights.coat_share, dtype=np.float64)
    visible: Array = haptic + dissolved
    if weights.alike:
        return visible
    steering = np.zeros_like(visible)
    if weights.soluble_steers:
        steering += dissolved
    if weights.coat_steers:
        steering += haptic
    return np.concatenate([visible, steering], axis=2)
