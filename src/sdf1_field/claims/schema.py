"""The JSON Schema of a claims file, made from the forms by which it is read."""

from typing import Any

from sdf1_field.claims.forms import FILE, FORMS, SCHEMA, Form

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def claims_schema() -> dict[str, Any]:
    """Schema of the TOML file's tables as JSON, draft 2020-12.

    It asks for tables, keys and kinds of values. That names of conditions, quantities and claims
    exist, and that statements can be tested, is checked by `sdf1_field.claims.loading` only.
    """
    return {
        "$schema": _DRAFT,
        "title": f"Claims file of sdf1-field, version {SCHEMA}",
        **_schema(FILE),
        "$defs": {name: _schema(form) for name, form in FORMS.items()},
    }


def _schema(form: Form) -> dict[str, Any]:
    keys = {**form.needed, **form.further}
    own: dict[str, Any] = {"type": "object"}
    if keys:
        own["properties"] = {key: dict(kind.schema) for key, kind in keys.items()}
    if form.needed:
        own["required"] = list(form.needed)
    own["additionalProperties"] = False if form.each is None else dict(form.each.schema)
    if form is FILE:
        own["properties"]["schema"]["const"] = SCHEMA
    return own
