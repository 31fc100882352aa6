"""Digest of everything that a kernel is compiled from."""

import enum
import hashlib
import types
from typing import Any

import numpy as np


def kernel_digest(compiled: Any) -> str:
    """SHA-256 of everything a kernel is compiled from, in hexadecimal digits.

    Parameters
    ----------
    compiled : callable
        Made by `kernel`.

    Raises
    ------
    TypeError
        If it names an object whose changes cannot be detected.
    """
    return digest_of(compiled.py_func, compiled.targetoptions, ())


def digest_of(function: Any, options: Any, callers: tuple[Any, ...]) -> str:
    """Digest of a kernel; recursion ends at a call of one of its callers."""
    if function in callers:
        return str(function.__qualname__)
    parts: list[Any] = [sorted((key, repr(value)) for key, value in options.items())]
    todo = [function.__code__]
    for code in todo:
        constants = [c for c in code.co_consts if c is not None and c != function.__doc__]
        todo += [c for c in constants if isinstance(c, types.CodeType)]
        parts += [code.co_code, code.co_varnames, code.co_freevars, code.co_names]
        parts += [repr(c) for c in constants if not isinstance(c, types.CodeType)]
        for name in code.co_names:
            if name in function.__globals__:
                value = function.__globals__[name]
                parts += [name, _content(value, (*callers, function))]
    parts += [repr(function.__defaults__)]
    for cell in function.__closure__ or ():
        parts += [_content(cell.cell_contents, (*callers, function))]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _content(value: Any, callers: tuple[Any, ...]) -> str:
    """Text that changes whenever the object behind a kernel's global name changes."""
    if hasattr(value, "py_func"):
        return digest_of(value.py_func, value.targetoptions, callers)
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {value.tobytes()!r}"
    if isinstance(value, enum.EnumType):
        return repr(list(value))
    if isinstance(value, type):
        return f"{value.__qualname__} {getattr(value, '_fields', ())}"
    if isinstance(value, types.ModuleType) and not value.__name__.startswith("sdf1_field"):
        return value.__name__
    if isinstance(value, str | int | float | tuple | np.generic | np.dtype) or value is None:
        return repr(value)
    if callable(value) and not getattr(value, "__module__", "").startswith("sdf1_field"):
        return str(getattr(value, "__qualname__", value))
    raise TypeError(f"a kernel names {value!r}, of which a change would not be noticed")
