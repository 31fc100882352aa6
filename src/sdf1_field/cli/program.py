"""How the program ends: its exit status, and one line for every error."""

import sys
from typing import Any, NoReturn

import click

from sdf1_field.errors import Sdf1FieldError

INTERRUPTED = 130


class Program(click.Group):
    """Turns every error a user can cause into one line and an exit status."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command and exit."""
        extra["standalone_mode"] = False
        try:
            status = super().main(*args, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else "sdf1-field"
            fail(f"{error.format_message()} Try '{path} --help'.", error.exit_code)
        except Sdf1FieldError as error:
            fail(str(error), error.exit_status)
        except MemoryError:
            fail("out of memory. Raise grid.spacing or make the dish smaller.", 1)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            fail(f"{error.filename or 'a file'}: {reason}. Check the path.", 2)
        except (KeyboardInterrupt, click.Abort):
            fail("interrupted.", INTERRUPTED)
        sys.exit(status if isinstance(status, int) else 0)


def fail(text: str, status: int) -> NoReturn:
    """End the program with one line on standard error and an exit status."""
    click.echo(f"sdf1-field: {' '.join(text.split())}", err=True)
    sys.exit(status)
