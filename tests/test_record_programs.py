"""Run files in other people's programs, and files of the earlier format."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from conftest import CARGO_SETTINGS
from sdf1_field.cli import main
from sdf1_field.errors import InputError
from sdf1_field.figures import plot_run
from sdf1_field.record import (
    content_digest,
    model_of,
    open_run,
    partial_path,
    solve,
    summary,
)

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
ONE = "output.ligands=['sdf1']"
"""The CF checker's time grows with the square of the number of variables."""
KINDS = {
    "steady": (ONE,),
    "placed": ("coculture-kg1a", ONE),
    "grown": ("coculture-kg1a", ONE, *GROWTH),
    "frozen": ("coculture-kg1a", ONE, *GROWTH, "scene.mode=frozen"),
    "cargo": ("secretion-l929", *CARGO_SETTINGS, "output.ligands=['mcsf']"),
    "no cells": ("coculture-kg1a", ONE, "cells.density=0 1/mm**2"),
    "no stroma": ("null-kg1a", "scene.msc_density=0 1/mm**2"),
    "dosed": ("coculture-kg1a-sdf1", ONE),
    "round": ("round-well", ONE, "cells.density=0 1/mm**2"),
}
"""Models and settings by kind of run; the steady model has a file."""
CHECKED = ("steady", "placed", "grown", "cargo", "no stroma", "round", "dosed")
"""Kinds whose variables have every dimension and attribute that the others' have."""


@pytest.fixture(scope="module")
def path_of(solved, steady_model):
    """Function that gives the run file of a kind; not to be changed."""

    def path(kind):
        return solved(*((str(steady_model),) if kind == "steady" else ()), *KINDS[kind])

    return path


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def path(kind, path_of):
    return path_of(kind)


@pytest.fixture(scope="module")
def remarks(path_of, tmp_path_factory):
    """What the CF checker has to say of each file, by kind and section."""
    checker = Path(sys.executable).with_name("compliance-checker")
    report = tmp_path_factory.mktemp("cf") / "report.json"
    paths = {kind: str(path_of(kind)) for kind in CHECKED}
    subprocess.run(
        [checker, "--test=cf:1.11", "--format=json_new", f"--output={report}", *paths.values()],
        check=False, capture_output=True,
    )  # fmt: skip
    reports = json.loads(report.read_text(encoding="utf-8"))
    said = {}
    for kind, path in paths.items():
        found = reports[path]["cf:1.11"]
        assert found["possible_points"] > 150
        assert found["high_priorities"] != []
        entries = [found[f"{level}_priorities"] for level in ("high", "medium", "low")]
        said[kind] = {entry["name"]: entry["msgs"] for part in entries for entry in part
                      if entry["msgs"]}  # fmt: skip
    return said


@pytest.mark.parametrize("kind", CHECKED)
@pytest.mark.slow
def test_a_run_passes_the_cf_check_but_for_dimensions_that_are_no_map_axes(remarks, kind):
    assert set(remarks[kind]) <= {"§2.4 Dimensions"}, remarks[kind]


def described(path):
    """Names of a file's attributes, and each variable's dimensions and names of attributes."""
    with netCDF4.Dataset(path) as file:
        return {("", attribute) for attribute in file.ncattrs()} | {
            (name, part)
            for name, variable in file.variables.items()
            for part in (variable.dimensions, *variable.ncattrs())
        }


def test_other_kinds_of_run_have_nothing_that_the_cf_check_has_not_seen(path_of):
    seen = set().union(*(described(path_of(kind)) for kind in CHECKED))
    for kind in KINDS.keys() - set(CHECKED):
        assert described(path_of(kind)) <= seen, kind


@pytest.mark.parametrize("mode", ["placed", "grown"])
def test_every_ligand_is_described_in_the_same_way(solved, mode):
    settings = GROWTH if mode == "grown" else ()
    parts = described(solved("coculture-kg1a", *settings))
    one, other = (
        {(name.replace(ligand, ""), part) for name, part in parts if ligand in name}
        for ligand in ("sdf1", "ccl2")
    )
    assert len(one) > 30
    assert one == other


def test_time_is_the_unlimited_dimension_and_the_first(path):
    with netCDF4.Dataset(path) as file:
        assert next(iter(file.dimensions)) == "time"
        assert [n for n, d in file.dimensions.items() if d.isunlimited()] == ["time"]


@pytest.mark.parametrize("dates", [True, False])
def test_a_run_that_xarray_saves_again_is_the_same(path, tmp_path, dates):
    # xarray casts NaN among the times that it decodes.
    with np.errstate(invalid="ignore"), xr.open_dataset(path, decode_times=dates) as run:
        run.to_netcdf(tmp_path / "again.nc")
        with xr.open_dataset(tmp_path / "again.nc", decode_times=dates) as again:
            for name in run.variables:
                if run[name].dtype.kind == "M":
                    # Dates are whole nanoseconds.
                    late = np.abs((run[name] - again[name]).values)
                    assert not (late > np.timedelta64(1, "ns")).any()
                    run[name] = again[name]
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
        "no cells": {"body", "fibre", "migrasome"},
        "round": {"body", "fibre", "migrasome"},
    }.get(kind, {"body", "fibre", "migrasome", "cell"})


INTEGERS = (
    "body_migrating",
    "fibre_body",
    "fibre_origin",
    "migrasome_body",
    "migrasome_origin",
    "migrasome_fate",
)


def test_two_dishes_of_a_growing_stroma_open_together_and_are_saved_again(solved, tmp_path):
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
        dishes.to_netcdf(tmp_path / "dishes.nc")
        with pytest.raises(InputError, match="holds several runs joined along 'dish'"):
            open_run(tmp_path / "dishes.nc")
        with (
            xr.open_dataset(tmp_path / "dishes.nc", decode_times=False) as again,
            netCDF4.Dataset(tmp_path / "dishes.nc") as file,
        ):
            assert again.identical(dishes.load())
            for name in INTEGERS:
                assert file[name].dtype.kind == "i", name


def test_a_run_without_a_stroma_is_read_without_rows(solved, tmp_path):
    with open_run(solved(*KINDS["no stroma"])) as run:
        assert (run.sizes["body"], run.sizes["fibre"], run.sizes["migrasome"]) == (0, 0, 0)
        assert run["migrasome_x"].shape == (run.sizes["time"], 0)
        run.to_netcdf(tmp_path / "again.nc")
        with xr.open_dataset(tmp_path / "again.nc", decode_times=False) as again:
            assert run.identical(again)


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
    with (
        xr.open_dataset(path, decode_times=False) as run,
        xr.open_dataset(mean, decode_times=False) as result,
    ):
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
    if frames(path) > 1:
        with pytest.raises(InputError, match=f"not all of its frames: 1 of {frames(path)}"):
            open_run(tmp_path / "last.nc")


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


# Files of format 1

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """Run of a growing stroma in the format 'sdf1-field run 1'."""
    path = tmp_path_factory.mktemp("earlier") / "run-1.nc"
    path.write_bytes(gzip.decompress((DATA / "run-1.nc.gz").read_bytes()))
    return path


def numbers(value, place=""):
    """Every number in a table by its place."""
    if isinstance(value, dict):
        parts = [numbers(item, f"{place}.{key}") for key, item in value.items()]
    elif isinstance(value, list):
        parts = [numbers(item, f"{place}[{n}]") for n, item in enumerate(value)]
    else:
        return {} if value is None or isinstance(value, str) else {place: value}
    return {key: number for part in parts for key, number in part.items()}


@pytest.mark.parametrize("table", ["fold-change", "motion", "network", "cargo"])
def test_a_file_of_format_1_gives_the_tables_that_it_gave(earlier, table):
    shown = CliRunner().invoke(main, ["analyse", str(earlier), "--show", table, "--json"])
    expected = json.loads((DATA / "run-1.json").read_text(encoding="utf-8"))[table]
    assert numbers(json.loads(shown.stdout)) == pytest.approx(expected, rel=1e-9)


def test_a_file_of_format_1_is_inspected_and_drawn(earlier):
    with open_run(earlier) as run:
        assert run.attrs["format"] == "sdf1-field run 1"
        facts = summary(run)
        assert facts["stroma"].startswith("12 MSC, ")
        assert len(content_digest(run)) == 64
        assert run["migrasome"].values.tolist() == [*range(run.sizes["migrasome"])]
        assert plot_run(run).axes


def test_an_interrupted_run_of_format_1_is_refused_plainly(earlier, tmp_path):
    path = tmp_path / "run.nc"
    shutil.copyfile(earlier, partial_path(path))
    with open_run(earlier) as run:
        model = model_of(run)
    for resume in (False, True):
        with pytest.raises(
            InputError, match=r"run\.nc\.partial: left by an earlier version .*force"
        ):
            solve(model, path, seed=1, resume=resume)
