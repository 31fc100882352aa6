"""Events: treatments, the arrival of the haematopoietic cells, and coats that begin to saturate."""

from dataclasses import replace
from typing import Any

from sdf1_field import exposure, migrasomes
from sdf1_field.cells import seed_cells
from sdf1_field.simulation.prepared import Prepared
from sdf1_field.simulation.scene_fields import SceneFields
from sdf1_field.simulation.state import State
from sdf1_field.solvers import solver_named
from sdf1_field.transport import bound_after_incubation
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


def let_coats_saturate(here: SceneFields, state: State) -> tuple[SceneFields, State]:
    """Scene on the grid and state once the coats whose time has come are no longer linear.

    To be called before the events of the state's time: the medium is changed at that time.
    """
    prepared = here.prepared
    names = [name for name, until in prepared.unsaturated_until.items() if until == state.time]
    if not names:
        return here, state
    from sdf1_field.solvers.linear import to_saturating

    general = solver_named(prepared.spec.numerics.solver)
    solvers, equations = dict(prepared.solvers), dict(prepared.equations)
    fields: dict[str, Any] = dict(state.fields)
    for name in names:
        equation = prepared.equations[name]
        solvers[name] = general
        equations[name] = general.prepare(prepared.grid, equation.transport, prepared.tolerances)
        fields[name] = to_saturating(
            equation, fields[name], equations[name], tolerances=prepared.tolerances
        )
    prepared = replace(prepared, solvers=solvers, equations=equations)
    return SceneFields(prepared, here.scene), replace(state, fields=fields)


def _coated(prepared: Prepared, state: State, event: Event) -> State:
    """State at the end of the pre-coats' incubation, their solution still to be washed off."""
    fields, exposed = dict(state.fields), state.exposure
    for name, concentration, duration in event.coated:
        if name not in fields:
            continue
        equation, solver = prepared.equations[name], prepared.solvers[name]
        coat = SceneFields(prepared, state.scene).equations[name].transport.binding_coat
        assert coat is not None
        field: Any = fields[name]
        bound, left = bound_after_incubation(coat, field.bound, concentration, duration)
        if prepared.grid.round:
            bound = bound * prepared.grid.inside
        after = replace(field, bound=bound)
        gained = solver.on_coat(equation, after) - solver.on_coat(equation, field)
        book = {"added": gained} if gained >= 0.0 else {"removed": -gained}
        fields[name] = replace(after, ledger=after.ledger.book(**book))
        if prepared.sensing is not None and name == prepared.sensing.ligand:
            exposed = exposure.keep_share(exposed, left)
    return replace(state, fields=fields, exposure=exposed)


def _treated(prepared: Prepared, state: State, event: Event) -> State:
    """State after pre-coats, a medium change, doses, removal of bodies, and antibodies."""
    state = _coated(prepared, state, event)
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
    scene = state.scene
    if event.bodies_removed:
        scene = migrasomes.remove_bodies(scene)
    scene = scene.block(event.blocked)
    for since, blocked in event.blocked_since:
        scene = scene.block(blocked, since=since)
    return replace(state, fields=fields, scene=scene)
