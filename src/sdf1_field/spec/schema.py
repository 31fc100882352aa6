"""A complete model as a value in canonical units: its sections and values derived from them."""

from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import Field, TypeAdapter, ValidationError

from sdf1_field.spec.agents import Agent, Treatment
from sdf1_field.spec.haematopoietic import BOND_NAMES, Adhesion, Cells, CellType, ReceptorTable
from sdf1_field.spec.medium import Dish, GridSection, Ligand
from sdf1_field.spec.quantities import (
    NonNegativeTime,
    PositiveConcentration,
    PositiveLength,
    PositiveTime,
    Quantity,
    Section,
    Spread,
    Time,
)
from sdf1_field.spec.stroma import Biogenesis, SceneSection, StromalType, Substrate, Traffic
from sdf1_field.units import parse

_LONGEST_RUN = 1e9
"""Longest run [s]: thirty years."""
_HIGHEST_DOSE = 1e9
"""Highest dose [nM]: 1 M."""
_SWITCH = TypeAdapter(bool)


class Run(Section):
    """Length, mode and seed of a run."""

    mode: Literal["transient", "steady"]
    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)]
    culture: Annotated[float, Quantity("time", ge=0, le=_LONGEST_RUN)]
    """MSC culture before time 0 (haematopoietic cells added)."""
    duration: Annotated[float, Quantity("time", gt=0, le=_LONGEST_RUN)]


class Mechanisms(Section):
    """Switches; with all of them off the fold change is 1."""

    soluble_sensing: bool
    haptotaxis: bool
    arrest: bool
    """Whether occupied CXCR4 triggers that a cell is caught."""
    adaptation: bool
    """Whether that trigger adapts to the occupied receptors."""
    trigger_noise: bool
    """Whether the noise of the receptors adds to that trigger."""
    cd166_adhesion: bool
    vla4_adhesion: bool
    fibre_adhesion: bool
    chemokinesis: bool
    crowding: bool
    uptake: bool
    migrasome_uptake: bool
    cargo_kinetics: bool
    bursts: bool


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
    """Time step and linear solver of the FiPy solver."""

    time_step: PositiveTime
    linear_solver: Literal["cg", "bicgstab", "lu"]
    linear_tolerance: Annotated[float, Field(ge=1e-15, lt=1e-2, strict=True)]
    """Residual over right-hand side."""
    sweep_tolerance: Annotated[float, Field(ge=1e-14, lt=1e-2, strict=True)]
    """Largest relative change in the last sweep."""


class Numerics(Section):
    """Solver, tolerances and numerical time steps."""

    solver: Literal["cosine", "fipy"]
    fipy: FipyNumerics
    linear_coat: bool = True
    """Whether an unsaturated coat is solved with the medium as one linear system, exact in time."""
    tolerance: Annotated[float, Field(ge=1e-8, le=0.1, strict=True)]
    """Error of the floor, relative to the mean and separately to the deviation from the mean."""
    absolute_tolerance: PositiveConcentration
    first_step: PositiveTime
    coupling_step: PositiveTime
    culture_step: PositiveTime
    """Interval at which fields take up the growing scene before the cells are added."""
    growth_step: PositiveTime
    contact_spacing: PositiveLength
    """Largest spacing of the maps of what cells touch."""
    settling_time: PositiveTime
    """Time from an event to the next exchange of fields and cells."""


class Output(Section):
    """Ligands, fields and tracks that a run file holds, and their intervals."""

    ligands: tuple[str, ...] = ()
    fields_every: PositiveTime
    fields_from: Time
    tracks_every: PositiveTime
    tracks_from: NonNegativeTime


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
    treatments: dict[str, Treatment] = Field(default={})
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
        """Whether the scene grows, if only until the cells are added."""
        return self.scene.mode != "placed"

    @property
    def drawn(self) -> bool:
        """Whether the scene is drawn from the image of a dish."""
        return self.scene.file != ""

    @property
    def bears_stroma(self) -> bool:
        """Whether there may be stromal bodies in the view."""
        return self.drawn or self.scene.msc_number > 0 or self.scene.msc_density > 0.0

    @property
    def shows_bodies(self) -> bool:
        """Whether the haematopoietic cells may meet stromal bodies."""
        # An unknown agent is refused by the checks, which ask this too.
        agents = {
            name: self.agent.get(self.agent_of(name))
            for name, t in self.treatments.items()
            if t.start <= 0.0
        }
        removed = any(agent and agent.acts_on == "bodies" for agent in agents.values())
        return self.bears_stroma and not removed

    @property
    def bears_networks(self) -> bool:
        """Whether there may be fibres in the view."""
        placed = self.scene.network_fraction > 0.0
        return self.drawn or (self.bears_stroma and (self.grows or placed))

    @property
    def bears_migrasomes(self) -> bool:
        """Whether there may be migrasomes in the view."""
        return self.bears_networks or self.scene.detached_migrasome_density > 0.0

    @property
    def follows_cells(self) -> bool:
        """Whether haematopoietic cells move in the view; a steady state has none."""
        return self.cell_count > 0 and self.run.mode != "steady"

    @property
    def senses(self) -> bool:
        """Whether cells sense a ligand."""
        return self.follows_cells and bool(self.sensed_ligands)

    def bears(self, bond: str) -> bool:
        """Whether cells can touch what bears a bond of `BOND_NAMES`, and the bond is on."""
        there = self.bears_networks if bond == "fibre" else self.shows_bodies
        there |= bond == "cd166" and self.bears_migrasomes
        return self.follows_cells and there and bool(getattr(self.mechanisms, f"{bond}_adhesion"))

    @property
    def touches(self) -> bool:
        """Whether cells can touch a structure that could hold them."""
        return any(self.bears(bond) for bond in BOND_NAMES)

    @property
    def triggers(self) -> bool:
        """Whether occupied CXCR4 triggers that cells are caught."""
        triggered = self.mechanisms.arrest and self.haematopoietic.triggered_arrest_rate > 0
        return self.touches and triggered

    @property
    def adheres(self) -> bool:
        """Whether cells can be caught."""
        return self.touches and (self.triggers or self.haematopoietic.basal_arrest_rate > 0)

    @property
    def sensed_ligands(self) -> tuple[str, ...]:
        """Ligands that cells sense or take up."""
        m = self.mechanisms
        read = m.soluble_sensing or m.haptotaxis or m.arrest or m.chemokinesis
        if read or m.uptake:
            return (self.receptor.cxcr4.ligand,)
        return ()

    @property
    def solved_ligands(self) -> tuple[str, ...]:
        """Ligands that are sensed or saved."""
        return tuple(dict.fromkeys(self.sensed_ligands + self.output.ligands))

    @property
    def dosed_ligands(self) -> tuple[str, ...]:
        """Ligands that may be added: those solved, and that of CXCR4 in a model with cells."""
        unnoticed = (self.receptor.cxcr4.ligand,) if self.cell_count > 0 else ()
        return tuple(dict.fromkeys(self.solved_ligands + unnoticed))

    @property
    def followed_ligands(self) -> tuple[str, ...]:
        """Ligands whose carriers are computed; only a grown scene has carriers."""
        if not (self.grows and self.mechanisms.cargo_kinetics):
            return ()
        return tuple(name for name in self.solved_ligands if name in self.stroma.cargo)

    @property
    def treatment_label(self) -> str:
        """Labels and doses of the treatments without medium changes.

        Such as ``"AMD3100 10 uM"``; ``"untreated"`` without any.
        """
        labels = []
        for name, treatment in self.treatments.items():
            agent = self.agent[self.agent_of(name)]
            if agent.acts_on != "medium_change":
                labels.append(f"{agent.label} {treatment.dose}" if treatment.dose else agent.label)
        return ", ".join(dict.fromkeys(labels)) or "untreated"

    def agent_of(self, name: str) -> str:
        """Name of the agent of a treatment."""
        return self.treatments[name].agent or name

    def dose(self, name: str) -> float:
        """Dose of a treatment [nM]; 0 for a medium or genetic change.

        Raises
        ------
        ValueError
            If the dose is missing, unwanted or not a concentration.
        """
        treatment, agent = self.treatments[name], self.agent[self.agent_of(name)]
        genetic = agent.action.lasts == "genetic"
        if genetic or agent.acts_on in ("medium_change", "bodies"):
            if treatment.dose is not None:
                kind = "a genetic change" if genetic else f"a {agent.label}"
                raise ValueError(f"{kind} has no dose. Remove it.")
            return 0.0
        if treatment.dose is None:
            raise ValueError("no dose is given. Set one, such as '10 uM' or '100 ng/mL'.")
        dose = parse(treatment.dose, "concentration", molar_mass=self.dosed_mass(name))
        if not 0 <= dose <= _HIGHEST_DOSE:
            raise ValueError(f"'{treatment.dose}' is out of range. A dose is from 0 to 1 M.")
        return dose

    def dosed_mass(self, name: str) -> float | None:
        """Molar mass of a treatment's agent [kDa]; None if it has none."""
        agent = self.agent[self.agent_of(name)]
        ligand = self.agent_of(name) if agent.acts_on == "added_ligand" else agent.ligand
        if ligand is not None:
            return self.ligand[ligand].molar_mass
        return agent.molar_mass


def dimension_of(path: str) -> str | None:
    """Dimension of the quantity at a dotted path of a model; None if it has none.

    Examples
    --------
    >>> dimension_of("cell_type.kg1a.speed"), dimension_of("run.seed")
    ('speed', None)
    """
    section, key = _section_of(path)
    field_ = None if section is None else section.model_fields.get(key)
    if field_ is None:
        return None
    if section is Treatment and key == "dose":
        return "concentration"
    notes = [*field_.metadata, *(note for a in get_args(field_.annotation) for note in _notes(a))]
    return next((note.dimension for note in notes if isinstance(note, Quantity)), None)


def switch_value(path: str, value: Any) -> Any:
    """True or False for a switch that is written otherwise; any other value as it is.

    Parameters
    ----------
    path : str
        Dotted.
    value : object
        As written, such as ``"yes"`` or ``1``.

    Examples
    --------
    >>> switch_value("mechanisms.crowding", "yes"), switch_value("run.seed", 1)
    (True, 1)
    """
    section, key = _section_of(path)
    field_ = None if section is None else section.model_fields.get(key)
    if field_ is None or field_.annotation is not bool:
        return value
    try:
        return _SWITCH.validate_python(value)
    except ValidationError:
        return value  # the check of the whole model refuses it


def _section_of(path: str) -> tuple[type[Section] | None, str]:
    """Section that holds a dotted path, None if there is none, and the key in it."""
    section: Any = ModelSpec
    *tables, key = path.split(".")
    for name in tables:
        if isinstance(section, type) and issubclass(section, Section):
            known = section.model_fields.get(name)
            section = None if known is None else known.annotation
        else:
            section = get_args(section)[-1] if get_origin(section) is dict else None
    return (section if isinstance(section, type) and issubclass(section, Section) else None), key


def _notes(annotation: Any) -> tuple[Any, ...]:
    """Metadata of an annotated type."""
    return getattr(annotation, "__metadata__", ())
