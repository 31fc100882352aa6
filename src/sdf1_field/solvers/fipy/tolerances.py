"""Length of the time steps, and when a linear solve or a sweep is good enough."""

from dataclasses import dataclass

from sdf1_field.spec import Numerics

STEADY_STEP = 1e30
"""A step so long that it ends in the steady state [s]."""


@dataclass(frozen=True)
class Tolerances:
    """Length of the time steps, and when a linear solve or a sweep is good enough.

    Parameters
    ----------
    relative, absolute : float
        A sweep is the last if it changes the lowest layer's mean and deviation from the mean each
        by less than the relative tolerance times its size plus the absolute one [nM].
    time_step : float
        Longest step [s].
    linear_solver : str
        ``"cg"`` (conjugate gradients, only where nothing binds to the floor), ``"bicgstab"`` or
        ``"lu"``.
    linear_tolerance : float
        Residual over right-hand side.
    """

    relative: float = 1e-9
    absolute: float = 1e-13
    time_step: float = 60.0
    linear_solver: str = "bicgstab"
    linear_tolerance: float = 1e-11


def tolerances_of(numerics: Numerics) -> Tolerances:
    """Tolerances that a model asks for."""
    own = numerics.fipy
    return Tolerances(
        relative=own.sweep_tolerance,
        absolute=own.sweep_tolerance * numerics.absolute_tolerance,
        time_step=own.time_step,
        linear_solver=own.linear_solver,
        linear_tolerance=own.linear_tolerance,
    )
