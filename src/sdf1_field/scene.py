"""An immutable snapshot of the stroma: bodies, fibres, migrasomes, and the regions they make."""

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.errors import InputError
from sdf1_field.grid import Grid
from sdf1_field.random import Stream, generator
from sdf1_field.spec import ModelSpec, PlacedScene

Array = NDArray[np.float64]
RegionMap = NDArray[np.uint8]

_TRIES = 2000
_DIGITS = 6
"""Of times in seconds, as `sdf1_field.units.instant` keeps them."""
NO_BODY = -1
"""Owner of a migrasome that is detached."""


class Region(IntEnum):
    """What is under a place on the floor; the values are those in run files."""

    FREE_SURFACE = 0
    MSC = 1
    MIGRASOME_NETWORK = 2


OUTSIDE = 255
"""What a region map holds outside a round well."""

REGION_LABELS = {
    Region.FREE_SURFACE: "free surface",
    Region.MSC: "MSC",
    Region.MIGRASOME_NETWORK: "migrasome network",
}


@dataclass(frozen=True, eq=False)
class Bodies:
    """MSC bodies as ellipses; arrays of shape (body,)."""

    x: Array
    y: Array
    semi_major: Array
    semi_minor: Array
    angle: Array
    """Of the long axis against x [rad]."""
    blocked: Array
    """Share of the body's CD166 that is blocked [1]."""
    secretion: Mapping[str, Array]
    """Ligand to rate [molecules/s]."""


@dataclass(frozen=True, eq=False)
class Fibres:
    """Retraction fibres as polylines; arrays of shape (fibre, vertex), NaN past the end."""

    x: Array
    y: Array
    body: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Migrasomes:
    """Migrasomes as discs, those to come and those gone too; arrays of shape (migrasome,)."""

    x: Array
    y: Array
    radius: Array
    body: NDArray[np.intp]
    blocked: Array
    birth: Array
    end: Array
    """When they appear and rupture [s]; infinite if never."""
    present: NDArray[np.bool_]
    secretion: Mapping[str, Array]
    """Ligand to rate at birth [molecules/s]."""
    fading: Mapping[str, Array]
    """Ligand to the rate at which secretion decays from then on [1/s]."""


@dataclass(frozen=True, eq=False)
class Scene:
    """The stroma at one time."""

    bodies: Bodies
    fibres: Fibres
    migrasomes: Migrasomes

    def block(self, fraction: float) -> "Scene":
        """Scene after an antibody has blocked a fraction of the CD166 that was still free."""
        if fraction == 0.0:
            return self
        bodies, migrasomes = self.bodies, self.migrasomes
        return replace(
            self,
            bodies=replace(bodies, blocked=1.0 - (1.0 - bodies.blocked) * (1.0 - fraction)),
            # Those that form later are free.
            migrasomes=replace(
                migrasomes,
                blocked=1.0 - (1.0 - migrasomes.blocked) * (1.0 - fraction * migrasomes.present),
            ),
        )


def place_scene(spec: ModelSpec, grid: Grid, seed: int, *, secretion_factor: float) -> Scene:
    """Bodies, fibres and migrasomes placed at random from the model's distributions.

    Bodies do not overlap. Fibres leave a migrating body at its rear and a retracting one all
    around; those that meet a wall are mirrored there. Migrasomes sit along fibres, and detached
    ones anywhere, outside bodies.

    Parameters
    ----------
    spec : ModelSpec
    grid : Grid
        Decides overlap to within one cell.
    seed : int
        The dish's.
    secretion_factor : float
        The dish's and donor's factor on every source.

    Raises
    ------
    InputError
        If the bodies do not fit into the view.
    """
    scene = spec.scene
    rng = generator(seed, Stream.SCENE)
    count = int(rng.poisson(scene.msc_density * grid.area))
    area = _log_normal(rng, scene.body_area, scene.body_area_variation, count)
    semi_minor = np.sqrt(area / (math.pi * scene.body_aspect_ratio))
    semi_major = semi_minor * scene.body_aspect_ratio
    x, y, angle = np.empty(count), np.empty(count), np.empty(count)
    taken = np.zeros((grid.ny, grid.nx), dtype=bool)
    for n in np.argsort(-area, kind="stable"):
        for _ in range(_TRIES):
            x[n], y[n] = rng.random() * grid.width, rng.random() * grid.length
            angle[n] = rng.random() * math.pi
            rows, cols, inside = _ellipse(grid, x[n], y[n], semi_major[n], semi_minor[n], angle[n])
            if (
                _within_wall(grid, x[n], y[n], semi_major[n])
                and not (taken[rows, cols] & inside).any()
            ):
                taken[rows, cols] |= inside
                break
        else:
            raise InputError(
                f"scene.msc_density: {count} bodies of {scene.body_area:.4g} um2 do not fit into "
                "the view. Lower scene.msc_density or scene.body_area."
            )
    bodies = Bodies(
        x=x,
        y=y,
        semi_major=semi_major,
        semi_minor=semi_minor,
        angle=angle,
        blocked=np.zeros(count),
        secretion={
            name: np.full(count, spec.ligand[name].secretion.msc_body * secretion_factor)
            for name in spec.solved_ligands
        },
    )
    fibres = _place_fibres(scene, bodies, grid, rng)
    return Scene(
        bodies, fibres, _place_migrasomes(spec, fibres, grid, taken, rng, seed, secretion_factor)
    )


def _log_normal(rng: np.random.Generator, mean: float, spread: float, count: int) -> Array:
    """Log-normal numbers of a given mean, ``spread`` being that of the logarithm."""
    return mean * np.exp(spread * rng.standard_normal(count) - 0.5 * spread**2)


def _within_wall(grid: Grid, x: float, y: float, reach: float) -> bool:
    """Whether a body is inside a round well; a rectangle's mirror walls may cut it."""
    radius = 0.5 * grid.width
    return not grid.round or math.hypot(x - radius, y - radius) + reach <= radius


def _mirrored(grid: Grid, x: Array, y: Array) -> tuple[Array, Array]:
    """Places folded back at the walls."""
    if not grid.round:
        return _folded(x, grid.width), _folded(y, grid.length)
    radius = 0.5 * grid.width
    out_x, out_y = x - radius, y - radius
    apart = np.maximum(np.hypot(out_x, out_y), radius)
    nearer = (2.0 * radius - apart) / apart
    return radius + nearer * out_x, radius + nearer * out_y


def _folded(place: Array, extent: float) -> Array:
    folded = np.mod(place, 2.0 * extent)
    result: Array = np.where(folded > extent, 2.0 * extent - folded, folded)
    return result


def _scattered(grid: Grid, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Places all over the floor, uniformly."""
    first, second = rng.random(count), rng.random(count)
    if not grid.round:
        return first * grid.width, second * grid.length
    radius = 0.5 * grid.width
    apart, angle = radius * np.sqrt(first), 2.0 * math.pi * second
    return radius + apart * np.cos(angle), radius + apart * np.sin(angle)


def _place_fibres(
    scene: PlacedScene, bodies: Bodies, grid: Grid, rng: np.random.Generator
) -> Fibres:
    courses: list[tuple[Array, Array]] = []
    owners: list[int] = []
    for n in range(len(bodies.x)):
        if rng.random() >= scene.network_fraction:
            continue
        fibres = 1 + int(rng.poisson(max(scene.fibres_per_network - 1.0, 0.0)))
        if rng.random() < scene.retracting_fraction:
            around = 2.0 * math.pi * (np.arange(fibres) + rng.random()) / fibres
        else:
            rear = math.pi * rng.integers(2)
            around = rear + scene.fibre_fan_angle * rng.standard_normal(fibres)
        a, b, tilt = bodies.semi_major[n], bodies.semi_minor[n], bodies.angle[n]
        along, across = a * np.cos(around), b * np.sin(around)
        outward = np.arctan2(np.sin(around) / b, np.cos(around) / a)
        lengths = _log_normal(rng, scene.fibre_length, scene.fibre_length_variation, fibres)
        for k in range(fibres):
            pieces = max(1, round(lengths[k] / scene.fibre_segment))
            piece = lengths[k] / pieces
            bends = math.sqrt(scene.fibre_wander * piece) * rng.standard_normal(pieces)
            direction = tilt + outward[k] + np.cumsum(bends)
            start_x = bodies.x[n] + along[k] * math.cos(tilt) - across[k] * math.sin(tilt)
            start_y = bodies.y[n] + along[k] * math.sin(tilt) + across[k] * math.cos(tilt)
            course_x = start_x + np.concatenate([[0.0], np.cumsum(piece * np.cos(direction))])
            course_y = start_y + np.concatenate([[0.0], np.cumsum(piece * np.sin(direction))])
            courses.append(_mirrored(grid, course_x, course_y))
            owners.append(n)
    vertices = max((len(cx) for cx, _ in courses), default=0)
    x, y = np.full((len(courses), vertices), np.nan), np.full((len(courses), vertices), np.nan)
    for n, (course_x, course_y) in enumerate(courses):
        x[n, : len(course_x)], y[n, : len(course_y)] = course_x, course_y
    return Fibres(x, y, np.array(owners, dtype=np.intp))


def _place_migrasomes(
    spec: ModelSpec,
    fibres: Fibres,
    grid: Grid,
    under_body: NDArray[np.bool_],
    rng: np.random.Generator,
    seed: int,
    secretion_factor: float,
) -> Migrasomes:
    scene = spec.scene
    places_x: list[Array] = []
    places_y: list[Array] = []
    owners: list[int] = []
    for course_x, course_y, owner in zip(fibres.x, fibres.y, fibres.body, strict=True):
        kept = np.isfinite(course_x)
        cx, cy = course_x[kept], course_y[kept]
        way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(cx), np.diff(cy)))])
        count = int(rng.poisson(way[-1] / scene.migrasome_spacing))
        at = np.sort(rng.random(count)) * way[-1]
        places_x.append(np.interp(at, way, cx))
        places_y.append(np.interp(at, way, cy))
        owners += [int(owner)] * count
    detached = round(scene.detached_migrasome_density * grid.area)
    scattered_x, scattered_y = _scattered(grid, generator(seed, Stream.DETACHED), detached)
    places_x.append(scattered_x)
    places_y.append(scattered_y)
    owners += [NO_BODY] * detached
    x, y = np.concatenate(places_x), np.concatenate(places_y)
    diameter = _log_normal(
        rng, scene.migrasome_diameter, scene.migrasome_diameter_variation, len(x)
    )
    secretion = {}
    for name in spec.solved_ligands:
        rates = spec.ligand[name].secretion
        # A stream for each ligand: who carries one does not depend on which others are solved.
        own = generator(seed, Stream.CARGO, zlib.crc32(name.encode()))
        carries = own.random(len(x)) < rates.carrying_fraction
        secretion[name] = np.where(carries, rates.migrasome * secretion_factor, 0.0)
    outside = ~under_body[grid.index(x, y)]
    birth, end = _life(spec, generator(seed, Stream.LIFE), len(x))
    return Migrasomes(
        x=x[outside],
        y=y[outside],
        radius=0.5 * diameter[outside],
        body=np.array(owners, dtype=np.intp)[outside],
        blocked=np.zeros(int(outside.sum())),
        birth=birth[outside],
        end=end[outside],
        present=birth[outside] <= -spec.run.culture,
        secretion={name: rate[outside] for name, rate in secretion.items()},
        fading={
            name: np.full(int(outside.sum()), spec.ligand[name].secretion.migrasome_decay)
            for name in secretion
        },
    )


def _life(spec: ModelSpec, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Times at which migrasomes appear and rupture [s]."""
    scene, start = spec.scene, -spec.run.culture
    birth = start + scene.migrasome_appearance * rng.random(count)
    end = np.full(count, np.inf)
    if scene.migrasome_lifetime > 0.0:
        end = birth + scene.migrasome_lifetime * rng.standard_exponential(count)
    return np.round(birth, _DIGITS), np.round(end, _DIGITS)


def _ellipse(
    grid: Grid, x: float, y: float, semi_major: float, semi_minor: float, angle: float
) -> tuple[slice, slice, NDArray[np.bool_]]:
    """Window of the grid around an ellipse and which of its cells have their centre inside."""
    rows, cols = _window(grid, x, y, semi_major)
    dx, dy = grid.x[None, cols] - x, grid.y[rows, None] - y
    along = dx * math.cos(angle) + dy * math.sin(angle)
    across = dy * math.cos(angle) - dx * math.sin(angle)
    return rows, cols, (along / semi_major) ** 2 + (across / semi_minor) ** 2 <= 1.0


def _window(grid: Grid, x: float, y: float, reach: float) -> tuple[slice, slice]:
    """Rows and columns whose centres may lie within ``reach`` of a place."""
    left = max(0, math.floor((x - reach) / grid.dx - 0.5))
    low = max(0, math.floor((y - reach) / grid.dy - 0.5))
    right = min(grid.nx, math.ceil((x + reach) / grid.dx + 0.5))
    high = min(grid.ny, math.ceil((y + reach) / grid.dy + 0.5))
    return slice(low, high), slice(left, right)


def body_masks(scene: Scene, grid: Grid) -> list[tuple[slice, slice, NDArray[np.bool_]]]:
    """For each body its window of the grid and the cells under it."""
    b = scene.bodies
    return [
        _ellipse(grid, b.x[n], b.y[n], b.semi_major[n], b.semi_minor[n], b.angle[n])
        for n in range(len(b.x))
    ]


def region_map(scene: Scene, grid: Grid, *, outline_margin: float) -> RegionMap:
    """Region of every floor cell, by its centre; bodies lie over networks.

    Parameters
    ----------
    outline_margin : float
        How far from fibres and from migrasomes' edges an experimenter draws the outline [um].

    Returns
    -------
    ndarray of uint8, shape (ny, nx)
        Values of `Region`; `OUTSIDE` outside a round well.
    """
    regions = np.zeros((grid.ny, grid.nx), dtype=np.uint8)
    f, m = scene.fibres, scene.migrasomes
    here = m.present
    begin_x, begin_y, end_x, end_y = f.x[:, :-1], f.y[:, :-1], f.x[:, 1:], f.y[:, 1:]
    pieces = np.isfinite(end_x)
    margin = np.full(np.count_nonzero(pieces), outline_margin)
    for ends, reach in (
        ((begin_x[pieces], begin_y[pieces], end_x[pieces], end_y[pieces]), margin),
        ((m.x[here], m.y[here], m.x[here], m.y[here]), outline_margin + m.radius[here]),
    ):
        _paint_capsules(regions, *ends, reach, grid.dx, grid.dy)
    for rows, cols, inside in body_masks(scene, grid):
        regions[rows, cols][inside] = Region.MSC
    regions[~grid.inside] = OUTSIDE
    return regions


_NETWORK = int(Region.MIGRASOME_NETWORK)


@kernel()
def _paint_capsules(
    regions: RegionMap,
    begin_x: Array,
    begin_y: Array,
    end_x: Array,
    end_y: Array,
    reaches: Array,
    dx: float,
    dy: float,
) -> None:
    """Mark as network what lies within reach of straight pieces [um], shape (piece,)."""
    ny, nx = regions.shape
    for n in range(begin_x.size):
        x, y, reach = begin_x[n], begin_y[n], reaches[n]
        way_x, way_y = end_x[n] - x, end_y[n] - y
        square = way_x * way_x + way_y * way_y
        left, right = _cells_within(min(x, end_x[n]) - reach, max(x, end_x[n]) + reach, dx, nx)
        low, high = _cells_within(min(y, end_y[n]) - reach, max(y, end_y[n]) + reach, dy, ny)
        for j in range(low, high):
            off_y = (j + 0.5) * dy - y
            for i in range(left, right):
                off_x = (i + 0.5) * dx - x
                along = 0.0
                if square > 0.0:
                    along = min(max((off_x * way_x + off_y * way_y) / square, 0.0), 1.0)
                apart_x, apart_y = off_x - along * way_x, off_y - along * way_y
                if apart_x * apart_x + apart_y * apart_y <= reach * reach:
                    regions[j, i] = _NETWORK


@kernel(inline=True)
def _cells_within(lowest: float, highest: float, size: float, count: int) -> tuple[int, int]:
    """First cell, and the one after the last, whose centres may lie between two places."""
    first = max(0, math.floor(lowest / size - 0.5))
    return first, min(count, math.ceil(highest / size + 0.5))


def region_areas(regions: RegionMap, cell_area: float) -> Array:
    """Area of each region [um**2], shape (3,), in the order of `Region`."""
    counts = np.bincount(regions.ravel(), minlength=len(Region))[: len(Region)]
    return counts.astype(float) * cell_area


def touched_cd166(scene: Scene, grid: Grid, *, reach: float, migrasome_density: float) -> Array:
    """Free CD166 that a cell centred at each place touches, relative to an untreated MSC body.

    A cell touches the body under its centre and every migrasome whose edge is within its own
    radius; the richest of these counts.

    Parameters
    ----------
    reach : float
        Radius of the cell [um].
    migrasome_density : float
        CD166 per area on a migrasome, relative to a body [1].

    Returns
    -------
    ndarray, shape (ny, nx)
    """
    cd166 = np.zeros((grid.ny, grid.nx))
    for (rows, cols, inside), blocked in zip(
        body_masks(scene, grid), scene.bodies.blocked, strict=True
    ):
        window = cd166[rows, cols]
        window[inside] = np.maximum(window[inside], 1.0 - blocked)
    m = scene.migrasomes
    here = m.present
    free = migrasome_density * (1.0 - m.blocked[here])
    _touch_discs(cd166, m.x[here], m.y[here], reach + m.radius[here], free, grid.dx, grid.dy)
    return cd166


@kernel()
def _touch_discs(
    cd166: Array, xs: Array, ys: Array, reaches: Array, free: Array, dx: float, dy: float
) -> None:
    """Raise what is touched within reach of places [um], shape (place,), to what is free there."""
    ny, nx = cd166.shape
    for n in range(xs.size):
        left, right = _cells_within(xs[n] - reaches[n], xs[n] + reaches[n], dx, nx)
        low, high = _cells_within(ys[n] - reaches[n], ys[n] + reaches[n], dy, ny)
        for j in range(low, high):
            off_y = (j + 0.5) * dy - ys[n]
            for i in range(left, right):
                off_x = (i + 0.5) * dx - xs[n]
                if off_x * off_x + off_y * off_y <= reaches[n] * reaches[n]:
                    cd166[j, i] = max(cd166[j, i], free[n])
