"""Parameters inferred from a paper's claims."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdf1_field.calibration.inference import Inference


def calibrate(
    paper: str,
    *,
    stage: str | None = None,
    claims: Sequence[str] = (),
    free: Sequence[str] = (),
    prior: Mapping[str, Any] | str | Path | None = None,
    targets: str | Path | None = None,
    law: Sequence[str] = (),
    quick: bool = False,
    folder: str | Path | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> "Inference":
    """Infer parameters from claims of a paper, and predict each claim from the others.

    Points and results are written to a folder, as ``sdf1-field calibrate`` does; points that it
    holds already are not replayed again.

    Parameters
    ----------
    paper : str
        Name, such as ``deniz2023``.
    stage : str, optional
        Which of the paper's calibrations; the first if not given.
    claims : sequence of str
        Ids of claims that inform, instead of the calibration's and those that ``targets`` adds.
    free : sequence of str
        Dotted paths of parameters that may change, instead of the calibration's.
    prior : mapping or path, optional
        Intervals by dotted path, such as ``{"cell_type.kg1a.speed": ["1 um/min", "2 um/min"]}``,
        or a TOML file with them; those of the parameters if not given.
    targets : str or pathlib.Path, optional
        File with claims or values of your own.
    law : sequence of str
        ``KEY=VALUE`` settings of all models, such as ``mechanisms.adaptation=false``.
    quick : bool
        Few points.
    folder : str or pathlib.Path, optional
        Where points and results go; named after paper and stage if not given.
    scheduler : str, optional
        Address of a running Dask scheduler; processes of this machine if not given.
    workers : int, optional
        Processes; one for each core if not given.
    progress : callable, optional
        Called with what is counted, how many are done and how many there will be.

    Returns
    -------
    sdf1_field.calibration.inference.Inference
        For the functions of `sdf1_field.calibration.findings`, `sdf1_field.calibration.report` and
        `sdf1_field.calibration.saving`.

    Raises
    ------
    InputError
        If the question is wrong, scikit-learn is missing, or no point agrees with all claims.
    RunError
        If a replay fails, or results cannot be written; finished points are kept.
    """
    from sdf1_field.calibration.asking import answered, asked, default_folder
    from sdf1_field.calibration.inference import FULL, QUICK
    from sdf1_field.calibration.saving import write_calibration

    chosen, question = asked(
        paper,
        stage=stage,
        claims=claims,
        free=free,
        prior=Path(prior) if isinstance(prior, str) else prior,
        targets=None if targets is None else Path(targets),
        law=law,
    )
    sizes = QUICK if quick else FULL
    place = default_folder(paper, chosen, quick=quick) if folder is None else Path(folder)
    found = answered(
        question, place, sizes, scheduler=scheduler, workers=workers, progress=progress
    )  # fmt: skip
    write_calibration(found, place, sizes)
    return found
