"""Tables about networks: MSC with fibres and migrasomes, fates and sizes of migrasomes."""

from typing import Any

from sdf1_field.cli.printing import say
from sdf1_field.cli.tables.text import (
    Shown,
    bin_text,
    dishes_text,
    groups_of,
    print_table,
    region_text,
)
from sdf1_field.digits import number_text, spread_text

_NETWORK_LABELS = {
    "msc_with_fibres": "MSC with retraction fibres, %",
    "msc_with_migrasomes": "MSC with migrasomes, %",
    "fibre_bearing_with_migrasomes": "of MSC with fibres, those with migrasomes, %",
    "networks_by_retraction": "of MSC with fibres, those mostly by retraction, %",
    "migrasomes_per_cell": "migrasomes per MSC that has some",
    "migrasomes_per_msc": "migrasomes per MSC, with or without",
    "attached_per_mm2": "attached migrasomes per mm2",
    "detached_per_mm2": "detached migrasomes per mm2",
    "diameter_um": "diameter of migrasomes, um",
}
_AREA_LABELS = {
    "msc": "area under MSC, %",
    "network": "area of networks, %",
    "free_surface": "area of free surface, %",
}
_FATE_LABELS = {
    "nucleated": "migrasomes formed so far",
    "ruptured": "of these, ruptured",
    "drifted_away": "of these, drifted away",
    "taken_up": "of these, taken up by cells",
}
_SIZE_LABELS = (
    ("by_age", "min", "age, min"),
    ("by_distance", "um", "from the edge of their MSC, um"),
)


def print_networks(rows: list[dict[str, Any]], shown: Shown) -> None:
    """Counts of networks, sizes of migrasomes and tests, time by time."""
    from sdf1_field.units import duration_text

    stroma = shown.stroma
    for n, row in enumerate(rows):
        groups = groups_of(row)
        sizes = [
            ("control: " if name == "control" else "")
            + f"{dishes_text(own['dishes'])}, {number_text(own['area_mm2'])} mm2"
            for name, own in groups.items()
        ]
        if n:
            say()
        say(f"at {duration_text(row['time'])}; {'; '.join(sizes)}")
        _print_network_figures(groups, stroma)
        for key, unit, label in _SIZE_LABELS:
            say()
            _print_sizes(groups, key, unit, region_text(label, stroma))
        if row["tests"] is not None:
            say()
            _print_network_tests(row["tests"], stroma)


def _print_network_figures(groups: dict[str, dict[str, Any]], stroma: str) -> None:
    """Pooled values, the counts behind them, and the spread over dishes if there are several."""
    columns = []
    for name, own in groups.items():
        lines = _network_lines(own, stroma)
        columns.append(["", *[label for label, *_ in lines]])
        titles = (name, "counted", "mean ± S.D. over dishes")
        columns += [
            [title, *[line[n] for line in lines]] for n, title in enumerate(titles, start=1)
        ]
    shown = [columns[0], *[c for c in columns if c[0] and any(c[1:])]]
    header, *rows = zip(*shown, strict=True)
    print_table(rows, header)


def _network_lines(own: dict[str, Any], stroma: str) -> list[tuple[str, str, str, str]]:
    """Label, pooled value, counts behind it, and mean over dishes."""

    def line(label: str, values: dict[str, Any], counted: str) -> tuple[str, str, str, str]:
        over_dishes = ""
        if own["dishes"] > 1 and values["mean"] is not None:
            over_dishes = spread_text(values["mean"], values["deviation"], _factor(label))
        pooled = number_text(values["pooled"], _factor(label))
        return region_text(label, stroma), pooled, counted, over_dishes

    def counted(values: dict[str, Any]) -> str:
        if "of" in values:
            return f"{values['count']} of {values['of']}"
        if "count" in values:
            return str(values["count"])
        if values["median"] is None:
            return f"{values['cells']} {stroma}"
        low, high = values["quartiles"]
        return f"{values['cells']} {stroma}, median {values['median']:g} ({low:g} to {high:g})"

    shares = own["area_fractions"]
    return [
        (f"{stroma} in the view", "", str(own["msc"]), ""),
        *[
            line(label, own[key], counted(own[key]))
            for key, label in _NETWORK_LABELS.items()
            if key in own
        ],
        *[line(label, shares[key], "") for key, label in _AREA_LABELS.items()],
        *[(label, "", str(own["fates"][key]), "") for key, label in _FATE_LABELS.items()],
    ]


def _factor(label: str) -> float:
    """Factor from a value to the unit at the end of its label."""
    return 100.0 if label.endswith("%") else 1.0


def _print_sizes(groups: dict[str, dict[str, Any]], key: str, unit: str, label: str) -> None:
    """Diameters of each group's migrasomes by bins of one key."""
    several = len(groups) > 1
    header = [label]
    for name in groups:
        of = f" ({name})" if several else ""
        header += [f"migrasomes{of}", f"diameter, um{of}"]
    lines = [
        (
            bin_text(bins[0][f"lower_{unit}"], bins[0][f"upper_{unit}"]),
            *(
                text
                for own in bins
                for text in (
                    str(own["migrasomes"]),
                    spread_text(own["mean_um"], own["deviation_um"]),
                )
            ),
        )
        for bins in zip(*(own[key] for own in groups.values()), strict=True)
    ]
    print_table(lines, tuple(header))


def _print_network_tests(tests: list[dict[str, Any]], stroma: str) -> None:
    from sdf1_field.analysis import FIELDS_ACROSS
    from sdf1_field.statistics import p_text

    lines = []
    for found in tests:
        label = _NETWORK_LABELS[found["quantity"]]
        lines.append(
            (
                region_text(label, stroma),
                *(number_text(found[key], _factor(label)) for key in ("runs", "control")),
                p_text(found["p"]),
                f"{found['test']} over {found['unit']}",
            )
        )
    print_table(lines, ("", "runs", "control", "p", "test"))
    say(
        "tests take cells, or fields, of all dishes for independent; fields are "
        f"{FIELDS_ACROSS} x {FIELDS_ACROSS} equal windows of each view"
    )
