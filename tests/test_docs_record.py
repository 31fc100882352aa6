import importlib.util
from pathlib import Path

import pytest

RECORD = Path(__file__).parents[1] / "docs" / "record.py"


@pytest.fixture(scope="module")
def record():
    made = importlib.util.spec_from_file_location("record", RECORD)
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    return module


PAGE = """# Page

```console
$ printf 'one   1.5\\ntwo   2.5  10\\nthree  3\\n'
one   9
…
three  9
$ printf 'two   2.5  10\\n' \\
    && true
two   7  …
$ echo same > file
$ cat file
other
```
"""


def test_recorded_lines_get_the_numbers_that_are_printed_now(record, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    assert list(record.record(page, tmp_path / "runs")) == []
    said = page.read_text(encoding="utf-8").splitlines()[3:-1]
    assert said[1:4] == ["one   1.5", "…", "three  3"]
    assert said[5:7] == ["    && true", "two   2.5 …"]
    assert said[-2:] == ["$ cat file", "same"]


def test_a_model_file_that_a_page_shows_is_there_for_its_commands(record, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        '```toml\n# mine.toml\ntitle = "Mine"\n```\n```console\n$ cat mine.toml\nold\n```\n',
        encoding="utf-8",
    )
    assert list(record.record(page, tmp_path / "runs")) == []
    assert page.read_text(encoding="utf-8").splitlines()[-3:-1] == ["# mine.toml", 'title = "Mine"']


def test_a_shown_model_file_replaces_one_that_a_command_above_it_has_made(record, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```console\n$ echo made > mine.toml; cat mine.toml\nold\n```\n"
        '```toml\n# mine.toml\ntitle = "Edited"\n```\n'
        "```console\n$ tail -n 1 mine.toml\nold\n```\n",
        encoding="utf-8",
    )
    assert list(record.record(page, tmp_path / "runs")) == []
    said = page.read_text(encoding="utf-8").splitlines()
    assert (said[2], said[-2]) == ("made", 'title = "Edited"')


def test_a_failed_command_and_a_line_without_a_counterpart_are_reported(record, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo abc; false\nquite another line\n…\n```\n", encoding="utf-8")
    failed, missing = record.record(page, tmp_path / "runs")
    assert "exit 1" in failed
    assert "nothing like 'quite another line'" in missing
    assert "quite another line" in page.read_text(encoding="utf-8")
