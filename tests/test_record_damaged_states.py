"""Damaged states of interrupted runs: refused before compiled kernels read where they point."""

import shutil

import numpy as np
import pytest

from sdf1_field.errors import InputError
from sdf1_field.record import partial_path, solve
from sdf1_field.record.paths import checkpoint_path, only_writer
from sdf1_field.spec import load_model


def edited_state(run, **arrays):
    """Give the state that a run was interrupted in other arrays, of functions of its own."""
    state = checkpoint_path(run)
    with np.load(state) as stored:
        values = {name: stored[name] for name in stored.files}
    for name, change in arrays.items():
        name = name.replace("__", ".")
        values[name] = change(values[name].copy())
    np.savez(state, **values)


def first_as(value, *fields):
    """Change that gives the first of some values, or a field of it, another."""

    def change(values):
        (values[fields[0]] if fields else values).flat[0] = value
        return values

    return change


def every_as(value, field):
    """Change that gives a field of all records another value."""

    def change(values):
        values[field] = value
        return values

    return change


@pytest.fixture(scope="module")
def grown_interrupted(tmp_path_factory):
    path = tmp_path_factory.mktemp("grown") / "run.nc"
    settings = (
        "dish.width=200 um", "dish.length=200 um", "dish.height=100 um", "grid.spacing=20 um",
        "run.culture=12 h", "run.duration=1 h", "output.fields_from=15 min",
        "output.fields_every=15 min", "cells.density=600 1/mm**2", "scene.msc_number=4",
    )  # fmt: skip
    model = load_model("coculture-kg1a", settings=settings)

    def stop(time):
        if time >= 900.0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(model, path, seed=3, progress=stop)
    return model, path


@pytest.mark.parametrize(
    ("array", "change", "found"),
    [
        ("scene__growth__strands", first_as(10**9, "owner"), "owner is not from 0 to 3"),
        ("scene__growth__strands", first_as(65, "count"), "count is not from 2 to 64"),
        ("scene__growth__strands", first_as(10**6, "head"), "head is not from -1 to"),
        ("scene__growth__strands", every_as(10**6, "first"), "vertex is not on its fibre"),
        ("scene__growth__buds", first_as(0, "following"), "following is no older migrasome"),
        ("scene__growth__rates", first_as(1e9, "nucleation"), "rates is not the model's"),
        ("scene__growth__step", lambda _: np.array(-(10**12)), "step is of another time"),
        ("scene__growth__course", lambda v: v[:, :, :3], "course has the shape"),
        ("scene__migrasomes__body", first_as(99), "body is not from -1 to 3"),
        ("scene__bodies__x", lambda v: v[:1], "has another length"),
        ("cells__x", lambda v: v[:2], "cells.x is of another shape"),
        ("cells__surface", first_as(np.nan), "cells.surface is of another .*, or not finite"),
        ("cells__x", first_as(-1e6), "is not inside the walls"),
        ("exposure__coated", lambda v: np.concatenate([v] * 9), "more sources than there are"),
        ("field__sdf1__bound", lambda v: v.astype("f4"), "is of another type"),
        ("field__sdf1__bound", lambda v: v[:3], "has the shape"),
        ("time", lambda t: t + 1.0, "time is none at which the run stops"),
    ],
)  # fmt: skip
def test_a_state_that_no_run_is_in_is_refused_before_kernels_take_it(
    grown_interrupted, tmp_path, array, change, found
):
    model, interrupted_run = grown_interrupted
    path = tmp_path / "run.nc"
    shutil.copytree(partial_path(interrupted_run), partial_path(path))
    edited_state(path, **{array: change})
    with pytest.raises(InputError, match=rf"state\.npz: the state to go on .*{found}"):
        solve(model, path, seed=3, resume=True)
    assert checkpoint_path(path).exists()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("once.y", lambda v: v[:2]),
        ("once.z_bounds", lambda _: np.zeros(3)),
        ("once.x", None),
        ("rows.time", None),
    ],
)
def test_a_start_without_its_values_is_refused_before_the_run_goes_on(
    grown_interrupted, tmp_path, name, change
):
    model, interrupted_run = grown_interrupted
    path = tmp_path / "run.nc"
    shutil.copytree(partial_path(interrupted_run), partial_path(path))
    start = partial_path(path) / "start.npz"
    with np.load(start) as stored:
        values = {key: stored[key] for key in stored.files}
    values[name] = None if change is None else change(values[name])
    np.savez(start, **{key: value for key, value in values.items() if value is not None})
    with pytest.raises(InputError, match=r"partial: damaged\. Start over with force"):
        solve(model, path, seed=3, resume=True)


def test_a_lock_that_is_no_text_is_taken_over(grown_interrupted, tmp_path):
    path = tmp_path / "run.nc"
    shutil.copytree(partial_path(grown_interrupted[1]), partial_path(path))
    (partial_path(path) / "lock").write_bytes(b"\xff\xfe" * 100_000)
    with only_writer(path):
        assert (partial_path(path) / "lock").stat().st_size < 400
