"""What recorded results depend on, in one file that ships with the program.

python validation/sensitivity.py        # a moment; writes sensitivity.toml

It reads the tables of inference/indices.md, mechanisms/media.md and mechanisms/replayed.md, and
computes nothing. The scripts that record those tables call it. `sdf1-field explain` and the viewer
show the file.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent / "mechanisms"))

from rows import MEDIA, MEDIA_DISHES, PIECES, PIECES_SEEDS, STILL, STROMA

from sdf1_field.spec import load_model

HERE = Path(__file__).parent
SHIPPED = HERE / "sensitivity.toml"
OF_INDICES, OF_MEDIA = "inference/indices.md", "mechanisms/media.md"
OF_PIECES = "mechanisms/replayed.md"
CONDITIONS = {
    "AMD3100 10 µM": "amd3100",
    "AMD3100 1 µM": "amd3100_1um",
    "SDF-1": "sdf1",
    "anti-CD166": "anti_cd166",
}
"""Conditions of the columns of replayed.md."""
DISHES = {
    OF_MEDIA: f"{MEDIA_DISHES} dishes of placed stroma: bodies and networks drawn at random, which "
    "do not move",
    OF_PIECES: f"{len(PIECES_SEEDS)} dishes of recorded stroma: networks that grew in full runs, "
    "in which cells alone were simulated anew, without excluding each other",
}
REGIONS = ("MSC", "migrasome network")
_ABOUT = f"""\
# What recorded fold changes at 4 h depend on, as `sdf1-field explain` and the viewer show it.
#
# Written by `python validation/sensitivity.py` from the tables of
# {OF_INDICES}, {OF_MEDIA} and {OF_PIECES}; do not edit.
# Fold changes are text, with the digits of the tables: on MSC, on the migrasome network.
# `treatments` are those of the condition, with their times in seconds. With `over`, numbers are of
# the ratio to the fold change of that other condition.
"""


def table_of(name: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the one table of a recorded page."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    header, _, *rows = (
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in lines
        if line.startswith("|")
    )
    return header, rows


def treatments_of(model: str) -> list[dict[str, Any]]:
    """Agents of a model, with their doses and times [s]."""
    spec = load_model(model).spec
    given = (
        {"agent": spec.agent_of(name), "dose": one.dose, "start": one.start, "stop": one.stop}
        for name, one in spec.treatments.items()
    )
    return [{key: value for key, value in one.items() if value is not None} for one in given]


def indices(models: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Total Sobol indices by condition and region; ``models`` by condition."""
    (_, *columns), rows = table_of(OF_INDICES)
    for n, column in enumerate(columns):
        condition, region = column.split(", ")
        condition, _, over = condition.partition(" over ")
        yield {
            "source": f"validation/{OF_INDICES}",
            "treatments": treatments_of(models[condition]),
            "over": over,
            "region": {"network": REGIONS[1]}.get(region, region),
            "share": {key: float(row[n]) for key, *row in rows},
        }


def settings_of(texts: Sequence[str]) -> dict[str, str | float | bool]:
    """Settings of a call by key."""
    found = {}
    for text in texts:
        key, _, value = text.partition("=")
        try:
            found[key] = tomllib.loads(f"v = {value}")["v"]
        except tomllib.TOMLDecodeError:
            found[key] = value
    return found


def changed(
    name: str, texts: Sequence[str], shipped: Sequence[str], **keys: object
) -> dict[str, Any]:
    """A change and its fold changes, of which the texts begin with the numbers."""
    return {
        "name": name,
        **keys,
        "shipped": list(shipped),
        "changed": list(texts),
    }


def of_media() -> Iterator[dict[str, Any]]:
    """Changes of the medium and of the coat."""
    _, rows = table_of(OF_MEDIA)
    cells = {name: [re.split(r"[; ]", text)[0] for text in texts] for name, *texts in rows}
    for name, (model, settings) in MEDIA.items():
        if settings:
            yield changed(
                name,
                cells[name][:2],
                cells[STILL[model]][:2],
                source=f"validation/{OF_MEDIA}",
                dishes=DISHES[OF_MEDIA],
                settings=settings_of(settings),
                treatments=treatments_of(model),
                over="",
            )


def of_pieces(models: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Pieces of the model that are left out, and other exponents."""
    (_, _, *columns), rows = table_of(OF_PIECES)
    shipped, *others = rows
    for name, *texts in others:
        settings = dict(PIECES[name]) or settings_of(STROMA[name])
        for n, condition in enumerate(["control", *(CONDITIONS.get(c, "") for c in columns)]):
            if not condition:
                break
            over = {"control": "", "anti_cd166": "igg"}.get(condition, "control")
            yield changed(
                name,
                texts[n].split("/"),
                shipped[n + 1].split("/"),
                source=f"validation/{OF_PIECES}",
                dishes=DISHES[OF_PIECES],
                settings=settings,
                treatments=treatments_of(models[condition]),
                over=over,
            )


def toml(values: Mapping[str, Any]) -> str:
    """Lines of a table; its own tables are inline."""

    def text(value: Any) -> str:
        if isinstance(value, Mapping):
            inner = ", ".join(f"{json.dumps(k)} = {text(v)}" for k, v in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        if isinstance(value, list):
            return f"[{', '.join(map(text, value))}]"
        return json.dumps(value, ensure_ascii=False)

    return "\n".join(f"{key} = {text(value)}" for key, value in values.items())


def shipped_text() -> str:
    """Text of the file, from the tables as they are recorded now."""
    targets = tomllib.loads((HERE / "targets.toml").read_text(encoding="utf-8"))
    models = {key: str(one["model"]) for key, one in targets["deniz2023"]["condition"].items()}
    parts = [_ABOUT]
    parts += [f"[[index]]\n{toml(one)}\n" for one in indices(models)]
    parts += [f"[[change]]\n{toml(one)}\n" for one in (*of_media(), *of_pieces(models))]
    return "\n".join(parts)


def ship() -> None:
    """Write the file."""
    SHIPPED.write_text(shipped_text(), encoding="utf-8")


if __name__ == "__main__":
    ship()
