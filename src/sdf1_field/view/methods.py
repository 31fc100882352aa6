"""A paragraph for the methods of a paper, its references, and how to run a simulation again."""

import json
import re
import shlex
import tomllib
from collections.abc import Container, Mapping
from pathlib import Path

import xarray as xr

from sdf1_field import __version__
from sdf1_field.shipped import shipped_citation, shipped_folder
from sdf1_field.spec import Entry, Model, changes
from sdf1_field.spec.entries import CALL
from sdf1_field.spec.layers import FITTED
from sdf1_field.view.differing import base_of, is_own, read_entries
from sdf1_field.view.document import Part, Passage, Section, listed
from sdf1_field.view.paragraph import paragraph
from sdf1_field.view.setting import is_interrupted

_PAPERS = {"deniz2023": ("Deniz 2023", r"\bD\d"), "jiao2024": ("Jiao 2024", r"\bJ\d")}
"""Papers whose experiments are modelled: as sources of values name them, and their claims."""
_NAMES = {
    "numpy": "NumPy", "scipy": "SciPy", "numba": "Numba", "fipy": "FiPy", "pint": "Pint",
    "pydantic": "Pydantic",
}  # fmt: skip
_NUMERICAL = ("numpy", "scipy", "numba")
"""Libraries that compute every run."""
_SAME_DIGEST = (
    "The two digests (numbers that two runs share if all of their content is the same) are equal "
    "on the same kind of computer with the same versions of the program and its libraries; else "
    "the runs differ in their last digits or, under another version, by what has changed in the "
    "model."
)


def program_reference(run: xr.Dataset) -> str:
    """How to cite the program that made a run, by CITATION.cff."""
    citation = shipped_citation()

    def entry(pattern: str) -> str:
        match = re.search(pattern, citation, re.MULTILINE)
        return match[1].strip() if match else ""

    authors, title = entry(r"^authors:\n  - name: (.+)$"), entry(r"^title: (.+)$")
    version = str(run.attrs["source"]).rpartition(" ")[2]
    return f"{authors}. {title}, version {version} (computer program, {entry(r'^license: (.+)$')})."


def paper_references(model: Model) -> list[str]:
    """Papers from which numbers that a run reads are, or to which they are calibrated.

    The first is that of the most numbers. A paper that only names a cell or a chemokine is none.
    """
    text = (shipped_folder("validation") / "targets.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    count = {
        paper: sum(_is_of(entry, name, claim) for entry in read_entries(model).values())
        for paper, (name, claim) in _PAPERS.items()
    }
    return [
        str(tables[paper]["citation"]) for paper in sorted(count, key=lambda p: -count[p])
        if count[paper]
    ]  # fmt: skip


def _is_of(entry: Entry, name: str, claim: str) -> bool:
    """Whether a number is from the paper of a name, or calibrated to its claims."""
    if entry.status == "calibrated":
        return re.search(claim, entry.source) is not None
    number = not isinstance(entry.value, str) or entry.value[:1].isdigit()
    return number and entry.status in ("literature", "derived") and name in entry.source


def methods(run: xr.Dataset, model: Model) -> Section:
    """Paragraph and references, to paste."""
    references = [program_reference(run), *paper_references(model)]
    marks = [f"[{n}]" for n in range(1, len(references) + 1)]
    listing = "\n".join(f"{mark} {text}" for mark, text in zip(marks, references, strict=True))
    used = _NUMERICAL + (("fipy",) if model.spec.numerics.solver == "fipy" else ())
    parts: list[Part] = [
        "To paste and adapt. It is about this one simulated dish; give the number of dishes and "
        "their seeds where there are several, and what was counted.",
        Passage(paragraph(run, model, papers=marks[1:], libraries=libraries(run, used))),
        "References:",
        Passage(listing, commands=True),
    ]
    return Section("methods", "For a methods section", tuple(parts))


def libraries(run: xr.Dataset, used: Container[str] | None = None) -> str:
    """Libraries with their versions, as a run records them; of all, or of those used."""
    versions = recorded_versions(run)
    return (
        ", ".join(
            f"{_NAMES.get(name, name)} {version}"
            for name, version in versions.items()
            if used is None or name in used
        )
        or "not recorded"
    )


def recorded_versions(run: xr.Dataset) -> Mapping[str, str]:
    """Versions of libraries by name; none if the attribute is damaged."""
    try:
        versions = json.loads(str(run.attrs.get("versions", "{}")))
        return {str(name): str(version) for name, version in versions.items()}
    except (ValueError, AttributeError):
        return {}


# Again


def again(run: xr.Dataset, model: Model, path: Path | None) -> Section:
    """Commands that make the same run again."""
    seed, name = int(run.attrs["seed"]), model.name
    file = shlex.quote(path.name if path is not None else f"{name}-seed{seed}.nc")
    new = shlex.quote(f"{name}-seed{seed}-again.nc")
    parts: list[Part] = []
    command_line = str(run.attrs.get("command_line", ""))
    if command_line:
        parts += ["The run was made by this command:", Passage(command_line, commands=True)]
    else:
        parts.append("The run was made from Python, or its command line was not recorded.")
    base = base_of(model)
    if is_interrupted(run, model.spec):
        parts.append(
            "It was interrupted. The same command, in the same folder and with --resume, goes on "
            "where it stopped, and ends with the same numbers as if it never had been."
        )
    if is_own(model) or base is None:
        parts.append(
            f"Its model {name} is a file of the user's own, which is not shipped and whose text is "
            "not in the run file. All its values are: these commands write them to a new model "
            "file, and run it."
        )
        again_toml = f"{name}-again.toml"
        save = (
            f"import sdf1_field; sdf1_field.open_run({json.dumps(path.name if path else 'RUN.nc')})"
            f".model.save({json.dumps(again_toml)})"
        )
        commands = [
            shlex.join(["python", "-c", save]),
            f"sdf1-field solve {shlex.quote(again_toml)} --seed {seed} -o {new}",
        ]
        same = (
            "All numbers of the two runs are the same on the same kind of computer with the same "
            "versions of the program and its libraries. Their digests differ, since the new file "
            "is another model."
        )
    else:
        settings = [
            f"--set {shlex.quote(change.setting)}"
            for change in changes(model)
            if model.entries[change.path].where == CALL and not change.source.startswith(FITTED)
        ]
        commands = [" \\\n  ".join([f"sdf1-field solve {base} --seed {seed} -o {new}", *settings])]
        if not is_interrupted(run, model.spec):
            commands += [f"sdf1-field inspect --digest {name}" for name in (file, new)]
        same = "" if is_interrupted(run, model.spec) else _SAME_DIGEST
        parts.append(
            "From the beginning:"
            if is_interrupted(run, model.spec)
            else "These commands run it again, and compare:"
        )
    parts += [Passage("\n".join(commands), commands=True), *([same] if same else [])]
    made = str(run.attrs["source"]).rpartition(" ")[2]
    if made != __version__:
        parts.append(f"The run was made by version {made}; the installed one is {__version__}.")
    files = _files(model)
    if files:
        parts.append(
            f"It also reads {listed(files)}. Each must lie where the model names it; the run file "
            "records its checksum."
        )
    return Section("again", "How to run this again", tuple(parts))


def _files(model: Model) -> list[str]:
    """Names of pictures and scenes that a model reads."""
    spec = model.spec
    names = [spec.scene.file] if spec.drawn else []
    names += [
        spec.ligand[name].coat.pattern
        for name in spec.solved_ligands
        if spec.ligand[name].coat.pattern not in ("even", "stripes")
    ]
    return [Path(name).name for name in names]
