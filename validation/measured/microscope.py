"""A simulated dish as a microscope would show it, and plain thresholds that find its regions.

Nothing here is the program's: images are made from the outlines in a run file, and read by what any
program for images has (a Gaussian filter, thresholds, distances, labels, centres of mass).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sdf1_field.analysis.run_pictures import run_mask
from sdf1_field.analysis.runs import observation_index, run_scene
from sdf1_field.analysis.stroma_runs import frame_at
from sdf1_field.grid import Grid
from sdf1_field.record import model_of
from sdf1_field.scene import Bodies, Region

Image = NDArray[np.float64]
Labels = NDArray[np.uint8]

PIXEL = 0.65
"""Camera pixel of 6.5 um behind a tenfold lens [um]."""
BLUR, OUT_OF_FOCUS = 0.8, 1.6
"""Standard deviations of the point spread [um], as of a dry lens slightly and more out of focus."""
BACKGROUND, SIGNAL = 20.0, 200.0
"""Mean photons in a pixel of empty floor, and more in one that a stained body or cell covers."""
THREAD = 200.0
"""Photons that a micrometre of fibre, or a square micrometre of migrasome, adds."""
SMOOTH = 1.0
"""Filter before thresholds [pixels]."""
MARGIN = 5.0
"""Drawn around what is bright [um], as by hand about half a cell's width from it."""
_BINS = 512


@dataclass(frozen=True, eq=False)
class Images:
    """Photons in each pixel, shape (row, column), in three channels.

    Parameters
    ----------
    bodies, network, cells : ndarray
    grid : Grid
        Of the pixels.
    """

    bodies: Image
    network: Image
    cells: Image
    grid: Grid


def take_images(run, time: float, *, seed: int, blur: float = BLUR) -> Images:
    """Bodies, fibres with migrasomes, and cells of a run at a time [s]: blurred, with noise."""
    rng = np.random.default_rng(seed)
    spec, scene = model_of(run).spec, run_scene(run, frame_at(run, time))
    grid = run_mask(run, time, pixel=PIXEL).grid
    n = observation_index(run, time)
    x, y = (run[f"cell_{axis}"].values[:, n] for axis in "xy")
    size = np.full(len(x), 0.5 * spec.haematopoietic.diameter)
    bodies, discs, m = scene.bodies, scene.migrasomes, scene.migrasomes.present
    threads = _threads(scene.fibres, grid)
    threads += _ellipses(grid, discs.x[m], discs.y[m], discs.radius[m]) * grid.dx * grid.dy
    return Images(
        *(
            rng.poisson(ndimage.gaussian_filter(BACKGROUND + channel, blur / grid.dx)).astype(float)
            for channel in (
                SIGNAL * np.minimum(_of_bodies(grid, bodies), 1.0),
                THREAD * threads,
                SIGNAL * np.minimum(_ellipses(grid, x, y, size), 1.0),
            )
        ),
        grid,
    )


def _of_bodies(grid: Grid, b: Bodies) -> Image:
    return _ellipses(grid, b.x, b.y, b.semi_major, b.semi_minor, b.angle)


def _ellipses(grid, x, y, major, minor=None, angle=None) -> Image:
    """Number of ellipses over each pixel's centre."""
    minor = major if minor is None else minor
    angle = np.zeros_like(x) if angle is None else angle
    picture = np.zeros((grid.ny, grid.nx))
    for cx, cy, a, b, turn in zip(x, y, major, minor, angle, strict=True):
        rows = slice(max(int((cy - a) / grid.dy), 0), int((cy + a) / grid.dy) + 2)
        columns = slice(max(int((cx - a) / grid.dx), 0), int((cx + a) / grid.dx) + 2)
        off_y, off_x = np.meshgrid(grid.y[rows] - cy, grid.x[columns] - cx, indexing="ij")
        along = off_x * np.cos(turn) + off_y * np.sin(turn)
        across = off_y * np.cos(turn) - off_x * np.sin(turn)
        picture[rows, columns] += (along / a) ** 2 + (across / b) ** 2 <= 1.0
    return picture


def _threads(fibres, grid: Grid) -> Image:
    """Length of fibres over each pixel [um]."""
    picture = np.zeros((grid.ny, grid.nx))
    for x, y in zip(fibres.x, fibres.y, strict=True):
        there = np.isfinite(x)
        x, y = x[there], y[there]
        for n in range(len(x) - 1):
            length = float(np.hypot(x[n + 1] - x[n], y[n + 1] - y[n]))
            pieces = max(1, int(np.ceil(length / (0.25 * grid.dx))))
            at = (np.arange(pieces) + 0.5) / pieces
            px, py = x[n] + at * (x[n + 1] - x[n]), y[n] + at * (y[n + 1] - y[n])
            within = (px >= 0) & (px < grid.width) & (py >= 0) & (py < grid.length)
            np.add.at(picture, grid.index(px[within], py[within]), length / pieces)
    return picture


def segment(images: Images) -> Labels:
    """Class picture by thresholds: 0 free, 1 bodies, 2 within `MARGIN` of what is bright.

    Thresholds are Otsu's, of the image itself: nothing is known here of photons, of the blur, or of
    where the model draws its outlines.
    """
    picture = np.zeros(images.bodies.shape, dtype=np.uint8)
    bright = _bright(images.network)
    if bright.any():
        # Distances are to the centres of bright pixels, half a pixel inside their edge.
        apart = (ndimage.distance_transform_edt(~bright) - 0.5) * images.grid.dx
        picture[apart <= MARGIN] = Region.MIGRASOME_NETWORK
    picture[_bright(images.bodies)] = Region.MSC
    return picture


def detect(images: Images, *, diameter: float) -> tuple[Image, Image]:
    """Centres of cells [um] by a threshold; cells that touch are parted where they are narrow."""
    bright = _bright(images.cells)
    deep = ndimage.distance_transform_edt(bright) * images.grid.dx > 0.4 * diameter
    deep = ndimage.binary_closing(deep, np.ones((3, 3)))
    labels, count = ndimage.label(deep, np.ones((3, 3)))
    rows, columns = np.array(ndimage.center_of_mass(deep, labels, range(1, count + 1))).T
    return (columns + 0.5) * images.grid.dx, (rows + 0.5) * images.grid.dy


def _bright(picture: Image) -> NDArray[np.bool_]:
    """Pixels above Otsu's threshold of a picture after a slight filter."""
    smooth = ndimage.gaussian_filter(picture, SMOOTH)
    return np.asarray(smooth > otsu(smooth))


def otsu(values: Image) -> float:
    """Threshold that parts values into two classes with the most variance between them.

    References
    ----------
    Otsu (1979) IEEE Trans. Syst. Man Cybern. 9:62.
    """
    counts, edges = np.histogram(values, bins=_BINS)
    middles = 0.5 * (edges[1:] + edges[:-1])
    below, above = counts.cumsum()[:-1], counts[::-1].cumsum()[::-1][1:]
    sums = (counts * middles).cumsum()
    means = sums[:-1] / below, (sums[-1] - sums[:-1]) / above
    return float(edges[1:-1][np.argmax(below * above * (means[1] - means[0]) ** 2)])
