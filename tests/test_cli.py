import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from conftest import overrides
from sdf1_field import __version__
from sdf1_field.cli import main
from sdf1_field.digits import number_text

PROGRAM = Path(sys.executable).with_name("sdf1-field")


def assert_refused(result, *expected):
    assert result.exit_code == 2, result.output
    assert len(result.output.splitlines()) == 1, result.output
    for text in expected:
        assert text in result.output


def still(settings):
    """Those of some settings that a steady state reads, which has neither times nor cells."""
    return [s for s in settings if not s.startswith(("run.", "cells.", "mechanisms."))]


def numbers(line):
    return [float(word) for word in re.findall(r"\d+\.?\d*", line.replace(",", ""))]


# Wrong input


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["coculture-kg1b"], ["unknown model 'coculture-kg1b'", "Did you mean 'coculture-kg1a'"]),
        (["no-such-model.toml"], ["no-such-model.toml", "no such file"]),
        (
            ["coculture-kg1a", "--set", "ligand.sdf1.difusivity=1 um**2/s"],
            ["--set: ligand.sdf1.difusivity: unknown key", "Did you mean 'diffusivity'?"],
        ),
        (
            ["coculture-kg1a", "--set", "ligand.sdf1.diffusivity=150"],
            ["ligand.sdf1.diffusivity", "150 has no unit", "150 um**2/s"],
        ),
        (
            ["coculture-kg1a", "--set", "ligand.sdf1.diffusivity=5 nM"],
            ["'5 nM' is not a diffusivity. Write it like '150 um**2/s'."],
        ),
        (
            ["coculture-kg1a", "--set", "ligand.sdf1.diffusivity=-150 um**2/s"],
            ["ligand.sdf1.diffusivity", "'-150 um**2/s' is out of range"],
        ),
        (
            ["coculture-kg1a", "--set", "cells.time_step=0 s"],
            ["cells.time_step", "'0 s' is out of range", "greater than zero"],
        ),
        (
            ["coculture-kg1a", "--set", "output.fields_every=0 min"],
            ["output.fields_every", "'0 min' is out of range"],
        ),
        (
            ["coculture-kg1a", "--set", "output.tracks_every=-1 min"],
            ["output.tracks_every", "'-1 min' is out of range"],
        ),
        (
            ["coculture-kg1a-amd3100-10um", "--set", "treatments.amd3100.start=13 h"],
            ["treatments.amd3100.start: 13 h is outside the run", "-24 h to 12 h"],
        ),
        (
            ["coculture-kg1a", "--set", "treatments.amd3100.start=1 h"],
            ["treatments.amd3100.dose: no dose is given", "'10 uM'"],
        ),
        (
            ["coculture-kg1a", "--set", "treatments.amd310.dose=1 uM"],
            ["treatments.amd310", "unknown agent 'amd310'", "Did you mean 'amd3100'?"],
        ),
        (["coculture-kg1a", "--set", "dish.width"], ["--set dish.width: not KEY=VALUE"]),
    ],
)
@pytest.mark.parametrize("command", ["check", "solve"])
def test_a_wrong_model_is_one_line_and_status_two(run, tmp_path, command, arguments, expected):
    assert_refused(run(command, *arguments), *expected)
    assert list(tmp_path.iterdir()) == []


def test_a_steady_model_that_loses_nothing_is_refused(run, steady_model):
    nothing_lost = overrides(
        [
            "ligand.sdf1.loss_rate=0 1/s",
            "ligand.sdf1.coat.loss_rate=0 1/s",
        ]
    )
    assert_refused(
        run("solve", steady_model, *nothing_lost),
        "ligand.sdf1: no steady state, since every wall is closed and nothing is lost.",
        "Set loss_rate, open the top, or ask for a transient.",
    )


def test_an_output_that_exists_is_refused_and_left_alone(run, tmp_path):
    path = tmp_path / "run.nc"
    path.write_text("precious", encoding="utf-8")
    assert_refused(run("solve", "null-kg1a", "-o", path), "run.nc: exists already", "with --force")
    assert path.read_text(encoding="utf-8") == "precious"


def test_the_default_output_is_refused_too_if_it_exists(run, tmp_path):
    (tmp_path / "null-kg1a-seed7.nc").touch()
    assert_refused(run("solve", "null-kg1a", "--seed", 7), "null-kg1a-seed7.nc: exists already")


@pytest.mark.parametrize("place", ["file/run.nc", "missing/run.nc", ".", "n" * 250 + ".nc"])
def test_an_output_that_cannot_be_written_is_refused(run, tmp_path, place):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert_refused(run("solve", "null-kg1a", "-o", place), place[:200])
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("command", ["inspect", "analyse", "plot"])
@pytest.mark.parametrize("kind", ["missing", "text", "other", "truncated", "folder"])
def test_a_file_that_is_not_a_run_is_refused(run, tmp_path, tiny_run, command, kind):
    import netCDF4

    path = tmp_path / "run.nc"
    if kind == "text":
        path.write_text("not a run", encoding="utf-8")
    elif kind == "other":
        netCDF4.Dataset(path, "w").close()
    elif kind == "truncated":
        path.write_bytes(tiny_run.read_bytes()[:20_000])
    elif kind == "folder":
        path.mkdir()
    assert_refused(run(command, path), "run.nc: ")
    assert not path.with_suffix(".png").exists()


def test_a_time_the_run_does_not_have_is_refused(run, tiny_run):
    assert_refused(run("analyse", tiny_run, "--at", "5 h"), "no cells were saved at 5 h")
    assert_refused(run("analyse", tiny_run, "--at", "5"), "--at: '5' is not a time")
    assert_refused(
        run("plot", tiny_run, "-o", "a.png", "--at", "5 h"), "the floor was not saved at 5 h"
    )


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("exists.png", "exists already"),
        ("missing/run.png", "missing/run.png: "),
        ("run.xyz", "run.xyz: not the name of a picture. Give one that ends in .png, .pdf, .svg"),
        ("run", "run: not the name of a picture."),
        (".", ".: is a folder."),
    ],
)
def test_a_picture_that_cannot_be_written_is_refused(run, tmp_path, tiny_run, place, expected):
    (tmp_path / "exists.png").write_text("precious", encoding="utf-8")
    assert_refused(run("plot", tiny_run, "-o", place), expected)
    assert (tmp_path / "exists.png").read_text(encoding="utf-8") == "precious"


def test_an_unknown_paper_is_refused(run):
    assert_refused(run("reproduce", "deniz2032"), "unknown paper 'deniz2032'", "deniz2023")


def test_more_threads_than_cores_are_refused(run):
    assert_refused(run("solve", "null-kg1a", "--threads", 100_000), "threads: 100000 is not")


def installed(*arguments):
    ended = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def called(*arguments):
    ended = CliRunner().invoke(main, arguments)
    return ended.exit_code, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        (installed, ["solve", "coculture-kg1b"]),
        (called, ["solve", "null-kg1a", "-o", "/dev/null/run.nc"]),
        (called, ["inspect", "none.nc"]),
    ],
)
def test_the_program_says_what_is_wrong_on_stderr_alone(program, arguments):
    status, printed, complaints = program(*arguments)
    assert (status, printed) == (2, "")
    assert len(complaints.splitlines()) == 1
    assert complaints.startswith("sdf1-field: ")


# What it prints


def test_the_version_is_the_packages(run):
    assert run("--version").output.split()[-1] == __version__


def test_list_names_every_shipped_model(run):
    listed = json.loads(run("list", "--json").output)
    names = [entry["name"] for entry in listed]
    assert {"coculture-kg1a", "coculture-kg1a-sdf1", "null-kg1a"} <= set(names)
    assert "parameters" not in names
    table = run("list").output.splitlines()
    assert [line.split()[0] for line in table] == names
    for name in names:
        assert run("check", name).exit_code == 0


def test_show_gives_every_default_with_its_source(run):
    shown = json.loads(run("show", "parameters", "--json").output)
    entry = shown["ligand.sdf1.diffusivity"]
    assert entry["value"] == "150 um**2/s"
    assert entry["interval"] == ["150 um**2/s", "210 um**2/s"]
    assert all(e["source"] and e["status"] for e in shown.values())
    text = run("show", "parameters").output
    assert "[ligand.sdf1]" in text
    assert "150 um**2/s" in text


def test_show_says_what_the_command_line_has_changed(run):
    shown = json.loads(
        run("show", "coculture-kg1a", "--json", "--set", "cells.time_step=10 s").output
    )
    assert (shown["cells.time_step"]["value"], shown["cells.time_step"]["source"]) == (
        "10 s",
        "set by the user",
    )
    assert shown["mechanisms.haptotaxis"]["value"] is True
    assert shown["mechanisms.haptotaxis"]["where"] == "models/coculture-kg1a.toml"


def test_the_json_schema_knows_every_section(run):
    schema = json.loads(run("show", "--json-schema").output)
    assert {"run", "dish", "ligand", "mechanisms", "treatments"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_show_without_a_model_says_what_is_missing(run):
    result = run("show")
    assert result.exit_code == 2
    assert "MODEL" in result.output


# What it does


def test_solve_inspect_analyse_and_plot_in_a_row(run, tmp_path, tiny):
    solved = run("solve", "coculture-kg1a", "--seed", 3, *overrides(tiny))
    assert (solved.exit_code, solved.stdout) == (0, "coculture-kg1a-seed3.nc\n")
    facts = json.loads(run("inspect", solved.stdout.strip(), "--json", "--digest").output)
    assert facts["seed"] == 3
    assert facts["cells"].startswith("30 kg1a")
    assert len(facts["digest"]) == 64
    assert [ligand["label"] for ligand in facts["ligands"]] == ["SDF-1", "CCL2"]
    assert all(abs(ligand["imbalance"]) < 1e-10 for ligand in facts["ligands"])
    rows = json.loads(run("analyse", "coculture-kg1a-seed3.nc", "--json", "--at", "1 h").output)
    assert [row["time"] for row in rows] == [3600.0] * 3
    assert sum(row["cells"] for row in rows) == 30
    drawn = run("plot", "coculture-kg1a-seed3.nc")
    assert drawn.exit_code == 0
    assert (tmp_path / "coculture-kg1a-seed3.png").read_bytes()[:4] == b"\x89PNG"


def test_tables_say_the_same_as_json(run, tiny_run):
    rows = json.loads(run("analyse", tiny_run, "--json").output)
    table = run("analyse", tiny_run).output.splitlines()
    assert table[0].startswith("1 dish;")
    for row, line in zip(rows, table[2 : 2 + len(rows)], strict=True):
        assert row["region"] in line
        shown = numbers(line)
        for value in (row["cells"], row["density_per_mm2"], row["fold_change"]):
            assert any(n == pytest.approx(value, rel=2e-2) for n in shown), line
    facts = json.loads(run("inspect", tiny_run, "--json").output)
    text = run("inspect", tiny_run).output
    assert facts["grid"] in text
    (computer,) = facts["computed_on"]
    assert f"computed on  processor {computer['processor']}; vector instructions " in text
    sdf1 = facts["ligands"][0]
    assert f"molecules secreted          {sdf1['masses']['secreted']:,.0f}\n" in text
    low, mean, high = (number_text(1e3 * sdf1["floor"][key]) for key in ("min", "mean", "max"))
    assert f"mean {mean}, {low} to {high} pM\n" in text
    assert " nM" not in text


def test_the_range_of_a_floor_is_no_error_of_its_mean(run, tiny_run, monkeypatch):
    from sdf1_field import record

    whole = record.summary

    def wide(opened):
        facts = whole(opened)
        facts["ligands"][0]["floor"] = {"min": 4e-7, "mean": 5.2345e-3, "max": 0.3}
        return facts

    monkeypatch.setattr(record, "summary", wide)
    assert "mean 5.23, 4.00e-4 to 300 pM\n" in run("inspect", tiny_run).output


def test_a_steady_model_solves_and_is_inspected(run, tiny, steady_model):
    assert run("solve", steady_model, "-o", "steady.nc", *overrides(still(tiny))).exit_code == 0
    facts = json.loads(run("inspect", "steady.nc", "--json").output)
    assert "cells" not in facts
    assert [ligand["imbalance"] for ligand in facts["ligands"]] == [None, None]
    assert facts["ligands"][0]["floor"]["mean"] > 0.0
    assert "steady state" in run("inspect", "steady.nc").output
    assert "MSC in the view" in run("analyse", "steady.nc").output
    assert_refused(run("analyse", "steady.nc", "--show", "fold-change"), "no cells to analyse")


def test_force_replaces_and_quiet_prints_nothing(run, tmp_path, tiny_null):
    (tmp_path / "run.nc").write_text("old", encoding="utf-8")
    result = run("solve", "null-kg1a", "-o", "run.nc", "--force", "--quiet", *overrides(tiny_null))
    assert (result.exit_code, result.output) == (0, "")
    assert json.loads(run("inspect", "run.nc", "--json").output)["ligands"] == []


def test_an_interrupted_run_is_kept_with_status_130_and_goes_on(
    run, tmp_path, tiny_null, monkeypatch
):
    from sdf1_field import record

    whole = record.solve

    def interrupted(*arguments, progress, **options):
        def stop(time):
            progress(time)
            if time >= 1800.0:
                raise KeyboardInterrupt

        whole(*arguments, progress=stop, **options)

    monkeypatch.setattr(record, "solve", interrupted)
    call = ["solve", "null-kg1a", "-o", "run.nc", *overrides(tiny_null)]
    result = run(*call)
    assert result.exit_code == 130
    said = result.stderr.splitlines()
    assert [line for line in said if "warning" not in line][-1:] == [
        "sdf1-field: interrupted. Results so far are in run.nc.partial; go on with --resume."
    ]
    assert_refused(run(*call), "run.nc.partial", "Go on with --resume, or start over with --force.")
    looked = run("inspect", "run.nc.partial")
    assert looked.exit_code == 0
    assert looked.stderr == (
        "sdf1-field: warning: run.nc.partial: interrupted at 30 min, with 3 of 9 frames; repeat "
        "the call with --resume to go on\n"
    )
    assert " observations" in looked.stdout
    shown = json.loads(run("analyse", "run.nc.partial", "--show", "motion", "--json").stdout)
    assert shown["runs"]["tracked_time"] == 1800.0
    assert run("plot", "run.nc.partial", "-o", "partial.png").exit_code == 0
    (tmp_path / "partial.png").unlink()
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert run(*call, "--resume").exit_code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.nc"]
    assert_refused(run(*call[:2], "-o", "other.nc", "--resume"), "no interrupted run to resume")


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "ended by SIGTERM"),
        (signal.SIGHUP, 129, "ended by SIGHUP"),
        (signal.SIGALRM, 75, "stopped at the time limit"),
    ],
)
def test_a_run_that_is_asked_to_end_does_so_at_once_and_goes_on(
    run, tiny_null, monkeypatch, number, status, said
):
    from sdf1_field.simulation import loop

    whole, calls = loop.cell_layer.advance_with_uptake, []

    def asked(*arguments, **options):
        calls.append(1)
        if len(calls) == 4:
            # A second one changes nothing.
            try:
                signal.raise_signal(number)
            finally:
                signal.raise_signal(number)
        return whole(*arguments, **options)

    monkeypatch.setattr(loop.cell_layer, "advance_with_uptake", asked)
    call = ["solve", "null-kg1a", "-o", "run.nc", "--quiet", *overrides(tiny_null)]
    before = signal.signal(number, signal.default_int_handler)  # nohup ignores SIGHUP
    result = run(*call)
    assert signal.signal(number, before) is signal.default_int_handler
    assert (result.exit_code, len(calls)) == (status, 4)
    assert result.stderr == (
        f"sdf1-field: {said}. Results so far are in run.nc.partial; go on with --resume.\n"
    )
    monkeypatch.setattr(loop.cell_layer, "advance_with_uptake", whole)
    assert run(*call, "--resume").exit_code == 0
    resumed = json.loads(run("inspect", "run.nc", "--digest", "--json").stdout)
    assert run(*call, "--force").exit_code == 0
    assert (
        json.loads(run("inspect", "run.nc", "--digest", "--json").stdout)["digest"]
        == (resumed["digest"])
    )


def test_a_time_limit_that_is_over_before_anything_is_gained_is_no_reason_to_repeat_the_call(
    run, tiny_null, monkeypatch
):
    from sdf1_field.simulation import loop

    whole, calls, after = loop.cell_layer.advance_with_uptake, [], 4

    def asked(*arguments, **options):
        calls.append(1)
        if len(calls) == after:
            signal.raise_signal(signal.SIGALRM)
        return whole(*arguments, **options)

    call = ["solve", "null-kg1a", "-o", "run.nc", "--quiet", *overrides(tiny_null)]
    vain = "sdf1-field: stopped at the time limit. No stop was reached since the start of this call"
    monkeypatch.setattr(loop.cell_layer, "advance_with_uptake", asked)
    assert run(*call).exit_code == 75
    calls, after = [], 1
    result = run(*call, "--resume")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert result.stderr.startswith(vain)
    assert result.stderr.endswith(
        ": raise --time-limit. Results so far are in run.nc.partial; go on with --resume.\n"
    )
    calls, after = [], 2
    assert run(*call, "--resume").exit_code == 75
    # The state at the start is the first stop.
    calls, after = [], 1
    assert run(*call, "--force").exit_code == 75
    for more in ((), ("--resume",)):
        result = run(*call, *more, "--force", "--time-limit", "1 ms")
        assert result.exit_code == 1
        assert result.stderr.startswith(vain)


def test_a_time_that_is_none_is_refused(run, tiny_null):
    call = ["solve", "null-kg1a", "-o", "run.nc", "--quiet", *overrides(tiny_null)]
    for option, text in (("--time-limit", "0 h"), ("--checkpoint-every", "5 um")):
        assert_refused(run(*call, option, text), f"{option}: '{text}'")
    assert_refused(run(*call, "--accept"), "--accept: is about a run that is resumed.")


# What is implausible, and what was changed


SLIPS = {
    "cell_type.kg1a.speed": "0.15 um/s",
    "grid.spacing": "100 um",
    "scene.migrasome_diameter": "0.5 mm",
}


def test_check_warns_of_each_value_outside_its_interval_and_says_how_large_a_run_is(run):
    result = run("check", "coculture-kg1a", *overrides(f"{k}={v}" for k, v in SLIPS.items()))
    assert result.exit_code == 0
    warnings = result.stderr.splitlines()
    assert [line.split(": ")[:4] for line in warnings] == [
        ["sdf1-field", "warning", "--set", key] for key in SLIPS
    ]
    assert all("is outside its interval, " in line for line in warnings)
    assert "recalled 0.5-3 um/min for KG-1a" in warnings[0]
    assert re.search(r"about \d+ MB of memory and a file of up to \d+ MB", result.stdout)
    assert (
        "changed from the shipped model: cell_type.kg1a.speed=0.15 um/s (set by the user); "
        in result.stdout
    )


@pytest.mark.parametrize("command", ["check", "solve"])
def test_strict_refuses_what_is_outside_its_interval(run, tmp_path, command):
    slips = overrides(f"{k}={v}" for k, v in SLIPS.items())
    assert_refused(run(command, "coculture-kg1a", "--strict", *slips), *SLIPS, "or omit strict")
    assert list(tmp_path.iterdir()) == []
    assert run("check", "coculture-kg1a", "--strict").exit_code == 0


def test_an_unknown_solver_is_refused_with_those_known(run):
    refused = run("solve", "coculture-kg1a", "--solver", "magic")
    assert_refused(refused, "numerics.solver: 'magic'", "it should be 'cosine' or 'fipy'")


@pytest.mark.parametrize("command", ["check", "solve", "show"])
def test_a_key_that_nothing_reads_is_refused(run, command):
    unread = overrides(["scene.network_fraction=0.5"])
    assert_refused(
        run(command, "coculture-kg1a", *unread),
        "--set: scene.network_fraction: acts on nothing in this model, since networks of a grown",
    )


def test_check_lists_what_a_shipped_model_sets_and_nothing_reads(run):
    assert (
        "not read in this model, since there is nothing to remove: "
        "treatments.medium_change.start (models/coculture-kg1a.toml)"
    ) in run("check", "null-kg1a").stdout
    assert "not read" not in run("check", "coculture-kg1a").stdout


def test_what_is_changed_is_said_wherever_a_run_is_looked_at(run, tiny_run):
    from sdf1_field.record import open_run

    with open_run(tiny_run) as opened:
        attribute = opened.attrs["changed"]
    assert attribute.startswith("cells.density=330 1/mm**2 (set by the user); dish.height=200 um (")
    facts = json.loads(run("inspect", tiny_run, "--json").output)
    assert "; ".join(facts["changed"]) == attribute
    assert attribute in run("inspect", tiny_run).output
    assert f"changed from the shipped model in runs: {attribute}" in run("analyse", tiny_run).output
    rows = json.loads(run("analyse", tiny_run, "--json").output)
    assert all(row["changed"] == {"runs": facts["changed"], "control": []} for row in rows)


# Ligands by name


def test_plot_takes_a_ligands_label_and_names_the_others(run, tiny_run):
    assert run("plot", tiny_run, "-o", "a.png", "--ligand", "SDF-1").exit_code == 0
    assert_refused(
        run("plot", tiny_run, "-o", "b.png", "--ligand", "M-CSF"), "sdf1 (SDF-1), ccl2 (CCL2)"
    )


def test_a_picture_of_nothing_is_refused_in_one_line(run, tmp_path, solved):
    bare = solved("null-kg1a", "cells.density=0 1/mm**2", "scene.msc_density=0 1/mm**2")
    assert_refused(run("plot", bare, "-o", "a.png"), "has no cells, no MSC and no migrasomes")
    assert list(tmp_path.iterdir()) == []
