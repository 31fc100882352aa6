"""Reflecting (no-flux) walls: reflection of places, headings and cell indices, image sources.

An even extension about both walls of ``[0, L]`` has the period ``2 L``; a place beyond a wall
stands for the place in ``[0, L]`` with the same extension.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel

Array = NDArray[np.float64]


@kernel()
def reflected(place: float, extent: float) -> tuple[float, float]:
    """Reflect a coordinate at the walls 0 and ``extent``, as often as needed.

    Parameters
    ----------
    place, extent : float
        [um].

    Returns
    -------
    place : float
        In [0, ``extent``] [um]; NaN for NaN.
    sign : float
        Factor of the heading's component along this axis: -1 after an odd number of reflections.
    """
    if 0.0 <= place <= extent:
        return place, 1.0
    place = place % (2.0 * extent)
    if place > extent:
        return 2.0 * extent - place, -1.0
    return place, 1.0


def reflected_places(places: Array, extent: float) -> Array:
    """Coordinates of any shape [um], each as `reflected` returns it."""
    inside = places.flatten()
    _reflect_each(inside, extent)
    return inside.reshape(places.shape)


@kernel()
def _reflect_each(places: Array, extent: float) -> None:
    for n in range(places.size):
        places[n], _ = reflected(places[n], extent)


def reflected_in_well(x: Array, y: Array, radius: float) -> tuple[Array, Array]:
    """Reflect places [um] radially at the wall of a round well that touches both axes.

    The distance beyond the wall is laid off inwards, once; NaN stays NaN.
    """
    from_centre_x, from_centre_y = x - radius, y - radius
    distance = np.maximum(np.hypot(from_centre_x, from_centre_y), radius)
    scale = (2.0 * radius - distance) / distance
    return radius + scale * from_centre_x, radius + scale * from_centre_y


@kernel(inline=True)
def reflected_index(index: int, count: int) -> int:
    """Index in [0, ``count``) of the cell that a cell beyond the walls is the image of."""
    turn = index % (2 * count)
    return min(turn, 2 * count - 1 - turn)


def image_sources(
    x: Array, y: Array, width: float, length: float, reach: float
) -> tuple[NDArray[np.intp], Array, Array]:
    """Sources and their images behind the walls that lie within reach of the floor.

    Parameters
    ----------
    x, y : ndarray, shape (source,)
        On the floor [um].
    width, length : float
        Extent of the floor [um].
    reach : float
        Largest distance from the floor at which an image counts [um].

    Returns
    -------
    source : ndarray of int, shape (image,)
        Source that each belongs to.
    x, y : ndarray, shape (image,)
        [um].
    """
    source = np.arange(len(x))
    for axis, extent in ((0, width), (1, length)):
        place = (x, y)[axis]
        turns = np.arange(-math.ceil(reach / extent), math.ceil(reach / extent) + 1)
        images = np.concatenate(
            [np.stack([2.0 * n * extent + place, 2.0 * n * extent - place]) for n in turns]
        )
        image, one = np.nonzero((images > -reach) & (images < extent + reach))
        moved = images[image, one]
        source, x, y = source[one], x[one], y[one]
        x, y = (moved, y) if axis == 0 else (x, moved)
    return source, x, y
