"""`sdf1-field reproduce` as its user has it: what goes wrong, what is kept, what is printed."""

import contextlib
import errno
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from conftest import answers_here
from sdf1_field import reproduce as engine
from sdf1_field.claims import DIRECTION_ONLY, REPRODUCED, UNDECIDED
from sdf1_field.cli import main
from sdf1_field.digits import interval_text
from sdf1_field.ensemble import cluster, running
from sdf1_field.observations import read
from sdf1_field.reproduce import load_paper, plan, reproduce

PROGRAM = Path(sys.executable).with_name("sdf1-field")
WRITTEN = ("table-T1.md", "claims-T1.json", "runs.csv")
HOUR = 3600.0
DISHES = 24
"""Of a quick look at the tiny claims."""


@pytest.fixture(scope="module")
def command(tiny_targets):
    """Function that gives the arguments of a look at claims about tiny dishes."""

    def arguments(folder, *further):
        asked = ("deniz2023", "--claim", "T1", "--targets", tiny_targets, "--quiet", "-o", folder)
        return [str(a) for a in ("reproduce", *asked, *further)]

    return arguments


def call(arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@contextlib.contextmanager
def started(arguments):
    """The installed program with processes of its own, as a terminal has it; gone in the end."""
    with subprocess.Popen(
        [PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def stored(folder):
    return sorted(path.name for path in (folder / "runs").glob("*.nc"))


def wait_for_dishes(program, folder):
    """Return when some dishes are stored, but not all."""
    while len(stored(folder)) < 3:
        assert program.poll() is None
        time.sleep(0.01)


def written(folder):
    return {name: (folder / name).read_bytes() for name in WRITTEN}


@pytest.fixture(scope="module")
def whole(command, tmp_path_factory):
    """Folder of a quick look that this process took; not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "_answers", answers_here)
        result = call(command(folder, "--quick"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(stored(folder)) == DISHES
    return folder


# What is kept


@pytest.mark.slow
def test_ctrl_c_keeps_dishes_and_the_same_command_goes_on(command, tmp_path, whole, by_none):
    folder = tmp_path / "out"
    arguments = command(folder, "--quick", "--workers", "2")
    with started(arguments) as program:
        wait_for_dishes(program, folder)
        # As a terminal does: to the program and to its workers.
        os.killpg(program.pid, signal.SIGINT)
        printed, complaints = program.communicate(timeout=30)
    kept = {name: (folder / "runs" / name).stat().st_mtime_ns for name in stored(folder)}
    assert 3 <= len(kept) < DISHES
    rows = (folder / "runs.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len({tuple(row.split(",")[:3]) for row in rows}) == len(kept)
    assert (program.returncode, printed) == (130, "")
    assert complaints == (
        f"sdf1-field: interrupted. {folder} keeps {len(kept)} finished dishes; "
        "the same command goes on.\n"
    )
    again = call(arguments)
    assert (again.exit_code, again.stderr) == (0, "")
    assert len(by_none) == DISHES - len(kept)
    assert written(folder) == written(whole)
    assert stored(folder) == stored(whole)
    for name, when in kept.items():
        assert (folder / "runs" / name).stat().st_mtime_ns == when


def test_a_scheduler_gives_the_local_table_and_is_warned_of(command, tmp_path, whole, scheduler):
    scheduler.scale(1)
    address = scheduler.scheduler_address
    result = call(command(tmp_path / "out", "--quick", "--scheduler", address))
    assert result.exit_code == 0
    (warning,) = result.stderr.splitlines()
    assert warning.startswith(
        f"sdf1-field: warning: {address}: connections are neither encrypted nor"
    )
    assert "anyone who reaches the port can run code" in warning
    assert written(tmp_path / "out") == written(whole)


def test_a_full_disk_is_one_line_and_the_next_call_goes_on(
    command, tmp_path, whole, by_none, monkeypatch
):
    write = running.write_run

    def filling(*arguments):
        if len(by_none) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(*arguments)

    with monkeypatch.context() as full:
        full.setattr(running, "write_run", filling)
        result = call(command(tmp_path, "--quick"))
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert re.fullmatch(
        r"sdf1-field: .*\.nc: writing failed \(No space left on device\)\. Make room on the disk "
        r"and run again; finished runs are kept\.",
        line,
    )
    assert len(stored(tmp_path)) == 3
    assert call(command(tmp_path, "--quick")).exit_code == 0
    assert len(by_none) == 4 + DISHES - 3
    assert written(tmp_path) == written(whole)


def test_a_dish_that_fails_is_named_and_the_rest_is_judged(
    command, tmp_path, tiny_targets, by_none, monkeypatch
):
    targets = load_paper("deniz2023", targets=tiny_targets).only(("T1",))
    failing = next(p.dish for p in plan(targets, dishes=12, views=(1,)) if p.condition == "b")
    whole = cluster.read

    def broken(dish):
        if dish == failing:
            raise ZeroDivisionError("division by\nzero")
        return whole(dish)

    monkeypatch.setattr(cluster, "read", broken)
    result = call(command(tmp_path, "--quick", "--json"))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"sdf1-field: null-kg1a, seed {failing.seed}: ZeroDivisionError: division by zero",
        f"sdf1-field: 1 of {DISHES} dishes failed, and pools are judged without them. "
        "The same command tries them again.",
    ]
    report = json.loads(result.stdout)
    (claim,) = report["claims"]
    assert (claim["id"], claim["verdict"]) == ("T1", UNDECIDED)
    assert claim["chance"]["interval"] is not None
    assert json.loads((tmp_path / "claims-T1.json").read_text(encoding="utf-8")) == report
    assert len(stored(tmp_path)) == len(by_none) - 1 == DISHES - 1


# What is printed


def test_a_value_read_from_a_figure_is_printed_with_the_models(command, tmp_path, whole, by_none):
    shutil.copytree(whole / "runs", tmp_path / "runs")
    result = call(command(tmp_path, "--quick"))
    assert result.exit_code == 0
    assert by_none == []
    (claim,) = json.loads((whole / "claims-T1.json").read_text(encoding="utf-8"))["claims"]
    value = claim["statements"][1]
    assert (value["value"], value["digitised_by"]) == (1.0, "a reader")
    where = "within" if 0.5 <= value["effect"] <= 1.5 else "outside of"
    (line,) = [text for text in result.stdout.splitlines() if "a reader" in text]
    assert line.startswith("value: 1.00 (0.50 to 1.50), read by a reader; the model's ")
    assert line.endswith(f" is {where} that.")
    assert f"the model's {interval_text(value['effect'], value['interval'])} is" in line
    assert line in (whole / "table-T1.md").read_text(encoding="utf-8").splitlines()


# Wrong input

OWN = """
[deniz2023.condition.mine]
label = "mine"
model = "null-kg1a"
observation = "cells"
times = ["4 h"]
settings = ["dish.width=300 um"]
[[deniz2023.claim]]
id = "M1"
says = "cells gather"
null = false
statements = [{ text = "MSC", condition = "mine", quantity = "fold change", of = "MSC", above = 1 }]
"""


def assert_refused(result, *expected):
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("sdf1-field: ")
    for text in expected:
        assert text in line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["Missing argument 'PAPER'"]),
        (["deniz2032"], ["unknown paper 'deniz2032'. Known: deniz2023, jiao2024."]),
        (["deniz2023", "--dishes", "0"], ["'--dishes': 0 is not in the range x>=1"]),
        (["deniz2023", "--views", "0"], ["'--views': 0 is not in the range x>=1"]),
        (["deniz2023", "--quick", "--dishes", "3"], ["--quick and --dishes", "Leave"]),
        (["deniz2023", "--quick", "--views", "2"], ["--quick and --views", "Leave"]),
        (
            ["deniz2023", "--claim", "D13", "--dishes", "11", "--views", "1", "--views", "4"],
            ["amd3100: a pool of 11 is too small for experiments of 12. Give more --dishes, or"],
        ),
        (["jiao2024", "--dishes", "2"], ["a pool of 2 is too small for experiments of 3"]),
        (["deniz2023", "--workers", "2", "--scheduler", "x"], ["--workers and --scheduler"]),
        (["deniz2023", "--claim", "D99"], ["unknown claim 'D99'. Did you mean 'D9'"]),
        (["deniz2023", "--targets", "none.toml"], ["none.toml: no such file", "--targets"]),
        (
            ["deniz2023", "--claim", "D1", "--scheduler", "nowhere"],
            ["nowhere: no Dask scheduler answers"],
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(arguments, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_refused(call(["reproduce", *arguments]), *expected)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            '"null-kg1a"',
            '"null-kg1b"',
            ".condition.mine: unknown model 'null-kg1b'. Did you mean 'null-kg1a'",
        ),
        ("above", 'statistic = "mode", above', ": M1: statement 1: unknown statistic 'mode'"),
        (
            "dish.width=",
            "dish.widht=",
            ".condition.mine: dish.widht: unknown key. Did you mean 'width'",
        ),
        ("dish.width=300 um", "dish.width", ".condition.mine: --set dish.width: not KEY=VALUE"),
        ("300 um", "300 h", ".condition.mine: dish.width: '300 h' is not a length"),
    ],
)
def test_targets_that_name_what_is_not_there_are_refused(
    before, after, expected, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(OWN.replace(before, after), encoding="utf-8")
    result = call(["reproduce", "deniz2023", "--targets", "mine.toml"])
    assert_refused(result, f"sdf1-field: mine.toml: deniz2023{expected}")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


def test_a_folder_that_holds_something_else_stays_as_it_is(command, tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    assert_refused(call(command(tmp_path)), f"{tmp_path}: holds something else than runs")
    assert_refused(call(command(tmp_path / "notes.txt")), "notes.txt: cannot be written to")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_scheduler_that_listens_and_says_nothing_is_named(command, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECTING", 0.3)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        result = call(command(tmp_path, "--scheduler", address))
    assert_refused(result, f"{address}: no Dask scheduler answers. Start one with")


# The null model

CHEAP = (
    "dish.width=500 um",
    "dish.length=500 um",
    "grid.spacing=10 um",
    "scene.mode=placed",
    "scene.msc_density=60 1/mm**2",
    "scene.network_fraction=1.0",
    "mechanisms.fibre_adhesion=false",
    "mechanisms.migrasome_uptake=false",
    "cells.time_step=2 min",
    "output.tracks_every=60 min",
)
"""Of a dish of 32 cells."""
GATHERING = tuple(f"D{n}" for n in range(12, 20))
"""Claims of enrichment and of what drugs do to it."""


@pytest.fixture
def nothing_happens():
    """The paper whose every condition of cells is the null model, with dishes of its own."""
    paper = load_paper("deniz2023").only(GATHERING)
    conditions = {}
    for key, condition in paper.conditions.items():
        own = condition
        if condition.null is not None and condition.observation == "cells":
            null = paper.conditions[condition.null]
            own = replace(condition, model=null.model, settings=null.settings, donors=False)
        conditions[key] = replace(own, settings=(*own.settings, *CHEAP))
    return replace(paper, conditions=conditions)


@pytest.mark.slow
def test_the_null_model_has_neither_enrichment_nor_effects_of_drugs(
    nothing_happens, tmp_path, monkeypatch
):
    dishes = 12
    planned = plan(nothing_happens, dishes=dishes, views=(1,))
    assert {p.dish.model for p in planned} == {"null-kg1a"}
    assert len({p.dish.seed for p in planned}) == len(planned)
    known = {}

    def simulated(dishes, _, **__):
        known.update({dish: read(dish) for dish in dishes if dish not in known})
        return running.Ensemble({dish: known[dish] for dish in dishes}, ())

    monkeypatch.setattr(engine, "run_dishes", simulated)
    report = reproduce(nothing_happens, tmp_path, dishes=dishes, views=(1,))
    assert len(known) == len(planned)
    assert not report.failures
    assert [found.claim.id for found in report.found] == list(GATHERING)
    for found in report.found:
        assert found.verdict != REPRODUCED
        if not found.claim.detects:
            assert found.chance.averaged.low <= found.null.averaged.high
    # The same dishes, had control gathered cells and nothing else: then directions are there.
    gathered = {p.dish for p in planned if p.condition == "control"}

    def gathering(dishes, folder, **_):
        ensemble = simulated(dishes, folder)
        return replace(
            ensemble,
            readings={
                dish: tuple(more(r) for r in readings) if dish in gathered else readings
                for dish, readings in ensemble.readings.items()
            },
        )

    def more(reading):
        if reading.quantity != "cells in region" or reading.of == "free surface":
            return reading
        factor = 10.0 if reading.time == 4 * HOUR else 40.0
        return replace(reading, values=factor * reading.values)

    monkeypatch.setattr(engine, "run_dishes", gathering)
    asked = nothing_happens.only(("D12", "D13", "D15"))
    found = reproduce(asked, tmp_path, dishes=dishes, views=(1,)).found
    assert [one.verdict for one in found] == [DIRECTION_ONLY] * 3
    assert all(one.chance.averaged.value > one.null.averaged.value for one in found)
    assert len(known) == len(planned)
