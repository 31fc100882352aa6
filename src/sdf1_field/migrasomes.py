"""How the stroma's migrasomes change with time.

A placed scene stays as it was placed, and releases nothing but what its bodies and migrasomes
secrete all the time.
"""

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


def advance(scene: Scene, until: float) -> tuple[Scene, tuple[Release, ...]]:
    """Scene at a later time and what was released at once on the way.

    Parameters
    ----------
    scene : Scene
        Placed.
    until : float
        [s].
    """
    del until
    return scene, ()
