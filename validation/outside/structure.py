"""How networks form: what three papers say of it, asked of the network model.

Zucker et al. (2025): bulges begin under tension, preferably at junctions of fibres. Dharan et al.
(2023): swellings form without TSPAN4, which then gathers, stabilises them and lets them grow. Fan
et al. (2022) has a claims file.
"""

from collections.abc import Callable, Sequence

import numpy as np
from cases import MODELS
from numpy.typing import NDArray

from sdf1_field.observations import Dish, observe
from sdf1_field.observations.cargo import BLOTTED, DIAMETER
from sdf1_field.observations.network import PER_CELL
from sdf1_field.scene import NO_BODY
from sdf1_field.simulation import stroma_alone
from sdf1_field.spec import load_model

Array = NDArray[np.float64]

HOUR = 3600.0
AT_END = 2.0
"""Distance from the end of a fibre within which a migrasome sits at it [um]."""
JUNCTIONS = {
    "as shipped (5 um)": [],
    "no preference (0 um)": ["biogenesis.junction_length=0 um"],
    "strong (30 um)": ["biogenesis.junction_length=30 um"],
}
TSPAN4 = {
    "control": [],
    "more nucleation (as shipped)": ["treatments.tspan4_oe={}"],
    "faster growth": ["biogenesis.growth_time=13.33 min"],
    "slower rupture": ["biogenesis.migrasome_lifetime=1200 min"],
    "faster growth, slower rupture": [
        "biogenesis.growth_time=13.33 min", "biogenesis.migrasome_lifetime=1200 min",
    ],
}  # fmt: skip
"""Readings of a threefold effect of TSPAN4."""


def junctions(task: tuple[str, int]) -> Array:
    """Of a dish: cells, attached migrasomes, those at a fibre's older end, ends, length [um]."""
    name, seed = task
    spec = load_model(str(MODELS / "network-small.toml"), settings=JUNCTIONS[name]).spec
    (_, scene), *_ = stroma_alone(spec, [24.0 * HOUR], seed=seed)
    m, f = scene.migrasomes, scene.fibres
    attached = m.present & (m.body != NO_BODY)
    x, y = m.x[attached], m.y[attached]
    ends = np.hypot(x[:, None] - f.x[:, 0], y[:, None] - f.y[:, 0]) < AT_END
    length = np.nansum(np.hypot(np.diff(f.x, axis=1), np.diff(f.y, axis=1)))
    return np.array([len(scene.bodies.x), x.size, ends.any(axis=1).sum(), len(f.x), length])


def tspan4(task: tuple[str, int]) -> Array:
    """Of a dish at 10 h: migrasomes per cell, diameter [um], secreted over cellular (M-CSF)."""
    name, seed = task
    settings = (*TSPAN4[name], "variation.dish.secretion=0")
    found = {
        (r.quantity, r.of): float(np.mean(r.values))
        for observation in ("network", "cargo")
        for r in observe(Dish(observation, "secretion-l929", settings, seed, (10.0 * HOUR,)))
    }
    return np.array([found[PER_CELL, ""], found[DIAMETER, ""], found[BLOTTED, "mcsf"]])


def _mean_text(values: Sequence[float]) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.3g} ± {error:.1g}"


def structure(
    table: Callable[..., str], carried_out: Callable[..., list[Array]], workers: int, dishes: int
) -> str:
    """The section's text."""
    seeds = range(400, 400 + dishes)
    tasks = [(name, seed) for name in JUNCTIONS for seed in seeds]
    found = dict(zip(tasks, carried_out(junctions, tasks, workers, "junctions"), strict=True))
    rows = []
    for name in JUNCTIONS:
        number, at_end, ends, length = np.sum([found[name, s][1:] for s in seeds], axis=0)
        elsewhere = (number - at_end) / (length - AT_END * ends)
        rows.append(
            [
                name,
                f"{number:.0f}",
                _mean_text([found[name, s][1] / found[name, s][0] for s in seeds]),
                f"{at_end / number:.0%}",
                f"{ends * AT_END / length:.0%}",
                f"{at_end / (AT_END * ends) / elsewhere:.1f}",
            ]
        )
    ended = table(
        ["junctions count as", "migrasomes", "per cell", "at tips and branchings",
         "length there", "density there over elsewhere"],
        rows,
    )  # fmt: skip
    few = range(500, 500 + max(3, dishes // 4))
    tasks = [(name, seed) for name in TSPAN4 for seed in few]
    found = dict(zip(tasks, carried_out(tspan4, tasks, workers, "TSPAN4"), strict=True))
    rows = [
        [name, *(_mean_text([found[name, s][n] for s in few]) for n in range(3))] for name in TSPAN4
    ]
    acted = table(
        ["TSPAN4 over-expressed, threefold", "migrasomes per cell", "diameter [um]",
         "M-CSF secreted over cellular"],
        rows,
    )  # fmt: skip
    return (
        f"{dishes} dishes of 24 h; a fibre's older end is a tip or a branching point.\n\n{ended}"
        f"\n\nL929 at 10 h, {len(few)} dishes, mean and standard error.\n\n{acted}"
    )
