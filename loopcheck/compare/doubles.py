"""Short doubles of what the kit has: for a script that shows one thing once, and ends.

A check must leave nothing behind, and must bear with a loop that is wrong in other ways, too. A script that an author
reads need not: whether it shows the same is tried out on both loops before anybody gets it, and where it does not,
the kit's own words take the place of these. What has the name of something in the kit stands for that.

What of it a script does not need, :mod:`loopcheck.compare.shortening` takes out.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import gc
import logging
import os
import pty
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import tty
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
    names = " or ".join(one.__name__ for one in (error if isinstance(error, tuple) else (error,)))
    raised = "nothing"
    try:
        yield
    except error:
        return
    except Exception as other:
        raised = repr(other)
    raise AssertionError(f"{what} raised {raised}; expected {names}")


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


def ipv6_channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=ipv6_connection)


@contextlib.asynccontextmanager
async def ipv6_connection(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        make, address = made(watcher, react), listener.getsockname()
        transport, protocol = await asyncio.get_running_loop().create_connection(make, *address[:2])
        squeeze(transport.get_extra_info("socket"), narrow)
        with listener.accept()[0] as sock:
            squeeze(sock, narrow)
            yield transport, protocol, Peer(sock)
            transport.abort()


def unix_socket_channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=unix_connection)


@contextlib.asynccontextmanager
async def unix_connection(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/listener")
        listener.listen()
        make, address = made(watcher, react), listener.getsockname()
        transport, protocol = await asyncio.get_running_loop().create_unix_connection(make, address)
        with listener.accept()[0] as sock:
            yield transport, protocol, Peer(sock)
            transport.abort()


def given_socket_channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=given_connection)


@contextlib.asynccontextmanager
async def given_connection(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    near, far = connected_sockets(narrow)
    transport, protocol = await asyncio.get_running_loop().create_connection(made(watcher, react), sock=near)
    with far:
        yield transport, protocol, Peer(far)
        transport.abort()


def accepted_socket_channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=accepted_connection)


@contextlib.asynccontextmanager
async def accepted_connection(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    far, near = connected_sockets(narrow)
    transport, protocol = await asyncio.get_running_loop().connect_accepted_socket(made(watcher, react), near)
    with far:
        yield transport, protocol, Peer(far)
        transport.abort()


def connected_sockets(narrow: bool) -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted = listener.accept()[0]
    squeeze(client, narrow)
    squeeze(accepted, narrow)
    return client, accepted


def server_side_channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=served_connection)


@contextlib.asynccontextmanager
async def served_connection(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    accepted: list[Any] = []
    make = made(watcher, react)
    server = await asyncio.get_running_loop().create_server(lambda: keep(accepted, make()), "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()) as sock:
        squeeze(sock, narrow)
        await turns_until(lambda: bool(accepted and accepted[0].transport), 5, "connection_made() is called")
        squeeze(accepted[0].transport.get_extra_info("socket"), narrow)
        yield accepted[0].transport, accepted[0], Peer(sock)
        accepted[0].transport.abort()
    server.close()


def keep(things: list[Any], one: Any) -> Any:
    things.append(one)
    return one


def made(watcher: Any, react: dict[str, Any]) -> Callable[[], Any]:
    return watcher if callable(watcher) else lambda: watcher or Wire(**react)


def squeeze(sock: Any, narrow: bool) -> None:
    if narrow:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**16)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)


# kit/pipes.py


def read_pipe_channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=reading_connection)


def write_pipe_channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=writing_connection)


def read_terminal_channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=reading_from_terminal)


def write_terminal_channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=writing_to_terminal)


@contextlib.asynccontextmanager
async def reading_connection(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    with pipe() as (near, far), End(far) as end:
        transport, protocol = await asyncio.get_running_loop().connect_read_pipe(made(watcher, react), near)
        yield transport, protocol, EndPeer(end)
        transport.close()


@contextlib.asynccontextmanager
async def writing_connection(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    with pipe() as (far, near), End(far) as end:
        transport, protocol = await asyncio.get_running_loop().connect_write_pipe(made(watcher, react), near)
        yield transport, protocol, EndPeer(end)
        transport.abort()


@contextlib.asynccontextmanager
async def reading_from_terminal(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    with terminal() as (far, near), End(far) as end:
        transport, protocol = await asyncio.get_running_loop().connect_read_pipe(made(watcher, react), near)
        yield transport, protocol, EndPeer(end)
        transport.close()


@contextlib.asynccontextmanager
async def writing_to_terminal(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    with terminal() as (far, near), End(far) as end:
        transport, protocol = await asyncio.get_running_loop().connect_write_pipe(made(watcher, react), near)
        yield transport, protocol, EndPeer(end)
        transport.abort()


def child_stdin_channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=writing_to_child)


def child_stdout_channel(bench: Any) -> Iterator[Any]:
    yield types.SimpleNamespace(open=reading_from_child)


@contextlib.asynccontextmanager
async def writing_to_child(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    near, far = socket.socketpair()
    squeeze(near, narrow)
    squeeze(far, narrow)
    one = OnePipe(made(watcher, react)(), 0)
    loop: Any = asyncio.get_running_loop()
    transport, _ = await loop.subprocess_exec(lambda: one, "cat", stdout=near, stderr=None)
    near.close()
    with far:
        yield one.told.transport, one.told, Peer(far)
        transport.close()


@contextlib.asynccontextmanager
async def reading_from_child(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
    near, far = socket.socketpair()
    squeeze(near, narrow)
    squeeze(far, narrow)
    one = OnePipe(made(watcher, react)(), 1)
    loop: Any = asyncio.get_running_loop()
    transport, _ = await loop.subprocess_exec(lambda: one, "cat", stdin=near, stderr=None)
    near.close()
    with far:
        yield one.told.transport, one.told, Peer(far)
        transport.close()


class OnePipe(asyncio.SubprocessProtocol):
    def __init__(self, told: Any, number: int) -> None:
        self.told = told
        self.number = number

    def connection_made(self, transport: Any) -> None:
        self.told.connection_made(transport.get_pipe_transport(self.number))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.told.data_received(data)

    def pipe_connection_lost(self, fd: int, exc: BaseException | None) -> None:
        self.told.connection_lost(exc)

    def pause_writing(self) -> None:
        self.told.pause_writing()

    def resume_writing(self) -> None:
        self.told.resume_writing()


@contextlib.contextmanager
def terminal() -> Iterator[tuple[Any, Any]]:
    window, program = pty.openpty()
    tty.setraw(program)
    with open(window, "r+b", buffering=0) as near, open(program, "r+b", buffering=0) as far:
        yield near, far


class End:
    def __init__(self, file: Any) -> None:
        self.file = file
        self.fileno, self.close, self.sendall = file.fileno, file.close, file.write

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *failure: Any) -> None:
        self.close()

    def recv(self, number: int, flags: int = 0) -> bytes:
        data = b""
        while len(data) < number:
            try:
                more = os.read(self.fileno(), number - len(data))
            except OSError:  # this is how a terminal ends
                more = b""
            data += more
            if not more or flags != socket.MSG_WAITALL:
                break
        return data

    def shutdown(self, how: int) -> None:
        self.close()


class Doing:
    def __init__(self, future: concurrent.futures.Future[Any]) -> None:
        self.future = future
        self.result = future.result

    def __await__(self) -> Any:
        return asyncio.wrap_future(self.future).__await__()


def compared(got: bytes, sent: bytes) -> str:
    return "as it was sent" if got == sent else f"{len(got)} bytes, which are not those that were sent"


class Peer:
    def __init__(self, sock: Any, patience: float = 5) -> None:
        self.thread = concurrent.futures.ThreadPoolExecutor(1)
        self.take(sock)

    def take(self, sock: Any) -> None:
        self.sock = sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))  # seconds

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *failure: Any) -> None:
        self.sock.close()
        self.thread.shutdown(wait=False)

    @property
    def address(self) -> Any:
        return self.sock.getsockname()

    @property
    def address_of_subject(self) -> Any:
        return self.sock.getpeername()

    def let_go(self) -> None:
        pass

    def does(self, what: str, function: Callable[[Any], Any]) -> Any:
        return Doing(self.thread.submit(lambda: function(self.sock)))

    def read(self, number: int) -> Any:
        return self.does("reading", lambda sock: sock.recv(number, socket.MSG_WAITALL))

    def read_some(self) -> Any:
        return self.does("reading", lambda sock: sock.recv(2**16))

    def read_to_end(self) -> Any:
        return self.does("reading", lambda sock: b"".join(iter(lambda: sock.recv(2**16), b"")))

    def read_to_reset(self) -> Any:
        def read(sock: Any) -> bytes:
            data = b""
            with contextlib.suppress(ConnectionError, ssl.SSLError):
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
        def close(sock: Any) -> None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()

        return self.does("resetting", close)


class EndPeer(Peer):
    def take(self, sock: Any) -> None:
        self.sock = sock

    def reset(self) -> Any:
        return self.hang_up()


# kit/authority.py


def tls(bench: Any) -> Iterator[Any]:
    with tempfile.TemporaryDirectory() as folder:
        yield Authority(folder, bench.setting)


class Authority:
    host = "localhost"
    other = "alt.test"

    def __init__(self, folder: str, setting: str) -> None:
        self.folder = folder
        self.highest = ssl.TLSVersion.TLSv1_2 if setting == "tls12" else ssl.TLSVersion.MAXIMUM_SUPPORTED
        self.trusted = [self.issued("localhost")]

    def issued(self, name: str, key: str = "ec -pkeyopt ec_paramgen_curve:P-256") -> str:
        file = f"{self.folder}/{len(os.listdir(self.folder))}.pem"
        command = f"openssl req -x509 -nodes -newkey {key} -keyout {file} -out {file} -subj /CN={name}"
        names = f"subjectAltName=DNS:{name},IP:127.0.0.1"
        subprocess.run([*command.split(), "-addext", names], check=True, capture_output=True)
        return file

    def serving(self, *names: str, issuer: str = "root", rsa: bool = False) -> Any:
        file = self.trusted[0]
        if names or issuer != "root" or rsa:
            file = self.issued(names[0] if names else "localhost", *["rsa:2048"] * rsa)
        if issuer == "root":
            self.trusted.append(file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = self.highest
        context.load_cert_chain(file)
        return context

    server = property(serving)

    @property
    def client(self) -> Any:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.maximum_version = self.highest
        for file in self.trusted:
            context.load_verify_locations(file)
        return context

    def client_with(self, name: str, issuer: str = "root") -> Any:
        context = self.client
        context.load_cert_chain(self.trusted[0] if issuer == "root" else self.issued(name))
        return context

    def server_asking(self, mode: Any = ssl.CERT_REQUIRED) -> Any:
        context = self.server
        context.verify_mode = mode
        context.load_verify_locations(self.trusted[0])
        return context

    def root_as_file(self) -> str:
        return self.trusted[0]

    def of_peers(self, *, server_side: bool) -> Any:
        return self.server if server_side else self.client


# kit/secure.py


def secure(bench: Any) -> Iterator[Any]:
    yield Connections(bench.tool("tls"))


class SecurePeer(Peer):
    def __init__(self, sock: Any, patience: float = 5) -> None:
        self.thread = concurrent.futures.ThreadPoolExecutor(1)
        self.thread.submit(self.take, sock) if isinstance(sock, socket.socket) else self.thread.submit(
            lambda: self.take(sock())
        )

    @classmethod
    def accepting(cls, listener: socket.socket, patience: float = 5) -> Any:
        return cls(lambda: listener.accept()[0])

    @classmethod
    def connecting(cls, address: Any, patience: float = 5, **narrow: Any) -> Any:
        return cls(lambda: socket.create_connection(address))

    def secure(self, context: Any, hold_last: bool = False, deliver: Any = None, **options: Any) -> Any:
        def shake(sock: Any) -> str:
            try:
                self.sock = context.wrap_socket(sock, suppress_ragged_eofs=False, **options)
            except OSError as error:
                return type(error).__name__
            return "done"

        return self.does("doing the TLS handshake", shake)

    @property
    def tls(self) -> Any:
        return self.sock

    def read(self, number: int) -> Any:
        return self.does("reading", lambda sock: exactly(sock, number))

    def gets(self, sent: bytes) -> Any:
        return self.does("reading", lambda sock: compared(exactly(sock, len(sent)), sent))

    def read_to_end(self) -> Any:
        return self.does("reading", lambda sock: exactly(sock, 2**30))

    def how_it_ended(self) -> Any:
        def read(sock: Any) -> str:
            try:
                while sock.recv(2**16):
                    pass
            except ssl.SSLEOFError:
                return "the end of TCP"
            except OSError as error:
                return type(error).__name__
            return "close_notify"

        return self.does("reading to the end", read)

    def half_close(self) -> Any:
        def say_goodbye(sock: Any) -> None:
            sock.settimeout(0)
            with contextlib.suppress(ssl.SSLWantReadError):  # it has said goodbye, and does not wait for the answer
                sock.unwrap()
            sock.settimeout(None)

        return self.does("sending close_notify", say_goodbye)

    def truncate(self) -> Any:
        return self.does("closing its writing side", lambda sock: socket.socket.shutdown(sock, socket.SHUT_WR))

    def sends_raw(self, data: bytes) -> Any:
        return self.does("sending plain bytes", lambda sock: socket.socket.sendall(sock, data))

    def sulk(self) -> None:
        pass

    def names_shown(self) -> Any:
        return self.does("looking", lambda sock: [name for _, name in sock.getpeercert()["subjectAltName"]])


def exactly(sock: Any, number: int) -> bytes:
    data = b""
    with contextlib.suppress(ssl.SSLEOFError):
        while len(data) < number and (more := sock.recv(min(number - len(data), 2**16))):
            data += more
    return data


class Connections:
    def __init__(self, tls: Any) -> None:
        self.authority = tls

    @property
    def peers_client(self) -> Any:
        return self.authority.client

    @property
    def peers_server(self) -> Any:
        return self.authority.server

    def near(self, context: Any) -> Any:
        return context

    @contextlib.asynccontextmanager
    async def listening(self, far: Any, narrow: bool = False, **how: Any) -> AsyncIterator[Any]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            squeeze(listener, narrow)
            with SecurePeer.accepting(listener) as peer:
                if far is None or isinstance(far, ssl.SSLContext):
                    self.last = peer.secure(far or self.authority.server, server_side=True, **how)
                else:
                    self.last = peer.does("answering the handshake", far)
                yield listener.getsockname(), peer

    @contextlib.asynccontextmanager
    async def client(
        self, watcher: Any = None, *, near: Any = None, far: Any = None, react: Any = None, **options: Any
    ) -> AsyncIterator[Any]:
        how = {name: options.pop(name) for name in ("narrow", "hold_last", "deliver") if name in options}
        async with self.listening(far, **how) as (address, peer):
            options = self.to(address, near, **options)
            transport, protocol = await asyncio.get_running_loop().create_connection(
                made(watcher, react or {}), **options
            )
            await self.last
            squeeze(transport.get_extra_info("socket"), how.get("narrow", False))
            yield transport, protocol, peer
            transport.abort()

    def to(self, address: Any, near: Any, host: str = "127.0.0.1", given: Any = False, **options: Any) -> Any:
        where: dict[str, Any] = {"host": host, "port": address[1]}
        if given:
            sock = given if isinstance(given, socket.socket) else socket.socket()
            sock.connect(address)
            sock.setblocking(False)
            where = {"sock": sock}
        options = {"ssl": self.authority.client if near is None else near, "server_hostname": "localhost"} | options
        return where | {key: value for key, value in options.items() if value is not ...}

    async def refusal(self, *, near: Any = None, far: Any = None, **options: Any) -> Any:
        protocols: list[Any] = []
        error = None
        async with self.listening(far) as (address, _):
            try:
                transport, _ = await asyncio.get_running_loop().create_connection(
                    lambda: keep(protocols, Wire()), **self.to(address, near, **options)
                )
                transport.abort()
            except Exception as raised:
                error = raised
            outcome = await self.last
        return Refusal(error, [event for protocol in protocols for event in protocol.events], outcome)

    @contextlib.asynccontextmanager
    async def silence(self, says: bytes = b"") -> AsyncIterator[Any]:
        async with self.listening(lambda sock: sock.sendall(says)) as both:
            yield both

    @contextlib.asynccontextmanager
    async def serving(
        self, watcher: Any = None, *, near: Any = None, react: Any = None, **options: Any
    ) -> AsyncIterator[Any]:
        accepted = Accepted(made(watcher, react or {}))
        context = self.authority.server if near is None else near
        server = await asyncio.get_running_loop().create_server(accepted, "127.0.0.1", 0, ssl=context, **options)
        address = server.sockets[0].getsockname()
        yield accepted, lambda **ignored: SecurePeer(lambda: socket.create_connection(address)), server
        server.close()

    @contextlib.asynccontextmanager
    async def server(
        self, watcher: Any = None, *, far: Any = None, hold_last: Any = None, deliver: Any = None, **options: Any
    ) -> AsyncIterator[Any]:
        options.pop("narrow", None)
        async with self.serving(watcher, **options) as (accepted, call, _):
            with call() as peer:
                await peer.secure(far or self.authority.client, server_hostname="localhost")
                protocol = await accepted.nth(1, 5)
                yield protocol.transport, protocol, peer
                protocol.transport.abort()

    @contextlib.asynccontextmanager
    async def plain(self, watcher: Any = None, *, react: Any = None, narrow: bool = False) -> AsyncIterator[Any]:
        with socket.create_server(("127.0.0.1", 0)) as listener, SecurePeer.accepting(listener) as peer:
            make, address = made(watcher, react or {}), listener.getsockname()
            transport, protocol = await asyncio.get_running_loop().create_connection(make, *address)
            squeeze(transport.get_extra_info("socket"), narrow)
            yield transport, protocol, peer
            transport.abort()

    @contextlib.asynccontextmanager
    async def upgraded(self, watcher: Any = None, *, react: Any = None, **options: Any) -> AsyncIterator[Any]:
        async with self.plain(watcher, react=react) as (plain, protocol, peer):
            transport = await self.upgrade(plain, protocol, peer, **options)
            yield transport, protocol, peer
            transport.abort()

    async def upgrade(
        self, plain: Any, protocol: Any, peer: Any, *, near: Any = None, far: Any = None, **options: Any
    ) -> Any:
        if options.get("server_side"):
            near = near or self.authority.server
            peer.secure(far or self.authority.client, server_hostname="localhost")
        else:
            near = near or self.authority.client
            options.setdefault("server_hostname", "localhost")
            if far is None or isinstance(far, ssl.SSLContext):
                peer.secure(far or self.authority.server, server_side=True)
            else:
                peer.does("answering the handshake", far)
        return await asyncio.get_running_loop().start_tls(plain, protocol, near, **options)

    def contexts(self, near: Any, far: Any, server_side: bool) -> tuple[Any, Any]:
        if server_side:
            return near or self.authority.server, far or self.authority.client
        return near or self.authority.client, far or self.authority.server


class Refusal:
    def __init__(self, error: Any, events: list[str], peer: str) -> None:
        self.error, self.events, self.peer = error, events, peer
        self.kind = type(error) if error is not None else None
        self.is_oserror = isinstance(error, OSError)
        self.code = getattr(error, "verify_code", None)


class Accepted(Watchers):
    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make
        self._board = Board()


def secure_on(bench: Any) -> Iterator[Any]:
    authority = bench.tool("tls")

    @contextlib.contextmanager
    def secured(loop: Any, react: dict[str, Any], *, keep: bool = True) -> Iterator[Callable[[], None]]:
        with socket.create_server(("127.0.0.1", 0)) as listener, SecurePeer.accepting(listener) as peer:
            peer.secure(authority.server, server_side=True)
            opening = loop.create_connection(
                lambda: Wire(**react), *listener.getsockname(), ssl=authority.client, server_hostname="localhost"
            )
            kept = list(loop.run_until_complete(opening))
            if not keep:
                kept.clear()

            def finish() -> None:
                peer.send(b"x")
                loop.call_later(1, loop.stop)
                loop.run_forever()

            yield finish

    yield secured


def tls_channel(bench: Any) -> Iterator[Any]:
    connections = Connections(bench.tool("tls"))

    def connect(watcher: Any = None, *, narrow: bool = False, **react: Any) -> Any:
        return connections.client(watcher, react=react, narrow=narrow)

    yield types.SimpleNamespace(open=connect)


def tls12_channel(bench: Any) -> Iterator[Any]:
    connections = Connections(bench.tool("tls"))

    def connect(watcher: Any = None, *, narrow: bool = False, **react: Any) -> Any:
        return connections.client(watcher, react=react, narrow=narrow)

    yield types.SimpleNamespace(open=connect)


def tls_server_channel(bench: Any) -> Iterator[Any]:
    authority = bench.tool("tls")
    connections = Connections(authority)

    def accept(watcher: Any = None, *, narrow: bool = False, **react: Any) -> Any:
        context = authority.server
        context.num_tickets = 0
        return connections.server(watcher, near=context, react=react, narrow=narrow)

    yield types.SimpleNamespace(open=accept)


def start_tls_channel(bench: Any) -> Iterator[Any]:
    connections = Connections(bench.tool("tls"))

    @contextlib.asynccontextmanager
    async def upgraded(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
        async with connections.plain(asyncio.Protocol, narrow=narrow) as (plain, _, peer):
            protocol = made(watcher, react)()
            transport = await connections.upgrade(plain, protocol, peer)
            protocol.connection_made(transport)
            yield transport, protocol, peer
            transport.abort()

    yield types.SimpleNamespace(open=upgraded)


def start_tls_server_channel(bench: Any) -> Iterator[Any]:
    authority = bench.tool("tls")
    connections = Connections(authority)

    @contextlib.asynccontextmanager
    async def upgraded(watcher: Any = None, *, narrow: bool = False, **react: Any) -> AsyncIterator[Any]:
        async with connections.plain(asyncio.Protocol, narrow=narrow) as (plain, _, peer):
            protocol = made(watcher, react)()
            context = authority.server
            context.num_tickets = 0
            transport = await connections.upgrade(plain, protocol, peer, near=context, server_side=True)
            protocol.connection_made(transport)
            yield transport, protocol, peer
            transport.abort()

    yield types.SimpleNamespace(open=upgraded)


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


# runner/audit.py


def open_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/dev/fd"))


def running_threads() -> list[str]:
    gc.collect()
    for thread in set(threading.enumerate()) - {threading.current_thread()}:
        thread.join(1)
    return sorted(thread.name for thread in threading.enumerate())


def pending_tasks() -> int:
    gc.collect()
    return sum(isinstance(one, asyncio.Task) and not one.done() for one in gc.get_objects())


def has_children() -> bool:
    gc.collect()
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def handlers() -> dict[str, str]:
    gc.collect()
    known = [one for one in signal.Signals if signal.getsignal(one) not in (signal.SIG_DFL, signal.SIG_IGN, None)]
    return {one.name: getattr(signal.getsignal(one), "__name__", "something") for one in known}


def wakeup_descriptor() -> int:
    return signal.set_wakeup_fd(-1)


def asyncgen_hooks() -> bool:
    return sys.get_asyncgen_hooks() != (None, None)


class Reports(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []
        logging.getLogger("asyncio").addHandler(self)
        sys.unraisablehook = lambda about: self.seen.append(repr(about.exc_value))

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.getMessage().partition("\n")[0])

    def __call__(self) -> list[str]:
        gc.collect()
        return list(self.seen)


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
