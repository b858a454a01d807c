"""Plain sockets for the sock_* methods, and tasks that wait for what happens to them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from loopcheck.kit.turns import pass_turns
from loopcheck.kit.wait import in_time

T = TypeVar("T")

_PIECE = bytes(2**12)


@contextlib.contextmanager
def stream(family: int = socket.AF_INET) -> Iterator[socket.socket]:
    """A stream socket that is not connected yet; non-blocking."""
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        yield sock


@contextlib.contextmanager
def datagram_pair(patience: float) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two UDP sockets on 127.0.0.1: a non-blocking one for the subject, and a blocking one."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
    ):
        for sock in (near, far):
            sock.bind(("127.0.0.1", 0))
        near.setblocking(False)
        far.settimeout(patience)
        yield near, far


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    """A TCP socket that listens on 127.0.0.1, non-blocking: for sock_accept()."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        yield sock


@contextlib.contextmanager
def crowded(host: str = "127.0.0.1", port: int = 0) -> Iterator[socket.socket]:
    """A TCP socket whose queue is full: who connects to it now must wait."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((host, port), family=family, backlog=0))
        for _ in range(4):  # the first is queued, and the others stand in the way of those who come after them
            sock = stack.enter_context(stream(family))
            sock.connect_ex(listener.getsockname())
        yield listener


def fill_up(sock: socket.socket) -> int:
    """Send on a non-blocking socket, whose peer does not read, until the kernel takes no more; how many bytes.

    Not a single byte more: small pieces may find room where large ones do not.
    """
    sent = 0
    for size in (len(_PIECE), 1):
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += sock.send(_PIECE[:size])
    return sent


async def outcome_of(awaitable: Awaitable[T]) -> T:
    """Await it: makes a coroutine for a task of whatever a method has returned."""
    return await awaitable


async def beginning(spawn: Callable[..., asyncio.Task[T]], awaitable: Awaitable[T]) -> asyncio.Task[T]:
    """A task, made by the tool "spawn", that awaits what a method has returned, and by now waits as long as it has to.

    Raises:
        Exception: what it raised at once.
    """
    __tracebackhide__ = True
    task = spawn(outcome_of(awaitable))
    await pass_turns(5)
    if task.done():
        task.result()
    return task


async def cancelled(task: asyncio.Task[Any], patience: float) -> str:
    """Cancel a task that waits, and give the loop the turns to clear up; how the task ended: "CancelledError"."""
    if task.done():
        return "it did not wait"
    task.cancel()
    if not await in_time(task, patience):
        return "it still waits"
    await pass_turns(2)
    if task.cancelled():
        return "CancelledError"
    return repr(task.exception() or task.result())
