"""The command measure: cells on a segmented picture of a dish."""

import json
from pathlib import Path

import click

from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.options import (
    columns_option,
    image_size_option,
    json_option,
    labels_option,
    pixel_size_option,
    planes_option,
)
from sdf1_field.cli.printing import say
from sdf1_field.errors import InputError, refuse_inputs

_PATH = click.Path(path_type=Path)


@click.command(
    cls=ExampleCommand,
    examples=r"""
    # fold changes on a segmented picture; frame 16 is at 4 h
    sdf1-field measure mask.tif cells.xml --frame 16 \
        --labels free=0,msc=1,network=2

    # the same beside a simulated dish
    sdf1-field measure mask.tif cells.xml --frame 16 \
        --labels free=0,msc=1,network=2 \
        --after "4 h" --against run.nc -o measured.png
    """,
)
@click.argument("dish", metavar="[MASK CELLS]", type=_PATH, nargs=-1)
@click.option(
    "--group",
    "groups",
    type=(str, _PATH, _PATH),
    multiple=True,
    metavar="NAME MASK CELLS",
    help="A dish of a group, instead of MASK CELLS. Repeat it for each dish; the first group is "
    "the control, with which the others are compared by an unpaired t test over dishes.",
)
@labels_option
@pixel_size_option("a mask that is not calibrated, such as '0.65 um'")
@image_size_option
@planes_option
@click.option(
    "--frame",
    type=click.IntRange(min=0),
    help="Frame of the cells, if they are in several; from 0.",
)
@columns_option
@click.option(
    "--cells-in",
    type=click.Choice(("um", "px")),
    help="Unit of a table whose columns name none; from the picture's corner.",
)
@click.option(
    "--count-by",
    type=click.Choice(("pixel", "table")),
    default="pixel",
    show_default=True,
    help="A cell is in the region of the pixel under its centre, or in that which its file names.",
)
@click.option(
    "--diameter", metavar="LENGTH", help="Of the cells, such as '12 um' (KG-1a, if not given)."
)
@click.option(
    "--after",
    metavar="TIME",
    help="How long the cells have been in the dish, such as '4 h': for the encounter limit.",
)
@click.option(
    "--speed",
    metavar="SPEED",
    help="Of the cells, such as '3 um/min', for the encounter limit; that of their tracks over "
    "free surface if not given.",
)
@click.option(
    "--persistence",
    metavar="TIME",
    help="Of the cells' walk, such as '5 min'; that of their tracks, else of KG-1a.",
)
@click.option(
    "--frame-interval", metavar="TIME", help="Of tracks that are not calibrated, such as '2 min'."
)
@click.option(
    "--against",
    type=_PATH,
    metavar="RUN.nc",
    help="A simulated dish to set beside the observed ones, at the saved time nearest to --after, "
    "else the last.",
)
@click.option(
    "-o",
    "--output",
    type=_PATH,
    help="Picture to write: regions with outlines, and cells; with --against fold changes too.",
)
@click.option("--force", is_flag=True, help="Replace an existing picture.")
@json_option
def measure(
    dish: tuple[Path, ...],
    groups: tuple[tuple[str, Path, Path], ...],
    labels: str | None,
    pixel_size: str | None,
    image_size: str | None,
    planes: tuple[str, ...],
    frame: int | None,
    columns: tuple[str, ...],
    cells_in: str | None,
    count_by: str,
    diameter: str | None,
    after: str | None,
    speed: str | None,
    persistence: str | None,
    frame_interval: str | None,
    against: Path | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Count cells by region on a segmented picture: densities and fold changes.

    MASK is a TIFF of labels, or outlines of ImageJ (.roi, .zip). CELLS are TrackMate's XML or CSV,
    a table with x and y, or points of ImageJ (.roi, .zip).
    """
    pairs = _pairs(dish, groups)

    from sdf1_field.api.measuring import measure_groups
    from sdf1_field.api.options import planes_of
    from sdf1_field.api.pictures import require_picture, save_picture
    from sdf1_field.cli.tables.measured import print_measured
    from sdf1_field.interop import column_names

    refuse_inputs(
        output, against, *(path for dishes in pairs.values() for files in dishes for path in files)
    )
    if output is not None:
        require_picture(output, force=force)
    measured = measure_groups(
        pairs, labels=labels, pixel_size=pixel_size, planes=planes_of(planes), frame=frame,
        image_size=image_size,
        frame_interval=frame_interval, columns=column_names(columns), cells_in=cells_in,
        count_by=count_by,
    )  # fmt: skip
    table = measured.table(
        diameter=diameter, after=after, speed=speed, persistence=persistence, against=against
    )
    if output is not None:
        save_picture(measured.plot(table), output)
    if as_json:
        say(json.dumps(table, indent=2))
        return
    print_measured(table)
    if output is not None:
        say(output)


def _pairs(
    dish: tuple[Path, ...], groups: tuple[tuple[str, Path, Path], ...]
) -> dict[str, list[tuple[Path, Path]]]:
    """Mask and cells of each dish by group."""
    if dish and groups:
        raise InputError("--group: takes the place of MASK CELLS. Give the one or the other.")
    if not groups:
        if len(dish) != 2:
            raise InputError(
                "measure: needs MASK and CELLS of a dish, or --group NAME MASK CELLS for each of "
                f"several; {len(dish)} files are given. See sdf1-field measure --help."
            )
        return {"": [(dish[0], dish[1])]}
    pairs: dict[str, list[tuple[Path, Path]]] = {}
    for name, mask, cells in groups:
        if not name.strip() or name != name.strip():
            raise InputError(
                f"--group: '{name}' is no name of a group. Write one without space around it, such "
                "as control."
            )
        pairs.setdefault(name, []).append((mask, cells))
    return pairs
