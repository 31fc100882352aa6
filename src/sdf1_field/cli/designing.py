"""The command design, and its report."""

import json
from pathlib import Path

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

_MINUTE = 60.0


@click.command(
    cls=ExampleCommand,
    examples=r"""
    # a quick look at two candidates and two laws
    sdf1-field design --quick --only preincubated --only amd3100-3um \
        --law "all pieces" --law "no adaptation"

    # all candidates, laws weighed by how well they explain the paper
    sdf1-field design deniz2023 --weights evidence -o next
    """,
)
@click.argument("paper", default="deniz2023")
@click.option(
    "--candidates", "own", type=click.Path(path_type=Path), metavar="FILE",
    help="File with further candidates, as TOML.",
)  # fmt: skip
@click.option(
    "--only", multiple=True, metavar="ID", help="A candidate to rank. May be repeated."
)  # fmt: skip
@click.option(
    "--law", "laws", multiple=True, metavar="NAME",
    help="A law that may hold, instead of all. May be repeated.",
)  # fmt: skip
@click.option(
    "--weights", type=click.Choice(["even", "evidence"]), default="even", show_default=True,
    help="Probability of the laws before: alike, or by how well they explain the paper.",
)  # fmt: skip
@click.option(
    "-n",
    "--experiments",
    type=int,
    metavar="N",
    help="Experiments, instead of the candidates' own.",
)
@click.option(
    "--views", type=click.IntRange(min=1), metavar="N",
    help="Views of each experiment and condition, instead of the candidates' own.",
)  # fmt: skip
@click.option(
    "--draws", type=click.IntRange(min=3), metavar="N",
    help="Draws of each law's posterior.  [default: 16, 6 with --quick]",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Few draws and dishes: a look, which decides little.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Where replays, tables and the figure go.  [default: PAPER-design, PAPER-design-quick]",
)  # fmt: skip
@click.option(
    "--force", is_flag=True,
    help="Replace results of another question that DIR holds; what was replayed is kept.",
)  # fmt: skip
@processes_options
@click.option("--quiet", is_flag=True, help="Show no progress, only the report and errors.")
@json_option
def design(
    paper: str,
    own: Path | None,
    only: tuple[str, ...],
    laws: tuple[str, ...],
    weights: str,
    experiments: int | None,
    views: int | None,
    draws: int | None,
    quick: bool,
    output: Path | None,
    force: bool,
    workers: int | None,
    scheduler: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Rank experiments by what they would tell about the mechanism, for each dish.

    Finished replays are kept in DIR, and the same command goes on where it was stopped.
    """
    require_one_of_processes(workers, scheduler)
    from sdf1_field.studies import design as studies
    from sdf1_field.studies import design_report as report

    question = studies.asked(
        paper, only=only, own=own, laws=laws, weights=weights, experiments=experiments,
        views=views, sizes=studies.sizes_of(quick=quick, draws=draws),
    )  # fmt: skip
    folder = output or studies.default_folder(paper, quick=quick)
    report.require_folder(folder, question, force=force)
    if not quiet:
        minutes = question.expected_seconds / _MINUTE
        say(
            f"{len(question.conditions)} conditions under {len(question.laws)} laws, "
            f"{question.sizes.draws} draws of each: about {minutes:.1f} min of processor time, "
            f"less what {folder} holds",
            err=True,
        )
        if scheduler is None:
            announce_compilation()
    try:
        with shown_phases(quiet=quiet) as advance:
            found = studies.studied(
                question, folder, scheduler=scheduler, workers=workers, progress=advance
            )
    except KeyboardInterrupt as end:
        fail_interrupted(end, f"{folder} keeps finished replays; the same command goes on.")
    report.write_study(found, folder)
    if as_json:
        say(json.dumps(report.as_json(found), indent=2))
        return
    print_table(report.rows(found), report.HEADER)
    say(f"\n{report.NOTES}\n\n{report.question_line(question)}\n")
    for one in found.ranking:
        say(report.readout_line(question, one))
    say(f"\n{report.recommendation(found)}\n\n{folder}: {', '.join(report.FILES)}")
