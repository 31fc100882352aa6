"""Builders of small masks in TIFF files, and real ones made by other programs."""

import zipfile

import numpy as np
import pytest
import tifffile

from track_builders import real

__all__ = ["CLASSES", "bodies", "imagej", "ome", "plain", "real", "roi", "zipped"]

CLASSES = "free=0,msc=1,network=2"


def bodies(rows=60, columns=80):
    """Class picture: a body of 10 x 12 pixels, and a network of 20 x 5."""
    picture = np.zeros((rows, columns), dtype=np.uint8)
    picture[5:15, 10:22] = 1
    picture[30:50, 40:45] = 2
    return picture


def plain(path, picture, **how):
    """TIFF without any calibration."""
    tifffile.imwrite(path, picture, **how)
    return path


def imagej(path, picture, *, size=0.65, unit="micron", axes="YX"):
    """TIFF as ImageJ saves it."""
    tifffile.imwrite(
        path, picture, imagej=True, resolution=(1 / size, 1 / size),
        metadata={"unit": unit, "axes": axes},
    )  # fmt: skip
    return path


def ome(path, picture, *, size=0.65, unit="µm", axes="YX", down=None):
    """TIFF of the Open Microscopy Environment."""
    metadata = {"axes": axes}
    if size is not None:
        metadata |= {
            "PhysicalSizeX": size, "PhysicalSizeXUnit": unit,
            "PhysicalSizeY": down or size, "PhysicalSizeYUnit": unit,
        }  # fmt: skip
    tifffile.imwrite(path, picture, ome=True, metadata=metadata)
    return path


def roi(path, kind, coordinates, *, name="", subpixel=False):
    """One region of interest, as ImageJ saves it."""
    roifile = pytest.importorskip("roifile")
    made = roifile.ImagejRoi.frompoints(
        np.asarray(coordinates, dtype=np.float32 if subpixel else np.int32), name=name
    )
    made.roitype = roifile.ROI_TYPE[kind]
    made.tofile(path)
    return path


def zipped(path, shapes):
    """Set of regions of interest from name, kind and coordinates of each."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, kind, coordinates in shapes:
            one = roi(path.with_suffix(".roi"), kind, coordinates, name=name)
            archive.write(one, f"{name}.roi")
    return path
