"""The medium as one column per cosine mode of the floor.

With mirror walls the finite-volume operator is diagonal in the type-II cosine basis in x and y,
and every mode's column has the same eigenvectors in z: with ``A = V diag(rate) V^T`` for the
layers, the amplitude of eigenvector m in mode k obeys

    da/dt = -(rate_m + D q_k^2 + loss) a + w_m flux_k,      floor_k = sum_m w_m a_mk,

whose exponential solution is exact while the flux is constant. Flux into the coat is taken at
the end of a step, once for the whole step and once for each of its halves: twice the second
result less the first is of second order in the step, and their difference is its error estimate.
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
from sdf1_field.transport import (
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

_SAFETY, _SHRINK, _GROW, _KEEP = 0.9, 0.2, 2.0, 1.3
_SMALLEST_STEP = 1e-6
_NEWTON_SHARE = 1e-3
"""Tolerance of the floor's iteration as a share of the step's."""
_SERIES_BELOW = 1e-2


@dataclass(frozen=True)
class Tolerances:
    """When a step is good enough.

    Parameters
    ----------
    relative : float
        Of the mean, and by itself of the deviation from the mean.
    absolute : float
        [nM].
    first_step : float
        Step to begin with after a start or an event [s].
    """

    relative: float = 1e-3
    absolute: float = 1e-9
    first_step: float = 1.0


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


def prepare(grid: Grid, transport: Transport) -> Columns:
    """Eigenvectors of the layers, once for a grid and an equation."""
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
    if columns.transport.bath:
        state = add(columns, state, columns.transport.bath, tolerances=tolerances)
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


def change_medium(columns: Columns, state: CosineState, *, tolerances: Tolerances) -> CosineState:
    """State after fresh medium replaces the old: dissolved ligand goes, the coat keeps its own."""
    empty = np.zeros_like(state.bound)
    return replace(
        state,
        amplitudes=np.zeros_like(state.amplitudes),
        floor=FloorValue(empty, empty),
        step=tolerances.first_step,
        ledger=state.ledger.book(removed=in_medium(columns, state)),
    )


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
    source = forward(secretion / MOLECULES_PER_UM3_PER_NM)
    coat = columns.transport.coat
    if coat is None or coat.sites == 0.0:
        if until > state.time:
            tables = _tables(columns, until - state.time)
            state = _moved(columns, state, tables, source, source, until)
            _require_finite(columns, state)
        return state
    while state.time < until:
        count = max(1, math.ceil((until - state.time) / state.step - 1e-9))
        step = (until - state.time) / count
        if step < _SMALLEST_STEP:
            raise RunError(
                f"t = {state.time:.6g} s: the step fell below {_SMALLEST_STEP:g} s. "
                "Raise numerics.tolerance or numerics.absolute_tolerance."
            )
        tables = _tables(columns, step)
        trial = _coat_step(columns, state, tables, source, tolerances)
        factor = _GROW if trial.error == 0.0 else _SAFETY / math.sqrt(trial.error)
        if not math.isfinite(trial.error):
            factor = _SHRINK
            if step <= tolerances.first_step * _SHRINK**8:
                _require_finite(columns, trial.state)
        if trial.error <= 1.0:
            arrived = until if count == 1 else state.time + step
            grown = step * min(factor, _GROW) if factor > _KEEP else step
            state = replace(
                trial.state, time=arrived, step=max(grown, state.step) if count == 1 else grown
            )
        else:
            state = replace(state, step=step * min(max(factor, _SHRINK), _SAFETY))
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
            tolerance=_NEWTON_SHARE * tolerances.relative,
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


@dataclass(frozen=True, eq=False)
class _Tables:
    """What a step of a given length does to every column."""

    step: float
    full_decay: Array
    half_decay: Array
    lateral_full: Array
    lateral_half: Array
    response_full: Array
    response_half: Array
    response_earlier: Array


@functools.lru_cache(maxsize=6)
def _tables(columns: Columns, step: float) -> _Tables:
    """Decay factors, and the floor's response to a flux held over the step, its halves, and
    over the first half as felt at the end.
    """
    half = 0.5 * step
    shape = columns.lateral.shape
    response = np.empty((3, *shape))
    _respond(columns.rates, columns.lateral, columns.floor_weights, half, response)
    return _Tables(
        step=step,
        full_decay=np.exp(-columns.rates * step),
        half_decay=np.exp(-columns.rates * half),
        lateral_full=np.exp(-columns.lateral * step),
        lateral_half=np.exp(-columns.lateral * half),
        response_half=response[0],
        response_earlier=response[1],
        response_full=response[2],
    )


@dataclass(frozen=True, eq=False)
class _Trial:
    state: CosineState
    error: float


def _coat_step(
    columns: Columns,
    state: CosineState,
    tables: _Tables,
    source: Array,
    tolerances: Tolerances,
) -> _Trial:
    """One whole step and two halves with the coat's flux of their ends, and what they tell."""
    coat = columns.transport.coat
    assert coat is not None
    step, half = tables.step, 0.5 * tables.step
    free_full = tables.lateral_full * _floor_modes(
        columns.floor_weights * tables.full_decay, state.amplitudes
    )
    free_half = tables.lateral_half * _floor_modes(
        columns.floor_weights * tables.half_decay, state.amplitudes
    )
    if columns.transport.bath is not None:
        forcing = columns.floor_weights * columns.bath_forcing
        rate = columns.rates + columns.lateral[0, 0]
        free_full[0, 0] += float(forcing @ _phi1(rate, step))
        free_half[0, 0] += float(forcing @ _phi1(rate, half))

    def solved(
        response: Array, free: Array, bound: Array, length: float, guess: FloorValue
    ) -> tuple[FloorSolution, Array]:
        solution = solve_floor(
            1.0 / response,
            free,
            source,
            coat_over_step(coat, bound, length),
            guess,
            tolerance=_NEWTON_SHARE * tolerances.relative,
            absolute_tolerance=_NEWTON_SHARE * tolerances.absolute,
        )
        return solution, bound_after(coat, bound, solution.flux, length)

    whole, bound_whole = solved(tables.response_full, free_full, state.bound, step, state.floor)
    between = FloorValue(
        0.5 * (state.floor.concentration + whole.concentration),
        0.5 * (state.floor.modes + whole.modes),
    )
    first, bound_first = solved(tables.response_half, free_half, state.bound, half, between)
    earlier = tables.response_earlier * (source - first.flux_modes)
    second, bound_second = solved(
        tables.response_half, free_full + earlier, bound_first, half, whole
    )

    bound = 2.0 * bound_second - bound_whole
    lost_on_coat = coat.loss_rate * (
        2.0 * half * (float(bound_first.sum()) + float(bound_second.sum()))
        - step * float(bound_whole.sum())
    )
    moved = _moved(
        columns,
        state,
        tables,
        source - (2.0 * first.flux_modes - whole.flux_modes),
        source - (2.0 * second.flux_modes - whole.flux_modes),
        state.time + step,
    )
    concentration = moved.floor.concentration
    error = max(
        _difference(second.concentration, whole.concentration, concentration, tolerances),
        _difference(bound_second, bound_whole, bound, tolerances),
    )
    ledger = moved.ledger.book(degraded=lost_on_coat * columns.cell_area)
    return _Trial(replace(moved, bound=bound, ledger=ledger), error)


def _difference(fine: Array, coarse: Array, scale: Array, tolerances: Tolerances) -> float:
    """Error over tolerance of the mean or of the deviation from it, whichever is larger."""
    error = fine - coarse
    mean_error, mean = float(error.mean()), float(scale.mean())
    deviation_error = float(np.sqrt(np.mean((error - mean_error) ** 2)))
    deviation = float(np.sqrt(np.mean((scale - mean) ** 2)))
    return max(
        abs(mean_error) / (tolerances.relative * abs(mean) + tolerances.absolute),
        deviation_error / (tolerances.relative * deviation + tolerances.absolute),
    )


def _moved(
    columns: Columns,
    state: CosineState,
    tables: _Tables,
    first_flux: Array,
    second_flux: Array,
    time: float,
) -> CosineState:
    """State after two half steps under given floor fluxes (modes, [nM um/s]), exactly."""
    half = 0.5 * tables.step
    amplitudes = np.empty_like(state.amplitudes)
    modes = np.empty_like(first_flux)
    _move(
        state.amplitudes,
        columns.rates,
        columns.lateral,
        columns.floor_weights,
        half,
        first_flux,
        second_flux,
        amplitudes,
        modes,
    )
    rate = columns.rates + columns.lateral[0, 0]
    decay, phi1, phi2 = np.exp(-rate * half), _phi1(rate, half), _phi2(rate, half)
    begin = state.amplitudes[0, :, 0]
    bath = columns.bath_forcing
    forcing = [columns.floor_weights * f[0, 0] + bath for f in (first_flux, second_flux)]
    middle = decay * begin + phi1 * forcing[0]
    integral = phi1 * (begin + middle) + phi2 * (forcing[0] + forcing[1])
    if columns.transport.bath is not None:
        amplitudes[0, :, 0] += (decay + 1.0) * phi1 * bath
        modes[0, 0] = columns.floor_weights @ amplitudes[0, :, 0]
    value = inverse(modes)
    scale = columns.mode_scale * columns.cell_area * MOLECULES_PER_UM3_PER_NM
    degraded = columns.transport.loss_rate * float(columns.content @ integral)
    outflow = columns.top_conductance * (
        float(columns.top_weights @ integral)
        - tables.step * columns.mode_scale * (columns.transport.bath or 0.0)
    )
    ledger = state.ledger.book(degraded=degraded * scale, through_top=outflow * scale)
    ledger = replace(ledger, minimum=min(ledger.minimum, float(value.min())))
    return replace(
        state,
        time=time,
        amplitudes=amplitudes,
        ledger=ledger,
        floor=FloorValue(value, modes),
    )


def _phi1(rate: Array, step: float) -> Array:
    """Integral of ``exp(-rate t)`` over the step."""
    x = rate * step
    safe = np.where(x > 0.0, x, 1.0)
    result: Array = step * np.where(x > 0.0, -np.expm1(-safe) / safe, 1.0)
    return result


def _phi2(rate: Array, step: float) -> Array:
    """Integral over the step of `_phi1` up to each time."""
    x = rate * step
    safe = np.maximum(x, _SERIES_BELOW)
    series = 0.5 - x / 6.0 + x**2 / 24.0 - x**3 / 120.0 + x**4 / 720.0 - x**5 / 5040.0
    result: Array = step**2 * np.where(
        x < _SERIES_BELOW, series, (1.0 + np.expm1(-safe) / safe) / safe
    )
    return result


def _require_finite(columns: Columns, state: CosineState) -> None:
    value = state.floor.concentration
    wrong = np.argwhere(~(np.isfinite(value) & np.isfinite(state.bound)))
    if len(wrong):
        row, col = wrong[0]
        raise RunError(
            f"t = {state.time:.6g} s, x = {columns.grid.x[col]:.6g} um, "
            f"y = {columns.grid.y[row]:.6g} um: the concentration is no longer finite. "
            "Check secretion rates and coat constants, or lower numerics.coupling_step."
        )


@kernel(parallel=True)
def _respond(rates: Array, lateral: Array, weights: Array, half: float, response: Array) -> None:
    """Floor response to unit flux over a half, over the earlier half, and over both."""
    ny, nx = lateral.shape
    decays = np.exp(-rates * half)
    gains = -np.expm1(-rates * half)
    for p in numba.prange(ny):
        decay_mu = np.exp(-lateral[p] * half)
        gain_mu = -np.expm1(-lateral[p] * half)
        response[0, p] = 0.0
        response[1, p] = 0.0
        for m in range(rates.size):
            decay_m, gain_m, rate_m, weight = decays[m], gains[m], rates[m], weights[m]
            for q in range(nx):
                total = rate_m + lateral[p, q]
                phi = half
                if total > 0.0:
                    # 1 - exp(-(a + b)) as a sum of positive terms keeps its digits.
                    phi = (gain_m + decay_m * gain_mu[q]) / total
                gain = weight * weight * phi
                response[0, p, q] += gain
                response[1, p, q] += gain * decay_m * decay_mu[q]
        for q in range(nx):
            response[2, p, q] = response[0, p, q] + response[1, p, q]


@kernel(parallel=True)
def _move(
    before: Array,
    rates: Array,
    lateral: Array,
    weights: Array,
    half: float,
    first: Array,
    second: Array,
    after: Array,
    floor: Array,
) -> None:
    """Two half steps of every amplitude under constant fluxes."""
    ny, nz, nx = before.shape
    decays = np.exp(-rates * half)
    gains = -np.expm1(-rates * half)
    for p in numba.prange(ny):
        decay_mu = np.exp(-lateral[p] * half)
        gain_mu = -np.expm1(-lateral[p] * half)
        floor[p] = 0.0
        for m in range(nz):
            decay_m, gain_m, rate_m, weight = decays[m], gains[m], rates[m], weights[m]
            for q in range(nx):
                total = rate_m + lateral[p, q]
                decay = decay_m * decay_mu[q]
                phi = half
                if total > 0.0:
                    phi = (gain_m + decay_m * gain_mu[q]) / total
                a = before[p, m, q] * decay + weight * phi * first[p, q]
                a = a * decay + weight * phi * second[p, q]
                after[p, m, q] = a
                floor[p, q] += weight * a
