"""Masks from TIFF files: labels, areas, calibrations, axes, and what is refused."""

import warnings

import numpy as np
import pytest
import tifffile

from mask_builders import CLASSES, bodies, imagej, ome, plain, real
from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.interop.masks import parse_labels
from sdf1_field.interop.tiff_masks import read_mask
from sdf1_field.scene import Region, region_areas

EACH = "free=0,msc=others"


def mask_of(path, labels=CLASSES, **how):
    return read_mask(path, None if labels is None else parse_labels(labels), **how)


def refusal(path, labels=CLASSES, **how):
    with pytest.raises(InputError) as caught:
        mask_of(path, labels, **how)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_a_class_mask_has_the_regions_and_areas_of_its_labels(tmp_path):
    mask = mask_of(imagej(tmp_path / "mask.tif", bodies(), size=0.5))
    np.testing.assert_array_equal(mask.regions, bodies())
    assert mask.pixel_size == pytest.approx(0.5)
    areas = region_areas(mask.regions, mask.grid.dx * mask.grid.dy)
    assert areas == pytest.approx([(4800 - 120 - 100) * 0.25, 120 * 0.25, 100 * 0.25])
    assert (mask.grid.width, mask.grid.length) == pytest.approx((40.0, 30.0))
    assert not mask.regions.flags.writeable


def test_labels_may_be_any_numbers_ranges_and_several(tmp_path):
    picture = np.array([[0, 3, 4], [5, 70, 3_000_000_000]], dtype=np.uint32)
    path = plain(tmp_path / "mask.tif", picture)
    mask = mask_of(path, "free=0+70, network=3-5, msc=others", pixel_size=1.0)
    np.testing.assert_array_equal(mask.regions, [[0, 2, 2], [2, 0, 1]])
    assert mask.instances == {
        Region.FREE_SURFACE: (0, 70),
        Region.MIGRASOME_NETWORK: (3, 4, 5),
        Region.MSC: (3_000_000_000,),
    }


def test_a_real_instance_mask_counts_as_numpy_counts_it():
    path = real("laptrack/example_label.tif")
    stack = tifffile.imread(path)
    for plane in (0, 5):
        mask = mask_of(path, EACH, pixel_size=0.65, planes={"Q": plane})
        numbers, sizes = np.unique(stack[plane], return_counts=True)
        assert mask.instances[Region.MSC] == tuple(numbers[1:])
        areas = region_areas(mask.regions, mask.grid.dx * mask.grid.dy)
        assert areas[Region.MSC] == pytest.approx(sizes[1:].sum() * 0.65**2)
        assert areas[Region.FREE_SURFACE] == pytest.approx(sizes[0] * 0.65**2)


def test_a_real_mask_without_calibration_or_with_an_unnamed_axis_is_refused():
    path = real("laptrack/example_label.tif")
    assert "has 6 planes along axis Q (no name). Say which with --plane Q=N, from 0 to 5" in (
        refusal(path, EACH, pixel_size=0.65)
    )
    assert "not calibrated: its file names no pixel size. Give --pixel-size" in (
        refusal(path, EACH, planes={"Q": 0})
    )
    assert "and nothing says which are which region. Give --labels free=0" in (
        refusal(path, None, pixel_size=0.65, planes={"Q": 0})
    )


@pytest.mark.parametrize("unit", ["micron", "um", "\\u00B5m"])
def test_pixel_size_is_read_from_imagej(tmp_path, unit):
    path = imagej(tmp_path / "mask.tif", bodies(), size=0.32, unit=unit)
    mask = mask_of(path)
    assert mask.pixel_size == pytest.approx(0.32, rel=1e-6)
    assert not mask.asked


def test_pixel_size_is_read_from_ome_in_its_unit(tmp_path):
    assert mask_of(ome(tmp_path / "a.ome.tif", bodies())).pixel_size == pytest.approx(0.65)
    path = ome(tmp_path / "b.ome.tif", bodies(), size=650.0, unit="nm")
    assert mask_of(path).pixel_size == pytest.approx(0.65)


def test_pixel_size_is_read_from_resolutions_in_centimetres(tmp_path):
    how = {"resolution": (20_000.0, 20_000.0), "resolutionunit": "CENTIMETER"}
    assert mask_of(plain(tmp_path / "mask.tif", bodies(), **how)).pixel_size == pytest.approx(0.5)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: plain(path, bodies()),
        lambda path: plain(path, bodies(), resolution=(72.0, 72.0), resolutionunit="INCH"),
        lambda path: plain(path, bodies(), resolution=(28.35, 28.35), resolutionunit="CENTIMETER"),
        lambda path: imagej(path, bodies(), unit="pixel"),
        lambda path: imagej(path, bodies(), unit="inch"),
        lambda path: imagej(path, bodies(), size=1.0),
        lambda path: ome(path, bodies(), size=None),
        lambda path: ome(path, bodies(), unit="pixel"),
    ],
)
def test_a_mask_that_was_never_calibrated_is_refused_unless_its_pixel_is_given(tmp_path, write):
    path = write(tmp_path / "mask.tif")
    assert f"{path}: not calibrated: " in refusal(path)
    mask = mask_of(path, pixel_size=0.65)
    assert (mask.pixel_size, mask.asked) == (0.65, True)


@pytest.mark.parametrize("dpi", [72, 300, 600, 1200])
@pytest.mark.parametrize(
    "write",
    [
        lambda path, size: plain(
            path, bodies(), resolution=(1e4 / size, 1e4 / size), resolutionunit="CENTIMETER"
        ),
        lambda path, size: imagej(path, bodies(), size=1e-4 * size, unit="cm"),
        lambda path, size: ome(path, bodies(), size=round(size, 2)),
    ],
)
def test_a_printer_s_resolution_is_no_calibration(tmp_path, write, dpi):
    path = write(tmp_path / "mask.tif", 25400.0 / dpi)
    assert f"{path}: not calibrated: " in refusal(path)
    assert "Give --pixel-size" in refusal(path)
    assert mask_of(path, pixel_size=0.65).pixel_size == 0.65
    near = write(tmp_path / "near.tif", 0.99 * 25400.0 / 1200)
    assert mask_of(near).pixel_size == pytest.approx(20.955, abs=0.01)


def test_a_file_s_own_calibration_is_never_overruled(tmp_path):
    mask = mask_of(imagej(tmp_path / "mask.tif", bodies(), size=0.5), pixel_size=0.65)
    assert (mask.pixel_size, mask.asked) == (pytest.approx(0.5), False)


def test_planes_are_chosen_by_the_names_of_axes(tmp_path):
    stack = np.stack([np.stack([bodies(), np.roll(bodies(), k, axis=1)]) for k in range(3)])
    # ImageJ's order is time, channel.
    path = imagej(tmp_path / "mask.tif", stack, axes="TCYX")
    for time, channel in ((0, 0), (2, 1), (1, 1)):
        mask = mask_of(path, planes={"T": time, "C": channel})
        np.testing.assert_array_equal(mask.regions, stack[time, channel])
    assert "3 planes along axis T (time). Say which with --plane T=N, from 0 to 2." in (
        refusal(path, planes={"C": 0})
    )
    assert "no plane 3 along axis T. Give 0 to 2." in refusal(path, planes={"T": 3, "C": 0})
    assert "has no axis Z; its axes are TCYX" in refusal(path, planes={"T": 0, "C": 0, "Z": 0})


def test_planes_of_ome_are_chosen_whatever_their_order(tmp_path):
    stack = np.zeros((2, 3, 1, 60, 80), dtype=np.uint8)
    for time in range(2):
        for depth in range(3):
            stack[time, depth, 0] = np.roll(bodies(), 3 * time + depth, axis=0)
    path = ome(tmp_path / "mask.ome.tif", stack, axes="TZCYX")
    mask = mask_of(path, planes={"T": 1, "Z": 2})
    np.testing.assert_array_equal(mask.regions, stack[1, 2, 0])


@pytest.mark.parametrize(
    ("picture", "how", "says"),
    [
        (np.zeros((8, 9, 3), np.uint8), {"photometric": "rgb"}, "is a colour picture"),
        (bodies().astype(np.float32), {}, "its pixels are float32, and labels are whole numbers"),
        (bodies().astype(np.int16) - 1, {}, "has the label -1; labels are not negative"),
        (bodies() + 1, {}, "no pixel has a label 0, which --labels names; it has 1, 2, 3"),
        (bodies() * 3, {}, "no pixel has a label 1, which --labels names; it has 0, 3, 6"),
        (np.where(bodies() == 2, 9, 1 - bodies()), {}, "no pixel has a label 2"),
        (bodies() + 2 * (bodies() == 2) * (np.arange(80) > 42), {}, "label 4 is in no region"),
    ],
)
def test_what_is_no_mask_of_these_labels_is_refused(tmp_path, picture, how, says):
    path = plain(tmp_path / "mask.tif", picture, **how)
    assert says in refusal(path, pixel_size=0.65)


def test_a_mask_of_truth_values_is_one_of_0_and_1(tmp_path):
    path = plain(tmp_path / "mask.tif", bodies() == 1)
    mask = mask_of(path, "free=0,msc=1", pixel_size=0.65)
    np.testing.assert_array_equal(mask.regions, bodies() == 1)


def test_pixels_that_are_not_square_are_refused(tmp_path):
    path = ome(tmp_path / "mask.ome.tif", bodies(), size=0.5, down=0.6)
    assert "a pixel is 0.5 wide and 0.6 high, and pixels must be square" in refusal(path)


def test_files_that_are_no_tiff_are_refused(tmp_path):
    path = tmp_path / "mask.tif"
    assert f"{path}: no such file" in refusal(path)
    path.write_bytes(b"")
    assert "is no TIFF file" in refusal(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert "is no TIFF file" in refusal(path)
    assert "is a folder" in refusal(tmp_path)
    whole = plain(tmp_path / "whole.tif", bodies(200, 200)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refusal(path, pixel_size=0.65)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' names no region's labels"),
        ("free=0,body=1", "'body=1' names no region's labels. Write REGION=LABEL with a REGION of"),
        ("free=0,msc=", "'msc=' names no region's labels"),
        ("free=0,msc=one", "'one' is no label"),
        ("free=0,msc=5-3", "'5-3' is no label"),
        ("free=0,msc=-1", "'-1' is no label"),
        ("free=0,msc=1-5,network=3", "label 3 stands twice"),
        ("free=others,msc=others", "'others' stands twice"),
        ("msc=1", "names no free surface"),
    ],
)
def test_labels_that_say_nothing_are_refused(text, says):
    with pytest.raises(InputError, match=r"^--labels: ") as caught:
        parse_labels(text)
    assert says in str(caught.value)


def test_no_label_left_for_the_others_is_refused(tmp_path):
    path = plain(tmp_path / "mask.tif", np.minimum(bodies(), 1))
    assert "so none are others" in refusal(path, "free=0,msc=1,network=others", pixel_size=0.65)


@pytest.mark.parametrize(
    ("highest", "kind"), [(255, np.uint8), (255, np.int32), (65535, np.uint16)]
)
def test_instances_up_to_the_end_of_a_type_are_warned_of(tmp_path, highest, kind):
    picture = bodies().astype(kind)
    picture[picture == 2] = highest
    path = plain(tmp_path / "mask.tif", picture)
    with pytest.warns(Sdf1FieldWarning, match=f"the highest label is {highest}, the largest"):
        mask_of(path, EACH, pixel_size=0.65)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # A class that is white in the display is no sign of clipping.
        mask_of(path, f"free=0,msc=1,network={highest}", pixel_size=0.65)
