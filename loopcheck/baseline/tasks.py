"""A task of our own: a coroutine, driven by the loop, that asyncio's functions take for one of theirs.

The facts about the world: a coroutine is a generator.  ``send()`` runs it up to its next wait, at which it yields the
future that it waits for, or None for "later"; its end is an exception.
What follows: a task is a loop around ``send()``, of which each round is one callback.

What asyncio must be told is documented at https://docs.python.org/3/library/asyncio-extending.html:

``_register_task()``, ``_unregister_task()``
    For ``all_tasks()``.  Those that are done are left out in any case.
``_enter_task()``, ``_leave_task()``
    Around each round, for ``current_task()``; nested rounds are refused.
``_swap_current_task()``, ``_register_eager_task()``, ``_unregister_eager_task()``
    From 3.12 on: the same for an eager first round, which runs inside somebody else's.

The result, the callbacks and the log of an exception that nobody saw are ``asyncio.Future``'s.
``create_task()`` must return an ``asyncio.Task``: that is documented, and programs ask.
So ours derives from it, too, and takes nothing from it: its constructor, which would start a task of asyncio's, is
not called, and every method is ours or ``Future``'s.
The price is paid by ``python -m asyncio ps``, from 3.14 on: it reads asyncio's own fields from the memory of the
process, where no Python class can put them, and finds tasks with a name and without a stack.

``loopcheck.kit.foreign`` has another task, and neither is made of the other: that one measures subjects, of which
this one is a part, and a fault that both had would be seen by nobody.
It also derives from nothing of asyncio's, on purpose.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
from asyncio import base_tasks, tasks
from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from .loop import SelectorLoop
from .versions import CREATE_TASK_TAKES_ANYTHING, UNCANCEL_FORGETS

_names = itertools.count(1)

# From 3.14 on: who waits for whom, for those who print the tasks of a program.
_note_waiting = getattr(asyncio, "future_add_to_awaited_by", lambda awaited, waiter: None)
_forget_waiting = getattr(asyncio, "future_discard_from_awaited_by", lambda awaited, waiter: None)


class Task(asyncio.Task[Any]):
    """A coroutine that the loop runs.

    The names that begin with ``_`` are those of asyncio's own, where others read them: ``gather()``, debuggers, and
    the functions of ``base_tasks`` that describe a task.
    """

    if TYPE_CHECKING:
        _source_traceback: list[Any] | None

    # On once it has begun; run_until_complete() switches it off for a task that an exception leaves behind.
    _log_destroy_pending = False
    _coro: Coroutine[Any, Any, Any] | None = None
    # Invariants, while it is not done: between two rounds, either the next one is scheduled, or _fut_waiter will
    # schedule it.  _must_cancel is set only if the next round is scheduled or under way.
    _fut_waiter: Any = None
    _must_cancel = False
    _num_cancels_requested = 0
    _cancelled_exc: asyncio.CancelledError | None = None

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any],
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        name: object = None,
        context: Context | None = None,
        eager_start: bool | None = False,
    ) -> None:
        """Run *coro* in *context*: its first round soon, or with *eager_start* right now if the loop runs."""
        asyncio.Future.__init__(self, loop=loop)
        if self._source_traceback:
            del self._source_traceback[-1]
        if not asyncio.iscoroutine(coro):
            raise TypeError(f"a coroutine was expected, got {coro!r}")
        if context is not None and not isinstance(context, Context):
            raise TypeError(f"a contextvars.Context was expected, got {type(context).__name__}")
        self.set_name(f"Task-{next(_names)}" if name is None else name)
        self._coro = coro
        self._context = copy_context() if context is None else context
        if eager_start and self.get_loop().is_running():
            self._start_now()
        else:
            self._step_soon()
            tasks._register_task(self)
        self._log_destroy_pending = True

    def __del__(self) -> None:
        if self._log_destroy_pending and not self.done():
            report = {"task": self, "message": "Task was destroyed but it is pending!"}
            if self._source_traceback:
                report["source_traceback"] = self._source_traceback
            self.get_loop().call_exception_handler(report)
        super().__del__()

    def __repr__(self) -> str:
        return base_tasks._task_repr(self)

    # --- what others ask

    def get_coro(self) -> Coroutine[Any, Any, Any] | None:
        """The coroutine; None once an eager one has ended in its first round."""
        return self._coro

    def get_context(self) -> Context:
        """The context that it runs in."""
        return self._context

    def get_name(self) -> str:
        """Its name, "Task-" and a number unless it was given one."""
        return self._name

    def set_name(self, value: object) -> None:
        """Change its name."""
        self._name = str(value)
        # The one field of asyncio's own that can be set: without a name, "asyncio ps" would give up altogether.
        super().set_name(self._name)

    def get_stack(self, *, limit: int | None = None) -> list[Any]:
        """The frames of the coroutine where it waits, or of the traceback that it ended with."""
        return base_tasks._task_get_stack(self, limit)

    def print_stack(self, *, limit: int | None = None, file: Any = None) -> None:
        """Print get_stack() to *file*, standard error unless given."""
        base_tasks._task_print_stack(self, limit, file)

    def set_result(self, result: object) -> None:
        """Refuse: the coroutine has the result."""
        raise RuntimeError("Task does not support set_result operation")

    def set_exception(self, exception: object) -> None:
        """Refuse."""
        raise RuntimeError("Task does not support set_exception operation")

    def result(self) -> Any:
        """What the coroutine returned; raises what it raised."""
        if self.cancelled():
            raise self._make_cancelled_error()
        return asyncio.Future.result(self)

    def exception(self) -> BaseException | None:
        """What the coroutine raised, or None."""
        if self.cancelled():
            raise self._make_cancelled_error()
        return asyncio.Future.exception(self)

    def __await__(self) -> Generator[Any, None, Any]:
        # asyncio.Future's goes round result(), and with it round the very CancelledError that ended the coroutine.
        if not self.done():
            self._asyncio_future_blocking = True
            yield self
        if not self.done():
            raise RuntimeError("await wasn't used with future")
        return self.result()

    __iter__ = __await__

    def _make_cancelled_error(self) -> asyncio.CancelledError:
        """The one that ended the coroutine, for the first who asks: kept longer, its traceback would be a cycle."""
        error, self._cancelled_exc = self._cancelled_exc, None
        return asyncio.Future._make_cancelled_error(self) if error is None else error  # type: ignore[attr-defined]

    # --- cancelling

    def cancel(self, msg: Any = None) -> bool:
        """Throw CancelledError into the coroutine, in its next round; False if it has ended.

        What it makes of it is the coroutine's affair.
        """
        self._log_traceback = False
        if self.done():
            return False
        self._num_cancels_requested += 1
        # What it waits for stays noted if that can be cancelled: it may be a task that ignores it, and be asked again.
        if self._fut_waiter is None or not self._fut_waiter.cancel(msg=msg):
            self._must_cancel = True
            self._cancel_message = msg
        return True

    def cancelling(self) -> int:
        """How many calls of cancel() no uncancel() took back."""
        return self._num_cancels_requested

    def uncancel(self) -> int:
        """Take one cancel() back; how many are left."""
        if self._num_cancels_requested:
            self._num_cancels_requested -= 1
            if not self._num_cancels_requested and UNCANCEL_FORGETS:
                self._must_cancel = False
        return self._num_cancels_requested

    # --- running

    def _step_soon(self, exc: BaseException | None = None) -> None:
        self.get_loop().call_soon(self._step, exc, context=self._context)

    def _start_now(self) -> None:
        """Run the first round inside of whatever runs now; a coroutine that never waits is done with it."""
        loop = self.get_loop()
        running = tasks._swap_current_task(loop, self)  # type: ignore[attr-defined]
        tasks._register_eager_task(self)  # type: ignore[attr-defined]
        try:
            self._context.run(self._round, None)
        finally:
            tasks._unregister_eager_task(self)  # type: ignore[attr-defined]
            tasks._swap_current_task(loop, running)  # type: ignore[attr-defined]
            if self.done():
                self._coro = None
            else:
                tasks._register_task(self)
            self = None  # type: ignore[assignment]  # As everywhere below: an exception may refer to the frame.

    def _step(self, exc: BaseException | None = None) -> None:
        """One round, as a callback."""
        if self._must_cancel:
            self._must_cancel = False
            if not isinstance(exc, asyncio.CancelledError):
                exc = self._make_cancelled_error()
        self._fut_waiter = None
        loop = self.get_loop()
        tasks._enter_task(loop, self)
        try:
            self._round(exc)
        finally:
            tasks._leave_task(loop, self)
            self = exc = None  # type: ignore[assignment]

    def _round(self, exc: BaseException | None) -> None:
        """Run the coroutine up to its next wait, or its end."""
        assert self._coro is not None
        try:
            awaited = self._coro.send(None) if exc is None else self._coro.throw(exc)
        except StopIteration as stop:
            if self._must_cancel:
                # Cancelled in its last round, and nothing left to throw it into.
                self._must_cancel = False
                asyncio.Future.cancel(self, msg=self._cancel_message)
            else:
                asyncio.Future.set_result(self, stop.value)
        except asyncio.CancelledError as cancelled:
            self._cancelled_exc = cancelled
            asyncio.Future.cancel(self)
        except (KeyboardInterrupt, SystemExit) as fatal:
            asyncio.Future.set_exception(self, fatal)
            raise
        except BaseException as failure:
            asyncio.Future.set_exception(self, failure)
        else:
            self._wait_for(awaited)
        finally:
            if self.done():
                tasks._unregister_task(self)
            self = exc = None  # type: ignore[assignment]

    def _wait_for(self, awaited: Any) -> None:
        """Have the next round run when *awaited* says so; what cannot be awaited is thrown back in it."""
        if awaited is None:  # a bare yield, as asyncio.sleep(0) makes
            self._step_soon()
        elif (problem := self._problem_with(awaited)) is not None:
            self._step_soon(RuntimeError(problem))
        else:
            _note_waiting(awaited, self)
            # Tells "yield from" of a future, which sets it, from a "yield".
            awaited._asyncio_future_blocking = False
            awaited.add_done_callback(self._wake, context=self._context)
            self._fut_waiter = awaited
            if self._must_cancel and awaited.cancel(msg=self._cancel_message):
                self._must_cancel = False

    def _problem_with(self, awaited: Any) -> str | None:
        """Why the coroutine cannot wait for *awaited*, or None if it can."""
        blocking = getattr(awaited, "_asyncio_future_blocking", None)
        if blocking is None:
            if inspect.isgenerator(awaited):
                return f"yield was used instead of yield from for generator in task {self!r} with {awaited!r}"
            return f"Task got bad yield: {awaited!r}"
        if _loop_of(awaited) is not self.get_loop():
            return f"Task {self!r} got Future {awaited!r} attached to a different loop"
        if not blocking:
            return f"yield was used instead of yield from in task {self!r} with {awaited!r}"
        if awaited is self:
            return f"Task cannot await on itself: {self!r}"
        return None

    def _wake(self, awaited: Any) -> None:
        """Go on: what the coroutine waited for is done."""
        _forget_waiting(awaited, self)
        try:
            awaited.result()
        except BaseException as exc:
            del awaited  # It holds the exception, which refers to this frame.
            self._step(exc)
        else:
            self._step()  # The coroutine fetches the result itself.
        self = None  # type: ignore[assignment]


def _loop_of(awaited: Any) -> object:
    """The loop of a future, which may be of another make, and older than get_loop()."""
    return awaited.get_loop() if hasattr(awaited, "get_loop") else awaited._loop


class SelectorLoopWithOwnTasks(SelectorLoop):
    """The bundled loop, with tasks that are not asyncio's either."""

    def create_task(self, coro: Any, **options: Any) -> Any:
        """Run *coro* as a ``Task``, or as what the task factory makes of it.

        *options* are those of the running Python's own: ``name``, ``context``, and ``eager_start`` where it has that.
        """
        if self.get_task_factory() is not None:
            return super().create_task(coro, **options)
        self._check_closed()
        if not CREATE_TASK_TAKES_ANYTHING and (wrong := options.keys() - {"name", "context"}):
            raise TypeError(f"create_task() got an unexpected keyword argument {wrong.pop()!r}")
        task = Task(coro, loop=self, **options)
        if task._source_traceback:
            del task._source_traceback[-1]
        return task
