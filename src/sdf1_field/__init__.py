"""Chemokine fields of stromal cells and migrasomes, and the cells that gather on them.

The names below load on first use, so that ``import sdf1_field`` costs nothing.
"""

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
    "InputError": "errors",
    "RunError": "errors",
    "Sdf1FieldWarning": "errors",
}
"""Room of every name; ``__init__.pyi`` says the same to type checkers."""

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sdf1_field' has no attribute '{name}'")
    return getattr(import_module(f"sdf1_field.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
