"""The finite volumes: a grid and an equation on a FiPy mesh, a round well included."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.grid import Grid
from sdf1_field.solvers.fipy.library import fipy, quiet_arithmetic
from sdf1_field.solvers.fipy.tolerances import Tolerances
from sdf1_field.transport import Coat, Transport
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Volumes:
    """Grid and equation, and the mesh of FiPy's cells.

    Parameters
    ----------
    mesh : fipy.meshes.mesh.Mesh
        Cells in the order of a (nz, ny, nx) array.
    diffusivity : fipy.FaceVariable
        ``D`` on each face [um**2/s]; 0 (no-flux) around cells outside a round well.
    floor, outside : ndarray, shape (nz * ny * nx,)
        1 in the cells of the lowest layer inside the well, and in those outside; else 0.
    """

    grid: Grid
    transport: Transport
    mesh: Any
    diffusivity: Any
    floor: Array
    outside: Array

    @property
    def coat(self) -> Coat | None:
        """The coat, if anything can bind to it."""
        return self.transport.binding_coat

    @property
    def sites(self) -> Array:
        """Of the coat [nM um], shape (ny, nx); zero outside a round well."""
        coat = self.coat
        assert coat is not None
        return np.asarray(coat.sites * self.grid.inside / MOLECULES_PER_UM3_PER_NM)

    @property
    def mixed(self) -> float:
        """Height of the mixed medium [um]; 0 without."""
        return self.transport.mixed or 0.0

    @property
    def floor_resistance(self) -> float:
        """Between the lowest layer's centre and z = 0 [s/um]."""
        return self.transport.floor_resistance(self.grid)

    @property
    def top_conductance(self) -> float:
        """Between the top layer's centre and a bath or mixed medium [um/s]; 0 without."""
        return self.transport.top_conductance(self.grid)

    @property
    def cell_area(self) -> float:
        """[um**2]."""
        return self.grid.dx * self.grid.dy

    @property
    def coat_height(self) -> float:
        """``l``: height of medium that holds as much as the empty coat where densest [um]."""
        coat, most = self.coat, float(self.sites.max())
        assert coat is not None
        leaving = coat.dissociation_rate + coat.loss_rate
        return coat.association_rate * most / leaving if leaving > 0 else most

    def on_floor(self, values: Array) -> Array:
        """Values of the mesh's cells from those of the lowest layer, zero elsewhere."""
        spread = np.zeros(self.mesh.numberOfCells)
        spread[: values.size] = values.ravel()
        return spread * self.floor

    def of_floor(self, values: Any) -> Array:
        """Values of the lowest layer from those of the mesh's cells, shape (ny, nx)."""
        inside = self.grid.inside
        layer: Array = np.asarray(values)[: inside.size].reshape(inside.shape) * inside
        return layer


def prepare(grid: Grid, transport: Transport, tolerances: Tolerances) -> Volumes:
    """Mesh and diffusivities of its faces, once for a grid and an equation."""
    del tolerances
    shape = (grid.nz, grid.ny, grid.nx)
    inside = np.broadcast_to(grid.inside, shape).ravel()
    with quiet_arithmetic():
        mesh = fipy.Grid3D(
            dx=grid.dx, dy=grid.dy, dz=list(grid.thickness), nx=grid.nx, ny=grid.ny, nz=grid.nz
        )
        one, other = mesh.faceCellIDs
        between = inside[np.asarray(one)]
        shared = ~np.ma.getmaskarray(other)
        between[shared] &= inside[np.asarray(other)[shared]]
        diffusivity = fipy.FaceVariable(mesh=mesh, value=transport.diffusivity * between)
    floor = np.zeros(shape)
    floor[0] = grid.inside
    return Volumes(grid, transport, mesh, diffusivity, floor.ravel(), (~inside).astype(float))
