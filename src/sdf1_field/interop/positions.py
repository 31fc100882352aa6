"""Places of cells in a picture: from tracks, tables and ImageJ's points, as one immutable value.

A place is measured from the outer corner of the first pixel, so that the pixel under it is its
coordinates over the pixel's size, rounded down. TrackMate measures from the centre of that pixel.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError, readable, require_file
from sdf1_field.interop.masks import Mask
from sdf1_field.interop.outlines import is_roi, read_points
from sdf1_field.interop.scales import Calibration
from sdf1_field.interop.tables import Places, read_places
from sdf1_field.interop.trackfile import TrackFile
from sdf1_field.interop.trackmate_xml import is_xml, read_xml

Array = NDArray[np.float64]

POINTS = "ImageJ points"
_SAME = 1e-3
"""Relative difference of sizes that are the same."""


@dataclass(frozen=True, eq=False)
class Positions:
    """Cells of one dish at one time.

    Parameters
    ----------
    name, format : str
        Of the file.
    x, y : ndarray, shape (cell,)
        Centres from the outer corner of the first pixel [um].
    region : ndarray of uint8, shape (cell,) or None
        `Region` of each cell as the file says; None where it says nothing.
    radius : ndarray, shape (cell,) or None
        Of each cell [um], NaN where it was not measured; None where the file has none.
    tracks : TrackFile or None
        All frames, where cells were tracked and the time between frames is known.
    unused : tuple of str
        What a user said of `Calibration` although the file says it.
    """

    name: str
    format: str
    x: Array
    y: Array
    region: NDArray[np.uint8] | None = None
    radius: Array | None = None
    tracks: TrackFile | None = None
    unused: tuple[str, ...] = ()


def read_positions(
    path: Path,
    mask: Mask,
    *,
    frame: int | None = None,
    frame_interval: float | None = None,
    columns: Mapping[str, str] | None = None,
    unit: str | None = None,
    things: str = "cells",
    by_region: bool = False,
) -> Positions:
    """Cells from TrackMate's XML or CSV, a table, or ImageJ's points, on a mask.

    Parameters
    ----------
    path : Path
    mask : Mask
        Lengths in pixels are in its pixels.
    frame : int, optional
        Which one of a file with several, from 0.
    frame_interval : float, optional
        [s], for tracks without one.
    columns : mapping of str to str, optional
        As of `read_table`.
    unit : str, optional
        As of `read_places`.
    things : str
        What the places are of, for messages.
    by_region : bool
        Whether a table must name a region for each.

    Raises
    ------
    InputError
        If the file cannot be read, has no cells, several frames of which none is chosen, another
        calibration than the mask, or a cell outside of it.
    """
    require_file(path)
    with readable(path), path.open("rb") as stream:
        begin = stream.read(1024)
    xml = is_xml(begin)
    if xml or is_roi(begin):
        for option, value in (("--columns", columns), ("--cells-in", unit)):
            if value:
                raise InputError(f"{path}: is no table, and {option} is for tables. Omit it.")
    if is_roi(begin):
        x, y = (mask.pixel_size * values for values in read_points(path))
        found = Positions(str(path), POINTS, x, y)
        _require_no_frame(found.name, frame)
    else:
        # Without tracks, no time is asked for; where there are tracks it is not used as one.
        asked = Calibration(mask.pixel_size, frame_interval or 1.0)
        read: TrackFile | Places
        if xml:
            read, trackmate = read_xml(path, asked, linked=False), True
        else:
            read, trackmate = read_places(path, asked, columns, unit=unit, by_region=by_region)
        if isinstance(read, TrackFile):
            found = _of_tracks(read, mask, frame, trackmate, frame_interval is not None, things)
        else:
            found = _of_places(str(path), read, frame, things)
    _require_within(found, mask, things)
    return found


def _of_tracks(
    read: TrackFile, mask: Mask, frame: int | None, trackmate: bool, timed: bool, things: str
) -> Positions:
    _require_calibration(read, mask, things)
    shown = _shown(read.name, read.frame, frame, things)
    # TrackMate's place 0 is the centre of the first pixel.
    shift = 0.5 * mask.pixel_size if trackmate else 0.0
    timed |= "frame_interval" in read.unused
    return Positions(
        read.name, read.format, read.x[shown] + shift, read.y[shown] + shift,
        region=None if read.region is None else read.region[shown],
        radius=read.radius[shown],
        tracks=read if timed and len(read.links) else None,
        unused=tuple(key for key in read.unused if key == "frame_interval"),
    )  # fmt: skip


def _require_calibration(read: TrackFile, mask: Mask, things: str) -> None:
    """Raise InputError if tracks and mask are not of one picture.

    Places from the centre of a pixel need its size, those from the picture's corner do not.
    """
    remedy = f"Give {things} and mask of one picture, or correct the wrong calibration."
    pixel, extent = read.pixel_size, read.extent
    if "TrackMate" in read.format and pixel is not None and not _same(pixel, mask.pixel_size):
        raise InputError(
            f"{read.name}: its pixel is {pixel:g} um, that of {mask.name} {mask.pixel_size:g} um. "
            f"{remedy}"
        )
    own = mask.grid.width, mask.grid.length
    if extent is not None and not all(map(_same, extent, own)):
        raise InputError(
            f"{read.name}: its dish is {extent[0]:g} um x {extent[1]:g} um, and {mask.name} "
            f"{own[0]:g} um x {own[1]:g} um. {remedy}"
        )


def _same(size: float, other: float) -> bool:
    return abs(size - other) <= _SAME * other


def of_centres(read: TrackFile) -> bool:
    """Whether place 0 is the centre of the first pixel, as TrackMate has it, not its corner."""
    return "TrackMate" in read.format


def from_corner(read: TrackFile, pixel_size: float | None) -> TrackFile:
    """Tracks with places from the outer corner of the first pixel, whose size is given [um].

    Raises
    ------
    InputError
        If they are from the pixel's centre and its size is not known.
    """
    if not of_centres(read):
        return read
    if pixel_size is None:
        raise InputError(
            f"{read.name}: places are from the centre of the first pixel, whose size {read.format} "
            "does not name. Give --pixel-size, such as '0.65 um', or TrackMate's XML."
        )
    return replace(read, x=read.x + 0.5 * pixel_size, y=read.y + 0.5 * pixel_size)


def tracks_on_mask(read: TrackFile, mask: Mask) -> TrackFile:
    """Tracks with places from the corner of a mask.

    Raises
    ------
    InputError
        If they have another calibration than the mask, or leave it.
    """
    _require_calibration(read, mask, "spots")
    moved = from_corner(read, mask.pixel_size)
    _require_within(moved, mask, "spots")
    return moved


def _of_places(name: str, read: Places, frame: int | None, things: str) -> Positions:
    shown = np.ones(len(read.x), dtype=np.bool_)
    if read.frame is None:
        _require_no_frame(name, frame)
    else:
        shown = _shown(name, read.frame, frame, things)
    region = None if read.region is None else read.region[shown]
    return Positions(name, "table", read.x[shown], read.y[shown], region)


def _shown(
    name: str, frames: NDArray[np.int64], frame: int | None, things: str
) -> NDArray[np.bool_]:
    """Cells in the frame asked for, or in the only one."""
    if not len(frames):
        raise InputError(f"{name}: has no {things}. Export those that were found.")
    first, last = int(frames.min()), int(frames.max())
    if frame is None:
        if first != last:
            raise InputError(
                f"{name}: has {things} in frames {first} to {last}. Say in which the mask was "
                "drawn, with --frame N."
            )
        frame = first
    shown = frames == frame
    if not shown.any():
        raise InputError(
            f"{name}: has no {things} in frame {frame}; they are in frames {first} to {last}. "
            "Correct --frame."
        )
    return np.asarray(shown)


def _require_no_frame(name: str, frame: int | None) -> None:
    if frame is not None:
        raise InputError(f"{name}: has no frames, so --frame has no effect. Omit it.")


def _require_within(found: Positions | TrackFile, mask: Mask, things: str) -> None:
    if not len(found.x):
        raise InputError(f"{found.name}: has no {things}. Export those that were found.")
    width, length = mask.grid.width, mask.grid.length
    outside = np.flatnonzero(
        ~((found.x >= 0.0) & (found.x < width) & (found.y >= 0.0) & (found.y < length))
    )
    if len(outside):
        at = outside[0]
        raise InputError(
            f"{found.name}: {len(outside)} of {len(found.x)} {things} are outside of {mask.name} "
            f"({width:g} um x {length:g} um), the first at ({found.x[at]:g}, {found.y[at]:g}). "
            f"Give {things} and mask of one picture, in one calibration."
        )
