"""Quantities on the grid that follow from the scene alone."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sdf1_field import migrasomes
from sdf1_field.cells import Hold, hold_of
from sdf1_field.grid import Grid
from sdf1_field.scene import RegionMap, Scene, region_map
from sdf1_field.simulation.prepared import Prepared
from sdf1_field.sources import Secretion, binding_sites, secretion
from sdf1_field.spec import ModelSpec


@dataclass(frozen=True, eq=False)
class SceneFields:
    """A scene on the grid; computed again only when the scene has changed.

    Parameters
    ----------
    prepared : Prepared
    scene : Scene
    equations : mapping of str to object
        By ligand, the solver's own preparation, with the coat's sites on this scene.
    sources : mapping of str to Secretion
        By ligand, at the scene's time.
    """

    prepared: Prepared
    scene: Scene
    equations: Mapping[str, Any]
    sources: Mapping[str, Secretion]

    @functools.cached_property
    def hold(self) -> Hold:
        """Adhesion of cells to this scene; not asked for before there are any."""
        spec, grid = self.prepared.spec, self.prepared.grid
        return hold_of(spec, self.scene, regions_of(spec, self.scene, grid), grid)


def scene_fields(prepared: Prepared, scene: Scene) -> SceneFields:
    """Coat sites and secretion of a scene."""
    spec, grid = prepared.spec, prepared.grid
    equations = {}
    for name, even in prepared.equations.items():
        equations[name] = even
        if spec.ligand[name].coat.uneven:
            sites = binding_sites(spec.ligand[name].coat, scene, grid)
            coat = replace(even.transport.coat, sites=sites)
            equations[name] = replace(even, transport=replace(even.transport, coat=coat))
    return SceneFields(
        prepared=prepared,
        scene=scene,
        equations=equations,
        sources={name: secretion(scene, grid, name) for name in equations},
    )


def next_scene(here: SceneFields, until: float) -> SceneFields:
    """Fields of the scene at a later time [s]; the same object if the scene does not change."""
    scene = migrasomes.advance(here.scene, until)
    return here if scene is here.scene else scene_fields(here.prepared, scene)


def regions_of(spec: ModelSpec, scene: Scene, grid: Grid) -> RegionMap:
    """Region map of a scene under the model's outline margin."""
    return region_map(scene, grid, outline_margin=spec.scene.network_outline_margin)
