"""Experiments ranked by what they would tell."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdf1_field.api.studied import Studied

if TYPE_CHECKING:
    from sdf1_field.studies.design import Study


def design(
    paper: str = "deniz2023",
    *,
    candidates: str | Path | None = None,
    only: Sequence[str] = (),
    laws: Sequence[str] = (),
    weights: str = "even",
    experiments: int | None = None,
    views: int | None = None,
    draws: int | None = None,
    quick: bool = False,
    folder: str | Path | None = None,
    force: bool = False,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> "Studied[Study]":
    """Rank experiments by what they would tell about the mechanism, for each dish.

    Replays and results are written to a folder, as ``sdf1-field design`` does; replays that it
    holds already are not done again.

    Parameters
    ----------
    paper : str
        Name; its claims inform the parameters.
    candidates : str or pathlib.Path, optional
        File with further candidates.
    only : sequence of str
        Ids of candidates; all if empty.
    laws : sequence of str
        Names; all if empty.
    weights : str
        ``"even"`` or ``"evidence"``: probability of the laws before.
    experiments, views : int, optional
        Of all candidates, instead of their own.
    draws : int, optional
        Of each law's posterior, 3 or more.
    quick : bool
        Few draws and dishes.
    folder : str or pathlib.Path, optional
        Named after the paper if not given.
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
        Its ``found`` is a `sdf1_field.studies.design.Study`, for the functions of
        `sdf1_field.studies.design_report`.

    Raises
    ------
    InputError
        If the question is wrong, or the folder holds another.
    RunError
        If a replay fails, or results cannot be written; finished replays are kept.
    """
    from sdf1_field.studies.design import asked, default_folder, sizes_of, studied
    from sdf1_field.studies.design_report import figure, records, require_folder, write_study

    question = asked(
        paper,
        only=only,
        own=None if candidates is None else Path(candidates),
        laws=laws,
        weights=weights,
        experiments=experiments,
        views=views,
        sizes=sizes_of(quick=quick, draws=draws),
    )
    place = default_folder(paper, quick=quick) if folder is None else Path(folder)
    require_folder(place, question, force=force)
    found = studied(question, place, scheduler=scheduler, workers=workers, progress=progress)
    write_study(found, place)
    return Studied(
        found, place, f"Experiments after {paper}", lambda: records(found), lambda: figure(found)
    )
