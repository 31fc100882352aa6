"""Binding sites of the coat on the floor: the substrate's pattern, less the sites under bodies."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdf1_field.grid import Grid
from sdf1_field.images import read_pattern, resampled
from sdf1_field.scene import Scene, cells_under_bodies
from sdf1_field.spec import Coat

Array = NDArray[np.float64]


def binding_sites(coat: Coat, scene: Scene, grid: Grid) -> float | Array:
    """Sites per area of a coat [molecules/um**2].

    Parameters
    ----------
    coat : Coat
    scene : Scene
        Its bodies shield what they stand on, cell by cell of the grid.
    grid : Grid

    Returns
    -------
    float, or ndarray of shape (ny, nx) where the coat is uneven

    Raises
    ------
    InputError
        If a pattern's file cannot be read as one.
    """
    if not coat.uneven:
        return coat.sites
    share = np.ones((grid.ny, grid.nx))
    if coat.pattern == "stripes":
        share *= _stripes(grid.nx, grid.width, coat.stripe_width)[None, :]
    elif coat.pattern != "even":
        share *= resampled(read_pattern(Path(coat.pattern)), grid.ny, grid.nx)
    if coat.under_bodies < 1.0:
        cell, _ = cells_under_bodies(scene, grid)
        np.multiply.at(share.reshape(-1), cell, coat.under_bodies)
    return coat.sites * share


def _stripes(count: int, extent: float, width: float) -> Array:
    """Coated share of each cell across stripes of one width: coated, bare, coated, ..."""
    edges = np.linspace(0.0, extent, count + 1)
    whole, rest = np.divmod(edges, 2.0 * width)
    coated = whole * width + np.minimum(rest, width)
    shares: Array = np.diff(coated) / np.diff(edges)
    return shares
