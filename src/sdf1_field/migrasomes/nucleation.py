"""New migrasomes on fibres: a Poisson process along a fibre and at its oldest end."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.migrasomes.detachment import DETACHING, LEAKING, LIFE, NO_MIGRASOME
from sdf1_field.migrasomes.fibres import VERTICES, distance, longer, segment_at, segment_length
from sdf1_field.random import Stream
from sdf1_field.random.kernels import draw, exponential_quantile, poisson_quantile, subkey, uniform
from sdf1_field.scene import Fate
from sdf1_field.walls import reflected

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Records = NDArray[np.void]
Numbers = Any
"""A record of `sdf1_field.migrasomes.laws.RATES`, or Numba's view of one."""

_TRIES = 16
"""Most migrasomes that form on a fibre in a step."""
_BUD, _PLACE, _MIGRASOME = int(Stream.NUCLEATION), int(Stream.PLACE), int(Stream.MIGRASOME)
_RUPTURES = int(Fate.RUPTURES)

BUD = np.dtype(
    [
        ("x", "f8"),
        ("y", "f8"),
        ("radius", "f8"),
        ("birth", "f8"),
        ("detaching", "f8"),
        ("end", "f8"),
        ("fate", "i8"),
        ("body", "i8"),
        ("origin", "i8"),
        ("vertex", "i8"),
        ("along", "f8"),
        ("following", "i8"),
        ("leaking", "f8"),
        ("key", "i8"),
    ],
    align=True,
)
"""A migrasome: place and final radius [um]; time of its formation, of its detachment unless its
fibre breaks before, and of its end [s]; its `Fate`, body and `Origin`; on its fibre the number of
the vertex before it, lost ones counted, the distance from there [um], and the next older migrasome;
time at which its membrane leaks [s]; key of its random numbers."""


@kernel()
def nucleate(
    rates: Numbers,
    now: float,
    step: int,
    f: int,
    length: float,
    cells: Records,
    strands: Records,
    course: Array,
    buds: Records,
    numbers: Indices,
) -> Records:
    """Nucleate migrasomes on a retraction fibre: along it, or at its oldest end (tip, branching).

    Their number in a step is Poisson, its mean proportional to the fibre's length plus
    ``rates.junction`` for the oldest end. None forms within ``rates.spacing`` of another one of
    the same fibre.

    Parameters
    ----------
    rates : record of RATES
    now : float
        End of the growth step [s].
    step, f : int
        The growth step, and the fibre.
    length : float
        The fibre's [um].
    cells : ndarray of WALKER, shape (body,)
    strands : ndarray of STRAND, shape (fibre or more,)
    course : ndarray, shape (fibre or more, 2, VERTICES)
        Vertices [um]; a migrasome on the last segment adds one.
    buds : ndarray of BUD, shape (migrasome or more,)
    numbers : ndarray, shape (2,)
        Its second entry, the number of migrasomes, grows.

    Returns
    -------
    ndarray of BUD
        ``buds``, or a longer copy once they are full.
    """
    places = length + rates.junction
    expected = rates.nucleation * cells[strands[f].owner].nucleation * places * rates.step
    own = subkey(strands[f].key, _BUD, step)
    # Of a Poisson number whose mean is 2 _TRIES, hardly any draw is below _TRIES.
    tries = poisson_quantile(min(expected, 2.0 * _TRIES), uniform(own, _BUD, 0, 0))
    tries = min(tries, _TRIES)
    for k in range(tries):
        key = subkey(own, _PLACE, k)
        way = uniform(key, _PLACE, 0, 0) * places - rates.junction
        buds = _add_migrasome(rates, key, now, f, max(way, 0.0), strands, course, buds, numbers)
    return buds


@kernel()
def _add_migrasome(
    rates: Numbers,
    key: int,
    now: float,
    f: int,
    way: float,
    strands: Records,
    course: Array,
    buds: Records,
    numbers: Indices,
) -> Records:
    """Add a migrasome to a fibre, if there is room; other arguments as of `nucleate`.

    Parameters
    ----------
    key : int
        Key of its random numbers.
    way : float
        Its distance from the fibre's oldest end, along the fibre [um].
    """
    k = segment_at(course, f, way, strands[f].count)
    for earlier in range(k):
        way -= segment_length(course, f, earlier)
    whole = segment_length(course, f, k)
    share = min(way / whole, 1.0) if whole > 0.0 else 0.0
    x = course[f, 0, k] + share * (course[f, 0, k + 1] - course[f, 0, k])
    y = course[f, 1, k] + share * (course[f, 1, k + 1] - course[f, 1, k])
    # Reflection is even in x: that of the absolute value has no round-off near the wall at 0.
    seen_x, _ = reflected(abs(x), rates.width)
    seen_y, _ = reflected(abs(y), rates.length)
    other = strands[f].head
    while other != NO_MIGRASOME:
        if distance(seen_x, seen_y, buds[other].x, buds[other].y) < rates.spacing:
            return buds
        other = buds[other].following
    if k == strands[f].count - 2 and way > 0.0:
        if strands[f].count == VERTICES:
            return buds
        # A migrasome on the last segment anchors the fibre to the floor.
        course[f, 0, k + 2], course[f, 1, k + 2] = course[f, 0, k + 1], course[f, 1, k + 1]
        course[f, 0, k + 1], course[f, 1, k + 1] = x, y
        strands[f].count += 1
    m = numbers[1]
    if m == buds.size:
        buds = longer(buds)
    numbers[1] += 1
    normal, chance = draw(key, _MIGRASOME, 0, LIFE)
    size = math.exp(rates.radius_variation * normal - 0.5 * rates.radius_variation**2)
    buds[m].x, buds[m].y = seen_x, seen_y
    buds[m].radius = max(rates.radius * size, rates.early_radius)
    buds[m].birth = now
    buds[m].end = now + exponential_quantile(rates.rupture, chance)
    buds[m].detaching = now + exponential_quantile(
        rates.detachment, uniform(key, _MIGRASOME, 0, DETACHING)
    )
    buds[m].fate = _RUPTURES
    buds[m].body, buds[m].origin = strands[f].owner, strands[f].origin
    buds[m].leaking = now + exponential_quantile(rates.leak, uniform(key, _MIGRASOME, 0, LEAKING))
    buds[m].vertex, buds[m].along = strands[f].first + k, min(way, whole)
    buds[m].following = strands[f].head
    buds[m].key = key
    strands[f].head = m
    return buds
