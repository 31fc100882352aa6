"""Files shipped with the program: named models, parameters, papers' claims and predictions."""

import tomllib
from importlib.resources import files
from pathlib import Path

from sdf1_field.errors import RunError


def shipped_folder(name: str) -> Path:
    """Folder ``models`` or ``validation`` of the installed package or of the checkout.

    Parameters
    ----------
    name : str
        ``"models"`` or ``"validation"``.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    RunError
        If the installation is incomplete.
    """
    package = Path(str(files("sdf1_field")))
    for folder in (package / name, package.parent.parent / name):
        if folder.is_dir():
            return folder
    raise RunError(f"{package}: the folder '{name}' is missing. Reinstall sdf1-field.")


def shipped_citation() -> str:
    """Text of CITATION.cff of the installed package or of the checkout; RunError without it."""
    package = Path(str(files("sdf1_field")))
    for folder in (package, package.parent.parent):
        if (folder / "CITATION.cff").is_file():
            return (folder / "CITATION.cff").read_text(encoding="utf-8")
    raise RunError(f"{package}: CITATION.cff is missing. Reinstall sdf1-field.")


def model_names() -> list[str]:
    """Names of the shipped models, sorted."""
    folder = shipped_folder("models")
    return sorted(p.stem for p in folder.glob("*.toml") if p.stem != "parameters")


def model_titles() -> dict[str, str]:
    """Name and title of every shipped model."""
    folder = shipped_folder("models")
    return {
        name: tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))["title"]
        for name in model_names()
    }
