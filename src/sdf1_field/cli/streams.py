"""Standard streams that the caller has closed, as `2>&-` does in a shell."""

import os
import sys


def replace_closed_streams() -> None:
    """Have closed standard streams read and write nothing.

    Otherwise the next file that is opened takes a stream's number, and what a library in C prints
    would be written into that file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is given, which is this one.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
