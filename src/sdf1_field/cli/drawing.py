"""The command plot."""

from pathlib import Path

import click

from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.options import run_argument, time_of


@click.command(
    cls=ExampleCommand,
    examples="""
    # the dish at the end
    sdf1-field plot run.nc -o run.png

    # CCL2 at 4 h
    sdf1-field plot run.nc --at "4 h" --ligand CCL2 -o ccl2.png
    """,
)
@run_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Picture to write; RUN.png if not given.",
)
@click.option(
    "--at", "at", metavar="TIME", help="What time to show, such as '4 h'; the end if not given."
)
@click.option(
    "--ligand", metavar="NAME", help="Which field to show, such as SDF-1; the first if not given."
)
@click.option("--force", is_flag=True, help="Replace an existing picture.")
def plot(run: Path, output: Path | None, at: str | None, ligand: str | None, force: bool) -> None:
    """Draw the floor with bodies, network, cells and fold changes; without MSC, the tracks.

    A stroma alone is drawn with its network, or with its chemokines and their secretion.
    """
    from sdf1_field.api.runs import Run
    from sdf1_field.record import open_run

    path = output or run.with_suffix(".png")
    with Run(open_run(run, interrupted=True), run) as opened:
        opened.plot(path, at=None if at is None else time_of(at), ligand=ligand, force=force)
    click.echo(path)
