"""Adhesion maps: the structures that a cell touches at a place, and the bonds that they bear.

Bonds are data: an entry of `BONDS` says which structures bear a ligand, and how densely. A cell
touches the body under its centre, and every migrasome and fibre whose edge is within its radius.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.contacts import Contacts, contact_grid, contacts_of, raise_at
from sdf1_field.cells.parameters import CellParameters
from sdf1_field.cells.state import Cells
from sdf1_field.grid import Grid
from sdf1_field.scene import (
    Bodies,
    Migrasomes,
    Region,
    RegionMap,
    Scene,
    raise_on_migrasomes,
)
from sdf1_field.spec import BOND_NAMES, Adhesion, ModelSpec

Array = NDArray[np.float64]


class Bond(NamedTuple):
    """A ligand that holds cells, and its density on each structure that bears it.

    Parameters
    ----------
    on_bodies : callable or None
        Of the bodies and the model's densities: free ligand on each, relative to an untreated MSC
        body [1], shape (body,). None where bodies bear none.
    on_migrasomes : callable or None
        The same of the migrasomes.
    on_fibres : bool
        Whether fibres bear it, with density 1.
    """

    on_bodies: Callable[[Bodies, Adhesion], Array] | None = None
    on_migrasomes: Callable[[Migrasomes, Adhesion], Array] | None = None
    on_fibres: bool = False


BONDS: dict[str, Bond] = {
    "cd166": Bond(
        on_bodies=lambda bodies, _: 1.0 - bodies.blocked,
        on_migrasomes=lambda m, density: density.cd166_migrasome * m.maturity * (1.0 - m.blocked),
    ),
    "vla4": Bond(on_bodies=lambda bodies, _: np.ones(len(bodies.x))),
    "fibre": Bond(on_fibres=True),
}
"""Bonds by the names in their switches, ``NAME_adhesion``, and their strengths, ``NAME_bonds``."""
assert tuple(BONDS) == BOND_NAMES


class AdhesionMap(NamedTuple):
    """Structures that a cell centred at a place touches.

    Parameters
    ----------
    contact : ndarray of uint8, shape (ny, nx)
        1 where it touches a structure that bears a bond, even if blocked.
    ligands : ndarray of float32, shape (ny, nx, bond)
        Largest free density touched of each ligand, in the order of `BONDS` [1]; those of a place
        share a line of the processor's cache.
    dx, dy : float
        Spacing of the maps [um].
    """

    contact: NDArray[np.uint8]
    ligands: NDArray[np.float32]
    dx: float
    dy: float

    def cells_of(self, x: Array, y: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row and column of places [um], shape (place,)."""
        rows, columns = self.contact.shape
        return (
            np.clip((y / self.dy).astype(np.intp), 0, rows - 1),
            np.clip((x / self.dx).astype(np.intp), 0, columns - 1),
        )

    def free(self, bond: str, x: Array, y: Array) -> NDArray[np.float32]:
        """Free ligand of a bond of `BONDS` that cells touch at places [um], shape (place,)."""
        free: NDArray[np.float32] = self.ligands[..., BOND_NAMES.index(bond)][self.cells_of(x, y)]
        return free


def adhesion_map(
    spec: ModelSpec, scene: Scene, grid: Grid, contacts: Contacts | None = None
) -> AdhesionMap:
    """Adhesion map of a scene for the model's cells, on the grid of `contact_grid`.

    A bond that is switched off neither holds a cell nor lets it touch.

    Parameters
    ----------
    spec : ModelSpec
    scene : Scene
    grid : Grid
        Of the fields.
    contacts : Contacts, optional
        Of the scene, where they are known.
    """
    fine = contact_grid(spec, grid)
    met = contacts_of(spec, scene, fine) if contacts is None else contacts
    reach = 0.5 * spec.haematopoietic.diameter
    contact = np.zeros((fine.ny, fine.nx), dtype=np.uint8)
    ligands = np.zeros((fine.ny, fine.nx, len(BONDS)), dtype=np.float32)
    bodies, migrasomes = scene.bodies, scene.migrasomes
    for n, (name, on) in enumerate(BONDS.items()):
        if not getattr(spec.mechanisms, f"{name}_adhesion"):
            continue
        flat = contact.reshape(-1), ligands.reshape(-1, len(BONDS))[:, n]
        if on.on_bodies is not None:
            density = on.on_bodies(bodies, spec.adhesion).astype(np.float32)
            raise_at(*flat, met.under, density, met.body)
        if on.on_migrasomes is not None:
            free = on.on_migrasomes(migrasomes, spec.adhesion)[migrasomes.present]
            raise_on_migrasomes(contact, ligands[..., n], migrasomes, fine, free, reach=reach)
        if on.on_fibres:
            one, first = np.ones(1, dtype=np.float32), np.zeros_like(met.fibres)
            raise_at(*flat, met.fibres, one, first)
    return AdhesionMap(contact, ligands, fine.dx, fine.dy)


def sticky(
    parameters: CellParameters, regions: RegionMap, grid: Grid
) -> tuple[CellParameters, AdhesionMap]:
    """Parameters and map of the encounter limit.

    Cells are caught at once on bodies and networks, never let go, and sense nothing.
    """
    limit = parameters._replace(
        receptors=0.0,
        chemokinesis_gain=0.0,
        basal_arrest_rate=math.inf,
        triggered_arrest_rate=0.0,
        release_rate=0.0,
        bonds=(0.0,) * len(BONDS),
        migrasome_uptake_rate=0.0,
        adheres=True,
    )
    reached = (regions != Region.FREE_SURFACE).astype(np.uint8)
    none = np.zeros((*regions.shape, len(BONDS)), dtype=np.float32)
    return limit, AdhesionMap(reached, none, grid.dx, grid.dy)


def detach_unsupported(cells: Cells, hold: AdhesionMap) -> Cells:
    """Cells after the stroma has changed: held cells that touch nothing crawl again.

    Parameters
    ----------
    cells : Cells
    hold : AdhesionMap
        After the change.

    Returns
    -------
    Cells
        The same object if no cell is let go.
    """
    held = np.flatnonzero(cells.held)
    touches = hold.contact[hold.cells_of(cells.x[held], cells.y[held])] > 0
    if touches.all():
        return cells
    still = cells.held.copy()
    still[held[~touches]] = False
    return replace(cells, held=still)
