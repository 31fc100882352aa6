"""Tracks of a run as those of a file of another program."""

import numpy as np
import xarray as xr

from sdf1_field.analysis import cell_places, observation_times
from sdf1_field.analysis.runs import run_name
from sdf1_field.analysis.tracks import even_frames
from sdf1_field.errors import InputError
from sdf1_field.interop import TrackFile, make_track_file
from sdf1_field.interop.scales import Scale
from sdf1_field.record import model_of

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
