"""Real signals for checks: sent from another thread, answered in the main one, and nothing of it left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from loopcheck.kit.bench import Bench, tool
from loopcheck.kit.wait import Errand

_COMMON = tuple(
    signal.Signals[name]
    for name in (
        *("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM"),
        *("SIGCHLD", "SIGPIPE", "SIGWINCH", "SIGURG", "SIGRTMIN"),
    )
    if name in signal.Signals.__members__
)


@tool
def signals_kept(bench: Bench) -> Iterator[None]:
    """What signals do in this process, and the wake-up descriptor, are after the check as they were before.

    SIGINT raises KeyboardInterrupt in the check, and SIGUSR1 and SIGUSR2 end the process unless it handles them.
    """
    before = {number: signal.getsignal(number) for number in _COMMON}
    wakeup = signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    try:
        yield None
    finally:
        for number, action in before.items():
            signal.signal(number, signal.SIG_DFL if action is None else action)
        signal.set_wakeup_fd(wakeup)


@contextlib.contextmanager
def alarms(seconds: float) -> Iterator[None]:
    """This process is sent SIGALRM again and again in the block; the check must handle it."""
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def default_sigint() -> Iterator[None]:
    """Have Python's own handler answer SIGINT in the block; put the previous one back.

    Raises:
        AssertionError: a KeyboardInterrupt left the block, where none was expected any more.
    """
    __tracebackhide__ = True
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise AssertionError("KeyboardInterrupt was raised too late: not by the run that SIGINT interrupted") from None
    finally:
        while True:
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                break
            except KeyboardInterrupt:  # signal() first runs the handler of what is pending
                continue
        signal.signal(signal.SIGINT, previous or signal.SIG_DFL)


@contextlib.contextmanager
def signal_when_idle(
    number: int, ready: threading.Event, answered: threading.Event, patience: float, rescue: Callable[[], Any]
) -> Iterator[None]:
    """Send this process a signal from another thread once ``ready`` is set.

    Args:
        number: the signal.
        ready: set when the loop is about to wait.
        answered: set by the check when the signal had its effect.
        patience: how long to wait for each of the two.
        rescue: called in the other thread when the signal was not answered, to get the loop out of its wait.
    """

    def send() -> None:
        ready.wait(patience)
        # Time to fall asleep. A signal that comes earlier shows less, but its effect must be the same.
        time.sleep(0.02)
        # Twice: CPython does not notice a signal that comes between its last look and the system call that waits.
        # The second ends that call, and both are one to the handler. A loop that sleeps on sleeps through both.
        for _ in range(2):
            if not answered.is_set():
                os.kill(os.getpid(), number)
            if answered.wait(patience / 2):
                return
        rescue()

    errand = Errand(send)
    errand.start()
    try:
        yield
    finally:
        answered.set()
        ready.set()
        errand.join(patience)
