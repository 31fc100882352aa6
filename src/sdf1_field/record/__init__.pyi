from sdf1_field.record.audit import audit_rows
from sdf1_field.record.computer import computer_text
from sdf1_field.record.memory import keep_freed_memory, require_memory
from sdf1_field.record.paths import checkpoint_path, claim_output, partial_path, unfinished
from sdf1_field.record.reading import (
    content_digest,
    field_unit,
    model_of,
    open_run,
    run_of,
    summary,
)
from sdf1_field.record.size import expected_content, expected_size
from sdf1_field.record.standing import standing_of
from sdf1_field.record.states import load_state, save_state
from sdf1_field.record.times import in_timedeltas
from sdf1_field.record.validating import require_undamaged
from sdf1_field.record.writing import output_times, solve

__all__ = [
    "audit_rows",
    "checkpoint_path",
    "claim_output",
    "computer_text",
    "content_digest",
    "expected_content",
    "expected_size",
    "field_unit",
    "in_timedeltas",
    "keep_freed_memory",
    "load_state",
    "model_of",
    "open_run",
    "output_times",
    "partial_path",
    "require_memory",
    "require_undamaged",
    "run_of",
    "save_state",
    "solve",
    "standing_of",
    "summary",
    "unfinished",
]
