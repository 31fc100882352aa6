"""Pictures and arrays as patterns, and their means over a grid's cells."""

import tracemalloc

import numpy as np
import pytest
from matplotlib.image import imsave
from PIL import Image

from sdf1_field.errors import InputError
from sdf1_field.images import patterns, read_pattern, remembered_pattern, resampled
from sdf1_field.spec import load_model


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
    assert read_pattern(tmp_path / "corner.png").brightness() == pytest.approx(expected)


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
    assert mask.brightness().tolist() == [[0.0, 1.0]]


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


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "cannot be read as a pattern"),
        (b"PK\x03\x04" + bytes(60), "cannot be read as a pattern"),
        (b"\x93NUMPY\x01\x00\x06\x00{((((", "cannot be read as a pattern"),
    ],
    ids=["empty", "zip", "header"],
)
def test_a_file_that_is_no_array_is_refused(tmp_path, content, text):
    (tmp_path / "pattern.npy").write_bytes(content)
    with pytest.raises(InputError, match=text):
        read_pattern(tmp_path / "pattern.npy")


def test_an_array_of_objects_is_refused_and_not_run(tmp_path):
    class Touches:
        def __reduce__(self):
            return open, (str(tmp_path / "touched"), "w")

    np.save(tmp_path / "pattern.npy", np.array([[Touches()]], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read as a pattern"):
        read_pattern(tmp_path / "pattern.npy")
    assert not (tmp_path / "touched").exists()


def test_a_shape_larger_than_any_picture_or_than_its_file_is_refused(tmp_path):
    path = stored(tmp_path, np.zeros((2, 2), dtype=np.uint8))
    content = path.read_bytes()
    for shape, text in (
        (b"(90000, 90000)", "has 8,100,000,000 pixels"),
        (b"(200, 200), }", "cannot be read"),
    ):
        padding = b" " * (len(shape) - len(b"(2, 2)"))
        path.write_bytes(content.replace(b"(2, 2)", shape, 1).replace(padding, b"", 1))
        with pytest.raises(InputError, match=text):
            read_pattern(path)


def test_a_pattern_stays_as_it_was_when_the_model_was_loaded(tmp_path):
    path = stored(tmp_path, np.eye(4))
    first = remembered_pattern(path, anew=True)
    stored(tmp_path, np.zeros((4, 4)))
    assert remembered_pattern(path) is first
    assert remembered_pattern(path).share(2, 2).tolist() == [[0.5, 0.0], [0.0, 0.5]]
    anew = remembered_pattern(path, anew=True)
    assert anew.sha256 != first.sha256
    assert not anew.share(2, 2).any()


def dense_means(image, ny, nx):
    """Means over cells from the overlap of every cell with every pixel."""
    shares = []
    for cells, pixels in zip((ny, nx), image.shape, strict=True):
        cell, pixel = np.linspace(0.0, 1.0, cells + 1), np.linspace(0.0, 1.0, pixels + 1)
        upper = np.minimum(cell[1:, None], pixel[None, 1:])
        lower = np.maximum(cell[:-1, None], pixel[None, :-1])
        shares.append(np.maximum(upper - lower, 0.0) * cells)
    return shares[0] @ image @ shares[1].T


@pytest.mark.parametrize(
    ("rows", "columns", "ny", "nx"), [(1, 1, 3, 2), (40, 31, 7, 11), (900, 1100, 60, 70)]
)
def test_pictures_of_one_part_have_the_bits_of_the_whole_overlaps(tmp_path, rows, columns, ny, nx):
    fine = np.random.default_rng(0).random((rows, columns))
    share = read_pattern(stored(tmp_path, fine)).share(ny, nx)
    assert share.tobytes() == dense_means(fine, ny, nx).tobytes()


@pytest.mark.parametrize(("rows", "columns", "ny", "nx"), [(2500, 30, 25, 3), (3, 25_000, 2, 41)])
def test_large_pictures_are_averaged_in_parts(tmp_path, rows, columns, ny, nx):
    fine = np.random.default_rng(0).random((rows, columns))
    pattern = read_pattern(stored(tmp_path, fine))
    assert pattern.share(ny, nx) == pytest.approx(dense_means(fine, ny, nx), rel=1e-12)


def test_parts_are_rows_and_columns(tmp_path, monkeypatch):
    monkeypatch.setattr(patterns, "_ROWS", 5)
    monkeypatch.setattr(patterns, "_COLUMNS", 4)
    fine = np.random.default_rng(0).random((13, 11))
    pattern = read_pattern(stored(tmp_path, fine))
    assert pattern.share(3, 5) == pytest.approx(dense_means(fine, 3, 5), rel=1e-12)


def saved(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def test_a_long_picture_takes_no_more_memory_than_its_parts(tmp_path):
    pattern = read_pattern(saved(tmp_path / "long.png", np.eye(3, 100_000, dtype=np.uint8)))
    tracemalloc.start()
    try:
        pattern.share(2, 400)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("rows", "columns"), [(1, 30_000_000), (100_001, 1)])
def test_a_picture_with_a_side_longer_than_any_dish_is_refused(tmp_path, rows, columns):
    path = saved(tmp_path / "long.png", np.zeros((rows, columns), dtype=np.uint8))
    says = f"has a side of {max(rows, columns):,} pixels, and a pattern has 100,000 at most"
    with pytest.raises(InputError, match=says):
        read_pattern(path)


@pytest.mark.slow
def test_a_picture_of_ten_thousand_pixels_a_side_is_averaged_in_bounded_memory(
    tmp_path, monkeypatch
):
    # As much memory is asked for, though not used, as the largest file has bytes.
    monkeypatch.setattr(patterns, "_MOST_BYTES", 2**24)
    mosaic = np.kron(np.eye(10, dtype=np.uint8), np.full((1000, 1000), 255, dtype=np.uint8))
    path = saved(tmp_path / "large.png", mosaic)
    tracemalloc.start()
    try:
        share = read_pattern(path).share(20, 20)
        # The pixels twice over, and one part as floating-point numbers.
        assert tracemalloc.get_traced_memory()[1] < 400e6
    finally:
        tracemalloc.stop()
    expected = np.kron(np.eye(10)[::-1], np.ones((2, 2)))
    assert share == pytest.approx(expected, abs=1e-9)


def test_a_pattern_that_memory_runs_out_for_is_named(tmp_path, monkeypatch):
    path = saved(tmp_path / "own.png", np.eye(3, dtype=np.uint8))

    def exhausted(*_, **__):
        raise MemoryError

    for step in ("read_file", "_picture", "_parts"):
        with monkeypatch.context() as patched:
            patched.setattr(patterns, step, exhausted)
            with pytest.raises(InputError, match=r"own\.png: takes more memory than there is"):
                read_pattern(path)


def test_a_pattern_with_gaps_is_refused_when_the_model_is_checked(tmp_path):
    path = stored(tmp_path, np.array([[0.0, np.nan]]))
    with pytest.raises(InputError, match=r"pattern\.npy: a pattern's values are from 0"):
        load_model("coculture-kg1a", settings=[f"ligand.sdf1.coat.pattern={path}"])
