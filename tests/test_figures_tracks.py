import numpy as np
import pytest
from matplotlib.collections import EllipseCollection, LineCollection

from conftest import TRACKED, scale_bars
from sdf1_field.analysis import run_tracks, shown_lags, square_displacements
from sdf1_field.errors import InputError
from sdf1_field.figures import plot_run
from sdf1_field.record import open_run

OFTEN = (*TRACKED, "output.tracks_every=2 min")


@pytest.fixture
def alone(solved):
    return solved("tracking-kg1a", *OFTEN)


def draw(path, **options):
    with open_run(path) as run:
        return plot_run(run, **options)


def panels(figure):
    floor, beside, bar = figure.axes
    return floor, beside, bar


def segments(floor):
    (tracks,) = [c for c in floor.collections if isinstance(c, LineCollection)]
    return tracks


def test_cells_without_stroma_are_drawn_as_tracks_coloured_by_time(alone):
    floor, _, bar = panels(draw(alone))
    tracks = segments(floor)
    with open_run(alone) as run:
        x, y = run["cell_x"].values, run["cell_y"].values
    steps = np.array(tracks.get_segments())
    assert steps.shape == (30 * 60, 2, 2)
    assert np.array_equal(steps[:60, 0], np.stack([x[0, :-1], y[0, :-1]], axis=1))
    assert np.array_equal(steps[-60:, 1], np.stack([x[-1, 1:], y[-1, 1:]], axis=1))
    middle = (np.arange(60) + 0.5) * 2 / 60
    assert np.asarray(tracks.get_array())[:60] == pytest.approx(middle, rel=1e-12)
    assert bar.get_ylabel() == "time since tracking began [h]"


def test_cells_are_where_their_tracks_end_and_as_large_as_they_are(alone):
    floor, _, _ = panels(draw(alone, time=3600.0))
    (ends,) = [c for c in floor.collections if isinstance(c, EllipseCollection)]
    with open_run(alone) as run:
        there = np.stack([run["cell_x"].values[:, 30], run["cell_y"].values[:, 30]], axis=1)
    assert np.array_equal(ends.get_offsets(), there)
    assert ends.get_widths() == pytest.approx(np.full(30, 12.0))
    assert len(segments(floor).get_segments()) == 30 * 30
    (legend,) = floor.figure.legends
    (label,) = [t.get_text() for t in legend.get_texts()]
    assert label == "KG-1a cell, 1 h after the cells were added"


def test_the_first_frame_has_cells_without_tracks(alone):
    floor, _, _ = panels(draw(alone, time=0.0))
    assert not segments(floor).get_segments()


def test_beside_the_tracks_are_the_square_displacements_and_their_law(alone):
    _, beside, _ = panels(draw(alone))
    with open_run(alone) as run:
        tracks = run_tracks(run)
    squares = square_displacements(tracks, shown_lags(tracks))
    points, law, plain = beside.lines[:3]
    assert points.get_xdata() == pytest.approx(squares.lags / 60.0, rel=1e-12)
    assert points.get_ydata() == pytest.approx(squares.mean, rel=1e-12)
    assert (beside.get_xscale(), beside.get_yscale()) == ("log", "log")
    # The law passes the points; without persistence cells would get farther at every lag.
    expected = np.interp(points.get_xdata(), law.get_xdata(), law.get_ydata())
    assert points.get_ydata()[:4] == pytest.approx(expected[:4], rel=0.1)
    assert (plain.get_ydata() > law.get_ydata()).all()
    named = [t.get_text() for t in beside.get_legend().get_texts()]
    assert named[0] == "all cells"
    assert "µm/min" in named[1]
    assert named[-1] == "lags of the fit"


def test_the_title_says_what_was_tracked(alone):
    floor, _, _ = panels(draw(alone))
    title = floor.figure.get_suptitle()
    for text in ("KG-1a cells alone", "untreated", "30 tracks in frames every 2 min", "seed 1"):
        assert text in title
    assert scale_bars(floor) == [("50 µm", 50.0)]


def test_persistence_that_frames_do_not_resolve_is_not_drawn(solved):
    coarse = solved("tracking-kg1a", *OFTEN, "output.tracks_every=15 min",
                    "cell_type.kg1a.persistence_time=10 s", "cells.time_step=10 s")  # fmt: skip
    _, beside, _ = panels(draw(coarse))
    named = [t.get_text() for t in beside.get_legend().get_texts()]
    assert not any(text.startswith("persistent random walk") for text in named)
    assert any(text.startswith("no persistence, motility") for text in named)


def test_cells_that_stand_still_leave_a_note(solved):
    still = solved("tracking-kg1a", *OFTEN, "cell_type.kg1a.speed=0 um/s")
    _, beside, _ = panels(draw(still))
    assert [t.get_text() for t in beside.texts] == ["nothing moves enough for a persistent walk"]
    assert not beside.lines


def test_a_ligand_or_an_unsaved_time_is_refused(alone):
    with pytest.raises(InputError, match="no cells were saved at 5 h"):
        draw(alone, time=5 * 3600.0)
    with pytest.raises(InputError, match="--ligand"):
        draw(alone, ligand="sdf1")


def test_a_picture_of_tracks_is_written_without_a_warning(alone, tmp_path):
    draw(alone).savefig(tmp_path / "tracks.png", dpi=50)
    assert (tmp_path / "tracks.png").stat().st_size > 5000
