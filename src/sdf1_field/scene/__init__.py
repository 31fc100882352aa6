"""The stroma: an immutable snapshot, how one is placed, and the regions of the floor."""

from sdf1_field import lazy_names

_HOMES = {
    "log_normal": "placing",
    "DrawnFloor": "drawn",
    "place_drawn": "placing_drawn",
    "place_bodies": "placing",
    "place_scene": "placing",
    "OUTSIDE": "regions",
    "FloorRegions": "regions",
    "REGION_LABELS": "regions",
    "Region": "regions",
    "RegionMap": "regions",
    "body_under": "regions",
    "cells_under_bodies": "regions",
    "nearest_fibre": "regions",
    "fibre_reach": "regions",
    "network_map": "regions",
    "pixel_regions": "regions",
    "raise_on_migrasomes": "regions",
    "region_areas": "regions",
    "region_map": "regions",
    "touched_fibres": "regions",
    "NO_BODY": "snapshot",
    "Bodies": "snapshot",
    "Fate": "snapshot",
    "Fibres": "snapshot",
    "Growth": "snapshot",
    "Migrasomes": "snapshot",
    "Origin": "snapshot",
    "Scene": "snapshot",
}
__all__ = [*_HOMES]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
