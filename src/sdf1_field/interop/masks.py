"""Segmented pictures of a dish as one immutable value: which region is under each pixel.

A mask is a picture of labels: whole numbers that stand for regions (a class mask), or for single
bodies (an instance mask). `Labels` says which label is which region.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.grid import Grid
from sdf1_field.scene import Region, RegionMap

Whole = NDArray[np.int64]

REGION_NAMES: Mapping[str, Region] = {
    "free": Region.FREE_SURFACE,
    "msc": Region.MSC,
    "network": Region.MIGRASOME_NETWORK,
}
"""Regions as the command line names them."""
REST = "others"
"""Stands for every label that is not named."""
LARGEST_SIDE = 16384
"""Of a mask [pixels]."""
_EXAMPLE = "free=0,msc=1,network=2 or, if each body has a label, free=0,msc=others"
_CLIPPED = (255, 65535)
"""Highest numbers of 8 and 16 bits."""
_TABLE = 1 << 24
"""Labels below are looked up in a table."""
_ROWS = 512
"""Rows of a picture that are looked at together."""
_LISTED = 8
"""Labels named in a message."""


@dataclass(frozen=True)
class Labels:
    """Which labels are which region.

    Parameters
    ----------
    ranges : tuple of (Region, int, int)
        First and last label of a range that is a region.
    rest : Region or None
        Region of all other labels; None if there must not be any.
    """

    ranges: tuple[tuple[Region, int, int], ...]
    rest: Region | None = None

    @property
    def named(self) -> tuple[Region, ...]:
        """Regions that have labels."""
        of_rest = () if self.rest is None else (self.rest,)
        return tuple(dict.fromkeys((*(region for region, _, _ in self.ranges), *of_rest)))


def parse_labels(text: str) -> Labels:
    """Labels from text such as ``free=0,msc=1-20+35,network=others``.

    Raises
    ------
    InputError
        If it is not of that form, or names a label twice.

    Examples
    --------
    >>> parse_labels("free=0,msc=others").rest
    <Region.MSC: 1>
    """
    ranges: list[tuple[Region, int, int]] = []
    rest: Region | None = None
    for region, part in label_parts(text):
        if part == REST:
            if rest is not None:
                raise InputError(f"--labels: '{REST}' stands twice in '{text}'. Omit one.")
            rest = region
            continue
        found = re.fullmatch(r"(\d{1,10})(?:-(\d{1,10}))?", part)
        if not found or int(found[1]) > int(found[2] or found[1]):
            raise InputError(
                f"--labels: '{part}' is no label. Write {_EXAMPLE}; 1-20 for a range, 1+5 for two."
            )
        first, last = int(found[1]), int(found[2] or found[1])
        for _, low, high in ranges:
            if first <= high and low <= last:
                raise InputError(
                    f"--labels: label {max(first, low)} stands twice in '{text}'. Omit one."
                )
        ranges.append((region, first, last))
    labels = Labels(tuple(ranges), rest)
    if Region.FREE_SURFACE not in labels.named:
        raise InputError(
            "--labels: names no free surface, with which densities are compared. Add free=LABEL, "
            "such as free=0."
        )
    return labels


def label_parts(text: str) -> Iterator[tuple[Region, str]]:
    """Region and each of its parts in text such as ``free=0,msc=1+2``.

    Raises
    ------
    InputError
        If a region is unknown, has no part, or stands twice.
    """
    before: dict[str, str] = {}
    for item in text.split(","):
        name, equals, parts = (piece.strip() for piece in item.partition("="))
        if name not in REGION_NAMES or not equals or not parts:
            raise InputError(
                f"--labels: '{item.strip()}' names no region's labels. Write REGION=LABEL with a "
                f"REGION of {', '.join(REGION_NAMES)}, such as {_EXAMPLE}."
            )
        if name in before:
            raise InputError(
                f"--labels: '{name}' stands twice in '{text}'. Name another region, or write "
                f"{name}={before[name]}+{parts} if both are."
            )
        before[name] = parts
        for part in parts.split("+"):
            yield REGION_NAMES[name], part.strip()


@dataclass(frozen=True, eq=False)
class Mask:
    """Regions of a dish's picture.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    regions : ndarray of uint8, shape (row, column)
        `Region` under each pixel, read-only. Rows run along y, which points down in images.
    pixel_size : float
        Side of a square pixel [um].
    instances : mapping of Region to tuple of int
        Labels in the file, or numbers of outlines, that make up each region; rising.
    picture : ndarray of int, shape (row, column), or None
        Label of each pixel, or number of the outline around it, from 1; None where bodies need not
        be told apart.
    asked : bool
        Whether the pixel size is the user's, since the file has none.
    outlined : bool
        Whether regions were outlined, each body by itself.
    missing : tuple of str
        Labels, or names of outlines, that the user named and the file lacks, as `label_parts`.
    """

    name: str
    regions: RegionMap
    pixel_size: float
    instances: Mapping[Region, tuple[int, ...]]
    picture: NDArray[np.integer] | None
    asked: bool = False
    outlined: bool = False
    missing: tuple[str, ...] = ()

    @cached_property
    def grid(self) -> Grid:
        """Grid of the pixels, with one layer."""
        rows, columns = self.regions.shape
        return Grid(
            columns * self.pixel_size, rows * self.pixel_size, columns, rows, np.array([0.0, 1.0])
        )


def make_mask(
    name: str, picture: NDArray[np.integer], labels: Labels | None, pixel_size: float, *,
    asked: bool = False, partial: bool = False,
) -> Mask:  # fmt: skip
    """Mask from a picture of labels.

    Parameters
    ----------
    name : str
    picture : ndarray of int, shape (row, column)
        No label is negative.
    labels : Labels or None
        None for the message that says which labels there are.
    pixel_size : float
        [um].
    asked : bool
        Whether the pixel size is the user's.
    partial : bool
        Whether named labels may be missing, for `require_labels` of several masks.

    Raises
    ------
    InputError
        If no labels are given, a label of the picture is not named, or a named one has no pixel.

    Warns
    -----
    Sdf1FieldWarning
        If the highest of a region's labels is the highest number of 8 or 16 bits.
    """
    present = _present(picture)
    shown = _listed(present)
    if labels is None:
        raise InputError(
            f"{name}: has {_labels_text(len(present))} ({shown}), and nothing says which are which "
            f"region. Give --labels {_EXAMPLE}."
        )
    region_of = np.full(len(present), _UNNAMED, dtype=np.uint8)
    missing = []
    for region, first, last in labels.ranges:
        among = (present >= first) & (present <= last)
        if partial and not among.any():
            missing.append(f"{first}" if first == last else f"{first}-{last}")
        elif not among.any():
            wanted = f"label {first}" if first == last else f"label from {first} to {last}"
            raise InputError(
                f"{name}: no pixel has a {wanted}, which --labels names; it has {shown}. Correct "
                "--labels."
            )
        region_of[among] = region
    unnamed = region_of == _UNNAMED
    if labels.rest is not None:
        if partial and not unnamed.any():
            missing.append(REST)
        elif not unnamed.any():
            raise InputError(
                f"{name}: --labels names all labels that it has ({shown}), so none are {REST}. "
                "Correct --labels, or the mask."
            )
        region_of[unnamed] = labels.rest
    elif unnamed.any():
        raise InputError(
            f"{name}: label {present[unnamed][0]} is in no region of --labels. Name it, or give "
            f"all further labels to a region, such as msc={REST}."
        )
    instances = {region: tuple(present[region_of == region].tolist()) for region in labels.named}
    _warn_of_clipping(name, instances)
    regions = _looked_up(picture, present, region_of)
    regions.setflags(write=False)
    return Mask(
        name, regions, pixel_size, instances, picture, asked, missing=tuple(missing)
    )  # fmt: skip


def require_labels(masks: Sequence[Mask]) -> None:
    """Raise InputError if one of the labels that are named for several masks is in none."""
    for part in masks[0].missing:
        if all(part in mask.missing for mask in masks):
            raise InputError(
                f"--labels: none of {len(masks)} masks has {part}, which it names. Correct "
                "--labels, or the masks."
            )


_UNNAMED = 255


def _warn_of_clipping(name: str, instances: Mapping[Region, Sequence[int]]) -> None:
    for numbers in instances.values():
        if len(numbers) > 1 and numbers[-1] in _CLIPPED:
            warnings.warn(
                f"{name}: the highest label is {numbers[-1]}, the largest number of its type in "
                "many tools, so higher ones may have been clipped into one. Check the number of "
                "bodies, or save the labels with more bits.",
                Sdf1FieldWarning,
                stacklevel=3,
            )


def _strips(picture: NDArray[np.integer]) -> Iterator[slice]:
    for begin in range(0, len(picture), _ROWS):
        yield slice(begin, begin + _ROWS)


def _present(picture: NDArray[np.integer]) -> Whole:
    """Labels of a picture, rising."""
    highest = int(picture.max())
    if highest >= _TABLE:
        found = [np.unique(picture[strip]) for strip in _strips(picture)]
        return np.unique(np.concatenate(found)).astype(np.int64)
    seen = np.zeros(highest + 1, dtype=np.bool_)
    for strip in _strips(picture):
        seen[picture[strip].ravel()] = True
    return np.flatnonzero(seen).astype(np.int64)


def _looked_up(
    picture: NDArray[np.integer], present: Whole, region_of: NDArray[np.uint8]
) -> RegionMap:
    """Region of each pixel."""
    regions = np.empty(picture.shape, dtype=np.uint8)
    if present[-1] >= _TABLE:
        for strip in _strips(picture):
            regions[strip] = region_of[np.searchsorted(present, picture[strip])]
        return regions
    table = np.zeros(int(present[-1]) + 1, dtype=np.uint8)
    table[present] = region_of
    for strip in _strips(picture):
        np.take(table, picture[strip], out=regions[strip])
    return regions


def _labels_text(count: int) -> str:
    return "1 label" if count == 1 else f"{count:,} labels"


def _listed(labels: Whole) -> str:
    """Labels for a message."""
    if len(labels) <= _LISTED:
        return ", ".join(str(label) for label in labels)
    return f"{', '.join(str(label) for label in labels[: _LISTED - 2])} to {labels[-1]}"
