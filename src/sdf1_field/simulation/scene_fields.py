"""Quantities on the grid that follow from the scene alone."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field import migrasomes
from sdf1_field.cells import AdhesionMap, adhesion_map
from sdf1_field.grid import Grid
from sdf1_field.scene import FloorRegions, RegionMap, Scene, region_map
from sdf1_field.simulation.prepared import Prepared
from sdf1_field.sources import Secretion, binding_sites, secretion
from sdf1_field.spec import ModelSpec

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SceneFields:
    """A scene on the grid; each quantity is computed once, when it is first read."""

    prepared: Prepared
    scene: Scene

    @functools.cached_property
    def sites(self) -> Mapping[str, Array]:
        """Sites of each uneven coat on this scene by ligand [1/um**2], shape (ny, nx)."""
        spec = self.prepared.spec
        return {
            name: np.asarray(binding_sites(spec.ligand[name].coat, self.scene, self.prepared.grid))
            for name in self.prepared.equations
            if spec.ligand[name].coat.uneven
        }

    @functools.cached_property
    def equations(self) -> Mapping[str, Any]:
        """The solver's own preparation by ligand, with the coat's sites on this scene."""
        equations = dict(self.prepared.equations)
        for name, sites in self.sites.items():
            transport = equations[name].transport
            coat = replace(transport.coat, sites=sites)
            equations[name] = replace(equations[name], transport=replace(transport, coat=coat))
        return equations

    @functools.cached_property
    def sources(self) -> Mapping[str, Secretion]:
        """Secretion by ligand at the scene's time."""
        grid = self.prepared.grid
        return {name: secretion(self.scene, grid, name) for name in self.prepared.equations}

    @functools.cached_property
    def floor(self) -> FloorRegions:
        """Regions of the floor."""
        margin = self.prepared.spec.scene.network_outline_margin
        return FloorRegions(self.scene, self.prepared.grid, margin)

    @functools.cached_property
    def hold(self) -> AdhesionMap:
        """Structures of this scene that cells touch; not asked for before there are any."""
        return adhesion_map(self.prepared.spec, self.scene, self.prepared.grid)


def next_scene(here: SceneFields, until: float) -> SceneFields:
    """Fields of the scene at a later time [s]; the same object if the scene does not change."""
    return on_grid(here, migrasomes.advance(here.scene, until))


def on_grid(here: SceneFields, scene: Scene) -> SceneFields:
    """Fields of another scene; the same object if it is the same scene."""
    return here if scene is here.scene else SceneFields(here.prepared, scene)


def regions_of(spec: ModelSpec, scene: Scene, grid: Grid) -> RegionMap:
    """Region map of a scene under the model's outline margin."""
    return region_map(scene, grid, outline_margin=spec.scene.network_outline_margin)
