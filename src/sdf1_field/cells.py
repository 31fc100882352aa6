"""Haematopoietic cells on the floor: sense, turn, move, hold.

A cell's heading follows

    d phi = -(SNR / P) sin(phi - phi_gradient) dt + sqrt(2 / P) dW,

a persistent random walk of persistence time P that turns up the signal with the signal-to-noise
ratio of the difference in occupied CXCR4 between its two halves. Its stationary law is von Mises,
and the chemotactic index is `sdf1_field.pharmacology.chemotactic_index`. A crawling cell is caught
at the rate of what it touches and let go at one rate; a held cell does not move.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.errors import InputError
from sdf1_field.grid import Grid, bilinear
from sdf1_field.pharmacology import (
    apparent_dissociation_constant,
    binding_noise,
    independent_looks,
    occupancy_difference,
    occupied_fraction,
    surface_receptors,
)
from sdf1_field.random import Stream, draw, generator
from sdf1_field.scene import Region, RegionMap, Scene, touched_cd166
from sdf1_field.spec import ModelSpec
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM
from sdf1_field.variation import DishFactors

Array = NDArray[np.float64]

_TRIES = 10_000
_ROUND_OFF = 1e-9
"""Share of a step by which a duration may miss a whole number of steps."""
_OPPOSITE = 1e-12
"""One plus the cosine below which a heading is opposite to the signal and stays so."""
_HALF_DISC = 4.0 / (3.0 * math.pi)
"""Distance of a half-disc's centroid from the centre, in radii."""


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


class Stimulus(NamedTuple):
    """What the floor shows to CXCR4, shape (ny, nx) each [nM].

    Parameters
    ----------
    visible : ndarray
        ``c + alpha b``: what receptors bind.
    steering : ndarray
        The part of it whose gradient the cells may follow.
    """

    visible: Array
    steering: Array


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
    """

    cd166: Array
    vcam1: Array
    integrin_ligand: Array


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
    release_rate: float
    crowding: bool


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
        release_rate=cell.release_rate,
        crowding=on.crowding,
    )


def stimulus(spec: ModelSpec, concentration: Array, bound: Array) -> Stimulus:
    """What CXCR4 sees of dissolved [nM] and coat-bound [molecules/um**2] SDF-1.

    Negative round-off and discretisation errors are clipped here and nowhere else.
    """
    on = spec.mechanisms
    share = spec.receptor.cxcr4.coat_share / MOLECULES_PER_UM3_PER_NM
    soluble, attached = np.maximum(concentration, 0.0), share * np.maximum(bound, 0.0)
    steering = np.zeros_like(soluble)
    if on.soluble_sensing:
        steering = steering + soluble
    if on.haptotaxis:
        steering = steering + attached
    return Stimulus(visible=soluble + attached, steering=steering)


def no_stimulus(grid: Grid) -> Stimulus:
    """A floor without ligand."""
    return Stimulus(np.zeros((grid.ny, grid.nx)), np.zeros((grid.ny, grid.nx)))


def hold_of(spec: ModelSpec, scene: Scene, regions: RegionMap, grid: Grid) -> Hold:
    """What catches the model's cells on a scene."""
    integrin, vcam1 = np.zeros((grid.ny, grid.nx)), np.zeros((grid.ny, grid.nx))
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
    return Hold(
        cd166=touched_cd166(
            scene,
            grid,
            reach=0.5 * spec.haematopoietic.diameter,
            migrasome_density=spec.adhesion.cd166_migrasome,
        ),
        vcam1=vcam1,
        integrin_ligand=integrin,
    )


def sticky(behaving: Behaviour, regions: RegionMap) -> tuple[Behaviour, Hold]:
    """The encounter limit: caught at once and for ever where a region is, attracted by nothing."""
    limit = behaving._replace(
        receptors=0.0,
        chemokinesis_gain=0.0,
        cd166_catch_rate=math.inf,
        vla4_catch_rate=0.0,
        cxcr4_catch_rate=0.0,
        release_rate=0.0,
    )
    reached = (regions != Region.FREE_SURFACE).astype(float)
    return limit, Hold(
        cd166=reached, vcam1=np.zeros_like(reached), integrin_ligand=np.zeros_like(reached)
    )


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
    if spec.mechanisms.crowding:
        for n in range(1, count):
            for _ in range(_TRIES):
                if ((x[:n] - x[n]) ** 2 + (y[:n] - y[n]) ** 2 >= diameter**2).all():
                    break
                x[n], y[n] = rng.random() * dish.width, rng.random() * dish.length
            else:
                raise InputError(
                    f"cells.density: {count} cells of {diameter:g} um do not fit into the view. "
                    "Lower cells.density or switch mechanisms.crowding off."
                )
    angle = rng.random(count) * 2.0 * math.pi
    return Cells(x, y, np.cos(angle), np.sin(angle), np.zeros(count, dtype=np.bool_), 0)


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
    of it before and half after the random turning; with catching, the scheme is of first weak
    order in the step.

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
    steps = math.ceil(duration / time_step - _ROUND_OFF)
    after = Cells(
        cells.x.copy(),
        cells.y.copy(),
        cells.heading_x.copy(),
        cells.heading_y.copy(),
        cells.held.copy(),
        cells.steps + steps,
    )
    if steps == 0 or len(cells.x) == 0:
        return after
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
        duration / steps,
        cells.steps,
        steps,
        seed,
        int(stream),
    )
    return after


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
    cosine = hx * ex + hy * ey
    sine = ex * hy - ey * hx
    if 1.0 + cosine < _OPPOSITE:
        return hx, hy
    tangent = sine / (1.0 + cosine) * math.exp(-strength * step / persistence_time)
    square = tangent * tangent
    cosine = (1.0 - square) / (1.0 + square)
    sine = 2.0 * tangent / (1.0 + square)
    return cosine * ex - sine * ey, cosine * ey + sine * ex


@kernel()
def signal_to_noise(
    seen: Stimulus, behaving: Behaviour, x: float, y: float, dx: float, dy: float
) -> tuple[float, float, float, float]:
    """Signal-to-noise ratio in x and y, occupancy, and surface receptors of a cell at a place.

    The two halves of the cell are read at their centroids, 4 R / (3 pi) from the centre, where a
    linear field has its mean over the half-disc.
    """
    visible, steering, half = seen.visible, seen.steering, _HALF_DISC * behaving.radius
    constant = behaving.dissociation_constant
    occupancy = occupied_fraction(bilinear(visible, x, y, dx, dy), constant)
    surface = surface_receptors(behaving.receptors, occupancy, behaving.internalisation_ratio)
    looks = independent_looks(behaving.integration_time, behaving.dissociation_rate, occupancy)
    noise = binding_noise(surface, occupancy, looks, behaving.own_noise)
    scale = 0.5 * surface / noise
    east = bilinear(visible, x + half, y, dx, dy)
    west = bilinear(visible, x - half, y, dx, dy)
    north = bilinear(visible, x, y + half, dx, dy)
    south = bilinear(visible, x, y - half, dx, dy)
    # Only the steering part of the difference counts, against everything the receptors bind.
    seen_x = bilinear(steering, x + half, y, dx, dy) - bilinear(steering, x - half, y, dx, dy)
    seen_y = bilinear(steering, x, y + half, dx, dy) - bilinear(steering, x, y - half, dx, dy)
    difference_x = occupancy_difference(seen_x, east, west, constant)
    difference_y = occupancy_difference(seen_y, north, south, constant)
    return scale * difference_x, scale * difference_y, occupancy, surface


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
) -> None:
    ny, nx = seen.visible.shape
    count = xs.size
    persistence_time, receptors = behaving.persistence_time, behaving.receptors
    spread = math.sqrt(2.0 * step / persistence_time)
    release = -math.expm1(-behaving.release_rate * step)
    fastest = behaving.speed * (1.0 + behaving.chemokinesis_gain)
    bucket = max(
        2.0 * (behaving.radius + fastest * step), math.sqrt(width * length / max(count, 1))
    )
    columns = max(1, int(width / bucket))
    rows = max(1, int(length / bucket))
    heads = np.empty((rows, columns), np.int64)
    following = np.empty(count, np.int64)
    for n in range(steps):
        if behaving.crowding:
            heads[:] = -1
            for i in range(count):
                row, column = _bucket(xs[i], ys[i], width, length, rows, columns)
                following[i] = heads[row, column]
                heads[row, column] = i
        for i in range(count):
            normal, chance = draw(seed, stream, i, first + n)
            x, y = xs[i], ys[i]
            snr_x, snr_y, occupancy, surface = 0.0, 0.0, 0.0, 0.0
            if receptors > 0.0:
                snr_x, snr_y, occupancy, surface = signal_to_noise(seen, behaving, x, y, dx, dy)
            hx, hy = turned(hxs[i], hys[i], snr_x, snr_y, 0.5 * step, persistence_time)
            cosine, sine = math.cos(spread * normal), math.sin(spread * normal)
            hx, hy = hx * cosine - hy * sine, hx * sine + hy * cosine
            hx, hy = turned(hx, hy, snr_x, snr_y, 0.5 * step, persistence_time)
            size = math.sqrt(hx * hx + hy * hy)
            hx, hy = hx / size, hy / size
            if held[i]:
                hxs[i], hys[i] = hx, hy
                held[i] = chance >= release
                continue
            way = 0.5 * behaving.speed * (1.0 + behaving.chemokinesis_gain * occupancy) * step
            new_x, sign = _folded(x + way * (hxs[i] + hx), width)
            hx *= sign
            new_y, sign = _folded(y + way * (hys[i] + hy), length)
            hy *= sign
            if behaving.crowding:
                new_x, new_y = _unblocked(
                    i, new_x, new_y, xs, ys, heads, following, 2.0 * behaving.radius, width, length
                )
            xs[i], ys[i], hxs[i], hys[i] = new_x, new_y, hx, hy
            column = min(int(new_x / dx), nx - 1)
            row = min(int(new_y / dy), ny - 1)
            rate = behaving.vla4_catch_rate * hold.vcam1[row, column]
            if hold.cd166[row, column] > 0.0:
                rate += behaving.cd166_catch_rate * hold.cd166[row, column]
            if receptors > 0.0:
                occupied = occupancy * surface / receptors
                rate += behaving.cxcr4_catch_rate * occupied * hold.integrin_ligand[row, column]
            held[i] = chance < -math.expm1(-rate * step)


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
def _bucket(
    x: float, y: float, width: float, length: float, rows: int, columns: int
) -> tuple[int, int]:
    """Row and column of the neighbour search's bucket at a place."""
    return min(int(y / length * rows), rows - 1), min(int(x / width * columns), columns - 1)


@kernel()
def _unblocked(
    i: int,
    new_x: float,
    new_y: float,
    xs: Array,
    ys: Array,
    heads: NDArray[np.int64],
    following: NDArray[np.int64],
    diameter: float,
    width: float,
    length: float,
) -> tuple[float, float]:
    """Where a cell ends that wants to go somewhere: it slides along others, or stays.

    A cell blocks only those that come nearer, so that cells which touch can part.
    """
    x, y = xs[i], ys[i]
    for attempt in range(2):
        blocker = _blocker(i, new_x, new_y, xs, ys, heads, following, diameter, width, length)
        if blocker < 0:
            return new_x, new_y
        if attempt == 0:
            away_x, away_y = x - xs[blocker], y - ys[blocker]
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
    xs: Array,
    ys: Array,
    heads: NDArray[np.int64],
    following: NDArray[np.int64],
    diameter: float,
    width: float,
    length: float,
) -> int:
    """First cell within a diameter of the new place that the move would bring nearer, or -1."""
    rows, columns = heads.shape
    row, column = _bucket(new_x, new_y, width, length, rows, columns)
    for r in range(max(row - 1, 0), min(row + 2, rows)):
        for c in range(max(column - 1, 0), min(column + 2, columns)):
            j: int = heads[r, c]
            while j >= 0:
                if j != i:
                    square = (new_x - xs[j]) ** 2 + (new_y - ys[j]) ** 2
                    if square < diameter * diameter:
                        before = (xs[i] - xs[j]) ** 2 + (ys[i] - ys[j]) ** 2
                        if square < before:
                            return j
                j = following[j]
    return -1
