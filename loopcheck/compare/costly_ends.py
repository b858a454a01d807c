"""Short doubles of more that programs use: TLS, child processes, and what is tried with all kinds of arguments.

As in :mod:`loopcheck.compare.ends`, whose text stands before that of this module in a script that needs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from loopcheck.compare.ends import (
    Connection,
    Moments,
    Stream,
    followers,
    loop,
    opening,
    pair,
    phrase,
    seen,
)

# secured.py

folder = tempfile.TemporaryDirectory()


def certificate(name: str) -> str:
    file = f"{folder.name}/{name}.pem"
    if not os.path.exists(file):
        command = f"openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout {file} -out {file}"
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        subprocess.run([*command.split(), *names], check=True, capture_output=True)
    return file


def secure_context(side: str, whose: str = "ours") -> Any:
    if side == "server":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(whose))
        context.num_tickets = 0
        context.sni_callback = keep_name
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if whose == "ours":
            context.load_verify_locations(certificate("ours"))
    context.set_alpn_protocols(["b", "a"] if side == "server" else ["h3", "a", "b"])
    return context


def keep_name(tls: Any, name: str | None, context: Any) -> None:
    tls.asked_for = name


class SecurePeer:
    def __init__(self, name: str, sock: Any, side: str, manner: str = "plain") -> None:
        self.name, self.manner, self.notified = name, manner, False
        context = secure_context(side, "a stranger's" if manner == "stranger" else "ours")
        host = "localhost" if side == "client" else None
        self.sock: Any = context.wrap_socket(
            sock, side == "server", do_handshake_on_connect=False, suppress_ragged_eofs=False, server_hostname=host
        )
        self.fileno = self.sock.fileno
        self.state = "waits" if manner == "waits" else "shakes"
        followers.append(self.moves)

    def moves(self) -> None:
        if self.state != "shakes" or self.fileno() < 0:
            return
        if self.manner in ("garbage", "hangs up"):
            self.state = "failed"
            if self.manner == "garbage":
                socket.socket.send(self.sock, b"no TLS\n" * 4)
            else:
                self.sock.close()
            return
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            return
        except OSError:
            self.state = "failed"
            self.sock.close()
            return
        self.state = "done"
        asked_for = getattr(self.sock, "asked_for", None)
        seen.append(f"{self.name}'s peer: handshake: {self.sock.selected_alpn_protocol()}, {asked_for}")
        if self.manner == "early":
            self.send(b"early")

    def handshake(self) -> None:
        self.state = "shakes"

    def send(self, data: bytes) -> None:
        if self.state == "done" and self.fileno() >= 0:
            self.sock.sendall(data)

    def recv(self, number: int) -> bytes:
        try:
            some: bytes = self.sock.recv(number)
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        except OSError:
            some, self.notified = b"", False
        else:
            self.notified = not some
        if self.notified:
            self.shutdown(socket.SHUT_WR)
        return some

    def shutdown(self, how: int) -> None:
        with contextlib.suppress(OSError):  # it does not wait for the answer
            self.sock.unwrap()

    def close(self) -> None:
        if self.state == "done" and self.fileno() >= 0:
            self.shutdown(socket.SHUT_WR)
        self.sock.close()


def bottom(peer: Any) -> Any:
    return peer.sock if isinstance(peer, SecurePeer) else peer


class Secured(Connection):
    def __init__(self, name: str, side: str, style: str, moment: str, body: Any, **options: Any) -> None:
        super().__init__(name, style, moment, body, True)
        ours, far = pair()
        self.peer = SecurePeer(name, far, "client" if side == "server" else "server", style)
        options = {"sock": ours, "ssl": secure_context(side)} | (
            {"server_hostname": "localhost"} | options if side == "client" else options
        )
        connect = loop.create_connection if side == "client" else loop.connect_accepted_socket
        loop.create_task(opening(name, self.connect(connect, options)))

    async def connect(self, connect: Any, options: dict[str, Any]) -> None:
        await connect(self.factory, **options)


def secured_stream(name: str) -> Any:
    one = Stream(name, ssl=secure_context("client"), server_hostname="localhost")
    one.peer = SecurePeer(name, one.peer, "server")
    return one


async def upgrade(one: Any, side: str) -> None:
    one.peer = SecurePeer(one.name, one.peer, "client" if side == "server" else "server")
    host = "localhost" if side == "client" else None
    if isinstance(one, Stream):
        await one.writer.start_tls(secure_context(side), server_hostname=host)
    else:
        options = {"server_side": side == "server", "server_hostname": host}
        one.transport = await loop.start_tls(one.transport, one.protocol, secure_context(side), **options)


# children.py


def command(way: str, kind: str) -> Any:
    lines = {
        "echo": 'while IFS= read -r a; do printf "%s\\n" "$a"; done; printf %s "$a"',
        "cat": "exec cat",
        "says": "echo out; echo err >&2; exit 2",
        "true": "exit 0",
        "dies": "kill -9 $$",
        "deaf": "exec sleep 600",
        "missing": "exec /missing/program",
        "folder": "exec /",
    }
    if way == "shell":
        return [lines[kind]]
    programs = {"cat": "cat", "true": "true", "deaf": "sleep 600", "missing": "/missing/program", "folder": "/"}
    return programs[kind].split() if kind in programs else ["sh", "-c", lines[kind]]


def piped(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    followers.append(linger)
    return {"stdin": -1, "stdout": -1, "stderr": subprocess.DEVNULL if kind == "echo" else -1} | options


def linger() -> None:
    time.sleep(0.005)


class Ending:
    handle: Any

    def signal(self, number: int) -> Any:
        return self.handle.send_signal(number)

    def kill(self) -> Any:
        return self.handle.kill()

    def terminate(self) -> Any:
        return self.handle.terminate()


class Child(Ending, Moments, asyncio.SubprocessProtocol):
    def __init__(self, name: str, way: str, kind: str, moment: str, body: Any, **options: Any) -> None:
        self.name, self.kind, self.bodies = name, kind, {moment: body}
        self.exited, self.output = False, b""
        self.pipes_lost: list[int] = []
        start = loop.subprocess_shell if way == "shell" else loop.subprocess_exec
        loop.create_task(opening(name, self.start(start, command(way, kind), piped(kind, options))))

    async def start(self, start: Any, command: Any, options: dict[str, Any]) -> None:
        await start(lambda: self, *command, **options)

    def connection_made(self, transport: Any) -> None:
        self.handle = transport
        super().connection_made(transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if self.kind == "cat":
            self.output += data
        else:
            seen.append(f"{self.name} pipe {fd}: pipe_data_received: {phrase(data)}")
            self.bodies.pop("pipe_data_received", lambda: None)()

    def pipe_connection_lost(self, fd: int, exc: BaseException | None) -> None:
        self.pipes_lost.append(fd)
        if fd == 1 and self.output:
            seen.append(f"{self.name} pipe 1: pipe_data_received: {phrase(self.output)}")
        seen.append(f"{self.name} pipe {fd}: pipe_connection_lost: {fd == 0 or exc is None}")
        self.bodies.pop("pipe_connection_lost", lambda: None)()

    def pause_writing(self) -> None:
        seen.append(f"{self.name} pipe 0: pause_writing")

    def resume_writing(self) -> None:
        seen.append(f"{self.name} pipe 0: resume_writing")

    def process_exited(self) -> None:
        self.exited = True
        self.tell("process_exited", f": {self.transport.get_returncode()}")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.tell("connection_lost", f": {phrase(exc)}; pipes {sorted(self.pipes_lost)}, exited: {self.exited}")

    def write(self, data: Any) -> Any:
        return self.transport.get_pipe_transport(0).write(data)

    def close_input(self) -> None:
        self.transport.get_pipe_transport(0).close()

    def close(self) -> Any:
        return self.transport.close()

    def pause(self) -> Any:
        return self.transport.get_pipe_transport(1).pause_reading()

    def resume(self) -> Any:
        return self.transport.get_pipe_transport(1).resume_reading()

    def returncode(self) -> Any:
        return self.transport.get_returncode()

    def let_go(self) -> None:
        self.transport.close()


class Process(Ending):
    def __init__(self, name: str, way: str, kind: str, **options: Any) -> None:
        self.process: Any
        create = asyncio.create_subprocess_shell if way == "shell" else asyncio.create_subprocess_exec
        loop.create_task(opening(name, self.start(create, command(way, kind), piped(kind, options))))

    async def start(self, create: Any, command: Any, options: dict[str, Any]) -> None:
        self.handle = self.process = await create(*command, **options)

    def write(self, data: Any) -> Any:
        return self.process.stdin.write(data)

    def close_input(self) -> None:
        self.process.stdin.close()

    async def drain(self) -> Any:
        return await self.process.stdin.drain()

    async def communicate(self, data: bytes | None) -> Any:
        return await self.process.communicate(data)

    def returncode(self) -> Any:
        return self.process.returncode

    def let_go(self) -> None:
        if self.process.returncode is None:
            self.process.kill()


# attempts.py


class Told(str):
    pass


async def tried(name: str, code: str, what: Callable[[], Awaitable[Any]]) -> None:
    try:
        seen.append(f"{name}: {code}: {phrase(await what())}")
    except (TypeError, ValueError, OverflowError, AttributeError, socket.gaierror):
        seen.append(f"{name}: {code}: raises that it makes no sense")
    except BaseException as error:
        seen.append(f"{name}: {code}: raises {phrase(error)}")


async def outcome(awaitable: Awaitable[Any]) -> Any:
    value = await awaitable
    if hasattr(value, "sockets"):
        text = ", ".join(sorted(map(kind_of, value.sockets)))
        value.close()
        return Told(f"a server on {text}")
    if isinstance(value, tuple) and hasattr(value[0], "get_extra_info"):
        sock, peer = (value[0].get_extra_info(what) for what in ("socket", "peername"))
        value[0].abort()
        known = {ports.listening: "listening", ports.refusing: "refusing"}
        return Told(f"{kind_of(sock)} to {f'{peer[0]}, {known.get(peer[1], peer[1])}' if peer else 'nobody'}")
    if isinstance(value, list):
        return Told([(int(family), int(kind), *more) for family, kind, *more in value])
    return Told(value)


def kind_of(sock: Any) -> str:
    return f"{socket.AddressFamily(sock.family).name} {socket.SocketKind(sock.type).name}"


class Ports:
    def __init__(self) -> None:
        self.sockets = [socket.socket(), socket.create_server(("127.0.0.1", 0))]
        self.sockets[0].bind(("127.0.0.1", 0))
        self.refusing, self.listening = (sock.getsockname()[1] for sock in self.sockets)
        self.stream = socket.socket()
        self.datagram = socket.socket(type=socket.SOCK_DGRAM)


ports = Ports()


# signals


def in_thread(function: Callable[[], Any]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()
