"""The same equations as FiPy terms on a FiPy mesh: slower, more general, an independent check.

Medium and coat are two variables of one coupled system, linearised about the last sweep and swept
until nothing moves; time steps are backward Euler's, under each step's mean secretion. With
``a = b / l`` the coat in nM, where ``l`` is the height of medium that the empty coat holds at
equilibrium,

    dc/dt = div(D grad c) - k c + (s - j - u) / h    h: lowest layer, s, j and u there alone
    da/dt = (j - k_b l a) / l
    j = k_on c_0 (B - l a) - k_off l a,   u = U c_0 / (c_0 + K_u)
    c_0 = c + h / (2 D) (s - j - u)                  at z = 0.

Well-mixed medium above the mesh, of height ``M``, has one concentration ``R`` that the top is held
at; it is iterated along with the sweeps:

    dR/dt = G / M (mean of c at the top - R) - k R,   G = 2 D / (thickness of the top layer).

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
from sdf1_field.sources import Secretion
from sdf1_field.spec import Numerics
from sdf1_field.transport import Coat, Ledger, Transport, Uptake
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
_NEWTON_LIMIT = 100
_NEWTON_TOLERANCE = 1e-10
"""Relative move after which the error, which goes with its square, is round-off."""
_WORTH_LEARNING = 1e-6
"""Relative change of the mixed medium from which its answer to a change can be told."""
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
        return coat if coat is not None and coat.binds else None

    @property
    def sites(self) -> Array:
        """Of the coat [nM um], shape (ny, nx); zero outside a round well."""
        coat = self.coat
        assert coat is not None
        return np.asarray(coat.sites * self.grid.inside / MOLECULES_PER_UM3_PER_NM)

    @property
    def mixed(self) -> float:
        """Height of the mixed medium [um]; 0 without."""
        return self.transport.mixed or 0.0

    @property
    def floor_resistance(self) -> float:
        """Between the lowest layer's centre and z = 0 [s/um]."""
        return 0.5 * float(self.grid.thickness[0]) / self.transport.diffusivity

    @property
    def top_conductance(self) -> float:
        """Between the top layer's centre and a bath or mixed medium [um/s]; 0 without."""
        if self.transport.bath is None and self.transport.mixed is None:
            return 0.0
        return 2.0 * self.transport.diffusivity / float(self.grid.thickness[-1])

    @property
    def cell_area(self) -> float:
        """[um**2]."""
        return self.grid.dx * self.grid.dy

    @property
    def coat_height(self) -> float:
        """``l``: height of medium that holds as much as the empty coat where densest [um]."""
        coat, most = self.coat, float(self.sites.max())
        assert coat is not None
        leaving = coat.dissociation_rate + coat.loss_rate
        return coat.association_rate * most / leaving if leaving > 0 else most

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
    face : ndarray, shape (ny, nx)
        At z = 0 [nM].
    reservoir : float
        In the mixed medium above the grid [nM]; NaN without.
    """

    time: float
    medium: Array
    bound: Array
    ledger: Ledger
    face: Array
    reservoir: float


State = FipyState


def prepare(grid: Grid, transport: Transport, tolerances: Tolerances) -> Volumes:
    """Mesh and exchange coefficients, once for a grid and an equation."""
    del tolerances
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
        time=time,
        medium=np.zeros((grid.nz, grid.ny, grid.nx)),
        bound=np.zeros((grid.ny, grid.nx)),
        ledger=Ledger(),
        face=np.zeros((grid.ny, grid.nx)),
        reservoir=math.nan if volumes.transport.mixed is None else 0.0,
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
    depth = grid.height + volumes.mixed
    return replace(
        state,
        medium=state.medium + concentration * grid.inside,
        face=state.face + concentration * grid.inside,
        reservoir=state.reservoir + concentration,
        ledger=state.ledger.book(
            added=concentration * grid.area * depth * MOLECULES_PER_UM3_PER_NM
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
    gain = amount / (volume * MOLECULES_PER_UM3_PER_NM)
    medium = state.medium.copy()
    medium[0] += gain
    return replace(state, medium=medium, face=state.face + gain)


def change_medium(volumes: Volumes, state: FipyState, *, tolerances: Tolerances) -> FipyState:
    """State after fresh medium replaces the old: dissolved ligand goes, the coat keeps its own.

    Fresh medium under a bath holds the bath's concentration.
    """
    fresh = replace(
        state,
        medium=np.zeros_like(state.medium),
        face=np.zeros_like(state.face),
        reservoir=0.0 * state.reservoir,
        ledger=state.ledger.book(removed=in_medium(volumes, state)),
    )
    return add(volumes, fresh, volumes.transport.bath or 0.0, tolerances=tolerances)


def in_medium(volumes: Volumes, state: FipyState) -> float:
    """Ligand dissolved [molecules], in the mixed medium too."""
    layers = state.medium.sum(axis=(1, 2)) * volumes.grid.thickness
    held = float(layers.sum()) * volumes.cell_area
    if volumes.mixed:
        held += state.reservoir * volumes.grid.area * volumes.mixed
    return held * MOLECULES_PER_UM3_PER_NM


def on_coat(volumes: Volumes, state: FipyState) -> float:
    """Ligand bound [molecules]."""
    return float(state.bound.sum()) * volumes.cell_area


def floor(volumes: Volumes, state: FipyState) -> Array:
    """Concentration in the lowest layer [nM], shape (ny, nx)."""
    del volumes
    layer: Array = state.medium[0]
    return layer


def face(volumes: Volumes, state: FipyState) -> Array:
    """Concentration at z = 0 [nM], shape (ny, nx).

    An event moves it by as much as the lowest layer; the next step brings it into balance.
    """
    del volumes
    return state.face


def reservoir(volumes: Volumes, state: FipyState) -> float:
    """Concentration of the mixed medium above the grid [nM]; NaN without."""
    del volumes
    return state.reservoir


def column(volumes: Volumes, state: FipyState) -> Array:
    """Concentration in every cell of the grid [nM], shape (nz, ny, nx)."""
    del volumes
    return state.medium


def advance(
    volumes: Volumes,
    state: FipyState,
    secretion: Secretion,
    until: float,
    *,
    uptake: Uptake | None = None,
    tolerances: Tolerances,
) -> FipyState:
    """State at a later time.

    Parameters
    ----------
    volumes : Volumes
    state : FipyState
    secretion : Secretion
        Each step releases what it does.
    until : float
        Time to land on [s]; in equal steps no longer than the tolerances'.
    uptake : Uptake or None
        By cells, the same until then.
    tolerances : Tolerances

    Returns
    -------
    FipyState
        Its ledger books what was degraded, what cells took up and what left through the top; what
        was secreted is booked by whoever knows the sources.

    Raises
    ------
    RunError
        If a value is no longer finite, or a linear solve or the sweeps do not converge.
    """
    begin, span = state.time, until - state.time
    if span <= 0.0:
        return state
    count = math.ceil(span / tolerances.time_step - _ROUND_OFF)
    step = span / count
    system = _System(volumes, uptake, tolerances, state)
    for n in range(count):
        # Counted from the beginning, so that the last step lands on the time asked for.
        at = until if n + 1 == count else begin + (n + 1) * step
        first, last = secretion.line(state.time, at)
        try:
            system.step(0.5 * (first + last), step)
        except RunError as error:
            raise RunError(f"t = {state.time:.6g} s: {error}") from None
        state = system.state(at, state.ledger, step)
    return state


def steady(
    volumes: Volumes,
    flux: Array,
    *,
    time: float,
    uptake: Uptake | None = None,
    tolerances: Tolerances,
) -> FipyState:
    """Steady state under constant secretion.

    Parameters
    ----------
    volumes : Volumes
    flux : ndarray, shape (ny, nx)
        Secretion [molecules/(um**2 s)].
    time : float
        Time to give the state [s].
    uptake : Uptake or None
        By cells.
    tolerances : Tolerances

    Raises
    ------
    RunError
        If nothing is lost anywhere, or a linear solve or the sweeps do not converge.
    """
    volumes.transport.require_steady_state(uptake)
    system = _System(volumes, uptake, tolerances, start(volumes, time=time, tolerances=tolerances))
    system.step(flux, _FOREVER)
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


@dataclass(frozen=True, eq=False)
class _Exchange:
    """What leaves the lowest layer to the floor; arrays of shape (ny, nx).

    Parameters
    ----------
    face : ndarray
        Concentration at z = 0 [nM].
    attached : ndarray
        On the coat [nM um].
    onto_coat, into_cells : ndarray
        ``j`` and ``u`` [nM um/s].
    coat_by_layer, cells_by_layer : ndarray
        Their slopes in the layer's concentration [um/s].
    coat_by_attached, cells_by_attached : ndarray
        Their slopes in what is on the coat [1/s].
    """

    face: Array
    attached: Array
    onto_coat: Array
    into_cells: Array
    coat_by_layer: Array
    cells_by_layer: Array
    coat_by_attached: Array
    cells_by_attached: Array


def _exchange(
    volumes: Volumes,
    uptake: Uptake | None,
    layer: Array,
    source: Array,
    before: Array,
    duration: float,
) -> _Exchange:
    """Exchange at the end of a step with a lowest layer, and a coat that has followed it.

    Newton's method at each place for the concentration ``f`` at z = 0,

        f + r (j + u) = c + r s,

    where the coat, from ``b`` before, has come to ``b' = b + t (j - k_b b')``. The left side rises
    and bends downwards, so that from below its root every iterate stays below; it goes on along
    its tangent where ``f`` is negative.

    Parameters
    ----------
    layer, source, before : ndarray, shape (ny, nx)
        ``c`` [nM], ``s`` [nM um/s] and ``b`` [nM um].
    duration : float
        ``t`` [s].
    """
    resistance, inside = volumes.floor_resistance, volumes.grid.inside
    nothing = np.zeros_like(layer)
    catching, leaving, kept, sites = 0.0, 0.0, 1.0, nothing
    if volumes.coat is not None:
        catching, leaving = volumes.coat.association_rate, volumes.coat.dissociation_rate
        kept, sites = 1.0 / duration + volumes.coat.loss_rate, volumes.sites
    room, release = catching * (sites * kept - before / duration), leaving * before / duration
    capacity, half = nothing, 1.0
    if uptake is not None:
        capacity = uptake.capacity * inside / MOLECULES_PER_UM3_PER_NM
        half = uptake.half_saturation

    def rates(at_face: Array) -> tuple[Array, Array, Array, Array]:
        """Fluxes onto the coat and into cells, and their slopes."""
        positive = np.maximum(at_face, 0.0)
        below = at_face - positive
        holding = kept + leaving + catching * positive
        coat = (room * positive - release) / holding
        coat_slope = (room - catching * coat) / holding
        cells = capacity * positive / (positive + half)
        cells_slope = capacity * half / (positive + half) ** 2
        return coat + coat_slope * below, cells + cells_slope * below, coat_slope, cells_slope

    supply = layer + resistance * source
    at_face = nothing
    for _ in range(_NEWTON_LIMIT):
        onto, into, onto_slope, into_slope = rates(at_face)
        move = (supply - at_face - resistance * (onto + into)) / (
            1.0 + resistance * (onto_slope + into_slope)
        )
        at_face = at_face + move
        if (np.abs(move) <= _NEWTON_TOLERANCE * (np.abs(at_face) + np.abs(layer))).all():
            break
    else:
        raise RunError(
            "no concentration at the floor fits that of the lowest layer. Check the secretion "
            "rates, coat and uptake."
        )
    onto, into, _, into_slope = rates(at_face)
    attached = (before + duration * onto) / (duration * kept) if volumes.coat else nothing
    # The face follows layer and coat: (1 + r k_on (B - b) + r u') df = dc + r (k_on f + k_off) db.
    swapped = catching * np.maximum(at_face, 0.0) + leaving
    free = catching * (sites * (kept + leaving) - before / duration) / (kept + swapped)
    follows = 1.0 / (1.0 + resistance * (free + into_slope))
    by_attached = resistance * swapped * follows
    return _Exchange(
        face=at_face,
        attached=attached,
        onto_coat=onto,
        into_cells=into,
        coat_by_layer=free * follows,
        cells_by_layer=into_slope * follows,
        coat_by_attached=free * by_attached - swapped,
        cells_by_attached=into_slope * by_attached,
    )


@dataclass(frozen=True)
class _Trial:
    """A value of the mixed medium that the top was held at, and how far off it was [nM]."""

    value: float
    missed: float


class _System:
    """FiPy's variables and equations of one field."""

    def __init__(
        self,
        volumes: Volumes,
        uptake: Uptake | None,
        tolerances: Tolerances,
        state: FipyState,
    ) -> None:
        self._volumes, self._uptake, self._tolerances = volumes, uptake, tolerances
        mesh, transport = volumes.mesh, volumes.transport
        self._medium = fipy.CellVariable(mesh=mesh, value=state.medium.ravel(), hasOld=True)
        self._variables = [self._medium]
        self._above = fipy.Variable(value=state.reservoir)
        if transport.bath is not None:
            self._medium.constrain(transport.bath, where=mesh.facesBack)
        elif transport.mixed is not None:
            self._medium.constrain(self._above, where=mesh.facesBack)
        self._coated: Any = None
        if volumes.coat is not None:
            attached = state.bound / (volumes.coat_height * MOLECULES_PER_UM3_PER_NM)
            self._coated = fipy.CellVariable(
                mesh=mesh, value=volumes.on_floor(attached), hasOld=True
            )
            self._variables.append(self._coated)
        self._straight = self._coated is None and uptake is None
        self._flux = np.zeros_like(state.bound)
        self._reservoir, self._answer = state.reservoir, -1.0
        # What `_linearise` fills in, as rates of the lowest layer.
        zeros = np.zeros(mesh.numberOfCells)
        self._source, self._sink, self._let_go, self._remainder = map(self._variable, [zeros] * 4)
        self._caught, self._gone, self._gained = map(self._variable, [zeros] * 3)
        self._equation = self._equations()

    def _variable(self, values: Array) -> Any:
        return fipy.CellVariable(mesh=self._volumes.mesh, value=values)

    def _equations(self) -> Any:
        """All terms on the side of the sources, the transient one alone on the other.

        FiPy treats a source implicitly if its sign suits the side it stands on; written so, what
        one variable gives the other is implicit too.
        """
        volumes, medium, coated = self._volumes, self._medium, self._coated
        lost = self._variable(volumes.transport.loss_rate + volumes.outside)
        rest = (
            fipy.DiffusionTerm(coeff=volumes.exchange, var=medium)
            - fipy.ImplicitSourceTerm(coeff=lost + self._sink, var=medium)
            + self._source
            - self._remainder
        )
        if coated is None:
            return rest == fipy.TransientTerm(var=medium)
        rest = rest + fipy.ImplicitSourceTerm(coeff=self._let_go, var=coated)
        held = (
            fipy.ImplicitSourceTerm(coeff=self._caught, var=medium)
            - fipy.ImplicitSourceTerm(coeff=self._gone, var=coated)
            + self._gained
        )
        # Times l / h, the coat's rows weigh as much as the floor's.
        weight = volumes.coat_height / float(volumes.grid.thickness[0])
        return (rest == fipy.TransientTerm(var=medium)) & (
            held == fipy.TransientTerm(coeff=weight, var=coated)
        )

    def _on_floor(self, values: Any) -> Array:
        """Of the lowest layer, shape (ny, nx), from values of the mesh's cells."""
        inside = self._volumes.grid.inside
        layer: Array = np.asarray(values)[: inside.size].reshape(inside.shape) * inside
        return layer

    def _attached(self, values: Any) -> Array:
        """On the coat [nM um], shape (ny, nx)."""
        return self._on_floor(values) * self._volumes.coat_height

    def _floor_exchange(self, duration: float) -> _Exchange:
        """The exchange about the last sweep."""
        layer, before = self._on_floor(self._medium.value), np.zeros_like(self._flux)
        if self._coated is not None:
            before = self._attached(self._coated.old.value)
        return _exchange(self._volumes, self._uptake, layer, self._flux, before, duration)

    def _linearise(self, duration: float) -> None:
        """Fill in the exchange and its slopes about the last sweep, and Newton's remainders."""
        volumes, coat = self._volumes, self._volumes.coat
        thickness = float(volumes.grid.thickness[0])
        layer, now = self._on_floor(self._medium.value), self._floor_exchange(duration)

        def fill(variable: Any, rate: Array) -> None:
            variable.setValue(volumes.on_floor(rate / thickness))

        sink = now.coat_by_layer + now.cells_by_layer
        let_go = -(now.coat_by_attached + now.cells_by_attached)
        out = now.onto_coat + now.into_cells
        fill(self._sink, sink)
        fill(self._remainder, out - sink * layer + let_go * now.attached)
        if coat is None:
            return
        height, caught, leaves = volumes.coat_height, now.coat_by_layer, -now.coat_by_attached
        fill(self._let_go, let_go * height)
        fill(self._caught, caught)
        fill(self._gained, now.onto_coat - caught * layer + leaves * now.attached)
        lost = (coat.loss_rate + leaves) * height / thickness
        # Where nothing can bind, a row of its own.
        bare = volumes.on_floor((volumes.sites == 0.0).astype(float)) + (1.0 - volumes.floor)
        self._gone.setValue(volumes.on_floor(lost) + bare)

    def step(self, flux: Array, duration: float) -> None:
        """Take a step [s] under a secretion [molecules/(um**2 s)]."""
        volumes, tolerances = self._volumes, self._tolerances
        self._flux = flux * volumes.grid.inside / MOLECULES_PER_UM3_PER_NM
        # Where cells alone take ligand away, a steady state asks that they can.
        also = ""
        if duration == _FOREVER and self._uptake is not None:
            also = " and whether cells can take up as much"
        if not np.isfinite(self._flux).all():
            raise RunError("the secretion is no longer finite. Check the secretion rates.")
        with _fipy_arithmetic():
            for variable in self._variables:
                variable.updateOld()
            self._source.setValue(volumes.on_floor(self._flux / float(volumes.grid.thickness[0])))
            failures = 0
            tried: _Trial | None = None
            for _ in range(_SWEEP_LIMIT):
                before = [np.array(variable.value) for variable in self._variables]
                if not self._straight:
                    self._linearise(duration)
                solver = self._linear_solver()
                only = {"var": self._medium} if self._coated is None else {}
                self._equation.sweep(dt=duration, solver=solver, **only)
                if not all(np.isfinite(variable.value).all() for variable in self._variables):
                    raise RunError(f"a value is no longer finite. Check the secretion rates{also}.")
                if isinstance(solver.convergence, Divergence):
                    # Begun anew from where it broke down, the iteration often goes through.
                    failures += 1
                    if failures > _RESTARTS:
                        raise RunError(
                            f"the linear solver '{tolerances.linear_solver}' did not reach "
                            f"{tolerances.linear_tolerance:g}. Choose another with "
                            "numerics.fipy.linear_solver, or raise numerics.fipy.linear_tolerance."
                        )
                    continue
                mixed = True
                if volumes.transport.mixed is not None:
                    tried, mixed = self._mix(duration, tried)
                if mixed and (
                    self._straight
                    or all(
                        self._settled(old, np.array(variable.value))
                        for old, variable in zip(before, self._variables, strict=True)
                    )
                ):
                    break
            else:
                remedy = "Lower numerics.fipy.time_step"
                if duration == _FOREVER:
                    remedy = f"Check the secretion rates{also}"
                raise RunError(
                    f"coat, cells and mixed medium did not settle in {_SWEEP_LIMIT} sweeps. "
                    f"{remedy}, or raise numerics.fipy.sweep_tolerance."
                )
            if volumes.transport.mixed is not None:
                self._keep_mixed(duration)
            self._last = self._floor_exchange(duration)

    def _top(self) -> float:
        """Mean of the top layer [nM]."""
        grid = self._volumes.grid
        layer: Array = np.array(self._medium.value[-grid.ny * grid.nx :])
        return float(layer.reshape(grid.inside.shape)[grid.inside].mean())

    def _mix(self, duration: float, tried: _Trial | None) -> tuple[_Trial, bool]:
        """Hold the top at a better value of the mixed medium; whether the last was good enough.

        One sweep's answer to that value is nearly a straight line, which a secant follows.
        """
        volumes, held = self._volumes, float(self._above.value)
        exchange = volumes.top_conductance / volumes.mixed
        after = (self._reservoir + duration * exchange * self._top()) / (
            1.0 + duration * (exchange + volumes.transport.loss_rate)
        )
        trial = _Trial(held, after - held)
        if tried is not None and abs(held - tried.value) > _WORTH_LEARNING * abs(held):
            answer = (trial.missed - tried.missed) / (held - tried.value)
            if -1.0 <= answer < 0.0:
                self._answer = answer
        move = -trial.missed / self._answer
        if abs(move) <= self._tolerances.relative * abs(held) + self._tolerances.absolute:
            return trial, True
        self._above.setValue(held + move)
        return trial, False

    def _keep_mixed(self, duration: float) -> None:
        """Give the mixed medium what the last sweep took out of the grid, no more and no less."""
        volumes, held = self._volumes, float(self._above.value)
        gained = volumes.top_conductance / volumes.mixed * (self._top() - held)
        if duration < _FOREVER:
            held = (self._reservoir + duration * gained) / (
                1.0 + duration * volumes.transport.loss_rate
            )
        self._reservoir = held
        self._above.setValue(held)

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
        now = self._last
        bound = np.zeros_like(now.face)
        if coat is not None:
            bound = self._attached(self._coated.value) * MOLECULES_PER_UM3_PER_NM
        after = FipyState(
            time=time,
            medium=(np.array(self._medium.value) * inside).reshape(grid.nz, grid.ny, grid.nx),
            bound=bound,
            ledger=ledger,
            face=now.face,
            reservoir=self._reservoir,
        )
        degraded = transport.loss_rate * in_medium(volumes, after)
        if coat is not None:
            degraded += coat.loss_rate * on_coat(volumes, after)
        leaving = 0.0
        if transport.bath is not None:
            top = (after.medium[-1] - transport.bath)[grid.inside]
            leaving = volumes.top_conductance * float(top.sum())
        per_area = volumes.cell_area * MOLECULES_PER_UM3_PER_NM * duration
        booked = ledger.book(
            degraded=degraded * duration,
            through_top=leaving * per_area,
            taken_up=float(now.into_cells.sum()) * per_area,
        )
        lowest = float(after.medium[0][grid.inside].min())
        return replace(after, ledger=replace(booked, minimum=min(booked.minimum, lowest)))
