"""Run every block of the pages as a newcomer would, and compare what they print with the pages.

    python docs/run.py                       # README and all pages, without their slow blocks
    python docs/run.py --slow -j 2 docs/howto/networks.md
    python docs/run.py --record docs/tutorial.md

A page runs in an empty folder of its own, from top to bottom: commands of `console` and `bash`
blocks and of indented ones, Python blocks in one namespace, and model files that it shows
(`# NAME.toml` in their first line), which replace those of that name. A command has to end with
status 0, or with 2 if the page shows the line in which it is refused. Printed lines have to be the
page's, but for spaces: whole numbers are the same, others differ by one in their last digit at
most. A line of `…` stands for lines left out, and a `…` at the end of a line for the rest of it.
A comment before a block says what its text cannot:

    <!-- before: COMMAND -->      what the reader has done elsewhere; $REPOSITORY is the checkout
    <!-- printed by: COMMAND -->  the block is what this prints (directly below Python: by that)
    <!-- slow: REASON -->         only with --slow
    <!-- not run: REASON -->      never

With --record pages get what is printed now. A recorded line for which nothing similar is printed
is reported, and stays as it is.
"""

import argparse
import contextlib
import difflib
import io
import itertools
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_GAP = "…"
_ALIKE = 0.6
"""Least similarity of a recorded line and what is printed in its place, numbers apart."""
_NOTE = re.compile(r"<!-- (before|printed by|slow|not run): (.+) -->")
_FENCE = re.compile(r"```(\S*)")
_COMMAND = re.compile(r"    (sdf1-field|for|make|source|python) ")
"""First line of an indented block of commands."""
_REFUSED = "sdf1-field: "
"""Beginning of the line in which the program refuses a call."""
_FILE = re.compile(r"# (\S+\.toml)\n")
_NUMBER = re.compile(r"\d[\d.,]*")
_VALUE = re.compile(r"(?<![A-Za-z_\d.])([-−+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?)(?![A-Za-z_\d])")


@dataclass(frozen=True)
class Block:
    """One block of code of a page.

    Attributes
    ----------
    kind : str
        What follows the fence; ``commands`` or ``printed`` of an indented one.
    text : str
        Its lines, without indentation.
    first, last : int
        Lines of the page that `text` takes, from 0, `last` not included.
    notes : tuple of (str, str)
        Key and text of the comments before it.
    indent : str
        What stands before each of its lines on the page.
    below : bool
        Whether nothing but blank lines stands between it and a block before it.
    """

    kind: str
    text: str
    first: int
    last: int
    notes: tuple[tuple[str, str], ...]
    indent: str = ""
    below: bool = False

    def note(self, key: str) -> str | None:
        """Text of the first comment of a kind."""
        return next((text for name, text in self.notes if name == key), None)


@dataclass
class Outcome:
    """What became of a page.

    Attributes
    ----------
    page : Path
        The page.
    ran : int
        Blocks that ran, or whose text was compared.
    skipped : list of str
        Blocks that did not, each with its place and reason.
    troubles : list of str
        What a person has to look at.
    seconds : float
        Wall time.
    """

    page: Path
    ran: int = 0
    skipped: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run pages; 1 if a command has failed or another output than the page's was printed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pages", type=Path, nargs="*", help="README and all in docs/ if not given")
    parser.add_argument("--slow", action="store_true", help="slow blocks too")
    parser.add_argument("--record", action="store_true", help="rewrite the pages")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="pages at once")
    parser.add_argument("-o", "--folder", type=Path, help="keep the files of each page here")
    asked = parser.parse_args(arguments)
    pages = asked.pages or every_page()
    with contextlib.ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pool = ProcessPoolExecutor(
            asked.jobs, multiprocessing.get_context("spawn"), max_tasks_per_child=1
        )
        with pool:
            made = [
                pool.submit(run, page, folder / _name(page), slow=asked.slow, record=asked.record)
                for page in pages
            ]
            outcomes = [_told(future.result()) for future in made]
    skipped = sum(len(own.skipped) for own in outcomes)
    wrong = sum(len(own.troubles) for own in outcomes)
    sys.stdout.write(
        f"{len(outcomes)} pages: {sum(own.ran for own in outcomes)} blocks ran, "
        f"{skipped} skipped, {wrong} wrong\n"
    )
    return int(wrong > 0)


def every_page() -> list[Path]:
    """README and pages of ``docs/`` that have a block to run."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        page.relative_to(ROOT)
        for page in pages
        if "_build" not in page.parts
        and any(_runs(block) for block in blocks(page.read_text(encoding="utf-8")))
    ]


def _name(page: Path) -> str:
    page = page.resolve()
    inside = page.relative_to(ROOT) if page.is_relative_to(ROOT) else Path(page.name)
    return "-".join(inside.with_suffix("").parts)


def _told(outcome: Outcome) -> Outcome:
    lines = [f"{outcome.page}: {outcome.ran} ran, {len(outcome.skipped)} skipped, "]
    lines[0] += f"{len(outcome.troubles)} wrong, {outcome.seconds:.0f} s"
    lines += [f"  skipped: {reason}" for reason in outcome.skipped]
    lines += [f"  WRONG: {trouble}" for trouble in outcome.troubles]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
    return outcome


def blocks(text: str) -> Iterator[Block]:
    """Blocks of code of a page, in order."""
    lines = text.splitlines()
    notes: list[tuple[str, str]] = []
    at, end = 0, -1
    while at < len(lines):
        line = lines[at]
        first, below = at, not any(lines[end:at]) and end >= 0
        if found := _NOTE.fullmatch(line.strip()):
            notes.append((found[1], found[2]))
            at += 1
            continue
        if (fence := _FENCE.match(line.lstrip())) and not line.startswith("    "):
            indent = line[: len(line) - len(line.lstrip())]
            first = at + 1
            at = next(n for n in range(first, len(lines)) if lines[n].strip() == "```")
            own = [part.removeprefix(indent) for part in lines[first:at]]
            kind, last = fence[1], at
            at += 1
        elif line.startswith("    ") and (at == 0 or not lines[at - 1].strip() or notes):
            while at < len(lines) and (lines[at].startswith("    ") or not lines[at]):
                at += 1
            while not lines[at - 1]:
                at -= 1
            indent, last = "    ", at
            own = [part.removeprefix(indent) for part in lines[first:at]]
            kind = "commands" if _COMMAND.match(line) else "printed"
        else:
            if line.strip():
                notes = []
            at += 1
            continue
        content = "".join(f"{part}\n" for part in own)
        yield Block(kind, content, first, last, tuple(notes), indent, below)
        notes, end = [], at


def _runs(block: Block) -> bool:
    """Whether a block is run or compared, or would be if a comment did not forbid it."""
    return block.kind in ("console", "bash", "commands", "python") or bool(block.notes)


def run(page: Path, folder: Path, *, slow: bool = False, record: bool = False) -> Outcome:
    """Run a page's blocks in a folder; in a process of its own, whose folder it changes.

    Parameters
    ----------
    page : Path
        A Markdown file; rewritten with `record`.
    folder : Path
        Made if it is not there.
    slow : bool
        Run slow blocks too.
    record : bool
        Replace recorded lines with what is printed.

    Returns
    -------
    Outcome
        Counts, reasons and differences.
    """
    page = page.resolve()
    text = page.read_text(encoding="utf-8")
    outcome = Outcome(page.relative_to(ROOT) if page.is_relative_to(ROOT) else page)
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    os.environ["MPLBACKEND"] = "agg"
    os.environ["REPOSITORY"] = str(ROOT)
    started = time.monotonic()
    lines, shift = text.splitlines(), 0
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed: list[str] | None = None
    for block in blocks(text):
        place = f"line {block.first + 1}"
        reason = block.note("not run") or (None if slow else block.note("slow"))
        if reason:
            outcome.skipped.append(f"{place}: {reason}")
            printed = None
            continue
        if block.kind == "toml" and (named := _FILE.match(block.text)):
            Path(named[1]).write_text(block.text, encoding="utf-8")
        if not (_runs(block) or (printed is not None and block.below)):
            printed = None
            continue
        sys.stderr.write(f"{outcome.page}: {place}\n")

        def wrong(trouble: str, place: str = place) -> None:
            outcome.troubles.append(f"{place}: {trouble}")
            sys.stderr.write(f"{outcome.page}: {place}: {trouble}\n")

        if prepared := block.note("before"):
            _bash(prepared, wrong)
        compare = _recorded if record else _compared
        own = block.text.splitlines()
        if block.kind == "python":
            printed = _python(block, page, namespace, wrong)
            new = own
        elif source := block.note("printed by"):
            shown = _bash(source, wrong, refused=own[0].startswith(_REFUSED))
            new = compare([_GAP, *own, _GAP], shown, wrong)[1:-1]
        elif printed is not None and block.below and block.kind in ("printed", "text"):
            new, printed = compare(own, printed, wrong), None
        else:
            new = _commands_run(block, compare, wrong)
        outcome.ran += 1
        if record and new != own:
            lines[block.first + shift : block.last + shift] = [block.indent + one for one in new]
            shift += len(new) - (block.last - block.first)
    if record:
        page.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    outcome.seconds = time.monotonic() - started
    return outcome


def _python(
    block: Block, page: Path, namespace: dict[str, Any], wrong: Callable[[str], None]
) -> list[str]:
    """Lines that a Python block prints."""
    caught = io.StringIO()
    code = "\n" * block.first + block.text
    try:
        with contextlib.redirect_stdout(caught):
            exec(compile(code, str(page), "exec"), namespace)  # noqa: S102
    except Exception:
        wrong(traceback.format_exc(limit=-2).strip())
    return caught.getvalue().splitlines()


def _bash(command: str, wrong: Callable[[str], None], *, refused: bool = False) -> list[str]:
    """Lines that a command prints; those of its errors if it has to be refused."""
    ended = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip
    if ended.returncode != (2 if refused else 0):
        wrong(f"{command}: exit {ended.returncode}: {ended.stderr.strip()}")
    shown = ended.stderr if refused else ended.stdout
    return [line.rstrip() for line in shown.splitlines()]


def _commands_run(
    block: Block,
    compare: Callable[[Sequence[str], Sequence[str], Callable[[str], None]], list[str]],
    wrong: Callable[[str], None],
) -> list[str]:
    """A block's commands with what is to stand below each."""
    prompt = "$ " if block.kind == "console" else ""
    new = []
    for command, recorded in _commands(block.text.splitlines(), prompt):
        refused = bool(recorded) and recorded[0].startswith(_REFUSED)
        shown = _bash("\n".join(command), wrong, refused=refused)
        new += [prompt + command[0], *command[1:]]
        if recorded:
            new += compare(recorded, shown, lambda what, of=command[0]: wrong(f"{of}: {what}"))
    return new


def _commands(lines: Sequence[str], prompt: str) -> Iterator[tuple[list[str], list[str]]]:
    """Each command of a block, with the lines it goes on over, and the lines recorded after it."""
    command: list[str] = []
    recorded: list[str] = []
    for line in lines:
        if command and command[-1].endswith("\\") and not recorded:
            command.append(line)
        elif line.startswith(prompt):
            if command:
                yield command, recorded
            command, recorded = [line.removeprefix(prompt)], []
        else:
            recorded.append(line)
    if command:
        yield command, recorded


def _compared(
    recorded: Sequence[str], printed: Sequence[str], wrong: Callable[[str], None]
) -> list[str]:
    """Recorded lines as they are; a difference from what is printed is reported."""
    pieces = [
        list(own) for gap, own in itertools.groupby(recorded, lambda line: line.strip() == _GAP)
        if not gap
    ]  # fmt: skip
    if not pieces:
        return list(recorded)
    open_start, open_end = recorded[0].strip() == _GAP, recorded[-1].strip() == _GAP
    at = 0
    for number, piece in enumerate(pieces):
        starts = range(at, len(printed) - len(piece) + 1)
        if number == 0 and not open_start:
            starts = range(min(1, len(starts)))
        if number == len(pieces) - 1 and not open_end:
            starts = range(max(at, len(printed) - len(piece)), len(starts) + at)
        found = next(
            (n for n in starts if all(map(same, piece, printed[n : n + len(piece)]))), None
        )
        if found is None:
            for line in piece:
                near = difflib.get_close_matches(line, printed, 1, 0.0)
                if not any(same(line, other) for other in printed[at:]):
                    wrong(f"'{line}' is not printed; instead '{near[0] if near else ''}'")
                    return list(recorded)
            wrong(f"'{piece[0]}' is printed, but not with the lines around it")
            return list(recorded)
        at = found + len(piece)
    return list(recorded)


def same(recorded: str, printed: str) -> bool:
    """Whether a printed line is the recorded one, within the digits of the latter."""
    shortened = recorded.rstrip().endswith(_GAP)
    ours, theirs = recorded.rstrip().removesuffix(_GAP).split(), printed.split()
    if len(ours) > len(theirs) or (len(ours) < len(theirs) and not shortened):
        return False
    return all(map(_same_word, ours, theirs))


def _same_word(recorded: str, printed: str) -> bool:
    ours, theirs = _VALUE.split(recorded), _VALUE.split(printed)
    if len(ours) != len(theirs) or ours[::2] != theirs[::2]:
        return False
    return all(map(_same_value, ours[1::2], theirs[1::2]))


def _same_value(recorded: str, printed: str) -> bool:
    """Whether two numbers are the same, or differ by one in the last digit of the first."""
    if recorded == printed:
        return True
    digits, _, power = recorded.partition("e")
    if "." not in digits:
        return False
    last = 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
    one, other = (float(text.replace(",", "").replace("−", "-")) for text in (recorded, printed))
    return abs(one - other) < 1.001 * last


def _recorded(
    recorded: Sequence[str], printed: Sequence[str], wrong: Callable[[str], None]
) -> list[str]:
    """Recorded lines with what is printed in their places; those without are reported."""
    if not any(line.endswith(_GAP) for line in recorded):
        return list(printed)
    lines, at = [], 0
    for line in recorded:
        if line.strip() == _GAP:
            lines.append(line)
            continue
        likeness = [(_likeness(line, other), _alike(line, other)) for other in printed[at:]]
        best = max(range(len(likeness)), key=likeness.__getitem__, default=-1)
        if best < 0 or likeness[best][0] < _ALIKE:
            lines.append(line)
            wrong(f"nothing like '{line}'")
            continue
        at += best + 1
        found = printed[at - 1]
        lines.append(_shortened(found, line) if line.endswith(_GAP) else found)
    return lines


def _likeness(recorded: str, printed: str) -> float:
    """Similarity of two lines apart from their numbers and spaces, from 0 to 1."""
    one, other = (
        " ".join(_NUMBER.sub("#", line.removesuffix(_GAP)).split()) for line in (recorded, printed)
    )
    if recorded.endswith(_GAP):
        other = other[: len(one)]
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _alike(recorded: str, printed: str) -> float:
    """Similarity of two lines, numbers and all, from 0 to 1."""
    return difflib.SequenceMatcher(None, recorded, printed, autojunk=False).ratio()


def _shortened(printed: str, recorded: str) -> str:
    """As many columns of a printed line as were recorded of it."""
    columns = len(re.split(r"\s{2,}", recorded.removesuffix(_GAP).strip()))
    kept = re.match(rf"(?:\s*\S+(?: \S+)*){{{columns}}}", printed)
    return f"{kept[0] if kept else printed} {_GAP}"


if __name__ == "__main__":
    sys.exit(main())
