"""When a step is good enough, and shares of that for what a step is made of."""

from dataclasses import dataclass

from sdf1_field.spec import Numerics

_FIRST_ORDER = 1.6
"""Tolerance of a step's difference from its first-order result, in units of the run's.

Both go with the square of the step; the error a run makes is a fiftieth to six tenths of it.
"""
NEWTON_SHARE = 1e-2
"""Tolerance of the floor's iteration as a share of the step's."""


@dataclass(frozen=True)
class Tolerances:
    """When a step is good enough.

    Parameters
    ----------
    relative : float
        Error of a run, relative to the mean and by itself to the deviation from the mean.
    absolute : float
        [nM], and as molecules/um**2 on the coat.
    first_step : float
        Step to begin with after a start or an event [s].
    """

    relative: float = 5e-3
    absolute: float = 1e-9
    first_step: float = 5e-3

    @property
    def first_order(self) -> float:
        """What a step may differ from its first-order result."""
        return _FIRST_ORDER * self.relative


def tolerances_of(numerics: Numerics) -> Tolerances:
    """Tolerances that a model asks for."""
    return Tolerances(
        relative=numerics.tolerance,
        absolute=numerics.absolute_tolerance,
        first_step=numerics.first_step,
    )
