"""Examples at the end of a command's help.

A command gives two, as the lines that a reader can paste, each under a comment that says what it
does. They read files that the examples of commands before it write, in the order of
`sdf1_field.cli`; a test checks that, and parses each with the options of the command.
"""

import inspect
import re
import shlex
from typing import Any

import click

_SENTENCE = 160
"""Characters of a command's first sentence that are not cut."""


class ExampleCommand(click.Command):
    """A command whose help ends with examples.

    Parameters
    ----------
    examples : str
        Comments and command lines as they are printed; a line that ends in a backslash goes on.
    """

    def __init__(self, *args: Any, examples: str, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.examples = inspect.cleandoc(examples)

    def example_calls(self) -> list[list[str]]:
        """Words of each example's command line."""
        lines = re.sub(r"\\\n *", "", self.examples).splitlines()
        return [words for words in (shlex.split(line, comments=True) for line in lines) if words]

    def get_short_help_str(self, limit: int = _SENTENCE) -> str:
        """The whole first sentence, which a list of commands breaks into lines."""
        return super().get_short_help_str(max(limit, _SENTENCE))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are, since a command line must not be wrapped."""
        with formatter.section("Examples"):
            indent = " " * formatter.current_indent
            for line in self.examples.splitlines():
                formatter.write(f"{indent}{line}".rstrip() + "\n")
        super().format_epilog(ctx, formatter)
