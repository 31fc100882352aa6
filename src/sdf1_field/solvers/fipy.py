"""The same equations as FiPy terms on a FiPy mesh: slower, more general, an independent check.

Medium and coat are two variables of one coupled system, linearised about the last sweep and swept
until nothing moves; time steps are backward Euler's. With ``a = b / l`` the coat in nM, where ``l``
is the height of medium that the empty coat holds at equilibrium,

    dc/dt = div(D grad c) - k c + (s - j) / h        h: lowest layer, s and j there alone
    da/dt = (j - k_b l a) / l,   j = k_on c (B - l a) - k_off l a.

A round well is a mesh whose cells outside exchange nothing. Nothing numerical is shared with
`sdf1_field.transport`'s iteration for the floor.

References
----------
Guyer, Wheeler & Warren (2009) Comput. Sci. Eng. 11:6, 10.1109/MCSE.2009.52.
"""

import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from sdf1_field.errors import RunError
from sdf1_field.grid import Grid
from sdf1_field.spec import Numerics
from sdf1_field.transport import Coat, Ledger, Transport
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

# FiPy picks its linear algebra when it is imported, and uses names that NumPy has moved.
_chosen = os.environ.get("FIPY_SOLVERS")
os.environ["FIPY_SOLVERS"] = "scipy"
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import fipy
    from fipy.solvers import scipy as linear
    from fipy.solvers.convergence import Divergence
if _chosen is None:
    del os.environ["FIPY_SOLVERS"]
else:
    os.environ["FIPY_SOLVERS"] = _chosen

Array = NDArray[np.float64]

ORDER = 1
"""Declared order in the time step."""

_FOREVER = 1e30
"""A step so long that it ends in the steady state [s]."""
_SWEEP_LIMIT = 50
_ITERATION_LIMIT = 5_000
_RESTARTS = 3
_ROUND_OFF = 1e-9
"""Share of a step by which the time left may miss a whole number of steps."""

_LINEAR_SOLVERS: dict[str, Callable[..., Any]] = {
    "cg": linear.LinearCGSolver,
    "bicgstab": linear.LinearBicgstabSolver,
    "lu": linear.LinearLUSolver,
}


@dataclass(frozen=True)
class Tolerances:
    """How to step and when a linear solve or a sweep is good enough.

    Parameters
    ----------
    relative, absolute : float
        A sweep is the last if it moves mean and deviation from the mean each by less than the
        relative part of it, or the absolute one [nM].
    time_step : float
        Longest step [s].
    linear_solver : str
        ``"cg"`` (nothing may bind to the floor), ``"bicgstab"`` or ``"lu"``.
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


@dataclass(frozen=True, eq=False)
class Volumes:
    """Grid and equation, and the mesh of FiPy's cells.

    Parameters
    ----------
    mesh : fipy.meshes.mesh.Mesh
        Cells in the order of a (nz, ny, nx) array.
    exchange : fipy.FaceVariable
        ``D`` on each face [um**2/s], 0 around what is outside a round well.
    floor, outside : ndarray, shape (nz * ny * nx,)
        1 in the cells of the lowest layer inside the well, and in those outside; else 0.
    """

    grid: Grid
    transport: Transport
    mesh: Any
    exchange: Any
    floor: Array
    outside: Array

    @property
    def coat(self) -> Coat | None:
        """The coat, if anything can bind to it."""
        coat = self.transport.coat
        return coat if coat is not None and coat.sites * coat.association_rate > 0 else None

    @property
    def cell_area(self) -> float:
        """[um**2]."""
        return self.grid.dx * self.grid.dy

    @property
    def coat_height(self) -> float:
        """``l``: height of medium that holds as much as the empty coat at equilibrium [um]."""
        coat = self.coat
        assert coat is not None
        leaving = coat.dissociation_rate + coat.loss_rate
        taking = coat.association_rate * coat.sites / MOLECULES_PER_UM3_PER_NM
        return taking / leaving if leaving > 0 else coat.sites / MOLECULES_PER_UM3_PER_NM

    def on_floor(self, values: Array) -> Array:
        """Values of the mesh's cells from those of the lowest layer, zero elsewhere."""
        spread = np.zeros(self.mesh.numberOfCells)
        spread[: values.size] = values.ravel()
        return spread * self.floor


@dataclass(frozen=True, eq=False)
class FipyState:
    """Everything the solver knows at a time.

    Parameters
    ----------
    time : float
        [s].
    medium : ndarray, shape (nz, ny, nx)
        [nM]; zero outside a round well.
    bound : ndarray, shape (ny, nx)
        On the coat [molecules/um**2].
    ledger : Ledger
    """

    time: float
    medium: Array
    bound: Array
    ledger: Ledger


State = FipyState


def prepare(grid: Grid, transport: Transport) -> Volumes:
    """Mesh and exchange coefficients, once for a grid and an equation."""
    shape = (grid.nz, grid.ny, grid.nx)
    inside = np.broadcast_to(grid.inside, shape).ravel()
    with _fipy_arithmetic():
        mesh = fipy.Grid3D(
            dx=grid.dx, dy=grid.dy, dz=list(grid.thickness), nx=grid.nx, ny=grid.ny, nz=grid.nz
        )
        one, other = mesh.faceCellIDs
        between = inside[np.asarray(one)]
        shared = ~np.ma.getmaskarray(other)
        between[shared] &= inside[np.asarray(other)[shared]]
        exchange = fipy.FaceVariable(mesh=mesh, value=transport.diffusivity * between)
    floor = np.zeros(shape)
    floor[0] = grid.inside
    return Volumes(grid, transport, mesh, exchange, floor.ravel(), (~inside).astype(float))


def start(volumes: Volumes, *, time: float, tolerances: Tolerances) -> FipyState:
    """Medium without ligand (but for a bath's, which is everywhere) over an empty coat."""
    grid = volumes.grid
    empty = FipyState(
        time, np.zeros((grid.nz, grid.ny, grid.nx)), np.zeros((grid.ny, grid.nx)), Ledger()
    )
    bath = volumes.transport.bath
    if bath:
        empty = add(volumes, empty, bath, tolerances=tolerances)
        return replace(empty, ledger=replace(empty.ledger, minimum=bath))
    return empty


def add(
    volumes: Volumes, state: FipyState, concentration: float, *, tolerances: Tolerances
) -> FipyState:
    """State after ligand is mixed into the whole medium at once.

    Parameters
    ----------
    concentration : float
        What every place gains [nM].
    """
    del tolerances
    grid = volumes.grid
    return replace(
        state,
        medium=state.medium + concentration * grid.inside,
        ledger=state.ledger.book(
            added=concentration * grid.area * grid.height * MOLECULES_PER_UM3_PER_NM
        ),
    )


def release(
    volumes: Volumes, state: FipyState, amount: Array, *, tolerances: Tolerances
) -> FipyState:
    """State after ligand is set free on the floor at once, as by ruptured migrasomes.

    Parameters
    ----------
    amount : ndarray, shape (ny, nx)
        What each floor cell's lowest layer gains [molecules]; whoever knows the sources books it.
    """
    del tolerances
    volume = volumes.cell_area * float(volumes.grid.thickness[0])
    medium = state.medium.copy()
    medium[0] += amount / (volume * MOLECULES_PER_UM3_PER_NM)
    return replace(state, medium=medium)


def change_medium(volumes: Volumes, state: FipyState, *, tolerances: Tolerances) -> FipyState:
    """State after fresh medium replaces the old: dissolved ligand goes, the coat keeps its own.

    Fresh medium under a bath holds the bath's concentration.
    """
    fresh = replace(
        state,
        medium=np.zeros_like(state.medium),
        ledger=state.ledger.book(removed=in_medium(volumes, state)),
    )
    return add(volumes, fresh, volumes.transport.bath or 0.0, tolerances=tolerances)


def in_medium(volumes: Volumes, state: FipyState) -> float:
    """Ligand dissolved [molecules]."""
    layers = state.medium.sum(axis=(1, 2)) * volumes.grid.thickness
    return float(layers.sum()) * volumes.cell_area * MOLECULES_PER_UM3_PER_NM


def on_coat(volumes: Volumes, state: FipyState) -> float:
    """Ligand bound [molecules]."""
    return float(state.bound.sum()) * volumes.cell_area


def floor(volumes: Volumes, state: FipyState) -> Array:
    """Concentration in the lowest layer [nM], shape (ny, nx)."""
    del volumes
    layer: Array = state.medium[0]
    return layer


def column(volumes: Volumes, state: FipyState) -> Array:
    """Concentration everywhere [nM], shape (nz, ny, nx)."""
    del volumes
    return state.medium


def advance(
    volumes: Volumes,
    state: FipyState,
    secretion: Array,
    until: float,
    *,
    tolerances: Tolerances,
) -> FipyState:
    """State at a later time under constant secretion.

    Parameters
    ----------
    volumes : Volumes
    state : FipyState
    secretion : ndarray, shape (ny, nx)
        Floor flux [molecules/(um**2 s)].
    until : float
        Time to land on [s]; in equal steps no longer than the tolerances'.
    tolerances : Tolerances

    Returns
    -------
    FipyState
        Its ledger books what was degraded and what left through the top; what was secreted is
        booked by whoever knows the sources.

    Raises
    ------
    RunError
        If a value is no longer finite, or a linear solve or the sweeps do not converge.
    """
    span = until - state.time
    if span <= 0.0:
        return state
    count = math.ceil(span / tolerances.time_step - _ROUND_OFF)
    system = _System(volumes, secretion, tolerances, state)
    for n in range(count):
        try:
            system.step(span / count)
        except RunError as error:
            raise RunError(f"t = {state.time:.6g} s: {error}") from None
        # Counted from the beginning, so that the last step lands on the time asked for.
        at = until if n + 1 == count else until - (count - 1 - n) * (span / count)
        state = system.state(at, state.ledger, span / count)
    return state


def steady(volumes: Volumes, secretion: Array, *, time: float, tolerances: Tolerances) -> FipyState:
    """Steady state under constant secretion.

    Parameters
    ----------
    volumes : Volumes
    secretion : ndarray, shape (ny, nx)
        [molecules/(um**2 s)].
    time : float
        Time to give the state [s].
    tolerances : Tolerances

    Raises
    ------
    RunError
        If nothing is lost anywhere, or a linear solve or the sweeps do not converge.
    """
    volumes.transport.require_steady_state()
    system = _System(
        volumes, secretion, tolerances, start(volumes, time=time, tolerances=tolerances)
    )
    system.step(_FOREVER)
    return system.state(time, Ledger(), 0.0)


@contextmanager
def _fipy_arithmetic() -> Iterator[None]:
    """FiPy divides by what may be zero and warns of what is checked here."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Diagonal(linear.JacobiPreconditioner):  # type: ignore[misc]
    """Jacobi's preconditioner as a product; FiPy's own solves a sparse system each time."""

    def _applyToMatrix(self, matrix: Any) -> tuple[Any, Any]:
        return scipy.sparse.diags(1.0 / matrix.diagonal()), matrix


class _System:
    """FiPy's variables and equations of one field under constant secretion."""

    def __init__(
        self, volumes: Volumes, secretion: Array, tolerances: Tolerances, state: FipyState
    ) -> None:
        self._volumes, self._tolerances = volumes, tolerances
        mesh, transport = volumes.mesh, volumes.transport
        self._medium = fipy.CellVariable(mesh=mesh, value=state.medium.ravel(), hasOld=True)
        if transport.bath is not None:
            self._medium.constrain(transport.bath, where=mesh.facesBack)
        self._source = self._variable(
            volumes.on_floor(secretion)
            / (float(volumes.grid.thickness[0]) * MOLECULES_PER_UM3_PER_NM)
        )
        self._coated: Any = None
        if volumes.coat is not None:
            attached = state.bound / (volumes.coat_height * MOLECULES_PER_UM3_PER_NM)
            self._coated = fipy.CellVariable(
                mesh=mesh, value=volumes.on_floor(attached), hasOld=True
            )

    def _variable(self, values: Array) -> Any:
        return fipy.CellVariable(mesh=self._volumes.mesh, value=values)

    def _equation(self) -> Any:
        """All terms on the side of the sources, the transient one alone on the other.

        FiPy treats a source implicitly if its sign suits the side it stands on; written so, what
        one variable gives the other is implicit too.
        """
        volumes, transport, medium = self._volumes, self._volumes.transport, self._medium
        lost = self._variable(transport.loss_rate + volumes.outside)
        rest = (
            fipy.DiffusionTerm(coeff=volumes.exchange, var=medium)
            - fipy.ImplicitSourceTerm(coeff=lost, var=medium)
            + self._source
        )
        coat = volumes.coat
        if coat is None:
            return rest == fipy.TransientTerm(var=medium)
        height, layer = volumes.coat_height, float(volumes.grid.thickness[0])
        taking = self._variable(coat.association_rate * volumes.floor)
        leaving = self._variable(coat.dissociation_rate * volumes.floor)
        elsewhere = self._variable(1.0 - volumes.floor)
        sites, coated = coat.sites / MOLECULES_PER_UM3_PER_NM, self._coated
        # The exchange about the last sweep: caught by free sites, let go, and Newton's remainder.
        caught = taking * (sites - height * coated)
        let_go = (taking * medium + leaving) * height
        remainder = taking * height * medium * coated
        rest = (
            rest
            - fipy.ImplicitSourceTerm(coeff=caught / layer, var=medium)
            + fipy.ImplicitSourceTerm(coeff=let_go / layer, var=coated)
            - remainder / layer
        )
        # Times l / h, the coat's rows weigh as much as the floor's, and mirror them.
        weight = height / layer
        gone = let_go + coat.loss_rate * height * self._variable(volumes.floor) + elsewhere
        held = (
            fipy.ImplicitSourceTerm(coeff=caught / layer, var=medium)
            - fipy.ImplicitSourceTerm(coeff=gone / layer, var=coated)
            + remainder / layer
        )
        return (rest == fipy.TransientTerm(var=medium)) & (
            held == fipy.TransientTerm(coeff=weight, var=coated)
        )

    def step(self, duration: float) -> None:
        """Take a step [s]."""
        tolerances, variables = self._tolerances, [self._medium]
        if self._coated is not None:
            variables.append(self._coated)
        with _fipy_arithmetic():
            for variable in variables:
                variable.updateOld()
            equation = self._equation()
            failures = 0
            for _ in range(_SWEEP_LIMIT):
                before = [np.array(variable.value) for variable in variables]
                solver = self._linear_solver()
                only = {"var": self._medium} if self._coated is None else {}
                equation.sweep(dt=duration, solver=solver, **only)
                if not all(np.isfinite(variable.value).all() for variable in variables):
                    raise RunError("a value is no longer finite. Check the secretion rates.")
                if isinstance(solver.convergence, Divergence):
                    # Begun anew from where it broke down, the iteration often goes through.
                    failures += 1
                    if failures > _RESTARTS:
                        raise RunError(
                            f"the linear solver '{tolerances.linear_solver}' did not reach "
                            f"{tolerances.linear_tolerance:g}. Choose another with "
                            "numerics.fipy.linear_solver, or raise numerics.fipy.linear_tolerance."
                        )
                elif self._coated is None or all(
                    self._settled(old, np.array(variable.value))
                    for old, variable in zip(before, variables, strict=True)
                ):
                    return
        raise RunError(
            f"the coat did not settle in {_SWEEP_LIMIT} sweeps. Lower numerics.fipy.time_step."
        )

    def _linear_solver(self) -> Any:
        tolerances = self._tolerances
        if tolerances.linear_solver == "lu":
            return linear.LinearLUSolver(tolerance=tolerances.linear_tolerance)
        return _LINEAR_SOLVERS[tolerances.linear_solver](
            tolerance=tolerances.linear_tolerance,
            criterion="RHS",
            iterations=_ITERATION_LIMIT,
            precon=_Diagonal(),
        )

    def _settled(self, before: Array, after: Array) -> bool:
        """Whether a sweep moved mean and deviation of the lowest layer by next to nothing."""
        chosen = self._volumes.floor > 0
        old, new = before[chosen], after[chosen]
        for moved, size in (
            (abs(new.mean() - old.mean()), abs(new.mean())),
            ((new - new.mean() - old + old.mean()).std(), new.std()),
        ):
            if moved > self._tolerances.relative * size + self._tolerances.absolute:
                return False
        return True

    def state(self, time: float, ledger: Ledger, duration: float) -> FipyState:
        """State at a time, its ledger with what a step [s] to it lost."""
        volumes, grid = self._volumes, self._volumes.grid
        transport, coat = volumes.transport, volumes.coat
        inside = 1.0 - volumes.outside
        medium = (np.array(self._medium.value) * inside).reshape(grid.nz, grid.ny, grid.nx)
        bound = np.zeros((grid.ny, grid.nx))
        if coat is not None:
            coated = np.array(self._coated.value) * volumes.floor
            bound = (
                coated[: bound.size].reshape(bound.shape)
                * volumes.coat_height
                * MOLECULES_PER_UM3_PER_NM
            )
        after = FipyState(time, medium, bound, ledger)
        degraded = transport.loss_rate * in_medium(volumes, after)
        if coat is not None:
            degraded += coat.loss_rate * on_coat(volumes, after)
        leaving = 0.0
        if transport.bath is not None:
            conductance = 2.0 * transport.diffusivity / float(grid.thickness[-1])
            top = (medium[-1] - transport.bath)[grid.inside]
            leaving = conductance * float(top.sum()) * volumes.cell_area * MOLECULES_PER_UM3_PER_NM
        booked = ledger.book(degraded=degraded * duration, through_top=leaving * duration)
        lowest = float(medium[0][grid.inside].min())
        return replace(after, ledger=replace(booked, minimum=min(booked.minimum, lowest)))
