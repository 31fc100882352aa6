"""A stroma drawn from distributions, once."""

import math
import zlib

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError
from sdf1_field.grid import Grid
from sdf1_field.random import Stream, generator
from sdf1_field.scene.regions import cells_in_ellipses
from sdf1_field.scene.snapshot import (
    NO_BODY,
    Bodies,
    Fate,
    Fibres,
    Migrasomes,
    Origin,
    Scene,
)
from sdf1_field.spec import ModelSpec, SceneSection

Array = NDArray[np.float64]

_TRIES = 2000
_DIGITS = 6
"""Of times in seconds, as `sdf1_field.units.instant` keeps them."""


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
    rng = generator(seed, Stream.SCENE)
    bodies, taken = place_bodies(spec, grid, rng, secretion_factor=secretion_factor)
    fibres = _place_fibres(spec.scene, bodies, grid, rng)
    return Scene(
        bodies, fibres, _place_migrasomes(spec, fibres, grid, taken, rng, seed, secretion_factor)
    )


def place_bodies(
    spec: ModelSpec, grid: Grid, rng: np.random.Generator, *, secretion_factor: float
) -> tuple[Bodies, NDArray[np.bool_]]:
    """Bodies at random that do not overlap, and the floor cells under them.

    Raises
    ------
    InputError
        If they do not fit into the view.
    """
    scene, cell = spec.scene, spec.stroma
    count = scene.msc_number or int(rng.poisson(scene.msc_density * grid.area))
    area = log_normal(rng, cell.body_area, cell.body_area_variation, count)
    semi_minor = np.sqrt(area / (math.pi * cell.body_aspect_ratio))
    semi_major = semi_minor * cell.body_aspect_ratio
    x, y, angle = np.empty(count), np.empty(count), np.empty(count)
    taken = np.zeros((grid.ny, grid.nx), dtype=bool)
    for n in np.argsort(-area, kind="stable"):
        for _ in range(_TRIES):
            x[n], y[n] = rng.random() * grid.width, rng.random() * grid.length
            angle[n] = rng.random() * math.pi
            one = slice(n, n + 1)
            under, _ = cells_in_ellipses(
                grid, x[one], y[one], semi_major[one], semi_minor[one], angle[one]
            )
            free = not taken.reshape(-1)[under].any()
            if free and _within_wall(grid, x[n], y[n], semi_major[n]):
                taken.reshape(-1)[under] = True
                break
        else:
            raise InputError(
                f"scene.msc_density: {count} bodies of {cell.body_area:.4g} um2 do not fit into "
                f"the view. Lower it, or stromal_type.{scene.stroma}.body_area."
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
        migrating=np.zeros(count, dtype=np.bool_),
    )
    return bodies, taken


def log_normal(rng: np.random.Generator, mean: float, spread: float, count: int) -> Array:
    """Log-normal numbers of a given mean, ``spread`` being that of the logarithm."""
    return mean * np.exp(spread * rng.standard_normal(count) - 0.5 * spread**2)


def _within_wall(grid: Grid, x: float, y: float, reach: float) -> bool:
    """Whether a body is inside a round well; a rectangle's mirror walls may cut it."""
    radius = 0.5 * grid.width
    return not grid.round or math.hypot(x - radius, y - radius) + reach <= radius


def _mirrored(grid: Grid, x: Array, y: Array) -> tuple[Array, Array]:
    """Places folded back at the walls."""
    if not grid.round:
        return folded(x, grid.width), folded(y, grid.length)
    radius = 0.5 * grid.width
    out_x, out_y = x - radius, y - radius
    apart = np.maximum(np.hypot(out_x, out_y), radius)
    nearer = (2.0 * radius - apart) / apart
    return radius + nearer * out_x, radius + nearer * out_y


def folded(place: Array, extent: float) -> Array:
    """Places between two walls after folding back those beyond; NaN stays NaN."""
    inside = place.copy()
    beyond = (place < 0.0) | (place > extent)
    around = np.mod(place[beyond], 2.0 * extent)
    inside[beyond] = np.where(around > extent, 2.0 * extent - around, around)
    return inside


def _scattered(grid: Grid, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Places all over the floor, uniformly."""
    first, second = rng.random(count), rng.random(count)
    if not grid.round:
        return first * grid.width, second * grid.length
    radius = 0.5 * grid.width
    apart, angle = radius * np.sqrt(first), 2.0 * math.pi * second
    return radius + apart * np.cos(angle), radius + apart * np.sin(angle)


def _place_fibres(
    scene: SceneSection, bodies: Bodies, grid: Grid, rng: np.random.Generator
) -> Fibres:
    courses: list[tuple[Array, Array]] = []
    owners: list[int] = []
    origins: list[int] = []
    for n in range(len(bodies.x)):
        if rng.random() >= scene.network_fraction:
            continue
        fibres = 1 + int(rng.poisson(max(scene.fibres_per_network - 1.0, 0.0)))
        retracts = rng.random() < scene.retracting_fraction
        if retracts:
            around = 2.0 * math.pi * (np.arange(fibres) + rng.random()) / fibres
        else:
            rear = math.pi * rng.integers(2)
            around = rear + scene.fibre_fan_angle * rng.standard_normal(fibres)
        a, b, tilt = bodies.semi_major[n], bodies.semi_minor[n], bodies.angle[n]
        along, across = a * np.cos(around), b * np.sin(around)
        outward = np.arctan2(np.sin(around) / b, np.cos(around) / a)
        lengths = log_normal(rng, scene.fibre_length, scene.fibre_length_variation, fibres)
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
            origins.append(Origin.RETRACTION if retracts else Origin.MIGRATION)
    vertices = max((len(cx) for cx, _ in courses), default=0)
    x, y = np.full((len(courses), vertices), np.nan), np.full((len(courses), vertices), np.nan)
    for n, (course_x, course_y) in enumerate(courses):
        x[n, : len(course_x)], y[n, : len(course_y)] = course_x, course_y
    return Fibres(x, y, np.array(owners, dtype=np.intp), np.array(origins, dtype=np.int8))


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
    origins: list[int] = []
    for n, (course_x, course_y) in enumerate(zip(fibres.x, fibres.y, strict=True)):
        kept = np.isfinite(course_x)
        cx, cy = course_x[kept], course_y[kept]
        way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(cx), np.diff(cy)))])
        count = int(rng.poisson(way[-1] / scene.migrasome_spacing))
        at = np.sort(rng.random(count)) * way[-1]
        places_x.append(np.interp(at, way, cx))
        places_y.append(np.interp(at, way, cy))
        owners += [int(fibres.body[n])] * count
        origins += [int(fibres.origin[n])] * count
    detached = round(scene.detached_migrasome_density * grid.area)
    scattered_x, scattered_y = _scattered(grid, generator(seed, Stream.DETACHED), detached)
    places_x.append(scattered_x)
    places_y.append(scattered_y)
    owners += [NO_BODY] * detached
    origins += [Origin.UNKNOWN] * detached
    x, y = np.concatenate(places_x), np.concatenate(places_y)
    diameter = log_normal(rng, scene.migrasome_diameter, scene.migrasome_diameter_variation, len(x))
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
        maturity=np.ones(int(outside.sum())),
        origin=np.array(origins, dtype=np.int8)[outside],
        fate=np.where(
            end[outside] <= spec.run.duration, Fate.RUPTURES, Fate.OUTLIVES_THE_RUN
        ).astype(np.int8),
        loaded={name: rate[outside] > 0.0 for name, rate in secretion.items()},
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
