"""Values of a model by dotted path, as written, each with its source, status and file."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdf1_field.errors import InputError
from sdf1_field.shipped import model_names
from sdf1_field.spec.names import suggestion, unknown
from sdf1_field.spec.quantities import STATUSES

DEFAULTS = "models/parameters.toml"
"""Where a default is from."""
CALL, BY_USER = "--set", "set by the user"
"""Place and source of values set on the command line or in Python."""
CALLS = (CALL, "set", "from_dict")
"""That place in messages; a checked model has the first alone."""
MODEL = "model "
"""Prefix of the source of a value for which a model file gives none."""
_TABLE_KEYS = {"value", "source", "status", "interval"}


@dataclass(frozen=True)
class Entry:
    """One value of a model as written, and where it comes from."""

    value: Any
    source: str
    status: str
    interval: tuple[str | float, str | float] | None = None
    where: str = DEFAULTS
    interval_source: str = ""
    """Source of the interval if it is inherited and the value is not."""

    def table(self) -> dict[str, Any]:
        """Plain table, fit for JSON."""
        return {**vars(self), "interval": list(self.interval) if self.interval else None}

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "Entry":
        """Entry from the result of `table`; an empty ``interval_source`` may be left out."""
        interval = table.get("interval")
        return cls(
            table["value"],
            table["source"],
            table["status"],
            tuple(interval) if interval else None,
            table["where"],
            table.get("interval_source", ""),
        )


def flatten(
    table: Mapping[str, Any], where: str, author: str, prefix: str = ""
) -> dict[str, Entry]:
    """Entries of a table of TOML by dotted path; a table with the key ``value`` is one entry.

    Parameters
    ----------
    table : mapping
    where : str
        File or option, for messages.
    author : str
        Source of values without one.
    prefix : str
        Of the paths.
    """
    flat: dict[str, Entry] = {}
    for key, value in table.items():
        path = f"{prefix}{key}"
        if not key or "." in key:
            raise InputError(f"{where}: {path}: '{key}' is not a key. Write it without quotes.")
        if not isinstance(value, dict):
            flat[path] = Entry(value, author, "model choice", where=where)
        elif "value" not in value:
            if not value:
                flat[path] = Entry({}, author, "model choice", where=where)
            flat |= flatten(value, where, author, f"{path}.")
        else:
            extra = sorted(set(value) - _TABLE_KEYS)
            if extra:
                raise InputError(
                    f"{where}: {path}.{extra[0]}: unknown key. {suggestion(extra[0], _TABLE_KEYS)}"
                )
            status = value.get("status", "model choice")
            if status not in (*STATUSES, "model choice"):
                text = unknown(str(status), STATUSES, "status")
                raise InputError(f"{where}: {path}.status: {text}")
            interval = value.get("interval")
            if interval is not None and not _are_ends(interval):
                raise InputError(
                    f"{where}: {path}.interval: {interval!r} is not two values. "
                    "Write it like ['1 um', '2 um']."
                )
            flat[path] = Entry(
                value["value"],
                str(value.get("source", author)),
                status,
                (interval[0], interval[1]) if interval else None,
                where,
            )
    return flat


def _are_ends(interval: Any) -> bool:
    """Whether a value is a list of two texts or numbers."""
    return (
        isinstance(interval, list)
        and len(interval) == 2
        and all(isinstance(end, str | int | float) for end in interval)
    )


def entries_of_mapping(values: Any, where: str, prefix: str = "") -> dict[str, Entry]:
    """Entries of a mapping from Python, nested or by dotted path."""
    if not isinstance(values, Mapping):
        raise InputError(
            f"{where}: {values!r} is not a mapping. Write it like {{'run.duration': '4 h'}}."
        )
    flat: dict[str, Entry] = {}
    for key, value in values.items():
        if not (isinstance(key, str) and all(key.split("."))):
            raise InputError(
                f"{where}: {prefix}{key!r} is not a key. Write it like 'treatments.amd3100.dose'."
            )
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value and "value" not in value:
            flat |= entries_of_mapping(value, where, f"{path}.")
            continue
        if isinstance(value, Mapping):
            plain = {k: _plain_value(v, f"{where}: {path}.{k}") for k, v in value.items()}
        else:
            plain = _plain_value(value, f"{where}: {path}")
        head, point, leaf = path.rpartition(".")
        flat |= flatten({leaf: plain}, where, BY_USER, f"{head}{point}")
    return flat


def _plain_value(value: Any, place: str) -> Any:
    """Value from Python in the types of TOML."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()  # a NumPy number
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain_value(each, place) for each in value]
    raise InputError(
        f"{place}: {value!r} is not a value. Give text with a unit, such as '10 uM', a number, "
        "True or False, or a list."
    )


def nest(flat: Mapping[str, Entry]) -> dict[str, Any]:
    """Values as nested tables."""
    nested: dict[str, Any] = {}
    for path, entry in flat.items():
        *parents, leaf = path.split(".")
        table = nested
        for key in parents:
            table = table.setdefault(key, {})
        table[leaf] = entry.value
    return nested


def file_name(where: str) -> str:
    """Place of a value without a user's folders, which a run file does not record."""
    return where if is_shipped(where) else Path(where).name


def is_shipped(where: str) -> bool:
    """Whether a value is from a file that comes with the program."""
    return where in _shipped_files()


@functools.cache
def _shipped_files() -> frozenset[str]:
    return frozenset({DEFAULTS, *(f"models/{name}.toml" for name in model_names())})
