"""Importance sampling of the unit cube for several likelihoods at once.

Points come from a mixture: the prior, even over the cube, and normal mixtures on the logit scale
around what earlier rounds found for each likelihood. A point's weight is its likelihood over the
density of the whole mixture, so that all rounds count (deterministic mixture weights), and no
weight is larger than the inverse of the prior's share.

References
----------
Owen & Zhou (2000) J. Am. Stat. Assoc. 95:135, 10.1080/01621459.2000.10473909; Cornuet et al. (2012)
Scand. J. Stat. 39:798, 10.1111/j.1467-9469.2011.00756.x.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats
from scipy.stats import qmc

Array = NDArray[np.float64]
Likelihoods = Callable[[Array], Mapping[str, Array]]
"""Likelihoods at points, shape (point, parameter), by name."""

PRIOR_SHARE = 0.25
"""Of all points, drawn from the prior."""
_COMPONENTS = 3
"""Normal distributions around what was found for one likelihood."""
_RESAMPLED = 2000
_WIDER = 1.3
"""Factor on their covariances, lest tails be missed."""
_EDGE = 1e-6
"""Distance from the cube's faces within which a point counts as this far."""


@dataclass(frozen=True, eq=False)
class Weighted:
    """Points with weights for several likelihoods.

    Parameters
    ----------
    points : ndarray, shape (point, parameter)
    prior : ndarray, shape (point,)
        Weights of the prior; their mean is 1 up to chance.
    likelihood : mapping of str to ndarray, shape (point,)
    """

    points: Array
    prior: Array
    likelihood: Mapping[str, Array]

    def weights(self, name: str) -> Array:
        """Normalised posterior weights for one likelihood; all 0 where nothing agrees."""
        own = self.prior * self.likelihood[name]
        total = own.sum()
        return own / total if total > 0.0 else own

    def evidence(self, name: str) -> tuple[float, float]:
        """Mean likelihood over the prior, and its standard error."""
        own = self.prior * self.likelihood[name]
        return float(own.mean()), float(own.std(ddof=1) / np.sqrt(len(own)))

    def effective_size(self, name: str) -> float:
        """Number of equal weights that would say as much, ``1 / sum(w^2)``."""
        own = self.weights(name)
        square = float((own**2).sum())
        return 1.0 / square if square > 0.0 else 0.0

    def resampled(self, name: str, number: int, *, seed: int) -> NDArray[np.intp]:
        """Numbers of points drawn by their weights (systematic resampling), shape (number,)."""
        places = (np.arange(number) + np.random.default_rng(seed).random()) / number
        found: NDArray[np.intp] = np.searchsorted(np.cumsum(self.weights(name)), places)
        last: NDArray[np.intp] = np.minimum(found, len(self.points) - 1)
        return last


def sample(
    likelihoods: Likelihoods,
    names: Sequence[str],
    parameters: int,
    *,
    rounds: Sequence[int],
    seed: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Weighted:
    """Weighted points of the posteriors of several likelihoods.

    Parameters
    ----------
    likelihoods : callable
    names : sequence of str
        Likelihoods around which later rounds are drawn, each to the same extent.
    parameters : int
    rounds : sequence of int
        Points of each round; the first is of the prior alone.
    seed : int
    progress : callable, optional
        Called with the number of points since the last call.
    """
    rng = np.random.default_rng(seed)
    sobol = qmc.Sobol(parameters, seed=rng)
    points = np.empty((0, parameters))
    found: dict[str, Array] = {}
    proposals: list[tuple[int, _Around]] = []
    even = 0
    for number in rounds:
        around = [
            one for one in (_around(points, found, proposals, even, name, rng) for name in names)
            if one is not None
        ] if len(points) else []  # fmt: skip
        each = int((1.0 - PRIOR_SHARE) * number / len(around)) if around else 0
        new = [sobol.random(number - each * len(around))]
        even += len(new[0])
        for one in around:
            new.append(one.draw(each, rng))
            proposals.append((each, one))
        drawn = np.concatenate(new)
        for name, values in likelihoods(drawn).items():
            found[name] = np.concatenate([found.get(name, np.empty(0)), values])
        points = np.concatenate([points, drawn])
        if progress is not None:
            progress(number)
    return Weighted(points, _prior_weights(points, proposals, even), found)


@dataclass(frozen=True, eq=False)
class _Around:
    """Normal mixture on the logit scale."""

    shares: Array
    means: Array
    covariances: Array

    def draw(self, number: int, rng: np.random.Generator) -> Array:
        which = rng.choice(len(self.shares), size=number, p=self.shares)
        factors = np.linalg.cholesky(self.covariances)
        normal = rng.standard_normal((number, self.means.shape[1]))
        logit = self.means[which] + np.einsum("nij,nj->ni", factors[which], normal)
        points: Array = np.clip(special.expit(logit), _EDGE, 1.0 - _EDGE)
        return points

    def density(self, points: Array) -> Array:
        """Over the cube's volume, shape (point,)."""
        inside = np.clip(points, _EDGE, 1.0 - _EDGE)
        logit = special.logit(inside)
        logs = [
            np.log(share) + stats.multivariate_normal.logpdf(logit, mean, covariance)
            for share, mean, covariance in zip(
                self.shares, self.means, self.covariances, strict=True
            )
        ]
        scale = (np.log(inside) + np.log1p(-inside)).sum(axis=1)
        return np.asarray(np.exp(special.logsumexp(logs, axis=0) - scale))


def _prior_weights(points: Array, proposals: Sequence[tuple[int, _Around]], even: int) -> Array:
    """Inverse of the mixture's density at each point."""
    density = np.full(len(points), even / len(points))
    for number, one in proposals:
        density += number / len(points) * one.density(points)
    weights: Array = 1.0 / density
    return weights


def _around(
    points: Array,
    found: Mapping[str, Array],
    proposals: Sequence[tuple[int, _Around]],
    even: int,
    name: str,
    rng: np.random.Generator,
) -> _Around | None:
    """Mixture around a posterior as found so far; None where too few points agree."""
    from sklearn.mixture import GaussianMixture

    so_far = Weighted(points, _prior_weights(points, proposals, even), found)
    power = _tempering(so_far, name, points.shape[1])
    if power is None:
        return None
    tempered = Weighted(points, so_far.prior, {name: found[name] ** power})
    drawn = points[tempered.resampled(name, _RESAMPLED, seed=int(rng.integers(2**31)))]
    logit = special.logit(np.clip(drawn, 1e-3, 1.0 - 1e-3))
    mixture: Any = GaussianMixture(
        _COMPONENTS, reg_covar=0.02, random_state=int(rng.integers(2**31))
    ).fit(logit)
    return _Around(mixture.weights_, mixture.means_, _WIDER * mixture.covariances_)


def _tempering(so_far: Weighted, name: str, parameters: int) -> float | None:
    """Power of a likelihood at which enough points count to fit a mixture."""
    for power in (1.0, 0.6, 0.3, 0.1):
        tempered = Weighted(so_far.points, so_far.prior, {name: so_far.likelihood[name] ** power})
        if tempered.effective_size(name) >= 4 * parameters:
            return power
    return 0.1 if np.count_nonzero(so_far.likelihood[name]) >= parameters else None
