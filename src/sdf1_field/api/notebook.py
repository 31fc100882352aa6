"""Runs as HTML, for notebooks: a small picture of one, and tables."""

import base64
import warnings
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import xarray as xr

from sdf1_field.analysis import ENRICHED, default_times, fold_changes, run_censuses
from sdf1_field.analysis.dishes import require_cells_and_stroma
from sdf1_field.digits import interval_text, number_text, spread_text
from sdf1_field.errors import InputError, Sdf1FieldError, Sdf1FieldWarning
from sdf1_field.record import model_of
from sdf1_field.scene import REGION_LABELS
from sdf1_field.spec import changes_text
from sdf1_field.units import MM2_PER_UM2, duration_text

if TYPE_CHECKING:
    from sdf1_field.figures.thumbnail import Thumbnail

_WIDTH = 260
"""Of a picture in a notebook [pixel]."""
_TABLE = 360
"""Least width of the table beside it, before it goes below [pixel]."""
_MOST_COUNTED = 12
"""Dishes up to which fold changes are shown unasked; each takes half a second."""


def with_picture(run: xr.Dataset, table: str) -> str:
    """A run's table beside a small picture of its floor.

    Alone if there is nothing to draw, or what is drawn cannot be read: the run's model is no longer
    valid, a variable is lacking, or its file is gone. Another failure is a fault of the picture; it
    warns, and the table is shown.
    """
    from sdf1_field.figures.thumbnail import thumbnail

    try:
        picture = thumbnail(run)
    except (Sdf1FieldError, KeyError, OSError):
        picture = None
    except Exception as error:
        warnings.warn(
            f"a run's picture could not be drawn ({type(error).__name__}: {error}).",
            Sdf1FieldWarning,
            stacklevel=2,
        )
        picture = None
    if picture is None:
        return table
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start">'
        f'{_figure(picture)}<div style="flex:1 1 {_TABLE}px">{table}</div></div>'
    )


def _figure(picture: "Thumbnail") -> str:
    data = base64.b64encode(picture.png).decode("ascii")
    keys = " ".join(
        f'<span style="white-space:nowrap"><span style="color:{colour};text-shadow:0 0 2px #000">'
        f"&#9679;</span> {escape(name)}</span>"
        for colour, name in picture.keys
    )
    caption = "<br>".join(filter(None, (escape(picture.title), escape(picture.field), keys)))
    return (
        f'<figure style="margin:0;width:{_WIDTH}px"><img alt="{escape(picture.title)}" '
        f'width="{_WIDTH}" src="data:image/png;base64,{data}"><figcaption '
        f'style="font-size:85%;line-height:1.4">{caption}</figcaption></figure>'
    )


def dishes_html(title: str, runs: Sequence[xr.Dataset], places: Sequence[str]) -> str:
    """Table of dishes, and their fold changes together if they have any and are few.

    Parameters
    ----------
    title : str
    runs : sequence of xarray.Dataset
    places : sequence of str
        Where each is: its file, or memory.
    """
    models = [model_of(run) for run in runs]
    rows = [
        (
            str(int(run.attrs["seed"])),
            model.name,
            changes_text(model) or "nothing",
            f"{run.sizes.get('trajectory', 0):,}",
            duration_text(float(run["time"].values[-1])),
            place,
        )
        for run, model, place in zip(runs, models, places, strict=True)
    ]
    header = ("seed", "model", "changed", "cells", "until", "place")
    parts = [f"<b>{escape(title)}</b>", _table(header, rows)]
    if counted := _fold_changes(runs):
        how = "all dishes together, with a 95 % interval over dishes; mean ± S.D. of the dishes"
        parts += [f"<b>Fold changes</b>, {how}", counted]
    return f"<div>{''.join(parts)}</div>"


def _fold_changes(runs: Sequence[xr.Dataset]) -> str:
    """Table of fold changes; empty if the runs are many, or no dishes of one co-culture."""
    if len(runs) > _MOST_COUNTED:
        return ""
    try:
        require_cells_and_stroma(runs)
        times = default_times(runs[0])
        taken = [run_censuses(run, times) for run in runs]
    except InputError:
        return ""
    rows = []
    for n, time in enumerate(times):
        censuses = [own[n] for own in taken]
        change = fold_changes(censuses)
        for k, region in enumerate(ENRICHED):
            area = sum(float(own.areas[region]) for own in censuses) * MM2_PER_UM2
            count = sum(float(own.counts[region]) for own in censuses)
            rows.append(
                (
                    duration_text(time),
                    REGION_LABELS[region],
                    f"{count:g}",
                    number_text(count / area if area else None),
                    interval_text(float(change.pooled[k]), change.interval[k]),
                    spread_text(float(change.mean[k]), float(change.deviation[k])),
                )
            )
    return _table(("time", "region", "cells", "per mm2", "fold change", "of the dishes"), rows)


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
