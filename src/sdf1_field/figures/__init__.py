"""Pictures of runs, drawn from run files alone, and of tracks from other programs.

`floor` draws ligand, stroma and cells on maps of `dish_map` with the colours of `fields`, `tracks`
cells without stroma, `network` a stroma without cells, `cargo` the carriers that such a stroma
makes and secretes, `track_files` tracks of files; `movie` draws one time after another. They share
`drawing`, and `paper`, the page that a figure is drawn for.
"""

from collections.abc import Sequence

import xarray as xr
from matplotlib.figure import Figure

from sdf1_field.analysis.stroma_runs import frame_at
from sdf1_field.errors import InputError
from sdf1_field.figures.cargo import plot_cargo
from sdf1_field.figures.choosing import kind_of, require_something
from sdf1_field.figures.claims import deniz_figures, jiao_figures
from sdf1_field.figures.floor import Shown, plot_floor
from sdf1_field.figures.network import plot_network
from sdf1_field.figures.paper import Page
from sdf1_field.figures.tracks import plot_tracks
from sdf1_field.figures.verdicts import VerdictRow, verdict_figure
from sdf1_field.record import model_of

__all__ = ["VerdictRow", "deniz_figures", "jiao_figures", "plot_run", "verdict_figure"]


def plot_run(
    run: xr.Dataset,
    *,
    time: float | None = None,
    ligand: str | None = None,
    field: str | None = None,
    ranges: Sequence[str] = (),
    inset: str | None = None,
    part: str | None = None,
    page: Page | None = None,
) -> Figure:
    """Floor ligand with bodies, network and cells, and the fold changes over time beside it.

    A floor of several millimetres has dots for cells, and a view of its middle beside it. A few
    cells have their regions and states over time beside it. Cells without stroma are drawn as
    tracks, with the mean square displacement beside them. A stroma with neither cells nor ligand is
    drawn as its network, at several times unless one is given; a stroma with cargo kinetics as the
    ligand's field, the contents of bodies and migrasomes, and the release by each route.

    Parameters
    ----------
    run : xarray.Dataset
        From `sdf1_field.record.open_run`.
    time : float, optional
        Time to show [s]; the end if not given.
    ligand : str, optional
        Which field; the first in the run if not given.
    field : str, optional
        ``dissolved``, ``bound`` (to the coat) or ``both``; where cells steer by the coat both if
        not given, the bound one large.
    ranges : sequence of str
        Ends of colour scales, such as ``0.5..2 pM``.
    inset : str, optional
        Where a magnified window is: ``auto`` or a place such as ``600,400 um``.
    part : str, optional
        Which figure of cargo: ``floor`` or ``routes``; both in one if not given.
    page : Page, optional
        A screen if not given.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the run has no such ligand, nothing saved at that time, or nothing to draw: neither
        cells nor stroma, and no field that varies along the floor.
    """
    shown, page = Shown(ligand, field, tuple(ranges), inset), page or Page()
    with page.styled():
        return _plot(run, time, shown, part, page)


def _plot(
    run: xr.Dataset, time: float | None, shown: Shown, part: str | None, page: Page
) -> Figure:
    """`plot_run` in the style of its page."""
    spec, ligand = model_of(run).spec, shown.ligand
    if ligand is not None and ligand not in spec.solved_ligands:
        known = ", ".join(spec.solved_ligands) or "none"
        raise InputError(f"--ligand: the run has no field of '{ligand}'. It has: {known}.")
    kind = kind_of(run, spec, ligand)
    if kind != "cargo" and part is not None:
        raise InputError("--part: the run's picture has no parts. Remove the option.")
    if kind == "tracks":
        why = "nothing secretes in this run, and its picture shows tracks"
        if ligand is not None:
            raise InputError(f"--ligand: {why}. Leave it away.")
        shown.refuse(("--field", "--range", "--inset"), why)
        return plot_tracks(run, spec, time, page)
    if kind == "network":
        shown.refuse(("--field", "--range"), "the run has no field")
        shown.refuse(("--inset",), "the run's picture is a magnified window already")
        return plot_network(run, spec, time, page)
    if kind == "cargo":
        shown.refuse(("--inset",), "the run's picture has a magnified window already")
        return plot_cargo(run, spec, time, shown, part, page)
    require_something(run, spec, ligand, [frame_at(run, time)])
    return plot_floor(run, spec, time, shown, page)
