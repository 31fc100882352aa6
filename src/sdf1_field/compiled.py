"""One decorator for compiled kernels, with a cache that needs no writable package folder.

Numba keys a cached kernel by its own file only, so that a change in another file, of a kernel that
it calls, would go unnoticed. Here the key is a digest of everything that the kernel is compiled
from: its bytecode, its options, and every constant and kernel that it names, the latter by their
digests. Any other change leaves the cache valid.

Numba's index of a kernel's compiled forms is not used: two processes that write to it can exchange
entries, and a damaged index stops every later run. Each form has its own file with a checksum.
"""

import enum
import functools
import hashlib
import itertools
import os
import pickle
import re
import stat
import sys
import tempfile
import types
import uuid
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
import platformdirs
from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserProvidedCacheLocator
from numba.core.serialize import dumps

import sdf1_field
from sdf1_field.errors import Sdf1FieldWarning

F = TypeVar("F", bound=Callable[..., Any])

_SUFFIX = ".kernel"
"""Of files with a kernel compiled for one signature and processor."""


@functools.cache
def cache_folder() -> Path:
    """Writable folder for kernels: in ``NUMBA_CACHE_DIR``, the user's cache, or a temporary one.

    Folders that other users can write to are skipped, because kernels are unpickled.
    """
    name = f"kernels-{sdf1_field.__version__}"
    chosen = os.environ.get("NUMBA_CACHE_DIR") or platformdirs.user_cache_dir("sdf1-field")
    temporary = Path(tempfile.gettempdir()) / f"sdf1-field-{os.getuid()}"
    for folder in (Path(chosen) / name, temporary / name):
        try:
            # Parents created by `mkdir` itself would not get this mode.
            for made in (folder.parent, folder):
                made.mkdir(parents=True, exist_ok=True, mode=0o700)
            if folder.parent == temporary:
                _require_own(temporary)
            _require_own(folder)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    try:
        return Path(tempfile.mkdtemp(prefix="sdf1-field-"))
    except OSError:
        # Saving a kernel there will fail, with a warning.
        return Path(chosen) / name


def kernels_are_cached() -> bool:
    """Whether the cache has any kernels; without them a run first compiles for about a minute.

    Some kernels of a model may still have to be compiled.
    """
    return any(cache_folder().glob(f"*{_SUFFIX}"))


def _require_own(folder: Path) -> None:
    """Raise PermissionError unless a folder is this user's own and closed to others' writing."""
    status = folder.lstat()
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or others_write:
        raise PermissionError(str(folder))


class _Locator(UserProvidedCacheLocator):
    """Puts a kernel's files into the cache folder, even if it is not writable."""

    def __init__(self, function: Any, source: str) -> None:
        super().__init__(function, source)
        self._cache_path = str(cache_folder())

    @classmethod
    def from_function(cls, function: Any, source: str) -> "_Locator | None":
        """Locator of a function, or None if it has no source file."""
        return cls(function, source) if os.path.exists(source) else None


class _Place(CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012


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
    return _digest_of(compiled.py_func, compiled.targetoptions, ())


def _digest_of(function: Any, options: Any, callers: tuple[Any, ...]) -> str:
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
        return _digest_of(value.py_func, value.targetoptions, callers)
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


class _Files:
    """Compiled forms of one kernel, each in a file of its own; incomplete files are not read.

    A file's name is a digest of everything that the form depends on, so that processes which write
    the same file write the same content; files are replaced atomically.
    """

    def __init__(self, folder: Path, function: Any, options: Any) -> None:
        self._folder, self._function, self._options = folder, function, options

    @functools.cached_property
    def _stamp(self) -> tuple[str, ...]:
        """Everything that all forms depend on; evaluated late, when all names are defined."""
        return (
            numba.__version__,
            sys.version,
            self._function.__module__,
            _digest_of(self._function, self._options, ()),
        )

    @property
    def _base(self) -> str:
        room = self._function.__module__.removeprefix("sdf1_field.")
        return re.sub(r"[^\w.]", "_", f"{room}.{self._function.__qualname__}")

    def _path(self, key: Any) -> Path:
        digest = hashlib.sha256(repr((self._stamp, key)).encode()).hexdigest()
        return self._folder / f"{self._base}-{digest[:16]}{_SUFFIX}"

    def load(self, key: Any) -> Any:
        """Form saved under a key, or None if it is missing, damaged or another user's."""
        try:
            with self._path(key).open("rb") as file:
                if os.fstat(file.fileno()).st_uid != os.getuid():
                    return None
                content = file.read()
        except OSError:
            return None
        size = hashlib.sha256().digest_size
        checksum, saved = content[:size], content[size:]
        if hashlib.sha256(saved).digest() != checksum:
            return None
        # The file is this user's, in a folder closed to others; see `cache_folder`.
        try:
            found, data = pickle.loads(saved)  # noqa: S301
        except (AttributeError, ImportError):
            # The type of an argument has moved to another module.
            return None
        return data if found == key else None

    def save(self, key: Any, data: Any) -> None:
        """Save a form under a key.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        saved = dumps((key, data))
        path = self._path(key)
        partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
        try:
            partial.write_bytes(hashlib.sha256(saved).digest() + saved)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


class _Cache(FunctionCache):
    """Numba's cache of one function; its errors do not stop a run."""

    _impl_class = _Place

    def __init__(self, function: Any, options: Any) -> None:
        super().__init__(function)
        self._cache_file: Any = _Files(Path(self.cache_path), function, options)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a compiled kernel, or warn once that the cache cannot be written."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _warn_of_no_cache(error.strerror or str(error))


@functools.cache
def _warn_of_no_cache(reason: str) -> None:
    warnings.warn(
        f"{cache_folder()}: the cache of compiled kernels cannot be written to "
        f"({reason.lower()}); this run goes on, and every later one compiles again. Make room "
        "there, or name another folder by the environment variable NUMBA_CACHE_DIR.",
        Sdf1FieldWarning,
        stacklevel=2,
    )


def kernel(*, inline: bool = False, parallel: bool = False) -> Callable[[F], F]:
    """Compile a function with Numba: cached, without the GIL, IEEE arithmetic in source order.

    Parameters
    ----------
    inline : bool
        For small functions called inside other kernels' loops.
    parallel : bool
        Distribute ``prange`` loops over the threads; only for loops with independent iterations,
        so that the result does not depend on the number of threads.
    """

    def decorate(function: F) -> F:
        options: dict[str, Any] = {"nogil": True, "fastmath": False, "error_model": "numpy"}
        if inline:
            compiled: F = numba.njit(**options, inline="always")(function)
            return compiled
        compiled = numba.njit(**options, parallel=parallel)(function)
        compiled._cache = _Cache(function, compiled.targetoptions)  # type: ignore[attr-defined]
        return compiled

    return decorate


def in_blocks(loop: Callable[[int, int], None], count: int) -> None:
    """Run a loop of kernels over ``range(count)``, a block of it on each of the kernels' threads.

    As `kernel` with ``parallel``, without its longer compilation.

    Parameters
    ----------
    loop : callable
        Given the first number of a block and its end; its iterations are independent.
    count : int
    """
    threads = numba.get_num_threads()
    if threads == 1:
        loop(0, count)
        return
    bounds = [count * n // threads for n in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for block in [pool.submit(loop, *ends) for ends in itertools.pairwise(bounds)]:
            block.result()
