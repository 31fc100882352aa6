"""The loop of a run: from stop to stop, scene, fields, exposure, cells, events.

The parts are coupled by operator splitting, first order in ``numerics.coupling_step``. Between two
stops the scene evolves first. The fields then advance under the emission in between, with the
cells' uptake where these were at the beginning. The exposure is the mean of the face values at both
ends, and the cells move under it. Cells affect the scene only through migrasome uptake, applied at
the end of the interval. Events come last.

Stops come from the coupling step, events and the scene alone. An output between two stops changes
none of them: cells are interpolated between two of their own steps, and scene and fields come from
a branch that starts at the stop before and is discarded.
"""

import bisect
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from sdf1_field import cells as cell_layer
from sdf1_field import exposure, migrasomes
from sdf1_field.cells import Cells
from sdf1_field.errors import RunError
from sdf1_field.exposure import Sensed, Stimulus, no_stimulus
from sdf1_field.simulation.events import apply_events
from sdf1_field.simulation.intervals import at_stop, scene_and_fields, sense
from sdf1_field.simulation.output import Snapshot, snapshot_of
from sdf1_field.simulation.prepared import Prepared, prepare
from sdf1_field.simulation.resuming import require_resumable
from sdf1_field.simulation.saturation import nonlinear_of
from sdf1_field.simulation.scene_fields import SceneFields, next_scene
from sdf1_field.simulation.soundness import require_sound
from sdf1_field.simulation.state import State, begin
from sdf1_field.simulation.stops import discontinuity_times, field_times, stops, track_times
from sdf1_field.simulation.threads import use_threads
from sdf1_field.simulation.trigger import body_signal, triggers_untreated, warn_of_noise
from sdf1_field.solvers import FieldState
from sdf1_field.spec import ModelSpec
from sdf1_field.units import instant


def simulate(
    spec: ModelSpec,
    *,
    seed: int | None = None,
    resume_from: State | None = None,
    threads: int = 1,
    nonlinear: Collection[str] = (),
    reached: Callable[[Snapshot], None] = lambda _: None,
) -> Iterator[Snapshot]:
    """A run at the times its output asks for.

    Parameters
    ----------
    spec : ModelSpec
    seed : int, optional
        Of this dish; the model's own if not given.
    resume_from : State, optional
        Go on from a stop that was reached before, with the same bits as if never interrupted. The
        first snapshot is that of the stop itself.
    threads : int
        Of the solver; the result does not depend on it.
    nonlinear : collection of str
        Ligands whose coat is not to be taken as unsaturated; see `rerun_if_coat_fills`.
    reached : callable, optional
        Called with the snapshot of each stop, after those of the outputs until then.

    Yields
    ------
    Snapshot
        In the order of time. Events of a time (cells added, medium changed) have happened in the
        snapshot of that time.

    Raises
    ------
    CoatFills
        If a coat that was taken as unsaturated fills.
    InputError
        If the state to go on from is none that the run can be in.
    RunError
        If the solver fails, or if a state is not sound; the text says when.
    """
    seed = spec.run.seed if seed is None else seed
    with use_threads(threads):
        if resume_from is not None:
            nonlinear = nonlinear_of(resume_from.fields)
        prepared = prepare(spec, seed, nonlinear=nonlinear)
    if resume_from is not None:
        _require_same_path(prepared, resume_from)
    if spec.run.mode == "steady":
        with use_threads(threads):
            solved, here = _steady(prepared, seed)
        yield snapshot_of(solved, here)
        reached(snapshot_of(solved, here))
        return
    frames = set(field_times(spec))
    outputs = sorted({*frames, *track_times(spec)})
    events = {event.time: event for event in prepared.plan.events}
    # The stops of a run are settled at its beginning; migrasome uptake does not change them.
    first = begin(prepared, seed)
    discontinuities = discontinuity_times(prepared, first.scene)
    times = stops(prepared, first.scene)
    state = resume_from
    if state is None:
        state = apply_events(prepared, first, events.get(instant(-spec.run.culture)))
    else:
        require_resumable(state, first, prepared, frozenset(times))
    here = SceneFields(prepared, state.scene)
    if resume_from is not None or state.time in outputs:
        yield snapshot_of(state, here)
    reached(snapshot_of(state, here))
    signal, noise, watched = -math.inf, math.nan, triggers_untreated(prepared.spec)
    for until in times[bisect.bisect_right(times, state.time) :]:
        last = state
        shown = outputs[
            bisect.bisect_right(outputs, state.time) : bisect.bisect_left(outputs, until)
        ]
        with use_threads(threads):
            there, emission, exposed, fields = scene_and_fields(state, here, until)
            exposed, sensed = sense(
                here, replace(state, exposure=exposed), fields, emission,
                discontinuous=state.time in discontinuities,
            )  # fmt: skip
            stimulus = _stimulus(state, prepared, sensed)
        if watched and state.cells is not None:
            signal, noise = max((signal, noise), body_signal(here, stimulus))
        cells, internalised, between = _move(state, here, stimulus, until, shown)
        yield from _between_stops(state, here, shown, between, frames, threads=threads)
        scene = there.scene
        if cells is not None and scene is not state.scene:
            cells = cell_layer.advected(cells, prepared.grid, state.scene, scene)
        if internalised:
            scene = migrasomes.advance(scene, until, internalised)
        state = State(until, seed, scene, fields, cells, exposed)
        with use_threads(threads):
            here, state = at_stop(there, state, emission, events.get(until), last=last)
        if until in outputs:
            yield snapshot_of(state, here)
        reached(snapshot_of(state, here))
    if watched:
        warn_of_noise(prepared.spec, signal, noise)


def _require_same_path(prepared: Prepared, state: State) -> None:
    """Raise RunError if a state's coats are taken in another way than the model's."""
    for name, field in state.fields.items():
        if not isinstance(field, prepared.solvers[name].State):
            raise RunError(
                f"ligand {name}: the state takes the coat as unsaturated, and the model does not. "
                "Go on with the numerics and treatments of the run that the state is from."
            )


def _stimulus(state: State, prepared: Prepared, sensed: Sensed | None) -> Stimulus:
    """Stimulus of the cells over an interval; empty before there are any."""
    if state.cells is None or prepared.sensing is None or sensed is None:
        return no_stimulus(prepared.grid)
    return exposure.stimulus_of(prepared.sensing, sensed)


def _move(
    state: State, here: SceneFields, stimulus: Stimulus, until: float, shown: Sequence[float]
) -> tuple[Cells | None, tuple[int, ...], tuple[Cells, ...]]:
    """Cells at the next stop, migrasomes taken up until then, and cells at times before."""
    if state.cells is None:
        return None, (), ()
    prepared, spec = here.prepared, here.prepared.spec
    parameters = cell_layer.cell_parameters(
        spec, prepared.factors, competition=prepared.plan.competition(state.time)
    )
    return cell_layer.advance_with_uptake(
        cell_layer.detach_unsupported(state.cells, here.hold),
        prepared.grid,
        stimulus,
        here.hold,
        parameters,
        state.scene,
        duration=until - state.time,
        time_step=spec.cells.time_step,
        seed=state.seed,
        shown=[time - state.time for time in shown],
    )


def _between_stops(
    state: State,
    here: SceneFields,
    times: Sequence[float],
    cells: Sequence[Cells],
    frames: Collection[float],
    *,
    threads: int,
) -> Iterator[Snapshot]:
    """Snapshots between two stops, from a branch that is discarded.

    Over a growing scene each field starts from the stop: secretion between two times is
    interpolated from the scenes at both, and would depend on which are saved. Over any other scene
    it is exact, and fields go on from one saved field to the next.
    """
    branch, there = state, here
    for n, time in enumerate(times):
        shown = cells[n] if cells else None
        fields: Mapping[str, FieldState] | None = None
        if time in frames:
            if state.scene.growth is not None:
                branch, there = state, here
            with use_threads(threads):
                there, _, exposed, fields = scene_and_fields(branch, there, time)
            branch = State(time, state.seed, there.scene, fields, state.cells, exposed)
            then = there
        else:
            then = next_scene(here, time)
        if shown is not None and then is not here:
            shown = cell_layer.advected(shown, here.prepared.grid, state.scene, then.scene)
        yield Snapshot(time, then, fields, shown, state)


def _steady(prepared: Prepared, seed: int) -> tuple[State, SceneFields]:
    state = begin(prepared, seed)
    here = SceneFields(prepared, state.scene)
    fields = {
        name: prepared.solvers[name].steady(
            equation, here.sources[name].flux, time=0.0, tolerances=prepared.tolerances
        )
        for name, equation in here.equations.items()
    }
    state = replace(state, time=0.0, fields=fields)
    require_sound(
        state,
        prepared.grid,
        prepared.solvers,
        here.equations,
        prepared.spec.numerics,
        steady=True,
    )
    return state, here
