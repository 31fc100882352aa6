"""The medium of each cosine mode as a column of layers: rates and weights of its eigenvectors."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import RunError
from sdf1_field.grid import Grid
from sdf1_field.solvers.cosine.spectrum import eigenvectors, poles
from sdf1_field.solvers.cosine.tolerances import Tolerances
from sdf1_field.transport import Coat, Transport

Array = NDArray[np.float64]

_POLE_SHARE = 0.1
"""Tolerance of the projection on few poles, as a share of the tolerance of a step."""


@dataclass(frozen=True, eq=False)
class MeanColumn:
    """Column of the floor's mean: all layers, and mixed medium above them as one more.

    Parameters
    ----------
    rates : ndarray, shape (n,)
        Eigenvalues of the exchange [1/s], ascending, the first exactly 0 under a no-flux top.
    floor_weights, top_weights : ndarray, shape (n,)
        Amplitude to the concentration of the lowest and of the topmost layer [um**-1/2].
    content : ndarray, shape (n,)
        Amplitude to the integral over height [um**1/2].
    vectors : ndarray, shape (n, n)
        Eigenvectors as columns.
    thickness : ndarray, shape (n,)
        [um].
    top_conductance : float
        Between the topmost layer's centre and a bath [um/s]; 0 under a no-flux top.
    forcing : ndarray, shape (n,)
        Inflow from the bath, added to the amplitudes per second.
    """

    rates: Array
    floor_weights: Array
    top_weights: Array
    content: Array
    vectors: Array
    thickness: Array
    top_conductance: float
    forcing: Array


@dataclass(frozen=True, eq=False)
class Columns:
    """Grid, equation, and the eigenvectors of their columns.

    Parameters
    ----------
    grid : Grid
    transport : Transport
    rates : ndarray, shape (pole,)
        Of the columns of every mode but the mean [1/s], ascending.
    floor_weights : ndarray, shape (pole,)
        ``w`` [um**-1/2]: amplitude to the lowest layer, and floor flux to amplitude.
    vectors : ndarray, shape (nz, pole)
    lateral : ndarray, shape (ny, nx)
        ``D q**2 + loss`` of each mode [1/s].
    mean : MeanColumn
    """

    grid: Grid
    transport: Transport
    rates: Array
    floor_weights: Array
    vectors: Array
    lateral: Array
    mean: MeanColumn

    @property
    def mode_scale(self) -> float:
        """Amplitude of mode (0, 0) for a floor that is 1 everywhere."""
        return math.sqrt(self.grid.nx * self.grid.ny)

    @property
    def cell_area(self) -> float:
        """[um**2]."""
        return self.grid.dx * self.grid.dy

    @property
    def half_layer(self) -> float:
        """Resistance between the floor and the lowest layer's mean [s/um]."""
        return self.transport.floor_resistance(self.grid)

    @property
    def coat(self) -> Coat | None:
        """The coat, if anything can bind to it."""
        return self.transport.binding_coat


def prepare(grid: Grid, transport: Transport, tolerances: Tolerances) -> Columns:
    """Eigenvectors of the mean's layers and few poles for all other modes, once for an equation.

    Raises
    ------
    RunError
        If the dish is a round well.
    """
    if grid.round:
        raise RunError("a round well has no cosine modes. Set numerics.solver to 'fipy'.")
    lateral = transport.diffusivity * grid.laplacian_eigenvalues() + transport.loss_rate
    rates, vectors = poles(grid, transport, lateral, tolerance=_POLE_SHARE * tolerances.relative)
    return Columns(
        grid=grid,
        transport=transport,
        rates=rates,
        floor_weights=vectors[0] / math.sqrt(grid.thickness[0]),
        vectors=vectors,
        lateral=lateral,
        mean=_mean_column(grid, transport),
    )


def _mean_column(grid: Grid, transport: Transport) -> MeanColumn:
    h, conductance = grid.thickness, transport.conductances(grid)
    outward = transport.top_conductance(grid)
    if transport.mixed is not None:
        h, conductance = np.append(h, transport.mixed), np.append(conductance, outward)
        outward = 0.0
    rates, vectors = eigenvectors(h, conductance, outward)
    root = np.sqrt(h)
    if outward == 0.0:
        # The constant vector is exact; round-off in its rate would create or destroy ligand.
        rates[0] = 0.0
        vectors[:, 0] = root / math.sqrt(h.sum())
    content = vectors.T @ root
    if outward == 0.0:
        content[1:] = 0.0
    top_weights = vectors[-1] / root[-1]
    return MeanColumn(
        rates=rates,
        floor_weights=vectors[0] / root[0],
        top_weights=top_weights,
        content=content,
        vectors=vectors,
        thickness=h,
        top_conductance=outward,
        forcing=top_weights * outward * (transport.bath or 0.0),
    )
