"""Medium and coat as FiPy's fully coupled system, solved by Newton sweeps over one time step."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import RunError
from sdf1_field.solvers.fipy.exchange import Exchange, floor_exchange
from sdf1_field.solvers.fipy.library import Divergence, fipy, linear_solver, quiet_arithmetic
from sdf1_field.solvers.fipy.mixed import MixedMedium
from sdf1_field.solvers.fipy.state import FipyState, in_medium, on_coat
from sdf1_field.solvers.fipy.tolerances import STEADY_STEP, Tolerances
from sdf1_field.solvers.fipy.volumes import Volumes
from sdf1_field.transport import Ledger, Uptake
from sdf1_field.units import MOLECULES_PER_UM3_PER_NM

Array = NDArray[np.float64]

_SWEEP_LIMIT = 50
_RESTARTS = 3


class CoupledSystem:
    """FiPy's variables and equations of one field.

    With the exchange at the floor linearised about the last sweep (Newton's method), ``F = j + u``,
    the equations of medium ``c`` and coat ``a`` (both in nM) are linear:

        dc/dt = div(D grad c) - k c + [s - F - F_c (c - c*) - F_a (a - a*)] / h
        w da/dt = [j + j_c (c - c*) + j_a (a - a*)] / h - w k_b a,   w = l / h

    The weight ``w`` gives the coat's rows the size of the floor's.

    Parameters
    ----------
    volumes : Volumes
    uptake : Uptake or None
    tolerances : Tolerances
    state : FipyState
        Where to begin.
    """

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
        self._mixed: MixedMedium | None = None
        if transport.mixed is not None:
            self._mixed = MixedMedium(volumes, tolerances, state.reservoir)
        # Dirichlet conditions at the top; without one the top is no-flux.
        if transport.bath is not None:
            self._medium.constrain(transport.bath, where=mesh.facesBack)
        elif self._mixed is not None:
            self._medium.constrain(self._mixed.held, where=mesh.facesBack)
        self._coated: Any = None
        if volumes.coat is not None:
            attached = state.bound / (volumes.coat_height * MOLECULES_PER_UM3_PER_NM)
            self._coated = fipy.CellVariable(
                mesh=mesh, value=volumes.on_floor(attached), hasOld=True
            )
            self._variables.append(self._coated)
        self._linear = self._coated is None and uptake is None
        self._flux = np.zeros_like(state.bound)
        # Coefficients that `_linearise` fills in, as rates of the lowest layer: in the medium's
        # equation those of c and a, and the rest; in the coat's the same.
        zeros = np.zeros(mesh.numberOfCells)
        self._source, self._sink, self._from_coat, self._remainder = map(
            self._variable, [zeros] * 4
        )
        self._binding, self._leaving, self._coat_remainder = map(self._variable, [zeros] * 3)
        self._equation = self._equations()

    def _variable(self, values: Array) -> Any:
        return fipy.CellVariable(mesh=self._volumes.mesh, value=values)

    def _equations(self) -> Any:
        """All terms stand on the side of the sources, the transient term alone on the other.

        FiPy treats a source implicitly if its sign suits the side it stands on; written so, the
        exchange from one variable to the other is implicit too.
        """
        volumes, medium, coated = self._volumes, self._medium, self._coated
        lost = self._variable(volumes.transport.loss_rate + volumes.outside)
        of_medium = (
            fipy.DiffusionTerm(coeff=volumes.diffusivity, var=medium)
            - fipy.ImplicitSourceTerm(coeff=lost + self._sink, var=medium)
            + self._source
            - self._remainder
        )
        if coated is None:
            return of_medium == fipy.TransientTerm(var=medium)
        of_medium = of_medium + fipy.ImplicitSourceTerm(coeff=self._from_coat, var=coated)
        of_coat = (
            fipy.ImplicitSourceTerm(coeff=self._binding, var=medium)
            - fipy.ImplicitSourceTerm(coeff=self._leaving, var=coated)
            + self._coat_remainder
        )
        weight = volumes.coat_height / float(volumes.grid.thickness[0])
        return (of_medium == fipy.TransientTerm(var=medium)) & (
            of_coat == fipy.TransientTerm(coeff=weight, var=coated)
        )

    def _attached(self, values: Any) -> Array:
        """Bound to the coat [nM um], shape (ny, nx)."""
        return self._volumes.of_floor(values) * self._volumes.coat_height

    def _floor_exchange(self, duration: float) -> Exchange:
        """The exchange about the last sweep."""
        layer, before = self._volumes.of_floor(self._medium.value), np.zeros_like(self._flux)
        if self._coated is not None:
            before = self._attached(self._coated.old.value)
        return floor_exchange(self._volumes, self._uptake, layer, self._flux, before, duration)

    def _linearise(self, duration: float) -> None:
        """Fill in the slopes of the exchange about the last sweep, and Newton's remainders."""
        volumes, coat = self._volumes, self._volumes.coat
        thickness = float(volumes.grid.thickness[0])
        layer, now = volumes.of_floor(self._medium.value), self._floor_exchange(duration)

        def fill(variable: Any, rate: Array) -> None:
            variable.setValue(volumes.on_floor(rate / thickness))

        sink = now.coat_by_layer + now.cells_by_layer
        from_coat = -(now.coat_by_attached + now.cells_by_attached)
        out = now.onto_coat + now.into_cells
        fill(self._sink, sink)
        fill(self._remainder, out - sink * layer + from_coat * now.attached)
        if coat is None:
            return
        height, binding, leaves = volumes.coat_height, now.coat_by_layer, -now.coat_by_attached
        fill(self._from_coat, from_coat * height)
        fill(self._binding, binding)
        fill(self._coat_remainder, now.onto_coat - binding * layer + leaves * now.attached)
        lost = (coat.loss_rate + leaves) * height / thickness
        # Where nothing can bind, the row is a = 0.
        bare = volumes.on_floor((volumes.sites == 0.0).astype(float)) + (1.0 - volumes.floor)
        self._leaving.setValue(volumes.on_floor(lost) + bare)

    def step(self, flux: Array, duration: float) -> None:
        """Take a backward Euler step [s] under a secretion [molecules/(um**2 s)].

        Raises
        ------
        RunError
            If a value is not finite, or a linear solve or the sweeps do not converge.
        """
        volumes = self._volumes
        self._flux = flux * volumes.grid.inside / MOLECULES_PER_UM3_PER_NM
        if not np.isfinite(self._flux).all():
            raise RunError("the secretion is no longer finite. Check the secretion rates.")
        with quiet_arithmetic():
            for variable in self._variables:
                variable.updateOld()
            self._source.setValue(volumes.on_floor(self._flux / float(volumes.grid.thickness[0])))
            self._sweep_until_settled(duration)
            if self._mixed is not None:
                self._mixed.end_step(self._top(), duration)
            self._last = self._floor_exchange(duration)

    def _sweep_until_settled(self, duration: float) -> None:
        """Newton's method: linearise and solve until neither fields nor mixed medium change."""
        tolerances = self._tolerances
        # In a steady state with uptake alone, cells may be unable to take up all that is secreted.
        also = ""
        if duration == STEADY_STEP and self._uptake is not None:
            also = " and whether cells can take up as much"
        if self._mixed is not None:
            self._mixed.begin_step()
        failures = 0
        for _ in range(_SWEEP_LIMIT):
            before = [np.array(variable.value) for variable in self._variables]
            if not self._linear:
                self._linearise(duration)
            solver = linear_solver(tolerances)
            only = {"var": self._medium} if self._coated is None else {}
            self._equation.sweep(dt=duration, solver=solver, **only)
            if not all(np.isfinite(variable.value).all() for variable in self._variables):
                raise RunError(f"a value is no longer finite. Check the secretion rates{also}.")
            if isinstance(solver.convergence, Divergence):
                # Restarted from where it broke down, the linear iteration often converges.
                failures += 1
                if failures > _RESTARTS:
                    raise RunError(
                        f"the linear solver '{tolerances.linear_solver}' did not reach "
                        f"{tolerances.linear_tolerance:g}. Choose another with "
                        "numerics.fipy.linear_solver, or raise numerics.fipy.linear_tolerance."
                    )
                continue
            mixed = self._mixed is None or self._mixed.improve(self._top(), duration)
            if mixed and (self._linear or self._settled(before)):
                return
        remedy = "Lower numerics.fipy.time_step"
        if duration == STEADY_STEP:
            remedy = f"Check the secretion rates{also}"
        raise RunError(
            f"coat, cells and mixed medium did not settle in {_SWEEP_LIMIT} sweeps. "
            f"{remedy}, or raise numerics.fipy.sweep_tolerance."
        )

    def _settled(self, before: list[Array]) -> bool:
        """Whether the last sweep changed mean and deviation of the lowest layer negligibly."""
        chosen = self._volumes.floor > 0
        for values, variable in zip(before, self._variables, strict=True):
            old, new = values[chosen], np.array(variable.value)[chosen]
            for moved, size in (
                (abs(new.mean() - old.mean()), abs(new.mean())),
                ((new - new.mean() - old + old.mean()).std(), new.std()),
            ):
                if moved > self._tolerances.relative * size + self._tolerances.absolute:
                    return False
        return True

    def _top(self) -> float:
        """Mean of the top layer [nM]."""
        grid = self._volumes.grid
        layer: Array = np.array(self._medium.value[-grid.ny * grid.nx :])
        return float(layer.reshape(grid.inside.shape)[grid.inside].mean())

    def state(self, time: float, ledger: Ledger, duration: float) -> FipyState:
        """State at a time, its ledger with the losses of the step [s] that led to it."""
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
            reservoir=np.nan if self._mixed is None else self._mixed.concentration,
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
        return replace(after, ledger=booked.with_minimum(lowest))
