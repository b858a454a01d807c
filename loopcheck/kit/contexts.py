"""Context variables, and what callbacks see of them."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import signal
from collections.abc import Callable, Iterator
from typing import Any

from loopcheck.kit.bench import Bench, tool
from loopcheck.kit.net import Board


@tool
def var(bench: Bench) -> Iterator[contextvars.ContextVar[Any]]:
    """A context variable of this check alone; its value is "unset" until the check sets it."""
    variable: contextvars.ContextVar[Any] = contextvars.ContextVar("var", default="unset")
    token = variable.set("unset")
    yield variable
    with contextlib.suppress(ValueError):  # a subject may have left another context entered
        variable.reset(token)


def context_with(variable: contextvars.ContextVar[Any], value: Any) -> contextvars.Context:
    """A copy of the current context in which the variable has this value."""
    context = contextvars.copy_context()
    context.run(variable.set, value)
    return context


class Lookout:
    """A callback that looks around when it is called, and keeps what it saw under the name it is called with.

    Args:
        look: what to do at each call; what it returns is kept.
    """

    def __init__(self, look: Callable[[], Any]) -> None:
        self._look = look
        self._board = Board()
        self.seen: dict[Any, Any] = {}
        """What was seen, by name, in the order of the calls."""

    def __call__(self, name: Any, *ignored: Any) -> None:
        self.seen[name] = self._look()
        self._board.changed()

    async def after(self, number: int, patience: float) -> dict[Any, Any]:
        """Wait until it was called under this many names, and return what it saw.

        Raises:
            AssertionError: it was not, in ``patience`` seconds.
        """
        __tracebackhide__ = True
        await self._board.wait(
            lambda: len(self.seen) >= number,
            patience,
            lambda: f"{number} callbacks run; those that did: {', '.join(map(str, self.seen)) or 'none'}",
        )
        return self.seen


@contextlib.contextmanager
def handling(
    loop: asyncio.AbstractEventLoop, number: signal.Signals, callback: Callable[..., Any], *arguments: Any
) -> Iterator[None]:
    """Let the loop handle a signal in the block; a signal that goes astray kills nobody, and the handler goes."""
    before = signal.signal(number, lambda *ignored: None)
    try:
        loop.add_signal_handler(number, callback, *arguments)
        try:
            yield
        finally:
            with contextlib.suppress(Exception):
                loop.remove_signal_handler(number)
    finally:
        signal.signal(number, before)
