"""TrackMate's XML, read as a stream."""

import re
from array import array
from collections.abc import Callable
from pathlib import Path
from xml.sax import SAXParseException

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError
from sdf1_field.interop.scales import Calibration, scale_of
from sdf1_field.interop.trackfile import (
    NO_TRACK,
    LeftOut,
    TrackFile,
    linked_places,
    make_track_file,
    require_tracks,
)
from sdf1_field.scene import Region

ASSUMED = "sdf1-field-assumed-pixel"
"""Attribute of an image whose pixel this program wrote without knowing it."""
_CHUNK = 1 << 20
"""Bytes handed to the parser at a time."""


def is_xml(begin: bytes) -> bool:
    """Whether a file that begins so is XML, in UTF-8 or UTF-16."""
    plain = begin.removeprefix(b"\xef\xbb\xbf").lstrip()
    return plain.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\0<"))


def read_xml(path: Path, asked: Calibration, *, linked: bool = True) -> TrackFile:
    """Tracks from TrackMate's XML, the whole file or "Export tracks to XML file".

    Hidden spots and tracks outside the file's filter are left out. A file with entities or a
    document type is refused, since neither program writes them.

    Parameters
    ----------
    path : Path
    asked : Calibration
    linked : bool
        Refuse a file without tracks.

    Raises
    ------
    InputError
        If the file is cut off, unsafe, not calibrated or none of the two.
    """
    name = str(path)
    reader = _Root(name)
    _parse(path, reader)
    made = reader.finish(asked)
    if linked:
        require_tracks(name, made.links)
    return made


def _parse(path: Path, reader: "_Root") -> None:
    """Send a file's elements to a reader."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.expatreader import DefusedExpatParser

    parser = DefusedExpatParser(forbid_dtd=True)
    # Past the handlers of SAX, whose wrapping of attributes takes longer than reading them.
    parser.start_element, parser.end_element = reader.start, _ignored
    reader.line = parser.getLineNumber
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                parser.feed(chunk)
        parser.close()
    except DefusedXmlException:
        raise InputError(
            f"{path}: declares a document type or entities, which TrackMate never does and which "
            "may be an attack. Save the tracks again."
        ) from None
    except SAXParseException as error:
        raise InputError(
            f"{path}: not whole XML: {error.getMessage()} in line {error.getLineNumber()}. Save "
            "the tracks again."
        ) from None
    except LookupError as error:
        raise InputError(f"{path}: is in an {error}. Save the tracks again.") from None


def _ignored(name: str) -> None:
    """Ends of elements say nothing that the next beginning does not."""


class _Root:
    """Chooses the reader of a file's root element."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.inner: _TrackMate | _Simplified | None = None
        self.line: Callable[[], int | None] = lambda: None

    def start(self, name: str, attrs: dict[str, str]) -> None:
        try:
            if self.inner is not None:
                self.inner.start(name, attrs)
                return
            if name not in _ROOTS:
                raise InputError(
                    f"{self.name}: its root is <{name}>, so it is neither TrackMate's XML nor "
                    "its exported tracks. Give one of these."
                )
            self.inner = _ROOTS[name](self.name, attrs)
        except KeyError as error:
            raise InputError(
                f"{self.name}: <{name}> in line {self.line()} has no {error.args[0]}. Save the "
                "file again."
            ) from None
        except (ValueError, OverflowError) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"{self.name}: <{name}> in line {self.line()}: {reason}. Correct it."
            ) from None

    def finish(self, asked: Calibration) -> TrackFile:
        if self.inner is None:
            raise InputError(f"{self.name}: is empty. Save the tracks again.")
        return self.inner.finish(asked)


class _TrackMate:
    """Reader of TrackMate's own files."""

    def __init__(self, name: str, attrs: dict[str, str]) -> None:
        self.name = name
        # A snapshot's version ends in the number of its commit.
        self.version = re.sub(r"-[0-9a-f]{20,}$", "", attrs.get("version", "of unknown version"))
        self.length_unit = self.time_unit = ""
        self.interval: float | None = None
        self.pixel: float | None = None
        self.ids, self.frames = array("q"), array("q")
        self.x, self.y, self.radius = array("d"), array("d"), array("d")
        self.regions = array("B")
        self.hidden = array("q")
        self.lowest, self.highest = np.inf, -np.inf
        self.links, self.link_track = array("q"), array("q")
        self.track = NO_TRACK
        self.kept: set[int] | None = None

    def start(self, name: str, attrs: dict[str, str]) -> None:
        if name == "Spot":
            number = int(attrs["ID"])
            self.ids.append(number)
            self.frames.append(_whole(attrs["FRAME"]))
            self.x.append(float(attrs["POSITION_X"]))
            self.y.append(float(attrs["POSITION_Y"]))
            self.radius.append(float(attrs.get("RADIUS", "nan")))
            if "REGION" in attrs:
                self.regions.append(_whole(attrs["REGION"]))
            depth = float(attrs.get("POSITION_Z", "0"))
            if not self.lowest <= depth <= self.highest:
                self.lowest, self.highest = min(self.lowest, depth), max(self.highest, depth)
            if attrs.get("VISIBILITY", "1") in ("0", "0.0", "false"):
                self.hidden.append(number)
        elif name == "Edge":
            self.links.append(int(attrs["SPOT_SOURCE_ID"]))
            self.links.append(int(attrs["SPOT_TARGET_ID"]))
            self.link_track.append(self.track)
        elif name == "Track":
            self.track = _whole(attrs["TRACK_ID"])
        elif name == "FilteredTracks":
            self.kept = set()
        elif name == "TrackID":
            self.kept = self.kept or set()
            self.kept.add(_whole(attrs["TRACK_ID"]))
        elif name == "Model":
            self.length_unit = attrs.get("spatialunits", "")
            self.time_unit = attrs.get("timeunits", "")
        elif name == "ImageData":
            self.pixel = None if ASSUMED in attrs else float(attrs["pixelwidth"])
            self.interval = float(attrs["timeinterval"])

    def finish(self, asked: Calibration) -> TrackFile:
        scale = scale_of(
            self.name, length_unit=self.length_unit, time_unit=self.time_unit,
            interval=self.interval, pixel_width=self.pixel, asked=asked,
        )  # fmt: skip
        ids, linked = _numbers(self.ids), _numbers(self.links).reshape(-1, 2)
        links = linked_places(self.name, ids, linked)
        of_link = _numbers(self.link_track)
        track = np.full(len(ids), NO_TRACK, dtype=np.int64)
        for end in range(2):
            track[links[:, end]] = of_link
        kept_tracks = np.unique(of_link)
        if self.kept is not None:
            chosen = [number for number in kept_tracks.tolist() if number in self.kept]
            kept_tracks = np.array(chosen, dtype=np.int64)
        in_track = track != NO_TRACK
        dropped = in_track & ~np.isin(track, kept_tracks)
        hidden = np.isin(ids, _numbers(self.hidden)) & ~in_track
        kept = ~(dropped | hidden)
        place = np.cumsum(kept) - 1
        links = place[links[np.isin(of_link, kept_tracks)]]
        return make_track_file(
            self.name, f"TrackMate {self.version}", scale,
            spot=ids[kept], frame=_numbers(self.frames)[kept],
            x=_reals(self.x)[kept], y=_reals(self.y)[kept], radius=_reals(self.radius)[kept],
            track=track[kept], links=links, region=self._regions(kept),
            left_out=LeftOut(
                hidden=int(np.count_nonzero(hidden)),
                tracks=len(np.unique(of_link)) - len(kept_tracks),
                spots=int(np.count_nonzero(dropped)),
                depth=self.highest > self.lowest,
            ),
        )  # fmt: skip

    def _regions(self, kept: NDArray[np.bool_]) -> NDArray[np.uint8] | None:
        """Regions of the spots kept; None unless every spot has one."""
        region = np.frombuffer(self.regions or b"", dtype=np.uint8)
        if len(region) != len(kept) or not len(kept) or region.max() > max(Region):
            return None
        return region[kept]


class _Simplified:
    """Reader of "Export tracks to XML file", in which ``t`` is a frame."""

    def __init__(self, name: str, attrs: dict[str, str]) -> None:
        self.name = name
        self.length_unit = attrs.get("spaceUnits", "")
        self.time_unit = attrs.get("timeUnits", "")
        self.interval = float(attrs["frameInterval"])
        self.x, self.y = array("d"), array("d")
        self.frames, self.track = array("q"), array("q")
        self.lowest, self.highest = np.inf, -np.inf
        self.particles = 0

    def start(self, name: str, attrs: dict[str, str]) -> None:
        if name == "particle":
            self.particles += 1
        elif name == "detection":
            self.frames.append(_whole(attrs["t"]))
            self.x.append(float(attrs["x"]))
            self.y.append(float(attrs["y"]))
            depth = float(attrs.get("z", "0"))
            self.lowest, self.highest = min(self.lowest, depth), max(self.highest, depth)
            self.track.append(self.particles - 1)

    def finish(self, asked: Calibration) -> TrackFile:
        scale = scale_of(
            self.name, length_unit=self.length_unit, time_unit=self.time_unit,
            interval=self.interval, pixel_width=None, asked=asked,
        )  # fmt: skip
        return make_track_file(
            self.name, "exported TrackMate tracks", scale,
            spot=np.arange(len(self.x)), frame=_numbers(self.frames),
            x=_reals(self.x), y=_reals(self.y), track=_numbers(self.track),
            left_out=LeftOut(depth=self.highest > self.lowest),
        )  # fmt: skip


_ROOTS: dict[str, Callable[[str, dict[str, str]], _TrackMate | _Simplified]] = {
    "TrackMate": _TrackMate,
    "Tracks": _Simplified,
}


def _whole(text: str) -> int:
    """Whole number from text such as ``3`` or ``3.0``."""
    if text.isdecimal():
        return int(text)
    value = float(text)
    if value != int(value):
        raise ValueError(f"'{text}' is no whole number")
    return int(value)


def _numbers(values: "array[int]") -> NDArray[np.int64]:
    return np.frombuffer(values, dtype=np.int64) if len(values) else np.empty(0, dtype=np.int64)


def _reals(values: "array[float]") -> NDArray[np.float64]:
    return np.frombuffer(values, dtype=np.float64) if len(values) else np.empty(0)
