"""Commands that make and describe runs: solve and inspect."""

import bisect
import json
import shlex
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.options import json_option, run_argument, set_option, strict_option
from sdf1_field.cli.printing import say
from sdf1_field.cli.program import fail_interrupted
from sdf1_field.cli.progress import announce_compilation, shown_progress
from sdf1_field.cli.tables import print_table
from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.interrupts import at_time_limit, interruptible

if TYPE_CHECKING:
    from sdf1_field.record.standing import Standing

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
@click.option(
    "--checkpoint-every",
    metavar="TIME",
    default="5 min",
    show_default=True,
    help="Time after which the run is saved, at its next stop.",
)
@click.option(
    "--time-limit",
    metavar="TIME",
    help="Save the run and stop after this time, such as 2h, with exit status 75; with 1 if it "
    "came no further.",
)
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
@click.option(
    "--accept",
    is_flag=True,
    help="Resume also with other versions, or on another kind of computer, than it was begun.",
)
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
    checkpoint_every: str,
    time_limit: str | None,
    resume: bool,
    accept: bool,
    force: bool,
    quiet: bool,
    strict: bool,
) -> None:
    """Solve a model and write a run file (MODEL-seedN.nc unless -o says otherwise)."""
    if accept and not resume:
        raise InputError("--accept: is about a run that is resumed. Add --resume.")
    from sdf1_field.api.options import quantity, quantity_or_none

    limit = quantity_or_none("--time-limit", time_limit, "time")
    every = quantity("--checkpoint-every", checkpoint_every, "time")
    path, before = output, None
    try:
        with interruptible(limit) as check:
            from sdf1_field import record
            from sdf1_field.api.solving import asked, require_possible
            from sdf1_field.units import bytes_text, duration_text

            loaded, seed = asked(
                model, settings=settings, seed=seed, threads=threads, solver=solver
            )
            path = output or Path(f"{loaded.name}-seed{seed}.nc")
            with warnings.catch_warnings():
                if quiet:
                    warnings.simplefilter("ignore", Sdf1FieldWarning)
                require_possible(loaded, path, force=force, resume=resume, strict=strict)
            before = record.standing_of(path)
            file_size, memory = record.expected_size(loaded.spec)
            if not quiet and max(file_size, memory) > _LARGE:
                say(
                    f"about {bytes_text(memory)} of memory, a file of up to "
                    f"{bytes_text(file_size)}, and up to "
                    f"{bytes_text(record.expected_content(loaded.spec))} beside it until it is "
                    "complete",
                    err=True,
                )
            if memory > _LARGE:
                record.keep_freed_memory()
            states = record.output_times(loaded.spec)
            if not quiet:
                announce_compilation()
            with shown_progress(loaded.name, len(states), quiet=quiet) as advance:

                def progress(reached: float) -> None:
                    text = f"{duration_text(reached)} reached"
                    advance(bisect.bisect_right(states, reached), text)

                record.solve(
                    loaded, path, seed=seed, threads=threads, checkpoint_every=every,
                    resume=resume, accept=accept, force=force,
                    command_line=shlex.join(["sdf1-field", *sys.argv[1:]]),
                    progress=progress, check=check,
                )  # fmt: skip
    except KeyboardInterrupt as end:
        gained, left = False, "Nothing had been saved yet."
        if path is not None and before is not None:
            gained, left = _left(path, before)
        if at_time_limit(end) and not gained:
            left = (
                "No stop was reached since the start of this call, and the same call would reach "
                f"none: raise --time-limit. {left}"
            )
        fail_interrupted(end, left, gained=gained)
    if not quiet:
        say(path)


def _left(path: Path, before: "Standing") -> tuple[bool, str]:
    """Whether an interrupted call has gained anything, and what there is of its run."""
    from sdf1_field.record import checkpoint_path, partial_path, standing_of

    after = standing_of(path)
    left = "Nothing had been saved yet."
    if checkpoint_path(path).exists():
        left = f"Results so far are in {partial_path(path)}; go on with --resume."
    elif after.whole != before.whole:
        left = f"{path} is complete."
    return after.beyond(before), left


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
@click.option("--verify", is_flag=True, help="Read everything, and name variables with damage.")
@json_option
def inspect(run: Path, digest: bool, verify: bool, as_json: bool) -> None:
    """Show what a run file holds and whether its mass audit closes."""
    from sdf1_field.record import (
        audit_rows,
        computer_text,
        content_digest,
        field_unit,
        open_run,
        require_undamaged,
        summary,
    )

    with open_run(run, interrupted=True) as opened:
        if verify:
            require_undamaged(opened)
        facts = summary(opened)
        units = {own["name"]: field_unit(opened, own["name"]) for own in facts["ligands"]}
        if digest:
            facts["digest"] = content_digest(opened)
    if as_json:
        say(json.dumps(facts, indent=2))
        return
    say(f"{run}: {facts['title']}")
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
        say(f"\n{ligand['label']} at the end")
        print_table(audit_rows(ligand, units[ligand["name"]]))
