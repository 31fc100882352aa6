"""Text in sections, as values: printed on a terminal, as JSON, and drawn by the viewer's page."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

_INDENT = "  "
_NARROWEST = 36
"""Least width of a table's last column that is wrapped [characters]."""


@dataclass(frozen=True)
class Table:
    """Rows of text under a header.

    Parameters
    ----------
    header : tuple of str
    rows : tuple of tuple of str
    caption : str
        A sentence above it; empty for none.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Passage:
    """Text to copy: a paragraph, or commands, which are not wrapped."""

    text: str
    commands: bool = False


Part = str | Table | Passage
"""A paragraph, a table, or text to copy."""


@dataclass(frozen=True)
class Section:
    """Parts under a title; the key is its name in JSON."""

    key: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Document:
    """Sections under a title."""

    title: str
    sections: tuple[Section, ...]

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def section(self, key: str) -> Section:
        """The section of a key."""
        return next(section for section in self.sections if section.key == key)


def as_text(document: Document, width: int = 80) -> str:
    """Text of a terminal so many characters wide; commands are longer if they have to be."""
    blocks = [_wrapped(document.title, width)]
    for section in document.sections:
        blocks.append(f"{section.title}\n{'-' * min(len(section.title), width)}")
        for part in section.parts:
            blocks += _part_text(part, width)
    return "\n\n".join(blocks)


def _part_text(part: Part, width: int) -> Iterator[str]:
    match part:
        case str():
            yield _wrapped(part, width)
        case Passage():
            inner = width - len(_INDENT)
            text = part.text if part.commands else _wrapped(part.text, inner)
            yield textwrap.indent(text, _INDENT)
        case Table():
            if part.caption:
                yield _wrapped(part.caption, width)
            yield _table_text(part, width)


def _table_text(table: Table, width: int) -> str:
    """Columns, the last one wrapped, where they fit; else each row as its first cell and a list."""
    lines = [table.header, *table.rows]
    widths = [max(len(line[n]) for line in lines) for n in range(len(table.header))]
    before = sum(widths[:-1]) + 2 * (len(widths) - 1)
    if before + min(widths[-1], _NARROWEST) <= width:
        rows, below = [], "\n" + " " * before
        for line in lines:
            start = "".join(f"{cell:<{w}}  " for cell, w in zip(line, widths[:-1], strict=False))
            last = textwrap.wrap(
                line[-1], width - before, break_long_words=False, break_on_hyphens=False
            )
            rows.append(f"{start}{below.join(last)}".rstrip())
        return "\n".join(rows)
    blocks = []
    for first, *others in table.rows:
        block = [_wrapped(first, width)]
        block += [
            _wrapped(f"{name}: {cell}", width, _INDENT)
            for name, cell in zip(table.header[1:], others, strict=True)
            if cell
        ]
        blocks.append("\n".join(block))
    return "\n".join(blocks)


def _wrapped(text: str, width: int, indent: str = "") -> str:
    """Text in lines; keys, commands and references are not cut, and go beyond if they must."""
    return "\n".join(
        textwrap.fill(
            line, width, initial_indent=indent, subsequent_indent=2 * indent,
            break_long_words=False, break_on_hyphens=False,
        )
        for line in text.splitlines()
    )  # fmt: skip


def as_html(document: Document) -> str:
    """HTML of a notebook's output; texts are escaped."""
    parts = [f"<b>{escape(document.title)}</b>"]
    for section in document.sections:
        inner = "".join(map(_part_html, section.parts))
        parts.append(f"<details><summary>{escape(section.title)}</summary>{inner}</details>")
    return f"<div>{''.join(parts)}</div>"


def _part_html(part: Part) -> str:
    match part:
        case str():
            return f"<p>{escape(part)}</p>"
        case Passage():
            tag = "pre" if part.commands else "blockquote"
            return f"<{tag}>{escape(part.text)}</{tag}>"
        case Table():
            rows = [
                "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row)
                for tag, row in (("th", part.header), *(("td", row) for row in part.rows))
            ]
            body = "".join(f"<tr>{row}</tr>" for row in rows)
            return f"<p>{escape(part.caption)}</p><table>{body}</table>"


def as_json(document: Document) -> dict[str, Any]:
    """Plain values: a part has ``paragraph``, or ``header``, ``rows`` and ``caption``, or ``copy``.

    Parts with ``copy`` have ``commands``, whether the text is one of commands.
    """
    return {
        "title": document.title,
        "sections": [section_json(section) for section in document.sections],
    }


def section_json(section: Section) -> dict[str, Any]:
    """One section of `as_json`."""
    return {
        "key": section.key,
        "title": section.title,
        "parts": [_part_json(part) for part in section.parts],
    }


def _part_json(part: Part) -> dict[str, Any]:
    match part:
        case str():
            return {"paragraph": part}
        case Passage():
            return {"copy": part.text, "commands": part.commands}
        case Table():
            rows = [list(row) for row in part.rows]
            return {"header": list(part.header), "rows": rows, "caption": part.caption}


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words as a sentence lists them.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    *others, end = words
    return f"{', '.join(others)} {last} {end}" if others else end


def in_micro(text: str) -> str:
    """Text of a model file with µ in its units.

    Examples
    --------
    >>> in_micro("AMD3100 10 uM, fibronectin 5 ug/cm2")
    'AMD3100 10 µM, fibronectin 5 µg/cm²'
    """
    return re.sub(r"\bu(?=[Mgml]\b)", "µ", text).replace("cm2", "cm²").replace("mm2", "mm²")
