"""Fixtures shared by the tests: strict arithmetic, no display, tiny dishes, Dask's processes."""

import contextlib
import json
import logging
import subprocess
import sys
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

SENSITIVE = (
    "receptor.cxcr4.coat_share=0.759 1/um",
    "adhesion.cd166_migrasome=8.45",
    "cell_type.kg1a.receptors=2930.0",
    "cell_type.kg1a.internalisation_rate=0.0681 1/min",
    "cell_type.kg1a.recycling_rate=0.311 1/min",
    "cell_type.kg1a.downstream_noise=4.59",
    "cell_type.kg1a.adaptation_time=5.82 min",
    "cell_type.kg1a.half_trigger=135.0",
    "cell_type.kg1a.triggered_arrest_rate=0.261 1/s",
    "cell_type.kg1a.release_rate=0.0647 1/s",
    "cell_type.kg1a.cd166_bonds=3.08",
    "cell_type.kg1a.vla4_bonds=3.47",
    "cell_type.kg1a.fibre_bonds=4.51",
)
"""Cells that are caught and come off so often, on a signal so near to its noise, that every piece
of the law changes a few of them within half an hour."""

CARGO_SETTINGS = (
    # Slow, lest so small a dish fill its coat.
    "traffic.transport_rate=0.03 1/h",
    "scene.mode=grown",
    "scene.msc_density=200 1/mm**2",
    "run.culture=4 h",
    "run.duration=1 h",
    "output.fields_from=-4 h",
    "output.fields_every=1 h",
    "mechanisms.cargo_kinetics=true",
    "mechanisms.migrasome_uptake=true",
    "biogenesis.migrating_share=0.9",
    "biogenesis.resting_time=1 h",
    "biogenesis.tether_spacing=40 um",
    "biogenesis.nucleation=0.1 1/(um*h)",
    "biogenesis.migrasome_lifetime=60 min",
    "biogenesis.detachment_rate=0.3 1/h",
    "biogenesis.drift_rate=0.3 1/h",
    "biogenesis.leak_rate=0.2 1/h",
    "stromal_type.l929.cargo.ccl2.loaded_fraction=0.5",
    "stromal_type.l929.cargo.ccl2.vesicle_load=50.0",
)
"""So many migrasomes, and so short-lived ones, that cargo goes every way there is."""

FOLLOWED = (
    "scene.mode=grown",
    "scene.msc_density=300 1/mm**2",
    "cells.density=0 1/mm**2",
    "run.culture=0 h",
    "run.duration=6 h",
    "output.fields_every=3 h",
    "mechanisms.cargo_kinetics=true",
    "biogenesis.nucleation=0.05 1/(um*h)",
)
"""A stroma whose cargo is followed from seeding."""

SECRETING = (
    "dish.width=200 um",
    "dish.length=200 um",
    "scene.msc_number=6",
    "stromal_type.l929.nucleation_variation=0.0",
    "biogenesis.tether_spacing=20 um",
    "biogenesis.retraction_interval=3 h",
    "biogenesis.nucleation=0.02 1/(um*h)",
    "biogenesis.migrasome_lifetime=2 h",
    "biogenesis.leak_rate=0.1 1/h",
)
"""Alike L929 whose migrasomes form and burst within hours."""

TRACKED = (
    "cell_type.kg1a.speed=1.5 um/min",
    "scene.msc_density=0 1/mm**2",
    "treatments={}",
    "output.ligands=[]",
    "output.fields_from=0 h",
    "output.tracks_from=0 h",
)
"""Settings under which the tiny dish tracks cells alone."""


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


@pytest.fixture(scope="session")
def tiny_null():
    """Settings of that dish for a model without fields, whose height nothing reads."""
    return tuple(setting for setting in TINY if not setting.startswith("dish.height"))


STEADY = """
title = "Steady SDF-1 and CCL2 without cells"
[run]
mode = "steady"
[mechanisms]
soluble_sensing = false
haptotaxis = false
arrest = false
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


@pytest.fixture(scope="session")
def cargo_run(solved):
    """Run file of a growing scene whose cargo is followed; not to be changed."""
    return solved("secretion-l929", *CARGO_SETTINGS)


@pytest.fixture(scope="session")
def tiny_targets(tmp_path_factory):
    """Claims about dishes so small that nothing is learnt, one with a value read by a user."""
    settings = json.dumps([*TINY, "run.duration=30 min", "output.fields_from=30 min"])
    statement = 'condition = "a", quantity = "fold change", of = "MSC"'
    compared = 'reference = "b", statistic = "ratio of means", above = 1.0'
    read = 'value = 1.0, interval = [0.5, 1.5], digitised_by = "a reader"'
    path = tmp_path_factory.mktemp("targets") / "tiny.toml"
    conditions = [
        f"""
[deniz2023.condition.{name}]
label = "{name}"
model = "null-kg1a"
observation = "cells"
times = ["30 min"]
replicates = 3
null = "a"
settings = {settings}
"""
        for name in "ab"
    ]
    path.write_text(
        f"""{"".join(conditions)}
[[deniz2023.claim]]
id = "T1"
says = "more"
source = "nowhere"
by_construction = ["nothing"]
statements = [
    {{ text = "on MSC", {statement}, {compared}, test = "unpaired t", p_below = 0.05 }},
    {{ text = "value", {statement}, {read} }},
]
""",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def by_none(monkeypatch):
    """Seeds of dishes that were simulated, in this process and in their order."""
    from sdf1_field.ensemble import running

    seeds = []

    def counted(expected, *_):
        for dish, said in answers_here(expected):
            seeds.append(dish.seed)
            yield dish, said

    monkeypatch.setattr(running, "_answers", counted)
    return seeds


@pytest.fixture
def scheduler_of():
    """Function that starts a Dask scheduler in this process, with workers that are threads."""
    from distributed import LocalCluster

    with contextlib.ExitStack() as stack:

        def start(**options):
            asked = {"n_workers": 0, "protocol": "tcp://", **options}
            return stack.enter_context(
                LocalCluster(
                    host="127.0.0.1",
                    processes=False,
                    threads_per_worker=1,
                    memory_limit=0,
                    scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                    silence_logs=logging.CRITICAL,
                    **asked,
                )
            )

        yield start


@pytest.fixture
def scheduler(scheduler_of):
    """Cluster of a scheduler that has no workers yet."""
    return scheduler_of()


@pytest.fixture
def dask_worker(tmp_path):
    """Function that starts a worker in a process of its own; all are gone in the end."""
    started = []

    def start(address):
        command = [Path(sys.executable).with_name("dask"), "worker", address, "--nthreads", "1"]
        command += ["--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
        with (tmp_path / f"worker-{len(started)}.log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def written(tmp_path):
    """Function that writes text to a file and gives its path."""

    def write(text, name="tracks.xml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Function that calls the command line in an empty folder."""
    from click.testing import CliRunner

    from sdf1_field.cli import main

    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        return CliRunner().invoke(main, [str(a) for a in arguments])

    return call


def answers_here(expected, *_):
    """Answers for dishes that are simulated in this process, one by one."""
    from sdf1_field.ensemble import cluster

    for dish, model in expected.items():
        yield dish, cluster.answer(dish, model)


def overrides(settings):
    """Settings as options of the command line."""
    return [part for text in settings for part in ("--set", text)]


def tiny_model(tiny, *settings, name="coculture-kg1a"):
    """Model in the tiny dish."""
    from sdf1_field.spec import load_model

    return load_model(name, settings=[*tiny, *settings])


def digest_of(path):
    """Digest of a run file's content."""
    from sdf1_field.record import content_digest, open_run

    with open_run(path) as run:
        return content_digest(run)


def scattered(run, cells, seed):
    """Run with many cells anywhere in the tiny dish, uniformly."""
    rng = np.random.default_rng(seed)
    run = run.load().isel(trajectory=np.zeros(cells, dtype=int))
    shape = run["cell_x"].shape
    return run.assign(
        cell_x=(run["cell_x"].dims, 300.0 * rng.random(shape)),
        cell_y=(run["cell_y"].dims, 300.0 * rng.random(shape)),
    )


def make_migrasomes(x, y, radius, **others):
    """Migrasomes [um] on fibres of body 0, mature and there for good, but for others."""
    from sdf1_field.scene import Fate, Migrasomes, Origin

    count = len(x)
    values = {
        "body": np.zeros(count, dtype=np.intp),
        "blocked": np.zeros(count),
        "birth": np.full(count, -86_400.0),
        "end": np.full(count, np.inf),
        "present": np.ones(count, dtype=np.bool_),
        "maturity": np.ones(count),
        "origin": np.full(count, Origin.MIGRATION, dtype=np.int8),
        "fate": np.full(count, Fate.OUTLIVES_THE_RUN, dtype=np.int8),
    }
    kinetics = {name: {} for name in ("secretion", "loaded", "secretion_at_birth", "decay")}
    return Migrasomes(x, y, radius, **(values | kinetics | others))


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
    if isinstance(value, float | tuple) and np.array(value).dtype == np.float64:
        # NaN is not itself, and a file gives an array for a tuple.
        return {name: np.array(value).tobytes()}
    return {name: value}


def scale_bars(axes):
    """Label and length [um] of each scale bar on a map."""
    from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

    found = [artist for artist in axes.artists if isinstance(artist, AnchoredSizeBar)]
    return [
        (bar.txt_label.get_text(), line.get_width())
        for bar in found
        for line in bar.size_bar.get_children()
    ]
