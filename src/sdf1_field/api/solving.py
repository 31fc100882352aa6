"""A model solved to a file or in memory."""

import operator
import os
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from sdf1_field import record
from sdf1_field.api.options import quantity
from sdf1_field.api.runs import Run
from sdf1_field.errors import InputError, refuse_inputs
from sdf1_field.spec import Model, asked_model, refuse_unread, warn_of_intervals
from sdf1_field.units import bytes_text

LARGEST_IN_MEMORY = 1e9
"""Largest run that is held in memory, by `record.expected_content` [bytes]."""


_ONE_AT_A_TIME = threading.RLock()
"""Held by a thread that solves: the NetCDF library is not safe in several."""


def solve(
    model: Model | str | Path,
    *,
    seed: int | None = None,
    path: str | Path | None = None,
    threads: int = 1,
    solver: str | None = None,
    checkpoint_every: str = "5 min",
    force: bool = False,
    resume: bool = False,
    accept: bool = False,
    strict: bool = False,
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
    solver : str, optional
        Of the fields, as ``numerics.solver``; the model's own if not given.
    checkpoint_every : str
        Wall time after which the run is saved in the folder ``RUN.nc.partial``, so that no more
        than this is lost.
    force : bool
        Replace an existing file.
    resume : bool
        Go on where an interrupted run stopped, with the same result as without interruption.
    accept : bool
        Resume also with other versions, or on another kind of computer, than the run was begun.
    strict : bool
        Refuse values outside their intervals instead of warning.
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
        If the solver fails, or memory or disk are full. What was computed is kept in
        ``RUN.nc.partial``.

    Warns
    -----
    Sdf1FieldWarning
        Of each value outside its interval in ``models/parameters.toml``.
    """
    model, seed = asked(model, seed=seed, threads=threads, solver=solver)
    every = quantity("solve: checkpoint_every", checkpoint_every, "time")
    if path is None and (resume or force):
        raise InputError("solve: a run in memory has no file to resume or replace. Give a path.")
    file = None if path is None else Path(path)
    require_possible(model, file, force=force, resume=resume, strict=strict, caller=2)
    call = f"sdf1_field.solve({model.name!r}, seed={seed})"

    def write(file: Path) -> None:
        record.solve(
            model, file, seed=seed, threads=threads, checkpoint_every=every, resume=resume,
            accept=accept, force=force, command_line=call, progress=progress,
        )  # fmt: skip

    if file is not None:
        with _ONE_AT_A_TIME:
            write(file)
            return Run(record.open_run(file), file)
    size = record.expected_content(model.spec)
    if size > LARGEST_IN_MEMORY:
        raise InputError(
            f"{model.name}: a run of up to {bytes_text(size)} is too large to be held in memory "
            f"(limit {bytes_text(LARGEST_IN_MEMORY)}). Give a path, such as path='run.nc'."
        )
    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix="sdf1-field-") as folder:
        held = Path(folder) / "run.nc"
        write(held)
        with record.open_run(held) as opened:
            loaded = opened.load()
    # Messages name a run by where it is from.
    loaded.encoding["source"] = f"{model.name} (seed {seed})"
    return Run(loaded)


def asked(
    model: Model | str | Path,
    *,
    settings: Iterable[str] = (),
    seed: int | None = None,
    threads: int = 1,
    solver: str | None = None,
) -> tuple[Model, int]:
    """Model and seed that a call asks for, from Python or the command line.

    Raises
    ------
    InputError
        If the model, the seed or the number of threads is wrong, or a value acts on nothing.
    """
    if isinstance(model, Model):
        model = model if solver is None else model.set({"numerics.solver": solver})
        refuse_unread(model)
    else:
        chosen = () if solver is None else (f"numerics.solver={solver}",)
        model = asked_model(model, settings=(*settings, *chosen))
    _whole("threads", threads, 1, os.cpu_count() or 1)
    return model, _whole("seed", model.spec.run.seed if seed is None else seed, 0, 2**63 - 1)


def require_possible(
    model: Model,
    path: Path | None,
    *,
    force: bool,
    resume: bool,
    strict: bool,
    caller: int = 1,
) -> None:
    """Raise InputError if a model cannot be solved, or not to that file; warn of intervals."""
    if path is not None:
        drawn = model.spec.scene.file
        refuse_inputs(path, Path(drawn) if drawn else None)
        record.claim_output(path, force=force, resume=resume)
    record.require_memory(model)
    warn_of_intervals(model, strict=strict, caller=caller + 1)


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
