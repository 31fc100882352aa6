"""Files of compiled kernels, one for each form, in a folder that only its user writes to."""

import functools
import hashlib
import multiprocessing
import os
import pickle
import re
import stat
import sys
import tempfile
import uuid
import warnings
from pathlib import Path
from typing import Any

import numba
import platformdirs
from numba.core.serialize import dumps

import sdf1_field
from sdf1_field.compiled.digest import digest_of
from sdf1_field.errors import Sdf1FieldWarning

_SUFFIX = ".kernel"
"""Of files with a kernel compiled for one signature and processor."""


@functools.cache
def cache_folder() -> Path:
    """Writable folder for kernels: in ``NUMBA_CACHE_DIR``, the user's cache, or a temporary one.

    Folders of other users, and those that others can write to, are skipped, because kernels are
    unpickled.

    Warns
    -----
    Sdf1FieldWarning
        If such a folder is in ``NUMBA_CACHE_DIR``.
    """
    name = f"kernels-{sdf1_field.__version__}"
    named = os.environ.get("NUMBA_CACHE_DIR")
    chosen = Path(named or platformdirs.user_cache_dir("sdf1-field"))
    try:
        temporary = Path(tempfile.gettempdir()) / f"sdf1-field-{_user()}".rstrip("-")
    except OSError:
        # There is no temporary folder, and the present one cannot be written to.
        return chosen / name
    for folder in (chosen / name, temporary / name):
        try:
            # Parents created by `mkdir` itself would not get this mode.
            for made in (folder.parent, folder):
                made.mkdir(parents=True, exist_ok=True, mode=0o700)
            own = _is_own(folder) and (folder.parent != temporary or _is_own(temporary))
        except OSError:
            continue
        if own and os.access(folder, os.W_OK):
            return folder
        if named and not own and folder.parent == chosen:
            _warn_of_others(folder)
    try:
        return Path(tempfile.mkdtemp(prefix="sdf1-field-"))
    except OSError:
        # Saving a kernel there will fail, with a warning.
        return chosen / name


def kernels_are_cached() -> bool:
    """Whether the cache has any kernels; without them a run first compiles for about half a minute.

    Some kernels of a model may still have to be compiled.
    """
    return any(cache_folder().glob(f"*{_SUFFIX}"))


def _user() -> int | str:
    """Number of this user; empty on Windows, where the temporary folder is each user's own."""
    return os.getuid() if hasattr(os, "getuid") else ""


def _is_own(folder: Path) -> bool:
    """Whether a folder, and no link to one, is this user's own and closed to others' writing."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and _is_closed(status)


def _is_closed(status: os.stat_result) -> bool:
    """Whether only this user can write to a file or folder; taken for granted on Windows.

    There the folders that are chosen by default are within the user's profile.
    """
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not others_write)


def _open_own(path: str, flags: int) -> int:
    """Open a file that only this user can read and write, whatever the umask."""
    return os.open(path, flags, 0o600)


def _warn_of_others(folder: Path) -> None:
    # Each of Dask's processes would repeat it.
    if multiprocessing.parent_process() is None:
        warnings.warn(
            f"{folder}: kernels are not kept there, since the folder belongs to another user or "
            "others can write to it, and could have this program run their code. Make it your own "
            "(chmod 700), or set NUMBA_CACHE_DIR to another folder.",
            Sdf1FieldWarning,
            stacklevel=2,
        )


class Files:
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
            digest_of(self._function, self._options, ()),
            *(("bounds checked",) if numba.config.BOUNDSCHECK else ()),  # type: ignore[attr-defined]
        )

    @property
    def _base(self) -> str:
        room = self._function.__module__.removeprefix("sdf1_field.")
        return re.sub(r"[^\w.]", "_", f"{room}.{self._function.__qualname__}")

    def _path(self, key: Any) -> Path:
        digest = hashlib.sha256(repr((self._stamp, key)).encode()).hexdigest()
        return self._folder / f"{self._base}-{digest[:16]}{_SUFFIX}"

    def load(self, key: Any) -> Any:
        """Form saved under a key, or None if it is missing, damaged or open to other users."""
        try:
            with self._path(key).open("rb") as file:
                if not _is_closed(os.fstat(file.fileno())):
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
            with open(partial, "xb", opener=_open_own) as file:
                file.write(hashlib.sha256(saved).digest() + saved)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@functools.cache
def warn_of_no_cache(reason: str) -> None:
    """Warn, once for each reason, that kernels are not kept."""
    warnings.warn(
        f"{cache_folder()}: the cache of compiled kernels cannot be written to "
        f"({reason.lower()}); this run goes on, and every later one compiles again. Make room "
        "there, or name another folder by the environment variable NUMBA_CACHE_DIR.",
        Sdf1FieldWarning,
        stacklevel=2,
    )
