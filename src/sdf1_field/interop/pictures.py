"""Pictures written for other programs: masks, and stacks of channels over time, as TIFF.

Rows run along y. Row 0 is at y = 0, so that places in the files of `writing` are those in the
picture; a picture of a run has y pointing down, as all pictures have.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import refuse_existing, replaced_when_whole, require_place
from sdf1_field.interop.masks import Mask
from sdf1_field.scene import REGION_LABELS, Region

Plane = NDArray[np.float32]

PICTURES: Mapping[str, str] = {"mask": "-mask.tif", "imagej": ".tif", "ome-tiff": ".ome.tif"}
"""Formats of pictures that can be written, and the usual ends of their names."""


@dataclass(frozen=True)
class Channel:
    """One channel of a stack.

    Parameters
    ----------
    name : str
        With the unit, such as ``SDF-1 (nM)``.
    plane : callable
        Values in a frame by its number, float32 of shape (row, column).
    top : float
        Value that is drawn brightest when the file is opened.
    """

    name: str
    plane: Callable[[int], Plane]
    top: float


@dataclass(frozen=True)
class Stack:
    """Channels of a dish over time.

    Parameters
    ----------
    title : str
    channels : tuple of Channel
        At least one.
    shape : tuple of int
        Rows and columns.
    pixel : tuple of float
        Width and height of a pixel [um].
    times : tuple of float
        Of the frames [s], evenly spaced.
    labels : tuple of str
        The times in words.
    """

    title: str
    channels: tuple[Channel, ...]
    shape: tuple[int, int]
    pixel: tuple[float, float]
    times: tuple[float, ...]
    labels: tuple[str, ...]

    @property
    def interval(self) -> float | None:
        """Time between frames [s]; None for a single one."""
        count = len(self.times)
        return (self.times[-1] - self.times[0]) / (count - 1) if count > 1 else None

    def planes(self) -> Iterator[Plane]:
        """Planes of the file in their order: the channels of a frame after one another."""
        for frame in range(len(self.times)):
            for channel in self.channels:
                yield np.ascontiguousarray(channel.plane(frame), dtype=np.float32)


def write_mask(mask: Mask, path: Path, *, force: bool = False) -> None:
    """Write regions as a calibrated 8-bit TIFF of ImageJ, whole or not at all.

    Parameters
    ----------
    mask : Mask
        Values of `Region`; 255 outside of a round well.
    path : Path
    force : bool
        Replace an existing file.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    labels = ", ".join(f"{region:d} {REGION_LABELS[region]}" for region in Region)
    size = 1.0 / mask.pixel_size
    with _tiff(path, force=force) as write:
        write(
            mask.regions, imagej=True, resolution=(size, size),
            metadata={
                "axes": "YX", "unit": "um", "min": 0.0, "max": float(max(Region)),
                "Info": f"Regions of {Path(mask.name).name}: {labels}, 255 outside of a round well",
            },
        )  # fmt: skip


def write_stack(stack: Stack, path: Path, kind: str, *, force: bool = False) -> None:
    """Write a stack of 32-bit floats with its calibration, whole or not at all.

    Parameters
    ----------
    stack : Stack
    path : Path
    kind : str
        ``"imagej"`` for a hyperstack of ImageJ, ``"ome-tiff"`` for TIFF with OME-XML.
    force : bool
        Replace an existing file.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    described = _imagej(stack) if kind == "imagej" else _ome(stack)
    shape = (len(stack.times), len(stack.channels), *stack.shape)
    with _tiff(path, force=force) as write:
        write(stack.planes(), shape=shape, dtype=np.float32, photometric="minisblack", **described)


def _imagej(stack: Stack) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "axes": "TCYX", "unit": "um", "mode": "grayscale",
        "Labels": [
            f"{channel.name}, {time}" for time in stack.labels for channel in stack.channels
        ],
        "Ranges": tuple(end for channel in stack.channels for end in (0.0, channel.top)),
        "Info": stack.title,
    }  # fmt: skip
    if stack.interval is not None:
        metadata |= {"finterval": stack.interval, "tunit": "sec"}
    across, along = stack.pixel
    return {"imagej": True, "resolution": (1.0 / across, 1.0 / along), "metadata": metadata}


def _ome(stack: Stack) -> dict[str, Any]:
    across, along = stack.pixel
    times = [time for time in stack.times for _ in stack.channels]
    metadata: dict[str, Any] = {
        "axes": "TCYX", "Name": stack.title, "UUID": str(uuid.uuid4()),
        "PhysicalSizeX": across, "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": along, "PhysicalSizeYUnit": "µm",
        "Channel": {"Name": [channel.name for channel in stack.channels]},
        "Plane": {"DeltaT": times, "DeltaTUnit": ["s"] * len(times)},
    }  # fmt: skip
    if stack.interval is not None:
        metadata |= {"TimeIncrement": stack.interval, "TimeIncrementUnit": "s"}
    return {"ome": True, "metadata": metadata}


@contextlib.contextmanager
def _tiff(path: Path, *, force: bool) -> Iterator[Callable[..., Any]]:
    """Function that writes a TIFF, which takes its name when it is complete."""
    from tifffile import imwrite

    require_place(path, "a file, such as run.tif")
    refuse_existing(path, force=force)
    with replaced_when_whole(path) as partial:
        yield lambda data, **how: imwrite(partial, data, software="sdf1-field", **how)
