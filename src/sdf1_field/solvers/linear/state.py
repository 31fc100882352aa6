"""State of medium and unsaturated coat at a time: start, events that act at once, and readings."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdf1_field.modes import forward
from sdf1_field.solvers.cosine.columns import Columns
from sdf1_field.solvers.cosine.state import CosineState
from sdf1_field.solvers.cosine.state import start as start_saturating
from sdf1_field.solvers.cosine.tolerances import Tolerances
from sdf1_field.solvers.linear.arrow import Arrow
from sdf1_field.transport import Ledger
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]


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
        Number of them that belong to the polynomial.
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
class Amplitudes:
    """Amplitudes of the eigenmodes that have a memory, which is a small part of them.

    Rates rise along each row of cosine modes, so that of each eigenmode a row's first values are
    kept and all others are zero.

    Parameters
    ----------
    values : ndarray, shape (kept,)
        By row, eigenmode and column of cosine modes [nM um**1/2].
    starts : ndarray, shape (ny * n + 1,)
        Place in ``values`` of the first one of each row and eigenmode, and the end.
    """

    values: Array
    starts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LinearState:
    """State of medium and coat at a time, as amplitudes of their eigenmodes.

    Parameters
    ----------
    time : float
        [s].
    begun : Amplitudes
        At the beginning of the last step, of the eigenmodes that have not decayed by its end.
    course : Course or None
        Secretion in the last step; None if no step has been taken since the start or the last
        medium change.
    released, held : ndarray, shape (ny, nx), or None
        Modes of the ligand that the lowest layer has gained since [nM um], and of the coat's
        ``beta`` where it is not in ``begun``.
    mean : ndarray, shape (layer + 1,)
        Amplitudes of the mean's eigenmodes now.
    bound, layer, face : ndarray, shape (ny, nx)
        Bound [molecules/um**2], in the lowest layer and at z = 0 [nM].
    ledger : Ledger
    fill : float
        Largest share of the coat's sites that has been filled so far [1].
    """

    time: float
    begun: Amplitudes
    course: Course | None
    released: Array | None
    held: Array | None
    mean: Array
    bound: Array
    layer: Array
    face: Array
    ledger: Ledger
    fill: float


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


def _nothing(arrow: Arrow) -> Amplitudes:
    rows = len(arrow.share) * arrow.modes.rates.shape[1]
    return Amplitudes(np.zeros(0), np.zeros(rows + 1, dtype=np.int64))


def add(
    arrow: Arrow, state: LinearState, concentration: float, *, tolerances: Tolerances
) -> LinearState:
    """State after ligand is mixed into the whole medium; see `sdf1_field.solvers.Solver.add`."""
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
    """State after ligand is released at once; see `sdf1_field.solvers.Solver.release`."""
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
    """State after fresh medium replaces the old; see `sdf1_field.solvers.Solver.change_medium`."""
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


def to_saturating(
    arrow: Arrow, state: LinearState, columns: Columns, *, tolerances: Tolerances
) -> CosineState:
    """State of the ``cosine`` solver with the same coat, for just before a medium change.

    Of the medium the mean alone is kept, so that what the change removes is booked: the field in
    the medium is lost.

    Parameters
    ----------
    arrow : Arrow
    state : LinearState
    columns : Columns
        Of the same equation.
    tolerances : Tolerances
    """
    return replace(
        start_saturating(columns, time=state.time, tolerances=tolerances),
        mean=medium_amplitudes(arrow, state),
        bound=state.bound,
        ledger=state.ledger,
    )


def medium_amplitudes(arrow: Arrow, state: LinearState) -> Array:
    """Amplitudes of the mean's column in the medium [nM um**1/2]."""
    result: Array = (arrow.mean.vectors @ state.mean)[:-1]
    return result


def in_medium(arrow: Arrow, state: LinearState) -> float:
    """Ligand dissolved [molecules], in the mixed medium too."""
    amount = float(arrow.columns.mean.content @ medium_amplitudes(arrow, state))
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
    return float(arrow.columns.mean.top_weights @ medium_amplitudes(arrow, state))
