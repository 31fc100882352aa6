"""From one time to another by backward Euler steps, or to the steady state by one endless step."""

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import RunError
from sdf1_field.solvers import equal_steps
from sdf1_field.solvers.fipy.state import FipyState, start
from sdf1_field.solvers.fipy.system import CoupledSystem
from sdf1_field.solvers.fipy.tolerances import STEADY_STEP, Tolerances
from sdf1_field.solvers.fipy.volumes import Volumes
from sdf1_field.sources import Secretion
from sdf1_field.transport import Ledger, Uptake

Array = NDArray[np.float64]

ORDER = 1
"""Declared order in the time step."""


def advance(
    volumes: Volumes,
    state: FipyState,
    secretion: Secretion,
    until: float,
    *,
    uptake: Uptake | None = None,
    tolerances: Tolerances,
) -> FipyState:
    """State at a later time, in equal steps no longer than the tolerances' time step.

    Each step is taken under its mean secretion. Parameters are those of
    `sdf1_field.solvers.Solver.advance`.

    Raises
    ------
    RunError
        If a value is no longer finite, or a linear solve or the sweeps do not converge.
    """
    begin, span = state.time, until - state.time
    if span <= 0.0:
        return state
    count = equal_steps(span, tolerances.time_step)
    step = span / count
    system = CoupledSystem(volumes, uptake, tolerances, state)
    for n in range(count):
        # Counted from the beginning, so that the last step lands on the time asked for.
        at = until if n + 1 == count else begin + (n + 1) * step
        first, last = secretion.line(state.time, at)
        try:
            system.step(0.5 * (first + last), step)
        except RunError as error:
            raise RunError(f"t = {state.time:.6g} s: {error}") from None
        state = system.state(at, state.ledger, step)
    return state


def steady(
    volumes: Volumes,
    flux: Array,
    *,
    time: float,
    uptake: Uptake | None = None,
    tolerances: Tolerances,
) -> FipyState:
    """Steady state under constant secretion; parameters of `sdf1_field.solvers.Solver.steady`.

    Raises
    ------
    RunError
        If nothing is lost anywhere, or a linear solve or the sweeps do not converge.
    """
    volumes.transport.require_steady_state(uptake)
    begin = start(volumes, time=time, tolerances=tolerances)
    system = CoupledSystem(volumes, uptake, tolerances, begin)
    system.step(flux, STEADY_STEP)
    return system.state(time, Ledger(), 0.0)
