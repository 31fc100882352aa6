"""State of a run at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

from sdf1_field import exposure
from sdf1_field.cells import Cells
from sdf1_field.exposure import Exposure
from sdf1_field.scene import Scene
from sdf1_field.simulation.prepared import Prepared
from sdf1_field.simulation.stroma import first_scene
from sdf1_field.solvers import FieldState
from sdf1_field.units import instant


@dataclass(frozen=True, eq=False)
class State:
    """Everything a run is at a time.

    Parameters
    ----------
    time : float
        [s]; 0 when the haematopoietic cells are added.
    seed : int
        The dish's.
    scene : Scene
    fields : mapping of str to FieldState
        By ligand, of its solver.
    cells : Cells or None
        None before they are added, and in steady state.
    exposure : Exposure
    """

    time: float
    seed: int
    scene: Scene
    fields: Mapping[str, FieldState]
    cells: Cells | None
    exposure: Exposure


def begin(prepared: Prepared, seed: int) -> State:
    """State at the start of the MSC culture."""
    spec, start = prepared.spec, instant(-prepared.spec.run.culture)
    scene = first_scene(
        spec,
        seed,
        prepared.plan.perturbation(start),
        secretion_factor=prepared.factors.secretion,
    )
    return State(
        time=start,
        seed=seed,
        scene=scene,
        fields={
            name: prepared.solvers[name].start(equation, time=start, tolerances=prepared.tolerances)
            for name, equation in prepared.equations.items()
        },
        cells=None,
        exposure=exposure.begin(prepared.sensing, scene),
    )
