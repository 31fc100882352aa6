"""Progress of long work: a bar on a terminal, a few plain lines in a log."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from sdf1_field.cli.printing import say

Advance = Callable[[int, str], None]
"""Called with the number of states or dishes done, and the progress in words."""

_STEP, _CALM, _SILENCE = 0.1, 5.0, 60.0
"""Share of the work between two lines of a log, the least time between them [s], and the time after
which the next report makes a line whatever its share [s]."""
_RECENT = 12
"""Number of last reports whose pace gives the remaining time."""
_LONG = 100.0
"""Seconds from which on a time is given in minutes."""
_COMPILING = "compiling kernels, once after installation, in about half a minute"


def announce_compilation() -> None:
    """Say on standard error that kernels are compiled first, if they have never been."""
    from sdf1_field.compiled.files import kernels_are_cached

    if not kernels_are_cached():
        say(_COMPILING, err=True)


@contextmanager
def shown_progress(label: str, length: int, *, quiet: bool = False) -> Iterator[Advance]:
    """Function to call as the work goes on, which shows its progress on standard error.

    On a terminal there is a bar; in a log there is a line for each tenth of the work, but none
    within seconds of the last, so that short work has none.

    Parameters
    ----------
    label : str
        Of the work.
    length : int
        States or dishes that there will be.
    quiet : bool
        Show nothing.
    """
    pace: deque[tuple[float, int]] = deque(maxlen=_RECENT)
    if quiet or not sys.stderr.isatty():
        last = time.monotonic(), 0

        def report(done: int, reached: str) -> None:
            nonlocal last
            now = time.monotonic()
            pace.append((now, done))
            waited = now - last[0]
            due = waited >= _CALM and done - last[1] >= _STEP * length
            if quiet or done >= length or not (due or waited >= _SILENCE):
                return
            last = now, done
            left = time_left_text(pace, length - done)
            say(f"{label}: {reached}, {100.0 * done / length:.0f} % done{left}", err=True)

        yield report
        return
    bar: Any = click.progressbar(
        length=length, label=label, file=sys.stderr, show_eta=False,
        item_show_func=lambda text: text,
    )  # fmt: skip

    def advance(done: int, reached: str) -> None:
        pace.append((time.monotonic(), done))
        bar.update(done - bar.pos, f"{reached}{time_left_text(pace, length - done)}")

    with bar:
        yield advance


@contextmanager
def shown_phases(*, quiet: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """Function to call with what is counted, how many are done and how many there will be.

    Each new kind of thing has a bar, or lines, of its own; see `shown_progress`.
    """
    with ExitStack() as shown:
        label = ""
        advance: Advance | None = None

        def report(counted: str, done: int, total: int) -> None:
            nonlocal label, advance
            if advance is None or counted != label:
                shown.close()
                label = counted
                advance = shown.enter_context(shown_progress(counted, total, quiet=quiet))
            advance(done, f"{done} of {total}")

        yield report


def time_left_text(pace: Sequence[tuple[float, int]], left: int) -> str:
    """Text of the time left for so many at the pace of the last reports (clock [s], number done).

    Examples
    --------
    >>> time_left_text([(0.0, 10), (30.0, 20)], 40)
    ', 2 min left'
    """
    (begun, first), (now, last) = pace[0], pace[-1]
    if last == first:
        return ""
    seconds = (now - begun) * left / (last - first)
    return f", {seconds / 60:.0f} min left" if seconds > _LONG else f", {seconds:.0f} s left"
