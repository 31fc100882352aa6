"""Commands that make and describe runs: solve and inspect."""

import bisect
import json
import shlex
import signal
import sys
import warnings
from pathlib import Path
from typing import NoReturn

import click

from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.options import json_option, run_argument, set_option, strict_option
from sdf1_field.cli.program import INTERRUPTED, fail
from sdf1_field.cli.progress import announce_compilation, shown_progress
from sdf1_field.cli.tables import print_table
from sdf1_field.errors import Sdf1FieldWarning

_LARGE = 1e9
"""Bytes of file or memory from which a run announces its size, and keeps the memory it has."""


@click.command(
    cls=ExampleCommand,
    examples=r"""
    # a co-culture: about 10 s, a 55-MB file
    sdf1-field solve coculture-kg1a -o run.nc

    # another dish, with AMD3100
    sdf1-field solve coculture-kg1a --seed 2 \
        --set treatments.amd3100.dose="10 uM" -o drug.nc
    """,
)
@click.argument("model")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Run file to write.")
@set_option
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of the dish; the model's if not given."
)
@click.option(
    "--solver",
    metavar="NAME",
    help="Solver of the fields, such as fipy, as --set numerics.solver=NAME; the model's if not "
    "given.",
)
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads."
)
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
@click.option("--force", is_flag=True, help="Replace an existing run file.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@strict_option
def solve(
    model: str,
    output: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
    solver: str | None,
    threads: int,
    resume: bool,
    force: bool,
    quiet: bool,
    strict: bool,
) -> None:
    """Solve a model and write a run file (MODEL-seedN.nc unless -o says otherwise)."""
    from sdf1_field import record
    from sdf1_field.api.solving import asked, require_possible
    from sdf1_field.units import bytes_text, duration_text

    loaded, seed = asked(model, settings=settings, seed=seed, threads=threads, solver=solver)
    path = output or Path(f"{loaded.name}-seed{seed}.nc")
    with warnings.catch_warnings():
        if quiet:
            warnings.simplefilter("ignore", Sdf1FieldWarning)
        require_possible(loaded, path, force=force, resume=resume, strict=strict)
    file_size, memory = record.expected_size(loaded.spec)
    if not quiet and max(file_size, memory) > _LARGE:
        click.echo(
            f"about {bytes_text(memory)} of memory, a file of up to {bytes_text(file_size)}",
            err=True,
        )
    if memory > _LARGE:
        record.keep_freed_memory()
    stopping = False

    def interrupt(*_: object) -> None:
        """Stop after the next complete state; at once at a second interrupt."""
        nonlocal stopping
        if stopping:
            stop()
        stopping = True

    def stop() -> NoReturn:
        """Ignore further interrupts, since the state is saved now."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    states = record.output_times(loaded.spec)
    if not quiet:
        announce_compilation()
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with shown_progress(loaded.name, len(states), quiet=quiet) as advance:

            def progress(reached: float) -> None:
                advance(bisect.bisect_right(states, reached), f"{duration_text(reached)} reached")
                if stopping:
                    stop()

            record.solve(
                loaded, path, seed=seed, threads=threads, resume=resume, force=force,
                command_line=shlex.join(["sdf1-field", *sys.argv[1:]]),
                progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        kept = record.partial_path(path)
        tail = f" Results so far are in {kept}; go on with --resume." if kept.exists() else ""
        fail(f"interrupted.{tail or ' Nothing had been saved yet.'}", INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, before)
    if not quiet:
        click.echo(path)


@click.command(
    cls=ExampleCommand,
    examples="""
    # what the run holds, and its mass audit
    sdf1-field inspect run.nc

    # with a digest, which is the same for the same content
    sdf1-field inspect run.nc --digest
    """,
)
@run_argument
@click.option("--digest", is_flag=True, help="Add the SHA-256 of the run's content.")
@json_option
def inspect(run: Path, digest: bool, as_json: bool) -> None:
    """Show what a run file holds and whether its mass audit closes."""
    from sdf1_field.record import (
        audit_rows,
        computer_text,
        content_digest,
        field_unit,
        open_run,
        summary,
    )

    with open_run(run, interrupted=True) as opened:
        facts = summary(opened)
        units = {own["name"]: field_unit(opened, own["name"]) for own in facts["ligands"]}
        if digest:
            facts["digest"] = content_digest(opened)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    click.echo(f"{run}: {facts['title']}")
    facts["changed"] = "; ".join(facts["changed"]) or "nothing"
    computers = [computer_text(computer) for computer in facts["computed_on"]]
    facts["computed on"] = ", then on ".join(computers) or "not recorded"
    keys = (
        "model",
        "changed",
        "treatment",
        "seed",
        "program",
        "computed on",
        "created",
        "time",
        "grid",
        "stroma",
        "cells",
    )
    print_table([(key, str(facts[key])) for key in (*keys, "digest") if key in facts])
    for ligand in facts["ligands"]:
        click.echo(f"\n{ligand['label']} at the end")
        print_table(audit_rows(ligand, units[ligand["name"]]))
