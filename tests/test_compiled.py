import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sdf1_field
from sdf1_field import compiled
from sdf1_field.random import draw

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

from sdf1_field.compiled import cache_folder
from sdf1_field.random import draw

print(json.dumps({
    "uniform": draw(1, 5, 2, 3)[1],
    "folder": str(cache_folder()),
    "hits": sum(draw.stats.cache_hits.values()),
}))
"""


def _fresh_folder():
    """Cache folder as a new process with the present environment would choose it."""
    return compiled.cache_folder.__wrapped__()


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


def test_the_asked_cache_folder_is_used_before_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "asked"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    assert _fresh_folder().parent == tmp_path / "asked"
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(compiled.platformdirs, "user_cache_dir", lambda app: tmp_path / app)
    assert _fresh_folder().parent == tmp_path / "sdf1-field"


def test_a_temporary_folder_that_others_can_write_to_is_not_trusted(
    tmp_path, unwritable, monkeypatch
):
    # Cached kernels are pickles: whoever can plant one there runs code here.
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(unwritable))
    monkeypatch.setattr(compiled.tempfile, "tempdir", str(tmp_path))
    usual = _fresh_folder()
    assert usual.is_relative_to(tmp_path)
    for folder in (usual, usual.parent):
        folder.chmod(0o777)
    assert _fresh_folder() != usual


def test_the_cache_folder_changes_with_a_source_of_kernels_and_only_then(tmp_path, monkeypatch):
    copy = tmp_path / "sdf1_field"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(compiled, "__file__", str(copy / "compiled.py"))
    original = _fresh_folder()
    assert _fresh_folder() == original
    names = {original.name}
    sources = ("grid.py", "solvers/cosine/stages.py")
    for source in sources:
        text = (copy / source).read_bytes()
        (copy / source).write_bytes(text + b"\n# changed\n")
        names.add(_fresh_folder().name)
        (copy / source).write_bytes(text)
    assert len(names) == 1 + len(sources)
    (copy / "cli" / "program.py").write_text("# changed\n", encoding="utf-8")
    assert _fresh_folder() == original


def test_a_kernel_computes_what_its_python_source_does():
    @compiled.kernel(inline=True)
    def ratio(a, b):
        return a / b

    assert ratio(1.0, 3.0) == 1.0 / 3.0 == ratio.py_func(1.0, 3.0)
    # The error model of arrays, not of Python: kernels divide by zero to infinity.
    assert ratio(1.0, 0.0) == float("inf")


def test_making_a_kernel_leaves_numbas_own_settings_alone(monkeypatch):
    monkeypatch.setattr(compiled.numba.config, "CACHE_DIR", "somewhere")
    compiled.kernel()(lambda a: a)
    assert compiled.numba.config.CACHE_DIR == "somewhere"
