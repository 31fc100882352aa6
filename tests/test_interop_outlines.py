"""Outlines of ImageJ as regions: which pixels are within, by which name, and what is refused."""

import numpy as np
import pytest

from mask_builders import real, roi, zipped
from sdf1_field.api.measuring import measure
from sdf1_field.errors import InputError
from sdf1_field.interop.outlines import fill
from sdf1_field.interop.regions import image_size_of, read_regions
from sdf1_field.scene import Region

SIZE = {"image_size": (100, 80), "pixel_size": 0.5}
SQUARE = [[10, 20], [30, 20], [30, 50], [10, 50]]
TRIANGLE = [[60, 10], [80, 10], [60, 30]]


@pytest.fixture
def outlines(tmp_path):
    return zipped(
        tmp_path / "rois.zip",
        [("MSC 1", "POLYGON", SQUARE), ("MSC 2", "FREEHAND", TRIANGLE),
         ("net 1", "POLYGON", [[25, 40], [70, 40], [70, 45], [25, 45]])],
    )  # fmt: skip


def refusal(path, labels="msc=MSC*,network=net*", **how):
    with pytest.raises(InputError) as caught:
        read_regions(path, labels, **(SIZE | how))
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_outlines_have_the_pixels_whose_centres_they_enclose(outlines):
    mask = read_regions(outlines, "msc=MSC*,network=net*", **SIZE)
    assert mask.regions.shape == (80, 100)
    assert mask.pixel_size == 0.5
    counts = np.bincount(mask.regions.ravel(), minlength=3)
    # The triangle has a pixel for each lattice point strictly below its diagonal; a body takes
    # what it shares with the network.
    assert counts[Region.MSC] == 20 * 30 + sum(range(20))
    assert counts[Region.MIGRASOME_NETWORK] == 45 * 5 - 5 * 5
    assert set(np.unique(mask.picture)) == {0, 1, 2, 3}
    assert mask.instances[Region.MSC] == (1, 2)


def test_any_course_is_filled_as_lines_that_cross_it_say():
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:40, :50] + 0.5
    for _ in range(30):
        courses = [rng.uniform(0, 40, (n, 2)) for n in (7, 4)]
        inside = np.zeros(x.shape, dtype=bool)
        for course in courses:
            for (ax, ay), (bx, by) in zip(course, np.roll(course, -1, axis=0), strict=True):
                crossed = (ay > y) != (by > y)
                inside ^= crossed & (x < ax + (bx - ax) * (y - ay) / (by - ay))
        picture = np.zeros(x.shape, dtype=np.int32)
        fill(picture, courses, 3)
        np.testing.assert_array_equal(picture, 3 * inside)


def test_ovals_and_rectangles_have_their_areas(tmp_path):
    roifile = pytest.importorskip("roifile")
    for kind, area in (("OVAL", np.pi / 4.0), ("RECT", 1.0)):
        made = roifile.ImagejRoi(roitype=roifile.ROI_TYPE[kind], name="a")
        made.left, made.top, made.right, made.bottom = 10, 20, 70, 60
        made.tofile(tmp_path / f"{kind}.roi")
        mask = read_regions(tmp_path / f"{kind}.roi", "msc=a", **SIZE)
        assert (mask.regions == Region.MSC).sum() == pytest.approx(area * 60 * 40, rel=5e-3)


@pytest.mark.parametrize(
    ("name", "pixels"), [("polygon", 7162), ("freehand", 2071), ("ellipse", 24)]
)
def test_real_outlines_are_read(name, pixels):
    path = real(f"readroi/readroi_{name}.roi")
    mask = read_regions(path, "msc=*", image_size=(256, 256), pixel_size=0.65)
    assert (mask.regions == Region.MSC).sum() == pixels


def test_a_real_composite_is_the_union_of_its_parts():
    path = real("readroi/readroi_composite-two-ovals.roi")
    mask = read_regions(path, "msc=others", image_size=(64, 64), pixel_size=0.65)
    rows, columns = np.nonzero(mask.regions)
    # Its bounds are in the file's head: 3 to 35 and 7 to 50.
    assert (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1) == (3, 35, 7, 50)


def test_what_is_no_set_of_outlines_of_regions_is_refused(outlines, tmp_path):
    assert "Give --image-size" in refusal(outlines, image_size=None)
    assert "Give --pixel-size" in refusal(outlines, pixel_size=None)
    assert "'net 1' reaches from (25, 40) to (70, 45), outside of 25 x 80 pixels" in refusal(
        outlines, image_size=(25, 80)
    )
    assert "nothing says which are which" in refusal(outlines, None)
    assert "'net 1' is in no region of --labels" in refusal(outlines, "msc=MSC*")
    assert "no outline's name is KG*" in refusal(outlines, "msc=KG*,network=others")
    assert "'MSC 1' is in two regions" in refusal(outlines, "msc=MSC*,network=*1")
    points = roi(tmp_path / "points.roi", "POINT", [[1, 2], [3, 4]], name="p")
    assert "'p' is a point, which encloses no area" in refusal(points, "msc=p")
    line = zipped(tmp_path / "thin.zip", [("thin", "POLYGON", [[5, 5], [9, 5], [7, 5]])])
    assert "'thin' has no pixel's centre within it" in refusal(line, "msc=thin")
    assert "has no planes" in refusal(outlines, planes={"T": 1})


def test_a_picture_needs_no_size(tmp_path):
    from mask_builders import CLASSES, bodies, plain

    path = plain(tmp_path / "mask.tif", bodies())
    assert "so --image-size has no effect" in refusal(path, CLASSES)


@pytest.mark.parametrize("text", ["1024", "1024 x", "a x b", "10.5x10"])
def test_a_size_is_two_whole_numbers(text):
    with pytest.raises(InputError, match="is no size"):
        image_size_of(text)


def test_cells_are_measured_on_outlines(outlines, tmp_path):
    cells = tmp_path / "cells.csv"
    cells.write_text("x_um,y_um\n10,15\n12,12\n30.2,7\n20,21\n45,38\n", encoding="utf-8")
    labels = "msc=MSC*,network=net*"
    table = measure(
        outlines, cells, labels=labels, image_size="100x80", pixel_size="0.5 um"
    ).table()
    rows = table["groups"][0]["regions"]
    assert [row["cells"] for row in rows] == [1, 3, 1]
    assert rows[Region.MSC]["area_mm2"] == pytest.approx(790 * 0.25e-6)
    assert table["groups"][0]["dishes"][0]["regions"][Region.MSC]["labels"] == 2
