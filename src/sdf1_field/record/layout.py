"""What a run file holds: its dimensions, variables, units and attributes."""

import hashlib
import importlib.metadata
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import netCDF4
import numpy as np

import sdf1_field
from sdf1_field.grid import Grid
from sdf1_field.scene import OUTSIDE, Fate, Origin, Region, Scene
from sdf1_field.simulation import (
    field_times,
    model_grid,
    track_times,
)
from sdf1_field.spec import PATTERN_FILES, Model, ModelSpec, changes_text, entries_of

if TYPE_CHECKING:
    import xarray as xr

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
CARGO = {
    "made": "made so far, what bodies began with included",
    "in_bodies": "in bodies",
    "in_migrasomes": "in migrasomes",
    "released_by_bodies": "released through bodies' own membranes so far",
    "released_by_fusion": "released by fusion in migrasomes so far",
    "released_at_once": "released at once by ruptures and leaks so far",
    "carried_off": "gone so far with migrasomes that drifted away or were swallowed",
}
"""Where a followed ligand is; the first is the sum of the others."""
ABSENT = -9
"""Of whole numbers where nothing is: neither an owner nor a flag."""
_PARTIAL = ".partial"
_TILE = 512
"""Most floor cells along a chunk's side, so that a window of a large floor is read alone."""
_GROWING = {"fibre": 256, "migrasome": 1024}
"""Dimensions that lengthen while a scene grows, and how many of each a chunk holds."""
_OF_SCENE = ("body", "fibre", "fibre_vertex", "migrasome")
"""Dimensions that the scene's size decides, not the model."""
_BODY = {
    "x": ("um", "x of the centre"),
    "y": ("um", "y of the centre"),
    "semi_major": ("um", "half the long axis"),
    "semi_minor": ("um", "half the short axis"),
    "angle": ("radian", "angle of the long axis against x"),
    "blocked": ("1", "share of CD166 that is blocked"),
}
_MIGRASOME = {
    "x": ("um", "x of the centre"),
    "y": ("um", "y of the centre"),
    "radius": ("um", "radius"),
    "blocked": ("1", "share of CD166 that is blocked"),
    "maturity": ("1", "share of a mature one's CD166 that has gathered"),
}
"""Unit and meaning of what a body and a migrasome have in each frame."""
_LIBRARIES = ("numpy", "scipy", "numba", "fipy", "netCDF4", "xarray", "pydantic", "pint")
_TIME: dict[str, Any] = {
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


def patterns(spec: ModelSpec) -> str:
    """SHA-256 of every picture that a coat is patterned by, by ligand, as JSON."""
    pictures = {
        name: hashlib.sha256(Path(ligand.coat.pattern).read_bytes()).hexdigest()
        for name, ligand in spec.ligand.items()
        if ligand.coat.pattern.endswith(PATTERN_FILES)
    }
    return json.dumps(pictures)


def partial_path(path: Path) -> Path:
    """Name a run file has while it grows."""
    return path.with_name(path.name + _PARTIAL)


def whole_path(path: Path) -> Path:
    """Name that a run file will have, of the name that it has; the inverse of `partial_path`."""
    return path.with_name(path.name.removesuffix(_PARTIAL))


def checkpoint_path(path: Path) -> Path:
    """Name of the state that an interrupted run leaves."""
    return path.with_name(path.name + ".state.npz")


def create_file(
    path: Path, model: Model, seed: int, scene: Scene, command_line: str
) -> netCDF4.Dataset:
    """Run file with everything but the values that depend on time."""
    spec, grid = model.spec, model_grid(model.spec)
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
            "changed": changes_text(model),
            "seed": np.int64(seed),
            "versions": versions(),
            "patterns": patterns(spec),
            "date_created": now,
            "history": f"{now} {command_line}",
            "command_line": command_line,
        }
    )
    _lay_out(
        file,
        spec,
        grid,
        {
            "body": len(scene.bodies.x),
            "fibre": scene.fibres.x.shape[0],
            "fibre_vertex": scene.fibres.x.shape[1],
            "migrasome": len(scene.migrasomes.x),
        },
    )
    return file


@dataclass(frozen=True)
class Layout:
    """What a model's run file holds, as far as the model decides it.

    Parameters
    ----------
    sizes : mapping of str to int
        Length of each dimension.
    dimensions : mapping of str to tuple of str
        Dimensions of each variable.
    attributes : mapping of str to mapping
        Attributes of each variable.
    """

    sizes: Mapping[str, int]
    dimensions: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, Mapping[str, Any]]


def layout_of(spec: ModelSpec) -> Layout:
    """Layout of a model's run file, from one that is made in memory."""
    with netCDF4.Dataset("layout", "w", diskless=True, persist=False) as file:
        _lay_out(file, spec, model_grid(spec), dict.fromkeys(_OF_SCENE, 1))
        return Layout(
            {name: len(d) for name, d in file.dimensions.items() if name not in _OF_SCENE},
            {name: variable.dimensions for name, variable in file.variables.items()},
            {name: dict(variable.__dict__) for name, variable in file.variables.items()},
        )


def missing_in(run: "xr.Dataset", layout: Layout) -> str | None:
    """Name of a variable that a run lacks, or has with dimensions or attributes of another kind."""
    for name, dimensions in layout.dimensions.items():
        found = run.variables.get(name)
        if (
            found is None
            or found.dims != dimensions
            or found.dtype.kind not in "if"
            or any(layout.sizes.get(str(dim), size) != size for dim, size in found.sizes.items())
            or any(
                not _alike(found.attrs.get(key, found.encoding.get(key)), value)
                for key, value in layout.attributes[name].items()
            )
        ):
            return name
    return None


def _alike(found: Any, expected: Any) -> bool:
    """Whether two attributes' values are of one kind and shape."""
    one, other = np.asarray(found), np.asarray(expected)
    return one.dtype.kind == other.dtype.kind and one.shape == other.shape


def _lay_out(
    file: netCDF4.Dataset, spec: ModelSpec, grid: Grid, of_scene: Mapping[str, int]
) -> None:
    """Every dimension and variable of a run file, and the coordinates' values."""
    _dimensions(file, spec, grid, of_scene)
    _coordinates(file, spec, grid)
    for name in spec.solved_ligands:
        _ligand(file, spec, name)
    for name in spec.followed_ligands:
        _cargo(file, spec, name)
    _stroma(file, spec, grid)
    if "obs" in file.dimensions:
        _cells(file)


def _dimensions(
    file: netCDF4.Dataset, spec: ModelSpec, grid: Grid, of_scene: Mapping[str, int]
) -> None:
    """At least one long each; those of a scene that grows without an end."""
    steady = spec.run.mode == "steady"
    sizes = {
        "time": 1 if steady else len(field_times(spec)),
        "x": grid.nx,
        "y": grid.ny,
        "z": grid.nz,
        "bounds": 2,
        **of_scene,
    }
    if not steady and spec.cell_count > 0:
        sizes |= {"trajectory": spec.cell_count, "obs": len(track_times(spec))}
    for name, size in sizes.items():
        endless = spec.grows and name in _GROWING
        file.createDimension(name, None if endless else max(size, 1))


def _chunks(file: netCDF4.Dataset, dims: tuple[str, ...]) -> list[int] | None:
    """One frame, the floor in equal tiles, a block of what grows, all of the rest.

    None, for the library's own choice, where there are no frames and nothing grows.
    """
    growing = {d for d in dims if file.dimensions[d].isunlimited()}
    if not growing and (dims[0] != "time" or len(dims) == 1):
        return None
    sizes = []
    for name in dims:
        size = len(file.dimensions[name])
        if name == "time":
            size = 1
        elif name in growing:
            size = _GROWING[name]
        elif name in ("x", "y"):
            size = math.ceil(size / math.ceil(size / _TILE))
        sizes.append(size)
    return sizes


def _variable(
    file: netCDF4.Dataset,
    name: str,
    kind: str,
    dims: tuple[str, ...],
    *,
    fill: int | None = None,
    **attributes: Any,
) -> "netCDF4.Variable[Any]":
    """New variable; floating-point ones but coordinates are NaN until they are written."""
    chunks = _chunks(file, dims)
    nothing: Any = {"f4": np.float32(np.nan), "f8": np.nan}.get(kind, fill)
    if name in file.dimensions or name == "z_bounds":
        nothing = None
    made = file.createVariable(
        name, kind, dims, compression="zlib", complevel=4, shuffle=True,
        chunksizes=chunks, fill_value=nothing,
    )  # fmt: skip
    if chunks is not None:
        # Frames are written whole and once: a cache would only keep copies of them. To HDF5 a
        # size of 0 means its own default, 64 MB a variable.
        made.set_var_chunk_cache(size=1)
    made.setncatts(attributes)
    return made


def _flags(kinds: Iterable[IntEnum]) -> dict[str, Any]:
    """Attributes that say what the values of a flag mean."""
    kinds = list(kinds)
    return {
        "flag_values": np.array([kind.value for kind in kinds], dtype=np.int8),
        "flag_meanings": " ".join(kind.name.lower() for kind in kinds),
    }


def _coordinates(file: netCDF4.Dataset, spec: ModelSpec, grid: Grid) -> None:
    for axis, values in (("x", grid.x), ("y", grid.y), ("z", grid.z)):
        extra: dict[str, Any] = {}
        if axis == "z":
            extra = {"positive": "up", "bounds": "z_bounds"}
        place = "height above the floor" if axis == "z" else f"{axis} of cell centres on the floor"
        _variable(file, axis, "f8", (axis,), units="um", long_name=place, **extra)[:] = values
    _variable(file, "z_bounds", "f8", ("z", "bounds"))[:] = np.stack(
        [grid.z_edges[:-1], grid.z_edges[1:]], axis=1
    )
    zero = "when the haematopoietic cells are added" if spec.cell_count else "the culture's end"
    _variable(
        file, "time", "f8", ("time",), **_TIME, axis="T",
        long_name=f"time; 0 (the epoch) is {zero}",
    )  # fmt: skip


def _ligand(file: netCDF4.Dataset, spec: ModelSpec, name: str) -> None:
    """A ligand on the floor, in each body and migrasome, and its mass audit."""
    label, kind, floor = spec.ligand[name].label, field_kind(spec, name), ("time", "y", "x")
    for suffix, units, meaning, precision in (
        ("", "nmol L-1", f"{label} in the lowest layer of the medium", kind),
        ("_bound", "um-2", f"{label} molecules bound to the coat per area", kind),
        ("_secretion", "um-2 s-1", f"{label} molecules secreted per area and time", "f8"),
    ):
        _variable(file, f"{name}{suffix}", precision, floor, units=units, long_name=meaning)
    if spec.ligand[name].coat.uneven:
        _variable(
            file, f"{name}_sites", "f4", floor, units="um-2",
            long_name=f"sites for {label} on the coat per area",
        )  # fmt: skip
    if spec.dish.mixed_above > 0.0:
        _variable(
            file, f"{name}_reservoir", "f8", ("time",), units="nmol L-1",
            long_name=f"{label} in the mixed medium above the grid",
        )  # fmt: skip
    _variable(
        file, f"{name}_minimum", "f8", ("time",), units="nmol L-1",
        long_name=f"lowest {label} at the floor so far; below zero by the solver's error",
    )  # fmt: skip
    for entry, meaning in MASSES.items():
        _variable(
            file, f"{name}_mass_{entry}", "f8", ("time",), units="1",
            long_name=f"{label} molecules {meaning}",
        )  # fmt: skip
    for source in ("body", "migrasome"):
        _variable(
            file, f"{source}_{name}_secretion_rate", "f8", ("time", source), units="s-1",
            long_name=f"{label} molecules secreted per time by each {source}",
        )  # fmt: skip


def _cargo(file: netCDF4.Dataset, spec: ModelSpec, name: str) -> None:
    """A followed ligand in bodies and migrasomes, and where all of it has gone."""
    label, load = spec.ligand[name].label, spec.stroma.cargo[name].vesicle_load
    for variable, source, place in (
        (f"body_{name}_cargo", "body", "each body"),
        (f"body_{name}_rear_cargo", "body", "the rear half of each body"),
        (f"migrasome_{name}_cargo", "migrasome", "each migrasome"),
    ):
        _variable(
            file, variable, "f8", ("time", source), units="1",
            long_name=f"{label} molecules in {place}", molecules_per_vesicle=load,
        )  # fmt: skip
    _variable(
        file, f"migrasome_{name}_loaded", "i1", ("migrasome",),
        flag_values=np.array([0, 1], dtype=np.int8), flag_meanings="takes_none takes_carriers",
        long_name=f"migrasome: whether it takes carriers of {label}",
    )  # fmt: skip
    for entry, meaning in CARGO.items():
        _variable(
            file, f"{name}_cargo_{entry}", "f8", ("time",), units="1",
            long_name=f"{label} molecules {meaning}",
        )  # fmt: skip


def _stroma(file: netCDF4.Dataset, spec: ModelSpec, grid: Grid) -> None:
    """Regions, bodies, fibres, and migrasomes with their lives."""
    _variable(
        file, "region", "i1", ("time", "y", "x"), **_flags(Region),
        fill=int(np.uint8(OUTSIDE).astype(np.int8)) if grid.round else None,
        long_name="region under each floor cell's centre",
    )  # fmt: skip
    for prefix, properties in (("body", _BODY), ("migrasome", _MIGRASOME)):
        noun = f"{spec.stroma.label} body" if prefix == "body" else prefix
        for name, (units, meaning) in properties.items():
            _variable(
                file, f"{prefix}_{name}", "f8", ("time", prefix), units=units,
                long_name=f"{noun}: {meaning}",
            )  # fmt: skip
    _variable(
        file, "body_migrating", "i1", ("time", "body"),
        flag_values=np.array([0, 1], dtype=np.int8), flag_meanings="resting migrating",
        long_name=f"{spec.stroma.label} body: what it does",
    )  # fmt: skip
    for name in ("x", "y"):
        _variable(
            file, f"fibre_{name}", "f8", ("time", "fibre", "fibre_vertex"), units="um",
            long_name=f"retraction fibre: {name} along its course",
        )  # fmt: skip
    _variable(
        file, "fibre_body", "i4", ("time", "fibre"), fill=ABSENT,
        long_name="retraction fibre: number of the body to which it leads",
    )  # fmt: skip
    _variable(
        file, "fibre_origin", "i1", ("time", "fibre"), fill=ABSENT,
        **_flags((Origin.MIGRATION, Origin.RETRACTION)),
        long_name="retraction fibre: what left it behind",
    )  # fmt: skip
    _variable(
        file, "migrasome_body", "i4", ("time", "migrasome"), fill=ABSENT,
        long_name="migrasome: number of the body to which its fibre leads; -1 if it is detached",
    )  # fmt: skip
    for name, meaning in (("birth", "when it appears"), ("end", "when it is gone, if it goes")):
        _variable(
            file, f"migrasome_{name}", "f8", ("migrasome",), **_TIME,
            long_name=f"migrasome: {meaning}; time as in cell_time",
        )  # fmt: skip
    for name, flags, meaning in (
        ("origin", _flags(Origin), "what left behind the fibre that it formed on"),
        ("fate", _flags(Fate), "what becomes of it"),
    ):
        _variable(
            file, f"migrasome_{name}", "i1", ("migrasome",), **flags,
            long_name=f"migrasome: {meaning}",
        )  # fmt: skip
    # Nothing may ever form; readers find one that never is there.
    file["migrasome_birth"][:1] = np.nan
    file["fibre_body"][0, :1] = ABSENT


def _cells(file: netCDF4.Dataset) -> None:
    """Haematopoietic cells at the times of their tracks."""
    _variable(
        file, "trajectory", "i4", ("trajectory",), cf_role="trajectory_id",
        long_name="haematopoietic cell",
    )[:] = np.arange(len(file.dimensions["trajectory"]))  # fmt: skip
    tracks = ("trajectory", "obs")
    _variable(file, "cell_time", "f8", tracks, **_TIME, long_name="time of observation")
    for axis in ("x", "y"):
        _variable(
            file, f"cell_{axis}", "f8", tracks, units="um",
            long_name=f"{axis} of the cell's centre",
        )  # fmt: skip
    _variable(
        file, "cell_state", "i1", tracks, long_name="what the cell does",
        flag_values=np.array([0, 1], dtype=np.int8), flag_meanings="crawling held",
    )  # fmt: skip
    _variable(
        file, "cell_region", "i1", tracks, long_name="region under the cell's centre",
        **_flags(Region),
    )  # fmt: skip
