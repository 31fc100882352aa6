"""The problems P1 to P3, and their exact solutions on the same finite volumes.

    dc/dt = D lap(c) - k c,    -D dc/dz = s(x, y) on the floor z = 0,    no flux elsewhere

On equal cells the finite-volume operator is diagonal in the type-II cosine basis of all three
directions, so that each mode of the solution is its source times (1 - exp(-a t)) / a, or 1 / a in
steady state: one transform of the source and one back. Concentrations are in molecules/um**3.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SEED = 20220101


@dataclass(frozen=True)
class Problem:
    """A box of equal cubes with point sources in its lowest layer, empty at the start.

    Parameters
    ----------
    nx, ny, nz : int
        Cells.
    sources : int
        Floor cells that secrete 1 molecule/s each.
    duration, every : float
        End, and interval at which the floor is asked for [s].
    spacing : float
        [um].
    diffusivity : float
        [um**2/s].
    loss_rate : float
        [1/s].
    """

    nx: int
    ny: int
    nz: int
    sources: int
    duration: float
    every: float
    spacing: float = 10.0
    diffusivity: float = 150.0
    loss_rate: float = 1e-4

    @property
    def stops(self) -> Array:
        """Times at which the floor is asked for [s]."""
        count = round(self.duration / self.every)
        times: Array = self.every * np.arange(1, count + 1)
        return times

    @property
    def cell_volume(self) -> float:
        """[um**3]."""
        return self.spacing**3

    def rates(self) -> Array:
        """What secretes in each floor cell [molecules/s], shape (ny, nx)."""
        chosen = np.random.default_rng(_SEED).choice(self.nx * self.ny, self.sources, replace=False)
        amount = np.zeros(self.nx * self.ny)
        amount[chosen] = 1.0
        return amount.reshape(self.ny, self.nx)

    def _eigenvalues(self, count: int) -> Array:
        angle = 0.5 * np.pi * np.arange(count) / count
        values: Array = self.diffusivity * (2.0 / self.spacing * np.sin(angle)) ** 2
        return values

    def _lateral(self) -> Array:
        return self._eigenvalues(self.ny)[:, None] + self._eigenvalues(self.nx) + self.loss_rate

    def _source_modes(self) -> Array:
        modes: Array = scipy.fft.dctn(self.rates() / self.cell_volume, norm="ortho")
        return modes

    def exact_floors(self) -> Array:
        """Lowest layer at every stop, shape (stop, ny, nx)."""
        lateral, source, stops = self._lateral(), self._source_modes(), self.stops
        share = scipy.fft.dct(np.eye(self.nz)[0], norm="ortho") ** 2
        floors = np.empty((len(stops), self.ny, self.nx))
        for n, time in enumerate(stops):
            response = np.zeros_like(lateral)
            for rate, weight in zip(self._eigenvalues(self.nz), share, strict=True):
                response += weight * _grown(lateral + rate, time)
            floors[n] = scipy.fft.idctn(response * source, norm="ortho")
        return floors

    def exact_field(self) -> Array:
        """Everywhere at the end, shape (nz, ny, nx)."""
        along = scipy.fft.dct(np.eye(self.nz)[0], norm="ortho")
        rates = self._lateral() + self._eigenvalues(self.nz)[:, None, None]
        modes = along[:, None, None] * self._source_modes() * _grown(rates, self.duration)
        field: Array = scipy.fft.idctn(modes, norm="ortho", overwrite_x=True)
        return field

    def exact_steady_field(self) -> Array:
        """Everywhere in steady state, shape (nz, ny, nx); computed with 64-bit mantissas."""
        extended = np.longdouble
        along = scipy.fft.dct(np.eye(self.nz, dtype=extended)[0], norm="ortho")
        source = scipy.fft.dctn(self.rates().astype(extended) / self.cell_volume, norm="ortho")
        half_pi = 2 * np.arctan(extended(1.0))

        def eigenvalues(count: int) -> NDArray[np.longdouble]:
            angle = half_pi * np.arange(count, dtype=extended) / count
            return extended(self.diffusivity) * (2 / extended(self.spacing) * np.sin(angle)) ** 2

        rates = eigenvalues(self.ny)[:, None] + eigenvalues(self.nx) + extended(self.loss_rate)
        rates = rates + eigenvalues(self.nz)[:, None, None]
        modes = along[:, None, None] * source / rates
        return np.asarray(scipy.fft.idctn(modes, norm="ortho"), dtype=float)


def _grown(rate: Array, time: float) -> Array:
    """``(1 - exp(-rate t)) / rate`` for positive rates."""
    grown: Array = -np.expm1(-rate * time) / rate
    return grown


P1 = Problem(nx=100, ny=100, nz=50, sources=400, duration=600.0, every=6.0)
"""1000 x 1000 x 500 um; transient, and as P2 its steady state."""
P3 = Problem(nx=1000, ny=1000, nz=1, sources=40_000, duration=60.0, every=60.0)
"""10 x 10 mm in one layer, as many sources per area as in P1."""
QUICK_P1 = Problem(nx=20, ny=20, nz=10, sources=16, duration=120.0, every=6.0)
QUICK_P3 = Problem(nx=50, ny=50, nz=1, sources=100, duration=60.0, every=60.0)


def transient(*, quick: bool) -> Problem:
    """P1, and by its steady state P2."""
    return QUICK_P1 if quick else P1


def flat(*, quick: bool) -> Problem:
    """P3."""
    return QUICK_P3 if quick else P3


@dataclass(frozen=True)
class CoatedProblem:
    """P1 over a coat.

    Parameters
    ----------
    sites : float
        [molecules/um**2].
    association_rate, dissociation_rate, loss_rate : float
        [1/(nM s)], [1/s], [1/s].
    strength : float
        What a source secretes [molecules/s].
    """

    sites: float
    association_rate: float
    dissociation_rate: float
    loss_rate: float
    strength: float


LINEAR_COAT = CoatedProblem(
    sites=6500.0,
    association_rate=2.16e-3,
    dissociation_rate=0.0086,
    loss_rate=1e-5,
    strength=1.0,
)
"""The default coat of SDF-1; of its sites less than 1e-3 fill."""
SATURATING_COAT = CoatedProblem(
    sites=6500.0,
    association_rate=2.16e-3,
    dissociation_rate=0.0086,
    loss_rate=1e-5,
    strength=1.65e4,
)
"""The same coat under sources so strong that half of the sites are filled after 600 s.

Only the ratios count: 0.4 sites/um**2 that bind 16500 times as fast, under the sources of P1,
are the same problem.
"""


def relative_error(values: Array, reference: Array) -> float:
    """Root mean square of the difference over that of the reference."""
    return float(np.linalg.norm(values - reference) / np.linalg.norm(reference))


def deviation(floors: Array) -> Array:
    """Floors less their means, shape (stop, ny, nx)."""
    less: Array = floors - floors.mean(axis=(1, 2), keepdims=True)
    return less


def floor_errors(floors: Array, reference: Array) -> dict[str, float]:
    """Largest relative error over the stops, and the last one's."""
    errors = [relative_error(a, b) for a, b in zip(floors, reference, strict=True)]
    return {"floor, worst stop": max(errors), "floor, end": errors[-1]}
