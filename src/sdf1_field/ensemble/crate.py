"""Description of a folder of dishes as an RO-Crate: files, program, command.

``ro-crate-metadata.json`` is JSON-LD of RO-Crate 1.1, which repositories such as Zenodo and
WorkflowHub read. It describes the files that are in the folder when it is written.

References
----------
RO-Crate Metadata Specification 1.1, https://w3id.org/ro/crate/1.1.
"""

import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sdf1_field.errors import ASIDE, RunError, reason_of, write_whole
from sdf1_field.record.layout import program, versions

METADATA = "ro-crate-metadata.json"
"""Name of the file, by the specification."""
_SPECIFICATION = "https://w3id.org/ro/crate/1.1"
_SHA256 = "https://schema.org/sha256"
"""Term that the context of RO-Crate 1.1 does not have yet."""
_LICENCE = "https://spdx.org/licenses/BSD-3-Clause"
_FORMATS = {
    ".nc": "application/x-netcdf",
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".png": "image/png",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
    ".html": "text/html",
    ".toml": "application/toml",
    ".txt": "text/plain",
}


def write_crate(
    folder: Path, *, name: str, description: str, command: Sequence[str] = (), about: str = ""
) -> None:
    """Write the description of a folder into it, in place of an earlier one.

    Parameters
    ----------
    folder : pathlib.Path
        With all of its files; hidden ones and those being written are left out.
    name, description : str
        Title and a sentence.
    command : sequence of str
        Words of the command that made the folder; none if Python code did.
    about : str
        Citation of the paper whose experiments were simulated.

    Raises
    ------
    RunError
        If a file cannot be read or written.
    """
    try:
        files = [_file(path, folder) for path in _files(folder)]
        crate = _crate(files, name=name, description=description, command=command, about=about)
        write_whole(folder / METADATA, json.dumps(crate, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise RunError(
            f"{error.filename or folder}: {reason_of(error)}. The dishes are "
            "kept; make room and use the same command."
        ) from None


def _crate(
    files: Sequence[dict[str, Any]], *, name: str, description: str, command: Sequence[str],
    about: str,
) -> dict[str, Any]:  # fmt: skip
    """Description of files, as JSON-LD."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    parts = [{"@id": file["@id"]} for file in files]
    title, _, version = program().rpartition(" ")
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": name,
        "description": description,
        "datePublished": now,
        "license": {"@id": "#licence"},
        "hasPart": parts,
        "mentions": {"@id": "#run"},
    }
    entities: list[dict[str, Any]] = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": _SPECIFICATION},
            "about": {"@id": "./"},
        },
        root,
        {
            "@id": "#licence",
            "@type": "CreativeWork",
            "name": "No licence stated",
            "description": "The files belong to those who made them, who may state a licence "
            "here. That of the program is BSD-3-Clause.",
        },
        {
            "@id": "#run",
            "@type": "CreateAction",
            "name": shlex.join(command) if command else "Python code",
            "endTime": now,
            "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
            "instrument": {"@id": "#program"},
            "result": parts,
        },
        {
            "@id": "#program",
            "@type": "SoftwareApplication",
            "name": title,
            "version": version,
            "softwareVersion": version,
            "softwareRequirements": [
                f"{library} {number}" for library, number in json.loads(versions()).items()
            ],
            "license": {"@id": _LICENCE},
        },
        {
            "@id": _LICENCE,
            "@type": "CreativeWork",
            "name": "BSD 3-Clause License",
            "identifier": "BSD-3-Clause",
        },
        *files,
    ]
    if about:
        root["citation"] = {"@id": "#paper"}
        entities.append({"@id": "#paper", "@type": "ScholarlyArticle", "name": about})
    return {"@context": [f"{_SPECIFICATION}/context", {"sha256": _SHA256}], "@graph": entities}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        shown = path.relative_to(folder)
        hidden = any(part.startswith(".") or part.endswith(ASIDE) for part in shown.parts)
        if path.is_file() and not hidden and shown != Path(METADATA):
            yield path


def _file(path: Path, folder: Path) -> dict[str, Any]:
    """Entity of a file: its place as URI, size in bytes, kind and digest."""
    own = path.relative_to(folder)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    entity = {
        "@id": quote(own.as_posix()),
        "@type": "File",
        "name": own.name,
        "contentSize": str(path.stat().st_size),
        "sha256": digest,
    }
    if own.suffix in _FORMATS:
        entity["encodingFormat"] = _FORMATS[own.suffix]
    return entity
