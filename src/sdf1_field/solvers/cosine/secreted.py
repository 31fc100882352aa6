"""The secretion in cosine modes."""

import functools

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import RunError
from sdf1_field.modes import forward
from sdf1_field.solvers.cosine.columns import Columns
from sdf1_field.sources import Secretion
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]


@functools.lru_cache(maxsize=4)
def modes_of(columns: Columns, secretion: Secretion) -> tuple[Array, ...]:
    """`new_modes_of`, kept for later calls."""
    return new_modes_of(columns, secretion)


def new_modes_of(columns: Columns, secretion: Secretion) -> tuple[Array, ...]:
    """Modes of a secretion's parts, the constant one first [nM um/s]."""
    fluxes = [secretion.flux, *(part.flux for part in secretion.changing)]
    with np.errstate(over="ignore", invalid="ignore"):
        modes = tuple(forward(flux / MOLECULES_PER_UM3_PER_NM, overwrite=True) for flux in fluxes)
    for flux, mode in zip(fluxes, modes, strict=True):
        if not np.isfinite(mode).all():
            wrong = np.nan_to_num(np.abs(flux), nan=np.inf)
            raise RunError(
                f"{place(columns, wrong == wrong.max())}: the secretion is too large or no "
                "number. Check the secretion rates."
            )
    return modes


def line_of(
    columns: Columns, secretion: Secretion, begin: float, end: float
) -> tuple[Array, Array]:
    """Modes at both ends of the line that `Secretion.line` gives; the same array if constant.

    Parameters
    ----------
    columns : Columns
    secretion : Secretion
    begin, end : float
        [s].

    Returns
    -------
    first, last : ndarray, shape (ny, nx)
        [nM um/s].
    """
    constant, *parts = modes_of(columns, secretion)
    if not parts:
        return constant, constant
    first, last = constant, constant
    for modes, part in zip(parts, secretion.changing, strict=True):
        low, high = part.law.line(begin, end)
        first, last = first + low * modes, last + high * modes
    return first, last


def place(columns: Columns, where: NDArray[np.bool_]) -> str:
    """First place of a mask on the floor, as text for a message."""
    row, column = np.argwhere(where)[0]
    return f"x = {columns.grid.x[column]:.6g} um, y = {columns.grid.y[row]:.6g} um"
