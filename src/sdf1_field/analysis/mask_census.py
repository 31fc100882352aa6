"""Cells on a segmented picture: a census with the functions of simulated dishes, and encounters."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis.census import ENRICHED, Census, Survey, count_cells
from sdf1_field.analysis.encounter import encounters
from sdf1_field.errors import InputError
from sdf1_field.grid import Grid
from sdf1_field.interop import Mask, Positions
from sdf1_field.scene import Bodies, Region, RegionMap, region_areas
from sdf1_field.simulation import StickyFloor, begin_encounters
from sdf1_field.simulation.encounters import walk_on
from sdf1_field.spec import ModelSpec, load_model
from sdf1_field.statistics import poisson_interval

Array = NDArray[np.float64]

_STRIP = 256
"""Rows of a map that are looked at together."""
_MODEL = "null-kg1a"
"""Shipped model whose cells sense nothing, and do not exclude each other."""
_WALKERS = 4000
"""Cells of the walk of the encounter limit."""
_FINE, _MOST = 2.0, 4096
"""Squares [um] that the walk needs not tell apart, and the most of them along a side."""
_STEPS = 10.0
"""Steps of the walk in a persistence time, at least."""
_FARTHEST = 0.5
"""Of a step, in squares: a longer one could leap over a region."""
_STAGE = 64
"""Steps after which cells on free surface are counted; a power of two."""
_FEW_FREE = 40
"""Cells on free surface up to which their density is a bound: their number is off by a sixth."""


@dataclass(frozen=True, eq=False)
class MeasuredDish:
    """One dish: its segmented picture and its cells.

    Parameters
    ----------
    mask : Mask
    cells : Positions
    by_table : bool
        Whether cells belong to the regions that their table names, not to those under them.
    """

    mask: Mask
    cells: Positions
    by_table: bool = False

    @property
    def under(self) -> NDArray[np.uint8]:
        """`Region` of each cell, shape (cell,).

        Raises
        ------
        InputError
            If the table should name the regions and does not.
        """
        if not self.by_table:
            own: NDArray[np.uint8] = self.mask.regions[
                self.mask.grid.index(self.cells.x, self.cells.y)
            ]
            return own
        if self.cells.region is None:
            raise InputError(
                f"{self.cells.name}: has no column 'region' with free, msc or network for each "
                "cell. Add it, or count by pixel."
            )
        return self.cells.region


def mask_census(dish: MeasuredDish, *, radius: float) -> Census:
    """Count the cells of a dish; those of a radius [um] touch what is within it."""
    surveyed = survey_mask(dish.mask.regions, dish.mask.grid, radius=radius)
    return count_cells(surveyed, dish.cells.x, dish.cells.y, dish.under, time=0.0)


def survey_mask(regions: RegionMap, grid: Grid, *, radius: float) -> Survey:
    """The survey of `census.survey`, without arrays of distances: for masks of 8192 x 8192."""
    touched = np.zeros_like(regions)
    # Distances are to the centres of the region's pixels, half a pixel inside its edge.
    distance = radius + 0.5 * min(grid.dx, grid.dy)
    for region in reversed(ENRICHED):
        _paint_within(touched, regions, region, distance, grid)
    return Survey(
        touched,
        grid,
        region_areas(regions, grid.dx * grid.dy),
        region_areas(touched, grid.dx * grid.dy),
    )


def _paint_within(
    touched: RegionMap, regions: RegionMap, region: int, distance: float, grid: Grid
) -> None:
    """Paint a region over the pixels whose centre is within a distance [um] of one of its own."""
    # Reach along a row, in pixels, of a pixel in a row so many rows away.
    reach: list[int] = []
    while len(reach) * grid.dy <= distance:
        square, pixels = (len(reach) * grid.dy) ** 2, 0
        while math.sqrt(square + ((pixels + 1) * grid.dx) ** 2) <= distance:
            pixels += 1
        reach.append(pixels)
    rows, columns = regions.shape
    column = np.arange(columns, dtype=np.int32)
    far = np.int32(columns + reach[0] + 1)
    beyond = reach[0] + 1
    for begin in range(0, rows, _STRIP):
        end = min(begin + _STRIP, rows)
        first = max(begin - len(reach) + 1, 0)
        own = regions[first : end + len(reach) - 1] == region
        if not own.any():
            continue
        left = np.maximum.accumulate(np.where(own, column, -far), axis=1)
        right = np.minimum.accumulate(np.where(own, column, 2 * far)[:, ::-1], axis=1)[:, ::-1]
        apart = np.minimum(np.minimum(column - left, right - column), beyond)
        apart = apart.astype(np.min_scalar_type(beyond))
        within = np.zeros((end - begin, columns), dtype=np.bool_)
        for away in range(1 - len(reach), len(reach)):
            low, high = max(begin, first - away), min(end, first + len(apart) - away)
            if low < high:
                near = apart[low + away - first : high + away - first] <= reach[abs(away)]
                within[low - begin : high - begin] |= near
        touched[begin:end][within] = region


@dataclass(frozen=True, eq=False)
class MaskEncounters:
    """Where cells of the encounter limit are; arrays in the order of `Region`.

    Parameters
    ----------
    share : ndarray, shape (3,)
        Of all cells.
    areas : ndarray, shape (3,)
        [um**2].
    at_least : bool
        Whether hardly any cell is left on free surface: its share is then the upper end of the 95 %
        interval of its count, and the limit a lower bound.
    """

    share: Array
    areas: Array
    at_least: bool


def mask_encounters(
    mask: Mask, *, speed: float, persistence_time: float, duration: float
) -> MaskEncounters:
    """Where wandering cells would be if regions held them and attracted nothing.

    The walk of `encounter.encounter_counts`, over regions that do not change and with cells that do
    not exclude each other. It tells squares of about 2 um apart, or pixels if they are larger, and
    a step goes over half of one at most. It ends once hardly any cell is free: later there are
    fewer.

    Parameters
    ----------
    mask : Mask
    speed : float
        [um/s].
    persistence_time : float
        Of their persistent random walk [s].
    duration : float
        Since they settled, anywhere [s].
    """
    rows, columns = mask.regions.shape
    merged = max(int(_FINE / mask.pixel_size), math.ceil(max(rows, columns) / _MOST), 1)
    spec = _wandering(mask, merged * mask.pixel_size, speed, persistence_time)
    ny, nx = (max(1, round(count / merged)) for count in (rows, columns))
    regions = mask.regions[
        np.ix_(
            *(
                ((np.arange(n) + 0.5) * size / n).astype(int)
                for n, size in ((ny, rows), (nx, columns))
            )
        )
    ]
    nothing = np.zeros(0)
    bodies = Bodies(*(nothing,) * 6, secretion={}, migrating=np.zeros(0, dtype=np.bool_))
    walk = begin_encounters(spec, StickyFloor(0.0, regions, bodies), seed=1, repeats=1)
    stage, time = _STAGE * spec.cells.time_step, 0.0
    counts = encounters(walk, time)
    while time < duration and counts[Region.FREE_SURFACE] > _FEW_FREE:
        time = min(time + stage, duration)
        walk = walk_on(walk, time)
        counts = encounters(walk, time)
    free = int(counts[Region.FREE_SURFACE])
    if free <= _FEW_FREE:
        counts[Region.FREE_SURFACE] = poisson_interval(free)[1]
    return MaskEncounters(
        counts / spec.cell_count,
        region_areas(regions, walk.grid.dx * walk.grid.dy),
        free <= _FEW_FREE,
    )


def _wandering(mask: Mask, spacing: float, speed: float, persistence_time: float) -> ModelSpec:
    """Model of cells that only wander, in a dish of a mask's size."""
    spec, grid = load_model(_MODEL).spec, mask.grid
    cell = spec.haematopoietic.model_copy(
        update={"speed": speed, "persistence_time": persistence_time}
    )
    alike = spec.variation.dish.model_copy(update={"speed": 0.0})
    return spec.model_copy(
        update={
            "dish": spec.dish.model_copy(
                update={"width": grid.width, "length": grid.length, "shape": "rectangle"}
            ),
            "grid": spec.grid.model_copy(update={"spacing": spacing}),
            "cell_type": {**spec.cell_type, spec.cells.type: cell},
            "cells": spec.cells.model_copy(
                update={
                    "density": _WALKERS / (grid.width * grid.length),
                    "time_step": min(
                        spec.cells.time_step,
                        persistence_time / _STEPS,
                        _FARTHEST * spacing / speed,
                    ),
                }
            ),
            "variation": spec.variation.model_copy(update={"dish": alike, "donor_number": 0}),
        }
    )


def shipped_cell() -> tuple[float, float]:
    """Diameter [um] and persistence time [s] of the program's KG-1a cells."""
    cell = load_model(_MODEL).spec.haematopoietic
    return cell.diameter, cell.persistence_time
