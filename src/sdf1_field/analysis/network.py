"""Counts of MSC, retraction fibres and migrasomes in one dish at one time, as in microscopy.

`count_network` counts a scene in memory; `stroma_runs` counts one of a run file, and
`network_summary` pools the counts of several dishes.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis.space import DrawnOutlines, Outlines, nearest_edge
from sdf1_field.grid import Grid, clamped_indices
from sdf1_field.scene import (
    NO_BODY,
    Fate,
    Origin,
    RegionMap,
    Scene,
    region_areas,
)
from sdf1_field.units import MM2_PER_UM2

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

FIELDS_ACROSS = 3
"""Equal fields that the view is cut into, in x and in y, to test detached migrasomes over."""
AGE_EDGES = 60.0 * np.array([0.0, 30.0, 60.0, 120.0, 240.0, math.inf])
"""Bins of a migrasome's age [s]."""
BODY_DISTANCE_EDGES = np.array([0.0, 10.0, 20.0, 40.0, 80.0, math.inf])
"""Bins of an attached migrasome's distance from the edge of its body [um]."""


@dataclass(frozen=True, eq=False)
class NetworkCount:
    """MSC, their fibres and migrasomes in one dish at one time.

    Parameters
    ----------
    time : float
        [s].
    fibres, retracted : ndarray of int, shape (body,)
        Fibres of each MSC, and those of them that a retraction left.
    migrasomes : ndarray of int, shape (body,)
        Attached ones on the fibres of each MSC.
    areas : ndarray, shape (3,)
        Of the regions in the view [um**2], in the order of `Region`.
    field_areas, field_detached : ndarray, shape (field,)
        Area [um**2] and number of detached migrasomes of each field.
    diameter, age, distance : ndarray, shape (migrasome,)
        Of the migrasomes that are there [um], [s], [um]; the distance from the edge of its own
        body, 0 under it, NaN for a detached one.
    nucleated : int
        Migrasomes so far.
    fates : ndarray of int, shape (4,)
        Of those that are gone by then, in the order of `Fate`.
    """

    time: float
    fibres: NDArray[np.intp]
    retracted: NDArray[np.intp]
    migrasomes: NDArray[np.intp]
    areas: Array
    field_areas: Array
    field_detached: NDArray[np.intp]
    diameter: Array
    age: Array
    distance: Array
    nucleated: int
    fates: NDArray[np.intp]

    @property
    def msc(self) -> int:
        """MSC in the view."""
        return len(self.fibres)

    @property
    def with_fibres(self) -> int:
        """MSC with retraction fibres."""
        return int(np.count_nonzero(self.fibres))

    @property
    def with_migrasomes(self) -> int:
        """MSC with attached migrasomes."""
        return int(np.count_nonzero(self.migrasomes))

    @property
    def with_both(self) -> int:
        """MSC with retraction fibres and attached migrasomes."""
        return int(np.count_nonzero((self.fibres > 0) & (self.migrasomes > 0)))

    @property
    def by_retraction(self) -> int:
        """MSC with more than half of their fibres left by a retraction."""
        return int(np.count_nonzero(2 * self.retracted > self.fibres))

    @property
    def attached(self) -> int:
        """Migrasomes on fibres."""
        return int(self.migrasomes.sum())

    @property
    def detached(self) -> int:
        """Cell-free migrasomes."""
        return int(self.field_detached.sum())

    @cached_property
    def area(self) -> float:
        """Area of the view [mm**2]."""
        return float(self.areas.sum()) * MM2_PER_UM2

    @cached_property
    def detached_per_mm2(self) -> Array:
        """Density of detached migrasomes in each field of some area [1/mm**2], shape (field,)."""
        some = self.field_areas > 0.0
        density: Array = self.field_detached[some] / (self.field_areas[some] * MM2_PER_UM2)
        return density

    @cached_property
    def per_cell(self) -> NDArray[np.intp]:
        """Migrasomes of each MSC that has some."""
        return self.migrasomes[self.migrasomes > 0]


def count_network(
    scene: Scene, regions: RegionMap, grid: Grid, *, time: float, fields_across: int = FIELDS_ACROSS
) -> NetworkCount:
    """Count the MSC, fibres and migrasomes of a scene.

    Parameters
    ----------
    scene : Scene
    regions : ndarray of uint8, shape (ny, nx)
        Its region map.
    grid : Grid
    time : float
        When [s].
    fields_across : int
        Into how many equal fields the view is cut in x and in y.
    """
    count, fibres, m = len(scene.bodies.x), scene.fibres, scene.migrasomes
    owned = fibres.body != NO_BODY
    attached = m.present & (m.body != NO_BODY)
    detached = m.present & ~attached
    field_areas, field_detached = _fields(grid, m.x[detached], m.y[detached], fields_across)
    return NetworkCount(
        time=time,
        fibres=np.bincount(fibres.body[owned], minlength=count),
        retracted=np.bincount(
            fibres.body[owned & (fibres.origin == Origin.RETRACTION)], minlength=count
        ),
        migrasomes=np.bincount(m.body[attached], minlength=count),
        areas=region_areas(regions, grid.dx * grid.dy),
        field_areas=field_areas,
        field_detached=field_detached,
        diameter=2.0 * m.radius[m.present],
        age=time - m.birth[m.present],
        distance=distance_from_body(scene, attached)[m.present],
        nucleated=int(np.count_nonzero(m.birth <= time)),
        fates=np.bincount(m.fate[m.end <= time], minlength=len(Fate)),
    )


def _fields(grid: Grid, x: Array, y: Array, across: int) -> tuple[Array, NDArray[np.intp]]:
    """Area within the walls [um**2] of each field of the view, and how many places are in it."""

    def number(place_x: Array, place_y: Array) -> NDArray[np.intp]:
        column = clamped_indices(place_x * across / grid.width, across)
        row = clamped_indices(place_y * across / grid.length, across)
        return row * across + column

    areas = np.full(across**2, grid.width * grid.length / across**2)
    if grid.round:
        of_cell = number(*np.broadcast_arrays(grid.x[None, :], grid.y[:, None]))
        inside = np.bincount(of_cell[grid.inside], minlength=across**2)
        areas = areas * inside / np.bincount(of_cell.ravel(), minlength=across**2)
    return areas, np.bincount(number(x, y), minlength=across**2)


def distance_from_body(scene: Scene, attached: Flags) -> Array:
    """Distance of attached migrasomes from the edge of their body [um]; NaN for all others."""
    bodies, m = scene.bodies, scene.migrasomes
    distance = np.full(len(m.x), np.nan)
    numbers = np.flatnonzero(attached)
    if scene.drawn is not None:
        # The body of a migrasome is the nearest one.
        near = nearest_edge(DrawnOutlines(scene.drawn), m.x[numbers], m.y[numbers])
        distance[numbers] = np.maximum(near.distance, 0.0)
        return distance
    numbers = numbers[np.argsort(m.body[numbers], kind="stable")]
    owners, first = np.unique(m.body[numbers], return_index=True)
    for n, own in zip(owners, np.split(numbers, first[1:]), strict=False):
        one = slice(n, n + 1)
        outline = Outlines(
            bodies.x[one],
            bodies.y[one],
            bodies.semi_major[one],
            bodies.semi_minor[one],
            bodies.angle[one],
        )
        distance[own] = np.maximum(nearest_edge(outline, m.x[own], m.y[own]).distance, 0.0)
    return distance
