"""Tasks that wait until the check is over, and calls from plain callbacks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from loopcheck.kit.bench import Bench, tool
from loopcheck.kit.turns import turn

T = TypeVar("T")


async def wait_for_ever(loop: asyncio.AbstractEventLoop) -> None:
    """Wait until cancelled."""
    await loop.create_future()


def eager(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:
    """A task factory, for Python 3.12 and later: the first step of each task runs in create_task().

    Deaf to what the loop passes on: whether that suits asyncio.eager_task_factory is for other checks to say.
    """
    return asyncio.Task(coroutine, loop=loop, eager_start=True)


def end_tasks(loop: asyncio.AbstractEventLoop, *tasks: Any) -> None:
    """Cancel tasks of a loop that is not running, and give them a few turns to end."""
    waiting = [task for task in tasks if not task.done()]
    for task in waiting:
        task.cancel()
    for _ in range(20):
        if loop.is_closed() or all(task.done() for task in waiting):
            break
        turn(loop)


@contextlib.contextmanager
def ending(loop: asyncio.AbstractEventLoop) -> Iterator[list[Any]]:
    """Yield a list; the tasks that the block puts into it are cancelled and ended afterwards. The loop does not run."""
    tasks: list[Any] = []
    try:
        yield tasks
    finally:
        end_tasks(loop, *tasks)


@tool
def pending(bench: Bench) -> Iterator[Callable[[asyncio.AbstractEventLoop], asyncio.Task[None]]]:
    """A function that makes a task of the given loop that waits for ever; after the check it is cancelled and ended."""
    made: list[tuple[asyncio.AbstractEventLoop, Any]] = []

    def make(loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        task = loop.create_task(wait_for_ever(loop))
        made.append((loop, task))
        return task

    try:
        yield make
    finally:
        for loop, task in made:
            end_tasks(loop, task)


class _Call:
    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._function, self._arguments = function, arguments
        self.over = False
        self._value: Any = None
        self._error: BaseException | None = None
        self.notify: Callable[[], None] = lambda: None

    def __call__(self) -> None:
        try:
            self._value = self._function(*self._arguments)
        except BaseException as error:
            self._error = error
        self.over = True
        self.notify()

    def result(self) -> Any:
        if not self.over:
            raise AssertionError("a callback given to call_soon() did not run in the next turn")
        if self._error is not None:
            raise self._error
        return self._value


def from_callback(loop: asyncio.AbstractEventLoop, function: Callable[..., T], *arguments: Any) -> T:
    """Call a function from a plain callback of a loop that is not running; return or raise what it did."""
    __tracebackhide__ = True
    call = _Call(function, arguments)
    loop.call_soon(call)
    turn(loop)
    result: T = call.result()
    return result


async def called_back(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function from a plain callback of the running loop; return or raise what it did."""
    __tracebackhide__ = True
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    call = _Call(function, arguments)
    call.notify = lambda: over.set_result(None)
    loop.call_soon(call)
    await over
    result: T = call.result()
    return result
