"""Timed treatments as events at a moment and effects over a time.

Each agent acts on one named rate or step (`sdf1_field.spec.agents`). Here its times are applied:
an event at the start, an effect until the stop or the next medium change, or one from the
beginning to the end.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sdf1_field.spec import Effect, ModelSpec, Perturbation, Treatment
from sdf1_field.units import instant


@dataclass(frozen=True)
class Event:
    """Treatments that act at one moment, applied in the order of the fields.

    Parameters
    ----------
    time : float
        [s].
    coated : tuple of (str, float, float)
        Pre-coats whose incubation ends: ligand, concentration of its solution [nM] and duration
        [s], infinite for equilibrium.
    medium_change : bool
    bodies_removed : bool
        Whether the stromal bodies are removed.
    added : tuple of (str, float)
        Ligands and the concentration the whole medium gains [nM].
    blocked : float
        Share of CD166 blocked on every body and migrasome present [1].
    blocked_since : tuple of (float, float)
        For each antibody that is washed off: the time it was added [s], and the share of CD166
        it has blocked on migrasomes formed since [1].
    """

    time: float
    coated: tuple[tuple[str, float, float], ...] = ()
    medium_change: bool = False
    bodies_removed: bool = False
    added: tuple[tuple[str, float], ...] = ()
    blocked: float = 0.0
    blocked_since: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class _LastingEffect:
    """An effect from a start to a stop [s]."""

    start: float
    stop: float
    effect: Effect


@dataclass(frozen=True)
class Schedule:
    """A model's treatments: events in the order of time, and lasting effects."""

    events: tuple[Event, ...]
    lasting: tuple[_LastingEffect, ...]

    def competition(self, time: float) -> float:
        """Sum of ``a / K_i`` over the antagonists in the medium at a time [1].

        The apparent dissociation constant is ``K_d (1 + competition)``.
        """
        return sum(effect.competition for effect in self._acting(time))

    def perturbation(self, time: float) -> Perturbation:
        """Perturbation of the stroma at a time [s]."""
        return Perturbation.together(effect.perturbation for effect in self._acting(time))

    def _acting(self, time: float) -> list[Effect]:
        return [e.effect for e in self.lasting if e.start <= time < e.stop]


def schedule(spec: ModelSpec) -> Schedule:
    """Treatments of a model, with doses in nM; a drug ends at its stop or the next medium change.

    Without a start a treatment begins when the haematopoietic cells are added.
    """
    given = []
    for name, treatment in spec.treatments.items():
        agent = spec.agent[spec.agent_of(name)]
        effect = agent.action.effect(agent, spec.dose(name))
        given.append((name, treatment, agent.action.lasts, effect))
    changes = sorted(instant(t.start) for _, t, _, effect in given if effect.medium_change)
    added: dict[float, list[tuple[str, float]]] = {}
    coated: dict[float, list[tuple[str, float, float]]] = {}
    free: dict[float, float] = {}
    removals: set[float] = set()
    washed: dict[float, list[tuple[float, float]]] = {}
    lasting: list[_LastingEffect] = []
    for name, treatment, lasts, effect in given:
        start = instant(treatment.start)
        stop = _stop(treatment, start, changes)
        if lasts == "genetic":
            lasting.append(_LastingEffect(-math.inf, math.inf, effect))
        elif lasts == "present":
            lasting.append(_LastingEffect(start, stop, effect))
        elif lasts == "bound":
            free[start] = free.get(start, 1.0) * (1.0 - effect.blocked)
            if math.isfinite(stop):
                washed.setdefault(stop, []).append((start, effect.blocked))
        elif effect.bodies_removed:
            removals.add(start)
        elif effect.coating is not None:
            ligand = spec.agent[spec.agent_of(name)].ligand
            assert ligand is not None
            incubation = math.inf if treatment.incubation is None else treatment.incubation
            coated.setdefault(start, []).append((ligand, effect.coating, incubation))
        elif not effect.medium_change:
            added.setdefault(start, []).append((spec.agent_of(name), effect.added))
    times = sorted({*changes, *removals, *added, *free, *washed})
    return Schedule(
        events=tuple(
            Event(
                time=time,
                coated=tuple(coated.get(time, ())),
                medium_change=time in changes,
                bodies_removed=time in removals,
                added=tuple(added.get(time, ())),
                blocked=1.0 - free.get(time, 1.0),
                blocked_since=tuple(washed.get(time, ())),
            )
            for time in times
        ),
        lasting=tuple(lasting),
    )


def _stop(treatment: Treatment, start: float, changes: Sequence[float]) -> float:
    """When an agent is gone [s]: at its stop, or with the next medium change."""
    given = math.inf if treatment.stop is None else instant(treatment.stop)
    return min([given, *(change for change in changes if change > start)])


def preincubations(spec: ModelSpec, ligand: str) -> list[tuple[float, float, float]]:
    """Solutions that the haematopoietic cells were kept in before they are added.

    Parameters
    ----------
    spec : ModelSpec
    ligand : str
        That of CXCR4.

    Returns
    -------
    list of (float, float, float)
        In the order of time: duration [s], concentration of the ligand [nM], and sum of
        ``a / K_i`` of the antagonists [1]. Empty for cells kept without ligand.
    """
    kept = []
    for name, treatment in spec.treatments.items():
        if treatment.preincubation > 0.0:
            agent = spec.agent[spec.agent_of(name)]
            effect = agent.action.effect(agent, spec.dose(name))
            added = effect.added if spec.agent_of(name) == ligand else 0.0
            kept.append((treatment.preincubation, added, effect.competition))
    times = sorted({0.0, *(since for since, _, _ in kept)}, reverse=True)
    return [
        (
            begin - end,
            sum(added for since, added, _ in kept if since >= begin),
            sum(competition for since, _, competition in kept if since >= begin),
        )
        for begin, end in pairwise(times)
    ]


def treatment_times(plan: Schedule) -> list[float]:
    """Times at which something begins or ends [s]."""
    times = {e.time for e in plan.events}
    for effect in plan.lasting:
        times |= {effect.start, effect.stop}
    return sorted(t for t in times if math.isfinite(t))
