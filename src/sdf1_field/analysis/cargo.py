"""Chemokine cargo of one dish: molecules in bodies and migrasomes, and secreted by each route.

`count_cargo` counts one ligand in a scene in memory; `stroma_runs` counts one in a run file, and
`cargo_summary` pools the counts of several dishes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis.network import distance_from_body
from sdf1_field.errors import InputError
from sdf1_field.migrasomes import cargo_of
from sdf1_field.random import Stream, generator, name_key
from sdf1_field.scene import NO_BODY, Scene
from sdf1_field.scene.variables import CARGO
from sdf1_field.spec import ModelSpec

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

ROUTES = ("released_by_bodies", "released_by_fusion", "released_at_once")
"""Routes of secretion."""


def over(amount: float, of: float) -> float:
    """Ratio; NaN unless the denominator is positive."""
    return amount / of if of > 0.0 else math.nan


@dataclass(frozen=True, eq=False)
class CargoCount:
    """One ligand in MSC and their migrasomes, in one dish at one time.

    Parameters
    ----------
    ligand : str
    time : float
        [s].
    body_content : ndarray, shape (body,)
        In each body [molecules].
    rear_share : ndarray, shape (body,)
        Of that, in the rear half [1]; NaN in an empty body.
    migrating : ndarray of bool, shape (body,)
    body_volume : float
        Of every body [um**3].
    content : ndarray, shape (migrasome,)
        In each migrasome that is there [molecules].
    vesicles : ndarray of int, shape (migrasome,)
        Drawn from the Poisson distribution around content over molecules in a vesicle.
    diameter, distance, age, calcium : ndarray, shape (migrasome,)
        [um], [um], [s], [1]; the distance from the edge of its own body, 0 under it, NaN for a
        detached one; calcium is the matured share of the signal.
    owner : ndarray of int, shape (migrasome,)
        Number of its body; `NO_BODY` if detached.
    loaded : ndarray of bool, shape (migrasome,)
        Whether it takes the ligand's carriers at all.
    made, in_bodies, in_migrasomes : float
        Made so far, including the initial content of bodies, and present in bodies and in
        migrasomes [molecules].
    released_by_bodies, released_by_fusion, released_at_once, carried_off : float
        Through bodies' own membranes, by fusion in migrasomes, and at once by rupture or leak; gone
        with migrasomes that drifted away or were internalised [molecules].
    """

    ligand: str
    time: float
    body_content: Array
    rear_share: Array
    migrating: Flags
    body_volume: float
    content: Array
    vesicles: NDArray[np.intp]
    diameter: Array
    distance: Array
    age: Array
    calcium: Array
    owner: NDArray[np.intp]
    loaded: Flags
    made: float
    in_bodies: float
    in_migrasomes: float
    released_by_bodies: float
    released_by_fusion: float
    released_at_once: float
    carried_off: float

    @property
    def msc(self) -> int:
        """MSC in the view."""
        return len(self.body_content)

    @property
    def secreted(self) -> float:
        """Released by all three routes [molecules]."""
        return self.released_by_bodies + self.released_by_fusion + self.released_at_once

    @property
    def secreted_to_content(self) -> float:
        """Secreted over content of bodies, as in a blot of medium over lysate; NaN over nothing."""
        return over(self.secreted, self.in_bodies)

    @property
    def through_migrasomes(self) -> float:
        """Secreted by migrasomes, by fusion and at once [molecules]."""
        return self.released_by_fusion + self.released_at_once

    @property
    def share_through_migrasomes(self) -> float:
        """Share of the secreted molecules that migrasomes released; NaN if none are secreted."""
        return over(self.through_migrasomes, self.secreted)

    @property
    def polarisation(self) -> Array:
        """Of each body, (rear - front) / (rear + front) in [-1, 1]; NaN in an empty one."""
        return 2.0 * self.rear_share - 1.0

    @property
    def with_cargo(self) -> float:
        """Share of migrasomes that hold a vesicle or more; NaN without migrasomes."""
        return over(float(np.count_nonzero(self.vesicles)), float(len(self.vesicles)))

    @property
    def vesicles_per_migrasome(self) -> float:
        """Mean over migrasomes; NaN without any."""
        return over(float(self.vesicles.sum()), float(len(self.vesicles)))

    @property
    def content_per_migrasome(self) -> float:
        """Mean over migrasomes [molecules]; NaN without any."""
        return over(float(self.content.sum()), float(len(self.content)))

    @cached_property
    def vesicles_per_cell(self) -> NDArray[np.intp]:
        """Vesicles in the attached migrasomes of each body, shape (body,)."""
        attached = self.owner != NO_BODY
        summed = np.zeros(self.msc, dtype=np.intp)
        np.add.at(summed, self.owner[attached], self.vesicles[attached])
        return summed

    @property
    def volume(self) -> float:
        """Of all migrasomes, as spheres [um**3]."""
        return float((math.pi / 6.0 * self.diameter**3).sum())

    @property
    def enrichment(self) -> float:
        """Molecules per volume of migrasomes over that of bodies; NaN where either has none."""
        in_migrasomes = over(float(self.content.sum()), self.volume)
        return over(in_migrasomes, over(self.in_bodies, self.msc * self.body_volume))


def count_cargo(
    scene: Scene, spec: ModelSpec, ligand: str, *, time: float, seed: int
) -> CargoCount:
    """Count a ligand's cargo in a scene that follows it.

    Parameters
    ----------
    scene : Scene
    spec : ModelSpec
    ligand : str
    time : float
        When [s].
    seed : int
        The dish's; decides the numbers of vesicles.

    Raises
    ------
    InputError
        If the scene does not follow the ligand.
    """
    followed = cargo_of(scene)
    if ligand not in followed:
        raise InputError(
            f"scene: follows {' and '.join(followed) or 'no cargo'}, not {ligand}. Grow one with "
            "mechanisms.cargo_kinetics and the ligand in output.ligands."
        )
    own = followed[ligand]
    here = scene.migrasomes.present
    return cargo_count(
        scene,
        spec,
        ligand,
        time=time,
        seed=seed,
        body_content=own.content,
        rear=own.rear,
        content=own.held[here],
        loaded=own.loaded[here],
        vesicle_load=own.vesicle_load,
        totals={entry: float(getattr(own, key).sum()) for entry, (key, _) in CARGO.items()},
    )


def cargo_count(
    scene: Scene,
    spec: ModelSpec,
    ligand: str,
    *,
    time: float,
    seed: int,
    body_content: Array,
    rear: Array,
    content: Array,
    loaded: Flags,
    vesicle_load: float,
    totals: Mapping[str, float],
) -> CargoCount:
    """Count from contents of the bodies and of the migrasomes that are there [molecules]."""
    m = scene.migrasomes
    here = m.present
    some = body_content > 0.0
    age = time - m.birth[here]
    # A ligand's vesicles at one time are drawn alike from memory and from a file.
    draws = generator(seed, Stream.VESICLES, name_key(f"{ligand} {round(time)}"))
    return CargoCount(
        ligand=ligand,
        time=time,
        body_content=body_content,
        rear_share=np.where(some, rear / np.where(some, body_content, 1.0), np.nan),
        migrating=scene.bodies.migrating,
        body_volume=spec.stroma.body_volume,
        content=content,
        vesicles=draws.poisson(content / vesicle_load).astype(np.intp),
        diameter=2.0 * m.radius[here],
        distance=distance_from_body(scene, here & (m.body != NO_BODY))[here],
        age=age,
        calcium=-np.expm1(-age / spec.traffic.calcium_time),
        owner=m.body[here],
        loaded=loaded,
        **totals,
    )
