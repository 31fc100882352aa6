"""Numerical choices out of all proportion: refused, warned of, or accepted in silence.

Every number of the default co-culture that decides how it is computed, and none of what is, is
multiplied by each of `FACTORS`. A choice is *in silence* if no interval says that it is plausible.

python validation/trust/choices.py          # writes choices.md
"""

import warnings
from collections import Counter
from pathlib import Path

from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.spec import Model, load_model, warn_of_intervals

HERE = Path(__file__).parent
MODEL = "coculture-kg1a"
GROWN = "scene.mode=grown"
FACTORS = (1e-6, 1e-3, 1e-1, 1e1, 1e3, 1e6)
ROOMS = ("numerics.", "grid.", "output.", "cells.time_step")
"""Beginnings of paths that decide how a model is computed and when it is saved."""


def choices(model: Model) -> list[str]:
    """Paths of the numbers that are chosen for the computation."""
    found = []
    for path, entry in model.entries.items():
        number = str(entry.value).partition(" ")[0]
        try:
            float(number)
        except ValueError:
            continue
        chosen = path.startswith(ROOMS) and not isinstance(entry.value, bool)
        if chosen and float(number) != 0.0:
            found.append(path)
    return found


def outcome(setting: str) -> str:
    """Whether a setting is refused, warned of, within its stated interval, or none of these."""
    try:
        model = load_model(MODEL, settings=[GROWN, setting])
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            warn_of_intervals(model, strict=False)
    except InputError:
        return "refused"
    ours = [one for one in said if issubclass(one.category, Sdf1FieldWarning)]
    path = setting.partition("=")[0]
    if any(path in str(one.message) for one in ours):
        return "warned of"
    return "plausible" if model.entries[path].interval else "in silence"


def main() -> None:
    """Try all; write the table."""
    model = load_model(MODEL, settings=[GROWN])
    counts: Counter[str] = Counter()
    rows = []
    for path in choices(model):
        value = str(model.entries[path].value)
        number, _, unit = value.partition(" ")
        found = {}
        for factor in FACTORS:
            changed = float(number) * factor
            found[factor] = outcome(f"{path}={changed:g} {unit}".strip())
        counts.update(found.values())
        rows.append(f"| `{path}` | {value} | {' | '.join(found[f] for f in FACTORS)} |")
    factors = " | ".join(f"x {factor:g}" for factor in FACTORS)
    lines = [
        "# Numerical choices out of all proportion", "",
        f"Made by `python validation/trust/{Path(__file__).name}`: {counts.total()} settings of "
        f"`{MODEL}` with `{GROWN}`, {counts['refused']} refused, {counts['warned of']} warned of, "
        f"{counts['plausible']} within the interval that is stated for them (*plausible*), and "
        f"{counts['in silence']} accepted in silence without one.", "",
        f"| key | value | {factors} |", "|---" * (len(FACTORS) + 2) + "|", *rows, "",
    ]  # fmt: skip
    (HERE / "choices.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
