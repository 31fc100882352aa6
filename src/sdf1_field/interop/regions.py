"""Regions of a dish's picture, from labels in a TIFF file or from outlines of ImageJ."""

import re
from collections.abc import Mapping
from pathlib import Path

from sdf1_field.errors import InputError, readable, require_file
from sdf1_field.interop.masks import Mask, parse_labels
from sdf1_field.interop.outlines import is_roi, read_outlines
from sdf1_field.interop.tiff_masks import read_mask


def read_regions(
    path: Path,
    labels: str | None,
    *,
    pixel_size: float | None = None,
    planes: Mapping[str, int] | None = None,
    image_size: tuple[int, int] | None = None,
    partial: bool = False,
) -> Mask:
    """Mask from a file of labels or of outlines.

    Parameters
    ----------
    path : Path
        TIFF, or a region of interest of ImageJ or a set of them (.roi, .zip).
    labels : str or None
        Which labels, or names of outlines, are which region.
    pixel_size : float, optional
        [um], for a file without one.
    planes : mapping of str to int, optional
        Of a TIFF file, as of `read_mask`.
    image_size : tuple of int, optional
        Columns and rows of the picture that was outlined.
    partial : bool
        Whether the file may lack some of the labels, as of `make_mask`.

    Raises
    ------
    InputError
        As of `read_mask` and `read_outlines`.
    """
    require_file(path)
    with readable(path), path.open("rb") as stream:
        begin = stream.read(4)
    if not begin:
        raise InputError(f"{path}: is empty. Save it again.")
    if is_roi(begin):
        if planes:
            raise InputError(f"{path}: has no planes, so --plane has no effect. Omit it.")
        return read_outlines(
            path, labels, image_size=image_size, pixel_size=pixel_size, partial=partial
        )
    if image_size is not None:
        raise InputError(
            f"{path}: is a picture with a size of its own, so --image-size has no effect. Omit it."
        )
    found = None if labels is None else parse_labels(labels)
    return read_mask(path, found, pixel_size=pixel_size, planes=planes, partial=partial)


def image_size_of(text: str) -> tuple[int, int]:
    """Columns and rows from text such as ``1024x768``.

    Raises
    ------
    InputError
        If it is not of that form.

    Examples
    --------
    >>> image_size_of("1024x768")
    (1024, 768)
    """
    found = re.fullmatch(r"\s*(\d{1,6})\s*[xX×]\s*(\d{1,6})\s*", text)
    if not found:
        raise InputError(
            f"--image-size: '{text}' is no size. Write columns and rows in pixels, such as "
            "1024x768."
        )
    return int(found[1]), int(found[2])
