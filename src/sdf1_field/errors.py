"""Exceptions for users; the command line prints each as one line and sets the exit status."""


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
