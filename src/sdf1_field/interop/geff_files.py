"""GEFF, the graph exchange format for tracks: folders of zarr arrays, by the package geff."""

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError, read_file, replaced_when_whole, require_file
from sdf1_field.interop.frames import frames_of_times
from sdf1_field.interop.scales import Calibration, scale_of
from sdf1_field.interop.trackfile import (
    NO_TRACK,
    Array,
    LeftOut,
    TrackFile,
    Whole,
    components,
    linked_places,
    make_track_file,
    require_tracks,
)

_TIMES, _FRAME = ("t", "time", "frame"), ("frame", "frames")
_TRACK, _RADIUS = "track_id", "radius"
_LONGEST = 200
"""Characters of the package's own reason."""
_LARGEST_DESCRIPTION, _MOST_FILES, _MOST_VALUES = 1 << 20, 100_000, 50_000_000
"""Bytes of a file that describes an array, files of a folder, and values of an array."""


def is_geff(path: Path) -> bool:
    """Whether a folder has the attributes of a GEFF."""
    for name in (".zattrs", "zarr.json"):
        attributes = _described(path / name)
        if "geff" in (attributes.get("attributes") or attributes):
            return True
    return False


def _described(path: Path) -> dict[str, Any]:
    """A file of JSON that describes a folder or an array; empty if it is none."""
    try:
        found = json.loads(read_file(path, most=_LARGEST_DESCRIPTION))
    except (InputError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _require_modest(path: Path) -> None:
    """Raise InputError if a folder holds what is no file, or declares arrays beyond memory."""
    for number, part in enumerate(sorted(path.rglob("*"))):
        if number > _MOST_FILES:
            raise InputError(f"{path}: has more than {_MOST_FILES:,} files. Write larger chunks.")
        if part.is_dir():
            continue
        require_file(part)
        if part.name not in (".zarray", "zarr.json"):
            continue
        own = _described(part)
        grid = own.get("chunk_grid")
        inner = grid.get("configuration") if isinstance(grid, dict) else None
        chunks = inner.get("chunk_shape") if isinstance(inner, dict) else own.get("chunks")
        for shape in (own.get("shape"), chunks):
            sides = shape if isinstance(shape, list) else []
            if not all(type(side) is int for side in sides) or math.prod(sides) > _MOST_VALUES:
                raise InputError(
                    f"{path}: {part.parent.relative_to(path)} has {sides} values, and at most "
                    f"{_MOST_VALUES:,} are read. Write it again."
                )


def read_geff(path: Path, asked: Calibration) -> TrackFile:
    """Tracks from a GEFF.

    Units are those of its axes after their scale; tracks are its lineages, which are the connected
    components if it names none.

    Parameters
    ----------
    path : Path
    asked : Calibration

    Raises
    ------
    InputError
        If the package geff is missing, the folder is no whole GEFF, or its axes have no units.
    """
    name = str(path)
    if not is_geff(path):
        raise InputError(f"{name}: is a folder but no GEFF. Give a file of tracks.")
    _require_modest(path)
    reader_of = _package(name).GeffReader
    with warnings.catch_warnings():
        # Of units that are not those of OME-Zarr, which are read or refused below.
        warnings.simplefilter("ignore")
        try:
            reader = reader_of(name)
            meta = reader.metadata
            axes = {axis.name: axis for axis in meta.axes or ()}
            time, x, y, rest = _roles(name, axes)
            lineage = (meta.track_node_props or {}).get("lineage")
            extra = [key for key in (lineage, meta.sphere) if key in reader.node_prop_names]
            reader.read_node_props([time, x, y, *rest, *extra])
            graph = reader.build()
        except InputError:
            raise
        except Exception as error:  # zarr, pydantic and geff raise a dozen kinds
            reason = " ".join(str(error).split())[:_LONGEST]
            raise InputError(f"{name}: no whole GEFF ({reason}). Write it again.") from None
    values = {key: _values(prop) for key, prop in graph["node_props"].items()}
    frame, interval, unit = _frames(name, axes[time], values[time])
    scale = scale_of(
        name, length_unit=_unit(axes[x]), time_unit=unit, interval=interval, pixel_width=None,
        asked=asked,
    )  # fmt: skip
    if _unit(axes[y]) != _unit(axes[x]):
        raise InputError(
            f"{name}: x is in {_unit(axes[x]) or 'no unit'} and y in {_unit(axes[y]) or 'no unit'}."
            " Write both in one unit."
        )
    spot = np.asarray(graph["node_ids"]).astype(np.int64)
    links = linked_places(name, spot, np.asarray(graph["edge_ids"]).astype(np.int64).reshape(-1, 2))
    require_tracks(name, links)
    own = values.get(lineage) if lineage is not None else None
    depth = [_scaled(axes[key], values[key]) for key in rest]
    return make_track_file(
        name, f"GEFF {meta.geff_version}", scale, spot=spot, frame=frame,
        x=_scaled(axes[x], values[x]), y=_scaled(axes[y], values[y]), links=links,
        track=_tracks(len(spot), links, own),
        radius=None if meta.sphere not in values else values[meta.sphere] * _factor(axes[x]),
        left_out=LeftOut(depth=any(bool(np.ptp(own) > 0.0) for own in depth if len(own))),
    )  # fmt: skip


def write_geff(file: TrackFile, path: Path) -> None:
    """Write a GEFF: frames with their scale in seconds, places in micrometres, lineages, radii.

    Parameters
    ----------
    file : TrackFile
    path : Path
        An existing GEFF there is replaced.

    Raises
    ------
    InputError
        If the package geff is missing, a spot has a negative number, or it cannot be written.
    """
    geff = _package(str(path))
    from geff.core_io import write_arrays
    from geff_spec import Axis

    if file.spot.min() < 0:
        raise InputError(
            f"{file.name}: spot {file.spot.min()} is negative, which GEFF cannot hold."
        )
    space = {"type": "space", "unit": "micrometer", "scale": 1.0, "scaled_unit": "micrometer"}
    of_time = {"type": "time", "unit": "frame", "scale": file.interval, "scaled_unit": "second"}
    # A lone spot is a lineage of its own.
    track, lone = file.track.copy(), file.track == NO_TRACK
    track[lone] = max(int(track.max()), NO_TRACK) + 1 + np.arange(np.count_nonzero(lone))
    known = np.isfinite(file.radius)
    props: dict[str, Any] = {
        "t": {"values": file.frame, "missing": None},
        "y": {"values": file.y, "missing": None},
        "x": {"values": file.x, "missing": None},
        _TRACK: {"values": track, "missing": None},
        _RADIUS: {
            "values": np.where(known, file.radius, 0.0),
            "missing": None if known.all() else ~known,
        },
    }
    with replaced_when_whole(path) as partial, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metadata = geff.GeffMetadata(
            directed=True,
            axes=[Axis(name="t", **of_time), Axis(name="y", **space), Axis(name="x", **space)],
            node_props_metadata={},
            edge_props_metadata={},
            track_node_props={"lineage": _TRACK},
            sphere=_RADIUS,
        )
        write_arrays(
            str(partial), file.spot.astype(np.uint64), props,
            file.spot[file.links].astype(np.uint64), {}, metadata,
        )  # fmt: skip


def _package(name: str) -> Any:
    try:
        import geff
    except ImportError:
        raise InputError(
            f"{name}: GEFF needs the package geff. Install sdf1-field[tracks]."
        ) from None
    return geff


def _roles(name: str, axes: dict[str, Any]) -> tuple[str, str, str, list[str]]:
    """Names of the axes of time, x and y, and of other places."""
    times = [key for key, axis in axes.items() if axis.type == "time"] or [
        key for key in axes if key.lower() in _TIMES
    ]
    places = [
        key
        for key, axis in axes.items()
        if axis.type == "space" or (axis.type is None and key.lower() in ("x", "y", "z"))
    ]
    named = {key.lower(): key for key in places}
    if not times or len(places) < 2:
        raise InputError(
            f"{name}: its axes ({', '.join(axes) or 'none'}) are not a time and two places. Write "
            "it with typed axes."
        )
    x = named.get("x", places[-1])
    y = named.get("y", next(key for key in reversed(places) if key != x))
    return times[0], x, y, [key for key in places if key not in (x, y)]


def _values(prop: Any) -> Array:
    values = np.asarray(prop["values"], dtype=np.float64)
    if prop["missing"] is not None:
        values = np.where(prop["missing"], np.nan, values)
    return values


def _unit(axis: Any) -> str:
    return str((axis.scaled_unit if axis.scale is not None else axis.unit) or axis.unit or "")


def _factor(axis: Any) -> float:
    return 1.0 if axis.scale is None else float(axis.scale)


def _scaled(axis: Any, values: Array) -> Array:
    return values * _factor(axis) + (0.0 if axis.offset is None else float(axis.offset))


def _frames(name: str, axis: Any, values: Array) -> tuple[Whole, float | None, str]:
    """Frame of each spot, the time between frames, and its unit."""
    if not np.isfinite(values).all():
        raise InputError(f"{name}: a spot has no time. Write it again.")
    unit = _unit(axis)
    whole = np.array_equal(values, np.round(values))
    if whole and (axis.unit is None or str(axis.unit).lower() in _FRAME):
        return values.astype(np.int64), None if axis.scale is None else float(axis.scale), unit
    frame, interval = frames_of_times(
        name, values * _factor(axis), "Write frames with a scale instead."
    )
    return frame, interval, unit


def _tracks(count: int, links: Whole, lineage: NDArray[np.float64] | None) -> Whole:
    """Track of each spot: its lineage, or its component numbered in the order of the spots."""
    of_spot = components(count, links)
    alone = np.bincount(of_spot)[of_spot] == 1
    if lineage is not None and np.isfinite(lineage).all():
        # Lineages that join what no link joins would be no tracks.
        pairs = np.unique(np.column_stack([of_spot, lineage.astype(np.int64)]), axis=0)
        if len(pairs) == len(np.unique(of_spot)) == len(np.unique(pairs[:, 1])):
            of_spot = lineage.astype(np.int64)
    return np.where(alone, NO_TRACK, of_spot)
