"""The datagram transport: UDP and Unix datagram sockets."""

from __future__ import annotations

import asyncio
import socket
from asyncio import transports
from typing import TYPE_CHECKING, Any

from .contract import logger
from .flow import DatagramQueue
from .lifetime import Phase
from .transport import SocketTransport
from .versions import DATAGRAM_OVERHEAD, SENDS_EMPTY_DATAGRAMS

if TYPE_CHECKING:
    from .watchers import FdWatching

# The name of the hot path, looked up once.
_OPEN = Phase.OPEN

LARGEST = 256 * 1024
"""Most bytes of one datagram, the rest of which would be lost; asyncio's number.

Unix sockets take 208 KiB on Linux, unless the system is told otherwise.
"""


class DatagramTransport(SocketTransport, transports.DatagramTransport):
    """A datagram socket, connected or not.

    A datagram that cannot be sent is lost, and that is what datagrams are for: an OSError goes to
    error_received() and the transport lives on.
    """

    __slots__ = ("_address", "_arriving", "_connected")

    _buffer: DatagramQueue
    _sock: socket.socket

    def __init__(
        self,
        loop: FdWatching,
        sock: socket.socket,
        protocol: Any,
        address: Any,
        waiter: asyncio.Future[None],
        arriving: memoryview[int],
    ) -> None:
        super().__init__(loop, sock, protocol, DatagramQueue(DATAGRAM_OVERHEAD), extra=None)
        # Where everything goes: the peer of a connected socket, or, where broadcasting is allowed, the
        # address that sendto() puts in when the program names none.
        self._address = address
        # A peer may be nameless, as the other end of a socketpair() is: its name is empty, and not None.
        self._connected = self._extra["peername"] is not None
        # All transports of a loop read into it, and copy what they found there before anything else is called.
        self._arriving = arriving
        self._begin(waiter)

    def _read_ready(self) -> None:
        try:
            size, address = self._sock.recvfrom_into(self._arriving)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            # A report about an earlier datagram, for example that nobody listens there.
            self._protocol.error_received(exc)
        except Exception as exc:
            self._fatal_error(exc, "Fatal read error on datagram transport")
        else:
            self._protocol.datagram_received(self._arriving[:size].tobytes(), address)

    def sendto(self, data: bytes | bytearray | memoryview, addr: Any = None) -> None:
        """Send one datagram, now if the kernel takes it."""
        if type(data) is not bytes and not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if not data and not SENDS_EMPTY_DATAGRAMS:
            return
        if self._address:
            if addr is not None and addr != self._address:
                raise ValueError(f"Invalid address: must be None or {self._address}")
            addr = self._address
        # Without an address of its own it sends until the socket is closed, as asyncio's does.
        phase = self._life.phase
        if phase is not _OPEN and (phase is Phase.CLOSED or (self._life.is_lost and self._address)):
            if self._life.ignored_write():
                logger.warning("socket.send() raised exception.")
            return
        if not self._buffer.waiting:
            # What the kernel does not take now is lost when nobody will be there later.
            if self._send(data, addr) or self._life.is_lost:
                return
            self._write_when_ready()
        self._buffer.append(data, addr)
        self._maybe_pause_protocol()

    def _send(self, data: bytes | bytearray | memoryview, address: Any) -> bool:
        """Try to send one datagram; false when it has to wait."""
        try:
            if self._connected:
                self._sock.send(data)
            else:
                self._sock.sendto(data, address)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as exc:
            self._protocol.error_received(exc)
        except Exception as exc:
            self._fatal_error(exc, "Fatal write error on datagram transport")
        return True

    def _write_ready(self) -> None:
        while self._buffer.waiting:
            data, address = self._buffer.head()
            if not self._send(data, address):
                break
            # A fatal error, or error_received() when it aborts, has emptied the queue.
            if self._life.is_lost:
                return
            self._buffer.pop()
        self._maybe_resume_protocol()
        if self._buffer.waiting or self._life.is_lost:
            return
        self._loop._remove_writer(self._fd)
        if self._life.is_closing and self._life.end():
            self._call_connection_lost(None)

    def _has_unsent(self) -> bool:
        return bool(self._buffer.waiting)
