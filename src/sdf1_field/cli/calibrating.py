"""The command calibrate, and its report."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.options import (
    json_option,
    processes_options,
    require_one_of_processes,
)
from sdf1_field.cli.printing import say
from sdf1_field.cli.program import fail_interrupted
from sdf1_field.cli.progress import announce_compilation, shown_phases
from sdf1_field.cli.tables import print_table
from sdf1_field.errors import InputError

if TYPE_CHECKING:
    from sdf1_field.calibration.inference import Inference


@click.command(
    cls=ExampleCommand,
    examples=r"""
    # a quick look: some minutes
    sdf1-field calibrate deniz2023 --quick

    # only two claims inform
    sdf1-field calibrate deniz2023 --quick --claim D12 --claim D13 \
        -o two-claims
    """,
)
@click.argument("paper")
@click.option(
    "--stage", metavar="NAME", help="Which of the paper's calibrations.  [default: the first]"
)
@click.option(
    "--free", metavar="KEY,...", help="Parameters that may change, instead of the calibration's."
)
@click.option(
    "--prior",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Other intervals of free parameters, as TOML.",
)
@click.option(
    "--claim", "ids", multiple=True, metavar="ID",
    help="A claim that informs, instead of the calibration's. May be repeated.",
)  # fmt: skip
@click.option(
    "--targets",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File with further claims, which inform too, or with values for the paper's claims.",
)
@click.option(
    "--law", multiple=True, metavar="KEY=VALUE",
    help="Setting of all models, such as mechanisms.adaptation=false. May be repeated.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Few points: a look, which decides little.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Where points, tables and figures go.  [default: PAPER-STAGE, PAPER-STAGE-quick]",
)  # fmt: skip
@processes_options
@click.option("--quiet", is_flag=True, help="Show no progress, only the report and errors.")
@json_option
def calibrate(
    paper: str,
    stage: str | None,
    free: str | None,
    prior: Path | None,
    ids: tuple[str, ...],
    targets: Path | None,
    law: tuple[str, ...],
    quick: bool,
    output: Path | None,
    workers: int | None,
    scheduler: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Infer parameters from claims of a paper, and predict each claim from the others.

    Finished points are kept in DIR, and the same command goes on where it was stopped.
    """
    require_one_of_processes(workers, scheduler)
    keys = [key.strip() for key in (free or "").split(",") if key.strip()]
    if free is not None and not keys:
        raise InputError("--free: names no parameter. Write it like --free cell_type.kg1a.speed.")
    from sdf1_field.calibration import asking, saving
    from sdf1_field.calibration.inference import FULL, QUICK

    chosen, question = asking.asked(
        paper, stage=stage, claims=ids, free=keys, prior=prior, targets=targets, law=law
    )
    asking.require_scikit_learn()
    folder = output or asking.default_folder(paper, chosen, quick=quick)
    sizes = QUICK if quick else FULL
    if not quiet and scheduler is None:
        announce_compilation()
    try:
        with shown_phases(quiet=quiet) as advance:
            found = asking.answered(
                question, folder, sizes, scheduler=scheduler, workers=workers, progress=advance
            )
    except KeyboardInterrupt as end:
        fail_interrupted(
            end,
            f"{folder} keeps {asking.kept_points(folder)} finished points; the same "
            "command goes on.",
        )
    saving.write_calibration(found, folder, sizes)
    if as_json:
        from sdf1_field.calibration import report

        say(json.dumps(report.as_json(found), indent=2))
    else:
        _print_report(found)
        say(f"\n{folder}: {', '.join(saving.FILES)}")


def _print_report(found: "Inference") -> None:
    """Claims, the prior's space, parameters, and what is open."""
    from sdf1_field.calibration import report
    from sdf1_field.judging.tables import weights_line

    for header, rows in (
        (report.CLAIMS, report.claim_rows(found)),
        (report.SPACE, report.held_rows(found)),
        (report.PARAMETERS, report.parameter_rows(found)),
        (report.CORRELATIONS, report.correlation_rows(found)),
    ):
        if rows:
            print_table(rows, header)
            say()
    lines = (
        report.evidence_line(found),
        report.warning_line(found),
        report.law_line(found),
        report.dose_line(found),
        weights_line(found.open_weights),
        report.NOTES,
    )
    say("\n\n".join(line for line in lines if line))
