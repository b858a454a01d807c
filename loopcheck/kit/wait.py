"""Waiting for causes: with a deadline where something must happen, never for a while."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from loopcheck.kit.ready import readable

T = TypeVar("T")


async def in_time(future: asyncio.Future[Any], patience: float) -> bool:
    """Wait for a future; whether it was done before ``patience`` seconds had passed."""
    started = time.monotonic()
    # Not wait_for(): it has had bugs of its own in several versions, and this needs no cancellation semantics.
    done, _ = await asyncio.wait({future}, timeout=patience)
    # A loop that sleeps through what should wake it finds it when the timer of this very wait wakes it, which on
    # some loops is a millisecond early.
    return bool(done) and time.monotonic() - started < 0.99 * patience


async def soon(awaitable: Awaitable[T], patience: float, what: str) -> T:
    """Await something that must happen.

    Args:
        awaitable: what completes when it has happened.
        patience: seconds to give it, the tool of that name.
        what: what must happen, as a clause for the message: "data_received() is called".

    Raises:
        AssertionError: it did not happen.
    """
    __tracebackhide__ = True
    future = asyncio.ensure_future(awaitable)
    if not await in_time(future, patience):
        future.cancel()
        raise AssertionError(f"within {patience:.0f} s this did not happen: {what}")
    return future.result()


class Errand(threading.Thread):
    """A thread that runs one function and keeps what it returned or raised."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        super().__init__(daemon=True, name=f"errand-{getattr(function, '__name__', 'call')}")
        self._function, self._arguments = function, arguments
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Run the function."""
        try:
            self._value = self._function(*self._arguments)
        except BaseException as error:
            self._error = error

    def result(self, patience: float | None) -> Any:
        """Wait for the thread to end; return what its function returned, or raise what it raised.

        Args:
            patience: seconds to wait; None for as long as it takes.

        Raises:
            AssertionError: the thread is still running after ``patience`` seconds.
        """
        __tracebackhide__ = True
        self.join(patience)
        if self.is_alive():
            raise AssertionError(f"within {patience:.0f} s the thread {self.name!r} did not end")
        if self._error is not None:
            raise self._error
        return self._value


def in_thread(function: Callable[..., T], *arguments: Any, patience: float = 60.0) -> T:
    """Run a function in a new thread, wait for it, and return or raise what it did.

    Blocks the calling thread: inside a running loop use :func:`threaded` unless blocking is the point.
    """
    __tracebackhide__ = True
    errand = Errand(function, *arguments)
    errand.start()
    result: T = errand.result(patience)
    return result


async def threaded(function: Callable[..., T], *arguments: Any, patience: float = 60.0) -> T:
    """Run a function in a new thread while the running loop goes on.

    The thread reports with call_soon_threadsafe(), without any executor.
    """
    __tracebackhide__ = True
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def report() -> None:
        if not ended.done():
            ended.set_result(None)

    def run() -> T:
        try:
            return function(*arguments)
        finally:
            loop.call_soon_threadsafe(report)

    errand = Errand(run)
    errand.start()
    await soon(ended, patience, "the loop runs what another thread gave to call_soon_threadsafe()")
    result: T = errand.result(patience)
    return result


@contextlib.contextmanager
def refuses(error: type[BaseException] | tuple[type[BaseException], ...], what: str) -> Iterator[None]:
    """Demand that the block raises ``error`` (an exact class or a subclass of it).

    A NotImplementedError is no refusal, though it is a RuntimeError: where it is not asked for, it passes through.

    Args:
        error: the expected class, or several.
        what: the call as a clause for the message: "call_soon() on a closed loop".

    Raises:
        AssertionError: nothing was raised, or something else was.
    """
    __tracebackhide__ = True
    classes = error if isinstance(error, tuple) else (error,)
    names = " or ".join(one.__name__ for one in classes)
    try:
        yield
    except classes as raised:
        if isinstance(raised, NotImplementedError) and NotImplementedError not in classes:
            raise
        return
    except Exception as other:
        raise AssertionError(f"{what} raised {other!r}; expected {names}") from other
    raise AssertionError(f"{what} raised nothing; expected {names}")


def forked(function: Callable[[], Any], patience: float) -> Any:
    """Run a function in a forked child and return what it returned (anything that pickle knows).

    The child never comes back into the caller's stack: it reports over a pipe and ends with ``os._exit``.

    Raises:
        AssertionError: the child raised, died or did not answer.
    """
    __tracebackhide__ = True
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            try:
                answer = (True, function())
            except BaseException:
                answer = (False, traceback.format_exc())
            os.write(writing, pickle.dumps(answer))
            status = 0
        finally:
            os._exit(status)

    os.close(writing)
    try:
        deadline = time.monotonic() + patience
        data = b""
        while readable(reading, timeout=max(0.0, deadline - time.monotonic())):
            chunk = os.read(reading, 65536)
            if not chunk:
                break
            data += chunk
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if not data:
        raise AssertionError("the forked child died, or did not answer in time")
    fine, value = pickle.loads(data)
    if not fine:
        raise AssertionError(f"in the forked child:\n{value}")
    return value
