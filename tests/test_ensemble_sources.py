"""Which files of the program make stored dishes worthless when they change."""

import shutil
import sys
from pathlib import Path

import pytest
from tests.conftest import TINY

import sdf1_field
from sdf1_field.ensemble.sources import reading_sources, source_digest
from sdf1_field.observations import Dish, read

PACKAGE = Path(sdf1_field.__file__).parent


@pytest.fixture(scope="module")
def found():
    return {str(path.relative_to(PACKAGE)) for path in reading_sources(PACKAGE)}


def test_rooms_that_no_reading_runs_through_are_left_out(found):
    rooms = {name.split("/")[0] for name in found}
    assert not rooms & {"api", "cli", "ensemble", "figures", "record", "reproduce"}
    assert not any(name.startswith(("claims/verdict", "claims/loading")) for name in found)
    everything = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")}
    rooms = ("cells/", "observations/", "solvers/")
    assert {name for name in everything if name.startswith(rooms)} <= found


def test_every_function_that_a_dish_calls_is_in_a_file_that_counts(found):
    dish = Dish("cells", "coculture-kg1a", TINY, 1, (3600.0,))
    called = set()

    def watch(frame, *_):
        if frame.f_code.co_name != "<module>":
            called.add(Path(frame.f_code.co_filename))

    read(dish)
    sys.setprofile(watch)
    try:
        read(dish)
    finally:
        sys.setprofile(None)
    ours = {str(path.relative_to(PACKAGE)) for path in called if path.is_relative_to(PACKAGE)}
    assert any(name.startswith("solvers/cosine/") for name in ours)
    assert ours <= found


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the program's sources."""
    place = tmp_path_factory.mktemp("program") / "sdf1_field"
    shutil.copytree(PACKAGE, place, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def change(package, room):
    """Append a line to every source file of a room."""
    place = next(path for path in (package / room, package / f"{room}.py") if path.exists())
    for source in place.rglob("*.py") if place.is_dir() else [place]:
        text = source.read_text(encoding="utf-8")
        source.write_text(f"{text}\n_CHANGED = True\n", encoding="utf-8")


def test_changes_where_no_readings_come_from_do_not_count(copy):
    before = source_digest(copy)
    for room in (
        "analysis/__init__.py", "analysis/cargo_summary.py", "analysis/dishes.py",
        "analysis/network_summary.py", "analysis/runs.py", "analysis/stroma_runs.py",
        "analysis/values.py", "api", "cli", "claims/verdict.py", "ensemble", "figures", "record",
        "reproduce", "statistics",
    ):  # fmt: skip
        change(copy, room)
    assert source_digest(copy) == before


@pytest.mark.parametrize(
    "room",
    [
        "analysis/cargo.py", "analysis/census.py", "analysis/network.py", "cells",
        "claims/readings.py", "observations", "solvers", "transport",
    ],
)  # fmt: skip
def test_a_change_where_readings_come_from_counts(copy, room):
    before = source_digest(copy)
    change(copy, room)
    assert source_digest(copy) != before
