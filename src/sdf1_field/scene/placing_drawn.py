"""Drawn scene: the stroma of a real dish, as segmented in an image.

Bodies and networks are those of the picture. Migrasomes are those that were seen there, or lie at
random in its networks; all else about them is drawn from the model's distributions.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError
from sdf1_field.images import NETWORK, DrawnScene, read_scene
from sdf1_field.random import Stream, generator
from sdf1_field.random.kernels import draws, subkey
from sdf1_field.scene.drawn import DrawnFloor
from sdf1_field.scene.placing import Sites, place_migrasomes, resting_bodies
from sdf1_field.scene.snapshot import NO_BODY, Fibres, Origin, Scene
from sdf1_field.spec import ModelSpec

Array = NDArray[np.float64]

_PIXEL, _ACROSS, _ALONG = 0, 1, 2
"""Steps, in the counters of a migrasome of the network, of its pixel and its place on it."""
_SAME = 1e-9
"""Relative difference of extents that are the same."""


def place_drawn(spec: ModelSpec, seed: int, *, secretion_factor: float) -> Scene:
    """Scene of the file that the model names in ``scene.file``.

    Every body secretes as a placed one, also if the picture's edge cuts it. Migrasomes belong to
    the nearest body. Without any in the file their number in the network is Poisson distributed,
    from ``scene.network_migrasome_density``. None lies under a body.

    Parameters
    ----------
    spec : ModelSpec
        Of its dish, width and length must be those of the file.
    seed : int
        The dish's.
    secretion_factor : float
        Factor of the dish and donor on every secretion rate [1].

    Raises
    ------
    InputError
        If the file cannot be read, or has another extent than the dish.
    """
    path = Path(spec.scene.file)
    drawn = read_scene(path)
    floor = DrawnFloor(drawn.pixels, drawn.pixel_size)
    rows, columns = drawn.pixels.shape
    extent = columns * drawn.pixel_size, rows * drawn.pixel_size
    if not np.allclose(extent, (spec.dish.width, spec.dish.length), rtol=_SAME, atol=0.0):
        raise InputError(
            f"{path}: is {extent[0]:g} um x {extent[1]:g} um, the dish {spec.dish.width:g} um x "
            f"{spec.dish.length:g} um; the file has changed since the model was loaded. Load the "
            "model again."
        )
    m = floor.moments
    bodies = resting_bodies(spec, m.x, m.y, m.semi_major, m.semi_minor, m.angle, secretion_factor)
    x, y, radius = _migrasome_places(spec, drawn, floor, seed)
    free = floor.at(x, y) < 0
    number = np.flatnonzero(free)
    x, y, radius = x[free], y[free], radius[free]
    body = floor.nearest_body(x, y) if len(m.x) else np.full(len(x), NO_BODY, dtype=np.intp)
    sites = Sites(
        np.full(len(x), subkey(seed, int(Stream.PLACE), 0)), number, x, y, body,
        np.full(len(x), Origin.UNKNOWN, dtype=np.int8),
    )  # fmt: skip
    placed = place_migrasomes(spec, sites, secretion_factor)
    placed = replace(placed, radius=np.where(np.isfinite(radius), radius, placed.radius))
    none = np.zeros((0, 2))
    fibres = Fibres(none, none.copy(), np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.int8))
    return Scene(bodies, fibres, placed, drawn=floor)


def _migrasome_places(
    spec: ModelSpec, drawn: DrawnScene, floor: DrawnFloor, seed: int
) -> tuple[Array, Array, Array]:
    """Places and radii [um] of migrasomes seen, or of random ones on pixels of the network."""
    if drawn.x is not None and drawn.y is not None and drawn.radius is not None:
        return drawn.x, drawn.y, drawn.radius
    pixel = np.flatnonzero(drawn.pixels.reshape(-1) == NETWORK)
    expected = spec.scene.network_migrasome_density * floor.network_area
    count = int(generator(seed, Stream.SCENE).poisson(expected))
    key, which = subkey(seed, int(Stream.PLACE), 0), np.arange(count)
    chosen, across, along = (
        draws(key, Stream.PLACE, which, of)[1] for of in (_PIXEL, _ACROSS, _ALONG)
    )
    at = pixel[np.minimum((chosen * len(pixel)).astype(np.intp), len(pixel) - 1)]
    row, column = np.divmod(at, drawn.pixels.shape[1])
    side = drawn.pixel_size
    return (column + across) * side, (row + along) * side, np.full(count, np.nan)
