"""The command explain: a run in plain language."""

import json
import shutil
from pathlib import Path

import click

from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.options import json_option, run_argument
from sdf1_field.cli.printing import say

_WIDEST = 100
"""Longest line of text [characters]; longer ones are hard to read."""


@click.command(
    cls=ExampleCommand,
    examples="""
    # in plain language: what was simulated, and what it depends on
    sdf1-field explain run.nc

    # the same as values
    sdf1-field explain run.nc --json
    """,
)
@run_argument
@json_option
def explain(run: Path, as_json: bool) -> None:
    """Explain a run in plain language: what was simulated, what is changed, what it depends on.

    With a paragraph for a methods section, and the commands that make the run again.
    """
    from sdf1_field.record import open_run
    from sdf1_field.view.document import as_json as document_json
    from sdf1_field.view.document import as_text
    from sdf1_field.view.explaining import explain as explained

    with open_run(run, interrupted=True) as opened:
        document = explained(opened, run)
    if as_json:
        say(json.dumps(document_json(document), indent=2, ensure_ascii=False))
        return
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    say(as_text(document, width))
