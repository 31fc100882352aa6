"""The quantities that a run's output shows, computed from its state only when they are read."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells import Cells
from sdf1_field.coating import binding_sites
from sdf1_field.migrasomes import Cargo, cargo_of, rates_now
from sdf1_field.scene import RegionMap, Scene
from sdf1_field.simulation import Setting, Snapshot, regions_of
from sdf1_field.sources import Secretion, secretion

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SceneMaps:
    """Maps of the floor that depend on the scene alone."""

    setting: Setting
    scene: Scene

    @functools.cached_property
    def regions(self) -> RegionMap:
        """Region under each floor cell."""
        return regions_of(self.setting.spec, self.scene, self.setting.grid)

    @functools.cached_property
    def sources(self) -> Mapping[str, Secretion]:
        """Secretion by ligand."""
        grid = self.setting.grid
        return {name: secretion(self.scene, grid, name) for name in self.setting.prepared}


@dataclass(frozen=True, eq=False)
class LigandFrame:
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

    def cargo_balance(self) -> dict[str, float]:
        """Totals over the scene [molecules], the first of them the sum of the others."""
        own = self.cargo
        if own is None:
            return {}
        return {
            "made": float(own.made.sum()),
            "in_bodies": float((own.front + own.rear).sum()),
            "in_migrasomes": float(own.held.sum()),
            "released_by_bodies": float(own.released.sum()),
            "released_by_fusion": float(own.fused.sum()),
            "released_at_once": float(own.leaked.sum()),
            "carried_off": float(own.carried_off.sum()),
        }


@dataclass(frozen=True, eq=False)
class Frame:
    """A run at a time of output; consumers pay only for the quantities that they read."""

    snapshot: Snapshot
    maps: SceneMaps

    @property
    def time(self) -> float:
        """Time of output [s]."""
        return self.snapshot.time

    @property
    def scene(self) -> Scene:
        """Stroma at that time."""
        return self.snapshot.scene

    @property
    def cells(self) -> Cells | None:
        """Cells; None before they are added, and in steady state."""
        return self.snapshot.cells

    @property
    def regions(self) -> RegionMap:
        """Region under each floor cell."""
        return self.maps.regions

    @functools.cached_property
    def cell_regions(self) -> NDArray[np.uint8]:
        """Region under each cell's centre, shape (cell,)."""
        assert self.cells is not None
        under: NDArray[np.uint8] = self.regions[
            self.maps.setting.grid.index(self.cells.x, self.cells.y)
        ]
        return under

    @functools.cached_property
    def ligands(self) -> Mapping[str, LigandFrame]:
        """Each solved ligand; only at times at which fields are saved."""
        assert self.snapshot.fields is not None
        return {name: self._ligand(name, field) for name, field in self.snapshot.fields.items()}

    def _ligand(self, name: str, field: Any) -> LigandFrame:
        setting, scene = self.maps.setting, self.scene
        solver, prepared = setting.solver, setting.prepared[name]
        coat = setting.spec.ligand[name].coat
        # A scene that is frozen does not know of cargo any more.
        followed = name in setting.spec.followed_ligands and scene.growth is not None
        sums = ("secreted", "added", "degraded", "through_top", "removed", "taken_up")
        steady = setting.spec.run.mode == "steady"
        masses = {key: np.nan if steady else getattr(field.ledger, key) for key in sums}
        masses["in_medium"] = solver.in_medium(prepared, field)
        masses["bound"] = solver.on_coat(prepared, field)
        return LigandFrame(
            floor=self._inside(solver.floor(prepared, field)),
            bound=self._inside(field.bound),
            secretion=self._inside(self.maps.sources[name].flux),
            sites=np.asarray(binding_sites(coat, scene, setting.grid)) if coat.uneven else None,
            reservoir=(
                solver.reservoir(prepared, field) if setting.spec.dish.mixed_above > 0.0 else None
            ),
            minimum=field.ledger.minimum,
            masses=masses,
            body_rates=rates_now(scene, name)[0],
            migrasome_rates=rates_now(scene, name)[1],
            cargo=cargo_of(scene)[name] if followed else None,
        )

    def _inside(self, values: Array) -> Array:
        """Floor values, NaN outside the wall of a round well."""
        grid = self.maps.setting.grid
        return np.where(grid.inside, values, np.nan) if grid.round else values


def frame_of(setting: Setting, snapshot: Snapshot, last: Frame | None = None) -> Frame:
    """Frame of a snapshot; maps of an unchanged scene are those of the last frame."""
    if last is not None and last.scene is snapshot.scene:
        return Frame(snapshot, last.maps)
    return Frame(snapshot, SceneMaps(setting, snapshot.scene))
