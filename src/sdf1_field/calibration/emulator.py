"""Gaussian processes for the logarithms of fold changes, between points that were replayed."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from sdf1_field.calibration.design import Simulated
from sdf1_field.errors import InputError

Array = NDArray[np.float64]

_SHORTEST, _LONGEST = 0.1, 30.0
"""Limits of a process's lengths, in intervals: beyond the latter a parameter has no effect."""
_LEARNING = 512
"""Points from which lengths are learned; all points are then used with these."""
_NOTHING = 1e-9
"""Size of a component, over the first, below which it is round-off."""
_TOGETHER = 4096
"""Points that are predicted at a time."""


@dataclass(frozen=True, eq=False)
class _Process:
    """Gaussian process of one number, with mean, Matérn 5/2 kernel and lengths fixed."""

    mean: float
    scale: float
    kernel: Any
    points: Array
    factor: Array
    weights: Array

    def predict(self, points: Array) -> tuple[Array, Array]:
        shared = self.kernel(points, self.points)
        rest = linalg.solve_triangular(self.factor, shared.T, lower=True, check_finite=False)
        variance = self.kernel.diag(points) - np.einsum("ij,ij->j", rest, rest)
        return (
            self.mean + self.scale * (shared @ self.weights),
            self.scale * np.sqrt(np.maximum(variance, 0.0)),
        )


@dataclass(frozen=True, eq=False)
class Emulator:
    """Emulated logarithms of fold changes.

    Fold changes of different conditions rise and fall together, since the same cells are replayed
    in the same dishes. So their principal components are emulated, whose errors are independent:
    what all conditions share has the large errors, and their ratios have small ones (Higdon et al.
    2008, J. Am. Stat. Assoc. 103:570, 10.1198/016214507000000888).

    Parameters
    ----------
    mean : ndarray, shape (read,)
    mixing : ndarray, shape (read, component)
        Reads as sums of components.
    processes : tuple
        One for each component.
    """

    mean: Array
    mixing: Array
    processes: tuple[_Process, ...]

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Means of the reads and standard errors of the components at points.

        Parameters
        ----------
        points : ndarray, shape (point, parameter)
            In the unit cube.

        Returns
        -------
        mean : ndarray, shape (point, read)
        error : ndarray, shape (point, component)
            The emulator's alone, without counting or scatter from dish to dish.
        """
        value, error = (np.empty((len(points), len(self.processes))) for _ in range(2))
        for begin in range(0, len(points), _TOGETHER):
            some = slice(begin, begin + _TOGETHER)
            for k, process in enumerate(self.processes):
                value[some, k], error[some, k] = process.predict(points[some])
        return self.mean + value @ self.mixing.T, error

    def read_error(self, error: Array) -> Array:
        """Standard error of each read, shape (point, read).

        Parameters
        ----------
        error : ndarray, shape (point, component)
            Of `predict`.
        """
        found: Array = np.sqrt(error**2 @ self.mixing.T**2)
        return found


def fit_emulator(simulated: Simulated, *, seed: int = 1) -> Emulator:
    """Emulator of replayed points, with the counting noise of each as known.

    Noise of different reads is taken as independent. The same cells are behind the control and the
    conditions of a dish, so that errors of ratios are a little overestimated, and those of sums
    underestimated.

    Parameters
    ----------
    simulated : Simulated
    seed : int
        Of the points from which lengths are learned.

    Raises
    ------
    InputError
        If scikit-learn is not installed.
    """
    rng = np.random.default_rng(seed)
    learned = np.sort(rng.permutation(len(simulated.points))[:_LEARNING])
    mean = simulated.logs.mean(axis=0)
    _, sizes, axes = np.linalg.svd(simulated.logs - mean, full_matrices=False)
    axes = axes[sizes > _NOTHING * sizes[0]] if sizes[0] > 0.0 else axes[:1]
    values, noise = (simulated.logs - mean) @ axes.T, simulated.noise @ axes.T**2
    return Emulator(
        mean,
        axes.T,
        tuple(_fit(simulated.points, values[:, k], noise[:, k], learned) for k in range(len(axes))),
    )


def _fit(points: Array, values: Array, noise: Array, learned: NDArray[np.intp]) -> _Process:
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern
    except ImportError:
        raise InputError(
            "calibrate: scikit-learn is not installed. Install sdf1-field[inference]."
        ) from None
    mean, scale = float(values.mean()), float(values.std()) or 1.0
    targets, variance = (values - mean) / scale, noise / scale**2
    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(
        np.full(points.shape[1], 1.0), (_SHORTEST, _LONGEST), nu=2.5
    )
    regression = GaussianProcessRegressor(kernel, alpha=variance[learned])
    with warnings.catch_warnings():
        # Lengths end at their limits where a parameter has no effect.
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(points[learned], targets[learned])
    fitted = regression.kernel_
    covariance = fitted(points)
    covariance[np.diag_indices_from(covariance)] += variance
    factor = linalg.cholesky(covariance, lower=True, check_finite=False)
    weights = linalg.cho_solve((factor, True), targets, check_finite=False)
    return _Process(mean, scale, fitted, points, factor, weights)


def explained(emulator: Emulator, held_out: Simulated) -> Array:
    """Share of the variance between points that an emulator explains, shape (read,).

    The held-out points' counting variance is subtracted from both, so that the result is that of
    noise-free points (R^2).
    """
    mean, _ = emulator.predict(held_out.points)
    noise = held_out.noise.mean(axis=0)
    missed = ((held_out.logs - mean) ** 2).mean(axis=0) - noise
    whole = held_out.logs.var(axis=0, ddof=1) - noise
    return np.asarray(1.0 - np.maximum(missed, 0.0) / np.maximum(whole, 1e-12))
