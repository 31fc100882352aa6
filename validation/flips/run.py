"""Mutation tests: one sign or factor of a law is changed at a time, in a scratch copy.

Each mutation replaces one piece of the source; the tests must then fail, and the name of a failing
test must state the law that is broken.

python validation/flips/run.py                     # all; writes table.md
python validation/flips/run.py --only adhesion     # those whose law begins so; their rows anew
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
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
NOT_CAUGHT = "**none**"


@dataclass(frozen=True)
class Flip:
    """One mutation.

    Parameters
    ----------
    law, file, right, wrong : str
        Law that it breaks, file, and the replaced and the new text.
    tests : tuple of str
        What is run: files of tests, or single ones, that must notice.
    """

    law: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]


CELLS, FIELDS = "tests/test_analytic_cells.py", "tests/test_analytic_fields.py"
CENSUS, COSINE = "tests/test_analysis_census.py", "tests/test_cosine.py"
ADHESION = "tests/test_cells_adhesion.py::test_"
ARREST = "tests/test_arrest.py::test_"
CONTACTS = "tests/test_contacts.py::test_"
PREINCUBATION = "tests/test_preincubation.py::test_"
FLIPS = (
    Flip(
        "gradient sign: cells turn down the signal",
        "cells/sensing.py",
        "/ noise * difference, ex, ey,",
        "/ noise * difference, -ex, -ey,",
        (CELLS,),
    ),
    Flip(
        "cell radius: twice r",
        "cells/parameters.py",
        "radius=0.5 * cell.diameter,",
        "radius=cell.diameter,",
        (CELLS,),
    ),
    Flip(
        "0.602 molecules/um3 per nM: 1 instead",
        "units.py",
        "MOLECULES_PER_UM3_PER_NM = 0.602214076",
        "MOLECULES_PER_UM3_PER_NM = 1.0",
        (FIELDS,),
    ),
    Flip(
        "K_i shift: the antagonist lowers K_d",
        "pharmacology.py",
        "return dissociation_constant * (1.0 + competition)",
        "return dissociation_constant / (1.0 + competition)",
        (CELLS,),
    ),
    Flip(
        "coat: on is off",
        "solvers/cosine/columns.py",
        "return self.transport.binding_coat",
        "return None",
        (FIELDS,),
    ),
    Flip(
        "persistence: twice as long",
        "cells/walking.py",
        "spread = math.sqrt(2.0 * step / parameters.persistence_time)",
        "spread = math.sqrt(step / parameters.persistence_time)",
        (CELLS,),
    ),
    Flip(
        "speed: twice as fast",
        "cells/moving.py",
        "half_way = 0.5 * parameters.speed * step",
        "half_way = parameters.speed * step",
        (CELLS,),
    ),
    Flip(
        "area of a region: twice as large",
        "scene/regions.py",
        "return counts.astype(float) * cell_area",
        "return counts.astype(float) * 2.0 * cell_area",
        (CENSUS,),
    ),
    Flip(
        "density: cells, not cells per area",
        "analysis/census.py",
        "density = np.asarray(counts, dtype=float) / np.asarray(areas, dtype=float)",
        "density = np.asarray(counts, dtype=float)",
        (CENSUS,),
    ),
    Flip(
        "loss in the medium: none",
        "solvers/cosine/columns.py",
        "lateral = transport.diffusivity * grid.laplacian_eigenvalues() + transport.loss_rate",
        "lateral = transport.diffusivity * grid.laplacian_eigenvalues()",
        (FIELDS,),
    ),
    Flip(
        "diffusion: twice as fast along the floor",
        "solvers/cosine/columns.py",
        "lateral = transport.diffusivity * grid",
        "lateral = 2.0 * transport.diffusivity * grid",
        (FIELDS,),
    ),
    Flip(
        "coat in FiPy: what is let go does not come back",
        "solvers/fipy/system.py",
        "of_medium = of_medium + fipy.ImplicitSourceTerm(coeff=self._from_coat, var=coated)",
        "pass",
        (FIELDS,),
    ),
    Flip(
        "medium change: the coat is washed off too",
        "solvers/cosine/state.py",
        "amplitudes=np.zeros_like(state.amplitudes),",
        "amplitudes=np.zeros_like(state.amplitudes), bound=empty,",
        (COSINE,),
    ),
    *(
        Flip(f"adhesion: {law}", file, right, wrong, tests)
        for law, file, right, wrong, tests in (
            (
                "held cells are let go twice as fast",
                "cells/arrest.py",
                "release = parameters.release_rate",
                "release = 2.0 * parameters.release_rate",
                (
                    ADHESION
                    + "bonds_multiply_the_release_rate_falls_by_the_exponential_of_their_sum",
                ),
            ),
            (
                "bonds raise the release rate",
                "cells/arrest.py",
                "math.exp(-touched)",
                "math.exp(touched)",
                (
                    ADHESION
                    + "bonds_multiply_the_release_rate_falls_by_the_exponential_of_their_sum",
                ),
            ),
            (
                "the strongest bond counts alone",
                "cells/arrest.py",
                "touched += parameters.bonds[k] * hold.ligands[row, column, k]",
                "touched = max(touched, parameters.bonds[k] * hold.ligands[row, column, k])",
                (
                    ADHESION
                    + "bonds_multiply_the_release_rate_falls_by_the_exponential_of_their_sum",
                ),
            ),
            (
                "cells are caught half as fast without a trigger",
                "cells/arrest.py",
                "catch = parameters.basal_arrest_rate",
                "catch = 0.5 * parameters.basal_arrest_rate",
                (
                    ADHESION
                    + "cells_are_caught_at_the_basal_rate_and_the_triggered_one_times_the_trigger",
                ),
            ),
            (
                "cells are caught half as fast by a trigger",
                "cells/arrest.py",
                "catch += parameters",
                "catch += 0.5 * parameters",
                (
                    ADHESION
                    + "cells_are_caught_at_the_basal_rate_and_the_triggered_one_times_the_trigger",
                ),
            ),
            (
                "a fall of the occupied receptors triggers",
                "cells/arrest.py",
                "occupied + noise - level",
                "level + noise - occupied",
                (
                    ARREST
                    + "a_fall_in_occupied_receptors_catches_no_cell_until_signalling_has_followed",
                    ARREST + "more_occupied_receptors_trigger_more_and_a_higher_adapted_level_less",
                ),
            ),
            (
                "the trigger's exponent is 1",
                "pharmacology.py",
                "power = x * x if exponent == 2.0 else x**exponent",
                "power = x",
                (ARREST + "the_trigger_is_hills_function_of_the_signal_over_its_half",),
            ),
            (
                "contact is ignored",
                "cells/arrest.py",
                "if hold.contact[row, column] == 0:",
                "if hold.contact[row, column] > 1:",
                (
                    ADHESION
                    + "nothing_catches_a_cell_that_touches_nothing_however_strong_its_trigger",
                ),
            ),
            (
                "contact as coarse as the grid of the fields",
                "cells/contacts.py",
                "finer = math.ceil(",
                "finer = 1 + 0 * math.ceil(",
                (CONTACTS + "contacts_do_not_depend_on_the_grid_of_the_fields",),
            ),
            (
                "cells reach as far as they are wide",
                "cells/adhesion.py",
                "reach = 0.5 * spec.haematopoietic.diameter",
                "reach = spec.haematopoietic.diameter",
                (
                    CONTACTS
                    + "the_touched_share_of_the_floor_is_that_of_the_outlines_within_a_percent",
                ),
            ),
            (
                "the antibody covers VCAM-1 too",
                "cells/adhesion.py",
                "lambda bodies, _: np.ones(len(bodies.x))",
                "lambda bodies, _: 1.0 - bodies.blocked",
                (CONTACTS + "antibodies_lower_the_density_of_cd166_alone_and_no_contact",),
            ),
            (
                "the antibody covers nothing on bodies",
                "cells/adhesion.py",
                "on_bodies=lambda bodies, _: 1.0 - bodies.blocked",
                "on_bodies=lambda bodies, _: 1.0 - 0.0 * bodies.blocked",
                (CONTACTS + "antibodies_lower_the_density_of_cd166_alone_and_no_contact",),
            ),
            (
                "signalling does not adapt",
                "cells/arrest.py",
                "state[ADAPTED, n] = adaptation_after(",
                "_ = adaptation_after(",
                (ARREST + "after_a_step_of_ligand_signalling_adapts_with_its_time_constant",),
            ),
            (
                "receptors are not internalised",
                "cells/arrest.py",
                "state[SURFACE, n] = surface_after(",
                "_ = surface_after(",
                (ARREST + "receptors_and_adapted_level_are_exact_in_steps_of_any_length",),
            ),
            (
                "receptors relax at the rate of adaptation",
                "cells/arrest.py",
                "fast = decayed(min(rate * step, COMPLETE))",
                "fast = slow",
                (ARREST + "receptors_and_adapted_level_are_exact_in_steps_of_any_length",),
            ),
            (
                "signalling adapts at the receptors' rate",
                "cells/arrest.py",
                "slow = math.exp(-parameters.adaptation_rate * step)",
                "slow = math.exp(-parameters.recycling_rate * step)",
                (ARREST + "after_a_step_of_ligand_signalling_adapts_with_its_time_constant",),
            ),
            (
                "the trigger has no noise",
                "cells/arrest.py",
                "parameters.trigger_noise * state[NOISE, n] * work[SIGMA, n]",
                "0.0",
                (
                    ARREST
                    + "noise_alone_arrests_adapted_cells_at_the_rate_of_its_standard_deviation",
                ),
            ),
            (
                "the trigger's noise is new in every step",
                "cells/arrest.py",
                "decay * state[NOISE, n] + fresh * work",
                "work",
                (
                    ARREST
                    + "trigger_noise_has_variance_1_and_is_correlated_over_the_integration_time",
                ),
            ),
            (
                "a dish's avidity acts on the release",
                "cells/parameters.py",
                "release_rate=cell.release_rate,",
                "release_rate=cell.release_rate / factors.avidity,",
                (CONTACTS + "the_dish_scales_the_rates_of_arrest_and_neither_bonds_nor_release",),
            ),
            (
                "cells arrive adapted to nothing whatever they were kept in",
                "cells/state.py",
                "in preincubations(spec, receptor.ligand):",
                "in preincubations(spec, receptor.ligand)[:0]:",
                (
                    PREINCUBATION
                    + "eight_hours_in_sdf1_bring_receptors_and_signalling_to_their_steady_state",
                ),
            ),
            (
                "the antagonist of a preincubation is forgotten",
                "cells/state.py",
                "receptor.dissociation_constant, competition=competition",
                "receptor.dissociation_constant, competition=0.0 * competition",
                (
                    PREINCUBATION
                    + "amd3100_with_sdf1_leaves_more_receptors_outside_and_less_to_adapt_to",
                ),
            ),
        )
    ),
)


def failures(flip: Flip | None, tests: Sequence[str]) -> list[str]:
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
                [sys.executable, "-m", "pytest", *tests, "-p", "no:cacheprovider", "-v",
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


def row(flip: Flip, names: Sequence[str]) -> str:
    """Row of the table."""
    shown = "; ".join(f"`{n.partition('::')[2]}`" for n in names) or NOT_CAUGHT
    return f"| {flip.law} | `{flip.file}` | {shown} |"


def recorded() -> dict[str, str]:
    """Rows of the table that is there, by law."""
    lines = (HERE / "table.md").read_text(encoding="utf-8").splitlines()
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines if " | `" in line}


def main() -> None:
    """Write table.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="beginning of the laws to flip")
    chosen = [flip for flip in FLIPS if flip.law.startswith(parser.parse_args().only)]
    every = sorted({test for flip in chosen for test in flip.tests})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        untouched = pool.submit(failures, None, every)
        broken = list(pool.map(failures, chosen, [flip.tests for flip in chosen]))
    if untouched.result():
        raise SystemExit(f"the tests fail before any flip: {untouched.result()}")
    rows = recorded() | {
        flip.law: row(flip, names) for flip, names in zip(chosen, broken, strict=True)
    }
    lines = [rows[flip.law] for flip in FLIPS if flip.law in rows]
    caught = sum(NOT_CAUGHT not in line for line in lines)
    text = f"""# Flipped laws, and the tests that notice

`python validation/flips/run.py`: one sign or factor is changed in a scratch copy, then the tests
run until {MOST_FAILURES} have failed. {caught} of {len(FLIPS)} flips are caught.

| flipped | where | tests that fail first |
| --- | --- | --- |
"""
    (HERE / "table.md").write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
