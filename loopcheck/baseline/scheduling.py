"""Calling things soon, and later: the queue of what is ready, and one turn of the loop.

A turn: wait for events, unless something is ready; queue what they and the timers made ready; then call what is in
the queue at this moment.
What is queued meanwhile waits for the next turn, after another look at the events: nobody can starve the others.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from .contract import Base, logger
from .polling import Poller
from .timers import Timers

LONGEST_WAIT = 24 * 3600
"""Seconds for one wait; some system calls take no more than so many milliseconds.  asyncio's number."""


class Handle(asyncio.Handle):
    """asyncio's own, made and run with fewer calls: a loop makes one for everything that it does."""

    __slots__ = ()

    if TYPE_CHECKING:
        _source_traceback: list[Any] | None

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], loop: Any, context: Context | None):
        if loop._debug:
            super().__init__(callback, args, loop, context)
            _forget_makers(self, 2)
            return
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None

    def _run(self) -> None:
        """Call the callback; what it raises is reported, unless it is to end the loop."""
        try:
            # Most have no arguments, and unpacking none takes longer than the whole rest.
            if self._args:
                self._context.run(self._callback, *self._args)
            else:
                self._context.run(self._callback)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            report = {"message": f"Exception in callback {self!r}", "exception": exc, "handle": self}
            if self._source_traceback is not None:
                report["source_traceback"] = self._source_traceback
            self._loop.call_exception_handler(report)
        self = None  # type: ignore[assignment]  # The exception refers to this frame, which must not refer to it.


class TimerHandle(Handle, asyncio.TimerHandle):
    """The same for timers."""

    __slots__ = ()

    def __init__(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], loop: Any, context: Context | None
    ):
        if loop._debug:
            asyncio.TimerHandle.__init__(self, when, callback, args, loop, context)
            _forget_makers(self, 3)
            return
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None
        self._when = when
        self._scheduled = False

    def cancel(self) -> None:
        """Do not call the callback, and let go of it."""
        if self._cancelled:
            return
        if self._scheduled:
            self._loop._timers.cancelled += 1
        if self._loop._debug:
            super().cancel()  # It keeps a description of what it forgets.
            return
        self._cancelled = True
        self._callback = self._args = None  # type: ignore[assignment]  # typeshed does not know of it


def _forget_makers(handle: Any, frames: int) -> None:
    """Leave our own frames out of where, in debug mode, a handle says that it was made."""
    del handle._source_traceback[-frames:]


class Scheduling(Base):
    """call_soon(), call_later(), call_at(), and the turn that calls what they were given."""

    _poller: Poller

    def __init__(self) -> None:
        # First of all: if anything after this fails, __del__ closes the loop.
        self._timers = Timers()
        super().__init__()

    def close(self) -> None:
        """Forget the timers, beside everything else."""
        super().close()
        self._timers.clear()

    def call_soon(  # type: ignore[override]  # typeshed uses TypeVarTuple
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Call *callback* in the next turn, after what was queued before."""
        if self._closed:
            self._check_closed()
        if self._debug:
            self._check_thread()
            self._check_callback(callback, "call_soon")
        handle = Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call *callback* once *delay* seconds have passed."""
        if delay is None:
            raise TypeError("delay must not be None")
        return self._call_at(self.time() + delay, callback, args, context, "call_later")

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call *callback* at *when*, in the loop's own time()."""
        if when is None:
            raise TypeError("when cannot be None")
        return self._call_at(when, callback, args, context, "call_at")

    def _call_at(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None, method: str
    ) -> asyncio.TimerHandle:
        if self._closed:
            self._check_closed()
        if self._debug:
            self._check_thread()
            self._check_callback(callback, method)
        timer = TimerHandle(when, callback, args, self, context)
        self._timers.add(timer)
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """``asyncio.TimerHandle`` asks for it; ours has counted itself by now."""

    def _run_once(self) -> None:
        ready, timers = self._ready, self._timers
        when = timers.next() if timers.heap else None
        timeout: float | None
        if ready or self._stopping:
            timeout = 0.0
        elif when is None:
            timeout = None
        else:
            timeout = min(max(when - self.time(), 0.0), LONGEST_WAIT)
        self._poller.wait(timeout, ready)
        if when is not None:
            now = self.time()
            # What the clock cannot tell from now is due.
            ready.extend(timers.due(now + max(self._clock_resolution, math.ulp(now))))
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            if self._debug:
                self._run_timed(handle)
            else:
                handle._run()
        # An exception that ends the loop refers to this frame, and must not keep the callback alive.
        handle = None  # type: ignore[assignment]

    def _run_timed(self, handle: asyncio.Handle) -> None:
        """Call it in debug mode, where a callback that holds up all others is reported."""
        # BaseEventLoop's exception handler reads it, to say where the callback was made.
        self._current_handle = handle
        started = self.time()
        try:
            handle._run()
        finally:
            self._current_handle = None
        took = self.time() - started
        if took >= self.slow_callback_duration:
            task = getattr(getattr(handle, "_callback", None), "__self__", None)
            logger.warning("Executing %s took %.3f seconds", task if asyncio.isfuture(task) else handle, took)
