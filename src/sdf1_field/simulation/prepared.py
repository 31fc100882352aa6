"""A model ready to run. Only the solver of a coat that begins to saturate changes in a run."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sdf1_field.exposure import SensingSetup, sensing_setup
from sdf1_field.grid import Grid
from sdf1_field.simulation.dish import model_grid
from sdf1_field.simulation.saturation import unsaturated_until
from sdf1_field.solvers import Solver, Unresolved, solver_named
from sdf1_field.spec import ModelSpec
from sdf1_field.transport import Coat, Transport
from sdf1_field.treatments import Schedule, schedule
from sdf1_field.variation import DishFactors, dish_factors


@dataclass(frozen=True, eq=False)
class Prepared:
    """A model ready to run.

    Parameters
    ----------
    spec : ModelSpec
    grid : Grid
    solvers : mapping of str to Solver
        By ligand, at present.
    unsaturated_until : mapping of str to float
        By ligand, time until which its coat is taken as unsaturated [s]; settled before the run.
    equations : mapping of str to object
        By ligand, its solver's own preparation of its equation, with an even coat.
    tolerances : object
        The solvers'.
    factors : DishFactors
    plan : Schedule
    sensing : SensingSetup or None
        None where nothing is sensed.
    """

    spec: ModelSpec
    grid: Grid
    solvers: Mapping[str, Solver]
    unsaturated_until: Mapping[str, float]
    equations: Mapping[str, Any]
    tolerances: Any
    factors: DishFactors
    plan: Schedule
    sensing: SensingSetup | None


def prepare(spec: ModelSpec, seed: int, *, nonlinear: Collection[str] = ()) -> Prepared:
    """Grid, solvers and the dish's own factors.

    Parameters
    ----------
    spec : ModelSpec
    seed : int
        The dish's.
    nonlinear : collection of str
        Ligands whose coat is not to be taken as unsaturated, whatever fill is expected.
    """
    grid, general = model_grid(spec), solver_named(spec.numerics.solver)
    tolerances, factors = general.tolerances_of(spec.numerics), dish_factors(spec, seed)
    transports = {name: _transport(spec, name) for name in spec.solved_ligands}
    senses = bool(spec.sensed_ligands) and spec.cell_count > 0 and spec.run.mode != "steady"
    until = {
        name: -math.inf if name in nonlinear else unsaturated_until(spec, name, factors.secretion)
        for name in transports
    }
    linear = solver_named("linear")
    solvers, equations = dict.fromkeys(transports, general), {}
    for name, transport in transports.items():
        if until[name] > -spec.run.culture:
            try:
                equations[name] = linear.prepare(grid, transport, tolerances)
                solvers[name] = linear
                continue
            except Unresolved:
                until[name] = -math.inf
        equations[name] = general.prepare(grid, transport, tolerances)
    return Prepared(
        spec=spec,
        grid=grid,
        solvers=solvers,
        unsaturated_until=until,
        equations=equations,
        tolerances=tolerances,
        factors=factors,
        plan=schedule(spec),
        sensing=(sensing_setup(spec, grid, transports[spec.sensed_ligands[0]]) if senses else None),
    )


def _transport(spec: ModelSpec, name: str) -> Transport:
    ligand, dish = spec.ligand[name], spec.dish
    return Transport(
        diffusivity=ligand.diffusivity,
        loss_rate=ligand.loss_rate,
        coat=Coat(
            sites=ligand.coat.sites,
            association_rate=ligand.coat.association_rate,
            dissociation_rate=ligand.coat.dissociation_rate,
            loss_rate=ligand.coat.loss_rate,
        ),
        bath=ligand.bath_concentration if dish.top == "bath" else None,
        mixed=dish.height - dish.still_height if dish.mixed_above > 0.0 else None,
    )
