"""Ensembles of dishes on Dask: on the cores of this machine, or by remote workers."""

import contextlib
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdf1_field.claims import Reading
from sdf1_field.ensemble.cluster import (
    Answer,
    answer,
    answers,
    local_client,
    remote_client,
    result_or_error,
)
from sdf1_field.ensemble.storing import (
    Simulated,
    append_rows,
    claimed,
    model_digest,
    read_run,
    run_digest,
    run_path,
    table_rows,
    write_run,
    write_table,
)
from sdf1_field.errors import InputError, RunError, Sdf1FieldWarning
from sdf1_field.interrupts import interruptible
from sdf1_field.observations import Dish
from sdf1_field.record.computer import Computer, differences


@dataclass(frozen=True)
class Failure:
    """A dish that could not be simulated or read, and why, in one line."""

    dish: Dish
    message: str


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Readings of many dishes.

    Parameters
    ----------
    readings : mapping of Dish to tuple of Reading
        In the order in which the dishes were asked for.
    failures : tuple of Failure
        Dishes without readings, in the same order.
    """

    readings: Mapping[Dish, tuple[Reading, ...]]
    failures: tuple[Failure, ...]


def run_dishes(
    dishes: Sequence[Dish],
    folder: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Ensemble:
    """Simulate and read the dishes that a folder does not hold yet, and store each when it is done.

    The readings are independent of the workers and of the order in which dishes finish.

    Parameters
    ----------
    dishes : sequence of Dish
    folder : pathlib.Path
        Created if it does not exist. Its table lists these dishes, not others that it also holds.
    scheduler : str, optional
        Address of a running Dask scheduler. If not given, processes on this machine do the work.
    workers : int, optional
        Number of processes; by default one for each core that this one may use.
    progress : callable, optional
        Called with the number of dishes finished since the last call, stored ones included.

    Raises
    ------
    InputError
        If a model or a setting is wrong, if the folder holds something else or is in use, or if
        the scheduler does not answer, has no workers, or workers with another program.
    RunError
        If the disk is full or the scheduler is lost; finished dishes are kept.
    KeyboardInterrupt
        Passed on; finished dishes are kept.

    Warns
    -----
    Sdf1FieldWarning
        If the dishes were simulated on computers of several kinds.
    """
    models = {
        (d.model, d.settings): model_digest(d.model, d.settings)
        for d in {(d.model, d.settings): d for d in dishes}.values()
    }
    digests = {dish: run_digest(dish, models[dish.model, dish.settings]) for dish in dishes}
    simulated: dict[Dish, Simulated] = {}
    rows: dict[Dish, str] = {}
    failures: dict[Dish, Failure] = {}

    def rewrite_table() -> None:
        write_table(folder, (rows[dish] for dish in digests if dish in rows))

    with claimed(folder):
        for dish, digest in digests.items():
            found = read_run(run_path(folder, dish, digest), digest)
            if found is not None:
                simulated[dish], rows[dish] = found, table_rows(dish, found.readings)
        missing = [dish for dish in digests if dish not in simulated]
        if progress is not None and simulated:
            progress(len(simulated))
        with _writing(folder):
            rewrite_table()
        expected = {dish: models[dish.model, dish.settings] for dish in missing}
        try:
            with (
                interruptible() as check,
                contextlib.closing(_answers(expected, scheduler, workers)) as found_out,
            ):
                for dish, said in found_out:
                    if isinstance(said, str):
                        failures[dish] = Failure(dish, said)
                    else:
                        path = run_path(folder, dish, digests[dish])
                        row = table_rows(dish, said.readings)
                        with _writing(path):
                            # Nothing slow between these, where an interrupt would lose the row.
                            write_run(path, dish, digests[dish], said)
                            simulated[dish], rows[dish] = said, row
                            append_rows(folder, row)
                    if progress is not None:
                        progress(1)
                    check()
        except BaseException:
            with contextlib.suppress(OSError):
                rewrite_table()
            raise
        with _writing(folder):
            rewrite_table()
    _warn_of_several_kinds(folder, (dish.computer for dish in simulated.values()))
    return Ensemble(
        {dish: simulated[dish].readings for dish in digests if dish in simulated},
        tuple(failures[dish] for dish in digests if dish in failures),
    )


def _warn_of_several_kinds(folder: Path, computers: Iterable[Computer]) -> None:
    """Warn if dishes were simulated on several kinds of computer, as far as that is recorded."""
    dishes = Counter(tuple(sorted(computer.items())) for computer in computers if computer)
    if len(dishes) < 2:
        return
    told_apart = differences([dict(kind) for kind in dishes])
    mixed = ", ".join(f"{n} on {text}" for n, text in zip(dishes.values(), told_apart, strict=True))
    warnings.warn(
        f"{folder}: holds dishes from several kinds of computer ({mixed}), whose bits may differ. "
        "Choose a new folder to have all from one.",
        Sdf1FieldWarning,
        stacklevel=3,
    )


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(
            f"{path}: writing failed ({error.strerror or error}). Make room on the disk and run "
            "again; finished runs are kept."
        ) from None


def _answers(
    expected: Mapping[Dish, str], scheduler: str | None, workers: int | None
) -> Generator[tuple[Dish, Answer]]:
    """Answers for dishes, as they finish; a single dish is simulated in this process."""
    if not expected:
        return
    if scheduler is None and len(expected) == 1:
        for dish, model in expected.items():
            said = result_or_error(answer, dish, model)
            if isinstance(said, InputError):
                raise said
            yield dish, said
        return
    with (
        local_client(len(expected), workers) if scheduler is None else remote_client(scheduler)
    ) as client:
        yield from answers(client, expected)
