"""Commands about models: list, new, show and check."""

import json
import shlex
from typing import TYPE_CHECKING, Any

import click

from sdf1_field.cli.examples import ExampleCommand
from sdf1_field.cli.options import json_option, set_option, strict_option
from sdf1_field.cli.printing import say
from sdf1_field.cli.tables import print_table
from sdf1_field.errors import InputError
from sdf1_field.shipped import model_titles

if TYPE_CHECKING:
    from sdf1_field.spec import Entry


@click.command(
    name="list",
    cls=ExampleCommand,
    examples="""
    # the named models
    sdf1-field list

    # the same for another program
    sdf1-field list --json
    """,
)
@json_option
def list_models(as_json: bool) -> None:
    """List the named models."""
    titles = model_titles()
    if as_json:
        say(json.dumps([{"name": n, "title": t} for n, t in titles.items()], indent=2))
        return
    print_table(list(titles.items()))


@click.command(
    cls=ExampleCommand,
    examples="""
    # a co-culture of your own
    sdf1-field new my-dish

    # stroma that grows its network
    sdf1-field new my-network --from biogenesis-fibronectin-5
    """,
)
@click.argument("name")
@click.option(
    "--from",
    "extends",
    metavar="MODEL",
    default="coculture-kg1a",
    show_default=True,
    help="Shipped model to start from.",
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
def new(name: str, extends: str, force: bool) -> None:
    """Write NAME.toml, a model file to start from."""
    from sdf1_field.spec import write_model_file

    path = write_model_file(name, extends=extends, force=force)
    file = shlex.quote(str(path))
    say(f"{path}: edit it, then")
    say(f"  sdf1-field check {file}")
    say(f"  sdf1-field solve {file}")


@click.command(
    cls=ExampleCommand,
    examples="""
    # every value of a model, with its source
    sdf1-field show coculture-kg1a

    # the defaults of all models
    sdf1-field show parameters
    """,
)
@click.argument("model", required=False)
@click.option("--json-schema", is_flag=True, help="Print the JSON schema of model files.")
@set_option
@json_option
def show(model: str | None, json_schema: bool, settings: tuple[str, ...], as_json: bool) -> None:
    """Show a model's every value with its source, or `parameters` for all defaults."""
    from sdf1_field.spec import ModelSpec, asked_model, parameters

    if json_schema:
        say(json.dumps(ModelSpec.model_json_schema(), indent=2))
        return
    if model is None:
        raise click.UsageError("Missing argument 'MODEL'. Try a name from `sdf1-field list`.")
    title = "Defaults in models/parameters.toml"
    if model == "parameters":
        entries = parameters()
        if settings:
            raise InputError("--set: 'parameters' is not a model. Give a model's name.")
    else:
        loaded = asked_model(model, settings=settings)
        entries, title = dict(loaded.entries), f"{loaded.name}: {loaded.spec.title}"
    if as_json:
        say(json.dumps({k: _entry_json(e) for k, e in sorted(entries.items())}, indent=2))
        return
    say(title)
    section = None
    for path, entry in sorted(entries.items()):
        head, _, leaf = path.rpartition(".")
        if head != section:
            say(f"\n[{head}]" if head else "")
            section = head
        interval = f" [{entry.interval[0]} to {entry.interval[1]}]" if entry.interval else ""
        note = f"{entry.status}: {entry.source}{interval}"
        say(f"{leaf:<29} {_value_text(entry):<22} {note}")


def _value_text(entry: "Entry") -> str:
    value = entry.value
    if isinstance(value, str):
        return " ".join(value.split())
    return json.dumps(value)


def _entry_json(entry: "Entry") -> dict[str, Any]:
    return {
        "value": entry.value,
        "source": entry.source,
        "status": entry.status,
        "interval": list(entry.interval) if entry.interval else None,
        "where": entry.where,
        "interval_source": (entry.interval_source or entry.source) if entry.interval else None,
    }


@click.command(
    cls=ExampleCommand,
    examples="""
    # a model file of your own
    sdf1-field check my-dish.toml

    # a named model with a setting
    sdf1-field check coculture-kg1a --set treatments.amd3100.dose="10 uM"
    """,
)
@click.argument("model")
@set_option
@strict_option
def check(model: str, settings: tuple[str, ...], strict: bool) -> None:
    """Check a model or a model file without solving it.

    Says what is implausible, what acts on nothing, and how much memory and disk a run may take.
    """
    from sdf1_field.record import expected_size
    from sdf1_field.spec import (
        asked_model,
        changes_text,
        inherited_unread,
        warn_of_intervals,
    )
    from sdf1_field.units import bytes_text

    loaded = asked_model(model, settings=settings)
    warn_of_intervals(loaded, strict=strict)
    spec = loaded.spec
    own = sum(entry.where != "models/parameters.toml" for entry in loaded.entries.values())
    say(
        f"{model}: a {spec.run.mode} model of {', '.join(spec.solved_ligands) or 'no ligand'} "
        f"with {spec.cell_count or 'no'} {spec.cells.type} cells, scene "
        f"{'drawn' if spec.drawn else spec.scene.mode}; "
        f"{own} values of its own, "
        f"{len(loaded.entries) - own} defaults."
    )
    if changed := changes_text(loaded):
        say(f"changed from the shipped model: {changed}")
    idle: dict[tuple[str, str], list[str]] = {}
    for where, key in inherited_unread(loaded):
        idle.setdefault((where, key.reason), []).append(key.path)
    for (where, reason), paths in idle.items():
        say(f"not read in this model, since {reason}: {', '.join(paths)} ({where})")
    file_size, memory = expected_size(spec)
    say(
        f"a run takes about {bytes_text(memory)} of memory and a file of up to "
        f"{bytes_text(file_size)}"
    )
