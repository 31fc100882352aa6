"""Time lapses of a network: whether cells reach its fibres and are captured there."""

import bisect
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdf1_field.claims import Quantity, Reading, Sample
from sdf1_field.observations.cells import watched_model
from sdf1_field.observations.readings import Dish, of_cells, of_share
from sdf1_field.scene import fibre_reach, nearest_fibre
from sdf1_field.simulation import simulate

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

REACHED, CAPTURED = "cells that come to a fibre", "captured on a fibre"
APPROACH = "way towards the nearest fibre"

FOLLOWED = (
    Quantity(REACHED, "1", Sample.SHARE),
    Quantity(CAPTURED, "1", Sample.SHARE),
    Quantity(APPROACH, "um", Sample.CELLS),
)


@dataclass(frozen=True, eq=False)
class _TimeLapse:
    """Cells that start away from fibres, in each frame.

    Parameters
    ----------
    held, on_fibre : ndarray of bool, shape (frame, cell)
    cd166 : ndarray, shape (frame, cell)
        CD166 that the cell touches, relative to a body's, while it is held on a fibre; else 0.
    way : ndarray, shape (frame - 1, cell)
        Displacement until the next frame towards the nearest fibre [um]; NaN without fibres.
    """

    held: Flags
    on_fibre: Flags
    cd166: Array
    way: Array

    def readings(self, frames: int, time: float) -> list[Reading]:
        """Readings of the first frames."""
        cells = self.held.shape[1]
        on_fibre, held = self.on_fibre[:frames], self.held[:frames]
        caught = held & on_fibre
        # The first frame in which the cell is held on a fibre, else frame 0, in which none is.
        first = caught.argmax(axis=0)
        cd166 = self.cd166[first, np.arange(cells)]
        captured = caught.any(axis=0) & (cd166 < 1.0)
        free = ~(held | on_fibre)[:-1] & ~held[1:] & np.isfinite(self.way[: frames - 1])
        ways, total = free.sum(axis=0), np.where(free, self.way[: frames - 1], 0.0).sum(axis=0)
        known = ways > 0
        return [
            of_share(REACHED, time, on_fibre.any(axis=0).sum(), cells),
            of_share(CAPTURED, time, captured.sum(), cells),
            of_cells(APPROACH, time, total[known] / ways[known]),
        ]


def read_time_lapse(dish: Dish) -> tuple[Reading, ...]:
    """Follow a dish's cells until its times; without fibres no cell is followed.

    A cell is captured on a fibre if it touches less CD166 than a body has when it is first seen
    held on one. The way towards the nearest fibre is the mean displacement between two frames in
    which the cell is neither held nor on a fibre.
    """
    spec = watched_model(dish)
    radius = 0.5 * spec.haematopoietic.diameter
    away = np.zeros(spec.cell_count, dtype=np.bool_)
    times: list[float] = []
    places, towards, held, on_fibre, cd166 = [], [], [], [], []
    for snapshot in simulate(spec, seed=dish.seed, nonlinear=dish.saturating):
        if snapshot.cells is None:
            continue
        x, y = snapshot.cells.x, snapshot.cells.y
        direction, distance = nearest_fibre(snapshot.scene, x, y)
        on = distance <= fibre_reach(
            snapshot.scene, radius=radius, outline_margin=spec.scene.network_outline_margin
        )
        if not times:
            away = np.isfinite(distance) & ~on
            if not away.any():
                break
        caught = snapshot.cells.held & on
        touched = np.zeros(len(x))
        if caught.any():
            touched[caught] = snapshot.here.hold.free("cd166", x[caught], y[caught])
        times.append(snapshot.time)
        places.append(np.array([x, y]))
        towards.append(direction)
        held.append(snapshot.cells.held)
        on_fibre.append(on)
        cd166.append(touched)
    if not times:
        none = np.zeros((1, 0))
        time_lapse = _TimeLapse(none > 0.0, none > 0.0, none, none[:0])
    else:
        ways = (np.diff(places, axis=0) * towards[:-1]).sum(axis=1)
        time_lapse = _TimeLapse(
            np.array(held)[:, away],
            np.array(on_fibre)[:, away],
            np.array(cd166)[:, away],
            ways[:, away],
        )
    return tuple(
        reading
        for time in dish.times
        for reading in time_lapse.readings(max(bisect.bisect_right(times, time), 1), time)
    )
