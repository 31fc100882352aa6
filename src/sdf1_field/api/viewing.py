"""Pages of runs: written to files, and shown in a notebook."""

import math
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from sdf1_field.errors import InputError, refuse_inputs, replaced_when_whole, require_output

if TYPE_CHECKING:
    from sdf1_field.api.runs import Run

SUFFIXES = (".html", ".htm")
"""Of pages."""
_MEGABYTE = 1e6
_HEIGHT = 860
"""Of a page in a notebook [px]."""


class View:
    """A page that shows runs; a notebook shows it in its output.

    Parameters
    ----------
    page : str
        HTML that needs no other file and no network.
    title : str
        Plain text.
    """

    def __init__(self, page: str, title: str) -> None:
        self.page = page
        self.title = title

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the page to a file, which any browser opens.

        Parameters
        ----------
        path : str or pathlib.Path
            Ends in ``.html``.
        force : bool
            Replace an existing file.

        Raises
        ------
        InputError
            If the file exists or cannot be written.
        """
        file = require_page(Path(path), force=force)
        with replaced_when_whole(file) as partial:
            partial.write_text(self.page, encoding="utf-8")
        return file

    def __repr__(self) -> str:
        return f"View({self.title!r}, {len(self.page.encode()) / _MEGABYTE:.1f} MB)"

    def _repr_html_(self) -> str:
        # Without allow-same-origin, so that the page sees nothing of the notebook's.
        return (
            f'<iframe title="{escape(self.title)}" sandbox="allow-scripts" '
            f'style="width: 100%; height: {_HEIGHT}px; border: 0" '
            f'srcdoc="{escape(self.page)}"></iframe>'
        )


def require_page(path: Path, *, force: bool) -> Path:
    """Path of a page, if it can be written; InputError, before anything is read, if it cannot."""
    require_output(path, "a page", "run.html", SUFFIXES, force=force)
    return path


def _names(runs: "Sequence[Run]") -> list[str]:
    """Names that tell runs apart: of files, with as many of their folders as it takes."""
    paths = [None if run.path is None else run.path.resolve() for run in runs]
    for path in filter(None, paths):
        if paths.count(path) > 1:
            raise InputError(f"{path}: is given twice. Give each run once.")
    names: list[str] = []
    for depth in range(1, max((len(path.parts) for path in paths if path), default=1) + 1):
        names = [
            f"{run.dataset.attrs['model_name']}, seed {run.dataset.attrs['seed']}"
            if path is None
            else "/".join(path.parts[-depth:])
            for run, path in zip(runs, paths, strict=True)
        ]
        if len(set(names)) == len(names):
            break
    return names


def view_runs(
    runs: "Sequence[Run]",
    path: Path | None = None,
    *,
    size: float | None = None,
    force: bool = False,
    report: Callable[[str, int, int], None] | None = None,
) -> View:
    """Page of runs side by side; written to a path if one is given.

    Parameters
    ----------
    runs : sequence of Run
    path : pathlib.Path, optional
    size : float, optional
        Largest page [MB].
    force : bool
        Replace an existing page.
    report : callable, optional
        Called with what is read, how much of it is done and how much there will be.

    Raises
    ------
    InputError
        As of `Dishes.view`.
    """
    from sdf1_field.view.runs import SIZE, runs_page

    paths = [run.path for run in runs]
    if path is not None:
        require_page(path, force=force)
        refuse_inputs(path, *paths)
    if size is not None and not (math.isfinite(size) and size > 0.0):
        raise InputError(f"size: {size:g} MB is not the size of a page. Give a positive number.")
    names = _names(runs)
    page = runs_page(
        [run.dataset for run in runs],
        names,
        paths=paths,
        size=SIZE if size is None else size * _MEGABYTE,
        **({} if report is None else {"report": report}),
    )
    made = View(page, ", ".join(names))
    if path is not None:
        made.save(path, force=force)
    return made


def view_folder(folder: Path, path: Path | None = None, *, force: bool = False) -> Path:
    """Page of a folder of `reproduce`, `calibrate` or `sweep`; beside it unless a path is given.

    Raises
    ------
    InputError
        As of `folder_page`, or if the page exists or cannot be written.
    """
    from sdf1_field.view.folder import folder_page

    whole = folder.resolve()
    path = require_page(path or whole.with_name(f"{whole.name}.html"), force=force)
    return View(folder_page(folder, path.parent), whole.name).save(path, force=force)
