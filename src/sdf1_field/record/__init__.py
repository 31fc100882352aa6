"""Runs on disk: one NetCDF-4 file per run (CF-1.11), written whole or not at all.

The file grows under the name ``RUN.nc.partial`` and takes its own name when it is complete. An
interrupted run leaves the partial file and, beside it, the state from which it can go on.
"""

from sdf1_field.record.layout import (
    ABSENT,
    CARGO,
    FORMAT,
    MASSES,
    VOLATILE,
    checkpoint_path,
    partial_path,
)
from sdf1_field.record.memory import require_memory
from sdf1_field.record.reading import content_digest, field_unit, model_of, open_run, summary
from sdf1_field.record.states import load_state, save_state
from sdf1_field.record.writing import (
    claim_output,
    expected_content,
    expected_size,
    output_times,
    solve,
)

__all__ = [
    "ABSENT",
    "CARGO",
    "FORMAT",
    "MASSES",
    "VOLATILE",
    "checkpoint_path",
    "claim_output",
    "content_digest",
    "expected_content",
    "expected_size",
    "field_unit",
    "load_state",
    "model_of",
    "open_run",
    "output_times",
    "partial_path",
    "require_memory",
    "save_state",
    "solve",
    "summary",
]
