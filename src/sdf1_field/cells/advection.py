"""Advection: held cells move rigidly with the bodies under them."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.state import Cells
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
    """`advected`, by the bodies alone."""
    moved = (old.x != new.x) | (old.y != new.y) | (old.angle != new.angle)
    if not moved.any() or not cells.held.any():
        return cells
    held = np.flatnonzero(cells.held)
    under = body_under(old, cells.x[held], cells.y[held])
    going = (under != NO_BODY) & moved[under]
    if not going.any():
        return cells
    x, y, hx, hy = (v.copy() for v in (cells.x, cells.y, cells.heading_x, cells.heading_y))
    _carry(x, y, hx, hy, held[going], under[going], *_motion(old, new), grid.width, grid.length)
    return replace(cells, x=x, y=y, heading_x=hx, heading_y=hy)


def _motion(old: Bodies, new: Bodies) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Centres of bodies before and after, and cosine and sine of their rotation."""
    change = new.angle - old.angle
    turn = change - math.pi * np.round(change / math.pi)
    return old.x, old.y, new.x, new.y, np.cos(turn), np.sin(turn)


@kernel()
def _carry(
    xs: Array,
    ys: Array,
    hxs: Array,
    hys: Array,
    cells: NDArray[np.intp],
    bodies: NDArray[np.intp],
    old_x: Array,
    old_y: Array,
    new_x: Array,
    new_y: Array,
    cosines: Array,
    sines: Array,
    width: float,
    length: float,
) -> None:
    """Move cells rigidly with bodies, both of shape (advected,), and reflect them at the walls."""
    for n in range(cells.size):
        i, b = cells[n], bodies[n]
        cosine, sine = cosines[b], sines[b]
        along, across = xs[i] - old_x[b], ys[i] - old_y[b]
        hx, hy = hxs[i], hys[i]
        xs[i], sign_x = reflected(new_x[b] + along * cosine - across * sine, width)
        ys[i], sign_y = reflected(new_y[b] + along * sine + across * cosine, length)
        hxs[i], hys[i] = sign_x * (hx * cosine - hy * sine), sign_y * (hx * sine + hy * cosine)
