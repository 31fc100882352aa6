"""How the program ends: errors of every kind, warnings, pipes that are not read."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import warnings

import click
import netCDF4
import numpy as np
import pytest
from click.testing import CliRunner

from sdf1_field import cli
from sdf1_field.cli import main
from sdf1_field.errors import InputError, Sdf1FieldWarning


@pytest.fixture
def raising(monkeypatch):
    """Function that makes the command `list` raise an error, and calls the program."""

    def call(error, *arguments):
        @click.command()
        def broken():
            raise error

        monkeypatch.setitem(cli.main.commands, "list", broken)
        return CliRunner().invoke(main, list(arguments) or ["list"])

    return call


def refused(*arguments):
    """The line of a call that is refused."""
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    (line,) = result.stderr.splitlines()
    return line


# Last resort


@pytest.mark.parametrize(
    "error",
    [
        TypeError("one\ntwo"),
        EOFError("Ran out of input"),
        RecursionError("too deep"),
        AssertionError(),
        BaseExceptionGroup("several", [KeyError("a")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_unexpected_error_is_one_line_that_says_how_to_report_it(raising, error):
    result = raising(error)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"sdf1-field: internal error: {type(error).__name__}")
    assert "please report it" in line
    assert "--debug" in line


def test_an_unexpected_error_of_a_page_is_cut(raising):
    (line,) = raising(ValueError("long " * 1000)).stderr.splitlines()
    assert len(line) < 600


@pytest.mark.parametrize("arguments", [["--debug", "list"], ["list", "--debug"]])
def test_debug_shows_the_traceback_before_or_after_the_command(raising, arguments):
    result = raising(TypeError("wrong"), *arguments)
    *traceback, line = result.stderr.splitlines()
    assert result.exit_code == 1
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[-1] == "TypeError: wrong"
    assert line.startswith("sdf1-field: internal error: TypeError: wrong;")


@pytest.mark.parametrize(("value", "shown"), [("1", True), ("0", False), ("", False)])
def test_the_environment_can_ask_for_the_traceback(raising, monkeypatch, value, shown):
    monkeypatch.setenv("SDF1_FIELD_DEBUG", value)
    result = raising(InputError("m.toml: a: wrong. Mend it."))
    assert result.exit_code == 2
    assert ("Traceback" in result.stderr) == shown
    assert result.stderr.splitlines()[-1] == "sdf1-field: m.toml: a: wrong. Mend it."


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (KeyboardInterrupt(), 130, "interrupted."),
        (MemoryError(), 1, "out of memory. If a file was being read, give a smaller one;"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "no space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "a.nc"), 2, "a.nc: permission denied"),
        (RuntimeError("NetCDF: HDF error"), 2, "a run file is damaged (NetCDF: HDF error)"),
        (click.ClickException("no"), 1, "sdf1-field: no"),
    ],
)
def test_errors_of_the_system_have_lines_of_their_own(raising, error, status, text):
    result = raising(error)
    assert result.exit_code == status
    assert text in result.stderr
    assert "internal error" not in result.stderr


def test_a_warning_is_one_line_and_others_are_pythons(monkeypatch):
    @click.command()
    def warned():
        warnings.warn("m.toml: a:\n unusual.", Sdf1FieldWarning, stacklevel=1)
        click.echo("done")

    monkeypatch.setitem(cli.main.commands, "list", warned)
    result = CliRunner().invoke(main, ["list"])
    assert (result.exit_code, result.stdout) == (0, "done\n")
    assert result.stderr == "sdf1-field: warning: m.toml: a: unusual.\n"


# Pipes


@pytest.mark.parametrize("arguments", [["list"], ["show", "null-kg1a"], ["--help"]])
def test_a_reader_that_leaves_early_is_no_error(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "sdf1_field.cli", *arguments]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_broken_pipe_elsewhere_is_an_error(raising):
    assert raising(BrokenPipeError(errno.EPIPE, "Broken pipe")).exit_code == 2


# Model files


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"x = {'[' * 2000}{']' * 2000}", "nested too deep"),
        ("[cells]\ndensity = {value = 1, status = 1}", "cells.density.status: unknown status '1'"),
        ("[cells]\ndensity = {value = 1, status = []}", "cells.density.status: unknown status"),
        ("[cells]\ndensity = {value = 1, interval = [[], {}]}", "cells.density.interval: "),
        ('"run" = 1\n"run.seed" = 2', "'run.seed' is not a key. Write it without quotes."),
        ('"" = 1', "'' is not a key"),
        ('extends = "a\\u0000.toml"', "extends: 'a\\x00.toml' is not a model"),
    ],
)
def test_odd_model_files_are_one_line(tmp_path, text, expected):
    path = tmp_path / "odd.toml"
    path.write_text(text, encoding="utf-8")
    line = refused("check", path)
    assert line.startswith(f"sdf1-field: {path}: ")
    assert expected in line


def test_a_setting_of_many_brackets_is_one_line():
    assert "--set: cells.density" in refused(
        "check", "null-kg1a", "--set", f"cells.density={'[' * 2000}{']' * 2000}"
    )


# Run files


def edited_entries(edit):
    def change(file):
        entries = json.loads(file.model)
        edit(entries)
        file.model = json.dumps(entries)

    return change


def swap(name, value):
    return lambda file: file.setncattr(name, value)


DAMAGED = {
    "model is no JSON": (swap("model", "{"), "attribute 'model' is not a model"),
    "model is a list": (swap("model", "[]"), "attribute 'model' is not a model"),
    "model is a number": (swap("model", 5), "attribute 'model' is missing or damaged"),
    "model is nested": (swap("model", "[" * 100_000), "attribute 'model' is not a model"),
    "entry lacks its value": (
        edited_entries(lambda entries: entries["cells.density"].pop("value")),
        "attribute 'model' is not a model",
    ),
    "entry is missing": (
        edited_entries(lambda entries: entries.pop("cells.density")),
        "cells.density: missing",
    ),
    "value is wrong": (
        edited_entries(lambda entries: entries["cells.density"].update(value="5 um")),
        "cells.density",
    ),
    "entries collide": (
        edited_entries(lambda entries: entries.update({"run": entries["run.seed"]})),
        "attribute 'model' is not a model",
    ),
    "no seed": (lambda file: file.delncattr("seed"), "attribute 'seed' is missing or damaged"),
    "seed is text": (swap("seed", "one"), "attribute 'seed' is missing or damaged"),
    "seed is a list": (swap("seed", np.arange(2)), "attribute 'seed' is missing or damaged"),
    "no source": (lambda file: file.delncattr("source"), "attribute 'source' is missing"),
    "title is a number": (swap("title", 1.5), "attribute 'title' is missing or damaged"),
    "a variable is gone": (
        lambda file: file.renameVariable("region", "gone"),
        "region: is missing, or has other dimensions",
    ),
    "cells are gone": (
        lambda file: file.renameVariable("cell_x", "gone"),
        "cell_x: is missing, or has other dimensions",
    ),
    "a flag means nothing": (
        lambda file: file["region"].delncattr("flag_meanings"),
        "region: is missing, or has other dimensions",
    ),
}
"""How a run file can be damaged, and what is said of it."""


@pytest.mark.parametrize("how", DAMAGED)
def test_a_run_file_with_edited_content_is_one_line(tmp_path, tiny_run, how):
    damage, expected = DAMAGED[how]
    path = tmp_path / "run.nc"
    shutil.copy(tiny_run, path)
    with netCDF4.Dataset(path, "a") as file:
        damage(file)
    for arguments in (["inspect", path], ["analyse", path], ["plot", path]):
        line = refused(*arguments)
        assert line.startswith(f"sdf1-field: {path}: ")
        assert expected in line
    assert [kept.name for kept in tmp_path.iterdir()] == ["run.nc"]


def test_bytes_lost_within_a_run_file_are_one_line(tmp_path, tiny_run):
    content = bytearray(tiny_run.read_bytes())
    with netCDF4.Dataset(tiny_run) as file:
        size = len(content)
        assert file.file_format == "NETCDF4"
    path = tmp_path / "run.nc"
    statuses = set()
    for start in range(size // 10, size, size // 10):
        path.write_bytes(content[:start] + bytes(4000) + content[start + 4000 :])
        result = CliRunner().invoke(main, ["inspect", "--digest", str(path)])
        statuses.add(result.exit_code)
        assert len(result.stderr.splitlines()) == (result.exit_code != 0), result.stderr
        assert "internal error" not in result.stderr
    assert 2 in statuses
    assert statuses <= {0, 2}


def test_a_second_interrupt_while_the_program_ends_changes_nothing():
    script = (
        "import atexit, os, signal, sys\n"
        "from sdf1_field.cli import main\n"
        # Where the tests run in the background the signal is ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "main.commands['list'].callback = lambda **_: signal.raise_signal(signal.SIGINT)\n"
        "sys.argv = ['sdf1-field', 'list']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == "sdf1-field: interrupted."


def test_an_interrupt_while_the_program_loads_ends_it_without_a_word():
    start = (
        "import os, signal, sys, sdf1_field.__main__ as start\n"
        "class Loading:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'sdf1_field.cli':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Loading())\n"
        "start.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
