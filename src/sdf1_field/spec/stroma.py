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


class CargoKinetics(Section):
    """What a stromal cell makes of one ligand, and how fast its carriers fuse."""

    production: SecretionRate
    vesicle_load: Annotated[float, Field(ge=1, le=LARGEST, allow_inf_nan=False, strict=True)]
    """Molecules in a vesicle."""
    loaded_fraction: Fraction
    """Of the migrasomes; the others never take any."""
    fusion_rate: Rate
    """In a migrasome whose calcium signal is mature."""
    body_release_rate: PositiveRate
    """By fusion with the body's own membrane."""


class Traffic(Section):
    """How carriers get about in a stromal cell, whatever they hold."""

    exchange_time: PositiveTime
    """In which carriers change between the body's front and rear."""
    polarised_share: Annotated[float, Field(ge=0.5, le=1, strict=True)]
    """Of a migrating body's carriers, in its rear; half at rest."""
    transport_rate: Rate
    """At which carriers in the rear enter one migrasome beside the body."""
    transport_reach: PositiveLength
    """Way along the fibre over which that falls to 1/e."""
    transport_fading_time: PositiveTime
    """Age of the migrasome over which that falls to 1/e."""
    calcium_time: PositiveTime
    """In which a migrasome's calcium signal matures."""
    detached_fusion: Fraction
    """Share of the fusion rate that is left once a migrasome is detached."""


class StromalType(Section):
    """Shape, motility and cargo of a stromal cell, and what it can be perturbed in."""

    label: str
    body_area: Area
    body_area_variation: Spread
    body_aspect_ratio: Annotated[float, Field(ge=1, le=LONGEST_BODY, strict=True)]
    speed: Speed
    """While it migrates, on the adhesion that suits it best."""
    speed_variation: Spread
    persistence_time: PositiveTime
    alignment_time: PositiveTime
    """In which the long axis follows the heading."""
    nucleation_variation: Spread
    """How cells differ in how readily migrasomes form on their fibres."""
    body_volume: Volume
    production_variation: Spread
    """How cells differ in how much they make of every ligand."""
    cargo: dict[str, CargoKinetics]
    """By ligand."""
    expresses: tuple[str, ...]
    """Targets of perturbations that it has."""


class Substrate(Section):
    """What the floor is coated with; anchors and their strength are relative to fibronectin."""

    label: str
    anchors: Ratio
    """Places at which the retracting edge stays attached."""
    strength: PositiveRatio
    """How long such an attachment holds."""
    integrin_share: Fraction
    """Share of the anchors that integrins hold."""


class SceneSection(Section):
    """The stroma: which cells on what, and the distributions from which a scene is placed."""

    mode: Literal["placed", "grown", "frozen"]
    """Placed once; grown from seeding on; or grown until the cells are added, and left so."""
    stroma: str
    substrate: str
    msc_density: NumberDensity
    msc_number: Annotated[int, Field(ge=0, le=MOST_THINGS, strict=True)]
    """Bodies in the view; 0 if their number is drawn from the density."""
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
    detached_migrasome_density: NumberDensity
    migrasome_appearance: NonNegativeTime
    """Time from the start of the culture over which placed migrasomes appear, evenly."""
    migrasome_lifetime: NonNegativeTime
    """Mean time until a placed migrasome ruptures; 0 if it never does."""
    network_outline_margin: Length


class Biogenesis(Section):
    """Rates at which a grown scene's cells, fibres and migrasomes come and go, on fibronectin."""

    optimal_adhesion: PositiveRatio
    """Anchors times strength on which cells migrate best."""
    migrating_share: Fraction
    """Of the time, on that adhesion."""
    resting_time: PositiveTime
    tether_spacing: PositiveLength
    """Mean way between places where a migrating cell's rear stays attached."""
    retraction_interval: PositiveTime
    """Mean time between retractions of a resting cell."""
    retracted_share: Annotated[float, Field(ge=0, lt=1, strict=True)]
    """Of the body's area."""
    retraction_time: PositiveTime
    respreading_time: PositiveTime
    anchor_spacing: PositiveLength
    """Between places where a fibre sticks to the floor; it is taut in between."""
    branching: LineDensity
    fibre_breakage: RatePerLength
    fibre_release_rate: Rate
    breakage_doubling_time: PositiveTime
    """Culture time after which fibres break twice as often as at seeding."""
    shortest_fibre: PositiveLength
    nucleation: RatePerLength
    junction_length: Length
    """Length of fibre as good for nucleation as a tip or a branching point."""
    migrasome_spacing: PositiveLength
    """Length of fibre that a migrasome keeps others from."""
    early_diameter: PositiveLength
    growth_time: PositiveTime
    cd166_gathering_time: PositiveTime
    detachment_rate: Rate
    retention: PositiveRatio
    """Odds that a migrasome whose fibre breaks stays on the floor."""
    drift_rate: Rate
    leak_rate: Rate
    """At which a migrasome's membrane leaks, and lets go its cargo; it stays there, empty."""
    migrasome_lifetime: PositiveTime
