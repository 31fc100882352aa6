"""Marks of an axis of hours: at whole, sensible ones."""

import math
from typing import Any

import numpy as np
from matplotlib.ticker import Locator, MaxNLocator

_STEPS = (0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 12.0, 24.0, 48.0, 72.0, 168.0)
"""Between marks [h]."""
_MOST = 6
"""Steps of an axis at most."""


class HourLocator(Locator):
    """Marks at multiples of a part of a day, as many as have room.

    Examples
    --------
    >>> HourLocator.step(12.0, 3), HourLocator.step(12.0, 20), HourLocator.step(72.0, 20)
    (4.0, 2.0, 12.0)
    """

    @staticmethod
    def step(span: float, room: int) -> float:
        """Smallest step of which so many, and not too many, go into a span [h]; 0 if none does."""
        most = max(min(room, _MOST), 1)
        return next((step for step in _STEPS if math.floor(span / step) <= most), 0.0)

    def __call__(self) -> Any:
        """Places of the marks [h]."""
        low, high = sorted(self.axis.get_view_interval())  # type: ignore[union-attr]
        return self.tick_values(low, high)

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """Places of the marks between two hours [h]."""
        room = self.axis.get_tick_space()  # type: ignore[union-attr]
        step = self.step(vmax - max(vmin, 0.0) if vmin < 0.0 else vmax - vmin, room)
        if step == 0.0 or vmax - vmin < 2.0 * _STEPS[0]:
            return MaxNLocator(max(room, 1)).tick_values(vmin, vmax)
        return step * np.arange(math.ceil(vmin / step), math.floor(vmax / step) + 1)
