"""Mutation tests: one sign or factor of a law is changed at a time, in a scratch copy.

Each mutation replaces one piece of the source; the tests must then fail, and the name of a failing
test must state the law that is broken.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
COPIED = (
    *("src", "models", "tests", "validation", "docs"),
    *("pyproject.toml", "README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE"),
)
LONGEST = 900.0
"""Some mutations make a solver run without end; failures until then count [s]."""
MOST_FAILURES = 6


@dataclass(frozen=True)
class Flip:
    """One mutation: the law that it breaks, the file, and the replaced and the new text."""

    law: str
    file: str
    right: str
    wrong: str


FLIPS = (
    Flip(
        "gradient sign: cells turn down the signal",
        "cells/sensing.py",
        "/ noise * difference, ex, ey,",
        "/ noise * difference, -ex, -ey,",
    ),
    Flip(
        "cell radius: twice r",
        "cells/parameters.py",
        "radius=0.5 * cell.diameter,",
        "radius=cell.diameter,",
    ),
    Flip(
        "0.602 molecules/um3 per nM: 1 instead",
        "units.py",
        "MOLECULES_PER_UM3_PER_NM = 0.602214076",
        "MOLECULES_PER_UM3_PER_NM = 1.0",
    ),
    Flip(
        "K_i shift: the antagonist lowers K_d",
        "pharmacology.py",
        "return dissociation_constant * (1.0 + competition)",
        "return dissociation_constant / (1.0 + competition)",
    ),
    Flip(
        "coat: on is off",
        "solvers/cosine/columns.py",
        "return self.transport.binding_coat",
        "return None",
    ),
    Flip(
        "adhesion: cells are let go twice as fast",
        "cells/holding.py",
        "work[CATCH, n], parameters.release_rate, step",
        "work[CATCH, n], 2.0 * parameters.release_rate, step",
    ),
    Flip(
        "adhesion: cells are caught half as fast",
        "cells/holding.py",
        "work[CATCH, n] = rate",
        "work[CATCH, n] = 0.5 * rate",
    ),
    Flip(
        "persistence: twice as long",
        "cells/walking.py",
        "spread = math.sqrt(2.0 * step / parameters.persistence_time)",
        "spread = math.sqrt(step / parameters.persistence_time)",
    ),
    Flip(
        "speed: twice as fast",
        "cells/moving.py",
        "half_way = 0.5 * parameters.speed * step",
        "half_way = parameters.speed * step",
    ),
    Flip(
        "area of a region: twice as large",
        "scene/regions.py",
        "return counts.astype(float) * cell_area",
        "return counts.astype(float) * 2.0 * cell_area",
    ),
    Flip(
        "density: cells, not cells per area",
        "analysis/census.py",
        "density = np.asarray(counts, dtype=float) / np.asarray(areas, dtype=float)",
        "density = np.asarray(counts, dtype=float)",
    ),
    Flip(
        "loss in the medium: none",
        "solvers/cosine/columns.py",
        "lateral = transport.diffusivity * grid.laplacian_eigenvalues() + transport.loss_rate",
        "lateral = transport.diffusivity * grid.laplacian_eigenvalues()",
    ),
    Flip(
        "diffusion: twice as fast along the floor",
        "solvers/cosine/columns.py",
        "lateral = transport.diffusivity * grid",
        "lateral = 2.0 * transport.diffusivity * grid",
    ),
    Flip(
        "coat in FiPy: what is let go does not come back",
        "solvers/fipy/system.py",
        "of_medium = of_medium + fipy.ImplicitSourceTerm(coeff=self._from_coat, var=coated)",
        "pass",
    ),
    Flip(
        "medium change: the coat is washed off too",
        "solvers/cosine/state.py",
        "amplitudes=np.zeros_like(state.amplitudes),",
        "amplitudes=np.zeros_like(state.amplitudes), bound=empty,",
    ),
)


def failures(flip: Flip | None) -> list[str]:
    """Names of the tests that fail under a flip, the first few; [] if none does."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for part in COPIED:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, scratch / part, ignore=shutil.ignore_patterns("_build"))
            else:
                shutil.copy(source, scratch / part)
        if flip is not None:
            path = scratch / "src" / "sdf1_field" / flip.file
            text = path.read_text(encoding="utf-8")
            assert text.count(flip.right) == 1, f"{flip.law}: {text.count(flip.right)} places"
            path.write_text(text.replace(flip.right, flip.wrong), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(scratch / "src")}
        environment["NUMBA_CACHE_DIR"] = str(scratch / "kernels")
        environment["OPENBLAS_NUM_THREADS"] = "1"
        log = scratch / "log"
        with log.open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "tests", "-p", "no:cacheprovider", "-v",
                 f"--maxfail={MOST_FAILURES}", "--no-header", "--tb=no"],
                cwd=scratch, env=environment, stdout=stream, stderr=subprocess.STDOUT,
            )  # fmt: skip
            try:
                status: int | None = process.wait(LONGEST)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                status = None
        text = log.read_text(encoding="utf-8")
    if status not in (0, 1, 2, None):
        raise SystemExit(text)
    found = re.findall(r"^tests/(\S+::.+?) (?:FAILED|ERROR)", text, flags=re.MULTILINE)
    found += re.findall(r"^ERROR tests/(\S+)", text, flags=re.MULTILINE)
    assert bool(found) == (status in (1, 2)) or status is None, text
    print(flip.law if flip else "nothing flipped", len(found), flush=True)
    return found


def main() -> None:
    """Write table.md."""
    lines, caught = [], 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        untouched, *broken = pool.map(failures, [None, *FLIPS])
    if untouched:
        raise SystemExit(f"the tests fail before any flip: {untouched}")
    for flip, names in zip(FLIPS, broken, strict=True):
        caught += bool(names)
        shown = "; ".join(f"`{n.partition('::')[2]}`" for n in names) or "**none**"
        lines.append(f"| {flip.law} | `{flip.file}` | {shown} |")
    text = f"""# Flipped laws, and the tests that notice

`python validation/flips/run.py`: one sign or factor is changed in a scratch copy, then all tests
run until {MOST_FAILURES} have failed. {caught} of {len(FLIPS)} flips are caught.

| flipped | where | tests that fail first |
| --- | --- | --- |
"""
    (HERE / "table.md").write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
