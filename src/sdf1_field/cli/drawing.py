"""The command plot."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdf1_field.cli.figure_options import field_option, inset_option, page_options, range_option
from sdf1_field.cli.options import run_argument, time_of

if TYPE_CHECKING:
    from sdf1_field.figures.paper import Page


@click.command()
@run_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Picture to write (.png, .pdf, .svg, ...); RUN.png if not given.",
)
@click.option(
    "--at", "at", metavar="TIME", help="What time to show, such as '4 h'; the end if not given."
)
@click.option(
    "--ligand", metavar="NAME", help="Which ligand to show, such as SDF-1; the first if not given."
)
@field_option
@range_option
@inset_option
@click.option(
    "--part",
    type=click.Choice(["floor", "routes"]),
    help="Of a stroma whose cargo is followed: its field and vesicles on the floor, or its routes "
    "of release. Both in one picture if not given; with --width the floor.",
)
@page_options
@click.option("--force", is_flag=True, help="Replace an existing picture.")
def plot(
    run: Path,
    output: Path | None,
    at: str | None,
    ligand: str | None,
    field: str | None,
    ranges: tuple[str, ...],
    inset: str | None,
    part: str | None,
    page: "Page",
    force: bool,
) -> None:
    """Draw the floor with bodies, network, cells and fold changes; without MSC, the tracks.

    A stroma alone is drawn with its network, or with its chemokines and their secretion.
    """
    from sdf1_field.api.runs import Run
    from sdf1_field.record import open_run

    path = output or run.with_suffix(".png")
    time = None if at is None else time_of(at)
    with Run(open_run(run, interrupted=True), run) as opened:
        opened.plot(
            path, at=time, ligand=ligand, field=field, ranges=ranges, inset=inset, part=part,
            page=page, force=force,
        )  # fmt: skip
    click.echo(path)
