"""The command analyse: which table suits which runs and options."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdf1_field.api.tables import TABLES, changes_of, make_table, usual_table
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

if TYPE_CHECKING:
    import xarray as xr


@click.command()
@click.argument(
    "runs", metavar="RUN.nc...", type=click.Path(path_type=Path), nargs=-1, required=True
)
@click.option(
    "--show",
    "kind",
    type=click.Choice(TABLES),
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

    from sdf1_field.record import field_unit, model_of, open_run

    times = [time_of(text) for text in at] or None
    with ExitStack() as stack:
        opened: list[xr.Dataset] = [stack.enter_context(open_run(path)) for path in runs]
        control: list[xr.Dataset] = [stack.enter_context(open_run(path)) for path in against]
        kind = kind or usual_table(opened)
        table = make_table(kind, opened, times, against=control, paired=paired)
        changed = changes_of(opened, control)
        spec = model_of(opened[0]).spec
        fields = spec.solved_ligands if kind == "field" else ()
        units = {name: field_unit(opened[0], name) for name in fields}
    if as_json:
        for row in table if isinstance(table, list) else [table]:
            row["changed"] = changed
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
            click.echo(f"\nchanged from the shipped model in {side}: {'; '.join(texts)}")
