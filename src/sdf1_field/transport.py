"""The equations of a ligand in the dish, the law of the floor, and the mass audit.

    dc/dt = D lap(c) - k c                              in the medium
    -D dc/dz = s - j - u                                on the floor
    db/dt = j - k_b b,  j = k_on c (B - b) - k_off b    on the coat
    u = U c / (c + K_u)                                 into cells

The ``c`` of the floor is that at z = 0. From the mean of the lowest layer it differs by half that
layer's resistance, ``c = c_layer + h / (2 D) (s - j - u)``.

A solver reduces the medium to what the floor feels of it: over a step, or in steady state, each
cosine mode of the floor obeys ``Y (c - free) = s - j - u`` with an admittance ``Y`` and the value
``free`` that the floor would take by itself. `solve_floor` couples that with coat and cells.
"""

import functools
import math
from dataclasses import dataclass, replace

import numba
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.errors import RunError
from sdf1_field.grid import Grid
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

_NEWTON_LIMIT = 50
_KRYLOV_LIMIT = 300
_KRYLOV_TOLERANCE = 1e-3
_KRYLOV_SHARE = 0.3
"""Share of Newton's tolerance at which conjugate gradients have done enough."""
_UNIFORM_SLOPE = 1e-3
"""Relative spread of the coat's slope below which its mean is as good as Newton's matrix."""


@dataclass(frozen=True, eq=False)
class Coat:
    """Langmuir coat on the floor.

    Parameters
    ----------
    sites : float or ndarray, shape (ny, nx)
        ``B`` [molecules/um**2]; an array where the coat is patterned.
    association_rate : float
        ``k_on`` [1/(nM s)].
    dissociation_rate, loss_rate : float
        ``k_off`` and ``k_b`` [1/s].
    """

    sites: float | Array
    association_rate: float
    dissociation_rate: float
    loss_rate: float

    @functools.cached_property
    def binds(self) -> bool:
        """Whether anything can bind anywhere."""
        return self.association_rate > 0.0 and bool(np.any(np.asarray(self.sites) > 0.0))

    @property
    def loses(self) -> bool:
        """Whether what is bound is lost."""
        return self.binds and self.loss_rate > 0.0


@dataclass(frozen=True, eq=False)
class Uptake:
    """Uptake by cells on the floor, ``u = U c / (c + K_u)``.

    Parameters
    ----------
    capacity : ndarray, shape (ny, nx)
        ``U`` [molecules/(um**2 s)].
    half_saturation : float
        ``K_u`` [nM], > 0.
    """

    capacity: Array
    half_saturation: float

    def flux(self, concentration: Array) -> tuple[Array, Array]:
        """Flux into cells [nM um/s] and its slope [um/s]; below zero along the tangent."""
        capacity = self.capacity / MOLECULES_PER_UM3_PER_NM
        positive = np.maximum(concentration, 0.0)
        room = positive + self.half_saturation
        slope: Array = capacity * self.half_saturation / room**2
        flux: Array = capacity * positive / room + slope * (concentration - positive)
        return flux, slope


@dataclass(frozen=True, eq=False)
class Transport:
    """The equation of one ligand as a value.

    Parameters
    ----------
    diffusivity : float
        ``D`` [um**2/s].
    loss_rate : float
        ``k`` [1/s].
    coat : Coat or None
        None where nothing binds.
    bath : float or None
        Concentration held at the top [nM]; None for a closed top.
    mixed : float or None
        Height of well-mixed medium above the grid [um], which has one concentration; None
        without. Its own top is closed.
    """

    diffusivity: float
    loss_rate: float
    coat: Coat | None = None
    bath: float | None = None
    mixed: float | None = None

    def require_steady_state(self, uptake: Uptake | None = None) -> None:
        """Raise unless something is lost somewhere.

        Raises
        ------
        RunError
            If every wall is closed and nothing is lost.
        """
        lost = self.loss_rate > 0 or (self.coat is not None and self.coat.loses)
        lost = lost or (uptake is not None and bool((uptake.capacity > 0.0).any()))
        if self.bath is None and not lost:
            raise RunError(
                "no steady state, since every wall is closed and nothing is lost. "
                "Set loss_rate, open the top, or ask for a transient."
            )


def steady_admittance(grid: Grid, transport: Transport, lateral: Array) -> Array:
    """Flux over concentration of the lowest layer in steady state, of all modes but the mean.

    Summed from the top down, ``Y_i = L dz_i + 1 / (1 / r_i + 1 / Y_{i+1})``. A bath and mixed
    medium alike hold at zero what varies over the floor.

    Parameters
    ----------
    grid : Grid
    transport : Transport
    lateral : ndarray, shape (ny, nx)
        ``L = D q**2 + loss`` of each mode [1/s].

    Returns
    -------
    ndarray, shape (ny, nx)
        [um/s].
    """
    h, conductance = grid.thickness, transport.diffusivity / np.diff(grid.z)
    fixed = transport.bath is not None or transport.mixed is not None
    value: Array = lateral * h[-1] + (2.0 * transport.diffusivity / h[-1] if fixed else 0.0)
    return _down_the_ladder(value, lateral, h, conductance)


def mean_admittance(grid: Grid, transport: Transport) -> float:
    """The same of the floor's mean, which feels bath and mixed medium [um/s]."""
    h, conductance = grid.thickness, transport.diffusivity / np.diff(grid.z)
    to_top = 2.0 * transport.diffusivity / float(h[-1])
    above = 0.0
    if transport.bath is not None:
        above = to_top
    elif transport.mixed is not None:
        lost = transport.loss_rate * transport.mixed
        above = lost * to_top / (lost + to_top)
    lateral = np.full((1, 1), transport.loss_rate)
    return float(_down_the_ladder(lateral * h[-1] + above, lateral, h, conductance)[0, 0])


def _down_the_ladder(value: Array, lateral: Array, h: Array, conductance: Array) -> Array:
    for i in range(len(h) - 2, -1, -1):
        value = lateral * h[i] + value * conductance[i] / (conductance[i] + value)
    return value


@dataclass(frozen=True)
class Ledger:
    """What has come and gone since the start [molecules], and the lowest floor value seen [nM]."""

    secreted: float = 0.0
    added: float = 0.0
    degraded: float = 0.0
    through_top: float = 0.0
    removed: float = 0.0
    taken_up: float = 0.0
    minimum: float = 0.0

    def book(self, **amounts: float) -> "Ledger":
        """Ledger with amounts [molecules] added to the named entries."""
        return replace(self, **{key: getattr(self, key) + value for key, value in amounts.items()})

    def imbalance(self, in_medium: float, bound: float) -> float:
        """What is missing from the books, relative to all that came in.

        Parameters
        ----------
        in_medium, bound : float
            Held now [molecules].

        Returns
        -------
        float
            (secreted + added - in medium - bound - degraded - through the top - removed
            - taken up) / (secreted + added + any net inflow through the top); 0 if nothing
            came in.
        """
        came = self.secreted + self.added + max(-self.through_top, 0.0)
        gone = self.degraded + self.through_top + self.removed + self.taken_up
        missing = self.secreted + self.added - gone - in_medium - bound
        return missing / came if came > 0 else 0.0


def forward(values: Array) -> Array:
    """Orthonormal type-II cosine transform of a floor array, shape (ny, nx)."""
    return np.asarray(scipy.fft.dctn(values, type=2, norm="ortho"))


def inverse(modes: Array) -> Array:
    """Inverse of `forward`."""
    return np.asarray(scipy.fft.idctn(modes, type=2, norm="ortho"))


@dataclass(frozen=True, eq=False)
class FloorValue:
    """Floor concentration [nM], shape (ny, nx), in space and as cosine modes."""

    concentration: Array
    modes: Array


@dataclass(frozen=True, eq=False)
class FloorLaw:
    """Flux out of the medium at each place of the floor, as a function of the concentration there.

    The coat's part is ``k_on (S - b) c - k_off b`` over ``base + taking c``, in molar units, the
    cells' ``U c / (c + K_u)``. Both rise and bend downwards; below zero both go on along their
    tangent, so that no Newton step reaches a pole.

    Parameters
    ----------
    sites, bound : ndarray, shape (ny, nx), or (1, 1) if the same everywhere
        ``S`` and ``b`` [molecules/um**2].
    association_rate, dissociation_rate : float
        [1/(nM s)], [1/s].
    base, taking : float
        [1], [1/nM].
    capacity : ndarray, shape (ny, nx), or (1, 1) without cells
        ``U`` [molecules/(um**2 s)].
    half_saturation : float
        ``K_u`` [nM].
    """

    sites: Array
    bound: Array
    association_rate: float
    dissociation_rate: float
    base: float
    taking: float
    capacity: Array
    half_saturation: float

    def evaluate(self, concentration: Array, flux: Array, slope: Array) -> tuple[float, float]:
        """Flux [nM um/s] and slope [um/s] into the arrays given; the slope's extremes returned."""
        _flux_and_slope(concentration, *self._places(), self._numbers(), flux, slope)
        return float(slope.min()), float(slope.max())

    def along(
        self, concentration: Array, flux: Array, moved: Array, middle: float
    ) -> tuple[Array, Array, Array]:
        """Concentration after a move, flux along a straight line there, and what it misses.

        Parameters
        ----------
        concentration, flux, moved : ndarray, shape (ny, nx)
            Before the move [nM], [nM um/s], and the move [nM].
        middle : float
            The line's slope [um/s].
        """
        after, line = concentration + moved, flux + middle * moved
        bend, slope = np.empty_like(flux), np.empty_like(flux)
        _flux_and_slope(after, *self._places(), self._numbers(), bend, slope)
        bend -= line
        return after, line, bend

    def _places(self) -> tuple[Array, Array, Array]:
        return self.sites, self.bound, self.capacity

    def _numbers(self) -> tuple[float, float, float, float, float]:
        return (
            self.association_rate / MOLECULES_PER_UM3_PER_NM,
            self.dissociation_rate / MOLECULES_PER_UM3_PER_NM,
            self.base,
            self.taking,
            self.half_saturation,
        )

    def into_cells(self, concentration: Array) -> Array:
        """The cells' part of the flux [nM um/s]."""
        if self.capacity.size == 1:
            return np.zeros_like(concentration)
        return Uptake(self.capacity, self.half_saturation).flux(concentration)[0]


def law_over_step(coat: Coat | None, uptake: Uptake | None, bound: Array, step: float) -> FloorLaw:
    """Implicit law over a step at whose end flux and concentration are taken.

    The coat's amount at the end, ``b' = (b + step j) / (1 + step k_b)``, is eliminated from
    ``j = k_on c (B - b') - k_off b'``.

    Parameters
    ----------
    coat : Coat or None
    uptake : Uptake or None
    bound : ndarray, shape (ny, nx)
        At the beginning of the step [molecules/um**2].
    step : float
        [s].
    """
    if coat is None:
        return FloorLaw(_NOTHING, _NOTHING, 0.0, 0.0, 1.0, 0.0, *_uptake_terms(uptake))
    kept = 1.0 + step * coat.loss_rate
    return FloorLaw(
        np.atleast_2d(np.asarray(coat.sites, dtype=float)) * kept,
        bound,
        coat.association_rate,
        coat.dissociation_rate,
        kept + step * coat.dissociation_rate,
        step * coat.association_rate,
        *_uptake_terms(uptake),
    )


def law_in_steady_state(coat: Coat | None, uptake: Uptake | None) -> FloorLaw:
    """Law in steady state, where the coat takes up what it loses, ``j = k_b b``."""
    if coat is None or not coat.loses:
        return FloorLaw(_NOTHING, _NOTHING, 0.0, 0.0, 1.0, 0.0, *_uptake_terms(uptake))
    return FloorLaw(
        np.atleast_2d(np.asarray(coat.sites, dtype=float)) * coat.loss_rate,
        _NOTHING,
        coat.association_rate,
        0.0,
        coat.dissociation_rate + coat.loss_rate,
        coat.association_rate,
        *_uptake_terms(uptake),
    )


_NOTHING = np.zeros((1, 1))


def _uptake_terms(uptake: Uptake | None) -> tuple[Array, float]:
    return (_NOTHING, 1.0) if uptake is None else (uptake.capacity, uptake.half_saturation)


@kernel(parallel=True)
def _flux_and_slope(
    c: Array,
    sites: Array,
    bound: Array,
    capacity: Array,
    numbers: tuple[float, float, float, float, float],
    flux: Array,
    slope: Array,
) -> None:
    """Flux and slope everywhere; see `FloorLaw`."""
    association, dissociation, base, taking, half_saturation = numbers
    ny, nx = c.shape
    patterned, filled, cells = sites.size > 1, bound.size > 1, capacity.size > 1
    for p in numba.prange(ny):
        for q in range(nx):
            positive = max(c[p, q], 0.0)
            b = bound[p, q] if filled else bound[0, 0]
            room = association * ((sites[p, q] if patterned else sites[0, 0]) - b)
            reciprocal = 1.0 / (base + taking * positive)
            f = (room * positive - dissociation * b) * reciprocal
            d = (room - taking * f) * reciprocal
            if cells:
                reciprocal = 1.0 / (positive + half_saturation)
                taken = capacity[p, q] / MOLECULES_PER_UM3_PER_NM * reciprocal
                f += taken * positive
                d += taken * half_saturation * reciprocal
            flux[p, q] = f + d * (c[p, q] - positive)
            slope[p, q] = d


@kernel()
def column_sums(rows: Array) -> tuple[float, float]:
    """Sums of two columns, from the first row to the last."""
    first, second = 0.0, 0.0
    for p in range(rows.shape[0]):
        first += rows[p, 0]
        second += rows[p, 1]
    return first, second


def bound_after(coat: Coat, bound: Array, flux: Array, step: float) -> Array:
    """Coat-bound ligand [molecules/um**2] after a step under the flux [nM um/s] of its end."""
    kept = 1.0 / (1.0 + step * coat.loss_rate)
    after: Array = flux * (step * MOLECULES_PER_UM3_PER_NM * kept)
    after += bound if kept == 1.0 else bound * kept
    return after


def bound_in_steady_state(coat: Coat, concentration: Array) -> Array:
    """Coat-bound ligand [molecules/um**2] in steady state with a concentration [nM]."""
    taking = coat.association_rate * concentration
    bound: Array = coat.sites * taking / (taking + coat.dissociation_rate + coat.loss_rate)
    return bound


@dataclass(frozen=True, eq=False)
class FloorSolution(FloorValue):
    """Floor value with the flux out of the medium [nM um/s] that goes with it."""

    flux: Array
    flux_modes: Array


def solve_floor(
    admittance: Array,
    free: Array,
    source: Array,
    law: FloorLaw,
    guess: FloorValue,
    *,
    tolerance: float,
    absolute_tolerance: float,
) -> FloorSolution:
    """Floor concentration that satisfies ``Y (c - free) + law(c) = source``.

    Newton's method in the cosine basis. The middle of the law's slopes is treated exactly for
    every mode; what is left is handled by conjugate gradients, and skipped where the slope is as
    good as uniform. Converged when what the residual would still move under the middle slope, in
    the mean and in the deviation from the mean, is each below the tolerance; where the slope is
    uneven the error may be several times that.

    Parameters
    ----------
    admittance : ndarray, shape (ny, nx)
        ``Y`` of each mode [um/s], >= 0.
    free, source : ndarray, shape (ny, nx)
        Modes of the value without flux [nM] and of the secretion [nM um/s].
    law : FloorLaw
    guess : FloorValue
        Where to start.
    tolerance : float
        Relative.
    absolute_tolerance : float
        [nM].

    Raises
    ------
    RunError
        If the iteration does not converge.
    """
    concentration, modes = guess.concentration, guess.modes
    # An orthonormal transform multiplies a constant by the root of the number of cells.
    root = math.sqrt(modes.size)
    absolute = absolute_tolerance * root
    residual, correction = np.empty_like(modes), np.empty_like(modes)
    flux, slope = np.empty_like(modes), np.empty_like(modes)
    rows = np.empty((modes.shape[0], 2))
    low, high = law.evaluate(concentration, flux, slope)
    flux_modes = forward(flux)
    for turn in range(_NEWTON_LIMIT + 1):
        middle = 0.5 * (low + high)
        _residual(admittance, free, source, flux_modes, modes, middle, residual, correction, rows)
        moves, size = column_sums(rows)
        if not math.isfinite(moves):
            break
        mean_limit = tolerance * abs(float(modes[0, 0])) + absolute
        deviation_limit = tolerance * math.sqrt(size) + absolute
        # The guess is never taken as it is: its flux may belong to another time.
        if turn > 0 and abs(correction[0, 0]) <= mean_limit and moves <= deviation_limit**2:
            return FloorSolution(concentration, modes, flux, flux_modes)
        uniform = high - low <= _UNIFORM_SLOPE * (low + high)
        if not uniform:
            correction = _conjugate_gradients(
                admittance, slope, residual, correction, middle,
                enough=_KRYLOV_SHARE * min(mean_limit, deviation_limit),
            )  # fmt: skip
        moved = inverse(correction)
        if uniform:
            # Where the law is as good as straight the line's own flux is known in both spaces.
            after, line, bend = law.along(concentration, flux, moved, middle)
            mean_left = abs(float(bend.sum())) / root / (float(admittance[0, 0]) + low)
            if (
                mean_left <= mean_limit
                and float(np.vdot(bend, bend)) <= (deviation_limit * low) ** 2
            ):
                return FloorSolution(
                    after, modes + correction, line, flux_modes + middle * correction
                )
        modes = modes + correction
        concentration = concentration + moved
        low, high = law.evaluate(concentration, flux, slope)
        flux_modes = forward(flux)
    raise RunError(
        f"the floor's coupling with coat and cells did not converge in {_NEWTON_LIMIT} "
        "iterations. Lower numerics.first_step and numerics.coupling_step, or "
        "coat.association_rate."
    )


@kernel(parallel=True)
def _residual(
    admittance: Array,
    free: Array,
    source: Array,
    flux_modes: Array,
    modes: Array,
    middle: float,
    residual: Array,
    correction: Array,
    rows: Array,
) -> None:
    """Residual, what it moves under the middle slope, and by row the squares of that and the modes.

    The (0, 0) mode, the mean, is left out of the squares.
    """
    ny, nx = modes.shape
    for p in numba.prange(ny):
        moves, size = 0.0, 0.0
        for q in range(nx):
            y, value = admittance[p, q], modes[p, q]
            left = source[p, q] - flux_modes[p, q] - y * (value - free[p, q])
            move = left / (y + middle)
            residual[p, q] = left
            correction[p, q] = move
            moves += move * move
            size += value * value
        if p == 0:
            moves -= correction[0, 0] ** 2
            size -= modes[0, 0] ** 2
        rows[p, 0] = moves
        rows[p, 1] = size


def _conjugate_gradients(
    admittance: Array,
    slope: Array,
    residual: Array,
    first: Array,
    middle: float,
    *,
    enough: float,
) -> Array:
    """Solve ``(Y + slope) correction = residual``, preconditioned with the middle slope.

    Parameters
    ----------
    first : ndarray, shape (ny, nx)
        ``residual / (Y + middle)``.
    enough : float
        What the rest may still move, under the middle slope.
    """
    direction = first.copy()
    preconditioned = direction
    correction, rest = np.zeros_like(residual), residual.copy()
    product = float(np.vdot(rest, direction))
    goal = _KRYLOV_TOLERANCE**2 * product
    preconditioner = 1.0 / (admittance + middle)
    for _ in range(_KRYLOV_LIMIT):
        if product <= goal or float(np.vdot(preconditioned, preconditioned)) <= enough**2:
            return correction
        image = admittance * direction + forward(slope * inverse(direction))
        length = product / float(np.vdot(direction, image))
        correction += length * direction
        rest -= length * image
        preconditioned = preconditioner * rest
        previous, product = product, float(np.vdot(rest, preconditioned))
        direction *= product / previous
        direction += preconditioned
    raise RunError(
        f"the floor's linear solve did not converge in {_KRYLOV_LIMIT} iterations. "
        "Lower numerics.coupling_step or make the coat more even."
    )
