"""Exceptions for users; the command line prints each as one line and sets the exit status."""

from pathlib import Path


class Sdf1FieldError(Exception):
    """Base of the errors that sdf1-field reports without a traceback."""

    exit_status = 1


class InputError(Sdf1FieldError):
    """The call, the model file or the data file is wrong: where, what, remedy."""

    exit_status = 2


class RunError(Sdf1FieldError):
    """A run failed although its input was valid."""


class Sdf1FieldWarning(UserWarning):
    """A warning that does not stop the run: where, what, remedy."""


def reason_of(error: OSError) -> str:
    """Why the system refused, as it stands within a message."""
    return (error.strerror or str(error)).lower()


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise InputError if a file would be replaced without ``force``."""
    if path.exists() and not force:
        raise InputError(f"{path}: exists already. Choose another name, or replace it with force.")


def refuse_inputs(path: Path | None, *inputs: Path | None) -> None:
    """Raise InputError if an output is a file that is read."""
    if path is None or not path.exists():
        return
    if any(one is not None and one.exists() and path.samefile(one) for one in inputs):
        raise InputError(f"{path}: is read as well. Choose another name for the output.")
