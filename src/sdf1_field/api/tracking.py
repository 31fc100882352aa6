"""Tracks from files of other programs, or from run files: read, measured and drawn."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdf1_field.analysis.track_files import track_table
from sdf1_field.api.exporting import RUN, run_track_file
from sdf1_field.errors import InputError
from sdf1_field.interop import Calibration, TrackFile, read_tracks
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
    """

    def __init__(self, file: TrackFile) -> None:
        self.file = file

    def __repr__(self) -> str:
        return f"<Tracks: {self.file.name}, {self.file.tracks} tracks>"

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
        return track_table(self.file, against, direction=direction_of(along))

    def plot(self, control: "Tracks | None" = None, *, along: str | float = "x") -> "Figure":
        """Tracks from one origin, rose of their directions, and square displacements."""
        from sdf1_field.figures.track_files import plot_track_files

        files = [self.file] if control is None else [self.file, control.file]
        down = any(file.format != RUN for file in files)
        return plot_track_files(files, direction=direction_of(along), down=down)


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
        Such as ``"0.65 um"`` and ``"2 min"``, for a file that is not calibrated.
    columns : mapping of str to str, optional
        Names of a table's columns for ``track``, ``x``, ``y``, ``frame`` and ``time``.

    Raises
    ------
    InputError
        If the file cannot be read, is not calibrated, or has a calibration of its own.
    """
    (found,) = load_tracks(
        [Path(path)], pixel_size=pixel_size, frame_interval=frame_interval, columns=columns
    )
    return found


def load_tracks(
    paths: Sequence[Path],
    *,
    pixel_size: str | None = None,
    frame_interval: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> list[Tracks]:
    """Tracks of several files, as of `open_tracks`.

    Raises
    ------
    InputError
        If a calibration is given that none of the files needs.
    """
    asked = Calibration(
        _given("pixel_size", pixel_size, "length"), _given("frame_interval", frame_interval, "time")
    )
    files = [_read(path, asked, columns) for path in paths]
    for key, option in _OPTIONS.items():
        if getattr(asked, key) is not None and all(key in file.unused for file in files):
            raise InputError(
                f"{files[0].name}: has a calibration of its own, so {option} has no effect. Omit "
                "it; if the file is wrong, correct it where it was made."
            )
    return [Tracks(file) for file in files]


def _given(key: str, text: str | None, dimension: str) -> float | None:
    return None if text is None else quantity(_OPTIONS[key], text, dimension)


def quantity(option: str, text: str, dimension: str) -> float:
    """Positive value of an option, in the program's unit; InputError if it is none."""
    try:
        value = bounded(parse(text, dimension), text, dimension)
    except ValueError as error:
        raise InputError(f"{option}: {error}") from None
    if not value > 0.0:
        raise InputError(f"{option}: '{text}' is out of range. Give more than zero.")
    return value


def _read(path: Path, asked: Calibration, columns: Mapping[str, str] | None) -> TrackFile:
    if path.suffix == ".nc" and path.is_file():
        return _of_run(path)
    return read_tracks(path, asked, columns)


def _of_run(path: Path) -> TrackFile:
    from sdf1_field.record import open_run

    with open_run(path, interrupted=True) as run:
        return run_track_file(run)


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
