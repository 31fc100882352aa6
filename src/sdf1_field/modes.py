"""Cosine modes of the floor, and the transforms ("symbols") of a B-spline and of a disc.

Between reflecting (no-flux) walls the modes ``cos(pi p (j + 1/2) / ny) cos(pi q (i + 1/2) / nx)``
are the eigenfunctions of the finite-volume Laplacian: arrays on the floor go to modes and back by
the type-II discrete cosine transform. No other module calls the library of Fourier transforms.
"""

import math
from contextlib import AbstractContextManager

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.special import j1

Array = NDArray[np.float64]


def forward(values: Array, *, overwrite: bool = False) -> Array:
    """Orthonormal type-II cosine transform of an array on the floor.

    Parameters
    ----------
    values : ndarray, shape (ny, nx)
        Values at cell centres.
    overwrite : bool
        Whether the values are no longer needed: the result may take their memory.

    Returns
    -------
    ndarray, shape (ny, nx)
        Amplitude of mode (p, q), in the unit of the values.
    """
    return np.asarray(scipy.fft.dctn(values, type=2, norm="ortho", overwrite_x=overwrite))


def inverse(modes: Array, *, overwrite: bool = False) -> Array:
    """Inverse of `forward`."""
    return np.asarray(scipy.fft.idctn(modes, type=2, norm="ortho", overwrite_x=overwrite))


def spline_symbol(count: int) -> Array:
    """Transform of the cubic B-spline sampled at cell centres, one factor for each mode.

    A mode of spline coefficients, times its factor, is the mode of the spline's values.

    Parameters
    ----------
    count : int
        Cells along the axis.

    Returns
    -------
    ndarray, shape (count,)
        ``(2 + cos(pi q / count)) / 3`` [1].
    """
    symbol: Array = (2.0 + np.cos(math.pi * np.arange(count) / count)) / 3.0
    return symbol


def spline_coefficients(values: Array) -> Array:
    """Coefficients of the cubic B-spline through values along the first axis.

    Parameters
    ----------
    values : ndarray, shape (count, ...)
        At cell centres, continued by reflection beyond both ends.

    Returns
    -------
    ndarray, shape (count, ...)
        Exactly constant where the values are constant along the axis.
    """
    middle = 0.5 * (values.min(axis=0) + values.max(axis=0))
    modes = scipy.fft.dct(values - middle, axis=0) / spline_symbol(len(values))[:, None]
    coefficients: Array = scipy.fft.idct(modes, axis=0) + middle
    return coefficients


def disc_transform(argument: Array) -> Array:
    """Two-dimensional Fourier transform of a uniform disc of total 1, ``2 J1(p R) / (p R)``.

    Parameters
    ----------
    argument : ndarray
        Wavenumber times radius, ``p R`` [1], >= 0.
    """
    some = np.where(argument > 0.0, argument, 1.0)
    result: Array = np.where(argument > 0.0, 2.0 * j1(some) / some, 1.0)
    return result


def transform_threads(count: int) -> AbstractContextManager[None]:
    """Context within which each transform uses up to ``count`` threads."""
    threads: AbstractContextManager[None] = scipy.fft.set_workers(count)
    return threads
