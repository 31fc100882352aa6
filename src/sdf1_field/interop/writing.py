"""Tracks written for other programs: TrackMate's XML and CSV, GEFF, and a plain table."""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TextIO

import numpy as np

from sdf1_field import __version__
from sdf1_field.errors import InputError, refuse_existing, replaced_when_whole
from sdf1_field.interop.geff_files import is_geff, write_geff
from sdf1_field.interop.masks import REGION_NAMES
from sdf1_field.interop.scales import DEFAULT
from sdf1_field.interop.trackfile import NO_TRACK, TrackFile
from sdf1_field.interop.trackmate_xml import ASSUMED
from sdf1_field.scene import Region

SUFFIXES: Mapping[str, str] = {
    "trackmate-xml": ".xml",
    "trackmate-csv": ".csv",
    "geff": ".geff",
    "csv": ".csv",
}
"""Formats that can be written, and the usual ends of their names."""
_PIXEL = 0.5
"""Pixel where none is known [um], without which TrackMate opens no file; said to be assumed."""
_FEATURES: Mapping[str, tuple[tuple[str, str, str, str, str], ...]] = {
    "Spot": (
        ("QUALITY", "Quality", "Quality", "QUALITY", "false"),
        ("POSITION_X", "X", "X", "POSITION", "false"),
        ("POSITION_Y", "Y", "Y", "POSITION", "false"),
        ("POSITION_Z", "Z", "Z", "POSITION", "false"),
        ("POSITION_T", "T", "T", "TIME", "false"),
        ("FRAME", "Frame", "Frame", "NONE", "true"),
        ("RADIUS", "Radius", "R", "LENGTH", "false"),
        ("VISIBILITY", "Visibility", "Visibility", "NONE", "true"),
        ("REGION", "Region", "Region", "NONE", "true"),
    ),
    "Edge": (
        ("SPOT_SOURCE_ID", "Source spot ID", "Source ID", "NONE", "true"),
        ("SPOT_TARGET_ID", "Target spot ID", "Target ID", "NONE", "true"),
        ("LINK_COST", "Edge cost", "Cost", "COST", "false"),
    ),
    "Track": (
        ("TRACK_INDEX", "Track index", "Index", "NONE", "true"),
        ("TRACK_ID", "Track ID", "ID", "NONE", "true"),
        ("NUMBER_SPOTS", "Number of spots in track", "N spots", "NONE", "true"),
    ),
}
"""Key, name, short name, dimension, and whether it is a whole number.

TrackMate shows a feature that is declared, such as the region, like its own."""
_UNITS = {"POSITION": "(micron)", "LENGTH": "(micron)", "TIME": "(sec)", "QUALITY": "(quality)"}
"""Of the dimensions above, as TrackMate's tables write them."""
_SETTINGS = """\
    <BasicSettings xstart="0" xend="{x}" ystart="0" yend="{y}" zstart="0" zend="0" tstart="0" \
tend="{t}" />
    <DetectorSettings DETECTOR_NAME="MANUAL_DETECTOR"{radius} />
    <InitialSpotFilter feature="QUALITY" value="0.0" isabove="true" />
    <SpotFilterCollection />
    <TrackerSettings TRACKER_NAME="MANUAL_TRACKER" />
    <TrackFilterCollection />
    <AnalyzerCollection>
      <SpotAnalyzers />
      <EdgeAnalyzers />
      <TrackAnalyzers />
    </AnalyzerCollection>
  </Settings>
  <GUIState state="ConfigureViews" />
</TrackMate>
"""


def write_tracks(file: TrackFile, path: Path, kind: str, *, force: bool = False) -> None:
    """Write tracks in micrometres and seconds, whole or not at all.

    Written, read and written again, files are the same to the last byte. Places are written as they
    are: those for TrackMate are measured from the centre of the first pixel.

    Parameters
    ----------
    file : TrackFile
    path : Path
    kind : str
        One of `SUFFIXES`.
    force : bool
        Replace an existing file.

    Raises
    ------
    InputError
        If the file exists, cannot be written, or the format cannot hold the tracks' splits.
    """
    if path.is_dir() and not (kind == "geff" and is_geff(path)):
        raise InputError(f"{path}: is a folder. Give the name of a file.")
    refuse_existing(path, force=force)
    if kind == "geff":
        if path.is_file():
            raise InputError(f"{path}: is a file, and a GEFF is a folder. Choose another name.")
        write_geff(file, path)
        return
    with (
        replaced_when_whole(path) as partial,
        partial.open("w", encoding="utf-8", newline="\n") as stream,
    ):
        _WRITERS[kind](file, stream)


def _write_xml(file: TrackFile, stream: TextIO) -> None:
    # A pixel of 1 would be read as ImageJ's sign of a picture without a scale.
    assumed = file.pixel_size is None or file.pixel_size == DEFAULT
    pixel = _PIXEL if file.pixel_size is None or assumed else file.pixel_size
    frames = int(file.frame.max()) + 1
    width, height = (
        max(math.ceil(float(values.max()) / pixel), 0) + 1 for values in (file.x, file.y)
    )
    radii = [
        f' RADIUS="{radius!r}"' if math.isfinite(radius) else "" for radius in file.radius.tolist()
    ]
    note = f" The pixel of {_PIXEL} micron is assumed: none was known." if assumed else ""
    write = stream.write
    write('<?xml version="1.0" encoding="UTF-8"?>\n<TrackMate version="7.14.0">\n')
    write(f"  <Log>Tracks written by sdf1-field {__version__}.{note}</Log>\n")
    write('  <Model spatialunits="micron" timeunits="sec">\n    <FeatureDeclarations>\n')
    for of in _FEATURES:
        write(f"      <{of}Features>\n")
        for key, name, short, dimension, whole in _features(file, of):
            write(
                f'        <Feature feature="{key}" name="{name}" shortname="{short}" '
                f'dimension="{dimension}" isint="{whole}" />\n'
            )
        write(f"      </{of}Features>\n")
    write(f'    </FeatureDeclarations>\n    <AllSpots nspots="{len(file.spot)}">\n')
    regions = [f' REGION="{region:d}"' for region in Region]
    words = [""] * len(file.spot) if file.region is None else [regions[n] for n in file.region]
    ends = np.searchsorted(file.frame, np.arange(frames + 1))
    for frame in range(frames):
        rows = slice(ends[frame], ends[frame + 1])
        write(f'      <SpotsInFrame frame="{frame}">\n')
        write(
            "".join(
                f'        <Spot ID="{number}" name="ID{number}" QUALITY="1.0" '
                f'POSITION_T="{frame * file.interval!r}" FRAME="{frame}"{radius} '
                f'VISIBILITY="1" POSITION_X="{x!r}" POSITION_Y="{y!r}" POSITION_Z="0.0"{region} '
                "/>\n"
                for number, x, y, radius, region in zip(
                    file.spot[rows].tolist(), file.x[rows].tolist(), file.y[rows].tolist(),
                    radii[rows], words[rows], strict=True,
                )
            )
        )  # fmt: skip
        write("      </SpotsInFrame>\n")
    write("    </AllSpots>\n    <AllTracks>\n")
    of_link = file.track[file.links[:, 0]]
    order = np.argsort(of_link, kind="stable")
    numbers = np.unique(of_link)
    cuts = np.searchsorted(of_link[order], numbers)
    members = dict(zip(*np.unique(file.track, return_counts=True), strict=True))
    for index, (number, own) in enumerate(
        zip(numbers.tolist(), np.split(order, cuts[1:])[: len(numbers)], strict=True)
    ):
        write(
            f'      <Track name="Track_{number}" TRACK_ID="{number}" TRACK_INDEX="{index}" '
            f'NUMBER_SPOTS="{members[number]}">\n'
        )
        write(
            "".join(
                f'        <Edge SPOT_SOURCE_ID="{early}" SPOT_TARGET_ID="{late}" LINK_COST="0.0" '
                "/>\n"
                for early, late in file.spot[file.links[own]].tolist()
            )
        )
        write("      </Track>\n")
    write("    </AllTracks>\n    <FilteredTracks>\n")
    write("".join(f'      <TrackID TRACK_ID="{number}" />\n' for number in numbers.tolist()))
    write("    </FilteredTracks>\n  </Model>\n  <Settings>\n")
    known = file.radius[np.isfinite(file.radius)]
    drawn = f' RADIUS="{float(np.median(known))!r}"' if len(known) else ""
    said = f' {ASSUMED}="true"' if assumed else ""
    write(
        f'    <ImageData filename="" folder="" width="{width}" height="{height}" nslices="1" '
        f'nframes="{frames}" pixelwidth="{pixel!r}" pixelheight="{pixel!r}" voxeldepth="1.0" '
        f'timeinterval="{file.interval!r}"{said} />\n'
    )
    write(_SETTINGS.format(x=width - 1, y=height - 1, t=frames - 1, radius=drawn))


def _features(file: TrackFile, of: str) -> tuple[tuple[str, str, str, str, str], ...]:
    known = {"REGION": file.region is not None, "RADIUS": bool(np.isfinite(file.radius).any())}
    return tuple(each for each in _FEATURES[of] if known.get(each[0], True))


def _write_csv(file: TrackFile, stream: TextIO) -> None:
    _require_no_branches(file)
    features = _features(file, "Spot")
    keys = ("LABEL", "ID", "TRACK_ID", *(feature[0] for feature in features))
    names, shorts = (
        ("Label", "Spot ID", "Track ID", *(feature[n] for feature in features)) for n in (1, 2)
    )
    units = ("", "", "", *(_UNITS.get(feature[3], "") for feature in features))
    stream.write("".join(",".join(line) + "\n" for line in (keys, names, shorts, units)))
    radii = [""] * len(file.spot)
    if any(feature[0] == "RADIUS" for feature in features):
        radii = [
            f",{radius!r}" if math.isfinite(radius) else "," for radius in file.radius.tolist()
        ]
    stream.writelines(
        f"ID{number},{number},{'' if track == NO_TRACK else track},1.0,{x!r},{y!r},0.0,"
        f"{frame * file.interval!r},{frame}{radius},1{region}\n"
        for number, track, frame, x, y, radius, region in zip(
            file.spot.tolist(), file.track.tolist(), file.frame.tolist(), file.x.tolist(),
            file.y.tolist(), radii, _cells(file, range(len(Region))), strict=True,
        )
    )  # fmt: skip


def _write_table(file: TrackFile, stream: TextIO) -> None:
    _require_no_branches(file)
    ending = "" if file.region is None else ",region"
    stream.write(f"track,spot,frame,time_s,x_um,y_um{ending}\n")
    stream.writelines(
        f"{'' if track == NO_TRACK else track},{number},{frame},{frame * file.interval!r},{x!r},"
        f"{y!r}{region}\n"
        for number, track, frame, x, y, region in zip(
            file.spot.tolist(), file.track.tolist(), file.frame.tolist(), file.x.tolist(),
            file.y.tolist(), _cells(file, REGION_NAMES), strict=True,
        )
    )  # fmt: skip


def _cells(file: TrackFile, texts: Iterable[object]) -> list[str]:
    """Last cell of each spot's row, its region in the words of ``texts``; nothing without one."""
    if file.region is None:
        return [""] * len(file.spot)
    endings = [f",{text}" for text in texts]
    return [endings[region] for region in file.region]


def _require_no_branches(file: TrackFile) -> None:
    if file.splits or file.merges:
        raise InputError(
            f"{file.name}: has splits or merges, and a table of spots has no links to tell their "
            "branches apart. Write TrackMate's XML instead."
        )


_WRITERS: Mapping[str, Callable[[TrackFile, TextIO], None]] = {
    "trackmate-xml": _write_xml,
    "trackmate-csv": _write_csv,
    "csv": _write_table,
}
