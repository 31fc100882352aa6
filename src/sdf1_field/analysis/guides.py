"""Directions that cells may follow on a floor: to the nearest pixel of a region, up a gradient."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from sdf1_field.analysis.runs import SAME_TIME, run_name
from sdf1_field.errors import InputError
from sdf1_field.grid import Grid
from sdf1_field.interop import Mask
from sdf1_field.record import model_of
from sdf1_field.scene import REGION_LABELS, Region
from sdf1_field.simulation import model_grid
from sdf1_field.spec import ModelSpec
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

_RESOLUTION = 8.0 * float(np.finfo(np.float32).eps)
"""Relative difference of saved concentrations that is no more than their rounding."""


@dataclass(frozen=True, eq=False)
class Guide:
    """A direction at every place of a floor.

    Parameters
    ----------
    name, source : str
        Where it leads, such as ``MSC``, and the file that it is from.
    width, length : float
        Of the floor [um].
    span : tuple of float
        First and last time at which there is a direction [s].
    ways : callable
        From places in x and y [um] and times [s], each of shape (place,), to the components of
        unit vectors; NaN where there is no direction.
    without : str
        Where there is none, in words.
    approached : bool
        Whether it leads to a region, in which there is no direction.
    """

    name: str
    source: str
    width: float
    length: float
    span: tuple[float, float]
    ways: Callable[[Array, Array, Array], tuple[Array, Array]]
    without: str
    approached: bool


def region_guides(mask: Mask) -> list[Guide]:
    """From everywhere outside of each region of a mask to the centre of its nearest pixel."""
    return [_to_region(mask, region) for region in mask.instances if region != Region.FREE_SURFACE]


def _to_region(mask: Mask, region: Region) -> Guide:
    grid = mask.grid
    row, column = distance_transform_edt(
        mask.regions != region, return_distances=False, return_indices=True
    )

    def ways(x: Array, y: Array, _: Array) -> tuple[Array, Array]:
        at = grid.index(x, y)
        way_x, way_y = grid.x[column[at]] - x, grid.y[row[at]] - y
        outside = mask.regions[at] != region
        distance = np.where(outside, np.hypot(way_x, way_y), np.nan)
        return way_x / distance, way_y / distance

    label = REGION_LABELS[region]
    return Guide(
        label, mask.name, grid.width, grid.length, (-np.inf, np.inf), ways, f"in {label}", True
    )


def gradient_guide(run: xr.Dataset, ligand: str | None = None) -> Guide:
    """Up the gradient of a ligand on the floor of a run.

    The ligand of CXCR4 counts as cells of the model sense it: dissolved and bound to the coat,
    each if the model's mechanisms let cells follow it, and both if they follow neither. Of other
    ligands the dissolved one counts. The gradient is by central differences on the grid, linear
    between its cells and between saved frames: fields of migrasomes that are smaller than a cell of
    the grid are not resolved.

    Parameters
    ----------
    run : xarray.Dataset
    ligand : str, optional
        That of CXCR4 if not given.

    Raises
    ------
    InputError
        If the run has no such field, saved it once only, or has it without any gradient.
    """
    spec, name = model_of(run).spec, run_name(run)
    solved = spec.solved_ligands
    chosen = spec.receptor.cxcr4.ligand if ligand is None else ligand
    if chosen not in solved:
        held = f"it holds {', '.join(solved)}" if solved else "it holds none"
        raise InputError(
            f"{name}: holds no field of {chosen}; {held}. Choose one with --ligand, or solve the "
            f"model with output.ligands=['{chosen}']."
        )
    times = run["time"].values.astype(float)
    steady = spec.run.mode == "steady"
    if len(times) < 2 and not steady:
        raise InputError(
            f"{name}: the field was saved once, and tracks last. Save more frames with "
            "output.fields_every and output.fields_from."
        )
    label = spec.ligand[chosen].label
    slope_x, slope_y = _slopes(run, spec, chosen)
    if not (np.any(slope_x) or np.any(slope_y)):
        raise InputError(f"{name}: {label} has no gradient anywhere. Give a run that has one.")
    grid = model_grid(spec)

    def ways(x: Array, y: Array, time: Array) -> tuple[Array, Array]:
        frame = np.interp(time, times, np.arange(len(times))) if len(times) > 1 else 0.0 * time
        at = np.array([frame, y / grid.dy - 0.5, x / grid.dx - 0.5])
        rise_x, rise_y = (
            map_coordinates(slope, at, order=1, mode="nearest") for slope in (slope_x, slope_y)
        )
        steep = np.hypot(rise_x, rise_y)
        steep = np.where((steep > 0.0) & grid.inside[grid.index(x, y)], steep, np.nan)
        return rise_x / steep, rise_y / steep

    ends = (float(times[0]) - SAME_TIME, float(times[-1]) + SAME_TIME)
    span = (-np.inf, np.inf) if steady else ends
    return Guide(
        f"higher {label}", name, grid.width, grid.length, span, ways, "without a gradient",
        False,
    )  # fmt: skip


def _slopes(run: xr.Dataset, spec: ModelSpec, ligand: str) -> tuple[Array, Array]:
    """Gradient along x and y in each saved frame [nM/um], shape (time, ny, nx); 0 for rounding."""
    grid = model_grid(spec)
    seen = _sensed(run, spec, ligand)
    return (
        _slope(seen, 2, grid.dx, grid),
        _slope(seen, 1, grid.dy, grid),
    )


def _slope(seen: Array, axis: int, spacing: float, grid: Grid) -> Array:
    """Central differences, the floor mirrored at its walls."""
    width = [(0, 0)] * 3
    width[axis] = (1, 1)
    padded = np.pad(np.where(grid.inside, seen, np.nan), width, mode="symmetric")
    after, before = (np.take(padded, range(n, n + seen.shape[axis]), axis) for n in (2, 0))
    # A round well's wall is between cells: beyond it the value is that of the cell itself.
    after, before = (np.where(np.isfinite(side), side, seen) for side in (after, before))
    rise, level = after - before, _RESOLUTION * np.maximum(np.abs(after), np.abs(before))
    return np.where(grid.inside & (np.abs(rise) > level), rise, 0.0) / (2.0 * spacing)


def _sensed(run: xr.Dataset, spec: ModelSpec, ligand: str) -> Array:
    """Concentration that cells can follow in each saved frame [nM], shape (time, ny, nx)."""
    dissolved: Array = run[ligand].values.astype(float)
    cxcr4, on = spec.receptor.cxcr4, spec.mechanisms
    if ligand != cxcr4.ligand or f"{ligand}_bound" not in run:
        return dissolved
    both = not (on.soluble_sensing or on.haptotaxis)
    attached = run[f"{ligand}_bound"].values * (cxcr4.coat_share / MOLECULES_PER_UM3_PER_NM)
    seen = np.zeros_like(dissolved)
    if on.soluble_sensing or both:
        seen += dissolved
    if on.haptotaxis or both:
        seen += attached
    return seen
