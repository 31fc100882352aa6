"""What cells of a type do in a dish, as numbers: radius, speed, receptors, rates of catching."""

from typing import NamedTuple

from sdf1_field.pharmacology import apparent_dissociation_constant
from sdf1_field.spec import ModelSpec
from sdf1_field.variation import DishFactors


class CellParameters(NamedTuple):
    """Numbers that the kernel works with: a cell type in a dish, under what is in the medium."""

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
    crowding: bool


def cell_parameters(spec: ModelSpec, factors: DishFactors, *, competition: float) -> CellParameters:
    """CellParameters of the model's cells in a dish.

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
        # Nothing is computed for receptors that no mechanism reads.
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
        crowding=on.crowding,
    )
