import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from conftest import TRACKED
from sdf1_field.api import movies
from sdf1_field.api.runs import open_run
from sdf1_field.errors import InputError, RunError
from sdf1_field.figures.floor import Shown
from sdf1_field.figures.movie import Reel

SMALL = 320
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg")


@pytest.fixture(scope="module")
def opened(tiny_run):
    with open_run(tiny_run) as run:
        yield run


@pytest.fixture(scope="module")
def alone(solved):
    """Cells without stroma, every 15 min."""
    with open_run(solved("tracking-kg1a", *TRACKED, "output.tracks_every=15 min")) as run:
        yield run


def reel_of(run, field=None, **options):
    return Reel(run.dataset, Shown(field=field), width=SMALL, **options)


def test_a_gif_has_a_picture_for_each_saved_time(alone, tmp_path):
    path = tmp_path / "run.gif"
    done = []
    alone.movie(
        path, stop="30 min", width=SMALL, frames_per_second=4.0,
        progress=lambda *counts: done.append(counts),
    )  # fmt: skip
    with Image.open(path) as movie:
        assert movie.n_frames == 3
        assert movie.info["duration"] == 250
        assert movie.size[0] == SMALL
        assert movie.size[1] % 2 == 0
        assert movie.convert("RGB").getpixel((1, 1)) == (255, 255, 255)
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert [each.name for each in tmp_path.iterdir()] == ["run.gif"]


def test_colours_and_layout_hold_for_all_times_and_the_clock_goes(opened):
    reel = reel_of(opened, "dissolved", every=3600.0)
    figure = reel._drawn.figure
    (image,) = figure.axes[0].images
    ends, boxes, clocks = [], [], []
    for picture in reel:
        assert picture.shape == (*reel.size[::-1], 3)
        ends.append((image.norm.vmin, image.norm.vmax))
        boxes.append(figure.axes[0].get_window_extent().bounds)
        clocks.append(reel._drawn._clock.get_text())
    assert len(set(ends)) == len(set(boxes)) == 1
    assert clocks == [f"{n} h 00 min after the cells were added" for n in range(3)]
    saved = opened.dataset["sdf1"].values[::4] / 1e-3
    assert ends[0][0] == pytest.approx(saved.min(), rel=1e-6, abs=1e-12)
    assert np.asarray(image.get_array()) == pytest.approx(saved[-1], rel=1e-6)


def test_cells_are_between_their_observations_only_if_asked_and_the_picture_says_so(alone):
    plain, moving = (reel_of(alone, stop=900.0, interpolate=each) for each in (False, True))
    assert (len(plain), len(moving)) == (2, 5)
    x = alone.dataset["cell_x"].values[:, :2].astype(float)
    cells = moving._moment(450.0).cells
    assert cells.x == pytest.approx(x.mean(axis=1), rel=1e-6)
    next(iter(moving))
    assert moving._drawn._clock.get_text().splitlines()[1] == (
        "cells interpolated between observations 15 min apart"
    )


def test_interpolation_divides_the_intervals_of_observations_and_leaves_none_out(alone):
    moving = reel_of(alone, every=900.0, interpolate=True)
    assert set(np.diff(moving._times)) == {225.0}
    with pytest.raises(InputError, match="--every: leaves out observations, which are 15 min"):
        reel_of(alone, every=3600.0, interpolate=True)
    one = alone.dataset.isel(obs=slice(0, 1))
    with pytest.raises(InputError, match="--interpolate: fewer than two observations"):
        Reel(one, Shown(), width=SMALL, interpolate=True)


def test_cells_stay_where_they_were_seen_last_if_the_floor_goes_on(opened):
    early = opened.dataset.isel(obs=slice(0, 5))
    moving = Reel(early, Shown(field="dissolved"), width=SMALL, interpolate=True)
    last = moving._moment(float(moving._times[-1])).cells
    assert last.x == pytest.approx(early["cell_x"].values[:, -1])


def test_a_movie_of_cells_alone_has_nothing_that_is_not_there(alone):
    figure = reel_of(alone, stop=900.0)._drawn.figure
    texts = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert texts
    assert not any("held" in text for text in texts)
    assert figure.axes[0].get_xlabel() == ""


@pytest.mark.parametrize("name", ["/proc/m.gif", "file/m.gif"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_drawn(
    alone, tmp_path, monkeypatch, name
):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(Reel, "__init__", lambda *_, **__: pytest.fail("drawn"))
    with pytest.raises(InputError, match=r"m\.gif: "):
        alone.movie(tmp_path / name)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            {"start": 420.0},
            "--from: .* has nothing saved at 7 min",
        ),
        ({"start": 3600.0, "stop": 900.0}, "--from: 1 h is not before 15 min"),
        ({"every": 420.0}, "--every: .* has nothing saved at 7 min"),
        ({"every": 0.0}, "--every: is not more than zero"),
        ({"every": 1e6}, "one picture makes no movie"),
    ],
)
def test_times_that_are_not_there_are_refused(alone, options, error):
    with pytest.raises(InputError, match=error):
        reel_of(alone, **options)


@needs_ffmpeg
def test_an_mp4_plays_everywhere(alone, tmp_path):
    path = tmp_path / "run.mp4"
    alone.movie(path, stop="15 min", width=SMALL + 1)
    said = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,pix_fmt,width,nb_frames",
         "-of", "csv=p=0", path], capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert said.strip() == f"h264,{SMALL},yuv420p,2"


class _Reel:
    """Pictures without a run."""

    size = (64, 64)

    def __len__(self):
        return 50

    def __iter__(self):
        for n in range(len(self)):
            yield np.full((64, 64, 3), n, dtype=np.uint8)


@pytest.mark.parametrize(
    ("script", "kind", "error"),
    [
        ("kill -9 $$", RunError, "ffmpeg was stopped by signal 9"),
        ("echo 'x: No space left on device' >&2; exit 1", InputError, "no space left on device"),
        ("cat >/dev/null; echo 'No space left on device' >&2; exit 0", InputError, "no space left"),
        ("echo 'broken pipe organ' >&2; exit 3", RunError, "ffmpeg failed: broken pipe organ"),
    ],
)
def test_an_ffmpeg_that_ends_early_leaves_nothing(tmp_path, monkeypatch, script, kind, error):
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(movies, "_program", lambda _: str(program))
    with pytest.raises(kind, match=error):
        movies.save_movie(_Reel(), tmp_path / "a.mp4", frames_per_second=8.0, title="")
    assert [each.name for each in tmp_path.iterdir()] == ["ffmpeg"]


def test_an_ffmpeg_without_the_encoder_is_refused_with_a_remedy(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho ' V..... mpeg4 something'\n")
    program.chmod(0o755)
    monkeypatch.setattr(movies.shutil, "which", lambda _: str(program))
    monkeypatch.setattr(movies, "_packaged", lambda: None)
    movies._program.cache_clear()
    with pytest.raises(InputError, match=r"has no encoder libx264. Install .* or write a .gif"):
        movies.require_movie(tmp_path / "a.mp4", 8.0, force=False)
    monkeypatch.setattr(movies.shutil, "which", lambda _: None)
    with pytest.raises(InputError, match="there is no ffmpeg"):
        movies.require_movie(tmp_path / "a.webm", 8.0, force=False)
    movies.require_movie(tmp_path / "a.gif", 8.0, force=False)


def test_the_command_refuses_what_is_not_there(run, tiny_run):
    for options, error in (
        (("--from", "soon"), "--from: 'soon' is not a time."),
        (("-o", "run.avi"), "run.avi: not the name of a movie."),
        (("--fps", "0"), "--fps: 0 is out of range."),
        (("--width", "5"), "--width: 5 pixels are out of range."),
    ):
        said = run("movie", tiny_run, *(("-o", "x.gif") if "-o" not in options else ()), *options)
        assert said.exit_code == 2
        assert error in said.output
        assert len(said.output.splitlines()) == 1
