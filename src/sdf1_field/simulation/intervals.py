"""Steps of the loop between two stops that do not move cells: scene, fields, exposure, events."""

from collections.abc import Mapping

from sdf1_field import exposure
from sdf1_field.exposure import Exposure, FaceValues, Sensed
from sdf1_field.migrasomes import Emission, emission_between
from sdf1_field.simulation.events import apply_events, let_coats_saturate
from sdf1_field.simulation.fields import advance_fields, release_bursts
from sdf1_field.simulation.saturation import require_unsaturated
from sdf1_field.simulation.scene_fields import SceneFields, next_scene, on_grid
from sdf1_field.simulation.soundness import require_sound
from sdf1_field.simulation.state import State
from sdf1_field.solvers import FieldState
from sdf1_field.treatments import Event


def scene_and_fields(
    state: State, here: SceneFields, until: float
) -> tuple[SceneFields, dict[str, Emission], Exposure, dict[str, FieldState]]:
    """Scene, emission by ligand, exposure after the bursts, and fields at a later time.

    Bursts of a grown scene within an interval are released at its start, so saved fields show them
    diluted. A placed scene's ruptures happen at stops, and are not
    released here.
    """
    there = next_scene(here, until)
    bursts = here.prepared.spec.mechanisms.bursts
    emission = {
        name: emission_between(here.scene, there.scene, name, state.time, until, bursts=bursts)
        for name in here.equations
    }
    if here.scene.growth is not None:
        state = release_bursts(state, there, emission)
    return there, emission, state.exposure, advance_fields(state, here, there, emission)


def sense(
    here: SceneFields,
    state: State,
    after: Mapping[str, FieldState],
    emission: Mapping[str, Emission],
    *,
    discontinuous: bool,
) -> tuple[Exposure, Sensed | None]:
    """Exposure at the end of an interval, and the ligand throughout it that cells can sense.

    Parameters
    ----------
    here : SceneFields
    state : State
        At the beginning, its exposure after the bursts.
    after : mapping of str to FieldState
        At the end.
    emission : mapping of str to Emission
        By ligand, in between.
    discontinuous : bool
        See `sdf1_field.exposure.advance`.
    """
    prepared, sensing = here.prepared, here.prepared.sensing
    if sensing is None:
        return state.exposure, None
    equation, solver = here.equations[sensing.ligand], prepared.solvers[sensing.ligand]
    before, end = (
        FaceValues(solver.face(equation, field), field.bound)
        for field in (state.fields[sensing.ligand], after[sensing.ligand])
    )
    return exposure.advance(
        sensing,
        equation.transport,
        state.exposure,
        before,
        end,
        emission[sensing.ligand],
        discontinuous=discontinuous,
    )


def at_stop(
    there: SceneFields,
    state: State,
    emission: Mapping[str, Emission],
    event: Event | None,
    *,
    last: State,
) -> tuple[SceneFields, State]:
    """Scene on the grid and state after all that happens at a stop.

    Parameters
    ----------
    there : SceneFields
        Of the scene at the end of the interval.
    state : State
        At the end of the interval.
    emission : mapping of str to Emission
        By ligand, over the interval.
    event : Event or None
        The treatments' own at that time.
    last : State
        At the beginning of the interval.

    Raises
    ------
    CoatFills
        If a coat that was taken as unsaturated fills.
    RunError
        If the state is not sound.
    """
    prepared = there.prepared
    if there.scene.growth is None:
        state = release_bursts(state, there, emission)
    numerics = prepared.spec.numerics
    require_sound(state, prepared.grid, prepared.solvers, there.equations, numerics, last=last)
    require_unsaturated(state.fields, numerics.tolerance)
    there, state = let_coats_saturate(there, state)
    state = apply_events(there.prepared, state, event)
    return on_grid(there, state.scene), state
