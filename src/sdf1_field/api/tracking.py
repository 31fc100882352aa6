"""Tracks from files of other programs, or from run files: read, measured and drawn."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdf1_field.analysis import observation_times
from sdf1_field.analysis.guidance import Followers
from sdf1_field.analysis.guides import gradient_guide, region_guides
from sdf1_field.analysis.paths import paths_of
from sdf1_field.analysis.track_files import track_table
from sdf1_field.api.exporting import RUN, run_track_file
from sdf1_field.api.options import quantity_or_none, regions_of, without_effect
from sdf1_field.errors import InputError
from sdf1_field.interop import Calibration, Mask, TrackFile, read_tracks
from sdf1_field.interop.positions import from_corner, of_centres, tracks_on_mask
from sdf1_field.units import bounded, parse

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_AXES = {"x": 0.0, "y": 90.0, "-x": 180.0, "-y": 270.0}
"""Angles from x towards y [degree]."""
_OPTIONS = {"pixel_size": "--pixel-size", "frame_interval": "--frame-interval"}


class Tracks:
    """Tracks of one file, calibrated.

    Parameters
    ----------
    file : interop.TrackFile
        Spots and links as arrays, in micrometres and seconds.
    start : float
        Time of frame 0 in a run, if the file is one [s].
    """

    def __init__(self, file: TrackFile, start: float = 0.0) -> None:
        self.file = file
        self.start = start
        self.guided: list[Followers] = []

    def __repr__(self) -> str:
        return f"<Tracks: {self.file.name}, {self.file.tracks} tracks>"

    def towards(
        self,
        mask: str | Path,
        labels: str | None,
        *,
        pixel_size: str | None = None,
        planes: Mapping[str, int] | None = None,
        image_size: str | None = None,
    ) -> "Tracks":
        """The same tracks, scored on the direction to the regions of a mask of the same picture.

        Parameters
        ----------
        mask : str or pathlib.Path
            Labels in a TIFF file, or outlines of ImageJ (.roi, .zip).
        labels : str or None
            Which labels, or names of outlines, are which region, such as
            ``"free=0,msc=1,network=2"``.
        pixel_size, image_size : str, optional
            Such as ``"0.65 um"`` and ``"1024x1024"``, where the mask's file does not say it.
        planes : mapping of str to int, optional
            Plane along each axis of the mask besides y and x.

        Raises
        ------
        InputError
            If the mask cannot be read, or is of another calibration or size than the tracks.
        """
        return self._towards(
            regions_of(mask, labels, pixel_size=pixel_size, planes=planes, image_size=image_size)
        )

    def up_gradient(
        self, run: str | Path, *, ligand: str | None = None, start: str | None = None
    ) -> "Tracks":
        """The same tracks, scored on the gradient of a ligand in a run.

        Parameters
        ----------
        run : str or pathlib.Path
            Run file; its floor begins at the corner of the tracks' picture.
        ligand : str, optional
            That of CXCR4 if not given.
        start : str, optional
            Time of the tracks' first frame in the run, such as ``"4 h"``; if not given, that of
            the run that the tracks are from, else when cells are added (0 h).

        Raises
        ------
        InputError
            If the run has no such field, or no gradient, or the tracks are TrackMate's and their
            file names no pixel size.
        """
        begin = self.start if start is None else _time("--start", start)
        from sdf1_field.record import open_run

        with open_run(run, interrupted=True) as opened:
            guide = replace(gradient_guide(opened, ligand), source=str(run))
        paths = paths_of(from_corner(self.file, self.file.pixel_size))
        return self._following([Followers(paths, guide, begin)])

    def _towards(self, mask: Mask) -> "Tracks":
        paths = paths_of(tracks_on_mask(self.file, mask))
        guided = [Followers(paths, guide) for guide in region_guides(mask)]
        return self._following(guided, mask.pixel_size)

    def _following(self, guided: Sequence[Followers], pixel_size: float | None = None) -> "Tracks":
        file = replace(self.file, pixel_size=self.file.pixel_size or pixel_size)
        tracks = Tracks(file, self.start)
        tracks.guided = [*self.guided, *guided]
        return tracks

    def table(self, control: "Tracks | None" = None, *, along: str | float = "x") -> dict[str, Any]:
        """Speed, persistence, square displacements and directions, as `sdf1-field tracks --json`.

        Parameters
        ----------
        control : Tracks, optional
            To compare speeds with.
        along : str or float
            Direction of forward migration: ``"x"``, ``"-x"``, ``"y"``, ``"-y"``, or an angle from
            x towards y [degree].

        Raises
        ------
        InputError
            If the frame intervals are unlike, or the direction is none.
        """
        against = None if control is None else control.file
        return track_table(self.file, against, direction=direction_of(along), guided=self.guided)

    def plot(self, control: "Tracks | None" = None, *, along: str | float = "x") -> "Figure":
        """Tracks from one origin, rose of their directions, and square displacements.

        Below them are roses of the directions that the tracks are scored on.
        """
        from sdf1_field.figures.track_files import plot_track_files

        files = [self.file] if control is None else [self.file, control.file]
        down = any(file.format != RUN for file in files)
        return plot_track_files(files, direction=direction_of(along), down=down, guided=self.guided)


def open_tracks(
    path: str | Path,
    *,
    pixel_size: str | None = None,
    frame_interval: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Tracks:
    """Tracks from TrackMate's XML or CSV, its exported tracks, GEFF, any table, or a run file.

    Parameters
    ----------
    path : str or pathlib.Path
    pixel_size, frame_interval : str, optional
        Such as ``"0.65 um"`` and ``"2 min"``, for a file that is not calibrated. The pixel is also
        for TrackMate's files that do not name it, whose places are from the first one's centre.
    columns : mapping of str to str, optional
        Names of a table's columns for ``track``, ``x``, ``y``, ``frame`` and ``time``.

    Raises
    ------
    InputError
        If the file cannot be read, is not calibrated, or has a calibration of its own.
    """
    (found,) = load_tracks(
        [Path(path)], pixel_size=pixel_size, frame_interval=frame_interval, columns=columns,
        placed=True,
    )  # fmt: skip
    return found


def load_tracks(
    paths: Sequence[Path],
    *,
    pixel_size: str | None = None,
    frame_interval: str | None = None,
    columns: Mapping[str, str] | None = None,
    towards: str | Path | None = None,
    labels: str | None = None,
    planes: Mapping[str, int] | None = None,
    image_size: str | None = None,
    placed: bool = False,
) -> list[Tracks]:
    """Tracks of several files, as of `open_tracks`; the first `Tracks.towards` a mask, if given.

    The pixel size is also that of a mask without one, and ``placed`` says that it matters where in
    its pixel a place of the first file is.

    Raises
    ------
    InputError
        If a calibration is given that none of the files needs, or a file twice.
    """
    asked = Calibration(
        quantity_or_none(_OPTIONS["pixel_size"], pixel_size, "length"),
        quantity_or_none(_OPTIONS["frame_interval"], frame_interval, "time"),
    )
    if len(paths) > len({path.resolve() for path in paths}):
        raise InputError(
            f"--against: {paths[-1]} is the file that is compared. Give tracks of a control."
        )
    files = [_read(path, asked, columns) for path in paths]
    mask = None
    if towards is not None:
        mask = regions_of(
            towards, labels, pixel_size=pixel_size, planes=planes, image_size=image_size
        )
    first = files[0].file
    used = {
        "frame_interval": False,
        "pixel_size": (mask is not None and mask.asked)
        or (placed and of_centres(first) and first.pixel_size == asked.pixel_size),
    }
    for key, option in _OPTIONS.items():
        unused = getattr(asked, key) is not None and not used[key]
        if unused and all(key in each.file.unused for each in files):
            raise without_effect(first.name, option)
    return files if mask is None else [files[0]._towards(mask), *files[1:]]


def _time(option: str, text: str) -> float:
    """Time of an option [s], of either sign; InputError if it is none."""
    try:
        return bounded(parse(text, "time"), text, "time")
    except ValueError as error:
        raise InputError(f"{option}: {error}") from None


def _read(path: Path, asked: Calibration, columns: Mapping[str, str] | None) -> Tracks:
    # A run that is not complete is a folder.
    folder = path if path.suffix == ".partial" else path.with_name(f"{path.name}.partial")
    if folder.is_dir() or (path.suffix == ".nc" and path.is_file()):
        return _of_run(path)
    return Tracks(read_tracks(path, asked, columns))


def _of_run(path: Path) -> Tracks:
    from sdf1_field.record import open_run

    with open_run(path, interrupted=True) as run:
        return Tracks(run_track_file(run), float(observation_times(run)[0]))


def direction_of(along: str | float) -> float:
    """Angle from x towards y [degree] of a direction.

    Examples
    --------
    >>> direction_of("-y"), direction_of("30"), direction_of(45.0)
    (270.0, 30.0, 45.0)
    """
    if along in _AXES:
        return _AXES[str(along)]
    try:
        angle = float(along)
    except ValueError:
        angle = math.nan
    if not math.isfinite(angle):
        raise InputError(
            f"--along: '{along}' is no direction. Give x, -x, y, -y, or an angle in degrees."
        )
    return angle
