"""Tracks and pictures of a run for other programs, and their writing."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdf1_field.analysis import cell_places, observation_index, observation_times
from sdf1_field.analysis.run_pictures import pixel_grid, run_mask, run_stack
from sdf1_field.analysis.runs import run_name
from sdf1_field.analysis.tracks import even_frames
from sdf1_field.errors import InputError, Sdf1FieldWarning, refuse_inputs
from sdf1_field.interop import (
    PICTURES,
    SUFFIXES,
    TrackFile,
    make_track_file,
    write_mask,
    write_stack,
    write_tracks,
)
from sdf1_field.interop.scales import DEFAULT, Scale
from sdf1_field.record import model_of, open_run
from sdf1_field.simulation import model_grid
from sdf1_field.units import duration_text

if TYPE_CHECKING:
    from sdf1_field.grid import Grid

RUN = "run of sdf1-field"
"""Format of tracks from a run file."""
_FROM_CENTRE = ("trackmate-xml", "trackmate-csv")
"""Formats whose place 0 is the centre of a picture's first pixel; in others it is its corner."""


def run_track_file(run: xr.Dataset) -> TrackFile:
    """Tracks of a run's cells over its evenly spaced frames; the first of these is frame 0.

    Places are the run's, from the dish's corner; the pixel is the grid's cell, as of the run's
    maps, and the region of each spot that under which the run counted it.

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
    file = make_track_file(
        run_name(run), RUN, Scale(1.0, interval, model_grid(spec).dx, ()),
        spot=np.arange(count, dtype=np.int64),
        frame=np.repeat(np.arange(frames, dtype=np.int64), cells),
        x=x[:, :frames].T.ravel().astype(float), y=y[:, :frames].T.ravel().astype(float),
        track=np.tile(np.asarray(run["trajectory"].values, dtype=np.int64), frames),
        radius=np.full(count, 0.5 * spec.haematopoietic.diameter),
        region=run["cell_region"].values[:, :frames].T.ravel().astype(np.uint8),
    )  # fmt: skip
    return replace(file, extent=(spec.dish.width, spec.dish.length))


def _at(run: xr.Dataset, file: TrackFile, time: float) -> TrackFile:
    """Tracks at one time [s] only, in the frame that it has among all."""
    frame = observation_index(run, time)
    shown = file.frame == frame
    if not shown.any():
        raise InputError(
            f"{run_name(run)}: the cells at {duration_text(time)} come early after the frame "
            "before, and other programs know one frame interval only. Choose another time."
        )
    assert file.region is not None
    return replace(
        file, spot=file.spot[shown], track=file.track[shown], frame=file.frame[shown],
        x=file.x[shown], y=file.y[shown], radius=file.radius[shown],
        links=np.empty((0, 2), dtype=np.int64), region=file.region[shown],
    )  # fmt: skip


def _from_centre(file: TrackFile, grid: "Grid") -> TrackFile:
    """Tracks with places from the centre of the first pixel of a picture, not from its corner."""
    x, y = file.x - 0.5 * grid.dx, file.y - 0.5 * grid.dy
    return replace(file, x=x, y=y, pixel_size=grid.dx)


def export(
    run: str | Path,
    to: str,
    path: str | Path | None = None,
    *,
    at: "str | float | Sequence[str | float] | None" = None,
    pixel_size: str | None = None,
    force: bool = False,
) -> Path:
    """Write a run's tracks, regions or fields for another program, as `sdf1-field export`.

    Parameters
    ----------
    run : str or pathlib.Path
    to : str
        Tracks as ``"trackmate-xml"``, ``"trackmate-csv"``, ``"geff"`` or ``"csv"``; regions at a
        time as ``"mask"``; fields, regions and cells as ``"imagej"`` or ``"ome-tiff"``.
    path : str or pathlib.Path, optional
        File to write; the run's name with the format's usual end if not given.
    at : str, float or sequence of these, optional
        Which time, such as ``"4 h"`` or seconds: for tracks and ``"mask"`` one, for stacks also
        several. If not given, all evenly spaced frames; for ``"mask"`` the last.
    pixel_size : str, optional
        Of a mask, such as ``"0.65 um"``: regions are painted anew from outlines. Of the mask with
        which TrackMate's files go together, since these measure from the centre of a pixel. That
        of a drawn scene, else of the grid, if not given.
    force : bool
        Replace an existing file.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the run holds nothing of the kind at that time, an option has no effect, or the file
        exists or cannot be written.

    Warns
    -----
    Sdf1FieldWarning
        If a last frame that comes early is left out, or frames have no cells.
    """
    from sdf1_field.api.options import quantity_or_none
    from sdf1_field.api.runs import times_of

    if to not in (*SUFFIXES, *PICTURES):
        known = ", ".join((*SUFFIXES, *PICTURES))
        raise InputError(f"to: unknown format '{to}'. Choose one of {known}.")
    if pixel_size is not None and to not in ("mask", *_FROM_CENTRE):
        raise InputError(
            f"--pixel-size: is for masks and TrackMate's files; {to} has the grid's or none. Omit "
            "it."
        )
    pixel = quantity_or_none("--pixel-size", pixel_size, "length")
    times = times_of(at)
    if times is not None and len(times) > 1 and to not in ("imagej", "ome-tiff"):
        raise InputError(f"--at: {to} has one time. Give one.")
    target = Path(path) if path is not None else _named(Path(run), to)
    refuse_inputs(target, Path(run))
    with open_run(run, interrupted=True) as opened:
        if to in ("mask", *_FROM_CENTRE) and pixel_grid(opened, pixel).dx == DEFAULT:
            raise InputError(
                f"{run}: a pixel of exactly {DEFAULT:g} um is ImageJ's sign of a picture without "
                "a scale. Give --pixel-size, such as '0.9 um'."
            )
        if to == "mask":
            mask = run_mask(opened, times[0] if times else None, pixel=pixel)
            write_mask(mask, target, force=force)
        elif to in PICTURES:
            stack, note = run_stack(opened, times)
            _warn(f"{run}: {note}." if note else "")
            write_stack(stack, target, to, force=force)
        else:
            file = _tracks_at(opened, times[0] if times else None)
            if to in _FROM_CENTRE:
                file = _from_centre(file, pixel_grid(opened, pixel))
            write_tracks(file, target, to, force=force)
    return target


def _named(run: Path, to: str) -> Path:
    return run.with_name(run.stem + {**SUFFIXES, **PICTURES}[to])


def _warn(text: str) -> None:
    if text:
        warnings.warn(text, Sdf1FieldWarning, stacklevel=3)


def _tracks_at(run: xr.Dataset, time: float | None) -> TrackFile:
    """Tracks at one time [s], or at all of which other programs know."""
    file, times = run_track_file(run), observation_times(run)
    if time is not None:
        return _at(run, file, time)
    if len(times) - 1 > file.frame.max():
        _warn(
            f"{run_name(run)}: the frame at {duration_text(float(times[-1]))} is left out, since "
            "it comes early and other programs know one frame interval only."
        )
    return file
