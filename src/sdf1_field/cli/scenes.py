"""The command scene: a dish to be solved, from its segmented image."""

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
from sdf1_field.errors import refuse_inputs

_PATH = click.Path(path_type=Path)


@click.command(
    cls=ExampleCommand,
    examples=r"""
    # a preview
    sdf1-field scene mask.tif --labels free=0,msc=1,network=2

    # the scene, and a picture of it
    sdf1-field scene mask.tif --labels free=0,msc=1,network=2 \
        -o my-scene.nc --picture my-scene.png
    """,
)
@click.argument("mask", metavar="MASK", type=_PATH)
@labels_option
@click.option(
    "--migrasomes",
    type=_PATH,
    help="Migrasomes seen in the image: TrackMate's XML or CSV, a table with x and y, or points "
    "of ImageJ. Without it they lie at random in the network when the model is solved.",
)
@click.option(
    "--bodies",
    type=click.Choice(("labels", "pieces")),
    help="A body is a label of MSC, or a group of its pixels that touch by a side or a corner. "
    "[default: labels if there are several, else pieces; must be given if half of several labels "
    "are in pieces]",
)
@pixel_size_option("a mask that is not calibrated, such as '0.65 um'")
@image_size_option
@planes_option
@click.option(
    "--frame",
    type=click.IntRange(min=0),
    help="Frame of the migrasomes, if they are in several; from 0.",
)
@columns_option
@click.option(
    "--spots-in",
    "--cells-in",
    "spots_in",
    type=click.Choice(("um", "px")),
    help="Unit of a table whose columns name none; from the picture's corner.",
)
@click.option(
    "--model",
    metavar="MODEL",
    default="coculture-kg1a",
    show_default=True,
    help="Model whose grid and density of migrasomes the preview is for.",
)
@click.option("-o", "--output", type=_PATH, help="Scene to write, such as my-scene.nc.")
@click.option("--picture", type=_PATH, help="Picture to write: regions, bodies and migrasomes.")
@click.option("--force", is_flag=True, help="Replace existing files.")
@json_option
def scene(
    mask: Path,
    labels: str | None,
    migrasomes: Path | None,
    bodies: str | None,
    pixel_size: str | None,
    image_size: str | None,
    planes: tuple[str, ...],
    frame: int | None,
    columns: tuple[str, ...],
    spots_in: str | None,
    model: str,
    output: Path | None,
    picture: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Make a scene of a segmented image, so that a model can be solved in your own dish.

    MASK is a TIFF of labels, or outlines of ImageJ (.roi, .zip). Without -o the scene is only
    previewed. Solve it with: sdf1-field solve coculture-kg1a --set scene.file=my-scene.nc
    """
    from sdf1_field.api.options import planes_of
    from sdf1_field.api.pictures import require_picture, save_picture
    from sdf1_field.api.scenes import require_scene_name, scene_of_image
    from sdf1_field.cli.tables.scenes import print_scene
    from sdf1_field.interop import column_names

    for path in (output, picture):
        refuse_inputs(path, mask, migrasomes)
    if output is not None:
        require_scene_name(output, force=force)
    if picture is not None:
        require_picture(picture, force=force)
    made = scene_of_image(
        mask, labels=labels, migrasomes=migrasomes, pixel_size=pixel_size, image_size=image_size,
        planes=planes_of(planes), bodies=bodies, frame=frame, columns=column_names(columns),
        spots_in=spots_in,
    )  # fmt: skip
    table = made.table(model)
    if picture is not None:
        save_picture(made.plot(), picture)
    if output is not None:
        made.save(output, force=force)
    if as_json:
        say(json.dumps(table, indent=2))
        return
    print_scene(table)
    for path in (output, picture):
        if path is not None:
            say(path)
