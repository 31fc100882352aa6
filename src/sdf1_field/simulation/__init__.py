"""The one loop of a run, over one sorted list of times at which something happens: the stops.

Between two stops the scene goes on first, then the solver advances every ligand under the secretion
of bodies and migrasomes in between, then the cells move over the mean of the floor's values at both
ends. Stops come from the coupling step, events and the scene alone. An output between two stops
changes none of them: cells are interpolated between two of their own steps, and scene and fields
come from a branch that starts at the stop before and is thrown away.
"""

import bisect
import contextlib
import functools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
import scipy.fft
import threadpoolctl
from numpy.typing import NDArray

from sdf1_field import cells as cell_layer
from sdf1_field import migrasomes
from sdf1_field.cells import Cells
from sdf1_field.coating import binding_sites
from sdf1_field.errors import RunError
from sdf1_field.exposure import (
    WAVENUMBERS,
    Lens,
    Stimulus,
    SubgridBasis,
    lens,
    no_stimulus,
    stimulus,
    subgrid_basis,
    subgrid_field,
    surroundings,
)
from sdf1_field.exposure import advance as advance_near
from sdf1_field.exposure import burst as burst_near
from sdf1_field.grid import Grid, make_grid
from sdf1_field.migrasomes import Emission, emission_between
from sdf1_field.pharmacology import apparent_dissociation_constant, uptake_kinetics
from sdf1_field.scene import RegionMap, Scene, place_scene, region_map
from sdf1_field.solvers import FieldState, Solver, solver_named
from sdf1_field.soundness import require_sound
from sdf1_field.sources import Secretion, secretion, secretion_of, spread_at_once
from sdf1_field.spec import ModelSpec
from sdf1_field.transport import Coat, Transport, Uptake
from sdf1_field.treatments import Event, Schedule, change_times, schedule
from sdf1_field.units import instant
from sdf1_field.variation import DishFactors, dish_factors

Array = NDArray[np.float64]

_ROUND_OFF = 1e-9
"""Share of an interval by which the last time may miss a multiple of it."""


@dataclass(frozen=True, eq=False)
class State:
    """Everything a run is at a time.

    Parameters
    ----------
    time : float
        [s]; 0 when the haematopoietic cells are added.
    seed : int
        The dish's.
    scene : Scene
    fields : mapping of str to FieldState
        By ligand, of the model's solver.
    cells : Cells or None
        None before they are added, and in steady state.
    near : ndarray, shape (source, wavenumber)
        Coat around the migrasomes that ever carry what is sensed, as far as the grid is too
        coarse for it; see `sdf1_field.exposure`.
    """

    time: float
    seed: int
    scene: Scene
    fields: Mapping[str, FieldState]
    cells: Cells | None
    near: Array


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run at a time at which its output asks for it.

    Parameters
    ----------
    time : float
        [s].
    scene : Scene
    fields : mapping of str to FieldState, or None
        By ligand; None between two stops where only cells are asked for.
    cells : Cells or None
        None before they are added, and in steady state.
    stop : State
        Of the last stop by then, from which the run can be resumed.
    """

    time: float
    scene: Scene
    fields: Mapping[str, FieldState] | None
    cells: Cells | None
    stop: State


def snapshot_of(state: State) -> Snapshot:
    """A run at a stop."""
    return Snapshot(state.time, state.scene, state.fields, state.cells, state)


@dataclass(frozen=True, eq=False)
class Setting:
    """What stays the same throughout a run.

    Parameters
    ----------
    spec : ModelSpec
    grid : Grid
    solver : Solver
    prepared : mapping of str to object
        By ligand, what the solver prepared for its equation.
    tolerances : object
        The solver's.
    factors : DishFactors
    plan : Schedule
    sight : Sight or None
        How cells see the floor; None where nothing is sensed.
    """

    spec: ModelSpec
    grid: Grid
    solver: Solver
    prepared: Mapping[str, Any]
    tolerances: Any
    factors: DishFactors
    plan: Schedule
    sight: "Sight | None"


@dataclass(frozen=True, eq=False)
class Sight:
    """How cells of a radius [um] see the field of the ligand that CXCR4 binds."""

    ligand: str
    radius: float
    through: Lens


def prepare(spec: ModelSpec, seed: int) -> Setting:
    """Grid, solvers and the dish's own factors."""
    grid, solver = model_grid(spec), solver_named(spec.numerics.solver)
    tolerances = solver.tolerances_of(spec.numerics)
    return Setting(
        spec=spec,
        grid=grid,
        solver=solver,
        prepared={
            name: solver.prepare(grid, _transport(spec, name), tolerances)
            for name in spec.solved_ligands
        },
        tolerances=tolerances,
        factors=dish_factors(spec, seed),
        plan=schedule(spec),
        sight=_sight(spec, grid),
    )


def _sight(spec: ModelSpec, grid: Grid) -> Sight | None:
    if not spec.sensed_ligands or spec.cell_count == 0 or spec.run.mode == "steady":
        return None
    (ligand,) = spec.sensed_ligands
    transport, radius = _transport(spec, ligand), 0.5 * spec.haematopoietic.diameter
    return Sight(ligand, radius, lens(grid, transport, cell_radius=radius))


def model_grid(spec: ModelSpec) -> Grid:
    """Grid of a model's dish, up to where the medium is mixed."""
    return make_grid(
        spec.dish.width,
        spec.dish.length,
        spec.dish.still_height,
        spacing=spec.grid.spacing,
        floor_layer=spec.grid.floor_layer,
        layer_growth=spec.grid.layer_growth,
        round_well=spec.dish.shape == "round",
    )


def _transport(spec: ModelSpec, name: str) -> Transport:
    ligand, dish = spec.ligand[name], spec.dish
    return Transport(
        diffusivity=ligand.diffusivity,
        loss_rate=ligand.loss_rate,
        coat=Coat(
            sites=ligand.coat.sites,
            association_rate=ligand.coat.association_rate,
            dissociation_rate=ligand.coat.dissociation_rate,
            loss_rate=ligand.coat.loss_rate,
        ),
        bath=ligand.bath_concentration if dish.top == "bath" else None,
        mixed=dish.height - dish.still_height if dish.mixed_above > 0.0 else None,
    )


@dataclass(frozen=True, eq=False)
class _Stroma:
    """What depends on the scene alone: computed again only when the scene has changed.

    Parameters
    ----------
    setting : Setting
    scene : Scene
    prepared : mapping of str to object
        By ligand, what the solver prepared, with the coat's sites on this scene.
    sources : mapping of str to Secretion
    near : SubgridBasis or None
        With the coat's sites on this scene.
    """

    setting: Setting
    scene: Scene
    prepared: Mapping[str, Any]
    sources: Mapping[str, Secretion]
    near: SubgridBasis | None

    @functools.cached_property
    def hold(self) -> cell_layer.Hold:
        """What holds cells; not asked for before there are any."""
        spec, grid = self.setting.spec, self.setting.grid
        return cell_layer.hold_of(spec, self.scene, regions_of(spec, self.scene, grid), grid)


def _stroma(setting: Setting, scene: Scene) -> _Stroma:
    spec, grid = setting.spec, setting.grid
    prepared = {}
    for name, uniform in setting.prepared.items():
        prepared[name] = uniform
        if spec.ligand[name].coat.uneven:
            sites = binding_sites(spec.ligand[name].coat, scene, grid)
            coat = replace(uniform.transport.coat, sites=sites)
            prepared[name] = replace(uniform, transport=replace(uniform.transport, coat=coat))
    near = None
    if setting.sight is not None:
        transport = prepared[setting.sight.ligand].transport
        near = subgrid_basis(grid, transport, cell_radius=setting.sight.radius)
    return _Stroma(
        setting=setting,
        scene=scene,
        prepared=prepared,
        sources={name: secretion(scene, grid, name) for name in prepared},
        near=near,
    )


def begin(setting: Setting, seed: int) -> State:
    """State at the start of the MSC culture."""
    spec, start = setting.spec, instant(-setting.spec.run.culture)
    if spec.grows:
        scene = migrasomes.seed_scene(
            spec, seed, setting.plan.perturbation(start), secretion_factor=setting.factors.secretion
        )
    else:
        scene = place_scene(spec, seed, secretion_factor=setting.factors.secretion)
    return State(
        time=start,
        seed=seed,
        scene=scene,
        fields={
            name: setting.solver.start(prepared, time=start, tolerances=setting.tolerances)
            for name, prepared in setting.prepared.items()
        },
        cells=None,
        near=np.zeros((len(_seen_sources(setting, scene)), WAVENUMBERS)),
    )


def field_times(spec: ModelSpec) -> list[float]:
    """Times at which fields are saved [s]: from ``output.fields_from`` on, and at the end."""
    return _every(spec.output.fields_every, spec.output.fields_from, spec.run.duration)


def track_times(spec: ModelSpec) -> list[float]:
    """Times at which cells are saved [s]: from ``output.tracks_from`` on, and at the end."""
    return _every(spec.output.tracks_every, spec.output.tracks_from, spec.run.duration)


def _every(interval: float, first: float, last: float) -> list[float]:
    count = math.floor((last - first) / interval + _ROUND_OFF)
    times = {instant(first + n * interval) for n in range(count + 1)}
    return sorted(times | {instant(last)})


def simulate(
    spec: ModelSpec,
    *,
    seed: int | None = None,
    resume_from: State | None = None,
    threads: int = 1,
) -> Iterator[Snapshot]:
    """A run at the times its output asks for.

    Parameters
    ----------
    spec : ModelSpec
    seed : int, optional
        Of this dish; the model's own if not given.
    resume_from : State, optional
        Go on from the ``stop`` of a snapshot that was yielded before, with the same bits as if
        never interrupted; what that stop itself shows is not yielded again.
    threads : int
        Of the solver; the result does not depend on it.

    Yields
    ------
    Snapshot
        In the order of time. Events of a time (cells added, medium changed) have happened in the
        snapshot of that time.

    Raises
    ------
    RunError
        If the solver fails, or if a dish cannot be in the state of a stop; the text says when.
    """
    seed = spec.run.seed if seed is None else seed
    with _threads(threads):
        setting = prepare(spec, seed)
    if spec.run.mode == "steady":
        with _threads(threads):
            solved = _steady(setting, seed)
        yield snapshot_of(solved)
        return
    frames = set(field_times(spec))
    outputs = sorted({*frames, *track_times(spec)})
    events = {event.time: event for event in setting.plan.events}
    # The stops of a run are settled at its beginning, whatever the cells eat later.
    first = begin(setting, seed)
    state = resume_from
    if state is None:
        state = _happening(setting, first, events.get(instant(-spec.run.culture)))
        if state.time in outputs:
            yield snapshot_of(state)
    sudden = _sudden(setting, first.scene)
    stops = _stops(setting, first.scene)
    stroma = _stroma(setting, state.scene)
    for until in stops[bisect.bisect_right(stops, state.time) :]:
        if state.scene is not stroma.scene:
            stroma = _stroma(setting, state.scene)
        last = state
        shown = outputs[
            bisect.bisect_right(outputs, state.time) : bisect.bisect_left(outputs, until)
        ]
        with _threads(threads):
            # Cells affect how a scene grows only by what they eat, which goes at the end.
            coming, emission, near, fields = _onward(setting, state, stroma, until)
            seen, coated = no_stimulus(setting.grid), near
            if setting.sight is not None:
                seen, coated = _seen(
                    setting, stroma, emission[setting.sight.ligand], replace(state, near=near),
                    fields, sudden=state.time in sudden,
                )  # fmt: skip
        moved, internalised, between = _moved(setting, state, stroma, seen, until, shown)
        yield from _between_stops(setting, state, stroma, shown, between, frames, threads=threads)
        grown = coming.scene
        if moved is not None and grown is not state.scene:
            moved = cell_layer.advected(moved, setting.grid, state.scene, grown)
        if internalised:
            grown = migrasomes.advance(grown, until, internalised)
        state = State(until, seed, grown, fields, moved, coated)
        stroma = coming
        if coming.scene.growth is None:
            with _threads(threads):
                state = _burst(setting, stroma, state, emission)
        require_sound(
            state, setting.grid, setting.solver, stroma.prepared, spec.numerics, last=last
        )
        state = _happening(setting, state, events.get(until))
        if until in outputs:
            yield snapshot_of(state)


def _onward(
    setting: Setting, state: State, stroma: _Stroma, until: float
) -> tuple[_Stroma, dict[str, Emission], Array, dict[str, FieldState]]:
    """Stroma, emission by ligand, and fields at a later time, before a placed scene's bursts then.

    Ruptures of a grown scene are released at the start of the interval, so fields show them
    diluted; the coat near migrasomes then holds them at once.
    """
    grown = migrasomes.advance(state.scene, until)
    coming = stroma if grown is state.scene else _stroma(setting, grown)
    emission = {
        name: emission_between(
            state.scene, grown, name, state.time, until, bursts=setting.spec.mechanisms.bursts
        )
        for name in stroma.prepared
    }
    if state.scene.growth is not None:
        state = _burst(setting, coming, state, emission)
    fields = _advance_fields(setting, state, stroma, coming, emission)
    return coming, emission, state.near, fields


def _between_stops(
    setting: Setting,
    state: State,
    stroma: _Stroma,
    times: Sequence[float],
    cells: Sequence[Cells],
    frames: Collection[float],
    *,
    threads: int,
) -> Iterator[Snapshot]:
    """Snapshots after a stop and before the next, of which nothing is kept.

    Over a scene that grows each field starts from the stop: secretion between two times is
    interpolated from the scenes at both, and would depend on which are saved. Over any other scene
    it is exact, and fields go on from one saved field to the next.
    """
    branch, branching = state, stroma
    for n, time in enumerate(times):
        shown = cells[n] if cells else None
        fields: Mapping[str, FieldState] | None = None
        if time in frames:
            if state.scene.growth is not None:
                branch, branching = state, stroma
            with _threads(threads):
                branching, _, near, fields = _onward(setting, branch, branching, time)
            branch = State(time, state.seed, branching.scene, fields, state.cells, near)
            scene = branch.scene
        else:
            scene = migrasomes.advance(state.scene, time)
        if shown is not None and scene is not state.scene:
            shown = cell_layer.advected(shown, setting.grid, state.scene, scene)
        yield Snapshot(time, scene, fields, shown, state)


def _moved(
    setting: Setting,
    state: State,
    stroma: _Stroma,
    seen: Stimulus,
    until: float,
    shown: Sequence[float],
) -> tuple[Cells | None, tuple[int, ...], tuple[Cells, ...]]:
    """Cells at the next stop, the migrasomes swallowed until then, and cells at times before."""
    if state.cells is None:
        return None, (), ()
    spec = setting.spec
    behaving = cell_layer.cell_parameters(
        spec, setting.factors, competition=setting.plan.competition(state.time)
    )
    return cell_layer.advance_with_uptake(
        cell_layer.let_go(state.cells, setting.grid, stroma.hold, behaving),
        setting.grid,
        seen,
        stroma.hold,
        behaving,
        state.scene,
        uptake_rate=(
            spec.haematopoietic.migrasome_uptake_rate if spec.mechanisms.migrasome_uptake else 0.0
        ),
        duration=until - state.time,
        time_step=spec.cells.time_step,
        seed=state.seed,
        shown=[time - state.time for time in shown],
    )


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let kernels and transforms use some threads, BLAS one: its sums depend on their number."""
    limits: Any = numba.config
    before = numba.get_num_threads()
    numba.set_num_threads(min(count, limits.NUMBA_NUM_THREADS))
    try:
        with scipy.fft.set_workers(count), _thread_pools().limit(limits=1, user_api="blas"):
            yield
    finally:
        numba.set_num_threads(before)


@functools.cache
def _thread_pools() -> threadpoolctl.ThreadpoolController:
    """Thread pools of the libraries loaded, found once."""
    return threadpoolctl.ThreadpoolController()


def regions_of(spec: ModelSpec, scene: Scene, grid: Grid) -> RegionMap:
    """Region map of a scene under the model's outline margin."""
    return region_map(scene, grid, outline_margin=spec.scene.network_outline_margin)


def _stops(setting: Setting, scene: Scene) -> list[float]:
    """Coupling and event times, the scene's, and the end.

    Before there are cells, fields are coupled to a scene that grows, and to no other.
    """
    spec = setting.spec
    begin, end = instant(-spec.run.culture), instant(spec.run.duration)
    coupling = _every(spec.numerics.coupling_step, 0.0, end)
    if spec.grows and begin < 0.0:
        coupling += _every(spec.numerics.culture_step, begin, 0.0)
    sudden = _sudden(setting, scene)
    settled = {instant(t + spec.numerics.settling_time) for t in sudden if t >= 0.0}
    times = {*coupling, *sudden, *settled}
    return sorted(t for t in times if begin <= t <= end)


def _sudden(setting: Setting, scene: Scene) -> set[float]:
    """Times at which the floor changes at once; near it the medium is back in balance soon."""
    return {0.0, *change_times(setting.plan), *migrasomes.change_times(scene)}


def _happening(setting: Setting, state: State, event: Event | None) -> State:
    """State after what happens at its time: a treatment, and at time 0 the cells."""
    if event is not None:
        fields = dict(state.fields)
        for name, prepared in setting.prepared.items():
            if event.medium_change:
                fields[name] = setting.solver.change_medium(
                    prepared, fields[name], tolerances=setting.tolerances
                )
        for name, concentration in event.added:
            if name in fields:
                fields[name] = setting.solver.add(
                    setting.prepared[name],
                    fields[name],
                    concentration,
                    tolerances=setting.tolerances,
                )
        scene = state.scene.block(event.blocked)
        for since, blocked in event.blocked_since:
            scene = scene.block(blocked, since=since)
        state = replace(state, fields=fields, scene=scene)
    if state.time in change_times(setting.plan):
        acting = setting.plan.perturbation(state.time)
        state = replace(state, scene=migrasomes.perturb(state.scene, setting.spec, acting))
    if state.time == 0.0 and setting.spec.scene.mode == "frozen":
        state = replace(state, scene=migrasomes.freeze(state.scene))
    if state.time == 0.0 and state.cells is None:
        state = replace(state, cells=cell_layer.seed_cells(setting.spec, state.seed))
    return state


def _advance_fields(
    setting: Setting,
    state: State,
    stroma: _Stroma,
    coming: _Stroma,
    emission: Mapping[str, Emission],
) -> dict[str, FieldState]:
    """Fields at a later time."""
    fields = dict(state.fields)
    for name, prepared in stroma.prepared.items():
        field: Any = fields[name]
        begun, until = field.time, emission[name].until
        sources = secretion_of(
            emission[name], setting.grid, stroma.sources[name], coming.sources[name]
        )
        try:
            field = setting.solver.advance(
                prepared,
                field,
                sources,
                until,
                uptake=_uptake(setting, state, name),
                tolerances=setting.tolerances,
            )
        except RunError as error:
            raise RunError(f"ligand {name}: {error}") from None
        fields[name] = replace(
            field, ledger=field.ledger.book(secreted=sources.released(begun, until))
        )
    return fields


def _uptake(setting: Setting, state: State, ligand: str) -> Uptake | None:
    """What the cells take up where they are now."""
    spec, cells = setting.spec, state.cells
    if not spec.mechanisms.uptake or cells is None or ligand != spec.receptor.cxcr4.ligand:
        return None
    cell = spec.haematopoietic
    rate, half_saturation = uptake_kinetics(
        cell.receptors,
        internalisation_rate=cell.internalisation_rate,
        recycling_rate=cell.recycling_rate,
        dissociation_constant=apparent_dissociation_constant(
            spec.receptor.cxcr4.dissociation_constant,
            competition=setting.plan.competition(state.time),
        ),
    )
    # A Gaussian as wide as the disc under a cell, by its mean square.
    width = 0.25 * cell.diameter
    taken = setting.grid.spread(cells.x, cells.y, np.full(len(cells.x), rate), width)
    return Uptake(taken / (setting.grid.dx * setting.grid.dy), half_saturation)


def _seen_sources(setting: Setting, scene: Scene) -> NDArray[np.intp]:
    """Migrasomes that ever carry what is sensed."""
    if setting.sight is None:
        return np.zeros(0, dtype=np.intp)
    loaded = scene.migrasomes.loaded.get(setting.sight.ligand)
    return np.zeros(0, dtype=np.intp) if loaded is None else np.flatnonzero(loaded)


def _seen(
    setting: Setting,
    stroma: _Stroma,
    emission: Emission,
    state: State,
    after: Mapping[str, FieldState],
    *,
    sudden: bool,
) -> tuple[Stimulus, Array]:
    """What CXCR4 sees between two times, the mean of both ends, and the coat near migrasomes then.

    After a sudden change what is dissolved is taken from the end alone. Before there are cells
    only the coat near migrasomes is followed.
    """
    sight = setting.sight
    assert sight is not None
    assert stroma.near is not None
    spec, prepared, solver = setting.spec, stroma.prepared[sight.ligand], setting.solver
    before, end = state.fields[sight.ligand], after[sight.ligand]
    concentration = solver.face(prepared, end)
    if not sudden:
        concentration = 0.5 * (solver.face(prepared, before) + concentration)
    bound = 0.5 * (before.bound + end.bound)
    m, own = emission.after.migrasomes, _seen_sources(setting, emission.after)
    rate = emission.migrasomes.mean[own]
    around = surroundings(stroma.near, m.x[own], m.y[own], concentration, bound)
    held = _with_new(state.near, len(own))
    coated = advance_near(stroma.near, around, held, rate, emission.until - emission.since)
    if state.cells is None:
        return no_stimulus(setting.grid), coated
    near = subgrid_field(
        stroma.near,
        around,
        0.5 * (held + coated),
        m.x[own],
        m.y[own],
        m.radius[own],
        rate,
        coat_share=spec.receptor.cxcr4.coat_share,
        soluble_steers=spec.mechanisms.soluble_sensing,
        coat_steers=spec.mechanisms.haptotaxis,
    )
    patterned = spec.ligand[sight.ligand].coat.uneven
    return stimulus(spec, sight.through, concentration, bound, near, patterned=patterned), coated


def _burst(
    setting: Setting, stroma: _Stroma, state: State, emission: Mapping[str, Emission]
) -> State:
    """State after a stroma's ruptures and leaks have released what was held."""
    fields: dict[str, Any] = dict(state.fields)
    near, m = state.near, stroma.scene.migrasomes
    for ligand, prepared in stroma.prepared.items():
        given = emission[ligand].bursts
        some = np.flatnonzero(given)
        if len(some) == 0:
            continue
        field = setting.solver.release(
            prepared,
            fields[ligand],
            spread_at_once(stroma.scene, setting.grid, some, given[some]),
            tolerances=setting.tolerances,
        )
        fields[ligand] = replace(field, ledger=field.ledger.book(secreted=float(given.sum())))
        if setting.sight is not None and ligand == setting.sight.ligand:
            assert stroma.near is not None
            own = _seen_sources(setting, stroma.scene)
            concentration = setting.solver.face(prepared, fields[ligand])
            around = surroundings(
                stroma.near, m.x[own], m.y[own], concentration, fields[ligand].bound
            )
            near = burst_near(stroma.near, around, _with_new(near, len(own)), given[own])
    return replace(state, fields=fields, near=near)


def _with_new(near: Array, count: int) -> Array:
    """Coat around migrasomes, with those that have formed since, which come last."""
    held = np.zeros((count, WAVENUMBERS))
    held[: len(near)] = near
    return held


def _steady(setting: Setting, seed: int) -> State:
    state = begin(setting, seed)
    stroma = _stroma(setting, state.scene)
    fields = {
        name: setting.solver.steady(
            prepared, stroma.sources[name].flux, time=0.0, tolerances=setting.tolerances
        )
        for name, prepared in stroma.prepared.items()
    }
    state = replace(state, time=0.0, fields=fields)
    require_sound(
        state,
        setting.grid,
        setting.solver,
        stroma.prepared,
        setting.spec.numerics,
        steady=True,
    )
    return state
