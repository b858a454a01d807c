"""Datagrams: endpoints of the subject, and independent mailboxes that they write to and hear from.

A check opens an endpoint and a mailbox, and each knows what came to it::

    @check("asyncio-protocol#asyncio.DatagramTransport.sendto")
    async def sendto_sends(endpoint, mailbox):
        async with endpoint(remote_addr=mailbox.address) as (transport, protocol):
            transport.sendto(b"hello")

            assert await mailbox.next() == b"hello"

On loopback a datagram is in the receiver's queue when the call that sends it returns, and none is lost that there is
room for.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from loopcheck.kit.bench import Bench, tool
from loopcheck.kit.net import DatagramWatcher, closing
from loopcheck.kit.ready import readable
from loopcheck.kit.wait import soon, threaded

MOST = 2**16
"""Bytes; more than a datagram has."""


class Mailbox:
    """A blocking datagram socket that is none of the subject's.

    Args:
        sock: the socket, bound to where its mail is to come.
        patience: how long, in seconds, to wait for mail.
    """

    def __init__(self, sock: socket.socket, patience: float) -> None:
        sock.settimeout(patience)
        self.sock = sock
        self.address: Any = sock.getsockname()
        """Where its mail goes."""
        self._patience = patience

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(self, *failure: object) -> None:
        self.sock.close()

    def send(self, data: bytes, to: Any) -> None:
        """Send a datagram to an address."""
        self.sock.sendto(data, to)

    def waiting(self) -> list[bytes]:
        """What has come so far and was not read yet."""
        mail = []
        while self._has_mail():
            mail.append(self.sock.recv(MOST))
        return mail

    async def letter(self) -> tuple[bytes, Any]:
        """The next datagram and its sender's address.

        Raises:
            AssertionError: none came.
        """
        __tracebackhide__ = True
        if self._has_mail():
            return self._receive()
        try:
            return await threaded(self._receive, patience=2 * self._patience)
        except TimeoutError:
            raise AssertionError(f"within {self._patience:.0f} s no datagram came to {self.address}") from None

    async def next(self) -> bytes:
        """The next datagram.

        Raises:
            AssertionError: none came.
        """
        __tracebackhide__ = True
        return (await self.letter())[0]

    async def take(self, number: int) -> list[bytes]:
        """The next datagrams, so many.

        Raises:
            AssertionError: fewer came.
        """
        __tracebackhide__ = True
        return [await self.next() for _ in range(number)]

    def _has_mail(self) -> bool:
        return bool(readable(self.sock))

    def _receive(self) -> tuple[bytes, Any]:
        return self.sock.recvfrom(MOST)


class Post(DatagramWatcher):
    """A protocol that keeps what it received and what went wrong.

    Args:
        react: functions to call in a callback, by its name, with the protocol as argument.
    """

    def __init__(self, **react: Callable[[Any], Any]) -> None:
        self.received: list[tuple[Any, Any]] = []
        """What datagram_received() was given, call by call."""
        self.failures: list[BaseException] = []
        """What error_received() was given, call by call."""
        super().__init__(_nothing, **react)

    @property
    def events(self) -> list[str]:
        """The names of the callbacks in order."""
        return [name for name, _ in self.seen]

    @property
    def mail(self) -> list[bytes]:
        """The datagrams that were received."""
        return [data for data, _ in self.received]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received.append((data, addr))
        super().datagram_received(data, addr)

    def error_received(self, exc: BaseException) -> None:
        self.failures.append(exc)
        super().error_received(exc)


def _nothing() -> None:
    return None


Opening = Callable[..., contextlib.AbstractAsyncContextManager[tuple[Any, Any]]]


@tool
def endpoint(bench: Bench) -> Iterator[Opening]:
    """What opens a datagram endpoint of the running loop: the block gets the transport and the protocol.

    ``endpoint(remote_addr=...)``: positional arguments and options are those of create_datagram_endpoint(), without
    the factory; the protocol is a Post, or what ``factory=`` makes, and ``react=`` is for the Post. Bound to 127.0.0.1
    without any. After the block the transport is aborted unless it is closed, and connection_lost() is waited for.
    """
    yield functools.partial(_open, bench.patience)


@contextlib.asynccontextmanager
async def _open(
    patience: float,
    *arguments: Any,
    factory: Callable[[], Any] | None = None,
    react: dict[str, Callable[[Any], Any]] | None = None,
    **options: Any,
) -> AsyncIterator[tuple[Any, Any]]:
    __tracebackhide__ = True
    made = functools.partial(Post, **(react or {})) if factory is None else factory
    if not arguments and not options:
        options = {"local_addr": ("127.0.0.1", 0)}
    opening = asyncio.get_running_loop().create_datagram_endpoint(made, *arguments, **options)
    transport, protocol = await soon(opening, patience, "create_datagram_endpoint() returns")
    async with closing([protocol], patience):
        yield transport, protocol


@tool
def mailbox(bench: Bench) -> Iterator[Mailbox]:
    """A Mailbox on UDP, at 127.0.0.1."""
    with open_mailbox(bench.patience) as made:
        yield made


def leave_no_room(sock: socket.socket) -> None:
    """Have a UDP socket of IPv6 send large datagrams in many fragments, for which its send buffer has no room.

    Linux refuses such a datagram at once, with ENOBUFS; small ones go out as ever.
    """
    mtu = 24  # IPV6_MTU of linux/in6.h, which the module socket has no name for; in bytes, 1280 are the fewest
    sock.setsockopt(socket.IPPROTO_IPV6, mtu, 1280)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # as few bytes as the system allows


@tool
def unix_mailbox(bench: Bench) -> Iterator[Mailbox]:
    """A Mailbox on a Unix datagram socket, in the check's folder."""
    with open_mailbox(bench.patience, socket.AF_UNIX, os.path.join(bench.tool("folder"), "mailbox")) as made:
        yield made


def open_mailbox(patience: float, family: int = socket.AF_INET, address: Any = ("127.0.0.1", 0)) -> Mailbox:
    """A Mailbox with a socket of this family, bound to this address."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.bind(address)
        return Mailbox(sock, patience)
    except BaseException:
        sock.close()
        raise


class Refusing:
    """A UDP port to which nobody listens, until somebody does.

    The port is taken, so that nobody else gets it: a socket that is connected to itself refuses all others.
    """

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self.address: Any = self._sock.getsockname()
        self._sock.connect(self.address)

    def listens_to(self, address: Any, patience: float) -> Mailbox:
        """From now on it takes what comes from that address, as a mailbox, which shares the socket."""
        self._sock.connect(address)
        return Mailbox(self._sock, patience)

    def close(self) -> None:
        """Give the port back."""
        self._sock.close()


@tool
def refusing(bench: Bench) -> Iterator[Refusing]:
    """A UDP port at 127.0.0.1 that refuses datagrams: ``refusing.address``."""
    made = Refusing()
    yield made
    made.close()


PIECE = 1000
"""Bytes of the datagrams that stuff() sends."""


class Narrow:
    """A Unix datagram socket connected to a mailbox that takes only a few datagrams until it is read from.

    UDP never has to wait on loopback: what there is no room for is lost. Unix sockets wait.
    """

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**13)
        self.sock.connect(mailbox.address)
        self.sent: list[bytes] = []
        """What stuff() has sent, datagram by datagram."""

    def stuff(self, transport: Any) -> int:
        """Send until one datagram waits in the transport's buffer; the buffer's size.

        Raises:
            AssertionError: none ever waits.
        """
        __tracebackhide__ = True
        for number in range(2000):
            data = number.to_bytes(4, "big") * (PIECE // 4)
            self.sent.append(data)
            transport.sendto(data)
            if size := transport.get_write_buffer_size():
                return int(size)
        raise AssertionError(
            f"nobody has read {len(self.sent)} datagrams that were sent, and get_write_buffer_size() is 0"
        )


@tool
def narrow(bench: Bench) -> Iterator[Narrow]:
    """A socket for an endpoint whose datagrams soon have to wait: ``endpoint(sock=narrow.sock)``."""
    made = Narrow(bench.tool("unix_mailbox"))
    with made.sock:
        yield made
