"""The schema of a model: every section, its quantities, and what must hold between them."""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import core_schema

from sdf1_field.units import DIMENSIONS, bounded, duration_text, instant, parse

Status = Literal["literature", "derived", "calibrated", "assumed"]
STATUSES: tuple[Status, ...] = ("literature", "derived", "calibrated", "assumed")


@dataclass(frozen=True)
class Quantity:
    """Annotation of a float that is written as text with a unit and held in the canonical one.

    Parameters
    ----------
    dimension : str
        A key of `sdf1_field.units.DIMENSIONS`.
    gt, ge, le : float or None
        Bounds in the canonical unit, within those of the dimension.
    """

    dimension: str
    gt: float | None = None
    ge: float | None = None
    le: float | None = None

    @property
    def _noun(self) -> str:
        return f"{'An' if self.dimension[0] in 'aeiou' else 'A'} {self.dimension}"

    def convert(self, value: Any) -> float:
        """Canonical value of what a model file says."""
        if not isinstance(value, str):
            raise ValueError(
                f"{value!r} has no unit. Write it like '{DIMENSIONS[self.dimension][1]}'."
            )
        number = parse(value, self.dimension)
        if self.gt is not None and not number > self.gt:
            raise ValueError(f"'{value}' is out of range. {self._noun} here is greater than zero.")
        if self.ge is not None and not number >= self.ge:
            raise ValueError(f"'{value}' is out of range. {self._noun} here is zero or more.")
        return bounded(number, value, self.dimension, most=self.le)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.convert)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        example = DIMENSIONS[self.dimension][1]
        return {
            "type": "string",
            "description": f"{self.dimension}, such as '{example}'",
            "examples": [example],
        }


PositiveLength = Annotated[float, Quantity("length", gt=0)]
Length = Annotated[float, Quantity("length", ge=0)]
PositiveTime = Annotated[float, Quantity("time", gt=0)]
NonNegativeTime = Annotated[float, Quantity("time", ge=0)]
Time = Annotated[float, Quantity("time")]
Area = Annotated[float, Quantity("area", gt=0)]
Volume = Annotated[float, Quantity("volume", gt=0)]
Diffusivity = Annotated[float, Quantity("diffusivity", gt=0)]
Speed = Annotated[float, Quantity("speed", ge=0)]
Rate = Annotated[float, Quantity("rate", ge=0)]
PositiveRate = Annotated[float, Quantity("rate", gt=0)]
Concentration = Annotated[float, Quantity("concentration", ge=0)]
PositiveConcentration = Annotated[float, Quantity("concentration", gt=0)]
AssociationRate = Annotated[float, Quantity("association rate", ge=0)]
SurfaceDensity = Annotated[float, Quantity("surface density", ge=0)]
SecretionRate = Annotated[float, Quantity("secretion rate", ge=0)]
NumberDensity = Annotated[float, Quantity("number density", ge=0)]
LineDensity = Annotated[float, Quantity("line density", ge=0)]
RatePerLength = Annotated[float, Quantity("rate per length", ge=0)]
MolarMass = Annotated[float, Quantity("molar mass", gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1, strict=True)]
_LARGEST = 1e12
"""Ratio or number from which on all is as good as always."""
_SMALLEST = 1e-12
"""Ratio below which all is as good as never."""
Ratio = Annotated[float, Field(ge=0, le=_LARGEST, allow_inf_nan=False, strict=True)]
PositiveRatio = Annotated[float, Field(ge=_SMALLEST, le=_LARGEST, allow_inf_nan=False, strict=True)]
_WIDEST_SPREAD = 5.0
"""Standard deviation of a logarithm at which one value in six is 150 times the median."""
_LONGEST_BODY = 100.0
"""Long over short axis at which a body of 3000 um**2 is as thin as a nucleus, 6 um."""
_WIDEST_FAN = 10.0
"""Standard deviation of an angle [rad] from which on all directions are equally likely."""
_MOST_THINGS = 10**9
"""Bodies, cells or detached migrasomes that no machine holds."""
Spread = Annotated[float, Field(ge=0, le=_WIDEST_SPREAD, allow_inf_nan=False, strict=True)]


@dataclass(frozen=True)
class Problem:
    """What is wrong although every value by itself is right.

    Parameters
    ----------
    path : str
        Whose value is to be changed.
    text : str
        Sentences that say why, and the remedy.
    instead : mapping of str to str
        Other paths that it collides with, and the text for each: the one that was set last is at
        fault.
    """

    path: str
    text: str
    instead: Mapping[str, str] = field(default_factory=dict)


_LONGEST_RUN = 1e9
"""Thirty years [s]: no culture lasts as long."""


class Section(BaseModel):
    """Part of a model: immutable, every key known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Run(Section):
    """How long, in which mode, and from which seed."""

    mode: Literal["transient", "steady"]
    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)]
    culture: Annotated[float, Quantity("time", ge=0, le=_LONGEST_RUN)]
    """MSC culture before time 0 (haematopoietic cells added)."""
    duration: Annotated[float, Quantity("time", gt=0, le=_LONGEST_RUN)]


class Dish(Section):
    """Part of the dish that is simulated, and the medium over it."""

    width: PositiveLength
    length: PositiveLength
    height: PositiveLength
    shape: Literal["rectangle", "round"]
    """A round well has the width for its diameter."""
    top: Literal["closed", "bath"]
    mixed_above: Length
    """Height from which on convection keeps the medium well mixed; 0 if nowhere."""

    @property
    def still_height(self) -> float:
        """Height of the medium that only diffusion mixes [um]: what the grid covers."""
        return self.mixed_above or self.height


class GridSection(Section):
    """Cell sizes of the finite volumes."""

    spacing: PositiveLength
    floor_layer: PositiveLength
    layer_growth: Annotated[float, Field(ge=1, le=2, strict=True)]


class Coat(Section):
    """Langmuir binding of a ligand to the coated floor."""

    sites: SurfaceDensity
    pattern: str
    """``even``, ``stripes``, or an image or NumPy file whose brightness scales the sites."""
    stripe_width: PositiveLength
    under_bodies: Fraction
    """Sites under an MSC body, relative to beside it."""
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
    """Rate at which a migrasome's secretion decays from its birth on; 0 if it is refilled."""
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


class CargoKinetics(Section):
    """What a stromal cell makes of one ligand, and how fast its carriers fuse."""

    production: SecretionRate
    vesicle_load: Annotated[float, Field(ge=1, le=_LARGEST, allow_inf_nan=False, strict=True)]
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
    body_aspect_ratio: Annotated[float, Field(ge=1, le=_LONGEST_BODY, strict=True)]
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
    msc_number: Annotated[int, Field(ge=0, le=_MOST_THINGS, strict=True)]
    """Bodies in the view; 0 if their number is drawn from the density."""
    network_fraction: Fraction
    retracting_fraction: Fraction
    fibres_per_network: PositiveRatio
    fibre_length: PositiveLength
    fibre_length_variation: Spread
    fibre_fan_angle: Annotated[float, Field(ge=0, le=_WIDEST_FAN, strict=True)]
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


class Mechanisms(Section):
    """Switches; with all of them off the fold change is 1."""

    soluble_sensing: bool
    haptotaxis: bool
    cxcr4_adhesion: bool
    cd166_adhesion: bool
    vla4_adhesion: bool
    fibre_adhesion: bool
    chemokinesis: bool
    crowding: bool
    uptake: bool
    migrasome_uptake: bool
    cargo_kinetics: bool
    bursts: bool


class Agent(Section):
    """What a treatment's agent acts on; each acts on one named rate and nothing else."""

    label: str
    acts_on: Literal[
        "cxcr4_antagonist", "added_ligand", "cd166_block", "medium_change",
        "integrins", "nucleation", "transport", "fusion", "calcium",
    ]  # fmt: skip
    target: str | None = None
    """What of the stroma it acts on."""
    molar_mass: MolarMass | None = None
    factor: Ratio | None = None
    """By which a genetic change multiplies the rate it acts on."""
    inhibition_constant: PositiveConcentration | None = None
    dissociation_constant: PositiveConcentration | None = None
    maximum_block: Fraction | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {
            "cxcr4_antagonist": ("molar_mass", "inhibition_constant"),
            "cd166_block": ("molar_mass", "dissociation_constant", "maximum_block", "target"),
            "integrins": ("molar_mass", "dissociation_constant", "maximum_block", "target"),
            "nucleation": ("factor", "target"),
            "transport": ("factor", "target"),
            "fusion": ("factor", "target"),
            "calcium": ("molar_mass", "dissociation_constant", "maximum_block"),
        }.get(self.acts_on, ())
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"an agent that acts on {self.acts_on} needs '{key}'.")
        if self.acts_on == "fusion" and self.factor == 0.0:
            raise ValueError(
                "a line in which nothing ever fuses would hold without end. Give a 'factor' above "
                "0, such as 0.01."
            )
        if self.factor is not None and not self.genetic:
            raise ValueError(f"an agent that acts on {self.acts_on} has no 'factor'. Remove it.")
        return self

    @property
    def genetic(self) -> bool:
        """Whether it is a change of the stroma's genes, which has neither dose nor time."""
        return self.acts_on in ("nucleation", "transport", "fusion")

    @property
    def on_networks(self) -> bool:
        """Whether it acts on how networks form."""
        return self.acts_on in ("integrins", "nucleation")

    @property
    def on_cargo(self) -> bool:
        """Whether it acts on how carriers fare."""
        return self.acts_on in ("transport", "fusion", "calcium")


class Treatment(Section):
    """One timed event; the agent is the table's own name unless said otherwise."""

    agent: str | None = None
    dose: str | None = None
    start: Time = 0.0
    stop: Time | None = None


class Factors(Section):
    """Standard deviations of the natural logarithm of three factors."""

    secretion: Spread
    speed: Spread
    avidity: Spread


class Variation(Section):
    """Dish-to-dish and donor-to-donor variation."""

    dish: Factors
    donor: Factors
    donor_number: Annotated[int, Field(ge=0, strict=True)]


class FipyNumerics(Section):
    """How the FiPy solver steps and solves its linear systems."""

    time_step: PositiveTime
    linear_solver: Literal["cg", "bicgstab", "lu"]
    linear_tolerance: Annotated[float, Field(ge=1e-15, lt=1e-2, strict=True)]
    """Residual over right-hand side."""
    sweep_tolerance: Annotated[float, Field(ge=1e-14, lt=1e-2, strict=True)]
    """What the last sweep may still move, relative."""


class Numerics(Section):
    """Solver, tolerances and steps that are not physics."""

    solver: Literal["cosine", "fipy"]
    fipy: FipyNumerics
    tolerance: Annotated[float, Field(ge=1e-8, le=0.1, strict=True)]
    """Error of the floor, relative to its mean and by itself to the deviation from the mean."""
    absolute_tolerance: PositiveConcentration
    first_step: PositiveTime
    coupling_step: PositiveTime
    culture_step: PositiveTime
    """How often fields see a grown scene anew before there are cells."""
    growth_step: PositiveTime
    settling_time: PositiveTime
    """How soon after an event cells see the floor anew."""


class Output(Section):
    """What a run file holds."""

    ligands: tuple[str, ...] = ()
    fields_every: PositiveTime
    fields_from: Time
    tracks_every: PositiveTime
    tracks_from: NonNegativeTime


_HIGHEST_DOSE = 1e9
"""1 M [nM]."""
_MOST_STEPS = 1e7
"""Steps of one kind that no run takes."""
_MOST_CELLS = 1e13
"""Cells of a floor's grid that no machine holds; fewer may still exceed one's memory."""


PATTERNS = ("even", "stripes")
"""Patterns of the coat that have a name."""
PATTERN_FILES = (".png", ".npy")
"""Ends of the names of files that may hold one."""
_FEWEST_ACROSS = 10
"""Cells across a round well below which its wall is none."""


class ModelSpec(Section):
    """A complete model in canonical units (um, s, nM, molecules)."""

    title: str
    description: str = ""
    run: Run
    dish: Dish
    grid: GridSection
    ligand: dict[str, Ligand]
    receptor: ReceptorTable
    cell_type: dict[str, CellType]
    cells: Cells
    stromal_type: dict[str, StromalType]
    substrate: dict[str, Substrate]
    scene: SceneSection
    biogenesis: Biogenesis
    traffic: Traffic
    adhesion: Adhesion
    mechanisms: Mechanisms
    agent: dict[str, Agent]
    treatments: dict[str, Treatment] = {}
    variation: Variation
    numerics: Numerics
    output: Output

    @property
    def cell_count(self) -> int:
        """Number of haematopoietic cells in the view."""
        return round(self.cells.density * self.dish.width * self.dish.length)

    @property
    def haematopoietic(self) -> CellType:
        """The cell type in this model's co-culture."""
        return self.cell_type[self.cells.type]

    @property
    def stroma(self) -> StromalType:
        """The cell type of this model's stroma."""
        return self.stromal_type[self.scene.stroma]

    @property
    def grows(self) -> bool:
        """Whether the scene is grown, for a while at least."""
        return self.scene.mode != "placed"

    @property
    def bears_stroma(self) -> bool:
        """Whether there may be stromal bodies in the view."""
        return self.scene.msc_number > 0 or self.scene.msc_density > 0.0

    @property
    def sensed_ligands(self) -> tuple[str, ...]:
        """Ligands that some mechanism reads or takes up."""
        m = self.mechanisms
        read = m.soluble_sensing or m.haptotaxis or m.cxcr4_adhesion or m.chemokinesis
        if read or m.uptake:
            return (self.receptor.cxcr4.ligand,)
        return ()

    @property
    def solved_ligands(self) -> tuple[str, ...]:
        """Ligands that are sensed or saved."""
        return tuple(dict.fromkeys(self.sensed_ligands + self.output.ligands))

    @property
    def dosed_ligands(self) -> tuple[str, ...]:
        """Ligands that may be added: those solved, and what a null model's cells do not sense."""
        unnoticed = (self.receptor.cxcr4.ligand,) if self.cell_count > 0 else ()
        return tuple(dict.fromkeys(self.solved_ligands + unnoticed))

    @property
    def followed_ligands(self) -> tuple[str, ...]:
        """Ligands whose carriers are followed; a placed scene has no history to follow."""
        if not (self.grows and self.mechanisms.cargo_kinetics):
            return ()
        return tuple(name for name in self.solved_ligands if name in self.stroma.cargo)

    @property
    def treatment_label(self) -> str:
        """The treatments as a reader would note them, but for medium changes.

        Such as ``"AMD3100 10 uM"``; ``"untreated"`` without any.
        """
        labels = []
        for name, treatment in self.treatments.items():
            agent = self.agent[self.agent_of(name)]
            if agent.acts_on != "medium_change":
                labels.append(f"{agent.label} {treatment.dose}" if treatment.dose else agent.label)
        return ", ".join(dict.fromkeys(labels)) or "untreated"

    def agent_of(self, name: str) -> str:
        """Agent that the treatment called ``name`` gives."""
        return self.treatments[name].agent or name

    def dose(self, name: str) -> float:
        """Dose of the treatment called ``name`` [nM]; 0 for a medium or genetic change.

        Raises
        ------
        ValueError
            If the dose is missing, unwanted or not a concentration.
        """
        treatment, agent = self.treatments[name], self.agent[self.agent_of(name)]
        if agent.acts_on == "medium_change" or agent.genetic:
            if treatment.dose is not None:
                what = "a genetic change" if agent.genetic else "a medium change"
                raise ValueError(f"{what} has no dose. Remove it.")
            return 0.0
        if treatment.dose is None:
            raise ValueError("no dose is given. Set one, such as '10 uM' or '100 ng/mL'.")
        dose = parse(treatment.dose, "concentration", molar_mass=self.dosed_mass(name))
        if not 0 <= dose <= _HIGHEST_DOSE:
            raise ValueError(f"'{treatment.dose}' is out of range. A dose is from 0 to 1 M.")
        return dose

    def dosed_mass(self, name: str) -> float | None:
        """Molar mass of what the treatment called ``name`` gives [kDa]; None if it has none."""
        agent = self.agent[self.agent_of(name)]
        if agent.acts_on == "added_ligand":
            return self.ligand[self.agent_of(name)].molar_mass
        return agent.molar_mass

    def _excesses(self) -> Iterable[Problem]:
        """What is so large or small that no machine could carry it through."""
        span = self.run.culture + self.run.duration
        for path, interval in (
            ("output.fields_every", self.output.fields_every),
            ("output.tracks_every", self.output.tracks_every),
            ("numerics.coupling_step", self.numerics.coupling_step),
            ("numerics.culture_step", self.numerics.culture_step),
            ("numerics.growth_step", self.numerics.growth_step),
            ("cells.time_step", self.cells.time_step),
            ("numerics.fipy.time_step", self.numerics.fipy.time_step),
        ):
            idle = path.startswith("numerics.fipy.") and self.numerics.solver != "fipy"
            if span / interval > _MOST_STEPS and not idle:
                steps = f"{span / interval:.3g}"
                of_run = (
                    f"makes {steps} steps of {path}, which are too many. Shorten it, or make those "
                    "longer."
                )
                yield Problem(
                    path,
                    f"{steps} steps are too many. Make them longer or the run shorter.",
                    {"run.duration": of_run, "run.culture": of_run},
                )
        area = self.dish.width * self.dish.length
        for path, count, remedy in (
            ("cells.density", self.cells.density * area, "Lower it"),
            ("scene.msc_density", self.scene.msc_density * area, "Lower it"),
            (
                "scene.detached_migrasome_density",
                self.scene.detached_migrasome_density * area,
                "Lower it",
            ),
            ("grid.spacing", area / self.grid.spacing**2, "Raise it"),
        ):
            if not count <= (_MOST_CELLS if path == "grid.spacing" else _MOST_THINGS):
                yield Problem(
                    path,
                    f"makes {count:.3g} of them, which is too many. {remedy} or make the dish "
                    "smaller.",
                    {
                        f"dish.{key}": f"makes {count:.3g} of {path}, which is too many. Make the "
                        "dish smaller."
                        for key in ("width", "length")
                    },
                )

    def _round_well(self) -> Iterable[Problem]:
        """What a round well cannot have."""
        if self.dish.shape != "round":
            return
        if self.dish.length != self.dish.width:
            text = "a round well is as long as wide. Give its diameter twice."
            yield Problem("dish.length", text, {"dish.width": text})
        if self.dish.width < _FEWEST_ACROSS * self.grid.spacing:
            yield Problem(
                "grid.spacing",
                f"a round well takes at least {_FEWEST_ACROSS} cells across. Lower it.",
                {"dish.width": f"is less than {_FEWEST_ACROSS} times grid.spacing. Raise it."},
            )
        if self.numerics.solver != "fipy":
            yield Problem(
                "dish.shape",
                f"the {self.numerics.solver} solver needs a rectangle's walls. Set "
                "numerics.solver to 'fipy', or use --solver fipy.",
            )
        if self.cell_count > 0:
            yield Problem(
                "dish.shape",
                "cells move in a rectangle only, a round well has fields alone. Set cells.density "
                "to '0 1/mm**2'.",
            )

    def _view(self) -> Iterable[Problem]:
        """A view or a grid that holds nothing."""
        for key in ("width", "length"):
            extent = getattr(self.dish, key)
            if extent < self.grid.spacing:
                yield Problem(
                    f"dish.{key}",
                    f"{extent:g} um is less than one cell of the grid, {self.grid.spacing:g} um. "
                    f"Raise dish.{key} or lower grid.spacing.",
                    {
                        "grid.spacing": f"{self.grid.spacing:g} um is more than dish.{key}, "
                        f"{extent:g} um. Lower it, or raise that."
                    },
                )
                continue
            for path, noun, across in self._bodies():
                if extent < across:
                    yield Problem(
                        f"dish.{key}",
                        f"{extent:g} um is less than one {noun}, {across:g} um. Raise dish.{key}.",
                        {path: f"makes a {noun} of {across:g} um, which dish.{key}, {extent:g} um, "
                        "does not hold. Lower it, or raise that."},
                    )  # fmt: skip

    def _bodies(self) -> Iterable[tuple[str, str, float]]:
        """Cells that a view must hold: the key to their size, their name, and that size [um]."""
        if self.cells.type in self.cell_type and self.cell_count > 0:
            path = f"cell_type.{self.cells.type}.diameter"
            yield path, "haematopoietic cell", self.haematopoietic.diameter
        if self.grows and self.bears_stroma:
            cell = self.stroma
            longest = 2.0 * math.sqrt(cell.body_area * cell.body_aspect_ratio / math.pi)
            yield f"stromal_type.{self.scene.stroma}.body_area", f"{cell.label} body", longest

    def _mixed(self) -> Iterable[Problem]:
        """A reservoir without room, or under a bath."""
        if self.dish.mixed_above == 0.0:
            return
        if self.dish.mixed_above >= self.dish.height:
            yield Problem(
                "dish.mixed_above",
                f"{self.dish.mixed_above:g} um leaves nothing to mix below dish.height, "
                f"{self.dish.height:g} um. Lower it, or set it to '0 um' for still medium.",
                {"dish.height": f"{self.dish.height:g} um is not above dish.mixed_above, "
                f"{self.dish.mixed_above:g} um. Raise it, or lower that."},
            )  # fmt: skip
        if self.dish.top == "bath":
            yield Problem(
                "dish.mixed_above",
                "a bath already holds the top's concentration. Set dish.top to 'closed', or "
                "dish.mixed_above to '0 um'.",
            )

    def _bursts(self) -> Iterable[Problem]:
        """Bursts of migrasomes that never rupture or whose content is unknown."""
        if not self.mechanisms.bursts:
            return
        if self.grows and not self.mechanisms.cargo_kinetics:
            yield Problem(
                "mechanisms.bursts",
                "what is left in a migrasome of a grown scene is not known while its secretion is "
                "constant. Set mechanisms.cargo_kinetics to true.",
            )
        if self.grows:
            return
        if self.scene.migrasome_lifetime == 0.0:
            yield Problem(
                "mechanisms.bursts",
                "no migrasome ever ruptures. Set scene.migrasome_lifetime, such as '400 min'.",
            )
        for name in self.solved_ligands:
            if name in self.ligand and self.ligand[name].secretion.migrasome_decay == 0.0:
                yield Problem(
                    "mechanisms.bursts",
                    f"what is left of {name} in a migrasome is not known while its secretion stays "
                    f"as it is. Set ligand.{name}.secretion.migrasome_decay, such as '2e-4 1/s'.",
                )

    def _unsteady(self) -> Iterable[Problem]:
        """What a steady state has no time for."""
        remedy = "in a steady state nothing changes with time. Set it to"
        for key in ("migrasome_appearance", "migrasome_lifetime"):
            if getattr(self.scene, key) > 0.0:
                yield Problem(f"scene.{key}", f"{remedy} '0 h'.")
        for name in self.solved_ligands:
            if name in self.ligand and self.ligand[name].secretion.migrasome_decay > 0.0:
                yield Problem(f"ligand.{name}.secretion.migrasome_decay", f"{remedy} '0 1/s'.")
        if self.mechanisms.uptake:
            yield Problem("mechanisms.uptake", "a steady state has no cells. Set it to false.")

    def _stroma(self) -> Iterable[Problem]:
        """A stroma that cannot grow."""
        if not self.grows:
            return
        if self.run.mode == "steady":
            yield Problem(
                "scene.mode",
                f"a {self.scene.mode} scene changes with time, which a steady state has none of. "
                "Set it to 'placed'.",
            )
        if self.scene.mode == "frozen" and self.run.culture == 0.0:
            yield Problem(
                "scene.mode",
                "nothing grows before the cells are added, when a frozen scene stops. Give "
                "run.culture some time, or set it to 'grown'.",
            )
        if self.dish.shape == "round":
            yield Problem("scene.mode", "MSC migrate in a rectangle only. Set it to 'placed'.")
        if self.scene.detached_migrasome_density > 0.0:
            yield Problem(
                "scene.detached_migrasome_density",
                "in a grown scene migrasomes detach by themselves. Set it to '0 1/mm**2', or "
                "scene.mode to 'placed'.",
            )
        if self.biogenesis.early_diameter > self.scene.migrasome_diameter:
            yield Problem(
                "scene.migrasome_diameter",
                "is smaller than biogenesis.early_diameter, from which migrasomes grow. Raise it, "
                "or lower that.",
                {"biogenesis.early_diameter": "is larger than scene.migrasome_diameter, to which "
                "migrasomes grow. Lower it, or raise that."},
            )  # fmt: skip
        retraction = self.biogenesis.retraction_time
        if self.numerics.growth_step > retraction:
            yield Problem(
                "numerics.growth_step",
                f"{duration_text(self.numerics.growth_step)} is longer than a retraction, "
                f"{duration_text(retraction)}. Lower it.",
                {"biogenesis.retraction_time": f"{duration_text(retraction)} is shorter than "
                f"numerics.growth_step, {duration_text(self.numerics.growth_step)}. Raise it, or "
                "lower that."},
            )  # fmt: skip
        for name in self.solved_ligands:
            if name in self.ligand and self.ligand[name].coat.under_bodies < 1.0:
                yield Problem(
                    f"ligand.{name}.coat.under_bodies",
                    "bodies of a grown scene move, and what is bound under them would have to go. "
                    "Set it to 1.0, or scene.mode to 'placed'.",
                )

    def _cargo(self) -> Iterable[Problem]:
        """Cargo that cannot be followed, or is not there."""
        if self.grows:
            for name in self.solved_ligands:
                if name in self.ligand and self.ligand[name].secretion.migrasome_decay > 0.0:
                    yield Problem(
                        f"ligand.{name}.secretion.migrasome_decay",
                        "in a grown scene mechanisms.cargo_kinetics says how migrasomes fill and "
                        "empty. Set it to '0 1/s', or scene.mode to 'placed'.",
                    )
        if not (self.grows and self.mechanisms.cargo_kinetics):
            return
        for name in self.stroma.cargo:
            if name not in self.ligand:
                path = f"stromal_type.{self.scene.stroma}.cargo.{name}"
                yield Problem(path, unknown(name, self.ligand, "ligand"))
        for name in self.output.ligands:
            if name in self.ligand and name not in self.stroma.cargo:
                made = ", ".join(
                    self.ligand[k].label for k in self.stroma.cargo if k in self.ligand
                )
                yield Problem(
                    "output.ligands",
                    f"{self.stroma.label} cells make no {self.ligand[name].label}, but "
                    f"{made or 'nothing'}. Remove {name}, or give "
                    f"stromal_type.{self.scene.stroma}.cargo.{name}.",
                )

    def _perturbation(self, name: str) -> Iterable[Problem]:
        """A treatment of the stroma that it has no use for."""
        path, agent = f"treatments.{name}", self.agent[self.agent_of(name)]
        treatment = self.treatments[name]
        if agent.target is not None and agent.target not in self.stroma.expresses:
            yield Problem(
                path,
                f"{agent.label} acts on {agent.target}, which {self.stroma.label} cells lack. "
                f"They have {', '.join(self.stroma.expresses) or 'no target'}. Remove it, or "
                "choose another scene.stroma.",
            )
        if agent.acts_on == "cxcr4_antagonist" and self.cell_count == 0:
            yield Problem(
                path,
                f"{agent.label} acts on CXCR4 of haematopoietic cells, and this model has none. "
                "Set cells.density, or remove it.",
            )
        if agent.acts_on == "added_ligand" and self.agent_of(name) not in self.dosed_ligands:
            yield Problem(
                path,
                f"{agent.label} is added to a field that this model does not solve. Add "
                f"{self.agent_of(name)} to output.ligands, or remove it.",
            )
        if agent.on_networks and not self.grows:
            yield Problem(
                path,
                f"{agent.label} acts on how networks form, and a placed scene has formed. Set "
                "scene.mode to 'grown', or remove it.",
            )
        if agent.on_cargo and not self.followed_ligands:
            wanted = []
            if not self.grows:
                wanted.append("scene.mode to 'grown'")
            if not self.mechanisms.cargo_kinetics:
                wanted.append("mechanisms.cargo_kinetics to true")
            if not set(self.stroma.cargo) & set(self.solved_ligands):
                made = next(iter(self.stroma.cargo), None)
                wanted.append(
                    f"stromal_type.{self.scene.stroma}.cargo"
                    if made is None
                    else f"output.ligands, such as ['{made}']"
                )
            yield Problem(
                path,
                f"{agent.label} acts on how carriers fill migrasomes and fuse, and this model "
                f"follows none. Set {' and '.join(wanted)}, or remove it.",
            )
        if agent.acts_on in ("integrins", "calcium") and self.scene.mode == "frozen":
            for key, value in (("start", treatment.start), ("stop", treatment.stop)):
                if value is not None and value >= 0.0 and (key, value) != ("stop", 0.0):
                    yield Problem(
                        f"{path}.{key}",
                        "a frozen scene does not grow from 0 h on, when the cells are added. Give "
                        f"an earlier {key}, or set scene.mode to 'grown'.",
                    )
        if agent.genetic:
            for key in ("start", "stop"):
                if key in self.treatments[name].model_fields_set:
                    yield Problem(
                        f"{path}.{key}",
                        "a genetic change is there from the beginning to the end. Remove it.",
                    )

    def _patterns(self) -> Iterable[Problem]:
        """Patterns of the coat that are no pattern."""
        for name, ligand in self.ligand.items():
            pattern = ligand.coat.pattern
            if pattern not in PATTERNS and not pattern.endswith(PATTERN_FILES):
                yield Problem(
                    f"ligand.{name}.coat.pattern",
                    f"{unknown(pattern, PATTERNS, 'pattern')} Or give an image or array: a file "
                    f"that ends in {', '.join(PATTERN_FILES)}.",
                )

    def _linear_solver(self) -> Iterable[Problem]:
        """Conjugate gradients where the system is not symmetric."""
        if self.numerics.solver != "fipy" or self.numerics.fipy.linear_solver != "cg":
            return
        for name in self.solved_ligands:
            if name in self.ligand and self.ligand[name].coat.binds:
                yield Problem(
                    "numerics.fipy.linear_solver",
                    f"'cg' needs a symmetric system, and {name} binds to the floor. Choose "
                    "'bicgstab' or 'lu'.",
                )

    def _times(self) -> Iterable[Problem]:
        """Times outside the run; if its length was set last, that leaves all of them out."""
        begin, end = 0.0 - self.run.culture, self.run.duration
        times = {"output.fields_from": (self.output.fields_from, begin)}
        times["output.tracks_from"] = (self.output.tracks_from, 0.0)
        for name, treatment in self.treatments.items():
            times[f"treatments.{name}.start"] = (treatment.start, begin)
            if treatment.stop is not None:
                times[f"treatments.{name}.stop"] = (treatment.stop, begin)
        late = {p: at for p, (at, _) in times.items() if at > end}
        early = {p: at for p, (at, first) in times.items() if at < first}
        kept = [times[p][0] for p in times if p.startswith("treatments.") and p not in late | early]
        last, first_kept = max([0.0, *kept]), min([0.0, *kept])
        stops = {path: end for path in late if path.endswith(".stop")}
        late = _drawn_in(late, last, 0.5 * (last + end)) | stops
        early = _drawn_in(early, first_kept, begin)
        for outside, key, length in (
            (late, "run.duration", end), (early, "run.culture", -begin)
        ):  # fmt: skip
            listed = ", ".join(f"{path} {duration_text(times[path][0])}" for path in outside)
            pasted = " ".join(
                f"--set {path}='{duration_text(within)}'" for path, within in outside.items()
            )
            together = (
                f"{duration_text(length)} leaves out {listed}. Make it longer, or add {pasted}."
            )
            for path in outside:
                at, first = times[path]
                yield Problem(path, _outside(at, first, end), {key: together})

    def _strangers(self) -> Iterable[Problem]:
        """Names of what the model does not have; with them nothing else can be asked."""
        chosen: list[tuple[str, str, Iterable[str], str]] = [
            ("cells.type", self.cells.type, self.cell_type, "cell type"),
            ("receptor.cxcr4.ligand", self.receptor.cxcr4.ligand, self.ligand, "ligand"),
            *(("output.ligands", name, self.ligand, "ligand") for name in self.output.ligands),
            ("scene.stroma", self.scene.stroma, self.stromal_type, "stromal type"),
            ("scene.substrate", self.scene.substrate, self.substrate, "substrate"),
        ]
        for path, name, known, noun in chosen:
            if name not in known:
                yield Problem(path, unknown(name, known, noun))

    def problems(self) -> Iterable[Problem]:
        """All that is wrong although every value by itself is right."""
        strangers = list(self._strangers())
        yield from strangers
        if strangers:
            return
        yield from self._stroma()
        yield from self._excesses()
        yield from self._times()
        yield from self._view()
        yield from self._mixed()
        yield from self._patterns()
        yield from self._bursts()
        yield from self._cargo()
        yield from self._round_well()
        yield from self._linear_solver()
        for name, treatment in self.treatments.items():
            path = f"treatments.{name}"
            agent = self.agent_of(name)
            if agent not in self.agent:
                yield Problem(path, unknown(agent, self.agent, "agent"))
                continue
            if self.agent[agent].acts_on == "added_ligand" and agent not in self.ligand:
                yield Problem(path, unknown(agent, self.ligand, "ligand"))
                continue
            try:
                self.dose(name)
            except ValueError as error:
                yield Problem(f"{path}.dose", str(error))
            yield from self._perturbation(name)
            start = treatment.start
            if treatment.stop is not None and self.agent[agent].acts_on in (
                "medium_change",
                "added_ligand",
            ):
                yield Problem(
                    f"{path}.stop",
                    (
                        "has no stop: a medium change is over at once, added ligand leaves with "
                        "the next medium change. Remove it."
                    ),
                )
            elif treatment.stop is not None and treatment.stop <= start:
                yield Problem(
                    f"{path}.stop",
                    (
                        f"{duration_text(treatment.stop)} is not after the start, "
                        f"{duration_text(start)}. Give a later stop."
                    ),
                )
        if self.run.mode == "steady":
            yield from self._unsteady()
            if self.treatments:
                first = next(iter(self.treatments))
                yield Problem(
                    f"treatments.{first}",
                    (
                        "a steady model has no time for treatments. Remove them or set "
                        "run.mode to 'transient'."
                    ),
                )
            for name in self.solved_ligands:
                ligand = self.ligand[name]
                if self.dish.top == "closed" and not ligand.loses:
                    yield Problem(
                        f"ligand.{name}",
                        (
                            "no steady state, since every wall is closed and nothing is lost. "
                            "Set loss_rate, open the top, or ask for a transient."
                        ),
                    )


def dimension_of(path: str) -> str | None:
    """Dimension of the quantity at a dotted path of a model; None if it has none.

    Examples
    --------
    >>> dimension_of("cell_type.kg1a.speed"), dimension_of("run.seed")
    ('speed', None)
    """
    section: Any = ModelSpec
    *tables, key = path.split(".")
    for name in tables:
        if isinstance(section, type) and issubclass(section, Section):
            known = section.model_fields.get(name)
            section = None if known is None else known.annotation
        else:
            section = get_args(section)[-1] if get_origin(section) is dict else None
    if not (isinstance(section, type) and issubclass(section, Section)):
        return None
    field_ = section.model_fields.get(key)
    if field_ is None:
        return None
    if section is Treatment and key == "dose":
        return "concentration"
    notes = [*field_.metadata, *(note for a in get_args(field_.annotation) for note in _notes(a))]
    return next((note.dimension for note in notes if isinstance(note, Quantity)), None)


def _notes(annotation: Any) -> tuple[Any, ...]:
    """What an annotated type is annotated with."""
    return getattr(annotation, "__metadata__", ())


def _drawn_in(times: Mapping[str, float], kept: float, end: float) -> dict[str, float]:
    """Times beyond an end of the run, brought between the last one within it and a new end.

    Their order stays, and the ratio of their distances.
    """
    if not times:
        return {}
    farthest = max(times.values(), key=lambda time: abs(time - kept))
    share = (end - kept) / (farthest - kept)
    return {path: instant(kept + share * (time - kept)) for path, time in times.items()}


def _outside(value: float, begin: float, end: float) -> str:
    return (
        f"{duration_text(value)} is outside the run, which lasts from {duration_text(begin)} to "
        f"{duration_text(end)} (0 is the end of run.culture). "
        "Choose a time within it."
    )


def unknown(name: str, known: Iterable[str], noun: str) -> str:
    """Sentences that say a name is unknown and what it may have meant."""
    return f"unknown {noun} '{name}'. {suggestion(name, known)}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Sentence with the known names closest to a wrong one, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return "Did you mean " + " or ".join(f"'{c}'" for c in close) + "?"
    return "Known: " + ", ".join(names) + "."
