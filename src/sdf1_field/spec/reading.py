"""TOML text of model files and of ``--set``, read into entries."""

import functools
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdf1_field.errors import InputError, read_file
from sdf1_field.shipped import model_names, shipped_folder
from sdf1_field.spec.entries import BY_USER, CALL, DEFAULTS, Entry, flatten
from sdf1_field.spec.names import key_of, unknown

_MOST_BYTES = 2**20
"""Of a TOML file; the largest one that is shipped has 63 kB."""
_LONGEST_LINE, _LONGEST_TEXT, _LONGEST_KEY = 20_000, 4_000, 200
"""Characters."""
_MOST_KEYS, _DEEPEST = 10_000, 20
"""Keys and values of a file, and tables and lists within each other; 2,200 and 7 are shipped."""
_LARGEST_WHOLE = 2**63
_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_TEXT_OR_COMMENT = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5}|\\?\Z)'
    r"|'''(?:[^']|'(?!''))*+(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+",
    re.DOTALL,
)
"""Where a dot is none of a key; a text that is not closed takes the rest."""
_DOTTED = re.compile(r"(?:\.[ \t]*+[\w-]++[ \t]*+){2,}+")
"""All of a key but its first part, if it has two dots at least, which is more than a number has."""
SMART_QUOTES = "“”„‟‘’‚«»"
"""Typographic quotation marks, which are not TOML."""
_BARE_QUANTITY = re.compile(
    r"(?<![\w.-])([\w.-]++)\s*+=\s*+([+-]?\.?\d[\w.+-]*\s*[A-Za-zµμ/][^,\"'}#]*)"
)
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
            if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(beside)):
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


def read_toml(path: Path, shown: str, remedy: str = "Check the path.") -> dict[str, Any]:
    """Tables of a TOML file.

    Parameters
    ----------
    path : pathlib.Path
    shown : str
        Its place in messages.
    remedy : str
        End of the message where it cannot be read.

    Raises
    ------
    InputError
        If it cannot be read, is not TOML, or is larger or deeper than anyone writes it.
    """
    try:
        content = read_file(path, most=_MOST_BYTES, remedy=remedy)
    except InputError as error:
        raise InputError(str(error).replace(f"{path}:", f"{shown}:", 1)) from None
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise InputError(f"{shown}: not a text file. Give a file in TOML.") from None
    return dict(_parsed(text, shown))


def _checked_toml(text: str, where: str) -> dict[str, Any]:
    """Tables of a TOML text within limits; TOMLDecodeError if it is none."""
    longest = max(map(len, text.split("\n")))
    if longest > _LONGEST_LINE:
        raise InputError(
            f"{where}: has a line of {longest:,} characters, and at most {_LONGEST_LINE:,} are "
            "read. Shorten it."
        )
    too_deep = InputError(
        f"{where}: lists or tables are nested too deep. Close a bracket earlier, or use fewer dots."
    )
    too_many = InputError(f"{where}: has more than {_MOST_KEYS:,} keys. Write fewer.")
    # Before parsing, whose memory grows with the square of a key's dots.
    dots = [key.count(".") for key in _DOTTED.findall(_TEXT_OR_COMMENT.sub("_", text))]
    if max(dots, default=0) >= _DEEPEST:
        raise too_deep
    if sum(dots) > _MOST_KEYS:
        raise too_many
    try:
        tables = tomllib.loads(text)
    except RecursionError:
        raise too_deep from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:
        raise InputError(f"{where}: a number has thousands of digits. Write fewer.") from None
    # Each value with its key and its depth.
    waiting: list[tuple[str, Any, int]] = [("", tables, 0)]
    count = 0
    while waiting:
        key, value, depth = waiting.pop()
        count += 1
        if count > _MOST_KEYS:
            raise too_many
        if depth > _DEEPEST:
            raise too_deep
        if len(key) > _LONGEST_KEY:
            raise InputError(f"{where}: '{key}' is too long for a key. Shorten it.")
        if isinstance(value, str) and len(value) > _LONGEST_TEXT:
            raise InputError(
                f"{where}: {key}: is a text of {len(value):,} characters, and at most "
                f"{_LONGEST_TEXT:,} are read. Shorten it."
            )
        if type(value) is int and abs(value) > _LARGEST_WHOLE:
            raise InputError(f"{where}: {key}: the number is too large. Write a smaller one.")
        if isinstance(value, dict):
            waiting += [(own, inner, depth + 1) for own, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(key, inner, depth + 1) for inner in value]
    return tables


def _syntax_hint(text: str, reason: str) -> str:
    """Mistake in a text that is not TOML, and the remedy, by the line at which parsing stopped."""
    found = re.search(r"\(at line (\d+)", reason)
    lines = text.split("\n")
    number = int(found[1]) if found else len(lines)
    line = lines[number - 1]
    smart = next((c for c in line if c in SMART_QUOTES), None)
    if smart is not None:
        return f"line {number}: {smart} is not a quotation mark of TOML. Write \" or '."
    bare = _BARE_QUANTITY.search(line)
    if bare is not None:
        return (
            f"line {number}: {bare[1]}: a value with a unit is text. Write it like "
            f'{bare[1]} = "{bare[2].strip()}".'
        )
    return f"not a TOML file: {reason}. Correct the TOML there."


@functools.lru_cache(maxsize=64)
def _parsed(text: str, shown: str) -> Mapping[str, Any]:
    """Parsed TOML, cached since every dish of an ensemble reads the same files."""
    try:
        return _checked_toml(text, shown)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{shown}: {_syntax_hint(text, str(error))}") from None


def setting_entries(text: str) -> dict[str, Entry]:
    """Entries of one ``--set KEY=VALUE``; a value that is not TOML is text."""
    key, sign, value = text.partition("=")
    key = key.strip()
    if not sign or not _KEY.fullmatch(key):
        raise InputError(
            f"--set {text}: not KEY=VALUE. Write it like --set 'treatments.amd3100.dose=10 uM'."
        )
    if len(key) > _LONGEST_KEY or key.count(".") >= _DEEPEST:
        raise InputError(f"{CALL}: '{key}' is too long for a key. Shorten it.")
    value = value.strip().strip(SMART_QUOTES)
    try:
        parsed = _checked_toml(f"value = {value}", f"{CALL}: {key}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    if isinstance(parsed, str) and len(parsed) > _LONGEST_TEXT:
        raise InputError(f"{CALL}: {key}: {len(parsed):,} characters are too many. Shorten it.")
    head, point, leaf = key.rpartition(".")
    return flatten({leaf: parsed}, CALL, BY_USER, f"{head}{point}")
