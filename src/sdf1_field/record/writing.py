"""A run on its way to disk: written whole or not at all, and resumed where it stopped."""

import contextlib
import json
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sdf1_field.errors import (
    InputError,
    RunError,
    Sdf1FieldWarning,
    reason_of,
    sync_names,
    written_aside,
)
from sdf1_field.record.computer import (
    computers_text,
    differences,
    recorded_computers,
    this_computer,
)
from sdf1_field.record.contents import contents_of, require_start
from sdf1_field.record.journal import (
    FRAMES,
    Journal,
    Start,
    load_start,
    remove_journal,
    reopened,
    tables_of,
)
from sdf1_field.record.layout import (
    FORMAT,
    attributes_at_start,
    patterns,
    program,
    sizes_at_start,
    values_at_start,
    versions,
    write_file,
)
from sdf1_field.record.paths import checkpoint_path, claim_output, only_writer, partial_path
from sdf1_field.record.reading import recorded_model
from sdf1_field.record.recorder import Recorder, coats_at_start
from sdf1_field.record.variables import frame_times
from sdf1_field.simulation import (
    Snapshot,
    State,
    rerun_if_coat_fills,
    simulate,
    track_times,
)
from sdf1_field.solvers import CoatFills
from sdf1_field.spec import Model, ModelSpec
from sdf1_field.units import duration_text

CHECKPOINT_EVERY = 300.0
"""Time between two checkpoints by default [s]."""
_NAMED = 3
"""Differing values that a message names at most."""
_WHOLE = "whole.nc"
"""Name of the file in a run's folder in which its tables are put together."""


def output_times(spec: ModelSpec) -> list[float]:
    """Times of all states that a run's file is made from [s]."""
    tracked = [] if spec.run.mode == "steady" else track_times(spec)
    return sorted({*frame_times(spec), *tracked})


def solve(
    model: Model,
    path: Path,
    *,
    seed: int | None = None,
    threads: int = 1,
    command_line: str = "",
    checkpoint_every: float = CHECKPOINT_EVERY,
    resume: bool = False,
    accept: bool = False,
    force: bool = False,
    progress: Callable[[float], None] | None = None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Solve a model and write its run file.

    Parameters
    ----------
    model : Model
    path : pathlib.Path
        Of the run file.
    seed : int, optional
        Of the dish; the model's own if not given.
    threads : int
        Of the solver; the result does not depend on it.
    command_line : str
        Recorded in the file.
    checkpoint_every : float
        Wall time after which the run is saved at its next stop [s].
    resume : bool
        Go on where an interrupted run stopped; the result is the same as if it never had been.
    accept : bool
        Resume also with other versions, or on another kind of computer, than the run was begun.
    force : bool
        Replace an existing file.
    progress : callable, optional
        Called with the time reached [s] after every output.
    check : callable, optional
        Called at every stop and while the file is written; raises KeyboardInterrupt to end the run.

    Raises
    ------
    InputError
        See `claim_output`; also if the interrupted run was another model's.
    RunError
        If the solver fails, a state is not sound, or memory or disk are full. What was computed is
        kept as far as it can be.
    KeyboardInterrupt
        Passed on after the results so far have been kept.

    Warns
    -----
    Sdf1FieldWarning
        If a run is resumed under other conditions than it was begun, or from its start.
    """
    claim_output(path, force=force, resume=resume)
    with only_writer(path):
        kept = _kept(path, model, seed, accept=accept) if resume else None

        def write(nonlinear: frozenset[str]) -> None:
            run = _Run(
                model, path, model.spec.run.seed if seed is None else seed, command_line,
                tuple(nonlinear), checkpoint_every, check,
            )  # fmt: skip
            # A run that begins anew since a coat filled does not go on with the one before.
            before = run.go_on(kept) if kept and not nonlinear else None
            run.write(before, threads, progress)

        rerun_if_coat_fills(write)


class _Run:
    """A run that is being written, of which this is the only writer."""

    def __init__(
        self,
        model: Model,
        path: Path,
        seed: int,
        command_line: str,
        filled: tuple[str, ...],
        every: float,
        check: Callable[[], None],
    ) -> None:
        self.model, self.path, self.seed, self.command_line = model, path, seed, command_line
        self.folder, self.filled, self.every, self.check = partial_path(path), filled, every, check
        self.start: Start | None = None
        self.recorder: Recorder | None = None
        self.last: State | None = None
        self.saved = time.monotonic()
        self.complete = self.placed = False

    def go_on(self, start: Start) -> State:
        """Take up an interrupted run; its last stop."""
        require_start(self.folder, self.model.spec, start)
        journal, checkpoint, state = reopened(self.folder, self.model.spec, start)
        self.start = start
        if checkpoint.rows[FRAMES]:
            contents_of(self.folder, self.model.spec, start, checkpoint)
        self.recorder = Recorder(journal, self.model.spec, checkpoint.once, checkpoint.own)
        return state

    def write(
        self, before: State | None, threads: int, progress: Callable[[float], None] | None
    ) -> None:
        """Solve and write the whole run, from a state before or from its start."""
        try:
            if before is None:
                with self._onto_disk():
                    remove_journal(self.folder)
            for snapshot in simulate(
                self.model.spec, seed=self.seed, resume_from=before, threads=threads,
                nonlinear=self.filled, reached=self._reached,
            ):  # fmt: skip
                with self._onto_disk():
                    self._recording(snapshot).append(snapshot)
                self.last = snapshot.stop
                if progress is not None:
                    progress(snapshot.time)
            with self._onto_disk():
                self._complete()
        except BaseException as error:
            self._keep(error)
            if isinstance(error, InputError) and before is not None and self.last is None:
                raise InputError(f"{checkpoint_path(self.path)}: {error}") from None
            raise
        remove_journal(self.folder)

    def _recording(self, snapshot: Snapshot) -> Recorder:
        """Recorder of the run, which is begun with its first snapshot."""
        if self.recorder is None:
            spec, scene = self.model.spec, snapshot.scene
            sizes = sizes_at_start(spec, scene)
            self.start = Start(
                attributes_at_start(self.model, self.seed, self.command_line), sizes,
                coats_at_start(snapshot.here.prepared.unsaturated_until, self.filled),
                values_at_start(spec, scene), tables_of(spec, sizes),
            )  # fmt: skip
            self.start.save(self.folder)
            journal = Journal(self.folder, spec, self.start.tables, {})
            self.recorder = Recorder(journal, spec)
        return self.recorder

    def _reached(self, snapshot: Snapshot) -> None:
        """Note a stop, and make a checkpoint there if one is due."""
        with self._onto_disk():
            self._recording(snapshot)
            self.last = snapshot.stop
            if time.monotonic() - self.saved >= self.every:
                self._checkpoint()
        self.check()

    def _checkpoint(self) -> None:
        assert self.recorder is not None
        assert self.last is not None
        self.recorder.journal.commit(self.last, self.recorder.once, self.recorder.own)
        if not self.placed:
            # A power failure would take the folder itself.
            sync_names(self.path.parent)
            self.placed = True
        self.saved = time.monotonic()

    def _complete(self) -> None:
        """Put the file together, which then takes its name."""
        assert self.start is not None
        assert self.recorder is not None
        recorder = self.recorder
        if checkpoint_path(self.path).exists():
            self._checkpoint()
        end = recorder.journal.complete(recorder.once, recorder.own)
        contents = contents_of(self.folder, self.model.spec, self.start, end)
        with written_aside(self.path, self.folder / _WHOLE) as whole:
            write_file(whole, contents, self.check)
        self.complete = True
        recorder.journal.close()

    def _keep(self, error: BaseException) -> None:
        """Keep what was computed before an error, as far as it can be, and say where it is."""
        failed = isinstance(error, RunError) and not isinstance(error, _WritingError)
        if self.recorder is not None:
            nothing = self.last is None or self.complete or isinstance(error, CoatFills)
            # A solver that fails would fail again at the same place: there is only what to look at.
            nothing = nothing or (failed and not any(self.recorder.journal.rows.values()))
            # If the disk is full the checkpoint before holds.
            with contextlib.suppress(OSError, RuntimeError, MemoryError):
                if not nothing:
                    self._checkpoint()
            self.recorder.journal.close()
        kept = checkpoint_path(self.path).exists() and not self.complete
        if not kept:
            with contextlib.suppress(OSError):
                remove_journal(self.folder)
        found = f" Results so far are in {self.folder}" if kept else ""
        if isinstance(error, _WritingError):
            then = f"go on with resume.{found}." if kept else "solve again."
            raise RunError(
                f"{self.path}: writing failed ({error}). Make room on the disk or choose another, "
                f"and {then}"
            ) from None
        if isinstance(error, MemoryError):
            then = f"{found}; go on with resume where more is free." if kept else ""
            raise RunError(
                f"{self.path}: out of memory.{then} Raise grid.spacing or make the dish smaller."
            ) from None
        if failed and not isinstance(error, CoatFills) and kept:
            assert self.last is not None
            raise RunError(
                f"{error}{found}, good up to {duration_text(self.last.time)}; start over with "
                "force."
            ) from None

    @contextlib.contextmanager
    def _onto_disk(self) -> Iterator[None]:
        """Tell errors of writing from others; netCDF4 raises some of them as RuntimeError."""
        try:
            yield
        except (OSError, RuntimeError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else str(error)
            raise _WritingError(reason) from None


class _WritingError(RunError):
    """Why a run could not be written."""


def _kept(path: Path, model: Model, seed: int | None, *, accept: bool) -> Start | None:
    """Start of an interrupted run that may go on; None, with a warning, if nothing was kept of it.

    Raises
    ------
    InputError
        If it is damaged, or was begun by another call or under other conditions.
    """
    folder = partial_path(path)
    if not checkpoint_path(path).exists():
        warnings.warn(
            f"{folder}: left before its first checkpoint. The run is begun anew.",
            Sdf1FieldWarning,
            stacklevel=3,
        )
        return None
    start = load_start(folder)
    found, spec = start.attributes, model.spec
    if found.get("format") != FORMAT:
        raise InputError(
            f"{folder}: was begun by another version of sdf1-field, whose files have another "
            "format. Start over with force."
        )
    recorded = recorded_model(folder, found)
    seeds = int(found["seed"]), spec.run.seed if seed is None else seed
    if recorded.spec != spec or seeds[0] != seeds[1]:
        other = _changed(recorded, model) or ("seed {} instead of {}".format(*seeds))
        raise InputError(
            f"{folder}: was made from another model, settings or seed ({other}). Repeat the call "
            "that was interrupted, or start over with force."
        )
    if found["patterns"] != patterns(spec):
        raise InputError(
            f"{folder}: a picture or scene that the model names has changed since the run was "
            "begun. Restore it, or start over with force."
        )
    if start.tables != tables_of(spec, start.sizes):
        raise InputError(
            f"{folder}: was begun by another version of sdf1-field, which writes other variables. "
            "Start over with force."
        )
    computers = recorded_computers(found.get("computed_on"))
    then = {"program": found["source"], **json.loads(found["versions"])}
    now = {"program": program(), **json.loads(versions())}
    if computers:
        then |= computers[-1]
        now |= this_computer()
    before, here = differences([then, now])
    if not before:
        return start
    differing = f"{folder}: was begun with {before}, and would go on with {here}"
    if not accept:
        raise InputError(
            f"{differing}; its bits may be those of neither. Resume it as it was begun, go on all "
            "the same with accept, or start over with force."
        )
    warnings.warn(
        f"{differing.replace('would go', 'goes')}; its bits may be those of neither. Solve it anew "
        "if they matter.",
        Sdf1FieldWarning,
        stacklevel=3,
    )
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    added = {"history": f"{found['history']}\n{moment} resumed with {here} after {before}"}
    if computers and computers[-1] != this_computer():
        added["computed_on"] = computers_text([*computers, this_computer()])
    start = replace(start, attributes={**found, **added})
    start.save(folder)
    return start


def _changed(recorded: Model, model: Model) -> str:
    """Some of the values in which an interrupted run's model differs from that of a call."""
    then, now = (
        {path: entry.value for path, entry in one.entries.items()} for one in (recorded, model)
    )
    paths = [path for path in {**then, **now} if then.get(path) != now.get(path)]
    texts = [f"{path}={then.get(path)} instead of {now.get(path)}" for path in paths[:_NAMED]]
    return ", ".join(texts + ["..."] * (len(paths) > _NAMED))
