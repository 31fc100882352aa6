"""Stromal bodies over one growth step: walk, collide, retract and respread, leave fibres behind."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.migrasomes.fibres import tether_fibres
from sdf1_field.neighbours import (
    Buckets,
    adjacent,
    adjacent_run,
    bucket_of,
    make_buckets,
    sorted_places,
)
from sdf1_field.random import Stream
from sdf1_field.random.kernels import draw, uniform
from sdf1_field.scene import Origin

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Records = NDArray[np.void]
Numbers = Any
"""A record of `sdf1_field.migrasomes.laws.RATES`, or Numba's view of one."""

_WALK, _EDGE = int(Stream.MSC_WALK), int(Stream.MSC_EDGE)
_MIGRATION, _RETRACTION = int(Origin.MIGRATION), int(Origin.RETRACTION)

WALKER = np.dtype(
    [
        ("x", "f8"),
        ("y", "f8"),
        ("angle", "f8"),
        ("heading", "f8"),
        ("polarity", "f8"),
        ("migrating", "?"),
        ("spread", "f8"),
        ("retracting", "f8"),
        ("semi_major", "f8"),
        ("semi_minor", "f8"),
        ("speed", "f8"),
        ("nucleation", "f8"),
        ("production", "f8"),
    ],
    align=True,
)
"""A stromal cell: centre [um], angle of the long axis and heading [rad]; polarity along the
heading, 1 or -1; whether it migrates; its area relative to that when fully spread, and remaining
time of a retraction of its edge [s]; half axes of the fully spread ellipse [um]; its factors on
speed, nucleation and production [1]."""


@kernel()
def move_bodies(
    rates: Numbers,
    seed: int,
    step: int,
    cells: Records,
    strands: Records,
    course: Array,
    numbers: Indices,
) -> tuple[Records, Array]:
    """Move, retract and respread bodies, and tether new fibres to the floor.

    A migrating body is a persistent random walker whose long axis relaxes to its heading. At a wall
    or another body it stays for this step and reverses its polarity.

    Parameters
    ----------
    rates : record of RATES
    seed, step : int
        The dish's seed, and the growth step.
    cells : ndarray of WALKER, shape (body,)
        Changed in place.
    strands : ndarray of STRAND, shape (fibre or more,)
    course : ndarray, shape (fibre or more, 2, VERTICES)
        Vertices [um].
    numbers : ndarray, shape (2,)
        Its first entry, the number of fibres, grows.

    Returns
    -------
    strands, course : ndarray
        With the new fibres; longer copies once the arrays are full.
    """
    count = cells.size
    if count == 0:
        return strands, course
    widest = 0.0
    for n in range(count):
        widest = max(widest, math.sqrt(cells[n].semi_major * cells[n].semi_minor))
    buckets = make_buckets(0.0, 0.0, rates.width, rates.length, 2.0 * widest, count)
    order, begins = sorted_places(buckets, cells["x"].copy(), cells["y"].copy())
    spread = math.sqrt(2.0 * rates.turning * rates.step)
    for n in range(count):
        normal, chance = draw(seed, _WALK, n, step)
        event = uniform(seed, _EDGE, n, step)
        if cells[n].migrating:
            cells[n].heading += spread * normal
            aside = cells[n].heading - cells[n].angle
            cells[n].angle += aside * -math.expm1(-rates.alignment * rates.step)
            way = rates.speed * cells[n].speed * rates.step
            x = cells[n].x + way * cells[n].polarity * math.cos(cells[n].heading)
            y = cells[n].y + way * cells[n].polarity * math.sin(cells[n].heading)
            inside = 0.0 <= x <= rates.width and 0.0 <= y <= rates.length
            if inside and not _collides(n, x, y, cells, buckets, begins, order):
                cells[n].x, cells[n].y = x, y
                if event < -math.expm1(-rates.tethering * way):
                    strands, course = tether_fibres(
                        rates, seed, n, step, _MIGRATION, cells, strands, course, numbers
                    )
            else:
                # On contact the cell reverses its polarity.
                cells[n].polarity = -cells[n].polarity
            if chance < -math.expm1(-rates.stopping * rates.step):
                cells[n].migrating = False
        else:
            if cells[n].retracting <= 0.0 and event < -math.expm1(-rates.retraction * rates.step):
                cells[n].retracting = rates.retraction_time
                strands, course = tether_fibres(
                    rates, seed, n, step, _RETRACTION, cells, strands, course, numbers
                )
            starts = -math.expm1(-rates.starting * rates.step)
            if chance < starts:
                cells[n].migrating = True
                cells[n].polarity = 1.0 if chance < 0.5 * starts else -1.0
        if cells[n].retracting > 0.0:
            left = min(cells[n].retracting, rates.step)
            # Exponential in time, so that the share retracted does not depend on the step.
            cells[n].spread *= (1.0 - rates.retracted_share) ** (left / rates.retraction_time)
            cells[n].retracting -= left
        else:
            cells[n].spread += (1.0 - cells[n].spread) * -math.expm1(
                -rates.respreading * rates.step
            )
    return strands, course


@kernel()
def _collides(
    n: int,
    x: float,
    y: float,
    cells: Records,
    buckets: Buckets,
    begins: Indices,
    order: Indices,
) -> bool:
    """Whether a move to a place would make a body overlap another and bring them nearer.

    Bodies count as circles of their area. Buckets hold the places at the beginning of the step.

    Parameters
    ----------
    n : int
        The body.
    x, y : float
        The place [um].
    cells : ndarray of WALKER, shape (body,)
    buckets, begins, order
        As `sdf1_field.neighbours.sorted_places` takes and returns them.
    """
    own = math.sqrt(cells[n].semi_major * cells[n].semi_minor * cells[n].spread)
    row, column = bucket_of(buckets, x, y)
    for r in adjacent(row, buckets.rows):
        begin, end = adjacent_run(begins, buckets.columns, r, column)
        for k in range(begin, end):
            other = order[k]
            if other == n:
                continue
            wide = own + math.sqrt(
                cells[other].semi_major * cells[other].semi_minor * cells[other].spread
            )
            square = (x - cells[other].x) ** 2 + (y - cells[other].y) ** 2
            before = (cells[n].x - cells[other].x) ** 2 + (cells[n].y - cells[other].y) ** 2
            if square < wide * wide and square < before:
                return True
    return False
