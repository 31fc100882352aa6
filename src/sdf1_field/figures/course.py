"""Fold changes of groups of dishes in time, with intervals over dishes and encounter limits."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sdf1_field.analysis import ENRICHED, course_table
from sdf1_field.figures.drawing import region_label
from sdf1_field.figures.fold_changes import FOLD, LIMIT_SAID, limit_notes
from sdf1_field.figures.groups import (
    LIMIT,
    NEUTRAL,
    Groups,
    draw_band,
    draw_names,
    font_size,
    label_height,
    looks_of,
    make_sheet,
    markers_of,
    panel_width,
    said_of_bands,
    title_panel,
)
from sdf1_field.figures.hours import HourLocator
from sdf1_field.figures.paper import Page
from sdf1_field.record import model_of
from sdf1_field.scene import REGION_LABELS

_PROPORTION = 0.75
"""Height of a panel over its width."""
_HOUR = 3600.0


def plot_course(groups: Groups, page: Page) -> Figure:
    """Fold change of groups on MSC and on the network at all saved observations.

    Lines and bands are those of `analysis.course_table`.

    Raises
    ------
    InputError
        As of `analysis.course_table`.
    """
    looks = looks_of(groups)
    tables = [course_table(runs) for runs in groups.values()]
    spec = model_of(next(iter(groups.values()))[0]).spec
    columns = 1 if page.one_column else len(ENRICHED)
    sheet = make_sheet(
        page, len(ENRICHED), columns=columns, height=_PROPORTION * panel_width(page, columns),
        heading=f"{spec.haematopoietic.label} cells gathering on {spec.stroma.label} and on the "
        "migrasome network",
        caption=[
            said_of_bands(looks, "cells and areas of all dishes summed"),
            f"{LIMIT_SAID} Dotted: as on free surface.", *limit_notes(tables),
        ],
    )  # fmt: skip
    for n, (region, axes) in enumerate(zip(ENRICHED, sheet.panels, strict=True)):
        own = [[row for row in table if row["region"] == REGION_LABELS[region]] for table in tables]
        for look, rows in zip(looks, own, strict=True):
            hours = np.array([row["time"] for row in rows]) / _HOUR
            draw_band(axes, look, hours, [row["fold_change"] for row in rows],
                      [row["interval"] for row in rows])  # fmt: skip
            limit: Any = np.array([row["encounter_limit"] for row in rows], dtype=float)
            axes.plot(
                hours, limit, lw=0.9, marker=look.marker, ms=0.35 * font_size(),
                markevery=markers_of(hours), **(LIMIT | {"color": look.ink}),
            )  # fmt: skip
        axes.axhline(1.0, **NEUTRAL)
        axes.set_ylim(bottom=0.0)
        axes.margins(x=0.02)
        if all(row["fold_change"] is None for rows in own for row in rows):
            # As on MSC that were removed.
            axes.set_xlim(0.0, max(row["time"] for rows in own for row in rows) / _HOUR)
            axes.text(
                0.5, 0.8, f"no {region_label(region, spec)}, or no cell\non free surface",
                transform=axes.transAxes, ha="center", va="center", size=font_size(),
            )  # fmt: skip
        axes.xaxis.set_major_locator(HourLocator())
        title_panel(axes, sheet, region_label(region, spec))
        axes.set_xlabel("time since the cells were added [h]")
        if n % columns == 0:
            label_height(axes, sheet, FOLD)
    draw_names(sheet, looks)
    return sheet.figure
