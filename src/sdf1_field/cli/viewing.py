"""The command view."""

from contextlib import ExitStack
from pathlib import Path

import click

from sdf1_field.cli.examples import ExampleCommand


@click.command(
    cls=ExampleCommand,
    examples="""
    # one run
    sdf1-field view run.nc -o run.html

    # two runs side by side
    sdf1-field view run.nc drug.nc -o both.html
    """,
)
@click.argument(
    "runs", nargs=-1, required=True, metavar="RUN.nc [OTHER.nc ...]",
    type=click.Path(path_type=Path),
)  # fmt: skip
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Page to write; RUN.html if not given.",
)
@click.option(
    "--size", metavar="MB", type=click.FloatRange(min=0.1),
    help="Largest page; larger runs are thinned out to it, which the page says. 20 if not given.",
)  # fmt: skip
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option("--force", is_flag=True, help="Replace an existing page.")
def view(
    runs: tuple[Path, ...], output: Path | None, size: float | None, quiet: bool, force: bool
) -> None:
    """Make an offline page that plays a run, or several side by side, in any browser.

    It shows fields, stroma and cells over time, values under the pointer, and a cell's states. The
    page is one file without any request to the network.
    """
    from sdf1_field.api.runs import Run
    from sdf1_field.api.viewing import require_page, view_runs
    from sdf1_field.cli.progress import shown_phases
    from sdf1_field.record import open_run

    path = output or runs[0].with_suffix(".html")
    require_page(path, force=force)
    with ExitStack() as files:
        opened = [files.enter_context(Run(open_run(run, interrupted=True), run)) for run in runs]
        with shown_phases(quiet=quiet) as report:
            view_runs(opened, path, size=size, force=force, report=report)
    click.echo(path)
