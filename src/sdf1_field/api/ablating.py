"""Mechanisms taken away, and what a paper's claims lose by it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdf1_field.api.studied import Studied
from sdf1_field.errors import InputError

if TYPE_CHECKING:
    from sdf1_field.studies.ablation import Ablation, Asked

_DRAWS = 12
"""Of the posterior, if not given."""


def ablate(
    paper: str,
    *,
    claims: Sequence[str] = (),
    mechanisms: Sequence[str] = (),
    posterior: str | Path | None = "recorded",
    draws: int | None = None,
    dishes: int | None = None,
    conflicts: bool = False,
    conflict_draws: int | None = None,
    folder: str | Path | None = None,
    force: bool = False,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> "Studied[Ablation]":
    """Take mechanisms away, and see which claims of a paper need them and which suffice.

    Points and results are written to a folder, as ``sdf1-field ablate`` does; points that it holds
    already are not replayed again.

    Parameters
    ----------
    paper : str
        Name, such as ``deniz2023``.
    claims : sequence of str
        Ids; all that fold changes decide if empty.
    mechanisms : sequence of str
        Names of `sdf1_field.studies.mechanisms.MECHANISMS`; all if empty.
    posterior : str or pathlib.Path, optional
        Folder or ``posterior.nc`` of ``sdf1-field calibrate``, or ``"recorded"`` for the draws that
        ship; None for the models' own values.
    draws : int, optional
        Of the posterior; 12 if not given.
    dishes : int, optional
        Recorded, at least 2; 4, or 10 for the models' own values, if not given.
    conflicts : bool
        Whether to ask again with each value on which the literature disagrees.
    conflict_draws : int, optional
        Draws with which that is asked; 3 if not given.
    folder : str or pathlib.Path, optional
        Where points and results go; named after the paper if not given.
    force : bool
        Replace results of another question that the folder holds.
    scheduler : str, optional
        Address of a running Dask scheduler; processes of this machine if not given.
    workers : int, optional
        Processes; one for each core if not given.
    progress : callable, optional
        Called with what is counted, how many are done and how many there will be.

    Returns
    -------
    Studied
        Its ``found`` is a `sdf1_field.studies.ablation.Ablation`, for the functions of
        `sdf1_field.studies.ablation_report`; its ``matrix.chances`` are those of every draw.

    Raises
    ------
    InputError
        If the question is wrong, or the folder holds another.
    RunError
        If a replay fails, or results cannot be written; finished points are kept.
    """
    from sdf1_field.studies import ablation, ablation_report

    asked = asked_ablation(
        paper,
        claims=claims,
        mechanisms=mechanisms,
        posterior=posterior,
        draws=draws,
        dishes=dishes,
        conflicts=conflicts,
        conflict_draws=conflict_draws,
    )
    place = (
        ablation_report.default_folder(paper, shipped=posterior is None)
        if folder is None
        else Path(folder)
    )
    ablation_report.require_folder(place, asked, force=force)
    found = ablation.ablate(
        asked, place, scheduler=scheduler, workers=workers, progress=progress
    )  # fmt: skip
    ablation_report.write_ablation(found, place)
    return Studied(
        found, place, f"Ablation of {paper}", lambda: ablation_report.records(found),
        lambda: ablation_report.figure_of(found),
    )  # fmt: skip


def asked_ablation(
    paper: str,
    *,
    claims: Sequence[str],
    mechanisms: Sequence[str],
    posterior: str | Path | None,
    draws: int | None,
    dishes: int | None,
    conflicts: bool,
    conflict_draws: int | None,
) -> "Asked":
    """The question in a user's words, checked; parameters as of `ablate`."""
    from sdf1_field.calibration.draws import chosen_draws
    from sdf1_field.reproduce import load_paper
    from sdf1_field.studies import ablation
    from sdf1_field.studies.conflicts import conflicts_of

    for name, value, least in (
        ("--draws", draws, 1), ("--dishes", dishes, 2), ("--conflict-draws", conflict_draws, 1),
    ):  # fmt: skip
        if value is not None and value < least:
            raise InputError(f"{name}: {value} are too few. Give {least} or more.")
    number = _DRAWS if draws is None else draws
    return ablation.ask(
        load_paper(paper),
        claims=claims,
        mechanisms=mechanisms,
        draws=None if posterior is None else chosen_draws(posterior, number),
        dishes=dishes,
        conflicts=conflicts_of(paper) if conflicts else None,
        conflict_draws=ablation.CONFLICT_DRAWS if conflict_draws is None else conflict_draws,
    )
