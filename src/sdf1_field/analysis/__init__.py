"""Measures and tables of run files, one subject a file: a table stands beside its measure.

- cells by region: `census` (counts in one dish), `fold_change` (several dishes), `encounter`
  (fold change of sticky regions without attraction);
- cells against the distance from the stroma: `distance` (density), `chemotaxis` (chemotactic
  index), with the geometry in `space`;
- cells in time: `residence` (dwell times), `tracks`, `persistent_walk` and `motion`;
- stroma: `network` and `cargo` (counts in one dish), `network_summary` and `cargo_summary`
  (several dishes), `fields` (concentrations around it).

`runs` reads run files for them, `dishes` decides which runs are dishes of one experiment or
partners, and `values` makes plain numbers of tables.
"""

from sdf1_field.analysis.cargo import CargoCount, count_cargo, holds_cargo, run_cargo
from sdf1_field.analysis.cargo_summary import (
    cargo_by_distance,
    cargo_measures,
    cargo_samples,
    cargo_table,
    compare_cargo,
    pooled_enrichment,
)
from sdf1_field.analysis.census import ENRICHED, Census, density_fold_change, take_census
from sdf1_field.analysis.chemotaxis import approach_table
from sdf1_field.analysis.distance import distance_table
from sdf1_field.analysis.encounter import (
    encounter_fold_change,
    encounter_limit,
    encounter_repeats,
    encounters,
)
from sdf1_field.analysis.fields import field_table, floor_profile
from sdf1_field.analysis.fold_change import (
    course_table,
    fold_change_table,
    fold_changes,
)
from sdf1_field.analysis.motion import motion_table
from sdf1_field.analysis.network import (
    FIELDS_ACROSS,
    NetworkCount,
    count_network,
    has_msc,
    run_network,
)
from sdf1_field.analysis.network_summary import (
    compare_networks,
    detached_per_mm2,
    diameter_by_age,
    diameter_by_distance,
    measures,
    network_table,
)
from sdf1_field.analysis.persistent_walk import (
    fit_persistent_walk,
    persistent_walk_law,
)
from sdf1_field.analysis.residence import dwell_table
from sdf1_field.analysis.runs import (
    SAME_TIME,
    cell_places,
    default_times,
    encounter_note,
    has_stroma,
    observation_index,
    observation_times,
    require_stroma,
    run_census,
    run_censuses,
    run_encounter_limit,
    run_encounters,
    run_scene,
    run_tracks,
)
from sdf1_field.analysis.tracks import (
    Tracks,
    path_lengths,
    pooled_tracks,
    shown_lags,
    square_displacements,
    tracks_of,
)

__all__ = [
    "ENRICHED",
    "FIELDS_ACROSS",
    "SAME_TIME",
    "CargoCount",
    "Census",
    "NetworkCount",
    "Tracks",
    "approach_table",
    "cargo_by_distance",
    "cargo_measures",
    "cargo_samples",
    "cargo_table",
    "cell_places",
    "compare_cargo",
    "compare_networks",
    "count_cargo",
    "count_network",
    "course_table",
    "default_times",
    "density_fold_change",
    "detached_per_mm2",
    "diameter_by_age",
    "diameter_by_distance",
    "distance_table",
    "dwell_table",
    "encounter_fold_change",
    "encounter_limit",
    "encounter_note",
    "encounter_repeats",
    "encounters",
    "field_table",
    "fit_persistent_walk",
    "floor_profile",
    "fold_change_table",
    "fold_changes",
    "has_msc",
    "has_stroma",
    "holds_cargo",
    "measures",
    "motion_table",
    "network_table",
    "observation_index",
    "observation_times",
    "path_lengths",
    "persistent_walk_law",
    "pooled_enrichment",
    "pooled_tracks",
    "require_stroma",
    "run_cargo",
    "run_census",
    "run_censuses",
    "run_encounter_limit",
    "run_encounters",
    "run_network",
    "run_scene",
    "run_tracks",
    "shown_lags",
    "square_displacements",
    "take_census",
    "tracks_of",
]
