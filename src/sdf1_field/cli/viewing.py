"""The command view."""

from contextlib import ExitStack
from pathlib import Path

import click

from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.printing import say
from sdf1_field.errors import InputError


@click.command(
    cls=ExampleCommand,
    examples="""
    # a page that plays the run
    sdf1-field view run.nc -o run.html

    # two dishes side by side
    sdf1-field view run.nc drug.nc -o both.html
    """,
)
@click.argument(
    "runs", nargs=-1, required=True, metavar="RUN.nc [OTHER.nc ...] | FOLDER",
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

    Of a folder that `reproduce`, `calibrate` or `sweep` wrote it shows the claims with their
    chances and the simulated experiments behind them, the calibrated parameters, or the curve.
    """
    from sdf1_field.api.runs import Run
    from sdf1_field.api.viewing import require_page, view_folder, view_runs
    from sdf1_field.cli.progress import shown_phases
    from sdf1_field.record import open_run, unfinished

    if any(run.is_dir() and unfinished(run) is None for run in runs):
        if len(runs) > 1:
            raise InputError("view: a folder has a page of its own. Give one folder, or run files.")
        say(view_folder(runs[0], output, force=force))
        return
    path = output or (unfinished(runs[0]) or runs[0]).with_suffix(".html")
    require_page(path, force=force)
    with ExitStack() as files:
        opened = [files.enter_context(Run(open_run(run, interrupted=True), run)) for run in runs]
        with shown_phases(quiet=quiet) as report:
            view_runs(opened, path, size=size, force=force, report=report)
    say(path)
