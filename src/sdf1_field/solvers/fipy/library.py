"""The FiPy library as it is used here: with SciPy's linear algebra and without its warnings."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse

from sdf1_field.solvers.fipy.tolerances import Tolerances

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

__all__ = ["Divergence", "fipy", "linear_solver", "quiet_arithmetic"]

_ITERATION_LIMIT = 5_000

_KRYLOV: dict[str, Callable[..., Any]] = {
    "cg": linear.LinearCGSolver,
    "bicgstab": linear.LinearBicgstabSolver,
}


class _Diagonal(linear.JacobiPreconditioner):  # type: ignore[misc]
    """Jacobi's preconditioner as a product; FiPy's own solves a sparse system each time."""

    def _applyToMatrix(self, matrix: Any) -> tuple[Any, Any]:
        return scipy.sparse.diags(1.0 / matrix.diagonal()), matrix


def linear_solver(tolerances: Tolerances) -> Any:
    """FiPy's solver of the linear system of one sweep."""
    if tolerances.linear_solver == "lu":
        return linear.LinearLUSolver(tolerance=tolerances.linear_tolerance)
    return _KRYLOV[tolerances.linear_solver](
        tolerance=tolerances.linear_tolerance,
        criterion="RHS",
        iterations=_ITERATION_LIMIT,
        precon=_Diagonal(),
    )


@contextmanager
def quiet_arithmetic() -> Iterator[None]:
    """Silence FiPy's divisions by zero and its warnings; results are checked afterwards."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
