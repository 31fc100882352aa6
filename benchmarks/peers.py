"""Devito, FiPy and py-pde on the problems, each written as its own documentation would."""

import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Result, imported_memory, peak_memory, timed
from benchmarks.problems import Problem, floor_errors, relative_error

Array = NDArray[np.float64]

FIPY_STEP = 60.0
"""Of backward Euler [s]."""
EULER_STEPS = 56
"""Of py-pde's explicit Euler method between two stops of P1: as few as are stable.

Their length must stay below ``h**2 / (6 D)``, in two dimensions ``h**2 / (4 D)``.
"""
_DEVITO = {"DEVITO_ARCH": "gcc", "DEVITO_LANGUAGE": "C", "DEVITO_LOGGING": "ERROR"}
"""GCC with the options that Devito has for it, one thread."""


def _fipy_problem(problem: Problem) -> tuple[Any, Any, Any, float]:
    """Mesh, variable and terms; what making them takes [s]."""
    import fipy

    def make() -> tuple[Any, Any, Any]:
        size = problem.spacing
        if problem.nz > 1:
            mesh = fipy.Grid3D(
                dx=size, dy=size, dz=size, nx=problem.nx, ny=problem.ny, nz=problem.nz
            )
        else:
            mesh = fipy.Grid2D(dx=size, dy=size, nx=problem.nx, ny=problem.ny)
        concentration = fipy.CellVariable(mesh=mesh, name="c", value=0.0)
        source = fipy.CellVariable(mesh=mesh, name="s", value=0.0)
        source.value[: problem.nx * problem.ny] = problem.rates().ravel() / problem.cell_volume
        loss = fipy.ImplicitSourceTerm(coeff=problem.loss_rate)
        right = fipy.DiffusionTerm(coeff=problem.diffusivity) - loss + source
        return mesh, concentration, right

    seconds, (mesh, concentration, right) = timed(make)
    return mesh, concentration, right, seconds


def _import_fipy() -> None:
    os.environ["FIPY_SOLVERS"] = "scipy"
    import fipy  # noqa: F401


def _field(concentration: Any, problem: Problem) -> Array:
    field: Array = np.array(concentration.value).reshape(problem.nz, problem.ny, problem.nx)
    return field


def fipy_transient(problem: Problem, longest: float, field: Array, floors: Array) -> Result:
    """Backward Euler with conjugate gradients to their default tolerance.

    Parameters
    ----------
    problem : Problem
    longest : float
        Step [s].
    field : ndarray, shape (nz, ny, nx)
        Exact, at the end.
    floors : ndarray, shape (stop, ny, nx)
        Exact, at every stop.
    """
    _import_fipy()
    import fipy

    imported = imported_memory()
    _, concentration, right, meshing = _fipy_problem(problem)
    equation = fipy.TransientTerm() == right
    solver = fipy.LinearCGSolver()
    steps = max(1, round(problem.duration / longest))
    step = problem.duration / steps
    history = []

    def march() -> None:
        for _ in range(steps):
            equation.solve(var=concentration, dt=step, solver=solver)
            history.append(_field(concentration, problem)[0])

    seconds, _ = timed(march)
    peak = peak_memory()
    stride = problem.every / step
    met = [n for n in range(steps) if ((n + 1) / stride).is_integer()]
    stops = [round((n + 1) / stride) - 1 for n in met]
    errors = floor_errors(np.array(history)[met], floors[stops])
    errors["field, end"] = relative_error(_field(concentration, problem), field)
    return Result(
        seconds=seconds,
        set_up={"mesh and terms": meshing},
        errors=errors,
        facts={"step [s]": step, "stops": len(met)},
        imported=imported,
        peak=peak,
    )


def fipy_steady(problem: Problem, field: Array) -> Result:
    """Steady state with conjugate gradients to their default tolerance."""
    _import_fipy()
    import fipy

    imported = imported_memory()
    _, concentration, right, meshing = _fipy_problem(problem)
    solver = fipy.LinearCGSolver()
    seconds, _ = timed(lambda: right.solve(var=concentration, solver=solver))
    peak = peak_memory()
    found = _field(concentration, problem)
    return Result(
        seconds=seconds,
        set_up={"mesh and terms": meshing},
        errors={"floor": relative_error(found[0], field[0]), "field": relative_error(found, field)},
        imported=imported,
        peak=peak,
    )


def pypde_transient(problem: Problem, field: Array, floors: Array) -> Result:
    """Explicit Euler at the largest stable step, compiled by Numba; arguments as of FiPy's.

    py-pde's own clock tells the solver's time from the compiler's.
    """
    import pde

    imported = imported_memory()
    flat = problem.nz == 1
    shape = [problem.nx, problem.ny] + ([] if flat else [problem.nz])
    grid = pde.CartesianGrid([(0.0, problem.spacing * n) for n in shape], shape)
    source = pde.ScalarField(grid, 0.0)
    rates = problem.rates().T / problem.cell_volume
    if flat:
        source.data[...] = rates
    else:
        source.data[:, :, 0] = rates
    equation = pde.PDE(
        {"c": f"{problem.diffusivity!r} * laplace(c) - {problem.loss_rate!r} * c + s"},
        consts={"s": source},
        bc={"derivative": 0},
    )
    history = []

    def remember(state: Any, time: float) -> None:
        if time > 0.5 * problem.every:
            history.append(np.array(state.data if flat else state.data[:, :, 0]).T)

    stable = problem.spacing**2 / (2 * len(shape) * problem.diffusivity)
    step = problem.every / max(EULER_STEPS if not flat else 1, int(problem.every / stable) + 1)
    tracker = pde.CallbackTracker(remember, interrupts=problem.every)

    def solve() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return equation.solve(
                pde.ScalarField(grid, 0.0),
                t_range=problem.duration,
                dt=step,
                solver="euler",
                backend="numba",
                tracker=[tracker],
                ret_info=True,
            )

    total, (state, info) = timed(solve)
    peak = peak_memory()
    clock = info["controller"]["profiler"]
    seconds = clock["solver"] + clock["tracker"]
    if len(history) > len(problem.stops):
        del history[len(problem.stops) :]
    errors = floor_errors(np.array(history), floors)
    if not flat:
        errors["field, end"] = relative_error(state.data.transpose(2, 1, 0), field)
    return Result(
        seconds=seconds,
        set_up={"compilation and the rest": total - seconds},
        errors=errors,
        facts={"step [s]": step, "stops": len(history)},
        imported=imported,
        peak=peak,
    )


def devito_transient(problem: Problem, field: Array, floors: Array) -> Result:
    """Explicit Euler in C, with as many steps as py-pde takes; arguments as of FiPy's.

    The walls are points outside the grid (its halo), each a copy of the nearest point inside.
    """
    os.environ.update(_DEVITO)
    from devito import Eq, Function, Grid, Operator, TimeFunction, solve

    shape = (problem.nz, problem.ny, problem.nx)
    extent = tuple(problem.spacing * (n - 1) for n in shape)
    grid = Grid(shape=shape, extent=extent, dtype=np.float64)
    c = TimeFunction(name="c", grid=grid, space_order=2, time_order=1)
    source = Function(name="s", grid=grid, space_order=0)
    source.data[0] = problem.rates() / problem.cell_volume
    law = Eq(c.dt, problem.diffusivity * c.laplace - problem.loss_rate * c + source)
    equations = [Eq(c.forward, solve(law, c.forward))]
    later = grid.stepping_dim + 1
    for axis, count in enumerate(shape):
        for outside, inside in ((-1, 0), (count, count - 1)):
            there, near = list(grid.dimensions), list(grid.dimensions)
            there[axis], near[axis] = outside, inside
            equations.append(Eq(c[(later, *there)], c[(later, *near)]))
    operator = Operator(equations)
    # A step of no length compiles and changes nothing but the walls' copies.
    compiling, _ = timed(lambda: operator.apply(time_m=0, time_M=0, dt=0.0))
    c.data_with_halo[:] = 0.0
    imported = imported_memory()
    step, history = problem.every / EULER_STEPS, []

    def march() -> None:
        for n in range(len(problem.stops)):
            begin, end = n * EULER_STEPS, (n + 1) * EULER_STEPS
            operator.apply(time_m=begin, time_M=end - 1, dt=step)
            history.append(np.array(c.data[end % 2, 0]))

    seconds, _ = timed(march)
    peak = peak_memory()
    errors = floor_errors(np.array(history), floors)
    last = len(problem.stops) * EULER_STEPS % 2
    errors["field, end"] = relative_error(np.array(c.data[last]), field)
    return Result(
        seconds=seconds,
        set_up={"compilation": compiling},
        errors=errors,
        facts={"step [s]": step, "stops": len(history)},
        imported=imported,
        peak=peak,
    )


def pypde_steady(problem: Problem, field: Array) -> Result:
    """Not to be had: `pde.solve_poisson_equation` knows no loss.

    Raises
    ------
    NotImplementedError
        Always.
    """
    raise NotImplementedError(
        "its stationary solvers are for Laplace's and Poisson's equation, without loss"
    )
