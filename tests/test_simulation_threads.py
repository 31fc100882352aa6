"""The same content from one thread and from two, of kernels and of BLAS, and from any process."""

import json
import os
import subprocess
import sys

import pytest

from conftest import TINY
from sdf1_field.record import content_digest, open_run
from simulation_builders import GROWN

NO_UPTAKE = "mechanisms.uptake=false"
MODELS = {
    "placed": ("coculture-kg1a",),
    "grown": ("coculture-kg1a", *GROWN, "run.culture=3 h", "run.duration=30 min", NO_UPTAKE),
    # More than 1e4 floor cells: below, BLAS sums in one thread whatever it is allowed.
    "dosed": (
        "coculture-kg1a-sdf1",
        "dish.width=600 um",
        "dish.length=600 um",
        "dish.height=100 um",
        "grid.spacing=5 um",
        "mechanisms.cargo_kinetics=false",
        "run.culture=1 min",
        "run.duration=3 min",
        "ligand.sdf1.secretion.migrasome=500 molecules/s",
        "output.ligands=[]",
    ),
}
"""Models and settings over those of the tiny dish."""
SOLVE = """
import json
import sys
from pathlib import Path
import numba, threadpoolctl
from sdf1_field.record import solve
from sdf1_field.simulation import loop
from sdf1_field.solvers.cosine import floor_newton
from sdf1_field.spec import load_model
threads, blas = map(int, sys.argv[1:3])
pools = [p["num_threads"] for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"]
assert max(pools) == blas, pools
seen, uneven = set(), []
advanced, iterated = loop.scene_and_fields, floor_newton._conjugate_gradients

def watched_fields(*arguments, **options):
    seen.add(numba.get_num_threads())
    return advanced(*arguments, **options)

def watched_step(*arguments, **options):
    uneven.append(True)
    return iterated(*arguments, **options)

loop.scene_and_fields, floor_newton._conjugate_gradients = watched_fields, watched_step
steps = {}
for kind, (name, *settings) in json.loads(sys.argv[4]).items():
    seen.clear()
    uneven.clear()
    path = Path(sys.argv[3], f"{kind}-{threads}-{blas}.nc")
    solve(load_model(name, settings=settings), path, seed=1, threads=threads)
    assert seen == {threads}, seen
    steps[kind] = len(uneven)
print(json.dumps(steps))
"""
"""Solves models with as many threads as are asked for, and prints steps of conjugate gradients."""
THREADS = ((1, 2), (2, 2)) if (os.cpu_count() or 1) > 1 else ((2, 1),)
"""Of kernels and of BLAS, which takes no more than there are cores."""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Folder of the models solved in processes of their own, and their counts of steps."""
    folder = tmp_path_factory.mktemp("elsewhere")
    models = {kind: (name, *TINY, *settings) for kind, (name, *settings) in MODELS.items()}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SOLVE, *map(str, (*count, folder, json.dumps(models)))],
            env=os.environ | {"NUMBA_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": str(count[1])},
            stdout=subprocess.PIPE,
            text=True,
        )
        for count in THREADS
    ]
    printed = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(THREADS)
    return folder, [json.loads(text) for text in printed]


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.slow
def test_threads_and_processes_do_not_change_the_content(solved, elsewhere, kind):
    folder, _ = elsewhere
    paths = [*folder.glob(f"{kind}-*.nc"), solved(*MODELS[kind])]
    assert len(paths) == 1 + len(THREADS)
    found = set()
    for path in paths:
        with open_run(path) as run:
            found.add(content_digest(run))
    assert len(found) == 1


@pytest.mark.slow
def test_conjugate_gradients_were_used_with_all_threads(elsewhere):
    _, steps = elsewhere
    assert all(count["dosed"] >= 10 for count in steps)
