import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import digest_of, tiny_model
from sdf1_field import errors
from sdf1_field.errors import InputError, RunError, Sdf1FieldWarning
from sdf1_field.locks import host_number, started
from sdf1_field.record import (
    checkpoint_path,
    claim_output,
    layout,
    load_state,
    open_run,
    partial_path,
    paths,
    reading,
    solve,
    summary,
    writing,
)
from sdf1_field.record.computer import computers_text, this_computer
from sdf1_field.record.journal import Journal, load_start
from sdf1_field.record.layout import versions
from sdf1_field.solvers import linear

HOUR = 3600.0


# Writing


def test_a_run_grows_under_another_name_and_takes_its_own_when_complete(tiny, tmp_path):
    path = tmp_path / "run.nc"
    seen = []

    def look(time):
        seen.append((time, path.exists(), partial_path(path).exists()))

    solve(tiny_model(tiny, "run.duration=30 min"), path, progress=look)
    assert seen == [(900.0 * n, False, True) for n in range(3)]
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_a_run_is_never_overwritten_unasked(tiny, tmp_path):
    path = tmp_path / "run.nc"
    path.write_text("precious", encoding="utf-8")
    short = tiny_model(tiny, "run.duration=15 min", name="null-kg1a")
    with pytest.raises(InputError, match=r"run\.nc: exists already\. .*force"):
        solve(short, path)
    assert path.read_text(encoding="utf-8") == "precious"
    solve(short, path, force=True)
    with open_run(path) as run:
        assert run.sizes["trajectory"] == 30


def test_a_failed_run_keeps_what_it_had_and_is_started_over_only_with_force(tiny, tmp_path):
    path = tmp_path / "run.nc"

    def fail(time):
        if time > 0.0:
            raise RunError("t = 1000 s: no more.")

    short = tiny_model(tiny, "run.duration=30 min", name="null-kg1a")
    with pytest.raises(
        RunError, match=r"t = 1000 s: no more\. .*run\.nc\.partial, good up to 15 min; .*force\."
    ) as caught:
        solve(short, path, progress=fail)
    assert len(str(caught.value).splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc.partial"]
    with pytest.raises(InputError, match=r"resume, or start over with force\."):
        solve(short, path)
    solve(short, path, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_a_run_out_of_memory_keeps_what_it_had_and_goes_on(tiny, tiny_run, tmp_path):
    path = tmp_path / "run.nc"

    def fail(time):
        if time >= HOUR:
            raise MemoryError

    with pytest.raises(RunError, match=r"run\.nc: out of memory\. .*partial; go on with resume"):
        solve(tiny_model(tiny), path, seed=1, progress=fail)
    solve(tiny_model(tiny), path, seed=1, resume=True)
    assert digest_of(path) == digest_of(tiny_run)


@pytest.fixture
def full_disk(monkeypatch):
    """Function after which no value can be written any more."""

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    def fill():
        monkeypatch.setattr(Journal, "append", full)
        monkeypatch.setattr(Journal, "commit", full)

    return fill


@pytest.mark.parametrize("frames", [0, 1])
def test_a_disk_that_fills_up_before_a_checkpoint_ends_the_run_and_leaves_nothing(
    tiny, tmp_path, full_disk, frames
):
    path = tmp_path / "run.nc"
    if not frames:
        full_disk()
    with pytest.raises(
        RunError, match=r"run\.nc: .*no space left.*choose another.*again"
    ) as caught:
        solve(tiny_model(tiny), path, seed=1, progress=lambda _: full_disk())
    assert len(str(caught.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError, OSError])
def test_only_what_fails_in_writing_is_laid_to_the_disk(tiny, tmp_path, monkeypatch, error):
    def broken(*_arguments, **_options):
        raise error("the solver's own fault")

    monkeypatch.setattr(linear, "advance", broken)
    with pytest.raises(error, match=r"^the solver's own fault$"):
        solve(tiny_model(tiny), tmp_path / "run.nc", seed=1)
    monkeypatch.undo()
    monkeypatch.setattr(writing.Recorder, "append", broken)
    with pytest.raises(RunError, match=r"writing failed \(the solver's own fault\)\. Make room"):
        solve(tiny_model(tiny), tmp_path / "other.nc", seed=1)


@pytest.mark.parametrize("most", [1, 10_000])
def test_the_content_does_not_depend_on_how_many_values_are_written_together(
    tiny, tiny_run, tmp_path, monkeypatch, most
):
    path = tmp_path / "run.nc"
    monkeypatch.setattr(layout, "_WRITTEN_BYTES", most)
    solve(tiny_model(tiny), path, seed=1)
    assert digest_of(path) == digest_of(tiny_run)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "is a folder"),
        ("missing/run.nc", "there is no folder"),
        ("file/run.nc", "there is no folder"),
    ],
)
def test_a_place_that_cannot_hold_a_run_is_refused(tmp_path, name, text):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=text):
        claim_output(tmp_path / name, force=False, resume=False)


def test_a_name_too_long_for_the_file_system_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot be written to|too long"):
        claim_output(tmp_path / ("n" * 250 + ".nc"), force=False, resume=False)


# Interruption


def interrupted(tiny, path, at):
    def stop(time):
        if time >= at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(tiny_model(tiny), path, seed=1, progress=stop)


@pytest.mark.parametrize("at", [0.0, HOUR])
def test_an_interrupted_run_goes_on_to_the_same_content(tiny, tiny_run, tmp_path, at):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, at)
    assert not path.exists()
    assert partial_path(path).exists()
    assert load_state(checkpoint_path(path), "cosine").time == at
    with pytest.raises(InputError, match=r"run\.nc\.partial: .*resume, or .*force"):
        solve(tiny_model(tiny), path, seed=1)
    reached = []
    solve(tiny_model(tiny), path, seed=1, resume=True, progress=reached.append)
    assert reached == [at + 900.0 * n for n in range(len(reached))]
    assert reached[-1] == 7200.0
    assert digest_of(path) == digest_of(tiny_run)
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def seen(path, text):
    """Run that is not complete, opened with a warning."""
    with pytest.warns(Sdf1FieldWarning, match=text):
        return open_run(path, interrupted=True)


def test_an_interrupted_run_shows_all_that_was_reached(tiny, tiny_run, tmp_path):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, HOUR)
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc.partial"]
    for name in (path, partial_path(path)):
        with (
            seen(name, r"interrupted at 1 h, with 5 of 9 frames; .*resume") as part,
            open_run(tiny_run) as whole,
        ):
            assert part["time"].values.tolist() == whole["time"].values[:5].tolist()
            for variable in whole.variables:
                own, other = part[variable], whole[variable]
                if "time" in own.dims:
                    other = other[:5]
                if "obs" in own.dims:
                    other = other[:, : own.sizes["obs"]]
                if variable.startswith("migrasome_") and "time" not in own.dims:
                    continue
                assert own.dtype == other.dtype, variable
                assert np.array_equal(own.values, other.values, equal_nan=own.dtype.kind == "f")


def test_a_run_shows_its_last_checkpoint_while_it_is_written(tiny, tmp_path):
    path, shown = tmp_path / "run.nc", []

    def look(time):
        if time == 0.0:
            with pytest.raises(InputError, match=r"0 of 9 frames were there at its last"):
                open_run(path, interrupted=True)
        elif time == HOUR:
            with seen(path, r"being written \(.*\), 4 of 9 frames until") as run:
                shown.append(run["time"].values[-1])
                assert summary(run)["cells"] == "30 kg1a, 4 observations"

    solve(tiny_model(tiny), path, seed=1, progress=look, checkpoint_every=0.0)
    assert shown == [2700.0]


@pytest.mark.parametrize("by", [Path, partial_path])
def test_a_run_that_is_completed_while_it_is_opened_is_opened_whole(
    tiny, tiny_run, tmp_path, monkeypatch, by
):
    path, load = tmp_path / "run.nc", reading.load_checkpoint
    interrupted(tiny, path, HOUR)

    def completed(folder, tables):
        monkeypatch.undo()
        solve(tiny_model(tiny), path, seed=1, resume=True)
        return load(folder, tables)

    monkeypatch.setattr(reading, "load_checkpoint", completed)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Sdf1FieldWarning)
        open_run(by(path), interrupted=True).close()
    assert digest_of(path) == digest_of(tiny_run)


def test_the_name_of_a_runs_folder_is_on_the_disk_with_its_first_checkpoint(
    tiny, tmp_path, monkeypatch
):
    synced, sync = [], errors.sync
    monkeypatch.setattr(errors, "sync", lambda path: (synced.append(path.name), sync(path)))
    path = tmp_path / "run.nc"
    interrupted(tiny, path, HOUR)
    assert synced.index("state.npz.writing") < synced.index(tmp_path.name)
    assert synced.count(tmp_path.name) == 1


def test_a_run_makes_a_checkpoint_only_when_one_is_due(tiny, tmp_path):
    path, there = tmp_path / "run.nc", []

    def look(_time):
        there.append(checkpoint_path(path).exists())

    for every in (1e9, 0.0):
        solve(tiny_model(tiny), path, seed=1, progress=look, checkpoint_every=every, force=True)
    # The state of the start is the first stop.
    assert there == [False] * 9 + [True] * 9


def test_what_a_killed_run_leaves_before_its_first_checkpoint_blocks_nothing(tiny, tmp_path):
    path, short = tmp_path / "run.nc", tiny_model(tiny, "run.duration=30 min", name="null-kg1a")
    for resume in (False, True):
        partial_path(path).mkdir()
        for name in ("lock", "time.rows", "start.npz"):
            (partial_path(path) / name).write_bytes(b"left")
        with pytest.raises(InputError, match=r"left before its first checkpoint\. Solve"):
            open_run(path, interrupted=True)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", Sdf1FieldWarning)
            solve(short, path, resume=resume)
        assert ["begun anew" in str(one.message) for one in said] == [True] * resume
        assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]
        path.unlink()


@pytest.fixture
def no_locks(monkeypatch):
    def none(*_, **__):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(paths, "flock", none)


def left_by(path, lock):
    """Make what a run leaves that was killed before its first checkpoint."""
    partial_path(path).mkdir()
    (partial_path(path) / "lock").write_text(lock, encoding="utf-8")


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_later_process_with_the_number_of_a_killed_run_blocks_nothing(
    tiny, tmp_path
):
    path, number = tmp_path / "run.nc", os.getpid()
    since = started(number)
    assert since > 1.0
    place = f"process {number} on {socket.gethostname()}"
    for lock in (f"{place}\n{host_number()} {since}\n", place):
        left_by(path, lock)
        with pytest.raises(InputError, match=r"run \(process \d+ on \S+\)\. Wait .* name\.$"):
            claim_output(path, force=True, resume=False)
        shutil.rmtree(partial_path(path))
    for lock in (
        f"{place}\n{host_number()} {since - 9.0}\n",
        f"process {2**22 + 1} on {socket.gethostname()}\n{host_number()} 9.5\n",
        f"process {2**22 + 1} on {socket.gethostname()}",
        f"process {'9' * 300} on {socket.gethostname()}",
    ):
        left_by(path, lock)
        claim_output(path, force=False, resume=True)
        solve(tiny_model(tiny, "run.duration=15 min", name="null-kg1a"), path, force=True)
        assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


@pytest.mark.usefixtures("no_locks")
@pytest.mark.parametrize("second", ["", "\n00000000 12.5\n"])
def test_without_locks_the_run_of_another_host_is_there_until_its_lock_is_deleted(
    tiny, tmp_path, second
):
    path = tmp_path / "run.nc"
    left_by(path, f"process 1 on elsewhere{second}")
    for how in ({"force": True, "resume": False}, {"force": False, "resume": True}):
        with pytest.raises(
            InputError, match=r"\(process 1 on elsewhere\).* ended, delete .*partial/lock\.$"
        ) as caught:
            claim_output(path, **how)
    assert len(str(caught.value).splitlines()) == 1
    (partial_path(path) / "lock").unlink()
    solve(tiny_model(tiny, "run.duration=15 min", name="null-kg1a"), path)
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_an_interruption_between_two_outputs_goes_on_from_the_earlier_one(
    tiny, tiny_run, tmp_path, monkeypatch
):
    from sdf1_field.simulation import loop

    path = tmp_path / "run.nc"
    whole = loop.cell_layer.advance_with_uptake
    calls = []

    def stop(*arguments, **options):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return whole(*arguments, **options)

    monkeypatch.setattr(loop.cell_layer, "advance_with_uptake", stop)
    with pytest.raises(KeyboardInterrupt):
        solve(tiny_model(tiny), path, seed=1)
    monkeypatch.undo()
    assert load_state(checkpoint_path(path), "cosine").time == 1800.0
    solve(tiny_model(tiny), path, seed=1, resume=True)
    assert digest_of(path) == digest_of(tiny_run)


KILLED = """
import os, pathlib, signal, sys
from sdf1_field.record import solve
from sdf1_field.spec import load_model
def kill(time):
    if time == 3600.0:
        os.kill(os.getpid(), signal.SIGKILL)
model = load_model("coculture-kg1a", settings=sys.argv[2:])
solve(model, pathlib.Path(sys.argv[1]), seed=1, progress=kill, checkpoint_every=1e-9)
"""


def test_a_killed_run_goes_on_from_its_last_checkpoint(tiny, tiny_run, tmp_path):
    path = tmp_path / "run.nc"
    done = subprocess.run([sys.executable, "-c", KILLED, path, *tiny], check=False)
    assert done.returncode == -signal.SIGKILL
    assert load_state(checkpoint_path(path), "cosine").time == 2700.0
    with pytest.raises(InputError, match=r"left by an interrupted run\. Go on with resume"):
        solve(tiny_model(tiny), path, seed=1)
    reached = []
    solve(tiny_model(tiny), path, seed=1, resume=True, progress=reached.append)
    assert reached[0] == 2700.0
    assert digest_of(path) == digest_of(tiny_run)
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


@pytest.mark.parametrize("place", ["sync", "replace"])
def test_a_disk_that_fails_at_the_end_leaves_nothing_at_the_name_and_the_run_goes_on(
    tiny, tiny_run, tmp_path, monkeypatch, place
):
    def broken(path, *_):
        if path.name == "whole.nc":
            raise OSError(5, "Input/output error")
        return whole(path, *_)

    path = tmp_path / "run.nc"
    owner = errors if place == "sync" else Path
    whole = getattr(owner, place)
    monkeypatch.setattr(owner, place, broken)
    with pytest.raises(RunError, match=r"failed \(input/output error\).*go on with resume"):
        solve(tiny_model(tiny), path, seed=1)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc.partial"]
    reached = []
    solve(tiny_model(tiny), path, seed=1, resume=True, progress=reached.append)
    assert reached == [7200.0]
    assert digest_of(path) == digest_of(tiny_run)


@pytest.mark.parametrize("calls", [1, 2, 9, 18])
def test_an_interruption_while_values_are_appended_loses_nothing(
    tiny, tiny_run, tmp_path, monkeypatch, calls
):
    path, whole, left = tmp_path / "run.nc", Journal.append, [calls]

    def append(own, table, values):
        left[0] -= 1
        if left[0] == 0:
            own._streams[table].write(b"torn")
            raise KeyboardInterrupt
        whole(own, table, values)

    monkeypatch.setattr(Journal, "append", append)
    with pytest.raises(KeyboardInterrupt):
        solve(tiny_model(tiny), path, seed=1)
    monkeypatch.undo()
    solve(tiny_model(tiny), path, seed=1, resume=True)
    assert digest_of(path) == digest_of(tiny_run)


@pytest.mark.parametrize("calls", [1, 20, 60])
def test_an_interruption_while_the_file_is_put_together_loses_nothing(
    tiny, tiny_run, tmp_path, calls
):
    path, left = tmp_path / "run.nc", [None]

    def check():
        if left[0] is not None:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

    def progress(time):
        if time == 7200.0:
            left[0] = calls

    with pytest.raises(KeyboardInterrupt):
        solve(tiny_model(tiny), path, seed=1, progress=progress, check=check)
    assert not path.exists()
    reached = []
    solve(tiny_model(tiny), path, seed=1, resume=True, progress=reached.append)
    assert reached == [7200.0]
    assert digest_of(path) == digest_of(tiny_run)
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_an_interruption_on_a_full_disk_goes_on_from_the_checkpoint_before(
    tiny, tiny_run, tmp_path, monkeypatch, full_disk
):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, HOUR)

    def stop(time):
        full_disk()
        if time > HOUR:
            raise KeyboardInterrupt

    with pytest.raises(RunError, match=r"writing failed .*, and go on with resume\. Results so"):
        solve(tiny_model(tiny), path, seed=1, resume=True, progress=stop)
    monkeypatch.undo()
    assert load_state(checkpoint_path(path), "cosine").time == HOUR
    solve(tiny_model(tiny), path, seed=1, resume=True)
    assert digest_of(path) == digest_of(tiny_run)


@pytest.mark.parametrize(
    ("settings", "seed", "differs"),
    [
        (["cells.time_step=15 s"], 1, "cells.time_step=.* instead of 15 s"),
        ([], 2, "seed 1 instead"),
    ],
)
def test_a_run_of_another_model_or_seed_is_not_resumed(tiny, tmp_path, settings, seed, differs):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, 0.0)
    with pytest.raises(InputError, match=f"another model, settings or seed .{differs}"):
        solve(tiny_model(tiny, *settings), path, seed=seed, resume=True)
    assert partial_path(path).exists()


def begun_elsewhere(path, **attributes):
    """Change the attributes of a run that was interrupted."""
    start = load_start(partial_path(path))
    replace(start, attributes={**start.attributes, **attributes}).save(partial_path(path))


OTHER = {
    "program": ({"source": "sdf1-field 0.0.1"}, "program sdf1-field 0.0.1"),
    "library": ({"versions": json.dumps(json.loads(versions()) | {"numpy": "1.0"})}, "numpy 1.0"),
    **{
        key: ({"computed_on": computers_text([{**this_computer(), key: value}])},
              f"{key.replace('_', ' ')} {value}")
        for key, value in (
            ("processor", "pentium"), ("vector_instructions", "MMX"), ("blas", "openblas 0.1")
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("what", OTHER)
def test_a_run_goes_on_under_other_conditions_only_if_that_is_accepted_and_records_it(
    tiny, tiny_run, tmp_path, what
):
    path, (attributes, words) = tmp_path / "run.nc", OTHER[what]
    interrupted(tiny, path, HOUR)
    begun_elsewhere(path, **attributes)
    with pytest.raises(
        InputError, match=rf"partial: was begun with {words}, and would go on with .*accept, or"
    ):
        solve(tiny_model(tiny), path, seed=1, resume=True)
    with pytest.warns(Sdf1FieldWarning, match=rf"was begun with {words}, and goes on with "):
        solve(tiny_model(tiny), path, seed=1, resume=True, accept=True)
    with open_run(path) as run:
        assert f"after {words}" in run.attrs["history"]
        assert {key: run.attrs[key] for key in attributes if key != "computed_on"} == {
            key: value for key, value in attributes.items() if key != "computed_on"
        }
        kinds = summary(run)["computed_on"]
    assert kinds[-1] == this_computer()
    assert len(kinds) == 1 + ("computed_on" in attributes)
    if "computed_on" in attributes:
        assert digest_of(path) == digest_of(tiny_run)


@pytest.mark.parametrize("computers", [None, "unreadable", "[1]"])
def test_a_run_resumed_where_it_was_begun_or_where_is_not_known_says_nothing(
    tiny, tmp_path, computers
):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, HOUR)
    if computers is not None:
        begun_elsewhere(path, computed_on=computers)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Sdf1FieldWarning)
        solve(tiny_model(tiny), path, seed=1, resume=True)
    with open_run(path) as run:
        assert summary(run)["computed_on"] == ([this_computer()] if computers is None else [])


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("name", ["start.npz", "state.npz", "time.rows"])
def test_a_damaged_folder_is_not_resumed(tiny, tmp_path, name, share):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, 0.0)
    left = partial_path(path) / name
    left.write_bytes(left.read_bytes()[: int(share * left.stat().st_size)])
    with pytest.raises(
        InputError, match=r"partial.*: damaged.* Start over with force\.$"
    ) as caught:
        solve(tiny_model(tiny), path, seed=1, resume=True)
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(InputError, match="damaged"):
        open_run(path, interrupted=True)


def flip(path):
    """Give a file one other bit."""
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 8
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["time", "obs", "time-fibre-fibre_vertex"])
def test_a_table_with_another_bit_is_neither_resumed_nor_shown(tiny, tmp_path, name):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, HOUR)
    flip(partial_path(path) / f"{name}.rows")
    text = rf"partial: damaged: {name}\.rows has other bytes than were written\. Start over with"
    with pytest.raises(InputError, match=text):
        solve(tiny_model(tiny), path, seed=1, resume=True)
    with pytest.raises(InputError, match=text):
        open_run(path, interrupted=True)


def test_a_bit_that_changes_while_a_run_goes_on_is_not_put_into_its_file(tiny, tmp_path):
    path = tmp_path / "run.nc"

    def look(time):
        if time == 7200.0:
            flip(partial_path(path) / "time.rows")

    with pytest.raises(InputError, match=r"damaged: time\.rows has other bytes"):
        solve(tiny_model(tiny), path, seed=1, progress=look, checkpoint_every=0.0)
    assert not path.exists()


def test_a_folder_of_a_version_without_checksums_of_tables_goes_on(tiny, tiny_run, tmp_path):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, HOUR)
    state = checkpoint_path(path)
    with np.load(state) as stored:
        arrays = {key: stored[key] for key in stored.files}
    facts = json.loads(str(arrays["beside.facts"]))
    del facts["checksums"]
    arrays["beside.facts"] = np.array(json.dumps(facts))
    np.savez(state, **arrays)
    solve(tiny_model(tiny), path, seed=1, resume=True)
    assert digest_of(path) == digest_of(tiny_run)


def test_there_is_nothing_to_resume_without_an_interrupted_run(tmp_path):
    with pytest.raises(InputError, match="no interrupted run to resume"):
        claim_output(tmp_path / "run.nc", force=False, resume=True)


def test_a_damaged_state_is_refused(tmp_path):
    path = tmp_path / "state.npz"
    path.write_bytes(b"PK\x03\x04 not a state")
    with pytest.raises(InputError, match=r"damaged, or not a saved state.*force"):
        load_state(path, "cosine")
