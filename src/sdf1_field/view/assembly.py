"""Pages assembled into one file: title, style, data, binary blocks and scripts."""

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

RUN_SCRIPTS = (
    "base.js", "codec.js", "floor.js", "panels.js", "controls.js", "cells.js",
    "curves.js", "facts.js", "start.js",
)  # fmt: skip
"""Scripts of a run's page, in their order; each sees the names of those before it."""
STYLES = ("style.css", "facts.css")


def asset(name: str) -> str:
    """Text of a file of ``page/``."""
    return resources.files(__package__).joinpath("page", name).read_text(encoding="utf-8")


def safe_json(data: Any) -> str:
    r"""JSON that can stand in a script element: no ``<``, whatever a text in it says.

    Numbers that are not finite are refused; give None.

    Examples
    --------
    >>> safe_json({"title": "</script>"})
    '{"title":"\\u003c/script>"}'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in "<\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def assemble_page(
    title: str,
    data: Any,
    *,
    blocks: Mapping[str, bytes] | None = None,
    scripts: Sequence[str] = RUN_SCRIPTS,
    styles: Sequence[str] = STYLES,
) -> str:
    """One HTML file that needs no other and asks for none.

    Parameters
    ----------
    title : str
        Plain text; escaped here.
    data : JSON-able
        ``page.data`` in the scripts.
    blocks : mapping of str to bytes, optional
        Binary blocks by name; ``page.block(name)`` returns the bytes in the scripts.
    scripts, styles : sequence of str
        Files of ``page/``, which stand in the page one after the other.
    """
    parts = {
        "TITLE": escape(" ".join(title.split())),
        "STYLE": "\n".join(map(asset, styles)),
        "DATA": safe_json(data),
        "BLOCKS": "\n".join(
            f'<script type="application/octet-stream" id="block-{escape(name)}">'
            f"{base64.b64encode(block).decode()}</script>"
            for name, block in (blocks or {}).items()
        ),
        "SCRIPT": "\n".join(map(asset, scripts)),
    }
    # Split once, so that a title cannot name another part.
    pieces = asset("page.html").split("%%")
    return "".join(parts.get(piece, "") if n % 2 else piece for n, piece in enumerate(pieces))
