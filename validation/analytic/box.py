"""Box in which the point source, the disc and the burst are solved and compared with their laws."""

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Avogadro

from sdf1_field.grid import Grid, make_grid

Array = NDArray[np.float64]

PER_UM3 = Avogadro * 1e-24
"""Molecules/um**3 in 1 nM; the program's own number is under test."""
DIFFUSIVITY = 150.0
"""That of the model [um**2/s]."""
LENGTH = 30.0
"""Screening length that fits into the box [um]."""
WIDTH, HEIGHT = 180.0, 60.0
COARSEST = 15
"""Cells across the coarsest grid. Odd multiples of it have a cell around each of its centres."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(3)
"""Of the Gauss quadrature over a cell."""


def box(cells: int) -> Grid:
    """Grid of cubes, so many across the box."""
    size = WIDTH / cells
    return make_grid(WIDTH, WIDTH, HEIGHT, spacing=size, floor_layer=size, layer_growth=1.0)


def wide_box(cells: int) -> Grid:
    """Grid of cubes in a box twice as wide and thrice as high."""
    width = 2 * WIDTH
    size = width / cells
    return make_grid(width, width, 0.5 * width, spacing=size, floor_layer=size, layer_growth=1.0)


def common_places(cells: int) -> slice:
    """Rows, or columns, of a grid whose centres are those of the coarsest grid."""
    return slice(cells // COARSEST // 2, None, cells // COARSEST)


def octant(grid: Grid) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Common places from the middle of the floor [um], and which are in one octant.

    The other octants are its mirror images.
    """
    every = common_places(grid.nx)
    x, y = np.meshgrid(grid.x[every] - 0.5 * WIDTH, grid.y[every] - 0.5 * WIDTH)
    return x, y, (y > -0.5 * grid.dx) & (x > y - 0.5 * grid.dx)
