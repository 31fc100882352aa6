"""The click group of all commands: exit status, and one line for every error."""

import contextlib
import os
import re
import select
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, TextIO

import click

from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.printing import say
from sdf1_field.cli.streams import replace_closed_streams
from sdf1_field.errors import Sdf1FieldError, Sdf1FieldWarning, cut, plain, reason_of
from sdf1_field.interrupts import exit_status, ignore_signals, reason

_DEBUG = "--debug"
_LONGEST = 400
"""Characters of an unexpected error's text; libraries may write pages."""


class Program(ExampleCommand, click.Group):
    """Turns every error into one line and an exit status, and every warning into one line."""

    def __call__(self, *args: Any, **extra: Any) -> Any:
        """Run as a program, which ignores further interrupts while it ends after one."""
        replace_closed_streams()
        try:
            return super().__call__(*args, **extra)
        except KeyboardInterrupt as end:
            ignore_signals()
            sys.exit(exit_status(end))
        except SystemExit as end:
            if end.code not in (0, 1, 2):
                ignore_signals()
            raise

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run a command and exit."""
        words = list(sys.argv[1:] if args is None else args)
        options = words[: words.index("--")] if "--" in words else words
        debug = _DEBUG in options or os.environ.get("SDF1_FIELD_DEBUG", "0") not in ("", "0")
        words = [w for w in options if w != _DEBUG] + words[len(options) :]
        extra["standalone_mode"] = False
        with warnings.catch_warnings():
            warnings.simplefilter("always", Sdf1FieldWarning)
            warnings.showwarning = _show_warning
            try:
                status = super().main(words, **extra)
            except Exception as error:
                if debug and not isinstance(error, click.exceptions.NoArgsIsHelpError):
                    say(traceback.format_exc().rstrip(), err=True)
                _end(error)
            except KeyboardInterrupt as end:
                fail_interrupted(end)
        sys.exit(status if isinstance(status, int) else 0)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the command line, or show the help."""
        with _past_click():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Call a command."""
        with _past_click():
            return super().invoke(ctx)


class _Raised(Exception):
    """Carries its cause past Click."""


@contextlib.contextmanager
def _past_click() -> Iterator[None]:
    """Hide errors from Click, which would take them for an interrupt or exit."""
    try:
        yield
    except (EOFError, OSError) as error:
        raise _Raised from error


def _end(error: BaseException) -> NoReturn:
    """End the program for an error: 0 if its reader has gone, 1 or 2 if something is wrong."""
    if isinstance(error, _Raised) and error.__cause__ is not None:
        error = error.__cause__
    match error:
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            sys.exit(error.exit_code)
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "sdf1-field"
            fail(f"{error.format_message()} Try '{path} --help'.", error.exit_code)
        case click.ClickException():
            fail(error.format_message(), error.exit_code)
        case Sdf1FieldError():
            fail(_with_options(str(error)), error.exit_status)
        case RuntimeError() if str(error).startswith("NetCDF:"):
            fail(
                f"a run file is damaged ({error}). Find it with `sdf1-field inspect --digest "
                "RUN.nc`, which reads all of a file, and solve its model again.",
                2,
            )
        case MemoryError():
            fail(
                "out of memory. If a file was being read, give a smaller one; if a model was being "
                "solved, raise grid.spacing or make the dish smaller.",
                1,
            )
        case click.Abort():
            fail_interrupted(KeyboardInterrupt())
        case BrokenPipeError() if _reader_has_gone():
            sys.exit(0)
        case OSError():
            place = error.filename or "a file or the standard output"
            fail(f"{place}: {reason_of(error)}. Check the path.", 2)
    text = " ".join(f"{type(error).__name__}: {error}".split())
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    fail(
        f"internal error: {shown.rstrip('.:')}; please report it to the project with the command "
        f"line and what {_DEBUG} prints.",
        1,
    )


def _with_options(text: str) -> str:
    """Text with some arguments of Python, such as ``force``, as the command line's options.

    Examples
    --------
    >>> _with_options("Go on with resume, or start over with force.")
    'Go on with --resume, or start over with --force.'
    """
    return re.sub(r"\b(with|without) (accept|force|resume)\b", r"\1 --\2", text)


def _reader_has_gone() -> bool:
    """Whether standard output is a pipe that is not read any more, as after ``| head``.

    Windows cannot tell.
    """
    if not hasattr(select, "poll"):
        return False
    waiting = select.poll()
    try:
        waiting.register(sys.stdout.fileno(), 0)
    except (AttributeError, OSError, ValueError):
        return False
    return bool(waiting.poll(0))


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if issubclass(category, Sdf1FieldWarning):
        text = " ".join(str(message).split())
        say(f"sdf1-field: warning: {text}", err=True)
    else:
        shown = warnings.formatwarning(message, category, filename, lineno, line)
        (file or sys.stderr).write(plain(shown))


def fail(text: str, status: int) -> NoReturn:
    """End the program with one line on standard error and an exit status."""
    say(f"sdf1-field: {cut(' '.join(text.split()))}", err=True)
    sys.exit(status)


def fail_interrupted(end: KeyboardInterrupt, text: str = "", *, gained: bool = True) -> NoReturn:
    """End the program that was interrupted, with its reason, a text and its `exit_status`."""
    fail(f"{reason(end)}. {text}", exit_status(end, gained=gained))
