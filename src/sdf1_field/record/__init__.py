"""Runs on disk: one NetCDF-4 file per run (CF-1.11), written whole or not at all.

The file grows under the name ``RUN.nc.partial`` and takes its own name when it is complete. An
interrupted run leaves a file and a state from which it goes on, and a copy to look at.
"""

from sdf1_field import lazy_names

_HOMES = {
    "audit_rows": "audit",
    "computer_text": "computer",
    "keep_freed_memory": "memory",
    "require_memory": "memory",
    "checkpoint_path": "paths",
    "claim_output": "paths",
    "partial_path": "paths",
    "resumable_path": "paths",
    "content_digest": "reading",
    "field_unit": "reading",
    "model_of": "reading",
    "open_run": "reading",
    "run_of": "reading",
    "summary": "reading",
    "expected_content": "size",
    "expected_size": "size",
    "load_state": "states",
    "save_state": "states",
    "in_timedeltas": "times",
    "output_times": "writing",
    "solve": "writing",
}
__all__ = [*_HOMES]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
