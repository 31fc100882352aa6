"""The command sweep, and its report."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdf1_field.cli.costs import cost_text
from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.figure_options import page_options
from sdf1_field.cli.options import (
    json_option,
    processes_options,
    require_one_of_processes,
    set_option,
    time_of,
)
from sdf1_field.cli.printing import say
from sdf1_field.cli.program import fail, fail_interrupted
from sdf1_field.cli.progress import announce_compilation, shown_progress
from sdf1_field.cli.tables import print_table
from sdf1_field.digits import half_text, interval_text, number_text, spread_text

if TYPE_CHECKING:
    from sdf1_field.ensemble.expecting import Expected
    from sdf1_field.figures.paper import Page


@click.command(
    cls=ExampleCommand,
    examples=r"""
    # a dose-response curve: some minutes
    sdf1-field sweep coculture-kg1a --dishes 12 -o doses \
        --over treatments.amd3100.dose="0 uM,0.03..30 uM:log:7"

    # a grid of two keys, at 4 h, as a heat map
    sdf1-field sweep coculture-kg1a --dishes 6 --at "4 h" -o both \
        --over treatments.amd3100.dose="0 uM,1 uM,10 uM" \
        --over treatments.sdf1.dose="0 ng/mL,10 ng/mL,100 ng/mL"
    """,
)
@click.argument("model")
@click.option(
    "--over", "over", multiple=True, required=True, metavar="KEY=V1,V2,...",
    help="Key of the model and its values, or ranges such as '0.03..30 uM:log:7' (seven values) or "
    "lin. Twice for a grid.",
)  # fmt: skip
@click.option(
    "--dishes", type=click.IntRange(min=2), default=12, show_default=True,
    help="Of each value, or pair of values.",
)  # fmt: skip
@set_option
@click.option(
    "--at", multiple=True, metavar="TIME",
    help="When to count, such as '4 h'. May be repeated.  [default: 4 and 12 h where the model "
    "has them, else its end]",
)  # fmt: skip
@click.option(
    "--reference", multiple=True, metavar="VALUE",
    help="Value that ratios are to; of a grid once for each key.  [default: the first]",
)  # fmt: skip
@click.option(
    "--independent", is_flag=True,
    help="A seed of its own for each dish. Otherwise dishes of one number share their seed, so "
    "that ratios scatter less.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Where dishes, tables and the picture go.  [default: MODEL-KEY-seedN]",
)  # fmt: skip
@click.option(
    "--picture", type=click.Path(path_type=Path), metavar="FILE",
    help="Picture to write (.png, .pdf, .svg, ...).  [default: sweep.png in DIR]",
)  # fmt: skip
@page_options
@click.option("--force", is_flag=True, help="Replace an existing --picture.")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True,
    help="Every dish's own seed is drawn from it.",
)  # fmt: skip
@processes_options
@click.option("--quiet", is_flag=True, help="Show no progress, only the report and errors.")
@json_option
def sweep(
    model: str,
    over: tuple[str, ...],
    dishes: int,
    settings: tuple[str, ...],
    at: tuple[str, ...],
    reference: tuple[str, ...],
    independent: bool,
    output: Path | None,
    picture: Path | None,
    page: "Page",
    force: bool,
    seed: int,
    workers: int | None,
    scheduler: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Simulate dishes over values of a key, such as doses: fold changes, curve and IC50.

    Finished dishes are kept in DIR, and the same command goes on where it was stopped.
    """
    require_one_of_processes(workers, scheduler)
    from sdf1_field.api.sweeping import PICTURE, default_folder, overs, swept

    read = overs(over)
    times = [time_of(text) for text in at]
    from sdf1_field.api.pictures import require_picture

    if picture is not None:
        require_picture(picture, force=force)
    from sdf1_field.studies.sweep import ask
    from sdf1_field.studies.sweep_folder import FILES

    question = ask(
        model, read, dishes=dishes, settings=settings, times=times, seed=seed,
        independent=independent, reference=reference,
    )  # fmt: skip
    folder = output or default_folder(question)
    if not quiet and scheduler is None:
        announce_compilation()
    total, done = len(question.all_dishes), 0
    try:
        with shown_progress("dishes", total, quiet=quiet) as advance:

            def progress(more: int) -> None:
                nonlocal done
                done += more
                advance(done, f"{done} of {total}")

            def expected(cost: "Expected") -> None:
                if not quiet:
                    say(cost_text(cost), err=True)

            found = swept(
                question, folder, picture=picture, page=page,
                command=["sdf1-field", *sys.argv[1:]], scheduler=scheduler, workers=workers,
                expected=expected, progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt as end:
        kept = len(list((folder / "runs").glob("*.nc")))
        fail_interrupted(end, f"{folder} keeps {kept} finished dishes; the same command goes on.")
    from sdf1_field.studies.sweep_results import as_json as plain_values

    plain = plain_values(found.sweep, found.curves)
    if as_json:
        say(json.dumps(plain, indent=2))
    else:
        _print_report(plain)
        say(f"\n{folder}: {', '.join(FILES)}, {picture or PICTURE}")
    for failure in found.sweep.failures:
        d = failure.dish
        say(f"sdf1-field: {'; '.join(d.settings)}, seed {d.seed}: {failure.message}", err=True)
    if found.sweep.failures:
        fail(
            f"{len(found.sweep.failures)} of {total} dishes failed, and are left out. The same "
            "command tries them again.",
            1,
        )


def _print_report(plain: Mapping[str, Any]) -> None:
    """Fold changes by value, then half effects."""
    from sdf1_field.statistics import p_text
    from sdf1_field.units import duration_text

    keys = [one["key"] for one in plain["over"]]
    references = ", ".join(one["reference"] for one in plain["over"])
    header = (*keys, "at", "on", "dishes", "fold change", f"ratio to {references} (95 %)", "p")
    print_table(
        [
            (
                *row["values"],
                duration_text(row["time_s"]),
                row["region"],
                str(row["dishes"]),
                spread_text(row["mean"], row["deviation"]),
                "1"
                if row["ratio_low"] is None and row["p"] is None and row["ratio"] == 1.0
                else interval_text(row["ratio"], _ends(row["ratio_low"], row["ratio_high"])),
                "-" if row["p"] is None else p_text(row["p"]),
            )
            for row in plain["values"]
        ],
        header,
    )
    if plain["curves"]:
        say()
        print_table(half_rows(plain["curves"]), HALVES)
        say()
        for line in half_notes(plain["curves"]):
            say(line)


HALVES = ("half effect", "at", "on", "dose (95 %)", "over K", "Hill's h", "plateaus")


def half_rows(curves: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Cells of the table of half effects."""
    from sdf1_field.units import duration_text

    rows: list[tuple[str, ...]] = []
    for curve in curves:
        name = "IC50" if curve["falls"] else "EC50"
        other = f", {curve['value_2']}" if "value_2" in curve else ""
        place = (f"{name}{other}", duration_text(curve["time_s"]), curve["region"])
        if curve["half"] is None:
            rows.append((*place, f"none: {curve['reason']}", "-", "-", "-"))
            continue
        rows.append(
            (
                *place,
                half_text(curve),
                number_text(curve["over_constant"], figures=2),
                number_text(curve["steepness"], figures=2),
                f"{number_text(curve['start'])} to {number_text(curve['end'])}",
            )
        )
    return rows


def half_notes(curves: Sequence[Mapping[str, Any]]) -> list[str]:
    """The constant behind "over K", and what a shift from it would mean."""
    known = [curve for curve in curves if curve["constant"]]
    if not known:
        return []
    first = known[0]
    lines = [
        f"K is {first['constant']} ({first['constant_key']}), "
        f"{number_text(first['constant_value'])} {first['unit']}."
    ]
    shifts = [c["competing_nM"] for c in known if c["competing_nM"] is not None]
    if shifts:
        low, high = (number_text(end, figures=2) for end in (min(shifts), max(shifts)))
        met = f"{low} nM" if low == high else f"{low} to {high} nM"
        lines.append(
            f"By competition alone (IC50 = K_i (1 + c / K_d)) the cells would have to meet {met} "
            "of ligand. Where they meet less, the rest is receptor reserve (spare receptors that "
            "have to be blocked before the response falls) or what follows the trigger."
        )
    return lines


def _ends(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)
