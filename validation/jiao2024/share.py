"""The share of all secretion that goes through migrasomes."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from experiments import (
    BLOT_ERROR,
    BLOTTED,
    COLOURS,
    DISHES,
    HERE,
    HOUR,
    IMAGED,
    LIGANDS,
    MODEL,
    VERY,
    grow,
    model_name,
    number_text,
    record,
)
from matplotlib.figure import Figure
from scipy import stats

from sdf1_field.random import Stream, generator
from sdf1_field.spec import load_model

sys.path.append(str(Path(__file__).parents[1]))

from recording import carried_out, markdown

SHARE_SEED = 5000
SECRETION = {
    "tspan4-oe": True, "itgb1-kd": False, "myo5a-oe": True, "myo5a-ko": False,
}  # fmt: skip
"""Whether a perturbation raises the ratio of secreted to cellular cargo (J6)."""


TRANSPORTS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Over its interval [1/h]."""
NETWORKS: Mapping[str, tuple[str, ...]] = {
    "fewer fibres": ("biogenesis.tether_spacing=433 um",),
    "default": (),
    "more fibres": ("biogenesis.tether_spacing=40 um",),
    "and more migrasomes": (
        "biogenesis.tether_spacing=40 um",
        "biogenesis.nucleation=0.015 1/(um*h)",
    ),
    "still more": (
        "biogenesis.tether_spacing=20 um",
        "biogenesis.nucleation=0.03 1/(um*h)",
    ),
}
"""From the tether spacing of MSC to the densest network that is assumed possible."""
HALF_HOURS = tuple(0.5 * n for n in range(2 * IMAGED + 1))
POWER_DRAWS = 4000


@dataclass(frozen=True)
class Point:
    """A transport rate and a network."""

    network: str
    transport: float


def share_dishes(point: Point) -> dict[str, float]:
    """Measures at a point, over three dishes."""
    settings = (*NETWORKS[point.network], f"traffic.transport_rate={point.transport} 1/h")
    seeds = range(SHARE_SEED, SHARE_SEED + DISHES)
    control = [grow(MODEL, settings, seed, HALF_HOURS[1:]) for seed in seeds]
    found: dict[str, float] = {}
    last = [dish[IMAGED, "mcsf"] for dish in control]
    found["per cell"] = sum(len(c.content) for c in last) / sum(c.msc for c in last)
    for ligand in LIGANDS:
        baseline = [0.0] + [
            sum(dish[hour, ligand].in_migrasomes for dish in control)
            / sum(dish[hour, ligand].in_bodies for dish in control)
            for hour in HALF_HOURS[1:]
        ]
        found[f"{ligand} baseline"] = float(np.mean([0.5 * (a + b) for a, b in pairwise(baseline)]))
        at = [dish[IMAGED, ligand] for dish in control]
        found[f"{ligand} share"] = sum(c.through_migrasomes for c in at) / sum(
            c.secreted for c in at
        )
        found[f"{ligand} enrichment"] = float(np.mean([c.enrichment for c in at]))
    own = [dish[BLOTTED, "mcsf"].secreted_to_content for dish in control]
    for name in SECRETION:
        treated = [
            grow(model_name(name), settings, seed, (BLOTTED,))[BLOTTED, "mcsf"].secreted_to_content
            for seed in seeds
        ]
        found[name] = float(np.mean(treated) / np.mean(own))
    return found


def power(effect: float, *, rises: bool) -> float:
    """Share of blots, three against three, that show an effect with p < 0.01 the right way."""
    if (effect > 1.0) != rises:
        return 0.0
    noise = generator(SHARE_SEED, Stream.BOOTSTRAP, 7).standard_normal((POWER_DRAWS, 2, DISHES, 2))
    blots = np.exp(np.log1p(BLOT_ERROR) * (noise[..., 0] - noise[..., 1]))
    treated, own = effect * blots[:, 0], blots[:, 1]
    found = stats.ttest_ind(treated, own, axis=1)
    return float(np.mean((found.pvalue < VERY) & ((found.statistic > 0.0) == rises)))


def share(arguments: argparse.Namespace) -> None:
    """Share of all secretion that goes through migrasomes, and its uncertainty."""
    points = [Point(network, rate) for network in NETWORKS for rate in TRANSPORTS]
    found = carried_out(share_dishes, points, arguments.workers, "share")
    rows = []
    for point, one in zip(points, found, strict=True):
        powers = [power(one[name], rises=up) for name, up in SECRETION.items()]
        rows.append(
            [
                point.network, f"{point.transport:g}", number_text(one["per cell"]),
                number_text(one["mcsf baseline"]), number_text(one["mcsf share"]),
                number_text(one["mcsf enrichment"]),
                *[
                    f"{number_text(one[name])} ({seen:.2f})"
                    for name, seen in zip(SECRETION, powers, strict=True)
                ],
            ]
        )  # fmt: skip
    header = [
        "network", "transport_rate [1/h]", "migrasomes per cell", "baseline", "share",
        "enrichment", *[f"J6, {name.upper()}" for name in SECRETION],
    ]  # fmt: skip
    fusion, release, half = law(load_model(MODEL).spec)
    notes = (
        f"M-CSF, {DISHES} dishes a row, {IMAGED} h. Baseline: content of all migrasomes over that "
        "of all bodies, mean over the time. Share: of all that is secreted, what migrasomes let "
        "go. Enrichment: per volume, at the end (J9 asks for more than 1). J6: treated over "
        f"control at {BLOTTED} h, and in brackets the share of blots, three against three with "
        f"{100 * BLOT_ERROR:.0f} % error each, that show it with p < 0.01. The rates of fusion "
        f"and release are those fitted to J7 on the default network. With k_f = {fusion:.3g} and "
        f"k_b = {release:.3g} 1/h, k_f r / (k_f r + k_b) is one half at a baseline r = "
        f"{half:.2g}: J10 asks for more."
    )
    record("share", f"{notes}\n\n{markdown(header, rows)}")
    draw_share(points, found)


def law(spec: Any) -> tuple[float, float, float]:
    """Rates of fusion and of a body's release [1/h], and the baseline at which they are equal."""
    own = spec.stroma.cargo["mcsf"]
    fusion, release = own.fusion_rate * HOUR, own.body_release_rate * HOUR
    return fusion, release, release / fusion


def draw_share(points: Sequence[Point], found: Sequence[Mapping[str, float]]) -> None:
    """Share against baseline: the law as a line, simulated points, and the claims' bounds."""
    fusion, release, half = law(load_model(MODEL).spec)
    drawn = Figure(figsize=(8.6, 5.4), layout="constrained")
    axes = drawn.subplots()
    axes.set_xscale("log")
    baseline = np.geomspace(3e-5, 1.0, 400)
    axes.plot(
        baseline, 100 * fusion * baseline / (fusion * baseline + release), color="0.35", lw=1.4,
        label="$k_f r / (k_f r + k_b)$, mature migrasomes", zorder=1,
    )  # fmt: skip
    markers = ("o", "s", "^", "D", "v")
    for n, (network, colour) in enumerate(zip(NETWORKS, COLOURS, strict=False)):
        for point, one in zip(points, found, strict=True):
            if point.network != network:
                continue
            enriched = one["mcsf enrichment"] > 1.0
            axes.plot(
                one["mcsf baseline"], 100 * one["mcsf share"], markers[n], ms=8, color=colour,
                mfc=colour if enriched else "white", mew=1.6, zorder=3,
            )  # fmt: skip
            seen = sum(power(one[name], rises=up) > 0.5 for name, up in SECRETION.items())
            if seen:
                axes.annotate(
                    f"{seen}", (one["mcsf baseline"], 100 * one["mcsf share"]), xytext=(8, -4),
                    textcoords="offset points", fontsize=8,
                )  # fmt: skip
        per_cell = np.mean(
            [one["per cell"] for point, one in zip(points, found, strict=True)
             if point.network == network]
        )  # fmt: skip
        axes.plot(
            [], [], markers[n], ms=7, color=colour, mfc="white", mew=1.6,
            label=f"{network}: {per_cell:.2g} migrasomes per cell",
        )  # fmt: skip
    axes.plot([], [], "o", ms=7, color="0.4", label="filled: enriched over the body (J9)")
    axes.axhline(50, color="0.6", lw=0.9, ls="--", zorder=0)
    axes.axvline(half, color="0.6", lw=0.9, ls=":", zorder=0)
    axes.text(4e-5, 51.5, "J10: more than half", fontsize=8.5, color="0.3")
    axes.text(half * 1.06, 97, f"r = {half:.2g}", fontsize=8.5, color="0.3", va="top")
    axes.set(
        xlim=(3e-5, 1.0), ylim=(-3, 100),
        xlabel="baseline r: content of all migrasomes of a cell / of its body",
        ylabel="secreted through migrasomes [%]",
    )  # fmt: skip
    axes.set_title(
        "M-CSF in L929, transport_rate 0.001 to 1 1/h from left to right.\n"
        "Number beside a point: how many of J6's four effects three blots would show",
        fontsize=10, loc="left",
    )  # fmt: skip
    axes.legend(fontsize=8.5, frameon=False, loc="center left", bbox_to_anchor=(0.0, 0.72))
    axes.spines[["top", "right"]].set_visible(False)
    drawn.savefig(HERE / "share.png", dpi=150, metadata={"Software": None})
