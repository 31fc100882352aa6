"""A model file to start from: it runs as it is and shows the keys that can be changed.

Every line stands by itself as a dotted key, not under a header: an empty table would take away
the values that the model inherits, and a key uncommented without its header would fall into
another table.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from sdf1_field import __version__
from sdf1_field.errors import InputError, refuse_existing, replaced_when_whole
from sdf1_field.shipped import model_names
from sdf1_field.spec.agents import ACTIONS
from sdf1_field.spec.entries import Entry
from sdf1_field.spec.files import load_model
from sdf1_field.spec.names import unknown
from sdf1_field.spec.reading import parameters
from sdf1_field.spec.saving import toml_value
from sdf1_field.spec.schema import Mechanisms, ModelSpec
from sdf1_field.spec.unread import unread_keys

_WIDTH = 92
_NAME = re.compile(r"\w[\w.-]*")

_SWITCHED = ("mechanisms.", "treatments.", "variation.donor.")
"""Keys shown even if they have no effect, since a call may switch them on."""
_DISH = ("dish.width", "dish.length", "dish.height")
_RUN = ("run.seed", "run.culture", "run.duration")
_SCENE = ("scene.mode", "scene.substrate", "scene.msc_density")
_CELLS = ("cells.type", "cells.density")
_CELL_TYPE = (
    *("diameter", "speed", "persistence_time", "receptors"),
    *("half_trigger", "release_rate", "cd166_bonds"),
)
_VARIATION = (
    *("variation.dish.secretion", "variation.dish.speed", "variation.dish.avidity"),
    *("variation.donor.secretion", "variation.donor.speed", "variation.donor.avidity"),
    "variation.donor_number",
)
_OUTPUT = (
    *("output.ligands", "output.fields_from", "output.fields_every"),
    *("output.tracks_from", "output.tracks_every"),
)


def model_file_text(name: str, *, extends: str) -> str:
    """Commented model file that extends a shipped model and changes only its title.

    Parameters
    ----------
    name : str
        Of the new model.
    extends : str
        A shipped model.

    Returns
    -------
    str
        TOML. The keys that users change most often are lines that begin with ``#``, with the
        value that holds in the shipped model and, below, its status, interval and source.

    Raises
    ------
    InputError
        If there is no such shipped model.
    """
    known = model_names()
    if extends not in known:
        raise InputError(f"{unknown(extends, known, 'model')} `sdf1-field list` shows them all.")
    base = load_model(extends)
    spec = base.spec
    # Keys without effect in the shipped model are left out.
    idle = {key.path for key in unread_keys(spec, base.entries)}
    entries = {
        path: entry
        for path, entry in base.entries.items()
        if path not in idle or path.startswith(_SWITCHED)
    }
    sections = [
        [
            *_prose(
                "A line that begins with # is a comment. Remove the # and change the value. The "
                f"value shown is in use without the line (sdf1-field {__version__}); below it are "
                "its status, plausible interval and source. A value with a unit is text, in any "
                "unit of its dimension; a bare number has none. Each line stands alone. Sections, "
                "such as [ligand.sdf1], go to the end of the file."
            ),
            "",
            f"extends = {toml_value(extends)}",
            f"title = {toml_value(f'{name}: {spec.title}')}",
            '#description = "What is different here, and why."',
        ],
        [
            *_prose("The dish: the part in view, and the height of the medium."),
            *_lines(_DISH, entries),
        ],
        [
            *_prose(
                "The run: time 0 is when the haematopoietic cells are added; the culture of MSC "
                "before it has negative times. Another seed is another dish."
            ),
            *_lines(_RUN, entries),
        ],
        [
            *_prose(
                "The stroma: placed from distributions, grown from its seeding on, or frozen when "
                f"the cells are added. Substrates: {', '.join(spec.substrate)}."
            ),
            *_lines(_SCENE, entries),
        ],
        [
            *_prose(f"The cells. Types: {', '.join(spec.cell_type)}."),
            *_lines(_CELLS, entries),
        ],
        *_cell_type(spec, entries),
        [
            *_prose("Mechanisms: true or false. With all of them off the fold change is 1."),
            *_lines((f"mechanisms.{key}" for key in Mechanisms.model_fields), entries),
        ],
        _treatments(spec, entries),
        [
            *_prose(
                "Variation between dishes and between donors: standard deviations of the natural "
                "logarithm of a factor."
            ),
            *_lines(_VARIATION, entries),
        ],
        [
            *_prose("Output: ligands (solved even if no cell senses them), fields, and cells."),
            *_lines(_OUTPUT, entries),
        ],
        [
            *_prose(
                f"Everything else: `sdf1-field show {extends}` prints every value of this model "
                "with its source, `sdf1-field show parameters` all defaults, `sdf1-field show "
                "--json-schema` the schema. Any of their keys can be written here."
            ),
        ],
    ]
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _cell_type(spec: ModelSpec, entries: Mapping[str, Entry]) -> list[list[str]]:
    """Section about the cells' type; none where there are no cells."""
    lines = list(_lines((f"cell_type.{spec.cells.type}.{key}" for key in _CELL_TYPE), entries))
    if not lines:
        return []
    prose = (
        f"{spec.haematopoietic.label} cells; receptors are a number per cell. The keys not shown "
        "here have values too."
    )
    return [[*_prose(prose), *lines]]


def _treatments(spec: ModelSpec, entries: Mapping[str, Entry]) -> list[str]:
    if spec.run.mode == "steady":
        return _prose(
            "Treatments: none, since a steady model has no times. "
            "Set run.mode to 'transient' to give one."
        )
    agents = ", ".join(name for name in spec.agent if _of_use(spec, name))
    given = [path for path in entries if path.startswith("treatments.")]
    lines = _prose(
        "Treatments, one line each: treatments.NAME = { agent, dose, start, stop }. The agent is "
        f"NAME if not given: {agents}. The start is 0 h if not given. An antagonist is present "
        "from its start to its stop or the next medium change; added ligand leaves with the next "
        "medium change and has no stop; an antibody permanently blocks the targets present "
        "between start and stop; a genetic change has neither dose nor time. The solution of a "
        "pre-coat is washed off at its start, with all that is dissolved. At equal times the "
        "medium change comes first."
    )
    if given:
        lines += [
            *_prose("Inherited (treatments = {} instead of any line here removes these):"),
            *_lines(given, entries),
        ]
    return [*lines, *_prose("Examples:"), *_examples(spec)]


def _examples(spec: ModelSpec) -> Iterator[str]:
    """One treatment of each kind that acts on something and that the model does not give."""
    for kind, action in ACTIONS.items():
        keys = action.example(spec)
        agents = [name for name, agent in spec.agent.items() if agent.acts_on == kind]
        if keys is None:
            continue
        if "agent" in keys:
            free = ["wash"]
        else:
            free = [n for n in agents if n not in spec.treatments and _of_use(spec, n)]
        table = ", ".join(f'{key} = "{value}"' for key, value in keys.items())
        yield from (f"#treatments.{n} = {f'{{ {table} }}' if keys else '{}'}" for n in free[:1])


def _of_use(spec: ModelSpec, name: str) -> bool:
    """Whether an agent would have an effect in a model."""
    agent = spec.agent[name]
    if agent.action.idle(spec, name) is not None:
        return agent.acts_on == "medium_change"
    found = agent.target is None or agent.target in spec.stroma.expresses
    return found and agent.action.lacks(spec, name) is None


def _lines(paths: Iterable[str], entries: Mapping[str, Entry]) -> Iterator[str]:
    """Commented-out keys with their values; those that follow from one source share its note."""
    defaults = parameters()
    shown = (path for path in paths if path in entries)
    for note, group in groupby(shown, key=lambda p: _note(entries[p], defaults.get(p))):
        yield from (f"#{path} = {toml_value(entries[path].value)}" for path in group)
        yield from _prose(note, indent="#     ")


def _note(entry: Entry, default: Entry | None) -> str:
    interval = f", {entry.interval[0]} to {entry.interval[1]}" if entry.interval else ""
    usual = "" if default is None or default.value == entry.value else f"; default {default.value}"
    return f"{entry.status}{interval}: {entry.source}{usual}"


def _prose(text: str, *, indent: str = "# ") -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def write_model_file(name: str, *, extends: str, force: bool = False) -> Path:
    """Write `model_file_text` to a new file.

    Parameters
    ----------
    name : str
        Of the model, or the file's path; ``.toml`` is added if it is missing.
    extends : str
        A shipped model.
    force : bool
        Replace a file that exists.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the name cannot be a model's, is a shipped one's, or the file exists or has no folder.
    """
    own = name.rpartition("/")[2].removesuffix(".toml")
    if not _NAME.fullmatch(own):
        raise InputError(
            f"'{name}': not a model's name. Write one with letters, digits, '_', '-' and '.' that "
            "begins with a letter or digit."
        )
    if own == name and name in (*model_names(), "parameters"):
        raise InputError(
            f"'{name}': the name of a shipped file, so that `sdf1-field check {name}` would not "
            f"read yours. Choose another name, or write {name}.toml."
        )
    text = model_file_text(own, extends=extends)
    path = Path(name).with_name(f"{own}.toml")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such folder. Make it first.")
    if path.is_dir():
        raise InputError(f"{path}: is a folder. Choose another name.")
    refuse_existing(path, force=force)
    with replaced_when_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path
