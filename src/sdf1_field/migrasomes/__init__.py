"""How the stroma changes with time: its cells, their fibres, and the migrasomes on these.

A placed scene's migrasomes stay where they were placed; they appear and rupture at times that were
placed with them. A grown scene begins with bodies alone, and goes on by itself in steps of its own:
what it is at a time does not depend on when it is asked for.
"""

import math
import zlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.grid import Grid
from sdf1_field.migrasomes.growth import BUD, STRAND, VERTICES, WALKER, grow
from sdf1_field.migrasomes.laws import RATES, Rates, migration, rates_of
from sdf1_field.random import Stream, draw_all, generator
from sdf1_field.scene import (
    Fate,
    Fibres,
    Growth,
    Migrasomes,
    Scene,
    folded,
    log_normal,
    place_bodies,
)
from sdf1_field.spec import ModelSpec
from sdf1_field.treatments import Perturbation

__all__ = [
    "Rates",
    "Release",
    "advance",
    "change_times",
    "freeze",
    "migration",
    "perturb",
    "rates_of",
    "seed_scene",
]

Array = NDArray[np.float64]

_ROUND_OFF = 1e-9
"""Share of a step by which a time may miss its end."""


@dataclass(frozen=True)
class Release:
    """Ligand set free at once, as by a rupture.

    Parameters
    ----------
    time : float
        [s].
    migrasome : int
        Number in the scene.
    ligand : str
    amount : float
        [molecules].
    """

    time: float
    migrasome: int
    ligand: str
    amount: float


def seed_scene(
    spec: ModelSpec,
    grid: Grid,
    seed: int,
    perturbation: Perturbation,
    *,
    secretion_factor: float,
) -> Scene:
    """Stroma just seeded, that will grow: bodies, spread and at rest or migrating, and no fibres.

    Parameters
    ----------
    spec : ModelSpec
    grid : Grid
        Decides overlap of the bodies.
    seed : int
        The dish's.
    perturbation : Perturbation
        At the beginning.
    secretion_factor : float
        The dish's and donor's factor on every source.

    Raises
    ------
    InputError
        If the bodies do not fit into the view.
    """
    bodies, _ = place_bodies(
        spec, grid, generator(seed, Stream.SCENE), secretion_factor=secretion_factor
    )
    rng, count = generator(seed, Stream.STROMA), len(bodies.x)
    rates = rates_of(spec, perturbation)
    share = rates.starting / (rates.starting + rates.stopping) if rates.starting > 0.0 else 0.0
    cells = np.zeros(count, dtype=WALKER)
    cells["x"], cells["y"], cells["angle"] = bodies.x, bodies.y, bodies.angle
    cells["heading"] = bodies.angle
    cells["semi_major"], cells["semi_minor"] = bodies.semi_major, bodies.semi_minor
    cells["polarity"] = np.where(rng.random(count) < 0.5, 1.0, -1.0)
    cells["migrating"] = rng.random(count) < share
    cells["spread"] = 1.0
    cells["speed"] = log_normal(rng, 1.0, spec.stroma.speed_variation, count)
    cells["nucleation"] = log_normal(rng, 1.0, spec.stroma.nucleation_variation, count)
    cargo = {}
    for name in spec.solved_ligands:
        rules = spec.ligand[name].secretion
        cargo[name] = np.array(
            [rules.migrasome * secretion_factor, rules.carrying_fraction, rules.migrasome_decay]
        )
    growth = Growth(
        seed=seed,
        step=0,
        cells=cells,
        strands=np.zeros(0, dtype=STRAND),
        course=np.zeros((0, 2, VERTICES)),
        buds=np.zeros(0, dtype=BUD),
        fibres=0,
        cargo=cargo,
        rates=_record(rates),
    )
    none = np.zeros(0)
    nobody = Migrasomes(
        x=none,
        y=none,
        radius=none,
        body=np.zeros(0, dtype=np.intp),
        blocked=none,
        birth=none,
        end=none,
        present=np.zeros(0, dtype=np.bool_),
        maturity=none,
        origin=np.zeros(0, dtype=np.int8),
        fate=np.zeros(0, dtype=np.int8),
        secretion=dict.fromkeys(cargo, none),
        fading=dict.fromkeys(cargo, none),
    )
    return Scene(replace(bodies, migrating=cells["migrating"]), _seen(growth), nobody, growth)


def _record(rates: Rates) -> NDArray[Any]:
    return np.array([tuple(rates)], dtype=RATES)


def perturb(scene: Scene, spec: ModelSpec, perturbation: Perturbation) -> Scene:
    """Scene that goes on under other perturbations; a scene that does not grow stays as it is."""
    if scene.growth is None:
        return scene
    rates = _record(rates_of(spec, perturbation))
    return replace(scene, growth=replace(scene.growth, rates=rates))


def freeze(scene: Scene) -> Scene:
    """Scene that stays as it is from now on: nothing moves, forms or falls apart."""
    if scene.growth is None:
        return scene
    m = scene.migrasomes
    return replace(
        scene,
        bodies=replace(scene.bodies, migrating=np.zeros_like(scene.bodies.migrating)),
        migrasomes=replace(
            m,
            end=np.where(m.present, np.inf, m.end),
            fate=np.where(m.present, np.int8(Fate.OUTLIVES_THE_RUN), m.fate),
        ),
        growth=None,
    )


def change_times(scene: Scene) -> list[float]:
    """Times at which migrasomes that carry a ligand appear or rupture [s], as far as known.

    The others release nothing; that they are there is seen at the next time asked for. Of a grown
    scene no time is known.
    """
    if scene.growth is not None:
        return []
    m = scene.migrasomes
    carry = np.zeros(len(m.x), dtype=np.bool_)
    for rates in m.secretion.values():
        carry |= rates > 0.0
    times = np.unique(np.concatenate([m.birth[carry], m.end[carry]]))
    return [float(t) for t in times[np.isfinite(times)]]


def advance(
    scene: Scene, until: float, eaten: Collection[int] = ()
) -> tuple[Scene, tuple[Release, ...]]:
    """Scene at a later time and what was released at once on the way.

    Parameters
    ----------
    scene : Scene
    until : float
        [s]; of a placed scene none of `change_times` may lie between.
    eaten : collection of int
        Migrasomes that cells have taken up since, and what they carry with them.

    Returns
    -------
    scene : Scene
        The same object if nothing has changed.
    releases : tuple of Release
        What ruptured migrasomes had left of a cargo that is not refilled: their secretion then
        over the rate at which it decays.
    """
    before = scene.migrasomes.present
    if scene.growth is not None:
        scene = _grown(scene, until)
    if len(eaten) > 0:
        scene = _without(scene, until, eaten)
    m = scene.migrasomes
    present = (m.birth <= until) & (until < m.end)
    if not np.array_equal(present, m.present):
        scene = replace(scene, migrasomes=replace(m, present=present))
    releases = []
    for ligand, rates in m.secretion.items():
        decay = m.fading[ligand]
        # Those that came and went in between were never seen to secrete, but do release.
        burst = ~present & (m.end <= until) & (m.fate == Fate.RUPTURES)
        burst[: len(before)] &= before
        for n in np.flatnonzero(burst & (rates > 0.0) & (decay > 0.0)):
            left = rates[n] * math.exp(-decay[n] * (m.end[n] - m.birth[n])) / decay[n]
            releases.append(Release(float(m.end[n]), int(n), ligand, float(left)))
    return scene, tuple(releases)


def _without(scene: Scene, until: float, eaten: Collection[int]) -> Scene:
    """Scene whose migrasomes are there no more that cells have taken up."""
    m = scene.migrasomes
    gone = np.zeros(len(m.x), dtype=np.bool_)
    gone[list(eaten)] = True
    gone &= m.present & (m.end > until)
    end = np.where(gone, until, m.end)
    fate = np.where(gone, np.int8(Fate.IS_TAKEN_UP), m.fate)
    growth = scene.growth
    if growth is not None:
        buds = growth.buds.copy()
        buds["end"], buds["fate"] = end, fate
        growth = replace(growth, buds=buds)
    return replace(scene, migrasomes=replace(m, end=end, fate=fate), growth=growth)


def _grown(scene: Scene, until: float) -> Scene:
    """Scene after all the steps of growth that end by a time [s]; itself if none does."""
    growth = scene.growth
    assert growth is not None
    rates = growth.rates[0]
    steps = math.floor((until - rates["start"]) / rates["step"] + _ROUND_OFF) - growth.step
    if steps <= 0:
        return scene
    cells = growth.cells.copy()
    numbers = np.array([len(growth.strands), growth.fibres, len(growth.buds)])
    strands, course, buds = grow(
        rates, growth.seed, growth.step, steps, cells, growth.strands.copy(),
        growth.course.copy(), growth.buds.copy(), numbers,
    )  # fmt: skip
    fibres, ever, migrasomes = (int(number) for number in numbers)
    growth = replace(
        growth,
        step=growth.step + steps,
        cells=cells,
        strands=strands[:fibres],
        course=course[:fibres],
        buds=buds[:migrasomes],
        fibres=ever,
    )
    size = np.sqrt(cells["spread"])
    bodies = replace(
        scene.bodies,
        x=cells["x"].copy(),
        y=cells["y"].copy(),
        semi_major=size * cells["semi_major"],
        semi_minor=size * cells["semi_minor"],
        angle=cells["angle"].copy(),
        migrating=cells["migrating"].copy(),
    )
    return Scene(bodies, _seen(growth), _aged(scene.migrasomes, growth), growth)


def _seen(growth: Growth) -> Fibres:
    """Fibres long enough to be seen."""
    shown = growth.strands["grown"]
    strands, course = growth.strands[shown], growth.course[shown]
    beyond = np.arange(VERTICES) >= strands["count"][:, None]
    width, length = growth.rates["width"][0], growth.rates["length"][0]
    return Fibres(
        x=np.where(beyond, np.nan, folded(course[:, 0], width)),
        y=np.where(beyond, np.nan, folded(course[:, 1], length)),
        body=strands["owner"].astype(np.intp),
        origin=strands["origin"].astype(np.int8),
    )


def _aged(before: Migrasomes, growth: Growth) -> Migrasomes:
    """Migrasomes as old as they are after growth's last step, those that are new among them."""
    rates, buds = growth.rates[0], growth.buds
    now = rates["start"] + growth.step * rates["step"]
    age = np.maximum(np.minimum(now, buds["end"]) - buds["birth"], 0.0)
    new = len(buds) - len(before.x)
    secretion, fading = {}, {}
    for name, (rate, fraction, decay) in growth.cargo.items():
        carries = _chances(growth.seed, name, len(before.x), new) < fraction
        secretion[name] = np.concatenate([before.secretion[name], np.where(carries, rate, 0.0)])
        fading[name] = np.full(len(buds), decay)
    return Migrasomes(
        x=buds["x"].copy(),
        y=buds["y"].copy(),
        radius=buds["radius"]
        - (buds["radius"] - rates["early_radius"]) * np.exp(-rates["growth"] * age),
        body=buds["body"].astype(np.intp),
        blocked=np.concatenate([before.blocked, np.zeros(new)]),
        birth=buds["birth"].copy(),
        end=buds["end"].copy(),
        present=np.concatenate([before.present, np.zeros(new, dtype=np.bool_)]),
        # Two stages, one after the other: hardly any of it is there early on.
        maturity=np.expm1(-rates["gathering"] * age) ** 2,
        origin=buds["origin"].astype(np.int8),
        fate=buds["fate"].astype(np.int8),
        secretion=secretion,
        fading=fading,
    )


def _chances(seed: int, ligand: str, first: int, count: int) -> Array:
    """A uniform number for each new migrasome, that decides whether it carries a ligand."""
    normals, chances = np.empty(count), np.empty(count)
    draw_all(
        seed, int(Stream.CARGO), np.arange(first, first + count), zlib.crc32(ligand.encode()),
        normals, chances,
    )  # fmt: skip
    return chances
