"""Random valid models solved in tiny dishes: finite, without negative fields, cells inside."""

import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.readers import TINY

BASES = ("coculture-kg1a", "coculture-cd34", "coculture-kg1a-amd3100-10um", "secretion-l929")
_FIXED = ("dish", "grid", "run", "output", "numerics", "scene.msc", "scene.mode", "title", "cells")
"""Beginnings of the paths that stay: they decide how long a run takes."""
_SECONDS = 60.0
_BELOW = 1e-6
"""Negative concentration over the largest one that is the solver's error."""


def random_settings(rng: random.Random) -> tuple[str, dict[str, Any]]:
    """A shipped model, and up to ten of its values drawn anew.

    Numbers are drawn from ten times below their interval to ten times above it.
    """
    from sdf1_field.spec import load_model

    base = rng.choice(BASES)
    model = load_model(base, settings=TINY)
    drawn: dict[str, Any] = {}
    paths = [
        path
        for path, entry in model.entries.items()
        if not path.startswith(_FIXED) and (entry.interval or isinstance(entry.value, bool))
    ]
    for path in rng.sample(paths, rng.randrange(1, 11)):
        entry = model.entries[path]
        if isinstance(entry.value, bool):
            drawn[path] = not entry.value
            continue
        texts = [str(end).partition(" ") for end in entry.interval or ()]
        try:
            low, high = (float(text) for text, _, _ in texts)
        except ValueError:
            continue
        low = max(low, 1e-3 * high) if high > 0.0 else low
        if not 0.0 < low < high:
            continue
        number = float(f"{10.0 ** rng.uniform(np.log10(low) - 1.0, np.log10(high) + 1.0):.4g}")
        unit = texts[0][2]
        whole = isinstance(entry.value, int)
        drawn[path] = f"{number:g} {unit}" if unit else (round(number) if whole else number)
    return base, drawn


def solved(number: int, folder: Path) -> str:
    """What became of a random model: solved, refused, failed with a message, or a fault."""
    from sdf1_field.errors import InputError, RunError
    from sdf1_field.record import open_run, require_undamaged, solve
    from sdf1_field.spec import load_model

    rng = random.Random(f"model {number}")
    base, drawn = random_settings(rng)
    path = folder / "run.nc"
    path.unlink(missing_ok=True)
    try:
        model = load_model(base, settings=TINY)
        # One after the other: what is refused leaves the rest to be tried.
        for key, value in drawn.items():
            try:
                model = model.set({key: value})
            except InputError:
                continue
        solve(model, path, seed=number, force=True)
    except InputError:
        return "refused"
    except RunError:
        return "failed, with a message"
    with open_run(path) as run:
        require_undamaged(run)
        for name in model.spec.solved_ligands:
            values = run[name].values
            if not np.isfinite(values).all():
                return f"fault: {name} is not finite"
            if values.min() < -_BELOW * max(values.max(), 1e-30):
                return f"fault: {name} is negative"
        if "cell_x" in run:
            for axis, side in (("x", model.spec.dish.width), ("y", model.spec.dish.length)):
                places = run[f"cell_{axis}"].values
                if not ((places >= 0.0) & (places <= side)).all():
                    return f"fault: cell_{axis} is outside"
    return "solved"


def main(first: int, count: int, minutes: float) -> int:
    """Try random models; print a table of what became of them."""
    found: Counter[str] = Counter()
    until = time.monotonic() + 60.0 * minutes

    def stop(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGPROF, stop)
    warnings.simplefilter("ignore")
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        for number in range(first, first + count):
            if time.monotonic() > until:
                break
            signal.setitimer(signal.ITIMER_PROF, _SECONDS)
            try:
                kind = solved(number, Path(folder))
            except Exception as error:
                kind = f"fault: {type(error).__name__}: {str(error)[:200]}"
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            found[kind] += 1
            if kind.startswith("fault"):
                print(number, kind, random_settings(random.Random(f"model {number}")), flush=True)
    print("| random models | number |\n| --- | ---: |")
    for kind, times in found.most_common():
        print(f"| {kind} | {times:,} |")
    return int(any(kind.startswith("fault") for kind in found))


if __name__ == "__main__":
    _first, _count, _minutes = sys.argv[1:]
    sys.exit(main(int(_first), int(_count), float(_minutes)))
