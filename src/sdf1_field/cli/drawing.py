"""The command plot."""

from pathlib import Path

import click

from sdf1_field.cli.options import run_argument, time_of
from sdf1_field.errors import InputError

_SUFFIXES = (".png", ".pdf", ".svg", ".jpg", ".tif", ".eps")
"""Of the pictures that can be written."""


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
@click.option(
    "--ligand", metavar="NAME", help="Which field to show, such as SDF-1; the first if not given."
)
@click.option("--force", is_flag=True, help="Replace an existing picture.")
def plot(run: Path, output: Path | None, at: str | None, ligand: str | None, force: bool) -> None:
    """Draw the floor with bodies, network, cells and fold changes; without MSC, the tracks.

    A stroma alone is drawn with its network, or with what it makes and secretes.
    """
    from sdf1_field.record import model_of, open_run

    path = output or run.with_suffix(".png")
    with open_run(run) as opened:
        _require_writable(path, force=force)
        from sdf1_field.figures import plot_run
        from sdf1_field.spec import ligand_named

        spec = model_of(opened).spec
        if ligand is not None:
            labels = {name: spec.ligand[name].label for name in spec.solved_ligands}
            ligand = ligand_named(ligand, labels)
        figure = plot_run(opened, time=None if at is None else time_of(at), ligand=ligand)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}. Choose another place with -o.") from None
    click.echo(path)


def _require_writable(path: Path, *, force: bool) -> None:
    """Raise InputError, before anything is drawn, if a picture cannot have a name."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder. Give the name of a picture, such as run.png.")
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(
            f"{path}: not the name of a picture. Give one that ends in {', '.join(_SUFFIXES)}."
        )
    if path.exists() and not force:
        raise InputError(f"{path}: exists already. Choose another name with -o, or use --force.")
