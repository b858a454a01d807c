"""Short doubles of what the kit has: for a script that shows one thing once, and ends.

A check must leave nothing behind, and must bear with a loop that is wrong in other ways, too. A script that an author
reads need not: whether it shows the same is tried out on both loops before anybody gets it, and where it does not,
the kit's own words take the place of these. What has the name of something in the kit stands for that.

An attribute that is only ever set, also with ``+=``, is left out of a script, and so are methods that nothing calls.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import socket
import struct
import tempfile
import time
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any


def equal(observed: object, expected: object, about: str = "") -> None:
    """What the assertion that two values are equal becomes."""
    if observed != expected:
        raise AssertionError(f"{about}expected {expected!r}\nobserved {observed!r}")


# kit/bench.py


class Trace(list[Any]):
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __call__(self, *arguments: Any) -> None:
        self.append(arguments[0] if len(arguments) == 1 else arguments)

    def then(self, mark: Any) -> Callable[..., None]:
        return lambda *ignored: self.append(mark)


def folder(bench: Any) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as path:
        yield path


def logged(bench: Any) -> Iterator[list[logging.LogRecord]]:
    records: list[logging.LogRecord] = []
    logger = logging.getLogger("asyncio")
    logger.setLevel(logging.DEBUG)
    logger.addFilter(lambda record: bool(records.append(record)))  # type: ignore[func-returns-value]
    yield records


# kit/spawning.py and kit/tasking.py


def spawn(bench: Any) -> Iterator[Any]:
    yield bench.tool("loop").create_task


def pending(bench: Any) -> Iterator[Callable[[asyncio.AbstractEventLoop], asyncio.Task[Any]]]:
    yield lambda loop: loop.create_task(asyncio.sleep(1000))


def end_tasks(loop: asyncio.AbstractEventLoop, *tasks: Any) -> None:
    for task in tasks:
        task.cancel()


# kit/turns.py and kit/wait.py


async def pass_turns(number: int = 1) -> None:
    for _ in range(2 * number):
        await asyncio.sleep(0)


async def turns_until(holds: Callable[[], bool], patience: float, what: str) -> None:
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"did not happen: {what}"
        await asyncio.sleep(0.001)


def run_coroutine(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> Any:
    return loop.run_until_complete(coroutine)


async def in_time(future: asyncio.Future[Any], patience: float) -> bool:
    done, _ = await asyncio.wait({future}, timeout=patience)
    return bool(done)


async def soon(awaitable: Awaitable[Any], patience: float, what: str) -> Any:
    done, _ = await asyncio.wait({asyncio.ensure_future(awaitable)}, timeout=patience)
    assert done, f"did not happen: {what}"
    return done.pop().result()


async def threaded(function: Callable[..., Any], *arguments: Any, patience: float = 60) -> Any:
    return await asyncio.to_thread(function, *arguments)


def in_thread(function: Callable[..., Any], *arguments: Any, patience: float = 60) -> Any:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result(patience)


@contextlib.contextmanager
def refuses(error: Any, what: str) -> Iterator[None]:
    raised: Any = "nothing"
    try:
        yield
    except Exception as other:
        raised = other
    assert isinstance(raised, error), f"{what} raised {raised!r}"


# kit/net.py


class Board:
    def changed(self) -> None:
        pass

    async def wait(self, holds: Callable[[], bool], patience: float, what: Any) -> None:
        await turns_until(holds, patience, what)


class Watcher(asyncio.BaseProtocol):
    def __init__(self, look: Callable[[], Any], **react: Callable[[Any], Any]) -> None:
        self.look = look
        self.react = react
        self.seen: list[tuple[str, Any]] = []
        self.data = b""
        self.transport: Any = None
        self.lost_with: Any = "connection_lost() was not called"
        self.board = Board()

    def note(self, callback: str) -> None:
        self.seen += [(callback, self.look())]
        if callback in self.react:
            self.react[callback](self)

    def times(self, callback: str) -> int:
        return [name for name, _ in self.seen].count(callback)

    def saw(self, *callbacks: str) -> dict[str, set[Any]]:
        return {callback: {value for name, value in self.seen if name == callback} for callback in callbacks}

    async def until(self, callback: str, patience: float, times: int = 1) -> None:
        await turns_until(lambda: self.times(callback) >= times, patience, f"{callback}() is called")

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


class Watchers(list[Any]):
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __init__(self, kind: type[Watcher], look: Callable[[], Any], **react: Callable[[Any], Any]) -> None:
        self.make: Callable[[], Watcher] = lambda: kind(look, **react)

    def __call__(self) -> Any:
        self.append(self.make())
        self[-1].note("protocol_factory")
        return self[-1]

    async def nth(self, number: int, patience: float, callback: str = "connection_made") -> Any:
        await turns_until(lambda: len(self) >= number, patience, f"there is a connection {number}")
        await self[number - 1].until(callback, patience)
        return self[number - 1]


@contextlib.asynccontextmanager
async def within(patience: float, what: str) -> AsyncIterator[None]:
    async with asyncio.timeout(patience):
        yield


@contextlib.asynccontextmanager
async def putting_away(close: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    yield
    await close()


@contextlib.asynccontextmanager
async def closing(watchers: Any, patience: float) -> AsyncIterator[None]:
    yield
    for watcher in watchers:
        watcher.transport.close()


@contextlib.asynccontextmanager
async def connecting(listener: socket.socket, factory: Any, patience: float, **options: Any) -> AsyncIterator[Any]:
    address = listener.getsockname()[:2]
    transport, protocol = await asyncio.get_running_loop().create_connection(factory, *address, **options)
    yield protocol
    transport.close()


@contextlib.asynccontextmanager
async def connected(listener: socket.socket, factory: Any, patience: float, **options: Any) -> AsyncIterator[Any]:
    address = listener.getsockname()[:2]
    transport, protocol = await asyncio.get_running_loop().create_connection(factory, *address, **options)
    with listener.accept()[0] as peer:
        yield protocol, peer
        transport.close()


@contextlib.asynccontextmanager
async def serving(accepted: Any, patience: float, *, path: Any = None, **options: Any) -> AsyncIterator[Any]:
    loop = asyncio.get_running_loop()
    if path is None:
        server = await loop.create_server(accepted, "127.0.0.1", 0, **options)
    else:
        server = await loop.create_unix_server(accepted, path, **options)
    yield server
    server.close()


@contextlib.asynccontextmanager
async def datagrams(factory: Any, patience: float, **options: Any) -> AsyncIterator[Any]:
    options = options or {"local_addr": ("127.0.0.1", 0)}
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(factory, **options)
    yield protocol
    transport.close()


def dial(server: Any, patience: float) -> socket.socket:
    return socket.create_connection(server.sockets[0].getsockname()[:2], patience)


def receive(peer: socket.socket, number: int) -> bytes:
    return peer.recv(number, socket.MSG_WAITALL)


# kit/mail.py


def endpoint(bench: Any) -> Iterator[Any]:
    yield opened


@contextlib.asynccontextmanager
async def opened(*arguments: Any, factory: Any = None, react: Any = None, **options: Any) -> AsyncIterator[Any]:
    if not arguments and not options:
        options = {"local_addr": ("127.0.0.1", 0)}
    factory = factory or (lambda: Post(**(react or {})))
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(factory, *arguments, **options)
    yield transport, protocol
    transport.close()


class Post(Watcher, asyncio.DatagramProtocol):
    def __init__(self, **react: Callable[[Any], Any]) -> None:
        super().__init__(lambda: None, **react)
        self.received: list[tuple[Any, Any]] = []
        self.failures: list[BaseException] = []

    @property
    def events(self) -> list[str]:
        return [name for name, _ in self.seen]

    @property
    def mail(self) -> list[bytes]:
        return [data for data, _ in self.received]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received += [(data, addr)]
        self.note("datagram_received")

    def error_received(self, exc: BaseException) -> None:
        self.failures += [exc]
        self.note("error_received")


# kit/channels.py and kit/peers.py


class Wire(Watcher, asyncio.Protocol):
    def __init__(self, *, keep_open: Any = None, **react: Callable[[Any], Any]) -> None:
        super().__init__(lambda: None, **react)
        self.keep_open = keep_open
        self.chunks: list[bytes] = []

    @property
    def events(self) -> list[str]:
        names = [name for name, _ in self.seen]
        return [name for name, last in zip(names, ["", *names], strict=False) if (name, last) != ("data_received",) * 2]

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.chunks += [data]
        self.note("data_received")

    def eof_received(self) -> Any:
        self.note("eof_received")
        return self.keep_open

    async def has_received(self, number: int, patience: float) -> bytes:
        await turns_until(lambda: len(self.data) >= number, patience, f"{number} bytes come")
        return self.data


def channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=connection)


@contextlib.asynccontextmanager
async def connection(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if narrow:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        factory = watcher if callable(watcher) else lambda: watcher or Wire(**react)
        transport, protocol = await asyncio.get_running_loop().create_connection(factory, *listener.getsockname())
        if narrow:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**16)
        with listener.accept()[0] as sock:
            yield transport, protocol, Peer(sock)
            transport.abort()


def unix_channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=unix_connection)


@contextlib.asynccontextmanager
async def unix_connection(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/listener")
        listener.listen()
        factory = watcher if callable(watcher) else lambda: watcher or Wire(**react)
        transport, protocol = await asyncio.get_running_loop().create_unix_connection(factory, listener.getsockname())
        with listener.accept()[0] as sock:
            yield transport, protocol, Peer(sock)
            transport.abort()


class Doing:
    def __init__(self, future: concurrent.futures.Future[Any]) -> None:
        self.future = future
        self.result = future.result

    def __await__(self) -> Any:
        return asyncio.wrap_future(self.future).__await__()


def compared(got: bytes, sent: bytes) -> str:
    return "as it was sent" if got == sent else f"{len(got)} bytes, which are not those that were sent"


class Peer:
    def __init__(self, sock: socket.socket, patience: float = 5) -> None:
        self.sock = sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))  # seconds
        self.thread = concurrent.futures.ThreadPoolExecutor(1)
        self.address = sock.getsockname()
        self.address_of_subject = sock.getpeername()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *failure: Any) -> None:
        self.sock.close()

    def let_go(self) -> None:
        pass

    def does(self, what: str, function: Callable[[socket.socket], Any]) -> Any:
        return Doing(self.thread.submit(function, self.sock))

    def read(self, number: int) -> Any:
        return self.does("reading", lambda sock: sock.recv(number, socket.MSG_WAITALL))

    def read_some(self) -> Any:
        return self.does("reading", lambda sock: sock.recv(2**16))

    def read_to_end(self) -> Any:
        return self.does("reading", lambda sock: sock.makefile("rb").read())

    def read_to_reset(self) -> Any:
        def read(sock: socket.socket) -> bytes:
            data = b""
            with contextlib.suppress(ConnectionError):
                while chunk := sock.recv(2**16):
                    data += chunk
            return data

        return self.does("reading", read)

    def read_waiting(self) -> Any:
        return self.does("reading", lambda sock: sock.recv(2**20, socket.MSG_DONTWAIT))

    def gets(self, sent: bytes) -> Any:
        return self.does("reading", lambda sock: compared(sock.recv(len(sent), socket.MSG_WAITALL), sent))

    def send(self, data: bytes) -> Any:
        return self.does("sending", lambda sock: sock.sendall(data))

    def half_close(self) -> Any:
        return self.does("closing", lambda sock: sock.shutdown(socket.SHUT_WR))

    def hang_up(self) -> Any:
        return self.does("closing", lambda sock: sock.close())

    def reset(self) -> Any:
        def close(sock: socket.socket) -> None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()

        return self.does("resetting", close)


# kit/children.py


@contextlib.asynccontextmanager
async def child(loop: Any, patience: float, *command: Any, factory: Any = None, **options: Any) -> AsyncIterator[Any]:
    transport, protocol = await loop.subprocess_exec(factory or Child, *command, **options)
    yield transport, protocol
    transport.close()


class Child(Watcher, asyncio.SubprocessProtocol):
    def __init__(self, **react: Callable[[Any], Any]) -> None:
        super().__init__(lambda: None, **react)
        self.events: list[str] = []
        self.output: dict[int, bytes] = {}
        self.pipes_lost: dict[int, BaseException | None] = {}

    def note(self, callback: str, event: str = "") -> None:
        if self.events[-1:] != [event or callback] or "data" not in event:
            self.events.append(event or callback)
        super().note(callback)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.output[fd] = self.output.get(fd, b"") + data
        self.note("pipe_data_received", f"data of {fd}")

    def pipe_connection_lost(self, fd: int, exc: BaseException | None) -> None:
        self.pipes_lost[fd] = exc
        self.note("pipe_connection_lost", f"pipe {fd} lost")

    def process_exited(self) -> None:
        self.note("process_exited")

    async def has_output(self, fd: int, data: bytes, patience: float) -> None:
        await turns_until(lambda: len(self.output.get(fd, b"")) >= len(data), patience, f"{data[:80]!r} comes")

    async def has_lost(self, fd: int, patience: float) -> None:
        await turns_until(lambda: fd in self.pipes_lost, patience, f"pipe_connection_lost({fd}, ...) is called")


@contextlib.contextmanager
def pipe() -> Iterator[tuple[Any, Any]]:
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as near, open(writing, "wb", buffering=0) as far:
        yield near, far


# kit/interrupts.py


def signals_kept(bench: Any) -> Iterator[None]:
    yield None


# kit/ports.py


@contextlib.contextmanager
def free_port(*hosts: str) -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    yield port
