"""Cells counted per region: densities and fold changes.

Fold change = (cells per area of a region) / (cells per area of free surface), counted in one dish;
a cell belongs to the region under its centre (Deniz et al. 2023, Methods).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sdf1_field.errors import InputError
from sdf1_field.grid import Grid
from sdf1_field.scene import Region, RegionMap, region_areas
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

ENRICHED = (Region.MSC, Region.MIGRASOME_NETWORK)


@dataclass(frozen=True, eq=False)
class Survey:
    """Regions touched by cells of one size; areas in the order of `Region`.

    Parameters
    ----------
    touched : ndarray of uint8, shape (ny, nx)
        Region that a cell centred there touches: MSC before network before free surface.
    grid : Grid
    areas : ndarray, shape (3,)
        [um**2].
    touching_areas : ndarray, shape (3,)
        Where a centre must be to touch [um**2].
    """

    touched: RegionMap
    grid: Grid
    areas: Array
    touching_areas: Array


def survey(regions: RegionMap, grid: Grid, *, radius: float) -> Survey:
    """Areas of the regions, and the regions that cells of a radius [um] touch."""
    touched = np.zeros_like(regions)
    for region in reversed(ENRICHED):
        if (regions == region).any():
            apart = ndimage.distance_transform_edt(regions != region, sampling=(grid.dy, grid.dx))
            # Distances are to the centres of the region's cells, half a cell inside its edge.
            touched[apart - 0.5 * min(grid.dx, grid.dy) <= radius] = region
    return Survey(
        touched,
        grid,
        region_areas(regions, grid.dx * grid.dy),
        region_areas(touched, grid.dx * grid.dy),
    )


@dataclass(frozen=True, eq=False)
class Census:
    """Cells per region of one dish at one time; arrays in the order of `Region`.

    Parameters
    ----------
    time : float
        [s].
    areas : ndarray, shape (3,)
        [um**2].
    counts : ndarray, shape (3,)
        Cells whose centre is over the region.
    touching : ndarray, shape (3,)
        Cells whose edge reaches the region: MSC before network before free surface.
    touching_areas : ndarray, shape (3,)
        Where a centre must be for that [um**2].
    """

    time: float
    areas: Array
    counts: Array
    touching: Array
    touching_areas: Array


def count_cells(
    surveyed: Survey, x: Array, y: Array, under: NDArray[np.integer], *, time: float
) -> Census:
    """Count the cells of one dish.

    Parameters
    ----------
    surveyed : Survey
    x, y : ndarray, shape (cell,)
        Centres [um].
    under : ndarray of int, shape (cell,)
        `Region` under each centre, as the run decided it by outlines.
    time : float
        [s].

    Raises
    ------
    InputError
        If a cell is nowhere: it must not count as one over free surface.
    """
    lost = np.count_nonzero(~(np.isfinite(x) & np.isfinite(y)))
    if lost:
        raise InputError(
            f"{duration_text(time)}: {lost} of {len(x)} cells have no place. Solve the model again."
        )
    place = surveyed.grid.index(x, y)
    return Census(
        time=time,
        areas=surveyed.areas,
        counts=np.bincount(under, minlength=len(Region)).astype(float),
        touching=np.bincount(surveyed.touched[place], minlength=len(Region)).astype(float),
        touching_areas=surveyed.touching_areas,
    )


def take_census(
    regions: RegionMap,
    grid: Grid,
    x: Array,
    y: Array,
    under: NDArray[np.integer],
    *,
    radius: float,
    time: float,
) -> Census:
    """Count the cells of one dish on a region map not yet surveyed.

    Parameters
    ----------
    regions : ndarray of uint8, shape (ny, nx)
    grid : Grid
    x, y, under : ndarray, shape (cell,)
        As of `count_cells`.
    radius : float
        Of the cells [um].
    time : float
        [s].
    """
    return count_cells(survey(regions, grid, radius=radius), x, y, under, time=time)


def density_fold_change(counts: Array, areas: Array) -> Array:
    """Density on MSC and on the network relative to free surface.

    Parameters
    ----------
    counts, areas : ndarray, shape (..., 3)
        Cells, and areas in any one unit, in the order of `Region`.

    Returns
    -------
    ndarray, shape (..., 2)
        NaN where a region is missing or no cell is on free surface.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        density = np.asarray(counts, dtype=float) / np.asarray(areas, dtype=float)
        change = density[..., 1:] / density[..., :1]
    result: Array = np.where(np.isfinite(change), change, np.nan)
    return result
