"""Retraction fibres: tethered to the floor, laid down behind a moving body, branching, lost.

Kernels here take the arrays of `sdf1_field.migrasomes.growth.grow` and change them in place; those
that begin a fibre return ``strands`` and ``course``, which are new arrays once they are full.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.migrasomes.detachment import NO_MIGRASOME, detach_migrasomes
from sdf1_field.random import Stream
from sdf1_field.random.kernels import draw, poisson_quantile, subkey, uniform
from sdf1_field.scene import Origin

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Records = NDArray[np.void]
Numbers = Any
"""A record of `sdf1_field.migrasomes.laws.RATES`, or Numba's view of one."""

VERTICES = 64
"""Most vertices of a fibre; a longer fibre loses its oldest segment."""
NO_VERTEX = 2**62
"""Beyond the number of any fibre's vertex."""
_FIBRE, _BRANCH = int(Stream.FIBRE), int(Stream.BRANCHING)
_RETRACTION = int(Origin.RETRACTION)

STRAND = np.dtype(
    [
        ("count", "i8"),
        ("first", "i8"),
        ("laid", "i8"),
        ("owner", "i8"),
        ("place", "f8"),
        ("origin", "i8"),
        ("key", "i8"),
        ("head", "i8"),
        ("grown", "?"),
        ("branch", "?"),
    ],
    align=True,
)
"""A fibre: number of its vertices, and of those lost so far; highest number of a vertex laid down;
its body, `NO_BODY` if that was removed, and the angle on the body's ellipse at which it is attached
[rad]; its `Origin`; key of its random numbers; latest of its migrasomes; whether it has reached the
shortest visible length; whether it is a branch, which does not branch again. Its course, shape
(2, VERTICES), is x and y [um] from the oldest end to the body."""


@kernel()
def _edge(cells: Records, n: int, place: float) -> tuple[float, float]:
    """Place [um] on the edge of body ``n`` at an angle of its ellipse [rad]."""
    size = math.sqrt(cells[n].spread)
    along = size * cells[n].semi_major * math.cos(place)
    across = size * cells[n].semi_minor * math.sin(place)
    cosine, sine = math.cos(cells[n].angle), math.sin(cells[n].angle)
    return cells[n].x + along * cosine - across * sine, cells[n].y + along * sine + across * cosine


@kernel()
def tether_fibres(
    rates: Numbers,
    seed: int,
    n: int,
    step: int,
    origin: int,
    cells: Records,
    strands: Records,
    course: Array,
    numbers: Indices,
) -> tuple[Records, Array]:
    """Begin a bundle of fibres, at the rear of a migrating body or all around a retracting one.

    Their number is 1 plus a Poisson number of mean ``rates.fibres - 1``.

    Parameters
    ----------
    rates : record of RATES
    seed, n, step : int
        The dish's seed, the body, and the growth step.
    origin : int
        Value of `Origin`.
    cells : ndarray of WALKER, shape (body,)
    strands : ndarray of STRAND, shape (fibre or more,)
    course : ndarray, shape (fibre or more, 2, VERTICES)
        Vertices [um].
    numbers : ndarray, shape (2,)
        Its first entry, the number of fibres, grows.
    """
    bundle = subkey(subkey(seed, _FIBRE, n), _FIBRE, step)
    fibres = 1 + poisson_quantile(rates.fibres - 1.0, uniform(bundle, _FIBRE, 0, 1))
    begins = uniform(bundle, _FIBRE, 0, 2)
    rear = math.pi if cells[n].polarity > 0.0 else 0.0
    for k in range(fibres):
        key = subkey(bundle, _FIBRE, k)
        normal, _ = draw(key, _FIBRE, 0, 0)
        place = rear + rates.fan_angle * normal
        if origin == _RETRACTION:
            place = 2.0 * math.pi * (k + begins) / fibres
        x, y = _edge(cells, n, place)
        strands, course = _begin_fibre(x, y, n, place, origin, key, False, strands, course, numbers)
    return strands, course


@kernel()
def _begin_fibre(
    x: float,
    y: float,
    owner: int,
    place: float,
    origin: int,
    key: int,
    branch: bool,
    strands: Records,
    course: Array,
    numbers: Indices,
) -> tuple[Records, Array]:
    """Begin a fibre, of no length yet; for the arrays see `tether_fibres`.

    Parameters
    ----------
    x, y : float
        Both ends [um].
    owner : int
        Its body.
    place : float
        Angle on the body's ellipse at which it is attached [rad].
    origin, key : int
        Value of `Origin`, and key of its random numbers.
    branch : bool
        Whether it is a branch.
    """
    f = numbers[0]
    if f == strands.size:
        strands, course = longer(strands), _longer_courses(course)
    # Cleared, so that the array's content does not depend on how many steps a call takes.
    course[f] = 0.0
    course[f, 0, 0] = course[f, 0, 1] = x
    course[f, 1, 0] = course[f, 1, 1] = y
    strands[f].count, strands[f].first, strands[f].laid = 2, 0, 0
    strands[f].owner, strands[f].place, strands[f].origin = owner, place, origin
    strands[f].key, strands[f].head, strands[f].grown = key, NO_MIGRASOME, False
    strands[f].branch = branch
    numbers[0] += 1
    return strands, course


@kernel()
def longer(values: Records) -> Records:
    """Copy with room for twice as many records."""
    more = np.empty(2 * values.size + 1, values.dtype)
    for n in range(values.size):
        more[n] = values[n]
    return more


@kernel()
def _longer_courses(values: Array) -> Array:
    """Copy with room for twice as many courses."""
    more = np.empty((2 * values.shape[0] + 1, values.shape[1], values.shape[2]))
    for f in range(values.shape[0]):
        _copy_course(values, f, more, f)
    return more


@kernel(inline=True)
def _copy_course(source: Array, f: int, target: Array, g: int) -> None:
    """Copy a fibre's course; an assignment of slices would take seconds to compile."""
    for axis in range(source.shape[1]):
        for k in range(source.shape[2]):
            target[g, axis, k] = source[f, axis, k]


@kernel()
def follow_body(
    rates: Numbers,
    now: float,
    f: int,
    cells: Records,
    strands: Records,
    course: Array,
    buds: Records,
    numbers: Indices,
) -> tuple[Records, Array]:
    """Extend a fibre to its body's edge, or shorten it as far as the body has come back.

    A vertex is laid down every ``rates.anchor_spacing``; at a new one the fibre may branch.

    Parameters
    ----------
    rates : record of RATES
    now : float
        End of the growth step [s].
    f : int
        The fibre.
    cells : ndarray of WALKER, shape (body,)
    strands : ndarray of STRAND, shape (fibre or more,)
    course : ndarray, shape (fibre or more, 2, VERTICES)
        Vertices [um].
    buds : ndarray of BUD, shape (migrasome or more,)
    numbers : ndarray, shape (2,)
        Its first entry, the number of fibres, grows by a branch.
    """
    x, y = course[f, 0], course[f, 1]
    end_x, end_y = _edge(cells, strands[f].owner, strands[f].place)
    last = strands[f].count - 1
    while last > 1 and distance(end_x, end_y, x[last - 2], y[last - 2]) <= distance(
        x[last - 1], y[last - 1], x[last - 2], y[last - 2]
    ):
        last -= 1
    if last < strands[f].count - 1:
        # Migrasomes on the segments that the body has retaken lose their fibre.
        first = strands[f].first
        detach_migrasomes(rates, now, f, first, first + last - 1, strands, buds)
    x[last], y[last] = end_x, end_y
    strands[f].count = last + 1
    if distance(end_x, end_y, x[last - 1], y[last - 1]) < rates.anchor_spacing:
        return strands, course
    if last + 1 == VERTICES:
        shorten(rates, now, f, 1, strands, course, buds)
        last -= 1
    x[last + 1], y[last + 1] = end_x, end_y
    strands[f].count = last + 2
    # A vertex branches only when it is laid down for the first time.
    if strands[f].branch or strands[f].first + last <= strands[f].laid:
        return strands, course
    strands[f].laid = strands[f].first + last
    normal, chance = draw(strands[f].key, _BRANCH, strands[f].laid, 0)
    if chance < -math.expm1(-rates.branching * rates.anchor_spacing):
        place = strands[f].place + rates.fan_angle * normal
        strands, course = _begin_fibre(
            end_x, end_y, strands[f].owner, place, strands[f].origin,
            subkey(strands[f].key, _BRANCH, strands[f].laid), True, strands, course, numbers,
        )  # fmt: skip
    return strands, course


@kernel(inline=True)
def distance(x: float, y: float, other_x: float, other_y: float) -> float:
    """Distance of two places [um]."""
    return math.sqrt((x - other_x) ** 2 + (y - other_y) ** 2)


@kernel()
def fibre_length(strands: Records, course: Array, f: int) -> float:
    """Length of a fibre [um]."""
    length = 0.0
    for k in range(strands[f].count - 1):
        length += segment_length(course, f, k)
    return length


@kernel()
def shorten(
    rates: Numbers,
    now: float,
    f: int,
    lose: int,
    strands: Records,
    course: Array,
    buds: Records,
) -> None:
    """Remove a fibre's oldest vertices and detach the migrasomes there.

    Parameters
    ----------
    rates : record of RATES
    now : float
        [s].
    f, lose : int
        The fibre, and the number of vertices that it loses.
    strands, course, buds
        As of `follow_body`.
    """
    strands[f].first += lose
    detach_migrasomes(rates, now, f, strands[f].first, NO_VERTEX, strands, buds)
    kept = max(strands[f].count - lose, 0)
    for k in range(kept):
        course[f, 0, k], course[f, 1, k] = course[f, 0, k + lose], course[f, 1, k + lose]
    strands[f].count = kept


@kernel(inline=True)
def segment_length(course: Array, f: int, k: int) -> float:
    """Length of a fibre's segment between its vertex ``k`` and the next [um]."""
    return math.sqrt(
        (course[f, 0, k + 1] - course[f, 0, k]) ** 2 + (course[f, 1, k + 1] - course[f, 1, k]) ** 2
    )


@kernel()
def segment_at(course: Array, f: int, way: float, count: int) -> int:
    """Vertex before a place on a fibre.

    Parameters
    ----------
    course : ndarray, shape (fibre or more, 2, VERTICES)
        Vertices [um].
    f : int
        The fibre.
    way : float
        Distance of the place from the oldest end, along the fibre [um].
    count : int
        Number of the fibre's vertices.
    """
    for k in range(count - 2):
        piece = segment_length(course, f, k)
        if way <= piece:
            return k
        way -= piece
    return count - 2


@kernel()
def remove_lost_fibres(strands: Records, course: Array, numbers: Indices) -> None:
    """Remove fibres without vertices; the others keep their order."""
    kept = 0
    for f in range(numbers[0]):
        if strands[f].count == 0:
            continue
        if kept < f:
            strands[kept] = strands[f]
            _copy_course(course, f, course, kept)
        kept += 1
    numbers[0] = kept
