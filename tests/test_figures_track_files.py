from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from sdf1_field.analysis.guidance import Followers
from sdf1_field.analysis.guides import Guide
from sdf1_field.analysis.paths import paths_of
from sdf1_field.figures.track_files import plot_track_files
from test_analysis_paths import file_of
from test_analysis_tracks import walk


@pytest.fixture
def files():
    return [file_of(walk(n, 3600.0, 60.0, step=6.0, seed=n)) for n in (12, 9)]


def test_tracks_are_drawn_from_one_origin_and_y_points_down_in_images(files):
    figure = plot_track_files(files)
    assert len(figure.axes) == 6
    for file, axes in zip(files, figure.axes[::3], strict=True):
        (lines,) = [c for c in axes.collections if isinstance(c, LineCollection)]
        drawn = {tuple(np.round(line[-1], 6)) for line in lines.get_segments()}
        assert all(np.allclose(line[0], 0.0) for line in lines.get_segments())
        last, first = (file.frame == n for n in (file.frame.max(), 0))
        ends = np.column_stack([file.x[last] - file.x[first], file.y[last] - file.y[first]])
        assert drawn == {tuple(np.round(end, 6)) for end in ends}
    limits = [axes.get_ylim() for axes in figure.axes[::3]]
    assert limits[0] == limits[1]
    assert limits[0][0] > limits[0][1]
    up = plot_track_files(files[:1], down=False).axes[0].get_ylim()
    assert up[0] < up[1]


def test_a_rose_counts_every_track_once_in_sectors_around_the_direction(files):
    figure = plot_track_files(files, direction=90.0)
    for file, axes in zip(files, figure.axes[1::3], strict=True):
        heights = np.array([bar.get_height() for bar in axes.patches])
        assert heights.sum() == file.tracks
        last, first = (file.frame == n for n in (file.frame.max(), 0))
        heading = np.arctan2(file.y[last] - file.y[first], file.x[last] - file.x[first])
        ahead = np.abs(np.angle(np.exp(1j * (heading - np.pi / 2)))) < np.pi / 18
        assert heights[0] == np.count_nonzero(ahead)
        assert axes.patches[0].get_x() + axes.patches[0].get_width() / 2 == pytest.approx(np.pi / 2)


def test_many_tracks_are_thinned_evenly_and_said():
    file = file_of(walk(1500, 300.0, 60.0, step=60.0))
    axes = plot_track_files([file]).axes[0]
    (lines,) = [c for c in axes.collections if isinstance(c, LineCollection)]
    assert len(lines.get_segments()) == 1000
    assert "1,000 of 1,500 tracks" in axes.get_title(loc="left")


def test_a_rose_for_each_direction_shows_the_shares_of_its_steps(files):
    def right(x, y, _):
        return np.ones_like(x), np.zeros_like(y)

    def down(x, y, _):
        return np.zeros_like(x), np.ones_like(y)

    paths = paths_of(replace(files[0], x=files[0].x + 1e4, y=files[0].y + 1e4))
    guided = [
        Followers(paths, Guide(name, "none", 2e4, 2e4, (-np.inf, np.inf), ways, "nowhere", False))
        for name, ways in (("right", right), ("down", down), ("MSC", right), ("network", down))
    ]
    figure = plot_track_files(files, guided=guided)
    roses = figure.axes[6:]
    assert [axes.get_title().split("direction to ")[1] for axes in roses] == [
        "right", "down", "MSC", "network",
    ]  # fmt: skip
    for axes, followers in zip(roses, guided, strict=True):
        heights = [bar.get_height() for bar in axes.patches]
        assert sum(heights) == pytest.approx(100.0)
        assert heights[0] == pytest.approx(100.0 * followers.score["step_angles"][0]["share"])
        assert axes.get_xlabel().startswith("chemotactic index ")


def test_a_table_and_a_picture_fit_the_walk_once(files, monkeypatch):
    from sdf1_field.analysis import track_files

    fitted, fit = [], track_files.fit_square_displacements
    monkeypatch.setattr(
        track_files,
        "fit_square_displacements",
        lambda *of, **how: fitted.append(of) or fit(*of, **how),
    )
    track_files.track_table(*files)
    plot_track_files(files)
    assert len(fitted) == len(files)
