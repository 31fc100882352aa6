import gc
import importlib
import json
import os
import pkgutil
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.errors import TypingError

import sdf1_field
from sdf1_field import compiled
from sdf1_field.compiled import digest, files
from sdf1_field.errors import Sdf1FieldWarning
from sdf1_field.random.kernels import draw

PACKAGE = Path(sdf1_field.__file__).parent

READ_ONLY_PACKAGE = """
import json, os, sys

package = sys.argv[1]

def refuse(event, arguments):
    # Stands in for missing permissions, which do not bind an administrator.
    if event == "open" and str(arguments[0]).startswith(package):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise PermissionError(13, "read-only package folder", arguments[0])
    elif event == "os.mkdir" and str(arguments[0]).startswith(package):
        raise PermissionError(13, "read-only package folder", arguments[0])

sys.addaudithook(refuse)

from sdf1_field.compiled.files import cache_folder
from sdf1_field.random.kernels import draw

print(json.dumps({
    "uniform": draw(1, 5, 2, 3)[1],
    "folder": str(cache_folder()),
    "hits": sum(draw.dispatcher.stats.cache_hits.values()),
}))
"""


def _fresh_folder():
    """Cache folder as a new process with the present environment would choose it."""
    return files.cache_folder.__wrapped__()


@pytest.fixture
def unwritable(tmp_path):
    """Path under a regular file, where no folder can be made even by an administrator."""
    blocker = tmp_path / "file"
    blocker.write_text("", encoding="utf-8")
    return blocker / "folder"


def test_kernels_are_cached_and_found_again_without_a_writable_package_or_home(
    tmp_path, unwritable
):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(unwritable),
        "HOME": str(unwritable),
        "XDG_CACHE_HOME": str(unwritable),
        "TMPDIR": str(temporary),
    }
    runs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY_PACKAGE, str(PACKAGE)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        runs.append(json.loads(done.stdout))
    first, second = runs
    assert (first["hits"], second["hits"]) == (0, 1)
    assert first["folder"] == second["folder"]
    assert Path(first["folder"]).is_relative_to(temporary)
    assert first["uniform"] == second["uniform"] == draw(1, 5, 2, 3)[1]


DOUBLE = """
import json, resource, sys, warnings

from sdf1_field import compiled
from sdf1_field.compiled import files

asked = files.kernels_are_cached()
if len(sys.argv) > 1:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))

@compiled.kernel()
def doubled(a):
    return a + a

with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    found = doubled(0.1)
print(json.dumps({
    "found": found,
    "cached": asked,
    "hits": sum(doubled.dispatcher.stats.cache_hits.values()),
    "said": [str(one.message) for one in said],
}))
"""


@pytest.fixture
def doubling(tmp_path):
    """Function that doubles in a process of its own, with a cache folder of the test's own."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    script = tmp_path / "double.py"
    script.write_text(DOUBLE, encoding="utf-8")

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, script, *map(str, arguments)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def printed_by(program):
    printed, complaints = program.communicate(timeout=120)
    assert (program.returncode, complaints) == (0, "")
    return json.loads(printed)


def kernel_files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def damaged(content, how):
    if how == "flipped":
        middle = len(content) // 2
        return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    return content[: {"empty": 0, "cut": len(content) // 2, "zeros": 0}[how]] + (
        bytes(len(content)) if how == "zeros" else b""
    )


@pytest.mark.parametrize("how", ["empty", "cut", "zeros", "flipped"])
def test_a_damaged_kernel_is_compiled_anew_and_the_cache_is_whole_again(tmp_path, monkeypatch, how):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path)

    def hits():
        own = compiled.kernel()(_doubled)
        assert own(0.1) == 0.2
        return sum(own.dispatcher.stats.cache_hits.values())

    assert not files.kernels_are_cached()
    assert hits() == 0
    (path,) = kernel_files(tmp_path)
    path.write_bytes(damaged(path.read_bytes(), how))
    assert hits() == 0
    assert kernel_files(tmp_path) == [path]
    assert files.kernels_are_cached()
    assert hits() == 1


def test_a_run_goes_on_without_a_cache_on_a_full_disk_and_says_so_once(tmp_path, doubling):
    # The system refuses files of more than 2,000 bytes, as a full disk would.
    full = printed_by(doubling(2000))
    (line,) = full.pop("said")
    assert full == {"found": 0.2, "cached": False, "hits": 0}
    assert f"{tmp_path / 'cache'}/kernels-" in line
    assert "cannot be written to (file too large)" in line
    assert "NUMBA_CACHE_DIR" in line
    assert kernel_files(tmp_path / "cache") == []


@pytest.mark.slow
def test_processes_that_compile_at_once_leave_one_whole_cache(tmp_path, doubling):
    together = [doubling() for _ in range(2)]
    assert [printed_by(program)["found"] for program in together] == [0.2] * 2
    after = printed_by(doubling())
    assert (after["found"], after["hits"], after["said"]) == (0.2, 1, [])
    (_,) = kernel_files(tmp_path / "cache")


def test_a_kernel_is_kept_for_each_type_of_its_arguments(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path)

    def make():
        return compiled.kernel()(_doubled)

    first, second = make(), make()
    assert (first(2), first(0.5)) == (second(2), second(0.5)) == (4, 1.0)
    assert sum(first.dispatcher.stats.cache_hits.values()) == 0
    assert sum(second.dispatcher.stats.cache_hits.values()) == 2
    assert len(list(tmp_path.rglob("*.kernel"))) == 2


def _doubled(a):
    return a + a


def test_a_kernel_is_compiled_once_for_all_constants_in_kernels_and_lies_in_their_files(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path)

    @compiled.kernel()
    def scaled(a, factor):
        return a * factor

    @compiled.kernel()
    def many_times(a):
        return scaled(a, 2) + scaled(a, 3) + scaled(factor=4, a=a)

    assert many_times(5) == 45
    assert len(scaled.dispatcher.by_kernels.overloads) == 1
    assert [path.name.split("-")[0].rsplit(".", 1)[-1] for path in kernel_files(tmp_path)] == [
        "many_times"
    ]
    # Called from Python it is compiled with a file of its own.
    assert scaled(5, 2) == 10
    assert len(kernel_files(tmp_path)) == 2


def test_garbage_is_collected_again_after_a_compilation(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path)
    assert gc.isenabled()
    assert compiled.kernel()(_doubled)(2) == 4
    assert gc.isenabled()
    with pytest.raises(TypingError):
        compiled.kernel()(_doubled)(None)
    assert gc.isenabled()


def test_the_asked_cache_folder_is_used_before_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "asked"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    assert _fresh_folder().parent == tmp_path / "asked"
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(files.platformdirs, "user_cache_dir", lambda app: tmp_path / app)
    assert _fresh_folder().parent == tmp_path / "sdf1-field"


def test_a_temporary_folder_that_others_can_write_to_is_not_trusted(
    tmp_path, unwritable, monkeypatch
):
    # Cached kernels are pickles: a user who can plant one there runs code here.
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(unwritable))
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    usual = _fresh_folder()
    assert usual.is_relative_to(tmp_path)
    for folder in (usual, usual.parent):
        folder.chmod(0o777)
        assert _fresh_folder() != usual
        folder.chmod(0o700)
    assert _fresh_folder() == usual


def test_a_folder_in_the_asked_one_that_others_can_write_to_is_refused_in_a_line(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path / "temporary"))
    shared = tmp_path / "shared"
    shared.mkdir()
    # Where the folder of kernels lies is the user's choice; that one must be the user's own.
    shared.chmod(0o777)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(shared))
    asked = _fresh_folder()
    assert asked.parent == shared
    assert asked.stat().st_mode & 0o777 == 0o700
    for mode in (0o777, 0o770, 0o702):
        asked.chmod(mode)
        with pytest.warns(Sdf1FieldWarning, match=f"{asked}: kernels are not kept there"):
            assert _fresh_folder().is_relative_to(tmp_path / "temporary"), oct(mode)
    asked.rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    asked.symlink_to(elsewhere)
    with pytest.warns(Sdf1FieldWarning, match="kernels are not kept there"):
        assert _fresh_folder().is_relative_to(tmp_path / "temporary")


def test_a_kernel_that_others_can_write_to_is_not_read_and_none_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path)
    before = os.umask(0)
    try:
        assert compiled.kernel()(_doubled)(2) == 4
    finally:
        os.umask(before)
    (path,) = kernel_files(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o666)
    planted = compiled.kernel()(_doubled)
    assert planted(2) == 4
    assert sum(planted.dispatcher.stats.cache_hits.values()) == 0


def test_kernels_with_and_without_bounds_checks_have_files_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path)
    for checked, hits in ((None, 0), (1, 0), (None, 1)):
        monkeypatch.setattr(files.numba.config, "BOUNDSCHECK", checked)
        own = compiled.kernel()(_doubled)
        assert own(2) == 4
        assert sum(own.dispatcher.stats.cache_hits.values()) == hits


def test_the_cache_does_without_what_windows_lacks(tmp_path, monkeypatch):
    monkeypatch.delattr(files.os, "getuid")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "folder"))
    (tmp_path / "file").touch()
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    assert _fresh_folder().parent == tmp_path / "sdf1-field"


def test_a_kernel_of_another_user_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path)
    own = compiled.kernel()(_doubled)
    assert own(2) == 4
    user = os.getuid()
    monkeypatch.setattr(files.os, "getuid", lambda: user + 1)
    others = compiled.kernel()(_doubled)
    assert others(2) == 4
    assert sum(others.dispatcher.stats.cache_hits.values()) == 0
    monkeypatch.undo()
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path)
    again = compiled.kernel()(_doubled)
    assert again(2) == 4
    assert sum(again.dispatcher.stats.cache_hits.values()) == 1


KERNELS = """
from enum import IntEnum

import numpy as np

from sdf1_field.compiled import kernel

RATE = 2.0
TABLE = np.array([1.0, 2.0])


class Kind(IntEnum):
    FIRST = 0


@kernel(inline=True)
def inner(a):
    return RATE * a


@kernel()
def outer(a):
    # Says nothing.
    return inner(a) + later(a) + TABLE[Kind.FIRST]


@kernel()
def later(a):
    return a if a < 1.0 else outer(a - 1.0)
"""


def _digest_of_outer(path, source):
    path.write_text(source, encoding="utf-8")
    return digest.kernel_digest(runpy.run_path(str(path))["outer"])


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("# Says nothing.", '"""Says something."""', False),
        ("\nRATE", "\n\n\nUNUSED = 5\nRATE", False),
        ("RATE = 2.0", "RATE = 3.0", True),
        ("[1.0, 2.0]", "[1.0, 2.5]", True),
        ("FIRST = 0", "FIRST = 1", True),
        ("RATE * a", "RATE / a", True),
        ("a < 1.0", "a < 1.5", True),
        ("@kernel()\ndef outer", "@kernel(parallel=True)\ndef outer", True),
    ],
)
def test_a_kernel_is_another_when_what_it_is_compiled_from_changes_and_only_then(
    tmp_path, old, new, changes
):
    assert old in KERNELS
    before = _digest_of_outer(tmp_path / "before.py", KERNELS)
    after = _digest_of_outer(tmp_path / "after.py", KERNELS.replace(old, new))
    assert (before != after) == changes


def test_of_everything_that_kernels_name_a_change_would_be_noticed():
    found = 0
    for room in pkgutil.walk_packages(sdf1_field.__path__, "sdf1_field."):
        if not room.name.endswith("__main__"):
            for value in vars(importlib.import_module(room.name)).values():
                if hasattr(value, "py_func"):
                    assert len(digest.kernel_digest(value)) == 64
                    found += 1
    assert found > 80
    with pytest.raises(TypeError, match="a change would not be noticed"):
        digest.kernel_digest(compiled.kernel()(_sized))


def _sized():
    return PACKAGE


def test_a_kernel_computes_what_its_python_source_does():
    @compiled.kernel(inline=True)
    def ratio(a, b):
        return a / b

    assert ratio(1.0, 3.0) == 1.0 / 3.0 == ratio.py_func(1.0, 3.0)
    # The error model of arrays, not of Python: kernels divide by zero to infinity.
    assert ratio(1.0, 0.0) == float("inf")


def test_making_a_kernel_leaves_numbas_own_settings_alone(monkeypatch):
    monkeypatch.setattr(files.numba.config, "CACHE_DIR", "somewhere")
    compiled.kernel()(lambda a: a)
    assert files.numba.config.CACHE_DIR == "somewhere"
