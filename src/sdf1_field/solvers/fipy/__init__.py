"""Medium and coat as one fully coupled FiPy system: slower, more general, an independent check.

The coat is held as the concentration ``a = b / l``, where ``l`` is the height of medium that the
empty coat holds at equilibrium. With ``h`` the thickness of the lowest layer, the only one with
sources,

    dc/dt = div(D grad c) - k c + (s - j - u) / h
    da/dt = (j - k_b l a) / l
    j = k_on c_0 (B - l a) - k_off l a               Langmuir kinetics
    u = U c_0 / (c_0 + K_u)                          Michaelis-Menten kinetics
    c_0 = c + h / (2 D) (s - j - u)                  the concentration at z = 0

* **Boundary conditions.** Outer faces are no-flux, FiPy's default, as are those around the cells
  outside a round well. A bath is a Dirichlet condition at the top (`constrain`). The floor's Robin
  condition, a flux that depends on ``c_0``, is a source of the lowest layer (`exchange`).
* **Coupling.** ``c`` and ``a`` are two variables of one coupled matrix (fully implicit, no
  operator splitting). Each sweep linearises ``j`` and ``u`` about the last one: Newton's method,
  repeated until nothing changes (`system`).
* **Time.** Backward Euler under each step's mean secretion (`stepping`).
* **Mixed medium** above the mesh, of height ``M``, has one concentration ``R``, a Dirichlet value
  at the top that is iterated along with the sweeps (`mixed`):
  ``dR/dt = G / M (mean of c at the top - R) - k R``, ``G = 2 D / (thickness of the top layer)``.

The iterations share nothing with those of the cosine solver.

References
----------
Guyer, Wheeler & Warren (2009) Comput. Sci. Eng. 11:6, 10.1109/MCSE.2009.52.
"""

from sdf1_field.solvers.fipy.state import (
    FipyState,
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
from sdf1_field.solvers.fipy.stepping import ORDER, advance, steady
from sdf1_field.solvers.fipy.tolerances import Tolerances, tolerances_of
from sdf1_field.solvers.fipy.volumes import prepare

State = FipyState

__all__ = [
    "ORDER",
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
    "tolerances_of",
]
