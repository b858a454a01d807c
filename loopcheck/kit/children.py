"""Child processes of the subject, and what happens to them: tiny ones, which a check can end.

The children are tools that every POSIX machine has, since they start in a millisecond: ``cat`` is one that waits, and
ends with its input; ``sh -c`` does the rest. What starts one here is a context manager that ends it too::

    async with child(loop, patience, "cat") as (transport, protocol):
        transport.get_pipe_transport(0).write(b"hello")
        await protocol.has_output(1, b"hello", patience)

``child()`` is about ``loop.subprocess_exec()`` and the protocol's callbacks, ``process()`` about
``asyncio.create_subprocess_exec()``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from loopcheck.kit.net import Watcher, putting_away
from loopcheck.kit.wait import soon

FOREVER = ("sleep", "600")
"""A child that ends by a signal alone."""


class Child(Watcher, asyncio.SubprocessProtocol):
    """A protocol of a child process that records what happens.

    Args:
        react: functions to call in a callback, by its name, with the protocol as argument.
    """

    def __init__(self, **react: Callable[[Any], Any]) -> None:
        super().__init__(lambda: None, **react)
        self.events: list[str] = []
        """What was called, in order; a pipe's callbacks with its number, and data once for several in a row."""
        self.output: dict[int, bytes] = {}
        """What came from the pipes, by number."""
        self.pipes_lost: dict[int, BaseException | None] = {}
        """What pipe_connection_lost() got, by number."""

    def note(self, callback: str) -> None:
        """Record one callback, react to it, and wake who waits for it."""
        self._event(callback)
        super().note(callback)

    def _event(self, name: str) -> None:
        if not self.events or self.events[-1] != name or "data" not in name:
            self.events.append(name)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.output[fd] = self.output.get(fd, b"") + data
        self._event(f"data of {fd}")
        super().note("pipe_data_received")

    def pipe_connection_lost(self, fd: int, exc: BaseException | None) -> None:
        self.pipes_lost[fd] = exc
        self._event(f"pipe {fd} lost")
        super().note("pipe_connection_lost")

    def process_exited(self) -> None:
        self.note("process_exited")

    async def has_output(self, fd: int, data: bytes, patience: float) -> None:
        """Wait until a pipe has brought as many bytes as these, at least.

        Raises:
            AssertionError: it has not, in ``patience`` seconds.
        """
        __tracebackhide__ = True
        await self.board.wait(
            lambda: len(self.output.get(fd, b"")) >= len(data),
            patience,
            lambda: f"pipe_data_received({fd}, ...) brings {data[:80]!r}; it brought {self.output.get(fd, b'')[:80]!r}",
        )

    async def has_lost(self, fd: int, patience: float) -> None:
        """Wait for pipe_connection_lost() of one pipe."""
        __tracebackhide__ = True
        await self.board.wait(lambda: fd in self.pipes_lost, patience, f"pipe_connection_lost({fd}, ...) is called")


@contextlib.asynccontextmanager
async def child(
    loop: asyncio.AbstractEventLoop,
    patience: float,
    *command: Any,
    factory: Callable[[], Any] = Child,
    **options: Any,
) -> AsyncIterator[tuple[Any, Any]]:
    """A child that subprocess_exec() starts; the block gets its transport and protocol.

    After the block the transport is closed, which kills the child, and connection_lost() is waited for.
    """
    __tracebackhide__ = True
    transport, protocol = await soon(
        loop.subprocess_exec(factory, *command, **options), patience, "subprocess_exec() returns"
    )
    async with _ending(transport, protocol, patience):
        yield transport, protocol


@contextlib.asynccontextmanager
async def shell(
    loop: asyncio.AbstractEventLoop, patience: float, line: Any, factory: Callable[[], Any] = Child, **options: Any
) -> AsyncIterator[tuple[Any, Any]]:
    """As :func:`child`, for subprocess_shell()."""
    __tracebackhide__ = True
    transport, protocol = await soon(
        loop.subprocess_shell(factory, line, **options), patience, "subprocess_shell() returns"
    )
    async with _ending(transport, protocol, patience):
        yield transport, protocol


def _ending(transport: Any, protocol: Any, patience: float) -> contextlib.AbstractAsyncContextManager[None]:
    async def close() -> None:
        __tracebackhide__ = True
        transport.close()
        await protocol.until("connection_lost", patience)

    return putting_away(close)


async def completed(
    loop: asyncio.AbstractEventLoop, patience: float, *command: Any, input: bytes = b"", **options: Any
) -> Any:
    """Start a child with subprocess_exec(), give it the input, wait for its end; the protocol.

    ``protocol.status`` is then what get_returncode() says.
    """
    __tracebackhide__ = True
    async with child(loop, patience, *command, **options) as (transport, protocol):
        return await _completed(transport, protocol, input, patience)


async def completed_shell(
    loop: asyncio.AbstractEventLoop, patience: float, line: Any, input: bytes = b"", **options: Any
) -> Any:
    """As :func:`completed`, for subprocess_shell()."""
    __tracebackhide__ = True
    async with shell(loop, patience, line, **options) as (transport, protocol):
        return await _completed(transport, protocol, input, patience)


async def _completed(transport: Any, protocol: Any, input: bytes, patience: float) -> Any:
    __tracebackhide__ = True
    stdin = transport.get_pipe_transport(0)
    if stdin is not None:
        if input:
            stdin.write(input)
        stdin.close()
    await protocol.until("connection_lost", patience)
    protocol.status = transport.get_returncode()
    return protocol


@contextlib.asynccontextmanager
async def process(patience: float, *command: Any, line: Any = None, **options: Any) -> AsyncIterator[Any]:
    """A child that create_subprocess_exec() starts, or create_subprocess_shell() with ``line``; the block gets it.

    After the block it is killed unless it has ended, and waited for.
    """
    __tracebackhide__ = True
    if line is None:
        made = await soon(
            asyncio.create_subprocess_exec(*command, **options), patience, "create_subprocess_exec() returns"
        )
    else:
        made = await soon(
            asyncio.create_subprocess_shell(line, **options), patience, "create_subprocess_shell() returns"
        )

    async def close() -> None:
        __tracebackhide__ = True
        if made.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                made.kill()
        await soon(made.communicate(), patience, "communicate() returns after the child was killed")

    async with putting_away(close):
        yield made


def children_of_this_process() -> bool:
    """Whether this process has any child, running or to be waited for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def is_reaped(pid: int) -> bool:
    """Whether this is no child of this process any more: it has ended, and its status was fetched."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


@contextlib.contextmanager
def pipe() -> Iterator[tuple[Any, Any]]:
    """The reading and the writing end of a pipe, as unbuffered files; closed after the block if they are not yet."""
    reading, writing = os.pipe()
    with _file(reading, "rb") as near, _file(writing, "wb") as far:
        yield near, far


@contextlib.contextmanager
def _file(descriptor: int, mode: str) -> Iterator[Any]:
    file = open(descriptor, mode, buffering=0)  # noqa: SIM115  # closing it may fail, see below
    try:
        yield file
    finally:
        with contextlib.suppress(OSError):  # a loop may have closed the descriptor, and not the file
            file.close()


@contextlib.contextmanager
def held_by_grandchild(what: str) -> Iterator[tuple[str, Any, Callable[[], None]]]:
    """A shell's command line that leaves a grandchild, which holds all pipes that it inherits, and ends with ``what``.

    The block gets the command line; the file to give as stdin; and a function that lets the grandchild end. It ends
    with this process, too.
    """
    with pipe() as (reading, writing):
        yield f"exec 3<&0; cat <&3 & {what}", reading, writing.close
