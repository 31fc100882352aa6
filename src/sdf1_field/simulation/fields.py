"""Fields between two stops: secretion, uptake by cells, and bursts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sdf1_field import exposure
from sdf1_field.cells import ligand_uptake
from sdf1_field.errors import RunError
from sdf1_field.exposure import FaceValues
from sdf1_field.migrasomes import Emission
from sdf1_field.simulation.prepared import Prepared
from sdf1_field.simulation.scene_fields import SceneFields
from sdf1_field.simulation.state import State
from sdf1_field.solvers import FieldState
from sdf1_field.sources import secretion_of, spread_at_once
from sdf1_field.transport import Uptake


def advance_fields(
    state: State, here: SceneFields, there: SceneFields, emission: Mapping[str, Emission]
) -> dict[str, FieldState]:
    """Fields at the end of an interval.

    Parameters
    ----------
    state : State
        At the beginning.
    here, there : SceneFields
        At the beginning and at the end.
    emission : mapping of str to Emission
        By ligand, in between.

    Raises
    ------
    RunError
        If the solver fails.
    """
    prepared, fields = here.prepared, dict(state.fields)
    for name, equation in here.equations.items():
        field: Any = fields[name]
        begun, until = field.time, emission[name].until
        sources = secretion_of(
            emission[name], prepared.grid, here.sources[name], there.sources[name]
        )
        try:
            field = prepared.solvers[name].advance(
                equation,
                field,
                sources,
                until,
                uptake=_uptake(prepared, state, name),
                tolerances=prepared.tolerances,
            )
        except RunError as error:
            raise RunError(f"ligand {name}: {error}") from None
        fields[name] = replace(
            field, ledger=field.ledger.book(secreted=sources.released(begun, until))
        )
    return fields


def release_bursts(state: State, there: SceneFields, emission: Mapping[str, Emission]) -> State:
    """State after the bursts of an interval, where migrasomes are at its end.

    Parameters
    ----------
    state : State
    there : SceneFields
        At the end of the interval.
    emission : mapping of str to Emission
        By ligand.
    """
    prepared, sensing = there.prepared, there.prepared.sensing
    fields: dict[str, Any] = dict(state.fields)
    exposed = state.exposure
    for name, equation in there.equations.items():
        bursts = emission[name].bursts
        some = np.flatnonzero(bursts)
        if len(some) == 0:
            continue
        field = prepared.solvers[name].release(
            equation,
            fields[name],
            spread_at_once(there.scene, prepared.grid, some, bursts[some]),
            tolerances=prepared.tolerances,
        )
        fields[name] = replace(field, ledger=field.ledger.book(secreted=float(bursts.sum())))
        if sensing is not None and name == sensing.ligand:
            values = FaceValues(
                prepared.solvers[name].face(equation, fields[name]), fields[name].bound
            )
            exposed = exposure.burst(sensing, equation.transport, exposed, values, emission[name])
    return replace(state, fields=fields, exposure=exposed)


def _uptake(prepared: Prepared, state: State, ligand: str) -> Uptake | None:
    """Uptake of a ligand by the cells where they are now."""
    if state.cells is None or ligand != prepared.spec.receptor.cxcr4.ligand:
        return None
    return ligand_uptake(
        prepared.spec,
        state.cells,
        prepared.grid,
        competition=prepared.plan.competition(state.time),
    )
