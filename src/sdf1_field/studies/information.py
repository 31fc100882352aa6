r"""Expected information of an experiment about laws and parameters, by nested Monte Carlo.

A law gives a readout a distribution: its draws' expected values, and around each the noise of an
experiment. Outcomes y are simulated from every draw of every law l, and each is judged by an
analyst who knows the laws by their *other* draws alone:

.. math::

    I_\mathrm{law} = \mathrm{E} \log_2 \frac{q(l \mid y)}{p(l)}, \qquad
    I_\mathrm{parameters} = \mathrm{E} \log_2 \frac{p(y \mid \theta)}{q(y \mid l)}

The first is a lower bound of the information about the law for an analyst whose q does not depend
on the outcome's draw; the second is an upper bound of that about the parameters of a known law.
q(y | l) is a multivariate t, the prediction of normal values whose covariance is learnt from few
draws and shrunken to that of all laws (normal-inverse-Wishart), with the experiment's noise added
to its scale.

References
----------
Barber & Agakov (2003) NIPS 16, The IM algorithm; Rainforth et al. (2024) Stat. Sci. 39:100 (review
of Bayesian experimental design).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from sdf1_field.random import Stream, generator
from sdf1_field.statistics import RESAMPLES, percentile_interval, resamples

Array = NDArray[np.float64]

OUTCOMES = 200
"""Simulated outcomes of each draw."""
_LEAST_NOISE = 1e-9
"""Of a variance, over the mean of all."""
_LEAST = 1e-300
"""Probability that still has a logarithm."""


@dataclass(frozen=True, eq=False)
class Expected:
    """What laws say of a readout before it is measured.

    Parameters
    ----------
    means : tuple of ndarray, shape (draw, number)
        For each law, the expected values of its draws.
    weights : tuple of ndarray, shape (draw,)
        For each law, those of its draws; they sum to 1.
    noise : tuple of ndarray, shape (number, number)
        For each law, the covariance of a whole experiment.
    one_dish : tuple of ndarray, shape (number, number)
        For each law, that of one dish of each condition.
    """

    means: tuple[Array, ...]
    weights: tuple[Array, ...]
    noise: tuple[Array, ...]
    one_dish: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Judged:
    """Simulated outcomes, judged.

    Parameters
    ----------
    logs : tuple of ndarray, shape (draw, outcome, law)
        For each law's outcomes, the logarithm of the density that each law predicts, by its other
        draws where it is the outcome's own.
    given : tuple of ndarray, shape (draw, outcome)
        The same by the draw itself.
    weights : tuple of ndarray, shape (draw,)
        Of each law's draws.
    """

    logs: tuple[Array, ...]
    given: tuple[Array, ...]
    weights: tuple[Array, ...]

    def posterior(self, prior: Array) -> tuple[Array, ...]:
        """For each law's outcomes, the probability of every law, shape (draw, outcome, law)."""
        return tuple(probabilities(logs, prior) for logs in self.logs)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, by a bootstrap over the draws that outcomes are of."""

    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Gain:
    """Information that an experiment is expected to give [bits].

    Parameters
    ----------
    law, parameters : Estimate
        About which law holds, and about its parameters.
    posterior : Estimate
        Expected probability of the law that holds, afterwards [1].
    """

    law: Estimate
    parameters: Estimate
    posterior: Estimate


def probabilities(logs: Array, prior: Array) -> Array:
    """Posterior of laws from log densities, shape (..., law)."""
    joint = logs + np.log(prior)
    result: Array = np.exp(joint - logsumexp(joint, axis=-1, keepdims=True))
    return result


def without_noise(means: Array, weights: Array, noise: Array) -> Array:
    """Draws' values moved to their mean, so far that their spread is that without a noise.

    Parameters
    ----------
    means : ndarray, shape (draw, number)
        With the noise of a replay.
    weights : ndarray, shape (draw,)
    noise : ndarray, shape (number, number)
        Its covariance.
    """
    centre = weights @ means
    squares, free = _squares(means, weights)
    values, vectors = np.linalg.eigh(squares / max(free, 1e-300))
    own = np.einsum("ji,jk,ki->i", vectors, noise, vectors)
    left = np.sqrt(np.clip(1.0 - own / np.maximum(values, 1e-300), 0.0, 1.0))
    result: Array = centre + (means - centre) @ vectors * left @ vectors.T
    return result


def judge(expected: Expected, *, outcomes: int = OUTCOMES, entity: int = 0) -> Judged:
    """Simulate outcomes of all draws, and the density that each law predicts for them.

    Parameters
    ----------
    expected : Expected
    outcomes : int
        Of each draw.
    entity : int
        Of the random numbers: experiments of different dishes need different ones.
    """
    laws = range(len(expected.means))
    logs, given = [], []
    for law in laws:
        means, noise = expected.means[law], expected.noise[law]
        rng = generator(law, Stream.POOL, entity)
        normal = rng.standard_normal((len(means), outcomes, means.shape[1]))
        off = normal @ np.linalg.cholesky(noise).T
        y = means[:, None] + off
        own = np.empty((len(means), outcomes, len(laws)))
        for other in laws:
            if other != law:
                own[:, :, other] = predicted(expected, other, y)
                continue
            for n in range(len(means)):
                own[n, :, law] = predicted(without(expected, law, n), law, y[n])
        logs.append(own)
        given.append(_log_normal(off, noise))
    return Judged(tuple(logs), tuple(given), expected.weights)


def without(expected: Expected, law: int, draw: int) -> Expected:
    """Expected values without one draw of a law."""
    means, weights = list(expected.means), list(expected.weights)
    means[law] = np.delete(means[law], draw, axis=0)
    left = np.delete(weights[law], draw)
    weights[law] = left / left.sum()
    return replace(expected, means=tuple(means), weights=tuple(weights))


def predicted(expected: Expected, law: int, y: Array) -> Array:
    """Logarithm of the density that a law predicts for outcomes, shape (..., number)."""
    means, weights = expected.means[law], expected.weights[law]
    size = means.shape[1]
    squares, free = _squares(means, weights)
    # The covariance within all laws counts as much as size + 2 draws.
    prior = size + 2
    spread = (prior * _pooled(expected) + squares) / (prior + free)
    scale = (1.0 + 1.0 / (free + 1.0)) * spread + expected.noise[law]
    return _log_t(y - weights @ means, scale, prior + free + 1.0 - size)


def outcome_logs(expected: Expected, y: Array) -> Array:
    """Logarithm of the density that each law predicts for outcomes (..., number): (..., law)."""
    laws = range(len(expected.means))
    return np.stack([predicted(expected, law, y) for law in laws], axis=-1)


def _pooled(expected: Expected) -> Array:
    """Covariance of draws within laws."""
    parts = [_squares(*one) for one in zip(expected.means, expected.weights, strict=True)]
    free = sum(one for _, one in parts)
    result: Array = np.sum([squares for squares, _ in parts], axis=0) / max(free, 1e-300)
    return result


def _squares(means: Array, weights: Array) -> tuple[Array, float]:
    """Sum of squares about the mean, and degrees of freedom: the effective number less one."""
    off = means - weights @ means
    many = 1.0 / float((weights**2).sum())
    return many * (weights[:, None] * off).T @ off, many - 1.0


def _log_normal(off: Array, covariance: Array) -> Array:
    size = off.shape[-1]
    square, log_root = _whitened(off, covariance)
    result: Array = -0.5 * square - log_root - 0.5 * size * math.log(2.0 * math.pi)
    return result


def _log_t(off: Array, scale: Array, freedom: float) -> Array:
    size = off.shape[-1]
    square, log_root = _whitened(off, scale)
    top = gammaln(0.5 * (freedom + size)) - gammaln(0.5 * freedom)
    result: Array = (
        top
        - log_root
        - 0.5 * size * math.log(freedom * math.pi)
        - 0.5 * (freedom + size) * np.log1p(square / freedom)
    )
    return result


def _whitened(off: Array, covariance: Array) -> tuple[Array, float]:
    """Squared length by a covariance, and half of the logarithm of its determinant."""
    root = np.linalg.cholesky(covariance)
    flat = np.linalg.solve(root, off.reshape(-1, off.shape[-1]).T)
    square: Array = (flat**2).sum(axis=0).reshape(off.shape[:-1])
    return square, float(np.log(np.diag(root)).sum())


def regular(covariance: Array) -> Array:
    """A covariance without eigenvalues below 0, and with some noise in every direction."""
    values, vectors = np.linalg.eigh(covariance)
    least = _LEAST_NOISE * max(float(np.trace(covariance)) / len(covariance), 1e-300)
    result: Array = (vectors * np.maximum(values, least)) @ vectors.T
    return result


def gain(judged: Judged, prior: Array) -> Gain:
    """Information of outcomes, with intervals.

    Parameters
    ----------
    judged : Judged
    prior : ndarray, shape (law,)
        Above 0.
    """
    after = [p[:, :, n] for n, p in enumerate(judged.posterior(prior))]
    laws = [np.log2(np.maximum(p, _LEAST) / prior[n]).mean(axis=1) for n, p in enumerate(after)]
    own = [
        (given - logs[:, :, n]).mean(axis=1) / math.log(2)
        for n, (given, logs) in enumerate(zip(judged.given, judged.logs, strict=True))
    ]
    truth = [p.mean(axis=1) for p in after]
    return Gain(*(_estimate(one, judged.weights, prior) for one in (laws, own, truth)))


def _estimate(parts: Sequence[Array], weights: Sequence[Array], prior: Array) -> Estimate:
    """Mean over draws of each law, then over laws; draws are resampled within laws."""
    value = sum(p * (w @ part) for p, w, part in zip(prior, weights, parts, strict=True))
    means = np.zeros(RESAMPLES)
    picks = resamples(*(len(part) for part in parts))
    for p, w, part, pick in zip(prior, weights, parts, picks, strict=True):
        means += p * (w[pick] * part[pick]).sum(axis=1) / w[pick].sum(axis=1)
    low, high = percentile_interval(means)
    return Estimate(float(value), (float(low), float(high)))


def separation(judged: Judged) -> Array:
    """Expected probability of the true one of two laws that were equally probable, (law, law).

    A half if nothing tells them apart, and 1 if all does; 1 on the diagonal.
    """
    laws = len(judged.logs)
    found = np.eye(laws)
    for one in range(laws):
        for other in range(one):
            chances = []
            for true, false in ((one, other), (other, one)):
                odds = judged.logs[true][:, :, false] - judged.logs[true][:, :, true]
                right = (1.0 / (1.0 + np.exp(np.minimum(odds, 700.0)))).mean(axis=1)
                chances.append(float(judged.weights[true] @ right))
            found[one, other] = found[other, one] = float(np.mean(chances))
    return found


def effects(expected: Expected) -> Array:
    """Difference of laws' means in standard deviations of one dish, shape (law, law, number)."""
    centres = np.array([w @ m for w, m in zip(expected.weights, expected.means, strict=True)])
    spread = np.sqrt(np.mean([np.diag(one) for one in expected.one_dish], axis=0))
    result: Array = (centres[:, None] - centres[None]) / spread
    return result
