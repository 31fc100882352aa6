"""Advection: held cells move rigidly with the bodies under them."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.state import CellArrays, Cells
from sdf1_field.compiled import kernel
from sdf1_field.grid import Grid
from sdf1_field.scene import NO_BODY, Bodies, Scene, body_under
from sdf1_field.walls import reflected

Array = NDArray[np.float64]


def advected(cells: Cells, grid: Grid, before: Scene, after: Scene) -> Cells:
    """Cells after the bodies have moved: those held over a body move with it as a rigid whole.

    Such a cell keeps its place in the body's frame, and its heading rotates with the body. The
    rotation of an ellipse is known up to half turns; the smallest is taken. Growth and shrinkage of
    a body move no cell. Cells advected beyond a wall are reflected there.

    Parameters
    ----------
    cells : Cells
    grid : Grid
    before, after : Scene
        The same bodies at two times.

    Returns
    -------
    Cells
        The same object if no cell has moved.
    """
    return advected_with(cells, grid, before.bodies, after.bodies)


def advected_with(cells: Cells, grid: Grid, old: Bodies, new: Bodies) -> Cells:
    """`advected`, by the bodies alone; none once these were removed."""
    if len(old.x) != len(new.x):
        return cells
    moved = (old.x != new.x) | (old.y != new.y) | (old.angle != new.angle)
    if not moved.any() or not cells.held.any():
        return cells
    held = np.flatnonzero(cells.held)
    under = body_under(old, cells.x[held], cells.y[held])
    going = (under != NO_BODY) & moved[under]
    if not going.any():
        return cells
    after = cells.copied()
    _carry(after, held[going], under[going], _motion(old, new), grid.width, grid.length)
    return Cells(*after, cells.steps)


class _Motion(NamedTuple):
    """Rigid motion of the bodies, arrays of shape (body,).

    Parameters
    ----------
    old_x, old_y, new_x, new_y : ndarray
        Centres before and after [um].
    cosine, sine : ndarray
        Of the rotation.
    """

    old_x: Array
    old_y: Array
    new_x: Array
    new_y: Array
    cosine: Array
    sine: Array


def _motion(old: Bodies, new: Bodies) -> _Motion:
    change = new.angle - old.angle
    turn = change - math.pi * np.round(change / math.pi)
    return _Motion(old.x, old.y, new.x, new.y, np.cos(turn), np.sin(turn))


@kernel()
def _carry(
    cells: CellArrays,
    carried: NDArray[np.intp],
    bodies: NDArray[np.intp],
    motion: _Motion,
    width: float,
    length: float,
) -> None:
    """Move cells rigidly with bodies, and reflect them at the walls.

    Parameters
    ----------
    cells : CellArrays
        Changed.
    carried, bodies : ndarray, shape (carried,)
        Number of each cell that moves, and of the body under it.
    motion : _Motion
    width, length : float
        Of the view [um].
    """
    for n in range(carried.size):
        i, b = carried[n], bodies[n]
        cosine, sine = motion.cosine[b], motion.sine[b]
        along, across = cells.x[i] - motion.old_x[b], cells.y[i] - motion.old_y[b]
        hx, hy = cells.heading_x[i], cells.heading_y[i]
        cells.x[i], sign_x = reflected(motion.new_x[b] + along * cosine - across * sine, width)
        cells.y[i], sign_y = reflected(motion.new_y[b] + along * sine + across * cosine, length)
        cells.heading_x[i] = sign_x * (hx * cosine - hy * sine)
        cells.heading_y[i] = sign_y * (hx * sine + hy * cosine)
