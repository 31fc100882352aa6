"""The complete state of a run, saved and loaded with the same bits."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from sdf1_field.cells import Cells
from sdf1_field.errors import ASIDE, InputError, written_aside
from sdf1_field.exposure import Exposure
from sdf1_field.scene import Scene
from sdf1_field.simulation import State
from sdf1_field.solvers import solver_named

_ALIGNED = "aligned"
"""Names of the arrays of records that are aligned, which NumPy's format forgets."""
_BESIDE = "beside."


def save_state(path: Path, state: State, beside: Mapping[str, NDArray[Any]] | None = None) -> None:
    """Write the complete state of a run; the inverse of `load_state` and `load_beside`.

    Parameters
    ----------
    path : pathlib.Path
        In a folder to which this program alone writes.
    state : State
    beside : mapping of str to ndarray, optional
        Further arrays to keep in the same file.
    """
    arrays: dict[str, Any] = {"time": state.time, "seed": state.seed}

    def put(name: str, value: Any) -> None:
        if is_dataclass(value):
            for field in fields(value):
                put(f"{name}.{field.name}", getattr(value, field.name))
        elif isinstance(value, Mapping):
            for key, item in value.items():
                put(f"{name}.{key}", item)
        elif value is not None:
            arrays[name] = value

    put("scene", state.scene)
    put("field", state.fields)
    put("cells", state.cells)
    put("exposure", state.exposure)
    arrays |= {f"{_BESIDE}{name}": values for name, values in (beside or {}).items()}
    arrays[_ALIGNED] = np.array(
        [name for name, value in arrays.items() if np.asarray(value).dtype.isalignedstruct],
        dtype=np.str_,
    )
    partial = path.with_name(path.name + ASIDE)
    with written_aside(path, partial), partial.open("wb") as stream:
        np.savez(stream, **arrays)


def load_state(path: Path, solver: str) -> State:
    """Read a state that `save_state` wrote.

    Parameters
    ----------
    path : pathlib.Path
    solver : str
        Name of the solver whose fields the state holds, but for those of an unsaturated coat.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    try:
        return _state_of(load_arrays(path, lambda key: not key.startswith(_BESIDE)), solver)
    except (KeyError, TypeError, IndexError, ValueError, AttributeError):
        raise _wrong(path) from None


def load_beside(path: Path) -> dict[str, NDArray[Any]]:
    """Read the further arrays that `save_state` wrote.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    found = load_arrays(path, lambda key: key.startswith(_BESIDE))
    return {key.removeprefix(_BESIDE): values for key, values in found.items()}


def _wrong(path: Path) -> InputError:
    return InputError(f"{path}: damaged, or not a saved state. Start over with force.")


def load_arrays(path: Path, chosen: Callable[[str], bool] = lambda _: True) -> dict[str, Any]:
    """Some arrays of a file in NumPy's format; InputError if it is missing or damaged."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files if chosen(key)}
            for key in arrays.get(_ALIGNED, ()):
                arrays[key] = _aligned(arrays[key])
    except Exception:  # NumPy and zipfile raise a dozen kinds on damaged bytes
        raise _wrong(path) from None
    return arrays


def _aligned(records: NDArray[Any]) -> NDArray[Any]:
    """The same records, of the type that says that they are aligned."""
    kind = records.dtype
    parts = dict(kind.fields or {})
    return records.view(
        np.dtype(
            {
                "names": list(parts),
                "formats": [part[0] for part in parts.values()],
                "offsets": [part[1] for part in parts.values()],
                "itemsize": kind.itemsize,
            },
            align=True,
        )
    )


def _state_of(arrays: Mapping[str, Any], solver: str) -> State:
    def value(key: str) -> Any:
        return arrays[key] if arrays[key].ndim else arrays[key].item()

    def take(kind: Any, name: str) -> Any:
        start = f"{name}."
        if name in arrays:
            return value(name)
        if isinstance(kind, UnionType):
            (kind,) = (k for k in get_args(kind) if k is not NoneType)
            if not any(key.startswith(start) for key in arrays):
                return None
        if get_origin(kind) is Mapping:
            return {k.removeprefix(start): arrays[k][()] for k in arrays if k.startswith(start)}
        types = get_type_hints(kind)
        return kind(**{f.name: take(types[f.name], start + f.name) for f in fields(kind)})

    def kind_of(name: str) -> Any:
        linear = f"field.{name}.fill" in arrays
        return solver_named("linear" if linear else solver).State

    names = [k.split(".")[1] for k in arrays if k.startswith("field.") and k.endswith(".time")]
    return State(
        time=float(arrays["time"]),
        seed=int(arrays["seed"]),
        scene=take(Scene, "scene"),
        fields={name: take(kind_of(name), f"field.{name}") for name in names},
        cells=take(Cells | None, "cells"),
        exposure=take(Exposure, "exposure"),
    )
