"""A model solved to a file or in memory."""

import operator
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

from sdf1_field import record
from sdf1_field.api.runs import Run
from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.spec import Model, asked_model, outside_intervals, refuse_unread
from sdf1_field.units import bytes_text

LARGEST_IN_MEMORY = 1e9
"""Largest run file that is held in memory, by `record.expected_size` [bytes]."""


def solve(
    model: Model | str | Path,
    *,
    seed: int | None = None,
    path: str | Path | None = None,
    threads: int = 1,
    solver: str | None = None,
    force: bool = False,
    resume: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Run:
    """Solve a model.

    Parameters
    ----------
    model : Model, str or pathlib.Path
        A model, a shipped model's name, or a model file.
    seed : int, optional
        Of the dish; the model's own if not given.
    path : str or pathlib.Path, optional
        Run file to write. Without it the run is held in memory.
    threads : int
        Of the solver; the result does not depend on it.
    solver : {"cosine", "fipy"}, optional
        Of the fields; the model's own if not given.
    force : bool
        Replace an existing file.
    resume : bool
        Go on where an interrupted run stopped, with the same result as without interruption.
    progress : callable, optional
        Called with the time reached [s] after every state.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If the model or a value is wrong, if a value that was set acts on nothing in it, if the
        file exists or cannot be written, if the run needs more memory than there is, or if it is
        to be held in memory and larger than `LARGEST_IN_MEMORY`.
    RunError
        If the solver fails.

    Warns
    -----
    Sdf1FieldWarning
        Of each value outside its interval in ``models/parameters.toml``.
    """
    if not isinstance(model, Model):
        model = asked_model(str(model))
    if solver is not None:
        model = model.set({"numerics.solver": solver})
    refuse_unread(model)
    for outside in outside_intervals(model):
        warnings.warn(outside.text, Sdf1FieldWarning, stacklevel=2)
    seed = _whole("seed", model.spec.run.seed if seed is None else seed, 0, 2**63 - 1)
    threads = _whole("threads", threads, 1, os.cpu_count() or 1)
    if path is None and (resume or force):
        raise InputError("solve: a run in memory has no file to resume or replace. Give a path.")
    record.require_memory(model)
    call = f"sdf1_field.solve({model.name!r}, seed={seed})"

    def write(file: Path) -> None:
        record.solve(
            model, file, seed=seed, threads=threads, resume=resume, force=force,
            command_line=call, progress=progress,
        )  # fmt: skip

    if path is not None:
        write(Path(path))
        return Run(record.open_run(path), Path(path))
    size, _ = record.expected_size(model.spec)
    if size > LARGEST_IN_MEMORY:
        raise InputError(
            f"{model.name}: a run of up to {bytes_text(size)} is too large to be held in memory "
            f"(limit {bytes_text(LARGEST_IN_MEMORY)}). Give a path, such as path='run.nc'."
        )
    with tempfile.TemporaryDirectory(prefix="sdf1-field-") as folder:
        file = Path(folder) / "run.nc"
        write(file)
        with record.open_run(file) as opened:
            loaded = opened.load()
    # Messages name a run by where it is from.
    loaded.encoding["source"] = f"{model.name} (seed {seed})"
    return Run(loaded)


def _whole(name: str, value: int, lowest: int, highest: int) -> int:
    """Whole number within limits, or InputError."""
    try:
        number = operator.index(value)
    except TypeError:
        number = lowest - 1
    if not lowest <= number <= highest:
        raise InputError(
            f"solve: {name}: {value!r} is not a whole number from {lowest} to {highest}. Choose "
            "one of these."
        )
    return number
