"""Masks, hyperstacks and OME-TIFF of runs: what they hold, and that it is measured the same."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from defusedxml.ElementTree import fromstring

from mask_builders import CLASSES
from sdf1_field.analysis.census import density_fold_change, survey
from sdf1_field.analysis.encounter import encounter_repeats
from sdf1_field.analysis.mask_census import mask_encounters, survey_mask
from sdf1_field.analysis.run_pictures import run_mask, run_stack, square_pixel
from sdf1_field.analysis.runs import frame_regions, run_encounter_limit
from sdf1_field.api.exporting import export, run_track_file
from sdf1_field.api.tracking import open_tracks
from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.interop import (
    Mask,
    parse_labels,
    read_mask,
    read_positions,
    read_tracks,
    write_tracks,
)
from sdf1_field.record import model_of, open_run
from sdf1_field.scene import OUTSIDE, Region
from sdf1_field.statistics import poisson_interval

OFTEN = ("output.fields_from=0 h", "output.fields_every=30 min", "output.tracks_every=10 min")
CROWDED = ("cells.density=3000 1/mm**2", *OFTEN)
"""A dish with some hundred cells."""


def table_of(run, *arguments):
    result = run(*map(str, arguments), "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(run, *arguments):
    result = run(*map(str, arguments))
    assert result.exit_code == 2, result.output
    (line,) = result.output.splitlines()
    return line


def exported(run, path, to, output, *more):
    result = run("export", path, "--to", to, "-o", output, *more)
    assert result.exit_code == 0, result.output
    return output


def test_a_mask_has_the_regions_of_the_run_and_its_calibration(run, solved):
    path = solved("coculture-kg1a", *CROWDED)
    exported(run, path, "mask", "mask.tif", "--at", "90 min")
    with tifffile.TiffFile("mask.tif") as tif:
        picture, metadata = tif.asarray(), tif.imagej_metadata
    assert metadata["unit"] == "um"
    assert picture.dtype == np.uint8
    with open_run(path) as opened:
        frame = int(np.argmin(np.abs(opened["time"].values - 5400.0)))
        np.testing.assert_array_equal(picture, frame_regions(opened, frame))
    mask = read_mask("mask.tif", parse_labels(CLASSES))
    assert (mask.pixel_size, mask.grid.width) == (10.0, 300.0)


def test_between_frames_a_mask_is_the_one_with_which_cells_are_analysed(run, solved, tmp_path):
    path = solved("coculture-kg1a", *CROWDED)
    masks = [tifffile.imread(export(path, "mask", tmp_path / f"{n}.tif", at=at)) for n, at in
             enumerate(("90 min", "100 min", "2 h"))]  # fmt: skip
    np.testing.assert_array_equal(masks[1], masks[0])
    np.testing.assert_array_equal(
        tifffile.imread(export(path, "mask", tmp_path / "last.tif")), masks[2]
    )
    assert "was not saved at 95 min" in refusal(
        run, "export", path, "--to", "mask", "-o", "a.tif", "--at", "95 min"
    )


@pytest.mark.parametrize(("to", "end"), [("csv", "csv"), ("trackmate-xml", "xml"),
                                         ("trackmate-csv", "csv")])  # fmt: skip
def test_an_exported_dish_has_the_same_fold_changes_exactly(run, solved, to, end):
    path = solved("coculture-kg1a", *CROWDED)
    exported(run, path, "mask", "mask.tif", "--at", "100 min")
    exported(run, path, to, f"one.{end}", "--at", "100 min")
    exported(run, path, to, f"all.{end}")
    analysed = table_of(run, "analyse", path, "--at", "100 min")
    rows = analysed if isinstance(analysed, list) else analysed["fold_change"]
    for cells in ((f"one.{end}",), (f"all.{end}", "--frame", "10")):
        own = table_of(
            run, "measure", "mask.tif", *cells, "--labels", CLASSES, "--count-by", "table"
        )["groups"][0]["regions"]
        assert len(own) == len(rows) == 3
        for row, other in zip(own, rows, strict=True):
            for key in (
                "region", "area_mm2", "cells", "density_per_mm2", "fold_change",
                "touching_fold_change", "touching_uniform",
            ):  # fmt: skip
                assert row[key] == other[key], key
    counts = [row["cells"] for row in own]
    by_pixel = table_of(
        run, "measure", "mask.tif", f"one.{end}", "--labels", CLASSES
    )["groups"][0]["regions"]  # fmt: skip
    # Cells gather at outlines, which a mask of 10 um does not follow.
    assert counts != [row["cells"] for row in by_pixel]


def test_pixels_that_are_finer_count_as_outlines_do(run, solved):
    path = solved("coculture-kg1a", *CROWDED)
    exported(run, path, "csv", "one.csv", "--at", "2 h")
    moved, counts = [], {}
    for pixel in ("10 um", "2 um", "0.25 um"):
        exported(run, path, "mask", "mask.tif", "--pixel-size", pixel, "--force")
        for by in ("table", "pixel"):
            rows = table_of(
                run, "measure", "mask.tif", "one.csv", "--labels", CLASSES, "--count-by", by
            )["groups"][0]["regions"]  # fmt: skip
            counts[by] = np.array([row["cells"] for row in rows])
        moved.append(np.abs(counts["pixel"] - counts["table"]).sum() / 2)
    assert moved[0] > moved[1] >= moved[2]
    assert moved[2] <= 0.01 * counts["table"].sum()


def test_without_regions_in_the_file_counting_by_them_is_refused(run, solved):
    path = solved("coculture-kg1a", *CROWDED)
    exported(run, path, "mask", "mask.tif")
    with open_run(path) as opened:
        file = run_track_file(opened)
    with open("bare.csv", "w", encoding="utf-8") as bare:
        bare.write("x_um,y_um\n1.0,2.0\n")
    assert file.region is not None
    assert "has no column 'region' with free, msc or network" in refusal(
        run, "measure", "mask.tif", "bare.csv", "--labels", CLASSES, "--count-by", "table"
    )


@pytest.mark.parametrize("to", ["trackmate-xml", "trackmate-csv"])
def test_trackmate_gets_places_from_the_centre_of_the_first_pixel(solved, tmp_path, to):
    path = solved("coculture-kg1a", *CROWDED)
    first, second = tmp_path / "first", tmp_path / "second"
    file = read_tracks(export(path, to, first))
    own = open_tracks(path).file
    np.testing.assert_allclose(file.x, own.x - 5.0, rtol=0, atol=1e-9)
    np.testing.assert_allclose(file.y, own.y - 5.0, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(file.region, own.region)
    write_tracks(file, second, to)
    assert second.read_bytes() == first.read_bytes()


@pytest.mark.parametrize("to", ["trackmate-xml", "trackmate-csv"])
def test_finer_masks_and_trackmate_s_files_of_one_pixel_size_go_together(run, solved, to):
    path = solved("coculture-kg1a", *CROWDED)
    exported(run, path, "mask", "mask.tif", "--pixel-size", "0.9 um")
    exported(run, path, to, "cells", "--pixel-size", "0.9 um", "--at", "2 h")
    exported(run, path, "csv", "cells.csv", "--at", "2 h")
    mask = read_mask("mask.tif", parse_labels(CLASSES))
    own, table = (read_positions(Path(name), mask) for name in ("cells", "cells.csv"))
    np.testing.assert_allclose(own.x, table.x, rtol=0, atol=1e-9)
    np.testing.assert_allclose(own.y, table.y, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(own.region, table.region)


def test_a_table_keeps_places_and_regions_to_the_last_byte(solved, tmp_path):
    path = solved("coculture-kg1a", *CROWDED)
    file = read_tracks(export(path, "csv", tmp_path / "first.csv"))
    own = open_tracks(path).file
    for name in ("x", "y", "frame", "track", "region"):
        np.testing.assert_array_equal(getattr(file, name), getattr(own, name))
    write_tracks(file, tmp_path / "second.csv", "csv")
    assert (tmp_path / "second.csv").read_bytes() == (tmp_path / "first.csv").read_bytes()


@pytest.fixture
def stack(run, solved):
    """Function that exports a stack; its values, and the names of its channels."""

    def write(to, *more):
        path = solved("coculture-kg1a", *CROWDED)
        exported(run, path, to, "stack.tif", *more)
        with tifffile.TiffFile("stack.tif") as tif:
            assert tif.series[0].axes in ("TCYX", "CYX")
            return tif.asarray(), tif.imagej_metadata, tif.ome_metadata, path

    return write


def test_a_hyperstack_has_field_coat_regions_and_cells_over_time(stack):
    values, metadata, _, path = stack("imagej")
    assert (values.dtype, values.shape) == (np.float32, (5, 6, 30, 30))
    assert (metadata["unit"], metadata["finterval"]) == ("um", 1800.0)
    assert metadata["Labels"][:5] == [
        "SDF-1 (nM), 0 s", "SDF-1 bound (molecules/um2), 0 s", "CCL2 (nM), 0 s",
        "CCL2 bound (molecules/um2), 0 s", "regions, 0 s",
    ]  # fmt: skip
    with open_run(path) as opened:
        np.testing.assert_array_equal(values[:, 0], opened["sdf1"].values)
        np.testing.assert_array_equal(values[:, 1], opened["sdf1_bound"].values)
        np.testing.assert_array_equal(values[:, 4], opened["region"].values)
        x, y = (opened[f"cell_{axis}"].values[:, ::3] for axis in "xy")
    for frame in range(5):
        numbers = values[frame, 5][(y[:, frame] // 10).astype(int), (x[:, frame] // 10).astype(int)]
        assert set(np.unique(values[frame, 5])) <= set(range(len(x) + 1))
        # Only where two cells share a pixel has it the number of the other.
        assert np.mean(numbers == np.arange(len(x)) + 1) > 0.8
        assert (numbers > 0).all()


def test_times_of_a_stack_are_chosen(stack, run):
    values, metadata, _, path = stack("imagej", "--at", "30 min", "--at", "90 min")
    assert (len(values), metadata["finterval"]) == (2, 3600.0)
    for at, says in (
        (("0 h", "30 min", "2 h"), "are not evenly spaced"),
        (("10 min",), "was not saved at 10 min"),
    ):
        options = [part for time in at for part in ("--at", time)]
        assert says in refusal(run, "export", path, "--to", "imagej", "-o", "b.tif", *options)
    values, metadata, _, _ = stack("imagej", "--at", "2 h", "--force")
    assert values.shape[-3:] == (6, 30, 30)
    assert "finterval" not in metadata


def test_ome_xml_names_sizes_channels_and_times(stack):
    values, _, text, _ = stack("ome-tiff")
    root = fromstring(text)
    space = root.tag.removesuffix("OME")
    pixels = root.find(f"{space}Image/{space}Pixels")
    said = pixels.attrib
    assert (said["PhysicalSizeX"], said["PhysicalSizeXUnit"]) == ("10.0", "µm")
    assert (float(said["TimeIncrement"]), said["TimeIncrementUnit"]) == (1800.0, "s")
    assert [c.get("Name") for c in pixels.iter(f"{space}Channel")] == [
        "SDF-1 (nM)", "SDF-1 bound (molecules/um2)", "CCL2 (nM)", "CCL2 bound (molecules/um2)",
        "regions", "cells",
    ]  # fmt: skip
    assert (values.dtype, values.shape) == (np.float32, (5, 6, 30, 30))


def test_frames_without_cells_and_early_frames_are_said(solved, tmp_path):
    path = solved(
        "coculture-kg1a", "output.fields_from=0 h", "output.fields_every=50 min",
        "output.tracks_every=40 min",
    )  # fmt: skip
    with pytest.warns(Sdf1FieldWarning) as caught:
        export(path, "imagej", tmp_path / "a.tif")
    (said,) = (str(warning.message) for warning in caught)
    assert "the frame at 2 h is left out" in said
    assert "no cells were saved at 2 of 3 frames' times" in said


def test_a_steady_field_has_no_cells_and_outside_a_round_well_is_255(solved, steady_model):
    path = solved(str(steady_model))
    with open_run(path) as opened:
        made, note = run_stack(opened)
        assert [channel.name for channel in made.channels][-1] == "regions"
        assert len(made.channels) == 5
        assert (made.interval, note) == (None, "")
        outside = opened["region"].astype(float).where(opened["x"] > 50.0)
        walled = opened.assign(region=outside)
        assert (frame_regions(walled, 0)[:, :5] == OUTSIDE).all()
        mask = run_mask(walled)
        assert (mask.regions[:, :5] == OUTSIDE).all()
        assert (mask.regions[:, 5:] != OUTSIDE).all()


def test_files_are_not_replaced_unasked_and_options_without_effect_are_refused(run, solved):
    path = solved("coculture-kg1a", *CROWDED)
    for to in ("mask", "imagej", "ome-tiff"):
        exported(run, path, to, "own.tif", "--force")
        assert "exists already" in refusal(run, "export", path, "--to", to, "-o", "own.tif")
    assert "nowhere/a.tif" in refusal(run, "export", path, "--to", "mask", "-o", "nowhere/a.tif")
    assert "--pixel-size: is for masks and TrackMate's files" in refusal(
        run, "export", path, "--to", "imagej", "--pixel-size", "1 um"
    )
    for to in ("mask", "trackmate-xml"):
        assert "Give --pixel-size, such as '0.9 um'" in refusal(
            run, "export", path, "--to", to, "-o", "a.tif", "--pixel-size", "1 um"
        )
    assert "--at: csv has one time" in refusal(
        run, "export", path, "--to", "csv", "--at", "1 h", "--at", "2 h"
    )
    assert "masks have up to 16384 a side" in refusal(
        run, "export", path, "--to", "mask", "-o", "a.tif", "--pixel-size", "0.01 um"
    )


def test_pixels_of_masks_are_square(solved):
    path = solved("coculture-kg1a", "dish.length=310 um", "grid.spacing=20 um")
    with open_run(path) as opened:
        with pytest.raises(InputError, match=r"20 um wide and 19\.375 um high.* '10 um'"):
            run_mask(opened)
        assert run_mask(opened, pixel=10.0).regions.shape == (31, 30)
        assert square_pixel(opened) == 10.0


@pytest.mark.parametrize("radius", [3.0, 6.0, 6.3])
def test_the_survey_of_a_mask_is_that_of_a_run_s_floor(solved, radius):
    with open_run(solved("coculture-kg1a", *CROWDED)) as opened:
        for pixel in (None, 1.0):
            mask = run_mask(opened, pixel=pixel)
            own = survey_mask(mask.regions, mask.grid, radius=radius)
            other = survey(mask.regions, mask.grid, radius=radius)
            np.testing.assert_array_equal(own.touched, other.touched)
            np.testing.assert_array_equal(own.touching_areas, other.touching_areas)
            assert {int(value) for value in np.unique(own.touched)} == set(map(int, Region))


def test_the_encounter_limit_of_a_mask_is_that_of_analyse(solved):
    path = solved("null-kg1a", "cells.density=3000 1/mm**2", "output.tracks_every=10 min")
    times = [600.0, 1800.0]
    with open_run(path) as opened:
        spec, mask = model_of(opened).spec, run_mask(opened)
        limits = run_encounter_limit(opened, times)
        repeats = encounter_repeats(spec)
    cell = spec.haematopoietic
    for time, limit in zip(times, limits, strict=True):
        found = mask_encounters(
            mask, speed=cell.speed, persistence_time=cell.persistence_time, duration=time
        )
        share, own = found.share, density_fold_change(found.share, found.areas)
        assert not found.at_least
        # Relative error of a ratio of counts, here of 4000 cells, there of those of all repeats.
        each = 1 / share[1:] + 1 / share[0]
        error = np.sqrt(each / 4000 + each / (spec.cell_count * repeats))
        assert (np.abs(np.log(own / limit)) < 3.0 * error).all()
        assert (own > 1.0 + 3.0 * error).all()
        assert (error < 0.1).all()


def test_fast_cells_of_the_encounter_limit_leap_over_no_thin_region():
    # Without turns a cell meets a stripe as wide as one square when it crosses it.
    regions = np.zeros((100, 100), dtype=np.uint8)
    regions[:, 50] = Region.MSC
    mask = Mask("stripe", regions, 2.0, {}, regions)
    slow, fast = (
        mask_encounters(mask, speed=v, persistence_time=1e5, duration=80.0 / v).share[Region.MSC]
        for v in (0.05, 20.0)
    )
    error = np.sqrt(2.0 * slow * (1.0 - slow) / 4000)
    assert abs(fast - slow) < 3.0 * error
    assert 0.1 < slow < 0.6


def test_an_encounter_limit_without_free_cells_is_a_lower_bound():
    regions = np.zeros((100, 100), dtype=np.uint8)
    regions[::5] = Region.MSC
    mask = Mask("stripes", regions, 2.0, {}, regions)
    bounds = []
    for hours in (2.0, 20.0):
        found = mask_encounters(mask, speed=0.05, persistence_time=300.0, duration=3600.0 * hours)
        assert found.at_least
        bounds.append(density_fold_change(found.share, found.areas)[0])
    # The walk ends with 40 of 4000 cells free or fewer; stripes are a fifth of the floor.
    assert bounds[0] == bounds[1] > 4.0 * (4000 - 40) / poisson_interval(40)[1]
