"""Run files in other people's programs, and files of the earlier format."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from conftest import CARGO_SETTINGS

GROWTH = (
    "scene.mode=grown",
    "scene.msc_density=120 1/mm**2",
    "run.culture=4 h",
    "run.duration=30 min",
    "output.fields_from=-2 h",
    "output.fields_every=1 h",
    "biogenesis.nucleation=0.1 1/(um*h)",
    "biogenesis.migrasome_lifetime=60 min",
)
KINDS = {
    "placed": ("coculture-kg1a",),
    "grown": ("coculture-kg1a", *GROWTH),
    "frozen": ("coculture-kg1a", *GROWTH, "scene.mode=frozen"),
    "cargo": ("secretion-l929", *CARGO_SETTINGS),
    "no cells": ("coculture-kg1a", "cells.density=0 1/mm**2"),
    "no stroma": ("null-kg1a", "scene.msc_density=0 1/mm**2"),
    "dosed": ("coculture-kg1a-sdf1",),
    "round": ("round-well", "run.duration=30 min"),
}
"""Models and settings by kind of run."""


@pytest.fixture(params=["steady", *KINDS])
def kind(request):
    return request.param


@pytest.fixture
def path(kind, solved, steady_model):
    """Run file of each kind; not to be changed."""
    return solved(str(steady_model)) if kind == "steady" else solved(*KINDS[kind])


def remarks_on(path, report):
    """What the CF checker has to say of a file, by section."""
    checker = Path(sys.executable).with_name("compliance-checker")
    subprocess.run(
        [checker, "--test=cf:1.11", "--format=json", f"--output={report}", path],
        check=False, capture_output=True,
    )  # fmt: skip
    found = json.loads(report.read_text(encoding="utf-8"))["cf:1.11"]
    assert found["possible_points"] > 150
    assert found["high_priorities"] != []
    return {
        entry["name"]: entry["msgs"]
        for entry in found["high_priorities"] + found["medium_priorities"] + found["low_priorities"]
        if entry["msgs"]
    }


def test_a_run_passes_the_cf_check_but_for_dimensions_that_are_no_map_axes(path, tmp_path):
    remarks = remarks_on(path, tmp_path / "report.json")
    assert set(remarks) <= {"§2.4 Dimensions"}, remarks


def test_time_is_the_unlimited_dimension_and_the_first(path):
    with netCDF4.Dataset(path) as file:
        assert next(iter(file.dimensions)) == "time"
        assert [n for n, d in file.dimensions.items() if d.isunlimited()] == ["time"]


@pytest.mark.parametrize("dates", [True, False])
def test_a_run_that_xarray_saves_again_is_the_same(path, tmp_path, dates):
    with xr.open_dataset(path, decode_times=dates) as run:
        run.to_netcdf(tmp_path / "again.nc")
        with xr.open_dataset(tmp_path / "again.nc", decode_times=dates) as again:
            assert run.identical(again)


def test_what_is_not_there_has_no_variables(path, kind):
    groups = {"body": 0, "fibre": 0, "migrasome": 0, "cell": 0}
    with xr.open_dataset(path, decode_times=False) as run:
        for name in run.variables:
            group = str(name).split("_")[0]
            if group in groups:
                groups[group] += 1
        for name in ("body", "fibre", "migrasome"):
            assert (name in run.sizes) == (groups[name] > 0)
            assert name not in run.sizes or run[name].values.tolist() == [*range(run.sizes[name])]
        assert all(
            np.isfinite(run[name].values).any() for name in run if "time" not in run[name].dims
        )
    there = {name for name, count in groups.items() if count}
    assert there == {
        "steady": {"body", "fibre", "migrasome"},
        "no stroma": {"cell"},
        "cargo": {"body", "fibre", "migrasome"},
        "no cells": {"body", "fibre", "migrasome"},
    }.get(kind, {"body", "fibre", "migrasome", "cell"})


def test_two_dishes_of_a_growing_stroma_open_together(solved):
    from sdf1_field.record import open_run

    paths = [solved(*KINDS["grown"], seed=seed) for seed in (1, 2)]
    with xr.open_mfdataset(
        paths, combine="nested", concat_dim="dish", join="outer", decode_times=False
    ) as dishes:
        runs = [open_run(path) for path in paths]
        sizes = [run.sizes["migrasome"] for run in runs]
        assert sizes[0] != sizes[1]
        assert dishes.sizes["dish"] == 2
        assert dishes.sizes["migrasome"] == max(sizes)
        for n, run in enumerate(runs):
            one = dishes.isel(dish=n)
            there = run["migrasome_x"].values
            assert np.array_equal(one["migrasome_x"].values[:, : sizes[n]], there, equal_nan=True)
            assert np.isnan(one["migrasome_x"].values[:, sizes[n] :]).all()
            assert np.array_equal(one["sdf1"].values, run["sdf1"].values)
            run.close()


def called(program, *arguments):
    """Output of another program; the test is skipped where it is not installed."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run(
        [program, *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return done.stdout


def frames(path):
    with netCDF4.Dataset(path) as file:
        return len(file.dimensions["time"])


def test_cdo_counts_the_frames(path):
    assert int(called("cdo", "-s", "ntime", path)) == frames(path)


def test_cdo_averages_fields_over_time(solved, tmp_path):
    path, mean = solved(*KINDS["grown"]), tmp_path / "mean.nc"
    called("cdo", "-s", "timmean", "-selname,sdf1", path, mean)
    with xr.open_dataset(path) as run, xr.open_dataset(mean) as result:
        expected = run["sdf1"].values.mean(axis=0, dtype=float)
        assert result["sdf1"].values.squeeze() == pytest.approx(expected, rel=1e-5)


def test_ncrcat_joins_runs_along_time(path, tmp_path):
    called("ncrcat", path, path, tmp_path / "joined.nc")
    with netCDF4.Dataset(path) as one, netCDF4.Dataset(tmp_path / "joined.nc") as both:
        sizes = {name: len(d) for name, d in one.dimensions.items()}
        joined = {name: len(d) for name, d in both.dimensions.items()}
    assert joined == sizes | {"time": 2 * sizes["time"]}


def test_ncks_cuts_out_a_frame(path, tmp_path):
    called("ncks", "-d", "time,-1", path, tmp_path / "last.nc")
    with netCDF4.Dataset(path) as whole, netCDF4.Dataset(tmp_path / "last.nc") as last:
        assert len(last.dimensions["time"]) == 1
        assert np.array_equal(whole["region"][-1:], last["region"][:])
        assert set(last.variables) == set(whole.variables)


def test_ncdf4_in_r_takes_time_for_the_unlimited_dimension(path):
    if shutil.which("Rscript") is None:
        pytest.skip("Rscript is not installed")
    if called("Rscript", "-e", 'cat(requireNamespace("ncdf4", quietly = TRUE))') != "TRUE":
        pytest.skip("the R package ncdf4 is not installed")
    script = """
        f <- ncdf4::nc_open(commandArgs(TRUE)[1])
        unlimited <- Filter(function(d) d$unlim, f$dim)
        cat(names(unlimited), unlimited[[1]]$len, dim(ncdf4::ncvar_get(f, "region")))
    """
    name, count, *shape = called("Rscript", "-e", script, path).split()
    assert (name, int(count)) == ("time", frames(path))
    assert len(shape) == (2 if frames(path) == 1 else 3)
