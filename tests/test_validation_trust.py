"""Odd machines, and the page of licences."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "validation" / "trust"
QUICK = ("all three closed: list", "ASCII alone: help", "without POSIX: help")
SLOW = (
    "no HOME, no TMPDIR",
    "standard error closed",
    "-X dev -W error: analyse",
    "name: not UTF-8, solved model",
    "without POSIX: solve",
    "without POSIX: plot",
)
"""Trials each of a kind of its own; all of them run at night."""


@pytest.fixture
def load(monkeypatch):
    """Import a script of the folder by its name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in ("licences", "machines"):
        sys.modules.pop(name, None)


def test_the_page_of_licences_has_every_package_of_the_lock(load):
    licences = load("licences")
    rows = [
        line.split(" | ")
        for line in licences.PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    listed = {row[0].removeprefix("| "): row[1].split(", ") for row in rows[1:]}
    listed.pop("package", None)
    assert listed == licences.locked()
    assert all(row[2].removesuffix(" |").strip() for row in rows)


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_the_program_works_on_odd_machines(load, request, tmp_path, name):
    machines = load("machines")
    (trial,) = [one for one in machines.TRIALS if one.name == name]
    made = request.getfixturevalue("tiny_run") if "@run" in trial.arguments else tmp_path
    good, said = machines.run(trial, Path(sys.executable), tmp_path, made)
    assert good, said
