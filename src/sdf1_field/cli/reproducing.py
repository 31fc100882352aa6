"""The command reproduce, and its report."""

import json
import sys
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
from sdf1_field.cli.program import fail, fail_interrupted
from sdf1_field.cli.progress import announce_compilation, shown_progress
from sdf1_field.cli.tables import print_table
from sdf1_field.errors import InputError

if TYPE_CHECKING:
    from sdf1_field.reproduce import Report


@click.command(
    cls=ExampleCommand,
    examples="""
    # every claim of the paper: some minutes
    sdf1-field reproduce deniz2023 --quick

    # one claim: AMD3100 reduces both fold changes
    sdf1-field reproduce deniz2023 --quick --claim D13 -o amd3100
    """,
)
@click.argument("paper")
@click.option(
    "--dishes",
    type=click.IntRange(min=1),
    help="Independent dishes of each condition.  [default: 48]",
)
@click.option(
    "--views",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="N",
    help="Views that are summed in each of the paper's experiments on co-cultures. May be "
    "repeated.  [default: 1, 2 and 4, as far as six times as many dishes allow]",
)
@click.option(
    "--quick",
    is_flag=True,
    help="12 dishes and one view (without --dishes and --views); decides directions only.",
)
@click.option(
    "--claim", "ids", multiple=True, metavar="ID", help="Only this claim. May be repeated."
)
@click.option(
    "--targets",
    type=click.Path(path_type=Path),
    help="File with further claims, or with values read from figures.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Where dishes, tables and figures go.  [default: PAPER-seedN, PAPER-quick-seedN]",
)  # fmt: skip
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=1,
    show_default=True,
    help="Every dish's own seed is drawn from it.",
)
@processes_options
@click.option("--quiet", is_flag=True, help="Show no progress, only the report and errors.")
@json_option
def reproduce(
    paper: str,
    dishes: int | None,
    views: tuple[int, ...],
    quick: bool,
    ids: tuple[str, ...],
    targets: Path | None,
    output: Path | None,
    seed: int,
    workers: int | None,
    scheduler: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Test every claim of a paper against experiments drawn from simulated dishes.

    Finished dishes are kept in DIR, and the same command goes on where it was stopped.
    """
    if quick and (dishes is not None or views):
        other = "--dishes" if dishes is not None else "--views"
        raise InputError(f"--quick and {other}: they exclude each other. Leave one out.")
    require_one_of_processes(workers, scheduler)
    from sdf1_field import reproduce as engine

    known = engine.load_paper(paper, targets=targets)
    if ids:
        known = known.only(ids)
    number = engine.QUICK if quick else dishes or engine.DISHES
    drawn = engine.chosen_views(known, number, (1,) if quick else views)
    folder = output or Path(f"{paper}{'-quick' if quick else ''}-seed{seed}")
    suffix = "".join(f"-{one}" for one in ids)
    total = len(engine.plan(known, dishes=number, views=drawn, seed=seed))
    if not quiet and scheduler is None:
        announce_compilation()
    done = 0
    try:
        with shown_progress("dishes", total, quiet=quiet) as advance:

            def progress(more: int) -> None:
                nonlocal done
                done += more
                advance(done, f"{done} of {total}")

            report = engine.reproduce(
                known, folder, dishes=number, views=drawn, directions_only=quick, seed=seed,
                scheduler=scheduler, workers=workers, progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt as end:
        kept = len(list((folder / "runs").glob("*.nc")))
        fail_interrupted(
            end,
            f"{folder} keeps {kept} finished dishes; the same command goes on.",
        )
    from sdf1_field.api.reporting import write_report

    write_report(report, folder, suffix=suffix, command=["sdf1-field", *sys.argv[1:]])
    if as_json:
        say(json.dumps(engine.as_json(report), indent=2))
    else:
        _print_report(report)
        say(
            f"\n{folder}: table{suffix}.md, claims{suffix}.json, readings{suffix}.csv, "
            f"figures{suffix}, runs.csv"
        )
    for failure in report.failures:
        d = failure.dish
        say(f"sdf1-field: {d.model}, seed {d.seed}: {failure.message}", err=True)
    if report.failures:
        fail(
            f"{len(report.failures)} of {total} dishes failed, and pools are judged without "
            "them. The same command tries them again.",
            1,
        )


def _print_report(report: "Report") -> None:
    """Every claim with its statements, then all verdicts."""
    from sdf1_field.judging import tables
    from sdf1_field.reproduce import tables as own

    say(report.paper.citation)
    for found in report.found:
        claim = found.claim
        say(f"\n{claim.id}: {claim.says}\n{tables.role(claim)}\n{found.verdict}")
        print_table(tables.statement_rows(found), tables.STATEMENTS)
        say(tables.chance_line(found))
        if line := own.others_line(claim):
            say(line)
        for line in tables.digitised_lines(found):
            say(line)
    say()
    print_table([own.short_summary_row(found) for found in report.found], own.SHORT_SUMMARY)
    for line in (
        tables.weights_line(report.weights),
        tables.joint_line(report.joint),
        own.notes(report),
    ):
        if line:
            say(f"\n{line}")
