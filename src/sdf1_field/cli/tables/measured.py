"""The table of `sdf1-field measure`."""

from typing import Any

from sdf1_field.cli.printing import say
from sdf1_field.cli.tables.text import dishes_text, print_lacking, print_table
from sdf1_field.digits import count_text, interval_text, number_text, spread_text


def print_measured(table: dict[str, Any]) -> None:
    """Dishes, cells by region, and groups beside the first."""
    from sdf1_field.scene import Region
    from sdf1_field.statistics import p_text
    from sdf1_field.units import duration_text

    groups = table["groups"]
    named = bool(groups[0]["name"])
    dishes = [dish for group in groups for dish in group["dishes"]]
    for dish in dishes:
        labels = ", ".join(
            f"{count_text(region['labels'], 'label')} of {region['region']}"
            for region in dish["regions"]
            if region["labels"]
        )
        say(
            f"{dish['mask']}: {dish['columns']} x {dish['rows']} pixels of "
            f"{dish['pixel_size_um']:.6g} um, {labels}; {dish['cells_file']}: "
            f"{dish['cells_format']}, {count_text(dish['cells'], 'cell')}"
        )
    by = dishes[0]["counted_by"]
    where = "under its centre" if by == "pixel" else "that its file names"
    diameter = f"{table['diameter_um']:g} um"
    say(f"a cell counts for the region {where}; touching: within half of {diameter}")
    predicted = table["predicted"]
    numbers = {len(group["dishes"]) > 1 for group in groups} | ({False} if predicted else set())
    kinds = ["over dishes"] if True in numbers else []
    if False in numbers:
        one = ", for one dish" if kinds else ""
        kinds.append(f"counting{one} (cells alone, as if independent; dishes differ by more)")
    say(f"fold change with 95 % interval: {'; '.join(kinds)}")
    if predicted is None:
        blocks = [(f"{g['name']} ({dishes_text(len(g['dishes']))})", g["regions"]) for g in groups]
        rows = [(name, row) for name, own in blocks for row in own]
    else:
        blocks = [(f"observed, {g['name']}" if named else "observed", g["regions"]) for g in groups]
        blocks.append(("predicted", predicted["regions"]))
        rows = [(name, own[n]) for n in range(len(Region)) for name, own in blocks]
    limited = table["after"] or predicted is not None
    lines = []
    for name, row in rows:
        leading = (name, row["region"]) if predicted is None else (row["region"], name)
        lines.append(
            (
                *(leading if named or predicted is not None else leading[1:]),
                f"{row['area_mm2']:.4f}",
                f"{row['cells']:g}",
                number_text(row["density_per_mm2"]),
                interval_text(row["fold_change"], row.get("interval") or row["counting"]),
                _touching_text(row["touching_fold_change"], row["touching_uniform"]),
                *((_limit_text(row),) if limited else ()),
            )
        )
    header = (
        *(("group",) if named and predicted is None else ()),
        "region",
        *(("dish",) if predicted is not None else ()),
        *("mm2", "cells", "per mm2", "fold change", "if touching counted"),
        *(("encounter limit",) if limited else ()),
    )
    print_table(lines, header)
    if predicted is not None:
        _print_predicted(predicted, sum(dish["cells"] for dish in dishes))
    if table["after"]:
        speeds = dict.fromkeys(
            f"{number_text(dish['speed_um_per_min'])} um/min, persistence "
            f"{number_text(dish['persistence_min'])} min{_pieces_text(dish)}"
            for dish in dishes
        )
        say(
            f"encounter limit: cells wander for {duration_text(table['after'])} at "
            f"{'; '.join(speeds)}, and stay where they meet a region"
        )
        if any(row.get("encounter_limit_at_least") for _, row in rows):
            say("encounter limit >: hardly any cell would be left on free surface")
    compared = [(group, row) for group in groups for row in group["regions"] if "against" in row]
    if not compared:
        return
    control = compared[0][1]["against"]
    say(f"\nagainst {control['control']}; mean ± S.D. of dishes' fold changes")
    print_table(
        [
            (
                group["name"],
                row["region"],
                spread_text(row["against"]["mean"], row["against"]["deviation"]),
                spread_text(row["against"]["control_mean"], row["against"]["control_deviation"]),
                number_text(row["against"]["ratio_of_means"]),
                p_text(row["against"]["p"]),
            )
            for group, row in compared
        ],
        ("group", "region", "dishes", "control", "ratio of means", f"p ({control['test']} test)"),
    )
    print_lacking([row for _, row in compared])


def _print_predicted(predicted: dict[str, Any], observed: int) -> None:
    """The simulated dish, and what of it can be compared."""
    from sdf1_field.units import duration_text

    say(
        f"predicted: {predicted['run']}, {predicted['title']}, {predicted['treatment']}, seed "
        f"{predicted['seed']}, {duration_text(predicted['time'])} after its cells were added"
    )
    if observed != predicted["cells"]:
        say(
            f"{count_text(observed, 'cell')} {'is' if observed == 1 else 'are'} observed and "
            f"{predicted['cells']:,} predicted: compare fold "
            "changes, not numbers or densities"
        )
    if note := predicted["regions"][0]["encounter_limit_note"]:
        say(note)


def _pieces_text(dish: dict[str, Any]) -> str:
    """Tracks that speed and persistence come from; nothing if they were given."""
    if dish["walk_pieces"] is None:
        return ""
    return f" (tracks over free surface: {dish['walk_pieces']:,} pieces of {dish['walk_tracks']:,})"


def _limit_text(row: dict[str, Any]) -> str:
    least = "> " if row.get("encounter_limit_at_least") else ""
    return f"{least}{number_text(row['encounter_limit'])}"


def _touching_text(value: float | None, uniform: float | None) -> str:
    return "-" if value is None else f"{number_text(value)} (uniform: {number_text(uniform)})"
