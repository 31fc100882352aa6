"""Parts of pages that are made from the program's own files when the docs are built.

A line ``% generated: NAME`` in a page is replaced with Markdown by the function of that name below.
"""

import functools
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from sphinx.application import Sphinx

from sdf1_field.cli import main
from sdf1_field.record import variables as of_file
from sdf1_field.scene import variables as of_scene
from sdf1_field.scene.variables import Variable
from sdf1_field.shipped import model_names, shipped_folder
from sdf1_field.spec import Entry, load_model, parameters

ROOT = Path(__file__).parents[2]
MODELS = shipped_folder("models")
VALIDATION = ROOT / "validation"
WIDTH = 88
"""Columns of a command's help."""


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; a cell's line breaks become spaces."""

    def line(cells: Iterable[str]) -> str:
        flat = (" ".join(cell.split()).replace("|", r"\|") for cell in cells)
        return f"| {' | '.join(flat)} |"

    header = list(header)
    return "\n".join([line(header), line("---" for _ in header), *map(line, rows)])


def _code(value: object) -> str:
    """A value as a model file writes it, without the quotes of text."""
    if value == {}:
        return "(emptied)"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`"


def _text(prose: str) -> str:
    """Prose of a model file as Markdown that means just that; DOIs become links."""
    plain = re.sub(r"([\\`*_{}\[\]<>$^~])", r"\\\1", prose)
    return re.sub(r"\b(10\.\d{4,}/[^\s,;:)]+)", r"[\1](https://doi.org/\1)", plain)


def _status(status: str) -> str:
    return f"[{status}]{{.status .{status.replace(' ', '-')}}}"


def _interval(entry: Entry) -> str:
    ends = entry.interval or ()
    return " to ".join(f"[{_text(str(end))}]{{.end}}" for end in ends)


def _path(path: str) -> str:
    """A dotted path that may break into lines after its dots, and copies without the breaks."""
    return f"<code>{path.replace('.', '.<wbr>')}</code>"


def _entry_table(entries: Mapping[str, Entry]) -> str:
    rows = (
        (_path(path), _code(e.value), _interval(e), _status(e.status), _text(e.source))
        for path, e in entries.items()
    )
    table = _table(("path", "value", "interval", "status", "source"), rows)
    return f":::{{table}}\n:class: entries\n\n{table}\n:::"


def parameter_tables() -> str:
    """One table for each section of ``models/parameters.toml``."""
    sections: dict[str, dict[str, Entry]] = {}
    for path, entry in parameters().items():
        sections.setdefault(path.rpartition(".")[0], {})[path] = entry
    parts = []
    for top in dict.fromkeys(section.partition(".")[0] for section in sections):
        parts.append(f"## {top}")
        for section, entries in sections.items():
            if section == top or section.startswith(f"{top}."):
                if section != top:
                    parts.append(f"### {section}")
                parts.append(_entry_table(entries))
    return "\n\n".join(parts)


def named_models() -> str:
    """What each shipped model is, and each value that its own file writes."""
    files = {
        name: tomllib.loads((MODELS / f"{name}.toml").read_text(encoding="utf-8"))
        for name in model_names()
    }
    overview = _table(
        ("model", "title", "extends"),
        (
            (f"[`{n}`](#{n})", _text(f["title"]), _extended(f.get("extends")))
            for n, f in files.items()
        ),
    )
    parts = [overview, "## What each overrides"]
    for name, file in files.items():
        own = {
            path: entry
            for path, entry in load_model(name).entries.items()
            if entry.where == f"models/{name}.toml" and path not in ("title", "description")
        }
        parts += [
            f"### {name}",
            _text(file["title"]) + ".",
            _text(" ".join(file.get("description", "").split())),
            f"Extends {_extended(file.get('extends'))}.",
            _entry_table(own) if own else "",
        ]
    return "\n\n".join(part for part in parts if part)


def _extended(name: str | None) -> str:
    return "the defaults alone" if name is None else f"[`{name}`](#{name})"


def command_help() -> str:
    """``--help`` of every command."""
    program = click.Context(
        main, info_name="sdf1-field", terminal_width=WIDTH, **main.context_settings
    )
    parts = [_help(program)]
    for name, command in main.commands.items():
        parts += [f"## {name}", _help(click.Context(command, program, info_name=name))]
    return "\n\n".join(parts)


def _help(context: click.Context) -> str:
    return f"```text\n{context.get_help()}\n```"


def recorded_results() -> str:
    """Every Markdown file in a folder of ``validation/``, and the pictures beside it."""
    parts = []
    for folder in sorted(path for path in VALIDATION.iterdir() if path.is_dir()):
        files = sorted(folder.glob("*.md"), key=lambda path: (path.stem != "README", path.stem))
        if not files:
            continue
        parts.append(f"## validation/{folder.name}")
        pictures = sorted(folder.glob("*.png"))
        for path in files:
            parts.append(_below(path.read_text(encoding="utf-8"), levels=2))
            own = [p for p in pictures if p.stem.startswith(path.stem)]
            parts += [_picture(p) for p in own]
            pictures = [p for p in pictures if p not in own]
        parts += [_picture(p) for p in pictures]
    return "\n\n".join(parts)


def _picture(path: Path) -> str:
    return f"![{path.stem}](../validation/{path.parent.name}/{path.name})"


def _below(markdown: str, *, levels: int) -> str:
    """Markdown with its headings lowered and its links to files beside it as plain names."""
    lowered = re.sub(r"^(#+) ", lambda m: f"{'#' * levels}{m[1]} ", markdown, flags=re.M)
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]+\)", r"`\1`", lowered)


FILE_TABLES = {
    "coordinates": of_file.COORDINATES,
    "ligand": of_file.LIGAND,
    "cargo": of_file.CARGO_BALANCE,
    "stroma": of_file.STROMA,
    "drawn": of_scene.DRAWN,
    "cells": of_file.CELLS,
}
"""Tables of the run file's variables."""


def variable_table(variables: Iterable[Variable]) -> str:
    """Variables of a run file, with SDF-1 for the ligand and MSC for the stromal cells."""
    return _table(
        ("variable", "type", "dimensions", "unit", "written", "meaning"),
        (
            (
                f"`{own.name}`",
                f"{own.dtype} ¹" if own.precise else own.dtype,
                f"`{', '.join(own.dims)}`",
                f"`{own.unit}`" if own.unit else "flags" if own.flags else "–",
                own.written.value,
                _meaning(own),
            )
            for own in (v.named(ligand="sdf1", label="SDF-1", stroma="MSC") for v in variables)
        ),
    )


def _meaning(variable: Variable) -> str:
    parts = [variable.meaning]
    if variable.flags:
        parts.append(", ".join(f"{value} `{name}`" for value, name in variable.flags.items()))
    if variable.absent is not None:
        parts.append(f"fill value {variable.absent}")
    if variable.only is not None:
        parts.append(f"only with {variable.only.text}")
    parts += [f"`{key} = {value}`" for key, value in variable.attributes.items()]
    if variable.since > 1:
        parts.append(f"since format {variable.since}")
    return "; ".join(parts)


PARTS: dict[str, tuple[Callable[[], str], Callable[[], Iterable[Path]]]] = {
    "parameters": (parameter_tables, lambda: [MODELS / "parameters.toml"]),
    "models": (named_models, lambda: MODELS.glob("*.toml")),
    "commands": (command_help, lambda: (ROOT / "src/sdf1_field/cli").rglob("*.py")),
    **{
        f"variables_{name}": (
            functools.partial(variable_table, variables),
            lambda: [Path(of_file.__file__), Path(of_scene.__file__)],
        )
        for name, variables in FILE_TABLES.items()
    },
    "results": (recorded_results, lambda: VALIDATION.glob("*/*.[mp][dn]*")),
}
"""By name, what makes a part and the files it is made from."""


def _fill(app: Sphinx, docname: str, source: list[str]) -> None:
    def made(match: re.Match[str]) -> str:
        make, files = PARTS[match[1]]
        for path in (Path(__file__), *files()):
            app.env.note_dependency(str(path), docname=docname)
        return make()

    source[0] = re.sub(r"^% generated: (\w+)$", made, source[0], flags=re.M)


def setup(app: Sphinx) -> dict[str, Any]:
    """Fill in the generated parts when a page is read."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True}
