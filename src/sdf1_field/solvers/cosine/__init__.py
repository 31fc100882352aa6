"""Cosine modes in x and y, exponential or implicit steps: the default solver.

Between reflecting (no-flux) walls the finite-volume operator is diagonal in the type-II cosine
basis in x and y, and the layers of every mode have the same eigenvectors in z: with
``A = V diag(rate) V^T`` for their exchange, the amplitude of eigenvector m in mode k obeys

    da/dt = -(rate_m + D q_k^2 + loss) a + w_m flux_k,      layer_k = sum_m w_m a_mk,

and at z = 0 the concentration is that of the lowest layer plus half its resistance times the flux.
Cells read only the floor and sources feed only the floor, so a few combinations of the layers are
enough: `poles` projects ``A`` on as many as the tolerance needs (rational Krylov model reduction).
The floor's mean, mode (0, 0), keeps every layer and the mixed medium above; doses, bath and audit
are therefore exact.

Without coat and uptake the flux is known and the exponential solution exact (`exact`). With them
the floor has a nonlinear Robin condition (`floor_law`), and medium and coat are coupled fully
implicitly by the two-stage, stiffly accurate, L-stable diagonally implicit Runge-Kutta method of
second order (gamma = 1 - 1/sqrt(2); `coupled`); each stage is one Newton-Krylov solve of the floor
(`floor_newton`). A bath is a Dirichlet condition at the top; otherwise the top is no-flux.

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
