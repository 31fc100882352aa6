"""The architecture page names files, functions and rooms that exist, and its example works."""

import ast
import configparser
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SOURCES = ROOT / "src" / "sdf1_field"
PLACES = sorted(set(re.findall(r"`([\w/]+\.py): ([\w.]+)`", PAGE)))
FILES = sorted(set(re.findall(r"`((?:\w+/)+\w+\.py)[`:]", PAGE)))


@functools.cache
def defined_in(file):
    """Functions, classes with their methods, and constants of a file."""
    names = set()
    for node in ast.parse((SOURCES / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (part for part in node.body if isinstance(part, ast.FunctionDef))
            names |= {f"{node.name}.{method.name}" for method in methods}
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("file", FILES)
def test_every_file_on_the_page_exists(file):
    assert (SOURCES / file).is_file()


@pytest.mark.parametrize(("file", "name"), PLACES)
def test_every_place_on_the_page_exists(file, name):
    assert name in defined_in(file)


def test_a_molecule_a_cell_and_the_equations_are_followed_through_the_rooms():
    rooms = {re.split(r"[/.]", file)[0] for file, _ in PLACES}
    assert len(PLACES) >= 45
    assert len(FILES) >= 35
    assert {"spec", "simulation", "migrasomes", "sources", "solvers", "exposure", "cells"} <= rooms
    assert {"record", "analysis"} <= rooms


def test_rooms_stand_in_the_order_of_their_imports():
    linter = configparser.ConfigParser()
    linter.read(ROOT / ".importlinter")
    layers = linter["importlinter:contract:rooms"]["layers"].split()
    table = PAGE.partition("## The rooms")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.M) == layers[::-1]


def follow(diff, folder):
    """Change files of a folder as a block of the page says."""
    name, _, hunks = diff.removeprefix("--- ").partition("\n")
    path = folder / name
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for hunk in hunks.split("@@\n"):
        lines = hunk.splitlines()
        old = "".join(f"{line[1:]}\n" for line in lines if line[:1] in " -")
        new = "".join(f"{line[1:]}\n" for line in lines if line[:1] in " +")
        assert text.count(old) == 1 or not text, hunk
        text = text.replace(old, new, 1) if text else new
    path.write_text(text, encoding="utf-8")


PROGRAM = """
from sdf1_field import load_model, solve

small = {
    "dish.width": "150 um", "dish.length": "150 um", "dish.height": "100 um",
    "grid.spacing": "10 um", "run.duration": "2 h", "scene.msc_number": 2,
}
made, share = [], 50 / 50.5
for name in ("secretion-l929", "cycloheximide.toml"):
    run = solve(load_model(name).set(small), seed=1)
    course = run.dataset["ccl2_cargo_made"].values
    made.append(course[-1] - course[0])
assert made[0] > 0.0
assert abs(made[1] / made[0] - (1.0 - share)) < 1e-9, made
"""


@pytest.mark.slow
def test_a_mechanism_is_added_by_the_steps_of_the_page(tmp_path):
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "models", tmp_path / "models")
    (tmp_path / "validation").mkdir()
    for name in ("targets.toml", "predictions.toml"):
        shutil.copy(ROOT / "validation" / name, tmp_path / "validation")
    for diff in re.findall(r"^```diff\n(.*?)^```", PAGE, flags=re.M | re.S):
        follow(diff, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
