import signal
import time
from types import FunctionType

import pytest

from sdf1_field.interrupts import Interrupted, exit_status, interruptible, reason


class _Lock:
    taken = False

    def __enter__(self):
        self.taken = True
        signal.raise_signal(signal.SIGINT)

    def __exit__(self, *_):
        self.taken = False


def _taken_for(lock, seconds):
    with interruptible(), lock:
        time.sleep(seconds)


def test_an_interrupt_while_a_lock_is_taken_waits_until_it_can_be_let_go(monkeypatch):
    # As the standard library's own locks are.
    enter = FunctionType(_Lock.__enter__.__code__, globals() | {"__name__": "threading"})
    monkeypatch.setattr(_Lock, "__enter__", enter)
    lock = _Lock()
    with pytest.raises(KeyboardInterrupt):
        _taken_for(lock, 2.0)
    assert lock.taken is False


class _Collected:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


def test_an_interrupt_where_python_would_print_it_is_raised_at_the_next_check():
    def work():
        with interruptible() as check:
            _Collected()
            reached.append("after")
            check()

    reached = []
    with pytest.raises(Interrupted) as caught:
        work()
    assert reached == ["after"]
    assert (exit_status(caught.value), reason(caught.value)) == (143, "ended by SIGTERM")


def write_run():
    signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize(
    ("module", "at_once"), [("mine", True), ("sdf1_field.ensemble.storing", False)]
)
def test_an_interrupt_is_put_off_only_in_the_programs_own_function_of_that_name(module, at_once):
    own, reached = FunctionType(write_run.__code__, globals() | {"__name__": module}), []

    def work():
        with interruptible() as check:
            own()
            reached.append("after")
            check()

    with pytest.raises(Interrupted):
        work()
    assert (not reached) == at_once


def test_an_interrupt_that_a_library_turns_into_its_own_error_stays_one():
    def work():
        with interruptible():
            try:
                signal.raise_signal(signal.SIGTERM)
            except KeyboardInterrupt:
                raise SystemError("returned a result with an exception set") from None

    with pytest.raises(Interrupted) as caught:
        work()
    assert exit_status(caught.value) == 143


def test_an_error_without_an_interrupt_stays_what_it_is():
    with pytest.raises(SystemError), interruptible():
        raise SystemError


def test_a_time_limit_ends_work_once():
    def work():
        with interruptible(0.02):
            try:
                time.sleep(10.0)
            finally:
                time.sleep(0.05)

    begin = time.monotonic()
    with pytest.raises(Interrupted) as caught:
        work()
    assert time.monotonic() - begin < 5.0
    assert (exit_status(caught.value), reason(caught.value)) == (75, "stopped at the time limit")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible() as check:
            signal.raise_signal(signal.SIGHUP)
            check()
    finally:
        signal.signal(signal.SIGHUP, before)
