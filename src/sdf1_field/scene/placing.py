"""Placed scene: a stroma drawn once from the model's distributions.

The scene depends on the model and the seed only, not on the grid. Every body, fibre and migrasome
has random numbers of its own, so that one that does not fit, or lies under a body, changes no
other.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.errors import InputError
from sdf1_field.neighbours import (
    NONE,
    BucketLists,
    add_place,
    adjacent,
    bucket_of,
    empty_lists,
    make_buckets,
)
from sdf1_field.random import Keys, Stream, generator, name_key
from sdf1_field.random.kernels import draws, subkey, subkeys, uniform
from sdf1_field.scene.ellipses import overlap
from sdf1_field.scene.regions import body_under
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
from sdf1_field.walls import reflected_in_well, reflected_places

Array = NDArray[np.float64]

_TRIES = 2000
_MOST = 1e8
"""Largest expected number of fibres, or of migrasomes, of a placed scene."""
_DIGITS = 6
"""Decimals of times in seconds, as in `sdf1_field.units.instant`."""

_SCENE = int(Stream.SCENE)
_SIZE, _WHERE = 0, 1
"""Steps, in a body's counters, of its size and of its first placing; three for each placing."""
_HAS_NETWORK, _RETRACTS, _TURN = 0, 1, 2
"""Steps in a network's counters."""
_LENGTH, _FAN, _BENDS = 0, 1, 2
"""Steps in a fibre's counters; one for each bend."""
_BIRTH, _END = 0, 1
"""Steps in a migrasome's counters."""


def place_scene(spec: ModelSpec, seed: int, *, secretion_factor: float) -> Scene:
    """Bodies, fibres and migrasomes placed at random from the model's distributions.

    Bodies do not overlap. Fibres leave a migrating body at its rear and a retracting one all
    around, and are reflected at the walls. Migrasomes lie along fibres, detached ones anywhere;
    none lies under a body.

    Parameters
    ----------
    spec : ModelSpec
        Of its dish, only width, length and shape are used.
    seed : int
        The dish's.
    secretion_factor : float
        Factor of the dish and donor on every secretion rate [1].

    Raises
    ------
    InputError
        If the bodies do not fit into the view, or fibres or migrasomes are too many.
    """
    bodies = place_bodies(spec, seed, secretion_factor=secretion_factor)
    fibres, keys = _place_fibres(spec, bodies, seed)
    sites = [_sites_on(spec, fibres, keys), _detached_sites(spec, seed)]
    return Scene(
        bodies, fibres, place_migrasomes(spec, _uncovered(bodies, sites), secretion_factor)
    )


def place_bodies(spec: ModelSpec, seed: int, *, secretion_factor: float) -> Bodies:
    """Bodies placed at random without overlap, the largest first.

    A straight wall may cut a body; overlap beyond the wall counts. A round well holds whole bodies.

    Raises
    ------
    InputError
        If they do not fit into the view.
    """
    scene, cell, dish = spec.scene, spec.stroma, spec.dish
    count = scene.msc_number
    if count == 0:
        count = int(generator(seed, Stream.SCENE).poisson(scene.msc_density * _floor_area(spec)))
    sizes, _ = draws(seed, Stream.SCENE, np.arange(count), _SIZE)
    area = log_normal(cell.body_area, cell.body_area_variation, sizes)
    semi_minor = np.sqrt(area / (math.pi * cell.body_aspect_ratio))
    semi_major = semi_minor * cell.body_aspect_ratio
    x, y, angle = np.empty(count), np.empty(count), np.empty(count)
    order = np.argsort(-area, kind="stable")
    if count > 0 and not _settle(
        x, y, angle, order, semi_major, semi_minor, seed, dish.width, dish.length,
        dish.shape == "round",
    ):  # fmt: skip
        path = "scene.msc_number" if scene.msc_number > 0 else "scene.msc_density"
        raise InputError(
            f"{path}: {count} bodies of {cell.body_area:.4g} um2 do not fit into "
            f"the view. Lower it, or stromal_type.{scene.stroma}.body_area."
        )
    return resting_bodies(spec, x, y, semi_major, semi_minor, angle, secretion_factor)


def resting_bodies(
    spec: ModelSpec, x: Array, y: Array, semi_major: Array, semi_minor: Array, angle: Array,
    secretion_factor: float,
) -> Bodies:  # fmt: skip
    """Bodies of known shapes that secrete as the model's placed ones; arrays as of `Bodies`."""
    count = len(x)
    return Bodies(
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


@kernel()
def _settle(
    x: Array,
    y: Array,
    angle: Array,
    order: NDArray[np.intp],
    semi_major: Array,
    semi_minor: Array,
    seed: int,
    width: float,
    length: float,
    round_well: bool,
) -> bool:
    """Place bodies in an order without overlap; return whether all fit."""
    # Centres of touching bodies are at most twice the longest half axis apart.
    narrowest = max(2.0 * semi_major.max(), math.sqrt(width * length / x.size))
    lists = empty_lists(make_buckets(0.0, 0.0, width, length, narrowest, x.size), x.size)
    radius = 0.5 * width
    for n in order:
        for k in range(_TRIES):
            x[n] = uniform(seed, _SCENE, n, _WHERE + 3 * k) * width
            y[n] = uniform(seed, _SCENE, n, _WHERE + 3 * k + 1) * length
            angle[n] = uniform(seed, _SCENE, n, _WHERE + 3 * k + 2) * math.pi
            if round_well and math.hypot(x[n] - radius, y[n] - radius) + semi_major[n] > radius:
                continue
            if _is_free(n, x, y, angle, semi_major, semi_minor, lists):
                add_place(lists, n, x[n], y[n])
                break
        else:
            return False
    return True


@kernel()
def _is_free(
    n: int, x: Array, y: Array, angle: Array, semi_major: Array, semi_minor: Array,
    lists: BucketLists,
) -> bool:  # fmt: skip
    """Whether a body overlaps none of the listed ones."""
    row, column = bucket_of(lists.buckets, x[n], y[n])
    for r in adjacent(row, lists.buckets.rows):
        for c in adjacent(column, lists.buckets.columns):
            m = lists.latest[r, c]
            while m != NONE:
                if overlap(
                    x[m] - x[n], y[m] - y[n], semi_major[n], semi_minor[n], angle[n],
                    semi_major[m], semi_minor[m], angle[m],
                ):  # fmt: skip
                    return False
                m = lists.earlier[m]
    return True


def _floor_area(spec: ModelSpec) -> float:
    """Area of the floor of a model's dish [um**2]."""
    dish = spec.dish
    if dish.shape == "round":
        return 0.25 * math.pi * dish.width**2
    return dish.width * dish.length


def log_normal(mean: float, spread: float, normals: Array) -> Array:
    """Log-normal numbers of a given mean, from standard normal ones.

    ``spread`` is the standard deviation of the logarithm.
    """
    return mean * np.exp(spread * normals - 0.5 * spread**2)


def _reflected(spec: ModelSpec, x: Array, y: Array) -> tuple[Array, Array]:
    """Places [um] after reflection at the walls of a model's dish; NaN stays NaN."""
    dish = spec.dish
    if dish.shape == "round":
        return reflected_in_well(x, y, 0.5 * dish.width)
    return reflected_places(x, dish.width), reflected_places(y, dish.length)


def _place_fibres(spec: ModelSpec, bodies: Bodies, seed: int) -> tuple[Fibres, Keys]:
    """Fibres, body by body, and the key of each."""
    scene, body = spec.scene, np.arange(len(bodies.x))
    networks = subkeys(seed, Stream.FIBRE, body)
    chance, retracts, turn = (
        draws(networks, Stream.FIBRE, 0, of)[1] for of in (_HAS_NETWORK, _RETRACTS, _TURN)
    )
    further = np.where(chance < scene.network_fraction, scene.fibres_per_network - 1.0, -np.inf)
    owner, which, _ = _events(networks, Stream.NUCLEATION, further, 1.0, "fibres_per_network")
    # A network has one fibre and a Poisson number of others.
    own = np.flatnonzero(chance < scene.network_fraction)
    owner = np.concatenate([own, owner])
    which = np.concatenate([np.zeros(len(own), dtype=np.int64), which + 1])
    order = np.argsort(owner, kind="stable")
    owner, which = owner[order], which[order]
    keys = subkeys(networks[owner], Stream.FIBRE, which)
    fan, _ = draws(keys, Stream.FIBRE, 0, _FAN)
    retracting = retracts[owner] < scene.retracting_fraction
    number = np.bincount(owner, minlength=len(body))[owner]
    place = np.where(
        retracting,
        2.0 * math.pi * (which + turn[owner]) / number,
        math.pi * (turn[owner] < 0.5) + scene.fibre_fan_angle * fan,
    )
    x, y = _reflected(spec, *_courses(scene, bodies, owner, place, keys))
    origin = np.where(retracting, np.int8(Origin.RETRACTION), np.int8(Origin.MIGRATION))
    return Fibres(x, y, owner.astype(np.intp), origin), keys


def _courses(
    scene: SceneSection, bodies: Bodies, owner: Keys, place: Array, keys: Keys
) -> tuple[Array, Array]:
    """Courses of fibres from their body's edge [um], shape (fibre, vertex), NaN past the end.

    ``place`` is the angle on the body's ellipse [rad]. A course is a random walk of segments whose
    direction diffuses.
    """
    normals, _ = draws(keys, Stream.FIBRE, 0, _LENGTH)
    length = log_normal(scene.fibre_length, scene.fibre_length_variation, normals)
    pieces = np.maximum(np.rint(length / scene.fibre_segment), 1.0)
    piece, number = length / pieces, np.arange(int(pieces.max(initial=0.0)))
    bends, _ = draws(keys[:, None], Stream.FIBRE, number[None, :], _BENDS)
    bends *= np.sqrt(scene.fibre_wander * piece)[:, None]
    a, b, tilt = bodies.semi_major[owner], bodies.semi_minor[owner], bodies.angle[owner]
    along, across = a * np.cos(place), b * np.sin(place)
    outward = np.arctan2(np.sin(place) / b, np.cos(place) / a)
    direction = (tilt + outward)[:, None] + np.cumsum(bends, axis=1)
    step = np.where(number < pieces[:, None], piece[:, None], np.nan)
    begin_x = bodies.x[owner] + along * np.cos(tilt) - across * np.sin(tilt)
    begin_y = bodies.y[owner] + along * np.sin(tilt) + across * np.cos(tilt)
    courses = []
    for begin, way in ((begin_x, np.cos(direction)), (begin_y, np.sin(direction))):
        course = np.concatenate([np.zeros((len(begin), 1)), np.cumsum(step * way, axis=1)], axis=1)
        courses.append(begin[:, None] + course)
    return courses[0], courses[1]


def _events(
    keys: Keys, stream: Stream, extents: Array, spacing: float, name: str
) -> tuple[Keys, Keys, Array]:
    """Events of Poisson processes on [0, extent], each process with its own key.

    Parameters
    ----------
    keys : ndarray, shape (process,)
    stream : Stream
    extents : ndarray, shape (process,)
        In the unit of ``spacing``; a negative one has no event.
    spacing : float
        Mean distance of events.
    name : str
        Key of the scene that an error names.

    Returns
    -------
    process, which : ndarray, shape (event,)
        Number of the process, and of the event in it.
    place : ndarray, shape (event,)
    """
    expected = float(np.maximum(extents, 0.0).sum()) / spacing
    if not expected <= _MOST:
        raise InputError(
            f"scene.{name}: makes {expected:.3g} of them, which is too many. Choose another value "
            "or make the dish smaller."
        )
    counts = _count_events(keys, int(stream), extents, spacing)
    process = np.repeat(np.arange(len(keys)), counts)
    which = np.arange(len(process)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.empty(len(process))
    _place_events(place, keys, int(stream), counts, spacing)
    return process, which, place


@kernel()
def _gap(key: int, stream: int, event: int, spacing: float) -> float:
    """Distance of an event of a Poisson process from the previous one."""
    return -spacing * math.log(uniform(key, stream, event, 0))


@kernel()
def _count_events(keys: Keys, stream: int, extents: Array, spacing: float) -> NDArray[np.int64]:
    counts = np.zeros(keys.size, np.int64)
    for n in range(keys.size):
        place = _gap(keys[n], stream, 0, spacing)
        while place < extents[n]:
            counts[n] += 1
            place += _gap(keys[n], stream, counts[n], spacing)
    return counts


@kernel()
def _place_events(
    place: Array, keys: Keys, stream: int, counts: NDArray[np.int64], spacing: float
) -> None:
    found = 0
    for n in range(keys.size):
        reached = 0.0
        for event in range(counts[n]):
            reached += _gap(keys[n], stream, event, spacing)
            place[found] = reached
            found += 1


class Sites(NamedTuple):
    """Sites of migrasomes; arrays of shape (migrasome,).

    Parameters
    ----------
    keys, which : ndarray of int64
        Key of the fibre, or of all migrasomes that have none, and the migrasome's number there: key
        and entity of its random numbers.
    x, y : ndarray
        [um].
    body : ndarray
        Body that the fibre leads to, or `NO_BODY`.
    origin : ndarray
        Values of `Origin`.
    """

    keys: Keys
    which: Keys
    x: Array
    y: Array
    body: NDArray[np.intp]
    origin: NDArray[np.int8]

    def chosen(self, which: NDArray[np.bool_]) -> "Sites":
        """Some of the sites, shape (migrasome,)."""
        return Sites(
            self.keys[which],
            self.which[which],
            self.x[which],
            self.y[which],
            self.body[which],
            self.origin[which],
        )


def _sites_on(spec: ModelSpec, fibres: Fibres, keys: Keys) -> Sites:
    """Sites along fibres, a Poisson process of uniform density."""
    steps = np.hypot(np.diff(fibres.x), np.diff(fibres.y))
    ways = np.concatenate([np.zeros((len(steps), 1)), np.nancumsum(steps, axis=1)], axis=1)
    fibre, which, place = _events(
        keys, Stream.PLACE, ways[:, -1], spec.scene.migrasome_spacing, "migrasome_spacing"
    )
    # Segments past the end have no length, so that no site is on them.
    piece = np.count_nonzero(ways[fibre, 1:] <= place[:, None], axis=1)
    share = (place - ways[fibre, piece]) / steps[fibre, piece]
    x, y = (
        course[fibre, piece] + share * (course[fibre, piece + 1] - course[fibre, piece])
        for course in (fibres.x, fibres.y)
    )
    return Sites(keys[fibre], which, x, y, fibres.body[fibre], fibres.origin[fibre])


def _detached_sites(spec: ModelSpec, seed: int) -> Sites:
    """Sites uniformly distributed over the floor."""
    dish, density = spec.dish, spec.scene.detached_migrasome_density
    count = round(density * _floor_area(spec))
    which = np.arange(count)
    keys = np.full(count, subkey(seed, int(Stream.DETACHED), 0))
    (_, first), (_, second) = (draws(keys, Stream.DETACHED, which, of) for of in (0, 1))
    x, y = first * dish.width, second * dish.length
    if dish.shape == "round":
        radius = 0.5 * dish.width
        apart, angle = radius * np.sqrt(first), 2.0 * math.pi * second
        x, y = radius + apart * np.cos(angle), radius + apart * np.sin(angle)
    unknown = np.full(count, Origin.UNKNOWN, dtype=np.int8)
    return Sites(keys, which, x, y, np.full(count, NO_BODY, dtype=np.intp), unknown)


def _uncovered(bodies: Bodies, sites: list[Sites]) -> Sites:
    """All sites that are not under a body."""
    keys, which, x, y, body, origin = (np.concatenate(part) for part in zip(*sites, strict=True))
    joined = Sites(keys, which, x, y, body, origin)
    return joined.chosen(body_under(bodies, joined.x, joined.y) == NO_BODY)


def place_migrasomes(spec: ModelSpec, sites: Sites, secretion_factor: float) -> Migrasomes:
    """Migrasomes at sites, with sizes, lives and cargo from the model's distributions."""
    keys, which, x, y, body, origin = sites
    scene = spec.scene
    sizes, _ = draws(keys, Stream.MIGRASOME, which, 0)
    birth, end = _life(spec, keys, which)
    present = birth <= -spec.run.culture
    secretion = {}
    for name in spec.solved_ligands:
        rates = spec.ligand[name].secretion
        _, chance = draws(keys, Stream.CARGO, which, name_key(name))
        carries = chance < rates.carrying_fraction
        secretion[name] = np.where(carries, rates.migrasome * secretion_factor, 0.0)
    return Migrasomes(
        x=x,
        y=y,
        radius=0.5
        * log_normal(scene.migrasome_diameter, scene.migrasome_diameter_variation, sizes),
        body=body,
        blocked=np.zeros(len(x)),
        birth=birth,
        end=end,
        present=present,
        maturity=np.ones(len(x)),
        origin=origin,
        fate=np.where(end <= spec.run.duration, Fate.RUPTURES, Fate.OUTLIVES_THE_RUN).astype(
            np.int8
        ),
        loaded={name: rate > 0.0 for name, rate in secretion.items()},
        secretion={name: np.where(present, rate, 0.0) for name, rate in secretion.items()},
        secretion_at_birth=secretion,
        decay={name: spec.ligand[name].secretion.migrasome_decay for name in secretion},
    )


def _life(spec: ModelSpec, keys: Keys, which: Keys) -> tuple[Array, Array]:
    """Times at which migrasomes appear and rupture [s]."""
    scene, start = spec.scene, -spec.run.culture
    (_, appears), (_, lasts) = (draws(keys, Stream.LIFE, which, of) for of in (_BIRTH, _END))
    birth = start + scene.migrasome_appearance * appears
    end = np.full(len(keys), np.inf)
    if scene.migrasome_lifetime > 0.0:
        end = birth - scene.migrasome_lifetime * np.log(lasts)
    return np.round(birth, _DIGITS), np.round(end, _DIGITS)
