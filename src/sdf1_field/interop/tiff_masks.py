"""Masks from TIFF files, with the calibrations of ImageJ, OME and plain TIFF."""

import logging
import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError, readable, require_file
from sdf1_field.interop.masks import LARGEST_SIDE, Labels, Mask, make_mask
from sdf1_field.interop.scales import length_factor, pixel_scale

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

_AXES = {
    "T": "time", "Z": "depth", "C": "channel", "Q": "no name", "I": "no name", "S": "colour",
}  # fmt: skip
"""Axes besides Y and X, in words."""
_CENTIMETRE = 3
"""TIFF's number of that unit of resolution."""
_PRINTED = 100.0
"""Pixel [um] from which on a resolution is that of a printer."""
_DOTS_PER_INCH = (72, 96, 100, 150, 200, 300, 400, 600, 1200)
"""Resolutions that programs write into pictures for printers and screens."""
_INCH = 25400.0
"""[um]."""
_SAME_RESOLUTION = 1e-3
"""Relative difference of resolutions that are one, in another unit and rounded."""
_SQUARE = 1e-3
"""Relative difference of a square pixel's sides."""


def read_mask(
    path: Path,
    labels: Labels | None,
    *,
    pixel_size: float | None = None,
    planes: Mapping[str, int] | None = None,
    partial: bool = False,
) -> Mask:
    """Mask from a TIFF file of whole numbers.

    Parameters
    ----------
    path : Path
    labels : Labels or None
        None for the message that says which labels there are.
    pixel_size : float, optional
        [um], for a file without one.
    planes : mapping of str to int, optional
        Which plane along each axis besides Y and X, by the axis' letter in the file, from 0.
    partial : bool
        As of `make_mask`.

    Raises
    ------
    InputError
        If it is no such file, is not calibrated, has colours, fractions or negative labels, or an
        axis of several planes of which none is chosen.
    """
    name = str(path)
    picture, unit, width = _picture(path, planes or {})
    size, asked = pixel_scale(name, unit=unit, pixel_width=width, asked=pixel_size)
    return make_mask(name, picture, labels, size, asked=asked, partial=partial)


@contextmanager
def _opened(path: Path) -> "Iterator[TiffFile]":
    """TIFF file that is open for a while; what goes wrong with it is an InputError, and no log."""
    logger = logging.getLogger("tifffile")
    disabled, logger.disabled = logger.disabled, True
    try:
        with _open(path) as file:
            _require_end(path, file)
            yield file
    except InputError:
        raise
    except Exception as error:
        if "imagecodecs" in str(error):
            raise InputError(
                f"{path}: is compressed in a way that needs the package imagecodecs. Save it "
                "without compression."
            ) from None
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}). Save the picture again.") from None
    finally:
        logger.disabled = disabled


def _open(path: Path) -> "TiffFile":
    from tifffile import TiffFile

    require_file(path)
    with readable(path):
        try:
            return TiffFile(path)
        except OSError:
            raise
        except Exception:
            # tifffile raises errors of many kinds for files that are damaged or none of its own.
            raise InputError(
                f"{path}: is no TIFF file. Save the mask as TIFF, such as with Fiji's File > Save "
                "As > Tiff."
            ) from None


def _require_end(path: Path, tif: "TiffFile") -> None:
    """Raise InputError if the pages of a file, each of which names the next, never end."""
    form, handle = tif.tiff, tif.filehandle
    seen: set[int] = set()
    handle.seek(8 if form.offsetsize == 8 else 4)
    while (next_page := handle.read(form.offsetsize)) and len(next_page) == form.offsetsize:
        (at,) = struct.unpack(form.offsetformat, next_page)
        if at == 0 or at >= handle.size:
            return
        if at in seen or len(seen) > _MOST_PAGES:
            raise InputError(f"{path}: its pages never end. Save the picture again.")
        seen.add(at)
        handle.seek(at)
        count = handle.read(form.tagnosize)
        if len(count) < form.tagnosize:
            return
        (tags,) = struct.unpack(form.tagnoformat, count)
        handle.seek(at + form.tagnosize + tags * form.tagsize)


def _picture(
    path: Path, planes: Mapping[str, int]
) -> tuple[NDArray[np.integer], str, float | None]:
    """Labels of a file, shape (row, column), and its pixel's width with the unit."""
    with _opened(path) as tif:
        if len(tif.series) != 1:
            raise InputError(
                f"{path}: holds {len(tif.series)} pictures. Save the mask in a file of its own."
            )
        series = tif.series[0]
        axes, shape = series.axes, series.shape
        if "S" in axes or axes[-2:] != "YX":
            raise InputError(
                f"{path}: is a colour picture (axes {axes}); a mask has one number for each pixel. "
                "Save the labels themselves, not their display."
            )
        kind = np.dtype(series.dtype)
        if kind.kind not in "biu":
            raise InputError(
                f"{path}: its pixels are {kind.name}, and labels are whole numbers. Save it with 8 "
                "or 16 bits, without scaling."
            )
        if max(shape[-2:]) > LARGEST_SIDE:
            raise InputError(
                f"{path}: is {shape[-1]} x {shape[-2]} pixels; masks have up to {LARGEST_SIDE} a "
                "side. Give a part of it."
            )
        if math.prod(shape[-2:]) * kind.itemsize > _LARGEST_STACK:
            raise InputError(
                f"{path}: has {shape[-1]} x {shape[-2]} pixels of {8 * kind.itemsize} bits, too "
                "many of this size. Save it with 8 or 16 bits."
            )
        place = _chosen(path, axes[:-2], shape[:-2], planes)
        picture = _plane(path, series, place)
        unit, width = _calibration(path, tif)
    if kind.kind == "b":
        picture = picture.astype(np.uint8)
    if picture.size == 0:
        raise InputError(f"{path}: has no pixels. Save the mask again.")
    if kind.kind == "i" and picture.min() < 0:
        raise InputError(
            f"{path}: has the label {picture.min()}; labels are not negative. Save it unsigned."
        )
    return picture, unit, width


def _chosen(
    path: Path, axes: str, shape: tuple[int, ...], planes: Mapping[str, int]
) -> tuple[int, ...]:
    """Index along each axis besides Y and X."""
    for axis in planes:
        if axis not in axes:
            raise InputError(
                f"--plane: {path} has no axis {axis}; its axes are {axes}YX. Omit it, or correct "
                "it."
            )
    place = []
    for axis, size in zip(axes, shape, strict=True):
        if axis not in planes and size > 1:
            raise InputError(
                f"{path}: has {size} planes along axis {axis} ({_AXES.get(axis, 'no name')}). Say "
                f"which with --plane {axis}=N, from 0 to {size - 1}."
            )
        at = planes.get(axis, 0)
        if not 0 <= at < size:
            raise InputError(
                f"--plane: {path} has no plane {at} along axis {axis}. Give 0 to {size - 1}."
            )
        place.append(at)
    return tuple(place)


_MOST_PAGES = 200_000
"""Pages of a file."""
_LARGEST_STACK = 1 << 30
"""Of a plane, or of several that cannot be read one by one [bytes]."""


def _plane(path: Path, series: "TiffPageSeries", place: tuple[int, ...]) -> NDArray[np.integer]:
    """One plane of a stack, read alone if the file keeps it alone."""
    leading = series.shape[:-2]
    if not place:
        return np.asarray(series.asarray())
    if len(series.pages) == math.prod(leading):
        page = series.pages[int(np.ravel_multi_index(place, leading))]
        if page is not None and page.shape == series.shape[-2:]:
            return np.asarray(page.asarray())
    size = math.prod(series.shape) * series.dtype.itemsize
    if size > _LARGEST_STACK:
        raise InputError(
            f"{path}: its planes have to be read together, and they have {size / 1e9:,.1f} GB. "
            "Save the one of the mask alone."
        )
    return np.asarray(series.asarray()[place])


def _calibration(path: Path, tif: "TiffFile") -> tuple[str, float | None]:
    """Unit and width of a pixel; no width where the file has none."""
    if tif.is_ome:
        unit, sizes = _of_ome(tif.ome_metadata or "")
    else:
        unit, sizes = _of_tags(tif)
    if sizes is None:
        return unit, None
    if abs(sizes[0] - sizes[1]) > _SQUARE * max(sizes):
        raise InputError(
            f"{path}: a pixel is {sizes[0]:g} wide and {sizes[1]:g} high, and pixels must be "
            "square. Scale the picture, or correct its calibration."
        )
    return _printer(sizes[0] * (length_factor(unit) or math.nan)) or unit, sizes[0]


def _printer(size: float) -> str:
    """Whose unit a pixel [um] is that has a printer's resolution; else empty."""
    for dots in _DOTS_PER_INCH:
        if abs(size * dots / _INCH - 1.0) < _SAME_RESOLUTION:
            return f"dots of a printer or screen ({dots} dpi)"
    return ""


def _of_ome(text: str) -> tuple[str, tuple[float, float] | None]:
    from defusedxml.ElementTree import fromstring

    for element in fromstring(text).iter():
        if element.tag.rpartition("}")[2] == "Pixels":
            unit = element.get("PhysicalSizeXUnit", "µm")
            sizes = [element.get(f"PhysicalSize{axis}") for axis in "XY"]
            if None in sizes or unit != element.get("PhysicalSizeYUnit", "µm"):
                return unit, None
            across, down = (float(size) for size in sizes)
            return unit, (across, down) if min(across, down) > 0.0 else None
    return "", None


def _of_tags(tif: "TiffFile") -> tuple[str, tuple[float, float] | None]:
    """Calibration in ImageJ's description or in TIFF's tags; one in inches is a printer's."""
    tags = tif.pages.first.tags
    sizes = []
    for key in ("XResolution", "YResolution"):
        tag = tags.get(key)
        pixels, per = (0, 0) if tag is None else tag.value
        sizes.append(per / pixels if pixels > 0 and per > 0 else math.nan)
    if not all(map(math.isfinite, sizes)):
        return "", None
    if tif.is_imagej:
        unit = str((tif.imagej_metadata or {}).get("unit", ""))
        return unit, (sizes[0], sizes[1])
    unit_tag = tags.get("ResolutionUnit")
    if unit_tag is not None and int(unit_tag.value) == _CENTIMETRE and 1e4 * sizes[0] < _PRINTED:
        return "cm", (sizes[0], sizes[1])
    return "", None
