"""The command ablate, and its report."""

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
    from sdf1_field.studies.ablation import Ablation, Asked

_LONG = 100.0
"""Seconds from which on a time is given in minutes."""


@click.command(
    cls=ExampleCommand,
    examples=r"""
    # the models' own values, two mechanisms: some minutes
    sdf1-field ablate deniz2023 --shipped-values --claim D13 \
        --mechanism arrest --mechanism cd166_adhesion

    # all of them at 12 draws of the recorded posterior: most of an hour
    sdf1-field ablate deniz2023 --draws 12 --conflicts
    """,
)
@click.argument("paper")
@click.option(
    "--claim", "claims", multiple=True, metavar="ID",
    help="A claim that is asked; all that fold changes decide if not given. May be repeated.",
)  # fmt: skip
@click.option(
    "--mechanism", "mechanisms", multiple=True, metavar="NAME",
    help="One that is taken away, such as cd166_adhesion or bonds; all if not given. May be "
    "repeated.",
)  # fmt: skip
@click.option(
    "--posterior", type=click.Path(path_type=Path), metavar="DIR|FILE",
    help="What calibrate has written, or 'recorded' for the draws that ship.  [default: recorded]",
)  # fmt: skip
@click.option(
    "--draws", type=click.IntRange(min=1), metavar="N",
    help="Draws of the posterior.  [default: 12]",
)  # fmt: skip
@click.option(
    "--shipped-values", is_flag=True, help="The models' own values in place of a posterior."
)
@click.option(
    "--dishes", type=click.IntRange(min=2), metavar="N",
    help="Recorded dishes.  [default: 4; 10 with --shipped-values]",
)  # fmt: skip
@click.option(
    "--conflicts", is_flag=True,
    help="Ask again with each value on which the literature disagrees.",
)  # fmt: skip
@click.option(
    "--conflict-draws", type=click.IntRange(min=1), metavar="N",
    help="Draws with which that is asked.  [default: 3]",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Where points, tables and the figure go.  [default: PAPER-ablation, "
    "PAPER-ablation-shipped]",
)  # fmt: skip
@click.option(
    "--force", is_flag=True,
    help="Replace results of another question that DIR holds; what was replayed is kept.",
)  # fmt: skip
@processes_options
@click.option("--quiet", is_flag=True, help="Show no progress, only the report and errors.")
@json_option
def ablate(
    paper: str,
    claims: tuple[str, ...],
    mechanisms: tuple[str, ...],
    posterior: Path | None,
    draws: int | None,
    shipped_values: bool,
    dishes: int | None,
    conflicts: bool,
    conflict_draws: int | None,
    output: Path | None,
    force: bool,
    workers: int | None,
    scheduler: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Take mechanisms away, and see which claims of a paper need them and which suffice.

    Finished points are kept in DIR, and the same command goes on where it was stopped.
    """
    require_one_of_processes(workers, scheduler)
    if shipped_values and (posterior is not None or draws is not None):
        other = "--posterior" if posterior is not None else "--draws"
        raise InputError(
            f"--shipped-values and {other}: the models' own values are no draws. Leave one out."
        )
    if conflict_draws is not None and not conflicts:
        raise InputError("--conflict-draws: no conflicts are asked. Add --conflicts.")
    from sdf1_field.api.ablating import asked_ablation
    from sdf1_field.studies import ablation, ablation_report

    asked = asked_ablation(
        paper,
        claims=claims,
        mechanisms=mechanisms,
        posterior=None if shipped_values else posterior or "recorded",
        draws=draws,
        dishes=dishes,
        conflicts=conflicts,
        conflict_draws=conflict_draws,
    )
    folder = output or ablation_report.default_folder(paper, shipped=shipped_values)
    ablation_report.require_folder(folder, asked, force=force)
    if not quiet:
        _say_size(asked, ablation.seconds_expected(asked))
        if scheduler is None:
            announce_compilation()
    try:
        with shown_phases(quiet=quiet) as advance:
            found = ablation.ablate(
                asked, folder, scheduler=scheduler, workers=workers, progress=advance
            )
    except KeyboardInterrupt as end:
        fail_interrupted(
            end,
            f"{folder} keeps {ablation.kept_points(folder)} finished points; the same command "
            "goes on.",
        )
    ablation_report.write_ablation(found, folder)
    if as_json:
        say(json.dumps(ablation_report.as_json(found), indent=2))
    else:
        _print_report(found)
        say(f"\n{folder}: {', '.join(ablation_report.FILES)}")


def _say_size(asked: "Asked", seconds: float) -> None:
    """Number of models and the time they take, before the first replay."""
    time = f"{seconds / 60:.0f} min" if seconds > _LONG else f"{seconds:.0f} s"
    from sdf1_field.studies.ablation_report import values_text

    choices = len(asked.conflicts.choices)
    again = f", and {choices} choices of conflicts" if choices else ""
    say(
        f"{len(asked.rows)} models at {values_text(asked)}, in {asked.dishes} dishes{again}: "
        f"about {time} of processor time, less what the folder holds",
        err=True,
    )


def _print_report(found: "Ablation") -> None:
    """What claims need, chances, and conflicts."""
    from sdf1_field.judging.tables import weights_line
    from sdf1_field.studies import ablation_report as report

    matrix = found.matrix
    for header, rows in (
        (report.WORDS, report.claim_rows(found)),
        (report.matrix_header(matrix), report.matrix_rows(matrix, intervals=False)),
        (report.HOLDING, report.holding_rows(found)),
    ):
        if rows:
            print_table(rows, header)
            say()
    lines = report.idle_line(matrix), report.hindering_line(matrix)
    say("\n\n".join((*lines, weights_line(found.open_weights), report.RULES)))
