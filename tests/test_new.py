import json
import re
import subprocess
import sys
import tomllib

import pytest

from conftest import overrides
from sdf1_field.shipped import model_names
from sdf1_field.spec import asked_model, load_model, model_file_text, parameters
from sdf1_field.spec.agents import ACTIONS

KEY = re.compile(r"#([a-z0-9_.]+) = (.*)")


def keys_of(text):
    """Commented-out keys of a model file and their values, in order."""
    found = [KEY.fullmatch(line) for line in text.splitlines()]
    return {m[1]: tomllib.loads(f"value = {m[2]}")["value"] for m in found if m}


def uncommented(text, *keys):
    """The text with these keys, or all of them, taken out of their comments."""
    lines = []
    for line in text.splitlines():
        match = KEY.fullmatch(line)
        lines.append(line[1:] if match and (not keys or match[1] in keys) else line)
    return "\n".join(lines)


def note_below(text, key):
    """What stands below a key, or below the last of the keys it shares its note with."""
    found = re.search(rf"^#{re.escape(key)} = .*\n(?:#[a-z].*\n)*((?:#     .*\n)+)", text, re.M)
    return " ".join(line.removeprefix("#").strip() for line in found[1].splitlines())


def apart_from_words(spec):
    return spec.model_copy(update={"title": "", "description": ""})


@pytest.fixture
def loaded(tmp_path):
    """Function that loads the text of a model file."""

    def load(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return asked_model(str(path))

    return load


# The text


# Of models that differ in their substrate or in one gene alone, one stands for all.
ALIKE = ("biogenesis-", "secretion-l929-")
BASES = [
    *(name for name in model_names() if not name.startswith(ALIKE)),
    "biogenesis-poly-l-lysine", "secretion-l929-bapta-am", "secretion-l929-myo5a-ko",
]  # fmt: skip


@pytest.mark.parametrize("base", BASES)
def test_a_new_file_is_the_shipped_model_under_another_title(base, loaded):
    own, shipped = loaded(model_file_text("mine", extends=base)), load_model(base)
    assert own.spec.title == f"mine: {shipped.spec.title}"
    changed = {p for p in own.entries if own.entries[p] != shipped.entries.get(p)}
    assert changed == {"title"}
    assert own.entries.keys() == shipped.entries.keys()


@pytest.mark.parametrize("base", BASES)
def test_everything_uncommented_is_that_model_with_the_examples_added(base, loaded):
    text = model_file_text("mine", extends=base)
    own, shipped = loaded(uncommented(text)), load_model(base)
    added = own.spec.treatments.keys() - shipped.spec.treatments.keys()
    kinds = {own.spec.agent[own.spec.agent_of(name)].acts_on for name in added}
    steady = shipped.spec.run.mode == "steady"
    assert ("medium_change" in kinds) is (bool(shipped.spec.solved_ligands) and not steady)
    # An example of each kind of which an agent is left, and something that it acts on.
    useful = {"cxcr4_antagonist", "added_ligand", "cd166_block", "medium_change"}
    if shipped.spec.grows:
        useful |= {"integrins", "nucleation"}
    if shipped.spec.followed_ligands:
        useful |= {"calcium"}
    # Without cells, or where they notice nothing, there is no CXCR4 and no CD166 to act on.
    fields = shipped.spec.solved_ligands
    if not (shipped.spec.cell_count and shipped.spec.sensed_ligands):
        useful -= {"cxcr4_antagonist"}
    if not (shipped.spec.adheres and shipped.spec.bears("cd166")):
        useful -= {"cd166_block"}
    if not fields:
        useful -= {"medium_change"}
    left = {
        agent.acts_on
        for name, agent in shipped.spec.agent.items()
        if name not in shipped.spec.treatments
        and agent.target in (None, *shipped.spec.stroma.expresses)
        and (agent.acts_on != "added_ligand" or name in fields)
    }
    if not steady:
        assert kinds == useful & (left | {"medium_change"})
    assert len(added) == len(kinds)
    without = own.spec.model_copy(update={"treatments": shipped.spec.treatments})
    assert apart_from_words(without) == apart_from_words(shipped.spec)
    assert all(own.spec.treatments[n] == t for n, t in shipped.spec.treatments.items())


@pytest.mark.parametrize("base", ["coculture-kg1a", "tracking-kg1a", "round-well"])
def test_every_line_is_right_by_itself(base, loaded):
    text = model_file_text("mine", extends=base)
    shipped = load_model(base)
    keys = keys_of(text)
    assert len(keys) > 25
    for key, value in keys.items():
        own = loaded(uncommented(text, key))
        if isinstance(value, dict):
            assert own.spec.treatments.keys() - shipped.spec.treatments == {key.split(".")[1]}
        else:
            assert own.entries[key].value == value
            if key not in ("title", "description"):  # they say what holds already
                assert own.entries[key] == shipped.entries[key]
            assert apart_from_words(own.spec) == apart_from_words(shipped.spec)


@pytest.mark.parametrize("base", ["coculture-kg1a", "coculture-cd34-48h", "tracking-kg1a"])
def test_values_and_sources_are_those_of_the_resolved_model(base):
    text = model_file_text("mine", extends=base)
    entries, defaults = load_model(base).entries, parameters()
    for key, value in keys_of(text).items():
        if key == "description" or isinstance(value, dict):
            continue
        entry, note = entries[key], note_below(text, key)
        assert value == entry.value
        assert note.startswith(entry.status)
        assert " ".join(entry.source.split()) in note
        if entry.interval:
            assert f"{entry.interval[0]} to {entry.interval[1]}" in note
        overridden = key in defaults and defaults[key].value != value
        assert (f"; default {defaults[key].value}" in note) if overridden else "default" not in note


def test_the_overridden_value_of_a_shipped_model_is_the_one_shown():
    text = model_file_text("mine", extends="coculture-cd34-48h")
    assert keys_of(text)["cell_type.cd34.receptors"] == 11100.0
    assert note_below(text, "cell_type.cd34.receptors").endswith("doubled; default 33590.0")
    assert "cell_type.kg1a." not in text


@pytest.mark.parametrize("base", ["coculture-kg1a", "tracking-kg1a-sdf1-amd3100"])
def test_every_switch_and_every_inherited_treatment_is_there(base):
    keys = keys_of(model_file_text("mine", extends=base))
    entries = load_model(base).entries
    for path in entries:
        if path.startswith(("mechanisms.", "treatments.")):
            assert path in keys


def test_an_antibody_is_given_before_the_cells_if_there_is_a_culture():
    treatment = "treatments.anti_cd166"
    culture = keys_of(model_file_text("mine", extends="coculture-kg1a"))[treatment]
    assert (culture["start"], culture["stop"]) == ("-2 h", "0 h")
    # Without stroma no cell is held, and without a culture nothing is before the cells.
    assert treatment not in keys_of(model_file_text("mine", extends="tracking-kg1a"))
    at_once = load_model("coculture-kg1a", settings=["run.culture=0 h"]).spec
    assert ACTIONS["cd166_block"].example(at_once).keys() == {"dose"}


def test_the_file_is_two_screenfuls_no_wider_than_a_window():
    lines = model_file_text("mine", extends="coculture-kg1a").splitlines()
    assert len(lines) < 150
    assert max(map(len, lines)) <= 92
    assert "sdf1-field show parameters" in lines[-2] + lines[-1]


# The command


def test_new_check_and_solve_in_a_row(run, tiny):
    made = run("new", "mine")
    assert made.exit_code == 0
    first, *commands = made.output.splitlines()
    assert first.startswith("mine.toml: ")
    check, solve = (line.split()[1:] for line in commands)
    assert (check, solve) == (["check", "mine.toml"], ["solve", "mine.toml"])
    assert run(*check).exit_code == 0
    settings = overrides(tiny)
    solved = run(*solve, *settings)
    assert (solved.exit_code, solved.stdout) == (0, "mine-seed1.nc\n")
    facts = json.loads(run("inspect", "mine-seed1.nc", "--json").output)
    assert facts["title"] == "mine: KG-1a cells on MSC and their migrasome networks"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mine", "mine.toml"),
        ("mine.toml", "mine.toml"),
        ("sub/mine", "sub/mine.toml"),
        ("./sub/../mine.v2.toml", "mine.v2.toml"),
        ("Müller_3-µM", "Müller_3-µM.toml"),
        ("coculture-kg1a.toml", "coculture-kg1a.toml"),
    ],
)
def test_a_name_with_or_without_suffix_and_folder_is_a_file(run, tmp_path, name, file):
    (tmp_path / "sub").mkdir()
    assert run("new", name, "--from", "null-kg1a").exit_code == 0
    assert list(tmp_path.rglob("*.toml")) == [tmp_path / file]
    assert tomllib.loads((tmp_path / file).read_text(encoding="utf-8"))["extends"] == "null-kg1a"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["coculture-kg1a"], ["'coculture-kg1a': the name of a shipped", "coculture-kg1a.toml"]),
        (["parameters"], ["'parameters': the name of a shipped"]),
        (["mine", "--from", "tracking-kg1b"], ["unknown model", "Did you mean 'tracking-kg1a'"]),
        (["mine", "--from", "mine.toml"], ["unknown model 'mine.toml'"]),
        (["missing/mine"], ["missing: no such folder"]),
        (["exists.toml/mine"], ["exists.toml: no such folder"]),
        (["exists"], ["exists.toml: exists already", "with --force"]),
        (["folder", "--force"], ["folder.toml: is a folder"]),
        (["n" * 300], ["file name too long"]),
        *([[name], ["not a model's name"]] for name in ("", ".", "..", "a b", "sub/", ".toml")),
        (["a\nb"], ["not a model's name"]),
        ([], ["Missing argument 'NAME'"]),
    ],
)
def test_a_file_that_cannot_be_made_is_one_line_and_status_two(run, tmp_path, arguments, expected):
    (tmp_path / "exists.toml").write_text("precious", encoding="utf-8")
    (tmp_path / "folder.toml").mkdir()
    result = run("new", *arguments)
    assert result.exit_code == 2, result.output
    assert len(result.output.splitlines()) == 1
    for text in expected:
        assert text in result.output
    assert (tmp_path / "exists.toml").read_text(encoding="utf-8") == "precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["exists.toml", "folder.toml"]


def test_force_replaces_a_file(run, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("old", encoding="utf-8")
    assert run("new", "mine", "--force").exit_code == 0
    assert path.read_text(encoding="utf-8") == model_file_text("mine", extends="coculture-kg1a")


@pytest.mark.parametrize(("arguments", "status"), [(["new", "--help"], 0), (["new"], 2)])
def test_its_help_answers_without_numpy(arguments, status):
    code = (
        "import sys\nfrom sdf1_field.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as end:\n    status = end.code\n"
        "print(status, [m for m in ('numpy', 'pydantic', 'pint') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == f"{status} []"
