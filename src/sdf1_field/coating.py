"""Where on the floor ligand can bind: the substrate's pattern, and what bodies shield."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError
from sdf1_field.grid import Grid
from sdf1_field.scene import Scene, cells_under_bodies
from sdf1_field.spec import Coat

Array = NDArray[np.float64]

_BRIGHTEST = {"uint8": 255.0, "uint16": 65535.0}


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
        share *= _resampled(_image(Path(coat.pattern)), grid.ny, grid.nx)
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


def _image(path: Path) -> Array:
    """Brightness from 0 to 1, the first row at y = 0."""
    image: Array
    try:
        if path.suffix == ".npy":
            stored = np.load(path, allow_pickle=False)
            if stored.dtype.kind not in "biuf":
                raise TypeError
            # Pictures come in bytes or words; other numbers are taken as they are.
            brightest = _BRIGHTEST.get(stored.dtype.name, 1.0)
            image = np.asarray(stored, dtype=float) / brightest
        else:
            from matplotlib.image import imread

            # Pictures begin at the top.
            image = np.asarray(imread(path), dtype=float)[::-1]
            if image.ndim == 3:
                image = image[..., : min(image.shape[2], 3)].mean(axis=2)
    except (OSError, ValueError, SyntaxError, TypeError):
        raise InputError(
            f"{path}: cannot be read as a pattern. Give a PNG picture, or an array saved by NumPy."
        ) from None
    if image.ndim != 2 or not image.size:
        raise InputError(f"{path}: not a flat picture. Give one value for each place.")
    if not (np.isfinite(image).all() and image.min() >= 0.0 and image.max() <= 1.0):
        raise InputError(f"{path}: a pattern's values are from 0 (bare) to 1 (coated). Scale them.")
    return image


def _resampled(image: Array, ny: int, nx: int) -> Array:
    """Mean of a picture over every cell of the grid, the picture spanning the floor."""
    means: Array = _overlaps(ny, image.shape[0]) @ image @ _overlaps(nx, image.shape[1]).T
    return means


def _overlaps(count: int, pixels: int) -> Array:
    """Share of each cell that lies in each pixel, shape (count, pixels)."""
    cell, pixel = np.linspace(0.0, 1.0, count + 1), np.linspace(0.0, 1.0, pixels + 1)
    upper = np.minimum(cell[1:, None], pixel[None, 1:])
    lower = np.maximum(cell[:-1, None], pixel[None, :-1])
    shares: Array = np.maximum(upper - lower, 0.0) * count
    return shares
