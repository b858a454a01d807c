"""The other end of a connection: a blocking socket in a thread of its own, which does what it is told, in order.

A method of :class:`Peer` tells it one step and returns at once; the thread does the steps one after the other, while
the loop goes on. What a method returns is a :class:`Doing`: awaited, it is what came of the step. So a script is just
the steps one after the other, and only what the check wants to know is awaited::

    peer.send(b"question")
    peer.half_close()
    answer = peer.read_to_end()
    ...
    assert await answer == b"the answer"

``await peer.send(data)`` lets the loop run until the kernel has taken the data; ``peer.send(data).result()`` blocks
the loop's thread meanwhile: that the loop cannot react in between is then certain. A peer that is told nothing never
reads. For many bytes there is ``assert await peer.gets(sent) == AS_SENT``. :meth:`Peer.read_nothing` keeps it busy
until an event, :meth:`Peer.does` is for what has no method.

Where peers come from: ``channel.open()`` (kit/channels.py) gives one with each connection. Otherwise
``with Peer.accepting(listener, patience) as peer`` and ``with Peer.connecting(address, patience) as peer``, to which
steps can be told before anybody is connected; ``with Peer(sock, patience) as peer`` takes over a connected socket.

When the block ends the thread ends, whatever it was doing. A step that failed is an AssertionError that says what the
peer was doing, at the ``await`` or, if the check never asked, after the block. A step that is still going on then is
ended, and is no failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Generator
from typing import Any, Generic, Self, TypeVar

from loopcheck.kit.ready import readable, writable
from loopcheck.kit.turns import pass_turns
from loopcheck.kit.wait import Errand

T = TypeVar("T")

_CHUNK = 2**18
"""Bytes to read at once."""

_STUCK = 0.01
"""Seconds in which the kernel takes no byte when its buffers are full; it may be a little behind."""


AS_SENT = "as it was sent"


def compared(got: bytes | bytearray, sent: bytes | bytearray) -> str:
    """What to say of many bytes instead of showing them: :data:`AS_SENT`, or from where on they are others."""
    if got == sent:
        return AS_SENT
    for place, (one, other) in enumerate(zip(got, sent, strict=False)):
        if one != other:
            return f"{len(got)} bytes, which are not those that were sent from byte {place} on"
    return f"{len(got)} bytes instead of {len(sent)}"


class Doing(Generic[T]):
    """One step of a peer, begun or waiting for those before it. Await it for what came of it."""

    def __init__(self, what: str, act: Callable[[], T], patience: float) -> None:
        self._what = what
        self._act = act
        self._patience = patience
        self._value: Any = None
        self._over = threading.Event()
        self._wake: list[Callable[[], Any]] = []
        self.error: BaseException | None = None
        self.asked = False
        """Whether the check has asked what came of it."""

    @property
    def done(self) -> bool:
        """Whether the step has ended."""
        return self._over.is_set()

    def run(self) -> None:
        """Do it: in the peer's thread."""
        try:
            self._value = self._act()
        except TimeoutError:
            self.error = AssertionError(f"within {self._patience:.0f} s the peer did not get through with {self._what}")
        except OSError as error:
            self.error = AssertionError(f"the peer, {self._what}, got {error!r}")
            self.error.__cause__ = error
        except BaseException as error:
            self.error = error
        self._over.set()
        for wake in self._wake:
            with contextlib.suppress(RuntimeError):  # a loop that is closed by now
                wake()

    def result(self) -> T:
        """Block until it has ended; what came of it.

        Raises:
            AssertionError: it failed, or did not end.
        """
        __tracebackhide__ = True
        self.asked = True
        if not self._over.wait(2 * self._patience):
            raise AssertionError(f"the peer is still {self._what}")
        return self._outcome()

    def __await__(self) -> Generator[Any, None, T]:
        __tracebackhide__ = True
        return self._wait().__await__()

    async def _wait(self) -> T:
        __tracebackhide__ = True
        self.asked = True
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        self._wake.append(lambda: loop.call_soon_threadsafe(wake))
        if not self._over.is_set():  # else it may have ended before it knew whom to wake
            done, _ = await asyncio.wait({woken}, timeout=2 * self._patience)
            woken.cancel()
            if not done and self._over.is_set():
                raise AssertionError(
                    f"the peer is through with {self._what}, but the loop does not run what its thread gave to "
                    "call_soon_threadsafe()"
                )
        return self.result() if self._over.is_set() else self._still()

    def _still(self) -> Any:
        __tracebackhide__ = True
        raise AssertionError(f"within {2 * self._patience:.0f} s the peer did not get through with {self._what}")

    def _outcome(self) -> T:
        __tracebackhide__ = True
        if self.error is not None:
            raise self.error
        value: T = self._value
        return value


class Peer:
    """A blocking socket and the thread that uses it.

    Args:
        sock: the connected socket, which the peer closes; or a function that makes it, in the peer's thread.
        patience: how long, in seconds, one step may take.
    """

    def __init__(self, sock: socket.socket | Callable[[], socket.socket], patience: float) -> None:
        self._patience = patience
        self._steps: queue.SimpleQueue[Doing[Any] | None] = queue.SimpleQueue()
        self._told: list[Doing[Any]] = []
        self._ending = False
        self._interrupt: Callable[[], Any] | None = None
        self._sock: socket.socket | None = None
        self._addresses: tuple[Any, Any] = (None, None)
        self._thread = Errand(self._work)
        self.connected: Doing[None] | None = None
        """The step that connects, when that is the peer's own."""
        if callable(sock):
            make = sock
            self.connected = self._tell("connecting", lambda: self._take(make()))
        else:
            self._take(sock)
        self._thread.start()

    @classmethod
    def accepting(cls, listener: socket.socket, patience: float) -> Self:
        """A peer that accepts one connection."""

        def accept() -> socket.socket:
            listener.settimeout(patience)
            return listener.accept()[0]

        peer = cls(accept, patience)
        peer._interrupt = lambda: listener.shutdown(socket.SHUT_RDWR)
        return peer

    @classmethod
    def connecting(cls, address: Any, patience: float, *, narrow: bool = False) -> Self:
        """A peer that connects to the address of a TCP or Unix socket; ``narrow`` as for :func:`narrowed`."""
        return cls(lambda: connect(address, patience, narrow=narrow), patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        __tracebackhide__ = True
        self.let_go()
        self.end()
        if kind is None:
            self.complain()

    # what a peer can be told

    def read(self, number: int) -> Doing[bytes]:
        """Read exactly this many bytes."""
        return self._tell(f"reading {number} bytes", lambda: self._read(number))

    def read_some(self) -> Doing[bytes]:
        """Read what there is, once; empty at the end of the connection."""
        return self._tell("reading", lambda: self.sock.recv(_CHUNK))

    def read_to_end(self) -> Doing[bytes]:
        """Read until the other side has closed, or half-closed, and return it all."""

        def read() -> bytes:
            data = bytearray()
            while chunk := self.sock.recv(_CHUNK):
                data += chunk
            return bytes(data)

        return self._tell("reading to the end", read)

    def read_to_reset(self) -> Doing[bytes]:
        """Read until the end of the connection, of whatever kind: also a reset ends it."""

        def read() -> bytes:
            data = bytearray()
            with contextlib.suppress(ConnectionError):
                while chunk := self.sock.recv(_CHUNK):
                    data += chunk
            return bytes(data)

        return self._tell("reading to the end", read)

    def read_waiting(self) -> Doing[bytes]:
        """Read what is there already, without waiting for more or for the end."""

        def read() -> bytes:
            data = bytearray()
            with contextlib.suppress(ConnectionError):
                while readable(self.sock) and (chunk := self.sock.recv(_CHUNK)):
                    data += chunk
            return bytes(data)

        return self._tell("reading what is there", read)

    def gets(self, sent: bytes) -> Doing[str]:
        """Read as many bytes as these and compare them: :data:`AS_SENT`, or what is wrong. For many bytes."""
        return self._tell(f"reading {len(sent)} bytes", lambda: compared(self._read(len(sent)), sent))

    def read_nothing(self, until: threading.Event) -> Doing[bool]:
        """Wait for the event; whether it came to pass."""

        def wait() -> bool:
            while not self._ending and not until.wait(0.01):
                pass
            return until.is_set()

        return self._tell("reading nothing", wait)

    def send(self, data: bytes) -> Doing[None]:
        """Send all of the data."""
        return self._tell(f"sending {len(data)} bytes", lambda: self.sock.sendall(data))

    def drip(self, data: bytes) -> Doing[None]:
        """Send the data byte by byte."""

        def send() -> None:
            for byte in data:
                self.sock.sendall(bytes([byte]))

        return self._tell(f"sending {len(data)} bytes one by one", send)

    async def flood(self, most: int) -> int:
        """Send until nobody takes any more, or so many bytes at most; how many they were.

        That is so when the kernel's buffers are full and the loop, which has made turns meanwhile, makes no room.
        """
        __tracebackhide__ = True
        sent = 0
        while sent < most:
            pushed = await self._tell("sending without end", functools.partial(self._push, most - sent))
            if not pushed:
                break
            sent += pushed
            await pass_turns(3)
        return sent

    def _push(self, most: int) -> int:
        """Send until the kernel takes no more, or so many bytes at most: in the peer's thread."""
        data, sent = bytes(_CHUNK), 0
        while sent < most and not self._ending and writable(self.sock, timeout=_STUCK):
            with contextlib.suppress(BlockingIOError):
                sent += self.sock.send(data, socket.MSG_DONTWAIT)
        return sent

    def half_close(self) -> Doing[None]:
        """Send the end of the connection, and go on reading."""
        return self._tell("closing its writing side", lambda: self.sock.shutdown(socket.SHUT_WR))

    def hang_up(self) -> Doing[None]:
        """Close the socket: what it has not read makes that a reset."""
        return self._tell("closing its socket", lambda: self.sock.close())

    def reset(self) -> Doing[None]:
        """Close the socket in such a way that TCP sends a reset."""

        def close() -> None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()

        return self._tell("resetting the connection", close)

    def start_tls(self, context: ssl.SSLContext, **options: Any) -> Doing[None]:
        """Do a TLS handshake; from then on all reading and sending is encrypted. Options as for wrap_socket()."""

        def wrap() -> None:
            self._take(context.wrap_socket(self.sock, **options))

        return self._tell("doing the TLS handshake", wrap)

    def does(self, what: str, function: Callable[[socket.socket], T]) -> Doing[T]:
        """Call a function with the socket; ``what`` says what the peer is then doing: "sending a datagram"."""
        return self._tell(what, lambda: function(self.sock))

    # what there is to know about it

    @property
    def sock(self) -> socket.socket:
        """The socket; it belongs to the peer's thread, but for asking and setting options."""
        if self._sock is None:
            raise AssertionError("the peer is not connected")
        return self._sock

    @property
    def address(self) -> Any:
        """The peer's address: what the subject should have as peername."""
        return self._addresses[0]

    @property
    def address_of_subject(self) -> Any:
        """The address at the other end: what the subject should have as sockname."""
        return self._addresses[1]

    # its end

    def let_go(self) -> None:
        """From here on failures are of no interest: the subject is about to close the connection."""
        self._ending = True

    def end(self) -> None:
        """End the thread, whatever it does, and close the socket."""
        __tracebackhide__ = True
        self._ending = True
        self._steps.put(None)
        if self._sock is not None:
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
        elif self._interrupt is not None:
            with contextlib.suppress(OSError):
                self._interrupt()
        try:
            self._thread.result(2 * self._patience)
        finally:
            if self._sock is not None:
                self._sock.close()

    def complain(self) -> None:
        """Raise what came of a step that failed and that nobody asked about.

        Raises:
            AssertionError: there was one.
        """
        __tracebackhide__ = True
        for doing in self._told:
            if doing.error is not None and not doing.asked:
                raise doing.error

    def _read(self, number: int) -> bytes:
        data = bytearray()
        while len(data) < number:
            chunk = self.sock.recv(min(number - len(data), _CHUNK))
            if not chunk:
                raise AssertionError(
                    f"the peer, reading {number} bytes, got the end of the connection after {_brief(data)}"
                )
            data += chunk
        return bytes(data)

    def _take(self, sock: socket.socket) -> None:
        sock.settimeout(self._patience)
        if sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or small sends wait for each other
        self._addresses = (sock.getsockname(), sock.getpeername())  # they can be asked for as long as it is connected
        self._sock = sock

    def _tell(self, what: str, act: Callable[[], T]) -> Doing[T]:
        doing = Doing(what, act, self._patience)
        self._told.append(doing)
        self._steps.put(doing)
        return doing

    def _work(self) -> None:
        while (doing := self._steps.get()) is not None:
            if self._ending:
                continue
            doing.run()
            if self._ending:
                doing.error = None  # it ended because all ended


def connect(address: Any, patience: float, *, narrow: bool = False) -> socket.socket:
    """A blocking socket connected to the address of a TCP or Unix socket, which the kernel's backlog accepts."""
    if isinstance(address, tuple):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    else:
        family = socket.AF_UNIX
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(patience)
        if narrow:
            narrowed(sock)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


_NARROW = 2**16
"""Bytes. On loopback packets are this large; with less room the kernel waits for timers between them."""


def narrowed(sock: socket.socket) -> socket.socket:
    """The socket, or the listener before it accepts, with small buffers: what is sent soon waits in user space."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NARROW)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _NARROW)
    return sock


def _brief(data: bytes | bytearray) -> str:
    return repr(bytes(data)) if len(data) <= 60 else f"{len(data)} bytes"
