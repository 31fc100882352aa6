"""Solvers of a ligand's field: modules with the same functions over states of their own.

Each has ``prepare, start, add, release, change_medium, advance, steady, floor, face, column,
reservoir, in_medium, on_coat``, a ``Tolerances`` made by ``tolerances_of``, and a ``State`` with
``time``, ``bound`` and ``ledger``. Which one is a model's ``numerics.solver``.
"""

from importlib import import_module
from typing import Any, Protocol, cast

from numpy import float64
from numpy.typing import NDArray

from sdf1_field.grid import Grid
from sdf1_field.sources import Secretion
from sdf1_field.spec import Numerics
from sdf1_field.transport import Ledger, Transport, Uptake

Array = NDArray[float64]


class FieldState(Protocol):
    """Everything a solver knows of a field at a time."""

    @property
    def time(self) -> float:
        """[s]."""

    @property
    def bound(self) -> Array:
        """On the coat [molecules/um**2], shape (ny, nx)."""

    @property
    def ledger(self) -> Ledger:
        """What has come and gone."""


class Solver(Protocol):
    """What every solver's module offers; its docstrings say how."""

    State: type[Any]

    def tolerances_of(self, numerics: Numerics) -> Any:
        """Tolerances that a model asks for."""

    def prepare(self, grid: Grid, transport: Transport, tolerances: Any) -> Any:
        """What stays the same for a grid and an equation; has that as ``transport``."""

    def start(self, prepared: Any, *, time: float, tolerances: Any) -> Any:
        """Medium without ligand over an empty coat."""

    def add(self, prepared: Any, state: Any, concentration: float, *, tolerances: Any) -> Any:
        """State after ligand is mixed into the whole medium."""

    def release(self, prepared: Any, state: Any, amount: Array, *, tolerances: Any) -> Any:
        """State after ligand is set free on the floor at once."""

    def change_medium(self, prepared: Any, state: Any, *, tolerances: Any) -> Any:
        """State after fresh medium replaces the old."""

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
        """State at a later time."""

    def steady(
        self,
        prepared: Any,
        flux: Array,
        *,
        time: float,
        uptake: Uptake | None = None,
        tolerances: Any,
    ) -> Any:
        """Steady state under constant secretion."""

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
    """Solver called ``"cosine"`` or ``"fipy"``; loaded when it is asked for, as FiPy is slow."""
    return cast(Solver, import_module(f"sdf1_field.solvers.{name}"))
