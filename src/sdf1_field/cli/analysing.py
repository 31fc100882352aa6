"""The command analyse: makes a table of `api.tables` and prints it."""

import json
from pathlib import Path

import click

from sdf1_field.api.tables import TABLES, changes_of, make_table, require_flat, usual_table
from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.options import json_option, time_of
from sdf1_field.cli.printing import say
from sdf1_field.cli.tables import Shown, show_table
from sdf1_field.cli.tables.rows import csv_text
from sdf1_field.errors import InputError


@click.command(
    cls=ExampleCommand,
    examples="""
    # cells, densities and fold changes
    sdf1-field analyse run.nc

    # at 4 h, a treated dish against a control
    sdf1-field analyse drug.nc --at "4 h" --against run.nc
    """,
)
@click.argument(
    "runs", metavar="RUN.nc...", type=click.Path(path_type=Path), nargs=-1, required=True
)
@click.option(
    "--show",
    "kind",
    type=click.Choice(tuple(TABLES)),
    help=" ".join(f"{name}: {table.help}." for name, table in TABLES.items()),
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
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="Print CSV instead of a table: the rows and keys of --json "
    f"({', '.join(name for name, table in TABLES.items() if table.flat)}).",
)
def analyse(
    runs: tuple[Path, ...],
    kind: str | None,
    at: tuple[str, ...],
    against: tuple[Path, ...],
    paired: bool,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Count cells by region or distance, say how they move, or count networks and their cargo.

    Several runs count as dishes of one experiment.
    """
    from contextlib import ExitStack

    from sdf1_field.record import field_unit, model_of, open_run

    if as_csv and as_json:
        raise InputError("--csv: is instead of --json. Give one of them.")
    times = [time_of(text) for text in at] or None
    with ExitStack() as stack:
        opened, control = (
            [stack.enter_context(open_run(path, interrupted=True)) for path in paths]
            for paths in (runs, against)
        )
        kind = kind or usual_table(opened)
        if as_csv:
            require_flat(kind)
        table = make_table(kind, opened, times, against=control, paired=paired)
        changed = changes_of(opened, control)
        spec = model_of(opened[0]).spec
        shown = Shown(
            dishes=len(opened),
            controls=len(control),
            stroma=spec.stroma.label,
            units={n: field_unit(opened[0], n) for n in spec.solved_ligands if n in opened[0]},
            drawn=spec.drawn,
        )
    if as_json or as_csv:
        for row in table if isinstance(table, list) else [table]:
            row["changed"] = changed
        say(csv_text(table) if as_csv else json.dumps(table, indent=2))
        return
    show_table(kind, table, shown)
    for side, texts in changed.items():
        if texts:
            say(f"\nchanged from the shipped model in {side}: {'; '.join(texts)}")
