"""Well-mixed medium above the mesh: one concentration, iterated along with the sweeps."""

from dataclasses import dataclass

from sdf1_field.solvers.fipy.library import fipy
from sdf1_field.solvers.fipy.tolerances import STEADY_STEP, Tolerances
from sdf1_field.solvers.fipy.volumes import Volumes

_WORTH_LEARNING = 1e-6
"""Relative change of the trial value above which its effect is told from round-off."""


@dataclass(frozen=True)
class _Trial:
    """A trial value of the mixed medium, and its miss of that medium's own balance [nM]."""

    value: float
    missed: float


class MixedMedium:
    """The concentration ``R`` of the mixed medium, a Dirichlet value at the top of the mesh.

    Over a step of duration ``t`` it obeys ``R' = R + t (G / M (top - R') - k R')``, where the mean
    ``top`` of the top layer depends on the value held there. A secant iteration finds the root.

    Parameters
    ----------
    volumes : Volumes
    tolerances : Tolerances
        Of the change from one trial to the next.
    concentration : float
        At the start [nM].
    """

    def __init__(self, volumes: Volumes, tolerances: Tolerances, concentration: float) -> None:
        self._tolerances = tolerances
        self._exchange = volumes.top_conductance / volumes.mixed
        self._loss_rate = volumes.transport.loss_rate
        self.concentration = concentration
        self.held = fipy.Variable(value=concentration)
        self._tried: _Trial | None = None
        self._slope = -1.0

    def begin_step(self) -> None:
        """Forget the last step's trials, but keep the slope that they found."""
        self._tried = None

    def improve(self, top: float, duration: float) -> bool:
        """Hold the top at a better value; return whether the last one was good enough.

        Parameters
        ----------
        top : float
            Mean of the top layer under the value held [nM].
        duration : float
            [s].
        """
        held, tried = float(self.held.value), self._tried
        after = (self.concentration + duration * self._exchange * top) / (
            1.0 + duration * (self._exchange + self._loss_rate)
        )
        trial = _Trial(held, after - held)
        if tried is not None and abs(held - tried.value) > _WORTH_LEARNING * abs(held):
            slope = (trial.missed - tried.missed) / (held - tried.value)
            if -1.0 <= slope < 0.0:
                self._slope = slope
        self._tried = trial
        move = -trial.missed / self._slope
        if abs(move) <= self._tolerances.relative * abs(held) + self._tolerances.absolute:
            return True
        self.held.setValue(held + move)
        return False

    def end_step(self, top: float, duration: float) -> None:
        """Give the mixed medium exactly the ligand that the last sweep took out of the grid."""
        held = float(self.held.value)
        if duration < STEADY_STEP:
            gained = self._exchange * (top - held)
            held = (self.concentration + duration * gained) / (1.0 + duration * self._loss_rate)
        self.concentration = held
        self.held.setValue(held)
