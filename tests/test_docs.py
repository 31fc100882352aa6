"""What the pages say can be typed, set and opened."""

import functools
import math
import re
import runpy
import shlex
import tomllib
from pathlib import Path

import pytest

from sdf1_field.claims.loading import load_claims
from sdf1_field.cli import main
from sdf1_field.reproduce import load_paper
from sdf1_field.shipped import model_names
from sdf1_field.spec import ModelSpec, asked_model, load_model, parameters
from sdf1_field.studies.candidates import load_candidates

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(p for p in DOCS.rglob("*.md") if "_build" not in p.parts)
WITH_COMMANDS = [DOCS / "tutorial.md", *sorted((DOCS / "howto").glob("*.md"))]


def text_of(page):
    return page.read_text(encoding="utf-8")


def prose_of(page):
    """A page without its blocks of code."""
    return re.sub(r"^(```|~~~).*?^\1", "", text_of(page), flags=re.M | re.S)


def calls(page):
    """Arguments of every sdf1-field call in a page's console blocks, loops taken once."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text_of(page), flags=re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                for part in re.split(r";|&&|\|", line[2:]):
                    words = shlex.split(part.strip().removeprefix("do ").replace("$n", "1"))
                    if words and words[0] == "sdf1-field":
                        found.append(words[1:])
    return found


CALLS = [
    pytest.param(call, id=f"{page.stem}: {' '.join(call)}")
    for page in WITH_COMMANDS
    for call in calls(page)
]


def test_the_tutorial_uses_most_commands():
    used = {call[0] for call in calls(DOCS / "tutorial.md")}
    assert {"list", "solve", "inspect", "analyse", "plot", "new", "check"} <= used


@pytest.mark.parametrize("call", CALLS)
def test_every_call_on_the_pages_is_one_the_program_takes(call):
    command = main.commands[call[0]]
    with command.make_context(call[0], call[1:]) as context:
        given = context.params
    if given.get("model") in model_names():
        # A drawn scene is made on the page.
        settings = [s for s in given["settings"] if not s.startswith("scene.file=")]
        asked_model(given["model"], settings=settings)


def links(page):
    """Targets of a page's links and pictures that are not on the web."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose_of(page))
    targets += re.findall(r"^```\{(?:include|literalinclude)\} (\S+)$", text_of(page), flags=re.M)
    return [t for t in targets if not re.match(r"https?:|mailto:", t)]


def anchors(page):
    """Anchors of a page's headings, as GitHub and MyST make them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize(
    "page",
    [
        *PAGES,
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "packaging").glob("*.md")),
        *sorted((ROOT / "validation").rglob("*.md")),
        *sorted((ROOT / "benchmarks").rglob("*.md")),
    ],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_every_link_between_the_pages_leads_somewhere(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and "% generated:" not in text_of(target):
            assert anchor in anchors(target), link


def test_every_page_is_in_one_table_of_contents():
    listed = []
    for page in PAGES:
        for entries in re.findall(r"^:::\{toctree\}\n(.*?)^:::", text_of(page), flags=re.M | re.S):
            lines = [e.strip() for e in entries.splitlines() if e.strip()]
            for entry in (e for e in lines if not e.startswith(":")):
                name = re.sub(r".*<(.*)>$", r"\1", entry) + ".md"
                listed += page.parent.glob(name) if "*" in name else [page.parent / name]
    listed = [path.resolve() for path in listed]
    assert sorted(listed) == [p for p in PAGES if p != DOCS / "index.md"]


def test_every_how_to_has_a_sentence_in_the_order_of_the_menu():
    text = text_of(DOCS / "howto" / "index.md")
    menu = re.search(r":hidden:\n\n(.*?)^:::", text, flags=re.M | re.S)[1].split()
    assert re.findall(r"^- \[[^\]]+\]\(([^)]+)\.md\): .+\.$", text, flags=re.M) == menu


WILDCARDS = {"LIGAND": "[a-z0-9]+", "NAME": "[a-z0-9_]+", "TYPE": "[a-z0-9_]+"}
NAMED = re.compile(r"`([a-z_]*(?:\.[A-Za-z0-9_]+)+)(?: =[^`]*)?`")


def paths_on(page):
    """Parameter paths in backticks on a page, each as a pattern; `.leaf` goes on from the last."""
    section = ""
    for path in NAMED.findall(prose_of(page)):
        if path.endswith((".toml", ".nc")):
            continue
        if path.startswith("."):
            path = section + path
        elif path.partition(".")[0] not in ModelSpec.model_fields:
            continue
        section = path.rpartition(".")[0]
        yield (
            path,
            re.compile(
                r"\.".join(WILDCARDS.get(part, re.escape(part)) for part in path.split("."))
            ),
        )


@functools.cache
def known_paths():
    """Paths of the defaults and of every shipped model."""
    known = set(parameters())
    for name in model_names():
        known |= set(load_model(name).entries)
    return known | {path.rpartition(".")[0] for path in known}


@pytest.mark.parametrize(
    "name", ["model", "numerics", "models", "file-format", "howto/progenitors", "howto/networks"]
)
def test_every_path_on_a_page_is_a_parameters(name):
    known, found = known_paths(), 0
    for path, pattern in paths_on(DOCS / f"{name}.md"):
        assert any(pattern.fullmatch(k) for k in known), path
        found += 1
    assert found > 0


def test_every_parameter_of_the_model_or_of_its_solution_is_explained():
    explained = [p for n in ("model", "numerics") for _, p in paths_on(DOCS / f"{n}.md")]
    ours = [p for p in parameters() if not p.endswith(".label") and not p.startswith("output.")]
    missing = [p for p in ours if not any(pattern.fullmatch(p) for pattern in explained)]
    assert missing == []


SEARCHED = (
    "Robin, Dirichlet, Neumann, reflecting, no-flux, operator splitting, Strang, Michaelis–Menten, "
    "sub-grid, Peclet, Péclet, haptotaxis, chemotaxis, chemotactic index, finite volumes, "
    "cosine transform, admittance, advection, Langmuir, desensitisation, off rate, "
    "Hankel transform, unsaturated coat"
)
"""Words that a modeller types into the docs' search."""


@pytest.mark.parametrize("word", SEARCHED.split(", "))
def test_a_modellers_word_stands_where_the_equations_are_and_in_the_glossary(word):
    equations = " ".join((text_of(DOCS / "model.md") + text_of(DOCS / "numerics.md")).split())
    assert word.lower() in equations.lower()
    assert word.lower() in text_of(DOCS / "glossary.md").lower()


def test_the_peclet_number_on_the_page_is_that_of_the_parameters():
    spec = load_model("coculture-kg1a").spec
    cell, ligand = spec.haematopoietic, spec.ligand["sdf1"]
    kg1a = cell.speed * cell.diameter / 2 / ligand.diffusivity
    msc = spec.stroma.speed * math.sqrt(spec.stroma.body_area / math.pi) / ligand.diffusivity
    page = text_of(DOCS / "model.md")
    assert (
        f"${cell.speed:g} \\cdot {cell.diameter / 2:g}/{ligand.diffusivity:g} = {kg1a:.4f}$" in page
    )
    assert f"20 µm/h, {msc:.4f}" in page


def test_equations_are_drawn_by_a_file_that_is_installed():
    conf = runpy.run_path(str(DOCS / "conf.py"))
    files = {Path(path).name: DOCS / path for path in conf["html_static_path"]}
    assert files[conf["mathjax_path"]].stat().st_size > 1_000_000


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_file_on_the_pages_is_accepted(page, tmp_path):
    blocks = re.findall(r"^```toml\n(.*?)^```", text_of(page), flags=re.M | re.S)
    for n, block in enumerate(blocks):
        named = re.match(r"# ([\w-]+\.toml)\n", block)
        path = tmp_path / (named[1] if named else f"block-{n}.toml")
        path.write_text(block, encoding="utf-8")
        content = tomllib.loads(block)
        if content.keys() <= {"deniz2023", "jiao2024"}:
            for paper in content:
                load_paper(paper, targets=path)
        elif "schema" in content:
            load_claims(str(path))
        elif "candidate" in content:
            assert content["candidate"].keys() <= load_candidates(path).keys()
        else:
            assert content["title"]
            asked_model(str(path))
