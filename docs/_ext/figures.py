"""Figures that a page's own Python blocks draw when the docs are built.

The blocks of a page run in order and in one namespace. A line ``% figure: TEXT`` after a block
becomes a picture of its ``figure``, with TEXT as the alternative text.
"""

import os
import re
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sphinx.application import Sphinx

from sdf1_field import Sdf1FieldWarning

FIGURE = re.compile(r"^% figure: ([^\n]+)$", flags=re.M)
PART = re.compile(rf"^```python\n(?P<code>.*?)^```$|{FIGURE.pattern}", flags=re.M | re.S)
FOLDER = "figures"
"""Of the pictures, among what Sphinx keeps between builds."""
DOTS_PER_INCH, SHOWN = 200, 100
"""Of the files, and on a page."""


def _draw(app: Sphinx, docname: str, source: list[str]) -> None:
    text = source[0]
    if not FIGURE.search(text):
        return
    page = Path(app.env.doc2path(docname))
    folder = Path(app.doctreedir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    app.env.note_dependency(__file__, docname=docname)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    pieces, done = [], 0
    with mpl.rc_context({"backend": "agg"}), warnings.catch_warnings():
        warnings.simplefilter("ignore", Sdf1FieldWarning)
        for number, part in enumerate(PART.finditer(text)):
            if part["code"] is not None:
                lines = "\n" * text.count("\n", 0, part.start("code"))
                exec(compile(lines + part["code"], str(page), "exec"), namespace)  # noqa: S102
                continue
            figure: Figure = namespace["figure"]
            picture = folder / f"{docname.replace('/', '-')}-{number}.png"
            figure.savefig(picture, dpi=DOTS_PER_INCH)
            plt.close("all")
            place = Path(os.path.relpath(picture, page.parent)).as_posix()
            width = round(SHOWN * figure.get_figwidth())
            pieces += [text[done : part.start()], f"![{part[2]}]({place}){{width={width}px}}"]
            done = part.end()
    source[0] = "".join([*pieces, text[done:]])


def setup(app: Sphinx) -> dict[str, Any]:
    """Draw the figures of a page when it is read."""
    app.connect("source-read", _draw)
    return {"parallel_read_safe": True}
