"""Maps of the floor: regions, and the adhesive structures that a cell centred there touches."""

import functools
import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.grid import Grid, clamped
from sdf1_field.images import NETWORK
from sdf1_field.scene.drawn import DrawnFloor
from sdf1_field.scene.ellipses import NONE, ellipse_at, encloses
from sdf1_field.scene.snapshot import NO_BODY, Bodies, Fibres, Migrasomes, Scene

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
RegionMap = NDArray[np.uint8]


class Region(IntEnum):
    """Region of a place on the floor; the values are those in run files."""

    FREE_SURFACE = 0
    MSC = 1
    MIGRASOME_NETWORK = 2


OUTSIDE = 255
"""Value of a region map outside a round well."""

REGION_LABELS = {
    Region.FREE_SURFACE: "free surface",
    Region.MSC: "MSC",
    Region.MIGRASOME_NETWORK: "migrasome network",
}


def cells_in_ellipses(
    grid: Grid, x: Array, y: Array, semi_major: Array, semi_minor: Array, angle: Array
) -> tuple[Indices, Indices]:
    """Floor cells whose centre is inside an ellipse, ellipse by ellipse.

    Parameters
    ----------
    grid : Grid
    x, y, semi_major, semi_minor : ndarray, shape (ellipse,)
        [um].
    angle : ndarray, shape (ellipse,)
        From x to the major axis [rad].

    Returns
    -------
    cell, ellipse : ndarray, shape (n,)
        Number of each cell, counted row by row, and the ellipse around it.
    """
    cell, owner = _inside_ellipses(
        x, y, semi_major, semi_minor, angle, grid.dx, grid.dy, grid.nx, grid.ny
    )
    return cell, owner


def cells_under_bodies(scene: Scene, grid: Grid) -> tuple[Indices, Indices]:
    """Floor cells under the bodies, as `cells_in_ellipses`."""
    b = scene.bodies
    if scene.drawn is not None:
        return scene.drawn.cells_under(grid)
    return cells_in_ellipses(grid, b.x, b.y, b.semi_major, b.semi_minor, b.angle)


def network_map(scene: Scene, grid: Grid, *, outline_margin: float) -> RegionMap:
    """Floor cells within the outline of a network, by their centres, under bodies too.

    Of a drawn scene these are the cells whose centre is on a pixel of the network.

    Parameters
    ----------
    outline_margin : float
        Distance of a network's drawn outline from fibres and from the edges of migrasomes [um].

    Returns
    -------
    ndarray of uint8, shape (ny, nx)
        Values of `Region`: network or free surface; `OUTSIDE` outside a round well.
    """
    network = np.zeros((grid.ny, grid.nx), dtype=np.uint8)
    if scene.drawn is not None:
        network[scene.drawn.at_centres(grid) == NETWORK] = Region.MIGRASOME_NETWORK
        return network
    _paint_capsules(network, *_outline(scene, outline_margin), grid.dx, grid.dy)
    network[~grid.inside] = OUTSIDE
    return network


def within_network(
    scene: Scene, grid: Grid, x: Array, y: Array, *, outline_margin: float
) -> NDArray[np.bool_]:
    """Whether places [um] are within the outline of a network, under bodies too, shape (place,).

    Decided by distances from fibres and migrasomes, whose grid only says which are near, or by the
    pixels of a drawn scene.

    Parameters
    ----------
    outline_margin : float
        As of `network_map` [um].
    """
    if scene.drawn is not None:
        on_network: NDArray[np.bool_] = scene.drawn.at(x, y) == NETWORK
        return on_network
    row, column = grid.index(x, y)
    cell = row * grid.nx + column
    order = np.argsort(cell, kind="stable")
    within = np.zeros(len(cell), dtype=np.bool_)
    within[order] = _within_capsules(
        cell[order], x[order], y[order], *_outline(scene, outline_margin),
        grid.dx, grid.dy, grid.nx, grid.ny,
    )  # fmt: skip
    return within


def _outline(scene: Scene, margin: float) -> tuple[Array, Array, Array, Array, Array]:
    """Networks as capsules around segments: begin in x and y, end in x and y, and reach [um]."""
    m = scene.migrasomes
    here = m.present
    fibres = _segments(scene.fibres)
    reach = np.concatenate([np.full(len(fibres[0]), margin), margin + m.radius[here]])
    begin_x, begin_y, end_x, end_y = (
        np.concatenate(pair)
        for pair in zip(fibres, (m.x[here], m.y[here], m.x[here], m.y[here]), strict=True)
    )
    return begin_x, begin_y, end_x, end_y, reach


@dataclass(frozen=True, eq=False)
class FloorRegions:
    """Regions of a scene's floor; each map is painted once, when it is first read.

    Parameters
    ----------
    scene : Scene
    grid : Grid
    outline_margin : float
        As of `network_map` [um].
    """

    scene: Scene
    grid: Grid
    outline_margin: float

    @functools.cached_property
    def network(self) -> RegionMap:
        """Of `network_map`, shape (ny, nx)."""
        return network_map(self.scene, self.grid, outline_margin=self.outline_margin)

    @functools.cached_property
    def regions(self) -> RegionMap:
        """Of `region_map`, shape (ny, nx)."""
        regions = self.network.copy()
        regions.reshape(-1)[cells_under_bodies(self.scene, self.grid)[0]] = Region.MSC
        regions[~self.grid.inside] = OUTSIDE
        return regions

    @property
    def counted(self) -> tuple[RegionMap, Grid]:
        """Regions by which cells are counted, and their grid; of a drawn scene its pixels."""
        if self.scene.drawn is None:
            return self.regions, self.grid
        return pixel_regions(self.scene.drawn, self.grid)

    @property
    def areas(self) -> Array:
        """Area of each region [um**2], shape (3,), in the order of `Region`; of `counted`."""
        regions, grid = self.counted
        return region_areas(regions, grid.dx * grid.dy)

    def under(self, x: Array, y: Array) -> NDArray[np.uint8]:
        """Region under places [um], shape (place,).

        Bodies and networks are decided by their outlines, or by the pixels of a drawn scene:
        densities jump there, and the grid would count cells at the edge of a region as beside it.
        """
        under = np.where(self.grid.inside[self.grid.index(x, y)], 0, OUTSIDE).astype(np.uint8)
        near = within_network(self.scene, self.grid, x, y, outline_margin=self.outline_margin)
        under[near & (under != OUTSIDE)] = Region.MIGRASOME_NETWORK
        under[_on_body(self.scene, x, y)] = Region.MSC
        return under


def pixel_regions(drawn: DrawnFloor, grid: Grid) -> tuple[RegionMap, Grid]:
    """Region of each pixel of a drawn scene, shape (row, column), and the pixels as a grid.

    Cells belong to the pixel under them, so that densities need the area of the same pixels.

    Parameters
    ----------
    drawn : DrawnFloor
    grid : Grid
        Any of the same dish.
    """
    regions = np.zeros(drawn.pixels.shape, dtype=np.uint8)
    regions[drawn.pixels >= 0] = Region.MSC
    regions[drawn.pixels == NETWORK] = Region.MIGRASOME_NETWORK
    rows, columns = drawn.pixels.shape
    return regions, Grid(grid.width, grid.length, columns, rows, grid.z_edges)


def region_map(scene: Scene, grid: Grid, *, outline_margin: float) -> RegionMap:
    """Region of every floor cell, by its centre; bodies take precedence over networks.

    Parameters as of `network_map`.

    Returns
    -------
    ndarray of uint8, shape (ny, nx)
        Values of `Region`; `OUTSIDE` outside a round well.
    """
    return FloorRegions(scene, grid, outline_margin).regions


def fibre_reach(scene: Scene, *, radius: float, outline_margin: float) -> float:
    """Distance from fibres [um], as of `nearest_fibre`, within which a cell's centre touches one.

    The outline of a drawn network lies a margin outside of its fibres, as that of a placed one
    does, so that cells reach the outline by so much less; cells within it touch always.

    Parameters
    ----------
    radius : float
        Of the cell [um].
    outline_margin : float
        As of `network_map` [um].
    """
    return radius if scene.drawn is None else max(radius - outline_margin, 0.0)


def touched_fibres(scene: Scene, grid: Grid, *, reach: float) -> NDArray[np.uint8]:
    """Whether a cell centred at each place touches a retraction fibre: 1 or 0, shape (ny, nx).

    The network of a drawn scene counts as fibre.

    Parameters
    ----------
    reach : float
        Of `fibre_reach` [um].
    """
    if scene.drawn is not None:
        return scene.drawn.near_network(grid, reach)
    touched = np.zeros((grid.ny, grid.nx), dtype=np.uint8)
    begin_x, begin_y, end_x, end_y = _segments(scene.fibres)
    _paint_capsules(
        touched, begin_x, begin_y, end_x, end_y, np.full(len(begin_x), reach), grid.dx, grid.dy
    )
    return np.minimum(touched, 1)


def _segments(fibres: Fibres) -> tuple[Array, Array, Array, Array]:
    """Begin in x and y, and end in x and y, of all fibres' straight segments, shape (segment,)."""
    x, y = fibres.x, fibres.y
    there = np.isfinite(x[:, 1:])
    return x[:, :-1][there], y[:, :-1][there], x[:, 1:][there], y[:, 1:][there]


def nearest_fibre(scene: Scene, x: Array, y: Array) -> tuple[Array, Array]:
    """Direction and distance of the nearest point of a fibre.

    The network of a drawn scene counts as fibre.

    Parameters
    ----------
    scene : Scene
    x, y : ndarray, shape (place,)
        [um].

    Returns
    -------
    direction : ndarray, shape (2, place)
        Unit vectors; 0 on a fibre's line, NaN if there is no fibre.
    distance : ndarray, shape (place,)
        [um]; infinite if there is none.
    """
    if scene.drawn is not None:
        way = scene.drawn.way_to_network(x, y)
    else:
        way = np.full((2, len(x)), np.nan)
        _way_to_nearest(x, y, *_segments(scene.fibres), way)
    distance = np.hypot(*way)
    direction = way / np.where(distance > 0.0, distance, 1.0)
    return direction, np.where(np.isnan(distance), np.inf, distance)


def body_under(bodies: Bodies, x: Array, y: Array) -> Indices:
    """Number of the body under each place [um], shape (place,), or `NO_BODY`.

    The last of several that overlap; decided by the ellipses' equations, not on a grid.
    """
    found = ellipse_at(x, y, bodies.x, bodies.y, bodies.semi_major, bodies.semi_minor, bodies.angle)
    return np.where(found == NONE, NO_BODY, found)


def _on_body(scene: Scene, x: Array, y: Array) -> NDArray[np.bool_]:
    """Whether a body is under each place [um], shape (place,)."""
    under = body_under(scene.bodies, x, y) if scene.drawn is None else scene.drawn.at(x, y)
    on_body: NDArray[np.bool_] = under != NO_BODY if scene.drawn is None else under >= 0
    return on_body


_NETWORK = int(Region.MIGRASOME_NETWORK)


@kernel()
def _paint_capsules(
    regions: RegionMap,
    begin_x: Array,
    begin_y: Array,
    end_x: Array,
    end_y: Array,
    reaches: Array,
    dx: float,
    dy: float,
) -> None:
    """Mark floor cells within reach of straight segments [um], shape (segment,), as network."""
    ny, nx = regions.shape
    for n in range(begin_x.size):
        x, y, reach = begin_x[n], begin_y[n], reaches[n]
        way_x, way_y = end_x[n] - x, end_y[n] - y
        square = way_x * way_x + way_y * way_y
        left, right = _cells_within(min(x, end_x[n]) - reach, max(x, end_x[n]) + reach, dx, nx)
        low, high = _cells_within(min(y, end_y[n]) - reach, max(y, end_y[n]) + reach, dy, ny)
        for j in range(low, high):
            off_y = (j + 0.5) * dy - y
            for i in range(left, right):
                off_x = (i + 0.5) * dx - x
                apart_x, apart_y = _off_segment(off_x, off_y, way_x, way_y, square)
                if apart_x * apart_x + apart_y * apart_y <= reach * reach:
                    regions[j, i] = _NETWORK


@kernel()
def _within_capsules(
    cell: Indices,
    xs: Array,
    ys: Array,
    begin_x: Array,
    begin_y: Array,
    end_x: Array,
    end_y: Array,
    reaches: Array,
    dx: float,
    dy: float,
    nx: int,
    ny: int,
) -> NDArray[np.bool_]:
    """Which places [um], in the order of their floor cells, are within reach of a segment [um]."""
    within = np.zeros(xs.size, np.bool_)
    for n in range(begin_x.size):
        x, y, reach = begin_x[n], begin_y[n], reaches[n]
        way_x, way_y = end_x[n] - x, end_y[n] - y
        square = way_x * way_x + way_y * way_y
        left, right = _cells_within(min(x, end_x[n]) - reach, max(x, end_x[n]) + reach, dx, nx)
        low, high = _cells_within(min(y, end_y[n]) - reach, max(y, end_y[n]) + reach, dy, ny)
        for j in range(low, high):
            place = np.searchsorted(cell, j * nx + left)
            while place < cell.size and cell[place] < j * nx + right:
                apart_x, apart_y = _off_segment(xs[place] - x, ys[place] - y, way_x, way_y, square)
                if apart_x * apart_x + apart_y * apart_y <= reach * reach:
                    within[place] = True
                place += 1
    return within


@kernel(inline=True)
def _off_segment(
    off_x: float, off_y: float, way_x: float, way_y: float, square: float
) -> tuple[float, float]:
    """Vector from the nearest point of a segment to a place.

    Parameters
    ----------
    off_x, off_y : float
        Place, from the begin of the segment [um].
    way_x, way_y, square : float
        End of the segment, from its begin [um], and the square of its length [um**2].
    """
    along = 0.0
    if square > 0.0:
        along = min(max((off_x * way_x + off_y * way_y) / square, 0.0), 1.0)
    return off_x - along * way_x, off_y - along * way_y


@kernel()
def _way_to_nearest(
    xs: Array, ys: Array, begin_x: Array, begin_y: Array, end_x: Array, end_y: Array, way: Array
) -> None:
    """Fill in ``way``, shape (2, place): from each place to the nearest point of a segment [um]."""
    for i in range(xs.size):
        nearest = math.inf
        for n in range(begin_x.size):
            way_x, way_y = end_x[n] - begin_x[n], end_y[n] - begin_y[n]
            apart_x, apart_y = _off_segment(
                xs[i] - begin_x[n], ys[i] - begin_y[n], way_x, way_y, way_x * way_x + way_y * way_y
            )
            square = apart_x * apart_x + apart_y * apart_y
            if square < nearest:
                nearest = square
                way[0, i], way[1, i] = -apart_x, -apart_y


@kernel()
def _inside_ellipses(
    xs: Array,
    ys: Array,
    semi_major: Array,
    semi_minor: Array,
    angles: Array,
    dx: float,
    dy: float,
    nx: int,
    ny: int,
) -> tuple[Indices, Indices]:
    """Numbers of the cells in each ellipse, row by row, and the ellipse's number."""
    most = 0
    for n in range(xs.size):
        left, right = _cells_within(xs[n] - semi_major[n], xs[n] + semi_major[n], dx, nx)
        low, high = _cells_within(ys[n] - semi_major[n], ys[n] + semi_major[n], dy, ny)
        most += max(right - left, 0) * max(high - low, 0)
    cell, owner = np.empty(most, np.intp), np.empty(most, np.intp)
    found = 0
    for n in range(xs.size):
        cosine, sine = math.cos(angles[n]), math.sin(angles[n])
        left, right = _cells_within(xs[n] - semi_major[n], xs[n] + semi_major[n], dx, nx)
        low, high = _cells_within(ys[n] - semi_major[n], ys[n] + semi_major[n], dy, ny)
        for j in range(low, high):
            off_y = (j + 0.5) * dy - ys[n]
            for i in range(left, right):
                off_x = (i + 0.5) * dx - xs[n]
                if encloses(off_x, off_y, semi_major[n], semi_minor[n], cosine, sine):
                    cell[found], owner[found] = j * nx + i, n
                    found += 1
    return cell[:found], owner[:found]


@kernel()
def _cells_within(lowest: float, highest: float, size: float, count: int) -> tuple[int, int]:
    """Range of cells whose centres may lie between two coordinates: first, and after the last."""
    first = clamped(np.floor(lowest / size - 0.5), 0, count)
    return first, clamped(np.ceil(highest / size + 0.5), 0, count)


def region_areas(regions: RegionMap, cell_area: float) -> Array:
    """Area of each region [um**2], shape (3,), in the order of `Region`."""
    counts = np.bincount(regions.ravel(), minlength=len(Region))[: len(Region)]
    return counts.astype(float) * cell_area


def raise_on_migrasomes(
    contact: NDArray[np.uint8],
    ligand: Floats,
    migrasomes: Migrasomes,
    grid: Grid,
    density: Array,
    *,
    reach: float,
) -> None:
    """Mark the places of a map within reach of a migrasome, and raise its ligand there.

    Parameters
    ----------
    contact : ndarray of uint8, shape (ny, nx)
        Set to 1 there.
    ligand : ndarray of float32, shape (ny, nx)
        Raised to the largest density there.
    migrasomes : Migrasomes
    grid : Grid
        Of the maps.
    density : ndarray, shape (present migrasome,)
        Of the ligand on each one that is present [1].
    reach : float
        Radius of the cell [um].
    """
    here = migrasomes.present
    _touch_discs(
        contact, ligand, migrasomes.x[here], migrasomes.y[here], reach + migrasomes.radius[here],
        density, grid.dx, grid.dy,
    )  # fmt: skip


@kernel()
def _touch_discs(
    contact: NDArray[np.uint8],
    ligand: Floats,
    xs: Array,
    ys: Array,
    reaches: Array,
    density: Array,
    dx: float,
    dy: float,
) -> None:
    """Raise maps within reach of places [um], shape (place,), to at least their density."""
    ny, nx = ligand.shape
    for n in range(xs.size):
        left, right = _cells_within(xs[n] - reaches[n], xs[n] + reaches[n], dx, nx)
        low, high = _cells_within(ys[n] - reaches[n], ys[n] + reaches[n], dy, ny)
        for j in range(low, high):
            off_y = (j + 0.5) * dy - ys[n]
            for i in range(left, right):
                off_x = (i + 0.5) * dx - xs[n]
                if off_x * off_x + off_y * off_y <= reaches[n] * reaches[n]:
                    contact[j, i] = 1
                    ligand[j, i] = max(ligand[j, i], density[n])
