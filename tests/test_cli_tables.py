"""Tables in plain text."""

import pytest

from sdf1_field.cli.tables import text

ROWS = [("grid", "280 x 280 x 30 cells over 1400 x 1400 x 2000 um"), ("seed", "1")]


def test_a_long_last_column_goes_on_below_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(text, "terminal_width", lambda: 40)
    text.print_table(ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["grid  280 x 280 x 30 cells over 1400 x", "      1400 x 2000 um", "seed  1"]


@pytest.mark.parametrize("width", [None, 20])
def test_in_a_pipe_or_on_a_very_narrow_terminal_a_row_is_a_line(monkeypatch, capsys, width):
    monkeypatch.setattr(text, "terminal_width", lambda: width)
    text.print_table(ROWS)
    assert len(capsys.readouterr().out.splitlines()) == len(ROWS)
