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

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.migrasomes.emission import ExponentialDecay
from sdf1_field.modes import inverse
from sdf1_field.solvers.cosine.secreted import modes_of
from sdf1_field.solvers.cosine.state import booked
from sdf1_field.solvers.cosine.tolerances import Tolerances
from sdf1_field.solvers.linear.arrow import Arrow, lagrange, on_grid
from sdf1_field.solvers.linear.moments import (
    integral_of_decay,
    integrals,
    response_to_decay,
    responses,
    responses_at,
)
from sdf1_field.solvers.linear.state import Course, LinearState, medium_amplitudes
from sdf1_field.sources import Secretion
from sdf1_field.transport import Ledger, Uptake
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

_FORGETS = 40.0
"""Rate times step from which on ``exp(-rate step)`` is below the round-off of a double."""


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
    """Amplitudes now, and their share of floor and coat after a duration [s].

    Amplitudes that have decayed by then are 0.
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
    """Amplitudes now, from those at the beginning of the last step and all sources since.

    Parameters
    ----------
    begun : ndarray, shape (ny, n, nx)
        Amplitudes at the beginning of the last step.
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
    counting : ndarray, shape (n,)
        Number of nodes, by eigenmode, whose amplitudes have not decayed after the next step.
    now : ndarray, shape (ny, n, nx)
        Overwritten: amplitudes now, 0 where they decay in the next step.
    face, bound : ndarray, shape (ny, nx)
        Their modes at z = 0 [nM] and on the coat after the next step are added.
    """
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
    """Response of floor and coat to each part of a course, shape (2, ny, nx) each."""
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
    lost_on_coat = arrow.coat.loss_rate * arrow.to_bound * float(physical[-1])
    ledger = booked(columns, state.ledger, physical[:-1], span)
    return after, ledger.book(degraded=columns.grid.area * lost_on_coat)


def column(arrow: Arrow, state: LinearState) -> Array:
    """Concentration everywhere in the grid [nM], shape (nz, ny, nx).

    Off the floor the few poles represent it less accurately than there.
    """
    columns, mean = arrow.columns, arrow.columns.mean
    eigen, _, _ = _remembered(arrow, state, 0.0)
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
