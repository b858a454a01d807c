"""Attempts to connect: addresses that refuse, keep waiting or listen, and who is tried in which order.

:func:`loopback` gives the host ``None`` two addresses of different kinds, on any machine with IPv6. Where the check has
a network of its own (the tool ``resolving``), :class:`Ear` hears on its interface every attempt of a loop, written in
whatever language, and :func:`more_addresses` gives that network IPv6 addresses. :func:`answers_to_crowd` is the other
side: many clients at once.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loopcheck.kit.ports import free_port
from loopcheck.kit.ready import writable
from loopcheck.kit.sockets import crowded
from loopcheck.kit.wait import threaded

ADDRESSES = ("::1", "127.0.0.1")
"""The addresses of the host ``None``, in the order in which they are found."""

REFUSES, HANGS, LISTENS = "refuses", "hangs", "listens"
"""What becomes of who connects to an address."""


class Loopback:
    """One port on both loopback addresses.

    Args:
        port: its number.
        listeners: the listening sockets, by their host; blocking ones.
    """

    def __init__(self, port: int, listeners: Mapping[str, socket.socket]) -> None:
        self.port = port
        self._listeners = listeners

    def accept(self, host: str) -> bool:
        """Take one connection from the queue of a host that listens, and close it; whether there was one."""
        self._listeners[host].setblocking(False)
        try:
            peer, _ = self._listeners[host].accept()
        except BlockingIOError:
            return False
        peer.close()
        return True


@contextlib.contextmanager
def loopback(first: str, second: str) -> Iterator[Loopback]:
    """A port whose address on ::1 does the first, and on 127.0.0.1 the second, of REFUSES, HANGS and LISTENS."""
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(free_port(*ADDRESSES))
        listeners = {}
        for host, kind in zip(ADDRESSES, (first, second), strict=True):
            if kind == HANGS:
                stack.enter_context(crowded(host, port))
            elif kind == LISTENS:
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                listeners[host] = stack.enter_context(socket.create_server((host, port), family=family))
        yield Loopback(port, listeners)


_WAVES = 1000
"""Attempts; more than a server needs that lets in one client at each."""


async def answers_to_crowd(address: Any, number: int, patience: float) -> tuple[bool, list[bytes]]:
    """Connect so many clients at once to a server that echoes, and those whom the system turned away once more.

    A client who waits for his system does so too, if only a second later. Nobody is disconnected before all are in, and
    nobody goes on when one is not answered.

    Args:
        address: the server's, of TCP or a Unix socket.
        number: how many clients; many more than the server lets wait.
        patience: seconds to wait for each answer.

    Returns:
        Whether anybody was turned away, and what each got for his "?"; nothing where no answer came.
    """
    answers: list[bytes] = []
    turned_away = False
    with contextlib.ExitStack() as inside:
        for _ in range(_WAVES):
            # All before the loop, which runs in this thread, can look.
            clients = [_Client(address) for _ in range(number - len(answers))]
            let_in = [client for client in clients if client.is_in()]
            for client in clients:
                if client in let_in:
                    inside.enter_context(client.sock)
                else:
                    client.sock.close()
                    turned_away = True
            answers += await threaded(_answers, let_in, patience, patience=2 * patience)
            if len(answers) == number or b"" in answers:
                break
    return turned_away, answers


class _Client:
    """A client who tries to connect, and does not wait."""

    def __init__(self, address: Any) -> None:
        self.sock = socket.socket(socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX)
        self.sock.setblocking(False)
        self._error = self.sock.connect_ex(address)

    def is_in(self) -> bool:
        """Whether the system has let him in, as far as it has told."""
        return self._error in (0, errno.EINPROGRESS) and bool(writable(self.sock))

    def answer(self, patience: float) -> bytes:
        """What the server answers to a question; nothing if it does not."""
        self.sock.settimeout(patience)
        try:
            self.sock.sendall(b"?")
            return self.sock.recv(1)
        except OSError:
            return b""


def _answers(clients: Sequence[_Client], patience: float) -> list[bytes]:
    answers: list[bytes] = []
    for client in clients:
        answers.append(client.answer(patience))
        if not answers[-1]:
            break
    return answers


class Ear:
    """Hears who is connected to, in a network of the check's own."""

    def __init__(self) -> None:
        self._known: set[tuple[bytes, str]] = set()
        everything = 3  # ETH_P_ALL of linux/if_ether.h
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(everything))
        self._socket.bind(("lo", everything))
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """The addresses to which somebody has begun to connect since the last call, in the order of the attempts."""
        hosts = []
        with contextlib.suppress(BlockingIOError):
            while True:
                # Each packet comes twice, as sent and as received, and one that gets no answer once more.
                attempt = _attempt(self._socket.recv(200))
                if attempt is not None and attempt not in self._known:
                    self._known.add(attempt)
                    hosts.append(attempt[1])
        return hosts


_SYN, _ACK = 0x02, 0x10


def _attempt(packet: bytes) -> tuple[bytes, str] | None:
    """The port from which, and the host to which, the first packet of a TCP connection goes; None for others."""
    if packet[0] >> 4 == 4:
        protocol, to, rest = packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20]), packet[(packet[0] & 15) * 4 :]
    else:
        protocol, to, rest = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[40:]
    if protocol != socket.IPPROTO_TCP or rest[13] & (_SYN | _ACK) != _SYN:
        return None
    return rest[:2], to


def more_addresses(*addresses: str) -> None:
    """Give the check's own network these IPv6 addresses.

    Raises:
        AssertionError: the machine does not let them be used.
    """
    import fcntl

    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        for address in addresses:
            given = socket.inet_pton(socket.AF_INET6, address), 128, socket.if_nametoindex("lo")
            fcntl.ioctl(sock, 0x8916, struct.pack("16sIi", *given))  # SIOCSIFADDR of linux/sockios.h
    for address in addresses:
        _until_usable(address)


def _until_usable(address: str) -> None:
    for _ in range(1000):  # the kernel needs a moment
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
            return
        time.sleep(0.001)
    raise AssertionError(f"this machine does not let sockets be bound to {address}")


def places(entries: list[Any]) -> dict[str, str]:
    """Names for the addresses of a look-up: the first IPv6 address is "a6", the second "b6", the first IPv4 "a4"."""
    names = {}
    letters = {socket.AF_INET6: iter("abcdefgh"), socket.AF_INET: iter("abcdefgh")}
    for family, _, _, _, address in entries:
        names[address[0]] = next(letters[family]) + ("6" if family == socket.AF_INET6 else "4")
    return names
