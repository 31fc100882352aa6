"""Tolerances of a step, and of the iteration within it."""

from dataclasses import dataclass

from sdf1_field.spec import Numerics

_FIRST_ORDER = 1.6
"""Tolerance of a step's difference from its first-order result, over the run's tolerance.

Both scale with the square of the step; a run's error is between 0.02 and 0.6 of that difference.
"""
NEWTON_SHARE = 1e-2
"""Tolerance of the floor's iteration as a share of the step's."""


@dataclass(frozen=True)
class Tolerances:
    """Tolerances of the error control.

    Parameters
    ----------
    relative : float
        Error of a run, relative to the mean and by itself to the deviation from the mean.
    absolute : float
        [nM], and as molecules/um**2 on the coat.
    first_step : float
        First step after the start or an event [s].
    """

    relative: float = 5e-3
    absolute: float = 1e-9
    first_step: float = 5e-3

    @property
    def first_order(self) -> float:
        """Largest difference of a step from its first-order result."""
        return _FIRST_ORDER * self.relative


def tolerances_of(numerics: Numerics) -> Tolerances:
    """Tolerances that a model asks for."""
    return Tolerances(
        relative=numerics.tolerance,
        absolute=numerics.absolute_tolerance,
        first_step=numerics.first_step,
    )
