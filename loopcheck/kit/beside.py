"""The same work in several threads at once, each with a loop of its own if it wants."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from loopcheck.kit.bench import LoopFactory
from loopcheck.kit.wait import Errand


def side_by_side(number: int, work: Callable[[threading.Barrier], Any], patience: float) -> list[Any]:
    """Call a function in several threads at once; what it returned in each.

    It is given a barrier that lets nobody pass before all have come: ``meeting.wait(patience)``.

    Raises:
        AssertionError: a thread did not end.
        Exception: what the function raised in one of them.
    """
    __tracebackhide__ = True
    meeting = threading.Barrier(number)

    def attend() -> Any:
        try:
            return work(meeting)
        except BaseException:
            meeting.abort()  # the others need not wait
            raise

    errands = [Errand(attend) for _ in range(number)]
    for errand in errands:
        errand.start()
    for errand in errands:
        errand.join(2 * patience)
    results, broken = [], None
    for errand in errands:
        try:
            results.append(errand.result(patience))
        except threading.BrokenBarrierError as error:
            broken = error  # because another thread failed, or did not come
    if broken is not None:
        raise AssertionError("of the threads that were to meet, not all came") from broken
    return results


def in_loops(
    number: int,
    new_loop: LoopFactory,
    program: Callable[[threading.Barrier], Coroutine[Any, Any, Any]],
    patience: float,
) -> list[tuple[asyncio.AbstractEventLoop, Any]]:
    """Run a coroutine in several threads at once, each in a loop that is made and closed there.

    Returns:
        the loop and what the coroutine returned, for each.
    """
    __tracebackhide__ = True

    def work(meeting: threading.Barrier) -> tuple[asyncio.AbstractEventLoop, Any]:
        loop = new_loop()
        try:
            return loop, loop.run_until_complete(program(meeting))
        finally:
            loop.close()

    return side_by_side(number, work, patience)
