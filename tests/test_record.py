import importlib.util
import json
import re
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from conftest import tiny_model
from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.record import (
    checkpoint_path,
    content_digest,
    expected_size,
    model_of,
    open_run,
    output_times,
    partial_path,
    solve,
    summary,
)
from sdf1_field.record.layout import chunks_of
from sdf1_field.record.variables import MASSES
from sdf1_field.scene import NO_BODY, Region, body_under, nearest_fibre
from sdf1_field.simulation import simulate
from sdf1_field.spec import load_model

HOUR = 3600.0


# The schema


@pytest.fixture(scope="module")
def documented():
    """Row of each variable in the tables of `docs/file-format.md`."""
    path = Path(__file__).parents[1] / "docs" / "_ext" / "generated.py"
    made = importlib.util.spec_from_file_location("generated", path)
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    page = (path.parents[1] / "file-format.md").read_text(encoding="utf-8")
    names = re.findall(r"^% generated: (variables_\w+)$", page, flags=re.M)
    rows = "\n".join(module.PARTS[name][0]() for name in names).splitlines()
    cells = [[cell.strip(" `") for cell in row.split("|")[1:-1]] for row in rows if row]
    return {row[0]: row for row in cells}


def test_every_variable_of_a_file_is_documented_as_it_is(documented, tiny_run):
    with netCDF4.Dataset(tiny_run) as file:
        for name, variable in file.variables.items():
            _, kind, dims, unit, _, meaning = documented[name.replace("ccl2", "sdf1")]
            assert kind.removesuffix(" ¹") == variable.dtype.str[1:]
            assert dims == ", ".join(variable.dimensions)
            assert unit in (getattr(variable, "units", "flags"), "–")
            long_name = getattr(variable, "long_name", "faces of the layers")
            assert meaning.startswith(long_name.replace("CCL2", "SDF-1"))


def test_x_and_y_are_no_map_axes_and_there_is_no_feature_type(tiny_run):
    with open_run(tiny_run) as run:
        assert "axis" not in run["x"].attrs
        assert "axis" not in run["y"].attrs
        assert run["time"].attrs["axis"] == "T"
        assert "featureType" not in run.attrs
        assert run.attrs["Conventions"] == "CF-1.11"
        assert run["trajectory"].attrs["cf_role"] == "trajectory_id"


@pytest.mark.parametrize(
    ("name", "dims", "kind", "units"),
    [
        ("x", ("x",), "f8", "um"),
        ("z_bounds", ("z", "bounds"), "f8", None),
        ("time", ("time",), "f8", "seconds since 2000-01-01"),
        ("sdf1", ("time", "y", "x"), "f4", "nmol L-1"),
        ("sdf1_bound", ("time", "y", "x"), "f4", "um-2"),
        ("sdf1_secretion", ("time", "y", "x"), "f8", "um-2 s-1"),
        ("ccl2", ("time", "y", "x"), "f4", "nmol L-1"),
        ("region", ("time", "y", "x"), "i1", None),
        ("body_x", ("time", "body"), "f8", "um"),
        ("body_migrating", ("time", "body"), "i1", None),
        ("fibre_body", ("time", "fibre"), "i4", None),
        ("fibre_origin", ("time", "fibre"), "i1", None),
        ("migrasome_body", ("time", "migrasome"), "i4", None),
        ("migrasome_maturity", ("time", "migrasome"), "f8", "1"),
        ("migrasome_origin", ("migrasome",), "i1", None),
        ("migrasome_fate", ("migrasome",), "i1", None),
        ("migrasome_radius", ("time", "migrasome"), "f8", "um"),
        ("migrasome_sdf1_secretion_rate", ("time", "migrasome"), "f8", "s-1"),
        ("cell_x", ("trajectory", "obs"), "f8", "um"),
        ("cell_time", ("trajectory", "obs"), "f8", "seconds since 2000-01-01"),
        ("cell_state", ("trajectory", "obs"), "i1", None),
        *[(f"sdf1_mass_{entry}", ("time",), "f8", "1") for entry in MASSES],
    ],
)
def test_variables_have_their_dimensions_type_and_unit(tiny_run, name, dims, kind, units):
    with netCDF4.Dataset(tiny_run) as file:
        variable = file[name]
        assert variable.dimensions == dims
        assert variable.dtype == np.dtype(kind)
        assert getattr(variable, "units", None) == units


def test_maps_are_compressed_and_chunked_by_frame(tiny_run):
    with netCDF4.Dataset(tiny_run) as file:
        filters = file["sdf1"].filters()
        assert (filters["zlib"], filters["complevel"], filters["shuffle"]) == (True, 1, True)
        assert file["sdf1"].chunking() == [1, 30, 30]
        assert file["region"].chunking() == [1, 30, 30]


def test_small_frames_and_whole_tracks_share_a_chunk(tiny_run):
    with netCDF4.Dataset(tiny_run) as file:
        for name in ("time", "sdf1_mass_bound", "body_x", "migrasome_x", "fibre_x", "cell_x"):
            assert file[name].chunking() == list(file[name].shape), name


@pytest.mark.parametrize(
    ("dims", "sizes", "sides"),
    [
        # 262144 bytes hold 32768 doubles: 9 of these frames, and 50 frames are 5 times 9 and 5.
        (("time", "migrasome"), {"time": 50, "migrasome": 3500}, [9, 3500]),
        # Blocks of at most 4096 migrasomes: 25 of 4000.
        (("time", "migrasome"), {"time": 50, "migrasome": 100_000}, [8, 4000]),
        # 337 tracks of 97 observations would fit; 25480 cells are 76 equal parts.
        (("trajectory", "obs"), {"trajectory": 25480, "obs": 97}, [336, 97]),
        (("time", "y", "x"), {"time": 50, "y": 20, "x": 20}, [1, 20, 20]),
        (("time",), {"time": 0}, [1]),
    ],
)
def test_a_chunk_holds_what_is_read_together(dims, sizes, sides):
    assert chunks_of(dims, sizes, itemsize=8) == sides


def test_a_large_floor_is_chunked_in_equal_tiles(tmp_path):
    path = tmp_path / "large.nc"
    settings = ["dish.width=7 mm", "dish.length=1 mm", "grid.spacing=5 um", "run.mode=steady"]
    settings += ["treatments={}", "output.ligands=[]", "scene.msc_density=1 1/mm**2"]
    settings += ["scene.mode=placed"]
    solve(load_model("null-kg1a", settings=settings), path)
    with netCDF4.Dataset(path) as file:
        assert file["region"].shape == (1, 200, 1400)
        assert file["region"].chunking() == [1, 200, 467]


def test_regions_are_flags_with_their_meanings(tiny_run):
    with open_run(tiny_run) as run:
        attributes = run["region"].attrs
        assert attributes["flag_meanings"] == "free_surface msc migrasome_network"
        assert attributes["flag_values"].tolist() == [r.value for r in Region] == [0, 1, 2]
        assert run["cell_state"].attrs["flag_meanings"] == "crawling held"


def test_a_dosed_ligand_is_stored_in_doubles_and_others_are_not(solved):
    with netCDF4.Dataset(solved("coculture-kg1a-sdf1")) as file:
        kinds = {n: file[n].dtype for n in ("sdf1", "sdf1_bound", "ccl2", "ccl2_bound")}
    assert kinds == {"sdf1": "f8", "sdf1_bound": "f8", "ccl2": "f4", "ccl2_bound": "f4"}


# The content


@pytest.mark.parametrize("name", ["coculture-kg1a", "coculture-kg1a-sdf1"])
def test_the_audit_read_from_the_file_closes_at_every_time(solved, name):
    with open_run(solved(name)) as run:
        for ligand in ("sdf1", "ccl2"):
            mass = {entry: run[f"{ligand}_mass_{entry}"].values for entry in MASSES}
            came = mass["secreted"] + mass["added"]
            gone = sum(v for k, v in mass.items() if k not in ("secreted", "added"))
            assert came.min() > 1e3
            assert np.abs(came - gone).max() < 1e-10 * came.max()
            assert (np.diff(mass["secreted"]) > 0.0).all()
        for facts in summary(run)["ligands"]:
            assert abs(facts["imbalance"]) < 1e-10


def test_a_file_holds_what_was_simulated(tiny, tiny_run):
    states = list(simulate(tiny_model(tiny).spec, seed=1))
    with open_run(tiny_run) as run:
        assert run["time"].values.tolist() == [s.time for s in states]
        assert run["cell_time"].values[0].tolist() == [s.time for s in states]
        for n, state in enumerate(states):
            floor = state.fields["sdf1"].layer
            assert np.array_equal(run["sdf1"].values[n], floor.astype(np.float32))
            assert np.array_equal(run["cell_x"].values[:, n], state.cells.x)
            assert np.array_equal(run["cell_state"].values[:, n], state.cells.held)
            assert np.array_equal(run["body_angle"].values[n], state.scene.bodies.angle)


def test_cells_are_in_regions_by_the_outlines_of_bodies_and_networks(tiny, tiny_run):
    spec = tiny_model(tiny).spec
    margin = spec.scene.network_outline_margin
    with open_run(tiny_run) as run:
        rows = (run["cell_y"].values / 10.0).astype(int)
        columns = (run["cell_x"].values / 10.0).astype(int)
        frames = np.arange(run.sizes["obs"])[None, :]
        mapped = run["region"].values[frames, rows, columns]
        found = run["cell_region"].values
    for n, state in enumerate(simulate(spec, seed=1)):
        x, y, m = state.cells.x, state.cells.y, state.scene.migrasomes
        over_body = body_under(state.scene.bodies, x, y) != NO_BODY
        apart = np.hypot(x[:, None] - m.x, y[:, None] - m.y) - m.radius
        near = nearest_fibre(state.scene, x, y)[1] <= margin
        near |= (apart[:, m.present] <= margin).any(axis=1)
        assert np.array_equal(found[:, n], np.where(over_body, 1, np.where(near, 2, 0)))
    # The map differs where an outline crosses a cell of the grid.
    assert 0.0 < (found != mapped).mean() < 0.25
    assert set(np.unique(found)) == {0, 1, 2}


def test_secretion_in_the_file_adds_up_to_the_sources(tiny_run):
    with open_run(tiny_run) as run:
        for ligand in ("sdf1", "ccl2"):
            sources = sum(
                np.nansum(run[f"{kind}_{ligand}_secretion_rate"].values[0])
                for kind in ("body", "migrasome")
            )
            on_grid = run[f"{ligand}_secretion"].values[0].sum() * 100.0
            assert on_grid == pytest.approx(sources, rel=1e-12)
            assert sources > 0.0


def test_a_file_records_the_whole_model_and_where_its_values_come_from(tiny, tiny_run):
    with open_run(tiny_run) as run:
        recorded = model_of(run)
        entries = json.loads(run.attrs["model"])
        assert run.attrs["seed"] == 1
        assert set(json.loads(run.attrs["versions"])) >= {"numpy", "numba", "netCDF4"}
    assert recorded.spec == tiny_model(tiny).spec
    assert entries["dish.width"]["source"] == "set by the user"
    assert entries["cells.time_step"]["where"] == "models/parameters.toml"
    assert entries["ligand.sdf1.loss_rate"]["status"] == "derived"


def test_times_are_seconds_not_dates(tiny_run):
    with open_run(tiny_run) as run:
        assert run["time"].dtype == np.float64
        assert run["time"].values[-1] == 7200.0


def test_a_steady_run_has_one_time_and_no_cells(tiny, steady_model, tmp_path):
    path = tmp_path / "steady.nc"
    solve(tiny_model(tiny, name=str(steady_model)), path)
    with open_run(path) as run:
        assert run["time"].values.tolist() == [0.0]
        assert "cell_x" not in run
        facts = summary(run)
        for ligand in ("sdf1", "ccl2"):
            finite = {e for e in MASSES if np.isfinite(run[f"{ligand}_mass_{e}"].values).all()}
            # Sums over time do not exist in a steady state.
            assert finite == {"in_medium", "bound"}
    assert [ligand["imbalance"] for ligand in facts["ligands"]] == [None, None]
    assert [set(ligand["masses"]) for ligand in facts["ligands"]] == [{"in_medium", "bound"}] * 2
    assert facts["ligands"][0]["floor"]["mean"] > 0.0


def test_expected_size_bounds_the_file(tiny, tiny_run):
    largest, memory = expected_size(tiny_model(tiny).spec)
    assert tiny_run.stat().st_size < largest
    assert largest < 1e6
    assert 1e8 < memory < 1e9


def test_a_whole_well_takes_at_most_ten_gigabytes_and_a_file_of_four():
    spec = load_model("whole-well-kg1a").spec
    assert (spec.cell_count, len(output_times(spec))) == (25480, 24 + 48 + 1)
    file_size, memory = expected_size(spec)
    # 37 frames of two float32 fields on 2800 x 2800 cells are the least there is.
    assert 37 * 2 * 4 * 2800**2 < file_size < 4e9
    assert 3e9 < memory < 10e9


def test_a_whole_well_with_a_grown_stroma_takes_at_most_nine_gigabytes():
    file_size, memory = expected_size(load_model("whole-well-grown-kg1a").spec)
    # Measured: 4.4e9, before it had maps of what cells touch, of which two take 0.8e9.
    assert 4e9 < memory < 9e9
    assert 37 * 2 * 4 * 2800**2 < file_size < 7e9


def test_a_coat_that_may_fill_takes_more_memory():
    spec = load_model("whole-well-kg1a").spec
    fills = spec.model_copy(
        update={"numerics": spec.numerics.model_copy(update={"linear_coat": False})}
    )
    assert expected_size(fills)[1] > 1.5 * expected_size(spec)[1]


def test_the_size_of_a_floor_too_large_for_any_machine_is_told_without_making_it():
    spec = load_model("whole-well-kg1a").spec
    fine = spec.model_copy(update={"grid": spec.grid.model_copy(update={"spacing": 0.1})})
    coarse_memory, fine_memory = expected_size(spec)[1], expected_size(fine)[1]
    # But for what is the same on any grid: the program, the sub-grid correction of migrasomes, and
    # the maps of what cells touch, which are never coarser than 2.5 um.
    assert 1800 * coarse_memory < fine_memory < 2500 * coarse_memory


# Reading


def test_a_missing_run_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.nc: no such file"):
        open_run(tmp_path / "none.nc")


def test_a_text_file_is_not_a_run(tmp_path):
    path = tmp_path / "run.nc"
    path.write_text("time,x,y\n0,1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="not a NetCDF-4 file"):
        open_run(path)


def test_an_empty_file_is_not_a_run(tmp_path):
    path = tmp_path / "run.nc"
    path.touch()
    with pytest.raises(InputError, match="not a NetCDF-4 file"):
        open_run(path)


def test_another_netcdf_file_is_not_a_run(tmp_path):
    path = tmp_path / "other.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 3)
        file.createVariable("x", "f8", ("x",))[:] = [1.0, 2.0, 3.0]
    with pytest.raises(InputError, match="not a run of sdf1-field"):
        open_run(path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "sdf1-field run 4",
            "written by a newer version (format 4); this one reads formats 1, 2 and 3. Update "
            "sdf1-field.",
        ),
        (
            "sdf1-field run 0",
            "not a run of sdf1-field. Give a file made by `sdf1-field solve`.",
        ),
    ],
)
def test_a_run_of_an_unknown_format_is_refused(tiny_run, tmp_path, name, said):
    path = tmp_path / "run.nc"
    path.write_bytes(tiny_run.read_bytes())
    with netCDF4.Dataset(path, "a") as file:
        file.format = name
    with pytest.raises(InputError) as refused:
        open_run(path)
    assert str(refused.value) == f"{path}: {said}"


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([-1], "has not all of its frames: 1 of {declared}"),
        ([0, *range(99)], "has {more} frames, and its run has {declared}"),
    ],
)
def test_a_file_with_some_frames_of_a_run_is_not_called_unfinished(
    tiny_run, tmp_path, frames, said
):
    path = tmp_path / "last.nc"
    with xr.open_dataset(tiny_run, decode_times=False) as run:
        declared = run.sizes["time"]
        chosen = [n for n in frames if n < declared]
        run.isel(time=chosen).to_netcdf(path)
    with pytest.raises(InputError) as refused:
        open_run(path, interrupted=True)
    begin = said.format(declared=declared, more=declared + 1)
    assert str(refused.value) == (
        f"{path}: {begin}. Give the whole run; xarray opens this file too."
    )


def test_a_file_of_several_runs_is_not_called_damaged(tiny_run, tmp_path):
    path = tmp_path / "dishes.nc"
    with xr.open_mfdataset(
        [tiny_run, tiny_run], combine="nested", concat_dim="dish", join="outer", decode_times=False
    ) as dishes:
        dishes.to_netcdf(path)
    with pytest.raises(InputError) as refused:
        open_run(path)
    assert str(refused.value) == (
        f"{path}: holds several runs joined along 'dish'. Give the file of each run."
    )


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_run_is_damaged(tiny_run, tmp_path, share):
    path = tmp_path / "run.nc"
    whole = tiny_run.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="damaged or incomplete"):
        open_run(path)


def test_digest_ignores_when_and_how_but_not_what(tiny_run):
    with open_run(tiny_run) as run:
        run.load()
        digest = content_digest(run)
        later = run.assign_attrs(date_created="later", history="again", command_line="other")
        assert content_digest(later) == digest
        assert content_digest(run.assign_attrs(seed=2)) != digest
        changed = run.copy(deep=True)
        changed["cell_x"].values[0, 0] = np.nextafter(changed["cell_x"].values[0, 0], np.inf)
        assert content_digest(changed) != digest


def test_an_unfinished_run_is_not_opened_as_if_it_were_whole(tiny, tmp_path):
    def stop(_time):
        raise KeyboardInterrupt

    path = tmp_path / "cut.nc"
    with pytest.raises(KeyboardInterrupt):
        solve(load_model("coculture-kg1a", settings=tiny), path, progress=stop)
    with pytest.raises(InputError, match=r"unfinished run, .*cut\.nc again with resume\.$"):
        open_run(partial_path(path))
    checkpoint_path(path).unlink()
    with pytest.raises(InputError, match=r"left before its first checkpoint\. Solve .* again\.$"):
        open_run(partial_path(path))


def test_a_run_interrupted_before_its_cells_are_there_opens_without_any(tiny, tmp_path):
    def stop(time):
        if time < 0.0:
            raise KeyboardInterrupt

    path, early = tmp_path / "cut.nc", ("output.fields_from=-1 h", "output.fields_every=1 h")
    with pytest.raises(KeyboardInterrupt):
        solve(load_model("coculture-kg1a", settings=[*tiny, *early]), path, progress=stop)
    with pytest.warns(Sdf1FieldWarning, match=r"nc\.partial: interrupted at -1 h, .*--resume"):
        opened = open_run(partial_path(path), interrupted=True)
    with opened as run:
        assert run["time"].values.tolist() == [-HOUR]
        assert "cell_x" not in run
        assert "cells" not in summary(run)


def test_two_runs_never_write_one_file(tiny, tmp_path):
    path, second = tmp_path / "run.nc", []

    def meanwhile(time):
        if time == 900.0:
            with pytest.raises(InputError, match=r"run\.nc: is being written by another run \(p"):
                solve(tiny_model(tiny), path, seed=2, force=True)
            second.append(time)

    solve(tiny_model(tiny), path, seed=1, progress=meanwhile)
    assert second == [900.0]
    with open_run(path) as run:
        assert int(run.attrs["seed"]) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run.nc"]
