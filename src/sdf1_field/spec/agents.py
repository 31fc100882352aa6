"""Agents: the keys an agent's action needs, its effect at a dose, and how a treatment is written.

An agent with a known action is an entry of a model file. An action is an entry of `ACTIONS`.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from pydantic import field_validator, model_validator

from sdf1_field.spec.names import unknown
from sdf1_field.spec.quantities import (
    Fraction,
    MolarMass,
    NonNegativeTime,
    PositiveConcentration,
    PositiveTime,
    Ratio,
    Section,
    Time,
)
from sdf1_field.units import duration_text

if TYPE_CHECKING:
    from sdf1_field.spec.schema import ModelSpec

_PRETREATMENT = 7200.0
"""Start of an example's antibody before the cells are added [s]."""


class Agent(Section):
    """A drug, ligand, antibody or genetic change, its action and the action's constants."""

    label: str
    acts_on: str
    """Key of `ACTIONS`."""
    target: str | None = None
    """Molecule of the stroma that the agent needs; one of ``stromal_type.NAME.expresses``."""
    ligand: str | None = None
    """Ligand that a pre-coat puts onto the coat."""
    molar_mass: MolarMass | None = None
    factor: Ratio | None = None
    """Factor of a genetic change on the rate it acts on."""
    inhibition_constant: PositiveConcentration | None = None
    dissociation_constant: PositiveConcentration | None = None
    maximum_block: Fraction | None = None

    @property
    def action(self) -> "Action":
        """Entry of `ACTIONS`."""
        return ACTIONS[self.acts_on]

    @field_validator("acts_on")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in ACTIONS:
            raise ValueError(unknown(name, ACTIONS, "action"))
        return name

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needs = self.action.needs
        for key in needs:
            if getattr(self, key) is None:
                raise ValueError(f"an agent that acts on {self.acts_on} needs '{key}'.")
        if self.factor is not None and "factor" not in needs:
            raise ValueError(f"an agent that acts on {self.acts_on} has no 'factor'. Remove it.")
        if self.factor == 0.0 and not self.action.may_be_zero:
            raise ValueError(
                "without any fusion carriers accumulate without limit. Give a 'factor' above 0, "
                "such as 0.01."
            )
        return self


class Treatment(Section):
    """One timed event; the agent is the table's own name unless said otherwise."""

    agent: str | None = None
    dose: str | None = None
    start: Time = 0.0
    stop: Time | None = None
    preincubation: NonNegativeTime = 0.0
    """Time for which the haematopoietic cells were kept in the agent before they are added."""
    incubation: PositiveTime | None = None
    """Time for which a pre-coat was on the floor until its start; until equilibrium if None."""


@dataclass(frozen=True)
class Perturbation:
    """Factors and shares by which treatments change the stroma's growth and cargo.

    Parameters
    ----------
    nucleation : float
        Factor on the rate at which migrasomes form on fibres [1].
    blocked_integrins : float
        Share of integrins that an inhibitor keeps from the substrate [1].
    transport : float
        Factor on the rate at which carriers enter migrasomes [1].
    fusion : float
        Factor on the rates at which carriers fuse with a membrane [1].
    chelated : float
        Share of the calcium signal that a chelator removes [1].
    """

    nucleation: float = 1.0
    blocked_integrins: float = 0.0
    transport: float = 1.0
    fusion: float = 1.0
    chelated: float = 0.0

    @classmethod
    def together(cls, acting: Iterable["Perturbation"]) -> "Perturbation":
        """Perturbation by several that act independently: their factors, free shares, multiply."""
        acting = list(acting)
        return cls(
            nucleation=math.prod(p.nucleation for p in acting),
            blocked_integrins=1.0 - math.prod(1.0 - p.blocked_integrins for p in acting),
            transport=math.prod(p.transport for p in acting),
            fusion=math.prod(p.fusion for p in acting),
            chelated=1.0 - math.prod(1.0 - p.chelated for p in acting),
        )


@dataclass(frozen=True)
class Effect:
    """Effect of an agent at its dose.

    Parameters
    ----------
    medium_change : bool
        Whether the medium is replaced.
    added : float
        Concentration of the agent that the whole medium gains [nM].
    coating : float or None
        Concentration of a ligand's solution that the coat was kept in [nM]; None for no pre-coat.
    bodies_removed : bool
        Whether the stromal bodies are removed, and the network is left.
    blocked : float
        Share of CD166 that is blocked on the bodies and migrasomes present [1].
    competition : float
        ``a / K_i`` of an antagonist of CXCR4 [1].
    perturbation : Perturbation
    """

    medium_change: bool = False
    added: float = 0.0
    coating: float | None = None
    bodies_removed: bool = False
    blocked: float = 0.0
    competition: float = 0.0
    perturbation: Perturbation = Perturbation()


@dataclass(frozen=True)
class Action:
    """One way in which an agent acts.

    Parameters
    ----------
    effect : callable
        Of the agent and the dose [nM].
    lasts : str
        ``"moment"``, an event without a stop; ``"bound"``, on structures present at the start
        for good, and on those that form until the stop; ``"present"``, from start to stop or the
        next medium change; ``"genetic"``, always, without dose.
    needs : tuple of str
        Keys of an agent that have no default.
    on_stroma : bool
        Whether the effect is on the stroma's growth or cargo.
    lacks : callable
        Of the model and the agent's name: sentences that follow the agent's label if the model
        has nothing for the agent to act on, with the remedy; else None.
    idle : callable
        Likewise: reason and remedy if the effect changes nothing in a run of the model; else None.
    example : callable
        Of the model: keys of a treatment as a model file writes them; None for no example.
    may_be_zero : bool
        Whether the factor may be 0.
    on_cells : bool
        Whether it acts on the haematopoietic cells, so that they may be preincubated with it.
    """

    effect: Callable[[Agent, float], Effect]
    lasts: Literal["moment", "bound", "present", "genetic"]
    needs: tuple[str, ...] = ()
    on_stroma: bool = False
    lacks: Callable[["ModelSpec", str], str | None] = lambda _spec, _name: None
    idle: Callable[["ModelSpec", str], tuple[str, str] | None] = lambda _spec, _name: None
    example: Callable[["ModelSpec"], dict[str, str] | None] = lambda _spec: None
    may_be_zero: bool = True
    on_cells: bool = False


def _covered(agent: Agent, dose: float) -> float:
    """Share of its target that an agent covers at a dose [nM]."""
    from sdf1_field.pharmacology import blocked_fraction  # loads Numba

    assert agent.dissociation_constant is not None
    assert agent.maximum_block is not None
    return blocked_fraction(
        dose, dissociation_constant=agent.dissociation_constant, maximum=agent.maximum_block
    )


def _competition(agent: Agent, dose: float) -> Effect:
    assert agent.inhibition_constant is not None
    return Effect(competition=dose / agent.inhibition_constant)


def _factor(agent: Agent) -> float:
    assert agent.factor is not None
    return agent.factor


def _without_cells(spec: "ModelSpec", _: str) -> str | None:
    if spec.cell_count > 0:
        return None
    return (
        "acts on CXCR4 of haematopoietic cells, and this model has none. Set cells.density, or "
        "remove it."
    )


def _without_field(spec: "ModelSpec", name: str) -> str | None:
    if name in spec.dosed_ligands:
        return None
    return (
        f"is added to a field that this model does not solve. Add {name} to output.ligands, or "
        "remove it."
    )


def _without_coat(spec: "ModelSpec", name: str) -> str | None:
    ligand = spec.agent[name].ligand
    assert ligand is not None
    if ligand not in spec.dosed_ligands:
        return _without_field(spec, ligand)
    if spec.ligand[ligand].coat.binds:
        return None
    return (
        f"binds to the coat, and here {ligand} binds to none. Set ligand.{ligand}.coat.sites and "
        ".association_rate above 0, or remove it."
    )


def _without_bodies(spec: "ModelSpec", _: str) -> str | None:
    if spec.bears_stroma:
        return None
    return (
        "removes stromal bodies, and this model has none. Set scene.msc_density above 0, or "
        "remove it."
    )


def _without_growth(spec: "ModelSpec", _: str) -> str | None:
    if spec.grows:
        return None
    return (
        "acts on how networks form, and a placed scene does not grow. Set scene.mode to 'grown', "
        "or remove it."
    )


def _without_cargo(spec: "ModelSpec", _: str) -> str | None:
    if spec.followed_ligands:
        return None
    wanted = []
    if not spec.grows:
        wanted.append("scene.mode to 'grown'")
    if not spec.mechanisms.cargo_kinetics:
        wanted.append("mechanisms.cargo_kinetics to true")
    if not set(spec.stroma.cargo) & set(spec.solved_ligands):
        made = next(iter(spec.stroma.cargo), None)
        wanted.append(
            f"stromal_type.{spec.scene.stroma}.cargo"
            if made is None
            else f"output.ligands, such as ['{made}']"
        )
    return (
        "acts on how carriers fill migrasomes and fuse, and this model computes none. Set "
        f"{' and '.join(wanted)}, or remove it."
    )


def _unsensed(spec: "ModelSpec", _: str) -> tuple[str, str] | None:
    if spec.senses:
        return None
    return "no cell senses a ligand", "Set a mechanism such as mechanisms.haptotaxis to true"


def _unheld(spec: "ModelSpec", _: str) -> tuple[str, str] | None:
    if spec.adheres and spec.bears("cd166"):
        return None
    return "no cell is held by CD166", "Set mechanisms.cd166_adhesion to true"


def _unsolved(spec: "ModelSpec", name: str) -> tuple[str, str] | None:
    if name in spec.solved_ligands:
        return None
    return f"{name} is not solved", f"Add {name} to output.ligands"


def _unsolved_coat(spec: "ModelSpec", name: str) -> tuple[str, str] | None:
    ligand = spec.agent[name].ligand
    assert ligand is not None
    return _unsolved(spec, ligand)


def _nothing_dissolved(spec: "ModelSpec", _: str) -> tuple[str, str] | None:
    agents = [spec.agent[spec.agent_of(name)] for name in spec.treatments]
    if spec.solved_ligands or any(agent.acts_on != "medium_change" for agent in agents):
        return None
    return "there is nothing to remove", "Add a ligand to output.ligands"


def _middle(spec: "ModelSpec") -> str:
    return duration_text(spec.run.duration / 2)


def _pretreated(spec: "ModelSpec") -> dict[str, str]:
    before = min(_PRETREATMENT, spec.run.culture)
    times = {"start": duration_text(-before), "stop": "0 h"} if before > 0 else {}
    return {"dose": "5 ug/mL", **times}


ACTIONS: dict[str, Action] = {
    "cxcr4_antagonist": Action(
        effect=_competition,
        lasts="present",
        needs=("molar_mass", "inhibition_constant"),
        on_cells=True,
        lacks=_without_cells,
        idle=_unsensed,
        example=lambda spec: {"dose": "10 uM", "start": "0 h", "stop": _middle(spec)},
    ),
    "added_ligand": Action(
        effect=lambda _, dose: Effect(added=dose),
        lasts="moment",
        on_cells=True,
        lacks=_without_field,
        idle=_unsolved,
        example=lambda _: {"dose": "100 ng/mL", "start": "0 h"},
    ),
    "coat": Action(
        effect=lambda _, dose: Effect(medium_change=True, coating=dose),
        lasts="moment",
        needs=("ligand",),
        lacks=_without_coat,
        idle=_unsolved_coat,
    ),
    "cd166_block": Action(
        effect=lambda agent, dose: Effect(blocked=_covered(agent, dose)),
        lasts="bound",
        needs=("molar_mass", "dissociation_constant", "maximum_block", "target"),
        idle=_unheld,
        example=_pretreated,
    ),
    "integrins": Action(
        effect=lambda agent, dose: Effect(
            perturbation=Perturbation(blocked_integrins=_covered(agent, dose))
        ),
        lasts="present",
        needs=("molar_mass", "dissociation_constant", "maximum_block", "target"),
        on_stroma=True,
        lacks=_without_growth,
        example=lambda spec: {"dose": "10 uM", "start": _middle(spec)},
    ),
    "nucleation": Action(
        effect=lambda agent, _: Effect(perturbation=Perturbation(nucleation=_factor(agent))),
        lasts="genetic",
        needs=("factor", "target"),
        on_stroma=True,
        lacks=_without_growth,
        example=lambda _: {},
    ),
    "transport": Action(
        effect=lambda agent, _: Effect(perturbation=Perturbation(transport=_factor(agent))),
        lasts="genetic",
        needs=("factor", "target"),
        on_stroma=True,
        lacks=_without_cargo,
    ),
    "fusion": Action(
        effect=lambda agent, _: Effect(perturbation=Perturbation(fusion=_factor(agent))),
        lasts="genetic",
        needs=("factor", "target"),
        on_stroma=True,
        lacks=_without_cargo,
        may_be_zero=False,
    ),
    "calcium": Action(
        effect=lambda agent, dose: Effect(
            perturbation=Perturbation(chelated=_covered(agent, dose))
        ),
        lasts="present",
        needs=("molar_mass", "dissociation_constant", "maximum_block"),
        on_stroma=True,
        lacks=_without_cargo,
        example=lambda spec: {"dose": "10 uM", "start": _middle(spec)},
    ),
    "bodies": Action(
        effect=lambda _agent, _dose: Effect(bodies_removed=True),
        lasts="moment",
        lacks=_without_bodies,
    ),
    "medium_change": Action(
        effect=lambda _agent, _dose: Effect(medium_change=True),
        lasts="moment",
        idle=_nothing_dissolved,
        example=lambda spec: (
            {"agent": "medium_change", "start": _middle(spec)} if spec.solved_ligands else None
        ),
    ),
}
"""Actions of agents by name, in the order of the examples in a new model file."""
