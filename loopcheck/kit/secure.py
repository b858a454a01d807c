"""TLS by hand: the other end of a secured connection, and connections of the subject to it.

:class:`Secure` is a socket with TLS over another one, made of :class:`ssl.MemoryBIO`: what it sends can be held back,
cut, repeated or replaced, and it can be laid over another Secure, for TLS in TLS. :class:`SecurePeer` is a Peer whose
socket may become one: ``peer.secure(context, server_side=True)`` is a step like any other.

A SecurePeer is polite: when the next that it would read is the subject's close_notify it answers with its own, also
while it is told nothing, so that close() comes to its end. For that it looks a little ahead, never past a record of
more than a kilobyte. ``peer.sulk()`` tells it not to answer.

Checks of TLS get connections from the tool ``secure``::

    async with secure.client() as (transport, protocol, peer):
        ...
    refusal = await secure.refusal(far=tls.serving(issuer="stranger"))
    assert refusal.kind is ssl.SSLCertVerificationError

``far`` is the peer's context, or what it does instead of a handshake, as a function of its plain socket; ``near`` is
the subject's context, or whatever else is to be given as ``ssl``; other keywords are handed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from loopcheck.kit.bench import HEAVY, Bench, tool
from loopcheck.kit.channels import Channel, Wire, _Made, pattern
from loopcheck.kit.net import closing, putting_away, serving, within
from loopcheck.kit.peers import _STUCK, AS_SENT, Doing, Peer, compared, connect, narrowed
from loopcheck.kit.ready import readable, writable

HEAVY |= {"secure": "loopcheck.kit.authority", "cutting": "loopcheck.kit.examples"}

_HEADER = 5
"""Bytes that a TLS record begins with: type, version, length."""

_SMALL = 1024
"""Bytes. A peer that is told nothing looks ahead at records of this size at most: a close_notify has 24 to 60."""

_RECORD = 2**14
"""Bytes that a TLS record carries at most."""

CLOSE_NOTIFY = "close_notify"
TRUNCATED = "the end of TCP"

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


async def calling(method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call and await it, as programs do: what it raises may come of the one or of the other."""
    return await method(*arguments, **options)


async def begun(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task that has begun with it; what it raises at once is raised here."""
    task = asyncio.ensure_future(coroutine)
    for _ in range(2):
        await asyncio.sleep(0)
    if task.done():
        task.result()
    return task


def pinned(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    """The context, which now speaks this version alone."""
    context.minimum_version = context.maximum_version = version
    return context


def paced(loop: asyncio.AbstractEventLoop, sizes: Iterator[int], patience: float) -> Callable[[Any, bytes], None]:
    """A way to deliver bytes in packets of these sizes, each when the loop has had time to read the one before.

    When there are no more sizes, all that is left is one packet. The loop must be running.
    """

    def turn() -> None:
        for _ in range(2):  # one to be woken, and one to read
            turned = threading.Event()
            loop.call_soon_threadsafe(turned.set)
            turned.wait(patience)

    def deliver(sock: Any, data: bytes) -> None:
        while data:
            size = next(sizes, len(data))
            sock.sendall(data[:size])
            data = data[size:]
            if data:
                turn()

    return deliver


class Secure:
    """One end of TLS over a connected socket, or over another Secure; it blocks as that does.

    Args:
        below: what carries the records.
        context: the context.
        deliver: called with ``below`` and bytes to send them; by default all at once.
        options: as for SSLContext.wrap_bio().
    """

    def __init__(
        self,
        below: Any,
        context: ssl.SSLContext,
        *,
        deliver: Callable[[Any, bytes], Any] | None = None,
        **options: Any,
    ) -> None:
        self.below = below
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, **options)
        self._deliver = deliver or (lambda sock, data: sock.sendall(data))
        self._plain = bytearray()
        self._cipher = b""
        self.ended: str | None = None
        """How the other end has ended its direction: :data:`CLOSE_NOTIFY`, :data:`TRUNCATED`, or not yet."""
        self.answers = True
        """Whether it answers a close_notify."""
        self._said_goodbye = False
        self.held = False
        """Whether the end of the handshake waits, to be sent together with the first data."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)  # options, addresses and time-outs are those of the socket

    # handshake

    def handshake(self, *, hold_last: bool = False) -> None:
        """Do the handshake; with ``hold_last`` what this end sends last is kept for what is sent next."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                self._feed()
            except ssl.SSLError:
                self.flush()  # the alert
                raise
            else:
                break
        if hold_last:
            self.held = True
        else:
            self.flush()

    # sending

    def encrypt(self, data: bytes) -> bytes:
        """The records that carry the data, not sent yet, with what was held back before them."""
        for begin in range(0, len(data), _RECORD):
            self.tls.write(data[begin : begin + _RECORD])
        return self._out.read()

    def sendall(self, data: bytes) -> None:
        """Send all of the data."""
        self._out_of_the_way()
        if self.held:
            self.held = False
            self._deliver(self.below, self.encrypt(data))
            return
        for begin in range(0, len(data), _RECORD):
            self.tls.write(data[begin : begin + _RECORD])
            self._send_out()

    def send_some(self, data: bytes) -> int:
        """Send of the data what can be sent without blocking; how much that was. For a plain socket below."""
        if not self._cipher:
            self.tls.write(data[:_RECORD])
            self._cipher = self._out.read()
            whole = min(len(data), _RECORD)
        else:
            whole = 0
        with contextlib.suppress(BlockingIOError):
            self._cipher = self._cipher[self.below.send(self._cipher, socket.MSG_DONTWAIT) :]
        return whole

    def flush(self) -> None:
        """Send what is held back."""
        self.held = False
        self._send_out()

    def say_goodbye(self) -> None:
        """Send close_notify, without waiting for an answer; reading goes on."""
        if not self._said_goodbye:
            self._said_goodbye = True
            self._out_of_the_way()
            with contextlib.suppress(ssl.SSLError):  # it wants to read the answer
                self.tls.unwrap()
            self.flush()

    # receiving

    def recv(self, number: int) -> bytes:
        """Read up to so many bytes; empty at the end, of which ``ended`` says what it was."""
        while not self._plain and self.ended is None:
            self._feed()
            self._decrypt()
        data = bytes(self._plain[:number])
        del self._plain[:number]
        return data

    @property
    def waiting(self) -> int:
        """How many bytes have been decrypted and not been read."""
        return len(self._plain)

    def look_ahead(self) -> bool:
        """Decrypt one small record, if it is there; whether it was, or the end."""
        if self.ended is not None:
            return False
        head = self._peek(_HEADER)
        if head is None:
            return False
        if head:
            length = _HEADER + int.from_bytes(head[3:5], "big")
            if length > _SMALL or self._peek(length) is None:
                return False
        self._feed()
        self._decrypt()
        return True

    def _peek(self, number: int) -> bytes | None:
        """So many bytes that are there, not consumed; empty at the end; None if there are fewer yet."""
        if isinstance(self.below, Secure):
            return bytes(self.below._plain[:number]) if len(self.below._plain) >= number else None
        if not readable(self.below):
            return None
        seen: bytes = self.below.recv(number, socket.MSG_PEEK)
        return seen if len(seen) in (0, number) else None

    def _feed(self) -> None:
        """Read one record, without decrypting it."""
        head = self._exactly(_HEADER)
        body = self._exactly(int.from_bytes(head[3:5], "big")) if len(head) == _HEADER else b""
        self._in.write(head + body)
        if not head:
            self._in.write_eof()

    def _exactly(self, number: int) -> bytes:
        data = b""
        while len(data) < number and (chunk := self.below.recv(number - len(data))):
            data += chunk
        return data

    def _decrypt(self) -> None:
        try:
            while chunk := self.tls.read(_RECORD):
                self._plain += chunk
            self.ended = CLOSE_NOTIFY
        except ssl.SSLWantReadError:
            if not self.held:
                self._send_out()  # an answer to a message of the protocol
        except ssl.SSLZeroReturnError:
            self.ended = CLOSE_NOTIFY
        except ssl.SSLEOFError:
            self.ended = TRUNCATED
        except ssl.SSLError:
            self._send_out()  # the alert
            raise
        if self.ended == CLOSE_NOTIFY and self.answers:
            with contextlib.suppress(OSError):  # who has closed need not take it
                self.say_goodbye()

    def _out_of_the_way(self) -> None:
        if self._cipher:
            self.below.sendall(self._cipher)
            self._cipher = b""

    def _send_out(self) -> None:
        data = self._out.read()
        if data:
            self._deliver(self.below, data)


class SecurePeer(Peer):
    """A peer that can speak TLS, and answers the subject's close_notify also while it is told nothing."""

    def __init__(self, sock: socket.socket | Callable[[], socket.socket], patience: float) -> None:
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._layers: list[Secure] = []
        super().__init__(sock, patience)

    # what it can be told

    def secure(self, context: ssl.SSLContext, **options: Any) -> Doing[str]:
        """Do a TLS handshake, over the TLS that there is already if there is; what came of it, "done" or the error.

        Options as for :class:`Secure`, and ``hold_last``. An error is no failure of the peer.
        """

        def act() -> str:
            hold = options.pop("hold_last", False)
            layer = Secure(self.sock, context, **options)
            try:
                layer.handshake(hold_last=hold)
            except OSError as error:
                return type(error).__name__
            self._layers.append(layer)
            self._sock = layer  # type: ignore[assignment]  # it does what peers need of a socket
            return "done"

        return self._tell("doing the TLS handshake", act)

    def sulk(self) -> Doing[None]:
        """From here on answer no close_notify."""

        def act() -> None:
            for layer in self._layers:
                layer.answers = False

        return self._tell("sulking", act)

    def half_close(self) -> Doing[None]:
        """Send close_notify, or the end of the connection without TLS, and go on reading."""

        def act() -> None:
            if self._layers:
                self._layers[-1].say_goodbye()
            else:
                self.sock.shutdown(socket.SHUT_WR)

        return self._tell("sending close_notify", act)

    def truncate(self) -> Doing[None]:
        """End the sending direction of TCP, without close_notify."""
        return self._tell("closing its writing side", lambda: self.sock.shutdown(socket.SHUT_WR))

    def sends_raw(self, data: bytes) -> Doing[None]:
        """Send bytes as they are, below all TLS."""
        return self._tell(f"sending {len(data)} plain bytes", lambda: self.bottom.sendall(data))

    def read_to_reset(self) -> Doing[bytes]:
        def read() -> bytes:
            data = bytearray()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                while chunk := self.sock.recv(2**18):
                    data += chunk
            return bytes(data)

        return self._tell("reading to the end", read)

    def read_waiting(self) -> Doing[bytes]:
        def read() -> bytes:
            data = bytearray()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                while (self._layers and self._layers[-1].waiting) or bool(readable(self.bottom)):
                    if not (chunk := self.sock.recv(2**18)):
                        break
                    data += chunk
            return bytes(data)

        return self._tell("reading what is there", read)

    def _push(self, most: int) -> int:
        if len(self._layers) != 1:
            raise AssertionError("flood() is for one layer of TLS")
        data, sent = bytes(_RECORD), 0
        while sent < most and not self._ending and writable(self.bottom, timeout=_STUCK):
            sent += self._layers[0].send_some(data)
        return sent

    def how_it_ended(self) -> Doing[str | None]:
        """Read to the end; what that was: :data:`CLOSE_NOTIFY`, :data:`TRUNCATED`, or the name of an error."""

        def read() -> str | None:
            try:
                while self.sock.recv(2**18):
                    pass
            except OSError as error:
                return type(error).__name__
            return self._layers[-1].ended if self._layers else TRUNCATED

        return self._tell("reading to the end", read)

    def names_shown(self) -> Doing[list[str]]:
        """The names in the certificate that the subject has shown.

        Asked in the peer's thread: while that takes in what comes after a handshake, there is no certificate.
        """

        def look() -> list[str]:
            certificate = self.tls.getpeercert()
            return names_in(certificate) if certificate else []

        return self._tell("looking at the certificate", look)

    # what there is to know

    @property
    def bottom(self) -> socket.socket:
        """The plain socket."""
        below: Any = self.sock
        while isinstance(below, Secure):
            below = below.below
        plain: socket.socket = below
        return plain

    @property
    def tls(self) -> ssl.SSLObject:
        """The TLS object, of the uppermost layer."""
        return self._layers[-1].tls

    # its thread

    def end(self) -> None:
        __tracebackhide__ = True
        try:
            self._ringer.send(b"x")
            super().end()
        finally:
            self._bell.close()
            self._ringer.close()

    def _tell(self, what: str, act: Callable[[], Any]) -> Doing[Any]:
        doing = super()._tell(what, act)
        self._ringer.send(b"x")
        return doing

    def _work(self) -> None:
        while True:
            while self._steps.empty() and not self._ending:
                self._idle()
            doing = self._steps.get()
            if doing is None:
                return
            if self._ending:
                continue
            doing.run()
            if self._ending:
                doing.error = None  # it ended because all ended

    def _idle(self) -> None:
        """Wait for a step, or answer a close_notify."""
        watched: list[Any] = [self._bell]
        alive = any(layer.ended is None for layer in self._layers) and self.bottom.fileno() >= 0
        if alive and not self._stuck:
            watched.append(self.bottom)
        ready = readable(*watched, timeout=self._patience)
        if self._bell in ready:
            with contextlib.suppress(BlockingIOError):
                self._bell.recv(4096)
            self._stuck = False
            return
        seen = False
        with contextlib.suppress(OSError):
            seen = sum(layer.look_ahead() for layer in self._layers) > 0
        self._stuck = not seen  # there is more than it wants to see, or only a part yet
        if self._stuck:
            # Part of a record is there: the rest makes no difference to readable().
            readable(self._bell, timeout=0.001)
            with contextlib.suppress(OSError):
                self._stuck = not self._maybe_partial()

    _stuck = False

    def _maybe_partial(self) -> bool:
        head = self.bottom.recv(_HEADER, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        return len(head) < _HEADER or int.from_bytes(head[3:5], "big") <= _SMALL


@dataclass
class Refusal:
    """What came of a connection that was to fail."""

    error: BaseException | None
    """What the call raised; None if it did not."""
    events: list[str]
    """The callbacks of the protocol."""
    peer: str
    """What came of the peer's handshake: "done", or the name of the error."""

    @property
    def kind(self) -> type | None:
        """The class of the error."""
        return None if self.error is None else type(self.error)

    @property
    def is_oserror(self) -> bool:
        """Whether it is an OSError, as all errors of TLS and of connections are."""
        return isinstance(self.error, OSError)

    @property
    def code(self) -> int | None:
        """The reason of OpenSSL for which a certificate does not verify."""
        return getattr(self.error, "verify_code", None)


Far = ssl.SSLContext | Callable[[socket.socket], Any] | None


class Connections:
    """Connections over TLS of the running loop to a SecurePeer.

    Args:
        bench: whose loop and patience it uses.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._patience = bench.patience
        self._tls = bench.tool("tls")
        self._highest = V12 if bench.setting == "tls12" else ssl.TLSVersion.MAXIMUM_SUPPORTED

    # contexts

    def near(self, context: Any) -> Any:
        """The context in the version that the setting says."""
        if self._highest is V12 and isinstance(context, ssl.SSLContext):
            context.maximum_version = V12
        return context

    @property
    def peers_client(self) -> ssl.SSLContext:
        """The context of a peer that connects; not to be changed."""
        context: ssl.SSLContext = self._tls.of_peers(server_side=False, highest=self._highest)
        return context

    @property
    def peers_server(self) -> ssl.SSLContext:
        """The context of a peer that accepts; not to be changed."""
        context: ssl.SSLContext = self._tls.of_peers(server_side=True, highest=self._highest)
        return context

    # clients

    @contextlib.asynccontextmanager
    async def client(
        self,
        watcher: Any = None,
        *,
        near: Any = None,
        far: Far = None,
        host: str = "127.0.0.1",
        given: bool = False,
        narrow: bool = False,
        hold_last: bool = False,
        deliver: Callable[[Any, bytes], Any] | None = None,
        react: dict[str, Any] | None = None,
        **options: Any,
    ) -> AsyncIterator[tuple[Any, Any, SecurePeer]]:
        """A connection of create_connection(); the block gets the transport, the protocol and the peer.

        Args:
            watcher: the protocol, or what makes it; a Wire if not given.
            near: the subject's context; by default one that trusts the root.
            far: the peer's context, or what it does instead of a handshake.
            host: where to connect to.
            given: whether the connection is over a socket that the call is given.
            narrow: whether the connection has small buffers.
            hold_last: whether the peer keeps the last bytes of its handshake for what it sends next.
            deliver: how the peer sends, as for :class:`Secure`.
            react: for the Wire: functions to call in its callbacks.
            options: for create_connection(); ``server_hostname`` is the usual host if not given.
        """
        __tracebackhide__ = True
        loop = asyncio.get_running_loop()
        make = _maker(watcher, react or {})
        async with self.listening(far, narrow=narrow, hold_last=hold_last, deliver=deliver) as (address, peer):
            async with within(self._patience, "create_connection() with ssl returns"):
                transport, protocol = await loop.create_connection(
                    make, **self._to(host, address, given, near, options)
                )
            async with closing([protocol], self._patience):
                if far is None or isinstance(far, ssl.SSLContext):
                    await self._last  # the peer may be a little behind
                try:
                    yield transport, protocol, peer
                finally:
                    peer.let_go()

    async def refusal(
        self, *, near: Any = None, far: Far = None, host: str = "127.0.0.1", given: Any = False, **options: Any
    ) -> Refusal:
        """What comes of a create_connection() that should fail; as :meth:`client` otherwise."""
        __tracebackhide__ = True
        loop = asyncio.get_running_loop()
        made = _Made(Wire)
        error: BaseException | None = None
        async with self.listening(far) as (address, peer), closing(made, self._patience):
            async with within(self._patience, "create_connection() with ssl ends"):
                try:
                    await loop.create_connection(made, **self._to(host, address, given, near, options))
                except NotImplementedError:
                    raise  # the loop does not offer it
                except Exception as raised:
                    error = raised
            outcome = "" if far is not None and not isinstance(far, ssl.SSLContext) else await self._last
            events = [event for protocol in made for event in protocol.events]
            peer.let_go()
        return Refusal(error, events, outcome)

    @contextlib.asynccontextmanager
    async def silence(self, says: bytes = b"") -> AsyncIterator[tuple[Any, SecurePeer]]:
        """A peer that accepts, does no handshake and says at most this; the block gets its address, and the peer."""
        __tracebackhide__ = True
        async with self.listening(lambda sock: sock.sendall(says)) as both:
            yield both

    # servers

    @contextlib.asynccontextmanager
    async def serving(
        self, watcher: Any = None, *, near: Any = None, react: dict[str, Any] | None = None, **options: Any
    ) -> AsyncIterator[tuple[_Made, Callable[..., SecurePeer], Any]]:
        """A server of create_server(); the block gets its protocols, a function that calls it, and the server."""
        __tracebackhide__ = True
        accepted = _Made(_maker(watcher, react or {}))
        context = self.near(self._tls.server if near is None else near)
        async with serving(accepted, self._patience, ssl=context, **options) as server:
            address = server.sockets[0].getsockname()

            def call(*, narrow: bool = False) -> SecurePeer:
                return SecurePeer(lambda: connect(address, self._patience, narrow=narrow), self._patience)

            yield accepted, call, server

    @contextlib.asynccontextmanager
    async def server(
        self,
        watcher: Any = None,
        *,
        near: Any = None,
        far: ssl.SSLContext | None = None,
        hold_last: bool = False,
        deliver: Callable[[Any, bytes], Any] | None = None,
        react: dict[str, Any] | None = None,
        narrow: bool = False,
        **options: Any,
    ) -> AsyncIterator[tuple[Any, Any, SecurePeer]]:
        """A connection that a server of create_server() has accepted; the block gets transport, protocol, peer."""
        __tracebackhide__ = True
        async with self.serving(watcher, near=near, react=react, **options) as (accepted, call, _):
            with call(narrow=narrow) as peer:
                shaken = peer.secure(
                    self.peers_client if far is None else self.near(far),
                    server_hostname=self._tls.host,
                    hold_last=hold_last,
                    deliver=deliver,
                )
                if not hold_last:
                    assert await shaken == "done"
                    protocol = await accepted.nth(1, self._patience)
                else:
                    await shaken
                    await accepted._board.wait(lambda: bool(accepted), self._patience, "the factory is called")
                    protocol = accepted[0]
                try:
                    yield protocol.transport, protocol, peer
                finally:
                    peer.let_go()
                    async with closing([protocol], self._patience):
                        pass

    # start_tls()

    @contextlib.asynccontextmanager
    async def plain(
        self, watcher: Any = None, *, react: dict[str, Any] | None = None, narrow: bool = False
    ) -> AsyncIterator[tuple[Any, Any, SecurePeer]]:
        """A plain connection of create_connection(), to be upgraded; after the block what is open is aborted.

        Whether connection_lost() is called after a failed upgrade differs, so it is not waited for.
        """
        __tracebackhide__ = True
        loop = asyncio.get_running_loop()
        make = _maker(watcher, react or {})
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            if narrow:
                narrowed(listener)
            peer = stack.enter_context(SecurePeer.accepting(listener, self._patience))
            async with within(self._patience, "create_connection() returns"):
                transport, protocol = await loop.create_connection(make, *listener.getsockname())
            async with self._ended(transport):
                try:
                    yield transport, protocol, peer
                finally:
                    peer.let_go()

    @contextlib.asynccontextmanager
    async def upgraded(
        self,
        watcher: Any = None,
        *,
        near: Any = None,
        far: Far = None,
        react: dict[str, Any] | None = None,
        server_side: bool = False,
        **options: Any,
    ) -> AsyncIterator[tuple[Any, Any, SecurePeer]]:
        """A connection upgraded by start_tls(), of whose protocol connection_made() is called with the plain one."""
        __tracebackhide__ = True
        async with self.plain(watcher, react=react) as (plain, protocol, peer):
            transport = await self.upgrade(
                plain, protocol, peer, near=near, far=far, server_side=server_side, **options
            )
            async with self._ended(transport), closing_upgraded(transport, protocol, self._patience):
                try:
                    yield transport, protocol, peer
                finally:
                    peer.let_go()

    async def upgrade(
        self,
        plain: Any,
        protocol: Any,
        peer: SecurePeer,
        *,
        near: Any = None,
        far: Far = None,
        server_side: bool = False,
        **options: Any,
    ) -> Any:
        """Have the peer do its part, and await start_tls(); the new transport."""
        __tracebackhide__ = True
        loop = asyncio.get_running_loop()
        context, answer = self.contexts(near, far, server_side)
        shaken: Doing[str] | None
        if isinstance(answer, ssl.SSLContext):
            if server_side:
                shaken = peer.secure(answer, server_hostname=self._tls.host)
            else:
                shaken = peer.secure(answer, server_side=True)
        else:
            shaken = None
            peer.does("answering the handshake", answer)
        if not server_side:
            options.setdefault("server_hostname", self._tls.host)
        async with within(self._patience, "start_tls() ends"):
            transport = await loop.start_tls(plain, protocol, context, server_side=server_side, **options)
        if shaken is not None:
            await shaken
        return transport

    def contexts(self, near: Any, far: Any, server_side: bool) -> tuple[Any, Any]:
        """The two contexts of an upgrade, with what is not given filled in."""
        if server_side:
            return self.near(near or self._tls.server), self.near(far) if far else self.peers_client
        return self.near(near or self._tls.client), self.near(far) if far else self.peers_server

    @contextlib.asynccontextmanager
    async def _ended(self, transport: Any) -> AsyncIterator[None]:
        """After the block the transport is aborted, and two turns of the loop are waited for."""

        async def close() -> None:
            if transport is not None:
                transport.abort()
            for _ in range(3):
                await asyncio.sleep(0)

        async with putting_away(close):
            yield

    @contextlib.asynccontextmanager
    async def listening(
        self,
        far: Far,
        *,
        narrow: bool = False,
        hold_last: bool = False,
        deliver: Callable[[Any, bytes], Any] | None = None,
    ) -> AsyncIterator[tuple[Any, SecurePeer]]:
        """A peer that accepts one connection and does its part; the block gets its address, and the peer."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            if narrow:
                narrowed(listener)
            with SecurePeer.accepting(listener, self._patience) as peer:
                if far is None or isinstance(far, ssl.SSLContext):
                    context = self.peers_server if far is None else self.near(far)
                    self._last = peer.secure(context, server_side=True, hold_last=hold_last, deliver=deliver)
                else:
                    peer.does("answering the handshake", far)
                yield listener.getsockname(), peer

    def _to(self, host: str, address: Any, given: Any, near: Any, options: dict[str, Any]) -> dict[str, Any]:
        """The arguments of create_connection()."""
        where: dict[str, Any] = {"host": host, "port": address[1]}
        if given:
            sock = given if isinstance(given, socket.socket) else socket.socket()
            sock.connect(address)
            sock.setblocking(False)
            where = {"sock": sock}
        if "server_hostname" not in options:
            where["server_hostname"] = self._tls.host
        elif options["server_hostname"] is ...:
            options = {key: value for key, value in options.items() if key != "server_hostname"}
        return where | {"ssl": self.near(self._tls.client if near is None else near)} | options


@contextlib.asynccontextmanager
async def closing_upgraded(transport: Any, protocol: Any, patience: float) -> AsyncIterator[None]:
    """After the block the upgraded transport is aborted, and connection_lost() waited for."""
    __tracebackhide__ = True

    async def close() -> None:
        __tracebackhide__ = True
        if not protocol.times("connection_lost"):
            transport.abort()
        await protocol.until("connection_lost", patience)

    async with putting_away(close):
        yield


def _maker(watcher: Any, react: dict[str, Any]) -> Callable[[], Any]:
    if watcher is None:
        return lambda: Wire(**react)
    if callable(watcher):
        made: Callable[[], Any] = watcher
        return made
    return lambda: watcher


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))


def names_in(certificate: dict[str, Any]) -> list[str]:
    """The names in a certificate as getpeercert() gives it."""
    return [name for _, name in certificate["subjectAltName"]]


@tool
def secure(bench: Bench) -> Iterator[Connections]:
    """What opens TLS connections of ``loop`` to an independent peer."""
    yield Connections(bench)


class SecureChannel(Channel):
    """How connections are made in the settings that are TLS: what a check of stream transports opens, it gets here.

    Args:
        kind: the setting.
        bench: whose loop it uses.
    """

    def __init__(self, kind: str, bench: Bench) -> None:
        super().__init__(kind, bench)
        self._secure = Connections(bench)
        self._tls = bench.tool("tls")
        self._way = {
            "tls-server": self._tls_serving,
            "start-tls": self._upgrading,
            "start-tls-server": self._upgrading,
            "tls-in-tls": self._twofold,
        }.get(kind, self._tls_connecting)

    @contextlib.asynccontextmanager
    async def _tls_connecting(self, make: Callable[[], Any], narrow: bool) -> AsyncIterator[tuple[Any, Peer]]:
        __tracebackhide__ = True
        async with self._secure.client(make, narrow=narrow) as (_, protocol, peer):
            yield protocol, peer

    @contextlib.asynccontextmanager
    async def _tls_serving(self, make: Callable[[], Any], narrow: bool) -> AsyncIterator[tuple[Any, Peer]]:
        __tracebackhide__ = True
        context = self._tls.server
        context.num_tickets = 0  # or a peer that hangs up at once has not read them, and resets the connection
        async with self._secure.server(make, near=context, narrow=narrow) as (_, protocol, peer):
            yield protocol, peer

    @contextlib.asynccontextmanager
    async def _upgrading(self, make: Callable[[], Any], narrow: bool) -> AsyncIterator[tuple[Any, Peer]]:
        __tracebackhide__ = True
        server_side = self._kind == "start-tls-server"
        async with self._secure.plain(asyncio.Protocol, narrow=narrow) as (plain, _, peer):
            protocol = make()
            context = self._tls.server if server_side else self._tls.client
            if server_side:
                context.num_tickets = 0
            transport = await self._secure.upgrade(plain, protocol, peer, near=context, server_side=server_side)
            protocol.connection_made(transport)  # as its users do, for start_tls() does not
            async with closing([protocol], self._bench.patience):
                yield protocol, peer

    @contextlib.asynccontextmanager
    async def _twofold(self, make: Callable[[], Any], narrow: bool) -> AsyncIterator[tuple[Any, Peer]]:
        __tracebackhide__ = True
        async with self._secure.plain(asyncio.Protocol, narrow=narrow) as (plain, _, peer):
            outer = await self._secure.upgrade(plain, asyncio.Protocol(), peer)
            protocol = make()
            transport = await self._secure.upgrade(outer, protocol, peer)
            protocol.connection_made(transport)
            async with closing([protocol], self._bench.patience):
                yield protocol, peer


@tool
def secure_on(bench: Bench) -> Iterator[Callable[..., contextlib.AbstractContextManager[Callable[[], None]]]]:
    """A function for checks that run the loop themselves: a TLS connection of a loop that is not running.

    ``with secure_on(loop, react) as finish:`` connects a Wire; ``finish()`` has the peer send a byte and runs the loop
    until something raises. With ``keep=False`` nobody holds transport and protocol.
    """
    tls, patience = bench.tool("tls"), bench.patience

    @contextlib.contextmanager
    def connected(
        loop: asyncio.AbstractEventLoop, react: dict[str, Any], *, keep: bool = True
    ) -> Iterator[Callable[[], None]]:
        with socket.create_server(("127.0.0.1", 0)) as listener, SecurePeer.accepting(listener, patience) as peer:
            peer.secure(tls.of_peers(server_side=True), server_side=True)
            kept: list[Any] = list(
                loop.run_until_complete(
                    loop.create_connection(
                        lambda: Wire(**react), *listener.getsockname(), ssl=tls.client, server_hostname=tls.host
                    )
                )
            )
            if not keep:
                kept.clear()

            def finish() -> None:
                peer.send(b"x")
                loop.call_later(patience, loop.stop)
                loop.run_forever()

            yield finish
            peer.let_go()
            if keep:
                kept[0].abort()
                loop.run_until_complete(asyncio.sleep(0.001))

    yield connected


_CUTS = (1, 3, 5, 6, 50, 1400, 17_000, 60_000)
"""Bytes of a packet: within the header of a record, within a record, several records."""

_PIECES = (1, 2, 100, 1000, 5000, 16_384, 40_000)
"""Bytes of a piece of data: a part of a record, a whole one, several."""

_ENOUGH = 40
"""After so many cuts the rest comes at once: a packet for every byte of megabytes shows nothing more."""


def _serves(data: bytes) -> bool:
    """Whether the subject is the server in the conversation that these bytes say."""
    return len(data) % 2 == 1


async def _talk_in_pieces(secure: Connections, data: bytes, patience: float) -> list[str]:
    """A conversation whose packets and pieces are cut as the bytes say; what is wrong with what arrived."""
    cuts = [_CUTS[byte % len(_CUTS)] for byte in data[::2]] or [1]
    sizes = [_PIECES[byte % len(_PIECES)] for byte in data[1::2]] or [1]
    sent = pattern(sum(sizes))
    places = iter(cuts * (_ENOUGH // len(cuts) + 1))

    def talk(sock: Any) -> None:
        begin = 0
        for size in sizes:
            sock.sendall(sent[begin : begin + size])
            begin += size

    deliver = paced(asyncio.get_running_loop(), places, patience)
    side = secure.server if _serves(data) else secure.client
    async with side(deliver=deliver) as (transport, protocol, peer):
        peer.does("sending records in pieces", talk)
        begin = 0
        for size in sizes:
            transport.write(sent[begin : begin + size])
            begin += size
        there = await peer.gets(sent)
        here = compared(await protocol.has_received(len(sent), patience), sent)
    wrong = [] if there == AS_SENT else [f"the peer got {there}"]
    return wrong + ([] if here == AS_SENT else [f"data_received() got {here}"])


@tool
def cutting(bench: Bench) -> Iterator[Callable[..., list[str]]]:
    """A function that searches a way to cut packets and data into pieces with which something else arrives.

    It returns the sizes of the shortest that was found, and then what is wrong; nothing if there is none.
    """
    from loopcheck.kit.examples import smallest  # hypothesis takes longer to import than most checks to run

    def search(number: int = 15) -> list[str]:
        secure = Connections(bench)
        loop: asyncio.AbstractEventLoop = bench.tool("loop")

        def wrong(data: bytes, patience: float) -> list[str]:
            try:
                return loop.run_until_complete(_talk_in_pieces(secure, data, patience))
            except Exception as error:
                return [f"{type(error).__name__}: {error}"]

        found = smallest(lambda data: bool(wrong(data, bench.patience / 8)), number, (2, 12))
        if found is None or not (complaints := wrong(found, bench.patience)):
            return []
        cuts = [_CUTS[byte % len(_CUTS)] for byte in found[::2]]
        sizes = [_PIECES[byte % len(_PIECES)] for byte in found[1::2]]
        side = "a server" if _serves(found) else "a client"
        return [side, f"packets of {cuts}", f"data of {sizes}", *complaints]

    yield search
