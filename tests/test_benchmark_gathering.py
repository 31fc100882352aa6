"""The benchmark case that others run: its limits, its checker, recorded results, and mistakes."""

import csv
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks" / "gathering"
HEADER = ["quantity", "key", "value", "n"]


@pytest.fixture(scope="module")
def case():
    """Modules of the case, by their names."""
    sys.path.insert(0, str(FOLDER))
    yield {name: importlib.import_module(name) for name in ("limits", "check", "reference")}
    sys.path.remove(str(FOLDER))


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def written(path, rows):
    text = "\n".join(",".join(map(str, row)) for row in [HEADER, *rows])
    path.write_text(f"{text}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["results-reference.csv", "results-ours.csv"])
def test_recorded_results_of_two_programs_pass(case, name):
    compared = case["check"].compare(FOLDER / name)
    assert len(compared) == 25
    assert all(row[-1] for row in compared)


def test_the_checker_needs_numpy_and_scipy_alone():
    code = f"""
import sys
sys.path.insert(0, {str(FOLDER)!r})
sys.argv = ["check.py", {str(FOLDER / "results-reference.csv")!r}]
import check
assert check.main() == 0
print(sorted(m for m in ("sdf1_field", "numba", "pandas", "matplotlib") if m in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "25 of 25 pass" in done.stdout


def failing(compared):
    return {(row[0], row[1]) for row in compared if not row[-1]}


def changed(rows, quantity, values):
    given = iter(values)
    return [[*r[:2], next(given), r[3]] if r[0] == quantity else r for r in rows]


def test_half_the_diffusivity_fails_at_nine_of_ten_probes(case, tmp_path):
    reference = case["reference"]
    field = reference.concentration(0.5 * reference.CASE["ligand"]["diffusivity_um2_per_s"])
    rows = changed(
        rows_of(FOLDER / "results-reference.csv"),
        "field",
        reference.at(field, reference.PROBES[:, 1:]),
    )
    compared = case["check"].compare(written(tmp_path / "results.csv", rows))
    # The probe farthest from strong sources is in balance: steeper there, but higher nearby.
    assert failing(compared) == {("field", probe) for probe in range(1, 11) if probe != 8}


def test_twice_the_speed_fails_at_every_time(case, tmp_path):
    found, cells = case["reference"].walk(np.random.default_rng(1), 4.0, cells=10_000)
    rows = [r for r in rows_of(FOLDER / "results-reference.csv") if r[0] != "walk"]
    rows += [["walk", time, value, cells] for time, value in found.items()]
    compared = case["check"].compare(written(tmp_path / "results.csv", rows))
    assert failing(compared) == {("walk", time) for time in found}


def test_cells_that_do_not_gather_fail(case, tmp_path):
    covered = np.pi * 12.0**2 / (240.0 * 120.0)
    shares = [5 * covered, *[covered] * 5]
    rows = changed(rows_of(FOLDER / "results-reference.csv"), "gathering", shares)
    compared = case["check"].compare(written(tmp_path / "results.csv", rows))
    assert ("gathering", 0) in failing(compared)


def test_the_gathering_limit_is_that_of_an_even_floor_without_sensitivity(case, monkeypatch):
    limits = case["limits"]
    monkeypatch.setitem(limits.CASE["gathering"], "sensitivity_per_nM", 0.0)
    share = limits.gathering_limits()
    assert share[0] == pytest.approx(5 * np.pi * 12.0**2 / (240.0 * 120.0), rel=2e-3)
    assert sum(share[n] for n in range(1, 6)) == pytest.approx(share[0])


def test_all_that_is_secreted_is_lost(case):
    """The mean concentration over the floor bounds the field: no molecule is made or lost twice."""
    limits = case["limits"]
    mean = limits.amplitudes()[0, 0]
    flux = sum(rate for *_, rate in limits.SOURCES) / (limits.WIDTH * limits.LENGTH)
    length = np.sqrt(150.0 / limits.LIGAND["loss_rate_per_s"])
    z = (np.arange(2000) + 0.5) * 1e-3
    exact = flux * length / 150.0 * np.cosh((60.0 - z) / length) / np.sinh(60.0 / length)
    assert mean == pytest.approx(exact.mean() / limits.PER_UM3, rel=1e-6)


def test_a_part_that_is_not_given_is_said_and_the_rest_is_judged(
    case, tmp_path, monkeypatch, capsys
):
    rows = [r for r in rows_of(FOLDER / "results-reference.csv") if r[0] in ("field", "encounter")]
    monkeypatch.setattr(sys, "argv", ["check.py", str(written(tmp_path / "results.csv", rows))])
    assert case["check"].main() == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split() for line in shown[-3:]] == [
        ["walk", "not", "given"], ["gathering", "not", "given"], ["14", "of", "14", "pass"],
    ]  # fmt: skip
    rows[0][2] = 1.0
    written(tmp_path / "results.csv", rows)
    assert case["check"].main() == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda rows: rows[1:], "no field 1. Add the row."),
        (lambda _: [], "no results below the header"),
        (lambda rows: [*rows, rows[0]], "line 27: field 1 is there twice"),
        (lambda rows: [["feild", *rows[0][1:]], *rows[1:]], "line 2: unknown quantity 'feild'"),
        (lambda rows: [["field", 99, 1.0, ""], *rows], "line 2: field has no 99. Known: 1, 2"),
        (lambda rows: [["field", 1, "nan", ""], *rows[1:]], "line 2: the value is not finite"),
        (lambda rows: [["field", 1, "x", ""], *rows[1:]], "line 2: key, value and n must be"),
        (lambda rows: [*rows[:-1], [*rows[-1][:3], 50]], "gathering needs n, the number of cells"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(case, tmp_path, change, expected, monkeypatch, capsys):
    path = written(tmp_path / "results.csv", change(rows_of(FOLDER / "results-reference.csv")))
    monkeypatch.setattr(sys, "argv", ["check.py", str(path)])
    assert case["check"].main() == 2
    said = capsys.readouterr().err
    assert expected in said
    assert said.count("\n") == 1
