"""How the stroma's migrasomes change with time.

A placed scene stays as it was placed, and releases nothing but what its bodies and migrasomes
secrete all the time.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sdf1_field.scene import Scene


@dataclass(frozen=True)
class Release:
    """Ligand set free at once, as by a rupture.

    Parameters
    ----------
    time, x, y : float
        When [s] and where [um].
    ligand : str
    amount : float
        [molecules].
    """

    time: float
    x: float
    y: float
    ligand: str
    amount: float


def advance(
    scene: Scene, until: float, eaten: Collection[int] = ()
) -> tuple[Scene, tuple[Release, ...]]:
    """Scene at a later time and what was released at once on the way.

    Parameters
    ----------
    scene : Scene
        Placed.
    until : float
        [s].
    eaten : collection of int
        Migrasomes that cells have taken up since; none from a placed scene, where none can be.
    """
    del until, eaten
    return scene, ()
