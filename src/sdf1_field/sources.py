"""Secretion as flux on the floor's cells, with exact totals, and the coat's binding sites there."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.grid import Grid
from sdf1_field.images import remembered_pattern
from sdf1_field.migrasomes import Emission, rates_now
from sdf1_field.migrasomes.emission import (
    ExponentialDecay,
    LinearRamp,
    ParabolicCorrection,
    TimeLaw,
)
from sdf1_field.scene import Scene, cells_under_bodies
from sdf1_field.spec import Coat

Array = NDArray[np.float64]

_SPREAD = 1.25
"""Width of a migrasome on the grid, in cells: the highest mode then holds 5e-4 of it."""


@dataclass(frozen=True, eq=False)
class ChangingPart:
    """Part of a secretion that changes with time: a flux times a factor.

    Parameters
    ----------
    flux : ndarray, shape (ny, nx)
        Where the factor is 1 [molecules/(um**2 s)].
    total : float
        Sum of the sources' own rates, not of the grid [molecules/s].
    law : TimeLaw
        The factor.
    """

    flux: Array
    total: float
    law: TimeLaw


@dataclass(frozen=True, eq=False)
class Secretion:
    """Secretion of one ligand: a constant part, and parts that change.

    Parameters
    ----------
    flux : ndarray, shape (ny, nx)
        Constant part [molecules/(um**2 s)].
    total : float
        Sum of its sources' own rates, not of the grid [molecules/s].
    changing : tuple of ChangingPart
    """

    flux: Array
    total: float
    changing: tuple[ChangingPart, ...] = ()

    def at(self, time: float) -> Array:
        """Flux at a time [molecules/(um**2 s)], shape (ny, nx)."""
        flux = self.flux
        for part in self.changing:
            flux = flux + part.law.at(time) * part.flux
        return flux

    def line(self, start: float, stop: float) -> tuple[Array, Array]:
        """Flux at both ends of the least-squares line through the secretion over an interval.

        The line releases as many molecules, and as early in the mean.

        Returns
        -------
        first, last : ndarray, shape (ny, nx)
            [molecules/(um**2 s)]; the same array if nothing changes.
        """
        first, last = self.flux, self.flux
        for part in self.changing:
            low, high = part.law.line(start, stop)
            first, last = first + low * part.flux, last + high * part.flux
        return first, last

    def released(self, start: float, stop: float) -> float:
        """Molecules released between two times, from the sources' own rates."""
        amount = self.total * (stop - start)
        for part in self.changing:
            amount += part.law.mean(start, stop) * part.total * (stop - start)
        return amount

    def longest_step(self, tolerance: float) -> float:
        """Interval over which `line` deviates by no more than a share of the secretion [s]."""
        return min((part.law.longest_step(tolerance) for part in self.changing), default=math.inf)


def constant(flux: Array, cell_area: float = 0.0) -> Secretion:
    """Secretion that stays as it is.

    Parameters
    ----------
    flux : ndarray, shape (ny, nx)
        [molecules/(um**2 s)].
    cell_area : float
        Of a floor cell [um**2], for the total.
    """
    return Secretion(flux=flux, total=float(flux.sum()) * cell_area)


def source_width(grid: Grid) -> float:
    """Standard deviation of the Gaussian that stands for a migrasome on the grid [um]."""
    return _SPREAD * max(grid.dx, grid.dy)


def secretion(scene: Scene, grid: Grid, ligand: str) -> Secretion:
    """Secretion of a scene at its time, taken as constant.

    Bodies secrete evenly over their footprint, which of a drawn one is the area of its pixels;
    migrasomes as a Gaussian around their place. A body too small to cover a cell's centre secretes
    as a point. The sub-grid correction adds the difference between a migrasome's own field and the
    Gaussian's where cells sample it.

    Parameters
    ----------
    ligand : str
        Name of the ligand; one that the scene does not secrete gives zero everywhere.
    """
    bodies, own = rates_now(scene, ligand)
    some = np.flatnonzero(own)
    amount = _on_bodies(scene, grid, bodies)
    amount += _spread(scene, grid, some, own[some])
    return Secretion(_flux(amount, grid), float(bodies.sum()) + float(own[some].sum()))


def secretion_of(emission: Emission, grid: Grid, first: Secretion, last: Secretion) -> Secretion:
    """Secretion between two scenes.

    Parameters
    ----------
    emission : Emission
    grid : Grid
    first, last : Secretion
        `secretion` of the earlier and of the later scene.

    Returns
    -------
    Secretion
        ``first`` itself if nothing changes with time.
    """
    before, after = emission.before, emission.after
    start, end, mean = emission.migrasomes
    some = np.flatnonzero(start)
    if emission.decay > 0.0 and len(some):
        rates = start[some]
        bodies = emission.bodies.start
        part = ChangingPart(
            _flux(_spread(before, grid, some, rates), grid),
            float(rates.sum()),
            ExponentialDecay(emission.decay, emission.since),
        )
        return Secretion(
            _flux(_on_bodies(before, grid, bodies), grid), float(bodies.sum()), (part,)
        )
    if before is after or before.growth is None:
        return first
    ramp = ChangingPart(
        last.flux - first.flux,
        last.total - first.total,
        LinearRamp(emission.since, emission.until),
    )
    bodies = emission.bodies.mean - 0.5 * (emission.bodies.start + emission.bodies.end)
    own = mean - 0.5 * start - 0.5 * end
    if not (bodies.any() or own.any()):
        return replace(first, changing=(ramp,))
    some = np.flatnonzero(own)
    amount = _spread(after, grid, some, own[some])
    for scene in (before, after):
        amount += _on_bodies(scene, grid, 0.5 * bodies)
    mean_rate = emission.mean_rate
    size = float(np.abs(bodies).sum() + np.abs(own).sum())
    law = ParabolicCorrection(
        emission.since, emission.until, size / mean_rate if mean_rate > 0.0 else 0.0
    )
    beyond = ChangingPart(_flux(amount, grid), float(bodies.sum() + own.sum()), law)
    return replace(first, changing=(ramp, beyond))


def _on_bodies(scene: Scene, grid: Grid, rates: Array) -> Array:
    """Rate of each floor cell [molecules/s]: a body's is spread evenly over the cells under it.

    The footprint of a drawn body is area-weighted: a cell gets the share that its part has.
    """
    if scene.drawn is not None:
        cell, body, share = scene.drawn.footprint(grid)
        drawn = np.bincount(cell, rates[body] * share, minlength=grid.ny * grid.nx)
        return drawn.astype(float, copy=False).reshape(grid.ny, grid.nx)
    cell, body = cells_under_bodies(scene, grid)
    covered = np.bincount(body, minlength=len(rates))
    amount = np.zeros((grid.ny, grid.nx))
    _fill(amount.reshape(-1), cell, body, rates / np.maximum(covered, 1))
    points = np.flatnonzero(covered == 0)
    if len(points):
        amount += grid.deposit(scene.bodies.x[points], scene.bodies.y[points], rates[points])
    return amount


@kernel()
def _fill(amount: Array, cells: NDArray[np.intp], bodies: NDArray[np.intp], rates: Array) -> None:
    """Add a body's rate to each cell under it; all cells and their bodies have shape (covered,)."""
    for n in range(cells.size):
        amount[cells[n]] += rates[bodies[n]]


def _spread(scene: Scene, grid: Grid, own: NDArray[np.intp], amounts: Array) -> Array:
    m = scene.migrasomes
    return grid.spread(m.x[own], m.y[own], amounts, source_width(grid))


def _flux(amount: Array, grid: Grid) -> Array:
    if grid.round:
        amount = _within(amount, grid)
    amount /= grid.dx * grid.dy
    return amount


def spread_at_once(scene: Scene, grid: Grid, own: NDArray[np.intp], amounts: Array) -> Array:
    """Molecules that bursts of some migrasomes add to each floor cell, shape (ny, nx)."""
    return _flux(_spread(scene, grid, own, amounts), grid) * (grid.dx * grid.dy)


def _within(amount: Array, grid: Grid) -> Array:
    """Amounts inside a round well: those of cells outside are moved to the nearest cell inside."""
    from scipy import ndimage

    nearest = ndimage.distance_transform_edt(
        ~grid.inside, sampling=(grid.dy, grid.dx), return_distances=False, return_indices=True
    )
    kept = np.zeros_like(amount)
    np.add.at(kept, tuple(nearest), amount)
    return kept


def binding_sites(coat: Coat, scene: Scene, grid: Grid) -> float | Array:
    """Sites per area of a coat [molecules/um**2]: its pattern, less the sites under bodies.

    Parameters
    ----------
    coat : Coat
    scene : Scene
        Its bodies cover the sites under them, cell by cell of the grid; drawn ones by the share of
        a cell's area that is under them.
    grid : Grid

    Returns
    -------
    float, or ndarray of shape (ny, nx) where the coat is uneven

    Raises
    ------
    InputError
        If the file of a pattern cannot be read.
    """
    if not coat.uneven:
        return coat.sites
    share = np.ones((grid.ny, grid.nx))
    if coat.pattern == "stripes":
        share *= _stripes(grid.nx, grid.width, coat.stripe_width)[None, :]
    elif coat.pattern != "even":
        share *= remembered_pattern(Path(coat.pattern)).share(grid.ny, grid.nx)
    if coat.under_bodies < 1.0:
        if scene.drawn is not None:
            return (
                coat.sites * share * (1.0 - (1.0 - coat.under_bodies) * scene.drawn.covered(grid))
            )
        cell, _ = cells_under_bodies(scene, grid)
        np.multiply.at(share.reshape(-1), cell, coat.under_bodies)
    return coat.sites * share


def _stripes(count: int, extent: float, width: float) -> Array:
    """Coated share of each cell across stripes of one width, coated and bare in turn."""
    edges = np.linspace(0.0, extent, count + 1)
    whole, rest = np.divmod(edges, 2.0 * width)
    coated = whole * width + np.minimum(rest, width)
    shares: Array = np.diff(coated) / np.diff(edges)
    return shares
