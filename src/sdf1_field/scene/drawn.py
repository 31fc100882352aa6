"""Floor of a real dish, drawn pixel by pixel: bodies and networks of any shape.

A place belongs to the pixel that contains it. Distances are to the squares of pixels, whose sides
are the error of an outline.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.grid import Grid, clamped_indices
from sdf1_field.images import FREE, NETWORK

if TYPE_CHECKING:
    from scipy.spatial import KDTree

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]
Pixels = NDArray[np.int32]

_TOLD_APART = 4
"""Pixels nearest by their centres among which the nearest by its square is looked for."""


class Footprint(NamedTuple):
    """Bodies on the cells of a grid, body by body; arrays of shape (n,).

    Parameters
    ----------
    cell : ndarray
        Number of each cell under a part of a body, counted row by row.
    body : ndarray
        Number of that body.
    share : ndarray
        Share of the body's area that is in the cell; those of a body sum to 1.
    """

    cell: Indices
    body: Indices
    share: Array


class Moments(NamedTuple):
    """Ellipses with the moments of bodies' pixels; arrays of shape (body,).

    Parameters
    ----------
    pixels : ndarray
        Number of pixels.
    x, y, semi_major, semi_minor : ndarray
        [um].
    angle : ndarray
        From x to the major axis [rad].
    cut : ndarray of bool
        Whether the picture's edge cuts the body.
    """

    pixels: NDArray[np.int64]
    x: Array
    y: Array
    semi_major: Array
    semi_minor: Array
    angle: Array
    cut: Flags


@dataclass(frozen=True, eq=False)
class DrawnFloor:
    """Bodies and networks of a floor, pixel by pixel.

    Parameters
    ----------
    pixels : ndarray of int32, shape (row, column)
        Number of the body on each pixel, or `sdf1_field.images.FREE` or `NETWORK`. Rows run along
        y from y = 0.
    pixel_size : float
        Side of a square pixel [um].
    """

    pixels: Pixels
    pixel_size: float

    @cached_property
    def moments(self) -> Moments:
        """Ellipses that stand for the bodies in tables."""
        return _moments_of(self.pixels, self.pixel_size)

    @property
    def network_area(self) -> float:
        """Area of the network [um**2]."""
        return float(np.count_nonzero(self.pixels == NETWORK)) * self.pixel_size**2

    @cached_property
    def without_bodies(self) -> "DrawnFloor":
        """The floor after the bodies are removed: free surface where they were."""
        pixels = np.where(self.pixels >= 0, np.int32(FREE), self.pixels)
        return DrawnFloor(pixels, self.pixel_size)

    def at(self, x: Array, y: Array) -> Pixels:
        """Pixel under each place [um], shape (place,); places beyond a wall get the pixel there."""
        rows, columns = self.pixels.shape
        row = clamped_indices(np.asarray(y) / self.pixel_size, rows)
        column = clamped_indices(np.asarray(x) / self.pixel_size, columns)
        under: Pixels = self.pixels[row, column]
        return under

    def at_centres(self, grid: Grid) -> Pixels:
        """Pixel under each floor cell's centre, shape (ny, nx)."""
        return self.at(grid.x[None, :], grid.y[:, None])

    def cells_under(self, grid: Grid) -> tuple[Indices, Indices]:
        """Floor cells whose centre is on a body, body by body, and the body on each."""
        under = self.at_centres(grid).reshape(-1)
        cell = np.flatnonzero(under >= 0)
        body = under[cell].astype(np.intp)
        order = np.argsort(body, kind="stable")
        return cell[order], body[order]

    def footprint(self, grid: Grid) -> Footprint:
        """Bodies on the cells of a grid, by area."""
        known = self._footprints
        shape = (grid.ny, grid.nx)
        if shape not in known:
            known[shape] = _footprint_of(
                self.pixels, len(self.moments.x), self.pixel_size, grid.dx, grid.dy, *shape
            )
        return known[shape]

    @cached_property
    def _footprints(self) -> dict[tuple[int, int], Footprint]:
        return {}

    def covered(self, grid: Grid) -> Array:
        """Share of each floor cell's area that is under a body, shape (ny, nx)."""
        cell, body, share = self.footprint(grid)
        area = self.moments.pixels * (self.pixel_size**2 / (grid.dx * grid.dy))
        covered = np.bincount(cell, share * area[body], minlength=grid.ny * grid.nx).astype(float)
        on_grid: Array = np.minimum(covered, 1.0).reshape(grid.ny, grid.nx)
        return on_grid

    def near_network(self, grid: Grid, reach: float) -> NDArray[np.uint8]:
        """Whether a pixel of the network is within reach [um] of each floor cell's centre.

        Returns
        -------
        ndarray, shape (ny, nx)
            1 or 0.
        """
        near = np.zeros((grid.ny, grid.nx), dtype=np.uint8)
        _mark_near(near, self.pixels, NETWORK, self.pixel_size, grid.dx, grid.dy, reach)
        return near

    def way_to_network(self, x: Array, y: Array) -> Array:
        """From each place to the nearest point of the network [um], shape (2, place).

        0 on the network, NaN if there is none.
        """
        way = _way_to(self._network_edge, x, y, self.pixel_size)
        way[:, self.at(x, y) == NETWORK] = 0.0
        return way

    def way_to_edge(self, x: Array, y: Array) -> tuple[Array, Flags]:
        """From each place to the nearest body or, on a body, to the nearest place beside it.

        Returns
        -------
        way : ndarray, shape (2, place)
            [um]; NaN if there is none.
        inside : ndarray of bool, shape (place,)
            Whether the place is on a body.
        """
        inside = self.at(x, y) >= 0
        way = _way_to(self._body_edge[0], x, y, self.pixel_size)
        if inside.any():
            way[:, inside] = _way_to(self._beside_bodies, x[inside], y[inside], self.pixel_size)
        return way, inside

    def nearest_body(self, x: Array, y: Array) -> Indices:
        """Number of the body under or nearest to each place [um], shape (place,).

        There is one at least.
        """
        tree, body = self._body_edge
        under = self.at(x, y)
        if tree is None:
            # Bodies cover the whole floor, so no place is beside them.
            return under.astype(np.intp)
        nearest = body[tree.query(np.column_stack([x, y]))[1]] if len(x) else body[:0]
        return np.where(under >= 0, under, nearest).astype(np.intp)

    @cached_property
    def _body_edge(self) -> "tuple[KDTree | None, Pixels]":
        edge = _edge(self.pixels >= 0)
        return _tree(edge, self.pixel_size), self.pixels[edge]

    @cached_property
    def _beside_bodies(self) -> "KDTree | None":
        return _tree(_edge(self.pixels < 0), self.pixel_size)

    @cached_property
    def _network_edge(self) -> "KDTree | None":
        return _tree(_edge(self.pixels == NETWORK), self.pixel_size)


def _edge(region: Flags) -> Flags:
    """Pixels of a region beside one that is not; the picture's edge is none."""
    inner = region.copy()
    inner[1:] &= region[:-1]
    inner[:-1] &= region[1:]
    inner[:, 1:] &= region[:, :-1]
    inner[:, :-1] &= region[:, 1:]
    return region & ~inner


def _tree(chosen: Flags, pixel_size: float) -> "KDTree | None":
    """Centres of some pixels."""
    from scipy.spatial import KDTree

    row, column = np.nonzero(chosen)
    if not len(row):
        return None
    return KDTree((np.column_stack([column, row]) + 0.5) * pixel_size)


def _way_to(tree: "KDTree | None", x: Array, y: Array, pixel_size: float) -> Array:
    """From each place to the nearest point of some pixels [um], shape (2, place)."""
    places = np.column_stack([x, y])
    if tree is None:
        return np.full((2, len(places)), np.nan)
    count = min(_TOLD_APART, tree.n)
    _, near = tree.query(places, k=[*range(1, count + 1)])
    ways = tree.data[near] - places[:, None, :]
    ways = np.sign(ways) * np.maximum(np.abs(ways) - 0.5 * pixel_size, 0.0)
    first = np.argmin((ways**2).sum(axis=2), axis=1)
    way: Array = ways[np.arange(len(places)), first].T.copy()
    return way


def _moments_of(pixels: Pixels, pixel_size: float) -> Moments:
    sums = np.zeros((int(pixels.max(initial=FREE)) + 1, 6))
    cut = np.zeros(len(sums), dtype=np.bool_)
    _sum_moments(pixels, sums, cut)
    count = sums[:, 0]
    x, y = sums[:, 1] / count, sums[:, 2] / count
    # The second moment of a pixel's own square is 1/12.
    across = sums[:, 3] / count - x**2 + 1.0 / 12.0
    along = sums[:, 4] / count - y**2 + 1.0 / 12.0
    mixed = sums[:, 5] / count - x * y
    mean, half = 0.5 * (across + along), np.hypot(0.5 * (across - along), mixed)
    # The semi-axes of an ellipse are twice the roots of its area's principal second moments.
    major, minor = (
        2.0 * pixel_size * np.sqrt(part) for part in (mean + half, np.maximum(mean - half, 0.0))
    )
    return Moments(
        count.astype(np.int64), (x + 0.5) * pixel_size, (y + 0.5) * pixel_size, major, minor,
        0.5 * np.arctan2(2.0 * mixed, across - along), cut,
    )  # fmt: skip


@kernel()
def _sum_moments(pixels: Pixels, sums: Array, cut: Flags) -> None:
    """Add up pixels, and first and second powers of their places, by body."""
    rows, columns = pixels.shape
    for j in range(rows):
        for i in range(columns):
            body = pixels[j, i]
            if body < 0:
                continue
            own = sums[body]
            own[0] += 1.0
            own[1] += i
            own[2] += j
            own[3] += float(i) * i
            own[4] += float(j) * j
            own[5] += float(i) * j
            if i == 0 or j == 0 or i == columns - 1 or j == rows - 1:
                cut[body] = True


def _footprint_of(
    pixels: Pixels, bodies: int, pixel_size: float, dx: float, dy: float, ny: int, nx: int
) -> Footprint:
    cell, body, share = _areas_on_cells(pixels, bodies, pixel_size / dx, pixel_size / dy, ny, nx)
    share /= np.bincount(body, share, minlength=bodies)[body]
    return Footprint(cell, body, share)


@kernel()
def _areas_on_cells(
    pixels: Pixels, bodies: int, across: float, along: float, ny: int, nx: int
) -> tuple[Indices, Indices, Array]:
    """Cells under each body and its area there, in cells; a pixel's sides are in cells too."""
    rows, columns = pixels.shape
    # The rectangle of cells around each body.
    left, right = np.full(bodies, nx, np.int64), np.zeros(bodies, np.int64)
    low, high = np.full(bodies, ny, np.int64), np.zeros(bodies, np.int64)
    for j in range(rows):
        for i in range(columns):
            n = pixels[j, i]
            if n >= 0:
                left[n] = min(left[n], int(i * across))
                right[n] = max(right[n], min(int(np.ceil((i + 1) * across)), nx))
                low[n] = min(low[n], int(j * along))
                high[n] = max(high[n], min(int(np.ceil((j + 1) * along)), ny))
    begins = np.zeros(bodies + 1, np.int64)
    for n in range(bodies):
        begins[n + 1] = begins[n] + max(right[n] - left[n], 0) * max(high[n] - low[n], 0)
    areas = np.zeros(begins[bodies])
    for j in range(rows):
        y, y_end = j * along, (j + 1) * along
        for i in range(columns):
            n = pixels[j, i]
            if n < 0:
                continue
            x, x_end = i * across, (i + 1) * across
            for r in range(int(y), min(int(np.ceil(y_end)), ny)):
                part = min(y_end, r + 1.0) - max(y, float(r))
                first = begins[n] + (r - low[n]) * (right[n] - left[n]) - left[n]
                for c in range(int(x), min(int(np.ceil(x_end)), nx)):
                    areas[first + c] += part * (min(x_end, c + 1.0) - max(x, float(c)))
    found = np.count_nonzero(areas > 0.0)
    cell, body, area = np.empty(found, np.intp), np.empty(found, np.intp), np.empty(found)
    k = 0
    for n in range(bodies):
        for r in range(low[n], high[n]):
            for c in range(left[n], right[n]):
                own = areas[begins[n] + (r - low[n]) * (right[n] - left[n]) + c - left[n]]
                if own > 0.0:
                    cell[k], body[k], area[k] = r * nx + c, n, own
                    k += 1
    return cell, body, area


@kernel()
def _mark_near(
    near: NDArray[np.uint8], pixels: Pixels, wanted: int, side: float, dx: float, dy: float,
    reach: float,
) -> None:  # fmt: skip
    """Mark cells whose centre is within reach of the square of a pixel of one value."""
    ny, nx = near.shape
    rows, columns = pixels.shape
    before = np.zeros(columns + 1, np.int64)
    for j in range(rows):
        for i in range(columns):
            before[i + 1] = before[i] + (pixels[j, i] == wanted)
        if before[columns] == 0:
            continue
        first = max(int(np.floor((j * side - reach) / dy - 0.5)), 0)
        last = min(int(np.ceil(((j + 1) * side + reach) / dy - 0.5)), ny - 1)
        for r in range(first, last + 1):
            y = (r + 0.5) * dy
            away = max(j * side - y, y - (j + 1) * side, 0.0)
            if away > reach:
                continue
            half = np.sqrt(reach * reach - away * away)
            for c in range(nx):
                x = (c + 0.5) * dx
                begin = min(max(int(np.floor((x - half) / side)), 0), columns)
                end = min(max(int(np.floor((x + half) / side)) + 1, 0), columns)
                if before[end] > before[begin]:
                    near[r, c] = 1
