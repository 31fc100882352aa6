"""What an experimenter counts of MSC and their migrasome networks at one time.

`count_network` counts a scene, in memory or, with `run_scene`, of a run file; `measures` pools the
counts of several dishes and `compare_networks` tests them against others.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis.hypothesis import chi_squared_yates_test, mann_whitney_u_test
from sdf1_field.analysis.runs import SAME_TIME, require_variables, run_bodies, run_name
from sdf1_field.analysis.space import Outlines, nearest_edge
from sdf1_field.errors import InputError
from sdf1_field.grid import Grid, clamped_indices
from sdf1_field.record import ABSENT, model_of
from sdf1_field.scene import (
    NO_BODY,
    OUTSIDE,
    Fate,
    Fibres,
    Migrasomes,
    Origin,
    Region,
    RegionMap,
    Scene,
    region_areas,
)
from sdf1_field.simulation import model_grid
from sdf1_field.units import MM2_PER_UM2, duration_text

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
        """MSC of whose fibres more than half were left by a retraction."""
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
    def per_cell(self) -> NDArray[np.intp]:
        """Migrasomes of each MSC that has some."""
        return self.migrasomes[self.migrasomes > 0]


def count_network(
    scene: Scene, regions: RegionMap, grid: Grid, *, time: float, fields_across: int = FIELDS_ACROSS
) -> NetworkCount:
    """Count the MSC, fibres and migrasomes of a scene as an experimenter would.

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
    attached = m.present & (m.body != NO_BODY)
    detached = m.present & ~attached
    field_areas, field_detached = _fields(grid, m.x[detached], m.y[detached], fields_across)
    return NetworkCount(
        time=time,
        fibres=np.bincount(fibres.body, minlength=count),
        retracted=np.bincount(fibres.body[fibres.origin == Origin.RETRACTION], minlength=count),
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


def has_msc(run: xr.Dataset) -> bool:
    """Whether there is any MSC in a run."""
    return bool(np.isfinite(run["body_x"][0].values).any())


def frame_at(run: xr.Dataset, time: float) -> int:
    """Index of the frame in which a run's floor was saved at a time [s].

    Raises
    ------
    InputError
        If there is none.
    """
    times = run["time"].values
    nearest = int(np.argmin(np.abs(times - time)))
    if abs(times[nearest] - time) > SAME_TIME:
        first, last = duration_text(float(times[0])), duration_text(float(times[-1]))
        every = duration_text(float(times[1] - times[0]) if len(times) > 1 else 0.0)
        raise InputError(
            f"{run_name(run)}: the floor was not saved at {duration_text(time)}; it was from "
            f"{first} to {last} every {every}. Choose one of these times."
        )
    return nearest


def run_scene(run: xr.Dataset, frame: int) -> Scene:
    """Stroma of a run as it was in a frame; without secretion, and without what makes it grow.

    Raises
    ------
    InputError
        If the run does not say whose the fibres and migrasomes are.
    """
    require_variables(run, "fibre_body", "fibre_origin", "migrasome_body")

    def at(name: str) -> Array:
        values: Array = run[name][frame].values
        return values

    owner = _whole(at("fibre_body"))
    fibres = owner != ABSENT
    end, present = run["migrasome_end"].values, np.isfinite(at("migrasome_x"))
    return Scene(
        run_bodies(run, frame),
        Fibres(
            at("fibre_x")[fibres],
            at("fibre_y")[fibres],
            owner[fibres],
            _whole(at("fibre_origin"))[fibres].astype(np.int8),
        ),
        Migrasomes(
            **{key: at(f"migrasome_{key}") for key in ("x", "y", "radius", "blocked", "maturity")},
            body=_whole(at("migrasome_body")),
            birth=run["migrasome_birth"].values,
            end=np.where(np.isfinite(end), end, np.inf),
            present=present,
            origin=_whole(run["migrasome_origin"].values).astype(np.int8),
            fate=_whole(run["migrasome_fate"].values).astype(np.int8),
            secretion={},
            loaded={},
            secretion_at_birth={},
            decay={},
        ),
    )


def _whole(values: NDArray[Any]) -> NDArray[np.intp]:
    """Whole numbers, `ABSENT` where the file has its fill value."""
    if values.dtype.kind == "f":
        values = np.where(np.isfinite(values), values, ABSENT)
    return values.astype(np.intp)


def run_network(run: xr.Dataset, time: float) -> NetworkCount:
    """Count a run's MSC, fibres and migrasomes at a time [s].

    Raises
    ------
    InputError
        If the run has no MSC, or was not saved at that time.
    """
    if not has_msc(run):
        raise InputError(
            f"{run_name(run)}: has no {model_of(run).spec.stroma.label}, whose networks could be "
            "counted. Solve a model with scene.msc_density above 0."
        )
    frame = frame_at(run, time)
    regions = run["region"][frame].values
    if regions.dtype.kind == "f":
        regions = np.where(np.isfinite(regions), regions, OUTSIDE)
    return count_network(
        run_scene(run, frame),
        regions.astype(np.uint8),
        model_grid(model_of(run).spec),
        time=float(run["time"].values[frame]),
    )


def _of_region(region: Region) -> Callable[[NetworkCount], tuple[float, float]]:
    return lambda c: (float(c.areas[region]) * MM2_PER_UM2, c.area)


MEASURES: Mapping[str, Callable[[NetworkCount], tuple[float, float]]] = {
    "msc_with_fibres": lambda c: (c.with_fibres, c.msc),
    "msc_with_migrasomes": lambda c: (c.with_migrasomes, c.msc),
    "fibre_bearing_with_migrasomes": lambda c: (c.with_both, c.with_fibres),
    "networks_by_retraction": lambda c: (c.by_retraction, c.with_fibres),
    "migrasomes_per_cell": lambda c: (c.attached, c.with_migrasomes),
    "attached_per_mm2": lambda c: (c.attached, c.area),
    "detached_per_mm2": lambda c: (c.detached, c.area),
    "diameter_um": lambda c: (float(c.diameter.sum()), len(c.diameter)),
    "free_surface_fraction": _of_region(Region.FREE_SURFACE),
    "msc_fraction": _of_region(Region.MSC),
    "network_fraction": _of_region(Region.MIGRASOME_NETWORK),
}
"""What is counted, and over what, in one dish."""


@dataclass(frozen=True)
class Measure:
    """Something counted, and over what, in several dishes.

    Parameters
    ----------
    amount, of : float
        What was counted in all dishes, and over what.
    pooled : float
        Their ratio; NaN over nothing.
    mean, deviation : float
        Of the dishes' own ratios, and their standard deviation; NaN if a dish has none, the
        deviation for one dish, too.
    """

    amount: float
    of: float
    pooled: float
    mean: float
    deviation: float


def measures(counts: Sequence[NetworkCount]) -> dict[str, Measure]:
    """Each of `MEASURES`, the dishes pooled, and over the dishes."""
    return {
        name: over_dishes([counted(count) for count in counts])
        for name, counted in MEASURES.items()
    }


def over_dishes(counted: Sequence[tuple[float, float]]) -> Measure:
    """Measure of what was counted, and over what, in each dish."""
    amount, of = np.array(counted, dtype=float).T
    each = np.where(of > 0.0, amount / np.where(of > 0.0, of, 1.0), np.nan)
    total = float(of.sum())
    return Measure(
        amount=float(amount.sum()),
        of=total,
        pooled=float(amount.sum()) / total if total > 0.0 else math.nan,
        mean=float(each.mean()),
        deviation=float(each.std(ddof=1)) if len(each) > 1 else math.nan,
    )


@dataclass(frozen=True)
class SizeBin:
    """Diameters of the migrasomes in a bin of age or distance.

    Parameters
    ----------
    lower, upper : float
        The bin, without its upper end.
    migrasomes : int
    mean, deviation : float
        Of their diameters, and its standard deviation [um]; NaN for none, or one.
    """

    lower: float
    upper: float
    migrasomes: int
    mean: float
    deviation: float


def diameter_by_age(counts: Sequence[NetworkCount]) -> list[SizeBin]:
    """Diameters against age [s], all dishes' migrasomes together."""
    return _binned(counts, [count.age for count in counts], AGE_EDGES)


def diameter_by_distance(counts: Sequence[NetworkCount]) -> list[SizeBin]:
    """Diameters of attached migrasomes against distance from their body's edge [um]."""
    return _binned(counts, [count.distance for count in counts], BODY_DISTANCE_EDGES)


def _binned(counts: Sequence[NetworkCount], values: Sequence[Array], edges: Array) -> list[SizeBin]:
    value = np.concatenate(values)
    diameter = np.concatenate([count.diameter for count in counts])
    bins = []
    for lower, upper in itertools.pairwise(edges):
        own = diameter[(value >= lower) & (value < upper)]
        bins.append(
            SizeBin(
                float(lower),
                float(upper),
                len(own),
                float(own.mean()) if len(own) else math.nan,
                float(own.std(ddof=1)) if len(own) > 1 else math.nan,
            )
        )
    return bins


@dataclass(frozen=True)
class NetworkTest:
    """One comparison of networks with those of a control.

    Parameters
    ----------
    quantity : str
        One of `MEASURES`, or ``migrasomes_per_msc``.
    test, unit : str
        Which test, and what it takes for independent.
    treated, control : float
        Pooled over dishes.
    p : float
        Two-sided; NaN where there is nothing to test.
    """

    quantity: str
    test: str
    unit: str
    treated: float
    control: float
    p: float


_SHARES = (
    "msc_with_fibres",
    "msc_with_migrasomes",
    "fibre_bearing_with_migrasomes",
    "networks_by_retraction",
)
_CHI_SQUARED, _MANN_WHITNEY = "chi-squared with Yates' correction", "Mann-Whitney U"


def compare_networks(
    treated: Sequence[NetworkCount], control: Sequence[NetworkCount]
) -> list[NetworkTest]:
    """Tests on networks against a control's, cells and fields of all dishes pooled.

    Shares of cells by the chi-squared test with Yates' correction; migrasomes per cell, over cells
    that have some and over all, and detached migrasomes per area, over fields, by the Mann-Whitney
    U test.
    """
    own, other = measures(treated), measures(control)
    return [
        *[
            NetworkTest(
                quantity=name,
                test=_CHI_SQUARED,
                unit="cells",
                treated=own[name].pooled,
                control=other[name].pooled,
                p=chi_squared_yates_test(
                    [round(own[name].amount), round(other[name].amount)],
                    [round(own[name].of), round(other[name].of)],
                ),
            )
            for name in _SHARES
        ],
        _u_test("migrasomes_per_cell", "cells", treated, control, lambda c: c.per_cell),
        _u_test("migrasomes_per_msc", "cells", treated, control, lambda c: c.migrasomes),
        _u_test("detached_per_mm2", "fields", treated, control, detached_per_mm2),
    ]


def detached_per_mm2(count: NetworkCount) -> Array:
    """Density of detached migrasomes in each field of some area [1/mm**2], shape (field,)."""
    some = count.field_areas > 0.0
    density: Array = count.field_detached[some] / (count.field_areas[some] * MM2_PER_UM2)
    return density


def _u_test(
    quantity: str,
    unit: str,
    treated: Sequence[NetworkCount],
    control: Sequence[NetworkCount],
    values: Callable[[NetworkCount], NDArray[Any]],
) -> NetworkTest:
    own, other = (
        np.concatenate([values(count) for count in counts]).astype(float)
        for counts in (treated, control)
    )
    return NetworkTest(
        quantity=quantity,
        test=_MANN_WHITNEY,
        unit=unit,
        treated=float(own.mean()) if len(own) else math.nan,
        control=float(other.mean()) if len(other) else math.nan,
        p=mann_whitney_u_test(other, own),
    )
