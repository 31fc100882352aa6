"""Pictures as files: which names they may have, and their writing."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sdf1_field import __version__
from sdf1_field.errors import Sdf1FieldWarning, replaced_when_whole, require_output

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sdf1_field.figures.paper import Page

_SUFFIXES = (".png", ".pdf", ".svg", ".jpg", ".tif", ".eps")
"""Of the pictures that can be written."""


def require_picture(path: Path, *, force: bool) -> None:
    """Raise InputError, before anything is drawn, if a picture cannot have a name."""
    require_output(path, "a picture", "run.png", _SUFFIXES, force=force)


def save_picture(
    figure: "Figure", path: Path, page: "Page | None" = None, *, title: str = "", about: str = ""
) -> None:
    """Write a picture, whole or not at all; InputError if it cannot be written.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : pathlib.Path
    page : Page, optional
        That it was drawn for; a screen if not given.
    title, about : str
        Of the picture, kept in formats that have a place for them.
    """
    from sdf1_field.figures.paper import Page

    kind = path.suffix.lower().removeprefix(".")
    with (page or Page()).styled():
        lacking = "".join(_lacking_letters(figure))
        if lacking:
            warnings.warn(
                f"{path}: no font of the picture has {lacking}, which it therefore shows as boxes. "
                "Write the names in other letters.",
                Sdf1FieldWarning,
                stacklevel=2,
            )
        with quiet_of_letters(), replaced_when_whole(path) as partial:
            figure.savefig(partial, format=kind, metadata=_metadata(kind, title, about))


@contextlib.contextmanager
def quiet_of_letters() -> Iterator[None]:
    """Without Matplotlib's warnings of letters that no font has; `save_picture` says it once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)
        yield


def _lacking_letters(figure: "Figure") -> list[str]:
    """Letters in a figure that none of the page's fonts has, in the order of their numbers."""
    from matplotlib.font_manager import FontProperties, fontManager, get_font
    from matplotlib.text import Text

    shown = {
        letter
        for text in figure.findobj(Text)
        for letter in text.get_text()
        if letter.isprintable()
    }
    for family in FontProperties().get_family():
        font = get_font(fontManager.findfont(FontProperties(family=[family])))
        shown -= {letter for letter in shown if font.get_char_index(ord(letter))}
    return sorted(shown)


def _metadata(kind: str, title: str, about: str) -> dict[str, str | None] | None:
    """Title, description and program in the words of a format, without the time of writing."""
    program = f"sdf1-field {__version__}"
    words: dict[str, dict[str, str | None]] = {
        "pdf": {"Title": title, "Subject": about, "Creator": program, "CreationDate": None},
        "svg": {"Title": title, "Description": about, "Creator": program, "Date": None},
        "png": {"Title": title, "Description": about, "Software": program},
        "eps": {"Creator": program},
    }
    found = words.get(kind)
    return found and {key: value for key, value in found.items() if value != ""}
