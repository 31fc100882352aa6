"""What a run file holds: its dimensions, variables, units and attributes."""

import hashlib
import importlib.metadata
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

import sdf1_field
from sdf1_field.scene import OUTSIDE, Region
from sdf1_field.simulate import (
    State,
    field_times,
    model_grid,
    track_times,
)
from sdf1_field.spec import PATTERN_FILES, Model, ModelSpec, entries_of

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
_TILE = 512
"""Most floor cells along a chunk's side, so that a window of a large floor is read alone."""
_LIBRARIES = ("numpy", "scipy", "numba", "fipy", "netCDF4", "xarray", "pydantic", "pint")
_TIME = {
    "units": "seconds since 2000-01-01",
    "units_metadata": "leap_seconds: none",
    "calendar": "standard",
    "standard_name": "time",
}


def program() -> str:
    """Name and version of the program, as files record them."""
    return f"sdf1-field {sdf1_field.__version__}"


def versions() -> str:
    """Versions of the libraries a run's bits depend on, as JSON."""
    return json.dumps({name: importlib.metadata.version(name) for name in _LIBRARIES})


def field_kind(spec: ModelSpec, name: str) -> str:
    """Type of a ligand's floor fields in the file.

    A dose of nanomolar under signals of femtomolar needs the digits of a double.
    """
    dosed = spec.ligand[name].bath_concentration > 0 and spec.dish.top == "bath"
    dosed = dosed or any(spec.agent_of(t) == name for t in spec.treatments)
    return "f8" if dosed else "f4"


def _chunk(axis: str, size: int) -> int:
    """Length of a chunk along an axis: one frame, the floor in equal tiles, all of the rest."""
    if axis == "time":
        return 1
    return math.ceil(size / math.ceil(size / _TILE)) if axis in ("x", "y") else size


def patterns(spec: ModelSpec) -> str:
    """SHA-256 of every picture that a coat is patterned by, by ligand, as JSON."""
    pictures = {
        name: hashlib.sha256(Path(ligand.coat.pattern).read_bytes()).hexdigest()
        for name, ligand in spec.ligand.items()
        if ligand.coat.pattern.endswith(PATTERN_FILES)
    }
    return json.dumps(pictures)


def create_file(
    path: Path, model: Model, seed: int, state: State, command_line: str
) -> netCDF4.Dataset:
    """Run file with everything but the values that depend on time."""
    spec = model.spec
    grid = model_grid(spec)
    steady = spec.run.mode == "steady"
    with_cells = not steady and spec.cell_count > 0
    file = netCDF4.Dataset(path, "w", format="NETCDF4")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    file.setncatts(
        {
            "Conventions": "CF-1.11",
            "title": spec.title,
            "source": program(),
            "format": FORMAT,
            "model_name": model.name,
            "model": json.dumps(entries_of(model), sort_keys=True),
            "seed": np.int64(seed),
            "versions": versions(),
            "patterns": patterns(spec),
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
            chunks = [_chunk(d, len(file.dimensions[d])) for d in dims]
        fill: Any = {"f4": np.float32(np.nan), "f8": np.nan}.get(kind)
        if name == "region" and grid.round:
            fill = np.uint8(OUTSIDE).astype(np.int8)
        made = file.createVariable(
            name, kind, dims, compression="zlib", complevel=4, shuffle=True,
            chunksizes=chunks, fill_value=None if name in sizes or name == "z_bounds" else fill,
        )  # fmt: skip
        if chunks is not None:
            # Frames are written whole and once: a cache would only keep copies of them. To HDF5 a
            # size of 0 means its own default, 64 MB a variable.
            made.set_var_chunk_cache(size=1)
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
        kind = field_kind(spec, name)
        for suffix, units, meaning, precision in (
            ("", "nmol L-1", f"{label} in the lowest layer of the medium", kind),
            ("_bound", "um-2", f"{label} molecules bound to the coat per area", kind),
            ("_secretion", "um-2 s-1", f"{label} molecules secreted per area and time", "f8"),
        ):
            variable(
                f"{name}{suffix}", precision, ("time", "y", "x"), units=units, long_name=meaning
            )
        if spec.ligand[name].coat.uneven:
            variable(
                f"{name}_sites", "f4", ("time", "y", "x"), units="um-2",
                long_name=f"sites for {label} on the coat per area",
            )  # fmt: skip
        if spec.dish.mixed_above > 0.0:
            variable(
                f"{name}_reservoir", "f8", ("time",), units="nmol L-1",
                long_name=f"{label} in the mixed medium above the grid",
            )  # fmt: skip
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
    migrasomes, end = state.scene.migrasomes, spec.run.duration
    ruptured = migrasomes.end <= end
    for name, values, meaning in (
        ("birth", migrasomes.birth, "when it appears"),
        ("end", np.where(ruptured, migrasomes.end, np.nan), "when it ruptures, if within the run"),
    ):
        variable(
            f"migrasome_{name}", "f8", ("migrasome",), **_TIME,
            long_name=f"migrasome: {meaning}; time as in cell_time",
        )[: len(values)] = values  # fmt: skip
    variable(
        "migrasome_fate", "i1", ("migrasome",), long_name="migrasome: what becomes of it",
        flag_values=np.array([0, 1], dtype=np.int8), flag_meanings="outlives_the_run ruptures",
    )[: len(ruptured)] = ruptured.astype(np.int8)  # fmt: skip
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
