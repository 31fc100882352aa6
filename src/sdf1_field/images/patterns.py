"""Patterns of coats as arrays, and their means over the cells of a grid.

Rows of an array run along y from y = 0; picture files begin at the top, that is at the largest y.
"""

import functools
import hashlib
import io
import itertools
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError, read_file

Array = NDArray[np.float64]

_BRIGHTEST = {"uint8": 255.0, "uint16": 65535.0}
_MODES = {"1": 1.0, "L": 255.0, "I": 65535.0, "I;16": 65535.0}
"""Brightest value of pictures of one channel, by Pillow's name of their kind."""
_MOST_BYTES, _MOST_PIXELS = 1 << 30, 120_000_000
"""Of a file; and of a picture, a little over 10,000 x 10,000."""
_LONGEST_SIDE = 100_000
"""Pixels of a picture's side: 10 mm at 0.1 um."""
_ROWS, _COLUMNS = 1024, 10_240
"""Of a part that is held as floating-point numbers at a time."""
_KEPT = 4
"""Decoded patterns that are remembered."""


@dataclass(frozen=True, eq=False)
class Pattern:
    """A decoded pattern.

    Parameters
    ----------
    pixels : ndarray, shape (row, column) or (row, column, colour)
        As stored; the first row at y = 0.
    brightest : float
        Value that is fully coated.
    precision : type
        Of the division by it: single for pictures, as Matplotlib reads them.
    sha256 : str
        Of the file.
    """

    pixels: NDArray[Any]
    brightest: float
    precision: type[np.floating[Any]]
    sha256: str

    def brightness(self, rows: slice = slice(None), columns: slice = slice(None)) -> Array:
        """Brightness from 0 to 1 of a part, colours averaged, shape (row, column)."""
        part = self.pixels[rows, columns]
        scaled = np.divide(part, self.brightest, dtype=self.precision).astype(float)
        return scaled if scaled.ndim == 2 else np.asarray(scaled.mean(axis=2))

    def share(self, ny: int, nx: int) -> Array:
        """Mean over each cell of a grid that covers the same rectangle, shape (ny, nx)."""
        return _share(self, ny, nx)


def read_pattern(path: Path) -> Pattern:
    """Read a pattern as brightness from 0 to 1.

    Parameters
    ----------
    path : pathlib.Path
        A PNG picture, colours being averaged, or an array saved by NumPy, whose 8- and 16-bit
        values are scaled to 1 and whose other values are taken as they are.

    Returns
    -------
    Pattern

    Raises
    ------
    InputError
        If the file cannot be read, is not two-dimensional, has values outside 0 to 1, or is too
        large.
    """
    try:
        return _read_pattern(path)
    except MemoryError:
        raise InputError(
            f"{path}: takes more memory than there is. Give a coarser picture."
        ) from None


def _read_pattern(path: Path) -> Pattern:
    content = read_file(path, most=_MOST_BYTES)
    unreadable = InputError(
        f"{path}: cannot be read as a pattern. Give a PNG picture, or an array saved by NumPy."
    )
    try:
        stored = path.suffix == ".npy"
        pixels, brightest = (_stored if stored else _picture)(path, content)
    except (InputError, MemoryError):
        raise
    except Exception:
        # NumPy and Pillow raise errors of many kinds for files that are damaged.
        raise unreadable from None
    if (pixels.ndim != 2 and (stored or pixels.ndim != 3)) or not pixels.size:
        raise InputError(f"{path}: not a flat picture. Give one value for each place.")
    pattern = Pattern(
        pixels, brightest, np.float64 if stored else np.float32,
        hashlib.sha256(content).hexdigest(),
    )  # fmt: skip
    for rows, columns in _parts(pixels):
        part = pattern.brightness(rows, columns)
        if not (np.isfinite(part).all() and part.min() >= 0.0 and part.max() <= 1.0):
            raise InputError(
                f"{path}: a pattern's values are from 0 (bare) to 1 (coated). Scale them."
            )
    return pattern


def _stored(path: Path, content: bytes) -> tuple[NDArray[Any], float]:
    """Array that NumPy saved, without pickled objects, and its brightest value."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, by_columns, kind = read(stream)
    if kind.kind not in "biuf":
        raise TypeError
    count = math.prod(shape)
    _require_modest(path, *shape)
    pixels = np.frombuffer(content, kind, count, stream.tell()) if count else np.empty(0, kind)
    return pixels.reshape(shape, order="F" if by_columns else "C"), _BRIGHTEST.get(kind.name, 1.0)


def _picture(path: Path, content: bytes) -> tuple[NDArray[Any], float]:
    """Pixels of a PNG picture, and their brightest value."""
    # Past `PIL.Image.open`, which warns of large pictures instead of refusing them.
    from PIL.PngImagePlugin import PngImageFile

    with PngImageFile(io.BytesIO(content)) as image:
        _require_modest(path, image.height, image.width)
        image.load()
        brightest = _MODES.get(image.mode)
        # In strips, so that the whole is not held three times over.
        strips = (
            image.crop((0, b.start, image.width, b.stop)) for b in _blocks(image.height, _ROWS)
        )
        parts = [np.asarray(strip if brightest else strip.convert("RGB")) for strip in strips]
    return np.concatenate(parts)[::-1], brightest or _BRIGHTEST["uint8"]


def _require_modest(path: Path, *sides: int) -> None:
    count = math.prod(sides)
    if count > _MOST_PIXELS:
        raise InputError(
            f"{path}: has {count:,} pixels, and a pattern has {_MOST_PIXELS:,} at most. Make it "
            "coarser."
        )
    if max(sides, default=0) > _LONGEST_SIDE:
        raise InputError(
            f"{path}: has a side of {max(sides):,} pixels, and a pattern has {_LONGEST_SIDE:,} at "
            "most. Make it coarser."
        )


class _Memory:
    """Decoded patterns by path; what was read when a model was loaded stays as it was."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.digests: dict[Path, tuple[tuple[int, int, int], str]] = {}
        self.patterns: dict[Path, Pattern] = {}

    def pattern(self, path: Path, *, anew: bool) -> Pattern:
        with self.lock:
            state, digest = self.digests.get(path, (None, None))
            if anew and path.exists() and _state(path) != state:
                self.patterns.pop(path, None)
                state, digest = None, None
            if path not in self.patterns:
                before = _state(path) if path.exists() else (0, 0, 0)
                read = read_pattern(path)
                if digest is not None and read.sha256 != digest:
                    raise InputError(
                        f"{path}: has changed since the model was loaded. Load it again."
                    )
                self.digests[path] = before, read.sha256
                self.patterns[path] = read
            while len(self.patterns) > _KEPT:
                del self.patterns[next(iter(self.patterns))]
            return self.patterns[path]


def _state(path: Path) -> tuple[int, int, int]:
    """What changes when a file does."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


_MEMORY = _Memory()


def remembered_pattern(path: Path, *, anew: bool = False) -> Pattern:
    """Pattern as it was when a model that names it was last loaded.

    Parameters
    ----------
    path : pathlib.Path
    anew : bool
        Read it again if the file has changed, as when a model is loaded.

    Raises
    ------
    InputError
        As `read_pattern`.
    """
    return _MEMORY.pattern(path, anew=anew)


def _blocks(pixels: int, most: int) -> list[slice]:
    return [slice(begin, min(begin + most, pixels)) for begin in range(0, pixels, most)]


def _parts(pixels: NDArray[Any]) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of one part after the other."""
    rows, columns = pixels.shape[:2]
    return itertools.product(_blocks(rows, _ROWS), _blocks(columns, _COLUMNS))


@functools.lru_cache(maxsize=8)
def _share(pattern: Pattern, ny: int, nx: int) -> Array:
    rows, columns = pattern.pixels.shape[:2]
    shares = np.zeros((ny, nx))
    for along_y, along_x in _parts(pattern.pixels):
        weights = _overlaps(ny, rows, along_y), _overlaps(nx, columns, along_x).T
        shares += weights[0] @ pattern.brightness(along_y, along_x) @ weights[1]
    shares.flags.writeable = False
    return shares


def resampled(image: Array, ny: int, nx: int) -> Array:
    """Area-weighted mean of an image over each cell of a grid that covers the same rectangle.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
    ny, nx : int
        Cells in y and x.

    Returns
    -------
    ndarray, shape (ny, nx)

    Examples
    --------
    >>> resampled(np.array([[0.0, 1.0]]), 1, 4)
    array([[0., 0., 1., 1.]])
    """
    rows, columns = image.shape
    means: Array = (
        _overlaps(ny, rows, slice(rows)) @ image @ _overlaps(nx, columns, slice(columns)).T
    )
    return means


def _overlaps(cells: int, pixels: int, part: slice) -> Array:
    """Share of each cell that lies in each pixel of a part, shape (cells, pixels of the part)."""
    cell, pixel = np.linspace(0.0, 1.0, cells + 1), np.linspace(0.0, 1.0, pixels + 1)
    shares: Array = np.minimum(cell[1:, None], pixel[None, 1:][:, part])
    shares -= np.maximum(cell[:-1, None], pixel[None, :-1][:, part])
    np.maximum(shares, 0.0, out=shares)
    shares *= cells
    return shares
