"""Secretion of bodies and migrasomes as a flux on the floor's cells, its total exact."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sdf1_field.grid import Grid
from sdf1_field.scene import Scene, body_masks

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Secretion:
    """Secretion of one ligand.

    Parameters
    ----------
    flux : ndarray, shape (ny, nx)
        [molecules/(um**2 s)].
    total : float
        Sum of the sources' own rates, not of the grid [molecules/s].
    """

    flux: Array
    total: float


def secretion(scene: Scene, grid: Grid, ligand: str) -> Secretion:
    """Bodies secrete evenly over their footprint, migrasomes where they are.

    A body too small to cover a cell's centre secretes as a point.

    Parameters
    ----------
    ligand : str
        Name of the ligand; one that the scene does not secrete gives zero everywhere.
    """
    amount = np.zeros((grid.ny, grid.nx))
    bodies, migrasomes = scene.bodies, scene.migrasomes
    body_rates = bodies.secretion.get(ligand, np.zeros(len(bodies.x)))
    migrasome_rates = migrasomes.secretion.get(ligand, np.zeros(len(migrasomes.x)))
    for n, (rows, cols, inside) in enumerate(body_masks(scene, grid)):
        covered = int(inside.sum())
        if covered:
            amount[rows, cols][inside] += body_rates[n] / covered
        else:
            amount += grid.deposit(bodies.x[n : n + 1], bodies.y[n : n + 1], body_rates[n : n + 1])
    amount += grid.deposit(migrasomes.x, migrasomes.y, migrasome_rates)
    if grid.round:
        amount = _within(amount, grid)
    return Secretion(
        flux=amount / (grid.dx * grid.dy),
        total=float(body_rates.sum()) + float(migrasome_rates.sum()),
    )


def _within(amount: Array, grid: Grid) -> Array:
    """Amounts with those of cells outside a round well given to the nearest cell inside."""
    nearest = ndimage.distance_transform_edt(
        ~grid.inside, sampling=(grid.dy, grid.dx), return_distances=False, return_indices=True
    )
    kept = np.zeros_like(amount)
    np.add.at(kept, tuple(nearest), amount)
    return kept
