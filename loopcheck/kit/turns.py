"""Order without sleeping: turns of a loop that is not running, and of the one that is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_BUSY_TURNS = 100
_BETWEEN_LOOKS = 0.001
"""Seconds."""


def turn(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop that is not running for one turn: what is queued now, and one look at I/O and timers."""
    loop.call_soon(loop.stop)
    loop.run_forever()


def turns(loop: asyncio.AbstractEventLoop, number: int) -> None:
    """Run a loop that is not running for several turns."""
    for _ in range(number):
        turn(loop)


async def pass_turns(number: int = 1) -> None:
    """Let the running loop make this many turns; needs nothing of the loop but call_soon()."""
    loop = asyncio.get_running_loop()
    for _ in range(number):
        turned = loop.create_future()
        loop.call_soon(_wake, turned)
        await turned


async def turns_until(holds: Callable[[], bool], patience: float, what: str) -> None:
    """Let the running loop make turns until a condition holds of which nobody tells: what a method says, or the system.

    Args:
        holds: the condition.
        patience: seconds to give it.
        what: what must happen, as a clause: "is_serving() is True".

    Raises:
        AssertionError: it did not come to hold.
    """
    __tracebackhide__ = True
    deadline = time.monotonic() + patience
    turns = 0
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"within {patience:.0f} s this did not happen: {what}")
        turns += 1
        if turns < _BUSY_TURNS:
            await pass_turns()
        else:
            await asyncio.sleep(_BETWEEN_LOOKS)  # other threads and processes need the processor too


def _wake(turned: asyncio.Future[None]) -> None:
    if not turned.done():
        turned.set_result(None)


def run_coroutine(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop that is not running, and close it also when the loop refuses it."""
    try:
        return loop.run_until_complete(coroutine)
    finally:
        coroutine.close()
