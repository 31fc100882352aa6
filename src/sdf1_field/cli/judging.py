"""The command judge, and its report."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.options import json_option
from sdf1_field.cli.printing import say
from sdf1_field.cli.tables.text import print_table
from sdf1_field.errors import InputError

if TYPE_CHECKING:
    from sdf1_field.judging import Verdicts


@click.command(
    cls=ExampleCommand,
    examples="""
    # the readings that reproduce has written, judged again without the simulator
    sdf1-field judge deniz2023 amd3100/readings-D13.csv --claim D13

    # the same as a page and as values, in a folder
    sdf1-field judge deniz2023 amd3100/readings-D13.csv --claim D13 -o judged
    """,
)
@click.argument("claims", metavar="CLAIMS", required=False)
@click.argument("readings", metavar="READINGS.csv", required=False, type=click.Path(path_type=Path))
@click.option("--paper", metavar="NAME", help="Which paper of CLAIMS, if it has several.")
@click.option(
    "--claim", "ids", multiple=True, metavar="ID", help="Only this claim. May be repeated."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Write table.md and claims.json there.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace these files.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a claims file, and end.")
@json_option
def judge(
    claims: str | None,
    readings: Path | None,
    paper: str | None,
    ids: tuple[str, ...],
    output: Path | None,
    force: bool,
    schema: bool,
    as_json: bool,
) -> None:
    """Judge claims by readings of any program, or of a bench.

    CLAIMS is a claims file, or the name of a shipped paper; READINGS.csv has a row for each value
    of each replicate of its conditions.
    """
    if schema:
        from sdf1_field.claims.schema import claims_schema

        say(json.dumps(claims_schema(), indent=2))
        return
    if claims is None or readings is None:
        raise InputError("judge: give a claims file and a table of readings.")
    if force and output is None:
        raise InputError("--force: nothing is written without -o DIR. Leave it out.")
    from sdf1_field import judging

    text = judging.readings_text(readings)
    verdicts = judging.judge_readings(claims, text, str(readings), paper=paper, ids=ids)
    if output is not None:
        judging.write_verdicts(verdicts, output, force=force)
    if as_json:
        say(json.dumps(judging.as_json(verdicts), indent=2))
        return
    _print_verdicts(verdicts)
    if output is not None:
        say(f"\n{output}: table.md, claims.json")


def _print_verdicts(verdicts: "Verdicts") -> None:
    """Every claim with its statements, then all verdicts."""
    from sdf1_field.judging import report, tables

    if verdicts.paper.citation:
        say(verdicts.paper.citation)
    for found in verdicts.found:
        claim = found.claim
        say(f"\n{claim.id}: {claim.says}\n{tables.role(claim)}\n{found.verdict}")
        print_table(report.rows(verdicts, found), report.EXPERIMENTS)
        say(tables.chance_line(found))
        for line in tables.digitised_lines(found):
            say(line)
    say()
    print_table(
        [report.short_summary_row(verdicts, found) for found in verdicts.found],
        report.SHORT_SUMMARY,
    )
    for line in (
        tables.weights_line(verdicts.weights),
        tables.joint_line(verdicts.joint),
        report.notes(verdicts),
    ):
        if line:
            say(f"\n{line}")
