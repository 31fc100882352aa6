"""Evolution of the stroma: its cells, their retraction fibres, and the migrasomes on these.

A placed scene's migrasomes stay where they were placed; they appear and rupture at times drawn with
their places. A grown scene begins with bodies alone and evolves in steps of its own, so that the
scene at a time does not depend on the times at which it was asked for before.
"""

import math
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.migrasomes.bodies import WALKER
from sdf1_field.migrasomes.cargo import (
    CARRIAGE,
    CARRIED_OFF,
    FRONT,
    FUSED,
    HELD,
    LEAKED,
    MADE,
    REAR,
    RELEASED,
    Cargo,
    all_loaded,
)
from sdf1_field.migrasomes.emission import (
    Emission,
    emission_between,
    rates_now,
    rates_since_birth,
)
from sdf1_field.migrasomes.expected import ExpectedStroma, expected_stroma, secreting_share
from sdf1_field.migrasomes.fibres import STRAND, VERTICES
from sdf1_field.migrasomes.growth import grow
from sdf1_field.migrasomes.laws import RATES, Rates, carriage_of, migration, rates_of
from sdf1_field.migrasomes.nucleation import BUD
from sdf1_field.random import Stream, name_key
from sdf1_field.random.kernels import draws
from sdf1_field.scene import (
    NO_BODY,
    Bodies,
    Fate,
    Fibres,
    Growth,
    Migrasomes,
    Scene,
    log_normal,
    place_bodies,
)
from sdf1_field.spec import ModelSpec, Perturbation
from sdf1_field.treatments import schedule
from sdf1_field.walls import reflected_places

__all__ = [
    "Cargo",
    "Emission",
    "ExpectedStroma",
    "Rates",
    "advance",
    "appearance_and_rupture_times",
    "cargo_of",
    "emission_between",
    "expected_stroma",
    "freeze",
    "migration",
    "perturb",
    "rates_now",
    "rates_of",
    "secreting_share",
    "seed_scene",
]

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_ROUND_OFF = 1e-9
"""Share of a step by which a time may miss its end."""


def seed_scene(
    spec: ModelSpec, seed: int, perturbation: Perturbation, *, secretion_factor: float
) -> Scene:
    """Newly seeded stroma that will grow: spread bodies, at rest or migrating, without fibres.

    Parameters
    ----------
    spec : ModelSpec
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
    bodies = place_bodies(spec, seed, secretion_factor=secretion_factor)
    count = len(bodies.x)
    speeds, ends = draws(seed, Stream.STROMA, np.arange(count), 0)
    nucleations, moves = draws(seed, Stream.STROMA, np.arange(count), 1)
    productions, _ = draws(seed, Stream.STROMA, np.arange(count), 2)
    rates = rates_of(spec, perturbation)
    share = rates.starting / (rates.starting + rates.stopping) if rates.starting > 0.0 else 0.0
    cells = np.zeros(count, dtype=WALKER)
    cells["x"], cells["y"], cells["angle"] = bodies.x, bodies.y, bodies.angle
    cells["heading"] = bodies.angle
    cells["semi_major"], cells["semi_minor"] = bodies.semi_major, bodies.semi_minor
    cells["polarity"] = np.where(ends < 0.5, 1.0, -1.0)
    cells["migrating"] = moves < share
    cells["spread"] = 1.0
    cells["speed"] = log_normal(1.0, spec.stroma.speed_variation, speeds)
    cells["nucleation"] = log_normal(1.0, spec.stroma.nucleation_variation, nucleations)
    cells["production"] = log_normal(1.0, spec.stroma.production_variation, productions)
    constant: dict[str, Array] = {}
    if not spec.mechanisms.cargo_kinetics:
        for name in spec.solved_ligands:
            rules = spec.ligand[name].secretion
            constant[name] = np.array([rules.migrasome * secretion_factor, rules.carrying_fraction])
    # A body begins in steady state of production and its own release; genetic perturbations began
    # long before.
    always = _carriages(spec, schedule(spec).perturbation(-math.inf), secretion_factor)
    pools = np.zeros((len(always), count, 4))
    for k, (kind,) in enumerate(always.values()):
        content = kind["production"] * cells["production"] / kind["body_release"]
        pools[k, :, FRONT] = pools[k, :, REAR] = 0.5 * content
        pools[k, :, MADE] = content
    growth = Growth(
        seed=seed,
        step=0,
        cells=cells,
        strands=np.zeros(0, dtype=STRAND),
        course=np.zeros((0, 2, VERTICES)),
        buds=np.zeros(0, dtype=BUD),
        constant=constant,
        carriage=_carriages(spec, perturbation, secretion_factor),
        pools=pools,
        held=np.zeros((0, len(always), 4)),
        followed=rates.start,
        secretion_factor=secretion_factor,
        rates=_record(rates),
    )
    none = np.zeros(0)
    without = Migrasomes(
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
        loaded={},
        secretion={},
        secretion_at_birth={},
        decay={},
    )
    bodies = replace(bodies, migrating=cells["migrating"], secretion=_of_bodies(bodies, growth))
    m = _aged(without, growth)
    m = replace(m, secretion=_of_migrasomes(m, growth, rates.start))
    return Scene(bodies, _seen(growth), m, growth)


def _record(rates: Rates) -> NDArray[Any]:
    return np.array([tuple(rates)], dtype=RATES)


def _carriages(
    spec: ModelSpec, perturbation: Perturbation, secretion_factor: float
) -> dict[str, NDArray[Any]]:
    return {
        name: carriage_of(spec, name, perturbation, secretion_factor=secretion_factor)
        for name in spec.followed_ligands
    }


def cargo_of(scene: Scene) -> dict[str, Cargo]:
    """Cargo of each ligand that is followed from production on, by ligand; empty if none is."""
    growth = scene.growth
    if growth is None:
        return {}
    pools, held = growth.pools, growth.held
    return {
        name: Cargo(
            front=pools[k, :, FRONT],
            rear=pools[k, :, REAR],
            made=pools[k, :, MADE],
            released=pools[k, :, RELEASED],
            held=held[:, k, HELD],
            fused=held[:, k, FUSED],
            leaked=held[:, k, LEAKED],
            carried_off=held[:, k, CARRIED_OFF],
            loaded=scene.migrasomes.loaded[name],
            vesicle_load=float(kind["vesicle_load"][0]),
        )
        for k, (name, kind) in enumerate(growth.carriage.items())
    }


def perturb(scene: Scene, spec: ModelSpec, perturbation: Perturbation) -> Scene:
    """Scene that grows under other perturbations from now on; unchanged if it does not grow."""
    if scene.growth is None:
        return scene
    growth = replace(
        scene.growth,
        rates=_record(rates_of(spec, perturbation)),
        carriage=_carriages(spec, perturbation, scene.growth.secretion_factor),
    )
    return replace(
        scene,
        bodies=replace(scene.bodies, secretion=_of_bodies(scene.bodies, growth)),
        migrasomes=replace(
            scene.migrasomes,
            secretion=_of_migrasomes(scene.migrasomes, growth, growth.followed),
        ),
        growth=growth,
    )


def freeze(scene: Scene) -> Scene:
    """Scene that no longer evolves: nothing moves, forms, breaks down or ruptures."""
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


def appearance_and_rupture_times(scene: Scene) -> list[float]:
    """Times at which migrasomes that carry a ligand appear or rupture [s], as far as known.

    Other migrasomes release nothing, and appear at the next time asked for. A grown scene's times
    are not known beforehand.
    """
    if scene.growth is not None:
        return []
    m = scene.migrasomes
    carry = np.zeros(len(m.x), dtype=np.bool_)
    for loaded in m.loaded.values():
        carry |= loaded
    times = np.unique(np.concatenate([m.birth[carry], m.end[carry]]))
    return [float(t) for t in times[np.isfinite(times)]]


def advance(scene: Scene, until: float, internalised: Collection[int] = ()) -> Scene:
    """Scene at a later time.

    Parameters
    ----------
    scene : Scene
    until : float
        [s]; of a placed scene none of `appearance_and_rupture_times` may lie between.
    internalised : collection of int
        Migrasomes that cells have taken up since, with all that these hold.

    Returns
    -------
    Scene
        The same object if nothing has changed.
    """
    earlier = scene
    if scene.growth is not None:
        scene = _grown(scene, until)
    if len(internalised) > 0:
        scene = _without(scene, until, internalised)
    m = scene.migrasomes
    present = (m.birth <= until) & (until < m.end)
    if scene is earlier and np.array_equal(present, m.present) and not any(m.decay.values()):
        return scene
    m = replace(m, present=present)
    return replace(scene, migrasomes=replace(m, secretion=_of_migrasomes(m, scene.growth, until)))


def _without(scene: Scene, until: float, internalised: Collection[int]) -> Scene:
    """Scene without the migrasomes that cells have taken up."""
    m = scene.migrasomes
    gone = np.zeros(len(m.x), dtype=np.bool_)
    gone[list(internalised)] = True
    gone &= m.present & (m.end > until)
    end = np.where(gone, until, m.end)
    fate = np.where(gone, np.int8(Fate.IS_TAKEN_UP), m.fate)
    growth = scene.growth
    if growth is not None:
        buds = growth.buds.copy()
        buds["end"], buds["fate"] = end, fate
        held = growth.held.copy()
        held[gone, :, CARRIED_OFF] += held[gone, :, HELD]
        held[gone, :, HELD] = 0.0
        growth = replace(growth, buds=buds, held=held)
    return replace(scene, migrasomes=replace(m, end=end, fate=fate), growth=growth)


def _grown(scene: Scene, until: float) -> Scene:
    """Scene after all steps of growth that end by a time [s], with its cargo at that time.

    The same object if no step ends and no cargo is followed.
    """
    growth = scene.growth
    assert growth is not None
    rates, kinds = growth.rates[0], list(growth.carriage.values())
    steps = math.floor((until - rates["start"]) / rates["step"] + _ROUND_OFF) - growth.step
    steps = max(steps, 0)
    if steps == 0 and (not kinds or until <= growth.followed):
        return scene
    cells, pools = growth.cells.copy(), growth.pools.copy()
    numbers = np.array([len(growth.strands), len(growth.buds)])
    strands, course, buds, held = grow(
        rates, growth.seed, growth.step, steps, growth.followed, until, cells,
        growth.strands.copy(), growth.course.copy(), growth.buds.copy(), numbers,
        np.concatenate([np.zeros(0, dtype=CARRIAGE), *kinds]), pools, growth.held.copy(),
    )  # fmt: skip
    fibres, migrasomes = (int(number) for number in numbers)
    growth = replace(
        growth,
        step=growth.step + steps,
        cells=cells,
        strands=strands[:fibres],
        course=course[:fibres],
        buds=buds[:migrasomes],
        pools=pools,
        held=held[:migrasomes],
        followed=until,
    )
    if steps == 0:
        return replace(
            scene,
            bodies=replace(scene.bodies, secretion=_of_bodies(scene.bodies, growth)),
            growth=growth,
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
        secretion=_of_bodies(scene.bodies, growth),
    )
    return Scene(bodies, _seen(growth), _aged(scene.migrasomes, growth), growth)


def _seen(growth: Growth) -> Fibres:
    """Fibres of at least the shortest visible length."""
    shown = growth.strands["grown"]
    strands, course = growth.strands[shown], growth.course[shown]
    beyond = np.arange(VERTICES) >= strands["count"][:, None]
    width, length = growth.rates["width"][0], growth.rates["length"][0]
    return Fibres(
        x=np.where(beyond, np.nan, reflected_places(course[:, 0], width)),
        y=np.where(beyond, np.nan, reflected_places(course[:, 1], length)),
        body=strands["owner"].astype(np.intp),
        origin=strands["origin"].astype(np.int8),
    )


def _aged(before: Migrasomes, growth: Growth) -> Migrasomes:
    """Migrasomes at their age after the last step of growth, new ones included."""
    rates, buds = growth.rates[0], growth.buds
    now = rates["start"] + growth.step * rates["step"]
    age = np.maximum(np.minimum(now, buds["end"]) - buds["birth"], 0.0)
    new = len(buds) - len(before.x)
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
        # Two first-order stages of one rate in sequence: little CD166 early on.
        maturity=np.expm1(-rates["gathering"] * age) ** 2,
        origin=buds["origin"].astype(np.int8),
        fate=buds["fate"].astype(np.int8),
        loaded=_loaded(before, growth),
        secretion={},
        secretion_at_birth={},
        decay={},
    )


def _loaded(before: Migrasomes, growth: Growth) -> dict[str, Flags]:
    """Whether each migrasome carries a ligand, new ones included, by ligand."""
    fractions = {name: float(fraction) for name, (_, fraction) in growth.constant.items()}
    for name, kind in growth.carriage.items():
        fractions[name] = float(kind["loaded_fraction"][0])
    known = len(before.x)
    return {
        name: np.concatenate(
            [
                before.loaded.get(name, np.zeros(0, dtype=np.bool_)),
                all_loaded(growth.buds["key"][known:], name_key(name), fraction),
            ]
        )
        for name, fraction in fractions.items()
    }


def _of_bodies(bodies: Bodies, growth: Growth) -> dict[str, Array]:
    """Secretion of each body now, by ligand [molecules/s]."""
    if growth.constant:
        return dict(bodies.secretion)
    secretion = {name: np.zeros(len(rates)) for name, rates in bodies.secretion.items()}
    for k, (name, kind) in enumerate(growth.carriage.items()):
        pools = growth.pools[k]
        secretion[name] = kind["body_release"][0] * (pools[:, FRONT] + pools[:, REAR])
    return secretion


def _of_migrasomes(migrasomes: Migrasomes, growth: Growth | None, time: float) -> dict[str, Array]:
    """Secretion of each migrasome at a time [s], by ligand [molecules/s]."""
    m = migrasomes
    if growth is None:
        rates = {**m.secretion, **{name: rates_since_birth(m, name, time) for name in m.decay}}
        return {name: np.where(m.present, rate, 0.0) for name, rate in rates.items()}
    secretion = {
        name: np.where(m.present & m.loaded[name], rate, 0.0)
        for name, (rate, _) in growth.constant.items()
    }
    age = np.maximum(growth.followed - m.birth, 0.0)
    for k, (name, kind) in enumerate(growth.carriage.items()):
        ripe = -np.expm1(-kind["maturing"][0] * age)
        ripe[m.body == NO_BODY] *= kind["detached_fusion"][0]
        secretion[name] = kind["fusion"][0] * ripe * growth.held[:, k, HELD]
    return secretion
