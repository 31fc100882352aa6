"""Checks of a state: all numbers finite, all places inside the walls, the mass audit closed.

A run checks its state at every stop, so that a wrong number ends the run at the time and place
where it arose.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells import Cells
from sdf1_field.compiled import kernel
from sdf1_field.errors import RunError
from sdf1_field.grid import Grid
from sdf1_field.scene import Scene
from sdf1_field.simulation.state import State
from sdf1_field.solvers import FieldState, Solver
from sdf1_field.spec import Numerics

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

BEYOND = 1e-9
"""Share of the view by which a place may lie beyond a wall: round-off of the reflection."""
UNDERSHOOT = 2.0
"""Largest undershoot of a concentration or the coat below zero, in units of the run's error.

``numerics.tolerance`` is that error relative to the floor's root mean square; it counts here
relative to the largest value, and twice over, for an error that is larger at one place. Measured
beside two sources on an empty floor, from a tolerance of 0.1 to 1e-6: 1e-4 to 6e-4 of it.
"""
ITERATED = 1e3
"""Largest error of FiPy's linear solves and sweeps, in units of the sum of their tolerances.

Each step may lose as much as its last residual and its last sweep, and a run of 12 h has 720 steps.
Measured in the mass audit of 90 steps: 27 at a linear tolerance of 1e-3, and at most 13 below.
"""
MOST_ITERATED = 0.1
"""Upper bound of that error: a share of the largest value, or of all that came in."""
ROUND_OFF = 1e-6
"""Share of all that came in which may be missing from a ligand's mass audit in any case.

The cosine solver closes it to 1e-13 whatever its tolerance.
"""
TURNED = 1e-6
"""Largest deviation from 1 of the square of a heading's length."""


@dataclass(frozen=True)
class Allowance:
    """Errors that a model's solver is allowed, and the setting that makes each smaller.

    Parameters
    ----------
    below : float
        Share of the largest value by which a field may be below zero.
    absolute : float
        The same for a field that is nearly nothing [nM], and as molecules/um**2 on the coat.
    missing : float
        Share of all that came in which may be missing from the mass audit.
    below_remedy, missing_remedy : str
    """

    below: float
    absolute: float
    missing: float
    below_remedy: str
    missing_remedy: str


def allowance(numerics: Numerics) -> Allowance:
    """Errors that follow from the tolerances of the solver in use."""
    if numerics.solver == "fipy":
        left = numerics.fipy.linear_tolerance + numerics.fipy.sweep_tolerance
        share = min(max(ITERATED * left, ROUND_OFF), MOST_ITERATED)
        remedy = "Lower numerics.fipy.linear_tolerance or numerics.fipy.sweep_tolerance."
        return Allowance(share, numerics.absolute_tolerance, share, remedy, remedy)
    return Allowance(
        below=UNDERSHOOT * numerics.tolerance,
        absolute=numerics.absolute_tolerance,
        missing=ROUND_OFF,
        below_remedy="Lower numerics.tolerance or grid.spacing.",
        missing_remedy="Lower numerics.tolerance or numerics.coupling_step.",
    )


def require_sound(
    state: State,
    grid: Grid,
    solvers: Mapping[str, Solver],
    prepared: Mapping[str, Any],
    numerics: Numerics,
    *,
    last: State | None = None,
    steady: bool = False,
) -> None:
    """Raise RunError unless a state is sound.

    Parameters
    ----------
    state : State
    grid : Grid
    solvers : mapping of str to Solver
        Of the fields.
    prepared : mapping of str to object
        By ligand, the solver's prepared equation.
    numerics : Numerics
        Tolerances that the solver was given.
    last : State, optional
        State of the stop before: parts that are still the same objects are not checked again, and
        a message names the place where a lost cell was then.
    steady : bool
        Whether it is a steady state, which has no mass audit.

    Raises
    ------
    RunError
        With the time, the place, the quantity, and the setting to change.
    """
    allowed = allowance(numerics)
    try:
        if last is None or state.scene is not last.scene:
            require_sound_scene(state.scene, grid)
        for name, field in state.fields.items():
            if last is None or field is not last.fields[name]:
                solver = solvers[name]
                require_sound_field(name, field, grid, solver, prepared[name], allowed)
                if not steady:
                    require_closed_books(name, field, solver, prepared[name], allowed)
        if last is None or state.exposure is not last.exposure:
            _require_finite_coat(state.exposure.coated)
        if state.cells is not None:
            require_sound_cells(state.cells, grid, last=None if last is None else last.cells)
    except RunError as error:
        raise RunError(f"t = {state.time:.6g} s: {error}") from None


def require_sound_cells(cells: Cells, grid: Grid, *, last: Cells | None = None) -> None:
    """Raise RunError unless cells are inside the walls and their headings are unit vectors."""
    if not grid.round and _all_on_their_way(
        cells.x, cells.y, cells.heading_x, cells.heading_y, grid.width, grid.length
    ):
        return
    x, y = (cells.x, cells.y) if last is None else (last.x, last.y)
    remedy = (
        "Check speed, persistence and receptors of the cell type and coat_share of the receptor, "
        "or lower cells.time_step."
    )
    outside = ~_inside(cells.x, cells.y, grid)
    if outside.any():
        _refuse("haematopoietic cell", outside, x, y, "is not inside the walls", remedy)
    with np.errstate(over="ignore", invalid="ignore"):
        square = cells.heading_x * cells.heading_x + cells.heading_y * cells.heading_y
        lost = ~(np.abs(square - 1.0) <= TURNED)
    if lost.any():
        _refuse("haematopoietic cell", lost, x, y, "has no direction any more", remedy)


@kernel()
def _all_on_their_way(
    xs: Array, ys: Array, hxs: Array, hys: Array, width: float, length: float
) -> bool:
    """Whether all cells, shape (cell,), are inside a rectangle's walls, with unit headings."""
    across, along = BEYOND * width, BEYOND * length
    for n in range(xs.size):
        inside = -across <= xs[n] <= width + across and -along <= ys[n] <= length + along
        if not (inside and abs(hxs[n] * hxs[n] + hys[n] * hys[n] - 1.0) <= TURNED):
            return False
    return True


def require_sound_scene(scene: Scene, grid: Grid) -> None:
    """Raise RunError unless bodies, fibres and migrasomes are inside the walls, of finite size."""
    remedy = "Check the scene, stroma and biogenesis, or make the dish larger than its cells."
    bodies, fibres, migrasomes = scene.bodies, scene.fibres, scene.migrasomes
    for what, x, y, sizes in (
        ("MSC", bodies.x, bodies.y, (bodies.semi_major, bodies.semi_minor)),
        ("migrasome", migrasomes.x, migrasomes.y, (migrasomes.radius,)),
    ):
        outside = ~_inside(x, y, grid)
        if outside.any():
            _refuse(what, outside, x, y, "is not inside the walls", remedy)
        for size in sizes:
            endless = ~((size >= 0.0) & (size < math.inf))
            if endless.any():
                _refuse(what, endless, x, y, "has no finite size", remedy)
    if not np.isfinite(bodies.angle).all():
        _refuse("MSC", ~np.isfinite(bodies.angle), bodies.x, bodies.y, "has no direction", remedy)
    # A fibre's course ends with NaN in x and y; it has two vertices at least.
    ended = np.isnan(fibres.x) & np.isnan(fibres.y)
    ended[:, :2] = False
    outside = ~(ended | _inside(fibres.x, fibres.y, grid))
    if outside.any():
        _refuse("fibre", outside, fibres.x, fibres.y, "is not inside the walls", remedy)


def require_sound_field(
    name: str,
    field: FieldState,
    grid: Grid,
    solver: Solver,
    prepared: Any,
    allowed: Allowance,
) -> None:
    """Raise RunError unless a ligand is finite on floor and coat, and nowhere below zero.

    An undershoot below zero is the solver's error, relative to the largest value on the floor.
    """
    for quantity, values in (
        ("concentration", solver.floor(prepared, field)),
        ("concentration at z = 0", solver.face(prepared, field)),
        ("bound ligand", field.bound),
    ):
        lowest, highest, finite = _extremes(values)
        if finite:
            if lowest >= -allowed.below * max(highest, 0.0) - allowed.absolute:
                continue
            wrong = values == lowest
            found = f"{quantity} {lowest:.3g} is below zero"
            remedy = allowed.below_remedy
        else:
            wrong = ~np.isfinite(values)
            found = f"{quantity} is not finite"
            remedy = "Check secretion rates and coat constants, or lower numerics.coupling_step."
        row, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        where = f"x = {grid.x[column]:.6g} um, y = {grid.y[row]:.6g} um"
        raise RunError(f"ligand {name}, {where}: {found}. {remedy}")


@kernel()
def _extremes(values: Array) -> tuple[float, float, bool]:
    """Smallest and largest of a map's values, shape (ny, nx), and whether all are finite."""
    lowest, highest, finite = values[0, 0], values[0, 0], True
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            value = values[row, column]
            lowest = value if value < lowest else lowest
            highest = value if value > highest else highest
            finite &= abs(value) < math.inf
    return lowest, highest, finite


def require_closed_books(
    name: str, field: FieldState, solver: Solver, prepared: Any, allowed: Allowance
) -> None:
    """Raise RunError if more is missing from a ligand's mass audit than its solver may lose."""
    missing = field.ledger.imbalance(
        solver.in_medium(prepared, field), solver.on_coat(prepared, field)
    )
    if not abs(missing) <= allowed.missing:
        raise RunError(
            f"ligand {name}, whole dish: {missing:.3g} of all that came in is missing from the "
            f"mass audit. {allowed.missing_remedy}"
        )


def _require_finite_coat(coated: Array) -> None:
    if not math.isfinite(float(coated.sum())):
        wrong = ~np.isfinite(coated).all(axis=1)
        raise RunError(
            f"source {int(np.argmax(wrong))}: the coat around the migrasome is not finite. Check "
            "coat constants and secretion rates."
        )


def _inside(x: Array, y: Array, grid: Grid) -> Flags:
    """Whether places [um] are within the walls, of the shape of ``x``; False for NaN."""
    if grid.round:
        with np.errstate(over="ignore", invalid="ignore"):
            apart = np.hypot(2.0 * x / grid.width - 1.0, 2.0 * y / grid.length - 1.0)
        around: Flags = apart <= 1.0 + 2.0 * BEYOND
        return around
    across, along = BEYOND * grid.width, BEYOND * grid.length
    within: Flags = (x >= -across) & (x <= grid.width + across)
    within &= (y >= -along) & (y <= grid.length + along)
    return within


def _refuse(what: str, wrong: Flags, x: Array, y: Array, found: str, remedy: str) -> NoReturn:
    """Raise RunError about the first wrong item, with the number of wrong ones."""
    first = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    raise RunError(
        f"{what} {first[0]}, x = {x[first]:.6g} um, y = {y[first]:.6g} um: {found} "
        f"({np.count_nonzero(wrong)} of {wrong.size} are wrong). {remedy}"
    )
