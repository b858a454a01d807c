"""Futures that are not asyncio's: the least that a task needs in order to wait for something.

Libraries bring their own, in C for speed or over another toolkit's promises; asyncio knows them by one attribute.
Source: https://docs.python.org/3/library/asyncio-future.html#asyncio.isfuture
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Generator
from typing import Any


class _Duck:
    """All of a future but for a way to learn its loop."""

    _asyncio_future_blocking = False

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._home = loop
        self._state = "pending"
        self._result: Any = None
        self._cancel_message: Any = None
        self._callbacks: list[tuple[Callable[[Any], Any], contextvars.Context]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._state}>"

    def done(self) -> bool:
        """Whether it has a result or was cancelled."""
        return self._state != "pending"

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._state == "cancelled"

    def result(self) -> Any:
        """The result."""
        if self.cancelled():
            raise self._make_cancelled_error()
        if not self.done():
            raise asyncio.InvalidStateError("the result is not there yet")
        return self._result

    def exception(self) -> None:
        """Raise what result() raises; there are no other exceptions here."""
        self.result()

    def set_result(self, result: Any) -> None:
        """Complete it."""
        self._end("finished", result)

    def cancel(self, msg: Any = None) -> bool:
        """Cancel it, unless it is done."""
        if self.done():
            return False
        self._cancel_message = msg
        self._end("cancelled", None)
        return True

    def add_done_callback(self, callback: Callable[[Any], Any], *, context: contextvars.Context | None = None) -> None:
        """Call ``callback(self)`` through the loop once it is done."""
        self._callbacks.append((callback, contextvars.copy_context() if context is None else context))
        if self.done():
            self._schedule()

    def remove_done_callback(self, callback: Callable[[Any], Any]) -> int:
        """Take a callback back; how many were removed."""
        before = len(self._callbacks)
        self._callbacks = [pair for pair in self._callbacks if pair[0] != callback]
        return before - len(self._callbacks)

    def __await__(self) -> Generator[Any, None, Any]:
        if not self.done():
            self._asyncio_future_blocking = True
            yield self
        return self.result()

    def _make_cancelled_error(self) -> asyncio.CancelledError:  # gather() calls it
        return asyncio.CancelledError(*(() if self._cancel_message is None else (self._cancel_message,)))

    def _end(self, state: str, result: Any) -> None:
        if self.done():
            raise asyncio.InvalidStateError(f"{self!r} is done already")
        self._state, self._result = state, result
        self._schedule()

    def _schedule(self) -> None:
        callbacks, self._callbacks = self._callbacks, []
        for callback, context in callbacks:
            self._home.call_soon(callback, self, context=context)


class DuckFuture(_Duck):
    """A complete future that is no asyncio.Future, and has no attribute ``_loop``."""

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop through which it calls back."""
        return self._home


class LooplessDuckFuture(_Duck):
    """A future without get_loop(), as those written before Python 3.7 are; asyncio reads ``_loop`` instead."""

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return self._home
