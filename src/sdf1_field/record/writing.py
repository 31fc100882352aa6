"""A run on its way to disk: written whole or not at all, and resumed where it stopped."""

import contextlib
import functools
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import netCDF4

from sdf1_field.errors import InputError, RunError, Sdf1FieldWarning
from sdf1_field.record.computer import (
    computers_text,
    differences,
    recorded_computers,
    this_computer,
)
from sdf1_field.record.layout import FORMAT, FORMATS, create_file, patterns, program, versions
from sdf1_field.record.paths import (
    checkpoint_path,
    claim_output,
    only_writer,
    partial_path,
    remove_leftovers,
    resumable_path,
)
from sdf1_field.record.reading import recorded_model
from sdf1_field.record.recorder import Recorder, write_late
from sdf1_field.record.states import load_frames, load_state, save_state
from sdf1_field.record.variables import frame_times
from sdf1_field.simulation import (
    State,
    rerun_if_coat_fills,
    simulate,
    track_times,
)
from sdf1_field.solvers import CoatFills
from sdf1_field.spec import Model, ModelSpec
from sdf1_field.units import duration_text


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
    resume: bool = False,
    force: bool = False,
    progress: Callable[[float], None] | None = None,
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
    resume : bool
        Go on where an interrupted run stopped; the result is the same as if it never had been.
    force : bool
        Replace an existing file.
    progress : callable, optional
        Called with the time reached [s] after every output.

    Raises
    ------
    InputError
        See `claim_output`; also if the interrupted run was another model's.
    RunError
        If the solver fails or a state is not sound; results until then are kept in the
        partial file.
    KeyboardInterrupt
        Passed on after the results so far have been kept.

    Warns
    -----
    Sdf1FieldWarning
        If a run is resumed on another kind of computer than it was interrupted on.
    """
    claim_output(path, force=force, resume=resume)
    with only_writer(path):
        rerun_if_coat_fills(
            lambda nonlinear: _write(
                model,
                path,
                seed,
                threads,
                command_line,
                nonlinear,
                resume=resume and not nonlinear,
                progress=progress,
            )
        )


def _write(
    model: Model,
    path: Path,
    seed: int | None,
    threads: int,
    command_line: str,
    nonlinear: frozenset[str],
    *,
    resume: bool,
    progress: Callable[[float], None] | None,
) -> None:
    """Solve a model and write a run file of which this is the only writer; see `solve`."""
    spec = model.spec
    seed = spec.run.seed if seed is None else seed
    before: State | None = None
    recorder: Recorder | None = None
    if resume:
        left = _resumable(path, model, seed)
        before = load_state(checkpoint_path(path), spec.numerics.solver)
        kept = load_frames(checkpoint_path(path))
        left.replace(partial_path(path))
        recorder = Recorder(netCDF4.Dataset(partial_path(path), "a"), spec, kept)
        _record_computer(path, recorder.file)
    else:
        remove_leftovers(path)
        # Made at once, so that a second run finds it.
        partial_path(path).touch()
    stop = before
    onto_disk = functools.partial(_onto_disk, path, again="resume" if resume else "solve")
    try:
        # The first state of a resumed run is written again: the interruption may have come
        # while it was being written.
        snapshots = simulate(
            spec, seed=seed, resume_from=before, threads=threads, nonlinear=nonlinear
        )
        for snapshot in snapshots:
            stop = snapshot.stop
            with onto_disk():
                if recorder is None:
                    file = create_file(
                        partial_path(path), model, seed, snapshot.scene, command_line
                    )
                    recorder = Recorder(file, spec)
                    recorder.begin(snapshot.here.prepared.unsaturated_until, filled=nonlinear)
                recorder.append(snapshot)
            if progress is not None:
                progress(snapshot.time)
        assert recorder is not None
        with onto_disk():
            recorder.finish()
            recorder.close()
    except BaseException as error:
        failed = isinstance(error, RunError) and not isinstance(error, _WritingError | CoatFills)
        whole = recorder is not None and _closed(recorder, finish=failed)
        if recorder is None or stop is None:
            remove_leftovers(path)
        elif isinstance(error, KeyboardInterrupt) and whole:
            save_state(checkpoint_path(path), stop, recorder.kept)
            _leave_copy(path, recorder)
        elif isinstance(error, CoatFills):
            remove_leftovers(path)
        elif failed:
            checkpoint_path(path).unlink(missing_ok=True)
            raise RunError(
                f"{error} Results so far are in {partial_path(path)}, good up to "
                f"{duration_text(stop.time)}; start over with force."
            ) from None
        elif not resume:
            remove_leftovers(path)
        raise
    partial_path(path).replace(path)
    checkpoint_path(path).unlink(missing_ok=True)


def _record_computer(path: Path, file: netCDF4.Dataset) -> None:
    """Add this computer to those of a resumed run, with a warning, if it is of another kind."""
    computers = recorded_computers(file.__dict__.get("computed_on"))
    if not computers or computers[-1] == this_computer():
        return
    before, now = differences([computers[-1], this_computer()])
    file.setncattr("computed_on", computers_text([*computers, this_computer()]))
    warnings.warn(
        f"{path}: begun on one kind of computer ({before}), it goes on with another ({now}); its "
        "bits may be those of neither. Solve it anew if they matter.",
        Sdf1FieldWarning,
        stacklevel=3,
    )


def _closed(recorder: Recorder, *, finish: bool) -> bool:
    """Close a run file after an error; whether it holds all that was recorded."""
    try:
        if finish and recorder.last is not None:
            recorder.finish()
        recorder.close()
    except (OSError, RuntimeError):
        # A file that cannot be written to any more cannot be closed properly either.
        with contextlib.suppress(OSError, RuntimeError):
            recorder.file.close()
        return False
    return True


def _leave_copy(path: Path, recorder: Recorder) -> None:
    """Leave a copy of an interrupted run to look at, with its fibres and migrasomes.

    The file from which the run goes on never holds these: NetCDF can neither lengthen their
    dimensions nor remove them.
    """
    copy = path.with_name(path.name + ".copy")
    if recorder.last is None:
        return
    try:
        shutil.copyfile(partial_path(path), copy)
        with netCDF4.Dataset(copy, "a") as file:
            write_late(file, recorder.spec, recorder.kept, recorder.last.scene)
        partial_path(path).replace(resumable_path(path))
        copy.replace(partial_path(path))
    except (OSError, RuntimeError):
        pass  # without room for a copy the run can still go on from the partial file
    finally:
        copy.unlink(missing_ok=True)


class _WritingError(RunError):
    """A run file could not be written."""


@contextlib.contextmanager
def _onto_disk(path: Path, *, again: str) -> Iterator[None]:
    """Turn write errors into a one-line RunError; netCDF4 raises some of them as RuntimeError."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise _WritingError(
            f"{path}: writing failed ({error}). Make room on the disk or choose another, "
            f"and {again} again."
        ) from None


def _resumable(path: Path, model: Model, seed: int) -> Path:
    """File from which an interrupted run goes on.

    Raises
    ------
    InputError
        If it is damaged, or was begun by another call or another version.
    """
    left = resumable_path(path) if resumable_path(path).exists() else partial_path(path)
    try:
        file = netCDF4.Dataset(left, "a")
    except OSError as error:
        raise InputError(
            f"{left}: damaged ({error.strerror or error}). Start over with force."
        ) from None
    with file:
        if file.__dict__.get("format") in FORMATS and file.format != FORMAT:
            raise InputError(
                f"{left}: was begun by an earlier version of sdf1-field, whose files have another "
                "format. Start over with force."
            )
        recorded = recorded_model(left, file.__dict__).spec
        same = recorded == model.spec and file.seed == seed
        if same and file.patterns != patterns(model.spec):
            raise InputError(
                f"{left}: a picture or scene that the model names has changed since the run was "
                "begun. Restore it, or start over with force."
            )
        if not same:
            raise InputError(
                f"{left}: was made from another model, settings or seed. Repeat the call that "
                "was interrupted, or start over with force."
            )
        if (file.source, file.versions) != (program(), versions()):
            raise InputError(
                f"{left}: was begun by other versions of sdf1-field or its libraries, whose "
                "bits may differ. Start over with force."
            )
    return left
