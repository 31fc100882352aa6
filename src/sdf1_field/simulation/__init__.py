"""Simulation of a dish: a prepared model, its state, its stops, and the loop between them."""

from sdf1_field import lazy_names

_HOMES = {
    "simulate": "loop",
    "Snapshot": "output",
    "snapshot_of": "output",
    "model_grid": "dish",
    "prepare": "prepared",
    "EncounterWalk": "encounters",
    "StickyFloor": "encounters",
    "begin_encounters": "encounters",
    "change_floor": "encounters",
    "RecordedExposure": "recording",
    "record_exposure": "recording",
    "ReplayedCells": "replay",
    "replay_cells": "replay",
    "rerun_if_coat_fills": "saturation",
    "SceneFields": "scene_fields",
    "regions_of": "scene_fields",
    "State": "state",
    "begin": "state",
    "field_times": "stops",
    "track_times": "stops",
    "stroma_alone": "stroma",
}
__all__ = [*_HOMES]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
