"""Tables about concentrations on the floor."""

from typing import Any

from sdf1_field.cli.printing import say
from sdf1_field.cli.tables.text import Shown, bin_text, dishes_text, print_table
from sdf1_field.digits import number_text, spread_text


def print_fields(rows: list[dict[str, Any]], shown: Shown) -> None:
    """Mean concentrations by distance from bodies and migrasomes, in each ligand's unit."""
    from sdf1_field.units import duration_text

    dishes = dishes_text(shown.dishes)
    places = {
        "under a body": "under cell bodies",
        "whole floor": "whole floor",
        "highest": "highest",
    }
    for n, key in enumerate(dict.fromkeys((row["time"], row["ligand"]) for row in rows)):
        own = [row for row in rows if (row["time"], row["ligand"]) == key]
        unit, size = shown.units[key[1]]
        factor = 1.0 / size
        if n:
            say()
        say(
            f"{own[0]['label']} on the floor at {duration_text(key[0])}; {dishes}; by distance "
            "from the nearest cell body or migrasome"
        )
        lines = []
        for row in own:
            line = [
                places.get(row["place"]) or f"{bin_text(row['lower_um'], row['upper_um'])} um",
                "" if row["place"] == "highest" else f"{row['area_mm2']:.4f}",
                spread_text(row["mean"], row["deviation"], factor),
            ]
            if shown.controls:
                line += [
                    spread_text(row["control_mean"], row["control_deviation"], factor),
                    number_text(row["ratio_of_means"]),
                ]
            lines.append(tuple(line))
        header = ("where", "mm2", f"mean, {unit}")
        print_table(lines, (*header, f"control, {unit}", "ratio") if shown.controls else header)
