import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "numpy", "scipy", "numba", "xarray", "pandas", "matplotlib", "pydantic", "pint", "netCDF4",
    "dask", "distributed", "psutil",
)  # fmt: skip
LAZY_ROOMS = ("migrasomes", "record", "scene", "simulation")

CALL = """
import sys
from sdf1_field.cli import main
try:
    main({arguments!r})
except SystemExit as end:
    status = end.code
print("loaded:", *[name for name in {heavy!r} if name in sys.modules])
print("status:", status)
"""


def loaded_by(arguments):
    code = CALL.format(arguments=list(arguments), heavy=HEAVY)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, status = ended.stdout.splitlines()[-2:]
    return loaded.split()[1:], int(status.split()[1])


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["list"], 0),
        (["list", "--json"], 0),
        (["solve", "--help"], 0),
        (["--nonsense"], 2),
        (["solve", "coculture-kg1a", "--nonsense"], 2),
        (["solve", "coculture-kg1a", "--seed", "first"], 2),
        (["solve"], 2),
        (["reproduce", "--help"], 0),
        (["reproduce", "deniz2023", "--dishes", "0"], 2),
        (["reproduce", "deniz2023", "--quick", "--dishes", "3"], 2),
        (["reproduce", "deniz2023", "--workers", "2", "--scheduler", "there"], 2),
        (["calibrate", "--help"], 0),
        (["calibrate", "deniz2023", "--free", ","], 2),
        (["calibrate", "deniz2023", "--workers", "2", "--scheduler", "there"], 2),
        (["ablate", "--help"], 0),
        (["ablate", "deniz2023", "--shipped-values", "--draws", "3"], 2),
        (["ablate", "deniz2023", "--conflict-draws", "3"], 2),
        (["power", "--help"], 0),
        (["power", "coculture-kg1a", "--n", "three"], 2),
        (["power", "coculture-kg1a"], 2),
        (["nonsense"], 2),
    ],
)
def test_help_list_version_and_wrong_options_answer_without_numpy(arguments, status):
    assert loaded_by(arguments) == ([], status)


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "coculture-kg1a"],
        ["check", "coculture-kg1a-sdf1-amd3100"],
        ["check", "whole-well-kg1a"],
        ["show", "coculture-cd34-anti-cd166"],
        ["show", "parameters"],
    ],
)
def test_models_are_checked_and_shown_without_compiler_units_library_or_file_formats(arguments):
    loaded, status = loaded_by(arguments)
    assert (set(loaded) - {"numpy", "pydantic"}, status) == (set(), 0)


def test_rooms_with_kernels_load_without_the_compiler():
    code = (
        "import sys, sdf1_field.cells.walking, sdf1_field.migrasomes.growth\n"
        "print('numba' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"


@pytest.mark.parametrize("room", LAZY_ROOMS)
def test_type_checkers_see_the_names_of_a_room_that_load_on_first_use(room):
    package = importlib.import_module(f"sdf1_field.{room}")
    stub = ast.parse(Path(package.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    homes = {
        alias.name: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert homes.keys() == set(package.__all__)
    for name, home in homes.items():
        assert getattr(package, name) is getattr(importlib.import_module(home), name)


def test_importing_the_package_loads_none_of_its_modules():
    code = "import sys, sdf1_field; print([m for m in sys.modules if m.startswith('sdf1_field.')])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_names_of_the_package_load_on_first_use():
    import sdf1_field
    from sdf1_field.api.runs import open_run

    assert sdf1_field.open_run is open_run
    assert "open_run" in dir(sdf1_field)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = sdf1_field.nonsense
