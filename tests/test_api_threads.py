"""In a process of its own, since a fault in the NetCDF library would end the tests."""

import subprocess
import sys
from pathlib import Path

import pytest

SOLVES = """
import warnings
from concurrent.futures import ThreadPoolExecutor

import sdf1_field as sf
from conftest import TINY
from sdf1_field.record import content_digest
from sdf1_field.spec import load_model

warnings.simplefilter("ignore", sf.Sdf1FieldWarning)
model = load_model("coculture-kg1a", settings=[*TINY, "run.duration=15 min"])

def digest(seed):
    return content_digest(sf.solve(model, seed=seed).dataset)

with ThreadPoolExecutor(3) as pool:
    together = list(pool.map(digest, (1, 2, 3)))
assert together == [digest(seed) for seed in (1, 2, 3)]
assert len(set(together)) == 3
"""


@pytest.mark.slow
def test_solving_in_threads_gives_what_solving_in_turn_does():
    done = subprocess.run(
        [sys.executable, "-c", SOLVES],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
