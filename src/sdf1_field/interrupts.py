"""Signals that ask the program to end, and a limit on its time: what was computed is kept."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from sdf1_field.errors import InputError

TIME_LIMIT_STATUS = 75
"""Exit status at the time limit: ``EX_TEMPFAIL`` of sysexits.h, the call may be repeated."""
IN_VAIN_STATUS = 1
"""Exit status at a time limit that was over before anything was gained by the call."""
_STATUS = 128
"""Added to a signal's number, as shells do."""
_LOST_IN = {
    "__del__": "",
    "_gc_callback": "distributed.gc",
    "write_run": "sdf1_field.ensemble.storing",
}
"""Functions in which Python or the NetCDF library prints exceptions instead of raising them, with
their modules; the first is any module's."""
_SOON = 0.01
"""Time after which an interrupt that came while a lock was taken is tried again [s]."""
SIGNALS = tuple(
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if name in signal.Signals.__members__
)
"""Ctrl-C, the end of a batch job, and of a terminal."""
_ALARM: int | None = getattr(signal, "SIGALRM", None)
"""Signal of the timer; None on Windows."""


class Interrupted(KeyboardInterrupt):
    """The program was asked to end.

    Parameters
    ----------
    number : int
        Of the signal; that of the alarm at the time limit.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def at_time_limit(end: KeyboardInterrupt) -> bool:
    """Whether a program was interrupted by its time limit."""
    return isinstance(end, Interrupted) and end.number == _ALARM


def exit_status(end: KeyboardInterrupt, *, gained: bool = True) -> int:
    """Exit status of a program that was interrupted.

    Parameters
    ----------
    end : KeyboardInterrupt
    gained : bool
        Whether a call that repeats this one begins further on than this one did; what did not
        within its time limit never will.
    """
    number = end.number if isinstance(end, Interrupted) else signal.SIGINT
    if number == _ALARM:
        return TIME_LIMIT_STATUS if gained else IN_VAIN_STATUS
    return _STATUS + number


def reason(end: KeyboardInterrupt) -> str:
    """Why a program was interrupted, as the beginning of a sentence.

    Examples
    --------
    >>> reason(Interrupted(signal.SIGTERM)), reason(KeyboardInterrupt())
    ('ended by SIGTERM', 'interrupted')
    """
    number = end.number if isinstance(end, Interrupted) else signal.SIGINT
    if number == _ALARM:
        return "stopped at the time limit"
    return "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"


def ignore_signals() -> None:
    """Ignore all signals that ask the program to end, since it does."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def interruptible(time_limit: float | None = None) -> Iterator[Callable[[], None]]:
    """Raise `Interrupted` once, wherever the program is, when it is asked to end.

    An exception within the function by which a lock is taken would leave it taken for ever, and
    the thread that waits for it. There the interrupt is put off.

    Parameters
    ----------
    time_limit : float, optional
        Time after which the program is asked to end [s].

    Yields
    ------
    check : callable
        Raises the interrupt again if it was lost, as in one of `_LOST_IN`.

    Raises
    ------
    InputError
        If there is a time limit, and no timer on this system.
    """
    if time_limit is not None and _ALARM is None:
        raise InputError("--time-limit: this system has no timers. Leave it away.")
    asked: list[int] = []
    raised: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        if number != _ALARM or not asked:
            asked.append(number)
        if raised:
            return
        if frame is not None and _takes_a_lock(frame):
            _wake_after(_SOON)
            return
        while frame is not None:
            module = _LOST_IN.get(frame.f_code.co_name)
            if module is not None and module in ("", frame.f_globals.get("__name__")):
                return
            frame = frame.f_back
        raised.append(asked[0])
        raise Interrupted(asked[0])

    def check() -> None:
        if asked:
            raise Interrupted(asked[0])

    if threading.current_thread() is not threading.main_thread():
        yield check
        return
    before: dict[int, Any] = {}
    for kind in (*SIGNALS, *([] if _ALARM is None else [_ALARM])):
        # So that `nohup` is obeyed; shells ignore Ctrl-C for all that they start in the background.
        if kind == signal.SIGINT or signal.getsignal(kind) is not signal.SIG_IGN:
            before[kind] = signal.signal(kind, interrupt)
    try:
        if time_limit is not None:
            _wake_after(max(time_limit, _SOON))
        yield check
    except Exception as error:
        # Libraries turn an exception that comes upon them into one of their own.
        if asked:
            raise Interrupted(asked[0]) from error
        raise
    finally:
        _wake_after(0.0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _wake_after(duration: float) -> None:
    """Set the timer, where there is one, to send its signal [s]; 0 for never."""
    if _ALARM is not None:
        signal.setitimer(signal.ITIMER_REAL, duration)


def _takes_a_lock(frame: FrameType) -> bool:
    """Whether the standard library's own ``with condition:`` is before its block."""
    return frame.f_globals.get("__name__") == "threading" and frame.f_code.co_name == "__enter__"
