"""Run the console blocks of pages anew, and record in the pages what the commands print.

    python docs/record.py FOLDER docs/tutorial.md docs/howto/networks.md

Commands of a page run in order in FOLDER, with what the pages before have left there, and with the
model files that the page has shown above them under their names (`# NAME.toml` in their first line;
one that a command has made is replaced). A line of `…` stands for lines left out, and a `…` at the
end of a line for the rest of it; both stay. A recorded line for which nothing similar is printed is
reported, and stays as it is.
"""

import argparse
import difflib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_GAP = "…"
_ALIKE = 0.6
"""Least similarity of a recorded line and what is printed in its place, numbers apart."""
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^```toml\n# (\S+\.toml)\n.*?^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"\d[\d.,]*")


def main() -> int:
    """Record pages; 1 if a line has found no counterpart or a command has failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("pages", type=Path, nargs="+")
    asked = parser.parse_args()
    troubles = [trouble for page in asked.pages for trouble in record(page, asked.folder)]
    sys.stderr.write("".join(f"{trouble}\n" for trouble in troubles))
    return int(bool(troubles))


def record(page: Path, folder: Path) -> Iterator[str]:
    """Run a page's blocks in a folder and rewrite the page.

    Yields
    ------
    str
        What a person has to look at.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = page.read_text(encoding="utf-8")
    files = list(_FILE.finditer(text))
    pieces, done = [], 0
    for block in _BLOCK.finditer(text):
        for file in files:
            if done <= file.start() < block.start():
                content = file[0].removeprefix("```toml\n").removesuffix("```")
                (folder / file[1]).write_text(content, encoding="utf-8")
        lines = []
        for command, recorded in _commands(block[1].splitlines()):
            sys.stderr.write(f"{page}: {command[0]}\n")
            ended = subprocess.run(
                ["bash", "-c", "\n".join(command)], cwd=folder, capture_output=True, text=True,
                env=os.environ, check=False,
            )  # fmt: skip
            if ended.returncode:
                yield f"{page}: {command[0]}: exit {ended.returncode}: {ended.stderr.strip()}"
            printed = [line.rstrip() for line in ended.stdout.splitlines()]
            aligned, missing = _aligned(recorded, printed)
            lines += [f"$ {command[0]}", *command[1:], *aligned]
            for line in missing:
                yield f"{page}: {command[0]}: nothing like '{line}'"
        pieces += [text[done : block.start(1)], "".join(f"{line}\n" for line in lines)]
        done = block.end(1)
    page.write_text("".join([*pieces, text[done:]]), encoding="utf-8")


def _commands(lines: Sequence[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Each command of a block, with the lines it goes on over, and the lines recorded after it."""
    command: list[str] = []
    recorded: list[str] = []
    for line in lines:
        if line.startswith("$ "):
            if command:
                yield command, recorded
            command, recorded = [line.removeprefix("$ ")], []
        elif command[-1].endswith("\\") and not recorded:
            command.append(line)
        else:
            recorded.append(line)
    if command:
        yield command, recorded


def _aligned(recorded: Sequence[str], printed: Sequence[str]) -> tuple[list[str], list[str]]:
    """Recorded lines with what is printed in their places, and those without a counterpart."""
    if not any(line.endswith(_GAP) for line in recorded):
        return (list(printed) if recorded else []), []
    lines, missing, at = [], [], 0
    for line in recorded:
        if line.strip() == _GAP:
            lines.append(line)
            continue
        likeness = [(_likeness(line, other), _same(line, other)) for other in printed[at:]]
        best = max(range(len(likeness)), key=likeness.__getitem__, default=-1)
        if best < 0 or likeness[best][0] < _ALIKE:
            lines.append(line)
            missing.append(line)
            continue
        at += best + 1
        found = printed[at - 1]
        lines.append(_shortened(found, line) if line.endswith(_GAP) else found)
    return lines, missing


def _likeness(recorded: str, printed: str) -> float:
    """Similarity of two lines apart from their numbers and spaces, from 0 to 1."""
    one, other = (
        " ".join(_NUMBER.sub("#", line.removesuffix(_GAP)).split()) for line in (recorded, printed)
    )
    if recorded.endswith(_GAP):
        other = other[: len(one)]
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _same(recorded: str, printed: str) -> float:
    """Similarity of two lines, numbers and all, from 0 to 1."""
    return difflib.SequenceMatcher(None, recorded, printed, autojunk=False).ratio()


def _shortened(printed: str, recorded: str) -> str:
    """As many columns of a printed line as were recorded of it."""
    columns = len(re.split(r"\s{2,}", recorded.removesuffix(_GAP).strip()))
    kept = re.match(rf"(?:\s*\S+(?: \S+)*){{{columns}}}", printed)
    return f"{kept[0] if kept else printed} {_GAP}"


if __name__ == "__main__":
    sys.exit(main())
