"""The quantities that a run's output shows, computed from its state only when they are read."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells import Cells
from sdf1_field.migrasomes import Cargo, cargo_of, rates_now
from sdf1_field.scene import FloorRegions, RegionMap, Scene
from sdf1_field.simulation.scene_fields import SceneFields
from sdf1_field.simulation.state import State
from sdf1_field.solvers import FieldState

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LigandOutput:
    """A ligand at a time of output.

    Parameters
    ----------
    floor : ndarray, shape (ny, nx)
        Mean of the lowest layer [nM].
    bound : ndarray, shape (ny, nx)
        Ligand on the coat [molecules/um**2].
    secretion : ndarray, shape (ny, nx)
        As the solver is given it [molecules/(um**2 s)].
    sites : ndarray, shape (ny, nx), or None
        Of the coat [1/um**2]; None where it is even.
    reservoir : float or None
        Concentration of the mixed medium [nM]; None where none is mixed.
    minimum : float
        Lowest value at the floor so far [nM].
    masses : mapping of str to float
        Entries of the mass audit [molecules]; NaN for the sums since the start in steady state.
    body_rates : ndarray, shape (body,)
        Secretion of each body [molecules/s].
    migrasome_rates : ndarray, shape (migrasome,)
        Secretion of each migrasome [molecules/s].
    cargo : Cargo or None
        None where cargo is not followed.
    filled : float or None
        Largest share of the coat's sites filled so far, where the coat is taken as unsaturated.
    unsaturated_until : float
        Time until which the coat is taken as unsaturated [s]; infinite for the whole run, minus
        infinite for none of it.
    """

    floor: Array
    bound: Array
    secretion: Array
    sites: Array | None
    reservoir: float | None
    minimum: float
    masses: Mapping[str, float]
    body_rates: Array
    migrasome_rates: Array
    cargo: Cargo | None
    filled: float | None
    unsaturated_until: float


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run at a time at which its output asks for it.

    Maps of the floor are computed when they are first read: consumers without fields do not pay.

    Parameters
    ----------
    time : float
        [s].
    here : SceneFields
        Of the scene at that time.
    fields : mapping of str to FieldState, or None
        By ligand; None between two stops where only cells are asked for.
    cells : Cells or None
        None before they are added, and in steady state.
    stop : State
        Of the last stop by then, from which the run can be resumed.
    """

    time: float
    here: SceneFields
    fields: Mapping[str, FieldState] | None
    cells: Cells | None
    stop: State

    @property
    def at_stop(self) -> bool:
        """Whether the time is a stop, at which cells take up the scene."""
        return self.time == self.stop.time

    @property
    def scene(self) -> Scene:
        """Stroma at that time."""
        return self.here.scene

    @property
    def floor(self) -> FloorRegions:
        """Regions of the floor."""
        return self.here.floor

    @property
    def regions(self) -> RegionMap:
        """Region under each floor cell, shape (ny, nx)."""
        return self.floor.regions

    @functools.cached_property
    def cell_regions(self) -> NDArray[np.uint8]:
        """Region under each cell's centre, shape (cell,)."""
        assert self.cells is not None
        return self.here.floor.under(self.cells.x, self.cells.y)

    @functools.cached_property
    def ligands(self) -> Mapping[str, LigandOutput]:
        """Each solved ligand, where fields are saved."""
        assert self.fields is not None
        return {name: self._ligand(name, field) for name, field in self.fields.items()}

    def _ligand(self, name: str, field: Any) -> LigandOutput:
        prepared, scene = self.here.prepared, self.scene
        solver, equation = prepared.solvers[name], prepared.equations[name]
        steady = prepared.spec.run.mode == "steady"
        sums = field.ledger.sums
        masses = {
            **(dict.fromkeys(sums, np.nan) if steady else sums),
            "in_medium": solver.in_medium(equation, field),
            "bound": solver.on_coat(equation, field),
        }
        # A scene that is frozen does not know of cargo any more.
        followed = name in prepared.spec.followed_ligands and scene.growth is not None
        mixed = prepared.spec.dish.mixed_above > 0.0
        of_bodies, of_migrasomes = rates_now(scene, name)
        return LigandOutput(
            floor=self._inside(solver.floor(equation, field)),
            bound=self._inside(field.bound),
            secretion=self._inside(self.here.sources[name].flux),
            sites=self.here.sites.get(name),
            reservoir=solver.reservoir(equation, field) if mixed else None,
            minimum=field.ledger.minimum,
            masses=masses,
            body_rates=of_bodies,
            migrasome_rates=of_migrasomes,
            cargo=cargo_of(scene)[name] if followed else None,
            filled=getattr(field, "fill", None),
            unsaturated_until=prepared.unsaturated_until[name],
        )

    def _inside(self, values: Array) -> Array:
        """Floor values, NaN outside the wall of a round well."""
        grid = self.here.prepared.grid
        return np.where(grid.inside, values, np.nan) if grid.round else values


def snapshot_of(state: State, here: SceneFields) -> Snapshot:
    """Snapshot at a stop, with the fields of its scene."""
    return Snapshot(state.time, here, state.fields, state.cells, state)
