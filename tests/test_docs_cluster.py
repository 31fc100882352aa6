"""The batch script of the page on clusters, with stand-ins for the program and the queue."""

import re
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "howto" / "clusters.md"


@pytest.mark.parametrize(
    ("status", "kept", "calls"),
    [
        (0, False, ["solve"]),
        (1, False, ["solve"]),
        (75, False, ["solve", "requeue 7"]),
        (75, True, ["solve --resume", "requeue 7"]),
    ],
)
def test_a_job_is_requeued_at_its_time_limit_alone_and_ends_as_the_program_does(
    tmp_path, status, kept, calls
):
    (script,) = re.findall(r"```bash\n(#!/bin/bash\n.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    if kept:
        (tmp_path / "whole-well.nc.partial").mkdir()
        (tmp_path / "whole-well.nc.partial" / "state.npz").touch()
    for name, said in (
        ("sdf1-field", f'echo "$1" ${{@: -1}} | sed "s/ 230 min//" >> calls; exit {status}'),
        ("scontrol", 'echo "$@" >> calls'),
    ):
        stub = tmp_path / name
        stub.write_text(f"#!/bin/bash\n{said}\n", encoding="utf-8")
        stub.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin",
        "SLURM_JOB_ID": "7"}, check=False,
    )  # fmt: skip
    assert done.returncode == status
    assert (tmp_path / "calls").read_text().splitlines() == calls
