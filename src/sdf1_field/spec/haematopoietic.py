"""Sections about the haematopoietic cells: receptor, types, number, adhesion."""

from typing import Annotated

from pydantic import Field

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

BOND_NAMES = ("cd166", "vla4", "fibre")
"""Bonds: ``mechanisms.NAME_adhesion`` switches each, ``cell_type.*.NAME_bonds`` is its strength."""


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
    adaptation_time: PositiveTime
    """Time over which signalling adapts to a changed number of occupied receptors."""
    half_trigger: PositiveRatio
    """Occupied receptors above the adapted level at which arrest is triggered half."""
    trigger_exponent: Annotated[float, Field(ge=0.5, le=8.0, strict=True)]
    basal_arrest_rate: Rate
    """Rate at which a cell that touches a structure is caught without a trigger."""
    triggered_arrest_rate: Rate
    """Further rate at a full trigger."""
    release_rate: Rate
    """Rate at which a held cell is let go where no ligand is free."""
    cd166_bonds: Ratio
    """Bonds to CD166 as dense as on an untreated body: release is slower by ``exp(bonds)``."""
    vla4_bonds: Ratio
    """The same to VCAM-1, on bodies."""
    fibre_bonds: Ratio
    """The same to retraction fibres."""
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
