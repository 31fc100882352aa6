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


def labels_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --labels, as the argument `labels`."""
    return click.option(
        "--labels", metavar="REGION=LABELS",
        help="Which labels of the mask are which region, such as free=0,msc=1,network=2. Labels "
        "are numbers, ranges (1-20), several (1+5), or 'others'; if each body has a label: "
        "free=0,msc=others. Of outlines they are names, such as msc=MSC*,network=net*.",
    )(command)  # fmt: skip


def pixel_size_option(of: str) -> Callable[..., Any]:
    """The option --pixel-size, as the argument `pixel_size`; ``of`` completes its help."""
    return click.option("--pixel-size", metavar="LENGTH", help=f"Of {of}.")


def planes_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --plane, as the argument `planes`."""
    return click.option(
        "--plane", "planes", multiple=True, metavar="AXIS=N",
        help="Plane of a mask that is a stack, such as T=3, from 0. May be repeated.",
    )(command)  # fmt: skip


def columns_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --columns, as the argument `columns`."""
    return click.option(
        "--columns", multiple=True, metavar="KEY=NAME",
        help="Name of a table's column, such as x=across. Keys: track, x, y, frame, time. May be "
        "repeated.",
    )(command)  # fmt: skip


def processes_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options --workers and --scheduler, as arguments; for `require_one_of_processes`."""
    command = click.option(
        "--scheduler", metavar="ADDRESS", help="Of a running Dask scheduler to use instead."
    )(command)
    return click.option(
        "--workers", type=click.IntRange(min=1), help="Processes; one a core if not given."
    )(command)


def require_one_of_processes(workers: int | None, scheduler: str | None) -> None:
    """Refuse both at once."""
    if workers is not None and scheduler is not None:
        raise InputError("--workers and --scheduler: the scheduler has its workers. Leave one out.")


def run_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument RUN.nc, as `run`."""
    return click.argument("run", metavar="RUN.nc", type=click.Path(path_type=Path))(command)


def time_of(text: str, option: str = "--at") -> float:
    """Time [s] of an option; InputError if it is none."""
    from sdf1_field.units import parse

    try:
        return parse(text, "time")
    except ValueError as error:
        raise InputError(f"{option}: {error}") from None
