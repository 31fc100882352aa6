import warnings

import netCDF4
import numpy as np
import pytest

from conftest import digest_of, tiny_model
from sdf1_field.errors import InputError, RunError, Sdf1FieldWarning
from sdf1_field.record import (
    checkpoint_path,
    claim_output,
    load_state,
    open_run,
    partial_path,
    recorder,
    resumable_path,
    solve,
    summary,
    writing,
)
from sdf1_field.record.computer import computers_text, this_computer
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
    for options, text in (({}, "failed or was killed.*force"), ({"resume": True}, "no state")):
        with pytest.raises(InputError, match=text):
            solve(short, path, **options)
    solve(short, path, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


@pytest.mark.parametrize("calls", [1, 2])
def test_a_disk_that_fills_up_ends_the_run_and_leaves_no_partial_file(
    tiny, tmp_path, monkeypatch, calls
):
    path = tmp_path / "run.nc"
    whole = writing.Recorder.append
    left = [calls]

    def append(recorder, state):
        left[0] -= 1
        if left[0] == 0:
            raise OSError(28, "No space left on device")
        whole(recorder, state)

    monkeypatch.setattr(writing.Recorder, "append", append)
    with pytest.raises(RunError, match=r"run\.nc: .*No space left.*choose another") as caught:
        solve(tiny_model(tiny), path, seed=1)
    assert len(str(caught.value).splitlines()) == 1
    assert left == [0]
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
        solve(tiny_model(tiny), tmp_path / "run.nc", seed=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("most", [0, 10_000])
def test_the_content_does_not_depend_on_how_many_values_are_written_together(
    tiny, tiny_run, tmp_path, monkeypatch, most
):
    path = tmp_path / "run.nc"
    monkeypatch.setattr(recorder, "_WAITING_BYTES", most)
    solve(tiny_model(tiny), path, seed=1)
    assert digest_of(path) == digest_of(tiny_run)


def test_at_most_the_allowed_values_wait_in_memory(tiny, tmp_path, monkeypatch):
    append, most, waiting = writing.Recorder.append, 10_000, []

    def look(own, snapshot):
        append(own, snapshot)
        waiting.append(sum(map(own._bytes_of, own._waiting)))

    monkeypatch.setattr(recorder, "_WAITING_BYTES", most)
    monkeypatch.setattr(writing.Recorder, "append", look)
    solve(tiny_model(tiny), tmp_path / "run.nc", seed=1)
    assert 0 < max(waiting) <= most


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


def test_an_interruption_without_room_for_a_copy_goes_on_from_the_partial_file(
    tiny, tiny_run, tmp_path, monkeypatch
):
    def full(_file, copy):
        copy.write_bytes(b"beginning")
        raise OSError(28, "No space left on device")

    path = tmp_path / "run.nc"
    monkeypatch.setattr(writing.shutil, "copyfile", full)
    interrupted(tiny, path, HOUR)
    left = {partial_path(path).name, checkpoint_path(path).name}
    assert {p.name for p in tmp_path.iterdir()} == left
    solve(tiny_model(tiny), path, seed=1, resume=True)
    assert digest_of(path) == digest_of(tiny_run)
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_an_interrupted_run_leaves_a_copy_with_all_that_was_reached(tiny, tmp_path):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, HOUR)
    left = {partial_path(path).name, resumable_path(path).name, checkpoint_path(path).name}
    assert {p.name for p in tmp_path.iterdir()} == left
    with netCDF4.Dataset(partial_path(path)) as copy, netCDF4.Dataset(resumable_path(path)) as own:
        assert copy["time"][-1] == own["time"][-1] == HOUR
        assert np.isfinite(copy["migrasome_x"][-1].filled(np.nan)).any()
        assert "migrasome_x" not in own.variables


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


@pytest.mark.parametrize("calls", [1, 50, 150, 250])
def test_an_interruption_while_a_variable_is_written_loses_nothing(
    tiny, tiny_run, tmp_path, monkeypatch, calls
):
    path, whole, left = tmp_path / "run.nc", writing.Recorder._write, [calls]

    def write(own, name):
        whole(own, name)
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(recorder, "_WAITING_BYTES", 0)
    monkeypatch.setattr(writing.Recorder, "_write", write)
    with pytest.raises(KeyboardInterrupt):
        solve(tiny_model(tiny), path, seed=1)
    monkeypatch.undo()
    assert checkpoint_path(path).exists()
    solve(tiny_model(tiny), path, seed=1, resume=True)
    assert digest_of(path) == digest_of(tiny_run)


def test_an_interruption_on_a_full_disk_leaves_nothing_to_go_on_from(tiny, tmp_path, monkeypatch):
    def full(_recorder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.Recorder, "write_waiting", full)
    interrupted(tiny, tmp_path / "run.nc", HOUR)
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_run_interrupted_on_a_full_disk_goes_on_from_the_state_before(
    tiny, tiny_run, tmp_path, monkeypatch
):
    def full(_recorder):
        raise OSError(28, "No space left on device")

    def stop(time):
        if time > HOUR:
            raise KeyboardInterrupt

    path = tmp_path / "run.nc"
    interrupted(tiny, path, HOUR)
    monkeypatch.setattr(writing.Recorder, "write_waiting", full)
    with pytest.raises(KeyboardInterrupt):
        solve(tiny_model(tiny), path, seed=1, resume=True, progress=stop)
    monkeypatch.undo()
    assert load_state(checkpoint_path(path), "cosine").time == HOUR
    solve(tiny_model(tiny), path, seed=1, resume=True)
    assert digest_of(path) == digest_of(tiny_run)


@pytest.mark.parametrize(("settings", "seed"), [(["cells.time_step=15 s"], 1), ([], 2)])
def test_a_run_of_another_model_or_seed_is_not_resumed(tiny, tmp_path, settings, seed):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, 0.0)
    with pytest.raises(InputError, match="another model, settings or seed"):
        solve(tiny_model(tiny, *settings), path, seed=seed, resume=True)
    assert partial_path(path).exists()


@pytest.mark.parametrize(
    ("attribute", "value"), [("versions", '{"numpy": "1.0"}'), ("source", "sdf1-field 0.0.1")]
)
def test_a_run_begun_by_other_versions_is_not_resumed(tiny, tmp_path, attribute, value):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, 0.0)
    with netCDF4.Dataset(resumable_path(path), "a") as file:
        file.setncattr(attribute, value)
    with pytest.raises(InputError, match=r"run\.nc\.resume: was begun by other versions .*force"):
        solve(tiny_model(tiny), path, seed=1, resume=True)
    assert partial_path(path).exists()
    assert checkpoint_path(path).exists()


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("processor", "pentium", "processor pentium"),
        ("vector_instructions", "MMX", "vector instructions MMX"),
        ("blas", "openblas 0.1 Katmai", "blas openblas 0.1 Katmai"),
    ],
)
def test_a_run_resumed_on_another_kind_of_computer_says_what_differs_and_records_both(
    tiny, tiny_run, tmp_path, key, value, words
):
    path, own = tmp_path / "run.nc", this_computer()
    interrupted(tiny, path, HOUR)
    with netCDF4.Dataset(resumable_path(path), "a") as file:
        file.computed_on = computers_text([{**own, key: value}])
    with pytest.warns(Sdf1FieldWarning) as said:
        solve(tiny_model(tiny), path, seed=1, resume=True)
    (warning,) = said
    assert str(warning.message) == (
        f"{path}: begun on one kind of computer ({words}), it goes on with another "
        f"({key.replace('_', ' ')} {own[key]}); its bits may be those of neither. Solve it anew if "
        "they matter."
    )
    with open_run(path) as run:
        assert summary(run)["computed_on"] == [{**own, key: value}, own]
    assert digest_of(path) == digest_of(tiny_run)


@pytest.mark.parametrize("computers", [None, "unreadable", "[1]"])
def test_a_run_resumed_where_it_was_begun_or_where_is_not_known_says_nothing(
    tiny, tmp_path, computers
):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, HOUR)
    if computers is not None:
        with netCDF4.Dataset(resumable_path(path), "a") as file:
            file.computed_on = computers
    with warnings.catch_warnings():
        warnings.simplefilter("error", Sdf1FieldWarning)
        solve(tiny_model(tiny), path, seed=1, resume=True)
    with open_run(path) as run:
        assert summary(run)["computed_on"] == ([this_computer()] if computers is None else [])


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99])
def test_a_damaged_partial_file_is_not_resumed(tiny, tmp_path, share):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, 0.0)
    whole = resumable_path(path).read_bytes()
    resumable_path(path).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"run\.nc\.resume: damaged .*force") as caught:
        solve(tiny_model(tiny), path, seed=1, resume=True)
    assert len(str(caught.value).splitlines()) == 1


def test_a_damaged_state_beside_a_partial_file_is_not_resumed(tiny, tmp_path):
    path = tmp_path / "run.nc"
    interrupted(tiny, path, 0.0)
    checkpoint_path(path).write_bytes(checkpoint_path(path).read_bytes()[:1000])
    with pytest.raises(
        InputError, match=r"run\.nc\.state\.npz: damaged, or not a saved state.*force"
    ):
        solve(tiny_model(tiny), path, seed=1, resume=True)
    assert partial_path(path).exists()


def test_there_is_nothing_to_resume_without_an_interrupted_run(tmp_path):
    with pytest.raises(InputError, match="no interrupted run to resume"):
        claim_output(tmp_path / "run.nc", force=False, resume=True)


def test_a_damaged_state_is_refused(tmp_path):
    path = tmp_path / "state.npz"
    path.write_bytes(b"PK\x03\x04 not a state")
    with pytest.raises(InputError, match=r"damaged, or not a saved state.*force"):
        load_state(path, "cosine")
