import json
import re

import pytest
from click.testing import CliRunner

from sdf1_field.cli import main

TRACKED = (
    "scene.msc_density=0 1/mm**2",
    "treatments={}",
    "output.ligands=[]",
    "output.fields_from=0 h",
    "output.tracks_from=0 h",
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Function that calls the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        return CliRunner().invoke(main, [str(a) for a in arguments])

    return call


@pytest.fixture
def alone(solved):
    return solved("tracking-kg1a", *TRACKED)


def refusal(result):
    assert result.exit_code == 2, result.output
    (line,) = result.output.splitlines()
    return line


def numbers(text):
    return [float(word) for word in re.findall(r"[-+]?\d+\.?\d*", text)]


def test_an_unknown_table_is_refused_with_those_known(run, tiny_run):
    line = refusal(run("analyse", tiny_run, "--show", "density"))
    assert "'density' is not one of 'fold-change', 'course', 'distance'" in line


@pytest.mark.parametrize("kind", ["course", "dwell", "approach", "motion"])
def test_a_time_is_refused_where_the_whole_recording_is_shown(run, tiny_run, kind):
    line = refusal(run("analyse", tiny_run, "--show", kind, "--at", "1 h"))
    assert f"--at: '{kind}' is of the whole recording." in line


@pytest.mark.parametrize("kind", ["course", "distance", "dwell", "approach"])
def test_a_control_is_refused_where_there_is_no_test(run, tiny_run, solved, kind):
    line = refusal(run("analyse", tiny_run, "--show", kind, "--against", solved(seed=2)))
    assert f"--against: '{kind}' has no test." in line


def test_pairs_need_a_control_and_donors(run, tiny_run, alone, solved):
    assert "Give --against" in refusal(run("analyse", tiny_run, "--paired"))
    other = solved("tracking-kg1a", *TRACKED, seed=2)
    line = refusal(run("analyse", alone, "--against", other, "--paired"))
    assert "compares cells" in line


def test_a_coculture_and_cells_alone_are_not_compared(run, tiny_run, alone):
    assert "no MSC and no network" in refusal(run("analyse", tiny_run, "--against", alone))


def test_a_run_without_cells_or_with_one_frame_is_refused(run, solved, steady_model):
    steady, empty = solved(str(steady_model)), solved("null-kg1a", "cells.density=0 1/mm**2")
    for kind in ("fold-change", "course", "distance", "dwell", "approach", "motion"):
        for path in (steady, empty):
            assert "no cells to analyse" in refusal(run("analyse", path, "--show", kind))
    once = solved("coculture-kg1a", "output.tracks_from=2 h")
    for kind in ("dwell", "approach", "motion"):
        assert "only once" in refusal(run("analyse", once, "--show", kind))


def test_a_control_that_is_no_run_is_refused(run, tiny_run):
    assert "none.nc: no such file" in refusal(run("analyse", tiny_run, "--against", "none.nc"))


def test_what_is_shown_first_depends_on_the_stroma(run, tiny_run, alone):
    assert "a cell counts for the region" in run("analyse", tiny_run).output
    assert run("analyse", alone).output.startswith("tracked for 2 h in frames every 15 min")


@pytest.mark.parametrize(
    ("kind", "keys", "factor"),
    [
        ("course", ("cells", "fold_change", "encounter_limit"), 1.0),
        ("distance", ("cells", "density_per_mm2", "ratio"), 1.0),
        ("dwell", ("episodes", "cut"), 1.0),
        ("dwell", ("mean_dwell", "median_dwell"), 1 / 60),
        ("approach", ("cells", "steps", "index"), 1.0),
    ],
)
def test_tables_say_the_same_as_json(run, tiny_run, kind, keys, factor):
    rows = json.loads(run("analyse", tiny_run, "--show", kind, "--json").output)
    lines = run("analyse", tiny_run, "--show", kind).output.splitlines()[2:]
    shown = [numbers(line) for line in lines]
    each = 2 if kind == "course" else 1
    for n, row in enumerate(rows):
        for key in keys:
            if row[key] is not None:
                value = row[key] * factor
                assert any(v == pytest.approx(value, abs=0.51 if factor < 1 else 6e-3, rel=1e-2)
                           for v in shown[n // each]), (key, value, lines[n // each])  # fmt: skip


def test_motion_says_the_same_as_json_and_names_what_it_corrects(run, solved):
    alone = solved("tracking-kg1a", *TRACKED, "output.tracks_every=2 min")
    found = json.loads(run("analyse", alone, "--json").output)
    assert (found["control"], found["comparison"]) == (None, None)
    text = run("analyse", alone).output
    for key in ("apparent_speed_um_per_min", "speed_um_per_min", "persistence_min"):
        assert f"{found['runs'][key]:.2f} (" in text
    assert f"median {found['runs']['path_um']['median']:.1f}" in text
    assert "speed from frame to frame" in text
    assert "speed, corrected for the frames" in text
    assert "out of reach of the walls" in text
    coarse = solved("tracking-kg1a", *TRACKED)
    note = json.loads(run("analyse", coarse, "--json").output)["runs"]["note"]
    assert note
    assert f"note: {note}" in run("analyse", coarse).output


def test_paths_against_a_control_end_with_the_test(run, alone, solved):
    faster = solved("tracking-kg1a", *TRACKED, "cell_type.kg1a.speed=3 um/min", seed=2)
    last = run("analyse", faster, "--against", alone).output.splitlines()[-1]
    assert last.startswith("path length against the control: ratio of medians")
    assert last.endswith("p <0.001 (Mann-Whitney U test over cells)")


def test_fold_changes_against_a_control_have_a_table_of_their_own(run, solved):
    drug = [solved("coculture-kg1a", "treatments.amd3100.dose=10 uM", seed=n) for n in (4, 5)]
    control = ("--against", solved(seed=1), "--against", solved(seed=2))
    text = run("analyse", *drug, *control).output
    table = text[text.index("against 2 dishes of the control") :].splitlines()
    assert table[1].split("  ")[-1] == "p (unpaired t test)"
    rows = json.loads(run("analyse", *drug, *control, "--json").output)
    assert f"{rows[1]['against']['mean']:.2f} ± {rows[1]['against']['deviation']:.2f}" in table[2]
    assert table[2].endswith(f"{rows[1]['against']['p']:.3f}")
    alone = run("analyse", drug[0], "--against", solved(seed=1)).output.splitlines()
    assert alone[-1].endswith(" -")


def test_dwell_times_that_outlast_the_recording_are_lower_bounds(run, tiny_run):
    lines = run("analyse", tiny_run, "--show", "dwell").output.splitlines()
    assert lines[-1] == "> lower bound: some stays outlast the recording"
    assert any("> " in line for line in lines[2:-1])


def test_help_explains_every_table(run):
    text = " ".join(run("analyse", "--help").output.split())
    for word in (
        "fold-change",
        "course:",
        "distance:",
        "dwell:",
        "approach:",
        "motion:",
        "--paired",
    ):
        assert word in text
