"""The table of `sdf1-field tracks`."""

from collections.abc import Callable, Sequence
from typing import Any

from sdf1_field.cli.printing import say
from sdf1_field.cli.tables.text import print_table
from sdf1_field.digits import count_text, interval_text, number_text


def print_tracks(table: dict[str, Any]) -> None:
    """Counts, speed, persistence and directions, beside those of a control."""
    from sdf1_field.statistics import p_text
    from sdf1_field.units import duration_text

    groups = [group for group in (table["tracks"], table["control"]) if group is not None]
    for group in groups:
        say(
            f"{group['file']}: {group['format']}, {count_text(group['tracks'], 'track')} of "
            f"{count_text(group['spots'] - group['lone_spots'], 'spot')} in "
            f"{count_text(group['frames'], 'frame')} every "
            f"{duration_text(group['interval'])}"
        )

    def line(name: str, value: Callable[[dict[str, Any]], str]) -> tuple[str, ...]:
        return (name, *(value(group) for group in groups))

    def measure(name: str, key: str) -> tuple[str, ...]:
        return line(name, lambda g: interval_text(g[key], g[f"{key}_interval"]))

    angle = f"{table['direction_deg']:g}°"
    lines = [
        line("tracks or branches, steps", lambda g: f"{g['branches']:,}, {g['steps']:,}"),
        line("median duration", lambda g: duration_text(g["median_duration"])),
        measure("speed from frame to frame, um/min", "frame_speed_um_per_min"),
        measure("speed, corrected for the frames, um/min", "speed_um_per_min"),
        measure("persistence time, min", "persistence_min"),
        measure("motility coefficient, um2/min", "motility_um2_per_min"),
        measure("error of places (along an axis), um", "localisation_error_um"),
        measure("straightness (net over path)", "straightness"),
        measure("turning angle between steps, degrees", "turning_angle_deg"),
        measure("cosine of turning angle", "turning_cosine"),
        measure(f"forward migration index along {angle}", "forward_migration"),
        measure("forward migration index across it", "sideward_migration"),
        line(
            "mean direction, degrees (resultant length)",
            lambda g: (
                f"{number_text(g['net_direction_deg'])} ({number_text(g['resultant_length'])})"
            ),
        ),
        line(
            "mean drift, um/min (direction), p",
            lambda g: (
                f"{number_text(g['drift_um_per_min'])} ({number_text(g['drift_direction_deg'])}°), "
                f"{p_text(g['drift_p'])}"
            ),
        ),
        line("p of Rayleigh's test (any direction)", lambda g: p_text(g["rayleigh_p"])),
        line(f"p of the V test (towards {angle})", lambda g: p_text(g["v_test_p"])),
    ]
    titles = ("", "tracks", "control")
    print_table(lines, titles[: len(groups) + 1] if len(groups) > 1 else ())
    say("means over tracks with 95 % intervals; angles from x towards y")
    for group, whose in zip(groups, ("", " on the control"), strict=False):
        if group["fitted_to"]:
            say(
                f"corrected{whose}: persistent random walk{_blurred(group)} fitted to mean square "
                f"displacements up to {duration_text(group['fitted_to'])}"
            )
        if group["msd"]:
            say(
                f"mean square displacement{whose}, um2: "
                + ", ".join(
                    f"{number_text(row['msd_um2'])} in {duration_text(row['lag'])}"
                    for row in group["msd"]
                )
            )
    for note in dict.fromkeys(note for group in groups for note in group["notes"]):
        whose_notes = [note in group["notes"] for group in groups]
        only = (
            "" if all(whose_notes) else (" on the tracks" if whose_notes[0] else " on the control")
        )
        say(f"note{only}: {note}")
    _print_guidance(table["guidance"])
    found = table["comparison"]
    if found is not None:
        say(
            "speed from frame to frame against the control: ratio of medians "
            f"{interval_text(found['ratio_of_medians'], found['interval'])}, p "
            f"{p_text(found['p'])} ({found['test']} test over {found['unit']}); {found['note']}"
        )


def _blurred(group: dict[str, Any]) -> str:
    return "" if group["localisation_error_um"] is None else " and error of places"


def _print_guidance(scores: Sequence[dict[str, Any]]) -> None:
    """Scores of the tracks against directions, a column for each."""
    from sdf1_field.statistics import p_text

    if not scores:
        return

    def line(name: str, value: Callable[[dict[str, Any]], str]) -> tuple[str, ...]:
        return (name, *(value(score) for score in scores))

    def measure(name: str, key: str) -> tuple[str, ...]:
        return line(name, lambda s: interval_text(s[key], s[f"{key}_interval"]))

    lines = [
        line("steps, tracks that have a direction", lambda s: f"{s['steps']:,}, {s['paths']:,}"),
        line(
            "tracks that reach it", lambda s: "-" if s["reached"] is None else f"{s['reached']:,}"
        ),
        measure("chemotactic index (way towards over way)", "index"),
        measure("mean cosine of steps", "mean_cosine"),
        line(
            "index of tracks rotated at random, p",
            lambda s: f"{number_text(s['rotated_index'])}, {p_text(s['rotation_p'])}",
        ),
        measure("forward migration index (net over path)", "forward_migration"),
        measure("straightness of these tracks", "straightness"),
        line("p of the V test over tracks (towards)", lambda s: p_text(s["v_test_p"])),
        line("p of Rayleigh's test over tracks", lambda s: p_text(s["rayleigh_p"])),
    ]
    if all(score["reached"] is None for score in scores):
        del lines[1]
    say(f"against directions in {', '.join(dict.fromkeys(s['source'] for s in scores))}:")
    print_table(lines, ("", *(f"to {score['towards']}" for score in scores)))
    say(
        "steps against the direction where they begin; tracks by their net displacement against "
        "that at their first place; cells that stay where they meet cells or migrasomes by chance "
        "shift all of these without any attraction: compare with cells that sense nothing"
    )
    for score in scores:
        for note in score["notes"]:
            say(f"note: {note}")
