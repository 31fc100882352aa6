"""Growth of a stroma, step by step: bodies walk, fibres stay behind, migrasomes form on them.

Within a step bodies move first, in the order of their numbers; then fibres follow, break and
nucleate migrasomes, in the order in which they began. Every random number is keyed by its purpose,
so that the result does not depend on how many steps a call takes. A fibre's key is derived from its
body and its first step, a branch's from its fibre and the vertex, a migrasome's from its fibre and
its first step: an additional one does not change the random numbers of the others.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.migrasomes.bodies import move_bodies
from sdf1_field.migrasomes.cargo import advance_cargo, release_content
from sdf1_field.migrasomes.detachment import detach_migrasomes
from sdf1_field.migrasomes.fibres import (
    NO_VERTEX,
    fibre_length,
    follow_body,
    remove_lost_fibres,
    segment_at,
    shorten,
)
from sdf1_field.migrasomes.nucleation import nucleate
from sdf1_field.random import Stream
from sdf1_field.random.kernels import uniform
from sdf1_field.scene import NO_BODY

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Records = NDArray[np.void]
Numbers = Any
"""A record of `sdf1_field.migrasomes.laws.RATES`, or Numba's view of one."""

_BREAK = int(Stream.BREAKAGE)


@kernel()
def grow(
    rates: Numbers,
    seed: int,
    first: int,
    steps: int,
    followed: float,
    until: float,
    cells: Records,
    strands: Records,
    course: Array,
    buds: Records,
    numbers: Indices,
    kinetics: Records,
    pools: Array,
    held: Array,
) -> tuple[Records, Array, Records, Array]:
    """Take some growth steps; bodies and pools change in place, other arrays may be replaced.

    Cargo is advanced to any time, in a network that is frozen between two growth steps.

    Parameters
    ----------
    rates : record of RATES
    seed, first, steps : int
        The dish's seed, the number of the first step, and the number of steps.
    followed, until : float
        Interval over which cargo is advanced; ``until`` is the end of the last step or later [s].
    cells : ndarray of WALKER, shape (body,)
    strands : ndarray of STRAND, shape (fibre,)
        In the order in which they began; may have room for more.
    course : ndarray, shape (fibre, 2, VERTICES)
        Vertices [um].
    buds : ndarray of BUD, shape (migrasome,)
        May have room for more.
    numbers : ndarray, shape (2,)
        Number of present fibres, and of all migrasomes formed so far; changed.
    kinetics : ndarray of CARGO_KINETICS, shape (ligand,)
    pools : ndarray, shape (ligand, body, 4)
        See `sdf1_field.migrasomes.cargo` [molecules].
    held : ndarray, shape (migrasome, ligand, 4)
        See `sdf1_field.migrasomes.cargo` [molecules].

    Returns
    -------
    strands, course, buds, held
        At the end of the last step.
    """
    follow = kinetics.size > 0
    weights = np.empty(buds.size)
    for step in range(first, first + steps):
        now = rates.start + (step + 1) * rates.step
        if follow:
            advance_cargo(
                followed, now, kinetics, cells, strands, numbers[0], course, buds, numbers[1],
                pools, held, weights,
            )  # fmt: skip
            followed = now
        strands, course = move_bodies(rates, seed, step, cells, strands, course, numbers)
        ageing = 1.0 + (step * rates.step) / rates.breakage_doubling_time
        lost = 0
        # Branches that begin in this step are first followed in the next.
        there = numbers[0]
        for f in range(there):
            owned = strands[f].owner != NO_BODY
            if owned:
                strands, course = follow_body(rates, now, f, cells, strands, course, buds, numbers)
            length = fibre_length(strands, course, f)
            if length >= rates.shortest:
                strands[f].grown = True
            gone = strands[f].grown and length < rates.shortest
            breaks = -math.expm1(-rates.breakage * ageing * length * rates.step)
            leaves = -math.expm1(-rates.release * rates.step)
            chance = uniform(strands[f].key, _BREAK, 0, step)
            if chance < breaks:
                lose = 1 + segment_at(course, f, chance / breaks * length, strands[f].count)
                shorten(rates, now, f, lose, strands, course, buds)
                length = fibre_length(strands, course, f)
                gone = gone or strands[f].count < 2 or length < rates.shortest
            elif chance < breaks + (1.0 - breaks) * leaves:
                gone = True
            if gone:
                detach_migrasomes(rates, now, f, NO_VERTEX, NO_VERTEX, strands, buds)
                strands[f].count = 0
                lost += 1
                continue
            detach_migrasomes(rates, now, f, 0, NO_VERTEX, strands, buds)
            if owned and strands[f].grown:
                buds = nucleate(rates, now, step, f, length, cells, strands, course, buds, numbers)
        if lost > 0:
            remove_lost_fibres(strands, course, numbers)
        if held.shape[0] < buds.size:
            more = np.zeros((buds.size, held.shape[1], held.shape[2]))
            for m in range(held.shape[0]):
                for k in range(held.shape[1]):
                    for column in range(held.shape[2]):
                        more[m, k, column] = held[m, k, column]
            held, weights = more, np.empty(buds.size)
        if follow:
            release_content(now, buds, numbers[1], held)
    if follow and followed < until:
        advance_cargo(
            followed, until, kinetics, cells, strands, numbers[0], course, buds, numbers[1],
            pools, held, weights,
        )  # fmt: skip
        release_content(until, buds, numbers[1], held)
    return strands, course, buds, held
