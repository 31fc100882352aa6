"""Options and arguments that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sdf1_field.errors import InputError


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --json, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(
        command
    )


def set_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --set, as the argument `settings`."""
    return click.option(
        "--set", "settings", multiple=True, metavar="KEY=VALUE",
        help="Change one value, such as treatments.amd3100.dose='10 uM'. May be repeated.",
    )(command)  # fmt: skip


def strict_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --strict, as the argument `strict`."""
    return click.option(
        "--strict", is_flag=True, help="Refuse values outside their intervals instead of warning."
    )(command)


def image_size_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --image-size, as the argument `image_size`."""
    return click.option(
        "--image-size", metavar="WIDTHxHEIGHT",
        help="Of a picture that was outlined in ImageJ, in pixels, such as 1024x1024.",
    )(command)  # fmt: skip


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
