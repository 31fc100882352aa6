"""Sections about the haematopoietic cells: receptor, types, number, adhesion."""

from sdf1_field.spec.quantities import (
    LineDensity,
    NonNegativeTime,
    NumberDensity,
    PositiveConcentration,
    PositiveLength,
    PositiveRate,
    PositiveRatio,
    PositiveTime,
    Rate,
    Ratio,
    Section,
    Speed,
)


class Receptor(Section):
    """CXCR4: its ligand, binding constants, and share of coat-bound ligand (haptotaxis)."""

    ligand: str
    dissociation_constant: PositiveConcentration
    dissociation_rate: PositiveRate
    coat_share: LineDensity
    """``alpha``: share of coat-bound ligand that the receptor senses, per height [1/um]."""


class ReceptorTable(Section):
    """Receptors by name."""

    cxcr4: Receptor


class CellType(Section):
    """Motility, receptors, sensing, adhesion and uptake of a haematopoietic cell type."""

    label: str
    diameter: PositiveLength
    speed: Speed
    persistence_time: PositiveTime
    receptors: Ratio
    internalisation_rate: Rate
    recycling_rate: PositiveRate
    integration_time: NonNegativeTime
    downstream_noise: PositiveRatio
    """Standard deviation of noise downstream of the receptors, in occupied receptors."""
    chemokinesis_gain: Ratio
    cd166_catch_rate: Rate
    vla4_catch_rate: Rate
    cxcr4_catch_rate: Rate
    fibre_catch_rate: Rate
    release_rate: Rate
    migrasome_uptake_rate: Rate
    """Rate of uptake of each migrasome that the cell touches."""


class Cells(Section):
    """Type and density of the haematopoietic cells, and their time step."""

    type: str
    density: NumberDensity
    time_step: PositiveTime


class Adhesion(Section):
    """Densities of adhesion ligands on bodies and migrasomes."""

    cd166_migrasome: Ratio
    """CD166 per area on a migrasome, relative to an MSC body."""
    vcam1_msc: Ratio
    """VCAM-1, the ligand of VLA-4, relative to an MSC body."""
    vcam1_network: Ratio
    integrin_ligand_msc: Ratio
    integrin_ligand_network: Ratio
    """Integrin ligand beyond the fibronectin all regions share, relative to an MSC body."""
