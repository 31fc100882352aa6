"""Tiny versions of the benchmarks: they run, and their errors are what they are said to be."""

import json
import math

import numpy as np
import pytest
from benchmarks import cases as benchmark_cases
from benchmarks import growth, ours, peers, problems, spectral, table, walks
from benchmarks.__main__ import main, run_all
from benchmarks.cases import Case, Setting, cases, write_references
from benchmarks.measure import Result
from benchmarks.problems import QUICK_P1, QUICK_P3, deviation, floor_errors, relative_error

# The peers read numpy.core.
OLD_NUMPY = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    return Setting(quick=True, references=tmp_path_factory.mktemp("references"))


@pytest.fixture(scope="module")
def exact():
    return QUICK_P1.exact_floors(), QUICK_P1.exact_field()


def test_exact_floor_is_the_lowest_layer_of_the_exact_field(exact):
    floors, field = exact
    assert relative_error(field[0], floors[-1]) < 1e-13


def test_exact_field_holds_what_was_secreted_and_not_lost(exact):
    held = exact[1].sum() * QUICK_P1.cell_volume
    k = QUICK_P1.loss_rate
    expected = QUICK_P1.sources * -math.expm1(-k * QUICK_P1.duration) / k
    assert held == pytest.approx(expected, rel=1e-12)


def test_exact_steady_field_secretes_as_much_as_it_loses():
    field = QUICK_P1.exact_steady_field()
    lost = QUICK_P1.loss_rate * field.sum() * QUICK_P1.cell_volume
    assert lost == pytest.approx(QUICK_P1.sources, rel=1e-13)


def test_exact_field_is_steady_after_a_long_time():
    late = problems.Problem(20, 20, 10, sources=16, duration=1e7, every=1e6)
    assert relative_error(late.exact_field(), late.exact_steady_field()) < 1e-12


def test_tighter_tolerance_leaves_less_of_the_floors_error(exact):
    errors = [
        ours.transient(QUICK_P1, tolerance, exact[0]).errors["floor, worst stop"]
        for tolerance in (1e-2, 1e-4, 1e-9)
    ]
    assert 1e-6 < errors[0] < 1e-4
    assert errors[1] < 0.2 * errors[0]
    assert errors[2] < 1e-12


def test_flat_problem_is_exact_in_one_step():
    found = ours.transient(QUICK_P3, 1e-3, QUICK_P3.exact_floors())
    assert found.errors["floor, end"] < 1e-13


def test_steady_floor_is_exact():
    assert ours.steady(QUICK_P1, QUICK_P1.exact_steady_field()[0]).errors["floor"] < 1e-14


@pytest.mark.parametrize("kind", ["linear", "saturating"])
def test_deviation_over_a_coat_comes_within_its_tolerance(kind):
    coated, _, _ = benchmark_cases.COATS[kind]
    reference = ours.reference_floors(QUICK_P1, coated, 1e-6)
    found = ours.transient(QUICK_P1, 1e-3, reference, coated)
    assert 1e-7 < found.errors["floor, end"] < 1e-3
    filled = found.facts["filled, median"]
    assert filled < 1e-3 if kind == "linear" else filled > 1e-2


def test_exact_step_over_a_coat_comes_within_the_tolerance_of_its_poles():
    coated, _, _ = benchmark_cases.COATS["linear"]
    reference = ours.reference_floors(QUICK_P1, coated, 1e-6)
    found = ours.transient(QUICK_P1, 1e-4, reference, coated, exact=True)
    assert 1e-7 < found.errors["floor, worst stop"] < 1e-4


def test_deviation_has_no_mean(exact):
    assert np.abs(deviation(exact[0]).mean(axis=(1, 2))).max() < 1e-18


@OLD_NUMPY
def test_backward_euler_misses_by_about_a_percent_with_fipy(exact):
    floors, field = exact
    errors = peers.fipy_transient(QUICK_P1, peers.FIPY_STEP, field, floors).errors
    assert 1e-3 < errors["field, end"] < 2e-2
    half = peers.fipy_transient(QUICK_P1, 0.5 * peers.FIPY_STEP, field, floors).errors
    assert half["field, end"] == pytest.approx(0.5 * errors["field, end"], rel=0.2)


@OLD_NUMPY
def test_fipy_finds_the_steady_state():
    assert peers.fipy_steady(QUICK_P1, QUICK_P1.exact_steady_field()).errors["field"] < 1e-7


def test_py_pde_comes_close_or_its_row_says_that_it_is_missing(setting):
    write_references("P1", setting)
    chosen = [case for case in cases(quick=True) if case.name == "P1: py-pde"]
    found = run_all(chosen, setting.references, quick=True, repeats=1)
    (result,) = found["P1: py-pde"]
    if "failed" in result:
        recorded = {"machine": MACHINE, "quick": True, "results": found}
        assert "No module named 'pde'" in table.table(recorded, chosen, None)
    else:
        assert result["errors"]["field, end"] < 1e-4


def test_the_script_is_exact_at_every_stop(exact):
    errors = spectral.transient(QUICK_P1, exact[0]).errors
    assert max(errors.values()) < 1e-12


def test_devito_misses_by_its_step_or_its_row_says_that_it_is_missing(setting):
    write_references("P1", setting)
    chosen = [case for case in cases(quick=True) if case.name == "P1: Devito"]
    (result,) = run_all(chosen, setting.references, quick=True, repeats=1)["P1: Devito"]
    if "failed" in result:
        assert "No module named 'devito'" in result["failed"]
    else:
        # The first order of explicit Euler, as py-pde's.
        assert 1e-6 < result["errors"]["field, end"] < 1e-4


def test_recorded_rows_are_shown_and_not_run(setting):
    chosen = [case for case in cases(quick=False) if case.recorded]
    assert [case.run for case in chosen] == [None, None]
    found = run_all(chosen, setting.references, quick=False, repeats=1)
    text = table.table({"machine": MACHINE, "quick": False, "results": found}, chosen, None)
    assert "BioFVM of PhysiCell 1.14.2, step 0.6 s | 26.2 s | 26 s to 26.5 s | 2 |" in text
    assert text.count("recorded, not run here (2026-11-29") == 2


MACHINE = {
    "processor": "one",
    "cores": 1,
    "memory [bytes]": 2**30,
    "last cache [bytes]": 2**20,
    "python": "3",
    "versions": {"numpy": "2"},
}


@pytest.mark.parametrize("who", ["numpy", "numba"])
def test_handmade_walkers_gather_where_the_map_is_high(who):
    values = walks.landscape(walks.QUICK_SIDE)
    x, y, angle = walks.start(4000, walks.QUICK_SIDE)
    walks.HANDMADE[who](values, x, y, angle, 300)
    extent = walks.SPACING * walks.QUICK_SIDE
    assert ((x >= 0) & (x <= extent) & (y >= 0) & (y <= extent)).all()
    under = values[(y / walks.SPACING).astype(int), (x / walks.SPACING).astype(int)]
    assert under.mean() > values.mean() + 0.02


def test_own_walk_and_all_mechanisms_run(setting):
    for case in cases(quick=True):
        if case.name in ("P4: sdf1-field", "cells: 100 cells, 1000/mm²"):
            found = case.run(setting)
            assert found.seconds > 0.0
            assert (found.facts["held"] > 0.0) == (case.group == "cells")


def test_floor_step_grows_with_the_floor_in_name():
    assert ours.floor_step(20, None).facts["side"] == 20
    assert ours.floor_step(20, problems.LINEAR_COAT).facts["layers"] == 25


def test_exponent_is_the_slope_of_the_logarithms():
    assert growth.exponent([10.0, 100.0, 1000.0], [2.0, 20.0, 200.0]) == pytest.approx(1.0)


def test_table_has_a_row_for_what_failed_and_ratios_for_the_rest():
    chosen = [
        Case("P1", "sdf1-field", lambda _: Result(1.0), main=True),
        Case("P1", "FiPy", lambda _: Result(1.0)),
        Case("P1", "py-pde", lambda _: Result(1.0)),
    ]
    own = Result(0.03, errors={"floor, worst stop": 2e-7, "floor, end": 1e-8}).as_json()
    results = {
        "P1: sdf1-field": [own],
        "P1: FiPy": [Result(18.0).as_json(), Result(12.0).as_json(), Result(15.0).as_json()],
        "P1: py-pde": [{"failed": "No module named 'pde'"}],
    }
    text = table.table({"machine": MACHINE, "quick": False, "results": results}, chosen, None)
    assert "| FiPy | 15 s | 12 s to 18 s | 3 | 500 |" in text
    assert "| py-pde | – |" in text
    assert "No module named 'pde'" in text
    assert "| P1, FiPy's time over ours | at least 500 × | 500 × | yes |" in text


@pytest.mark.slow
def test_command_writes_what_it_found(tmp_path):
    assert main(["--quick", "--only", "P2", "--repeats", "1", "--out", str(tmp_path)]) == 0
    recorded = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert len(recorded["results"]["P2: sdf1-field"]) == 1
    assert recorded["results"]["P2: sdf1-field"][0]["errors"]["floor"] < 1e-14
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "Poisson's equation, without loss" in text
    assert f"Recorded on {recorded['date']} from commit {recorded['commit']}." in text


def test_quick_numbers_do_not_replace_the_recorded_ones():
    with pytest.raises(SystemExit):
        main(["--quick"])


def test_references_are_written_for_every_group_that_needs_them(setting):
    write_references("P3", setting)
    assert set(setting.load("P3")) == {"floors", "field"}
    assert floor_errors(setting.load("P3")["floors"], QUICK_P3.exact_floors())["floor, end"] == 0.0
