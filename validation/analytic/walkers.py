"""Cells of the cases in which they move: where they are, and that they touch nothing."""

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells import AdhesionMap, Cells
from sdf1_field.grid import Grid
from sdf1_field.spec import BOND_NAMES

Array = NDArray[np.float64]


def crawling(x: Array, y: Array, angle: Array, *, surface: float = 0.0) -> Cells:
    """Cells at places [um] with headings [rad], all of shape (cell,), and receptors on the surface.

    Their signalling has adapted to nothing, and the noise of their trigger is 0.
    """
    own = (np.full(len(x), value) for value in (surface, 0.0, 0.0))
    held = np.zeros(len(x), dtype=np.bool_)
    return Cells(x, y, np.cos(angle), np.sin(angle), *own, held, 0)


def nothing_to_touch(grid: Grid) -> AdhesionMap:
    """Adhesion map of a bare floor."""
    contact = np.zeros((grid.ny, grid.nx), dtype=np.uint8)
    ligands = np.zeros((grid.ny, grid.nx, len(BOND_NAMES)), dtype=np.float32)
    return AdhesionMap(contact, ligands, grid.dx, grid.dy)
