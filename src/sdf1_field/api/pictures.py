"""Pictures as files: which names they may have, and their writing."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from sdf1_field import __version__
from sdf1_field.errors import replaced_when_whole, require_output

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
    with warnings.catch_warnings(), (page or Page()).styled(), replaced_when_whole(path) as partial:
        # A name may have letters that no font draws.
        warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)
        figure.savefig(partial, format=kind, metadata=_metadata(kind, title, about))


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
