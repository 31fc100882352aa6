"""Numba's dispatcher of a kernel, with a cache in files of its own."""

import functools
import gc
import os
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserProvidedCacheLocator
from numba.core.registry import CPUDispatcher
from numba.core.types import unliteral

from sdf1_field.compiled import files


class _Locator(UserProvidedCacheLocator):
    """Puts a kernel's files into the cache folder, even if it is not writable."""

    def __init__(self, function: Any, source: str) -> None:
        super().__init__(function, source)
        self._cache_path = str(files.cache_folder())

    @classmethod
    def from_function(cls, function: Any, source: str) -> "_Locator | None":
        """Locator of a function, or None if it has no source file."""
        return cls(function, source) if os.path.exists(source) else None


class _Place(CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012


class _Cache(FunctionCache):
    """Numba's cache of one function; its errors do not stop a run."""

    _impl_class = _Place

    def __init__(self, function: Any, options: Any) -> None:
        super().__init__(function)
        self._cache_file: Any = files.Files(Path(self.cache_path), function, options)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a compiled kernel, or warn once that the cache cannot be written."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            files.warn_of_no_cache(error.strerror or str(error))


class Dispatcher(CPUDispatcher):
    """Numba's dispatcher, with fewer and faster compilations.

    A form that other kernels call is compiled apart: without a wrapper for Python and without a
    file of its own, since the callers' files contain it.
    """

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        super().__init__(function, targetoptions=options)
        if "inline" not in options:
            self._cache = _Cache(function, options)

    @functools.cached_property
    def by_kernels(self) -> Any:
        """The same kernel as others call it."""
        return CPUDispatcher(
            self.py_func, targetoptions=self.targetoptions | {"no_cpython_wrapper": True}
        )

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Resolve another kernel's call, a constant being a number like any other.

        Numba compiles a form for each value of a constant.
        """
        plain = {name: unliteral(one) for name, one in kws.items()}
        return self.by_kernels.get_call_template([unliteral(one) for one in args], plain)

    def get_overload(self, sig: Any) -> Any:
        """Entry point for another kernel's call."""
        return self.by_kernels.get_overload(sig)

    def compile(self, sig: Any) -> Any:
        """Compile a form, without pauses to collect garbage, which take a tenth of the time."""
        pausing = gc.isenabled()
        gc.disable()
        try:
            return super().compile(sig)
        finally:
            if pausing:
                gc.enable()
