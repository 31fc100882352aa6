"""Distance and direction from places to the stroma.

Distances are to the exact outlines of the scene: a body is its ellipse or, in a scene drawn from an
image, its pixels; a migrasome is its disc.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.grid import Grid
from sdf1_field.neighbours import MOST_BUCKETS, Buckets, bucket_of, make_buckets, sorted_places
from sdf1_field.scene import DrawnFloor

Array = NDArray[np.float64]

BODY, MIGRASOME = "MSC body", "migrasome"
OUTSIDE_EDGES = (0.0, 10.0, 20.0, 30.0, 40.0, 60.0, 80.0, 100.0, 150.0, 200.0, math.inf)
DISTANCE_EDGES = {
    BODY: np.array([-math.inf, *OUTSIDE_EDGES]),
    MIGRASOME: np.array([-math.inf, *OUTSIDE_EDGES[1:]]),
}
"""Bins of the distance from an edge [um]; below 0 is on a body, migrasomes are too small for it."""
_SAMPLE = 2.5
"""Areas are measured on a lattice at least as fine as this [um]."""
_NEWTON_STEPS = 50
_NEWTON_TOLERANCE = 1e-12
_ROUND_UP = 1.0 + 1e-9
_OFF_AXIS = 1e-9
"""Smallest coordinate across an axis, in semi-axes; on the axis the equation has a pole."""


@dataclass(frozen=True, eq=False)
class Outlines:
    """Ellipses on the floor; arrays of shape (shape,).

    Parameters
    ----------
    x, y : ndarray
        Centres [um].
    semi_major, semi_minor : ndarray
        [um], > 0; equal for discs.
    angle : ndarray
        Of the long axis against x [rad].
    """

    x: Array
    y: Array
    semi_major: Array
    semi_minor: Array
    angle: Array


@dataclass(frozen=True, eq=False)
class DrawnOutlines:
    """Outlines of the bodies of a scene that was drawn from an image.

    Parameters
    ----------
    floor : DrawnFloor
    """

    floor: DrawnFloor

    @property
    def x(self) -> Array:
        """Centres of the bodies in x [um], shape (body,)."""
        return self.floor.moments.x


Edges = Outlines | DrawnOutlines
"""What distances are measured from."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest outline of each place; arrays of shape (place,).

    Parameters
    ----------
    distance : ndarray
        To the outline's edge [um]; negative inside; infinite if there is no outline.
    toward_x, toward_y : ndarray
        Unit vector from the place to the nearest point of the edge, or away from it inside; 0 if
        there is no outline.
    """

    distance: Array
    toward_x: Array
    toward_y: Array


def nearest_edge(outlines: Edges, x: Array, y: Array) -> Nearest:
    """Distance and direction from places [um], shape (place,), to the nearest outline's edge."""
    if isinstance(outlines, DrawnOutlines):
        return _nearest_drawn(outlines.floor, x, y)
    found = Nearest(np.full(x.shape, np.inf), np.zeros(x.shape), np.zeros(x.shape))
    if not len(outlines.x):
        return found
    # About one outline in each bucket, by its centre.
    left, low = float(outlines.x.min()), float(outlines.y.min())
    width, length = float(np.ptp(outlines.x)), float(np.ptp(outlines.y))
    count = len(outlines.x)
    narrowest = max(math.sqrt(width * length / count), max(width, length) / count) or 1.0
    buckets = make_buckets(left, low, width, length, narrowest, MOST_BUCKETS)
    order, begins = sorted_places(buckets, outlines.x, outlines.y)
    _nearest(
        np.ascontiguousarray(x, dtype=float),
        np.ascontiguousarray(y, dtype=float),
        outlines.x[order],
        outlines.y[order],
        outlines.semi_major[order],
        outlines.semi_minor[order],
        np.cos(outlines.angle[order]),
        np.sin(outlines.angle[order]),
        begins,
        buckets,
        float(outlines.semi_major.max()),
        found.distance,
        found.toward_x,
        found.toward_y,
    )
    return found


def _nearest_drawn(floor: DrawnFloor, x: Array, y: Array) -> Nearest:
    way, inside = floor.way_to_edge(x, y)
    away = np.hypot(*way)
    toward = np.nan_to_num(way / np.where(away > 0.0, away, 1.0))
    sign = np.where(inside, -1.0, 1.0)
    return Nearest(sign * np.where(np.isnan(away), np.inf, away), *(sign * toward))


@kernel()
def _nearest(
    xs: Array,
    ys: Array,
    centre_x: Array,
    centre_y: Array,
    semi_major: Array,
    semi_minor: Array,
    cosine: Array,
    sine: Array,
    begins: NDArray[np.int64],
    buckets: Buckets,
    widest: float,
    distance: Array,
    toward_x: Array,
    toward_y: Array,
) -> None:
    rows, columns = buckets.rows, buckets.columns
    # Buckets along an axis with a single one bound no distance.
    size = min(
        1.0 / buckets.per_x if columns > 1 else np.inf, 1.0 / buckets.per_y if rows > 1 else np.inf
    )
    for n in range(xs.size):
        # The distance is at most that of the previous place plus the way from there.
        best = np.inf
        if n > 0:
            way_x, way_y = xs[n] - xs[n - 1], ys[n] - ys[n - 1]
            most = distance[n - 1] + _ROUND_UP * (1.0 + math.sqrt(way_x * way_x + way_y * way_y))
            best = most if most < best else best
        # A place outside counts to the nearest bucket; every centre is at least as far from it.
        row, column = bucket_of(buckets, xs[n], ys[n])
        farthest = max(column, row, columns - 1 - column, rows - 1 - row)
        for ring in range(farthest + 1):
            # All centres beyond the searched rings are farther than the rings' width.
            if (ring - 1) * size > best + widest:
                break
            for j in range(max(row - ring, 0), min(row + ring, rows - 1) + 1):
                inner = abs(j - row) < ring
                for i in range(column - ring, column + ring + 1, 2 * ring if inner else 1):
                    if i < 0 or i >= columns:
                        continue
                    for k in range(begins[j * columns + i], begins[j * columns + i + 1]):
                        off_x, off_y = xs[n] - centre_x[k], ys[n] - centre_y[k]
                        # No point of an ellipse is farther from its centre than its half axis.
                        reach = best + semi_major[k]
                        if reach <= 0.0 or off_x * off_x + off_y * off_y >= reach * reach:
                            continue
                        signed, to_x, to_y = _to_edge(
                            off_x, off_y, semi_major[k], semi_minor[k], cosine[k], sine[k]
                        )
                        if signed < best:
                            best, toward_x[n], toward_y[n] = signed, to_x, to_y
        distance[n] = best


@kernel()
def _to_edge(
    off_x: float, off_y: float, a: float, b: float, cosine: float, sine: float
) -> tuple[float, float, float]:
    """Signed distance of a place to an ellipse's edge, and the unit vector towards it.

    Negative inside; the vector is zero on the edge itself.
    """
    along = off_x * cosine + off_y * sine
    across = off_y * cosine - off_x * sine
    edge_along, edge_across = _closest(abs(along), abs(across), a, b)
    way_along = math.copysign(edge_along, along) - along
    way_across = math.copysign(edge_across, across) - across
    apart = math.sqrt(way_along * way_along + way_across * way_across)
    signed = -apart if (along / a) ** 2 + (across / b) ** 2 < 1.0 else apart
    if signed == 0.0:
        return 0.0, 0.0, 0.0
    to_x = (way_along * cosine - way_across * sine) / signed
    return signed, to_x, (way_along * sine + way_across * cosine) / signed


@kernel()
def _closest(along: float, across: float, a: float, b: float) -> tuple[float, float]:
    """Point of an ellipse nearest to a place in its first quadrant.

    With Lagrange's multiplier t = s - b**2 it is ``(a**2 x / (t + a**2), b**2 y / (t + b**2))`` at
    the largest root of ``F = (a x / (t + a**2))**2 + (b y / (t + b**2))**2 - 1``. F falls and is
    convex there, so Newton's steps from a start where F >= 0 rise to the root and cannot miss it
    (Eberly 2013, Distance from a point to an ellipse).
    """
    x, y, excess = max(along, _OFF_AXIS * a), max(across, _OFF_AXIS * b), a * a - b * b
    s = max(b * y, a * x - excess)
    for _ in range(_NEWTON_STEPS):
        first, second = a * x / (s + excess), b * y / s
        value = first * first + second * second - 1.0
        slope = -2.0 * (first * first / (s + excess) + second * second / s)
        change = -value / slope
        s += change
        if change <= _NEWTON_TOLERANCE * s:
            break
    return a * a * x / (s + excess), b * b * y / s


def floor_lattice(grid: Grid) -> tuple[Array, Array, float]:
    """Places [um] evenly all over the floor, and the area [um**2] each stands for."""
    across, along = math.ceil(grid.dx / _SAMPLE) * grid.nx, math.ceil(grid.dy / _SAMPLE) * grid.ny
    x = (np.arange(across) + 0.5) * grid.width / across
    y = (np.arange(along) + 0.5) * grid.length / along
    places_x, places_y = np.meshgrid(x, y)
    area = grid.width * grid.length / (across * along)
    return places_x.ravel(), places_y.ravel(), area


def in_bins(distance: Array, edges: Array) -> Array:
    """Number of distances in each bin [lower, upper), shape (len(edges) - 1,)."""
    place = np.searchsorted(edges, distance, side="right") - 1
    within = (place >= 0) & (place < len(edges) - 1)
    return np.bincount(place[within], minlength=len(edges) - 1).astype(float)
