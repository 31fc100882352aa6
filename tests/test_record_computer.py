import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from sdf1_field.record.computer import (
    computer_text,
    computers_text,
    differences,
    recorded_computers,
    this_computer,
)

OLD = {"processor": "pentium", "vector_instructions": "MMX", "blas": "openblas 0.1 Katmai"}
NEW = {**OLD, "processor": "znver4", "blas": "openblas 0.3 Zen"}

TELL = """
import json
from sdf1_field.record.computer import this_computer
print(json.dumps(this_computer()))
"""


def told_with(**environment):
    """What another process says of its computer, under environment variables."""
    ended = subprocess.run(
        [sys.executable, "-c", TELL],
        capture_output=True, text=True, check=True, env={**os.environ, **environment},
    )  # fmt: skip
    return json.loads(ended.stdout)


def test_kinds_are_told_apart_by_what_they_do_not_share():
    assert differences([OLD, NEW]) == [
        "processor pentium; blas openblas 0.1 Katmai",
        "processor znver4; blas openblas 0.3 Zen",
    ]
    assert differences([OLD, OLD]) == ["", ""]
    assert differences([{"blas": "mkl 2026"}, {}]) == ["blas mkl 2026", "blas not known"]
    assert computer_text(OLD) == (
        "processor pentium; vector instructions MMX; blas openblas 0.1 Katmai"
    )


def test_kinds_come_back_from_their_text():
    assert recorded_computers(computers_text([OLD, NEW])) == [OLD, NEW]


@pytest.mark.parametrize("text", [None, "", "pentium", "3", "[3]", '["pentium"]'])
def test_a_damaged_record_tells_no_kind(text):
    assert recorded_computers(text) == []


def test_every_process_of_a_computer_says_the_same():
    assert told_with() == this_computer()


def test_the_kind_follows_what_changes_bits():
    own = this_computer()
    assert told_with(NUMBA_CPU_NAME="generic") == {**own, "processor": "generic"}
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    if found:
        fewer = told_with(NPY_DISABLE_CPU_FEATURES=" ".join(found))
        assert fewer["vector_instructions"] != own["vector_instructions"]
    if "openblas" in own["blas"] and platform.machine() == "x86_64":
        kinds = [told_with(OPENBLAS_CORETYPE=name)["blas"] for name in ("Prescott", "Haswell")]
        assert kinds[0] != kinds[1]
