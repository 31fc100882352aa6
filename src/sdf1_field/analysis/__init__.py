"""Measures and tables of run files, one subject a file: a table stands beside its measure.

- cells by region: `census` (counts in one dish), `fold_change` (several dishes), `encounter`
  (fold change of sticky regions without attraction);
- cells against the distance from the stroma: `distance` (density), `chemotaxis` (chemotactic
  index), with the geometry in `space`;
- cells in time: `residence` (dwell times), `tracks`, `persistent_walk`, `motion`, and how they
  follow a direction, `guides` and `guidance`;
- cells of other programs' files, which are seen in frames of their own: `paths`, `track_files`;
- cells on segmented pictures: `mask_census` (one dish), `measured` (dishes in groups); a run's
  floor as such a picture: `run_pictures`;
- stroma: `network` and `cargo` (counts in one dish), `network_summary` and `cargo_summary`
  (several dishes), `fields` (concentrations around it).

Counting, in `census`, `network`, `cargo` and `encounter`, knows no run files: `runs` and
`stroma_runs` read them. `dishes` decides which runs are dishes of one experiment or partners, and
`values` makes plain numbers of tables.
"""

from sdf1_field.analysis.cargo import CargoCount, count_cargo
from sdf1_field.analysis.cargo_summary import cargo_table
from sdf1_field.analysis.census import ENRICHED, Census, density_fold_change, take_census
from sdf1_field.analysis.chemotaxis import approach_table
from sdf1_field.analysis.distance import distance_table
from sdf1_field.analysis.fields import field_table
from sdf1_field.analysis.fold_change import course_table, fold_change_table, fold_changes
from sdf1_field.analysis.motion import motion_table
from sdf1_field.analysis.network import FIELDS_ACROSS, NetworkCount, count_network
from sdf1_field.analysis.network_summary import measures, network_table
from sdf1_field.analysis.persistent_walk import fit_persistent_walk, persistent_walk_law
from sdf1_field.analysis.residence import dwell_table
from sdf1_field.analysis.runs import (
    SAME_TIME,
    cell_places,
    default_times,
    has_stroma,
    observation_index,
    observation_times,
    require_stroma,
    run_censuses,
    run_encounter_limit,
    run_tracks,
)
from sdf1_field.analysis.stroma_runs import has_msc, holds_cargo
from sdf1_field.analysis.tracks import shown_lags, square_displacements

__all__ = [
    "ENRICHED", "FIELDS_ACROSS", "SAME_TIME", "CargoCount", "Census", "NetworkCount",
    "approach_table", "cargo_table", "cell_places", "count_cargo", "count_network", "course_table",
    "default_times", "density_fold_change", "distance_table", "dwell_table", "field_table",
    "fit_persistent_walk", "fold_change_table", "fold_changes", "has_msc", "has_stroma",
    "holds_cargo", "measures", "motion_table", "network_table", "observation_index",
    "observation_times", "persistent_walk_law", "require_stroma", "run_censuses",
    "run_encounter_limit", "run_tracks", "shown_lags", "square_displacements", "take_census",
]  # fmt: skip
