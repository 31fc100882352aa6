"""The exposure of a dish, recorded once for any cells that may move under it.

Stroma and fields do not depend on the haematopoietic cells, but for the migrasomes that these take
up. Here a dish runs without cells, and everything that cells meet is kept: the scene at each stop
and the ligand that they can sense in between. `sdf1_field.simulation.replay` moves cells under it.
"""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sdf1_field import exposure
from sdf1_field.cells import Contacts, contact_grid, contacts_of
from sdf1_field.errors import InputError
from sdf1_field.exposure import Sensed, SensingSetup, SubgridBasis, SubgridSources
from sdf1_field.scene import Scene
from sdf1_field.simulation.events import apply_events
from sdf1_field.simulation.intervals import at_stop, scene_and_fields, sense
from sdf1_field.simulation.prepared import Prepared, prepare
from sdf1_field.simulation.saturation import rerun_if_coat_fills
from sdf1_field.simulation.scene_fields import SceneFields
from sdf1_field.simulation.state import State, begin
from sdf1_field.simulation.stops import discontinuity_times, stops
from sdf1_field.simulation.threads import use_threads
from sdf1_field.spec import ModelSpec
from sdf1_field.units import instant

LEAST_CORRECTION = 1e-4
"""Sources whose correction is nowhere larger than this are not recorded [nM]; the correction of
bound ligand counts as where receptors sense a share of 1/um of it."""


@dataclass(frozen=True, eq=False)
class RecordedInterval:
    """Ligand that cells can sense between two stops.

    Parameters
    ----------
    since, until : float
        [s].
    dissolved, attached : ndarray, shape (ny + 4, nx + 4)
        Spline coefficients [nM]; bound ligand as where receptors sense a share of 1/um of it. See
        `sdf1_field.exposure.separate_maps`.
    sources : SubgridSources
        Migrasomes with a correction of at least `LEAST_CORRECTION`.
    """

    since: float
    until: float
    dissolved: NDArray[np.floating[Any]]
    attached: NDArray[np.floating[Any]]
    sources: SubgridSources


@dataclass(frozen=True, eq=False)
class RecordedExposure:
    """Everything that cells meet in a dish from 0 s on, recorded without cells.

    Parameters
    ----------
    spec : ModelSpec
    seed : int
        The dish's.
    stops : tuple of float
        All stops of the run [s], from the start of the culture on.
    discontinuities : frozenset of float
        Times at which the floor changes at once [s].
    scenes : tuple of Scene
        At each stop from 0 s on, after its events; no CD166 is blocked, and none grows further.
    intervals : tuple of RecordedInterval
        Between these stops; empty where the model senses nothing.
    basis : SubgridBasis or None
        Of the sources; None where the model senses nothing.
    contacts : tuple of Contacts
        With the bodies and fibres of each scene, on the grid of `sdf1_field.cells.contact_grid`.
    """

    spec: ModelSpec
    seed: int
    stops: tuple[float, ...]
    discontinuities: frozenset[float]
    scenes: tuple[Scene, ...]
    intervals: tuple[RecordedInterval, ...]
    basis: SubgridBasis | None
    contacts: tuple[Contacts, ...]

    @property
    def times(self) -> tuple[float, ...]:
        """Times of the scenes [s]."""
        return tuple(time for time in self.stops if time >= 0.0)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays [bytes]; those that several scenes share count once."""
        arrays: dict[int, int] = {}
        _collect_sizes((self.scenes, self.intervals, self.contacts), arrays)
        return sum(arrays.values())


def record_exposure(
    spec: ModelSpec,
    seed: int | None = None,
    *,
    threads: int = 1,
    dtype: DTypeLike = np.float32,
    least_correction: float = LEAST_CORRECTION,
) -> RecordedExposure:
    """Run a dish without cells, and keep what cells would meet.

    Parameters
    ----------
    spec : ModelSpec
        Its cells do not matter but for their diameter and whether they sense a ligand, nor do drugs
        that act on them alone; see `sdf1_field.simulation.replay`.
    seed : int, optional
        Of the dish; the model's own if not given.
    threads : int
        Of the solver; the result does not depend on it.
    dtype : dtype
        Of the maps that are kept.
    least_correction : float
        See `LEAST_CORRECTION` [nM]; 0 to record every source.

    Raises
    ------
    InputError
        If the fields depend on the cells, or if the model has a steady state only.
    RunError
        If the solver fails, or if a state is not sound.

    Warns
    -----
    Sdf1FieldWarning
        If a coat that was taken as unsaturated fills, and the run starts again.
    """
    if spec.mechanisms.uptake:
        raise InputError(
            "mechanisms.uptake: cells that take up ligand change the field that is to be recorded. "
            "Switch it off, or solve the model for each set of cells."
        )
    if spec.run.mode == "steady":
        raise InputError(
            "run.mode: a steady state has no time in which cells move. Record a transient."
        )
    own = spec.run.seed if seed is None else seed
    # Ligands that are only saved are not solved.
    sensed_only = spec.model_copy(update={"output": spec.output.model_copy(update={"ligands": ()})})

    def run(nonlinear: frozenset[str]) -> RecordedExposure:
        with use_threads(threads):
            prepared = prepare(sensed_only, own, nonlinear=nonlinear)
            return _recorded(prepared, own, np.dtype(dtype), least_correction)

    return rerun_if_coat_fills(run)


def _recorded(
    prepared: Prepared, seed: int, dtype: np.dtype[Any], least_correction: float
) -> RecordedExposure:
    events = {event.time: event for event in prepared.plan.events}
    first = begin(prepared, seed)
    state = _without_cells(apply_events(prepared, first, events.get(instant(first.time))))
    here = SceneFields(prepared, state.scene)
    discontinuities = discontinuity_times(prepared, first.scene)
    times = stops(prepared, first.scene)
    scenes: list[Scene] = []
    intervals: list[RecordedInterval] = []
    basis: SubgridBasis | None = None
    if state.time >= 0.0:
        scenes.append(_as_met(state.scene))
    for until in times[1:]:
        last = state
        there, emission, exposed, after = scene_and_fields(state, here, until)
        exposed, sensed = sense(
            here, replace(state, exposure=exposed), after, emission,
            discontinuous=state.time in discontinuities,
        )  # fmt: skip
        if sensed is not None and prepared.sensing is not None and state.time >= 0.0:
            basis = sensed.basis
            intervals.append(
                _interval(prepared.sensing, sensed, state.time, until, dtype, least_correction)
            )
        state = State(until, seed, there.scene, after, None, exposed)
        here, state = at_stop(there, state, emission, events.get(until), last=last)
        state = _without_cells(state)
        if until >= 0.0:
            unchanged = scenes and state.scene is last.scene
            scenes.append(scenes[-1] if unchanged else _as_met(state.scene))
    spec = prepared.spec
    fine = contact_grid(spec, prepared.grid)
    met = {id(scene): contacts_of(spec, scene, fine) for scene in scenes}
    return RecordedExposure(
        spec=spec,
        seed=seed,
        stops=tuple(times),
        discontinuities=frozenset(discontinuities),
        scenes=tuple(scenes),
        intervals=tuple(intervals),
        basis=basis,
        contacts=tuple(met[id(scene)] for scene in scenes),
    )


def _without_cells(state: State) -> State:
    """State without the cells that its events have added."""
    return state if state.cells is None else replace(state, cells=None)


def _interval(
    setup: SensingSetup,
    sensed: Sensed,
    since: float,
    until: float,
    dtype: np.dtype[Any],
    least_correction: float,
) -> RecordedInterval:
    dissolved, attached = exposure.separate_maps(setup, sensed)
    sources = sensed.sources
    if least_correction > 0.0:
        profiles = exposure.source_profiles(sensed.basis, sources)
        largest = [np.abs(part[:, :, 0]).max(axis=1, initial=0.0) for part in profiles]
        sources = sources.chosen(np.maximum(*largest) >= least_correction)
    return RecordedInterval(since, until, dissolved.astype(dtype), attached.astype(dtype), sources)


def _as_met(scene: Scene) -> Scene:
    """Scene as cells meet it: it grows no further, and no antibody blocks its CD166."""
    bodies, migrasomes, fibres = scene.bodies, scene.migrasomes, scene.fibres
    # Courses are filled up with NaN to the same length.
    used = int(np.isfinite(fibres.x).sum(axis=1).max(initial=0))
    return Scene(
        replace(bodies, blocked=np.zeros(len(bodies.x)), secretion={}),
        replace(fibres, x=fibres.x[:, :used].copy(), y=fibres.y[:, :used].copy()),
        replace(
            migrasomes,
            blocked=np.zeros(len(migrasomes.x)),
            secretion={},
            secretion_at_birth={},
            decay={},
        ),
        drawn=scene.drawn,
    )


def _collect_sizes(value: Any, found: dict[int, int]) -> None:
    """Add the size of every array within a value, by its identity [bytes]."""
    if isinstance(value, np.ndarray):
        found[id(value)] = value.nbytes
    elif isinstance(value, tuple):
        for part in value:
            _collect_sizes(part, found)
    elif is_dataclass(value):
        for part in fields(value):
            _collect_sizes(getattr(value, part.name), found)
