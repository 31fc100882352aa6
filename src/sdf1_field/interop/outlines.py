"""ImageJ's regions of interest: points as cells."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError

if TYPE_CHECKING:
    from roifile import ImagejRoi

Array = NDArray[np.float64]

_ROI, _ZIP = b"Iout", b"PK\x03\x04"
"""Beginnings of a single region of interest, and of a set of them."""


def is_roi(begin: bytes) -> bool:
    """Whether a file that begins so is one or several of ImageJ's regions of interest."""
    return begin.startswith((_ROI, _ZIP))


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


_LARGEST_PART = 1 << 26
"""Of a region of interest in a set [bytes]."""


def _parts(path: Path) -> list[tuple[str, bytes]]:
    """Names and bytes of the regions of interest in a file, one or a set."""
    try:
        if path.read_bytes()[:4] != _ZIP:
            return [(path.stem, path.read_bytes())]
        with zipfile.ZipFile(path) as archive:
            parts = []
            for entry in archive.infolist():
                if not entry.filename.lower().endswith(".roi"):
                    continue
                if entry.file_size > _LARGEST_PART:
                    raise InputError(
                        f"{path}: '{entry.filename}' is larger than any region of interest. Save "
                        "the set again."
                    )
                parts.append((entry.filename, archive.read(entry)))
            return parts
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. Check the path.") from None
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read ({reason}). Save the set again.") from None
