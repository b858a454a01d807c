"""Descriptors to watch: pairs of sockets, pipes and terminals, whose watchers go with the check."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

from loopcheck.kit.bench import Bench, Trace, tool
from loopcheck.kit.net import Board
from loopcheck.kit.turns import pass_turns


class Calls(Trace):
    """A trace of the calls of a callback, which can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._board = Board()

    def __call__(self, *arguments: Any) -> None:
        super().__call__(*arguments)
        self._board.changed()

    async def after(self, number: int, patience: float) -> list[Any]:
        """Wait until it was called so many times, at least; all the calls so far.

        Raises:
            AssertionError: it was not, in ``patience`` seconds.
        """
        __tracebackhide__ = True
        what = f"the callback is called {number} time{'s' * (number > 1)}"
        await self._board.wait(lambda: len(self) >= number, patience, lambda: f"{what}; its calls were {list(self)}")
        return list(self)


@tool
def calls(bench: Bench) -> Iterator[Calls]:
    """A callback that keeps the arguments of its calls; ``await calls.after(2, patience)`` waits for the second."""
    yield Calls()


class Descriptors:
    """Makes descriptors; in the end the loop watches none of them any more, and all are closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._stack = contextlib.ExitStack()
        self._numbers: set[int] = set()

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Two connected stream sockets, both non-blocking."""
        pair = socket.socketpair()
        for sock in pair:
            sock.setblocking(False)
            self.keep(sock)
        return pair

    def udp(self) -> socket.socket:
        """A non-blocking UDP socket, bound to 127.0.0.1."""
        sock = self.keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        return sock

    def pipe(self) -> tuple[int, int]:
        """The reading and the writing end of a pipe, both non-blocking, as numbers.

        They are closed here alone, so that a number is never closed that means something else by then: to close one
        earlier, use :meth:`close`.
        """
        ends = os.pipe()
        for end in ends:
            os.set_blocking(end, False)
            self._stack.callback(self._put_away, end)
        self._numbers.update(ends)
        return ends

    def terminal(self) -> tuple[int, int]:
        """The two sides of a pseudo-terminal, as numbers: the program's that controls it, and the terminal itself."""
        sides = os.openpty()
        for side in sides:
            os.set_blocking(side, False)
            self._stack.callback(self._put_away, side)
        self._numbers.update(sides)
        return sides

    def keep(self, sock: socket.socket) -> socket.socket:
        """Close this socket in the end, too."""
        self._stack.callback(self._put_away_socket, sock, sock.fileno())
        return sock

    def another(self, sock: socket.socket, number: int) -> socket.socket:
        """The same socket under this number as well, which must be free."""
        return self.keep(socket.socket(fileno=os.dup2(sock.fileno(), number)))

    def close(self, number: int) -> None:
        """Close a number of a pipe or a terminal."""
        self._numbers.discard(number)
        os.close(number)

    def put_away(self) -> None:
        """Close all."""
        self._stack.close()

    def _put_away(self, number: int) -> None:
        if number in self._numbers:
            self._unwatch(number)
            self.close(number)

    def _put_away_socket(self, sock: socket.socket, number: int) -> None:
        if sock.fileno() == number:
            self._unwatch(number)
        sock.close()

    def _unwatch(self, number: int) -> None:
        # How removing may fail is for checks of its own.
        for remove in (self._loop.remove_reader, self._loop.remove_writer):
            with contextlib.suppress(Exception):
                remove(number)


@tool
def descriptors(bench: Bench) -> Iterator[Descriptors]:
    """What makes descriptors that ``loop`` is to watch: ``descriptors.pair()``, ``descriptors.pipe()`` and so on."""
    made = Descriptors(bench.tool("loop"))
    yield made
    made.put_away()


def fill(sock: socket.socket) -> int:
    """Send on a non-blocking socket until the kernel takes no more; how many bytes it took."""
    number, chunk = 0, bytes(2**16)
    with contextlib.suppress(BlockingIOError):
        while True:
            number += sock.send(chunk)
    return number


def drain(sock: socket.socket) -> int:
    """Read all that waits in a non-blocking socket; how many bytes it was."""
    number = 0
    with contextlib.suppress(BlockingIOError):
        while data := sock.recv(2**20):
            number += len(data)
    return number


def fill_pipe(end: int) -> int:
    """Write to a non-blocking pipe until the kernel takes no more; how many bytes it took."""
    number, chunk = 0, bytes(2**16)
    with contextlib.suppress(BlockingIOError):
        while True:
            number += os.write(end, chunk)
    return number


async def noticed(patience: float) -> None:
    """Wait until the running loop has looked at all descriptors that are ready now, and two turns longer.

    It has when it reports one that became ready last: that is the positive thing on which "is not called" can end.

    Raises:
        AssertionError: it does not report that one.
    """
    __tracebackhide__ = True
    loop = asyncio.get_running_loop()
    seen = Calls()
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        loop.add_reader(near.fileno(), seen, "ready")
        try:
            far.send(b"x")
            await seen.after(1, patience)
        finally:
            loop.remove_reader(near.fileno())
        await pass_turns(2)


def duplicate(sock: socket.socket, at_least: int) -> int:
    """Another descriptor of the socket, a number no smaller than this; to be closed by the caller.

    Raises:
        OSError: the process may not have one.
    """
    import fcntl  # which Windows does not have

    return fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, at_least)


@contextlib.contextmanager
def many_allowed(number: int) -> Iterator[None]:
    """In the block the process may have descriptors up to this number."""
    import resource  # which Windows does not have

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[0] not in (resource.RLIM_INFINITY,) and before[0] < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def closed_number() -> int:
    """A number that is no open descriptor: of a socket that was just closed."""
    with socket.socket() as sock:
        return sock.fileno()
