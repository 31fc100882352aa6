import subprocess
import sys

import pytest

HEAVY = (
    "numpy", "scipy", "numba", "xarray", "matplotlib", "pydantic", "pint", "netCDF4", "dask",
    "distributed",
)  # fmt: skip

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
        (["reproduce", "deniz2023", "--experiments", "0"], 2),
        (["reproduce", "deniz2023", "--quick", "--experiments", "3"], 2),
        (["reproduce", "deniz2023", "--workers", "2", "--scheduler", "there"], 2),
        (["nonsense"], 2),
    ],
)
def test_help_list_version_and_wrong_options_answer_without_numpy(arguments, status):
    assert loaded_by(arguments) == ([], status)


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
