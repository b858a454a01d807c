"""Protocols that look around in every callback, and connections of the subject to peers that are none of it.

What opens something here is a context manager that also closes it, and waits until the subject has said so.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

from loopcheck.kit.bench import Bench, tool
from loopcheck.kit.wait import Errand, in_time, soon

T = TypeVar("T")


class Board:
    """Wakes those that wait for a condition; to be told when something has changed."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def changed(self) -> None:
        """Wake whose condition holds now."""
        for holds, waiter in self._waiting:
            if not waiter.done() and holds():
                waiter.set_result(None)

    async def wait(self, holds: Callable[[], bool], patience: float, what: str | Callable[[], str]) -> None:
        """Wait until the condition holds.

        Args:
            holds: the condition.
            patience: seconds to give it.
            what: what must happen, as a clause; or a function that says so when it did not.

        Raises:
            AssertionError: it did not come to hold.
        """
        __tracebackhide__ = True
        if holds():
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append((holds, waiter))
        if not await in_time(waiter, patience):
            waiter.cancel()
            raise AssertionError(
                f"within {patience:.0f} s this did not happen: {what if isinstance(what, str) else what()}"
            )


class Watcher(asyncio.BaseProtocol):
    """A protocol that records, at each callback, its name and what ``look()`` returns there.

    ``seen`` is a list of (callback, look) pairs in the order of the calls. Every subclass is one kind of protocol.

    Args:
        look: called in each callback; what it returns is recorded.
        react: functions to call in a callback, by its name, with the protocol as argument, after looking.
    """

    def __init__(self, look: Callable[[], Any], **react: Callable[[Any], Any]) -> None:
        self.look = look
        self.react = react
        self.seen: list[tuple[str, Any]] = []
        self.data = b""
        self.transport: Any = None
        self.lost_with: Any = "connection_lost() was not called"
        self.board = Board()

    def note(self, callback: str) -> None:
        """Record one callback, react to it, and wake who waits for it."""
        self.seen.append((callback, self.look()))
        try:
            if callback in self.react:
                self.react[callback](self)
        finally:
            self.board.changed()

    def times(self, callback: str) -> int:
        """How often the callback was called."""
        return sum(name == callback for name, _ in self.seen)

    def saw(self, *callbacks: str) -> dict[str, set[Any]]:
        """The different values that were looked at in these callbacks, by callback; the order does not count."""
        return {callback: {value for name, value in self.seen if name == callback} for callback in callbacks}

    async def until(self, callback: str, patience: float, times: int = 1) -> None:
        """Wait until the callback was called, at least once, or so many times.

        Raises:
            AssertionError: it was not, in ``patience`` seconds.
        """
        __tracebackhide__ = True
        what = f"{callback}() is called" + (f" {times} times" if times > 1 else "")
        await self.board.wait(lambda: self.times(callback) >= times, patience, what)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.note("connection_made")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost_with = exc
        self.note("connection_lost")

    def pause_writing(self) -> None:
        self.note("pause_writing")

    def resume_writing(self) -> None:
        self.note("resume_writing")


class StreamWatcher(Watcher, asyncio.Protocol):
    """A watcher of a byte stream; ``data`` is all that was received."""

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.note("data_received")

    def eof_received(self) -> None:
        self.note("eof_received")


class PipeWatcher(StreamWatcher):
    """A watcher of a pipe: the same callbacks as a stream."""


class DatagramWatcher(Watcher, asyncio.DatagramProtocol):
    """A watcher of datagrams; ``data`` is the last one."""

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.data = data
        self.note("datagram_received")

    def error_received(self, exc: BaseException) -> None:
        self.note("error_received")


class SubprocessWatcher(Watcher, asyncio.SubprocessProtocol):
    """A watcher of a child process; ``data`` is all that came from its pipes."""

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.data += data
        self.note("pipe_data_received")

    def pipe_connection_lost(self, fd: int, exc: BaseException | None) -> None:
        self.note("pipe_connection_lost")

    def process_exited(self) -> None:
        self.note("process_exited")


class Watchers(list[Any]):
    """A protocol factory: makes watchers of one kind, and is the list of those it made.

    Each begins its record with ("protocol_factory", look), taken when the factory was called.

    Args:
        kind: the class of watcher.
        look: as for the class.
        react: as for the class.
    """

    __hash__ = object.__hash__  # type: ignore[assignment]  # a factory must be hashable, unlike other lists

    def __init__(self, kind: type[Watcher], look: Callable[[], Any], **react: Callable[[Any], Any]) -> None:
        super().__init__()
        self._make: Callable[[], Watcher] = functools.partial(kind, look, **react)
        self._board = Board()

    def __call__(self) -> Watcher:
        watcher = self._make()
        watcher.note("protocol_factory")
        self.append(watcher)
        self._board.changed()
        return watcher

    async def nth(self, number: int, patience: float, callback: str = "connection_made") -> Any:
        """Wait until ``callback`` of protocol ``number`` (the first is 1) was called; return the protocol.

        Raises:
            AssertionError: there are fewer protocols after ``patience`` seconds, or the callback was not called.
        """
        __tracebackhide__ = True
        await self._board.wait(
            lambda: len(self) >= number,
            patience,
            lambda: f"the protocol factory is called for connection {number}; it was called {len(self)} times",
        )
        await self[number - 1].until(callback, patience)
        return self[number - 1]


@contextlib.asynccontextmanager
async def within(patience: float, what: str) -> AsyncIterator[None]:
    """Demand that the block ends in time. Unlike soon(), what it awaits runs in the same task, and so in its context.

    Raises:
        AssertionError: it took more than ``patience`` seconds.
    """
    __tracebackhide__ = True
    try:
        async with asyncio.timeout(patience) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise AssertionError(f"within {patience:.0f} s this did not happen: {what}") from None


@contextlib.asynccontextmanager
async def putting_away(close: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Close after the block; when the block failed, its failure is the news, not that closing fails too."""
    __tracebackhide__ = True
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            await close()
        raise
    else:
        await close()


@contextlib.asynccontextmanager
async def closing(watchers: Sequence[Any], patience: float) -> AsyncIterator[None]:
    """Close, after the block, the transports that are still open, and wait for connection_lost() of each."""
    __tracebackhide__ = True

    async def close() -> None:
        __tracebackhide__ = True
        connected = [watcher for watcher in watchers if watcher.transport is not None]
        for watcher in connected:
            if not watcher.times("connection_lost"):
                # Not every kind of transport can be aborted.
                getattr(watcher.transport, "abort", watcher.transport.close)()
        for watcher in connected:
            await watcher.until("connection_lost", patience)

    async with putting_away(close):
        yield


async def entered(manager: contextlib.AbstractAsyncContextManager[T]) -> T:
    """Enter and leave at once; what the block would get."""
    __tracebackhide__ = True
    async with manager as got:
        return got


def arrived(listener: socket.socket) -> bool:
    """Whether a connection comes in at a listening socket, within the socket's own time-out."""
    try:
        peer, _ = listener.accept()
    except (BlockingIOError, TimeoutError):
        return False
    peer.close()
    return True


async def reaches(listener: socket.socket, manager: contextlib.AbstractAsyncContextManager[Any]) -> bool:
    """Whether a connection comes in at the listener, once the block of the manager is entered."""
    async with manager:
        return arrived(listener)


@contextlib.asynccontextmanager
async def connecting(
    listener: socket.socket, factory: Callable[[], Watcher], patience: float, **options: Any
) -> AsyncIterator[Any]:
    """A connection of the subject to a listening socket, TCP or Unix; the block gets the protocol.

    Awaits create_connection(), or create_unix_connection(), in the task of the check.
    """
    __tracebackhide__ = True
    loop = asyncio.get_running_loop()
    if listener.family in (socket.AF_INET, socket.AF_INET6):
        async with within(patience, "create_connection() returns"):
            _, protocol = await loop.create_connection(factory, *listener.getsockname()[:2], **options)
    else:
        async with within(patience, "create_unix_connection() returns"):
            _, protocol = await loop.create_unix_connection(factory, listener.getsockname(), **options)
    async with closing([protocol], patience):
        yield protocol


@contextlib.asynccontextmanager
async def connected(
    listener: socket.socket, factory: Callable[[], Watcher], patience: float, **options: Any
) -> AsyncIterator[tuple[Any, socket.socket]]:
    """A connection of the subject to a blocking socket; the block gets the protocol and that socket."""
    __tracebackhide__ = True
    async with connecting(listener, factory, patience, **options) as protocol:
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(patience)
            yield protocol, peer


@contextlib.asynccontextmanager
async def serving(
    accepted: Watchers, patience: float, *, path: str | None = None, **options: Any
) -> AsyncIterator[Any]:
    """A server of the subject on 127.0.0.1, or on a Unix socket with ``path``; the block gets the server.

    Awaits create_server(), or create_unix_server(), in the task of the check. Afterwards closes also the connections.
    """
    __tracebackhide__ = True
    loop = asyncio.get_running_loop()
    if path is None:
        async with within(patience, "create_server() returns"):
            server = await loop.create_server(accepted, "127.0.0.1", 0, **options)
    else:
        async with within(patience, "create_unix_server() returns"):
            server = await loop.create_unix_server(accepted, path, **options)
    async with _closing_server(server, patience), closing(accepted, patience):
        yield server


@contextlib.asynccontextmanager
async def serving_streams(
    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], patience: float, **options: Any
) -> AsyncIterator[Any]:
    """A server made by asyncio.start_server() on 127.0.0.1; the block gets the server.

    Closes each connection after its handler, and waits for the handlers that have begun.
    """
    __tracebackhide__ = True
    board = Board()
    begun: list[asyncio.StreamWriter] = []
    ended: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.append(writer)
        try:
            await handler(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            ended.append(writer)
            board.changed()

    async with within(patience, "start_server() returns"):
        server = await asyncio.start_server(handle, "127.0.0.1", 0, **options)

    async def close() -> None:
        __tracebackhide__ = True
        await board.wait(lambda: len(ended) == len(begun), patience, "the handlers of all connections end")
        await asyncio.sleep(0)  # the task of the last handler ends

    async with _closing_server(server, patience), putting_away(close):
        yield server


def _closing_server(server: Any, patience: float) -> contextlib.AbstractAsyncContextManager[None]:
    async def close() -> None:
        __tracebackhide__ = True
        server.close()
        await soon(server.wait_closed(), patience, "wait_closed() returns, with the server and its connections closed")

    return putting_away(close)


@contextlib.asynccontextmanager
async def datagrams(factory: Callable[[], Watcher], patience: float, **options: Any) -> AsyncIterator[Any]:
    """A datagram endpoint of the subject, bound to 127.0.0.1 without options; the block gets the protocol."""
    __tracebackhide__ = True
    loop = asyncio.get_running_loop()
    async with within(patience, "create_datagram_endpoint() returns"):
        _, protocol = await loop.create_datagram_endpoint(factory, **(options or {"local_addr": ("127.0.0.1", 0)}))
    async with closing([protocol], patience):
        yield protocol


@contextlib.asynccontextmanager
async def reading_pipe(factory: Callable[[], Watcher], patience: float) -> AsyncIterator[tuple[Any, Any]]:
    """A pipe that the subject reads; the block gets the protocol and the file to write to, which it may close."""
    __tracebackhide__ = True
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as file, open(writing, "wb", buffering=0) as far:
        async with within(patience, "connect_read_pipe() returns"):
            _, protocol = await loop.connect_read_pipe(factory, file)
        async with closing([protocol], patience):
            yield protocol, far


def dial(server: Any, patience: float) -> socket.socket:
    """A blocking socket connected to a server of the subject.

    The kernel's backlog accepts, so this does not need the loop to turn.
    """
    address = server.sockets[0]
    peer = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        peer.settimeout(patience)
        peer.connect(address.getsockname())
    except BaseException:
        peer.close()
        raise
    return peer


def receive(peer: socket.socket, number: int) -> bytes:
    """Read exactly this many bytes from a blocking socket, or all there are before its end."""
    data = bytearray()
    while len(data) < number and (chunk := peer.recv(min(number - len(data), 2**18))):
        data += chunk
    return bytes(data)


@contextlib.contextmanager
def meanwhile(function: Callable[..., Any], *arguments: Any, patience: float) -> Iterator[Errand]:
    """Run a function in a thread beside the block; after the block the thread must end.

    ``result(patience)`` of what the block gets is what the function returned. What the function raised is raised
    after the block, unless the block itself failed.
    """
    __tracebackhide__ = True
    errand = Errand(function, *arguments)
    errand.start()
    try:
        yield errand
    except BaseException:
        errand.join(patience)
        raise
    else:
        errand.result(patience)


@contextlib.contextmanager
def answering(
    listener: socket.socket, context: ssl.SSLContext, talk: Callable[[ssl.SSLSocket], Any], patience: float
) -> Iterator[Errand]:
    """A thread that accepts one connection, does the server's part of the TLS handshake, and calls ``talk`` with it."""
    __tracebackhide__ = True

    def run() -> Any:
        sock, _ = listener.accept()
        sock.settimeout(patience)
        with sock, context.wrap_socket(sock, server_side=True) as secure:
            return talk(secure)

    with meanwhile(run, patience=patience) as errand:
        try:
            yield errand
        except BaseException:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread if nobody has connected
            raise


@tool
def unix_listener(bench: Bench) -> Iterator[socket.socket]:
    """A blocking Unix socket that listens in the check's folder: the independent peer of a client."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.path.join(bench.tool("folder"), "listener"))
        sock.listen()
        sock.settimeout(bench.patience)
        yield sock
