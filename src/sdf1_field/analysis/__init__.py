"""From places of cells to the papers' numbers.

`census` counts cells per region, `tracks` says how they move, `space` where they are and go
against distance, `residence` how long they stay, `hypothesis` holds the papers' tests; `runs` reads
what these need from run files, and `tables` are what `sdf1-field analyse` prints.
"""

from sdf1_field.analysis.census import (
    ENRICHED,
    Census,
    FoldChange,
    density_fold_change,
    fold_changes,
    take_census,
)
from sdf1_field.analysis.hypothesis import (
    mann_whitney_u_test,
    p_text,
    paired_t_test,
    ratio_of_medians,
    unpaired_t_test,
)
from sdf1_field.analysis.runs import (
    ENCOUNTER_REPEATS,
    SAME_TIME,
    default_times,
    has_stroma,
    observation_index,
    observation_times,
    run_census,
    run_censuses,
    run_encounter_limit,
    run_tracks,
)
from sdf1_field.analysis.tables import (
    analyse_runs,
    approach_table,
    course_table,
    distance_table,
    dwell_table,
    motion_table,
    path_comparison,
)
from sdf1_field.analysis.tracks import (
    PersistentWalk,
    Tracks,
    fit_persistent_walk,
    path_lengths,
    persistent_walk_law,
    pooled_tracks,
    shown_lags,
    square_displacements,
    tracks_of,
)

__all__ = [
    "ENCOUNTER_REPEATS",
    "ENRICHED",
    "SAME_TIME",
    "Census",
    "FoldChange",
    "PersistentWalk",
    "Tracks",
    "analyse_runs",
    "approach_table",
    "course_table",
    "default_times",
    "density_fold_change",
    "distance_table",
    "dwell_table",
    "fit_persistent_walk",
    "fold_changes",
    "has_stroma",
    "mann_whitney_u_test",
    "motion_table",
    "observation_index",
    "observation_times",
    "p_text",
    "paired_t_test",
    "path_comparison",
    "path_lengths",
    "persistent_walk_law",
    "pooled_tracks",
    "ratio_of_medians",
    "run_census",
    "run_censuses",
    "run_encounter_limit",
    "run_tracks",
    "shown_lags",
    "square_displacements",
    "take_census",
    "tracks_of",
    "unpaired_t_test",
]
