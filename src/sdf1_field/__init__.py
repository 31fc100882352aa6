"""Chemokine fields of stromal cells and migrasomes, and the cells that gather on them.

The names below load on first use, so that ``import sdf1_field`` costs nothing.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "model_names": "shipped",
    "load_model": "api.loading",
    "Model": "spec",
    "solve": "api.solving",
    "open_run": "api.runs",
    "Run": "api.runs",
    "Runs": "api.runs",
    "plot_groups": "api.groups",
    "record_exposure": "api.replaying",
    "replay": "api.replaying",
    "calibrate": "api.calibrating",
    "ablate": "api.ablating",
    "power": "api.powering",
    "power_of_claims": "api.powering",
    "sweep": "api.sweeping",
    "design": "api.designing",
    "judge": "api.judging",
    "measure": "api.measuring",
    "measure_groups": "api.measuring",
    "scene_of_image": "api.scenes",
    "open_tracks": "api.tracking",
    "export": "api.exporting",
    "InputError": "errors",
    "RunError": "errors",
    "Sdf1FieldWarning": "errors",
}
"""Room of every name; ``__init__.pyi`` says the same to type checkers."""


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package whose names load on first use.

    Parameters
    ----------
    package : str
        Its full name.
    homes : mapping of str to str
        The module of each name, below the package; ``__init__.pyi`` says the same to type checkers.
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        # Found without this function from now on.
        setattr(import_module(package), name, value)
        return value

    return load, lambda: sorted({*vars(import_module(package)), *homes})


__all__ = ["__version__", *_HOME]
__getattr__, __dir__ = lazy_names(__name__, _HOME)
