"""The stroma: an immutable snapshot, how one is placed, and the regions of the floor."""

from sdf1_field.scene.placing import log_normal, place_bodies, place_scene
from sdf1_field.scene.regions import (
    OUTSIDE,
    REGION_LABELS,
    Region,
    RegionMap,
    body_under,
    cells_under_bodies,
    nearest_fibre,
    region_areas,
    region_map,
    touched_cd166,
    touched_fibres,
)
from sdf1_field.scene.snapshot import (
    NO_BODY,
    Bodies,
    Fate,
    Fibres,
    Growth,
    Migrasomes,
    Origin,
    Scene,
)

__all__ = [
    "NO_BODY",
    "OUTSIDE",
    "REGION_LABELS",
    "Bodies",
    "Fate",
    "Fibres",
    "Growth",
    "Migrasomes",
    "Origin",
    "Region",
    "RegionMap",
    "Scene",
    "body_under",
    "cells_under_bodies",
    "log_normal",
    "nearest_fibre",
    "place_bodies",
    "place_scene",
    "region_areas",
    "region_map",
    "touched_cd166",
    "touched_fibres",
]
