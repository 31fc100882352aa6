"""Everything that stays the same throughout a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdf1_field.exposure import SensingSetup, sensing_setup
from sdf1_field.grid import Grid, make_grid
from sdf1_field.solvers import Solver, solver_named
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
    solver : Solver
    equations : mapping of str to object
        By ligand, the solver's own preparation of its equation, with an even coat.
    tolerances : object
        The solver's.
    factors : DishFactors
    plan : Schedule
    sensing : SensingSetup or None
        None where nothing is sensed.
    """

    spec: ModelSpec
    grid: Grid
    solver: Solver
    equations: Mapping[str, Any]
    tolerances: Any
    factors: DishFactors
    plan: Schedule
    sensing: SensingSetup | None


def prepare(spec: ModelSpec, seed: int) -> Prepared:
    """Grid, solver and the dish's own factors."""
    grid, solver = model_grid(spec), solver_named(spec.numerics.solver)
    tolerances = solver.tolerances_of(spec.numerics)
    transports = {name: _transport(spec, name) for name in spec.solved_ligands}
    senses = bool(spec.sensed_ligands) and spec.cell_count > 0 and spec.run.mode != "steady"
    return Prepared(
        spec=spec,
        grid=grid,
        solver=solver,
        equations={
            name: solver.prepare(grid, transport, tolerances)
            for name, transport in transports.items()
        },
        tolerances=tolerances,
        factors=dish_factors(spec, seed),
        plan=schedule(spec),
        sensing=(sensing_setup(spec, grid, transports[spec.sensed_ligands[0]]) if senses else None),
    )


def model_grid(spec: ModelSpec) -> Grid:
    """Grid of a model's dish, up to where the medium is mixed."""
    return make_grid(
        spec.dish.width,
        spec.dish.length,
        spec.dish.still_height,
        spacing=spec.grid.spacing,
        floor_layer=spec.grid.floor_layer,
        layer_growth=spec.grid.layer_growth,
        round_well=spec.dish.shape == "round",
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
