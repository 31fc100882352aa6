from sdf1_field.simulation.dish import model_grid
from sdf1_field.simulation.encounters import (
    EncounterWalk,
    StickyFloor,
    begin_encounters,
    change_floor,
)
from sdf1_field.simulation.loop import simulate
from sdf1_field.simulation.output import Snapshot, snapshot_of
from sdf1_field.simulation.prepared import prepare
from sdf1_field.simulation.recording import RecordedExposure, record_exposure
from sdf1_field.simulation.replay import ReplayedCells, replay_cells
from sdf1_field.simulation.saturation import rerun_if_coat_fills
from sdf1_field.simulation.scene_fields import SceneFields, regions_of
from sdf1_field.simulation.state import State, begin
from sdf1_field.simulation.stops import field_times, track_times
from sdf1_field.simulation.stroma import stroma_alone

__all__ = [
    "EncounterWalk",
    "RecordedExposure",
    "ReplayedCells",
    "SceneFields",
    "Snapshot",
    "State",
    "StickyFloor",
    "begin",
    "begin_encounters",
    "change_floor",
    "field_times",
    "model_grid",
    "prepare",
    "record_exposure",
    "regions_of",
    "replay_cells",
    "rerun_if_coat_fills",
    "simulate",
    "snapshot_of",
    "stroma_alone",
    "track_times",
]
