"""The folder of a study: which question it holds, and its files, each whole or not at all."""

import contextlib
import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdf1_field.errors import InputError, RunError, read_file, reason_of, write_whole, written_aside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OTHER = "Choose another folder by -o."
_MOST_BYTES = 1 << 26


def known_values(file: Path) -> dict[str, Any] | None:
    """Plain values that an earlier study has written; None if there is no such file.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    if not file.is_file():
        return None
    try:
        known = json.loads(read_file(file, most=_MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: damaged ({error}). {_OTHER}") from None
    if not isinstance(known, dict):
        raise InputError(f"{file}: not the values of a study. {_OTHER}")
    return known


def require_own(
    folder: Path,
    study: str,
    known: Mapping[str, Any],
    asked: Mapping[str, Any],
    growing: Mapping[str, Sequence[str]] | None = None,
    *,
    remedy: str = _OTHER,
) -> None:
    """Refuse a folder that holds the results of another question.

    Parameters
    ----------
    folder : pathlib.Path
    study : str
        In words, such as ``a sweep``.
    known : mapping
        Plain values that the folder holds.
    asked : mapping
        Values that must be the same.
    growing : mapping of str to sequence of str, optional
        Lists to which something may be added, and from which nothing may be missing.
    remedy : str

    Raises
    ------
    InputError
        If a value differs.
    """
    pairs = [(what, own, known.get(what)) for what, own in asked.items()]
    pairs += [
        (what, sorted(own), its)
        for what, own in (growing or {}).items()
        if not isinstance(its := known.get(what), list) or not set(map(str, its)) <= set(own)
    ]
    for what, own, its in pairs:
        if own != its:
            raise InputError(
                f"{folder}: holds {study} in which '{what}' is {_said(its)}, not {_said(own)}. "
                f"{remedy}"
            )


def _said(value: Any) -> str:
    """A value of a question in words."""
    if isinstance(value, dict):
        return " ".join([str(value.get("model")), *map(str, value.get("settings", []))])
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def require_begun(folder: Path, study: str, file: str) -> None:
    """Refuse a folder with something in it that no study of its kind has begun.

    Parameters
    ----------
    folder : pathlib.Path
    study : str
        In words, such as ``an ablation``.
    file : str
        Name of a file that every folder of this kind has.

    Raises
    ------
    InputError
        If the folder holds something else.
    """
    if (folder / file).exists() or not folder.exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise InputError(
            f"{folder}: holds something else than {study}. Choose a new folder or an empty one by "
            "-o."
        )


def write_files(
    folder: Path,
    texts: Mapping[str, str],
    figures: Mapping[str, "Figure"] | None = None,
    *,
    kept: str = "dishes",
) -> None:
    """Write texts and then pictures, each whole or not at all.

    Parameters
    ----------
    folder : pathlib.Path
    texts : mapping of str to str
        By name.
    figures : mapping of str to matplotlib.figure.Figure, optional
        By name, which may have a folder in front.
    kept : str
        What the folder has in any case.

    Raises
    ------
    RunError
        If the folder cannot be written to.
    """
    with writing(folder, kept=kept):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_whole(folder / name, text)
        for name, figure in (figures or {}).items():
            (folder / name).parent.mkdir(exist_ok=True)
            with written_aside(folder / name) as partial:
                figure.savefig(partial, format="png", dpi=150, metadata={"Software": None})


@contextlib.contextmanager
def writing(folder: Path, *, kept: str = "dishes") -> Iterator[None]:
    """Say in one line why a folder cannot be written to, and what is kept.

    Raises
    ------
    RunError
    """
    try:
        yield
    except OSError as error:
        raise RunError(
            f"{error.filename or folder}: {reason_of(error)}. The {kept} are kept; make room and "
            "use the same command."
        ) from None


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Comma-separated values with a header; None is left empty."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def json_text(plain: Mapping[str, Any]) -> str:
    """Plain values as a file has them."""
    return f"{json.dumps(plain, indent=2, allow_nan=False)}\n"
