import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findSystemFonts, fontManager
from matplotlib.lines import Line2D
from matplotlib.text import Text

from sdf1_field.api.pictures import save_picture
from sdf1_field.errors import InputError
from sdf1_field.figures import paper, plot_run
from sdf1_field.figures.fields import chosen_fields, range_of
from sdf1_field.figures.hours import HourLocator
from sdf1_field.figures.paper import THINNEST, Page, pen, wrapped
from sdf1_field.record import model_of, open_run


@pytest.fixture(scope="module")
def printed(tiny_run):
    """Figures of one and of two columns."""
    with open_run(tiny_run) as run:
        return [plot_run(run, page=Page(width, "B"), inset="auto") for width in (85.0, 180.0)]


def test_a_figure_has_its_pages_width_and_fits_its_height(printed):
    for figure, width in zip(printed, (85.0, 180.0), strict=True):
        assert 25.4 * figure.get_figwidth() == pytest.approx(width, rel=1e-12)
        assert 25.4 * figure.get_figheight() < 225.0


def test_text_and_lines_are_those_of_a_journal(printed):
    for figure in printed:
        shown = [text for text in figure.findobj(Text) if text.get_text().strip()]
        assert {7.0, 9.0} <= {text.get_fontsize() for text in shown} <= {7.0, 7.5, 9.0}
        lines = [line for line in figure.findobj(Line2D) if line.get_linestyle() != "None"]
        assert min(line.get_linewidth() for line in lines if line.get_linewidth()) >= THINNEST


def test_a_panels_letter_is_bold_in_the_top_left_and_beside_the_heading(printed):
    figure = printed[1]
    figure.draw_without_rendering()
    (letter,) = [text for text in figure.texts if text.get_text() == "B"]
    assert letter.get_fontweight() == "bold"
    box, heading = letter.get_window_extent(), figure._suptitle.get_window_extent()
    assert box.x0 < 0.02 * figure.bbox.width
    assert box.y1 > 0.98 * figure.bbox.height
    assert box.x1 < heading.x0


def test_everything_is_within_the_page(printed):
    for figure in printed:
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
        assert box.x0 > -0.02
        assert box.y0 > -0.02
        assert box.x1 < figure.get_figwidth() + 0.02
        assert box.y1 < figure.get_figheight() + 0.02


def test_vector_formats_keep_text_and_embed_fonts(tmp_path):
    page = Page(85.0)
    with page.styled():
        figure = Figure(figsize=page.size(1.0, 0.5))
        figure.text(0.5, 0.5, "SDF-1 [pM]")
    save_picture(figure, tmp_path / "a.svg", page, title="a dish")
    save_picture(figure, tmp_path / "a.pdf", page, title="a dish")
    svg = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert re.search(r"<text [^>]*>SDF-1 \[pM\]</text>", svg)
    assert "<dc:title>a dish</dc:title>" in svg
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert b"/CIDFontType2" in pdf
    assert b"/Type3" not in pdf
    assert b"a dish" in pdf
    (box,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf)
    assert float(box[0]) == pytest.approx(85.0 / 25.4 * 72.0, rel=1e-6)


def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_text("old")

    def full(_, file, **__):
        Path(file).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(InputError, match=r"a\.png: no space left on device. Choose another place"):
        save_picture(Figure(), path)
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("width", "panel", "error"),
    [
        ("5 mm", None, "--width: 5 mm is out of range. Give 60 to 400 mm"),
        ("85", None, "--width: '85' is not a width"),
        (None, "ABCDE", "--panel: 'ABCDE' is not a panel's letter"),
    ],
)
def test_a_page_that_does_not_suit_is_refused(width, panel, error):
    with pytest.raises(InputError, match=re.escape(error)):
        Page.of(width, panel)


def test_lines_are_thinner_on_paper_but_not_too_thin():
    with Page().styled():
        assert pen(1.0) == 1.0
    with Page(85.0).styled():
        assert pen(1.0) == pytest.approx(0.7, rel=1e-12)
        assert pen(0.4) == THINNEST


def test_text_is_broken_to_its_room():
    lines = wrapped("cells per area, fold change over free surface", 1.0, 10.0).splitlines()
    assert max(map(len, lines)) <= 72.0 / 5.3
    assert len(lines) > 3


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("0.5..2 pM", (5e-4, 2e-3)),
        ("500 fM..2 pM", (5e-4, 2e-3)),
        ("0..4 molecules/um**2", (0.0, 4.0)),
        ("1e-3..1 nM", (1e-3, 1.0)),
    ],
)
def test_a_range_has_its_unit_at_one_end_or_both(text, ends):
    found = range_of(text)
    assert np.array([found.low, found.high]) == pytest.approx(np.array(ends), rel=1e-12)
    assert found.bound == ("molecules" in text)


def test_a_colour_bar_has_the_unit_of_its_range_and_a_field_one_range(tiny_run):
    with open_run(tiny_run) as run:
        spec = model_of(run).spec
        (field,) = chosen_fields(run, spec, None, "dissolved", ["0.001..2 nM"])
        assert (field.unit, field.ends) == ("nM", pytest.approx((0.001, 2.0), rel=1e-12))
        with pytest.raises(InputError, match=r"'5\.\.9 pM' is a second range of dissolved ligand"):
            chosen_fields(run, spec, None, "dissolved", ["1..2 pM", "5..9 pM"])


def test_fonts_installed_after_matplotlibs_list_was_made_are_found(monkeypatch):
    files = [file for file in findSystemFonts() if "LiberationSans-Regular" in file]
    if not files:
        pytest.skip("Liberation Sans is not installed")
    old = [font for font in fontManager.ttflist if font.name not in paper._FONTS]
    monkeypatch.setattr(fontManager, "ttflist", old)
    assert not set(paper._FONTS) & set(fontManager.get_font_names())
    assert paper._journal_fonts.__wrapped__()


@pytest.mark.parametrize(
    ("hours", "marks"),
    [(12.0, [0, 4, 8, 12]), (24.0, [0, 6, 12, 18, 24]), (2.0, [0, 0.5, 1, 1.5, 2])],
)
def test_hours_are_marked_at_whole_ones(hours, marks):
    axes = Figure(figsize=(2.2, 2.2)).subplots()
    axes.set_xlim(-0.02 * hours, 1.02 * hours)
    axes.xaxis.set_major_locator(HourLocator())
    assert list(axes.get_xticks()) == marks


def test_the_time_shown_is_not_hidden_by_a_legend(printed):
    for figure in printed:
        figure.draw_without_rendering()
        for axes in figure.findobj(Axes):
            legend = axes.get_legend()
            if legend is not None and "of co-culture" in axes.get_xlabel():
                assert legend.get_window_extent().y0 >= axes.get_window_extent().y1


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("0.5..2", "has no unit"),
        ("2..0.5 pM", "does not rise"),
        ("1 pM", "is not a range"),
        ("0.5..2 h", "is not a range of concentration"),
    ],
)
def test_what_is_no_range_is_refused(text, error):
    with pytest.raises(InputError, match=error):
        range_of(text)
