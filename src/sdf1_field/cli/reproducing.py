"""The command reproduce, and its report."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdf1_field.cli.options import json_option
from sdf1_field.cli.program import INTERRUPTED, fail
from sdf1_field.cli.progress import announce_compilation, shown_progress
from sdf1_field.cli.tables import print_table
from sdf1_field.errors import InputError

if TYPE_CHECKING:
    from sdf1_field.reproduce import Report


@click.command()
@click.argument("paper")
@click.option(
    "--experiments",
    type=click.IntRange(min=1),
    help="Number of simulated experiments.  [default: 20]",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Three experiments (without --experiments).",
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
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one a core if not given.")
@click.option("--scheduler", metavar="ADDRESS", help="Of a running Dask scheduler to use instead.")
@click.option("--quiet", is_flag=True, help="Show no progress, only the report and errors.")
@json_option
def reproduce(
    paper: str,
    experiments: int | None,
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
    """Test every claim of a paper against many simulated experiments.

    Finished dishes are kept in DIR, and the same command goes on where it was stopped.
    """
    if quick and experiments is not None:
        raise InputError("--quick and --experiments: they exclude each other. Leave one out.")
    if workers is not None and scheduler is not None:
        raise InputError("--workers and --scheduler: the scheduler has its workers. Leave one out.")
    from sdf1_field import reproduce as engine

    known = engine.load_paper(paper, targets=targets)
    if ids:
        known = known.only(ids)
    number = engine.QUICK if quick else experiments or engine.EXPERIMENTS
    folder = output or Path(f"{paper}{'-quick' if quick else ''}-seed{seed}")
    suffix = "".join(f"-{one}" for one in ids)
    dishes = len(engine.plan(known, experiments=number, seed=seed))
    if not quiet and scheduler is None:
        announce_compilation()
    done = 0
    try:
        with shown_progress("dishes", dishes, quiet=quiet) as advance:

            def progress(more: int) -> None:
                nonlocal done
                done += more
                advance(done, f"{done} of {dishes}")

            report = engine.reproduce(
                known, folder, experiments=number, seed=seed, scheduler=scheduler,
                workers=workers, progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        kept = len(list((folder / "runs").glob("*.nc")))
        fail(
            f"interrupted. {folder} keeps {kept} finished dishes; the same command goes on.",
            INTERRUPTED,
        )
    from sdf1_field.api.reporting import write_report

    write_report(report, folder, suffix=suffix)
    if as_json:
        click.echo(json.dumps(engine.as_json(report), indent=2))
    else:
        _print_report(report)
        click.echo(f"\n{folder}: table{suffix}.md, claims{suffix}.json, figures{suffix}, runs.csv")
    for failure in report.failures:
        d = failure.dish
        click.echo(f"sdf1-field: {d.model}, seed {d.seed}: {failure.message}", err=True)
    if report.failures:
        fail(
            f"{len(report.failures)} of {dishes} dishes failed, and experiments are judged without "
            "theirs. The same command tries them again.",
            1,
        )


def _print_report(report: "Report") -> None:
    """Every claim with its statements, then all verdicts."""
    from sdf1_field.reproduce import tables

    click.echo(report.paper.citation)
    for levels in report.found:
        claim = levels[0].claim
        click.echo(f"\n{claim.id}: {claim.says}\n{tables.role(claim)}")
        click.echo(tables.verdict_text(levels))
        print_table(tables.statement_rows(levels[0]), tables.STATEMENTS)
        for line in tables.digitised_lines(levels[0]):
            click.echo(line)
    click.echo()
    print_table([tables.summary_row(levels) for levels in report.found], tables.SUMMARY)
    click.echo(f"\n{tables.NOTES.format(experiments=report.experiments)}")
