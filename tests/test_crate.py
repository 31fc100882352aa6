"""A folder of dishes describes itself as an RO-Crate 1.1."""

import hashlib
import json
import re
from datetime import datetime
from urllib.parse import unquote

import pytest

import sdf1_field
from sdf1_field.ensemble.crate import METADATA, write_crate
from sdf1_field.errors import RunError

COMMAND = ["sdf1-field", "reproduce", "deniz2023", "-o", "my folder"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "dish 1.nc").write_bytes(b"\x89HDF")
    (tmp_path / "table.md").write_text("µm\n", encoding="utf-8")
    (tmp_path / "notes.xyz").write_text("", encoding="utf-8")
    (tmp_path / ".hidden").write_text("x", encoding="utf-8")
    (tmp_path / "runs" / "dish 2.nc.writing").write_text("x", encoding="utf-8")
    write_crate(
        tmp_path, name="A name", description="A sentence.", command=COMMAND, about="A paper."
    )
    return tmp_path


def graph_of(folder):
    """Entities by identifier; each occurs once."""
    crate = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    found = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(found) == len(crate["@graph"])
    return found


def check(folder):
    """What RO-Crate 1.1 demands of a metadata file ("MUST"), and that it is of this folder."""
    crate = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    assert crate.keys() == {"@context", "@graph"}
    assert crate["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    graph = graph_of(folder)
    descriptor = graph[METADATA]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    root = graph[descriptor["about"]["@id"]]
    assert (root["@id"], root["@type"]) == ("./", "Dataset")
    assert root["name"]
    assert root["description"]
    assert datetime.fromisoformat(root["datePublished"]).tzinfo is not None
    for entity in graph.values():
        assert entity["@type"]
        for value in entity.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    assert one.keys() == {"@id"}
                    assert one["@id"] in graph or re.match("https?:", one["@id"]), one
    listed = {part["@id"] for part in root["hasPart"]}
    assert listed == {key for key, entity in graph.items() if entity["@type"] == "File"}
    for key in listed:
        content = (folder / unquote(key)).read_bytes()
        assert graph[key]["contentSize"] == str(len(content))
        assert graph[key]["sha256"] == hashlib.sha256(content).hexdigest()
    return graph


def test_every_file_is_described_by_size_digest_and_kind(folder):
    graph = check(folder)
    files = {key: entity for key, entity in graph.items() if entity["@type"] == "File"}
    assert files.keys() == {"runs/dish%201.nc", "table.md", "notes.xyz"}
    assert files["runs/dish%201.nc"]["encodingFormat"] == "application/x-netcdf"
    assert files["table.md"]["contentSize"] == "4"
    assert "encodingFormat" not in files["notes.xyz"]


def test_the_command_with_its_program_stands_as_an_action(folder):
    graph = graph_of(folder)
    (action,) = (e for e in graph.values() if e["@type"] == "CreateAction")
    assert action["name"] == "sdf1-field reproduce deniz2023 -o 'my folder'"
    program = graph[action["instrument"]["@id"]]
    assert (program["name"], program["version"]) == ("sdf1-field", sdf1_field.__version__)
    assert any(line.startswith("numpy ") for line in program["softwareRequirements"])
    assert graph[program["license"]["@id"]]["identifier"] == "BSD-3-Clause"
    assert graph[graph["./"]["citation"]["@id"]]["name"] == "A paper."


def test_it_is_written_anew_and_does_not_describe_itself(folder):
    (folder / "table.md").unlink()
    write_crate(folder, name="A name", description="A sentence.")
    graph = check(folder)
    assert "table.md" not in graph
    assert graph["#run"]["name"] == "Python code"
    assert "citation" not in graph["./"]


def test_a_folder_that_cannot_be_written_to_is_a_line(tmp_path):
    with pytest.raises(RunError, match="make room"):
        write_crate(tmp_path / "none", name="A", description="B")
