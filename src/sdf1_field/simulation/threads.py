"""Threads of the numerical libraries."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import numba
import threadpoolctl

from sdf1_field.modes import transform_threads


@contextlib.contextmanager
def use_threads(count: int) -> Iterator[None]:
    """Let kernels and transforms use some threads, BLAS one: its sums depend on their number."""
    limits: Any = numba.config
    before = numba.get_num_threads()
    numba.set_num_threads(min(count, limits.NUMBA_NUM_THREADS))
    try:
        with transform_threads(count), _thread_pools().limit(limits=1, user_api="blas"):
            yield
    finally:
        numba.set_num_threads(before)


@functools.cache
def _thread_pools() -> threadpoolctl.ThreadpoolController:
    """Thread pools of the libraries loaded, found once."""
    return threadpoolctl.ThreadpoolController()
