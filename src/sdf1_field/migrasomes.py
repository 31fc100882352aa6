"""How the stroma's migrasomes change with time.

A placed scene's migrasomes stay where they were placed; they appear and rupture at times that were
placed with them.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.scene import Scene

Array = NDArray[np.float64]


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


def change_times(scene: Scene) -> list[float]:
    """Times at which migrasomes that carry a ligand appear or rupture [s], as far as known.

    The others release nothing; that they are there is seen at the next time asked for.
    """
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
        Placed.
    until : float
        [s]; none of `change_times` may lie between.
    eaten : collection of int
        Migrasomes that cells have taken up since; none from a placed scene, where none can be.

    Returns
    -------
    scene : Scene
        The same object if nothing has changed.
    releases : tuple of Release
        What ruptured migrasomes had left of a cargo that is not refilled: their secretion then
        over the rate at which it decays.
    """
    del eaten
    m = scene.migrasomes
    present = (m.birth <= until) & (until < m.end)
    if np.array_equal(present, m.present):
        return scene, ()
    releases = []
    for ligand, rates in m.secretion.items():
        decay = m.fading[ligand]
        for n in np.flatnonzero(m.present & ~present & (rates > 0.0) & (decay > 0.0)):
            left = rates[n] * math.exp(-decay[n] * (m.end[n] - m.birth[n])) / decay[n]
            releases.append(Release(float(m.end[n]), int(n), ligand, float(left)))
    return replace(scene, migrasomes=replace(m, present=present)), tuple(releases)
