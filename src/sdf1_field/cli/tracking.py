"""The commands tracks and export: tracks from other programs' files, and a run for them."""

import json
from collections.abc import Mapping
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
    run_argument,
    time_of,
)
from sdf1_field.cli.printing import say
from sdf1_field.errors import InputError, refuse_inputs

_FORMATS = ("trackmate-xml", "trackmate-csv", "geff", "csv", "mask", "imagej", "ome-tiff")
"""As `interop.SUFFIXES` and `interop.PICTURES`, which need NumPy."""


@click.command(
    cls=ExampleCommand,
    examples=r"""
    # speed, persistence and directions, with a picture
    sdf1-field tracks cells.xml -o directions.png

    # do cells head for MSC and networks?
    sdf1-field tracks cells.xml --towards mask.tif \
        --labels free=0,msc=1,network=2
    """,
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--against",
    metavar="CONTROL",
    type=click.Path(path_type=Path),
    help="Tracks of a control: Mann-Whitney U test on speeds of tracks from frame to frame.",
)
@pixel_size_option(
    "files that are not calibrated, such as '0.65 um'; with --field also of the picture of "
    "TrackMate's CSV, whose places are from the centre of its first pixel"
)
@click.option(
    "--frame-interval",
    metavar="TIME",
    help="Of a file that is not calibrated, such as '2 min'.",
)
@columns_option
@click.option(
    "--along",
    default="x",
    show_default=True,
    metavar="DIRECTION",
    help="Direction of forward migration: x, -x, y, -y, or degrees from x towards y. In images y "
    "points down.",
)
@click.option(
    "--towards",
    metavar="MASK",
    type=click.Path(path_type=Path),
    help="Score FILE's tracks on the direction to the nearest pixel of each region of a mask (TIFF "
    "of labels, or outlines of ImageJ, .roi or .zip) of the same picture.",
)
@labels_option
@image_size_option
@planes_option
@click.option(
    "--field",
    metavar="RUN.nc",
    type=click.Path(path_type=Path),
    help="Score FILE's tracks on the gradient of a ligand that a run has saved.",
)
@click.option("--ligand", metavar="NAME", help="Of the gradient; that of CXCR4 if not given.")
@click.option(
    "--start",
    metavar="TIME",
    help="When in the run the first frame is, such as '4 h'; 0 h, when cells are added, if not "
    "given (a run's own tracks know it).",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Picture to write: tracks from one origin, rose of directions, square displacements.",
)
@click.option("--force", is_flag=True, help="Replace an existing picture.")
@json_option
def tracks(
    file: Path,
    against: Path | None,
    pixel_size: str | None,
    frame_interval: str | None,
    columns: tuple[str, ...],
    along: str,
    towards: Path | None,
    labels: str | None,
    image_size: str | None,
    planes: tuple[str, ...],
    field: Path | None,
    ligand: str | None,
    start: str | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Measure how tracked cells move: speed, persistence, turning, direction.

    FILE is TrackMate's XML or CSV, its exported tracks, any table of spots, GEFF, or a run file.
    """
    of_mask = {"--labels": labels, "--image-size": image_size, "--plane": planes}
    _require_for("--towards", towards, of_mask)
    _require_for("--field", field, {"--ligand": ligand, "--start": start})

    from sdf1_field.api.options import planes_of
    from sdf1_field.api.pictures import require_picture, save_picture
    from sdf1_field.api.tracking import direction_of, load_tracks
    from sdf1_field.cli.tables.tracks import print_tracks
    from sdf1_field.interop import column_names

    direction_of(along)
    refuse_inputs(output, file, against, towards, field)
    if output is not None:
        require_picture(output, force=force)
    named = column_names(columns)
    paths = [file] if against is None else [file, against]
    read = load_tracks(
        paths, pixel_size=pixel_size, frame_interval=frame_interval, columns=named,
        towards=towards, labels=labels, planes=planes_of(planes), image_size=image_size,
        placed=field is not None,
    )  # fmt: skip
    own, control = read[0], read[1] if len(read) > 1 else None
    if field is not None:
        own = own.up_gradient(field, ligand=ligand, start=start)
    table = own.table(control, along=along)
    if output is not None:
        save_picture(own.plot(control, along=along), output)
    if as_json:
        say(json.dumps(table, indent=2))
        return
    print_tracks(table)
    if output is not None:
        say(output)


def _require_for(option: str, value: object, own: Mapping[str, object]) -> None:
    """Raise InputError if options are given without the one that they belong to."""
    for name, given in own.items():
        if given and value is None:
            raise InputError(f"{name}: belongs to {option}, which is not given. Omit it.")


@click.command(
    cls=ExampleCommand,
    examples=r"""
    # tracks for TrackMate
    sdf1-field export run.nc --to trackmate-xml --pixel-size "0.65 um" \
        -o cells.xml

    # regions at 4 h as a mask of labels
    sdf1-field export run.nc --to mask --at "4 h" --pixel-size "0.65 um" \
        -o mask.tif
    """,
)
@run_argument
@click.option(
    "--to",
    "to",
    type=click.Choice(_FORMATS),
    required=True,
    help="Tracks as TrackMate's XML or table of spots, GEFF, or a plain table; regions as a mask; "
    "fields, regions and cells as a hyperstack of ImageJ or as OME-TIFF. Micrometres and seconds.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write; RUN with the format's usual end if not given.",
)
@click.option(
    "--at",
    "at",
    multiple=True,
    metavar="TIME",
    help="Only this time, such as '4 h'; several for imagej and ome-tiff. All evenly spaced frames "
    "if not given; the last for a mask.",
)
@pixel_size_option(
    "a mask, such as '0.65 um', and of the TrackMate files that go with it: regions are painted "
    "anew. Else that of the grid's cells, or of a drawn scene"
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
def export(
    run: Path,
    to: str,
    output: Path | None,
    at: tuple[str, ...],
    pixel_size: str | None,
    force: bool,
) -> None:
    """Write a run's tracks, regions or fields for another program, such as Fiji."""
    from sdf1_field.api.exporting import export as write

    times = [time_of(text) for text in at] or None
    say(write(run, to, output, at=times, pixel_size=pixel_size, force=force))
