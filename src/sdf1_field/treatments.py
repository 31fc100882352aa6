"""Timed treatments turned into what happens at a moment and what holds at a time.

Each agent acts on one named quantity: an antagonist on the apparent dissociation constant, added
ligand on the medium, an antibody on the CD166 of the stroma it meets, a medium change on what is
dissolved, an integrin inhibitor on anchors to the substrate, a calcium chelator on the signal that
carriers need to fuse, a change of genes on the rate at which migrasomes form, carriers are brought
into them, or fuse.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sdf1_field.pharmacology import blocked_fraction
from sdf1_field.spec import ModelSpec, Treatment
from sdf1_field.units import instant


@dataclass(frozen=True)
class Event:
    """What happens at one moment, in the order of the fields.

    Parameters
    ----------
    time : float
        [s].
    medium_change : bool
    added : tuple of (str, float)
        Ligands and the concentration the whole medium gains [nM].
    blocked : float
        Share of CD166 that is blocked on every body and migrasome present.
    blocked_since : tuple of (float, float)
        Antibodies that are washed off: the time they were added [s], and the share of CD166 that
        is blocked by now on migrasomes that have formed since.
    """

    time: float
    medium_change: bool = False
    added: tuple[tuple[str, float], ...] = ()
    blocked: float = 0.0
    blocked_since: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Perturbation:
    """What treatments make of the stroma's growth, and of its cargo.

    Parameters
    ----------
    nucleation : float
        Factor on the rate at which migrasomes form on fibres [1].
    blocked_integrins : float
        Share of integrins that hold nothing [1].
    transport : float
        Factor on the rate at which carriers are brought into migrasomes [1].
    fusion : float
        Factor on the rates at which carriers fuse with a membrane [1].
    chelated : float
        Share of the calcium signal that is quenched [1].
    """

    nucleation: float = 1.0
    blocked_integrins: float = 0.0
    transport: float = 1.0
    fusion: float = 1.0
    chelated: float = 0.0


@dataclass(frozen=True)
class _Exposure:
    start: float
    stop: float
    competition: float = 0.0
    perturbation: Perturbation = Perturbation()


@dataclass(frozen=True)
class Schedule:
    """A model's treatments: events in the order of time, and exposures to what lasts."""

    events: tuple[Event, ...]
    exposures: tuple[_Exposure, ...]

    def competition(self, time: float) -> float:
        """Sum of ``a / K_i`` over the antagonists in the medium at a time [1].

        The apparent dissociation constant is ``K_d (1 + competition)``.
        """
        return sum(e.competition for e in self.exposures if e.start <= time < e.stop)

    def perturbation(self, time: float) -> Perturbation:
        """What acts on the stroma at a time [s]; several act independently."""
        acting = [e.perturbation for e in self.exposures if e.start <= time < e.stop]
        return Perturbation(
            nucleation=math.prod(p.nucleation for p in acting),
            blocked_integrins=1.0 - math.prod(1.0 - p.blocked_integrins for p in acting),
            transport=math.prod(p.transport for p in acting),
            fusion=math.prod(p.fusion for p in acting),
            chelated=1.0 - math.prod(1.0 - p.chelated for p in acting),
        )


def schedule(spec: ModelSpec) -> Schedule:
    """Treatments of a model, with doses in nM; a drug ends at its stop or the next medium change.

    Without a start a treatment begins when the haematopoietic cells are added.
    """
    changes = sorted(
        instant(t.start)
        for name, t in spec.treatments.items()
        if spec.agent[spec.agent_of(name)].acts_on == "medium_change"
    )
    added: dict[float, list[tuple[str, float]]] = {}
    free: dict[float, float] = {}
    washed: dict[float, list[tuple[float, float]]] = {}
    exposures: list[_Exposure] = []
    for name, treatment in spec.treatments.items():
        agent = spec.agent[spec.agent_of(name)]
        start, dose = instant(treatment.start), spec.dose(name)
        if agent.acts_on == "added_ligand":
            added.setdefault(start, []).append((spec.agent_of(name), dose))
        elif agent.acts_on == "cd166_block":
            assert agent.dissociation_constant is not None
            assert agent.maximum_block is not None
            blocked = blocked_fraction(
                dose,
                dissociation_constant=agent.dissociation_constant,
                maximum=agent.maximum_block,
            )
            free[start] = free.get(start, 1.0) * (1.0 - blocked)
            stop = _stop(treatment, start, changes)
            if math.isfinite(stop):
                washed.setdefault(stop, []).append((start, blocked))
        elif agent.genetic:
            assert agent.factor is not None
            changed = Perturbation(**{agent.acts_on: agent.factor})
            exposures.append(_Exposure(-math.inf, math.inf, perturbation=changed))
        elif agent.acts_on != "medium_change":
            stop = _stop(treatment, start, changes)
            if agent.acts_on == "cxcr4_antagonist":
                assert agent.inhibition_constant is not None
                exposures.append(_Exposure(start, stop, dose / agent.inhibition_constant))
            else:
                assert agent.dissociation_constant is not None
                assert agent.maximum_block is not None
                blocked = blocked_fraction(
                    dose,
                    dissociation_constant=agent.dissociation_constant,
                    maximum=agent.maximum_block,
                )
                share = "chelated" if agent.acts_on == "calcium" else "blocked_integrins"
                exposures.append(
                    _Exposure(start, stop, perturbation=Perturbation(**{share: blocked}))
                )
    times = sorted({*changes, *added, *free, *washed})
    return Schedule(
        events=tuple(
            Event(
                time=time,
                medium_change=time in changes,
                added=tuple(added.get(time, ())),
                blocked=1.0 - free.get(time, 1.0),
                blocked_since=tuple(washed.get(time, ())),
            )
            for time in times
        ),
        exposures=tuple(exposures),
    )


def _stop(treatment: Treatment, start: float, changes: Sequence[float]) -> float:
    """When an agent is gone [s]: at its stop, or with the next medium change."""
    given = math.inf if treatment.stop is None else instant(treatment.stop)
    return min([given, *(change for change in changes if change > start)])


def change_times(plan: Schedule) -> list[float]:
    """Times at which something begins or ends [s]."""
    times = {e.time for e in plan.events}
    for exposure in plan.exposures:
        times |= {exposure.start, exposure.stop}
    return sorted(t for t in times if math.isfinite(t))
