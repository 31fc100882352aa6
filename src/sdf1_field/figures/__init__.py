"""Pictures of runs, drawn from run files alone, and of tracks from other programs.

`floor` draws ligand, stroma and cells, `tracks` cells without stroma, `network` a stroma without
cells, `cargo` the carriers that such a stroma makes and secretes, `track_files` tracks of files;
they share `drawing`.
"""

import xarray as xr
from matplotlib.figure import Figure

from sdf1_field.analysis import has_stroma
from sdf1_field.analysis.stroma_runs import frame_at
from sdf1_field.errors import InputError
from sdf1_field.figures.cargo import plot_cargo
from sdf1_field.figures.claims import deniz_figures, jiao_figures
from sdf1_field.figures.drawing import is_flat, values_at
from sdf1_field.figures.floor import plot_floor
from sdf1_field.figures.network import plot_network
from sdf1_field.figures.tracks import plot_tracks
from sdf1_field.figures.verdicts import VerdictRow, verdict_figure
from sdf1_field.record import model_of

__all__ = ["VerdictRow", "deniz_figures", "jiao_figures", "plot_run", "verdict_figure"]


def plot_run(run: xr.Dataset, *, time: float | None = None, ligand: str | None = None) -> Figure:
    """Floor ligand with bodies, network and cells, and the fold changes beside it.

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

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the run has no such ligand, nothing saved at that time, or nothing to draw: neither
        cells nor stroma, and no field that varies along the floor.
    """
    spec = model_of(run).spec
    if ligand is not None and ligand not in spec.solved_ligands:
        known = ", ".join(spec.solved_ligands) or "none"
        raise InputError(f"--ligand: the run has no field of '{ligand}'. It has: {known}.")
    with_cells, with_stroma = "cell_time" in run, has_stroma(run)
    if with_cells and not with_stroma and run.sizes["obs"] > 1:
        if ligand is not None:
            raise InputError(
                "--ligand: nothing secretes in this run, and its picture shows tracks. Leave it "
                "away."
            )
        return plot_tracks(run, spec, time)
    if with_stroma and not with_cells:
        if not spec.solved_ligands:
            return plot_network(run, spec, time)
        shown = ligand or spec.solved_ligands[0]
        if f"{shown}_cargo_made" in run and run[f"{shown}_cargo_made"].notnull().any():
            return plot_cargo(run, spec, time, shown)
    if not with_cells and not with_stroma:
        field = ligand or next(iter(spec.solved_ligands), None)
        if field is None or is_flat(values_at(run, frame_at(run, time), field)):
            flat = f"{spec.ligand[field].label} is the same everywhere" if field else "no field"
            raise InputError(
                f"{run.encoding.get('source', 'this run')}: has no cells, no {spec.stroma.label} "
                f"and no migrasomes to draw, and {flat}. `sdf1-field inspect` says what it holds."
            )
    return plot_floor(run, spec, time, ligand)
