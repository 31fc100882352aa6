"""Tables about the chemokines in cells and migrasomes, and how they were secreted."""

from typing import Any

from sdf1_field.cli.printing import say
from sdf1_field.cli.tables.text import Shown, bin_text, dishes_text, groups_of, print_table
from sdf1_field.digits import number_text, spread_text

_BALANCE_LABELS = {
    "made": "made so far, and held at the start",
    "in_bodies": "in cell bodies",
    "in_migrasomes": "in migrasomes",
    "secreted": "secreted",
    "carried_off": "carried off, not secreted",
}
_ROUTE_LABELS = {
    "released_by_bodies": "by cell bodies",
    "released_by_fusion": "by migrasomes, by fusion",
    "released_at_once": "by migrasomes that ruptured or leaked",
}
_CARGO_MEASURE_LABELS = {
    "secreted_to_content": "secreted over content of cell bodies",
    "share_through_migrasomes": "of what was secreted, by migrasomes, %",
    "with_cargo": "migrasomes with a vesicle or more, %",
    "enrichment": "molecules per volume, migrasomes over cell bodies",
}
_CARGO_SAMPLE_LABELS = {
    "vesicles_per_migrasome": "vesicles per migrasome",
    "content_per_migrasome": "molecules per migrasome",
    "vesicles_per_cell": "vesicles in all migrasomes of a cell",
    "content_per_body": "molecules per cell body",
    "polarisation": "polarisation index of cells",
    "polarisation_migrating": "polarisation index of migrating cells",
    "polarisation_resting": "polarisation index of resting cells",
}


def print_cargo(rows: list[dict[str, Any]], _: Shown) -> None:
    """Where molecules are, how they were secreted, and tests, by ligand and time."""
    from sdf1_field.units import duration_text

    for n, row in enumerate(rows):
        groups = groups_of(row)
        sizes = [
            ("control: " if name == "control" else "")
            + f"{dishes_text(own['dishes'])}, {own['msc']} {row['cells']}, "
            f"{own['migrasomes']} migrasome{'s'[: own['migrasomes'] != 1]}"
            for name, own in groups.items()
        ]
        if n:
            say()
        say(f"{row['label']} at {duration_text(row['time'])}; {'; '.join(sizes)}")
        _print_amounts(groups, "balance", _BALANCE_LABELS, "where it is", "% of made")
        say()
        _print_amounts(groups, "routes", _ROUTE_LABELS, "how it was secreted", "% of secreted")
        say()
        _print_cargo_measures(groups)
        say()
        _print_cargo_samples(groups, row["cells"])
        say()
        _print_cargo_by_distance(groups, row["cells"])
        if row["tests"] is not None:
            say()
            _print_cargo_tests(row["tests"])


def _titles(groups: dict[str, dict[str, Any]], *titles: str) -> list[str]:
    """Titles of columns for each group, which they name if there are several."""
    return [
        title + (f" ({name})" if len(groups) > 1 else "") for name in groups for title in titles
    ]


def _print_amounts(
    groups: dict[str, dict[str, Any]], key: str, labels: dict[str, str], title: str, share: str
) -> None:
    """Molecules in all dishes, per cell, and as a share."""
    lines = []
    for name, label in labels.items():
        line = [label]
        for own in groups.values():
            amount = own[key][name]
            line += [number_text(amount["molecules"]), number_text(amount["per_cell"])]
            line.append(number_text(amount["share"], 100.0))
        lines.append(tuple(line))
    print_table(lines, (title, *_titles(groups, "molecules", "molecules per cell", share)))


def _print_cargo_measures(groups: dict[str, dict[str, Any]]) -> None:
    """Ratios of all dishes together, and their spread over dishes if there are several."""
    several = any(own["dishes"] > 1 for own in groups.values())
    lines = []
    for key, label in _CARGO_MEASURE_LABELS.items():
        factor = 100.0 if label.endswith("%") else 1.0
        line = [label]
        for own in groups.values():
            line.append(number_text(own[key]["pooled"], factor))
            if several:
                line.append(spread_text(own[key]["mean"], own[key]["deviation"], factor))
        lines.append(tuple(line))
    over = ("mean ± S.D. over dishes",) if several else ()
    print_table(
        lines, ("ratio or share", *_titles(groups, "all dishes" if several else "value", *over))
    )


def _print_cargo_samples(groups: dict[str, dict[str, Any]], cells: str) -> None:
    """Mean and spread over migrasomes or cells."""
    lines = []
    for key, label in _CARGO_SAMPLE_LABELS.items():
        line = [label]
        for own in groups.values():
            found = own[key]
            unit = cells
            if key.endswith("migrasome"):
                unit = "migrasome" if found["count"] == 1 else "migrasomes"
            line += [spread_text(found["mean"], found["deviation"]), f"{found['count']} {unit}"]
        lines.append(tuple(line))
    print_table(lines, ("per migrasome or cell", *_titles(groups, "mean ± S.D.", "of")))
    say("polarisation index: (rear - front) / (rear + front) of a cell body's molecules, 0 if even")


def _print_cargo_by_distance(groups: dict[str, dict[str, Any]], cells: str) -> None:
    """Vesicles in attached migrasomes, and their diameters."""
    lines = [
        (
            bin_text(bins[0]["lower_um"], bins[0]["upper_um"]),
            *(
                text
                for own in bins
                for text in (
                    str(own["migrasomes"]),
                    spread_text(own["vesicles"]["mean"], own["vesicles"]["deviation"]),
                    spread_text(own["diameter_um"]["mean"], own["diameter_um"]["deviation"]),
                )
            ),
        )
        for bins in zip(*(own["by_distance"] for own in groups.values()), strict=True)
    ]
    titles = _titles(groups, "migrasomes", "vesicles", "diameter, um")
    print_table(lines, (f"on fibres, from the edge of their {cells}, um", *titles))


def _print_cargo_tests(tests: list[dict[str, Any]]) -> None:
    from sdf1_field.statistics import p_text

    labels = _CARGO_SAMPLE_LABELS | _CARGO_MEASURE_LABELS
    lines = [
        (
            labels[found["quantity"]],
            *(number_text(found[key]) for key in ("runs", "control")),
            number_text(found["ratio_of_means"]),
            p_text(found["p"]),
            f"{found['test']} over {found['unit']}",
        )
        for found in tests
    ]
    print_table(lines, ("mean", "runs", "control", "ratio", "p", "test"))
