"""Work of the validation scripts on many processes, and records of its results."""

import argparse
import multiprocessing
import re
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

PARAMETERS = Path(__file__).parents[1] / "models" / "parameters.toml"
PREDICTIONS = Path(__file__).parent / "predictions.toml"


def carried_out(
    function: Callable[[Any], Any], tasks: Sequence[Any], workers: int, name: str
) -> list[Any]:
    """Results of tasks in their order, with progress on standard error."""
    context = multiprocessing.get_context("spawn")
    results = []
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context) as pool:
        for result in pool.map(function, tasks):
            results.append(result)
            if len(results) % max(1, len(tasks) // 20) == 0:
                print(f"{name}: {len(results)} of {len(tasks)}", file=sys.stderr, flush=True)
    return results


def carry_out_sections(
    about: str,
    sections: Mapping[str, Callable[[argparse.Namespace], object]],
    **options: Mapping[str, Any],
) -> None:
    """Carry out the sections that the command line asks for, in their order.

    Parameters
    ----------
    about : str
        The script's docstring.
    sections : mapping of str to callable
        Each takes the command line's arguments.
    **options : mapping
        Of `argparse.ArgumentParser.add_argument`, by the option's name.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("sections", nargs="+", choices=[*sections, "all"])
    for name, option in options.items():
        parser.add_argument(f"--{name}", **option)
    arguments = parser.parse_args()
    for name, section in sections.items():
        if {name, "all"} & set(arguments.sections):
            section(arguments)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def record_section(path: Path, title: str, order: Sequence[str], name: str, text: str) -> None:
    """Write a section of a Markdown file in the place of its predecessor, and print it.

    Parameters
    ----------
    path : Path
    title : str
        First line of the file.
    order : sequence of str
        Names of all sections.
    name, text : str
        The section.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    parts = {
        part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip()
        for part in re.split(r"^## ", before, flags=re.MULTILINE)[1:]
    }
    parts[name] = text.strip()
    kept = [f"## {one}\n\n{parts[one]}\n" for one in order if one in parts]
    path.write_text("\n".join([f"{title}\n", *kept]), encoding="utf-8")
    print(text)


def write_calibrated(
    values: Mapping[str, object], sources: Mapping[str, str] | None = None
) -> None:
    """Write values into models/parameters.toml, with the status "calibrated".

    Parameters
    ----------
    values : mapping of str to str or number
        By the parameters' paths; a number with its unit is a string.
    sources : mapping of str to str, optional
        New sources; without one an entry keeps its own.
    """
    text = PARAMETERS.read_text(encoding="utf-8")
    for path, value in values.items():
        head = rf"\[{re.escape(path)}\]\nvalue = "
        match = re.search(rf'({head}).*\nstatus = ".*"\nsource = (".*")', text)
        if match is None:
            sys.exit(f"{PARAMETERS}: no parameter {path}")
        shown = f'"{value}"' if isinstance(value, str) else repr(value)
        source = match[2] if sources is None else f'"{sources[path]}"'
        entry = f'{match[1]}{shown}\nstatus = "calibrated"\nsource = {source}'
        text = text[: match.start()] + entry + text[match.end() :]
    PARAMETERS.write_text(text, encoding="utf-8")


def write_predictions(
    paper: str, predicted: Mapping[str, Mapping[str, float]], path: Path = PREDICTIONS
) -> None:
    """Write leave-one-out predictions of some of a paper's claims; those of others stay.

    Parameters
    ----------
    paper : str
    predicted : mapping of str to mapping of str to float
        By the claims' ids: explained, direction, reported, prior and size, which are written with
        three significant digits.
    path : Path
    """
    tables = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    tables.setdefault(paper, {}).update(predicted)
    parts = [_ABOUT_PREDICTIONS]
    for name, claims in sorted(tables.items()):
        for claim in sorted(claims, key=lambda one: (len(one), one)):
            lines = [f"{key} = {float(f'{n:.3g}')!r}" for key, n in claims[claim].items()]
            parts.append("\n".join([f"[{name}.{claim}]", *lines, ""]))
    path.write_text("\n".join(parts), encoding="utf-8")


_ABOUT_PREDICTIONS = """\
# Leave-one-out predictions of claims, as `sdf1-field reproduce` shows them.
#
# Written by `python validation/inference/run.py record`; do not edit. Chances that a new virtual
# paper reports a claim: `explained` by the posterior of all claims that inform, `reported` by that
# of the other claims alone, `prior` over the parameters' intervals. `direction` is the chance, by
# the other claims, that its effects are there; `size` is the effective sample size of their
# posterior. A claim that informs nothing is predicted by all that do. The rules are those of
# docs/decisions/0017-inference.md.
"""
