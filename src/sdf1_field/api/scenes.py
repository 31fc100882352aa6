"""Scenes from images: a dish as segmented, previewed and written for a model's ``scene.file``."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.api.options import regions_of, without_effect
from sdf1_field.errors import InputError, refuse_existing
from sdf1_field.grid import Grid, make_grid
from sdf1_field.images import NETWORK, DrawnScene, write_scene
from sdf1_field.interop import body_counts, draw_scene, read_positions
from sdf1_field.record.layout import program
from sdf1_field.scene import REGION_LABELS, DrawnFloor
from sdf1_field.spec import SCENE_FILES, ModelSpec, load_model
from sdf1_field.units import MM2_PER_UM2

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BODIES = ("labels", "pieces")
"""What a body is: a label of the mask, or a connected piece of its region."""
PREVIEWED = "coculture-kg1a"
"""Shipped model that a preview is for, unless another is asked for."""
_SPECK = 0.1
"""Share of the area of a body of the model below which a body of the image may be none."""


@dataclass(frozen=True, eq=False)
class SceneOfImage:
    """A scene drawn from an image, before it is solved.

    Parameters
    ----------
    drawn : DrawnScene
    body_labels, body_pieces : int
        Labels, or outlines, of the mask's bodies, and connected groups of their pixels.
    """

    drawn: DrawnScene
    body_labels: int
    body_pieces: int

    def table(self, model: str = PREVIEWED) -> dict[str, Any]:
        """Regions, bodies and migrasomes, as `sdf1-field scene --json`.

        Parameters
        ----------
        model : str
            Name or file of the model whose grid and density of migrasomes it is for.

        Raises
        ------
        InputError
            If there is no such model, or it is not sound.
        """
        drawn, floor, spec = self.drawn, self._floor, load_model(model).spec
        rows, columns = drawn.pixels.shape
        grid = _grid_of(spec, drawn)
        on_grid = floor.at_centres(grid)
        regions = []
        for label, count, cells in zip(
            REGION_LABELS.values(), _counts(drawn.pixels), _counts(on_grid), strict=True
        ):
            area = count * drawn.pixel_size**2
            gridded = cells * grid.dx * grid.dy
            regions.append(
                {
                    "region": label,
                    "pixels": count,
                    "area_mm2": area * MM2_PER_UM2,
                    "area_on_grid_mm2": gridded * MM2_PER_UM2,
                    "change_by_grid": gridded / area - 1.0 if area > 0.0 else None,
                }
            )
        m = floor.moments
        areas = m.pixels * drawn.pixel_size**2
        median = float(np.median(areas)) if len(areas) else None
        return {
            "image": drawn.source,
            "labels": drawn.labels,
            "rows": rows,
            "columns": columns,
            "pixel_size_um": drawn.pixel_size,
            "width_um": grid.width,
            "length_um": grid.length,
            "model": model,
            "grid_spacing_um": spec.grid.spacing,
            "regions": regions,
            "bodies": {
                "number": len(areas),
                "labels": self.body_labels,
                "pieces": self.body_pieces,
                "median_area_um2": median,
                "smallest_area_um2": float(areas.min()) if len(areas) else None,
                "largest_area_um2": float(areas.max()) if len(areas) else None,
                "specks": int((areas < _SPECK * spec.stroma.body_area).sum()),
                "speck_area_um2": _SPECK * spec.stroma.body_area,
                "cut_by_edge": int(m.cut.sum()),
            },
            "migrasomes": self._migrasomes(spec),
        }

    def _migrasomes(self, spec: ModelSpec) -> dict[str, Any]:
        drawn, floor = self.drawn, self._floor
        if drawn.x is None or drawn.y is None or drawn.radius is None:
            density = spec.scene.network_migrasome_density
            return {
                "file": None,
                "expected": density * floor.network_area,
                "density_per_mm2": density / MM2_PER_UM2,
                "median_diameter_um": None,
                "model_diameter_um": spec.scene.migrasome_diameter,
            }
        free = floor.at(drawn.x, drawn.y)
        known = np.isfinite(drawn.radius)
        return {
            "file": drawn.spots,
            "number": int((free < 0).sum()),
            "over_bodies": int((free >= 0).sum()),
            "in_network": int((free == NETWORK).sum()),
            "median_diameter_um": 2.0 * float(np.median(drawn.radius[known]))
            if known.any()
            else None,
            "model_diameter_um": spec.scene.migrasome_diameter,
        }

    @cached_property
    def _floor(self) -> DrawnFloor:
        return DrawnFloor(self.drawn.pixels, self.drawn.pixel_size)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the file that a model names in ``scene.file``.

        Raises
        ------
        InputError
            If the file exists, cannot be written, or has another suffix than ``.nc``.
        """
        file = Path(path)
        require_scene_name(file, force=force)
        write_scene(file, self.drawn, program=program())
        return file

    def plot(self) -> "Figure":
        """Bodies and networks with their outlines, and migrasomes, as in the image."""
        from sdf1_field.figures.scenes import plot_drawn

        return plot_drawn(self.drawn)


def require_scene_name(path: Path, *, force: bool) -> None:
    """Raise InputError, before anything is read, if a scene's file cannot have a name."""
    if not path.name.endswith(SCENE_FILES):
        raise InputError(
            f"{path}: not the name of a scene's file. Give one that ends in "
            f"{', '.join(SCENE_FILES)}."
        )
    refuse_existing(path, force=force)


def scene_of_image(
    mask: str | Path,
    *,
    labels: str | None = None,
    migrasomes: str | Path | None = None,
    pixel_size: str | None = None,
    image_size: str | None = None,
    planes: Mapping[str, int] | None = None,
    bodies: str | None = None,
    frame: int | None = None,
    columns: Mapping[str, str] | None = None,
    spots_in: str | None = None,
) -> SceneOfImage:
    """Scene from a segmented image of a dish.

    Parameters
    ----------
    mask : str or pathlib.Path
        Labels in a TIFF file, or outlines of ImageJ (.roi, .zip).
    labels : str, optional
        As of `sdf1_field.api.measuring.ReadingOptions`.
    migrasomes : str or pathlib.Path, optional
        Places of migrasomes in TrackMate's XML or CSV, a table, or points of ImageJ.
    pixel_size, image_size : str, optional
        Such as ``"0.65 um"`` and ``"1024x1024"``, where the mask's file does not say it.
    planes : mapping of str to int, optional
        Plane along each axis of a mask besides y and x, from 0.
    bodies : str, optional
        ``"labels"``: each label of MSC is a body; ``"pieces"``: each group of pixels that touch by
        a side or a corner. Labels if there are several, else pieces, if not given; it must be
        given if half of several labels are in pieces.
    frame : int, optional
        Of migrasomes in several frames, from 0.
    columns : mapping of str to str, optional
        Names of a table's columns for ``x``, ``y`` and ``frame``.
    spots_in : str, optional
        ``"um"`` or ``"px"``, for a table whose columns name no unit.

    Raises
    ------
    InputError
        If a file cannot be read, has no calibration, or the two are of different pictures.
    """
    if bodies not in (None, *BODIES):
        raise InputError(f"--bodies: '{bodies}' is neither. Give {' or '.join(BODIES)}.")
    read = regions_of(
        mask, labels, pixel_size=pixel_size, planes=planes, image_size=image_size, bodies=True
    )
    if pixel_size is not None and not read.asked:
        raise without_effect(mask, "--pixel-size")
    spots = None
    if migrasomes is not None:
        spots = read_positions(
            Path(migrasomes), read, frame=frame, columns=columns, unit=spots_in,
            things="migrasomes",
        )  # fmt: skip
    elif frame is not None or columns or spots_in:
        raise InputError(
            "--frame, --columns and --spots-in are about the file of migrasomes. Give "
            "--migrasomes, or omit them."
        )
    by_label = None if bodies is None else bodies == "labels"
    drawn = draw_scene(read, spots, labels=labels or "", by_label=by_label)
    return SceneOfImage(drawn, *body_counts(read))


def _grid_of(spec: ModelSpec, drawn: DrawnScene) -> Grid:
    """Grid of a model over the scene's extent."""
    rows, columns = drawn.pixels.shape
    return make_grid(
        columns * drawn.pixel_size, rows * drawn.pixel_size, spec.dish.height,
        spacing=spec.grid.spacing, floor_layer=spec.grid.floor_layer,
        layer_growth=spec.grid.layer_growth,
    )  # fmt: skip


def _counts(pixels: NDArray[np.int32]) -> tuple[int, int, int]:
    """Pixels by region, in the order of `Region`."""
    bodies = int(np.count_nonzero(pixels >= 0))
    network = int(np.count_nonzero(pixels == NETWORK))
    return pixels.size - bodies - network, bodies, network
