"""Evolution of a stroma in time, under treatments and uptake by cells.

A placed scene's migrasomes stay where they were placed; they appear and rupture at times drawn with
their places. A grown scene begins with bodies alone and evolves in growth steps of its own, so that
the scene at a time does not depend on the times at which it was computed before.
"""

import math
from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.migrasomes.cargo import CARGO_KINETICS, CARRIED_OFF, HELD, all_loaded
from sdf1_field.migrasomes.emission import body_secretion, migrasome_secretion
from sdf1_field.migrasomes.fibres import VERTICES
from sdf1_field.migrasomes.growth import grow
from sdf1_field.migrasomes.laws import followed_cargo, rates_of, rates_record
from sdf1_field.random import name_key
from sdf1_field.scene import NO_BODY, Bodies, Fate, Fibres, Growth, Migrasomes, Scene
from sdf1_field.spec import ModelSpec, Perturbation
from sdf1_field.walls import reflected_places

Flags = NDArray[np.bool_]

_ROUND_OFF = 1e-9
"""Share of a step by which a time may miss its end."""


def perturb(scene: Scene, spec: ModelSpec, perturbation: Perturbation) -> Scene:
    """Scene under another perturbation from now on; the same object if it does not grow."""
    if scene.growth is None:
        return scene
    growth = replace(
        scene.growth,
        rates=rates_record(rates_of(spec, perturbation)),
        cargo_kinetics=followed_cargo(spec, perturbation, scene.growth.secretion_factor),
    )
    return replace(
        scene,
        bodies=replace(scene.bodies, secretion=body_secretion(scene.bodies, growth)),
        migrasomes=replace(
            scene.migrasomes,
            secretion=migrasome_secretion(scene.migrasomes, growth, growth.followed),
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


def remove_bodies(scene: Scene) -> Scene:
    """Scene after its bodies are removed, with their content, and their network is left.

    Fibres stay where they lie. Migrasomes have no body any more, as detached ones. Both are lost
    and migrasomes fuse, leak and rupture as before; none forms.
    """
    bodies, m, growth = scene.bodies, scene.migrasomes, scene.growth
    if len(bodies.x) == 0:
        return scene
    without = np.zeros(0)
    drawn = None if scene.drawn is None else scene.drawn.without_bodies
    bodies = Bodies(
        x=without,
        y=without,
        semi_major=without,
        semi_minor=without,
        angle=without,
        blocked=without,
        secretion=dict.fromkeys(bodies.secretion, without),
        migrating=np.zeros(0, dtype=np.bool_),
    )
    fibres = replace(scene.fibres, body=np.full_like(scene.fibres.body, NO_BODY))
    m = replace(m, body=np.full_like(m.body, NO_BODY))
    if growth is not None:
        strands, buds = growth.strands.copy(), growth.buds.copy()
        strands["owner"] = buds["body"] = NO_BODY
        growth = replace(growth, cells=growth.cells[:0], strands=strands, buds=buds)
        m = replace(m, secretion=migrasome_secretion(m, growth, growth.followed))
    return Scene(bodies, fibres, m, growth, drawn)


def appearance_and_rupture_times(scene: Scene) -> list[float]:
    """Times at which migrasomes that carry a ligand appear or rupture [s], as far as known.

    Migrasomes that carry none appear at the next time to which the scene is advanced. A grown
    scene's times are not known beforehand.
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
        Migrasomes that cells have taken up since, their content included.

    Returns
    -------
    Scene
        The same object if nothing has changed.
    """
    earlier = scene
    if scene.growth is not None:
        scene = _advance_growth(scene, until)
    if len(internalised) > 0:
        scene = _remove_internalised(scene, until, internalised)
    m = scene.migrasomes
    present = (m.birth <= until) & (until < m.end)
    if scene is earlier and np.array_equal(present, m.present) and not any(m.decay.values()):
        return scene
    m = replace(m, present=present)
    return replace(
        scene, migrasomes=replace(m, secretion=migrasome_secretion(m, scene.growth, until))
    )


def _remove_internalised(scene: Scene, until: float, internalised: Collection[int]) -> Scene:
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


def _advance_growth(scene: Scene, until: float) -> Scene:
    """Scene after all steps of growth that end by a time [s], with its cargo at that time.

    The same object if no step ends and no cargo is followed.
    """
    growth = scene.growth
    assert growth is not None
    rates, kinetics = growth.rates[0], list(growth.cargo_kinetics.values())
    steps = math.floor((until - rates["start"]) / rates["step"] + _ROUND_OFF) - growth.step
    steps = max(steps, 0)
    if steps == 0 and (not kinetics or until <= growth.followed):
        return scene
    cells, pools = growth.cells.copy(), growth.pools.copy()
    numbers = np.array([len(growth.strands), len(growth.buds)])
    strands, course, buds, held = grow(
        rates, growth.seed, growth.step, steps, growth.followed, until, cells,
        growth.strands.copy(), growth.course.copy(), growth.buds.copy(), numbers,
        np.concatenate([np.zeros(0, dtype=CARGO_KINETICS), *kinetics]), pools, growth.held.copy(),
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
            bodies=replace(scene.bodies, secretion=body_secretion(scene.bodies, growth)),
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
        secretion=body_secretion(scene.bodies, growth),
    )
    return Scene(
        bodies, visible_fibres(growth), migrasomes_at_age(scene.migrasomes, growth), growth
    )


def visible_fibres(growth: Growth) -> Fibres:
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


def migrasomes_at_age(before: Migrasomes, growth: Growth) -> Migrasomes:
    """All migrasomes after the last step of growth: radius and CD166 at their present age."""
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
        # The square stands for two first-order stages in sequence: little CD166 early on.
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
    for name, kinetics in growth.cargo_kinetics.items():
        fractions[name] = float(kinetics["loaded_fraction"][0])
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
