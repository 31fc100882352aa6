"""The command plot."""

from pathlib import Path

import click

from sdf1_field.cli.options import run_argument, time_of
from sdf1_field.errors import InputError


@click.command()
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
@click.option("--ligand", help="Which field to show; the first if not given.")
@click.option("--force", is_flag=True, help="Replace an existing picture.")
def plot(run: Path, output: Path | None, at: str | None, ligand: str | None, force: bool) -> None:
    """Draw the floor with bodies, network, cells and fold changes; without MSC, the tracks.

    A stroma alone is drawn with its network, or with what it makes and secretes.
    """
    from sdf1_field.record import open_run

    path = output or run.with_suffix(".png")
    with open_run(run) as opened:
        if path.exists() and not force:
            raise InputError(
                f"{path}: exists already. Choose another name with -o, or use --force."
            )
        from sdf1_field.figures import plot_run

        figure = plot_run(opened, time=None if at is None else time_of(at), ligand=ligand)
    try:
        figure.savefig(path, dpi=150)
    except ValueError as error:
        raise InputError(f"{path}: {error}. Give a name that ends in .png, .pdf or .svg.") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}. Choose another place with -o.") from None
    click.echo(path)
