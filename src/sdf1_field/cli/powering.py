"""The command power, and its tables."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from sdf1_field.cli.costs import cost_text
from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.options import (
    json_option,
    processes_options,
    require_one_of_processes,
    set_option,
    time_of,
)
from sdf1_field.cli.printing import say
from sdf1_field.cli.program import fail, fail_interrupted
from sdf1_field.cli.progress import announce_compilation, shown_phases
from sdf1_field.cli.tables import print_table
from sdf1_field.errors import InputError

if TYPE_CHECKING:
    from sdf1_field.ensemble import Failure
    from sdf1_field.ensemble.expecting import Expected
    from sdf1_field.studies.power_report import PowerFound

_NUMBERS, _VIEWS = "3,4,6,10", "1,2,4"
_OF_MODELS = {
    "against": "--against", "own": "--with", "settings": "--set", "at": "--at",
    "quantity": "--quantity", "posterior": "--posterior", "draws": "--draws",
    "variation": "--variation", "alpha": "--alpha", "test": "--test",
}  # fmt: skip
"""Options that have no meaning with --claim."""


@click.command(
    cls=ExampleCommand,
    examples=r"""
    # how many dishes show the effect of AMD3100 10 uM?
    sdf1-field power coculture-kg1a-amd3100-10um --against coculture-kg1a

    # at a dose that no paper has, for four or six replicates
    sdf1-field power coculture-kg1a --with treatments.amd3100.dose="3 uM" \
        --against coculture-kg1a --n 4,6 -o 3um
    """,
)
@click.argument("model", metavar="MODEL|PAPER")
@click.option("--against", metavar="MODEL", help="The other group of the experiment.")
@click.option(
    "--with", "own", multiple=True, metavar="KEY=VALUE",
    help="Change one value of MODEL alone. May be repeated.",
)  # fmt: skip
@set_option
@click.option(
    "--n", "numbers", metavar="N,...", default=_NUMBERS, show_default=True,
    help="Replicates in each group.",
)  # fmt: skip
@click.option(
    "--views", metavar="N,...", default=_VIEWS, show_default=True,
    help="Simulated views that each replicate is the sum of.",
)  # fmt: skip
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Two-sided level.")
@click.option(
    "--test", default="student", show_default=True, metavar="NAME",
    help="student, welch (unequal variances), or paired (dishes of both share their stroma).",
)  # fmt: skip
@click.option(
    "--power", "target", type=float, default=0.8, show_default=True,
    help="Of which the least number of replicates is sought.",
)  # fmt: skip
@click.option(
    "--variation", metavar="NUMBER",
    help="Coefficient of variation between experiments beyond their dishes, such as 0.15.  "
    "[default: as papers' experiments are taken to vary, half-normal of scale 0.15]",
)  # fmt: skip
@click.option("--quantity", metavar="NAME", help="Reading to compare.  [default: fold change]")
@click.option(
    "--at", metavar="TIME", help="When it is read.  [default: 4 h, or the end of a shorter run]"
)
@click.option(
    "--dishes", type=click.IntRange(min=2), default=48, show_default=True,
    help="Simulated dishes of each model.",
)  # fmt: skip
@click.option(
    "--posterior", metavar="DIR|recorded",
    help="Also over draws of a posterior: a folder of calibrate, or the recorded one.",
)  # fmt: skip
@click.option(
    "--draws", type=click.IntRange(min=2), default=16, show_default=True, help="Of the posterior."
)
@click.option(
    "--claim", "ids", multiple=True, metavar="ID",
    help="The chance that a paper's experiment reports this claim, in place of two models. May be "
    "repeated.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Where dishes and results go.  [default: power-MODEL-vs-MODEL-seedN]",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True,
    help="Every dish's own seed is drawn from it.",
)  # fmt: skip
@processes_options
@click.option("--quiet", is_flag=True, help="Show no progress, only the tables and errors.")
@json_option
def power(
    model: str,
    against: str | None,
    own: tuple[str, ...],
    settings: tuple[str, ...],
    numbers: str,
    views: str,
    alpha: float,
    test: str,
    target: float,
    variation: str | None,
    quantity: str | None,
    at: str | None,
    dishes: int,
    posterior: str | None,
    draws: int,
    ids: tuple[str, ...],
    output: Path | None,
    seed: int,
    workers: int | None,
    scheduler: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Find the chance that an experiment of a given size shows the difference of two models.

    Finished dishes are kept in DIR, and the same command goes on where it was stopped.
    """
    require_one_of_processes(workers, scheduler)
    sizes = whole_numbers(numbers, "--n"), whole_numbers(views, "--views")
    if ids:
        for name, option in _OF_MODELS.items():
            if _given(name):
                raise InputError(
                    f"--claim and {option}: a claim has its own models and tests. Leave one out."
                )
        _power_of_claims(
            model, ids, *sizes, target, dishes, output, seed, workers=workers,
            scheduler=scheduler, quiet=quiet, as_json=as_json,
        )  # fmt: skip
        return
    if against is None:
        raise InputError("--against: missing. Name the model of the other group.")
    if posterior is None and _given("draws"):
        raise InputError("--draws: are of a posterior. Give --posterior, or leave it out.")
    from sdf1_field.api.powering import FILES, posterior_draws, require_own_folder, write_power
    from sdf1_field.studies import compared as models
    from sdf1_field.studies import power_report

    first = models.Side(model, own)
    question = power_report.asked(
        models.compared(
            first, models.Side(against), shared=settings,
            quantity="fold change" if quantity is None else quantity,
            time=None if at is None else time_of(at),
        ),
        numbers=sizes[0], views=sizes[1], alpha=alpha, test=test, power=target,
        variation=None if variation is None else _number(variation, "--variation"),
        dishes=dishes, seed=seed,
    )  # fmt: skip
    of_posterior = posterior_draws(question, posterior, draws)
    folder = output or Path(models.folder_name(first, models.Side(against), seed))
    require_own_folder(folder, question)
    if not quiet and scheduler is None:
        announce_compilation()
    try:
        with shown_phases(quiet=quiet) as advance:
            found = power_report.answered(
                question, folder, draws=of_posterior, scheduler=scheduler, workers=workers,
                expected=None if quiet else _say_expected, progress=advance,
            )  # fmt: skip
    except KeyboardInterrupt as end:
        kept = len(list((folder / "runs").glob("*.nc")))
        fail_interrupted(end, f"{folder} keeps {kept} finished dishes; the same command goes on.")
    write_power(found, folder)
    if as_json:
        say(json.dumps(power_report.as_json(found), indent=2))
    else:
        _print_found(found)
        say(f"\n{folder}: {', '.join(FILES)}, runs.csv")
    _end_with(found.failures, 2 * dishes)


def _power_of_claims(
    paper: str,
    ids: tuple[str, ...],
    numbers: tuple[int, ...],
    views: tuple[int, ...],
    target: float,
    dishes: int,
    output: Path | None,
    seed: int,
    *,
    workers: int | None,
    scheduler: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Chances that a paper's experiment reports some claims, by its size."""
    from sdf1_field.api.powering import FILES, claims_folder, power_of_claims
    from sdf1_field.studies import claim_power

    folder = output or claims_folder(paper, seed)
    if not quiet and scheduler is None:
        announce_compilation()
    try:
        with shown_phases(quiet=quiet) as advance:
            found = power_of_claims(
                paper, ids, n=numbers, views=views, target=target, dishes=dishes, seed=seed,
                folder=folder, scheduler=scheduler, workers=workers,
                expected=None if quiet else _say_expected,
                progress=lambda done, total: advance("dishes", done, total),
            ).found  # fmt: skip
    except KeyboardInterrupt as end:
        kept = len(list((folder / "runs").glob("*.nc")))
        fail_interrupted(end, f"{folder} keeps {kept} finished dishes; the same command goes on.")
    if as_json:
        say(json.dumps(claim_power.as_json(found), indent=2))
    else:
        print_table(claim_power.size_rows(found), claim_power.CLAIMS)
        if found.least:
            say(f"\nleast n with a chance of {100.0 * target:g} %:")
            print_table(claim_power.least_rows(found), claim_power.LEAST)
        say(f"\n{claim_power.NOTES}")
        say(f"\n{folder}: {', '.join(FILES)}, runs.csv")
    _end_with(found.failures, claim_power.dishes_of(found.paper, dishes, views))


def _given(name: str) -> bool:
    """Whether an option of the command stands in the call."""
    source = click.get_current_context().get_parameter_source(name)
    return source not in (None, ParameterSource.DEFAULT)


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """Whole numbers between commas.

    Examples
    --------
    >>> whole_numbers("3,4, 6", "--n")
    (3, 4, 6)
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"{option}: '{text}' is no list of whole numbers. Write it like 3,4,6."
        ) from None


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{option}: '{text}' is no number. Write it like 0.15.") from None


def _say_expected(expected: "Expected") -> None:
    """What it costs, before it starts."""
    if expected.finished < expected.dishes:
        say(cost_text(expected), err=True)


def _print_found(found: "PowerFound") -> None:
    """What groups are expected to show, power, and how large an experiment must be."""
    from sdf1_field.studies import power_report as report

    compared = found.asked.compared
    say(f"first: {compared.first.label}\nagainst: {compared.against.label}\n")
    for make in (report.effect_rows, report.power_rows, report.least_rows):
        header, rows = make(found)
        if make is report.least_rows:
            header = tuple(
                f"{name} ({100.0 * found.asked.power:g} %)" if name == "at least" else name
                for name in header
            )
        print_table(rows, header)
        say()
    say(report.notes(found))


def _end_with(failures: "tuple[Failure, ...]", total: int) -> None:
    """Name dishes that failed, and end with status 1 if some did."""
    for failure in failures:
        dish = failure.dish
        say(f"sdf1-field: {dish.model}, seed {dish.seed}: {failure.message}", err=True)
    if failures:
        fail(
            f"{len(failures)} of {total} dishes failed, and power is found without them. The same "
            "command tries them again.",
            1,
        )
