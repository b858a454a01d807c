"""Task classes that are not asyncio's, in pure Python, on the documented functions for extending asyncio.

A loop must run these too: frameworks bring their own.
Source: https://docs.python.org/3/library/asyncio-extending.html#task-lifetime-support
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Generator
from typing import Any


class StubTask:
    """The least that all_tasks() and current_task() ask of a task: a loop, and whether it is done.

    Runs nothing. Hashable and weakly referenceable, as registration demands.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.finished = False

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it claims to belong to."""
        return self._loop

    def done(self) -> bool:
        """Whether it is over."""
        return self.finished


class SilentForeignTask:
    """A complete task that drives a coroutine with the loop's call_soon() and tells asyncio nothing about itself.

    Its result is kept in an ``asyncio.Future`` of the loop, to which it hands callbacks and awaiting: what is under
    test is how the loop treats a foreign task, not how to write a future.
    """

    _asyncio_future_blocking = False

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        *,
        loop: asyncio.AbstractEventLoop,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> None:
        self._coroutine = coroutine
        self._loop = loop
        self._name = name or f"Foreign-{id(self):x}"
        self._context = context if context is not None else contextvars.copy_context()
        self._outcome: asyncio.Future[Any] = loop.create_future()
        self._waits_for: Any = None
        self._cancel_requests = 0
        self._cancel_at_next_step = False
        self._cancel_message: Any = None  # gather() reads it
        self._hello()
        self._start()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name}>"

    # What a registered task does at these four points; this one keeps silent.

    def _hello(self) -> None: ...

    def _enter(self) -> None: ...

    def _leave(self) -> None: ...

    def _farewell(self) -> None: ...

    # What others ask of a task.

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that runs it."""
        return self._loop

    def get_name(self) -> str:
        """Its name."""
        return self._name

    def set_name(self, name: object) -> None:
        """Change its name."""
        self._name = str(name)

    def get_coro(self) -> Coroutine[Any, Any, Any]:
        """The coroutine it drives."""
        return self._coroutine

    def get_context(self) -> contextvars.Context:
        """The context it runs in."""
        return self._context

    def done(self) -> bool:
        """Whether the coroutine has ended."""
        return self._outcome.done()

    def cancelled(self) -> bool:
        """Whether it ended by cancellation."""
        return self._outcome.cancelled()

    def result(self) -> Any:
        """What the coroutine returned, or raise what it raised."""
        return self._outcome.result()

    def exception(self) -> BaseException | None:
        """What the coroutine raised."""
        return self._outcome.exception()

    def add_done_callback(self, callback: Callable[[Any], Any], *, context: contextvars.Context | None = None) -> None:
        """Call ``callback(self)`` through the loop once the task is done."""
        self._outcome.add_done_callback(_Callback(callback, self), context=context)

    def remove_done_callback(self, callback: Callable[[Any], Any]) -> int:
        """Take a callback back; how many were removed."""
        return self._outcome.remove_done_callback(_Callback(callback, self))

    def cancel(self, msg: Any = None) -> bool:
        """Ask the coroutine to end with CancelledError at its next step."""
        if self.done():
            return False
        self._cancel_requests += 1
        self._cancel_message = msg
        if self._waits_for is None or not self._waits_for.cancel(msg=msg):
            self._cancel_at_next_step = True
        return True

    def cancelling(self) -> int:
        """How many requests to cancel are not taken back."""
        return self._cancel_requests

    def uncancel(self) -> int:
        """Take one request to cancel back; how many are left."""
        if self._cancel_requests:
            self._cancel_requests -= 1
            if self._cancel_requests == 0:
                self._cancel_at_next_step = False
        return self._cancel_requests

    def _make_cancelled_error(self) -> asyncio.CancelledError:
        message = self._cancel_message
        return asyncio.CancelledError() if message is None else asyncio.CancelledError(message)

    def __await__(self) -> Generator[Any, None, Any]:
        if not self.done():
            self._asyncio_future_blocking = True
            yield self
        return self.result()

    __iter__ = __await__

    # How it runs.

    def _start(self) -> None:
        self._loop.call_soon(self._step, context=self._context)

    def _step(self, error: BaseException | None = None) -> None:
        if self.done():
            return
        if self._cancel_at_next_step:
            self._cancel_at_next_step = False
            if not isinstance(error, asyncio.CancelledError):
                error = self._make_cancelled_error()
        self._waits_for = None
        self._enter()
        try:
            awaited = self._coroutine.throw(error) if error is not None else self._coroutine.send(None)
        except StopIteration as stop:
            self._farewell()
            self._outcome.set_result(stop.value)
        except asyncio.CancelledError:
            self._farewell()
            self._outcome.cancel(self._cancel_message)
        except (KeyboardInterrupt, SystemExit) as fatal:
            self._farewell()
            self._outcome.set_exception(fatal)
            raise
        except BaseException as failure:
            self._farewell()
            self._outcome.set_exception(failure)
        else:
            self._wait_for(awaited)
        finally:
            self._leave()

    def _wait_for(self, awaited: Any) -> None:
        if awaited is None:  # a bare yield, as asyncio.sleep(0) makes
            self._loop.call_soon(self._step, context=self._context)
            return
        if not getattr(awaited, "_asyncio_future_blocking", False):
            bad_yield = RuntimeError(f"{self!r} got bad yield: {awaited!r}")
            self._loop.call_soon(self._step, bad_yield, context=self._context)
            return
        awaited._asyncio_future_blocking = False
        awaited.add_done_callback(self._wake, context=self._context)
        self._waits_for = awaited
        if self._cancel_at_next_step and awaited.cancel(msg=self._cancel_message):
            self._cancel_at_next_step = False

    def _wake(self, awaited: Any) -> None:
        try:
            awaited.result()
        except BaseException as error:
            self._step(error)
        else:
            self._step()


class ForeignTask(SilentForeignTask):
    """A complete task that is not an asyncio.Task, registered as the documentation asks."""

    def _hello(self) -> None:
        asyncio._register_task(self)  # type: ignore[arg-type]

    def _enter(self) -> None:
        asyncio._enter_task(self._loop, self)  # type: ignore[arg-type]

    def _leave(self) -> None:
        asyncio._leave_task(self._loop, self)  # type: ignore[arg-type]

    def _farewell(self) -> None:
        asyncio._unregister_task(self)  # type: ignore[arg-type]


class EagerForeignTask(ForeignTask):
    """A foreign task whose first step runs in its constructor, inside a running loop, as asyncio's eager tasks do.

    Python 3.12 and later.
    """

    _first_step = False

    def _hello(self) -> None: ...

    def _start(self) -> None:
        previous = asyncio.tasks._swap_current_task(self._loop, self)  # type: ignore[attr-defined]
        asyncio.tasks._register_eager_task(self)  # type: ignore[attr-defined]
        self._first_step = True
        try:
            self._context.run(self._step)
        finally:
            self._first_step = False
            asyncio.tasks._unregister_eager_task(self)  # type: ignore[attr-defined]
            asyncio.tasks._swap_current_task(self._loop, previous)  # type: ignore[attr-defined]
            if not self.done():
                asyncio._register_task(self)  # type: ignore[arg-type]

    def _enter(self) -> None:
        if not self._first_step:
            super()._enter()

    def _leave(self) -> None:
        if not self._first_step:
            super()._leave()


class _Callback:
    """A done callback of a foreign task: called with the task, equal to another of the same function."""

    def __init__(self, function: Callable[[Any], Any], task: Any) -> None:
        self._function, self._task = function, task

    def __call__(self, outcome: asyncio.Future[Any]) -> None:
        self._function(self._task)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Callback) and other._function == self._function

    def __hash__(self) -> int:
        return hash(self._function)
