"""The one place where commands print: text of foreign files cannot act on a terminal."""

import click

from sdf1_field.errors import plain


def say(text: object = "", *, err: bool = False) -> None:
    """Print a line, with characters that act on a terminal escaped.

    Parameters
    ----------
    text : object
        May hold titles, names and headers from files that others have written.
    err : bool
        On standard error.
    """
    click.echo(plain(str(text)), err=err)
