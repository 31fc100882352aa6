"""Text and HTML of a model in an interpreter and in a notebook."""

import json
import textwrap
from collections.abc import Iterable
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdf1_field.spec.entries import Entry
    from sdf1_field.spec.model import Model

_REPR_WIDTH = 380
"""Longest `repr` of a model [characters]."""
_TITLE_WIDTH = 90
"""Longest title in it [characters]."""
_VALUE_WIDTH = 80
"""Longest value in a model's table [characters]."""


def model_repr(model: "Model") -> str:
    """One line: name, title, mode, ligands, cells, and as many changed keys as fit."""
    spec = model.spec
    ligands = " and ".join(spec.solved_ligands) or "no ligand"
    cells = f"{spec.cell_count or 'no'} {spec.haematopoietic.label} cells"
    facts = f"{spec.run.mode}, {ligands}, {cells}"
    begin = f"Model({_shortened(model.name)!r}: {_shortened(spec.title)}; {_shortened(facts)}"
    keys = list(model.changed)
    shown = len(keys)
    while True:
        named = ", ".join(keys[:shown])
        more = f"{' and ' if shown else ''}{len(keys) - shown} keys" if shown < len(keys) else ""
        text = f"{begin}; changed: {named}{more})" if keys else f"{begin})"
        if len(text) <= _REPR_WIDTH or shown == 0:
            return text
        shown -= 1


def model_html(model: "Model") -> str:
    """Table of every value with unit, status and source; sections with changed values are open."""
    changed = model.changed
    parts = [f"<b>{escape(model.name)}</b>: {escape(model.spec.title)}"]
    entries = sorted(model.entries.items(), key=lambda item: (item[0].partition(".")[0], item[0]))
    for section, group in groupby(entries, key=lambda item: item[0].partition(".")[0]):
        rows = list(group)
        is_open = " open" if any(path in changed for path, _ in rows) else ""
        body = "".join(_row(path, entry, path in changed) for path, entry in rows)
        parts.append(
            f"<details{is_open}><summary>{escape(section)} ({len(rows)})</summary>"
            "<table><thead><tr><th>key</th><th>value</th><th>status</th><th>source</th></tr>"
            f"</thead><tbody>{body}</tbody></table></details>"
        )
    return f"<div>{''.join(parts)}</div>"


def facts_html(title: str, facts: Iterable[tuple[str, str]]) -> str:
    """Two columns under a title."""
    rows = "".join(f"<tr><th>{escape(key)}</th><td>{escape(v)}</td></tr>" for key, v in facts)
    return f"<div><b>{escape(title)}</b><table><tbody>{rows}</tbody></table></div>"


def _row(path: str, entry: "Entry", changed: bool) -> str:
    cells = (path, _text(entry.value), entry.status, entry.source)
    shown = [f"<td>{escape(_shortened(cell, _VALUE_WIDTH))}</td>" for cell in cells[:2]]
    shown += [f"<td>{escape(cell)}</td>" for cell in cells[2:]]
    weight = ' style="font-weight:bold"' if changed else ""
    return f"<tr{weight}>{''.join(shown)}</tr>"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shortened(text: str, width: int = _TITLE_WIDTH) -> str:
    """Text on one line, cut to the width."""
    line = " ".join(text.split())
    return line if len(line) <= width else textwrap.shorten(line, width, placeholder=" …")[:width]
