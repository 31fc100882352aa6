"""Mechanisms of a run: acting, on without effect, and off."""

from sdf1_field.spec import ModelSpec
from sdf1_field.spec.unread import unread_keys
from sdf1_field.view.document import Section, Table
from sdf1_field.view.setting import sources

_OF_STROMA = ("cargo_kinetics", "bursts")
"""Mechanisms that need no haematopoietic cells."""
MECHANISMS = {
    "soluble_sensing": "cells turn up the gradient of dissolved {ligand} (chemotaxis)",
    "haptotaxis": "cells turn up the gradient of {ligand} that is bound to the coat (haptotaxis)",
    "chemokinesis": "cells crawl faster the more of their CXCR4 is occupied (chemokinesis)",
    "arrest": "a rise in occupied CXCR4 triggers that a cell which touches stroma is caught",
    "adaptation": "that trigger fades while the number of occupied receptors stays the same",
    "trigger_noise": "the noise of the receptors adds to that trigger",
    "cd166_adhesion": "CD166, on bodies and on mature migrasomes, holds cells",
    "vla4_adhesion": "VCAM-1, on bodies, holds cells by their VLA-4",
    "fibre_adhesion": "retraction fibres hold cells",
    "crowding": "cells do not pass through each other",
    "uptake": "cells take up {ligand} by their CXCR4",
    "migrasome_uptake": "cells take up migrasomes that they touch",
    "cargo_kinetics": "chemokines are followed in vesicles from the body through migrasomes to "
    "the medium; else the rates of secretion are given",
    "bursts": "the content of a migrasome that ruptures is released at once",
}
"""What happens with each mechanism on."""
_OF_CELLS = ("soluble_sensing", "haptotaxis", "chemokinesis")
_STEERING = ("soluble_sensing", "haptotaxis")


def mechanisms(spec: ModelSpec) -> Section:
    """Which mechanisms act, which are on without effect, and which are off."""
    ligand = spec.ligand[spec.receptor.cxcr4.ligand].label
    acts, idle, off = [], [], []
    for name in MECHANISMS if spec.follows_cells else _OF_STROMA:
        text = MECHANISMS[name].format(ligand=ligand)
        if not getattr(spec.mechanisms, name):
            off.append((name, text))
        elif reason := _idle(spec, name):
            idle.append((name, text, reason))
        else:
            acts.append((name, text))
    parts: list[str | Table] = []
    if not spec.follows_cells:
        parts.append("There are no haematopoietic cells, so that no mechanism of theirs matters.")
    elif not acts:
        parts.append("No mechanism acts: cells walk at random and notice nothing.")
    if acts:
        parts.append(Table(("mechanism", "what happens"), tuple(acts), "These mechanisms act:"))
    if idle:
        parts.append(
            Table(
                ("mechanism", "what would happen", "without effect since"),
                tuple(idle),
                "These are on and have no effect in this run:",
            )
        )
    if off:
        parts.append(Table(("mechanism", "what would happen"), tuple(off), "These are off:"))
    return Section("mechanisms", "Which mechanisms act", tuple(parts))


def acting(spec: ModelSpec) -> tuple[str, ...]:
    """Names of the mechanisms that are on and change something."""
    names = MECHANISMS if spec.follows_cells else _OF_STROMA
    return tuple(n for n in names if getattr(spec.mechanisms, n) and not _idle(spec, n))


def _idle(spec: ModelSpec, mechanism: str) -> str:
    """Reason for which a mechanism that is on changes nothing; empty if it acts."""
    ligand = spec.receptor.cxcr4.ligand
    dosed = any(
        ligand in (spec.agent_of(name), spec.agent[spec.agent_of(name)].ligand)
        and spec.dose(name) > 0.0
        for name in spec.treatments
        if spec.agent[spec.agent_of(name)].acts_on in ("added_ligand", "coat")
    )
    bath = spec.dish.top == "bath" and spec.ligand[ligand].bath_concentration > 0.0
    if mechanism in (*_OF_CELLS, "uptake") and not (sources(spec) or dosed or bath):
        return f"there is no {spec.ligand[ligand].label}: nothing secretes it and none is added"
    if mechanism in _STEERING and not sources(spec) and not spec.ligand[ligand].coat.uneven:
        return "nothing secretes, and what is added is even, without a gradient"
    if mechanism == "haptotaxis" and not spec.ligand[ligand].coat.binds:
        return "nothing binds to the coat"
    for key in unread_keys(spec, [f"mechanisms.{mechanism}"]):
        return key.reason
    return ""
