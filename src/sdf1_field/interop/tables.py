"""Tracks from tables of spots: TrackMate's CSV with one or four header lines, and any other."""

import codecs
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError
from sdf1_field.interop.frames import UNEVEN, exact_interval, frames_of_times
from sdf1_field.interop.masks import REGION_NAMES
from sdf1_field.interop.scales import Calibration, length_factor, scale_of, time_factor
from sdf1_field.interop.trackfile import (
    NO_TRACK,
    LeftOut,
    TrackFile,
    Whole,
    make_track_file,
    require_tracks,
)
from sdf1_field.scene import REGION_LABELS, Region

Array = NDArray[np.float64]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "track": ("track_id", "track", "trackid", "track id", "trajectory", "particle"),
    "x": ("position_x", "x", "x position"),
    "y": ("position_y", "y", "y position"),
    "frame": ("frame", "frames"),
    "time": ("position_t", "time", "t"),
}
"""What a table needs, one of ``frame`` and ``time`` at least, and usual names in lower case."""
_FURTHER: Mapping[str, tuple[str, ...]] = {
    "z": ("position_z", "z"),
    "spot": ("id", "spot id", "spot_id", "spot"),
    "radius": ("radius",),
    "visible": ("visibility",),
    "region": ("region",),
}
"""What a table may have besides."""
_REGIONS: Mapping[str, Region] = {
    **REGION_NAMES,
    **{label.lower(): region for region, label in REGION_LABELS.items()},
    **{text: region for region in Region for text in (f"{region:d}", f"{region:.1f}")},
}
"""Regions as a column ``region`` may name them, in lower case; numbers as in masks."""
_HEADERS = 4
"""Most header lines: TrackMate's keys, names, short names and units."""
_HEAD = 1 << 16
"""Bytes from which encoding and separator are found."""
_EMPTY = ("", "None", "none", "NaN", "nan", "NA", "N/A", "null")
_WHOLE = 2.0**53
"""Whole numbers below have all their digits as floats."""
_LISTED, _SHOWN = 12, 30
"""Columns named in a message, and characters of a value."""


@dataclass(frozen=True)
class _Column:
    """A column of a table: its place, its name in the file and its unit, empty for none."""

    place: int
    name: str
    unit: str


@dataclass(frozen=True)
class _Layout:
    """How a table is read: encoding, signs, number of header lines, columns found.

    ``by_region`` says that a column of regions must name one in each row.
    """

    encoding: str
    separator: str
    decimal: str
    headers: int
    found: Mapping[str, _Column]
    trackmate: bool
    by_region: bool = False


@dataclass(frozen=True, eq=False)
class Places:
    """Places in a table without tracks.

    Parameters
    ----------
    x, y : ndarray, shape (row,)
        [um].
    frame : ndarray of int, shape (row,) or None
        None in a table without frames.
    region : ndarray of uint8, shape (row,) or None
        `Region` that a column ``region`` names in each; None where one names none.
    """

    x: Array
    y: Array
    frame: Whole | None
    region: NDArray[np.uint8] | None


def read_table(
    path: Path, asked: Calibration, columns: Mapping[str, str] | None = None
) -> TrackFile:
    """Tracks from a table with a row for each spot.

    The separator is a comma, a semicolon or a tab; with the latter two, numbers may have decimal
    commas. Names of columns may carry units (``x_um``,
    ``time [min]``). Rows may stand in any order; rows without a track are lone spots.

    Parameters
    ----------
    path : Path
    asked : Calibration
    columns : mapping of str to str, optional
        Names of the columns for the keys of `COLUMNS`, where they are not the usual ones.

    Raises
    ------
    InputError
        If it is no such table, is not calibrated, or a value is no number.
    """
    layout = _layout(path, columns or {}, ("x", "y", "track"))
    made = _track_file(path, asked, layout)
    require_tracks(str(path), made.links)
    return made


def read_places(
    path: Path,
    asked: Calibration,
    columns: Mapping[str, str] | None = None,
    *,
    unit: str | None = None,
    by_region: bool = False,
) -> tuple[TrackFile | Places, bool]:
    """Places from a table with a row for each cell, or its tracks if it has any.

    Parameters
    ----------
    path : Path
    asked : Calibration
        Its pixel size counts for columns in pixels.
    columns : mapping of str to str, optional
        As of `read_table`.
    unit : str, optional
        ``um`` or ``px``, for columns of places that name no unit.
    by_region : bool
        Whether a column of regions must name one in each row.

    Returns
    -------
    TrackFile or Places
        Tracks if there are columns of tracks and of frames or times.
    bool
        Whether it is TrackMate's.

    Raises
    ------
    InputError
        As of `read_table`; if the places have no unit and none is given, or the other way round;
        if a row should name a region and does not.
    """
    name = str(path)
    layout = _layout(path, columns or {}, ("x", "y"))
    found = dict(layout.found)
    own = found["x"].unit or found["y"].unit
    if unit is not None and own:
        raise InputError(
            f"{name}: names the unit of its places ({own}), so --cells-in has no effect. Omit it."
        )
    if not own and unit is None:
        raise InputError(
            f"{name}: columns {found['x'].name} and {found['y'].name} name no unit. Say it with "
            "--cells-in um or --cells-in px, or name them x_um and y_um."
        )
    for role in ("x", "y"):
        found[role] = _Column(found[role].place, found[role].name, found[role].unit or unit or own)
    layout = replace(layout, found=found, by_region=by_region)
    if "track" in found and ("frame" in found or "time" in found):
        return _track_file(path, asked, layout), layout.trackmate
    return _places(path, asked, layout), layout.trackmate


def _places(path: Path, asked: Calibration, layout: _Layout) -> Places:
    name, found = str(path), layout.found
    values = _values(path, layout)
    x, y = (_floats(name, found[role].name, values[role], layout.headers) for role in "xy")
    lost = np.flatnonzero(~(np.isfinite(x) & np.isfinite(y)))
    if len(lost):
        raise InputError(
            f"{name}: line {layout.headers + lost[0] + 1} has the place ({x[lost[0]]:g}, "
            f"{y[lost[0]]:g}), which is none. Correct it or remove the line."
        )
    scale = length_factor(found["x"].unit) or asked.pixel_size
    if scale is None:
        raise InputError(f"{name}: is in {found['x'].unit}. Give --pixel-size, such as '0.65 um'.")
    frame = None
    if "frame" in found:
        numbers = _floats(name, found["frame"].name, values["frame"], layout.headers)
        frame = _whole(name, found["frame"].name, numbers, layout.headers)
    return Places(x * scale, y * scale, frame, _regions(name, layout, values.get("region")))


def _regions(
    name: str, layout: _Layout, values: NDArray[np.object_] | Array | None
) -> NDArray[np.uint8] | None:
    """`Region` of each row by name or number; None if there is no column or one is no region."""
    if values is None:
        return None
    numbers = [_REGIONS.get(str(each).strip().lower()) for each in values.tolist()]
    if None not in numbers:
        return np.array(numbers, dtype=np.uint8)
    if not layout.by_region:
        return None
    row = numbers.index(None)
    raise InputError(
        f"{name}: {layout.found['region'].name} in line {layout.headers + row + 1} is "
        f"'{str(values[row])[:_SHOWN]}'; write {', '.join(list(REGION_NAMES)[:-1])} or "
        f"{list(REGION_NAMES)[-1]}."
    )


def _layout(path: Path, columns: Mapping[str, str], needed: Sequence[str]) -> _Layout:
    """Layout of a table that has the columns needed, and of frames or times if of tracks."""
    name = str(path)
    encoding, head = _head(path)
    separator = max(",;\t", key=head.partition("\n")[0].count)
    lines = list(csv.reader(head.splitlines()[: _HEADERS + 1], delimiter=separator))
    if not lines:
        raise InputError(f"{name}: is empty. Export the tracks again.")
    keys = [cell.strip() for cell in lines[0]]
    if not any(keys):
        raise InputError(
            f"{name}: its first line is empty. Begin it with the names of its columns."
        )
    _require_spots(name, keys)
    found = _find(name, keys, columns, needed)
    decimal = _decimal(head, separator)
    trackmate = "POSITION_X" in keys and "FRAME" in keys
    headers = _header_lines(lines, found["x"].place, decimal, _HEADERS if trackmate else 1)
    if headers > 1:
        units = [cell.strip().strip("()") for cell in lines[headers - 1]]
        units += [""] * (len(keys) - len(units))
        found = {
            role: _Column(c.place, c.name, c.unit or (units[c.place] if headers > 2 else ""))
            for role, c in found.items()
        }
    return _Layout(encoding, separator, decimal, headers, found, trackmate)


def _head(path: Path) -> tuple[str, str]:
    """Encoding of a file, and its beginning."""
    with path.open("rb") as stream:
        begin = stream.read(_HEAD)
    if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # As spreadsheets save "Unicode text".
        decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        return "utf-16", decoder.decode(begin)
    if b"\0" in begin:
        raise InputError(
            f"{path}: neither TrackMate's XML nor a table of spots. Export one of these."
        )
    try:
        return "utf-8-sig", codecs.getincrementaldecoder("utf-8-sig")().decode(begin)
    except UnicodeDecodeError:
        return "cp1252", begin.decode("cp1252", errors="replace")


def _require_spots(name: str, keys: Sequence[str]) -> None:
    """Raise InputError for a table of links, such as TrackMate's edges."""
    if any(key.lower() == "spot_source_id" for key in keys):
        raise InputError(
            f"{name}: is a table of links, not of spots with their places. Export the spots."
        )


def _find(
    name: str, keys: Sequence[str], columns: Mapping[str, str], needed: Sequence[str]
) -> dict[str, _Column]:
    """Columns of a table by what they hold; those needed, and for tracks frames or times."""
    named = [_named(place, key) for place, key in enumerate(keys)]
    shown = ", ".join(key for key in keys if key) if len(keys) <= _LISTED else None
    shown = shown or f"{', '.join(key for key in keys[:_LISTED] if key)} and more"
    found = {}
    for role, usual in {**COLUMNS, **_FURTHER}.items():
        if role in columns:
            places = [n for n, key in enumerate(keys) if key == columns[role]]
            if not places:
                raise InputError(
                    f"{name}: has no column '{columns[role]}'. It has: {shown}. Correct --columns."
                )
            found[role] = _Column(places[0], keys[places[0]], named[places[0]].unit)
            continue
        own = [
            column
            for word in usual
            for column in named
            if word in (column.name.lower(), keys[column.place].lower())
        ]
        if own:
            found[role] = own[0]
    for role in needed:
        if role not in found:
            raise InputError(
                f"{name}: has no column of {'tracks' if role == 'track' else role}. It has: "
                f"{shown}. Name it with --columns {role}=NAME."
            )
    if "track" in needed and "frame" not in found and "time" not in found:
        raise InputError(
            f"{name}: has no column of frames or times. It has: {shown}. Name it with --columns "
            "frame=NAME or --columns time=NAME."
        )
    return found


def _named(place: int, key: str) -> _Column:
    """Column of a key such as ``x``, ``x_um``, ``x [um]`` or ``x (um)``."""
    bracketed = re.fullmatch(r"(.*?)[ _]*[\[(]([^\])]+)[\])]", key)
    if bracketed:
        return _Column(place, bracketed[1], bracketed[2])
    before, _, unit = key.rpartition("_")
    known = length_factor(unit) or time_factor(unit) or unit.lower() in ("px", "pixel", "pixels")
    return _Column(place, before, unit) if before and known else _Column(place, key, "")


def _decimal(head: str, separator: str) -> str:
    """Decimal sign of a table's numbers; a comma only where it separates nothing."""
    if separator == ",":
        return "."
    comma, point = (
        re.search(
            rf"(?:^|[{separator}\"])-?\d+{sign}\d+(?:[{separator}\"]|\r?$)", head, re.MULTILINE
        )
        for sign in (",", r"\.")
    )
    return "," if comma and not point else "."


def _header_lines(lines: Sequence[Sequence[str]], place: int, decimal: str, without: int) -> int:
    """Number of lines before the first with a number, or nothing, in a column.

    Where a few lines have none, there are as many as the last argument says.
    """
    for n, line in enumerate(lines[1:_HEADERS], start=1):
        cell = line[place].strip() if place < len(line) else ""
        if cell in _EMPTY or _is_number(cell.replace(decimal, ".")):
            return n
    return min(len(lines), without)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _values(path: Path, layout: _Layout) -> dict[str, NDArray[np.object_] | Array]:
    """Values of the columns found: numbers, or objects where one is none."""
    import pandas as pd

    found, headers = layout.found, layout.headers
    places = sorted({column.place for column in found.values()})
    try:
        frame = pd.read_csv(
            path, sep=layout.separator, header=None, skiprows=headers, usecols=places,
            encoding=layout.encoding, encoding_errors="replace", na_values=list(_EMPTY),
            keep_default_na=False, low_memory=False, skipinitialspace=True,
            decimal=layout.decimal,
        )  # fmt: skip
    except pd.errors.EmptyDataError:
        raise InputError(f"{path}: has no rows below its header. Export the spots.") from None
    except (ValueError, pd.errors.ParserError) as error:
        reason = " ".join(str(error).split())
        # What pandas says of rows that are too short names no column of the file.
        if not reason.startswith("Usecols"):
            raise InputError(f"{path}: is no table ({reason}). Export the spots again.") from None
        frame = pd.DataFrame()
    if places[-1] not in frame.columns:
        raise InputError(
            f"{path}: rows have fewer columns than the header. Export the spots again."
        )
    return {role: frame[column.place].to_numpy() for role, column in found.items()}


def _track_file(path: Path, asked: Calibration, layout: _Layout) -> TrackFile:
    name, found, headers = str(path), layout.found, layout.headers
    values = _values(path, layout)
    numbers = {
        role: _floats(name, found[role].name, own, headers)
        for role, own in values.items()
        if role not in ("track", "region")
    }
    x, y = numbers["x"], numbers["y"]
    track = _tracks(values["track"])
    interval: float | None = None
    unit = ""
    if "frame" in found:
        frame = _whole(name, "frame", numbers["frame"], headers)
        if "time" in found and np.isfinite(numbers["time"]).all():
            unit = found["time"].unit
            interval = _interval(name, frame, numbers["time"])
    else:
        unit = found["time"].unit
        if unit.lower() in ("frame", "frames"):
            frame = _whole(name, found["time"].name, numbers["time"], headers)
        else:
            frame, interval = _even(name, numbers["time"], headers)
    scale = scale_of(
        name, length_unit=found["x"].unit, time_unit=unit, interval=interval, pixel_width=None,
        asked=asked,
    )  # fmt: skip
    spot = np.arange(len(x), dtype=np.int64)
    if "spot" in found:
        spot = _whole(name, "spot", numbers["spot"], headers)
    depth = numbers.get("z", np.zeros(0))
    hidden = (track == NO_TRACK) & (numbers.get("visible", np.ones(len(x))) == 0.0)
    region = _regions(name, layout, values.get("region"))
    return make_track_file(
        name, "TrackMate CSV" if layout.trackmate else "table", scale,
        spot=spot[~hidden], frame=frame[~hidden], x=x[~hidden], y=y[~hidden],
        track=track[~hidden], radius=numbers.get("radius", np.full(len(x), np.nan))[~hidden],
        region=None if region is None else region[~hidden],
        left_out=LeftOut(
            hidden=int(np.count_nonzero(hidden)),
            depth=bool(len(depth)) and bool(np.nanmax(depth) > np.nanmin(depth)),
        ),
    )  # fmt: skip


def _floats(name: str, column: str, values: NDArray[np.object_] | Array, headers: int) -> Array:
    """Numbers of a column, NaN for what is missing."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        for row, value in enumerate(values):
            huge = isinstance(value, int) and abs(value) > _WHOLE
            if huge or (isinstance(value, str) and not _is_number(value)):
                raise InputError(
                    f"{name}: {column} in line {headers + row + 1} is {str(value)[:_SHOWN]!r}, no "
                    "number. Correct it."
                ) from None
        raise


def _whole(name: str, column: str, values: Array, headers: int) -> Whole:
    """Whole numbers of a column."""
    wrong = np.flatnonzero(~(np.abs(values) < _WHOLE) | (values != np.round(values)))
    if len(wrong):
        raise InputError(
            f"{name}: {column} in line {headers + wrong[0] + 1} is {values[wrong[0]]:g}, no whole "
            "number. Correct it."
        )
    return values.astype(np.int64)


def _tracks(values: NDArray[np.object_] | Array) -> Whole:
    """Track of each row: whole numbers as they are, other names numbered in their order."""
    import pandas as pd

    lone = np.asarray(pd.isna(values))
    if values.dtype.kind in "iuf":
        numbers = np.where(lone, NO_TRACK, values).astype(np.float64)
        whole = np.array_equal(numbers, np.round(numbers)) and np.all(np.abs(numbers) < _WHOLE)
        if whole and not np.any(numbers[~lone] < 0):
            return numbers.astype(np.int64)
    codes = pd.factorize(values)[0].astype(np.int64)
    return np.where(lone, NO_TRACK, codes)


def _interval(name: str, frame: Whole, time: Array) -> float | None:
    """Time between frames from frames and times; None for a single frame."""
    first, last = np.argmin(frame), np.argmax(frame)
    frames = int(frame[last] - frame[first])
    if frames == 0:
        return None
    interval = float(time[last] - time[first]) / frames
    wrong = np.abs(time - time[first] - interval * (frame - frame[first]))
    if not interval > 0.0 or wrong.max() > UNEVEN * interval:
        at = int(np.argmax(wrong))
        raise InputError(
            f"{name}: frame {frame[at]} is at time {time[at]:g}, but frames are {interval:g} apart "
            "on average: they are not evenly spaced. Leave out the frames after a pause, or what "
            "is before it."
        )
    return exact_interval(frame, time, interval)


def _even(name: str, time: Array, headers: int) -> tuple[Whole, float | None]:
    """Frames from times, and the time between them."""
    lost = np.flatnonzero(~np.isfinite(time))
    if len(lost):
        raise InputError(
            f"{name}: the time in line {headers + lost[0] + 1} is missing. Add it or remove the "
            "row."
        )
    return frames_of_times(name, time, "Name a column of frames with --columns frame=NAME.")


def column_names(texts: Sequence[str]) -> dict[str, str]:
    """Columns by what they hold from texts such as ``x=px,track=ID``.

    Raises
    ------
    InputError
        If a key is none of `COLUMNS`.
    """
    return dict(_pairs(texts))


def _pairs(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        for part in text.split(","):
            key, equals, column = (piece.strip() for piece in part.partition("="))
            if key not in COLUMNS or not equals or not column:
                raise InputError(
                    f"--columns: '{part.strip()}' names no column. Write KEY=NAME with a KEY of "
                    f"{', '.join(COLUMNS)}."
                )
            yield key, column
