"""Commands that make and describe runs: solve and inspect."""

import bisect
import json
import os
import shlex
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from sdf1_field.cli.options import json_option, run_argument, set_option
from sdf1_field.cli.program import INTERRUPTED, fail
from sdf1_field.cli.tables import print_table
from sdf1_field.errors import InputError

_LARGE = 1e9
"""Bytes of file or memory from which a run announces its size."""
_LONG = 100.0
"""Seconds from which on a time is given in minutes."""
_RECENT = 12
"""States whose pace says how long the rest of a run will take."""


@click.command()
@click.argument("model")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Run file to write.")
@set_option
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of the dish; the model's if not given."
)
@click.option(
    "--solver",
    type=click.Choice(["cosine", "fipy"]),
    help="Solver of the fields, as --set numerics.solver=...; the model's if not given.",
)
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads."
)
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
@click.option("--force", is_flag=True, help="Replace an existing run file.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
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
) -> None:
    """Solve a model and write a run file (MODEL-seedN.nc unless -o says otherwise)."""
    from sdf1_field.spec import load_model
    from sdf1_field.units import bytes_text, duration_text

    if solver is not None:
        settings = (*settings, f"numerics.solver={solver}")
    loaded = load_model(model, settings=settings)
    seed = loaded.spec.run.seed if seed is None else seed
    path = output or Path(f"{loaded.name}-seed{seed}.nc")
    cores = os.cpu_count() or 1
    if threads > cores:
        raise InputError(
            f"--threads {threads}: this machine has {cores} cores. Ask for at most that."
        )
    from sdf1_field import record

    record.claim_output(path, force=force, resume=resume)
    record.require_memory(loaded)
    file_size, memory = record.expected_size(loaded.spec)
    if not quiet and max(file_size, memory) > _LARGE:
        click.echo(
            f"about {bytes_text(memory)} of memory, a file of up to {bytes_text(file_size)}",
            err=True,
        )
    asked = False

    def interrupt(*_: object) -> None:
        """Stop after the next state, where nothing is half done; at once if asked twice."""
        nonlocal asked
        if asked:
            stop()
        asked = True

    def stop() -> NoReturn:
        """From here on the state is being saved, which nothing may interrupt."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    states = record.output_times(loaded.spec)
    pace: deque[tuple[float, int]] = deque(maxlen=_RECENT)

    def progress(reached: float) -> None:
        done = bisect.bisect_right(states, reached)
        pace.append((time.monotonic(), done))
        left = _time_left_text(pace, len(states) - done)
        bar.update(done - bar.pos, f"{duration_text(reached)}{left}")
        if asked:
            stop()

    bar: Any = click.progressbar(
        length=len(states), label=loaded.name, file=sys.stderr, show_eta=False,
        item_show_func=lambda text: text, hidden=quiet or not sys.stderr.isatty(),
    )  # fmt: skip
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with bar:
            record.solve(
                loaded, path, seed=seed, threads=threads, resume=resume, force=force,
                command_line=shlex.join(["sdf1-field", *sys.argv[1:]]),
                progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        kept = record.partial_path(path)
        tail = f" What was computed is in {kept}; go on with --resume." if kept.exists() else ""
        fail(f"interrupted.{tail or ' Nothing had been saved yet.'}", INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, before)
    if not quiet:
        click.echo(path)


def _time_left_text(pace: Sequence[tuple[float, int]], states: int) -> str:
    """Time left for some states at the pace of the last: clock [s] and number done of each."""
    (begun, first), (now, last) = pace[0], pace[-1]
    if last == first:
        return ""
    seconds = (now - begun) * states / (last - first)
    return f", {seconds / 60:.0f} min left" if seconds > _LONG else f", {seconds:.0f} s left"


@click.command()
@run_argument
@click.option("--digest", is_flag=True, help="Add the SHA-256 of the run's content.")
@json_option
def inspect(run: Path, digest: bool, as_json: bool) -> None:
    """Show what a run file holds and whether its mass audit closes."""
    from sdf1_field.record import content_digest, open_run, summary

    with open_run(run) as opened:
        facts = summary(opened)
        if digest:
            facts["digest"] = content_digest(opened)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    click.echo(f"{run}: {facts['title']}")
    keys = ("model", "treatment", "seed", "program", "created", "time", "grid", "stroma", "cells")
    print_table([(key, str(facts[key])) for key in (*keys, "digest") if key in facts])
    for ligand in facts["ligands"]:
        low, mean, high = (ligand["floor"][k] for k in ("min", "mean", "max"))
        missing = ligand["imbalance"]
        click.echo(f"\n{ligand['label']} at the end")
        print_table(
            [
                ("in the medium at the floor", f"{low:.4g} to {high:.4g} nM, mean {mean:.4g} nM"),
                ("lowest value so far", f"{ligand['minimum']:.4g} nM"),
                ("bound to the coat, mean", f"{ligand['bound_mean']:.4g} molecules/um2"),
                *[
                    (f"molecules {entry.replace('_', ' ')}", f"{amount:.6g}")
                    for entry, amount in ligand["masses"].items()
                ],
                (
                    "missing from the audit",
                    "none is kept in steady state" if missing is None else f"{missing:.1e} of all",
                ),
            ]
        )
