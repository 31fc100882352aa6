"""Patterns of coats as arrays, and their means over the cells of a grid.

Rows of an array run along y from y = 0; picture files begin at the top, that is at the largest y.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError

Array = NDArray[np.float64]

_BRIGHTEST = {"uint8": 255.0, "uint16": 65535.0}


def read_pattern(path: Path) -> Array:
    """Read a pattern as brightness from 0 to 1.

    Parameters
    ----------
    path : pathlib.Path
        A picture that Matplotlib reads, colours being averaged, or an array saved by NumPy, whose
        8- and 16-bit values are scaled to 1 and whose other values are taken as they are.

    Returns
    -------
    ndarray, shape (rows, columns)
        The first row at y = 0.

    Raises
    ------
    InputError
        If the file cannot be read, is not two-dimensional or has values outside 0 to 1.
    """
    image: Array
    try:
        if path.suffix == ".npy":
            stored = np.load(path, allow_pickle=False)
            if stored.dtype.kind not in "biuf":
                raise TypeError
            image = np.asarray(stored, dtype=float) / _BRIGHTEST.get(stored.dtype.name, 1.0)
        else:
            from matplotlib.image import imread

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


def resampled(image: Array, ny: int, nx: int) -> Array:
    """Area-weighted mean of an image over each cell of a grid that covers the same rectangle.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
    ny, nx : int
        Cells in y and x.

    Returns
    -------
    ndarray, shape (ny, nx)

    Examples
    --------
    >>> resampled(np.array([[0.0, 1.0]]), 1, 4)
    array([[0., 0., 1., 1.]])
    """
    means: Array = _overlaps(ny, image.shape[0]) @ image @ _overlaps(nx, image.shape[1]).T
    return means


def _overlaps(cells: int, pixels: int) -> Array:
    """Share of each cell that lies in each pixel, shape (cells, pixels)."""
    cell, pixel = np.linspace(0.0, 1.0, cells + 1), np.linspace(0.0, 1.0, pixels + 1)
    upper = np.minimum(cell[1:, None], pixel[None, 1:])
    lower = np.maximum(cell[:-1, None], pixel[None, :-1])
    shares: Array = np.maximum(upper - lower, 0.0) * cells
    return shares
