"""Tensor grid of the dish: uniform in x and y, layers stretched in z (thin at the floor).

Arrays on the floor have shape (ny, nx), arrays in the medium (nz, ny, nx); values are cell means.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.errors import InputError
from sdf1_field.walls import reflected_index

Array = NDArray[np.float64]

_ROUND_OFF = 1e-9
"""Share of a spacing by which rounding may make a grid coarser than asked for."""
_MOST_LAYERS = 100_000
_FARTHEST = 6.0
"""Distance from a Gaussian's centre, in standard deviations, at which it is cut off."""
_MOST_IMAGES = 64
"""Widths of the floor beyond which a reflected Gaussian is uniform to round-off."""
_FAR = 2**31
"""Largest distance of a place from the floor that is told apart, in cells."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Box of medium over a flat floor, 0 <= x <= width, 0 <= y <= length, floor at z = 0.

    Parameters
    ----------
    width, length : float
        Extent in x and y [um].
    nx, ny : int
        Cells in x and y.
    z_edges : ndarray, shape (nz + 1,)
        Heights of the layers' faces [um], from 0 upwards.
    round : bool
        Whether the floor is the ellipse that fits into the box: a round well if it is as long
        as wide.
    """

    width: float
    length: float
    nx: int
    ny: int
    z_edges: Array
    round: bool = False

    @property
    def dx(self) -> float:
        """Cell size in x [um]."""
        return self.width / self.nx

    @property
    def dy(self) -> float:
        """Cell size in y [um]."""
        return self.length / self.ny

    @property
    def nz(self) -> int:
        """Number of layers."""
        return len(self.z_edges) - 1

    @property
    def height(self) -> float:
        """Depth of the medium [um]."""
        return float(self.z_edges[-1])

    @property
    def area(self) -> float:
        """Area of the floor's cells [um**2]."""
        if self.round:
            return float(self.inside.sum()) * self.dx * self.dy
        return self.width * self.length

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Cells whose centre is within the walls, shape (ny, nx)."""
        if not self.round:
            return np.ones((self.ny, self.nx), dtype=np.bool_)
        across = (2.0 * self.x / self.width - 1.0)[None, :]
        along = (2.0 * self.y / self.length - 1.0)[:, None]
        within: NDArray[np.bool_] = across**2 + along**2 <= 1.0
        return within

    @cached_property
    def x(self) -> Array:
        """Cell centres in x [um], shape (nx,)."""
        return (np.arange(self.nx, dtype=float) + 0.5) * self.dx

    @cached_property
    def y(self) -> Array:
        """Cell centres in y [um], shape (ny,)."""
        return (np.arange(self.ny, dtype=float) + 0.5) * self.dy

    @cached_property
    def z(self) -> Array:
        """Layer centres [um], shape (nz,)."""
        centres: Array = 0.5 * (self.z_edges[1:] + self.z_edges[:-1])
        return centres

    @cached_property
    def thickness(self) -> Array:
        """Layer thicknesses [um], shape (nz,)."""
        return np.diff(self.z_edges)

    def laplacian_eigenvalues(self) -> Array:
        """Eigenvalues of minus the finite-volume (five-point) Laplacian, no-flux walls.

        Returns
        -------
        ndarray, shape (ny, nx)
            Of the type-II cosine modes (p in y, q in x) [1/um**2]; zero for (0, 0).
        """
        qx = (2.0 / self.dx * np.sin(0.5 * np.pi * np.arange(self.nx) / self.nx)) ** 2
        qy = (2.0 / self.dy * np.sin(0.5 * np.pi * np.arange(self.ny) / self.ny)) ** 2
        eigenvalues: Array = qy[:, None] + qx[None, :]
        return eigenvalues

    def deposit(self, x: Array, y: Array, amount: Array) -> Array:
        """Deposit point amounts on the four nearest floor cells (bilinear), conserving their sum.

        Amounts within half a cell of a wall go to the cells along it.

        Parameters
        ----------
        x, y, amount : array_like, shape (n,)
            Places [um] inside the floor and the amounts there, in any unit.

        Returns
        -------
        ndarray, shape (ny, nx)
            Amount per cell; sums to ``amount.sum()`` up to round-off.
        """
        total = np.zeros((self.ny, self.nx))
        _deposit(total, *_contiguous(x, y, amount), self.dx, self.dy)
        return total

    def spread(self, x: Array, y: Array, amount: Array, width: float) -> Array:
        """Spread point amounts as Gaussians reflected at the walls, conserving their sum.

        The Gaussian is sampled at the cells' centres, so that with a width of at least a cell's
        size the array's cosine modes are those of the Gaussian itself.

        Parameters
        ----------
        x, y, amount : array_like, shape (n,)
            Places [um] inside the floor and the amounts there, in any unit.
        width : float
            Standard deviation in x and in y [um].

        Returns
        -------
        ndarray, shape (ny, nx)
            Amount per cell; sums to ``amount.sum()`` up to round-off.
        """
        total = np.zeros((self.ny, self.nx))
        _spread(total, *_contiguous(x, y, amount), self.dx, self.dy, width)
        return total

    def index(self, x: Array, y: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row and column of the floor cell that contains each place.

        A place on or beyond a wall gets the cell along that wall, NaN the first cell.
        """
        i = clamped_indices(np.asarray(x) / self.dx, self.nx)
        j = clamped_indices(np.asarray(y) / self.dy, self.ny)
        return j, i


def make_grid(
    width: float,
    length: float,
    height: float,
    *,
    spacing: float,
    floor_layer: float,
    layer_growth: float,
    round_well: bool = False,
) -> Grid:
    """Grid whose cells are as close to the given sizes as the box allows.

    Parameters
    ----------
    width, length, height : float
        Box [um].
    spacing : float
        Cell size in x and y [um].
    floor_layer : float
        Thickness of the lowest layer [um]; adjusted slightly so that the layers fill the height.
    layer_growth : float
        Ratio of neighbouring layers' thicknesses, >= 1.
    round_well : bool
        Whether the floor is the ellipse that fits into the box.

    Raises
    ------
    InputError
        If there are too many layers.
    """
    if layer_growth == 1.0:
        layers = max(1, round(height / floor_layer))
    else:
        growth = layer_growth - 1.0
        ratio = math.log1p(height * growth / floor_layer) / math.log1p(growth)
        layers = max(1, math.ceil(ratio))
    if layers > _MOST_LAYERS:
        raise InputError(
            f"grid.floor_layer: {layers:.3g} layers are too many. Raise grid.floor_layer or "
            "grid.layer_growth."
        )
    edges = np.concatenate([[0.0], np.cumsum(layer_growth ** np.arange(layers))])
    edges *= height / edges[-1]
    edges[-1] = height
    return Grid(
        width=width,
        length=length,
        nx=max(1, round(width / spacing)),
        ny=max(1, round(length / spacing)),
        z_edges=edges,
        round=round_well,
    )


def divided(grid: Grid, spacing: float) -> Grid:
    """Grid whose cells of the floor are divided into equal ones, none wider than a spacing [um]."""
    finer = math.ceil(max(grid.dx, grid.dy) / spacing - _ROUND_OFF)
    return replace(grid, nx=finer * grid.nx, ny=finer * grid.ny)


def _contiguous(x: Array, y: Array, amount: Array) -> tuple[Array, Array, Array]:
    """Arrays as compiled kernels take them."""
    return (
        np.ascontiguousarray(x, dtype=float),
        np.ascontiguousarray(y, dtype=float),
        np.ascontiguousarray(amount, dtype=float),
    )


def clamped_indices(position: Array, count: int) -> NDArray[np.intp]:
    """`clamped_index` of every position of an array."""
    # fmax and fmin ignore NaN.
    inside: NDArray[np.intp] = np.fmin(np.fmax(position, 0.0), count - 1).astype(np.intp)
    return inside


@kernel(inline=True)
def clamped(value: float, lowest: int, highest: int) -> int:
    """Integer part of a number, limited to two bounds; the lower bound for NaN.

    Converting a number to an integer that cannot hold it is undefined in compiled code.
    """
    above = value if value > lowest else float(lowest)
    return int(above if above < highest else float(highest))


@kernel(inline=True)
def clamped_index(position: float, count: int) -> int:
    """Index of the cell that contains a position, in cells from the first one's edge.

    Positions beyond either end get the cell at that end, NaN the first.
    """
    return clamped(position, 0, count - 1)


@kernel(inline=True)
def bracket(position: float, size: float, count: int) -> tuple[int, int, float]:
    """Two neighbouring cell centres around a place and the weight of the upper one."""
    place = position / size - 0.5
    lower = np.floor(place)
    return clamped_index(lower, count), clamped_index(lower + 1.0, count), place - lower


@kernel()
def _deposit(total: Array, xs: Array, ys: Array, amounts: Array, dx: float, dy: float) -> None:
    ny, nx = total.shape
    for n in range(xs.size):
        i0, i1, wx = bracket(xs[n], dx, nx)
        j0, j1, wy = bracket(ys[n], dy, ny)
        a = amounts[n]
        total[j0, i0] += a * (1.0 - wx) * (1.0 - wy)
        total[j0, i1] += a * wx * (1.0 - wy)
        total[j1, i0] += a * (1.0 - wx) * wy
        total[j1, i1] += a * wx * wy


@kernel()
def _spread(
    total: Array, xs: Array, ys: Array, amounts: Array, dx: float, dy: float, width: float
) -> None:
    ny, nx = total.shape
    around_x = np.empty(clamped(2.0 * _FARTHEST * width / dx, 0, _MOST_IMAGES * nx) + 2)
    around_y = np.empty(clamped(2.0 * _FARTHEST * width / dy, 0, _MOST_IMAGES * ny) + 2)
    for n in range(xs.size):
        i0 = _gaussian(around_x, xs[n] / dx - 0.5, width / dx)
        j0 = _gaussian(around_y, ys[n] / dy - 0.5, width / dy)
        for j in range(around_y.size):
            row = reflected_index(j0 + j, ny)
            a = amounts[n] * around_y[j]
            for i in range(around_x.size):
                total[row, reflected_index(i0 + i, nx)] += a * around_x[i]


@kernel()
def _gaussian(weights: Array, place: float, width: float) -> int:
    """Fill in the weights of the cell centres around a place; return the first one's index."""
    first = clamped(np.ceil(place - 0.5 * weights.size), -_FAR, _FAR)
    for i in range(weights.size):
        away = (first + i - place) / width
        weights[i] = math.exp(-0.5 * away * away)
    weights /= weights.sum()
    return first
