"""Chemokine fields of stromal cells and migrasomes, and the cells that gather on them.

The names below load on first use, so that ``import sdf1_field`` costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "load_model": "spec",
    "simulate": "simulation",
    "solve": "record",
    "open_run": "record",
    "fold_changes": "analysis",
    "plot_run": "figures",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sdf1_field' has no attribute '{name}'")
    return getattr(import_module(f"sdf1_field.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
