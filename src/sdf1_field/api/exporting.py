"""Tracks of a run as those of a file of another program, and their writing."""

import warnings
from pathlib import Path

import numpy as np
import xarray as xr

from sdf1_field.analysis import cell_places, observation_times
from sdf1_field.analysis.runs import run_name
from sdf1_field.analysis.tracks import even_frames
from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.interop import SUFFIXES, TrackFile, make_track_file, write_tracks
from sdf1_field.interop.scales import Scale
from sdf1_field.record import model_of, open_run
from sdf1_field.units import duration_text

RUN = "run of sdf1-field"
"""Format of tracks from a run file."""


def run_track_file(run: xr.Dataset) -> TrackFile:
    """Tracks of a run's cells over its evenly spaced frames; the first of these is frame 0.

    The pixel is the grid's spacing, as of the run's maps.

    Raises
    ------
    InputError
        If the run has no cells, or only one frame of them.
    """
    spec = model_of(run).spec
    times = observation_times(run)
    x, y = cell_places(run)
    if len(times) < 2:
        raise InputError(
            f"{run_name(run)}: shows its cells only once, so it has no tracks. Set "
            "output.tracks_every below the tracked time."
        )
    frames = even_frames(times)
    cells = len(x)
    count = cells * frames
    interval = float(f"{(times[frames - 1] - times[0]) / (frames - 1):.12g}")
    return make_track_file(
        run_name(run), RUN, Scale(1.0, interval, spec.grid.spacing, ()),
        spot=np.arange(count, dtype=np.int64),
        frame=np.repeat(np.arange(frames, dtype=np.int64), cells),
        x=x[:, :frames].T.ravel().astype(float), y=y[:, :frames].T.ravel().astype(float),
        track=np.tile(np.asarray(run["trajectory"].values, dtype=np.int64), frames),
        radius=np.full(count, 0.5 * spec.haematopoietic.diameter),
    )  # fmt: skip


def export_tracks(
    run: str | Path, to: str, path: str | Path | None = None, *, force: bool = False
) -> Path:
    """Write the tracks of a run file for another program.

    Parameters
    ----------
    run : str or pathlib.Path
    to : str
        ``"trackmate-xml"``, ``"trackmate-csv"``, ``"geff"`` or ``"csv"``.
    path : str or pathlib.Path, optional
        File to write; the run's name with the format's usual end if not given.
    force : bool
        Replace an existing file.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the run has no tracks, or the file exists or cannot be written.

    Warns
    -----
    Sdf1FieldWarning
        If a last frame that comes early is left out.
    """
    if to not in SUFFIXES:
        raise InputError(f"to: unknown format '{to}'. Choose one of {', '.join(SUFFIXES)}.")
    target = Path(run).with_suffix(SUFFIXES[to]) if path is None else Path(path)
    with open_run(run, interrupted=True) as opened:
        file, times = run_track_file(opened), observation_times(opened)
    left = len(times) - 1 - int(file.frame.max())
    if left:
        warnings.warn(
            f"{run}: the frame at {duration_text(float(times[-1]))} is left out, since it comes "
            "early and other programs know one frame interval only.",
            Sdf1FieldWarning,
            stacklevel=2,
        )
    write_tracks(file, target, to, force=force)
    return target
