"""Parameters of the cell kernels, resolved from the model, the dish's factors and the medium."""

from typing import NamedTuple

from sdf1_field.pharmacology import apparent_dissociation_constant
from sdf1_field.spec import ModelSpec
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
    internalisation_ratio : float
        Rate of internalisation of occupied receptors over that of recycling, ``k_e / k_rec`` [1].
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
    cd166_catch_rate : float
        Rate of being caught by the CD166 of an untreated MSC body [1/s].
    vla4_catch_rate : float
        The same by VCAM-1 of density 1 [1/s].
    cxcr4_catch_rate : float
        The same by integrin ligand of density 1, all receptors being occupied [1/s].
    fibre_catch_rate : float
        The same by a retraction fibre [1/s].
    release_rate : float
        Rate at which a held cell is let go [1/s].
    migrasome_uptake_rate : float
        Rate of uptake of each migrasome by each cell that touches it [1/s].
    crowding : bool
        Whether cells exclude each other.
    """

    radius: float
    speed: float
    persistence_time: float
    receptors: float
    internalisation_ratio: float
    integration_time: float
    downstream_noise: float
    dissociation_constant: float
    dissociation_rate: float
    chemokinesis_gain: float
    cd166_catch_rate: float
    vla4_catch_rate: float
    cxcr4_catch_rate: float
    fibre_catch_rate: float
    release_rate: float
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
        internalisation_ratio=cell.internalisation_rate / cell.recycling_rate,
        integration_time=cell.integration_time,
        downstream_noise=cell.downstream_noise,
        dissociation_constant=apparent_dissociation_constant(
            receptor.dissociation_constant, competition=competition
        ),
        dissociation_rate=receptor.dissociation_rate,
        chemokinesis_gain=cell.chemokinesis_gain if on.chemokinesis else 0.0,
        cd166_catch_rate=cell.cd166_catch_rate * factors.avidity if on.cd166_adhesion else 0.0,
        vla4_catch_rate=cell.vla4_catch_rate * factors.avidity if on.vla4_adhesion else 0.0,
        cxcr4_catch_rate=cell.cxcr4_catch_rate * factors.avidity if on.cxcr4_adhesion else 0.0,
        fibre_catch_rate=cell.fibre_catch_rate * factors.avidity if on.fibre_adhesion else 0.0,
        release_rate=cell.release_rate,
        migrasome_uptake_rate=cell.migrasome_uptake_rate if on.migrasome_uptake else 0.0,
        crowding=on.crowding,
    )
