"""Adhesion maps of a recorded scene: where structures are is kept, and the rest is filled in.

The places at which a cell touches bodies and fibres are the same in every replay. Migrasomes may
have been taken up, and antibodies and the model decide how densely structures bear ligands.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells import AdhesionMap, adhesion_map
from sdf1_field.cells.adhesion import BONDS
from sdf1_field.compiled import kernel
from sdf1_field.grid import Grid
from sdf1_field.scene import Scene, cells_under_bodies, raise_on_migrasomes, touched_fibres
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


def contact_grid(spec: ModelSpec, scene: Scene, grid: Grid) -> Grid:
    """Grid of the model's adhesion maps."""
    ny, nx = adhesion_map(spec, scene, grid).contact.shape
    return replace(grid, nx=nx, ny=ny)


def contacts_of(spec: ModelSpec, scene: Scene, fine: Grid) -> Contacts:
    """Contacts of a scene, on the grid of `contact_grid`."""
    under, body = cells_under_bodies(scene, fine)
    touched = touched_fibres(scene, fine, reach=0.5 * spec.haematopoietic.diameter)
    return Contacts(
        under.astype(np.int32),
        body.astype(np.int32),
        np.flatnonzero(touched).astype(np.int32),
    )


def adhesion_of(spec: ModelSpec, scene: Scene, contacts: Contacts, fine: Grid) -> AdhesionMap:
    """`sdf1_field.cells.adhesion_map` of a scene whose contacts are known.

    Parameters
    ----------
    spec : ModelSpec
    scene : Scene
        Bodies and fibres are where they were for the contacts.
    contacts : Contacts
    fine : Grid
        As of `contact_grid`.
    """
    contact = np.zeros((fine.ny, fine.nx), dtype=np.uint8)
    ligands = np.zeros((len(BONDS), fine.ny, fine.nx), dtype=np.float32)
    bodies, migrasomes = scene.bodies, scene.migrasomes
    for (name, on), ligand in zip(BONDS.items(), ligands, strict=True):
        if not getattr(spec.mechanisms, f"{name}_adhesion"):
            continue
        if on.on_bodies is not None:
            density = on.on_bodies(bodies, spec.adhesion).astype(np.float32)
            _raise(contact.reshape(-1), ligand.reshape(-1), contacts.under, density, contacts.body)
        if on.on_migrasomes is not None:
            free = on.on_migrasomes(migrasomes, spec.adhesion)[migrasomes.present]
            reach = 0.5 * spec.haematopoietic.diameter
            raise_on_migrasomes(contact, ligand, migrasomes, fine, free, reach=reach)
        if on.on_fibres:
            one, first = np.ones(1, dtype=np.float32), np.zeros_like(contacts.fibres)
            _raise(contact.reshape(-1), ligand.reshape(-1), contacts.fibres, one, first)
    return AdhesionMap(contact, ligands, fine.dx, fine.dy)


@kernel()
def _raise(
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
