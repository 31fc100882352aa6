"""Files by which others find, cite, build and install the program agree with each other."""

import ast
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import sdf1_field

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
CODEMETA = json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))
RECIPE = yaml.safe_load((ROOT / "packaging/conda/recipe.yaml").read_text(encoding="utf-8"))
PAPER = (ROOT / "paper/paper.md").read_text(encoding="utf-8")
NAMES_ON_CONDA = {"dask": "dask-core", "matplotlib": "matplotlib-base", "netCDF4": "netcdf4"}


def test_version_licence_and_authors_are_the_same_everywhere():
    project = PROJECT["project"]
    assert {
        project["version"], CITATION["version"], CODEMETA["version"], RECIPE["context"]["version"],
    } == {sdf1_field.__version__}  # fmt: skip
    assert {project["license"], CITATION["license"], RECIPE["about"]["license"]} == {"BSD-3-Clause"}
    assert CODEMETA["license"].endswith("/BSD-3-Clause")
    authors = [author["name"] for author in project["authors"]]
    assert authors == [author["name"] for author in CITATION["authors"]]
    assert authors == [author["name"] for author in CODEMETA["author"]]
    front = yaml.safe_load(PAPER.split("---\n")[1])
    assert authors == [author["name"] for author in front["authors"]]


def test_codemeta_has_the_description_and_requirements_of_the_project():
    project = PROJECT["project"]
    assert CODEMETA["@context"] == "https://w3id.org/codemeta/3.0"
    assert CODEMETA["@type"] == "SoftwareSourceCode"
    assert CODEMETA["description"] == project["description"]
    assert CODEMETA["keywords"] == project["keywords"]
    assert CODEMETA["softwareRequirements"] == project["dependencies"]
    assert CODEMETA["runtimePlatform"] == f"Python {project['requires-python']}"
    for key in ("readme", "softwareHelp", "releaseNotes"):
        assert (ROOT / CODEMETA[key]).is_file()
    cited = {f"https://doi.org/{paper['doi']}" for paper in CITATION["references"]}
    assert {paper["identifier"] for paper in CODEMETA["referencePublication"]} == cited


def test_the_citation_has_what_its_format_demands():
    assert CITATION.keys() >= {"cff-version", "message", "title", "authors"}
    assert CITATION["cff-version"] == "1.2.0"
    for paper in CITATION["references"]:
        assert paper.keys() >= {"type", "title", "authors"}
        assert re.fullmatch(r"10\.\d{4,}/\S+", paper["doi"])


def test_the_conda_recipe_needs_what_the_project_needs():
    context = RECIPE["context"]
    low, high = re.fullmatch(
        r">=([\d.]+),<([\d.]+)", PROJECT["project"]["requires-python"]
    ).groups()
    assert (context["python_min"], context["python_max"]) == (low, high)
    python, *run = RECIPE["requirements"]["run"]
    assert python == "python >=${{ python_min }},<${{ python_max }}"
    needs = [re.fullmatch(r"([\w-]+)(.*)", n).groups() for n in PROJECT["project"]["dependencies"]]
    assert sorted(run) == sorted(f"{NAMES_ON_CONDA.get(n, n)} {limit}" for n, limit in needs)
    (build,) = PROJECT["build-system"]["requires"]
    assert build.replace(">=", " >=") in RECIPE["requirements"]["host"]
    assert RECIPE["build"]["python"]["entry_points"] == [
        f"{name} = {place}" for name, place in PROJECT["project"]["scripts"].items()
    ]
    assert re.fullmatch("[0-9a-f]{64}", RECIPE["source"]["sha256"])


def test_the_image_copies_files_that_exist_and_all_that_a_wheel_is_built_from():
    text = (ROOT / "packaging/Containerfile").read_text(encoding="utf-8")
    copied = [
        path
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, flags=re.M)
        for path in line.split()
    ]
    for path in copied:
        assert list(ROOT.glob(path)), path
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for path in ["src", "README.md", "LICENSE", "pyproject.toml", *included]:
        assert any(Path(path).match(own) or path.startswith(f"{own}/") for own in copied), path


def test_the_paper_has_the_sections_that_the_journal_asks_for_and_its_length():
    sections = re.findall(r"^# (.+)$", PAPER, flags=re.M)
    assert sections == [
        "Summary", "Statement of need", "State of the field", "Software design",
        "Research impact statement", "AI usage disclosure", "Acknowledgements", "References",
    ]  # fmt: skip
    assert 750 <= len(PAPER.split()) <= 1750


def test_every_citation_and_figure_of_the_paper_exists():
    library = (ROOT / "paper/paper.bib").read_text(encoding="utf-8")
    entries = re.findall(r"^@\w+\{(\w+),$", library, flags=re.M)
    body = PAPER.split("---\n", 2)[2]
    assert set(re.findall(r"@(\w+)", body)) == set(entries)
    assert library.count("  doi = {10.") == len(entries)
    for picture in re.findall(r"!\[[^\]]*\]\((\S+)\)", PAPER):
        assert (ROOT / "paper" / picture).is_file()
        assert picture in (ROOT / "paper/figures.py").read_text(encoding="utf-8")
    assert ast.parse((ROOT / "paper/figures.py").read_text(encoding="utf-8"))


def verdicts(paper, name):
    """Status and verdict of every claim in a recorded table."""
    text = (ROOT / "validation" / paper / name).read_text(encoding="utf-8")
    rows = re.findall(r"^\| [DJ]\d+ \| .+ \|$", text, flags=re.M)
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    return [(cell[1], cell[-2]) for cell in cells]


def test_numbers_of_verdicts_in_the_paper_are_those_of_the_recorded_tables():
    text = " ".join(PAPER.split())
    found = verdicts("deniz2023", "table.md")

    def number(verdict, among=found):
        return sum(own == verdict for _, own in among)

    predicted = [row for row in found if row[0] == "predicted"]
    assert (
        f"of {len(found)} claims of @deniz2023, judged with 48 dishes of each condition, "
        f"{number('reproduced')} are reproduced, {number('direction only')} in direction only, "
        f"{number('not reproduced')} are not reproduced and {number('undecided')} are undecided; "
        f"of the {len(predicted)} claims that inform no parameter, "
        f"{number('reproduced', predicted)} are reproduced."
    ) in text
    others = verdicts("jiao2024", "claims.md")
    assert (
        f"Of {len(others)} claims of @jiao2024, {number('reproduced', others)} are reproduced, "
        f"{number('direction only', others)} in direction only and "
        f"{number('not reproduced', others)} are not."
    ) in text


def test_times_and_errors_in_the_paper_are_those_of_the_recorded_benchmark():
    table = (ROOT / "benchmarks/table.md").read_text(encoding="utf-8")
    transient = table.partition("## P1: transient")[2].partition("\n## ")[0]
    rows = {
        "sdf1-field, tolerance 10^-4^": "**sdf1-field, tolerance 0.0001**",
        "FiPy, step 60 s": "FiPy",
        "py-pde, step 0.107 s": "py-pde",
        "BioFVM of PhysiCell 1.14.2, step 0.6 s": "BioFVM of PhysiCell 1.14.2, step 0.6 s",
        "NumPy and SciPy script of cosine modes": "NumPy and SciPy script, cosine modes",
    }
    for ours, theirs in rows.items():
        name = re.escape(theirs)
        recorded = re.search(rf"^\| {name} \| ([\d.]+) (m?s) \|(.*)$", transient, flags=re.M)
        error = recorded[3].split("|")[3].strip()
        printed = re.search(rf"^\| {re.escape(ours)} \| ([\d.]+) (m?s) \| (\S+) \|$", PAPER, re.M)
        assert printed[2] == recorded[2]
        decimals = len(printed[1].partition(".")[2])
        assert printed[1] == f"{float(recorded[1]):.{decimals}f}"
        digits, power = re.fullmatch(r"([\d.]+)·10\^(-\d+)\^", printed[3]).groups()
        assert float(error) == pytest.approx(float(digits) * 10 ** int(power), rel=1e-9)


LARGEST = 1_160_000
"""Bytes of the wheel: nine tenths are code, each file compressed by itself."""
CODE = (".py", ".pyi")
DATA = (
    r"models/[\w-]+\.toml|CITATION\.cff|py\.typed|view/page/\w+\.(js|css|html)|"
    r"validation/(candidates|conflicts|posterior|predictions|sensitivity|targets)\.toml"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder with the sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.mark.slow
def test_the_wheel_holds_code_and_what_it_reads_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = [name for name in names if ".dist-info/" in name]
        own = [name.removeprefix("sdf1_field/") for name in names if name not in metadata]
        assert all(name.startswith("sdf1_field/") for name in names if name not in metadata)
        sources = {str(p.relative_to(ROOT / "src/sdf1_field")) for p in
                   (ROOT / "src/sdf1_field").rglob("*.py*") if p.suffix in CODE}  # fmt: skip
        assert {name for name in own if name.endswith(CODE)} == sources
        others = [name for name in own if not name.endswith(CODE)]
        assert [name for name in others if not re.fullmatch(DATA, name)] == []
        assert sorted(Path(name).name for name in metadata) == [
            "LICENSE", "METADATA", "RECORD", "WHEEL", "entry_points.txt",
        ]  # fmt: skip
    assert wheel.stat().st_size < LARGEST


@pytest.mark.slow
def test_the_sdist_has_no_build_outputs_and_all_that_the_docs_link_to(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {
        "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md",
        "codemeta.json", "docs/tutorial.md", "models/parameters.toml", "validation/targets.toml",
    }  # fmt: skip
    stray = r"__pycache__|\.pyc$|(^|/)\.(?!gitignore)|docs/_build|\.nc$"
    assert [name for name in names if re.search(stray, name)] == []
