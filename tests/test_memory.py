"""Free memory under the limits of control groups, and models that need more than there is."""

import platform
import subprocess
import sys

import psutil
import pytest
from tests.conftest import TINY

from sdf1_field.errors import InputError
from sdf1_field.record import expected_size, memory, require_memory
from sdf1_field.spec import load_model

GB = 10**9


def group(folder, names, limit, used, cached):
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in zip(names, (limit, used), strict=False):
        (folder / name).write_text(f"{value}\n", encoding="ascii")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {cached}\n", encoding="ascii")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Function that gives the memory free on a machine of 64 GB for a process in some groups."""
    free = psutil.virtual_memory()._replace(available=64 * GB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    own = tmp_path / "own"

    def available(*lines):
        own.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
        return memory.available_memory(own, tmp_path / "groups")

    return available


def test_without_control_groups_the_machines_memory_counts(machine, tmp_path):
    assert machine("0::/", "3:cpu:/x") == 64 * GB
    assert memory.available_memory(tmp_path / "none", tmp_path) == 64 * GB


def test_the_smallest_limit_of_a_group_and_its_parents_holds(machine, tmp_path):
    groups = tmp_path / "groups"
    group(groups / "job" / "step", memory._V2, "max", 7 * GB, 0)
    assert machine("0::/job/step") == 64 * GB
    group(groups / "job", memory._V2, 10 * GB, 7 * GB, 1 * GB)
    assert machine("0::/job/step") == 4 * GB
    group(groups / "job" / "step", memory._V2, 9 * GB, 7 * GB, 0)
    assert machine("0::/job/step") == 2 * GB
    group(groups / "job" / "step", memory._V2, 6 * GB, 7 * GB, 0)
    assert machine("0::/job/step") == 0.0


def test_groups_of_the_first_version_have_a_memory_controller(machine, tmp_path):
    groups = tmp_path / "groups" / "memory"
    group(groups, memory._V1, 9223372036854771712, 3 * GB, 0)
    group(groups / "docker" / "a:b", memory._V1, 8 * GB, 3 * GB, 1 * GB)
    assert machine("4:memory:/docker/a:b", "1:cpu:/docker/a:b", "0::/") == 6 * GB
    assert machine("4:cpuacct,memory:/docker/gone", "0::/") == 64 * GB


def test_a_file_of_another_form_sets_no_limit(machine, tmp_path):
    group(tmp_path / "groups", memory._V2, "much", 7 * GB, 0)
    assert machine("0::/") == 64 * GB


_FREED = """
import numpy as np
import psutil
from sdf1_field.record import keep_freed_memory

keep_freed_memory()
held = psutil.Process().memory_info().rss
np.ones(8 * 2**20)
print((psutil.Process().memory_info().rss - held) / 2**20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="is done for glibc alone")
def test_memory_of_a_freed_array_is_kept_for_the_next():
    done = subprocess.run(
        [sys.executable, "-c", _FREED], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) > 60.0


def test_a_model_that_needs_more_than_is_free_is_refused(monkeypatch):
    model = load_model("coculture-kg1a", settings=TINY)
    require_memory(model)
    monkeypatch.setattr(memory, "available_memory", lambda: 1e6)
    with pytest.raises(InputError, match=r"about \d+ MB of memory, and this machine has 1 MB"):
        require_memory(model)


def test_two_adhesion_maps_of_a_byte_and_three_floats_a_place_are_counted():
    coarse, fine = (
        expected_size(load_model("coculture-kg1a", settings=[*TINY, spacing]).spec)[1]
        for spacing in ("numerics.contact_spacing=2.5 um", "numerics.contact_spacing=1.25 um")
    )
    assert fine - coarse == pytest.approx(2 * (1 + 3 * 4) * (240**2 - 120**2))
