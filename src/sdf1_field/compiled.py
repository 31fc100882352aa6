"""One decorator for compiled kernels, with a cache that needs no writable package folder.

Numba keys a cached kernel by its own file only, so a kernel that calls one from another file
would survive a change there. The cache folder is therefore named after the sources of every room
that kernels are in or take constants from.
"""

import functools
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import platformdirs

F = TypeVar("F", bound=Callable[..., Any])

_WITHOUT_KERNELS = (
    "api", "cli", "digits", "ensemble", "figures", "observations", "record", "reproduce",
    "simulation", "spec"
)  # fmt: skip
"""Rooms that hold no kernel and no constant of one."""


@functools.cache
def cache_folder() -> Path:
    """Writable folder for kernels: ``NUMBA_CACHE_DIR``, the user's cache, or a temporary one."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for source in sorted(package.rglob("*.py")):
        if source.relative_to(package).with_suffix("").parts[0] not in _WITHOUT_KERNELS:
            digest.update(source.read_bytes())
    name = f"kernels-{digest.hexdigest()[:16]}"
    chosen = os.environ.get("NUMBA_CACHE_DIR") or platformdirs.user_cache_dir("sdf1-field")
    temporary = Path(tempfile.gettempdir()) / f"sdf1-field-{os.getuid()}"
    for folder in (Path(chosen) / name, temporary / name):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if folder.parent == temporary:
                _require_own(temporary)
                _require_own(folder)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="sdf1-field-"))


def kernels_are_cached() -> bool:
    """Whether any kernel of these sources has been compiled before."""
    return any(cache_folder().rglob("*.nbi"))


def _require_own(folder: Path) -> None:
    """Raise PermissionError if others could have put code into a folder of a known name."""
    status = folder.lstat()
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or others_write:
        raise PermissionError(str(folder))


def kernel(*, inline: bool = False, parallel: bool = False) -> Callable[[F], F]:
    """Compile a function with Numba: cached, without the GIL, IEEE arithmetic in source order.

    Parameters
    ----------
    inline : bool
        For small functions called inside other kernels' loops.
    parallel : bool
        Spread ``prange`` loops over the threads; only for loops whose turns are independent,
        so that the result does not depend on their number.
    """

    def decorate(function: F) -> F:
        options: dict[str, Any] = {"nogil": True, "fastmath": False, "error_model": "numpy"}
        if inline:
            compiled: F = numba.njit(**options, inline="always")(function)
            return compiled
        settings: Any = numba.config
        before = settings.CACHE_DIR
        settings.CACHE_DIR = str(cache_folder())
        try:
            compiled = numba.njit(**options, cache=True, parallel=parallel)(function)
        finally:
            settings.CACHE_DIR = before
        return compiled

    return decorate
