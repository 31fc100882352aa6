"""One decorator for compiled kernels, with a cache that needs no writable package folder.

Numba is loaded when a kernel is first called, so that checking a model does not wait for it.

Numba keys a cached kernel by its own file only, so that a change in another file, of a kernel that
it calls, would go unnoticed. Here the key is a digest of everything that the kernel is compiled
from: its bytecode, its options, and every constant and kernel that it names, the latter by their
digests. Any other change leaves the cache valid.

Numba's index of a kernel's compiled forms is not used: two processes that write to it can exchange
entries, and a damaged index stops every later run. Each form has its own file with a checksum.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {
    "nopython": True,
    "nogil": True,
    "fastmath": False,
    "error_model": "numpy",
    "boundscheck": None,
    "no_cfunc_wrapper": True,
}
"""Numba's options of every kernel."""


class Kernel:
    """A function that is compiled when it is first called.

    Parameters
    ----------
    function : callable
    options : dict
        Numba's options.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self.targetoptions = options

    @functools.cached_property
    def dispatcher(self) -> Any:
        """Numba's."""
        from sdf1_field.compiled.dispatching import Dispatcher

        return Dispatcher(self.py_func, self.targetoptions)

    def __call__(self, *args: Any, **by_name: Any) -> Any:
        """Result for some arguments, whose types choose the compiled form."""
        return self.dispatcher(*args, **by_name)

    @property
    def _numba_type_(self) -> Any:
        """By which Numba takes this for its dispatcher in another kernel."""
        return self.dispatcher._numba_type_


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
        options = _OPTIONS | ({"inline": "always"} if inline else {"parallel": parallel})
        return cast("F", Kernel(function, options))

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
    from concurrent.futures import ThreadPoolExecutor

    from numba import get_num_threads

    threads = get_num_threads()
    if threads == 1:
        loop(0, count)
        return
    # Nothing to do, but the kernels are loaded before two threads would both do that.
    loop(0, 0)
    bounds = [count * n // threads for n in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for block in [pool.submit(loop, *ends) for ends in itertools.pairwise(bounds)]:
            block.result()
