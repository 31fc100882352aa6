"""Agents and treatments."""

from typing import Literal, Self

from pydantic import model_validator

from sdf1_field.spec.quantities import (
    Fraction,
    MolarMass,
    PositiveConcentration,
    Ratio,
    Section,
    Time,
)


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
