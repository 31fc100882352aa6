"""Command line; commands import NumPy and all that needs it when they run.

`models`, `running`, `explaining`, `analysing`, `drawing`, `movies`, `viewing`, `tracking`,
`measuring`, `scenes`, `reproducing`, `judging`, `calibrating`, `sweeping`, `ablating`, `powering`
and `designing` hold the commands; `options` is shared by several of them, `examples` ends the help
of each, and `program` turns errors into one line and an exit status.
"""

import click

from sdf1_field import __version__
from sdf1_field.cli.ablating import ablate
from sdf1_field.cli.analysing import analyse
from sdf1_field.cli.calibrating import calibrate
from sdf1_field.cli.designing import design
from sdf1_field.cli.drawing import plot
from sdf1_field.cli.explaining import explain
from sdf1_field.cli.judging import judge
from sdf1_field.cli.measuring import measure
from sdf1_field.cli.models import check, list_models, new, show
from sdf1_field.cli.movies import movie
from sdf1_field.cli.powering import power
from sdf1_field.cli.program import Program
from sdf1_field.cli.reproducing import reproduce
from sdf1_field.cli.running import inspect, solve
from sdf1_field.cli.scenes import scene
from sdf1_field.cli.sweeping import sweep
from sdf1_field.cli.tracking import export, tracks
from sdf1_field.cli.viewing import view

__all__ = ["main"]


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples="""
    # a co-culture: about 10 s, a 55-MB file
    sdf1-field solve coculture-kg1a -o run.nc

    # its cells, densities and fold changes
    sdf1-field analyse run.nc
    """,
)
@click.version_option(__version__, prog_name="sdf1-field")
@click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    help="Show the traceback of an error. Before or after the command; or set SDF1_FIELD_DEBUG=1.",
)
def main() -> None:
    """Chemokine fields of stromal cells and their migrasomes, and the cells that gather on them."""


for _command in (
    list_models, new, show, check, solve, inspect, explain, analyse, plot, movie, view, export,
    tracks, measure, scene, reproduce, judge, calibrate, sweep, ablate, power, design,
):  # fmt: skip
    main.add_command(_command)
