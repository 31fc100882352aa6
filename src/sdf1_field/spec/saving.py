"""Values with where they come from, as the text of a model file."""

import json
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdf1_field.spec.files import Entry

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def model_toml(entries: Mapping[str, "Entry"], copied: Collection[str] = ()) -> str:
    """Model file with a line for each value; one with a source, or copied, is a table."""
    lines = [
        f"{_key(path)} = {_value(entry, plain=path not in copied)}"
        for path, entry in sorted(entries.items())
    ]
    return "\n".join(lines) + "\n"


def _key(path: str) -> str:
    return ".".join(part if _BARE.fullmatch(part) else _text(part) for part in path.split("."))


def _value(entry: "Entry", *, plain: bool) -> str:
    if entry.status == "model choice" and (plain or entry.value == {}):
        return _text(entry.value)
    rows = {"value": entry.value, "status": entry.status, "source": entry.source}
    if entry.interval:
        rows["interval"] = list(entry.interval)
    return "{ " + ", ".join(f"{key} = {_text(value)}" for key, value in rows.items()) + " }"


def _text(value: object) -> str:
    """Text, number, switch, list or empty table, which TOML writes as JSON does."""
    return json.dumps(value, ensure_ascii=False)
