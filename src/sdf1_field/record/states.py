"""The state of a run saved and loaded, bit by bit."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells import Cells
from sdf1_field.errors import InputError
from sdf1_field.scene import Bodies, Fibres, Migrasomes, Scene
from sdf1_field.simulate import State
from sdf1_field.solvers import Solver

Array = NDArray[np.float64]


def save_state(path: Path, state: State) -> None:
    """Write everything a run is at a time; the inverse of `load_state`."""
    arrays: dict[str, Any] = {"time": state.time, "seed": state.seed, "near": state.near}

    def put(prefix: str, value: Any) -> None:
        for field in fields(value):
            item = getattr(value, field.name)
            if is_dataclass(item):
                put(f"{prefix}.{field.name}", item)
            elif isinstance(item, Mapping):
                for key, array in item.items():
                    arrays[f"{prefix}.{field.name}.{key}"] = array
            else:
                arrays[f"{prefix}.{field.name}"] = item

    put("bodies", state.scene.bodies)
    put("fibres", state.scene.fibres)
    put("migrasomes", state.scene.migrasomes)
    for name, value in state.fields.items():
        put(f"field.{name}", value)
    if state.cells is not None:
        put("cells", state.cells)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        np.savez(stream, **arrays)
    partial.replace(path)


def load_state(path: Path, solver: Solver) -> State:
    """Read a state that `save_state` wrote.

    Parameters
    ----------
    path : pathlib.Path
    solver : Solver
        Whose fields the state holds.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    wrong = f"{path}: damaged, or not a saved state. Start over with --force."
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except Exception:  # NumPy and zipfile raise a dozen kinds on damaged bytes
        raise InputError(wrong) from None
    try:
        return _state_of(arrays, solver)
    except (KeyError, TypeError, IndexError):
        raise InputError(wrong) from None


def _state_of(arrays: Mapping[str, Any], solver: Solver) -> State:
    def take(kind: Any, prefix: str) -> Any:
        values: dict[str, Any] = {}
        types = get_type_hints(kind)
        for field in fields(kind):
            key = f"{prefix}.{field.name}"
            if key in arrays:
                values[field.name] = arrays[key] if arrays[key].ndim else arrays[key].item()
            elif is_dataclass(types[field.name]):
                values[field.name] = take(types[field.name], key)
            elif get_origin(types[field.name]) is Mapping:
                start = f"{key}."
                values[field.name] = {
                    k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)
                }
        return kind(**values)

    scene = Scene(take(Bodies, "bodies"), take(Fibres, "fibres"), take(Migrasomes, "migrasomes"))
    names = [k.split(".")[1] for k in arrays if k.startswith("field.") and k.endswith(".time")]
    return State(
        time=float(arrays["time"]),
        seed=int(arrays["seed"]),
        scene=scene,
        fields={name: take(solver.State, f"field.{name}") for name in names},
        cells=take(Cells, "cells") if "cells.x" in arrays else None,
        near=arrays["near"],
    )
