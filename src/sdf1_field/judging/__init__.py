"""Verdicts on the claims of a file by readings from any program, or from a bench.

`readings` reads and writes the table of readings, `verdicts` judges, `tables` and `report` show
verdicts. The room knows claims alone: neither a simulator nor Numba is loaded.
"""

from sdf1_field.judging.readings import readings_text, write_readings
from sdf1_field.judging.report import as_json, as_markdown, write_verdicts
from sdf1_field.judging.verdicts import Experiment, Verdicts, judge_pools, judge_readings

__all__ = [
    "Experiment", "Verdicts", "as_json", "as_markdown", "judge_pools", "judge_readings",
    "readings_text", "write_readings", "write_verdicts",
]  # fmt: skip
