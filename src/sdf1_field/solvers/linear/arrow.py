"""Medium and unsaturated coat as one linear system per wavenumber.

Far from full, a coat binds ``j = kappa c - k_off b`` with ``kappa = k_on B`` (``b`` and ``B`` over
the molecules in 1 nM um**3). With ``R`` the resistance of half the lowest layer and
``beta = sqrt(k_off / kappa) b`` the amplitudes ``y = (a_1, ..., a_n, beta)`` of a cosine mode of
the floor obey

    dy/dt = -A y + g s,         c = g . y + r s,        r = R / (1 + kappa R)
    g = (w, R e) / (1 + kappa R),                       e = sqrt(kappa k_off)

        [ diag(rate + lambda) + kappa w w^T / (1 + kappa R)    -e w / (1 + kappa R)            ]
    A = [                                                                                      ]
        [ -e w^T / (1 + kappa R)                               k_off / (1 + kappa R) + k_b     ]

with the secretion s and ``lambda = D q**2 + loss``, the only number that differs between modes. A
is symmetric, and the same vector g takes the secretion and reads the floor. Its eigenvalues and
eigenvectors are computed at values of lambda and interpolated in its logarithm.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.solvers import Unresolved
from sdf1_field.solvers.cosine.columns import Columns
from sdf1_field.transport import Coat, Transport
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

_INTERPOLATION_ERROR = 1e-9
"""Of eigenvectors and of the logarithm of eigenvalues."""
_FEWEST_NODES, _MOST_NODES = 200, 12800
_SMALLEST_RATE = 1e-300
"""Below it an eigenvalue has no logarithm [1/s]."""
_NARROWEST = 1.01
"""Ratio of the largest to the smallest lambda of a table, at least, on grids of a cell or two."""
_MIDDLE = (-0.0625, 0.5625, 0.5625, -0.0625)
"""Weights of four equidistant nodes at their middle."""


@dataclass(frozen=True, eq=False)
class Eigenmodes:
    """Eigenvalues and eigenvectors at values of lambda that are equidistant in its logarithm.

    Parameters
    ----------
    first : float
        Logarithm of the first lambda, that in 1/s.
    per_node : float
        Nodes per unit of the logarithm.
    rates, log_rates : ndarray, shape (node, n)
        Eigenvalues [1/s], rising, and their logarithms.
    gains : ndarray, shape (node, n)
        ``u . g``: secretion to amplitude, and amplitude to concentration at z = 0 [um**-1/2].
    layer_gains : ndarray, shape (node, n)
        ``u . (w, 0)``: from ligand added to the lowest layer to amplitude [um**-1/2].
    vectors : ndarray, shape (node, n, n)
        ``u``, eigenvectors as columns; rows are the components of ``y``, the last that of the coat.
    """

    first: float
    per_node: float
    rates: Array
    log_rates: Array
    gains: Array
    layer_gains: Array
    vectors: Array

    @functools.cached_property
    def coat(self) -> Array:
        """Last rows of the eigenvectors, shape (node, n)."""
        return np.ascontiguousarray(self.vectors[:, -1, :])


@dataclass(frozen=True, eq=False)
class MeanEigenmodes:
    """Eigenmodes of the floor's mean; its column has all layers and the mixed medium above them.

    Parameters
    ----------
    rates, gains, layer_gains, forcing : ndarray, shape (layer + 1,)
        As of `Eigenmodes`; ``forcing`` is the inflow from a bath per second.
    vectors : ndarray, shape (layer + 1, layer + 1)
    """

    rates: Array
    gains: Array
    layer_gains: Array
    forcing: Array
    vectors: Array


@dataclass(frozen=True, eq=False)
class Arrow:
    """Linear systems of medium and coat of one ligand.

    Parameters
    ----------
    columns : Columns
    coat : Coat
        With the same number of sites everywhere.
    capture : float
        ``kappa`` [um/s].
    modes : Eigenmodes
    index : ndarray of int32, shape (ny, nx)
        First of the four nodes around the lambda of each cosine mode.
    share : ndarray, shape (ny, nx)
        Its place between the second and the third node.
    mean : MeanEigenmodes
    """

    columns: Columns
    coat: Coat
    capture: float
    modes: Eigenmodes
    index: NDArray[np.int32]
    share: Array
    mean: MeanEigenmodes

    @property
    def transport(self) -> Transport:
        """The equation."""
        return self.columns.transport

    @property
    def to_bound(self) -> float:
        """Molecules per um**2 on the coat for an amplitude ``beta`` of 1."""
        return MOLECULES_PER_UM3_PER_NM * math.sqrt(self.capture / self.coat.dissociation_rate)

    @property
    def weakening(self) -> float:
        """``1 + kappa R``: factor by which binding lowers the response at z = 0 to secretion."""
        return 1.0 + self.capture * self.columns.half_layer


def arrow(columns: Columns) -> Arrow:
    """Eigenmodes of medium and coat, once for an equation.

    Parameters
    ----------
    columns : Columns
        With an even coat from which ligand dissociates: only then is the system symmetric.
    """
    coat, mean = columns.coat, columns.mean
    assert coat is not None
    capture = coat.association_rate * float(coat.sites) / MOLECULES_PER_UM3_PER_NM
    lateral = columns.lateral.copy()
    others = lateral.ravel()[1:]
    lateral[0, 0] = least = float(others.min())
    system = _system(columns, columns.rates, columns.floor_weights, coat, capture)
    numbers = (array.tobytes() for array in (*system, columns.floor_weights))
    modes = _eigenmodes(*numbers, least, float(others.max()))
    where = (np.log(lateral) - modes.first) * modes.per_node
    second = np.clip(where.astype(np.int32), 1, len(modes.rates) - 3)
    _, weights = _system(columns, mean.rates, mean.floor_weights, coat, capture)
    rates, vectors = _mean_eigenmodes(columns, coat, capture)
    return Arrow(
        columns=columns,
        coat=coat,
        capture=capture,
        modes=modes,
        index=second - np.int32(1),
        share=where - second,
        mean=MeanEigenmodes(
            rates=rates,
            gains=weights @ vectors,
            layer_gains=mean.floor_weights @ vectors[:-1],
            forcing=mean.forcing @ vectors[:-1],
            vectors=vectors,
        ),
    )


def _mean_eigenmodes(columns: Columns, coat: Coat, capture: float) -> tuple[Array, Array]:
    """Eigenvalues [1/s], shape (layer + 1,), and eigenvectors of the mean's ``A``.

    ``A = B^T B``, a row of B for each way to exchange or to be lost. The squares of its singular
    values keep the digits of slow rates beside fast ones, on which the mass audit depends.
    """
    mean, shared = columns.mean, 1.0 + capture * columns.half_layer
    count = len(mean.rates)
    rows = np.zeros((count + 2, count + 1))
    rows[:count, :count] = np.diag(np.sqrt(mean.rates + columns.transport.loss_rate))
    rows[count, :count] = math.sqrt(capture / shared) * mean.floor_weights
    rows[count, count] = -math.sqrt(coat.dissociation_rate / shared)
    rows[count + 1, count] = math.sqrt(coat.loss_rate)
    _, singular, vectors = np.linalg.svd(rows, full_matrices=False)
    return singular[::-1] ** 2, np.ascontiguousarray(vectors[::-1].T)


def _system(
    columns: Columns, rates: Array, weights: Array, coat: Coat, capture: float
) -> tuple[Array, Array]:
    """``A`` at lambda = 0, shape (n, n), and ``g``, shape (n,)."""
    resistance, count = columns.half_layer, len(rates)
    shared = 1.0 + capture * resistance
    exchange = math.sqrt(capture * coat.dissociation_rate)
    matrix = np.empty((count + 1, count + 1))
    matrix[:count, :count] = np.diag(rates) + capture / shared * np.outer(weights, weights)
    matrix[:count, count] = matrix[count, :count] = -exchange / shared * weights
    matrix[count, count] = coat.dissociation_rate / shared + coat.loss_rate
    return matrix, np.append(weights, resistance * exchange) / shared


@functools.lru_cache(maxsize=4)
def _eigenmodes(
    matrix_bytes: bytes, weight_bytes: bytes, floor_bytes: bytes, least: float, most: float
) -> Eigenmodes:
    """Eigenmodes at as many values of lambda as their interpolation needs.

    Dishes of an ensemble have the same, so they are kept by the values of ``A``, ``g`` and ``w``.
    """
    weights, floor_weights = np.frombuffer(weight_bytes), np.frombuffer(floor_bytes)
    matrix = np.frombuffer(matrix_bytes).reshape(len(weights), -1)
    low, high = math.log(least), math.log(max(most, _NARROWEST * least))
    count = _FEWEST_NODES
    while True:
        # One node beyond either end, so that every lambda lies between the middle two of four.
        spacing = (high - low) / (count - 3)
        places = low + spacing * (np.arange(count) - 1)
        rates, vectors = _decomposed(matrix, np.exp(places))
        between = _decomposed(matrix, np.exp(places[1:-2] + 0.5 * spacing))
        misses = (
            np.abs(_at_middles(known) - wanted).max()
            for known, wanted in (
                (_logarithm(rates), _logarithm(between[0])),
                (vectors, between[1]),
            )
        )
        if max(misses) <= _INTERPOLATION_ERROR:
            break
        count *= 2
        if count > _MOST_NODES:
            raise Unresolved("eigenvalues that nearly meet change too fast to be interpolated.")
    return Eigenmodes(
        first=float(places[0]),
        per_node=1.0 / spacing,
        rates=rates,
        log_rates=_logarithm(rates),
        gains=np.ascontiguousarray(weights @ vectors),
        layer_gains=np.ascontiguousarray(floor_weights @ vectors[:, :-1, :]),
        vectors=vectors,
    )


def _decomposed(matrix: Array, lateral: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors at values of lambda, the coat's part of each positive."""
    own = np.arange(len(matrix) - 1)
    matrices = np.repeat(matrix[None], len(lateral), axis=0)
    matrices[:, own, own] += lateral[:, None]
    rates, vectors = np.linalg.eigh(matrices)
    # No part of an eigenvector of an arrow matrix is zero: with its sign fixed it is continuous.
    vectors *= np.where(vectors[:, -1:, :] < 0.0, -1.0, 1.0)
    return np.maximum(rates, 0.0), vectors


def _logarithm(rates: Array) -> Array:
    result: Array = np.log(np.maximum(rates, _SMALLEST_RATE))
    return result


def _at_middles(known: Array) -> Array:
    """Values between the second and the third of each four nodes."""
    count = len(known) - 3
    middles = np.zeros_like(known[:count])
    for k, weight in enumerate(_MIDDLE):
        middles += weight * known[k : k + count]
    return middles


def on_grid(arrow_: Arrow, tables: Array) -> Array:
    """Functions of lambda at every cosine mode; 0 at the mean.

    Parameters
    ----------
    tables : ndarray, shape (function, node)

    Returns
    -------
    ndarray, shape (function, ny, nx)
    """
    values = np.empty((len(tables), *arrow_.index.shape))
    _interpolate(tables, arrow_.index, arrow_.share, values)
    values[:, 0, 0] = 0.0
    return values


@kernel()
def _interpolate(tables: Array, index: NDArray[np.int32], share: Array, values: Array) -> None:
    """Cubic interpolation of tables in the logarithm of lambda, at every cosine mode.

    Parameters
    ----------
    tables : ndarray, shape (function, node)
    index, share : ndarray, shape (ny, nx)
        As of `Arrow`.
    values : ndarray, shape (function, ny, nx)
        Overwritten.
    """
    for p in range(index.shape[0]):
        for q in range(index.shape[1]):
            k = index[p, q]
            weights = lagrange(share[p, q])
            for m in range(tables.shape[0]):
                values[m, p, q] = interpolated(tables[m], k, weights)


@kernel(inline=True)
def lagrange(t: float) -> tuple[float, float, float, float]:
    """Weights of four equidistant nodes at a share ``t`` from the second to the third."""
    u, v, w = t + 1.0, t - 1.0, t - 2.0
    return -t * v * w / 6.0, u * v * w / 2.0, -u * t * w / 2.0, u * t * v / 6.0


@kernel(inline=True)
def interpolated(table: Array, first: int, weights: tuple[float, float, float, float]) -> float:
    """Cubic interpolation of a table, shape (node,), from four nodes and their `lagrange` weights.

    Its additions keep their order, on which the bits of a run depend.
    """
    a, b, c, d = weights
    value: float = (
        a * table[first] + b * table[first + 1] + c * table[first + 2] + d * table[first + 3]
    )
    return value
