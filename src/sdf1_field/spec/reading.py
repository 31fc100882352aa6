"""TOML text of model files and of ``--set``, read into entries."""

import functools
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdf1_field.errors import InputError, reason_of
from sdf1_field.shipped import model_names, shipped_folder
from sdf1_field.spec.entries import BY_USER, CALL, DEFAULTS, Entry, flatten
from sdf1_field.spec.names import key_of, unknown

_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
SMART_QUOTES = "“”„‟‘’‚«»"
"""Typographic quotation marks, which are not TOML."""
_BARE_QUANTITY = re.compile(r"([\w.-]+)\s*=\s*([+-]?\.?\d[\w.+-]*\s*[A-Za-zµμ/][^,\"'}#]*)")
"""A value with a unit and without quotation marks, and its key."""


def parameters() -> dict[str, Entry]:
    """Every default in ``models/parameters.toml`` by dotted path."""
    path = shipped_folder("models") / "parameters.toml"
    return flatten(read_toml(path, DEFAULTS), DEFAULTS, "")


def locate(model: str, beside: Path | None = None) -> tuple[str, Path, str]:
    """Name of a model, its path, and its place in messages, by shipped name or file."""
    if model.endswith(".toml") or "/" in model:
        path = Path(model)
        if beside is not None:
            path = beside / model
            if not path.resolve().is_relative_to(beside.resolve()):
                raise InputError(
                    f"{beside}: extends: '{model}' is outside the folder. "
                    "Use a shipped model's name or a file beside this one."
                )
        return path.name.removesuffix(".toml"), path, str(path)
    names = model_names()
    model = key_of(model, names, {})
    if model not in names:
        raise InputError(f"{unknown(model, names, 'model')} `sdf1-field list` shows them all.")
    return model, shipped_folder("models") / f"{model}.toml", f"models/{model}.toml"


def read_toml(path: Path, shown: str) -> dict[str, Any]:
    """Tables of a model file; ``shown`` is its place in messages."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        return dict(_parsed(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{shown}: {_syntax_hint(text, str(error))}") from None
    except RecursionError:
        raise InputError(
            f"{shown}: lists or tables are nested too deep. Close a bracket earlier."
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"{shown}: not a text file. Give a model file in TOML.") from None
    except OSError as error:
        raise InputError(f"{shown}: {reason_of(error)}. Check the path.") from None


def _syntax_hint(text: str, reason: str) -> str:
    """Mistake in a text that is not TOML, and the remedy, by the line at which parsing stopped."""
    found = re.search(r"\(at line (\d+)", reason)
    number = int(found[1]) if found else len(text.splitlines())
    line = text.splitlines()[number - 1] if text.strip() else ""
    smart = next((c for c in line if c in SMART_QUOTES), None)
    if smart is not None:
        return f"line {number}: {smart} is not a quotation mark of TOML. Write \" or '."
    bare = _BARE_QUANTITY.search(line)
    if bare is not None:
        return (
            f"line {number}: {bare[1]}: a value with a unit is text. Write it like "
            f'{bare[1]} = "{bare[2].strip()}".'
        )
    return f"not a TOML file: {reason}."


@functools.cache
def _parsed(text: str) -> Mapping[str, Any]:
    """Parsed TOML, cached since every dish of an ensemble reads the same files."""
    return tomllib.loads(text)


def setting_entries(text: str) -> dict[str, Entry]:
    """Entries of one ``--set KEY=VALUE``; a value that is not TOML is text."""
    key, sign, value = text.partition("=")
    key = key.strip()
    if not sign or not _KEY.fullmatch(key):
        raise InputError(
            f"--set {text}: not KEY=VALUE. Write it like --set 'treatments.amd3100.dose=10 uM'."
        )
    value = value.strip().strip(SMART_QUOTES)
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        parsed = value
    head, point, leaf = key.rpartition(".")
    return flatten({leaf: parsed}, CALL, BY_USER, f"{head}{point}")
