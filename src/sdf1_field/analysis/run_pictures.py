"""A run's floor as pictures: the mask of its regions, its cells on it, and a stack of channels.

Row 0 is at y = 0: a place's pixel is its coordinates over the pixel's size, rounded down.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.runs import (
    SAME_TIME,
    cell_places,
    counted_regions,
    frame_before,
    frame_regions,
    observation_index,
    observation_times,
    run_drawn,
    run_name,
    run_scene,
)
from sdf1_field.analysis.stroma_runs import frame_at
from sdf1_field.analysis.tracks import even_frames
from sdf1_field.errors import InputError
from sdf1_field.grid import Grid
from sdf1_field.interop import Channel, Labels, Mask, Positions, Stack
from sdf1_field.interop.masks import LARGEST_SIDE, make_mask
from sdf1_field.interop.scales import DEFAULT
from sdf1_field.record import model_of
from sdf1_field.scene import OUTSIDE, FloorRegions, Region, pixel_regions
from sdf1_field.simulation import model_grid
from sdf1_field.spec import ModelSpec
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

_SQUARE = 1e-3
"""Relative difference of a square pixel's sides, as in masks that are read."""
_SIZE_DIGITS = 4
"""Of a size of a pixel that is proposed."""
_EVEN = 1e-6
"""Share of the interval by which frames may be off."""


def run_mask(run: xr.Dataset, time: float | None = None, *, pixel: float | None = None) -> Mask:
    """Regions of a run's floor at a time, as `run_censuses` combines them with cells.

    Parameters
    ----------
    run : xarray.Dataset
    time : float, optional
        Of a frame, or of an observation of cells, which has the regions of the last frame before
        it [s]; the last frame if not given.
    pixel : float, optional
        Side of a pixel [um], adjusted slightly to the dish: regions are painted anew from the
        outlines of bodies and networks. If not given, the pixels of the run's drawn scene, else
        of its grid.

    Raises
    ------
    InputError
        If nothing was saved at that time, pixels are not square, or there are too many.
    """
    frame, grid, name = _frame(run, time), pixel_grid(run, pixel), run_name(run)
    if not _square(grid):
        fitting = square_pixel(run)
        remedy = "Give another --pixel-size" + (f", such as '{fitting:g} um'." if fitting else ".")
        if pixel is not None and model_of(run).spec.drawn:
            remedy = "Omit --pixel-size: the run has pixels of its own."
        raise InputError(
            f"{name}: a pixel would be {grid.dx:g} um wide and {grid.dy:g} um high, and those of "
            f"masks are square. {remedy}"
        )
    if pixel is None:
        regions, _ = counted_regions(run, frame)
    else:
        margin = model_of(run).spec.scene.network_outline_margin
        regions = FloorRegions(run_scene(run, frame), grid, margin).regions
    within = np.where(regions == OUTSIDE, Region.FREE_SURFACE, regions).astype(np.uint8)
    labels = Labels(tuple((own, int(own), int(own)) for own in Region if (within == own).any()))
    return replace(make_mask(name, within, labels, grid.dx), regions=regions)


def pixel_grid(run: xr.Dataset, pixel: float | None = None) -> Grid:
    """Grid of the pixels of a run's pictures: as `run_mask` has them."""
    grid, name = model_grid(model_of(run).spec), run_name(run)
    if pixel is None:
        drawn = run_drawn(run)
        return grid if drawn is None else pixel_regions(drawn, grid)[1]
    columns, rows = _pixels_of(grid, pixel)
    if max(columns, rows) > LARGEST_SIDE:
        raise InputError(
            f"{name}: would be {columns} x {rows} pixels of {pixel:g} um; masks have up to "
            f"{LARGEST_SIDE} a side. Raise --pixel-size."
        )
    return Grid(grid.width, grid.length, columns, rows, grid.z_edges, grid.round)


def square_pixel(run: xr.Dataset) -> float | None:
    """Largest size of a pixel [um] that `run_mask` paints as a square, if its usual one is none.

    None if the usual one is, or none is found.
    """
    grid = pixel_grid(run)
    if _square(grid):
        return None
    for columns in range(grid.nx, LARGEST_SIDE + 1):
        size = float(f"{grid.width / columns:.{_SIZE_DIGITS}g}")
        nx, ny = _pixels_of(grid, size)
        if size != DEFAULT and ny <= LARGEST_SIDE and _square(replace(grid, nx=nx, ny=ny)):
            return size
    return None


def _pixels_of(grid: Grid, pixel: float) -> tuple[int, int]:
    """Columns and rows of pixels of about a size [um]."""
    return max(1, round(grid.width / pixel)), max(1, round(grid.length / pixel))


def _square(grid: Grid) -> bool:
    return abs(grid.dx - grid.dy) <= _SQUARE * grid.dx


def _frame(run: xr.Dataset, time: float | None) -> int:
    """Frame of a time, or the last one before it if cells were observed then."""
    if time is not None and "cell_time" in run:
        observed = np.abs(observation_times(run) - time) <= SAME_TIME
        if observed.any():
            return frame_before(run, time)
    return frame_at(run, time)


def run_positions(run: xr.Dataset, time: float) -> Positions:
    """Cells of a run at a time [s], each in the region that the run counted it to.

    Raises
    ------
    InputError
        If the run has no cells at that time.
    """
    n = observation_index(run, time)
    x, y = cell_places(run)
    region = run["cell_region"].values[:, n].astype(np.uint8)
    return Positions(run_name(run), "run of sdf1-field", x[:, n], y[:, n], region)


def run_stack(run: xr.Dataset, times: Sequence[float] | None = None) -> tuple[Stack, str]:
    """Fields, regions and cells of a run's frames.

    Channels are each ligand in the lowest layer of the medium [nM], what of it is bound to the coat
    [molecules/um**2], the regions (values of `Region`, 255 outside of a round well), and the
    cells as discs of their size: a disc has its cell's trajectory plus 1, the floor between 0.

    Parameters
    ----------
    run : xarray.Dataset
    times : sequence of float, optional
        Of frames [s], evenly spaced; all evenly spaced ones of the run if not given.

    Returns
    -------
    Stack
    str
        What is not as one might expect, for a warning; empty if there is nothing.

    Raises
    ------
    InputError
        If nothing was saved at one of the times, or they are not evenly spaced.
    """
    spec, grid, saved = model_of(run).spec, model_grid(model_of(run).spec), run["time"].values
    if times is None:
        frames = list(range(even_frames(saved) if len(saved) > 1 else 1))
    else:
        frames = sorted({frame_at(run, time) for time in times})
    own, notes = saved[frames], []
    steps = np.diff(own)
    if len(steps) and np.abs(steps - steps[0]).max() > _EVEN * steps[0]:
        raise InputError(
            f"{run_name(run)}: frames at {', '.join(map(duration_text, own))} are not evenly "
            "spaced, and other programs know one interval only. Choose others with --at."
        )
    if times is None and len(frames) < len(saved):
        notes.append(
            f"the frame at {duration_text(float(saved[-1]))} is left out, since it comes early and "
            "other programs know one frame interval only"
        )
    channels = [
        channel for ligand in spec.solved_ligands for channel in _fields(run, spec, ligand, frames)
    ]
    channels.append(
        Channel("regions", lambda n: frame_regions(run, frames[n]).astype(np.float32), max(Region))
    )
    if "cell_time" in run:
        observed, missed = _observations(run, own)
        if missed:
            notes.append(
                f"no cells were saved at {missed} of {len(own)} frames' times, whose channel of "
                "cells is empty"
            )
        channels.append(
            Channel("cells", partial(_cells, run, spec, grid, observed), run.sizes["trajectory"])
        )
    stack = Stack(
        f"{spec.title}, {spec.treatment_label}, seed {int(run.attrs['seed'])}", tuple(channels),
        (grid.ny, grid.nx), (grid.dx, grid.dy),
        tuple(own.tolist()), tuple(map(duration_text, own.tolist())),
    )  # fmt: skip
    return stack, "; ".join(notes)


def _fields(run: xr.Dataset, spec: ModelSpec, ligand: str, frames: Sequence[int]) -> list[Channel]:
    label = spec.ligand[ligand].label

    def channel(variable: str, name: str) -> Channel:
        top = float(np.nanmax(run[variable][frames[-1]].values))
        return Channel(name, lambda n: run[variable][frames[n]].values, top)

    return [
        channel(ligand, f"{label} (nM)"),
        channel(f"{ligand}_bound", f"{label} bound (molecules/um2)"),
    ]


def _observations(run: xr.Dataset, times: Array) -> tuple[list[int | None], int]:
    """Observation of cells at each time, None where there is none; and at how many it is missed."""
    observed = observation_times(run)
    found: list[int | None] = []
    for time in times:
        nearest = int(np.argmin(np.abs(observed - time)))
        found.append(nearest if abs(observed[nearest] - time) <= SAME_TIME else None)
    # No cells are there before 0 h.
    missed = sum(n is None and time >= 0.0 for n, time in zip(found, times, strict=True))
    return found, missed


def _cells(
    run: xr.Dataset, spec: ModelSpec, grid: Grid, observed: Sequence[int | None], frame: int
) -> NDArray[np.float32]:
    """Cells as discs of their numbers; the disc of the nearer cell is on top."""
    picture = np.zeros((grid.ny, grid.nx), dtype=np.float32)
    n = observed[frame]
    if n is None:
        return picture
    x, y = (run[f"cell_{axis}"][:, n].values for axis in "xy")
    radius = 0.5 * spec.haematopoietic.diameter
    number = run["trajectory"].values + 1
    reach_x, reach_y = (int(radius / size) + 1 for size in (grid.dx, grid.dy))
    row, column = grid.index(x, y)
    down, across = np.mgrid[-reach_y : reach_y + 1, -reach_x : reach_x + 1].reshape(2, -1)
    rows, columns = row[:, None] + down, column[:, None] + across
    apart = np.hypot((columns + 0.5) * grid.dx - x[:, None], (rows + 0.5) * grid.dy - y[:, None])
    # A cell smaller than a pixel is the pixel under its centre.
    shown = (apart <= radius) | ((down == 0) & (across == 0))
    shown &= (rows >= 0) & (rows < grid.ny) & (columns >= 0) & (columns < grid.nx)
    order = np.argsort(-apart[shown])
    numbers = np.broadcast_to(number[:, None], shown.shape)[shown]
    picture[rows[shown][order], columns[shown][order]] = numbers[order]
    return picture
