"""Time steps of the cells over a frozen floor: draw, sense, turn, move, catch, adapt, count."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells.adhesion import AdhesionMap
from sdf1_field.cells.arrest import adapt, catch_and_let_go, correlate_noise
from sdf1_field.cells.moving import move, sort_by_number
from sdf1_field.cells.parameters import CellParameters
from sdf1_field.cells.sensing import sense
from sdf1_field.cells.state import CellArrays, Cells
from sdf1_field.cells.turning import turn
from sdf1_field.cells.uptake import (
    NO_TARGETS,
    UptakeTargets,
    count_touching,
    take_up,
    uptake_targets,
)
from sdf1_field.cells.workspace import (
    ADAPTED,
    CHANCE,
    COURSE_X,
    COURSE_Y,
    DECAY,
    NOISE,
    NORMAL,
    ROWS,
    SIGNAL_X,
    STATES,
    SURFACE,
    TRIGGER_NORMAL,
    X,
    Y,
)
from sdf1_field.compiled import kernel
from sdf1_field.exposure.sampling import MANY, Stimulus, sample_all
from sdf1_field.grid import Grid, clamped
from sdf1_field.neighbours import MOST_BUCKETS, make_buckets, sort
from sdf1_field.random import Stream
from sdf1_field.random.kernels import draw_all
from sdf1_field.scene import Scene

Array = NDArray[np.float64]
Counts = NDArray[np.int32]

_ROUND_OFF = 1e-9
"""Share of a step by which a duration may miss a whole number of steps."""
_LONG = 6
"""Number of steps from which on sorting the cells by place first is faster."""
_STRETCH = 64
"""Cells in a bucket without crowding; they are sorted again when one may have crossed a bucket."""
_PER_BUCKET = 0.5
"""Cells in a bucket with crowding, unless the reach needs wider ones."""
_IN_A_CALL = 1_000_000
"""Steps of cells in one call of the kernel, which takes a few tenths of a second."""
_TALLY = 4_000_000
"""Most contact counts, of a migrasome in a step, kept in memory at a time."""


def advance(
    cells: Cells,
    grid: Grid,
    seen: Stimulus,
    hold: AdhesionMap,
    parameters: CellParameters,
    *,
    duration: float,
    time_step: float,
    seed: int,
    stream: Stream = Stream.MOTION,
) -> Cells:
    """Cells after some time over a frozen floor.

    All terms are evaluated before a cell moves. Turning is by Strang splitting: the bias up the
    gradient is solved exactly, half of it before and half after the rotational diffusion. Catching
    and letting go over a step at one place are a two-state Markov chain, solved exactly, so that an
    equilibrium over a frozen floor does not depend on the step. Surface receptors and the level to
    which signalling adapts are advanced exactly at the occupancy of a step's beginning. The walk is
    of second weak order in the step, with catching of first.

    With crowding, cells move one after another: by rows of buckets, in each bucket by number, both
    as at the beginning of a step. Without crowding the cells are independent.

    Parameters
    ----------
    cells : Cells
    grid : Grid
        Walls and the floor's cells.
    seen : Stimulus
    hold : AdhesionMap
    parameters : CellParameters
    duration : float
        [s]; taken in equal steps no longer than ``time_step``.
    time_step : float
        [s].
    seed, stream : int, Stream
        Key of the random numbers.
    """
    steps = _whole_steps(duration, time_step)
    together = _steps_in_a_call(cells)
    for begin in range(0, steps, together):
        cells = _walked(
            cells, grid, seen, hold, parameters, steps=min(together, steps - begin),
            step=duration / steps, seed=seed, stream=stream, targets=NO_TARGETS,
            touching=np.zeros((0, 0), dtype=np.int32),
        )  # fmt: skip
    return cells


def advance_with_uptake(
    cells: Cells,
    grid: Grid,
    seen: Stimulus,
    hold: AdhesionMap,
    parameters: CellParameters,
    scene: Scene,
    *,
    duration: float,
    time_step: float,
    seed: int,
    shown: Sequence[float] = (),
) -> tuple[Cells, tuple[int, ...], tuple[Cells, ...]]:
    """Cells as after `advance`, the migrasomes taken up meanwhile, and cells at times between.

    A cell touches a migrasome if their discs overlap, and may take it up whether it crawls or is
    held. A migrasome that n cells touch at the end of a step of length h is taken up in that step
    with probability ``1 - exp(-n k h)``, k being the rate of uptake; exact for cells at rest.

    Parameters
    ----------
    cells, grid, seen, hold, parameters, duration, time_step, seed
        As for `advance`.
    scene : Scene
        Its present migrasomes can be taken up, attached or not.
    shown : sequence of float
        Increasing times since the beginning at which cells are returned, before ``duration`` [s].
        They do not change the steps. Between two steps, places are interpolated linearly and
        everything else is as after the earlier step.

    Returns
    -------
    cells : Cells
    internalised : tuple of int
        Increasing numbers of the migrasomes taken up.
    between : tuple of Cells
        At the times of ``shown``.
    """
    steps = _whole_steps(duration, time_step)
    step = duration / max(steps, 1)
    rate, targets = parameters.migrasome_uptake_rate, NO_TARGETS
    if rate > 0.0 and len(cells.x) > 0:
        targets = uptake_targets(scene, grid, parameters.radius)
    internalised = np.zeros(len(targets.number), dtype=np.bool_)
    together = min(_steps_in_a_call(cells), max(1, _TALLY // max(len(targets.number), 1)))
    places = [_place_between_steps(time, step) for time in shown]
    wanted = {after for _, after, _ in places} | {before for before, _, _ in places}
    passed = {0: cells} if 0 in wanted else {}
    begin = 0
    for end in sorted({*range(together, steps, together), *wanted, steps} - {0}):
        touching = np.zeros((len(targets.number), end - begin), dtype=np.int32)
        first = cells.steps
        cells = _walked(
            cells, grid, seen, hold, parameters, steps=end - begin, step=step, seed=seed,
            stream=Stream.MOTION, targets=targets, touching=touching,
        )  # fmt: skip
        take_up(internalised, touching, targets.number, rate * step, seed, first)
        if end in wanted:
            passed[end] = cells
        begin = end
    taken_up = tuple(int(number) for number in np.sort(targets.number[internalised]))
    between = (
        _between(passed[before], passed[after], share, grid) for before, after, share in places
    )
    return cells, taken_up, tuple(between)


def _place_between_steps(time: float, step: float) -> tuple[int, int, float]:
    """Numbers of the steps before and after a time, and its share of the interval between them."""
    number = time / step
    nearest = round(number)
    if abs(number - nearest) <= _ROUND_OFF:
        return nearest, nearest, 0.0
    return math.floor(number), math.floor(number) + 1, number - math.floor(number)


def _between(before: Cells, after: Cells, share: float, grid: Grid) -> Cells:
    """Cells interpolated linearly between two steps, clipped at the walls."""
    if share == 0.0:
        return before
    return replace(
        before,
        x=np.clip(before.x + share * (after.x - before.x), 0.0, grid.width),
        y=np.clip(before.y + share * (after.y - before.y), 0.0, grid.length),
    )


def _steps_in_a_call(cells: Cells) -> int:
    """Most steps of a call, during which nothing can interrupt the program."""
    return max(1, _IN_A_CALL // max(len(cells.x), 1))


def _whole_steps(duration: float, time_step: float) -> int:
    """Number of equal steps, none longer than ``time_step``, that a duration is divided into."""
    return math.ceil(duration / time_step - _ROUND_OFF)


def _walked(
    cells: Cells,
    grid: Grid,
    seen: Stimulus,
    hold: AdhesionMap,
    parameters: CellParameters,
    *,
    steps: int,
    step: float,
    seed: int,
    stream: Stream,
    targets: UptakeTargets,
    touching: Counts,
) -> Cells:
    """Cells after some steps; contacts with targets in each step are added to ``touching``."""
    after = cells.copied()
    if steps > 0 and len(cells.x) > 0:
        _advance(
            after, seen, hold, parameters,
            _Floor(grid.width, grid.length, grid.dx, grid.dy), _Steps(cells.steps, steps, step),
            _Key(seed, int(stream)), targets, touching,
        )  # fmt: skip
    return Cells(*after, cells.steps + steps)


class _Floor(NamedTuple):
    """Extent of the floor within reflecting walls, and its grid's spacing [um]."""

    width: float
    length: float
    dx: float
    dy: float


class _Steps(NamedTuple):
    """Equal time steps.

    Parameters
    ----------
    first : int
        Number of the first one since the cells were added.
    total : int
    length : float
        Of each [s].
    """

    first: int
    total: int
    length: float


class _Key(NamedTuple):
    """Key of the random numbers."""

    seed: int
    stream: int


@kernel()
def _advance(
    cells: CellArrays,
    seen: Stimulus,
    hold: AdhesionMap,
    parameters: CellParameters,
    floor: _Floor,
    steps: _Steps,
    key: _Key,
    targets: UptakeTargets,
    touching: Counts,
) -> None:
    """Cells after some steps over a frozen floor; see `advance` for the scheme.

    Parameters
    ----------
    cells : CellArrays
        Changed.
    seen : Stimulus
    hold : AdhesionMap
    parameters : CellParameters
    floor : _Floor
    steps : _Steps
    key : _Key
    targets : UptakeTargets
        May be empty.
    touching : ndarray of int32, shape (targets, steps)
        The cells that touch each target at the end of each step are added to it.
    """
    count, crowding, senses = cells.x.size, parameters.crowding, parameters.receptors > 0.0
    step = steps.length
    hunts, adheres = targets.x.size > 0, parameters.adheres
    noisy = adheres and senses and parameters.trigger_noise > 0.0
    correlation = (
        math.exp(-step / parameters.integration_time) if parameters.integration_time > 0.0 else 0.0
    )
    spread = math.sqrt(2.0 * step / parameters.persistence_time)
    turns = 0.5 * step / parameters.persistence_time
    diameter = 2.0 * parameters.radius
    farthest = parameters.speed * (1.0 + parameters.chemokinesis_gain) * step
    spacing = math.sqrt(floor.width * floor.length / count)
    if crowding:
        # A cell within a diameter of a new place began the step in an adjacent bucket or nearer.
        bucket, together = max(diameter + farthest, math.sqrt(_PER_BUCKET) * spacing), 1
    else:
        # Cells are independent: a block takes several steps while its data are in the cache.
        bucket = math.sqrt(_STRETCH) * spacing
        together = (
            steps.total
            if bucket >= farthest * steps.total
            else clamped(bucket / farthest, _LONG, max(_LONG, steps.total))
        )
    buckets = make_buckets(0.0, 0.0, floor.width, floor.length, bucket, MOST_BUCKETS)
    begins = np.empty(buckets.rows * buckets.columns + 1, np.int64)
    order, inside = np.arange(count), np.empty(count, np.int64)
    number, place, stuck = np.arange(count), np.empty((STATES, count)), cells.held.copy()
    for i in range(count):
        place[X, i], place[Y, i] = cells.x[i], cells.y[i]
        place[COURSE_X, i], place[COURSE_Y, i] = cells.heading_x[i], cells.heading_y[i]
        place[SURFACE, i], place[ADAPTED, i] = cells.surface[i], cells.adapted[i]
        place[NOISE, i] = cells.noise[i]
    spare_number, spare_stuck = np.empty(count, np.int64), np.empty(count, np.bool_)
    # One row for each cell, so that its numbers share a line of the processor's cache.
    abreast = np.empty((count, STATES))
    work = np.zeros((ROWS, MANY))
    work[SIGNAL_X] = work[DECAY] = 1.0
    for start in range(0, steps.total, together):
        if crowding or steps.total >= _LONG:
            sort(buckets, place[X], place[Y], begins, order, inside)
            if crowding:
                sort_by_number(number, begins, order, inside)
            for i in range(count):
                for k in range(STATES):
                    abreast[i, k] = place[k, i]
            for i in range(count):
                one = order[i]
                for k in range(STATES):
                    place[k, i] = abreast[one, k]
                spare_number[i], spare_stuck[i] = number[one], stuck[one]
            number, spare_number = spare_number, number
            stuck, spare_stuck = spare_stuck, stuck
        for begin in range(0, count, MANY):
            size = min(MANY, count - begin)
            end = begin + size
            for n in range(start, min(start + together, steps.total)):
                draw_all(
                    key.seed, key.stream, number[begin:end], steps.first + n,
                    work[NORMAL, :size], work[CHANCE, :size], work[TRIGGER_NORMAL, :size], noisy,
                )  # fmt: skip
                if senses:
                    sample_all(
                        seen, place[X, begin:end], place[Y, begin:end], floor.dx, floor.dy, work
                    )
                    sense(parameters, turns, place[:, begin:end], work)
                turn(place[2, begin:end], place[3, begin:end], spread, work)
                move(
                    begin, size, place, stuck, work, parameters, buckets, begins,
                    floor.width, floor.length, step,
                )  # fmt: skip
                if noisy:
                    correlate_noise(place[:, begin:end], work, correlation)
                if adheres:
                    catch_and_let_go(
                        place[X, begin:end], place[Y, begin:end], stuck[begin:end],
                        place[:, begin:end], work, hold, parameters, step,
                    )  # fmt: skip
                if senses:
                    adapt(parameters, place[:, begin:end], work, step)
                if hunts:
                    count_touching(place[X, begin:end], place[Y, begin:end], targets, touching, n)
    for i in range(count):
        for k in range(STATES):
            abreast[number[i], k] = place[k, i]
        cells.held[number[i]] = stuck[i]
    for i in range(count):
        cells.x[i], cells.y[i] = abreast[i, X], abreast[i, Y]
        cells.heading_x[i], cells.heading_y[i] = abreast[i, COURSE_X], abreast[i, COURSE_Y]
        cells.surface[i], cells.adapted[i] = abreast[i, SURFACE], abreast[i, ADAPTED]
        cells.noise[i] = abreast[i, NOISE]
