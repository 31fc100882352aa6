"""Secretion of bodies and migrasomes as a flux on the floor's cells, its total exact."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.grid import Grid
from sdf1_field.migrasomes import cargo_of
from sdf1_field.scene import Scene, cells_under_bodies

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
    swell : Swell or None
        What sources release beyond that.
    """

    flux: Array
    total: float
    since: float
    until: float
    swell: "Swell | None" = None

    def share(self, time: float) -> float:
        """Share of the time that has passed by a time [s]."""
        return (time - self.since) / (self.until - self.since)


@dataclass(frozen=True, eq=False)
class Swell:
    """Secretion along a parabola that is zero at both ends of an interval.

    Parameters
    ----------
    flux : ndarray, shape (ny, nx)
        Mean over the interval [molecules/(um**2 s)].
    total : float
        Sum of the sources' own means [molecules/s].
    size : float
        Sum of their sizes, relative to all secretion in the interval [1].
    """

    flux: Array
    total: float
    size: float

    @staticmethod
    def passed(share: float) -> float:
        """Share of it that is over when a share of the interval is."""
        return (3.0 - 2.0 * share) * share**2


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
        coming: tuple[Array, ...] = ()
        if self.turning is not None:
            swell = self.turning.swell
            coming = (self.turning.flux, *(() if swell is None else (swell.flux,)))
        return (*(part.flux for part in self.fading), *coming)

    def at(self, time: float) -> Array:
        """Flux at a time [molecules/(um**2 s)], shape (ny, nx)."""
        flux = self.flux
        for part in self.fading:
            flux = flux + math.exp(-part.rate * (time - part.since)) * part.flux
        if self.turning is not None:
            share = self.turning.share(time)
            flux = flux + share * self.turning.flux
            if self.turning.swell is not None:
                flux = flux + 6.0 * share * (1.0 - share) * self.turning.swell.flux
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
            low, high = self.turning.share(start), self.turning.share(stop)
            ends.append((low, high))
            if self.turning.swell is not None:
                mean = (Swell.passed(high) - Swell.passed(low)) / (high - low)
                tilt = 3.0 * (high - low) * (1.0 - low - high)
                ends.append((mean - tilt, mean + tilt))
        return ends

    def released(self, start: float, stop: float) -> float:
        """Molecules set free between two times, from the sources' own rates."""
        amount = self.total * (stop - start)
        for part in self.fading:
            begin = math.exp(-part.rate * (start - part.since))
            amount += begin * part.total * -math.expm1(-part.rate * (stop - start)) / part.rate
        if self.turning is not None:
            low, high = self.turning.share(start), self.turning.share(stop)
            amount += 0.5 * (low + high) * self.turning.total * (stop - start)
            if self.turning.swell is not None:
                share = Swell.passed(high) - Swell.passed(low)
                span = self.turning.until - self.turning.since
                amount += share * self.turning.swell.total * span
        return amount

    def longest_step(self, tolerance: float) -> float:
        """Interval over which `line` misses the secretion by no more than a share of it [s]."""
        fastest = max((part.rate for part in self.fading), default=0.0)
        # The straight line misses exp(-x t) by at most about x**2 / 12 over a unit interval, and
        # the parabola of a swell by its size.
        longest = math.sqrt(12.0 * tolerance) / fastest if fastest > 0.0 else math.inf
        if self.turning is not None and self.turning.swell is not None:
            span, size = self.turning.until - self.turning.since, self.turning.swell.size
            longest = min(longest, span * math.sqrt(tolerance / size) if size > 0.0 else math.inf)
        return longest


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


def turning(
    before: Secretion,
    after: Secretion,
    since: float,
    until: float,
    *,
    swell: Swell | None = None,
) -> Secretion:
    """Secretion whose constant part goes over evenly from one to another between two times [s].

    Parts that decay are those of the first, until the second holds.
    """
    flux, total = after.flux - before.flux, after.total - before.total
    return replace(before, turning=Turning(flux, total, since, until, swell))


def released_between(
    before: Scene, after: Scene, ligand: str, *, at_once: bool
) -> tuple[Array, Array] | None:
    """What each body and migrasome has released between two scenes, where cargo is followed.

    Parameters
    ----------
    before, after : Scene
    ligand : str
    at_once : bool
        With what was released at once.

    Returns
    -------
    bodies, migrasomes : ndarray, shape (body,), (migrasome,)
        [molecules]; migrasomes of the later scene. None if the ligand is not followed.
    """
    old, new = cargo_of(before).get(ligand), cargo_of(after).get(ligand)
    if old is None or new is None:
        return None
    amounts = new.fused.copy()
    amounts[: len(old.fused)] -= old.fused
    if at_once:
        amounts += new.leaked
        amounts[: len(old.leaked)] -= old.leaked
    return new.released - old.released, amounts


def swell_between(
    before: Scene,
    after: Scene,
    grid: Grid,
    ligand: str,
    since: float,
    until: float,
    *,
    at_once: bool,
) -> Swell | None:
    """What followed cargo releases between two times beyond a straight line from rate to rate.

    With it the whole is what has left bodies and migrasomes, to round-off.

    Parameters
    ----------
    before, after : Scene
        At the times ``since`` and ``until`` [s].
    grid : Grid
    ligand : str
    at_once : bool
        With what was released at once, which then comes evenly.

    Returns
    -------
    Swell or None
        None if the ligand is not followed.
    """
    amounts = released_between(before, after, ligand, at_once=at_once)
    if amounts is None:
        return None
    bodies, own = (amount / (until - since) for amount in amounts)
    released = float(bodies.sum() + own.sum())
    bodies = bodies - 0.5 * (before.bodies.secretion[ligand] + after.bodies.secretion[ligand])
    for scene in (before, after):
        rates = np.where(scene.migrasomes.present, _rates(scene, ligand), 0.0)
        own[: len(rates)] -= 0.5 * rates
    some = np.flatnonzero(own)
    amount = _spread(after, grid, some, own[some])
    for scene in (before, after):
        amount += _on_bodies(scene, grid, 0.5 * bodies)
    size = float(np.abs(bodies).sum() + np.abs(own).sum())
    return Swell(
        flux=_flux(amount, grid),
        total=float(bodies.sum() + own.sum()),
        size=size / released if released > 0.0 else 0.0,
    )


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
    body_rates = scene.bodies.secretion.get(ligand, np.zeros(len(scene.bodies.x)))
    amount = _on_bodies(scene, grid, body_rates)
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


def _on_bodies(scene: Scene, grid: Grid, rates: Array) -> Array:
    """Each body's rate over the floor cells under it."""
    cell, body = cells_under_bodies(scene, grid)
    covered = np.bincount(body, minlength=len(rates))
    each = rates / np.maximum(covered, 1)
    filled = np.bincount(cell, weights=each[body], minlength=grid.nx * grid.ny)
    amount = np.asarray(filled, dtype=float).reshape(grid.ny, grid.nx)
    points = np.flatnonzero(covered == 0)
    if len(points):
        amount += grid.deposit(scene.bodies.x[points], scene.bodies.y[points], rates[points])
    return amount


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
    """Each migrasome's secretion at birth, or now where cargo is followed [molecules/s]."""
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


def spread_at_once(scene: Scene, grid: Grid, own: NDArray[np.intp], amounts: Array) -> Array:
    """What some migrasomes' releases put into each floor cell [molecules], shape (ny, nx)."""
    return _flux(_spread(scene, grid, own, amounts), grid) * (grid.dx * grid.dy)


def _within(amount: Array, grid: Grid) -> Array:
    """Amounts with those of cells outside a round well given to the nearest cell inside."""
    from scipy import ndimage

    nearest = ndimage.distance_transform_edt(
        ~grid.inside, sampling=(grid.dy, grid.dx), return_distances=False, return_indices=True
    )
    kept = np.zeros_like(amount)
    np.add.at(kept, tuple(nearest), amount)
    return kept
