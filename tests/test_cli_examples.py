"""Examples at the end of every command's help."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from sdf1_field.cli import main
from sdf1_field.shipped import model_names
from sdf1_field.spec import asked_model

WIDTH = 80
PROGRAM = "sdf1-field"
WRITTEN = ("output", "picture")
"""Parameters of commands that name a file to write."""
COMMANDS = pytest.mark.parametrize("name", main.commands)


def parsed(words):
    """What click makes of an example: the values of all options and arguments."""
    command = main.commands[words[1]]
    with command.make_context(words[1], words[2:]) as context:
        return context.params


def files_in(value):
    """Files that a parameter's value names."""
    if isinstance(value, tuple):
        return {file for one in value for file in files_in(one)}
    return {str(value)} if isinstance(value, Path) else set()


@COMMANDS
def test_help_ends_with_two_examples_as_they_were_written(name):
    printed = CliRunner().invoke(main, [name, "--help"]).output
    examples = main.commands[name].examples
    assert "".join(f"  {line}".rstrip() + "\n" for line in examples.splitlines()) in printed
    assert printed.rstrip().endswith(examples.splitlines()[-1].strip())
    assert max(map(len, examples.splitlines())) <= WIDTH - 2
    assert examples.count("# ") == 2
    assert [words[:2] for words in main.commands[name].example_calls()] == [[PROGRAM, name]] * 2


@COMMANDS
def test_examples_are_calls_that_the_program_takes(name):
    for words in main.commands[name].example_calls():
        given = parsed(words)
        if given.get("model") in model_names():
            asked_model(given["model"], settings=given.get("settings", ()))


def test_examples_read_only_what_examples_before_them_write_and_replace_nothing():
    made = set()
    for command in main.commands.values():
        for words in command.example_calls():
            given = parsed(words)
            written = {f for key in WRITTEN for f in files_in(given.get(key))}
            read = {file for value in given.values() for file in files_in(value)} - written
            if str(given.get("model")).endswith(".toml"):
                read.add(given["model"])
            assert read <= made, words
            assert written.isdisjoint(made), words
            if words[1] == "reproduce" and given["output"]:
                made.add(f"{given['output']}/readings-{'-'.join(given['ids'])}.csv")
            made |= written | ({f"{given['name']}.toml"} if words[1] == "new" else set())


def test_the_list_of_commands_has_whole_sentences():
    printed = CliRunner().invoke(main, ["--help"], terminal_width=WIDTH).output
    listed = printed.partition("Commands:")[2].partition("Examples:")[0]
    assert "..." not in listed
    assert max(map(len, listed.splitlines())) <= WIDTH
