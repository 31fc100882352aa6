"""Sections about the stroma: cell types, cargo, substrate, placed and grown networks."""

from typing import Annotated, Literal

from pydantic import Field

from sdf1_field.spec.quantities import (
    LARGEST,
    LONGEST_BODY,
    MOST_THINGS,
    WIDEST_FAN,
    Area,
    Fraction,
    Length,
    LineDensity,
    NonNegativeTime,
    NumberDensity,
    PositiveLength,
    PositiveRate,
    PositiveRatio,
    PositiveTime,
    Rate,
    RatePerLength,
    Ratio,
    SecretionRate,
    Section,
    Speed,
    Spread,
    Volume,
)

SCENE_FILES = (".nc",)
"""File type of drawn scenes."""


class CargoKinetics(Section):
    """Production of one ligand in a stromal cell, and fusion of its carriers."""

    production: SecretionRate
    vesicle_load: Annotated[float, Field(ge=1, le=LARGEST, allow_inf_nan=False, strict=True)]
    """Molecules per vesicle."""
    loaded_fraction: Fraction
    """Share of migrasomes that take up carriers of the ligand."""
    fusion_rate: Rate
    """Rate of fusion in a migrasome whose calcium signal is mature."""
    body_release_rate: PositiveRate
    """Rate of fusion with the body's membrane."""


class Traffic(Section):
    """Transport of carriers in a stromal cell, the same for every ligand."""

    exchange_time: PositiveTime
    """Time constant of exchange of carriers between the body's front and rear."""
    polarised_share: Annotated[float, Field(ge=0.5, le=1, strict=True)]
    """Share of a migrating body's carriers in its rear; half at rest."""
    transport_rate: Rate
    """Rate at which carriers in the rear enter one migrasome beside the body."""
    transport_reach: PositiveLength
    """Distance along the fibre over which that rate falls to 1/e."""
    transport_fading_time: PositiveTime
    """Age of the migrasome at which that rate has fallen to 1/e."""
    calcium_time: PositiveTime
    """Time constant with which a migrasome's calcium signal matures."""
    detached_fusion: Fraction
    """Fusion rate in a detached migrasome over that in an attached one."""


class StromalType(Section):
    """Shape, motility, cargo and targets of perturbations of a stromal cell type."""

    label: str
    body_area: Area
    body_area_variation: Spread
    body_aspect_ratio: Annotated[float, Field(ge=1, le=LONGEST_BODY, strict=True)]
    speed: Speed
    """Speed of a migrating cell at optimal adhesion."""
    speed_variation: Spread
    persistence_time: PositiveTime
    alignment_time: PositiveTime
    """Time constant with which the long axis follows the heading."""
    nucleation_variation: Spread
    """Cell-to-cell variation of the nucleation of migrasomes on fibres."""
    body_volume: Volume
    production_variation: Spread
    """Cell-to-cell variation of production, the same for every ligand."""
    cargo: dict[str, CargoKinetics]
    """Cargo kinetics by ligand."""
    expresses: tuple[str, ...]
    """Targets that agents of this model can act on in the cell type."""


class Substrate(Section):
    """Coating of the floor; anchors and their strength are relative to fibronectin."""

    label: str
    anchors: Ratio
    """Density of places at which the retracting edge stays attached."""
    strength: PositiveRatio
    """Lifetime of such an attachment."""
    integrin_share: Fraction
    """Share of the anchors that are integrins."""


class SceneSection(Section):
    """The stroma: cell type, substrate, and the distributions from which a scene is placed."""

    mode: Literal["placed", "grown", "frozen"]
    """Placed once; grown from seeding; or grown until the cells are added, then frozen."""
    file: str = ""
    """File of a drawn scene, which takes the place of placed bodies and networks; empty for none.
    """
    stroma: str
    substrate: str
    msc_density: NumberDensity
    msc_number: Annotated[int, Field(ge=0, le=MOST_THINGS, strict=True)]
    """Number of bodies in the view; 0 draws it from the density."""
    network_fraction: Fraction
    retracting_fraction: Fraction
    fibres_per_network: PositiveRatio
    fibre_length: PositiveLength
    fibre_length_variation: Spread
    fibre_fan_angle: Annotated[float, Field(ge=0, le=WIDEST_FAN, strict=True)]
    fibre_wander: LineDensity
    fibre_segment: PositiveLength
    migrasome_spacing: PositiveLength
    migrasome_diameter: PositiveLength
    migrasome_diameter_variation: Spread
    network_migrasome_density: NumberDensity = 0.0
    """Migrasomes per area of a drawn network whose file has none."""
    detached_migrasome_density: NumberDensity
    migrasome_appearance: NonNegativeTime
    """Time from the start of the culture over which placed migrasomes appear uniformly."""
    migrasome_lifetime: NonNegativeTime
    """Mean time until a placed migrasome ruptures; 0 for no rupture."""
    network_outline_margin: Length


class Biogenesis(Section):
    """Rates of growth and decay of fibres and migrasomes in a grown scene, on fibronectin."""

    optimal_adhesion: PositiveRatio
    """Anchors times strength at which cells migrate fastest."""
    migrating_share: Fraction
    """Share of time that a cell migrates at that adhesion."""
    resting_time: PositiveTime
    tether_spacing: PositiveLength
    """Mean distance between places where a migrating cell's rear stays attached."""
    retraction_interval: PositiveTime
    """Mean time between retractions of a resting cell."""
    retracted_share: Annotated[float, Field(ge=0, lt=1, strict=True)]
    """Share of the body's area that retracts."""
    retraction_time: PositiveTime
    respreading_time: PositiveTime
    anchor_spacing: PositiveLength
    """Distance between places where a fibre adheres to the floor; it is taut in between."""
    branching: LineDensity
    fibre_breakage: RatePerLength
    fibre_release_rate: Rate
    breakage_doubling_time: PositiveTime
    """Culture time after which fibres break at twice the rate at seeding."""
    shortest_fibre: PositiveLength
    nucleation: RatePerLength
    junction_length: Length
    """Length of fibre with the nucleation rate of a tip or branching point."""
    migrasome_spacing: PositiveLength
    """Shortest distance of a new migrasome from others along a fibre."""
    early_diameter: PositiveLength
    growth_time: PositiveTime
    cd166_gathering_time: PositiveTime
    detachment_rate: Rate
    retention: PositiveRatio
    """Odds that a migrasome stays on the floor when its fibre breaks."""
    drift_rate: Rate
    leak_rate: Rate
    """Rate at which a migrasome's membrane leaks and loses the cargo; it stays, empty."""
    migrasome_lifetime: PositiveTime
