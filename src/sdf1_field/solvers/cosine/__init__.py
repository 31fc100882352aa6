"""The medium as one column per cosine mode of the floor.

With mirror walls the finite-volume operator is diagonal in the type-II cosine basis in x and y,
and every mode's column has the same eigenvectors in z: with ``A = V diag(rate) V^T`` for the
layers, the amplitude of eigenvector m in mode k obeys

    da/dt = -(rate_m + D q_k^2 + loss) a + w_m flux_k,      layer_k = sum_m w_m a_mk,

and at z = 0 the concentration is that of the lowest layer plus half its resistance times the flux.
Only the floor is read and only the floor is fed, so few combinations of the layers do the work of
all: `poles` projects ``A`` on as many as a tolerance asks for. The floor's mean alone keeps every
layer, and what is above the grid; doses, bath and audit are therefore exact.

Without coat and uptake the flux is known and the exponential solution exact. With them, medium and
coat together take steps of the two-stage, stiffly accurate, L-stable diagonally implicit
Runge-Kutta method of second order (gamma = 1 - 1/sqrt(2)); each stage is one `solve_floor`.

References
----------
Alexander (1977) SIAM J. Numer. Anal. 14:1006, 10.1137/0714068.
Druskin & Simoncini (2011) Syst. Control Lett. 60:546, 10.1016/j.sysconle.2011.04.013, for the
choice of the projection's shifts.
"""

from sdf1_field.solvers.cosine.balance import steady, steady_floor
from sdf1_field.solvers.cosine.columns import Columns, prepare
from sdf1_field.solvers.cosine.stages import ORDER
from sdf1_field.solvers.cosine.state import (
    CosineState,
    add,
    change_medium,
    column,
    face,
    floor,
    in_medium,
    on_coat,
    release,
    reservoir,
    start,
)
from sdf1_field.solvers.cosine.stepping import advance
from sdf1_field.solvers.cosine.tolerances import Tolerances, tolerances_of

State = CosineState

__all__ = [
    "ORDER",
    "Columns",
    "CosineState",
    "State",
    "Tolerances",
    "add",
    "advance",
    "change_medium",
    "column",
    "face",
    "floor",
    "in_medium",
    "on_coat",
    "prepare",
    "release",
    "reservoir",
    "start",
    "steady",
    "steady_floor",
    "tolerances_of",
]
