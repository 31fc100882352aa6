"""Files of drawn scenes, as `sdf1-field scene` makes them: the floor of a dish, pixel by pixel.

Rows of the picture run along y from y = 0, as in the image that it was made from.
"""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError, replaced_when_whole, require_file

if TYPE_CHECKING:
    import netCDF4

Array = NDArray[np.float64]

SCENE_FORMAT = "sdf1-field scene 1"
FREE, NETWORK = -1, -2
"""Pixels of free surface and of the network; those of bodies hold the body's number."""
_FAMILY = SCENE_FORMAT.rpartition(" ")[0]
_FEW = np.iinfo(np.int16).max
_COMPRESSION: Final = 1
_MOST_PIXELS: Final = 8192**2
_MOST_MIGRASOMES: Final = 1_000_000
"""The whole well that is shipped has 58,000."""
_MOST_BYTES: Final = 4 * _MOST_PIXELS + 3 * 8 * _MOST_MIGRASOMES
"""Decoded; the largest scene has as many."""
_MOST_CHUNKS: Final = 100_000
"""Of a variable; each takes time, however few values it has."""
_ROWS: Final = 256
"""Rows whose pixels are counted at a time."""
_MIGRASOMES: Final = ("migrasome_x", "migrasome_y", "migrasome_radius")
_REMEDY = "Make it with `sdf1-field scene`."


@dataclass(frozen=True, eq=False)
class DrawnScene:
    """A dish as segmented in an image.

    Parameters
    ----------
    pixels : ndarray of int32, shape (row, column)
        Number of the body there, `FREE` or `NETWORK`.
    pixel_size : float
        Side of a square pixel [um].
    x, y, radius : ndarray, shape (migrasome,), or None
        Migrasomes that were seen [um], the radius NaN where it was not measured; None if they were
        not looked for.
    source, sha256 : str
        Name of the image's file and digest of its content.
    labels : str
        Which labels of the image are which region.
    spots, spots_sha256 : str
        The same of the file of migrasomes; empty without one.
    """

    pixels: NDArray[np.int32]
    pixel_size: float
    x: Array | None = None
    y: Array | None = None
    radius: Array | None = None
    source: str = ""
    sha256: str = ""
    labels: str = ""
    spots: str = ""
    spots_sha256: str = ""


@dataclass(frozen=True)
class Extent:
    """Size of a drawn scene, known without its pixels.

    Parameters
    ----------
    rows, columns : int
        Of its picture.
    pixel_size : float
        [um].
    bodies : int
    network_pixels : int
    migrasomes : int or None
        None if they were not looked for.
    """

    rows: int
    columns: int
    pixel_size: float
    bodies: int
    network_pixels: int
    migrasomes: int | None

    @property
    def width(self) -> float:
        """Extent in x [um]."""
        return self.columns * self.pixel_size

    @property
    def length(self) -> float:
        """Extent in y [um]."""
        return self.rows * self.pixel_size


def write_scene(path: Path, scene: DrawnScene, *, program: str) -> None:
    """Write a file of a drawn scene, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
    scene : DrawnScene
    program : str
        Name and version of the program, to be recorded.

    Raises
    ------
    InputError
        If it cannot be written, or has more migrasomes than are read.
    """
    if scene.x is not None and len(scene.x) > _MOST_MIGRASOMES:
        raise InputError(
            f"{scene.spots or path}: has {len(scene.x):,} migrasomes, and a scene has "
            f"{_MOST_MIGRASOMES:,} at most. Give a part of the picture."
        )
    # Models without a drawn scene are checked without this library.
    import netCDF4

    try:
        with replaced_when_whole(path) as partial, netCDF4.Dataset(partial, "w") as file:
            _write(file, scene, program)
    except RuntimeError as error:
        raise InputError(f"{path}: cannot be written ({error}). Choose another place.") from None


def _write(file: "netCDF4.Dataset", scene: DrawnScene, program: str) -> None:
    rows, columns = scene.pixels.shape
    bodies = int(scene.pixels.max()) + 1
    file.setncatts(
        {
            "Conventions": "CF-1.11",
            "title": f"Scene drawn from {scene.source}",
            "format": SCENE_FORMAT,
            "source": program,
            "image": scene.source,
            "image_sha256": scene.sha256,
            "labels": scene.labels,
            "migrasomes": scene.spots,
            "migrasomes_sha256": scene.spots_sha256,
            "pixel_size": scene.pixel_size,
            "bodies": np.int64(bodies),
            "network_pixels": np.int64(np.count_nonzero(scene.pixels == NETWORK)),
        }
    )
    for axis, count in (("y", rows), ("x", columns)):
        file.createDimension(axis, count)
        centres = file.createVariable(axis, "f8", (axis,))
        centres.setncatts({"long_name": f"{axis} of pixels' centres", "units": "um"})
        centres[:] = (np.arange(count) + 0.5) * scene.pixel_size
    pixels = file.createVariable(
        "pixels", "i2" if bodies <= _FEW else "i4", ("y", "x"), compression="zlib",
        complevel=_COMPRESSION, shuffle=True,
    )  # fmt: skip
    pixels.setncatts(
        {
            "long_name": "number of the body on a pixel",
            "comment": f"{FREE}: free surface, {NETWORK}: migrasome network",
        }
    )
    pixels[:] = scene.pixels
    if scene.x is None or scene.y is None or scene.radius is None:
        return
    file.createDimension("migrasome", len(scene.x))
    for name, values in (("x", scene.x), ("y", scene.y), ("radius", scene.radius)):
        made = file.createVariable(f"migrasome_{name}", "f8", ("migrasome",), fill_value=np.nan)
        made.setncatts({"long_name": f"migrasome: {name}", "units": "um"})
        made[:] = values


def read_scene(path: Path) -> DrawnScene:
    """Read a file of a drawn scene.

    Raises
    ------
    InputError
        If it is none, or is damaged or of another version.
    """
    with _opened(path) as file:
        _require_modest(file)
        pixels = file["pixels"][:].astype(np.int32, copy=False)
        seen = "migrasome_x" in file.variables
        x, y, radius = (file[name][:].astype(float) if seen else None for name in _MIGRASOMES)
        size = _pixel_size(file)
        if not NETWORK <= pixels.min() <= pixels.max() < pixels.size:
            raise IndexError
        # A body without a pixel would have no place.
        has_pixel = np.zeros(int(pixels.max()) + 1, dtype=bool)
        for begin in range(0, len(pixels), _ROWS):
            part = pixels[begin : begin + _ROWS]
            has_pixel[part[part >= 0]] = True
        if len(has_pixel) != file.bodies or not has_pixel.all():
            raise IndexError
        if x is not None and y is not None and radius is not None:
            rows, columns = pixels.shape
            # Comparisons with NaN are false; a radius may be NaN.
            within = (x >= 0.0) & (x <= columns * size) & (y >= 0.0) & (y <= rows * size)
            if not (within.all() and np.all(np.isnan(radius) | (radius > 0.0) & (radius < np.inf))):
                raise IndexError
        return DrawnScene(
            pixels,
            size,
            x,
            y,
            radius,
            source=file.image,
            sha256=file.image_sha256,
            labels=file.labels,
            spots=file.migrasomes,
            spots_sha256=file.migrasomes_sha256,
        )


def read_extent(path: Path) -> Extent:
    """Read the size of a drawn scene alone; raises as `read_scene`."""
    with _opened(path) as file:
        _require_modest(file)
        rows, columns = file["pixels"].shape
        migrasomes = len(file.dimensions["migrasome"]) if "migrasome_x" in file.variables else None
        return Extent(
            rows, columns, _pixel_size(file), int(file.bodies), int(file.network_pixels),
            migrasomes,
        )  # fmt: skip


def _require_modest(file: "netCDF4.Dataset") -> None:
    """Raise ValueError, before anything is decoded, if a file declares more than a scene has."""
    pixels = file["pixels"]
    if pixels.ndim != 2 or str(pixels.dtype) not in ("int16", "int32"):
        raise ValueError
    if not 0 < pixels.size <= _MOST_PIXELS:
        raise ValueError
    seen = [file[name] for name in _MIGRASOMES] if "migrasome_x" in file.variables else []
    for values in seen:
        if str(values.dtype) not in ("float32", "float64") or values.dimensions != ("migrasome",):
            raise ValueError
        if values.size > _MOST_MIGRASOMES:
            raise ValueError
    # A chunk is decoded whole, and may be larger than what it is a chunk of.
    held = 0
    for values in (pixels, *seen):
        chunking = values.chunking()
        chunk = values.shape if chunking == "contiguous" else chunking
        held += max(values.size, math.prod(chunk)) * values.dtype.itemsize
        sides = zip(values.shape, chunk, strict=True)
        if math.prod(math.ceil(side / max(own, 1)) for side, own in sides) > _MOST_CHUNKS:
            raise ValueError
    if held > _MOST_BYTES:
        raise ValueError


def _pixel_size(file: "netCDF4.Dataset") -> float:
    size = float(file.pixel_size)
    if not 0.0 < size < np.inf:
        raise IndexError
    return size


@contextlib.contextmanager
def _opened(path: Path) -> Iterator["netCDF4.Dataset"]:
    """File of a drawn scene that is open for a while; what goes wrong with it is an InputError."""
    import netCDF4

    require_file(path, most=2 * _MOST_BYTES, remedy=_REMEDY)
    try:
        file = netCDF4.Dataset(path)
    except (OSError, RuntimeError):
        raise InputError(f"{path}: is no file of a drawn scene. {_REMEDY}") from None
    with contextlib.closing(file):
        file.set_auto_mask(False)
        try:
            name = str(file.__dict__.get("format", ""))
        except (AttributeError, RuntimeError):
            name = ""
        if name.startswith(f"{_FAMILY} ") and name != SCENE_FORMAT:
            raise InputError(
                f"{path}: is of another version ({name}); this one reads {SCENE_FORMAT}. "
                "Make it again with `sdf1-field scene`."
            )
        if name != SCENE_FORMAT:
            raise InputError(f"{path}: is no file of a drawn scene. {_REMEDY}")
        try:
            yield file
        except MemoryError:
            raise InputError(
                f"{path}: takes more memory than there is. Draw it from a coarser picture."
            ) from None
        except (OSError, RuntimeError, ValueError, AttributeError, LookupError, TypeError):
            raise InputError(
                f"{path}: damaged, or not as `sdf1-field scene` makes it. Make it again."
            ) from None
