"""Parameters of the cell kernels, resolved from the model, the dish's factors and the medium."""

from typing import NamedTuple

from sdf1_field.pharmacology import apparent_dissociation_constant
from sdf1_field.spec import BOND_NAMES, ModelSpec
from sdf1_field.variation import DishFactors


class CellParameters(NamedTuple):
    """Parameters of one cell type in a dish, with the mechanisms that are off set to zero.

    Parameters
    ----------
    radius : float
        [um].
    speed : float
        Of a crawling cell at zero occupancy [um/s].
    persistence_time : float
        Of the heading of a cell without signal [s].
    receptors : float
        CXCR4 per cell, on the surface and inside [1]; 0 for cells that sense nothing.
    internalisation_rate, recycling_rate : float
        Of occupied receptors, and of receptors inside [1/s].
    integration_time : float
        Time over which the cell averages its signal [s].
    downstream_noise : float
        Standard deviation of the noise downstream of the receptors [receptors].
    dissociation_constant : float
        Apparent, with the antagonists in the medium [nM].
    dissociation_rate : float
        Of the ligand from the receptor [1/s].
    chemokinesis_gain : float
        Relative rise of the speed at full occupancy [1].
    adaptation_rate : float
        Rate at which signalling adapts to the occupied receptors; 0 without adaptation [1/s].
    trigger_noise : float
        1 if the receptors' noise adds to the signal that triggers arrest, else 0 [1].
    half_trigger : float
        Signal at which the trigger is half of its maximum [receptors].
    trigger_exponent : float
        Hill exponent of the trigger [1].
    basal_arrest_rate, triggered_arrest_rate : float
        Rates at which a touching cell is caught: without a trigger, and at its maximum on top
        [1/s].
    release_rate : float
        Rate at which a held cell is let go where no ligand is free [1/s].
    bonds : tuple of float
        By bond, in the order of `BONDS`: a ligand of density 1 divides the release rate by
        ``exp(bonds)`` [1].
    adheres : bool
        Whether cells can be caught; otherwise held cells stay held.
    migrasome_uptake_rate : float
        Rate of uptake of each migrasome by each cell that touches it [1/s].
    crowding : bool
        Whether cells exclude each other.
    """

    radius: float
    speed: float
    persistence_time: float
    receptors: float
    internalisation_rate: float
    recycling_rate: float
    integration_time: float
    downstream_noise: float
    dissociation_constant: float
    dissociation_rate: float
    chemokinesis_gain: float
    adaptation_rate: float
    trigger_noise: float
    half_trigger: float
    trigger_exponent: float
    basal_arrest_rate: float
    triggered_arrest_rate: float
    release_rate: float
    bonds: tuple[float, ...]
    adheres: bool
    migrasome_uptake_rate: float
    crowding: bool


def cell_parameters(spec: ModelSpec, factors: DishFactors, *, competition: float) -> CellParameters:
    """Parameters of the model's cells in a dish.

    Parameters
    ----------
    spec : ModelSpec
    factors : DishFactors
    competition : float
        Sum of ``a / K_i`` of the antagonists in the medium [1].
    """
    cell, receptor, on = spec.haematopoietic, spec.receptor.cxcr4, spec.mechanisms
    return CellParameters(
        radius=0.5 * cell.diameter,
        speed=cell.speed * factors.speed,
        persistence_time=cell.persistence_time,
        # Without a sensing mechanism the receptors are not evaluated.
        receptors=cell.receptors if spec.sensed_ligands else 0.0,
        internalisation_rate=cell.internalisation_rate,
        recycling_rate=cell.recycling_rate,
        integration_time=cell.integration_time,
        downstream_noise=cell.downstream_noise,
        dissociation_constant=apparent_dissociation_constant(
            receptor.dissociation_constant, competition=competition
        ),
        dissociation_rate=receptor.dissociation_rate,
        chemokinesis_gain=cell.chemokinesis_gain if on.chemokinesis else 0.0,
        adaptation_rate=1.0 / cell.adaptation_time if on.adaptation else 0.0,
        trigger_noise=1.0 if on.trigger_noise else 0.0,
        half_trigger=cell.half_trigger,
        trigger_exponent=cell.trigger_exponent,
        basal_arrest_rate=cell.basal_arrest_rate * factors.avidity,
        triggered_arrest_rate=cell.triggered_arrest_rate * factors.avidity if on.arrest else 0.0,
        release_rate=cell.release_rate,
        bonds=tuple(
            getattr(cell, f"{name}_bonds") if getattr(on, f"{name}_adhesion") else 0.0
            for name in BOND_NAMES
        ),
        adheres=spec.adheres,
        migrasome_uptake_rate=cell.migrasome_uptake_rate if on.migrasome_uptake else 0.0,
        crowding=on.crowding,
    )
