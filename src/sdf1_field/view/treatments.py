"""Treatments of a run, in sentences."""

import math
from collections.abc import Iterator

from sdf1_field.spec import ModelSpec, Treatment
from sdf1_field.units import duration_text
from sdf1_field.view.document import in_micro


def moment_text(time: float) -> str:
    """A moment of a run [s].

    Examples
    --------
    >>> moment_text(0.0), moment_text(14400.0), moment_text(-7200.0)
    ('time 0', '4 h', '2 h before time 0')
    """
    if time < 0.0:
        return f"{duration_text(-time)} before time 0"
    return duration_text(time) if time else "time 0"


def treatments(spec: ModelSpec) -> Iterator[str]:
    """A sentence for each treatment in the order of time, and why it has no effect if it has none.

    The same as in a methods section, and so in the past tense.
    """
    for name in in_order(spec):
        agent = spec.agent_of(name)
        idle = spec.agent[agent].action.idle(spec, agent)
        vain = "" if idle is None else f" It has no effect here, since {idle[0]}."
        yield f"{treatment_text(spec, name)}{vain}"


def in_order(spec: ModelSpec) -> list[str]:
    """Names of treatments in the order of time; what a medium change brings comes after it."""
    return sorted(
        spec.treatments, key=lambda name: (spec.treatments[name].start, not _changes(spec, name))
    )


def _changes(spec: ModelSpec, name: str) -> bool:
    return spec.agent[spec.agent_of(name)].acts_on == "medium_change"


def treatment_text(spec: ModelSpec, name: str) -> str:
    """What was given, its dose, and from when to when."""
    given = spec.treatments[name]
    agent = spec.agent[spec.agent_of(name)]
    start = moment_text(given.start)
    dosed = agent.label + (f" ({in_micro(given.dose)})" if given.dose else "")
    if _changes(spec, name):
        return (
            f"At {start} the medium was changed: what was dissolved was removed, what was bound to "
            "the coat stayed."
        )
    match agent.action.lasts:
        case "genetic":
            text = f"{dosed} was in effect from the beginning to the end."
        case "moment":
            text = f"{dosed} was added to the whole medium at {start}."
            if agent.acts_on == "bodies":
                text = (
                    f"The {spec.stroma.label} bodies were removed at {start} ({agent.label}); "
                    "fibres and migrasomes stayed."
                )
            if agent.ligand is not None:
                kept = "to equilibrium"
                if given.incubation is not None:
                    kept = f"for {duration_text(given.incubation)}"
                text = (
                    f"{dosed}: the coat was kept in the solution {kept} and washed at {start}; "
                    "what was bound stayed."
                )
        case "bound":
            until = "to the end"
            if given.stop is not None:
                until = f"to {moment_text(given.stop)}, when it was washed off"
            text = (
                f"{dosed} was given from {start} {until}; it stayed on bodies and migrasomes that "
                "it had bound, and those that formed later were free of it."
            )
        case _:
            text = f"{dosed} was in the medium from {start} {_until(spec, given)}."
    if given.preincubation > 0.0:
        text += (
            f" The cells were kept in it for {duration_text(given.preincubation)} before they "
            "were added."
        )
    return f"{text[0].upper()}{text[1:]}"


def _until(spec: ModelSpec, given: Treatment) -> str:
    """Until when a drug is in the medium: its stop or the next medium change."""
    changes = [
        other.start
        for name, other in spec.treatments.items()
        if spec.agent[spec.agent_of(name)].acts_on in ("medium_change", "coat")
        and other.start > given.start
    ]
    washed = min(changes, default=math.inf)
    if washed < (math.inf if given.stop is None else given.stop):
        return f"to the medium change at {moment_text(washed)}"
    return "to the end" if given.stop is None else f"to {moment_text(given.stop)}"
