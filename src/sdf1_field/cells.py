"""Haematopoietic cells on the floor: sense, turn, move, hold.

A cell's heading follows

    d phi = -(SNR / P) sin(phi - phi_gradient) dt + sqrt(2 / P) dW,

a persistent random walk of persistence time P that turns up the signal with the signal-to-noise
ratio of the difference in occupied CXCR4 between its two halves. Its stationary law is von Mises,
and the chemotactic index is `sdf1_field.pharmacology.chemotactic_index`. A crawling cell is caught
at the rate of what it touches and let go at one rate; a held cell moves only with the body under
it. Cells swallow migrasomes that they touch, at a rate for each cell and migrasome.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.errors import InputError
from sdf1_field.floor.sampling import (
    MANY,
    ROWS,
    STEERING_X,
    STEERING_Y,
    VISIBLE,
    VISIBLE_X,
    VISIBLE_Y,
    Stimulus,
    sample,
    sample_all,
)
from sdf1_field.grid import Grid
from sdf1_field.pharmacology import (
    apparent_dissociation_constant,
    binding_noise,
    independent_looks,
    occupancy_difference,
    occupied_fraction,
    surface_receptors,
)
from sdf1_field.random import Stream, draw, draw_all, generator
from sdf1_field.scene import (
    NO_BODY,
    Bodies,
    Region,
    RegionMap,
    Scene,
    body_under,
    touched_cd166,
    touched_fibres,
)
from sdf1_field.spec import ModelSpec
from sdf1_field.variation import DishFactors

Array = NDArray[np.float64]
Counts = NDArray[np.int32]

CD166 = "cd166"
"""Among what a stromal type expresses."""
_TRIES = 10_000
_ROUND_OFF = 1e-9
"""Share of a step by which a duration may miss a whole number of steps."""
_HALF_DISC = 4.0 / (3.0 * math.pi)
"""Distance of a half-disc's centroid from the centre, in radii."""
_COMPLETE = 80.0
"""Exponent from which on turning is complete to round-off: ``exp(-80)`` is 2e-35."""
_PER_QUARTER = 2.0 / math.pi
_QUARTER = 1.57079632673412561417
"""The first 33 bits of pi / 2: its multiples below 2**20 have no round-off."""
_QUARTER_REST = 6.07710050650619224932e-11
"""The rest of pi / 2."""
_LOG_2, _LOG_2_REST = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""The first 33 bits of log 2, and the rest."""
_POWERS = tuple((float(2**n), 2.0 ** -(2**n)) for n in range(6, -1, -1))
"""Powers of two whose sums are all that `_COMPLETE` is of log 2, and halves as often."""
_EXPONENTIAL = tuple((-1.0) ** n / math.factorial(n) for n in range(14))
_SINE = tuple((-1.0) ** n / math.factorial(2 * n + 1) for n in range(1, 9))
_COSINE = tuple((-1.0) ** n / math.factorial(2 * n) for n in range(1, 10))
"""Taylor's series; up to log(2) / 2 and pi / 4 they leave out less than a tenth of round-off."""
_LONG = 6
"""Steps from which on it pays to put cells in the order of their places first."""
_STRETCH = 64
"""Cells in a bucket where they do not crowd; they are put in order again when one may cross it."""
_PER_BUCKET = 0.5
"""Crowding cells in a bucket of the neighbour search, unless it must be wider."""
_TALLY = 4_000_000
"""Counts of cells that touch a migrasome in a step, kept at a time."""
_UPTAKE = int(Stream.UPTAKE)
_HEADING_X, _HEADING_Y, _SIGNAL_X, _SIGNAL_Y, _DECAY = ROWS, ROWS + 1, ROWS + 2, ROWS + 3, ROWS + 4
_OCCUPANCY, _OCCUPIED, _NORMAL, _CHANCE, _CATCH = ROWS + 5, ROWS + 6, ROWS + 7, ROWS + 8, ROWS + 9
_ALL_ROWS = ROWS + 10
"""Rows of the working memory, after those of `sample_all`: new heading, direction of the signal,
what half a step leaves of tan(psi / 2), occupied share of surface and of all receptors,
numbers, rate of catching."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Haematopoietic cells at one time; arrays of shape (cell,).

    Parameters
    ----------
    x, y : ndarray
        Centres [um].
    heading_x, heading_y : ndarray
        Unit vectors.
    held : ndarray of bool
        Whether the cell is held by what it touches.
    steps : int
        Time steps taken so far; the counter of the cells' random numbers.
    """

    x: Array
    y: Array
    heading_x: Array
    heading_y: Array
    held: NDArray[np.bool_]
    steps: int


class Hold(NamedTuple):
    """What catches cells, shape (ny, nx) each, relative to an untreated MSC body.

    Parameters
    ----------
    cd166 : ndarray
        Free CD166 a cell centred there touches.
    vcam1 : ndarray
        VCAM-1 under the cell's centre.
    integrin_ligand : ndarray
        What integrins bind that occupied CXCR4 has switched on.
    fibres : ndarray
        Whether a cell centred there touches a retraction fibre: 1 or 0. What fibres hold cells
        by is not CD166, which they hardly bear, and no antibody against it blocks them.
    """

    cd166: Array
    vcam1: Array
    integrin_ligand: Array
    fibres: Array


class Behaviour(NamedTuple):
    """Numbers that the kernel works with: a cell type in a dish, under what is in the medium."""

    radius: float
    speed: float
    persistence_time: float
    receptors: float
    internalisation_ratio: float
    integration_time: float
    own_noise: float
    dissociation_constant: float
    dissociation_rate: float
    chemokinesis_gain: float
    cd166_catch_rate: float
    vla4_catch_rate: float
    cxcr4_catch_rate: float
    fibre_catch_rate: float
    release_rate: float
    crowding: bool


class _Prey(NamedTuple):
    """Migrasomes that can be swallowed, sorted by bucket, row by row.

    Parameters
    ----------
    x, y : ndarray, shape (prey,)
        Centres [um].
    reach : ndarray, shape (prey,)
        Distance at which a cell touches it [um].
    number : ndarray of int64, shape (prey,)
        In the scene.
    first : ndarray of int64, shape (rows * columns + 1,)
        Where each bucket begins; none is narrower than the longest reach.
    rows, columns : int
    """

    x: Array
    y: Array
    reach: Array
    number: NDArray[np.int64]
    first: NDArray[np.int64]
    rows: int
    columns: int


_NO_PREY = _Prey(
    np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(2, np.int64), 1, 1
)


def behaviour(spec: ModelSpec, factors: DishFactors, *, competition: float) -> Behaviour:
    """Behaviour of the model's cells in a dish.

    Parameters
    ----------
    spec : ModelSpec
    factors : DishFactors
    competition : float
        Sum of ``a / K_i`` of the antagonists in the medium [1].
    """
    cell, receptor, on = spec.haematopoietic, spec.receptor.cxcr4, spec.mechanisms
    return Behaviour(
        radius=0.5 * cell.diameter,
        speed=cell.speed * factors.speed,
        persistence_time=cell.persistence_time,
        # Nothing is computed for receptors that no mechanism reads.
        receptors=cell.receptors if spec.sensed_ligands else 0.0,
        internalisation_ratio=cell.internalisation_rate / cell.recycling_rate,
        integration_time=cell.integration_time,
        own_noise=cell.own_noise,
        dissociation_constant=apparent_dissociation_constant(
            receptor.dissociation_constant, competition=competition
        ),
        dissociation_rate=receptor.dissociation_rate,
        chemokinesis_gain=cell.chemokinesis_gain if on.chemokinesis else 0.0,
        cd166_catch_rate=cell.cd166_catch_rate * factors.avidity if on.cd166_adhesion else 0.0,
        vla4_catch_rate=cell.vla4_catch_rate * factors.avidity if on.vla4_adhesion else 0.0,
        cxcr4_catch_rate=cell.cxcr4_catch_rate * factors.avidity if on.cxcr4_adhesion else 0.0,
        fibre_catch_rate=cell.fibre_catch_rate * factors.avidity if on.fibre_adhesion else 0.0,
        release_rate=cell.release_rate,
        crowding=on.crowding,
    )


def hold_of(spec: ModelSpec, scene: Scene, regions: RegionMap, grid: Grid) -> Hold:
    """What catches the model's cells on a scene."""
    reach = 0.5 * spec.haematopoietic.diameter
    integrin, vcam1, fibres = (np.zeros((grid.ny, grid.nx)) for _ in range(3))
    for region, ligand, vcam in (
        (Region.MSC, spec.adhesion.integrin_ligand_msc, spec.adhesion.vcam1_msc),
        (
            Region.MIGRASOME_NETWORK,
            spec.adhesion.integrin_ligand_network,
            spec.adhesion.vcam1_network,
        ),
    ):
        integrin[regions == region] = ligand
        vcam1[regions == region] = vcam
    if spec.mechanisms.fibre_adhesion:
        fibres = touched_fibres(scene, grid, reach=reach)
    return Hold(
        cd166=touched_cd166(
            scene,
            grid,
            reach=reach,
            migrasome_density=spec.adhesion.cd166_migrasome,
        ),
        vcam1=vcam1,
        integrin_ligand=integrin,
        fibres=fibres,
    )


def sticky(behaving: Behaviour, regions: RegionMap) -> tuple[Behaviour, Hold]:
    """The encounter limit: caught at once and for ever where a region is, attracted by nothing."""
    limit = behaving._replace(
        receptors=0.0,
        chemokinesis_gain=0.0,
        cd166_catch_rate=math.inf,
        vla4_catch_rate=0.0,
        cxcr4_catch_rate=0.0,
        fibre_catch_rate=0.0,
        release_rate=0.0,
    )
    reached = (regions != Region.FREE_SURFACE).astype(float)
    nothing = np.zeros_like(reached)
    return limit, Hold(cd166=reached, vcam1=nothing, integrin_ligand=nothing, fibres=nothing)


def seed_cells(spec: ModelSpec, seed: int) -> Cells:
    """Cells settled at random, anywhere on the floor; with crowding on they do not overlap.

    Raises
    ------
    InputError
        If they do not fit.
    """
    rng = generator(seed, Stream.PLACEMENT)
    count, dish = spec.cell_count, spec.dish
    diameter = spec.haematopoietic.diameter
    x, y = rng.random(count) * dish.width, rng.random(count) * dish.length
    if spec.mechanisms.crowding and not _settle(x, y, dish.width, dish.length, diameter, rng):
        raise InputError(
            f"cells.density: {count} cells of {diameter:g} um do not fit into the view. "
            "Lower cells.density or switch mechanisms.crowding off."
        )
    angle = rng.random(count) * 2.0 * math.pi
    return Cells(x, y, np.cos(angle), np.sin(angle), np.zeros(count, dtype=np.bool_), 0)


@kernel()
def _settle(
    x: Array, y: Array, width: float, length: float, diameter: float, rng: np.random.Generator
) -> bool:
    """Draw anew, one after another, each cell that overlaps an earlier one; whether all fit."""
    bucket = max(diameter, math.sqrt(width * length / max(x.size, 1)))
    columns, rows = max(1, int(width / bucket)), max(1, int(length / bucket))
    latest = np.full((rows, columns), -1, np.int64)
    earlier = np.empty(x.size, np.int64)
    for n in range(x.size):
        for _ in range(_TRIES):
            row, column = (
                min(int(y[n] / length * rows), rows - 1),
                min(int(x[n] / width * columns), columns - 1),
            )
            free = True
            for r in range(max(row - 1, 0), min(row + 2, rows)):
                for c in range(max(column - 1, 0), min(column + 2, columns)):
                    other = latest[r, c]
                    while other >= 0 and free:
                        square = (x[other] - x[n]) ** 2 + (y[other] - y[n]) ** 2
                        free = square >= diameter * diameter
                        other = earlier[other]
            if free:
                break
            x[n], y[n] = rng.random() * width, rng.random() * length
        else:
            return False
        earlier[n] = latest[row, column]
        latest[row, column] = n
    return True


def advance(
    cells: Cells,
    grid: Grid,
    seen: Stimulus,
    hold: Hold,
    behaving: Behaviour,
    *,
    duration: float,
    time_step: float,
    seed: int,
    stream: Stream = Stream.MOTION,
) -> Cells:
    """Cells after a while over a floor that stays as it is.

    Every term is evaluated before a cell moves. Turning under the gradient is solved exactly, half
    of it before and half after the random turning. Catching and letting go over a step at one place
    are a two-state Markov chain, solved exactly: an equilibrium over a floor that stays does not
    depend on the step. The walk is of second weak order in the step, with catching of first.

    Cells that crowd move one after another: by rows of buckets, in each bucket by number, as they
    are at the beginning of a step. Without crowding no cell's path depends on any other's.

    Parameters
    ----------
    cells : Cells
    grid : Grid
        Walls and the floor's cells.
    seen : Stimulus
    hold : Hold
    behaving : Behaviour
    duration : float
        [s]; taken in equal steps no longer than ``time_step``.
    time_step : float
        [s].
    seed, stream : int, Stream
        Key of the random numbers.
    """
    steps = _whole_steps(duration, time_step)
    return _walked(
        cells, grid, seen, hold, behaving, steps=steps, step=duration / max(steps, 1), seed=seed,
        stream=stream, prey=_NO_PREY, touching=np.zeros((0, 0), dtype=np.int32),
    )  # fmt: skip


def advance_and_eat(
    cells: Cells,
    grid: Grid,
    seen: Stimulus,
    hold: Hold,
    behaving: Behaviour,
    scene: Scene,
    *,
    uptake_rate: float,
    duration: float,
    time_step: float,
    seed: int,
) -> tuple[Cells, tuple[int, ...]]:
    """Cells as `advance` leaves them, and the migrasomes that they have swallowed meanwhile.

    A cell touches a migrasome whose outline meets its own, and may swallow it whether it crawls or
    is held. A migrasome that n cells touch at the end of a step of length h is swallowed in that
    step with probability ``1 - exp(-n k h)``, k being the rate of uptake: exact for cells that
    stay, whatever the step.

    Parameters
    ----------
    cells, grid, seen, hold, behaving, duration, time_step, seed
        As for `advance`.
    scene : Scene
        Whose migrasomes that are present can be swallowed, attached or not.
    uptake_rate : float
        Of each migrasome by each cell that touches it [1/s].

    Returns
    -------
    cells : Cells
    eaten : tuple of int
        Numbers of the swallowed migrasomes, rising.
    """
    steps = _whole_steps(duration, time_step)
    catchable = np.flatnonzero(scene.migrasomes.present).astype(np.int64)
    if uptake_rate == 0.0 or len(catchable) == 0 or len(cells.x) == 0 or steps == 0:
        return advance(
            cells, grid, seen, hold, behaving, duration=duration, time_step=time_step, seed=seed
        ), ()
    step, prey = duration / steps, _prey(scene, catchable, grid, behaving.radius)
    eaten = np.zeros(len(prey.number), dtype=np.bool_)
    together = max(1, _TALLY // len(prey.number))
    for start in range(0, steps, together):
        touching = np.zeros((len(prey.number), min(together, steps - start)), dtype=np.int32)
        first = cells.steps
        cells = _walked(
            cells, grid, seen, hold, behaving, steps=touching.shape[1], step=step, seed=seed,
            stream=Stream.MOTION, prey=prey, touching=touching,
        )  # fmt: skip
        _swallow(eaten, touching, prey.number, uptake_rate * step, seed, first)
    return cells, tuple(int(number) for number in np.sort(prey.number[eaten]))


def _whole_steps(duration: float, time_step: float) -> int:
    """Equal steps no longer than one, to which a duration comes."""
    return math.ceil(duration / time_step - _ROUND_OFF)


def _walked(
    cells: Cells,
    grid: Grid,
    seen: Stimulus,
    hold: Hold,
    behaving: Behaviour,
    *,
    steps: int,
    step: float,
    seed: int,
    stream: Stream,
    prey: _Prey,
    touching: Counts,
) -> Cells:
    """Cells after some steps, having counted in ``touching`` those that touch prey in each."""
    after = Cells(
        cells.x.copy(),
        cells.y.copy(),
        cells.heading_x.copy(),
        cells.heading_y.copy(),
        cells.held.copy(),
        cells.steps + steps,
    )
    if steps > 0 and len(cells.x) > 0:
        _advance(
            after.x,
            after.y,
            after.heading_x,
            after.heading_y,
            after.held,
            seen,
            hold,
            behaving,
            grid.dx,
            grid.dy,
            grid.width,
            grid.length,
            step,
            cells.steps,
            steps,
            seed,
            int(stream),
            prey,
            touching,
        )
    return after


def _prey(scene: Scene, catchable: NDArray[np.int64], grid: Grid, cell_radius: float) -> _Prey:
    """Some of a scene's migrasomes in buckets; about as many buckets as migrasomes at most."""
    m = scene.migrasomes
    x, y, reach = m.x[catchable], m.y[catchable], m.radius[catchable] + cell_radius
    bucket = max(float(reach.max()), math.sqrt(grid.area / len(x)))
    columns, rows = max(1, int(grid.width / bucket)), max(1, int(grid.length / bucket))
    first = np.empty(rows * columns + 1, np.int64)
    number, order, inside = np.arange(len(x)), np.empty(len(x), np.int64), np.empty_like(catchable)
    _sort(
        np.array([x, y]), number, first, order, inside, rows, columns, grid.width, grid.length,
        False,
    )  # fmt: skip
    return _Prey(x[order], y[order], reach[order], catchable[order], first, rows, columns)


@kernel()
def _count_touching(
    xs: Array, ys: Array, prey: _Prey, touching: Counts, step: int, width: float, length: float
) -> None:
    """Add cells to the count of each migrasome that they touch in a step."""
    per_x, per_y = prey.columns / width, prey.rows / length
    for n in range(xs.size):
        column = min(int(xs[n] * per_x), prey.columns - 1)
        row = min(int(ys[n] * per_y), prey.rows - 1)
        left, right = max(column - 1, 0), min(column + 1, prey.columns - 1)
        for r in range(max(row - 1, 0), min(row + 2, prey.rows)):
            # Buckets beside each other hold migrasomes that follow each other.
            for k in range(
                prey.first[r * prey.columns + left], prey.first[r * prey.columns + right + 1]
            ):
                off_x, off_y = prey.x[k] - xs[n], prey.y[k] - ys[n]
                if off_x * off_x + off_y * off_y < prey.reach[k] * prey.reach[k]:
                    touching[k, step] += 1


@kernel()
def _swallow(
    eaten: NDArray[np.bool_],
    touching: Counts,
    numbers: NDArray[np.int64],
    hazard: float,
    seed: int,
    first: int,
) -> None:
    """Mark what is swallowed; ``hazard`` is the rate of uptake by one cell times the step."""
    for k in range(numbers.size):
        for n in range(touching.shape[1]):
            if eaten[k]:
                break
            if touching[k, n] > 0:
                _, chance = draw(seed, _UPTAKE, numbers[k], first + n)
                eaten[k] = chance < -math.expm1(-hazard * touching[k, n])


def carried(cells: Cells, grid: Grid, before: Scene, after: Scene) -> Cells:
    """Cells after the bodies have moved: those held over a body go along, as if part of it.

    Such a cell keeps its place in the body's frame, and its heading turns with it. What an ellipse
    turns by is known up to half turns: the smallest counts. What a body grows or shrinks by moves
    no cell. Who would be carried beyond a wall is mirrored there.

    Parameters
    ----------
    cells : Cells
    grid : Grid
    before, after : Scene
        The same bodies at two times.

    Returns
    -------
    Cells
        The same object if no body has moved that carries any.
    """
    old, new = before.bodies, after.bodies
    moved = (old.x != new.x) | (old.y != new.y) | (old.angle != new.angle)
    if not moved.any() or not cells.held.any():
        return cells
    held = np.flatnonzero(cells.held)
    under = body_under(before, grid, cells.x[held], cells.y[held])
    going = (under != NO_BODY) & moved[under]
    if not going.any():
        return cells
    x, y, hx, hy = (v.copy() for v in (cells.x, cells.y, cells.heading_x, cells.heading_y))
    _carry(x, y, hx, hy, held[going], under[going], *_motion(old, new), grid.width, grid.length)
    return replace(cells, x=x, y=y, heading_x=hx, heading_y=hy)


def _motion(old: Bodies, new: Bodies) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Centres of bodies before and after, and cosine and sine of what they have turned by."""
    change = new.angle - old.angle
    turn = change - math.pi * np.round(change / math.pi)
    return old.x, old.y, new.x, new.y, np.cos(turn), np.sin(turn)


@kernel()
def _carry(
    xs: Array,
    ys: Array,
    hxs: Array,
    hys: Array,
    cells: NDArray[np.intp],
    bodies: NDArray[np.intp],
    old_x: Array,
    old_y: Array,
    new_x: Array,
    new_y: Array,
    cosines: Array,
    sines: Array,
    width: float,
    length: float,
) -> None:
    """Move cells rigidly with bodies, shapes (carried,) both, mirrored at the walls."""
    for n in range(cells.size):
        i, b = cells[n], bodies[n]
        cosine, sine = cosines[b], sines[b]
        along, across = xs[i] - old_x[b], ys[i] - old_y[b]
        hx, hy = hxs[i], hys[i]
        xs[i], sign_x = _folded(new_x[b] + along * cosine - across * sine, width)
        ys[i], sign_y = _folded(new_y[b] + along * sine + across * cosine, length)
        hxs[i], hys[i] = sign_x * (hx * cosine - hy * sine), sign_y * (hx * sine + hy * cosine)


def let_go(cells: Cells, grid: Grid, hold: Hold, behaving: Behaviour) -> Cells:
    """Cells after the stroma has changed: those crawl again that nothing can hold any more.

    Occupied CXCR4 is taken to be able to hold wherever there is a ligand of its integrins.

    Parameters
    ----------
    cells : Cells
    grid : Grid
    hold : Hold
        What catches cells now.
    behaving : Behaviour

    Returns
    -------
    Cells
        The same object if nobody is let go.
    """
    held = np.flatnonzero(cells.held)
    place = grid.index(cells.x[held], cells.y[held])
    holds = np.zeros(len(held), dtype=np.bool_)
    for rate, what in (
        (behaving.cd166_catch_rate, hold.cd166),
        (behaving.vla4_catch_rate, hold.vcam1),
        (behaving.cxcr4_catch_rate, hold.integrin_ligand),
        (behaving.fibre_catch_rate, hold.fibres),
    ):
        if rate > 0.0:
            holds |= what[place] > 0.0
    if holds.all():
        return cells
    still = cells.held.copy()
    still[held[~holds]] = False
    return replace(cells, held=still)


@kernel()
def turned(
    hx: float, hy: float, sx: float, sy: float, step: float, persistence_time: float
) -> tuple[float, float]:
    """Heading after ``d phi = -(|s| / P) sin(phi - phi_s) dt``, exactly.

    ``tan(psi / 2)`` of the angle psi to the signal decays with ``exp(-|s| t / P)``.
    """
    strength = math.sqrt(sx * sx + sy * sy)
    if strength == 0.0:
        return hx, hy
    ex, ey = sx / strength, sy / strength
    decay = _decayed(min(strength * step / persistence_time, _COMPLETE))
    cosine, sine = _turned(hx * ex + hy * ey, ex * hy - ey * hx, decay)
    return cosine * ex - sine * ey, cosine * ey + sine * ex


@kernel(inline=True)
def _turned(cosine: float, sine: float, decay: float) -> tuple[float, float]:
    """Cosine and sine of psi after ``tan(psi / 2)`` has decayed by a factor."""
    # tan(psi / 2) = sin / (1 + cos) = (1 - cos) / sin, whichever does not cancel.
    below = sine if cosine < 0.0 else 1.0 + cosine
    above = (1.0 - cosine if cosine < 0.0 else sine) * decay
    share = 1.0 / (below * below + above * above)
    new_cosine, new_sine = (below * below - above * above) * share, 2.0 * below * above * share
    unturned = decay == 1.0
    return cosine if unturned else new_cosine, sine if unturned else new_sine


@kernel(inline=True)
def _decayed(exponent: float) -> float:
    """``exp(-exponent)`` from 0 to `_COMPLETE`, to round-off, in arithmetic that vectorises."""
    halvings = float(math.floor(exponent / (_LOG_2 + _LOG_2_REST) + 0.5))
    rest = (exponent - halvings * _LOG_2) - halvings * _LOG_2_REST
    e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12, e13 = _EXPONENTIAL
    value = e13
    for e in (e12, e11, e10, e9, e8, e7, e6, e5, e4, e3, e2, e1, e0):
        value = value * rest + e
    for many, left in _POWERS:
        value *= left if halvings >= many else 1.0
        halvings -= many if halvings >= many else 0.0
    return value


@kernel(inline=True)
def _rotation(angle: float) -> tuple[float, float]:
    """Cosine and sine of an angle, to round-off below 1e6, in arithmetic that vectorises."""
    quarters = math.floor(angle * _PER_QUARTER + 0.5)
    rest = (angle - quarters * _QUARTER) - quarters * _QUARTER_REST
    square = rest * rest
    s1, s2, s3, s4, s5, s6, s7, s8 = _SINE
    c1, c2, c3, c4, c5, c6, c7, c8, c9 = _COSINE
    sine = s8
    for s in (s7, s6, s5, s4, s3, s2, s1):
        sine = sine * square + s
    sine = rest + rest * (square * sine)
    cosine = c9
    for c in (c8, c7, c6, c5, c4, c3, c2, c1):
        cosine = cosine * square + c
    cosine = 1.0 + square * cosine
    halves = math.floor(0.5 * quarters)
    across = quarters - 2.0 * halves != 0.0
    sign = 1.0 - 2.0 * (halves - 2.0 * math.floor(0.5 * halves))
    # A quarter more turns (cos, sin) into (-sin, cos), two quarters change both signs.
    return sign * (-sine if across else cosine), sign * (cosine if across else sine)


@kernel()
def signal_to_noise(
    seen: Stimulus, behaving: Behaviour, x: float, y: float, dx: float, dy: float
) -> tuple[float, float, float, float]:
    """Signal-to-noise ratio in x and y, occupancy, and surface receptors of a cell at a place."""
    visible, visible_x, visible_y, steering_x, steering_y = sample(seen, x, y, dx, dy)
    strength, ex, ey, occupancy, surface = _signal(
        behaving, visible, visible_x, visible_y, steering_x, steering_y
    )
    return strength * ex, strength * ey, occupancy, surface


@kernel(inline=True)
def _signal(
    behaving: Behaviour,
    visible: float,
    visible_x: float,
    visible_y: float,
    steering_x: float,
    steering_y: float,
) -> tuple[float, float, float, float, float]:
    """Signal-to-noise ratio, its direction, occupancy, and surface receptors.

    The two halves of the cell before and behind its centre, along the gradient that steers, are
    read at their centroids, 4 R / (3 pi) from the centre, where a linear field has its mean over
    the half-disc. Only the steering part of the difference counts, against all that is bound.
    Concentrations below zero, from round-off and discretisation, are clipped here and nowhere else.
    """
    constant, half = behaving.dissociation_constant, _HALF_DISC * behaving.radius
    steep = math.sqrt(steering_x * steering_x + steering_y * steering_y)
    per_steep = 1.0 / steep if steep > 0.0 else 0.0
    ex, ey = (steering_x * per_steep if steep > 0.0 else 1.0), steering_y * per_steep
    here = visible if visible > 0.0 else 0.0
    arm = half * abs(visible_x * ex + visible_y * ey)
    # Where the rear reads 0, what it would read below that is no part of the difference.
    seen_share = 0.5 * (here + arm) / arm if arm > here else 1.0
    difference = occupancy_difference(
        2.0 * half * steep * seen_share, here + arm, here - arm if arm < here else 0.0, constant
    )
    occupancy = occupied_fraction(here, constant)
    surface = surface_receptors(behaving.receptors, occupancy, behaving.internalisation_ratio)
    looks = independent_looks(behaving.integration_time, behaving.dissociation_rate, occupancy)
    noise = binding_noise(surface, occupancy, looks, behaving.own_noise)
    return 0.5 * surface / noise * difference, ex, ey, occupancy, surface


@kernel()
def _advance(
    xs: Array,
    ys: Array,
    hxs: Array,
    hys: Array,
    held: NDArray[np.bool_],
    seen: Stimulus,
    hold: Hold,
    behaving: Behaviour,
    dx: float,
    dy: float,
    width: float,
    length: float,
    step: float,
    first: int,
    steps: int,
    seed: int,
    stream: int,
    prey: _Prey,
    touching: Counts,
) -> None:
    count, crowding, senses = xs.size, behaving.crowding, behaving.receptors > 0.0
    catching = behaving.cd166_catch_rate + behaving.vla4_catch_rate + behaving.cxcr4_catch_rate
    adheres = catching + behaving.fibre_catch_rate + behaving.release_rate > 0.0
    hunts = prey.x.size > 0
    spread = math.sqrt(2.0 * step / behaving.persistence_time)
    turns = 0.5 * step / behaving.persistence_time
    diameter = 2.0 * behaving.radius
    farthest = behaving.speed * (1.0 + behaving.chemokinesis_gain) * step
    spacing = math.sqrt(width * length / count)
    if crowding:
        # Nobody within a diameter of a new place began the step beyond a neighbouring bucket.
        bucket, together = max(diameter + farthest, math.sqrt(_PER_BUCKET) * spacing), 1
    else:
        # Nobody waits for anybody: what cells see is in the cache for several steps of theirs.
        bucket = math.sqrt(_STRETCH) * spacing
        together = steps if bucket >= farthest * steps else max(_LONG, int(bucket / farthest))
    columns, rows = max(1, int(width / bucket)), max(1, int(length / bucket))
    begins = np.empty(rows * columns + 1, np.int64)
    order, inside = np.arange(count), np.empty(count, np.int64)
    number, place, stuck = np.arange(count), np.empty((4, count)), held.copy()
    place[0], place[1], place[2], place[3] = xs, ys, hxs, hys
    spare_number, spare_stuck = np.empty(count, np.int64), np.empty(count, np.bool_)
    # What is of one cell lies side by side here, lest each of its numbers be fetched on its own.
    abreast = np.empty((count, 4))
    work = np.zeros((_ALL_ROWS, MANY))
    work[_SIGNAL_X] = work[_DECAY] = 1.0
    for start in range(0, steps, together):
        if crowding or steps >= _LONG:
            _sort(place, number, begins, order, inside, rows, columns, width, length, crowding)
            for i in range(count):
                for k in range(4):
                    abreast[i, k] = place[k, i]
            for i in range(count):
                one = order[i]
                for k in range(4):
                    place[k, i] = abreast[one, k]
                spare_number[i], spare_stuck[i] = number[one], stuck[one]
            number, spare_number = spare_number, number
            stuck, spare_stuck = spare_stuck, stuck
        for begin in range(0, count, MANY):
            size = min(MANY, count - begin)
            end = begin + size
            for n in range(start, min(start + together, steps)):
                draw_all(
                    seed, stream, number[begin:end], first + n,
                    work[_NORMAL, :size], work[_CHANCE, :size],
                )  # fmt: skip
                if senses:
                    sample_all(seen, place[0, begin:end], place[1, begin:end], dx, dy, work)
                    _sense(behaving, turns, work, size)
                _turn(place[2, begin:end], place[3, begin:end], spread, work)
                _move(
                    begin, size, place, stuck, work, behaving, begins, rows, columns,
                    width, length, step,
                )  # fmt: skip
                if adheres:
                    _hold(
                        place[0, begin:end], place[1, begin:end], stuck[begin:end], work, hold,
                        behaving, dx, dy, step,
                    )  # fmt: skip
                if hunts:
                    _count_touching(
                        place[0, begin:end], place[1, begin:end], prey, touching, n, width, length
                    )
    for i in range(count):
        for k in range(4):
            abreast[number[i], k] = place[k, i]
        held[number[i]] = stuck[i]
    for i in range(count):
        xs[i], ys[i], hxs[i], hys[i] = abreast[i, 0], abreast[i, 1], abreast[i, 2], abreast[i, 3]


@kernel()
def _sort(
    place: Array,
    number: NDArray[np.int64],
    begins: NDArray[np.int64],
    order: NDArray[np.int64],
    inside: NDArray[np.int64],
    rows: int,
    columns: int,
    width: float,
    length: float,
    by_number: bool,
) -> None:
    """Order by bucket, row by row, and where each bucket begins in it; a counting sort."""
    count = number.size
    per_x, per_y = columns / width, rows / length
    for i in range(count):
        column, row = int(place[0, i] * per_x), int(place[1, i] * per_y)
        inside[i] = min(row, rows - 1) * columns + min(column, columns - 1)
    begins[:] = 0
    for i in range(count):
        begins[inside[i] + 1] += 1
    total = 0
    for b in range(1, begins.size):
        total += begins[b]
        begins[b] = total - begins[b]
    # begins[b + 1] is where bucket b begins until it has been filled, and where it ends then.
    for i in range(count):
        order[begins[inside[i] + 1]] = i
        begins[inside[i] + 1] += 1
    if by_number:
        for k in range(1, count):
            one, at = order[k], k
            while at > begins[inside[one]] and number[order[at - 1]] > number[one]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = one


@kernel(inline=True)
def _sense(behaving: Behaviour, turns: float, work: Array, size: int) -> None:
    """Direction of the signal, how far half a step turns, and occupied receptors."""
    per_receptor = 1.0 / behaving.receptors
    for n in range(size):
        strength, ex, ey, occupancy, surface = _signal(
            behaving, work[VISIBLE, n], work[VISIBLE_X, n], work[VISIBLE_Y, n],
            work[STEERING_X, n], work[STEERING_Y, n],
        )  # fmt: skip
        work[_SIGNAL_X, n], work[_SIGNAL_Y, n] = ex, ey
        work[_DECAY, n] = _decayed(min(strength * turns, _COMPLETE))
        work[_OCCUPANCY, n] = occupancy
        work[_OCCUPIED, n] = occupancy * surface * per_receptor


@kernel(inline=True)
def _turn(hxs: Array, hys: Array, spread: float, work: Array) -> None:
    """New headings: half of the turning to the signal, the random one, the other half."""
    for n in range(hxs.size):
        hx, hy = hxs[n], hys[n]
        ex, ey, decay = work[_SIGNAL_X, n], work[_SIGNAL_Y, n], work[_DECAY, n]
        cosine, sine = _turned(hx * ex + hy * ey, ex * hy - ey * hx, decay)
        across, along = _rotation(spread * work[_NORMAL, n])
        cosine, sine = cosine * across - sine * along, cosine * along + sine * across
        cosine, sine = _turned(cosine, sine, decay)
        hx, hy = cosine * ex - sine * ey, cosine * ey + sine * ex
        # Newton's step for 1 / sqrt(hx^2 + hy^2), which is 1 up to round-off.
        size = 1.5 - 0.5 * (hx * hx + hy * hy)
        work[_HEADING_X, n], work[_HEADING_Y, n] = hx * size, hy * size


@kernel(inline=True)
def _move(
    begin: int,
    size: int,
    place: Array,
    stuck: NDArray[np.bool_],
    work: Array,
    behaving: Behaviour,
    begins: NDArray[np.int64],
    rows: int,
    columns: int,
    width: float,
    length: float,
    step: float,
) -> None:
    """Move cells that crawl, one after another."""
    half_way = 0.5 * behaving.speed * step
    for n in range(size):
        i = begin + n
        hx, hy = work[_HEADING_X, n], work[_HEADING_Y, n]
        if not stuck[i]:
            x, y = place[0, i], place[1, i]
            way = half_way * (1.0 + behaving.chemokinesis_gain * work[_OCCUPANCY, n])
            new_x, sign = _folded(x + way * (place[2, i] + hx), width)
            hx *= sign
            new_y, sign = _folded(y + way * (place[3, i] + hy), length)
            hy *= sign
            if behaving.crowding:
                new_x, new_y = _unblocked(
                    i, new_x, new_y, place, begins, rows, columns, 2.0 * behaving.radius,
                    width, length,
                )  # fmt: skip
            place[0, i], place[1, i] = new_x, new_y
        place[2, i], place[3, i] = hx, hy


@kernel(inline=True)
def _hold(
    xs: Array,
    ys: Array,
    stuck: NDArray[np.bool_],
    work: Array,
    hold: Hold,
    behaving: Behaviour,
    dx: float,
    dy: float,
    step: float,
) -> None:
    """Catch cells and let them go, by what they touch where they are now."""
    rows, columns = hold.cd166.shape
    # Looked up apart, so that one cell's memory is awaited while the others' is asked for.
    for n in range(xs.size):
        row, column = min(int(ys[n] / dy), rows - 1), min(int(xs[n] / dx), columns - 1)
        rate = 0.0
        if behaving.cd166_catch_rate > 0.0:
            touched = hold.cd166[row, column]
            # The encounter limit's rate is infinite; times nothing it is still nothing.
            rate += behaving.cd166_catch_rate * touched if touched > 0.0 else 0.0
        if behaving.vla4_catch_rate > 0.0:
            rate += behaving.vla4_catch_rate * hold.vcam1[row, column]
        if behaving.cxcr4_catch_rate > 0.0:
            rate += (
                behaving.cxcr4_catch_rate * work[_OCCUPIED, n] * hold.integrin_ligand[row, column]
            )
        if behaving.fibre_catch_rate > 0.0:
            rate += behaving.fibre_catch_rate * hold.fibres[row, column]
        work[_CATCH, n] = rate
    for n in range(xs.size):
        stuck[n] = _held_after(
            stuck[n], work[_CHANCE, n], work[_CATCH, n], behaving.release_rate, step
        )


@kernel(inline=True)
def _held_after(held: bool, chance: float, catch: float, release: float, step: float) -> bool:
    """State after a step of a two-state Markov chain, by a uniform number.

    ``P(caught) = k / (k + l) (1 - exp(-(k + l) t))`` of a crawling cell, with the rates k of
    catching and l of letting go, and ``P(let go)`` of a held one with l for k in front.
    """
    leaving = release if held else catch
    # No probability exceeds its rate times the step: most chances need no exponential.
    if chance >= leaving * step:
        return held
    total = catch + release
    share = leaving / total if total < math.inf else (0.0 if held else 1.0)
    changes = chance < share * -math.expm1(-total * step)
    return not changes if held else changes


@kernel()
def _folded(place: float, extent: float) -> tuple[float, float]:
    """Place mirrored into [0, extent] as often as it takes, and the heading's sign."""
    if 0.0 <= place <= extent:
        return place, 1.0
    place = place % (2.0 * extent)
    if place > extent:
        return 2.0 * extent - place, -1.0
    return place, 1.0


@kernel()
def _unblocked(
    i: int,
    new_x: float,
    new_y: float,
    place: Array,
    begins: NDArray[np.int64],
    rows: int,
    columns: int,
    diameter: float,
    width: float,
    length: float,
) -> tuple[float, float]:
    """Where a cell ends that wants to go somewhere: it slides along others, or stays.

    A cell blocks only those that come nearer, so that cells which touch can part.
    """
    x, y = place[0, i], place[1, i]
    for attempt in range(2):
        blocker = _blocker(i, new_x, new_y, place, begins, rows, columns, diameter, width, length)
        if blocker < 0:
            return new_x, new_y
        if attempt == 0:
            away_x, away_y = x - place[0, blocker], y - place[1, blocker]
            square = away_x * away_x + away_y * away_y
            inward = ((new_x - x) * away_x + (new_y - y) * away_y) / square
            new_x -= inward * away_x
            new_y -= inward * away_y
            if new_x < 0.0 or new_x > width or new_y < 0.0 or new_y > length:
                return x, y
    return x, y


@kernel()
def _blocker(
    i: int,
    new_x: float,
    new_y: float,
    place: Array,
    begins: NDArray[np.int64],
    rows: int,
    columns: int,
    diameter: float,
    width: float,
    length: float,
) -> int:
    """First cell within a diameter of the new place that the move would bring nearer, or -1."""
    row = min(int(new_y * (rows / length)), rows - 1)
    column = min(int(new_x * (columns / width)), columns - 1)
    left, right = max(column - 1, 0), min(column + 1, columns - 1)
    for r in range(max(row - 1, 0), min(row + 2, rows)):
        # Buckets beside each other hold cells that follow each other.
        for j in range(begins[r * columns + left], begins[r * columns + right + 1]):
            square = (new_x - place[0, j]) ** 2 + (new_y - place[1, j]) ** 2
            if square < diameter * diameter and j != i:
                before = (place[0, i] - place[0, j]) ** 2 + (place[1, i] - place[1, j]) ** 2
                if square < before:
                    return j
    return -1
