"""ImageJ's regions of interest: points as cells, and outlines as regions of a picture."""

import io
import math
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError, read_file
from sdf1_field.interop.masks import LARGEST_SIDE, REGION_NAMES, REST, Mask, label_parts
from sdf1_field.interop.scales import pixel_scale
from sdf1_field.scene import Region

if TYPE_CHECKING:
    from roifile import ImagejRoi

Array = NDArray[np.float64]

_ROI, _ZIP = b"Iout", b"PK\x03\x04"
"""Beginnings of a single region of interest, and of a set of them."""


def is_roi(begin: bytes) -> bool:
    """Whether a file that begins so is one or several of ImageJ's regions of interest."""
    return begin.startswith((_ROI, _ZIP))


def read_outlines(
    path: Path,
    labels: str | None,
    *,
    image_size: tuple[int, int] | None,
    pixel_size: float | None,
    partial: bool = False,
) -> Mask:
    """Mask from outlines of ImageJ: polygons, freehand ones, ovals, rectangles and composites.

    A pixel is within an outline if its centre is; where outlines overlap it belongs to a body
    rather than to a network, and to the later of two.

    Parameters
    ----------
    path : Path
    labels : str or None
        Which names are which region, such as ``msc=MSC*,network=net*``; ``*`` and ``?`` stand for
        any text and letter.
    image_size : tuple of int or None
        Columns and rows of the picture that was outlined.
    pixel_size : float or None
        Its pixel [um].
    partial : bool
        Whether names may have no outline, for `require_labels` of several masks.

    Raises
    ------
    InputError
        If the file has no outlines, an outline has no region, is outside of the picture or covers
        no pixel, or the picture's size is not given.
    """
    if image_size is None:
        raise InputError(
            f"{path}: outlines do not say how large their picture is. Give --image-size, such as "
            "1024x1024."
        )
    size, asked = pixel_scale(str(path), unit="", pixel_width=None, asked=pixel_size)
    columns, rows = image_size
    if not 0 < min(image_size) <= max(image_size) <= LARGEST_SIDE:
        raise InputError(
            f"--image-size: {columns}x{rows} pixels are no picture; it has 1 to {LARGEST_SIDE} a "
            "side. Correct it."
        )
    rois = read_rois(path)
    missing: list[str] | None = [] if partial else None
    region_of = _regions_by_name(path, [name for name, _ in rois], labels, missing)
    picture = np.zeros((rows, columns), dtype=np.int32)
    order = (Region.FREE_SURFACE, Region.MIGRASOME_NETWORK, Region.MSC)
    for n in sorted(range(len(rois)), key=lambda n: order.index(region_of[n])):
        name, roi = rois[n]
        parts = [np.asarray(part, dtype=float) for part in _courses(path, name, roi)]
        places = np.concatenate(parts)
        low, high = places.min(axis=0), places.max(axis=0)
        # Comparisons with NaN are false.
        if not (low.min() >= 0.0 and high[0] <= columns and high[1] <= rows):
            raise InputError(
                f"{path}: '{name}' reaches from ({low[0]:g}, {low[1]:g}) to ({high[0]:g}, "
                f"{high[1]:g}), outside of {columns} x {rows} pixels. Correct --image-size, or the "
                "outline."
            )
        if sum(np.abs(np.diff(part[:, 1])).sum() for part in parts) > _LONGEST_OUTLINE:
            raise InputError(
                f"{path}: '{name}' goes up and down more than any outline. Draw it again."
            )
        fill(picture, parts, n + 1)
    regions = np.zeros(picture.shape, dtype=np.uint8)
    table = np.array([Region.FREE_SURFACE, *region_of], dtype=np.uint8)
    np.take(table, picture, out=regions)
    regions.setflags(write=False)
    there = np.bincount(picture.ravel(), minlength=len(rois) + 1)[1:] > 0
    for (name, _), found in zip(rois, there, strict=True):
        if not found:
            raise InputError(
                f"{path}: '{name}' has no pixel's centre within it, or only such as other outlines "
                "have too. Remove it, or draw it larger."
            )
    instances = {
        region: tuple(n + 1 for n, own in enumerate(region_of) if own == region)
        for region in dict.fromkeys((Region.FREE_SURFACE, *region_of))
    }
    return Mask(
        str(path), regions, size, instances, picture, asked, outlined=True,
        missing=tuple(missing or ()),
    )  # fmt: skip


def _regions_by_name(
    path: Path, names: list[str], labels: str | None, missing: list[str] | None
) -> list[Region]:
    """Region of each outline; names that have none are added to a list, if there is one."""
    shown = ", ".join(names[:_LISTED]) + (" ..." if len(names) > _LISTED else "")
    example = "msc=MSC*,network=net*"
    if labels is None:
        raise InputError(
            f"{path}: has {len(names)} outlines ({shown}), and nothing says which are which "
            f"region. Give --labels by their names, such as {example}."
        )
    found: list[Region | None] = [None] * len(names)
    rest: Region | None = None
    for region, pattern in label_parts(labels):
        if pattern == REST:
            rest = region
            continue
        meant = [n for n, name in enumerate(names) if fnmatchcase(name, pattern)]
        if not meant and missing is not None:
            missing.append(pattern)
        elif not meant:
            raise InputError(
                f"{path}: no outline's name is {pattern}, which --labels names; there are {shown}. "
                f"Write names, such as {example}; free surface is what no outline covers."
            )
        for n in meant:
            if found[n] not in (None, region):
                raise InputError(
                    f"--labels: the outline '{names[n]}' is in two regions. Write names that tell "
                    "them apart."
                )
            found[n] = region
    regions = []
    for name, own in zip(names, found, strict=True):
        chosen = rest if own is None else own
        if chosen is None:
            raise InputError(
                f"{path}: the outline '{name}' is in no region of --labels. Name it, or give all "
                f"further ones to a region of {', '.join(REGION_NAMES)}, such as msc={REST}."
            )
        regions.append(chosen)
    return regions


def _courses(path: Path, name: str, roi: "ImagejRoi") -> list[Any]:
    """Closed courses of an outline [pixels], shape (vertex, 2) each."""
    kind = roi.roitype.name
    if kind == "OVAL":
        turn = np.linspace(0.0, 2.0 * math.pi, _OVAL, endpoint=False)
        middle = np.array([roi.left + roi.right, roi.top + roi.bottom]) * 0.5
        half = np.array([roi.right - roi.left, roi.bottom - roi.top]) * 0.5
        return [middle + half * np.column_stack([np.cos(turn), np.sin(turn)])]
    if kind not in _AREAS and roi.multi_coordinates is None:
        raise InputError(
            f"{path}: '{name}' is a {kind.lower()}, which encloses no area. Remove it, or outline "
            "the region with Fiji's polygon, freehand, oval or rectangle tool."
        )
    try:
        parts = [part for part in roi.coordinates(multi=True) if len(part) > 2]
    except Exception:
        # roifile raises errors of many kinds for shapes that it does not know.
        parts = []
    if not parts:
        raise InputError(
            f"{path}: '{name}' has a shape that cannot be read. Convert it in Fiji with Edit > "
            "Selection > Properties, or draw it again."
        )
    return parts


def fill(picture: NDArray[np.int32], courses: list[Array], number: int) -> None:
    """Give a number to the pixels whose centre is within closed courses.

    A centre is within if a line to it crosses the courses an odd number of times, so that a
    course within another is a hole.

    Parameters
    ----------
    picture : ndarray of int32, shape (row, column)
        Changed.
    courses : list of ndarray, shape (vertex, 2)
        In x and y [pixels], inside the picture.
    number : int
    """
    begin = np.concatenate(courses)
    end = np.concatenate([np.roll(course, -1, axis=0) for course in courses])
    first, last = (
        np.ceil(np.minimum(begin[:, 1], end[:, 1]) - 0.5).astype(np.intp),
        np.ceil(np.maximum(begin[:, 1], end[:, 1]) - 0.5).astype(np.intp),
    )
    crossed = last - first
    edge = np.repeat(np.arange(len(begin)), crossed)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed, crossed) + first[edge]
    if not len(row):
        return
    share = (row + 0.5 - begin[edge, 1]) / (end[edge, 1] - begin[edge, 1])
    x = begin[edge, 0] + share * (end[edge, 0] - begin[edge, 0])
    # From the first centre at or beyond a crossing on, a line has crossed once more.
    column = np.ceil(x - 0.5).astype(np.intp)
    low, left = row.min(), column.min()
    crossings = np.zeros((row.max() - low + 1, column.max() - left + 1), dtype=np.int32)
    np.add.at(crossings, (row - low, column - left), 1)
    within = np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1
    there = picture[low : row.max() + 1, left : column.max()]
    there[within] = number


_AREAS = ("POLYGON", "RECT", "FREEHAND", "TRACED")
"""Kinds of regions of interest that enclose an area, besides ovals and composites."""
_OVAL = 720
"""Corners of the polygon that stands for an oval: it is within 1e-5 of its half axes."""
_LISTED = 6
"""Names in a message."""


def read_points(path: Path) -> tuple[Array, Array]:
    """Points of ImageJ's multi-point tool in x and y [pixels], shape (point,) each.

    Raises
    ------
    InputError
        If the file has other shapes, or points on several planes of a stack.
    """
    found, planes = [], set()
    for name, roi in read_rois(path):
        if roi.roitype.name != "POINT":
            raise InputError(
                f"{path}: '{name}' is an outline ({roi.roitype.name.lower()}), and cells are "
                "points. Mark them with Fiji's multi-point tool."
            )
        places = np.asarray(roi.coordinates(), dtype=float).reshape(-1, 2)
        # Whole numbers are pixels, not places.
        found.append(places + (0.0 if roi.subpixelresolution else 0.5))
        planes |= set(np.asarray(_planes_of(roi)).ravel().tolist())
    if len(planes - {0}) > 1:
        raise InputError(
            f"{path}: has points on {len(planes - {0})} planes of a stack. Save those of one plane."
        )
    x, y = np.concatenate(found).T if found else np.zeros((2, 0))
    return x, y


def _planes_of(roi: "ImagejRoi") -> Any:
    """Planes of a stack on which points are, 0 for any."""
    positions = roi.counter_positions
    return roi.position if positions is None else positions


def read_rois(path: Path) -> "list[tuple[str, ImagejRoi]]":
    """Regions of interest of a file, with their names.

    Raises
    ------
    InputError
        If it cannot be read, or the package roifile is not installed.
    """
    try:
        from roifile import ImagejRoi
    except ImportError:
        raise InputError(
            f"{path}: is read with the package roifile. Install it with: pip install "
            "'sdf1-field[images]'."
        ) from None
    rois = []
    for name, data in _parts(path):
        try:
            roi = ImagejRoi.frombytes(data)
        except Exception:
            # roifile raises errors of many kinds for data that are damaged or none of its own.
            raise InputError(
                f"{path}: '{name}' is no region of interest of ImageJ. Save the set again with "
                "Fiji's ROI Manager, More > Save."
            ) from None
        rois.append((roi.name or name.removesuffix(".roi"), roi))
    if not rois:
        raise InputError(f"{path}: holds no region of interest. Save the set again.")
    return rois


_LONGEST_OUTLINE = 20_000_000
"""Of the lines of an outline along y, together [pixels]."""
_LARGEST_PART, _LARGEST_SET = 1 << 26, 1 << 28
"""Of a region of interest in a set, and of all of them [bytes]."""


def _parts(path: Path) -> list[tuple[str, bytes]]:
    """Names and bytes of the regions of interest in a file, one or a set."""
    content = read_file(path, most=_LARGEST_SET)
    if content[:4] != _ZIP:
        return [(path.stem, content)]
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts: list[tuple[str, bytes]] = []
            for entry in archive.infolist():
                if not entry.filename.lower().endswith(".roi"):
                    continue
                whole = sum(len(part) for _, part in parts) + entry.file_size
                if entry.file_size > _LARGEST_PART or whole > _LARGEST_SET:
                    raise InputError(
                        f"{path}: '{entry.filename}' is larger than any region of interest. Save "
                        "the set again."
                    )
                parts.append((entry.filename, archive.read(entry)))
            return parts
    except InputError:
        raise
    except Exception as error:
        # zipfile raises errors of many kinds for archives that are damaged.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}). Save the set again.") from None
