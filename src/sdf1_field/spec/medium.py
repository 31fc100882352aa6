"""Sections about the dish, its medium, the grid over it, and the ligands in it."""

from typing import Annotated, Literal

from pydantic import Field

from sdf1_field.spec.quantities import (
    AssociationRate,
    Concentration,
    Diffusivity,
    Fraction,
    Length,
    MolarMass,
    PositiveLength,
    Rate,
    SecretionRate,
    Section,
    SurfaceDensity,
)

PATTERNS = ("even", "stripes")
"""Named coat patterns."""
PATTERN_FILES = (".png", ".npy")
"""File types of other coat patterns."""


class Dish(Section):
    """Part of the dish that is simulated, and the medium over it."""

    width: PositiveLength
    length: PositiveLength
    height: PositiveLength
    shape: Literal["rectangle", "round"]
    """The diameter of a round well is the width."""
    top: Literal["closed", "bath"]
    mixed_above: Length
    """Height above which convection keeps the medium well mixed; 0 for still medium."""

    @property
    def still_height(self) -> float:
        """Height of the still medium [um], which the grid covers."""
        return self.mixed_above or self.height


class GridSection(Section):
    """Cell sizes of the finite-volume grid."""

    spacing: PositiveLength
    floor_layer: PositiveLength
    layer_growth: Annotated[float, Field(ge=1, le=2, strict=True)]


class Coat(Section):
    """Reversible (Langmuir) binding of a ligand to the coated floor."""

    sites: SurfaceDensity
    pattern: str
    """``even``, ``stripes``, or an image or NumPy file whose brightness scales the sites."""
    stripe_width: PositiveLength
    under_bodies: Fraction
    """Sites under an MSC body over sites beside it [1]."""
    association_rate: AssociationRate
    dissociation_rate: Rate
    loss_rate: Rate

    @property
    def binds(self) -> bool:
        """Whether anything can bind to it."""
        return self.sites * self.association_rate > 0

    @property
    def uneven(self) -> bool:
        """Whether its sites differ from place to place."""
        return self.pattern != "even" or self.under_bodies < 1.0


class Secretion(Section):
    """Molecules per second from a stromal body and from a migrasome that carries the ligand."""

    msc_body: SecretionRate
    migrasome: SecretionRate
    migrasome_decay: Rate
    """Rate of the exponential decay of a migrasome's secretion from birth; 0 if constant."""
    carrying_fraction: Fraction


class Ligand(Section):
    """A chemokine in the medium and on the coat."""

    label: str
    molar_mass: MolarMass
    diffusivity: Diffusivity
    loss_rate: Rate
    bath_concentration: Concentration
    coat: Coat
    secretion: Secretion

    @property
    def loses(self) -> bool:
        """Whether ligand is lost in the medium or on the coat."""
        return self.loss_rate > 0 or (self.coat.binds and self.coat.loss_rate > 0)
