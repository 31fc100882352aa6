"""The command plot."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdf1_field.api.groups import GROUP_FIGURES
from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.figure_options import field_option, inset_option, page_options, range_option
from sdf1_field.cli.options import time_of
from sdf1_field.cli.printing import say
from sdf1_field.errors import InputError, refuse_inputs

if TYPE_CHECKING:
    from sdf1_field.figures.paper import Page

_GROUP = "--group"


class _ManyInAGroup(ExampleCommand):
    """A command whose option --group takes any number of files, up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option and its name for each file, as click takes a fixed number of values."""
        return super().parse_args(ctx, one_in_each(args))


def one_in_each(words: Sequence[str]) -> list[str]:
    """Words of a command line with one --group for each file of a group.

    Examples
    --------
    >>> one_in_each(["--group", "drug", "b.nc", "c.nc", "-o", "figure.png"])
    ['--group', 'drug', 'b.nc', '--group', 'drug', 'c.nc', '-o', 'figure.png']
    """
    found: list[str] = []
    rest, names = list(words), set()
    while rest:
        word = rest.pop(0)
        if word != _GROUP or not rest:
            found.append(word)
            continue
        name = rest.pop(0)
        files = []
        while rest and not rest[0].startswith("-"):
            files.append(rest.pop(0))
        if not files:
            raise InputError(
                f"{_GROUP} {name}: names no run. Write {_GROUP} NAME RUN.nc, with one run or more."
            )
        if name in names:
            raise InputError(
                f"{_GROUP} {name}: is given twice. Write all dishes of a group behind its name "
                f"once, {_GROUP} NAME RUN.nc RUN.nc, or give the other group another name."
            )
        names.add(name)
        found += [part for file in files for part in (_GROUP, name, file)]
    return found


@click.command(
    cls=_ManyInAGroup,
    examples="""
    # the dish at 4 h, and the CCL2 in it, for a column of a journal
    sdf1-field plot run.nc --at "4 h" --ligand CCL2 --width "85 mm" -o dish.pdf

    # fold changes of groups of dishes; here of one each
    sdf1-field plot --group control run.nc --group AMD3100 drug.nc -o groups.png
    """,
)
@click.argument("runs", metavar="[RUN.nc...]", type=click.Path(path_type=Path), nargs=-1)
@click.option(
    _GROUP,
    "groups",
    type=(str, click.Path(path_type=Path)),
    multiple=True,
    metavar="NAME RUN.nc...",
    help="Dishes of a group, instead of RUN.nc. Repeat it for each group, with another name; the "
    "first is the control, with which the others are compared as by analyse --against.",
)
@click.option(
    "--show",
    type=click.Choice(tuple(GROUP_FIGURES)),
    help="Figure of several dishes, or of groups. "
    + " ".join(f"{name}: {figure.help}." for name, figure in GROUP_FIGURES.items()),
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Picture to write (.png, .pdf, .svg, ...); RUN.png if not given, of several RUN-SHOW.png.",
)
@click.option(
    "--at",
    "at",
    multiple=True,
    metavar="TIME",
    help="What time to show, such as '4 h'; the end if not given, and of fold changes 4 and 12 h. "
    "May be repeated for these.",
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
@click.option(
    "--tracks",
    type=click.IntRange(min=1),
    help="Tracks of each group in a rose at most; 30 if not given.",
)
@page_options
@click.option("--force", is_flag=True, help="Replace an existing picture.")
def plot(
    runs: tuple[Path, ...],
    groups: tuple[tuple[str, Path], ...],
    show: str | None,
    output: Path | None,
    at: tuple[str, ...],
    ligand: str | None,
    field: str | None,
    ranges: tuple[str, ...],
    inset: str | None,
    part: str | None,
    tracks: int | None,
    page: "Page",
    force: bool,
) -> None:
    """Draw the floor with bodies, network, cells and fold changes; without MSC, the tracks.

    A stroma alone is drawn with its network, or with its chemokines and their secretion. Several
    runs are dishes of one experiment: a dot for each, their mean and S.D., or what --show names.
    """
    files = _files(runs, groups)
    alone = len(runs) == 1 and show is None
    first = next(iter(files.values()))[0]
    name = f"{first.stem}.png" if alone else f"{first.stem}-{show or 'groups'}.png"
    path = output or first.with_name(name)
    times = [time_of(text) for text in at] or None
    of_one_run: dict[str, Any] = {"field": field, "ranges": ranges, "inset": inset, "part": part}
    _require_sense(of_one_run, tracks, times, alone=alone)

    from sdf1_field.api.pictures import require_picture

    require_picture(path, force=force)

    from contextlib import ExitStack

    from sdf1_field.api.groups import plot_groups
    from sdf1_field.api.runs import Run
    from sdf1_field.record import open_run

    refuse_inputs(path, *(file for own in files.values() for file in own))
    with ExitStack() as stack:
        opened = {
            group: [
                stack.enter_context(Run(open_run(file, interrupted=True), file)) for file in own
            ]
            for group, own in files.items()
        }
        if alone:
            opened[""][0].plot(
                path, at=None if times is None else times[0], ligand=ligand, **of_one_run,
                page=page, force=force,
            )  # fmt: skip
        else:
            plot_groups(
                opened, path, show=show, at=times, ligand=ligand, tracks=tracks, page=page,
                force=force,
            )  # fmt: skip
    say(path)


def _require_sense(
    of_one_run: dict[str, Any], tracks: int | None, times: Sequence[float] | None, *, alone: bool
) -> None:
    """Raise InputError if an option has no effect on a picture of one run, or of several."""
    if alone and tracks is not None:
        raise InputError("--tracks: is of a rose. Omit it, or use --show rose.")
    if alone and times is not None and len(times) > 1:
        raise InputError("--at: a picture of one run shows one time. Give one.")
    given = [name for name, value in of_one_run.items() if value]
    if given and not alone:
        raise InputError(
            f"--{given[0].removesuffix('s')}: is of the picture of one run. Omit it, or draw the "
            "runs one by one without --show."
        )


def _files(runs: tuple[Path, ...], groups: tuple[tuple[str, Path], ...]) -> dict[str, list[Path]]:
    """Run files by group; without groups, of one without name."""
    if runs and groups:
        raise InputError(
            f"{_GROUP}: takes the place of RUN.nc, and {runs[0]} is of no group. Put it behind "
            f"{_GROUP} and a name, or omit {_GROUP}."
        )
    if not groups:
        if not runs:
            raise InputError(
                f"plot: names no run. Give RUN.nc, or {_GROUP} NAME RUN.nc for each group."
            )
        return {"": list(runs)}
    files: dict[str, list[Path]] = {}
    for name, file in groups:
        if not name.strip() or name != name.strip():
            raise InputError(
                f"{_GROUP}: '{name}' is no name of a group. Write one without space around it, "
                "such as control."
            )
        files.setdefault(name, []).append(file)
    return files
