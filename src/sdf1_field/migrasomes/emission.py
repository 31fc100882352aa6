"""Secretion of each body and migrasome between two scenes, and the laws by which it changes.

A scene holds every source's rate at its own time. Between two scenes

- the sources of a placed or frozen scene stay where they are; the secretion of its migrasomes is
  constant or decays exponentially, from the rate at birth on;
- the secretion of a growing scene's sources is linear in time. Where cargo is followed, a parabola
  that is zero at both ends corrects its mean to the molecules that have left the source, so that
  their number is conserved to round-off.

Ruptures and leaks release at once; these molecules are counted apart, as bursts.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.migrasomes.cargo import FRONT, FUSED, HELD, LEAKED, REAR, RELEASED
from sdf1_field.scene import NO_BODY, Bodies, Fate, Growth, Migrasomes, Scene

Array = NDArray[np.float64]

_SERIES_BELOW = 1e-2


@dataclass(frozen=True)
class ExponentialDecay:
    """Factor ``exp(-rate (t - since))``.

    Parameters
    ----------
    rate : float
        [1/s], > 0.
    since : float
        [s].
    """

    rate: float
    since: float

    def at(self, time: float) -> float:
        """Factor at a time [s]."""
        return math.exp(-self.rate * (time - self.since))

    def mean(self, start: float, stop: float) -> float:
        """Mean factor between two times [s]."""
        return self.at(start) * _mean_exponential(self.rate * (stop - start))

    def line(self, start: float, stop: float) -> tuple[float, float]:
        """Both ends of the least-squares line between two times [s]."""
        decay = self.rate * (stop - start)
        begin, mean, tilt = self.at(start), _mean_exponential(decay), _tilt_of_exponential(decay)
        return begin * (mean - tilt), begin * (mean + tilt)

    def longest_step(self, tolerance: float) -> float:
        """Interval [s] over which the line deviates by a share of the factor at its start."""
        # The line deviates from exp(-x t) by at most about x**2 / 12 over a unit interval.
        return math.sqrt(12.0 * tolerance) / self.rate


@dataclass(frozen=True)
class LinearRamp:
    """Factor that rises linearly from 0 to 1 between two times.

    Parameters
    ----------
    since, until : float
        [s].
    """

    since: float
    until: float

    def at(self, time: float) -> float:
        """Factor at a time [s]."""
        return (time - self.since) / (self.until - self.since)

    def mean(self, start: float, stop: float) -> float:
        """Mean factor between two times [s]."""
        return 0.5 * (self.at(start) + self.at(stop))

    def line(self, start: float, stop: float) -> tuple[float, float]:
        """Factor at two times [s]."""
        return self.at(start), self.at(stop)

    def polynomial(self, start: float, stop: float) -> tuple[float, ...]:
        """Coefficients in the share of the time from start to stop that has passed."""
        low, high = self.at(start), self.at(stop)
        return low, high - low

    def longest_step(self, _: float) -> float:
        """Infinite, since the law is a line itself."""
        return math.inf


@dataclass(frozen=True)
class ParabolicCorrection:
    """Factor ``6 s (1 - s)`` of the share ``s`` of an interval that has passed; its mean is 1.

    Parameters
    ----------
    since, until : float
        [s].
    size : float
        Sum of the magnitudes of the sources' corrections, relative to all secretion between both
        times [1].
    """

    since: float
    until: float
    size: float

    def at(self, time: float) -> float:
        """Factor at a time [s]."""
        share = self._share(time)
        return 6.0 * share * (1.0 - share)

    def mean(self, start: float, stop: float) -> float:
        """Mean factor between two times [s]."""
        low, high = self._share(start), self._share(stop)
        return ((3.0 - 2.0 * high) * high**2 - (3.0 - 2.0 * low) * low**2) / (high - low)

    def line(self, start: float, stop: float) -> tuple[float, float]:
        """Both ends of the least-squares line between two times [s]."""
        low, high = self._share(start), self._share(stop)
        mean, tilt = self.mean(start, stop), 3.0 * (high - low) * (1.0 - low - high)
        return mean - tilt, mean + tilt

    def polynomial(self, start: float, stop: float) -> tuple[float, ...]:
        """Coefficients in the share of the time from start to stop that has passed."""
        low, high = self._share(start), self._share(stop)
        width = high - low
        return 6.0 * low * (1.0 - low), 6.0 * width * (1.0 - 2.0 * low), -6.0 * width**2

    def longest_step(self, tolerance: float) -> float:
        """Interval [s] over which the line deviates by a share of all secretion."""
        span = self.until - self.since
        return span * math.sqrt(tolerance / self.size) if self.size > 0.0 else math.inf

    def _share(self, time: float) -> float:
        return (time - self.since) / (self.until - self.since)


TimeLaw = ExponentialDecay | LinearRamp | ParabolicCorrection


def _mean_exponential(decay: float) -> float:
    """Mean of ``exp(-decay t)`` over 0 <= t <= 1."""
    if decay < _SERIES_BELOW:
        return 1.0 - decay / 2 + decay**2 / 6 - decay**3 / 24 + decay**4 / 120
    return -math.expm1(-decay) / decay


def _tilt_of_exponential(decay: float) -> float:
    """Half the rise of the least-squares line through ``exp(-decay t)`` over 0 <= t <= 1."""
    if decay < _SERIES_BELOW:
        return -decay / 2 + decay**2 / 4 - 3 * decay**3 / 40 + decay**4 / 60
    mean = _mean_exponential(decay)
    moment = (mean - math.exp(-decay)) / decay
    return 3.0 * (2.0 * moment - mean)


class SourceRates(NamedTuple):
    """Secretion of some sources over an interval; arrays of shape (source,) [molecules/s].

    Parameters
    ----------
    start, end : ndarray
        At both ends of the interval; if a source stops at its end, the rate just before.
    mean : ndarray
        Over the interval, without bursts.
    """

    start: Array
    end: Array
    mean: Array


@dataclass(frozen=True, eq=False)
class Emission:
    """Secretion of one ligand between two scenes.

    Parameters
    ----------
    ligand : str
    before, after : Scene
    since, until : float
        Their times [s].
    bodies, migrasomes : SourceRates
        Migrasomes are those of the later scene.
    decay : float
        Rate at which the migrasomes' secretion decays exponentially [1/s]; 0 where it does not.
    bursts : ndarray, shape (migrasome,)
        Released at once by each migrasome [molecules].
    """

    ligand: str
    before: Scene
    after: Scene
    since: float
    until: float
    bodies: SourceRates
    migrasomes: SourceRates
    decay: float
    bursts: Array

    @property
    def mean_rate(self) -> float:
        """Mean secretion of all sources together, without bursts [molecules/s]."""
        return float(self.bodies.mean.sum() + self.migrasomes.mean.sum())


def rates_now(scene: Scene, ligand: str) -> tuple[Array, Array]:
    """Secretion of a ligand by each body and by each migrasome at a scene's time.

    Returns
    -------
    bodies, migrasomes : ndarray, shape (body,), (migrasome,)
        [molecules/s]; zero for a ligand that the scene does not secrete.
    """
    bodies, m = scene.bodies, scene.migrasomes
    return (
        bodies.secretion.get(ligand, np.zeros(len(bodies.x))),
        m.secretion.get(ligand, np.zeros(len(m.x))),
    )


def _rates_since_birth(m: Migrasomes, ligand: str, time: float | Array) -> Array:
    """Secretion of each placed migrasome at a time [s], one for all or one for each [molecules/s].

    Computed from birth, so that it does not depend on the times of earlier calls.
    """
    age = np.maximum(time - m.birth, 0.0)
    rates: Array = m.secretion_at_birth[ligand] * np.exp(-m.decay[ligand] * age)
    return rates


def body_secretion(bodies: Bodies, growth: Growth) -> dict[str, Array]:
    """Secretion of each body now, by ligand [molecules/s]."""
    if growth.constant:
        return dict(bodies.secretion)
    secretion = {name: np.zeros(len(rates)) for name, rates in bodies.secretion.items()}
    for k, (name, kinetics) in enumerate(growth.cargo_kinetics.items()):
        pools = growth.pools[k, : len(bodies.x)]
        secretion[name] = kinetics["body_release"][0] * (pools[:, FRONT] + pools[:, REAR])
    return secretion


def migrasome_secretion(m: Migrasomes, growth: Growth | None, time: float) -> dict[str, Array]:
    """Secretion of each migrasome at a time [s], by ligand [molecules/s]."""
    if growth is None:
        rates = {**m.secretion, **{name: _rates_since_birth(m, name, time) for name in m.decay}}
        return {name: np.where(m.present, rate, 0.0) for name, rate in rates.items()}
    secretion = {
        name: np.where(m.present & m.loaded[name], rate, 0.0)
        for name, (rate, _) in growth.constant.items()
    }
    age = np.maximum(growth.followed - m.birth, 0.0)
    for k, (name, kinetics) in enumerate(growth.cargo_kinetics.items()):
        ripe = -np.expm1(-kinetics["maturing"][0] * age)
        ripe[m.body == NO_BODY] *= kinetics["detached_fusion"][0]
        secretion[name] = kinetics["fusion"][0] * ripe * growth.held[:, k, HELD]
    return secretion


def emission_between(
    before: Scene, after: Scene, ligand: str, since: float, until: float, *, bursts: bool = True
) -> Emission:
    """Secretion of a ligand by each body and migrasome between two scenes.

    Parameters
    ----------
    before, after : Scene
        At the times ``since`` < ``until`` [s], with no event and none of a placed scene's
        `appearance_and_rupture_times` in between.
    ligand : str
    bursts : bool
        Whether ruptures and leaks release at once. Otherwise their molecules are part of the mean
        rate, where cargo is followed.
    """
    bodies, own = rates_now(before, ligand)
    growth = after.growth
    if before.growth is None or growth is None:
        decay = float(before.migrasomes.decay.get(ligand, 0.0))
        mean = own * _mean_exponential(decay * (until - since))
        end = own * math.exp(-decay * (until - since))
        of_bodies, of_migrasomes = SourceRates(bodies, bodies, bodies), SourceRates(own, end, mean)
        at_once = _ruptured(before, after, ligand, decay)
    else:
        decay = 0.0
        bodies_end, end = rates_now(after, ligand)
        own = np.concatenate([own, np.zeros(len(end) - len(own))])
        of_bodies = SourceRates(bodies, bodies_end, 0.5 * (bodies + bodies_end))
        of_migrasomes = SourceRates(own, end, 0.5 * (own + end))
        at_once = np.zeros(len(end))
        if ligand in growth.cargo_kinetics:
            k = list(growth.cargo_kinetics).index(ligand)
            own_pools = np.s_[k, : len(bodies), RELEASED]
            left = growth.pools[own_pools] - before.growth.pools[own_pools]
            fused, at_once = (_released(before.growth, growth, k, way) for way in (FUSED, LEAKED))
            if not bursts:
                fused += at_once
            of_bodies = of_bodies._replace(mean=left / (until - since))
            of_migrasomes = of_migrasomes._replace(mean=fused / (until - since))
    if not bursts:
        at_once = np.zeros(len(end))
    return Emission(
        ligand, before, after, since, until, of_bodies, of_migrasomes, decay, at_once
    )  # fmt: skip


def _released(before: Growth, after: Growth, k: int, way: int) -> Array:
    """Molecules that each migrasome has released in one way between two states of growth."""
    amounts: Array = after.held[:, k, way].copy()
    amounts[: len(before.held)] -= before.held[:, k, way]
    return amounts


def _ruptured(before: Scene, after: Scene, ligand: str, decay: float) -> Array:
    """Content of placed migrasomes that have ruptured [molecules]: their rate over its decay."""
    m = after.migrasomes
    gone = before.migrasomes.present & ~m.present & (m.fate == Fate.RUPTURES)
    if decay == 0.0 or not gone.any():
        return np.zeros(len(m.x))
    left: Array = np.where(gone, _rates_since_birth(m, ligand, m.end) / decay, 0.0)
    return left
