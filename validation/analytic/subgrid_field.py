"""Floor around one migrasome, as a cell beside it sees it: far smaller than a cell of the grid.

A migrasome is a disc of radius a that secretes q molecules/s; a cell reads the mean over the disc
of radius R under it, and follows the gradient of that mean.

Without a coat, over deep medium with loss, with ``m = sqrt(p**2 + k / D)``, at the distance d

    c(d) = q / (2 pi D) int_0^inf (p / m) J0(p d) (2 J1(p a) / (p a)) (2 J1(p R) / (p R)) dp,

and the slope has ``-p J1(p d)`` for ``J0(p d)``. With the default coat, which may fill up, the
reference is an axisymmetric finite-volume solution around the migrasome's axis, coat and all, on
cells that grow from a fraction of the migrasome to the wall of a cylinder with the box's area.
The box's mirror images, a square lattice, differ from the cylinder's wall by 0.13 % of the
concentration at 20 um. A burst sets free its molecules within a second, from the disc as well.

References
----------
Carslaw & Jaeger (1959) Conduction of Heat in Solids, 2nd ed., 8.2 (flux over a circle).

python validation/analytic/subgrid_field.py        # writes subgrid_field.md and subgrid_field.png
"""

import copy
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.constants import Avogadro
from scipy.interpolate import CubicSpline
from scipy.sparse.linalg import splu
from scipy.special import j0, j1

from sdf1_field import exposure
from sdf1_field.grid import Grid, make_grid
from sdf1_field.pharmacology import (
    binding_noise,
    chemotactic_index,
    independent_samples,
    occupancy_difference,
    receptor_occupancy,
    surface_receptors,
)
from sdf1_field.solvers import cosine
from sdf1_field.sources import Secretion, constant, source_width
from sdf1_field.spec import ModelSpec, load_model
from sdf1_field.transport import Coat, Transport

Array = NDArray[np.float64]

PER_UM3 = Avogadro * 1e-24
"""Molecules/um**3 in 1 nM; the program's own number is under test."""
DISTANCES = np.array([5.0, 10.0, 20.0])
"""Of the cell from the migrasome [um]."""
RADIUS = 1.0
"""Of the migrasome [um], the default."""
SPACINGS = (10.0, 5.0, 2.5, 1.25)
"""Of the grids [um]; the second is the default."""
OFFSETS = ((0.13, 0.29), (0.5, 0.5), (0.94, 0.61))
"""Places of the migrasome within its cell of the grid, in cells."""
DIRECTIONS = np.arange(8) * np.pi / 4 + 0.1
"""From the migrasome to the cell [rad]."""

DEFAULT_RATE, STRONG_RATE = 0.5, 50.0
"""Of a migrasome, the default and one that cells follow [molecules/s]."""
LAST = ("concentration", "occupancy difference", "chemotactic index")

BARE_WIDTH, BARE_LENGTH = 1000.0, 100.0
"""Box without a coat, and its screening length [um]: walls and top add less than exp(-8)."""
WIDTH, HEIGHT = 400.0, 200.0
"""Box with the coat [um]."""
FIRST, CHANGE, AFTER = 3600.0, 86400.0, 600.0
"""First look, medium change, and the second look after that [s]."""
COUPLING = 900.0
"""Interval at which the sub-grid correction reads the field on the grid [s]."""
ON_AXIS = 1e-6
"""Distance that stands for none [um]."""
BURST, PULSE = 1000.0, 1.0
"""Molecules, and how long they take to come out [s]."""
BURST_TIMES = (10.0, 60.0, 300.0, 900.0)
"""Looks after a burst [s]."""


@dataclass(frozen=True)
class Seen:
    """What cells at some distances see, shape (distance,): means [nM] and slopes [nM/um].

    Parameters
    ----------
    soluble, soluble_slope : ndarray
    bound, bound_slope : ndarray
        What receptors see of the coat.
    """

    soluble: Array
    soluble_slope: Array
    bound: Array
    bound_slope: Array


@dataclass(frozen=True)
class Reading:
    """What a cell makes of it: visible [nM], difference of occupancy [1], chemotactic index [1]."""

    concentration: Array
    difference: Array
    index: Array


@functools.cache
def model() -> ModelSpec:
    """Default KG-1a cells, SDF-1 and coat, of which they see as much as when this was recorded."""
    return load_model("coculture-kg1a", settings=["receptor.cxcr4.coat_share=0.01 1/um"]).spec


def default_transport() -> Transport:
    """SDF-1 over the default coat."""
    ligand = model().ligand["sdf1"]
    coat = ligand.coat
    return Transport(
        ligand.diffusivity,
        ligand.loss_rate,
        Coat(coat.sites, coat.association_rate, coat.dissociation_rate, coat.loss_rate),
    )


def read(value: Array, slope: Array) -> Reading:
    """What a KG-1a cell makes of it, its halves read 4 R / (3 pi) from its centre."""
    cell, receptor = model().haematopoietic, model().receptor.cxcr4
    half = 4.0 / (3.0 * math.pi) * 0.5 * cell.diameter
    differences, ratios = [], []
    for c, g in zip(value, slope, strict=True):
        constant_ = receptor.dissociation_constant
        occupancy = float(receptor_occupancy(c, dissociation_constant=constant_))
        ratio = cell.internalisation_rate / cell.recycling_rate
        surface = surface_receptors(cell.receptors, occupancy, ratio)
        samples = independent_samples(cell.integration_time, receptor.dissociation_rate, occupancy)
        noise = binding_noise(surface, occupancy, samples, cell.downstream_noise)
        difference = abs(occupancy_difference(2 * half * g, c + half * g, c - half * g, constant_))
        differences.append(difference)
        ratios.append(0.5 * surface * difference / noise)
    return Reading(np.asarray(value), np.array(differences), chemotactic_index(ratios))


# --- laws and references ------------------------------------------------------------------


def bare_law(distance: Array, *, cell_radius: float, rate: float = 1.0) -> tuple[Array, Array]:
    """Mean over the cell [nM] and its slope [nM/um] without a coat."""
    finest, panels = 60.0, 3000
    nodes, weights = np.polynomial.legendre.leggauss(10)
    size = finest / panels
    p = ((np.arange(panels)[:, None] + 0.5 * (1 + nodes)) * size).ravel()
    diffusivity = default_transport().diffusivity
    amplitude = np.tile(0.5 * size * weights, panels) * p / np.hypot(p, 1 / BARE_LENGTH)
    for radius in (RADIUS, cell_radius):
        if radius > 0.0:
            amplitude *= 2 * j1(p * radius) / (p * radius)
    amplitude *= rate / (2 * np.pi * diffusivity * PER_UM3)
    value = np.array([j0(p * d) @ amplitude for d in distance])
    slope = np.array([-j1(p * d) @ (p * amplitude) for d in distance])
    return value, slope


def _growing(first: float, growth: float, extent: float, *, even: int) -> Array:
    """Edges of cells from 0 to an extent: some of one size, then growing ones, the last fitted."""
    edges = [first * n for n in range(even + 1)]
    while edges[-1] < extent:
        edges.append(edges[-1] + (edges[-1] - edges[-2]) * growth)
    result = np.array(edges)
    result[even:] = result[even] + (result[even:] - result[even]) * (
        (extent - result[even]) / (result[-1] - result[even])
    )
    return result


class Cylinder:
    """Medium and coat around the migrasome's axis, the reference with the coat.

    Finite volumes over radius and height with the concentration at z = 0 as unknowns of their own;
    in time the two-stage L-stable method of Alexander (1977), steps in a geometric series, Newton's
    method for the coat.

    Parameters
    ----------
    transport : Transport
    rate : float
        Of the migrasome [molecules/s].
    fineness : float
        Cells for each radius of the migrasome, from which all other sizes follow.
    """

    def __init__(self, transport: Transport, rate: float, fineness: float) -> None:
        coat = transport.coat
        assert coat is not None
        self.coat, self.transport = coat, transport
        growth, wall = 1.0 + 0.5 / fineness, WIDTH / math.sqrt(math.pi)
        even = round(2 * fineness * RADIUS)
        self.edges = _growing(RADIUS / round(fineness), growth, wall, even=even)
        heights = _growing(0.5 * RADIUS / round(fineness), growth, HEIGHT, even=2)
        self.r = 0.5 * (self.edges[1:] + self.edges[:-1])
        self.area = np.pi * np.diff(self.edges**2)
        thickness, nr, nz = np.diff(heights), len(self.area), len(heights) - 1
        self.volume = np.outer(thickness, self.area).ravel()
        d = transport.diffusivity
        outward = d * 2 * np.pi * self.edges[1:-1] / np.diff(self.r)
        upward = d / (0.5 * (thickness[1:] + thickness[:-1]))
        index = np.arange(nz * nr).reshape(nz, nr)
        floor_index = nz * nr + np.arange(nr)
        pairs = [
            (index[:, :-1], index[:, 1:], np.outer(thickness, outward)),
            (index[:-1], index[1:], np.outer(upward, self.area)),
            (index[0], floor_index, 2 * d / thickness[0] * self.area),
        ]
        rows, columns, values = [], [], []
        for a, b, conductance in pairs:
            a, b, g = a.ravel(), b.ravel(), conductance.ravel()
            rows += [a, b, a, b]
            columns += [b, a, a, b]
            values += [-g, -g, g, g]
        size = nz * nr + nr
        self.exchange = scipy.sparse.csc_matrix(
            (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (size, size)
        )
        self.held = np.append(self.volume, np.zeros(nr))
        inside = self.edges[1:] <= RADIUS * (1 + 1e-9)
        self.shape = np.where(inside, self.area, 0.0) / self.area[inside].sum() / PER_UM3
        self.source = rate * self.shape
        self.concentration, self.bound = np.zeros(size), np.zeros(nr)

    def change_medium(self) -> None:
        """Medium without ligand; the coat keeps its own."""
        self.concentration = np.zeros_like(self.concentration)

    def burst(self, amount: float) -> None:
        """Set molecules free within `PULSE`."""
        before, self.source = self.source, self.source + amount / PULSE * self.shape
        self.advance(PULSE, first=1e-3, growth=1.2)
        self.source = before

    def advance(self, duration: float, *, first: float, growth: float) -> None:
        """Go on in steps that grow from a first one [s]."""
        edges = [0.0, first]
        while edges[-1] < duration:
            edges.append(edges[-1] + (edges[-1] - edges[-2]) * growth)
        steps = np.diff(np.array(edges) * (duration / edges[-1]))
        gamma = 1.0 - math.sqrt(0.5)
        share = (1.0 - gamma) / gamma
        for step in steps:
            one, coated = self._stage(self.concentration, self.bound, gamma * step)
            self.concentration, self.bound = self._stage(
                (1 - share) * self.concentration + share * one,
                (1 - share) * self.bound + share * coated,
                gamma * step,
            )

    def _stage(self, before: Array, bound: Array, length: float) -> tuple[Array, Array]:
        coat, nr = self.coat, len(self.area)
        decay = self.transport.loss_rate
        linear = length * self.exchange + scipy.sparse.diags(self.held * (1 + length * decay))
        kept = 1 + length * coat.loss_rate
        value = before.copy()
        slope_used, solver = None, None
        for _ in range(30):
            c = value[-nr:]
            room = coat.association_rate * (coat.sites * kept - bound)
            denominator = kept + length * (coat.dissociation_rate + coat.association_rate * c)
            flux = (room * c - coat.dissociation_rate * bound) / denominator
            slope = (room - length * coat.association_rate * flux) / denominator
            residual = linear @ value - self.held * before
            residual[-nr:] += length * (self.area * flux / PER_UM3 - self.source)
            if slope_used is None or np.abs(slope / slope_used - 1).max() > 1e-3:
                extra = np.append(np.zeros(len(value) - nr), length * self.area * slope / PER_UM3)
                solver, slope_used = splu((linear + scipy.sparse.diags(extra)).tocsc()), slope
            move = solver.solve(residual)
            value = value - move
            if np.abs(move).max() <= 1e-10 * np.abs(value).max():
                break
        else:
            raise AssertionError("Newton's method did not converge")
        c = value[-nr:]
        denominator = kept + length * (coat.dissociation_rate + coat.association_rate * c)
        room = coat.association_rate * (coat.sites * kept - bound)
        flux = (room * c - coat.dissociation_rate * bound) / denominator
        return value, (bound + length * flux) / kept

    def seen(self, distance: Array, *, cell_radius: float) -> Seen:
        """What cells at distances see now."""
        nr = len(self.area)
        share = model().receptor.cxcr4.coat_share / PER_UM3
        soluble = over_disc(self.r, self.concentration[-nr:], distance, cell_radius)
        bound = over_disc(self.r, share * self.bound, distance, cell_radius)
        return Seen(*soluble, *bound)


def over_disc(r: Array, values: Array, distance: Array, radius: float) -> tuple[Array, Array]:
    """Mean over a disc and its slope over the distance, of a function of the radius alone."""
    # Even in the radius: mirrored, so that the spline is flat on the axis.
    line = CubicSpline(np.concatenate([-r[2::-1], r]), np.concatenate([values[2::-1], values]))
    if radius == 0.0:
        return line(distance), line(distance, 1)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    means, slopes = [], []
    for d in np.maximum(distance, ON_AXIS):
        # The part of a circle around the source that is under the cell.
        whole = max(radius - d, 0.0)
        low, high = abs(d - radius), d + radius
        turn = 0.5 * np.pi * (nodes + 1)
        s = 0.5 * (low + high) - 0.5 * (high - low) * np.cos(turn)
        inside = np.arccos(np.clip((s**2 + d**2 - radius**2) / (2 * s * d), -1.0, 1.0))
        measure = 0.5 * np.pi * weights * 0.5 * (high - low) * np.sin(turn)
        total = float(np.sum(measure * 2 * s * inside * line(s)))
        s = 0.5 * whole * (nodes + 1)
        total += float(np.sum(0.5 * whole * weights * 2 * np.pi * s * line(s)))
        means.append(total / (np.pi * radius**2))
        # The mean's slope is the rim's mean of c cos(phi), twice over R.
        phi = 0.5 * np.pi * (nodes + 1)
        rim = np.sqrt(d**2 + radius**2 + 2 * d * radius * np.cos(phi))
        around = 0.5 * np.pi * weights * line(rim) * np.cos(phi)
        slopes.append(2 * float(np.sum(around)) / (np.pi * radius))
    return np.array(means), np.array(slopes)


def reference(rate: float, *, fineness: float, change: float = CHANGE) -> tuple[Cylinder, Cylinder]:
    """Reference with the coat after 1 h, and 10 min after a medium change."""
    cylinder = Cylinder(default_transport(), rate, fineness)
    growth = 1.0 + 1.0 / fineness
    cylinder.advance(FIRST, first=0.5, growth=growth)
    early = copy.copy(cylinder)
    cylinder.advance(change - FIRST, first=300.0, growth=growth)
    cylinder.change_medium()
    cylinder.advance(AFTER, first=0.05, growth=growth)
    return early, cylinder


def reference_burst(fineness: float) -> list[Cylinder]:
    """Reference at `BURST_TIMES` after a burst onto an empty coat."""
    cylinder = Cylinder(default_transport(), 0.0, fineness)
    cylinder.burst(BURST)
    looks = []
    for begin, end in zip((PULSE, *BURST_TIMES), BURST_TIMES, strict=False):
        cylinder.advance(end - begin, first=(end - begin) / 50, growth=1.05)
        looks.append(copy.copy(cylinder))
    return looks


# --- the program ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """Floor at z = 0 [nM], coat [molecules/um**2] and sub-grid correction at one time."""

    concentration: Array
    bound: Array
    coated: Array


@dataclass(frozen=True, eq=False)
class Around:
    """One migrasome on a grid, and everything that is prepared for it."""

    grid: Grid
    transport: Transport
    place: tuple[Array, Array]
    rate: float
    basis: exposure.SubgridBasis
    response: exposure.GridResponse

    def secretion(self, rate: float) -> Secretion:
        """On the grid, of so many molecules/s."""
        amount = self.grid.spread(*self.place, np.array([rate]), source_width(self.grid))
        area = self.grid.dx * self.grid.dy
        return constant(amount / area, area)

    def look(self, columns: cosine.Columns, state: cosine.CosineState, coated: Array) -> Look:
        """What there is to see."""
        return Look(cosine.face(columns, state), state.bound, coated)

    def follow(self, before: Look, after: Look, rate: float, step: float) -> Array:
        """Sub-grid correction at the end of a step, whose transforms at the beginning are known."""
        around = exposure.surroundings(
            self.basis,
            *self.place,
            0.5 * (before.concentration + after.concentration),
            0.5 * (before.bound + after.bound),
        )
        return exposure.advance_coat(self.basis, around, before.coated, np.array([rate]), step)

    def seen(
        self, look: Look, distance: Array = DISTANCES, *, corrected: bool = True
    ) -> list[Seen]:
        """Field that cells see in each of `DIRECTIONS`."""
        both = []
        for spec in (soluble_alone(), model()):
            local = exposure.no_stimulus(self.grid).subgrid
            if corrected:
                around = exposure.surroundings(
                    self.basis, *self.place, look.concentration, look.bound
                )
                local = exposure.subgrid_field(
                    self.basis, around, look.coated, *self.place, np.array([RADIUS]),
                    np.array([self.rate]), coat_share=spec.receptor.cxcr4.coat_share,
                )  # fmt: skip
            both.append(
                exposure.stimulus(spec, self.response, look.concentration, look.bound, local)
            )
        results = []
        for phi in DIRECTIONS:
            values = np.empty((2, 2, len(distance)))
            for n, seen in enumerate(both):
                for m, d in enumerate(distance):
                    x, y = self.place[0][0] + d * np.cos(phi), self.place[1][0] + d * np.sin(phi)
                    c, gx, gy, _, _ = exposure.sample(seen, x, y, self.grid.dx, self.grid.dy)
                    values[n, :, m] = c, gx * np.cos(phi) + gy * np.sin(phi)
            results.append(Seen(*values[0], *(values[1] - values[0])))
        return results


@functools.cache
def soluble_alone() -> ModelSpec:
    """Model whose cells see nothing of the coat."""
    return load_model("coculture-kg1a", settings=["receptor.cxcr4.coat_share=0 1/um"]).spec


def put(
    transport: Transport,
    spacing: float,
    offset: tuple[float, float],
    *,
    width: float,
    height: float,
    rate: float,
    cell_radius: float,
) -> Around:
    """A migrasome in the middle of a box, at an offset within its cell of the grid."""
    grid = make_grid(width, width, height, spacing=spacing, floor_layer=2.0, layer_growth=1.2)
    x, y = (np.array([(round(0.5 * width / spacing) + share) * spacing]) for share in offset)
    return Around(
        grid,
        transport,
        (x, y),
        rate,
        exposure.subgrid_basis(grid, transport, cell_radius=cell_radius),
        exposure.grid_response(grid, transport, cell_radius=cell_radius),
    )


def solve_bare(
    spacing: float, offset: tuple[float, float], *, cell_radius: float
) -> tuple[Around, Look]:
    """Around 1 molecule/s in steady state without a coat."""
    diffusivity = default_transport().diffusivity
    transport = Transport(diffusivity, diffusivity / BARE_LENGTH**2)
    here = put(
        transport, spacing, offset,
        width=BARE_WIDTH, height=BARE_WIDTH, rate=1.0, cell_radius=cell_radius,
    )  # fmt: skip
    tolerances = cosine.Tolerances()
    columns = cosine.prepare(here.grid, transport, tolerances)
    flux = here.secretion(1.0).flux
    state = cosine.steady(columns, flux, time=0.0, tolerances=tolerances)
    return here, here.look(columns, state, np.zeros((1, exposure.WAVENUMBERS)))


def _over_coat(
    spacing: float, offset: tuple[float, float], rate: float, cell_radius: float
) -> tuple[Around, cosine.Columns, cosine.CosineState, Look]:
    transport = default_transport()
    here = put(
        transport, spacing, offset,
        width=WIDTH, height=HEIGHT, rate=rate, cell_radius=cell_radius,
    )  # fmt: skip
    columns = cosine.prepare(here.grid, transport, cosine.Tolerances())
    state = cosine.start(columns, time=0.0, tolerances=cosine.Tolerances())
    return here, columns, state, here.look(columns, state, np.zeros((1, exposure.WAVENUMBERS)))


def solve_coated(
    spacing: float,
    offset: tuple[float, float],
    rate: float,
    *,
    cell_radius: float,
    change: float = CHANGE,
) -> tuple[Around, Look, Look]:
    """Over the coat after 1 h, and 10 min after a medium change."""
    here, columns, state, look = _over_coat(spacing, offset, rate, cell_radius)
    secretion, tolerances = here.secretion(rate), cosine.Tolerances()

    def run(state: cosine.CosineState, look: Look, until: float) -> tuple[Any, Look]:
        while state.time < until:
            begin, stop = state.time, min(state.time + COUPLING, until)
            state = cosine.advance(columns, state, secretion, stop, tolerances=tolerances)
            after = here.look(columns, state, look.coated)
            look = replace(after, coated=here.follow(look, after, rate, stop - begin))
        return state, look

    state, early = run(state, look, FIRST)
    state, look = run(state, early, change)
    state = cosine.change_medium(columns, state, tolerances=tolerances)
    _, late = run(state, here.look(columns, state, look.coated), change + AFTER)
    return here, early, late


def solve_burst(
    spacing: float, offset: tuple[float, float], *, cell_radius: float
) -> tuple[Around, list[Look]]:
    """Over the coat at `BURST_TIMES` after a burst, which the floor lets go within `PULSE`."""
    here, columns, state, look = _over_coat(spacing, offset, 0.0, cell_radius)
    tolerances, pulse = cosine.Tolerances(), here.secretion(BURST / PULSE)
    around = exposure.surroundings(here.basis, *here.place, look.concentration, look.bound)
    coated = exposure.burst_onto_coat(here.basis, around, look.coated, np.array([BURST]))
    state = cosine.advance(columns, state, pulse, PULSE, tolerances=tolerances)
    look, looks = here.look(columns, state, coated), []
    for stop in BURST_TIMES:
        begin = state.time
        state = cosine.advance(columns, state, here.secretion(0.0), stop, tolerances=tolerances)
        after = here.look(columns, state, look.coated)
        look = replace(after, coated=here.follow(look, after, 0.0, stop - begin))
        looks.append(look)
    return here, looks


# --- errors --------------------------------------------------------------------------------


def quantities(seen: Seen) -> dict[str, Array]:
    """What is compared, by name."""
    reading = read(seen.soluble + seen.bound, seen.soluble_slope + seen.bound_slope)
    return {
        "soluble": seen.soluble,
        "its slope": seen.soluble_slope,
        "bound": seen.bound,
        "slope of bound": seen.bound_slope,
        "concentration": reading.concentration,
        "occupancy difference": reading.difference,
        "chemotactic index": reading.index,
    }


def errors(found: Sequence[Seen], exact: Seen) -> dict[str, Array]:
    """Relative errors of what cells see and make of it, shape (found, distance) each."""
    right = quantities(exact)
    if not exact.bound.any():
        right = {name: right[name] for name in LAST}
    each = [quantities(seen) for seen in found]
    return {
        name: np.array([one[name] for one in each]) / value - 1.0 for name, value in right.items()
    }


def bare_errors(
    spacing: float, *, cell_radius: float, corrected: bool = True, offsets: Any = OFFSETS
) -> dict[str, Array]:
    """Errors without a coat, over places and directions; as of `errors`."""
    value, slope = bare_law(DISTANCES, cell_radius=cell_radius)
    exact = Seen(value, slope, 0.0 * value, 0.0 * slope)
    found: list[Seen] = []
    for offset in offsets:
        here, look = solve_bare(spacing, offset, cell_radius=cell_radius)
        found += here.seen(look, corrected=corrected)
    return errors(found, exact)


def main() -> None:
    """Write table and figure."""
    # Run as a script: the folder is on the path, the package of validation cases is not.
    from report import COLOURS, LAW, MARKERS, figure, save, table, write_table

    cell_radius = 0.5 * model().haematopoietic.diameter
    header = ["seen", "distance [µm]", *(f"{h:g} µm" for h in SPACINGS)]
    percent = "{:.2f} ({:.2f})".format

    def rows(by_spacing: Sequence[dict[str, Array]]) -> list[list[object]]:
        return [
            [name if n == 0 else "", d]
            + [
                percent(
                    100 * np.abs(e[name][:, n]).max(), 100 * np.sqrt((e[name][:, n] ** 2).mean())
                )
                for e in by_spacing
            ]
            for name in by_spacing[0]
            for n, d in enumerate(DISTANCES)
        ]

    drawn, (bare_axes, coated_axes, error_axes) = figure("A cell beside one migrasome", panels=3)
    line = np.concatenate([np.arange(0.0, 10.0, 0.5), np.arange(10.0, 41.0, 1.0)])

    bare = [bare_errors(h, cell_radius=cell_radius) for h in SPACINGS]
    without = [bare_errors(h, cell_radius=cell_radius, corrected=False) for h in SPACINGS]
    for n, h in enumerate(SPACINGS):
        here, look = solve_bare(h, OFFSETS[0], cell_radius=cell_radius)
        _draw(bare_axes, here, look, line, n, COLOURS, MARKERS)
        for m, d in enumerate(DISTANCES):
            for which, fill in ((bare, COLOURS[m]), (without, "none")):
                worst = 100 * np.abs(which[n]["occupancy difference"][:, m]).max()
                label = f"{d:g} µm away" if n == 0 and which is bare else None
                error_axes.plot(h, worst, MARKERS[m], color=COLOURS[m], mfc=fill, ms=6, label=label)
    bare_axes.plot(line, bare_law(line, cell_radius=cell_radius)[0], color=LAW, label="law", lw=1)
    bare_axes.set(title="no coat, 1 molecule/s", ylabel="visible concentration [nM]")

    fine, fineness = 12.0, {}
    early, late = reference(DEFAULT_RATE, fineness=fine)
    exact = [c.seen(DISTANCES, cell_radius=cell_radius) for c in (early, late)]
    for coarser in (4.0, 8.0):
        found = reference(DEFAULT_RATE, fineness=coarser)
        fineness[coarser] = max(
            float(np.abs(off).max())
            for c, right in zip(found, exact, strict=True)
            for off in errors([c.seen(DISTANCES, cell_radius=cell_radius)], right).values()
        )
    strong = [
        c.seen(DISTANCES, cell_radius=cell_radius) for c in reference(STRONG_RATE, fineness=fine)
    ]
    looks = {rate: ([], []) for rate in (DEFAULT_RATE, STRONG_RATE)}
    for n, h in enumerate(SPACINGS):
        for rate, right in ((DEFAULT_RATE, exact), (STRONG_RATE, strong)):
            seen: tuple[list[Seen], list[Seen]] = ([], [])
            for offset in OFFSETS if rate == DEFAULT_RATE else OFFSETS[:1]:
                here, *both = solve_coated(h, offset, rate, cell_radius=cell_radius)
                for found, look in zip(seen, both, strict=True):
                    found += here.seen(look)
                if rate == DEFAULT_RATE and offset == OFFSETS[0]:
                    _draw(coated_axes, here, both[0], line, n, COLOURS, MARKERS)
            for kept, found, one in zip(looks[rate], seen, right, strict=True):
                kept.append(errors(found, one))
    law = early.seen(line, cell_radius=cell_radius)
    coated_axes.plot(line, law.soluble + law.bound, color=LAW, label="reference", lw=1)
    coated_axes.set(title=f"default coat, {DEFAULT_RATE:g} molecules/s for 1 h")
    for axes in (bare_axes, coated_axes):
        axes.plot([], [], "--", color="0.4", lw=1, label="same grids without correction")
        axes.set(xlabel="distance from the migrasome [µm]", xlim=(0, None), ylim=(0, None))
        axes.legend(frameon=False, fontsize=8)
    error_axes.set(xscale="log", yscale="log", xlabel="grid spacing [µm]")
    error_axes.set(ylabel="largest error of the occupancy difference [%]", title="no coat")
    error_axes.set_xticks(SPACINGS, [f"{h:g}" for h in SPACINGS])
    error_axes.set_xticks([], minor=True)
    error_axes.axhline(2.0, color="0.7", lw=1)
    error_axes.legend(frameon=False, fontsize=8, title="filled: with correction, open: without")
    save(drawn, Path(__file__).with_suffix(".png"))

    bursts = reference_burst(fine)
    burst_rows: list[list[object]] = []
    here, found_looks = solve_burst(SPACINGS[1], OFFSETS[0], cell_radius=cell_radius)
    for time, cylinder, look in zip(BURST_TIMES, bursts, found_looks, strict=True):
        off = errors(here.seen(look), cylinder.seen(DISTANCES, cell_radius=cell_radius))
        for name in ("concentration", "occupancy difference"):
            worst = 100 * np.abs(off[name]).max(axis=0)
            burst_rows.append([time, name, *(f"{w:.2f}" for w in worst)])

    strengths: list[list[object]] = []
    for rate in (50.0, 100.0, 200.0, 500.0, 1000.0):
        one, other = (
            c.seen(DISTANCES, cell_radius=cell_radius) for c in reference(rate, fineness=6.0)
        )
        here, *both = solve_coated(SPACINGS[1], OFFSETS[0], rate, cell_radius=cell_radius)
        for when, look, right in zip(("1 h", "change"), both, (one, other), strict=True):
            off = errors(here.seen(look), right)
            index = read(right.soluble + right.bound, right.soluble_slope + right.bound_slope).index
            for n, d in enumerate(DISTANCES):
                strengths.append(
                    [rate, when, d]
                    + [f"{100 * np.abs(off[k][:, n]).max():.2f}" for k in LAST]
                    + [f"{index[n]:.3f}"]
                )

    values = [[name, *(f"{v:.4g}" for v in value)] for name, value in quantities(exact[0]).items()]
    changed = [[name, *(f"{v:.4g}" for v in value)] for name, value in quantities(exact[1]).items()]
    away = ["seen", *(f"{d:g} µm" for d in DISTANCES)]
    write_table(
        Path(__file__).with_suffix(".md"),
        "A cell beside one migrasome",
        f"""Migrasome of radius {RADIUS:g} µm, KG-1a cell of radius {cell_radius:g} µm, lowest layer
2 µm. `subgrid_field.py` has equations and references. Errors in %: the largest over places of the
migrasome within its cell of the grid and {len(DIRECTIONS)} directions, in brackets the root mean
square; columns are the grid's spacing.

## Without a coat

{BARE_WIDTH:g} µm wide box, sqrt(D / k) = {BARE_LENGTH:g} µm, steady, against the law:

"""
        + table(header, rows(bare))
        + """

The grid alone, without the sub-grid correction:

"""
        + table(header, rows(without))
        + f"""

## With the default coat

Box {WIDTH:g} x {WIDTH:g} x {HEIGHT:g} µm. The reference has {fine:g} cells for each radius of the
migrasome; with 4 and 8 it differs by at most {100 * fineness[4.0]:.2f} and
{100 * fineness[8.0]:.2f} %. Its values for {DEFAULT_RATE:g} molecules/s after 1 h:

"""
        + table(away, values)
        + """

and 10 min after a medium change at 24 h:

"""
        + table(away, changed)
        + f"""

Errors for {DEFAULT_RATE:g} molecules/s after 1 h:

"""
        + table(header, rows(looks[DEFAULT_RATE][0]))
        + """

10 min after the medium change:

"""
        + table(header, rows(looks[DEFAULT_RATE][1]))
        + f"""

For {STRONG_RATE:g} molecules/s after 1 h, one place of the migrasome:

"""
        + table(header, rows(looks[STRONG_RATE][0]))
        + """

and 10 min after the medium change:

"""
        + table(header, rows(looks[STRONG_RATE][1]))
        + f"""

## A burst

{BURST:g} molecules within {PULSE:g} s onto an empty coat, grid of {SPACINGS[1]:g} µm, largest
errors in %:

"""
        + table(["time [s]", "seen", *(f"{d:g} µm" for d in DISTANCES)], burst_rows)
        + f"""

## How strong a migrasome may be

The sub-grid correction linearises the coat about the values on the grid. Largest errors in % on the
{SPACINGS[1]:g}-µm grid, one place of the migrasome, 1 h and 10 min after a medium change at 24 h,
against the reference, whose coat fills up; the index is the reference's.""",
        ["molecules/s", "when", "distance [µm]", *LAST, "index"],
        strengths,
    )


def _draw(
    axes: Any, here: Around, look: Look, line: Array, n: int, colours: Any, markers: Any
) -> None:
    """Field that a cell sees on one grid, with the sub-grid correction and without."""
    every = line[n::4]
    shown, alone = here.seen(look, every)[0], here.seen(look, line, corrected=False)[0]
    axes.plot(every, shown.soluble + shown.bound, markers[n], color=colours[n], ms=4,
              label=f"grid of {here.grid.dx:g} µm")  # fmt: skip
    axes.plot(line, alone.soluble + alone.bound, "--", color=colours[n], lw=1,
              label="_")  # fmt: skip


if __name__ == "__main__":
    main()
