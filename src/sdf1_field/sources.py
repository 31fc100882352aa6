"""Secretion of bodies and migrasomes as a flux on the floor's cells, its total exact."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.grid import Grid
from sdf1_field.scene import Scene, body_masks

Array = NDArray[np.float64]

_SERIES_BELOW = 1e-2
_SPREAD = 1.25
"""Width of a migrasome on the grid, in cells: the highest mode then holds 5e-4 of it."""


@dataclass(frozen=True, eq=False)
class Fading:
    """Secretion that decays as ``exp(-rate (t - since))``.

    Parameters
    ----------
    flux : ndarray, shape (ny, nx)
        At the time ``since`` [molecules/(um**2 s)].
    total : float
        Sum of the sources' own rates then [molecules/s].
    rate : float
        [1/s], > 0.
    since : float
        [s].
    """

    flux: Array
    total: float
    rate: float
    since: float


@dataclass(frozen=True, eq=False)
class Turning:
    """Secretion that comes in evenly between two times, as of sources that move or form.

    Parameters
    ----------
    flux : ndarray, shape (ny, nx)
        At the second time [molecules/(um**2 s)]; nothing at the first.
    total : float
        Sum of the sources' own rates then [molecules/s].
    since, until : float
        [s].
    """

    flux: Array
    total: float
    since: float
    until: float

    def share(self, time: float) -> float:
        """Share that has come in by a time [s]."""
        return (time - self.since) / (self.until - self.since)


@dataclass(frozen=True, eq=False)
class Secretion:
    """Secretion of one ligand: a constant part, parts that decay, and one that comes in.

    Parameters
    ----------
    flux : ndarray, shape (ny, nx)
        Constant part [molecules/(um**2 s)].
    total : float
        Sum of its sources' own rates, not of the grid [molecules/s].
    fading : tuple of Fading
    turning : Turning or None
    """

    flux: Array
    total: float
    fading: tuple[Fading, ...] = ()
    turning: Turning | None = None

    @property
    def changing(self) -> tuple[Array, ...]:
        """Fluxes of the parts that are not constant, in the order of `shares`."""
        coming = () if self.turning is None else (self.turning.flux,)
        return (*(part.flux for part in self.fading), *coming)

    def at(self, time: float) -> Array:
        """Flux at a time [molecules/(um**2 s)], shape (ny, nx)."""
        flux = self.flux
        for part in self.fading:
            flux = flux + math.exp(-part.rate * (time - part.since)) * part.flux
        if self.turning is not None:
            flux = flux + self.turning.share(time) * self.turning.flux
        return flux

    def line(self, start: float, stop: float) -> tuple[Array, Array]:
        """Flux at both ends of the straight line nearest to the secretion over an interval.

        Nearest in the mean square, so that the line releases as much, and as early in the mean.

        Returns
        -------
        first, last : ndarray, shape (ny, nx)
            [molecules/(um**2 s)]; the same array if nothing changes.
        """
        first, last = self.flux, self.flux
        for flux, (low, high) in zip(self.changing, self.shares(start, stop), strict=True):
            first, last = first + low * flux, last + high * flux
        return first, last

    def shares(self, start: float, stop: float) -> list[tuple[float, float]]:
        """What `line` has of each changing part's flux at its two ends."""
        ends = []
        for part in self.fading:
            mean, tilt = _line(part.rate * (stop - start))
            begin = math.exp(-part.rate * (start - part.since))
            ends.append((begin * (mean - tilt), begin * (mean + tilt)))
        if self.turning is not None:
            ends.append((self.turning.share(start), self.turning.share(stop)))
        return ends

    def released(self, start: float, stop: float) -> float:
        """Molecules set free between two times, from the sources' own rates."""
        amount = self.total * (stop - start)
        for part in self.fading:
            begin = math.exp(-part.rate * (start - part.since))
            amount += begin * part.total * -math.expm1(-part.rate * (stop - start)) / part.rate
        if self.turning is not None:
            middle = 0.5 * (self.turning.share(start) + self.turning.share(stop))
            amount += middle * self.turning.total * (stop - start)
        return amount

    def longest_step(self, tolerance: float) -> float:
        """Interval over which `line` misses the secretion by no more than a share of it [s]."""
        fastest = max((part.rate for part in self.fading), default=0.0)
        # The straight line misses exp(-x t) by at most about x**2 / 12 over a unit interval.
        return math.sqrt(12.0 * tolerance) / fastest if fastest > 0.0 else math.inf


def _line(decay: float) -> tuple[float, float]:
    """Mean of ``exp(-decay t)`` over 0 <= t <= 1, and half the rise of the nearest line."""
    if decay < _SERIES_BELOW:
        mean = 1.0 - decay / 2 + decay**2 / 6 - decay**3 / 24 + decay**4 / 120
        return mean, -decay / 2 + decay**2 / 4 - 3 * decay**3 / 40 + decay**4 / 60
    mean = -math.expm1(-decay) / decay
    moment = (mean - math.exp(-decay)) / decay
    return mean, 3.0 * (2.0 * moment - mean)


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


def turning(before: Secretion, after: Secretion, since: float, until: float) -> Secretion:
    """Secretion whose constant part goes over evenly from one to another between two times [s].

    Parts that decay are those of the first, until the second holds.
    """
    difference = Turning(after.flux - before.flux, after.total - before.total, since, until)
    return replace(before, turning=difference)


def source_width(grid: Grid) -> float:
    """Standard deviation of the Gaussian as which a migrasome secretes on the grid [um]."""
    return _SPREAD * max(grid.dx, grid.dy)


def secretion(scene: Scene, grid: Grid, ligand: str) -> Secretion:
    """Bodies secrete evenly over their footprint, migrasomes as a Gaussian around their place.

    A body too small to cover a cell's centre secretes as a point. What a Gaussian lacks of a
    migrasome's own field is added where cells sample it.

    Parameters
    ----------
    ligand : str
        Name of the ligand; one that the scene does not secrete gives zero everywhere.
    """
    amount = np.zeros((grid.ny, grid.nx))
    bodies = scene.bodies
    body_rates = bodies.secretion.get(ligand, np.zeros(len(bodies.x)))
    for n, (rows, cols, inside) in enumerate(body_masks(scene, grid)):
        covered = int(inside.sum())
        if covered:
            amount[rows, cols][inside] += body_rates[n] / covered
        else:
            amount += grid.deposit(bodies.x[n : n + 1], bodies.y[n : n + 1], body_rates[n : n + 1])
    own, decay = carriers(scene, ligand), np.zeros(0)
    if len(own):
        decay = scene.migrasomes.fading[ligand][own]
    steady = own[decay == 0.0]
    rates = _rates(scene, ligand)[steady]
    amount += _spread(scene, grid, steady, rates)
    return Secretion(
        flux=_flux(amount, grid),
        total=float(body_rates.sum()) + float(rates.sum()),
        fading=tuple(
            _fading(scene, grid, ligand, own[decay == rate], float(rate))
            for rate in np.unique(decay[decay > 0.0])
        ),
    )


def carriers(scene: Scene, ligand: str) -> NDArray[np.intp]:
    """Numbers of the migrasomes that are there and carry a ligand."""
    return np.flatnonzero(scene.migrasomes.present & (_rates(scene, ligand) > 0.0))


def mean_rates(scene: Scene, ligand: str, start: float, stop: float) -> Array:
    """Mean secretion of each migrasome over an interval [molecules/s], shape (migrasome,).

    Zero for those that are not there now.
    """
    m = scene.migrasomes
    rates = np.where(m.present, _rates(scene, ligand), 0.0)
    if ligand not in m.fading:
        return rates
    decay = m.fading[ligand]
    born = np.where(rates > 0.0, m.birth, start)
    mean: Array = rates * np.exp(-decay * (start - born))
    for rate in np.unique(decay[decay > 0.0]):
        mean[decay == rate] *= _line(float(rate) * (stop - start))[0]
    return mean


def _rates(scene: Scene, ligand: str) -> Array:
    """Each migrasome's secretion at birth [molecules/s]."""
    m = scene.migrasomes
    return m.secretion.get(ligand, np.zeros(len(m.x)))


def _fading(scene: Scene, grid: Grid, ligand: str, own: NDArray[np.intp], decay: float) -> Fading:
    """Secretion of migrasomes that decays at one rate, as of the latest birth among them."""
    born = scene.migrasomes.birth[own]
    since = float(born.max())
    rates = _rates(scene, ligand)[own] * np.exp(-decay * (since - born))
    return Fading(_flux(_spread(scene, grid, own, rates), grid), float(rates.sum()), decay, since)


def _spread(scene: Scene, grid: Grid, own: NDArray[np.intp], amounts: Array) -> Array:
    m = scene.migrasomes
    return grid.spread(m.x[own], m.y[own], amounts, source_width(grid))


def _flux(amount: Array, grid: Grid) -> Array:
    if grid.round:
        amount = _within(amount, grid)
    return amount / (grid.dx * grid.dy)


def spread_at_once(scene: Scene, grid: Grid, migrasome: int, amount: float) -> Array:
    """What a release puts into each floor cell [molecules], shape (ny, nx)."""
    own = np.array([migrasome])
    return _flux(_spread(scene, grid, own, np.array([amount])), grid) * (grid.dx * grid.dy)


def _within(amount: Array, grid: Grid) -> Array:
    """Amounts with those of cells outside a round well given to the nearest cell inside."""
    from scipy import ndimage

    nearest = ndimage.distance_transform_edt(
        ~grid.inside, sampling=(grid.dy, grid.dx), return_distances=False, return_indices=True
    )
    kept = np.zeros_like(amount)
    np.add.at(kept, tuple(nearest), amount)
    return kept
