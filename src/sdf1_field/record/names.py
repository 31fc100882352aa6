"""Names of files that the NetCDF library can open, or store."""

from pathlib import Path

from sdf1_field.errors import InputError


def require_openable(path: Path) -> None:
    """Raise InputError if the NetCDF library cannot open a file of that name in that folder.

    It takes a backslash for a separator on every system, and needs UTF-8.
    """
    name = path.absolute().as_posix()
    wrong = "a backslash" if "\\" in name else ""
    try:
        name.encode()
    except UnicodeEncodeError:
        wrong = "a byte that is not UTF-8"
    if wrong:
        raise InputError(
            f"{path}: its name or a folder's has {wrong}, and the NetCDF library cannot open that. "
            "Choose or give another name."
        )


def in_utf8(text: str) -> str:
    r"""Text with bytes of a file's name that are not UTF-8 written out, as the library needs it.

    Examples
    --------
    >>> print(in_utf8("model-\udce4.toml"))
    model-\udce4.toml
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
