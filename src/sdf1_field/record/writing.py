"""A run on its way to disk: written whole or not at all, and resumed where it stopped."""

import contextlib
import fcntl
import functools
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import netCDF4
import numpy as np
from numpy.typing import NDArray

from sdf1_field.coating import binding_sites
from sdf1_field.errors import InputError, RunError
from sdf1_field.migrasomes import cargo_of, rates_now, rates_of
from sdf1_field.migrasomes.growth import VERTICES
from sdf1_field.record.layout import (
    ABSENT,
    CARGO,
    MASSES,
    checkpoint_path,
    create_file,
    field_kind,
    partial_path,
    patterns,
    program,
    versions,
)
from sdf1_field.record.reading import recorded_model
from sdf1_field.record.states import load_state, save_state
from sdf1_field.scene import Fate, Migrasomes, RegionMap, Scene
from sdf1_field.simulation import (
    Setting,
    Snapshot,
    State,
    field_times,
    model_grid,
    prepare,
    regions_of,
    simulate,
    snapshot_of,
    track_times,
)
from sdf1_field.solvers import solver_named
from sdf1_field.sources import Secretion, secretion
from sdf1_field.spec import Model, ModelSpec
from sdf1_field.treatments import schedule
from sdf1_field.units import duration_text

Flags = NDArray[np.bool_]


_PROGRAM_BYTES = 2e8
"""What the program and its libraries take before any field."""
_POLES, _POLES_A_DIGIT = 11.0, 3.0
"""Arrays of the floor's size in which the cosine solver keeps a ligand's medium at the default
tolerance, and how many more each digit takes."""
_DEFAULT_TOLERANCE = 5e-3
_NEAR_BYTES = 5000.0
"""Of the profiles around a migrasome that carries what is sensed."""
_IN_FLIGHT = 80
"""Arrays of the floor's size that a step, the cells and the recorder hold beside these, as measured
on the whole well."""
_FIPY_BYTES = 6500.0
"""What FiPy's mesh and matrices take per cell, with a coat, as measured with FiPy 4.0."""
_PACKED = 0.1
"""Most that compression leaves of regions and of the bodies' secretion, as measured at 5 um."""
_SPREAD_CELLS = 300.0
"""Floor cells over which a migrasome's secretion is spread, at most."""
_FILE_BYTES = 4e5
"""What a file takes before any value: the model, names, and where each frame lies."""
_LIFE_BYTES = 18.0
"""Of what a file says of a migrasome once: birth, end, fate and origin."""
_LOADED_BYTES = 1.0
"""Of what it says once of whether a migrasome takes a followed ligand."""
_OBSERVATION_BYTES = 26
"""Of a cell at one time: place, time, state and region."""


def claim_output(path: Path, *, force: bool, resume: bool) -> None:
    """Check that a run may be written to a path, before anything is computed.

    Raises
    ------
    InputError
        If the file exists and may not be replaced, if an interrupted run would be lost, if there
        is nothing to resume, or if the folder is missing or cannot be written to.
    """
    elsewhere = "Choose another place."
    try:
        folder, there = path.is_dir(), path.parent.is_dir()
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}. {elsewhere}") from None
    if folder:
        raise InputError(f"{path}: is a folder. Give the name of a file, such as run.nc.")
    if path.suffix != ".nc":
        raise InputError(f"{path}: not the name of a run file. Give one that ends in .nc.")
    if not there:
        raise InputError(f"{path}: there is no folder '{path.parent}'. Make it or choose another.")
    leftover = partial_path(path)
    probe = path.with_name(path.name + ".probe")
    try:
        probe.touch()
        probe.unlink()
        occupied = path.exists() and not os.access(path, os.W_OK)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be written to ({reason}). {elsewhere}") from None
    if occupied:
        raise InputError(f"{path}: cannot be written to. {elsewhere}")
    if resume:
        if leftover.exists() and not checkpoint_path(path).exists():
            raise InputError(
                f"{leftover}: left by a run that failed or was killed, or is still being written; "
                "there is no state to go on from. Wait for it, or start over with force."
            )
        if not leftover.exists():
            raise InputError(
                f"{path}: there is no interrupted run to resume. Solve it without resume."
            )
        return
    if force:
        return
    if path.exists():
        raise InputError(f"{path}: exists already. Choose another name, or replace it with force.")
    if leftover.exists():
        if checkpoint_path(path).exists():
            raise InputError(
                f"{leftover}: left by an interrupted run. Go on with resume, or start over with "
                "force."
            )
        raise InputError(
            f"{leftover}: is being written by another run, or was left by one that failed or was "
            "killed. Wait for it, choose another name, or start over with force."
        )


def solve(
    model: Model,
    path: Path,
    *,
    seed: int | None = None,
    threads: int = 1,
    command_line: str = "",
    resume: bool = False,
    force: bool = False,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Solve a model and write its run file.

    Parameters
    ----------
    model : Model
    path : pathlib.Path
        Of the run file.
    seed : int, optional
        Of the dish; the model's own if not given.
    threads : int
        Of the solver; the result does not depend on it.
    command_line : str
        Recorded in the file.
    resume : bool
        Go on where an interrupted run stopped; the result is the same as if it never had been.
    force : bool
        Replace an existing file.
    progress : callable, optional
        Called with the time reached [s] after every output.

    Raises
    ------
    InputError
        See `claim_output`; also if the interrupted run was another model's.
    RunError
        If the solver fails or a state is not sound; what was computed until then is kept in the
        partial file.
    KeyboardInterrupt
        Passed on after what was computed has been kept.
    """
    claim_output(path, force=force, resume=resume)
    with _only_writer(path):
        _write(model, path, seed, threads, command_line, resume=resume, progress=progress)


@contextlib.contextmanager
def _only_writer(path: Path) -> Iterator[None]:
    """Hold the lock of a run file; the system frees it however its holder ends.

    Raises
    ------
    InputError
        If another run holds it.
    """
    name = path.with_name(path.name + ".lock")
    with name.open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last holder may have taken the name away since it was opened.
            alone = name.exists() and os.path.samestat(name.stat(), os.fstat(lock.fileno()))
        except BlockingIOError:
            alone = False
        except OSError:
            alone = True  # a file system without locks
        if not alone:
            raise InputError(
                f"{path}: is being written by another run. Wait for it, or choose another name."
            )
        try:
            yield
        finally:
            name.unlink(missing_ok=True)


def _write(
    model: Model,
    path: Path,
    seed: int | None,
    threads: int,
    command_line: str,
    *,
    resume: bool,
    progress: Callable[[float], None] | None,
) -> None:
    """Solve a model and write a run file of which this is the only writer; see `solve`."""
    spec = model.spec
    seed = spec.run.seed if seed is None else seed
    before: State | None = None
    recorder: _Recorder | None
    if resume:
        file = _reopened(path, model, seed)
        before = load_state(checkpoint_path(path), solver_named(spec.numerics.solver))
        recorder = _recorder(file, spec, seed)
    else:
        partial_path(path).unlink(missing_ok=True)
        checkpoint_path(path).unlink(missing_ok=True)
        # Made at once, so that a second run finds it.
        partial_path(path).touch()
        recorder = None
    stop = before
    onto_disk = functools.partial(_onto_disk, path, again="resume" if resume else "solve")
    try:
        if recorder is not None and before is not None:
            # The interruption may have come while this state was being written.
            with onto_disk():
                recorder.append(snapshot_of(before))
        for snapshot in simulate(spec, seed=seed, resume_from=before, threads=threads):
            stop = snapshot.stop
            with onto_disk():
                if recorder is None:
                    file = create_file(
                        partial_path(path), model, seed, snapshot.scene, command_line
                    )
                    recorder = _recorder(file, spec, seed)
                recorder.append(snapshot)
            if progress is not None:
                progress(snapshot.time)
        assert recorder is not None
        with onto_disk():
            recorder.file.close()
    except BaseException as error:
        if recorder is not None:
            # A file that cannot be written to any more cannot be closed properly either.
            with contextlib.suppress(OSError, RuntimeError):
                recorder.file.close()
        if isinstance(error, KeyboardInterrupt) and recorder is not None and stop is not None:
            save_state(checkpoint_path(path), stop)
        elif (
            isinstance(error, RunError)
            and not isinstance(error, _WritingError)
            and recorder is not None
            and stop is not None
        ):
            raise RunError(
                f"{error} What was computed is in {partial_path(path)}, good up to "
                f"{duration_text(stop.time)}; start over with force."
            ) from None
        elif not resume:
            partial_path(path).unlink(missing_ok=True)
            checkpoint_path(path).unlink(missing_ok=True)
        raise
    partial_path(path).replace(path)
    checkpoint_path(path).unlink(missing_ok=True)


class _WritingError(RunError):
    """A run file could not be written."""


@contextlib.contextmanager
def _onto_disk(path: Path, *, again: str) -> Iterator[None]:
    """Say in one line what the disk refuses; netCDF4 raises some of it as RuntimeError."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise _WritingError(
            f"{path}: writing failed ({error}). Make room on the disk or choose another, "
            f"and {again} again."
        ) from None


def _reopened(path: Path, model: Model, seed: int) -> netCDF4.Dataset:
    leftover = partial_path(path)
    try:
        file = netCDF4.Dataset(leftover, "a")
    except OSError as error:
        raise InputError(
            f"{leftover}: damaged ({error.strerror or error}). Start over with force."
        ) from None
    try:
        recorded = recorded_model(leftover, file.__dict__).spec
    except InputError:
        file.close()
        raise
    if recorded != model.spec or file.seed != seed or file.patterns != patterns(model.spec):
        file.close()
        raise InputError(
            f"{leftover}: was made from another model, settings or seed. Repeat the call that was "
            "interrupted, or start over with force."
        )
    if (file.source, file.versions) != (program(), versions()):
        file.close()
        raise InputError(
            f"{leftover}: was begun by other versions of sdf1-field or its libraries, whose bits "
            "may differ. Start over with force."
        )
    return file


@dataclass(eq=False)
class _Recorder:
    """An open run file, what it needs to know of the model, and what the last scene gave."""

    file: netCDF4.Dataset
    setting: Setting
    frames: Mapping[float, int]
    observations: Mapping[float, int]
    steady: bool
    scene: Scene | None = None
    regions: RegionMap | None = None
    sources: Mapping[str, Secretion] | None = None

    def append(self, snapshot: Snapshot) -> None:
        """Write what is due at a snapshot's time."""
        setting, file = self.setting, self.file
        if snapshot.scene is not self.scene:
            self.scene = snapshot.scene
            self.regions = regions_of(setting.spec, snapshot.scene, setting.grid)
            self.sources = None
        assert self.regions is not None
        if snapshot.time in self.frames:
            assert snapshot.fields is not None
            if self.sources is None:
                self.sources = {
                    name: secretion(snapshot.scene, setting.grid, name) for name in snapshot.fields
                }
            n = self.frames[snapshot.time]
            file["time"][n] = snapshot.time
            inside = setting.grid.inside
            file["region"][n] = self.regions.astype(np.int8)
            for name, field in snapshot.fields.items():
                solver, prepared = setting.solver, setting.prepared[name]
                for suffix, values in (
                    ("", solver.floor(prepared, field)),
                    ("_bound", field.bound),
                    ("_secretion", self.sources[name].flux),
                ):
                    file[f"{name}{suffix}"][n] = (
                        np.where(inside, values, np.nan) if setting.grid.round else values
                    )
                held = {
                    "in_medium": solver.in_medium(prepared, field),
                    "bound": solver.on_coat(prepared, field),
                }
                if f"{name}_sites" in file.variables:
                    file[f"{name}_sites"][n] = binding_sites(
                        setting.spec.ligand[name].coat, snapshot.scene, setting.grid
                    )
                if f"{name}_reservoir" in file.variables:
                    file[f"{name}_reservoir"][n] = solver.reservoir(prepared, field)
                file[f"{name}_minimum"][n] = field.ledger.minimum
                for entry in MASSES:
                    value = held[entry] if entry in held else getattr(field.ledger, entry)
                    if self.steady and entry not in held:
                        value = np.nan
                    file[f"{name}_mass_{entry}"][n] = value
            _append_scene(file, n, snapshot.scene, setting.spec.run.duration)
            _append_cargo(file, n, snapshot.scene, setting.spec.followed_ligands)
        if "cell_time" in file.variables and snapshot.time in self.observations:
            assert snapshot.cells is not None
            n = self.observations[snapshot.time]
            cells = snapshot.cells
            file["cell_time"][:, n] = snapshot.time
            file["cell_x"][:, n], file["cell_y"][:, n] = cells.x, cells.y
            file["cell_state"][:, n] = cells.held.astype(np.int8)
            file["cell_region"][:, n] = self.regions[setting.grid.index(cells.x, cells.y)]


def _frame_times(spec: ModelSpec) -> list[float]:
    return [0.0] if spec.run.mode == "steady" else field_times(spec)


def output_times(spec: ModelSpec) -> list[float]:
    """Times of all states that a run's file is made from [s]."""
    tracked = [] if spec.run.mode == "steady" else track_times(spec)
    return sorted({*_frame_times(spec), *tracked})


def _recorder(file: netCDF4.Dataset, spec: ModelSpec, seed: int) -> _Recorder:
    frames = _frame_times(spec)
    return _Recorder(
        file=file,
        setting=prepare(spec, seed),
        frames={time: n for n, time in enumerate(frames)},
        observations={time: n for n, time in enumerate(track_times(spec))},
        steady=spec.run.mode == "steady",
    )


def _append_scene(file: netCDF4.Dataset, n: int, scene: Scene, duration: float) -> None:
    """Write a frame's bodies, fibres and migrasomes, and what is known of lives by then."""
    migrasomes = _within_run(scene.migrasomes, duration)
    here = migrasomes.present
    for prefix, group, there in (
        ("body", scene.bodies, None),
        ("fibre", scene.fibres, None),
        ("migrasome", migrasomes, here),
    ):
        for field in fields(group):
            variable = file.variables.get(f"{prefix}_{field.name}")
            if variable is not None:
                values = getattr(group, field.name)
                if "time" not in variable.dimensions:
                    _put(variable, (), values)
                else:
                    _put(variable, (n,), values if there is None else _masked(values, there))
    for ligand, rates in scene.bodies.secretion.items():
        _put(file[f"body_{ligand}_secretion_rate"], (n,), rates)
        _, own = rates_now(scene, ligand)
        _put(file[f"migrasome_{ligand}_secretion_rate"], (n,), _masked(own, here))


def _append_cargo(file: netCDF4.Dataset, n: int, scene: Scene, followed: tuple[str, ...]) -> None:
    """Write where a frame's cargo is; a scene that has been frozen does not know any more."""
    for ligand in followed:
        loaded = scene.migrasomes.loaded[ligand]
        _put(file[f"migrasome_{ligand}_loaded"], (), loaded.astype(np.int8))
        own, here = cargo_of(scene).get(ligand), scene.migrasomes.present
        # As long as the other variables in every frame: of a shorter one NetCDF misplaces values.
        held = np.full(len(here), np.nan) if own is None else _masked(own.held, here)
        _put(file[f"migrasome_{ligand}_cargo"], (n,), held)
        if own is None:
            continue
        in_bodies = own.front + own.rear
        _put(file[f"body_{ligand}_cargo"], (n,), in_bodies)
        _put(file[f"body_{ligand}_rear_cargo"], (n,), own.rear)
        for entry, amounts in (
            ("made", own.made),
            ("in_bodies", in_bodies),
            ("in_migrasomes", own.held),
            ("released_by_bodies", own.released),
            ("released_by_fusion", own.fused),
            ("released_at_once", own.leaked),
            ("carried_off", own.carried_off),
        ):
            file[f"{ligand}_cargo_{entry}"][n] = amounts.sum()


def _within_run(migrasomes: Migrasomes, duration: float) -> Migrasomes:
    """Migrasomes with the ends and fates that they meet before a run is over."""
    gone = migrasomes.end <= duration
    return replace(
        migrasomes,
        end=np.where(gone, migrasomes.end, np.nan),
        fate=np.where(gone, migrasomes.fate, np.int8(Fate.OUTLIVES_THE_RUN)),
    )


def _masked(values: NDArray[Any], there: Flags) -> NDArray[Any]:
    """Values where something is there, and what the file holds for nothing elsewhere."""
    return np.where(there, values, np.nan if values.dtype.kind == "f" else ABSENT)


def _put(variable: "netCDF4.Variable[Any]", frame: tuple[int, ...], values: NDArray[Any]) -> None:
    """Write the first rows of a variable, or of a frame of it; those that follow stay empty."""
    if values.size:
        variable[(*frame, *(slice(size) for size in values.shape))] = values


class _Stroma(NamedTuple):
    """Upper estimates of how much of a stroma there is at once.

    Parameters
    ----------
    bodies, fibres, vertices, migrasomes : float
        At once; ``vertices`` of each fibre.
    migrasomes_ever : float
        Those gone and to come too.
    """

    bodies: float
    fibres: float
    vertices: float
    migrasomes: float
    migrasomes_ever: float


def _expected_stroma(spec: ModelSpec) -> _Stroma:
    scene, area = spec.scene, spec.dish.width * spec.dish.length
    bodies = scene.msc_number or scene.msc_density * area
    if spec.grows:
        return _expected_growth(spec, bodies)
    fibres = bodies * scene.network_fraction * scene.fibres_per_network
    migrasomes = fibres * scene.fibre_length / scene.migrasome_spacing
    migrasomes += scene.detached_migrasome_density * area
    vertices = scene.fibre_length / scene.fibre_segment + 1.0
    return _Stroma(bodies, fibres, vertices, migrasomes, migrasomes)


def _expected_growth(spec: ModelSpec, bodies: float) -> _Stroma:
    """What there is at the end if nothing but time takes it away.

    Fibres run straight away from bodies until they break, and on them migrasomes form as fast as
    they nucleate, or as fast as there is room: wherever one has ruptured or its fibre has gone.
    """
    span = spec.run.duration + spec.run.culture
    if spec.scene.mode == "frozen":
        span = spec.run.culture
    if span == 0.0:
        return _Stroma(bodies, 0.0, 0.0, 0.0, 0.0)
    r = rates_of(spec, schedule(spec).perturbation(spec.run.duration))
    migrating = r.starting / (r.starting + r.stopping) if r.starting > 0.0 else 0.0
    # A fibre that lengthens breaks ever sooner.
    pull = r.breakage * r.speed
    life = min(
        span,
        math.sqrt(0.5 * math.pi / pull) if pull > 0.0 else math.inf,
        1.0 / r.release if r.release > 0.0 else math.inf,
    )
    bundles = migrating * r.speed * r.tethering + (1.0 - migrating) * r.retraction
    stems = bodies * bundles * r.fibres * life
    length = min(r.speed * life, VERTICES * r.anchor_spacing)
    vertices = min(length / r.anchor_spacing + length / r.spacing + 2.0, float(VERTICES))
    fibres = stems * (1.0 + r.branching * length)
    room = fibres * length / r.spacing
    ever = min(
        fibres * (length + r.junction) * r.nucleation * span,
        room * (1.0 + span * r.rupture + span / life),
    )
    alive = ever * min(1.0, 1.0 / (r.rupture * span))
    return _Stroma(bodies, fibres, vertices, alive, ever)


def _carrying_share(spec: ModelSpec, ligand: str) -> float:
    """Share of migrasomes that secrete a ligand."""
    if ligand in spec.followed_ligands:
        return spec.stroma.cargo[ligand].loaded_fraction
    return spec.ligand[ligand].secretion.carrying_fraction


def expected_content(spec: ModelSpec, *, packed: bool = False) -> float:
    """Upper estimate of a run's values in memory, or packed as its file has them [bytes]."""
    grid, stroma = model_grid(spec), _expected_stroma(spec)
    floor_cells, ligands = float(grid.nx) * float(grid.ny), spec.solved_ligands
    followed = len(spec.followed_ligands)
    share = _PACKED if packed else 1.0
    # Where there is none outside a wall, regions are read as floats.
    frame = share * floor_cells * (4.0 if grid.round and not packed else 1.0)
    for name in ligands:
        carriers = _carrying_share(spec, name) * stroma.migrasomes
        secreting = min(1.0, share + _SPREAD_CELLS * carriers / floor_cells)
        frame += floor_cells * (2 * int(field_kind(spec, name)[1]) + 8 * secreting)
        frame += 4 * floor_cells * spec.ligand[name].coat.uneven
    # Room for the longest fibre takes nothing in a file.
    vertices = VERTICES if spec.grows and not packed else stroma.vertices
    frame += stroma.fibres * (16.0 * vertices + 5.0)
    frame += (8.0 * (5 + len(ligands) + followed) + 4.0) * stroma.migrasomes
    frame += (8.0 * (6 + len(ligands) + 2 * followed) + 1.0) * stroma.bodies
    frame += 8.0 * len(CARGO) * followed
    content = len(_frame_times(spec)) * frame
    content += (_LIFE_BYTES + _LOADED_BYTES * followed) * stroma.migrasomes_ever
    if spec.run.mode != "steady":
        content += len(track_times(spec)) * spec.cell_count * _OBSERVATION_BYTES
    return content


def expected_size(spec: ModelSpec) -> tuple[float, float]:
    """Upper estimates of a run file and of the memory its run takes [bytes]; takes none itself."""
    grid, stroma = model_grid(spec), _expected_stroma(spec)
    floor_cells, ligands = float(grid.nx) * float(grid.ny), spec.solved_ligands
    file_size = _FILE_BYTES + expected_content(spec, packed=True)
    if spec.numerics.solver == "fipy":
        memory = _PROGRAM_BYTES + _FIPY_BYTES * floor_cells * grid.nz
    else:
        # The ligand that a step advances is there twice, before the step and after it.
        digits = math.log10(_DEFAULT_TOLERANCE / spec.numerics.tolerance)
        poles = min(_POLES + _POLES_A_DIGIT * max(digits, 0.0), float(grid.nz))
        arrays = poles * (len(ligands) + 1) + _IN_FLIGHT
        memory = _PROGRAM_BYTES + 8.0 * floor_cells * arrays
    for name in spec.sensed_ligands:
        carried = _carrying_share(spec, name) * stroma.migrasomes_ever
        memory += _NEAR_BYTES * carried
    return file_size, memory
