"""Text of a model file from entries."""

import json
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdf1_field.spec.entries import Entry

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def model_toml(entries: Mapping[str, "Entry"], copied: Collection[str] = ()) -> str:
    """Model file with a line for each value; one with a source, or copied, is a table."""
    lines = [
        f"{_key(path)} = {_value(entry, plain=path not in copied)}"
        for path, entry in sorted(entries.items())
    ]
    return "\n".join(lines) + "\n"


def _key(path: str) -> str:
    return ".".join(part if _BARE.fullmatch(part) else toml_value(part) for part in path.split("."))


def _value(entry: "Entry", *, plain: bool) -> str:
    if entry.status == "model choice" and (plain or entry.value == {}):
        return toml_value(entry.value)
    rows = {"value": entry.value, "status": entry.status, "source": entry.source}
    if entry.interval:
        rows["interval"] = list(entry.interval)
    return "{ " + ", ".join(f"{key} = {toml_value(value)}" for key, value in rows.items()) + " }"


def toml_value(value: object) -> str:
    """TOML of a text, number, switch, list or empty table; JSON writes these alike."""
    return json.dumps(value, ensure_ascii=False)
