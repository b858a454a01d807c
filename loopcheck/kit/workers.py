"""Other threads beside a loop: one that wakes it, one that runs it, and the workers of an executor."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from loopcheck.kit.bench import Bench, LoopFactory, tool
from loopcheck.kit.wait import Errand


class Slumber:
    """A loop that has nothing to do, and another thread that gets it to do something.

    Args:
        loop: the loop; it is not running yet.
        patience: how long to wait for it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        self._loop = loop
        self._patience = patience
        self._dozing = threading.Event()
        self._woken = threading.Event()

    def wake(self, *ignored: Any) -> None:
        """End the run: a callback for the loop, to be reached by what wakes it."""
        self._woken.set()
        self._loop.stop()

    def ends_by(self, nudge: Callable[[], Any]) -> bool:
        """Run the loop; have another thread call ``nudge`` when the loop sleeps.

        Returns:
            whether :meth:`wake` was called soon. If not, the run ends with whatever else wakes the loop.
        """
        __tracebackhide__ = True

        def disturb() -> bool:
            self._dozing.wait(self._patience)
            # Time to fall asleep. A nudge that comes earlier shows less, but its effect must be the same.
            time.sleep(0.01)
            nudge()
            woken = self._woken.wait(self._patience / 2)
            if not woken:
                self._loop.call_soon_threadsafe(self._loop.stop)
            return woken

        self._loop.call_soon(self._dozing.set)
        errand = Errand(disturb)
        errand.start()
        try:
            self._loop.run_forever()
        except BaseException:
            self._woken.set()
            errand.join(self._patience)
            raise
        return bool(errand.result(self._patience))


@contextlib.contextmanager
def running_beside(new_loop: LoopFactory, patience: float) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that a thread of its own makes, runs beside the block, and closes.

    Raises:
        AssertionError: it does not run, or does not stop.
    """
    __tracebackhide__ = True
    made: list[asyncio.AbstractEventLoop] = []
    started = threading.Event()

    def live() -> None:
        loop = new_loop()
        made.append(loop)
        try:
            loop.call_soon(started.set)
            loop.run_forever()
        finally:
            loop.close()

    errand = Errand(live)
    errand.start()
    try:
        if not started.wait(patience):
            errand.result(0)
            raise AssertionError("a loop that runs in another thread did not call what call_soon() was given before")
        yield made[0]
    finally:
        if started.is_set():
            made[0].call_soon_threadsafe(made[0].stop)
        errand.join(patience)
    errand.result(0)


@tool
def pool(bench: Bench) -> Iterator[ThreadPoolExecutor]:
    """A thread pool with one worker, named "pool_0"; its jobs must end with the check."""
    with ThreadPoolExecutor(1, thread_name_prefix="pool") as executor:
        yield executor


class Gate:
    """What a job waits for, in its thread, until the check opens it.

    Args:
        patience: how long, in seconds, a job waits at most.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._reached = threading.Event()
        self._opened = threading.Event()

    def pass_through(self) -> bool:
        """Wait until the gate is open: the job. Whether it was opened in time."""
        self._reached.set()
        return self._opened.wait(self._patience)

    def reached(self) -> None:
        """Wait until a job waits at the gate. Blocks: ``await threaded(gate.reached)`` in a running loop.

        Raises:
            AssertionError: none came.
        """
        __tracebackhide__ = True
        if not self._reached.wait(self._patience):
            raise AssertionError(f"within {self._patience:.0f} s no worker thread began with the job")

    def open(self) -> None:
        """Let the jobs pass."""
        self._opened.set()


@tool
def gate(bench: Bench) -> Iterator[Gate]:
    """What keeps a job waiting until the check opens it; opened after the check in any case."""
    made = Gate(bench.patience)
    yield made
    made.open()
