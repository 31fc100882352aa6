"""The program that runs the pages' blocks finds what is wrong with a page, and records it."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUN = ROOT / "docs" / "run.py"


def loaded():
    made = importlib.util.spec_from_file_location("docs_run", RUN)
    module = importlib.util.module_from_spec(made)
    sys.modules["docs_run"] = module
    made.loader.exec_module(module)
    return module


PAGES = loaded()


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Function that runs a page of some text, and gives what became of it and its new text."""
    monkeypatch.chdir(tmp_path)

    def run(text, **options):
        path = tmp_path / "page.md"
        path.write_text(text, encoding="utf-8")
        outcome = PAGES.run(path, tmp_path / "runs", **options)
        return outcome, path.read_text(encoding="utf-8")

    return run


def console(*lines):
    return "```console\n" + "".join(f"{line}\n" for line in lines) + "```\n"


PRINTED = "printf 'one   1.50\\ntwo   25  10\\nthree  3\\n'"


@pytest.mark.parametrize(
    "recorded",
    [
        ["one 1.50", "two 25 10", "three 3"],
        ["one 1.51", "two  25  10", "three 3"],
        ["…", "two 25 10", "…"],
        ["…", "three 3"],
        ["one …", "two 25 …", "three 3"],
    ],
)
def test_printed_lines_agree_within_their_digits(page, recorded):
    outcome, _ = page(console(f"$ {PRINTED}", *recorded))
    assert outcome.troubles == []
    assert outcome.ran == 1


@pytest.mark.parametrize(
    "recorded",
    [
        ["one 1.52", "two 25 10", "three 3"],
        ["one 1.50", "two 26 10", "three 3"],
        ["one 1.50", "two 25 10"],
        ["two 25 10", "three 3"],
        ["one 1.50", "…", "two 25 10"],
        ["…", "three 3", "one 1.50", "…"],
        ["one 1.50", "three 3"],
        ["one 1.50 2", "…"],
        ["One 1.50", "…"],
    ],
)
def test_another_output_than_the_pages_is_wrong(page, recorded):
    outcome, _ = page(console(f"$ {PRINTED}", *recorded))
    assert len(outcome.troubles) == 1


def test_failed_commands_and_blocks_are_wrong_and_the_rest_goes_on(page):
    outcome, _ = page(
        console("$ false")
        + "```python\nvalue = 1\nvalue.nothing\n```\n"
        + "```python\nvalue\n```\n"
    )
    failed, raised = outcome.troubles
    assert "false: exit 1" in failed
    assert "AttributeError" in raised
    assert "line 6" in raised
    assert outcome.ran == 3


def test_a_refusal_has_to_be_the_one_that_is_shown_and_to_end_with_status_2(page):
    refused = "echo 'sdf1-field: no' >&2; exit"
    outcome, _ = page(console(f"$ {refused} 2", "sdf1-field: no"))
    assert outcome.troubles == []
    outcome, _ = page(console(f"$ {refused} 1", "sdf1-field: no"))
    assert "exit 1" in outcome.troubles[0]
    outcome, _ = page(console(f"$ {refused} 2", "sdf1-field: yes"))
    assert "not printed" in outcome.troubles[0]


def test_files_and_python_are_there_for_what_stands_below(page):
    outcome, _ = page(
        '```toml\n# mine.toml\ntitle = "Mine"\n```\n\nText.\n\n'
        + console("$ tail -n 1 mine.toml", 'title = "Mine"')
        + "```python\nfrom pathlib import Path\n\nprint(Path('mine.toml').stat().st_size)\n```\n\n"
        + "    27\n\n```python\nprint(Path('mine.toml').stem)\n```\n\n    yours\n"
    )
    assert [trouble.partition(":")[0] for trouble in outcome.troubles] == ["line 24"]


def test_indented_commands_run_and_comments_say_what_text_cannot(page):
    outcome, _ = page(
        "<!-- before: echo 7 > seven -->\n    for f in seven; do cat $f > copy; done\n\n"
        "<!-- printed by: cat copy -->\n\n    7\n\n"
        "<!-- slow: hours -->\n```bash\nfalse\n```\n"
        "<!-- not run: needs two machines -->\n```bash\nfalse\n```\n"
    )
    assert outcome.troubles == []
    assert outcome.ran == 2
    assert outcome.skipped == ["line 10: hours", "line 14: needs two machines"]


def test_slow_blocks_run_when_asked(page):
    outcome, _ = page("<!-- slow: hours -->\n```bash\nfalse\n```\n", slow=True)
    assert len(outcome.troubles) == 1


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

```python
print(3)
```

    4

Text.
"""


def test_recorded_lines_get_the_numbers_that_are_printed_now(page):
    outcome, text = page(PAGE, record=True)
    said = text.splitlines()
    assert outcome.troubles == []
    assert said[4:7] == ["one   1.5", "…", "three  3"]
    assert said[8:10] == ["    && true", "two   2.5 …"]
    assert said[11:13] == ["$ cat file", "same"]
    assert said[-4:] == ["", "    3", "", "Text."]
    outcome, again = page(text)
    assert outcome.troubles == []
    assert again == text


def test_a_recorded_output_may_have_another_length(page):
    _, text = page(
        console("$ printf 'a\\nb\\n'", "a") + "\n" + console("$ echo c", "d", "e"), record=True
    )
    assert text == console("$ printf 'a\\nb\\n'", "a", "b") + "\n" + console("$ echo c", "c")


def test_a_line_without_a_counterpart_is_reported_and_stays(page):
    outcome, text = page(console("$ echo abc", "quite another line", "…"), record=True)
    assert "nothing like 'quite another line'" in outcome.troubles[0]
    assert "quite another line" in text


def test_a_shown_model_file_replaces_one_that_a_command_above_it_has_made(page):
    outcome, _ = page(
        console("$ echo made > mine.toml; cat mine.toml", "made")
        + '```toml\n# mine.toml\ntitle = "Edited"\n```\n'
        + console("$ tail -n 1 mine.toml", 'title = "Edited"')
    )
    assert outcome.troubles == []


def test_every_skipped_block_of_the_pages_has_a_reason_and_most_blocks_run():
    found = [
        block
        for page in PAGES.every_page()
        for block in PAGES.blocks((ROOT / page).read_text(encoding="utf-8"))
        if PAGES._runs(block)
    ]
    never = [block for block in found if block.note("not run")]
    slow = [block for block in found if block.note("slow")]
    assert len(found) > 140
    assert len(never) <= 22
    assert len(slow) <= 16


def test_the_program_ends_with_1_if_a_page_is_wrong(tmp_path):
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text(console("$ echo 1", "1"), encoding="utf-8")
    bad.write_text(console("$ echo 1", "2"), encoding="utf-8")
    call = [sys.executable, str(RUN), str(good)]
    ended = subprocess.run(call, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (
        0, "1 pages: 1 blocks ran, 0 skipped, 0 wrong",
    )  # fmt: skip
    ended = subprocess.run(
        [*call, str(bad), "-j", "2"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "WRONG: line 2: echo 1: '2' is not printed; instead '1'" in ended.stdout
