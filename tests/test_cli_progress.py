"""Progress in a log: lines that are few, true and on standard error."""

import itertools
import json
import re

import pytest
from click.testing import CliRunner

from conftest import overrides
from sdf1_field.cli import main, progress
from sdf1_field.compiled import files


@pytest.fixture
def clock(monkeypatch):
    """List of one number, the time that a clock shows [s]."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def lines_of(capsys, clock, states, seconds, **options):
    """Lines for so many states, each of which takes so many seconds, with their times [s]."""
    found = []
    with progress.shown_progress("dish", states, **options) as advance:
        for done in range(1, states + 1):
            clock[0] += seconds
            advance(done, f"{done} min reached")
            printed = capsys.readouterr()
            assert printed.out == ""
            found += [(clock[0], line) for line in printed.err.splitlines()]
    return found


def test_a_log_has_a_line_for_each_tenth_with_what_is_reached_done_and_left(capsys, clock):
    lines = lines_of(capsys, clock, states=200, seconds=3.0)
    assert [line for _, line in lines] == [
        f"dish: {done} min reached, {done // 2} % done, {left}"
        for done, left in zip(
            range(20, 200, 20),
            [
                *(f"{(200 - done) * 3 / 60:.0f} min left" for done in range(20, 180, 20)),
                "60 s left",
            ],
            strict=True,
        )
    ]


def test_slow_work_has_a_line_a_minute_and_short_work_none(capsys, clock):
    slow = [when for when, _ in lines_of(capsys, clock, states=1000, seconds=20.0)]
    assert {b - a for a, b in itertools.pairwise(slow)} == {60.0}
    assert lines_of(capsys, clock, states=40, seconds=0.1) == []
    fast = [when for when, _ in lines_of(capsys, clock, states=40, seconds=0.5)]
    assert len(fast) == 3
    assert min(b - a for a, b in itertools.pairwise(fast)) >= 5.0


def test_quiet_work_says_nothing(capsys, clock):
    assert lines_of(capsys, clock, states=200, seconds=3.0, quiet=True) == []


@pytest.fixture
def hasty(monkeypatch, tmp_path):
    """The program in an empty folder, with a line of progress whenever there may be one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "_CALM", 0.0)

    def call(*arguments):
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return call


def test_solve_reports_the_time_reached_on_standard_error(hasty, tiny_null):
    settings = overrides(tiny_null)
    result = hasty("solve", "null-kg1a", *settings)
    assert result.stdout == "null-kg1a-seed1.nc\n"
    lines = [
        line for line in result.stderr.splitlines() if not re.search("compiling|: warning: ", line)
    ]
    assert 1 <= len(lines) <= 10
    for line in lines:
        assert re.fullmatch(r"null-kg1a: .+ (h|min|s) reached, \d+ % done(, \d+ s left)?", line)
    quiet = hasty("solve", "null-kg1a", *settings, "--force", "--quiet")
    assert (quiet.exit_code, quiet.output) == (0, "")


def test_reproduce_reports_dishes_on_standard_error(hasty, tiny_targets, by_none):
    asked = ("deniz2023", "--claim", "T1", "--targets", tiny_targets, "--quick", "--json")
    result = hasty("reproduce", *asked, "-o", "out")
    json.loads(result.stdout)
    lines = [line for line in result.stderr.splitlines() if "compiling" not in line]
    assert len(by_none) == 24
    assert 5 <= len(lines) <= 10
    assert lines[0].startswith("dishes: 3 of 24, 12 % done")
    quiet = hasty("reproduce", *asked, "-o", "out", "--quiet")
    assert (quiet.exit_code, quiet.stderr) == (0, "")


def test_compilation_is_announced_only_where_there_is_no_kernel_yet(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path)
    progress.announce_compilation()
    assert capsys.readouterr() == (
        "",
        "compiling kernels, once after installation, in about half a minute\n",
    )
    (tmp_path / "random.kernels.draw-0123.kernel").touch()
    progress.announce_compilation()
    assert capsys.readouterr() == ("", "")
