"""The medium as one column per cosine mode of the floor.

With mirror walls the finite-volume operator is diagonal in the type-II cosine basis in x and y,
and every mode's column has the same eigenvectors in z: with ``A = V diag(rate) V^T`` for the
layers, the amplitude of eigenvector m in mode k obeys

    da/dt = -(rate_m + D q_k^2 + loss) a + w_m flux_k,      floor_k = sum_m w_m a_mk.

Without a coat the flux is constant and the exponential solution exact. With one, medium and coat
together take steps of the two-stage, stiffly accurate, L-stable diagonally implicit Runge-Kutta
method of second order (gamma = 1 - 1/sqrt(2)); each stage is one `solve_floor`.

References
----------
Alexander (1977) SIAM J. Numer. Anal. 14:1006, 10.1137/0714068.
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
from sdf1_field.spec import Numerics
from sdf1_field.transport import (
    Coat,
    FloorSolution,
    FloorValue,
    Ledger,
    Transport,
    bound_after,
    bound_in_steady_state,
    coat_in_steady_state,
    coat_over_step,
    forward,
    inverse,
    solve_floor,
)
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

ORDER = 2
"""Declared order in the step, with the coat; without it a step is exact."""

_GAMMA = 1.0 - math.sqrt(0.5)
_KAPPA = (1.0 - _GAMMA) / _GAMMA
"""The second stage starts from ``(1 - kappa) y + kappa y_1``."""
_SAFETY, _SHRINK, _GROW, _KEEP = 0.9, 0.2, 2.0, 1.3
_SMALLEST_STEP = 1e-6
_ROUND_OFF = 1e-9
"""Share of a step by which the time left may miss a whole number of steps."""
_NEWTON_SHARE = 1e-3
"""Tolerance of the floor's iteration as a share of the step's."""
_STEADY_TOLERANCE = 1e-12
"""Of the floor's iteration in steady state, where nothing else limits the accuracy."""
_SERIES_BELOW = 1e-2


@dataclass(frozen=True)
class Tolerances:
    """When a step is good enough.

    Parameters
    ----------
    relative : float
        Of the mean, and by itself of the deviation from the mean; bounds the difference of a
        step from its first-order result, far above the error of the second-order one.
    absolute : float
        [nM], and as molecules/um**2 on the coat.
    first_step : float
        Step to begin with after a start or an event [s].
    """

    relative: float = 1e-2
    absolute: float = 1e-9
    first_step: float = 1.0


def tolerances_of(numerics: Numerics) -> Tolerances:
    """Tolerances that a model asks for."""
    return Tolerances(
        relative=numerics.tolerance,
        absolute=numerics.absolute_tolerance,
        first_step=numerics.first_step,
    )


@dataclass(frozen=True, eq=False)
class Columns:
    """Grid, equation, and the layers' eigenvectors.

    Parameters
    ----------
    rates : ndarray, shape (nz,)
        Eigenvalues of the layers' exchange [1/s], rising, the first exactly 0 under a closed top.
    floor_weights : ndarray, shape (nz,)
        ``w`` [um**-1/2]: amplitude to floor concentration, and floor flux to amplitude.
    content : ndarray, shape (nz,)
        Amplitude to the column's integral over height [um**1/2].
    top_weights : ndarray, shape (nz,)
        Amplitude to the top layer's concentration [um**-1/2].
    vectors : ndarray, shape (nz, nz)
        Eigenvectors as columns.
    lateral : ndarray, shape (ny, nx)
        ``D q**2 + loss`` of each mode [1/s].
    """

    grid: Grid
    transport: Transport
    rates: Array
    floor_weights: Array
    content: Array
    top_weights: Array
    vectors: Array
    lateral: Array

    @property
    def mode_scale(self) -> float:
        """Amplitude of the (0, 0) mode of a floor that is 1 everywhere."""
        return math.sqrt(self.grid.nx * self.grid.ny)

    @property
    def cell_area(self) -> float:
        """[um**2]."""
        return self.grid.dx * self.grid.dy

    @property
    def top_conductance(self) -> float:
        """Between the top layer's centre and a bath [um/s]; 0 under a closed top."""
        if self.transport.bath is None:
            return 0.0
        return 2.0 * self.transport.diffusivity / float(self.grid.thickness[-1])

    @property
    def bath_forcing(self) -> Array:
        """What the bath adds to the (0, 0) mode's amplitudes per second, shape (nz,)."""
        return self.top_weights * (
            self.top_conductance * (self.transport.bath or 0.0) * self.mode_scale
        )


@dataclass(frozen=True, eq=False)
class CosineState:
    """Everything the solver knows at a time.

    Parameters
    ----------
    time : float
        [s].
    amplitudes : ndarray, shape (ny, nz, nx)
        Of eigenvector m in floor mode (p, q), at [p, m, q].
    bound : ndarray, shape (ny, nx)
        On the coat [molecules/um**2].
    step : float
        Step the error control would try next [s].
    ledger : Ledger
    floor : FloorValue
        The lowest layer, which the amplitudes imply.
    """

    time: float
    amplitudes: Array
    bound: Array
    step: float
    ledger: Ledger
    floor: FloorValue


State = CosineState


def prepare(grid: Grid, transport: Transport) -> Columns:
    """Eigenvectors of the layers, once for a grid and an equation.

    Raises
    ------
    RunError
        If the walls are no rectangle.
    """
    if grid.round:
        raise RunError("a round well has no cosine modes. Set numerics.solver to 'fipy'.")
    h = grid.thickness
    conductance = transport.diffusivity / np.diff(grid.z)
    exchange = np.zeros(grid.nz)
    exchange[:-1] += conductance
    exchange[1:] += conductance
    if transport.bath is not None:
        exchange[-1] += 2.0 * transport.diffusivity / h[-1]
    root = np.sqrt(h)
    rates, vectors = scipy.linalg.eigh_tridiagonal(
        exchange / h, -conductance / (root[:-1] * root[1:])
    )
    if transport.bath is None:
        # The constant is known exactly; round-off in its rate would create or destroy ligand.
        rates[0] = 0.0
        vectors[:, 0] = root / math.sqrt(grid.height)
    content = vectors.T @ root
    if transport.bath is None:
        content[1:] = 0.0
    return Columns(
        grid=grid,
        transport=transport,
        rates=np.maximum(rates, 0.0),
        floor_weights=vectors[0] / root[0],
        content=content,
        top_weights=vectors[-1] / root[-1],
        vectors=vectors,
        lateral=transport.diffusivity * grid.laplacian_eigenvalues() + transport.loss_rate,
    )


def start(columns: Columns, *, time: float, tolerances: Tolerances) -> CosineState:
    """Medium without ligand (but for a bath's, which is everywhere) over an empty coat."""
    grid = columns.grid
    empty = np.zeros((grid.ny, grid.nx))
    state = CosineState(
        time=time,
        amplitudes=np.zeros((grid.ny, grid.nz, grid.nx)),
        bound=empty,
        step=tolerances.first_step,
        ledger=Ledger(),
        floor=FloorValue(empty, empty),
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
    amplitudes = state.amplitudes.copy()
    amplitudes[0, :, 0] += (
        concentration * columns.mode_scale * (columns.vectors.T @ np.sqrt(columns.grid.thickness))
    )
    volume = columns.grid.area * columns.grid.height
    return replace(
        state,
        amplitudes=amplitudes,
        floor=_floor_of(columns, amplitudes),
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
    modes = forward(amount / (columns.cell_area * MOLECULES_PER_UM3_PER_NM))
    amplitudes = state.amplitudes + columns.floor_weights[None, :, None] * modes[:, None, :]
    return replace(
        state,
        amplitudes=amplitudes,
        floor=_floor_of(columns, amplitudes),
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
        floor=FloorValue(empty, empty),
        step=tolerances.first_step,
        ledger=state.ledger.book(removed=in_medium(columns, state)),
    )
    return add(columns, fresh, columns.transport.bath or 0.0, tolerances=tolerances)


def in_medium(columns: Columns, state: CosineState) -> float:
    """Ligand dissolved [molecules]."""
    column = float(columns.content @ state.amplitudes[0, :, 0])
    return column * columns.mode_scale * columns.cell_area * MOLECULES_PER_UM3_PER_NM


def on_coat(columns: Columns, state: CosineState) -> float:
    """Ligand bound [molecules], summed in space."""
    return float(state.bound.sum()) * columns.cell_area


def _floor_of(columns: Columns, amplitudes: Array) -> FloorValue:
    modes = _floor_modes(columns.floor_weights, amplitudes)
    return FloorValue(inverse(modes), modes)


def _floor_modes(weights: Array, amplitudes: Array) -> Array:
    modes: Array = np.einsum("m,pmq->pq", weights, amplitudes)
    return modes


def floor(columns: Columns, state: CosineState) -> Array:
    """Concentration in the lowest layer [nM], shape (ny, nx)."""
    del columns
    return state.floor.concentration


def column(columns: Columns, state: CosineState) -> Array:
    """Concentration everywhere [nM], shape (nz, ny, nx)."""
    layers = np.einsum("im,pmq->ipq", columns.vectors, state.amplitudes)
    layers /= np.sqrt(columns.grid.thickness)[:, None, None]
    return np.stack([inverse(layer) for layer in layers])


def advance(
    columns: Columns,
    state: CosineState,
    secretion: Array,
    until: float,
    *,
    tolerances: Tolerances,
) -> CosineState:
    """State at a later time under constant secretion.

    Parameters
    ----------
    columns : Columns
    state : CosineState
    secretion : ndarray, shape (ny, nx)
        Floor flux [molecules/(um**2 s)].
    until : float
        Time to land on [s].
    tolerances : Tolerances

    Returns
    -------
    CosineState
        Its ledger books what was degraded and what left through the top; what was secreted is
        booked by whoever knows the sources.

    Raises
    ------
    RunError
        If a value is no longer finite, the coat's iteration fails, or the step becomes too small.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        source = forward(secretion / MOLECULES_PER_UM3_PER_NM)
    if not np.isfinite(source).all():
        wrong = np.nan_to_num(np.abs(secretion), nan=np.inf)
        raise RunError(
            f"{_place(columns, state.time, wrong == wrong.max())}: the secretion is too large "
            "or no number. Check the secretion rates."
        )
    coat = columns.transport.coat
    if coat is None or coat.sites == 0.0:
        if until > state.time:
            state = _exact(columns, state, source, until)
            _require_finite(columns, state)
        return state
    while state.time < until:
        count = max(1, math.ceil((until - state.time) / state.step - _ROUND_OFF))
        step = (until - state.time) / count
        if step < _SMALLEST_STEP:
            raise RunError(
                f"t = {state.time:.6g} s: the step fell below {_SMALLEST_STEP:g} s. "
                "Raise numerics.tolerance or numerics.absolute_tolerance."
            )
        try:
            trial = _coat_step(columns, coat, state, step, source, tolerances)
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


def steady(
    columns: Columns, secretion: Array, *, time: float, tolerances: Tolerances
) -> CosineState:
    """Steady state under constant secretion.

    The admittance of each mode's column is summed from the top down,
    ``Y_i = L dz_i + 1 / (1 / r_i + 1 / Y_{i+1})``, which keeps the (0, 0) mode to round-off.

    Parameters
    ----------
    columns : Columns
    secretion : ndarray, shape (ny, nx)
        [molecules/(um**2 s)].
    time : float
        Time to give the state [s].
    tolerances : Tolerances

    Raises
    ------
    RunError
        If nothing is lost anywhere, or the coat's iteration fails.
    """
    columns.transport.require_steady_state()
    grid, coat = columns.grid, columns.transport.coat
    conductance = columns.transport.diffusivity / np.diff(grid.z)
    ladder = [columns.lateral * grid.thickness[-1] + columns.top_conductance]
    for i in range(grid.nz - 2, -1, -1):
        above = ladder[-1]
        ladder.append(
            columns.lateral * grid.thickness[i] + above * conductance[i] / (conductance[i] + above)
        )
    ladder.reverse()
    source = forward(secretion / MOLECULES_PER_UM3_PER_NM)
    free = np.zeros_like(source)
    rise = np.zeros((grid.nz, grid.ny, grid.nx))
    if columns.transport.bath is not None:
        # Only the (0, 0) mode feels the bath: its column without floor flux.
        rise[:, 0, 0] = (
            columns.vectors
            @ (columns.bath_forcing / (columns.rates + columns.lateral[0, 0]))
            / np.sqrt(grid.thickness)
        )
        free[0, 0] = rise[0, 0, 0]
    bound = np.zeros((grid.ny, grid.nx))
    if coat is None or coat.sites * coat.loss_rate == 0.0:
        modes = free + source / ladder[0]
        if coat is not None:
            bound = bound_in_steady_state(coat, inverse(modes))
    else:
        solution = solve_floor(
            ladder[0],
            free,
            source,
            coat_in_steady_state(coat),
            FloorValue(np.zeros_like(source), np.zeros_like(source)),
            tolerance=_STEADY_TOLERANCE,
            absolute_tolerance=_NEWTON_SHARE * tolerances.absolute,
        )
        modes = solution.modes
        bound = bound_in_steady_state(coat, solution.concentration)
    layer = modes - free
    layers = [layer]
    for i in range(grid.nz - 1):
        layer = layer * conductance[i] / (conductance[i] + ladder[i + 1])
        layers.append(layer)
    profile = (np.stack(layers) + rise) * np.sqrt(grid.thickness)[:, None, None]
    return CosineState(
        time=time,
        amplitudes=np.ascontiguousarray(np.einsum("im,ipq->pmq", columns.vectors, profile)),
        bound=bound,
        step=tolerances.first_step,
        ledger=Ledger(),
        floor=FloorValue(inverse(modes), modes),
    )


@functools.lru_cache(maxsize=2)
def _responses(columns: Columns, step: float) -> tuple[Array, Array]:
    """Floor response to a stage's unit flux, and at the second stage to the first one's."""
    response = np.empty((2, *columns.lateral.shape))
    _respond(columns.rates, columns.lateral, columns.floor_weights, _GAMMA * step, response)
    return response[0], response[1]


@dataclass(frozen=True, eq=False)
class _Trial:
    state: CosineState
    error: float


def _coat_step(
    columns: Columns,
    coat: Coat,
    state: CosineState,
    step: float,
    source: Array,
    tolerances: Tolerances,
) -> _Trial:
    """One step with the coat and its error over the tolerance; NaN if it found no solution."""
    response, response_to_first = _responses(columns, step)
    length = _GAMMA * step
    once, twice = np.empty_like(source), np.empty_like(source)
    _free(
        state.amplitudes, columns.rates, columns.lateral, columns.floor_weights, length, once, twice
    )
    decay = 1.0 / (1.0 + length * (columns.rates + columns.lateral[0, 0]))
    bath = length * columns.bath_forcing
    bath_first, bath_second = decay * bath, decay * (bath + _KAPPA * decay * bath)
    once[0, 0] += columns.floor_weights @ bath_first
    try:
        first, bound_first = _stage(
            coat, response, once, source, state.bound, length, state.floor, tolerances
        )
        free = (1.0 - _KAPPA) * once + _KAPPA * (
            twice + response_to_first * (source - first.flux_modes)
        )
        free[0, 0] += columns.floor_weights @ (bath_second - (1.0 - _KAPPA) * bath_first)
        start = (1.0 - _KAPPA) * state.bound + _KAPPA * bound_first
        second, bound = _stage(coat, response, free, source, start, length, first, tolerances)
    except RunError:
        if step <= _SMALLEST_STEP / _SHRINK:
            raise
        return _Trial(state, math.nan)

    amplitudes, modes = np.empty_like(state.amplitudes), np.empty_like(source)
    _two_stages(
        state.amplitudes,
        columns.rates,
        columns.lateral,
        columns.floor_weights,
        length,
        source - first.flux_modes,
        source - second.flux_modes,
        amplitudes,
        modes,
    )
    begin = state.amplitudes[0, :, 0]
    middle = bath_first + decay * (
        begin + length * columns.floor_weights * (source - first.flux_modes)[0, 0]
    )
    if columns.transport.bath is not None:
        amplitudes[0, :, 0] += bath_second
        modes[0, 0] = columns.floor_weights @ amplitudes[0, :, 0]
    integral = step * ((1.0 - _GAMMA) * middle + _GAMMA * amplitudes[0, :, 0])
    bound_integral = step * (
        (1.0 - _GAMMA) * float(bound_first.sum()) + _GAMMA * float(bound.sum())
    )
    ledger = _booked(columns, state.ledger, integral, step).book(
        degraded=coat.loss_rate * bound_integral * columns.cell_area
    )
    value = FloorValue(inverse(modes), modes)
    error = max(
        _error(state.floor.concentration, first.concentration, value.concentration, tolerances),
        _error(state.bound, bound_first, bound, tolerances),
    )
    moved = replace(
        state,
        time=state.time + step,
        amplitudes=amplitudes,
        bound=bound,
        floor=value,
        ledger=replace(ledger, minimum=min(ledger.minimum, float(value.concentration.min()))),
    )
    return _Trial(moved, error)


def _stage(
    coat: Coat,
    response: Array,
    free: Array,
    source: Array,
    start: Array,
    length: float,
    guess: FloorValue,
    tolerances: Tolerances,
) -> tuple[FloorSolution, Array]:
    """Floor and coat at the end of a stage that began with ``start`` bound."""
    solution = solve_floor(
        1.0 / response,
        free,
        source,
        coat_over_step(coat, start, length),
        guess,
        tolerance=_NEWTON_SHARE * tolerances.relative,
        absolute_tolerance=_NEWTON_SHARE * tolerances.absolute,
    )
    return solution, bound_after(coat, start, solution.flux, length)


def _error(before: Array, middle: Array, after: Array, tolerances: Tolerances) -> float:
    """Error over tolerance of the mean or of the deviation from it, whichever is larger.

    The error is the difference from the embedded first-order result ``y + step f(y_1)``.
    """
    error = after - before - (middle - before) / _GAMMA
    mean_error, mean = float(error.mean()), float(after.mean())
    deviation_error = float(np.sqrt(np.mean((error - mean_error) ** 2)))
    deviation = float(np.sqrt(np.mean((after - mean) ** 2)))
    return max(
        abs(mean_error) / (tolerances.relative * abs(mean) + tolerances.absolute),
        deviation_error / (tolerances.relative * deviation + tolerances.absolute),
    )


def _exact(columns: Columns, state: CosineState, source: Array, until: float) -> CosineState:
    """State after constant floor flux (modes, [nM um/s]) without a coat."""
    step = until - state.time
    amplitudes, modes = np.empty_like(state.amplitudes), np.empty_like(source)
    _exponential(
        state.amplitudes,
        columns.rates,
        columns.lateral,
        columns.floor_weights,
        step,
        source,
        amplitudes,
        modes,
    )
    rate = columns.rates + columns.lateral[0, 0]
    phi1, phi2 = _phi1(rate, step), _phi2(rate, step)
    bath = columns.bath_forcing
    forcing = columns.floor_weights * source[0, 0] + bath
    integral = phi1 * state.amplitudes[0, :, 0] + phi2 * forcing
    if columns.transport.bath is not None:
        amplitudes[0, :, 0] += phi1 * bath
        modes[0, 0] = columns.floor_weights @ amplitudes[0, :, 0]
    value = inverse(modes)
    ledger = _booked(columns, state.ledger, integral, step)
    return replace(
        state,
        time=until,
        amplitudes=amplitudes,
        ledger=replace(ledger, minimum=min(ledger.minimum, float(value.min()))),
        floor=FloorValue(value, modes),
    )


def _booked(columns: Columns, ledger: Ledger, integral: Array, step: float) -> Ledger:
    """Ledger after a step, from the time integral of the (0, 0) mode's amplitudes."""
    scale = columns.mode_scale * columns.cell_area * MOLECULES_PER_UM3_PER_NM
    degraded = columns.transport.loss_rate * float(columns.content @ integral)
    outflow = columns.top_conductance * (
        float(columns.top_weights @ integral)
        - step * columns.mode_scale * (columns.transport.bath or 0.0)
    )
    return ledger.book(degraded=degraded * scale, through_top=outflow * scale)


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


def _require_finite(columns: Columns, state: CosineState) -> None:
    value = state.floor.concentration
    wrong = ~(np.isfinite(value) & np.isfinite(state.bound))
    if wrong.any():
        raise RunError(
            f"{_place(columns, state.time, wrong)}: the concentration is no longer finite. "
            "Check secretion rates and coat constants, or lower numerics.coupling_step."
        )


def _place(columns: Columns, time: float, where: NDArray[np.bool_]) -> str:
    """Time and the first place of a floor mask, for a message."""
    row, column = np.argwhere(where)[0]
    return (
        f"t = {time:.6g} s, x = {columns.grid.x[column]:.6g} um, y = {columns.grid.y[row]:.6g} um"
    )


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
def _two_stages(
    before: Array,
    rates: Array,
    lateral: Array,
    weights: Array,
    length: float,
    first: Array,
    second: Array,
    after: Array,
    floor: Array,
) -> None:
    """Amplitudes after both stages under their fluxes, and the floor they make."""
    ny, nz, nx = before.shape
    for p in numba.prange(ny):
        floor[p] = 0.0
        for m in range(nz):
            gain = weights[m] * length
            for q in range(nx):
                decay = 1.0 / (1.0 + length * (rates[m] + lateral[p, q]))
                a = before[p, m, q]
                middle = decay * (a + gain * first[p, q])
                start = (1.0 - _KAPPA) * a + _KAPPA * middle
                a = decay * (start + gain * second[p, q])
                after[p, m, q] = a
                floor[p, q] += weights[m] * a


@kernel(parallel=True)
def _exponential(
    before: Array,
    rates: Array,
    lateral: Array,
    weights: Array,
    step: float,
    flux: Array,
    after: Array,
    floor: Array,
) -> None:
    """Amplitudes after a step under constant flux, and the floor they make."""
    ny, nz, nx = before.shape
    decays = np.exp(-rates * step)
    gains = -np.expm1(-rates * step)
    for p in numba.prange(ny):
        decay_mu = np.exp(-lateral[p] * step)
        gain_mu = -np.expm1(-lateral[p] * step)
        floor[p] = 0.0
        for m in range(nz):
            decay_m, gain_m, rate_m, weight = decays[m], gains[m], rates[m], weights[m]
            for q in range(nx):
                total = rate_m + lateral[p, q]
                phi = step
                if total > 0.0:
                    # 1 - exp(-(a + b)) as a sum of positive terms keeps its digits.
                    phi = (gain_m + decay_m * gain_mu[q]) / total
                a = before[p, m, q] * decay_m * decay_mu[q] + weight * phi * flux[p, q]
                after[p, m, q] = a
                floor[p, q] += weight * a
