"""KG-1a co-cultures side by side: conditions of a seed share their MSC culture, and its numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdf1_field.analysis import Census, density_fold_change
from sdf1_field.simulation import Snapshot, State, simulate
from sdf1_field.spec import load_model
from sdf1_field.statistics import unpaired_t_test

Array = NDArray[np.float64]

FIRST_SEED = 1000
"""The fits grew other dishes."""
SHARED_UNTIL = "-2.5 h"
"""Before any treatment begins."""
TRACKED = "output.ligands=[]"
CONDITIONS = {
    "control": ("coculture-kg1a", (4, 12)),
    "AMD3100 10 uM": ("coculture-kg1a-amd3100-10um", (4,)),
    "SDF-1 100 ng/mL": ("coculture-kg1a-sdf1", (4,)),
    "IgG": ("coculture-kg1a-igg", (4,)),
    "anti-CD166": ("coculture-kg1a-anti-cd166", (4,)),
}
"""Models, and when they are looked at [h]."""
COMPARED = {"AMD3100 10 uM": "control", "SDF-1 100 ng/mL": "control", "anti-CD166": "IgG"}


def shared_culture(model: str, settings: Sequence[str], seed: int) -> State:
    """State of the MSC culture before any treatment begins."""
    until = [TRACKED, f"output.fields_from={SHARED_UNTIL}"]
    spec = load_model(model, settings=[*settings, *until]).spec
    return next(simulate(spec, seed=seed)).stop


def log_folds_of(seen: Snapshot) -> Array:
    """Logarithms of the fold changes at a time of a run: MSC and network."""
    assert seen.cells is not None
    floor = seen.here.floor
    counts = np.bincount(floor.under(seen.cells.x, seen.cells.y), minlength=3)
    return np.log(density_fold_change(counts, floor.areas))


def folds(dishes: Sequence[Census]) -> Array:
    """Fold changes on MSC and network, shape (dish, 2)."""
    return np.array([density_fold_change(one.counts, one.areas) for one in dishes])


def fold_texts(own: Sequence[Census]) -> list[str]:
    """Mean and standard deviation of the fold changes on MSC and on the network."""
    each = folds(own)
    return [f"{each[:, k].mean():.2f} ± {each[:, k].std(ddof=1):.2f}" for k in range(2)]


def p_texts(own: Sequence[Census], other: Sequence[Census]) -> list[str]:
    """The p of the unpaired t test against other dishes, on MSC and on the network."""
    treated, control = folds(own), folds(other)
    return [f"{unpaired_t_test(control[:, k], treated[:, k]):.2f}" for k in range(2)]
