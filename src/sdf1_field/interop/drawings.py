"""Segmented pictures of a dish as drawn scenes: bodies told apart, and migrasomes on them."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sdf1_field.errors import InputError
from sdf1_field.images import FREE, NETWORK, DrawnScene
from sdf1_field.interop.masks import Mask
from sdf1_field.interop.positions import Positions
from sdf1_field.scene import Region

LARGEST_SIDE = 8192
"""Of the picture of a drawn scene [pixels]."""
SMALLEST_SIDE = 2
"""Likewise; a single pixel is no picture of a dish."""
_CONNECTED = np.ones((3, 3), dtype=np.bool_)
"""Pixels that share a side or a corner belong to one body."""


def draw_scene(
    mask: Mask, spots: Positions | None, *, labels: str, by_label: bool | None = None
) -> DrawnScene:
    """Drawn scene from a mask and from the migrasomes seen on it.

    Parameters
    ----------
    mask : Mask
    spots : Positions or None
        Migrasomes; None if they were not looked for.
    labels : str
        As the user said which labels are which region.
    by_label : bool, optional
        Whether each label of a body is one, instead of each connected group of pixels; where the
        region of bodies has several labels, or was outlined, if not given.

    Raises
    ------
    InputError
        If the picture is too large, or a single pixel, or if half of several labels are in pieces
        and ``by_label`` is not given: they may be classes of cells.
    """
    rows, columns = mask.regions.shape
    if not SMALLEST_SIDE <= min(rows, columns) <= max(rows, columns) <= LARGEST_SIDE:
        raise InputError(
            f"{mask.name}: is {columns} x {rows} pixels; a scene has {SMALLEST_SIDE} to "
            f"{LARGEST_SIDE} a side. Give another part of the picture, or a coarser one."
        )
    of_bodies = mask.instances.get(Region.MSC, ())
    if by_label is None:
        by_label = mask.outlined or len(of_bodies) > 1
        if by_label and not mask.outlined:
            _refuse_classes(mask, np.asarray(of_bodies))
    pixels = _numbered(mask, np.asarray(of_bodies), by_label=by_label)
    pixels[mask.regions == Region.MIGRASOME_NETWORK] = NETWORK
    seen = {}
    if spots is not None:
        radius = np.full(len(spots.x), np.nan) if spots.radius is None else spots.radius
        known = np.isfinite(radius) & (radius > 0.0)
        seen = {"x": spots.x, "y": spots.y, "radius": np.where(known, radius, np.nan)}
    return DrawnScene(
        pixels, mask.pixel_size, **seen,
        source=Path(mask.name).name, sha256=_digest(mask.name), labels=labels,
        spots="" if spots is None else Path(spots.name).name,
        spots_sha256="" if spots is None else _digest(spots.name),
    )  # fmt: skip


def body_counts(mask: Mask) -> tuple[int, int]:
    """Number of labels, or outlines, of a mask's bodies, and of connected groups of pixels."""
    pieces = ndimage.label(mask.regions == Region.MSC, _CONNECTED)[1]
    return len(mask.instances.get(Region.MSC, ())), int(pieces)


def _refuse_classes(mask: Mask, labels: NDArray[np.int64]) -> None:
    """Raise InputError if labels seem to be classes, each of several bodies."""
    own = _numbered(mask, labels, by_label=True) - FREE
    pieces = [
        ndimage.label(own[around] == n, _CONNECTED)[1]
        for n, around in enumerate(ndimage.find_objects(own), start=1)
    ]
    if 2 * sum(count > 1 for count in pieces) >= len(pieces):
        raise InputError(
            f"{mask.name}: the {len(pieces)} labels of MSC are {sum(pieces)} separate pieces, so "
            "they may be classes of cells, and not bodies. Give --bodies pieces if they are, else "
            "--bodies labels."
        )


def _numbered(mask: Mask, labels: NDArray[np.int64], *, by_label: bool) -> NDArray[np.int32]:
    """Number of the body on each pixel, from 0, or `FREE`."""
    on_body = mask.regions == Region.MSC
    if by_label:
        assert mask.picture is not None
        pixels = np.full(mask.regions.shape, FREE, dtype=np.int32)
        pixels[on_body] = np.searchsorted(labels, mask.picture[on_body])
        return pixels
    pixels = np.empty(mask.regions.shape, dtype=np.int32)
    ndimage.label(on_body, _CONNECTED, output=pixels)
    pixels += FREE
    return pixels


def _digest(name: str) -> str:
    with Path(name).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
