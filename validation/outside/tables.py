"""Tables beside the verdicts: adhesion by dose, the posterior's spread, gradients, and beads."""

import sys
import tomllib
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from cases import HERE, MODELS, case_names, load_case
from readings import ADHERENT, FORWARD, NEAR, VISIT, VISITED, read_dish

from sdf1_field.claims import Paper, Reading, Statement
from sdf1_field.observations import Dish

sys.path.append(str(Path(__file__).parents[1]))

from recording import carried_out, markdown, record_section

Key = TypeVar("Key")

TABLES = ("values", "spread", "chamber", "beads", "spot", "matrix", "structure")
"""Sections of table.md after those of the claims files."""
DRAWS, OF_A_DRAW = 12, 1
"""Evenly spaced draws of the shipped posterior, and dishes of a condition for each."""
ALIKE = ("variation.dish.secretion=0", "variation.dish.speed=0", "variation.dish.avidity=0")

ADHESION = ("basu2005", "hspc2018", "vcam2007")
COATED = ("0.001 ng/mL", "0.01 ng/mL", "0.1 ng/mL", "1 ng/mL", "100 ng/mL")
AMD3100 = ("none", "1 uM", "10 uM")
SITES = ("0", "650", "6500", "65000")
MEANS = ("0.045 nM", "0.45 nM", "4.5 nM", "45 nM")
RATES = ("100", "1000", "10000", "100000")
DENSITIES = ("1", "100")


def record(name: str, text: str) -> None:
    """Replace a section of table.md."""
    order = (*case_names(), *TABLES)
    record_section(HERE / "table.md", "# Cases outside the two papers", order, name, text)


def _some(dishes: int, observation: str, model: str, *settings: str, time: float) -> list[Dish]:
    """Dishes of a model, read at one time [s]."""
    return [
        Dish(observation, str(MODELS / model), (*ALIKE, *settings), seed, (time,))
        for seed in range(1, dishes + 1)
    ]


def _read(
    tasks: Mapping[Key, Sequence[Dish]], workers: int, name: str
) -> dict[Key, list[Sequence[Reading]]]:
    """Readings of all dishes, by the tasks' keys."""
    every = list(dict.fromkeys(dish for dishes in tasks.values() for dish in dishes))
    found = dict(zip(every, carried_out(read_dish, every, workers, name), strict=True))
    return {key: [found[dish] for dish in dishes] for key, dishes in tasks.items()}


def _values(dishes: Sequence[Sequence[Reading]], quantity: str) -> list[float]:
    """Last value of a quantity in each dish: of a share the share, else the mean."""
    values = [[r.values for r in dish if r.quantity == quantity][-1] for dish in dishes]
    if quantity == ADHERENT:
        return [float(amount / total) for amount, total in values]
    return [float(np.mean(own)) if len(own) else float("nan") for own in values]


def _text(values: Sequence[float]) -> str:
    """Mean and standard deviation over dishes, to two digits and one."""
    mean, scatter = f"{np.nanmean(values):.2g}", f"{np.nanstd(values, ddof=1):.1g}"
    return f"{float(mean):g} ± {float(scatter):g}"


def values(arguments: Namespace) -> None:
    """Adherent cells in every condition of the adhesion cases, and by pre-coat and AMD3100."""
    conditions = {
        (name, c.label, f"{c.times[-1] / 60:g}"): [
            Dish(c.observation, c.model, c.settings, seed, c.times)
            for seed in range(1, arguments.dishes + 1)
        ]
        for name in ADHESION
        for c in load_case(name).conditions.values()
        if c.observation == "floor"
    }
    doses: dict[tuple[str, str], list[Dish]] = {}
    for dose in COATED:
        for drug in AMD3100:
            treatments = [f"treatments.sdf1_precoat={{dose='{dose}'}}"]
            if drug != AMD3100[0]:
                treatments.append(f"treatments.amd3100={{dose='{drug}'}}")
            doses[dose, drug] = _some(
                arguments.dishes, "floor", "adhesive-floor.toml", *treatments, time=1800.0
            )
    found = _read(conditions | doses, arguments.workers, "values")
    own = [[*key, _text(_values(found[key], ADHERENT))] for key in conditions]
    by_dose = [
        [dose, *(_text(_values(found[dose, drug], ADHERENT)) for drug in AMD3100)]
        for dose in COATED
    ]
    record(
        "values",
        f"Share of adherent cells, {arguments.dishes} dishes, mean and standard deviation.\n\n"
        + markdown(["file", "condition", "time [min]", "adherent"], own)
        + "\n\nAt 30 min on the adhesive floor, by the dose of the pre-coat and by AMD3100:\n\n"
        + markdown(["pre-coat", *AMD3100], by_dose),
    )


def posterior_draws() -> list[list[str]]:
    """Settings of each draw of the shipped posterior of the whole law, for CD34+ cells as well."""
    path = HERE.parent / "posterior.toml"
    posterior = tomllib.loads(path.read_text(encoding="utf-8"))
    units, own = posterior["units"], posterior["law"]["all pieces"]["draws"]
    shared = {
        key: key.replace(".kg1a.", ".cd34.")
        for key in own
        # CD34+ cells have their own speed, and take up no migrasomes.
        if ".kg1a." in key and not key.endswith((".speed", ".migrasome_uptake_rate"))
    }
    number = len(next(iter(own.values())))
    return [
        [
            f"{path}={drawn[n]} {units[key]}".strip()
            for key, drawn in own.items()
            for path in {key, shared.get(key, key)}
        ]
        for n in np.linspace(0, number - 1, DRAWS).round().astype(int)
    ]


def _effects(s: Statement, found: Mapping[str, Sequence[Sequence[Reading]]]) -> np.ndarray:
    """Effect of a statement in each draw, not finite where there is none."""

    def means(condition: str) -> np.ndarray:
        return np.array(_values(found[condition], s.quantity)).reshape(DRAWS, -1).mean(axis=1)

    own = means(s.condition)
    if s.reference is None:
        return own
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            own / means(s.reference)
            if s.statistic.startswith("ratio")
            else own - means(s.reference)
        )


def _spread_rows(paper: Paper, found: Mapping[str, Sequence[Sequence[Reading]]]) -> list[list[str]]:
    rows = []
    for claim in paper.claims:
        for s in claim.statements:
            effects = _effects(s, found)
            effects = effects[np.isfinite(effects)]
            low, middle, high = np.quantile(effects, [0.05, 0.5, 0.95])
            inside = np.sum((effects > s.above) & (effects < s.below))
            shown = f"{middle:.2g} ({low:.2g} to {high:.2g})"
            held = f"{inside} of {effects.size}" if s.directed else "-"
            rows.append(
                [
                    f"{paper.name} {claim.id}",
                    s.text,
                    s.expected(),
                    f"{effects.size} of {DRAWS}",
                    shown,
                    held,
                ]
            )
    return rows


def spread(arguments: Namespace) -> None:
    """Effects of the claims on adhesion, with dishes of each condition for each posterior draw."""
    draws, papers = posterior_draws(), {name: load_case(name) for name in ADHESION}
    tasks = {
        # Settings of the condition come last: a case's own values hold.
        (name, key): [
            Dish(c.observation, c.model, (*drawn, *c.settings), 900 + OF_A_DRAW * n + k, c.times)
            for n, drawn in enumerate(draws)
            for k in range(OF_A_DRAW)
        ]
        for name, paper in papers.items()
        for key, c in paper.conditions.items()
    }
    found = _read(tasks, arguments.workers, "spread")
    rows = []
    for name, paper in papers.items():
        rows += _spread_rows(paper, {key: found[name, key] for key in paper.conditions})
    header = [
        "file and claim", "statement", "reported", "draws with an effect", "median (5 to 95 %)",
        "on that side",
    ]  # fmt: skip
    record(
        "spread",
        f"{DRAWS} draws of the posterior of the whole law, {OF_A_DRAW} dishes of a condition for "
        "each, whose scatter is in it: differences of less than 0.05 are noise here. A ratio to "
        f"nothing is no effect.\n\n{markdown(header, rows)}",
    )


def chamber(arguments: Namespace) -> None:
    """Forward migration index by sites on the coat and mean concentration."""
    tasks = {
        (mean, sites): _some(
            arguments.dishes,
            "chamber",
            "gradient-chamber.toml",
            f"ligand.sdf1.bath_concentration={mean}",
            f"ligand.sdf1.coat.sites={sites} sites/um**2",
            time=7200.0,
        )
        for mean in MEANS
        for sites in SITES
    }
    found = _read(tasks, arguments.workers, "chamber")
    rows = [[m, *(_text(_values(found[m, sites], FORWARD)) for sites in SITES)] for m in MEANS]
    record(
        "chamber",
        f"Forward migration index of KG-1a cells over 2 h, {arguments.dishes} dishes of 200, "
        "mean and standard deviation; by the mean concentration in the middle of 1 mm and the "
        f"coat's sites per um2.\n\n{markdown(['mean', *SITES], rows)}",
    )


def beads(arguments: Namespace) -> None:
    """Density near beads and time of a visit, by secretion and density of beads."""
    tasks = {
        (rate, density): _some(
            arguments.dishes,
            "sources",
            "secreting-beads.toml",
            f"ligand.sdf1.secretion.migrasome={rate} molecules/s",
            f"scene.detached_migrasome_density={density} 1/mm**2",
            time=4.0 * 3600.0,
        )
        for rate in RATES
        for density in DENSITIES
    }
    found = _read(tasks, arguments.workers, "beads")
    rows = [
        [
            *key,
            _text(_values(dishes, NEAR)),
            _text([time / 60.0 for time in _values(dishes, VISIT)]),
            _text(_values(dishes, VISITED)),
        ]
        for key, dishes in found.items()
    ]
    header = [
        "secretion of a bead [molecules/s]", "beads [1/mm2]", "density near beads over the mean",
        "visit [min]", "beads visited by a cell in 4 h",
    ]  # fmt: skip
    record(
        "beads",
        f"{arguments.dishes} dishes of 100 cells, mean and standard deviation.\n\n"
        f"{markdown(header, rows)}",
    )
