"""One contract, many channels: a stream connection of the subject, over the channel that the check's setting says.

A check about stream transports names the tool ``channel`` and says nothing about how the connection comes about::

    @check("asyncio-protocol#asyncio.WriteTransport.write")
    async def write_arrives(channel):
        async with channel.open() as (transport, protocol, peer):
            transport.write(b"hello")

            assert await peer.read(5) == b"hello"

Plain, that is TCP on IPv4 by create_connection(); the settings ``ipv6``, ``unix-socket``, ``given-socket``,
``accepted-socket`` and ``server-side`` run the same body over another channel (``also_in`` at the end of the file, and
``but=`` for what a channel cannot show), and so do ``tls`` and its relatives, whose peer is a SecurePeer
(kit/secure.py), and pipes, terminals and the stdin and stdout of children, which go one way alone (kit/pipes.py).

``protocol`` is a :class:`Wire`, a recording protocol: ``protocol.events`` are the names of its callbacks so far,
``protocol.data`` all that was received, ``await protocol.until("eof_received", patience)`` waits for one, and a keyword
of ``open()`` named like a callback is a function to call there. ``open(watcher)`` takes another Watcher of kit/net.py,
or a function that makes one. ``peer`` is a Peer (kit/peers.py): told nothing, it never reads.

``open(narrow=True)`` asks for small buffers in the kernel, so that less is to be moved until something must wait in the
transport: ``sent = fill(transport)`` writes until something does, and ``pattern(number)`` are bytes to write of which
no two parts are alike.

After the block the transport is aborted unless it is closed, connection_lost() is waited for, and the peer's thread
has ended; when the block failed, its failure is the news. A check may open several connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
from array import array
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, ClassVar

from loopcheck.kit.bench import HEAVY, Bench, tool
from loopcheck.kit.net import Watcher, Watchers, closing, serving, within
from loopcheck.kit.peers import Peer, connect, narrowed

SECURED = ("tls", "tls12", "tls-server", "start-tls", "start-tls-server", "tls-in-tls")
"""The settings in which a connection is over TLS."""

ONE_WAY = ("read-pipe", "write-pipe", "read-terminal", "write-terminal", "child-stdin", "child-stdout")
"""The settings in which there is no connection, but a pipe of one direction."""

HEAVY |= dict.fromkeys(SECURED, "loopcheck.kit.authority")


@functools.cache
def pattern(number: int, start: int = 0) -> bytes:
    """So many bytes of which no two parts are alike: to be compared with what arrives.

    Args:
        number: how many.
        start: of how many bytes, a multiple of four, they are the continuation.
    """
    return array("I", range(start // 4, (start + number) // 4 + 1)).tobytes()[:number]


_FILL_STEP = 2**16

_FILL_LEAST = 2**18
"""Bytes: more than a narrowed connection takes in all, for a busy kernel may take later what it refuses now."""

_FILL_MOST = 2**26
"""Bytes; far more than kernels take."""


def fill(transport: Any, least: int = _FILL_LEAST) -> bytes:
    """Write to a peer that does not read, 64 KiB at a time, until something waits; all that was written.

    Args:
        transport: a transport on which nothing waits.
        least: how many bytes must wait in its buffer, or more.

    Raises:
        AssertionError: the buffer does not grow.
    """
    sent = bytearray()
    while (waiting := transport.get_write_buffer_size()) < least:
        if len(sent) > _FILL_MOST:
            raise AssertionError(
                f"{len(sent)} bytes were written to a peer that does not read, and get_write_buffer_size() is {waiting}"
            )
        piece = pattern(_FILL_STEP, len(sent))
        sent += piece
        transport.write(piece)
    return bytes(sent)


class Receiver(Watcher):
    """A watcher of a byte stream that looks at nothing, keeps what comes and can keep a half-open connection.

    Every subclass is one way to receive.

    Args:
        keep_open: what eof_received() returns.
        react: functions to call in a callback, by its name, with the protocol as argument.
    """

    ARRIVAL: ClassVar[str]
    """The callback that says that data has come."""
    UNTOLD: ClassVar[tuple[str, ...]] = ()
    """Callbacks that ``events`` leaves out."""

    def __init__(self, *, keep_open: object = None, **react: Callable[[Any], Any]) -> None:
        self.chunks: list[bytes] = []
        """What came, call by call."""
        super().__init__(lambda: None, **react)
        self.keep_open = keep_open

    @property  # adding bytes to bytes takes long when they are many
    def data(self) -> bytes:
        """All that was received."""
        return b"".join(self.chunks)

    @data.setter
    def data(self, value: bytes) -> None:
        self.chunks[:] = [value] if value else []

    @property
    def events(self) -> list[str]:
        """The names of the callbacks in order; the one that brings data once for several in a row."""
        names: list[str] = []
        for name, _ in self.seen:
            if name not in self.UNTOLD and (name != self.ARRIVAL or names[-1:] != [name]):
                names.append(name)
        return names

    def eof_received(self) -> Any:
        self.note("eof_received")
        return self.keep_open

    async def has_received(self, number: int, patience: float) -> bytes:
        """Wait until so many bytes have come, at least; all that has come."""
        __tracebackhide__ = True
        await self.board.wait(
            lambda: sum(map(len, self.chunks)) >= number,
            patience,
            lambda: f"{self.ARRIVAL}() is called for {number} bytes in all; it was for {sum(map(len, self.chunks))}",
        )
        return self.data


class Wire(Receiver, asyncio.Protocol):
    """A receiver that is given the bytes."""

    ARRIVAL = "data_received"

    def data_received(self, data: bytes) -> None:
        self.chunks.append(data)
        self.note("data_received")


class _Made(Watchers):
    """A protocol factory that remembers what it made, out of another one."""

    def __init__(self, make: Callable[[], Watcher]) -> None:
        super().__init__(Watcher, lambda: None)
        self._make = make

    def __call__(self) -> Watcher:
        watcher = self._make()
        self.append(watcher)
        self._board.changed()
        return watcher


class Channel:
    """How connections are made in one setting.

    Args:
        kind: the setting; those that are no channel are TCP on IPv4.
        bench: whose loop and folder it uses.
    """

    room = 2**20
    """Bytes that a peer can send although nobody reads; more than generated talks send."""

    def __init__(self, kind: str, bench: Bench) -> None:
        self._bench = bench
        self._ways: dict[str, Callable[..., contextlib.AbstractAsyncContextManager[tuple[Watcher, Peer]]]] = {
            "unix-socket": self._listening,
            "given-socket": self._given,
            "accepted-socket": self._accepted,
            "server-side": self._serving,
        }
        self._way = self._ways.get(kind, self._listening)
        self._kind = kind
        self._number = 0

    @contextlib.asynccontextmanager
    async def open(
        self,
        watcher: Watcher | Callable[[], Watcher] | None = None,
        *,
        narrow: bool = False,
        **react: Any,
    ) -> AsyncIterator[tuple[Any, Any, Peer]]:
        """A connection of the running loop to a peer; the block gets the transport, the protocol and the peer.

        Args:
            watcher: the protocol, or what makes it; a :class:`Wire` if not given.
            narrow: whether the connection has small buffers.
            react: for the Wire: functions to call in its callbacks, and ``keep_open``.
        """
        __tracebackhide__ = True
        made: Callable[[], Watcher]
        if watcher is None:
            made = lambda: Wire(**react)  # noqa: E731  # a name for each of three cases
        elif isinstance(watcher, Watcher):
            given = watcher
            made = lambda: given  # noqa: E731
        else:
            made = watcher
        async with self._way(made, narrow) as (protocol, peer):
            if narrow:
                _squeeze(protocol.transport)
            try:
                yield protocol.transport, protocol, peer
            finally:
                peer.let_go()

    @contextlib.asynccontextmanager
    async def _listening(self, make: Callable[[], Watcher], narrow: bool) -> AsyncIterator[tuple[Watcher, Peer]]:
        __tracebackhide__ = True
        loop = asyncio.get_running_loop()
        with self._listener(narrow) as listener:
            address = listener.getsockname()
            if self._kind == "unix-socket":
                async with within(self._bench.patience, "create_unix_connection() returns"):
                    _, protocol = await loop.create_unix_connection(make, address)
            else:
                async with within(self._bench.patience, "create_connection() returns"):
                    _, protocol = await loop.create_connection(make, *address[:2])
            async with self._between(protocol, lambda: listener.accept()[0]) as both:
                yield both

    @contextlib.asynccontextmanager
    async def _given(self, make: Callable[[], Watcher], narrow: bool) -> AsyncIterator[tuple[Watcher, Peer]]:
        __tracebackhide__ = True
        loop = asyncio.get_running_loop()
        with self._listener(narrow) as listener:
            sock = connect(listener.getsockname(), self._bench.patience, narrow=narrow)
            with _until_taken(sock):
                async with within(self._bench.patience, "create_connection() with a connected socket returns"):
                    _, protocol = await loop.create_connection(make, sock=sock)
            async with self._between(protocol, lambda: listener.accept()[0]) as both:
                yield both

    @contextlib.asynccontextmanager
    async def _accepted(self, make: Callable[[], Watcher], narrow: bool) -> AsyncIterator[tuple[Watcher, Peer]]:
        __tracebackhide__ = True
        loop = asyncio.get_running_loop()
        with (
            self._listener(narrow) as listener,
            connect(listener.getsockname(), self._bench.patience, narrow=narrow) as far,
        ):
            sock, _ = listener.accept()
            with _until_taken(sock):
                async with within(self._bench.patience, "connect_accepted_socket() returns"):
                    _, protocol = await loop.connect_accepted_socket(make, sock)
            async with self._between(protocol, lambda: far) as both:
                yield both

    @contextlib.asynccontextmanager
    async def _serving(self, make: Callable[[], Watcher], narrow: bool) -> AsyncIterator[tuple[Watcher, Peer]]:
        __tracebackhide__ = True
        made = _Made(make)
        async with serving(made, self._bench.patience) as server:
            address = server.sockets[0].getsockname()
            with Peer(connect(address, self._bench.patience, narrow=narrow), self._bench.patience) as peer:
                protocol = await made.nth(1, self._bench.patience)
                async with closing([protocol], self._bench.patience):
                    yield protocol, peer

    @contextlib.asynccontextmanager
    async def _between(self, protocol: Any, far: Callable[[], socket.socket]) -> AsyncIterator[tuple[Watcher, Peer]]:
        __tracebackhide__ = True
        with contextlib.ExitStack() as stack:
            async with closing([protocol], self._bench.patience):
                peer = stack.enter_context(Peer(far(), self._bench.patience))
                yield protocol, peer

    @contextlib.contextmanager
    def _listener(self, narrow: bool) -> Iterator[socket.socket]:
        if self._kind == "unix-socket":
            self._number += 1
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(os.path.join(self._bench.tool("folder"), f"channel{self._number}"))
                yield self._listen(sock, narrow)
        else:
            family = socket.AF_INET6 if self._kind == "ipv6" else socket.AF_INET
            with socket.socket(family) as sock:
                sock.bind(("::1" if self._kind == "ipv6" else "127.0.0.1", 0))
                yield self._listen(sock, narrow)

    def _listen(self, sock: socket.socket, narrow: bool) -> socket.socket:
        if narrow:
            narrowed(sock)
        sock.listen()
        sock.settimeout(self._bench.patience)
        return sock


def _squeeze(transport: Any) -> None:
    # What the check shows does not rest on it: where a transport has no such socket, more is to be moved.
    with contextlib.suppress(Exception):
        narrowed(transport.get_extra_info("socket"))


@contextlib.contextmanager
def _until_taken(sock: socket.socket) -> Iterator[None]:
    """In the block the socket becomes the loop's; if that fails it is closed."""
    sock.setblocking(False)
    try:
        yield
    except BaseException:
        sock.close()
        raise


@tool
def channel(bench: Bench) -> Iterator[Channel]:
    """What opens stream connections of ``loop`` to an independent peer, over the channel that the setting says."""
    if bench.setting in SECURED:
        from loopcheck.kit.secure import SecureChannel  # which knows this module, and imports trustme

        yield SecureChannel(bench.setting, bench)
    elif bench.setting in ONE_WAY:
        from loopcheck.kit.pipes import PipeChannel  # which knows this module

        yield PipeChannel(bench.setting, bench)
    else:
        yield Channel(bench.setting, bench)
