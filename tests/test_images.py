"""Pictures and arrays as patterns, and their means over a grid's cells."""

import numpy as np
import pytest
from matplotlib.image import imsave

from sdf1_field.errors import InputError
from sdf1_field.images import read_pattern, resampled


def stored(folder, values):
    np.save(folder / "pattern.npy", values)
    return folder / "pattern.npy"


def test_a_picture_begins_at_the_far_wall_and_its_colours_are_averaged(tmp_path):
    picture = np.zeros((4, 6, 3), dtype=np.uint8)
    picture[0, :3] = 255
    picture[3, 5] = (255, 0, 0)
    imsave(tmp_path / "corner.png", picture)
    expected = np.zeros((4, 6))
    expected[3, :3], expected[0, 5] = 1.0, 1 / 3
    assert read_pattern(tmp_path / "corner.png") == pytest.approx(expected)


def test_an_array_is_averaged_over_the_cells():
    fine = np.random.default_rng(0).random((40, 90))
    assert resampled(fine, 20, 30) == pytest.approx(fine.reshape(20, 2, 30, 3).mean(axis=(1, 3)))
    assert resampled(fine, 7, 11).mean() == pytest.approx(fine.mean())
    assert resampled(np.array([[1.0, 0.25]]), 2, 3) == pytest.approx(
        np.array([[1.0, 0.625, 0.25]] * 2)
    )


@pytest.mark.parametrize("kind", ["bool", "int64", "uint8", "uint16", "float32"])
def test_a_mask_is_a_mask_whatever_its_type(tmp_path, kind):
    brightest = {"uint8": 255, "uint16": 65535}.get(kind, 1)
    mask = read_pattern(stored(tmp_path, np.array([[0, brightest]]).astype(kind)))
    assert mask.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.array([[0.0, 1.5]]), "from 0"),
        (np.array([[0.0, np.nan]]), "from 0"),
        (np.zeros(5), "not a flat picture"),
        (np.zeros((2, 2), dtype=complex), "cannot be read as a pattern"),
    ],
)
def test_an_array_that_is_no_pattern_is_refused(tmp_path, values, text):
    with pytest.raises(InputError, match=text):
        read_pattern(stored(tmp_path, values))


@pytest.mark.parametrize("name", ["wrong.npy", "wrong.png"])
def test_a_file_that_is_no_picture_is_refused(tmp_path, name):
    (tmp_path / name).write_text("no picture")
    with pytest.raises(InputError, match="cannot be read as a pattern"):
        read_pattern(tmp_path / name)
