"""Cells of a run for the page: places, states and what they touch at each saved observation."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdf1_field.analysis import cell_places, observation_times
from sdf1_field.analysis.runs import frame_before, has_stroma, run_scene
from sdf1_field.cells.adhesion import adhesion_map
from sdf1_field.record import model_of
from sdf1_field.scene import NO_BODY
from sdf1_field.scene.regions import body_under
from sdf1_field.simulation import model_grid
from sdf1_field.spec import BOND_NAMES, ModelSpec
from sdf1_field.view.arrays import Blocks
from sdf1_field.view.codec import LinearScale
from sdf1_field.view.stroma import place_scale

Array = NDArray[np.float64]

_BONDS = {"cd166": "CD166", "vla4": "VLA\u20114 (VCAM\u20111)", "fibre": "fibres"}
"""Names of the bonds of `BOND_NAMES`."""
_NOWHERE = 255
"""Code of a region that is not known."""


def described_cells(run: xr.Dataset, blocks: Blocks, report: Callable[[], None]) -> dict[str, Any]:
    """Cells as the page reads them; arrays have the shape (observation, cell).

    ``touches`` has a bit for each bond of the cells whose free ligand is within their reach, in the
    order of ``bonds``, and ``under`` is the number of the body under the cell's centre. Both are of
    the stroma in the last frame at or before the observation, by the map that the run itself uses.
    The file does not say which bonds held a cell, only whether it was held.
    """
    x, y = cell_places(run)
    times = observation_times(run)
    place = place_scale(run)
    told: dict[str, Any] = {
        "numbers": [int(number) for number in run["trajectory"].values],
        "x": blocks.add(place.codes(x.T), place),
        "y": blocks.add(place.codes(y.T), place),
        "held": blocks.add((run["cell_state"].values.T == 1).astype(np.uint8)),
        "region": blocks.add(
            np.nan_to_num(run["cell_region"].values.T, nan=_NOWHERE).astype(np.uint8)
        ),
    }
    if has_stroma(run):
        touches, under = _touched(run, x, y, times, report)
        told["touches"] = blocks.add(touches)
        body = LinearScale(NO_BODY, 1.0)
        told["under"] = blocks.add(body.codes(under), body)
        told["bonds"] = [_BONDS[name] for name in _holding(model_of(run).spec)]
    return told


def _holding(spec: ModelSpec) -> list[str]:
    """Bonds of the model's cells that have a strength."""
    return [name for name in BOND_NAMES if getattr(spec.haematopoietic, f"{name}_bonds") > 0.0]


def _touched(
    run: xr.Dataset, x: Array, y: Array, times: Array, report: Callable[[], None]
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Bonds that each cell touches, as bits, and the body under it, shape (observation, cell)."""
    spec = model_of(run).spec
    grid = model_grid(spec)
    touches = np.zeros((len(times), len(x)), dtype=np.uint8)
    under = np.full((len(times), len(x)), NO_BODY, dtype=np.intp)
    last = None
    for n, time in enumerate(times):
        frame = frame_before(run, float(time))
        if frame != last:
            scene = run_scene(run, frame)
            adhesion = adhesion_map(spec, scene, grid)
            last = frame
        for bit, bond in enumerate(_holding(spec)):
            touches[n] |= (adhesion.free(bond, x[:, n], y[:, n]) > 0.0).astype(np.uint8) << bit
        if scene.drawn is None:
            under[n] = body_under(scene.bodies, x[:, n], y[:, n])
        else:
            under[n] = np.maximum(scene.drawn.at(x[:, n], y[:, n]), NO_BODY)
        report()
    return touches, under
