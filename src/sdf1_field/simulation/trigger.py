"""Signal that triggers arrest on bodies, against the noise of the receptors."""

import warnings

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells import cell_parameters
from sdf1_field.errors import Sdf1FieldWarning
from sdf1_field.exposure import Stimulus
from sdf1_field.pharmacology import (
    binding_noise,
    independent_samples,
    occupied_fraction,
    surface_receptors,
)
from sdf1_field.scene import Region
from sdf1_field.simulation.scene_fields import SceneFields
from sdf1_field.spec import ModelSpec

Array = NDArray[np.float64]


def body_signal(here: SceneFields, seen: Stimulus) -> tuple[float, float]:
    """Occupied receptors over bodies less those over free surface, and the noise there.

    Means over the regions, of cells with receptors in steady state and without antagonist;
    migrasomes' sub-grid fields are left out.

    Parameters
    ----------
    here : SceneFields
    seen : Stimulus

    Returns
    -------
    signal, noise : float
        [receptors]; NaN where the view lacks one of the regions.
    """
    cell = cell_parameters(here.prepared.spec, here.prepared.factors, competition=0.0)
    visible = np.maximum(_at_centres(seen.visible), 0.0)
    occupancy = occupied_fraction(visible, cell.dissociation_constant)
    surface = surface_receptors(
        cell.receptors, occupancy, cell.internalisation_rate / cell.recycling_rate
    )
    over = [here.floor.regions == region for region in (Region.MSC, Region.FREE_SURFACE)]
    if not all(region.any() for region in over):
        return np.nan, np.nan
    body, free = (float((occupancy * surface)[region].mean()) for region in over)
    share = float(occupancy[over[1]].mean())
    samples = independent_samples(cell.integration_time, cell.dissociation_rate, share)
    noise = binding_noise(free / share if share > 0 else 0.0, share, samples, cell.downstream_noise)
    return body - free, noise


def _at_centres(coefficients: Array) -> Array:
    """Values at cell centres, shape (ny, nx), of a cubic B-spline with padded coefficients."""
    inner = coefficients[1:-1, 1:-1]
    along = (inner[:-2] + 4.0 * inner[1:-1] + inner[2:]) / 6.0
    values: Array = (along[:, :-2] + 4.0 * along[:, 1:-1] + along[:, 2:]) / 6.0
    return values


def triggers_untreated(spec: ModelSpec) -> bool:
    """Whether the stroma's own SDF-1 is to trigger arrest, against noise, in a model's cells."""
    treated = any(spec.agent[spec.agent_of(name)].action.on_cells for name in spec.treatments)
    return spec.triggers and spec.mechanisms.trigger_noise and not treated


def warn_of_noise(spec: ModelSpec, signal: float, noise: float) -> None:
    """Warn if the signal [receptors] was never above the noise in a run."""
    if signal < noise:
        cell = f"cell_type.{spec.cells.type}"
        warnings.warn(
            f"SDF-1 triggers arrest hardly more on MSC than on free surface: {signal:.2g} more "
            f"receptors are occupied there at most, and their noise is {noise:.2g}. Raise "
            f"receptor.cxcr4.coat_share or {cell}.receptors, or lower {cell}.downstream_noise.",
            Sdf1FieldWarning,
            stacklevel=2,
        )
