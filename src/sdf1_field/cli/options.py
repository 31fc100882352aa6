"""Options and arguments that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdf1_field.errors import InputError

if TYPE_CHECKING:
    from sdf1_field.spec import Model


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --json, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(
        command
    )


def set_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --set, as the argument `settings`."""
    return click.option(
        "--set", "settings", multiple=True, metavar="KEY=VALUE",
        help="Override one value, such as treatments.amd3100.dose='10 uM'. May be repeated.",
    )(command)  # fmt: skip


def strict_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --strict, as the argument `strict`."""
    return click.option(
        "--strict", is_flag=True, help="Refuse values outside their intervals instead of warning."
    )(command)


def warn_of_intervals(model: "Model", *, strict: bool, quiet: bool = False) -> None:
    """Print one line on standard error for each value outside its interval.

    Raises
    ------
    InputError
        If there is one and ``strict`` is set.
    """
    from sdf1_field.spec import outside_intervals

    texts = [outside.text for outside in outside_intervals(model)]
    if strict and texts:
        raise InputError(f"{' Also '.join(texts)} Choose values within, or leave --strict away.")
    if not quiet:
        for text in texts:
            click.echo(f"sdf1-field: warning: {text}", err=True)


def run_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument RUN.nc, as `run`."""
    return click.argument("run", metavar="RUN.nc", type=click.Path(path_type=Path))(command)


def time_of(text: str) -> float:
    """Time [s] of an option --at; InputError if it is none."""
    from sdf1_field.units import parse

    try:
        return parse(text, "time")
    except ValueError as error:
        raise InputError(f"--at: {error}") from None
