"""What the page says of a run in text: curves, parameters, warnings, mass audit, provenance."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from sdf1_field.record import audit_rows, computer_text, field_unit, model_of, summary
from sdf1_field.spec import Model, outside_intervals
from sdf1_field.spec.schema import dimension_of
from sdf1_field.spec.unread import unread_keys
from sdf1_field.view.curves import run_curves
from sdf1_field.view.differing import WORDS, change_rows, outside_rows, value_text
from sdf1_field.view.document import as_json
from sdf1_field.view.explaining import explain
from sdf1_field.view.methods import libraries
from sdf1_field.view.setting import is_interrupted, span_text


def run_facts(run: xr.Dataset, path: Path | None) -> dict[str, Any]:
    """Facts of a run, each of plain values, for the page's tabs.

    Parameters
    ----------
    run : xarray.Dataset
        From `sdf1_field.record.open_run`; also an interrupted one.
    path : pathlib.Path, optional
        Of its file.

    Returns
    -------
    dict
        ``curves`` (`run_curves`), ``explain`` (`explain`), ``warnings``, ``changed`` and
        ``outside`` (rows of text), ``parameters`` (`parameter_rows`), ``audit`` (`audit_tables`)
        and ``provenance`` (pairs of text).
    """
    model = model_of(run)
    return {
        "curves": run_curves(run),
        "explain": as_json(explain(run, path)),
        "warnings": warnings_of(run, model),
        "changed": [list(row) for row in change_rows(model)],
        "outside": [list(row) for row in outside_rows(model)],
        "parameters": parameter_rows(model),
        "audit": audit_tables(run),
        "provenance": provenance(run, path),
    }


def warnings_of(run: xr.Dataset, model: Model) -> list[str]:
    """What a reader has to know before trusting a run; empty if there is nothing."""
    texts = []
    if is_interrupted(run, model.spec):
        texts.append(f"The run was interrupted at {span_text(run, model.spec)}.")
    texts += [one.text for one in outside_intervals(model)]
    texts += [
        f"{key.path}: changed, but without effect, since {key.reason}."
        for key in unread_keys(model.spec, sorted(model.changed))
    ]
    return texts


def parameter_rows(model: Model) -> list[dict[str, Any]]:
    """Each value of a model but for title and description.

    Returns
    -------
    list of dict
        ``key``, ``value`` and ``unit`` as written, ``status``, ``source``, ``interval``,
        ``changed`` and ``unread`` (the reason for which it has no effect; empty if it is read).
    """
    idle = {key.path: key.reason for key in unread_keys(model.spec, model.entries)}
    changed = model.changed
    rows = []
    for path, entry in sorted(model.entries.items()):
        if path in WORDS:
            continue
        value, unit = value_text(entry.value), ""
        if isinstance(entry.value, str) and dimension_of(path) is not None:
            value, _, unit = value.partition(" ")
        rows.append(
            {
                "key": path,
                "value": value,
                "unit": unit,
                "status": entry.status,
                "source": value_text(entry.source),
                "interval": " to ".join(map(str, entry.interval)) if entry.interval else "",
                "changed": path in changed,
                "unread": idle.get(path, ""),
            }
        )
    return rows


def audit_tables(run: xr.Dataset) -> list[dict[str, Any]]:
    """Each ligand at the end: ``label``, and ``rows`` of `audit_rows`."""
    return [
        {
            "label": ligand["label"],
            "rows": [list(row) for row in audit_rows(ligand, field_unit(run, ligand["name"]))],
        }
        for ligand in summary(run)["ligands"]
    ]


def provenance(run: xr.Dataset, path: Path | None) -> list[list[str]]:
    """Where a run comes from, as pairs of text."""
    facts: Mapping[str, Any] = summary(run)
    attributes = run.attrs
    computers = [computer_text(computer) for computer in facts["computed_on"]]
    pairs = [
        ("file", path.name if path is not None else "in memory"),
        ("title", facts["title"]),
        ("model", facts["model"]),
        ("seed", str(facts["seed"])),
        ("treatment", facts["treatment"]),
        ("program", facts["program"]),
        ("libraries", libraries(run)),
        ("computed on", ", then on ".join(computers) or "not recorded"),
        ("created", facts["created"]),
        ("command line", str(attributes.get("command_line", "")) or "none: made from Python"),
        ("format of the file", str(attributes.get("format", ""))),
        ("fields saved", facts["time"]),
        ("grid", facts["grid"]),
        ("stroma", facts.get("stroma", "none")),
        ("cells", facts.get("cells", "none")),
        ("size of the file", _size(path)),
    ]
    patterns = _patterns(attributes)
    pairs += [(f"checksum of {name}", digest) for name, digest in patterns.items()]
    return [[key, " ".join(str(value).split())] for key, value in pairs if value]


def _size(path: Path | None) -> str:
    if path is None or not path.is_file():
        return ""
    return f"{path.stat().st_size / 1e6:.1f} MB"


def _patterns(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Checksums of the pictures and scenes that a model reads, by name."""
    try:
        found = json.loads(str(attributes.get("patterns", "{}")))
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, AttributeError):
        return {}
