"""Options of commands that draw figures for a screen or for a journal."""

import functools
from collections.abc import Callable
from typing import Any

import click


def page_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options --width and --panel, as the argument `page` of type `figures.paper.Page`."""

    @click.option(
        "--width", metavar="LENGTH",
        help="Final width on a journal's page, such as '85 mm' or '180 mm': text of 7 to 9 points, "
        "lines of at least 0.5, 300 dots per inch. A size for screens if not given.",
    )  # fmt: skip
    @click.option("--panel", metavar="LETTER", help="Letter in the top left corner, such as A.")
    @functools.wraps(command)
    def with_page(*args: Any, width: str | None, panel: str | None, **options: Any) -> Any:
        from sdf1_field.figures.paper import Page

        return command(*args, page=Page.of(width, panel), **options)

    return with_page


def range_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --range, as the argument `ranges`: texts such as ``0.5..2 pM``."""
    return click.option(
        "--range", "ranges", multiple=True, metavar="LOW..HIGH",
        help="Ends of the colour scale with their unit, such as '0.5..2 pM', or of what is bound "
        "'0..40 molecules/um**2', so that several pictures can be compared. May be repeated.",
    )(command)  # fmt: skip
