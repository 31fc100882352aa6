"""The command analyse: which table suits which runs and options."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdf1_field.cli.options import json_option, time_of
from sdf1_field.cli.printing.cargo import print_cargo
from sdf1_field.cli.printing.cells import (
    print_approach,
    print_course,
    print_distances,
    print_dwell,
    print_fold_changes,
    print_motion,
)
from sdf1_field.cli.printing.fields import print_fields
from sdf1_field.cli.printing.networks import print_networks
from sdf1_field.cli.tables import dishes_text
from sdf1_field.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

_OF_STROMA = ("network", "cargo", "field")
_SHOWN = ("fold-change", "course", "distance", "dwell", "approach", "motion", *_OF_STROMA)
_AT_TIMES = ("fold-change", "distance", *_OF_STROMA)
_COMPARED = ("fold-change", "motion", *_OF_STROMA)
"""Tables of `analyse`; which of them need no cells, are of single times, and have a comparison."""


@click.command()
@click.argument(
    "runs", metavar="RUN.nc...", type=click.Path(path_type=Path), nargs=-1, required=True
)
@click.option(
    "--show",
    "kind",
    type=click.Choice(_SHOWN),
    help="fold-change: cells per region (default with MSC). course: fold change over time. "
    "distance: density against distance from bodies and migrasomes. dwell: how long cells stay. "
    "approach: chemotactic index against distance. motion: paths, speed, persistence (default "
    "without MSC). network: MSC with fibres and migrasomes, fates and sizes of migrasomes (default "
    "without haematopoietic cells). cargo: chemokines in cells and migrasomes, and which way they "
    "were secreted (default without haematopoietic cells if cargo is followed). field: "
    "concentration on the floor under and around bodies and migrasomes.",
)
@click.option(
    "--at",
    "at",
    multiple=True,
    metavar="TIME",
    help="When to count, such as '4 h'. May be repeated.",
)
@click.option(
    "--against",
    "against",
    multiple=True,
    metavar="CONTROL.nc",
    type=click.Path(path_type=Path),
    help="Compare with a control experiment: t test over dishes (fold-change), Mann-Whitney U "
    "over cells (motion), chi-squared with Yates' correction and Mann-Whitney U over cells and "
    "fields (network), t test over migrasomes, cells and dishes (cargo), ratio (field). Dishes of "
    "one seed are not independent: the same seeds on both sides are paired (fold-change by a "
    "paired t test, motion by Wilcoxon's signed-rank test over cells) or refused (network, cargo). "
    "May be repeated.",
)
@click.option("--paired", is_flag=True, help="Compare fold changes donor by donor.")
@json_option
def analyse(
    runs: tuple[Path, ...],
    kind: str | None,
    at: tuple[str, ...],
    against: tuple[Path, ...],
    paired: bool,
    as_json: bool,
) -> None:
    """Count cells by region or distance, say how they move, or count networks and their cargo.

    Several runs count as dishes of one experiment.
    """
    from contextlib import ExitStack

    from sdf1_field import analysis
    from sdf1_field.record import field_unit, model_of, open_run

    times = [time_of(text) for text in at] or None
    with ExitStack() as stack:
        opened: list[xr.Dataset] = [stack.enter_context(open_run(path)) for path in runs]
        control: list[xr.Dataset] = [stack.enter_context(open_run(path)) for path in against]
        kind = kind or _usual_table(opened)
        if kind != "motion":
            for group in (opened, control):
                _require_stroma(kind, group)
        if kind not in _OF_STROMA:
            for run in (*opened, *control):
                analysis.observation_times(run)
        _require_sense(kind, at=bool(at), against=bool(against), paired=paired)
        table: Any
        if kind == "fold-change":
            table = analysis.analyse_runs(opened, times, against=control, paired=paired)
        elif kind == "distance":
            table = analysis.distance_table(opened, times)
        elif kind == "motion":
            table = analysis.motion_table(opened, control)
        elif kind == "network":
            table = analysis.network_table(opened, times, against=control)
        elif kind == "cargo":
            table = analysis.cargo_table(opened, times, against=control)
        elif kind == "field":
            table = analysis.field_table(opened, times, against=control)
        else:
            make = {
                "course": analysis.course_table,
                "dwell": analysis.dwell_table,
                "approach": analysis.approach_table,
            }[kind]
            table = make(opened)
        changed = {"runs": _overridden(opened), "control": _overridden(control)}
        spec = model_of(opened[0]).spec
        fields = spec.solved_ligands if kind == "field" else ()
        units = {name: field_unit(opened[0], name) for name in fields}
    if as_json:
        for row in table if isinstance(table, list) else [table]:
            row["overridden"] = changed if control else changed | {"control": None}
        click.echo(json.dumps(table, indent=2))
        return
    dishes, stroma = dishes_text(len(runs)), spec.stroma.label
    over = "" if len(runs) == 1 else " with 95 % interval over dishes"
    if kind == "fold-change":
        print_fold_changes(table, dishes, len(control), stroma)
    elif kind == "course":
        print_course(table, f"{dishes}; fold change over free surface{over}", stroma)
    elif kind == "distance":
        print_distances(table, dishes, over, stroma)
    elif kind == "dwell":
        print_dwell(table, dishes, stroma)
    elif kind == "approach":
        print_approach(table, dishes, stroma)
    elif kind == "network":
        print_networks(table, stroma)
    elif kind == "cargo":
        print_cargo(table)
    elif kind == "field":
        print_fields(table, dishes, bool(control), units)
    else:
        print_motion(table)
    for side, texts in changed.items():
        if texts:
            click.echo(f"\nset by the user in {side}: {'; '.join(texts)}")


def _overridden(runs: Sequence["xr.Dataset"]) -> list[str]:
    """What no shipped model sets in some runs."""
    from sdf1_field.record import model_of
    from sdf1_field.spec import overridden

    return list(dict.fromkeys(o.text for run in runs for o in overridden(model_of(run))))


def _usual_table(runs: Sequence["xr.Dataset"]) -> str:
    """Table of `analyse` that suits what there is in some runs."""
    from sdf1_field.analysis import has_msc, has_stroma, holds_cargo

    if any("cell_time" in run for run in runs):
        return "fold-change" if any(map(has_stroma, runs)) else "motion"
    if any(map(has_msc, runs)):
        return "cargo" if all(map(holds_cargo, runs)) else "network"
    return "field"


def _require_stroma(kind: str, runs: Sequence["xr.Dataset"]) -> None:
    """Raise InputError if there are runs, none has a stroma, and a kind of table is about it."""
    from sdf1_field.analysis import has_stroma
    from sdf1_field.record import model_of

    if not runs or any(map(has_stroma, runs)):
        return
    label = model_of(runs[0]).spec.stroma.label
    if "cell_time" in runs[0]:
        found = f"has no {label} and no migrasomes, and '{kind}' is about these. Use --show motion"
    else:
        found = f"has no cells, no {label} and no migrasomes to analyse. Use `sdf1-field inspect`"
    raise InputError(
        f"{runs[0].encoding['source']}: {found}, or solve a model with scene.msc_density above 0."
    )


def _require_sense(kind: str, *, at: bool, against: bool, paired: bool) -> None:
    """Raise InputError if an option says nothing about a kind of table."""
    if at and kind not in _AT_TIMES:
        raise InputError(
            f"--at: '{kind}' is of the whole recording. Leave --at away, or --show "
            f"{' or '.join(_AT_TIMES)}."
        )
    if against and kind not in _COMPARED:
        raise InputError(
            f"--against: '{kind}' has no test. Leave it away, or --show {' or '.join(_COMPARED)}."
        )
    if paired and not against:
        raise InputError("--paired: there is nothing to compare with. Give --against CONTROL.nc.")
    if paired and kind != "fold-change":
        raise InputError(
            f"--paired: '{kind}' compares cells, and these have no partners. Leave it away."
        )
