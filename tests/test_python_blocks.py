"""Every Python block on the pages runs as it stands, on dishes that are made small beneath it.

A page's blocks run one after the other in one namespace. The run files that they open come from
the page's own commands.
"""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

from sdf1_field.cli import main
from sdf1_field.spec import entries, files, layers, model, reading

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for page in [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "validation").rglob("*.md"),
    ]
    if "_build" not in page.parts
)
FENCE = re.compile(r"^( *)```(\S*)[^\n]*\n(.*?)^ *```", flags=re.M | re.S)
SMALL = (
    "dish.width=300 um",
    "dish.length=300 um",
    "dish.height=200 um",
    "grid.spacing=10 um",
    "run.culture=2 h",
    "run.duration=4 h",
    "cells.density=330 1/mm**2",
    "scene.msc_density=60 1/mm**2",
)
SMALLER = {
    # Tracks are recorded from 8 h on.
    "gallery": ("run.duration=16 h", "grid.spacing=15 um"),
    "second-solver": ("grid.spacing=30 um", "run.culture=2 min", "run.duration=4 min"),
}
"""Settings of every dish solved on a page, beneath those that the page itself gives."""


def blocks(page):
    """First line and text of a page's Python blocks."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, found.start(3)) + 1, found[3])
        for found in FENCE.finditer(text)
        if found[2] == "python"
    ]


WITH_BLOCKS = [page for page in PAGES if blocks(page)]


def solve_calls(page):
    """Arguments of a page's calls of ``sdf1-field solve``, by the run file that they name."""
    calls = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        found = re.fullmatch(r"(?: {4}|\$ )(sdf1-field solve .* -o (\S+).*)", line)
        if found:
            calls[found[2]] = shlex.split(found[1], comments=True)[1:]
    return calls


@pytest.fixture
def small(monkeypatch):
    """Function that makes every model that is loaded small from then on."""
    whole = files.load_chain

    def shrink(settings):
        def chain(*arguments):
            name, flat = whole(*arguments)
            for text in settings:
                own = reading.setting_entries(text).items()
                layers.overlay(flat, {p: replace(e, where=entries.DEFAULTS) for p, e in own})
            return name, flat

        for module in (files, model):
            monkeypatch.setattr(module, "load_chain", chain)

    return shrink


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: str(page.relative_to(ROOT)))
@pytest.mark.slow
def test_every_python_block_of_a_page_runs(page, small, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small((*SMALL, *SMALLER.get(page.stem, ())))
    text = page.read_text(encoding="utf-8")
    for name, content in re.findall(r"^```toml\n# ([\w-]+\.toml)\n(.*?)^```", text, re.M | re.S):
        (tmp_path / name).write_text(content, encoding="utf-8")
    code = "".join(block for _, block in blocks(page))
    if "sdf1_field.ensemble" in code or "sf.sweep(" in code:
        request.getfixturevalue("by_none")
    made = set(re.findall(r'path="(\S+\.nc)"', code))
    calls = solve_calls(page)
    for name in sorted(set(re.findall(r'"([\w-]+\.nc)"', code)) - made):
        call = calls.get(name, ["solve", "coculture-kg1a", "-o", name])
        with pytest.raises(SystemExit) as ended:
            main([*call, "--quiet"])
        assert ended.value.code == 0, call
    namespace = {"__name__": "__main__"}
    for line, block in blocks(page):
        exec(compile("\n" * (line - 1) + block, str(page), "exec"), namespace)  # noqa: S102
    plt.close("all")


def test_pages_with_python_are_found():
    named = {str(page.relative_to(ROOT)) for page in WITH_BLOCKS}
    assert {
        "README.md",
        "docs/tutorial.md",
        "docs/howto/python.md",
        "docs/reference/api.md",
    } <= named
    assert sum(len(blocks(page)) for page in WITH_BLOCKS) >= 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_is_in_no_other_kind_of_block(page):
    kinds = {found[2] for found in FENCE.finditer(page.read_text(encoding="utf-8"))}
    assert kinds.isdisjoint({"py", "Python", "python3", "pycon", "ipython"})
    assert not re.search(r"\{code-block\} *python|^>>> ", page.read_text(encoding="utf-8"), re.M)
