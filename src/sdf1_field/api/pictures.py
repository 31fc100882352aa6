"""Pictures as files: which names they may have, and their writing."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from sdf1_field.errors import InputError, refuse_existing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 150
_SUFFIXES = (".png", ".pdf", ".svg", ".jpg", ".tif", ".eps")
"""Of the pictures that can be written."""


def require_picture(path: Path, *, force: bool) -> None:
    """Raise InputError, before anything is drawn, if a picture cannot have a name."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder. Give the name of a picture, such as run.png.")
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(
            f"{path}: not the name of a picture. Give one that ends in {', '.join(_SUFFIXES)}."
        )
    refuse_existing(path, force=force)


def save_picture(figure: "Figure", path: Path) -> None:
    """Write a picture; InputError if it cannot be written."""
    try:
        with warnings.catch_warnings():
            # A name may have letters that no font draws.
            warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)
            figure.savefig(path, dpi=_DOTS_PER_INCH)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}. Choose another place.") from None
