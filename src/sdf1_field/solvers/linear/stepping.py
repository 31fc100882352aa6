"""Medium and unsaturated coat in one exact step of any length, under secretion known in advance.

Every eigenmode of `Arrow` answers its source by itself. One whose rate times the step exceeds
`_FORGETS` has forgotten how the step began: what it contributes to the floor is in responses that
are summed over all eigenmodes and depend on lambda alone. A state therefore keeps the amplitudes
at the beginning of its last step, of those eigenmodes that remembered them at its end, and what
happened since: secretion along the step, and what was added at once at its end.

The coat is taken to bind as if it were empty. The error of what is bound is about the share of
the sites that is filled, which a state records.
"""

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.migrasomes.emission import ExponentialDecay
from sdf1_field.modes import forward, inverse
from sdf1_field.solvers.cosine.secreted import modes_of
from sdf1_field.solvers.cosine.tolerances import Tolerances
from sdf1_field.solvers.linear.arrow import Arrow, lagrange, on_grid
from sdf1_field.solvers.linear.moments import (
    integral_of_decay,
    integrals,
    response_to_decay,
    responses,
    responses_at,
)
from sdf1_field.sources import Secretion
from sdf1_field.transport import Ledger, Uptake
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

_FORGETS = 40.0
"""Rate times step from which on ``exp(-rate step)`` is nothing to a double."""


@dataclass(frozen=True, eq=False)
class Course:
    """Secretion of all cosine modes over a step, ``sum_n c_n t**n + sum_i d_i exp(-k_i t)``.

    Parameters
    ----------
    step : float
        [s]; t is 0 at its beginning and 1 at its end.
    parts : ndarray, shape (part, ny, nx)
        ``c_0, c_1, c_2`` and the ``d_i``, as many as there are [nM um/s].
    degrees : int
        How many of them belong to the polynomial.
    decays : tuple of float
        ``k_i`` of the others [1].
    """

    step: float
    parts: Array
    degrees: int
    decays: tuple[float, ...]

    @property
    def end(self) -> Array:
        """Secretion at the end of the step, shape (ny, nx)."""
        weights = [1.0] * self.degrees + [math.exp(-k) for k in self.decays]
        result: Array = np.tensordot(np.array(weights), self.parts, axes=1)
        return result


@dataclass(frozen=True, eq=False)
class LinearState:
    """Everything known of medium and coat at a time.

    Parameters
    ----------
    time : float
        [s].
    begun : ndarray, shape (ny, n, nx)
        Amplitudes at the beginning of the last step, zero where they are forgotten by its end.
    course : Course or None
        What was secreted in the last step; None where none has been taken since the coat was
        all that was known.
    released, held : ndarray, shape (ny, nx), or None
        Modes of what the lowest layer has been given since [nM um], and of the coat's ``beta``
        where it is not in ``begun``.
    mean : ndarray, shape (layer + 1,)
        Amplitudes of the mean's eigenmodes now.
    bound, layer, face : ndarray, shape (ny, nx)
        Bound [molecules/um**2], in the lowest layer and at z = 0 [nM].
    ledger : Ledger
    fill : float
        Largest share of the coat's sites that has been filled so far [1].
    """

    time: float
    begun: Array
    course: Course | None
    released: Array | None
    held: Array | None
    mean: Array
    bound: Array
    layer: Array
    face: Array
    ledger: Ledger
    fill: float


State = LinearState


def start(arrow: Arrow, *, time: float, tolerances: Tolerances) -> LinearState:
    """Medium without ligand (but for a bath's, which is everywhere) over an empty coat."""
    empty = np.zeros_like(arrow.share)
    state = LinearState(
        time=time,
        begun=_nothing(arrow),
        course=None,
        released=None,
        held=None,
        mean=np.zeros_like(arrow.mean.rates),
        bound=empty,
        layer=empty,
        face=empty,
        ledger=Ledger(),
        fill=0.0,
    )
    bath = arrow.transport.bath
    if bath:
        state = add(arrow, state, bath, tolerances=tolerances)
        state = replace(state, ledger=replace(state.ledger, minimum=bath))
    return state


def _nothing(arrow: Arrow) -> Array:
    ny, nx = arrow.share.shape
    return np.zeros((ny, arrow.modes.rates.shape[1], nx))


def add(
    arrow: Arrow, state: LinearState, concentration: float, *, tolerances: Tolerances
) -> LinearState:
    """State after ligand is mixed into the whole medium at once.

    Parameters
    ----------
    concentration : float
        What every place gains [nM].
    """
    del tolerances
    column = arrow.columns.mean
    level = np.sqrt(column.thickness) @ column.vectors
    volume = arrow.columns.grid.area * float(column.thickness.sum())
    return replace(
        state,
        mean=state.mean + concentration * (level @ arrow.mean.vectors[:-1]),
        layer=state.layer + concentration,
        face=state.face + concentration / arrow.weakening,
        ledger=state.ledger.book(added=concentration * volume * MOLECULES_PER_UM3_PER_NM),
    )


def release(
    arrow: Arrow, state: LinearState, amount: Array, *, tolerances: Tolerances
) -> LinearState:
    """State after ligand is set free on the floor at once, as by ruptured migrasomes.

    Parameters
    ----------
    amount : ndarray, shape (ny, nx)
        What each floor cell's lowest layer gains [molecules]; the caller, who knows the sources,
        books it.
    """
    del tolerances
    columns = arrow.columns
    gain = amount / (columns.cell_area * MOLECULES_PER_UM3_PER_NM)
    modes = forward(gain)
    layer = gain / float(columns.grid.thickness[0])
    return replace(
        state,
        released=modes if state.released is None else state.released + modes,
        mean=state.mean + arrow.mean.layer_gains * (modes[0, 0] / columns.mode_scale),
        layer=state.layer + layer,
        face=state.face + layer / arrow.weakening,
    )


def change_medium(arrow: Arrow, state: LinearState, *, tolerances: Tolerances) -> LinearState:
    """State after fresh medium replaces the old: dissolved ligand goes, the coat keeps its own.

    Fresh medium under a bath holds the bath's concentration.
    """
    columns, mean = arrow.columns, arrow.mean
    resistance = columns.half_layer
    released = arrow.coat.dissociation_rate * state.bound / MOLECULES_PER_UM3_PER_NM
    fresh = replace(
        state,
        begun=_nothing(arrow),
        course=None,
        released=None,
        held=forward(state.bound) / arrow.to_bound,
        mean=mean.vectors[-1] * float(mean.vectors[-1] @ state.mean),
        layer=np.zeros_like(state.layer),
        face=resistance * released / arrow.weakening,
        ledger=state.ledger.book(removed=in_medium(arrow, state)),
    )
    return add(arrow, fresh, arrow.transport.bath or 0.0, tolerances=tolerances)


def advance(
    arrow: Arrow,
    state: LinearState,
    secretion: Secretion,
    until: float,
    *,
    uptake: Uptake | None = None,
    tolerances: Tolerances,
) -> LinearState:
    """State at a later time, in one step.

    Parameters
    ----------
    arrow : Arrow
    state : LinearState
    secretion : Secretion
    until : float
        [s].
    uptake : None
        Cells on the floor are nonlinear and belong to the other path.
    tolerances : Tolerances
    """
    assert uptake is None
    del tolerances
    columns = arrow.columns
    course = _course(arrow, secretion, state.time, until)
    begun, face, bound = _remembered(arrow, state, course.step)
    for part, (to_face, to_coat) in zip(course.parts, _summed(arrow, course), strict=True):
        face += to_face * part
        bound += to_coat * part
    end, scale = course.end, columns.mode_scale
    mean, ledger = _mean_after(arrow, state, course)
    face[0, 0] = scale * float(arrow.mean.gains @ mean)
    bound[0, 0] = scale * float(arrow.mean.vectors[-1] @ mean)
    face += columns.half_layer / arrow.weakening * end
    concentration, on_floor = inverse(face), inverse(arrow.to_bound * bound)
    exchanged = arrow.capture * concentration - (
        arrow.coat.dissociation_rate / MOLECULES_PER_UM3_PER_NM * on_floor
    )
    layer = concentration - columns.half_layer * (inverse(end) - exchanged)
    fill = max(state.fill, float(on_floor.max()) / float(arrow.coat.sites))
    return LinearState(
        time=until,
        begun=begun,
        course=course,
        released=None,
        held=None,
        mean=mean,
        bound=on_floor,
        layer=layer,
        face=concentration,
        ledger=replace(ledger, minimum=min(ledger.minimum, float(layer.min()))),
        fill=fill,
    )


def _course(arrow: Arrow, secretion: Secretion, begin: float, end: float) -> Course:
    """Secretion between two times in cosine modes; its laws of time are polynomials and decays."""
    constant, *changing = modes_of(arrow.columns, secretion)
    powers, decays, fading = [constant], [], []
    for modes, part in zip(changing, secretion.changing, strict=True):
        law = part.law
        if isinstance(law, ExponentialDecay):
            decays.append(law.rate * (end - begin))
            fading.append(law.at(begin) * modes)
            continue
        for n, coefficient in enumerate(law.polynomial(begin, end)):
            if n < len(powers):
                powers[n] = powers[n] + coefficient * modes
            else:
                powers.append(coefficient * modes)
    return Course(end - begin, np.stack([*powers, *fading]), len(powers), tuple(decays))


def _remembered(arrow: Arrow, state: LinearState, duration: float) -> tuple[Array, Array, Array]:
    """Amplitudes now, and what is left of them on floor and coat after a duration [s].

    Only of those that have not forgotten them by then.
    """
    modes, course = arrow.modes, state.course
    # Rates rise with lambda: by eigenmode the last node that still counts.
    counting = (modes.rates * duration < _FORGETS).sum(axis=0).astype(np.int64)
    nowhere, none = np.zeros((0, 0, 0)), np.zeros(0)
    no_modes = np.zeros((0, 0))
    now = np.zeros_like(state.begun)
    face, bound = np.zeros_like(arrow.share), np.zeros_like(arrow.share)
    _remember(
        state.begun,
        0.0 if course is None else course.step,
        nowhere if course is None else course.parts,
        0 if course is None else course.degrees,
        none if course is None else np.array(course.decays, dtype=float),
        no_modes if state.released is None else state.released,
        no_modes if state.held is None else state.held,
        duration,
        arrow.index,
        arrow.share,
        modes.log_rates,
        modes.gains,
        modes.layer_gains,
        modes.coat,
        counting,
        now,
        face,
        bound,
    )
    return now, face, bound


@kernel()
def _remember(
    begun: Array,
    last: float,
    parts: Array,
    degrees: int,
    decays: Array,
    released: Array,
    held: Array,
    duration: float,
    index: NDArray[np.int32],
    share: Array,
    log_rates: Array,
    gains: Array,
    layer_gains: Array,
    coat: Array,
    counting: NDArray[np.int64],
    now: Array,
    face: Array,
    bound: Array,
) -> None:
    """Amplitudes from those at the beginning of the last step and what has happened since."""
    ny, count, nx = begun.shape
    for p in range(ny):
        for i in range(count):
            for q in range(nx):
                k = index[p, q]
                if k >= counting[i]:
                    break
                a, b, c, d = lagrange(share[p, q])
                rate = math.exp(
                    a * log_rates[k, i]
                    + b * log_rates[k + 1, i]
                    + c * log_rates[k + 2, i]
                    + d * log_rates[k + 3, i]
                )
                gain = a * gains[k, i] + b * gains[k + 1, i] + c * gains[k + 2, i]
                gain += d * gains[k + 3, i]
                on_coat = a * coat[k, i] + b * coat[k + 1, i] + c * coat[k + 2, i]
                on_coat += d * coat[k + 3, i]
                amplitude = begun[p, i, q]
                if parts.shape[0] > 0:
                    x = rate * last
                    amplitude *= math.exp(-x)
                    j0, j1, j2 = responses_at(x)
                    given = j0 * parts[0, p, q]
                    if degrees > 1:
                        given += j1 * parts[1, p, q]
                    if degrees > 2:
                        given += j2 * parts[2, p, q]
                    for m in range(decays.size):
                        later = math.exp(-min(x, decays[m]))
                        later *= responses_at(abs(x - decays[m]))[0]
                        given += later * parts[degrees + m, p, q]
                    amplitude += last * gain * given
                if released.shape[0] > 0:
                    into_layer = a * layer_gains[k, i] + b * layer_gains[k + 1, i]
                    into_layer += c * layer_gains[k + 2, i] + d * layer_gains[k + 3, i]
                    amplitude += into_layer * released[p, q]
                if held.shape[0] > 0:
                    amplitude += on_coat * held[p, q]
                now[p, i, q] = amplitude
                left = amplitude * math.exp(-rate * duration)
                face[p, q] += gain * left
                bound[p, q] += on_coat * left


def _summed(arrow: Arrow, course: Course) -> tuple[Array, ...]:
    """What floor and coat answer to each part of a course, shape (2, ny, nx) each."""
    polynomial = _summed_powers(arrow, course.step)[: course.degrees]
    return (*polynomial, *(_summed_decay(arrow, course.step, k) for k in course.decays))


@functools.lru_cache(maxsize=6)
def _summed_powers(arrow: Arrow, duration: float) -> tuple[Array, ...]:
    return tuple(
        _to_floor_and_coat(arrow, duration, response)
        for response in responses(arrow.modes.rates * duration)
    )


@functools.lru_cache(maxsize=6)
def _summed_decay(arrow: Arrow, duration: float, decay: float) -> Array:
    response = response_to_decay(arrow.modes.rates * duration, decay)
    return _to_floor_and_coat(arrow, duration, response)


def _to_floor_and_coat(arrow: Arrow, duration: float, response: Array) -> Array:
    modes = arrow.modes
    gained = duration * modes.gains * response
    return on_grid(
        arrow, np.stack([(gained * modes.gains).sum(axis=1), (gained * modes.coat).sum(axis=1)])
    )


def _mean_after(arrow: Arrow, state: LinearState, course: Course) -> tuple[Array, Ledger]:
    """Amplitudes of the mean's eigenmodes after a step, and the ledger."""
    columns, mean, span = arrow.columns, arrow.mean, course.step
    x = mean.rates * span
    ends = [*responses(x)[: course.degrees], *(response_to_decay(x, k) for k in course.decays)]
    sums = [*integrals(x)[: course.degrees], *(integral_of_decay(x, k) for k in course.decays)]
    level = course.parts[:, 0, 0] / columns.mode_scale
    constant, once = responses(x)[0], integrals(x)[0]
    after = np.exp(-x) * state.mean + span * constant * mean.forcing
    integral = span * (constant * state.mean + span * once * mean.forcing)
    for value, end, total in zip(level, ends, sums, strict=True):
        after = after + span * value * mean.gains * end
        integral = integral + span**2 * value * mean.gains * total
    physical = mean.vectors @ integral
    column, transport = columns.mean, arrow.transport
    dissolved = transport.loss_rate * float(column.content @ physical[:-1])
    outflow = column.top_conductance * (
        float(column.top_weights @ physical[:-1]) - span * (transport.bath or 0.0)
    )
    area = columns.grid.area
    return after, state.ledger.book(
        degraded=area
        * (
            dissolved * MOLECULES_PER_UM3_PER_NM
            + arrow.coat.loss_rate * arrow.to_bound * float(physical[-1])
        ),
        through_top=area * outflow * MOLECULES_PER_UM3_PER_NM,
    )


def _medium(arrow: Arrow, state: LinearState) -> Array:
    """Amplitudes of the mean's layers."""
    result: Array = (arrow.mean.vectors @ state.mean)[:-1]
    return result


def in_medium(arrow: Arrow, state: LinearState) -> float:
    """Ligand dissolved, in what is mixed above the grid too [molecules]."""
    amount = float(arrow.columns.mean.content @ _medium(arrow, state))
    return amount * arrow.columns.grid.area * MOLECULES_PER_UM3_PER_NM


def on_coat(arrow: Arrow, state: LinearState) -> float:
    """Ligand bound [molecules], summed in space."""
    return float(state.bound.sum()) * arrow.columns.cell_area


def floor(arrow: Arrow, state: LinearState) -> Array:
    """Concentration in the lowest layer [nM], shape (ny, nx)."""
    del arrow
    return state.layer


def face(arrow: Arrow, state: LinearState) -> Array:
    """Concentration at z = 0 [nM], shape (ny, nx)."""
    del arrow
    return state.face


def reservoir(arrow: Arrow, state: LinearState) -> float:
    """Concentration of the mixed medium above the grid [nM]; NaN without one."""
    if arrow.transport.mixed is None:
        return math.nan
    return float(arrow.columns.mean.top_weights @ _medium(arrow, state))


def column(arrow: Arrow, state: LinearState) -> Array:
    """Concentration everywhere in the grid [nM], shape (nz, ny, nx).

    Off the floor the few poles hold it less exactly than there.
    """
    columns, mean = arrow.columns, arrow.columns.mean
    eigen, _, _ = _remembered(arrow, state, 0.0)
    poles = len(columns.rates)
    amplitudes = np.zeros((poles, *arrow.share.shape))
    for i in range(poles + 1):
        amplitudes += on_grid(arrow, arrow.modes.vectors[:, :poles, i].T) * eigen[:, i, :]
    layers = np.einsum("im,mpq->ipq", columns.vectors, amplitudes)
    layers /= np.sqrt(columns.grid.thickness)[:, None, None]
    profile = (mean.vectors @ _medium(arrow, state) / np.sqrt(mean.thickness))[: columns.grid.nz]
    return np.stack([inverse(values) for values in layers]) + profile[:, None, None]
