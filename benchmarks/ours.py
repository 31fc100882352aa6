"""What this program makes of the problems; every call of it from the benchmarks is in this file.

Concentrations leave in molecules/um**3, as the exact solutions and the peers have them.
"""

import itertools
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Result, imported_memory, passes, peak_memory, timed
from benchmarks.problems import (
    QUICK_P1,
    CoatedProblem,
    Problem,
    deviation,
    floor_errors,
    relative_error,
)
from sdf1_field.cells import AdhesionMap, Cells, adhesion_map, cell_parameters
from sdf1_field.cells import advance as advance_cells
from sdf1_field.exposure import (
    WAVENUMBERS,
    Stimulus,
    SubgridField,
    advance_coat,
    grid_response,
    stimulus,
    subgrid_basis,
    subgrid_field,
    surroundings,
)
from sdf1_field.exposure.sampling import no_subgrid_field
from sdf1_field.grid import Grid, make_grid
from sdf1_field.migrasomes import advance, seed_scene
from sdf1_field.observations import Dish, observe
from sdf1_field.scene import Scene, place_scene
from sdf1_field.solvers import cosine, linear
from sdf1_field.solvers.cosine import Columns, Tolerances
from sdf1_field.sources import Secretion, constant, secretion
from sdf1_field.spec import BOND_NAMES, ModelSpec, load_model
from sdf1_field.transport import Coat, Transport, bound_in_steady_state
from sdf1_field.treatments import schedule
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM
from sdf1_field.variation import dish_factors

Array = NDArray[np.float64]

_ABSOLUTE = 1e-15
"""Absolute tolerance for sources of 1 molecule/s [nM]: so little that the relative one counts."""
MODEL = "coculture-kg1a"
"""The model that is solved as a whole."""
PLACED = ("scene.mode=placed",)
STROMA_MODEL = "biogenesis-fibronectin-5"
MSC_DENSITY = 40e-6
"""[1/um**2]."""
_COUNTED = 14_400.0
"""When a dish of an ensemble is counted [s]."""
_DISHES_TIME = 3.0
"""For how long dishes are simulated [s]."""
FRAME = 21_600.0
"""How often networks are asked for [s]."""


def _tolerances(
    relative: float, coated: CoatedProblem | None = None, first_step: float = 1.0
) -> Tolerances:
    absolute = _ABSOLUTE * (1.0 if coated is None else coated.strength)
    return Tolerances(relative=relative, absolute=absolute, first_step=first_step)


def _grid(problem: Problem) -> Grid:
    size = problem.spacing
    return Grid(
        width=size * problem.nx,
        length=size * problem.ny,
        nx=problem.nx,
        ny=problem.ny,
        z_edges=size * np.arange(problem.nz + 1.0),
    )


def _transport(problem: Problem, coated: CoatedProblem | None) -> Transport:
    coat = None
    if coated is not None:
        coat = Coat(
            sites=coated.sites,
            association_rate=coated.association_rate,
            dissociation_rate=coated.dissociation_rate,
            loss_rate=coated.loss_rate,
        )
    return Transport(problem.diffusivity, problem.loss_rate, coat=coat)


def _flux(problem: Problem, strength: float = 1.0) -> Array:
    flux: Array = problem.rates() * (strength / problem.spacing**2)
    return flux


def _history(
    prepared: Any,
    source: Secretion,
    stops: Array,
    tolerances: Tolerances,
    solver: ModuleType = cosine,
) -> tuple[list[Array], Any]:
    state = solver.start(prepared, time=0.0, tolerances=tolerances)
    floors = []
    for stop in stops:
        state = solver.advance(prepared, state, source, float(stop), tolerances=tolerances)
        floors.append(solver.floor(prepared, state))
    return floors, state


def _warm_up(coated: CoatedProblem | None = None, solver: ModuleType = cosine) -> None:
    """Load the kernels, on the small problem."""
    tolerances = _tolerances(1e-2, coated)
    prepared = solver.prepare(_grid(QUICK_P1), _transport(QUICK_P1, coated), tolerances)
    source = constant(_flux(QUICK_P1, 1.0 if coated is None else coated.strength))
    _history(prepared, source, QUICK_P1.stops[:2], tolerances, solver)


def transient(
    problem: Problem,
    tolerance: float,
    reference: Array,
    coated: CoatedProblem | None = None,
    *,
    exact: bool = False,
) -> Result:
    """Floor at every stop; its error, or over a coat that of its deviation from the mean.

    What a solver keeps from one call to the next is cold in every pass: each has columns of its
    own.

    Parameters
    ----------
    reference : ndarray, shape (stop, ny, nx)
        Floors to compare with.
    exact : bool
        Whether the coat is taken as unsaturated, and solved with the medium exactly in time.
    """
    solver = linear if exact else cosine
    _warm_up(coated, solver)
    imported = imported_memory()
    grid, transport = _grid(problem), _transport(problem, coated)
    tolerances = _tolerances(tolerance, coated)
    source = constant(_flux(problem, 1.0 if coated is None else coated.strength))
    preparing = []
    outcome: list[tuple[list[Array], Any, Columns]] = []

    def once() -> float:
        took, prepared = timed(lambda: solver.prepare(grid, transport, tolerances))
        preparing.append(took)
        seconds, (floors, state) = timed(
            lambda: _history(prepared, source, problem.stops, tolerances, solver)
        )
        outcome[:] = [(floors, state, prepared.columns if exact else prepared)]
        return seconds

    seconds = passes(once)
    peak = peak_memory()
    (floors, state, columns) = outcome[0]
    values = MOLECULES_PER_UM3_PER_NM * np.array(floors)
    facts: dict[str, object] = {"poles": len(columns.rates), "tolerance": tolerance}
    if coated is None:
        errors = floor_errors(values, reference)
    else:
        errors = floor_errors(deviation(values), deviation(reference))
        filled = state.bound / coated.sites
        facts["filled, median"] = float(np.median(filled))
        facts["filled, 5 % and 95 %"] = [float(v) for v in np.quantile(filled, (0.05, 0.95))]
    return Result(
        seconds=seconds,
        set_up={"prepare": float(np.median(preparing))},
        errors=errors,
        facts=facts,
        imported=imported,
        peak=peak,
    )


def reference_floors(problem: Problem, coated: CoatedProblem, tolerance: float) -> Array:
    """Floors over a coat at a tolerance much finer than the one under test, (stop, ny, nx)."""
    tolerances = _tolerances(tolerance, coated, first_step=0.1)
    columns = cosine.prepare(_grid(problem), _transport(problem, coated), tolerances)
    source = constant(_flux(problem, coated.strength))
    floors, _ = _history(columns, source, problem.stops, tolerances)
    return MOLECULES_PER_UM3_PER_NM * np.array(floors)


def steady(problem: Problem, reference: Array) -> Result:
    """Floor in steady state, and beside it in this process one pair of 2D transforms."""
    from benchmarks.machine import transform_pair

    tolerances, small = _tolerances(1e-3), QUICK_P1
    columns = cosine.prepare(_grid(small), _transport(small, None), tolerances)
    cosine.steady_floor(columns, _flux(small))
    imported = imported_memory()
    grid, transport, flux = _grid(problem), _transport(problem, None), _flux(problem)
    preparing, columns = timed(lambda: cosine.prepare(grid, transport, tolerances))
    first, floor = timed(lambda: cosine.steady_floor(columns, flux))
    # In turns, so that what disturbs one disturbs the other.
    own, pair = [], []
    for _ in range(5):
        own.append(
            passes(lambda: timed(lambda: cosine.steady_floor(columns, flux))[0], for_seconds=0.1)
        )
        pair.append(passes(lambda: transform_pair(flux), for_seconds=0.1))
    seconds, transforms = float(np.median(own)), float(np.median(pair))
    return Result(
        seconds=seconds,
        set_up={"prepare": preparing, "first call": first},
        errors={"floor": relative_error(MOLECULES_PER_UM3_PER_NM * floor, reference)},
        facts={"transform pair [s]": transforms, "of a transform pair": seconds / transforms},
        imported=imported,
        peak=peak_memory(),
    )


def whole_run(
    model: str, settings: Sequence[str] = (), *, threads: int = 1, before: bool = False
) -> Result:
    """``sdf1-field solve`` as a process: start-up, cells, and writing included.

    Parameters
    ----------
    model : str
    settings : sequence of str
    threads : int
    before : bool
        Whether the same is run once before, so that the kernels are compiled.
    """
    command = [sys.executable, "-m", "sdf1_field.cli", "solve", model, "--force", "--quiet"]
    command += ["--threads", str(threads)]
    for setting in settings:
        command += ["--set", setting]
    # The benchmarks' own processes have one thread, which would be a limit for this one too.
    free = {k: v for k, v in os.environ.items() if threads == 1 or not k.endswith("_NUM_THREADS")}
    set_up = {}
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run.nc"
        command += ["-o", str(run)]
        if before:
            first, _ = timed(lambda: subprocess.run(command, env=free, check=True))
            set_up["run before, which may compile"] = first
        seconds, peak = timed(lambda: _watched(command, free))
        size = run.stat().st_size
    return Result(
        seconds=seconds,
        set_up=set_up,
        facts={"threads": threads, "file [bytes]": size},
        peak=peak,
    )


def dish(settings: Sequence[str] = ()) -> Result:
    """Time of a dish of an ensemble: 4 h of co-culture simulated and counted, nothing written.

    Another dish comes before, so that kernels and model are loaded.
    """

    def observed(seed: int) -> float:
        one = Dish("cells", MODEL, (f"run.duration={_COUNTED} s", *settings), seed, (_COUNTED,))
        return timed(lambda: observe(one))[0]

    first = observed(1)
    imported = imported_memory()
    seeds = itertools.count(2)
    seconds = passes(lambda: observed(next(seeds)), for_seconds=_DISHES_TIME)
    return Result(
        seconds=seconds,
        set_up={"dish before, which may compile": first},
        imported=imported,
        peak=peak_memory(),
    )


def networks(count: int) -> Result:
    """72 h of so many MSC and their networks on fibronectin, asked for every 6 h; no fields."""
    imported = imported_memory()
    side = math.sqrt(count / MSC_DENSITY)
    spec = load_model(
        STROMA_MODEL,
        settings=[
            f"dish.width={side!r} um",
            f"dish.length={side!r} um",
            f"scene.msc_number={count}",
        ],
    ).spec
    untouched = schedule(spec).perturbation(0.0)

    def grow(until: float) -> Scene:
        scene = seed_scene(spec, 1, untouched, secretion_factor=1.0)
        for n in range(1, round(until / FRAME) + 1):
            scene = advance(scene, n * FRAME)
        return scene

    compiling, _ = timed(lambda: grow(FRAME))
    seconds, scene = timed(lambda: grow(spec.run.duration))
    return Result(
        seconds=seconds,
        set_up={"6 h before, which may compile": compiling},
        facts={"MSC": count, "migrasomes": len(scene.migrasomes.x)},
        imported=imported,
        peak=peak_memory(),
    )


def _watched(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Peak memory of a command [bytes], looked at until it is over."""
    peak = 0
    with subprocess.Popen(command, env=environment) as process:
        while process.poll() is None:
            peak = max(peak, peak_memory(process.pid))
            time.sleep(_LOOK)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, list(command))
    return peak


_LOOK = 0.01
"""Interval at which a process's memory is looked at [s]."""
_LAYERS = {"height": 2000.0, "floor_layer": 5.0, "layer_growth": 1.2}
_SPACING = 5.0
_SOURCE_DENSITY = 4e-4
"""Of the growth of cost with the floor [1/um**2]."""
_POLES = 1e-4
"""Tolerance for which poles are kept."""
_STEP_TOLERANCE = 1e-2
_FIRST_STEPS = 3
_STEP = 6.0
"""Length of an exact step [s]."""
_SETTLED = 60.0
"""Time after which a coat's steps are timed [s]; the first ones are short and often rejected."""


_LONGEST_STEP = 900.0
"""As long as cells let it be: the default coupling step [s]."""


def floor_step(side: int, coated: CoatedProblem | None) -> Result:
    """One step of the field over a floor of ``side`` by ``side`` cells and 2 mm of medium."""
    _warm_up(coated)
    imported = imported_memory()
    extent = _SPACING * side
    grid = make_grid(extent, extent, spacing=_SPACING, **_LAYERS)
    rng = np.random.default_rng(1)
    count = max(1, round(_SOURCE_DENSITY * grid.area))
    amount = np.zeros((side, side))
    np.add.at(amount, tuple(rng.integers(0, side, (2, count))), 1.0)
    source = constant(amount / _SPACING**2)
    tolerances = _tolerances(_STEP_TOLERANCE, coated)
    transport = _transport(QUICK_P1, coated)
    # Poles for a tolerance of their own: as many as a careful run has.
    preparing, columns = timed(lambda: cosine.prepare(grid, transport, _tolerances(_POLES)))
    state = cosine.start(columns, time=0.0, tolerances=tolerances)
    if coated is not None:
        state = cosine.advance(columns, state, source, _SETTLED, tolerances=tolerances)

    def once() -> float:
        nonlocal state
        # As long as the error control would like: one step, or a rejected one and its parts.
        until = state.time + (_STEP if coated is None else min(state.step, _LONGEST_STEP))
        if coated is None:
            # A later step differs in the last bits of its length, which would empty the caches.
            state = replace(state, time=_STEP)
            until = 2.0 * _STEP
        seconds, state = timed(
            lambda: cosine.advance(columns, state, source, until, tolerances=tolerances)
        )
        return seconds

    # The first steps pay for memory that the system has yet to hand out.
    for _ in range(_FIRST_STEPS):
        once()
    seconds = passes(once, for_seconds=1.0)
    return Result(
        seconds=seconds,
        set_up={"prepare": preparing},
        facts={"side": side, "poles": len(columns.rates), "layers": grid.nz},
        imported=imported,
        peak=peak_memory(),
    )


BARE = (
    "mechanisms.haptotaxis=false",
    "mechanisms.arrest=false",
    "mechanisms.cd166_adhesion=false",
    "mechanisms.vla4_adhesion=false",
    "mechanisms.chemokinesis=false",
    "mechanisms.crowding=false",
)
"""Settings that leave sensing and moving."""


def bare_walk(
    values: Array, spacing: float, x: Array, y: Array, angle: Array, *, steps: int, step: float
) -> Result:
    """Time for each cell and step of cells that turn up the gradient of a map and do nothing else.

    Parameters
    ----------
    values : ndarray, shape (ny, nx)
        [nM].
    spacing : float
        Of the map [um].
    x, y, angle : ndarray, shape (cell,)
        [um], [rad].
    steps : int
    step : float
        [s].
    """
    spec = load_model(MODEL, settings=[*BARE, f"cells.time_step={step:g} s"]).spec
    ny, nx = values.shape
    grid = Grid(spacing * nx, spacing * ny, nx, ny, np.array([0.0, spacing]))
    nothing = np.zeros((ny, nx))
    bare = _transport(QUICK_P1, None)
    seen = _seen(spec, grid, bare, values, nothing, no_subgrid_field())
    contact, ligands = nothing.astype(np.uint8), np.zeros((*nothing.shape, len(BOND_NAMES)), "f4")
    hold = AdhesionMap(contact, ligands, grid.dx, grid.dy)
    return _cell_steps(spec, grid, _crawling(spec, x, y, angle), seen, hold, steps)


def cells_with_everything(count: int, density: float) -> Result:
    """Time for each cell and step with the co-culture's mechanisms, on its scene and field.

    Parameters
    ----------
    count : int
    density : float
        [1/um**2]; sets the size of the floor.
    """
    side = math.sqrt(count / density)
    settings = [
        f"dish.width={side:.6g} um",
        f"dish.length={side:.6g} um",
        f"cells.density={1e6 * density:.6g} 1/mm**2",
        f"grid.spacing={max(5.0, side / _MOST_ACROSS):.6g} um",
        *PLACED,
    ]
    spec = load_model(MODEL, settings=settings).spec
    grid = make_grid(
        spec.dish.width,
        spec.dish.length,
        spec.dish.height,
        spacing=spec.grid.spacing,
        floor_layer=spec.grid.floor_layer,
        layer_growth=spec.grid.layer_growth,
    )

    def settle() -> tuple[Stimulus, AdhesionMap]:
        scene = place_scene(spec, 1, secretion_factor=1.0)
        ligand = spec.ligand[_LIGAND]
        coat = Coat(
            sites=ligand.coat.sites,
            association_rate=ligand.coat.association_rate,
            dissociation_rate=ligand.coat.dissociation_rate,
            loss_rate=ligand.coat.loss_rate,
        )
        transport = Transport(ligand.diffusivity, ligand.loss_rate, coat=coat)
        columns = cosine.prepare(grid, transport, _tolerances(1e-3))
        concentration = cosine.steady_floor(columns, secretion(scene, grid, _LIGAND).flux)
        bound = bound_in_steady_state(coat, np.maximum(concentration, 0.0))
        subgrid = _subgrid(spec, grid, transport, scene, concentration, bound)
        return (
            _seen(spec, grid, transport, concentration, bound, subgrid),
            adhesion_map(spec, scene, grid),
        )

    settling, (seen, hold) = timed(settle)
    rng = np.random.default_rng(1)
    angle = 2.0 * np.pi * rng.random(count)
    x, y = _apart(count, grid, spec.haematopoietic.diameter, rng)
    walking = _crawling(spec, x, y, angle)
    result = _cell_steps(spec, grid, walking, seen, hold, _CELL_STEPS)
    return replace(result, set_up={**result.set_up, "scene and field": settling})


_MOST_ACROSS = 3000
"""Floor cells along a side, at most."""
_CELL_STEPS = 10
_SETTLING_STEPS = 60
"""Steps before those that are timed, in which some cells are caught."""


def _apart(
    count: int, grid: Grid, diameter: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Places that do not overlap: on a lattice, each moved as far as its room allows."""
    across = math.ceil(math.sqrt(count))
    room = grid.width / across
    chosen = rng.choice(across * across, count, replace=False)
    freedom = max(room - diameter, 0.0)
    x = (chosen % across + 0.5) * room + freedom * (rng.random(count) - 0.5)
    y = (chosen // across + 0.5) * room + freedom * (rng.random(count) - 0.5)
    return x, y


_LIGAND = "sdf1"
_AGE = 86400.0
"""Of the coat around the migrasomes [s]."""


def _subgrid(
    spec: ModelSpec,
    grid: Grid,
    transport: Transport,
    scene: Scene,
    concentration: Array,
    bound: Array,
) -> SubgridField:
    """Sub-grid correction to the field of the scene's migrasomes."""
    m = scene.migrasomes
    own = np.flatnonzero(m.secretion[_LIGAND] > 0.0)
    rate = m.secretion[_LIGAND][own]
    basis = subgrid_basis(grid, transport, cell_radius=0.5 * spec.haematopoietic.diameter)
    around = surroundings(basis, m.x[own], m.y[own], concentration, bound)
    coated = advance_coat(basis, around, np.zeros((len(own), WAVENUMBERS)), rate, _AGE)
    return subgrid_field(
        basis,
        around,
        coated,
        m.x[own],
        m.y[own],
        m.radius[own],
        rate,
        coat_share=spec.receptor.cxcr4.coat_share,
    )


def _seen(
    spec: ModelSpec,
    grid: Grid,
    transport: Transport,
    concentration: Array,
    bound: Array,
    subgrid: SubgridField,
) -> Stimulus:
    through = grid_response(grid, transport, cell_radius=0.5 * spec.haematopoietic.diameter)
    return stimulus(spec, through, concentration, bound, subgrid)


def _crawling(spec: ModelSpec, x: Array, y: Array, angle: Array) -> Cells:
    """Cells with all receptors on their surface and signalling adapted to none."""
    count = len(x)
    surface = np.full(count, spec.haematopoietic.receptors)
    nothing, held = np.zeros((2, count)), np.zeros(count, dtype=np.bool_)
    return Cells(x, y, np.cos(angle), np.sin(angle), surface, *nothing, held, 0)


def _cell_steps(
    spec: ModelSpec, grid: Grid, walking: Cells, seen: Stimulus, hold: AdhesionMap, steps: int
) -> Result:
    behaving = cell_parameters(spec, dish_factors(spec, 1), competition=0.0)
    count, step = len(walking.x), spec.cells.time_step

    def move(cells: Cells, number: int) -> Cells:
        return advance_cells(
            cells, grid, seen, hold, behaving, duration=number * step, time_step=step, seed=1
        )

    few = Cells(*(each[:2] for each in walking.copied()), 0)
    compiling, _ = timed(lambda: move(few, 1))
    imported = imported_memory()
    walking = move(walking, _SETTLING_STEPS if hold.contact.any() else 1)

    def once() -> float:
        nonlocal walking
        seconds, walking = timed(lambda: move(walking, steps))
        return seconds

    seconds = passes(once)
    return Result(
        seconds=seconds / (count * steps),
        set_up={"first call, which may compile": compiling},
        facts={"cells": count, "held": float(walking.held.mean())},
        imported=imported,
        peak=peak_memory(),
    )
