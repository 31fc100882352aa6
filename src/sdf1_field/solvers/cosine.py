"""The medium as one column per cosine mode of the floor.

With mirror walls the finite-volume operator is diagonal in the type-II cosine basis in x and y,
and every mode's column has the same eigenvectors in z: with ``A = V diag(rate) V^T`` for the
layers, the amplitude of eigenvector m in mode k obeys

    da/dt = -(rate_m + D q_k^2 + loss) a + w_m flux_k,      layer_k = sum_m w_m a_mk,

and at z = 0 the concentration is that of the lowest layer plus half its resistance times the flux.
Only the floor is read and only the floor is fed, so few combinations of the layers do the work of
all: `_poles` projects ``A`` on as many as a tolerance asks for. The floor's mean alone keeps every
layer, and what is above the grid; doses, bath and audit are therefore exact.

Without coat and uptake the flux is known and the exponential solution exact. With them, medium and
coat together take steps of the two-stage, stiffly accurate, L-stable diagonally implicit
Runge-Kutta method of second order (gamma = 1 - 1/sqrt(2)); each stage is one `solve_floor`.

References
----------
Alexander (1977) SIAM J. Numer. Anal. 14:1006, 10.1137/0714068.
Druskin & Simoncini (2011) Syst. Control Lett. 60:546, 10.1016/j.sysconle.2011.04.013, for the
choice of the projection's shifts.
"""

import functools
import math
from dataclasses import dataclass, replace

import numba
import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.errors import RunError
from sdf1_field.grid import Grid
from sdf1_field.sources import Secretion
from sdf1_field.spec import Numerics
from sdf1_field.transport import (
    Coat,
    FloorLaw,
    FloorSolution,
    FloorValue,
    Ledger,
    Transport,
    Uptake,
    bound_after,
    bound_in_steady_state,
    forward,
    inverse,
    law_in_steady_state,
    law_over_step,
    mean_admittance,
    solve_floor,
    steady_admittance,
)
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

ORDER = 2
"""Declared order in the step, with coat or uptake; without them a step is exact."""

_GAMMA = 1.0 - math.sqrt(0.5)
_KAPPA = (1.0 - _GAMMA) / _GAMMA
"""The second stage starts from ``(1 - kappa) y + kappa y_1``."""
_SAFETY, _SHRINK, _GROW, _KEEP = 0.9, 0.2, 2.0, 1.3
_SMALLEST_STEP = 1e-9
_ROUND_OFF = 1e-9
"""Share of a step by which the time left may miss a whole number of steps."""
_FIRST_ORDER = 1.6
"""Tolerance of a step's difference from its first-order result, in units of the run's.

Both go with the square of the step; the error a run makes is a fiftieth to six tenths of it.
"""
_NEWTON_SHARE = 1e-2
"""Tolerance of the floor's iteration as a share of the step's."""
_POLE_SHARE = 0.1
"""Tolerance of the projection on few poles as a share of the step's."""
_INSTANT = 0.1
"""Weight of the miss of an instantaneous flux, which the floor forgets."""
_FILLING = 1.0
"""Time within which what a coat gains is small, whatever share of what it holds [s]."""
_STEADY_TOLERANCE = 1e-12
"""Of the floor's iteration in steady state, where nothing else limits the accuracy."""
_SERIES_BELOW = 1e-2
_SLOW = 1e-3
"""Share of the slowest exchange below which a column is as good as level."""
_SAME = 1e-10
"""Share of a direction below which the basis already holds it, as far as digits go."""
_SHIFTS = 120
"""Candidates for the projection's shifts, from the slowest rate to the fastest."""


@dataclass(frozen=True)
class Tolerances:
    """When a step is good enough.

    Parameters
    ----------
    relative : float
        Error of a run, relative to the mean and by itself to the deviation from the mean.
    absolute : float
        [nM], and as molecules/um**2 on the coat.
    first_step : float
        Step to begin with after a start or an event [s].
    """

    relative: float = 5e-3
    absolute: float = 1e-9
    first_step: float = 5e-3

    @property
    def first_order(self) -> float:
        """What a step may differ from its first-order result."""
        return _FIRST_ORDER * self.relative


def tolerances_of(numerics: Numerics) -> Tolerances:
    """Tolerances that a model asks for."""
    return Tolerances(
        relative=numerics.tolerance,
        absolute=numerics.absolute_tolerance,
        first_step=numerics.first_step,
    )


@dataclass(frozen=True, eq=False)
class MeanColumn:
    """Layers that hold the floor's mean, and the mixed medium above them as one more.

    Parameters
    ----------
    rates : ndarray, shape (n,)
        Eigenvalues of the exchange [1/s], rising, the first exactly 0 under a closed top.
    floor_weights, top_weights : ndarray, shape (n,)
        Amplitude to the concentration of the lowest and of the topmost layer [um**-1/2].
    content : ndarray, shape (n,)
        Amplitude to the integral over height [um**1/2].
    vectors : ndarray, shape (n, n)
        Eigenvectors as columns.
    thickness : ndarray, shape (n,)
        [um].
    top_conductance : float
        Between the topmost layer's centre and a bath [um/s]; 0 under a closed top.
    forcing : ndarray, shape (n,)
        What the bath adds to the amplitudes per second.
    """

    rates: Array
    floor_weights: Array
    top_weights: Array
    content: Array
    vectors: Array
    thickness: Array
    top_conductance: float
    forcing: Array


@dataclass(frozen=True, eq=False)
class Columns:
    """Grid, equation, and how their columns exchange.

    Parameters
    ----------
    grid : Grid
    transport : Transport
    rates : ndarray, shape (pole,)
        Of the columns of every mode but the mean [1/s], rising.
    floor_weights : ndarray, shape (pole,)
        ``w`` [um**-1/2]: amplitude to the lowest layer, and floor flux to amplitude.
    vectors : ndarray, shape (nz, pole)
    lateral : ndarray, shape (ny, nx)
        ``D q**2 + loss`` of each mode [1/s].
    mean : MeanColumn
    """

    grid: Grid
    transport: Transport
    rates: Array
    floor_weights: Array
    vectors: Array
    lateral: Array
    mean: MeanColumn

    @property
    def mode_scale(self) -> float:
        """Amplitude of the (0, 0) mode of a floor that is 1 everywhere."""
        return math.sqrt(self.grid.nx * self.grid.ny)

    @property
    def cell_area(self) -> float:
        """[um**2]."""
        return self.grid.dx * self.grid.dy

    @property
    def half_layer(self) -> float:
        """Resistance between the floor and the lowest layer's mean [s/um]."""
        return 0.5 * float(self.grid.thickness[0]) / self.transport.diffusivity

    @property
    def coat(self) -> Coat | None:
        """The coat, if anything can bind to it."""
        coat = self.transport.coat
        return coat if coat is not None and coat.binds else None


@dataclass(frozen=True, eq=False)
class CosineState:
    """Everything the solver knows at a time.

    Parameters
    ----------
    time : float
        [s].
    amplitudes : ndarray, shape (ny, pole, nx)
        Of pole m in floor mode (p, q), at [p, m, q]; nothing in mode (0, 0).
    mean : ndarray, shape (n,)
        Amplitudes of the floor's mean [nM um**1/2].
    bound : ndarray, shape (ny, nx)
        On the coat [molecules/um**2].
    step : float
        Step the error control would try next [s].
    ledger : Ledger
    layer : ndarray, shape (ny, nx)
        Concentration in the lowest layer [nM].
    face : FloorValue
        At z = 0.
    """

    time: float
    amplitudes: Array
    mean: Array
    bound: Array
    step: float
    ledger: Ledger
    layer: Array
    face: FloorValue


State = CosineState


def prepare(grid: Grid, transport: Transport, tolerances: Tolerances) -> Columns:
    """Eigenvectors of the mean's layers and few poles for all others, once for an equation.

    Raises
    ------
    RunError
        If the walls are no rectangle.
    """
    if grid.round:
        raise RunError("a round well has no cosine modes. Set numerics.solver to 'fipy'.")
    lateral = transport.diffusivity * grid.laplacian_eigenvalues() + transport.loss_rate
    rates, vectors = _poles(grid, transport, lateral, tolerance=_POLE_SHARE * tolerances.relative)
    return Columns(
        grid=grid,
        transport=transport,
        rates=rates,
        floor_weights=vectors[0] / math.sqrt(grid.thickness[0]),
        vectors=vectors,
        lateral=lateral,
        mean=_mean_column(grid, transport),
    )


def _mean_column(grid: Grid, transport: Transport) -> MeanColumn:
    h, conductance = grid.thickness, transport.diffusivity / np.diff(grid.z)
    # Above the grid, or at a bath, the concentration is that of the last layer's upper face.
    to_top = 2.0 * transport.diffusivity / float(h[-1])
    if transport.mixed is not None:
        h, conductance = np.append(h, transport.mixed), np.append(conductance, to_top)
    outward = to_top if transport.bath is not None else 0.0
    rates, vectors = _eigenvectors(h, conductance, outward)
    root = np.sqrt(h)
    if outward == 0.0:
        # The constant is known exactly; round-off in its rate would create or destroy ligand.
        rates[0] = 0.0
        vectors[:, 0] = root / math.sqrt(h.sum())
    content = vectors.T @ root
    if outward == 0.0:
        content[1:] = 0.0
    top_weights = vectors[-1] / root[-1]
    return MeanColumn(
        rates=rates,
        floor_weights=vectors[0] / root[0],
        top_weights=top_weights,
        content=content,
        vectors=vectors,
        thickness=h,
        top_conductance=outward,
        forcing=top_weights * outward * (transport.bath or 0.0),
    )


def _eigenvectors(h: Array, conductance: Array, outward: float) -> tuple[Array, Array]:
    """Rates and eigenvectors of layers that exchange with each other and outwards at the top."""
    diagonal, beside = _exchange(h, conductance, outward)
    rates, vectors = scipy.linalg.eigh_tridiagonal(diagonal, beside)
    return np.maximum(rates, 0.0), vectors


def _exchange(h: Array, conductance: Array, outward: float) -> tuple[Array, Array]:
    """Diagonal and off-diagonal of the exchange, made symmetric by the root of the thickness."""
    exchange = np.zeros(len(h))
    exchange[:-1] += conductance
    exchange[1:] += conductance
    exchange[-1] += outward
    root = np.sqrt(h)
    return exchange / h, -conductance / (root[:-1] * root[1:])


def _poles(
    grid: Grid, transport: Transport, lateral: Array, *, tolerance: float
) -> tuple[Array, Array]:
    """Rates and vectors of a projected column that answers the floor like the whole one.

    Galerkin's projection on ``(A + s)^-1 e_0`` for as many shifts s as are needed, the next one
    where the response to a flux that grows with the rate s is worst. Done when that response,
    and the response in time to a constant flux and to an instantaneous one, are within the
    tolerance at all rates and times that the modes know.

    Returns
    -------
    rates, vectors : ndarray, shape (pole,) and (nz, pole)
    """
    h, conductance = grid.thickness, transport.diffusivity / np.diff(grid.z)
    closed = transport.bath is None and transport.mixed is None
    outward = 0.0 if closed else 2.0 * transport.diffusivity / float(h[-1])
    rates, vectors = _eigenvectors(h, conductance, outward)
    weights = vectors[0]
    fades = lateral.ravel()[1:]
    slowest = float(fades.min()) if len(fades) else transport.loss_rate
    slowest = max(slowest, float(rates[rates > 0.0].min(initial=np.inf)) * _SLOW, 0.0)
    if grid.nz <= 2 or not math.isfinite(slowest):
        return rates, vectors
    fastest = float(rates[-1])
    shifts = np.geomspace(slowest, fastest, _SHIFTS)
    times = 1.0 / shifts
    whole = _answers(weights, rates, slowest, shifts, times)
    basis = np.zeros((grid.nz, 0))
    start = np.zeros(grid.nz)
    start[0] = 1.0
    direction = start
    while True:
        whole_length = float(np.linalg.norm(direction))
        for _ in range(2):
            direction = direction - basis @ (basis.T @ direction)
        length = float(np.linalg.norm(direction))
        if basis.shape[1] + 1 == grid.nz or length < _SAME * whole_length:
            return rates, vectors
        basis = np.column_stack([basis, direction / length])
        seen = vectors.T @ basis
        own, turn = np.linalg.eigh(seen.T @ (rates[:, None] * seen))
        own = np.maximum(own, 0.0)
        part = basis @ turn
        misses = [
            np.abs(a / b - 1.0)
            for a, b in zip(_answers(part[0], own, slowest, shifts, times), whole, strict=True)
        ]
        by_shift, to_constant, to_instant = (float(miss.max()) for miss in misses)
        if max(by_shift, to_constant, _INSTANT * to_instant) <= tolerance:
            return own, part
        shift = float(shifts[int(misses[0].argmax())])
        direction = vectors @ (weights / (rates + shift))


def _answers(
    weights: Array, rates: Array, fading: float, shifts: Array, times: Array
) -> tuple[Array, Array, Array]:
    """Floor's response to a flux: by shift, and in time to a constant and an instant one."""
    square = weights**2
    by_shift = square @ (1.0 / (rates[:, None] + shifts))
    faded = np.exp(-(rates[:, None] + fading) * times)
    to_constant = square @ ((1.0 - faded) / (rates[:, None] + fading))
    return by_shift, to_constant, square @ faded


def start(columns: Columns, *, time: float, tolerances: Tolerances) -> CosineState:
    """Medium without ligand (but for a bath's, which is everywhere) over an empty coat."""
    grid = columns.grid
    empty = np.zeros((grid.ny, grid.nx))
    state = CosineState(
        time=time,
        amplitudes=np.zeros((grid.ny, len(columns.rates), grid.nx)),
        mean=np.zeros(len(columns.mean.rates)),
        bound=empty,
        step=tolerances.first_step,
        ledger=Ledger(),
        layer=empty,
        face=FloorValue(empty, empty),
    )
    bath = columns.transport.bath
    if bath:
        state = add(columns, state, bath, tolerances=tolerances)
        state = replace(state, ledger=replace(state.ledger, minimum=bath))
    return state


def add(
    columns: Columns, state: CosineState, concentration: float, *, tolerances: Tolerances
) -> CosineState:
    """State after ligand is mixed into the whole medium at once.

    Parameters
    ----------
    concentration : float
        What every place gains [nM].
    """
    mean = columns.mean
    modes = state.face.modes.copy()
    modes[0, 0] += concentration * columns.mode_scale
    volume = columns.grid.area * float(mean.thickness.sum())
    return replace(
        state,
        mean=state.mean + concentration * (mean.vectors.T @ np.sqrt(mean.thickness)),
        layer=state.layer + concentration,
        face=FloorValue(state.face.concentration + concentration, modes),
        step=tolerances.first_step,
        ledger=state.ledger.book(added=concentration * volume * MOLECULES_PER_UM3_PER_NM),
    )


def release(
    columns: Columns, state: CosineState, amount: Array, *, tolerances: Tolerances
) -> CosineState:
    """State after ligand is set free on the floor at once, as by ruptured migrasomes.

    Parameters
    ----------
    amount : ndarray, shape (ny, nx)
        What each floor cell's lowest layer gains [molecules]; whoever knows the sources books it.
    """
    gain = amount / (columns.cell_area * MOLECULES_PER_UM3_PER_NM)
    modes = forward(gain)
    mean = state.mean + columns.mean.floor_weights * (modes[0, 0] / columns.mode_scale)
    layer = gain / float(columns.grid.thickness[0])
    layer_modes = modes / float(columns.grid.thickness[0])
    modes[0, 0] = 0.0
    amplitudes = state.amplitudes + columns.floor_weights[None, :, None] * modes[:, None, :]
    return replace(
        state,
        amplitudes=amplitudes,
        mean=mean,
        layer=state.layer + layer,
        face=FloorValue(state.face.concentration + layer, state.face.modes + layer_modes),
        step=tolerances.first_step,
    )


def change_medium(columns: Columns, state: CosineState, *, tolerances: Tolerances) -> CosineState:
    """State after fresh medium replaces the old: dissolved ligand goes, the coat keeps its own.

    Fresh medium under a bath holds the bath's concentration.
    """
    empty = np.zeros_like(state.bound)
    fresh = replace(
        state,
        amplitudes=np.zeros_like(state.amplitudes),
        mean=np.zeros_like(state.mean),
        layer=empty,
        face=FloorValue(empty, empty),
        step=tolerances.first_step,
        ledger=state.ledger.book(removed=in_medium(columns, state)),
    )
    return add(columns, fresh, columns.transport.bath or 0.0, tolerances=tolerances)


def in_medium(columns: Columns, state: CosineState) -> float:
    """Ligand dissolved, in what is mixed above the grid too [molecules]."""
    return float(columns.mean.content @ state.mean) * columns.grid.area * MOLECULES_PER_UM3_PER_NM


def on_coat(columns: Columns, state: CosineState) -> float:
    """Ligand bound [molecules], summed in space."""
    return float(state.bound.sum()) * columns.cell_area


def floor(columns: Columns, state: CosineState) -> Array:
    """Concentration in the lowest layer [nM], shape (ny, nx)."""
    del columns
    return state.layer


def face(columns: Columns, state: CosineState) -> Array:
    """Concentration at z = 0 [nM], shape (ny, nx)."""
    del columns
    return state.face.concentration


def reservoir(columns: Columns, state: CosineState) -> float:
    """Concentration of the mixed medium above the grid [nM]; NaN without one."""
    if columns.transport.mixed is None:
        return math.nan
    return float(columns.mean.top_weights @ state.mean)


def column(columns: Columns, state: CosineState) -> Array:
    """Concentration everywhere in the grid [nM], shape (nz, ny, nx).

    Off the floor the few poles hold it less exactly than there.
    """
    grid, mean = columns.grid, columns.mean
    layers = np.einsum("im,pmq->ipq", columns.vectors, state.amplitudes)
    layers /= np.sqrt(grid.thickness)[:, None, None]
    profile = (mean.vectors @ state.mean / np.sqrt(mean.thickness))[: grid.nz]
    return np.stack([inverse(layer) for layer in layers]) + profile[:, None, None]


def advance(
    columns: Columns,
    state: CosineState,
    secretion: Secretion,
    until: float,
    *,
    uptake: Uptake | None = None,
    tolerances: Tolerances,
) -> CosineState:
    """State at a later time.

    Parameters
    ----------
    columns : Columns
    state : CosineState
    secretion : Secretion
        Within each step it is taken as the straight line nearest to it.
    until : float
        Time to land on [s].
    uptake : Uptake, optional
        By cells that stay where they are until then.
    tolerances : Tolerances

    Returns
    -------
    CosineState
        Its ledger books what was degraded, taken up, and what left through the top; what was
        secreted is booked by whoever knows the sources.

    Raises
    ------
    RunError
        If a value is no longer finite, the floor's iteration fails, or the step becomes too small.
    """
    try:
        _modes_of(columns, secretion)
    except RunError as error:
        raise RunError(f"t = {state.time:.6g} s, {error}") from None
    longest = secretion.longest_step(tolerances.relative)
    if columns.coat is None and uptake is None:
        while state.time < until:
            count = max(1, math.ceil((until - state.time) / longest - _ROUND_OFF))
            step = (until - state.time) / count
            state = _exact(columns, state, secretion, until if count == 1 else state.time + step)
        _require_finite(columns, state)
        return state
    while state.time < until:
        trying = min(state.step, longest)
        count = max(1, math.ceil((until - state.time) / trying - _ROUND_OFF))
        step = (until - state.time) / count
        if step < _SMALLEST_STEP:
            raise RunError(
                f"t = {state.time:.6g} s: the step fell below {_SMALLEST_STEP:g} s. "
                "Raise numerics.tolerance or numerics.absolute_tolerance."
            )
        try:
            trial = _coupled_step(columns, uptake, state, step, secretion, tolerances)
        except RunError as error:
            raise RunError(f"t = {state.time:.6g} s: {error}") from None
        if not trial.error <= 1.0:
            shrink = _SAFETY / math.sqrt(trial.error) if math.isfinite(trial.error) else _SHRINK
            state = replace(state, step=step * min(max(shrink, _SHRINK), _SAFETY))
            continue
        factor = _SAFETY / math.sqrt(max(trial.error, (_SAFETY / _GROW) ** 2))
        grown = step * factor if factor > _KEEP else step
        state = replace(
            trial.state,
            time=until if count == 1 else state.time + step,
            # A step cut short to land on a time says nothing against the longer one.
            step=max(grown, state.step) if count == 1 else grown,
        )
        _require_finite(columns, state)
    return state


def steady_floor(columns: Columns, flux: Array) -> Array:
    """Steady concentration of the lowest layer under constant secretion, without coat's loss.

    One forward and one inverse transform; nothing above the floor is computed.

    Parameters
    ----------
    flux : ndarray, shape (ny, nx)
        [molecules/(um**2 s)].
    """
    modes = forward(flux)
    modes *= _steady_response(columns)
    modes[0, 0] += _bath_at_floor(columns) * columns.mode_scale
    return inverse(modes)


@functools.lru_cache(maxsize=2)
def _steady_response(columns: Columns) -> Array:
    """Lowest layer's steady response to each mode's secretion [nM um**2 s]."""
    response: Array = 1.0 / (MOLECULES_PER_UM3_PER_NM * _steady_admittance(columns))
    return response


def _steady_admittance(columns: Columns) -> Array:
    """Flux over concentration of the lowest layer in steady state [um/s], shape (ny, nx)."""
    value = steady_admittance(columns.grid, columns.transport, columns.lateral)
    value[0, 0] = mean_admittance(columns.grid, columns.transport)
    return value


def _bath_at_floor(columns: Columns) -> float:
    """Steady concentration of the lowest layer that a bath alone makes [nM]."""
    mean = columns.mean
    if columns.transport.bath is None:
        return 0.0
    return float(mean.floor_weights @ (mean.forcing / (mean.rates + columns.transport.loss_rate)))


def steady(
    columns: Columns,
    flux: Array,
    *,
    time: float,
    uptake: Uptake | None = None,
    tolerances: Tolerances,
) -> CosineState:
    """Steady state under constant secretion.

    Parameters
    ----------
    columns : Columns
    flux : ndarray, shape (ny, nx)
        [molecules/(um**2 s)].
    time : float
        Time to give the state [s].
    uptake : Uptake, optional
    tolerances : Tolerances

    Raises
    ------
    RunError
        If nothing is lost anywhere, or the floor's iteration fails.
    """
    columns.transport.require_steady_state(uptake)
    mean, coat, half_layer = columns.mean, columns.coat, columns.half_layer
    admittance = _steady_admittance(columns)
    source = forward(flux / MOLECULES_PER_UM3_PER_NM)
    free = np.zeros_like(source)
    free[0, 0] = _bath_at_floor(columns) * columns.mode_scale
    if uptake is not None or (coat is not None and coat.loses):
        empty = np.zeros_like(source)
        try:
            solution = solve_floor(
                admittance / (1.0 + half_layer * admittance),
                free,
                source,
                law_in_steady_state(coat, uptake),
                FloorValue(empty, empty),
                tolerance=_STEADY_TOLERANCE,
                absolute_tolerance=_NEWTON_SHARE * tolerances.absolute,
            )
        except RunError:
            raise RunError(
                "no steady state was found. Check whether what is secreted can be lost: a coat "
                "loses no more than its sites times its loss_rate."
            ) from None
        net = source - solution.flux_modes
        modes = solution.modes - half_layer * net
    else:
        net = source
        modes = free + net / admittance
    layer, face_modes = inverse(modes), modes + half_layer * net
    value = inverse(face_modes)
    bound = np.zeros_like(source)
    if coat is not None:
        bound = bound_in_steady_state(coat, value)
    fading = columns.rates[:, None] + columns.lateral[:, None, :]
    fading[0, :, 0] = math.inf
    amplitudes = columns.floor_weights[:, None] * net[:, None, :] / fading
    forcing = mean.forcing + mean.floor_weights * (net[0, 0] / columns.mode_scale)
    lost = mean.rates + columns.transport.loss_rate
    return CosineState(
        time=time,
        amplitudes=amplitudes,
        # Where nothing is lost in the medium, its mean is what makes the floor's.
        mean=forcing / lost if lost.all() else _level(columns, forcing, lost, modes[0, 0]),
        bound=bound,
        step=tolerances.first_step,
        ledger=Ledger(),
        layer=layer,
        face=FloorValue(value, face_modes),
    )


def _level(columns: Columns, forcing: Array, lost: Array, mode: float) -> Array:
    """Mean's amplitudes whose constant part is known from the floor alone."""
    mean = columns.mean
    amplitudes = np.zeros_like(forcing)
    amplitudes[1:] = forcing[1:] / lost[1:]
    rest = mode / columns.mode_scale - float(mean.floor_weights @ amplitudes)
    amplitudes[0] = rest / mean.floor_weights[0]
    return amplitudes


@functools.lru_cache(maxsize=4)
def _modes_of(columns: Columns, secretion: Secretion) -> tuple[Array, ...]:
    """Modes of a secretion's parts, the constant one first [nM um/s]."""
    fluxes = [secretion.flux, *secretion.changing]
    with np.errstate(over="ignore", invalid="ignore"):
        modes = tuple(forward(flux / MOLECULES_PER_UM3_PER_NM) for flux in fluxes)
    for flux, mode in zip(fluxes, modes, strict=True):
        if not np.isfinite(mode).all():
            wrong = np.nan_to_num(np.abs(flux), nan=np.inf)
            raise RunError(
                f"{_place(columns, wrong == wrong.max())}: the secretion is too large or no "
                "number. Check the secretion rates."
            )
    return modes


def _line_of(
    columns: Columns, secretion: Secretion, begin: float, end: float
) -> tuple[Array, Array]:
    """Modes at both ends of the straight line nearest to a secretion; one array if constant."""
    constant, *parts = _modes_of(columns, secretion)
    if not parts:
        return constant, constant
    first, last = constant, constant
    for modes, (low, high) in zip(parts, secretion.shares(begin, end), strict=True):
        first, last = first + low * modes, last + high * modes
    return first, last


@functools.lru_cache(maxsize=2)
def _responses(columns: Columns, step: float) -> tuple[Array, Array]:
    """Response at z = 0 to a stage's unit flux, and at the second stage to the first one's."""
    length = _GAMMA * step
    response = np.empty((2, *columns.lateral.shape))
    _respond(columns.rates, columns.lateral, columns.floor_weights, length, response)
    mean = columns.mean
    decay = 1.0 / (1.0 + length * (mean.rates + columns.transport.loss_rate))
    response[0, 0, 0] = float(mean.floor_weights**2 @ decay) * length
    response[1, 0, 0] = float(mean.floor_weights**2 @ decay**2) * length
    return 1.0 / (response[0] + columns.half_layer), response[1]


@dataclass(frozen=True, eq=False)
class _Trial:
    state: CosineState
    error: float


def _coupled_step(
    columns: Columns,
    uptake: Uptake | None,
    state: CosineState,
    step: float,
    secretion: Secretion,
    tolerances: Tolerances,
) -> _Trial:
    """One step with coat or uptake and its error over the tolerance; NaN if it has no solution."""
    mean, coat, scale = columns.mean, columns.coat, columns.mode_scale
    admittance, response_to_first = _responses(columns, step)
    length = _GAMMA * step
    begin, end = _line_of(columns, secretion, state.time, state.time + step)
    source = begin + _GAMMA * (end - begin) if end is not begin else begin
    once, twice = np.empty_like(source), np.empty_like(source)
    _free(
        state.amplitudes, columns.rates, columns.lateral, columns.floor_weights, length, once, twice
    )
    decay = 1.0 / (1.0 + length * (mean.rates + columns.transport.loss_rate))
    middle = decay * (state.mean + length * mean.forcing)
    once[0, 0] = scale * float(mean.floor_weights @ middle)
    try:
        first, law = _stage(
            coat, uptake, admittance, once, source, state.bound, length, state.face, tolerances
        )
        net_first = source - first.flux_modes
        middle = middle + decay * mean.floor_weights * (length * net_first[0, 0] / scale)
        bound_first = _bound_after(coat, law, state.bound, first, length)
        free = np.empty_like(once)
        _second_free(once, twice, response_to_first, net_first, free)
        last = decay * ((1.0 - _KAPPA) * state.mean + _KAPPA * middle + length * mean.forcing)
        free[0, 0] = scale * float(mean.floor_weights @ last)
        begun = state.bound
        if coat is not None:
            begun = (1.0 - _KAPPA) * state.bound + _KAPPA * bound_first
        second, law_second = _stage(
            coat,
            uptake,
            admittance,
            free,
            end,
            begun,
            length,
            _ahead(state.face, first),
            tolerances,
        )
    except RunError:
        if step <= _SMALLEST_STEP / _SHRINK:
            raise
        return _Trial(state, math.nan)
    net_second = end - second.flux_modes
    last = last + decay * mean.floor_weights * (length * net_second[0, 0] / scale)
    bound = _bound_after(coat, law_second, begun, second, length)
    amplitudes = np.empty_like(state.amplitudes)
    _two_stages(
        state.amplitudes,
        columns.rates,
        columns.lateral,
        columns.floor_weights,
        length,
        net_first,
        net_second,
        amplitudes,
    )
    amplitudes[0, :, 0] = 0.0
    begun_flux, ended_flux = secretion.line(state.time, state.time + step)
    middle_flux = begun_flux
    if ended_flux is not begun_flux:
        middle_flux = begun_flux + _GAMMA * (ended_flux - begun_flux)
    layer_first = _layer_below(columns, first, middle_flux)
    layer = _layer_below(columns, second, ended_flux)
    ledger = _booked(columns, state.ledger, step * ((1.0 - _GAMMA) * middle + _GAMMA * last), step)
    area = columns.cell_area * MOLECULES_PER_UM3_PER_NM
    if coat is not None and coat.loss_rate > 0.0:
        held = (1.0 - _GAMMA) * float(bound_first.sum()) + _GAMMA * float(bound.sum())
        ledger = ledger.book(degraded=coat.loss_rate * step * held * columns.cell_area)
    if uptake is not None:
        into_cells = (1.0 - _GAMMA) * float(law.into_cells(first.concentration).sum())
        into_cells += _GAMMA * float(law_second.into_cells(second.concentration).sum())
        ledger = ledger.book(taken_up=step * into_cells * area)
    # Fresh medium is empty while the floor is not: errors are measured against what cells see.
    error = _error(state.layer, layer_first, layer, second.concentration, 0.0, tolerances)
    if coat is not None:
        # A coat that has just begun to fill is measured against what comes soon.
        ahead = max(_FILLING / step - 1.0, 0.0)
        error = max(error, _error(state.bound, bound_first, bound, bound, ahead, tolerances))
    moved = CosineState(
        time=state.time + step,
        amplitudes=amplitudes,
        mean=last,
        bound=bound,
        step=state.step,
        ledger=replace(ledger, minimum=min(ledger.minimum, float(layer.min()))),
        layer=layer,
        face=FloorValue(second.concentration, second.modes),
    )
    return _Trial(moved, error)


def _stage(
    coat: Coat | None,
    uptake: Uptake | None,
    admittance: Array,
    free: Array,
    source: Array,
    begun: Array,
    length: float,
    guess: FloorValue,
    tolerances: Tolerances,
) -> tuple[FloorSolution, FloorLaw]:
    """Floor at the end of a stage that began with ``begun`` bound, and the law it obeys."""
    law = law_over_step(coat, uptake, begun, length)
    solution = solve_floor(
        admittance,
        free,
        source,
        law,
        guess,
        tolerance=_NEWTON_SHARE * tolerances.relative,
        absolute_tolerance=_NEWTON_SHARE * tolerances.absolute,
    )
    return solution, law


def _layer_below(columns: Columns, solution: FloorSolution, secreted: Array) -> Array:
    """Lowest layer's concentration that goes with the one at z = 0 [nM]."""
    layer = np.empty_like(secreted)
    _half_layer_down(solution.concentration, secreted, solution.flux, columns.half_layer, layer)
    return layer


@kernel(parallel=True)
def _half_layer_down(
    face: Array, secreted: Array, flux: Array, resistance: float, layer: Array
) -> None:
    ny, nx = face.shape
    for p in numba.prange(ny):
        for q in range(nx):
            net = secreted[p, q] / MOLECULES_PER_UM3_PER_NM - flux[p, q]
            layer[p, q] = face[p, q] - resistance * net


def _ahead(begin: FloorValue, middle: FloorValue) -> FloorValue:
    """Floor at the end of a step, on the straight line through its beginning and first stage."""
    share = 1.0 / _GAMMA
    return FloorValue(
        begin.concentration + share * (middle.concentration - begin.concentration),
        begin.modes + share * (middle.modes - begin.modes),
    )


def _bound_after(
    coat: Coat | None, law: FloorLaw, begun: Array, solution: FloorSolution, length: float
) -> Array:
    """Bound at the end of a stage."""
    if coat is None:
        return begun
    flux = solution.flux
    if law.capacity.size > 1:
        flux = flux - law.into_cells(solution.concentration)
    return bound_after(coat, begun, flux, length)


def _error(
    before: Array, middle: Array, after: Array, size: Array, ahead: float, tolerances: Tolerances
) -> float:
    """Error over tolerance of the mean or of the deviation from it, whichever is larger.

    The error is the difference from the embedded first-order result ``y + step f(y_1)``; it is
    measured against ``size`` and ``ahead`` times what the step has gained.
    """
    rows = np.empty((after.shape[0], 6))
    error = float(after[0, 0] - before[0, 0] - (middle[0, 0] - before[0, 0]) / _GAMMA)
    origin = float(size[0, 0])
    _moments(before, middle, after, size, error, origin, rows)
    total = rows.sum(axis=0) / after.size
    mean_error, mean, gain = total[0] + error, total[2] + origin, total[4]
    deviation_error, deviation, spread = (
        math.sqrt(max(float(total[n + 1] - total[n] ** 2), 0.0)) for n in (0, 2, 4)
    )
    limit, later = tolerances.first_order, tolerances.relative * ahead
    return float(
        max(
            abs(mean_error) / (limit * abs(mean) + later * abs(gain) + tolerances.absolute),
            deviation_error / (limit * deviation + later * spread + tolerances.absolute),
        )
    )


@kernel(parallel=True)
def _moments(
    before: Array,
    middle: Array,
    after: Array,
    size: Array,
    origin_error: float,
    origin: float,
    rows: Array,
) -> None:
    """By row sums and squares of a step's error and of the size, less an origin, and its gain."""
    ny, nx = after.shape
    for p in numba.prange(ny):
        e1, e2, a1, a2, g1, g2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for q in range(nx):
            gain = after[p, q] - before[p, q]
            e = gain - (middle[p, q] - before[p, q]) / _GAMMA - origin_error
            a = size[p, q] - origin
            e1 += e
            e2 += e * e
            a1 += a
            a2 += a * a
            g1 += gain
            g2 += gain * gain
        rows[p, 0], rows[p, 1] = e1, e2
        rows[p, 2], rows[p, 3] = a1, a2
        rows[p, 4], rows[p, 5] = g1, g2


def _exact(columns: Columns, state: CosineState, secretion: Secretion, until: float) -> CosineState:
    """State after secretion along a straight line, without coat and uptake."""
    step = until - state.time
    mean, scale = columns.mean, columns.mode_scale
    begin, end = _line_of(columns, secretion, state.time, until)
    amplitudes, modes = np.empty_like(state.amplitudes), np.empty_like(begin)
    fading, gaining = _fadings(columns, step)
    fading_mean, phi1, phi2, phi3 = _fadings_of_mean(columns, step)
    _exponential(
        state.amplitudes,
        columns.rates,
        columns.lateral,
        fading,
        gaining,
        columns.floor_weights,
        step,
        begin,
        end,
        end is not begin,
        amplitudes,
        modes,
    )
    amplitudes[0, :, 0] = 0.0
    constant = mean.forcing + mean.floor_weights * (begin[0, 0] / scale)
    slope = mean.floor_weights * ((end[0, 0] - begin[0, 0]) / (scale * step))
    integral = phi1 * state.mean + phi2 * constant + phi3 * slope
    after = fading_mean * state.mean + phi1 * constant + phi2 * slope
    modes[0, 0] = scale * float(mean.floor_weights @ after)
    layer = inverse(modes)
    _, secreted = secretion.line(state.time, until)
    jump = columns.half_layer / MOLECULES_PER_UM3_PER_NM
    ledger = _booked(columns, state.ledger, integral, step)
    return replace(
        state,
        time=until,
        amplitudes=amplitudes,
        mean=after,
        ledger=replace(ledger, minimum=min(ledger.minimum, float(layer.min()))),
        layer=layer,
        face=FloorValue(layer + jump * secreted, modes + columns.half_layer * end),
    )


@functools.lru_cache(maxsize=2)
def _fadings(columns: Columns, step: float) -> tuple[Array, Array]:
    """What a step leaves of each mode by lateral exchange and loss, and the rest of it."""
    exponent = -columns.lateral * step
    return np.exp(exponent), -np.expm1(exponent)


@functools.lru_cache(maxsize=4)
def _fadings_of_mean(columns: Columns, step: float) -> tuple[Array, Array, Array, Array]:
    """What a step leaves of the mean's amplitudes, and its integral once, twice and three times."""
    rate = columns.mean.rates + columns.transport.loss_rate
    return np.exp(-rate * step), _phi1(rate, step), _phi2(rate, step), _phi3(rate, step)


def _booked(columns: Columns, ledger: Ledger, integral: Array, step: float) -> Ledger:
    """Ledger after a step, from the time integral of the mean's amplitudes."""
    mean, area = columns.mean, columns.grid.area * MOLECULES_PER_UM3_PER_NM
    degraded = columns.transport.loss_rate * float(mean.content @ integral)
    outflow = mean.top_conductance * (
        float(mean.top_weights @ integral) - step * (columns.transport.bath or 0.0)
    )
    return ledger.book(degraded=degraded * area, through_top=outflow * area)


def _phi1(rate: Array, step: float) -> Array:
    """Integral of ``exp(-rate t)`` over the step."""
    x = rate * step
    safe = np.where(x > 0.0, x, 1.0)
    result: Array = step * np.where(x > 0.0, -np.expm1(-safe) / safe, 1.0)
    return result


def _phi2(rate: Array, step: float) -> Array:
    """Integral over the step of `_phi1` up to each time."""
    x = rate * step
    small = np.minimum(x, _SERIES_BELOW)
    safe = np.maximum(x, _SERIES_BELOW)
    series = 0.5 - small / 6 + small**2 / 24 - small**3 / 120 + small**4 / 720 - small**5 / 5040
    result: Array = step**2 * np.where(
        x < _SERIES_BELOW, series, (1.0 + np.expm1(-safe) / safe) / safe
    )
    return result


def _phi3(rate: Array, step: float) -> Array:
    """Integral over the step of `_phi2` up to each time."""
    x = rate * step
    small = np.minimum(x, _SERIES_BELOW)
    safe = np.maximum(x, _SERIES_BELOW)
    series = 1.0 / 6 - small / 24 + small**2 / 120 - small**3 / 720 + small**4 / 5040
    result: Array = step**3 * np.where(
        x < _SERIES_BELOW, series, (0.5 - (1.0 + np.expm1(-safe) / safe) / safe) / safe
    )
    return result


def _require_finite(columns: Columns, state: CosineState) -> None:
    if math.isfinite(float(state.layer.sum()) + float(state.bound.sum())):
        return
    wrong = ~(np.isfinite(state.layer) & np.isfinite(state.bound))
    if wrong.any():
        raise RunError(
            f"t = {state.time:.6g} s, {_place(columns, wrong)}: the concentration is no longer "
            "finite. Check secretion rates and coat constants, or lower numerics.coupling_step."
        )


def _place(columns: Columns, where: NDArray[np.bool_]) -> str:
    """First place of a floor mask, for a message."""
    row, column = np.argwhere(where)[0]
    return f"x = {columns.grid.x[column]:.6g} um, y = {columns.grid.y[row]:.6g} um"


@kernel(parallel=True)
def _respond(rates: Array, lateral: Array, weights: Array, length: float, response: Array) -> None:
    """Sums over layers of ``w**2 length d`` and ``w**2 length d**2``, d = 1 / (1 + length rate)."""
    ny, nx = lateral.shape
    for p in numba.prange(ny):
        response[0, p] = 0.0
        response[1, p] = 0.0
        for m in range(rates.size):
            gain = weights[m] * weights[m] * length
            for q in range(nx):
                decay = 1.0 / (1.0 + length * (rates[m] + lateral[p, q]))
                response[0, p, q] += gain * decay
                response[1, p, q] += gain * decay * decay


@kernel(parallel=True)
def _free(
    before: Array,
    rates: Array,
    lateral: Array,
    weights: Array,
    length: float,
    once: Array,
    twice: Array,
) -> None:
    """Floor of the amplitudes damped once and twice by a stage without flux."""
    ny, nz, nx = before.shape
    for p in numba.prange(ny):
        once[p] = 0.0
        twice[p] = 0.0
        for m in range(nz):
            for q in range(nx):
                decay = 1.0 / (1.0 + length * (rates[m] + lateral[p, q]))
                a = weights[m] * decay * before[p, m, q]
                once[p, q] += a
                twice[p, q] += decay * a


@kernel(parallel=True)
def _second_free(once: Array, twice: Array, response: Array, net: Array, free: Array) -> None:
    """Floor at the end of the second stage but for its own flux."""
    for p in numba.prange(once.shape[0]):
        for q in range(once.shape[1]):
            again = twice[p, q] + response[p, q] * net[p, q]
            free[p, q] = (1.0 - _KAPPA) * once[p, q] + _KAPPA * again


@kernel(parallel=True)
def _two_stages(
    before: Array,
    rates: Array,
    lateral: Array,
    weights: Array,
    length: float,
    first: Array,
    second: Array,
    after: Array,
) -> None:
    """Amplitudes after both stages under their fluxes."""
    ny, nz, nx = before.shape
    for p in numba.prange(ny):
        for m in range(nz):
            gain = weights[m] * length
            for q in range(nx):
                decay = 1.0 / (1.0 + length * (rates[m] + lateral[p, q]))
                a = before[p, m, q]
                middle = decay * (a + gain * first[p, q])
                start = (1.0 - _KAPPA) * a + _KAPPA * middle
                after[p, m, q] = decay * (start + gain * second[p, q])


@kernel(parallel=True)
def _exponential(
    before: Array,
    rates: Array,
    lateral: Array,
    fading: Array,
    gaining: Array,
    weights: Array,
    step: float,
    begin: Array,
    end: Array,
    sloped: bool,
    after: Array,
    floor: Array,
) -> None:
    """Amplitudes after a step under a flux that is constant or sloped, and the floor they make."""
    ny, nz, nx = before.shape
    decays = np.exp(-rates * step)
    gains = -np.expm1(-rates * step)
    for p in numba.prange(ny):
        floor[p] = 0.0
        for m in range(nz):
            decay_m, gain_m, rate_m, weight = decays[m], gains[m], rates[m], weights[m]
            for q in range(nx):
                total = rate_m + lateral[p, q]
                # 1 - exp(-(a + b)) as a sum of positive terms keeps its digits.
                phi = (gain_m + decay_m * gaining[p, q]) / total if total > 0.0 else step
                a = before[p, m, q] * decay_m * fading[p, q] + weight * phi * begin[p, q]
                if sloped:
                    a += weight * _sloped(total, phi, step) * (end[p, q] - begin[p, q])
                after[p, m, q] = a
                floor[p, q] += weight * a


@kernel(inline=True)
def _sloped(total: float, phi: float, step: float) -> float:
    """Response to a flux that rises from 0 to 1 over the step, ``(step - phi) / (total step)``."""
    x = total * step
    if x < _SERIES_BELOW:
        return step * (0.5 - x / 6 + x**2 / 24 - x**3 / 120 + x**4 / 720)
    return (step - phi) / x
