"""Medium and unsaturated coat together: one exact step of any length in the cosine basis.

Where a coat is even and far from full and no cell takes ligand up, medium and coat are one linear
system per wavenumber; see `arrow` for its equations and `stepping` for its solution. Saturating
coats, uptake and steady states belong to the ``cosine`` solver, whose columns this one uses.
"""

from dataclasses import replace

from sdf1_field.grid import Grid
from sdf1_field.solvers.cosine import Tolerances, tolerances_of
from sdf1_field.solvers.cosine import prepare as prepare_columns
from sdf1_field.solvers.linear.arrow import Arrow, arrow
from sdf1_field.solvers.linear.state import (
    LinearState,
    add,
    change_medium,
    face,
    floor,
    in_medium,
    on_coat,
    release,
    reservoir,
    start,
    to_saturating,
)
from sdf1_field.solvers.linear.stepping import advance, column
from sdf1_field.transport import Transport

State = LinearState

__all__ = [
    "Arrow",
    "LinearState",
    "State",
    "Tolerances",
    "add",
    "advance",
    "arrow",
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
    "to_saturating",
    "tolerances_of",
]

_POLE_TOLERANCE = 1e-4
"""Relative tolerance that the number of poles is chosen for: steps have no error beside it, and a
few poles more cost little."""


def prepare(grid: Grid, transport: Transport, tolerances: Tolerances) -> Arrow:
    """Eigenmodes of medium and coat, once for an equation.

    Raises
    ------
    RunError
        If the walls are no rectangle.
    Unresolved
        If the eigenmodes cannot be interpolated.
    """
    fine = replace(tolerances, relative=min(tolerances.relative, _POLE_TOLERANCE))
    return arrow(prepare_columns(grid, transport, fine))
