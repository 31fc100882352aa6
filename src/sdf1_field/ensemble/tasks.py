"""Many calls of one function on Dask, each result stored as a line of text when it is there."""

import contextlib
import json
import os
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from sdf1_field.ensemble.cluster import each_result, local_client, remote_client, result_or_error
from sdf1_field.ensemble.storing import lock
from sdf1_field.errors import InputError, RunError, reason_of
from sdf1_field.interrupts import interruptible


def run_tasks(
    function: Callable[..., Any],
    tasks: Mapping[str, tuple[Any, ...]],
    store: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Results of a function for the tasks that a file does not hold yet, and those that it holds.

    Parameters
    ----------
    function : callable
        Of the arguments of a task; its result must fit JSON, and depend on nothing else.
    tasks : mapping of str to tuple
        Arguments, by a key that tells everything apart on which the result depends.
    store : pathlib.Path
        Lines of results; created if it does not exist.
    scheduler : str, optional
        Address of a running Dask scheduler. If not given, processes on this machine do the work.
    workers : int, optional
        Number of processes; by default one for each core that this one may use.
    progress : callable, optional
        Called with the number of tasks finished since the last call, stored ones included.

    Returns
    -------
    dict
        Results by key, in the order of the tasks.

    Raises
    ------
    InputError
        If the file cannot be used, if the scheduler does not answer, or if a task raises it.
    RunError
        If a task fails; finished ones are kept.
    KeyboardInterrupt
        Passed on; finished tasks are kept.
    """
    with _locked(store) as file:
        text = file.read()
        if text and not text.endswith("\n"):
            file.write("\n")
        known = _stored(text)
        found = {key: known[key] for key in tasks if key in known}
        if progress is not None and found:
            progress(len(found))
        missing = {key: task for key, task in tasks.items() if key not in found}
        with (
            interruptible() as check,
            contextlib.closing(_answers(function, missing, scheduler, workers)) as answers,
        ):
            for key, answer in answers:
                if isinstance(answer, InputError | RunError):
                    raise answer
                found[key] = answer
                try:
                    file.write(f"{json.dumps([key, answer])}\n")
                    file.flush()
                except OSError as error:
                    raise RunError(
                        f"{store}: writing failed ({reason_of(error)}). Make room on the disk and "
                        "run again; finished points are kept."
                    ) from None
                if progress is not None:
                    progress(1)
                check()
    return {key: found[key] for key in tasks}


@contextlib.contextmanager
def _locked(store: Path) -> Generator[Any]:
    """The file, open at its beginning for reading and adding lines."""
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        file = store.open("a+", encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(
            f"{store}: cannot be written to ({reason_of(error)}). Choose another folder."
        ) from None
    with file:
        lock(file.fileno(), store)
        file.seek(0)
        yield file


def _stored(text: str) -> dict[str, Any]:
    """Results by key; a line that was cut off is left out."""
    found = {}
    for line in text.split("\n"):
        with contextlib.suppress(ValueError, RecursionError):
            pair = json.loads(line)
            if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str):
                found[pair[0]] = pair[1]
    return found


def _answers(
    function: Callable[..., Any],
    tasks: Mapping[str, tuple[Any, ...]],
    scheduler: str | None,
    workers: int | None,
) -> Generator[tuple[str, Any]]:
    if not tasks:
        return
    if scheduler is None and (workers == 1 or len(tasks) == 1 or os.cpu_count() == 1):
        for key, task in tasks.items():
            yield key, result_or_error(function, *task)
        return
    with (
        local_client(len(tasks), workers) if scheduler is None else remote_client(scheduler)
    ) as client:
        keys = list(tasks)
        columns = [list(column) for column in zip(*tasks.values(), strict=True)]
        for n, answer in each_result(client, function, columns):
            yield keys[n], answer
