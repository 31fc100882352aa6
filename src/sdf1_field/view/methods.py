"""A paragraph for the methods of a paper, its references, and how to run a simulation again."""

import json
import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path

import xarray as xr

from sdf1_field import __version__
from sdf1_field.shipped import shipped_citation, shipped_folder
from sdf1_field.spec import Model, ModelSpec, changes
from sdf1_field.spec.entries import CALL
from sdf1_field.spec.layers import FITTED
from sdf1_field.units import duration_text
from sdf1_field.view.differing import base_of, is_own, read_entries
from sdf1_field.view.document import Part, Passage, Section, listed
from sdf1_field.view.setting import (
    bodies_in,
    cells_text,
    in_micro,
    is_interrupted,
    labels,
    span_text,
    treatment_phrases,
    view_text,
)

_PAPERS = {"deniz2023": "Deniz 2023", "jiao2024": "Jiao 2024"}
"""Papers whose experiments are modelled, as sources of values name them."""
_NAMES = {
    "numpy": "NumPy", "scipy": "SciPy", "numba": "Numba", "fipy": "FiPy", "pint": "Pint",
    "pydantic": "Pydantic",
}  # fmt: skip
_SAME_DIGEST = (
    "The two digests (numbers that two runs share if all of their content is the same) are equal "
    "on the same kind of computer with the same versions of the program and its libraries; else "
    "the runs differ in their last digits or, under another version, by what has changed in the "
    "model."
)
_SOLVERS = {
    "cosine": "by finite volumes, in cosine modes along the floor",
    "fipy": "by finite volumes with FiPy",
}


def program_reference(run: xr.Dataset) -> str:
    """How to cite the program that made a run, by CITATION.cff."""
    citation = shipped_citation()

    def told(pattern: str) -> str:
        found = re.search(pattern, citation, re.MULTILINE)
        return found[1].strip() if found else ""

    authors, title = told(r"^authors:\n  - name: (.+)$"), told(r"^title: (.+)$")
    version = str(run.attrs["source"]).rpartition(" ")[2]
    return f"{authors}. {title}, version {version} (computer program, {told(r'^license: (.+)$')})."


def paper_references(model: Model) -> list[str]:
    """Papers that sources of values that a run reads name, in the order of how often."""
    text = (shipped_folder("validation") / "targets.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    read = read_entries(model).values()
    named = {
        key: sum(name in entry.source for entry in read)
        for key, name in _PAPERS.items()
        if key in tables
    }
    return [
        str(tables[key]["citation"]) for key in sorted(named, key=lambda k: -named[k]) if named[key]
    ]


def methods(run: xr.Dataset, model: Model) -> Section:
    """Paragraph and references, to paste."""
    references = [program_reference(run), *paper_references(model)]
    cited = "\n".join(f"[{n}] {one}" for n, one in enumerate(references, 1))
    parts: list[Part] = [
        "To paste and adapt. It is about this one simulated dish; give the number of dishes and "
        "their seeds where there are several, and what was counted.",
        Passage(methods_text(run, model, papers=len(references) - 1)),
        "References:",
        Passage(cited, commands=True),
    ]
    return Section("methods", "For a methods section", tuple(parts))


def methods_text(run: xr.Dataset, model: Model, *, papers: int) -> str:
    """The paragraph, in the past tense."""
    spec, name = model.spec, model.name
    sentences = []
    base = base_of(model)
    which = f"the model {name}"
    if is_own(model):
        which = f"a model of our own ({name}" + (f", which extends {base})" if base else ")")
    sentences.append(
        f"Simulations were run with {run.attrs['source']} [1], {which}, seed {run.attrs['seed']}."
    )
    cited = listed([f"[{n}]" for n in range(2, 2 + papers)]) if papers else ""
    if cited:
        sentences.append(
            f"Conditions and values are, among others, from the experiments of {cited}."
        )
    changed = [one.setting for one in changes(model)]
    if changed:
        sentences.append(f"Values that differ from the shipped ones: {'; '.join(changed)}.")
    sentences.append(_dish_sentence(run, spec))
    sentences += _field_sentences(spec)
    if spec.follows_cells:
        sentences.append(
            f"Cells crawled as persistent random walkers (speed {_plain(model, 'speed')}, "
            f"persistence time {_plain(model, 'persistence_time')}) in steps of "
            f"{duration_text(spec.cells.time_step)}"
            + (
                ", and fields and cells were exchanged every "
                f"{duration_text(spec.numerics.coupling_step)}."
                if spec.senses
                else "."
            )
        )
    given = treatment_phrases(spec)
    sentences.append(f"Treatment: {'; '.join(given)}." if given else "There was no treatment.")
    sentences.append(
        "Every value, with its unit, source and status, is in the run file; libraries: "
        f"{libraries(run)}."
    )
    return " ".join(sentences)


def _plain(model: Model, key: str) -> str:
    value = str(model.entries[f"cell_type.{model.spec.cells.type}.{key}"].value)
    return in_micro(value)


def _dish_sentence(run: xr.Dataset, spec: ModelSpec) -> str:
    who = []
    if spec.follows_cells:
        who.append(cells_text(spec, run.sizes.get("trajectory", 0)))
    if bodies := bodies_in(run):
        who.append(f"{bodies:,} {spec.stroma.label}")
    long = "in steady state"
    if spec.run.mode != "steady":
        long = f"for {span_text(run, spec)}"
        if spec.run.culture:
            long += f" after {duration_text(spec.run.culture)} of culture of the stroma alone"
    place = "A round well" if spec.dish.shape == "round" else "A view"
    content = f", with {listed(who)}," if who else ""
    return (
        f"{place} of {view_text(spec)} under {1e-3 * spec.dish.height:.3g} mm of medium{content} "
        f"was simulated {long}."
    )


def _field_sentences(spec: ModelSpec) -> list[str]:
    if not spec.solved_ligands:
        return []
    coat = any(spec.ligand[name].coat.binds for name in spec.solved_ligands)
    return [
        f"Diffusion and loss of {labels(spec, spec.solved_ligands)} in the medium"
        f"{', and reversible binding to the coated floor,' if coat else ''} were solved "
        f"{_SOLVERS.get(spec.numerics.solver, '')} (grid spacing {spec.grid.spacing:g} µm"
        + (
            f", relative tolerance {spec.numerics.tolerance:g})."
            if spec.numerics.solver != "fipy"
            else ")."
        )
    ]


def libraries(run: xr.Dataset) -> str:
    """Libraries with their versions, as a run records them."""
    versions = recorded_versions(run)
    return (
        ", ".join(f"{_NAMES.get(name, name)} {version}" for name, version in versions.items())
        or "not recorded"
    )


def recorded_versions(run: xr.Dataset) -> Mapping[str, str]:
    """Versions of libraries by name; none if the attribute is damaged."""
    try:
        found = json.loads(str(run.attrs.get("versions", "{}")))
        return {str(name): str(version) for name, version in found.items()}
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
            f"--set {shlex.quote(one.setting)}"
            for one in changes(model)
            if model.entries[one.path].where == CALL and not one.source.startswith(FITTED)
        ]
        commands = [" \\\n  ".join([f"sdf1-field solve {base} --seed {seed} -o {new}", *settings])]
        if not is_interrupted(run, model.spec):
            commands += [f"sdf1-field inspect --digest {one}" for one in (file, new)]
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
