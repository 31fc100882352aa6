"""Fixtures shared by the tests: strict arithmetic, no display, and a dish small enough to solve."""

from dataclasses import fields, is_dataclass
from pathlib import Path

import hypothesis
import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")
# A kernel's first call compiles it; no test is about time.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Too small for a paper's numbers, large enough for every part of a run.
TINY = (
    "dish.width=300 um",
    "dish.length=300 um",
    "dish.height=200 um",
    "grid.spacing=10 um",
    "run.culture=1 h",
    "run.duration=2 h",
    "cells.density=330 1/mm**2",
    "scene.mode=placed",
    "scene.msc_density=60 1/mm**2",
    "scene.network_fraction=1.0",
    "mechanisms.migrasome_uptake=false",
)


@pytest.fixture(autouse=True, scope="session")
def _strict_arithmetic():
    before = np.seterr(all="raise", under="ignore")
    yield
    np.seterr(**before)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    import numba
    from threadpoolctl import threadpool_limits

    numba.set_num_threads(1)
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def tiny():
    """Settings of a dish with 30 cells that solves within a second."""
    return TINY


STEADY = """
title = "Steady SDF-1 and CCL2 without cells"
[run]
mode = "steady"
[mechanisms]
soluble_sensing = false
haptotaxis = false
cxcr4_adhesion = false
cd166_adhesion = false
vla4_adhesion = false
chemokinesis = false
crowding = false
[cells]
type = "kg1a"
[output]
ligands = ["sdf1", "ccl2"]
"""


@pytest.fixture(scope="session")
def steady_model(tmp_path_factory):
    """Path of a model file that asks for a steady state."""
    path = tmp_path_factory.mktemp("models") / "steady.toml"
    path.write_text(STEADY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def solved(tmp_path_factory):
    """Function that solves a model in the tiny dish, once for each model, settings and seed."""
    from sdf1_field.record import solve
    from sdf1_field.spec import load_model

    folder = tmp_path_factory.mktemp("runs")
    paths: dict[tuple[object, ...], Path] = {}

    def run(model="coculture-kg1a", *settings, seed=1):
        key = (model, settings, seed)
        if key not in paths:
            path = folder / f"run-{len(paths)}.nc"
            solve(load_model(model, settings=[*TINY, *settings]), path, seed=seed)
            paths[key] = path
        return paths[key]

    return run


@pytest.fixture(scope="session")
def tiny_run(solved):
    """Run file of the untreated co-culture in the tiny dish; not to be changed."""
    return solved()


def bits(value, name="scene"):
    """Every array and number of a scene by name."""
    if is_dataclass(value):
        return {
            key: found
            for field in fields(value)
            for key, found in bits(getattr(value, field.name), f"{name}.{field.name}").items()
        }
    if isinstance(value, dict):
        return {k: v for key, each in value.items() for k, v in bits(each, f"{name}.{key}").items()}
    if isinstance(value, np.ndarray):
        # Records byte by byte would compare what is between their fields too.
        names = value.dtype.names or ()
        if names:
            return {f"{name}.{n}": np.ascontiguousarray(value[n]).tobytes() for n in names}
        return {name: value.tobytes()}
    return {name: value}
