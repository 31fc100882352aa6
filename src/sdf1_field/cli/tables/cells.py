"""Tables about cells: by region and distance, how long they stay, how they move."""

from collections.abc import Callable
from typing import Any

from sdf1_field.cli.printing import say
from sdf1_field.cli.tables.text import (
    Shown,
    bin_text,
    dishes_text,
    print_lacking,
    print_table,
    region_text,
)
from sdf1_field.digits import interval_text, number_text, spread_text

_MINUTES = 1.0 / 60.0
"""Of a second."""


def print_fold_changes(rows: list[dict[str, Any]], shown: Shown) -> None:
    """Cells by region and time, and the test against a control."""
    from sdf1_field.statistics import p_text
    from sdf1_field.units import duration_text

    dishes = dishes_text(shown.dishes)
    several = "" if shown.dishes == 1 else ", fold change with 95 % interval"
    say(f"{dishes}{several}; a cell counts for the region under its centre")
    header = (
        *("time", "region", "mm2", "cells", "per mm2", "fold change"),
        *("if touching counted", "encounter limit"),
    )
    lines = [
        (
            duration_text(row["time"]),
            region_text(row["region"], shown.stroma),
            f"{row['area_mm2']:.4f}",
            f"{row['cells']:g}",
            number_text(row["density_per_mm2"]),
            interval_text(row["fold_change"], row["interval"]),
            _touching_text(row["touching_fold_change"], row["touching_uniform"]),
            number_text(row["encounter_limit"]),
        )
        for row in rows
    ]
    print_table(lines, header)
    _print_encounter_note(rows)
    compared = [row for row in rows if "against" in row]
    if not compared:
        return
    test, by = (compared[0]["against"][key] for key in ("test", "paired_by"))
    pairs = f", paired by {by}" if by else ""
    say(
        f"\nagainst {dishes_text(shown.controls)} of the control{pairs}; mean ± S.D. of dishes' "
        "fold changes"
    )
    print_table(
        [
            (
                duration_text(row["time"]),
                region_text(row["region"], shown.stroma),
                spread_text(row["against"]["mean"], row["against"]["deviation"]),
                spread_text(row["against"]["control_mean"], row["against"]["control_deviation"]),
                number_text(row["against"]["ratio_of_means"]),
                p_text(row["against"]["p"]),
            )
            for row in compared
        ],
        ("time", "region", "runs", "control", "ratio of means", f"p ({test} test)"),
    )
    print_lacking(compared)


def print_course(rows: list[dict[str, Any]], shown: Shown) -> None:
    """Fold changes over time, the regions side by side."""
    from sdf1_field.units import duration_text

    dishes = dishes_text(shown.dishes)
    say(f"{dishes}; fold change over free surface{shown.over_dishes}")
    lines = [
        (
            duration_text(first["time"]),
            *(
                text
                for row in (first, second)
                for text in (
                    f"{row['cells']:g}",
                    interval_text(row["fold_change"], row["interval"]),
                    number_text(row["encounter_limit"]),
                )
            ),
        )
        for first, second in zip(rows[::2], rows[1::2], strict=True)
    ]
    columns = tuple(
        text
        for row in rows[:2]
        for text in (
            f"on {region_text(row['region'], shown.stroma)}",
            "fold change",
            "encounter limit",
        )
    )
    print_table(lines, ("time", *columns))
    _print_encounter_note(rows)


def print_distances(rows: list[dict[str, Any]], shown: Shown) -> None:
    """Density by distance from bodies and migrasomes."""
    from sdf1_field.units import duration_text

    dishes = dishes_text(shown.dishes)
    bodies = "pixels" if shown.drawn else "ellipses"
    say(
        f"{dishes}; by distance of a cell's centre from the nearest edge (bodies are {bodies}, "
        f"migrasomes discs); ratio to the density all over the floor{shown.over_dishes}"
    )
    lines = [
        (
            duration_text(row["time"]),
            region_text(row["from_edge_of"], shown.stroma),
            bin_text(row["lower_um"], row["upper_um"]),
            f"{row['area_mm2']:.4f}",
            f"{row['cells']:g}",
            number_text(row["density_per_mm2"]),
            interval_text(row["ratio"], row["interval"]),
        )
        for row in rows
    ]
    print_table(lines, ("time", "from edge of", "um", "mm2", "cells", "per mm2", "ratio"))


def print_dwell(rows: list[dict[str, Any]], shown: Shown) -> None:
    """How long cells stay over a region."""
    dishes = dishes_text(shown.dishes)
    say(
        f"{dishes}; stays over a region. Constant rate: mean if cells leave at one, corrected for "
        "the frames; mean (95 % interval over cells) and median by Kaplan-Meier, too long by half "
        "a frame or more"
    )
    lines = [
        (
            region_text(row["region"], shown.stroma),
            f"{100 * row['share_of_time']:.0f} %",
            str(row["episodes"]),
            str(row["cut"]),
            number_text(row["constant_rate_dwell"], _MINUTES),
            ("> " if row["restricted"] else "")
            + interval_text(row["mean_dwell"], row["interval"], _MINUTES),
            number_text(row["median_dwell"], _MINUTES),
        )
        for row in rows
    ]
    header = (
        *("region", "of all time", "stays", "cut by the end"),
        *("constant rate, min", "mean, min", "median, min"),
    )
    print_table(lines, header)
    if any(row["restricted"] for row in rows):
        say("> lower bound: some stays outlast the recording")
    unseen = sum(row["unseen_begin"] for row in rows)
    if unseen:
        say(f"{unseen} stays that began before the recording are left out")


def print_approach(rows: list[dict[str, Any]], shown: Shown) -> None:
    """Chemotactic index by distance from bodies and migrasomes."""
    dishes = dishes_text(shown.dishes)
    say(
        f"{dishes}; cells that crawl on free surface: way towards the nearest edge over way made "
        "between frames, with 95 % interval over cells"
    )
    lines = [
        (
            region_text(row["to_edge_of"], shown.stroma),
            bin_text(row["lower_um"], row["upper_um"]),
            str(row["cells"]),
            str(row["steps"]),
            number_text(row["velocity_um_per_min"]),
            interval_text(row["index"], row["interval"]),
        )
        for row in rows
    ]
    header = ("to edge of", "um", "cells", "steps", "towards it, um/min", "chemotactic index")
    print_table(lines, header)
    say(
        "the index is over straight steps between frames and grows with the time between them; "
        "near an edge cells that are caught, or in each other's way, shift the index without any "
        "attraction: compare with a run without sensing"
    )


def print_motion(table: dict[str, Any], _: Shown) -> None:
    """Paths, speed and persistence, beside those of a control."""
    from sdf1_field.statistics import p_text
    from sdf1_field.units import duration_text

    groups = [g for g in (table["runs"], table["control"]) if g is not None]
    first = groups[0]
    say(
        f"tracked for {duration_text(first['tracked_time'])} in frames every "
        f"{duration_text(first['interval'])}; 95 % intervals over cells"
    )

    def line(name: str, value: Callable[[dict[str, Any]], str]) -> tuple[str, ...]:
        return (name, *(value(group) for group in groups))

    lines = [
        line(
            "cells", lambda g: f"{g['cells']} in {g['dishes']} dish{'es'[: 2 * (g['dishes'] > 1)]}"
        ),
        line(
            "path length per cell, um",
            lambda g: (
                f"mean {number_text(g['path_um']['mean'])}, "
                f"median {number_text(g['path_um']['median'])}"
            ),
        ),
        line("net displacement, um", lambda g: f"mean {number_text(g['net_displacement_um'])}"),
        line(
            "straightness (net over path), mean of cells", lambda g: number_text(g["straightness"])
        ),
        line(
            "speed from frame to frame, um/min",
            lambda g: interval_text(g["apparent_speed_um_per_min"], g["apparent_speed_interval"]),
        ),
        line(
            "speed, corrected for the frames, um/min",
            lambda g: interval_text(g["speed_um_per_min"], g["speed_interval"]),
        ),
        line(
            "persistence time, min",
            lambda g: interval_text(g["persistence_min"], g["persistence_interval"]),
        ),
        line(
            "motility coefficient, um2/min",
            lambda g: interval_text(g["motility_um2_per_min"], g["motility_interval"]),
        ),
    ]
    labels = [g["label"] for g in groups]
    print_table(lines, ("", labels[0], *(f"control: {label}" for label in labels[1:])))
    if first["fitted_to"]:
        say(
            "corrected: persistent random walk fitted to mean square displacements up to "
            f"{duration_text(first['fitted_to'])} that begin out of reach of the walls"
        )
    notes = [[note for note in group["note"].split("; ") if note] for group in groups]
    for note in dict.fromkeys(note for own in notes for note in own):
        whose = [note in own for own in notes]
        only = "" if all(whose) else (" on the runs" if whose[0] else " on the control")
        say(f"note{only}: {note}")
    if table["comparison"] is not None:
        found = table["comparison"]
        say(
            f"path length against the control: ratio of medians "
            f"{interval_text(found['ratio_of_medians'], found['interval'])}, "
            f"p {p_text(found['p'])} ({found['test']} test over {_units_text(found)})"
        )


def _units_text(comparison: dict[str, Any]) -> str:
    """Units that a test on paths takes for independent."""
    if comparison["paired_by"] is None:
        return str(comparison["unit"])
    return f"pairs of {comparison['unit']} of one {comparison['paired_by']} and number"


def _print_encounter_note(rows: list[dict[str, Any]]) -> None:
    if rows[0]["encounter_limit_note"]:
        say(rows[0]["encounter_limit_note"])


def _touching_text(value: float | None, uniform: float | None) -> str:
    return "-" if value is None else f"{number_text(value)} (uniform: {number_text(uniform)})"
