"""Tasks that a check makes in passing, and forgets about."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from loopcheck.kit.bench import Bench, tool
from loopcheck.kit.tasking import end_tasks


@tool
def spawn(bench: Bench) -> Iterator[Callable[..., Any]]:
    """``loop.create_task()`` with its options; after the check the task is cancelled and ended.

    What the task raised counts as retrieved, and a coroutine that it has not finished is closed.
    """
    loop: asyncio.AbstractEventLoop = bench.tool("loop")
    made: list[Any] = []
    coroutines: list[Any] = []

    def make(coroutine: Coroutine[Any, Any, Any], **options: Any) -> Any:
        coroutines.append(coroutine)
        task = loop.create_task(coroutine, **options)
        made.append(task)
        return task

    try:
        yield make
    finally:
        for task in made:
            # A task class of the subject may fail at anything here; the check has said what it had to say.
            with contextlib.suppress(Exception):
                end_tasks(loop, task)
            with contextlib.suppress(Exception, asyncio.CancelledError):
                task.exception()
        for coroutine in coroutines:
            with contextlib.suppress(Exception):
                coroutine.close()


def report_to(loop: asyncio.AbstractEventLoop, take: Callable[[dict[str, Any]], Any]) -> None:
    """Give what the loop's exception handler is told to a function.

    Whatever else the loop calls its handler with: how it calls it is another area's.
    """
    loop.set_exception_handler(lambda *arguments: take(arguments[-1]))


@tool
def reports(bench: Bench) -> Iterator[list[dict[str, Any]]]:
    """What the loop told its exception handler, for checks that do not mind how it called it; the loop is ``loop``."""
    kept: list[dict[str, Any]] = []
    report_to(bench.tool("loop"), kept.append)
    yield kept


def forward(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
    """A task factory that makes asyncio's own tasks, and hands on what it is given."""
    return asyncio.Task(coroutine, loop=loop, **options)
