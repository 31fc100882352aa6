"""Runs on disk: one NetCDF-4 file per run (CF-1.11), written whole or not at all.

A run grows in the folder ``RUN.nc.partial`` and is put together when it is complete. An interrupted
run leaves the folder, from which it goes on and which can be looked at.
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
    "unfinished": "paths",
    "content_digest": "reading",
    "field_unit": "reading",
    "model_of": "reading",
    "open_run": "reading",
    "run_of": "reading",
    "summary": "reading",
    "require_undamaged": "validating",
    "expected_content": "size",
    "expected_size": "size",
    "standing_of": "standing",
    "load_state": "states",
    "save_state": "states",
    "in_timedeltas": "times",
    "output_times": "writing",
    "solve": "writing",
}
__all__ = [*_HOMES]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
