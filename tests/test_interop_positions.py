"""Cells on a mask from TrackMate's files, tables and ImageJ's points, and what is refused."""

import numpy as np
import pytest

from mask_builders import CLASSES, bodies, plain, real, roi, zipped
from sdf1_field.errors import InputError
from sdf1_field.interop.masks import parse_labels
from sdf1_field.interop.positions import read_positions
from sdf1_field.interop.tiff_masks import read_mask
from track_builders import csv_text, exported, spot, trackmate


@pytest.fixture
def mask(tmp_path):
    """80 x 60 pixels of 0.5 um."""
    path = plain(tmp_path / "mask.tif", bodies())
    return read_mask(path, parse_labels(CLASSES), pixel_size=0.5)


def refusal(path, mask, **how):
    with pytest.raises(InputError) as caught:
        read_positions(path, mask, **how)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def places(found):
    return np.column_stack([found.x, found.y])


def test_a_table_is_measured_from_the_picture_s_corner(mask, written):
    found = read_positions(written("x_um,y_um\n0.1,29.9\n12,3\n", "cells.csv"), mask)
    np.testing.assert_array_equal(places(found), [[0.1, 29.9], [12.0, 3.0]])
    assert found.tracks is None


@pytest.mark.parametrize("header", ["X [px];Y [px]", "x_pixels;y_pixels"])
def test_a_table_in_pixels_has_those_of_the_mask(mask, written, header):
    found = read_positions(written(f"{header}\n79.5;59.5\n", "cells.csv"), mask)
    np.testing.assert_array_equal(places(found), [[39.75, 29.75]])


def test_a_table_without_units_needs_them(mask, written):
    path = written(",Area,X,Y\n1,3.0,20.5,10\n", "Results.csv")
    assert "columns X and Y name no unit. Say it with --cells-in um or --cells-in px" in (
        refusal(path, mask)
    )
    np.testing.assert_array_equal(places(read_positions(path, mask, unit="um")), [[20.5, 10.0]])
    np.testing.assert_array_equal(places(read_positions(path, mask, unit="px")), [[10.25, 5.0]])
    path = written("x_um,y_um\n1,2\n", "cells.csv")
    assert "so --cells-in has no effect" in refusal(path, mask, unit="px")


def test_columns_may_be_named(mask, written):
    path = written("across_um,down_um\n1,2\n", "cells.csv")
    assert "--columns x=NAME" in refusal(path, mask)
    found = read_positions(path, mask, columns={"x": "across_um", "y": "down_um"})
    np.testing.assert_array_equal(places(found), [[1.0, 2.0]])


def test_trackmate_measures_from_the_centre_of_the_first_pixel(mask, written):
    # 0 is the centre of the first pixel, 39.5 um that of the last of 80.
    spots = [spot(0, 0, 0.0, 0.0), spot(1, 0, 39.5, 29.5)]
    for path in (
        written(trackmate(spots, [], pixel=0.5)),
        written(csv_text([(0, None, 0, 0.0, 0.0), (1, None, 0, 39.5, 29.5)]), "spots.csv"),
        written(exported([[(0, 0.0, 0.0)], [(0, 39.5, 29.5)]]), "exported.xml"),
    ):
        found = read_positions(path, mask)
        np.testing.assert_allclose(places(found), [[0.25, 0.25], [39.75, 29.75]])
        assert found.tracks is None


def test_a_frame_is_chosen_and_tracks_keep_all_of_them(mask, written):
    spots = [spot(n, n, 5.0 + n, 6.0) for n in range(4)]
    path = written(trackmate(spots, [[(0, 1), (1, 2), (2, 3)]], pixel=0.5))
    assert "has cells in frames 0 to 3. Say in which the mask was drawn, with --frame N." in (
        refusal(path, mask)
    )
    found = read_positions(path, mask, frame=2)
    np.testing.assert_allclose(places(found), [[7.25, 6.25]])
    assert found.tracks is not None
    assert len(found.tracks.links) == 3
    assert "has no cells in frame 4; they are in frames 0 to 3" in refusal(path, mask, frame=4)


def test_cells_of_another_calibration_are_refused(mask, written):
    path = written(trackmate([spot(0, 0, 1.0, 1.0)], [], pixel=0.65))
    assert f"{path}: its pixel is 0.65 um, that of {mask.name} 0.5 um." in refusal(path, mask)


def test_tracks_in_pixels_have_those_of_the_mask_but_no_speed_without_an_interval(mask):
    path = real("laptrack/laptrack_trackmate_split_merge.xml")
    wide = plain_mask(mask, 200)
    found = read_positions(path, wide, frame=10)
    assert len(found.x) > 0
    assert found.tracks is None
    again = read_positions(path, wide, frame=10, frame_interval=60.0)
    assert again.tracks is not None
    assert again.tracks.interval == 60.0


def plain_mask(mask, side):
    """Mask of one pixel size that is larger, of free surface and a body."""
    from dataclasses import replace

    regions = np.zeros((side, side), dtype=np.uint8)
    regions[:20, :20] = 1
    return replace(mask, regions=regions)


def test_real_tables_are_read_or_refused_for_what_they_are(mask):
    wide = plain_mask(mask, 200)
    folder = "laptrack/laptrack_trackmate_split_merge"
    spots = real(f"{folder}_spots.csv")
    assert "columns position_x and position_y name no unit" in refusal(spots, wide, frame=0)
    found = read_positions(spots, wide, frame=0, unit="px")
    lines = [line.split(",") for line in spots.read_text().splitlines()[1:]]
    expected = [[0.5 * float(x), 0.5 * float(y)] for _, _, frame, x, y in lines if frame == "0"]
    np.testing.assert_allclose(places(found), expected)
    for path in (real(f"{folder}_edges.csv"), real(f"{folder}.csv")):
        assert "is a table of links, not of spots" in refusal(path, wide)


def test_real_track_files_are_read_in_the_mask_s_pixels_or_refused(mask):
    path = real("pycellin/FakeTracks.xml")
    found = read_positions(path, plain_mask(mask, 256), frame=0)
    assert len(found.x) > 0
    path = real("pycellin/pycellin_Celegans.xml")
    assert "its pixel is" in refusal(path, mask, frame=0)


def test_points_are_in_pixels_whole_ones_being_pixels(mask, tmp_path):
    path = roi(tmp_path / "a.roi", "POINT", [[0, 0], [79, 59]])
    np.testing.assert_allclose(places(read_positions(path, mask)), [[0.25, 0.25], [39.75, 29.75]])
    path = roi(tmp_path / "b.roi", "POINT", [[0.2, 0.4], [79.5, 59.0]], subpixel=True)
    np.testing.assert_allclose(places(read_positions(path, mask)), [[0.1, 0.2], [39.75, 29.5]])
    path = zipped(tmp_path / "c.zip", [("a", "POINT", [[1, 2]]), ("b", "POINT", [[3, 4], [5, 6]])])
    np.testing.assert_allclose(
        places(read_positions(path, mask)), [[0.75, 1.25], [1.75, 2.25], [2.75, 3.25]]
    )


def test_real_points_are_read_and_real_outlines_are_no_cells(mask):
    path = real("readroi/readroi_multipoint.roi")
    assert len(read_positions(path, plain_mask(mask, 200)).x) == 14
    assert "14 cells are outside of" in refusal(path, mask)
    assert "'polygon' is an outline (polygon), and cells are points" in (
        refusal(real("readroi/readroi_polygon.roi"), mask)
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n", "has no column of x. It has: a, b. Name it with --columns x=NAME."),
        ("x_um,y_um\n", "has no rows below its header"),
        ("", "is empty"),
        ("x_um,y_um\n1,2\n3,nan\n", "line 3 has the place (3, nan), which is none"),
        ("x_um,y_um\ninf,2\n", "line 2 has the place (inf, 2), which is none"),
        ("x_um,y_um\n1,two\n", "y in line 2 is 'two', no number"),
        ("x_um,y_um\n1,2\n40,2\n", "1 of 2 cells are outside of"),
        ("x_um,y_um\n1,-0.1\n", "the first at (1, -0.1)"),
        ("x_um,y_um,frame\n1,2,0\n1,2,1\n", "has cells in frames 0 to 1"),
        ("x_um,y_um,frame\n1,2,0.5\n", "frame in line 2 is 0.5, no whole number"),
    ],
)
def test_wrong_tables_are_refused(mask, written, text, says):
    assert says in refusal(written(text, "cells.csv"), mask)


def test_files_of_other_kinds_are_refused(mask, written, tmp_path):
    assert "none.csv: no such file" in refusal(tmp_path / "none.csv", mask)
    assert "is a folder" in refusal(tmp_path, mask)
    assert "neither TrackMate's XML nor a table" in refusal(tmp_path / "mask.tif", mask)
    assert "its root is <a>" in refusal(written("<a/>"), mask)
    path = tmp_path / "cut.roi"
    path.write_bytes(b"Iout" + bytes(10))
    assert "is no region of interest of ImageJ" in refusal(path, mask)
    path = tmp_path / "cut.zip"
    path.write_bytes(b"PK\x03\x04" + bytes(10))
    assert "cannot be read" in refusal(path, mask)
    path = roi(tmp_path / "a.roi", "POINT", [[0, 0]])
    assert "has no frames, so --frame has no effect" in refusal(path, mask, frame=0)
    assert "is no table, and --cells-in is for tables" in refusal(path, mask, unit="px")
    assert "is no table, and --columns is for tables" in refusal(path, mask, columns={"x": "a"})


def test_regions_of_a_table_are_kept(mask, written):
    path = written("x_um,y_um,region\n1,2,free\n3,4,MSC\n5,6,migrasome network\n", "cells.csv")
    np.testing.assert_array_equal(read_positions(path, mask).region, [0, 1, 2])
    path = written("x_um,y_um,region\n1,2,left\n", "other.csv")
    assert read_positions(path, mask).region is None
