"""Figures of several dishes in groups, by name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sdf1_field.errors import InputError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from sdf1_field.api.runs import At, Dishes, Run
    from sdf1_field.figures.paper import Page

    Group: TypeAlias = Dishes | str | Path | Iterable[Run | str | Path]


@dataclass(frozen=True)
class GroupFigure:
    """What a figure of groups shows and allows.

    Parameters
    ----------
    help : str
        For the option --show.
    kinds : tuple of str
        Of runs it is for, as `api.tables.usual_table` names them.
    at_times, of_ligand, of_tracks : bool
        Whether it is of single times, of one ligand, or draws some tracks.
    """

    help: str
    kinds: tuple[str, ...]
    at_times: bool = False
    of_ligand: bool = False
    of_tracks: bool = False


GROUP_FIGURES: Mapping[str, GroupFigure] = {
    "fold-change": GroupFigure(
        "cells on MSC and network, a dot for each dish, with tests (default with MSC)",
        ("fold-change",), at_times=True,
    ),
    "course": GroupFigure("fold change over time", ("fold-change",)),
    "distance": GroupFigure(
        "density against distance from bodies and migrasomes", ("fold-change",), at_times=True
    ),
    "rose": GroupFigure(
        "tracks from one origin (default without MSC)", ("motion", "fold-change"), of_tracks=True
    ),
    "network": GroupFigure(
        "MSC with fibres and migrasomes (default without haematopoietic cells)",
        ("network", "cargo", "fold-change"), at_times=True,
    ),
    "cargo": GroupFigure(
        "contents and secretion of cells and migrasomes (default without haematopoietic cells if "
        "cargo is followed)",
        ("cargo", "fold-change"), at_times=True, of_ligand=True,
    ),
}  # fmt: skip
"""By their names after --show."""
_KINDS = {
    "fold-change": "haematopoietic cells on a stroma",
    "motion": "haematopoietic cells without stroma",
    "network": "a stroma without haematopoietic cells",
    "cargo": "a stroma whose cargo is followed",
    "field": "fields alone",
}
"""What runs of a kind show."""
_LONGEST_NAME = 60
"""Letters of a group's name that a picture has room for."""


def plot_groups(
    groups: "Mapping[str, Group]",
    path: str | Path | None = None,
    *,
    show: str | None = None,
    at: "At | None" = None,
    ligand: str | None = None,
    tracks: int | None = None,
    page: "Page | None" = None,
    width: str | float | None = None,
    panel: str | None = None,
    force: bool = False,
) -> "Figure":
    """Figure of dishes in groups, as `sdf1-field plot` draws it.

    Parameters
    ----------
    groups : mapping of str to runs
        Dishes of each group: runs, or run files to open. The first group is the control, with
        which the others are compared by the tests of `Run.table`.
    path : str or pathlib.Path, optional
        File to write it to, such as ``figure.pdf``.
    show : str, optional
        One of `GROUP_FIGURES`, such as ``"course"``; the one that suits the runs if not given.
    at : str, float or sequence of these, optional
        When: text such as ``"4 h"``, or seconds.
    ligand : str, optional
        Whose contents and secretion; the first that is followed if not given.
    tracks : int, optional
        How many tracks of each group a rose has at most; 30 if not given.
    width : str or float, optional
        Final width such as ``"85 mm"``, or in millimetres; a size for screens if not given.
    panel : str, optional
        Letter in the top left corner.
    page : Page, optional
        Instead of width and panel.
    force : bool
        Replace an existing file.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the figure does not show that, the runs are of different kinds or hold no such data, a
        dish is given twice, or the file exists or cannot be written.
    """
    from sdf1_field.api.pictures import quiet_of_letters, require_picture, save_picture
    from sdf1_field.api.runs import Dishes, Runs, times_of
    from sdf1_field.figures.paper import Page
    from sdf1_field.record import model_of

    page = page or Page.of(width, panel)
    file = None if path is None else Path(path)
    if file is not None:
        require_picture(file, force=force)
    _require_names(groups)
    runs = {
        str(name): (own if isinstance(own, Dishes) else Runs(own)).datasets
        for name, own in groups.items()
    }
    if list(runs) == [""]:
        # Dishes without a name have that of their treatment.
        (own,) = runs.values()
        runs = {model_of(own[0]).spec.treatment_label: own}
    show, ligand = _asked(runs, show, ligand, at=at is not None, tracks=tracks)
    with page.styled(), quiet_of_letters():
        figure = _drawn(show, runs, times_of(at), ligand, tracks, page)
    if file is not None:
        save_picture(figure, file, page, about=" ".join(figure.get_supxlabel().split()))
    return figure


def _require_names(groups: "Mapping[str, Group]") -> None:
    """Raise InputError if a group's name has no room on a picture."""
    for name in map(str, groups):
        if len(name) > _LONGEST_NAME:
            raise InputError(
                f"group {name[:_LONGEST_NAME]}…: has a name of {len(name)} letters. Give one of "
                f"{_LONGEST_NAME} at most."
            )


def _asked(
    groups: "Mapping[str, Sequence[xr.Dataset]]",
    show: str | None,
    ligand: str | None,
    *,
    at: bool,
    tracks: int | None,
) -> tuple[str, str | None]:
    """Figure and key of a ligand that are asked for; InputError if that makes no sense."""
    from sdf1_field.analysis.dishes import require_different_dishes
    from sdf1_field.api.tables import usual_table
    from sdf1_field.record import model_of
    from sdf1_field.spec import ligand_named, unknown

    if not groups:
        raise InputError("groups: there is none. Give one at least.")
    kinds = {kind: run for own in groups.values() for run in own for kind in [usual_table([run])]}
    _require_one_kind(kinds)
    (kind,) = kinds
    if show is None:
        show = {"motion": "rose"}.get(kind, kind)
    elif show not in GROUP_FIGURES:
        raise InputError(f"--show: {unknown(show, tuple(GROUP_FIGURES), 'figure')}")
    _require_sense(show, kind, at=at, ligand=ligand, tracks=tracks)
    require_different_dishes(groups)
    if ligand is not None:
        spec = model_of(next(iter(kinds.values()))).spec
        ligand = ligand_named(ligand, {name: spec.ligand[name].label for name in spec.ligand})
    return show, ligand


def _drawn(
    show: str,
    groups: "Mapping[str, Sequence[xr.Dataset]]",
    times: Sequence[float] | None,
    ligand: str | None,
    tracks: int | None,
    page: "Page",
) -> "Figure":
    from sdf1_field.figures.course import plot_course
    from sdf1_field.figures.fold_changes import plot_fold_changes
    from sdf1_field.figures.per_dish import plot_cargoes, plot_networks
    from sdf1_field.figures.profiles import plot_profiles
    from sdf1_field.figures.rose import MOST_TRACKS, plot_rose

    if show == "course":
        return plot_course(groups, page)
    if show == "rose":
        return plot_rose(groups, MOST_TRACKS if tracks is None else tracks, page)
    if show == "cargo":
        return plot_cargoes(groups, times, ligand, page)
    draw = {
        "fold-change": plot_fold_changes, "distance": plot_profiles, "network": plot_networks
    }[show]  # fmt: skip
    return draw(groups, times, page)


def _require_one_kind(kinds: "Mapping[str, xr.Dataset]") -> None:
    """Raise InputError if runs are of several kinds, which no figure compares."""
    from sdf1_field.analysis.runs import run_name

    if len(kinds) > 1:
        (own, first), (other, second) = list(kinds.items())[:2]
        raise InputError(
            f"{run_name(second)}: shows {_KINDS[other]}, and {run_name(first)} {_KINDS[own]}. Draw "
            "runs of one kind together."
        )


def _require_sense(
    show: str, kind: str, *, at: bool, ligand: str | None, tracks: int | None
) -> None:
    """Raise InputError if a figure is not for runs of a kind, or an option does not apply to it."""
    if show == "field":
        raise InputError(
            "plot: the runs have neither cells nor stroma whose dishes could be compared. Draw "
            "them one by one."
        )
    figure = GROUP_FIGURES[show]
    if kind not in figure.kinds:
        suits = ", ".join(name for name, own in GROUP_FIGURES.items() if kind in own.kinds)
        raise InputError(
            f"--show: '{show}' is not of {_KINDS[kind]}, which the runs show. Choose one of: "
            f"{suits or 'none'}."
        )
    for option, given, applies in (
        ("--at", at, "at_times"),
        ("--ligand", ligand is not None, "of_ligand"),
        ("--tracks", tracks is not None, "of_tracks"),
    ):
        if given and not getattr(figure, applies):
            those = " or ".join(n for n, own in GROUP_FIGURES.items() if getattr(own, applies))
            raise InputError(
                f"{option}: has no effect on the figure '{show}'. Omit it, or use --show {those}."
            )
