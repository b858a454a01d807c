"""Short doubles of what programs with input and output use: for a script that shows what one of them does.

The doubles have the names that programs have for things, see :mod:`loopcheck.compare.script`, where all of it is done
with more care. A script has the text of this module, and what it does not need of it is left out.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

loop: Any = None
seen: list[str] = []
much = bytes(2**20)

TURNS = 20
"""How often the loop runs until a step is over; a script has the number."""

followers: list[Callable[[], Any]] = []
"""What goes on by itself beside the loop."""


def rest() -> None:
    for _ in range(TURNS):
        try:
            loop.run_until_complete(asyncio.sleep(0.001))
        except BaseException as error:
            seen.append(f"main: the loop: raises {phrase(error)}")
        for follow in followers:
            follow()


def phrase(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        return repr(bytes(value)) if len(value) < 60 else f"{len(value)} bytes"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(phrase, value)) + "]"
    if isinstance(value, BaseException):
        return "ConnectionError" if isinstance(value, ConnectionError) else type(value).__name__
    if value is None or isinstance(value, (bool, int, float, str)):
        return str(value) if type(value).__name__ == "Told" else repr(value)
    return value.get_name() if isinstance(value, asyncio.Task) else "something"


def read(peer: Any) -> list[Any]:
    got = b""
    while True:
        try:
            some = peer.recv(2**20)
        except BlockingIOError:
            before = len(seen)
            rest()
            if not select.select([peer], [], [], 0)[0] and len(seen) == before:
                return [got, True, *([peer.notified] if hasattr(peer, "notified") else [])]
            continue
        except OSError:
            return [got, False]
        if not some:
            return [got, False, *([peer.notified] if hasattr(peer, "notified") else [])]
        got += some


def pair() -> Any:
    ours, peer = socket.socketpair()
    ours.setblocking(False)
    peer.setblocking(False)
    return ours, peer


async def opening(name: str, what: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await what
    except Exception as error:
        seen.append(f"{name}: opening: raises {phrase(error)}")


async def started(name: str, code: str, what: Callable[[], Awaitable[Any]]) -> None:
    try:
        seen.append(f"{name}: {code}: {phrase(await what())}")
    except BaseException as error:
        seen.append(f"{name}: {code}: raises {phrase(error)}")


async def in_task(function: Callable[[], None]) -> None:
    function()


def handler(loop: Any, context: dict[str, Any]) -> None:
    seen.append(f"handler: ({', '.join(sorted(context))}): {phrase(context.get('exception', ''))}")


class Log(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info and record.exc_info[1]
        seen.append(f"log: {record.levelname}" + (f": {phrase(error)}" if error else ""))


class PipeEnd:
    def __init__(self, descriptor: int, mode: str) -> None:
        self.file = os.fdopen(descriptor, mode, 0)
        self.fileno, self.send, self.close = self.file.fileno, self.file.write, self.file.close
        os.set_blocking(descriptor, False)

    def recv(self, number: int) -> bytes:
        return os.read(self.file.fileno(), number) if self.file.mode == "rb" else b""

    def shutdown(self, how: int) -> None:
        self.file.close()


class Moments:
    name: str
    bodies: dict[str, Any]

    def when(self, moment: str, body: Any) -> None:
        self.bodies[moment] = body

    def tell(self, moment: str, result: str = "") -> None:
        seen.append(f"{self.name}: {moment}{result}")
        self.bodies.pop(moment, lambda: None)()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.tell("connection_made")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.tell("connection_lost", f": {phrase(exc)}")


class Connection(Moments, asyncio.Protocol):
    def __init__(self, name: str, style: str, moment: str, body: Any, accepted: bool = False) -> None:
        self.name = name
        self.style = style
        self.bodies = {moment: body}
        self.protocol = self
        self.number = 1
        if accepted:
            return
        if style in ("read pipe", "write pipe"):
            reads, writes = os.pipe()
            self.peer: Any
            if style == "read pipe":
                self.peer = PipeEnd(writes, "wb")
                loop.create_task(opening(name, loop.connect_read_pipe(self.factory, os.fdopen(reads, "rb", 0))))
            else:
                self.peer = PipeEnd(reads, "rb")
                loop.create_task(opening(name, loop.connect_write_pipe(self.factory, os.fdopen(writes, "wb", 0))))
            return
        ours, self.peer = pair()
        self.begin()
        loop.create_task(opening(name, loop.create_connection(self.factory, sock=ours)))

    def begin(self) -> None:
        if self.style in ("early", "gone"):
            self.peer.send(b"early")
        if self.style == "gone":
            self.peer.close()

    def factory(self) -> Any:
        if self.style == "fails":
            raise ValueError("v")
        return Buffered(self) if self.style == "buffered" else self

    def data_received(self, data: bytes) -> None:
        kind = "" if type(data) is bytes else f" of {type(data).__name__}"
        seen.append(f"{self.name}: data_received{kind}: {phrase(data)}")
        self.bodies.pop("data_received", lambda: None)()

    def eof_received(self) -> bool | None:
        self.tell("eof_received")
        return self.style == "keeps open"

    def pause_writing(self) -> None:
        self.tell("pause_writing")

    def resume_writing(self) -> None:
        self.tell("resume_writing")

    def another(self) -> Any:
        self.protocol = Connection(self.name, self.style, "", None, True)
        self.protocol.bodies = self.bodies
        self.protocol.transport = self.transport
        return self.protocol


class Buffered(asyncio.BufferedProtocol):
    def __init__(self, of: Any) -> None:
        self.of = of

    def connection_made(self, transport: Any) -> None:
        self.of.connection_made(transport)

    def eof_received(self) -> Any:
        return self.of.eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.of.connection_lost(exc)

    def pause_writing(self) -> None:
        self.of.pause_writing()

    def resume_writing(self) -> None:
        self.of.resume_writing()

    def get_buffer(self, sizehint: int) -> bytearray:
        self.buffer = bytearray(100)
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        seen.append(f"{self.of.name}: buffer_updated: {phrase(self.buffer[:nbytes])}")
        self.of.bodies.pop("data_received", lambda: None)()


class Stream:
    def __init__(self, name: str, **options: Any) -> None:
        self.name = name
        ours, self.peer = pair()
        self.reader: Any
        self.writer: Any
        loop.create_task(opening(name, self.connect(ours, options)))

    async def connect(self, sock: Any, options: dict[str, Any]) -> None:
        self.reader, self.writer = await asyncio.open_connection(sock=sock, **options)


def listening(kind: int = socket.AF_UNIX) -> Any:
    sock = socket.socket(kind)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0) if kind == socket.AF_INET else "")
    sock.listen(100)
    return sock


class Server:
    def __init__(self, name: str, family: str, start_serving: bool) -> None:
        self.kind = socket.AF_INET if family == "tcp" else socket.AF_UNIX
        self.sock = listening(self.kind)
        self.address = self.sock.getsockname()
        self.expected: list[Any] = []
        self.server: Any
        loop.create_task(opening(name, self.start(start_serving)))

    async def start(self, start_serving: bool) -> None:
        create = loop.create_server if self.kind == socket.AF_INET else loop.create_unix_server
        self.server = await create(self.accept, sock=self.sock, start_serving=start_serving)

    def accept(self) -> Any:
        return self.expected.pop(0).factory()

    def dial(self, name: str, style: str, moment: str, body: Any) -> Any:
        one = Connection(name, style, moment, body, True)
        one.peer = socket.socket(self.kind)
        one.peer.connect(self.address)
        one.peer.setblocking(False)
        if self.kind == socket.AF_INET and self.sock.fileno() >= 0:
            select.select([self.sock], [], [], 5)
        self.expected.append(one)
        one.begin()
        return one


class Watched:
    def __init__(self, name: str) -> None:
        self.name = name
        self.sock, self.peer = pair()
        self.fd = self.sock.fileno()

    def reads(self, body: Any, *more: str) -> None:
        try:
            got = self.sock.recv(100)
            end = not got
        except ConnectionError:
            got, end = b"", True
        seen.append(f"{self.name}: is readable: {phrase([got, end, *more])}")
        if end:
            loop.remove_reader(self.fd)
        body()

    def writes(self, body: Any, *more: str) -> None:
        seen.append(f"{self.name}: is writable: {', '.join(more)}")
        loop.remove_writer(self.fd)
        body()


class PlainSocket:
    def __init__(self, name: str) -> None:
        self.sock, self.peer = pair()
        self.listener = listening()
        self.ours, self.other = mail()

    async def recv(self, sock_recv: Any, count: int) -> Any:
        return await sock_recv(self.sock, count)

    async def recv_into(self, sock_recv_into: Any) -> Any:
        buffer = bytearray(10)
        return [await sock_recv_into(self.sock, buffer), buffer]

    async def send(self, sock_sendall: Any, data: bytes) -> Any:
        return await sock_sendall(self.sock, data)

    async def accept(self, sock_accept: Any) -> Any:
        sock, _ = await sock_accept(self.listener)
        return [sock.gettimeout(), sock.recv(10)]

    async def connect(self, sock_connect: Any) -> Any:
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        await sock_connect(sock, self.listener.getsockname())
        sock.send(b"connected")

    async def recvfrom(self, sock_recvfrom: Any) -> Any:
        data, address = await sock_recvfrom(self.ours, 10)
        return [data, address == self.other.getsockname()]

    async def recvfrom_into(self, sock_recvfrom_into: Any) -> Any:
        buffer = bytearray(10)
        number, address = await sock_recvfrom_into(self.ours, buffer)
        return [number, address == self.other.getsockname(), buffer]

    async def sendto(self, sock_sendto: Any, data: bytes) -> Any:
        number = await sock_sendto(self.ours, data, self.other.getsockname())
        return [number, bool(select.select([self.other], [], [], 5)[0]) and self.other.recv(100)]

    def posted(self, data: bytes) -> None:
        self.other.sendto(data, self.ours.getsockname())
        select.select([self.ours], [], [], 5)

    def dialled(self) -> None:
        self.dialler = socket.socket(socket.AF_UNIX)
        self.dialler.connect(self.listener.getsockname())
        self.dialler.send(b"dialled")


def mail() -> Any:
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for sock in socks:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
    return socks


class Datagrams(Moments, asyncio.DatagramProtocol):
    def __init__(self, name: str, connected: bool, moment: str, body: Any) -> None:
        self.name = name
        self.bodies = {moment: body}
        self.sock, mailbox = mail()
        self.known = self.sock.dup()
        self.address = mailbox.getsockname()
        self.connected = connected
        if connected:
            self.sock.connect(self.address)
        self.sent = 0
        self.peer = Mailbox(self, mailbox, self.sock.getsockname())
        loop.create_task(opening(name, loop.create_datagram_endpoint(lambda: self, sock=self.sock)))

    def sendto(self, data: bytes) -> None:
        self.transport.sendto(data, None if self.connected else self.address)
        self.sent += not self.peer.closed

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.tell("datagram_received", f": {phrase([data, addr == self.address])}")

    def error_received(self, exc: Exception) -> None:
        self.tell("error_received", f": {phrase(exc)}")


class Mailbox:
    def __init__(self, owner: Any, sock: Any, address: Any) -> None:
        self.owner, self.sock, self.address = owner, sock, address
        self.closed = False

    def send(self, data: bytes) -> None:
        self.sock.sendto(data, self.address)
        select.select([self.owner.known], [], [], 5)

    def read(self) -> Any:
        got = []
        for _ in range(self.owner.sent):
            select.select([self.sock], [], [], 5)
            got.append(self.sock.recv(100))
        self.owner.sent = 0
        return got

    def close(self) -> None:
        self.sock.close()
        self.closed = True
