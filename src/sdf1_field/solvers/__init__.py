"""Solvers of a ligand's field: modules with the same functions over states of their own.

`Solver` says what each function does; a model's ``numerics.solver`` says which module is used:
``cosine`` (spectral in x and y, the default) or ``fipy`` (finite volumes, the independent check).
Where a coat stays unsaturated ``linear`` takes the place of ``cosine``: the same basis, exact in
time. All solve the equations and boundary conditions of `sdf1_field.transport`.
"""

import math
from importlib import import_module
from typing import Any, Protocol, cast

from numpy import float64
from numpy.typing import NDArray

from sdf1_field.errors import RunError
from sdf1_field.grid import Grid
from sdf1_field.sources import Secretion
from sdf1_field.spec import Numerics
from sdf1_field.transport import Ledger, Transport, Uptake

Array = NDArray[float64]

FILL_ERROR = 2.0
"""Relative error of a coat that is taken as unsaturated, over the share of its sites that is
filled."""
_ROUND_OFF = 1e-9
"""Share of a step by which an interval may exceed a whole number of steps."""


def equal_steps(span: float, longest: float) -> int:
    """Least number of equal time steps, none longer than ``longest``, that fill an interval [s].

    Examples
    --------
    >>> equal_steps(60.0, 25.0), equal_steps(0.3, 0.1), equal_steps(1.0, math.inf)
    (3, 3, 1)
    """
    return max(1, math.ceil(span / longest - _ROUND_OFF))


class CoatFills(RunError):
    """A coat that was taken as unsaturated has filled too much for that."""

    def __init__(self, ligand: str, message: str) -> None:
        super().__init__(message)
        self.ligand = ligand


class Unresolved(RunError):
    """A linear system of medium and coat cannot be solved accurately enough."""


class FieldState(Protocol):
    """State of a field at a time; each solver's own has more."""

    @property
    def time(self) -> float:
        """[s]."""

    @property
    def bound(self) -> Array:
        """On the coat [molecules/um**2], shape (ny, nx)."""

    @property
    def ledger(self) -> Ledger:
        """Mass audit since the start."""


class Solver(Protocol):
    """Functions that each solver's module offers."""

    State: type[Any]

    def tolerances_of(self, numerics: Numerics) -> Any:
        """Tolerances that a model asks for."""

    def prepare(self, grid: Grid, transport: Transport, tolerances: Any) -> Any:
        """Everything that depends on grid and equation only; has the latter as ``transport``."""

    def start(self, prepared: Any, *, time: float, tolerances: Any) -> Any:
        """Medium without ligand (but for a bath's, which is everywhere) over an empty coat."""

    def add(self, prepared: Any, state: Any, concentration: float, *, tolerances: Any) -> Any:
        """State after ligand is mixed into the whole medium at once.

        Parameters
        ----------
        concentration : float
            Increase everywhere [nM].
        """

    def release(self, prepared: Any, state: Any, amount: Array, *, tolerances: Any) -> Any:
        """State after ligand is released into the floor's lowest layer at once, as by ruptures.

        Parameters
        ----------
        amount : ndarray, shape (ny, nx)
            Increase of each floor cell's lowest layer [molecules]; the caller, which knows the
            sources, books it as secreted.
        """

    def change_medium(self, prepared: Any, state: Any, *, tolerances: Any) -> Any:
        """State after fresh medium replaces the old: dissolved ligand goes, the coat stays.

        Fresh medium under a bath holds the bath's concentration.
        """

    def advance(
        self,
        prepared: Any,
        state: Any,
        secretion: Secretion,
        until: float,
        *,
        uptake: Uptake | None = None,
        tolerances: Any,
    ) -> Any:
        """State at a later time.

        Parameters
        ----------
        prepared, state, tolerances
            Of this solver.
        secretion : Secretion
        until : float
            Time to land on [s].
        uptake : Uptake, optional
            By cells that do not move until then.

        Returns
        -------
        state
            Its ledger books losses, uptake and the flux through the top; the caller, which knows
            the sources, books the secretion.

        Raises
        ------
        RunError
            If a value is no longer finite or an iteration does not converge.
        """

    def steady(
        self,
        prepared: Any,
        flux: Array,
        *,
        time: float,
        uptake: Uptake | None = None,
        tolerances: Any,
    ) -> Any:
        """Steady state under constant secretion.

        Parameters
        ----------
        flux : ndarray, shape (ny, nx)
            [molecules/(um**2 s)].
        time : float
            Time to give the state [s].
        uptake : Uptake, optional

        Raises
        ------
        RunError
            If nothing is lost anywhere or an iteration does not converge.
        """

    def floor(self, prepared: Any, state: Any) -> Array:
        """Concentration in the lowest layer [nM], shape (ny, nx)."""

    def face(self, prepared: Any, state: Any) -> Array:
        """Concentration at z = 0 [nM], shape (ny, nx)."""

    def reservoir(self, prepared: Any, state: Any) -> float:
        """Concentration of the mixed medium above the grid [nM]; NaN without one."""

    def column(self, prepared: Any, state: Any) -> Array:
        """Concentration everywhere [nM], shape (nz, ny, nx)."""

    def in_medium(self, prepared: Any, state: Any) -> float:
        """Ligand dissolved [molecules]."""

    def on_coat(self, prepared: Any, state: Any) -> float:
        """Ligand bound [molecules]."""


def solver_named(name: str) -> Solver:
    """Solver called ``"cosine"``, ``"linear"`` or ``"fipy"``, loaded when it is asked for."""
    return cast(Solver, import_module(f"sdf1_field.solvers.{name}"))
