"""The preview of `sdf1-field scene`."""

from typing import Any

from sdf1_field.cli.printing import say
from sdf1_field.cli.tables.text import print_table
from sdf1_field.digits import number_text

_CHANGED = 0.2
"""Change of a region's area by the grid from which on it is warned of."""
_LARGE = 4.0
"""Diameter over that of the model's migrasomes from which on spots may be none."""


def print_scene(table: dict[str, Any]) -> None:
    """Regions of a scene, its bodies and its migrasomes."""
    say(
        f"{table['image']}: {table['columns']} x {table['rows']} pixels of "
        f"{table['pixel_size_um']:.6g} um; a dish of {table['width_um']:.6g} um x "
        f"{table['length_um']:.6g} um"
    )
    print_table(
        [
            (
                row["region"],
                f"{row['pixels']:,}",
                f"{row['area_mm2']:.4f}",
                f"{row['area_on_grid_mm2']:.4f}",
                "-" if row["change_by_grid"] is None else f"{100.0 * row['change_by_grid']:+.2f} %",
            )
            for row in table["regions"]
        ],
        ("region", "pixels", "mm2", f"on a grid of {table['grid_spacing_um']:g} um", "change"),
    )
    for row in table["regions"]:
        if row["change_by_grid"] is not None and abs(row["change_by_grid"]) > _CHANGED:
            say(
                f"{row['region']}: too thin for the grid, on which fields and contacts are; solve "
                "with a smaller grid.spacing"
            )
    _print_bodies(table["bodies"])
    _print_migrasomes(table["migrasomes"])


def _print_bodies(bodies: dict[str, Any]) -> None:
    count = bodies["number"]
    if not count:
        say("bodies: none")
        return
    say(
        f"bodies: {count:,}, median {number_text(bodies['median_area_um2'])} um2, "
        f"{number_text(bodies['smallest_area_um2'])} to {number_text(bodies['largest_area_um2'])};"
        f" {bodies['labels']:,} label{'' if bodies['labels'] == 1 else 's'} in "
        f"{bodies['pieces']:,} piece{'' if bodies['pieces'] == 1 else 's'}"
    )
    if bodies["specks"]:
        say(
            f"{bodies['specks']:,} of them below {number_text(bodies['speck_area_um2'])} um2, a "
            "tenth of a body of the model: each secretes as a whole cell, so remove specks from "
            "the mask"
        )
    if bodies["cut_by_edge"]:
        say(
            f"{bodies['cut_by_edge']:,} cut by the image's edge: walls reflect, as if the dish "
            "went on beyond them as its mirror image, and a cut body secretes there as a whole one"
        )


def _print_migrasomes(found: dict[str, Any]) -> None:
    if found.get("expected") == 0.0:
        say("migrasomes: none, as there is no network to lie in")
        return
    if found["file"] is None:
        say(
            f"migrasomes: about {number_text(found['expected'])} at random in the network, "
            f"{number_text(found['density_per_mm2'])} per mm2 (scene.network_migrasome_density)"
        )
        return
    size = ""
    if found["median_diameter_um"] is not None:
        size = f", median diameter {number_text(found['median_diameter_um'])} um"
    say(
        f"migrasomes: {found['number']:,} from {found['file']}, {found['in_network']:,} in the "
        f"network{size}"
    )
    if (found["median_diameter_um"] or 0.0) > _LARGE * found["model_diameter_um"]:
        say(
            f"they are large for migrasomes, which have {number_text(found['model_diameter_um'])} "
            "um in the model: are these cells?"
        )
    if not found["in_network"]:
        say("none of them is in the network: are image and spots of one picture?")
    if found["over_bodies"]:
        say(f"{found['over_bodies']:,} more over bodies are left out, as the model has none there")
