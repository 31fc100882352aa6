"""Contacts: the places at which a cell touches bodies and fibres, whatever ligands these bear."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.grid import Grid, divided
from sdf1_field.scene import Scene, cells_under_bodies, fibre_reach, touched_fibres
from sdf1_field.spec import ModelSpec

Numbers = NDArray[np.int32]


class Contacts(NamedTuple):
    """Places of an adhesion map at which a cell touches bodies and fibres.

    Parameters
    ----------
    under, body : ndarray of int32, shape (n,)
        Places under bodies, counted row by row, and the body over each.
    fibres : ndarray of int32, shape (n,)
        Places that touch a fibre.
    """

    under: Numbers
    body: Numbers
    fibres: Numbers


def contact_grid(spec: ModelSpec, grid: Grid) -> Grid:
    """Grid of a model's adhesion maps: the fields' own, divided until fine enough.

    It is no coarser than ``numerics.contact_spacing``, so that contacts do not depend on
    ``grid.spacing``.
    """
    return divided(grid, spec.numerics.contact_spacing)


def contacts_of(spec: ModelSpec, scene: Scene, fine: Grid) -> Contacts:
    """Contacts of a scene with the model's cells, on the grid of `contact_grid`."""
    under, body = cells_under_bodies(scene, fine)
    reach = fibre_reach(
        scene,
        radius=0.5 * spec.haematopoietic.diameter,
        outline_margin=spec.scene.network_outline_margin,
    )
    touched = touched_fibres(scene, fine, reach=reach)
    return Contacts(
        under.astype(np.int32),
        body.astype(np.int32),
        np.flatnonzero(touched).astype(np.int32),
    )


@kernel()
def raise_at(
    contact: NDArray[np.uint8],
    ligand: NDArray[np.float32],
    places: Numbers,
    density: NDArray[np.float32],
    owner: Numbers,
) -> None:
    """Mark places of a map, and raise its ligand to at least the density of their owners.

    Parameters
    ----------
    contact, ligand : ndarray, shape (ny * nx,)
        Changed.
    places : ndarray, shape (n,)
    density : ndarray, shape (structure,)
        Of the ligand [1].
    owner : ndarray, shape (n,)
        Number of the structure at each place.
    """
    # Unsigned, lest every index be checked for counting from the end.
    for n in range(places.size):
        place = np.uint64(places[n])
        contact[place] = 1
        ligand[place] = max(ligand[place], density[np.uint64(owner[n])])
