"""Events: treatments, and the arrival of the haematopoietic cells at time 0."""

from dataclasses import replace

from sdf1_field import migrasomes
from sdf1_field.cells import seed_cells
from sdf1_field.simulation.prepared import Prepared
from sdf1_field.simulation.state import State
from sdf1_field.treatments import Event, treatment_times


def apply_events(prepared: Prepared, state: State, event: Event | None) -> State:
    """State after the events of its time.

    Parameters
    ----------
    prepared : Prepared
    state : State
    event : Event or None
        The treatments' own at that time.
    """
    spec = prepared.spec
    if event is not None:
        state = _treated(prepared, state, event)
    if state.time in treatment_times(prepared.plan):
        acting = prepared.plan.perturbation(state.time)
        state = replace(state, scene=migrasomes.perturb(state.scene, spec, acting))
    if state.time == 0.0 and spec.scene.mode == "frozen":
        state = replace(state, scene=migrasomes.freeze(state.scene))
    if state.time == 0.0 and state.cells is None:
        state = replace(state, cells=seed_cells(spec, state.seed))
    return state


def _treated(prepared: Prepared, state: State, event: Event) -> State:
    """State after a medium change, doses of ligand, and antibodies."""
    fields = dict(state.fields)
    for name, equation in prepared.equations.items():
        if event.medium_change:
            fields[name] = prepared.solvers[name].change_medium(
                equation, fields[name], tolerances=prepared.tolerances
            )
    for name, concentration in event.added:
        if name in fields:
            fields[name] = prepared.solvers[name].add(
                prepared.equations[name],
                fields[name],
                concentration,
                tolerances=prepared.tolerances,
            )
    scene = state.scene.block(event.blocked)
    for since, blocked in event.blocked_since:
        scene = scene.block(blocked, since=since)
    return replace(state, fields=fields, scene=scene)
