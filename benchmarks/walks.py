"""P4: a biased persistent random walk, by this program and as one would write it by hand.

    d phi = b |grad c| sin(phi_gradient - phi) dt + sqrt(2 / P) dW,    dx/dt = v (cos phi, sin phi)

with the gradient of a map by bilinear interpolation and no-flux walls. This program reads a smooth
map and turns up a signal-to-noise ratio, which costs more arithmetic than the bias of the others.
"""

import math

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Result, imported_memory, passes, peak_memory, timed

Array = NDArray[np.float64]

SPACING = 10.0
"""Of the map [um]."""
SIDE, QUICK_SIDE = 1000, 60
"""Values of the map along each side."""
STEP, STEPS = 30.0, 10
"""[s], and how many are timed."""
SPEED, PERSISTENCE = 0.025, 300.0
"""[um/s], [s]."""
BIAS = 5.0
"""``b`` [um/(nM s)]."""


def landscape(side: int) -> Array:
    """Map with hills a millimetre apart [nM], shape (side, side)."""
    place = 2.0 * np.pi * (np.arange(side) + 0.5) * SPACING / 1000.0
    values: Array = 1.0 + 0.4 * (np.cos(place)[:, None] + np.cos(place))
    return values


def start(count: int, side: int) -> tuple[Array, Array, Array]:
    """Places [um] and headings [rad], evenly spread."""
    rng = np.random.default_rng(1)
    extent = SPACING * side
    return extent * rng.random(count), extent * rng.random(count), 2 * np.pi * rng.random(count)


def numpy_walk(values: Array, x: Array, y: Array, angle: Array, steps: int) -> None:
    """Whole arrays at a time; places and headings change in place."""
    rng = np.random.default_rng(2)
    ny, nx = values.shape
    width, length = SPACING * nx, SPACING * ny
    spread = math.sqrt(2.0 * STEP / PERSISTENCE)
    for _ in range(steps):
        u = np.clip(x / SPACING - 0.5, 0.0, nx - 1.001)
        v = np.clip(y / SPACING - 0.5, 0.0, ny - 1.001)
        i, j = u.astype(np.intp), v.astype(np.intp)
        u -= i
        v -= j
        a, b, c, d = values[j, i], values[j, i + 1], values[j + 1, i], values[j + 1, i + 1]
        slope_x = ((b - a) * (1.0 - v) + (d - c) * v) / SPACING
        slope_y = ((c - a) * (1.0 - u) + (d - b) * u) / SPACING
        turn = BIAS * (slope_y * np.cos(angle) - slope_x * np.sin(angle))
        angle += turn * STEP + spread * rng.standard_normal(len(x))
        x += SPEED * STEP * np.cos(angle)
        y += SPEED * STEP * np.sin(angle)
        beyond = (x < 0.0) | (x > width)
        np.copyto(x, np.where(x < 0.0, -x, 2.0 * width - x), where=beyond)
        angle[beyond] = np.pi - angle[beyond]
        beyond = (y < 0.0) | (y > length)
        np.copyto(y, np.where(y < 0.0, -y, 2.0 * length - y), where=beyond)
        angle[beyond] *= -1.0


def numba_walk(values: Array, x: Array, y: Array, angle: Array, steps: int) -> None:
    """Cell by cell, compiled; places and headings change in place."""
    spread = math.sqrt(2.0 * STEP / PERSISTENCE)
    _numba_kernel()(values, x, y, angle, steps, SPACING, SPEED * STEP, BIAS * STEP, spread)


_KERNELS: list[object] = []


def _numba_kernel():
    """The kernel, compiled once in a process."""
    if not _KERNELS:
        import numba

        _KERNELS.append(numba.njit(_cell_by_cell))
    return _KERNELS[0]


def _cell_by_cell(values, xs, ys, angles, steps, spacing, way, bias, spread):
    ny, nx = values.shape
    width, length = spacing * nx, spacing * ny
    for _ in range(steps):
        for n in range(xs.size):
            x, y, angle = xs[n], ys[n], angles[n]
            u = min(max(x / spacing - 0.5, 0.0), nx - 1.001)
            v = min(max(y / spacing - 0.5, 0.0), ny - 1.001)
            i, j = int(u), int(v)
            u -= i
            v -= j
            a, b, c, d = values[j, i], values[j, i + 1], values[j + 1, i], values[j + 1, i + 1]
            slope_x = ((b - a) * (1.0 - v) + (d - c) * v) / spacing
            slope_y = ((c - a) * (1.0 - u) + (d - b) * u) / spacing
            turn = bias * (slope_y * math.cos(angle) - slope_x * math.sin(angle))
            angle += turn + spread * np.random.standard_normal()  # noqa: NPY002
            x += way * math.cos(angle)
            y += way * math.sin(angle)
            if x < 0.0 or x > width:
                x = -x if x < 0.0 else 2.0 * width - x
                angle = math.pi - angle
            if y < 0.0 or y > length:
                y = -y if y < 0.0 else 2.0 * length - y
                angle = -angle
            xs[n], ys[n], angles[n] = x, y, angle


HANDMADE = {"numpy": numpy_walk, "numba": numba_walk}


def walk(who: str, count: int, *, quick: bool) -> Result:
    """Time for each cell and step.

    Parameters
    ----------
    who : str
        ``"ours"``, ``"numba"`` or ``"numpy"``.
    count : int
        Cells.
    quick : bool
        Whether the map is small.
    """
    side = QUICK_SIDE if quick else SIDE
    values = landscape(side)
    if who == "ours":
        from benchmarks import ours

        return ours.bare_walk(values, SPACING, *start(count, side), steps=STEPS, step=STEP)
    compiling, _ = timed(lambda: HANDMADE[who](landscape(QUICK_SIDE), *start(10, QUICK_SIDE), 1))
    x, y, angle = start(count, side)
    imported = imported_memory()
    seconds = passes(lambda: timed(lambda: HANDMADE[who](values, x, y, angle, STEPS))[0])
    return Result(
        seconds=seconds / (count * STEPS),
        set_up={"first call, which may compile": compiling},
        facts={"cells": count},
        imported=imported,
        peak=peak_memory(),
    )
