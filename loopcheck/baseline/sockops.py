"""The sock_* methods: socket calls that wait in the loop instead of blocking the thread.

Each tries its system call at once, and where that would block it waits for the descriptor and tries again.
The call is made by the awaiting task, never by the watcher's callback: a task that is cancelled while its socket
becomes ready has not taken anything out of it, so no byte and no connection is lost.
"""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Any

from .contract import settle
from .watchers import FdWatching

_WOULD_BLOCK = (BlockingIOError, InterruptedError)


class SocketOperations(FdWatching):
    """sock_recv(), sock_sendall(), sock_connect(), sock_accept() and their relatives."""

    async def sock_recv(self, sock: socket.socket, nbytes: int) -> bytes:
        """Receive up to *nbytes* bytes; none at all means end of stream."""
        self._check_socket(sock)
        while True:
            try:
                return sock.recv(nbytes)
            except _WOULD_BLOCK:
                await self._readable(sock)

    async def sock_recv_into(self, sock: socket.socket, buf: Any) -> int:
        """Receive into *buf*; returns how many bytes."""
        self._check_socket(sock)
        while True:
            try:
                return sock.recv_into(buf)
            except _WOULD_BLOCK:
                await self._readable(sock)

    async def sock_recvfrom(self, sock: socket.socket, bufsize: int) -> tuple[bytes, Any]:
        """Receive one datagram; returns it and its sender."""
        self._check_socket(sock)
        while True:
            try:
                return sock.recvfrom(bufsize)
            except _WOULD_BLOCK:
                await self._readable(sock)

    async def sock_recvfrom_into(self, sock: socket.socket, buf: Any, nbytes: int = 0) -> tuple[int, Any]:
        """Receive one datagram into *buf*; returns its size and its sender."""
        self._check_socket(sock)
        while True:
            try:
                return sock.recvfrom_into(buf, nbytes)
            except _WOULD_BLOCK:
                await self._readable(sock)

    async def sock_sendall(self, sock: socket.socket, data: Any) -> None:
        """Send all of *data*."""
        self._check_socket(sock)
        try:
            sent = sock.send(data)
        except _WOULD_BLOCK:
            sent = 0
        if sent == len(data):
            return
        rest = memoryview(data).cast("B")[sent:]
        while rest:
            await self._writable(sock)
            try:
                rest = rest[sock.send(rest) :]
            except _WOULD_BLOCK:
                continue

    async def sock_sendto(self, sock: socket.socket, data: Any, address: Any) -> int:
        """Send one datagram to *address*; returns how many bytes."""
        self._check_socket(sock)
        while True:
            try:
                return sock.sendto(data, address)
            except _WOULD_BLOCK:
                await self._writable(sock)

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connect *sock* to *address*, looking up a host name if need be."""
        self._check_socket(sock)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            found = await self._ensure_resolved(
                address, family=sock.family, type=sock.type, proto=sock.proto, loop=self
            )
            address = found[0][4]
        try:
            sock.connect(address)
            return
        except _WOULD_BLOCK as exc:
            # Not "in progress": a Unix listener whose queue is full says "try again", and would never call back.
            if exc.errno == errno.EAGAIN:
                raise
        # Also after EINTR the system goes on connecting, and reports the outcome in the same way.
        await self._writable(sock)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, f"Connect call failed {address}")

    async def sock_accept(self, sock: socket.socket) -> tuple[socket.socket, Any]:
        """Accept a connection; returns its non-blocking socket and its peer's address."""
        self._check_socket(sock)
        while True:
            try:
                connection, address = sock.accept()
            except _WOULD_BLOCK:
                await self._readable(sock)
            else:
                connection.setblocking(False)
                return connection, address

    def _check_socket(self, sock: socket.socket) -> None:
        if isinstance(sock, ssl.SSLSocket):
            raise TypeError("Socket cannot be of type SSLSocket")
        if self._debug and sock.gettimeout() != 0:
            raise ValueError("the socket must be non-blocking")

    async def _readable(self, sock: socket.socket) -> None:
        """Wait until *sock*, which no transport may own, is readable."""
        fd = self._free_fd(sock.fileno())
        ready = self.create_future()
        handle = self._add_reader(fd, settle, ready)
        try:
            await ready
        finally:
            # Another call may have replaced our watcher by now, for this socket or another one with its number.
            if not handle.cancelled():
                self._remove_reader(fd)

    async def _writable(self, sock: socket.socket) -> None:
        """Wait until *sock*, which no transport may own, is writable."""
        fd = self._free_fd(sock.fileno())
        ready = self.create_future()
        handle = self._add_writer(fd, settle, ready)
        try:
            await ready
        finally:
            if not handle.cancelled():
                self._remove_writer(fd)
