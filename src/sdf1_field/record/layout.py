"""The run file's dimensions, variables and attributes, made from the variables' declarations."""

import hashlib
import importlib.metadata
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import netCDF4
import numpy as np
from numpy.typing import NDArray

import sdf1_field
from sdf1_field.images import remembered_pattern
from sdf1_field.record.computer import computers_text, this_computer
from sdf1_field.record.contents import Contents
from sdf1_field.record.names import in_utf8
from sdf1_field.record.variables import OF_SCENE, sizes_of, variables_of
from sdf1_field.scene import Scene
from sdf1_field.scene.variables import SECONDS, Variable
from sdf1_field.simulation import model_grid
from sdf1_field.spec import PATTERN_FILES, Model, ModelSpec, changes_text, entries_of

if TYPE_CHECKING:
    import xarray as xr

FORMAT = "sdf1-field run 3"
FORMATS = {"sdf1-field run 1": 1, "sdf1-field run 2": 2, FORMAT: 3}
"""Formats that are read, and their numbers."""
VOLATILE = frozenset({"computed_on", "date_created", "history", "command_line"})
"""Attributes that may differ between two runs of the same content."""

CHECKSUM: Final = "checksum"
"""Attribute that holds `checksum_of` the others."""
_SUMMED: Final = ("model", "model_name", "patterns", "seed", "title")
"""Attributes that stay as they are from the beginning of a run."""
_COMPRESSION: Final = 1
"""Level of zlib: higher ones take longer and hardly save any more; see `docs/file-format.md`."""
_BLOCK = {"x": 512, "y": 512, "fibre": 1024, "migrasome": 4096}
"""Longest sides of a chunk, so that a window of a large floor is read alone."""
_CHUNK_BYTES = 256 * 1024
"""Values in a chunk of several frames, or of several cells' tracks, at most."""
_WRITTEN_BYTES = 16 * 2**20
"""Values written in one call at most: a call costs as much as compressing some kilobytes."""
_LIBRARIES = ("numpy", "scipy", "numba", "fipy", "netCDF4", "xarray", "pydantic", "pint")
_TIME: dict[str, Any] = {
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


def patterns(spec: ModelSpec) -> str:
    """SHA-256 of the files that a model names, as JSON.

    They are the pictures that coats are patterned by, by ligand, and a drawn scene.
    """
    digests = {
        name: remembered_pattern(Path(ligand.coat.pattern)).sha256
        for name, ligand in spec.ligand.items()
        if ligand.coat.pattern.endswith(PATTERN_FILES)
    }
    if spec.drawn:
        digests["scene.file"] = hashlib.sha256(Path(spec.scene.file).read_bytes()).hexdigest()
    return json.dumps(digests)


def checksum_of(attributes: Mapping[str, Any]) -> str:
    """SHA-256 of the attributes that make a run: its model, with files that it names, and seed."""
    parts = [f"{name}={attributes.get(name)}" for name in _SUMMED]
    return hashlib.sha256("\0".join(parts).encode(errors="backslashreplace")).hexdigest()


def attributes_at_start(model: Model, seed: int, command_line: str) -> dict[str, Any]:
    """Attributes of a run file, with the time of this call."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    attributes = {
        "Conventions": "CF-1.11",
        "title": model.spec.title,
        "source": program(),
        "format": FORMAT,
        "model_name": in_utf8(model.name),
        "model": json.dumps(entries_of(model), sort_keys=True),
        "changed": in_utf8(changes_text(model)),
        "seed": np.int64(seed),
        "versions": versions(),
        "computed_on": computers_text([this_computer()]),
        "patterns": patterns(model.spec),
        "date_created": now,
        "history": in_utf8(f"{now} {command_line}"),
        "command_line": in_utf8(command_line),
    }
    return attributes | {CHECKSUM: checksum_of(attributes)}


def sizes_at_start(spec: ModelSpec, scene: Scene) -> dict[str, int]:
    """Lengths of the dimensions that are known with the first scene."""
    bodies = len(scene.bodies.x)
    sizes = sizes_of(spec) | ({"body": bodies} if bodies else {})
    if scene.drawn is not None:
        rows, columns = scene.drawn.pixels.shape
        sizes |= {"pixel_y": rows, "pixel_x": columns}
    return sizes


def values_at_start(spec: ModelSpec, scene: Scene) -> dict[str, NDArray[Any]]:
    """Values, by variable, of all that is known with the first scene and does not change."""
    grid, sizes = model_grid(spec), sizes_at_start(spec, scene)
    values: dict[str, NDArray[Any]] = {"x": grid.x, "y": grid.y, "z": grid.z}
    values["z_bounds"] = np.stack([grid.z_edges[:-1], grid.z_edges[1:]], axis=1)
    for name in ("body", "trajectory"):
        if name in sizes:
            values[name] = np.arange(sizes[name])
    if scene.drawn is not None:
        for name in ("pixel_y", "pixel_x"):
            values[name] = (np.arange(sizes[name]) + 0.5) * scene.drawn.pixel_size
        values["pixel_body"] = scene.drawn.pixels
    return values


def write_file(path: Path, contents: Contents, check: Callable[[], None]) -> None:
    """Write a run file.

    Parameters
    ----------
    path : pathlib.Path
    contents : Contents
    check : callable
        Called between two parts that are written.
    """
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.setncatts(dict(contents.attributes))
        for name, size in contents.sizes.items():
            # Programs for climate data take the unlimited dimension for time.
            file.createDimension(name, None if name == "time" else size)
        for variable in contents.variables:
            made = _create(file, variable, contents.sizes)
            made.setncatts(dict(contents.own[variable.name]))
            length = contents.sizes[variable.dims[0]]
            together = max(1, _WRITTEN_BYTES // contents.bytes_each(variable))
            if together < length and (chunks := made.chunking()) != "contiguous":
                together = max(together // chunks[0], 1) * chunks[0]
            for first in range(0, length, together):
                part = slice(first, min(first + together, length))
                made[part] = contents.values(variable, part)
                check()


def encoded(variable: Variable, contents: Contents) -> dict[str, Any]:
    """All attributes of a variable in a run file."""
    nothing = _fill_value(variable)
    fill = {} if nothing is None else {"_FillValue": nothing}
    return fill | attributes_of(variable) | dict(contents.own[variable.name])


def _create(
    file: netCDF4.Dataset, variable: Variable, sizes: Mapping[str, int]
) -> "netCDF4.Variable[Any]":
    """New variable; each chunk has a checksum, so that damage is noticed when it is read."""
    chunks = chunks_of(variable.dims, sizes, itemsize=np.dtype(variable.dtype).itemsize)
    made = file.createVariable(
        variable.name, variable.dtype, variable.dims, compression="zlib", complevel=_COMPRESSION,
        shuffle=True, fletcher32=True, chunksizes=chunks, fill_value=_fill_value(variable),
    )  # fmt: skip
    if len(variable.dims) > 1 and chunks is not None:
        # Chunks are written whole and once: a cache would only keep copies of them. To HDF5 a
        # size of 0 means its own default, 64 MB a variable.
        made.set_var_chunk_cache(size=1)
    made.setncatts(attributes_of(variable))
    return made


def _fill_value(variable: Variable) -> Any:
    """NaN for floating-point variables but coordinates."""
    if variable.dtype in ("f4", "f8") and not _is_coordinate(variable):
        return np.array(np.nan, dtype=variable.dtype)
    return variable.absent


def _is_coordinate(variable: Variable) -> bool:
    return variable.name in variable.dims or variable.name == "z_bounds"


def chunks_of(
    dims: tuple[str, ...], sizes: Mapping[str, int], *, itemsize: int
) -> list[int] | None:
    """Sides of a variable's chunks, which hold what is read together.

    A chunk of a map is one frame, or a block of a large floor. Other variables are chunked over
    several frames, and tracks by whole tracks of several cells.

    Parameters
    ----------
    dims : tuple of str
    sizes : mapping of str to int
        Of the dimensions.
    itemsize : int
        Of a value [bytes].

    Returns
    -------
    list of int, or None
        None, for the library's own choice, where a variable has neither frames nor observations.
    """
    if "time" not in dims and "obs" not in dims:
        return None
    # The first dimension is that of frames or of cells.
    sides = [_even(sizes[dim], _BLOCK.get(dim, sizes[dim])) for dim in dims[1:]]
    on_floor = {"y", "x"} <= set(dims)
    together = 1 if on_floor else _CHUNK_BYTES // (itemsize * math.prod(sides))
    return [_even(sizes[dims[0]], together), *sides]


def _even(length: int, most: int) -> int:
    """Longest of the fewest parts, as equal as can be, that are no longer than allowed."""
    return math.ceil(length / math.ceil(length / max(most, 1))) if length else 1


def attributes_of(variable: Variable) -> dict[str, Any]:
    """Attributes of a variable in a run file, but for its fill value."""
    if variable.name == "z_bounds":
        return {}  # a boundary variable has those of its coordinate
    attributes: dict[str, Any] = {"long_name": variable.meaning}
    if variable.unit:
        attributes["units"] = variable.unit
    if variable.unit == SECONDS:
        attributes |= _TIME
    if variable.flags:
        attributes["flag_values"] = np.array(list(variable.flags), dtype=np.int8)
        attributes["flag_meanings"] = " ".join(variable.flags.values())
    return attributes | dict(variable.attributes)


@dataclass(frozen=True)
class Layout:
    """The part of a run file's layout that its model decides.

    Parameters
    ----------
    sizes : mapping of str to int
        Lengths of the dimensions; ``time`` is that of a complete run.
    variables : mapping of str to Variable
    """

    sizes: Mapping[str, int]
    variables: Mapping[str, Variable]


def layout_of(spec: ModelSpec) -> Layout:
    """Layout of a model's run file."""
    return Layout(sizes_of(spec), variables_of(spec))


def missing_in(run: "xr.Dataset", layout: Layout, *, number: int) -> str | None:
    """Name of a variable that a run lacks, or has with other dimensions, type or attributes.

    Parameters
    ----------
    run : xarray.Dataset
    layout : Layout
    number : int
        Of the file's format; it may lack variables that later ones have.
    """
    fixed = {name: size for name, size in layout.sizes.items() if name != "time"}
    for name, variable in layout.variables.items():
        found = run.variables.get(name)
        if found is None:
            if variable.since <= number and not may_lack(run, variable):
                return name
        elif (
            found.dims != variable.dims
            or found.dtype.kind not in "if"
            or any(fixed.get(str(dim), size) != size for dim, size in found.sizes.items())
            or any(
                not _alike(found.attrs.get(key, found.encoding.get(key)), value)
                for key, value in attributes_of(variable).items()
            )
        ):
            return name
    return None


def may_lack(run: "xr.Dataset", variable: Variable) -> bool:
    """Whether a variable of the scene is rightly absent, since there is nothing to write."""
    if OF_SCENE.intersection(variable.dims) - set(run.sizes):
        return True
    return variable.unit == SECONDS and variable.dims[0] in OF_SCENE


def fill_in(run: "xr.Dataset", layout: Layout) -> None:
    """Give a run the scene's variables that it lacks: no rows, or NaN in each.

    Readers then need no case for a run without bodies, fibres or migrasomes.
    """
    lacking = [
        variable
        for name, variable in layout.variables.items()
        if name not in run.variables and OF_SCENE.intersection(variable.dims)
    ]
    # A file of an earlier format may lack others, which are not filled in.
    rightly = [v for v in lacking if v.name in v.dims or may_lack(run, v)]
    for variable in rightly:
        shape = [run.sizes.get(dim, 0) for dim in variable.dims]
        if variable.name in variable.dims:
            values = np.arange(*shape, dtype=variable.dtype)
            run.coords[variable.name] = variable.dims, values, attributes_of(variable)
            continue
        # Integers with a fill value are floating-point numbers to xarray.
        floats = variable.dtype.startswith("f") or variable.absent is not None
        nothing = np.full(shape, np.nan) if floats else np.zeros(shape, dtype=variable.dtype)
        run[variable.name] = variable.dims, nothing, attributes_of(variable)


def _alike(found: Any, expected: Any) -> bool:
    """Whether two attributes' values are of one kind and shape."""
    one, other = np.asarray(found), np.asarray(expected)
    return one.dtype.kind == other.dtype.kind and one.shape == other.shape
