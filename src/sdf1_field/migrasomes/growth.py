"""One step after another of a stroma that grows: cells walk, fibres stay behind, migrasomes bud.

Within a step cells move first, in the order of their numbers, then fibres follow, break and bear
migrasomes, in the order in which they came to be. Every random number is keyed by what it is for,
so that nothing depends on how many steps a call takes. Fibres and migrasomes have keys of their
own, made from where and when they begin: one more changes no number of another.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.migrasomes.cargo import carry, let_out
from sdf1_field.neighbours import (
    Buckets,
    adjacent,
    adjacent_run,
    bucket_of,
    make_buckets,
    sorted_places,
)
from sdf1_field.random import Stream, draw, subkey, uniform
from sdf1_field.scene import NO_BODY, Fate, Origin
from sdf1_field.walls import reflected

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Records = NDArray[np.void]
Numbers = Any
"""A record of `sdf1_field.migrasomes.laws.RATES`, or what a kernel takes for one."""

VERTICES = 64
"""Of a fibre's course; a longer fibre loses its oldest piece."""
_NONE = -1
"""End of a fibre's list of migrasomes."""
_NEVER = 2**62
"""Number of a vertex that no fibre has."""
_TRIES = 16
"""Most migrasomes that form on a fibre in a step."""
_WALK, _EDGE, _FIBRE, _BREAK = (
    int(Stream.MSC_WALK), int(Stream.MSC_EDGE), int(Stream.FIBRE), int(Stream.BREAKAGE)
)  # fmt: skip
_BRANCH, _BUD, _PLACE, _MIGRASOME = (
    int(Stream.BRANCHING), int(Stream.NUCLEATION), int(Stream.PLACE), int(Stream.MIGRASOME)
)  # fmt: skip
_MIGRATION, _RETRACTION = int(Origin.MIGRATION), int(Origin.RETRACTION)
_RUPTURES, _DRIFTS = int(Fate.RUPTURES), int(Fate.DRIFTS_AWAY)
_LIFE, _DETACHING, _STAYING, _DRIFTING, _LEAKING = 0, 1, 2, 3, 4
"""Which of a migrasome's random numbers."""


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
"""A stromal cell: place [um], angle of the long axis and heading [rad]; which way it goes, 1 or -1;
the share of its full area that it is spread over, and the time for which its edge goes on
retracting [s]; the full ellipse [um]; its own factors on speed, nucleation and production [1]."""

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
"""A fibre: vertices it has, and has lost so far; the number of the furthest it has ever laid down;
its body, and the angle of the ellipse where it leaves that; its `Origin`; the key of its random
numbers; the latest of its migrasomes; whether it has been as long as the shortest that
counts; whether it is a branch, which does not branch itself. Its course is (2, VERTICES) in x and y
[um], from the oldest end to the body."""

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
"""A migrasome: place and final radius [um]; when it formed, detaches if its fibre does not break
before, and is gone [s]; its `Fate`, body and `Origin`; on its fibre the number of the vertex before
it, lost ones counted, the way from there [um], and the next older migrasome; when its membrane
leaks [s]; the key of its random numbers."""


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
    kinds: Records,
    pools: Array,
    held: Array,
) -> tuple[Records, Array, Records, Array]:
    """Take some steps; cells and pools change in place, the others may move to longer arrays.

    Cargo is followed to any time, in a network that stays as it is between two steps.

    Parameters
    ----------
    rates : record of RATES
    seed, first, steps : int
        The dish's seed, the number of the first step, and how many.
    followed, until : float
        From when to when cargo is followed, the end of the last step or later [s].
    cells : ndarray of WALKER, shape (body,)
    strands : ndarray of STRAND, shape (fibre,)
        In the order in which they began; perhaps with room for more.
    course : ndarray, shape (fibre, 2, VERTICES)
    buds : ndarray of BUD, shape (migrasome,)
        Perhaps with room for more.
    numbers : ndarray, shape (2,)
        Fibres there are, migrasomes there have ever been; changed.
    kinds : ndarray of CARRIAGE, shape (ligand,)
    pools : ndarray, shape (ligand, body, 4)
    held : ndarray, shape (migrasome, ligand, 4)
    """
    follow = kinds.size > 0
    weights = np.empty(buds.size)
    for step in range(first, first + steps):
        now = rates.start + (step + 1) * rates.step
        if follow:
            carry(
                followed, now, kinds, cells, strands, numbers[0], course, buds, numbers[1], pools,
                held, weights,
            )  # fmt: skip
            followed = now
        strands, course = _walk(rates, seed, step, cells, strands, course, numbers)
        ageing = 1.0 + (step * rates.step) / rates.breakage_doubling_time
        lost = 0
        # Branches of this step come after the fibres there were.
        there = numbers[0]
        for f in range(there):
            strands, course = _follow(rates, now, f, cells, strands, course, buds, numbers)
            length = _length(strands, course, f)
            if length >= rates.shortest:
                strands[f].grown = True
            gone = strands[f].grown and length < rates.shortest
            breaks = -math.expm1(-rates.breakage * ageing * length * rates.step)
            leaves = -math.expm1(-rates.release * rates.step)
            chance = uniform(strands[f].key, _BREAK, 0, step)
            if chance < breaks:
                lose = 1 + _piece_at(course, f, chance / breaks * length, strands[f].count)
                _shorten(rates, now, f, lose, strands, course, buds)
                length = _length(strands, course, f)
                gone = gone or strands[f].count < 2 or length < rates.shortest
            elif chance < breaks + (1.0 - breaks) * leaves:
                gone = True
            if gone:
                _set_free(rates, now, f, _NEVER, _NEVER, strands, buds)
                strands[f].count = 0
                lost += 1
                continue
            _set_free(rates, now, f, 0, _NEVER, strands, buds)
            if strands[f].grown:
                buds = _bud(rates, now, step, f, length, cells, strands, course, buds, numbers)
        if lost > 0:
            _close_ranks(strands, course, numbers)
        if held.shape[0] < buds.size:
            more = np.zeros((buds.size, held.shape[1], held.shape[2]))
            more[: held.shape[0]] = held
            held, weights = more, np.empty(buds.size)
        if follow:
            let_out(now, buds, numbers[1], held)
    if follow and followed < until:
        carry(
            followed, until, kinds, cells, strands, numbers[0], course, buds, numbers[1], pools,
            held, weights,
        )  # fmt: skip
        let_out(until, buds, numbers[1], held)
    return strands, course, buds, held


@kernel()
def _walk(
    rates: Numbers,
    seed: int,
    step: int,
    cells: Records,
    strands: Records,
    course: Array,
    numbers: Indices,
) -> tuple[Records, Array]:
    """Move cells, retract and spread them, and tether new fibres to the floor."""
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
            if inside and not _touches(n, x, y, cells, buckets, begins, order):
                cells[n].x, cells[n].y = x, y
                if event < -math.expm1(-rates.tethering * way):
                    strands, course = _tether(
                        rates, seed, n, step, _MIGRATION, cells, strands, course, numbers
                    )
            else:
                # What leads gives way: the cell goes on with its other end.
                cells[n].polarity = -cells[n].polarity
            if chance < -math.expm1(-rates.stopping * rates.step):
                cells[n].migrating = False
        else:
            if cells[n].retracting <= 0.0 and event < -math.expm1(-rates.retraction * rates.step):
                cells[n].retracting = rates.retraction_time
                strands, course = _tether(
                    rates, seed, n, step, _RETRACTION, cells, strands, course, numbers
                )
            starts = -math.expm1(-rates.starting * rates.step)
            if chance < starts:
                cells[n].migrating = True
                cells[n].polarity = 1.0 if chance < 0.5 * starts else -1.0
        if cells[n].retracting > 0.0:
            left = min(cells[n].retracting, rates.step)
            # By the same share of what is there in every step: a retraction takes its share of any.
            cells[n].spread *= (1.0 - rates.retracted_share) ** (left / rates.retraction_time)
            cells[n].retracting -= left
        else:
            cells[n].spread += (1.0 - cells[n].spread) * -math.expm1(
                -rates.respreading * rates.step
            )
    return strands, course


@kernel()
def _touches(
    n: int,
    x: float,
    y: float,
    cells: Records,
    buckets: Buckets,
    begins: Indices,
    order: Indices,
) -> bool:
    """Whether a cell would come nearer to another than both are wide, and nearer than it is.

    A cell is as wide as the circle of its area; buckets are those of the beginning of the step.
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


@kernel()
def _edge(cells: Records, n: int, place: float) -> tuple[float, float]:
    """Where a cell's edge is at an angle of its ellipse."""
    size = math.sqrt(cells[n].spread)
    along = size * cells[n].semi_major * math.cos(place)
    across = size * cells[n].semi_minor * math.sin(place)
    cosine, sine = math.cos(cells[n].angle), math.sin(cells[n].angle)
    return cells[n].x + along * cosine - across * sine, cells[n].y + along * sine + across * cosine


@kernel()
def _tether(
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
    """A bundle of fibres, at the rear of a migrating cell or all around a retracting one."""
    bundle = subkey(subkey(seed, _FIBRE, n), _FIBRE, step)
    fibres = 1 + _poisson(rates.fibres - 1.0, uniform(bundle, _FIBRE, 0, 1))
    begins = uniform(bundle, _FIBRE, 0, 2)
    rear = math.pi if cells[n].polarity > 0.0 else 0.0
    for k in range(fibres):
        key = subkey(bundle, _FIBRE, k)
        normal, _ = draw(key, _FIBRE, 0, 0)
        place = rear + rates.fan_angle * normal
        if origin == _RETRACTION:
            place = 2.0 * math.pi * (k + begins) / fibres
        x, y = _edge(cells, n, place)
        strands, course = _begin(x, y, n, place, origin, key, False, strands, course, numbers)
    return strands, course


@kernel()
def _poisson(mean: float, chance: float) -> int:
    """Quantile of a Poisson distribution."""
    number, term = 0, math.exp(-max(mean, 0.0))
    below = term
    while chance > below and term > 0.0:
        number += 1
        term *= mean / number
        below += term
    return number


@kernel()
def _begin(
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
    """A fibre of no length yet."""
    f = numbers[0]
    if f == strands.size:
        strands, course = _longer(strands), _longer_courses(course)
    # What an earlier fibre left there would tell how many steps a call took.
    course[f] = 0.0
    course[f, 0, 0] = course[f, 0, 1] = x
    course[f, 1, 0] = course[f, 1, 1] = y
    strands[f].count, strands[f].first, strands[f].laid = 2, 0, 0
    strands[f].owner, strands[f].place, strands[f].origin = owner, place, origin
    strands[f].key, strands[f].head, strands[f].grown = key, _NONE, False
    strands[f].branch = branch
    numbers[0] += 1
    return strands, course


@kernel()
def _longer(values: Records) -> Records:
    """The same with room for as many again."""
    more = np.empty(2 * values.size + 1, values.dtype)
    more[: values.size] = values
    return more


@kernel()
def _longer_courses(values: Array) -> Array:
    more = np.empty((2 * values.shape[0] + 1, values.shape[1], values.shape[2]))
    more[: values.shape[0]] = values
    return more


@kernel()
def _follow(
    rates: Numbers,
    now: float,
    f: int,
    cells: Records,
    strands: Records,
    course: Array,
    buds: Records,
    numbers: Indices,
) -> tuple[Records, Array]:
    """Lead a fibre to where its body's edge is now, laid down or taken up; it may branch."""
    x, y = course[f, 0], course[f, 1]
    end_x, end_y = _edge(cells, strands[f].owner, strands[f].place)
    last = strands[f].count - 1
    while last > 1 and _apart(end_x, end_y, x[last - 2], y[last - 2]) <= _apart(
        x[last - 1], y[last - 1], x[last - 2], y[last - 2]
    ):
        last -= 1
    if last < strands[f].count - 1:
        # What sat where the body is now has no fibre any more.
        first = strands[f].first
        _set_free(rates, now, f, first, first + last - 1, strands, buds)
    x[last], y[last] = end_x, end_y
    strands[f].count = last + 1
    if _apart(end_x, end_y, x[last - 1], y[last - 1]) < rates.anchor_spacing:
        return strands, course
    if last + 1 == VERTICES:
        _shorten(rates, now, f, 1, strands, course, buds)
        last -= 1
    x[last + 1], y[last + 1] = end_x, end_y
    strands[f].count = last + 2
    # What is laid down again where it was taken up has had its chance.
    if strands[f].branch or strands[f].first + last <= strands[f].laid:
        return strands, course
    strands[f].laid = strands[f].first + last
    normal, chance = draw(strands[f].key, _BRANCH, strands[f].laid, 0)
    if chance < -math.expm1(-rates.branching * rates.anchor_spacing):
        place = strands[f].place + rates.fan_angle * normal
        strands, course = _begin(
            end_x, end_y, strands[f].owner, place, strands[f].origin,
            subkey(strands[f].key, _BRANCH, strands[f].laid), True, strands, course, numbers,
        )  # fmt: skip
    return strands, course


@kernel(inline=True)
def _apart(x: float, y: float, other_x: float, other_y: float) -> float:
    return math.sqrt((x - other_x) ** 2 + (y - other_y) ** 2)


@kernel()
def _length(strands: Records, course: Array, f: int) -> float:
    length = 0.0
    for k in range(strands[f].count - 1):
        length += _piece(course, f, k)
    return length


@kernel()
def _shorten(
    rates: Numbers,
    now: float,
    f: int,
    lose: int,
    strands: Records,
    course: Array,
    buds: Records,
) -> None:
    """Take a fibre's oldest vertices away, and set free the migrasomes there."""
    strands[f].first += lose
    _set_free(rates, now, f, strands[f].first, _NEVER, strands, buds)
    kept = max(strands[f].count - lose, 0)
    for k in range(kept):
        course[f, 0, k], course[f, 1, k] = course[f, 0, k + lose], course[f, 1, k + lose]
    strands[f].count = kept


@kernel()
def _set_free(
    rates: Numbers,
    now: float,
    f: int,
    before: int,
    beyond: int,
    strands: Records,
    buds: Records,
) -> None:
    """Detach the migrasomes on a fibre before one vertex, and from another on, and those due to."""
    previous, m = _NONE, strands[f].head
    while m != _NONE:
        following = buds[m].following
        lost = buds[m].vertex < before or buds[m].vertex >= beyond
        if lost or buds[m].end <= now or buds[m].detaching <= now:
            _detach(rates, now, m, buds)
            if previous == _NONE:
                strands[f].head = following
            else:
                buds[previous].following = following
        else:
            previous = m
        m = following


@kernel()
def _detach(rates: Numbers, now: float, m: int, buds: Records) -> None:
    """A migrasome without fibre: it stays on the floor for a while or drifts away at once."""
    if buds[m].end <= now:
        return
    buds[m].body = NO_BODY
    leaves = now
    if uniform(buds[m].key, _MIGRASOME, 0, _STAYING) < rates.staying:
        leaves = now + _waiting(rates.drift, uniform(buds[m].key, _MIGRASOME, 0, _DRIFTING))
    if leaves < buds[m].end:
        buds[m].end, buds[m].fate = leaves, _DRIFTS


@kernel(inline=True)
def _waiting(rate: float, chance: float) -> float:
    """Quantile of the time until something that happens at a rate; infinite if never."""
    return -math.log(chance) / rate if rate > 0.0 else math.inf


@kernel()
def _bud(
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
    """New migrasomes on a fibre: along it, or at its oldest end, a tip or a branching.

    Each one there keeps others from its surroundings.
    """
    places = length + rates.junction
    expected = rates.nucleation * cells[strands[f].owner].nucleation * places * rates.step
    own = subkey(strands[f].key, _BUD, step)
    # Of a mean twice the most, hardly any draw is below that.
    tries = _poisson(min(expected, 2.0 * _TRIES), uniform(own, _BUD, 0, 0))
    tries = min(tries, _TRIES)
    for k in range(tries):
        key = subkey(own, _PLACE, k)
        way = uniform(key, _PLACE, 0, 0) * places - rates.junction
        buds = _place(rates, key, now, f, max(way, 0.0), strands, course, buds, numbers)
    return buds


@kernel()
def _place(
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
    """A migrasome of a key, at a way along a fibre from its oldest end, if there is room."""
    k = _piece_at(course, f, way, strands[f].count)
    for earlier in range(k):
        way -= _piece(course, f, earlier)
    whole = _piece(course, f, k)
    share = min(way / whole, 1.0) if whole > 0.0 else 0.0
    x = course[f, 0, k] + share * (course[f, 0, k + 1] - course[f, 0, k])
    y = course[f, 1, k] + share * (course[f, 1, k + 1] - course[f, 1, k])
    # Reflection is even in the place: of the absolute value it has no round-off near the wall at 0.
    seen_x, _ = reflected(abs(x), rates.width)
    seen_y, _ = reflected(abs(y), rates.length)
    other = strands[f].head
    while other != _NONE:
        if _apart(seen_x, seen_y, buds[other].x, buds[other].y) < rates.spacing:
            return buds
        other = buds[other].following
    if k == strands[f].count - 2 and way > 0.0:
        if strands[f].count == VERTICES:
            return buds
        # It sticks to the floor, and the fibre with it.
        course[f, :, k + 2] = course[f, :, k + 1]
        course[f, 0, k + 1], course[f, 1, k + 1] = x, y
        strands[f].count += 1
    m = numbers[1]
    if m == buds.size:
        buds = _longer(buds)
    numbers[1] += 1
    normal, chance = draw(key, _MIGRASOME, 0, _LIFE)
    size = math.exp(rates.radius_variation * normal - 0.5 * rates.radius_variation**2)
    buds[m].x, buds[m].y = seen_x, seen_y
    buds[m].radius = max(rates.radius * size, rates.early_radius)
    buds[m].birth = now
    buds[m].end = now + _waiting(rates.rupture, chance)
    buds[m].detaching = now + _waiting(rates.detachment, uniform(key, _MIGRASOME, 0, _DETACHING))
    buds[m].fate = _RUPTURES
    buds[m].body, buds[m].origin = strands[f].owner, strands[f].origin
    buds[m].leaking = now + _waiting(rates.leak, uniform(key, _MIGRASOME, 0, _LEAKING))
    buds[m].vertex, buds[m].along = strands[f].first + k, min(way, whole)
    buds[m].following = strands[f].head
    buds[m].key = key
    strands[f].head = m
    return buds


@kernel(inline=True)
def _piece(course: Array, f: int, k: int) -> float:
    """Length of a fibre between a vertex and the next."""
    return math.sqrt(
        (course[f, 0, k + 1] - course[f, 0, k]) ** 2 + (course[f, 1, k + 1] - course[f, 1, k]) ** 2
    )


@kernel()
def _piece_at(course: Array, f: int, way: float, count: int) -> int:
    """Vertex before the place at a way along a fibre."""
    for k in range(count - 2):
        piece = _piece(course, f, k)
        if way <= piece:
            return k
        way -= piece
    return count - 2


@kernel()
def _close_ranks(strands: Records, course: Array, numbers: Indices) -> None:
    """Forget the fibres that are gone; the others keep their order."""
    kept = 0
    for f in range(numbers[0]):
        if strands[f].count == 0:
            continue
        if kept < f:
            strands[kept] = strands[f]
            course[kept] = course[f]
        kept += 1
    numbers[0] = kept
