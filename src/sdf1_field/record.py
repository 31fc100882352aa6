"""Runs on disk: one NetCDF-4 file per run (CF-1.11), written whole or not at all.

The file grows under the name ``RUN.nc.partial`` and takes its own name when it is complete. An
interrupted run leaves the partial file and, beside it, the state from which it can go on.
"""

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import NDArray

import sdf1_field
from sdf1_field.cells import Cells
from sdf1_field.errors import InputError
from sdf1_field.scene import Bodies, Fibres, Migrasomes, Region, RegionMap, Scene
from sdf1_field.simulate import (
    Setting,
    State,
    field_times,
    model_grid,
    prepare,
    regions_of,
    simulate,
    track_times,
)
from sdf1_field.solvers import cosine
from sdf1_field.solvers.cosine import CosineState
from sdf1_field.sources import secretion
from sdf1_field.spec import Model, ModelSpec, entries_of, model_from_entries
from sdf1_field.transport import FloorValue, Ledger
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

FORMAT = "sdf1-field run 1"
VOLATILE = frozenset({"date_created", "history", "command_line"})
"""Attributes that may differ between two runs of the same content."""

MASSES = {
    "secreted": "secreted so far",
    "added": "added by treatments so far",
    "in_medium": "dissolved in the medium",
    "bound": "bound to the coat",
    "degraded": "degraded in the medium and on the coat so far",
    "through_top": "left through the top so far",
    "removed": "removed with the medium so far",
    "taken_up": "taken up by cells so far",
}
_LIBRARIES = ("numpy", "scipy", "numba", "netCDF4", "xarray", "pydantic", "pint")
_TIME = {
    "units": "seconds since 2000-01-01",
    "units_metadata": "leap_seconds: none",
    "calendar": "standard",
    "standard_name": "time",
}


def partial_path(path: Path) -> Path:
    """Name a run file has while it grows."""
    return path.with_name(path.name + ".partial")


def checkpoint_path(path: Path) -> Path:
    """Name of the state that an interrupted run leaves."""
    return path.with_name(path.name + ".state.npz")


def claim_output(path: Path, *, force: bool, resume: bool) -> None:
    """Check that a run may be written to a path, before anything is computed.

    Raises
    ------
    InputError
        If the file exists and may not be replaced, if an interrupted run would be lost, if there
        is nothing to resume, or if the folder is missing or cannot be written to.
    """
    elsewhere = "Choose another place with -o."
    if path.is_dir():
        raise InputError(f"{path}: is a folder. Give the name of a file, such as run.nc.")
    if not path.parent.is_dir():
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
        if not (leftover.exists() and checkpoint_path(path).exists()):
            raise InputError(
                f"{path}: there is no interrupted run to resume. Solve it without --resume."
            )
        return
    if force:
        return
    if path.exists():
        raise InputError(f"{path}: exists already. Choose another name with -o, or use --force.")
    if leftover.exists():
        kept = checkpoint_path(path).exists()
        raise InputError(
            f"{leftover}: left by a run that did not end. "
            + ("Go on with --resume, or start" if kept else "Start")
            + " over with --force."
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
        Called with the time reached [s] after every state.

    Raises
    ------
    InputError
        See `claim_output`; also if the interrupted run was another model's.
    RunError
        If the solver fails.
    KeyboardInterrupt
        Passed on after what was computed has been kept.
    """
    claim_output(path, force=force, resume=resume)
    spec = model.spec
    seed = spec.run.seed if seed is None else seed
    before: State | None = None
    recorder: _Recorder | None
    if resume:
        before = load_state(checkpoint_path(path))
        recorder = _recorder(_reopened(path, model, seed), spec, seed)
        # The interruption may have come while this state was being written.
        recorder.append(before)
    else:
        partial_path(path).unlink(missing_ok=True)
        checkpoint_path(path).unlink(missing_ok=True)
        recorder = None
    state = before
    try:
        for state in simulate(spec, seed=seed, resume_from=before, threads=threads):
            if recorder is None:
                recorder = _recorder(_created(path, model, seed, state, command_line), spec, seed)
            recorder.append(state)
            if progress is not None:
                progress(state.time)
    except KeyboardInterrupt:
        if state is not None and recorder is not None:
            recorder.file.close()
            save_state(checkpoint_path(path), state)
        else:
            partial_path(path).unlink(missing_ok=True)
        raise
    except BaseException:
        if recorder is not None:
            recorder.file.close()
            partial_path(path).unlink()
        raise
    assert recorder is not None
    recorder.file.close()
    partial_path(path).replace(path)
    checkpoint_path(path).unlink(missing_ok=True)


def _reopened(path: Path, model: Model, seed: int) -> netCDF4.Dataset:
    file = netCDF4.Dataset(partial_path(path), "a")
    recorded = json.loads(file.getncattr("model"))
    if model_from_entries(model.name, recorded).spec != model.spec or file.seed != seed:
        file.close()
        raise InputError(
            f"{partial_path(path)}: was made from another model, settings or seed. Repeat the "
            "call that was interrupted, or start over with --force."
        )
    return file


def _created(
    path: Path, model: Model, seed: int, state: State, command_line: str
) -> netCDF4.Dataset:
    """Run file with everything but the values that depend on time."""
    spec = model.spec
    grid = model_grid(spec)
    steady = spec.run.mode == "steady"
    with_cells = not steady and spec.cell_count > 0
    file = netCDF4.Dataset(partial_path(path), "w", format="NETCDF4")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    file.setncatts(
        {
            "Conventions": "CF-1.11",
            "title": spec.title,
            "source": f"sdf1-field {sdf1_field.__version__}",
            "format": FORMAT,
            "model_name": model.name,
            "model": json.dumps(entries_of(model), sort_keys=True),
            "seed": np.int64(seed),
            "versions": json.dumps({n: importlib.metadata.version(n) for n in _LIBRARIES}),
            "date_created": now,
            "history": f"{now} {command_line}",
            "command_line": command_line,
        }
    )
    sizes = {
        "time": 1 if steady else len(field_times(spec)),
        "x": grid.nx,
        "y": grid.ny,
        "z": grid.nz,
        "bounds": 2,
        "body": len(state.scene.bodies.x),
        "fibre": state.scene.fibres.x.shape[0],
        "fibre_vertex": state.scene.fibres.x.shape[1],
        "migrasome": len(state.scene.migrasomes.x),
    }
    if with_cells:
        sizes |= {"trajectory": spec.cell_count, "obs": len(track_times(spec))}
    for name, size in sizes.items():
        file.createDimension(name, max(size, 1))

    def variable(name: str, kind: str, dims: tuple[str, ...], **attributes: Any) -> Any:
        chunks = None
        if dims[0] == "time" and len(dims) > 1:
            chunks = (1, *(len(file.dimensions[d]) for d in dims[1:]))
        fill: Any = {"f4": np.float32(np.nan), "f8": np.nan}.get(kind)
        made = file.createVariable(
            name, kind, dims, compression="zlib", complevel=4, shuffle=True,
            chunksizes=chunks, fill_value=None if name in sizes or name == "z_bounds" else fill,
        )  # fmt: skip
        made.setncatts(attributes)
        return made

    for axis, values in (("x", grid.x), ("y", grid.y), ("z", grid.z)):
        extra = {"positive": "up", "bounds": "z_bounds"} if axis == "z" else {}
        place = "height above the floor" if axis == "z" else f"{axis} of cell centres on the floor"
        variable(axis, "f8", (axis,), units="um", long_name=place, **extra)[:] = values
    variable("z_bounds", "f8", ("z", "bounds"))[:] = np.stack(
        [grid.z_edges[:-1], grid.z_edges[1:]], axis=1
    )
    variable(
        "time", "f8", ("time",), **_TIME, axis="T",
        long_name="time; 0 (the epoch) is when the haematopoietic cells are added",
    )  # fmt: skip
    for name in spec.solved_ligands:
        label = spec.ligand[name].label
        # A dose of nanomolar under signals of femtomolar needs the digits of a double.
        dosed = spec.ligand[name].bath_concentration > 0 and spec.dish.top == "bath"
        dosed = dosed or any(spec.agent_of(t) == name for t in spec.treatments)
        kind = "f8" if dosed else "f4"
        for suffix, units, meaning, precision in (
            ("", "nmol L-1", f"{label} in the lowest layer of the medium", kind),
            ("_bound", "um-2", f"{label} molecules bound to the coat per area", kind),
            ("_secretion", "um-2 s-1", f"{label} molecules secreted per area and time", "f8"),
        ):
            variable(
                f"{name}{suffix}", precision, ("time", "y", "x"), units=units, long_name=meaning
            )
        variable(
            f"{name}_minimum", "f8", ("time",), units="nmol L-1",
            long_name=f"lowest {label} at the floor so far; below zero by the solver's error",
        )  # fmt: skip
        for entry, meaning in MASSES.items():
            variable(
                f"{name}_mass_{entry}", "f8", ("time",), units="1",
                long_name=f"{label} molecules {meaning}",
            )  # fmt: skip
    variable(
        "region", "i1", ("time", "y", "x"), long_name="region under each floor cell's centre",
        flag_values=np.array([r.value for r in Region], dtype=np.int8),
        flag_meanings=" ".join(r.name.lower() for r in Region),
    )  # fmt: skip
    for name, units, meaning in (
        ("x", "um", "x of the centre"),
        ("y", "um", "y of the centre"),
        ("semi_major", "um", "half the long axis"),
        ("semi_minor", "um", "half the short axis"),
        ("angle", "radian", "angle of the long axis against x"),
        ("blocked", "1", "share of CD166 that is blocked"),
    ):
        variable(
            f"body_{name}", "f8", ("time", "body"), units=units, long_name=f"MSC body: {meaning}"
        )
    for name in ("x", "y"):
        variable(
            f"fibre_{name}", "f8", ("time", "fibre", "fibre_vertex"), units="um",
            long_name=f"retraction fibre: {name} along its course",
        )  # fmt: skip
    for name, units, meaning in (
        ("x", "um", "x of the centre"),
        ("y", "um", "y of the centre"),
        ("radius", "um", "radius"),
        ("blocked", "1", "share of CD166 that is blocked"),
    ):
        variable(
            f"migrasome_{name}",
            "f8",
            ("time", "migrasome"),
            units=units,
            long_name=f"migrasome: {meaning}",
        )
    for name in spec.solved_ligands:
        for kind in ("body", "migrasome"):
            variable(
                f"{kind}_{name}_secretion_rate", "f8", ("time", kind), units="s-1",
                long_name=f"{spec.ligand[name].label} molecules secreted per time by each {kind}",
            )  # fmt: skip
    if with_cells:
        variable(
            "trajectory", "i4", ("trajectory",), cf_role="trajectory_id",
            long_name="haematopoietic cell",
        )[:] = np.arange(spec.cell_count)  # fmt: skip
        cell_dims = ("trajectory", "obs")
        variable(
            "cell_time", "f8", cell_dims, **_TIME, long_name="time of observation",
        )  # fmt: skip
        for axis in ("x", "y"):
            variable(
                f"cell_{axis}",
                "f8",
                cell_dims,
                units="um",
                long_name=f"{axis} of the cell's centre",
            )
        variable(
            "cell_state", "i1", cell_dims, long_name="what the cell does",
            flag_values=np.array([0, 1], dtype=np.int8), flag_meanings="crawling held",
        )  # fmt: skip
        variable(
            "cell_region", "i1", cell_dims, long_name="region under the cell's centre",
            flag_values=np.array([r.value for r in Region], dtype=np.int8),
            flag_meanings=" ".join(r.name.lower() for r in Region),
        )  # fmt: skip
    return file


@dataclass(eq=False)
class _Recorder:
    """An open run file, what it needs to know of the model, and what the last scene gave."""

    file: netCDF4.Dataset
    setting: Setting
    frames: Mapping[float, int]
    observations: Mapping[float, int]
    scene: Scene | None = None
    regions: RegionMap | None = None
    flux: Mapping[str, Array] | None = None

    def append(self, state: State) -> None:
        """Write what is due at a state's time."""
        setting, file = self.setting, self.file
        if state.scene is not self.scene:
            self.scene = state.scene
            self.regions = regions_of(setting.spec, state.scene, setting.grid)
            self.flux = {
                name: secretion(state.scene, setting.grid, name).flux for name in state.fields
            }
        assert self.regions is not None
        assert self.flux is not None
        if state.time in self.frames:
            n = self.frames[state.time]
            file["time"][n] = state.time
            file["region"][n] = self.regions
            for name, field in state.fields.items():
                columns = setting.columns[name]
                file[name][n] = field.floor.concentration
                file[f"{name}_bound"][n] = field.bound
                file[f"{name}_secretion"][n] = self.flux[name]
                held = {
                    "in_medium": cosine.in_medium(columns, field),
                    "bound": cosine.on_coat(columns, field),
                }
                file[f"{name}_minimum"][n] = field.ledger.minimum
                for entry in MASSES:
                    value = held[entry] if entry in held else getattr(field.ledger, entry)
                    file[f"{name}_mass_{entry}"][n] = value
            _append_scene(file, n, state.scene)
        if "cell_time" in file.variables and state.time in self.observations:
            assert state.cells is not None
            n = self.observations[state.time]
            cells = state.cells
            file["cell_time"][:, n] = state.time
            file["cell_x"][:, n], file["cell_y"][:, n] = cells.x, cells.y
            file["cell_state"][:, n] = cells.held.astype(np.int8)
            file["cell_region"][:, n] = self.regions[setting.grid.index(cells.x, cells.y)]


def _recorder(file: netCDF4.Dataset, spec: ModelSpec, seed: int) -> _Recorder:
    frames = [0.0] if spec.run.mode == "steady" else field_times(spec)
    return _Recorder(
        file=file,
        setting=prepare(spec, seed),
        frames={time: n for n, time in enumerate(frames)},
        observations={time: n for n, time in enumerate(track_times(spec))},
    )


def _append_scene(file: netCDF4.Dataset, n: int, scene: Scene) -> None:
    for prefix, group in (
        ("body", scene.bodies),
        ("fibre", scene.fibres),
        ("migrasome", scene.migrasomes),
    ):
        for field in fields(group):
            value = getattr(group, field.name)
            if field.name == "secretion":
                for ligand, rates in value.items():
                    if len(rates):
                        file[f"{prefix}_{ligand}_secretion_rate"][n] = rates
            elif f"{prefix}_{field.name}" in file.variables and value.size:
                file[f"{prefix}_{field.name}"][n] = value


def open_run(path: str | Path) -> xr.Dataset:
    """Open a run file; values are read when they are used.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    xarray.Dataset
        With times in seconds, not dates.

    Raises
    ------
    InputError
        If the file is missing, damaged, or not a run of this program.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. `sdf1-field solve` makes run files.")
    try:
        run = xr.open_dataset(path, engine="netcdf4", decode_times=False)
    except OSError as error:
        with path.open("rb") as stream:
            hdf5 = stream.read(8) == b"\x89HDF\r\n\x1a\n"
        if hdf5:
            raise InputError(
                f"{path}: damaged or incomplete ({error.strerror or error}). Solve the model again."
            ) from None
        raise InputError(
            f"{path}: not a NetCDF-4 file. Give a file made by `sdf1-field solve`."
        ) from None
    except ValueError:
        raise InputError(
            f"{path}: not a NetCDF-4 file. Give a file made by `sdf1-field solve`."
        ) from None
    if run.attrs.get("format") != FORMAT:
        run.close()
        raise InputError(
            f"{path}: not a run of sdf1-field. Give a file made by `sdf1-field solve`."
        )
    return run


def model_of(run: xr.Dataset) -> Model:
    """Model that a run was made from, as recorded in it."""
    return model_from_entries(run.attrs["model_name"], json.loads(run.attrs["model"]))


def content_digest(run: xr.Dataset) -> str:
    """SHA-256 of every variable and attribute except date, history and command line.

    Two runs of the same model and seed have the same digest on the same platform and versions.
    """
    digest = hashlib.sha256()

    def attributes(values: Mapping[Any, Any]) -> None:
        for key in sorted(values):
            if key not in VOLATILE:
                digest.update(f"{key}={np.asarray(values[key]).tolist()!r}".encode())

    attributes(run.attrs)
    for name in sorted(str(v) for v in run.variables):
        values = run[name]
        digest.update(f"{name}{values.dims}{values.dtype}{values.shape}".encode())
        digest.update(np.ascontiguousarray(values.values).tobytes())
        attributes(values.attrs)
    return digest.hexdigest()


def summary(run: xr.Dataset) -> dict[str, Any]:
    """What a run holds: its model, size, and per ligand the end's values and mass audit.

    ``imbalance`` is the audit's missing share of what came in; None in steady state.
    """
    spec = model_of(run).spec
    times = run["time"].values
    facts: dict[str, Any] = {
        "title": run.attrs["title"],
        "model": run.attrs["model_name"],
        "treatment": spec.treatment_label,
        "seed": int(run.attrs["seed"]),
        "program": run.attrs["source"],
        "created": run.attrs["date_created"],
        "time": f"{len(times)} fields from {duration_text(float(times[0]))} to "
        f"{duration_text(float(times[-1]))}",
        "grid": f"{run.sizes['x']} x {run.sizes['y']} x {run.sizes['z']} cells over "
        f"{spec.dish.width:g} x {spec.dish.length:g} x {spec.dish.height:g} um",
    }
    if "trajectory" in run.sizes:
        facts["cells"] = (
            f"{run.sizes['trajectory']} {spec.cells.type}, {run.sizes['obs']} observations"
        )
    facts["ligands"] = []
    for name in spec.solved_ligands:
        floor = run[name].values[-1]
        masses = {entry: float(run[f"{name}_mass_{entry}"].values[-1]) for entry in MASSES}
        books = {k: v for k, v in masses.items() if k not in ("in_medium", "bound")}
        imbalance = Ledger(**books).imbalance(masses["in_medium"], masses["bound"])
        facts["ligands"].append(
            {
                "name": name,
                "label": spec.ligand[name].label,
                "floor": {
                    "min": float(floor.min()),
                    "mean": float(floor.mean()),
                    "max": float(floor.max()),
                },
                "minimum": float(run[f"{name}_minimum"].values[-1]),
                "bound_mean": float(run[f"{name}_bound"].values[-1].mean()),
                "masses": masses,
                "imbalance": None if spec.run.mode == "steady" else imbalance,
            }
        )
    return facts


def expected_size(spec: ModelSpec) -> tuple[float, float]:
    """Upper estimates of a run file and of the memory its run takes [bytes]."""
    grid = model_grid(spec)
    floor_cells, ligands = grid.nx * grid.ny, len(spec.solved_ligands)
    frames = 1 if spec.run.mode == "steady" else len(field_times(spec))
    file_size = frames * floor_cells * (1 + ligands * 3 * 8)
    file_size += len(track_times(spec)) * spec.cell_count * 26
    # Amplitudes before and after a step, and about forty floor arrays in flight.
    memory = 2e8 + floor_cells * 8.0 * (ligands * grid.nz + grid.nz + 40)
    return float(file_size), memory


def save_state(path: Path, state: State) -> None:
    """Write everything a run is at a time; the inverse of `load_state`."""
    arrays: dict[str, Any] = {"time": state.time, "seed": state.seed}

    def put(prefix: str, value: Any, skip: tuple[str, ...] = ()) -> None:
        for field in fields(value):
            item = getattr(value, field.name)
            if field.name in skip:
                continue
            if isinstance(item, Mapping):
                for key, array in item.items():
                    arrays[f"{prefix}.{field.name}.{key}"] = array
            else:
                arrays[f"{prefix}.{field.name}"] = item

    put("bodies", state.scene.bodies)
    put("fibres", state.scene.fibres)
    put("migrasomes", state.scene.migrasomes)
    for name, value in state.fields.items():
        put(f"field.{name}", value, skip=("ledger", "floor"))
        put(f"floor.{name}", value.floor)
        for key, amount in asdict(value.ledger).items():
            arrays[f"ledger.{name}.{key}"] = amount
    if state.cells is not None:
        put("cells", state.cells)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        np.savez(stream, **arrays)
    partial.replace(path)


def load_state(path: Path) -> State:
    """Read a state that `save_state` wrote.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except Exception as error:  # NumPy raises anything from EOFError to zipfile.BadZipFile here
        raise InputError(f"{path}: not a saved state ({error}). Start over with --force.") from None

    def take(kind: Any, prefix: str, **more: Any) -> Any:
        values = dict(more)
        for field in fields(kind):
            key = f"{prefix}.{field.name}"
            if key in arrays:
                values[field.name] = arrays[key] if arrays[key].ndim else arrays[key].item()
            elif field.name == "secretion":
                start = f"{key}."
                values[field.name] = {
                    k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)
                }
        return kind(**values)

    scene = Scene(take(Bodies, "bodies"), take(Fibres, "fibres"), take(Migrasomes, "migrasomes"))
    names = [k.split(".")[1] for k in arrays if k.startswith("field.") and k.endswith(".time")]
    held = {
        name: take(
            CosineState,
            f"field.{name}",
            ledger=take(Ledger, f"ledger.{name}"),
            floor=take(FloorValue, f"floor.{name}"),
        )
        for name in names
    }
    return State(
        time=float(arrays["time"]),
        seed=int(arrays["seed"]),
        scene=scene,
        fields=held,
        cells=take(Cells, "cells") if "cells.x" in arrays else None,
    )
