"""Command line; whatever needs NumPy is imported by the command that uses it."""

import bisect
import contextlib
import json
import math
import os
import shlex
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from sdf1_field import __version__
from sdf1_field.errors import InputError, Sdf1FieldError
from sdf1_field.shipped import model_titles

if TYPE_CHECKING:
    import xarray as xr

    from sdf1_field.reproduce import Report
    from sdf1_field.spec import Entry

_INTERRUPTED = 130
_LARGE = 1e9
"""Bytes of file or memory from which a run announces its size."""
_LONG = 100.0
"""Seconds from which on a time is given in minutes."""
_RECENT = 12
"""States whose pace says how long the rest of a run will take."""
_MANY = 1000.0
"""From here on a number is shown without decimals."""


class _Program(click.Group):
    """Turns every error a user can cause into one line and an exit status."""

    def main(self, *args: Any, **extra: Any) -> Any:
        extra["standalone_mode"] = False
        try:
            status = super().main(*args, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else "sdf1-field"
            _fail(f"{error.format_message()} Try '{path} --help'.", error.exit_code)
        except Sdf1FieldError as error:
            _fail(str(error), error.exit_status)
        except MemoryError:
            _fail("out of memory. Raise grid.spacing or make the dish smaller.", 1)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            _fail(f"{error.filename or 'a file'}: {reason}. Check the path.", 2)
        except (KeyboardInterrupt, click.Abort):
            _fail("interrupted.", _INTERRUPTED)
        sys.exit(status if isinstance(status, int) else 0)


def _fail(text: str, status: int) -> NoReturn:
    click.echo(f"sdf1-field: {' '.join(text.split())}", err=True)
    sys.exit(status)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sdf1-field")
def main() -> None:
    """Chemokine fields of stromal cells and their migrasomes, and the cells that gather on them."""


def _json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(
        command
    )


def _set_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--set", "settings", multiple=True, metavar="KEY=VALUE",
        help="Override one value, such as treatments.amd3100.dose='10 uM'. May be repeated.",
    )(command)  # fmt: skip


def _table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = ()) -> None:
    """Left-aligned columns; the last one is as long as it is."""
    lines = [header, *rows] if header else list(rows)
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        click.echo("  ".join([*cells, line[-1]]).rstrip())


@main.command(name="list")
@_json_option
def list_models(as_json: bool) -> None:
    """List the named models."""
    titles = model_titles()
    if as_json:
        click.echo(json.dumps([{"name": n, "title": t} for n, t in titles.items()], indent=2))
        return
    _table(list(titles.items()))


@main.command()
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
    click.echo(f"{path}: edit it, then")
    click.echo(f"  sdf1-field check {file}")
    click.echo(f"  sdf1-field solve {file}")


@main.command()
@click.argument("model", required=False)
@click.option("--json-schema", is_flag=True, help="Print the JSON schema of model files.")
@_set_option
@_json_option
def show(model: str | None, json_schema: bool, settings: tuple[str, ...], as_json: bool) -> None:
    """Show a model's every value with its source, or `parameters` for all defaults."""
    from sdf1_field.spec import ModelSpec, load_model, parameters

    if json_schema:
        click.echo(json.dumps(ModelSpec.model_json_schema(), indent=2))
        return
    if model is None:
        raise click.UsageError("Missing argument 'MODEL'. Try a name from `sdf1-field list`.")
    title = "Defaults in models/parameters.toml"
    if model == "parameters":
        entries = parameters()
        if settings:
            raise InputError("--set: 'parameters' is not a model. Give a model's name.")
    else:
        loaded = load_model(model, settings=settings)
        entries, title = dict(loaded.entries), f"{loaded.name}: {loaded.spec.title}"
    if as_json:
        click.echo(json.dumps({k: _entry(e) for k, e in sorted(entries.items())}, indent=2))
        return
    click.echo(title)
    section = None
    for path, entry in sorted(entries.items()):
        head, _, leaf = path.rpartition(".")
        if head != section:
            click.echo(f"\n[{head}]" if head else "")
            section = head
        interval = f" [{entry.interval[0]} to {entry.interval[1]}]" if entry.interval else ""
        note = f"{entry.status}: {entry.source}{interval}"
        click.echo(f"{leaf:<29} {_value(entry):<22} {note}")


def _value(entry: "Entry") -> str:
    value = entry.value
    if isinstance(value, str):
        return " ".join(value.split())
    return json.dumps(value)


def _entry(entry: "Entry") -> dict[str, Any]:
    return {
        "value": entry.value,
        "source": entry.source,
        "status": entry.status,
        "interval": list(entry.interval) if entry.interval else None,
        "where": entry.where,
    }


@main.command()
@click.argument("model")
@_set_option
def check(model: str, settings: tuple[str, ...]) -> None:
    """Check a model or a model file without solving it."""
    from sdf1_field.spec import load_model

    loaded = load_model(model, settings=settings)
    spec = loaded.spec
    own = sum(entry.where != "models/parameters.toml" for entry in loaded.entries.values())
    click.echo(
        f"{model}: a {spec.run.mode} model of {', '.join(spec.solved_ligands) or 'no ligand'} "
        f"with {spec.cell_count or 'no'} {spec.cells.type} cells, scene {spec.scene.mode}; "
        f"{own} values of its own, "
        f"{len(loaded.entries) - own} defaults."
    )


@main.command()
@click.argument("model")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Run file to write.")
@_set_option
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
    from sdf1_field.units import duration_text

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
    file_size, memory = record.expected_size(loaded.spec)
    available = _available_memory()
    if memory > available:
        raise InputError(
            f"{model}: needs about {_bytes(memory)} of memory, and this machine has "
            f"{_bytes(available)} free. Raise grid.spacing, or make the dish smaller."
        )
    if not quiet and max(file_size, memory) > _LARGE:
        click.echo(
            f"about {_bytes(memory)} of memory, a file of up to {_bytes(file_size)}",
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
        left = _left(pace, len(states) - done)
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
        _fail(f"interrupted.{tail or ' Nothing had been saved yet.'}", _INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, before)
    if not quiet:
        click.echo(path)


def _bytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= _LARGE else f"{math.ceil(size / 1e6)} MB"


def _available_memory() -> float:
    """Memory [bytes] that nobody uses, or all there is where the system does not say."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * float(line.split()[1])
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _left(pace: Sequence[tuple[float, int]], states: int) -> str:
    """Time left for some states at the pace of the last: clock [s] and number done of each."""
    (begun, first), (now, last) = pace[0], pace[-1]
    if last == first:
        return ""
    seconds = (now - begun) * states / (last - first)
    return f", {seconds / 60:.0f} min left" if seconds > _LONG else f", {seconds:.0f} s left"


def _run_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("run", metavar="RUN.nc", type=click.Path(path_type=Path))(command)


@main.command()
@_run_argument
@click.option("--digest", is_flag=True, help="Add the SHA-256 of the run's content.")
@_json_option
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
    _table([(key, str(facts[key])) for key in (*keys, "digest") if key in facts])
    for ligand in facts["ligands"]:
        low, mean, high = (ligand["floor"][k] for k in ("min", "mean", "max"))
        missing = ligand["imbalance"]
        click.echo(f"\n{ligand['label']} at the end")
        _table(
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


_OF_STROMA = ("network", "cargo", "field")
_SHOWN = ("fold-change", "course", "distance", "dwell", "approach", "motion", *_OF_STROMA)
_AT_TIMES = ("fold-change", "distance", *_OF_STROMA)
_COMPARED = ("fold-change", "motion", *_OF_STROMA)
"""Tables of `analyse`; which of them need no cells, are of single times, and have a comparison."""


@main.command()
@click.argument(
    "runs", metavar="RUN.nc...", type=click.Path(path_type=Path), nargs=-1, required=True
)
@click.option(
    "--show",
    "kind",
    type=click.Choice(_SHOWN),
    help="fold-change: cells per region (default with MSC). course: fold change over time. "
    "distance: density against distance from bodies and migrasomes. dwell: how long cells stay. "
    "approach: chemotactic index against distance. motion: paths, speed, persistence (default "
    "without MSC). network: MSC with fibres and migrasomes, fates and sizes of migrasomes (default "
    "without haematopoietic cells). cargo: chemokines in cells and migrasomes, and which way they "
    "were secreted (default without haematopoietic cells if cargo is followed). field: "
    "concentration on the floor under and around bodies and migrasomes.",
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
    "fields (network), t test over migrasomes, cells and dishes (cargo), ratio (field). May be "
    "repeated.",
)
@click.option("--paired", is_flag=True, help="Compare fold changes donor by donor.")
@_json_option
def analyse(
    runs: tuple[Path, ...],
    kind: str | None,
    at: tuple[str, ...],
    against: tuple[Path, ...],
    paired: bool,
    as_json: bool,
) -> None:
    """Count cells by region or distance, say how they move, or count networks and their cargo.

    Several runs count as dishes of one experiment.
    """
    from contextlib import ExitStack

    from sdf1_field import analysis
    from sdf1_field.record import open_run

    times = [_time(text) for text in at] or None
    with ExitStack() as stack:
        opened: list[xr.Dataset] = [stack.enter_context(open_run(path)) for path in runs]
        control: list[xr.Dataset] = [stack.enter_context(open_run(path)) for path in against]
        kind = kind or _usual_table(opened)
        if kind not in _OF_STROMA:
            for run in (*opened, *control):
                analysis.observation_times(run)
        _require_sense(kind, at=bool(at), against=bool(against), paired=paired)
        table: Any
        if kind == "fold-change":
            table = analysis.analyse_runs(opened, times, against=control, paired=paired)
        elif kind == "distance":
            table = analysis.distance_table(opened, times)
        elif kind == "motion":
            table = analysis.motion_table(opened, control)
        elif kind == "network":
            table = analysis.network_table(opened, times, against=control)
        elif kind == "cargo":
            table = analysis.cargo_table(opened, times, against=control)
        elif kind == "field":
            table = analysis.field_table(opened, times, against=control)
        else:
            make = {
                "course": analysis.course_table,
                "dwell": analysis.dwell_table,
                "approach": analysis.approach_table,
            }[kind]
            table = make(opened)
    if as_json:
        click.echo(json.dumps(table, indent=2))
        return
    dishes = _dishes(len(runs))
    over = "" if len(runs) == 1 else " with 95 % interval over dishes"
    if kind == "fold-change":
        _print_fold_changes(table, dishes, len(control))
    elif kind == "course":
        _print_course(table, f"{dishes}; fold change over free surface{over}")
    elif kind == "distance":
        _print_distances(table, dishes, over)
    elif kind == "dwell":
        _print_dwell(table, dishes)
    elif kind == "approach":
        _print_approach(table, dishes)
    elif kind == "network":
        _print_networks(table)
    elif kind == "cargo":
        _print_cargo(table)
    elif kind == "field":
        _print_fields(table, dishes, bool(control))
    else:
        _print_motion(table)


def _usual_table(runs: Sequence["xr.Dataset"]) -> str:
    """Table of `analyse` that suits what there is in some runs."""
    from sdf1_field.analysis import has_msc, has_stroma, holds_cargo

    if any(map(has_msc, runs)) and not any("cell_time" in run for run in runs):
        return "cargo" if all(map(holds_cargo, runs)) else "network"
    return "fold-change" if any(map(has_stroma, runs)) else "motion"


def _require_sense(kind: str, *, at: bool, against: bool, paired: bool) -> None:
    """Raise InputError if an option says nothing about a kind of table."""
    if at and kind not in _AT_TIMES:
        raise InputError(
            f"--at: '{kind}' is of the whole recording. Leave --at away, or --show "
            f"{' or '.join(_AT_TIMES)}."
        )
    if against and kind not in _COMPARED:
        raise InputError(
            f"--against: '{kind}' has no test. Leave it away, or --show {' or '.join(_COMPARED)}."
        )
    if paired and not against:
        raise InputError("--paired: there is nothing to compare with. Give --against CONTROL.nc.")
    if paired and kind != "fold-change":
        raise InputError(
            f"--paired: '{kind}' compares cells, and these have no partners. Leave it away."
        )


def _print_fold_changes(rows: list[dict[str, Any]], dishes: str, controls: int) -> None:
    from sdf1_field.analysis import p_text
    from sdf1_field.units import duration_text

    several = "" if dishes == "1 dish" else ", fold change with 95 % interval"
    click.echo(f"{dishes}{several}; a cell counts for the region under its centre")
    header = (
        *("time", "region", "mm2", "cells", "per mm2", "fold change"),
        *("if touching counted", "encounter limit"),
    )
    lines = [
        (
            duration_text(row["time"]),
            row["region"],
            f"{row['area_mm2']:.4f}",
            f"{row['cells']:g}",
            _number(row["density_per_mm2"]),
            _number(row["fold_change"]) + _interval(row["interval"]),
            _touching(row["touching_fold_change"], row["touching_uniform"]),
            _number(row["encounter_limit"]),
        )
        for row in rows
    ]
    _table(lines, header)
    compared = [row for row in rows if "against" in row]
    if not compared:
        return
    test = compared[0]["against"]["test"]
    noun = "dish" if controls == 1 else "dishes"
    click.echo(f"\nagainst {controls} {noun} of the control; mean ± S.D. of dishes' fold changes")
    _table(
        [
            (
                duration_text(row["time"]),
                row["region"],
                _spread(row["against"]["mean"], row["against"]["deviation"]),
                _spread(row["against"]["control_mean"], row["against"]["control_deviation"]),
                _number(row["against"]["ratio_of_means"]),
                p_text(row["against"]["p"]),
            )
            for row in compared
        ],
        ("time", "region", "runs", "control", "ratio of means", f"p ({test} test)"),
    )


def _print_course(rows: list[dict[str, Any]], title: str) -> None:
    from sdf1_field.units import duration_text

    click.echo(title)
    lines = [
        (
            duration_text(first["time"]),
            *(
                text
                for row in (first, second)
                for text in (
                    f"{row['cells']:g}",
                    _number(row["fold_change"]) + _interval(row["interval"]),
                    _number(row["encounter_limit"]),
                )
            ),
        )
        for first, second in zip(rows[::2], rows[1::2], strict=True)
    ]
    columns = tuple(
        text
        for row in rows[:2]
        for text in (f"on {row['region']}", "fold change", "encounter limit")
    )
    _table(lines, ("time", *columns))


def _print_distances(rows: list[dict[str, Any]], dishes: str, over: str) -> None:
    from sdf1_field.units import duration_text

    click.echo(
        f"{dishes}; by distance of a cell's centre from the nearest edge (bodies are ellipses, "
        f"migrasomes discs); ratio to the density all over the floor{over}"
    )
    lines = [
        (
            duration_text(row["time"]),
            row["from_edge_of"],
            _bin(row["lower_um"], row["upper_um"]),
            f"{row['area_mm2']:.4f}",
            f"{row['cells']:g}",
            _number(row["density_per_mm2"]),
            _number(row["ratio"]) + _interval(row["interval"]),
        )
        for row in rows
    ]
    _table(lines, ("time", "from edge of", "um", "mm2", "cells", "per mm2", "ratio"))


def _print_dwell(rows: list[dict[str, Any]], dishes: str) -> None:
    click.echo(
        f"{dishes}; stays over a region. Constant rate: mean if cells leave at one, corrected for "
        "the frames; mean (95 % interval over cells) and median by Kaplan-Meier, too long by half "
        "a frame or more"
    )
    lines = [
        (
            row["region"],
            f"{100 * row['share_of_time']:.0f} %",
            str(row["episodes"]),
            str(row["cut"]),
            _minutes(row["constant_rate_dwell"]),
            ("> " if row["restricted"] else "") + _minutes(row["mean_dwell"], row["interval"]),
            _minutes(row["median_dwell"]),
        )
        for row in rows
    ]
    header = (
        *("region", "of all time", "stays", "cut by the end"),
        *("constant rate, min", "mean, min", "median, min"),
    )
    _table(lines, header)
    if any(row["restricted"] for row in rows):
        click.echo("> lower bound: some stays outlast the recording")
    unseen = sum(row["unseen_begin"] for row in rows)
    if unseen:
        click.echo(f"{unseen} stays that began before the recording are left out")


def _print_approach(rows: list[dict[str, Any]], dishes: str) -> None:
    click.echo(
        f"{dishes}; cells that crawl on free surface: way towards the nearest edge over way made "
        "between frames, with 95 % interval over cells"
    )
    lines = [
        (
            row["to_edge_of"],
            _bin(row["lower_um"], row["upper_um"]),
            str(row["cells"]),
            str(row["steps"]),
            "-" if row["index"] is None else f"{row['velocity_um_per_min']:+.3f}",
            "-" if row["index"] is None else f"{row['index']:+.3f}",
            "-"
            if row["interval"] is None
            else f"{row['interval'][0]:+.3f} to {row['interval'][1]:+.3f}",
        )
        for row in rows
    ]
    header = (
        *("to edge of", "um", "cells", "steps", "towards it, um/min"),
        *("chemotactic index", "interval"),
    )
    _table(lines, header)
    click.echo(
        "the index is over straight steps between frames and grows with the time between them; "
        "near an edge cells that are caught, or in each other's way, shift the index without any "
        "attraction: compare with a run without sensing"
    )


def _print_motion(table: dict[str, Any]) -> None:
    from sdf1_field.analysis import p_text
    from sdf1_field.units import duration_text

    groups = [g for g in (table["runs"], table["control"]) if g is not None]
    first = groups[0]
    click.echo(
        f"tracked for {duration_text(first['tracked_time'])} in frames every "
        f"{duration_text(first['interval'])}; 95 % intervals over cells"
    )

    def line(name: str, value: Callable[[dict[str, Any]], str]) -> tuple[str, ...]:
        return (name, *(value(group) for group in groups))

    lines = [
        line(
            "cells", lambda g: f"{g['cells']} in {g['dishes']} dish{'es'[: 2 * (g['dishes'] > 1)]}"
        ),
        line(
            "path length per cell, um",
            lambda g: f"mean {g['path_um']['mean']:.1f}, median {g['path_um']['median']:.1f}",
        ),
        line("net displacement, um", lambda g: f"mean {g['net_displacement_um']:.1f}"),
        line("straightness (net over path), mean of cells", lambda g: _number(g["straightness"])),
        line(
            "speed from frame to frame, um/min",
            lambda g: (
                _number(g["apparent_speed_um_per_min"]) + _interval(g["apparent_speed_interval"])
            ),
        ),
        line(
            "speed, corrected for the frames, um/min",
            lambda g: _number(g["speed_um_per_min"]) + _interval(g["speed_interval"]),
        ),
        line(
            "persistence time, min",
            lambda g: _number(g["persistence_min"]) + _interval(g["persistence_interval"]),
        ),
        line(
            "motility coefficient, um2/min",
            lambda g: _number(g["motility_um2_per_min"]) + _interval(g["motility_interval"]),
        ),
    ]
    labels = [g["label"] for g in groups]
    _table(lines, ("", labels[0], *(f"control: {label}" for label in labels[1:])))
    if first["fitted_to"]:
        click.echo(
            "corrected: persistent random walk fitted to mean square displacements up to "
            f"{duration_text(first['fitted_to'])} that begin out of reach of the walls"
        )
    notes = [[note for note in group["note"].split("; ") if note] for group in groups]
    for note in dict.fromkeys(note for own in notes for note in own):
        whose = [note in own for own in notes]
        only = "" if all(whose) else (" on the runs" if whose[0] else " on the control")
        click.echo(f"note{only}: {note}")
    if table["comparison"] is not None:
        found = table["comparison"]
        click.echo(
            f"path length against the control: ratio of medians "
            f"{_number(found['ratio_of_medians'])}{_interval(found['interval'])}, "
            f"p {p_text(found['p'])} ({found['test']} test over cells)"
        )


_NETWORK_LABELS = {
    "msc_with_fibres": "MSC with retraction fibres, %",
    "msc_with_migrasomes": "MSC with migrasomes, %",
    "fibre_bearing_with_migrasomes": "of MSC with fibres, those with migrasomes, %",
    "networks_by_retraction": "of MSC with fibres, those mostly by retraction, %",
    "migrasomes_per_cell": "migrasomes per MSC that has some",
    "migrasomes_per_msc": "migrasomes per MSC, with or without",
    "attached_per_mm2": "attached migrasomes per mm2",
    "detached_per_mm2": "detached migrasomes per mm2",
    "diameter_um": "diameter of migrasomes, um",
}
_AREA_LABELS = {
    "msc": "area under MSC, %",
    "network": "area of networks, %",
    "free_surface": "area of free surface, %",
}
_FATE_LABELS = {
    "nucleated": "migrasomes formed so far",
    "ruptured": "of these, ruptured",
    "drifted_away": "of these, drifted away",
    "taken_up": "of these, taken up by cells",
}
_SIZE_LABELS = (
    ("by_age", "min", "age, min"),
    ("by_distance", "um", "from the edge of their MSC, um"),
)


def _print_networks(rows: list[dict[str, Any]]) -> None:
    from sdf1_field.units import duration_text

    for n, row in enumerate(rows):
        groups = {"runs": row["runs"]}
        if row["control"] is not None:
            groups["control"] = row["control"]
        sizes = [
            ("control: " if name == "control" else "")
            + f"{_dishes(own['dishes'])}, {own['area_mm2']:.3g} mm2"
            for name, own in groups.items()
        ]
        if n:
            click.echo()
        click.echo(f"at {duration_text(row['time'])}; {'; '.join(sizes)}")
        _print_network_figures(groups)
        for key, unit, label in _SIZE_LABELS:
            click.echo()
            _print_sizes(groups, key, unit, label)
        if row["tests"] is not None:
            click.echo()
            _print_network_tests(row["tests"])


def _print_network_figures(groups: dict[str, dict[str, Any]]) -> None:
    """Pooled values, what was counted for them, and the spread over dishes if there are several."""
    columns = []
    for name, own in groups.items():
        lines = _network_lines(own)
        columns.append(["", *[label for label, *_ in lines]])
        titles = (name, "counted", "mean ± S.D. over dishes")
        columns += [
            [title, *[line[n] for line in lines]] for n, title in enumerate(titles, start=1)
        ]
    shown = [columns[0], *[c for c in columns if c[0] and any(c[1:])]]
    header, *rows = zip(*shown, strict=True)
    _table(rows, header)


def _network_lines(own: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Label, pooled value, what was counted, and what dishes have."""

    def line(label: str, values: dict[str, Any], counted: str) -> tuple[str, str, str, str]:
        over_dishes = ""
        if own["dishes"] > 1 and values["mean"] is not None:
            over_dishes = " ± ".join(_in_unit(label, values[k]) for k in ("mean", "deviation"))
        return label, _in_unit(label, values["pooled"]), counted, over_dishes

    def counted(values: dict[str, Any]) -> str:
        if "of" in values:
            return f"{values['count']} of {values['of']}"
        if "count" in values:
            return str(values["count"])
        if values["median"] is None:
            return f"{values['cells']} MSC"
        low, high = values["quartiles"]
        return f"{values['cells']} MSC, median {values['median']:g} ({low:g}-{high:g})"

    shares = own["area_fractions"]
    return [
        ("MSC in the view", "", str(own["msc"]), ""),
        *[
            line(label, own[key], counted(own[key]))
            for key, label in _NETWORK_LABELS.items()
            if key in own
        ],
        *[line(label, shares[key], "") for key, label in _AREA_LABELS.items()],
        *[(label, "", str(own["fates"][key]), "") for key, label in _FATE_LABELS.items()],
    ]


def _in_unit(label: str, value: float | None) -> str:
    """Value as text in the unit that its label ends in."""
    if value is None:
        return "-"
    if label.endswith("%"):
        return f"{100.0 * value:.1f}"
    return f"{value:.1f}" if label.endswith("mm2") else f"{value:.2f}"


def _print_sizes(groups: dict[str, dict[str, Any]], key: str, unit: str, label: str) -> None:
    """Diameters of each group's migrasomes by bins of one key."""
    several = len(groups) > 1
    header = [label]
    for name in groups:
        of = f" ({name})" if several else ""
        header += [f"migrasomes{of}", f"diameter, um{of}"]
    lines = [
        (
            _bin(bins[0][f"lower_{unit}"], bins[0][f"upper_{unit}"]),
            *(
                text
                for own in bins
                for text in (str(own["migrasomes"]), _spread(own["mean_um"], own["deviation_um"]))
            ),
        )
        for bins in zip(*(own[key] for own in groups.values()), strict=True)
    ]
    _table(lines, tuple(header))


def _print_network_tests(tests: list[dict[str, Any]]) -> None:
    from sdf1_field.analysis import FIELDS_ACROSS, p_text

    lines = []
    for found in tests:
        label = _NETWORK_LABELS[found["quantity"]]
        lines.append(
            (
                label,
                *(_in_unit(label, found[key]) for key in ("runs", "control")),
                p_text(found["p"]),
                f"{found['test']} over {found['unit']}",
            )
        )
    _table(lines, ("", "runs", "control", "p", "test"))
    click.echo(
        "tests take cells, or fields, of all dishes for independent; fields are "
        f"{FIELDS_ACROSS} x {FIELDS_ACROSS} equal windows of each view"
    )


_BALANCE_LABELS = {
    "made": "made so far, and held at the start",
    "in_bodies": "in cell bodies",
    "in_migrasomes": "in migrasomes",
    "secreted": "secreted",
    "carried_off": "carried off inside migrasomes",
}
_ROUTE_LABELS = {
    "released_by_bodies": "by cell bodies",
    "released_by_fusion": "by migrasomes, by fusion",
    "released_at_once": "by migrasomes that ruptured or leaked",
}
_CARGO_MEASURE_LABELS = {
    "secreted_to_content": "secreted over content of cell bodies",
    "share_through_migrasomes": "of what was secreted, by migrasomes, %",
    "with_cargo": "migrasomes with a vesicle or more, %",
    "enrichment": "molecules per volume, migrasomes over cell bodies",
}
_CARGO_SAMPLE_LABELS = {
    "vesicles_per_migrasome": "vesicles per migrasome",
    "content_per_migrasome": "molecules per migrasome",
    "vesicles_per_cell": "vesicles in all migrasomes of a cell",
    "content_per_body": "molecules per cell body",
    "polarisation": "polarisation index of cells",
    "polarisation_migrating": "polarisation index of migrating cells",
    "polarisation_resting": "polarisation index of resting cells",
}


def _print_cargo(rows: list[dict[str, Any]]) -> None:
    from sdf1_field.units import duration_text

    for n, row in enumerate(rows):
        groups = {"runs": row["runs"]}
        if row["control"] is not None:
            groups["control"] = row["control"]
        sizes = [
            ("control: " if name == "control" else "")
            + f"{_dishes(own['dishes'])}, {own['msc']} {row['cells']}, "
            f"{own['migrasomes']} migrasomes"
            for name, own in groups.items()
        ]
        if n:
            click.echo()
        click.echo(f"{row['label']} at {duration_text(row['time'])}; {'; '.join(sizes)}")
        _print_amounts(groups, "balance", _BALANCE_LABELS, "where it is", "% of made")
        click.echo()
        _print_amounts(groups, "routes", _ROUTE_LABELS, "how it was secreted", "% of secreted")
        click.echo()
        _print_cargo_measures(groups)
        click.echo()
        _print_cargo_samples(groups, row["cells"])
        click.echo()
        _print_cargo_by_distance(groups, row["cells"])
        if row["tests"] is not None:
            click.echo()
            _print_cargo_tests(row["tests"])


def _titles(groups: dict[str, dict[str, Any]], *titles: str) -> list[str]:
    """Titles of columns for each group, which they name if there are several."""
    return [
        title + (f" ({name})" if len(groups) > 1 else "") for name in groups for title in titles
    ]


def _print_amounts(
    groups: dict[str, dict[str, Any]], key: str, labels: dict[str, str], title: str, share: str
) -> None:
    """Molecules in all dishes, per cell, and as a share."""
    lines = []
    for name, label in labels.items():
        line = [label]
        for own in groups.values():
            amount = own[key][name]
            line += [_figures(amount["molecules"]), _figures(amount["per_cell"])]
            line.append("-" if amount["share"] is None else f"{100.0 * amount['share']:.2f}")
        lines.append(tuple(line))
    _table(lines, (title, *_titles(groups, "molecules", "molecules per cell", share)))


def _print_cargo_measures(groups: dict[str, dict[str, Any]]) -> None:
    """Ratios of all dishes together, and their spread over dishes if there are several."""
    several = any(own["dishes"] > 1 for own in groups.values())
    lines = []
    for key, label in _CARGO_MEASURE_LABELS.items():
        factor = 100.0 if label.endswith("%") else 1.0
        line = [label]
        for own in groups.values():
            line.append(_figures(own[key]["pooled"], factor=factor))
            if several:
                line.append(_figures(own[key]["mean"], own[key]["deviation"], factor))
        lines.append(tuple(line))
    over = ("mean ± S.D. over dishes",) if several else ()
    _table(lines, ("ratio or share", *_titles(groups, "all dishes" if several else "value", *over)))


def _print_cargo_samples(groups: dict[str, dict[str, Any]], cells: str) -> None:
    """Mean and spread over migrasomes or cells."""
    lines = []
    for key, label in _CARGO_SAMPLE_LABELS.items():
        line = [label]
        for own in groups.values():
            found = own[key]
            unit = "migrasomes" if key.endswith("migrasome") else cells
            line += [_figures(found["mean"], found["deviation"]), f"{found['count']} {unit}"]
        lines.append(tuple(line))
    _table(lines, ("per migrasome or cell", *_titles(groups, "mean ± S.D.", "of")))
    click.echo(
        "polarisation index: (rear - front) / (rear + front) of a cell body's molecules, 0 if even"
    )


def _print_cargo_by_distance(groups: dict[str, dict[str, Any]], cells: str) -> None:
    """Vesicles in attached migrasomes, and their diameters."""
    lines = [
        (
            _bin(bins[0]["lower_um"], bins[0]["upper_um"]),
            *(
                text
                for own in bins
                for text in (
                    str(own["migrasomes"]),
                    _spread(own["vesicles"]["mean"], own["vesicles"]["deviation"]),
                    _spread(own["diameter_um"]["mean"], own["diameter_um"]["deviation"]),
                )
            ),
        )
        for bins in zip(*(own["by_distance"] for own in groups.values()), strict=True)
    ]
    titles = _titles(groups, "migrasomes", "vesicles", "diameter, um")
    _table(lines, (f"on fibres, from the edge of their {cells}, um", *titles))


def _print_cargo_tests(tests: list[dict[str, Any]]) -> None:
    from sdf1_field.analysis import p_text

    labels = _CARGO_SAMPLE_LABELS | _CARGO_MEASURE_LABELS
    lines = [
        (
            labels[found["quantity"]],
            *(_figures(found[key]) for key in ("runs", "control")),
            _number(found["ratio_of_means"]),
            p_text(found["p"]),
            f"{found['test']} over {found['unit']}",
        )
        for found in tests
    ]
    _table(lines, ("mean", "runs", "control", "ratio", "p", "test"))


def _print_fields(rows: list[dict[str, Any]], dishes: str, against: bool) -> None:
    from sdf1_field.units import duration_text, molar_unit

    places = {
        "under a body": "under cell bodies",
        "whole floor": "whole floor",
        "highest": "highest",
    }
    for n, key in enumerate(dict.fromkeys((row["time"], row["ligand"]) for row in rows)):
        own = [row for row in rows if (row["time"], row["ligand"]) == key]
        unit, size = molar_unit(next(r["mean"] for r in own if r["place"] == "whole floor"))
        factor = 1.0 / size
        if n:
            click.echo()
        click.echo(
            f"{own[0]['label']} on the floor at {duration_text(key[0])}; {dishes}; by distance "
            "from the nearest cell body or migrasome"
        )
        lines = []
        for row in own:
            line = [
                places.get(row["place"]) or f"{_bin(row['lower_um'], row['upper_um'])} um",
                "" if row["place"] == "highest" else f"{row['area_mm2']:.4f}",
                _figures(row["mean"], row["deviation"], factor),
            ]
            if against:
                line += [
                    _figures(row["control_mean"], row["control_deviation"], factor),
                    _number(row["ratio_of_means"]),
                ]
            lines.append(tuple(line))
        header = ("where", "mm2", f"mean, {unit}")
        _table(lines, (*header, f"control, {unit}", "ratio") if against else header)


def _dishes(number: int) -> str:
    return "1 dish" if number == 1 else f"{number} dishes"


def _figures(mean: float | None, deviation: float | None = None, factor: float = 1.0) -> str:
    """Three figures of a mean times a factor, and two of its deviation."""
    if mean is None:
        return "-"

    def text(value: float, figures: int) -> str:
        large = abs(value) >= _MANY
        return f"{value:,.0f}" if large else f"{value:#.{figures}g}".rstrip(".")

    shown = text(factor * mean, 3)
    return shown + ("" if deviation is None else f" ± {text(factor * deviation, 2)}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _spread(mean: float | None, deviation: float | None) -> str:
    return _number(mean) + ("" if deviation is None else f" ± {deviation:.2f}")


def _bin(lower: float | None, upper: float | None) -> str:
    """A bin as a person writes it."""
    if lower is None:
        return "on it" if upper == 0 else f"below {upper:g}"
    return f"above {lower:g}" if upper is None else f"{lower:g}-{upper:g}"


def _minutes(seconds: float | None, ends: list[float] | None = None) -> str:
    if seconds is None:
        return "-"
    interval = "" if ends is None else f" ({ends[0] / 60:.0f}-{ends[1] / 60:.0f})"
    return f"{seconds / 60:.0f}{interval}"


def _touching(value: float | None, uniform: float | None) -> str:
    return "-" if value is None else f"{value:.2f} (uniform: {_number(uniform)})"


def _interval(ends: list[float] | None) -> str:
    return "" if ends is None else f" ({ends[0]:.2f}-{ends[1]:.2f})"


def _time(text: str) -> float:
    from sdf1_field.units import parse

    try:
        return parse(text, "time")
    except ValueError as error:
        raise InputError(f"--at: {error}") from None


@main.command()
@_run_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Picture to write; RUN.png if not given.",
)
@click.option(
    "--at", "at", metavar="TIME", help="What time to show, such as '4 h'; the end if not given."
)
@click.option("--ligand", help="Which field to show; the first if not given.")
@click.option("--force", is_flag=True, help="Replace an existing picture.")
def plot(run: Path, output: Path | None, at: str | None, ligand: str | None, force: bool) -> None:
    """Draw the floor with bodies, network, cells and fold changes; without MSC, the tracks.

    A stroma alone is drawn with its network, or with what it makes and secretes.
    """
    from sdf1_field.record import open_run

    path = output or run.with_suffix(".png")
    with open_run(run) as opened:
        if path.exists() and not force:
            raise InputError(
                f"{path}: exists already. Choose another name with -o, or use --force."
            )
        from sdf1_field.figures import plot_run

        figure = plot_run(opened, time=None if at is None else _time(at), ligand=ligand)
    try:
        figure.savefig(path, dpi=150)
    except ValueError as error:
        raise InputError(f"{path}: {error}. Give a name that ends in .png, .pdf or .svg.") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}. Choose another place with -o.") from None
    click.echo(path)


@main.command()
@click.argument("paper")
@click.option(
    "--experiments",
    type=click.IntRange(min=1),
    help="How often the paper's experiment is simulated.  [default: 20]",
)
@click.option("--quick", is_flag=True, help="Simulate it three times only.")
@click.option("--claim", "ids", multiple=True, metavar="ID", help="Only this one. May be repeated.")
@click.option(
    "--targets",
    type=click.Path(path_type=Path),
    help="File with further claims, or with values read from figures.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Where dishes, tables and figures go.  [default: PAPER-seedN]",
)  # fmt: skip
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=1,
    show_default=True,
    help="Every dish's own seed is drawn from it.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one a core if not given.")
@click.option("--scheduler", metavar="ADDRESS", help="Of a running Dask scheduler to use instead.")
@_json_option
def reproduce(
    paper: str,
    experiments: int | None,
    quick: bool,
    ids: tuple[str, ...],
    targets: Path | None,
    output: Path | None,
    seed: int,
    workers: int | None,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Simulate a paper's experiments many times over and judge its claims.

    Finished dishes are kept in DIR, and the same command goes on where it was stopped.
    """
    from sdf1_field import reproduce as engine

    if quick and experiments is not None:
        raise InputError("--quick and --experiments: they exclude each other. Leave one out.")
    if workers is not None and scheduler is not None:
        raise InputError("--workers and --scheduler: the scheduler has its workers. Leave one out.")
    known = engine.load_paper(paper, targets=targets, quick=quick)
    if ids:
        known = known.only(ids)
    number = engine.QUICK if quick else experiments or engine.EXPERIMENTS
    folder = output or Path(f"{paper}-seed{seed}")
    dishes = len(engine.plan(known, experiments=number, seed=seed))
    bar: Any = click.progressbar(
        length=dishes, label="dishes", file=sys.stderr, show_pos=True,
        hidden=not sys.stderr.isatty(),
    )  # fmt: skip
    finished = 0

    def progress(more: int) -> None:
        nonlocal finished
        finished += more
        bar.update(more)

    try:
        with bar:
            report = engine.reproduce(
                known, folder, experiments=number, seed=seed, scheduler=scheduler,
                workers=workers, progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        _fail(
            f"interrupted. {finished} of {dishes} dishes are kept in {folder}; the same command "
            "goes on.",
            _INTERRUPTED,
        )
    engine.write(report, folder)
    if as_json:
        click.echo(json.dumps(engine.as_json(report), indent=2))
    else:
        _print_report(report)
        click.echo(f"\n{folder}: table.md, claims.json, runs.csv, figures")
    for failure in report.failures:
        d = failure.dish
        click.echo(f"sdf1-field: {d.model}, seed {d.seed}: {failure.message}", err=True)
    if report.failures:
        _fail(
            f"{len(report.failures)} of {dishes} dishes failed, and experiments are judged without "
            "theirs. The same command tries them again.",
            1,
        )


def _print_report(report: "Report") -> None:
    """Every claim with its statements, then all verdicts."""
    from sdf1_field.reproduce import tables

    click.echo(report.paper.citation)
    click.echo(tables.NOTES.format(experiments=report.experiments))
    for levels in report.found:
        claim = levels[0].claim
        click.echo(f"\n{claim.id}: {claim.says}\n{tables.role(claim)}")
        click.echo(tables.verdict_text(levels))
        _table(tables.statement_rows(levels[0]), tables.STATEMENTS)
        for line in tables.digitised_lines(levels[0]):
            click.echo(line)
    click.echo()
    _table([tables.summary_row(levels) for levels in report.found], tables.SUMMARY)


if __name__ == "__main__":
    main()
