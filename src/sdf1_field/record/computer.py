"""The kind of computer that a run's bits depend on, and what tells two kinds apart."""

import functools
import itertools
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Computer = Mapping[str, str]
"""A kind of computer, as `this_computer` describes it."""

_TOLD_BY_BLAS = ("internal_api", "version", "architecture")
_UNKNOWN = "not known"


@functools.cache
def this_computer() -> Computer:
    """The kind of computer that this process runs on.

    Returns
    -------
    mapping of str to str
        ``processor``, by LLVM's name, for which kernels are compiled; ``vector_instructions``, the
        sets that NumPy has code for and finds here; ``blas``, the libraries of NumPy and SciPy:
        name, version and the processor whose code they run, where they tell it; ``c_library``,
        whose elementary functions kernels call.
    """
    # Reading a run does without these libraries.
    import scipy.linalg  # noqa: F401  # loads SciPy's BLAS
    import threadpoolctl
    from numba.core import registry

    kernels: Any = registry.cpu_target
    _, processor, _ = kernels.target_context.codegen().magic_tuple()
    vectors = np.show_config(mode="dicts")["SIMD Extensions"]
    libraries = {
        " ".join(str(library[key]) for key in _TOLD_BY_BLAS if library.get(key))
        for library in threadpoolctl.threadpool_info()
        if library["user_api"] == "blas"
    }
    return {
        "processor": processor,
        "vector_instructions": " ".join(vectors.get("found", vectors["baseline"])),
        "blas": ", ".join(sorted(libraries)) or _UNKNOWN,
        "c_library": " ".join(platform.libc_ver()).strip() or _UNKNOWN,
    }


def computers_text(computers: Sequence[Computer]) -> str:
    """Kinds of computers as a file's attribute holds them, JSON."""
    return json.dumps([dict(computer) for computer in computers])


def recorded_computers(text: object) -> list[Computer]:
    """Kinds of computers that a file's attribute names; none if it is missing or damaged."""
    try:
        computers = json.loads(str(text))
        return [{str(k): str(v) for k, v in computer.items()} for computer in computers]
    except (ValueError, TypeError, AttributeError):
        return []


def computer_text(computer: Computer, keys: Iterable[str] | None = None) -> str:
    """A kind of computer in words, as far as some keys tell it; all that it has by default."""
    return "; ".join(
        f"{key.replace('_', ' ')} {computer.get(key, _UNKNOWN)}"
        for key in (computer if keys is None else keys)
    )


def differences(computers: Iterable[Computer]) -> list[str]:
    """Each of some kinds of computers in words, without what all of them share.

    Returns
    -------
    list of str
        In the same order; empty texts if all are of one kind.
    """
    kinds = list(computers)
    keys = [
        key
        for key in dict.fromkeys(itertools.chain.from_iterable(kinds))
        if len({kind.get(key) for kind in kinds}) > 1
    ]
    return [computer_text(kind, keys) for kind in kinds]
