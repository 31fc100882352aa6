"""Networks and cargo of groups of dishes: the papers' quantities, a dot for each dish."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sdf1_field.analysis.cargo import CargoCount
from sdf1_field.analysis.cargo_summary import compare_cargo
from sdf1_field.analysis.dishes import require_comparable_stroma
from sdf1_field.analysis.network_summary import MEASURES, compare_networks
from sdf1_field.analysis.stroma_runs import (
    followed_ligands,
    last_followed,
    require_cargo,
    require_frames,
    run_cargo,
    run_network,
)
from sdf1_field.analysis.values import Comparison, over_dishes
from sdf1_field.errors import InputError
from sdf1_field.figures.dish_bars import Bar, Panel, bar_figure
from sdf1_field.figures.groups import Groups, looks_of, naming, said_of_dots, said_of_single
from sdf1_field.figures.panels import PERCENT
from sdf1_field.figures.paper import Page
from sdf1_field.record import model_of
from sdf1_field.units import duration_text


@dataclass(frozen=True)
class Quantity:
    """What a panel shows of a dish.

    Parameters
    ----------
    label : str
        Of the axis; ``{cells}`` and ``{ligand}`` are replaced by their labels.
    key : str
        Of the quantity in comparisons; of one that is not compared in none.
    scale : float
        From the dish's value to the axis.
    value : callable, optional
        From a dish's count; that of `network_summary.MEASURES` under the key if not given.
    """

    label: str
    key: str
    scale: float = 1.0
    value: Callable[[CargoCount], float] | None = None


NETWORK_QUANTITIES = (
    Quantity("{cells} with retraction fibres [%]", "msc_with_fibres", PERCENT),
    Quantity("{cells} with migrasomes [%]", "msc_with_migrasomes", PERCENT),
    Quantity("migrasomes per {cells} that has some", "migrasomes_per_cell"),
    Quantity("detached migrasomes per mm²", "detached_per_mm2"),
    Quantity("area covered by networks [%]", "network_fraction", PERCENT),
    Quantity("diameter of migrasomes [µm]", "diameter_um"),
)
CARGO_QUANTITIES = (
    Quantity("{ligand} secreted over {ligand} in cells", "secreted_to_content",
             value=lambda count: count.secreted_to_content),
    Quantity("share of secretion through migrasomes [%]", "share_through_migrasomes", PERCENT,
             lambda count: count.share_through_migrasomes),
    Quantity("{ligand} molecules per cell body", "content_per_body",
             value=lambda count: float(count.body_content.mean())),
    Quantity("{ligand} molecules per migrasome", "content_per_migrasome",
             value=lambda count: count.content_per_migrasome),
    Quantity("vesicles per migrasome", "vesicles_per_migrasome",
             value=lambda count: count.vesicles_per_migrasome),
    Quantity("{ligand} per volume, migrasomes over bodies", "enrichment",
             value=lambda count: count.enrichment),
)  # fmt: skip


def plot_networks(groups: Groups, times: Sequence[float] | None, page: Page) -> Figure:
    """Networks of each dish at a time [s], the last if none is given, by group.

    Tests are those of `analysis.network_table` against the first group.

    Raises
    ------
    InputError
        As of `analysis.network_table`, and if there are several times.
    """
    first = next(iter(groups.values()))[0]
    time = _one_time(times, float(first["time"].values[-1]))
    counts = _counts(groups, time, run_network)
    control, *others = counts
    bars = [
        [over_dishes([MEASURES[quantity.key](count)]).pooled for own in counts for count in own]
        for quantity in NETWORK_QUANTITIES
    ]
    return _draw(
        groups, page, NETWORK_QUANTITIES, bars,
        [compare_networks(own, control) for own in others], time, "networks of migrasomes",
    )  # fmt: skip


def plot_cargoes(
    groups: Groups, times: Sequence[float] | None, ligand: str | None, page: Page
) -> Figure:
    """Contents and secretion of each dish at a time [s], the last if none is given, by group.

    Tests are those of `analysis.cargo_table` against the first group.

    Raises
    ------
    InputError
        As of `analysis.cargo_table`, and if there are several times.
    """
    first = next(iter(groups.values()))[0]
    shown = ligand or followed_ligands(first)[0]
    for runs in groups.values():
        for run in runs:
            require_cargo(run, shown)
    time = _one_time(times, last_followed(first))
    counts = _counts(groups, time, lambda run, at: run_cargo(run, at, shown))
    control, *others = counts
    bars = [
        [_value(quantity, count) for own in counts for count in own]
        for quantity in CARGO_QUANTITIES
    ]  # fmt: skip
    return _draw(
        groups, page, CARGO_QUANTITIES, bars, [compare_cargo(own, control) for own in others],
        time, "chemokines made and secreted", shown,
    )  # fmt: skip


def _value(quantity: Quantity, count: CargoCount) -> float:
    assert quantity.value is not None
    return quantity.value(count)


def _one_time(times: Sequence[float] | None, last: float) -> float:
    if times is None:
        return last
    if len(times) > 1:
        raise InputError("at: this figure shows one time. Give one, and draw others on their own.")
    return times[0]


def _counts(
    groups: Groups, time: float, count: Callable[[xr.Dataset, float], Any]
) -> list[list[Any]]:
    """Counts of each group's dishes."""
    (_, control), *others = groups.items()
    require_comparable_stroma(control, ())
    for name, runs in others:
        with naming(name):
            require_comparable_stroma(runs, control)
    for runs in groups.values():
        require_frames(runs, [time])
    return [[count(run, time) for run in runs] for runs in groups.values()]


def _draw(
    groups: Groups,
    page: Page,
    quantities: Sequence[Quantity],
    values: Sequence[Sequence[float]],
    compared: Sequence[Sequence[Comparison]],
    time: float,
    subject: str,
    ligand: str | None = None,
) -> Figure:
    """Panels of quantities from the values of all dishes, and comparisons of groups."""
    looks = looks_of(groups)
    spec = model_of(next(iter(groups.values()))[0]).spec
    words = {"cells": spec.stroma.label, "ligand": spec.ligand[ligand].label if ligand else ""}
    found: list[Mapping[str, Comparison]] = [
        {},
        *({each.quantity: each for each in tests} for tests in compared),
    ]
    ends = np.cumsum([look.dishes for look in looks])[:-1]
    panels = []
    for quantity, each in zip(quantities, values, strict=True):
        own = [tests[quantity.key].p if quantity.key in tests else math.nan for tests in found]
        parts = np.split(quantity.scale * np.array(each, dtype=float), ends)
        bars = [Bar(part, p) for part, p in zip(parts, own, strict=True)]
        panels.append(Panel(quantity.label.format(**words), "", bars))
    since = duration_text(time + spec.run.culture)
    return bar_figure(
        page, looks, panels,
        heading=f"{spec.stroma.label}: {subject}, {since} after seeding",
        caption=[
            f"{since} after seeding. {said_of_dots(looks)}",
            _said_of_comparisons(panels, quantities, compared, looks[0].name),
            said_of_single(looks, "no S.D. over dishes"),
        ],
    )  # fmt: skip


def _said_of_comparisons(
    panels: Sequence[Panel],
    quantities: Sequence[Quantity],
    compared: Sequence[Sequence[Comparison]],
    control: str,
) -> str:
    """Tests of the drawn quantities."""
    tests: dict[str, list[str]] = {}
    for n, quantity in enumerate(quantities):
        for each in (test for group in compared for test in group):
            if each.quantity == quantity.key and not math.isnan(each.p):
                kind, _, corrected = each.test.partition(" with ")
                name = f"{kind} test over {each.unit}{corrected and f', with {corrected}'}"
                if panels[n].title not in tests.setdefault(name, []):
                    tests[name].append(panels[n].title)
    if not tests:
        return ""
    said = "; ".join(f"{name} ({', '.join(labels)})" for name, labels in tests.items())
    several = ", not corrected for several comparisons" if len(compared) > 1 else ""
    return f"Above: p against {control}, two-sided{several}: {said}."
