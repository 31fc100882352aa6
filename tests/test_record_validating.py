"""Run files held against what is declared: structure on opening, values when they are read."""

import shutil

import netCDF4
import numpy as np
import pytest
from click.testing import CliRunner

from sdf1_field.cli import main
from sdf1_field.errors import InputError
from sdf1_field.record import open_run, require_undamaged


@pytest.fixture
def edited(tmp_path, tiny_run):
    """Function that changes a copy of a run file by netCDF4 and gives its path."""

    def edit(change):
        path = tmp_path / "run.nc"
        shutil.copy(tiny_run, path)
        with netCDF4.Dataset(path, "a") as file:
            file.set_auto_maskandscale(False)
            change(file)
        return path

    return edit


def values_of(path, names):
    with open_run(path) as run:
        return [run[name].values for name in names]


def refusal(path, *names):
    """The line by which a file is refused, at the latest when variables are read."""
    with pytest.raises(InputError) as refused:
        values_of(path, names)
    text = str(refused.value)
    assert text.startswith(f"{path}: ")
    assert text.endswith(".")
    return text


def test_a_run_that_is_whole_has_no_damage(tiny_run):
    with open_run(tiny_run) as run:
        require_undamaged(run)
        assert run["cell_x"].values is not None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda f: f["time"].__setitem__(0, f["time"][5]), "time: its values do not rise"),
        (lambda f: f["x"].__setitem__(3, 1e30), "x: its values do not rise"),
        (lambda f: f["z"].__setitem__(slice(None), f["z"][:] + 1e6), "z: is not within the dish"),
        (lambda f: f["sdf1"].setncattr("units", "kg"), "sdf1: has kg as units, not nmol L-1"),
        (
            lambda f: f["region"].setncattr("flag_values", np.array([7, 8, 9], dtype=np.int8)),
            "region: has [7 8 9] as flag_values",
        ),
        (lambda f: f["sdf1"].setncattr("scale_factor", 2.0), "sdf1: has scale_factor"),
        (lambda f: f.setncattr("seed", np.int64(7)), "does not fit their checksum"),
        (lambda f: f.setncattr("checksum", [1.0, 2.0]), "does not fit their checksum"),
        (
            lambda f: f.setncattr("model", f.model.replace('"10 um"', '"10.0 um"')),
            "does not fit their checksum",
        ),
    ],
    ids=["time", "x", "z", "unit", "flags", "scale", "seed", "checksum", "model"],
)
def test_a_file_with_another_structure_is_refused(edited, change, text):
    assert text in refusal(edited(change))


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("region", 99, "99"), ("cell_state", -3, "-3"), ("migrasome_body", 10**6, "1e+06"),
        ("cell_x", -50.0, "-50"), ("cell_y", np.nan, "nan"), ("sdf1", np.inf, "inf"),
        ("body_x", -np.inf, "-inf"), ("migrasome_birth", 1e20, "1e+20"),
    ],
)  # fmt: skip
def test_a_value_that_no_run_has_is_named_when_it_is_read(edited, name, value, shown):
    def change(file):
        file[name][(0,) * file[name].ndim] = value

    path = edited(change)
    assert f"{name}: holds {shown}, which no run does" in refusal(path, name)
    called = CliRunner().invoke(main, ["inspect", "--verify", str(path)])
    assert (called.exit_code, called.stdout) == (2, "")
    assert f"{name}: holds {shown}" in called.stderr


def test_more_values_than_fit_into_a_file_are_refused(edited):
    def change(file):
        file.createDimension("huge", 10**9)
        file.createVariable("mine", "f8", ("huge", "x"), compression="zlib", chunksizes=(100, 10))

    assert "mine: declares 240.0 GB, which cannot be in a file of" in refusal(edited(change))


def test_a_flipped_bit_changes_no_value_unnoticed(tmp_path, tiny_run):
    path = tmp_path / "run.nc"
    with netCDF4.Dataset(tiny_run) as file:
        assert all(variable.filters()["fletcher32"] for variable in file.variables.values())
    with open_run(tiny_run) as run:
        whole = {name: run[name].values.tobytes() for name in run.variables}
    content = tiny_run.read_bytes()
    rng, noticed = np.random.default_rng(1), 0
    for place in rng.integers(len(content) // 3, len(content) - 2000, 10):
        damaged = bytearray(content)
        damaged[place] ^= 0x40
        path.write_bytes(damaged)
        try:
            with open_run(path) as run:
                require_undamaged(run)
                assert {name: run[name].values.tobytes() for name in run.variables} == whole
        except InputError:
            noticed += 1
    # Other bytes are room between chunks.
    assert noticed >= 4


def test_an_attribute_cannot_act_on_the_terminal(edited):
    path = edited(lambda f: f.setncattr("source", "\x1b[31mred\x9b" + "x" * 10**5))
    called = CliRunner().invoke(main, ["inspect", str(path)])
    assert called.exit_code == 0
    assert "\\x1b[31mred\\x9b" in called.stdout
    assert "\x1b" not in called.stdout
    assert len(called.stdout) < 10_000
