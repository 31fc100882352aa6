"""Medium and unsaturated coat in one exact step of any length, under secretion known in advance.

The eigenmodes of `Arrow` are independent of each other. If an eigenmode's rate times the step
exceeds `_FORGETS`, its initial amplitude has decayed to zero by the end of the step: its share in
the floor's response depends on the sources and on lambda alone, and is summed over the eigenmodes.
A state therefore holds the amplitudes at the beginning of its last step of those eigenmodes that
have not decayed by its end, the secretion in that step, and the ligand added at its end.

The coat is taken to bind as if it were empty. The relative error of bound ligand is about the
share of the sites that is filled, which a state records.
"""

import functools
import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import in_blocks, kernel
from sdf1_field.migrasomes.emission import ExponentialDecay
from sdf1_field.modes import inverse
from sdf1_field.solvers.cosine.secreted import modes_of, new_modes_of
from sdf1_field.solvers.cosine.state import booked
from sdf1_field.solvers.cosine.tolerances import Tolerances
from sdf1_field.solvers.linear.arrow import Arrow, Eigenmodes, interpolated, lagrange, on_grid
from sdf1_field.solvers.linear.moments import (
    DEGREES,
    integral_of_decay,
    integrals,
    response_to_decay,
    responses,
    responses_at,
)
from sdf1_field.solvers.linear.state import Amplitudes, Course, LinearState, medium_amplitudes
from sdf1_field.sources import Secretion
from sdf1_field.transport import Ledger, Uptake
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

_FORGETS = 40.0
"""Rate times step from which on ``exp(-rate step)`` is below the round-off of a double."""
_TABLES = 16
"""Tables kept, each with its `Eigenmodes`: two ligands, eight lengths of step or decays each."""


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
        Uptake is nonlinear: a ligand that cells take up is solved by ``cosine``.
    tolerances : Tolerances
    """
    assert uptake is None
    del tolerances
    columns = arrow.columns
    course = _course(arrow, secretion, state.time, until)
    begun, face, bound = _remembered(arrow, state, course.step)
    _add_sources(arrow, course, face, bound)
    end, scale = course.end, columns.mode_scale
    mean, ledger = _mean_after(arrow, state, course)
    face[0, 0] = scale * float(arrow.mean.gains @ mean)
    bound[0, 0] = scale * float(arrow.mean.vectors[-1] @ mean)
    face += columns.half_layer / arrow.weakening * end
    bound *= arrow.to_bound
    concentration, on_floor = inverse(face, overwrite=True), inverse(bound, overwrite=True)
    exchanged = arrow.capture * concentration
    exchanged -= arrow.coat.dissociation_rate / MOLECULES_PER_UM3_PER_NM * on_floor
    layer = secretion.at(until) / MOLECULES_PER_UM3_PER_NM
    layer -= exchanged
    layer *= columns.half_layer
    np.subtract(concentration, layer, out=layer)
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
    # Only a secretion that stays as it is comes again in the next step.
    transformed = new_modes_of if secretion.changing else modes_of
    constant, *changing = transformed(arrow.columns, secretion)
    laws = [part.law for part in secretion.changing]
    rates = [law.rate for law in laws if isinstance(law, ExponentialDecay)]
    polynomials = {
        n: law.polynomial(begin, end)
        for n, law in enumerate(laws)
        if not isinstance(law, ExponentialDecay)
    }
    degrees = max([1, *(len(coefficients) for coefficients in polynomials.values())])
    assert degrees <= DEGREES, "a law of time of higher degree has no response"
    parts = np.empty((degrees + len(rates), *constant.shape))
    parts[0] = constant
    filled, fading = 1, iter(parts[degrees:])
    for n, (modes, law) in enumerate(zip(changing, laws, strict=True)):
        if isinstance(law, ExponentialDecay):
            np.multiply(law.at(begin), modes, out=next(fading))
            continue
        for degree, coefficient in enumerate(polynomials[n]):
            if degree == filled:
                np.multiply(coefficient, modes, out=parts[degree])
                filled += 1
            elif coefficient != 0.0:
                _add_scaled(parts[degree], coefficient, modes)
    return Course(end - begin, parts, degrees, tuple(rate * (end - begin) for rate in rates))


@kernel()
def _add_scaled(total: Array, factor: float, values: Array) -> None:
    """Add a multiple of an array, shape (ny, nx) each, without another one in between."""
    for p in range(total.shape[0]):
        for q in range(total.shape[1]):
            total[p, q] += factor * values[p, q]


class Remembered(NamedTuple):
    """Amplitudes that have a memory, and their share of floor and coat at the end of a step.

    Parameters
    ----------
    begun : Amplitudes
        Now, those that do not decay in the step.
    face, bound : ndarray, shape (ny, nx)
        Modes at z = 0 [nM] and of the coat's amplitude.
    """

    begun: Amplitudes
    face: Array
    bound: Array


def _remembered(arrow: Arrow, state: LinearState, duration: float) -> Remembered:
    """Amplitudes now, and their share of floor and coat after a duration [s].

    Amplitudes that have decayed by then are left out.
    """
    modes, course = arrow.modes, state.course
    # Rates rise with lambda: by eigenmode the last node that still counts.
    counting = (modes.rates * duration < _FORGETS).sum(axis=0).astype(np.int64)
    starts = np.zeros_like(state.begun.starts)
    _count_rows(arrow.index, counting, starts)
    nowhere, none = np.zeros((0, 0, 0)), np.zeros(0)
    no_modes = np.zeros((0, 0))
    now = np.empty(starts[-1])
    face, bound = np.zeros(arrow.share.shape), np.zeros(arrow.share.shape)

    def remember(first: int, last: int) -> None:
        _remember(
            first,
            last,
            state.begun.values,
            state.begun.starts,
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
            starts,
            now,
            face,
            bound,
        )

    in_blocks(remember, len(arrow.share))
    return Remembered(Amplitudes(now, starts), face, bound)


@kernel()
def _count_rows(
    index: NDArray[np.int32], counting: NDArray[np.int64], starts: NDArray[np.int64]
) -> None:
    """Fill in where the kept amplitudes of each row and eigenmode start; see `Amplitudes`.

    Parameters
    ----------
    index : ndarray, shape (ny, nx)
        As of `Arrow`; it does not fall along a row.
    counting : ndarray, shape (n,)
        Number of nodes, by eigenmode, whose amplitudes are kept.
    starts : ndarray, shape (ny * n + 1,)
        Overwritten but for the first, which is 0.
    """
    for p in range(index.shape[0]):
        for i in range(counting.size):
            kept = np.searchsorted(index[p], counting[i])
            row = p * counting.size + i
            starts[row + 1] = starts[row] + kept


@kernel()
def _remember(
    first: int,
    end: int,
    begun: Array,
    begun_starts: NDArray[np.int64],
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
    starts: NDArray[np.int64],
    now: Array,
    face: Array,
    bound: Array,
) -> None:
    """Amplitudes now, from those at the beginning of the last step and all sources since.

    Parameters
    ----------
    first, end : int
        Rows of cosine modes, from the first to before the end.
    begun : ndarray, shape (kept,)
        Amplitudes at the beginning of the last step; see `Amplitudes`.
    begun_starts, starts : ndarray, shape (ny * n + 1,)
        Where each row and eigenmode starts in ``begun``, and in ``now``.
    last : float
        Length of the last step [s].
    parts, degrees, decays
        As of `Course`; no parts without a last step.
    released, held : ndarray, shape (ny, nx), or (0, 0) for none
        As of `LinearState`.
    duration : float
        Length of the next step [s].
    index, share : ndarray, shape (ny, nx)
        As of `Arrow`.
    log_rates, gains, layer_gains, coat : ndarray, shape (node, n)
        As of `Eigenmodes`.
    now : ndarray, shape (kept,)
        Overwritten: amplitudes now that do not decay in the next step.
    face, bound : ndarray, shape (ny, nx)
        Their modes at z = 0 [nM] and on the coat after the next step are added.
    """
    count = gains.shape[1]
    for p in range(first, end):
        for i in range(count):
            row = p * count + i
            start, before = starts[row], begun_starts[row]
            kept_before = begun_starts[row + 1] - before
            for q in range(starts[row + 1] - start):
                k = index[p, q]
                weights = lagrange(share[p, q])
                rate = math.exp(interpolated(log_rates[:, i], k, weights))
                gain = interpolated(gains[:, i], k, weights)
                on_coat = interpolated(coat[:, i], k, weights)
                amplitude = begun[before + q] if q < kept_before else 0.0
                if parts.shape[0] > 0:
                    x = rate * last
                    decay = math.exp(-x)
                    amplitude *= decay
                    j0, j1, j2 = responses_at(x, decay)
                    given = j0 * parts[0, p, q]
                    if degrees > 1:
                        given += j1 * parts[1, p, q]
                    if degrees > 2:
                        given += j2 * parts[2, p, q]
                    for m in range(decays.size):
                        later = math.exp(-min(x, decays[m]))
                        apart = abs(x - decays[m])
                        later *= responses_at(apart, math.exp(-apart))[0]
                        given += later * parts[degrees + m, p, q]
                    amplitude += last * gain * given
                if released.shape[0] > 0:
                    a, b, c, d = weights
                    into_layer = a * layer_gains[k, i] + b * layer_gains[k + 1, i]
                    into_layer += c * layer_gains[k + 2, i] + d * layer_gains[k + 3, i]
                    amplitude += into_layer * released[p, q]
                if held.shape[0] > 0:
                    amplitude += on_coat * held[p, q]
                now[start + q] = amplitude
                left = amplitude * math.exp(-rate * duration)
                face[p, q] += gain * left
                bound[p, q] += on_coat * left


def _add_sources(arrow: Arrow, course: Course, face: Array, bound: Array) -> None:
    """Add the response of floor and coat to all parts of a course, but to the mean's."""
    tables = [*_tables_of_powers(arrow.modes, course.step)[: course.degrees]]
    tables += [_table_of_decay(arrow.modes, course.step, decay) for decay in course.decays]
    responses_of = np.stack(tables)
    in_blocks(
        lambda first, end: _add_responses(
            first, end, responses_of, course.parts, arrow.index, arrow.share, face, bound
        ),
        len(face),
    )


@kernel()
def _add_responses(
    first: int,
    end: int,
    tables: Array,
    parts: Array,
    index: NDArray[np.int32],
    share: Array,
    face: Array,
    bound: Array,
) -> None:
    """Add every part of a course times its responses, interpolated in the logarithm of lambda.

    Parameters
    ----------
    first, end : int
        Rows of cosine modes, from the first to before the end.
    tables : ndarray, shape (part, 2, node)
        Responses of floor and coat.
    parts : ndarray, shape (part, ny, nx)
        As of `Course`.
    index, share : ndarray, shape (ny, nx)
        As of `Arrow`.
    face, bound : ndarray, shape (ny, nx)
        Changed.
    """
    for p in range(first, end):
        for q in range(index.shape[1]):
            k = index[p, q]
            weights = lagrange(share[p, q])
            on_face, on_coat = face[p, q], bound[p, q]
            for m in range(tables.shape[0]):
                part = parts[m, p, q]
                on_face += interpolated(tables[m, 0], k, weights) * part
                on_coat += interpolated(tables[m, 1], k, weights) * part
            face[p, q], bound[p, q] = on_face, on_coat


@functools.lru_cache(maxsize=_TABLES)
def _tables_of_powers(modes: Eigenmodes, duration: float) -> tuple[Array, ...]:
    return tuple(
        _table(modes, duration, response) for response in responses(modes.rates * duration)
    )


@functools.lru_cache(maxsize=_TABLES)
def _table_of_decay(modes: Eigenmodes, duration: float, decay: float) -> Array:
    return _table(modes, duration, response_to_decay(modes.rates * duration, decay))


def _table(modes: Eigenmodes, duration: float, response: Array) -> Array:
    """Responses of floor and coat, summed over the eigenmodes, at each node: shape (2, node)."""
    gained = duration * modes.gains * response
    return np.stack([(gained * modes.gains).sum(axis=1), (gained * modes.coat).sum(axis=1)])


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
    lost_on_coat = arrow.coat.loss_rate * arrow.to_bound * float(physical[-1])
    ledger = booked(columns, state.ledger, physical[:-1], span)
    return after, ledger.book(degraded=columns.grid.area * lost_on_coat)


def column(arrow: Arrow, state: LinearState) -> Array:
    """Concentration everywhere in the grid [nM], shape (nz, ny, nx).

    Off the floor the few poles represent it less accurately than there.
    """
    columns, mean = arrow.columns, arrow.columns.mean
    begun = _remembered(arrow, state, 0.0).begun
    ny, nx = arrow.share.shape
    # Nothing decays in no time: all amplitudes are kept.
    eigen = begun.values.reshape(ny, -1, nx)
    poles = len(columns.rates)
    amplitudes = np.zeros((poles, *arrow.share.shape))
    for i in range(poles + 1):
        amplitudes += on_grid(arrow, arrow.modes.vectors[:, :poles, i].T) * eigen[:, i, :]
    layers = np.einsum("im,mpq->ipq", columns.vectors, amplitudes)
    layers /= np.sqrt(columns.grid.thickness)[:, None, None]
    profile = (mean.vectors @ medium_amplitudes(arrow, state) / np.sqrt(mean.thickness))[
        : columns.grid.nz
    ]
    return np.stack([inverse(values) for values in layers]) + profile[:, None, None]
