"""From one time to another: exact steps, or coupled ones under error control."""

import math
from dataclasses import replace

import numpy as np

from sdf1_field.errors import RunError
from sdf1_field.solvers import equal_steps
from sdf1_field.solvers.cosine.columns import Columns
from sdf1_field.solvers.cosine.coupled import SHRINK, SMALLEST_STEP, coupled_step
from sdf1_field.solvers.cosine.exact import exact_step
from sdf1_field.solvers.cosine.secreted import modes_of, place
from sdf1_field.solvers.cosine.state import CosineState
from sdf1_field.solvers.cosine.tolerances import Tolerances
from sdf1_field.sources import Secretion
from sdf1_field.transport import Uptake

_SAFETY, _GROW, _KEEP = 0.9, 2.0, 1.3
"""Share of the step that the error allows; greatest growth of a step, and least growth for which it
is changed at all."""
_LINE_SHARE = 0.3
"""Share of the tolerance by which the secretion may deviate from its line within a step, which the
error estimate does not see."""


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

    Without coat and uptake each step is exact but for the secretion, which is taken as the nearest
    straight line; with them, steps are as long as their error estimate allows. Parameters are those
    of `sdf1_field.solvers.Solver.advance`.

    Raises
    ------
    RunError
        If a value is no longer finite, the floor's iteration fails, or the step becomes too small.
    """
    try:
        modes_of(columns, secretion)
    except RunError as error:
        raise RunError(f"t = {state.time:.6g} s, {error}") from None
    longest = secretion.longest_step(tolerances.relative)
    if columns.coat is None and uptake is None:
        while state.time < until:
            count = equal_steps(until - state.time, longest)
            step = (until - state.time) / count
            state = exact_step(
                columns, state, secretion, until if count == 1 else state.time + step
            )
        _require_finite(columns, state)
        return state
    longest = secretion.longest_step(_LINE_SHARE * tolerances.relative)
    while state.time < until:
        count = equal_steps(until - state.time, min(state.step, longest))
        step = (until - state.time) / count
        if step < SMALLEST_STEP:
            raise RunError(
                f"t = {state.time:.6g} s: the step fell below {SMALLEST_STEP:g} s. "
                "Raise numerics.tolerance or numerics.absolute_tolerance."
            )
        try:
            trial = coupled_step(columns, uptake, state, step, secretion, tolerances)
        except RunError as error:
            raise RunError(f"t = {state.time:.6g} s: {error}") from None
        if not trial.error <= 1.0:
            shrink = _SAFETY / math.sqrt(trial.error) if math.isfinite(trial.error) else SHRINK
            state = replace(state, step=step * min(max(shrink, SHRINK), _SAFETY))
            continue
        factor = _SAFETY / math.sqrt(max(trial.error, (_SAFETY / _GROW) ** 2))
        grown = step * factor if factor > _KEEP else step
        state = replace(
            trial.state,
            time=until if count == 1 else state.time + step,
            # A step that was shortened to land on a time does not shorten the next one.
            step=max(grown, state.step) if count == 1 else grown,
        )
        _require_finite(columns, state)
    return state


def _require_finite(columns: Columns, state: CosineState) -> None:
    if math.isfinite(float(state.layer.sum()) + float(state.bound.sum())):
        return
    wrong = ~(np.isfinite(state.layer) & np.isfinite(state.bound))
    if wrong.any():
        raise RunError(
            f"t = {state.time:.6g} s, {place(columns, wrong)}: the concentration is no longer "
            "finite. Check secretion rates and coat constants, or lower numerics.coupling_step."
        )
