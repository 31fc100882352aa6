"""The report on a paper's claims as files: tables, and figures like the paper's."""

from collections.abc import Sequence
from pathlib import Path

from sdf1_field.claims import Interval
from sdf1_field.ensemble.crate import write_crate
from sdf1_field.errors import RunError, reason_of, written_aside
from sdf1_field.figures import VerdictRow, deniz_figures, jiao_figures, verdict_figure
from sdf1_field.reproduce import Report, write_tables

_LIKE_THE_PAPERS = {"deniz2023": deniz_figures, "jiao2024": jiao_figures}


def write_report(
    report: Report, folder: Path, *, suffix: str = "", command: Sequence[str] = ()
) -> None:
    """Write a report beside its dishes: tables, values, readings and ``figures``.

    The files are ``table.md``, ``claims.json`` and ``readings.csv``.

    The folder's files are then described anew in ``ro-crate-metadata.json``.

    Parameters
    ----------
    report : Report
    folder : Path
    suffix : str
        Of the four names, for a report on a part of the paper.
    command : sequence of str
        Words of the command that is run; none from Python.

    Raises
    ------
    RunError
        If the folder cannot be written to.
    """
    labels = {key: condition.label for key, condition in report.paper.conditions.items()}
    rows = [
        VerdictRow(
            found.claim.id,
            f"{found.claim.says} ({found.claim.status})",
            found.verdict,
            None if found.chance is None else _ends(found.chance.averaged),
            None if found.null is None else _ends(found.null.averaged),
        )
        for found in report.found
    ]
    try:
        write_tables(report, folder, suffix=suffix)
        figures = folder / f"figures{suffix}"
        figures.mkdir(exist_ok=True)
        drawn = {
            **_LIKE_THE_PAPERS[report.paper.name](report.readings, labels),
            "verdicts": verdict_figure(rows),
        }
        for name, figure in drawn.items():
            with written_aside(figures / f"{name}.png") as partial:
                figure.savefig(partial, format="png", dpi=150, metadata={"Software": None})
        write_crate(
            folder,
            name=f"Claims of {report.paper.name}, judged by simulated dishes",
            description="Simulated dishes of a paper's conditions, and verdicts on its claims.",
            command=command,
            about=report.paper.citation,
        )
    except OSError as error:
        raise RunError(
            f"{error.filename or folder}: {reason_of(error)}. The dishes are "
            "kept; make room and use the same command."
        ) from None


def _ends(chance: Interval) -> tuple[float, float, float]:
    return chance.value, chance.low, chance.high
