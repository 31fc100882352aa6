"""The exceptions a user meets; the command line turns each into one line and an exit status."""


class Sdf1FieldError(Exception):
    """Anything sdf1-field reports to its user without a traceback."""

    exit_status = 1


class InputError(Sdf1FieldError):
    """The call, the model file or the data file is wrong: where, what, remedy."""

    exit_status = 2


class RunError(Sdf1FieldError):
    """A run could not be carried through although its input was well-formed."""


class Sdf1FieldWarning(UserWarning):
    """What a user should know although the run goes on: where, what, remedy."""
