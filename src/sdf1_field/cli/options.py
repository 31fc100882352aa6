"""Options and arguments that several commands have."""

from collections.abc import Callable, Mapping
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
        help="Override one value, such as treatments.amd3100.dose='10 uM'. May be repeated.",
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


_SYNONYMS = {"cxcl12": "sdf1", "mcp1": "ccl2", "csf1": "mcsf"}
"""Other names of shipped ligands, without case or hyphens, and the keys of these."""


def ligand_named(text: str, known: Mapping[str, str]) -> str:
    """Key of the ligand that an option --ligand means.

    It may be written as its key, its label or a synonym, in any case and with or without hyphens
    and spaces: ``sdf1``, ``SDF-1``, ``CXCL12``.

    Parameters
    ----------
    text : str
    known : mapping of str to str
        Labels of the ligands that a run has, by key.

    Raises
    ------
    InputError
        If the run has no such ligand, with those it has.
    """
    names = {_plain(label): key for key, label in known.items()}
    names |= {_plain(key): key for key in known}
    asked = _plain(text)
    for name in (asked, _SYNONYMS.get(asked, "")):
        if name in names:
            return names[name]
    if not known:
        raise InputError(f"--ligand: the run has no field, so none of '{text}'. Leave it away.")
    listed = ", ".join(f"{key} ({label})" for key, label in known.items())
    raise InputError(f"--ligand: the run has no field of '{text}'. It has: {listed}.")


def _plain(name: str) -> str:
    """Letters and digits of a name, without case."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())
