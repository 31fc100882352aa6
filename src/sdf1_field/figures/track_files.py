"""Tracks of files: from one origin, the rose of their directions, and square displacements."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter
from numpy.typing import NDArray

from sdf1_field.analysis.guidance import Followers
from sdf1_field.analysis.paths import Paths, net_directions, paths_of
from sdf1_field.analysis.track_files import walk_of
from sdf1_field.digits import count_text, interval_text, number_text
from sdf1_field.figures.drawing import BODY, HELD, NETWORK
from sdf1_field.figures.panels import p_said
from sdf1_field.figures.paper import Page
from sdf1_field.interop import TrackFile
from sdf1_field.statistics import rayleigh_test, v_test
from sdf1_field.units import duration_text

Array = NDArray[np.float64]

_SECTORS = 18
"""Of a rose."""
_ACROSS = 3
"""Panels in a row."""
_DRAWN = 1000
"""Most tracks from one origin; more are drawn as evenly chosen ones."""
_ROOM = 1.05
_MARGIN = 0.2
"""Room above and below the panels [inch]."""
_BETWEEN = 0.15
"""Room for legends between rows, as a share of their height."""


@Page().styled()
def plot_track_files(
    files: Sequence[TrackFile],
    *,
    direction: float = 0.0,
    down: bool = True,
    guided: Sequence[Followers] = (),
) -> Figure:
    """Tracks from one origin, rose of net directions and mean square displacements.

    Below them is a rose of steps against each direction that the tracks are scored on.

    Parameters
    ----------
    files : sequence of TrackFile
        One row each; the second is the control.
    direction : float
        Of forward migration, the angle from x towards y [degree].
    down : bool
        Whether y points down, as in images.
    guided : sequence of Followers
        Of the first file.
    """
    below = math.ceil(len(guided) / _ACROSS)
    height = 0.8 + 4.6 * (len(files) + below)
    # Axes of equal scales are placed after the layout, with their titles and legends.
    margin = _MARGIN / height
    room = ConstrainedLayoutEngine(
        rect=(0.0, margin, 1.0, 1.0 - 2.0 * margin), hspace=_BETWEEN if below else 0.02
    )
    figure = Figure(figsize=(13.2, height), layout=room)
    grid = figure.add_gridspec(len(files) + below, _ACROSS, width_ratios=[1.15, 1.0, 1.1])
    every = [paths_of(file) for file in files]
    reach = _ROOM * max(_reach(paths) for paths in every)
    for row, (file, paths) in enumerate(zip(files, every, strict=True)):
        _draw_tracks(
            figure.add_subplot(grid[row, 0]), file, paths, math.radians(direction), reach, down
        )
        _draw_rose(
            figure.add_subplot(grid[row, 1], projection="polar"), paths, math.radians(direction),
            down,
        )  # fmt: skip
        _draw_square_displacements(figure.add_subplot(grid[row, 2]), paths)
    for n, followers in enumerate(guided):
        place = grid[len(files) + n // _ACROSS, n % _ACROSS]
        _draw_guidance(figure.add_subplot(place, projection="polar"), followers.score)
    return figure


def _from_origin(paths: Paths) -> tuple[Array, Array, NDArray[np.intp]]:
    """Places less the first of their path, and where paths begin."""
    first = np.flatnonzero(np.diff(paths.path, prepend=-1))
    return paths.x - paths.x[first][paths.path], paths.y - paths.y[first][paths.path], first


def _reach(paths: Paths) -> float:
    x, y, _ = _from_origin(paths)
    return float(max(np.abs(x).max(), np.abs(y).max(), 1e-9))


def _draw_tracks(
    axes: Any, file: TrackFile, paths: Paths, direction: float, reach: float, down: bool
) -> None:
    x, y, first = _from_origin(paths)
    lines = np.split(np.column_stack([x, y]), first[1:])
    dx, dy = paths.net()
    forward = math.cos(direction) * dx + math.sin(direction) * dy > 0.0
    chosen = np.arange(paths.count)
    if paths.count > _DRAWN:
        chosen = np.linspace(0, paths.count - 1, _DRAWN).astype(int)
    thin = 1.0 if len(chosen) <= 100 else 0.5
    axes.add_collection(
        LineCollection(
            [lines[n] for n in chosen],
            colors=[HELD if forward[n] else BODY for n in chosen],
            linewidths=thin,
            alpha=0.8,
        )
    )
    axes.plot(dx[chosen], dy[chosen], "o", ms=2.5 * thin + 0.5, color="black", zorder=3)
    axes.plot(dx.mean(), dy.mean(), "P", ms=11, mfc=NETWORK, mec="white", zorder=4)
    axes.set(
        xlim=(-reach, reach), ylim=(reach, -reach) if down else (-reach, reach), aspect="equal",
        xlabel="x from the start [µm]",
        ylabel=f"y from the start [µm]{', downwards' if down else ''}",
    )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(5, symmetric=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, symmetric=True))
    axes.axhline(0.0, color="#cccccc", lw=0.7, zorder=0)
    axes.axvline(0.0, color="#cccccc", lw=0.7, zorder=0)
    share = forward.mean()
    axes.legend(
        handles=[
            Line2D([], [], color=HELD, label=f"{share:.0%} ended forwards"),
            Line2D([], [], color=BODY, label=f"{1 - share:.0%} did not"),
            Line2D([], [], lw=0, marker="P", ms=9, mfc=NETWORK, mec="white", label="mean end"),
        ],
        loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, frameon=False, fontsize=8.5,
        columnspacing=1.0, handlelength=1.2,
    )  # fmt: skip
    few = f"{len(chosen):,} of " if len(chosen) < paths.count else ""
    axes.set_title(
        f"{Path(file.name).name}\n{few}{count_text(paths.count, 'track')} in frames every "
        f"{duration_text(file.interval)}",
        fontsize=10.5, loc="left",
    )  # fmt: skip


def _draw_rose(axes: Any, paths: Paths, direction: float, down: bool) -> None:
    headings = net_directions(paths)
    if down:
        axes.set_theta_direction(-1)
    width = 2.0 * math.pi / _SECTORS
    # Sectors are centred on the direction, so that their number says what the test does.
    sector = np.round((headings - direction) / width).astype(int) % _SECTORS
    counts = np.bincount(sector, minlength=_SECTORS)
    axes.bar(
        direction + width * np.arange(_SECTORS), counts, width=0.94 * width, color=NETWORK,
        edgecolor="white", linewidth=0.5,
    )  # fmt: skip
    most = max(int(counts.max()), 1)
    axes.plot([direction, direction], [0.0, most], color=HELD, lw=1.6)
    axes.set_ylim(0.0, most)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.set_rlabel_position(math.degrees(direction) + 100.0)
    axes.tick_params(labelsize=8.5)
    axes.set_title("directions of net displacement", fontsize=10.5)
    towards = v_test(headings, direction)
    axes.set_xlabel(
        f"Rayleigh's test {p_said(rayleigh_test(headings))}\n"
        f"towards {math.degrees(direction):g}° (line): V test {p_said(towards)}",
        fontsize=9.5, labelpad=6,
    )  # fmt: skip


def _draw_guidance(axes: Any, score: dict[str, Any]) -> None:
    """Rose of the angles between steps and the direction where they begin."""
    angles = np.radians([row["angle_deg"] for row in score["step_angles"]])
    # Nothing is drawn of cells that rest.
    shares = 100.0 * np.array([row["share"] or 0.0 for row in score["step_angles"]])
    axes.set_theta_zero_location("N")
    axes.bar(
        angles, shares, width=0.94 * 2.0 * math.pi / len(angles), color=NETWORK, edgecolor="white",
        linewidth=0.5,
    )  # fmt: skip
    alike = 100.0 / len(angles)
    most = 1.1 * max(float(shares.max()), alike)
    around = np.linspace(0.0, 2.0 * math.pi, 200)
    axes.plot(around, np.full(around.shape, alike), "--", color="black", lw=1.0)
    axes.plot([0.0, 0.0], [0.0, most], color=HELD, lw=1.6)
    axes.set_ylim(0.0, most)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter("{x:g} %")
    axes.set_rlabel_position(135.0)
    axes.set_xticks(np.radians([0, 90, 180, 270]), ["towards", "across", "away", "across"])
    axes.tick_params(labelsize=8.5)
    axes.tick_params(axis="x", pad=5)
    axes.set_title(f"steps, by angle from the direction to {score['towards']}", fontsize=10.5)
    interval = score["index_interval"]
    axes.set_xlabel(
        f"chemotactic index {interval_text(score['index'], interval)}\n"
        f"tracks rotated at random: {number_text(score['rotated_index'])}, "
        f"{p_said(score['rotation_p'])}\n"
        f"V test over {count_text(score['paths'], 'track')}: {p_said(score['v_test_p'])}\n"
        "dashed: as many steps in every direction",
        fontsize=9.5, labelpad=6,
    )  # fmt: skip


def _draw_square_displacements(axes: Any, paths: Paths) -> None:
    squares, walk = walk_of(paths)
    if not len(squares.lags) or not squares.mean.min() > 0.0:
        axes.set_axis_off()
        axes.text(0.5, 0.5, walk.note, ha="center", transform=axes.transAxes, wrap=True)
        return
    axes.plot(squares.lags / 60.0, squares.mean, "o", color="black", mfc="white", ms=6, zorder=4)
    if walk.speed is not None and walk.persistence_time is not None:
        lags = np.geomspace(0.5 * squares.lags[0], 1.2 * squares.lags[-1], 100)
        axes.plot(
            lags / 60.0, walk.square_displacement(lags),
            color=HELD, lw=1.8,
            label="persistent random walk:\n"
            f"speed {interval_text(walk.speed, walk.speed_interval, 60.0)} µm/min,\npersistence "
            f"{interval_text(walk.persistence_time, walk.persistence_interval, 1 / 60)} min",
        )  # fmt: skip
    if walk.longest_lag:
        axes.axvspan(
            squares.lags[0] / 60.0, walk.longest_lag / 60.0, color="#dddddd", lw=0, zorder=0,
            label="lags of the fit",
        )  # fmt: skip
    axes.set(
        xscale="log", yscale="log", xlabel="lag [min]", ylabel="mean square displacement [µm²]"
    )
    axes.spines[["top", "right"]].set_visible(False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(NullFormatter())
    axes.legend(loc="upper left", frameon=False, fontsize=8.5)
