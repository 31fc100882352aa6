"""The command movie."""

from functools import partial
from pathlib import Path

import click

from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.figure_options import field_option, inset_option, range_option
from sdf1_field.cli.options import run_argument, time_of
from sdf1_field.cli.printing import say
from sdf1_field.cli.progress import shown_phases


@click.command(
    cls=ExampleCommand,
    examples=r"""
    # the whole run
    sdf1-field movie run.nc -o run.mp4

    # the first 4 h, slower, without ffmpeg
    sdf1-field movie run.nc --to "4 h" --fps 4 -o run.gif
    """,
)
@run_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Movie to write: .mp4 (H.264, for slides and browsers), .webm, or .gif, which needs no "
    "ffmpeg; RUN.mp4 if not given.",
)
@click.option("--from", "start", metavar="TIME", help="First time; that of the run if not given.")
@click.option("--to", "stop", metavar="TIME", help="Last time; that of the run if not given.")
@click.option(
    "--every", metavar="TIME", help="Between two pictures; every saved time if not given."
)
@click.option("--fps", type=float, default=8.0, show_default=True, help="Pictures in a second.")
@click.option("--width", type=int, default=1280, show_default=True, help="Of the movie in pixels.")
@click.option(
    "--ligand", metavar="NAME", help="Which ligand to show, such as SDF-1; the first if not given."
)
@field_option
@range_option
@inset_option
@click.option(
    "--interpolate",
    is_flag=True,
    help="Also show cells on straight lines between their observations; the movie says so.",
)
@click.option("--force", is_flag=True, help="Replace an existing movie.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def movie(
    run: Path,
    output: Path | None,
    start: str | None,
    stop: str | None,
    every: str | None,
    fps: float,
    width: int,
    ligand: str | None,
    field: str | None,
    ranges: tuple[str, ...],
    inset: str | None,
    interpolate: bool,
    force: bool,
    quiet: bool,
) -> None:
    """Draw a run's saved times as a movie, like the picture of `plot`.

    Colours mean the same in all pictures. Cells jump from one observation to the next unless they
    are interpolated.
    """
    from sdf1_field.api.runs import Run
    from sdf1_field.record import open_run

    path = output or run.with_suffix(".mp4")
    times = [
        None if text is None else time_of(text, option)
        for option, text in (("--from", start), ("--to", stop), ("--every", every))
    ]
    with Run(open_run(run, interrupted=True), run) as opened, shown_phases(quiet=quiet) as report:
        opened.movie(
            path, start=times[0], stop=times[1], every=times[2], frames_per_second=fps,
            width=width, ligand=ligand, field=field, ranges=ranges, inset=inset,
            interpolate=interpolate, force=force, progress=partial(report, "pictures"),
        )  # fmt: skip
    if not quiet:
        say(path)
