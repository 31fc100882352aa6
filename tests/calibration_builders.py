"""A law of fold changes in place of replayed cells, so that a whole calibration takes seconds."""

import math
from dataclasses import replace

import numpy as np

from sdf1_field.calibration import design, replayed
from sdf1_field.calibration.inference import QUICK

FREE = (
    "agent.amd3100.inhibition_constant",
    "cell_type.kg1a.triggered_arrest_rate",
    "cell_type.kg1a.cd166_bonds",
)
SIZES = replace(QUICK, even=16, wave=12, rounds=(512, 512), draws=100)
AREAS = (840_000.0, 110_000.0, 50_000.0)
"""Of free surface, MSC and network [um**2]."""
CELLS = 510.0
RATE, BONDS, CONSTANT = 0.03, 2.0, 300.0
"""Where the law's effects are half of what they can be [1/s, 1, nM]."""


def number(value):
    return float(str(value).partition(" ")[0])


def fold_change(condition, values, region):
    """Of one condition: AMD3100, SDF-1 and anti-CD166 reduce what CXCR4 and CD166 add."""
    constant, rate, bonds = (number(values[key]) for key in FREE)
    by_cxcr4 = 6.0 * rate / (rate + RATE)
    if condition.startswith("amd3100"):
        dose = 1000.0 if condition.endswith("1um") else 10_000.0
        by_cxcr4 /= 1.0 + dose / constant * (CONSTANT / 10_000.0)
    if condition == "sdf1":
        by_cxcr4 *= 0.4
    by_cd166 = 2.0 * bonds / (bonds + BONDS)
    if condition == "anti_cd166":
        by_cd166 = 0.0
    return (1.0 + by_cxcr4 * (1.0 + by_cd166)) * (1.0 if region == 1 else 0.7)


def counted(replays, values):
    """As `replayed.counted`: cells that settle in proportion to area and fold change."""
    found = []
    for condition in replays.conditions:
        times = []
        for n, _ in enumerate(condition.times):
            dishes = []
            for seed in replays.seeds:
                rng = np.random.default_rng([seed, n, *condition.key.encode()])
                folds = [1.0, *(fold_change(condition.key, values, r) for r in (1, 2))]
                grown = 1.3**n * np.exp(0.05 * rng.standard_normal(3))
                parts = np.array(AREAS) * folds * np.array([1.0, grown[1], grown[2]])
                dishes.append([*(CELLS * parts / parts.sum()).tolist(), *AREAS])
            times.append(dishes)
        found.append(times)
    return found


counted.__module__ = replayed.__name__


def use_the_law(patch):
    """Let calibrations ask this law, in few points."""
    from sdf1_field.calibration import inference

    patch.setattr(design, "counted", counted)
    # These read all sources, and depend on nothing that a test changes.
    patch.setattr(design, "source_digest", lambda *_: "")
    patch.setattr(design, "model_digest", lambda *_: "")
    patch.setattr(inference, "QUICK", SIZES)
    patch.setattr(inference, "FULL", SIZES)


def log_fold_change(condition, values, region):
    return math.log(fold_change(condition, values, region))
