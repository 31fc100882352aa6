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
    """CXCR4 and what it sees."""

    ligand: str
    dissociation_constant: PositiveConcentration
    dissociation_rate: PositiveRate
    coat_share: LineDensity
    """``alpha``: share of coat-bound ligand the receptor sees, per height [1/um]."""


class ReceptorTable(Section):
    """Receptors by name."""

    cxcr4: Receptor


class CellType(Section):
    """Everything in which KG-1a cells and progenitors may differ."""

    label: str
    diameter: PositiveLength
    speed: Speed
    persistence_time: PositiveTime
    receptors: Ratio
    internalisation_rate: Rate
    recycling_rate: PositiveRate
    integration_time: NonNegativeTime
    own_noise: PositiveRatio
    chemokinesis_gain: Ratio
    cd166_catch_rate: Rate
    vla4_catch_rate: Rate
    cxcr4_catch_rate: Rate
    fibre_catch_rate: Rate
    release_rate: Rate
    migrasome_uptake_rate: Rate
    """Of each migrasome that the cell touches."""


class Cells(Section):
    """Which haematopoietic cells, how many, and their time step."""

    type: str
    density: NumberDensity
    time_step: PositiveTime


class Adhesion(Section):
    """What holds cells on bodies and migrasomes."""

    cd166_migrasome: Ratio
    """CD166 per area on a migrasome, relative to an MSC body."""
    vcam1_msc: Ratio
    """VCAM-1, the ligand of VLA-4, relative to an MSC body."""
    vcam1_network: Ratio
    integrin_ligand_msc: Ratio
    integrin_ligand_network: Ratio
    """Integrin ligand beyond the fibronectin all regions share, relative to an MSC body."""
